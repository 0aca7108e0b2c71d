"""What a drive claims, held against itself and against what it does (SSC-4 8.5.2.4 to 8.5.2.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.conform.check import NotApplicable, check
from harness.conform.encryption import (
    CAPABILITIES,
    DECRYPT,
    ENCRYPT,
    KEY_A,
    KEY_FORMATS,
    LOCAL,
    PUBLIC,
    PUBLIC_KEY,
    ROOM,
    Drive,
    block,
    encryption_check,
)
from harness.conform.encryption_codes import NOT_BY_HOSTS, PREVENTED
from harness.conform.encryption_pages import Algorithm, algorithms, set_page
from harness.conform.subject import Subject
from harness.layers.cdb import ReportDensitySupport, Rewind
from harness.layers.security import DeviceServerKeyWrappingPublicKey

CLAUSE = "SSC-4 8.5.2.4"
TOPIC = "capabilities"
TOPIC_NAME = f"encryption: {TOPIC}"
STANDARD = (0x0001000C, 0x00010010, 0x00010014, 0x00010016)
"""Algorithm codes of SPC-4 that tape drives have."""
CCM_GCM = (0x00010010, 0x00010014)
"""AES-256 that authenticates by itself: the key is that of the cipher alone."""


def _claim(
    id: str,
    title: str,
    expected: str,
    holds: Callable[[Algorithm], bool],
    shown: str,
    *,
    strict: bool = True,
) -> None:
    """Declare a check of every algorithm descriptor; ``shown``: the field that is told; not
    ``strict``: odd, and no more than a warning, for no clause forbids it."""
    words = expected if strict else f"{expected} Else a warning: no clause says so."

    @encryption_check(f"ENC-CAP-{id}", CLAUSE, TOPIC, title, keys=False, expected=words)
    def body(drive: Drive) -> None:
        for one in algorithms(drive.page(CAPABILITIES)):
            name = f"{shown.upper()} of algorithm {one.algorithm_index:02X}h"
            if strict:
                drive.unit.require(name, holds(one), expected, getattr(one, shown))
            elif not holds(one):
                drive.unit.warn(f"{name} is {getattr(one, shown)}: {expected}")


_claim(
    "LENGTH", "Length of algorithm descriptors", "0014h.",
    lambda one: one.algorithm_descriptor_length == 0x14, "algorithm_descriptor_length",
)  # fmt: skip
_claim(
    "KEY-SIZE", "Key size of known algorithms", "That of the algorithm; 32 bytes with AES-256.",
    lambda one: one.key_size == 32
    if one.security_algorithm_code in CCM_GCM
    else one.key_size > 0,
    "key_size",
)  # fmt: skip
_claim(
    "CODE", "Security algorithm codes", "A code of the standard, or a maker's own (80000000h on).",
    lambda one: one.security_algorithm_code in STANDARD
    or one.security_algorithm_code >= 0x80000000,
    "security_algorithm_code",
)  # fmt: skip
_claim(
    "ENCRYPT", "Algorithms that do something", "ENCRYPT_C or DECRYPT_C is not 0.",
    lambda one: bool(one.encrypt_c or one.decrypt_c), "decrypt_c", strict=False,
)  # fmt: skip
_claim(
    "RDMC", "RDMC_C", "1h, 4h, 5h, 6h or 7h; 0h where the algorithm does not decrypt.",
    lambda one: one.rdmc_c in (1, 4, 5, 6, 7) or not one.decrypt_c, "rdmc_c",
)  # fmt: skip
_claim("EEMC", "EEMC_C", "0, 1 or 2.", lambda one: one.eemc_c < 3, "eemc_c")
_claim(
    "EAREM", "EAREM of algorithms with EXTERNAL mode", "1: CEEM needs it.",
    lambda one: one.eemc_c != 2 or one.earem == 1, "earem", strict=False,
)  # fmt: skip
_claim(
    "SDK", "Count of supplemental keys", "0 where SDK_C is 0, else more.",
    lambda one: bool(one.sdk_c) == bool(one.msdk_count), "msdk_count",
)  # fmt: skip
_claim(
    "UKADF", "UKADF", "0 where there is no U-KAD.",
    lambda one: bool(one.maximum_ukad_length) or not one.ukadf, "ukadf", strict=False,
)  # fmt: skip
_claim(
    "AKADF", "AKADF", "0 where there is no A-KAD.",
    lambda one: bool(one.maximum_akad_length) or not one.akadf, "akadf", strict=False,
)  # fmt: skip
_claim(
    "DKAD", "DKAD_C 1 and key-associated data", "Some are possible where they are required.",
    lambda one: one.dkad_c != 1 or bool(one.maximum_ukad_length or one.maximum_akad_length),
    "dkad_c",
)  # fmt: skip
_claim(
    "MAC", "MAC_C of authenticated encryption", "1 for CCM and GCM: they authenticate.",
    lambda one: one.security_algorithm_code not in CCM_GCM or one.mac_c == 1,
    "mac_c", strict=False,
)  # fmt: skip


@encryption_check("ENC-CAP-LIST", CLAUSE, TOPIC, "The list of algorithms", keys=False)
def descriptors(drive: Drive) -> None:
    "One at least, in ascending order of index, each index once; nothing behind them."
    data = drive.page(CAPABILITIES)
    found = algorithms(data)
    indices = [one.algorithm_index for one in found]
    drive.unit.require("algorithms", indices, "one at least", indices)
    drive.unit.expect("indices", sorted(set(indices)), indices)
    drive.unit.expect("page length", 16 + 24 * len(found), int.from_bytes(data[2:4]))
    for at in range(20, len(data), 24):
        drive.unit.expect("reserved byte 1", 0, data[at + 1])
        drive.unit.expect("reserved bytes 18 and 19", bytes(2), data[at + 18 : at + 20])


@encryption_check("ENC-CAP-EXTDECC", CLAUSE, TOPIC, "EXTDECC and CFG_P", keys=False)
def control(drive: Drive) -> None:
    "Not the reserved 11b; with EXTDECC 01b no algorithm is under external control."
    data = drive.page(CAPABILITIES)
    extdecc, cfg_p = data[4] >> 2 & 3, data[4] & 3
    drive.unit.require("EXTDECC", extdecc < 3, "00b to 10b", extdecc)
    drive.unit.require("CFG_P", cfg_p < 3, "00b to 10b", cfg_p)
    if extdecc == 1:
        for one in algorithms(data):
            drive.unit.require("ENCRYPT_C", one.encrypt_c < 3, "not 3", one.encrypt_c)
            drive.unit.require("DECRYPT_C", one.decrypt_c < 3, "not 3", one.decrypt_c)


@encryption_check("ENC-CAP-AVFMV", CLAUSE, TOPIC, "AVFMV, held against writing")
def usable(drive: Drive) -> None:
    "With an algorithm that is valid for the volume a block is written, encrypted, and read."
    for one in drive.facts.algorithms:
        if one.avfmv and one.encrypt_c == 2:
            drive.unit.blank()
            drive.set(algorithm_index=one.algorithm_index)
            drive.write_block(block(1))
            drive.off()
            drive.unit.good(Rewind())
            drive.read_refused("off")
            drive.set(algorithm_index=one.algorithm_index)
            drive.reads(block(1))


@encryption_check("ENC-CAP-KEY-SIZE-USED", CLAUSE, TOPIC, "Key size, held against setting a key")
def key_size(drive: Drive) -> None:
    "A key of as many bytes as the descriptor tells is taken."
    drive.set(key=(KEY_A * 8)[: drive.algorithm.key_size])


@encryption_check("ENC-CAP-EMPTY", CLAUSE, TOPIC, "AVFMV and AVFCLP without a volume")
def empty(drive: Drive) -> None:
    "AVFMV is 0 and AVFCLP 00b: there is no volume for which an algorithm could be valid."
    drive.unloaded()
    for one in algorithms(drive.page(CAPABILITIES)):
        drive.unit.expect("AVFMV and AVFCLP", (0, 0), (one.avfmv, one.avfclp))


@encryption_check("ENC-CAP-AVFCLP", CLAUSE, TOPIC, "AVFCLP at the beginning of the tape")
def here(drive: Drive) -> None:
    "Not 01b (not valid here) for an algorithm that is valid for the volume: writing works."
    drive.unit.blank()
    index = drive.algorithm.algorithm_index
    (one,) = [a for a in algorithms(drive.page(CAPABILITIES)) if a.algorithm_index == index]
    drive.unit.require("AVFCLP", one.avfclp in (0, 2), "00b or 10b", one.avfclp)
    drive.set()
    drive.write_block(block(1))


@encryption_check("ENC-CAP-LTO", "Ultrium format U-416 and later", TOPIC, "LTO drives", keys=False)
def ultrium(drive: Drive) -> None:
    "AES-256-GCM, 00010014h, with keys of 32 bytes, U-KADs of 32 bytes and A-KADs of 12 or 60."
    cdb = ReportDensitySupport(allocation_length=ROOM)
    if b"LTO-CVE" not in drive.unit.do(cdb, size=ROOM).data:
        drive.unit.skip("not an LTO drive")
    for one in algorithms(drive.page(CAPABILITIES)):
        drive.unit.expect("SECURITY ALGORITHM CODE", 0x00010014, one.security_algorithm_code)
        drive.unit.expect("key size", 32, one.key_size)
        drive.unit.expect("most bytes of a U-KAD", 32, one.maximum_ukad_length)
        most = one.maximum_akad_length
        drive.unit.require("most bytes of an A-KAD", most in (12, 60), "12 or 60", most)


@encryption_check("ENC-CAP-FORMATS", "SSC-4 8.5.2.5", TOPIC, "Key formats", keys=False)
def formats(drive: Drive) -> None:
    "Ascending, each once; without 00h (plain text), as in modes of FIPS 140, a warning."
    codes = list(drive.page(KEY_FORMATS)[4:])
    drive.unit.expect("key formats", sorted(set(codes)), codes)
    drive.unit.require("key formats", codes, "one at least", codes)
    if codes[0]:
        drive.unit.warn("no key format 00h: programs in the field send keys in plain text")


@encryption_check(
    "ENC-CAP-PUBLIC-KEY", "SSC-4 8.5.2.10", TOPIC, "The public key and wrapped keys", keys=False
)
def wrapping(drive: Drive) -> None:
    "Page 0031h is listed if, and only if, key format 02h is."
    listed = PUBLIC_KEY in drive.facts.pages_in
    drive.unit.expect("page 0031h", 2 in drive.facts.key_formats, listed)


@encryption_check(
    "ENC-CAP-PUBLIC-KEY-FORM", "SSC-4 8.5.2.10", TOPIC, "The public key itself", keys=False
)
def public_key(drive: Drive) -> None:
    "Twice the same; as long as it says; an RSA-2048 modulus is odd and has its top bit set."
    drive.need_page(PUBLIC_KEY)
    data = drive.page(PUBLIC_KEY)
    drive.unit.expect("the page", data, drive.page(PUBLIC_KEY))
    page = DeviceServerKeyWrappingPublicKey(data)
    key = bytes(page.public_key)
    drive.unit.expect("length of the key", len(data) - 14, page.public_key_length)
    if page.public_key_type == 0 and page.public_key_format == 0:
        drive.unit.require("modulus", key[0] & 0x80 and key[255] & 1, "2048 bits, odd", key[:256])
        drive.unit.require("exponent", key[-1] & 1, "odd", key[256:])


@encryption_check(
    "ENC-CAP-MANAGEMENT", "SSC-4 8.5.2.6", TOPIC, "Scopes that can be set", keys=False
)
def scopes(drive: Drive) -> None:
    "LOCAL or ALL I_T NEXUS at least: a drive that encrypts keeps one set of parameters."
    can = drive.facts.management
    drive.unit.require("AITN_C or LOCAL_C", can.aitn_c or can.local_c, "1", can)
    if not can.aitn_c:
        drive.unit.warn("AITN_C is 0: stenc, Proxmox and Bareos set keys for all nexuses")


def _scope_check(scope: int, name: str, capability: str) -> None:
    @encryption_check(
        f"ENC-CAP-SCOPE-{name}",
        "SSC-4 8.5.2.6",
        TOPIC,
        f"{capability.upper()}, held against setting it",
        expected="Where it is 1 the page is taken, else 5/26/00.",
    )
    def body(drive: Drive) -> None:
        page = drive.make(scope=scope)
        if getattr(drive.facts.management, capability):
            drive.set(scope=scope)
        else:
            drive.refused(page, field=(4, 7))


_scope_check(PUBLIC, "PUBLIC", "public_c")
_scope_check(LOCAL, "LOCAL", "local_c")
_scope_check(2, "ALL", "aitn_c")


# --- encryption that hosts do not control --------------------------------------------------------


def _outside_check(
    id: str, title: str, cfg_p: int = 2
) -> Callable[[Callable[[Drive], None]], object]:
    """Declare a check of a drive whose CFG_P is 10b: configured from outside."""

    def declare(body: Callable[[Drive], None]) -> object:
        def run(unit: Subject) -> None:
            drive = Drive(unit)
            if drive.facts.cfg_p != cfg_p:
                unit.skip(f"CFG_P is {drive.facts.cfg_p:02b}b and not {cfg_p:02b}b")
            body(drive)

        expected = body.__doc__ or ""
        return check(
            f"ENC-OUTSIDE-{id}",
            CLAUSE,
            f"encryption: {TOPIC}",
            title,
            scratch=True,
            expected=expected,
        )(run)

    return declare


def _prevented(drive: Drive, **fields: Any) -> None:
    """The page is refused as configured from outside; a warning where another code tells it."""
    known = {one.algorithm_index for one in drive.facts.algorithms}
    page = set_page(algorithm_index=min(known, default=0), **fields)
    answer = drive.refused(page, *NOT_BY_HOSTS)
    if answer.code != PREVENTED:
        drive.unit.warn(f"{answer.code}: SSC-4 has {PREVENTED} for this")


@_outside_check("KEY", "A key from a host where CFG_P says that hosts may not set any")
def outside_key(drive: Drive) -> None:
    "5/74/21, or a maker's own code (a warning), and the status page stays what it was."
    _prevented(drive, encryption_mode=ENCRYPT, decryption_mode=DECRYPT, key=KEY_A)


@_outside_check("OFF", "Both modes DISABLE from a host, likewise")
def outside_off(drive: Drive) -> None:
    "5/74/21, or a maker's own code (a warning): hosts cannot turn encryption off either."
    _prevented(drive)


@_outside_check("ALLOWED", "Both modes DISABLE from a host where CFG_P says that it may", cfg_p=1)
def allowed(drive: Drive) -> None:
    "The page is taken; a refusal is worth a warning: then no key can be checked."
    try:
        drive.begin()
    except NotApplicable as error:
        drive.unit.warn(f"CFG_P is 01b, and yet hosts cannot set keys: {error}")


@_outside_check("CONTROL", "PARAMETERS CONTROL and the abilities, likewise")
def outside_control(drive: Drive) -> None:
    "PARAMETERS CONTROL is not 1 (hosts); algorithms are under external control (3) or not there."
    came = drive.status().parameters_control
    drive.unit.require("PARAMETERS CONTROL", came != 1, "0, 2, 3 or 4", came)
    for one in algorithms(drive.page(CAPABILITIES)):
        drive.unit.require("ENCRYPT_C", one.encrypt_c in (0, 3), "0 or 3", one.encrypt_c)
        drive.unit.require("DECRYPT_C", one.decrypt_c in (0, 3), "0 or 3", one.decrypt_c)
