"""The rigs that tests run on: in this process, in a guest, or a physical drive instead of one.

A rig is started once in a session; `fresh` makes it as it was then, before each test that uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness.control import Control, Refusal
from harness.initiators.api import Initiator, NoAnswer
from harness.plugin.drive import Drive
from harness.plugin.errors import RigFailed
from keymgr.private_file import NotPrivate, read_password
from keymgr.secret import Secret

if TYPE_CHECKING:
    from harness.guest.api import Device, Guest
    from harness.plugin.host import Host
    from harness.plugin.library import KeySource, Library
    from target.plan import LibraryPlan, RigPlan

__tracebackhide__ = True  # pytest shows the line of the test

T = TypeVar("T")
SUPERUSER = "su"
"""Who is there in every library, see `target.library.users`."""


class Rig:
    """A rig that runs. ``plan``: what it was told to be (drives, cartridges, libraries).

    Methods raise RigFailed with one sentence.
    """

    def __init__(self, plan: RigPlan, control: Control | None) -> None:
        self.plan = plan
        self.control = control
        self._used = False
        self._drives: dict[str, Drive] = {}
        self._sessions: dict[str, Control] = {}
        """Those of libraries' superusers, by the library."""

    # --- what there is -----------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What the rig file calls it."""
        return self.plan.name

    def drive(self, name: str | None = None) -> Drive:
        """The drive of that name, the first one by default."""
        known = {told.name: told for told in self.plan.drives}
        told = known.get(name or next(iter(known), ""))
        if told is None:
            raise RigFailed(
                f"the rig {self.name} has no drive {name or 'at all'}: name one of"
                f" {', '.join(known) or 'another rig by --keyreel-rig'}"
            )
        if told.name not in self._drives:
            self._drives[told.name] = Drive(self, told, self.initiator(told.name))
        return self._drives[told.name]

    def library(self, name: str | None = None) -> Library:
        """The library of that name, the first one by default."""
        from harness.plugin.library import Library

        known = {told.name: told for told in self.plan.libraries}
        told = known.get(name or next(iter(known), ""))
        if told is None:
            raise RigFailed(
                f"the rig {self.name} has no library {name or 'at all'}: add [[library]] to its"
                " file, or name another one by --keyreel-rig"
            )
        return Library(self, told)

    def key_source(self, name: str | None = None) -> KeySource:
        """The key source of that name, the first one by default."""
        from harness.plugin.library import KeySource

        known = {told.name: told for told in self.plan.key_sources}
        told = known.get(name or next(iter(known), ""))
        if told is None:
            raise RigFailed(
                f"the rig {self.name} has no key source {name or 'at all'}: add [[key_source]] to"
                " its file, or name another one by --keyreel-rig"
            )
        return KeySource(self, told)

    def host(self) -> Host:
        """The host that commands run on."""
        raise NotImplementedError

    def initiator(self, unit: str) -> Initiator:
        """A way to a drive or changer by its name."""
        raise NotImplementedError

    def device(self, unit: str) -> Device | None:
        """The device nodes of a unit; None where there is no kernel."""
        return None

    @property
    def runs(self) -> bool:
        """Whether it still does."""
        return True

    # --- what is done to it ------------------------------------------------------------------

    def fresh(self) -> None:
        """Everything as when it was started, if anything was asked of it since, and hosts have
        heard of it."""
        if self._used:
            self.reset()
        self._used = True
        for told in self.plan.drives:
            self._hear(told.name)

    def reset(self) -> None:
        """Everything as when it was started: blank cartridges, drives that know nothing."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        self.call("rig.reset")

    def load(self, drive: Drive) -> None:
        """See that there is a cartridge in a drive: one that no other drive has."""
        if drive.ready():
            return
        for library in self.plan.libraries:
            if any(drive.name in partition.drives for partition in library.partitions):
                self.library(library.name).load(drive)
                return
        loaded = {told.cartridge for told in self.plan.drives}
        for told in self.plan.cartridges:
            if told.barcode not in loaded:
                drive.insert(told.barcode)
                drive.hear()
                return
        raise RigFailed(
            f"there is no cartridge for drive {drive.name}: add [[cartridge]] to the rig file"
        )

    def call(self, call: str, **arguments: Any) -> Any:
        """A call of the control socket (`target.control_calls`); its result."""
        return self._called(self.control, call, arguments)

    def operate(self, library: LibraryPlan, call: str, **arguments: Any) -> Any:
        """A call of the superuser of a library, who has logged in; its result."""
        if library.name not in self._sessions:
            self._sessions[library.name] = self._login(library)
        return self._called(self._sessions[library.name], call, arguments)

    def _called(self, control: Control | None, call: str, arguments: dict[str, Any]) -> Any:
        assert control is not None, "a rig without one has no calls"
        try:
            return self._reach(lambda: control.call(call, **arguments))
        except Refusal as refusal:
            raise RigFailed(str(refusal)) from None

    def _login(self, library: LibraryPlan) -> Control:
        """A session of the superuser, with the password that the rig file says, or none."""
        assert self.control is not None
        password = Secret(b"")
        try:
            if library.password_file is not None:
                password = read_password(Path(library.password_file))
            control = Control(self.control.path)
            self._reach(lambda: control.login(SUPERUSER, password, library.name))
        except (NotPrivate, OSError, Refusal) as error:
            raise RigFailed(f"nobody can log in to library {library.name}: {error}") from None
        finally:
            password.wipe()
        return control

    def _reach(self, work: Callable[[], T]) -> T:
        """Do what reaches the rig's control socket."""
        return work()

    def _hear(self, drive: str) -> None:
        """Let the host of a drive hear what has happened to it."""
        self.drive(drive).hear()


class RigInProcess(Rig):
    """In this process, with no kernel: the fastest."""

    def __init__(self, plan: RigPlan, control: Control, units: Mapping[str, Any]) -> None:
        super().__init__(plan, control)
        self._units = units

    def initiator(self, unit: str) -> Initiator:
        """As of any rig."""
        from harness.initiators.inprocess import InProcess

        return InProcess(self._units[unit], target=f"{self.name}:{unit}")

    def host(self) -> Host:
        """There is none."""
        raise RigFailed(
            "a test that runs commands on a host takes the fixture host as an argument, or run"
            " everything in a guest: --keyreel-guest=uml"
        )


class RigInGuest(Rig):
    """In a guest, behind its kernel."""

    def __init__(self, plan: RigPlan, control: Control, guest: Guest) -> None:
        from harness.plugin.through import Sender

        super().__init__(plan, control)
        self.guest = guest
        self._sender = Sender(guest)

    def initiator(self, unit: str) -> Initiator:
        """As of any rig."""
        from harness.plugin.through import ThroughGuest

        return ThroughGuest(self._sender, self.guest.devices[unit])

    def host(self) -> Host:
        """The guest."""
        from harness.plugin.host import Host

        return Host(self.guest.run, self.guest.devices)

    def device(self, unit: str) -> Device | None:
        """As of any rig."""
        return self.guest.devices[unit]

    @property
    def runs(self) -> bool:
        """Whether the guest has not ended."""
        return bool(self.guest.devices)

    def _reach(self, work: Callable[[], T]) -> T:
        return self.guest.meanwhile(work)

    def _hear(self, drive: str) -> None:
        """The tape driver has to hear of the new medium: what it knew of the old one is void."""
        try:
            self._sender.look(self.guest.devices[drive].tape)
        except NoAnswer as error:
            raise RigFailed(str(error)) from None
