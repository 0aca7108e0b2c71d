"""The status of a served rig: what its drives do, seen from outside, and a screen that says it.

Looking takes each unit's turn for a moment. One whose command takes longer shows what was seen
last, and that it is busy.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from target.medium.cartridge import Cartridge
from target.serve import Service
from target.tape.drive import Drive

if TYPE_CHECKING:
    from harness.status_changers import SeenChanger

PATIENCE = 0.01
"""Seconds to wait for a drive's turn."""
MESSAGES = 5
_WIDE = 100
_LEAST_WAYS = 3
_AROUND = 9
"""Lines of the screen that are no drives: titles, the empty ones between, the last."""


@dataclass(frozen=True)
class Seen:
    """A drive at one moment.

    ``hosts``: names of initiator ports; ``commands`` and ``data`` (bytes of hosts) only grow.
    """

    name: str
    model: str
    serial: str
    cartridge: str = ""
    state: str = "busy"
    position: str = ""
    encryption: str = ""
    hosts: tuple[str, ...] = ()
    commands: int = 0
    data: int = 0


@dataclass(frozen=True)
class Rates:
    """What a drive did in a second: commands, and bytes of hosts."""

    commands: float = 0.0
    data: float = 0.0


def look(name: str, drive: Drive, hosts: tuple[str, ...], before: Seen) -> Seen:
    """What can be seen of a drive now; ``before`` is what was."""
    if not drive.turn.acquire(timeout=PATIENCE):
        return replace(before, state="busy", hosts=hosts)
    try:
        if drive.unsettled:
            drive.settle()
        counters, operation = drive.counters, drive.background.operation
        cartridge = drive.cartridge
        state = "ready" if drive.loaded else "empty" if cartridge is None else "not loaded"
        position = f"{drive.partition_number}:{drive.position:,}" if drive.loaded else ""
        return Seen(
            name=name,
            model=drive.personality.name,
            serial=drive.serial,
            cartridge=cartridge.barcode if isinstance(cartridge, Cartridge) else "",
            state=state if operation is None else operation.name,
            position=position,
            encryption=_encryption(drive),
            hosts=hosts,
            commands=drive.commands_run,
            data=counters.host_written + counters.host_read,
        )
    finally:
        drive.turn.release()


def _encryption(drive: Drive) -> str:
    """Whether some host writes encrypted, or only reads so."""
    sets = [drive.parameters.of(nexus) for nexus in drive.nexuses]
    if any(one.encryption for one in sets):
        return "on"
    return "reads" if any(one.decryption for one in sets) else "off"


class Messages(logging.Handler):
    """Keeps the last lines of the log: what happened, without tracebacks."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=MESSAGES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        self.lines.append(f"{at} {record.getMessage().splitlines()[0]}")


@dataclass
class Status:
    """All drives and changers of a served rig; `refresh` looks at them again."""

    service: Service
    title: str
    messages: Messages
    began: float = field(default_factory=time.monotonic)
    seen: dict[str, Seen] = field(default_factory=dict)
    changers: dict[str, SeenChanger] = field(default_factory=dict)
    rates: dict[str, Rates] = field(default_factory=dict)
    _at: float = 0.0

    def refresh(self) -> None:
        """Look at every drive; rates are over the time since the last look."""
        now = time.monotonic()
        plans = {plan.name: plan for plan in self.service.plan.drives}
        for name, drive in self.service.drives.items():
            plan = plans[name]
            before = self.seen.get(name) or Seen(name, plan.model, plan.serial)
            after = self.seen[name] = look(name, drive, self._hosts(name), before)
            if self._at:
                seconds = now - self._at
                self.rates[name] = Rates(
                    max(0, after.commands - before.commands) / seconds,
                    max(0, after.data - before.data) / seconds,
                )
        self._at = now
        if self.service.libraries:
            self._look_at_changers()

    def _look_at_changers(self) -> None:
        # Loaded here because few rigs have any.
        from harness.status_changers import SeenChanger, look

        for library in self.service.libraries.values():
            for name, changer in library.changers.items():
                if name in self.service.units:
                    new = SeenChanger(name, library.name, library.model.name)
                    before = self.changers.get(name, new)
                    self.changers[name] = look(changer, self._hosts(name), before, PATIENCE)

    def _hosts(self, unit: str) -> tuple[str, ...]:
        return tuple(host for way in self.service.transports for host in way.hosts(unit))

    def screen(self, console: Console) -> RenderableType:
        """One screen of it, as high as the console: drives that do not fit are only counted."""
        up = int(time.monotonic() - self.began)
        hours, minutes = divmod(up // 60, 60)
        ways = [line for way in self.service.transports for line in way.ways()]
        parts: list[RenderableType] = [
            Text(f"{self.title}, for {hours}:{minutes:02}:{up % 60:02}", style="bold"),
            Text(),
        ]
        around = _AROUND + (len(self.changers) + 2 if self.changers else 0)
        room = max(2, console.height - around - len(self.messages.lines))
        # Drives first; whoever wants all targets can ask for them.
        shown = min(len(self.seen), room - min(len(ways), _LEAST_WAYS))
        seen = dict([*self.seen.items()][:shown])
        parts.append(drives_table(seen, self.rates, console.width >= _WIDE))
        parts += _lines([], len(self.seen) - shown)
        parts.append(Text())
        if self.changers:
            from harness.status_changers import changers_table

            parts += [changers_table(self.changers, _short), Text()]
        parts += _lines(ways[: room - shown], max(0, len(ways) - room + shown))
        if self.messages.lines:
            parts.append(Text())
            parts += [Text(line, no_wrap=True, overflow="ellipsis") for line in self.messages.lines]
        parts += [Text(), Text("Ctrl-C stops", style="dim")]
        return Group(*parts)


def _lines(lines: Iterable[str], more: int = 0) -> list[Text]:
    """Lines that are cut where the screen ends, and how many there is no room for."""
    told = [*lines, f"and {more} more"] if more else lines
    return [Text(line, no_wrap=True, overflow="ellipsis") for line in told]


def drives_table(seen: Mapping[str, Seen], rates: Mapping[str, Rates], wide: bool) -> Table:
    """A row for each drive; serial numbers and makers only on a wide screen."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for title in ("drive", "model", *(["serial"] if wide else []), "cartridge", "state"):
        table.add_column(title, no_wrap=True)
    for title in ("position", "key", "cmd/s", "MB/s"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("hosts", no_wrap=True, overflow="ellipsis", ratio=1)
    for name, one in seen.items():
        rate = rates.get(name, Rates())
        table.add_row(
            name,
            one.model if wide else one.model.rpartition("/")[2],
            *([one.serial] if wide else []),
            one.cartridge,
            one.state,
            one.position,
            one.encryption,
            f"{rate.commands:,.0f}",
            f"{rate.data / 1e6:,.1f}",
            _short(one.hosts),
        )
    return table


def _short(hosts: tuple[str, ...]) -> str:
    """Names of initiator ports as far as they tell people something: the end of an iSCSI name."""
    names = [host.partition(",i,0x")[0].rpartition(":")[2] for host in hosts]
    return ", ".join(dict.fromkeys(names))
