"""The medium changers of a served rig, as the status screen shows them beside the drives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rich.table import Table

from target.library.changer import Changer
from target.library.inventory import Kind

Hosts = tuple[str, ...]
"""Names of initiator ports."""


@dataclass(frozen=True)
class SeenChanger:
    """A medium changer at one moment; places as "full of all"."""

    name: str
    library: str
    model: str
    state: str = "busy"
    slots: str = ""
    mail_slots: str = ""
    drives: str = ""
    hosts: Hosts = ()


def look(changer: Changer, hosts: Hosts, before: SeenChanger, patience: float) -> SeenChanger:
    """What can be seen of a changer now; ``before`` is what was."""
    if not changer.turn.acquire(timeout=patience):
        return replace(before, state="busy", hosts=hosts)
    try:
        return replace(
            before,
            state="door open" if changer.library.door_open else "ready",
            slots=_full(changer, Kind.STORAGE),
            mail_slots=_full(changer, Kind.IMPORT_EXPORT),
            drives=_full(changer, Kind.DRIVE),
            hosts=hosts,
        )
    finally:
        changer.turn.release()


def _full(changer: Changer, kind: Kind) -> str:
    places = changer.partition.places(kind)
    return f"{sum(changer.library.inventory.at(at) is not None for at in places)} of {len(places)}"


def changers_table(seen: Mapping[str, SeenChanger], short: Callable[[Hosts], str]) -> Table:
    """A row for each changer; ``short``: how its hosts are shown."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for title in ("changer", "library", "model", "state"):
        table.add_column(title, no_wrap=True)
    for title in ("slots", "mail", "drives"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("hosts", no_wrap=True, overflow="ellipsis", ratio=1)
    for name, one in seen.items():
        table.add_row(
            name, one.library, one.model.rpartition("/")[2], one.state,
            one.slots, one.mail_slots, one.drives, short(one.hosts),
        )  # fmt: skip
    return table
