"""The client of a target's control socket: what operators do at a library, from another process.

    with Control(folder / "run" / "control") as control:
        control.login("su", Secret(b""))
        control.call("move", source="slot:1", destination="drive:1")

Calls and their arguments are those of `target.control_calls`.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from harness.closing import Closing
from keymgr.secret import Secret
from target import local_socket
from target.control_calls import CALLS, SECRET_TYPES, Kind, Refusal, decode, encode

__all__ = ["Control", "Kind", "Refusal"]

VARIABLE = "KEYREEL_CONTROL"
"""Of the environment: the socket's path, set for commands in a guest."""
_CHUNK = 65536

Password = Secret | bytes | str
"""A Secret is wiped by whoever made it; what else there is cannot be."""


class Control(Closing):
    """A connection to ``path``, made with the first call; one call at a time.

    ``token`` is that of a session that was begun earlier, ``library`` a name where the target has
    several. Methods raise Refusal.
    """

    def __init__(self, path: Path, *, library: str | None = None, token: str | None = None) -> None:
        self.path = path
        self.library = library
        self.token = token
        self._stream: socket.socket | None = None

    def login(self, user: str, password: Password, library: str | None = None) -> None:
        """Begin a session, which the calls that follow belong to."""
        self.library = library or self.library
        self.token = None
        self.token = self.call("login", user=user, password=password)["token"]

    def logout(self) -> None:
        """End the session."""
        self.call("logout")
        self.token = None

    def call(self, call: str, **arguments: Any) -> Any:
        """Its result, as JSON values and bytes. Arguments that are None are left out."""
        request = _line(call, arguments, self.library, self.token)
        try:
            stream = self._connected()
            stream.sendall(request)
            answer = _answer(stream)
        except OSError as error:
            self.close()
            raise Refusal(
                Kind.UNREACHABLE,
                f"no rig can be reached at {self.path} ({error.strerror or error}): start it, or"
                " say with --state DIR where it runs",
            ) from None
        finally:
            request[:] = bytes(len(request))
        if "error" in answer:
            raise Refusal(Kind(answer["kind"]), answer["error"])
        return answer["result"]

    def close(self) -> None:
        """Hang up; the session goes on until it is ended or was idle for long."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _connected(self) -> socket.socket:
        if self._stream is None:
            self._stream = local_socket.connect(self.path)
        return self._stream


def _line(
    call: str, arguments: dict[str, Any], library: str | None, token: str | None
) -> bytearray:
    """The request; see `target.control` for what is in it."""
    known = CALLS[call].arguments if call in CALLS else ()
    secret_names = [argument.name for argument in known if argument.type in SECRET_TYPES]
    secrets: list[tuple[str, bytes | bytearray]] = []
    for name in secret_names:
        given = arguments.get(name)
        several = given if isinstance(given, list | tuple) else [] if given is None else [given]
        secrets += [(name, _bytes(one)) for one in several]
    request = {
        "call": call,
        "args": {
            name: value
            for name, value in arguments.items()
            if value is not None and name not in secret_names
        },
        "secrets": [name for name, _ in secrets],
        "library": library,
        "token": token,
    }
    line = bytearray(encode(request))
    for _, secret in secrets:
        line += b"\0"
        line += secret
    line += b"\n"
    return line


def _bytes(password: Password) -> bytes | bytearray:
    """The password as it is sent. Raises Refusal for one that would end the line."""
    if isinstance(password, str):
        password = password.encode()
    data = password.reveal() if isinstance(password, Secret) else password
    if b"\0" in data or b"\n" in data:
        raise Refusal(Kind.REFUSED, "a password has no line breaks in it: choose another one")
    return data


def _answer(stream: socket.socket) -> dict[str, Any]:
    """The line that comes. Raises OSError if there is none that says anything."""
    line = bytearray()
    while not line.endswith(b"\n"):
        part = stream.recv(_CHUNK)
        if not part:
            raise ConnectionResetError(0, "it hung up")
        line += part
    try:
        answer = decode(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise OSError(0, "it does not answer as a target does")
    return answer
