"""Which drives can be in an encrypting partition: LTO-6 to LTO-10, TS1140 and later (BS-17)."""

from __future__ import annotations

from keymgr.api import DriveIdentity, Reason, Refused

_LTO = {f"LTO-{generation}" for generation in (6, 7, 8, 9, 10)} | {"LTO-10P"}
_TS = {"3592-E07", "3592-E08", "3592-55F", "3592-60F", "3592-70F"}
SERVED = frozenset(_LTO | _TS)
"""Native formats."""


def check(drive: DriveIdentity) -> None:
    """Raises Refused for a drive that cannot be served."""
    if drive.native not in SERVED:
        raise Refused(
            Reason.NOT_AUTHORIZED,
            f"drive {drive.serial} ({drive.product.strip()}, {drive.native}) cannot be in a"
            " partition with BlueScale encryption",
            "use LTO-6 to LTO-10 or TS1140 and later TS11xx drives there",
        )
