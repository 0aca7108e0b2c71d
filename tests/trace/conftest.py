"""A rig in this process with a trace of all that its drive is asked; keyreel trace, typed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cli import main
from harness.trace.reader import Command, Event, Trace, read
from target.medium.formats import TYPES, Kind
from target.personality import load
from target.plan import CartridgePlan, DrivePlan, RigPlan
from target.serve import Service
from tests.tape.host import TD9, Host

LTO3 = "ibm/ult3580-td3"


@dataclass(frozen=True)
class Traced:
    """A host at the drive of a rig, and the file of the trace."""

    host: Host
    service: Service
    path: Path

    @property
    def trace(self) -> Trace:
        return read(self.path)

    @property
    def commands(self) -> list[Command]:
        return [one for one in self.trace.records if isinstance(one, Command)]

    def events(self, kind: str) -> list[Event]:
        return [one for one in self.trace.records if isinstance(one, Event) and one.kind == kind]


@contextmanager
def traced(folder: Path, model: str = TD9, *, on: bool = True) -> Iterator[Traced]:
    native = load(model).media["native"]
    fitting = (one for one in TYPES.values() if native in one.capacities)
    barcode = "KRL001" + next(one.suffix for one in fitting if one.kind is Kind.DATA)
    path = folder / "trace.jsonl"
    plan = RigPlan(
        name="traced",
        seed=7,
        drives=(DrivePlan("drive0", model, "KRL0000001", barcode),),
        cartridges=(CartridgePlan(barcode, str(folder / barcode), 64 << 20),),
        transports=(),
        run="",
        trace=str(path) if on else None,
    )
    service = Service(plan)
    try:
        yield Traced(Host(service.drives["drive0"], "host0"), service, path)
    finally:
        service.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Traced]:
    with traced(tmp_path) as one:
        yield one


Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types `keyreel trace ...`; exit status and both outputs."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["keyreel", "trace", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run
