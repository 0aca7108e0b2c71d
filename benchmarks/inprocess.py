"""(a) The bare loop, AES-256-GCM into a kept buffer and a file write, and (b) the drive in process.

Both write and then read the same blocks on the same file system, in one process without a kernel's
tape driver between. Encrypted blocks differ; a clear bare loop only writes and reads the file.
"""

from __future__ import annotations

import mmap
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.results import Case, Results
from target.build import build_drive
from target.medium.crypt import TAG_SIZE
from target.plan import CartridgePlan, DrivePlan, RigPlan
from target.scsi.command import Nexus
from target.shelf import ensure
from target.tape.drive import Drive

_NEXUS = Nexus("benchmark")
_ATTEMPTS = 4
REWIND = bytes((1, 0, 0, 0, 0, 0))
_CLOCK = time.perf_counter


def measure(sizes: tuple[int, ...], total: int, passes: int) -> Results:
    """Bytes a second of both, the best of ``passes``; ``total`` bytes for each measurement."""
    results = Results()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for encrypted in (True, False):
            for size in sizes:
                count = min(total // size, 16384)
                for _ in range(passes):
                    _bare(results, Path(folder), encrypted, size, count)
                    _drive(results, Path(folder), encrypted, size, count)
    results.note(
        "in-process peak memory, MiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    )
    return results


def random_block(size: int) -> memoryview:
    """A page-aligned buffer of random bytes."""
    block = memoryview(mmap.mmap(-1, size))
    block[:] = os.urandom(size)
    return block


def _timed(results: Results, case: Case, bytes_done: int, work: Callable[[], None]) -> None:
    start = _CLOCK()
    work()
    results.add(case, bytes_done / (_CLOCK() - start))


def _bare(results: Results, folder: Path, encrypted: bool, size: int, count: int) -> None:
    cipher = AESGCM(os.urandom(32))
    data = random_block(size)
    sealed = memoryview(mmap.mmap(-1, size + TAG_SIZE))
    stored = len(sealed) if encrypted else size
    nonce = bytearray(12)
    path = folder / "bare"
    file = os.open(path, os.O_RDWR | os.O_CREAT)

    def write() -> None:
        for number in range(count):
            if encrypted:
                nonce[4:] = number.to_bytes(8, "big")
                cipher.encrypt_into(nonce, data, b"", sealed)
                os.pwrite(file, sealed, number * stored)
            else:
                os.pwrite(file, data, number * stored)

    def read() -> None:
        for number in range(count):
            if encrypted:
                os.preadv(file, [sealed], number * stored)
                nonce[4:] = number.to_bytes(8, "big")
                cipher.decrypt_into(nonce, sealed, b"", data)
            else:
                os.preadv(file, [data], number * stored)

    _timed(results, Case("a", "write", encrypted, size), count * size, write)
    _timed(results, Case("a", "read", encrypted, size), count * size, read)
    os.close(file)
    path.unlink()


def _drive(results: Results, folder: Path, encrypted: bool, size: int, count: int) -> None:
    cartridge = CartridgePlan("KRL001L9", str(folder / "cartridge"))
    plan = RigPlan(
        "bench",
        1,
        (DrivePlan("drive0", "ibm/ult3580-td9", "0000000001", "KRL001L9"),),
        (cartridge,),
    )
    ensure(cartridge)
    drive = build_drive(plan, plan.drives[0])
    command(drive, bytes(6))
    if encrypted:
        set_key(drive)
    data = random_block(size)
    length = size.to_bytes(3, "big")
    read_cdb, write_cdb = bytes((0x08, 0)) + length + b"\0", bytes((0x0A, 0)) + length + b"\0"
    _timed(
        results,
        Case("b", "write", encrypted, size),
        count * size,
        lambda: repeat(drive, write_cdb, data, count),
    )
    command(drive, REWIND)
    _timed(
        results,
        Case("b", "read", encrypted, size),
        count * size,
        lambda: repeat(drive, read_cdb, data, count),
    )
    done = drive.eject()
    assert done is not None
    done.close()
    for file in sorted((folder / "cartridge").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    (folder / "cartridge").rmdir()


def set_key(drive: Drive) -> None:
    """A key of this nexus' own, for what it writes and reads."""
    page = bytes.fromhex("0010 0030 40 40 02 02 01 00 00 00000000000000 0020") + os.urandom(32)
    cdb = bytes.fromhex("b5 20 0010 00 00") + len(page).to_bytes(4, "big") + bytes(2)
    command(drive, cdb, memoryview(bytearray(page)))


def repeat(drive: Drive, cdb: bytes, data: memoryview, count: int) -> None:
    """Run a command so often, with the same buffer."""
    execute, buffers = drive.execute, (data,)
    for _ in range(count):
        if execute(_NEXUS, cdb, buffers, buffers).status:
            raise RuntimeError(f"the drive refused {cdb.hex(' ')}")


def command(drive: Drive, cdb: bytes, data: memoryview | None = None) -> None:
    """Run a command, again while it meets the unit attentions of the power-on."""
    buffers = () if data is None else (data,)
    if all(drive.execute(_NEXUS, cdb, buffers).status for _ in range(_ATTEMPTS)):
        raise RuntimeError(f"the drive refused {cdb.hex(' ')}")
