"""The ways by which the tools' tests reach drives: the tests are the same on each.

`DIFFERENCES` names those that hold only on some.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.guest.host import hindrance
from harness.rig import Rig


@dataclass(frozen=True)
class Way:
    """What a rig file would say of it. Of several hosts the tools are the last one."""

    transport: str = "tcmu"
    guest: str = "uml"
    hosts: int = 1

    def of(self, rig: Rig) -> Rig:
        """The rig with its drives reached by this way."""
        section = rig.rig.model_copy(update={"transport": (self.transport,), "guest": self.guest})
        drives = tuple(
            drive.model_copy(update={"hosts": max(drive.hosts, self.hosts)}) for drive in rig.drive
        )
        return rig.model_copy(update={"rig": section, "drive": drives})

    def device(self, drive: str) -> str:
        """The name in `Guest.devices` of a drive as the tools see it."""
        return f"{drive}@{self.hosts - 1}" if self.hosts > 1 else drive


DIRECT = Way()
WAYS = {
    "tcmu": DIRECT,
    "tcmu-runner": Way(transport="tcmu-runner"),
    "two-hosts": Way(hosts=2),
    "iscsi": Way(transport="iscsi"),
    "qemu": Way(guest="qemu"),
    "host": Way(guest="host"),
}
_LOOPBACK = "the kernel's loopback host carries 1 MiB at most"
_NO_LOOPBACK = "iSCSI carries more than 1 MiB"
DIFFERENCES: dict[str, dict[str, str]] = {
    "test_a_variable_block_of_more_than_one_mib": {"iscsi": _NO_LOOPBACK},
    "test_the_largest_block": dict.fromkeys(WAYS.keys() - {"iscsi"}, _LOOPBACK),
}
"""Test function -> the ways on which it does not hold, with the reason."""


def why_not(test: str, way: str) -> str:
    """Why a test function does not run by a way on this machine; empty if it does."""
    if way == "host" and (lacking := hindrance()):
        return f"this machine's own kernel will not do, it takes: {lacking}"
    return DIFFERENCES.get(test, {}).get(way, "")
