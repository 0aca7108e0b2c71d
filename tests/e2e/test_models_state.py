"""What four models keep: cartridge memory, resets, loading and locking, name and clock."""

from __future__ import annotations

import re

import pytest

from tests.e2e.models import Model
from tests.e2e.tools import READ_POSITION, Tools, dump

pytestmark = pytest.mark.guest

NOT_READY = 2
"""Exit status of the sg3 utilities."""
# Identifier, format (binary, ASCII, text), value, what sg_read_attr prints.
HOST = (
    (0x0800, 1, b"KEYREEL ", "Application vendor: KEYREEL \n"),
    (0x0801, 1, b"models".ljust(32), f"Application name: {'models':32}\n"),
    (0x0803, 2, b"A label".ljust(160, b"\0"), "User medium text label: A label\n"),
    (0x0805, 0, b"\x81", "Text localization identifier: 129\n"),
    (0x0806, 1, b"KRL000".ljust(32), f"Barcode: {'KRL000':32}\n"),
    (0x080C, 0, bytes(range(70)), "Volume coherency information: \n 00     00 01 02 03"),
)


def attribute(identifier: int, form: int, value: bytes) -> bytes:
    """One attribute of a parameter list."""
    return identifier.to_bytes(2, "big") + bytes((form,)) + len(value).to_bytes(2, "big") + value


def write_attributes(unit: Tools, *attributes: bytes) -> str:
    """WRITE ATTRIBUTE; its sense."""
    body = b"".join(attributes)
    data = len(body).to_bytes(4, "big") + body
    return unit.raw(
        f"8d{' 00' * 11} {len(data) >> 8:02x} {len(data) & 255:02x} 00 00", out=data
    ).sense


@pytest.mark.req(
    "SSC-RATTR-01", "SSC-RATTR-02", "SSC-RATTR-03", "SSC-RATTR-04", "SSC-RATTR-05", "SSC-RATTR-09",
    "SSC-MAM-0000", "SSC-MAM-0003", "SSC-MAM-0005", "SSC-MAM-0006", "SSC-MAM-0008", "SSC-MAM-020A",
    "SSC-MAM-0404", "SSC-MAM-0408", "SSC-CMD-8C",
)  # fmt: skip
def test_the_cartridge_memory(tape: Tools, model: Model) -> None:
    """By sg_read_attr: its values, lists of what there is and of what there may be."""
    (_, values), (_, listed), (_, supported), (_, volumes), (_, partitions), (_, log) = tape.each(
        *(f"sg_read_attr -s {action} $SG" for action in (0, 1, 5, 2, 3)), "sg_logs -p 0x17 $SG"
    )
    fields = dict(re.findall(r"^  (\S.*?): (\S.*?) *$", values, re.M))
    loads = re.search(r"Thread count: (\d+)", log)
    assert loads and fields["Load count"] == loads[1]
    assert (
        fields["Remaining capacity in partition [MiB]"]
        == (fields["Maximum capacity in partition [MiB]"])
    )
    code = f"0x{model.density:x}"
    assert (fields["Format density code"], fields["Medium density code"]) == (code, code)
    assert fields["Volume identifier"] == model.barcode
    assert fields["Assigning organization"] == model.organization
    drive = fields["Density vendor/serial number at last load"]
    assert drive.split() == [model.vendor, tape.serial]
    assert fields["Medium type"] == "0x0"

    def names(text: str) -> list[str]:
        return re.findall(r"^ {2,6}(\S.*)$", text, re.M)

    # Every value has its line in the list, and everything listed is supported.
    assert [name for name in names(listed) if f"  {name}:" not in values] == [
        "Logical position of first unencrypted block -"
    ]
    there, possible = names(listed), names(supported)
    assert [name for name in possible if name in there] == there
    assert {"Application vendor", "User medium text label", "Barcode"} <= set(possible) - set(there)
    assert "Number of logical volumes available: 1" in volumes
    assert "Number of partitions available: 1" in partitions


@pytest.mark.req(
    "SSC-WATTR-01", "SSC-WATTR-02", "SSC-WATTR-03", "SSC-RATTR-06", "SSC-RATTR-07", "SSC-RATTR-08",
    "SSC-RATTR-10", "SSC-MAM-0800", "SSC-MAM-0803", "SSC-MAM-0805", "SSC-MAM-0806", "SSC-MAM-080C",
    "SSC-CMD-8D",
)  # fmt: skip
def test_attributes_of_the_host(tape: Tools) -> None:
    """What WRITE ATTRIBUTE writes is shown, stays over a load, and goes when it has no length."""
    assert write_attributes(tape, *(attribute(*row[:3]) for row in HOST)) == ""
    (_, said), _, (unthreaded, _) = tape.each(
        "sg_read_attr -F 0x800 $SG", "mt -f $TAPE offline", "sg_read_attr -F 0x800 $SG"
    )
    assert all(f"  {words}" in said for *_, words in HOST)
    assert unthreaded == NOT_READY
    # Held in the drive without being threaded, the cartridge still has its memory.
    hold, (_, said), load, (_, again) = tape.each(
        "sg_raw $SG 1b 00 00 00 09 00", "sg_read_attr -F 0x800 $SG", "mt -f $TAPE load",
        "sg_read_attr -F 0x800 $SG",
    )  # fmt: skip
    assert (hold[0], load[0]) == (0, 0)
    assert all(f"  {words}" in text for *_, words in HOST for text in (said, again))

    label = attribute(0x0803, 2, b"Other".ljust(160, b"\0"))
    pointer = "Sense Key Specific: Error in Data parameters: byte"
    wrong = "Illegal Request; Invalid field in parameter list; "
    # Read-only, and with it nothing else is taken.
    refused = write_attributes(tape, attribute(0x0003, 0, bytes(8)), label)
    assert refused == f"{wrong}{pointer} 4"
    none = [attribute(identifier, form, b"") for identifier, form, *_ in HOST]
    done = tape.each(
        "sg_read_attr -f 0x803 $SG", "sg_read_attr -v -F 0x7ff $SG", "sg_read_attr -v -s 4 $SG",
        "sg_read_attr -v -p 1 $SG",
    )  # fmt: skip
    assert done[0] == (0, "  User medium text label: A label\n")
    assert [re.findall(r"Error in Command: byte (\d)", text) for _, text in done[1:]] == [
        ["8"], ["1"], ["7"]
    ]  # fmt: skip
    assert write_attributes(tape, *none) == ""
    assert "Application" not in tape.ok("sg_read_attr $SG")


ON = bytes.fromhex("0010 0030 40 00 02 02 01 00 00 00" + "00" * 6 + "0020") + bytes(range(32))


@pytest.mark.req(
    "SSC-SENSE-6-29-00", "SSC-UA-03", "SSC-MODE-10", "SSC-PREVENT-02", "SSC-RPOS-03", "SSC-TMF-02",
)  # fmt: skip
@pytest.mark.parametrize("option", ["-d", "-t"])
def test_a_reset(tape: Tools, model: Model, option: str) -> None:
    """Of the device or of the target: keys, mode parameters, prevention go; the tape stays."""
    tape.ok("mt -f $TAPE weof 2; mt -f $TAPE setblk 1024; mt -f $TAPE compression 0")
    assert tape.raw("b5 20 00 10 00 00 00 00 00 34 00 00", out=ON).status == 0
    state = ("sg_logs -p 0x11 $SG", "sg_modes -p 0x0f $SG", f"sg_raw -r 32 $SG {READ_POSITION}")
    lock, (_, before), (_, page), _ = tape.each("mt -f $TAPE lock", *state)
    assert lock[0] == 0
    assert "PAMR=1" in before and "EPP=1" in before and "CMPR=0" in before
    assert dump(page.partition(">> ")[0])[5:] == b"\0\x04\0"
    reset, (_, attention), ready, (_, after), (_, page), (_, position), unload = tape.each(
        f"sg_reset {option} $SG", "sg_turs -v $SG", "sg_turs $SG", *state,
        "sg_raw $SG 1b 00 00 00 00 00",
    )  # fmt: skip
    assert (reset[0], ready[0], unload[0]) == (0, 0, 0)
    # The kernel tells of it in its own words, once.
    assert "Sense key: Unit Attention\nAdditional sense: Bus device reset function" in attention
    assert "PAMR=0" in after and "EPP=0" in after and "CMPR=1" in after
    assert dump(page.partition(">> ")[0])[5:] == bytes(3), "the block length"
    # Page 10h says not to rewind (ROR), or leaves it to the drive.
    assert dump(position)[15] == 2
    tape.mt("load")
    tape.settle()


@pytest.mark.req("SSC-MODE-10", "SSC-RPOS-06")
def test_st_after_a_reset(tape: Tools) -> None:
    """st does not know where the tape is: nothing but a rewind or a seek will do."""
    steps = tape.steps(
        "weof 2", "sg_reset -d $SG; sg_turs $SG|fsf 1", "rewind", "fsf 1",
        "sg_reset -d $SG|status", "rewind",
    )  # fmt: skip
    assert [step.status for step in steps] == [0, 2, 0, 0, 0, 0]
    assert steps[1].drive == (0, 2, 2)
    assert (steps[3].st, steps[3].drive) == ((0, 1, 0), (0, 1, 1))
    # It takes the unit attention itself for a new tape.
    assert "BOT" in steps[5].flags
    assert steps[5].drive == (0, 0, 0)
    tape.settle()


@pytest.mark.req("SSC-MODE-10", "SSC-MODE-R3")
def test_rewinding_on_a_reset(tape: Tools) -> None:
    """REWIND ON RESET 01b in page 10h, where the drive lets it be changed, does that."""
    mask = dump(tape.ok("sg_modes -D -c 1 -p 0x10 $SG"))
    changeable = mask[15] & 0x18 == 0x18
    zeros = ",".join("0" * 13)
    status, _ = tape.each(
        f"sg_wr_mode -p 10 -m 0,0,{zeros},18 -c 10,e,{zeros},8 $SG", "mt -f $TAPE weof 2"
    )[0]
    assert (status == 0) == changeable
    _, _, (_, position) = tape.each(
        "sg_reset -d $SG", "sg_turs $SG", f"sg_raw -r 32 $SG {READ_POSITION}"
    )
    assert dump(position)[15] == (0 if changeable else 2)
    tape.settle()


def test_resets_that_the_kernel_has_not(tape: Tools) -> None:
    """tcm_loop knows no reset of a bus or a host: nothing reaches the drive."""
    tape.mt("setblk 1024")
    bus, host, ready, modes, _ = tape.each(
        "sg_reset -b $SG", "sg_reset -H $SG", "sg_turs $SG", "sg_modes -p 0x0f $SG",
        "mt -f $TAPE setblk 0",
    )  # fmt: skip
    assert "may not be available" in bus[1] and "may not be available" in host[1]
    assert ready[0] == 0
    assert dump(modes[1].partition(">> ")[0])[5:] == b"\0\x04\0"


@pytest.mark.req(
    "SSC-PREVENT-01", "SSC-LOAD-06", "SSC-LOAD-07", "SSC-LOAD-08", "SSC-TUR-01", "SSC-TUR-02",
    "SSC-RSENSE-01", "SSC-RSENSE-02", "SSC-SENSE-6-28-00", "SSC-SENSE-5-53-02",
)  # fmt: skip
def test_loading_and_asking(tape: Tools) -> None:
    """START STOP UNIT is LOAD UNLOAD for a tape: sg_start loads and unloads."""
    done = tape.each(
        "sg_turs -n 100 $SG", "sg_requests $SG", "sg_requests -d $SG", "sg_prevent $SG",
        "sg_start -v --stop $SG", "sg_prevent --allow $SG", "sg_start --stop $SG", "sg_turs -v $SG",
        "sg_requests $SG", "sg_start --start $SG", "sg_requests $SG", "sg_requests $SG",
        "sg_start --eject $SG", "sg_start --load $SG",
    )  # fmt: skip
    said = [text for _, text in done]
    assert done[0][0] == 0
    assert "Sense key: No Sense" in said[1] and "Descriptor format" in said[2]
    assert "Medium removal prevented" in said[4] and done[4][0] != 0
    assert done[6] == (0, "")
    assert "Sense key: Not Ready\nAdditional sense: Medium not present\n" in said[7]
    assert "Medium not present" in said[8] or "No Sense" in said[8]
    assert done[9] == (0, "")
    # The unit attention of the load comes as data, once.
    assert "Unit Attention\nAdditional sense: Not ready to ready change" in said[10]
    assert "No Sense" in said[11]
    # What is LOEJ for a disk is RETEN for a tape: they unload and load again.
    assert done[12] == (0, "")
    tape.run("sg_turs $SG")
    assert tape.mt("load") == ""


@pytest.mark.req(
    "SSC-TIME-01", "SSC-TIME-02", "SSC-TIME-03", "SSC-CMD-A3-05", "SSC-CMD-A4-06", "SSC-CMD-A3-0F",
    "SSC-CMD-A4-0F",
)  # fmt: skip
def test_clock_and_name(tape: Tools, model: Model) -> None:
    then = 1_700_000_000_000
    *_, (_, now), (named, name) = tape.each(
        f"sg_timestamp --milliseconds={then} $SG", "printf 'a name of mine' >name",
        "sg_ident --set $SG <name", "sg_timestamp $SG", "sg_ident --ascii $SG",
    )  # fmt: skip
    # Time goes on from what was set.
    assert then <= int(now) < then + 3_600_000
    data = tape.raw("a3 0f 00 00 00 00 00 00 00 0c 00 00", 12).data
    assert data[:2] == b"\x00\x0a" and data[2] & 7 == 2, "set by SET TIMESTAMP"
    if "Set identifying information" in model.commands:
        assert (named, name) == (0, "a name of mine\n")
        assert tape.each("sg_ident --clear $SG", "sg_ident $SG") == [(0, ""), (0, "")]
    else:
        assert "Illegal request" in name
