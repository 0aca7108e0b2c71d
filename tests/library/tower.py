"""A whole library in the same process: two partitions, drives, hosts at changers and drives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from keymgr.api import KeySource
from keymgr.bluescale import Desk
from keymgr.secret import Secret
from target import personality
from target.build import shut_down
from target.clock import Clock, ManualClock
from target.library.library import Library
from target.library.session import Session
from target.library.users import Cost
from target.medium.errors import MediumError
from target.plan import CartridgePlan, LibraryPlan, PartitionPlan
from target.scsi.command import Nexus
from target.shelf import ensure
from target.tape import commands
from target.tape.drive import Drive
from tests.tape.host import MIB, TD9, Host

CHEAP = Cost(16, 1, 1)
SERIAL = "0123456789"
BLANK = Secret(b"")

FINANCE = PartitionPlan(
    "finance",
    "1111111111",
    ("drive0", "drive1"),
    slots=4,
    mail_slots=2,
    cartridges=("KRL001L9", "KRL002L9"),
)
SALES = PartitionPlan("sales", "2222222222", ("drive2",), slots=3, cartridges=("KRL003L9",))


def secret(text: str) -> Secret:
    return Secret(text.encode())


@dataclass
class Tower:
    """A library with what it was made of."""

    library: Library
    plan: LibraryPlan
    drives: dict[str, Drive]

    def login(self, user: str = "su", password: str = "") -> Session:
        return self.library.login(user, secret(password))

    def desk(self, password: str = "") -> Desk:
        return self.login().encryption(secret(password))

    def host(self, name: str, initiator: str = "host0") -> Host:
        """At a drive, or a partition's changer; it has heard of the power-on."""
        host = Host(self.drives.get(name) or self.library.changers[name])
        host.nexus = Nexus(initiator)
        host.hear()
        return host

    def said(self, origin: str = "") -> list[str]:
        """What the messages of an origin, or of all, say."""
        return [one.text for one in self.library.messages.since() if origin in ("", one.origin)]

    def loaded(self) -> list[str]:
        """The drives that have a volume on their heads."""
        return [name for name, drive in self.drives.items() if drive.loaded]

    def where(self, barcode: str) -> str:
        return str(self.library.inventory.where(barcode) or "")


def plan_of(folder: Path, *partitions: PartitionPlan, options: tuple[str, ...] = ()) -> LibraryPlan:
    return LibraryPlan(
        "tower",
        "spectra/t950",
        SERIAL,
        partitions or (FINANCE, SALES),
        str(folder / "tower"),
        options=options,
    )


@contextmanager
def powered(
    folder: Path,
    plan: LibraryPlan | None = None,
    *,
    models: Mapping[str, str] | None = None,
    sources: Mapping[str, KeySource] | None = None,
    clock: Clock | None = None,
    taken: Callable[[str], str] = lambda barcode: "",
) -> Iterator[Tower]:
    """A library that is powered on, with the drives of its plan and six cartridges."""
    plan = plan or plan_of(folder)
    drives = {}
    for number, name in enumerate(one for part in plan.partitions for one in part.drives):
        model = personality.load((models or {}).get(name, TD9))
        drives[name] = Drive(model, f"KRL000000{number}", commands.of(model))
    cartridges = {
        barcode: CartridgePlan(barcode, str(folder / barcode), 64 * MIB)
        for barcode in (f"KRL00{number}L9" for number in range(1, 7))
    }
    for one in cartridges.values():
        ensure(one)
    library = Library(
        plan,
        drives,
        cartridges,
        sources or {},
        clock or ManualClock(1_700_000_000.0),
        taken=taken,
        cost=CHEAP,
    )
    try:
        yield Tower(library, plan, drives)
    finally:
        library.close()
        with suppress(MediumError):
            shut_down(drives)


def encrypted(plan: LibraryPlan, method: str = "bluescale") -> LibraryPlan:
    """The same where all partitions have that encryption method."""
    parts = tuple(replace(one, encryption=method) for one in plan.partitions)
    return replace(plan, partitions=parts)
