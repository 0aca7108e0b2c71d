"""SET CAPACITY: how much of a tape is left, and which tapes keep what they have."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.scsi.sense import Sense
from target.tape.tape_alert import Flag
from tests.tape.host import GOOD, MIB, TD9, Host, sense_of, tape
from tests.tape.volumes import (
    ALL,
    GB,
    REST,
    format_medium,
    made,
    partition,
    set_capacity,
    told,
    where,
)


@pytest.mark.req("SSC-SETCAP-01", "SSC-SETCAP-02", "SSC-CMD-0B")
def test_a_proportion_of_the_tape() -> None:
    with tape(TD9, capacity=None) as host:
        host.write_tape([b"data"])
        for proportion in (0x8000, 0xC000, ALL, 0x4000):
            assert set_capacity(host, proportion).status == GOOD
            host.hear()
            assert made(host) == [18000 * GB * proportion // ALL], "of the whole tape each time"
            assert host.drive.remaining == made(host)[0]
            assert told(host) == [made(host)[0] // GB * GB]
            assert sense_of(host.read(64)).code == s.END_OF_DATA, "erased"
            assert where(host) == (0, 0)


@pytest.mark.req("SSC-SETCAP-01")
def test_a_shorter_tape_is_full_earlier() -> None:
    with tape(TD9) as host:
        set_capacity(host, 0x2000)
        host.hear()
        block = bytes(1 << 16)
        written = 0
        while host.write(block).sense is None:
            written += 1
        assert written < 64 * MIB // 8 // len(block)
        capacity = made(host)[0]
        assert capacity * 0.8 < written * len(block) < capacity
        host.load(load=False)
        host.load()
        host.hear()
        assert made(host) == [capacity], "it stays so"


def test_partitions_of_a_shorter_tape(full: Host) -> None:
    """Each wrap is shorter, so all of them are there."""
    set_capacity(full, 0x8000)
    full.hear()
    capacity = made(full)[0]
    partition(full, REST, 1)
    assert made(full) == [capacity * 137 // 140, capacity // 140]
    format_medium(full, 0)
    assert made(full) == [capacity], "a format does not lengthen it"
    set_capacity(full, ALL)
    assert made(full) == [18000 * GB]


@pytest.mark.parametrize(
    ("name", "barcode", "least"),
    [("hp/ultrium-3", "KRL001L3", 0x151A), ("hp/ultrium-4", "KRL001L4", 0x1055)],
)
@pytest.mark.req("SSC-SETCAP-03")
def test_too_little_is_rounded_up_silently(name: str, barcode: str, least: int) -> None:
    with tape(name, barcode=barcode, capacity=None) as host:
        assert host.drive.cartridge is not None
        whole = host.drive.cartridge.capacity
        for proportion in (0, 1, least - 1, least, least + 1):
            assert set_capacity(host, proportion).status == GOOD
            host.hear()
            assert made(host) == [whole * max(proportion, least) // ALL]


def test_some_models_tell_of_the_rounding() -> None:
    """Quantum: a fifth at least, 1/37/00."""
    with tape("quantum/ultrium-4", capacity=None) as host:
        assert sense_of(set_capacity(host, 0x1000)) == Sense(s.ROUNDED_PARAMETER)
        host.hear()
        assert made(host) == [800 * GB // 5]
        assert set_capacity(host, 0x3333).status == GOOD


@pytest.mark.req("SSC-SETCAP-04")
def test_partitioned_tapes_keep_their_capacity_or_get_all_of_it(full: Host) -> None:
    """mkltfs sends FFFFh to whatever tape it formats; that makes one partition of it."""
    partition(full, REST, 200)
    assert sense_of(set_capacity(full, 0x8000)) == Sense(s.WRONG_CARTRIDGE)
    assert len(made(full)) == 2
    assert set_capacity(full, ALL).status == GOOD
    assert made(full) == [18000 * GB]


@pytest.mark.req("SSC-SETCAP-04")
def test_worm_keeps_its_capacity() -> None:
    with tape(TD9, barcode="KRL001LZ") as host:
        assert sense_of(set_capacity(host, 0x8000)) == Sense(s.WRONG_CARTRIDGE)
        host.write_tape([b"for ever"])
        assert sense_of(set_capacity(host, 0x8000)) == Sense(s.WORM_OVERWRITE)
        assert Flag.WORM_OVERWRITE in host.drive.alerts.active
        assert host.read(64, sili=True).data == b"for ever"


def test_some_models_shorten_blank_worm_tapes() -> None:
    """HP."""
    with tape("hp/ultrium-4", barcode="KRL001LU", capacity=None) as host:
        assert set_capacity(host, 0x8000).status == GOOD
        host.hear()
        assert made(host) == [800 * GB * 0x8000 // ALL]
        host.write_tape([b"for ever"])
        assert sense_of(set_capacity(host, ALL)) == Sense(s.WORM_OVERWRITE)
