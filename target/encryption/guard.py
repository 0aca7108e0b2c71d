"""What a drive looks at before it writes or moves, where a model or a mode page asks for it.

* Outside control of encryption, see `external`.
* WRE of mode page 10h subpage 01h: nothing is written in clear. VCELBRE: nothing behind an
  encrypted block of the partition; IBM's drives look at the partition and not at the volume (IBM
  LTO SCSI Reference 6.6.12). Decided here: 7/74/07, as the reference names no code.
* Volumes that are encrypted as a whole (quirk encrypts_whole_volume): behind encrypted blocks
  nothing is written in clear, behind clear ones nothing encrypted. On StorageTek drives a filemark
  counts as well.
* Encrypted blocks that are passed over with their key only (quirk key_to_position): StorageTek
  drives stop before the first one that they cannot read.

The last two with their sense codes: Sun's white paper on T10000 encryption, appendix. A drive with
nothing of this has no guard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.encryption.external import External
from target.encryption.parameters import DEFAULTS, Decryption, Encryption, ParameterSet
from target.medium.errors import WrongKey
from target.medium.index import ENCRYPTED, FILEMARK
from target.scsi import sense as s
from target.scsi.command import Command, Nexus
from target.scsi.sense import CheckCondition

if TYPE_CHECKING:
    from target.tape.keyed import Keyed

KEYED = frozenset({0x08, 0x0A, 0x0F, 0x10, 0x11, 0x13, 0x2B, 0x91, 0x92})
"""READ, WRITE, READ REVERSE, WRITE FILEMARKS, SPACE, VERIFY, LOCATE: what needs device keys."""


class Guard:
    """``external``: outside control, if there is any. Made anew when mode parameters change, a
    volume is loaded or the partition is another one."""

    def __init__(self, drive: Keyed, external: External | None) -> None:
        extension = drive.modes.current.get((0x10, 0x01), {})
        quirks = drive.personality.quirks
        self._drive = drive
        self._external = external
        self._writes = bool(extension.get("wre"))
        self._appends = bool(extension.get("vcelbre"))
        self._whole = bool(quirks.get("encrypts_whole_volume"))
        self._passes = bool(quirks.get("key_to_position"))
        self._used = DEFAULTS
        self._first: tuple[int, bool] | None = None
        """The first block of the partition, and whether it is encrypted."""

    @property
    def needed(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self._external or self._writes or self._appends or self._whole or self._passes)

    def admit(self, command: Command, nexus: Nexus) -> None:
        """A command is about to run for that nexus."""
        if self._external:
            self._external.admit()
            if command.opcode in KEYED:
                self._external.require_device_keys()
        self._used = self._drive.parameters.of(nexus)

    def before_write(self, used: ParameterSet) -> ParameterSet:
        """The parameters to write a block with at the position. Raises CheckCondition."""
        drive = self._drive
        if self._external:
            used = self._external.before_write(used)
        if used.encryption is Encryption.DISABLE:
            if self._writes:
                raise CheckCondition(s.ENCRYPTION_NOT_USEABLE)
            if self._appends:
                first = drive.first_encrypted(drive.partition_number)
                if first is not None and first < drive.position:
                    raise CheckCondition(s.ENCRYPTION_NOT_USEABLE)
        if self._whole:
            self._check_whole(used)
        return used

    def before_filemarks(self, used: ParameterSet) -> None:
        """The same of filemarks, which are never encrypted themselves."""
        if self._external and not self._drive.position:
            self._external.before_write(used)
        if self._whole and self._passes:
            self._check_whole(used)

    def _check_whole(self, used: ParameterSet) -> None:
        encrypted = self._begins_encrypted()
        if encrypted is None:
            return
        if encrypted and used.encryption is Encryption.DISABLE:
            raise CheckCondition(s.ENCRYPTED_VOLUME_WRITE_CLEAR)
        if not encrypted and used.encryption is not Encryption.DISABLE:
            raise CheckCondition(s.APPEND_ENCRYPTED_TO_CLEAR)

    def _begins_encrypted(self) -> bool | None:
        """Whether the first block before the position is encrypted; None: there is no block."""
        drive = self._drive
        if self._first is None or self._first[0] >= drive.position:
            self._first = None
            index = drive.partition.index
            for number in range(drive.position):
                flags = index[number].flags
                if not flags & FILEMARK:
                    self._first = number, bool(flags & ENCRYPTED)
                    break
        return self._first[1] if self._first else None

    def stop(self, target: int) -> tuple[int, CheckCondition] | None:
        """Where moving to an object of this partition ends before it, and why; or None.

        To the beginning the tape is only wound back.
        """
        drive = self._drive
        if not self._passes or not target or drive.first_encrypted(drive.partition_number) is None:
            return None
        low, high = sorted((drive.position, target))
        runs = drive.partition.runs
        standing = [(start, number) for start, number in runs.standing() if start < high]
        if not standing:
            return None
        ends = [start for start, _ in standing[1:]] + [high]
        path = [
            (max(start, low), min(end, high), number)
            for (start, number), end in zip(standing, ends, strict=True)
            if end > low and drive.partition.index[start].run == number
        ]
        if target < drive.position:
            path.reverse()
        for first, end, number in path:
            refused = self._refused(number)
            if refused is not None:
                return (end if target < drive.position else first), refused
        return None

    def _refused(self, number: int) -> CheckCondition | None:
        """Why blocks of that run cannot be passed over."""
        run, used = self._drive.partition.runs[number], self._used
        if self._external:
            return self._external.opens(run)
        if used.decryption in (Decryption.DISABLE, Decryption.RAW):
            return CheckCondition(s.ENCRYPTED_NOT_READABLE)
        try:
            run.cipher(used.key)
        except WrongKey:
            return CheckCondition(s.KEY_NOT_FOUND)
        return None


def of(drive: Keyed) -> Guard | None:
    """The guard that a drive needs now."""
    guard = Guard(drive, drive.external)
    return guard if guard.needed else None
