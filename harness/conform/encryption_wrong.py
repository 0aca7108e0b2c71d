"""Pages that are wrong, for the checks that a drive refuses them (SSC-4 8.5.3.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from harness.conform.encryption import (
    DECRYPT,
    ENCRYPT,
    KEY_B,
    Drive,
    encryption_check,
)
from harness.conform.encryption_codes import INVALID_LIST

CLAUSE = "SSC-4 8.5.3.2"
TOPIC = "Set Data Encryption page"

Make = Callable[[Drive], bytes | bytearray]
"""Makes a page that is wrong, or raises NotApplicable."""


def wrong(
    id: str,
    title: str,
    make: Make,
    *,
    at: tuple[int, int | None] | None = None,
    codes: tuple[str, ...] = (INVALID_LIST,),
) -> None:
    """Declare a check that a page is refused; ``at``: where a field pointer has to point."""

    @encryption_check(
        f"ENC-SET-{id}",
        CLAUSE,
        TOPIC,
        title,
        expected=f"CHECK CONDITION, {' or '.join(codes)}; a field pointer, if there is one, names "
        "the field; the parameters that were in force stay, and so does the key.",
    )
    def body(drive: Drive) -> None:
        page = make(drive)
        (data,) = drive.tape("A")
        drive.set()
        drive.refused(page, *codes, field=at)
        drive.reads(data)


def fields(
    *needs: Callable[[Drive], None],
    poke: Iterable[tuple[int, int]] = (),
    encryption: int = ENCRYPT,
    decryption: int = DECRYPT,
    **values: Any,
) -> Make:
    """A page with those fields, good otherwise; ``poke``: bits to set, by byte."""

    def make(drive: Drive) -> bytes:
        for need in needs:
            need(drive)
        values.setdefault("key", KEY_B)
        page = drive.make(encryption, decryption, **values)
        for byte, bits in poke:
            page[byte] |= bits
        return bytes(page)

    return make


def unknown_algorithm(drive: Drive) -> int:
    """An ALGORITHM INDEX that no descriptor has."""
    known = {one.algorithm_index for one in drive.facts.algorithms}
    return next(index for index in (0x77, 0x78, 0x7A, 0x7B, 0x7C) if index not in known)
