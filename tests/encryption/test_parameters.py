"""Parameter sets: scopes, the counter, locks, what drops a set and who hears of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.encryption.keys import (
    ALL,
    DECRYPT,
    DISABLE,
    ENCRYPT,
    KEY_A,
    KEY_B,
    LOCAL,
    MIXED,
    PUBLIC,
    RAW,
    keys_off,
    set_keys,
    set_page,
    spin,
    spout,
)
from tests.tape.host import CONFLICT, GOOD, Host, new_cartridge, sense_of

COUNTER_CHANGED = Sense(s.KEY_COUNTER_CHANGED)
RESERVE, RELEASE = bytes((0x16, 0, 0, 0, 0, 0)), bytes((0x17, 0, 0, 0, 0, 0))


@pytest.fixture
def other(host: Host) -> Host:
    """A second nexus; both have used protocol 20h, so both hear of changes."""
    second = Host(host.drive, "other")
    second.hear()
    for one in (host, second):
        spin(one, 0x0020)
    return second


def status(host: Host) -> tuple[int, int, int, int, int]:
    """Scope of the nexus, scope of the set, encryption mode, decryption mode, counter."""
    page = spin(host, 0x0020)
    return page[4] >> 5, page[4] & 7, page[5], page[6], int.from_bytes(page[8:12], "big")


# --- the status page ---------------------------------------------------------------------------


@pytest.mark.req("SSC-CMD-B5")
@pytest.mark.parametrize(
    ("fields", "golden"),
    [
        ({}, "0014 42 02 02 01 00000001 10 00 0000"),
        ({"rdmc": 3}, "0014 42 02 02 01 00000001 11 00 0000"),
        ({"rdmc": 2}, "0014 42 02 02 01 00000001 10 00 0000"),
        ({"scope": LOCAL, "rdmc": 2}, "0014 21 02 02 01 00000001 10 00 0000"),
        ({"decryption": MIXED, "rdmc": 2}, "0014 42 02 03 01 00000001 10 00 0000"),
        ({"decryption": DISABLE, "rdmc": 2}, "0014 42 02 00 01 00000001 10 00 0000"),
        ({"encryption": DISABLE, "rdmc": 2}, "0014 42 00 02 01 00000001 10 00 0000"),
        ({"ceem": 2, "rdmc": 2}, "0014 42 02 02 01 00000001 14 00 0000"),
        ({"ceem": 3, "rdmc": 2}, "0014 42 02 02 01 00000001 16 00 0000"),
        ({"encryption": DISABLE, "decryption": RAW, "rdmc": 2},
         "0014 42 00 01 01 00000001 10 00 0000"),
        ({"encryption": DISABLE, "decryption": DISABLE},
         "0014 42 00 00 00 00000001 10 00 0000"),
        ({"scope": PUBLIC}, "0014 00 00 00 00 00000000 10 00 0000"),
    ],
)  # fmt: skip
def test_golden_status(host: Host, fields: dict[str, int], golden: str) -> None:
    set_keys(host, KEY_A, **fields)
    assert spin(host, 0x0020) == bytes.fromhex("0020" + golden) + bytes(8)


def test_golden_status_with_key_associated_data(host: Host) -> None:
    set_keys(host, KEY_A, rdmc=2, kad_format=1, u_kad=b"label", a_kad=b"alias")
    golden = "0020 0026 42 02 02 01 00000001 10 01 0000" + "00" * 8
    tail = bytes.fromhex("00 01 0005") + b"label" + bytes.fromhex("01 02 0005") + b"alias"
    assert spin(host, 0x0020) == bytes.fromhex(golden) + tail


def test_volume_contains_encrypted_blocks(host: Host) -> None:
    assert not spin(host, 0x0020)[12] & 8
    host.write(b"clear")
    set_keys(host, KEY_A)
    assert not spin(host, 0x0020)[12] & 8
    host.write(b"secret")
    assert spin(host, 0x0020)[12] & 8
    host.load(load=False)
    assert not spin(host, 0x0020)[12] & 8, "no volume"
    host.load()
    host.hear()
    assert spin(host, 0x0020)[12] & 8
    host.erase()
    assert not spin(host, 0x0020)[12] & 8


def test_every_accepted_page_counts_and_no_refused_one(host: Host) -> None:
    for count in range(1, 5):
        set_keys(host, KEY_A)
        assert status(host)[4] == count
        assert spout(host, set_page(encryption=3)).status != GOOD
        assert status(host)[4] == count
    keys_off(host)
    assert status(host)[4] == 5


# --- scopes ------------------------------------------------------------------------------------


def test_all_is_shared_and_public_follows(host: Host, other: Host) -> None:
    set_keys(host, KEY_A)
    assert other.hear() == [s.ENCRYPTION_CHANGED_BY_OTHER]
    assert host.hear() == []
    assert status(host) == (ALL, ALL, ENCRYPT, DECRYPT, 1)
    assert status(other) == (PUBLIC, ALL, ENCRYPT, DECRYPT, 1)
    host.write_tape([b"shared"])
    assert other.read(6).data == b"shared"


def test_local_is_for_one_nexus(host: Host, other: Host) -> None:
    set_keys(host, KEY_A)
    other.hear()
    set_keys(other, KEY_B, scope=LOCAL, decryption=MIXED)
    assert host.hear() == [], "nothing changed for it"
    assert status(other) == (LOCAL, LOCAL, ENCRYPT, MIXED, 2)
    assert status(host) == (ALL, ALL, ENCRYPT, DECRYPT, 1)
    host.write_tape([b"by A"])
    assert sense_of(other.read(4)).code is s.INCORRECT_KEY
    set_keys(host, KEY_B)
    assert other.hear() == [], "it uses its own set"
    set_keys(other, scope=PUBLIC)
    assert status(other) == (PUBLIC, ALL, ENCRYPT, DECRYPT, 3)


def test_public_gives_up_a_local_set(host: Host) -> None:
    set_keys(host, KEY_A, scope=LOCAL)
    set_keys(host, scope=PUBLIC)
    assert status(host) == (PUBLIC, PUBLIC, DISABLE, DISABLE, 0)


def test_all_replaces_the_local_set_of_its_sender(host: Host, other: Host) -> None:
    set_keys(host, KEY_A, scope=LOCAL)
    set_keys(host, KEY_B)
    assert status(host) == (ALL, ALL, ENCRYPT, DECRYPT, 2)
    assert other.hear() == [s.ENCRYPTION_CHANGED_BY_OTHER]


def test_only_a_nexus_that_has_used_the_protocol_hears(host: Host) -> None:
    stranger = Host(host.drive, "stranger")
    stranger.hear()
    set_keys(host, KEY_A)
    assert stranger.hear() == []


def test_several_changes_are_one_attention(host: Host, other: Host) -> None:
    for _ in range(3):
        set_keys(host, KEY_A)
    assert other.hear() == [s.ENCRYPTION_CHANGED_BY_OTHER]


# --- lock --------------------------------------------------------------------------------------


def test_a_locked_nexus_does_not_write_after_a_change(host: Host, other: Host) -> None:
    host.write_tape([b"before"])
    set_keys(host, KEY_A, lock=1)
    assert host.write(b"one").status == GOOD
    other.hear()
    set_keys(other, KEY_B)
    host.hear()
    assert sense_of(host.write(b"two")) == COUNTER_CHANGED
    assert sense_of(host.write(b"two")) == COUNTER_CHANGED, "until it has sent a new page"
    assert host.position() == 1
    assert host.write(b"").status == GOOD
    assert other.write(b"other").status == GOOD
    set_keys(host, KEY_A, lock=1)
    assert host.write(b"three").status == GOOD


def test_an_unlocked_nexus_writes_on(host: Host, other: Host) -> None:
    set_keys(host, KEY_A)
    other.hear()
    set_keys(other, KEY_B)
    host.hear()
    assert host.write(b"two").status == GOOD


def test_a_new_page_without_lock_unlocks(host: Host, other: Host) -> None:
    set_keys(host, KEY_A, lock=1)
    set_keys(host, KEY_A)
    other.hear()
    set_keys(other, KEY_B)
    host.hear()
    assert host.write(b"two").status == GOOD


def test_a_public_nexus_locks_to_anothers_set(host: Host, other: Host) -> None:
    set_keys(host, KEY_A)
    other.hear()
    assert spout(other, set_page(scope=PUBLIC, lock=1)).status == GOOD
    assert other.write(b"one").status == GOOD
    set_keys(host, KEY_A)
    other.hear()
    assert sense_of(other.write(b"two")) == COUNTER_CHANGED


def test_a_lock_holds_with_everything_off(host: Host, other: Host) -> None:
    assert spout(host, set_page(lock=1)).status == GOOD
    other.hear()
    set_keys(other, KEY_A)
    host.hear()
    assert sense_of(host.write(b"clear")) == COUNTER_CHANGED


def test_a_lock_on_a_local_set_minds_no_one_else(host: Host, other: Host) -> None:
    set_keys(host, KEY_A, scope=LOCAL, lock=1)
    set_keys(other, KEY_B)
    host.hear()
    assert host.write(b"mine").status == GOOD


def test_a_lock_stays_broken_when_the_counter_comes_back(host: Host, other: Host) -> None:
    """The defaults have the counter 0 before and after."""
    assert spout(host, set_page(scope=PUBLIC, lock=1)).status == GOOD
    set_keys(other, KEY_A, ckod=1)
    host.hear()
    host.load(load=False)
    host.hear()
    host.load()
    for one in (host, other):
        one.hear()
        assert status(one) == (PUBLIC, PUBLIC, DISABLE, DISABLE, 0)
    assert sense_of(host.write(b"clear")) == COUNTER_CHANGED
    assert other.write(b"clear").status == GOOD
    assert spout(host, set_page(scope=PUBLIC, lock=1)).status == GOOD
    assert host.write(b"clear").status == GOOD


def test_the_counter_leaves_out_that_of_the_defaults(host: Host) -> None:
    host.drive.parameters.counter = 0xFFFFFFFE
    for counter in (0xFFFFFFFF, 1):
        set_keys(host, KEY_A)
        assert status(host)[4] == counter


def test_reading_is_not_locked(host: Host, other: Host) -> None:
    set_keys(host, KEY_A, lock=1)
    host.write_tape([b"one"])
    other.hear()
    set_keys(other, KEY_A)
    host.hear()
    assert host.read(3).data == b"one"


def test_reset_ends_a_lock_and_drops_every_key(host: Host, other: Host) -> None:
    set_keys(host, KEY_A, lock=1)
    other.hear()
    set_keys(other, KEY_B, scope=LOCAL)
    host.drive.reset()
    assert (host.hear(), other.hear()) == ([s.POWER_ON], [s.POWER_ON])
    for one in (host, other):
        assert status(one) == (PUBLIC, PUBLIC, DISABLE, DISABLE, 0)
    assert host.write(b"clear").status == GOOD


# --- what drops a set --------------------------------------------------------------------------


def test_ckod_drops_the_set_at_unload(host: Host, other: Host) -> None:
    set_keys(host, KEY_A, ckod=1)
    other.hear()
    assert host.load(load=False).status == GOOD
    for one in (host, other):
        assert one.hear() == [s.ENCRYPTION_CHANGED_BY_EVENT]
        assert status(one) == (PUBLIC, PUBLIC, DISABLE, DISABLE, 0)


def test_without_ckod_the_next_volume_gets_the_same_key(host: Host, tmp_path: Path) -> None:
    set_keys(host, KEY_A)
    first = host.drive.eject()
    assert first is not None
    first.close()
    second = new_cartridge(tmp_path, "KRL002L9")
    host.drive.insert(second)
    assert host.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
    assert status(host) == (ALL, ALL, ENCRYPT, DECRYPT, 1)
    host.write_tape([b"secret"])
    assert host.read(6).data == b"secret"
    keys_off(host)
    host.rewind()
    assert sense_of(host.read(6)).code is s.UNABLE_TO_DECRYPT


def test_ckod_of_one_set_leaves_the_other(host: Host, other: Host) -> None:
    set_keys(host, KEY_A, scope=LOCAL, ckod=1)
    set_keys(other, KEY_B)
    host.load(load=False)
    assert status(other) == (ALL, ALL, ENCRYPT, DECRYPT, 2)
    assert other.hear() == []


def test_a_nexus_whose_own_set_is_dropped_uses_what_all_use(host: Host, other: Host) -> None:
    set_keys(other, KEY_B)
    host.hear()
    set_keys(host, KEY_A, scope=LOCAL, ckod=1)
    host.load(load=False)
    assert host.hear() == [s.ENCRYPTION_CHANGED_BY_EVENT]
    assert status(host) == (PUBLIC, ALL, ENCRYPT, DECRYPT, 1)


def test_ckod_ends_what_a_lock_holds_on_to(host: Host) -> None:
    set_keys(host, KEY_A, ckod=1, lock=1)
    host.load(load=False)
    host.hear()
    host.load()
    host.hear()
    assert sense_of(host.write(b"clear?")) == COUNTER_CHANGED


def test_ckorl_drops_the_set_with_the_reservation(host: Host, other: Host) -> None:
    host.send(RESERVE)
    set_keys(host, KEY_A, ckorl=1)
    assert other.ready().status == CONFLICT
    host.send(RELEASE)
    assert host.hear() == [s.ENCRYPTION_CHANGED_BY_EVENT]
    assert status(host)[1:4] == (PUBLIC, DISABLE, DISABLE)


def test_release_by_another_nexus_drops_nothing(host: Host, other: Host) -> None:
    host.send(RESERVE)
    set_keys(host, KEY_A, ckorl=1)
    other.send(RELEASE)
    assert status(host) == (ALL, ALL, ENCRYPT, DECRYPT, 1)


def test_a_dropped_key_is_wiped(host: Host) -> None:
    kept = []
    for fields in ({}, {"scope": LOCAL}, {"ckod": 1}, {}):
        set_keys(host, KEY_A, **fields)
        kept.append(host.drive.parameters.of(host.nexus).key)
    assert bytes(kept[-1].reveal()) == KEY_A
    host.drive.reset()
    assert [bytes(key.reveal()) for key in kept] == [bytes(32)] * 4


# --- too many wrong keys -----------------------------------------------------------------------


def wrong_key(host: Host, number: int) -> None:
    set_keys(host, bytes((number,)) * 32)
    assert sense_of(host.read(6)).code is s.INCORRECT_KEY


@pytest.fixture
def sealed(host: Host) -> Host:
    set_keys(host, KEY_A)
    host.write_tape([b"secret"])
    return host


def test_ten_wrong_keys_in_a_row(sealed: Host) -> None:
    for number in range(10):
        wrong_key(sealed, number)
    limit = Sense(s.KEY_FAIL_LIMIT)
    for data in (set_page(key=KEY_A, encryption=ENCRYPT), set_page()):
        assert sense_of(spout(sealed, data)) == limit
    sealed.load(load=False)
    sealed.load()
    sealed.hear()
    set_keys(sealed, KEY_A)
    assert sealed.read(6).data == b"secret"


def test_reset_ends_the_limit_and_counts_from_the_start(sealed: Host) -> None:
    for _ in range(2):
        for number in range(10):
            wrong_key(sealed, number)
        assert sense_of(spout(sealed, set_page())) == Sense(s.KEY_FAIL_LIMIT)
        sealed.drive.reset()
        sealed.hear()


def test_a_key_counts_once_however_often_it_is_tried(sealed: Host) -> None:
    for number in range(9):
        wrong_key(sealed, number)
        for _ in range(3):
            assert sense_of(sealed.read(6)).code is s.INCORRECT_KEY
    set_keys(sealed, KEY_A)
    assert sealed.read(6).data == b"secret"


def test_the_right_key_ends_the_row(sealed: Host) -> None:
    for _ in range(2):
        for number in range(9):
            wrong_key(sealed, number)
        set_keys(sealed, KEY_A)
        assert sealed.read(6).data == b"secret"
        sealed.rewind()


def test_a_key_that_is_not_used_does_not_count(sealed: Host) -> None:
    for number in range(20):
        set_keys(sealed, bytes((number,)) * 32)
        spin(sealed, 0x0021)
    set_keys(sealed, KEY_A)
    assert sealed.read(6).data == b"secret"
