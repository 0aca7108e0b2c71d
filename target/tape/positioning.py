"""Moving over the tape without its data: SPACE, LOCATE, REWIND, READ POSITION (SSC-4 7).

No key is needed for any of it. Every answer comes from the index by arithmetic and binary search,
so a tape of millions of objects is as quick as a short one.
"""

from __future__ import annotations

from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion
from target.scsi.layout import Layout
from target.scsi.sense import CheckCondition, Sense
from target.tape.drive import Drive

BLOCKS, FILEMARKS, END_OF_DATA = 0, 1, 3
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
    if code == END_OF_DATA:
        drive.position = drive.partition.count
    elif code == BLOCKS:
        _space_blocks(drive, count)
    elif code == FILEMARKS:
        _space_filemarks(drive, count)
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
            drive.position = mark + 1
            raise _stopped(s.FILEMARK_DETECTED, target - mark, filemark=True)
        if target > index.count:
            drive.position = index.count
            raise _stopped(s.END_OF_DATA, target - index.count)
    else:
        mark = index.filemark(file - 1) if file else -1
        if mark >= target and mark >= 0:
            drive.position = mark
            raise _stopped(s.FILEMARK_DETECTED, mark + 1 - target, filemark=True)
        if target < 0:
            drive.position = 0
            raise _stopped(s.BEGINNING_OF_PARTITION, -target, eom=True)
    drive.position = target


def _space_filemarks(drive: Drive, count: int) -> None:
    """Behind the count-th filemark forward, or before the count-th one back."""
    if not count:
        return
    index = drive.partition.index
    file = index.files_before(drive.position) + count
    if file < 0:
        drive.position = 0
        raise _stopped(s.BEGINNING_OF_PARTITION, -file, eom=True)
    if count < 0:
        drive.position = index.filemark(file)
        return
    marks = index.files_before(index.count)
    if file > marks:
        drive.position = index.count
        raise _stopped(s.END_OF_DATA, file - marks)
    drive.position = index.filemark(file - 1) + 1


def _stopped(
    code: s.Code, left: int, *, filemark: bool = False, eom: bool = False
) -> CheckCondition:
    return CheckCondition(Sense(code, information=left, filemark=filemark, eom=eom))


def locate(drive: Drive, call: Call) -> Completion:
    """LOCATE (10) and (16). A file is found behind its filemark: file N starts behind mark N.

    Beyond the end of data: 8/00/05, and the position is the end of data.
    """
    if call["cp"] and call["partition"] != drive.partition_number:
        if call["partition"] >= drive.partitions:
            raise call.invalid("partition")
        drive.sync()
        drive.change_partition(call["partition"])
    index = drive.partition.index
    kind = call["dest_type"] if "dest_type" in call.command.layout else OBJECT
    wanted = call["object"]
    if kind == EOD:
        drive.position = index.count
        return GOOD
    if kind not in (OBJECT, FILE):
        raise call.invalid("dest_type")
    if kind == FILE and 0 < wanted <= index.files_before(index.count):
        wanted = index.filemark(wanted - 1) + 1
    elif kind == FILE and wanted:
        wanted = index.count + 1
    drive.position = min(wanted, index.count)
    if wanted > index.count:
        raise CheckCondition(s.END_OF_DATA)
    return GOOD


def rewind(drive: Drive, call: Call) -> Completion:
    """REWIND to the beginning of the partition: what was written is made durable first."""
    drive.sync()
    drive.position = 0
    return GOOD


def read_position(drive: Drive, call: Call) -> Completion:
    """READ POSITION, short and long form."""
    form = call["service_action_code"]
    if form not in (0, 1, 6):
        raise call.invalid("service_action_code")
    if call["allocation_length"]:
        raise call.invalid("allocation_length")
    position = drive.position
    flags = {
        "bop": position == 0,
        "eop": drive.past_early_warning and position == drive.partition.count,
    }
    if form == 6:
        data = LONG_POSITION.encode(
            flags, object_number=position, file_number=drive.partition.index.files_before(position)
        )
    elif position > 0xFFFFFFFF:
        data = SHORT_POSITION.encode(flags, perr=1)
    else:
        data = SHORT_POSITION.encode(flags, first_object=position, last_object=position)
    return call.reply(data, len(data))
