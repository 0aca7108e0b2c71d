"""Drives in partitions with BlueScale: each with a host and an automation port, and a shelf."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keymgr.api import Notice
from keymgr.bluescale import POLICIES, Desk, Policy
from target.library.port import AutomationPort
from target.medium.cartridge import Cartridge
from tests.encryption.keys import said, spin
from tests.keymgr.bluescale import Site, secret, site
from tests.tape.host import END_OF_DATA, GOOD, Host, new_cartridge, new_drive, own_media

TD9, TD6, HP6, HP9 = "ibm/ult3580-td9", "ibm/ult3580-td6", "hp/ultrium-6", "hpe/ultrium-9"
TS1140, TS1160 = "ibm/ts1140", "ibm/ts1160"
MODELS = (TD9, HP6, TS1160)
"""One for each way of saying that there is no key, and of keeping a moniker on tape."""
KEY_PASSWORD = "to-carry-1"

NOT_FOUND = {HP6: (0x7, 0x74, 0x63), TD9: (0x7, 0xEF, 0x31), TS1160: (0x7, 0xEF, 0x31)}
NOT_AUTHORIZED = {HP6: (0x7, 0x74, 0x64), TD9: (0x7, 0xEF, 0x10), TS1160: (0x7, 0xEF, 0x10)}
PROHIBITED = {HP6: (0x7, 0x74, 0x64), TD9: (0x5, 0xEE, 0x30), TS1160: (0x5, 0xEE, 0x30)}
LOCKED = {HP6: (0x7, 0x74, 0x61), TD9: (0x5, 0xEE, 0x02), TS1160: (0x5, 0xEE, 0x02)}
UNAVAILABLE = {HP6: (0x7, 0x74, 0x61), TD9: (0x7, 0xEE, 0x0F), TS1160: (0x7, 0xEE, 0x0F)}
NOT_CONFIGURED = {HP6: (0x7, 0x74, 0x6F), TD9: (0x5, 0xEF, 0x01), TS1160: (0x5, 0xEF, 0x01)}


class Bay:
    """A drive in a library, with the host that uses it."""

    def __init__(self, library: Library, model: str) -> None:
        self.library = library
        self.model = model
        self.drive = new_drive(model)
        self.host = Host(self.drive)
        self.port = AutomationPort(self.drive, library="KRL0000001", tell=library.told.append)
        self.host.hear()

    def join(self, partition: str) -> None:
        """The drive is in a partition with BlueScale."""
        self.port.assign(partition, "bluescale", self.library.site.bluescale)

    def insert(self, number: int = 1) -> None:
        """A cartridge of the drive's own format from the shelf, a new one if it is not there."""
        self.port.insert(
            self.library.cartridge(f"KRL00{number}{own_media(self.drive.personality)}")
        )
        self.host.hear()

    def eject(self) -> None:
        cartridge = self.port.eject()
        assert cartridge is not None
        cartridge.close()

    def exchange(self, number: int) -> None:
        self.eject()
        self.insert(number)

    # --- what the host does ------------------------------------------------------------------

    def write(self, *blocks: bytes) -> None:
        """From the beginning of the tape, which is then unloaded and loaded."""
        self.host.rewind()
        self.append(*blocks)

    def append(self, *blocks: bytes) -> None:
        """At the position; all of it is good."""
        for block in blocks:
            reply = self.host.write(block)
            assert reply.status == GOOD, reply
        self.remount()

    def remount(self) -> None:
        """Unload and load: keys are dropped."""
        self.host.load(load=False)
        self.host.load()
        self.host.hear()

    def read(self, *blocks: bytes) -> None:
        """These blocks are on the tape from its beginning, and no others."""
        self.host.rewind()
        for block in blocks:
            reply = self.host.read(len(block))
            assert (reply.status, reply.data) == (GOOD, block), reply
        assert said(self.host.read(1)) == (0x8, 0x00, 0x05)

    def refused_read(self) -> tuple[int, int, int]:
        """The sense code of a read from the beginning, which does not move the tape."""
        self.host.rewind()
        code = said(self.host.read(100))
        assert self.host.position() == 0
        return code

    def refused_append(self) -> tuple[int, int, int]:
        """The sense code of a write behind all data, which leaves the tape as it is."""
        self.host.space(END_OF_DATA)
        end = self.host.position()
        code = said(self.host.write(b"more"))
        self.host.space(END_OF_DATA)
        assert self.host.position() == end
        return code

    def refused_write(self) -> tuple[int, int, int]:
        """The sense code of a write at the beginning, which leaves the tape as it is."""
        self.host.space(END_OF_DATA)
        end = self.host.position()
        self.host.rewind()
        code = said(self.host.write(b"new"))
        self.host.space(END_OF_DATA)
        assert self.host.position() == end
        return code

    def key_data(self) -> dict[int, bytes]:
        """The key-associated data of the first block, by type, as SECURITY PROTOCOL IN tells."""
        self.host.rewind()
        # By another host: this one would hear of every key from then on.
        other = Host(self.drive, "another")
        other.hear()
        page = spin(other, 0x0021)
        at, found = 16, {}
        while at < len(page):
            size = int.from_bytes(page[at + 2 : at + 4], "big")
            found[page[at]] = page[at + 4 : at + 4 + size]
            at += 4 + size
        return found


class Library:
    """A BlueScale with its drives; ``told`` is what operators hear."""

    def __init__(self, one: Site, shelf: Path) -> None:
        self.site = one
        self.shelf = shelf
        self.told: list[Notice] = []
        self.bays: list[Bay] = []

    def bay(self, model: str = TD9, partition: str = "finance") -> Bay:
        """One more drive in that partition; empty: in none that encrypts."""
        bay = Bay(self, model)
        self.bays.append(bay)
        if partition:
            bay.join(partition)
        return bay

    def cartridge(self, barcode: str) -> Cartridge:
        return new_cartridge(self.shelf, barcode)

    @property
    def desk(self) -> Desk:
        return self.site.desk()

    def keys(self, *monikers: str) -> None:
        for moniker in monikers:
            self.desk.create(moniker)

    def export(self, moniker: str) -> bytes:
        password = secret(KEY_PASSWORD)
        return self.desk.export(moniker, password, password).data

    def last(self) -> tuple[str, str]:
        """The last message: what it says, and the cure."""
        return self.told[-1].text, self.told[-1].cure


@contextmanager
def library(
    folder: Path,
    *,
    professional: bool = True,
    policy: Policy = POLICIES["none"],
    shelf: Path | None = None,
) -> Iterator[Library]:
    """A library with its keystore in the folder; ``shelf``: where its cartridges are."""
    folder.mkdir(exist_ok=True)
    with site(folder, professional=professional, policy=policy) as one:
        made = Library(one, shelf or folder / "shelf")
        made.shelf.mkdir(exist_ok=True)
        try:
            yield made
        finally:
            for bay in made.bays:
                if bay.drive.cartridge is not None:
                    bay.host.prevent(False)
                    bay.eject()
