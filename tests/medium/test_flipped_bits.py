"""One wrong bit anywhere in a cartridge: the host gets the true data or an error, never others."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from target.medium.runs import Kads
from target.scsi import sense as s
from target.scsi.sense import Code
from tests.medium.tape import (
    FILES,
    KEY,
    Object,
    Refused,
    blank,
    block,
    drive,
    files,
    medium,
    restore,
)

Found = Object | Code
KADS = Kads(b"a label", b"authenticated")
OTHER_KADS = Kads(b"another label")


def survey(folder: Path, key: bytes | None, count: int) -> list[Found]:
    """What a host gets for each of ``count`` objects: the object, or the code of the refusal."""
    found: list[Found] = []
    with drive(folder, key) as host:
        for number in range(count):
            try:
                if host.position() != number:
                    host.locate(number)
                found.append(host.read(1 << 17))
            except Refused as refused:
                found.append(refused.code)
    return found


def write(folder: Path, objects: Iterable[Object], key: bytes | None) -> None:
    """A tape with these objects; if there is a key, in two runs that differ in their KADs."""
    with drive(folder) as host:
        for number, item in enumerate(objects):
            if key is not None and number in (0, 4):
                host.key(key, kads=OTHER_KADS if number else KADS)
            if item is None:
                host.filemarks()
            else:
                host.write(item)


def flips(sizes: dict[str, int], most: int) -> Iterator[tuple[str, int, int]]:
    """(file, byte, bit): a random bit of every byte, or of ``most`` of them."""
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    chance = random.Random(seed)
    places = [(name, at) for name, size in sizes.items() for at in range(size)]
    if len(places) > most:
        places = chance.sample(places, most)
    for name, at in places:
        yield name, at, chance.randrange(8)


def damage(
    folder: Path, objects: list[Object], key: bytes | None, most: int = 1 << 20
) -> Iterator[tuple[str, int, list[Found]]]:
    """(file, byte, what the host gets) for each flipped bit; the files are whole in between."""
    whole = files(folder)
    sizes = {name: len(whole[f"partition0/{name}"]) for name in FILES}
    assert survey(folder, key, len(objects)) == objects
    for name, at, bit in flips(sizes, most):
        restore(folder, whole)
        path = folder / "partition0" / name
        wrong = bytearray(whole[f"partition0/{name}"])
        wrong[at] ^= 1 << bit
        path.write_bytes(wrong)
        found = survey(folder, key, len(objects))
        wrong_data = [
            (number, got)
            for number, (got, true) in enumerate(zip(found, objects, strict=True))
            if got != true and not isinstance(got, Code)
        ]
        assert not wrong_data, f"bit {bit} of byte {at} of {name}"
        yield name, at, found


SMALL: list[Object] = [block(100, 0), block(33, 1), None, block(64, 2), block(200, 3), None]


def codes(found: list[Found]) -> list[Code]:
    return [got for got in found if isinstance(got, Code)]


def test_every_byte_of_an_encrypted_tape(tmp_path: Path) -> None:
    """Data, tag, index entry: 7/74/04 for that block alone; run record: for the whole run.

    One that makes an index entry look like that of a clear block is 3/11/00, as its checksum is
    wrong then; an entry at the very end that is damaged is no entry: the tape ends before it.
    """
    folder = blank(tmp_path / "cartridge")
    write(folder, SMALL, KEY)
    runs = ([0, 1, 3], [4])
    seen: dict[str, Counter[Code]] = {name: Counter() for name in FILES}
    harmless = dict.fromkeys(FILES, 0)
    for name, at, found in damage(folder, SMALL, KEY):
        wrong = [number for number, got in enumerate(found) if isinstance(got, Code)]
        seen[name].update(codes(found))
        harmless[name] += not wrong
        if name == "index":
            assert wrong == [at // 32], "the entry's object and no other"
            assert codes(found) != [s.END_OF_DATA] or wrong == [len(SMALL) - 1]
        elif name == "runs":
            assert wrong in runs
        else:
            assert len(wrong) <= 1
    print({name: {str(code): n for code, n in counts.items()} for name, counts in seen.items()})
    # Not all of the data file is data: stored forms are aligned.
    padding = sum(-(len(item) + 16) % 64 for item in SMALL if item)
    assert harmless == {"data": padding, "index": 0, "runs": 0}
    assert seen["data"].keys() == seen["runs"].keys() == {s.INTEGRITY_FAILED}
    assert seen["index"].keys() <= {s.INTEGRITY_FAILED, s.READ_ERROR, s.END_OF_DATA}
    assert seen["index"][s.READ_ERROR] <= 4


@pytest.mark.parametrize("count", [len(SMALL), len(SMALL) - 1], ids=["filemark", "block"])
def test_every_byte_of_a_clear_tape(tmp_path: Path, count: int) -> None:
    """3/11/00 for that block alone, whatever the tape ends with."""
    folder = blank(tmp_path / "cartridge")
    objects = SMALL[:count]
    write(folder, objects, None)
    for name, at, found in damage(folder, objects, None):
        wrong = [number for number, got in enumerate(found) if isinstance(got, Code)]
        if name == "data":
            assert codes(found) in ([], [s.READ_ERROR])
        else:
            assert wrong == [at // 32]
            last = at // 32 == count - 1
            assert codes(found)[0] in ((s.READ_ERROR, s.END_OF_DATA) if last else (s.READ_ERROR,))


def test_every_byte_of_blocks_in_external_mode(tmp_path: Path) -> None:
    """Their raw header counts as data; a check value or salt that is wrong is a wrong key."""
    objects: list[Object] = [block(100, 0), bytes(2000)]
    folder = blank(tmp_path / "cartridge")
    with medium(blank(tmp_path / "source"), "zstd") as source, medium(folder) as tape:
        for number, item in enumerate(objects):
            assert item is not None
            source.write(item, KEY, KADS)
            run = source.partition.run_of(number, source.partition.index[number])
            metadata = run.salt + run.context
            tape.write_raw(source.raw(number), KADS._replace(metadata=metadata))
    for name, _, found in damage(folder, objects, KEY):
        allowed = {s.INTEGRITY_FAILED, s.INCORRECT_KEY}
        if name == "index":
            allowed |= {s.READ_ERROR, s.END_OF_DATA}
        assert set(codes(found)) <= allowed


@pytest.mark.parametrize("compression", ["off", "zstd"])
def test_a_larger_tape(tmp_path: Path, compression: str) -> None:
    """Blocks of several sizes, some compressed: 1500 places in each form."""
    folder = blank(tmp_path / "cartridge")
    objects: list[Object] = [
        None if number % 7 == 6 else (block(size // 2, number) + bytes(size))[:size]
        for number, size in enumerate((64, 100_000, 5000, 40_000, 12_345, 1, 0, 30_000, 777))
    ]
    with drive(folder, KEY, compression) as host:
        for item in objects:
            if item is None:
                host.filemarks()
            else:
                host.write(item)
    harmless = 0
    for name, _, found in damage(folder, objects, KEY, 1500):
        assert set(codes(found)) <= {s.INTEGRITY_FAILED, s.READ_ERROR, s.END_OF_DATA}
        if name == "data":
            assert codes(found) in ([], [s.INTEGRITY_FAILED])
        harmless += not codes(found)
    assert harmless < 15, "the alignment's padding is less than 0.2 % of the file"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("key", [None, KEY], ids=["clear", "encrypted"])
def test_cut_short(tmp_path: Path, name: str, key: bytes | None) -> None:
    """Files that end anywhere: the tape ends earlier, or a run is gone; never other data."""
    folder = blank(tmp_path / "cartridge")
    write(folder, SMALL, key)
    whole = files(folder)
    content = whole[f"partition0/{name}"]
    for size in range(len(content)):
        restore(folder, whole)
        (folder / "partition0" / name).write_bytes(content[:size])
        found = survey(folder, key, len(SMALL))
        left = [number for number, got in enumerate(found) if got == SMALL[number]]
        if name == "runs":
            assert set(codes(found)) <= {s.INTEGRITY_FAILED}
            assert left in ([0, 1, 2, 3, 5], [2, 5])
        else:
            assert set(codes(found)) <= {s.END_OF_DATA}
            assert left == list(range(len(left)))
            # It stays so, and can be written on.
            with drive(folder, key) as host:
                host.to_end()
                host.write(b"more")
                host.rewind()
                assert host.rest() == [*SMALL[: len(left)], b"more"]
