"""What is said when a drive gets no key: the words of the guide's troubleshooting table (BS-09).

Each names the moniker that the data need, or the system that they are of, and the way out, which
the editions do not share.
"""

from __future__ import annotations

from keymgr.api import KeyData, Reason, Refused, Request
from keymgr.bluescale.models import Assignment
from keymgr.tape_names import shown, whose

_LOG_IN = "log in as a superuser, log into the encryption feature"


def locked(request: Request) -> Refused:
    """Secure initialization (BS-04)."""
    return Refused(
        Reason.LOCKED,
        f"encryption is locked since the library was powered on; {_place(request)} gets no key",
        "log in as a superuser and enter an encryption password",
    )


def no_primary(request: Request) -> Refused:
    """Nobody has said which key to write with."""
    return Refused(
        Reason.NOT_CONFIGURED,
        f"partition {request.partition!r} has no primary encryption key; {_place(request)} cannot"
        " write",
        f"{_LOG_IN}, create or import a key and assign it to partition {request.partition!r}",
    )


def required(
    request: Request, moniker: str, *, listed: bool, others: list[str], professional: bool
) -> Refused:
    """The data need a key that is not there (``listed`` false), or that the partition has not.
    ``others``: the keys that are there."""
    where = f"partition {request.partition!r}"
    if listed:
        why = f"which is in the library but not selected for {where}"
    else:
        why = "which is not in the library"
    steps = [_LOG_IN]
    if not listed:
        if others and not professional:
            steps.append(f"export and then delete the key {others[0]!r} that is there")
        steps.append(f"import the key {moniker!r}")
    if professional:
        steps.append(f"select it as the primary or a decryption-only key of {where}")
    else:
        steps.append(f"select it for {where}")
    return Refused(
        Reason.NOT_AUTHORIZED if listed else Reason.NOT_FOUND,
        f"{_place(request)} requires the moniker {moniker!r}, {why}",
        ", ".join(steps),
    )


def no_append(request: Request, moniker: str, assignment: Assignment, *, listed: bool) -> Refused:
    """The cartridge has data under another key than it would be written with (BS-08)."""
    where = f"partition {request.partition!r}"
    if not listed:
        why = "which is not in the library"
    elif moniker in assignment.decrypt_only:
        why = f"which {where} only decrypts with"
    else:
        why = f"which is not selected for {where}"
    # Each partition of a tape keeps the others to their key.
    several = request.volume.partitions > 1
    anew = "format it" if several else "write it from the beginning of tape"
    key = f"import the key {moniker!r} and make it" if not listed else f"make {moniker!r}"
    return Refused(
        Reason.PROHIBITED,
        f"{_place(request)} holds data under the moniker {moniker!r}, {why}; a cartridge has one"
        " encryption key",
        f"{anew}, or {key} the primary key of {where}",
    )


def not_ours(request: Request, found: KeyData, reason: Reason) -> Refused:
    """The data are of another system's keys (BS-15)."""
    system = whose(found)
    if system in (None, "BlueScale"):  # what follows BlueScale's mark is no moniker
        text = f"another key ({shown(found)}), which is none of BlueScale's"
        cure = "use it where that key is managed"
    else:
        text = f"a {system} key ({shown(found)}), which BlueScale does not have"
        cure = f"use it in a partition with {system} encryption"
    return Refused(reason, f"{_place(request)} holds data encrypted under {text}", cure)


def cartridge(request: Request) -> str:
    """The barcode, or the serial number of one that has none."""
    return request.volume.barcode or request.volume.serial


def _place(request: Request) -> str:
    return f"cartridge {cartridge(request)} in drive {request.drive.serial}"
