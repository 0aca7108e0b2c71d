"""Defects of reading, writing and moving (SSC-4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from target.faults.defect import defect
from target.faults.patches import Handler, Patches
from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion
from target.scsi.sense import CheckCondition, Code, Sense
from target.tape.drive import Drive

_PAST_THE_END = Code(0x3, 0x00, 0x05, "END-OF-DATA DETECTED")
_SPACES = ("SPACE(6)", "SPACE(16)")
_BLOCKS, _FILEMARKS = 0, 1


def _changed(call: Call, cdb: bytes) -> Call:
    return Call(call.command, call.nexus, cdb, call.data_out, call.data_in)


@defect("ili-missing", "A block of another length than asked for is reported without ILI.")
def _ili_missing(drive: Drive, patches: Patches) -> None:
    patches.sense(lambda sense: replace(sense, ili=False))


@defect("residual-missing", "INFORMATION is never valid: what is left is not told.")
def _residual_missing(drive: Drive, patches: Patches) -> None:
    patches.sense(lambda sense: replace(sense, information=None))


@defect("residual-sign", "INFORMATION of a block of another length has the wrong sign.")
def _residual_sign(drive: Drive, patches: Patches) -> None:
    def negate(sense: Sense) -> Sense:
        if not sense.ili or sense.information is None:
            return sense
        return replace(sense, information=-sense.information)

    patches.sense(negate)


@defect("residual-off-by-one", "INFORMATION counts one too many where a filemark is met.")
def _residual_off(drive: Drive, patches: Patches) -> None:
    def more(sense: Sense) -> Sense:
        if not sense.filemark or sense.information is None:
            return sense
        return replace(sense, information=sense.information + 1)

    patches.sense(more)


@defect("sili-ignored", "SILI of READ is taken as 0: a short block is an error.")
def _sili_ignored(drive: Drive, patches: Patches) -> None:
    def read(real: Handler, drive: Drive, call: Call) -> Completion:
        if call.cdb[1] & 1:
            return real(drive, call)
        return real(drive, _changed(call, call.cdb[:1] + bytes((call.cdb[1] & ~2,)) + call.cdb[2:]))

    patches.handler("READ(6)", read)


@defect("filemark-bit-missing", "A filemark is reported without the FILEMARK bit.")
def _filemark_missing(drive: Drive, patches: Patches) -> None:
    patches.sense(lambda sense: replace(sense, filemark=False))


@defect("eom-missing", "Both ends of the medium are reported without EOM.")
def _eom_missing(drive: Drive, patches: Patches) -> None:
    patches.sense(lambda sense: replace(sense, eom=False))


@defect("early-warning-missing", "Writes near the end of the medium give no warning.")
def _early_warning(drive: Drive, patches: Patches) -> None:
    patches.set(drive, "warning", lambda: None)


@defect("end-of-data-key", "Reading at the end of data is MEDIUM ERROR and not BLANK CHECK.")
def _end_of_data(drive: Drive, patches: Patches) -> None:
    def wrong(sense: Sense) -> Sense:
        return replace(sense, code=_PAST_THE_END) if sense.code is s.END_OF_DATA else sense

    patches.sense(wrong)


@defect("end-of-data-good", "Reading at the end of data is GOOD, with no data.")
def _end_of_data_good(drive: Drive, patches: Patches) -> None:
    patches.accepts("READ(6)", lambda sense: sense.code is s.END_OF_DATA)


@defect("space-wrong-side", "SPACE over filemarks stops on the other side of the last one.")
def _space_side(drive: Drive, patches: Patches) -> None:
    def space(real: Handler, drive: Drive, call: Call) -> Completion:
        done = real(drive, call)
        count = call["count"]
        if call["code"] == _FILEMARKS and count:
            back = count > call.command.layout["count"].maximum // 2
            drive.position += 1 if back else -1
        return done

    for name in _SPACES:
        patches.handler(name, space)


@defect("space-passes-filemark", "SPACE over blocks does not stop at a filemark.")
def _space_passes(drive: Drive, patches: Patches) -> None:
    def space(real: Handler, drive: Drive, call: Call) -> Completion:
        count, most = call["count"], call.command.layout["count"].maximum // 2
        to = drive.position + count
        if call["code"] != _BLOCKS or count > most or to > drive.partition.count:
            return real(drive, call)
        drive.position = to
        return GOOD

    for name in _SPACES:
        patches.handler(name, space)


@defect("space-residual", "SPACE that is cut short tells how much it has passed, not what is left.")
def _space_residual(drive: Drive, patches: Patches) -> None:
    def space(real: Handler, drive: Drive, call: Call) -> Completion:
        try:
            return real(drive, call)
        except CheckCondition as condition:
            left = condition.sense.information
            if left is not None:
                condition.sense = replace(condition.sense, information=call["count"] - left)
            raise

    for name in _SPACES:
        patches.handler(name, space)


@defect("locate-beyond-end", "LOCATE beyond the end of data is GOOD.")
def _locate(drive: Drive, patches: Patches) -> None:
    for name in ("LOCATE(10)", "LOCATE(16)"):
        patches.accepts(name, lambda sense: sense.code is s.END_OF_DATA)


@defect("position-off-by-one", "READ POSITION tells the object behind the one at the heads.")
def _position(drive: Drive, patches: Patches) -> None:
    def read_position(real: Handler, drive: Drive, call: Call) -> Completion:
        drive.position += 1
        try:
            return real(drive, call)
        finally:
            drive.position -= 1

    patches.handler("READ POSITION", read_position)


@defect("bop-missing", "READ POSITION does not say that the tape is at its beginning.")
def _bop(drive: Drive, patches: Patches) -> None:
    def clear(cdb: bytes, data: bytearray) -> None:
        data[0] &= 0x7F

    patches.data(0x34, clear)


@defect("file-number-wrong", "READ POSITION, long form, counts the file at the heads as well.")
def _file_number(drive: Drive, patches: Patches) -> None:
    def count(cdb: bytes, data: bytearray) -> None:
        if cdb[1] & 0x1F == 6 and len(data) >= 24:
            data[16:24] = (int.from_bytes(data[16:24], "big") + 1).to_bytes(8, "big")

    patches.data(0x34, count)


@defect("write-protect-ignored", "A write-protected volume is written.")
def _write_protect(drive: Drive, patches: Patches) -> None:
    patches.set(drive, "protection", lambda: None)
    drive.forget_checks()


@defect("erase-ignored", "ERASE is GOOD and erases nothing.")
def _erase(drive: Drive, patches: Patches) -> None:
    patches.handler("ERASE(6)", lambda real, drive, call: GOOD)


@defect("filemarks-missing", "WRITE FILEMARKS writes one filemark, whatever it was asked for.")
def _filemarks(drive: Drive, patches: Patches) -> None:
    def write_filemarks(real: Handler, drive: Drive, call: Call) -> Completion:
        if call["count"] < 2:
            return real(drive, call)
        return real(drive, _changed(call, call.cdb[:2] + b"\0\0\1" + call.cdb[5:]))

    patches.handler("WRITE FILEMARKS(6)", write_filemarks)


@defect("block-limits-wrong", "READ BLOCK LIMITS tells twice the longest block that is taken.")
def _block_limits(drive: Drive, patches: Patches) -> None:
    def double(cdb: bytes, data: bytearray) -> None:
        data[1:4] = min(int.from_bytes(data[1:4], "big") * 2, 0xFFFFFF).to_bytes(3, "big")

    patches.data(0x05, double)


@defect("prevent-ignored", "LOAD UNLOAD unloads a volume although its removal is prevented.")
def _prevent(drive: Drive, patches: Patches) -> None:
    patches.handler("PREVENT ALLOW MEDIUM REMOVAL", lambda real, drive, call: GOOD)


@defect("load-attention-missing", "A volume that was loaded is no unit attention.")
def _load_attention(drive: Drive, patches: Patches) -> None:
    def attention(real: Callable[..., Any], code: Code, *args: Any, **named: Any) -> None:
        if code is not s.MEDIUM_MAY_HAVE_CHANGED:
            real(code, *args, **named)

    patches.wrap(drive, "attention", attention)


@defect("ready-without-volume", "TEST UNIT READY is GOOD although there is no volume.")
def _ready(drive: Drive, patches: Patches) -> None:
    patches.row("TEST UNIT READY", needs_medium=False)


@defect("rewind-ignored", "REWIND is GOOD and leaves the tape where it is.")
def _rewind(drive: Drive, patches: Patches) -> None:
    patches.handler("REWIND", lambda real, drive, call: GOOD)


@defect("fixed-read-residual", "READ of fixed blocks tells what is left in bytes, not in blocks.")
def _fixed_residual(drive: Drive, patches: Patches) -> None:
    def read(real: Handler, drive: Drive, call: Call) -> Completion:
        try:
            return real(drive, call)
        except CheckCondition as condition:
            sense = condition.sense
            if call.cdb[1] & 1 and sense.information is not None:
                left = sense.information * drive.block_length
                condition.sense = replace(sense, information=left)
            raise

    patches.handler("READ(6)", read)
