"""A drive as tests see it: any command, faults, power, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.initiators.api import TIMEOUT, Initiator, Reply
from harness.plugin.errors import CommandFailed

if TYPE_CHECKING:
    from harness.guest.api import Device
    from harness.plugin.rigs import Rig
    from harness.plugin.tape import Tape
    from target.plan import DrivePlan

__tracebackhide__ = True  # pytest shows the line of the test, and no key

TEST_UNIT_READY = bytes(6)
ATTENTIONS = 8
"""The most unit attentions that a drive may have to tell at once."""


class Drive:
    """A drive of the rig. ``initiator``: the nexus by which its commands go."""

    def __init__(self, rig: Rig, told: DrivePlan, initiator: Initiator) -> None:
        self.rig = rig
        self.name, self.model, self.serial = told.name, told.model, told.serial
        self.initiator = initiator

    def __repr__(self) -> str:
        return f"<drive {self.name}: {self.model}, serial {self.serial}>"

    def send(
        self, cdb: bytes, *, out: bytes = b"", size: int = 0, timeout: float = TIMEOUT
    ) -> Reply:
        """Run any command with ``out`` as data-out, or room for ``size`` bytes of data-in.

        The reply has status, sense data and data-in as bytes, whatever they are.
        """
        return self.initiator.send(bytes(cdb), out=bytes(out), size=size, timeout=timeout)

    def do(
        self, name: str, cdb: bytes, *, out: bytes = b"", size: int = 0, timeout: float = TIMEOUT
    ) -> bytes:
        """Run a command that is to end with GOOD; its data-in. Raises CommandFailed."""
        reply = self.send(cdb, out=out, size=size, timeout=timeout)
        if reply.status:
            raise CommandFailed(name, reply.status, reply.sense)
        return reply.data

    def hear(self) -> None:
        """Hear, and forget, the unit attentions that are pending."""
        for _ in range(ATTENTIONS):
            if not self.send(TEST_UNIT_READY).status:
                return

    def ready(self) -> bool:
        """Whether TEST UNIT READY ends with GOOD."""
        return not self.send(TEST_UNIT_READY).status

    @property
    def device(self) -> Device | None:
        """Its device nodes on the host of the rig; None where there is no kernel."""
        return self.rig.device(self.name)

    def blank_tape(self) -> Tape:
        """A blank tape at its beginning, put into the drive if that is empty: the fixture `tape` of
        another drive."""
        from harness.plugin.tape import blank

        return blank(self)

    def power_cycle(self) -> None:
        """Take its power away and give it back; a unit attention (6/29/00) tells hosts of that."""
        self.rig.call("rig.power_cycle", unit=self.name)

    def insert(self, barcode: str) -> None:
        """Put a cartridge of the rig into the drive, by hand."""
        self.rig.call("rig.insert", drive=self.name, barcode=barcode)

    def eject(self) -> None:
        """Take the cartridge out, by hand."""
        self.rig.call("rig.eject", drive=self.name)

    def fault(self, kind: str, **fault: Any) -> str:
        """Let something go wrong until the end of the test, see docs/faults.md; its name.

        ``drive.fault("sense", command="READ(6)", nth=2, code="3/11/00")``
        """
        table = {"kind": kind, "unit": self.name, **fault}
        name: str = self.rig.call("rig.add_fault", fault=table)
        return name

    def end_fault(self, name: str) -> None:
        """End a fault before the test does."""
        self.rig.call("rig.remove_fault", name=name)

    def set_key(self, key: bytes) -> None:
        """Encrypt what is written from now on, and decrypt what is read, with a key of 32 bytes."""
        from harness.plugin.keys import set_key

        set_key(self, key)

    def clear_key(self) -> None:
        """No key, and no encryption, from now on."""
        from harness.plugin.keys import clear_key

        clear_key(self)
