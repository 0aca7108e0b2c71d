"""The user-mode-linux guest: a Linux kernel as an ordinary process, with this machine's files.

Boots in one to two seconds, needs no privileges, no KVM and no modules on the host. Its root is
hostfs on /, so commands see the caller's files with the caller's rights; only /proc, /sys and /dev
are its own.
"""

from __future__ import annotations

import importlib.util
import mmap
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.guest import ways
from harness.guest.api import Completed, Device, GuestError, Sink
from harness.guest.channel import MEMORY, Channel, ChannelClosed
from harness.guest.console import Console
from target.plan import RigPlan

KERNEL = "linux.uml"
MODULES = Path("/usr/lib/uml/modules")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_MEMORY = 1024
"""MiB. The guest takes from the host what it touches, and keeps it until it stops."""
STOP_TIMEOUT = 60.0
"""Seconds for the whole of a stop in order: commands, target, power off."""
RESTART_TIMEOUT = 60.0
GUEST_RUN = "/dev/shm/keyreel"
LOG_LINES = 15

SAID_AT_EVERY_BOOT = (
    "SELinux: ",
    "Failed to initialize ubd device",
    "db_root: cannot open",
    "Unable to load target_core_",
    "sysrq: Power Off",
    "reboot: Power down",
)

AGENT = "from harness.guest.agent import main; main()"


class UmlGuest:
    """A `harness.guest.api.Guest` that is a user-mode Linux kernel.

    ``run_directory`` (made, or emptied) holds logs, the kernel's own files and the plan, and stays
    until the next start. ``keep_open`` are descriptors that stay open until the last process of the
    guest has ended: locks. ``remove`` is a folder for the guest's minder to remove at the end,
    even when this process is killed.
    """

    def __init__(
        self,
        plan: RigPlan,
        run_directory: Path,
        *,
        memory: int = DEFAULT_MEMORY,
        keep_open: Sequence[int] = (),
        remove: Path | None = None,
    ) -> None:
        # Its own folder for sockets: those of this machine's files do not work in a guest.
        self.plan = replace(plan, run=GUEST_RUN)
        self.run_directory = run_directory
        self.memory = memory
        self.keep_open = tuple(keep_open)
        self.remove = remove
        self._devices: dict[str, Device] = {}
        self._console: Console | None = None
        self._minder: subprocess.Popen[bytes] | None = None
        self._minder_ended = -1
        self._bell: socket.socket | None = None
        self._lifeline = -1

    @property
    def devices(self) -> Mapping[str, Device]:
        """The drives by name, once started."""
        return self._devices

    @property
    def kernel_log(self) -> Path:
        """What the kernel and the agent say."""
        return self.run_directory / "console.log"

    @property
    def target_log(self) -> Path:
        """What the target process says."""
        return self.run_directory / "target.log"

    @property
    def minder_pid(self) -> int | None:
        """Process id on the host of the guest's ancestor; None when it is not running."""
        return self._minder.pid if self._minder else None

    def start(self, timeout: float = 60.0) -> None:
        """Boot and return when every device is bound; see `harness.guest.api.Guest.start`."""
        kernel = require_program(KERNEL, "user-mode-linux")
        modprobe = require_program("modprobe", "kmod")
        if not any(MODULES.glob("*/modules.dep")):
            raise GuestError(
                f"there are no kernel modules in {MODULES}: install the package user-mode-linux"
            )
        for transport in self.plan.transports:
            for program, package in ways.PROGRAMS.get(transport, {}).items():
                require_program(program, package)
        memory_folder = choose_memory_folder(self.memory)
        shutil.rmtree(self.run_directory, ignore_errors=True)
        self.run_directory.mkdir(parents=True)
        init = self._write_boot_files(modprobe)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        shared = os.memfd_create("keyreel")
        os.ftruncate(shared, MEMORY)
        memory = mmap.mmap(shared, MEMORY)
        lifeline, self._lifeline = os.pipe2(os.O_CLOEXEC)
        command = [
            kernel,
            f"mem={self.memory}M",
            "root=/dev/root",
            "rootfstype=hostfs",
            "rootflags=/",
            "rw",
            f'init="{init}"',
            "con=null",
            "con0=fd:0,fd:1",
            f"con1=fd:{theirs.fileno()}",
            # Appears as /dev/mmapper in the guest.
            f"iomem=mmapper,/proc/self/fd/{shared}",
            # Measures for most of a second which RAID-6 code is fastest; nothing here uses any.
            "initcall_blacklist=raid6_select_algo",
            # No 512 nodes of old-style terminals.
            "pty.legacy_count=0",
            "quiet",
        ]
        minder = [sys.executable, "-I", "-S", str(Path(__file__).with_name("minder.py"))]
        minder += [str(lifeline), str(theirs.fileno()), str(self.remove or "")]
        with self.kernel_log.open("ab") as log, theirs:
            self._minder = subprocess.Popen(
                minder + command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                # The kernel keeps its process id and management socket below HOME.
                env={
                    "PATH": SYSTEM_PATH,
                    "HOME": str(self.run_directory),
                    "TMPDIR": str(memory_folder),
                },
                pass_fds=(lifeline, theirs.fileno(), shared, *self.keep_open),
                start_new_session=True,
            )
        os.close(lifeline)
        os.close(shared)
        self._bell = ours
        channel = Channel(ours.fileno(), memoryview(memory), first=True)
        self._minder_ended = os.pidfd_open(self._minder.pid)
        self._console = Console(channel, self._minder_ended)
        try:
            bound = self._console.wait_until_ready(timeout)
        except ChannelClosed:
            raise self._failure("the guest ended while it booted") from None
        except TimeoutError:
            raise self._failure(f"the guest had not booted after {timeout:g} s") from None
        except GuestError as error:
            raise self._failure(f"the guest could not start: {error}") from None
        except BaseException:
            self.kill()
            raise
        self._devices = {name: Device(name, *nodes) for name, nodes in bound.items()}

    def stream(
        self,
        argv: Sequence[str],
        *,
        stdin: int | bytes,
        stdout: Sink,
        stderr: Sink,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        terminal: bool = False,
    ) -> int:
        """Run a command, output passed on live; see `harness.guest.api.Guest.stream`."""
        if self._console is None:
            raise GuestError("the guest is not running")
        variables = dict(os.environ if env is None else env)
        for device in self._devices.values():
            variables |= device.environment()
        try:
            return self._console.execute(
                argv,
                env=variables,
                cwd=str(cwd or Path.cwd()),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                timeout=timeout,
                terminal=terminal,
            )
        except (ChannelClosed, GuestError) as error:
            reason = f": {error}" if str(error) else ""
            raise self._failure(f"the guest ended while {argv[0]} ran{reason}") from None

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run a command to its end; see `harness.guest.api.Guest.run`."""
        stdout, stderr = bytearray(), bytearray()
        status = self.stream(
            argv,
            stdin=stdin,
            stdout=stdout.extend,
            stderr=stderr.extend,
            env=env,
            cwd=cwd,
            timeout=timeout,
        )
        return Completed(status, bytes(stdout), bytes(stderr))

    def restart_target(self) -> None:
        """A new target process; see `harness.guest.api.Guest.restart_target`."""
        if self._console is None:
            raise GuestError("the guest is not running")
        try:
            self._console.restart_target(RESTART_TIMEOUT)
        except (ChannelClosed, GuestError, TimeoutError) as error:
            raise self._failure(f"the target process could not be restarted: {error}") from None

    def stop(self) -> None:
        """Power off in order; see `harness.guest.api.Guest.stop`."""
        if self._console is None or self._minder is None:
            return
        try:
            status = self._console.stop(STOP_TIMEOUT)
            died = self._console.target_status
            if died is not None:
                raise self._failure(f"the target process had ended by itself, with status {died}")
            if status is None:
                raise self._failure("the target process did not end when it was asked to")
            if status != 0:
                raise self._failure(f"the target process ended with status {status}")
            self._minder.wait(STOP_TIMEOUT)
        except (ChannelClosed, TimeoutError, subprocess.TimeoutExpired) as error:
            raise self._failure(f"the guest did not stop in order: {error!r}") from None
        finally:
            self.kill()

    def kill(self) -> None:
        """End everything at once and clean up."""
        if self._console is not None:
            self._console = None
        if self._bell is not None:
            self._bell.close()
            self._bell = None
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        if self._minder is not None:
            if self._minder.wait() < 0:
                self._end_unminded()
            self._minder = None
            os.close(self._minder_ended)
        self._devices = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop()
        else:
            self.kill()

    def _end_unminded(self) -> None:
        """Kill what a guest leaves when its minder was killed: all whose HOME is its folder."""
        mark = os.fsencode(f"HOME={self.run_directory}")
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)

    def _failure(self, sentence: str) -> GuestError:
        """End the guest; an error that tells what its logs said last."""
        parts = [sentence]
        for title, log in (("target", self.target_log), ("guest", self.kernel_log)):
            lines = last_lines(log, LOG_LINES)
            if lines:
                parts.append(f"last lines of the {title}'s log:")
                parts += ["  " + line for line in lines]
                if self.remove is None:
                    parts.append(f"  (the whole log: {log})")
        self.kill()
        return GuestError("\n".join(parts))

    def _write_boot_files(self, modprobe: str) -> Path:
        """Plan, module folder, mount table and init script in the run directory; the script."""
        folder = self.run_directory.absolute()
        if '"' in str(folder) or "\n" in str(folder):
            raise GuestError(f"the state folder's name {folder} must not have quotes in it")
        (folder / "modules" / "lib").mkdir(parents=True)
        (folder / "modules" / "lib" / "modules").symlink_to(MODULES)
        plan = folder / "plan.json"
        self.plan.save(plan)
        table = folder / "fstab"
        table.write_text(MOUNTS, encoding="utf-8")
        init = folder / "init"
        words: list[str | Path] = [sys.executable, "-S", "-s", "-P", "-c", AGENT]
        words += ["/dev/tty1", "/dev/mmapper"]
        words += [plan, self.target_log, ",".join(self.plan.transports)]
        words += [f"{drive.name}={drive.serial}={drive.hosts}" for drive in self.plan.drives]
        agent = shlex.join(str(word) for word in words)
        load = shlex.join(
            [modprobe, "-d", str(folder / "modules"), "-a", *ways.modules(self.plan.transports)]
        )
        init.write_text(
            "#!/bin/sh\n"
            "set -e\n"
            f"PATH={SYSTEM_PATH}\n"
            f"PYTHONPATH={shlex.quote(os.pathsep.join(import_path()))}\n"
            "export PATH PYTHONPATH\n"
            "mkdir /dev/pts /dev/shm\n"
            f"mount -a -T {shlex.quote(str(table))}\n"
            f"{load}\n"
            # LIO would look for four modules that nobody needs, a process each.
            "echo > /proc/sys/kernel/modprobe\n"
            "mount -t configfs configfs /sys/kernel/config\n"
            f"exec {agent}\n",
            encoding="utf-8",
        )
        init.chmod(0o700)
        return init


# No option that mount would note in /run/mount/utab: that file is the host's.
MOUNTS = """\
proc /proc proc nosuid,nodev,noexec 0 0
sysfs /sys sysfs nosuid,nodev,noexec 0 0
devpts /dev/pts devpts nosuid,noexec,gid=5,mode=620,ptmxmode=666 0 0
tmpfs /dev/shm tmpfs nosuid,nodev,mode=1777 0 0
"""


def require_program(name: str, package: str) -> str:
    """The program's path. Raises GuestError that names the Debian package."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + os.pathsep + SYSTEM_PATH)
    if path is None:
        raise GuestError(f"{name} is not installed: install the Debian package {package}")
    return path


def choose_memory_folder(memory: int) -> Path:
    """Where the guest's memory (MiB) can be: room for it, and executable mappings allowed.

    Raises GuestError that names what was tried.
    """
    tried = [Path("/dev/shm"), Path(os.environ.get("TMPDIR", "/tmp")), Path("/tmp")]
    for folder in tried:
        try:
            about = os.statvfs(folder)
        except OSError:
            continue
        room = about.f_bavail * about.f_frsize
        if room >= memory << 20 and not about.f_flag & os.ST_NOEXEC and os.access(folder, os.W_OK):
            return folder
    raise GuestError(
        f"the guest needs {memory} MiB of room in a folder that is not mounted noexec, and"
        f" {', '.join(dict.fromkeys(map(str, tried)))} have none: set TMPDIR to one that has"
    )


def import_path() -> list[str]:
    """Folders from which the agent and the target import what this process does."""
    packages = []
    for name in ("harness", "target"):
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise GuestError(f"the Python package {name} is not installed")
        packages.append(str(Path(next(iter(spec.submodule_search_locations))).parent.absolute()))
    standard = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    others = [
        entry
        for entry in sys.path
        if os.path.isdir(entry) and entry not in standard and not entry.endswith("lib-dynload")
    ]
    return list(dict.fromkeys(packages + [os.path.abspath(entry) for entry in others]))


def last_lines(log: Path, count: int) -> list[str]:
    """The last telling lines of a log; none when it cannot be read."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # What follows a panic is the kernel's stack, not the cause.
    before_panic, _, _ = text.partition("Kernel panic")
    lines = before_panic.splitlines()
    return [line for line in lines if not line.startswith(SAID_AT_EVERY_BOOT)][-count:]
