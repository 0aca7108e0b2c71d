"""The next-block page is true at every position of a mixed tape, in every decryption mode."""

from __future__ import annotations

import pytest

from tests.encryption.keys import (
    DECRYPT,
    DISABLE,
    KEY_A,
    KEY_B,
    MIXED,
    RAW,
    kad,
    keys_off,
    set_keys,
    spin,
)
from tests.tape.host import GOOD, Host

KEYS = {"A": KEY_A, "B": KEY_B}
TAPE = "cA BccAAB A c"
"""c: clear, A and B: encrypted with that key, a space: a filemark. The end of data follows."""

CANNOT_NOW, NO_BLOCK, CLEAR, OPENS, CLOSED = 1, 2, 3, 5, 6


@pytest.fixture
def mixed(host: Host) -> Host:
    for kind in TAPE:
        if kind == " ":
            assert host.filemarks().status == GOOD
            continue
        if kind == "c":
            keys_off(host)
        else:
            a_kad = f"alias {kind}".encode()
            set_keys(host, KEYS[kind], rdmc=2, u_kad=kind.encode(), a_kad=a_kad)
        assert host.write(f"block {host.position()}".encode()).status == GOOD
    return host


def expected(number: int, mode: int, key: str) -> bytes:
    """The page at an object number, worked out from TAPE; without the M-KAD of RAW mode."""
    kind = TAPE[number] if number < len(TAPE) else "end"
    status = {"end": CANNOT_NOW, " ": NO_BLOCK, "c": CLEAR}.get(kind)
    tail = b""
    if status is None:
        opens = mode in (DECRYPT, MIXED) and kind == key
        status = OPENS if opens else CLOSED
        tail = kad(0, kind.encode(), 1) + kad(1, f"alias {kind}".encode(), 3 if opens else 2)
    index = 3 if tail else 0
    body = number.to_bytes(8, "big") + bytes((status, index, 0, 0)) + tail
    return bytes((0, 0x21)) + len(body).to_bytes(2, "big") + body


@pytest.mark.parametrize("key", ["A", "B"])
@pytest.mark.parametrize("mode", [DISABLE, DECRYPT, MIXED], ids=["DISABLE", "DECRYPT", "MIXED"])
def test_at_every_position(mixed: Host, mode: int, key: str) -> None:
    set_keys(mixed, KEYS[key], encryption=DISABLE, decryption=mode)
    for number in [*range(len(TAPE) + 1), *reversed(range(len(TAPE) + 1))]:
        mixed.locate(number)
        page = spin(mixed, 0x0021)
        assert page == expected(number, mode, key), f"object {number}"
        assert spin(mixed, 0x0021) == page, "asking changes nothing"
        assert mixed.position() == number
        reply = mixed.read(64, sili=True)
        wanted = {OPENS: GOOD, CLEAR: GOOD if mode != DECRYPT else 2}.get(page[12], 2)
        assert reply.status == wanted, "the page says what READ does"


def test_in_raw_mode_with_what_external_needs(mixed: Host) -> None:
    set_keys(mixed, encryption=DISABLE, decryption=RAW)
    for number, kind in enumerate(TAPE):
        mixed.locate(number)
        page = spin(mixed, 0x0021)
        if kind in KEYS:
            assert page[12] == CLOSED
            tail = kad(0, kind.encode(), 1) + kad(1, f"alias {kind}".encode(), 2)
            assert page[16 : 16 + len(tail)] == tail
            metadata = page[16 + len(tail) :]
            assert (metadata[:4], len(metadata)) == (bytes.fromhex("03 02 0040"), 68)
        else:
            assert page == expected(number, RAW, "A")


def test_a_raw_mark_shows_and_hides_the_metadata(host: Host) -> None:
    set_keys(host, KEY_A, rdmc=3)
    host.write_tape([b"private"])
    set_keys(host, encryption=DISABLE, decryption=RAW)
    assert spin(host, 0x0021) == bytes.fromhex("0021 000c 0000000000000000 06 03 01 00")


def test_a_damaged_block_opens_but_fails(host: Host) -> None:
    set_keys(host, KEY_A, a_kad=b"alias")
    host.write_tape([b"secret"])
    host.damage(0)
    page = spin(host, 0x0021)
    assert page[12] == OPENS
    assert page[16:20] == bytes.fromhex("01 04 0005"), "authentication failed"


def test_kad_format_comes_back(host: Host) -> None:
    set_keys(host, KEY_A, kad_format=2, u_kad=b"ASCII name")
    host.write_tape([b"secret"])
    assert spin(host, 0x0020)[13] == 2
    assert spin(host, 0x0021)[15] == 2


def test_each_nexus_sees_it_with_its_own_parameters(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    set_keys(host, KEY_A, scope=1)
    host.write_tape([b"secret"])
    assert spin(host, 0x0021)[12] == OPENS
    assert spin(other, 0x0021)[12] == CLOSED
