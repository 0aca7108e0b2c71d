"""What guests have in common: an agent inside, a channel to it, and a minder process above it all.

A kind of guest says what it needs, which program to run, and how that reaches the two descriptors
of the channel. See `harness.guest.uml`, `harness.guest.qemu` and `harness.guest.host`.
"""

from __future__ import annotations

import importlib.util
import mmap
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.control import VARIABLE
from harness.guest import ways
from harness.guest.api import Completed, Device, GuestError, Sink, T
from harness.guest.channel import MEMORY, Channel, ChannelClosed
from harness.guest.console import Console
from harness.guest.relay import Relay
from target.plan import RigPlan

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STOP_TIMEOUT = 60.0
"""Seconds for the whole of a stop in order: commands, target, power off."""
RESTART_TIMEOUT = 60.0
LOG_LINES = 15
TIME_FOR_EACH = 1.0
"""Seconds that a start may take longer for each unit."""


class MindedGuest(ABC):
    """A `harness.guest.api.Guest` whose agent is in a process below a minder.

    ``run_directory`` (made, or emptied) holds logs, the kernel's own files and the plan, and stays
    until the next start. ``keep_open`` are descriptors that stay open until the last process of the
    guest has ended: locks. ``remove`` is a folder for the guest's minder to remove at the end,
    even when this process is killed.
    """

    grace = 0.0
    """Seconds that the guest has to end by itself once this process has gone."""
    said_at_every_boot: tuple[str, ...] = ()
    """How lines of the kernel's log begin that tell nothing of a failure."""
    shared_memory = MEMORY
    """Bytes of memory that both sides see; the channel uses the first of them."""

    def __init__(
        self,
        plan: RigPlan,
        run_directory: Path,
        *,
        keep_open: Sequence[int] = (),
        remove: Path | None = None,
    ) -> None:
        self.plan = plan
        self.run_directory = run_directory.absolute()
        self.keep_open = tuple(keep_open)
        self.remove = remove
        self._devices: dict[str, Device] = {}
        self._console: Console | None = None
        self._minder: subprocess.Popen[bytes] | None = None
        self._minder_ended = -1
        self._bell: socket.socket | None = None
        self._lifeline = -1
        self._relay: Relay | None = None

    @abstractmethod
    def require(self) -> None:
        """Raise GuestError, with the cure, when this machine lacks something."""

    @abstractmethod
    def command(self, bell: int, memory: int) -> list[str]:
        """The program to run, the run directory being made and empty but for the plan.

        It inherits the descriptors of the channel's two parts; its input is empty, its output the
        kernel's log.
        """

    def environment(self) -> dict[str, str]:
        """The program's environment. Processes with this HOME are taken to be the guest's."""
        return {"PATH": SYSTEM_PATH, "HOME": str(self.run_directory)}

    @property
    def devices(self) -> Mapping[str, Device]:
        """Drives and changers by name, once started."""
        return self._devices

    @property
    def plan_file(self) -> Path:
        """The plan, as agent and target read it."""
        return self.run_directory / "plan.json"

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
        self.require()
        for transport in self.plan.transports:
            for program, package in ways.PROGRAMS.get(transport, {}).items():
                require_program(program, package)
        shutil.rmtree(self.run_directory, ignore_errors=True)
        self.run_directory.mkdir(parents=True)
        self.plan.save(self.plan_file)
        ways.provide(self.plan.transports, self.run_directory)
        try:
            self._launch()
        except BaseException:
            self.kill()
            raise
        assert self._console is not None
        timeout += TIME_FOR_EACH * len(self.plan.units)
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

    def _launch(self) -> None:
        """Start the program under its minder, with a channel to the agent that will be in it."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        shared = os.memfd_create("keyreel")
        os.ftruncate(shared, self.shared_memory)
        memory = mmap.mmap(shared, MEMORY)
        lifeline, self._lifeline = os.pipe2(os.O_CLOEXEC)
        with self.kernel_log.open("ab") as log, theirs:
            minder = [sys.executable, "-I", "-S", str(Path(__file__).with_name("minder.py"))]
            minder += [str(lifeline), str(theirs.fileno()), str(self.remove or ""), str(self.grace)]
            self._minder = subprocess.Popen(
                minder + self.command(theirs.fileno(), shared),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self.environment(),
                pass_fds=(lifeline, theirs.fileno(), shared, *self.keep_open),
                start_new_session=True,
            )
        os.close(lifeline)
        os.close(shared)
        self._bell = ours
        channel = Channel(ours.fileno(), memoryview(memory), first=True)
        self._minder_ended = os.pidfd_open(self._minder.pid)
        here = self.run_directory / self.plan.control.name
        if here != self.plan.control:
            self._relay = Relay(here, self.plan.control)
        self._console = Console(channel, self._minder_ended, self._relay)

    def agent_command(self, main: str, bell: str, memory: str) -> list[str]:
        """The agent as a program: ``main`` is the module that has it, with its two devices."""
        return [
            *(sys.executable, "-S", "-s", "-P", "-c", f"from {main} import main; main()"),
            *(bell, memory, str(self.plan_file), str(self.target_log)),
            ",".join(self.plan.transports),
            *(f"{unit.name}={unit.serial}={unit.hosts}" for unit in self.plan.units),
        ]

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
        console = self._running()
        variables = dict(os.environ if env is None else env)
        for device in self._devices.values():
            variables |= device.environment()
        variables[VARIABLE] = str(self.plan.control)
        try:
            return console.execute(
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

    def begin(self, argv: Sequence[str]) -> int:
        """Start a program beside the commands; see `harness.guest.api.Programs.begin`."""
        return self._running().begin(argv)

    def tell(self, number: int, data: bytes) -> None:
        """Bytes for such a program; see `harness.guest.api.Programs.tell`."""
        self._running().tell(number, data)

    def hear(self, number: int, timeout: float) -> bytes:
        """What such a program writes; see `harness.guest.api.Programs.hear`."""
        console = self._running()
        try:
            return console.hear(number, timeout)
        except (ChannelClosed, GuestError) as error:
            raise self._ended(error) from None

    def forget(self, number: int) -> None:
        """Let such a program go; see `harness.guest.api.Programs.forget`."""
        if self._console is not None:
            self._console.forget(number)

    def meanwhile(self, work: Callable[[], T]) -> T:
        """Do something that talks to the target; see `harness.guest.api.Guest.meanwhile`."""
        console = self._running()
        # Loaded here because few guests need it.
        from concurrent.futures import Future

        result: Future[T] = Future()
        done = threading.Event()
        read_end, write_end = os.pipe2(os.O_CLOEXEC)

        def run() -> None:
            try:
                result.set_result(work())
            except BaseException as error:
                result.set_exception(error)
            finally:
                done.set()
                os.write(write_end, b"\0")

        thread = threading.Thread(target=run, name="meanwhile", daemon=True)
        thread.start()
        try:
            console.attend(done, read_end)
        except (ChannelClosed, GuestError) as error:
            raise self._ended(error) from None
        finally:
            # Whatever it waits for: without a relay it is hung up on.
            thread.join()
            os.close(read_end)
            os.close(write_end)
        return result.result()

    def restart_target(self) -> None:
        """A new target process; see `harness.guest.api.Guest.restart_target`."""
        console = self._running()
        try:
            console.restart_target(RESTART_TIMEOUT)
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
        if self._relay is not None:
            self._relay.close()
            self._relay = None
        if self._bell is not None:
            self._bell.close()
            self._bell = None
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        if self._minder is not None:
            if self.await_minder() < 0:
                self.end_unminded()
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

    def await_minder(self) -> int:
        """Wait until the minder has ended; its status as `subprocess.Popen` has it."""
        assert self._minder is not None
        return self._minder.wait()

    def end_unminded(self) -> None:
        """Kill what a guest leaves when its minder was killed."""
        for process in self.processes():
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)

    def processes(self) -> list[int]:
        """The guest's processes on this machine: those whose HOME is its folder."""
        mark = os.fsencode(f"HOME={self.run_directory}")
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
        return found

    def _running(self) -> Console:
        if self._console is None:
            raise GuestError("the guest is not running")
        return self._console

    def _ended(self, error: Exception) -> GuestError:
        return self._failure(f"the guest ended: {error}" if str(error) else "the guest ended")

    def _failure(self, sentence: str) -> GuestError:
        """End the guest; an error that tells what its logs said last."""
        parts = [sentence]
        for title, log in (("target", self.target_log), ("guest", self.kernel_log)):
            lines = last_lines(log, LOG_LINES, self.said_at_every_boot)
            if lines:
                parts.append(f"last lines of the {title}'s log:")
                parts += ["  " + line for line in lines]
                if self.remove is None:
                    parts.append(f"  (the whole log: {log})")
        self.kill()
        return GuestError("\n".join(parts))


def require_program(name: str, package: str) -> str:
    """The program's path. Raises GuestError that names the Debian package."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + os.pathsep + SYSTEM_PATH)
    if path is None:
        raise GuestError(f"{name} is not installed: install the Debian package {package}")
    return path


def import_path() -> list[str]:
    """Folders from which the agent and the target import what this process does."""
    packages = []
    for name in ("harness", "target", "keymgr"):
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


def last_lines(log: Path, count: int, untelling: tuple[str, ...]) -> list[str]:
    """The last lines of a log but those that begin so; none when it cannot be read."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # What follows a panic is the kernel's stack, not the cause.
    before_panic, _, _ = text.partition("Kernel panic")
    lines = before_panic.splitlines()
    return [line for line in lines if not line.startswith(untelling)][-count:]
