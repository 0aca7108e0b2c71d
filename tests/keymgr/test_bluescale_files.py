"""Exported keys: the file's format, and exporting and importing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given
from hypothesis import strategies as st

from keymgr import kdf
from keymgr.bluescale import NotAllowed
from keymgr.bluescale.key_file import ExportedKey, seal, unseal
from keymgr.errors import Damaged, KeyExists, KeyManagerError, KeyMissing, WrongPassword
from tests.keymgr.bluescale import CHEAP, START, Site, secret, site, value, write

PAGE = Path(__file__).resolve().parents[2] / "docs/bsk-file.md"
KEY = bytes(range(32))
PASSWORD = "Example_password.1"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@-_."
texts = st.text(ALPHABET, min_size=1, max_size=29)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as one:
        yield one


def example(moniker: str = "A", key: bytes = KEY, cost: kdf.Cost = CHEAP) -> bytes:
    exported = ExportedKey(moniker, int(START), secret())
    exported.key.reveal()[:] = key
    return seal(exported, secret(PASSWORD), cost)


def refit(data: bytes) -> bytes:
    """With a true SHA-256: what a forger would make, and not what damages."""
    return data[:-32] + hashlib.sha256(data[:-32]).digest()


# --- the format --------------------------------------------------------------------------------


def golden() -> bytes:
    return bytes.fromhex("".join(re.findall("^    (.*)$", PAGE.read_text(), re.MULTILINE)))


@pytest.mark.req("BS-10")
def test_the_example_of_the_page() -> None:
    content = unseal(golden(), secret(PASSWORD))
    assert (content.moniker, content.created) == ("example-1", 1_800_000_000)
    assert bytes(content.key.reveal()) == KEY
    rest = iter(range(0x20, 0x40))

    def random(size: int) -> bytes:
        return bytes(next(rest) for _ in range(size))

    assert seal(content, secret(PASSWORD), random=random) == golden()


@pytest.mark.req("BS-10")
def test_the_page_is_enough_to_read_one() -> None:
    """Nothing of keyreel is used but the text of the page."""
    data = golden()
    n = data[11]
    memory, passes, lanes = (int.from_bytes(data[at : at + 4], "big") for at in (12, 16, 20))
    derivation = Argon2id(
        salt=data[24:40], length=32, iterations=passes, lanes=lanes, memory_cost=memory
    )
    cipher = AESGCM(derivation.derive(PASSWORD.encode()))
    assert cipher.decrypt(data[40:52], data[60 + n : 108 + n], data[: 60 + n]) == KEY
    assert data[108 + n :] == hashlib.sha256(data[: 108 + n]).digest()
    assert len(data) == 140 + n


@pytest.mark.req("BS-10")
@given(
    moniker=texts,
    key=st.binary(min_size=32, max_size=32),
    password=texts,
    created=st.integers(0, 2**40),
)
def test_round_trip(moniker: str, key: bytes, password: str, created: int) -> None:
    exported = ExportedKey(moniker, created, secret())
    exported.key.reveal()[:] = key
    data = seal(exported, secret(password), CHEAP)
    assert key not in data
    back = unseal(data, secret(password))
    assert (back.moniker, back.created, bytes(back.key.reveal())) == (moniker, created, key)


@pytest.mark.req("BS-11")
@given(data=st.data(), flip=st.integers(1, 255))
def test_any_changed_byte_is_refused(data: st.DataObject, flip: int) -> None:
    good = example()
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= flip
    with pytest.raises(Damaged):
        unseal(bytes(bad), secret(PASSWORD))


@pytest.mark.req("BS-11")
def test_a_forged_byte_is_refused_too() -> None:
    """Everything but the digest is authenticated, whatever a forger makes of the digest."""
    good = example()
    for at in range(len(good) - 32):
        bad = bytearray(good)
        bad[at] ^= 0x01
        # A cost that is allowed is gone through with: up to a GiB, so leave the big ones out.
        if 12 <= at < 24 and at not in (15, 19, 23):
            continue
        with pytest.raises((Damaged, WrongPassword)):
            unseal(refit(bytes(bad)), secret(PASSWORD))


@pytest.mark.req("BS-11")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: b"", "this is no exported key: choose a .bsk file"),
        (lambda data: b"ustar" * 40, "this is no exported key"),
        (lambda data: data[:50], "this is no exported key"),
        (lambda data: data[:-1], "is damaged: use another copy of it"),
        (lambda data: data + b"\n", "is damaged"),
        (lambda data: data.replace(b"\r\n", b"\n"), "this is no exported key"),
        (lambda data: refit(data[:8] + b"\x02" + data[9:]), "has version 2, which is not known"),
        (lambda data: refit(data[:12] + b"\xff" * 4 + data[16:]), "too costly a derivation"),
        (lambda data: refit(data[:20] + bytes(4) + data[24:]), "too costly a derivation"),
        (lambda data: refit(data[:60] + b"/" + data[61:]), "names no moniker"),
    ],
)
def test_what_is_no_file(change: object, told: str) -> None:
    assert callable(change)
    with pytest.raises(Damaged, match=told):
        unseal(change(example()), secret(PASSWORD))


@pytest.mark.req("BS-11")
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(Damaged):
        unseal(data, secret(PASSWORD))


# --- exporting -----------------------------------------------------------------------------------


@pytest.mark.req("BS-10")
def test_exporting(library: Site) -> None:
    desk = library.desk()
    desk.create("finance-1")
    desk.assign("finance", "finance-1")
    file = desk.export("finance-1", secret(PASSWORD), secret(PASSWORD), location="the bank")
    assert file.file_name == "finance-1.bsk"
    assert len(file.data) > 0
    key = value(library.bluescale.key_for_write(write()))
    assert key not in file.data
    assert bytes(unseal(file.data, secret(PASSWORD)).key.reveal()) == key
    assert file.data != desk.export("finance-1", secret(PASSWORD), secret(PASSWORD)).data


@pytest.mark.req("BS-10")
def test_what_is_not_exported(library: Site) -> None:
    desk = library.desk()
    desk.create("A")
    with pytest.raises(NotAllowed, match="the two key passwords are not the same"):
        desk.export("A", secret(PASSWORD), secret(PASSWORD.lower()))
    for wrong in ("", "two words", "semi;colon"):
        with pytest.raises(NotAllowed, match="the key password m"):
            desk.export("A", secret(wrong), secret(wrong))
    with pytest.raises(KeyMissing, match="there is no key 'B'"):
        desk.export("B", secret(PASSWORD), secret(PASSWORD))
    assert desk.keys()[0].copies == 0


# --- importing -----------------------------------------------------------------------------------


def refused(library: Site, data: bytes, error: type[KeyManagerError], told: str) -> None:
    desk = library.desk()
    before = desk.keys(), desk.tracking()
    with pytest.raises(error, match=told):
        desk.import_key(data, secret(PASSWORD))
    assert (desk.keys(), desk.tracking()) == before


@pytest.mark.req("BS-11")
def test_importing(library: Site) -> None:
    desk = library.desk()
    imported = desk.import_key(example(), secret(PASSWORD))
    assert (imported.moniker, imported.new) == ("A", True)
    assert desk.keys()[0].created == START
    desk.assign("finance", "A")
    assert value(library.bluescale.key_for_write(write())) == KEY
    assert not desk.import_key(example(), secret(PASSWORD)).new, "the same again does no harm"
    assert library.events().count("key imported") == 1


@pytest.mark.req("BS-11")
def test_what_is_not_imported(library: Site) -> None:
    desk = library.desk()
    desk.import_key(example(), secret(PASSWORD))
    with pytest.raises(WrongPassword, match="the key password does not open the file with the key"):
        desk.import_key(example("B"), secret("Example_password.2"))
    assert library.events()[-1] == "wrong password"
    refused(library, example(key=bytes(32)), KeyExists, "the library has another key 'A'")
    refused(library, example()[:-1], Damaged, "is damaged")
    desk.assign("finance", "A")
    assert value(library.bluescale.key_for_write(write())) == KEY


@pytest.mark.req("BS-11")
def test_no_more_keys_are_imported_than_there_can_be(library: Site) -> None:
    desk = library.desk()
    for number in range(30):
        desk.create(f"key-{number}")
    refused(library, example(), NotAllowed, "the library has 30 keys, the most there can be")


@pytest.mark.req("BS-11")
def test_standard_imports_when_no_key_is_there(tmp_path: Path) -> None:
    with site(tmp_path, professional=False) as library:
        desk = library.desk()
        desk.create("B")
        refused(library, example(), NotAllowed, "Standard Edition has one key, and 'B' is there")
        desk.delete("B", "B")
        assert desk.import_key(example(), secret(PASSWORD)).new
        assert [row.moniker for row in desk.tracking()] == ["A", "B"]


@pytest.mark.req("BS-11")
def test_a_failing_store_changes_nothing(library: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **more: object) -> None:
        raise KeyManagerError("broken on purpose")

    desk = library.desk()
    monkeypatch.setattr(desk._state, "audit", broken)
    with pytest.raises(KeyManagerError, match="broken on purpose"):
        desk.import_key(example(), secret(PASSWORD))
    assert (desk.keys(), desk.tracking()) == ([], [])
