"""Messages, users, options and the division of places: what a library is made of."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from keymgr.api import Notice, Severity
from keymgr.secret import Secret
from target.clock import ManualClock
from target.library import layout, options, users
from target.library.errors import OperatorError
from target.library.inventory import Kind, Location
from target.library.layout import Size
from target.library.messages import Messages
from target.library.partition import Partition
from target.library.users import Cost, Role, User

CHEAP = Cost(16, 1, 1)


# --- messages ------------------------------------------------------------------------------------


def test_messages_survive_a_restart_in_a_private_file(tmp_path: Path) -> None:
    clock = ManualClock(1000.0)
    log = Messages(tmp_path / "messages", clock.now)
    log.add(Severity.WARNING, "it is warm", "the sun shines", "draw the curtain", "drive0")
    clock.sleep(5)
    log.notice(Notice(Severity.ERROR, "it burns", "call somebody"))
    again = Messages(tmp_path / "messages", clock.now)
    assert again.since() == log.since()
    warm, burns = again.since()
    assert (warm.number, warm.time, warm.severity, warm.cause) == (
        1,
        1000.0,
        "warning",
        "the sun shines",
    )
    assert (burns.number, burns.time, burns.severity, burns.cure, burns.origin) == (
        2,
        1005.0,
        "error",
        "call somebody",
        "",
    )
    assert again.since(1) == [burns]
    assert again.add(Severity.ERROR, "more").number == 3
    assert stat.S_IMODE((tmp_path / "messages").stat().st_mode) == 0o600


def test_the_same_message_of_a_drive_is_counted(tmp_path: Path) -> None:
    clock = ManualClock()
    log = Messages(tmp_path / "messages", clock.now)
    for _ in range(500):
        clock.sleep(1)
        log.add(Severity.ERROR, "no key", origin="drive0")
        log.add(Severity.ERROR, "no key", origin="drive1")
    log.add(Severity.ERROR, "another thing", origin="drive0")
    log.add(Severity.ERROR, "no key", origin="drive0")
    for kept in (log, Messages(tmp_path / "messages")):
        said = [(one.origin, one.text, one.count, one.time, one.last) for one in kept.since()]
        assert said == [
            ("drive0", "no key", 500, 1, 500),
            ("drive1", "no key", 500, 1, 500),
            ("drive0", "another thing", 1, 500, 500),
            ("drive0", "no key", 1, 500, 500),
        ]


def test_old_messages_go_and_the_file_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "messages"
    log = Messages(path, kept=10)
    for number in range(1000):
        log.add(Severity.INFORMATION, f"number {number}", origin=f"drive{number % 30}")
        assert len(path.read_text().splitlines()) <= 20
    assert [one.number for one in log.since()] == list(range(991, 1001))
    assert Messages(path, kept=10).since() == log.since()


def test_a_torn_line_is_no_message(tmp_path: Path) -> None:
    path = tmp_path / "messages"
    log = Messages(path)
    log.add(Severity.ERROR, "one")
    log.add(Severity.ERROR, "two")
    path.write_bytes(path.read_bytes()[:-20])
    after = Messages(path)
    assert [one.text for one in after.since()] == ["one"]
    after.add(Severity.ERROR, "three")
    assert [one.text for one in Messages(path).since()] == ["one", "three"]


def test_a_full_file_system_stops_nobody(tmp_path: Path) -> None:
    log = Messages(tmp_path / "nowhere" / "messages")
    log.add(Severity.ERROR, "one")
    assert [one.text for one in log.since()] == ["one"]


def test_threads_tell_at_the_same_time(tmp_path: Path) -> None:
    log = Messages(tmp_path / "messages")

    def tell(name: str) -> None:
        for number in range(50):
            log.add(Severity.ERROR, f"{number}", origin=name)

    threads = [threading.Thread(target=tell, args=[f"drive{n}"]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.number for one in log.since()] == list(range(1, 201))
    assert Messages(tmp_path / "messages").since() == log.since()


# --- users ---------------------------------------------------------------------------------------


@pytest.mark.req("BS-02")
@pytest.mark.parametrize("text", ["with space", "umlaut-ä", "semi;colon", "new\nline", "a" * 129])
def test_a_password_has_certain_characters(text: str) -> None:
    with pytest.raises(OperatorError, match="password"):
        users.hashed(Secret(text.encode()), CHEAP)


def test_a_password_is_kept_as_a_hash_with_a_salt() -> None:
    password = Secret(b"Az09@-_.")
    kept = users.hashed(password, CHEAP)
    assert kept != users.hashed(password, CHEAP)
    assert "Az09" not in kept and "Az09" not in repr(User("su", Role.SUPERUSER, kept))
    assert users.matches(password, kept)
    assert not users.matches(Secret(b"Az09@-_"), kept)
    assert not users.matches(Secret(b""), kept)
    assert users.matches(Secret(b""), users.hashed(Secret(b"")))
    assert not users.matches(password, users.hashed(Secret(b"")))


def test_the_last_superuser_stays() -> None:
    all_of_them = {"su": User("su", Role.SUPERUSER, "")}
    more = users.added(all_of_them, "ann", Role.OPERATOR, Secret(b""), CHEAP)
    with pytest.raises(OperatorError, match="at least one superuser"):
        users.removed(more, "su")
    with pytest.raises(OperatorError, match="at least one superuser"):
        users.with_role(more, "su", Role.ADMINISTRATOR)
    more = users.with_role(more, "ann", Role.SUPERUSER)
    assert list(users.removed(more, "su")) == ["ann"]
    assert users.from_json(users.to_json(more)) == more


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 33])
def test_a_user_has_a_name(name: str) -> None:
    with pytest.raises(OperatorError, match="name of a user"):
        users.added({}, name, Role.OPERATOR, Secret(b""), CHEAP)


# --- options -------------------------------------------------------------------------------------


def test_an_option_key_is_for_one_library() -> None:
    key = options.issue("kmip", "SN1")
    assert options.named(key, "SN1") == "kmip"
    assert options.named(f" {key.lower()}\n", "SN1") == "kmip"
    assert options.named(options.issue("bluescale-professional", "SN1"), "SN1") == (
        "bluescale-professional"
    )
    for wrong, serial in ((key, "SN2"), ("", "SN1"), (key[:-1], "SN1"), ("ä", "SN1")):
        with pytest.raises(OperatorError, match=f"no option key .* {serial}"):
            options.named(wrong, serial)
    with pytest.raises(OperatorError, match="bluescale-professional, kmip"):
        options.issue("everything", "SN1")


# --- places --------------------------------------------------------------------------------------

A = Partition("a", "SN1", (1, 2), (1, 2, 3, 4), (1,))
B = Partition("b", "SN2", (3,), (5, 6), ())
TOTAL = Size(8, 2)


def test_a_partition_that_grows_keeps_its_addresses() -> None:
    both = {"a": A, "b": B}
    small = layout.reshaped(both, TOTAL, A, None, 2, 0)
    assert (small.drives, small.slots, small.mail_slots) == ((1, 2), (1, 2), ())
    assert list(map(str, layout.given_up(A, small))) == ["slot:3", "slot:4", "mail:1"]
    grown = layout.reshaped({"a": small, "b": B}, TOTAL, B, [3], 6, None)
    assert grown.slots == (5, 6, 3, 4, 7, 8)
    owner = layout.owners({"a": small, "b": grown})
    assert [owner(Location(Kind.STORAGE, at)) for at in range(1, 10)] == [*"aabbbbbb", ""]
    assert owner(Location(Kind.DRIVE, 2)) == "a"
    assert owner(Location(Kind.IMPORT_EXPORT, 1)) == ""


@pytest.mark.parametrize(
    ("drives", "slots", "mail", "why"),
    [
        (None, 7, None, "there are 6"),
        (None, None, 3, "there are 2"),
        (None, -1, None, "0 or more"),
        ([1, 1], None, None, "twice"),
    ],
)
def test_there_are_only_so_many_places(
    drives: list[int] | None, slots: int | None, mail: int | None, why: str
) -> None:
    with pytest.raises(OperatorError, match=why):
        layout.reshaped({"a": A, "b": B}, TOTAL, A, drives, slots, mail)


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "a/b", "x" * 33])
def test_a_partition_has_a_name(name: str) -> None:
    with pytest.raises(OperatorError, match="name of a partition"):
        layout.require_name(name)
