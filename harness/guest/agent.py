"""A guest's services: starts the target, waits for its devices, runs commands. As a program, the
first process of a guest with a kernel of its own.

Speaks `harness.guest.frames` over a `harness.guest.channel`. Only the standard
library, and as little of it as possible: an import costs 5 to 10 ms in a user-mode kernel, and all
of them are boot time.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import select
import sys
import termios
import time

from harness.discovery import find_units, hosts_of
from harness.guest import frames, ways
from harness.guest.channel import MEMORY, RECHECK, Channel, ChannelClosed
from harness.guest.command import Command, end_processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from harness.discovery import Nodes
    from harness.guest.passage import Passage

DEVICE_TIMEOUT = 60.0
TIME_FOR_EACH = 1.0
"""Seconds in which the target has to serve, and the kernel then to bind every device; and how many
more for each of its units, drives and changers."""
STOP_TIMEOUT = 30.0
"""Seconds that the target has to flush and end."""
DEAD_TARGET_INTERVAL = 50
"""Milliseconds between two rounds of failing the commands that a dead target left behind."""

TARGET_NAME = "keyreel-target"
"""Of the target process, as ps and pkill have it."""
BACKSTORES = "/sys/kernel/config/target/core/user_0"


class Agent:
    """One guest's services: the channel, the target process, at most one command.

    ``plan`` and ``log`` are paths; ``transports`` are the plan's, ``units`` how many it has.
    """

    def __init__(
        self, channel: Channel, plan: str, log: str, transports: tuple[str, ...], units: int
    ) -> None:
        self.channel = channel
        self.plan = plan
        self.log = log
        self.ways = ways.work(transports)
        self.patience = DEVICE_TIMEOUT + TIME_FOR_EACH * units
        # With tcmu-runner its handler does that, and nobody else may touch the rings.
        self.fails_pending = "tcmu-runner" not in transports
        self.own_devices = ""
        """How the names of the kernel's devices begin that are this rig's."""
        self.writes_late = False
        """Whether files reach the host only when the guest's kernel is asked for that."""
        self.decoder = frames.Decoder()
        self.poll = select.poll()
        self.poll.register(channel.bell, select.POLLIN)
        self.target = 0
        self.target_ended = -1
        self.target_alive = False
        self.command: Command | None = None
        self.passage: Passage | None = None

    def start_target(self) -> None:
        """Start the process that serves the plan's units, and return when it does.

        Raises RuntimeError when it ends, or runs out of patience, before that.
        """
        serves, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become_target(self.plan, self.log, tell)
        os.close(tell)
        self.target = pid
        self.target_ended = os.pidfd_open(pid)
        self.target_alive = True
        try:
            ready = select.poll()
            ready.register(serves, select.POLLIN)
            if not ready.poll(self.patience * 1000):
                raise RuntimeError(f"the target process did not serve after {self.patience:g} s")
            if not os.read(serves, 1):
                status = self.reap_target()
                raise RuntimeError(f"the target process ended with status {status} at start")
        finally:
            os.close(serves)

    def wait_for_devices(self, wanted: dict[str, tuple[str, int]]) -> dict[str, Nodes]:
        """The nodes of each host of each unit (name -> serial, hosts) once all are bound.

        Names are those of the units, with @N behind for further hosts. Raises RuntimeError when
        it runs out of patience before that.
        """
        deadline = time.monotonic() + self.patience
        while True:
            units = find_units()
            found = {name: hosts_of(serial, units) for name, (serial, _) in wanted.items()}
            missing = [name for name, (_, hosts) in wanted.items() if len(found[name]) < hosts]
            if not missing:
                return {
                    f"{name}@{host}" if host else name: nodes
                    for name, (_, hosts) in wanted.items()
                    for host, nodes in enumerate(found[name][:hosts])
                }
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"the kernel bound no device for {', '.join(missing)} in {self.patience:g} s"
                )
            time.sleep(0.005)

    def restart_target(self) -> None:
        """A new target process in place of the one there is, or was."""
        if self.target_alive:
            os.kill(self.target, 9)
            self.poll.unregister(self.target_ended)
            self.reap_target()
        self.start_target()
        self.poll.register(self.target_ended, select.POLLIN)

    def reap_target(self) -> int:
        """Collect the ended target; its exit status, 128 + N for a signal."""
        status = exit_status(os.waitpid(self.target, 0)[1])
        self.target_alive = False
        os.close(self.target_ended)
        return status

    def live(self, units: list[str]) -> None:
        """Start all, run commands, end all; ``units`` as NAME=SERIAL=HOSTS. What goes wrong is
        told to the host."""
        channel = self.channel
        try:
            for way in self.ways:
                way.prepare(self.plan)
            self.start_target()
            for way in self.ways:
                way.connect(self.plan)
            told = [unit.split("=") for unit in units]
            wanted = {name: (serial, int(hosts)) for name, serial, hosts in told}
            nodes = self.wait_for_devices(wanted)
            found = {
                name: (wanted[name.partition("@")[0]][0], node.tape, node.sg, node.changer)
                for name, node in nodes.items()
            }
            channel.send(frames.pack(frames.READY, found))
            self.serve()
            channel.send(frames.pack(frames.STOPPED, self.stop()))
        except ChannelClosed:
            self.stop()
        except BaseException as error:
            channel.send(frames.frame(frames.FAIL, str(error).encode() or repr(error).encode()))
            sys.excepthook(type(error), error, error.__traceback__)
            self.stop()

    def serve(self) -> None:
        """Run commands until the host says stop or goes away."""
        self.poll.register(self.target_ended, select.POLLIN)
        channel = self.channel
        while True:
            limit = RECHECK if self.target_alive else DEAD_TARGET_INTERVAL
            for fd, events in self.poll.poll(limit if channel.may_wait() else 0):
                if fd == channel.bell:
                    channel.take_bell()
                elif fd == self.target_ended and self.target_alive:
                    self.poll.unregister(fd)
                    channel.send(frames.pack(frames.TARGET_DIED, self.reap_target()))
                elif self.passage and fd in self.passage.numbers:
                    self.passage.ready(fd, events)
                elif self.command:
                    self.command.ready(fd, events)
            if channel.readable():
                for kind, payload in self.decoder.feed(channel.receive()):
                    if kind == frames.STOP:
                        return
                    self.handle(kind, payload)
            if not self.target_alive and self.fails_pending:
                self.fail_pending_commands()
            if self.command and self.command.ended:
                self.finish_command(self.command)

    def handle(self, kind: int, payload: bytes) -> None:
        """One frame from the host."""
        command = self.command
        if kind == frames.RESTART:
            self.restart_target()
            self.channel.send(frames.frame(frames.RESTARTED))
        elif kind == frames.RUN:
            try:
                self.command = Command(self.poll, self.channel.send, payload)
            except OSError as error:
                # The two statuses that a shell gives.
                status = 127 if isinstance(error, FileNotFoundError) else 126
                name = os.fsdecode(error.filename)
                text = f"keyreel: {name}: {error.strerror}\n".encode(errors="replace")
                self.channel.send(
                    frames.frame(frames.STDERR, text) + frames.pack(frames.EXIT, status)
                )
        elif kind == frames.OPEN:
            if self.passage is None:
                from harness.guest.passage import Passage

                self.passage = Passage(self.poll, self.channel.send)
            self.passage.open(payload)
        elif kind == frames.TALK:
            if self.passage is not None:
                self.passage.feed(payload)
        elif command is None:
            pass  # Meant for a command that ended meanwhile.
        elif kind == frames.STDIN:
            command.feed(payload)
        elif kind == frames.SIGNAL:
            command.signal(payload[0])
        elif kind == frames.WINDOW:
            command.resize(payload)

    def finish_command(self, command: Command) -> None:
        """Report the end of a command, once its files have reached the host."""
        status = exit_status(command.finish())
        self.command = None
        while _reap_orphan(self.target if self.target_alive else 0):
            pass
        if self.writes_late:
            os.sync()
        self.channel.send(frames.pack(frames.EXIT, status))

    def fail_pending_commands(self) -> None:
        """Answer the SCSI commands that a dead target will never answer.

        Without it whoever waits for such a command could not even be killed. Writing 2 to
        reset_ring completes them with CHECK CONDITION.
        """
        for name in os.listdir(BACKSTORES) if os.path.isdir(BACKSTORES) else []:
            if name.startswith(self.own_devices):
                try:
                    with open(f"{BACKSTORES}/{name}/action/reset_ring", "wb", buffering=0) as file:
                        file.write(b"2")
                except OSError:
                    pass

    def end_commands(self) -> None:
        """End every process but the target: commands, and what they left."""
        end_processes(self.target if self.target_alive else 0)

    def stop(self) -> int | None:
        """End what still runs, then the target; its exit status, None if it had to be killed.

        Commands go first: closing a tape device makes the kernel write filemarks, which the
        target has to answer.
        """
        self.end_commands()
        if not self.target_alive:
            return None
        for way in self.ways:
            way.disconnect(self.plan)
        os.kill(self.target, 15)
        ended = select.poll()
        ended.register(self.target_ended, select.POLLIN)
        if not ended.poll(STOP_TIMEOUT * 1000):
            os.kill(self.target, 9)
            return None
        return self.reap_target()


def exit_status(wait_status: int) -> int:
    """What a shell would report: the exit status, or 128 + N when signal N ended it."""
    status = os.waitstatus_to_exitcode(wait_status)
    return status if status >= 0 else 128 - status


def main() -> None:
    """Be a guest's first process.

    Arguments: console, device of the shared memory, plan, target's log, names of the transports
    with commas between, NAME=SERIAL=HOSTS of each unit.
    """
    console, memory, plan, log, transports, *units = sys.argv[1:]
    bell = os.open(console, os.O_RDWR | os.O_NONBLOCK)
    _make_raw(bell)
    channel = Channel(bell, map_memory(memory), first=False)
    agent = Agent(channel, plan, log, tuple(transports.split(",")), len(units))
    agent.writes_late = " hostfs " in _root_mount()
    try:
        _finish_dev()
        _loopback_up()
        agent.live(units)
    finally:
        os.sync()
        termios.tcdrain(bell)
        _power_off()


def map_memory(path: str) -> memoryview:
    """The memory that the channel is in."""
    return memoryview(mmap.mmap(os.open(path, os.O_RDWR), MEMORY))


def _become_target(plan: str, log: str, tell: int) -> None:
    """In the child: serve the plan's units, say so by a byte to ``tell``, never return."""
    status = 1
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(tell, 3)
        os.closerange(4, 64)
        with open("/proc/self/comm", "w", encoding="ascii") as name:
            name.write(TARGET_NAME)
        import target.serve

        status = target.serve.main([plan], ready=lambda: os.write(3, b"."))
    except SystemExit as request:
        status = request.code if isinstance(request.code, int) else bool(request.code)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _make_raw(fd: int) -> None:
    """Binary safe, eight bits, no echo, a read returns with the first byte (like tty.setraw)."""
    mode = termios.tcgetattr(fd)
    mode[0] = mode[1] = mode[3] = 0
    mode[2] = (mode[2] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
    mode[6][termios.VMIN] = 1
    mode[6][termios.VTIME] = 0
    termios.tcsetattr(fd, termios.TCSANOW, mode)


def _finish_dev() -> None:
    """The links that programs expect in /dev and udev would make."""
    for name, to in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        if not os.path.lexists("/dev/" + name):
            os.symlink("/proc/self/fd" + to, "/dev/" + name)


def _root_mount() -> str:
    with open("/proc/mounts", encoding="utf-8", errors="replace") as file:
        return file.readline()


def _loopback_up() -> None:
    """Bring the guest's own 127.0.0.1 up (SIOCSIFFLAGS with IFF_UP | IFF_RUNNING)."""
    import _socket

    with_flags = b"lo".ljust(16, b"\0") + (0x41).to_bytes(2, sys.byteorder) + bytes(22)
    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    fcntl.ioctl(sock.fileno(), 0x8914, with_flags)
    sock.close()


def _reap_orphan(target: int) -> bool:
    """Collect one ended child that is not the target; whether there was one."""
    try:
        # WNOWAIT first: the target's status is for reap_target.
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    if ended is None or ended.si_pid == target:
        return False
    os.waitpid(ended.si_pid, 0)
    return True


def _power_off() -> None:
    with open("/proc/sysrq-trigger", "wb", buffering=0) as file:
        file.write(b"o")
    while True:
        time.sleep(10)
