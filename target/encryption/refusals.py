"""What a drive says to its host when there is no key: a condition for each reason of a key source.

Makers' own codes for a condition are in personalities (``[sense]``), and the numbers that a drive
passes on from its key service (``[encryption.numbers]``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keymgr.api import Reason, Refused
from target.scsi import sense as s
from target.scsi.sense import Code

if TYPE_CHECKING:
    from target.tape.keyed import Keyed

CONDITIONS = {
    Reason.NOT_FOUND: s.KEY_NOT_FOUND,
    Reason.NOT_AUTHORIZED: s.KEY_NOT_AUTHORIZED,
    Reason.NOT_CONFIGURED: s.ENCRYPTION_NOT_CONFIGURED,
    Reason.LOCKED: s.KEY_SERVICE_LOCKED,
    Reason.PROHIBITED: s.KEY_PROHIBITED,
    Reason.UNAVAILABLE: s.KEY_SERVICE_UNAVAILABLE,
    Reason.TIMEOUT: s.KEY_SERVICE_TIMEOUT,
    Reason.FAILED: s.KEY_SERVICE_FAILURE,
}


def code_of(drive: Keyed, refused: Refused) -> Code:
    """The sense code of a refusal: by the service's number where the drive knows it, else by the
    reason."""
    numbers = drive.abilities.numbers if drive.abilities is not None else {}
    if numbers and refused.number:
        for code, _ in drive.vendor_sense.values():
            if code.asc << 8 | code.ascq == refused.number:
                return code
        key = numbers.get(refused.number)
        if key is not None:
            return s.code(key, refused.number >> 8, refused.number & 0xFF)
    return CONDITIONS.get(refused.reason, s.KEY_SERVICE_FAILURE)
