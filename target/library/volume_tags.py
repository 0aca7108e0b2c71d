"""SEND VOLUME TAG and REQUEST VOLUME ELEMENT ADDRESS: hosts look for cartridges by label (SMC-3 6).

SEND VOLUME TAG has a template, in which * stands for any characters and ? for one, and notes which
elements fit; REQUEST VOLUME ELEMENT ADDRESS tells them to the same nexus, as element status. Labels
are what the scanner reads: setting or clearing one (actions 8h to Dh) is 5/24/00. Sequence numbers
are 0, and so is what is looked for: where the list wants others, nothing fits.

What was found is told as often as it is asked for; without a search before, on this nexus and since
the reset, it is 5/2C/00.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from target.library import element_status
from target.library.inventory import Kind, Location
from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Data, Nexus, command
from target.scsi.layout import Layout
from target.scsi.sense import CheckCondition, invalid_parameter

if TYPE_CHECKING:
    from target.library.changer import Changer

LIST = Layout("0-31 template, 34-35 least, 38-39 most", 40)

ALL, PRIMARY, ALTERNATE = 0, 1, 2
ANY_SEQUENCE = 4
"""Added to these: sequence numbers do not matter."""


class Search(NamedTuple):
    """What a nexus has asked for, and what there was."""

    action: int
    found: dict[int, Location]


def send_volume_tag(changer: Changer, call: Call) -> Completion:
    """SEND VOLUME TAG: a search. There are no alternate labels, so none of those fits."""
    kind, action = call["type"], call["action"]
    if kind > Kind.DRIVE:
        raise call.invalid("type")
    if action & ~ANY_SEQUENCE not in (ALL, PRIMARY, ALTERNATE):
        raise call.invalid("action")
    data = bytes(call.parameters(call["parameter_list_length"], at_least=LIST.size))
    stray = LIST.stray_bit(data)
    if stray:
        raise invalid_parameter(*stray)
    pattern = _pattern(data[:32])
    if not action & ANY_SEQUENCE and LIST["least"].get(data) > 0:
        pattern = None
    if action & ~ANY_SEQUENCE == ALTERNATE:
        pattern = None
    places = element_status.select(changer, kind, call["start"], 0xFFFF)
    found = {at: one for at, one in places.items() if pattern and _fits(changer, one, pattern)}
    searches: dict[Nexus, Search] = changer.volatile.setdefault("volume_tags", {})
    searches[call.nexus] = Search(action, found)
    return GOOD


def request_address(changer: Changer, call: Call) -> Completion:
    """REQUEST VOLUME ELEMENT ADDRESS: what is in the elements now that the search found."""
    kind = call["type"]
    if kind > Kind.DRIVE:
        raise call.invalid("type")
    search: Search | None = changer.volatile.get("volume_tags", {}).get(call.nexus)
    if search is None:
        raise CheckCondition(s.COMMAND_SEQUENCE)
    known = changer.elements.by_address
    fitting = [
        (at, place)
        for at, place in search.found.items()
        if at >= call["start"] and kind in (0, place.kind) and known.get(at) == place
    ]
    wanted = element_status.Wanted(changer, voltag=bool(call["voltag"]), dvcid=False)
    data = element_status.report(wanted, dict(fitting[: call["count"]]), search.action)
    return call.reply(data, call["allocation_length"])


def _pattern(template: bytes) -> re.Pattern[str] | None:
    """What a template stands for; None: nothing can fit. Blanks and zeros behind it are no part."""
    try:
        text = template.rstrip(b" \0").decode("ascii")
    except UnicodeDecodeError:
        return None
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(one) or re.escape(one) for one in text))


def _fits(changer: Changer, place: Location, pattern: re.Pattern[str]) -> bool:
    label = element_status.visible(changer, changer.library.inventory.now().get(place))
    return bool(label and pattern.fullmatch(label))


COMMANDS = (
    command(
        0xB5, "REQUEST VOLUME ELEMENT ADDRESS",
        "1.4 voltag, 1.3-0 type, 2-3 start, 4-5 count, 7-9 allocation_length",
        request_address, Data.IN, timeout="inventory",
    ),
    command(
        0xB6, "SEND VOLUME TAG",
        "1.3-0 type, 2-3 start, 5.4-0 action, 8-9 parameter_list_length",
        send_volume_tag, Data.OUT, timeout="inventory",
    ),
)  # fmt: skip
