"""Drives whose encryption the hosts do not control, and a key source that gives what it is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Queue

from keymgr.api import DriveIdentity, Grant, Holder, KeyData, KeySource, Refused, Request
from keymgr.secret import Secret
from target.encryption.external import Asker, External
from target.tape.drive import Drive
from tests.encryption.keys import KEY_A, KEY_B, set_keys, set_page, spout
from tests.tape.host import GOOD, MIB, Host, tape

TD4, TD6, TD9 = "ibm/ult3580-td4", "ibm/ult3580-td6", "ibm/ult3580-td9"
HP6, TS1140, TS1160 = "hp/ultrium-6", "ibm/ts1140", "ibm/ts1160"
T10000 = "stk/t10000d"
KEYS = {b"A": KEY_A, b"B": KEY_B}


@contextmanager
def under(
    control: str,
    model: str = TD9,
    objects: str = "",
    *,
    source: KeySource | None = None,
    asker: Asker | None = None,
    capacity: int | None = 64 * MIB,
) -> Iterator[Host]:
    """A host at a drive under that control, ready. ``objects`` are on the tape already: c for a
    clear block, A for one encrypted with KEY_A, B with KEY_B, a space for a filemark."""
    with tape(model, capacity=capacity) as host:
        for kind in objects:
            if kind == " ":
                assert host.filemarks().status == GOOD
                continue
            if kind.encode() in KEYS:
                # 3592 drives have no U-KADs.
                name = "a_kad" if model in (TS1140, TS1160) else "u_kad"
                set_keys(host, KEYS[kind.encode()], **{name: kind.encode()})
            else:
                spout(host, set_page())
            assert host.write(f"block {host.position()}".encode()).status == GOOD
        cartridge = host.drive.eject()
        assert cartridge is not None
        other = host.drive
        known = other.personality
        drive = Drive(known, other.serial, other.commands, control=control)
        if source is not None:
            drive.put_under(control, source, asker)
        drive.insert(cartridge)
        host.unit = drive
        host.hear()
        yield host


class Source(KeySource):
    """Gives the key that the key-associated data of a block name, and KEY_A to write with.

    ``held``: what it gives when a volume is mounted."""

    def __init__(
        self, refusal: Refused | None = None, write: bytes | None = KEY_A, held: str = ""
    ) -> None:
        self.refusal = refusal
        self.write = write
        self.held = held
        self.asked: list[str] = []
        self.requests: list[Request] = []
        self.unmounts: Queue[Request] = Queue()
        self.holder: Holder | None = None

    def attached(self, drive: DriveIdentity, holder: Holder) -> None:
        self.holder = holder

    def mounted(self, request: Request) -> Sequence[Grant]:
        self._hear("mounted", request)
        return [grant(name) for name in self.held]

    def key_for_write(self, request: Request) -> Grant | None:
        self._hear(f"write {request.position[1]}", request)
        return Grant(Secret(self.write), request.room.named(b"A")) if self.write else None

    def key_for_read(self, request: Request) -> Grant:
        assert request.wanted is not None
        self._hear(f"read {request.wanted.name.decode()}", request)
        return Grant(Secret(KEYS[request.wanted.name]), request.wanted)

    def unmounted(self, request: Request) -> None:
        self.unmounts.put(request)

    def _hear(self, event: str, request: Request) -> None:
        if event != "mounted":
            self.asked.append(event)
        self.requests.append(request)
        if self.refusal:
            raise self.refusal


def grant(name: str, key: bytes | None = None) -> Grant:
    """The key A or B, with its name as key-associated data."""
    data = name.encode()
    return Grant(Secret(KEYS[data] if key is None else key), KeyData(data))


def external(host: Host) -> External:
    """What the drive does about keys; all that its source had to do without being asked is done."""
    found = host.drive.external
    assert found is not None
    assert found.settle(60)
    return found
