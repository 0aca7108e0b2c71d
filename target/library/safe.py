"""What a library keeps keys in: its keystore and BlueScale, opened when they are first needed.

A library whose partitions are all disabled, or have key sources of the rig, never opens them: the
database takes longer to load than everything else of a target.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from keymgr.api import Notice
from target.library.methods import BLUESCALE
from target.plan import LibraryPlan

if TYPE_CHECKING:
    from keymgr.bluescale import BlueScale
    from keymgr.keystore import Keystore


def realm(serial: str) -> str:
    """Where the keys of the library with that serial number are in a keystore."""
    return f"bluescale:{serial}"


class Safe:
    """The keys of one library. Threads may call at the same time."""

    def __init__(
        self,
        plan: LibraryPlan,
        now: Callable[[], float],
        random: Callable[[int], bytes],
        *,
        partitions: Callable[[], Collection[str]],
        professional: Callable[[], bool],
        tell: Callable[[Notice], None],
    ) -> None:
        self._plan = plan
        self._now = now
        self._random = random
        self._partitions = partitions
        self._professional = professional
        self._tell = tell
        self._lock = threading.Lock()
        self._store: Keystore | None = None
        self._bluescale: BlueScale | None = None

    @property
    def opened(self) -> BlueScale | None:
        """BlueScale, if anybody has needed it so far."""
        return self._bluescale

    @property
    def store(self) -> Keystore:
        """The keystore. Raises KeyManagerError with one sentence."""
        self.bluescale()
        assert self._store is not None
        return self._store

    def bluescale(self) -> BlueScale:
        """BlueScale, powered on when the library was. Raises KeyManagerError with one sentence."""
        with self._lock:
            if self._bluescale is None:
                self._bluescale = self._open()
            return self._bluescale

    def keep_assigned(self, partitions: Collection[str]) -> None:
        """No other partitions have keys from now on: they are gone, or have another method."""
        if self._bluescale is not None:
            with self._bluescale.lock:
                self._bluescale.state.keep_assigned(partitions)

    def close(self) -> None:
        """No key is needed any more."""
        with self._lock:
            if self._store is not None:
                self._store.close()

    def _open(self) -> BlueScale:
        from keymgr.bluescale import BlueScale, Options
        from keymgr.keystore import open_keystore

        plan = self._plan
        # The rig file's partitions: what operators have made of them since is no mistake in it.
        planned = [one.name for one in plan.partitions if one.encryption == BLUESCALE]
        options = Options.parse(plan.bluescale, planned, professional=self._professional())
        self._store = open_keystore(
            Path(plan.folder),
            plan.keystore,
            plan.passphrase_file,
            now=self._now,
            random=self._random,
        )
        try:
            bluescale = BlueScale(
                self._store,
                realm(plan.serial),
                partitions=self._partitions,
                professional=self._professional,
                policy=options.policy,
                now=self._now,
                random=self._random,
                tell=self._tell,
            )
            bluescale.prepare(options)
        except BaseException:
            self._store.close()
            raise
        return bluescale
