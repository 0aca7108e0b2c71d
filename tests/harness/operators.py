"""What tests of the commands for operators have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from harness.bluescale_cli import bluescale
from harness.library_cli import library
from harness.operator_cli import Call
from harness.rig_cli import rig

RIG = """
[rig]
name = "tower"
transport = "iscsi"
[iscsi]
port = 0
[[cartridge]]
barcode = "KRL001L9"
[[cartridge]]
barcode = "KRL002L9"
[[cartridge]]
barcode = "OUT001L9"
[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
[[drive]]
name = "drive1"
model = "ibm/ult3580-td9"
[[library]]
name = "tower"
model = "spectra/t950"
[[library.partition]]
name = "finance"
drives = ["drive0"]
slots = 5
mail_slots = 2
encryption = "bluescale"
cartridges = ["KRL001L9", "KRL002L9"]
[[library.partition]]
name = "archive"
drives = ["drive1"]
slots = 3
"""
FIRST, SECOND, THIRD = "first.password-like-no@other", "second_one.9", "third-one@8"
KEY_PASSWORD = "of-the.file@17"


@dataclass
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> Any:
        """Its output, which is JSON."""
        return json.loads(self.out)


Keyreel = Callable[..., Done]


def password_file(folder: Path, password: str, mode: int = 0o600) -> Path:
    file = folder / "password"
    file.unlink(missing_ok=True)
    file.write_text(password)
    file.chmod(mode)
    return file


def all_commands(group: click.Group) -> Iterator[Call]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from all_commands(command)
        else:
            assert isinstance(command, Call)
            yield command


LIBRARY = [*all_commands(library)]
BENCH = [*all_commands(rig)]
COMMANDS = [*LIBRARY, *all_commands(bluescale), *BENCH]
