"""INQUIRY data and vital product data as models say them: the same for every device type.

A model's ``inquiry`` table has vendor, product, revision and version; ``length`` of the standard
data, ``version_descriptors`` and other ``bytes`` by number where they are not the usual ones. Its
VPD pages are true, for one of the standards, or the maker's own: hex digits, or a list of [text,
width]; both may have names in braces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from target.scsi.layout import Layout

STANDARD = Layout(
    """0.7-5   peripheral_qualifier
    0.4-0     device_type
    1.7       rmb
    2         version
    3.4       hisup
    3.3-0     response_data_format
    4         additional_length
    5.5-4     tpgs
    5.0       protect
    7.1       cmdque
    8-15      vendor
    16-31     product
    32-35     revision""",
    96,
)
"""SPC-4 6.4.2."""
_VERSION_DESCRIPTORS = 58


def standard(
    inquiry: Mapping[str, Any],
    device_type: int,
    length: int,
    descriptors: Sequence[int] = (),
    texts: Mapping[int, bytes] | None = None,
    **fields: int,
) -> bytearray:
    """Standard INQUIRY data of a device with removable media.

    ``length`` and version ``descriptors``: where the model says none; ``texts``: what stands where
    else; ``fields`` of `STANDARD`.
    """
    data = STANDARD.encode(
        device_type=device_type,
        rmb=1,
        version=inquiry["version"],
        response_data_format=2,
        cmdque=1,
        vendor=inquiry["vendor"].encode(),
        product=inquiry["product"].encode(),
        revision=inquiry["revision"].encode(),
        **fields,
    )
    for number, value in inquiry.get("bytes", {}).items():
        data[int(number)] = value
    for at, text in (texts or {}).items():
        data[at : at + len(text)] = text
    at = _VERSION_DESCRIPTORS
    for descriptor in inquiry.get("version_descriptors", descriptors):
        data[at : at + 2] = descriptor.to_bytes(2, "big")
        at += 2
    del data[inquiry.get("length", length) :]
    data[4] = len(data) - 5
    return data


def vital_product_data(
    known: Mapping[str, Any], make: Callable[[int], bytes], words: Mapping[str, Any]
) -> dict[int, bytes]:
    """The bodies of VPD pages, ascending by page code; 00h lists them.

    ``known``: the pages of the model by their codes in hex; ``make``: those of the standards;
    ``words``: what the names in texts stand for.
    """
    named = {int(code, 16): value for code, value in known.items()}
    pages = {
        code: make(code) if value is True else own(value, words)
        for code, value in sorted(named.items())
    }
    return {**pages, 0x00: bytes(pages)}


def own(value: str | Sequence[tuple[str, int]], words: Mapping[str, Any]) -> bytes:
    """What a maker says in its own way: hex digits, or texts with their widths."""
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace(f"{{{name}}}", str(word).encode().hex())
        return bytes.fromhex(value)
    return b"".join(text.format(**words).encode().ljust(width)[:width] for text, width in value)
