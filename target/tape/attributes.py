"""READ ATTRIBUTE and WRITE ATTRIBUTE (SPC-4 6.17, 6.48).

The memory can be read and written while a cartridge is loaded, and while the drive holds one that
is not threaded. Without: 2/3A/00, whatever CACHE says, as nothing is kept of a cartridge that is
gone. A chip that does not answer is 3/11/12, when written to 3/0C/0B.

READ ATTRIBUTE wants the first identifier to exist, else it is 5/24/00 pointing at it: that is
what SPC-4 says and IBM drives do. (A model may begin with the next one: the manual of the T10000
allows any from 0 on.) Only the service action for values looks at it.

WRITE ATTRIBUTE takes all of its list or nothing, and what it took is durable whether WTC asks for
that or not. ASCII and text attributes may be shorter than they can be, and are read as they were
written; binary ones have one length. READ ONLY and the list's own length are not looked at.
A cartridge that is write-protected is 7/27/00; a WORM one has attributes like any other.
"""

from __future__ import annotations

from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Data, Rule, command
from target.scsi.layout import Layout
from target.scsi.sense import CheckCondition, Code, invalid_parameter
from target.tape import mam
from target.tape.drive import Drive
from target.tape.mam import Memory
from target.tape.mam_table import ASCII, BINARY, HOST_VENDOR, REFERENCE, TEXT, Attribute
from target.tape.mount import Medium
from target.tape.tape_alert import Flag

HEADER = Layout("0-1 id, 2.7 read_only, 2.1-0 format, 3-4 length")
_RESERVED = 0x7C
"""Of byte 2 of an attribute."""


def read_values(drive: Drive, call: Call) -> Completion:
    """ATTRIBUTE VALUES: the attributes from the first identifier on."""
    memory = _memory(drive, call, s.MEMORY_READ_ERROR)
    first = call["first_attribute"]
    found = list(memory.read(first))
    lenient = drive.personality.attributes.get("any_first")
    if not found or (found[0][0].id != first and not lenient):
        raise call.invalid("first_attribute")
    if any(row.id == REFERENCE for row, _ in found):
        mam.reference_read(drive)
    return _reply(call, b"".join(_encode(row, value) for row, value in found))


def read_list(drive: Drive, call: Call) -> Completion:
    """ATTRIBUTE LIST: the identifiers of what exists."""
    memory = _memory(drive, call, s.MEMORY_READ_ERROR)
    return _reply(call, b"".join(row.id.to_bytes(2, "big") for row, _ in memory.read()))


def read_volumes(drive: Drive, call: Call) -> Completion:
    """LOGICAL VOLUME LIST: volume 0, one of them."""
    _cartridge(drive, s.MEMORY_READ_ERROR)
    return call.reply(b"\0\2\0\1", call["allocation_length"])


def read_partitions(drive: Drive, call: Call) -> Completion:
    """PARTITION LIST: from partition 0, as many as the volume has."""
    cartridge = _cartridge(drive, s.MEMORY_READ_ERROR)
    if call["volume"]:
        raise call.invalid("volume")
    return call.reply(bytes((0, 2, 0, len(cartridge.partitions))), call["allocation_length"])


def read_supported(drive: Drive, call: Call) -> Completion:
    """SUPPORTED ATTRIBUTES: the identifiers of what exists or could."""
    memory = _memory(drive, call, s.MEMORY_READ_ERROR)
    return _reply(call, b"".join(number.to_bytes(2, "big") for number in memory.supported()))


def write_attributes(drive: Drive, call: Call) -> Completion:
    """WRITE ATTRIBUTE."""
    memory = _memory(drive, call, s.MEMORY_WRITE_ERROR)
    protection = drive.protection()
    if protection is not None:
        drive.alert(Flag.WRITE_PROTECT)
        raise CheckCondition(protection)
    length = call["parameter_list_length"]
    if length:
        data = call.parameters(length, at_least=4)
        memory.write(_decode(memory, bytes(data)))
    return GOOD


def _cartridge(drive: Drive, broken: Code) -> Medium:
    """The cartridge whose memory is within reach."""
    cartridge = drive.cartridge
    if cartridge is None or not (drive.loaded or drive.held or cartridge.type.cleaning):
        raise CheckCondition(s.NO_MEDIUM)
    if "memory" in cartridge.info["damage"]:
        raise CheckCondition(broken)
    return cartridge


def _memory(drive: Drive, call: Call, broken: Code) -> Memory:
    """The memory of the volume and partition that the CDB names."""
    cartridge = _cartridge(drive, broken)
    if call["volume"]:
        raise call.invalid("volume")
    if call["partition"] >= len(cartridge.partitions):
        raise call.invalid("partition")
    return Memory(drive, cartridge, call["partition"])


def _reply(call: Call, body: bytes) -> Completion:
    """AVAILABLE DATA, of four bytes, and what there is."""
    return call.reply(len(body).to_bytes(4, "big") + body, call["allocation_length"])


def _encode(row: Attribute, value: bytes) -> bytes:
    header = HEADER.encode(id=row.id, read_only=row.read_only, format=row.format, length=len(value))
    return bytes(header) + value


def _decode(memory: Memory, data: bytes) -> dict[int, tuple[int, bytes]]:
    """The attributes of a parameter list: (format, value) by identifier.

    Raises CheckCondition 5/1A/00 where the list ends within one, 5/26/00 pointing at the field
    that will not do.
    """
    changes: dict[int, tuple[int, bytes]] = {}
    last, at = -1, 4
    while at < len(data):
        if len(data) - at < HEADER.size:
            raise CheckCondition(s.PARAMETER_LIST_LENGTH)
        fields = HEADER.decode(data[at:])
        number, form = fields["id"], fields["format"]
        value = data[at + HEADER.size : at + HEADER.size + fields["length"]]
        if len(value) < fields["length"]:
            raise CheckCondition(s.PARAMETER_LIST_LENGTH)
        row = memory.find(number)
        if number <= last or row is None or row.read_only:
            raise invalid_parameter(at)
        reserved = data[at + 2] & _RESERVED
        if reserved:
            raise invalid_parameter(at + 2, reserved.bit_length() - 1)
        _check(row, form, value, at)
        changes[number] = form, value
        last, at = number, at + HEADER.size + len(value)
    return changes


def _check(row: Attribute, form: int, value: bytes, at: int) -> None:
    """Format, length and value of one attribute; removing it is always right."""
    if not value:
        return
    wanted = (BINARY, ASCII, TEXT) if row.id in HOST_VENDOR else (row.format,)
    if form not in wanted:
        raise invalid_parameter(at + 2, 1)
    if not row.fits(len(value)):
        raise invalid_parameter(at + 3)
    if row.values is not None and value[0] not in row.values:
        raise invalid_parameter(at + 5)


_READ = """5 volume, 7 partition, 8-9 first_attribute, 10-13 allocation_length, 14.0 cache"""

_RULES = Rule.PASSES_WRITE_EXCLUSIVE

COMMANDS = (
    command(
        0x8C, "READ ATTRIBUTE (values)", _READ, read_values, Data.IN, _RULES, service_action=0x00
    ),
    command(0x8C, "READ ATTRIBUTE (list)", _READ, read_list, Data.IN, _RULES, service_action=0x01),
    command(
        0x8C, "READ ATTRIBUTE (volumes)", _READ, read_volumes, Data.IN, _RULES,
        service_action=0x02,
    ),
    command(
        0x8C, "READ ATTRIBUTE (partitions)", _READ, read_partitions, Data.IN, _RULES,
        service_action=0x03,
    ),
    command(
        0x8C, "READ ATTRIBUTE (supported)", _READ, read_supported, Data.IN, _RULES,
        service_action=0x05,
    ),
    command(
        0x8D, "WRITE ATTRIBUTE", "1.0 wtc, 5 volume, 7 partition, 10-13 parameter_list_length",
        write_attributes, Data.OUT,
    ),
)  # fmt: skip
"""Bytes 2 to 4 are of changers (SMC-3): a drive wants zeros."""
