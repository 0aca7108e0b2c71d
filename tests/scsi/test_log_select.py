"""LOG SELECT and PAGE CONTROL: counters are reset and set, by page, and others hear of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.scsi import sense as s
from target.scsi.log import (
    ASCII_LIST,
    COUNTER,
    CUMULATIVE,
    DEFAULT_CUMULATIVE,
    DEFAULT_THRESHOLD,
    THRESHOLD,
    LogPage,
    Parameter,
    Reset,
)
from target.scsi.sense import Sense
from tests.scsi.cdbs import plain
from tests.scsi.test_log import log_sense, parameters
from tests.tape.host import GOOD, Host, new_drive, sense_of, tape

COUNTS = {"errors": 0, "blocks": 0}
"""What the pages below show; tests count here."""


def _count(name: str, code: int, size: int = 2, **more: object) -> Parameter:
    return Parameter(code, size, lambda drive: COUNTS[name], COUNTER, **more)  # type: ignore[arg-type]  # any keyword


ERRORS = LogPage(
    0x02,
    "errors",
    (
        _count("errors", 0x0001, settable=True),
        _count("blocks", 0x0002, resets=Reset.NONE),
        Parameter(0x0005, 4, lambda drive: b"text", ASCII_LIST),
    ),
    resets=Reset.SELECT,
    thresholds=True,
)
SAME = LogPage(
    0x03, "the same errors", (_count("errors", 0x0001, settable=True),), resets=Reset.SELECT
)
READ_ONCE = LogPage(
    0x33, "since read", (_count("errors", 0x0000),), resets=Reset.SENSE | Reset.LOAD
)
SUB = LogPage(0x33, "a subpage", (_count("blocks", 0x0000),), subpage=0x02, resets=Reset.SELECT)
HIDDEN = LogPage(0x3E, "engineering", (_count("blocks", 0x0000),), listed=False)
PAGES = (ERRORS, SAME, READ_ONCE, SUB, HIDDEN)


@pytest.fixture
def host() -> Iterator[Host]:
    COUNTS.update(errors=7, blocks=5)
    with tape() as one:
        one.drive.logs = PAGES
        yield one


def select(host: Host, data: bytes | str = b"", **fields: int) -> Sense | None:
    body = bytes.fromhex(data) if isinstance(data, str) else data
    fields = {"page_control": CUMULATIVE, **fields, "parameter_list_length": len(body)}
    return host.send(plain("LOG SELECT", **fields), out=body).sense


def numbers(host: Host, page: LogPage, control: int = CUMULATIVE) -> dict[int, int]:
    """Counters of a page."""
    found = parameters(log_sense(host, page.code, page_control=control, subpage_code=page.subpage))
    counters = {row.code for row in page.parameters if row.counts}
    return {code: int.from_bytes(found[code], "big") for code in counters}


def refusal(at: int, bit: int | None = None) -> Sense:
    return Sense(s.INVALID_PARAMETER, pointer=(at, bit), in_cdb=False)


# --- LOG SENSE ---------------------------------------------------------------------------------


def test_page_control(host: Host) -> None:
    assert numbers(host, ERRORS, CUMULATIVE) == {1: 7, 2: 5}
    assert numbers(host, ERRORS, DEFAULT_CUMULATIVE) == {1: 0, 2: 0}
    for control in (THRESHOLD, DEFAULT_THRESHOLD):
        assert numbers(host, ERRORS, control) == {1: 0xFFFF, 2: 0xFFFF}
    for control in range(4):
        assert parameters(log_sense(host, 0x02, page_control=control))[5] == b"text"


def test_a_counter_stays_at_its_highest_number(host: Host) -> None:
    COUNTS["errors"] = 0x12345
    assert numbers(host, ERRORS)[1] == 0xFFFF


@pytest.mark.req("SSC-LOG-R3")
def test_lists_of_pages(host: Host) -> None:
    assert log_sense(host, 0) == bytes.fromhex("00 00 0004 00 02 03 33")
    golden = "40 ff 000c 0000 00ff 0200 0300 3300 3302"
    assert log_sense(host, 0, subpage_code=0xFF) == bytes.fromhex(golden)
    golden = "73 ff 0006 3300 3302 33ff"
    assert log_sense(host, 0x33, subpage_code=0xFF) == bytes.fromhex(golden)
    assert log_sense(host, 0x33, subpage_code=2)[:4] == bytes.fromhex("f3 02 0006")
    assert log_sense(host, 0x3E)[:1] == b"\xbe", "not listed, but there"


@pytest.mark.req("SSC-LOG-R2")
def test_counters_that_reading_resets(host: Host) -> None:
    for fields in ({"allocation_length": 9}, {"page_control": 0}, {"page_control": 3}):
        log_sense(host, 0x33, **fields)
    assert numbers(host, READ_ONCE) == {0: 7}
    assert numbers(host, READ_ONCE) == {0: 0}
    COUNTS["errors"] += 2
    assert numbers(host, READ_ONCE) == {0: 2}
    assert numbers(host, SAME) == {1: 9}, "other pages go on counting"


def test_counters_that_a_load_resets(host: Host) -> None:
    drive = host.drive
    assert drive.log_state.reset(drive.logs, drive, Reset.LOAD)
    assert (numbers(host, READ_ONCE), numbers(host, ERRORS)) == ({0: 0}, {1: 7, 2: 5})


# --- reset -------------------------------------------------------------------------------------


@pytest.mark.req("SSC-LOG-R5", "SSC-CMD-4C", "SSC-SENSE-6-2A-02")
@pytest.mark.parametrize("fields", [
    {"pcr": 1}, {"pcr": 1, "page_control": DEFAULT_CUMULATIVE},
    {"page_control": DEFAULT_CUMULATIVE}, {"pcr": 1, "subpage_code": 0xFF},
])  # fmt: skip
def test_all_pages_are_reset(host: Host, fields: dict[str, int]) -> None:
    other = Host(host.drive, "other")
    other.hear()
    assert select(host, b"", **fields) is None
    assert numbers(host, ERRORS) == {1: 0, 2: 5}, "one of them cannot be reset"
    assert (numbers(host, SAME), numbers(host, SUB)) == ({1: 0}, {0: 0})
    assert numbers(host, READ_ONCE) == {0: 7}, "only reading resets it"
    assert (host.hear(), other.hear()) == ([], [s.LOG_PARAMETERS_CHANGED])
    assert select(host, b"", **fields) is None
    assert other.hear() == [], "nothing has changed"


@pytest.mark.req("SSC-LOG-R5")
def test_one_page_is_reset(host: Host) -> None:
    assert select(host, pcr=1, page_code=0x03) is None
    assert (numbers(host, SAME), numbers(host, ERRORS)) == ({1: 0}, {1: 7, 2: 5})
    COUNTS["errors"] += 3
    assert (numbers(host, SAME), numbers(host, ERRORS)) == ({1: 3}, {1: 10, 2: 5})
    assert select(host, pcr=1, page_code=0x33) is None
    assert numbers(host, SUB) == {0: 5}
    assert select(host, pcr=1, page_code=0x33, subpage_code=2) is None
    assert numbers(host, SUB) == {0: 0}
    assert select(host, page_code=0x33, subpage_code=0xFF, page_control=3) is None


@pytest.mark.parametrize("fields", [
    {}, {"page_control": THRESHOLD}, {"pcr": 1, "page_control": THRESHOLD},
    {"pcr": 1, "page_control": DEFAULT_THRESHOLD}, {"page_control": DEFAULT_THRESHOLD},
])  # fmt: skip
def test_what_asks_for_no_reset(host: Host, fields: dict[str, int]) -> None:
    other = Host(host.drive, "other")
    other.hear()
    assert select(host, b"", **fields) is None
    assert numbers(host, ERRORS) == {1: 7, 2: 5}
    assert other.hear() == []


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [({"page_code": 0x31, "pcr": 1}, (2, 5)), ({"page_code": 0x02, "subpage_code": 1}, (3, 7)),
     ({"page_code": 0x00, "subpage_code": 1}, (3, 7))],
)  # fmt: skip
def test_pages_that_are_not_there(
    host: Host, fields: dict[str, int], pointer: tuple[int, int]
) -> None:
    assert select(host, b"", **fields) == Sense(s.INVALID_FIELD_IN_CDB, pointer=pointer)


def test_saving_is_refused(host: Host) -> None:
    for cdb in ("4c01" + "00" * 8, "4d01" + "00" * 8):
        refused = sense_of(host.send(bytes.fromhex(cdb)))
        assert refused == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 0))
    refused = sense_of(host.send(bytes.fromhex("4d02" + "00" * 8)))
    assert refused == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 1)), "PPC"


def test_loss_of_power_ends_what_was_set(host: Host) -> None:
    assert select(host, "02 00 0006 0001 00 02 0100") is None
    host.drive.power_on()
    host.hear()
    assert numbers(host, ERRORS) == {1: 7, 2: 5}


# --- lists -------------------------------------------------------------------------------------


@pytest.mark.req("SSC-LOG-R5", "SSC-SENSE-6-2A-02")
@pytest.mark.parametrize("control", [CUMULATIVE, DEFAULT_CUMULATIVE])
def test_counters_are_set(host: Host, control: int) -> None:
    other = Host(host.drive, "other")
    other.hear()
    data = "82 00 0006 0001 00 02 0100 03 00 0006 0001 00 02 0003"
    assert select(host, data, page_control=control) is None
    assert (numbers(host, ERRORS), numbers(host, SAME)) == ({1: 0x100, 2: 5}, {1: 3})
    COUNTS["errors"] += 1
    assert (numbers(host, ERRORS), numbers(host, SAME)) == ({1: 0x101, 2: 5}, {1: 4})
    assert (host.hear(), other.hear()) == ([], [s.LOG_PARAMETERS_CHANGED])


def test_thresholds_are_set(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    data = "02 00 0006 0001 00 02 0100"
    assert select(host, data, page_control=THRESHOLD) is None
    assert numbers(host, ERRORS, THRESHOLD) == {1: 0x100, 2: 0xFFFF}
    assert numbers(host, ERRORS, DEFAULT_THRESHOLD) == {1: 0xFFFF, 2: 0xFFFF}
    assert numbers(host, ERRORS) == {1: 7, 2: 5}
    assert other.hear() == [s.LOG_PARAMETERS_CHANGED]
    assert select(host, pcr=1, page_control=THRESHOLD) is None
    assert numbers(host, ERRORS, THRESHOLD) == {1: 0xFFFF, 2: 0xFFFF}
    assert other.hear() == [s.LOG_PARAMETERS_CHANGED]


@pytest.mark.parametrize(
    ("data", "control", "sense"),
    [
        ("31 00 0000", CUMULATIVE, refusal(0)),
        ("42 00 0000", CUMULATIVE, refusal(0, 6)),
        ("33 02 0000", CUMULATIVE, refusal(0, 6)),
        ("03 00 0000", THRESHOLD, refusal(0)),
        ("03 00 0000 02 00 0000", CUMULATIVE, refusal(4)),
        ("02 00 0000 02 00 0000", CUMULATIVE, refusal(4)),
        ("02 00 0006 0004 00 02 0000", CUMULATIVE, refusal(4)),
        ("02 00 0006 0002 00 02 0000", CUMULATIVE, refusal(4)),
        ("02 00 0008 0005 01 04 00000000", CUMULATIVE, refusal(4)),
        ("02 00 000c 0001 00 02 0000 0001 00 02 0000", CUMULATIVE, refusal(10)),
        ("02 00 0006 0001 10 02 0000", CUMULATIVE, refusal(6)),
        ("02 00 0005 0001 00 01 00", CUMULATIVE, refusal(7)),
        ("02 00 0006 0001 00 03 0000", CUMULATIVE, Sense(s.PARAMETER_LIST_LENGTH)),
        ("02 00 0003 0001 00", CUMULATIVE, Sense(s.PARAMETER_LIST_LENGTH)),
        ("02 00 0007 0001 00 02 0000", CUMULATIVE, Sense(s.PARAMETER_LIST_LENGTH)),
        ("02 00", CUMULATIVE, Sense(s.PARAMETER_LIST_LENGTH)),
        ("02 00 0006 0001 00 02 0001 03 00", CUMULATIVE, Sense(s.PARAMETER_LIST_LENGTH)),
    ],
)
@pytest.mark.req("SSC-SENSE-5-26-00")
def test_lists_that_are_refused(host: Host, data: str, control: int, sense: Sense) -> None:
    assert select(host, data, page_control=control) == sense
    assert (numbers(host, ERRORS), numbers(host, SAME)) == ({1: 7, 2: 5}, {1: 7})


def test_a_list_has_the_codes_itself(host: Host) -> None:
    data = "02 00 0006 0001 00 02 0100"
    refused = Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 5))
    assert select(host, data, page_code=0x02) == refused
    refused = Sense(s.INVALID_FIELD_IN_CDB, pointer=(3, 7))
    assert select(host, data, subpage_code=1) == refused
    assert select(host, data, pcr=1) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 1))


def test_thresholds_where_no_page_has_any(host: Host) -> None:
    """IBM's drives."""
    host.drive.logs = (SAME,)
    refused = Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 7))
    for control in (THRESHOLD, DEFAULT_THRESHOLD):
        assert select(host, "03 00 0000", page_control=control) == refused


@given(data=st.binary(max_size=40), control=st.integers(0, 3))
def test_any_list_is_taken_or_refused(data: bytes, control: int) -> None:
    COUNTS.update(errors=7, blocks=5)
    host = Host(new_drive())
    host.hear()
    host.drive.logs = PAGES
    sense = select(host, data, page_control=control)
    assert sense is None or sense.code in (s.INVALID_PARAMETER, s.PARAMETER_LIST_LENGTH)


@given(st.lists(st.integers(0, 400), max_size=8))
def test_what_is_counted_after_a_reset(steps: list[int]) -> None:
    """A page shows what was counted since its last reset, whatever other pages do."""
    COUNTS.update(errors=0, blocks=0)
    host = Host(new_drive())
    host.hear()
    host.drive.logs = PAGES
    since = 0
    for number, step in enumerate(steps):
        COUNTS["errors"] += step
        since += step
        assert numbers(host, SAME) == {1: since}
        assert numbers(host, READ_ONCE) == {0: step}
        if number % 2:
            assert host.send(plain("LOG SELECT", pcr=1, page_control=1, page_code=3)).status == GOOD
            since = 0
    assert numbers(host, ERRORS)[1] == sum(steps)
