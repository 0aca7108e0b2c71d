"""What `keyreel cartridge` does: make a cartridge, show what is on it, verify it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.cli import USAGE_ERROR, say
from harness.counting import many
from harness.rig_values import parse_size
from keymgr.secret import Secret
from target.medium import inspect
from target.medium.cartridge import Cartridge
from target.medium.crypt import KEY_SIZE
from target.medium.errors import MediumError

DAMAGED = 1


@contextmanager
def _open(folder: Path) -> Iterator[Cartridge]:
    cartridge = Cartridge(folder, writable=False)
    try:
        yield cartridge
    finally:
        cartridge.abandon()


def create(folder: Path, barcode: str, capacity: str | None, write_protect: bool) -> int:
    """Make a blank cartridge; the exit status."""
    try:
        size = None if capacity is None else parse_size(capacity)
        Cartridge.create(folder, barcode, size, write_protect)
    except (MediumError, ValueError) as error:
        say(str(error))
        return USAGE_ERROR
    return 0


def show(folder: Path) -> int:
    """Print who the cartridge is and what is on it, without a key; the exit status."""
    console = Console(highlight=False)
    try:
        with _open(folder) as cartridge:
            info = cartridge.info
            # The description begins with the media id, as the barcode ends.
            console.print(f"{cartridge.barcode[:-2]}{cartridge.type.description} cartridge")
            console.print(f"capacity   {cartridge.capacity:,} bytes native")
            used = sum(p.capacity - p.remaining for p in cartridge.partitions)
            console.print(f"used       {used:,} bytes")
            console.print(f"loads      {info['loads']}")
            console.print(f"protected  {'yes' if cartridge.write_protect else 'no'}")
            extents = list(inspect.contents(cartridge))
            if not extents:
                console.print("blank")
                return 0
            table = Table(box=None, pad_edge=False)
            for name in ("partition", "file", "first object", "blocks", "bytes"):
                table.add_column(name, justify="right")
            for name in ("data", "key label"):
                table.add_column(name)
            for one in extents:
                numbers = (one.partition, one.file, one.first, one.blocks, one.length)
                kind = "encrypted" if one.encrypted else "clear"
                table.add_row(*(f"{n:,}" for n in numbers), kind, one.label)
            console.print(table)
    except MediumError as error:
        say(str(error))
        return USAGE_ERROR
    return 0


def verify(folder: Path, key_file: Path | None) -> int:
    """Check every block, encrypted ones with a key if there is one; 1 if something is damaged."""
    try:
        key = None if key_file is None else _read_key(key_file)
        with _open(folder) as cartridge:
            report = inspect.verify(cartridge, key)
    except (MediumError, ValueError, OSError) as error:
        say(str(error))
        return USAGE_ERROR
    print(f"{many(report.blocks, 'block')}, {many(report.filemarks, 'filemark')}")
    clear = report.blocks - report.encrypted
    print(f"{many(clear, 'clear block')}: checksums checked")
    if report.encrypted:
        encrypted = many(report.encrypted, "encrypted block")
        print(f"{encrypted}: {report.opened} authenticated with the key,")
        other, unchecked = report.other_key, report.unchecked
        print(f"  {other} belong to another key, {unchecked} need a key to be checked")
    for sentence in report.damage:
        print(f"damaged: {sentence}")
    print("damaged" if report.damage else "no damage found")
    return DAMAGED if report.damage else 0


def _read_key(path: Path) -> Secret:
    """A key file as stenc writes it: 64 hexadecimal digits on the first line."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").split()
    except OSError as error:
        raise ValueError(
            f"{path}: the key cannot be read ({error.strerror}): name another file"
        ) from None
    try:
        key = bytes.fromhex(lines[0])
    except (IndexError, ValueError):
        key = b""
    if len(key) != KEY_SIZE:
        raise ValueError(f"{path} does not begin with a key of 64 hexadecimal digits")
    return Secret(key)
