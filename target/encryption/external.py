"""Keys that come from outside: what a drive asks for, when, and what it says without an answer.

A drive whose encryption the hosts do not control works as IBM's library- and system-managed drives
do (IBM LTO SCSI Reference 4.15.1). Writing at the beginning of a partition asks for a key, also
writing a filemark. Writing behind it goes on with the parameters there are; without any it needs a
key if an encrypted block is before it, and is clear if not. Reading an encrypted block with no key,
or another one, asks for its key.

Whoever answers is the drive's key source. Without one the answers are 7/74/07 (KEY_GENERATION_
REQUIRED) and 7/74/01 (KEY_REQUIRED), or the maker's own codes. An agent in the drive that has no
source has no device keys either: nothing at all is read, written or found.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from keymgr.secret import Secret
from target.encryption.abilities import AGENT
from target.encryption.parameters import Decryption, Encryption, ParameterSet, Scope
from target.medium.runs import Kads, Run
from target.scsi import sense as s
from target.scsi.sense import CheckCondition

if TYPE_CHECKING:
    from target.tape.keyed import Keyed


class Answer(NamedTuple):
    """A key, and what is to be recorded beside the blocks that it encrypts."""

    key: Secret
    kads: Kads = Kads()


class KeySource(Protocol):
    """Who answers. None: no encryption; CheckCondition with a condition such as KEY_NOT_FOUND,
    KEY_SERVICE_TIMEOUT or KEY_SERVICE_FAILURE: a refusal."""

    def key_for_write(self, drive: Keyed) -> Answer | None:
        """The key for a volume that is written from the beginning, or on behind encrypted data."""

    def key_for_read(self, drive: Keyed, run: Run) -> Answer | None:
        """The key of the encrypted block at the position; ``run`` has its key-associated data."""


class External:
    """What a drive under outside control does about keys."""

    def __init__(self, drive: Keyed) -> None:
        self._drive = drive

    def require_device_keys(self) -> None:
        """4/26/81 on StorageTek drives, 7/74/61: an agent that nobody has enabled."""
        if self._drive.control == AGENT and self._drive.key_source is None:
            raise CheckCondition(s.DEVICE_KEYS_MISSING)

    def before_write(self, used: ParameterSet) -> ParameterSet:
        """The parameters to write with at the position. Raises CheckCondition."""
        drive = self._drive
        if drive.position:
            first = drive.first_encrypted(drive.partition_number)
            if used.encryption or first is None or first >= drive.position:
                return used
        source = drive.key_source
        if source is None:
            raise CheckCondition(s.KEY_REQUIRED if drive.position else s.KEY_GENERATION_REQUIRED)
        return self._use(source.key_for_write(drive))

    def for_read(self, run: Run) -> ParameterSet:
        """The parameters to read a block of that run with. Raises CheckCondition."""
        source = self._drive.key_source
        answer = source.key_for_read(self._drive, run) if source is not None else None
        if answer is None:
            raise CheckCondition(s.KEY_REQUIRED)
        return self._use(answer)

    def _use(self, answer: Answer | None) -> ParameterSet:
        drive = self._drive
        # What is set is for one volume, no encryption as well.
        new = ParameterSet(scope=Scope.ALL, ckod=True, counter=drive.parameters.next_counter())
        if answer is not None and drive.abilities is not None:
            algorithm = drive.abilities.algorithm_of(drive.format_here() or drive.density)
            new = replace(
                new,
                encryption=Encryption.ENCRYPT,
                decryption=Decryption.MIXED,
                algorithm=algorithm.index if algorithm else 0,
                key=answer.key,
                kads=answer.kads,
            )
        for nexus in drive.parameters.give(new):
            drive.tell(nexus, s.ENCRYPTION_CHANGED_BY_EVENT)
        drive.parameters_changed()
        return new
