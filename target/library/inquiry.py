"""INQUIRY data and vital product data of a medium changer, from its model.

The texts of a model may name {serial}, {vendor}, {product}, {revision} and {storage}, which is the
first storage address: IBM's libraries tell partitions apart by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from target.library.inventory import Kind
from target.library.personality import LibraryModel
from target.scsi import inquiry_data

if TYPE_CHECKING:
    from target.library.changer import Changer

DEVICE_TYPE = 0x08

_T10 = (("{vendor}", 8), ("{product}", 16), ("{serial}", 10))
"""The usual name of a unit in page 83h."""
_CHANGER = 0xC
"""The last digit of a changer's NAA name; those of drives have 0 to 2."""


def standard(model: LibraryModel, serial: str) -> bytearray:
    """Standard INQUIRY data, 56 bytes unless the model has another length."""
    words = _words(model, serial)
    texts = {
        at: inquiry_data.own([(text, width)], words)
        for at, text, width in model.inquiry.get("texts", ())
    }
    return inquiry_data.standard(model.inquiry, DEVICE_TYPE, 56, texts=texts)


def vital_product_data(changer: Changer) -> dict[int, bytes]:
    """The bodies of the model's VPD pages, ascending by page code."""
    model = changer.model
    words = _words(model, changer.partition.serial)
    return inquiry_data.vital_product_data(
        model.vpd["pages"], lambda code: PAGES[code](changer), words
    )


def _words(model: LibraryModel, serial: str) -> dict[str, Any]:
    inquiry = model.inquiry
    own = {key: inquiry[key] for key in ("vendor", "product", "revision")}
    return {**own, "serial": serial, "storage": model.first[Kind.STORAGE]}


def _serial(changer: Changer) -> bytes:
    return changer.partition.serial.encode()


def _identification(changer: Changer) -> bytes:
    """The T10 name, and an NAA name where the model has one."""
    model = changer.model
    words = _words(model, changer.partition.serial)
    name = inquiry_data.own(model.vpd.get("name", _T10), words)
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
