"""The state in which every check finds the device, brought about with few commands.

No reservation, prevent, unit attention or key of ours is left, mode parameters are as they were
when the run began, the tape is at its beginning. What has to be undone after a check is seen from
what it sent.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.conform import commands as c
from harness.conform.encryption import CAPABILITIES
from harness.conform.encryption_cdbs import in_cdb, out_cdb
from harness.conform.encryption_pages import algorithms, set_page
from harness.conform.exchange import Exchange
from harness.conform.subject import GOOD, Subject

ALLOW, LOAD, RELEASE = c.prevent(0), c.load_unload(1), c.plain(0x17)

STAYS = frozenset(
    {0x00, 0x03, 0x05, 0x12, 0x15, 0x16, 0x17, 0x1A, 0x1E, 0x34, 0x3B, 0x3C, 0x44, 0x4C, 0x4D, 0x55}
    | {0x56, 0x57, 0x5A, 0x5E, 0x5F, 0x8C, 0x8D, 0xA0, 0xA2, 0xA3, 0xA4, 0xAB, 0xB5}
)
"""Opcodes that leave the tape where it is."""

MODE_SELECTS = {0x15, 0x55}
RESERVES = {0x16, 0x56}
DISTURBS = MODE_SELECTS | RESERVES | {0x5F, 0xB5}
"""What is undone by commands of which other nexuses hear."""
PARTITIONS = 0x11
"""The medium partition mode page belongs to the volume: who formats it cleans up."""

Modes = dict[tuple[int, int], bytes]
"""Mode pages by page and subpage code; (-1, 0) is header and block descriptor."""


class KnownState:
    """``subject``: the first nexus of the device."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._modes: Modes | None = None
        self._algorithm: int | None = None
        self.volume_lost = False
        """Whether there is no volume, and LOAD brings none."""

    def begin(self) -> None:
        """Before the first check."""
        one = self.subject
        one.settle()
        one.do(ALLOW)
        if self.is_tape:
            self.rewind()
        self._modes = self.modes()

    is_tape = True

    def restore(self, exchanges: Iterable[Exchange], *, everything: bool = False) -> None:
        """After a check that sent those, or after the device has been lost (``everything``)."""
        sent = list(exchanges)
        opcodes = {one.cdb[0] for one in sent if one.cdb}
        one = self.subject
        one.settle()
        if everything or 0x1E in opcodes:
            self._each(ALLOW)
        if everything or opcodes & RESERVES:
            self._each(RELEASE)
        if everything or 0x5F in opcodes:
            self._unregister()
        keyed = {one.nexus for one in sent if one.cdb[:2] == b"\xb5\x20"}
        # Without scratch no check sets a key: what there is, is another host's.
        if keyed or (everything and one.scratch):
            self._clear_keys({0, 1} if everything else keyed)
        if everything or opcodes & MODE_SELECTS:
            self._restore_modes(any(one.cdb[1] & 1 for one in sent if one.cdb[0] in MODE_SELECTS))
        if everything or opcodes & DISTURBS:
            one.settle()
        if self.is_tape and (everything or opcodes - STAYS):
            self.rewind()

    def rewind(self) -> None:
        """To the beginning of the tape, loading it if it is unloaded."""
        answer = self.subject.do(c.REWIND)
        if answer.code.startswith("6/"):
            self.subject.settle()
            answer = self.subject.do(c.REWIND)
        if answer.code.startswith("2/"):
            self.subject.do(LOAD)
            self.subject.settle()
            answer = self.subject.do(c.REWIND)
        self.volume_lost = answer.code.startswith("2/3A")

    # --- what is undone ----------------------------------------------------------------------

    def nexuses(self) -> list[Subject]:
        """Those that have been made."""
        one = self.subject
        return [one, one.second] if one.has_met_second else [one]

    def _each(self, cdb: bytes) -> None:
        for nexus in self.nexuses():
            nexus.do(cdb)

    def _unregister(self) -> None:
        """REGISTER AND IGNORE EXISTING KEY with no key, from each nexus."""
        for nexus in self.nexuses():
            nexus.do(c.reserve_out(6), out=bytes(24))

    def _clear_keys(self, numbers: set[int]) -> None:
        """No encryption parameters of those nexuses, unlocked: first those for all, then their
        own."""
        for scope in (2, 0):
            for nexus in self.nexuses():
                if nexus.nexus not in numbers:
                    continue
                page = set_page(scope=scope, algorithm_index=self._an_algorithm())
                cdb = out_cdb(len(page))
                answer = nexus.do(cdb, out=page)
                if answer.code.startswith("6/"):
                    nexus.settle()
                    answer = nexus.do(cdb, out=page)
                if not scope and answer.status != GOOD:
                    # No scope PUBLIC to go back to: a set of its own that does nothing.
                    nexus.do(cdb, out=set_page(scope=1, algorithm_index=self._an_algorithm()))

    def _an_algorithm(self) -> int:
        """The index of the first algorithm in the data encryption capabilities page."""
        if self._algorithm is None:
            data = self.subject.do(in_cdb(1024, CAPABILITIES), size=1024).data
            found = algorithms(data)
            self._algorithm = found[0].algorithm_index if found else 0
        return self._algorithm

    # --- mode parameters ---------------------------------------------------------------------

    def modes(self) -> Modes | None:
        """Header with block descriptor, and every page, as they are; None if they are not said."""
        for subpage in (0xFF, 0x00):
            answer = self.subject.do(c.mode_sense(0x3F, subpage, allocation=0x1000), size=0x1000)
            if answer.status == GOOD and len(answer.data) >= 8:
                return parse_modes(answer.data)
        return None

    def _restore_modes(self, saved: bool) -> None:
        before, now = self._modes, self.modes()
        if before is None or now is None:
            return
        head = before[-1, 0]
        changed = [
            (code, page)
            for code, page in before.items()
            if code[0] not in {-1, PARTITIONS} and now.get(code, page) != page
        ]
        if changed or now[-1, 0][8:] != head[8:] or (now[-1, 0][3] ^ head[3]) & 0x7F:
            for _, page in changed or [((-1, 0), b"")]:
                self._select(head, page, saved)

    def _select(self, head: bytes, page: bytes, saved: bool) -> None:
        out = bytearray(head + page)
        out[0:3] = bytes(3)
        out[3] &= 0x7F
        if page:
            out[len(head)] &= 0x7F
        self.subject.do(c.mode_select(len(out), sp=saved), out=out)


def parse_modes(data: bytes) -> Modes:
    """Header and block descriptors under (-1, 0); pages under their codes (SPC-4 7.5)."""
    at = 8 + int.from_bytes(data[6:8])
    modes: Modes = {(-1, 0): data[:at]}
    end = min(len(data), 2 + int.from_bytes(data[:2]))
    while at + 2 <= end:
        if data[at] & 0x40:
            code, size = (data[at] & 0x3F, data[at + 1]), 4 + int.from_bytes(data[at + 2 : at + 4])
        else:
            code, size = (data[at] & 0x3F, 0), 2 + data[at + 1]
        modes[code] = data[at : at + size]
        at += size
    return modes
