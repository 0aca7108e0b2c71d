"""What can be wrong with a medium, told without SCSI words; the drive turns it into sense data."""

from __future__ import annotations


class MediumError(Exception):
    """The medium cannot do it; the text is one sentence for a person."""


class BlockDamaged(MediumError):
    """A stored object is not what was written: a checksum or the structure is wrong."""


class IntegrityFailed(MediumError):
    """An encrypted block does not authenticate under the right key."""


class WrongKey(MediumError):
    """The key is not the one that the block was written with."""


class WriteFailed(MediumError):
    """The file system refused the data; blocks that were not durable yet may be gone."""
