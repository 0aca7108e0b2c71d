"""The words of the standard for additional sense codes (SPC-4 table 56, as assigned by T10), as far
as tape drives and changers may say them."""

from __future__ import annotations

_TABLE = """
00/00 NO ADDITIONAL SENSE INFORMATION
24/00 INVALID FIELD IN CDB
"""


def _parse(text: str) -> dict[tuple[int, int | None], str]:
    table: dict[tuple[int, int | None], str] = {}
    for line in filter(None, text.splitlines()):
        code, words = line.split(" ", 1)
        asc, ascq = code.split("/")
        table[int(asc, 16), None if ascq == "NN" else int(ascq, 16)] = words
    return table


TEXTS = _parse(_TABLE)
"""(ASC, ASCQ) -> words; ASCQ None where the words are the same for any."""
