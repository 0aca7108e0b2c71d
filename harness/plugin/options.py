"""What the run of the tests is told: options, ini values, and markers of single tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.plugin import built_in
from harness.plugin.errors import RigFailed

UML = "uml"


@dataclass(frozen=True)
class Choice:
    """What the tests run on. ``guest`` is "none" where commands stay in this process."""

    file: Path
    guest: str = "none"
    device: str | None = None
    scratch: bool = False


def chosen(config: pytest.Config) -> Choice:
    """What the options say."""
    device: str | None = config.getoption("keyreel_device")
    named: str | None = config.getoption("keyreel_rig")
    in_ini: str = config.getini("keyreel_rig")
    if named:
        file = config.invocation_params.dir / named
    elif in_ini:
        file = (config.inipath or config.rootpath / "-").parent / in_ini
    else:
        file = built_in()
    guest = config.getoption("keyreel_guest") or "none"
    return Choice(file, guest, device, config.getoption("keyreel_scratch"))


@dataclass(frozen=True)
class Wanted:
    """What the marker of a test says."""

    drive: str | None = None


def wanted(node: pytest.Item) -> Wanted:
    """The nearest marker `keyreel` of a test. Raises RigFailed for one that is wrong."""
    mark = node.get_closest_marker("keyreel")
    if mark is None:
        return Wanted()
    try:
        return Wanted(*mark.args, **mark.kwargs)
    except TypeError:
        raise RigFailed(
            f'{node.nodeid}: the marker keyreel takes drive: @pytest.mark.keyreel(drive="drive1")'
        ) from None


def require_scratch(config: pytest.Config) -> None:
    """Skip the test where it would write over somebody's cartridge."""
    choice = chosen(config)
    if choice.device and not choice.scratch:
        pytest.skip(f"writes to the cartridge in {choice.device}: allow that by --keyreel-scratch")
