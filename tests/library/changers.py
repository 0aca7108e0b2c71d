"""A host at a medium changer, in the same process: a small library around it, with drives that only
hold cartridges, and the commands by name."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from keymgr.api import DriveIdentity
from target.library import personality
from target.library.changer import Changer
from target.library.inventory import Held, Inventory, Kind, Location
from target.library.partition import Partition
from target.library.personality import LibraryModel
from target.library.robot import Port, Robot
from target.medium.cartridge import Cartridge
from target.plan import CartridgePlan
from target.scsi import sense as s
from target.scsi.sense import CheckCondition, Code
from target.tape.mount import Medium
from target.transports.inprocess import Initiator, Reply

GOOD, CHECK, CONFLICT = 0x00, 0x02, 0x18
T950 = "spectra/t950"
MODELS = personality.models()
FAMILIES = ("spectra/t950", "quantum/scalar-i500", "ibm/ts3500", "stk/sl500", "stk/sl8500")


def slot(number: int) -> Location:
    return Location(Kind.STORAGE, number)


def mail(number: int) -> Location:
    return Location(Kind.IMPORT_EXPORT, number)


def drive(number: int) -> Location:
    return Location(Kind.DRIVE, number)


class FakePort:
    """A drive that holds a cartridge. ``damaged``: it loads none; ``prevented``: it ejects none."""

    def __init__(self, number: int, native: str = "LTO-9") -> None:
        self.identity = DriveIdentity(
            "IBM", "ULT3580-TD9", f"KRL000000{number}", "J4D4", native, bytes(8), 1
        )
        self.cartridge: Medium | None = None
        self.loaded = False
        self.damaged = self.prevented = self.stuck = False

    def insert(self, cartridge: Medium) -> None:
        assert self.cartridge is None, "one at a time"
        self.cartridge = cartridge
        if self.damaged:
            raise CheckCondition(s.LOAD_FAILED)
        self.loaded = True

    def eject(self) -> Medium | None:
        if self.prevented:
            raise CheckCondition(s.REMOVAL_PREVENTED)
        if self.stuck:
            raise CheckCondition(s.WRITE_ERROR)
        cartridge, self.cartridge, self.loaded = self.cartridge, None, False
        return cartridge


class Tower:
    """A library as far as changers need one, with its cartridges in a folder."""

    def __init__(
        self, folder: Path, model: str | LibraryModel, natives: Sequence[str] = ("LTO-9", "LTO-9")
    ) -> None:
        self.folder = folder
        self.model = personality.load(model) if isinstance(model, str) else model
        self.inventory = Inventory(folder / "inventory.json")
        self.fakes = {number: FakePort(number, native) for number, native in enumerate(natives, 1)}
        self.ports: dict[int, Port] = dict(self.fakes)
        self.plans: dict[str, CartridgePlan] = {}
        self.robot = Robot(self.inventory, self.ports, self.plans)
        self.lock = threading.RLock()
        self.door_open = False

    def add(self, barcode: str, at: Location, *damage: str) -> None:
        """A new cartridge in a place."""
        path = self.folder / barcode
        Cartridge.create(path, barcode)
        self.plans[barcode] = CartridgePlan(barcode, str(path), damage=damage)
        self.inventory.change({at: Held(barcode)})


class Element(NamedTuple):
    """An element descriptor that was decoded, as hosts do."""

    kind: int
    address: int
    flags: int
    exception: tuple[int, int]
    source: int | None
    tag: str
    identifier: bytes
    raw: bytes

    @property
    def full(self) -> bool:
        return bool(self.flags & 1)

    @property
    def access(self) -> bool:
        return bool(self.flags & 8)


class Host(Initiator):
    """An initiator that knows the commands of a changer."""

    @property
    def changer(self) -> Changer:
        assert isinstance(self.unit, Changer)
        return self.unit

    def ready(self) -> Reply:
        return self.send(bytes(6))

    def hear(self) -> list[Code]:
        """Every pending unit attention, which TEST UNIT READY reports and clears."""
        heard: list[Code] = []
        while True:
            sense = self.ready().sense
            if sense is None or sense.code.key != 6:
                return heard
            heard.append(sense.code)

    def address(self, place: Location) -> int:
        return self.changer.elements.address_of[place]

    def move(self, source: Location | int, destination: Location | int) -> Reply:
        """MOVE MEDIUM between places, or element addresses."""
        ends = [at if type(at) is int else self.address(at) for at in (source, destination)]  # type: ignore[arg-type]
        return self.send(bytes((0xA5, 0, 0, 0)) + _words(*ends) + bytes(4))

    def exchange(self, source: Location, first: Location, second: Location) -> Reply:
        ends = map(self.address, (source, first, second))
        return self.send(bytes((0xA6, 0, 0, 0)) + _words(*ends) + bytes(2))

    def status(
        self,
        kind: int = 0,
        start: int = 0,
        count: int = 0xFFFF,
        *,
        voltag: bool = True,
        dvcid: bool = False,
        size: int = 1 << 20,
    ) -> Reply:
        """READ ELEMENT STATUS."""
        head = bytes((0xB8, voltag << 4 | kind)) + _words(start, count) + bytes((dvcid,))
        return self.send(head + size.to_bytes(3, "big") + bytes(2), size=size)

    def elements(self, kind: int = 0, *, dvcid: bool = False, voltag: bool = True) -> list[Element]:
        """What READ ELEMENT STATUS tells, its counts checked."""
        reply = self.status(kind, voltag=voltag, dvcid=dvcid)
        assert reply.status == GOOD, reply
        return decode(reply.data)

    def contents(self) -> dict[Location, str]:
        """The labels of all that is in an element, by place."""
        by_address = self.changer.elements.by_address
        return {by_address[one.address]: one.tag for one in self.elements() if one.full}

    def prevent(self, prevent: bool) -> Reply:
        return self.send(bytes((0x1E, 0, 0, 0, prevent, 0)))


def decode(data: bytes) -> list[Element]:
    """Element status data; AssertionError where counts and lengths do not fit together."""
    first, count = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
    assert int.from_bytes(data[5:8], "big") == len(data) - 8
    found: list[Element] = []
    at = 8
    while at < len(data):
        kind, voltag = data[at], bool(data[at + 1] & 0x80)
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        size = int.from_bytes(data[at + 5 : at + 8], "big")
        assert size and size % length == 0
        at += 8
        for begin in range(at, at + size, length):
            found.append(_element(kind, voltag, data[begin : begin + length]))
        at += size
    assert at == len(data)
    assert count == len(found)
    assert first == min((one.address for one in found), default=0)
    return found


def _element(kind: int, voltag: bool, raw: bytes) -> Element:
    behind = 48 if voltag else 12
    tag = raw[12:44].rstrip(b" \0").decode() if voltag else ""
    length = raw[behind + 3]
    return Element(
        kind=kind,
        address=int.from_bytes(raw[:2], "big"),
        flags=raw[2],
        exception=(raw[4], raw[5]),
        source=int.from_bytes(raw[10:12], "big") if raw[9] & 0x80 else None,
        tag=tag,
        identifier=raw[behind + 4 : behind + 4 + length],
        raw=raw,
    )


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def partition(drives: int = 2, slots: int = 5, mails: int = 2, name: str = "finance") -> Partition:
    return Partition(
        name,
        "KRL9000001",
        tuple(range(1, drives + 1)),
        tuple(range(1, slots + 1)),
        tuple(range(1, mails + 1)),
    )


def host(
    folder: Path,
    model: str | LibraryModel = T950,
    cartridges: Sequence[str] = ("KRL001L9", "KRL002L9"),
    *,
    natives: Sequence[str] = ("LTO-9", "LTO-9"),
    slots: int = 5,
    mails: int = 2,
) -> tuple[Tower, Host]:
    """A host that has heard of the power-on, at a changer with cartridges in its first slots."""
    tower = Tower(folder, model, natives)
    for number, barcode in enumerate(cartridges, 1):
        tower.add(barcode, slot(number))
    changer = Changer(partition(len(natives), slots, mails), tower)
    found = Host(changer)
    assert found.hear() == [s.POWER_ON]
    return tower, found


def code_of(reply: Reply) -> Code:
    """The sense code of a reply that must be CHECK CONDITION."""
    assert reply.status == CHECK, reply
    assert reply.sense is not None
    return reply.sense.code
