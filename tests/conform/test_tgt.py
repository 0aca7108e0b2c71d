"""Debian's tgt has a tape target that is far from the standard: the suite gets through it."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from harness.conform.check import Outcome
from harness.conform.checks import all_checks
from harness.conform.results import Run, counted
from harness.conform.runner import Runner
from harness.initiators.opening import open_initiator
from tests.runs import Say

NAME = "iqn.2026-01.io.keyreel:tgt"
SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
PATIENCE = 120.0
PORTS = range(20000, 32768)
"""Which the kernel gives to nobody who does not ask for one of them."""


def free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where tgt has a tape drive with a blank tape of 50 MB."""
    if shutil.which("tgtd", path=SBIN) is None:
        pytest.skip("tgt is not installed: apt install tgt")
    folder = tmp_path_factory.mktemp("tgt")
    tape = folder / "tape.img"
    environment = {**os.environ, "PATH": SBIN}
    # tgt keeps the number of its control socket in 15 bits.
    control, port = str(os.getpid() % (1 << 15)), free_port()

    def run(*words: str) -> int:
        return subprocess.run(words, env=environment, capture_output=True, check=False).returncode

    made = ("--device-type", "tape", "--barcode", "KRL001L5", "--size", "50", "--type", "data")
    assert run("tgtimg", "--op", "new", *made, "--file", str(tape)) == 0
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            ["tgtd", "-f", "-C", control, "--iscsi", f"portal=127.0.0.1:{port}"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        admin = ("tgtadm", "-C", control, "--lld", "iscsi")
        until = time.monotonic() + PATIENCE
        while run(*admin, "--mode", "sys", "--op", "show"):
            assert daemon.poll() is None and time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.05)
        new = ("--op", "new", "--tid", "1")
        tape_unit = ("--lun", "1", "--device-type", "tape", "--bstype", "ssc")
        assert run(*admin, "--mode", "target", *new, "-T", NAME) == 0
        assert run(*admin, "--mode", "logicalunit", *new, *tape_unit, "-b", str(tape)) == 0
        assert run(*admin, "--mode", "target", "--op", "bind", "--tid", "1", "-I", "ALL") == 0
        yield f"iscsi://127.0.0.1:{port}/{NAME}/1"
    finally:
        daemon.kill()
        daemon.wait()


@pytest.fixture(scope="module")
def run(target: str) -> Run:
    with open_initiator(target) as initiator:
        return Runner(initiator, scratch=True, timeout=20.0).run(all_checks().values())


def test_the_suite_gets_through(run: Run, say: Say) -> None:
    say(f"conform tgt by iSCSI: {counted(run.counts)}, {run.seconds:.1f} s")
    assert not run.ended_early
    assert run.identity.vendor == "IET" and run.identity.product == "VIRTUAL-TAPE"
    assert run.counts[Outcome.PASS] > 100


def test_what_tgt_does_wrong_is_found(run: Run) -> None:
    outcomes = {result.check.id: result.outcome for result in run.results}
    for check in WRONG:
        assert outcomes[check] is Outcome.FAIL, check


WRONG = (
    "READ-EOD",  # another sense code
    "READ-SHORT-SILI-200-100",  # SILI is ignored
    "READ-SHORT-512-1",  # as many bytes as are missing, and not as there are
    "READ-LONG-100-200",  # no data
    "READ-FILEMARK",  # data
    "OP-MANDATORY-2B",  # no LOCATE
)


def test_it_has_no_encryption(run: Run) -> None:
    some = [one for one in run.results if one.check.topic.startswith("encryption")]
    assert len(some) >= 150
    asked = [one for one in some if one.outcome is not Outcome.NOT_APPLICABLE]
    assert all("SECURITY PROTOCOL" in one.check.topic for one in asked)
    assert not any(one.outcome is Outcome.FAIL for one in asked)
