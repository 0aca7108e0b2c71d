"""The mode pages of tape drives: values, what may be set, what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from target import personality
from target.scsi import sense as s
from target.scsi.sense import Code, Sense
from target.tape.tape_alert import Flag
from tests.scsi.modes import (
    COMPRESSION_OFF,
    COMPRESSION_ON,
    CONFIGURATION,
    DEFAULT,
    GOLDEN,
    mode_select,
    page,
)
from tests.tape.host import GOOD, TD9, Host, new_drive, sense_of, tape
from tests.tape.memory import read as read_attributes

NO_DATA_COMPRESSION = CONFIGURATION.replace("000000 01", "000000 00")


@pytest.fixture
def lz4() -> Iterator[Host]:
    """A host at a drive that may compress."""
    with tape(compression="lz4") as host:
        yield host


def refusal(at: int, bit: int | None = None, start: int = 8) -> Sense:
    """5/26/00 at a byte of the first page."""
    return Sense(s.INVALID_PARAMETER, pointer=(start + at, bit), in_cdb=False)


def model(**tables: Any) -> Host:
    """A host at an empty drive whose mode pages are those of the tables, "p10_01" for 10-01."""
    modes = {name[1:].replace("_", "-"): table for name, table in tables.items()}
    host = Host(new_drive(replace(personality.load(TD9), modes={"0A": {}, "0F": {}, **modes})))
    host.hear()
    return host


def changed(text: str, *places: tuple[int, int]) -> bytes:
    """A page with other bytes at some places."""
    body = bytearray.fromhex(text)
    for at, value in places:
        body[at] = value
    return bytes(body)


# --- 0Ah ---------------------------------------------------------------------------------------


@pytest.mark.req("SSC-MODE-0A")
def test_autoload_mode(host: Host) -> None:
    control = GOLDEN[0x0A, 0]
    for value in (1, 2, 0):
        assert mode_select(host, 10, changed(control, (5, value))) is None
        assert host.drive.modes[0x0A]["autoload"] == value
    for value in (3, 7):
        assert mode_select(host, 10, changed(control, (5, value))) == refusal(5, 2)


@pytest.mark.req("SSC-MODE-0A", "SSC-SENSE-2-04-02", "SSC-LOAD-03")
@pytest.mark.parametrize(
    ("value", "told", "readable"), [(1, s.MEMORY_ACCESSIBLE, True), (2, s.LOAD_NEEDED, False)]
)
def test_a_cartridge_that_is_not_loaded_by_itself(
    host: Host, value: int, told: Code, readable: bool
) -> None:
    assert mode_select(host, 10, changed(GOLDEN[0x0A, 0], (5, value))) is None
    cartridge = host.drive.eject()
    assert cartridge is not None
    assert sense_of(host.ready()).code is s.NO_MEDIUM
    host.drive.insert(cartridge)
    assert host.hear() == [], "nothing has become ready"
    assert sense_of(host.ready()) == Sense(told)
    assert (read_attributes(host).status == GOOD) == readable
    assert host.load().status == GOOD
    assert host.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
    assert host.ready().status == GOOD


@pytest.mark.req("SSC-MODE-0A-01")
def test_scsi_precedence_of_the_clock(host: Host) -> None:
    assert mode_select(host, 10, changed(GOLDEN[0x0A, 1], (4, 0x04))) is None
    assert host.drive.modes[0x0A, 1]["scsip"] == 0


@pytest.mark.req("SSC-MODE-0A-F0")
@pytest.mark.parametrize(
    ("method", "length", "bits", "wrong"),
    [
        (0, 0, 0x00, None),
        (0, 4, 0x00, None),
        (1, 4, 0x00, None),
        (1, 4, 0xC0, None),
        (2, 4, 0x80, None),
        (2, 4, 0x40, None),
        (0, 4, 0x80, (6, 7)),
        (0, 0, 0x40, (6, 6)),
        (1, 0, 0xC0, (5, 5)),
        (1, 3, 0xC0, (5, 5)),
        (2, 8, 0xC0, (5, 5)),
        (3, 4, 0xC0, (4, 7)),
        (1, 4, 0xE0, (6, 5)),
    ],
)
def test_logical_block_protection(
    host: Host, method: int, length: int, bits: int, wrong: tuple[int, int] | None
) -> None:
    """LTFS turns it off with length 0."""
    body = changed(GOLDEN[0x0A, 0xF0], (4, method), (5, length), (6, bits))
    sense = mode_select(host, 10, body)
    assert sense == (None if wrong is None else refusal(*wrong))
    values = host.drive.modes.of(host.nexus, 0x0A, 0xF0)
    taken = (
        values["lbp_method"],
        values["lbp_length"],
        values["lbp_w"] << 7 | values["lbp_r"] << 6,
    )
    assert taken == ((0, 0, 0) if wrong else (method, length, bits))


# --- 0Fh, 10h ----------------------------------------------------------------------------------


@pytest.mark.req("SSC-MODE-0F", "SSC-MODE-10")
@pytest.mark.parametrize(
    ("sent", "on"),
    [
        (COMPRESSION_OFF, False),
        (NO_DATA_COMPRESSION, False),
        (COMPRESSION_OFF + NO_DATA_COMPRESSION, False),
        (COMPRESSION_OFF + CONFIGURATION, True),
        (NO_DATA_COMPRESSION + COMPRESSION_ON, True),
    ],
    ids=["0F", "10", "both", "10 has it on", "0F has it on"],
)
def test_compression_is_one_switch_on_two_pages(lz4: Host, sent: str, on: bool) -> None:
    assert mode_select(lz4, 10, sent) is None
    assert (page(lz4, 0x0F)[2] >> 7, page(lz4, 0x10)[14]) == (on, on)
    for back in (COMPRESSION_ON, CONFIGURATION):
        assert mode_select(lz4, 10, sent) is None
        assert mode_select(lz4, 10, back) is None
        assert (page(lz4, 0x0F)[2] >> 7, page(lz4, 0x10)[14]) == (1, 1)


@pytest.mark.req("SSC-MODE-0F")
def test_algorithms_that_are_taken_for_the_own_one(lz4: Host) -> None:
    for algorithm in (0x00, 0x01, 0xFF):
        body = changed(COMPRESSION_ON, (7, algorithm), (11, algorithm))
        assert mode_select(lz4, 10, body) is None
        assert page(lz4, 0x0F) == bytes.fromhex(COMPRESSION_ON)
    assert mode_select(lz4, 10, changed(COMPRESSION_ON, (7, 0x03))) == refusal(4, 7)


@pytest.mark.req("SSC-MODE-10")
def test_device_configuration(lz4: Host) -> None:
    assert mode_select(lz4, 10, changed(CONFIGURATION, (15, 0x50))) is None
    assert lz4.drive.modes[0x10]["wtre"] == 1
    assert mode_select(lz4, 10, changed(CONFIGURATION, (15, 0xD0))) == refusal(15, 7)
    assert mode_select(lz4, 10, changed(CONFIGURATION, (14, 2))) == refusal(14, 7)
    assert mode_select(lz4, 10, changed(CONFIGURATION, (3, 1))) == refusal(3, 7)


@pytest.mark.req("SSC-MODE-10-01")
def test_device_configuration_extension(host: Host) -> None:
    golden = GOLDEN[0x10, 1]
    body = changed(golden, (6, 0x03), (7, 0xE8), (8, 0x05))
    assert mode_select(host, 10, body) is None
    values = host.drive.modes[0x10, 1]
    assert (values["pews"], values["wre"], values["vcelbre"]) == (1000, 1, 1)
    assert mode_select(host, 10, changed(golden, (5, 0x22))) == refusal(5, 7)
    assert mode_select(host, 10, changed(golden, (5, 0x01))) == refusal(5, 3)


@pytest.mark.req("SSC-MODE-10-01-APPEND")
def test_append_only_mode_is_not_left_with_a_volume(host: Host) -> None:
    overwrite, append = GOLDEN[0x10, 1], changed(GOLDEN[0x10, 1], (5, 0x12))
    assert mode_select(host, 10, append) is None
    assert mode_select(host, 10, overwrite) == refusal(5, 7)
    assert mode_select(host, 10, append) is None, "it may be asked for again"
    assert page(host, 0x10, 1) == append


# --- 18h, 19h ----------------------------------------------------------------------------------

FCP_PORT = "19 06 00 00 0000 03 fa"


@pytest.mark.req("SSC-MODE-18", "SSC-MODE-19")
def test_fibre_channel() -> None:
    host = model(p18={"form": "fcp"}, p19={"form": "fcp"})
    assert page(host, 0x18) == bytes.fromhex("18 06 00 00 00000000")
    assert mode_select(host, 10, "18 06 00 01 00000000") is None
    assert page(host, 0x19) == bytes.fromhex(FCP_PORT)
    assert mode_select(host, 10, changed(FCP_PORT, (6, 5), (7, 3))) is None
    assert page(host, 0x19) == changed(FCP_PORT, (6, 5), (7, 3))
    for units in (2, 4, 6, 7):
        assert mode_select(host, 10, changed(FCP_PORT, (6, units))) == refusal(6, 2)


@pytest.mark.req("SSC-MODE-19")
def test_a_recovery_time_that_is_none_is_rounded() -> None:
    host = model(p19={"form": "fcp"})
    assert mode_select(host, 10, changed(FCP_PORT, (6, 0), (7, 9))) == Sense(s.ROUNDED_PARAMETER)
    assert page(host, 0x19) == bytes.fromhex(FCP_PORT)


@pytest.mark.req("SSC-MODE-19")
def test_the_longer_page_of_older_drives() -> None:
    host = model(p19={"form": "fcp"})
    assert mode_select(host, 10, "19 0e 00 00 0000 01 10" + "ff" * 8) is None
    assert page(host, 0x19) == bytes.fromhex("19 06 00 00 0000 01 10")


# --- 1Ch ---------------------------------------------------------------------------------------

REPORTING = "1c 0a 00 04 00000000 00000000"
TEST = "1c 0a 04 04 00000000 {:08x}"


@pytest.mark.req("SSC-MODE-1C")
def test_a_test_raises_and_lowers_a_flag(host: Host) -> None:
    alerts = host.drive.alerts
    assert mode_select(host, 10, TEST.format(Flag.CLEAN_NOW)) is None
    assert alerts.active == {Flag.CLEAN_NOW}
    assert sense_of(host.ready()).code is s.FAILURE_PREDICTED
    assert page(host, 0x1C) == bytes.fromhex(REPORTING), "the test itself is not kept"
    assert mode_select(host, 10, TEST.format(2**32 - Flag.CLEAN_NOW)) is None
    assert alerts.active == set()
    assert mode_select(host, 10, TEST.format(0)) is None
    assert alerts.active == set()
    assert sense_of(host.ready()).code is s.FAILURE_PREDICTION_TEST


@pytest.mark.req("SSC-MODE-1C")
@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("1c 0a 0c 04 00000000 00000014", (2, 2)),
        (TEST.format(65), (8, 7)),
        (TEST.format(2**32 - 65), (8, 7)),
        ("1c 0a 08 04 00000000 00000014", (8, 7)),
        ("1c 0a 08 05 00000000 00000000", (3, 3)),
        ("1c 0a 08 04 00000001 00000000", (4, 7)),
    ],
    ids=["reporting disabled", "no such flag", "none to lower", "no test", "MRIE", "timer"],
)
def test_exceptions_that_are_refused(host: Host, body: str, wrong: tuple[int, int]) -> None:
    assert mode_select(host, 10, body) == refusal(*wrong)
    assert host.drive.alerts.active == set()


@pytest.mark.req("SSC-MODE-1C")
@pytest.mark.parametrize("method", [0, 3, 4])
def test_methods_of_reporting(host: Host, method: int) -> None:
    assert mode_select(host, 10, changed(REPORTING, (3, method))) is None
    assert host.drive.modes.of(host.nexus, 0x1C)["mrie"] == method


# --- 1Ah, 1Dh ----------------------------------------------------------------------------------


@pytest.mark.req("SSC-MODE-1A")
def test_power_condition(host: Host) -> None:
    body = changed(GOLDEN[0x1A, 0], (3, 0), (19, 1))
    assert mode_select(host, 10, body, save=True) is None
    host.drive.reset()
    host.hear()
    assert page(host, 0x1A) == body
    assert mode_select(host, 10, changed(GOLDEN[0x1A, 0], (3, 0x0C))) == refusal(3, 2)


@pytest.mark.req("SSC-MODE-1D")
def test_medium_configuration_tells_worm() -> None:
    golden = GOLDEN[0x1D, 0]
    with tape(barcode="KRL001LZ") as host:
        assert page(host, 0x1D) == changed(golden, (2, 1))
        assert mode_select(host, 10, changed(golden, (2, 1))) is None
        assert mode_select(host, 10, golden) == refusal(2, 0)
        host.load(load=False)
        assert page(host, 0x1D) == bytes.fromhex(golden)


# --- IBM's -------------------------------------------------------------------------------------


@pytest.mark.req("SSC-MODE-24", "SSC-MODE-30-20")
def test_encryption_is_told() -> None:
    for able in (True, False):
        known = personality.load(TD9)
        if not able:
            known = replace(known, encryption={})
        host = Host(new_drive(known))
        host.hear()
        assert page(host, 0x24)[7] == (0x09 if able else 0)
        assert page(host, 0x30, 0x20)[5] == (3 if able else 1)


@pytest.mark.req("SSC-MODE-30-20", "SSC-MODE-25")
@pytest.mark.parametrize(
    ("control", "lto", "of_3592"),
    [
        ("application", "03 01 01 00", 0x50),
        ("library", "04 01 02 00", 0x60),
        ("system", None, 0x10),
    ],
)
def test_who_controls_encryption_is_told(control: str, lto: str | None, of_3592: int) -> None:
    """IBM LTO SCSI Reference, table 360; LTFS."""
    if lto is not None:
        host = Host(new_drive(personality.load(TD9), control=control))
        host.hear()
        assert page(host, 0x30, 0x20) == bytes.fromhex("70 20 0005 00" + lto)
    host = Host(new_drive(personality.load("ibm/ts1160"), control=control))
    host.hear()
    assert page(host, 0x25)[27] == of_3592


@pytest.mark.req("SSC-MODE-2F")
def test_behavior_configuration(host: Host) -> None:
    golden = GOLDEN[0x2F, 0]
    assert mode_select(host, 10, changed(golden, (2, 1), (6, 7), (8, 0)), save=True) is None
    assert mode_select(host, 10, changed(golden, (8, 0x01))) == refusal(8, 1)
    assert mode_select(host, 10, changed(golden, (2, 2))) == refusal(2, 7)
    assert mode_select(host, 10, changed(golden, (3, 0))) == refusal(3, 7)


def test_the_directory_of_device_attributes() -> None:
    host = model(p30={}, p30_42={}, p30_20={})
    assert page(host, 0x30) == page(host, 0x30, 0, DEFAULT) == bytes.fromhex("30 02 20 42")
    assert page(model(p30={}), 0x30) == bytes.fromhex("30 00")


def test_the_preferred_cartridge_type_of_an_lto_8_drive() -> None:
    host = model(p30_44={})
    golden = "f0 44 0010 785c0000 7c5c0000 885e0000 8c5e0000"
    assert page(host, 0x30, 0x44) == bytes.fromhex(golden)
    assert mode_select(host, 10, changed(golden, (5, 0x5D)), save=True) is None
    assert mode_select(host, 10, changed(golden, (5, 0x5E))) == refusal(5, 7)


@pytest.mark.req("SSC-MODE-25", "SSC-MODE-23")
def test_pages_of_a_3592_drive() -> None:
    """As LTFS reads and sets them."""
    host = model(p23={}, p24={"form": "3592", "lbp_crc32c": 1}, p25={})
    control = "25 1e 00 00 00 01 01 00 00 00 00" + "00" * 16 + "50" + "00" * 4
    assert page(host, 0x25) == bytes.fromhex(control)
    assert mode_select(host, 10, changed(control, (8, 0x0C), (10, 0x55))) is None
    assert page(host, 0x25) == changed(control, (8, 0x0C), (10, 0x55))
    assert page(host, 0x24) == bytes.fromhex("24 16 60" + "00" * 21)
    assert page(host, 0x23) == bytes.fromhex("23 3a" + "00" * 58)
    assert mode_select(host, 10, changed("23 3a" + "00" * 58, (11, 1))) is None


@pytest.mark.req("SSC-MODE-23")
def test_medium_sense_tells_write_protection() -> None:
    with tape(
        replace(personality.load(TD9), modes={"0A": {}, "0F": {}, "23": {}}), protect=True
    ) as host:
        assert page(host, 0x23)[10] == 0x80
