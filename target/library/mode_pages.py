"""The mode pages of medium changers (SMC-3 7.2), with their usual values.

1Dh tells where the elements are, 1Eh of the picker, 1Fh what can be moved from where to where. Of
their fields nothing can be changed: MODE SELECT takes a page back as it was, and refuses any other
value with 5/26/00, as IBM's libraries do (TS4500 SCSI pages). Models' tables correct the values; a
1Fh of 0Eh bytes, as IBM documents it, is ``page_length`` there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.library.inventory import Kind
from target.scsi.layout import Layout
from target.scsi.mode import ModePage, Values
from target.tape import mode_pages

if TYPE_CHECKING:
    from target.library.changer import Changer

_WORDS = {
    Kind.TRANSPORT: "transport",
    Kind.STORAGE: "storage",
    Kind.IMPORT_EXPORT: "mail",
    Kind.DRIVE: "drive",
}


def _addresses(changer: Changer) -> Values:
    """A kind that the partition has none of has its first address all the same, and count 0."""
    elements, values = changer.elements, {}
    for kind, word in _WORDS.items():
        values[f"first_{word}"] = elements.first[kind]
        values[f"{word}_count"] = len(elements.of(kind))
    return values


ELEMENT_ADDRESSES = ModePage(
    0x1D,
    "element address assignment",
    Layout(
        """2-3   first_transport
        4-5     transport_count
        6-7     first_storage
        8-9     storage_count
        10-11   first_mail
        12-13   mail_count
        14-15   first_drive
        16-17   drive_count""",
        20,
    ),
    live=_addresses,
)

TRANSPORT_GEOMETRY = ModePage(0x1E, "transport geometry", Layout("2.0 rotates, 3 member", 4))
"""One descriptor, of the one picker; it does not turn cartridges over."""


_ROWS = ("transport", "storage", "mail", "drive")


def _directions(byte: int, word: str, exchange: bool = False) -> str:
    name = f"{word}_exchanges" if exchange else f"{word}_moves"
    return "\n".join(f"{byte}.{bit} {name}_{to}" for bit, to in enumerate(_ROWS))


_ANYWHERE = tuple(f"{row}_moves_{to}" for row in _ROWS[1:] for to in _ROWS[1:])

DEVICE_CAPABILITIES = ModePage(
    0x1F,
    "device capabilities",
    Layout(
        "\n".join(
            (
                "2.3 holds_drive, 2.2 holds_mail, 2.1 holds_storage, 2.0 holds_transport",
                *(_directions(4 + at, row) for at, row in enumerate(_ROWS)),
                *(_directions(12 + at, row, exchange=True) for at, row in enumerate(_ROWS)),
            )
        ),
        20,
    ),
    # Everything but the picker keeps cartridges, and moves go from any such place to any other.
    defaults=dict.fromkeys(("holds_drive", "holds_mail", "holds_storage", *_ANYWHERE), 1),
)

PAGES = (
    mode_pages.CONTROL,
    mode_pages.CONTROL_EXTENSION,
    ELEMENT_ADDRESSES,
    TRANSPORT_GEOMETRY,
    DEVICE_CAPABILITIES,
)
"""What models may name."""
