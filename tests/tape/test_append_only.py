"""Append-only mode, by mode page 10h subpage 01h, and ALLOW OVERWRITE."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.scsi import sense as s
from target.scsi.sense import Code, Sense
from target.tape.tape_alert import Flag
from target.transports.inprocess import Reply
from tests.tape.host import EOD, GOOD, TD9, Host, sense_of, tape
from tests.tape.volumes import (
    FORMAT,
    HERE,
    OFF,
    REST,
    allow_overwrite,
    append_only,
    format_medium,
    go,
    made,
    page,
    partition,
    request,
    select,
    set_capacity,
    where,
)

Objects = list[bytes | None]

BLOCKS: Objects = [b"one", b"two", None, b"three"]

WRITES: dict[str, Callable[[Host], Reply]] = {
    "WRITE": lambda host: host.write(b"other"),
    "WRITE FILEMARKS": lambda host: host.filemarks(),
    "ERASE": lambda host: host.erase(),
    "ERASE, long": lambda host: host.erase(long=True),
}
WRITTEN: dict[str, Objects] = {"WRITE": [b"other"], "WRITE FILEMARKS": [None]}
WHOLE: dict[str, Callable[[Host], Reply]] = {
    "FORMAT MEDIUM": format_medium,
    "SET CAPACITY": lambda host: set_capacity(host, 0xFFFF),
}
"""Commands that change the volume as a whole."""


def objects(host: Host) -> Objects:
    """What is on the partition at the heads; the position is the end of data after it."""
    host.rewind()
    found: Objects = []
    while True:
        reply = host.read(64, sili=True)
        if reply.sense is None:
            found.append(reply.data)
        elif reply.sense.filemark:
            found.append(None)
        else:
            assert reply.sense.code == s.END_OF_DATA
            return found


@pytest.fixture
def host() -> Iterator[Host]:
    """A tape with BLOCKS on it, in append-only mode, at its beginning."""
    with tape(TD9, capacity=None) as one:
        one.write_tape(BLOCKS)
        assert append_only(one).status == GOOD
        yield one


# --- the mode ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("number", range(4))
@pytest.mark.req("SSC-WRITE-11", "SSC-SENSE-7-50-01", "SSC-ERASE-05", "SSC-MODE-10-01")
def test_nothing_is_written_before_the_end(host: Host, name: str, number: int) -> None:
    go(host, 0, number)
    assert sense_of(WRITES[name](host)) == Sense(s.OPERATOR_WRITE_PROTECT)
    assert where(host) == (0, number)
    assert Flag.WORM_OVERWRITE not in host.drive.alerts.active
    assert objects(host) == BLOCKS


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.req("SSC-WRITE-11", "SSC-MODE-10-01")
def test_at_the_end_everything_may(host: Host, name: str) -> None:
    go(host, 0, 0, EOD)
    assert WRITES[name](host).status == GOOD
    assert objects(host) == BLOCKS + WRITTEN.get(name, [])
    assert host.write(b"more").status == GOOD


@pytest.mark.req("SSC-WRITE-11")
def test_each_partition_has_its_own_end() -> None:
    with tape(TD9, capacity=None) as host:
        partition(host, REST, 200)
        host.write(b"data")
        host.rewind()
        append_only(host)
        assert sense_of(host.write(b"other")).code == s.OPERATOR_WRITE_PROTECT
        go(host, 1)
        assert host.write(b"first").status == GOOD
        host.rewind()
        assert sense_of(host.write(b"other")).code == s.OPERATOR_WRITE_PROTECT


@pytest.mark.req("SSC-WFM-03")
def test_filemarks_of_count_zero_write_nothing(host: Host) -> None:
    assert host.filemarks(0).status == GOOD


@pytest.mark.req("SSC-MODE-10-01-APPEND")
def test_the_mode_is_not_left_while_the_volume_is_loaded(host: Host) -> None:
    wrong = Sense(s.INVALID_PARAMETER, pointer=(8 + 5, 7), in_cdb=False)
    assert sense_of(append_only(host, on=False)) == wrong
    assert append_only(host).status == GOOD
    assert sense_of(host.write(b"other")).code == s.OPERATOR_WRITE_PROTECT


@pytest.mark.req("SSC-MODE-10-01-APPEND")
def test_the_mode_is_entered_at_the_beginning() -> None:
    with tape(TD9, capacity=None) as host:
        partition(host, REST, 200)
        for number in (0, 1):
            go(host, number)
            host.write(b"data")
            assert sense_of(append_only(host)) == Sense(s.NOT_AT_BEGINNING)
            assert page(host, 0x10, 0x01)[5] >> 4 == 0
        data = bytearray(page(host, 0x10, 0x01))
        data[7] = 100
        assert select(host, bytes(data)).status == GOOD, "the rest of the page changes anywhere"


@pytest.mark.parametrize("how", ["unload", "reset"])
@pytest.mark.req("SSC-MODE-10-01-APPEND")
def test_the_mode_ends(host: Host, how: str) -> None:
    if how == "unload":
        host.load(load=False)
        assert page(host, 0x10, 0x01)[5] >> 4 == 0
        host.load()
    else:
        host.drive.reset()
    host.hear()
    assert page(host, 0x10, 0x01)[5] >> 4 == 0
    assert host.write(b"other").status == GOOD
    assert objects(host) == [b"other"]


@pytest.mark.req("SSC-MODE-10-01-APPEND")
def test_the_mode_can_be_set_before_a_volume_is_loaded(host: Host) -> None:
    """LTFS enters and leaves it so."""
    host.load(load=False)
    assert append_only(host).status == GOOD
    assert append_only(host, on=False).status == GOOD
    assert append_only(host).status == GOOD
    host.load()
    host.hear()
    assert sense_of(host.write(b"other")).code == s.OPERATOR_WRITE_PROTECT


def test_a_saved_mode_is_there_with_every_volume(host: Host) -> None:
    host.load(load=False)
    data = bytes(8) + page(host, 0x10, 0x01)[:5] + b"\x12" + page(host, 0x10, 0x01)[6:]
    cdb = bytes((0x55, 0x11)) + bytes(5) + len(data).to_bytes(2, "big") + b"\0"
    assert host.send(cdb, out=data).status == GOOD
    for _ in range(2):
        host.load()
        host.hear()
        assert sense_of(host.write(b"other")).code == s.OPERATOR_WRITE_PROTECT
        host.load(load=False)


# --- ALLOW OVERWRITE -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("number", range(4))
@pytest.mark.req("SSC-OVERWRITE-01", "SSC-CMD-82")
def test_one_write_is_allowed(host: Host, name: str, number: int) -> None:
    go(host, 0, number)
    assert allow_overwrite(host, HERE, 0, number).status == GOOD
    assert WRITES[name](host).status == GOOD
    assert objects(host) == BLOCKS[:number] + WRITTEN.get(name, [])


@pytest.mark.req("SSC-OVERWRITE-03")
def test_the_next_write_alone_is(host: Host) -> None:
    go(host, 0, 1)
    allow_overwrite(host, HERE, 0, 1)
    assert host.write(b"other").status == GOOD
    assert host.write(b"more").status == GOOD, "at the end of data by now"
    go(host, 0, 1)
    assert sense_of(host.write(b"again")).code == s.OPERATOR_WRITE_PROTECT


@pytest.mark.req("SSC-OVERWRITE-03")
def test_a_write_elsewhere_uses_it_up(host: Host) -> None:
    """At the end of data, where it needs no allowance, as where it is refused."""
    for number, status in ((4, GOOD), (2, 2)):
        go(host, 0, 1)
        assert allow_overwrite(host, HERE, 0, 1).status == GOOD
        go(host, 0, number)
        assert host.write(b"other").status == status
        go(host, 0, 1)
        assert sense_of(host.write(b"other")).code == s.OPERATOR_WRITE_PROTECT


@pytest.mark.req("SSC-OVERWRITE-03")
def test_what_does_not_move_leaves_it(host: Host) -> None:
    go(host, 0, 1)
    allow_overwrite(host, HERE, 0, 1)
    go(host, 0, 1)
    assert host.space(0, 0).status == GOOD
    assert host.filemarks(0).status == GOOD
    assert host.write(b"other").status == GOOD


@pytest.mark.parametrize("back", ["space", "rewind", "reverse"])
@pytest.mark.req("SSC-OVERWRITE-03")
def test_any_change_of_position_takes_it_back(back: str) -> None:
    with tape("ibm/ts1150") as host:
        host.write_tape(BLOCKS)
        append_only(host)
        number = 0 if back == "rewind" else 1
        go(host, 0, number)
        allow_overwrite(host, HERE, 0, number)
        host.read(64, sili=True)
        if back == "space":
            host.space(0, -1)
        elif back == "rewind":
            host.rewind()
        else:
            assert host.send(bytes((0x0F, 2, 0, 0, 64, 0)), size=64).status == GOOD
        assert host.position() == number
        assert sense_of(host.write(b"other")).code == s.OPERATOR_WRITE_PROTECT


POINTS: list[tuple[Objects, int, bool]] = [
    ([None, None], 0, True),
    ([None, None], 1, True),
    ([b"one", None, None], 1, False),
    ([b"one", None, None], 2, True),
    ([b"one", None, b"two", None], 1, False),
    ([None, b"one"], 0, False),
]


@pytest.mark.parametrize(("recorded", "number", "point"), POINTS)
@pytest.mark.req("SSC-WRITE-11")
def test_filemarks_before_the_end_of_data(recorded: Objects, number: int, point: bool) -> None:
    """Nothing but filemarks ahead: at the beginning and behind a filemark one may write."""
    with tape() as host:
        host.write_tape(recorded)
        append_only(host)
        go(host, 0, number)
        assert (host.write(b"other").status == GOOD) == point
        assert objects(host) == [*recorded[:number], b"other"] if point else recorded


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("hp/ultrium-6", s.APPEND_POSITION),
        ("quantum/ultrium-6", s.APPEND_POSITION),
        ("ibm/ult3580-td5", s.OPERATOR_WRITE_PROTECT),
        ("ibm/ts1140", s.OPERATOR_WRITE_PROTECT),
    ],
)
@pytest.mark.req("SSC-WRITE-11", "SSC-SENSE-7-50-01", "SSC-TA-09")
def test_each_maker_has_its_code(model: str, code: Code) -> None:
    with tape(model) as host:
        host.write_tape(BLOCKS)
        append_only(host)
        assert sense_of(host.write(b"other")).code == code
        assert host.drive.alerts.unread(host.nexus) == {Flag.WRITE_PROTECT}
        assert objects(host) == BLOCKS


@pytest.mark.parametrize(
    ("where_to", "number"), [(0, 0), (0, 2), (1, 1), (255, 1), (0, 1 << 40), (0, (1 << 64) - 1)]
)
@pytest.mark.req("SSC-OVERWRITE-02", "SSC-SENSE-5-3B-00")
def test_the_place_must_be_the_position(host: Host, where_to: int, number: int) -> None:
    go(host, 0, 1)
    allow_overwrite(host, HERE, 0, 1)
    assert sense_of(allow_overwrite(host, HERE, where_to, number)) == Sense(s.POSITIONING_ERROR)
    assert where(host) == (0, 1)
    assert sense_of(host.write(b"other")).code == s.OPERATOR_WRITE_PROTECT, (
        "nothing is allowed any more"
    )


@pytest.mark.req("SSC-OVERWRITE-01")
def test_off_takes_it_back(host: Host) -> None:
    go(host, 0, 1)
    allow_overwrite(host, HERE, 0, 1)
    assert allow_overwrite(host, OFF).status == GOOD
    assert sense_of(host.write(b"other")).code == s.OPERATOR_WRITE_PROTECT


@pytest.mark.parametrize("what", range(3, 16))
@pytest.mark.req("SSC-OVERWRITE-01")
def test_other_values(host: Host, what: int) -> None:
    wrong = Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 3))
    assert sense_of(allow_overwrite(host, what)) == wrong


@pytest.mark.parametrize("what", [OFF, HERE, FORMAT, 9])
@pytest.mark.req("SSC-OVERWRITE-04", "SSC-SENSE-5-20-0C")
def test_outside_append_only_mode(what: int) -> None:
    with tape(TD9) as host:
        assert sense_of(allow_overwrite(host, what)) == Sense(s.NOT_APPEND_ONLY)


@pytest.mark.req("SSC-OVERWRITE-04")
def test_worm_stays_worm() -> None:
    with tape(TD9, barcode="KRL001LZ") as host:
        host.write_tape([b"for ever"])
        assert sense_of(allow_overwrite(host, HERE)) == Sense(s.NOT_APPEND_ONLY)
        append_only(host)
        assert allow_overwrite(host, OFF).status == GOOD
        for what in (HERE, FORMAT):
            assert sense_of(allow_overwrite(host, what)) == Sense(s.WORM_OVERWRITE)
        assert sense_of(host.write(b"other")).code == s.WORM_OVERWRITE
        assert objects(host) == [b"for ever"]


def test_without_a_volume() -> None:
    with tape(TD9) as host:
        host.load(load=False)
        assert sense_of(allow_overwrite(host, OFF)) == Sense(s.NO_MEDIUM)


@pytest.mark.parametrize("how", ["unload", "reset"])
def test_an_allowance_goes_with_the_volume(host: Host, how: str) -> None:
    allow_overwrite(host, HERE)
    if how == "unload":
        host.load(load=False)
        append_only(host)
        host.load()
    else:
        host.drive.reset()
    host.hear()
    append_only(host)
    assert sense_of(host.write(b"other")).code == s.OPERATOR_WRITE_PROTECT


# --- the volume as a whole -----------------------------------------------------------------------


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.req("SSC-OVERWRITE-05", "SSC-WRITE-11")
def test_a_format_needs_an_allowance_of_its_own(host: Host, name: str) -> None:
    change = WHOLE[name]
    assert sense_of(change(host)) == Sense(s.OPERATOR_WRITE_PROTECT)
    allow_overwrite(host, HERE)
    assert sense_of(change(host)) == Sense(s.OPERATOR_WRITE_PROTECT), "that was for a write"
    assert allow_overwrite(host, FORMAT, 77, 12345).status == GOOD, "no place is looked at"
    assert change(host).status == GOOD
    host.hear()
    assert objects(host) == []
    host.rewind()
    assert host.write(b"new").status == GOOD
    host.rewind()
    assert sense_of(change(host)) == Sense(s.OPERATOR_WRITE_PROTECT), "for one format"


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.req("SSC-OVERWRITE-05")
def test_an_allowance_to_format_is_none_to_write(host: Host, name: str) -> None:
    allow_overwrite(host, FORMAT)
    assert sense_of(WRITES[name](host)) == Sense(s.OPERATOR_WRITE_PROTECT)
    assert sense_of(format_medium(host)) == Sense(s.OPERATOR_WRITE_PROTECT), "and is used up"


@pytest.mark.req("SSC-WRITE-11")
def test_what_is_in_another_partition_is_data_too() -> None:
    with tape(TD9, capacity=None) as host:
        partition(host, REST, 200)
        go(host, 1)
        host.write(b"data")
        go(host, 0)
        append_only(host)
        assert sense_of(format_medium(host)) == Sense(s.OPERATOR_WRITE_PROTECT)
        go(host, 1)
        allow_overwrite(host, HERE, 1, 0)
        assert host.erase().status == GOOD
        go(host, 0)
        assert format_medium(host).status == GOOD, "a blank volume may be formatted"
        assert len(made(host)) == 1


@pytest.mark.req("SSC-OVERWRITE-05")
def test_a_refused_format_leaves_request_and_volume(host: Host) -> None:
    select(host, request(host, REST, 200))
    asked = page(host)
    assert sense_of(format_medium(host, 1)).code == s.OPERATOR_WRITE_PROTECT
    assert page(host) == asked
    assert objects(host) == BLOCKS
    host.rewind()
    allow_overwrite(host, FORMAT)
    assert format_medium(host, 1).status == GOOD
    assert len(made(host)) == 2


# --- any sequence --------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("go"), st.integers(0, 9)),
        st.tuples(st.just("allow"), st.integers(0, 9)),
        st.tuples(st.just("write"), st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("mark"), st.none()),
        st.tuples(st.just("erase"), st.none()),
    ),
    max_size=20,
)


@given(steps=STEPS)
@pytest.mark.req("SSC-WRITE-11", "SSC-OVERWRITE-02", "SSC-OVERWRITE-03")
def test_only_what_was_allowed_is_gone(steps: list[tuple[str, int | bytes | None]]) -> None:
    """Against a list: nothing of it goes, but for an overwrite at the very place allowed."""
    with tape(TD9) as host:
        append_only(host)
        model: Objects = []
        at, allowed = 0, -1
        for step, value in steps:
            if step == "go":
                assert isinstance(value, int)
                go(host, 0, value)
                value = min(value, len(model))
                at, allowed = value, allowed if value == at else -1
            elif step == "allow":
                assert isinstance(value, int)
                fits = value == at
                assert (allow_overwrite(host, HERE, 0, value).status == GOOD) == fits
                allowed = value if fits else -1
            else:
                assert not isinstance(value, int)
                send = {"write": lambda v=value: host.write(v), "mark": host.filemarks}
                reply = send.get(step, host.erase)()
                ends = len(model)
                while ends and model[ends - 1] is None:
                    ends -= 1
                behind = not at or model[at - 1] is None
                may = at in (allowed, len(model)) or (at >= ends and behind)
                assert (reply.status == GOOD) == may
                allowed = -1
                if may:
                    model[at:] = [] if step == "erase" else [value]
                    at = at if step == "erase" else at + 1
        assert objects(host) == model
