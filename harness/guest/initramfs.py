"""The first files of a kernel whose disk is none: an archive with modules, busybox, a script.

The archive is a cpio of the "new" format (Linux Documentation/driver-api/early-userspace/
buffer-format.rst): a header of hexadecimal numbers, name, data, each padded to four bytes.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from harness.guest.cache import locked_cache
from harness.guest.kernels import Kernel, extract, fetch_package, unpacked

BUSYBOX = "busybox-static"
"""The Debian package."""


class Initramfs:
    """An archive in the making; `save` ends it."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._count = 0

    def add(
        self, name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)
    ) -> None:
        """A file of that ``st_mode``; a special one with its major and minor number."""
        self._count += 1
        path = name.encode() + b"\0"
        fields = (self._count, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
        self._data += b"070701" + b"".join(b"%08x" % field for field in fields) + path
        self._pad()
        self._data += data
        self._pad()

    def save(self, path: Path) -> None:
        """End the archive and write it."""
        self.add("TRAILER!!!", 0)
        path.write_bytes(self._data)

    def _pad(self) -> None:
        self._data += bytes(-len(self._data) % 4)


def write_initramfs(path: Path, kernel: Kernel, names: Iterable[str], script: str) -> None:
    """An archive whose first process loads those modules and runs that script of busybox' shell."""
    archive = Initramfs()
    for folder in ("bin", "dev", "top", "live", "kept"):
        archive.add(folder, stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("bin/busybox", stat.S_IFREG | 0o755, busybox().read_bytes())
    load = []
    for file in load_order(kernel, names):
        name = Path(file).name.partition(".")[0] + ".ko"
        archive.add(name, stat.S_IFREG | 0o644, unpacked((kernel.modules / file).read_bytes()))
        load.append(f"busybox insmod /{name}\n")
    init = "#!/bin/busybox sh\nPATH=/bin\nset -e\n" + "".join(load) + script
    archive.add("init", stat.S_IFREG | 0o755, init.encode())
    archive.save(path)


def load_order(kernel: Kernel, names: Iterable[str]) -> list[str]:
    """The files of those modules and of all that they need, in an order that works.

    Names of modules that are built into the kernel are left out.
    """
    needs: dict[str, list[str]] = {}
    files: dict[str, str] = {}
    for line in (kernel.modules / "modules.dep").read_text().splitlines():
        file, _, others = line.partition(":")
        needs[file] = others.split()
        files[Path(file).name.partition(".")[0]] = file
    # modules.dep has the needs of a module's needs too, the last first.
    chains = [[*reversed(needs[files[name]]), files[name]] for name in names if name in files]
    return list(dict.fromkeys(file for chain in chains for file in chain))


def busybox() -> Path:
    """A busybox that needs no libraries: the installed one, else fetched by apt into the cache."""
    installed = shutil.which("busybox", path="/usr/bin:/bin")
    if installed and b"/ld-linux" not in Path(installed).read_bytes()[:4096]:
        return Path(installed)
    with locked_cache("busybox") as cache:
        file = cache / "busybox"
        if not file.exists():
            with tempfile.TemporaryDirectory(dir=cache) as work:
                extract(fetch_package(BUSYBOX, Path(work)), Path(work))
                (found,) = Path(work).glob("**/bin/busybox")
                found.rename(file)
    return file
