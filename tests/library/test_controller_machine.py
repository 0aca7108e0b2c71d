"""Operators and hosts do anything in any order: what holds of a library holds after every step."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from target.library.errors import OperatorError
from target.library.inventory import Kind
from target.library.state import Configuration
from tests.library.tower import Tower, powered
from tests.tape.host import CHECK, GOOD

BARCODES = [f"KRL00{number}L9" for number in range(1, 7)]
PARTITIONS = ["finance", "sales", "legal"]
DRIVES = ["drive0", "drive1", "drive2"]
PLACES = [f"slot:{number}" for number in range(1, 8)] + ["mail:1", "mail:2", *DRIVES]

barcodes = st.sampled_from(BARCODES)
partitions = st.sampled_from(PARTITIONS)
places = st.sampled_from([*PLACES, *PARTITIONS, "home"])
drives = st.sampled_from(DRIVES)


class Machine(RuleBasedStateMachine):
    """A library with everything disabled, which is what moves and partitions do not depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(TemporaryDirectory(prefix="keyreel-")))
        self.power = ExitStack()

    @initialize()
    def begin(self) -> None:
        self.tower: Tower = self.power.enter_context(powered(self.folder))

    def teardown(self) -> None:
        self.power.close()
        self.stack.close()

    def attempt(self, action: str, *arguments: object, **named: object) -> None:
        """Do it, or be told why not, and then nothing has changed."""
        before = self.picture()
        try:
            getattr(self.tower.login(), action)(*arguments, **named)
        except OperatorError:
            assert self.picture() == before

    def picture(self) -> tuple[object, ...]:
        library = self.tower.library
        return library.configuration, list(library.inventory), library.door_open

    @rule(source=st.one_of(barcodes, places), destination=places)
    def move(self, source: str, destination: str) -> None:
        self.attempt("move", source, destination)

    @rule(barcode=barcodes)
    def insert(self, barcode: str) -> None:
        self.attempt("insert", barcode)

    @rule(source=st.sampled_from(["mail:1", "mail:2"]))
    def remove(self, source: str) -> None:
        self.attempt("remove", source)

    @rule(
        name=partitions,
        chosen=st.none() | st.lists(drives, max_size=3),
        slots=st.none() | st.integers(0, 8),
        mail_slots=st.none() | st.integers(0, 3),
    )
    def set_partition(
        self, name: str, chosen: list[str] | None, slots: int | None, mail_slots: int | None
    ) -> None:
        self.attempt("set_partition", name, drives=chosen, slots=slots, mail_slots=mail_slots)

    @rule(name=partitions)
    def delete_partition(self, name: str) -> None:
        self.attempt("delete_partition", name)

    @rule(is_open=st.booleans())
    def door(self, is_open: bool) -> None:
        self.attempt("open_door" if is_open else "close_door")

    @rule(name=partitions, source=st.integers(0, 9), destination=st.integers(0, 9))
    def host_moves(self, name: str, source: int, destination: int) -> None:
        if name not in self.tower.library.changers:
            return
        host = self.tower.host(name)
        addresses = [at for at in self.tower.library.changers[name].elements.by_address if at > 1]
        if not addresses:
            return
        start, end = (addresses[at % len(addresses)] for at in (source, destination))
        cdb = bytes((0xA5, 0, 0, 0, *start.to_bytes(2, "big"), *end.to_bytes(2, "big"), 0, 0, 0, 0))
        assert host.send(cdb).status in (GOOD, CHECK)

    @rule(name=drives)
    def host_prevents(self, name: str) -> None:
        host = self.tower.host(name)
        host.prevent(not host.drive.removal_prevented)

    @rule(action=st.sampled_from(["power_cycle_drive", "reset_drive"]), name=drives)
    def drive(self, action: str, name: str) -> None:
        self.attempt(action, name)

    @rule()
    def power_cycle(self) -> None:
        self.attempt("power_cycle")

    @rule()
    def restart(self) -> None:
        before = self.picture()[:2]
        self.power.close()
        self.begin()
        assert self.picture()[:2] == before

    @invariant()
    def a_place_is_in_one_partition(self) -> None:
        if not hasattr(self, "tower"):
            return
        parts = self.tower.library.partitions.values()
        for numbers in (
            [at for one in parts for at in one.drives],
            [at for one in parts for at in one.slots],
            [at for one in parts for at in one.mail_slots],
        ):
            assert len(numbers) == len(set(numbers))

    @invariant()
    def a_cartridge_is_in_one_place_and_somebody_shows_it(self) -> None:
        if not hasattr(self, "tower"):
            return
        library = self.tower.library
        owned = {
            at for one in library.partitions.values() for kind in Kind for at in one.places(kind)
        }
        held = {at: one.barcode for at, one in library.inventory}
        assert len(set(held.values())) == len(held)
        assert set(held) <= owned
        for number, drive in library.drives.items():
            cartridge = drive.cartridge
            inside = [barcode for at, barcode in held.items() if at == (Kind.DRIVE, number)]
            assert inside == ([] if cartridge is None else [cartridge.barcode])

    @invariant()
    def the_changers_show_the_partitions(self) -> None:
        if not hasattr(self, "tower"):
            return
        library = self.tower.library
        assert {name: one.partition for name, one in library.changers.items()} == (
            library.partitions
        )
        for changer in library.changers.values():
            assert set(changer.elements.address_of) == {
                at for kind in Kind for at in changer.partition.places(kind)
            }

    @invariant()
    def the_file_says_the_same(self) -> None:
        if not hasattr(self, "tower"):
            return
        raw = json.loads(self.tower.library.file.read_text())
        assert Configuration.from_json(raw) == self.tower.library.configuration


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=12, stateful_step_count=40, deadline=None)
