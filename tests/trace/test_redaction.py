"""No key is in a trace, whatever a host sends, however it is cut, to whichever drive."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.encryption.keys import set_keys, set_page, spout, spout_cdb
from tests.tape.host import GOOD, TD9
from tests.trace.conftest import LTO3, Traced, traced

PIECE = 8
"""Bytes of a key that are not there either."""


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Traced]]:
    """One that knows the command, and one that does not."""
    folders = [tmp_path_factory.mktemp("lto") for _ in range(2)]
    with traced(folders[0], TD9) as nine, traced(folders[1], LTO3) as three:
        yield [nine, three]


def shows(text: str, key: bytes) -> bool:
    """Whether a piece of the key is in a text."""
    pieces = {key[at : at + PIECE].hex() for at in range(len(key) - PIECE + 1)}
    lower = text.lower()
    if any(piece in lower for piece in pieces) or key.decode("latin-1") in text:
        return True
    return any(base64.b64encode(bytes(n) + key)[4:20].decode() in text for n in range(3))


def mutated(page: bytes, kind: str, at: int, value: int) -> bytes:
    """A page that is wrong in one way."""
    at %= len(page)
    match kind:
        case "cut":
            return page[:at]
        case "longer":
            return page + bytes((value,)) * (at + 1)
        case "byte":
            return page[:at] + bytes((value,)) + page[at + 1 :]
        case "inserted":
            return page[:at] + bytes((value,)) + page[at:]
        case "removed":
            return page[:at] + page[at + 1 :]
        case "key length":
            return page[:18] + value.to_bytes(2, "big") + page[20:]
        case "page length":
            return page[:2] + value.to_bytes(2, "big") + page[4:]
        case "key alone":
            return page[20:52]
        case "twice":
            return page + page
        case _:
            return page


KINDS = (
    "", "cut", "longer", "byte", "inserted", "removed", "key length", "page length", "key alone",
    "twice",
)  # fmt: skip


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32),
    size=st.sampled_from((16, 24, 31, 32, 33, 64, 300)),
    key_format=st.sampled_from((0, 0, 0, 1, 2, 3, 0x80)),
    kind=st.sampled_from(KINDS),
    at=st.integers(0, 400),
    value=st.integers(0, 255),
    opcode=st.sampled_from((0xB5, 0xB5, 0xB5, 0xC1, 0xFE)),
    protocol=st.sampled_from((0x20, 0x20, 0x20, 0x00, 0x21, 0xEE)),
    page_code=st.sampled_from((0x10, 0x10, 0x10, 0x11, 0x31, 0x1000)),
    pieces=st.lists(st.integers(0, 80), max_size=4),
    lie=st.integers(-20, 20),
    label=st.booleans(),
)
def test_no_key_in_any_form(
    drives: list[Traced],
    seed: int,
    size: int,
    key_format: int,
    kind: str,
    at: int,
    value: int,
    opcode: int,
    protocol: int,
    page_code: int,
    pieces: list[int],
    lie: int,
    label: bool,
) -> None:
    key = random.Random(seed).randbytes(size)
    u_kad, a_kad = (b"label", b"12") if label else (b"", b"")
    page = set_page(
        encryption=2, decryption=2, key_format=key_format, key=key, u_kad=u_kad, a_kad=a_kad
    )
    data = mutated(page, kind, at, value)
    cdb = spout_cdb(max(len(data) + lie, 0), page_code, protocol)
    cuts = sorted({0, *(cut for cut in pieces if cut < len(data)), len(data)})
    parts = [data[a:b] for a, b in pairwise(cuts)]
    for rig in drives:
        before = rig.path.stat().st_size
        rig.host.pieces(bytes((opcode,)) + cdb[1:], out=tuple(parts))
        with rig.path.open() as file:
            file.seek(before)
            written = file.read()
        assert written.endswith("}\n")
        assert not shows(written, key), written


def test_a_key_would_be_found() -> None:
    key = random.Random(1).randbytes(32)
    for text in (
        key.hex(), key.hex().upper(), key[9:17].hex(), base64.b64encode(b"x" + key).decode()
    ):  # fmt: skip
        assert shows(f"before{text}behind", key)
    assert not shows(random.Random(2).randbytes(400).hex(), key)


def test_of_a_proper_page_only_the_key_is_gone(rig: Traced) -> None:
    rig.host.hear()
    key = random.Random(3).randbytes(32)
    page = set_page(encryption=2, decryption=2, key=key, u_kad=b"label")
    assert spout(rig.host, page).status == GOOD
    last = rig.commands[-1]
    assert last.out.head == page.replace(key, bytes(32))
    assert last.redacted == ((20, 52),)


def test_of_any_other_list_nothing_is_left(rig: Traced) -> None:
    rig.host.hear()
    page = set_page(encryption=2, decryption=2, key=bytes(range(1, 34)))
    for data, number in ((page, 0x10), (page[:-1], 0x10), (page, 0x12)):
        assert spout(rig.host, data, number).status
        last = rig.commands[-1]
        assert last.out.head == bytes(len(data))
        assert last.redacted == ((0, len(data)),)


def test_a_page_that_only_a_newer_drive_knows(tmp_path: Path) -> None:
    with traced(tmp_path, LTO3) as rig:
        rig.host.hear()
        key = random.Random(4).randbytes(32)
        assert spout(rig.host, set_page(encryption=2, decryption=2, key=key)).status
        assert not shows(rig.path.read_text(), key)


def test_what_a_command_without_a_row_brings(rig: Traced) -> None:
    rig.host.hear()
    assert rig.host.send(bytes.fromhex("c00000002000"), out=b"\x55" * 32).status
    assert rig.commands[-1].out.head == bytes(32)
    assert rig.commands[-1].redacted == ((0, 32),)


def test_the_same_key_is_known_again(rig: Traced, tmp_path: Path) -> None:
    rig.host.hear()
    one, other = (random.Random(n).randbytes(32) for n in (5, 6))
    for key in (one, other, one):
        set_keys(rig.host, key)
    first, second, third = (names for names in (command.keys for command in rig.commands) if names)
    assert first == third != second
    (tmp_path / "again").mkdir()
    with traced(tmp_path / "again") as again:
        again.host.hear()
        set_keys(again.host, one)
        assert again.commands[-1].keys != first, "of another trace it says nothing"


def test_blocks_and_buffers_are_kept(rig: Traced) -> None:
    rig.host.hear()
    rig.host.write(b"in clear")
    rig.host.send(bytes.fromhex("3b02000000000000 0800".replace(" ", "")), out=b"a buffer")
    assert [one.out.head for one in rig.commands[-2:]] == [b"in clear", b"a buffer"]
    assert rig.commands[-1].redacted == ()
