"""Wrapped keys, and what unwraps them, show themselves nowhere either."""

from __future__ import annotations

import gc
import logging
import pickle
import weakref
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers

from target import personality
from target.encryption.wrapped import WrappingKey
from target.scsi import sense as s
from target.tape import commands
from target.tape.drive import Drive
from tests.encryption.keys import (
    DECRYPT,
    ENCRYPT,
    KEY_A,
    keys_off,
    set_keys,
    set_page,
    spin,
    spout_cdb,
)
from tests.encryption.test_secrets import KEY, held_keys, shows
from tests.encryption.wrapping import field, label_of, send, wrap
from tests.tape.host import CHECK, GOOD, TD9, Host, sense_of


@pytest.fixture
def sent(host: Host) -> bytes:
    """The KEY field with KEY in it."""
    label = label_of(host)
    return field(label, wrap(host, KEY, label))


def wrapped_page(key: bytes) -> bytes:
    return set_page(key=key, encryption=ENCRYPT, decryption=DECRYPT, key_format=2)


def numbers(host: Host) -> RSAPrivateNumbers:
    return host.drive.wrapping_key()._private.private_numbers()


def private_parts(host: Host) -> list[bytes]:
    """The secret numbers of the pair, big-endian; those that the public exponent tells are not."""
    known = numbers(host)
    secret = (known.d, known.p, known.q, known.dmp1, known.dmq1, known.iqmp)
    return [number.to_bytes((number.bit_length() + 7) // 8, "big") for number in secret]


def test_nothing_in_logs_and_answers(
    host: Host, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert send(host, sent).status == GOOD
    host.write_tape([b"secret"])
    for at in (0, 1, 3, 5, 20, len(sent) - 3, len(sent) - 1):
        wrong = bytearray(sent)
        wrong[at] ^= 0xFF
        send(host, bytes(wrong))
    assert not shows(caplog.text)
    for page in (0x00, 0x01, 0x10, 0x11, 0x12, 0x20, 0x21, 0x30, 0x31):
        answer = spin(host, page)
        assert KEY not in answer
        assert not any(part in answer for part in private_parts(host))


def test_repr(host: Host, sent: bytes) -> None:
    assert send(host, sent).status == GOOD
    pair = host.drive.wrapping_key()
    shown = f"{pair!r} {vars(pair)!r} {vars(host.drive)!r}"
    assert not shows(shown)
    for part in private_parts(host):
        assert part.hex() not in shown
        assert str(int.from_bytes(part, "big")) not in shown


def test_the_pair_is_not_pickled() -> None:
    pair = WrappingKey()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises((TypeError, pickle.PicklingError)):
            pickle.dumps(pair, protocol)


def test_nothing_in_the_drives_file(tmp_path: Path) -> None:
    path = tmp_path / "drive.json"
    model = personality.load(TD9)
    drive = Drive(model, "KRL0000001", commands.of(model), state=path)
    host = Host(drive)
    host.hear()
    label = label_of(host)
    assert send(host, field(label, wrap(host, KEY, label))).status == GOOD
    secret = [*private_parts(host), KEY]
    drive.power_on()
    stored = path.read_text()
    for part in secret:
        assert part.hex() not in stored.lower()
        assert str(int.from_bytes(part, "big")) not in stored
        assert part not in path.read_bytes()


def test_a_loss_of_power_leaves_no_pair(host: Host, sent: bytes) -> None:
    assert send(host, sent).status == GOOD
    left = weakref.ref(host.drive.wrapping_key())
    host.drive.power_on()
    gc.collect()
    assert left() is None


@pytest.mark.parametrize("spoilt", [None, 1, 3, 60, -3])
@pytest.mark.parametrize("where", ["drive", "page", "protocol", "library", "limit"])
def test_the_hosts_buffers_are_zeroed(
    host: Host, sent: bytes, spoilt: int | None, where: str
) -> None:
    key = bytearray(sent)
    if spoilt is not None:
        key[spoilt] ^= 0xFF
    page = wrapped_page(bytes(key))
    code = 0x11 if where == "page" else 0x10
    protocol = 0x21 if where == "protocol" else 0x20
    if where == "library":
        host.drive.control = "library"
    if where == "limit":
        host.drive.key_failures = 99
    for cut in (0, 30, 100, len(page)):
        first, second = bytearray(page[:cut]), bytearray(page[cut:])
        views = [memoryview(first), memoryview(second)]
        done = host.unit.execute(host.nexus, spout_cdb(len(page), code, protocol), views)
        assert done.status == (GOOD if where == "drive" and spoilt is None else CHECK)
        assert not any(first + second)


class Kept:
    """A private key that lends what it has decrypted to a test."""

    def __init__(self, key: bytes) -> None:
        self.key = bytes(bytearray(key))

    def decrypt(self, data: bytes, padding: object) -> bytes:
        return self.key


@pytest.mark.parametrize("size", [16, 32, 33])
def test_what_the_library_returned_is_overwritten(
    host: Host, sent: bytes, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept((KEY + KEY)[:size])
    monkeypatch.setattr(host.drive.wrapping_key(), "_private", kept)
    reply = send(host, sent)
    assert kept.key == bytes(size)
    if size == 32:
        assert reply.status == GOOD
        used = host.drive.parameters.of(host.nexus)
        assert bytes(used.key.reveal()) == KEY
    else:
        assert sense_of(reply).code is s.INVALID_PARAMETER


def test_a_key_that_was_replaced_is_left_in_no_object(host: Host, sent: bytes) -> None:
    assert send(host, sent).status == GOOD
    host.write_tape([b"secret"])
    host.read(6)
    set_keys(host, KEY_A)
    held = held_keys()
    assert KEY_A in held
    assert KEY not in held
    keys_off(host)
    assert KEY_A not in held_keys()
