"""READ ATTRIBUTE and WRITE ATTRIBUTE at the interface: CDBs, lists, errors, durability."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from target.medium.cartridge import Cartridge
from target.medium.formats import TYPES, Kind
from target.scsi import sense as s
from target.scsi.sense import Sense
from target.tape import mam
from target.tape.mam_table import ATTRIBUTES, Attribute
from target.tape.tape_alert import Flag
from tests.tape.host import GOOD, Host, sense_of, tape
from tests.tape.memory import (
    ASCII,
    BINARY,
    LIST,
    PARTITIONS,
    READ_ONLY,
    SUPPORTED,
    TEXT,
    VALUES,
    VOLUMES,
    attribute,
    coherency,
    everything,
    hosts_own,
    identifiers,
    number,
    parse,
    partitioned,
    read,
    reopen,
    send_list,
    value,
    write,
)

ACTIONS = (VALUES, LIST, VOLUMES, PARTITIONS, SUPPORTED)
LABEL = attribute(0x0803, b"label", TEXT)


def in_cdb(byte: int, bit: int) -> Sense:
    return Sense(s.INVALID_FIELD_IN_CDB, pointer=(byte, bit))


def in_list(byte: int, bit: int | None = None) -> Sense:
    return Sense(s.INVALID_PARAMETER, pointer=(byte, bit), in_cdb=False)


# --- READ ATTRIBUTE --------------------------------------------------------------------------


@pytest.mark.req("SSC-RATTR-01", "SSC-CMD-8C")
def test_values_from_an_identifier_on(host: Host) -> None:
    assert write(host, LABEL, attribute(0x1623, b"\1")).status == GOOD
    whole = everything(host)
    for first in whole:
        found = parse(read(host, first=first).data)
        assert found.keys() == {number for number in whole if number >= first}
    assert read(host, first=0x1623).data.hex() == "00000006" + "1623" + "00" + "0001" + "01"
    assert (
        read(host, first=0x0803)
        .data.hex()
        .startswith(
            "000000"
            + f"{5 + 5 + 33 + 29 + 6:02x}"
            + "0803"
            + "02"
            + "0005"
            + b"label".hex()
            + "1000"
        )
    )


@pytest.mark.req("SSC-RATTR-06")
@pytest.mark.parametrize("first", [0x0806, 0x000A, 0x0BFF, 0x1400, 0x1800, 0xFFFF])
def test_first_identifier_must_exist(host: Host, first: int) -> None:
    """As an IBM drive answers where no barcode was written: pointer to byte 8, bit 7."""
    assert sense_of(read(host, first=first)) == in_cdb(8, 7)


@pytest.mark.req("SSC-RATTR-02", "SSC-RATTR-05")
def test_lists_of_identifiers(host: Host) -> None:
    own = [row.id for row in ATTRIBUTES if row.read_only]
    assert identifiers(host, LIST) == own
    assert identifiers(host, SUPPORTED) == sorted(row.id for row in ATTRIBUTES if not row.optional)
    assert write(host, LABEL, attribute(0x1623, b"\1")).status == GOOD
    assert identifiers(host, LIST) == sorted([*own, 0x0803, 0x1623]) == list(everything(host))
    assert 0x1623 in identifiers(host, SUPPORTED)


@pytest.mark.req("SSC-RATTR-03", "SSC-RATTR-04")
def test_volumes_and_partitions(host: Host) -> None:
    assert read(host, VOLUMES).data.hex() == "00020001"
    assert read(host, PARTITIONS).data.hex() == "00020001"
    with partitioned() as two:
        assert read(two, VOLUMES).data.hex() == "00020001"
        assert read(two, PARTITIONS).data.hex() == "00020002"


@pytest.mark.req("SSC-RATTR-08")
def test_volumes_and_partitions_that_are_not_there() -> None:
    with partitioned() as host:
        for action in (VALUES, LIST, SUPPORTED):
            assert read(host, action, partition=1).status == GOOD
            assert sense_of(read(host, action, partition=2)) == in_cdb(7, 7)
            assert sense_of(read(host, action, volume=1)) == in_cdb(5, 7)
        assert sense_of(read(host, PARTITIONS, volume=1)) == in_cdb(5, 7)
        assert sense_of(write(host, LABEL, partition=2)) == in_cdb(7, 7)
        assert sense_of(write(host, LABEL, volume=1)) == in_cdb(5, 7)
        # What a service action does not look at may be anything.
        assert read(host, VOLUMES, 0xFFFF, volume=9, partition=9).status == GOOD
        assert read(host, PARTITIONS, 0xFFFF, partition=9).status == GOOD
        assert read(host, LIST, 0xFFFF).status == GOOD
        assert read(host, SUPPORTED, 0xFFFF).status == GOOD


@pytest.mark.req("SSC-RATTR-06")
def test_other_service_actions_and_element_addresses(host: Host) -> None:
    for action in set(range(32)) - set(ACTIONS):
        assert sense_of(read(host, action)) == in_cdb(1, 4)
    cdb = bytearray(16)
    cdb[0], cdb[13] = 0x8C, 0xFF
    cdb[3] = 0x10
    assert sense_of(host.send(bytes(cdb), size=255)) == in_cdb(3, 4)


@pytest.mark.req("SSC-RATTR-01", "SSC-RATTR-02")
@pytest.mark.parametrize("action", ACTIONS)
def test_allocation_length_cuts_and_changes_nothing(host: Host, action: int) -> None:
    whole = read(host, action).data
    for allocation in (0, 1, 3, 4, 5, len(whole) - 1, len(whole), len(whole) + 1):
        reply = read(host, action, allocation=allocation)
        assert (reply.status, reply.data) == (GOOD, whole[:allocation])


@pytest.mark.req("SSC-RATTR-07")
@pytest.mark.parametrize("action", ACTIONS)
def test_without_a_cartridge(host: Host, action: int) -> None:
    assert read(host, action, cache=True).status == GOOD, "CACHE is ignored with one"
    host.load(load=False)
    for cache in (False, True):
        assert sense_of(read(host, action, cache=cache)).code == s.NO_MEDIUM
    assert sense_of(write(host, LABEL)).code == s.NO_MEDIUM
    cartridge = host.drive.eject()
    assert cartridge is not None
    assert sense_of(read(host, action)).code == s.NO_MEDIUM
    cartridge.close()


@pytest.mark.req("SSC-RATTR-10", "SSC-LOAD-03")
def test_memory_of_a_cartridge_that_is_held(host: Host) -> None:
    unload_and_hold = bytes((0x1B, 0, 0, 0, 0x08, 0))
    assert host.send(unload_and_hold).status == GOOD
    assert sense_of(host.ready()).code.key == 2
    assert write(host, LABEL).status == GOOD
    assert hosts_own(host) == {0x0803: b"label"}
    assert host.load().status == GOOD
    host.hear()
    assert hosts_own(host) == {0x0803: b"label"}


@pytest.mark.req("SSC-RATTR-01")
def test_memory_can_be_read_where_the_tape_cannot() -> None:
    with tape(barcode="KRL001L5") as host:
        assert sense_of(host.read(1)).code == s.INCOMPATIBLE_MEDIUM
        assert number(host, 0x0006) == 0x58


@pytest.mark.req("SSC-WATTR-04", "SSC-SENSE-3-11-12")
def test_a_chip_that_does_not_answer(host: Host) -> None:
    assert host.drive.cartridge is not None
    host.drive.cartridge.info["damage"] = ["memory"]
    for action in ACTIONS:
        assert sense_of(read(host, action)).code == s.MEMORY_READ_ERROR
    assert sense_of(write(host, LABEL)).code == s.MEMORY_WRITE_ERROR
    host.drive.cartridge.info["damage"] = []
    assert hosts_own(host) == {}


# --- WRITE ATTRIBUTE -------------------------------------------------------------------------


LTFS = {
    "vendor": attribute(0x0800, b"IBM     ", ASCII),
    "name": attribute(0x0801, b"LTFS".ljust(32), ASCII),
    "version": attribute(0x0802, b"2.4.8.2 ", ASCII),
    "label": attribute(0x0803, "Bänder".encode().ljust(160, b"\0"), TEXT),
    "written": attribute(0x0804, b"202611211330", ASCII),
    "localization": attribute(0x0805, b"\x81"),
    "barcode": attribute(0x0806, b"KRL001".ljust(32), ASCII),
    "owner": attribute(0x0807, b"host".ljust(80, b"\0"), TEXT),
    "pool": attribute(0x0808, b"pool".ljust(160, b"\0"), TEXT),
    "format": attribute(0x080B, b"2.4.0".ljust(16), ASCII),
    "coherency": attribute(0x080C, coherency(1)),
    "guid": attribute(0x0820, b"30a91a08-daae-48d1-ae75-69804e61d2ea"),
    "pool guid": attribute(0x0821, bytes(range(36))),
    "lock": attribute(0x1623, b"\x00"),
}


@pytest.mark.req("SSC-MAM-0800", "SSC-MAM-0803", "SSC-MAM-0804", "SSC-MAM-0805", "SSC-MAM-0806")
@pytest.mark.req("SSC-MAM-0807", "SSC-MAM-080B", "SSC-MAM-080C", "SSC-MAM-0820", "SSC-MAM-1623")
@pytest.mark.req("SSC-CMD-8D")
@pytest.mark.parametrize("sent", LTFS.values(), ids=LTFS)
def test_what_backup_programs_write_is_read_back(host: Host, sent: bytes) -> None:
    """LTFS says four bytes too many in the list's header: nobody looks."""
    assert write(host, sent, said=len(sent) + 4).status == GOOD
    identifier = int.from_bytes(sent[:2], "big")
    assert read(host, first=identifier).data[4 : 4 + len(sent)] == sent
    assert identifier in hosts_own(reopen(host))


@pytest.mark.req("SSC-WATTR-01")
def test_all_of_it_at_once(host: Host) -> None:
    sent = list(LTFS.values())
    before = number(host, 0x0004)
    assert write(host, *sent).status == GOOD
    assert before - number(host, 0x0004) == sum(map(len, sent))
    assert {n: v.hex() for n, v in hosts_own(host).items()} == {
        int.from_bytes(item[:2], "big"): item[5:].hex() for item in sent
    }


@pytest.mark.req("SSC-MAM-080C", "SSC-RATTR-08")
def test_volume_coherency_of_two_partitions_as_ltfs_keeps_it() -> None:
    with partitioned() as host:
        for partition, block in ((0, 6), (1, 99)):
            sent = attribute(0x080C, coherency(7, generation=3, block=block))
            assert len(sent) == 75
            assert write(host, sent, partition=partition).status == GOOD
        again = reopen(host)
        for partition, block in ((0, 6), (1, 99)):
            reply = read(again, first=0x080C, partition=partition, allocation=4 + 75)
            found = reply.data[9:]
            assert reply.data[4:9].hex() == "080c000046"
            assert found[:9].hex() == "080000000000000007"
            assert found[9:25].hex() == f"{3:016x}{block:016x}"
            assert found[25:32] == b"\0\x2bLTFS\0" and found[68:] == b"\0\1"
        left = again.drive.eject()
        assert left is not None
        left.close()


@pytest.mark.req("SSC-WATTR-02")
def test_length_zero_removes(host: Host) -> None:
    first, second = attribute(0x0801, b"name", ASCII), attribute(0x1500, b"own", TEXT)
    assert write(host, first, second).status == GOOD
    assert everything(host)[0x1500].flags == TEXT
    assert write(host, attribute(0x1500, b"")).status == GOOD
    assert hosts_own(host) == {0x0801: b"name"}
    assert sense_of(read(host, first=0x1500)) == in_cdb(8, 7)
    assert write(host, attribute(0x1500, b"new")).status == GOOD
    assert everything(host)[0x1500].flags == BINARY, "the format went with it"
    # One that does not exist: no error.
    assert write(host, attribute(0x0800, b""), attribute(0x1700, b"")).status == GOOD


@pytest.mark.req("SSC-WATTR-03")
@pytest.mark.parametrize("row", [row for row in ATTRIBUTES if row.read_only], ids=lambda r: r.name)
def test_read_only_attributes(host: Host, row: Attribute) -> None:
    before = everything(host)
    for content in (bytes(row.size), b""):
        reply = write(host, attribute(row.id, content, row.format), LABEL)
        assert sense_of(reply) == in_list(4)
    assert everything(host) == before


@pytest.mark.req("SSC-WATTR-01")
@pytest.mark.parametrize("identifier", [0x000A, 0x0BFF, 0x0809, 0x0C00, 0x1002, 0x1800, 0xFFFF])
def test_unknown_attributes(host: Host, identifier: int) -> None:
    assert sense_of(write(host, LABEL, attribute(identifier, b"A"))).code == s.INVALID_PARAMETER
    assert hosts_own(host) == {}


WRONG = [
    # what is sent behind the label, which takes bytes 4 to 13; where the error is
    pytest.param(attribute(0x0802, b"1", ASCII), (14, None), id="not ascending"),
    pytest.param(LABEL, (14, None), id="twice"),
    pytest.param(attribute(0x0806, b"A", TEXT), (16, 1), id="text for ASCII"),
    pytest.param(attribute(0x0806, b"A", BINARY), (16, 1), id="binary for ASCII"),
    pytest.param(attribute(0x0805, b"\x81", ASCII), (16, 1), id="ASCII for binary"),
    pytest.param(attribute(0x1500, b"A", 3), (16, 1), id="reserved format"),
    pytest.param(attribute(0x0806, b"A", 0x41), (16, 6), id="reserved bit"),
    pytest.param(attribute(0x0806, bytes(33), ASCII), (17, None), id="too long"),
    pytest.param(attribute(0x0805, b"\0\0"), (17, None), id="longer than it is"),
    pytest.param(attribute(0x0820, bytes(35)), (17, None), id="shorter than it is"),
    pytest.param(attribute(0x0805, b"\x0b"), (19, None), id="reserved value"),
]


@pytest.mark.req("SSC-WATTR-01", "SSC-WATTR-03")
@pytest.mark.parametrize(("wrong", "pointer"), WRONG)
def test_wrong_attributes_change_nothing(
    host: Host, wrong: bytes, pointer: tuple[int, int | None]
) -> None:
    assert write(host, attribute(0x0803, b"old", TEXT)).status == GOOD
    before = everything(host)
    assert sense_of(write(host, LABEL, wrong, attribute(0x1600, b"x"))) == in_list(*pointer)
    assert everything(host) == before


@pytest.mark.req("SSC-WATTR-01")
def test_read_only_bit_and_short_text_are_taken(host: Host) -> None:
    assert write(host, attribute(0x0806, b"KRL001L9", READ_ONLY | ASCII)).status == GOOD
    found = everything(host)[0x0806]
    assert (found.flags, found.value) == (ASCII, b"KRL001L9")


@pytest.mark.req("SSC-WATTR-01")
def test_lengths_of_the_list(host: Host) -> None:
    assert send_list(host, b"").status == GOOD
    assert send_list(host, bytes(4)).status == GOOD
    whole = bytes(4) + LABEL + attribute(0x1500, b"abc")
    boundaries = {4, 4 + len(LABEL), len(whole)}
    for length in range(1, len(whole)):
        reply = send_list(host, whole[:length])
        if length in boundaries:
            assert reply.status == GOOD
            assert write(host, attribute(0x0803, b"")).status == GOOD
        else:
            assert sense_of(reply).code == s.PARAMETER_LIST_LENGTH
            assert hosts_own(host) == {}
    # The initiator sends less than the CDB says.
    cdb = bytes((0x8D, *bytes(12), len(whole), 0, 0))
    assert sense_of(host.send(cdb, out=whole[:-1])).code == s.DATA_PHASE_ERROR
    assert hosts_own(host) == {}


@pytest.mark.req("SSC-WATTR-05", "SSC-MAM-0004")
def test_space_is_what_the_memory_says() -> None:
    with partitioned() as host:
        room = number(host, 0x0004)
        assert room == mam.space(TYPES["L9"].memory)
        fill = attribute(0x1400, bytes(room - 5))
        too_much = attribute(0x1400, bytes(room - 4))
        full = Sense(s.MEMORY_FULL)
        assert sense_of(write(host, LABEL, too_much)) == full
        assert hosts_own(host) == {} and number(host, 0x0004) == room
        assert write(host, fill, partition=1).status == GOOD
        assert number(host, 0x0004) == number(host, 0x0004, 1) == 0
        assert sense_of(write(host, LABEL)) == full, "partitions share it"
        assert write(host, attribute(0x1400, b""), partition=1).status == GOOD
        assert write(host, LABEL).status == GOOD
        # Replacing counts the difference only, removing makes room in the same list.
        most = attribute(0x1400, bytes(room - len(LABEL) - 5))
        assert write(host, most).status == GOOD
        assert write(host, most).status == GOOD
        assert write(host, attribute(0x0803, b""), fill).status == GOOD


@pytest.mark.req("SSC-SENSE-7-27-00")
def test_a_protected_cartridge() -> None:
    with tape(protect=True) as host:
        assert sense_of(write(host, LABEL)).code == s.WRITE_PROTECTED
        assert Flag.WRITE_PROTECT in host.drive.alerts.active
        assert hosts_own(host) == {}


@pytest.mark.req("SSC-WATTR-01", "SSC-MAM-0408")
def test_a_worm_cartridge_takes_attributes() -> None:
    with tape(barcode="KRL001LZ") as host:
        assert host.drive.cartridge is not None
        assert host.drive.cartridge.type.kind is Kind.WORM
        host.write_tape([b"data"])
        assert write(host, LABEL).status == GOOD
        assert write(host, attribute(0x0803, b"other", TEXT)).status == GOOD
        assert value(host, 0x0803) == b"other"


@pytest.mark.req("SSC-WATTR-06")
@pytest.mark.parametrize("through", [True, False])
def test_durable_when_it_is_good(host: Host, through: bool) -> None:
    """What is in the file then is what a loss of power leaves."""
    assert write(host, LABEL, through=through).status == GOOD
    cartridge = host.drive.cartridge
    assert isinstance(cartridge, Cartridge)
    kept = json.loads((cartridge.folder / "cartridge.json").read_text(encoding="utf-8"))
    assert kept["attributes"] == {"0": {"0803": b"label".hex()}}


@pytest.mark.req("SSC-WATTR-04")
def test_a_memory_that_cannot_be_written(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    assert write(host, LABEL, attribute(0x1500, b"own", TEXT)).status == GOOD
    before = everything(host)

    def full() -> None:
        raise OSError("no space")

    monkeypatch.setattr(host.drive.cartridge, "save", full)
    reply = write(host, attribute(0x0803, b"new", TEXT), attribute(0x1500, b"new"))
    assert sense_of(reply).code == s.MEMORY_WRITE_ERROR
    monkeypatch.undo()
    assert everything(host) == before
    assert hosts_own(reopen(host)) == {0x0803: b"label", 0x1500: b"own"}


@pytest.mark.req("SSC-RATTR-01", "SSC-MAM-0340", "SSC-MAM-080C")
@pytest.mark.skipif(not shutil.which("sg_read_attr"), reason="sg3-utils are not installed")
def test_sg3_utils_understand_all_of_it(host: Host, tmp_path: Path) -> None:
    host.write_tape([bytes(3 << 20)])
    assert write(host, *LTFS.values()).status == GOOD
    kept = tmp_path / "values"
    kept.write_bytes(read(host).data)
    told = subprocess.run(
        ["sg_read_attr", f"--in={kept}", "--raw"], capture_output=True, text=True, check=True
    ).stdout
    lines = {line.strip() for line in told.splitlines()}
    assert lines >= {
        "Maximum capacity in partition [MiB]: 64",
        "Load count: 1",
        "Volume change reference: 0x1",
        "Total MiB written in medium life: 3",
        "Current amount of data written [MiB]: 3",
        "Total partition initialization count: 0",
        "Medium length [m]: 1035",
        "Medium type: 0x0",
        "Application vendor: IBM",
        "Text localization identifier: 129",
        "Media pool: pool",
        "00     08 00 00 00 00 00 00 00  01 00 00 00 00 00 00 00    ................",
        "Vendor specific host attribute 0x1623:",
    }
