"""The guest `qemu`: what a user sees of it beside what `test_guest` shows of every guest.

Its processor is emulated where KVM does not work, so each boot takes seconds: a few tests, each of
several things.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.guest import initramfs, kernels
from harness.guest.api import Guest, GuestError
from harness.guest.cache import cache_folder
from harness.guest.qemu import QemuGuest
from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state

pytestmark = pytest.mark.guest

Keyreel = Callable[..., "subprocess.Popen[bytes]"]
DATA = random.Random(6).randbytes(3 << 20)


@pytest.fixture(scope="module")
def guest(one_lto9: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A running guest of that kind; the last test of the module lets its kernel die."""
    rig = Rig.load(one_lto9)
    rig = rig.model_copy(update={"rig": rig.rig.model_copy(update={"guest": "qemu"})})
    with open_state(tmp_path_factory.mktemp("state")) as state:
        guest = make_guest(rig, state)
        guest.start()
        yield guest
        guest.kill()


def test_commands_have_input_output_and_status(guest: Guest) -> None:
    assert guest.run(["cat"], stdin=DATA).stdout == DATA
    done = guest.run(["sh", "-c", "echo out; echo err >&2; exit 77"])
    assert (done.status, done.stdout, done.stderr) == (77, b"out\n", b"err\n")
    assert guest.run(["sh", "-c", "kill -9 $$"]).status == 128 + 9
    assert guest.run(["no-such-program"]).status == 127
    assert guest.run(["head", "-c", "3"], stdin=DATA).stdout == DATA[:3]


def test_it_is_a_stock_kernel_on_this_machine_s_files(guest: Guest, tmp_path: Path) -> None:
    assert isinstance(guest, QemuGuest)
    release = guest.run(["uname", "-r"]).stdout.decode().strip()
    assert release == kernels.find_kernel().version
    (tmp_path / "file").write_bytes(b"first")
    script = "pwd; cat file; mkdir made; echo guest > made/new; ln -s new made/link; mv file moved"
    done = guest.run(["sh", "-c", script], cwd=tmp_path)
    assert done.stdout == os.fsencode(tmp_path) + b"\nfirst", done.stderr
    assert (tmp_path / "made" / "link").read_bytes() == b"guest\n"
    assert not (tmp_path / "file").exists()
    for text in (b"second, which is longer", b"3rd"):
        (tmp_path / "moved").write_bytes(text)
        assert guest.run(["cat", str(tmp_path / "moved")]).stdout == text
    guest.run(["touch", "/dev/shm/keyreel-test-mark"])
    assert not Path("/dev/shm/keyreel-test-mark").exists()


def test_tools_find_the_drive(guest: Guest) -> None:
    script = (
        'test -c "$KEYREEL_DRIVE0_TAPE" && lsscsi -g && sg_inq "$KEYREEL_DRIVE0_SG" &&'
        ' mt -f "$KEYREEL_DRIVE0_TAPE" status'
    )
    done = guest.run(["sh", "-c", script])
    assert done.status == 0, done.stderr
    assert b"ONLINE" in done.stdout


def test_the_target_can_be_killed_and_started_again(guest: Guest) -> None:
    guest.restart_target()
    assert guest.run(["sh", "-c", "mt -f $KEYREEL_DRIVE0_TAPE rewind"]).status == 0


def test_a_kernel_that_dies_is_reported_and_leaves_nothing(guest: Guest) -> None:
    assert isinstance(guest, QemuGuest)
    with pytest.raises(GuestError, match="the guest ended while sh ran"):
        guest.run(["sh", "-c", "echo c > /proc/sysrq-trigger; sleep 1000"])
    assert guest.processes() == []


def test_sigkill_leaves_nothing(keyreel: Keyreel, one_lto9: Path, tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(cache_folder().parent)}
    words = ["run", "--guest", "qemu", one_lto9, "--", "sh", "-c", "echo ready; sleep 1000"]
    process = keyreel(*words, env=env)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    ended = os.pidfd_open(int(children))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert select.select([ended], [], [], 60)[0], "the minder is still there"
    os.close(ended)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_unknown_kernel_is_told_with_those_that_are_there() -> None:
    there = kernels.find_kernel().version
    with pytest.raises(GuestError, match=f"there is no kernel 5.5 .*: use one of .*{there}"):
        kernels.find_kernel("5.5")


def test_modules_are_loaded_after_what_they_need() -> None:
    kernel = kernels.find_kernel()
    names = [Path(file).name.partition(".")[0] for file in initramfs.load_order(kernel, ["9p"])]
    assert names[-1] == "9p"
    assert names.index("netfs") < names.index("fscache") < names.index("9p")
    assert len(set(names)) == len(names)
