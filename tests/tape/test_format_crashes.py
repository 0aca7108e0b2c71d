"""What a crash in the middle of a format leaves, and a full disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from unittest import mock

import pytest

from target.medium.cartridge import Cartridge
from target.scsi import sense as s
from target.scsi.sense import Sense
from target.tape.tape_alert import Flag
from tests.tape.host import GOOD, TD9, Host, new_cartridge, new_drive, sense_of
from tests.tape.volumes import (
    REST,
    format_medium,
    go,
    made,
    page,
    partition,
    request,
    select,
    set_capacity,
)


def loaded(folder: Path) -> tuple[Host, Cartridge]:
    """A host at a drive with a full-size blank tape, which is not closed after the test."""
    host, cartridge = Host(new_drive(TD9)), new_cartridge(folder, "KRL001L9", capacity=None)
    host.drive.insert(cartridge)
    host.hear()
    return host, cartridge


@pytest.mark.req("SSC-FORMAT-02", "SSC-SETCAP-01")
def test_a_format_is_durable(tmp_path: Path) -> None:
    """What a kill right after the status leaves is the new volume."""
    host, cartridge = loaded(tmp_path)
    host.write_tape([b"data", None])
    set_capacity(host, 0x8000)
    host.hear()
    partition(host, REST, 1)
    sizes, names = made(host), {path.name for path in cartridge.folder.iterdir()}
    cartridge.abandon()
    again = Cartridge(cartridge.folder)
    assert [one.capacity for one in again.partitions] == sizes
    assert [one.count for one in again.partitions] == [0, 0]
    assert {path.name for path in again.folder.iterdir()} == names, "and nothing else"
    again.close()


@pytest.mark.req("SSC-SENSE-3-31-00")
@pytest.mark.parametrize("call", ["mkdir", "replace"])
def test_a_full_disk_leaves_the_old_volume(tmp_path: Path, call: str) -> None:
    """No room for the new partitions' folders, or for the file that names them."""
    host, cartridge = loaded(tmp_path)
    partition(host, REST, 200)
    host.write_tape([b"data", None])
    before, sizes = page(host), made(host)
    go(host, 0)
    assert host.drive.volume_written
    with mock.patch(f"os.{call}", side_effect=OSError(28, "No space left on device")):
        assert sense_of(format_medium(host, 0)) == Sense(s.FORMAT_FAILED)
    assert Flag.WRITE_FAILURE in host.drive.alerts.active
    assert page(host) == before
    assert made(host) == sizes
    assert host.read(64, sili=True).data == b"data"
    host.rewind()
    assert format_medium(host, 0).status == GOOD, "once there is room"
    assert len(made(host)) == 1
    host.drive.eject()
    cartridge.close()


class Killed(BaseException):
    """The drive's process is gone: nothing of it runs any more."""


CALLS = ("mkdir", "open", "fsync", "fdatasync", "ftruncate", "pwrite", "replace", "rmdir", "unlink")


@contextmanager
def killed_at(which: int) -> Iterator[list[str]]:
    """The process is killed before its ``which``-th call of the file system; yields the calls."""
    calls: list[str] = []

    def call(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def counted(*args: object, **more: object) -> object:
            if len(calls) == which:
                raise Killed
            calls.append(name)
            return real(*args, **more)

        return counted

    with ExitStack() as stack:
        stack.enter_context(suppress(Killed))
        for name in CALLS:
            stack.enter_context(mock.patch.object(os, name, call(name)))
        yield calls


@pytest.mark.req("SSC-FORMAT-02", "SSC-FORMAT-06")
def test_a_kill_leaves_the_old_volume_or_the_new_one(tmp_path: Path) -> None:
    """Wherever it strikes."""
    seen = []
    for which in range(200):
        host, cartridge = loaded(tmp_path / str(which))
        host.write_tape([b"data", None])
        assert host.drive.volume_written
        assert select(host, request(host, REST, 200)).sense
        with killed_at(which) as calls:
            assert format_medium(host, 1).status == GOOD
        with suppress(OSError):
            cartridge.abandon()
        again = Cartridge(cartridge.folder)
        counts = [one.count for one in again.partitions]
        assert counts in ([2], [0, 0])
        named = {entry["folder"] for entry in again.info["partitions"]}
        assert {path.name for path in again.folder.glob("partition*")} == named
        again.close()
        seen.append(counts)
        if len(calls) < which:
            break
    else:
        pytest.fail("a format has no end")
    assert seen == sorted(seen, reverse=True), "old ones, then new ones"
    assert seen[0] == [2]
    assert len(seen) > 20
