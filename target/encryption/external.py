"""Keys that come from outside: what a drive asks for, when, and what becomes of the answers.

A drive whose encryption the hosts do not control works as IBM's library- and system-managed drives
do (IBM LTO SCSI Reference 4.15.1). Writing at the beginning of a partition asks for a key, also
writing a filemark. Writing behind it goes on with the parameters there are; without any it needs a
key if an encrypted block is before it, and is clear if not. Reading an encrypted block with no key,
or another one, takes its key from those that the drive holds, or asks for it.

Whoever answers is the drive's key source (`keymgr.api`). The command waits for the answer with the
drive's turn taken, until it is aborted or the drive's key time-out is over. Without a source the
answers are 7/74/07 (KEY_GENERATION_REQUIRED) and 7/74/01 (KEY_REQUIRED), or the maker's own codes.
An agent in the drive that has no source has no device keys either: nothing at all is read, written
or found.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from keymgr.api import (
    Grant,
    KeyData,
    KeyRoom,
    KeySource,
    Notice,
    Reason,
    Refused,
    Request,
    Severity,
)
from keymgr.secret import Secret
from target.encryption import requests
from target.encryption.abilities import AGENT
from target.encryption.holding import Held, Unfit, checked, wipe
from target.encryption.line import BROKEN, LOOK, Line
from target.encryption.parameters import Decryption, Encryption, ParameterSet, Scope, told
from target.encryption.refusals import code_of
from target.medium.errors import MediumError, WrongKey
from target.medium.index import Entry
from target.medium.runs import Kads, Run
from target.scsi import sense as s
from target.scsi.sense import CheckCondition

if TYPE_CHECKING:
    from target.tape.keyed import Keyed

_LOG = logging.getLogger(__name__)
_LEVELS = {
    Severity.INFORMATION: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.ERROR: logging.ERROR,
}


SETTLE = 3.0
"""Seconds that a target's end waits for a key source."""


def log(notice: Notice) -> None:
    """Tell operators who have nothing but the target's log."""
    _LOG.log(_LEVELS[notice.severity], "%s: %s", notice.text, notice.cure)


@dataclass(frozen=True)
class Asker:
    """On whose behalf a drive asks; as it is: an agent in the drive."""

    library: str = ""
    partition: str = ""
    method: str = ""
    tell: Callable[[Notice], None] = log
    """Who hears of every refusal; from any thread."""
    barred: Callable[[], Refused | None] = lambda: None
    """Why nothing is asked now; None: it is."""


class External:
    """What a drive under outside control does about keys. Without ``source`` nobody answers."""

    def __init__(
        self, drive: Keyed, source: KeySource | None = None, asker: Asker | None = None
    ) -> None:
        self._drive = drive
        self.source = source
        self.asker = asker or Asker()
        self.held = Held(drive.abilities.slots if drive.abilities is not None else 1)
        self.asked: Request | None = None
        """What is asked for just now."""
        self.asked_to = ""
        """What for: write or read."""
        self.completed = ""
        """How the last request ended: granted, refused; empty: there was none."""
        self.refused: Refused | None = None
        """Why it was refused."""
        self._line = Line(drive)
        self._leaving: Request | None = None

    # --- the source, and the volume ----------------------------------------------------------

    def attach(self) -> None:
        """Tell the source of the drive. Raises Refused if it does not serve such drives."""
        if self.source is None:
            return
        try:
            self.source.attached(requests.identity(self._drive), self.held)
        except Refused:
            raise
        except Exception as error:
            _LOG.error("%s: the key source raised %s", self._drive, type(error).__name__)
            raise Refused(Reason.FAILED, BROKEN, LOOK) from None

    def close(self) -> None:
        """Somebody else controls the encryption from now on, and the keys are gone."""
        self.leaving()
        self.left()
        self.held.close()

    def mounted(self) -> None:
        """A volume is loaded: the source may send its keys, for which nobody waits."""
        mount = self.held.load()
        if self.source is None or self.asker.barred() is not None or self._drive.unfit is not None:
            return
        request = self._request(found=self._found_anywhere())
        self._line.post(partial(self.source.mounted, request), partial(self._take, mount))

    def _take(self, mount: int, answer: Any, refused: Refused | None) -> None:
        """Hold what `mounted` gave, if that volume is still there."""
        try:
            if refused is not None:
                self._tell(refused)
            else:
                self.held.add(mount, answer)
        except (TypeError, ValueError) as error:
            self._broken(str(error) if isinstance(error, ValueError) else "it gave no list of keys")
        finally:
            wipe(answer)

    def leaving(self) -> None:
        """The volume is about to leave the heads."""
        self._leaving = self._request() if self._drive.loaded else None

    def left(self) -> None:
        """It has left them, and the drive has dropped its keys."""
        self.held.unload()
        request, self._leaving = self._leaving, None
        if self.source is not None and request is not None:
            self._line.post(partial(self.source.unmounted, request), self._heard)

    def _heard(self, answer: Any, refused: Refused | None) -> None:
        """Nothing comes of it."""

    def reset(self) -> None:
        """All keys are gone; the volume stays."""
        self.held.reset()

    def settle(self, seconds: float = SETTLE) -> bool:
        """Wait for what the source does without being waited for, at a target's end; so long at
        most. Whether it is done."""
        return self.source is None or self._line.settle(seconds)

    # --- before a command --------------------------------------------------------------------

    def admit(self) -> None:
        """Keys that the source has taken back are not used any more."""
        if self.held.dropped:
            self.held.dropped = False
            self._drive.release(self._drive.parameters.demounted("taken back by its source"))

    def require_device_keys(self) -> None:
        """4/26/81 on StorageTek drives, 7/74/61: an agent that nobody has enabled."""
        if self._drive.control == AGENT and self.source is None:
            raise CheckCondition(s.DEVICE_KEYS_MISSING)

    # --- keys --------------------------------------------------------------------------------

    def before_write(self, used: ParameterSet) -> ParameterSet:
        """The parameters to write with at the position. Raises CheckCondition."""
        drive = self._drive
        wanted = None
        if drive.position:
            if used.encryption:
                return used
            first = drive.first_encrypted(drive.partition_number)
            if first is None or first >= drive.position:
                return used
            wanted = self._last_before()
        if self.source is None:
            raise CheckCondition(s.KEY_REQUIRED if drive.position else s.KEY_GENERATION_REQUIRED)
        request = self._request(
            requests.room(drive, drive.format_here()),
            beginning=not drive.position,
            wanted=wanted,
            found=self._found_here(),
            elsewhere=self._found_elsewhere(),
        )
        answer = self._ask("write", self.source.key_for_write, request)
        if answer is None:
            return self._use(None)
        grant = self._checked(answer, request.room)
        return self._use(grant.key, Kads(*grant.key_data))

    def for_read(self, number: int, entry: Entry) -> ParameterSet:
        """The parameters to read an encrypted block with. Raises CheckCondition, MediumError."""
        drive = self._drive
        shared = drive.parameters.shared
        if shared is not None and drive.read_cipher[:2] == (entry.run, shared.counter):
            return shared
        return self.with_key_of(drive.partition.run_of(number, entry))

    def with_key_of(self, run: Run) -> ParameterSet:
        """The parameters to read the blocks of a run with. Raises CheckCondition."""
        drive = self._drive
        shared = drive.parameters.shared
        if shared is not None and shared.decryption and _fits(run, shared.key):
            return shared
        wanted = requests.key_data(drive, run)
        kads = run.kads._replace(metadata=b"")
        for held in self.held.find(wanted):
            if _fits(run, held.key):
                return self._use(held.key, kads, writes=not held.decrypt_only)
            held.key.wipe()
        if self.source is None:
            raise CheckCondition(s.KEY_REQUIRED)
        request = self._request(
            requests.room(drive, drive.density), wanted=wanted, found=self._found_here()
        )
        grant = self._checked(self._ask("read", self.source.key_for_read, request))
        if not _fits(run, grant.key):
            grant.key.wipe()
            raise self._refuse(
                Refused(
                    Reason.NOT_FOUND,
                    "the key source gave another key than the block was written with",
                    "give it the key that the cartridge was written with",
                )
            )
        return self._use(grant.key, kads, writes=not grant.decrypt_only)

    def opens(self, run: Run) -> CheckCondition | None:
        """Why the blocks of a run cannot be read; None: they can."""
        try:
            self.with_key_of(run)
        except CheckCondition as condition:
            return condition
        return None

    # --- asking ------------------------------------------------------------------------------

    def _ask(self, what: str, event: Callable[[Request], Any], request: Request) -> Any:
        """The answer. Raises CheckCondition for a refusal, of which operators are told."""
        drive = self._drive
        self.asked, self.asked_to = request, what
        drive.happened("key", what="asked", reason=what, position=list(request.position))
        self.completed, self.refused = "", None
        barred = self.asker.barred()
        try:
            if barred is not None:
                raise barred
            answer = self._line.ask(partial(event, request), drive.alarm, drive.key_timeout)
            self.completed = "granted"
            drive.happened("key", what="granted", encrypt=answer is not None)
            return answer
        except Refused as refused:
            raise self._refuse(refused) from None
        finally:
            self.asked, self.asked_to = None, ""

    def _checked(self, answer: object, most: KeyRoom | None = None) -> Grant:
        """A grant whose key-associated data are not longer than ``most``."""
        try:
            grant = checked(answer)
            if most is not None and any(
                len(data) > size for data, size in zip(grant.key_data, most, strict=True)
            ):
                raise Unfit("its key-associated data are longer than the drive has room for")
        except Unfit as unfit:
            wipe(answer)
            self._broken(str(unfit), told=False)
            raise self._refuse(Refused(Reason.FAILED, BROKEN, LOOK)) from None
        return grant

    def _refuse(self, refused: Refused) -> CheckCondition:
        self.completed, self.refused = "refused", refused
        self._tell(refused)
        # Whoever refuses is not ours: the reason may be none.
        reason = refused.reason.value if isinstance(refused.reason, Reason) else ""
        self._drive.happened("key", what="refused", reason=reason, text=str(refused.text))
        return CheckCondition(code_of(self._drive, refused))

    def _tell(self, refused: Refused) -> None:
        try:
            self.asker.tell(Notice(Severity.ERROR, refused.text, refused.cure))
        except Exception:
            # The host has to hear of it all the same.
            _LOG.exception("%s: operators were not told", self._drive)

    def _broken(self, why: str, *, told: bool = True) -> None:
        _LOG.error("%s: the key source will not do: %s", self._drive, why)
        if told:
            self._tell(Refused(Reason.FAILED, BROKEN, LOOK))

    def _request(
        self,
        room: KeyRoom | None = None,
        *,
        beginning: bool = False,
        wanted: KeyData | None = None,
        found: tuple[KeyData, ...] = (),
        elsewhere: tuple[KeyData, ...] = (),
    ) -> Request:
        drive, asker = self._drive, self.asker
        return Request(
            drive=requests.identity(drive),
            volume=requests.volume(drive),
            room=room or requests.room(drive, drive.density),
            library=asker.library,
            partition=asker.partition,
            method=asker.method,
            position=(drive.partition_number, drive.position),
            beginning=beginning,
            wanted=wanted,
            found=found,
            elsewhere=elsewhere,
        )

    def _found_here(self) -> tuple[KeyData, ...]:
        drive = self._drive
        return tuple(dict.fromkeys(requests.found(drive, drive.partition_number).values()))

    def _found_anywhere(self) -> tuple[KeyData, ...]:
        drive = self._drive
        partitions = range(drive.partitions)
        every = [one for at in partitions for one in requests.found(drive, at).values()]
        return tuple(dict.fromkeys(every))

    def _found_elsewhere(self) -> tuple[KeyData, ...]:
        drive = self._drive
        others = (at for at in range(drive.partitions) if at != drive.partition_number)
        every = [one for at in others for one in requests.found(drive, at).values()]
        return tuple(dict.fromkeys(every))

    def _last_before(self) -> KeyData | None:
        drive = self._drive
        runs = requests.found(drive, drive.partition_number)
        before = [one for start, one in runs.items() if start < drive.position]
        return before[-1] if before else None

    def _use(
        self, key: Secret | None, kads: Kads | None = None, *, writes: bool = True
    ) -> ParameterSet:
        """Set the parameters for all nexuses; no encryption without a key that ``writes``."""
        drive = self._drive
        # What is set is for one volume, no encryption as well.
        new = ParameterSet(scope=Scope.ALL, ckod=True, counter=drive.parameters.next_counter())
        if key is not None and drive.abilities is not None:
            algorithm = drive.abilities.algorithm_of(drive.format_here() or drive.density)
            new = replace(
                new,
                encryption=Encryption.ENCRYPT if writes else Encryption.DISABLE,
                decryption=Decryption.MIXED,
                algorithm=algorithm.index if algorithm else 0,
                key=key,
                kads=kads or Kads(),
            )
        drive.happened("key", what="put", by="key source", **told(new))
        for nexus in drive.parameters.give(new):
            drive.tell(nexus, s.ENCRYPTION_CHANGED_BY_EVENT)
        drive.parameters_changed()
        return new


def _fits(run: Run, key: Secret) -> bool:
    try:
        run.cipher(key)
    except (WrongKey, MediumError):
        return False
    return True
