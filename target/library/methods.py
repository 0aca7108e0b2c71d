"""The encryption methods that a library's partitions can have: who gives keys to their drives.

disabled: the hosts control encryption. bluescale: the key manager inside the library. Any other is
a key source of the rig, by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from keymgr.api import KeySource
from target.library import options
from target.library.errors import OperatorError
from target.library.partition import DISABLED

BLUESCALE = "bluescale"
NEEDS = {"kmip-reuse": options.KMIP, "kmip-no-reuse": options.KMIP}
"""The option that a method needs, of those that need one."""


class Method(NamedTuple):
    """An encryption method. ``source``: who answers; None: nobody is asked."""

    name: str
    source: KeySource | None = None
    option: str = ""
    """The option that it needs; empty: none."""


def table(bluescale: KeySource, sources: Mapping[str, KeySource]) -> dict[str, Method]:
    """The methods of a library by name."""
    own = [Method(DISABLED), Method(BLUESCALE, bluescale)]
    others = [Method(name, source, NEEDS.get(name, "")) for name, source in sources.items()]
    return {method.name: method for method in (*own, *others)}


def find(methods: Mapping[str, Method], name: str, enabled: frozenset[str]) -> Method:
    """The method of that name. Raises OperatorError for one that is not there, or not enabled."""
    method = methods.get(name)
    if method is None:
        known = ", ".join(methods)
        raise OperatorError(f"there is no encryption method {name!r}: give one of {known}")
    if method.option and method.option not in enabled:
        raise OperatorError(
            f"encryption method {name} needs option {method.option}: add its option key first"
        )
    return method
