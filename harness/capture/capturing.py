"""What `keyreel personality capture` does: ask, find the model nearby, say what differs."""

from __future__ import annotations

import sys
from collections.abc import Collection

from harness import models
from harness.capture import fitting, fitting_pages
from harness.capture.draft import Draft, choose_base
from harness.capture.questions import Answers, ask
from harness.capture.writing import write
from harness.cli import FAILED, USAGE_ERROR, say
from harness.initiators.api import InitiatorError, NoAnswer
from harness.initiators.opening import open_initiator
from target import personality

TAPE = 0x01
FITS = (
    fitting.fit_identity, fitting.fit_commands, fitting.fit_media, fitting.fit_sense,
    fitting.fit_encryption, fitting.fit_service, fitting_pages.fit_modes, fitting_pages.fit_logs,
    fitting_pages.fit_attributes, fitting_pages.fit_inquiry, fitting_pages.fit_vpd,
)  # fmt: skip
"""In this order: pages follow from what comes before them."""


def capture(target: str, base: str | None) -> int:
    """Print the file of what is at ``target``; the exit status."""
    if base is not None and base not in personality.models():
        say(models.unknown(base))
        return USAGE_ERROR
    try:
        with open_initiator(target) as initiator:
            answers = ask(initiator)
    except NoAnswer as error:
        say(str(error))
        return FAILED
    except InitiatorError as error:
        say(str(error))
        return USAGE_ERROR
    inquiry = answers.get("inquiry", b"")
    if len(inquiry) < 36 or inquiry[0] & 0x1F != TAPE:
        say(f"{target}: is no tape drive: only those have models that can be captured")
        return USAGE_ERROR
    sys.stdout.write(model_of(answers, target, base=base))
    return 0


def model_of(
    answers: Answers, source: str, *, base: str | None = None, without: Collection[str] = ()
) -> str:
    """The file of a model that answers like that; ``base``: None for the nearest model that is
    none of those ``without``."""
    draft = Draft(answers, base or choose_base(answers, without))
    for fit in FITS:
        fit(draft)
    return write(draft, source)
