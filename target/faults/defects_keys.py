"""Defects of keys over time and among nexuses: what is kept too long, or taken from another one
(SSC-4 4.2.22)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from keymgr.secret import Secret
from target.encryption import pages
from target.encryption.parameters import Decryption, ParameterSet, Scope
from target.faults.defect import defect
from target.faults.patches import Handler, Patches
from target.medium.crypt import KEY_SIZE
from target.medium.runs import Kads
from target.scsi import sense as s
from target.scsi.command import Call, Completion, Nexus
from target.scsi.sense import CheckCondition
from target.tape.drive import Drive

Change = Callable[[Nexus, Scope, ParameterSet], ParameterSet]
Established = Callable[[Nexus, Scope, ParameterSet | None, bool], set[Nexus]]
Of = Callable[[Nexus], ParameterSet]

_OPENS = (Decryption.DECRYPT, Decryption.MIXED)


def _establishes(patches: Patches, change: Change) -> None:
    """Set Data Encryption establishes another set than it asks for."""

    def establish(
        real: Established, nexus: Nexus, scope: Scope, new: ParameterSet | None, lock: bool
    ) -> set[Nexus]:
        return real(nexus, scope, new and change(nexus, scope, new), lock)

    patches.wrap(patches.drive.parameters, "establish", establish)


def during(patches: Patches, name: str, of: Callable[[Of, Nexus], ParameterSet]) -> None:
    """While a command runs, nexuses have other parameters than they have."""
    running: list[str] = []

    def now(real: Of, nexus: Nexus) -> ParameterSet:
        return of(real, nexus) if running else real(nexus)

    def handler(real: Handler, drive: Drive, call: Call) -> Completion:
        running.append(name)
        try:
            return real(drive, call)
        finally:
            running.pop()

    patches.wrap(patches.drive.parameters, "of", now)
    patches.handler(name, handler)


@defect("key-half", "Only the first 16 bytes of a key count.")
def _half(drive: Drive, patches: Patches) -> None:
    def change(nexus: Nexus, scope: Scope, new: ParameterSet) -> ParameterSet:
        if len(new.key) == KEY_SIZE:
            new.key.reveal()[KEY_SIZE // 2 :] = bytes(KEY_SIZE // 2)
        return new

    _establishes(patches, change)


@defect("kads-stay", "A key without key-associated data gets those of the key before.")
def _kads_stay(drive: Drive, patches: Patches) -> None:
    last = [Kads()]

    def change(nexus: Nexus, scope: Scope, new: ParameterSet) -> ParameterSet:
        if new.kads.unauthenticated or new.kads.authenticated:
            last[0] = new.kads
        return replace(new, kads=last[0]) if new.active else new

    _establishes(patches, change)


@defect("kads-of-others", "Data Encryption Status has the key-associated data that were set last.")
def _kads_of_others(drive: Drive, patches: Patches) -> None:
    last = [Kads()]

    def change(nexus: Nexus, scope: Scope, new: ParameterSet) -> ParameterSet:
        last[0] = new.kads
        return new

    def of(real: Of, nexus: Nexus) -> ParameterSet:
        used = real(nexus)
        return replace(used, kads=last[0]) if used.active else used

    _establishes(patches, change)
    during(patches, "SECURITY PROTOCOL IN", of)


@defect(
    "counter-of-others",
    "The key instance counter stays when another nexus replaces the key for all.",
)
def _counter_of_others(drive: Drive, patches: Patches) -> None:
    owner: list[Nexus] = []

    def change(nexus: Nexus, scope: Scope, new: ParameterSet) -> ParameterSet:
        shared = drive.parameters.shared
        if scope is not Scope.ALL:
            return new
        if shared is not None and shared.active and owner != [nexus]:
            new = replace(new, counter=shared.counter)
        owner[:] = [nexus]
        return new

    _establishes(patches, change)


@defect("ckod-stays", "CKOD counts for the next key as well, which came without.")
def _ckod_stays(drive: Drive, patches: Patches) -> None:
    def change(nexus: Nexus, scope: Scope, new: ParameterSet) -> ParameterSet:
        parameters = drive.parameters
        old = parameters.local.get(nexus) if scope is Scope.LOCAL else parameters.shared
        return replace(new, ckod=True) if old is not None and old.ckod else new

    _establishes(patches, change)


@defect("public-releases-all", "A nexus that takes scope PUBLIC takes the key for all away.")
def _public_releases(drive: Drive, patches: Patches) -> None:
    def establish(
        real: Established, nexus: Nexus, scope: Scope, new: ParameterSet | None, lock: bool
    ) -> set[Nexus]:
        told = real(nexus, scope, new, lock)
        shared = drive.parameters.shared
        if scope is Scope.PUBLIC and shared is not None:
            shared.key.wipe()
            drive.parameters.shared = None
        return told

    patches.wrap(drive.parameters, "establish", establish)


@defect("read-ahead-kept", "The block behind one that was read is read with the same key by all.")
def _read_ahead(drive: Drive, patches: Patches) -> None:
    kept = Secret(bytes(KEY_SIZE))
    patches.later(kept.wipe)
    ahead: dict[int, ParameterSet] = {}
    """What the block at a position was decrypted with."""

    def of(real: Of, nexus: Nexus) -> ParameterSet:
        found = ahead.pop(drive.position, None)
        used = real(nexus)
        ahead.clear()
        if found is None and used.decryption in _OPENS:
            kept.reveal()[:] = used.key.reveal()
            found = replace(used, key=kept)
        if found is not None:
            ahead[drive.position + 1] = found
        return found or used

    during(patches, "READ(6)", of)


@defect("refused-read-moves", "The tape is behind a block that was refused for want of its key.")
def _refused_moves(drive: Drive, patches: Patches) -> None:
    def read(real: Handler, drive: Drive, call: Call) -> Completion:
        try:
            return real(drive, call)
        except CheckCondition as condition:
            if condition.sense.code in (s.ENCRYPTED_NOT_READABLE, s.INCORRECT_KEY):
                drive.position += 1
            raise

    patches.handler("READ(6)", read)


@defect("vcelbre-ignored", "VCELBRE does not keep blocks in clear from being written.")
def _vcelbre(drive: Drive, patches: Patches) -> None:
    def write(real: Handler, drive: Drive, call: Call) -> Completion:
        guard, drive.guard = drive.guard, None
        try:
            return real(drive, call)
        finally:
            drive.guard = guard

    patches.handler("WRITE(6)", write)


@defect(
    "next-block-before-space",
    "Next Block Encryption Status is about where the tape was before SPACE.",
)
def _next_before_space(drive: Drive, patches: Patches) -> None:
    before: dict[int, int] = {}

    def space(real: Handler, drive: Drive, call: Call) -> Completion:
        at = drive.position
        done = real(drive, call)
        before.clear()
        before[drive.position] = at
        return done

    def page(real: Handler, drive: Drive, call: Call) -> Completion:
        now = drive.position
        if call["page"] == pages.NEXT_BLOCK:
            drive.position = before.get(now, now)
        try:
            return real(drive, call)
        finally:
            drive.position = now

    patches.handler("SPACE(6)", space)
    patches.handler("SECURITY PROTOCOL IN", page)
