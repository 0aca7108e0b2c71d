"""What keyreel needs on a machine, whether it is there, and how to get it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from harness.guest.api import GuestError
from harness.guest.minded import SYSTEM_PATH
from harness.guest.uml import DEFAULT_MEMORY, MODULES, choose_memory_folder

PROGRAMS = (
    ("linux.uml", "user-mode-linux", True, "the guest's kernel"),
    ("modprobe", "kmod", True, "loads the guest's modules"),
    ("mount", "mount", True, "mounts the guest's file systems"),
    ("mt", "mt-st", False, "tape control"),
    ("mtx", "mtx", False, "medium changers"),
    ("sg_inq", "sg3-utils", False, "SCSI commands"),
    ("stenc", "stenc", False, "tape encryption control"),
    ("lsscsi", "lsscsi", False, "lists devices"),
    ("tcmu-runner", "tcmu-runner", False, 'transport = "tcmu-runner"'),
    ("qemu-system-x86_64", "qemu-system-x86", False, 'guest = "qemu"'),
    ("cc", "gcc", False, "builds the handler for tcmu-runner"),
    ("tar", "tar", False, "archives"),
)
"""Program, Debian package, whether keyreel needs it itself, what it is for."""

PYTHON_MODULES = (
    "click", "crc32c", "cryptography", "lz4", "pydantic", "pyudev", "rich", "sqlalchemy",
    "zstandard",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for."""

    thing: str
    purpose: str
    required: bool
    cure: str
    """Empty when it is there."""


def missing(*programs: str) -> list[str]:
    """The Debian packages of those of `PROGRAMS` that are not on this machine."""
    path = os.environ.get("PATH", "") + os.pathsep + SYSTEM_PATH
    wanted = [row for row in PROGRAMS if row[0] in programs]
    return [package for program, package, *_ in wanted if not shutil.which(program, path=path)]


def findings() -> Iterator[Finding]:
    """Everything that keyreel looks for on this machine."""
    lacking = missing(*(program for program, *_ in PROGRAMS))
    for program, package, required, purpose in PROGRAMS:
        cure = f"apt install {package}" if package in lacking else ""
        yield Finding(program, purpose, required, cure)
    there = any(MODULES.glob("*/modules.dep"))
    cure = "" if there else "apt install user-mode-linux"
    yield Finding(str(MODULES), "the guest's kernel modules", True, cure)
    try:
        room = f"memory of the guest, in {choose_memory_folder(DEFAULT_MEMORY)}"
        cure = ""
    except GuestError as error:
        room, cure = "memory of the guest", str(error)
    yield Finding(f"{DEFAULT_MEMORY} MiB", room, True, cure)
    yield from _guests()
    there = importlib.util.find_spec("scapy") is not None
    yield Finding(
        "scapy", "keyreel conform", False, "" if there else "pip install 'keyreel[scapy]'"
    )
    for module in PYTHON_MODULES:
        cure = "" if importlib.util.find_spec(module) else f"pip install {module}"
        yield Finding(f"Python module {module}", "", True, cure)


def _guests() -> Iterator[Finding]:
    """What the guests beside uml need that is no program."""
    from harness.guest import host, kernels, kvm

    here = kernels.installed() | kernels.fetched()
    offered = kernels.offers()
    kernel = f"a kernel, {'here' if here else 'fetched by apt at the first start'}"
    cure = "" if here or offered else "apt-get update, so that apt knows of one"
    yield Finding(kernel, 'guest = "qemu"', False, cure)
    yield Finding("KVM", 'makes guest = "qemu" faster', False, kvm.hindrance())
    kernel = f"this machine's kernel, {os.uname().release}"
    yield Finding(kernel, 'guest = "host"', False, host.hindrance())


def show() -> int:
    """Print the table; 1 when something required is missing, otherwise 0."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("", "what", "for", "how to get it"):
        table.add_column(title)
    failed = False
    for finding in findings():
        missing = bool(finding.cure)
        failed |= missing and finding.required
        word = "ok"
        if missing:
            word = "[red]missing[/]" if finding.required else "[yellow]optional[/]"
        table.add_row(word, finding.thing, finding.purpose, finding.cure)
    # A file or a pipe gets whole lines, however long.
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    return int(failed)
