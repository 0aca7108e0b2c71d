"""Moving over the tape without its data: SPACE, LOCATE, REWIND, READ POSITION (SSC-4 7).

No key is needed for any of it. Every answer comes from the index by arithmetic and binary search,
so a tape of millions of objects is as quick as a short one.
"""

from __future__ import annotations

from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Data, Rule, command
from target.scsi.layout import Layout
from target.scsi.sense import CheckCondition, Sense
from target.tape.drive import Drive

BLOCKS, FILEMARKS, SEQUENTIAL_FILEMARKS, END_OF_DATA = 0, 1, 2, 3
OBJECT, FILE, EOD = 0, 1, 3

SHORT_POSITION = Layout(
    """0.7  bop
    0.6    eop
    0.5    locu
    0.4    bycu
    0.2    lolu
    0.1    perr
    0.0    bpew
    1      partition
    4-7    first_object
    8-11   last_object
    13-15  objects_in_buffer
    16-19  bytes_in_buffer""",
    20,
)
EXTENDED_POSITION = Layout(
    """0.7  bop
    0.6    eop
    0.5    locu
    0.4    bycu
    0.2    lolu
    0.1    perr
    0.0    bpew
    1      partition
    2-3    additional_length
    5-7    objects_in_buffer
    8-15   first_object
    16-23  last_object
    24-31  bytes_in_buffer""",
    32,
)
LONG_POSITION = Layout(
    """0.7  bop
    0.6    eop
    0.3    mpu
    0.2    lonu
    0.0    bpew
    4-7    partition
    8-15   object_number
    16-23  file_number""",
    32,
)


def space(drive: Drive, call: Call) -> Completion:
    """SPACE (6) and (16): blocks, filemarks, or to the end of data."""
    field = call.command.layout["count"]
    count = call["count"]
    if count > field.maximum // 2:
        count -= field.maximum + 1
    code = call["code"]
    drive.require_readable()
    if code == END_OF_DATA:
        drive.go(drive.partition.count)
    elif code == BLOCKS:
        _space_blocks(drive, count)
    elif code == FILEMARKS:
        _space_filemarks(drive, count)
    elif code == SEQUENTIAL_FILEMARKS and drive.personality.quirks.get("sequential_filemarks"):
        _space_sequential(drive, count)
    else:
        raise call.invalid("code")
    return GOOD


def _space_blocks(drive: Drive, count: int) -> None:
    """Forward or, with a negative count, back over blocks, stopping behind the first filemark."""
    index, start = drive.partition.index, drive.position
    target = start + count
    file = index.files_before(start)
    if count >= 0:
        mark = index.filemark(file) if file < index.files_before(index.count) else index.count
        if mark < target and mark < index.count:
            drive.go(mark + 1)
            raise _stopped(s.FILEMARK_DETECTED, target - mark, filemark=True)
        if target > index.count:
            drive.go(index.count)
            raise _stopped(s.END_OF_DATA, target - index.count)
    else:
        mark = index.filemark(file - 1) if file else -1
        if mark >= target and mark >= 0:
            drive.go(mark)
            raise _stopped(s.FILEMARK_DETECTED, mark + 1 - target, filemark=True)
        if target < 0:
            drive.go(0)
            raise _stopped(s.BEGINNING_OF_PARTITION, -target, eom=True)
    drive.go(target)


def _space_filemarks(drive: Drive, count: int) -> None:
    """Behind the count-th filemark forward, or before the count-th one back."""
    if not count:
        return
    index = drive.partition.index
    file = index.files_before(drive.position) + count
    if file < 0:
        drive.go(0)
        raise _stopped(s.BEGINNING_OF_PARTITION, -file, eom=True)
    if count < 0:
        drive.go(index.filemark(file))
        return
    marks = index.files_before(index.count)
    if file > marks:
        drive.go(index.count)
        raise _stopped(s.END_OF_DATA, file - marks)
    drive.go(index.filemark(file - 1) + 1)


def _space_sequential(drive: Drive, count: int) -> None:
    """Behind the next ``count`` filemarks in a row, or, negative, before the last ones back."""
    if not count:
        return
    index = drive.partition.index
    here, wanted = index.files_before(drive.position), abs(count)
    last = index.files_before(index.count) - wanted
    for file in range(here, last + 1) if count > 0 else range(min(here - wanted, last), -1, -1):
        first = index.filemark(file)
        if index.filemark(file + wanted - 1) == first + wanted - 1:
            drive.go(first + wanted if count > 0 else first)
            return
    drive.go(index.count if count > 0 else 0)
    if count > 0:
        raise _stopped(s.END_OF_DATA, wanted)
    raise _stopped(s.BEGINNING_OF_PARTITION, wanted, eom=True)


def _stopped(
    code: s.Code, left: int, *, filemark: bool = False, eom: bool = False
) -> CheckCondition:
    return CheckCondition(Sense(code, information=left, filemark=filemark, eom=eom))


def locate(drive: Drive, call: Call) -> Completion:
    """LOCATE (10) and (16). A file is found behind its filemark: file N starts behind mark N.

    Beyond the end of data: 8/00/05, and the position is the end of data.
    """
    partition = call["partition"] if call["cp"] else drive.partition_number
    if partition >= drive.partitions:
        raise call.invalid("partition")
    if partition != drive.partition_number:
        drive.sync()
    assert drive.cartridge is not None
    index = drive.cartridge.partitions[partition].index
    kind = call["dest_type"] if "dest_type" in call.command.layout else OBJECT
    wanted = call["object"]
    if kind not in (OBJECT, FILE, EOD):
        raise call.invalid("dest_type")
    if kind == EOD:
        wanted = index.count
    elif kind == FILE and 0 < wanted <= index.files_before(index.count):
        wanted = index.filemark(wanted - 1) + 1
    elif kind == FILE and wanted:
        wanted = index.count + 1
    failure = CheckCondition(s.END_OF_DATA) if wanted > index.count else None
    position = min(wanted, index.count)
    drive.locate(call.nexus, position, partition, failure, immed=bool(call["immed"]))
    return GOOD


def rewind(drive: Drive, call: Call) -> Completion:
    """REWIND to the beginning of the partition: what was written is made durable first."""
    drive.rewind(call.nexus, immed=bool(call["immed"]))
    return GOOD


SHORT, SHORT_VENDOR, LONG, EXTENDED = 0, 1, 6, 8


def read_position(drive: Drive, call: Call) -> Completion:
    """READ POSITION, short, long and extended form. 01h, vendor-specific block addresses, is 00h
    on these drives; only the extended form has an allocation length."""
    form = call["service_action_code"]
    if form not in (SHORT, SHORT_VENDOR, LONG, EXTENDED):
        raise call.invalid("service_action_code")
    if call["allocation_length"] and form != EXTENDED:
        raise call.invalid("allocation_length")
    position, partition = drive.position, drive.partition_number
    at_end = position == drive.partition.count
    flags = {
        "bop": position == 0,
        "eop": at_end and drive.past_early_warning,
        # SSC-4 8.3.8: the zone is that of mode page 10h subpage 01h.
        "bpew": at_end and (0x10, 0x01) in drive.modes and drive.past_programmable_warning,
        "partition": partition,
    }
    if form == EXTENDED:
        data = EXTENDED_POSITION.encode(
            flags, additional_length=28, first_object=position, last_object=position
        )
        return call.reply(data, call["allocation_length"])
    if form == LONG:
        data = LONG_POSITION.encode(
            flags, object_number=position, file_number=drive.partition.index.files_before(position)
        )
    elif position > 0xFFFFFFFF:
        data = SHORT_POSITION.encode(flags, perr=1)
    else:
        data = SHORT_POSITION.encode(flags, first_object=position, last_object=position)
    return call.reply(data, len(data))


_MEDIUM = Rule.NEEDS_MEDIUM

COMMANDS = (
    command(
        0x01, "REWIND", "1.0 immed", rewind, rules=_MEDIUM, timeout="rewind",
    ),
    command(
        0x11, "SPACE(6)", "1.2-0 code, 2-4 count", space, rules=_MEDIUM,
        timeout="locate",
    ),
    command(
        0x2B, "LOCATE(10)", "1.2 bt, 1.1 cp, 1.0 immed, 3-6 object, 8 partition",
        locate, rules=_MEDIUM, timeout="locate",
    ),
    command(
        0x34, "READ POSITION", "1.4-0 service_action_code, 7-8 allocation_length",
        read_position, Data.IN, _MEDIUM,
    ),
    command(
        0x91, "SPACE(16)", "1.3-0 code, 4-11 count", space, rules=_MEDIUM,
        timeout="locate",
    ),
    command(
        0x92, "LOCATE(16)", "1.4-3 dest_type, 1.1 cp, 1.0 immed, 3 partition, 4-11 object",
        locate, rules=_MEDIUM, timeout="locate",
    ),
)  # fmt: skip
