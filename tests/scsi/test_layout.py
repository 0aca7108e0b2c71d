"""Layout: one declaration encodes, decodes, and knows which bits are whose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.scsi.layout import Layout

EXAMPLE = Layout("1.4-0 service_action, 2.7 rctd\n2.2-0 options\n\n 6-9 allocation_length", 12)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Layouts whose fields cannot overlap: each byte is a field, part of one, or in bits."""
    lines, at = [], 0
    for number in range(draw(st.integers(1, 6))):
        at += draw(st.integers(0, 2))
        kind = draw(st.sampled_from(("byte", "bytes", "bit", "bits")))
        if kind == "byte":
            lines.append(f"{at} f{number}")
        elif kind == "bytes":
            width = draw(st.integers(2, 5))
            lines.append(f"{at}-{at + width - 1} f{number}")
            at += width - 1
        elif kind == "bit":
            lines.append(f"{at}.{draw(st.integers(0, 7))} f{number}")
        else:
            low = draw(st.integers(0, 3))
            high = draw(st.integers(low + 1, 5))
            lines += [f"{at}.{high}-{low} f{number}", f"{at}.7 g{number}"]
        at += 1
    return Layout("\n".join(lines), at + draw(st.integers(0, 3)))


@given(st.data())
def test_encode_and_decode_are_inverse(data: st.DataObject) -> None:
    layout = data.draw(layouts())
    values = {field.name: data.draw(st.integers(0, field.maximum)) for field in layout}
    encoded = layout.encode(values)
    assert len(encoded) == layout.size
    assert layout.decode(encoded) == values
    assert layout.stray_bit(encoded) is None


@given(st.data())
def test_reserved_bits_are_those_that_no_field_owns(data: st.DataObject) -> None:
    layout = data.draw(layouts())
    raw = data.draw(st.binary(min_size=layout.size, max_size=layout.size))
    owned = bytes(byte & mask for byte, mask in zip(raw, layout.mask, strict=True))
    assert layout.encode(layout.decode(raw)) == owned
    stray = [
        (index, bit)
        for index in range(layout.size)
        for bit in range(7, -1, -1)
        if raw[index] >> bit & 1 and not layout.mask[index] >> bit & 1
    ]
    assert layout.stray_bit(raw) == (stray[0] if stray else None)


def test_positions() -> None:
    data = EXAMPLE.encode(service_action=0x0C, rctd=1, options=3, allocation_length=0x01020304)
    assert data == bytes.fromhex("00 0c 83 00 00 00 01 02 03 04 00 00")
    assert EXAMPLE.mask == bytes.fromhex("00 1f 87 00 00 00 ff ff ff ff 00 00")
    assert (EXAMPLE["options"].first, EXAMPLE["options"].top_bit) == (2, 2)
    assert EXAMPLE["allocation_length"].top_bit == 7
    assert "rctd" in EXAMPLE
    assert "opcode" not in EXAMPLE


def test_short_data_read_as_zero() -> None:
    assert EXAMPLE.decode(bytes.fromhex("00 1f 80 00 00 00 01")) == {
        "service_action": 0x1F, "rctd": 1, "options": 0, "allocation_length": 0x01000000,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["1 a, 1.0 b", "0-3 a, 3 b", "1.4-0 a, 1.4 b", "2.7-3 a, 2.5-4 b"])
def test_overlap_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="b overlaps"):
        Layout(text)


@pytest.mark.parametrize("text", ["1", "a 1", "1.8-x a", "1.2.3 a", "1-2-3 a", "1 two words"])
def test_what_is_no_field_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a field"):
        Layout(text)


@pytest.mark.parametrize("name", ["rctd", "options", "allocation_length"])
def test_values_that_do_not_fit_are_refused(name: str) -> None:
    for value in (-1, EXAMPLE[name].maximum + 1):
        with pytest.raises(ValueError, match="does not fit"):
            EXAMPLE.encode({name: value})


def test_text_is_padded_and_needs_whole_bytes() -> None:
    layout = Layout("0-7 vendor, 8.3-0 bits")
    assert layout.encode(vendor=b"IBM") == b"IBM     \0"
    for bad in ({"vendor": b"too long!"}, {"bits": b"x"}):
        with pytest.raises(ValueError, match="do not fit"):
            layout.encode(bad)


def test_unknown_field_is_refused() -> None:
    with pytest.raises(KeyError):
        EXAMPLE.encode(nothing=1)
