"""What stands beside data on tape: a mark of BlueScale, then the moniker (BS-09, BS-15).

The mark is ``BS:``; no moniker has a colon. The whole goes into the unauthenticated key-associated
data where the drive keeps any, 32 bytes on LTO, which leaves 29 for the moniker; else into the
authenticated ones: 12 bytes on TS11xx, which leaves 9.
"""

from __future__ import annotations

from keymgr.api import KeyData, Reason, Refused, Request
from keymgr.bluescale.names import NotAllowed, check_moniker
from keymgr.tape_names import BLUESCALE as MARK


def written(moniker: str, request: Request) -> KeyData:
    """The key-associated data of data under that key. Raises Refused where they have no room."""
    name = MARK + moniker.encode()
    if len(name) > max(request.room):
        room = max(max(request.room) - len(MARK), 0)
        raise Refused(
            Reason.NOT_CONFIGURED,
            f"the moniker {moniker!r} is too long for drive {request.drive.serial}, which keeps"
            f" {room} characters of it beside the data",
            f"make a key with a shorter moniker the primary key of partition {request.partition!r}",
        )
    return request.room.named(name)


def moniker_of(key_data: KeyData) -> str | None:
    """The moniker; None: the data are not of BlueScale."""
    name = key_data.name
    if not name.startswith(MARK):
        return None
    try:
        return check_moniker(name[len(MARK) :].rstrip(b"\0").decode("ascii"))
    except (UnicodeDecodeError, NotAllowed):
        return None
