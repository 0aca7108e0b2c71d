"""The commands that checks send, by the names of the standards.

Each function makes a CDB from what matters of it; what is not said is zero.
"""

from __future__ import annotations

TEST_UNIT_READY = bytes(6)
REWIND = b"\x01" + bytes(5)
READ_BLOCK_LIMITS = b"\x05" + bytes(5)

BLOCKS, FILEMARKS, SEQUENTIAL_FILEMARKS, END_OF_DATA = 0, 1, 2, 3
"""Codes of SPACE."""
OBJECT, FILE, EOD = 0, 1, 3
"""Kinds of destination of LOCATE(16)."""
SHORT, VENDOR, LONG, EXTENDED = 0, 1, 6, 8
"""Forms of READ POSITION."""


def plain(opcode: int, action: int = 0) -> bytes:
    """A CDB with nothing but its operation code and service action, as long as its group says."""
    return bytes((opcode, action)).ljust(size_of(opcode), b"\0")


def size_of(opcode: int) -> int:
    """Length of the CDBs of an operation code (SPC-4 4.2.5.1)."""
    return {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}.get(opcode >> 5, 16)


# --- blocks and marks (SSC-4 chapters 5 to 7) ----------------------------------------------------


def moving(opcode: int, flags: int, length: int) -> bytes:
    """A CDB of six bytes with flags in byte 1 and three bytes of length or signed count."""
    return bytes((opcode, flags)) + (length & 0xFFFFFF).to_bytes(3) + bytes(1)


def read(length: int, *, fixed: bool = False, sili: bool = False) -> bytes:
    """READ(6): bytes, or blocks with ``fixed``."""
    return moving(0x08, sili << 1 | fixed, length)


def read_reverse(length: int, *, fixed: bool = False, byte_order: bool = True) -> bytes:
    """READ REVERSE(6); ``byte_order``: BYTORD, the bytes of a block as they were written."""
    return moving(0x0F, byte_order << 2 | fixed, length)


def write(length: int, *, fixed: bool = False) -> bytes:
    """WRITE(6)."""
    return moving(0x0A, int(fixed), length)


def verify(length: int, flags: int = 0) -> bytes:
    """VERIFY(6); flags: 20h VTE, 10h VLBPM, 08h VBF, 04h IMMED, 02h BYTCMP, 01h FIXED."""
    return moving(0x13, flags, length)


def write_filemarks(count: int, *, immed: bool = False, wsmk: bool = False) -> bytes:
    """WRITE FILEMARKS(6)."""
    return moving(0x10, wsmk << 1 | immed, count)


def space(code: int, count: int) -> bytes:
    """SPACE(6)."""
    return moving(0x11, code, count)


def space_16(code: int, count: int) -> bytes:
    """SPACE(16)."""
    return bytes((0x91, code, 0, 0)) + (count & (1 << 64) - 1).to_bytes(8) + bytes(4)


def locate(
    number: int,
    *,
    partition: int | None = None,
    vendor: bool = False,
    immed: bool = False,
) -> bytes:
    """LOCATE(10); ``partition`` sets CP, ``vendor`` is BT."""
    flags = vendor << 2 | (partition is not None) << 1 | immed
    return bytes((0x2B, flags, 0)) + number.to_bytes(4) + bytes((0, partition or 0, 0))


def locate_16(
    number: int,
    kind: int = OBJECT,
    *,
    partition: int | None = None,
    immed: bool = False,
    bam: bool = False,
) -> bytes:
    """LOCATE(16); ``partition`` sets CP."""
    flags = kind << 3 | (partition is not None) << 1 | immed
    return bytes((0x92, flags, bam, partition or 0)) + number.to_bytes(8) + bytes(4)


def read_position(form: int = SHORT, allocation: int = 0) -> bytes:
    """READ POSITION; only the extended form takes an allocation length."""
    return bytes((0x34, form)) + bytes(5) + allocation.to_bytes(2) + bytes(1)


def erase(*, long: bool = False, immed: bool = False) -> bytes:
    """ERASE(6)."""
    return bytes((0x19, immed << 1 | long, 0, 0, 0, 0))


def load_unload(flags: int, *, immed: bool = False) -> bytes:
    """LOAD UNLOAD; flags: 08h HOLD, 04h EOT, 02h RETEN, 01h LOAD."""
    return bytes((0x1B, immed, 0, 0, flags, 0))


def prevent(value: int) -> bytes:
    """PREVENT ALLOW MEDIUM REMOVAL: 1 prevents, 0 allows."""
    return bytes((0x1E, 0, 0, 0, value, 0))


def format_medium(
    kind: int, *, verify: bool = False, immed: bool = False, length: int = 0
) -> bytes:
    """FORMAT MEDIUM."""
    return bytes((0x04, verify << 1 | immed, kind)) + length.to_bytes(2) + bytes(1)


def set_capacity(proportion: int) -> bytes:
    """SET CAPACITY."""
    return bytes((0x0B, 0, 0)) + proportion.to_bytes(2) + bytes(1)


def allow_overwrite(value: int, number: int = 0, partition: int = 0) -> bytes:
    """ALLOW OVERWRITE."""
    return bytes((0x82, 0, value, partition)) + number.to_bytes(8) + bytes(4)


def report_density_support(
    allocation: int, *, media: bool = False, medium_type: bool = False
) -> bytes:
    """REPORT DENSITY SUPPORT."""
    flags = medium_type << 1 | media
    return bytes((0x44, flags)) + bytes(5) + allocation.to_bytes(2) + bytes(1)


# --- commands of every device (SPC-4 chapter 6) --------------------------------------------------


def inquiry(allocation: int, page: int | None = None) -> bytes:
    """INQUIRY; ``page`` sets EVPD."""
    return bytes((0x12, page is not None, page or 0)) + allocation.to_bytes(2) + bytes(1)


def request_sense(allocation: int = 252, *, desc: bool = False) -> bytes:
    """REQUEST SENSE."""
    return bytes((0x03, desc, 0, 0, allocation, 0))


def mode_sense_6(
    page: int, subpage: int = 0, *, control: int = 0, dbd: bool = False, allocation: int = 255
) -> bytes:
    """MODE SENSE(6); control: 0 current, 1 changeable, 2 default, 3 saved."""
    return bytes((0x1A, dbd << 3, control << 6 | page, subpage, allocation, 0))


def mode_sense(
    page: int, subpage: int = 0, *, control: int = 0, dbd: bool = False, allocation: int = 0xFFFC
) -> bytes:
    """MODE SENSE(10)."""
    start = bytes((0x5A, dbd << 3, control << 6 | page, subpage))
    return start + bytes(3) + allocation.to_bytes(2) + bytes(1)


def mode_select_6(length: int, *, pf: bool = True, sp: bool = False) -> bytes:
    """MODE SELECT(6)."""
    return bytes((0x15, pf << 4 | sp, 0, 0, length, 0))


def mode_select(length: int, *, pf: bool = True, sp: bool = False) -> bytes:
    """MODE SELECT(10)."""
    return bytes((0x55, pf << 4 | sp)) + bytes(5) + length.to_bytes(2) + bytes(1)


def log_sense(
    page: int,
    subpage: int = 0,
    *,
    control: int = 1,
    pointer: int = 0,
    flags: int = 0,
    allocation: int = 0xFFFC,
) -> bytes:
    """LOG SENSE; control: 0 threshold, 1 cumulative, 2, 3 their defaults; flags: 2 PPC, 1 SP."""
    start = bytes((0x4D, flags, control << 6 | page, subpage, 0))
    return start + pointer.to_bytes(2) + allocation.to_bytes(2) + bytes(1)


def log_select(
    *, flags: int = 2, control: int = 1, page: int = 0, subpage: int = 0, length: int = 0
) -> bytes:
    """LOG SELECT; flags: 02h PCR, 01h SP."""
    start = bytes((0x4C, flags, control << 6 | page, subpage))
    return start + bytes(3) + length.to_bytes(2) + bytes(1)


def report_luns(allocation: int, select: int = 0) -> bytes:
    """REPORT LUNS."""
    return bytes((0xA0, 0, select, 0, 0, 0)) + allocation.to_bytes(4) + bytes(2)


def operation_codes(
    option: int = 0, opcode: int = 0, action: int = 0, *, times: bool = False, room: int = 0xFFFC
) -> bytes:
    """REPORT SUPPORTED OPERATION CODES; ``times`` is RCTD."""
    start = bytes((0xA3, 0x0C, times << 7 | option, opcode)) + action.to_bytes(2)
    return start + room.to_bytes(4) + bytes(2)


def maintenance_in(action: int, allocation: int, flags: int = 0) -> bytes:
    """MAINTENANCE IN and its like; ``flags`` is byte 2."""
    return bytes((0xA3, action, flags, 0, 0, 0)) + allocation.to_bytes(4) + bytes(2)


def maintenance_out(action: int, length: int) -> bytes:
    """MAINTENANCE OUT."""
    return bytes((0xA4, action, 0, 0, 0, 0)) + length.to_bytes(4) + bytes(2)


def read_attribute(
    action: int = 0, first: int = 0, *, partition: int = 0, allocation: int = 0xFFFC
) -> bytes:
    """READ ATTRIBUTE; action: 0 values, 1 list, 2 logical volumes, 3 partitions, 5 supported."""
    start = bytes((0x8C, action)) + bytes(5) + bytes((partition,)) + first.to_bytes(2)
    return start + allocation.to_bytes(4) + bytes(2)


def write_attribute(length: int, *, partition: int = 0, through: bool = False) -> bytes:
    """WRITE ATTRIBUTE; ``through`` is WTC."""
    start = bytes((0x8D, through)) + bytes(5) + bytes((partition,)) + bytes(2)
    return start + length.to_bytes(4) + bytes(2)


def reserve_in(action: int, allocation: int = 0xFFFC) -> bytes:
    """PERSISTENT RESERVE IN: 0 keys, 1 reservation, 2 capabilities, 3 full status."""
    return bytes((0x5E, action)) + bytes(5) + allocation.to_bytes(2) + bytes(1)


def reserve_out(action: int, kind: int = 0, *, scope: int = 0, length: int = 24) -> bytes:
    """PERSISTENT RESERVE OUT: 0 register, 1 reserve, 2 release, 3 clear, 4 preempt, 6 ignore."""
    start = bytes((0x5F, action, scope << 4 | kind)) + bytes(2)
    return start + length.to_bytes(4) + bytes(1)


def send_diagnostic(flags: int = 0x04, length: int = 0) -> bytes:
    """SEND DIAGNOSTIC; flags: bits 7-5 self-test code, 10h PF, 04h SELFTEST."""
    return bytes((0x1D, flags, 0)) + length.to_bytes(2) + bytes(1)


def receive_diagnostic(page: int, allocation: int = 0xFFFC) -> bytes:
    """RECEIVE DIAGNOSTIC RESULTS, with PCV."""
    return bytes((0x1C, 1, page)) + allocation.to_bytes(2) + bytes(1)


def read_buffer(mode: int, length: int, *, buffer: int = 0, offset: int = 0) -> bytes:
    """READ BUFFER."""
    return bytes((0x3C, mode, buffer)) + offset.to_bytes(3) + length.to_bytes(3) + bytes(1)


def write_buffer(mode: int, length: int, *, buffer: int = 0, offset: int = 0) -> bytes:
    """WRITE BUFFER."""
    return bytes((0x3B, mode, buffer)) + offset.to_bytes(3) + length.to_bytes(3) + bytes(1)


# --- commands of changers (SMC-3 chapter 6) ------------------------------------------------------


def read_element_status(
    kind: int,
    start: int = 0,
    count: int = 0xFFFF,
    *,
    tags: bool = True,
    devices: bool = False,
    allocation: int = 0xFFFFF,
) -> bytes:
    """READ ELEMENT STATUS; ``tags`` is VOLTAG, ``devices`` DVCID."""
    head = bytes((0xB8, tags << 4 | kind)) + start.to_bytes(2) + count.to_bytes(2)
    return head + bytes((devices,)) + allocation.to_bytes(3) + bytes(2)


def move_medium(
    source: int, destination: int, *, transport: int = 0, invert: bool = False
) -> bytes:
    """MOVE MEDIUM."""
    addresses = b"".join(one.to_bytes(2) for one in (transport, source, destination))
    return bytes((0xA5, 0)) + addresses + bytes((0, 0, invert, 0))


def exchange_medium(source: int, first: int, second: int, *, transport: int = 0) -> bytes:
    """EXCHANGE MEDIUM."""
    addresses = b"".join(one.to_bytes(2) for one in (transport, source, first, second))
    return bytes((0xA6, 0)) + addresses + bytes(2)


def position_to_element(destination: int, *, transport: int = 0) -> bytes:
    """POSITION TO ELEMENT."""
    return bytes((0x2B, 0)) + transport.to_bytes(2) + destination.to_bytes(2) + bytes(4)


def initialize_range(start: int, count: int) -> bytes:
    """INITIALIZE ELEMENT STATUS WITH RANGE, with RANGE set."""
    return bytes((0x37, 1)) + start.to_bytes(2) + bytes(2) + count.to_bytes(2) + bytes(2)


def send_volume_tag(kind: int, start: int, action: int, length: int = 40) -> bytes:
    """SEND VOLUME TAG."""
    head = bytes((0xB6, kind)) + start.to_bytes(2) + bytes((0, action, 0, 0))
    return head + length.to_bytes(2) + bytes(2)


def request_volume_element_address(kind: int, allocation: int = 0xFFFFF) -> bytes:
    """REQUEST VOLUME ELEMENT ADDRESS, with VOLTAG."""
    head = bytes((0xB5, 0x10 | kind, 0, 0)) + (0xFFFF).to_bytes(2) + bytes(1)
    return head + allocation.to_bytes(3) + bytes(2)
