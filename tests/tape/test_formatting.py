"""FORMAT MEDIUM: what it leaves, and what it and SET CAPACITY refuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from target import personality
from target.clock import ManualClock
from target.medium.formats import FORMATS
from target.medium.null import NullCartridge
from target.scsi import sense as s
from target.scsi.sense import Sense
from target.tape import commands
from target.tape.drive import Drive
from target.tape.tape_alert import Flag
from tests.encryption.keys import keys_off, set_keys
from tests.tape import memory
from tests.tape.host import EOD, GOOD, MIB, TD9, Host, new_cartridge, new_drive, sense_of, tape
from tests.tape.volumes import (
    ALL,
    GB,
    REST,
    SDP,
    TD5,
    TD6,
    TD8,
    append_only,
    format_medium,
    go,
    made,
    model,
    page,
    partition,
    request,
    select,
    set_capacity,
    told,
    where,
)

# --- LTFS, and what follows ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "sizes", "capacities"),
    [
        (TD5, (REST, 1), (1425.0, 37.5)),
        (TD5, (1, REST), (37.5, 1425.0)),
        (TD6, (REST, 1), (2500 * 66 / 68, 2500 / 68)),
        (TD8, (REST, 1), (12000 * 102 / 104, 12000 / 104)),
        (TD9, (1, REST), (18000 / 140, 18000 * 137 / 140)),
    ],
)
@pytest.mark.req("SSC-FORMAT-02", "SSC-LOCATE-07", "SSC-MODE-11-SELECT", "SSC-CMD-04")
def test_a_tape_as_ltfs_makes_and_uses_it(
    name: str, sizes: tuple[int, ...], capacities: tuple[float, ...]
) -> None:
    with tape(name, capacity=None) as host:
        host.write_tape([b"what was there", None])
        assert host.load().status == GOOD
        assert set_capacity(host, ALL).status == GOOD
        assert host.hear() == [s.MODE_PARAMETERS_CHANGED]
        assert host.load().status == GOOD
        assert sense_of(select(host, request(host, *sizes))).code == s.ROUNDED_PARAMETER
        assert format_medium(host, 1).status == GOOD
        assert host.hear() == [], "the nexus that formats is told nothing more"
        assert made(host) == [int(GB * capacity) for capacity in capacities]
        for number in (1, 0):
            assert go(host, number).status == GOOD
            assert where(host) == (number, 0)
            assert sense_of(host.read(64)).code == s.END_OF_DATA, "empty"
            for item in (b"VOL1", None, b"label %d" % number, None, b"index"):
                reply = host.filemarks() if item is None else host.write(item)
                assert reply.status == GOOD
        host.load(load=False)
        host.load()
        host.hear()
        assert where(host) == (0, 0)
        for number in (0, 1):
            go(host, number, 2)
            assert host.read(64, sili=True).data == b"label %d" % number
            go(host, number, kind=EOD)
            assert where(host) == (number, 5)
        go(host, 1, 1)
        assert sense_of(host.read(64)).filemark
        assert host.load().status == GOOD, "LOAD goes to the beginning of the volume"
        assert where(host) == (0, 0)


@pytest.mark.req("SSC-FORMAT-01", "SSC-FORMAT-02", "SSC-FORMAT-03")
def test_one_partition_again(full: Host) -> None:
    """FORMAT 0 leaves one; 1 and 2 make what the page says, without a request what there is."""
    for kind in (1, 2):
        partition(full, REST, 200)
        two = made(full)
        full.write(b"data")
        full.rewind()
        assert format_medium(full, kind).status == GOOD
        assert made(full) == two
        assert sense_of(full.read(64)).code == s.END_OF_DATA
        assert format_medium(full, 0).status == GOOD
        assert made(full) == [18000 * GB] == told(full)
        assert sense_of(go(full, 1)).code == s.INVALID_FIELD_IN_CDB
        assert select(full, request(full, 100, 200, 300, REST)).sense
        assert format_medium(full, kind).status == GOOD
        assert len(made(full)) == 4


def test_a_format_of_one_partition_does_what_was_asked_for(full: Host) -> None:
    select(full, request(full, REST, 200))
    assert format_medium(full, 0).status == GOOD
    assert format_medium(full, 1).status == GOOD
    assert len(made(full)) == 1, "the request is done with"


def test_four_partitions_are_apart(full: Host) -> None:
    """Writing, filling and erasing one leaves the others."""
    assert select(full, request(full, method=SDP, more=3)).status == GOOD
    format_medium(full, 1)
    for number in range(4):
        go(full, number)
        for block in range(3):
            full.write(b"%d %d" % (number, block))
    go(full, 2, 1)
    full.write(b"another")
    go(full, 1)
    assert full.erase().status == GOOD
    expected = {0: b"0 1", 2: b"another", 3: b"3 1"}
    for number, data in expected.items():
        go(full, number, 1)
        assert full.read(64, sili=True).data == data
    go(full, 1, kind=EOD)
    assert where(full) == (1, 0)
    go(full, 2, kind=EOD)
    assert where(full) == (2, 2)


@pytest.mark.req("SSC-FORMAT-02")
def test_a_small_partition_is_full_before_a_large_one() -> None:
    with tape(TD9) as host:
        partition(host, 1, REST, units=5)
        block = bytes(1 << 16)
        while (sense := host.write(block).sense) is None or sense.code != s.END_OF_MEDIUM:
            assert sense is None or sense.code == s.EARLY_WARNING
        assert where(host)[1] < 64 * MIB // 70 // (1 << 16) + 2
        go(host, 1)
        assert host.write(block).status == GOOD


# --- what goes with a format ---------------------------------------------------------------------


@pytest.mark.req("SSC-FORMAT-06")
def test_data_attributes_and_encryption_are_gone(full: Host) -> None:
    partition(full, REST, 200)
    set_keys(full, bytes(range(32)))
    go(full, 1)
    full.write(b"secret")
    assert full.drive.volume_has_encrypted_blocks()
    assert memory.write(full, memory.attribute(0x0803, b"mine", 2), partition=1).status == GOOD
    assert memory.write(full, memory.attribute(0x0801, b"name", 1)).status == GOOD
    go(full, 0)
    assert format_medium(full, 1).status == GOOD
    assert not full.drive.volume_has_encrypted_blocks()
    for number in (0, 1):
        assert not memory.hosts_own(full, number)
    assert full.write(b"secret").status == GOOD, "the key is still there: a new run"
    full.rewind()
    assert full.read(64, sili=True).data == b"secret"
    keys_off(full)
    full.rewind()
    assert sense_of(full.read(64)).code == s.UNABLE_TO_DECRYPT


@pytest.mark.req("SSC-MODE-11-MOUNT")
def test_other_nexuses_hear_of_other_mode_parameters(full: Host) -> None:
    other = Host(full.drive, "other")
    other.hear()
    format_medium(full, 0)
    assert other.hear() == [s.MODE_PARAMETERS_CHANGED]
    set_capacity(full, 0x8000)
    assert other.hear() == [s.MODE_PARAMETERS_CHANGED] == full.hear()


@pytest.mark.req("SSC-MAM-0007")
def test_formats_are_counted(full: Host) -> None:
    for count in range(1, 3):
        assert format_medium(full).status == GOOD
        assert full.drive.cartridge is not None
        assert full.drive.cartridge.info["initializations"] == count


def test_a_volume_gets_the_format_of_the_drive() -> None:
    """What a TS1140 has written a TS1160 reads, but formats in a newer format, with more room."""
    with tape("ibm/ts1140", barcode="KRL001JC", capacity=None) as host:
        host.write_tape([b"old"])
        cartridge, other = host.drive.eject(), Host(new_drive("ibm/ts1160"))
        assert cartridge is not None
        assert cartridge.recorded is FORMATS["3592-E07"]
        other.drive.insert(cartridge)
        other.hear()
        assert other.read(64, sili=True).data == b"old"
        other.rewind()
        assert sense_of(select(other, request(other, REST, 100))) == Sense(s.ROUNDED_PARAMETER)
        assert format_medium(other, 1).status == GOOD
        assert cartridge.recorded is FORMATS["3592-E08"]
        assert 6700 * GB < sum(made(other)) < 7000 * GB
        assert other.write(b"new").status == GOOD
        other.drive.eject()
        host.drive.insert(cartridge)


def test_writing_in_another_format_leaves_one_partition() -> None:
    """A partition in the old format could not be read beside one in the new."""
    with tape("ibm/ts1140", barcode="KRL001JC", capacity=None) as host:
        partition(host, REST, 100)
        cartridge, other = host.drive.eject(), Host(new_drive("ibm/ts1160"))
        assert cartridge is not None
        other.drive.insert(cartridge)
        other.hear()
        go(other, 1)
        assert sense_of(other.write(b"no")).code == s.CANNOT_WRITE_MEDIUM
        go(other, 0)
        assert other.write(b"new").status == GOOD
        assert where(other) == (0, 1)
        assert made(other) == [7000 * GB]
        assert cartridge.recorded is FORMATS["3592-E08"]
        other.rewind()
        assert other.read(64, sili=True).data == b"new"
        other.drive.eject()
        host.drive.insert(cartridge)


# --- the command ---------------------------------------------------------------------------------


@pytest.mark.req("SSC-FORMAT-07")
def test_fields_of_format_medium(full: Host) -> None:
    full.write_tape([b"data"])
    for kind in range(3, 16):
        assert sense_of(format_medium(full, kind)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 3))
    for length in (1, 0xFFFF):
        wrong = Sense(s.INVALID_FIELD_IN_CDB, pointer=(3, 7))
        assert sense_of(format_medium(full, 0, length=length)) == wrong
    assert full.read(64, sili=True).data == b"data"
    full.rewind()
    assert format_medium(full, 0, verify=True).status == GOOD
    assert format_medium(full, 0, immed=True).status == GOOD


@pytest.mark.req("SSC-CMD-04")
def test_t10000_drives_know_fewer_formats_and_ways() -> None:
    """FORMAT 0 and 2, initiator-defined partitions; a T10000D makes ten and tells of as many as
    there are (Oracle, T10000 interface reference)."""
    for name, most, length in (("stk/t10000c", 2, 0x0A), ("stk/t10000d", 10, 0x08)):
        with tape(name, capacity=None) as host:
            assert page(host)[1:3] == bytes((length, most - 1))
            assert sense_of(format_medium(host, 1)) == Sense(
                s.INVALID_FIELD_IN_CDB, pointer=(2, None)
            )
            wrong = Sense(s.INVALID_PARAMETER, pointer=(12, None), in_cdb=False)
            assert sense_of(select(host, request(host, method=SDP, more=1))) == wrong
            assert select(host, request(host, *(100,) * (most - 1), REST)).sense
            assert format_medium(host, 2).status == GOOD
            assert len(made(host)) == most
            assert page(host)[1:4] == bytes((6 + 2 * most, most - 1, most - 1))
            for number in (*range(most), 0):
                locate = bytes((0x2B, 2, 0, 0, 0, 0, 0, 0, number, 0))
                assert host.send(locate).status == GOOD
                assert where(host) == (number, 0)
            assert format_medium(host, 0).status == GOOD
            assert page(host)[1] == length


def test_a_model_may_partition_at_mode_select() -> None:
    """As in SCSI-2: at the beginning only, and what can be written."""
    with tape(model(TD9, partition_on_mode_select=True), capacity=None) as host:
        host.write(b"data")
        assert sense_of(select(host, request(host, REST, 200))).code == s.NOT_AT_BEGINNING
        assert len(made(host)) == 1
        host.rewind()
        assert select(host, request(host, REST, 200)).sense == Sense(s.ROUNDED_PARAMETER)
        assert len(made(host)) == 2
        assert sense_of(host.read(64)).code == s.END_OF_DATA
        assert page(host)[3] == 1


@pytest.mark.req("SSC-FORMAT-04", "SSC-SETCAP-02", "SSC-SENSE-5-3B-0C")
def test_only_at_the_beginning_of_partition_0(full: Host) -> None:
    partition(full, REST, 200)
    full.write(b"data")
    for number, block in ((0, 1), (1, 0)):
        go(full, number, block)
        assert sense_of(format_medium(full)) == Sense(s.NOT_AT_BEGINNING)
        assert sense_of(set_capacity(full, ALL)) == Sense(s.NOT_AT_BEGINNING)
        assert where(full) == (number, block)
    assert len(made(full)) == 2
    go(full, 0)
    assert full.read(64, sili=True).data == b"data"


@pytest.mark.req("SSC-FORMAT-05", "SSC-SENSE-5-30-00", "SSC-SENSE-7-30-0C")
def test_worm_is_not_formatted() -> None:
    for name, barcode in ((TD5, "KRL001LV"), (TD9, "KRL001LZ")):
        with tape(name, barcode=barcode) as host:
            for kind in (0, 1, 2):
                assert sense_of(format_medium(host, kind)) == Sense(s.WRONG_CARTRIDGE)
            host.write_tape([b"for ever"])
            assert sense_of(format_medium(host)) == Sense(s.WORM_OVERWRITE)
            assert Flag.WORM_OVERWRITE in host.drive.alerts.active
            assert host.read(64, sili=True).data == b"for ever"


@pytest.mark.req("SSC-FORMAT-05", "SSC-SENSE-7-30-0C")
def test_3592_worm_is_divided_while_it_is_blank() -> None:
    with tape("ibm/ts1160", barcode="KRL001JV", capacity=None) as host:
        partition(host, REST, 100)
        partition(host, 100, REST)
        go(host, 1)
        assert host.write(b"for ever").status == GOOD
        go(host, 0)
        assert sense_of(format_medium(host, 1)) == Sense(s.WORM_OVERWRITE)
        assert sense_of(format_medium(host, 0)) == Sense(s.WORM_OVERWRITE)
        assert len(made(host)) == 2
        go(host, 1)
        assert host.read(64, sili=True).data == b"for ever"


@pytest.mark.req("SSC-SENSE-5-30-00")
def test_formats_without_partitions_are_not_formatted() -> None:
    with tape(TD5, barcode="KRL001L4") as host:
        host.write_tape([b"data"])
        assert sense_of(format_medium(host)) == Sense(s.WRONG_CARTRIDGE)
        assert host.read(64, sili=True).data == b"data"


@pytest.mark.req("SSC-CMD-04", "SSC-CMD-82")
def test_models_before_lto5_have_no_format_medium() -> None:
    for name in ("ibm/ult3580-td4", "hp/ultrium-3", "ibm/ult3580-td1"):
        with tape(name) as host:
            for opcode in (0x04, 0x82):
                cdb = bytes((opcode,)).ljust(16, b"\0")
                assert sense_of(host.send(cdb)) == Sense(s.INVALID_OPCODE, pointer=(0, None))
            assert set_capacity(host, ALL).status == GOOD


@pytest.mark.req("SSC-SENSE-7-27-00", "SSC-SENSE-7-30-05")
def test_protected_and_read_only_volumes() -> None:
    with tape(TD9, protect=True) as host:
        for reply in (format_medium(host), set_capacity(host, 0x8000)):
            assert sense_of(reply) == Sense(s.WRITE_PROTECTED)
    with tape("ibm/ult3580-td7", barcode="KRL001L5") as host:
        for reply in (format_medium(host), set_capacity(host, 0x8000)):
            assert sense_of(reply) == Sense(s.CANNOT_WRITE_MEDIUM)


def test_without_a_volume() -> None:
    with tape(TD9) as host:
        host.load(load=False)
        for reply in (format_medium(host), set_capacity(host, ALL)):
            assert sense_of(reply) == Sense(s.NO_MEDIUM)


def test_the_null_medium_takes_no_partitions() -> None:
    drive = Drive(personality.load(TD9), "KRL0000001", commands.of(personality.load(TD9)))
    host = Host(drive)
    drive.insert(NullCartridge(drive.density))
    host.hear()
    assert page(host)[2] == 0
    assert sense_of(format_medium(host)) == Sense(s.WRONG_CARTRIDGE)
    assert set_capacity(host, ALL).status == GOOD


# --- time ----------------------------------------------------------------------------------------


@contextmanager
def timed(tmp_path: Path, *, optimises: bool = False) -> Iterator[tuple[Host, ManualClock]]:
    clock = ManualClock(now=1e9)
    known = model(TD9, optimises_media=optimises)
    known = replace(known, timing={**known.timing, "load": 10, "format": 200, "optimise": 3600})
    drive = Drive(known, "KRL0000001", commands.of(known), clock=clock, factor=1.0)
    host = Host(drive)
    drive.insert(new_cartridge(tmp_path, "KRL001L9"))
    for _ in range(2):  # Load, and characterise.
        host.hear()
        clock.sleep(5000)
        host.hear()
    assert host.ready().status == GOOD
    yield host, clock
    cartridge = drive.eject()
    assert cartridge is not None
    cartridge.close()


@pytest.mark.req("SSC-FORMAT-07")
def test_immed_formats_after_the_command(tmp_path: Path) -> None:
    with timed(tmp_path) as (host, clock):
        partition(host, REST, 5, units=6)
        other = Host(host.drive, "other")
        other.hear()
        assert format_medium(host, 0, immed=True).status == GOOD
        assert sense_of(host.ready()).code == s.FORMAT_IN_PROGRESS
        assert sense_of(host.write(b"data")).code == s.FORMAT_IN_PROGRESS
        assert len(made(host)) == 2
        assert sense_of(other.ready()).code == s.FORMAT_IN_PROGRESS
        clock.sleep(200)
        assert host.ready().status == GOOD
        assert len(made(host)) == 1
        assert other.hear() == [s.MODE_PARAMETERS_CHANGED]
        assert set_capacity(host, 0x8000, immed=True).status == GOOD
        assert sense_of(host.ready()).code == s.NOT_READY_IN_OPERATION
        clock.sleep(200)
        assert host.hear() == [s.MODE_PARAMETERS_CHANGED]


@pytest.mark.req("SSC-FORMAT-08")
def test_a_format_optimises_the_medium_again(tmp_path: Path) -> None:
    for optimises, seconds in ((False, 200), (True, 3800)):
        with timed(tmp_path, optimises=optimises) as (host, clock):
            start = clock.monotonic()
            assert format_medium(host).status == GOOD
            assert clock.monotonic() - start == pytest.approx(seconds)
            start = clock.monotonic()
            assert set_capacity(host, ALL).status == GOOD
            assert clock.monotonic() - start == pytest.approx(200)


def test_append_only_mode_and_formats_are_told_apart(full: Host) -> None:
    """A blank volume can be formatted in append-only mode; see test_append_only for the rest."""
    assert append_only(full).status == GOOD
    assert format_medium(full).status == GOOD
