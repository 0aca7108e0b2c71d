"""READ ATTRIBUTE and WRITE ATTRIBUTE: the medium auxiliary memory (SPC-4 6.17, 6.48, 7.4)."""

from __future__ import annotations

from harness.conform import asking
from harness.conform import commands as c
from harness.conform.asking import (
    INVALID_FIELD,
    INVALID_PARAMETER,
    LIST_LENGTH,
    ROOM,
    Attribute,
    attributes,
    number,
    split_attributes,
)
from harness.conform.check import Failure, check
from harness.conform.subject import GOOD, Answer, Subject
from harness.conform.tape import record
from harness.conform.volume import reload

READ, WRITE, VALUES = "SPC-4 6.17", "SPC-4 6.48", "SPC-4 7.4.2"
TOPIC = "medium auxiliary memory"
BINARY, ASCII, TEXT = 0, 1, 2

KNOWN = (
    (0x0000, "Remaining capacity in partition", (8,), BINARY, True),
    (0x0001, "Maximum capacity in partition", (8,), BINARY, True),
    (0x0002, "TapeAlert flags", (8,), BINARY, True),
    (0x0003, "Load count", (8,), BINARY, True),
    (0x0004, "MAM space remaining", (8,), BINARY, True),
    (0x0005, "Assigning organization", (8,), ASCII, True),
    (0x0006, "Formatted density code", (1,), BINARY, True),
    (0x0007, "Initialization count", (2,), BINARY, True),
    (0x0009, "Volume change reference", (4,), BINARY, True),
    (0x020A, "Device vendor and serial number at last load", (40,), ASCII, True),
    (0x020B, "Device vendor and serial number, one load before", (40,), ASCII, True),
    (0x0220, "Megabytes written in the medium's life", (8,), BINARY, True),
    (0x0221, "Megabytes read in the medium's life", (8,), BINARY, True),
    (0x0222, "Megabytes written in the last load", (8,), BINARY, True),
    (0x0223, "Megabytes read in the last load", (8,), BINARY, True),
    (0x0400, "Medium manufacturer", (8,), ASCII, True),
    (0x0401, "Medium serial number", (32,), ASCII, True),
    (0x0402, "Medium length", (4,), BINARY, True),
    (0x0403, "Medium width", (4,), BINARY, True),
    (0x0404, "Assigning organization of the medium", (8,), ASCII, True),
    (0x0405, "Medium density code", (1,), BINARY, True),
    (0x0406, "Medium manufacture date", (8,), ASCII, True),
    (0x0407, "MAM capacity", (8,), BINARY, True),
    (0x0408, "Medium type", (1,), BINARY, True),
    (0x0409, "Medium type information", (2,), BINARY, True),
)
"""Identifier, name, lengths, format, read-only (SPC-4 tables 362 to 366)."""

HOST = (
    (0x0800, "Application vendor", 8, ASCII),
    (0x0801, "Application name", 32, ASCII),
    (0x0802, "Application version", 8, ASCII),
    (0x0803, "User medium text label", 160, TEXT),
    (0x0804, "Date and time last written", 12, ASCII),
    (0x0805, "Text localization identifier", 1, BINARY),
    (0x0806, "Barcode", 32, ASCII),
    (0x0807, "Owning host textual name", 80, TEXT),
    (0x0808, "Media pool", 160, TEXT),
    (0x080B, "Application format version", 16, ASCII),
)


def declare_known(
    identifier: int, name: str, sizes: tuple[int, ...], form: int, read_only: bool
) -> None:
    """An attribute of device or medium."""

    @check(
        f"ATTR-{identifier:04X}",
        VALUES,
        TOPIC,
        f"{identifier:04X}h, {name[0].lower()}{name[1:]}",
        expected="If it is there: as long, of the format and as read-only as the standard says.",
    )
    def known(unit: Subject) -> None:
        found = attributes(unit).get(identifier)
        if found is None:
            unit.skip("the attribute is not there")
            return
        unit.require("length", len(found.value) in sizes, f"one of {sizes}", len(found.value))
        unit.expect("FORMAT", form, found.form)
        unit.expect("READ ONLY", read_only, found.read_only)
        if form == ASCII:
            text = found.value.rstrip(b"\0")
            printable = all(0x20 <= byte <= 0x7E for byte in text)
            unit.require("value", printable, "graphic ASCII", found.value)
            if text != found.value:
                unit.warn("the value is filled with zeros, not with blanks")


for known_row in KNOWN:
    declare_known(*known_row)


# --- reading -------------------------------------------------------------------------------------


def need_memory(unit: Subject) -> dict[int, Attribute]:
    """The attributes, if there are any to read."""
    found = attributes(unit)
    if not found:
        unit.skip("the medium has no attributes")
    return found


@check("ATTR-ORDER", READ, TOPIC, "Attributes come in order")
def order(unit: Subject) -> None:
    """AVAILABLE DATA is what follows; identifiers ascend, each once."""
    need_memory(unit)
    data = unit.good(c.read_attribute(), size=ROOM).data
    unit.expect("AVAILABLE DATA", len(data) - 4, number(data, 0, 4))
    found = [one.identifier for one in split_attributes(data)]
    unit.require("identifiers", found == sorted(set(found)), "ascending, each once", found)


@check("ATTR-LIST", READ, TOPIC, "The list of attributes")
def listed(unit: Subject) -> None:
    """Service action 01h has the identifiers of all attributes that 00h has."""
    found = need_memory(unit)
    data = unit.good(c.read_attribute(1), size=ROOM).data
    unit.expect("AVAILABLE DATA", len(data) - 4, number(data, 0, 4))
    unit.expect(
        "identifiers", sorted(found), [number(data, at, 2) for at in range(4, len(data), 2)]
    )


@check("ATTR-SUPPORTED", READ, TOPIC, "The supported attributes")
def supported(unit: Subject) -> None:
    """Service action 05h has all identifiers that there are, and those that may be written."""
    found = need_memory(unit)
    answer = unit.do(c.read_attribute(5), size=ROOM)
    if answer.code == INVALID_FIELD:
        unit.skip("service action 05h is not supported")
    data = answer.data
    told = {number(data, at, 2) for at in range(4, len(data), 2)}
    unit.require("identifiers", set(found) <= told, f"{sorted(found)} among them", sorted(told))


@check("ATTR-VOLUMES", READ, TOPIC, "The list of logical volumes")
def volumes(unit: Subject) -> None:
    """Service action 02h: 4 bytes, the first volume is 0 and there is one."""
    need_memory(unit)
    answer = unit.do(c.read_attribute(2), size=ROOM)
    if answer.code == INVALID_FIELD:
        unit.skip("service action 02h is not supported")
    unit.expect("AVAILABLE DATA", 2, number(answer.data, 0, 2) or number(answer.data, 2, 2))
    unit.expect("first volume, number of them", b"\x00\x01", answer.data[-2:])


@check("ATTR-PARTITIONS", READ, TOPIC, "The list of partitions")
def partitions(unit: Subject) -> None:
    """Service action 03h: the first partition is 0, and there are as many as mode page 11h says."""
    need_memory(unit)
    answer = unit.do(c.read_attribute(3), size=ROOM)
    if answer.code == INVALID_FIELD:
        unit.skip("service action 03h is not supported")
    page = unit.do(c.mode_sense_6(0x11, dbd=True), size=255)
    count = page.data[4 + 3] + 1 if page.status == GOOD and len(page.data) > 8 else 1
    unit.expect("first partition, number of them", bytes((0, count)), answer.data[-2:])


@check("ATTR-FIRST", READ, TOPIC, "From an attribute on")
def from_one_on(unit: Subject) -> None:
    """FIRST ATTRIBUTE IDENTIFIER: what comes begins with it."""
    found = sorted(need_memory(unit))
    for first in (found[1], found[len(found) // 2], found[-1]):
        wanted = [one for one in found if one >= first]
        unit.expect(f"identifiers from {first:04X}h", wanted, sorted(attributes(unit, first)))


@check("ATTR-FIRST-NONE", READ, TOPIC, "From an attribute that there is not")
def from_a_missing_one(unit: Subject) -> None:
    """5/24/00, at byte 8 if there is a field pointer; beginning with the next is a warning."""
    need_memory(unit)
    answer = unit.do(c.read_attribute(first=0x7FFF), size=ROOM)
    if answer.status == GOOD:
        unit.warn("an identifier that is not there is no error")
        return
    unit.expect("sense", INVALID_FIELD, answer.code)
    if answer.sense.field_pointer is not None:
        unit.expect("byte of the field pointer", 8, answer.sense.field_pointer[0])


@check("ATTR-PARTITION-NONE", READ, TOPIC, "Of a partition that there is not")
def of_a_missing_partition(unit: Subject) -> None:
    """5/24/00, at byte 7 if there is a field pointer."""
    need_memory(unit)
    answer = unit.refused(c.read_attribute(partition=77), INVALID_FIELD, size=ROOM)
    if answer.sense.field_pointer is not None:
        unit.expect("byte of the field pointer", 7, answer.sense.field_pointer[0])


@check("ATTR-CAPACITY", VALUES, TOPIC, "Capacities of the partition")
def capacities(unit: Subject) -> None:
    """What remains is not more than there is at most, and that is more than nothing."""
    found = need_memory(unit)
    if not {0, 1} <= set(found):
        unit.skip("the attributes are not there")
    left, most = (int.from_bytes(found[one].value) for one in (0, 1))
    unit.require("maximum capacity", most > 0, "more than 0", most)
    unit.require("remaining capacity", left <= most, f"{most} at most", left)


@check("ATTR-DENSITY", VALUES, TOPIC, "The density of the medium", scratch=True)
def density(unit: Subject) -> None:
    """When it is written, the formatted density (0006h) is that of the mode block descriptor."""
    record(unit, b"one")
    found = need_memory(unit)
    if 0x0006 not in found:
        unit.skip("the attribute is not there")
    descriptor = asking.mode(unit, 0x3F).descriptor
    unit.expect("density", descriptor[:1], found[0x0006].value)


@check("ATTR-SERIAL", VALUES, TOPIC, "The drive of the last load")
def last_drive(unit: Subject) -> None:
    """020Ah has this drive's vendor and its serial number: that of VPD page B1h, where a library
    has given the drive another."""
    found = need_memory(unit)
    if 0x020A not in found:
        unit.skip("the attribute is not there")
    value = found[0x020A].value
    if not value.strip(b" \0"):
        unit.skip("the attribute is blank")
    unit.expect("vendor", asking.standard_inquiry(unit)[8:16], value[:8])
    pages = [page for page in (0x80, 0xB1) if page in asking.vpd_pages(unit)]
    serials = [asking.vpd(unit, page)[4:].strip(b" \0") for page in pages]
    came = value[8:].strip(b" \0")
    unit.require(
        "serial number", any(one and came.endswith(one) for one in serials), f"{serials}", came
    )


@check("ATTR-LOADS", VALUES, TOPIC, "The load count", scratch=True)
def load_count(unit: Subject) -> None:
    """It grows by one with an unload and a load."""
    before = need_memory(unit).get(0x0003)
    if before is None:
        unit.skip("the attribute is not there")
        return
    reload(unit)
    after = attributes(unit)[0x0003]
    unit.expect("loads", int.from_bytes(before.value) + 1, int.from_bytes(after.value))


@check("ATTR-CHANGES", VALUES, TOPIC, "The volume change reference", scratch=True)
def change_reference(unit: Subject) -> None:
    """0009h stays while the volume is read, and is another when it was written: at once, or by the
    next load, for it tells mounts apart."""
    record(unit, b"one")
    if 0x0009 not in attributes(unit):
        unit.skip("the attribute is not there")
    first = attributes(unit)[0x0009].value
    unit.good(c.read(3), size=3)
    unit.expect("reference after reading", first, attributes(unit)[0x0009].value)
    unit.write(b"two")
    unit.good(c.write_filemarks(1))
    unit.good(c.REWIND)
    if attributes(unit)[0x0009].value == first:
        reload(unit)
        unit.write(b"one")
        unit.good(c.write_filemarks(1))
    came = attributes(unit)[0x0009].value
    unit.require("reference after writing", came != first, "another", came)


# --- writing -------------------------------------------------------------------------------------


def row(identifier: int, form: int, value: bytes, length: int | None = None) -> bytes:
    """An attribute as WRITE ATTRIBUTE wants it."""
    size = len(value) if length is None else length
    return identifier.to_bytes(2) + bytes((form,)) + size.to_bytes(2) + value


def write(unit: Subject, *rows: bytes) -> Answer:
    """WRITE ATTRIBUTE. No opinion on how it ends."""
    body = b"".join(rows)
    data = len(body).to_bytes(4) + body
    return unit.do(c.write_attribute(len(data)), out=data)


def keep(unit: Subject, identifier: int, form: int) -> None:
    """Put back what the attribute is, when the check ends. NotApplicable without the memory."""
    unit.need(0x8D)
    before = attributes(unit).get(identifier)
    value = before.value if before else b""
    unit.cleanup(lambda: write(unit, row(identifier, form, value)))


def value_of(unit: Subject, identifier: int) -> bytes | None:
    """An attribute's value, None without it."""
    found = attributes(unit).get(identifier)
    return found.value if found else None


def declare_host(identifier: int, name: str, size: int, form: int) -> None:
    """An attribute that hosts write."""

    @check(
        f"ATTR-{identifier:04X}",
        VALUES,
        TOPIC,
        f"{identifier:04X}h, {name[0].lower()}{name[1:]}, written and read",
        scratch=True,
        expected="What is written is what is read, in the same format and not read-only; "
        "length 0 deletes it.",
    )
    def host(unit: Subject) -> None:
        keep(unit, identifier, form)
        wanted = b"\x81" if form == BINARY else (b"keyreel conform " * 10)[:size]
        answer = write(unit, row(identifier, form, wanted))
        if answer.code == INVALID_PARAMETER:
            unit.skip("the attribute is not supported")
        if answer.status != GOOD:
            raise Failure("WRITE ATTRIBUTE", "GOOD", repr(answer))
        came = attributes(unit).get(identifier)
        unit.expect("attribute", Attribute(identifier, False, form, wanted), came)
        unit.expect("status of deleting", GOOD, write(unit, row(identifier, form, b"")).status)
        gone = value_of(unit, identifier)
        unit.require("value after deleting", not gone, "none, or of length 0", gone)


for host_row in HOST:
    declare_host(*host_row)


@check("ATTR-COHERENCY", VALUES, TOPIC, "Volume coherency information of LTFS", scratch=True)
def coherency(unit: Subject) -> None:
    """080Ch of 70 bytes, as LTFS writes it, comes back; a warning where it is refused."""
    keep(unit, 0x080C, BINARY)
    value = bytes((4,)) + bytes(range(69))
    answer = write(unit, row(0x080C, BINARY, value))
    if answer.status != GOOD:
        unit.warn(f"volume coherency information is refused ({answer.code}): LTFS writes it")
        return
    unit.expect("value", value, value_of(unit, 0x080C))


@check("ATTR-KEPT", VALUES, TOPIC, "Attributes stay with the volume", scratch=True)
def kept(unit: Subject) -> None:
    """What was written is there after an unload and a load."""
    keep(unit, 0x0800, ASCII)
    unit.expect("status", GOOD, write(unit, row(0x0800, ASCII, b"CONFORM ")).status)
    reload(unit)
    unit.expect("value", b"CONFORM ", value_of(unit, 0x0800))


def declare_read_only(identifier: int, form: int, size: int) -> None:
    """An attribute that hosts may not write."""

    @check(
        f"ATTR-READ-ONLY-{identifier:04X}",
        WRITE,
        TOPIC,
        f"Writing {identifier:04X}h, which is read-only",
        scratch=True,
        expected="5/26/00, at the attribute if there is a field pointer; the value stays.",
    )
    def read_only(unit: Subject) -> None:
        unit.need(0x8D)
        before = need_memory(unit).get(identifier)
        answer = write(unit, row(identifier, form, b"1" * size))
        unit.expect("sense", INVALID_PARAMETER, answer.code)
        unit.expect("attribute", before, attributes(unit).get(identifier))


for read_only_row in ((0x0001, BINARY, 8), (0x0400, ASCII, 8), (0x0401, ASCII, 32)):
    declare_read_only(*read_only_row)


WRONG = (
    ("LENGTH", "an attribute that is too long", row(0x0800, ASCII, b"123456789")),
    ("UNKNOWN", "an identifier that is not known", row(0x0BFE, BINARY, b"1234")),
    ("RESERVED", "an identifier that is reserved", row(0x7FFF, BINARY, b"1234")),
    ("TORN", "an attribute that says that it is longer than the list",
     row(0x0801, ASCII, b"123", 32)),
    ("ORDER", "identifiers that do not ascend",
     row(0x0802, ASCII, b"12345678") + row(0x0800, ASCII, b"12345678")),
    ("SECOND", "a second attribute that is read-only",
     row(0x0800, ASCII, b"REFUSED ") + row(0x7000, BINARY, b"1")),
)  # fmt: skip


def declare_wrong(key: str, words: str, body: bytes) -> None:
    """A list that is wrong."""

    @check(
        f"ATTR-WRONG-{key}",
        WRITE,
        TOPIC,
        f"A list with {words}",
        scratch=True,
        expected="5/26/00 (or 5/1A/00), and nothing is written.",
    )
    def wrong(unit: Subject) -> None:
        keep(unit, 0x0800, ASCII)
        keep(unit, 0x0802, ASCII)
        before = value_of(unit, 0x0800), value_of(unit, 0x0802)
        answer = write(unit, body)
        if key == "ORDER" and answer.status == GOOD:
            unit.warn("identifiers that do not ascend are taken")
            return
        codes = (INVALID_PARAMETER, LIST_LENGTH)
        unit.require("sense", answer.code in codes, " or ".join(codes), answer)
        unit.expect("values", before, (value_of(unit, 0x0800), value_of(unit, 0x0802)))


for wrong_row in WRONG:
    declare_wrong(*wrong_row)


@check("ATTR-WRITE-NOTHING", WRITE, TOPIC, "WRITE ATTRIBUTE without a list")
def nothing(unit: Subject) -> None:
    """A parameter list length of 0 is GOOD, or DATA PROTECT where nothing can be written."""
    unit.need(0x8D)
    asking.need_volume(unit)
    answer = unit.do(c.write_attribute(0))
    if not answer.code.startswith("7/"):
        unit.expect("status", GOOD, answer.status)
