"""A BlueScale of a library that is not there, with two partitions, and what drives ask it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from keymgr.api import DriveIdentity, Grant, KeyData, KeyRoom, Notice, Request, Volume
from keymgr.bluescale import POLICIES, BlueScale, Cost, Desk, Policy
from keymgr.keystore import Keystore, MasterKey
from keymgr.secret import Secret

REALM = "bluescale:KRL0000001"
CHEAP = Cost(memory=8, passes=1, lanes=1)
"""Of Argon2id: what tests can wait for."""
START = 1_800_000_000.0
LTO9 = DriveIdentity("IBM", "ULT3580-TD9", "KRL0000009", "P370", "LTO-9")
TS1160 = DriveIdentity("IBM", "0359260F", "KRL0000060", "544F", "3592-60F")
LTO_ROOM, TS_ROOM = KeyRoom(32, 60), KeyRoom(0, 12)
TAPE = Request(
    LTO9, Volume("KRL001L9", "0000000001", "LTO-9"), LTO_ROOM, "KRL0000001", "finance", "bluescale"
)


def secret(text: str = "") -> Secret:
    return Secret(text.encode())


def write(partition: str = "finance", **others: object) -> Request:
    """From the beginning of the tape."""
    return replace(TAPE, partition=partition, beginning=True, **others)  # type: ignore[arg-type]


def append(moniker: str, partition: str = "finance", **others: object) -> Request:
    """Behind data of that key."""
    return read(moniker, partition, position=(0, 7), **others)


def read(moniker: str, partition: str = "finance", **others: object) -> Request:
    """Data of that key."""
    wanted = KeyData(b"BS:" + moniker.encode())
    return replace(TAPE, partition=partition, wanted=wanted, **others)  # type: ignore[arg-type]


class Site:
    """What the library around it is: public attributes may be changed at any time."""

    def __init__(self, store: Keystore, *, professional: bool, policy: Policy) -> None:
        self.store = store
        self.partitions = {"finance", "stock"}
        self.professional = professional
        self.policy = policy
        self.time = START
        self.random = secrets.token_bytes
        self.told: list[Notice] = []
        self.bluescale = self.restart()

    def restart(self) -> BlueScale:
        """Another process serves the library."""
        self.bluescale = BlueScale(
            self.store,
            REALM,
            partitions=lambda: frozenset(self.partitions),
            professional=lambda: self.professional,
            policy=self.policy,
            now=lambda: self.time,
            random=self.random,
            tell=self.told.append,
            cost=CHEAP,
        )
        return self.bluescale

    def desk(self, password: str = "") -> Desk:
        """Enter with that password."""
        return self.bluescale.enter(secret(password), "ada")

    def events(self) -> list[str]:
        """What BlueScale noted in the audit log, beside the store's own entries."""
        return [one.event for one in self.store.audit_entries() if " " in one.event]


@contextmanager
def site(
    folder: Path, *, professional: bool = True, policy: Policy = POLICIES["none"]
) -> Iterator[Site]:
    """A library with a new keystore in that folder."""
    master = MasterKey.from_file(folder / "master.key")
    store = Keystore.open(f"sqlite:///{folder}/keys.sqlite", master)
    try:
        yield Site(store, professional=professional, policy=policy)
    finally:
        store.close()


def value(grant: Grant) -> bytes:
    """The key that a drive got."""
    return bytes(grant.key.reveal())
