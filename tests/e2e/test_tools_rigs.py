"""Rigs of other kinds: five models at once, a protected tape, an empty drive, a short tape."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

import pytest

from harness.guest.api import Guest
from target.medium.partition import OBJECT_COST
from target.personality import models as known_models
from tests.e2e.tools import CANNOT_READ, Tools, cartridge, rig_guest, rig_text
from tests.e2e.ways import Way

pytestmark = pytest.mark.guest

NOISE = random.Random(41).randbytes(1 << 20)
FULL = "No space left on device"
GENERATIONS = {5: 0x58, 6: 0x5A, 7: 0x5C, 8: 0x5E, 9: 0x60}
CAPACITY = 8 << 20

RIG = rig_text(
    "many",
    *(
        f'name = "lto{number}"\nmodel = "ibm/ult3580-td{number}"\n'
        f'cartridge = "KRL00{number}L{number}"'
        for number in GENERATIONS
    ),
    'name = "protected"\nmodel = "ibm/ult3580-td9"\ncartridge = "KRL010L9"',
    'name = "empty"\nmodel = "ibm/ult3580-td9"',
    'name = "short"\nmodel = "ibm/ult3580-td9"\ncartridge = "KRL011L9"',
    'name = "older"\nmodel = "ibm/ult3580-td7"\ncartridge = "KRL012L5"',
    cartridges="".join(cartridge(f"KRL00{number}L{number}") for number in GENERATIONS)
    + cartridge("KRL010L9", "write_protect = true")
    + cartridge("KRL011L9", 'capacity = "8MiB"')
    + cartridge("KRL012L5"),
)


DriveOf = Callable[[str], Tools]
"""The tools on a drive, by its name."""


@pytest.fixture(scope="module")
def rig(way: Way, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A guest with nine drives, by each way."""
    with rig_guest(RIG, tmp_path_factory.mktemp("many"), way) as guest:
        yield guest


@pytest.fixture
def drive_of(way: Way, rig: Guest, tmp_path_factory: pytest.TempPathFactory) -> DriveOf:
    return lambda name: Tools(rig, tmp_path_factory.mktemp(name), way.device(name))


@pytest.fixture
def lto(drive_of: DriveOf) -> dict[int, Tools]:
    """The five drives by generation, their tapes empty."""
    drives = {n: drive_of(f"lto{n}") for n in GENERATIONS}
    for tools in drives.values():
        tools.blank()
    return drives


@pytest.fixture
def short(drive_of: DriveOf) -> Tools:
    """A drive with an empty cartridge of 8 MiB."""
    tools = drive_of("short")
    tools.blank()
    return tools


# --- models ---


def test_each_model_is_bound_under_its_own_name(
    way: Way, rig: Guest, lto: dict[int, Tools]
) -> None:
    assert {f"ibm/ult3580-td{number}" for number in lto} <= set(known_models())
    listed = lto[9].ok("lsscsi -g")
    assert len(listed.splitlines()) == len(rig.devices) == 9 * way.hosts
    serials = {device.serial for device in rig.devices.values()}
    assert len(serials) == 9, "each has one of its own"
    for number, tools in lto.items():
        row = next(line for line in listed.splitlines() if line.split()[-1] == tools.sg)
        assert f"ULT3580-TD{number} " in row
        assert tools.tape.replace("nst", "st") in row.split()
        said = tools.ok("sg_inq $SG")
        assert f"Product identification: ULT3580-TD{number} " in said
        assert f"Unit serial number: {tools.serial}\n" in said
        assert f"Density code 0x{GENERATIONS[number]:x}" in tools.mt("status")
        assert f"Volume barcode: KRL00{number}L{number} " in tools.ok("sg_logs -p 0x17 $SG")
        # LTO-8 and later tell their personality in IBM's new way.
        told = f"Ultrium-{number}" if number < 8 else f"L{number}G{number}"
        assert told in tools.ok("sg_logs -p 0x17 $SG")


def test_names_in_vpd_are_unique(lto: dict[int, Tools]) -> None:
    names = [
        re.findall(r"0x(5005076\w+)", tools.ok("sg_vpd -p 0x83 $SG")) for tools in lto.values()
    ]
    assert len({name for several in names for name in several}) == 15


def test_five_drives_at_the_same_time(lto: dict[int, Tools]) -> None:
    """A writer for each in the background, encrypted where the number is odd, then readers."""
    first = lto[5]
    for number, tools in lto.items():
        (first.folder / f"in{number}").write_bytes(NOISE[number:] * 6)
        if number % 2:
            tools.key_file("key")
            tools.stenc("-e on -k key -a 1")

    def together(command: str) -> None:
        jobs = "".join(
            f'{command.format(number=n, tape=tools.tape)} & jobs="$jobs $!"\n'
            for n, tools in lto.items()
        )
        first.ok(f"{jobs} for job in $jobs; do wait $job || exit; done")

    together("dd if=in{number} of={tape} bs=64k iflag=fullblock status=none")
    for tools in lto.values():
        tools.mt("rewind")
    together("dd if={tape} of=out{number} bs=64k status=none")
    for number, tools in lto.items():
        assert (first.folder / f"out{number}").read_bytes() == NOISE[number:] * 6
        assert tools.position() == (1, 0)
        encrypted = "0x0" if number % 2 else "0xffffffffffff"
        assert f"counter: {encrypted}\n" in tools.ok("sg_logs -p 0x17 $SG")


def test_one_drive_s_key_is_not_another_s(lto: dict[int, Tools]) -> None:
    lto[8].key_file("key", "of eight")
    lto[8].stenc("-e on -k key -a 1")
    for tools in lto.values():
        tools.write(NOISE[:1000], 1000)
        tools.mt("rewind")
    assert lto[8].details()["Drive Key Desc.(uKAD)"] == "of eight"
    assert lto[9].details()["Drive Encryption"] == "off"
    assert lto[9].read(1000) == NOISE[:1000]


# --- tapes that cannot be written ---


@pytest.mark.req("SSC-WRITE-08", "SSC-SENSE-7-27-00", "SSC-TA-09", "SSC-TA-R1")
def test_a_write_protected_tape(drive_of: DriveOf) -> None:
    tools = drive_of("protected")
    assert "WR_PROT" in tools.flags()
    assert "Read-only file system" in tools.fails("dd if=/dev/zero of=$TAPE bs=1000 count=1")
    assert "specific param=0x90" in tools.ok("sg_modes -p 0x0f $SG")
    assert "WRTP=1" in tools.ok("sg_logs -p 0x11 $SG")
    # st says it before the drive is asked; the drive refuses as well, and raises an alert.
    got = tools.raw("0a 00 00 00 04 00", out=b"text")
    assert (got.status, got.sense) == (7, "Data Protect; Write protected")
    assert tools.raw("10 00 00 00 01 00").sense == "Data Protect; Write protected"
    assert tools.raw("19 01 00 00 00 00").sense == "Data Protect; Write protected"
    # A look at the length alone does not clear it; sg_logs takes one first.
    assert "  Write protect: 1\n" in tools.ok("sg_logs -p 0x2e $SG")
    assert "  Write protect: 0\n" in tools.ok("sg_logs -p 0x2e $SG")
    assert CANNOT_READ in tools.fails("dd if=$TAPE of=read bs=1000"), "it is blank"


@pytest.mark.req("SSC-WRITE-09")
def test_a_generation_that_is_only_read(drive_of: DriveOf) -> None:
    """An LTO-7 drive reads LTO-5 tapes and cannot write them."""
    tools = drive_of("older")
    assert "Density code 0x58 (LTO-5)" in tools.mt("status")
    tools.mt("rewind")
    assert tools.raw("0a 00 00 00 04 00", out=b"text").status == 7
    assert tools.run("dd if=/dev/zero of=$TAPE bs=1000 count=1")[0] != 0
    assert tools.object_number() == 0


@pytest.mark.req("SSC-TUR-02", "SSC-SENSE-2-3A-00")
def test_an_empty_drive(drive_of: DriveOf) -> None:
    """st keeps an open waiting for 120 s; those who say O_NONBLOCK hear at once."""
    tools = drive_of("empty")
    assert tools.flags() == {"DR_OPEN", "IM_REP_EN"}
    assert "No medium found" in tools.fails("dd if=$TAPE of=/dev/null iflag=nonblock")
    assert "No medium found" in tools.fails("dd if=/dev/zero of=$TAPE oflag=nonblock count=1")
    assert tools.raw("00 00 00 00 00 00").sense == "Not Ready; Medium not present"
    assert tools.raw("1b 00 00 00 01 00").sense == "Not Ready; Medium not present"
    assert "MPRSNT=0 MSTD=0 MTHRD=0 MOUNTED=0" in tools.ok("sg_logs -p 0x11 $SG")
    assert "ULT3580-TD9" in tools.ok("sg_inq $SG")
    assert "Density code=0x0\n" in tools.ok("sg_modes -p 0x0f $SG")
    # Keys can be set without a volume.
    assert tools.raw("a2 20 00 20 00 00 00 00 00 ff 00 00", 255).status == 0


# --- the end of the medium ---


@pytest.mark.req("SSC-WRITE-05")
def test_writing_to_the_end(short: Tools) -> None:
    """st: ENOSPC once at early warning; what was written before is whole, filemark included."""
    data = NOISE * 9
    said = short.fails("dd of=$TAPE bs=65536 iflag=fullblock", stdin=data)
    assert FULL in said
    written = int(re.findall(r"(\d+)\+0 records out", said)[0]) * 65_536
    # Early warning comes one sixteenth before the end.
    assert CAPACITY * 14 // 16 <= written <= CAPACITY * 15 // 16 + 65_536
    assert short.position() == (1, 0)
    short.mt("rewind")
    assert short.read(65_536) == data[:written]


@pytest.mark.req("SSC-WRITE-05", "SSC-WRITE-07")
def test_every_other_write_goes_on_after_early_warning(short: Tools) -> None:
    """By st's rule: full count, ENOSPC, full count, ENOSPC … until the medium is really full."""
    script = (
        "import os, sys\n"
        "tape = os.open(os.environ['TAPE'], os.O_WRONLY)\n"
        "block = bytes(range(256)) * 256\n"
        "for _ in range(200):\n"
        "    try: print('+' if os.write(tape, block) == len(block) else '?', end='')\n"
        "    except OSError as error: print('-' if error.errno == 28 else error, end='')\n"
    )
    (short.folder / "fill.py").write_text(script)
    told = short.ok("python3 fill.py").strip()
    until, _, after = told.partition("-")
    assert set(until) == {"+"}
    assert set(after) <= {"+", "-"}, told
    assert "+-+-" in after, "early warning: in turn"
    assert after.endswith("--------"), "the end: no more"
    blocks = told.count("+")
    # Each object costs a little room beside its data.
    each = 65_536 + OBJECT_COST
    assert CAPACITY - 2 * each < blocks * each <= CAPACITY, told
    short.mt("rewind")
    assert short.read(65_536) == bytes(range(256)) * 256 * blocks


@pytest.mark.req("SSC-WRITE-05", "SSC-WRITE-07", "SSC-SENSE-0-00-02", "SSC-SENSE-D-00-02")
def test_the_end_of_medium_in_sense_data(short: Tools) -> None:
    block = bytes(1 << 20)
    for _ in range(7):
        assert short.raw("0a 00 10 00 00 00", out=block).sense == ""
    half = bytes(1 << 19)
    early = short.raw("0a 00 08 00 00 00", out=half).sense
    early = early or short.raw("0a 00 04 00 00 00", out=bytes(1 << 18)).sense
    assert early == "No Sense; End-of-partition/medium detected; Info fld=0x0 [0]  EOM"
    full = short.raw("0a 00 10 00 00 00", out=block).sense
    assert full == (
        "Volume Overflow; End-of-partition/medium detected; Info fld=0x100000 [1048576]  EOM"
    )


def test_an_archive_across_two_tapes(short: Tools, drive_of: DriveOf) -> None:
    """tar -M goes on with the next volume when the first is full."""
    other = drive_of("lto9").tape
    (short.folder / "big").write_bytes(NOISE * 10)
    guest_other = f"mt -f {other} rewind && mt -f {other} setblk 0"
    short.ok(guest_other)
    said = short.ok(f"tar -M -cf $TAPE -f {other} big", stdin=b"\n")
    assert "tar:" not in said, said
    assert short.position()[0] >= 1
    short.mt("rewind")
    short.ok(f"mt -f {other} rewind && rm big")
    short.ok(f"tar -M -xf $TAPE -f {other}", stdin=b"\n")
    assert (short.folder / "big").read_bytes() == NOISE * 10


def test_an_encrypted_archive_on_a_full_tape(short: Tools) -> None:
    short.key_file("key")
    short.stenc("-e on -k key -a 1")
    (short.folder / "big").write_bytes(NOISE * 9)
    said = short.fails("tar -b 512 -cf $TAPE big")
    assert f"Cannot write: {FULL}" in said or f"Wrote only 0 of 262144 bytes: {FULL}" in said, said
    # Less fits, and that is whole.
    short.mt("rewind")
    (short.folder / "big").write_bytes(NOISE * 7)
    short.ok("tar -b 512 -cf $TAPE big")
    short.mt("rewind")
    short.ok("tar -b 512 -df $TAPE")
