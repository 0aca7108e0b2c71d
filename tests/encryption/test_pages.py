"""SECURITY PROTOCOL IN on a fresh drive, byte by byte, and what it refuses."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.encryption.keys import spin, spout_cdb
from tests.tape.host import GOOD, Host, new_drive, sense_of, tape

GOLDEN = {
    (0x00, 0x0000): "00 00 00 00 00 00 00 02 00 20",
    (0x00, 0x0001): "00 00 00 00",
    (0x20, 0x0000): "0000 0012 0000 0001 0010 0011 0012 0020 0021 0030 0031",
    (0x20, 0x0001): "0001 0002 0010",
    (0x20, 0x0010): "0010 0028 09" + "00" * 15
    + "03 00 0014 ba bc 0020 003c 0020 eb 00 0000 0000 0000 00010014",
    (0x20, 0x0011): "0011 0002 00 02",
    (0x20, 0x0012): "0012 000c 01 07 00 07" + "00" * 8,
    (0x20, 0x0020): "0020 0014 00 00 00 00 00000000 10 00 0000" + "00" * 8,
    (0x20, 0x0021): "0021 000c 0000000000000000 01 00 00 00",
}  # fmt: skip

CASES = [pytest.param(*case, id=f"{case[0]:02X}-{case[1]:04X}") for case in GOLDEN]
CDB = "a2 {:02x} {:04x} 0000 {:08x} 00 00"


def ask(protocol: int, page: int, allocation: int) -> bytes:
    return bytes.fromhex(CDB.format(protocol, page, allocation))


@pytest.mark.req("SSC-CMD-A2")
@pytest.mark.parametrize(("protocol", "page"), CASES)
def test_golden(host: Host, protocol: int, page: int) -> None:
    golden = bytes.fromhex(GOLDEN[protocol, page])
    assert spin(host, page, protocol=protocol) == golden
    if protocol:
        assert int.from_bytes(golden[2:4], "big") == len(golden) - 4


@pytest.mark.parametrize(("protocol", "page"), CASES)
def test_header_first_then_the_rest(host: Host, protocol: int, page: int) -> None:
    """As LTFS asks: allocation length 4, then the page length and 4."""
    golden = bytes.fromhex(GOLDEN[protocol, page])
    assert spin(host, page, 4, protocol) == golden[:4]
    assert spin(host, page, len(golden), protocol) == golden


def test_capabilities_with_no_volume_and_with_one_that_cannot_be_encrypted() -> None:
    host = Host(new_drive())
    host.hear()
    algorithm = spin(host, 0x0010)[20:]
    assert (algorithm[4], algorithm[5]) == (0x3A, 0x3C), "AVFMV 0, AVFCLP 00b"
    with tape("ibm/ult3580-td5", barcode="KRL001L3") as older:
        algorithm = spin(older, 0x0010)[20:]
        assert (algorithm[4], algorithm[5]) == (0x3A, 0x7C), "AVFMV 0, AVFCLP 01b"


def test_pages_that_need_no_volume() -> None:
    host = Host(new_drive())
    host.hear()
    for (protocol, page), golden in GOLDEN.items():
        if page not in (0x0010, 0x0021):
            assert spin(host, page, protocol=protocol) == bytes.fromhex(golden)
    assert sense_of(host.send(ask(0x20, 0x21, 255), size=255)) == Sense(s.NO_MEDIUM)


def test_random_numbers_are_new_each_time(host: Host) -> None:
    seen = [spin(host, 0x0030) for _ in range(8)]
    assert all(page[:4] == bytes.fromhex("0030 0020") and len(page) == 36 for page in seen)
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("cdb", "pointer"),
    [
        (ask(0x01, 0x0000, 255), (1, 7)),
        (ask(0x21, 0x0020, 255), (1, 7)),
        (ask(0xFF, 0x0000, 255), (1, 7)),
        (ask(0x00, 0x0003, 255), (2, 7)),
        (ask(0x20, 0x0002, 255), (2, 7)),
        (ask(0x20, 0x0022, 255), (2, 7)),
        (ask(0x20, 0x0032, 255), (2, 7)),
        (ask(0x20, 0x2000, 255), (2, 7)),
        (bytes.fromhex("a2 20 0020 80 00 00000001 00 00"), (4, 7)),
    ],
)
def test_in_refuses(host: Host, cdb: bytes, pointer: tuple[int, int]) -> None:
    assert sense_of(host.send(cdb, size=255)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=pointer)


@pytest.mark.parametrize(
    ("cdb", "pointer"),
    [
        (spout_cdb(20, 0x0010, 0x00), (1, 7)),
        (spout_cdb(20, 0x0011), (2, 7)),
        (spout_cdb(20, 0x0020), (2, 7)),
        (spout_cdb(20, 0x0000), (2, 7)),
        (bytes.fromhex("b5 20 0010 80 00 00000001 00 00"), (4, 7)),
    ],
)
def test_out_refuses(host: Host, cdb: bytes, pointer: tuple[int, int]) -> None:
    reply = host.send(cdb, out=bytes(512))
    assert sense_of(reply) == Sense(s.INVALID_FIELD_IN_CDB, pointer=pointer)


def test_nothing_sent_is_no_error(host: Host) -> None:
    assert host.send(spout_cdb(0)).status == GOOD
    assert spin(host, 0x0020) == bytes.fromhex(GOLDEN[0x20, 0x0020])


def test_asking_does_not_move_the_tape(host: Host) -> None:
    host.write_tape([b"one", b"two"])
    host.locate(1)
    for protocol, page in GOLDEN:
        spin(host, page, protocol=protocol)
    assert host.read(3).data == b"two"
