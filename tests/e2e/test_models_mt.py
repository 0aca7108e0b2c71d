"""Every operation of mt on four models: what st sends for it, and what is true afterwards.

st tells in the kernel's log what it is about to do, and of a command that is refused its CDB and
sense data. Where the tape is, st and the drive are both asked.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import pytest

from tests.e2e.models import Model
from tests.e2e.tools import CANNOT_READ, Tools

pytestmark = pytest.mark.guest

NOISE = random.Random(3).randbytes(4000)
GOOD = ("", "")
MODE_SENSE = "1a 00 0f 00 40 00"


@dataclass(frozen=True)
class Row:
    """An operation: what st says of it, the tape's place by st and by the drive.

    st's place is file and block, -1 where it does not know; the drive's is file and object.
    ``refusal`` is the CDB and the sense of a command that the drive did not end with GOOD.
    """

    operation: str
    log: tuple[str, ...]
    st: tuple[int, int] | None
    drive: tuple[int, int]
    refusal: tuple[str, str] = GOOD
    status: int = 0
    before: str = ""


END_OF_DATA = ("11 01 7f ff ff 00", "08/00/05")

# Objects 0-2, 4-5 and 7-10 are blocks, 3, 6 and 11 filemarks. Each begins where the last ended.
MOVES = (
    Row("rewind", ("Rewinding tape.",), (0, 0), (0, 0)),
    Row("fsf 2", ("Spacing tape forward over 2 filemarks.",), (2, 0), (2, 7)),
    Row("bsf 1", ("Spacing tape backward over 1 filemarks.",), (1, -1), (1, 6)),
    Row("bsf", ("Spacing tape backward over 1 filemarks.",), (0, -1), (0, 3)),
    Row(
        "fsfm 2",
        ("Spacing tape forward over 2 filemarks.", "Spacing tape backward over 1 filemarks."),
        (1, -1), (1, 6),
    ),
    Row(
        "bsfm 1",
        ("Spacing tape backward over 1 filemarks.", "Spacing tape forward over 1 filemarks."),
        (1, 0), (1, 4),
    ),
    Row("fsr 2", ("Spacing tape forward over 2 blocks.",), (1, 2), (1, 6)),
    Row("bsr 1", ("Spacing tape backward over 1 blocks.",), (1, 1), (1, 5)),
    Row("asf 2", ("Rewinding tape.", "Spacing tape forward over 2 filemarks."), (2, 0), (2, 7)),
    Row("seek 8", ("Setting block to 8 and partition to 0.",), (-1, -1), (2, 8)),
    Row("tell", ("Got tape pos. blk 8 part 0.",), (-1, -1), (2, 8)),
    Row("retension", ("Retensioning tape.",), (0, 0), (0, 0)),
    # To count files, st spaces over more filemarks than there are, and expects to be stopped.
    Row("eod", ("Spacing tape forward over 8388607 filemarks.",), (3, -1), (3, 12), END_OF_DATA),
    # What is loaded is rewound, but st keeps its numbers.
    Row("load", ("Loading tape.",), (3, -1), (0, 0)),
    Row("rewind", ("Rewinding tape.",), (0, 0), (0, 0)),
    Row("seod", ("Spacing tape forward over 8388607 filemarks.",), (3, -1), (3, 12), END_OF_DATA),
    Row("rewind", ("Rewinding tape.",), (0, 0), (0, 0)),
    Row(
        "eod", ("Spacing to end of recorded medium.",), (-1, -1), (3, 12),
        before="mt -f $TAPE stsetoptions fast-eod",
    ),
    # Too far: the drive stops at what is in the way, and st takes the residual into account.
    Row(
        "bsf 4", ("Spacing tape backward over 4 filemarks.",), (-1, 0), (0, 0),
        ("11 01 ff ff fc 00", "00/00/04"), 2, before="mt -f $TAPE stclearoptions fast-eod",
    ),
    Row("rewind", ("Rewinding tape.",), (0, 0), (0, 0)),
    Row(
        "fsr 4", ("Spacing tape forward over 4 blocks.",), (1, 0), (1, 4),
        ("11 00 00 00 04 00", "00/00/01"), 2,
    ),
    Row(
        "bsr 2", ("Spacing tape backward over 2 blocks.",), (0, -1), (0, 3),
        ("11 00 ff ff fe 00", "00/00/01"), 2,
    ),
    Row(
        "fsf 4", ("Spacing tape forward over 4 filemarks.",), (3, -1), (3, 12),
        ("11 01 00 00 04 00", "08/00/05"), 2,
    ),
    Row("status", (), (3, -1), (3, 12)),
)  # fmt: skip

AWAY = (-1, -1)
NO_VOLUME = ("00 00 00 00 00 00", "02/3a/00")

# The volume goes and comes back. st asks first whether the drive is ready.
LOADING = (
    Row("lock", ("Locking drive door.",), (0, 0), (0, 0)),
    Row("offline", ("Unlocking drive door.", "Unloading tape."), AWAY, AWAY),
    Row("load", ("Loading tape.",), (0, 0), (0, 0), NO_VOLUME),
    Row("rewoffl", ("Unloading tape.",), AWAY, AWAY),
    Row("load 1", ("Loading tape.",), (0, 0), (0, 0), NO_VOLUME),
    Row("eject", ("Unloading tape.",), AWAY, AWAY),
    Row("load", ("Loading tape.",), (0, 0), (0, 0), NO_VOLUME),
    Row("unlock", ("Unlocking drive door.",), (0, 0), (0, 0)),
)

BAD_CDB, BAD_LIST = "05/24/00", "05/26/00"
SELECT = "15 10 00 00 0c 00"

# What tapes of these kinds have not. Nothing moves.
REFUSED = (
    Row("wset 1", ("Writing 1 setmarks.",), None, (1, 1), ("10 02 00 00 01 00", BAD_CDB), 2),
    Row(
        "fss 1", ("Spacing tape forward over 1 setmarks.",), None, (1, 1),
        ("11 04 00 00 01 00", BAD_CDB), 2,
    ),
    Row(
        "bss 1", ("Spacing tape backward over 1 setmarks.",), None, (1, 1),
        ("11 04 ff ff ff 00", BAD_CDB), 2,
    ),
    # DLT's, which none of them knows.
    Row("setdensity 0x1b", ("Setting density code to 1b.",), None, (1, 1), (SELECT, BAD_LIST), 2),
    Row("drvbuffer 7", ("Setting drive buffer code to 7.",), None, (1, 1), (SELECT, BAD_LIST), 2),
    # Without can-partitions st does not even ask the drive.
    Row("setpartition 1", (), None, (1, 1), GOOD, 2),
    Row("partseek 1 0", (), None, (1, 1), GOOD, 2),
    Row("mkpartition 1000", (), None, (1, 1), GOOD, 2),
    # A slot of a changer of its own, in byte 3.
    Row("load 10001", ("Loading tape.",), None, (1, 1), ("1b 00 00 01 01 00", BAD_CDB), 2),
)  # fmt: skip

# What stays in the driver: the words of the log.
DRIVER = {
    "sttimeout 700": ("Normal timeout set to 700 seconds.",),
    "stlongtimeout 8000": ("Long timeout set to 8000 seconds.",),
    "stsetcln 0x081215": ("Cleaning request mode 21, mask 12, value 08",),
    "stsetcln 0": ("Cleaning request mode 0, mask 00, value 00",),
    "stwrthreshold 16": (),
    "stshowoptions": (),
    "densities": (),
}

# In tests of their own, below.
ELSEWHERE = {
    "weof", "eof", "erase", "setblk", "compression", "defblksize", "defdensity", "defdrvbuffer",
    "defcompression", "stoptions", "stsetoptions", "stclearoptions",
}  # fmt: skip


def go_through(tape: Tools, rows: tuple[Row, ...]) -> None:
    """Do the operations of all rows, and compare. st is asked for its place where a row has it."""
    asked = rows[0].st is not None
    steps = tape.steps(*(f"{row.before}|{row.operation}" for row in rows), status=asked)
    for row, step in zip(rows, steps, strict=True):
        said = tuple(line for line in step.log if re.match(r"\w+ing |Got ", line))
        at = step.st[1:] if asked else None
        found = Row(row.operation, said, at, step.drive[1:], step.refusal, step.status, row.before)
        assert found == row
        assert (CANNOT_READ in step.text) == (step.status != 0 and step.refusal != GOOD)


def mode(data: bytes) -> tuple[int, int, int, bool]:
    """Density, block length, buffered mode and whether data are compressed, from `MODE_SENSE`."""
    assert data[3] == 8 and data[12] & 0x3F == 0x0F
    block = int.from_bytes(data[9:12], "big")
    return data[4], block, data[2] >> 4 & 7, bool(data[14] & 0x80)


def set_up(tape: Tools, *operations: str) -> list[tuple[tuple[int, int, int, bool], list[str]]]:
    """Do operations that go well: what the mode data are after each, and what st logged."""
    steps = tape.steps(*operations, ask=MODE_SENSE, length=64, status=False)
    assert [(step.status, step.text) for step in steps] == [(0, "")] * len(operations)
    return [(mode(step.data), step.log) for step in steps]


def test_every_operation_is_here(field: dict[str, Tools]) -> None:
    words = re.search(r"commands: ([^.]+)\.", next(iter(field.values())).ok("mt -h"))
    assert words
    shown = {row.operation for rows in (MOVES, LOADING, REFUSED) for row in rows} | DRIVER.keys()
    assert {operation.split()[0] for operation in shown} | ELSEWHERE == set(
        re.split(r",\s+", words[1])
    )


@pytest.mark.req(
    "SSC-SPACE-01", "SSC-SPACE-03", "SSC-SPACE-04", "SSC-SPACE-05", "SSC-SPACE-07",
    "SSC-SPACE-08", "SSC-SPACE-09", "SSC-LOCATE-01", "SSC-REWIND-01", "SSC-LOAD-01",
    "SSC-LOAD-09", "SSC-RPOS-02", "SSC-RPOS-03", "SSC-RPOS-10",
)  # fmt: skip
def test_moving(tape: Tools) -> None:
    for blocks in (3, 2, 4):
        tape.write(NOISE[: blocks * 1000], 1000)
    go_through(tape, MOVES)
    assert tape.mt("seek 8") == "" and tape.mt("tell") == "At block 8.\n"
    assert tape.read(1000) == NOISE[1000:4000]


@pytest.mark.req("SSC-LOAD-06", "SSC-LOAD-07", "SSC-LOAD-08", "SSC-PREVENT-01", "SSC-TUR-02")
def test_loading(tape: Tools) -> None:
    tape.write(NOISE, 1000)
    tape.mt("lock")
    assert tape.raw("1b 00 00 00 00 00").sense == "Illegal Request; Medium removal prevented"
    tape.mt("rewind")
    go_through(tape, LOADING)
    assert tape.read(1000) == NOISE
    assert tape.steps("offline", "load")[1].log[-3:] == [
        "Error: 2, cmd: 0 0 0 0 0 0", "Sense Key : 0x6 [current]", "ASC=0x28 ASCQ=0x0"
    ]  # fmt: skip


@pytest.mark.req("SSC-WFM-02", "SSC-SPACE-06", "SSC-CMD-R2", "SSC-SENSE-5-24-00")
def test_what_is_refused(tape: Tools, model: Model) -> None:
    tape.mt("weof 1")
    go_through(tape, REFUSED)
    assert mode(tape.raw(MODE_SENSE, 64).data)[:3] == (model.density, 0, 1)


@pytest.mark.req("SSC-WFM-01", "SSC-ERASE-01", "SSC-ERASE-02", "SSC-ERASE-03", "SSC-WRITE-13")
def test_writing(tape: Tools) -> None:
    """What follows is cut off; erase does that as well, short or long, and no more."""
    dd = "dd if=noise of=$TAPE bs=1000"
    (tape.folder / "noise").write_bytes(NOISE)
    rows = {
        "weof 3": (["Writing 3 filemarks."], (3, 3)),
        "eof 1": (["Writing 1 filemarks."], (4, 4)),
        "bsf 2": (["Spacing tape backward over 2 filemarks."], (2, 2)),
        f"{dd}|seek 7": (["Setting block to 7 and partition to 0."], (3, 7)),
        "fsf 1": (["Spacing tape forward over 1 filemarks."], (3, 7)),
        "seek 5": (["Setting block to 5 and partition to 0."], (2, 5)),
        "erase": (["Erasing tape."], (2, 5)),
        "eod": (["Spacing tape forward over 8388607 filemarks."], (2, 5)),
        f"mt -f $TAPE seek 2; {dd}; mt -f $TAPE seek 5|erase 0": (["Erasing tape."], (2, 5)),
        "seod": (["Spacing tape forward over 8388607 filemarks."], (2, 5)),
    }
    steps = tape.steps(*rows, status=False)
    assert [(step.log[:1], step.drive[1:]) for step in steps] == list(rows.values())
    assert [step.status for step in steps] == [0, 0, 0, 0, 2, 0, 0, 0, 0, 0]
    tape.mt("seek 2")
    tape.ok("dd if=$TAPE of=read bs=1000 count=3")
    assert (tape.folder / "read").read_bytes() == NOISE[:3000]


@pytest.mark.req("SSC-MODE-R2", "SSC-MODE-R7", "SSC-MODE-R8", "SSC-MODE-0F", "SSC-RBL-01")
def test_settings(unit: Tools, model: Model) -> None:
    """What mt sets in the drive is in its mode data."""
    own = model.density
    rows = {
        f"setblk {model.max_block}": (own, model.max_block, 1, True),
        "setblk 512": (own, 512, 1, True),
        # Zero and 7Fh keep the density, its own code as well.
        f"setdensity {own}": (own, 512, 1, True),
        "setdensity 0": (own, 512, 1, True),
        "setdensity 0x7f": (own, 512, 1, True),
        "drvbuffer 0": (own, 512, 0, True),
        "compression 0": (own, 512, 0, False),
        "setblk 0": (own, 0, 0, False),
        "drvbuffer 1": (own, 0, 1, False),
        "compression 1": (own, 0, 1, True),
    }
    found = set_up(unit, *rows)
    assert [data for data, _ in found] == list(rows.values())
    # Each is one MODE SELECT, and no more is changed.
    assert [log[-1] for _, log in found] == [
        f"Setting block size to {model.max_block} bytes.", "Setting block size to 512 bytes.",
        f"Setting density code to {own:x}.", "Setting density code to 0.",
        "Setting density code to 7f.", "Setting drive buffer code to 0.",
        "Compression state changed to 0.", "Setting block size to 0 bytes.",
        "Setting drive buffer code to 1.", "Compression state changed to 1.",
    ]  # fmt: skip


@pytest.mark.req("SSC-MODE-R2", "SSC-MODE-R8", "SSC-MODE-0F", "SSC-WRITE-01")
def test_defaults(tape: Tools, model: Model) -> None:
    """What st sets at once, and again for each new volume; compression when it is written."""
    own = model.density
    other = "mt -f $TAPE setblk 2048; mt -f $TAPE drvbuffer 1; mt -f $TAPE compression 1"
    renew = "mt -f $TAPE offline"
    write = "dd if=/dev/zero of=$TAPE bs=4096 count=1"
    usual = "mt -f $TAPE setblk 0; mt -f $TAPE drvbuffer 1; mt -f $TAPE compression 1"
    rows = {
        "defblksize 1024": (own, 1024, 1, True),
        f"defdensity {own}": (own, 1024, 1, True),
        "defdrvbuffer 0": (own, 1024, 0, True),
        "defcompression 0": (own, 1024, 0, False),
        f"{other}|tell": (own, 2048, 1, True),
        f"{renew}|load": (own, 1024, 0, True),
        f"{write}|seek 5": (own, 1024, 0, False),
        "defblksize -1": (own, 1024, 0, False),
        "defdensity -1": (own, 1024, 0, False),
        "defdrvbuffer -1": (own, 1024, 0, False),
        "defcompression -1": (own, 1024, 0, False),
        f"{usual}; {renew}|load ": (own, 0, 1, True),
    }
    steps = tape.steps(*rows, ask=MODE_SENSE, length=64, status=False)
    assert [mode(step.data) for step in steps] == list(rows.values())
    assert [step.status for step in steps] == [0] * len(rows), "five objects: four blocks, a mark"
    said = [line for step in steps for line in step.log if "default" in line.lower()]
    assert said == [
        "Default block size set to 1024 bytes.", f"Density default set to {own:x}",
        "Drive buffer default set to 0", "Compression default set to 0",
        "Default block size disabled.", "Density default disabled.",
        "Drive buffer default disabled.", "Compression default disabled.",
    ]  # fmt: skip


def test_what_stays_in_the_driver(tape: Tools, model: Model) -> None:
    steps = tape.steps(*DRIVER, status=False)
    for step, (operation, said) in zip(steps, DRIVER.items(), strict=True):
        assert (step.status, tuple(step.log)) == (0, said), operation
        assert step.drive == (0, 0, 0)
    names = dict(re.findall(r"0x(\w\w)   (.{29}|.+)", steps[-1].text))
    name = names.get(f"{model.density:02x}", "no translation").strip()
    assert name == model.density_name
    status = tape.mt("status")
    assert f"Density code 0x{model.density:02x} ({name})." in status
    # The cleaning request that stsetcln looks for is not there.
    assert status.splitlines()[-1].split() == ["BOT", "ONLINE", "IM_REP_EN"]


@pytest.mark.req("SSC-RPOS-01", "SSC-RPOS-02", "SSC-READ-05", "SSC-LOCATE-01")
def test_options(tape: Tools) -> None:
    """By mt's words, in sysfs, and what they do."""
    (tape.folder / "noise").write_bytes(NOISE[:2500])
    usual = "buffer-writes async-writes read-ahead debug can-bsr"
    said = tape.ok(
        f"""
        options() {{ mt -f $TAPE stshowoptions; cat /sys/class/scsi_tape/${{TAPE##*/}}/options; }}
        options
        mt -f $TAPE stoptions 0; options
        mt -f $TAPE stoptions two-fms sili; options
        dd if=noise of=$TAPE bs=1000; mt -f $TAPE tell; mt -f $TAPE eod; mt -f $TAPE tell
        mt -f $TAPE stclearoptions two-fms; options
        mt -f $TAPE rewind; dd if=$TAPE of=read bs=4096
        mt -f $TAPE stsetoptions scsi2logical; mt -f $TAPE seek 2; mt -f $TAPE tell
        mt -f $TAPE stoptions {usual}; mt -f $TAPE tell; options
        """
    )
    shown = re.findall(r"The options set: ?(.*)\n(\w+)\n", said)
    assert shown == [
        (usual, "0x0000010f"), ("", "0x00000000"), ("two-fms sili", "0x00004010"),
        ("sili", "0x00004000"), (usual, shown[0][1]),
    ]  # fmt: skip
    # st writes two filemarks and goes back over one. With sili, blocks have their own lengths.
    # Logical addresses and the drive's own are the same numbers on these drives.
    assert re.findall(r"At block (\d+)\.", said) == ["4", "5", "2", "2"]
    assert "0+3 records in" in said
    assert (tape.folder / "read").read_bytes() == NOISE[:2500]


@pytest.mark.req("SSC-PREVENT-01", "SSC-LOAD-06")
def test_auto_lock(tape: Tools) -> None:
    """With it, what was read or written locks the drive until the device is closed."""
    said = tape.ok(
        """
        mt -f $TAPE stsetoptions auto-lock
        exec 3<>$TAPE
        dd if=/dev/zero bs=1000 count=1 >&3
        sg_raw $SG 1b 00 00 00 00 00
        exec 3>&-
        echo closed >&2
        mt -f $TAPE stclearoptions auto-lock
        sg_raw $SG 1b 00 00 00 00 00
        """
    )
    locked, _, free = said.partition("closed")
    assert "Medium removal prevented" in locked
    assert "SCSI Status: Good" in free
    tape.mt("load")


@pytest.mark.req(
    "SSC-MODE-11", "SSC-MODE-11-MOUNT", "SSC-MODE-11-SELECT", "SSC-FORMAT-01", "SSC-FORMAT-02",
    "SSC-FORMAT-06", "SSC-LOCATE-07", "SSC-RATTR-04", "SSC-RATTR-08", "SSC-MAM-0000",
    "SSC-SENSE-1-37-00",
)  # fmt: skip
def test_partitions(tape: Tools, model: Model) -> None:
    """MODE SELECT of page 11h and FORMAT MEDIUM; sizes are rounded up to what the format has."""

    page = "1a 08 11 00 40 00"

    def sizes(data: bytes) -> list[int]:
        """The GB of each partition, from the page."""
        assert data[6] == model.more_partitions
        found = [int.from_bytes(data[at : at + 2], "big") for at in range(12, len(data), 2)]
        return found[: data[7] + 1]

    tape.mt("stsetoptions can-partitions")
    try:
        before, second, first = tape.steps(
            "tell", "mkpartition 1000", "mkpartition -1000", ask=page, length=64, status=False
        )
        (whole,) = sizes(before.data)
        for step, small in ((second, 1), (first, 0)):
            # MODE SELECT rounds.
            assert (step.status, step.refusal) == (0, ("15 10 00 00 18 00", "01/37/00"))
            assert f"Formatting tape with two partitions ({small} = 1000 MB)." in step.log
            assert step.log[-1] == "Sending FORMAT MEDIUM"
            assert sizes(step.data)[small] == model.least_partition
            assert sum(sizes(step.data)) <= whole
        said = tape.ok("sg_read_attr -f 1 $SG; sg_read_attr -p 1 -f 1 $SG; sg_read_attr -s 3 $SG")
        assert "Number of partitions available: 2" in said
        found = [int(number) * model.mam_unit / 1e9 for number in re.findall(r"MiB\]: (\d+)", said)]
        rests = [more - size for more, size in zip(found, sizes(first.data), strict=True)]
        assert all(-0.01 < rest < 1 for rest in rests), found

        tape.write(NOISE, 1000)
        steps = tape.steps(
            "setpartition 1", "weof 2", "setpartition 0", "rewind",
            # mt 1.7 takes the partition first, then the block; its manual says it the other way.
            "partseek 1 1", "eod", "partseek 0 2", "setpartition 2",
        )  # fmt: skip
        # Each partition has an end of its own; st remembers where it was in each.
        assert [step.drive for step in steps] == [
            (1, 0, 0), (1, 2, 2), (0, 1, 5), (0, 0, 0), (1, 1, 1), (1, 2, 2), (0, 0, 2), (0, 0, 2),
        ]  # fmt: skip
        assert [step.st[0] for step in steps] == [step.drive[0] for step in steps]
        assert [step.status for step in steps] == [0, 0, 0, 0, 0, 0, 0, 2]
        assert tape.read(1000) == NOISE[2000:]

        one, wrong = tape.steps(
            "mkpartition 0", "setpartition 1", ask=page, length=64, status=False
        )
        assert one.log[-2:] == ["Formatting tape with one partition.", "Sending FORMAT MEDIUM"]
        assert (one.status, one.refusal, sizes(one.data)) == (0, GOOD, [whole])
        assert (wrong.status, wrong.log) == (2, ["Number of partitions 1."])
        blank = tape.raw("08 00 00 03 e8 00", 1000)
        assert blank.sense.startswith("Blank Check; End-of-data"), "formatting erases"
    finally:
        tape.mt("stclearoptions can-partitions")
