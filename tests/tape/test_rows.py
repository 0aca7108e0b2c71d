"""Commands that no model has, and answers that belong to no other story."""

from __future__ import annotations

import pytest

from target import personality
from target.medium.formats import FORMATS
from target.scsi import command_table
from target.scsi import sense as s
from target.scsi.command import CDB_SIZES
from target.scsi.sense import Sense
from target.tape import commands
from tests.tape.host import CONFLICT, GOOD, Host, new_drive, sense_of, tape
from tests.tape.memory import everything
from tests.tape.volumes import page


@pytest.mark.parametrize(
    "opcode",
    [
        pytest.param(0x80, marks=pytest.mark.req("SSC-CMD-80")),
        pytest.param(0x83, marks=pytest.mark.req("SSC-CMD-83")),
        pytest.param(0x88, marks=pytest.mark.req("SSC-CMD-88")),
        pytest.param(0x8A, marks=pytest.mark.req("SSC-CMD-8A")),
        pytest.param(0x8F, marks=pytest.mark.req("SSC-CMD-8F")),
        pytest.param(0x93, marks=pytest.mark.req("SSC-CMD-93")),
        pytest.param(0xC0, marks=pytest.mark.req("SSC-CMD-C0")),
        pytest.param(0xD1, marks=pytest.mark.req("SSC-CMD-D1")),
        pytest.param(0xD2, marks=pytest.mark.req("SSC-CMD-D2")),
        pytest.param(0xE3, marks=pytest.mark.req("SSC-CMD-E3")),
    ],
)
def test_commands_that_no_model_has(opcode: int) -> None:
    cdb = bytes((opcode,)).ljust(CDB_SIZES.get(opcode >> 5, 16), b"\0")
    for name in personality.models():
        host = Host(new_drive(name))
        host.hear()
        assert sense_of(host.send(cdb)).code is s.INVALID_OPCODE, name


def test_the_table_has_no_command_that_no_model_has() -> None:
    used = {key for name in personality.models() for key in personality.load(name).commands}
    assert {command_table.key(row) for row in commands.COMMANDS} <= used


def recommended(host: Host, opcode: int) -> int:
    """Seconds that REPORT SUPPORTED OPERATION CODES recommends for a command."""
    reply = host.send(bytes((0xA3, 0x0C, 0x81, opcode, 0, 0, 0, 0, 1, 0, 0, 0)), size=256)
    assert reply.status == GOOD
    return int.from_bytes(reply.data[-4:], "big")


@pytest.mark.parametrize("generation", [8, 9])
@pytest.mark.req("SSC-TIMEOUT-10")
def test_times_of_what_is_not_about_the_tape(generation: int) -> None:
    host = Host(new_drive(f"ibm/ult3580-td{generation}"))
    host.hear()
    assert [recommended(host, opcode) for opcode in (0x0B, 0x1D, 0x3B, 0x3C)] == [
        780, 1980, 540, 480,
    ]  # fmt: skip


@pytest.mark.req("SSC-CMD-56", "SSC-CMD-57", "SSC-RES-01", "SSC-RES-02")
def test_a_reservation_by_ten_byte_commands(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    assert host.send(bytes((0x56, *bytes(9)))).status == GOOD
    assert other.ready().status == CONFLICT
    assert other.send(bytes((0x57, *bytes(9)))).status == GOOD, "and has no effect"
    assert other.ready().status == CONFLICT
    assert host.send(bytes((0x57, *bytes(9)))).status == GOOD
    assert other.ready().status == GOOD


@pytest.mark.req("SSC-LOCATE-08")
def test_there_is_no_explicit_address_mode(host: Host) -> None:
    locate = bytes((0x92, 0, 1, 0)) + bytes(12)
    assert sense_of(host.send(locate)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 0))


@pytest.mark.req("SSC-RPOS-09")
def test_a_position_that_the_short_form_cannot_hold(host: Host) -> None:
    host.drive.position = (1 << 32) + 5
    try:
        data = host.send(bytes(0x34.to_bytes()) + bytes(9), size=20).data
    finally:
        host.drive.position = 0
    assert data.hex() == "02" + "00" * 19
    host.drive.position = (1 << 32) - 1
    try:
        data = host.send(bytes(0x34.to_bytes()) + bytes(9), size=20).data
    finally:
        host.drive.position = 0
    assert data.hex() == "00000000" + "ffffffff" * 2 + "00" * 8


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.req("SSC-SENSE-3-51-00")
def test_an_erase_that_fails(host: Host, long: bool) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    host.write_tape([b"one", b"two"])
    host.locate(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.ftruncate", full)
        patch.setattr("os.pwrite", full)
        patch.setattr("os.fdatasync", full)
        assert sense_of(host.erase(long=long)) == Sense(s.ERASE_FAILURE)
    assert host.drive.alerts.active == {0x03, 0x06}


@pytest.mark.req("SSC-MODE-02")
def test_disconnect_reconnect(host: Host) -> None:
    """Nothing disconnects: both ratios are 0, and a host may set the longest burst only."""
    assert page(host, 0x02) == bytes((0x02, 0x0E)) + bytes(14)
    assert page(host, 0x02, control=1) == bytes((0x02, 0x0E)) + bytes(8) + b"\xff\xff" + bytes(4)


@pytest.mark.req("SSC-DENSITY-01")
def test_no_density_is_told_twice() -> None:
    for name in personality.models():
        media = personality.load(name).media
        codes = [FORMATS[form].density for form in (*media["read_write"], *media["read_only"])]
        assert len(codes) == len(set(codes)), name


@pytest.mark.req("SSC-MAM-0009", "SSC-MAM-0224", "SSC-MAM-0340")
@pytest.mark.parametrize(
    ("model", "barcode", "there"),
    [
        ("ibm/ult3580-td1", "KRL001L1", set()),
        ("hp/ultrium-3", "KRL001L3", set()),
        ("ibm/ult3580-td4", "KRL001L4", {0x0224, 0x0225}),
        ("ibm/ult3580-td4", "KRL001L3", set()),
        ("hp/ultrium-5", "KRL001L5", {0x0009, 0x0224, 0x0225, 0x0340, 0x0341}),
    ],
)
def test_attributes_of_each_generation(model: str, barcode: str, there: set[int]) -> None:
    with tape(model, barcode=barcode) as host:
        assert {0x0009, 0x0224, 0x0225, 0x0340, 0x0341} & everything(host).keys() == there
