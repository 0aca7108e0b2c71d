"""How the end-to-end tests speak with a library in a guest: by mtx, and what it says of places."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from harness.guest.api import Guest
from tests.e2e.tools import TIMEOUT

RIG = Path(__file__).parents[2] / "fixtures" / "rigs" / "library.toml"
MAIL = 41
"""Where mail slots begin in the numbers that mtx gives the first partition's slots."""


class Places(NamedTuple):
    """What is where, as mtx status tells: barcodes by mtx's numbers."""

    drives: dict[int, tuple[str, int]]
    """With the slot that each was taken from; those that are not empty."""
    slots: dict[int, str]
    """Those that are not empty, mail slots behind the others."""
    size: tuple[int, int, int]
    """How many drives and slots, and how many of those are mail slots."""


def places(said: str) -> Places:
    """From the output of mtx status."""
    head = re.search(r"(\d+) Drives, (\d+) Slots \( (\d+) Import/Export \)", said)
    assert head, said
    drives = re.findall(
        r"Data Transfer Element (\d+):Full \(Storage Element (\d+) Loaded\):VolumeTag = (\w+)", said
    )
    slots = re.findall(r"Storage Element (\d+)(?: IMPORT/EXPORT)?:Full :VolumeTag=(\w+)", said)
    return Places(
        {int(number): (barcode, int(home)) for number, home, barcode in drives},
        {int(number): barcode for number, barcode in slots},
        (int(head[1]), int(head[2]), int(head[3])),
    )


class Shelf:
    """Runs lines in a guest that knows units by short names, in a work folder.

    Variables: the nodes of each changer ($FINANCE) and of its SCSI generic ($FINANCE_SG), tape
    ($DRIVE0) and SCSI generic ($DRIVE0_SG) of each drive; those of further hosts have _HOST1
    behind the name.
    """

    def __init__(self, guest: Guest, folder: Path) -> None:
        self.guest = guest
        self.folder = folder
        self.variables = {}
        for device in guest.devices.values():
            name = device.name.upper().replace("-", "_").replace("@", "_HOST")
            self.variables[name] = device.tape or device.changer
            self.variables[f"{name}_SG"] = device.sg

    def run(self, line: str, stdin: bytes = b"") -> tuple[int, str]:
        """Run a shell line: its exit status and its output, errors among it."""
        variables = {**os.environ, "LC_ALL": "C", **self.variables}
        argv = ["sh", "-c", f"exec 2>&1\n{line}"]
        done = self.guest.run(argv, stdin=stdin, env=variables, cwd=self.folder, timeout=TIMEOUT)
        return done.status, done.stdout.decode(errors="replace")

    def ok(self, line: str, stdin: bytes = b"") -> str:
        """The output of a line that must end well."""
        status, output = self.run(line, stdin)
        assert status == 0, f"{line} ended with {status}:\n{output}"
        return output

    def fails(self, line: str) -> str:
        """The output of a line that must not end well."""
        status, output = self.run(line)
        assert status != 0, f"{line} ended well:\n{output}"
        return output

    def each(self, *lines: str) -> list[tuple[int, str]]:
        """Run lines in one go, for a process takes long in a guest: status and output of each."""
        said = self.ok("".join(f'{{ {line}\n}}; echo "==$?"\n' for line in lines))
        found = re.findall(r"(.*?)==(\d+)\n", said, re.S)
        assert len(found) == len(lines), said
        return [(int(status), text) for text, status in found]

    def mtx(self, *operations: str, changer: str = "FINANCE") -> Places:
        """Do operations of mtx, all of which must end well, and look where everything is."""
        lines = [f"mtx -f ${changer} {operation}" for operation in operations]
        *done, (_, said) = self.each(*lines, f"mtx -f ${changer} status")
        for operation, (status, text) in zip(operations, done, strict=True):
            assert status == 0, f"mtx {operation} ended with {status}:\n{text}"
        return places(said)

    def refusals(self, *operations: str, changer: str = "FINANCE") -> list[str]:
        """What mtx says of operations, each of which must fail and change nothing."""
        status = f"mtx -f ${changer} status"
        lines = [f"mtx -f ${changer} {operation}" for operation in operations]
        before, *done, after = self.each(status, *lines, status)
        for operation, (ended, text) in zip(operations, done, strict=True):
            assert ended != 0, f"mtx {operation} ended well:\n{text}"
        assert places(before[1]) == places(after[1])
        return [text for _, text in done]

    def tidy(self) -> None:
        """Everything back into its place in the rig file, whatever a test has left."""
        for changer, first in (("FINANCE", 1), ("RESEARCH", 17)):
            now = self.mtx(changer=changer)
            back = [f"unload {_home(held, first)} {at}" for at, (held, _) in now.drives.items()]
            # Through the last slot, for what is in the way of something else.
            astray = [at for at, held in now.slots.items() if at != _home(held, first)]
            away = {at: last for at, last in zip(astray, _empty(now), strict=False)}
            back += [f"transfer {at} {to}" for at, to in away.items()]
            back += [f"transfer {to} {_home(now.slots[at], first)}" for at, to in away.items()]
            if back:
                self.mtx(*back, changer=changer)


def _home(barcode: str, first: int) -> int:
    """The slot of a cartridge in fixtures/rigs/library.toml; ``first``: of its partition."""
    if barcode == "CLN000CU":
        return 17
    return 5 if barcode == "KRL100L8" else int(barcode[3:6]) + 2 - first


def _empty(now: Places) -> list[int]:
    """Empty slots, the last first, without mail slots."""
    _, slots, mail = now.size
    return [at for at in range(slots - mail, 0, -1) if at not in now.slots]
