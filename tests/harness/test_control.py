"""The control socket: its table of calls, sessions, refusals, passwords."""

from __future__ import annotations

import inspect
import logging
import socket
import threading
from itertools import islice
from pathlib import Path

import pytest

from harness.control import Control, Kind, Refusal
from keymgr.bluescale import Desk
from keymgr.secret import Secret
from target import control, control_sessions
from target.bench import Bench
from target.clock import ManualClock
from target.control_calls import CALLS, SECRET_TYPES, Type
from target.library.errors import OperatorError
from target.library.session import Session
from tests.harness.shelf import Shelf, refusal

FAR = 60.0
PASSWORD = "a.password_like-no@other.1"
LOGIN = b'{"call": "login", "args": {"user": "su"}, "secrets": ["password"]}\0right'


# --- the table -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("login", "logout")])
def test_calls_fit_the_methods(name: str) -> None:
    call = CALLS[name]
    method = "encryption" if name == "authorize" else call.method
    owner = Desk if call.desk else Bench if call.bench else Session
    signature = inspect.signature(getattr(owner, method))
    _, *parameters = signature.parameters.values()
    assert [one.name for one in parameters] == [one.name for one in call.arguments]
    for parameter, argument in zip(parameters, call.arguments, strict=True):
        assert argument.required == (parameter.default is parameter.empty), argument
        assert ("Secret" in parameter.annotation) == (argument.type in SECRET_TYPES), argument
        word = {Type.NUMBER: "int", Type.FLAG: "bool", Type.DATA: "bytes", Type.TEXT: "str"}
        word[Type.TABLE] = "dict"
        assert word.get(argument.type, "Se") in parameter.annotation, argument


def test_every_action_can_be_called() -> None:
    for owner, prefix in ((Session, ""), (Desk, "bluescale."), (Bench, "rig.")):
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
    for again in ({"call": "power_cycle"}, {"call": "restore", "data": b"", "password": ""}):
        operator.call(**again)
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
    request = control.parse(memoryview(bytearray(LOGIN.replace(b"right", PASSWORD.encode()))))
    assert PASSWORD not in repr(request)


def test_a_password_with_a_line_break_is_no_request(operator: Control) -> None:
    for bad in ("a\nb", b"a\0b", Secret(b"\n")):
        with pytest.raises(Refusal, match="no line breaks"):
            operator.call("authorize", password=bad)
