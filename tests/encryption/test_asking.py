"""What a drive tells its key source, which keys it holds, and sources that are broken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from keymgr.api import (
    DriveIdentity,
    Grant,
    KeyData,
    KeyRoom,
    KeySource,
    Notice,
    Reason,
    Refused,
    Request,
)
from keymgr.secret import Secret
from target.encryption.external import Asker
from tests.encryption.keys import KEY_A, KEY_B, said
from tests.encryption.outside import (
    HP6,
    T10000,
    TD4,
    TD9,
    TS1160,
    Source,
    external,
    grant,
    under,
)
from tests.tape.host import BLOCKS, END_OF_DATA, GOOD, Host
from tests.tape.volumes import REST, go, partition

WAIT = 60
"""Seconds that a test waits for what takes a moment."""
TIMEOUT, FAILURE, NOT_FOUND = (0x7, 0xEE, 0x0E), (0x7, 0xEE, 0x0F), (0x7, 0xEF, 0x31)


def keys_held(host: Host) -> list[Secret]:
    return [one.key for one in external(host).held._keys]


# --- what is asked -----------------------------------------------------------------------------


def test_a_request_tells_of_the_drive_and_the_volume() -> None:
    source = Source()
    asker = Asker(library="LIB1", partition="finance", method="kmip-reuse")
    with under("library", TD9, "A", source=source, asker=asker) as host:
        assert host.read(7).status == GOOD
        request = source.requests[-1]
        designators = dict(host.drive.designators_by_type())
        assert request.drive == DriveIdentity(
            "IBM", "ULT3580-TD9", "KRL0000001", "N9P1", "LTO-9", designators[3], 1
        )
        assert len(request.drive.wwn) == 8
        volume = request.volume
        assert volume[:1] + volume[2:] == ("KRL001L9", "LTO-9", False, 1)
        chip = host.send(bytes.fromhex("8c 00 000000000000 0401 00000100 00 00"), size=256).data
        assert volume.serial == chip[9:41].decode().strip(), "as the cartridge memory tells"
        assert request.room == KeyRoom(32, 60)
        assert (request.library, request.partition, request.method) == (
            "LIB1", "finance", "kmip-reuse",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "control", "room", "slots"),
    [
        (TD4, "library", KeyRoom(32, 12), 1),
        (HP6, "library", KeyRoom(32, 60), 1),
        (TS1160, "system", KeyRoom(0, 12), 1),
        (T10000, "agent", KeyRoom(30, 0), 32),
    ],
)
def test_models_have_their_own_room(model: str, control: str, room: KeyRoom, slots: int) -> None:
    source = Source()
    with under(control, model, source=source) as host:
        assert host.write(b"one").status == GOOD
        request = source.requests[-1]
        assert (request.room, request.drive.slots) == (room, slots)


def test_a_request_tells_where_and_what_is_on_the_tape() -> None:
    source = Source(Refused(Reason.NOT_FOUND))
    a, b = KeyData(b"A"), KeyData(b"B")
    with under("library", TD9, "AcBBA c", source=source) as host:
        external(host)
        assert source.requests[-1].found == (a, b), "mounted"
        host.write(b"new")
        request = source.requests[-1]
        assert (request.position, request.beginning, request.wanted) == ((0, 0), True, None)
        assert request.found == (a, b), "also what goes"
        host.locate(3)
        host.read(7)
        request = source.requests[-1]
        assert (request.position, request.beginning, request.wanted) == ((0, 3), False, b)
        host.write(b"more")
        assert source.requests[-1].wanted == b, "behind it goes, before it the last is B's"
        host.space(END_OF_DATA)
        host.write(b"more")
        request = source.requests[-1]
        assert (request.position, request.beginning, request.wanted) == ((0, 7), False, a)
        host.locate(1)
        assert said(host.write(b"clear")) == NOT_FOUND
        source.refusal = None
        assert host.write(b"again").status == GOOD
        host.rewind()
        host.write(b"all")
        assert list(source.requests[-1].found) == [a], "runs that were overwritten are not there"


def test_each_partition_of_the_tape_is_asked_for() -> None:
    source = Source()
    with under("library", source=source, capacity=None) as host:
        partition(host, REST, 1)
        host.write(b"one")
        go(host, 1)
        host.write(b"two")
        request = source.requests[-1]
        assert (request.position, request.beginning, request.found) == ((1, 0), True, ())
        assert request.volume.partitions == 2


def test_zeros_that_the_drive_put_there_are_no_key_data() -> None:
    """StorageTek drives record zeros where the source gives nothing."""

    class Nameless(Source):
        def key_for_write(self, request: Request) -> Grant | None:
            return Grant(Secret(KEY_A))

        def key_for_read(self, request: Request) -> Grant:
            self.requests.append(request)
            return Grant(Secret(KEY_A))

    source = Nameless()
    with under("agent", T10000, source=source) as host:
        assert host.write(b"one").status == GOOD
        host.load(load=False)
        host.load()
        host.hear()
        assert host.read(3).data == b"one"
        assert source.requests[-1].wanted == KeyData()


def test_reading_many_blocks_asks_once() -> None:
    source = Source()
    with under("library", TD9, "AAAA", source=source) as host:
        host.set_block_length(7)
        assert host.read_fixed(4).data == b"block 0block 1block 2block 3"
        assert source.asked == ["read A"]


def test_a_storagetek_drive_asks_before_it_passes_over() -> None:
    source = Source()
    with under("agent", T10000, "AAB", source=source) as host:
        assert host.space(BLOCKS, 3).status == GOOD
        assert source.asked == ["read A", "read B"]
        source.refusal = Refused(Reason.NOT_FOUND)
        assert said(host.space(BLOCKS, -2)) == (0x3, 0x26, 0x05)
        assert host.position() == 2, "before the blocks that it cannot read"


# --- keys that are held ------------------------------------------------------------------------


def test_keys_given_at_the_mount_are_used_without_asking() -> None:
    source = Source(held="AB")
    with under("agent", T10000, "AABB", source=source) as host:
        assert len(external(host).held) == 2
        for number in range(4):
            assert host.read(7).data == f"block {number}".encode()
        assert source.asked == []
        assert host.write(b"more").status == GOOD, "with the key of the last block"
        host.rewind()
        assert host.write(b"new").status == GOOD
        assert source.asked == ["write 0"], "which key to write with is the source's decision"


def test_a_held_key_that_does_not_fit_is_no_key() -> None:
    source = Source()
    source.mounted = lambda request: [grant("A", KEY_B)]  # type: ignore[method-assign]
    with under("library", TD9, "A", source=source) as host:
        assert len(external(host).held) == 1
        assert host.read(7).status == GOOD
        assert source.asked == ["read A"]


def test_too_many_keys_are_not_held() -> None:
    told: list[Notice] = []
    source = Source(held="AB")
    with under("library", TD9, "AB", source=source, asker=Asker(tell=told.append)) as host:
        assert len(external(host).held) == 0
        assert [notice.text for notice in told] == ["the key source does not work"]
        assert host.read(7).status == GOOD, "it asks"


def test_a_refused_mount_keeps_no_volume_out() -> None:
    told: list[Notice] = []
    source = Source(Refused(Reason.LOCKED, "it is locked", "unlock it"), held="A")
    with under("library", TD9, "A", source=source, asker=Asker(tell=told.append)) as host:
        external(host)
        assert [notice[1:] for notice in told] == [("it is locked", "unlock it")]
        assert host.ready().status == GOOD
        source.refusal = None
        assert host.read(7).status == GOOD


@pytest.mark.parametrize("way", ["unload", "reset", "power", "handed over"])
def test_held_keys_are_overwritten(way: str) -> None:
    source = Source(held="AB")
    with under("agent", T10000, "AB", source=source) as host:
        held = keys_held(host)
        host.read(7)
        held.append(host.drive.parameters.of(host.nexus).key)
        assert all(any(key.reveal()) for key in held)
        if way == "unload":
            host.load(load=False)
        elif way == "reset":
            host.drive.reset()
        elif way == "power":
            host.drive.power_on()
        else:
            host.drive.put_under("application")
        assert not any(any(key.reveal()) for key in held)
        assert not host.drive.parameters.of(host.nexus).active


def test_a_source_hears_of_the_end() -> None:
    source = Source()
    with under("library", TD9, "A", source=source) as host:
        host.read(7)
        host.drive.eject().close()  # type: ignore[union-attr]
        request = source.unmounts.get(timeout=WAIT)
        assert request.volume.barcode == "KRL001L9"
        assert source.unmounts.empty()


def test_the_keys_come_again_with_the_power() -> None:
    source = Source(held="A")
    with under("library", TD9, "A", source=source) as host:
        external(host)
        host.drive.power_on()
        assert len(external(host).held) == 1


def test_pushed_keys_take_effect_at_the_unload() -> None:
    source = Source()
    with under("agent", T10000, "AB", source=source) as host:
        assert source.holder is not None
        held = external(host).held
        source.holder.hold([grant("A")])
        assert len(held) == 1, "nothing was replaced"
        source.holder.hold([grant("A"), grant("B")])
        assert len(held) == 2, "nor now"
        source.holder.hold([grant("B", KEY_A)])
        assert host.read(7).status == GOOD
        assert source.asked == [], "the old ones are there as long as the volume"
        host.load(load=False)
        assert held.find(KeyData(b"A")) == []
        assert [bytes(one.key.reveal()) for one in held.find(KeyData(b"B"))] == [KEY_A]


def test_a_source_can_take_its_keys_back() -> None:
    source = Source(held="A")
    with under("agent", T10000, "A", source=source) as host:
        external(host)
        host.read(7)
        used = host.drive.parameters.of(host.nexus).key
        source.refusal = Refused(Reason.NOT_FOUND)
        assert source.holder is not None
        source.holder.drop()
        host.rewind()
        assert not any(used.reveal())
        assert said(host.read(7)) == (0x3, 0x26, 0x05)


@pytest.mark.parametrize(
    "keys", [lambda: [grant("A"), grant("B")], lambda: [None], lambda: [grant("A", b"short")]]
)
def test_what_cannot_be_pushed(keys: Callable[[], Any]) -> None:
    source = Source()
    with under("library", source=source):
        assert source.holder is not None
        with pytest.raises(ValueError, match=r"source|holds"):
            source.holder.hold(keys())


def test_a_drive_that_has_another_source_takes_no_keys() -> None:
    source = Source()
    with under("library", source=source) as host:
        old = source.holder
        assert old is not None
        host.drive.put_under("library", Source())
        gift = grant("A")
        old.hold([gift])
        assert len(external(host).held) == 0
        assert not any(gift.key.reveal())


# --- sources that do not work --------------------------------------------------------------------


SECRET = "1b5d21"


class Broken(KeySource):
    """Answers everything with what a function returns or raises."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer

    def mounted(self, request: Request) -> Sequence[Grant]:
        gift: Sequence[Grant] = self.answer()
        return gift

    def key_for_write(self, request: Request) -> Grant | None:
        gift: Grant | None = self.answer()
        return gift

    def key_for_read(self, request: Request) -> Grant:
        gift: Grant = self.answer()
        return gift

    def unmounted(self, request: Request) -> None:
        self.answer()


def fails() -> None:
    raise ZeroDivisionError(f"the key is {SECRET}")


def leaves() -> None:
    raise SystemExit(SECRET)


NONSENSE: dict[str, Callable[[], Any]] = {
    "an exception": fails,
    "an exit": leaves,
    "a number": lambda: 7,
    "bytes": lambda: KEY_A,
    "a pair": lambda: (Secret(KEY_A), KeyData()),
    "clear key": lambda: Grant(KEY_A),  # type: ignore[arg-type]
    "short key": lambda: Grant(Secret(KEY_A[:16])),
    "used key": lambda: Grant(Secret(bytes(32))),
    "text": lambda: Grant(Secret(KEY_A), KeyData("A")),  # type: ignore[arg-type]
    "a bare name": lambda: Grant(Secret(KEY_A), (b"A", b"")),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_a_failure_and_nothing_else(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Notice] = []
    source = Broken(NONSENSE[what])
    with under("library", TD9, "cA", source=source, asker=Asker(tell=told.append)) as host:
        external(host)
        assert len(external(host).held) == 0
        told.clear()
        assert host.read(7).status == GOOD
        assert said(host.read(7)) == FAILURE
        assert host.position() == 1
        host.rewind()
        assert said(host.write(b"new")) == FAILURE
        assert said(host.filemarks()) == FAILURE
        assert host.drive.partition.count == 2
        assert {notice.text for notice in told} == {"the key source does not work"}
        assert len(told) == 3
        assert host.load(load=False).status == GOOD
        external(host)
    assert caplog.records
    assert SECRET not in caplog.text
    assert not any(record.exc_info for record in caplog.records)
    assert KEY_A.hex() not in caplog.text


def test_no_answer_to_a_read_is_a_failure_too() -> None:
    with under("library", TD9, "A", source=Broken(lambda: None)) as host:
        assert said(host.read(7)) == FAILURE


def test_names_that_are_too_long() -> None:
    source = Broken(lambda: Grant(Secret(KEY_A), KeyData(bytes(33))))
    with under("library", source=source) as host:
        assert said(host.write(b"one")) == FAILURE


def test_a_reason_that_there_is_not() -> None:
    refused = Refused("because", "nobody knows", "ask")  # type: ignore[arg-type]
    with under("library", TD9, "A", source=Source(refused)) as host:
        assert said(host.read(7)) == FAILURE


def test_operators_that_cannot_be_told() -> None:
    def deaf(notice: Notice) -> None:
        raise OSError("no space left")

    refused = Source(Refused(Reason.NOT_FOUND))
    with under("library", TD9, "A", source=refused, asker=Asker(tell=deaf)) as host:
        assert said(host.read(7)) == NOT_FOUND


def test_a_refusal_is_told_with_its_cure(caplog: pytest.LogCaptureFixture) -> None:
    """Without a library, in the target's log."""
    caplog.set_level(logging.WARNING)
    refused = Refused(Reason.NOT_FOUND, "the key K1 is not there", "import it")
    with under("library", TD9, "A", source=Source(refused)) as host:
        host.read(7)
    assert "the key K1 is not there: import it" in caplog.text
