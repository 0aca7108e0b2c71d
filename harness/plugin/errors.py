"""What goes wrong in a test, in words."""

from __future__ import annotations

from harness.layers.status import in_words
from target.scsi import sense
from target.scsi.command import STATUS_CHECK_CONDITION


class RigFailed(Exception):
    """The rig cannot do what a test asks of it; the text is one sentence with the cure."""


class CommandFailed(Exception):
    """A SCSI command did not end with GOOD; the text says how it ended.

    ``code`` is sense key, ASC and ASCQ as 7/74/01, "" where there are no sense data.
    """

    def __init__(self, name: str, status: int, raw: bytes) -> None:
        self.status = status
        self.sense = sense.decode(raw) if status == STATUS_CHECK_CONDITION and raw else None
        self.code = ""
        ended = in_words(status)
        if self.sense is not None:
            key, asc, ascq, _ = self.sense.code
            self.code = f"{key:X}/{asc:02X}/{ascq:02X}"
            ended = f"{sense.KEYS[key]}: {self.sense.code}"
        super().__init__(f"{name} ended with {ended}")
