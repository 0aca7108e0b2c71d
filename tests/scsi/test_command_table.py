"""The command table: CDB lengths, reserved bits, unknown opcodes, and what the unit says of it."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.scsi.command import CDB_SIZES, Command
from target.scsi.sense import Sense
from target.tape.commands import COMMANDS
from tests.scsi.cdbs import plain
from tests.tape.host import GOOD, Host, sense_of

ROWS = [pytest.param(row, id=row.name) for row in COMMANDS]
SUPPORTED = "REPORT SUPPORTED OPERATION CODES"


@pytest.mark.req("SSC-CMD-R2", "SSC-SENSE-5-24-00")
@pytest.mark.parametrize("row", ROWS)
def test_every_reserved_bit_is_refused_and_pointed_at(host: Host, row: Command) -> None:
    host.write_tape([b"data"])
    good = plain(row)
    reserved = [
        (index, bit)
        for index in range(row.size)
        for bit in range(8)
        if not row.layout.mask[index] >> bit & 1
    ]
    assert (row.size - 1, 2) in reserved, "NACA is not supported"
    for index, bit in reserved:
        cdb = bytearray(good)
        cdb[index] |= 1 << bit
        reply = host.send(bytes(cdb), size=64)
        assert sense_of(reply) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(index, bit))
    assert host.position() == 0, "a refused command does nothing"
    assert host.read(4).data == b"data"


@pytest.mark.parametrize("row", ROWS)
def test_vendor_bits_of_control_are_ignored(host: Host, row: Command) -> None:
    with_bits = plain(row, control_vendor=3)
    assert host.send(with_bits, size=64).sense == host.send(plain(row), size=64).sense


@pytest.mark.parametrize("row", ROWS)
def test_cdb_length_is_that_of_the_group(row: Command) -> None:
    assert row.size == CDB_SIZES[row.opcode >> 5]


@pytest.mark.parametrize("row", ROWS)
def test_longer_and_shorter_cdbs(host: Host, row: Command) -> None:
    """Transports hand over a buffer: what is behind the CDB is not looked at."""
    usual = host.send(plain(row), size=64).sense
    padded = plain(row).ljust(32, b"\xff")
    host.rewind()
    assert host.send(padded, size=64).sense == usual
    if not any(plain(row)[row.size - 1 :]):
        assert host.send(plain(row)[:-1], size=64).sense == usual


def test_opcodes_ascend_and_none_is_there_twice() -> None:
    keys = [(row.opcode, row.service_action or 0) for row in COMMANDS]
    assert keys == sorted(set(keys))


@pytest.mark.req("SSC-CMD-R1", "SSC-SENSE-5-20-00")
def test_unknown_opcodes(host: Host) -> None:
    known = {row.opcode for row in COMMANDS}
    for opcode in set(range(256)) - known:
        refused = host.send(bytes((opcode,)) + bytes(15))
        assert sense_of(refused) == Sense(s.INVALID_OPCODE, pointer=(0, None))


def test_unknown_service_actions(host: Host) -> None:
    for action in set(range(32)) - {0x0C}:
        refused = host.send(bytes((0xA3, action)) + bytes(10))
        assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 4))


@pytest.mark.parametrize("cdb", [b"\xa3", b"\x00", b"\x12\x00"])
def test_a_cut_cdb_counts_as_filled_with_zeros(host: Host, cdb: bytes) -> None:
    reply = host.send(cdb, size=64)
    assert reply == host.send(cdb.ljust(16, b"\0"), size=64)


# --- REPORT SUPPORTED OPERATION CODES ----------------------------------------------------------


def ask(host: Host, **fields: int) -> bytes:
    reply = host.send(plain(SUPPORTED, allocation_length=0x2000, **fields), size=0x2000)
    assert reply.status == GOOD, reply
    return reply.data


@pytest.mark.req("SSC-RSOC-01", "SSC-RSOC-03", "SSC-CMD-A3-0C")
@pytest.mark.parametrize("rctd", [0, 1])
def test_all_commands_are_those_of_the_table(host: Host, rctd: int) -> None:
    data = ask(host, rctd=rctd)
    size = 20 if rctd else 8
    assert int.from_bytes(data[:4], "big") == len(data) - 4 == size * len(COMMANDS)
    for number, row in enumerate(COMMANDS):
        entry = data[4 + number * size :][:size]
        grouped = row.service_action is not None
        head = bytes((row.opcode, 0, 0, row.service_action or 0, 0, rctd << 1 | grouped, 0))
        assert entry[:8] == head + bytes((row.size,))
        if rctd:
            seconds = host.drive.personality.timeout(row.timeout)
            assert entry[8:] == bytes.fromhex("000a0000 00000000") + seconds.to_bytes(4, "big")


@pytest.mark.req("SSC-RSOC-02", "SSC-RSOC-03", "SSC-RSOC-04", "SSC-RSOC-05")
@pytest.mark.parametrize("rctd", [0, 1])
@pytest.mark.parametrize("option", [1, 2, 3])
@pytest.mark.parametrize("row", ROWS)
def test_one_command(host: Host, row: Command, option: int, rctd: int) -> None:
    grouped = row.service_action is not None
    fields = {
        "reporting_options": option,
        "requested_opcode": row.opcode,
        "requested_service_action": row.service_action or 0,
        "rctd": rctd,
    }
    if option == (1 if grouped else 2):
        refused = host.send(plain(SUPPORTED, allocation_length=64, **fields), size=64)
        assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 2))
        return
    data = ask(host, **fields)
    assert data[:4] == bytes((0, 0x80 * rctd | 3, 0, row.size))
    usage = data[4 : 4 + row.size]
    assert usage[0] == row.opcode
    assert len(data) == 4 + row.size + 12 * rctd
    if rctd:
        seconds = host.drive.personality.timeout(row.timeout)
        assert data[-12:] == bytes.fromhex("000a0000 00000000") + seconds.to_bytes(4, "big")
    if grouped:
        assert usage[1] & 0x1F == row.service_action
    # Every bit outside the usage data is one that the unit refuses.
    for index in range(1, row.size):
        assert usage[index] & ~row.layout.mask[index] == 0


@pytest.mark.req("SSC-RSOC-02")
def test_golden_usage_data(host: Host) -> None:
    read = ask(host, reporting_options=1, requested_opcode=0x08)
    assert read == bytes.fromhex("00 03 0006 08 03 ff ff ff c0")
    spin = ask(host, reporting_options=1, requested_opcode=0xA2)
    assert spin == bytes.fromhex("00 03 000c a2 ff ffff 80 00 ffffffff 00 c0")
    itself = ask(host, reporting_options=2, requested_opcode=0xA3, requested_service_action=0x0C)
    assert itself == bytes.fromhex("00 03 000c a3 0c 87 ff ffff ffffffff 00 c0")


@pytest.mark.req("SSC-RSOC-04")
@pytest.mark.parametrize(
    ("option", "opcode", "action"), [(1, 0x04, 0), (3, 0x04, 0), (2, 0xA3, 0x0D), (3, 0xA3, 0)]
)
def test_commands_that_are_not_there(host: Host, option: int, opcode: int, action: int) -> None:
    data = ask(
        host,
        reporting_options=option,
        requested_opcode=opcode,
        requested_service_action=action,
    )
    assert data == bytes.fromhex("00 01 00 00")


@pytest.mark.req("SSC-RSOC-05")
@pytest.mark.parametrize("option", [4, 5, 6, 7])
def test_options_that_are_not_there(host: Host, option: int) -> None:
    refused = host.send(plain(SUPPORTED, reporting_options=option, allocation_length=64), size=64)
    assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 2))
