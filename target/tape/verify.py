"""Reading in other ways: VERIFY, READ REVERSE, RECOVER BUFFERED DATA (SSC-4 7)."""

from __future__ import annotations

from target.encryption.parameters import ParameterSet
from target.encryption.reading import host_length
from target.medium.index import FILEMARK
from target.scsi import sense as s
from target.scsi.command import GOOD, STATUS_GOOD, Buffers, Call, Completion, Data, Rule, command
from target.scsi.sense import CheckCondition, Sense
from target.tape.drive import Drive
from target.tape.protection import NONE, SIZE, append
from target.tape.transfer import extent, next_entry, pieces, read_one


def verify(drive: Drive, call: Call) -> Completion:
    """VERIFY(6): blocks, a number of filemarks (VBF) or everything up to the end of data (VTE).

    Blocks are decrypted and checked as READ would, and go nowhere. BYTCMP is not supported.
    """
    if call["bytcmp"]:
        raise call.invalid("bytcmp")
    if call["vlbpm"] and not drive.protected.get(call.nexus, NONE).read:
        # Nothing protects what would be checked (SSC-5 7.17).
        raise call.invalid("vlbpm")
    if call["vte"] and call["vbf"]:
        raise call.invalid("vbf")
    drive.require_readable()
    if call["fixed"] and not (drive.block_length or call["vte"] or call["vbf"]):
        raise call.invalid("fixed")
    if not call["immed"]:
        _verify(drive, call)
        return GOOD

    def finish() -> None:
        # The time of it is over already.
        drive.timing, timing = None, drive.timing
        try:
            _verify(drive, call)
        finally:
            drive.timing = timing

    size = drive.block_length if call["fixed"] else 1
    here, end = drive.partition.index, drive.partition.used
    ahead = end - here[drive.position].offset if drive.position < here.count else 0
    count = ahead if call["vte"] or call["vbf"] else min(ahead, call["verification_length"] * size)
    drive.pass_over("verify", call.nexus, count, finish, immed=True)
    return GOOD


def _verify(drive: Drive, call: Call) -> None:
    length, fixed = call["verification_length"], call["fixed"]
    used = drive.parameters.of(call.nexus)
    protected = SIZE if drive.protected.get(call.nexus, NONE).read else 0
    if call["vte"]:
        while drive.position < drive.partition.count:
            _verify_object(drive, used, length)
        return
    if call["vbf"]:
        for done in range(length):
            while not _verify_object(drive, used, length - done):
                pass
        return
    size, count = (drive.block_length, length) if fixed else (length, 1 if length else 0)
    for done in range(count):
        left = count - done if fixed else length
        entry = next_entry(drive, left, warn=True)
        read_one(drive, used, entry, (), left)
        real = host_length(drive, used, entry) + protected
        if real != size:
            short = left if fixed else length - real
            raise CheckCondition(Sense(s.NO_SENSE, information=short, ili=True))


def _verify_object(drive: Drive, used: ParameterSet, left: int) -> bool:
    """Verify one object; whether it was a filemark."""
    number = drive.position
    try:
        entry = next_entry(drive, left, warn=True)
    except CheckCondition:
        if drive.position > number:
            return True
        raise
    read_one(drive, used, entry, (), left)
    return False


def read_reverse(drive: Drive, call: Call) -> Completion:
    """READ REVERSE(6): the blocks before the position, last one first; the tape ends before them.

    BYTORD 1: the bytes of a block come as READ returns them, 0: in reverse (SSC-4 7.7). The
    beginning of the partition is 0/00/04 with EOM, a filemark 0/00/01, passed backwards.
    """
    fixed, sili = call["fixed"], call["sili"]
    if fixed and sili:
        raise call.invalid("sili")
    length, size, count = extent(drive, call)
    if not count:
        return GOOD
    drive.require_readable()
    drive.overwrite = None
    used = drive.parameters.of(call.nexus)
    protection = drive.protected.get(call.nexus, NONE).read
    sent = 0
    for done, out in enumerate(pieces(call.data_in, size, count)):
        left = count - done if fixed else length
        try:
            got, real = _read_back(drive, used, out, left)
        except CheckCondition as condition:
            condition.length = sent
            raise
        if not call["bytord"]:
            _reverse(out, got)
        if protection:
            got, real = append(protection, out, got), real + SIZE
        sent += got
        if real != size and not (sili and (real < size or not drive.block_length)):
            short = left if fixed else size - real
            sense = Sense(s.NO_SENSE, information=short, ili=True)
            raise CheckCondition(sense, sent - got if fixed else sent)
    return Completion(STATUS_GOOD, b"", sent)


def _read_back(drive: Drive, used: ParameterSet, out: Buffers, left: int) -> tuple[int, int]:
    """The block before the position: bytes put into ``out``, and its length for the host."""
    start = drive.position
    if not start:
        sense = Sense(s.BEGINNING_OF_PARTITION, information=left, eom=True)
        raise CheckCondition(sense)
    drive.position = start - 1
    entry = drive.partition.index[start - 1]
    if entry.flags & FILEMARK:
        raise CheckCondition(Sense(s.FILEMARK_DETECTED, information=left, filemark=True))
    try:
        got = read_one(drive, used, entry, out, left)
    except CheckCondition:
        # A block that cannot be read now may be later, forwards or backwards.
        drive.position = start
        raise
    drive.position = start - 1
    return got, host_length(drive, used, entry)


def recover_buffered_data(drive: Drive, call: Call) -> Completion:
    """RECOVER BUFFERED DATA: blocks that were taken and did not get onto the tape (SSC-4 7.9).

    There are none: what the medium refuses is given up at once, and the WRITE or the synchronise
    tells of it. So whatever is asked for, the end of data is there.
    """
    if call["fixed"] and call["sili"]:
        raise call.invalid("sili")
    length, _, count = extent(drive, call)
    if not count:
        return GOOD
    left = count if call["fixed"] else length
    raise CheckCondition(Sense(s.END_OF_DATA, information=left))


def _reverse(out: Buffers, length: int) -> None:
    """Turn round what stands in the first ``length`` bytes of a scatter-gather list."""
    data = b"".join(bytes(view) for view in out)[:length][::-1]
    for view in out:
        view[: len(data)], data = data[: len(view)], data[len(view) :]


_MEDIUM = Rule.NEEDS_MEDIUM

COMMANDS = (
    command(
        0x14, "RECOVER BUFFERED DATA", "1.1 sili, 1.0 fixed, 2-4 transfer_length",
        recover_buffered_data, Data.IN, _MEDIUM, "read",
    ),
    command(
        0x0F, "READ REVERSE(6)", "1.2 bytord, 1.1 sili, 1.0 fixed, 2-4 transfer_length",
        read_reverse, Data.IN, _MEDIUM, "read",
    ),
    command(
        0x13, "VERIFY(6)",
        """1.5 vte, 1.4 vlbpm, 1.3 vbf, 1.2 immed, 1.1 bytcmp, 1.0 fixed
        2-4 verification_length""",
        verify, rules=_MEDIUM, timeout="verify",
    ),
)  # fmt: skip
