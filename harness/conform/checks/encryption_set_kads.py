"""What is wrong with the key-associated data of a Set Data Encryption page, and with the command
that brings it (SSC-4 8.5.3.2, 8.5.4; SPC-4 6.37)."""

from __future__ import annotations

from collections.abc import Callable

from harness.conform.encryption import (
    A_KAD,
    DECRYPT,
    DISABLE,
    ENCRYPT,
    EXTERNAL,
    KEY_A,
    KEY_B,
    M_KAD,
    NONCE,
    REWIND,
    U_KAD,
    Drive,
    encryption_check,
)
from harness.conform.encryption_cdbs import out_cdb
from harness.conform.encryption_codes import INCOMPLETE_KADS, INVALID_LIST, LIST_LENGTH
from harness.conform.encryption_pages import kad, of_host
from harness.conform.encryption_wrong import CLAUSE, TOPIC, Make, fields, unknown_algorithm, wrong
from harness.conform.subject import GOOD

# --- key-associated data -------------------------------------------------------------------------


def _u(drive: Drive) -> bytes:
    """A good U-KAD, or A-KAD on a drive without U-KADs."""
    if drive.algorithm.maximum_ukad_length:
        return kad(U_KAD, bytes(drive.algorithm.maximum_ukad_length))
    drive.need_kad(A_KAD)
    return kad(A_KAD, bytes(drive.algorithm.maximum_akad_length))


def _with_kads(make: Callable[[Drive], bytes]) -> Make:
    return lambda drive: drive.make(key=KEY_B, kads=make(drive))


for _kind in (0x05, 0x7F, 0xFF):
    wrong(
        f"KAD-TYPE-{_kind:02X}",
        f"A descriptor of the reserved type {_kind:02X}h",
        # A default binds this round's value; mypy has no type for such a lambda.
        _with_kads(lambda drive, kind=_kind: _u(drive) + kad(kind, b"x")),  # type: ignore[misc]
    )
wrong("KAD-TWICE", "Two descriptors of one type", _with_kads(lambda drive: _u(drive) * 2))


def _descending(drive: Drive) -> bytes:
    u, a = drive.need_kad(U_KAD), drive.need_kad(A_KAD)
    return kad(A_KAD, bytes(a)) + kad(U_KAD, bytes(u))


wrong("KAD-ORDER", "Descriptors in descending order of type", _with_kads(_descending))
for _stray in (1, 2, 3):
    wrong(
        f"KAD-STRAY-{_stray}",
        f"{_stray} stray bytes behind the descriptors",
        # As above.
        _with_kads(lambda drive, stray=_stray: _u(drive) + bytes(stray)),  # type: ignore[misc]
        codes=(INVALID_LIST, LIST_LENGTH),
    )
wrong(
    "KAD-BEYOND",
    "A descriptor longer than the page",
    _with_kads(lambda drive: _u(drive)[:-1]),
    codes=(INVALID_LIST, LIST_LENGTH),
)


def _too_long(kind: int) -> Make:
    def make(drive: Drive) -> bytes:
        drive.need_kad(kind)
        name = "maximum_ukad_length" if kind == U_KAD else "maximum_akad_length"
        most = max(getattr(one, name) for one in drive.facts.algorithms)
        kads = kad(kind, bytes(most + 1))
        if kind == A_KAD and drive.algorithm.dkad_c == 1:
            kads = _u(drive) + kads
        return bytes(drive.make(key=KEY_B, kads=kads))

    return make


wrong("U-KAD-LONG", "A U-KAD of one byte more than any algorithm takes", _too_long(U_KAD))
wrong("A-KAD-LONG", "An A-KAD of one byte more than any algorithm takes", _too_long(A_KAD))


def _exact(kind: int, name: str) -> Make:
    def make(drive: Drive) -> bytes:
        if not getattr(drive.algorithm, name):
            drive.unit.skip(f"{name.upper()} is 0")
        return bytes(drive.make(key=KEY_B, kads=kad(kind, bytes(drive.need_kad(kind) - 1))))

    return make


wrong("U-KAD-SHORT", "A shorter U-KAD where UKADF is 1", _exact(U_KAD, "ukadf"))
wrong("A-KAD-SHORT", "A shorter A-KAD where AKADF is 1", _exact(A_KAD, "akadf"))


def _no_nonce(drive: Drive) -> bytes:
    if drive.algorithm.nonce_c != 1:
        drive.unit.skip(f"NONCE_C is {drive.algorithm.nonce_c}: hosts may give a nonce")
    return (_u(drive) if drive.algorithm.dkad_c == 1 else b"") + kad(NONCE, bytes(12))


wrong("NONCE-REFUSED", "A nonce where NONCE_C says that the drive makes it", _with_kads(_no_nonce))


def _metadata(drive: Drive) -> bytes:
    return (_u(drive) if drive.algorithm.dkad_c == 1 else b"") + kad(M_KAD, bytes(64))


wrong("M-KAD-REFUSED", "Metadata with ENCRYPTION MODE ENCRYPT", _with_kads(_metadata))
wrong(
    "M-KAD-MISSING",
    "ENCRYPTION MODE EXTERNAL without metadata",
    fields(Drive.need_external, encryption=EXTERNAL, key=b"", decryption=DISABLE),
)


def _needs_kads(drive: Drive) -> None:
    if drive.algorithm.dkad_c != 1:
        drive.unit.skip(f"DKAD_C is {drive.algorithm.dkad_c}: decryption needs none")


wrong(
    "KADS-MISSING",
    "No key-associated data where DKAD_C says that decryption needs them",
    fields(_needs_kads, kads=b""),
    codes=(INCOMPLETE_KADS,),
)


# --- the command ---------------------------------------------------------------------------------


def _unknown_out(page: int) -> None:
    @encryption_check(
        f"ENC-OUT-PAGE-{page:04X}",
        "SSC-4 8.5.3.1",
        "SECURITY PROTOCOL OUT",
        f"Page {page:04X}h, where page 0001h does not list it",
        expected="5/24/00, pointing at SECURITY PROTOCOL SPECIFIC; nothing changes.",
    )
    def body(drive: Drive) -> None:
        if page in drive.facts.pages_out:
            drive.unit.skip(f"the drive lists page {page:04X}h")
        data = drive.make(page_code=page)
        before = drive.status()
        drive.unit.refused(out_cdb(len(data), page), "5/24/00", out=data, field=(2, 7))
        drive.unit.expect("status page", before, drive.status())


for _page in (0x0000, 0x0011, 0x0012, 0x0020, 0x0021, 0x7777, 0xFFFF):
    _unknown_out(_page)


@encryption_check(
    "ENC-OUT-PROTOCOL", "SPC-4 6.37", "SECURITY PROTOCOL OUT", "Protocols that are not listed"
)
def unknown_protocol(drive: Drive) -> None:
    "5/24/00, pointing at SECURITY PROTOCOL; nothing changes."
    data = drive.make()
    before = drive.status()
    for protocol in (0x07, 0x21, 0x3F, 0xEE, 0xFF):
        if protocol not in drive.facts.protocols:
            cdb = out_cdb(len(data), protocol=protocol)
            drive.unit.refused(cdb, "5/24/00", out=data, field=(1, 7))
    drive.unit.expect("status page", before, drive.status())


@encryption_check(
    "ENC-OUT-INC-512", "SPC-4 6.37", "SECURITY PROTOCOL OUT", "TRANSFER LENGTH in 512-byte units"
)
def inc_512(drive: Drive) -> None:
    "5/24/00, pointing at INC_512, or the page is taken, padding and all."
    page = bytes(drive.make(key=KEY_B))
    before = drive.status()
    cdb = bytearray(bytes(out_cdb(1)))
    cdb[4] |= 0x80
    answer = drive.unit.do(cdb, out=page.ljust(512, b"\0"))
    if answer.status == GOOD:
        drive.unit.expect("modes", (ENCRYPT, DECRYPT), drive.status().modes)
        return
    drive.unit.refused(cdb, "5/24/00", out=page.ljust(512, b"\0"), field=(4, 7))
    drive.unit.expect("status page", before, drive.status())


@encryption_check(
    "ENC-SET-KEY-STAYS", CLAUSE, TOPIC, "The key of the page before stays when one is refused"
)
def old_key_stays(drive: Drive) -> None:
    "Blocks written after a refused page carry the old key, and the old key-associated data."
    drive.unit.blank()
    drive.set(key=KEY_A, kads=drive.some_kad(b"old"))
    index = unknown_algorithm(drive)
    drive.refused(drive.make(key=KEY_B, algorithm_index=index, kads=drive.some_kad(b"new")))
    drive.write_block(b"after a refused page")
    drive.unit.good(REWIND)
    came = of_host(drive.next_block().kads)
    if came and drive.some_kad(b"old"):
        drive.unit.require("descriptor", came[0][1].startswith(b"old"), repr(b"old"), came[0][1])
    drive.reads(b"after a refused page")
