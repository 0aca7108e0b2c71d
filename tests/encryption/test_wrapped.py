"""Keys wrapped with the drive's public key: page 0031h and KEY FORMAT 02h."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.hashes import SHA1

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.encryption.keys import KEY_A, KEY_B, spin
from tests.encryption.wrapping import descriptor, field, label_of, name_of, public_key, send, wrap
from tests.tape.host import GOOD, Host, sense_of, tape

MODELS = ["ibm/ult3580-td9", "ibm/ult3580-td7", "quantum/ultrium-4", "quantum/ultrium-hh8"]
KEY_AT = 20
"""Where the KEY field begins in the page."""


@pytest.fixture
def label(host: Host) -> bytes:
    return label_of(host)


# --- the page ----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_public_key_page(model: str) -> None:
    with tape(model) as host:
        page = spin(host, 0x0031)
        assert page[:14] == bytes.fromhex("0031 020a 00000000 00000000 0200")
        modulus, exponent = public_key(host)
        assert (modulus.bit_length(), exponent) == (2048, 65537)
        assert spin(host, 0x0011) == bytes.fromhex("0011 0002 00 02")


def test_a_loss_of_power_brings_a_new_pair_and_a_reset_does_not(host: Host) -> None:
    first = public_key(host)
    assert public_key(host) == first
    host.drive.reset()
    host.hear()
    assert public_key(host) == first
    host.drive.power_on()
    host.hear()
    assert public_key(host) != first


def test_two_drives_have_two_pairs(host: Host) -> None:
    with tape() as other:
        assert public_key(other) != public_key(host)


# --- a key that comes through ------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_wrapped_key_is_the_key(model: str) -> None:
    with tape(model) as host:
        label = label_of(host)
        reply = send(host, field(label, wrap(host, KEY_A, label)), algorithm=1, u_kad=b"name")
        assert reply.status == GOOD, reply
        assert spin(host, 0x0020)[5:8] == bytes((2, 2, 1))
        host.write_tape([b"secret"])
        assert host.read(6).data == b"secret"
        assert send(host, KEY_A, key_format=0).status == GOOD
        host.rewind()
        assert host.read(6).data == b"secret", "the same key in plain"
        assert spin(host, 0x0020)[8:12] == bytes((0, 0, 0, 2))


@pytest.mark.parametrize("signature", [b"", b"signed", bytes(256)])
def test_a_signature_is_not_looked_at(host: Host, label: bytes, signature: bytes) -> None:
    assert send(host, field(label, wrap(host, KEY_A, label), signature)).status == GOOD


def test_labels_that_are_right(host: Host, label: bytes) -> None:
    page = host.send(bytes.fromhex("12 01 83 00 ff 00"), size=255).data
    vendor_name = page[8 : 8 + page[7]]
    for right in (
        label,
        b"",
        descriptor(0, vendor_name),
        descriptor(0, name_of(host))
        + descriptor(1, b"me")
        + descriptor(2, b"")
        + descriptor(3, b"k"),
    ):
        assert send(host, field(right, wrap(host, KEY_A, right))).status == GOOD


def test_key_associated_data_follow_it(host: Host, label: bytes) -> None:
    key = field(label, wrap(host, KEY_A, label))
    assert send(host, key, u_kad=b"label", a_kad=b"alias").status == GOOD
    host.write_tape([b"secret"])
    assert spin(host, 0x0021)[16:] == (
        bytes.fromhex("00 01 0005") + b"label" + bytes.fromhex("01 03 0005") + b"alias"
    )


def test_what_is_not_needed_is_not_opened(host: Host) -> None:
    assert send(host, b"anything", encryption=0, decryption=1).status == GOOD
    assert send(host, b"anything", encryption=0, decryption=0).status == GOOD
    assert host.drive._wrapping_key is None


# --- and one that does not ---------------------------------------------------------------------


UNREADABLE = Sense(s.UNABLE_TO_DECRYPT_LIST)


def test_what_was_not_wrapped_for_this(host: Host, label: bytes) -> None:
    good = wrap(host, KEY_A, label)
    with tape() as other:
        stranger = wrap(other, KEY_A, label)
    flipped = bytes((*good[:-1], good[-1] ^ 1))
    for key in (
        field(label, stranger),
        field(label, flipped),
        field(label, bytes(256)),
        field(label, wrap(host, KEY_A, b"another label")),
        field(label, wrap(host, KEY_A, label, hashed=SHA1())),
        field(descriptor(0, name_of(host)), good),
    ):
        before = spin(host, 0x0020)
        assert sense_of(send(host, key)) == UNREADABLE
        assert spin(host, 0x0020) == before


def bad(at: int, bit: int | None = None) -> Sense:
    return Sense(s.INVALID_PARAMETER, pointer=(KEY_AT + at, bit), in_cdb=False)


def test_a_structure_that_is_wrong(host: Host, label: bytes) -> None:
    good, size = wrap(host, KEY_A, label), len(label)
    whole = field(label, good)
    cases: list[tuple[bytes, Sense]] = [
        (field(label, good, parameter_set=0x10), bad(0)),
        (field(label, good, parameter_set=1), bad(0)),
        (b"\0", bad(0)),
        (b"\0\0", bad(2)),
        (b"\0\0\0", bad(2)),
        (whole[: 4 + size - 1], bad(2)),
        (whole[: 4 + size], bad(4 + size)),
        (whole[: 6 + size + 255], bad(4 + size)),
        (whole[: 6 + size + 256], bad(6 + size + 256)),
        (whole + b"\0", bad(len(whole))),
        (field(label, good[:-1]), bad(4 + size)),
        (field(label, good + b"\0"), bad(4 + size)),
        (field(label, b""), bad(4 + size)),
        (field(label, good, b"x")[:-1], bad(6 + size + 256)),
        # wrapped key descriptors
        (field(b"\0\0\0", good), bad(4)),
        (field(descriptor(5, b"x"), good), bad(4)),
        (field(descriptor(0, name_of(host), 0x40), good), bad(5, 6)),
        (field(descriptor(0, name_of(host))[:-1], good), bad(6)),
        (field(descriptor(0, bytes(8)), good), bad(8)),
        (field(descriptor(0, name_of(host)) * 2, good), bad(16)),
        (field(descriptor(4, b"\1\0") + descriptor(0, name_of(host)), good), bad(10)),
        (field(descriptor(4, b"\0\x20"), good), bad(8)),
        (field(descriptor(4, b"\1"), good), bad(8)),
    ]
    for key, sense in cases:
        assert sense_of(send(host, key)) == sense, key.hex()
    assert sense_of(send(host, b"")).pointer == (18, None)


@pytest.mark.parametrize("size", [0, 1, 16, 31, 33, 64])
def test_a_key_of_another_size(host: Host, label: bytes, size: int) -> None:
    key = field(label, wrap(host, bytes(size), label))
    assert sense_of(send(host, key)) == bad(6 + len(label))


@pytest.mark.parametrize("model", ["ibm/ult3580-td6", "hp/ultrium-6", "stk/t10000d", "ibm/ts1160"])
def test_models_without_wrapped_keys(model: str) -> None:
    with tape(model) as host:
        key = field(b"", bytes(256))
        assert sense_of(send(host, key)) == Sense(
            s.INVALID_PARAMETER, pointer=(9, None), in_cdb=False
        )
        cdb = bytes.fromhex("a2 20 0031 0000 000000ff 00 00")
        sense = sense_of(host.send(cdb, size=255))
        assert (sense.code, sense.pointer and sense.pointer[0]) == (s.INVALID_FIELD_IN_CDB, 2)


def test_keys_that_fail_count_as_others_do(host: Host, label: bytes) -> None:
    assert send(host, field(label, wrap(host, KEY_A, label))).status == GOOD
    host.write_tape([b"secret"])
    assert send(host, field(label, wrap(host, KEY_B, label))).status == GOOD
    assert sense_of(host.read(6)).code is s.INCORRECT_KEY
    assert host.drive.key_failures == 1
