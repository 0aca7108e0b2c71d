"""Moving data: READ, WRITE, WRITE FILEMARKS, ERASE, READ BLOCK LIMITS (SSC-4 7).

READ and WRITE are the hot path: a block goes between the transport's buffer and the cartridge in
one step, and what can be decided once for a command is not decided for each block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from target.encryption.parameters import Encryption, ParameterSet
from target.encryption.reading import host_length, read_block
from target.medium.errors import BlockDamaged
from target.medium.index import FILEMARK, Entry
from target.scsi import sense as s
from target.scsi.command import GOOD, STATUS_GOOD, Call, Completion, Data, Rule, command
from target.scsi.sense import CheckCondition, Code, Sense
from target.tape.drive import Drive
from target.tape.protection import NONE, SIZE, append, strip

Views = Sequence[memoryview]


def pieces(buffers: Views, size: int, count: int) -> Iterator[Views]:
    """Cut a scatter-gather list into ``count`` parts of ``size`` bytes (fewer at its end)."""
    if len(buffers) == 1:
        whole = buffers[0]
        for at in range(0, size * count, size):
            yield (whole[at : at + size],)
        return
    which = at = 0
    for _ in range(count):
        part: list[memoryview] = []
        wanted = size
        while wanted and which < len(buffers):
            view = buffers[which][at : at + wanted]
            part.append(view)
            wanted -= len(view)
            at += len(view)
            if at == len(buffers[which]):
                which, at = which + 1, 0
        yield part


def extent(drive: Drive, call: Call) -> tuple[int, int, int]:
    """(transfer length, block size, count) of a READ or WRITE; one variable block counts 1."""
    cdb = call.cdb
    length = cdb[2] << 16 | cdb[3] << 8 | cdb[4]
    if cdb[1] & 1:
        if not drive.block_length:
            raise call.invalid("fixed")
        return length, drive.block_length, length
    if length > drive.personality.limits["max_block"] and length > drive.longest_block(call.nexus):
        raise call.invalid("transfer_length")
    return length, length, 1 if length else 0


def next_entry(drive: Drive, left: int, warn: bool = False) -> Entry:
    """The block at the position. Raises CheckCondition at a filemark, which is passed, and at the
    end of data; ``left`` is what INFORMATION says. ``warn``: there, EOM tells early warning."""
    number = drive.position
    index = drive.partition.index
    if number >= index.count:
        eom = warn and drive.past_early_warning
        raise CheckCondition(Sense(s.END_OF_DATA, information=left, eom=eom))
    try:
        entry = index[number]
    except BlockDamaged:
        drive.read_failed()
        # The entry was the only witness to whether the block is encrypted.
        code = s.INTEGRITY_FAILED if drive.partition.runs.count else s.READ_ERROR
        raise CheckCondition(Sense(code, information=left)) from None
    if entry.flags & FILEMARK:
        drive.position += 1
        raise CheckCondition(Sense(s.FILEMARK_DETECTED, information=left, filemark=True))
    return entry


def read_one(drive: Drive, used: ParameterSet, entry: Entry, out: Views, left: int) -> int:
    """The block at the position into ``out``; on failure the tape stays before it.

    An unrecovered error in a clear block lets the next read go on behind it.
    """
    try:
        got = read_block(drive, used, drive.position, entry, out)
    except CheckCondition as condition:
        drive.read_failed()
        code: Code = condition.sense.code
        if code is s.READ_ERROR:
            drive.position += 1
        raise CheckCondition(Sense(code, information=left)) from None
    drive.position += 1
    counters = drive.counters
    counters.host_read += got
    stored = entry.end - entry.offset
    counters.medium_read += stored
    counters.blocks_read += 1
    if drive.timing:
        drive.timing.read(stored)
    return got


def read(drive: Drive, call: Call) -> Completion:
    """READ(6). Sense for a wrong length, a filemark or the end of data: SSC-4 7.4."""
    fixed, sili = call.cdb[1] & 1, call.cdb[1] & 2
    if fixed and sili:
        raise call.invalid("sili")
    length, size, count = extent(drive, call)
    drive.require_readable()
    used = drive.parameters.of(call.nexus)
    protection = drive.protected and drive.protected.get(call.nexus, NONE).read
    if not fixed:
        if not count:
            return GOOD
        entry = next_entry(drive, length)
        out = call.data_in
        if len(out) != 1 or len(out[0]) > length:
            out = next(pieces(out, length, 1))
        got = read_one(drive, used, entry, out, length)
        real = host_length(drive, used, entry)
        if protection:
            got = append(protection, out, got)
            real += SIZE
        # SILI is for short blocks, and for long ones only where no fixed length is set.
        if real != length and not (sili and (real < length or not drive.block_length)):
            sense = Sense(s.NO_SENSE, information=length - real, ili=True)
            raise CheckCondition(sense, got)
        return Completion(STATUS_GOOD, b"", got)
    sent = 0
    for done, out in enumerate(pieces(call.data_in, size, count)):
        left = count - done
        try:
            entry = next_entry(drive, left)
            got = read_one(drive, used, entry, out, left)
        except CheckCondition as condition:
            condition.length = sent
            raise
        real = host_length(drive, used, entry)
        if protection:
            got = append(protection, out, got)
            real += SIZE
        if real != size:
            raise CheckCondition(Sense(s.NO_SENSE, information=left, ili=True), sent)
        sent += got
    return Completion(STATUS_GOOD, b"", sent)


def write(drive: Drive, call: Call) -> Completion:
    """WRITE(6): cuts the tape at the position, early warning once data are written (SSC-4 7.10)."""
    fixed = call.cdb[1] & 1
    length, size, count = extent(drive, call)
    if not count:
        return GOOD
    drive.require_writable()
    buffers = call.data_out
    if sum(map(len, buffers)) < size * count:
        raise CheckCondition(s.DATA_PHASE_ERROR)
    if drive.parameters.stale(call.nexus):
        raise CheckCondition(s.KEY_COUNTER_CHANGED)
    used = drive.parameters.of(call.nexus)
    if drive.guard is not None:
        used = drive.guard.before_write(used)
    parts: Iterator[Views] = iter((buffers,)) if not fixed else pieces(buffers, size, count)
    protection = drive.protected and drive.protected.get(call.nexus, NONE).write
    if protection:
        if size <= SIZE:
            raise call.invalid("transfer_length")
        size -= SIZE
    for done, part in enumerate(parts):
        left = count - done if fixed else length
        if protection:
            part = strip(protection, part, size + SIZE, left)
        if not done or used.encryption is Encryption.EXTERNAL:
            drive.require_encryptable(used, part, size)
        drive.cut()
        if not drive.room_for(size):
            raise CheckCondition(Sense(s.END_OF_MEDIUM, information=left, eom=True))
        drive.write_block(used, part, size)
    if drive.timing:
        drive.timing.write(size * count)
    if not drive.buffered:
        drive.sync()
    warning = drive.warning()
    if warning is not None:
        raise warning
    return GOOD


def write_filemarks(drive: Drive, call: Call) -> Completion:
    """WRITE FILEMARKS(6): without IMMED, or with count 0, all is durable after it."""
    count = call["count"]
    if not count:
        drive.sync()
        return GOOD
    drive.require_writable()
    if drive.guard is not None:
        drive.guard.before_filemarks(drive.parameters.of(call.nexus))
    drive.cut()
    fits = min(count, drive.room_for_filemarks())
    drive.partition.write_filemarks(fits)
    drive.position += fits
    if not call["immed"]:
        drive.sync()
    if fits < count:
        raise CheckCondition(Sense(s.END_OF_MEDIUM, information=count - fits, eom=True))
    warning = drive.warning()
    if warning is not None:
        raise warning
    return GOOD


def erase(drive: Drive, call: Call) -> Completion:
    """ERASE(6): the tape ends at the position, durably; LONG 1 takes the time of the rest of it.

    3/51/00 where the medium cannot be written.
    """
    drive.require_writable(erasing=True)
    try:
        drive.cut()
        drive.sync()
    except CheckCondition as condition:
        failed = condition.sense.code is s.WRITE_ERROR
        raise CheckCondition(s.ERASE_FAILURE) if failed else condition from None
    if call["long"]:
        left = max(0, drive.remaining)
        drive.pass_over("erase", call.nexus, left, drive.sync, immed=bool(call["immed"]))
    return GOOD


def read_block_limits(drive: Drive, call: Call) -> Completion:
    """READ BLOCK LIMITS: granularity 0, maximum and minimum block length."""
    limits = drive.personality.limits
    data = limits["max_block"].to_bytes(4, "big") + limits["min_block"].to_bytes(2, "big")
    return call.reply(data, len(data))


_MEDIUM = Rule.NEEDS_MEDIUM

COMMANDS = (
    command(
        0x05, "READ BLOCK LIMITS", "", read_block_limits, Data.IN,
        Rule.PASSES_RESERVATION,
    ),
    command(
        0x08, "READ(6)", "1.1 sili, 1.0 fixed, 2-4 transfer_length", read, Data.IN,
        _MEDIUM, "read",
    ),
    command(
        0x0A, "WRITE(6)", "1.0 fixed, 2-4 transfer_length", write, Data.OUT,
        _MEDIUM, "write",
    ),
    command(
        0x10, "WRITE FILEMARKS(6)", "1.0 immed, 2-4 count", write_filemarks,
        rules=_MEDIUM, timeout="filemarks",
    ),
    command(
        0x19, "ERASE(6)", "1.1 immed, 1.0 long", erase, rules=_MEDIUM,
        timeout="erase",
    ),
)  # fmt: skip
