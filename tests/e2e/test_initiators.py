"""One interface, three ways: what `initiator_checks` asks holds in this process, by iSCSI and by
the SCSI generic driver of a guest; what users write to name a unit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.guest.api import Guest
from harness.initiators.api import InitiatorError, NoAnswer
from harness.initiators.inprocess import InProcess
from harness.initiators.iscsi import Iscsi
from harness.initiators.opening import open_initiator
from harness.rig import Rig
from target.plan import IscsiPlan
from target.serve import Service
from target.shelf import stock
from target.transports.iscsi.server import IscsiServer
from tests.e2e.initiator_checks import CHECKS, FORMAT_MEDIUM, REWIND, ready
from tests.e2e.tools import cartridge, rig_guest, rig_text
from tests.portal import portal as served

ROOT = Path(__file__).parents[2]
DRIVE = """
name = "drive0"
model = "ibm/ult3580-td5"
cartridge = "KRL001L5"
timing = 0.02
hosts = 2"""
RIG = rig_text("ways", DRIVE, cartridges=cartridge("KRL001L5"))
TASK_ABORTED = 0x40


@pytest.fixture
def rig_file(tmp_path: Path) -> Path:
    path = tmp_path / "rig.toml"
    path.write_text(RIG)
    return path


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where an iSCSI server has the drive."""
    with served(RIG, tmp_path_factory.mktemp("iscsi")) as address:
        yield f"{address}:drive0"


@pytest.fixture(params=["in process", "iscsi"])
def target(request: pytest.FixtureRequest, rig_file: Path) -> str:
    return str(rig_file) if request.param == "in process" else request.getfixturevalue("portal")


@pytest.mark.parametrize("check", CHECKS)
def test_an_initiator(target: str, check: str) -> None:
    with open_initiator(target) as one:
        ready(one)
        CHECKS[check](one)


def test_task_aborted_by_a_reset(rig_file: Path) -> None:
    replies = []
    with open_initiator(f"{rig_file}:drive0") as one:
        ready(one)
        other = one.another()
        ready(other)
        assert one.send(REWIND).status == 0
        assert isinstance(one, InProcess)
        run = one.unit.commands_run
        running = threading.Thread(target=lambda: replies.append(one.send(FORMAT_MEDIUM)))
        running.start()
        while one.unit.commands_run == run:
            time.sleep(0.001)
        other.reset()
        running.join()
    assert [reply.status for reply in replies] == [TASK_ABORTED]


def py_sg(folder: Path) -> dict[str, str]:
    """The environment of a process that has py-sg, built into that folder: no environment of ours
    has it, because of scapy."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)]
    subprocess.run([*pip, *project["optional-dependencies"]["sg"]], check=True)
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A guest with the drive."""
    with rig_guest(RIG, tmp_path_factory.mktemp("guest")) as running:
        yield running


@pytest.mark.guest
@pytest.mark.parametrize("scheme", ["", "pysg:"])
def test_in_a_guest(guest: Guest, tmp_path: Path, scheme: str) -> None:
    done = guest.run(
        [sys.executable, "-m", "tests.e2e.initiator_checks", scheme + guest.devices["drive0"].sg],
        env=py_sg(tmp_path / "py-sg") if scheme else None,
        cwd=ROOT,
        timeout=300.0,
    )
    assert done.status == 0, done.stderr.decode()
    results: dict[str, str] = json.loads(done.stdout)
    assert results.keys() == CHECKS.keys()
    wrong = [f"{name}: {text}" for name, text in results.items() if text]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("tape", "tape: is no target: write /dev/sg0, iscsi://host/iqn..., RIG.toml or RIG.toml:"),
        ("/dev/sg987", "cannot be opened (No such file or directory): name a node that"),
        ("serial:NOSUCHUNIT", "serial:NOSUCHUNIT: is no tape drive or changer: see"),
        ("none.toml", "none.toml: cannot be read (No such file or directory): name a rig file"),
        ("{rig}:drive1", "has no unit drive1: write one of drive0 after the colon"),
        ("iscsi://127.0.0.1:1/iqn.2026-01.io.keyreel:x", "nobody to log in at (["),
        ("iscsi://127.0.0.1", "is no target: write iscsi://host:port/iqn... or .../lun"),
        ("iscsi://a:b@host/iqn.x", "a secret in a command line is seen by everybody"),
        ("iscsi://a@host/iqn.x", "CHAP needs a name and a secret"),
        (
            "iscsi://a@host/iqn.x?secret-file=/dev/null",
            "/dev/null: this is no regular file: name one with the secret",
        ),
    ],
)
def test_what_cannot_be_opened_is_said_in_a_sentence(
    rig_file: Path, written: str, said: str
) -> None:
    with pytest.raises(InitiatorError) as error:
        open_initiator(written.format(rig=rig_file))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_target_that_is_not_there_refuses_the_login(portal: str) -> None:
    with pytest.raises(InitiatorError, match="refuses the login"):
        open_initiator(portal + "9")


def test_chap_by_a_file(tmp_path: Path, rig_file: Path) -> None:
    secret = "sixteen.letters."
    (tmp_path / "credentials").write_text(f'[initiators]\nann = "{secret}"\n')
    (tmp_path / "credentials").chmod(0o600)
    (tmp_path / "secret").write_text(secret + "\n")
    (tmp_path / "secret").chmod(0o600)
    plan = Rig.load(rig_file).plan(tmp_path)
    iscsi = IscsiPlan(port=0, credentials=str(tmp_path / "credentials"))
    plan = replace(plan, transports=("iscsi",), run="", iscsi=iscsi)
    stock(plan)
    service = Service(plan)
    try:
        (server,) = service.transports
        assert isinstance(server, IscsiServer)
        host, port = server.address
        target = f"{host}:{port}/iqn.2026-01.io.keyreel:ways:drive0"
        with open_initiator(f"iscsi://ann@{target}?secret-file={tmp_path}/secret") as one:
            ready(one)
            ready(one.another())
            assert secret not in one.name + repr(vars(one))
        with pytest.raises(InitiatorError, match="refuses the login"):
            open_initiator(f"iscsi://{target}")
    finally:
        service.close()


def test_a_lost_connection_has_no_answer(portal: str) -> None:
    with open_initiator(portal) as one:
        ready(one)
        assert isinstance(one, Iscsi)
        one.session.drop()
        with pytest.raises(NoAnswer, match="connection broke"):
            one.send(bytes(6))
        with pytest.raises(NoAnswer, match="the connection is broken: reconnect"):
            one.send(bytes(6))
        one.reconnect()
        ready(one)
