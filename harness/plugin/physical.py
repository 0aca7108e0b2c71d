"""A physical drive instead of a rig: its commands go through this machine's kernel."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from harness.guest.api import CommandTimeout, Completed, Device
from harness.initiators.api import Initiator, InitiatorError
from harness.plugin.errors import RigFailed
from harness.plugin.host import Host
from harness.plugin.options import Choice
from harness.plugin.rigs import Rig
from target.plan import DrivePlan, RigPlan

__tracebackhide__ = True  # pytest shows the line of the test

NAME = "drive0"


class PhysicalDrive(Rig):
    """A rig with one drive, that can do what a drive can that nobody stands beside."""

    def __init__(self, initiator: Initiator, device: Device, model: str, scratch: bool) -> None:
        drive = DrivePlan(NAME, model, device.serial)
        super().__init__(RigPlan(initiator.name, 0, (drive,), (), run=""), None)
        self._initiator = initiator
        self._device = device
        self._scratch = scratch

    @classmethod
    @contextmanager
    def opened(cls, choice: Choice) -> Iterator[Rig]:
        """The drive that was chosen. Raises RigFailed."""
        from harness import discovery
        from harness.initiators.opening import open_initiator

        try:
            with open_initiator(choice.device or "") as initiator:
                inquiry = initiator.send(bytes((0x12, 0, 0, 0, 96, 0)), size=96).data
                model = b" ".join(inquiry[8:32].split()).decode("ascii", "replace")
                page = initiator.send(bytes((0x12, 1, 0x80, 0, 255, 0)), size=255).data
                serial = discovery.unit_serial_number(page)
                nodes = None if "://" in initiator.name else discovery.find(initiator.name)
                tape, sg = ("", "") if nodes is None else (nodes.tape, nodes.sg)
                yield cls(initiator, Device(NAME, serial, tape, sg), model, choice.scratch)
        except InitiatorError as error:
            raise RigFailed(str(error)) from None

    def initiator(self, unit: str) -> Initiator:
        """As of any rig."""
        return self._initiator

    def host(self) -> Host:
        """This machine."""
        return Host(self._run, {NAME: self._device})

    def device(self, unit: str) -> Device | None:
        """As of any rig."""
        return self._device

    def reset(self) -> None:
        """What other tests have set in the drive stays: nobody knows how it was before."""

    def load(self, drive: Any) -> None:
        """A blank tape: what is on it goes, which `--keyreel-scratch` has allowed."""
        if not self._scratch:
            pytest.skip("the cartridge may not be written over: allow that by --keyreel-scratch")
        drive.hear()
        if not drive.ready():
            raise RigFailed(f"{self.name} is not ready: put a cartridge into it")
        from harness.plugin.tape import Tape

        tape = Tape(drive)
        tape.rewind()
        tape.erase()

    def call(self, call: str, **arguments: Any) -> Any:
        """Nobody is there to do it: the test is skipped."""
        pytest.skip(f"{self.name} is a physical drive: nobody does {call} there")

    def _run(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float | None = None
    ) -> Completed:
        try:
            done = subprocess.run(
                argv,
                input=stdin,
                capture_output=True,
                timeout=timeout,
                check=False,
                env={**os.environ, **self._device.environment()},
            )
        except subprocess.TimeoutExpired:
            raise CommandTimeout(f"{argv[0]} did not end in {timeout:g} s") from None
        return Completed(done.returncode, done.stdout, done.stderr)
