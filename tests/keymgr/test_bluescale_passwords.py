"""The encryption passwords: the second gate, one or three, and secure initialization."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from keymgr import kdf
from keymgr.api import Reason, Refused, Severity
from keymgr.bluescale import MULTI, SINGLE, Desk, NotAllowed
from keymgr.errors import KeyManagerError, WrongPassword
from keymgr.secret import Secret
from tests.keymgr.bluescale import Site, read, secret, site, write

THREE = ["first-1", "second-2", "third-3"]
KEY_PASSWORD = "to-carry-1"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as one:
        yield one


def set_three(library: Site, current: str = "") -> None:
    library.desk(current).set_passwords(secret(current), MULTI, [secret(one) for one in THREE])


def set_one(library: Site, new: str, current: str = "") -> None:
    library.desk(current).set_passwords(secret(current), SINGLE, [secret(new)])


@pytest.mark.req("BS-02")
def test_the_password_is_blank_at_first(library: Site) -> None:
    assert library.desk().status().blank
    with pytest.raises(WrongPassword, match="that is not the encryption password of the library"):
        library.desk("guess")
    set_one(library, "A-b_c.d@9")
    with pytest.raises(WrongPassword):
        library.desk()
    status = library.desk("A-b_c.d@9").status()
    assert (status.blank, status.user_mode) == (False, SINGLE)


@pytest.mark.req("BS-02")
@pytest.mark.parametrize("new", ["", "two words", "semi;colon", "naïve", "slash/", "a\n", "a\0b"])
def test_what_is_no_password(library: Site, new: str) -> None:
    with pytest.raises(NotAllowed, match="the encryption password m"):
        set_one(library, new)
    assert library.desk().status().blank


@pytest.mark.req("BS-02")
def test_a_new_password_takes_the_present_one(library: Site) -> None:
    set_one(library, "old")
    with pytest.raises(WrongPassword):
        library.desk("old").set_passwords(secret("older"), SINGLE, [secret("new")])
    set_one(library, "new", "old")
    with pytest.raises(WrongPassword):
        library.desk("old")
    assert library.desk("new")
    assert library.restart().enter(secret("new"))


@pytest.mark.req("BS-03")
def test_any_of_three_enters(library: Site) -> None:
    set_three(library)
    for one in THREE:
        assert library.desk(one).status().user_mode == MULTI
    for wrong in ("", "first", "first-1second-2", "FIRST-1"):
        with pytest.raises(WrongPassword):
            library.desk(wrong)
    set_one(library, "alone", "second-2")
    assert library.desk("alone").status().user_mode == SINGLE
    with pytest.raises(WrongPassword):
        library.desk("first-1")


@pytest.mark.req("BS-03")
@pytest.mark.parametrize(
    ("new", "told"),
    [
        (["a", "b", "a"], "the 3 passwords must be different from one another"),
        (["a", "b"], "the user mode multi has 3 passwords, not 2"),
        (["a", "b", "c", "d"], "the user mode multi has 3 passwords, not 4"),
        (["a", "", "c"], "the encryption password must not be blank"),
        (["a", "b", "c!"], "the encryption password may have only 0-9, A-Z"),
    ],
)
def test_three_that_cannot_be(library: Site, new: list[str], told: str) -> None:
    with pytest.raises(NotAllowed, match=told):
        library.desk().set_passwords(secret(), MULTI, [secret(one) for one in new])
    with pytest.raises(NotAllowed, match="there is no user mode 'many': choose single or multi"):
        library.desk().set_passwords(secret(), "many", [secret("a")])
    with pytest.raises(NotAllowed, match="the user mode single has 1 passwords"):
        library.desk().set_passwords(secret(), SINGLE, [secret("a"), secret("b")])
    assert library.desk().status().blank


@pytest.mark.req("BS-03")
@pytest.mark.req("BS-01")
def test_three_passwords_are_professional(tmp_path: Path) -> None:
    with site(tmp_path, professional=False) as library:
        with pytest.raises(NotAllowed, match="multi-user mode is part of Professional Edition"):
            set_three(library)
        library.professional = True
        set_three(library)
        # The option went: the passwords hold all the same.
        library.professional = False
        with pytest.raises(WrongPassword):
            library.desk()
        assert library.desk("third-3")


def exported(desk: Desk, passwords: list[str]) -> bytes:
    by = [secret(one) for one in passwords]
    return desk.export("A", secret(KEY_PASSWORD), secret(KEY_PASSWORD), by).data


@pytest.mark.req("BS-03")
@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ([], NotAllowed, "give two of the three encryption passwords"),
        (["first-1"], NotAllowed, "give two of the three encryption passwords"),
        (["first-1", "first-1"], NotAllowed, "give two different ones of the three"),
        (["first-1", "wrong"], WrongPassword, "that is not the encryption password"),
        (["", "third-3"], WrongPassword, "that is not the encryption password"),
        (THREE, NotAllowed, "give two of the three encryption passwords"),
    ],
)
def test_two_different_ones_move_keys(
    library: Site, given: list[str], error: type[KeyManagerError], told: str
) -> None:
    set_three(library)
    desk = library.desk("first-1")
    desk.create("A")
    with pytest.raises(error, match=told):
        exported(desk, given)
    data = exported(desk, ["third-3", "second-2"])
    desk.delete("A", "A")
    with pytest.raises(error, match=told):
        desk.import_key(data, secret(KEY_PASSWORD), [secret(one) for one in given])
    assert desk.keys() == []
    desk.import_key(data, secret(KEY_PASSWORD), [secret("first-1"), secret("third-3")])
    assert len(desk.keys()) == 1


@pytest.mark.req("BS-04")
def test_standard_initialization_works_at_once(library: Site) -> None:
    desk = library.desk()
    desk.create("A")
    desk.assign("finance", "A")
    assert not desk.secure_initialization
    library.restart()
    assert not library.bluescale.locked
    assert library.bluescale.key_for_write(write())
    assert library.told == []


@pytest.mark.req("BS-04")
def test_secure_initialization_waits_for_a_password(library: Site) -> None:
    set_one(library, "one-1")
    desk = library.desk("one-1")
    desk.create("A")
    desk.assign("finance", "A")
    desk.set_secure_initialization(True)
    assert desk.secure_initialization
    assert library.bluescale.key_for_write(write()), "it locks at the next power-on"
    for again in (library.bluescale.power_on, library.restart):
        again()
        assert library.bluescale.locked
        notice = library.told.pop()
        assert (notice.severity, notice.text[:20]) == (Severity.WARNING, "encryption is locked")
        for ask, request in (
            (library.bluescale.key_for_write, write()),
            (library.bluescale.key_for_read, read("A")),
        ):
            with pytest.raises(Refused) as refused:
                ask(request)
            assert refused.value.reason is Reason.LOCKED
            assert "KRL001L9" in refused.value.text
            assert refused.value.cure == ("log in as a superuser and enter an encryption password")
        with pytest.raises(WrongPassword):
            library.bluescale.unlock(secret())
        with pytest.raises(WrongPassword):
            library.desk("one-2")
        assert library.bluescale.locked
        library.bluescale.unlock(secret("one-1"))
        assert library.bluescale.key_for_read(read("A"))
    library.restart()
    assert not library.desk("one-1").status().locked, "entering unlocks, too"
    library.desk("one-1").set_secure_initialization(False)
    library.restart()
    assert not library.bluescale.locked


@pytest.mark.req("BS-03")
@pytest.mark.req("BS-04")
def test_any_of_three_unlocks(library: Site) -> None:
    set_three(library)
    library.desk("first-1").set_secure_initialization(True)
    for one in THREE:
        library.restart()
        with pytest.raises(WrongPassword):
            library.bluescale.unlock(secret("fourth-4"))
        library.bluescale.unlock(secret(one))
        assert not library.bluescale.locked


def test_wrong_passwords_are_audited_with_who_gave_them(library: Site) -> None:
    set_one(library, "one-1")
    with pytest.raises(WrongPassword):
        library.desk("guess")
    last = list(library.store.audit_entries())[-1]
    assert last.event == "wrong password"
    assert last.details == {"action": "enter", "user": "ada"}


def test_a_wrong_password_costs_what_a_right_one_costs(
    library: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One derivation, and all hashes are compared."""
    set_three(library)
    calls: list[str] = []
    derive, compare = kdf.derive, hmac.compare_digest

    def counted_derive(password: Secret, salt: bytes, cost: kdf.Cost) -> Secret:
        calls.append("derive")
        return derive(password, salt, cost)

    def counted_compare(one: bytearray, other: bytes) -> bool:
        calls.append("compare")
        return compare(one, other)

    monkeypatch.setattr(kdf, "derive", counted_derive)
    monkeypatch.setattr(hmac, "compare_digest", counted_compare)
    for given in (*THREE, "wrong"):
        calls.clear()
        try:
            library.bluescale.unlock(secret(given))
        except WrongPassword:
            assert given == "wrong"
        assert calls == ["derive", "compare", "compare", "compare"]


def test_drives_get_keys_while_a_password_is_looked_at(
    library: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_one(library, "one-1")
    desk = library.desk("one-1")
    desk.create("A")
    desk.assign("finance", "A")
    deriving, go_on = threading.Event(), threading.Event()
    derive = kdf.derive

    def slow(password: Secret, salt: bytes, cost: kdf.Cost) -> Secret:
        deriving.set()
        assert go_on.wait(60)
        return derive(password, salt, cost)

    monkeypatch.setattr(kdf, "derive", slow)
    entering = threading.Thread(target=library.desk, args=("one-1",))
    entering.start()
    try:
        assert deriving.wait(60)
        assert library.bluescale.key_for_write(write())
    finally:
        go_on.set()
        entering.join()
