"""What reading a block means under a nexus' decryption mode (SSC-4 4.2.22.6, HP LTO-4 p.73).

=================  =========  =========  ==========  =========
next block         DISABLE    RAW        DECRYPT     MIXED
=================  =========  =========  ==========  =========
clear              data       data       7/74/02     data
encrypted, fits    7/74/01    raw form   data        data
wrong key          7/74/01    raw form   7/74/03     7/74/03
tag wrong          7/74/01    raw form   7/74/04     7/74/04
=================  =========  =========  ==========  =========

A block marked against raw reading is 7/74/0A in RAW; one written in the mode that CEEM excludes is
7/74/09. Models have codes of their own for an encrypted block with DISABLE. Where the hosts do not
control encryption, its key is asked for instead (see `external`). The cipher is worked out once
for a run of blocks, not for each block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from target.encryption.parameters import (
    CHECK_NOT_ENCRYPT,
    CHECK_NOT_EXTERNAL,
    Decryption,
    ParameterSet,
)
from target.medium.crypt import BlockCipher
from target.medium.errors import BlockDamaged, IntegrityFailed, MediumError, WrongKey
from target.medium.index import ENCRYPTED, EXTERNAL, Entry
from target.medium.runs import RUN_RAW_DISABLED
from target.scsi import sense as s
from target.scsi.sense import CheckCondition

if TYPE_CHECKING:
    from target.tape.drive import Drive


def host_length(drive: Drive, used: ParameterSet, entry: Entry) -> int:
    """How long the next block is for the host: its raw form is longer than its data."""
    if entry.flags & ENCRYPTED and used.decryption is Decryption.RAW:
        return drive.partition.raw_length(entry)
    return entry.length


def read_block(
    drive: Drive, used: ParameterSet, number: int, entry: Entry, out: Sequence[memoryview]
) -> int:
    """Block ``number`` into ``out`` as the parameter set ``used`` allows; returns bytes put there.

    Raises CheckCondition with the sense of the table above, or 3/11/00 for a damaged clear block.
    """
    partition = drive.partition
    if not entry.flags & ENCRYPTED:
        if used.decryption is Decryption.DECRYPT:
            raise CheckCondition(s.UNENCRYPTED_DATA)
        try:
            return partition.read_clear(number, entry, out)
        except BlockDamaged:
            raise CheckCondition(s.READ_ERROR) from None
    if used.decryption is Decryption.DISABLE:
        return _with_key_from_outside(drive, number, entry, out)
    try:
        if used.decryption is Decryption.RAW:
            if partition.run_of(number, entry).flags & RUN_RAW_DISABLED:
                raise CheckCondition(s.NOT_RAW_READ_ENABLED)
            return partition.read_raw(number, entry, out)
        external = bool(entry.flags & EXTERNAL)
        if used.ceem == (CHECK_NOT_EXTERNAL if external else CHECK_NOT_ENCRYPT):
            raise CheckCondition(s.ENCRYPTION_MODE_MISMATCH)
        return partition.read_sealed(number, entry, _cipher(drive, used, number, entry), out)
    except WrongKey:
        if drive.external is None:
            drive.key_failed(used.counter)
            raise CheckCondition(s.INCORRECT_KEY) from None
    except (IntegrityFailed, BlockDamaged):
        raise CheckCondition(s.INTEGRITY_FAILED) from None
    return _with_key_from_outside(drive, number, entry, out)


def _with_key_from_outside(
    drive: Drive, number: int, entry: Entry, out: Sequence[memoryview]
) -> int:
    """An encrypted block for which there is no key, or another one: whoever gives keys is asked."""
    if drive.external is None:
        raise CheckCondition(s.ENCRYPTED_NOT_READABLE)
    partition = drive.partition
    try:
        used = drive.external.for_read(number, entry)
        return partition.read_sealed(number, entry, _cipher(drive, used, number, entry), out)
    except WrongKey:
        raise CheckCondition(s.KEY_NOT_FOUND) from None
    except (IntegrityFailed, BlockDamaged):
        raise CheckCondition(s.INTEGRITY_FAILED) from None


def decryptable(drive: Drive, used: ParameterSet, entry: Entry) -> bool | None:
    """Whether the block at the drive's position opens: None if the key is not there or wrong."""
    if used.decryption not in (Decryption.DECRYPT, Decryption.MIXED):
        return None
    number = drive.position
    try:
        cipher = _cipher(drive, used, number, entry)
        drive.partition.read_sealed(number, entry, cipher, ())
    except WrongKey:
        return None
    except MediumError:
        return False
    return True


def _cipher(drive: Drive, used: ParameterSet, number: int, entry: Entry) -> BlockCipher:
    """The cipher for a block; kept while run and key stay the same."""
    run, counter, cipher = drive.read_cipher
    if run != entry.run or counter != used.counter or cipher is None or entry.flags & EXTERNAL:
        cipher = drive.partition.cipher(number, entry, used.key)
        drive.read_cipher = (entry.run, used.counter, cipher)
        drive.key_fitted()
    return cipher
