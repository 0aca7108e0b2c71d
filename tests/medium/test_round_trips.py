"""What is written is what is read: forms, sizes, pieces, positions, after closing and cutting."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keymgr.secret import Secret
from target.medium.compress import METHODS
from target.medium.errors import WrongKey
from target.medium.runs import Kads
from tests.medium.tape import KEY, OTHER_KEY, Medium, Object, blank, block, medium

MIB = 1 << 20
SIZES = (1, 15, 16, 17, 63, 64, 65, 4096, (1 << 16) + 3, MIB - 16, MIB - 1, MIB, MIB + 1)
KADS = Kads(b"label", b"authenticated", b"", 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return blank(tmp_path / "cartridge")


@pytest.mark.parametrize("key", [None, KEY], ids=["clear", "encrypted"])
@pytest.mark.parametrize("method", METHODS)
def test_sizes(folder: Path, key: bytes | None, method: str) -> None:
    blocks = [block(size) for size in (*SIZES, 8 * MIB, 1)] + [bytes(size) for size in SIZES]
    with medium(folder, method) as tape:
        for data in blocks:
            tape.write(data, key, KADS)
        assert tape.objects(key) == blocks, "before it is in the files"
        tape.partition.sync()
        assert tape.objects(key) == blocks
    with medium(folder) as tape:
        assert tape.objects(key) == blocks, "after closing, read in a row"
        backwards = [tape.read(number, key) for number in reversed(range(len(blocks)))]
        assert backwards == blocks[::-1]


@pytest.mark.parametrize("method", ["lz4", "zstd"])
def test_compression_saves_room(folder: Path, method: str) -> None:
    plain, random = bytes(MIB), block(MIB)
    with medium(folder, method) as tape:
        tape.write(plain)
        tape.write(plain, KEY)
        assert tape.partition.used < MIB // 10
        before = tape.partition.used
        tape.write(random)
        tape.write(random, KEY)
        assert tape.partition.used - before < 2 * MIB + 1024, "stored as it is"
        assert tape.objects(KEY) == [plain, plain, random, random]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)
@given(data=st.data())
def test_pieces(folder: Path, data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(0, 70_000), min_size=1, max_size=6).filter(sum))
    key = data.draw(st.sampled_from((None, KEY)))
    method = data.draw(st.sampled_from(METHODS))
    compressible = data.draw(st.booleans())
    slack = data.draw(st.integers(0, 100))
    whole = bytes(sum(sizes)) if compressible else block(sum(sizes))
    views, at = [], 0
    for size in sizes:
        views.append(memoryview(whole)[at : at + size])
        at += size
    # The transport's last buffer may be longer than what is left of the block.
    views[-1] = memoryview(bytes(views[-1]) + bytes(slack))
    with medium(folder, method) as tape:
        tape.cut(0)
        tape.write_pieces(views, len(whole), key, Kads())
        assert tape.read(0, key) == whole
        assert tape.read(0, key, pieces=3) == whole
        tape.partition.sync()
        assert tape.read(0, key, pieces=len(sizes)) == whole


def test_short_buffer_gets_the_beginning(folder: Path) -> None:
    data = block(5000)
    with medium(folder) as tape:
        tape.write(data)
        tape.write(data, KEY)
        for number in (0, 1):
            entry, out = tape.partition.index[number], bytearray(1000)
            views = [memoryview(out)[:300], memoryview(out)[300:]]
            if number == 0:
                got = tape.partition.read_clear(0, entry, views)
            else:
                cipher = tape.partition.cipher(1, entry, Secret(KEY))
                got = tape.partition.read_sealed(1, entry, cipher, views)
            assert (got, bytes(out)) == (1000, data[:1000])


def test_external_blocks_are_the_same_blocks(tmp_path: Path) -> None:
    """The raw form of one cartridge, written to another one in EXTERNAL mode, decrypts there."""
    blocks = [block(100), block(70_000), bytes(5000)]
    raws, kads = [], []
    with medium(blank(tmp_path / "source"), "zstd") as source:
        source.write(block(10))
        for data in blocks:
            source.write(data, KEY, KADS)
        for number in range(1, source.partition.count):
            run = source.partition.run_of(number, source.partition.index[number])
            raws.append(source.raw(number))
            kads.append(run.kads._replace(metadata=run.salt + run.context))
    copy = blank(tmp_path / "copy")
    with medium(copy) as target:
        for raw, kad in zip(raws, kads, strict=True):
            target.write_raw(raw, kad)
        assert target.objects(KEY) == blocks
    with medium(copy) as target:
        assert target.objects(KEY) == blocks
        assert [target.raw(number) for number in range(3)] == raws
        assert [target.partition.index[number].length for number in range(3)] == [
            len(data) for data in blocks
        ]
        with pytest.raises(WrongKey):
            target.read(0, OTHER_KEY)


@pytest.mark.parametrize("cut", [0, 4, 39, 55])
def test_the_raw_format_is_recognised(folder: Path, cut: int) -> None:
    """A block that is none, or too short for one, is told before anything is written."""
    with medium(folder) as tape:
        tape.write(b"data", KEY)
        raw = tape.raw(0)
        assert _is_raw(tape, raw)
        assert not _is_raw(tape, raw[:cut])
        assert not _is_raw(tape, b"X" + raw[1:])
        assert not _is_raw(tape, bytes(len(raw)))


def _is_raw(tape: Medium, data: bytes) -> bool:
    middle = len(data) // 2
    pieces = [memoryview(data)[:middle], memoryview(data)[middle:]]
    whole = tape.partition.is_raw([memoryview(data)], len(data))
    assert tape.partition.is_raw(pieces, len(data)) == whole
    return whole


def test_wrong_key_is_told_from_damage(folder: Path) -> None:
    with medium(folder) as tape:
        tape.write(block(100), KEY)
        with pytest.raises(WrongKey):
            tape.read(0, OTHER_KEY)


def _write(tape: Medium, number: int) -> Object:
    """The object with that number: clear, encrypted and a filemark in turn."""
    if number % 4 == 3:
        tape.partition.write_filemarks(1)
        return None
    data = block(1000 * (number + 1), number)
    tape.write(data, KEY if number % 2 else None)
    return data


@pytest.mark.parametrize("synced", [True, False])
@pytest.mark.parametrize("at", [0, 1, 3, 7, 11, 12, 13])
def test_cut(folder: Path, at: int, synced: bool) -> None:
    """Behind a cut is nothing, before it everything."""
    with medium(folder) as tape:
        objects = [_write(tape, number) for number in range(12)]
        if synced:
            tape.partition.sync()
        tape.cut(at)
        assert tape.partition.count == min(at, 12)
        assert tape.objects(KEY) == objects[:at]
        objects = [*objects[:at], _write(tape, 50)]
        assert tape.objects(KEY) == objects
    with medium(folder) as tape:
        assert tape.objects(KEY) == objects


def test_a_cut_is_durable_at_once(folder: Path) -> None:
    with medium(folder) as tape:
        objects = [_write(tape, number) for number in range(6)]
    tape = Medium(folder)
    tape.cut(2)
    tape.leave()
    with medium(folder) as tape:
        assert tape.objects(KEY) == objects[:2]


def test_only_what_was_synced_survives(folder: Path) -> None:
    tape = Medium(folder)
    objects = [_write(tape, number) for number in range(6)]
    tape.partition.sync()
    for number in range(6, 12):
        _write(tape, number)
    tape.leave()
    with medium(folder) as tape:
        assert tape.objects(KEY) == objects
        objects.append(_write(tape, 20))
        assert tape.objects(KEY) == objects


@pytest.mark.parametrize("size", [1, 100, MIB - 1, MIB + 1, 2 * MIB + 63])
@pytest.mark.parametrize("key", [None, KEY], ids=["clear", "encrypted"])
def test_filemarks_behind_a_block_of_any_size_are_kept(
    folder: Path, key: bytes | None, size: int
) -> None:
    """The data file ends where the last filemark says, whatever was written before it."""
    with medium(folder) as tape:
        tape.write(block(size), key)
        tape.partition.write_filemarks(2)
    with medium(folder) as tape:
        assert tape.objects(KEY) == [block(size), None, None]


def test_used_is_what_is_on_the_tape(folder: Path) -> None:
    with medium(folder) as tape:
        _write(tape, 0)
        used = tape.partition.used
        assert used >= 1000
        _write(tape, 1)
        assert tape.partition.used > used
        tape.cut(1)
        assert tape.partition.used == used
    assert (folder / "partition0" / "data").stat().st_size == used, "the file is cut at a sync"
