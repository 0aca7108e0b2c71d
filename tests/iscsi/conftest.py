"""An iSCSI server in this process with one LTO-9 drive and a blank tape, and initiators to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.initiators.iscsi import IscsiInitiator
from target.build import build, shut_down
from target.plan import CartridgePlan, DrivePlan, IscsiPlan, RigPlan
from target.scsi import sense as s
from target.tape.drive import Drive
from target.transports.iscsi.names import target_name
from target.transports.iscsi.server import IscsiServer

TARGET = target_name("rig", "drive0")


class Serving:
    """A server that runs: where, with which drives."""

    def __init__(self, server: IscsiServer, drives: dict[str, Drive]) -> None:
        self.server = server
        self.drives = drives
        self.address = server.address

    @property
    def drive(self) -> Drive:
        return self.drives["drive0"]


def heard(one: IscsiInitiator) -> list[s.Code]:
    """Every unit attention that was pending, which TEST UNIT READY reports and clears."""
    codes: list[s.Code] = []
    while (sense := one.send(bytes(6)).sense) is not None and sense.code.key == 6:
        codes.append(sense.code)
    return codes


Serve = Callable[..., Serving]
Connect = Callable[..., IscsiInitiator]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a server: ``serve(drives=1, timing=0.0, **fields of IscsiPlan)``."""
    with ExitStack() as stack:

        def start(
            drives: int = 1, timing: float = 0.0, medium: str = "file", **iscsi: object
        ) -> Serving:
            cartridges = [f"KRL00{number}L9" for number in range(drives)]
            plan = RigPlan(
                name="rig",
                seed=0,
                drives=tuple(
                    DrivePlan(
                        f"drive{number}", "ibm/ult3580-td9", f"000000000{number}", barcode,
                        timing=timing, medium=medium,
                    )
                    for number, barcode in enumerate(cartridges)
                ),
                cartridges=tuple(
                    CartridgePlan(barcode, str(tmp_path / barcode)) for barcode in cartridges
                ),
                iscsi=IscsiPlan(**{"port": 0, **iscsi}),  # type: ignore[arg-type]  # test's own
            )  # fmt: skip
            made = build(plan)
            stack.callback(shut_down, made)
            for drive in made.values():
                # With timing they are still loading.
                while drive.background.active:
                    drive.background.reset()
            server = IscsiServer(plan, made)
            stack.callback(server.close)
            return Serving(server, made)

        yield start


@pytest.fixture
def serving(serve: Serve) -> Serving:
    """A server with one drive, in which no unit attention is of interest."""
    return serve()


@pytest.fixture
def connect(serving: Serving) -> Iterator[Connect]:
    """Log in to drive0: ``connect(**arguments of IscsiInitiator)``; no attention is pending."""
    with ExitStack() as stack:

        def start(target: str | None = TARGET, **arguments: object) -> IscsiInitiator:
            one = IscsiInitiator(serving.address, target, **arguments)  # type: ignore[arg-type]
            stack.callback(one.close)
            if target is not None:
                heard(one)
            return one

        yield start
