"""A tape library: its places, robot, drives, partitions, changers, operators and key manager.

Locks are taken in this order: changers' turns, by name, the library's lock, a drive's turn; the
message log and key managers have locks of their own, taken last. Nobody takes the library's lock or
a changer's turn from inside a drive's question for a key. What operators read needs no lock: what
changes is replaced as a whole.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from keymgr.api import KeySource, Notice, Refused, Severity
from keymgr.errors import KeyManagerError
from keymgr.secret import Secret
from target.clock import SYSTEM, Clock
from target.library import backup, layout, methods, personality, state, users
from target.library.changer import Changer
from target.library.errors import NotAllowed, OperatorError
from target.library.inventory import Held, Inventory, Kind, Location
from target.library.messages import Messages
from target.library.options import PROFESSIONAL
from target.library.partition import DISABLED, Partition
from target.library.port import AutomationPort
from target.library.robot import MoveFailed, Robot
from target.library.safe import Safe
from target.library.session import Session
from target.library.state import Configuration, State
from target.library.users import STRONG, Cost, User
from target.plan import CartridgePlan, LibraryPlan
from target.scsi.device_server import ILLEGAL_REQUEST
from target.scsi.sense import MEDIUM_MAY_HAVE_CHANGED
from target.tape.drive import Drive

if TYPE_CHECKING:
    from keymgr.bluescale import BlueScale

OPERATORS = "operators"
"""Where messages about what operators have done come from."""
LIBRARY = "library"
"""Where messages come from that are about no drive."""


class _TellingRobot(Robot):
    """A robot whose failures are in the messages. What a host could have known is not one."""

    def __init__(
        self,
        inventory: Inventory,
        ports: Mapping[int, AutomationPort],
        cartridges: Mapping[str, CartridgePlan],
        messages: Messages,
    ) -> None:
        super().__init__(inventory, ports, cartridges)
        self._messages = messages

    def move(self, source: Location, destination: Location, *, unload: bool = True) -> None:
        """As of any robot."""
        with self._telling():
            super().move(source, destination, unload=unload)

    def exchange(
        self, source: Location, first: Location, second: Location, *, unload: bool = True
    ) -> None:
        """As of any robot."""
        with self._telling():
            super().exchange(source, first, second, unload=unload)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except MoveFailed as failure:
            if failure.code.key != ILLEGAL_REQUEST:
                self._messages.add(Severity.ERROR, str(failure), origin="robot")
            raise


class Library:
    """A library, powered on, made from its plan.

    ``drives`` and ``cartridges`` are those of the rig by name and barcode; ``sources`` its key
    sources by name; ``taken``: which drive or library outside has a cartridge, "" for none;
    ``cost``: of passwords that are set. Raises ValueError, OSError or MediumError with a sentence.

    When the library is powered on, drives with cartridges get keys as usual: the library itself
    loads them. That is another thing than a drive that loses power alone while the library runs
    (BS-16).
    """

    def __init__(
        self,
        plan: LibraryPlan,
        drives: Mapping[str, Drive],
        cartridges: Mapping[str, CartridgePlan],
        sources: Mapping[str, KeySource],
        clock: Clock = SYSTEM,
        random: Callable[[int], bytes] = secrets.token_bytes,
        *,
        taken: Callable[[str], str] = lambda barcode: "",
        cost: Cost = STRONG,
    ) -> None:
        self.name, self.serial = plan.name, plan.serial
        self.model = personality.load(plan.model)
        self.cartridges = cartridges
        self.names_of_drives = {name.replace("-", "_") for name in drives}
        """Of all drives of the rig, as environment variables have them."""
        self.taken = taken
        self.cost = cost
        self.size = layout.size(plan)
        self.folder = Path(plan.folder)
        self.lock = threading.RLock()
        """Held while places, partitions, users or options change."""
        self.door_open = False
        self._clock = clock
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = state.file_in(self.folder)
        self.messages = Messages(self.folder / "messages", clock.now)
        self._granted = frozenset(plan.options)
        self.safe = Safe(
            plan,
            clock.now,
            random,
            partitions=lambda: methods.encrypting(self.partitions),
            professional=lambda: PROFESSIONAL in self.options,
            tell=lambda notice: self._tell(notice, LIBRARY),
        )
        self.methods = methods.table(self.safe.bluescale, sources)
        self.inventory = Inventory(self.folder / "inventory.json")
        remembered = state.recall(self.file, plan, cost)
        self.drive_names = remembered.drives
        self.configuration = remembered.configuration
        """What operators have set; see `configure`."""
        planned = {name for one in plan.partitions for name in one.drives}
        numbered = enumerate(self.drive_names, 1)
        self.drives = {number: drives[name] for number, name in numbered if name in planned}
        """By the number of their places."""
        self.ports = {number: self._port(number) for number in self.drives}
        self.robot: Robot = _TellingRobot(self.inventory, self.ports, cartridges, self.messages)
        self._start(plan)
        self.changers = {one.name: self._changer(one) for one in self.partitions.values()}
        """The units that hosts see, by the name of their partition."""
        self._units = dict(self.changers)
        """Those of partitions that were deleted, too: hosts still have them."""
        self.remember(self.configuration)

    def __str__(self) -> str:
        return f"library {self.name}"

    def _start(self, plan: LibraryPlan) -> None:
        """Power comes for the first time: who gives keys, then cartridges into their places."""
        layout.require_places(self.inventory, self.size, self.drives)
        try:
            backup.finish(self)
            self._assign(Configuration(), self.configuration)
            if plan.bluescale:
                self.safe.bluescale()
        except (OperatorError, KeyManagerError) as error:
            raise ValueError(f"{self}: {error}") from None
        if self.inventory.fresh:
            self.inventory.change({at: Held(it) for at, it in layout.stocked(plan).items()})
        for at, held in self.inventory:
            if at.kind is Kind.DRIVE:
                self._load(at.number, held.barcode)

    # --- what it is --------------------------------------------------------------------------

    @property
    def partitions(self) -> Mapping[str, Partition]:
        """By name."""
        return self.configuration.partitions

    @property
    def users(self) -> Mapping[str, User]:
        """By name."""
        return self.configuration.users

    @property
    def options(self) -> frozenset[str]:
        """Those that are enabled: by the rig, or by option keys."""
        return self._granted | frozenset(self.configuration.options)

    @property
    def bluescale(self) -> BlueScale:
        """The key manager inside. Raises KeyManagerError if the keystore cannot be opened."""
        return self.safe.bluescale()

    def drive_name(self, number: int) -> str:
        """Of the drive in that place."""
        return self.drive_names[number - 1]

    def drive_number(self, name: str) -> int:
        """The drive's place. Raises OperatorError."""
        for number in self.drives:
            if self.drive_name(number) == name:
                return number
        known = ", ".join(map(self.drive_name, self.drives))
        raise OperatorError(f"{self} has no drive {name!r}: name one of {known}")

    def partition(self, name: str) -> Partition:
        """The partition of that name. Raises OperatorError."""
        if name not in self.partitions:
            known = ", ".join(self.partitions) or "none"
            raise OperatorError(f"{self} has no partition {name!r}: name one of {known}")
        return self.partitions[name]

    def login(self, user: str, password: Secret) -> Session:
        """Raises NotAllowed where there is no such user, or the password is another one."""
        known = self.users.get(user)
        if known is None or not users.matches(password, known.hash):
            self.messages.add(
                Severity.WARNING,
                f"somebody could not log in as {user[:40]!r}",
                "there is no such user, or the password was another one",
                origin=OPERATORS,
            )
            raise NotAllowed("user and password do not belong together: try others")
        return Session(self, user)

    # --- what changes ------------------------------------------------------------------------

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nobody else moves or changes anything: the turns of all changers, and the lock."""
        while True:
            units = self._units
            with ExitStack() as stack:
                for _, changer in sorted(units.items()):
                    stack.enter_context(changer.turn)
                stack.enter_context(self.lock)
                if units is self._units:
                    yield
                    return

    def configure(self, new: Configuration, replace_keys: Callable[[], None] | None = None) -> None:
        """Make this the configuration, all of it or nothing, and tell the hosts.

        Whoever calls is in `still`. ``replace_keys``: puts the keys there that go with it, or
        raises; without it partitions that have lost BlueScale lose their keys. Raises
        OperatorError, or KeyManagerError where the keystore cannot be used.
        """
        old = self.configuration
        self._assign(old, new)
        try:
            self.remember(new)
            if replace_keys is None:
                both = methods.encrypting(old.partitions) & methods.encrypting(new.partitions)
                self.safe.keep_assigned(both)
            else:
                replace_keys()
        except BaseException as error:
            self._assign(new, old)
            if isinstance(error, OSError):
                raise OperatorError(
                    f"the library cannot write its configuration ({error.strerror}): make room for"
                    " it"
                ) from None
            self.remember(old)
            raise
        self.configuration = new
        self._show(old.partitions)

    def remember(self, configuration: Configuration) -> None:
        """Write it into the library's file. Raises OSError."""
        State(self.drive_names, configuration).save(self.file)

    def power_cycle(self) -> None:
        """Switch the library off and on: robot, drives and changers.

        In secure mode the key manager is locked after that (BS-04). Cartridges in drives get keys
        as usual, as far as there are any: see the class.
        """
        for drive in self.drives.values():
            drive.abort()
        with self.still():
            if self.safe.opened is not None:
                self.safe.opened.power_on()
            for port in self.ports.values():
                port.power_on()
            for changer in self.changers.values():
                changer.power_on()

    def renew(self, plan: LibraryPlan, configuration: Configuration) -> None:
        """As when it was started: cartridges in their first places, ``configuration``, no messages.

        Drives that have cartridges are to be empty before that. Keys, and who has them, stay. In
        `still`. Raises OperatorError, KeyManagerError or OSError.
        """
        self.door_open = False
        places = {at: Held(held) for at, held in layout.stocked(plan).items()}
        self.inventory.change({**dict.fromkeys(self.inventory.now()), **places})
        self.robot.begin_anew()
        if self.configuration is not configuration:
            self.configure(configuration)
        for changer in self._units.values():
            changer.renew()
        self.messages.clear()

    def close(self) -> None:
        """Nobody does anything any more; drives and key sources are closed by who made them."""
        with self.lock:
            self.safe.close()

    # --- how -----------------------------------------------------------------------------------

    def _tell(self, notice: Notice, origin: str) -> None:
        self.messages.notice(notice, origin)

    def _load(self, number: int, barcode: str) -> None:
        """A cartridge that was in a drive when the power went is loaded when it comes."""
        if barcode not in self.cartridges:
            raise ValueError(
                f"{self} has {barcode} in drive {self.drive_name(number)}, and the rig has no such"
                " cartridge: add it to the rig file"
            )
        self.robot.reload(Location(Kind.DRIVE, number))
        # As in `target.build.load`: hosts are told of both, power and medium.
        self.drives[number].since_power_on.append(MEDIUM_MAY_HAVE_CHANGED)

    def _port(self, number: int) -> AutomationPort:
        name = self.drive_name(number)
        return AutomationPort(
            self.drives[number],
            library=self.serial,
            tell=lambda notice: self._tell(notice, name),
        )

    def _changer(self, partition: Partition) -> Changer:
        path = self.folder / f"changer-{partition.name}.json"
        return Changer(partition, self, path, self._clock)

    def _assign(self, old: Configuration, new: Configuration) -> None:
        """Give the drives who gives them keys; all of them, or OperatorError and none."""
        had, gets = methods.assignments(old.partitions), methods.assignments(new.partitions)
        done: list[int] = []
        try:
            for number in self.ports:
                if had.get(number) != gets.get(number):
                    self._give(number, gets.get(number), new)
                    done.append(number)
        except BaseException:
            for number in done:
                self._give(number, had.get(number), old)
            raise

    def _give(
        self, number: int, assignment: tuple[str, str] | None, configuration: Configuration
    ) -> None:
        partition, name = assignment or ("", DISABLED)
        enabled = self._granted | frozenset(configuration.options)
        method = methods.find(self.methods, name, enabled)
        source = None if method.source is None else method.source()
        try:
            self.ports[number].assign(partition, name, source)
        except Refused as refusal:
            raise OperatorError(
                f"drive {self.drive_name(number)} cannot be in partition {partition} with"
                f" encryption {name}: {refusal.text}; {refusal.cure or 'use another drive'}"
            ) from None

    def _show(self, old: Mapping[str, Partition]) -> None:
        """Let the changers be what the partitions are now. One that was deleted has no elements."""
        for name, one in self.partitions.items():
            if name not in self._units:
                self._units = {**self._units, name: self._changer(one)}
            elif name not in old or layout.shape(one) != layout.shape(old[name]):
                self._units[name].repartition(one)
            else:
                self._units[name].partition = one
        for name in old.keys() - self.partitions.keys():
            self._units[name].repartition(Partition(name, old[name].serial, (), ()))
        self.changers = {name: self._units[name] for name in self.partitions}
