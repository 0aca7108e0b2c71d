"""What may be asked of a library over its control socket: one declared table of calls, as JSON.

Calls that begin with `rig.` are not a library's: they are those of the bench that the rig stands on
(`target.bench.Bench`), and need no session, because the socket is its user's alone.

The server checks requests against it, the client takes the types of arguments from it, and a test
holds the command line against it. Only names and types: no library is imported.

A row is a call's name and its arguments, each as NAME or NAME:TYPE, with ? behind those that may be
left out. The name is that of the method which is called, behind `bluescale.` one of the encryption
screens (`keymgr.bluescale.Desk`), else one of the operator (`target.library.session.Session`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

DESK = "bluescale."
"""How the names of calls begin that need the authorization password, too."""
BENCH = "rig."
"""How the names of calls begin that are the bench's."""

LONGEST_TEXT = 1000
LARGEST_NUMBER = 2**31 - 1


class Type(Enum):
    """What an argument is; in JSON, as the value says."""

    TEXT = "text"
    """Of at most `LONGEST_TEXT` characters that can be printed."""
    NUMBER = "number"
    """Of at most `LARGEST_NUMBER`, without a fraction."""
    FLAG = "flag"
    WORDS = "words"
    """A list of texts."""
    TABLE = "table"
    """A JSON object with texts, numbers, flags, and lists of those; whoever is called checks it."""
    DATA = "data"
    """Bytes, in JSON {"base64": TEXT}."""
    SECRET = "secret"
    """A password: in no JSON, see `target.control`."""
    SECRETS = "secrets"
    """Several of them."""


WANTED = {
    Type.TEXT: f"a text of at most {LONGEST_TEXT} characters that can be printed",
    Type.NUMBER: f"a whole number of at most {LARGEST_NUMBER}",
    Type.FLAG: "true or false",
    Type.WORDS: "a list of texts",
    Type.TABLE: "an object with texts, numbers, flags and lists of those",
    Type.DATA: "bytes",
    Type.SECRET: "a password as passwords are given",
    Type.SECRETS: "passwords as passwords are given",
}
SECRET_TYPES = {Type.SECRET, Type.SECRETS}


@dataclass(frozen=True)
class Argument:
    """One argument of a call, given by name."""

    name: str
    type: Type = Type.TEXT
    required: bool = True


@dataclass(frozen=True)
class Call:
    """A row of the table."""

    name: str
    arguments: tuple[Argument, ...]

    @property
    def desk(self) -> bool:
        """Whether it is one of the encryption screens."""
        return self.name.startswith(DESK)

    @property
    def bench(self) -> bool:
        """Whether it is one of the bench's."""
        return self.name.startswith(BENCH)

    @property
    def method(self) -> str:
        """Its name without what it is a method of."""
        return self.name.removeprefix(DESK).removeprefix(BENCH)


def _row(line: str) -> Call:
    name, *words = line.split()
    arguments = []
    for word in words:
        stem, _, kind = word.removesuffix("?").partition(":")
        arguments.append(Argument(stem, Type(kind or "text"), not word.endswith("?")))
    return Call(name, tuple(arguments))


ROWS = """
login                       user password:secret
logout
status
partitions
inventory                   partition? empty:flag?
messages                    since:number?
methods
move                        source destination
insert                      barcode mail_slot?
remove                      source
open_door
close_door
reset_drive                 drive
power_cycle_drive           drive
power_cycle
set_partition               name drives:words? slots:number? mail_slots:number?
delete_partition            name
set_encryption              partition method
users
add_user                    name role password:secret
remove_user                 name
set_role                    name role
set_password                name password:secret
change_password             old:secret new:secret
options
add_option                  key
backup                      password:secret
restore                     data:data password:secret
authorize                   password:secret
bluescale.status
bluescale.set_passwords     current:secret mode new:secrets
bluescale.set_secure_initialization  on:flag
bluescale.create            moniker
bluescale.keys
bluescale.assign            partition primary decrypt_only:words?
bluescale.unassign          partition
bluescale.export            moniker password:secret confirm:secret passwords:secrets? location?
bluescale.import_key        data:data password:secret passwords:secrets?
bluescale.delete            moniker typed
bluescale.tracking
bluescale.report
bluescale.add_copy          moniker location
bluescale.move_copy         moniker number:number location
bluescale.remove_copy       moniker number:number
bluescale.plan              moniker expires? shares:number?
rig.units
rig.reset
rig.power_cycle             unit
rig.insert                  drive barcode
rig.eject                   drive
rig.start_trace             path?
rig.stop_trace
rig.faults
rig.add_fault               fault:table
rig.remove_fault            name
"""

CALLS = {call.name: call for call in map(_row, ROWS.split("\n")[1:-1])}


class Kind(Enum):
    """Why there is no result."""

    REQUEST = "request"
    """It cannot be understood, or is no call of the table."""
    LOGIN = "login"
    """Nobody has logged in with that token, or the session has ended."""
    AUTHORIZATION = "authorization"
    """The authorization password has to be given first."""
    PASSWORD = "password"
    """A password is wrong."""
    DENIED = "denied"
    """The user's role does not allow it."""
    REFUSED = "refused"
    """It cannot be done as things are."""
    FAILED = "failed"
    """The target failed; its log says more."""
    UNREACHABLE = "unreachable"
    """Nobody listens at the socket, or nobody does any more."""


class Refusal(Exception):
    """There is no result; the text is one sentence for the user."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def check(call: Call, given: dict[str, Any], secrets: set[str]) -> None:
    """See that all arguments are there and of their types. Raises Refusal."""
    known = {argument.name for argument in call.arguments}
    for name in sorted((given.keys() | secrets) - known):
        raise Refusal(Kind.REQUEST, f"{call.name} takes no argument {name[:40]!r}")
    for argument in call.arguments:
        secret = argument.type in SECRET_TYPES
        if argument.name not in (secrets if secret else given):
            if argument.required:
                raise Refusal(Kind.REQUEST, f"{call.name} needs {argument.name}")
        elif argument.name in (given if secret else secrets) or (
            not secret and not _is(argument.type, given[argument.name])
        ):
            raise Refusal(
                Kind.REQUEST, f"{argument.name} cannot be that: give {WANTED[argument.type]}"
            )


def _is(kind: Type, value: object) -> bool:
    match kind:
        case Type.TEXT:
            return isinstance(value, str) and value.isprintable() and len(value) <= LONGEST_TEXT
        case Type.NUMBER:
            if not isinstance(value, int) or isinstance(value, bool):
                return False
            return abs(value) <= LARGEST_NUMBER
        case Type.FLAG:
            return isinstance(value, bool)
        case Type.WORDS:
            return isinstance(value, list) and all(_is(Type.TEXT, word) for word in value)
        case Type.TABLE:
            return isinstance(value, dict) and all(map(_in_table, value.values()))
        case Type.DATA:
            return isinstance(value, bytes)
        case _:
            return False


def _in_table(value: object) -> bool:
    if isinstance(value, list):
        return all(_is(Type.TEXT, one) or _in_table(one) for one in value)
    if isinstance(value, float):
        return True
    return any(_is(kind, value) for kind in (Type.TEXT, Type.NUMBER, Type.FLAG))


def encode(value: Mapping[str, Any]) -> bytes:
    """As JSON without a line break, bytes in it as base64."""
    return json.dumps(value, default=_base64).encode()


def decode(text: bytes | bytearray | memoryview) -> Any:
    """What `encode` was given. Raises ValueError, RecursionError."""
    return json.loads(bytes(text), object_hook=_bytes)


def _base64(value: object) -> dict[str, str]:
    assert isinstance(value, bytes)
    return {"base64": base64.b64encode(value).decode("ascii")}


def _bytes(values: dict[str, Any]) -> Any:
    if values.keys() == {"base64"} and isinstance(values["base64"], str):
        return base64.b64decode(values["base64"], validate=True)
    return values
