"""SET DATA ENCRYPTION, page 0010h of SECURITY PROTOCOL OUT: every field checked, then a set.

Whatever is wrong is 5/26/00 with the field pointer, unless the table in SSC-4 8.5.3.2 says
otherwise. With both modes DISABLE the key, the algorithm index and the key-associated data are
ignored: widely used tools send a zero key and index 0 to turn encryption off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from keymgr.secret import Secret
from target.encryption import pages
from target.encryption.abilities import (
    EXTERNAL_ALLOWED,
    KADS_REQUIRED,
    NONCE_REQUIRED,
    NONCE_TAKEN,
    Abilities,
)
from target.encryption.parameters import Decryption, Encryption, ParameterSet, Scope
from target.medium.crypt import KEY_SIZE
from target.medium.runs import Kads
from target.scsi import sense as s
from target.scsi.sense import CheckCondition, invalid_parameter

PLAIN, VENDOR_REFERENCE, WRAPPED = 0, 1, 2
"""KEY FORMAT."""
NONCE_SIZE = 12

RAW_NEVER = (1, 6)
RAW_NOT_CONTROLLABLE = (1, 6, 7)
RAW_DISABLED_BY_DEFAULT = (4, 6)
"""Values of RDMC_C. With 6 blocks are marked, as other drives of the format might read them raw."""
_KEY_AT = pages.SET_PAGE.size
_EXACT = {pages.KAD_U: "ukadf", pages.KAD_A: "akadf"}
"""The capability that says that key-associated data of a type have the maximum length."""

Unwrap = Callable[[bytearray, int, int], Secret]
"""Opens a wrapped key: the list, where the KEY field begins, where it ends."""


def bad(name: str) -> CheckCondition:
    """5/26/00 pointing at a field of the page; the caller raises it."""
    where = pages.SET_PAGE[name]
    return invalid_parameter(where.first, where.top_bit if where.width % 8 else None)


def check_header(data: bytearray) -> dict[str, int]:
    """The fixed fields of the page. Raises CheckCondition 5/1A/00 or 5/26/00."""
    if len(data) < pages.SET_PAGE.size:
        raise CheckCondition(s.PARAMETER_LIST_LENGTH)
    fields = pages.SET_PAGE.decode(data)
    if fields["page_code"] != pages.SET_DATA_ENCRYPTION:
        raise bad("page_code")
    end = fields["page_length"] + 4
    if end > len(data):
        raise CheckCondition(s.PARAMETER_LIST_LENGTH)
    if end < pages.SET_PAGE.size:
        raise bad("page_length")
    stray = pages.SET_PAGE.stray_bit(data)
    if stray:
        raise invalid_parameter(*stray)
    if fields["scope"] > Scope.ALL:
        raise bad("scope")
    return fields


def parse(
    data: bytearray,
    fields: dict[str, int],
    abilities: Abilities,
    unwrap: Unwrap,
    *,
    loaded: bool,
    reserved: bool,
    persistent: bool,
    counter: int,
) -> ParameterSet:
    """The parameter set that a page with scope LOCAL or ALL asks for.

    ``loaded``: a volume is mounted; ``reserved``: this nexus works under a reservation,
    ``persistent``: under a persistent one; ``counter``: the new key instance counter. Raises
    CheckCondition.
    """
    encryption, decryption = _modes(fields, abilities)
    off = not (encryption or decryption)
    _check_controls(fields, abilities, encryption, decryption, loaded=loaded)
    if fields["ckorp"] and not persistent:
        raise bad("ckorp")
    if fields["ckorl"] and not reserved:
        raise bad("ckorl")
    key_end = _KEY_AT + fields["key_length"]
    end = fields["page_length"] + 4
    if key_end > end:
        raise bad("key_length")
    off_set = ParameterSet(
        scope=Scope(fields["scope"]),
        ckod=bool(fields["ckod"]),
        ckorp=bool(fields["ckorp"]),
        ckorl=bool(fields["ckorl"]),
        counter=counter,
    )
    if off:
        return off_set
    if fields["algorithm_index"] not in abilities.accepted:
        raise bad("algorithm_index")
    if fields["key_format"] not in abilities.key_formats:
        raise bad("key_format")
    if fields["kad_format"] > (2 if abilities.fields.get("kadf_c") else 0):
        raise bad("kad_format")
    needed = encryption is Encryption.ENCRYPT or decryption >= Decryption.DECRYPT
    if fields["key_format"] == PLAIN and fields["key_length"] not in (0, KEY_SIZE):
        raise bad("key_length")
    if needed and not fields["key_length"]:
        raise bad("key_length")
    kads, nonce = _descriptors(data, key_end, end, fields, abilities, encryption)
    bare = not (kads.unauthenticated or kads.authenticated)
    needs_kads = abilities.fields["dkad_c"] == KADS_REQUIRED and decryption >= Decryption.DECRYPT
    needs_nonce = abilities.fields["nonce_c"] == NONCE_REQUIRED and encryption is Encryption.ENCRYPT
    if (needs_kads and bare) or (needs_nonce and not nonce):
        raise CheckCondition(s.INCOMPLETE_KAD_SET)
    return replace(
        off_set,
        encryption=encryption,
        decryption=decryption,
        algorithm=fields["algorithm_index"],
        key=_key(data, key_end, fields["key_format"], unwrap) if needed else Secret(b""),
        kads=kads,
        nonce=nonce,
        ceem=fields["ceem"],
        raw_disabled=_raw_disabled(fields["rdmc"], abilities, encryption),
    )


def _key(data: bytearray, end: int, key_format: int, unwrap: Unwrap) -> Secret:
    """The key. 5/26/12 for a maker's reference, as no drive here holds a key that has one."""
    if key_format == WRAPPED:
        return unwrap(data, _KEY_AT, end)
    if key_format == VENDOR_REFERENCE:
        raise CheckCondition(s.KEY_REFERENCE_NOT_FOUND)
    with memoryview(data) as view:
        return Secret(view[_KEY_AT:end])


def _raw_disabled(rdmc: int, abilities: Abilities, encryption: Encryption) -> bool:
    """RDMC says so, which counts with ENCRYPT only, or RDMC_C where it leaves it to that."""
    if encryption is Encryption.ENCRYPT and rdmc:
        return rdmc == 3
    return abilities.fields["rdmc_c"] in RAW_DISABLED_BY_DEFAULT


def _modes(fields: dict[str, int], abilities: Abilities) -> tuple[Encryption, Decryption]:
    if fields["encryption_mode"] > Encryption.ENCRYPT:
        raise bad("encryption_mode")
    if fields["decryption_mode"] > Decryption.MIXED:
        raise bad("decryption_mode")
    encryption = Encryption(fields["encryption_mode"])
    decryption = Decryption(fields["decryption_mode"])
    if encryption is Encryption.EXTERNAL and abilities.fields["eemc_c"] != EXTERNAL_ALLOWED:
        raise bad("encryption_mode")
    if decryption is Decryption.RAW and abilities.fields["rdmc_c"] in RAW_NEVER:
        raise bad("decryption_mode")
    return encryption, decryption


def _check_controls(
    fields: dict[str, int],
    abilities: Abilities,
    encryption: Encryption,
    decryption: Decryption,
    *,
    loaded: bool,
) -> None:
    if fields["ceem"] >= 2 and decryption is Decryption.DISABLE:
        raise bad("ceem")
    fixed = abilities.fields["rdmc_c"] in RAW_NOT_CONTROLLABLE
    if fields["rdmc"] == 1 or (fields["rdmc"] >= 2 and fixed and encryption is Encryption.ENCRYPT):
        raise bad("rdmc")
    # No model has supplemental keys (SDK_C 0).
    if fields["sdk"]:
        raise bad("sdk")
    if fields["ckod"] and not loaded:
        raise bad("ckod")


def _descriptors(
    data: bytearray,
    at: int,
    end: int,
    fields: dict[str, int],
    abilities: Abilities,
    encryption: Encryption,
) -> tuple[Kads, bytes]:
    """The key-associated data descriptors between two offsets of the list, and the nonce."""
    u_kad, a_kad = abilities.limits(fields["algorithm_index"])
    nonce_c = abilities.fields["nonce_c"]
    limits = {pages.KAD_U: u_kad, pages.KAD_A: a_kad}
    if nonce_c in (NONCE_REQUIRED, NONCE_TAKEN) and encryption is Encryption.ENCRYPT:
        limits[pages.KAD_NONCE] = NONCE_SIZE
    if encryption is Encryption.EXTERNAL:
        limits[pages.KAD_M] = abilities.max_mkad
    exact = {kind for kind, name in _EXACT.items() if abilities.fields.get(name)}
    exact.add(pages.KAD_NONCE)
    found: dict[int, bytes] = {}
    while at < end:
        if at + 4 > end:
            raise invalid_parameter(at)
        # The byte between them is reserved in data-out, and not looked at: stenc sends what its
        # stack held there.
        kind, size = data[at], int.from_bytes(data[at + 2 : at + 4], "big")
        if not limits.get(kind) or any(kind <= other for other in found):
            raise invalid_parameter(at)
        if size > limits[kind] or at + 4 + size > end:
            raise invalid_parameter(at + 2)
        if kind in exact and size < limits[kind]:
            raise invalid_parameter(at + 2)
        found[kind] = bytes(data[at + 4 : at + 4 + size])
        at += 4 + size
    metadata = found.get(pages.KAD_M, b"")
    if encryption is Encryption.EXTERNAL and len(metadata) != abilities.max_mkad:
        raise bad("encryption_mode")
    kads = Kads(
        found.get(pages.KAD_U, b""),
        found.get(pages.KAD_A, b""),
        metadata,
        fields["kad_format"],
    )
    return kads, found.get(pages.KAD_NONCE, b"")
