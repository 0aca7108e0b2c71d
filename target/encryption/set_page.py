"""SET DATA ENCRYPTION, page 0010h of SECURITY PROTOCOL OUT: every field checked, then a set.

Whatever is wrong is 5/26/00 with the field pointer, unless the table in SSC-4 8.5.3.2 says
otherwise. With both modes DISABLE the key, the algorithm index and the key-associated data are
ignored: widely used tools send a zero key and index 0 to turn encryption off.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from target.encryption import pages
from target.encryption.parameters import Decryption, Encryption, ParameterSet, Scope
from target.medium.crypt import KEY_SIZE, Secret
from target.medium.runs import Kads
from target.scsi import sense as s
from target.scsi.sense import CheckCondition, invalid_parameter

RAW_NEVER = (1, 6)
RAW_NOT_CONTROLLABLE = (1, 6, 7)
RAW_DISABLED_BY_DEFAULT = (4,)
_KEY_AT = pages.SET_PAGE.size
_EXACT = {pages.KAD_U: "ukadf", pages.KAD_A: "akadf"}
"""The capability that says that key-associated data of a type have the maximum length."""


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
    abilities: dict[str, Any],
    *,
    loaded: bool,
    reserved: bool,
    persistent: bool,
    counter: int,
) -> ParameterSet:
    """The parameter set that a page with scope LOCAL or ALL asks for.

    ``abilities`` is the encryption table of the personality; ``loaded``: a volume is mounted;
    ``reserved``: this nexus works under a reservation, ``persistent``: under a persistent one;
    ``counter``: the new key instance counter. Raises CheckCondition.
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
    if fields["algorithm_index"] != abilities["algorithm_index"]:
        raise bad("algorithm_index")
    if fields["key_format"] not in abilities["key_formats"]:
        raise bad("key_format")
    if fields["kad_format"] > 2:
        raise bad("kad_format")
    if fields["key_length"] not in (0, KEY_SIZE):
        raise bad("key_length")
    needed = encryption is Encryption.ENCRYPT or decryption >= Decryption.DECRYPT
    if needed and not fields["key_length"]:
        raise bad("key_length")
    kads = _kads(data, key_end, end, fields["kad_format"], abilities, encryption)
    rdmc, rdmc_c = fields["rdmc"], abilities["algorithm"]["rdmc_c"]
    with memoryview(data) as view:
        key = Secret(view[_KEY_AT:key_end] if needed else b"")
    return replace(
        off_set,
        encryption=encryption,
        decryption=decryption,
        algorithm=fields["algorithm_index"],
        key=key,
        kads=kads,
        ceem=fields["ceem"],
        raw_disabled=rdmc == 3 or (rdmc == 0 and rdmc_c in RAW_DISABLED_BY_DEFAULT),
    )


def _modes(fields: dict[str, int], abilities: dict[str, Any]) -> tuple[Encryption, Decryption]:
    algorithm = abilities["algorithm"]
    if fields["encryption_mode"] > Encryption.ENCRYPT:
        raise bad("encryption_mode")
    if fields["decryption_mode"] > Decryption.MIXED:
        raise bad("decryption_mode")
    encryption = Encryption(fields["encryption_mode"])
    decryption = Decryption(fields["decryption_mode"])
    if encryption is Encryption.EXTERNAL and algorithm["eemc_c"] == 1:
        raise bad("encryption_mode")
    if decryption is Decryption.RAW and algorithm["rdmc_c"] in RAW_NEVER:
        raise bad("decryption_mode")
    return encryption, decryption


def _check_controls(
    fields: dict[str, int],
    abilities: dict[str, Any],
    encryption: Encryption,
    decryption: Decryption,
    *,
    loaded: bool,
) -> None:
    if fields["ceem"] >= 2 and decryption is Decryption.DISABLE:
        raise bad("ceem")
    fixed = abilities["algorithm"]["rdmc_c"] in RAW_NOT_CONTROLLABLE
    if fields["rdmc"] == 1 or (fields["rdmc"] >= 2 and fixed and encryption is Encryption.ENCRYPT):
        raise bad("rdmc")
    if fields["sdk"]:
        raise bad("sdk")
    if fields["ckod"] and not loaded:
        raise bad("ckod")


def _kads(
    data: bytearray,
    at: int,
    end: int,
    kad_format: int,
    abilities: dict[str, Any],
    encryption: Encryption,
) -> Kads:
    """Read the KAD descriptors between two offsets of the list."""
    limits = {
        pages.KAD_U: abilities["max_ukad"],
        pages.KAD_A: abilities["max_akad"],
        pages.KAD_M: abilities["max_mkad"] if encryption is Encryption.EXTERNAL else -1,
    }
    found: dict[int, bytes] = {}
    while at < end:
        if at + 4 > end:
            raise invalid_parameter(at)
        kind, flags, size = data[at], data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if limits.get(kind, -1) < 0 or any(kind <= other for other in found):
            raise invalid_parameter(at)
        if flags:
            raise invalid_parameter(at + 1, flags.bit_length() - 1)
        if size > limits[kind] or at + 4 + size > end:
            raise invalid_parameter(at + 2)
        if abilities["algorithm"].get(_EXACT.get(kind)) and size < limits[kind]:
            raise invalid_parameter(at + 2)
        found[kind] = bytes(data[at + 4 : at + 4 + size])
        at += 4 + size
    metadata = found.get(pages.KAD_M, b"")
    if encryption is Encryption.EXTERNAL and len(metadata) != abilities["max_mkad"]:
        raise bad("encryption_mode")
    if abilities["algorithm"]["dkad_c"] == 1 and not found:
        raise CheckCondition(s.INCOMPLETE_KAD_SET)
    return Kads(found.get(pages.KAD_U, b""), found.get(pages.KAD_A, b""), metadata, kad_format)
