"""The control socket: sessions, refusals, passwords, and whatever else clients send."""

from __future__ import annotations

import gc
import inspect
import json
import logging
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.control import Control, Kind, Refusal
from keymgr.bluescale import Desk
from keymgr.errors import WrongPassword
from keymgr.secret import Secret
from target import control, control_sessions, local_socket
from target.clock import ManualClock
from target.control_calls import CALLS, SECRET_TYPES, Type
from target.library.errors import NotAllowed, OperatorError
from target.library.inventory import Kind as Place
from target.library.inventory import Location
from target.library.session import Session

FAR = 60.0
PASSWORD = "a.password_like-no@other.1"
LOGIN = b'{"call": "login", "args": {"user": "su"}, "secrets": ["password"]}\0right\n'


class Screens:
    """A desk, as far as these tests go."""

    def keys(self) -> list[str]:
        return ["one"]


@dataclass
class Operations:
    """A session, as far as these tests go; what it was given stays."""

    given: list[Any] = field(default_factory=list)
    does: Callable[[], Any] = lambda: None
    desk: Screens = field(default_factory=Screens)
    superuser: bool = True

    def require(self, action: str) -> None:
        if not self.superuser:
            raise NotAllowed(f"{action} takes a superuser")

    def status(self) -> Any:
        return self.does()

    def move(self, source: str, destination: str) -> Any:
        self.given.append((source, destination))
        return {"place": Location(Place.STORAGE, 7), "kind": Place.DRIVE, "data": b"\0\xff"}

    def restore(self, data: bytes, password: Secret) -> None:
        self.given += [data, bytes(password.reveal()), password]

    def power_cycle(self) -> None:
        self.given.append("power")

    def set_partition(self, name: str, drives: Any = None, slots: Any = None) -> None:
        self.given.append((name, drives, slots))

    def encryption(self, password: Secret) -> Screens:
        if password.reveal() != b"second":
            raise WrongPassword("the encryption password is another one: give that")
        return self.desk


@dataclass
class Shelf:
    """A library, as far as these tests go."""

    operations: Operations = field(default_factory=Operations)

    def login(self, user: str, password: Secret) -> Operations:
        if password.reveal() != b"right":
            raise NotAllowed("user and password do not belong together: try others")
        return self.operations


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def path(tmp_path: Path, shelf: Shelf, clock: ManualClock) -> Iterator[Path]:
    """A server with one library, tower."""
    server = control.Control(tmp_path / "run" / "control", {"tower": shelf}, clock)
    yield server.path
    server.close()


@pytest.fixture
def operator(path: Path) -> Iterator[Control]:
    with Control(path) as client:
        client.login("su", "right")
        yield client


def refusal(client: Control, call: str, **arguments: Any) -> tuple[Kind, str]:
    with pytest.raises(Refusal) as raised:
        client.call(call, **arguments)
    return raised.value.kind, str(raised.value)


# --- the table -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("login", "logout")])
def test_calls_fit_the_methods(name: str) -> None:
    call = CALLS[name]
    method = "encryption" if name == "authorize" else call.method
    signature = inspect.signature(getattr(Desk if call.desk else Session, method))
    _, *parameters = signature.parameters.values()
    assert [one.name for one in parameters] == [one.name for one in call.arguments]
    for parameter, argument in zip(parameters, call.arguments, strict=True):
        assert argument.required == (parameter.default is parameter.empty), argument
        assert ("Secret" in parameter.annotation) == (argument.type in SECRET_TYPES), argument
        word = {Type.NUMBER: "int", Type.FLAG: "bool", Type.DATA: "bytes", Type.TEXT: "str"}
        assert word.get(argument.type, "Se") in parameter.annotation, argument


def test_every_action_can_be_called() -> None:
    for owner, prefix in ((Session, ""), (Desk, "bluescale.")):
        for name, member in vars(owner).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                told = {"require": "login", "encryption": "authorize"}.get(name, prefix + name)
                assert told in CALLS, name


# --- sessions --------------------------------------------------------------------------------


def test_a_call_and_its_result(operator: Control, shelf: Shelf) -> None:
    told = operator.call("move", source="slot:7", destination="drive:1")
    assert told == {"place": "slot:7", "kind": "drive", "data": b"\0\xff"}
    assert shelf.operations.given == [("slot:7", "drive:1")]
    operator.call("set_partition", name="a", drives=["one", "two"], slots=None)
    assert shelf.operations.given[1:] == [("a", ["one", "two"], None)]


def test_what_has_no_session_is_refused(path: Path) -> None:
    with Control(path) as nobody, Control(path, token="made up") as stranger:
        assert refusal(nobody, "status") == (Kind.LOGIN, "log in first: keyreel library login")
        assert refusal(stranger, "status")[0] is Kind.LOGIN
        with pytest.raises(Refusal, match="do not belong together") as raised:
            nobody.login("su", "wrong")
        assert raised.value.kind is Kind.DENIED
        assert refusal(nobody, "status")[0] is Kind.LOGIN


def test_a_session_ends_at_logout_and_others_do_not(path: Path, operator: Control) -> None:
    with Control(path) as other:
        other.login("su", b"right")
        token = operator.token
        operator.logout()
        operator.token = token
        assert refusal(operator, "status")[0] is Kind.LOGIN
        assert other.call("status") is None


def test_a_session_ends_when_nothing_was_asked_for_long(
    operator: Control, clock: ManualClock
) -> None:
    clock.sleep(control_sessions.IDLE)
    assert operator.call("status") is None
    clock.sleep(control_sessions.IDLE + 1)
    assert refusal(operator, "status") == (
        Kind.LOGIN, "the session has ended: keyreel library login",
    )  # fmt: skip


def test_a_session_is_the_token_s_and_no_connection_s(path: Path, operator: Control) -> None:
    with Control(path, token=operator.token) as other:
        assert other.call("status") is None


def test_of_many_sessions_the_idlest_end(path: Path, operator: Control, clock: ManualClock) -> None:
    with Control(path) as other:
        for _ in range(control_sessions.MOST):
            clock.sleep(1)
            other.login("su", "right")
        assert other.call("status") is None
        assert refusal(operator, "status")[0] is Kind.LOGIN


def test_several_libraries(tmp_path: Path) -> None:
    one, two = Shelf(), Shelf()
    server = control.Control(tmp_path / "control", {"one": one, "two": two})
    with Control(tmp_path / "control") as client:
        with pytest.raises(Refusal, match="several libraries, name one: one, two"):
            client.login("su", "right")
        with pytest.raises(Refusal, match="no library three: use one of one, two"):
            client.login("su", "right", library="three")
        client.login("su", "right", library="two")
        client.call("move", source="a", destination="b")
        assert (one.operations.given, len(two.operations.given)) == ([], 1)
        client.library = "one"
        kind, text = refusal(client, "status")
        assert (kind, "keyreel library login --library one" in text) == (Kind.LOGIN, True)
    server.close()


@pytest.mark.req("BS-02")
def test_the_second_gate(operator: Control, shelf: Shelf) -> None:
    assert refusal(operator, "bluescale.keys")[0] is Kind.AUTHORIZATION
    assert refusal(operator, "authorize", password="first")[0] is Kind.PASSWORD
    assert refusal(operator, "bluescale.keys")[0] is Kind.AUTHORIZATION
    operator.call("authorize", password="second")
    assert operator.call("bluescale.keys") == ["one"]
    # A wrong one closes the screens; so does another role, whoever had opened them.
    assert refusal(operator, "authorize", password="")[0] is Kind.PASSWORD
    assert refusal(operator, "bluescale.keys")[0] is Kind.AUTHORIZATION
    operator.call("authorize", password="second")
    operator.call("power_cycle")
    assert refusal(operator, "bluescale.keys")[0] is Kind.AUTHORIZATION
    operator.call("authorize", password="second")
    shelf.operations.superuser = False
    assert refusal(operator, "bluescale.keys") == (Kind.DENIED, "encryption takes a superuser")


def test_what_the_library_refuses(operator: Control, shelf: Shelf) -> None:
    def full() -> None:
        raise OperatorError("slot:1 is full: choose another one")

    shelf.operations.does = full
    assert refusal(operator, "status") == (Kind.REFUSED, "slot:1 is full: choose another one")


@pytest.mark.parametrize("value", [Secret(b"key"), object(), {"a": Secret(b"key")}, {1, 2}])
def test_what_must_not_get_out_does_not(operator: Control, shelf: Shelf, value: object) -> None:
    shelf.operations.does = lambda: value
    assert refusal(operator, "status")[0] is Kind.FAILED
    shelf.operations.does = lambda: "well"
    assert operator.call("status") == "well"


# --- passwords -------------------------------------------------------------------------------


def test_passwords_are_overwritten(operator: Control, shelf: Shelf) -> None:
    mine = Secret(PASSWORD.encode())
    operator.call("restore", data=b"\n\0{}", password=mine)
    data, password, secret = shelf.operations.given
    assert (data, password) == (b"\n\0{}", PASSWORD.encode())
    assert set(secret.reveal()) == {0}
    assert mine.reveal() == PASSWORD.encode(), "the caller's is the caller's"


def test_lines_are_overwritten_once_they_were_used() -> None:
    ours, theirs = socket.socketpair()
    theirs.settimeout(FAR)
    with ours, theirs:
        lines = control.Lines(theirs)
        ours.sendall(f"first {PASSWORD}\nsecond\n".encode())
        kept = []
        for line in lines:
            kept.append(line.obj)
            if bytes(line) == b"second":
                break
            assert PASSWORD.encode() in bytes(line)
        assert PASSWORD.encode() not in bytes(kept[-1])
        long = (PASSWORD * 9999).encode()
        writer = threading.Thread(target=ours.sendall, args=[long + b"\n" + b"x\n"])
        writer.start()
        one, two = (bytes(line) for line in islice(control.Lines(theirs), 2))
        writer.join()
        assert (one, two) == (long, b"x")


def test_failures_tell_no_passwords(
    operator: Control, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError(PASSWORD)

    shelf.operations.does = fail
    with caplog.at_level(logging.DEBUG):
        kind, text = refusal(operator, "status")
    assert kind is Kind.FAILED
    assert "ValueError" in text
    assert "ValueError" in caplog.text
    assert PASSWORD not in text + caplog.text
    request = control.parse(memoryview(bytearray(LOGIN.replace(b"right", PASSWORD.encode())[:-1])))
    assert PASSWORD not in repr(request)


def test_a_password_with_a_line_break_is_no_request(operator: Control) -> None:
    for bad in ("a\nb", b"a\0b", Secret(b"\n")):
        with pytest.raises(Refusal, match="no line breaks"):
            operator.call("authorize", password=bad)


# --- whatever clients send -------------------------------------------------------------------


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
    before = len(os.listdir("/proc/self/fd"))
    threads = threading.active_count()
    for _ in range(3):
        server = control.Control(tmp_path / "control", {"tower": Shelf()})
        with Control(tmp_path / "control") as client:
            client.login("su", "right")
        server.close()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
    assert threading.active_count() == threads
