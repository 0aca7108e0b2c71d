"""SECURITY PROTOCOL IN: every page's header and lengths, pages that are not there, reserved bits
(SPC-4 6.36 and 7.7.1, SSC-4 8.5.2). Nothing here changes anything but where a title says so."""

from __future__ import annotations

from harness.conform.check import check
from harness.conform.encryption import (
    CAPABILITIES,
    DISABLE,
    IN_SUPPORT,
    KEY_FORMATS,
    MANAGEMENT,
    MIXED,
    NEXT_BLOCK,
    OUT_SUPPORT,
    PUBLIC_KEY,
    RANDOM,
    ROOM,
    STATUS,
    Drive,
    ask,
    encryption_check,
)
from harness.conform.encryption_codes import INVALID_CDB
from harness.conform.subject import GOOD, Subject
from harness.layers.cdb import SecurityProtocolIn
from harness.layers.security import InSupport, OutSupport, SupportedSecurityProtocols

TOPIC = "SECURITY PROTOCOL IN"
PAGES = {
    IN_SUPPORT: ("Tape Data Encryption In Support", "8.5.2.2"),
    OUT_SUPPORT: ("Tape Data Encryption Out Support", "8.5.2.3"),
    CAPABILITIES: ("Data Encryption Capabilities", "8.5.2.4"),
    KEY_FORMATS: ("Supported Key Formats", "8.5.2.5"),
    MANAGEMENT: ("Data Encryption Management Capabilities", "8.5.2.6"),
    STATUS: ("Data Encryption Status", "8.5.2.7"),
    NEXT_BLOCK: ("Next Block Encryption Status", "8.5.2.8"),
    RANDOM: ("Random Number", "8.5.2.9"),
    PUBLIC_KEY: ("Device Server Key Wrapping Public Key", "8.5.2.10"),
}
RESERVED = {
    CAPABILITIES: {4: 0xF0, **dict.fromkeys(range(5, 20), 0xFF)},
    MANAGEMENT: {4: 0xFE, 5: 0xF8, 6: 0xFF, 7: 0xF8, **dict.fromkeys(range(8, 16), 0xFF)},
    STATUS: {4: 0x18, 12: 0x80, **dict.fromkeys(range(16, 24), 0xFF)},
    NEXT_BLOCK: {14: 0xFC},
}
"""Reserved bits by byte."""
LENGTHS = {MANAGEMENT: 0x0C, RANDOM: 0x20}
"""PAGE LENGTH of pages that have one length."""


def _of(drive: Drive, page: int) -> bytes:
    """A page. NotApplicable if it is not listed or needs a volume that is not there."""
    drive.need_page(page)
    answer = ask(drive.unit, page)
    if page == NEXT_BLOCK and answer.code.startswith("2/"):
        drive.unit.skip(f"no volume: {answer.code}")
    drive.unit.expect("status", GOOD, answer.status)
    return answer.data


def _page_checks(page: int, name: str, section: str) -> None:
    @encryption_check(
        f"ENC-IN-{page:04X}-HEADER",
        f"SSC-4 {section}",
        TOPIC,
        f"Header of the {name} page",
        keys=False,
        expected="Its page code; a page length that is what comes behind it. Reserved bits are 0; "
        "a later standard may give them a meaning, so that others are worth a warning.",
    )
    def header(drive: Drive) -> None:
        data = _of(drive, page)
        drive.unit.expect("page code", page, int.from_bytes(data[:2]))
        drive.unit.expect("page length", len(data) - 4, int.from_bytes(data[2:4]))
        if page in LENGTHS:
            drive.unit.expect("page length", LENGTHS[page], int.from_bytes(data[2:4]))
        for byte, mask in RESERVED.get(page, {}).items():
            if data[byte] & mask:
                drive.unit.warn(f"reserved bits of byte {byte} are {data[byte] & mask:02X}h")

    @encryption_check(
        f"ENC-IN-{page:04X}-ALLOCATION",
        "SPC-4 4.2.5.6, 6.36",
        TOPIC,
        f"Allocation lengths for the {name} page",
        keys=False,
        expected="As many bytes as there are, or as were allocated if that is less; PAGE LENGTH is "
        "that of the whole page; with 0, GOOD and nothing.",
    )
    def allocation(drive: Drive) -> None:
        data = _of(drive, page)
        whole = len(data)
        for size in (0, 1, 4, 5, whole - 1, whole, whole + 1, whole + 512):
            came = drive.page(page, size)
            drive.unit.expect(f"bytes with allocation length {size}", min(size, whole), len(came))
            # The random number is another one each time.
            same = min(size, 4) if page == RANDOM else size
            drive.unit.expect(f"data with allocation length {size}", data[:same], came[:same])


for _page, (_name, _section) in PAGES.items():
    _page_checks(_page, _name, _section)


# --- lists ---------------------------------------------------------------------------------------


@encryption_check(
    "ENC-IN-LIST", "SSC-4 8.5.2.2", TOPIC, "The list of pages that can be read", keys=False
)
def list_in(drive: Drive) -> None:
    "Ascending, each once, with those that every drive with protocol 20h has: 0000h to 0021h."
    codes = list(InSupport(drive.page(IN_SUPPORT)).page_codes)
    drive.unit.expect("pages", sorted(set(codes)), codes)
    for page in (
        IN_SUPPORT,
        OUT_SUPPORT,
        CAPABILITIES,
        KEY_FORMATS,
        MANAGEMENT,
        STATUS,
        NEXT_BLOCK,
    ):
        drive.unit.require("pages", page in codes, f"page {page:04X}h among them", codes)


@encryption_check(
    "ENC-IN-LIST-OUT", "SSC-4 8.5.2.3", TOPIC, "The list of pages that can be sent", keys=False
)
def list_out(drive: Drive) -> None:
    "Ascending, each once, with 0010h, Set Data Encryption, where hosts may set keys."
    codes = list(OutSupport(drive.page(OUT_SUPPORT)).page_codes)
    drive.unit.expect("pages", sorted(set(codes)), codes)
    if drive.facts.cfg_p != 2:
        drive.unit.require("pages", 0x0010 in codes, "page 0010h among them", codes)


@encryption_check("ENC-IN-LISTED", "SSC-4 8.5.2.2", TOPIC, "Every page that is listed", keys=False)
def listed(drive: Drive) -> None:
    "It comes, with its own page code; 0021h may need a volume."
    for page in drive.facts.pages_in:
        answer = ask(drive.unit, page)
        if page == NEXT_BLOCK and answer.code.startswith("2/"):
            continue
        drive.unit.expect(f"status of page {page:04X}h", GOOD, answer.status)
        drive.unit.expect("page code", page, int.from_bytes(answer.data[:2]))


def _unlisted_check(name: str, codes: range | tuple[int, ...]) -> None:
    @encryption_check(
        f"ENC-IN-UNLISTED-{name}",
        "SSC-4 8.5.2.1",
        TOPIC,
        f"Pages {codes[0]:04X}h to {codes[-1]:04X}h that are not listed",
        keys=False,
        expected="5/24/00, pointing at SECURITY PROTOCOL SPECIFIC, and no data.",
    )
    def body(drive: Drive) -> None:
        for page in codes:
            if page not in drive.facts.pages_in:
                cdb = SecurityProtocolIn(
                    security_protocol=0x20, security_protocol_specific=page, allocation_length=512
                )
                answer = drive.unit.refused(cdb, INVALID_CDB, size=512, field=(2, 7))
                drive.unit.expect("data", b"", answer.data)


_unlisted_check("00", range(0x0002, 0x0010))
_unlisted_check("10", range(0x0013, 0x0020))
_unlisted_check("20", range(0x0022, 0x0030))
_unlisted_check("30", range(0x0030, 0x0048))
_unlisted_check("FF", (0x0100, 0x1000, 0x1234, 0x7FFF, 0x8010, 0xFFFF))


# --- protocol 00h --------------------------------------------------------------------------------


@encryption_check(
    "ENC-IN-PROTOCOLS", "SPC-4 7.7.1.2", TOPIC, "The list of security protocols", keys=False
)
def protocols(drive: Drive) -> None:
    "Reserved bytes are 0, the length is right, the codes ascend, 00h and 20h are among them."
    data = ask(drive.unit, 0x0000, protocol=0x00).data
    drive.unit.expect("reserved bytes", bytes(6), data[:6])
    drive.unit.expect("length", len(data) - 8, int.from_bytes(data[6:8]))
    codes = list(SupportedSecurityProtocols(data).supported_security_protocols)
    drive.unit.expect("protocols", sorted(set(codes)), codes)
    drive.unit.require("protocols", {0x00, 0x20} <= set(codes), "00h and 20h among them", codes)


@encryption_check(
    "ENC-IN-PROTOCOLS-ALLOCATION",
    "SPC-4 6.36",
    TOPIC,
    "Allocation lengths for the list of protocols",
    keys=False,
)
def protocols_cut(drive: Drive) -> None:
    "The list is cut, and its length is that of the whole list."
    whole = ask(drive.unit, 0x0000, protocol=0x00).data
    for size in (0, 4, 8, 9, len(whole), len(whole) + 100):
        came = ask(drive.unit, 0x0000, size, protocol=0x00)
        drive.unit.expect("status", GOOD, came.status)
        drive.unit.expect(f"data with allocation length {size}", whole[:size], came.data)


@encryption_check("ENC-IN-CERTIFICATE", "SPC-4 7.7.1.3", TOPIC, "The certificate", keys=False)
def certificate(drive: Drive) -> None:
    "A length that is what comes behind it; a certificate, if there is one, is DER."
    answer = ask(drive.unit, 0x0001, protocol=0x00)
    drive.unit.expect("status", GOOD, answer.status)
    data = answer.data
    drive.unit.expect("reserved bytes", bytes(2), data[:2])
    drive.unit.expect("length", len(data) - 4, int.from_bytes(data[2:4]))
    if len(data) > 4:
        drive.unit.expect("first byte of the certificate", 0x30, data[4])


@encryption_check("ENC-IN-COMPLIANCE", "SPC-4 7.7.1.4", TOPIC, "Compliance information", keys=False)
def compliance(drive: Drive) -> None:
    "5/24/00, or descriptors whose lengths fill the page."
    answer = ask(drive.unit, 0x0002, protocol=0x00)
    if answer.status != GOOD:
        drive.unit.expect("sense", INVALID_CDB, answer.code)
        return
    data = answer.data
    drive.unit.expect("length", len(data) - 4, int.from_bytes(data[:4]))
    at = 4
    while at < len(data):
        at += 8 + int.from_bytes(data[at + 4 : at + 8])
    drive.unit.expect("end of the descriptors", len(data), at)


@encryption_check(
    "ENC-IN-INFORMATION-UNKNOWN",
    "SPC-4 7.7.1.1",
    TOPIC,
    "Unknown pages of protocol 00h",
    keys=False,
)
def unknown_information(drive: Drive) -> None:
    "5/24/00, pointing at SECURITY PROTOCOL SPECIFIC."
    for page in (0x0003, 0x0010, 0x0020, 0x7777, 0xFFFF):
        cdb = SecurityProtocolIn(security_protocol_specific=page, allocation_length=512)
        drive.unit.refused(cdb, INVALID_CDB, size=512, field=(2, 7))


@encryption_check(
    "ENC-IN-PROTOCOL-UNKNOWN", "SPC-4 6.36", TOPIC, "Protocols that are not listed", keys=False
)
def unknown_protocols(drive: Drive) -> None:
    "5/24/00, pointing at SECURITY PROTOCOL."
    for protocol in (*range(0x01, 0x08), 0x1F, 0x21, 0x40, 0x41, 0xEE, 0xEF, 0xFF):
        if protocol not in drive.facts.protocols:
            cdb = SecurityProtocolIn(security_protocol=protocol, allocation_length=512)
            drive.unit.refused(cdb, INVALID_CDB, size=512, field=(1, 7))


# --- the CDB -------------------------------------------------------------------------------------


@encryption_check(
    "ENC-IN-INC-512", "SPC-4 6.36", TOPIC, "ALLOCATION LENGTH in 512-byte units", keys=False
)
def inc_512(drive: Drive) -> None:
    "5/24/00, pointing at INC_512, or the page, padded with zeros to a multiple of 512 bytes."
    cdb = SecurityProtocolIn(
        security_protocol=0x20,
        security_protocol_specific=CAPABILITIES,
        inc_512=1,
        allocation_length=1,
    )
    answer = drive.unit.do(cdb, size=512)
    if answer.status != GOOD:
        drive.unit.refused(cdb, INVALID_CDB, size=512, field=(4, 7))
        return
    page = drive.page(CAPABILITIES)
    drive.unit.expect("the page", page.ljust(512, b"\0"), answer.data.ljust(512, b"\0"))


def _reserved_check(byte: int, bits: int) -> None:
    @encryption_check(
        f"ENC-IN-RESERVED-{byte}-{bits:02X}",
        "SPC-4 4.3.3, 6.36",
        TOPIC,
        f"Reserved bits {bits:02X}h of byte {byte} of the CDB",
        keys=False,
        expected="5/24/00, pointing there, or they are ignored: the page comes.",
    )
    def body(drive: Drive) -> None:
        cdb = bytearray(
            bytes(
                SecurityProtocolIn(
                    security_protocol=0x20,
                    security_protocol_specific=MANAGEMENT,
                    allocation_length=64,
                )
            )
        )
        cdb[byte] |= bits
        answer = drive.unit.do(cdb, size=64)
        if answer.status == GOOD:
            drive.unit.expect("the page", drive.page(MANAGEMENT), answer.data)
            return
        drive.unit.refused(cdb, INVALID_CDB, size=64, field=(byte, bits.bit_length() - 1))


_reserved_check(4, 0x01)
_reserved_check(4, 0x40)
_reserved_check(5, 0x80)
_reserved_check(10, 0x01)


# --- states --------------------------------------------------------------------------------------


@encryption_check("ENC-IN-STILL", "SSC-4 8.5.2.1", TOPIC, "Asking for pages between blocks")
def still(drive: Drive) -> None:
    "No page moves the tape or disturbs reading."
    blocks = drive.tape("cAA")
    drive.set(DISABLE, MIXED)
    for number, data in enumerate(blocks):
        for page in drive.facts.pages_in:
            drive.page(page)
            drive.unit.expect(f"position after page {page:04X}h", number, drive.position())
        drive.reads(data)


@encryption_check("ENC-IN-EMPTY", "SSC-4 8.5.2.1", TOPIC, "Pages without a volume")
def without_a_volume(drive: Drive) -> None:
    "All come but 0021h, which may be refused with NOT READY."
    drive.unloaded()
    for page in drive.facts.pages_in:
        answer = ask(drive.unit, page)
        if page == NEXT_BLOCK and answer.code.startswith("2/"):
            continue
        drive.unit.expect(f"status of page {page:04X}h", GOOD, answer.status)


@encryption_check("ENC-IN-NEXUSES", "SSC-4 8.5.2.1", TOPIC, "The same pages from another nexus")
def nexuses(drive: Drive) -> None:
    "What the drive can do does not depend on who asks."
    other = drive.second
    for page in (IN_SUPPORT, OUT_SUPPORT, CAPABILITIES, KEY_FORMATS, MANAGEMENT):
        drive.unit.expect(f"page {page:04X}h", drive.page(page), other.page(page))


@encryption_check("ENC-IN-RANDOM", "SSC-4 8.5.2.9", TOPIC, "Random numbers", keys=False)
def random_numbers(drive: Drive) -> None:
    "32 bytes, others each time, and not all zeros."
    drive.need_page(RANDOM)
    seen = {drive.page(RANDOM)[4:] for _ in range(6)}
    drive.unit.expect("different numbers of six", 6, len(seen))
    drive.unit.require("numbers", bytes(32) not in seen, "none that is zero", seen)


@encryption_check("ENC-IN-LONG", "SPC-4 6.36", TOPIC, "A large allocation length", keys=False)
def long_allocation(drive: Drive) -> None:
    "The page and nothing more; firmware that refuses more than 8192 bytes is known (a warning)."
    cdb = SecurityProtocolIn(
        security_protocol=0x20, security_protocol_specific=CAPABILITIES, allocation_length=65536
    )
    answer = drive.unit.do(cdb, size=ROOM)
    if answer.code == INVALID_CDB:
        drive.unit.warn("an allocation length above 8192 is refused: stenc 1.1 sends such")
        return
    drive.unit.expect("the page", drive.page(CAPABILITIES), answer.data)


# --- drives that do not encrypt ------------------------------------------------------------------


@check(
    "ENC-NONE",
    "SPC-4 6.36",
    "encryption: SECURITY PROTOCOL IN",
    "A drive without security protocols",
)
def without(unit: Subject) -> None:
    """SECURITY PROTOCOL IN and OUT are both there, or both 5/20/00, which is worth a warning; so is
    protocol 20h whose pages are refused, as of drives whose encryption is not licensed."""
    if unit.has(0xA2):
        listed = ask(unit, 0x0000, protocol=0x00).data[8:]
        refused = ask(unit, CAPABILITIES).code
        if 0x20 not in listed:
            unit.warn("protocol 20h is not listed: hosts cannot encrypt with this drive")
        elif refused:
            unit.warn(f"protocol 20h is listed, its pages are refused: {refused}")
        else:
            unit.expect("SECURITY PROTOCOL OUT", True, unit.has(0xB5))
    elif unit.has(0xB5):
        unit.expect("SECURITY PROTOCOL IN", True, False)
    else:
        unit.refused(b"\xa2" + bytes(11), "5/20/00")
        unit.refused(b"\xb5" + bytes(11), "5/20/00")
        unit.warn("no SECURITY PROTOCOL IN and OUT: hosts cannot encrypt with this drive")
