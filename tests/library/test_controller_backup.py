"""Backup and restore of a library's configuration with its keys: all of it, or nothing (BS-13)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest

from keymgr.errors import Damaged, KeyManagerError, StoreUnusable, WrongPassword
from keymgr.kdf import Cost
from keymgr.keystore import Keystore
from target.library.errors import NotAllowed, OperatorError
from target.library.options import PROFESSIONAL, issue
from target.library.state import State
from target.plan import LibraryPlan
from tests.library.tower import SALES, SERIAL, Tower, encrypted, plan_of, powered, secret
from tests.tape.host import GOOD

PASSWORD = "back.up_1"
DATA = b"the books of the year"
pytestmark = pytest.mark.req("BS-13")


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords of backups cost little to try: that is the keystore's business."""
    monkeypatch.setattr(Keystore, "seal", partialmethod(Keystore.seal, cost=Cost(64, 1, 1)))


def begin(tower: Tower) -> None:
    """What the backup has: keys, an option key, a user, places, methods."""
    su = tower.login()
    su.add_option(issue(PROFESSIONAL, SERIAL))
    su.add_user("ann", "operator", secret("ann.1"))
    su.set_partition("finance", slots=2)
    su.set_partition("sales", slots=5)
    su.set_encryption("finance", "bluescale")
    desk = tower.desk()
    desk.create("books")
    desk.create("deals")
    desk.assign("finance", "books", ["deals"])


def change(tower: Tower) -> None:
    """Everything is another one."""
    su = tower.login()
    su.remove_user("ann")
    su.add_user("bob", "administrator", secret("bob.1"))
    desk = tower.desk()
    desk.unassign("finance")
    desk.delete("books", "books")
    desk.create("later")
    su.set_encryption("finance", "disabled")
    su.set_encryption("sales", "bluescale")
    desk.assign("sales", "later")
    su.set_partition("sales", slots=1)
    su.set_partition("finance", slots=6)


def seen(tower: Tower) -> dict[str, Any]:
    """Everything that a backup has."""
    su, desk = tower.login(), tower.desk()
    return {
        "partitions": [replace(one, cartridges=0) for one in su.partitions()],
        "places": [(one.place, one.partition) for one in su.inventory(empty=True)],
        "methods": [one.status.method for one in tower.library.ports.values()],
        "users": su.users(),
        "options": su.options(),
        "keys": desk.keys(),
        "status": desk.status(),
    }


def test_a_backup_brings_everything_back(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        begin(tower)
        su, before = tower.login(), seen(tower)
        su.move("KRL001L9", "drive0")
        host = tower.host("drive0")
        assert (host.write(DATA).status, host.filemarks().status) == (GOOD, GOOD)
        su.move("KRL001L9", "home")
        data = su.backup(secret(PASSWORD))
        change(tower)
        assert seen(tower) != before
        changer = tower.host("finance")
        su.restore(data, secret(PASSWORD))
        assert seen(tower) == before
        assert changer.hear()
        su.move("KRL001L9", "drive0")
        host.hear()
        host.rewind()
        assert host.read(100, sili=True).data == DATA
        assert "su restored the configuration from a backup" in tower.said()
        with pytest.raises(NotAllowed):
            tower.login("bob", "bob.1")
        tower.login("ann", "ann.1")
    with powered(tmp_path) as tower:
        assert seen(tower) == before
    with powered(tmp_path / "second") as tower:
        # A library that lost everything.
        tower.login().restore(data, secret(PASSWORD))
        assert seen(tower) == before


def test_a_backup_shows_nothing(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        begin(tower)
        data = tower.login().backup(secret(PASSWORD))
        for word in (b"ann", b"books", b"finance", PASSWORD.encode()):
            assert word not in data
        for wrong, why in (("", "not blank"), ("no good", "characters")):
            with pytest.raises(OperatorError, match=why):
                tower.login().backup(secret(wrong))


def test_a_backup_that_cannot_be_restored_changes_nothing(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        begin(tower)
        su, store = tower.login(), tower.library.safe.store
        data = su.backup(secret(PASSWORD))
        other = store.seal("somebody else", secret(PASSWORD))
        change(tower)
        before, file = seen(tower), tower.library.file.read_text()

        def refused(error: type[Exception], data: bytes, password: str = PASSWORD) -> str:
            with pytest.raises(error) as raised:
                su.restore(data, secret(password))
            assert seen(tower) == before
            assert tower.library.file.read_text() == file
            assert not list(tower.library.folder.glob("restoring*"))
            return str(raised.value)

        refused(WrongPassword, data, "wrong")
        for damaged in (b"", data[:50], data + b"x"):
            refused(Damaged, damaged)
        for at in (9, 30, 60, 100, len(data) - 40):
            refused(KeyManagerError, data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :])
        assert "no backup of a library" in refused(OperatorError, other)
        su.move("KRL003L9", "drive0")
        assert "KRL003L9 is in drive0" in refused(OperatorError, data)
        su.move("KRL003L9", "home")
        su.restore(data, secret(PASSWORD))


def test_a_backup_is_of_one_library(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        begin(tower)
        data = tower.login().backup(secret(PASSWORD))
    for number, (plan, why) in enumerate(
        (
            (replace(plan_of(tmp_path), serial="9876543210"), f"serial number {SERIAL}"),
            (plan_of(tmp_path, SALES), "no drive 'drive0'"),
            (
                plan_of(tmp_path, *[replace(one, slots=2) for one in plan_of(tmp_path).partitions]),
                "more slots",
            ),
        )
    ):
        plan = replace(
            plan,
            folder=str(tmp_path / f"other{number}"),
            partitions=tuple(replace(one, cartridges=()) for one in plan.partitions),
        )
        with powered(tmp_path, plan) as tower:
            before = seen(tower)
            with pytest.raises(OperatorError, match=why):
                tower.login().restore(data, secret(PASSWORD))
            assert seen(tower) == before


def test_a_keystore_that_fails_undoes_the_restore(tmp_path: Path) -> None:
    """The drives got another method before the keys were there."""
    with powered(tmp_path) as tower:
        begin(tower)
        data = tower.login().backup(secret(PASSWORD))
        change(tower)
        before = seen(tower)
        with pytest.MonkeyPatch().context() as patch:
            patch.setattr(tower.library.safe.store, "unseal", _second(Keystore.unseal, tower))
            with pytest.raises(StoreUnusable, match="no room"):
                tower.login().restore(data, secret(PASSWORD))
        assert seen(tower) == before
    with powered(tmp_path) as tower:
        assert seen(tower) == before


def _second(real: Callable[..., None], tower: Tower) -> Callable[..., None]:
    calls = []

    def failing(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise StoreUnusable("no room")
        real(tower.library.safe.store, *args)

    return failing


WRITES = (
    (State, "save"),
    (Keystore, "unseal"),
    (Keystore, "set_setting"),
    (Path, "unlink"),
)
"""What a restore does that stays."""


def _restore_until(folder: Path, plan: LibraryPlan, data: bytes, step: int) -> bool:
    """Restore in another process, which is gone before that step; whether it was."""
    child = os.fork()
    if child == 0:
        steps = [0]

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **named: Any) -> Any:
                steps[0] += 1
                if steps[0] == step:
                    os._exit(9)
                return real(*args, **named)

            return call

        try:
            with powered(folder, plan) as tower, pytest.MonkeyPatch().context() as patch:
                for owner, name in WRITES:
                    patch.setattr(owner, name, counted(getattr(owner, name)))
                tower.library.login("su", secret("")).restore(data, secret(PASSWORD))
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), code
    return code == 9


def test_a_restore_that_is_killed_took_place_or_did_not(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        begin(tower)
        data = tower.login().backup(secret(PASSWORD))
        old = seen(tower)
        change(tower)
        new = seen(tower)
        again = tower.login().backup(secret(PASSWORD))
    plan = plan_of(tmp_path)
    outcomes = []
    for step in range(1, 30):
        killed = _restore_until(tmp_path, plan, data, step)
        with powered(tmp_path, plan) as tower:
            assert not list(tower.library.folder.glob("restoring*"))
            found = seen(tower)
            assert found in (old, new), (
                step,
                [(k, found[k], old[k], new[k]) for k in found if found[k] != new[k]],
            )
            outcomes.append(found == old)
            if not killed:
                break
            if found == old:
                tower.login().restore(again, secret(PASSWORD))
                assert seen(tower) == new
    assert outcomes == sorted(outcomes)
    assert outcomes[0] is False
    assert outcomes[-1] is True
    assert len(outcomes) > 5


def test_a_library_under_bluescale_is_backed_up_as_well(tmp_path: Path) -> None:
    plan = encrypted(plan_of(tmp_path, options=(PROFESSIONAL,)))
    with powered(tmp_path, plan) as tower:
        desk = tower.desk()
        desk.set_passwords(secret(""), "single", [secret("enc.1")])
        desk.create("books")
        data = tower.login().backup(secret(PASSWORD))
        desk.delete("books", "books")
        desk.set_passwords(secret("enc.1"), "single", [secret("only.1")])
        tower.login().restore(data, secret(PASSWORD))
        (row,) = tower.desk("enc.1").keys()
        assert row.moniker == "books"
