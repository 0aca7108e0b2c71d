"""What each log page looks like: parameters, control bytes, lengths; what a blank drive says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from target import personality
from target.scsi.log import ALL_SUBPAGES, LogPage
from target.tape import log_pages
from target.tape.logs.status import hashed
from tests.tape.host import MIB, MODELS, TD9, Host, new_drive
from tests.tape.logs import drive_of, known, log_sense, logged, page, split
from tests.tape.memory import value

EACH = pytest.mark.parametrize(
    "row", [pytest.param(row, id=log_pages.key(row)) for row in log_pages.PAGES]
)
COUNT, FIXED, LIST, TEXT, SPC_LIST = 0x40, 0xC0, 0x43, 0x41, 0x03
"""Control bytes: counters, numbers that are not counted (DU), binary lists, text; lists of SPC."""


@pytest.fixture
def host() -> Iterator[Host]:
    with logged() as one:
        yield one


def empty() -> Host:
    host = Host(drive_of(known()))
    host.hear()
    return host


def shape(host: Host, code: int, subpage: int = 0) -> list[tuple[int, int, int]]:
    """Parameter code, control byte and length."""
    found = split(log_sense(host, code, subpage))
    return [(key, control, len(body)) for key, (control, body) in found.items()]


# --- which pages -------------------------------------------------------------------------------


@EACH
def test_parameters_are_in_order(row: LogPage) -> None:
    codes = [one.code for one in row.parameters]
    assert codes == sorted(set(codes))


def test_pages_are_in_order() -> None:
    keys = [row.key for row in log_pages.PAGES]
    assert keys == sorted(set(keys))


@pytest.mark.req("SSC-LOG-R3", "SSC-LOG-00")
def test_all_of_them_are_listed(host: Host) -> None:
    body = log_sense(host, 0, ALL_SUBPAGES)[4:]
    pairs = [(body[at], body[at + 1]) for at in range(0, len(body), 2)]
    listed = [row.key for row in log_pages.PAGES if row.listed]
    assert pairs == sorted([(0, 0), (0, ALL_SUBPAGES), *listed])


@EACH
@pytest.mark.parametrize("control", range(4))
@pytest.mark.req("SSC-LOG-R1")
def test_every_page_can_be_read_in_every_state(row: LogPage, control: int) -> None:
    """sg_logs -a, and tools that ask for thresholds."""
    for host in (empty(), Host(new_drive())):
        host.drive.logs = log_pages.PAGES
        host.hear()
        split(log_sense(host, *row.key, control=control))
    with logged(barcode="CLN001CU") as host:
        split(log_sense(host, *row.key, control=control))
    with logged(capacities=(8 * MIB, 8 * MIB, 8 * MIB, 8 * MIB)) as host:
        host.write_tape([bytes(5000), None])
        split(log_sense(host, *row.key, control=control))


@pytest.mark.parametrize("model", MODELS)
def test_a_model_has_the_pages_of_its_table(model: str) -> None:
    drive = new_drive(model)
    told = personality.load(model).logs
    assert [log_pages.key(row) for row in drive.logs] == sorted(told.keys() - {"00"})
    host = Host(drive)
    host.hear()
    for row in drive.logs:
        split(log_sense(host, *row.key))


def test_a_page_that_there_is_not_is_named() -> None:
    tables: list[dict[str, bool | str]] = [{"3F": True}, {"17": "sony"}, {"02": "hp"}]
    for table in tables:
        with pytest.raises(ValueError, match=next(iter(table))):
            log_pages.of(replace(personality.load(TD9), logs=table))


# --- error counters ----------------------------------------------------------------------------


@pytest.mark.req("SSC-LOG-02", "SSC-LOG-R1")
def test_write_errors(host: Host) -> None:
    golden = """82 00 004e 0000 40 04 00000000 0001 40 04 00000000 0002 40 04 00000000
        0003 40 04 00000000 0004 40 04 00000000 0005 40 08 0000000000000000 0006 40 04 00000000
        8000 40 08 0000000000000000 8001 40 04 00000000"""
    data = log_sense(host, 0x02)
    assert data == bytes.fromhex(golden).replace(b"\x00\x4e", len(data[4:]).to_bytes(2, "big"), 1)


@pytest.mark.req("SSC-LOG-03")
def test_read_errors(host: Host) -> None:
    eight = {5, 0x8000}
    codes = (*range(7), 0x8000)
    assert shape(host, 0x03) == [(code, COUNT, 8 if code in eight else 4) for code in codes]


@pytest.mark.req("SSC-LOG-06")
def test_non_medium_errors(host: Host) -> None:
    assert log_sense(host, 0x06) == bytes.fromhex("86 00 0008 0000 40 04 00000000")


@pytest.mark.req("SSC-LOG-33", "SSC-LOG-39")
def test_makers_error_pages(host: Host) -> None:
    assert shape(host, 0x33) == [(code, COUNT, 2) for code in range(0x12)]
    assert shape(host, 0x34) == [(code, COUNT, 2) for code in range(0x1F)]
    assert shape(host, 0x35) == [(0, LIST, 22)]
    for code in (0x39, 0x3B):
        golden = [(row, COUNT, 2) for row in (0x00, 0x07, 0x08, 0x09, 0x0A)]
        assert shape(host, code) == [*golden, (0x10, COUNT, 4)]


@pytest.mark.req("SSC-LOG-33")
def test_error_pages_of_hp() -> None:
    with logged(known(logs={"33": "hp", "34": "hp", "35": True})) as host:
        assert shape(host, 0x33) == [(code, LIST, 12) for code in range(16)]
        assert log_sense(host, 0x34) == bytes.fromhex(
            "b4 00 001e 0000 4002 0000 0001 4002 0000 0002 4002 0190 0003 4002 0000 0004 4002 0190"
        ), "400 MB/s at most and natively"


# --- usage -------------------------------------------------------------------------------------


@pytest.mark.req("SSC-LOG-0C")
def test_sequential_access(host: Host) -> None:
    golden = [(code, COUNT, 8) for code in range(4)]
    golden += [(code, COUNT, 4) for code in range(4, 9)]
    golden += [(0x0100, COUNT, 8), *((code, COUNT, 4) for code in range(0x8000, 0x8004))]
    assert shape(host, 0x0C) == golden


@pytest.mark.req("SSC-LOG-0C")
def test_sequential_access_of_storagetek() -> None:
    with logged(known("stk/t10000c", logs={"0C": "stk"})) as host:
        golden = [(code, COUNT, 8) for code in range(4)]
        assert shape(host, 0x0C) == [*golden, (0x0100, COUNT, 4), (0x8000, COUNT, 4)]
        assert page(host, 0x0C)[0x8000] == (64 * MIB // 4096).to_bytes(4, "big")
        host.write(bytes(4096))
        assert page(host, 0x0C)[0x8000] == (64 * MIB // 4096 - 2).to_bytes(4, "big")


@pytest.mark.req("SSC-LOG-14")
def test_device_statistics(host: Host) -> None:
    eight = {0x10, 0x16, 0x17}
    golden = [(code, COUNT, 8 if code in eight else 4) for code in range(0x18)]
    golden += [(0x40, TEXT, 10), (0x41, TEXT, 10), (0x80, COUNT, 1), (0x81, COUNT, 1)]
    assert shape(host, 0x14) == [*golden, (0x1000, LIST, 32)]
    found = page(host, 0x14)
    assert found[0x40] == found[0x41] == b"KRL0000001"
    records = "00005e88 00000000 00005e8c 00000000 00006098 00000000 0000609c 00000000"
    assert found[0x1000] == bytes.fromhex(records), "LTO-8 and LTO-9, data and WORM"


def test_power_conditions(host: Host) -> None:
    """The drive never leaves the active one."""
    assert log_sense(host, 0x1A) == bytes.fromhex(
        "9a 00 0010 0001 40 04 00000000 0004 40 04 00000000"
    )


@pytest.mark.req("SSC-LOG-1B", "SSC-LOG-32")
def test_compression(host: Host) -> None:
    golden = [(code, COUNT, 2 if code < 2 else 4) for code in range(10)]
    assert shape(host, 0x32) == golden
    assert shape(host, 0x1B) == [*golden, (0x0100, COUNT, 2)]


@pytest.mark.req("SSC-LOG-37")
def test_performance(host: Host) -> None:
    """LTFS reads the efficiency of the medium: 1 is the best, 0 unknown."""
    golden = (
        "b7 00 001e 0000 4001 01 0001 4001 01 0010 4001 01 0011 4001 00 0012 4001 00 001a 4001 00"
    )
    assert log_sense(host, 0x37) == bytes.fromhex(golden)
    assert page(empty(), 0x37)[1] == b"\0"


@pytest.mark.req("SSC-LOG-38")
def test_blocks_and_bytes(host: Host) -> None:
    sizes = [8, 8, 8, 8, 4, 6, 4, 6, 4, 6, 4, 6, 8, 1, 8, 1, 8, 8]
    golden = [(code, COUNT, size) for code, size in enumerate(sizes)]
    assert shape(host, 0x38) == [*golden, (0x0100, LIST, 26)]


@pytest.mark.req("SSC-LOG-39")
def test_subsystem_and_device_status(host: Host) -> None:
    golden = [(0x20, COUNT, 4), (0x21, COUNT, 8), (0x22, COUNT, 8)]
    golden += [(0x40, COUNT, 4), (0x41, COUNT, 8), (0x42, COUNT, 8)]
    assert shape(host, 0x3D) == golden
    assert page(host, 0x3E)[1] == bytes.fromhex("00 05 01 00"), (
        "temperature, device, medium are well"
    )
    assert page(empty(), 0x3E)[1] == bytes.fromhex("00 05 00 00")


@pytest.mark.req("SSC-LOG-39")
def test_drive_statistics_of_storagetek() -> None:
    for model, code, first in (("stk/t10000a", 0x3A, 0x13), ("stk/t10000c", 0x3C, 0x14)):
        with logged(known(model, logs={f"{code:02X}": "stk"})) as host:
            rows = shape(host, code)
            assert [row[0] for row in rows[first:]] == [*range(0x200, 0x205), *range(0x300, 0x305)]
            assert {(row[1], row[2]) for row in rows if row[0] < 0x300} == {(COUNT, 4)}


# --- the volume --------------------------------------------------------------------------------

STATISTICS = """0000 01 0001 04 0002 08 0003 04 0004 02 0005 02 0006 02 0007 08 0008 04 0009 02
    000a 02 000b 02 000c 02 000d 02 000e 04 000f 04 0010 08 0011 08 0012 02 0013 02 0014 06 0015 06
    0016 04 0017 04 0018 04 0019 01 001a 04 001b 04 0040 20 0041 08 0042 20 0043 08 0044 04 0045 09
    0046 08 0080 01 0081 01 0082 01 0101 04 0102 04 0200 0a 0201 0a 0202 08 0203 08 0204 08 0300 2c
    f000 02"""


@pytest.mark.req("SSC-LOG-17")
def test_volume_statistics(host: Host) -> None:
    told = bytes.fromhex(STATISTICS)
    wanted = [(told[at] << 8 | told[at + 1], told[at + 2]) for at in range(0, len(told), 3)]
    found = shape(host, 0x17)
    assert [(code, size) for code, _, size in found] == wanted
    for code, control, _ in found:
        assert control == (TEXT if 0x40 <= code <= 0x46 else LIST)


IBM_ABSENT = {0x0A, 0x0B, 0x1A, 0x1B, 0x46, 0x0300, 0xF000}
HP_ABSENT = {0x0A, 0x0B, 0x18, 0x19, 0x1A, 0x1B, 0x0204}


@pytest.mark.req("SSC-LOG-17")
@pytest.mark.parametrize(("maker", "absent"), [("ibm", IBM_ABSENT), ("hp", HP_ABSENT)])
def test_volume_statistics_of_makers(host: Host, maker: str, absent: set[int]) -> None:
    with logged(known(logs={"17": maker})) as other:
        assert page(other, 0x17).keys() == page(host, 0x17).keys() - absent


@pytest.mark.req("SSC-LOG-17")
def test_who_the_volume_is(host: Host) -> None:
    """As the cartridge memory has it."""
    found = page(host, 0x17)
    assert found[0x40] == value(host, 0x0401)
    assert found[0x41] == value(host, 0x0401).rstrip()[-8:]
    assert found[0x42] == b"KRL001L9".ljust(32)
    assert found[0x43] == value(host, 0x0400)
    assert (found[0x44], found[0x45]) == (b"0909", b"LTOL9G9  ")
    assert found[0x46] == value(host, 0x0406)
    assert (found[0x80], found[0x81], found[0x82]) == (b"\0", b"\0", b"\0")
    vendor, serial = value(host, 0x020A)[:8], value(host, 0x020A)[8:]
    assert found[0x0300] == bytes.fromhex("2b000000") + vendor + serial


@pytest.mark.parametrize(
    ("model", "barcode", "licence", "name"),
    [
        ("ibm/ult3580-td8", "KRL001M8", b"0808", b"LTOM8G8  "),
        ("ibm/ult3580-td9", "KRL001L8", b"0808", b"LTOL8G8  "),
        ("ibm/ult3580-tda", None, b"1010", b"LTOLAGA  "),
        ("ibm/ult3580-td5", None, b"0505", b"Ultrium-5"),
        ("hp/ultrium-6", "KRL001L5", b"0505", b"Ultrium-5"),
        ("ibm/ts1150", None, b"    ", b"3592-E08 "),
    ],
)
def test_names_of_other_formats(
    model: str, barcode: str | None, licence: bytes, name: bytes
) -> None:
    with logged(known(model), barcode=barcode) as host:
        found = page(host, 0x17)
        assert (found[0x44], found[0x45]) == (licence, name)


def test_a_protected_worm_volume() -> None:
    with logged(barcode="KRL001LZ", protect=True) as host:
        found = page(host, 0x17)
        assert (found[0x80], found[0x81]) == (b"\1", b"\1")


@pytest.mark.req("SSC-LOG-17-VALID")
def test_without_a_volume_the_page_is_not_valid() -> None:
    found = page(empty(), 0x17)
    assert found[0] == b"\0"
    texts = set(range(0x40, 0x47))
    assert all(not any(body) for code, body in found.items() if code not in {*texts, 0xF000, 0})
    assert all(not found[code].strip() for code in texts)
    assert found[0x0203] == b"", "no partition, no record"


@pytest.mark.req("SSC-LOG-17-PART")
def test_what_ltfs_reads_of_two_partitions() -> None:
    """It wants exactly two records of eight bytes: parameters 0202h, 0203h, 0204h."""
    with logged(capacities=(40 * 10**6, 20 * 10**6)) as host:
        found = page(host, 0x17)
        assert found[0x0202] == bytes.fromhex("07000000 00000028 07000001 00000014")
        assert found[0x0203] == bytes.fromhex("07000000 00000000 07000001 00000000")
        assert found[0x0204] == bytes.fromhex("07000000 00000028 07000001 00000014")
        none = "09000000 ffffffffffff 09000001 ffffffffffff"
        assert found[0x0200] == found[0x0201] == bytes.fromhex(none)
        host.drive.arrive(0, 1)
        for _ in range(5):
            host.write(bytes(10**6))
        found = page(host, 0x17)
        assert found[0x0203] == bytes.fromhex("07000000 00000000 07000001 00000005")
        assert found[0x0204] == bytes.fromhex("07000000 00000028 07000001 0000000e")


@pytest.mark.req("SSC-LOG-17")
def test_volume_statistics_of_a_t10000(host: Host) -> None:
    with logged(known("stk/t10000d", logs={"17": "stk"})) as other:
        assert log_sense(other, 0x17) == bytes.fromhex("97 00 000c 0203 43 08 07000000 00000000")


@pytest.mark.req("SSC-LOG-30")
def test_tape_usage(host: Host) -> None:
    sizes = [4, 8, 4, 2, 2, 2, 8, 4, 2]
    golden = [(code, FIXED, size) for code, size in enumerate(sizes, 1)]
    assert shape(host, 0x30) == [*golden, (10, FIXED, 2), (11, FIXED, 2)]
    with logged(known(logs={"30": "hp"})) as other:
        assert shape(other, 0x30) == golden


@pytest.mark.req("SSC-LOG-31")
def test_tape_capacity() -> None:
    with logged(capacities=(32 * MIB, 8 * MIB)) as host:
        golden = (
            "b1 00 0020 0001 c004 00000020 0002 c004 00000008 0003 c004 00000020 0004 c004 00000008"
        )
        assert log_sense(host, 0x31) == bytes.fromhex(golden)
        host.write(bytes(3 * MIB))
        assert page(host, 0x31)[1] == bytes.fromhex("0000001c"), "a little goes to each object"
    with logged(capacities=(4 * MIB, 5 * MIB, 6 * MIB, 7 * MIB)) as host:
        found = {code: body[-1] for code, body in page(host, 0x31).items()}
        assert found == {1: 4, 2: 5, 3: 4, 4: 5, 5: 6, 6: 7, 7: 6, 8: 7}
    assert page(empty(), 0x31) == {code: bytes(4) for code in range(1, 5)}


# --- state -------------------------------------------------------------------------------------


@pytest.mark.req("SSC-LOG-0D")
def test_temperature(host: Host) -> None:
    assert log_sense(host, 0x0D) == bytes.fromhex("8d 00 000c 0000 03 02 001e 0001 03 02 0037")
    golden = "cd 01 0018 0000 43 08 001e1e1e1e1e0000 0100 43 08 0028282828280000"
    assert log_sense(host, 0x0D, 1) == bytes.fromhex(golden)


@pytest.mark.req("SSC-LOG-10")
def test_self_test_results(host: Host) -> None:
    data = log_sense(host, 0x10)
    assert len(data) == 4 + 20 * 20
    assert data == bytes.fromhex("90 00 0190") + b"".join(
        bytes((0, code, SPC_LIST, 16)) + bytes(16) for code in range(1, 21)
    )
    host.drive.lifetime.seconds_on = 7200.0
    assert host.send(bytes((0x1D, 0xA0, 0, 0, 0, 0))).status == 0
    assert page(host, 0x10)[1] == bytes.fromhex("a0 00 0002 ffffffffffffffff 00 00 00 00")
    assert page(host, 0x10)[2] == bytes(16)


@pytest.mark.req("SSC-LOG-13")
def test_requested_recovery(host: Host) -> None:
    assert log_sense(host, 0x13) == bytes.fromhex("93 00 0005 0000 43 01 00")


def test_service_buffers(host: Host) -> None:
    """The dump, of an LTO drive of IBM's in buffer 1: it moves no tape and needs no volume."""
    golden = b"\x95\0\0\x0c" + bytes.fromhex("0001 43 08 010c0200") + b"Dump"
    assert log_sense(host, 0x15) == golden


@pytest.mark.req("SSC-LOG-18")
def test_protocol_specific_port(host: Host) -> None:
    data = page(host, 0x18)
    assert data.keys() == {1}
    port, phy = data[1][:4], data[1][4:]
    assert port == bytes.fromhex("06 00 00 01")
    assert phy[:8] == bytes.fromhex("00 00 00 2c 11 1a 08 00")
    assert phy[8] >> 4 == 5, "the port's name: NAA 5"
    assert phy[32:] == bytes(16), "no errors"


def test_hash_of_a_sas_address() -> None:
    """As an HPE LTO-9 drive has it of its own address."""
    assert hashed(0x5001438031BDC7DC) == 0xCAE5F2


@pytest.mark.req("SSC-LOG-11")
def test_primary_ports(host: Host) -> None:
    found = page(host, 0x11)
    assert list(found) == [0, 1, 2, 3, 0x0101]
    assert found[1] == (500).to_bytes(2, "big")
    assert (found[2], found[3]) == (bytes(8), bytes(12))
    address = found[0x0101][4:]
    assert found[0x0101][:4] == b"\xa3" + hashed(int.from_bytes(address, "big")).to_bytes(3, "big")
    assert address == page(host, 0x18)[1][12:20]
    fibre = replace(known(), reservations={"protocol": 0})
    with logged(fibre) as other:
        assert len(page(other, 0x11)[0x0101]) == 24
        assert page(other, 0x18) == {}, "only SAS has such a page"
