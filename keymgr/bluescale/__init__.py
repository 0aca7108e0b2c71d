"""BlueScale, Standard and Professional: the key manager inside a library (docs/bluescale.md)."""

from keymgr.bluescale.desk import Desk
from keymgr.bluescale.models import (
    Assignment,
    Copy,
    Created,
    Exported,
    Imported,
    KeyRow,
    Status,
    Tracked,
)
from keymgr.bluescale.names import NotAllowed
from keymgr.bluescale.options import Options, OptionsWrong
from keymgr.bluescale.policy import MULTI, POLICIES, SINGLE, Policy
from keymgr.bluescale.source import BlueScale
from keymgr.kdf import Cost

__all__ = [
    "MULTI",
    "POLICIES",
    "SINGLE",
    "Assignment",
    "BlueScale",
    "Copy",
    "Cost",
    "Created",
    "Desk",
    "Exported",
    "Imported",
    "KeyRow",
    "NotAllowed",
    "Options",
    "OptionsWrong",
    "Policy",
    "Status",
    "Tracked",
]
