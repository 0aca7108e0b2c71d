"""The control socket: whatever clients send, how many there are, who gets at it, how it ends."""

from __future__ import annotations

import gc
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.control import Control, Kind, Refusal
from target import control, local_socket
from tests.harness.shelf import Shelf, refusal

ROOT = Path(__file__).parents[2]
FAR = 60.0
LOGIN = b'{"call": "login", "args": {"user": "su"}, "secrets": ["password"]}\0right\n'


class Raw:
    """A client that sends what it likes."""

    def __init__(self, path: Path) -> None:
        self.stream = local_socket.connect(path)
        self.stream.settimeout(FAR)
        self.file = self.stream.makefile("rb")

    def send(self, data: bytes) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self.stream.sendall(data)

    def answer(self) -> Any:
        """None at the end."""
        try:
            line = self.file.readline()
        except ConnectionResetError:
            return None
        return json.loads(line) if line else None

    def close(self) -> None:
        self.file.close()
        self.stream.close()


@pytest.fixture
def raw(path: Path) -> Iterator[Raw]:
    client = Raw(path)
    yield client
    client.close()


MALFORMED = [
    b"",
    b"hello",
    b"\xff\xfe\x00",
    b"\0\0\0",
    b"null",
    b"[]",
    b"1e999",
    b"9" * 5000,
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"call": 7}',
    b'{"call": null, "args": {}}',
    b'{"call": "status", "args": []}',
    b'{"call": "status", "args": {"base64": "AAAA"}}',
    b'{"call": "status", "args": {"x": {"base64": "?"}}}',
    b'{"call": "status", "token": 5}',
    b'{"call": "status", "library": {}}',
    b'{"call": "no such call"}',
    b'{"call": "__init__"}',
    b'{"call": "require", "args": {"action": "status"}}',
    b'{"call": "bluescale._ready"}',
    b'{"call": "status", "args": {"self": 1}}',
    b'{"call": "login", "args": {"user": "su"}}',
    b'{"call": "login", "args": {"user": "su", "password": "right"}}',
    b'{"call": "login", "args": {"user": 5}, "secrets": ["password"]}\0right',
    b'{"call": "login", "args": {"user": "s\\u0000u"}, "secrets": ["password"]}\0right',
    b'{"call": "login", "args": {"user": "\\ud800"}, "secrets": ["password"]}\0right',
    b'{"call": "login", "args": {"user": "su"}, "secrets": ["password"]}',
    b'{"call": "login", "args": {"user": "su"}, "secrets": ["password"]}\0right\0right',
    b'{"call": "login", "args": {"user": "su"}, "secrets": ["user"]}\0right',
    b'{"call": "login", "args": {"user": "su"}, "secrets": "password"}\0right',
    b'{"call": "login", "args": {"user": "su"}, "secrets": ["password", "password"]}\0a\0b',
    b'{"call": "messages", "args": {"since": true}}',
    b'{"call": "messages", "args": {"since": 1.5}}',
    b'{"call": "messages", "args": {"since": 1e3}}',
    b'{"call": "messages", "args": {"since": 2147483648}}',
    b'{"call": "inventory", "args": {"partition": "' + b"x" * 1001 + b'"}}',
    b'{"call": "inventory", "args": {"partition": "a\\nb"}}',
    b'{"call": "set_partition", "args": {"name": "a", "drives": "drive0"}}',
    b'{"call": "set_partition", "args": {"name": "a", "drives": [["drive0"]]}}',
    b'{"call": "restore", "args": {"data": "text"}, "secrets": ["password"]}\0x',
]


def test_malformed_requests_are_answered_and_the_next_one_is_heard(raw: Raw) -> None:
    for line in MALFORMED:
        raw.send(line + b"\n")
        told = raw.answer()
        assert told is not None, line[:80]
        assert told["kind"] == "request", (line[:80], told)
        assert "right" not in told["error"]
        assert len(told["error"]) < 200
    raw.send(LOGIN)
    assert raw.answer()["result"]["library"] == "tower"


@given(line=st.binary(max_size=200))
@settings(max_examples=200)
def test_any_line_is_a_request_or_refused(line: bytes) -> None:
    line = line.replace(b"\n", b"")
    try:
        request = control.parse(memoryview(bytearray(line)))
    except Refusal as refused:
        assert refused.kind is Kind.REQUEST
    else:
        assert isinstance(request.call, str)


def test_lines_in_pieces_and_several_at_once(raw: Raw) -> None:
    for byte in LOGIN:
        raw.send(bytes([byte]))
    assert "result" in raw.answer()
    raw.send(LOGIN * 50 + LOGIN[:9])
    assert all("result" in raw.answer() for _ in range(50))
    raw.send(LOGIN[9:])
    assert "result" in raw.answer()


def test_half_a_line_and_gone(path: Path, operator: Control) -> None:
    for part in (b"", b"{", LOGIN[:-1], LOGIN):
        client = Raw(path)
        client.send(part)
        client.close()
    assert operator.call("status") is None


def test_a_huge_line_is_hung_up_on(
    raw: Raw, operator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "LONGEST", 1 << 20)
    raw.send(b"x" * (3 << 20))
    told = raw.answer()
    assert told is None or told["kind"] == "request"
    assert raw.answer() is None
    assert operator.call("status") is None


def test_many_clients(path: Path, operator: Control) -> None:
    """Those that are too many are told so; when others have gone there is room again."""
    clients = [Raw(path) for _ in range(control.MOST + 5)]
    refused = [client for client in clients if client is clients[-1]]
    assert "too many clients" in refused[0].answer()["error"]
    assert operator.call("status") is None
    for client in clients:
        client.close()
    after: Any = {"error": "too many clients"}
    while "too many clients" in after.get("error", ""):
        client = Raw(path)
        client.send(LOGIN)
        after = client.answer() or after
        client.close()
    assert after["result"]["user"] == "su"


def test_clients_at_the_same_time(path: Path) -> None:
    done = []

    def work() -> None:
        with Control(path) as client:
            client.login("su", "right")
            for _ in range(20):
                client.call("move", source="a", destination="b")
        done.append(True)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(FAR)
    assert len(done) == 8


# --- the socket ------------------------------------------------------------------------------


def test_nobody_else_gets_in(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_with_a_long_name_and_what_a_kill_left(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 50) / ("name" * 50)
    folder.mkdir(parents=True)
    left = local_socket.listen(folder / "control")
    left.close()
    server = control.Control(folder / "control", {"tower": Shelf()})
    with Control(folder / "control") as client:
        client.login("su", "right")
    server.close()
    assert not (folder / "control").exists()
    assert refusal(client, "status")[0] is Kind.UNREACHABLE


def test_a_call_that_runs_is_answered_before_the_end(tmp_path: Path) -> None:
    shelf = Shelf()
    server = control.Control(tmp_path / "control", {"tower": shelf})
    runs, go_on, told = threading.Event(), threading.Event(), []

    def slow() -> str:
        runs.set()
        assert go_on.wait(FAR)
        return "done"

    shelf.operations.does = slow
    with Control(tmp_path / "control") as client:
        client.login("su", "right")
        caller = threading.Thread(target=lambda: told.append(client.call("status")))
        caller.start()
        assert runs.wait(FAR)
        closing = threading.Thread(target=server.close)
        closing.start()
        go_on.set()
        closing.join(FAR)
        caller.join(FAR)
        assert told == ["done"]
        assert refusal(client, "status")[0] is Kind.UNREACHABLE


def test_nothing_is_left_open(tmp_path: Path) -> None:
    gc.collect()
    before, threads = descriptors(), set(threading.enumerate())
    for _ in range(3):
        server = control.Control(tmp_path / "control", {"tower": Shelf()})
        with Control(tmp_path / "control") as client:
            client.login("su", "right")
        server.close()
    # The thread of a client that has hung up may be at its last line.
    for thread in set(threading.enumerate()) - threads:
        thread.join(FAR)
    assert not set(threading.enumerate()) - threads
    gc.collect()
    assert descriptors() - before == set()


def descriptors() -> set[tuple[str, str]]:
    """Every descriptor that this process has open, and what it is."""
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        # That of the list itself is gone by now.
        with suppress(FileNotFoundError):
            found.add((one.name, os.readlink(one)))
    return found


def test_nothing_is_loaded_for_it_before_somebody_comes(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from target.plan import DrivePlan, RigPlan\n"
        "from target.serve import Service\n"
        "drive = DrivePlan('drive0', 'ibm/ult3580-td9', 'SERIAL')\n"
        f"service = Service(RigPlan('none', 1, (drive,), (), (), {str(tmp_path)!r}))\n"
        "print({'socket', 'target.bench', 'target.control'} & sys.modules.keys())\n"
        "from harness.control import Control\n"
        "print(Control(service.plan.control).call('rig.units')[0]['name'])\n"
        "service.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "set()\ndrive0\n"
    assert list(tmp_path.iterdir()) == []
