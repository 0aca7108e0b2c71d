"""RAW reading and EXTERNAL writing: a cartridge copied without its key; RDMC and CEEM."""

from __future__ import annotations

from pathlib import Path

import pytest

from target.scsi import sense as s
from target.scsi.sense import Code, Sense
from tests.encryption.keys import (
    DECRYPT,
    DISABLE,
    EXTERNAL,
    KEY_A,
    KEY_B,
    MIXED,
    RAW,
    keys_off,
    model,
    set_keys,
    spin,
)
from tests.tape.host import GOOD, Host, new_cartridge, sense_of, tape

DATA = [b"first", b"second block", bytes(5000)]
ROOM = 1 << 16


def kads_of_next_block(host: Host) -> dict[int, bytes]:
    page, at, found = spin(host, 0x0021), 16, {}
    while at < len(page):
        size = int.from_bytes(page[at + 2 : at + 4], "big")
        found[page[at]] = page[at + 4 : at + 4 + size]
        at += 4 + size
    return found


def raw_blocks(host: Host, count: int) -> list[tuple[bytes, dict[int, bytes]]]:
    """Raw form and key-associated data of the first blocks of the tape."""
    host.rewind()
    set_keys(host, encryption=DISABLE, decryption=RAW)
    blocks = []
    for _ in range(count):
        kads = kads_of_next_block(host)
        reply = host.read(ROOM, sili=True)
        assert reply.status == GOOD, reply
        blocks.append((reply.data, kads))
    return blocks


def exchange(host: Host, folder: Path, barcode: str) -> None:
    """Another cartridge takes the place of the one in the drive."""
    old = host.drive.eject()
    assert old is not None
    old.close()
    host.drive.insert(new_cartridge(folder, barcode))
    host.hear()


def write_external(host: Host, blocks: list[tuple[bytes, dict[int, bytes]]]) -> None:
    metadata = None
    for raw, kads in blocks:
        if kads[3] != metadata:
            set_keys(host, encryption=EXTERNAL, decryption=DISABLE, m_kad=kads[3],
                     u_kad=kads.get(0, b""), a_kad=kads.get(1, b""))  # fmt: skip
            metadata = kads[3]
        assert host.write(raw).status == GOOD


@pytest.mark.parametrize("compression", ["off", "lz4", "zstd"])
def test_a_copy_made_without_the_key_opens_with_it(tmp_path: Path, compression: str) -> None:
    with tape(compression=compression) as host:
        set_keys(host, KEY_A, rdmc=2, u_kad=b"label", a_kad=b"alias")
        for data in DATA:
            host.write(data)
        set_keys(host, KEY_B, rdmc=2)
        host.write(b"another key")
        blocks = raw_blocks(host, 4)
        assert not any(data in raw for data in DATA for raw, _ in blocks)
        exchange(host, tmp_path, "KRL002L9")
        write_external(host, blocks)
        host.rewind()
        page = spin(host, 0x0021)
        assert page[12] & 0x0F == 6
        assert page[14] == 0x02, "EMES"
        assert kads_of_next_block(host) == {0: b"label", 1: b"alias"}
        set_keys(host, KEY_A)
        assert spin(host, 0x0021)[12] & 0x0F == 5
        for data in DATA:
            assert host.read(len(data)) == (GOOD, None, data)
        assert sense_of(host.read(11)).code is s.INCORRECT_KEY
        set_keys(host, KEY_B, decryption=MIXED)
        assert host.read(11).data == b"another key"


def test_a_copy_of_a_copy(tmp_path: Path, host: Host) -> None:
    set_keys(host, KEY_A, rdmc=2)
    host.write(b"secret")
    first = raw_blocks(host, 1)
    exchange(host, tmp_path, "KRL002L9")
    write_external(host, first)
    second = raw_blocks(host, 1)
    assert second == first
    exchange(host, tmp_path, "KRL003L9")
    write_external(host, second)
    set_keys(host, KEY_A)
    host.rewind()
    assert host.read(6).data == b"secret"


def test_a_wrong_key_or_a_flipped_bit_in_a_copy(tmp_path: Path, host: Host) -> None:
    set_keys(host, KEY_A, rdmc=2)
    host.write(b"secret")
    ((raw, kads),) = raw_blocks(host, 1)
    exchange(host, tmp_path, "KRL002L9")
    broken = bytearray(raw)
    broken[-1] ^= 1
    write_external(host, [(raw, kads), (bytes(broken), kads), (raw, {**kads, 3: bytes(64)})])
    host.rewind()
    set_keys(host, KEY_B)
    assert sense_of(host.read(6)).code is s.INCORRECT_KEY
    set_keys(host, KEY_A)
    assert host.read(6).data == b"secret"
    assert sense_of(host.read(6)).code is s.INTEGRITY_FAILED
    host.locate(2)
    assert sense_of(host.read(6)).code in (s.INCORRECT_KEY, s.INTEGRITY_FAILED)


@pytest.mark.parametrize("data", [b"", b"x", b"KRAW", bytes(100), b"KRAW" + bytes(30)], ids=len)
def test_what_is_in_no_raw_format_is_not_written(host: Host, data: bytes) -> None:
    """Nor does the attempt end the tape where it was made."""
    host.write(b"before")
    host.rewind()
    set_keys(host, encryption=EXTERNAL, decryption=DISABLE, m_kad=bytes(64))
    reply = host.write(data)
    if data:
        assert sense_of(reply) == Sense(s.INTEGRITY_FAILED)
    assert host.position() == 0
    assert host.read(6).data == b"before"


# --- RDMC --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rdmc_c", "rdmc", "readable"),
    [
        (4, 0, False), (4, 2, True), (4, 3, False),
        (5, 0, True), (5, 2, True), (5, 3, False),
        (7, 0, True),
    ],
)  # fmt: skip
def test_raw_read_mark(rdmc_c: int, rdmc: int, readable: bool) -> None:
    """RDMC_C 4 and 5: controllable, by default disabled or enabled; 7: always enabled."""
    with tape(model(algorithm={"rdmc_c": rdmc_c})) as host:
        _raw_read_mark(host, rdmc, readable)


def test_blocks_are_marked_where_raw_reading_is_never_possible() -> None:
    """RDMC_C 6: another drive of the format might."""
    with tape(model(algorithm={"rdmc_c": 6})) as host:
        set_keys(host, KEY_A)
        host.write_tape([b"secret"])
        assert spin(host, 0x0021)[14] & 1


def _raw_read_mark(host: Host, rdmc: int, readable: bool) -> None:
    set_keys(host, KEY_A, rdmc=rdmc)
    assert spin(host, 0x0020)[12] & 1 == (not readable)
    host.write_tape([b"secret"])
    assert spin(host, 0x0021)[14] & 1 == (not readable)
    set_keys(host, encryption=DISABLE, decryption=RAW)
    reply = host.read(ROOM, sili=True)
    if readable:
        assert reply.status == GOOD
        assert len(reply.data) > 6
        return
    assert sense_of(reply) == Sense(s.NOT_RAW_READ_ENABLED, information=ROOM)
    assert host.position() == 0
    set_keys(host, KEY_A)
    assert host.read(6).data == b"secret"


def test_clear_blocks_read_as_they_are_in_raw_mode(host: Host) -> None:
    host.write_tape([b"clear"])
    set_keys(host, encryption=DISABLE, decryption=RAW)
    assert host.read(5).data == b"clear"


# --- CEEM --------------------------------------------------------------------------------------


@pytest.mark.parametrize("decryption", [DECRYPT, MIXED])
@pytest.mark.parametrize(
    ("ceem", "encrypted", "external"),
    [
        (0, None, None),
        (1, None, None),
        (2, None, s.ENCRYPTION_MODE_MISMATCH),
        (3, s.ENCRYPTION_MODE_MISMATCH, None),
    ],
)
def test_check_of_the_encryption_mode(
    host: Host, ceem: int, encrypted: Code | None, external: Code | None, decryption: int
) -> None:
    set_keys(host, KEY_A, rdmc=2)
    host.write_tape([b"secret"])
    blocks = raw_blocks(host, 1)
    write_external(host, blocks)
    set_keys(host, KEY_A, ceem=ceem, decryption=decryption)
    for number, code in enumerate((encrypted, external)):
        host.locate(number)
        reply = host.read(6)
        if code is None:
            assert reply.data == b"secret"
        else:
            assert sense_of(reply) == Sense(code, information=6)
            assert host.position() == number


def test_keys_off_after_external(host: Host) -> None:
    set_keys(host, encryption=EXTERNAL, decryption=DISABLE, m_kad=bytes(64))
    assert spin(host, 0x0020)[5:7] == bytes((EXTERNAL, DISABLE))
    assert spin(host, 0x0020)[24:28] == bytes.fromhex("03 02 0040")
    keys_off(host)
    assert host.write(b"clear").status == GOOD
