"""Key sources that are slow, and drives whose control changes while they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from keymgr.api import (
    DriveIdentity,
    Grant,
    Holder,
    Notice,
    Reason,
    Refused,
    Request,
)
from keymgr.secret import Secret
from target.clock import ManualClock
from target.encryption.external import Asker
from target.scsi import sense as s
from target.scsi.command import STATUS_TASK_ABORTED
from target.tape.drive import Drive
from target.transports.inprocess import Reply
from tests.encryption.keys import said, spin
from tests.encryption.outside import (
    T10000,
    TD9,
    TS1160,
    Source,
    external,
    grant,
    under,
)
from tests.tape.host import GOOD, Host, new_drive

WAIT = 60
"""Seconds that a test waits for what takes a moment."""
TIMEOUT, FAILURE, NOT_FOUND = (0x7, 0xEE, 0x0E), (0x7, 0xEE, 0x0F), (0x7, 0xEF, 0x31)


class Slow(Source):
    """Answers when it may."""

    def __init__(self, held: str = "") -> None:
        super().__init__(held=held)
        self.began, self.may = Event(), Event()
        self.given: list[Secret] = []
        self.done = Event()

    def key_for_read(self, request: Request) -> Grant:
        return self._late(super().key_for_read(request))

    def key_for_write(self, request: Request) -> Grant | None:
        gift = super().key_for_write(request)
        return self._late(gift) if gift else None

    def mounted(self, request: Request) -> Sequence[Grant]:
        return [self._late(one) for one in super().mounted(request)]

    def _late(self, gift: Grant) -> Grant:
        self.given.append(gift.key)
        self.began.set()
        assert self.may.wait(WAIT)
        return gift


@contextmanager
def meanwhile(run: Callable[[], Reply]) -> Iterator[list[Reply]]:
    """A command in another thread; its reply is there at the end."""
    replies: list[Reply] = []
    thread = Thread(target=lambda: replies.append(run()), daemon=True)
    thread.start()
    yield replies
    thread.join(WAIT)
    assert not thread.is_alive()


def wiped(source: Slow, host: Host) -> bool:
    """Whether an answer that comes too late is overwritten."""
    source.may.set()
    external(host)
    for _ in range(WAIT * 100):
        if not any(any(key.reveal()) for key in source.given):
            return True
        Event().wait(0.01)
    return False


@pytest.mark.parametrize("objects", ["", "A"])
def test_the_drive_gives_up_after_its_time(objects: str) -> None:
    source = Slow()
    told: list[Notice] = []
    with under("library", TD9, objects, source=source, asker=Asker(tell=told.append)) as host:
        host.drive.key_timeout = 0.05
        assert said(host.read(7) if objects else host.write(b"one")) == TIMEOUT
        assert host.position() == 0
        assert told[-1].text == "the key source did not answer within 0.05 s"
        host.drive.key_timeout = WAIT
        assert host.ready().status == GOOD
        assert wiped(source, host)
        assert not host.drive.parameters.of(host.nexus).active
        assert (host.read(7) if objects else host.write(b"one")).status == GOOD, "it works again"


def test_models_have_a_time() -> None:
    assert new_drive(TD9).key_timeout == 120


def test_a_source_that_hangs_does_not_keep_the_next_request_waiting() -> None:
    source = Slow()
    with under("library", TD9, "A", source=source) as host:
        host.drive.key_timeout = 0.05
        assert said(host.read(7)) == TIMEOUT
        host.drive.key_timeout = WAIT
        source.key_for_read = lambda request: grant("A")  # type: ignore[method-assign]
        assert host.read(7).status == GOOD
        source.may.set()


@pytest.mark.parametrize("objects", ["", "A"])
def test_a_command_that_waits_for_a_key_can_be_aborted(objects: str) -> None:
    source = Slow()
    with under("library", TD9, objects, source=source) as host:

        def run() -> Reply:
            return host.read(7) if objects else host.write(b"one")

        with meanwhile(run) as replies:
            assert source.began.wait(WAIT)
            assert external_of(host).asked is not None
            while not host.drive.abort(host.nexus):
                Event().wait(0.01)
        assert replies[0].status == STATUS_TASK_ABORTED
        assert host.position() == 0
        assert wiped(source, host)
        assert external_of(host).asked is None
        assert run().status == GOOD


def external_of(host: Host) -> Any:
    return host.drive.external


def test_a_slow_source_holds_one_drive() -> None:
    source = Slow()
    with (
        under("library", TD9, "A", source=source) as host,
        under("library", TD9, "A", source=Source()) as other,
    ):
        with meanwhile(lambda: host.read(7)) as replies:
            assert source.began.wait(WAIT)
            assert other.read(7).status == GOOD
            assert not replies
            source.may.set()
        assert replies[0].data == b"block 0"


def test_an_operation_that_waits_for_a_key_can_be_aborted() -> None:
    """VERIFY with IMMED: its time is over, and whoever comes then waits with it for the key. Keys
    take real time, whatever clock the drive has."""
    source, clock = Slow(), ManualClock()
    with under("library", TD9, "A", source=Source()) as host:
        cartridge = host.drive.eject()
        old = host.drive
        drive = Drive(old.personality, old.serial, old.commands, clock=clock, factor=1.0)
        drive.put_under("library", source)
        assert cartridge is not None
        drive.insert(cartridge)
        clock.sleep(3600)
        host.unit = drive
        host.hear()
        assert host.verify(7, flags=4).status == GOOD
        clock.sleep(3600)
        with meanwhile(host.ready) as replies:
            assert source.began.wait(WAIT)
            while not drive.abort():
                Event().wait(0.01)
        assert replies[0].status == STATUS_TASK_ABORTED
        assert wiped(source, host)
        assert host.ready().status == GOOD, "the operation is over"
        assert host.position() == 0
        assert host.read(7).data == b"block 0"


def test_loading_does_not_wait_for_keys_and_reading_does() -> None:
    source = Slow(held="A")
    with under("library", TD9, "A", source=source) as host:
        assert host.ready().status == GOOD
        assert source.began.wait(WAIT)
        with meanwhile(lambda: host.read(7)) as replies:
            assert not replies
            source.may.set()
        assert replies[0].data == b"block 0"
        assert source.asked in ([], ["read A"])


def test_keys_for_a_volume_that_is_gone_are_overwritten() -> None:
    source = Slow(held="A")
    with under("library", TD9, "A", source=source) as host:
        assert source.began.wait(WAIT)
        host.load(load=False)
        source.may.set()
        held = external(host).held
        assert len(held) == 0
        assert not any(any(key.reveal()) for key in source.given)


def test_a_source_may_push_while_the_drive_waits_for_it() -> None:
    class Pusher(Source):
        def key_for_read(self, request: Request) -> Grant:
            assert self.holder is not None
            self.holder.hold([grant("A")])
            return super().key_for_read(request)

    with under("agent", T10000, "A", source=Pusher()) as host:
        assert host.read(7).status == GOOD
        assert len(external(host).held) == 1


# --- who controls it, changed while the drive runs -----------------------------------------------


def test_the_old_source_hears_of_the_end() -> None:
    source = Source()
    with under("library", TD9, "A", source=source) as host:
        host.drive.put_under("library", Source())
        assert source.unmounts.get(timeout=WAIT).volume.barcode == "KRL001L9"
        host.load(load=False)
        external(host)
        assert source.unmounts.empty()


def test_control_changes_while_hosts_look_on() -> None:
    with under("application", TD9, "A") as host:
        other = Host(host.drive, "other")
        other.hear()
        assert spin(other, 0x0020)[12] >> 4 == 1
        host.drive.put_under("library", Source())
        assert other.hear() == [s.ENCRYPTION_CHANGED_BY_EVENT]
        assert spin(other, 0x0020)[12] >> 4 == 3
        assert other.read(7).status == GOOD
        other.hear()
        used = host.drive.parameters.of(host.nexus).key
        host.drive.put_under("application")
        assert not any(used.reveal())
        assert other.hear() == [s.ENCRYPTION_CHANGED_BY_EVENT]
        assert spin(other, 0x0020)[4:13] == bytes((0,) * 8 + (1 << 4 | 1 << 3,))
        other.rewind()
        assert said(other.read(7)) == (0x7, 0x74, 0x01)


def test_a_drive_that_a_source_does_not_serve_stays_as_it_was() -> None:
    class Picky(Source):
        def attached(self, drive: DriveIdentity, holder: Holder) -> None:
            raise Refused(Reason.NOT_AUTHORIZED, f"no {drive.native} here", "take another drive")

    source = Source()
    with under("library", TD9, "A", source=source) as host:
        with pytest.raises(Refused, match="no LTO-9 here"):
            host.drive.put_under("library", Picky())
        assert host.drive.key_source is source
        assert host.read(7).status == GOOD


@pytest.mark.parametrize(
    ("model", "control"), [(T10000, "agent"), (TD9, "library"), (TS1160, "system")]
)
def test_an_agent_in_the_drive_asks_by_itself(model: str, control: str) -> None:
    source = Source()
    with under("application", model) as host:
        host.drive.ask_by_itself(source)
        assert host.drive.control == control
        assert host.write(b"one").status == GOOD
        assert host.drive.first_encrypted() == 0
        assert source.requests[-1].library == ""


def test_a_drive_without_encryption_has_no_agent() -> None:
    with pytest.raises(Refused, match="ibm/ult3580-td3 takes no keys from outside"):
        new_drive("ibm/ult3580-td3").ask_by_itself(Source())
