"""Kernels for the guest `qemu`: Debian's own, as installed, else fetched by apt into the cache.

A kernel is a folder with `vmlinux`, uncompressed because an emulated processor takes seconds to
unpack it, and `lib/modules/VERSION`. Nothing is installed, so nobody's boot loader hears of it.
"""

from __future__ import annotations

import lzma
import os
import re
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.guest.api import GuestError
from harness.guest.cache import cache_folder, locked_cache
from harness.guest.minded import require_program

STOCK = "6.1"
"""What a rig gets that names none: the kernel of Debian 12."""
PACKAGE = "linux-image-"
BOOT = Path("/boot")
INSTALLED_MODULES = Path("/lib/modules")
NEEDED = ("9p", "target_core_user", "tcm_loop", "st", "sg")
"""Modules without which a kernel is of no use here. Debian's cloud kernels lack the first."""
LEFT_OUT = ("drivers/gpu", "drivers/media", "drivers/net", "drivers/infiniband", "sound")
"""Half of a kernel package, for machines that a virtual one is not."""
FETCH_TIMEOUT = 600.0


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted; ``folder`` has vmlinux and lib/modules/``version``."""

    version: str
    folder: Path

    @property
    def image(self) -> Path:
        """The uncompressed kernel, an ELF file."""
        return self.folder / "vmlinux"

    @property
    def modules(self) -> Path:
        """The folder with modules.dep."""
        return self.folder / "lib" / "modules" / self.version


def find_kernel(wanted: str = "") -> Kernel:
    """The kernel of that version or, of those that begin with it, the newest; "": a stock one.

    One that is here is taken before one that would have to be fetched. Raises GuestError.
    """
    here = installed() | fetched()
    version = _newest(wanted or STOCK, here)
    if not version:
        offered = offers()
        version = _newest(wanted or STOCK, offered)
        if not version and not wanted:
            version = max(here or offered, key=_order, default="")
    if version in installed():
        return _unpacked(version)
    if version:
        return _fetched(version)
    known = ", ".join(sorted(here | offered, key=_order))
    if known:
        raise GuestError(f"there is no kernel {wanted} with what is needed: use one of {known}")
    raise GuestError(
        f"there is no kernel to boot: install {PACKAGE}amd64, or let apt know of one by apt-get"
        " update"
    )


def installed() -> set[str]:
    """Versions that this machine could boot itself, and that have what is needed."""
    images = BOOT.glob("vmlinuz-*")
    versions = {path.name.removeprefix("vmlinuz-") for path in images if os.access(path, os.R_OK)}
    return {version for version in versions if _has_needed(INSTALLED_MODULES / version)}


def fetched() -> set[str]:
    """Versions in the cache."""
    return {path.parent.name for path in (cache_folder() / "kernels").glob("[0-9]*/vmlinux")}


def offers() -> set[str]:
    """Versions that apt knows of."""
    try:
        done = subprocess.run(
            ["apt-cache", "pkgnames", PACKAGE], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return set()
    names = re.findall(rf"^{PACKAGE}(\d+\.\d+\.\d\S*-amd64)$", done.stdout, re.M)
    return {name for name in names if not re.search("-(cloud|rt)-", name)}


def fetch_package(name: str, folder: Path) -> Path:
    """Have apt put the newest package of that name into the folder; the file."""
    try:
        done = subprocess.run(
            ["apt-get", "-q", "download", name],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=FETCH_TIMEOUT,
            check=False,
        )
        said = done.stderr.strip()
    except FileNotFoundError:
        said = "there is no apt-get here"
    except subprocess.TimeoutExpired:
        said = f"it took more than {FETCH_TIMEOUT:g} s"
    for file in folder.glob(f"{name}_*.deb"):
        return file
    raise GuestError(f"the Debian package {name} cannot be fetched: install it, or: {said}")


def uncompressed(image: bytes) -> bytes:
    """The ELF file in a bzImage (Linux Documentation/x86/boot.rst). Raises GuestError."""
    if image[0x202:0x206] != b"HdrS":
        raise GuestError("the kernel is no bzImage")
    start, length = struct.unpack_from("<II", image, 0x248)
    start += (image[0x1F1] + 1) * 512
    return unpacked(image[start : start + length])


def unpacked(data: bytes) -> bytes:
    """What a file of a kernel package holds, by the magic number of its compression."""
    if data.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress(data)
    if data.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(31).decompress(data)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    if data.startswith(b"\x7fELF"):
        return data
    raise GuestError(f"the kernel is compressed in a way that is not known: {data[:4].hex()}")


def _newest(wanted: str, versions: Iterable[str]) -> str:
    """The newest that is, or begins with, what is wanted; empty if none does."""
    exact = [version for version in versions if version == wanted]
    like = [version for version in versions if version.startswith(wanted + ".")]
    return max(exact or like, key=_order, default="")


def _order(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _has_needed(modules: Path) -> bool:
    try:
        names = (modules / "modules.dep").read_text() + (modules / "modules.builtin").read_text()
    except OSError:
        return False
    return all(re.search(rf"/{name}\.ko", names) for name in NEEDED)


def _unpacked(version: str) -> Kernel:
    """An installed kernel, with what is made of it in the cache."""
    image = BOOT / f"vmlinuz-{version}"
    about = image.stat()
    made_from = f"{about.st_size} {about.st_mtime_ns}"
    with locked_cache("kernels") as cache:
        folder = cache / "kernels" / "installed" / version
        stamp = folder / "made-from"
        if not stamp.exists() or stamp.read_text() != made_from:
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "lib").mkdir(parents=True)
            (folder / "lib" / "modules").symlink_to(INSTALLED_MODULES)
            (folder / "vmlinux").write_bytes(uncompressed(image.read_bytes()))
            stamp.write_text(made_from)
    return Kernel(version, folder)


def _fetched(version: str) -> Kernel:
    """A kernel in the cache, fetched if it is not there yet."""
    with locked_cache("kernels") as cache:
        folder = cache / "kernels" / version
        if not folder.exists():
            folder.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as work:
                made = _make(version, Path(work))
                made.rename(folder)
    return Kernel(version, folder)


def _make(version: str, work: Path) -> Path:
    """Fetch a kernel and lay it out as `Kernel` says, in a folder below ``work``."""
    package = fetch_package(PACKAGE + version, work)
    folder = work / "kernel"
    folder.mkdir()
    extract(package, folder, [f"--exclude=*/kernel/{name}" for name in LEFT_OUT])
    package.unlink()
    if (folder / "usr" / "lib" / "modules").exists():
        # Newer packages have them there.
        (folder / "lib").symlink_to("usr/lib")
    depmod = require_program("depmod", "kmod")
    subprocess.run([depmod, "-b", folder, version], capture_output=True, check=False)
    if not _has_needed(folder / "lib" / "modules" / version):
        raise GuestError(f"the kernel {version} lacks one of the modules {', '.join(NEEDED)}")
    image = folder / "boot" / f"vmlinuz-{version}"
    (folder / "vmlinux").write_bytes(uncompressed(image.read_bytes()))
    shutil.rmtree(folder / "boot")
    return folder


def extract(package: Path, folder: Path, options: Iterable[str] = ()) -> None:
    """Unpack a Debian package's files into the folder, tar's options given. Raises GuestError."""
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE
    ) as packed:
        unpack: list[str | Path] = ["tar", "-x", "--no-same-owner", "-C", folder, *options]
        done = subprocess.run(unpack, stdin=packed.stdout, capture_output=True, check=False)
    if packed.returncode or done.returncode:
        raise GuestError(f"{package.name} cannot be unpacked: {done.stderr.decode().strip()}")
