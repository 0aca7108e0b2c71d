"""The pages that SECURITY PROTOCOL IN returns: protocol 00h and protocol 20h.

Values come from the model's abilities. References are to SPC-4 7.7 and SSC-4 8.5, and to the
published references of the drives where those leave a choice.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from target.encryption import pages
from target.encryption.abilities import AGENT, APPLICATION, LIBRARY, SYSTEM, Abilities, Algorithm
from target.encryption.pages import KadDescriptor
from target.encryption.parameters import Decryption, ParameterSet
from target.encryption.reading import decryptable
from target.medium.crypt import KEY_SIZE
from target.medium.errors import MediumError
from target.medium.index import ENCRYPTED, EXTERNAL, FILEMARK, Entry
from target.medium.null import NullCartridge
from target.medium.runs import RUN_RAW_DISABLED, Kads, Run
from target.scsi.command import Nexus

if TYPE_CHECKING:
    from target.tape.drive import Drive

PARAMETERS_CONTROL = {APPLICATION: 1, LIBRARY: 3, SYSTEM: 4, AGENT: 4}
"""1: not exclusively from outside; 3: the automation device; 4: a management interface."""
PREVENTED = 2
"""CFG_P: the hosts cannot set the parameters."""
EXTERNAL_CONTROL = 3
"""ENCRYPT_C and DECRYPT_C: capable, under external control."""
_CRYPTOGRAPHIC_MODULES = 1
"""The descriptor type of the security compliance information."""


def information(abilities: Abilities, code: int) -> bytes | None:
    """A page of protocol 00h; None if there is none with that code. No model has a certificate."""
    if code == pages.PROTOCOLS:
        protocols = bytes((pages.PROTOCOL_INFORMATION, pages.PROTOCOL_TAPE))
        return bytes(6) + len(protocols).to_bytes(2, "big") + protocols
    if code == pages.CERTIFICATE:
        return bytes(4)
    if code == pages.COMPLIANCE and abilities.compliance:
        return _compliance(abilities)
    return None


def _compliance(abilities: Abilities) -> bytes:
    layout = pages.COMPLIANCE_PAGE
    texts = {
        name: text.encode().ljust(layout[name].width // 8, b"\0")
        for name, text in abilities.compliance.items()
    }
    return bytes(
        layout.encode(
            texts,
            page_length=layout.size - 4,
            descriptor_type=_CRYPTOGRAPHIC_MODULES,
            descriptor_length=layout.size - 12,
        )
    )


def tape(drive: Drive, abilities: Abilities, nexus: Nexus, code: int) -> bytes:
    """A page of protocol 20h that the model has. Raises CheckCondition."""
    return _PAGES[code](drive, abilities, nexus)


def _in_support(drive: Drive, abilities: Abilities, nexus: Nexus) -> bytes:
    return _codes(pages.IN_SUPPORT, abilities.in_pages)


def _out_support(drive: Drive, abilities: Abilities, nexus: Nexus) -> bytes:
    return _codes(pages.OUT_SUPPORT, abilities.out_pages)


def _codes(code: int, listed: tuple[int, ...]) -> bytes:
    return pages.page(code, b"".join(one.to_bytes(2, "big") for one in listed))


def _capabilities(drive: Drive, abilities: Abilities, nexus: Nexus) -> bytes:
    outside = drive.control != APPLICATION
    head = dict(abilities.capabilities)
    if outside and head["cfg_p"]:
        head["cfg_p"] = PREVENTED
    own = {"decrypt_c": EXTERNAL_CONTROL, "encrypt_c": EXTERNAL_CONTROL} if outside else {}
    body = pages.CAPABILITIES_PAGE.encode(head)[4:]
    for algorithm in abilities.algorithms:
        body += _descriptor(drive, {**abilities.fields, **own}, algorithm)
    return pages.page(pages.CAPABILITIES, body)


def _descriptor(drive: Drive, fields: dict[str, int], algorithm: Algorithm) -> bytearray:
    real = drive.loaded and not isinstance(drive.cartridge, NullCartridge)
    form = drive.format_here()
    writable = real and form is not None and algorithm.encrypts(form)
    return pages.ALGORITHM.encode(
        fields,
        algorithm_index=algorithm.index,
        descriptor_length=pages.ALGORITHM.size - 4,
        avfmv=real and algorithm.encrypts(drive.density),
        # 10b: usable for writing at this position; 01b: not here; 00b: no volume.
        avfclp=(2 if writable else 1) if drive.loaded else 0,
        max_ukad=algorithm.max_ukad,
        max_akad=algorithm.max_akad,
        key_size=KEY_SIZE,
    )


def _key_formats(drive: Drive, abilities: Abilities, nexus: Nexus) -> bytes:
    return pages.page(pages.KEY_FORMATS, bytes(abilities.key_formats))


def _management(drive: Drive, abilities: Abilities, nexus: Nexus) -> bytes:
    return pages.page_of(pages.MANAGEMENT, pages.MANAGEMENT_PAGE, dict(abilities.management))


def _status(drive: Drive, abilities: Abilities, nexus: Nexus) -> bytes:
    parameters = drive.parameters
    used = parameters.of(nexus)
    values: dict[str, int] = {
        "nexus_scope": parameters.scope(nexus),
        "key_scope": used.scope,
        "encryption_mode": used.encryption,
        "decryption_mode": used.decryption,
        "algorithm_index": used.algorithm,
        "key_instance_counter": used.counter,
        "parameters_control": abilities.reports_control and PARAMETERS_CONTROL[drive.control],
        "vcelb": bool(abilities.fields.get("vcelb_c"))
        and drive.loaded
        and drive.volume_has_encrypted_blocks(),
        "ceems": used.ceem,
        "rdmd": used.raw_disabled,
        "kad_format": used.kads.format,
    }
    tail = _kads(abilities, used.kads, 0, used.nonce)
    return pages.page_of(pages.STATUS, pages.STATUS_PAGE, values, tail)


def _kads(abilities: Abilities, kads: Kads, a_kad: int, nonce: bytes = b"") -> list[KadDescriptor]:
    """Descriptors of what is there; ``a_kad``: the A-KAD's AUTHENTICATED code (0: not checked)."""
    found = []
    if kads.unauthenticated:
        found.append(KadDescriptor(pages.KAD_U, kads.unauthenticated, abilities.ukad_code))
    if kads.authenticated:
        code = a_kad or pages.NOT_ATTEMPTED
        found.append(KadDescriptor(pages.KAD_A, kads.authenticated, code))
    if nonce:
        found.append(KadDescriptor(pages.KAD_NONCE, nonce, pages.NOT_COVERED))
    if kads.metadata:
        found.append(KadDescriptor(pages.KAD_M, kads.metadata, pages.NOT_ATTEMPTED))
    return found


def _next_block(drive: Drive, abilities: Abilities, nexus: Nexus) -> bytes:
    if abilities.zeros_without_volume and not (drive.loaded and drive.can_encrypt_volume()):
        return pages.page_of(pages.NEXT_BLOCK, pages.NEXT_BLOCK_PAGE, {})
    drive.require_volume()
    number = drive.position
    # Published drives do not tell whether a block is compressed.
    values = {"object_number": number}
    tail: list[KadDescriptor] = []
    index = drive.partition.index
    try:
        entry = index[number] if number < index.count else None
        if entry is None:
            values |= {"encryption_status": abilities.end_of_data}
        elif entry.flags & FILEMARK:
            values |= {"encryption_status": pages.NO_BLOCK}
        elif entry.flags & ENCRYPTED:
            run = drive.partition.run_of(number, entry)
            used = drive.parameters.of(nexus)
            tail = _next_encrypted(drive, abilities, used, entry, run, values)
        else:
            values |= {"encryption_status": pages.CLEAR}
    except MediumError:
        # It is there, but what it is cannot be read now.
        values = {"object_number": number, "encryption_status": pages.CANNOT_NOW}
        tail = []
    return pages.page_of(pages.NEXT_BLOCK, pages.NEXT_BLOCK_PAGE, values, tail)


def _next_encrypted(
    drive: Drive,
    abilities: Abilities,
    used: ParameterSet,
    entry: Entry,
    run: Run,
    values: dict[str, int],
) -> list[KadDescriptor]:
    opened = decryptable(drive, used, entry)
    algorithm = abilities.algorithm_of(drive.density)
    told = algorithm is not None and (used.active or abilities.index_when_off)
    values |= {
        "encryption_status": pages.ENCRYPTED_CLOSED if opened is None else pages.ENCRYPTED_OPEN,
        "algorithm_index": algorithm.index if algorithm and told else 0,
        "emes": bool(entry.flags & EXTERNAL),
        "rdmds": bool(run.flags & RUN_RAW_DISABLED),
        "kad_format": run.kads.format,
    }
    kads = run.kads
    if used.decryption is Decryption.RAW and not run.flags & RUN_RAW_DISABLED:
        # What an application must hand back with the raw block in EXTERNAL mode.
        kads = kads._replace(metadata=run.salt + run.context)
    else:
        kads = kads._replace(metadata=b"")
    codes = {
        None: pages.NOT_ATTEMPTED,
        True: pages.AUTHENTICATED,
        False: pages.AUTHENTICATION_FAILED,
    }
    return _kads(abilities, kads, codes[opened])


def _random_number(drive: Drive, abilities: Abilities, nexus: Nexus) -> bytes:
    return pages.page(pages.RANDOM_NUMBER, os.urandom(32))


def _public_key(drive: Drive, abilities: Abilities, nexus: Nexus) -> bytes:
    return drive.wrapping_key().page()


_PAGES: dict[int, Callable[[Drive, Abilities, Nexus], bytes]] = {
    pages.IN_SUPPORT: _in_support,
    pages.OUT_SUPPORT: _out_support,
    pages.CAPABILITIES: _capabilities,
    pages.KEY_FORMATS: _key_formats,
    pages.MANAGEMENT: _management,
    pages.STATUS: _status,
    pages.NEXT_BLOCK: _next_block,
    pages.RANDOM_NUMBER: _random_number,
    pages.PUBLIC_KEY: _public_key,
}
