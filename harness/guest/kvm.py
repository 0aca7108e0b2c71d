"""Whether this machine's processor can run a guest by itself (KVM).

The device may be there and not work, as in many virtual machines. So a kernel is booted once, and
what came of it is kept in the cache until the machine boots anew.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from harness.guest.cache import cache_folder, locked_cache
from harness.guest.initramfs import write_initramfs
from harness.guest.kernels import Kernel

DEVICE = Path("/dev/kvm")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
WORKS = b"keyreel: it works"
SCRIPT = f"echo {WORKS.decode()} > /dev/console\nbusybox poweroff -f\n"
TIMEOUT = 10.0
"""Seconds for the probe. One that works takes less than two."""


def hindrance() -> str:
    """Why KVM is not used, as far as it is known without a try; empty if nothing is in its way."""
    if not DEVICE.exists():
        return "a machine whose processor can do that"
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return f"be in the group that may use {DEVICE}"
    known = cache_folder() / "kvm"
    try:
        tried, answer = known.read_text().split()
    except (OSError, ValueError):
        return ""
    fails = tried == BOOT_ID.read_text().strip() and answer == "fails"
    return f"a machine on which it works: here a kernel did not boot, see {known}" if fails else ""


def kvm_works(qemu: str, kernel: Kernel) -> bool:
    """Whether qemu can boot that kernel with KVM; the first time it is tried."""
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return False
    boot = BOOT_ID.read_text().strip()
    with locked_cache("kvm") as cache:
        known = cache / "kvm"
        if known.exists():
            tried, _, answer = known.read_text().strip().partition(" ")
            if tried == boot:
                return answer == "works"
        works = _probe(qemu, kernel)
        known.write_text(f"{boot} {'works' if works else 'fails'}\n")
    return works


def _probe(qemu: str, kernel: Kernel) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "initramfs"
        write_initramfs(archive, kernel, (), SCRIPT)
        command = [
            *(qemu, "-accel", "kvm", "-cpu", "max", "-m", "256", "-machine", "pc"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-kernel", str(kernel.image), "-initrd", str(archive)),
            *("-append", "console=ttyS0 quiet panic=-1", "-serial", "stdio"),
        ]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return WORKS in done.stdout
