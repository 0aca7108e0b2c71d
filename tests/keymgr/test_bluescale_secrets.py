"""No key and no password shows itself: in a repr, a sentence, the audit log, or a file."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from keymgr.api import Refused
from keymgr.bluescale import MULTI, SINGLE
from keymgr.errors import KeyManagerError
from keymgr.secret import Secret
from tests.keymgr.bluescale import Site, read, secret, site, value, write

ACCESS = ["access-Password.1", "access-Password.2", "access-Password.3"]
CARRY, WRONG = "carry-Password.4", "wrong-Password.5"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as one:
        yield one


def forms(secrets: list[bytes]) -> list[bytes]:
    """How they could show themselves."""
    texts = [form for one in secrets for form in (one.hex(), repr(one)[2:-1], str(list(one))[1:-1])]
    return [*secrets, *(text.encode() for text in texts)]


def failures(library: Site) -> Iterator[BaseException]:
    """Everything that can be refused with a secret at hand."""
    desk = library.desk(ACCESS[0])
    carry, wrong = secret(CARRY), secret(WRONG)
    two = [secret(one) for one in ACCESS[:2]]
    data = desk.export("A", carry, carry, two).data
    for call in (
        lambda: library.desk(WRONG),
        lambda: library.bluescale.unlock(wrong),
        lambda: desk.set_passwords(wrong, SINGLE, [carry]),
        lambda: desk.set_passwords(secret(ACCESS[0]), MULTI, [wrong, wrong, wrong]),
        lambda: desk.set_passwords(secret(ACCESS[0]), SINGLE, [secret(WRONG + " ")]),
        lambda: desk.export("A", carry, wrong, two),
        lambda: desk.export("A", carry, carry, [wrong, wrong]),
        lambda: desk.export("A", secret(WRONG + "!"), secret(WRONG + "!"), two),
        lambda: desk.import_key(data, wrong, two),
        lambda: desk.import_key(data[:-1], carry, two),
        lambda: desk.create("A"),
        lambda: library.bluescale.key_for_read(read("B")),
        lambda: library.bluescale.key_for_write(write("stock")),
    ):
        with pytest.raises((KeyManagerError, Refused)) as caught:
            call()
        yield caught.value


def test_nowhere(library: Site, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    desk = library.desk()
    desk.create("A")
    desk.assign("finance", "A")
    key = value(library.bluescale.key_for_write(write()))
    desk.set_passwords(secret(), MULTI, [secret(one) for one in ACCESS])
    told = [repr(library.bluescale), repr(desk), repr(vars(library.bluescale)), repr(vars(desk))]
    for error in failures(library):
        cause = error.__cause__ or error.__context__
        told += [str(error), repr(error), repr(cause), "".join(traceback.format_exception(error))]
    told += [repr(one) for one in (desk.status(), desk.keys(), desk.tracking(), desk.report())]
    told += [repr(library.bluescale.key_for_read(read("A"))), repr(library.told)]
    told += [repr(entry) for entry in library.store.audit_entries()]
    told += [*capfd.readouterr()]
    exported = desk.export(
        "A", secret(CARRY), secret(CARRY), [secret(one) for one in ACCESS[1:]]
    ).data
    hidden = forms([key, *(one.encode() for one in (*ACCESS, CARRY, WRONG))])
    shown = [text.encode("utf-8", "replace") for text in told]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for text in (*shown, *files, exported):
        assert not [form for form in hidden if form in text]


def test_the_callers_passwords_stay_as_they_are(library: Site) -> None:
    """Whoever asked for them wipes them; nothing here keeps them."""
    password = secret("one-1")
    library.desk().set_passwords(secret(), SINGLE, [password])
    library.bluescale.enter(password)
    assert bytes(password.reveal()) == b"one-1"
    password.wipe()
    assert library.desk("one-1")


def test_keys_are_wiped_after_use(library: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = library.desk()
    desk.create("A")
    handed: list[Secret] = []
    original = library.store.secret

    def watched(realm: str, name: str) -> Secret:
        handed.append(original(realm, name))
        return handed[-1]

    monkeypatch.setattr(library.store, "secret", watched)
    data = desk.export("A", secret(CARRY), secret(CARRY)).data
    desk.import_key(data, secret(CARRY))
    assert len(handed) == 2
    assert not any(any(one.reveal()) for one in handed)
