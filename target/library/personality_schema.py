"""What may stand in a library model's file: rules in the form of `target.personality_schema`."""

from __future__ import annotations

import re

from target.personality_schema import (
    ANY_DEVICE,
    BASE,
    FLAG,
    HEX,
    NUMBER,
    NUMBERS,
    PAGE,
    Map,
    Table,
    Value,
    inquiry,
    one_of,
)


def _placed(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, list)
        and len(one) == 3
        and type(one[0]) is int
        and 36 <= one[0] < 96
        and isinstance(one[1], str)
        and type(one[2]) is int
        and one[2] > 0
        for one in value
    )


EXCEPTION = Value(
    'an ASC and ASCQ such as "83/09"',
    lambda value: (
        isinstance(value, str) and re.fullmatch(r"[0-9A-F]{2}/[0-9A-F]{2}", value) is not None
    ),
)

STATUS = Table(
    {
        "order": one_of("type", "address"),
        "identifier": one_of("t10", "serial"),
        "serial_width": NUMBER,
        "serial_widths": Map("a family of cartridges", re.compile(r"[0-9A-Z]+"), NUMBER),
        "library_identifier": FLAG,
        "strict_dvcid": FLAG,
        "media": FLAG,
        "medium_type": FLAG,
        "storage_source": FLAG,
        "identifier_room": NUMBER,
        "cleaning_everywhere": FLAG,
        "absent": EXCEPTION,
        "label": EXCEPTION,
        "cleaning": EXCEPTION,
    }
)

SCHEMA = Table(
    {
        "base": BASE,
        "inquiry": inquiry(
            Map(
                    "the number of a byte: 3, 5 to 7, 36 to 95",
                    re.compile(r"[3567]|3[6-9]|[4-8][0-9]|9[0-5]"),
                    NUMBER,
                ),
            texts=Value("a list of [byte, text, width]", _placed),
        ),
        "limits": Table({"sense_length": NUMBER}, needs=("sense_length",)),
        "elements": Table(
            dict.fromkeys(("transport", "storage", "import_export", "drive"), NUMBER),
            needs=("transport", "storage", "import_export", "drive"),
        ),
        "status": STATUS,
        "tag": Table({"length": NUMBER}, needs=("length",)),
        **ANY_DEVICE,
        "vpd": Table(
            {"name": PAGE, "naa_prefix": NUMBER, "pages": Map("a page code in hex", HEX, PAGE)},
            needs=("pages",),
        ),
        "reservations": Table(
            {"types": NUMBERS, "crh": FLAG, "sip_c": FLAG, "ptpl_c": FLAG, "limit": NUMBER}
        ),
        "timeouts": Table(
            dict.fromkeys(("short", "inventory", "move", "send_diagnostic"), NUMBER),
            needs=("short",),
        ),
        "quirks": Table(
            dict.fromkeys(("unloads", "sense_text", "reserves_elements", "status_conflicts"), FLAG)
        ),
    },
    needs=(
        "inquiry", "limits", "elements", "status", "tag", "commands", "modes", "vpd", "timeouts",
    ),
)  # fmt: skip
