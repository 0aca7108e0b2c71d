"""The volume as a whole: in and out, ready or not, who hears of it, what formats there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from target import personality
from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.tape.host import GOOD, MODELS, Host, new_cartridge, new_drive, sense_of, tape

NO_MEDIUM = Sense(s.NO_MEDIUM)


# --- every model -------------------------------------------------------------------------------


@pytest.mark.req("SSC-CMD-01", "SSC-CMD-08", "SSC-CMD-0A", "SSC-CMD-1B", "SSC-TUR-02")
@pytest.mark.parametrize("model", MODELS)
def test_story_of_a_tape(model: str) -> None:
    with tape(model) as host:
        host.write_tape([b"one", None, b"two", None])
        assert host.read(3).data == b"one"
        assert sense_of(host.read(3)).filemark
        assert host.read(3).data == b"two"
        assert host.load(load=False).status == GOOD
        assert sense_of(host.ready()) == NO_MEDIUM
        assert host.load().status == GOOD
        assert host.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
        assert host.position() == 0
        assert host.read(3).data == b"one"


@pytest.mark.req("SSC-CMD-05")
@pytest.mark.parametrize("model", MODELS)
def test_block_limits(model: str) -> None:
    with tape(model) as host:
        reply = host.send(bytes((5, 0, 0, 0, 0, 0)), size=16)
        assert reply.data == bytes.fromhex("00 800000 0001")


# --- unit attentions ---------------------------------------------------------------------------


@pytest.mark.req("SSC-UA-01", "SSC-TUR-02", "SSC-SENSE-6-28-00")
def test_power_on_comes_first_then_the_medium(tmp_path: Path) -> None:
    drive = new_drive()
    early, late = Host(drive, "early"), Host(drive, "late")
    assert sense_of(early.ready()) == Sense(s.POWER_ON)
    assert sense_of(early.ready()) == NO_MEDIUM
    drive.meet(Host(drive, "idle").nexus)
    cartridge = new_cartridge(tmp_path, "KRL001L9")
    drive.insert(cartridge)
    assert early.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
    assert Host(drive, "idle").hear() == [s.POWER_ON, s.MEDIUM_MAY_HAVE_CHANGED]
    assert late.hear() == [s.POWER_ON], "a nexus that was not there hears of nothing else"
    assert drive.eject() is cartridge
    cartridge.close()


@pytest.mark.req("SSC-LOAD-01", "SSC-LOAD-08", "SSC-SENSE-6-28-00")
def test_load_is_heard_by_every_nexus_and_rewinding_by_none(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    assert host.load().status == GOOD
    assert (host.hear(), other.hear()) == ([], [])
    host.load(load=False)
    assert (host.hear(), other.hear()) == ([], [])
    host.load()
    assert host.hear() == other.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]


def test_reset_is_heard_and_rewinds(host: Host) -> None:
    host.write(b"data")
    host.set_block_length(512)
    host.drive.reset()
    assert host.hear() == [s.POWER_ON]
    assert host.position() == 0
    assert host.drive.block_length == 0
    assert host.read(4).data == b"data"


# --- no medium ---------------------------------------------------------------------------------


NEEDS_MEDIUM = ["00 00 00 00 00 00", "01 00 00 00 00 00", "08 00 00 00 01 00", "0a 00 00 00 01 00",
                "10 00 00 00 01 00", "11 03 00 00 00 00", "13 00 00 00 01 00", "19 00 00 00 00 00",
                "2b 00 00 00 00 00 00 00 00 00", "34 00 00 00 00 00 00 00 00 00",
                "91 03" + " 00" * 14, "92 00" + " 00" * 14, "44 01 00 00 00 00 00 00 80 00",
                "a2 20 00 21 00 00 00 00 00 ff 00 00", "1b 00 00 00 01 00"]  # fmt: skip

PASSES_WITHOUT = ["03 00 00 00 20 00", "05 00 00 00 00 00", "12 00 00 00 60 00",
                  "1a 00 3f 00 ff 00", "1e 00 00 00 00 00", "44 00 00 00 00 00 00 00 80 00",
                  "4d 00 57 00 00 00 00 01 00 00", "a0" + " 00" * 8 + " 10 00 00",
                  "a2 20 00 20 00 00 00 00 00 ff 00 00", "16 00 00 00 00 00"]  # fmt: skip


@pytest.mark.req("SSC-SENSE-2-3A-00", "SSC-TUR-02", "SSC-RPOS-11", "SSC-DENSITY-02")
@pytest.mark.parametrize("cdb", NEEDS_MEDIUM)
def test_commands_that_need_a_volume(cdb: str) -> None:
    host = Host(new_drive())
    host.hear()
    assert sense_of(host.send(bytes.fromhex(cdb), out=b"x", size=256)) == NO_MEDIUM


@pytest.mark.req("SSC-RBL-02")
@pytest.mark.parametrize("cdb", PASSES_WITHOUT)
def test_commands_that_need_none(cdb: str) -> None:
    host = Host(new_drive())
    host.hear()
    assert host.send(bytes.fromhex(cdb), size=256).status == GOOD


# --- LOAD UNLOAD, PREVENT ALLOW ----------------------------------------------------------------


@pytest.mark.req("SSC-LOAD-06", "SSC-PREVENT-01", "SSC-SENSE-5-53-02", "SSC-CMD-1E")
def test_removal_prevented(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    assert host.prevent(True).status == GOOD
    for one in (host, other):
        assert sense_of(one.load(load=False)) == Sense(s.REMOVAL_PREVENTED)
    assert other.prevent(False).status == GOOD
    assert sense_of(other.load(load=False)) == Sense(s.REMOVAL_PREVENTED), "each for itself"
    assert host.prevent(False).status == GOOD
    assert other.load(load=False).status == GOOD


def test_reset_allows_removal(host: Host) -> None:
    host.prevent(True)
    host.drive.reset()
    host.hear()
    assert host.load(load=False).status == GOOD


@pytest.mark.req("SSC-LOAD-02")
@pytest.mark.parametrize(
    ("cdb", "pointer"),
    [("1b 00 00 00 04 00", (4, 2)), ("1b 00 00 00 05 00", (4, 2)), ("1e 00 00 00 02 00", (4, 1)),
     ("1e 00 00 00 03 00", (4, 1))],
)  # fmt: skip
def test_refused(host: Host, cdb: str, pointer: tuple[int, int]) -> None:
    assert sense_of(host.send(bytes.fromhex(cdb))) == Sense(s.INVALID_FIELD_IN_CDB, pointer=pointer)


@pytest.mark.req("SSC-LOAD-07")
def test_unload_keeps_the_data_and_the_cartridge(host: Host) -> None:
    host.write(b"data")
    assert host.load(load=False).status == GOOD
    assert host.load(load=False).status == GOOD, "unloading twice is no error"
    host.load()
    host.hear()
    assert host.read(4).data == b"data"


@pytest.mark.req("SSC-LOAD-03", "SSC-TUR-03")
def test_hold_unthreads_even_if_removal_is_prevented(host: Host) -> None:
    host.prevent(True)
    assert host.send(bytes((0x1B, 0, 0, 0, 0x08, 0))).status == GOOD
    assert sense_of(host.ready()) == Sense(s.MEMORY_ACCESSIBLE)
    assert sense_of(host.read(4)) == Sense(s.MEMORY_ACCESSIBLE)
    host.load()
    host.hear()
    host.prevent(False)
    assert host.load(load=False).status == GOOD
    assert sense_of(host.ready()) == NO_MEDIUM
    assert host.send(bytes((0x1B, 0, 0, 0, 0x09, 0))).status == GOOD, "held again, not threaded"
    assert sense_of(host.ready()) == Sense(s.MEMORY_ACCESSIBLE)
    cartridge = host.drive.eject()
    assert cartridge is not None
    assert sense_of(host.ready()) == NO_MEDIUM
    host.drive.insert(cartridge)


def test_another_cartridge_another_tape(host: Host, tmp_path: Path) -> None:
    host.write(b"first")
    first = host.drive.eject()
    assert first is not None
    second = new_cartridge(tmp_path, "KRL002L9")
    host.drive.insert(second)
    assert host.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
    assert sense_of(host.read(5)).code is s.END_OF_DATA
    host.drive.eject()
    second.close()
    host.drive.insert(first)
    host.hear()
    assert host.read(5).data == b"first"


# --- REPORT DENSITY SUPPORT --------------------------------------------------------------------


@pytest.mark.req("SSC-DENSITY-01", "SSC-DENSITY-04", "SSC-CMD-44")
@pytest.mark.parametrize("model", MODELS)
def test_densities_of_the_drive_ascend(model: str) -> None:
    media = personality.load(model).media
    with tape(model) as host:
        data = host.send(bytes((0x44, 0, 0, 0, 0, 0, 0, 4, 0, 0)), size=1024).data
    rows = [data[at : at + 52] for at in range(4, len(data), 52)]
    assert int.from_bytes(data[:2], "big") == len(data) - 2
    assert len(rows) == len(media["read_write"]) + len(media["read_only"])
    codes = [row[0] for row in rows]
    assert codes == sorted(codes)
    assert [bool(row[2] & 0x80) for row in rows].count(True) == len(media["read_write"])
    assert [row[2] & 0x20 for row in rows] == [0] * (len(rows) - 1) + [0x20]
    assert all(row[16:24] == b"LTO-CVE " for row in rows)


@pytest.mark.req("SSC-DENSITY-02", "SSC-DENSITY-03", "SSC-DENSITY-04")
def test_golden_density_of_the_loaded_volume(host: Host) -> None:
    data = host.send(bytes((0x44, 1, 0, 0, 0, 0, 0, 4, 0, 0)), size=1024).data
    golden = "0036 0000 60 60 a0 0000 0053d0 007f 2300 00000043"  # 64 MiB
    text = b"LTO-CVE " + b"U-932   " + b"Ultrium 9/32T       "
    assert data == bytes.fromhex(golden) + text


@pytest.mark.req("SSC-DENSITY-05")
def test_golden_medium_type_of_the_loaded_volume(host: Host) -> None:
    data = host.send(bytes((0x44, 3, 0, 0, 0, 0, 0, 4, 0, 0)), size=1024).data
    assert data[:4] == bytes.fromhex("003a0000")
    assert data[4:9] == bytes.fromhex("98 00 0034 01")
    assert data[9] == 0x60
    assert len(data) == 60
