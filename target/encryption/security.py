"""SECURITY PROTOCOL IN and OUT of a tape drive: protocol 00h and the pages of protocol 20h.

The functions take the drive as `target.tape.drive.Drive` makes it; references are to SPC-4 7.7 and
SSC-4 8.5, and to the published references of the drives where those leave a choice.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from target.encryption import pages, set_page
from target.encryption.pages import KadDescriptor
from target.encryption.parameters import Decryption, ParameterSet, Scope
from target.encryption.reading import decryptable
from target.medium import compress
from target.medium.crypt import KEY_SIZE
from target.medium.errors import MediumError
from target.medium.index import ENCRYPTED, EXTERNAL, FILEMARK, Entry
from target.medium.runs import RUN_RAW_DISABLED, Kads, Run
from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Data, Nexus, Rule, command
from target.scsi.sense import CheckCondition

if TYPE_CHECKING:
    from target.tape.drive import Drive


def security_protocol_in(drive: Drive, call: Call) -> Completion:
    """SECURITY PROTOCOL IN. INC_512 is not supported, as on LTO drives."""
    if call["inc_512"]:
        raise call.invalid("inc_512")
    protocol, code = call["security_protocol"], call["page"]
    if protocol == pages.PROTOCOL_INFORMATION:
        data = _information(call, code)
    elif protocol == pages.PROTOCOL_TAPE:
        if code not in drive.personality.encryption["in_pages"]:
            raise call.invalid("page")
        drive.parameters.registered.add(call.nexus)
        data = _PAGES[code](drive, call.nexus)
    else:
        raise call.invalid("security_protocol")
    return call.reply(data, call["allocation_length"])


def security_protocol_out(drive: Drive, call: Call) -> Completion:
    """SECURITY PROTOCOL OUT. The parameter list is overwritten in memory once it is read."""
    if call["inc_512"]:
        raise call.invalid("inc_512")
    if call["security_protocol"] != pages.PROTOCOL_TAPE:
        raise call.invalid("security_protocol")
    if call["page"] not in drive.personality.encryption["out_pages"]:
        raise call.invalid("page")
    drive.parameters.registered.add(call.nexus)
    if not call["transfer_length"]:
        return GOOD
    try:
        data = call.parameters(call["transfer_length"])
    finally:
        for buffer in call.data_out:
            buffer[:] = bytes(len(buffer))
    try:
        _set_data_encryption(drive, call.nexus, data)
    finally:
        data[:] = bytes(len(data))
    return GOOD


def _set_data_encryption(drive: Drive, nexus: Nexus, data: bytearray) -> None:
    abilities = drive.personality.encryption
    parameters = drive.parameters
    fields = set_page.check_header(data)
    if abilities["capabilities"]["cfg_p"] == 2:
        raise CheckCondition(s.CONFIGURATION_PREVENTED)
    if drive.key_failures >= abilities["key_fail_limit"]:
        raise CheckCondition(s.KEY_FAIL_LIMIT)
    scope = Scope(fields["scope"])
    management = abilities["management"]
    offered = {Scope.PUBLIC: "public_c", Scope.LOCAL: "local_c", Scope.ALL: "aitn_c"}
    if not management[offered[scope]]:
        raise set_page.bad("scope")
    if fields["lock"] and not management["lock_c"]:
        raise set_page.bad("lock")
    new = None
    if scope is not Scope.PUBLIC:
        new = set_page.parse(
            data,
            fields,
            abilities,
            loaded=drive.loaded,
            reserved=drive.has_reservation(nexus),
            persistent=drive.has_persistent(nexus),
            counter=parameters.next_counter(),
        )
    affected = parameters.establish(nexus, scope, new, bool(fields["lock"]))
    drive.parameters_changed()
    for other in affected:
        drive.tell(other, s.ENCRYPTION_CHANGED_BY_OTHER)


def _information(call: Call, code: int) -> bytes:
    """Protocol 00h: the supported protocols, and no certificate."""
    if code == 0x0000:
        protocols = bytes((pages.PROTOCOL_INFORMATION, pages.PROTOCOL_TAPE))
        return bytes(6) + len(protocols).to_bytes(2, "big") + protocols
    if code == 0x0001:
        return bytes(4)
    raise call.invalid("page")


def _in_support(drive: Drive, nexus: Nexus) -> bytes:
    codes = drive.personality.encryption["in_pages"]
    return pages.page(pages.IN_SUPPORT, b"".join(code.to_bytes(2, "big") for code in codes))


def _out_support(drive: Drive, nexus: Nexus) -> bytes:
    codes = drive.personality.encryption["out_pages"]
    return pages.page(pages.OUT_SUPPORT, b"".join(code.to_bytes(2, "big") for code in codes))


def _capabilities(drive: Drive, nexus: Nexus) -> bytes:
    abilities = drive.personality.encryption
    usable = drive.loaded and drive.can_encrypt_volume()
    algorithm = pages.ALGORITHM.encode(
        abilities["algorithm"],
        algorithm_index=abilities["algorithm_index"],
        descriptor_length=pages.ALGORITHM.size - 4,
        avfmv=usable,
        # 10b: usable for writing at this position; 01b: not here; 00b: no volume.
        avfclp=(2 if usable else 1) if drive.loaded else 0,
        max_ukad=abilities["max_ukad"],
        max_akad=abilities["max_akad"],
        key_size=KEY_SIZE,
        algorithm_code=abilities["algorithm_code"],
    )
    head = pages.CAPABILITIES_PAGE.encode(abilities["capabilities"])
    return pages.page(pages.CAPABILITIES, head[4:] + algorithm)


def _key_formats(drive: Drive, nexus: Nexus) -> bytes:
    return pages.page(pages.KEY_FORMATS, bytes(drive.personality.encryption["key_formats"]))


def _management(drive: Drive, nexus: Nexus) -> bytes:
    values = drive.personality.encryption["management"]
    return pages.page_of(pages.MANAGEMENT, pages.MANAGEMENT_PAGE, values)


def _status(drive: Drive, nexus: Nexus) -> bytes:
    parameters = drive.parameters
    used = parameters.of(nexus)
    values: dict[str, int] = {
        "nexus_scope": parameters.scope(nexus),
        "key_scope": used.scope,
        "encryption_mode": used.encryption,
        "decryption_mode": used.decryption,
        "algorithm_index": used.algorithm,
        "key_instance_counter": used.counter,
        "parameters_control": 1,
        "vcelb": drive.loaded and drive.volume_has_encrypted_blocks(),
        "ceems": used.ceem,
        "rdmd": used.raw_disabled,
        "kad_format": used.kads.format,
    }
    return pages.page_of(pages.STATUS, pages.STATUS_PAGE, values, _kads(used.kads, 0))


def _kads(kads: Kads, a_kad: int) -> list[KadDescriptor]:
    """Descriptors of what is there; ``a_kad``: the A-KAD's AUTHENTICATED code (0: not checked)."""
    found = []
    if kads.unauthenticated:
        found.append(KadDescriptor(pages.KAD_U, kads.unauthenticated, pages.NOT_COVERED))
    if kads.authenticated:
        code = a_kad or pages.NOT_ATTEMPTED
        found.append(KadDescriptor(pages.KAD_A, kads.authenticated, code))
    if kads.metadata:
        found.append(KadDescriptor(pages.KAD_M, kads.metadata, pages.NOT_ATTEMPTED))
    return found


def _next_block(drive: Drive, nexus: Nexus) -> bytes:
    drive.require_volume()
    number = drive.position
    values = {"object_number": number}
    tail: list[KadDescriptor] = []
    index = drive.partition.index
    try:
        entry = index[number] if number < index.count else None
        if entry is None:
            values |= {"encryption_status": 1}
        elif entry.flags & FILEMARK:
            values |= {"encryption_status": 2}
        else:
            # Published drives report 0 for a block that is not compressed, and tools know no 3.
            values["compression_status"] = 4 if compress.used(entry.flags) else 0
            values["encryption_status"] = 3
            if entry.flags & ENCRYPTED:
                run = drive.partition.run_of(number, entry)
                tail = _next_encrypted(drive, drive.parameters.of(nexus), entry, run, values)
    except MediumError:
        # It is there, but what it is cannot be read now.
        values = {"object_number": number, "encryption_status": 1}
        tail = []
    return pages.page_of(pages.NEXT_BLOCK, pages.NEXT_BLOCK_PAGE, values, tail)


def _next_encrypted(
    drive: Drive, used: ParameterSet, entry: Entry, run: Run, values: dict[str, int]
) -> list[KadDescriptor]:
    opened = decryptable(drive, used, entry)
    values |= {
        "encryption_status": 6 if opened is None else 5,
        "algorithm_index": drive.personality.encryption["algorithm_index"],
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
    return _kads(kads, codes[opened])


def _random_number(drive: Drive, nexus: Nexus) -> bytes:
    return pages.page(pages.RANDOM_NUMBER, os.urandom(32))


_PAGES: dict[int, Callable[[Drive, Nexus], bytes]] = {
    pages.IN_SUPPORT: _in_support,
    pages.OUT_SUPPORT: _out_support,
    pages.CAPABILITIES: _capabilities,
    pages.KEY_FORMATS: _key_formats,
    pages.MANAGEMENT: _management,
    pages.STATUS: _status,
    pages.NEXT_BLOCK: _next_block,
    pages.RANDOM_NUMBER: _random_number,
}

COMMANDS = (
    command(
        0xA2,
        "SECURITY PROTOCOL IN",
        "1 security_protocol, 2-3 page, 4.7 inc_512, 6-9 allocation_length",
        security_protocol_in,
        Data.IN,
        Rule.PASSES_WRITE_EXCLUSIVE,
    ),
    command(
        0xB5,
        "SECURITY PROTOCOL OUT",
        "1 security_protocol, 2-3 page, 4.7 inc_512, 6-9 transfer_length",
        security_protocol_out,
        Data.OUT,
        Rule.NONE,
    ),
)
