"""The checks by theme: importing this enters all of them into the registry."""

from tests.personalities.checks import (
    commands,
    encryption,
    identity,
    logs,
    media,
    memory,
    modes,
    positioning,
    readiness,
    reservations,
    transfer,
    volume,
)

__all__ = [
    "commands",
    "encryption",
    "identity",
    "logs",
    "media",
    "memory",
    "modes",
    "positioning",
    "readiness",
    "reservations",
    "transfer",
    "volume",
]
