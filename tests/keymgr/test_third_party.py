"""A key source that a package of somebody else brings, found by its entry point.

The package is the one of docs/key-sources.md. It is installed with pip into a fresh virtual
environment, which sees what is installed here, without a network.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keymgr import api
from tests.keymgr.page import unpack

ROOT = Path(__file__).resolve().parents[2]
PROBE = """
import json, sys
from pathlib import Path
from keymgr.api import UnknownSource, World, find
from target import personality
from target.medium.cartridge import Cartridge
from target.tape import commands
from target.tape.drive import Drive
from target.transports.inprocess import Initiator

folder = Path(sys.argv[1])
source = find("drawer")(World("mine", folder / "keys"))
model = personality.load("ibm/ult3580-td9")
drive = Drive(model, "KRL0000001", commands.of(model))
drive.ask_by_itself(source)
Cartridge.create(folder / "KRL001L9", "KRL001L9", 1 << 24)
drive.insert(Cartridge(folder / "KRL001L9"))
host = Initiator(drive)
while host.send(bytes(6)).status:
    pass
wrote = host.send(bytes.fromhex("0a0000000500"), out=b"hello").status
host.send(bytes.fromhex("010000000000"))
read = host.send(bytes.fromhex("080000000500"), size=5).data.decode()
try:
    find("cupboard")
except UnknownSource as error:
    unknown = str(error)
where = sys.modules[type(source).__module__].__file__
encrypted, keys = drive.first_encrypted(), source.store.count("mine")
drive.eject().close()
print(json.dumps([where, wrote, read, encrypted, keys, unknown]))
"""


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """The Python of a fresh virtual environment that has the package, and sees what is here."""
    pytest.importorskip("pip", reason="pip is needed to install a package")
    folder, package = tmp_path / "venv", tmp_path / "package"
    venv.create(folder, with_pip=False, symlinks=True)
    paths = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    here = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    lines = [str(ROOT), *(f"import site; site.addsitedir({path!r})" for path in here)]
    (site / "here.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    unpack(package)
    python = folder / "bin" / "python"
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index",
        "--no-deps", "--no-build-isolation", "--disable-pip-version-check", package,
    )  # fmt: skip
    return python


def test_a_package_brings_a_source(environment: Path, tmp_path: Path) -> None:
    found: list[Any] = json.loads(run(environment, "-c", PROBE, tmp_path))
    where, wrote, read, encrypted, keys, unknown = found
    assert Path(where).is_relative_to(environment.parents[1]), "it is the installed one"
    assert (wrote, read, encrypted, keys) == (0, "hello", 0, 1)
    assert unknown == (
        "there is no key source 'cupboard': install the package that has it, or use one of those"
        " that are installed: drawer"
    )


def test_a_source_that_nobody_has() -> None:
    find: Callable[[str], object] = api.find
    with pytest.raises(api.UnknownSource, match="there is no key source 'cupboard': install the"):
        find("cupboard")
