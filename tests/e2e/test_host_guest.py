"""The guest `host`: drives in the kernel at hand. Played in a guest, whose kernel has all it needs.

What is already in that kernel, the outer rig's drive, must stay as it is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from harness.guest import host, ways
from harness.guest.api import Completed, Guest, GuestError
from tests.e2e.tools import cartridge

pytestmark = pytest.mark.guest

ROOT = Path(__file__).parents[2]
RIG = '[rig]\nname = "inner"\nguest = "host"\n' + cartridge("KRL001L9")
DRIVE = '[[drive]]\nname = "tape"\nmodel = "ibm/ult3580-td9"\ncartridge = "KRL001L9"\nhosts = 2\n'
KEYREEL = f"PYTHONPATH={ROOT} {sys.executable} -m harness"
TIMEOUT = 300.0

LEFT = """
ls /sys/kernel/config/target/core/user_0 /sys/kernel/config/target/loopback
pgrep -f '[r]un/plan.json' | wc -l
lsscsi -g
"""
"""What of drives there is in the kernel, and how many agents and targets."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where rig.toml is."""
    (tmp_path / "rig.toml").write_text(RIG + DRIVE)
    return tmp_path


def shell(guest: Guest, folder: Path, script: str) -> Completed:
    env = {**os.environ, "TMPDIR": str(folder)}
    return guest.run(["sh", "-c", script], cwd=folder, env=env, timeout=TIMEOUT)


def test_a_rig_in_this_kernel_comes_and_goes(guest: Guest, folder: Path) -> None:
    before = shell(guest, folder, LEFT)
    assert before.status == 0, before.stderr
    inside = (
        "test -c $KEYREEL_TAPE_TAPE && test -c $KEYREEL_TAPE_HOST1_SG &&"
        " tar -cf $KEYREEL_TAPE_TAPE -b 64 rig.toml &&"
        " mt -f $KEYREEL_TAPE_HOST1_TAPE rewind && tar -tf $KEYREEL_TAPE_HOST1_TAPE -b 64;"
        " sleep 1000 & ls /sys/kernel/config/target/core/user_0; exit 5"
    )
    done = shell(guest, folder, f"{KEYREEL} run rig.toml --state s -- sh -c '{inside}'")
    assert (done.status, done.stderr) == (5, b"")
    names = done.stdout.decode().split()
    assert names[0] == "rig.toml"
    assert {"inner.tape.0", "inner.tape.1"} < set(names)
    assert shell(guest, folder, LEFT).stdout == before.stdout
    assert (folder / "s" / "run" / "target.log").read_bytes() == b""


VICTIMS = {
    "keyreel": "kill -9 $keyreel",
    "minder": "kill -9 $minder",
    "agent": "kill -9 $agent",
    "target and agent": "kill -9 $(pgrep -P $agent -x keyreel-target) $agent",
    "keyreel and minder": "kill -9 $keyreel $minder",
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_sigkill_leaves_nothing(guest: Guest, folder: Path, victim: str) -> None:
    before = shell(guest, folder, LEFT).stdout
    script = f"""
    mkfifo ready
    {KEYREEL} run rig.toml -- sh -c 'echo > ready; sleep 1000' &
    keyreel=$!
    read line < ready
    minder=$(pgrep -P $keyreel)
    agent=$(pgrep -P $minder)
    {VICTIMS[victim]}
    wait $keyreel
    echo status $?
    for name in inner.tape.0 inner.tape.1; do
        while [ -e /sys/kernel/config/target/core/user_0/$name ]; do sleep 0.05; done
    done
    while pgrep -f '[-]-state|[k]eyreel-[a-z0-9_]*/run/plan.json'; do sleep 0.05; done
    """
    done = shell(guest, folder, script)
    status = 137 if "keyreel" in victim else 125
    assert f"status {status}\n".encode() in done.stdout, done.stderr
    assert shell(guest, folder, LEFT).stdout == before


def test_what_a_killed_run_left_is_taken_away(guest: Guest, folder: Path) -> None:
    """Everybody who could have taken the devices away is killed at once."""
    script = f"""
    mkfifo ready
    {KEYREEL} run rig.toml --state s -- sh -c 'echo > ready; exec sleep 1000' &
    keyreel=$!
    read line < ready
    minder=$(pgrep -P $keyreel)
    agent=$(pgrep -P $minder)
    kill -9 $keyreel $minder $agent $(pgrep -P $agent)
    ls /sys/kernel/config/target/core/user_0
    {KEYREEL} run rig.toml --state s -- true && echo again
    """
    done = shell(guest, folder, script)
    assert b"inner.tape.0" in done.stdout
    assert done.stdout.endswith(b"again\n"), done.stderr


def test_one_run_of_a_name_at_a_time(guest: Guest, folder: Path) -> None:
    inside = f"{KEYREEL} run rig.toml -- true"
    done = shell(guest, folder, f"{KEYREEL} run rig.toml -- sh -c '{inside}; exit 9'")
    assert done.status == 9
    assert b"keyreel: a rig with the name inner is in this machine's kernel already" in done.stderr


def test_it_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(GuestError, match="needs root"):
        host.require_host()


def test_other_ways_in_are_refused() -> None:
    with pytest.raises(GuestError, match='set transport = "tcmu"'):
        host.require_host(("iscsi",))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_missing_module_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "modules", lambda *_: ["no_such_module"])
    with pytest.raises(GuestError, match="has no module no_such_module: install the package"):
        host.require_host()
