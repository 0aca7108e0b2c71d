"""Who is logged in over the control socket, and what their calls come to.

A session is a random token. It ends at logout, and after `IDLE` seconds without a call. The
authorization password of the encryption screens is asked for once in a session, as the library's
own screens do, and again after some calls.
"""

from __future__ import annotations

import logging
import secrets
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any, Protocol

from keymgr.errors import KeyManagerError, WrongPassword
from keymgr.secret import Secret
from target.clock import SYSTEM, Clock
from target.control_calls import CALLS, SECRET_TYPES, Call, Kind, Refusal, Type, check
from target.library.errors import NotAllowed, OperatorError
from target.library.inventory import Location
from target.medium.errors import MediumError

IDLE = 900.0
MOST = 100
"""Sessions at a time; one more ends the one that has been idle longest."""
CLOSES_DESKS = {"power_cycle", "restore"}
"""Calls after which the authorization password has to be given again."""
_log = logging.getLogger(__name__)


class Operated(Protocol):
    """A library, as far as this goes."""

    def login(self, user: str, password: Secret) -> Any:
        """What the user may do: an object with the calls' methods. Raises OperatorError."""


@dataclass
class Request:
    """One request. ``secrets``: those given by name, in their order; overwritten by `wipe`."""

    call: str
    arguments: dict[str, Any] = field(default_factory=dict)
    secrets: list[tuple[str, Secret]] = field(default_factory=list)
    library: str | None = None
    token: str | None = None

    def wipe(self) -> None:
        """Overwrite the passwords."""
        for _, secret in self.secrets:
            secret.wipe()


@dataclass
class _Operator:
    """Somebody who has logged in, and the encryption screens once they are open."""

    library: str
    session: Any
    used: float
    desk: Any = None


class Sessions:
    """All sessions of all libraries (by name), and the bench. Threads may call at the same time."""

    def __init__(
        self, libraries: Mapping[str, Operated], bench: object = None, clock: Clock = SYSTEM
    ) -> None:
        self._libraries = libraries
        self._bench = bench
        self._clock = clock
        self._operators: dict[str, _Operator] = {}
        self._guard = threading.Lock()
        self._own: dict[str, Callable[[Request, dict[str, Any]], Any]] = {
            "login": self._login,
            "logout": self._logout,
            "authorize": self._authorize,
        }

    def answer(self, request: Request) -> Any:
        """What the request comes to, as JSON values and bytes. Raises Refusal."""
        call = CALLS.get(request.call)
        if call is None:
            raise Refusal(Kind.REQUEST, f"there is no call {request.call[:40]!r}")
        check(call, request.arguments, {name for name, _ in request.secrets})
        try:
            return plain(self._run(call, request))
        except WrongPassword as error:
            raise Refusal(Kind.PASSWORD, str(error)) from None
        except NotAllowed as error:
            raise Refusal(Kind.DENIED, str(error)) from None
        except (OperatorError, KeyManagerError, MediumError) as error:
            raise Refusal(Kind.REFUSED, str(error)) from None
        except Refusal:
            raise
        except Exception as error:
            # Not the error's text: nobody knows what is in it.
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} at {last.filename}:{last.lineno}"
            _log.error("the call %s failed: %s", call.name, place)
            raise Refusal(Kind.FAILED, f"the target failed ({place}): see its log") from None

    def _run(self, call: Call, request: Request) -> Any:
        arguments = request.arguments | _secrets(call, request)
        if call.name in self._own:
            return self._own[call.name](request, arguments)
        if call.bench:
            return getattr(self._bench, call.method)(**arguments)
        operator = self._operator(request)
        if not call.desk:
            result = getattr(operator.session, call.method)(**arguments)
            if call.name in CLOSES_DESKS:
                self._close_desks(operator.library)
            return result
        operator.session.require("encryption")
        desk = operator.desk
        if desk is None:
            raise Refusal(
                Kind.AUTHORIZATION,
                "encryption asks for its own password first: keyreel bluescale authorize",
            )
        return getattr(desk, call.method)(**arguments)

    def _login(self, request: Request, arguments: dict[str, Any]) -> dict[str, str]:
        name = self._library(request.library)
        session = self._libraries[name].login(**arguments)
        token = secrets.token_urlsafe(32)
        with self._guard:
            if len(self._operators) >= MOST:
                del self._operators[min(self._operators, key=lambda t: self._operators[t].used)]
            self._operators[token] = _Operator(name, session, self._clock.monotonic())
        return {"library": name, "user": arguments["user"], "token": token}

    def _logout(self, request: Request, arguments: dict[str, Any]) -> None:
        self._operator(request)
        with self._guard:
            self._operators.pop(request.token or "", None)

    def _authorize(self, request: Request, arguments: dict[str, Any]) -> None:
        operator = self._operator(request)
        # Whoever tries a wrong one while the screens are open is not let in by the old one.
        operator.desk = None
        operator.desk = operator.session.encryption(**arguments)

    def _close_desks(self, library: str) -> None:
        with self._guard:
            for operator in self._operators.values():
                if operator.library == library:
                    operator.desk = None

    def _operator(self, request: Request) -> _Operator:
        now = self._clock.monotonic()
        with self._guard:
            for token, operator in list(self._operators.items()):
                if now - operator.used > IDLE:
                    del self._operators[token]
            found = self._operators.get(request.token or "")
            if found is None:
                ended = "log in first" if request.token is None else "the session has ended"
                raise Refusal(Kind.LOGIN, f"{ended}: keyreel library login")
            if request.library not in (None, found.library):
                raise Refusal(
                    Kind.LOGIN,
                    f"this session is one of the library {found.library}:"
                    f" keyreel library login --library {request.library}",
                )
            found.used = now
            return found

    def _library(self, name: str | None) -> str:
        known = ", ".join(self._libraries)
        if name is None and len(self._libraries) == 1:
            return next(iter(self._libraries))
        if name is None:
            raise Refusal(Kind.REQUEST, f"there are several libraries, name one: {known}")
        if name not in self._libraries:
            raise Refusal(Kind.REFUSED, f"there is no library {name[:40]}: use one of {known}")
        return name


def _secrets(call: Call, request: Request) -> dict[str, Secret | tuple[Secret, ...]]:
    """The passwords by argument. Raises Refusal if there are several for one."""
    found: dict[str, Secret | tuple[Secret, ...]] = {}
    for argument in call.arguments:
        of_it = tuple(secret for name, secret in request.secrets if name == argument.name)
        if not of_it or argument.type not in SECRET_TYPES:
            continue
        if argument.type is Type.SECRET and len(of_it) > 1:
            raise Refusal(Kind.REQUEST, f"{call.name} takes one {argument.name}")
        found[argument.name] = of_it if argument.type is Type.SECRETS else of_it[0]
    return found


def plain(value: Any) -> Any:
    """The same in JSON values and bytes. Raises TypeError for what must not get out."""
    match value:
        case Enum():
            return value.name.lower()
        case None | bool() | int() | float() | str() | bytes():
            return value
        case Location():
            return str(value)
        case Mapping():
            return {str(plain(key)): plain(one) for key, one in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
        case tuple() if hasattr(value, "_asdict"):
            return plain(value._asdict())
        case list() | tuple():
            return [plain(one) for one in value]
        case _:
            raise TypeError(f"{type(value).__name__} is not told to clients")
