"""The five drives that the suite is held against, and a rig with all of them."""

from __future__ import annotations

from tests.e2e.tools import cartridge, rig_text

MODELS = {
    "lto5": ("ibm/ult3580-td5", "KRL001L5"),
    "lto9": ("ibm/ult3580-td9", "KRL002L9"),
    "hp-lto6": ("hp/ultrium-6", "KRL003L6"),
    "ts1160": ("ibm/ts1160", "KRL004JE"),
    "t10000b": ("stk/t10000b", "KRL005T1"),
}
"""Model and cartridge by the name of the drive."""


def rig(*names: str, more: str = "") -> str:
    """A rig file with these drives, two hosts each; ``more`` is put at its end."""
    drives = [
        f'name = "{name}"\nmodel = "{model}"\ncartridge = "{barcode}"\nhosts = 2'
        for name, (model, barcode) in MODELS.items()
        if name in names
    ]
    cartridges = "".join(cartridge(MODELS[name][1]) for name in names)
    return rig_text("conform", *drives, cartridges=cartridges) + more
