"""Runs inside the guest: (c), (d) and (e) in turn with dd, on the guest's own /dev/shm.

Prints the results as JSON. The device nodes come from the environment that `keyreel run` sets.
Memory that the guest has never used is slow to come by (its host has to find it first), so all of
it that is going to be used is touched once beforehand.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.results import Case, Results

SHM = Path("/dev/shm")
FILE_TAPE, NULL_TAPE = os.environ["KEYREEL_FILE_TAPE"], os.environ["KEYREEL_NULL_TAPE"]
FILE_SG = os.environ["KEYREEL_FILE_SG"]
COMMANDS = 5000


def main(sizes: list[int], total: int, passes: int) -> None:
    """Measure everything; ``total`` bytes for each measurement."""
    results = Results()
    source = SHM / "source"
    _touch(4 * total)
    _dd("/dev/urandom", str(source), 1 << 20, total)
    for encrypted in (False, True):
        _encrypt(encrypted)
        for size in sizes:
            count = min(total, size * 8192)
            for _ in range(passes):
                _one_pass(results, str(source), encrypted, size, count)
    results.note("commands a second (TEST UNIT READY through sg)", _commands_a_second())
    results.note("target in the guest, peak memory, MiB", _target_memory())
    print(results.dump())


def _one_pass(results: Results, source: str, encrypted: bool, size: int, total: int) -> None:
    copy = SHM / "copy"
    rate = _dd(source, str(copy), size, total)
    results.add(Case("e", "write", encrypted, size), rate)
    results.add(Case("e", "read", encrypted, size), rate)
    copy.unlink()
    for what, tape in (("d", NULL_TAPE), ("c", FILE_TAPE)):
        _run("mt", "-f", tape, "rewind")
        results.add(Case(what, "write", encrypted, size), _dd(source, tape, size, total))
        _run("mt", "-f", tape, "rewind")
        results.add(Case(what, "read", encrypted, size), _dd(tape, "/dev/null", size, total))


def _encrypt(on: bool) -> None:
    if not on:
        _run("stenc", "-f", FILE_TAPE, "-e", "off", "-a", "1")
        return
    key = SHM / "key"
    key.touch(mode=0o600)
    key.write_text(os.urandom(32).hex())
    _run("stenc", "-f", FILE_TAPE, "-e", "on", "-k", str(key), "-a", "1")
    key.unlink()


def _touch(size: int) -> None:
    path = SHM / "touch"
    _dd("/dev/zero", str(path), 1 << 20, size)
    path.unlink()


def _dd(source: str, target: str, size: int, total: int) -> float:
    """Copy ``total`` bytes in blocks of ``size``; bytes a second as dd measured them."""
    text = _run("dd", f"if={source}", f"of={target}", f"bs={size}", f"count={total // size}")
    found = re.search(r"(\d+) bytes.* copied, ([\d.e-]+) s", text)
    if not found or int(found[1]) != total // size * size:
        raise SystemExit(f"dd from {source} to {target} did not copy everything: {text}")
    return int(found[1]) / float(found[2])


def _commands_a_second() -> float:
    text = _run("sg_turs", "-n", str(COMMANDS), "-t", FILE_SG)
    found = re.search(r"was ([\d.]+) sec", text)
    return COMMANDS / float(found[1]) if found else 0.0


def _target_memory() -> float:
    """Peak resident size of the process that serves the ring."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            nodes = [os.readlink(link) for link in (process / "fd").iterdir()]
            if any(node.startswith("/dev/uio") for node in nodes):
                return (
                    int(re.findall(r"VmHWM:\s+(\d+)", (process / "status").read_text())[0]) / 1024
                )
        except OSError:
            continue
    return 0.0


def _run(*command: str) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    main([int(size) for size in sys.argv[3:]], int(sys.argv[1]), int(sys.argv[2]))
