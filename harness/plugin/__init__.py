"""The pytest plugin: fixtures for a rig, its drives and tapes, and a host that uses them.

Loaded in every run of whoever has keyreel installed, so nothing else is imported until a test asks
for one of the fixtures. What they give is in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.plugin.drive import Drive
    from harness.plugin.host import Host
    from harness.plugin.library import KeySource, Library
    from harness.plugin.opening import Rigs
    from harness.plugin.rigs import Rig
    from harness.plugin.tape import Tape

GUESTS = ("none", "uml", "qemu", "host")
MARK = "keyreel(drive): the drive of the rig, by name, that the fixtures drive and tape are"


def pytest_addoption(parser: pytest.Parser) -> None:
    """What tests run on."""
    group = parser.getgroup("keyreel", "virtual tape drives")
    group.addoption(
        "--keyreel-rig",
        metavar="FILE",
        help="rig file with the drives for the tests (default: one LTO-9 drive with a cartridge)",
    )
    group.addoption(
        "--keyreel-guest",
        choices=GUESTS,
        help="send commands through the kernel of a guest (default: none, in this process)",
    )
    group.addoption(
        "--keyreel-device", metavar="NODE", help="a physical drive instead of a rig: /dev/sg0"
    )
    group.addoption(
        "--keyreel-scratch",
        action="store_true",
        help="the cartridge in that drive may be written over",
    )
    parser.addini("keyreel_rig", "as --keyreel-rig; relative to the ini file", type="string")


def pytest_configure(config: pytest.Config) -> None:
    """Markers are known; options fit together."""
    config.addinivalue_line("markers", MARK)
    chosen = config.getoption
    if chosen("keyreel_device") and (chosen("keyreel_rig") or chosen("keyreel_guest")):
        raise pytest.UsageError(
            "--keyreel-device takes the place of a rig: leave --keyreel-rig and --keyreel-guest out"
        )


@pytest.fixture(scope="session")
def keyreel_rigs(request: pytest.FixtureRequest) -> Iterator[Rigs]:
    """The rigs of the session; each is started when the first test asks for it."""
    from harness.plugin.opening import open_rigs
    from harness.plugin.options import chosen

    with open_rigs(chosen(request.config)) as rigs:
        yield rigs


@pytest.fixture
def rig(keyreel_rigs: Rigs, request: pytest.FixtureRequest) -> Rig:
    """The rig, everything in it as when it was started: see `harness.plugin.rigs.Rig`.

    It is one in a guest for a test that runs commands on a host.
    """
    with _said():
        rig = keyreel_rigs.get(host="host" in request.fixturenames)
        rig.fresh()
    return rig


@pytest.fixture
def drive(rig: Rig, request: pytest.FixtureRequest) -> Drive:
    """The first drive of the rig, or the one that the marker `keyreel` names."""
    from harness.plugin.options import wanted

    with _said():
        return rig.drive(wanted(request.node).drive)


@pytest.fixture
def tape(request: pytest.FixtureRequest) -> Tape:
    """A blank tape in the drive, at its beginning."""
    from harness.plugin.options import require_scratch
    from harness.plugin.tape import blank

    # First of all: where that is not allowed, the drive is not even looked at.
    require_scratch(request.config)
    with _said():
        return blank(request.getfixturevalue("drive"))


@pytest.fixture
def library(rig: Rig) -> Library:
    """The first library of the rig, with its superuser at the panel."""
    with _said():
        return rig.library()


@pytest.fixture
def key_source(rig: Rig) -> KeySource:
    """The first key source of the rig."""
    with _said():
        return rig.key_source()


@pytest.fixture
def host(rig: Rig) -> Host:
    """A host of the rig: commands run where its devices are, in a guest that is started for it."""
    with _said():
        return rig.host()


@contextmanager
def _said() -> Iterator[None]:
    """What is wrong with a rig is said in its own words, with no trace of where."""
    from harness.plugin.errors import CommandFailed, RigFailed

    try:
        yield
    except (RigFailed, CommandFailed) as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def built_in() -> Path:
    """The rig file of whoever names none."""
    return Path(__file__).with_name("rig.toml")
