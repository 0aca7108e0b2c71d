"""The host's end of an agent's channel: runs commands over it, whatever kind of guest it is in."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from harness.guest import frames
from harness.guest.api import CommandTimeout, GuestError, Sink
from harness.guest.channel import RECHECK, Channel, ChannelClosed
from harness.guest.relay import Relay

CHUNK = 65536
KILL_GRACE = 10.0
"""Seconds that a killed command has to end; one that waits for a device may not."""

PROGRAMS = 1 << 31
"""Numbers of programs are above it; those of the relay's connections below."""


class Console:
    """One connection to an agent, which runs one command at a time."""

    def __init__(self, channel: Channel, guest_ended: int, relay: Relay | None = None) -> None:
        """``guest_ended`` is a descriptor that is readable once the guest has ended."""
        self._channel = channel
        self._relay = relay
        self._guest_ended = guest_ended
        self._decoder = frames.Decoder()
        self._received: list[tuple[int, bytes]] = []
        self._to_send = bytearray()
        self._last = PROGRAMS
        self._heard: dict[int, list[bytes]] = {}
        """What programs beside the commands have written, by their numbers."""
        self.target_status: int | None = None
        """Exit status of a target process that ended by itself."""

    def wait_until_ready(self, timeout: float) -> dict[str, tuple[str, str, str, str]]:
        """Unit's name -> (serial number, tape, sg and changer node), once the kernel has bound all.

        Raises GuestError (the agent says why it cannot), ChannelClosed, TimeoutError.
        """
        _, payload = self._wait_for(frames.READY, time.monotonic() + timeout)
        found: dict[str, tuple[str, str, str, str]] = frames.unpack(payload)
        return found

    def stop(self, timeout: float) -> int | None:
        """Ask the agent to end all; the target's exit status, None if it had to be killed."""
        self._to_send += frames.frame(frames.STOP)
        _, payload = self._wait_for(frames.STOPPED, time.monotonic() + timeout)
        status: int | None = frames.unpack(payload)
        return status

    def restart_target(self, timeout: float) -> None:
        """Ask for a new target process. Raises GuestError, ChannelClosed, TimeoutError."""
        self._to_send += frames.frame(frames.RESTART)
        self._wait_for(frames.RESTARTED, time.monotonic() + timeout)
        self.target_status = None

    def execute(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str,
        stdin: int | bytes,
        stdout: Sink,
        stderr: Sink,
        timeout: float | None,
        terminal: bool,
    ) -> int:
        """Run one command; see `harness.guest.api.Guest.stream`."""
        size = window_size(stdin) if terminal and isinstance(stdin, int) else None
        request = (
            [os.fsencode(word) for word in argv],
            {os.fsencode(name): os.fsencode(value) for name, value in env.items()},
            os.fsencode(cwd),
            current_umask(),
            size,
        )
        self._to_send += frames.pack(frames.RUN, request)
        source = Source(stdin)
        deadline = None if timeout is None else time.monotonic() + timeout
        timed_out = False
        outputs = {frames.STDOUT: stdout, frames.STDERR: stderr}
        with caught_signals() as signals:
            while True:
                self._turn(signals.wakeup, source, deadline)
                for kind, payload in self._take():
                    if kind in outputs:
                        try:
                            outputs[kind](payload)
                        except BrokenPipeError:
                            # Whoever read it has gone: let the command know as a pipe would.
                            outputs[kind] = _discard
                            self._signal_command(signal.SIGPIPE)
                    elif kind == frames.CREDIT:
                        source.credit += frames.unpack(payload)
                    elif kind == frames.EXIT:
                        if timed_out:
                            raise CommandTimeout(f"{argv[0]} did not end in {timeout:g} s")
                        status: int = frames.unpack(payload)
                        return status
                for number in signals.take():
                    if number != signal.SIGWINCH:
                        self._signal_command(number)
                    elif size is not None and isinstance(stdin, int):
                        self._to_send += frames.frame(frames.WINDOW, window_size(stdin))
                if deadline is not None and time.monotonic() > deadline:
                    if timed_out:
                        raise GuestError(f"{argv[0]} could not be killed in {KILL_GRACE:g} s")
                    timed_out = True
                    deadline = time.monotonic() + KILL_GRACE
                    self._signal_command(signal.SIGKILL)

    def attend(self, done: threading.Event, wakeup: int) -> None:
        """Look after the relay until ``done`` is set; ``wakeup`` is readable then.

        Raises ChannelClosed.
        """
        while not done.is_set():
            self._turn(wakeup, None, None)
            self._take()

    def begin(self, argv: Sequence[str]) -> int:
        """Start a program beside the commands; see `harness.guest.api.Programs.begin`."""
        self._last += 1
        self._heard[self._last] = []
        request = (self._last, [os.fsencode(word) for word in argv])
        self._to_send += frames.pack(frames.OPEN, request)
        return self._last

    def tell(self, number: int, data: bytes) -> None:
        """Bytes for it."""
        for start in range(0, len(data), CHUNK):
            self._to_send += frames.talk(frames.TALK, number, data[start : start + CHUNK])

    def hear(self, number: int, timeout: float) -> bytes:
        """Bytes from it; none: it has ended. Raises TimeoutError, ChannelClosed."""
        deadline = time.monotonic() + timeout
        heard = self._heard.get(number, [b""])
        while not heard:
            if time.monotonic() > deadline:
                raise TimeoutError
            self._turn(None, None, deadline)
            self._take()
        return heard.pop(0) if heard[0] else b""

    def forget(self, number: int) -> None:
        """Hang up on it."""
        if self._heard.pop(number, None) is not None:
            self._to_send += frames.talk(frames.TALK, number, b"")

    def _signal_command(self, number: int) -> None:
        self._to_send += frames.frame(frames.SIGNAL, bytes((number,)))

    def _wait_for(self, kind: int, deadline: float) -> tuple[int, bytes]:
        """The next frame of that kind."""
        while True:
            for received in self._take():
                if received[0] == kind:
                    return received
            if time.monotonic() > deadline:
                raise TimeoutError
            self._turn(None, None, deadline)

    def _take(self) -> list[tuple[int, bytes]]:
        """The frames received since the last time, those handled here excepted."""
        received, self._received = self._received, []
        for kind, payload in received:
            if kind == frames.TARGET_DIED:
                self.target_status = frames.unpack(payload)
            elif kind == frames.FAIL:
                raise GuestError(payload.decode(errors="replace"))
            elif kind == frames.TOLD:
                self._told(payload)
        return received

    def _told(self, payload: bytes) -> None:
        number, data = frames.split_talk(payload)
        if number in self._heard:
            self._heard[number].append(data)
        elif self._relay is not None:
            self._relay.told(payload)

    def _turn(self, wakeup: int | None, source: Source | None, deadline: float | None) -> None:
        """Wait once for something to do and do it; returns at the deadline at the latest."""
        channel = self._channel
        if source is not None:
            self._to_send += source.buffered()
        if self._to_send:
            with memoryview(self._to_send) as view:
                count = channel.send_some(view)
            del self._to_send[:count]
        poll = select.poll()
        poll.register(channel.bell, select.POLLIN)
        poll.register(self._guest_ended, select.POLLIN)
        if wakeup is not None:
            poll.register(wakeup, select.POLLIN)
        if source is not None and source.fd is not None and source.credit > 0:
            poll.register(source.fd, select.POLLIN)
        if self._relay is not None:
            self._relay.register(poll, len(self._to_send))
        wait = RECHECK
        if deadline is not None:
            wait = min(wait, int(max(0.0, deadline - time.monotonic()) * 1000) + 1)
        if not channel.may_wait() or (self._to_send and not channel.may_wait(for_room=True)):
            wait = 0
        for fd, events in poll.poll(wait):
            if fd == channel.bell:
                channel.take_bell()
            elif source is not None and fd == source.fd:
                self._to_send += source.read()
            elif fd == wakeup:
                os.read(fd, CHUNK)
            elif fd == self._guest_ended:
                raise ChannelClosed
            elif self._relay is not None:
                self._to_send += self._relay.ready(fd, events)
        if channel.readable():
            try:
                self._received += self._decoder.feed(channel.receive())
            except frames.FrameError as error:
                raise GuestError(f"the guest sent what is no frame: {error}") from None


class Source:
    """A command's input, handed out as frames no faster than the agent gives credit for."""

    def __init__(self, stdin: int | bytes) -> None:
        self.fd = stdin if isinstance(stdin, int) else None
        self.credit = frames.STDIN_WINDOW
        self._data: memoryview | None = memoryview(stdin) if isinstance(stdin, bytes) else None

    def buffered(self) -> bytes:
        """What may be sent now of an input that is in memory; after the last byte its end."""
        if self._data is None:
            return b""
        parts = []
        while self._data and self.credit > 0:
            count = min(self.credit, CHUNK, len(self._data))
            parts.append(frames.frame(frames.STDIN, self._data[:count]))
            self._data = self._data[count:]
            self.credit -= count
        if not self._data:
            self._data = None
            parts.append(frames.frame(frames.STDIN))
        return b"".join(parts)

    def read(self) -> bytes:
        """What a readable descriptor gives now; its end is not waited for again."""
        if self.fd is None:
            return b""
        try:
            data = os.read(self.fd, min(self.credit, CHUNK))
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno not in (errno.EIO, errno.EBADF, errno.EISDIR):
                raise
            data = b""
        if not data:
            self.fd = None
        self.credit -= len(data)
        return frames.frame(frames.STDIN, data)


class Signals:
    """Signals that have arrived and are to be passed on to a command."""

    def __init__(self, wakeup: int) -> None:
        self.wakeup = wakeup
        self._arrived: list[int] = []
        self._asked_to_end = 0

    def take(self) -> list[int]:
        """Those that have arrived since the last time."""
        arrived, self._arrived = self._arrived, []
        return arrived

    def handle(self, number: int, _: FrameType | None) -> None:
        """Keep one for the command; a second request to end is for us."""
        if number in (signal.SIGINT, signal.SIGTERM):
            self._asked_to_end += 1
            if self._asked_to_end > 1:
                raise KeyboardInterrupt
        self._arrived.append(number)


@contextmanager
def caught_signals() -> Iterator[Signals]:
    """Collect SIGINT, SIGTERM and SIGWINCH, in the main thread; elsewhere none arrives."""
    read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signals = Signals(read_end)
    before = {}
    try:
        previous = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    except ValueError:
        previous = None
    try:
        if previous is not None:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGWINCH):
                before[number] = signal.signal(number, signals.handle)
        yield signals
    finally:
        for caught, handler in before.items():
            signal.signal(caught, handler)
        if previous is not None:
            signal.set_wakeup_fd(previous)
        os.close(read_end)
        os.close(write_end)


def _discard(_: bytes) -> None:
    pass


def window_size(fd: int) -> bytes:
    """The size of the terminal as a C struct winsize; 24 lines of 80 when it is none."""
    try:
        return fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return b"".join(value.to_bytes(2, "little") for value in (24, 80, 0, 0))


def current_umask() -> int:
    """The umask of this process; reading it means setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
