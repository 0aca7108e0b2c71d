"""Names of targets and ports (RFC 7143 sections 4.2.7 and 4.4.1)."""

from __future__ import annotations

IQN = "iqn.2026-01.io.keyreel"
"""The naming authority of every target."""
PORTAL_GROUP = 1


def target_name(rig: str, unit: str) -> str:
    """The iSCSI name of a drive or a medium changer; an underscore may not be in one."""
    return f"{IQN}:{rig}:{unit}".replace("_", "-")


def initiator_port(initiator: str, isid: int) -> str:
    """The name of an initiator port."""
    return f"{initiator},i,0x{isid:012x}"


def target_port(target: str) -> str:
    """The name of a target port."""
    return f"{target},t,0x{PORTAL_GROUP:04x}"
