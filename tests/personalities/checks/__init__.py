"""The checks by theme: importing this enters all of them into the registry."""

from tests.personalities.checks import (
    commands,
    encryption,
    identity,
    keys,
    logs,
    maintenance,
    media,
    memory,
    modes,
    operations,
    positioning,
    readiness,
    reservations,
    senses,
    transfer,
    volume,
)

__all__ = [
    "commands",
    "encryption",
    "identity",
    "keys",
    "logs",
    "maintenance",
    "media",
    "memory",
    "modes",
    "operations",
    "positioning",
    "readiness",
    "reservations",
    "senses",
    "transfer",
    "volume",
]
