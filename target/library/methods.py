"""The encryption methods that a library's partitions can have: who gives keys to their drives.

disabled: the hosts control encryption. bluescale: the key manager inside the library. Any other is
a key source of the rig, by its name. The drives of a partition get what its method has for them
by their automation ports.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from keymgr.api import KeySource
from target.library import options
from target.library.errors import OperatorError
from target.library.partition import DISABLED, Partition

BLUESCALE = "bluescale"
NEEDS = {"kmip-reuse": options.KMIP, "kmip-no-reuse": options.KMIP}
"""The option that a method needs, of those that need one."""


class Method(NamedTuple):
    """An encryption method. ``source``: gives who answers; None: nobody is asked."""

    name: str
    source: Callable[[], KeySource] | None = None
    option: str = ""
    """The option that it needs; empty: none."""


def table(
    bluescale: Callable[[], KeySource], sources: Mapping[str, KeySource]
) -> dict[str, Method]:
    """The methods of a library by name."""
    methods = {DISABLED: Method(DISABLED), BLUESCALE: Method(BLUESCALE, bluescale)}
    for name, source in sources.items():
        methods[name] = Method(name, _always(source), NEEDS.get(name, ""))
    return methods


def _always(source: KeySource) -> Callable[[], KeySource]:
    return lambda: source


def find(methods: Mapping[str, Method], name: str, enabled: Collection[str]) -> Method:
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


def assignments(partitions: Mapping[str, Partition]) -> dict[int, tuple[str, str]]:
    """Partition and encryption method, by the number of the drive."""
    return {
        number: (one.name, one.encryption) for one in partitions.values() for number in one.drives
    }


def encrypting(partitions: Mapping[str, Partition]) -> frozenset[str]:
    """The names of those that have BlueScale."""
    return frozenset(one.name for one in partitions.values() if one.encryption == BLUESCALE)
