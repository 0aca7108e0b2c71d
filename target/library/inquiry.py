"""INQUIRY data and vital product data of a medium changer, from its model.

The texts of a model may name {serial}, {vendor}, {product}, {revision} and {storage}, which is the
first storage address: IBM's libraries tell partitions apart by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from target.library.inventory import Kind
from target.library.personality import LibraryModel
from target.scsi.layout import Layout

if TYPE_CHECKING:
    from target.library.changer import Changer

DEVICE_TYPE = 0x08

STANDARD = Layout(
    """0.4-0   device_type
    1.7       rmb
    2         version
    3.3-0     response_data_format
    4         additional_length
    7.1       cmdque
    8-15      vendor
    16-31     product
    32-35     revision""",
    96,
)
_VERSION_DESCRIPTORS = 58

_T10 = (("{vendor}", 8), ("{product}", 16), ("{serial}", 10))
"""The usual name of a unit in page 83h."""
_CHANGER = 0xC
"""The last digit of a changer's NAA name; those of drives have 0 to 2."""


def standard(model: LibraryModel, serial: str) -> bytearray:
    """Standard INQUIRY data, 56 bytes unless the model has another length; RMB is 1."""
    inquiry = model.inquiry
    data = STANDARD.encode(
        device_type=DEVICE_TYPE,
        rmb=1,
        version=inquiry["version"],
        response_data_format=2,
        cmdque=1,
        vendor=inquiry["vendor"].encode(),
        product=inquiry["product"].encode(),
        revision=inquiry["revision"].encode(),
    )
    for number, value in inquiry.get("bytes", {}).items():
        data[int(number)] = value
    for at, text, width in inquiry.get("texts", ()):
        data[at : at + width] = text.format(**_words(model, serial)).encode().ljust(width)[:width]
    at = _VERSION_DESCRIPTORS
    for descriptor in inquiry.get("version_descriptors", ()):
        data[at : at + 2] = descriptor.to_bytes(2, "big")
        at += 2
    del data[inquiry.get("length", 56) :]
    data[4] = len(data) - 5
    return data


def vital_product_data(changer: Changer) -> dict[int, bytes]:
    """The bodies of the model's VPD pages, ascending by page code."""
    named = {int(code, 16): value for code, value in changer.model.vpd["pages"].items()}
    pages = {
        code: PAGES[code](changer) if value is True else _own(value, changer)
        for code, value in sorted(named.items())
    }
    return {**pages, 0x00: bytes(pages)}


def _words(model: LibraryModel, serial: str) -> dict[str, Any]:
    inquiry = model.inquiry
    own = {key: inquiry[key] for key in ("vendor", "product", "revision")}
    return {**own, "serial": serial, "storage": model.first[Kind.STORAGE]}


def _own(value: Any, changer: Changer) -> bytes:
    """Hex digits, or texts with their widths."""
    if isinstance(value, str):
        return bytes.fromhex(value)
    words = _words(changer.model, changer.partition.serial)
    return b"".join(text.format(**words).encode().ljust(width)[:width] for text, width in value)


def _serial(changer: Changer) -> bytes:
    return changer.partition.serial.encode()


def _identification(changer: Changer) -> bytes:
    """The T10 name, and an NAA name where the model has one."""
    model = changer.model
    name = _own(model.vpd.get("name", _T10), changer)
    found = _designator(2, 1, name)
    if "naa_prefix" in model.vpd:
        digits = "".join(filter(str.isdigit, changer.partition.serial)) or "0"
        unit = int(digits) % (1 << 32) << 4 | _CHANGER
        found += _designator(1, 3, (model.vpd["naa_prefix"] << 36 | unit).to_bytes(8, "big"))
    return found


def _designator(code_set: int, kind: int, data: bytes) -> bytes:
    return bytes((code_set, kind, 0, len(data))) + data


PAGES: dict[int, Callable[[Changer], bytes]] = {
    0x00: lambda changer: b"",
    0x80: _serial,
    0x83: _identification,
}
"""The pages of the standards (SPC-4 7.8)."""
