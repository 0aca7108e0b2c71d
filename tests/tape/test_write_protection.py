"""Write protection that hosts ask for, on pages 10h and 23h of a 3592 drive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from target import personality
from target.medium.cartridge import Cartridge
from target.scsi import sense as s
from target.scsi.sense import Code, Sense
from tests.scsi.modes import CHANGEABLE_VALUES, mode_select, mode_sense, page
from tests.tape.host import CHECK, GOOD, TD9, Host, new_drive, sense_of, tape

TS1160 = "ibm/ts1160"
BARCODE = "KRL001JE"
ASOCWP, PERSWP, PRMWP = 0x04, 0x02, 0x01
ASSOCIATED, RESET_ASSOCIATED, PERSISTENT, RESET_PERSISTENT, PERMANENT = (
    0x40, 0x20, 0x10, 0x08, 0x01,
)  # fmt: skip

CODES = {
    ASOCWP: s.ASSOCIATED_WRITE_PROTECT,
    PERSWP: s.PERSISTENT_WRITE_PROTECT,
    PRMWP: s.PERMANENT_WRITE_PROTECT,
}
FLAGS = {ASOCWP: ASSOCIATED, PERSWP: PERSISTENT, PRMWP: PERMANENT}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host at a 3592 drive with a blank tape."""
    with tape(personality.load(TS1160), barcode=BARCODE) as at:
        yield at


def configure(host: Host, bits: int) -> Sense | None:
    """Set ASOCWP, PERSWP and PRMWP of page 10h."""
    body = bytearray(page(host, 0x10))
    body[15] = body[15] & 0xF8 | bits
    return mode_select(host, 10, bytes(body))


def medium_sense(host: Host, bits: int) -> Sense | None:
    """Send page 23h with these bits in byte 10, as the host would change what it read."""
    body = bytearray(page(host, 0x23))
    body[10] = body[10] & 0x80 | bits
    return mode_select(host, 10, bytes(body))


def shown(host: Host) -> tuple[int, int, int]:
    """(bits of 10h, bits of 23h, WP of the header)."""
    return page(host, 0x10)[15] & 7, page(host, 0x23)[10], mode_sense(host, 10, 0x3F)[3] >> 7


def refused(host: Host, code: Code) -> None:
    """Whatever writes is refused with this; reading is not."""
    for reply in (host.write(b"data"), host.filemarks(1), host.erase(long=True)):
        assert (reply.status, sense_of(reply).code) == (CHECK, code)
    assert host.read(10).status == CHECK
    assert host.ready().status == GOOD


def again(host: Host) -> None:
    """Unload the volume and load it."""
    for load in (False, True):
        assert host.load(load=load).status == GOOD
        host.hear()


@pytest.mark.req("SSC-MODE-10-WP", "SSC-MODE-23")
@pytest.mark.parametrize("bit", [ASOCWP, PERSWP, PRMWP])
@pytest.mark.parametrize("number", [0x10, 0x23])
def test_each_way_of_protecting(host: Host, bit: int, number: int) -> None:
    ways: dict[int, Callable[[], Sense | None]] = {
        0x10: lambda: configure(host, bit),
        0x23: lambda: medium_sense(host, FLAGS[bit]),
    }
    assert ways[number]() is None
    assert shown(host) == (bit, FLAGS[bit], 1)
    refused(host, CODES[bit])
    assert ways[number]() is None, "once more changes nothing"
    again(host)
    kept = bit != ASOCWP
    assert shown(host) == ((bit, FLAGS[bit], 1) if kept else (0, 0, 0))
    if kept:
        refused(host, CODES[bit])
    else:
        assert host.write(b"data").status == GOOD


@pytest.mark.req("SSC-MODE-10-WP")
def test_protection_that_is_taken_back(host: Host) -> None:
    for bits in (ASOCWP, PERSWP, ASOCWP | PERSWP):
        assert configure(host, bits) is None
        assert configure(host, 0) is None
        assert shown(host) == (0, 0, 0)
    assert host.write(b"data").status == GOOD


@pytest.mark.req("SSC-MODE-23")
def test_protection_that_is_reset_on_page_23h(host: Host) -> None:
    assert medium_sense(host, ASSOCIATED | PERSISTENT) is None
    assert shown(host) == (ASOCWP | PERSWP, ASSOCIATED | PERSISTENT, 1)
    assert medium_sense(host, 0) is None, "bits of zero leave what is there"
    assert medium_sense(host, RESET_ASSOCIATED) is None
    assert shown(host) == (PERSWP, PERSISTENT, 1)
    assert medium_sense(host, RESET_PERSISTENT) is None
    assert shown(host) == (0, 0, 0)
    assert page(host, 0x23, 0, CHANGEABLE_VALUES)[10] == 0x79


@pytest.mark.req("SSC-MODE-10-WP")
def test_permanent_protection_stays(host: Host) -> None:
    assert configure(host, PRMWP) is None
    assert configure(host, 0) == Sense(s.PERMANENT_WRITE_PROTECT)
    assert configure(host, PRMWP | ASOCWP) is None
    assert medium_sense(host, RESET_ASSOCIATED | RESET_PERSISTENT) is None
    assert shown(host) == (PRMWP, PERMANENT, 1)


@pytest.mark.req("SSC-MODE-10-WP")
def test_protection_over_a_reset(host: Host) -> None:
    """A reset has the mode parameters begin anew; the cartridge keeps its own."""
    assert configure(host, ASOCWP | PERSWP) is None
    host.drive.reset()
    host.hear()
    assert shown(host) == (PERSWP, PERSISTENT, 1)


@pytest.mark.req("SSC-MODE-10-WP")
def test_protection_goes_with_the_cartridge(tmp_path: Path) -> None:
    model = personality.load(TS1160)
    Cartridge.create(tmp_path / "tape", BARCODE)
    for bits in (0, PERSWP):
        host = Host(new_drive(model))
        host.drive.insert(Cartridge(tmp_path / "tape"))
        host.hear()
        assert shown(host)[0] == bits
        assert configure(host, PERSWP) is None
        cartridge = host.drive.eject()
        assert cartridge is not None
        cartridge.close()


@pytest.mark.req("SSC-MODE-10-WP", "SSC-SENSE-5-3B-0C")
@pytest.mark.parametrize("bit", [ASOCWP, PERSWP, PRMWP])
def test_protection_changes_at_the_beginning(host: Host, bit: int) -> None:
    assert host.write(b"data").status == GOOD
    for sense in (configure(host, bit), medium_sense(host, FLAGS[bit])):
        assert sense == Sense(s.NOT_AT_BEGINNING)
    assert shown(host) == (0, 0, 0)
    assert host.write(b"data").status == GOOD


@pytest.mark.req("SSC-MODE-10-WP")
@pytest.mark.parametrize("bit", [ASOCWP, PERSWP, PRMWP])
def test_nothing_to_protect(bit: int) -> None:
    host = Host(new_drive(personality.load(TS1160)))
    host.hear()
    for sense in (configure(host, bit), medium_sense(host, FLAGS[bit])):
        assert sense == Sense(s.NO_MEDIUM)
    assert shown(host) == (0, 0, 0)
    assert page(host, 0x23) == bytes.fromhex("23 3a") + bytes(58)


@pytest.mark.req("SSC-MODE-10-WP", "SSC-WRITE-08")
def test_the_tab_is_in_the_way_of_what_the_cartridge_keeps() -> None:
    with tape(personality.load(TS1160), barcode=BARCODE, protect=True) as host:
        for bit in (PERSWP, PRMWP):
            assert configure(host, bit) == Sense(s.WRITE_PROTECTED)
        assert configure(host, ASOCWP) is None
        assert shown(host) == (ASOCWP, ASSOCIATED | 0x80, 1)
        refused(host, s.WRITE_PROTECTED)


@pytest.mark.req("SSC-MODE-10-WP")
def test_the_others_hear_of_it(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    assert configure(host, PERSWP) is None
    assert other.hear() == [s.MODE_PARAMETERS_CHANGED]
    assert configure(host, PERSWP) is None
    assert other.hear() == []
    assert configure(host, 0) is None
    assert other.hear() == [s.MODE_PARAMETERS_CHANGED]


@pytest.mark.req("SSC-MODE-10-WP")
def test_a_cartridge_that_cannot_be_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(cartridge: Cartridge) -> None:
        raise OSError

    monkeypatch.setattr(Cartridge, "save", fails)
    assert configure(host, PERSWP) == Sense(s.WRITE_ERROR)
    monkeypatch.undo()
    assert shown(host) == (0, 0, 0)


@pytest.mark.req("SSC-MODE-10-WP")
def test_the_drive_itself_is_protected() -> None:
    """SWP, which no drive here has, for a model whose table makes it changeable."""
    known = personality.load(TD9)
    with tape(replace(known, modes={**known.modes, "10": {"changeable": ["swp"]}})) as host:
        body = bytearray(page(host, 0x10))
        body[10] |= 0x04
        assert host.write(b"data").status == GOOD, "anywhere"
        assert mode_select(host, 10, bytes(body)) is None
        refused(host, s.SOFTWARE_WRITE_PROTECTED)
        again(host)
        refused(host, s.SOFTWARE_WRITE_PROTECTED)
        body[10] &= ~0x04
        assert mode_select(host, 10, bytes(body)) is None
        assert host.write(b"data").status == GOOD


@pytest.mark.req("SSC-MODE-10-WP")
def test_lto_drives_have_none_of_it() -> None:
    with tape(personality.load(TD9)) as host:
        assert page(host, 0x10, 0, CHANGEABLE_VALUES)[15] & 7 == 0
        for bit in range(3):
            wrong = Sense(s.INVALID_PARAMETER, pointer=(8 + 15, bit), in_cdb=False)
            assert configure(host, 1 << bit) == wrong


@pytest.mark.req("SSC-MODE-23")
def test_medium_sense_tells_of_the_volume(host: Host) -> None:
    body = page(host, 0x23)
    assert body[:10] == bytes.fromhex("23 3a 0000 0095 57 0000 00")
    assert host.drive.cartridge is not None
    assert body[48:60].hex() == host.drive.cartridge.info["identity"][:24]
    assert mode_select(host, 10, body) is None
