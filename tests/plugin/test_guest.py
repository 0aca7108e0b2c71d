"""The pytest plugin where commands go through a kernel: the page's examples, a physical drive."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.guest.api import Guest
from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state
from tests.plugin.child import ROOT, pytest_in
from tests.plugin.test_fixtures import blocks
from tests.runs import Say

pytestmark = pytest.mark.guest

TIMES = """
import time

import pytest

from harness.plugin.host import StatusError


@pytest.mark.parametrize("again", range(2))
def test_a_reset_is_quick_and_the_tape_driver_hears_of_it(host, rig, again):
    assert "File number=0" in host.run("mt -f $KEYREEL_DRIVE0_TAPE status").stdout
    assert host.run("sg_turs $KEYREEL_DRIVE0_SG").stderr == ""
    host.run("dd if=/dev/zero of=$KEYREEL_DRIVE0_TAPE bs=64k count=20 status=none")
    assert "File number=1" in host.run("mt -f $KEYREEL_DRIVE0_TAPE status").stdout
    began = time.monotonic()
    rig.reset()
    taken = time.monotonic() - began
    print(f"reset {taken * 1000:.1f} ms")
    assert taken < 60


def test_statuses_and_words(host):
    with pytest.raises(StatusError, match="exit status 3 instead of 0\\\\nwhy"):
        host.run("echo why; exit 3")
    assert host.run(["sh", "-c", "cat; exit 3"], status=3, stdin=b"in").stdout == "in"
    assert host.devices["drive0"].tape.startswith("/dev/nst")


def test_a_guest_that_ends(host):
    with pytest.raises(Exception, match="the guest ended"):
        host.run("echo o > /proc/sysrq-trigger; sleep 100")


def test_is_followed_by_another(host, drive):
    assert drive.device == host.devices["drive0"]
    host.run("mt -f $KEYREEL_DRIVE0_TAPE status")
"""


THROUGH = """
import time

import pytest

COMMANDS = 100


def test_a_command_through_the_kernel(host, tape, drive):
    assert type(drive.initiator).__name__ == "ThroughGuest"
    tape.write(b"x" * 100)
    tape.rewind()
    assert tape.read(200) == b"x" * 100
    drive.power_cycle()
    reply = drive.send(bytes(6))
    assert (reply.status, reply.sense[12]) == (2, 0x29)


def test_a_reset_by_the_kernel_is_heard_of(host, drive):
    assert drive.ready()
    host.run("sg_reset -d $KEYREEL_DRIVE0_SG")
    reply = drive.send(bytes(6))
    assert (reply.status, reply.sense[2] & 15, reply.sense[12]) == (2, 6, 0x29)
    drive.hear()
    assert drive.ready()


def test_many_commands_and_long_ones(host, drive, tape):
    began = time.monotonic()
    for _ in range(COMMANDS):
        assert drive.ready()
    print(f"a command {(time.monotonic() - began) * 1000 / COMMANDS:.2f} ms")
    block = bytes(range(256)) * 2000
    tape.write(block)
    tape.rewind()
    assert tape.read(len(block)) == block
    with pytest.raises(Exception, match="/dev/sg0: .* bytes are more than the kernel moves at"):
        drive.send(bytes(6), out=bytes(2 << 20))
    assert drive.ready()


KILL = "pkill -9 -f '[h]arness.initiators.sg_process'"


def test_a_process_that_ends_is_followed_by_another(host, drive):
    host.run(KILL)
    with pytest.raises(Exception, match="/dev/sg0: the process .* has ended, and nobody knows"):
        drive.send(bytes(6))
    assert drive.ready()
    host.run(KILL)


def test_and_no_other_test_hears_of_it(drive, host):
    assert drive.ready()
"""


def test_the_page_and_more_in_a_guest(tmp_path: Path, say: Say) -> None:
    """All that the page shows, in a rig of the process and in one of a guest."""
    page = "\n\n".join(blocks()).replace("/usr/share/perl5", str(ROOT / "target"))
    ran = pytest_in(
        tmp_path,
        "-rP",
        test_page=page,
        test_through=THROUGH,
        test_times=TIMES,
    )
    assert ran.counts == {"passed": 15}, ran.out
    times = [float(one) for one in re.findall(r"reset ([\d.]+) ms", ran.out)]
    command = re.findall(r"a command [\d.]+ ms", ran.out)
    say(f"a rig of one drive in a guest: reset {min(times):.1f} ms, {command[0]}")


def test_a_guest_that_cannot_be(tmp_path: Path) -> None:
    rig = (
        '[rig]\nname = "x"\nkernel = "/no/kernel"\n[[drive]]\nname = "d"\nmodel = "ibm/ult3580-td9"'
    )
    (tmp_path / "rig.toml").write_text(rig, encoding="utf-8")
    tests = "def test_one(host): ...\ndef test_two(host): ..."
    ran = pytest_in(tmp_path, "--keyreel-rig=rig.toml", "--keyreel-guest=qemu", test_none=tests)
    assert ran.counts == {"errors": 2}, ran.out
    assert ran.out.count("/no/kernel") >= 2
    assert "Traceback" not in ran.out


PHYSICAL = """
def test_tape(tape):
    assert tape.position == 0
    tape.write(b"mine")
    tape.rewind()
    assert tape.read() == b"mine"


def test_drive(drive, host):
    assert drive.serial == host.run("echo $KEYREEL_DRIVE0_SERIAL").stdout.strip()
    assert drive.model.startswith("IBM ULT3580-TD9")


def test_hands(drive):
    drive.power_cycle()
"""


@pytest.fixture
def machine() -> Iterator[Guest]:
    """A machine with a drive of its own, which happens to be a guest."""
    rig = Rig.load(ROOT / "fixtures/rigs/one-lto9.toml")
    with open_state(None) as state, make_guest(rig, state) as guest:
        yield guest


def test_a_physical_drive(tmp_path: Path, machine: Guest) -> None:
    (tmp_path / "test_drive.py").write_text(PHYSICAL, encoding="utf-8")
    argv = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "harness.plugin"]
    argv += ["-p", "no:cacheprovider", "--keyreel-device=/dev/sg0"]
    env = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": "/usr/bin:/bin"}
    done = machine.run([*argv, "--keyreel-scratch"], cwd=tmp_path, env=env)
    assert done.status == 0, done
    out = done.stdout.decode()
    assert "2 passed, 1 skipped" in out
    assert "is a physical drive: nobody does rig.power_cycle there" in out
