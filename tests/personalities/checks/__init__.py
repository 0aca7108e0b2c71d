"""The checks by theme: importing this enters all of them into the registry."""

from tests.personalities.checks import (
    commands,
    identity,
    modes,
    positioning,
    readiness,
    transfer,
)

__all__ = ["commands", "identity", "modes", "positioning", "readiness", "transfer"]
