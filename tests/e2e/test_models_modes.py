"""Mode pages of four models as sg_modes prints them and sg_wr_mode changes them."""

from __future__ import annotations

import re

import pytest

from tests.e2e.models import Model
from tests.e2e.tools import Tools, dump

pytestmark = pytest.mark.guest

Pages = dict[tuple[int, int], bytes]
VENDOR = 0x20
"""The first vendor-specific page of tapes: sg_modes has no name for one."""


def pages(said: str) -> Pages:
    """By page and subpage code, what sg_modes printed; a page below `VENDOR` has a name."""
    found: Pages = {}
    for section in said.split("\n>> ")[1:]:
        data = dump(section)
        sub = bool(data[0] & 0x40)
        length = int.from_bytes(data[2:4], "big") + 4 if sub else data[1] + 2
        assert len(data) == length, section
        code = data[0] & 0x3F
        assert section.startswith("page_code") == (code >= VENDOR), section
        assert (code, data[1] * sub) not in found, section
        found[code, data[1] * sub] = data
    return found


def ask(unit: Tools, *options: str) -> list[str]:
    """What sg_modes says with each of these options."""
    said = unit.ok("; ".join(f"sg_modes {line} $SG 2>&1; echo ==$?" for line in options))
    return re.split(r"==\d+\n", said)[:-1]


def differing(one: bytes, other: bytes) -> bytes:
    """The bits in which they differ."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


@pytest.mark.req("SSC-MODE-R1", "SSC-MODE-R3", "SSC-MODE-R4", "SSC-CMD-5A", "SSC-SENSE-5-39-00")
def test_all_pages_in_all_four_values(unit: Tools, model: Model) -> None:
    *said, last = ask(unit, *(f"-a -a -v -c {control}" for control in range(4)))
    current, changeable, default = (pages(text) for text in said)
    saved = pages(last)
    if not model.saves_modes:
        assert "Saving parameters not supported" in last
        assert not saved
        saved = default
    assert not any(data[0] & 0x80 for data in current.values()) or model.saves_modes
    assert current.keys() == changeable.keys() == default.keys() == saved.keys()
    assert {code for code, _ in current} >= {1, 2, 0x0A, 0x0F, 0x10, 0x11, 0x18, 0x1C, 0x1D}
    for key, mask in changeable.items():
        for values in (current[key], default[key], saved[key]):
            # Code, subpage and length are those of the page; what differs is changeable.
            head = 4 if key[1] else 2
            assert values[:head] == mask[:head]
            off = differing(values, default[key])[head:]
            assert not any(a & ~b for a, b in zip(off, mask[head:], strict=True)), key
    # It counts its own field too.
    whole = re.search(r"Mode data length=(\d+)", said[0])
    assert whole and int(whole[1]) == 16 + sum(len(data) for data in current.values())


@pytest.mark.req("SSC-MODE-R1", "SSC-MODE-R2", "SSC-MODE-R4", "SSC-CMD-1A")
def test_both_commands_and_every_way_to_ask(unit: Tools) -> None:
    long, short, alone, sub, each, examined = ask(
        unit, "-a", "-6 -a", "-D -p 0x10", "-p 0x0a,0xff", "-a -a -d", "-e"
    )
    # sg_modes asks for 252 bytes with the short command.
    assert dump(short) == dump(long)[: 252 - 4]
    assert "MODE SENSE(6)" in short
    assert re.findall("medium type=0x.., specific param=0x..", long) == re.findall(
        "medium type=0x.., specific param=0x..", short
    )
    everything = pages(each)
    assert "Block descriptor length=0" in each
    assert {key: data for key, data in everything.items() if not key[1]} == pages(long)
    assert pages("\n" + alone) == {(0x10, 0): everything[0x10, 0]}
    assert pages(sub) == {key: data for key, data in everything.items() if key[0] == 0x0A}
    # Page by page sg_modes finds those that are listed, and what is not listed.
    names = re.findall(r"^>> (.+?), page_control", long, re.M)
    known = [name for name in names if not re.match("page_code|Protocol|LU |Port ", name)]
    assert all(f"    {name}" in examined for name in known)


@pytest.mark.req(
    "SSC-MODE-0A", "SSC-MODE-0F", "SSC-MODE-11", "SSC-MODE-18", "SSC-MODE-19", "SSC-MODE-1C",
    "SSC-MODE-1D",
)  # fmt: skip
def test_what_the_pages_say(unit: Tools, model: Model) -> None:
    (said,) = ask(unit, "-a")
    found = {code: data for (code, _), data in pages(said).items()}
    assert f"medium type=0x{model.medium_type:02x}, specific param=0x10" in said
    assert f"Density code=0x{model.density:02x}" in said
    assert found[0x0A][2] & 0x04 == 0, "sense data of fixed format"
    assert found[0x0F][2:4] == b"\xc0\x80", "compresses, can, and decompresses"
    assert found[0x11][2:4] == bytes((model.more_partitions, 0))
    assert found[0x11][4] & 0x18 == 0x18, "sizes in powers of ten"
    assert (found[0x18][2] & 0x0F, found[0x19][2] & 0x0F) == 2 * (model.protocol,)
    assert found[0x1C][3] & 0x0F == model.mrie
    assert found[0x1D][2] & 1 == 0, "no WORM"


def last_lines(said: list[str]) -> list[bytes]:
    return [dump(text.partition(">> ")[2]) for text in said]


WRITE_DELAY = "-p 10 -m 0,0,0,0,0,0,ff,ff,0,0,0,0,0,0,0,0 -c 10,e,0,0,0,0,{},0,0,0,0,0,0,0,0"
CONTROLS = tuple(f"-p 0x10 -c {control}" for control in (0, 2))


@pytest.mark.req("SSC-MODE-10", "SSC-MODE-R3", "SSC-MODE-R10", "SSC-CMD-15", "SSC-CMD-55")
def test_changing_a_page(unit: Tools) -> None:
    """WRITE DELAY TIME: the current value, and no other, by either command."""
    default = last_lines(ask(unit, *CONTROLS))[1]
    for option, value in (("", "1,f4"), ("-6", "0,64")):
        unit.ok(f"sg_wr_mode {option} {WRITE_DELAY.format(value)} $SG")
        now, then = last_lines(ask(unit, *CONTROLS))
        number = int.from_bytes(bytes(int(part, 16) for part in value.split(",")), "big")
        assert now == default[:6] + number.to_bytes(2, "big") + default[8:]
        assert then == default
    # A field that is fixed, and then the page as it was.
    bad = ",".join(f"{byte:x}" for byte in (0x10, *default[1:3], 0x80, *default[4:]))
    said = unit.fails(f"sg_wr_mode -v -f -p 10 -c {bad} $SG")
    assert "Invalid field in parameter list" in said
    assert "Error in Data parameters: byte 19" in said
    assert last_lines(ask(unit, CONTROLS[0])) == [now]
    back = ",".join(f"{byte:x}" for byte in (0x10, *default[1:]))
    unit.ok(f"sg_wr_mode -p 10 -c {back} $SG")
    assert last_lines(ask(unit, CONTROLS[0])) == [default]


@pytest.mark.req("SSC-MODE-R5", "SSC-MODE-10-01", "SSC-SENSE-5-24-00")
def test_saving(unit: Tools, model: Model) -> None:
    """The programmable early warning zone: saved where the drive saves, and over a reset then."""
    zeros = ",".join("0" * 24)
    write = (
        f"sg_wr_mode -v {{}} -p 10,1 -m 0,0,0,0,0,0,ff,ff,{zeros} -c 50,1,0,1c,0,0,0,{{}},{zeros}"
    )

    def zone(control: int) -> int:
        (data,) = last_lines(ask(unit, f"-p 0x10,0x01 -c {control}"))
        return int.from_bytes(data[6:8], "big")

    unit.ok(f"{write.format('', 7)} $SG")
    assert (zone(0), zone(2)) == (7, 0)
    said = unit.ok(f"{write.format('-s', 9)} $SG")
    if model.saves_modes:
        assert (zone(0), zone(2), zone(3)) == (9, 0, 9)
        unit.ok(f"{write.format('', 8)} $SG")
        assert (zone(0), zone(3)) == (8, 9)
    else:
        assert "is not saveable" in said, "sg_wr_mode looks at PS, and sends nothing"
        page = dump("00     50 01 00 1c 00 00 00 09").ljust(32, b"\0")
        assert unit.raw("55 11 00 00 00 00 00 00 28 00", out=bytes(8) + page).sense == (
            "Illegal Request; Invalid field in cdb; "
            "Sense Key Specific: Error in Command: byte 1 bit 0"
        )
        assert zone(0) == 7
    unit.ok("sg_reset -d $SG; sg_turs $SG || sg_turs $SG")
    assert zone(0) == 9 * model.saves_modes
    unit.ok(f"{write.format('-s', 0)} $SG")
    assert zone(0) == 0
    unit.settle()


@pytest.mark.req("SSC-CMD-R2")
def test_no_reverting_to_defaults(unit: Tools) -> None:
    """RTD is newer than these drives; the extended INQUIRY data say so too."""
    said = unit.fails("sg_wr_mode -v -R -p 10 $SG")
    assert "Invalid field in cdb" in said
    assert "Error in Command: byte 1 bit 1" in said
