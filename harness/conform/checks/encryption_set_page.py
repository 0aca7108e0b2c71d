"""What is wrong with a Set Data Encryption page: each field, one at a time (SSC-4 8.5.3.2).

A page that is refused must change nothing: `Drive.refused` compares the status page before and
after it.
"""

from __future__ import annotations

from harness.conform.encryption import (
    DECRYPT,
    DISABLE,
    ENCRYPT,
    EXTERNAL,
    KEY_B,
    M_KAD,
    MIXED,
    PUBLIC,
    RAW,
    Drive,
    encryption_check,
)
from harness.conform.encryption_cdbs import out_cdb
from harness.conform.encryption_codes import INVALID_LIST, LIST_LENGTH
from harness.conform.encryption_pages import kad, kads_of
from harness.conform.encryption_wrong import CLAUSE, TOPIC, fields, unknown_algorithm, wrong
from harness.conform.subject import GOOD

# --- header and lengths --------------------------------------------------------------------------

wrong("CODE", "Page code of another page", fields(page_code=0x0011), at=(0, None))
wrong(
    "LENGTH-0",
    "Page length 0",
    fields(page_length=0),
    at=(2, None),
    codes=(INVALID_LIST, LIST_LENGTH),
)
wrong(
    "LENGTH-SHORT",
    "Page length that ends before the key length",
    fields(page_length=0x0D),
    at=(2, None),
    codes=(INVALID_LIST, LIST_LENGTH),
)
wrong(
    "LENGTH-CUTS-KEY",
    "Page length that ends in the key",
    fields(page_length=0x20, kads=b""),
    codes=(INVALID_LIST, LIST_LENGTH),
)
wrong(
    "LENGTH-OFF-BY-ONE",
    "Page length one more than the list",
    lambda drive: drive.make(key=KEY_B, page_length=len(drive.make(key=KEY_B)) - 3),
    codes=(LIST_LENGTH, INVALID_LIST),
)
wrong(
    "LENGTH-LONG",
    "Page length far beyond the list",
    fields(page_length=0xFFFF),
    codes=(LIST_LENGTH, INVALID_LIST),
)


def _cut_check(id: str, title: str, size: int) -> None:
    """``size``: bytes of the list; negative: so many less than the page."""
    wrong(
        f"LIST-{id}",
        title,
        lambda drive: drive.make(key=KEY_B)[: size or None],
        codes=(LIST_LENGTH, INVALID_LIST),
    )


_cut_check("HEADER", "A list of 4 bytes", 4)
_cut_check("CUT-HEADER", "A list of 2 bytes", 2)
_cut_check("CUT-FIXED", "A list that ends before the key length", 19)
_cut_check("NO-KEY", "A list that ends before the key", 20)
_cut_check("CUT-BY-ONE", "A list of one byte less than its page", -1)


@encryption_check("ENC-SET-LIST-0", "SPC-4 6.37", TOPIC, "TRANSFER LENGTH 0")
def nothing(drive: Drive) -> None:
    "GOOD: no data are transferred, and nothing changes."
    drive.set()
    before = drive.status()
    drive.unit.good(out_cdb(0))
    drive.unit.expect("status page", before, drive.status())


@encryption_check("ENC-SET-LIST-LONGER", CLAUSE, TOPIC, "A list longer than its page")
def longer_list(drive: Drive) -> None:
    "GOOD, or a refusal that changes nothing; what is behind the page is not taken for its part."
    page = bytes(drive.make(key=KEY_B))
    before = drive.status()
    answer = drive.send(page + bytes(8))
    after = drive.status()
    if answer.status == GOOD:
        drive.unit.expect("modes", (ENCRYPT, DECRYPT), after.modes)
        drive.unit.expect("descriptors", kads_of(page), [one.data for one in after.kads])
    else:
        drive.unit.require(
            "sense", answer.code in (INVALID_LIST, LIST_LENGTH), INVALID_LIST, answer.code
        )
        drive.unit.expect("status page", before, after)


# --- fields --------------------------------------------------------------------------------------

for _scope in range(3, 8):
    wrong(f"SCOPE-{_scope}", f"Reserved SCOPE {_scope}", fields(scope=_scope), at=(4, 7))

for _mode in (3, 4, 0x7F, 0x80, 0xFF):
    wrong(
        f"ENCRYPTION-{_mode:02X}",
        f"Reserved ENCRYPTION MODE {_mode:02X}h",
        fields(encryption=_mode),
        at=(6, None),
    )
for _mode in (4, 5, 0x7F, 0x80, 0xFF):
    wrong(
        f"DECRYPTION-{_mode:02X}",
        f"Reserved DECRYPTION MODE {_mode:02X}h",
        fields(decryption=_mode),
        at=(7, None),
    )


def _no_external(drive: Drive) -> None:
    if drive.algorithm.eemc_c == 2 or (not drive.algorithm.eemc_c and not drive.storagetek):
        drive.unit.skip(f"EEMC_C is {drive.algorithm.eemc_c}: EXTERNAL mode may be allowed")


def _no_raw(drive: Drive) -> None:
    if drive.algorithm.rdmc_c != 1:
        drive.unit.skip(f"RDMC_C is {drive.algorithm.rdmc_c}: RAW may be set")


def _no_raw_control(drive: Drive) -> None:
    if drive.algorithm.rdmc_c not in (1, 6, 7):
        drive.unit.skip(f"RDMC_C is {drive.algorithm.rdmc_c}: hosts control it")


def _no_sdk(drive: Drive) -> None:
    if drive.algorithm.sdk_c:
        drive.unit.skip("SDK_C is 1: the drive takes supplemental keys")


def _no_lock(drive: Drive) -> None:
    if drive.facts.management.lock_c:
        drive.unit.skip("LOCK_C is 1")


wrong(
    "EXTERNAL-REFUSED",
    "EXTERNAL where EEMC_C does not allow it",
    fields(_no_external, encryption=EXTERNAL, kads=kad(M_KAD, bytes(64))),
    at=(6, None),
)
wrong(
    "RAW-REFUSED",
    "RAW where RDMC_C says that there is no raw reading",
    fields(_no_raw, encryption=DISABLE, decryption=RAW, key=b""),
    at=(7, None),
)
for _ceem in (2, 3):
    wrong(
        f"CEEM-{_ceem}-OFF",
        f"CEEM {_ceem:02b}b with decryption DISABLE",
        fields(ceem=_ceem, decryption=DISABLE),
        at=(5, 7),
    )
wrong("RDMC-1", "Reserved RDMC 01b", fields(rdmc=1), at=(5, 5))
for _rdmc in (2, 3):
    wrong(
        f"RDMC-{_rdmc}-REFUSED",
        f"RDMC {_rdmc:02b}b where RDMC_C says that hosts do not control it",
        fields(_no_raw_control, rdmc=_rdmc),
        at=(5, 5),
    )
wrong("SDK-REFUSED", "SDK where SDK_C is 0", fields(_no_sdk, sdk=1), at=(5, 3))
wrong("LOCK-REFUSED", "LOCK where LOCK_C is 0", fields(_no_lock, lock=1), at=(4, 0))


def _control_check(name: str, at: tuple[int, int]) -> None:
    """A control that the management capabilities do not have."""

    def make(drive: Drive) -> bytes:
        if getattr(drive.facts.management, f"{name}_c"):
            drive.unit.skip(f"{name.upper()}_C is 1")
        return bytes(drive.make(key=KEY_B, **{name: 1}))

    wrong(f"{name.upper()}-REFUSED", f"{name.upper()} where {name.upper()}_C is 0", make, at=at)


_control_check("ckod", (5, 2))
_control_check("ckorp", (5, 1))
_control_check("ckorl", (5, 0))


def _no_reservation(name: str, at: tuple[int, int]) -> None:
    def make(drive: Drive) -> bytes:
        drive.need_management(f"{name}_c")
        return bytes(drive.make(key=KEY_B, **{name: 1}))

    wrong(
        f"{name.upper()}-UNRESERVED",
        f"{name.upper()} of a nexus without a reservation",
        make,
        at=at,
    )


_no_reservation("ckorp", (5, 1))
_no_reservation("ckorl", (5, 0))


@encryption_check("ENC-SET-CKOD-EMPTY", CLAUSE, TOPIC, "CKOD without a volume")
def ckod_without_volume(drive: Drive) -> None:
    "5/26/00: there is nothing whose demount could clear the key."
    drive.need_management("ckod_c")
    page = drive.make(ckod=1)
    drive.unloaded()
    drive.unit.refused(out_cdb(len(page)), INVALID_LIST, out=page, field=(5, 2), data=True)


wrong(
    "ALGORITHM",
    "ALGORITHM INDEX that no descriptor has",
    lambda drive: drive.make(key=KEY_B, algorithm_index=unknown_algorithm(drive)),
    at=(8, None),
)
wrong(
    "ALGORITHM-DECRYPT",
    "ALGORITHM INDEX that no descriptor has, to decrypt only",
    lambda drive: drive.make(DISABLE, DECRYPT, key=KEY_B, algorithm_index=unknown_algorithm(drive)),
    at=(8, None),
)


def _key_format_check(code: int) -> None:
    def make(drive: Drive) -> bytes:
        if code in drive.facts.key_formats:
            drive.unit.skip(f"key format {code:02X}h is listed")
        return bytes(drive.make(key=KEY_B, key_format=code))

    wrong(
        f"KEY-FORMAT-{code:02X}",
        f"KEY FORMAT {code:02X}h that page 0011h does not list",
        make,
        at=(9, None),
    )


for _code in (1, 2, 3, 4, 0x7F, 0x80, 0xFF):
    _key_format_check(_code)


def _kad_format(drive: Drive) -> None:
    if not drive.algorithm.kadf_c:
        drive.unit.skip("KADF_C is 0: the byte is reserved")


wrong("KAD-FORMAT-FF", "Reserved KAD FORMAT", fields(_kad_format, kad_format=0xFF), at=(10, None))


@encryption_check("ENC-SET-KAD-FORMAT-RESERVED", CLAUSE, TOPIC, "KAD FORMAT where KADF_C is 0")
def kad_format_unsupported(drive: Drive) -> None:
    "The byte is reserved: 5/26/00 and nothing changes, or it is ignored and KAD FORMAT stays 0."
    if drive.algorithm.kadf_c:
        drive.unit.skip("KADF_C is 1")
    _maybe(drive, drive.make(key=KEY_B, kad_format=1))
    drive.unit.expect("KAD FORMAT", 0, drive.status().kad_format)


def _maybe(drive: Drive, page: bytes | bytearray) -> None:
    """Reserved bits may be checked or not: a refusal changes nothing."""
    before = drive.status()
    answer = drive.send(page)
    if answer.status != GOOD:
        drive.unit.expect("sense", INVALID_LIST, answer.code)
        drive.unit.expect("status page", before, drive.status())


def _reserved_check(byte: int, bits: int) -> None:
    @encryption_check(
        f"ENC-SET-RESERVED-{byte}-{bits:02X}",
        CLAUSE,
        TOPIC,
        f"Reserved bits of byte {byte}",
        expected="5/26/00 and nothing changes, or they are ignored: the modes are set.",
    )
    def body(drive: Drive) -> None:
        page = drive.make(key=KEY_B)
        page[byte] |= bits
        _maybe(drive, page)


_reserved_check(4, 0x1E)
_reserved_check(11, 0x01)
_reserved_check(14, 0xFF)
_reserved_check(17, 0x80)


# --- keys ----------------------------------------------------------------------------------------


def _key_length_check(length: int) -> None:
    def make(drive: Drive) -> bytes:
        if length == drive.algorithm.key_size:
            drive.unit.skip(f"keys have {length} bytes")
        return bytes(drive.make(key=(KEY_B * 3)[:length]))

    wrong(f"KEY-{length}", f"A key of {length} bytes", make, at=(18, None))


for _length in (1, 16, 24, 31, 33, 48, 64):
    _key_length_check(_length)

for _name, _encryption, _decryption in (
    ("ENCRYPT", ENCRYPT, DISABLE),
    ("DECRYPT", DISABLE, DECRYPT),
    ("MIXED", DISABLE, MIXED),
    ("BOTH", ENCRYPT, DECRYPT),
):
    wrong(
        f"KEYLESS-{_name}",
        f"No key with modes that need one: {_name}",
        fields(encryption=_encryption, decryption=_decryption, key=b""),
        at=(18, None),
    )

wrong(
    "KEY-BEYOND",
    "KEY LENGTH beyond the page",
    fields(key_length=0x0200, kads=b""),
    at=(18, None),
    codes=(INVALID_LIST, LIST_LENGTH),
)


# --- scope PUBLIC --------------------------------------------------------------------------------


@encryption_check("ENC-SET-PUBLIC-IGNORES", CLAUSE, TOPIC, "Other fields with SCOPE PUBLIC")
def public_ignores(drive: Drive) -> None:
    "All but LOCK are ignored: GOOD, and the nexus has no parameters of its own."
    drive.need_management("public_c")
    page = drive.make(scope=PUBLIC, ceem=1)
    drive.unit.good(out_cdb(len(page)), out=page)
    status = drive.status()
    drive.unit.expect(
        "scope and modes", (PUBLIC, DISABLE, DISABLE), (status.i_t_nexus_scope, *status.modes)
    )
