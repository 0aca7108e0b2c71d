"""READ BUFFER and WRITE BUFFER: a unit's memory, its echo buffers, its dump, its microcode.

A model has buffers by id (`Buffer`); where it names none, there is one of 64 KiB. Contents and a
download that is under way are gone after a reset. Microcode comes whole (modes 04h, 05h) or in
pieces that follow one another (06h, 07h; the image says how long it is, the mode of the last
piece decides whether it is saved). A piece at offset 0 begins anew; a WRITE BUFFER of another
mode ends a download, other commands do not. A volume may be loaded meanwhile: it stays, rewound
by the reset that activation is.

An image that is refused is 5/26/00 pointing at what is wrong, a piece out of its order 5/24/00
pointing at BUFFER OFFSET; the old firmware stays. References are to SPC-4.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from target.scsi import diagnostics, firmware
from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Data, Nexus, Rule, command
from target.scsi.sense import CheckCondition, invalid_parameter

if TYPE_CHECKING:
    from target.scsi.primary import PrimaryUnit


class Mode(IntEnum):
    """MODE of READ BUFFER (6.15) and WRITE BUFFER (6.49)."""

    HEADER_AND_DATA = 0x00
    DATA = 0x02
    DESCRIPTOR = 0x03
    DOWNLOAD = 0x04
    DOWNLOAD_SAVE = 0x05
    PIECES = 0x06
    PIECES_SAVE = 0x07
    ECHO = 0x0A
    ECHO_DESCRIPTOR = 0x0B


class Buffer(NamedTuple):
    """One buffer: ``size`` bytes of memory, or the dump, which is only read and has its own size.

    Offsets are multiples of two to the power of ``boundary``.
    """

    size: int = 0
    boundary: int = 0
    dump: bool = False


BUFFERS: Mapping[int, Buffer] = {0x00: Buffer(0x10000)}
"""Of a unit that names none."""

ECHO_SIZE = 4096
ECHO_DESCRIPTOR = bytes((1, 0)) + ECHO_SIZE.to_bytes(2, "big")
"""EBOS: each nexus has an echo buffer of its own, so none is overwritten (6.15.8)."""


def table(personality: Mapping[str, Mapping[str, Any] | bool]) -> Mapping[int, Buffer]:
    """The buffers of a model: table ``[buffers]`` of its file, keys in hex; false takes away."""
    found = {int(key, 16): Buffer(**row) for key, row in personality.items() if row}  # type: ignore[arg-type]  # a row is a table
    return found or BUFFERS


def _find(unit: PrimaryUnit, call: Call) -> tuple[Buffer, int]:
    """The buffer of the CDB and its size. Raises 5/24/00 for an id or an offset it has not."""
    buffer = unit.buffers.get(call["buffer_id"])
    if buffer is None:
        raise call.invalid("buffer_id")
    size = len(diagnostics.dump(unit)) if buffer.dump else buffer.size
    offset = call["buffer_offset"]
    if offset >= size or offset % (1 << buffer.boundary):
        raise call.invalid("buffer_offset")
    return buffer, size


def _memory(unit: PrimaryUnit, number: int, size: int) -> bytearray:
    """What is in a buffer; it is made when it is first used."""
    held: dict[int, bytearray] = unit.volatile.setdefault("buffers", {})
    return held.setdefault(number, bytearray(size))


# --- READ BUFFER -----------------------------------------------------------------------------


def read_buffer(unit: PrimaryUnit, call: Call) -> Completion:
    """READ BUFFER (6.15), modes 00h, 02h, 03h, 0Ah and 0Bh.

    5/24/00 for another mode, an id that is not there (but a descriptor of zeros in mode 03h) and
    an offset outside the buffer; 5/2C/00 for an echo buffer that this nexus has not written.
    """
    mode = call["mode"]
    if mode in (Mode.HEADER_AND_DATA, Mode.DATA):
        data = _contents(unit, call)
    elif mode == Mode.DESCRIPTOR:
        data = _descriptor(unit, call["buffer_id"])
    elif mode == Mode.ECHO:
        echo: bytes | None = unit.volatile.get("echo", {}).get(call.nexus)
        if echo is None:
            raise CheckCondition(s.COMMAND_SEQUENCE)
        data = echo
    elif mode == Mode.ECHO_DESCRIPTOR:
        data = ECHO_DESCRIPTOR
    else:
        raise call.invalid("mode")
    return call.reply(data, call["allocation_length"])


def _contents(unit: PrimaryUnit, call: Call) -> bytes:
    buffer, size = _find(unit, call)
    whole = diagnostics.dump(unit) if buffer.dump else bytes(_memory(unit, call["buffer_id"], size))
    head = size.to_bytes(4, "big") if call["mode"] == Mode.HEADER_AND_DATA else b""
    return head + whole[call["buffer_offset"] :]


def _descriptor(unit: PrimaryUnit, number: int) -> bytes:
    buffer = unit.buffers.get(number)
    if buffer is None:
        return bytes(4)
    size = len(diagnostics.dump(unit)) if buffer.dump else buffer.size
    return bytes((buffer.boundary,)) + size.to_bytes(3, "big")


# --- WRITE BUFFER ----------------------------------------------------------------------------


def write_buffer(unit: PrimaryUnit, call: Call) -> Completion:
    """WRITE BUFFER (6.49), modes 00h, 02h, 04h to 07h and 0Ah. A list of no bytes is no error.

    5/24/00 for another mode, a buffer that is not there or not to be written, and more than it
    holds; 5/1A/00 for a list shorter than its header.
    """
    mode = call["mode"]
    if mode not in (Mode.PIECES, Mode.PIECES_SAVE):
        unit.volatile.pop("download", None)
    if mode in (Mode.HEADER_AND_DATA, Mode.DATA):
        _store(unit, call)
    elif mode in (Mode.DOWNLOAD, Mode.DOWNLOAD_SAVE):
        _download(unit, call)
    elif mode in (Mode.PIECES, Mode.PIECES_SAVE):
        _piece(unit, call)
    elif mode == Mode.ECHO:
        if call["parameter_list_length"] > ECHO_SIZE:
            raise call.invalid("parameter_list_length")
        echo = unit.volatile.setdefault("echo", {})
        echo[call.nexus] = bytes(call.parameters(call["parameter_list_length"]))
    else:
        raise call.invalid("mode")
    return GOOD


def _store(unit: PrimaryUnit, call: Call) -> None:
    buffer, size = _find(unit, call)
    if buffer.dump:
        raise call.invalid("buffer_id")
    offset, length = call["buffer_offset"], call["parameter_list_length"]
    head = 4 if call["mode"] == Mode.HEADER_AND_DATA and length else 0
    if offset + length - head > size:
        raise call.invalid("parameter_list_length")
    data = call.parameters(length, at_least=head)
    reserved = next((at for at in range(head) if data[at]), None)
    if reserved is not None:
        raise invalid_parameter(reserved)
    memory = _memory(unit, call["buffer_id"], size)
    memory[offset : offset + length - head] = data[head:]


# --- microcode -------------------------------------------------------------------------------


class Download(NamedTuple):
    """What has come of an image so far, and from whom."""

    nexus: Nexus
    data: bytearray


def _download(unit: PrimaryUnit, call: Call) -> None:
    """An image in one command."""
    for field in ("buffer_id", "buffer_offset"):
        if call[field]:
            raise call.invalid(field)
    if call["parameter_list_length"]:
        data = call.parameters(call["parameter_list_length"])
        try:
            firmware.check(unit, data)
        except firmware.BadImage as error:
            raise _refused(unit, error.at) from None
        _install(unit, call, data)


def _piece(unit: PrimaryUnit, call: Call) -> None:
    """A piece of an image; with the last one it is complete."""
    if call["buffer_id"]:
        raise call.invalid("buffer_id")
    if not call["parameter_list_length"]:
        return
    offset = call["buffer_offset"]
    running: Download | None = unit.volatile.pop("download", None)
    if not offset:
        running = Download(call.nexus, bytearray())
    if running is None or running.nexus != call.nexus or len(running.data) != offset:
        unit.downloaded(False)
        raise call.invalid("buffer_offset")
    data = running.data
    data += call.parameters(call["parameter_list_length"])
    try:
        size = firmware.check_header(unit, data) if len(data) >= firmware.HEADER.size else None
        if size is not None and len(data) > size:
            raise firmware.BadImage(size, "more than it says")
        if len(data) == size:
            firmware.check(unit, data)
    except firmware.BadImage as error:
        raise _refused(unit, max(0, error.at - offset)) from None
    if len(data) == size:
        _install(unit, call, data)
    else:
        unit.volatile["download"] = running


def _refused(unit: PrimaryUnit, at: int) -> CheckCondition:
    """5/26/00, without a pointer where it would be too large for its field, or the maker's code."""
    unit.downloaded(False)
    if at < 1 << 16:
        return invalid_parameter(at, code=s.BAD_MICROCODE)
    return CheckCondition(s.BAD_MICROCODE)


def _install(unit: PrimaryUnit, call: Call, data: bytearray) -> None:
    save = call["mode"] in (Mode.DOWNLOAD_SAVE, Mode.PIECES_SAVE)
    firmware.activate(unit, data, call.nexus, save=save)
    unit.downloaded(True)


COMMANDS = (
    command(
        0x3B, "WRITE BUFFER",
        "1.4-0 mode, 2 buffer_id, 3-5 buffer_offset, 6-8 parameter_list_length",
        write_buffer, Data.OUT, timeout="write_buffer",
    ),
    command(
        0x3C, "READ BUFFER", "1.4-0 mode, 2 buffer_id, 3-5 buffer_offset, 6-8 allocation_length",
        read_buffer, Data.IN, Rule.PASSES_WRITE_EXCLUSIVE, timeout="read_buffer",
    ),
)  # fmt: skip
"""The rows of the command table that this module serves."""
