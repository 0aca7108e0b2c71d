"""The key source that docs/key-sources.md shows whole, at real drives."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from keymgr.api import KeyData, KeySource, Notice, World
from target.encryption.external import Asker
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

    def files(self) -> list[Path]:
        return sorted(self.world.folder.iterdir())


@pytest.mark.parametrize("model", PLACES)
def test_what_it_gives_is_found_again(model: str, module: ModuleType, tmp_path: Path) -> None:
    site = Site(module, tmp_path, model)
    host = site.load()
    assert host.write(b"one").status == GOOD
    (key,) = site.files()
    assert (key.stat().st_mode & 0o777, len(key.read_bytes())) == (0o600, 32)
    assert key.parent.stat().st_mode & 0o777 == 0o700
    run = host.drive.partition.runs[1]
    assert KeyData(*run.kads[:2]).name == key.name.encode(), "it stands on the tape"
    again = Site(module, tmp_path, model)
    site.unload()
    host = again.load()
    assert host.read(3).data == b"one", "another one with the same folder"
    assert host.write(b"two").status == GOOD
    host = again.load()
    host.locate(1)
    assert host.read(3).data == b"two"
    host = again.load()
    host.space(END_OF_DATA)
    assert host.write(b"three").status == GOOD
    assert again.files() == [key], "a tape that is written on keeps its key"
    assert again.told == []
    again.unload()


def test_each_tape_that_is_begun_has_a_key_of_its_own(module: ModuleType, tmp_path: Path) -> None:
    site = Site(module, tmp_path)
    site.load(1).write(b"one")
    site.load(2).write(b"two")
    site.host.rewind()
    site.host.write(b"again")
    keys = {key.read_bytes() for key in site.files()}
    assert (len(site.files()), len(keys)) == (3, 3)
    assert site.load(1).read(3).data == b"one"
    site.unload()


def test_a_key_that_is_gone(module: ModuleType, tmp_path: Path) -> None:
    site = Site(module, tmp_path)
    site.load().write(b"one")
    (key,) = site.files()
    elsewhere = key.rename(tmp_path / "elsewhere")
    host = site.load()
    assert said(host.read(3)) == NOT_FOUND
    host.space(END_OF_DATA)
    assert said(host.write(b"more")) == NOT_FOUND
    assert {notice[1:] for notice in site.told} == {
        (f"mine has no key '{key.name}'", "put the key's file into its folder")
    }
    elsewhere.rename(key)
    host.rewind()
    assert host.read(3).data == b"one"
    site.unload()


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


def test_names_from_the_tape_are_no_paths(module: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(range(32)))
    source = Site(module, tmp_path).source
    for name in (b"../secret", b"", b"\xff", b"0" * 12):
        with pytest.raises(Exception, match="mine has no key"):
            source._kept(KeyData(name))  # type: ignore[attr-defined]


def test_an_option_that_there_is_not(module: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine: there is no option least, only most"):
        Site(module, tmp_path, least=1)


def test_no_key_shows_itself(module: ModuleType, tmp_path: Path) -> None:
    site = Site(module, tmp_path)
    site.load().write(b"one")
    (key,) = site.files()
    text = repr(vars(site.source)) + repr(site.told)
    assert key.read_bytes().hex() not in text
    assert repr(key.read_bytes()) not in text
    site.unload()
