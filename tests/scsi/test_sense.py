"""Sense data: golden bytes, and both formats there and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.scsi import sense as s
from target.scsi.sense import CheckCondition, Code, Sense, decode

CONDITIONS = sorted({code for code in vars(s).values() if isinstance(code, Code)})
CODES = [code for code in CONDITIONS if decode(Sense(code).fixed()).code == code]
"""Conditions may share a code; what is in a parenthesis tells them from the one that is decoded."""

GOLDEN = [
    (Sense(s.NO_SENSE), "70 00 00 00000000 0a 00000000 0000 00 000000", "72 00 00 00 000000 00"),
    (
        Sense(s.FILEMARK_DETECTED, information=4, filemark=True),
        "f0 00 80 00000004 0a 00000000 0001 00 000000",
        "72 00 00 01 000000 10 000a8000 0000000000000004 04020080",
    ),
    (
        Sense(s.NO_SENSE, information=-24, ili=True),
        "f0 00 20 ffffffe8 0a 00000000 0000 00 000000",
        "72 00 00 00 000000 10 000a8000 ffffffffffffffe8 04020020",
    ),
    (
        Sense(s.END_OF_MEDIUM, information=1, eom=True),
        "f0 00 4d 00000001 0a 00000000 0002 00 000000",
        "72 0d 00 02 000000 10 000a8000 0000000000000001 04020040",
    ),
    (
        Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 7)),
        "70 00 05 00000000 0a 00000000 2400 00 cf0002",
        "72 05 24 00 000000 08 02060000 cf000200",
    ),
    (
        Sense(s.INVALID_PARAMETER, pointer=(18, None), in_cdb=False),
        "70 00 05 00000000 0a 00000000 2600 00 800012",
        "72 05 26 00 000000 08 02060000 80001200",
    ),
    (
        Sense(s.WRITE_ERROR, deferred=True),
        "71 00 03 00000000 0a 00000000 0c00 00 000000",
        "73 03 0c 00 000000 00",
    ),
    (
        Sense(s.NO_SENSE, progress=0x8001),
        "70 00 00 00000000 0a 00000000 0000 00 808001",
        "72 00 00 00 000000 08 02060000 80800100",
    ),
    (
        Sense(s.NO_MEDIUM, fsc=0x2F01),
        "70 00 02 00000000 0a 00000000 3a00 00 002f01",
        "72 02 3a 00 000000 00",
    ),
    (
        Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 7), fsc=0x2F01),
        "70 00 05 00000000 0a 00000000 2400 00 cf0002",
        "72 05 24 00 000000 08 02060000 cf000200",
    ),
    (
        Sense(s.END_OF_DATA, information=1 << 32),
        "70 00 08 00000000 0a 00000000 0005 00 000000",
        "72 08 00 05 000000 0c 000a8000 0000000100000000",
    ),
]


@pytest.mark.req("SSC-SENSE-FIXED", "SSC-SENSE-DESC", "SSC-SENSE-INFO64")
@pytest.mark.parametrize(("sense", "fixed", "descriptor"), GOLDEN)
def test_golden(sense: Sense, fixed: str, descriptor: str) -> None:
    assert sense.fixed().hex() == fixed.replace(" ", "")
    assert sense.descriptor().hex() == descriptor.replace(" ", "")


@pytest.mark.parametrize("length", [18, 24, 36, 96])
def test_fixed_length(length: int) -> None:
    data = Sense(s.NO_MEDIUM).fixed(length)
    assert len(data) == length
    assert data[7] == length - 8


def pointers(code: Code) -> st.SearchStrategy[tuple[int, int | None] | None]:
    if code.key != 5:
        return st.none()
    where = st.tuples(st.integers(0, 0xFFFF), st.one_of(st.none(), st.integers(0, 7)))
    return st.one_of(st.none(), where)


@st.composite
def senses(draw: st.DrawFn, limit: int) -> Sense:
    code = draw(st.sampled_from(CODES))
    pointer = draw(pointers(code))
    return Sense(
        code,
        information=draw(st.one_of(st.none(), st.integers(-limit, limit - 1))),
        filemark=draw(st.booleans()),
        eom=draw(st.booleans()),
        ili=draw(st.booleans()),
        pointer=pointer,
        in_cdb=draw(st.booleans()) if pointer else True,
        deferred=draw(st.booleans()),
        progress=draw(st.one_of(st.none(), st.integers(0, 0xFFFF))) if code.key in (0, 2) else None,
    )


@pytest.mark.req("SSC-SENSE-FIXED")
@given(senses(1 << 31), st.sampled_from((18, 36)), st.integers(1, 0xFFFF))
def test_fixed_there_and_back(sense: Sense, length: int, fsc: int) -> None:
    assert decode(sense.fixed(length)) == sense
    if sense.pointer is None and sense.progress is None:
        sense = replace(sense, fsc=fsc)
        assert decode(sense.fixed(length)) == sense


@pytest.mark.req("SSC-SENSE-DESC")
@given(senses(1 << 63))
def test_descriptor_there_and_back(sense: Sense) -> None:
    assert decode(sense.descriptor()) == sense


@given(st.integers(0, 15), st.integers(0, 255), st.integers(0, 255))
def test_a_code_without_a_name(key: int, asc: int, ascq: int) -> None:
    sense = decode(Sense(Code(key, asc, ascq, "?")).fixed())
    assert sense.code[:3] == (key, asc, ascq)


@given(st.binary(max_size=64))
def test_decoding_anything_is_sense_or_value_error(data: bytes) -> None:
    try:
        assert decode(data).code.key < 16
    except ValueError:
        assert len(data) < 8 or data[0] & 0x7F not in range(0x70, 0x74)


def test_conditions_say_their_code_and_nothing_else() -> None:
    assert str(CheckCondition(s.UNABLE_TO_DECRYPT)) == "7/74/01 UNABLE TO DECRYPT DATA"


def test_codes_are_unique() -> None:
    names = {code[:3]: code.name for code in CODES}
    assert len(names) == len(CODES)
    for code in set(CONDITIONS) - set(CODES):
        assert code.name.startswith(f"{names[code[:3]]} (")
