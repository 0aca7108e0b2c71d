"""Telling the service manager how it goes: systemd's notification protocol, see sd_notify(3)."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def notify(*assignments: str) -> None:
    """Send assignments such as READY=1; nothing where no manager waits for them."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        # The at sign stands for the first byte of an abstract address.
        sender.sendto("\n".join(assignments).encode(), address.replace("@", "\0", 1))
