"""What an operator is told when something cannot be done: one sentence, with the cure."""

from __future__ import annotations


class OperatorError(Exception):
    """It was not done, and nothing has changed; the text says why and what to do instead."""


class NotAllowed(OperatorError):
    """The user's role is too low, or the name and password are not those of a user."""
