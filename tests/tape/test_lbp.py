"""Logical block protection: four bytes behind each block, by nexus (SSC-5 4.2.29)."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.tape.protection import METHODS
from tests.tape.host import GOOD, Host, sense_of

RS, CRC32C = 1, 2
BLOCK = bytes(range(256)) * 4


def protect(host: Host, method: int, *, write: bool = True, read: bool = True) -> None:
    """MODE SELECT(10) of page 0Ah subpage F0h."""
    page = bytearray(bytes((0x4A, 0xF0, 0, 0x1C)) + bytes(28))
    page[4], page[5], page[6] = method, 4 if method else 0, write << 7 | read << 6
    data = bytes(3) + b"\x10" + bytes(4) + bytes(page)
    cdb = bytes((0x55, 0x10)) + bytes(5) + len(data).to_bytes(2) + bytes(1)
    assert host.send(cdb, out=data).status == GOOD


def sealed(data: bytes, method: int) -> bytes:
    return data + METHODS[method].compute([data])


@pytest.mark.req("SSC-MODE-0A-F0")
@pytest.mark.parametrize("method", [RS, CRC32C])
def test_a_block_there_and_back(host: Host, method: int) -> None:
    protect(host, method)
    block = sealed(BLOCK, method)
    assert host.write(block).status == GOOD
    host.rewind()
    assert host.read(len(block)).data == block
    assert host.drive.partition.index[0].length == len(BLOCK)


@pytest.mark.req("SSC-SENSE-4-10-01")
@pytest.mark.parametrize("method", [RS, CRC32C])
def test_a_block_that_does_not_fit_is_not_written(host: Host, method: int) -> None:
    protect(host, method)
    block = bytearray(sealed(BLOCK, method))
    block[100] ^= 1
    sense = sense_of(host.write(bytes(block)))
    assert (sense.code, sense.information) == (s.GUARD_CHECK_FAILED, len(block))
    assert host.drive.partition.count == 0


def test_fixed_blocks_count_their_protection(host: Host) -> None:
    protect(host, CRC32C)
    parts = [bytes((n,)) * 508 for n in range(3)]
    host.set_block_length(512)
    data = b"".join(sealed(part, CRC32C) for part in parts)
    assert host.write(data, blocks=3).status == GOOD
    host.rewind()
    assert host.read_fixed(3).data == data


def test_one_way_and_the_other(host: Host) -> None:
    protect(host, CRC32C, read=False)
    assert host.write(sealed(BLOCK, CRC32C)).status == GOOD
    host.rewind()
    assert host.read(len(BLOCK)).data == BLOCK
    protect(host, RS, write=False)
    host.rewind()
    assert host.read(len(BLOCK) + 4).data == sealed(BLOCK, RS)


def test_another_host_is_not_concerned(host: Host) -> None:
    protect(host, CRC32C)
    host.write(sealed(BLOCK, CRC32C))
    host.rewind()
    other = Host(host.drive, "other")
    other.hear()
    assert other.read(len(BLOCK)).data == BLOCK


def test_a_wrong_length_counts_the_protection(host: Host) -> None:
    protect(host, CRC32C)
    host.write(sealed(BLOCK, CRC32C))
    host.rewind()
    sense = sense_of(host.read(2000))
    assert (sense.ili, sense.information) == (True, 2000 - len(BLOCK) - 4)


@pytest.mark.parametrize("length", [1, 4])
def test_a_block_without_data_is_refused(host: Host, length: int) -> None:
    protect(host, CRC32C)
    sense = sense_of(host.write(bytes(length)))
    assert sense.code is s.INVALID_FIELD_IN_CDB


def test_the_longest_block_has_its_protection_beside(host: Host) -> None:
    protect(host, CRC32C)
    longest = host.drive.personality.limits["max_block"]
    assert host.write(sealed(bytes(longest), CRC32C)).status == GOOD
    assert sense_of(host.write(bytes(longest + 5))).code is s.INVALID_FIELD_IN_CDB


@pytest.mark.req("SSC-VERIFY-07")
def test_verify_checks_the_protection_that_there_is(host: Host) -> None:
    host.write_tape([BLOCK])
    assert sense_of(host.verify(len(BLOCK), flags=0x10)).pointer == (1, 4)
    protect(host, CRC32C)
    assert host.verify(len(BLOCK) + 4, flags=0x10).status == GOOD


def test_a_reset_ends_it(host: Host) -> None:
    protect(host, CRC32C)
    host.drive.reset()
    host.hear()
    assert host.write(BLOCK).status == GOOD
    host.rewind()
    assert host.read(len(BLOCK)).data == BLOCK
