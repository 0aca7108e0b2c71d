"""One command inside a guest: its pipes or terminal, its signals, its end."""

from __future__ import annotations

import fcntl
import os
import select
import time

from harness.guest import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHUNK = 65536
PIPE_SIZE = 1 << 20
GRACE = 2.0
"""Seconds between asking processes to end and ending them."""
TIOCSWINSZ = 0x5414
IGNORED_BY_PYTHON = (13, 25)
"""SIGPIPE and SIGXFSZ."""


class Command:
    """A running command. `ready` is to be called for its descriptors that ``poll`` reports."""

    def __init__(self, poll: select.poll, send: Callable[[bytes], None], request: bytes) -> None:
        """Start what a RUN frame asks for. Raises OSError, with the file's name, if it cannot."""
        argv, env, cwd, umask, size = frames.unpack(request)
        self.poll = poll
        self.send = send
        self.ended = False
        self.input = bytearray()
        self.input_done = False
        self.outputs: dict[int, int] = {}
        os.chdir(cwd)
        os.umask(umask)
        path = find_program(argv[0], env.get(b"PATH", b"/usr/bin:/bin"))
        if size is None:
            self.tty = False
            self.pid = self._spawn_with_pipes(path, argv, env)
        else:
            self.tty = True
            self.pid = self._spawn_with_terminal(path, argv, env, size)
        self.exited = os.pidfd_open(self.pid)
        poll.register(self.exited, select.POLLIN)
        for fd in self.outputs:
            os.set_blocking(fd, False)
            poll.register(fd, select.POLLIN)
        os.set_blocking(self.stdin, False)

    def _spawn_with_pipes(self, path: bytes, argv: list[bytes], env: dict[bytes, bytes]) -> int:
        pipes = [os.pipe() for _ in range(3)]
        for read_end, _ in pipes:
            fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        (stdin, self.stdin), (stdout, to_stdout), (stderr, to_stderr) = pipes
        self.outputs = {stdout: frames.STDOUT, stderr: frames.STDERR}
        theirs = (stdin, to_stdout, to_stderr)
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(theirs)]
        return self._spawn(path, argv, env, actions, theirs)

    def _spawn_with_terminal(
        self, path: bytes, argv: list[bytes], env: dict[bytes, bytes], size: bytes
    ) -> int:
        self.stdin, terminal = os.openpty()
        self.outputs = {self.stdin: frames.STDOUT}
        name = os.ttyname(terminal)
        self.resize(size)
        # Opened by the leader of a new session, it becomes that session's controlling terminal.
        actions = (
            (os.POSIX_SPAWN_OPEN, 0, name, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, 0, 2),
        )
        return self._spawn(path, argv, env, actions, (terminal,))

    def _spawn(
        self,
        path: bytes,
        argv: list[bytes],
        env: dict[bytes, bytes],
        actions: Sequence[tuple[int, int, int] | tuple[int, int, str, int, int]],
        theirs: tuple[int, ...],
    ) -> int:
        """Start the program in a session of its own, with the signals Python ignores restored."""
        try:
            return os.posix_spawn(
                path, argv, env, file_actions=actions, setsid=True, setsigdef=IGNORED_BY_PYTHON
            )
        except OSError:
            for fd in {self.stdin, *self.outputs}:
                os.close(fd)
            raise
        finally:
            for fd in theirs:
                os.close(fd)

    def ready(self, fd: int, events: int) -> None:
        """Go on with a descriptor that the poll reported."""
        if fd == self.exited:
            self.ended = True
            return
        if fd in self.outputs and events & ~select.POLLOUT:
            self._pass_output(fd)
        if fd == self.stdin and self.input and events & ~select.POLLIN:
            self._pass_input()

    def feed(self, data: bytes) -> None:
        """More input; empty: the end of it."""
        if data:
            self.input += data
        elif not self.tty:
            self.input_done = True
        if self.stdin < 0:
            self.input.clear()
        else:
            self._pass_input()

    def signal(self, number: int) -> None:
        """Send a signal to the command and the processes of its group."""
        try:  # noqa: SIM105 - contextlib is too slow to import here
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def resize(self, size: bytes) -> None:
        """Give the terminal its size: a C struct winsize."""
        fcntl.ioctl(self.stdin, TIOCSWINSZ, size)

    def finish(self) -> int:
        """After the end: pass on the rest of the output, close all; the wait status."""
        self.poll.unregister(self.exited)
        os.close(self.exited)
        _, status = os.waitpid(self.pid, 0)
        for fd in list(self.outputs):
            # What is still unread; a process left in the background may hold the other end open.
            while fd in self.outputs and self._pass_output(fd):
                pass
            if fd in self.outputs:
                self._close(fd)
        if self.stdin >= 0:
            self._close(self.stdin)
        return status

    def _pass_output(self, fd: int) -> bool:
        """Send what the command has written; False when there is nothing now."""
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # EIO: the last process has closed the terminal.
            data = b""
        if data:
            self.send(frames.frame(self.outputs[fd], data))
        else:
            self._close(fd)
        return bool(data)

    def _pass_input(self) -> None:
        """Write as much of the input as fits, give credit for it, close after the last byte."""
        written = 0
        try:
            while self.input:
                with memoryview(self.input) as view:
                    count = os.write(self.stdin, view[:CHUNK])
                del self.input[:count]
                written += count
        except BlockingIOError:
            pass
        except OSError:  # EPIPE: nobody will read it.
            self.input.clear()
            self.input_done = True
        if written:
            self.send(frames.pack(frames.CREDIT, written))
        if self.input:
            self.poll.register(self.stdin, self._interest() | select.POLLOUT)
        elif self.input_done:
            self._close(self.stdin)
        elif self.tty:
            self.poll.register(self.stdin, self._interest())
        else:
            self._forget(self.stdin)

    def _interest(self) -> int:
        return select.POLLIN if self.stdin in self.outputs else 0

    def _forget(self, fd: int) -> None:
        try:  # noqa: SIM105
            self.poll.unregister(fd)
        except KeyError:
            pass

    def _close(self, fd: int) -> None:
        self._forget(fd)
        self.outputs.pop(fd, None)
        if fd == self.stdin:
            self.stdin = -1
        os.close(fd)


def find_program(name: bytes, path: bytes) -> bytes:
    """Where the program is, as execvp would find it. Raises OSError with the name."""
    if b"/" in name:
        return name
    for folder in path.split(b":"):
        candidate = (folder or b".") + b"/" + name
        if os.access(candidate, os.X_OK) and not os.path.isdir(candidate):
            return candidate
    raise FileNotFoundError(2, "command not found", os.fsdecode(name))


def end_processes(keep: int) -> None:
    """End every process but this one and the session of process ``keep`` (0: nothing)."""
    for number in (15, 9):
        deadline = time.monotonic() + GRACE
        while _signal_others(keep, number):
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)


def _signal_others(keep: int, number: int) -> bool:
    """Whether there were any; ended children among them are collected."""
    any_left = False
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        pid = int(name)
        try:
            # Kernel threads have no session: they are in session 0 with the agent.
            session = os.getsid(pid)
            if session == 0 or pid == 1 or (keep and session == keep):
                continue
            os.kill(pid, number)
            any_left = True
            os.waitpid(pid, os.WNOHANG)
        except (ProcessLookupError, ChildProcessError):
            pass
    return any_left
