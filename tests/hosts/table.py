"""All situations."""

from __future__ import annotations

from tests.hosts.tables import attentions, locks, releases, reservations, scopes

SITUATIONS = (
    *attentions.SITUATIONS,
    *reservations.SITUATIONS,
    *scopes.SITUATIONS,
    *locks.SITUATIONS,
    *releases.SITUATIONS,
)
BY_NAME = {situation.name: situation for situation in SITUATIONS}
