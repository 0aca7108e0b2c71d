"""Mode values that are saved, rounded, or each nexus' own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from target import personality
from target.scsi import sense as s
from target.scsi.layout import Layout
from target.scsi.mode import ModePage, ModePages
from target.scsi.sense import Sense
from target.tape import commands
from target.tape.drive import Drive
from tests.scsi.cdbs import plain
from tests.scsi.modes import (
    COMPRESSION_OFF,
    CONFIGURATION,
    DEFAULT,
    GOLDEN,
    SAVED,
    SELECT,
    mode_select,
    page,
)
from tests.tape.host import GOOD, TD9, Host, sense_of, tape

BOTH = pytest.mark.parametrize("form", [6, 10])
OIR = "90 0e 00 00 00 00 0064 40 00 10 000000 01 b0"
"""Page 10h with ONLY IF RESERVED, which is saved, and 10 s of write delay, which is not."""
PEWS = "d0 01 001c 00 02 03e8 00" + "00" * 23


@pytest.fixture
def lz4() -> Iterator[Host]:
    """A host at a drive that may compress."""
    with tape(compression="lz4") as host:
        yield host


def powered(state: Path) -> Host:
    """A host at a drive that was just switched on."""
    model = personality.load(TD9)
    host = Host(Drive(model, "KRL0000001", commands.of(model), "lz4", state))
    host.hear()
    return host


# --- saved -------------------------------------------------------------------------------------


@BOTH
@pytest.mark.req("SSC-MODE-R5", "SSC-MODE-R3")
def test_saved_values_are_the_current_ones_after_a_reset(lz4: Host, form: int) -> None:
    assert mode_select(lz4, form, OIR, save=True) is None
    saved = bytearray.fromhex(CONFIGURATION)
    saved[15] |= 0x20
    assert page(lz4, 0x10) == bytes.fromhex(OIR)
    assert page(lz4, 0x10, 0, SAVED) == saved, "the write delay cannot be saved"
    assert page(lz4, 0x10, 0, DEFAULT) == bytes.fromhex(CONFIGURATION)
    lz4.drive.reset()
    lz4.hear()
    assert page(lz4, 0x10) == saved


@pytest.mark.req("SSC-MODE-R5")
def test_saved_values_survive_loss_of_power_and_others_do_not(tmp_path: Path) -> None:
    state = tmp_path / "drive.json"
    host = powered(state)
    assert mode_select(host, 10, PEWS, save=True) is None
    assert mode_select(host, 10, OIR + COMPRESSION_OFF) is None
    host = powered(state)
    assert page(host, 0x10, 0x01) == page(host, 0x10, 0x01, SAVED) == bytes.fromhex(PEWS)
    assert page(host, 0x10) == page(host, 0x10, 0, SAVED) == bytes.fromhex(CONFIGURATION)
    host.drive.power_on()
    host.hear()
    assert page(host, 0x10, 0x01) == bytes.fromhex(PEWS)
    assert host.drive.memory["modes"] == {
        "10-01": {"write_mode": 0, "pews": 1000, "wre": 0, "vcelbre": 0}
    }


def test_only_pages_that_were_sent_are_saved(lz4: Host) -> None:
    lz4.send(bytes((0x16, 0, 0, 0, 0, 0)))
    assert mode_select(lz4, 10, OIR) is None
    assert mode_select(lz4, 10, PEWS, save=True) is None
    assert page(lz4, 0x10, 0, SAVED) == bytes.fromhex(CONFIGURATION)


@BOTH
@pytest.mark.parametrize("body", [COMPRESSION_OFF, PEWS + COMPRESSION_OFF])
@pytest.mark.req("SSC-MODE-R5")
def test_pages_that_cannot_be_saved(lz4: Host, form: int, body: str) -> None:
    before = page(lz4, 0x3F, 0xFF)
    refused = Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 0))
    assert mode_select(lz4, form, body, save=True) == refused
    assert page(lz4, 0x3F, 0xFF) == before


@BOTH
@pytest.mark.req("SSC-MODE-R5")
def test_a_drive_that_saves_nothing(form: int) -> None:
    with tape(replace(personality.load(TD9), modes={"0A": {}, "0F": {}})) as host:
        refused = host.send(plain(SELECT[form], pf=1, sp=1))
        assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 0))


@BOTH
def test_saving_with_no_pages(host: Host, form: int) -> None:
    assert host.send(plain(SELECT[form], pf=1, sp=1)).status == GOOD
    assert mode_select(host, form, b"", save=True) is None


@pytest.mark.parametrize(
    "saved", [{"10": {"oir": 2}}, {"10": {"oir": -1}}, {"10": {"gone": 1}}, {"77": {"oir": 1}}]
)
def test_what_cannot_have_been_saved_is_forgotten(saved: dict[str, dict[str, int]]) -> None:
    with tape() as host:
        host.drive.modes.power_on(saved)
        assert not any(host.drive.modes.saved.values())
        assert host.drive.modes[0x10]["oir"] == 0


# --- rounded -----------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("sent", "taken"),
    [((0x00, 0x00), (0x05, 0x02)), ((0x04, 0x01), (0x05, 0x02)), ((0x06, 0x04), (0x05, 0x02)),
     ((0xFE, 0xFE), (0x05, 0x05)), ((0xFF, 0x06), (0xFF, 0x05)), ((0x05, 0x02), (0x05, 0x02)),
     ((0xFF, 0x05), (0xFF, 0x05))],
)  # fmt: skip
@pytest.mark.req("SSC-MODE-01")
def test_a_rounded_parameter(
    host: Host, form: int, sent: tuple[int, int], taken: tuple[int, int]
) -> None:
    other = Host(host.drive, "other")
    other.hear()
    body = bytearray.fromhex(GOLDEN[0x01, 0])
    body[3], body[8] = sent
    delay = bytearray.fromhex(GOLDEN[0x10, 0])
    delay[7], delay[14] = 0x64, 0
    sense = mode_select(host, form, bytes(body + delay), mode=0)
    assert sense == (None if sent == taken else Sense(s.ROUNDED_PARAMETER))
    now = page(host, 0x01)
    assert (now[3], now[8]) == taken
    assert (host.drive.buffered, page(host, 0x10)[7]) == (0, 0x64), "all of the list is taken"
    assert other.hear() == [s.MODE_PARAMETERS_CHANGED]


# --- by nexus ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "body"),
    [((0x02, 0x00), "02 0e" + "00" * 8 + "0080 0000 0000"),
     ((0x0A, 0xF0), "4a f0 001c 02 04 c0" + "00" * 25),
     ((0x18, 0x00), "18 06 06" + "00" * 5),
     ((0x1C, 0x00), "1c 0a 00 03" + "00" * 8)],
)  # fmt: skip
def test_pages_that_each_nexus_has_for_itself(host: Host, key: tuple[int, int], body: str) -> None:
    other = Host(host.drive, "other")
    other.hear()
    golden = bytes.fromhex(GOLDEN[key])
    assert mode_select(host, 10, body) is None
    assert page(host, *key) == bytes.fromhex(body)
    assert page(other, *key) == page(host, *key, DEFAULT) == golden
    assert other.hear() == [], "nothing of its own has changed"
    host.drive.nexus_lost(host.nexus)
    host.hear()
    assert page(host, *key) == golden
    assert mode_select(other, 10, body) is None
    host.drive.reset()
    other.hear()
    assert page(other, *key) == golden


# --- tables of a model -------------------------------------------------------------------------

SMALL = ModePage(
    0x20,
    "small",
    Layout("2 first, 3 second, 4 third"),
    defaults={"first": 1},
    changeable=("first",),
)
SUB = ModePage(0x20, "sub", Layout("4 only"), subpage=0x02)
FORM = ModePage(0x20, "another", Layout("2 first"), form="other")


def test_tables_choose_pages() -> None:
    known = (SMALL, SUB, FORM)
    assert ModePages(known, {}).pages == ()
    assert [page.key for page in ModePages(known, {"20-02": {}, "20": {}}).pages] == [
        (0x20, 0x00), (0x20, 0x02),
    ]  # fmt: skip
    assert [p.name for p in ModePages(known, {"20": False, "20-02": {}}).pages] == ["sub"]
    assert [p.name for p in ModePages(known, {"20": {"form": "other"}}).pages] == ["another"]


def test_tables_correct_pages() -> None:
    table = {
        "second": 5, "changeable": ["second", "third"], "saved": ["third"], "page_length": 2,
        "allowed": {"third": [0, 1]}, "steps": {"second": [0, 5]}, "once": [],
    }  # fmt: skip
    page = ModePages((replace(SMALL, once=("first",)),), {"20": table}).pages[0]
    assert page.defaults == {"first": 1, "second": 5, "third": 0}
    assert (page.changeable, page.saved) == (["second", "third"], ["third"])
    assert page.mask() == {"second": 0xFF, "third": 0xFF}
    assert page.encode(dict(page.defaults), page.sent_length({})) == bytes.fromhex("a0 02 01 05")
    assert page.rounded(None, {"second": 4}) == {"second": 0}


def test_what_no_table_makes_changeable() -> None:
    page = ModePages((replace(SMALL, fixed=("first",)),), {"20": {"changeable": ["first"]}}).pages[
        0
    ]
    assert page.mask() == {}


@pytest.mark.parametrize(
    "tables",
    [{"21": {}}, {"20": {"form": "third"}}, {"20": {"fourth": 1}}, {"20": {"changeable": ["x"]}},
     {"20": {"saved": ["x"]}}, {"20": {"once": ["x"]}}, {"20": {"allowed": {"x": [1]}}}],
)  # fmt: skip
def test_tables_that_say_nothing_sensible(tables: dict[str, dict[str, object]]) -> None:
    with pytest.raises(ValueError, match="mode page"):
        ModePages((SMALL, FORM), tables)
