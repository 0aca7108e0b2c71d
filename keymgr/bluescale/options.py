"""What a rig file says in [library.bluescale], and what comes of it at the first start (BS-19).

``policy``: none, low, medium or high. ``user_mode``: multi asks for three passwords before anything
else. ``secure_initialization``: true or false. ``keys``: partition = moniker: random keys that are
made and assigned as primary keys.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from keymgr.bluescale import tracking
from keymgr.bluescale.models import Assignment
from keymgr.bluescale.names import NotAllowed, check_moniker
from keymgr.bluescale.policy import ANYTHING, MULTI, POLICIES, SINGLE, Policy
from keymgr.bluescale.state import State
from keymgr.errors import KeyManagerError


class OptionsWrong(KeyManagerError):
    """The table says something that cannot be."""


@dataclass(frozen=True)
class Options:
    """The table. ``policy`` goes to `BlueScale` when it is made, the others to its `prepare`."""

    policy: Policy = ANYTHING
    secure_initialization: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    """Primary keys by partition."""

    @classmethod
    def parse(
        cls, raw: Mapping[str, Any], partitions: Collection[str], *, professional: bool
    ) -> Options:
        """Raises OptionsWrong, whose text is a sentence. ``partitions``: those with BlueScale."""
        unknown = sorted(set(raw) - {"policy", "user_mode", "secure_initialization", "keys"})
        if unknown:
            raise OptionsWrong(
                f"there is no {unknown[0]!r}: use policy, user_mode, secure_initialization or keys"
            )
        name = _one_of(raw, "policy", POLICIES, "none")
        mode = _one_of(raw, "user_mode", (SINGLE, MULTI), SINGLE)
        if mode == MULTI and not professional:
            raise OptionsWrong(
                "user_mode 'multi' is part of Professional Edition: add bluescale-professional to"
                " the library's options"
            )
        secure = raw.get("secure_initialization", False)
        if not isinstance(secure, bool):
            raise OptionsWrong(f"secure_initialization {secure!r} will not do: use true or false")
        keys = _keys(raw.get("keys", {}), partitions)
        if len(set(keys.values())) > 1 and not professional:
            raise OptionsWrong(
                "keys has several monikers, and Standard Edition has one key: use one, or add"
                " bluescale-professional to the library's options"
            )
        return cls(replace(POLICIES[name], user_mode=mode), secure, keys)

    def apply(self, state: State, now: float) -> None:
        """Make it so, within a transaction of the caller's."""
        state.secure = self.secure_initialization
        for moniker in dict.fromkeys(self.keys.values()):
            state.add(moniker, None, tracking.fresh(now))
            state.audit("key created", moniker=moniker, by="rig file")
        for partition, moniker in self.keys.items():
            state.assign(Assignment(partition, moniker))
            state.audit("keys assigned", partition=partition, primary=moniker, by="rig file")


def _one_of(raw: Mapping[str, Any], name: str, known: Collection[str], default: str) -> str:
    value = raw.get(name, default)
    if not isinstance(value, str) or value not in known:
        raise OptionsWrong(f"{name} {value!r} will not do: use one of {', '.join(known)}")
    return value


def _keys(raw: Any, partitions: Collection[str]) -> dict[str, str]:
    if not isinstance(raw, Mapping):
        raise OptionsWrong(f"keys {raw!r} will not do: write a table of partition = moniker")
    for partition, moniker in raw.items():
        if partition not in partitions:
            raise OptionsWrong(
                f"keys names {partition!r}, which is no partition with encryption bluescale: name"
                " one that is"
            )
        if not isinstance(moniker, str):
            raise OptionsWrong(f"keys has {moniker!r} for {partition}: write a moniker")
        try:
            check_moniker(moniker)
        except NotAllowed as error:
            raise OptionsWrong(f"keys has {moniker!r} for {partition}: {error}") from None
    return dict(raw)
