"""A rig within reach by iSCSI, served in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.rig import Rig
from target.plan import IscsiPlan
from target.serve import Service
from target.shelf import stock
from target.transports.iscsi.server import IscsiServer


@contextmanager
def served(rig: str, folder: Path) -> Iterator[tuple[Service, str]]:
    """The rig of that text, its state in the folder, and iscsi://..., to which :UNIT is added."""
    (folder / "rig.toml").write_text(rig)
    plan = Rig.load(folder / "rig.toml").plan(folder)
    plan = replace(plan, transports=("iscsi",), run="", iscsi=IscsiPlan(port=0))
    stock(plan)
    service = Service(plan)
    (server,) = service.transports
    assert isinstance(server, IscsiServer)
    host, port = server.address
    try:
        yield service, f"iscsi://{host}:{port}/iqn.2026-01.io.keyreel:{plan.name}"
    finally:
        service.close()


@contextmanager
def portal(rig: str, folder: Path) -> Iterator[str]:
    """The same without the rig."""
    with served(rig, folder) as (_, address):
        yield address
