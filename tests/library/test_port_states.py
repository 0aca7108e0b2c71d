"""A drive that loses power, against a model: whether it gets keys, whatever happened before."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from keymgr.api import Notice
from target.library.port import NO_KEY_SENT, AutomationPort
from tests.encryption.keys import said
from tests.encryption.outside import TD9, Source
from tests.tape.host import GOOD, MIB, Host, new_cartridge, new_drive

SERVED, LOST, EMPTIED = range(3)


class Power(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="keyreel-")
        self.told: list[Notice] = []
        drive = new_drive(TD9)
        self.port = AutomationPort(drive, library="LIB1", tell=self.told.append)
        self.port.assign("finance", "bluescale", Source())
        self.host = Host(drive)
        self.inside = False
        self.state = SERVED

    def teardown(self) -> None:
        self.remove()
        self.folder.cleanup()

    def _restarted(self) -> None:
        if self.state == EMPTIED:
            self.state = SERVED

    @precondition(lambda self: not self.inside)
    @rule(number=st.integers(1, 2))
    def insert(self, number: int) -> None:
        self.port.insert(new_cartridge(Path(self.folder.name), f"KRL00{number}L9", 4 * MIB))
        self.inside = True

    @rule()
    def remove(self) -> None:
        cartridge = self.port.eject()
        assert (cartridge is not None) == self.inside
        if cartridge is not None:
            cartridge.close()
            self.inside = False
            if self.state == LOST:
                self.state = EMPTIED

    @rule()
    def unload(self) -> None:
        """By a host: the cartridge stays in the drive."""
        self.host.hear()
        self.host.load(load=False)

    @rule()
    def power_cycle(self) -> None:
        self.port.power_cycle()
        if self.inside:
            self.state = LOST
        else:
            self._restarted()

    @rule()
    def reset(self) -> None:
        self.port.reset()
        self._restarted()

    @rule()
    def reset_by_a_host(self) -> None:
        """Is no reset of the drive by its library."""
        with self.host.drive.turn:
            self.host.drive.reset()

    @rule()
    def power_on(self) -> None:
        self.port.power_on()
        self.state = SERVED

    @rule()
    def write(self) -> None:
        self.host.hear()
        if not self.port.loaded:
            return
        self.host.rewind()
        self.told.clear()
        reply = self.host.write(b"data")
        if self.state == SERVED:
            assert reply.status == GOOD
            assert self.told == []
        else:
            assert said(reply) == (0x7, 0xEE, 0x0F)
            assert [notice.text for notice in self.told] == [NO_KEY_SENT]
        assert self.port.status.power_lost == (self.state != SERVED)


TestPower = Power.TestCase
TestPower.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
