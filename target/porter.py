"""Who opens the control socket when a rig starts, and calls the server when the first client comes.

Most rigs are started and stopped without anybody asking for anything by that socket, and what the
server imports costs a guest a tenth of a second.
"""

from __future__ import annotations

import _socket
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from target import local_socket

if TYPE_CHECKING:
    import socket

    from target.control import Control


class Porter:
    """``serve`` makes the server for a listening socket. Raises OSError."""

    def __init__(self, path: Path, serve: Callable[[socket.socket], Control]) -> None:
        self._path = path
        self._serve = serve
        self._listener = local_socket.bound(path)
        self._closed = False
        self._control: Control | None = None
        self._waiting = threading.Thread(target=self._wait, name="porter", daemon=True)
        self._waiting.start()

    def close(self) -> None:
        """Let nobody in any more; calls that are being answered may end."""
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(_socket.SHUT_RDWR)
        self._waiting.join()
        if self._control is not None:
            self._control.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._listener.fileno(), select.POLLIN)
        poll.poll()
        if not self._closed:
            import socket

            # A descriptor of its own: each closes what it has.
            self._control = self._serve(socket.socket(fileno=os.dup(self._listener.fileno())))
