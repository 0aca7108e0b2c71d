"""What a library remembers: its partitions, users and options, in one file that is replaced whole.

Drives keep their numbers, whatever becomes of the rig file; so the places of cartridges that were
in them stay true. Everything that operators change is a `Configuration`, which is a value: whoever
changes something makes another one, and nothing has changed until it is saved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keymgr.private_file import NotPrivate, read_password
from keymgr.secret import Secret
from target.files import replace_json
from target.library import layout, users
from target.library.errors import OperatorError
from target.library.partition import Partition
from target.library.users import Cost, Role, User
from target.plan import LibraryPlan, UserPlan

VERSION = 1


@dataclass(frozen=True)
class Configuration:
    """What operators have set, and what a backup has in it."""

    partitions: Mapping[str, Partition] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    """Option keys by the option's name."""

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "partitions": [_partition_json(one) for one in self.partitions.values()],
            "users": users.to_json(self.users),
            "options": dict(self.options),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Configuration:
        """From what `to_json` gives. Raises ValueError, KeyError or TypeError for anything else."""
        partitions = [_partition(one) for one in raw["partitions"]]
        return cls(
            {one.name: one for one in partitions},
            users.from_json(raw["users"]),
            dict(raw["options"]),
        )


@dataclass(frozen=True)
class State:
    """What is in the file."""

    drives: tuple[str, ...]
    """Names in the order of their numbers, from 1."""
    configuration: Configuration
    restore: str = ""
    """In the file beside that a restore leaves: which restore it is."""

    def save(self, path: Path) -> None:
        """Replace the file. Raises OSError, the old one is there then."""
        told = {"version": VERSION, "drives": self.drives, **self.configuration.to_json()}
        if self.restore:
            told["restore"] = self.restore
        replace_json(path, told)


def file_in(folder: Path) -> Path:
    """The file, in the library's folder."""
    return folder / "library.json"


def load(path: Path) -> State | None:
    """What is in the file; None: there is none. Raises ValueError if it is something else."""
    if not path.exists():
        return None
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["version"] != VERSION:
            raise ValueError
        return State(
            tuple(raw["drives"]), Configuration.from_json(raw), str(raw.get("restore", ""))
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"{path} does not say how the library is set up: remove it, and the library is as the"
            " rig file says"
        ) from None


def recall(path: Path, plan: LibraryPlan, cost: Cost) -> State:
    """What the library remembers, or what the plan says at the first start.

    Raises ValueError where the rig file has no room for what operators have set, OSError.
    """
    old = load(path)
    planned = [drive for one in plan.partitions for drive in one.drives]
    known = () if old is None else old.drives
    drives = (*known, *(drive for drive in planned if drive not in known))
    if old is None:
        number = {name: at for at, name in enumerate(drives, 1)}
        return State(drives, Configuration(layout.first(plan, number), _first_users(plan, cost)))
    total = layout.size(plan)
    for one in old.configuration.partitions.values():
        lost = [drives[at - 1] for at in one.drives if drives[at - 1] not in planned]
        if lost:
            raise ValueError(
                f"library {plan.name} has drive {lost[0]} in partition {one.name}, and the rig has"
                f" it in none of its partitions: put it into one, or remove {path} to begin anew"
            )
        try:
            layout.require_room(one, total)
        except OperatorError as error:
            raise ValueError(f"library {plan.name}: {error}, or remove {path}") from None
    return State(drives, old.configuration)


def _first_users(plan: LibraryPlan, cost: Cost) -> dict[str, User]:
    first = UserPlan(users.FIRST, str(Role.SUPERUSER), plan.password_file)
    made: dict[str, User] = {}
    for one in (first, *plan.users):
        password = _password(one)
        try:
            made = users.added(made, one.name, Role.parse(one.role), password, cost)
        except OperatorError as error:
            raise ValueError(f"user {one.name} of library {plan.name}: {error}") from None
        finally:
            password.wipe()
    return made


def _password(user: UserPlan) -> Secret:
    if user.password_file is None:
        return Secret(b"")
    try:
        return read_password(Path(user.password_file))
    except NotPrivate as error:
        raise ValueError(str(error)) from None


def _partition_json(partition: Partition) -> dict[str, Any]:
    return dict(vars(partition))


def _partition(raw: Mapping[str, Any]) -> Partition:
    numbers = {key: tuple(raw[key]) for key in ("drives", "slots", "mail_slots")}
    return Partition(**{**raw, **numbers})
