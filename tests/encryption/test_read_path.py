"""Which block comes back under which decryption mode, and where the tape is after a refusal."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.scsi.sense import Code, Sense
from tests.encryption.keys import (
    DECRYPT,
    DISABLE,
    KEY_A,
    KEY_B,
    MIXED,
    RAW,
    keys_off,
    set_keys,
    spin,
)
from tests.tape.host import BLOCKS, END_OF_DATA, FILEMARKS, GOOD, Host, sense_of, tape

SIZE = 1024
CLEAR, RIGHT, WRONG, DAMAGED, PRIVATE = range(5)
KINDS = {CLEAR: "clear", RIGHT: "right key", WRONG: "wrong key", DAMAGED: "tag wrong",
         PRIVATE: "not raw readable"}  # fmt: skip
MODES = {DISABLE: "DISABLE", RAW: "RAW", DECRYPT: "DECRYPT", MIXED: "MIXED"}

# The table of target.encryption.reading: None is data, True the raw form.
EXPECTED: dict[tuple[int, int], Code | bool | None] = {
    (DISABLE, CLEAR): None,
    (DISABLE, RIGHT): s.UNABLE_TO_DECRYPT,
    (DISABLE, WRONG): s.UNABLE_TO_DECRYPT,
    (DISABLE, DAMAGED): s.UNABLE_TO_DECRYPT,
    (DISABLE, PRIVATE): s.UNABLE_TO_DECRYPT,
    (RAW, CLEAR): None,
    (RAW, RIGHT): True,
    (RAW, WRONG): True,
    (RAW, DAMAGED): True,
    (RAW, PRIVATE): s.NOT_RAW_READ_ENABLED,
    (DECRYPT, CLEAR): s.UNENCRYPTED_DATA,
    (DECRYPT, RIGHT): None,
    (DECRYPT, WRONG): s.INCORRECT_KEY,
    (DECRYPT, DAMAGED): s.INTEGRITY_FAILED,
    (DECRYPT, PRIVATE): None,
    (MIXED, CLEAR): None,
    (MIXED, RIGHT): None,
    (MIXED, WRONG): s.INCORRECT_KEY,
    (MIXED, DAMAGED): s.INTEGRITY_FAILED,
    (MIXED, PRIVATE): None,
}
CASES = [
    pytest.param(*case, id=f"{MODES[case[0]]}-{KINDS[case[1]].replace(' ', '-')}")
    for case in EXPECTED
]


def content(number: int) -> bytes:
    return bytes((number,)) * SIZE


def mixed_tape(host: Host) -> None:
    """One block of each kind, in the order of KINDS, then one more clear one."""
    host.rewind()
    for number in KINDS:
        if number == CLEAR:
            keys_off(host)
        elif number == WRONG:
            set_keys(host, KEY_B, rdmc=2)
        elif number == PRIVATE:
            set_keys(host, KEY_A, rdmc=3)
        else:
            set_keys(host, KEY_A, rdmc=2)
        assert host.write(content(number)).status == GOOD
    keys_off(host)
    host.write(content(9))
    host.damage(DAMAGED, 77)


def use(host: Host, mode: int) -> None:
    key = KEY_A if mode in (DECRYPT, MIXED) else b""
    set_keys(host, key, encryption=DISABLE, decryption=mode)


@pytest.mark.req("SSC-SENSE-7-74-00")
@pytest.mark.parametrize("verify", [False, True], ids=["READ", "VERIFY"])
@pytest.mark.parametrize(("mode", "kind"), CASES)
def test_variable_block(host: Host, mode: int, kind: int, verify: bool) -> None:
    mixed_tape(host)
    use(host, mode)
    host.locate(kind)
    expected = EXPECTED[mode, kind]
    reply = host.verify(SIZE) if verify else host.read(SIZE)
    if isinstance(expected, Code):
        assert sense_of(reply) == Sense(expected, information=SIZE)
        assert reply.data == b""
        assert host.position() == kind, "before the block"
    elif expected:
        sense = sense_of(reply)
        assert (sense.code, sense.ili) == (s.NO_SENSE, True)
        assert sense.information is not None and -256 < sense.information < -16
        assert content(kind)[:8] not in reply.data
        assert host.position() == kind + 1
    else:
        assert reply == (GOOD, None, b"" if verify else content(kind))
        assert host.position() == kind + 1


@pytest.mark.parametrize("verify", [False, True], ids=["READ", "VERIFY"])
@pytest.mark.parametrize(("mode", "kind"), CASES)
def test_fixed_blocks(host: Host, mode: int, kind: int, verify: bool) -> None:
    """The good blocks come first, then the report at the bad one."""
    mixed_tape(host)
    host.set_block_length(SIZE)
    use(host, mode)
    host.locate(kind)
    expected = EXPECTED[mode, kind]
    reply = host.verify(2, flags=1) if verify else host.read_fixed(2)
    if expected is None:
        following = EXPECTED.get((mode, kind + 1)) if kind < PRIVATE else None
        if kind == PRIVATE and mode == DECRYPT:
            following = s.UNENCRYPTED_DATA
        good = 1 if following else 2
        last = kind + 1 if kind < PRIVATE else 9
        data = content(kind) + (content(last) if good == 2 else b"")
        assert reply.data == (b"" if verify else data)
        assert host.position() == kind + good + (following is True)
        if isinstance(following, Code):
            assert sense_of(reply) == Sense(following, information=1)
        elif following:
            assert sense_of(reply) == Sense(s.NO_SENSE, information=1, ili=True)
    elif isinstance(expected, Code):
        assert sense_of(reply) == Sense(expected, information=2)
        assert (reply.data, host.position()) == (b"", kind)
    else:
        assert sense_of(reply) == Sense(s.NO_SENSE, information=2, ili=True)
        assert (reply.data, host.position()) == (b"", kind + 1)


def test_good_blocks_before_a_bad_one_are_delivered(host: Host) -> None:
    set_keys(host, KEY_A)
    host.write_tape([content(1), content(2)])
    host.space(END_OF_DATA)
    set_keys(host, KEY_B)
    host.write(content(3))
    host.rewind()
    set_keys(host, KEY_A)
    host.set_block_length(SIZE)
    reply = host.read_fixed(5)
    assert sense_of(reply) == Sense(s.INCORRECT_KEY, information=3)
    assert reply.data == content(1) + content(2)
    assert host.position() == 2


def test_the_right_key_and_another_read_succeed(host: Host) -> None:
    set_keys(host, KEY_A, u_kad=b"key A")
    host.write_tape([content(1)])
    keys_off(host)
    assert sense_of(host.read(SIZE)).code is s.UNABLE_TO_DECRYPT
    set_keys(host, KEY_B)
    assert sense_of(host.read(SIZE)).code is s.INCORRECT_KEY
    assert spin(host, 0x0021)[-5:] == b"key A", "says which key to bring"
    set_keys(host, KEY_A)
    assert host.read(SIZE).data == content(1)


def test_a_wrong_length_counts_in_decrypted_bytes(host: Host) -> None:
    set_keys(host, KEY_A)
    host.write_tape([content(1), content(2), content(3)])
    reply = host.read(SIZE + 5)
    assert sense_of(reply) == Sense(s.NO_SENSE, information=5, ili=True)
    assert reply.data == content(1)
    reply = host.read(SIZE - 5)
    assert sense_of(reply) == Sense(s.NO_SENSE, information=-5, ili=True)
    assert reply.data == content(2)[:-5]
    assert host.read(SIZE * 4, sili=True) == (GOOD, None, content(3))


@pytest.mark.parametrize("mode", MODES, ids=MODES.get)
def test_filemarks_and_end_of_data_need_no_key(host: Host, mode: int) -> None:
    set_keys(host, KEY_A)
    host.write_tape([None])
    use(host, mode)
    assert sense_of(host.read(SIZE)).code is s.FILEMARK_DETECTED
    assert sense_of(host.read(SIZE)).code is s.END_OF_DATA


@pytest.mark.parametrize("mode", MODES, ids=MODES.get)
def test_positioning_needs_no_key(host: Host, mode: int) -> None:
    set_keys(host, KEY_B)
    host.write_tape([content(1), None, content(2), None])
    use(host, mode)
    assert host.space(BLOCKS, 1).status == GOOD
    assert host.space(FILEMARKS, 1).status == GOOD
    assert host.locate(3).status == GOOD
    assert host.space(END_OF_DATA).status == GOOD
    assert host.position() == 4
    assert host.rewind().status == GOOD


def test_a_bit_flipped_anywhere_is_never_data(host: Host) -> None:
    set_keys(host, KEY_A)
    host.write_tape([b"secret text"])
    for at in range(0, 27, 2):
        host.damage(0, at)
        assert sense_of(host.read(11)) == Sense(s.INTEGRITY_FAILED, information=11)
        host.damage(0, at)
        assert host.read(11).data == b"secret text"


def test_appending(host: Host) -> None:
    """Clear behind encrypted, encrypted behind clear, another key behind the first: all allowed."""
    set_keys(host, KEY_A)
    host.write_tape([content(1)])
    keys_off(host)
    host.space(END_OF_DATA)
    assert host.write(content(2)).status == GOOD
    set_keys(host, KEY_B)
    assert host.write(content(3)).status == GOOD
    host.rewind()
    for number, key in ((1, KEY_A), (2, KEY_A), (3, KEY_B)):
        set_keys(host, key, decryption=MIXED)
        assert host.read(SIZE).data == content(number)


def test_compressed_and_encrypted() -> None:
    with tape(compression="lz4") as host:
        set_keys(host, KEY_A)
        host.write_tape([bytes(100_000)])
        assert host.drive.partition.used < 5000
        assert spin(host, 0x0021)[12] == 5, "whether it is compressed no drive tells"
        assert host.read(100_000).data == bytes(100_000)
        host.rewind()
        assert host.read(10, size=10).data == bytes(10)
