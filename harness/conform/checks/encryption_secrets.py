"""Keys do not come back: whatever a host may read of a drive is searched for the key that was set
(SSC-4 4.2.22, managing keys within the device server)."""

from __future__ import annotations

from collections.abc import Iterator

from harness.conform.encryption import (
    DECRYPT,
    DISABLE,
    ENCRYPT,
    KEY_A,
    KEY_B,
    RAW,
    ROOM,
    Drive,
    ask,
    encryption_check,
)
from harness.conform.encryption_cdbs import out_cdb
from harness.conform.encryption_codes import FAIL_LIMIT
from harness.conform.subject import GOOD, Subject
from harness.layers.cdb import (
    Inquiry,
    LogSense,
    ModeSense10,
    ReadAttribute,
    ReadBuffer,
    ReceiveDiagnosticResults,
    RequestSense,
    Rewind,
)

CLAUSE = "SSC-4 4.2.22 (managing keys within the device server)"
TOPIC = "secrets"
PART = 6
"""So many bytes of a key in a row are no accident."""
BUFFER = 1 << 16
"""Bytes of a buffer that are looked at."""


def _search(drive: Drive, where: str, data: bytes, *keys: bytes) -> None:
    """Fail if a part of a key is in the data, as bytes or in hexadecimal; neither is shown."""
    text = data.lower()
    for key in keys or (KEY_A,):
        for form in (key, key[::-1]):
            parts = {form[at : at + PART] for at in range(len(form) - PART + 1)}
            found = any(part in data or part.hex().encode() in text for part in parts)
            drive.unit.require(where, not found, "no part of the key", "a part of the key")


def _in_use(drive: Drive) -> None:
    """KEY_A is set, was written with, and reads; a page with KEY_B was refused."""
    (data,) = drive.tape("A")
    drive.set()
    drive.reads(data)
    page = drive.make(key=KEY_B, encryption=0x77)
    drive.unit.refused(out_cdb(len(page)), out=page)


def _mode_pages(unit: Subject) -> Iterator[tuple[str, bytes]]:
    for control in range(4):
        for subpage in (0x00, 0xFF):
            cdb = ModeSense10(
                pc=control, page_code=0x3F, subpage_code=subpage, allocation_length=ROOM
            )
            yield f"mode pages, PC {control}", unit.do(cdb, size=ROOM).data


def _log_pages(unit: Subject) -> Iterator[tuple[str, bytes]]:
    cdb = LogSense(pc=1, allocation_length=ROOM)
    for code in unit.do(cdb, size=ROOM).data[4:]:
        cdb = LogSense(pc=1, page_code=code & 0x3F, allocation_length=ROOM)
        yield f"log page {code:02X}h", unit.do(cdb, size=ROOM).data


def _vpd_pages(unit: Subject) -> Iterator[tuple[str, bytes]]:
    yield "INQUIRY data", unit.do(Inquiry(allocation_length=255), size=255).data
    listed = unit.do(Inquiry(evpd=1, allocation_length=255), size=255).data[4:]
    for code in listed:
        cdb = Inquiry(evpd=1, page_code=code, allocation_length=ROOM)
        yield f"VPD page {code:02X}h", unit.do(cdb, size=ROOM).data


def _attributes(unit: Subject) -> Iterator[tuple[str, bytes]]:
    unit.need(0x8C)
    yield "medium attributes", unit.do(ReadAttribute(allocation_length=ROOM), size=ROOM).data


def _buffers(unit: Subject) -> Iterator[tuple[str, bytes]]:
    unit.need(0x3C)
    # Who looks at the error history keeps others from it until it lets go (SPC-4 6.21.9).
    unit.cleanup(lambda: unit.do(ReadBuffer(mode=0x1C, buffer_id=0xFE)))
    for mode in (0x00, 0x02, 0x0A, 0x1C):
        for number in (0, 1, 2, 0x10):
            cdb = ReadBuffer(mode=mode, buffer_id=number, allocation_length=BUFFER)
            yield f"buffer {number}, mode {mode:02X}h", unit.do(cdb, size=BUFFER).data


def _diagnostics(unit: Subject) -> Iterator[tuple[str, bytes]]:
    unit.need(0x1C)
    for page in (0x00, 0x40, 0x80):
        cdb = ReceiveDiagnosticResults(pcv=1, page_code=page, allocation_length=ROOM)
        yield f"diagnostic page {page:02X}h", unit.do(cdb, size=ROOM).data


def _security_pages(unit: Subject) -> Iterator[tuple[str, bytes]]:
    for protocol in (0x00, 0x20):
        for page in range(0x40):
            answer = ask(unit, page, protocol=protocol)
            if answer.status == GOOD:
                yield f"page {page:04X}h of protocol {protocol:02X}h", answer.data


_AREAS = {
    "SECURITY": ("every page of SECURITY PROTOCOL IN", _security_pages),
    "MODE": ("mode pages", _mode_pages),
    "LOG": ("log pages", _log_pages),
    "INQUIRY": ("INQUIRY data and VPD pages", _vpd_pages),
    "MAM": ("attributes of the cartridge memory", _attributes),
    "BUFFER": ("READ BUFFER, error history too", _buffers),
    "DIAGNOSTIC": ("RECEIVE DIAGNOSTIC RESULTS", _diagnostics),
}


def _area_check(name: str) -> None:
    words, read = _AREAS[name]

    @encryption_check(
        f"ENC-SECRET-{name}",
        CLAUSE,
        TOPIC,
        f"A key in use, and {words}",
        expected=f"No {PART} bytes of the key in a row, nor of one that was refused, forwards or "
        "backwards.",
    )
    def body(drive: Drive) -> None:
        _in_use(drive)
        for where, data in read(drive.unit):
            _search(drive, where, data, KEY_A, KEY_B)


for _name in _AREAS:
    _area_check(_name)


@encryption_check("ENC-SECRET-NEXUS", CLAUSE, TOPIC, "A key in use, and the pages of another nexus")
def other_nexus(drive: Drive) -> None:
    "No part of the key."
    other = drive.second
    _in_use(drive)
    other.heard()
    for where, data in _security_pages(other.unit):
        _search(drive, where, data, KEY_A, KEY_B)


@encryption_check("ENC-SECRET-SENSE", CLAUSE, TOPIC, "Sense data of refused pages and blocks")
def sense_data(drive: Drive) -> None:
    "No part of the key."
    drive.tape("B")
    for fields in ({"encryption": 9}, {"decryption": 9}, {"algorithm_index": 0xEE}, {"rdmc": 1}):
        page = drive.make(**fields)
        answer = drive.unit.refused(out_cdb(len(page)), out=page)
        _search(drive, "sense data", answer.raw_sense)
    drive.set()
    answer = drive.read_refused("wrong")
    _search(drive, "sense data", answer.raw_sense)
    held = drive.unit.do(RequestSense(allocation_length=252), size=252)
    _search(drive, "REQUEST SENSE", held.data)
    drive.set(key=KEY_B)
    drive.unit.expect("READ with the right key", GOOD, drive.read().status)


@encryption_check("ENC-SECRET-TAPE", CLAUSE, TOPIC, "A raw block, and its key")
def raw_block(drive: Drive) -> None:
    "No part of the key in the raw block or in its descriptors."
    drive.need_raw()
    drive.tape("A", rdmc=drive.raw_readable)
    drive.set(DISABLE, RAW)
    kads = b"".join(one.data for one in drive.next_block().kads)
    _search(drive, "descriptors", kads)
    _search(drive, "raw block", drive.read().data)


@encryption_check("ENC-SECRET-ROOM", CLAUSE, TOPIC, "Room that a page leaves in the host's buffer")
def rest_of_the_buffer(drive: Drive) -> None:
    "Nothing is transferred behind the end of a page, though there was a key in the drive's buffer."
    drive.set()
    for page in drive.facts.pages_in:
        whole = len(drive.page(page))
        drive.unit.expect(f"bytes of page {page:04X}h", whole, len(drive.page(page, ROOM)))
        _search(drive, f"page {page:04X}h", drive.page(page, ROOM))


@encryption_check("ENC-SECRET-REFUSED-READ", CLAUSE, TOPIC, "Data-in of a READ with a wrong key")
def refused_read(drive: Drive) -> None:
    "Neither the clear text nor the raw block."
    data = drive.tape("A")[0]
    for key in (KEY_B, None):
        if key is not None:
            drive.set(ENCRYPT, DECRYPT, key=key)
            answer = drive.read_refused("wrong")
        else:
            drive.off()
            answer = drive.read_refused("off")
        drive.unit.require("data", data[:16] not in answer.data, "no clear text", answer.data)
    drive.set()
    drive.unit.good(Rewind())
    drive.reads(data)


# --- guessing ------------------------------------------------------------------------------------


@encryption_check(
    "ENC-GUESS-LIMIT",
    "SSC-4 4.2.22 (exhaustive-search attack prevention)",
    TOPIC,
    "Many wrong keys in a row",
)
def limit(drive: Drive) -> None:
    """A drive should stop taking keys: 7/26/10 (or 5/26/10) until the volume is unloaded; then the
    right key reads. A drive that lets a host guess for ever is worth a warning."""
    data = drive.tape("A")[0]
    for number in range(1, 21):
        answer = drive.send(drive.make(key=number.to_bytes(32)))
        if answer.status != GOOD:
            drive.unit.require(
                "sense of the page", answer.code in FAIL_LIMIT, " or ".join(FAIL_LIMIT), answer.code
            )
            break
        drive.read_refused("wrong")
    else:
        drive.unit.warn("20 wrong keys in a row are taken: nothing keeps a host from guessing")
    drive.reload()
    drive.unit.settle()
    drive.set()
    drive.reads(data)


@encryption_check(
    "ENC-GUESS-RIGHT",
    "SSC-4 4.2.22 (exhaustive-search attack prevention)",
    TOPIC,
    "Wrong keys with the right one between them",
)
def right_between(drive: Drive) -> None:
    "The count begins anew with each right key: no key is refused."
    data = drive.tape("A")[0]
    for number in range(1, 16):
        if number % 3 == 0:
            drive.set()
            drive.reads(data)
            drive.unit.good(Rewind())
        else:
            drive.set(key=number.to_bytes(32))
            drive.read_refused("wrong")
    drive.set()
    drive.reads(data)
