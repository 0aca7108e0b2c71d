"""The file system refuses: the host hears 3/0C/00, loses nothing durable and can go on later."""

from __future__ import annotations

import errno
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from target.medium.errors import WriteFailed
from target.scsi import sense as s
from tests.medium.faults import Faults
from tests.medium.tape import (
    KEY,
    Host,
    Medium,
    Object,
    Refused,
    blank,
    block,
    crash,
    drive,
    medium,
    power_on,
)

SPACE, IO = errno.ENOSPC, errno.EIO
FAILURES = {
    "data write": {"pwrite": "data"},
    "index write": {"pwrite": "index"},
    "run record write": {"pwrite": "runs"},
    "data sync": {"fdatasync": "data"},
    "index sync": {"fdatasync": "index"},
    "run record sync": {"fdatasync": "runs"},
    "everything": {"pwrite": "*", "fdatasync": "*"},
}


@pytest.fixture
def faults() -> Iterator[Faults]:
    with Faults().on() as one:
        yield one


def write_until_refused(host: Host, size: int) -> list[Object]:
    """Blocks and a filemark that asks for durability; what the host was told is good.

    The failure may come with a block or with the filemark, and with nothing else than 3/0C/00.
    """
    good: list[Object] = []
    with pytest.raises(Refused) as refusal:
        for number in range(5):
            data = block(size, f"late {number}")
            host.write(data)
            good.append(data)
        host.filemarks()
    assert refusal.value.code is s.WRITE_ERROR
    return good


@pytest.mark.parametrize("error", [SPACE, IO], ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize("size", [1000, 700_000, 3 << 20])
@pytest.mark.parametrize(
    ("what", "key", "new_run"),
    [
        pytest.param(what, key, new_run, id=f"{what}, {form}")
        for what in FAILURES
        for form, key, new_run in (
            ("clear", None, False),
            ("same run", KEY, False),
            ("new run", KEY, True),
        )
        if new_run or "run record" not in what
    ],
)
def test_writing_goes_on_when_there_is_room_again(
    tmp_path: Path,
    faults: Faults,
    what: str,
    key: bytes | None,
    new_run: bool,
    size: int,
    error: int,
) -> None:
    folder = blank(tmp_path / "cartridge")
    host = power_on(folder)
    host.key(key)
    durable: list[Object] = [block(50_000, number) for number in range(3)]
    for item in durable:
        assert item is not None
        host.write(item)
    host.filemarks()
    durable.append(None)
    if new_run:
        host.key(key)
    faults.fail(FAILURES[what], error, partial=1234 if error == SPACE else 0)
    good = write_until_refused(host, size)
    assert faults.raised
    # The position says how much of it is on the tape; a host that goes on appends there.
    at = host.position()
    assert len(durable) <= at <= len(durable) + len(good) + 1
    survivors = [*durable, *good, None][:at]
    faults.heal()
    host.write(b"there is room again")
    host.filemarks()
    expected = [*survivors, b"there is room again", None]
    host.rewind()
    assert host.rest(4 << 20) == expected
    crash(host)
    with drive(folder, key) as host:
        assert host.rest(4 << 20) == expected


@pytest.mark.parametrize("what", FAILURES)
def test_what_was_durable_survives_a_kill_after_it(
    tmp_path: Path, faults: Faults, what: str
) -> None:
    folder = blank(tmp_path / "cartridge")
    host = power_on(folder)
    host.key(KEY)
    host.write(block(1000))
    host.filemarks()
    host.key(KEY)
    faults.fail(FAILURES[what])
    write_until_refused(host, 700_000)
    crash(host)
    faults.heal()
    with drive(folder, KEY) as host:
        found = host.rest(1 << 20)
        assert found[:2] == [block(1000), None]
        late = [block(700_000, f"late {number}") for number in range(5)]
        assert found[2:] == late[: len(found) - 2]


def test_a_second_sync_does_not_make_good_for_the_first(tmp_path: Path, faults: Faults) -> None:
    """What could not be written back is lost, although the next fdatasync succeeds: the blocks
    are off the tape, not taken for durable."""
    with drive(blank(tmp_path / "cartridge"), KEY) as host:
        host.write(block(100, 1))
        host.filemarks(0)
        host.write(block(100, 2))
        faults.fail({"fdatasync": "data"}, IO)
        with pytest.raises(Refused):
            host.filemarks(0)
        faults.heal()
        host.filemarks(0)
        assert host.position() == 1
        host.rewind()
        assert host.rest() == [block(100, 1)]


@pytest.mark.parametrize("command", ["rewind", "unload", "erase", "filemarks", "load"])
def test_every_command_that_makes_durable(tmp_path: Path, faults: Faults, command: str) -> None:
    with drive(blank(tmp_path / "cartridge"), KEY) as host:
        host.write(b"data")
        faults.fail({"pwrite": "*"})
        with pytest.raises(Refused) as refusal:
            getattr(host, command)()
        assert refusal.value.code is (s.ERASE_FAILURE if command == "erase" else s.WRITE_ERROR)
        faults.heal()


def test_reading_needs_no_room(tmp_path: Path, faults: Faults) -> None:
    """Blocks that are not in the file yet can be read while it cannot be written."""
    with drive(blank(tmp_path / "cartridge"), KEY) as host:
        host.write(b"one")
        host.write(b"two")
        faults.fail({"pwrite": "*", "fdatasync": "*"})
        host.locate(0)
        assert host.rest() == [b"one", b"two"]
        faults.heal()


@pytest.mark.parametrize("call", ["ftruncate", "fdatasync"])
def test_a_cut_that_fails(tmp_path: Path, faults: Faults, call: str) -> None:
    """One of the two states is on the tape, and writing goes on from it."""
    folder = blank(tmp_path / "cartridge")
    with medium(folder) as tape:
        for number in range(4):
            tape.write(block(100, number), KEY)
    tape = Medium(folder)
    faults.fail({call: "index"}, IO)
    with pytest.raises(WriteFailed):
        tape.cut(2)
    faults.heal()
    left = tape.partition.count
    assert left == (4 if call == "ftruncate" else 2)
    tape.write(b"more", KEY)
    expected = [*[block(100, number) for number in range(left)], b"more"]
    assert tape.objects(KEY) == expected
    tape.close()
    with medium(folder) as tape:
        assert tape.objects(KEY) == expected


def test_unreadable_files_are_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk under the data: that block is refused as a damaged one."""
    folder = blank(tmp_path / "cartridge")
    with medium(folder) as tape:
        tape.write(b"clear")
        tape.write(b"encrypted", KEY)

    def preadv(*args: object) -> int:
        raise OSError(IO, "Input/output error")

    monkeypatch.setattr("os.preadv", preadv)
    with drive(folder, KEY) as host:
        for number, code in enumerate((s.READ_ERROR, s.INTEGRITY_FAILED)):
            host.locate(number)
            with pytest.raises(Refused) as refusal:
                host.read()
            assert refusal.value.code is code


def test_a_disk_that_fills_up_again_and_again(tmp_path: Path, faults: Faults) -> None:
    """Nothing durable is lost over a long history of failures."""
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    chance = random.Random(seed)
    folder = blank(tmp_path / "cartridge")
    with drive(folder, KEY) as host:
        tape: list[Object] = []
        durable = 0
        for number in range(400):
            if chance.random() < 0.3:
                what = FAILURES[chance.choice(list(FAILURES))]
                faults.fail(what, chance.choice((SPACE, IO)), chance.choice((0, 77, 77_777)))
            else:
                faults.heal()
            try:
                if chance.random() < 0.3:
                    host.filemarks()
                    tape.append(None)
                    durable = len(tape)
                else:
                    data = block(chance.choice((10, 5000, 600_000)), number)
                    host.write(data)
                    tape.append(data)
            except Refused as refused:
                assert refused.code is s.WRITE_ERROR
                at = host.position()
                # A filemark may be on the tape though it could not be made durable.
                assert durable <= at <= len(tape) + 1
                tape = [*tape, None][:at]
        faults.heal()
        host.rewind()
        assert host.rest(1 << 20) == tape
