"""Faults of key sources: what a drive is answered when it asks for a key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keymgr.api import (
    DriveIdentity,
    Grant,
    Holder,
    KeySource,
    Reason,
    Refused,
    Request,
)
from keymgr.secret import Secret
from target.faults.fault import Fault
from target.medium.crypt import KEY_SIZE
from target.scsi.primary import PrimaryUnit
from target.tape.drive import Drive

DOWN, SLOW, WRONG, FLAPPING = STATES = ("down", "slow", "wrong", "flapping")
_DOWN = "the key service cannot be reached (a fault says so)"
_CURE = "remove the fault, or wait until it is over"


class Faulty(KeySource):
    """A key source whose answers a fault changes; each request for a key counts as a match."""

    def __init__(self, real: KeySource, fault: Fault, unit: str) -> None:
        self.real = real
        self.fault = fault
        self._unit = unit

    def __eq__(self, other: object) -> bool:
        """It passes for the real one: a library sees that a drive has its source already."""
        return other is self or other is self.real

    def __hash__(self) -> int:
        return hash(self.real)

    def attached(self, drive: DriveIdentity, holder: Holder) -> None:
        """Nothing is asked yet."""
        self.real.attached(drive, holder)

    def mounted(self, request: Request) -> Sequence[Grant]:
        """Keys that come unasked do not come while the service is away."""
        if self.fault["state"] in (DOWN, FLAPPING) and not self.fault.over:
            return ()
        return self.real.mounted(request)

    def key_for_write(self, request: Request) -> Grant | None:
        """The answer, late or not at all; never a wrong key, which would spoil the tape."""
        self._meet(wrong=False)
        return self.real.key_for_write(request)

    def key_for_read(self, request: Request) -> Grant:
        """The answer, late, wrong or not at all."""
        wrong = self._meet(wrong=True)
        grant = self.real.key_for_read(request)
        if not wrong:
            return grant
        grant.key.wipe()
        chance = self.fault.watches[self._unit].random
        return grant._replace(key=Secret(chance.randbytes(KEY_SIZE)))

    def unmounted(self, request: Request) -> None:
        """As it is."""
        self.real.unmounted(request)

    def close(self) -> None:
        """As it is."""
        self.real.close()

    def _meet(self, *, wrong: bool) -> bool:
        """Have the fault strike this request; whether the key is to be a wrong one."""
        fault, state = self.fault, self.fault["state"]
        if (state == WRONG and not wrong) or not fault.counts(self._unit):
            return False
        fault.watches[self._unit].unit.happened(
            "fault", name=fault.name, fault=fault.plan.kind, state=state
        )
        chance = fault.watches[self._unit].random
        if state == DOWN or (state == FLAPPING and chance.random() < 0.5):
            raise Refused(Reason.UNAVAILABLE, _DOWN, _CURE)
        if state == SLOW:
            with fault.waiting() as removed:
                removed.wait(fault["seconds"])
        return bool(state == WRONG)


def key_source(fault: Fault, name: str, unit: PrimaryUnit) -> Callable[[], None]:
    """Whoever gives keys to the drive, now or later, answers through the fault."""
    drive = unit
    assert isinstance(drive, Drive)
    real = drive.put_under
    before = vars(drive).get("put_under")

    def put_under(control: str, source: KeySource | None = None, *rest: Any) -> None:
        real(control, source and Faulty(source, fault, name), *rest)

    def undo() -> None:
        # A name for this drive alone, so that its class stays as it is.
        if vars(drive).get("put_under") is put_under:
            vars(drive).pop("put_under")
            vars(drive).update({} if before is None else {"put_under": before})
        _through(drive, lambda source: source.real if _is_of(source, fault) else source)

    vars(drive)["put_under"] = put_under
    _through(drive, lambda source: Faulty(source, fault, name))
    return undo


def _is_of(source: KeySource, fault: Fault) -> bool:
    return isinstance(source, Faulty) and source.fault is fault


def _through(drive: Drive, change: Callable[[Any], KeySource]) -> None:
    external = drive.external
    if external is not None and external.source is not None:
        external.source = change(external.source)
