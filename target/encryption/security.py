"""SECURITY PROTOCOL IN and OUT of a tape drive (SPC-4 6.36, 6.37; SSC-4 8.5).

The functions take the drive as `target.tape.drive.Drive` makes it. What IN returns is in
`reports`, what OUT may say in `set_page`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from keymgr.secret import Secret
from target.encryption import pages, reports, set_page
from target.encryption.abilities import APPLICATION, Abilities
from target.encryption.parameters import DEFAULTS, Scope, told
from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Data, Nexus, Rule, command
from target.scsi.sense import CheckCondition

if TYPE_CHECKING:
    from target.tape.drive import Drive


def security_protocol_in(drive: Drive, call: Call) -> Completion:
    """SECURITY PROTOCOL IN. No known drive counts in 512 bytes (INC_512)."""
    abilities = _abilities(drive, call)
    longest = drive.personality.quirks.get("spin_longest")
    if longest is not None and call["allocation_length"] > longest:
        raise call.invalid("allocation_length")
    protocol, code = call["security_protocol"], call["page"]
    data: bytes | None
    if protocol == pages.PROTOCOL_INFORMATION:
        data = reports.information(abilities, code)
        if data is None:
            raise call.invalid("page")
    elif protocol == pages.PROTOCOL_TAPE:
        if code not in abilities.in_pages:
            raise call.invalid("page")
        drive.parameters.registered.add(call.nexus)
        data = reports.tape(drive, abilities, call.nexus, code)
    else:
        raise call.invalid("security_protocol")
    return call.reply(data, call["allocation_length"])


def security_protocol_out(drive: Drive, call: Call) -> Completion:
    """SECURITY PROTOCOL OUT. The parameter list is overwritten in memory, whatever comes of it."""
    try:
        return _out(drive, call)
    finally:
        for buffer in call.data_out:
            buffer[:] = bytes(len(buffer))


def _out(drive: Drive, call: Call) -> Completion:
    abilities = _abilities(drive, call)
    if call["security_protocol"] != pages.PROTOCOL_TAPE:
        raise call.invalid("security_protocol")
    if call["page"] not in abilities.out_pages:
        raise call.invalid("page")
    drive.parameters.registered.add(call.nexus)
    if not call["transfer_length"]:
        return GOOD
    data = call.parameters(call["transfer_length"])
    try:
        _set_data_encryption(drive, abilities, call.nexus, data)
    finally:
        data[:] = bytes(len(data))
    return GOOD


def _abilities(drive: Drive, call: Call) -> Abilities:
    """What the model can do. 5/24/00 for INC_512, and for the protocol where someone controls
    encryption under whom the model does not know these commands (T10000 manual, SPIN notes)."""
    abilities = drive.abilities
    if abilities is None or drive.control in abilities.silent:
        raise call.invalid("security_protocol")
    if call["inc_512"]:
        raise call.invalid("inc_512")
    return abilities


def _set_data_encryption(drive: Drive, abilities: Abilities, nexus: Nexus, data: bytearray) -> None:
    parameters = drive.parameters
    fields = set_page.check_header(data)
    if drive.control != APPLICATION or abilities.capabilities["cfg_p"] == reports.PREVENTED:
        raise CheckCondition(s.CONFIGURATION_PREVENTED)
    if drive.key_failures >= abilities.key_fail_limit:
        raise CheckCondition(s.KEY_FAIL_LIMIT)
    scope = Scope(fields["scope"])
    management = abilities.management
    offered = {Scope.PUBLIC: "public_c", Scope.LOCAL: "local_c", Scope.ALL: "aitn_c"}
    if not management[offered[scope]]:
        raise set_page.bad("scope")
    if fields["lock"] and not management["lock_c"]:
        raise set_page.bad("lock")
    for name in ("ckod", "ckorp", "ckorl"):
        if scope is not Scope.PUBLIC and fields[name] and not management[f"{name}_c"]:
            raise set_page.bad(name)
    new = None
    if scope is not Scope.PUBLIC:
        new = set_page.parse(
            data,
            fields,
            abilities,
            partial(_unwrap, drive),
            loaded=drive.loaded,
            reserved=drive.has_reservation(nexus),
            persistent=drive.has_persistent(nexus),
            counter=parameters.next_counter(),
        )
    page = new or replace(DEFAULTS, scope=scope)
    what = "put" if page.active else "dropped"
    drive.happened("key", what=what, by=nexus.initiator, **told(page))
    affected = parameters.establish(nexus, scope, new, bool(fields["lock"]))
    drive.parameters_changed()
    for other in affected:
        drive.tell(other, s.ENCRYPTION_CHANGED_BY_OTHER)


def _unwrap(drive: Drive, data: bytearray, at: int, end: int) -> Secret:
    return drive.wrapping_key().open(data, at, end, drive.designators())


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
        secret=True,
    ),
)
