"""Whether the library can work, and who may open it: TEST UNIT READY, INITIALIZE ELEMENT STATUS
with and without range, PREVENT ALLOW MEDIUM REMOVAL (SPC-4, SMC-3 6).

The inventory is always known, so that initialising it is over at once. PREVENT ALLOW locks mail
slots and the door: operators are refused until every host allows it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.scsi.command import GOOD, Call, Completion, Rule, command

if TYPE_CHECKING:
    from target.library.changer import Changer


def test_unit_ready(changer: Changer, call: Call) -> Completion:
    """TEST UNIT READY; the rules of its row have done the work."""
    return GOOD


def initialize(changer: Changer, call: Call) -> Completion:
    """INITIALIZE ELEMENT STATUS (SMC-3 6.3)."""
    return GOOD


def initialize_range(changer: Changer, call: Call) -> Completion:
    """INITIALIZE ELEMENT STATUS WITH RANGE (SMC-3 6.4). With RANGE the first element must be one:
    5/21/01; a count of 0 is all that follow (Quantum Scalar i500), and more than there are is no
    error."""
    if call["range"]:
        changer.element(call["start"], 2)
    return GOOD


def prevent_allow(changer: Changer, call: Call) -> Completion:
    """PREVENT ALLOW MEDIUM REMOVAL, remembered for each nexus."""
    if call["prevent"] > 1:
        raise call.invalid("prevent")
    changer.nexuses[call.nexus].removal_prevented = bool(call["prevent"])
    return GOOD


_RANGE = "1.1 fast, 1.0 range, 2-3 start, 6-7 count"
_READY = Rule.NEEDS_MEDIUM

COMMANDS = (
    command(0x00, "TEST UNIT READY", "", test_unit_ready, rules=_READY | Rule.PASSES_PERSISTENT),
    command(0x07, "INITIALIZE ELEMENT STATUS", "", initialize, rules=_READY, timeout="inventory"),
    command(
        0x1E, "PREVENT ALLOW MEDIUM REMOVAL", "4.1-0 prevent", prevent_allow,
        rules=Rule.PASSES_UNLESS_PREVENT,
    ),
    command(
        0x37, "INITIALIZE ELEMENT STATUS WITH RANGE", _RANGE, initialize_range, rules=_READY,
        timeout="inventory",
    ),
    command(
        0xE7, "INITIALIZE ELEMENT STATUS WITH RANGE (VENDOR)",
        "1.0 range, 2-3 start, 6-7 count, 10.7 nbl", initialize_range, rules=_READY,
        timeout="inventory",
    ),
)  # fmt: skip
"""E7h is what libraries had before 37h was in the standard; both are in the field."""
