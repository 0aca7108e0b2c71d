"""What is refused before anything is written or passed over: whole volumes, keys, mode bits."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.encryption.keys import DISABLE, KEY_A, KEY_B, MIXED, keys_off, said, set_keys
from tests.tape.host import BLOCKS, END_OF_DATA, FILEMARKS, GOOD, Host, sense_of, tape

T10000 = "stk/t10000d"
U_KAD = b"key"

NO_CLEAR, NO_ENCRYPTED = (0x3, 0x30, 0x05), (0x7, 0x30, 0x05)
NOT_READABLE, NOT_FOUND = (0x3, 0x30, 0x02), (0x3, 0x26, 0x05)
"""Sun's white paper on T10000 encryption, appendix."""


def armed(host: Host, key: bytes = KEY_A) -> None:
    set_keys(host, key, decryption=MIXED, u_kad=U_KAD)


def written(host: Host, objects: str) -> None:
    """A T10000 volume: A and B blocks of these keys, c clear ones, a space a filemark."""
    for kind in objects:
        if kind == " ":
            assert host.filemarks().status == GOOD
            continue
        if kind == "c":
            keys_off(host)
        else:
            armed(host, KEY_A if kind == "A" else KEY_B)
        assert host.write(f"block {host.position()}".encode()).status == GOOD
    host.rewind()


# --- T10000: a volume is encrypted as a whole --------------------------------------------------


@pytest.mark.parametrize("objects", ["A", "AA", "A ", " A"])
def test_nothing_clear_behind_encrypted_blocks(objects: str) -> None:
    with tape(T10000) as host:
        written(host, objects)
        armed(host)
        host.space(END_OF_DATA)
        keys_off(host)
        assert said(host.write(b"clear")) == NO_CLEAR
        assert said(host.filemarks()) == NO_CLEAR
        assert host.position() == host.drive.partition.count == len(objects)
        host.rewind()
        assert host.write(b"clear").status == GOOD, "from the beginning all may be written"
        assert host.write(b"more").status == GOOD


@pytest.mark.parametrize("objects", ["c", "cc", "c ", " c"])
def test_nothing_encrypted_behind_clear_blocks(objects: str) -> None:
    with tape(T10000) as host:
        written(host, objects)
        host.space(END_OF_DATA)
        armed(host)
        assert said(host.write(b"secret")) == NO_ENCRYPTED
        assert said(host.filemarks()) == NO_ENCRYPTED
        host.rewind()
        assert host.read(7, sili=True).status in (GOOD, 2), "reading is free"
        host.rewind()
        assert host.write(b"secret").status == GOOD
        assert host.write(b"more").status == GOOD
        host.rewind()
        assert host.read(6).data == b"secret"


def test_a_volume_of_filemarks_is_neither() -> None:
    with tape(T10000) as host:
        written(host, "  ")
        host.space(END_OF_DATA)
        armed(host)
        assert host.write(b"secret").status == GOOD
        keys_off(host)
        assert said(host.write(b"clear")) == NO_CLEAR


def test_another_key_may_follow() -> None:
    with tape(T10000) as host:
        written(host, "AB")
        armed(host)
        assert host.read(7).data == b"block 0"
        armed(host, KEY_B)
        assert host.read(7).data == b"block 1"


@pytest.mark.parametrize("model", ["ibm/ult3580-td9", "hp/ultrium-6", "ibm/ts1160"])
def test_others_let_clear_and_encrypted_blocks_mix(model: str) -> None:
    with tape(model) as host:
        for key in (KEY_A, None, KEY_B):
            if key is None:
                keys_off(host)
            else:
                set_keys(host, key)
            assert host.write(b"block").status == GOOD
        assert host.drive.guard is None


# --- T10000: encrypted blocks are passed with their key only -----------------------------------


@pytest.mark.parametrize("objects", ["AA A", "A AAA"])
def test_with_encryption_off_nothing_is_found(objects: str) -> None:
    with tape(T10000) as host:
        written(host, objects)
        keys_off(host)
        for reply in (
            host.space(BLOCKS, 1),
            host.space(FILEMARKS, 1),
            host.space(END_OF_DATA),
            host.locate(2),
        ):
            assert said(reply) == NOT_READABLE
            assert host.position() == 0
        reply = host.read(7)
        assert (said(reply), sense_of(reply).information) == (NOT_READABLE, 7)
        assert said(host.verify(7)) == NOT_READABLE
        assert host.rewind().status == GOOD
        assert host.locate(0).status == GOOD
        assert host.space(BLOCKS, 0).status == GOOD


@pytest.mark.parametrize(
    ("on_tape", "keys", "cdb", "code"),
    [
        ("A", None, "0a 00 000004 00", 0x32B9),
        ("c", KEY_A, "0a 00 000004 00", 0x32BA),
        ("A", None, "11 00 000001 00", 0),
        ("A", KEY_B, "11 00 000001 00", 0x6109),
    ],
    ids=["clear", "encrypted", "not readable", "not found"],
)
def test_fault_symptom_codes(on_tape: str, keys: bytes | None, cdb: str, code: int) -> None:
    with tape(T10000) as host:
        written(host, on_tape)
        if cdb.startswith("0a"):
            armed(host)
            host.space(END_OF_DATA)
        if keys is None:
            keys_off(host)
        else:
            armed(host, keys)
        done = host.unit.execute(host.nexus, bytes.fromhex(cdb), [memoryview(b"data")])
        assert done.sense[18:20] == code.to_bytes(2, "big")


def test_moving_stops_before_the_first_block_of_another_key() -> None:
    with tape(T10000) as host:
        written(host, "AA BBA")
        armed(host)
        assert host.space(BLOCKS, 2).status == GOOD
        assert host.locate(3).status == GOOD
        for reply in (host.space(END_OF_DATA), host.locate(5), host.space(BLOCKS, 2)):
            assert said(reply) == NOT_FOUND
            assert host.position() == 3
        armed(host, KEY_B)
        assert said(host.space(END_OF_DATA)) == NOT_FOUND
        assert host.position() == 5
        assert host.space(BLOCKS, -2).status == GOOD
        assert said(host.locate(1)) == NOT_FOUND
        assert host.position() == 3, "backwards it stops behind that block"
        assert host.locate(0).status == GOOD, "the tape is wound back"


def test_reading_with_another_key() -> None:
    with tape(T10000) as host:
        written(host, "A")
        armed(host, KEY_B)
        assert sense_of(host.read(7)).code is s.INCORRECT_KEY


@pytest.mark.parametrize("objects", ["ccc", "c c", "   "])
def test_clear_volumes_are_passed_with_and_without_a_key(objects: str) -> None:
    with tape(T10000) as host:
        written(host, objects)
        for ready in (keys_off, armed):
            ready(host)
            host.rewind()
            assert host.locate(2).status == GOOD
            assert host.space(END_OF_DATA).status == GOOD


def test_the_parameters_that_count_are_those_of_the_nexus() -> None:
    with tape(T10000) as host:
        written(host, "AA")
        keys_off(host)
        other = Host(host.drive, "other")
        other.hear()
        set_keys(other, KEY_A, scope=1, decryption=MIXED, u_kad=U_KAD)
        assert said(host.locate(2)) == NOT_READABLE
        assert other.locate(2).status == GOOD


# --- mode page 10h subpage 01h: WRE and VCELBRE ------------------------------------------------


def select(host: Host, bits: int) -> None:
    """MODE SELECT(10) with WRE (04h) and VCELBRE (01h)."""
    data = bytes(8) + bytes((0x50, 0x01, 0, 0x1C, 0, 0x02, 0, 0, bits)) + bytes(23)
    reply = host.send(bytes((0x55, 0x10)) + bytes(5) + bytes((0, len(data), 0)), out=data)
    assert reply.status == GOOD, reply


REFUSED = Sense(s.ENCRYPTION_NOT_USEABLE)


def test_writes_require_encryption(host: Host) -> None:
    select(host, 0x04)
    assert sense_of(host.write(b"clear")) == REFUSED
    assert host.filemarks().status == GOOD
    set_keys(host, KEY_A)
    assert host.write(b"secret").status == GOOD
    keys_off(host)
    host.rewind()
    assert sense_of(host.write(b"clear")) == REFUSED
    select(host, 0)
    assert host.write(b"clear").status == GOOD


def test_a_volume_with_encrypted_blocks_requires_encryption(host: Host) -> None:
    """Behind them, in the same partition."""
    select(host, 0x01)
    assert host.write(b"clear").status == GOOD
    set_keys(host, KEY_A)
    assert host.write(b"secret").status == GOOD
    keys_off(host)
    assert sense_of(host.write(b"clear")) == REFUSED
    assert host.filemarks().status == GOOD
    assert sense_of(host.write(b"clear")) == REFUSED
    set_keys(host, KEY_B)
    assert host.write(b"secret").status == GOOD
    keys_off(host)
    host.locate(1)
    assert host.write(b"clear").status == GOOD, "before them: they go"
    assert host.write(b"more").status == GOOD


def test_reading_is_not_their_business(host: Host) -> None:
    host.write_tape([b"clear"])
    select(host, 0x05)
    assert host.read(5).data == b"clear"


def test_decrypting_alone_is_not_encryption(host: Host) -> None:
    select(host, 0x04)
    set_keys(host, KEY_A, encryption=DISABLE)
    assert sense_of(host.write(b"clear")) == REFUSED


# --- the hot path ------------------------------------------------------------------------------


def test_a_drive_with_nothing_to_ask_has_no_guard(host: Host) -> None:
    guards = [host.drive.guard]
    for bits in (0x01, 0):
        select(host, bits)
        guards.append(host.drive.guard)
    assert [guard is None for guard in guards] == [True, False, True]
