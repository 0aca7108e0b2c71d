"""Blocks of an encrypted tape that someone moved, copied in or put back: 7/74/04, never data.

Whoever does it can compute checksums but has no key. Entries and run records are put together
here by their layout, as he would.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from crc32c import crc32c

from target.medium.runs import Kads
from target.scsi import sense as s
from tests.medium.tape import KEY, Object, blank, block, drive, files, restore
from tests.medium.test_flipped_bits import Found, survey

ENTRY = struct.Struct("<QIIIIII")
RUN = struct.Struct("<32s32s16sQBBBBB3x64s64s64sI")
STORED = 128
"""What a block of 100 bytes takes: ciphertext, tag and alignment."""
DENIED = s.INTEGRITY_FAILED


class Attacker:
    """Someone with the files of a cartridge and without the key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "partition0"
        self.data = bytearray((self.folder / "data").read_bytes())
        self.entries = list(ENTRY.iter_unpack((self.folder / "index").read_bytes()))
        self.runs = list(RUN.iter_unpack((self.folder / "runs").read_bytes()))

    def stored(self, number: int) -> bytes:
        offset, _, size, *_ = self.entries[number]
        return bytes(self.data[offset : offset + size])

    def put(self, number: int, stored: bytes) -> None:
        """Other bytes for a block of the same size."""
        offset, _, size, *_ = self.entries[number]
        assert len(stored) == size
        self.data[offset : offset + size] = stored

    def save(self) -> None:
        (self.folder / "data").write_bytes(self.data)
        index = b""
        for entry in self.entries:
            head = ENTRY.pack(*entry)
            head = head[:-4]
            is_block = not entry[5] & 3
            data = bytes(self.data[entry[0] : entry[0] + entry[2]]) if is_block else b""
            index += head + crc32c(head, crc32c(data) if is_block else 0).to_bytes(4, "little")
        (self.folder / "index").write_bytes(index)
        runs = b""
        for run in self.runs:
            body = RUN.pack(*run)[:-4]
            runs += body + crc32c(body).to_bytes(4, "little")
        (self.folder / "runs").write_bytes(runs)


def blocks(count: int, version: int = 1, first: int = 0) -> list[Object]:
    return [block(100, f"{version} {number}") for number in range(first, first + count)]


def write(folder: Path, objects: list[Object], at: int = 0, kads: Kads | None = None) -> None:
    """Write blocks from object ``at`` on, in a run of their own."""
    with drive(folder) as host:
        host.key(KEY, kads=kads)
        host.locate(at)
        for item in objects:
            assert item is not None
            host.write(item)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten encrypted blocks, one run."""
    folder = blank(tmp_path / "cartridge")
    write(folder, blocks(10))
    return folder


def expect(folder: Path, *found: Found) -> None:
    assert survey(folder, KEY, len(found)) == list(found)


def test_saving_changes_nothing(folder: Path) -> None:
    """The attacker of these tests writes what the drive writes."""
    before = files(folder)
    Attacker(folder).save()
    assert files(folder) == before
    expect(folder, *blocks(10))


@pytest.mark.parametrize("what", ["data", "entries", "both"])
def test_swapped_blocks(folder: Path, what: str) -> None:
    attacker = Attacker(folder)
    if what in ("data", "both"):
        one, two = attacker.stored(2), attacker.stored(5)
        attacker.put(2, two)
        attacker.put(5, one)
    if what in ("entries", "both"):
        entries = attacker.entries
        entries[2], entries[5] = entries[5], entries[2]
    attacker.save()
    true = blocks(10)
    # Both changes together put every block where it was: nothing is wrong then.
    wrong = {2, 5} if what != "both" else set()
    expect(folder, *(DENIED if number in wrong else item for number, item in enumerate(true)))


def test_a_block_taken_out(folder: Path) -> None:
    attacker = Attacker(folder)
    del attacker.entries[4]
    attacker.save()
    expect(folder, *blocks(4), *[DENIED] * 5, s.END_OF_DATA)


def test_a_block_given_twice(folder: Path) -> None:
    attacker = Attacker(folder)
    attacker.entries.insert(4, attacker.entries[3])
    attacker.save()
    expect(folder, *blocks(4), *[DENIED] * 7)


@pytest.mark.parametrize("field", [1, 3], ids=["length", "files"])
def test_changed_entry(folder: Path, field: int) -> None:
    """An entry says other than what was sealed, with a right checksum."""
    attacker = Attacker(folder)
    entry = list(attacker.entries[3])
    entry[field] += 1
    attacker.entries[3] = tuple(entry)
    attacker.save()
    true = blocks(10)
    expect(folder, *true[:3], DENIED, *true[4:])


@pytest.mark.parametrize(
    ("field", "value"),
    [(0, 1 << 62), (0, (1 << 64) - 64), (0, STORED * 10), (2, 0), (2, 15), (2, 0xFFFFFFFF),
     (4, 0), (4, 2), (4, 0xFFFFFFFF), (5, 2 | 4), (5, 2 | 8), (5, 2 | 16)],
)  # fmt: skip
def test_absurd_entry(folder: Path, field: int, value: int) -> None:
    """Offsets, sizes, runs and flags that no drive writes, with a right checksum."""
    attacker = Attacker(folder)
    entry = list(attacker.entries[3])
    entry[field] = value
    attacker.entries[3] = tuple(entry)
    attacker.save()
    true = blocks(10)
    expect(folder, *true[:3], DENIED, *true[4:])


def test_spliced_from_another_cartridge(folder: Path, tmp_path: Path) -> None:
    """Same key, same KAD, same position, same length; with and without its run record."""
    other = blank(tmp_path / "other")
    write(other, blocks(10, version=2))
    theirs = Attacker(other)
    attacker = Attacker(folder)
    attacker.put(3, theirs.stored(3))
    attacker.save()
    true = blocks(10)
    expect(folder, *true[:3], DENIED, *true[4:])
    attacker.runs.append(theirs.runs[0])
    attacker.entries[3] = (*attacker.entries[3][:4], 2, *attacker.entries[3][5:])
    attacker.save()
    expect(folder, *true[:3], DENIED, *true[4:])


def test_a_whole_other_tape(folder: Path, tmp_path: Path) -> None:
    """All files of another cartridge under this one's identity."""
    other = blank(tmp_path / "other")
    write(other, blocks(10, version=2))
    theirs = files(other)
    del theirs["cartridge.json"]
    restore(folder, theirs)
    expect(folder, *[DENIED] * 10)


@pytest.mark.parametrize("field", range(12))
def test_changed_run_record(folder: Path, field: int) -> None:
    """Salt, context, check value, start, flags, KADs and their lengths; right checksum."""
    write(folder, blocks(2, first=10), 10, Kads(b"label", b"authenticated"))
    attacker = Attacker(folder)
    run = list(attacker.runs[1])
    value = run[field]
    run[field] = bytes((value[0] ^ 1,)) + value[1:] if isinstance(value, bytes) else value ^ 1
    attacker.runs[1] = tuple(run)
    attacker.save()
    unused = field == 11  # The M-KAD has no bytes here, and the record's are padding.
    # A wrong check value is a wrong key: nothing else tells them apart.
    code = s.INCORRECT_KEY if field in (0, 2) else DENIED
    found = survey(folder, KEY, 12)
    assert found[10:] == (blocks(2, first=10) if unused else [code] * 2)
    assert all(got in (item, DENIED) for got, item in zip(found, blocks(10), strict=False))


OVERWRITTEN = 5
"""From this object on the tape was written a second time."""


@pytest.fixture
def versions(folder: Path) -> tuple[Attacker, Attacker]:
    """What the tape was, and what it is since it was overwritten from OVERWRITTEN on."""
    old = Attacker(folder)
    write(folder, blocks(5, 2, OVERWRITTEN), OVERWRITTEN)
    return old, Attacker(folder)


@pytest.mark.parametrize("number", range(OVERWRITTEN, 10))
@pytest.mark.parametrize("record", ["in place", "again", "first", "swapped"])
def test_an_older_block_put_back(
    folder: Path, versions: tuple[Attacker, Attacker], number: int, record: str
) -> None:
    """Data, index entry and run record of before, under whatever run number: nobody gets the
    old block beside a new one."""
    old, now = versions
    now.put(number, old.stored(number))
    run = 1
    if record == "again":
        now.runs.append(old.runs[0])
        run = 3
    elif record == "first":
        now.runs.insert(0, old.runs[0])
        now.entries = [(*entry[:4], entry[4] + 1, *entry[5:]) for entry in now.entries]
    elif record == "swapped":
        now.runs.reverse()
        now.entries = [(*entry[:4], 3 - entry[4], *entry[5:]) for entry in now.entries]
        run = 2
    now.entries[number] = (*old.entries[number][:4], run, *old.entries[number][5:])
    now.save()
    found = survey(folder, KEY, 10)
    true = blocks(5) + blocks(5, 2, OVERWRITTEN)
    replayed = blocks(10)[number]
    news = [got for got in found[OVERWRITTEN:] if got in true]
    assert not (replayed in found and news), "old beside new"
    if record in ("in place", "first"):
        assert found == [DENIED if n == number else item for n, item in enumerate(true)]


@pytest.mark.parametrize("number", [7, 9])
def test_an_older_block_put_back_is_found_without_reading_up_to_it(
    folder: Path, versions: tuple[Attacker, Attacker], number: int
) -> None:
    """Locating past the place where the runs meet does not help, with ciphers at hand or not."""
    old, now = versions
    now.put(number, old.stored(number))
    now.entries[number] = old.entries[number]
    now.save()
    with drive(folder, KEY) as host:
        assert host.read() == blocks(1)[0], "the old run's cipher is in use"
        host.locate(number)
        reply = host.send(bytes((0x08, 2, 0, 1, 0, 0)), size=256)
        assert reply.sense is not None
        assert (reply.sense.code, reply.data) == (DENIED, b"")


def test_blocks_before_an_overwritten_place_stay_readable(
    folder: Path, versions: tuple[Attacker, Attacker]
) -> None:
    expect(folder, *blocks(5), *blocks(5, 2, OVERWRITTEN), s.END_OF_DATA)
