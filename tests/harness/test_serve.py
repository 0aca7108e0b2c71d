"""`keyreel serve`: lines or a screen, a rig within reach by iSCSI, stopping in order or at once."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.initiators.iscsi import IscsiInitiator

ROOT = Path(__file__).parents[2]
FAR = 60.0
"""Seconds that nothing here comes near to, on any machine."""
RIG = """
[rig]
name = "away"
transport = "iscsi"
[iscsi]
port = 0
[[cartridge]]
barcode = "KRL001L8"
[[drive]]
name = "left"
model = "ibm/ult3580-td8"
serial = "LEFT000001"
cartridge = "KRL001L8"
[[drive]]
name = "right"
model = "ibm/ult3580-td8"
"""
TARGET = "iqn.2026-01.io.keyreel:away:left"
WRITE = bytes.fromhex("0a 00 00 04 00 00")
KEYREEL = (sys.executable, "-m", "harness")
STUCK = (
    "import sys, threading, harness.serving as serving\n"
    "serving.Service.close = lambda self: threading.Event().wait()\n"
    "sys.exit(serving.serve_rig(serving.Path(sys.argv[1]), None))\n"
)

Serve = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    path = tmp_path / "away.toml"
    path.write_text(RIG, encoding="utf-8")
    return path


@pytest.fixture
def serve(tmp_path: Path, rig: Path) -> Iterator[Serve]:
    """Start `keyreel serve` on the rig: ``serve(*arguments, command=..., **environment)``."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path, command: tuple[str, ...] = (), **env: str) -> (
        subprocess.Popen[str]
    ):  # fmt: skip
        process = subprocess.Popen(
            [*(command or (*KEYREEL, "serve")), rig, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), **env},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def lines_until_ready(process: subprocess.Popen[str]) -> list[str]:
    """What it says up to and with "ready"."""
    assert process.stdout is not None
    said: list[str] = []
    while not said or said[-1] != "ready":
        line = process.stdout.readline()
        assert line, (said, process.communicate())
        said.append(line.rstrip("\n"))
    return said


def address(text: str) -> tuple[str, int]:
    """Where a rig listens, by a line such as "iscsi: 127.0.0.1:3260 iqn..."."""
    match = re.search(r"iscsi: (\S+):(\d+) ", text)
    assert match, text
    return match[1], int(match[2])


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[str, str]:
    process.send_signal(number)
    said = process.communicate(timeout=FAR)
    assert process.returncode == 0, said
    return said


def write(one: IscsiInitiator, count: int) -> None:
    while one.send(bytes(6)).status:
        pass
    for _ in range(count):
        assert one.send(WRITE, out=bytes(1024)).status == 0


def test_lines_say_how_to_reach_it_and_what_was_written_stays(serve: Serve, tmp_path: Path) -> None:
    served = serve("--state", tmp_path / "shelf")
    said = lines_until_ready(served)
    assert said[0] == f"serving away, state in {tmp_path / 'shelf'}"
    assert said[1] == "drive left: ibm/ult3580-td8, serial LEFT000001, KRL001L8"
    assert said[2].endswith(", -")
    assert TARGET in said[3]
    assert len(said) == 6
    write(IscsiInitiator(address(said[3]), TARGET), 3)
    # A second one on the same shelf is refused while the first is there.
    other = serve("--state", tmp_path / "shelf")
    assert "another run uses the state folder" in other.communicate(timeout=FAR)[1]
    assert other.returncode == 2
    assert stop(served) == ("stopping\nstopped\n", "")
    shown = subprocess.run(
        [*KEYREEL, "cartridge", "verify", tmp_path / "shelf/cartridges/KRL001L8"],
        capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    assert "3 blocks" in shown.stdout
    assert "no damage" in shown.stdout
    assert sorted(path.name for path in (tmp_path / "shelf").iterdir()) == [
        "cartridges", "drives", "lock", "run",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_signals_stop_it_and_a_temporary_state_goes(
    serve: Serve, tmp_path: Path, number: int
) -> None:
    served = serve()
    lines_until_ready(served)
    assert list(tmp_path.glob("keyreel-*"))
    stop(served, number)
    assert not list(tmp_path.glob("keyreel-*"))


def test_a_second_signal_ends_it_at_once(serve: Serve) -> None:
    served = serve(command=(sys.executable, "-c", STUCK))
    lines_until_ready(served)
    served.send_signal(signal.SIGTERM)
    assert served.stdout is not None
    assert served.stdout.readline() == "stopping\n"
    served.send_signal(signal.SIGTERM)
    served.communicate(timeout=FAR)
    assert served.returncode == -signal.SIGTERM


def test_the_service_manager_is_told(serve: Serve, tmp_path: Path) -> None:
    for kind in ("path", "abstract"):
        name = f"@keyreel-{os.getpid()}" if kind == "abstract" else str(tmp_path / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(name.replace("@", "\0", 1))
            manager.settimeout(FAR)
            served = serve(NOTIFY_SOCKET=name)
            assert manager.recv(4096).split(b"\n")[0] == b"READY=1"
            served.send_signal(signal.SIGTERM)
            assert manager.recv(4096) == b"STOPPING=1"
            served.communicate(timeout=FAR)
            assert served.returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "status", "words"),
    [
        ('name = "left"', "", 2, ["name in [[drive]] 1", "is missing"]),
        ("port = 0", "port = {taken}", 125, ["cannot listen", "port {taken}", "in [iscsi]"]),
        ('transport = "iscsi"', "", 125, ["tcmu", 'set transport = "iscsi" in [rig]']),
        ('"iscsi"\n', '["iscsi", "tcmu-runner"]\n', 125, ["tcmu-runner", 'transport = "iscsi"']),
        ("port = 0", 'listen = "0.0.0.0"', 125, ["without CHAP", "credentials"]),
    ],
)
def test_what_keeps_it_from_serving_is_one_sentence(
    serve: Serve, rig: Path, old: str, new: str, status: int, words: list[str]
) -> None:
    if "tcmu" in words[0] and Path("/sys/kernel/config/target").is_dir() and not os.geteuid():
        pytest.skip("this machine's kernel has what tcmu needs")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        rig.write_text(RIG.replace(old, new.replace("{taken}", port), 1), encoding="utf-8")
        refused = serve()
        out, said = refused.communicate(timeout=FAR)
    assert (refused.returncode, out) == (status, "")
    assert said.startswith("keyreel: ")
    assert said.count("\n") == 1
    for word in words:
        assert word.replace("{taken}", port) in said


def test_the_unit_in_the_manual_is_one_for_systemd(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here")
    page = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
    found = re.search(r"^    \[Unit\]\n.*?^    WantedBy=.*?$", page, re.MULTILINE | re.DOTALL)
    assert found
    text = re.sub("^    ", "", found[0], flags=re.MULTILINE)
    command = "/opt/keyreel/.venv/bin/keyreel"
    assert f"ExecStart={command} serve " in text
    unit = tmp_path / "keyreel.service"
    unit.write_text(text.replace(command, "/bin/true") + "\n", encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_shows_drives_hosts_and_rates(rig: Path, tmp_path: Path) -> None:
    """The last picture is looked at: each begins with the cursor at home."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "TERM": "xterm"}
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        environment.pop(name, None)
    served = subprocess.Popen(
        [*KEYREEL, "serve", rig], stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = bytearray()

    def picture(wanted: str) -> str:
        """The first whole picture that has such a text in it."""
        deadline = time.monotonic() + FAR
        while time.monotonic() < deadline:
            whole = seen.decode(errors="replace").split("\x1b[H")[1:-1]
            for text in whole:
                plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
                if re.search(wanted, plain):
                    return plain
            if select.select([ours], [], [], 1)[0]:
                seen.extend(os.read(ours, 65536))
        raise AssertionError(seen.decode(errors="replace"))

    try:
        first = picture(r"left +ult3580-td8 +KRL001L8 +ready +0:0 +off")
        assert all(len(line) <= 80 for line in first.splitlines())
        one = IscsiInitiator(address(first), TARGET)
        write(one, 5)
        later = picture(r"left +ult3580-td8 +KRL001L8 +ready +0:5 +off +[1-9].* initiator")
        assert re.search(r"right +ult3580-td8 +empty", later)
        served.send_signal(signal.SIGINT)
        while b"stopped\r\n" not in seen:
            seen.extend(os.read(ours, 65536))
        assert served.wait(FAR) == 0
        assert b"\x1b[?1049l" in seen, "the terminal is as it was"
    finally:
        served.kill()
        served.wait()
        os.close(ours)
