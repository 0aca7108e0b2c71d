"""The guide's three example sites, as rigs: what a new one does, and how it is put to work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.rig import Rig, RigError
from keymgr.bluescale import MULTI, POLICIES, SINGLE, Desk, NotAllowed, Options, OptionsWrong
from keymgr.errors import KeyManagerError
from target.build import build, build_libraries, shut_down
from target.library.library import Library
from target.library.session import Session
from target.shelf import stock
from tests.encryption.keys import said, spin
from tests.keymgr.bluescale import CHEAP, secret
from tests.tape.host import GOOD, Host

RIGS = Path(__file__).resolve().parents[2] / "fixtures/rigs"
LENGTHS = {"low": (12, 30), "medium": (12, 30), "high": (15, 40)}


def password(length: int, name: str = "p") -> str:
    """With a letter and a digit."""
    return f"{name}1".ljust(length, "x")


class Running:
    """A site's only library, with a superuser at it."""

    def __init__(self, name: str, library: Library, drives: dict[str, Any]) -> None:
        self.access, self.carry = LENGTHS[name]
        self.library = library
        self.drives = drives

    @property
    def session(self) -> Session:
        return self.library.login("su", secret())

    def desk(self, given: str = "") -> Desk:
        return self.session.encryption(secret(given))

    def set_passwords(self, mode: str) -> list[str]:
        """Those that the site needs."""
        names = ("a", "b", "c") if mode == MULTI else ("a",)
        new = [password(self.access, name) for name in names]
        self.desk().set_passwords(secret(), mode, [secret(one) for one in new])
        return new

    def use(self, partition: str) -> Host:
        """A host at the partition's drive, with its first cartridge loaded."""
        place = self.library.partitions[partition]
        drive = self.library.drive_name(place.drives[0])
        barcode = next(
            held.barcode for at, held in self.library.inventory if at.number == place.slots[0]
        )
        self.session.move(barcode, drive)
        host = Host(self.drives[drive])
        host.hear()
        return host


@contextmanager
def site(name: str, state: Path) -> Iterator[Running]:
    rig = Rig.load(RIGS / f"bluescale-{name}.toml")
    plan = rig.plan(state)
    stock(plan)
    drives = build(plan)
    library = build_libraries(plan, drives, {})[rig.library[0].name]
    library.bluescale.cost = CHEAP
    try:
        yield Running(name, library, drives)
    finally:
        shut_down(drives)
        library.close()


def moniker(host: Host) -> bytes:
    """Of the block at the beginning of the tape; empty for a clear one."""
    host.load(load=False)
    host.load()
    other = Host(host.drive, "another")
    other.hear()
    page = spin(other, 0x0021)
    return page[20:] if len(page) > 16 else b""


@pytest.mark.req("BS-19")
def test_low(tmp_path: Path) -> None:
    """Standard, one partition; it works as soon as it is up."""
    with site("low", tmp_path) as low:
        host = low.use("company")
        assert host.write(b"ledger").status == GOOD
        assert moniker(host) == b"BS:company-1"
        (only,) = low.set_passwords(SINGLE)
        status = low.desk(only).status()
        assert (status.edition, status.user_mode, status.policy) == ("standard", "single", "low")
        assert (status.secure_initialization, status.keys) == (False, 1)
        with pytest.raises(NotAllowed, match="Standard Edition has one key"):
            low.desk(only).create("company-2")


@pytest.mark.req("BS-19")
def test_medium(tmp_path: Path) -> None:
    """Professional, four partitions with a key each, and a clear one; three passwords."""
    with site("medium", tmp_path) as medium:
        for name in ("finance", "inventory", "customers", "property"):
            host = medium.use(name)
            assert host.write(b"ledger").status == GOOD
            assert moniker(host) == f"BS:{name}-1".encode()
        clear = medium.use("clear")
        assert clear.write(b"in clear").status == GOOD
        assert moniker(clear) == b""
        one, other, _ = medium.set_passwords(MULTI)
        desk = medium.desk(other)
        status = desk.status()
        assert (status.edition, status.user_mode, status.policy) == (
            "professional",
            "multi",
            "medium",
        )
        assert not status.secure_initialization
        key_password = secret(password(30))
        two = [secret(one), secret(other)]
        exported = desk.export("finance-1", key_password, key_password, two, location="counsel")
        assert exported.copy == 1


@pytest.mark.req("BS-19")
def test_high(tmp_path: Path) -> None:
    """Professional, all in encrypting partitions, LTO and TS11xx; locked when it comes up."""
    with site("high", tmp_path) as high:
        hosts = {name: high.use(name) for name in ("finance", "people", "research")}
        for host in hosts.values():
            assert said(host.write(b"ledger")) == (0x5, 0xEE, 0x02)
        passwords = high.set_passwords(MULTI)
        for name, host in hosts.items():
            assert host.write(b"ledger").status == GOOD
            expected = "res-1" if name == "research" else f"{name}-1"
            assert moniker(host) == f"BS:{expected}".encode()
    with site("high", tmp_path) as high:
        assert high.library.bluescale.locked
        with pytest.raises(Exception, match="that is not the encryption password"):
            high.desk()
        status = high.desk(passwords[2]).status()
        assert (status.edition, status.user_mode, status.policy) == (
            "professional",
            "multi",
            "high",
        )
        assert status.secure_initialization
        assert not status.locked


@pytest.mark.req("BS-19")
@pytest.mark.parametrize("name", LENGTHS)
def test_rules_for_passwords(name: str, tmp_path: Path) -> None:
    with site(name, tmp_path) as running:
        multi = name != "low"
        mode, count = (MULTI, 3) if multi else (SINGLE, 1)
        desk = running.desk()
        # Nothing is done with the blank one.
        rows = desk.keys()
        monikers = [row.moniker for row in rows]
        key = secret(password(running.carry))
        for call in (
            lambda: desk.export(monikers[0], key, key),
            lambda: desk.set_secure_initialization(False),
            lambda: desk.create("new"),
            lambda: desk.unassign(desk.status().partitions[0].partition),
        ):
            with pytest.raises(NotAllowed, match="set the encryption password first"):
                call()

        def refused(wrong: str, told: str) -> None:
            new = [secret(wrong + str(number)) for number in range(count)]
            with pytest.raises(NotAllowed, match=told):
                desk.set_passwords(secret(), mode, new)

        access = running.access
        refused("a" * (access - 2), f"must have at least {access} characters under the policy")
        refused("1" * access, "must have a letter and a digit under the policy")
        if multi:
            with pytest.raises(NotAllowed, match="this site works in multi-user mode"):
                desk.set_passwords(secret(), SINGLE, [secret(password(access))])
        given = running.set_passwords(mode)
        desk = running.desk(given[0])
        two = [secret(one) for one in given[:2]] if multi else []
        for short, told in (
            (password(running.carry - 1), f"must have at least {running.carry} characters"),
            ("a" * running.carry, "must have a letter and a digit"),
        ):
            with pytest.raises(NotAllowed, match=f"the key password {told}"):
                desk.export(monikers[0], secret(short), secret(short), two)
            with pytest.raises(NotAllowed, match=f"the key password {told}"):
                desk.import_key(b"", secret(short), two)
        exported = desk.export(monikers[0], key, key, two)
        assert not desk.import_key(exported.data, key, two).new


def test_what_the_rig_says_is_done_once(tmp_path: Path) -> None:
    with site("low", tmp_path) as low:
        (only,) = low.set_passwords(SINGLE)
        low.desk(only).unassign("company")
        low.desk(only).delete("company-1", "company-1")
        low.desk(only).create("company-2")
        low.session.set_encryption("company", "disabled")
    with site("low", tmp_path) as low:
        rows = low.desk(only).keys()
        assert [(row.moniker, row.primary_of) for row in rows] == [("company-2", ())]


# --- what a rig file may say ---------------------------------------------------------------------


@pytest.mark.req("BS-19")
def test_policies() -> None:
    told = {
        name: (policy.access, policy.transfer, policy.letter_and_digit)
        for name, policy in POLICIES.items()
    }
    assert told == {
        "none": (0, 0, False),
        "low": (12, 30, True),
        "medium": (12, 30, True),
        "high": (15, 40, True),
    }


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"polcy": "low"}, "there is no 'polcy': use policy, user_mode, secure_init"),
        ({"policy": "top"}, "policy 'top' will not do: use one of none, low, medium, high"),
        ({"policy": 3}, "policy 3 will not do: use one of none, low, medium, high"),
        ({"user_mode": "many"}, "user_mode 'many' will not do: use one of single, multi"),
        ({"user_mode": "multi"}, "user_mode 'multi' is part of Professional Edition: add"),
        ({"secure_initialization": 1}, "secure_initialization 1 will not do: use true or"),
        ({"keys": ["A"]}, r"keys \['A'\] will not do: write a table of partition = moniker"),
        ({"keys": {"clear": "A"}}, "keys names 'clear', which is no partition with encryption"),
        ({"keys": {"finance": 1}}, "keys has 1 for finance: write a moniker"),
        ({"keys": {"finance": "a b"}}, "keys has 'a b' for finance: the moniker 'a b' may have"),
        ({"keys": {"finance": "A", "stock": "B"}}, "keys has several monikers, and Standard"),
    ],
)
def test_what_cannot_be(raw: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionsWrong, match=f"^{told}"):
        Options.parse(raw, ("finance", "stock"), professional=False)
    assert issubclass(OptionsWrong, KeyManagerError)


def test_a_rig_file_with_wrong_options_is_refused(tmp_path: Path) -> None:
    text = (RIGS / "bluescale-low.toml").read_text(encoding="utf-8")
    path = tmp_path / "rig.toml"
    path.write_text(text.replace('policy = "low"', 'policy = "top"'), encoding="utf-8")
    with pytest.raises(RigError, match=r"bluescale in .*: policy 'top' will not do: use one"):
        Rig.load(path)
