"""Random doings at the encryption screens, held against what the guide's rules allow."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from keymgr.api import Reason, Refused
from keymgr.bluescale.names import NotAllowed, check_moniker, check_password
from keymgr.errors import KeyManagerError
from tests.keymgr.bluescale import append, read, secret, site, value, write

MONIKERS = ("A", "B", "C")
PARTITIONS = ("finance", "stock")
KEY_PASSWORD = "to-carry-1"

monikers = st.sampled_from(MONIKERS)
partitions = st.sampled_from(PARTITIONS)


@pytest.mark.req("BS-02")
@pytest.mark.req("BS-05")
@given(st.text(max_size=40) | st.from_regex(r"[0-9A-Za-z@\-_.]{1,29}", fullmatch=True))
def test_the_alphabet(text: str) -> None:
    legal = re.fullmatch(r"[0-9A-Za-z@\-_.]+", text) is not None
    for check, allowed in (
        (lambda: check_moniker(text), legal and len(text) <= 29),
        (lambda: check_password(secret(text), "it"), legal),
    ):
        try:
            check()
        except NotAllowed:
            assert not allowed
        else:
            assert allowed


class Screens(RuleBasedStateMachine):
    """``there``: keys by moniker; ``known``: those that were ever made, and their files."""

    @initialize(professional=st.booleans())
    def start(self, professional: bool) -> None:
        self.folder = Path(mkdtemp(prefix="keyreel-"))
        self.context = site(self.folder, professional=professional)
        self.site = self.context.__enter__()
        self.there: set[str] = set()
        self.known: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.primary: dict[str, str] = {}
        self.others: dict[str, set[str]] = {}

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self.context.__exit__(None, None, None)
            shutil.rmtree(self.folder)

    def attempt(self, allowed: bool, call: object, *arguments: object) -> bool:
        """Call; it is refused if, and only if, it is not allowed."""
        assert callable(call)
        try:
            call(*arguments)
        except KeyManagerError:
            assert not allowed
            return False
        assert allowed
        return True

    def room(self) -> bool:
        return self.site.professional or not self.there

    @rule(moniker=monikers)
    def create(self, moniker: str) -> None:
        allowed = self.room() and moniker not in self.known
        if self.attempt(allowed, self.site.desk().create, moniker):
            self.there.add(moniker)
            self.known[moniker] = b""

    @rule(moniker=monikers)
    def export(self, moniker: str) -> None:
        password = secret(KEY_PASSWORD)
        if moniker in self.there:
            self.files[moniker] = self.site.desk().export(moniker, password, password).data
        else:
            self.attempt(False, self.site.desk().export, moniker, password, password)

    @rule(moniker=monikers)
    def bring_back(self, moniker: str) -> None:
        if moniker in self.files:
            allowed = moniker in self.there or self.room()
            call = self.site.desk().import_key
            if self.attempt(allowed, call, self.files[moniker], secret(KEY_PASSWORD)):
                self.there.add(moniker)

    @rule(moniker=monikers)
    def delete(self, moniker: str) -> None:
        used = {*self.primary.values()}.union(*self.others.values())
        allowed = moniker in self.there and moniker not in used
        if self.attempt(allowed, self.site.desk().delete, moniker, moniker):
            self.there.remove(moniker)

    @rule(partition=partitions, primary=monikers, others=st.sets(monikers))
    def assign(self, partition: str, primary: str, others: set[str]) -> None:
        old = self.primary.get(partition)
        elsewhere = {key for at, key in self.primary.items() if at != partition}
        allowed = (
            {primary, *others} <= self.there
            and primary not in others
            and old in (None, primary, *others)
            and (self.site.professional or (not others and elsewhere <= {primary}))
        )
        if self.attempt(allowed, self.site.desk().assign, partition, primary, sorted(others)):
            self.primary[partition], self.others[partition] = primary, others

    @rule(partition=partitions)
    def unassign(self, partition: str) -> None:
        self.site.desk().unassign(partition)
        self.primary.pop(partition, None)
        self.others.pop(partition, None)

    @rule()
    def change_the_edition(self) -> None:
        self.site.professional = not self.site.professional

    @rule()
    def restart(self) -> None:
        self.site.restart()

    @rule(partition=partitions)
    def write(self, partition: str) -> None:
        try:
            grant = self.site.bluescale.key_for_write(write(partition))
        except Refused as refused:
            assert refused.reason is Reason.NOT_CONFIGURED
            assert partition not in self.primary
            return
        moniker = self.primary[partition]
        assert grant.key_data.name == b"BS:" + moniker.encode()
        assert self.known[moniker] in (b"", value(grant))
        self.known[moniker] = value(grant)

    @rule(partition=partitions, moniker=monikers)
    def append(self, partition: str, moniker: str) -> None:
        try:
            self.site.bluescale.key_for_write(append(moniker, partition))
        except Refused as refused:
            assert refused.reason is Reason.PROHIBITED
            assert self.primary.get(partition) != moniker
        else:
            assert self.primary[partition] == moniker

    @rule(partition=partitions, moniker=monikers)
    def read(self, partition: str, moniker: str) -> None:
        mine = {self.primary.get(partition), *self.others.get(partition, ())}
        try:
            grant = self.site.bluescale.key_for_read(read(moniker, partition))
        except Refused as refused:
            there = moniker in self.there
            assert refused.reason is (Reason.NOT_AUTHORIZED if there else Reason.NOT_FOUND)
            assert moniker not in mine
            return
        assert moniker in mine
        assert grant.decrypt_only == (moniker != self.primary[partition])
        assert self.known[moniker] in (b"", value(grant))
        self.known[moniker] = value(grant)

    @invariant()
    def the_screens_tell(self) -> None:
        if not hasattr(self, "site"):
            return
        desk = self.site.desk()
        rows = desk.keys()
        assert {row.moniker for row in rows} == self.there
        for row in rows:
            had = {at for at, key in self.primary.items() if key == row.moniker}
            also = {at for at, keys in self.others.items() if row.moniker in keys}
            assert (set(row.primary_of), set(row.decrypts_for)) == (had, also)
        assert {one.moniker for one in desk.tracking()} == set(self.known)
        tapes = [one for record in desk.tracking() for one in record.cartridges]
        assert len(tapes) == len(set(tapes)), "a cartridge has one key"


TestScreens = Screens.TestCase
TestScreens.settings = settings(max_examples=15, stateful_step_count=25)
