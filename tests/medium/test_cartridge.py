"""A cartridge as a folder: made, opened by one drive at a time, refused in one clear sentence."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from target.medium.cartridge import Cartridge, read_identity
from target.medium.errors import MediumError
from tests.medium.tape import BARCODE, KEY, blank, files, medium


def _change(folder: Path, **fields: object) -> None:
    path = folder / "cartridge.json"
    info = json.loads(path.read_text())
    path.write_text(json.dumps({**info, **fields}))


def test_a_new_one(tmp_path: Path) -> None:
    folder = blank(tmp_path / "deep" / "cartridge")
    cartridge = Cartridge(folder)
    assert cartridge.barcode == BARCODE
    assert cartridge.capacity == 18 * 10**12
    assert not cartridge.write_protect
    assert cartridge.partitions[0].count == 0
    assert cartridge.partitions[0].remaining == cartridge.capacity
    cartridge.close()
    assert [path.name for path in folder.parent.iterdir()] == ["cartridge"], "nothing beside it"


def test_two_are_never_the_same(tmp_path: Path) -> None:
    one, two = (read_identity(blank(tmp_path / name)) for name in "ab")
    assert one["identity"] != two["identity"]


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        folder = blank(tmp_path / "cartridge")
        with medium(folder) as tape:
            tape.write(b"data", KEY)
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert modes == {
        "cartridge": 0o700,
        "partition0": 0o700,
        "cartridge.json": 0o600,
        "data": 0o600,
        "index": 0o600,
        "runs": 0o600,
    }


@pytest.mark.parametrize("saved", [False, True])
def test_one_drive_at_a_time(tmp_path: Path, saved: bool) -> None:
    folder = blank(tmp_path / "cartridge")
    first = Cartridge(folder)
    if saved:
        first.save()
    with pytest.raises(MediumError) as refusal:
        Cartridge(folder)
    assert str(refusal.value) == f"cartridge {folder} is in use by another drive"
    first.close()
    Cartridge(folder).close()


def test_a_refused_one_can_be_opened_later(tmp_path: Path) -> None:
    folder = blank(tmp_path / "cartridge")
    identity = read_identity(folder)["identity"]
    _change(folder, identity="no number")
    with pytest.raises(MediumError, match="cannot be opened"):
        Cartridge(folder)
    _change(folder, identity=identity)
    Cartridge(folder).close()


@pytest.mark.parametrize("field", [{"format": 3}, {"type": "L47"}])
def test_newer_format(tmp_path: Path, field: dict[str, int]) -> None:
    folder = blank(tmp_path / "cartridge")
    _change(folder, **field)
    with pytest.raises(MediumError) as refusal:
        Cartridge(folder)
    assert str(refusal.value) == (f"cartridge {folder} was made by a newer version: update keyreel")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": "1"}', '"text"', "\0\xff"])
def test_no_cartridge(tmp_path: Path, text: str) -> None:
    folder = blank(tmp_path / "cartridge")
    (folder / "cartridge.json").write_text(text)
    with pytest.raises(MediumError, match="is not a cartridge"):
        Cartridge(folder)


@pytest.mark.parametrize("field", ["barcode", "identity", "capacity", "loads"])
def test_incomplete_identity(tmp_path: Path, field: str) -> None:
    folder = blank(tmp_path / "cartridge")
    info = read_identity(folder)
    del info[field]
    (folder / "cartridge.json").write_text(json.dumps(info))
    with pytest.raises(MediumError, match="is not a cartridge"):
        Cartridge(folder)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(MediumError, match="is not a cartridge"):
        Cartridge(tmp_path / "nothing")
    with pytest.raises(MediumError, match="is not a cartridge"):
        Cartridge(tmp_path)


def test_create_keeps_what_is_there(tmp_path: Path) -> None:
    folder = blank(tmp_path / "cartridge")
    with medium(folder) as tape:
        tape.write(b"data")
    before = files(folder)
    with pytest.raises(MediumError, match="exists already"):
        blank(folder)
    assert files(folder) == before


def test_create_where_nothing_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MediumError, match="exists already"):
        blank(tmp_path / "file")


@pytest.mark.parametrize("barcode", ["", "KRL001", "krl001l9", "KRL001L0", "KRL001M9", "KRL 01L9"])
def test_bad_barcode(tmp_path: Path, barcode: str) -> None:
    with pytest.raises(ValueError, match="barcode"):
        Cartridge.create(tmp_path / "cartridge", barcode)
    assert not list(tmp_path.iterdir())


def test_counters_and_settings_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "cartridge"
    Cartridge.create(folder, "KRL001L5", 10**9, write_protect=True)
    cartridge = Cartridge(folder)
    cartridge.info["loads"] += 3
    cartridge.close()
    cartridge = Cartridge(folder)
    assert (cartridge.info["loads"], cartridge.capacity) == (3, 10**9)
    assert cartridge.write_protect
    assert cartridge.type.suffix == "L5"
    cartridge.close()


def test_a_kill_while_saving_leaves_the_old_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = blank(tmp_path / "cartridge")
    cartridge = Cartridge(folder)
    cartridge.info["loads"] = 7

    def killed(*paths: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            cartridge.save()
    assert read_identity(folder)["loads"] == 0
    cartridge.close()
    assert read_identity(folder)["loads"] == 7


def test_filemarks_use_up_room(tmp_path: Path) -> None:
    with medium(blank(tmp_path / "cartridge", 10**7)) as tape:
        before = tape.cartridge.partitions[0].remaining
        tape.partition.write_filemarks(10)
        after_marks = tape.cartridge.partitions[0].remaining
        tape.write(bytes(1000))
        assert before > after_marks > tape.cartridge.partitions[0].remaining + 1000


@pytest.mark.parametrize("damage", ["none", "hole", "stray data"])
def test_looking_changes_nothing(tmp_path: Path, damage: str) -> None:
    """Opened without being written to: not even what a crash left is repaired."""
    folder = blank(tmp_path / "cartridge")
    with medium(folder) as tape:
        tape.write(b"data", KEY)
        tape.partition.write_filemarks(2)
    if damage == "hole":
        with open(folder / "partition0" / "index", "ab") as index:
            index.write(bytes(64))
    elif damage == "stray data":
        with open(folder / "partition0" / "data", "ab") as data:
            data.write(bytes(100))
    before = files(folder)
    cartridge = Cartridge(folder, writable=False)
    assert cartridge.partitions[0].index[0].length == 4
    cartridge.abandon()
    assert files(folder) == before


def test_formatting_replaces_every_partition(tmp_path: Path) -> None:
    folder = blank(tmp_path / "cartridge")
    cartridge = Cartridge(folder)
    cartridge.partitions[0].write_clear([memoryview(b"x" * 100)], 100)
    cartridge.format([1 << 20, 2 << 20])
    assert [(p.count, p.capacity) for p in cartridge.partitions] == [(0, 1 << 20), (0, 2 << 20)]
    cartridge.partitions[1].write_clear([memoryview(b"y" * 10)], 10)
    cartridge.close()
    again = Cartridge(folder)
    assert [p.count for p in again.partitions] == [0, 1]
    assert again.info["initializations"] == 1
    assert sorted(p.name for p in folder.glob("partition*")) == ["partition0-1", "partition1-1"]
    again.close()


def test_a_partition_that_no_format_finished_is_removed(tmp_path: Path) -> None:
    folder = blank(tmp_path / "cartridge")
    (folder / "partition1-7").mkdir()
    Cartridge(folder).close()
    assert [p.name for p in folder.glob("partition*")] == ["partition0"]


def test_the_first_format_of_the_identity_file_is_still_read(tmp_path: Path) -> None:
    folder = blank(tmp_path / "cartridge")
    path = folder / "cartridge.json"
    info = json.loads(path.read_text())
    old = {key: info[key] for key in ("barcode", "identity", "write_protect", "loads")}
    old |= {"format": 1, "generation": 9, "capacity": 1 << 20, "bytes_written": 5, "bytes_read": 6}
    path.write_text(json.dumps(old))
    cartridge = Cartridge(folder)
    assert cartridge.recorded is not None
    assert cartridge.recorded.name == "LTO-9"
    assert cartridge.partitions[0].identity == bytes.fromhex(info["identity"]) + b"\0"
    assert cartridge.capacity == 1 << 20
    cartridge.close()


def test_attributes_are_kept(tmp_path: Path) -> None:
    folder = blank(tmp_path / "cartridge")
    cartridge = Cartridge(folder)
    cartridge.attributes[0] = {0x0800: b"KEYREEL "}
    cartridge.close()
    again = Cartridge(folder)
    assert again.attributes == {0: {0x0800: b"KEYREEL "}}
    again.close()
