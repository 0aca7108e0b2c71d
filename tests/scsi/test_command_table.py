"""The command table: CDB lengths, reserved bits, unknown opcodes."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.scsi.command import CDB_SIZES, Command
from target.scsi.sense import Sense
from target.tape.commands import COMMANDS
from tests.scsi.cdbs import plain
from tests.tape.host import Host, sense_of

ROWS = [pytest.param(row, id=row.name) for row in COMMANDS]


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
    first = host.send(with_bits, size=64).sense
    host.hear()  # Some commands leave the nexus that sends them a unit attention.
    assert first == host.send(plain(row), size=64).sense


@pytest.mark.parametrize("row", ROWS)
def test_cdb_length_is_that_of_the_group(row: Command) -> None:
    assert row.size == CDB_SIZES[row.opcode >> 5]


@pytest.mark.parametrize("row", ROWS)
def test_longer_and_shorter_cdbs(host: Host, row: Command) -> None:
    """Transports hand over a buffer: what is behind the CDB is not looked at."""
    usual = host.send(plain(row), size=64).sense
    padded = plain(row).ljust(32, b"\xff")
    host.hear()
    host.rewind()
    assert host.send(padded, size=64).sense == usual
    if not any(plain(row)[row.size - 1 :]):
        host.hear()
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


@pytest.mark.req("SSC-CMD-R2")
def test_unknown_service_actions(host: Host) -> None:
    known = {(row.opcode, row.service_action) for row in COMMANDS if row.service_action is not None}
    for opcode in {opcode for opcode, _ in known}:
        for action in range(32):
            if (opcode, action) not in known:
                refused = host.send(bytes((opcode, action)) + bytes(14))
                assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 4))


@pytest.mark.parametrize("cdb", [b"\xa3", b"\x00", b"\x12\x00"])
def test_a_cut_cdb_counts_as_filled_with_zeros(host: Host, cdb: bytes) -> None:
    reply = host.send(cdb, size=64)
    assert reply == host.send(cdb.ljust(16, b"\0"), size=64)
