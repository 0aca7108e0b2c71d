"""The key source that docs/key-sources.md shows whole, at real drives."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from keymgr.api import KeyData, KeySource, Notice, Refused, World
from keymgr.keystore import Keystore
from target.encryption.external import Asker
from target.medium.cartridge import Cartridge
from tests.e2e.leaks import leaks
from tests.encryption.keys import said
from tests.encryption.outside import HP6, T10000, TD4, TD9, TS1160
from tests.keymgr.page import listing
from tests.tape.host import END_OF_DATA, GOOD, Host, new_cartridge, new_drive, own_media

MODULE = "keyreel_drawer"
NOT_FOUND, PROHIBITED = (0x7, 0xEF, 0x31), (0x5, 0xEE, 0x30)
PLACES = {TD4: "library", TD9: "library", HP6: "library", TS1160: "system", T10000: "agent"}


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    made = ModuleType(MODULE)
    monkeypatch.setitem(sys.modules, MODULE, made)
    exec(compile(listing(f"{MODULE}.py"), f"{MODULE}.py", "exec"), made.__dict__)
    yield made


class Site:
    """A drive with the source, a host at it, what operators are told."""

    def __init__(self, module: ModuleType, folder: Path, model: str = TD9, **options: int) -> None:
        self.folder = folder
        self.told: list[Notice] = []
        self.world = World("mine", folder / "keys", options, tell=self.told.append)
        self.source: KeySource = module.Drawer(self.world)
        self.host = Host(new_drive(model))
        asker = Asker(tell=self.told.append)
        self.host.drive.put_under(PLACES[model], self.source, asker)

    def load(self, number: int = 1) -> Host:
        self.unload()
        media = own_media(self.host.drive.personality)
        self.host.drive.insert(new_cartridge(self.folder, f"KRL00{number}{media}"))
        self.host.hear()
        return self.host

    def unload(self) -> None:
        cartridge = self.host.drive.eject()
        if cartridge is not None:
            cartridge.close()

    def names(self) -> list[str]:
        """Of the keys that there are."""
        store: Keystore = self.source.store  # type: ignore[attr-defined]
        return [record.name for record in store.records("mine")]

    def keys(self) -> set[bytes]:
        store: Keystore = self.source.store  # type: ignore[attr-defined]
        return {bytes(store.secret("mine", name).reveal()) for name in self.names()}


@pytest.mark.parametrize("model", PLACES)
def test_what_it_gives_is_found_again(model: str, module: ModuleType, tmp_path: Path) -> None:
    site = Site(module, tmp_path, model)
    host = site.load()
    assert host.write(b"one").status == GOOD
    (name,) = site.names()
    run = host.drive.partition.runs[1]
    assert KeyData(*run.kads[:2]).name == name.encode(), "it stands on the tape"
    site.unload()
    site.source.close()
    again = Site(module, tmp_path, model)
    host = again.load()
    assert host.read(3).data == b"one", "another one with the same folder"
    assert host.write(b"two").status == GOOD
    host = again.load()
    host.locate(1)
    assert host.read(3).data == b"two"
    host = again.load()
    host.space(END_OF_DATA)
    assert host.write(b"three").status == GOOD
    assert again.names() == [name], "a tape that is written on keeps its key"
    assert again.told == []
    again.unload()


def test_each_tape_that_is_begun_has_a_key_of_its_own(module: ModuleType, tmp_path: Path) -> None:
    site = Site(module, tmp_path)
    site.load(1).write(b"one")
    site.load(2).write(b"two")
    site.host.rewind()
    site.host.write(b"again")
    assert (len(site.names()), len(site.keys())) == (3, 3)
    assert site.load(1).read(3).data == b"one"
    site.unload()


def test_a_key_that_is_gone(module: ModuleType, tmp_path: Path) -> None:
    site = Site(module, tmp_path)
    site.load().write(b"one")
    (name,) = site.names()
    other = Site(module, tmp_path / "other")
    site.unload()
    other.host.drive.insert(Cartridge(tmp_path / "KRL001L9"))
    host = other.host
    host.hear()
    assert said(host.read(3)) == NOT_FOUND
    host.space(END_OF_DATA)
    assert said(host.write(b"more")) == NOT_FOUND
    assert {notice[1:] for notice in other.told} == {
        (f"mine has no key '{name}'", "bring back the keystore that has it")
    }
    other.unload()


def test_it_gives_no_more_keys_than_it_may(module: ModuleType, tmp_path: Path) -> None:
    site = Site(module, tmp_path, most=1)
    host = site.load()
    assert host.write(b"one").status == GOOD
    host.rewind()
    assert said(host.write(b"two")) == PROHIBITED
    assert host.drive.partition.count == 1
    assert site.told[0].text == "mine has 1 keys, which is all that it may have"
    assert host.read(3).data == b"one"
    site.unload()


def test_names_from_the_tape_may_be_anything(module: ModuleType, tmp_path: Path) -> None:
    source = Site(module, tmp_path).source
    for name in (b"../secret", b"", b"\xff", b"\0", b"0" * 12, b"x" * 64):
        with pytest.raises(Refused, match="mine has no key"):
            source._kept(KeyData(name))  # type: ignore[attr-defined]


def test_an_option_that_there_is_not(module: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine: there is no option least, only most"):
        Site(module, tmp_path, least=1)


def test_no_key_shows_itself(module: ModuleType, tmp_path: Path) -> None:
    site = Site(module, tmp_path)
    site.load().write(b"one")
    (key,) = site.keys()
    text = repr(vars(site.source)) + repr(site.told)
    assert key.hex() not in text
    assert repr(key) not in text
    site.unload()
    assert leaks(key, tmp_path, set()) == []
