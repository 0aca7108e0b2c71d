"""TapeAlert: each flag raised by its condition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from target.medium.cartridge import Cartridge
from target.medium.index import ENTRY_SIZE
from target.scsi import sense as s
from target.scsi.sense import CheckCondition, Sense
from target.tape.tape_alert import Flag
from tests.tape.host import FILEMARKS, GOOD, MIB, Host, new_cartridge, new_drive, sense_of
from tests.tape.logs import (
    drive_of,
    flags,
    known,
    logged,
    page,
    remount,
    response,
)


@pytest.fixture
def host() -> Iterator[Host]:
    with logged() as one:
        yield one


@pytest.mark.req("SSC-TA-03", "SSC-TA-05")
def test_a_damaged_block(host: Host) -> None:
    host.write_tape([bytes(100)])
    host.damage(0)
    assert sense_of(host.read(100)).code is s.READ_ERROR
    assert flags(host) == {Flag.HARD_ERROR, Flag.READ_FAILURE}


@pytest.mark.req("SSC-TA-03", "SSC-TA-06", "SSC-SENSE-3-0C-00")
def test_data_that_cannot_be_written(host: Host) -> None:
    host.write(bytes(100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.pwrite", _full)
        assert sense_of(host.filemarks()).code is s.WRITE_ERROR
    assert flags(host) == {Flag.HARD_ERROR, Flag.WRITE_FAILURE}


def _full(*_: object) -> int:
    raise OSError(28, "No space left on device")


@pytest.mark.req("SSC-TA-03", "SSC-TA-04")
def test_a_damaged_structure(host: Host) -> None:
    host.write_tape([bytes(100), None, bytes(100)])
    cartridge = host.drive.eject()
    assert isinstance(cartridge, Cartridge)
    cartridge.close()
    path = cartridge.folder / "partition0" / "index"
    data = bytearray(path.read_bytes())
    data[ENTRY_SIZE] ^= 0xFF
    path.write_bytes(data)
    host.drive.insert(Cartridge(cartridge.folder))
    host.hear()
    assert sense_of(host.space(FILEMARKS, 1)).code is s.FORMAT_CORRUPTED
    assert flags(host) == {Flag.HARD_ERROR, Flag.MEDIUM}


@pytest.mark.req("SSC-TA-09")
def test_a_protected_volume() -> None:
    with logged(protect=True) as host:
        assert sense_of(host.filemarks()).code is s.WRITE_PROTECTED
        assert flags(host) == {Flag.WRITE_PROTECT}


@pytest.mark.req("SSC-TA-10", "SSC-SENSE-5-53-02")
def test_removal_that_is_prevented(host: Host) -> None:
    host.prevent(True)
    assert sense_of(host.load(load=False)).code is s.REMOVAL_PREVENTED
    assert flags(host) == {Flag.NO_REMOVAL}
    host.prevent(False)
    remount(host)
    assert response(host) == set()


@pytest.mark.req("SSC-TA-16")
def test_a_volume_that_is_taken_by_force(host: Host) -> None:
    host.prevent(True)
    cartridge = host.drive.eject()
    assert cartridge is not None
    assert flags(host) == {Flag.FORCED_EJECT}
    host.prevent(False)
    host.drive.insert(cartridge)
    host.hear()
    assert response(host) == set()
    host.drive.eject()
    assert response(host) == set(), "nobody minds"
    host.drive.insert(cartridge)


def alone(
    folder: Path, barcode: str, change: Callable[[Cartridge], None] | None = None
) -> tuple[Host, Cartridge]:
    """A cartridge put into a drive, whatever comes of it."""
    host = Host(new_drive())
    host.hear()
    cartridge = new_cartridge(folder, barcode)
    if change:
        change(cartridge)
    with suppress(CheckCondition):
        host.drive.insert(cartridge)
    host.hear()
    return host, cartridge


def _empty_cleaner(cartridge: Cartridge) -> None:
    cartridge.info["cleanings_left"] = 0


@pytest.mark.parametrize(
    ("barcode", "change", "raised"),
    [
        pytest.param("KRL001L6", None, {12}, marks=pytest.mark.req("SSC-TA-12")),
        pytest.param("CLN001CU", None, {11}, marks=pytest.mark.req("SSC-TA-11")),
        pytest.param("CLN001CU", _empty_cleaner, {11, 22}, marks=pytest.mark.req("SSC-TA-22")),
        pytest.param("CLN001CA", None, {11, 23}, marks=pytest.mark.req("SSC-TA-23")),
        pytest.param(
            "KRL001L9",
            lambda one: one.info.update(damage=["leader"]),
            {14, 55},
            marks=pytest.mark.req("SSC-TA-13", "SSC-TA-55"),
        ),
        pytest.param(
            "KRL001L9",
            lambda one: one.info.update(damage=["memory"]),
            {15},
            marks=pytest.mark.req("SSC-TA-15"),
        ),
    ],
)
def test_cartridges_that_raise_flags_by_being_loaded(
    tmp_path: Path,
    barcode: str,
    change: Callable[[Cartridge], None] | None,
    raised: set[int],
) -> None:
    host, cartridge = alone(tmp_path, barcode, change)
    assert flags(host) == raised
    host.drive.eject()
    cartridge.close()


def test_a_strange_cleaning_cartridge_does_not_clean(tmp_path: Path) -> None:
    host, cartridge = alone(tmp_path, "CLN001CA")
    assert host.drive.lifetime.cleanings == 0
    assert cartridge.info["cleanings_left"] > 0
    host.drive.eject()
    cartridge.close()


@pytest.mark.req("SSC-LOG-13", "SSC-TA-55")
def test_what_would_help_a_cartridge_that_does_not_load(tmp_path: Path) -> None:
    host = Host(drive_of(known()))
    host.hear()
    cartridge = new_cartridge(tmp_path, "KRL001L9")
    cartridge.info["damage"] = ["leader"]
    with pytest.raises(CheckCondition):
        host.drive.insert(cartridge)
    assert page(host, 0x13)[0] == b"\3", "take it out and put it in again"
    assert page(host, 0x11)[0][3] & 0x04, "RRQST"
    host.drive.eject()
    cartridge.close()


@pytest.mark.req("SSC-TA-17")
def test_a_format_that_is_only_read() -> None:
    with logged(known("ibm/ult3580-td6"), barcode="KRL001L4") as host:
        host.write(b"x")
        assert flags(host) == {Flag.READ_ONLY_FORMAT}


@pytest.mark.req("SSC-TA-18", "SSC-TA-50")
def test_a_tape_that_was_in_use_when_power_failed(tmp_path: Path) -> None:
    cartridge = new_cartridge(tmp_path, "KRL001L9")
    host = Host(new_drive())
    host.drive.insert(cartridge)
    host.hear()
    host.write(bytes(5000))
    host.filemarks()
    for _ in range(3):
        host.write(bytes(MIB))
    cartridge.abandon()
    again = Cartridge(cartridge.folder)
    other = Host(new_drive())
    other.hear()
    other.drive.insert(again)
    other.hear()
    assert flags(other) == {Flag.DIRECTORY_CORRUPTED, Flag.LOST_STATISTICS}
    remount(other)
    other.drive.eject()
    again.close()
    last = Cartridge(cartridge.folder)
    other.drive.insert(last)
    other.hear()
    assert flags(other) == set(), "all is well since then"
    other.drive.eject()
    last.close()


def test_firmware_that_is_refused(host: Host) -> None:
    host.drive.downloaded(False)
    assert flags(host) == {Flag.DOWNLOAD_FAILED}
    host.drive.downloaded(True)
    assert response(host) == set()


@pytest.mark.req("SSC-TA-39")
def test_a_self_test_that_fails(host: Host) -> None:
    host.write(bytes(100))
    test = bytes((0x1D, 0x04, 0, 0, 0, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.pwrite", _full)
        assert sense_of(host.send(test)).code is s.SELF_TEST_FAILED
    assert Flag.DIAGNOSTICS_REQUIRED in response(host)
    assert host.send(test).status == GOOD
    assert Flag.DIAGNOSTICS_REQUIRED not in response(host)


@pytest.mark.req("SSC-TA-51", "SSC-TA-56")
def test_an_unload_that_fails(host: Host) -> None:
    host.write(bytes(100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.pwrite", _full)
        patch.setattr(host.drive, "sync", lambda: None)
        assert sense_of(host.load(load=False)).code is s.WRITE_ERROR
    assert {Flag.DIRECTORY_INVALID, Flag.UNLOAD_FAILED} <= response(host)
    assert host.drive.loaded


@pytest.mark.req("SSC-TA-52", "SSC-TA-56")
def test_a_memory_that_cannot_be_written_at_the_end(host: Host) -> None:
    def refuse() -> None:
        raise OSError(5, "Input/output error")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host.drive.cartridge, "save", refuse)
        assert sense_of(host.load(load=False)).code is s.WRITE_ERROR
    assert {Flag.SYSTEM_AREA_WRITE, Flag.UNLOAD_FAILED} <= response(host)


@pytest.mark.req("SSC-TA-58", "SSC-SENSE-4-44-00")
def test_microcode_that_fails(host: Host) -> None:
    def broken() -> None:
        raise RuntimeError("a bug")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host.drive, "sync", broken)
        assert sense_of(host.rewind()).code is s.INTERNAL_FAILURE
    assert flags(host) == {Flag.MICROCODE_FAILURE}
    assert page(host, 0x35)[0][:3] == bytes.fromhex("04 44 00")


@pytest.mark.req("SSC-TA-60")
def test_a_worm_volume_that_is_written_over() -> None:
    with logged(barcode="KRL001LZ") as host:
        host.write_tape([b"one"])
        assert sense_of(host.write(b"two")).code is s.WORM_OVERWRITE
        assert flags(host) == {Flag.WORM_OVERWRITE}


@pytest.mark.req("SSC-TA-59", "SSC-SENSE-3-30-0D")
def test_a_worm_volume_that_has_lost_blocks() -> None:
    with logged(barcode="KRL001LZ") as host:
        host.write_tape([b"one", b"two", None])
        cartridge = host.drive.eject()
        assert cartridge is not None
        assert response(host) == set()
        cartridge.partitions[0].cut(1)
        host.drive.insert(cartridge)
        host.hear()
        assert flags(host) == {Flag.WORM_INTEGRITY}
        assert host.read(3).data == b"one"
        assert sense_of(host.write(b"two")) == Sense(s.WORM_INTEGRITY)
        assert sense_of(host.erase()) == Sense(s.WORM_INTEGRITY)
        remount(host)
        assert response(host) == {Flag.WORM_INTEGRITY}, "it stays so"
        assert sense_of(host.write(b"two")) == Sense(s.WORM_INTEGRITY)


def test_filemarks_of_a_worm_volume_may_go() -> None:
    with logged(barcode="KRL001LZ") as host:
        host.write_tape([b"one", None, None])
        remount(host)
        host.locate(1)
        assert host.write(b"two").status == GOOD
        remount(host)
        assert response(host) == set()
