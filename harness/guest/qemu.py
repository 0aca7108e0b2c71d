"""The qemu guest: a stock Debian kernel in a virtual machine, with this machine's files.

Its processor is this machine's where KVM works, else an emulated one, which is much slower.
Its root is / of this machine over 9p, with the caller's rights. Folders that hold programs
are mounted a second time over it, so that the guest may keep what it read; elsewhere files are
those of the moment.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.guest import ways
from harness.guest.boot import GUEST_RUN, write_init
from harness.guest.initramfs import write_initramfs
from harness.guest.kernels import Kernel, find_kernel
from harness.guest.kvm import kvm_works
from harness.guest.minded import MindedGuest, import_path, require_program
from target.plan import RigPlan

PROGRAM = "qemu-system-x86_64"
PACKAGE = "qemu-system-x86"
DEFAULT_MEMORY = 1024
"""MiB. The guest takes from the host what it touches, and keeps it until it stops."""
BOOT_TIMEOUT = 180.0
"""Seconds: an emulated processor on a busy machine takes many times the usual six."""
MODULES_FOR_ROOT = ("virtio_pci", "9pnet_virtio", "9p")
EMULATED = (
    *("-accel", "tcg,thread=multi,tb-size=256"),
    # What newer processors have, wide registers and checks of memory, takes long to emulate.
    *("-cpu", "Nehalem,+aes,+pclmulqdq,+rdrand"),
)
VIRTUAL = ("-accel", "kvm", "-cpu", "max")
CHANNEL_SLOT = "0x8"
CHANNEL_MEMORY = "/sys/bus/pci/devices/0000:00:08.0/resource2"
"""The second base address of the device that shares memory (QEMU docs/specs/ivshmem-spec.txt)."""


class QemuGuest(MindedGuest):
    """A guest that is a virtual machine with ``memory`` MiB and a kernel of version ``kernel``.

    "" is the newest stock one, see `harness.guest.kernels.find_kernel`.
    """

    said_at_every_boot = (
        "db_root: cannot open",
        "Unable to load target_core_",
        "tcmu nl cmd ",
        "sysrq: Power Off",
        "reboot: Power down",
    )
    shared_memory = 4 << 20
    """What a PCI device has is a power of two."""

    def __init__(
        self,
        plan: RigPlan,
        run_directory: Path,
        *,
        kernel: str = "",
        memory: int = DEFAULT_MEMORY,
        keep_open: Sequence[int] = (),
        remove: Path | None = None,
    ) -> None:
        plan = replace(plan, run=GUEST_RUN)
        super().__init__(plan, run_directory, keep_open=keep_open, remove=remove)
        self.version = kernel
        self._kernel: Kernel | None = None
        self.memory = memory

    def start(self, timeout: float = BOOT_TIMEOUT) -> None:
        """See `harness.guest.api.Guest.start`."""
        super().start(timeout)

    def require(self) -> None:
        """See `harness.guest.minded.MindedGuest.require`."""
        require_program(PROGRAM, PACKAGE)
        require_program("modprobe", "kmod")
        self._kernel = find_kernel(self.version)

    def command(self, bell: int, memory: int) -> list[str]:
        """The machine; the agent finds the bell as its second serial line."""
        qemu = require_program(PROGRAM, PACKAGE)
        kernel = self._kernel or find_kernel(self.version)
        agent = self.agent_command("harness.guest.agent", "/dev/ttyS1", CHANNEL_MEMORY)
        names = ways.modules(self.plan.transports, bool(self.plan.libraries))
        init = write_init(self.run_directory, kernel.folder, names, agent)
        archive = self.run_directory / "initramfs"
        write_initramfs(archive, kernel, MODULES_FOR_ROOT, mount_script(init))
        return [
            qemu,
            *(VIRTUAL if kvm_works(qemu, kernel) else EMULATED),
            *("-machine", "pc", "-m", str(self.memory)),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *boot(kernel, archive),
            *("-serial", "stdio"),
            *("-chardev", f"socket,id=bell,fd={bell}", "-serial", "chardev:bell"),
            *shared_memory(memory, self.shared_memory),
            *share("kept"),
            *share("live"),
        ]


def boot(kernel: Kernel, archive: Path) -> list[str]:
    """What to boot, and the kernel's command line."""
    words = [
        "console=ttyS0 quiet printk.time=0",
        # A panic ends the machine, because -no-reboot does.
        "panic=-1",
        # Of no use here, and half of the time of an emulated processor.
        "mitigations=off nokaslr norandmaps init_on_alloc=0 apparmor=0 selinux=0 audit=0",
        "cgroup_disable=memory psi=0 cryptomgr.notests initcall_blacklist=init_kprobe_trace",
    ]
    return ["-kernel", str(kernel.image), "-initrd", str(archive), "-append", " ".join(words)]


def shared_memory(memory: int, size: int) -> list[str]:
    """A PCI device whose memory is that of a descriptor."""
    backend = "memory-backend-file,id=channel,share=on"
    return [
        *("-object", f"{backend},mem-path=/proc/self/fd/{memory},size={size}"),
        *("-device", f"ivshmem-plain,memdev=channel,addr={CHANNEL_SLOT}"),
    ]


def share(tag: str) -> list[str]:
    """This machine's / as a 9p device of that name: with root's rights, or without."""
    model = "passthrough" if os.geteuid() == 0 else "none"
    return [
        *("-fsdev", f"local,id={tag},path=/,security_model={model},multidevs=remap"),
        *("-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"),
    ]


def mount_script(init: Path) -> str:
    """For busybox: mount the root and go on with ``init``, a file in it."""
    options = "trans=virtio,version=9p2000.L,access=user,msize=524288"
    kept = "".join(f"keep {shlex.quote(folder)}\n" for folder in kept_folders())
    return MOUNT_SCRIPT.format(options=options, kept=kept, init=shlex.quote(str(init)))


# Paths of programs begin at the root, so that is kept too, and what is in it is mounted over.
MOUNT_SCRIPT = """\
busybox mount -t 9p -o {options},cache=loose kept /top
busybox mount -t 9p -o {options},cache=mmap live /live
busybox mount --bind /top /kept
for path in /live/*; do
    name=${{path#/live}}
    case $name in /usr | /dev | /proc | /sys) continue ;; esac
    [ -L "$path" ] || [ ! -d "$path" ] || busybox mount --bind "$path" "/top$name"
done
keep() {{ busybox mount --bind "/kept$1" "/top$1"; }}
{kept}busybox mount -t devtmpfs dev /top/dev
# mount looks there for what is mounted already, and would find this machine's.
busybox mount -t proc -o nosuid,nodev,noexec proc /top/proc
exec busybox switch_root -c /dev/console /top {init}
"""


def kept_folders() -> list[str]:
    """Folders that do not change while a guest runs: programs, and what Python imports."""
    folders = []
    for entry in import_path():
        if Path(entry).name in ("site-packages", "dist-packages"):
            folders.append(entry)
        else:
            folders += [f"{entry}/{name}" for name in ("harness", "target", "keymgr")]
    return [
        folder for folder in folders if os.path.isdir(folder) and not folder.startswith("/usr/")
    ]
