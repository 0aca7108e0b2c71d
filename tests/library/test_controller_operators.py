"""What operators do at a library, and what they are refused: roles, users, media, partitions."""

from __future__ import annotations

import inspect
import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keymgr.errors import KeyManagerError, WrongPassword
from target.library.errors import NotAllowed, OperatorError
from target.library.inventory import Kind
from target.library.options import issue
from target.library.roles import LEAST
from target.library.session import Session
from target.library.users import Role
from target.scsi import sense as s
from tests.library.tower import SERIAL, Tower, plan_of, powered, secret
from tests.tape.host import GOOD, sense_of

MANUAL = Path(__file__).parents[2] / "docs" / "library.md"
PREVENT, ALLOW = (bytes((0x1E, 0, 0, 0, on, 0)) for on in (1, 0))


# --- roles and users -----------------------------------------------------------------------------


def test_every_action_has_a_least_role() -> None:
    public = [name for name, _ in inspect.getmembers(Session, inspect.isfunction) if name[0] != "_"]
    assert sorted(LEAST) == sorted(set(public) - {"require"})


def test_the_manual_says_which_role_does_what() -> None:
    rows = re.findall(r"^\| (\w+) \| (`.*) \|$", MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    told = {action: Role.parse(role) for role, cell in rows for action in re.findall(r"\w+", cell)}
    assert told == LEAST


ARGUMENTS: dict[str, list[Any]] = {
    "messages": [0],
    "move": ["KRL001L9", "slot:4"],
    "insert": ["KRL004L9"],
    "remove": ["mail:1"],
    "change_password": [secret("ann.1"), secret("ann.1")],
    "reset_drive": ["drive0"],
    "power_cycle_drive": ["drive0"],
    "set_partition": ["sales"],
    "delete_partition": ["nothing"],
    "add_option": [issue("kmip", SERIAL)],
    "set_encryption": ["sales", "bluescale"],
    "encryption": [secret("")],
    "add_user": ["new", "operator", secret("")],
    "remove_user": ["none"],
    "set_role": ["none", "operator"],
    "set_password": ["none", secret("")],
    "backup": [secret("a")],
    "restore": [b"", secret("a")],
}


@pytest.mark.req("BS-02")
@pytest.mark.parametrize("role", Role)
def test_a_role_does_what_it_may_and_nothing_else(role: Role, tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        tower.login().add_user("ann", str(role), secret("ann.1"))
        ann = tower.login("ann", "ann.1")
        for action, least in LEAST.items():
            act = getattr(ann, action)
            before = json.loads(tower.library.file.read_text())
            if role < least:
                with pytest.raises(NotAllowed, match=f"{action} takes .* {least}, ann is {role}"):
                    act(*ARGUMENTS.get(action, ()))
                assert json.loads(tower.library.file.read_text()) == before
                continue
            try:
                act(*ARGUMENTS.get(action, ()))
            except (OperatorError, KeyManagerError) as error:
                assert not isinstance(error, NotAllowed), action


def test_users_log_in_and_are_kept_over_restarts(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        su = tower.login()
        su.set_password("su", secret("Sup3r"))
        su.add_user("ann", "operator", secret("ann.1"))
        with pytest.raises(NotAllowed, match="do not belong together"):
            tower.login("su", "")
        with pytest.raises(NotAllowed, match="do not belong together"):
            tower.login("nobody", "")
        ann = tower.login("ann", "ann.1")
        with pytest.raises(NotAllowed, match="not your password"):
            ann.change_password(secret("ann.2"), secret("ann.3"))
        ann.change_password(secret("ann.1"), secret("ann.2"))
        text = tower.library.file.read_text()
        assert "Sup3r" not in text and "ann.2" not in text
        assert stat.S_IMODE(tower.library.file.stat().st_mode) == 0o600
    with powered(tmp_path) as tower:
        su = tower.login("su", "Sup3r")
        ann = tower.login("ann", "ann.2")
        assert [(one.name, one.role) for one in su.users()] == [
            ("su", "superuser"),
            ("ann", "operator"),
        ]
        su.set_role("ann", "administrator")
        assert ann.role is Role.ADMINISTRATOR
        su.remove_user("ann")
        with pytest.raises(NotAllowed, match="ann is no more"):
            ann.status()
        with pytest.raises(OperatorError, match="no role 'boss'"):
            su.set_role("su", "boss")
        with pytest.raises(OperatorError, match="no user 'ann'"):
            su.remove_user("ann")
        said = "\n".join(tower.said())
        assert "ann changed the own password" in said and "su removed user ann" in said
        assert "could not log in as 'nobody'" in said
        assert "ann.2" not in said


def test_the_first_password_can_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("f1rst\n")
    path.chmod(0o600)
    plan = plan_of(tmp_path)
    plan = type(plan)(**{**vars(plan), "password_file": str(path)})
    with powered(tmp_path, plan) as tower:
        assert tower.login("su", "f1rst").role is Role.SUPERUSER
        with pytest.raises(NotAllowed):
            tower.login("su", "")


@pytest.mark.req("BS-02")
def test_the_encryption_password_is_another_gate(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        su = tower.login()
        su.encryption(secret("")).set_passwords(secret(""), "single", [secret("enc.1")])
        with pytest.raises(WrongPassword):
            su.encryption(secret(""))
        su.encryption(secret("enc.1"))
        assert "su gave a wrong encryption password" in tower.said("operator su")


# --- cartridges ----------------------------------------------------------------------------------


def test_cartridges_are_moved_by_barcode_place_drive_and_partition(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        su = tower.login()
        moved = su.move("KRL001L9", "drive0")
        assert (moved.barcode, moved.source, moved.destination) == ("KRL001L9", "slot:1", "drive:1")
        assert tower.loaded() == ["drive0"]
        assert su.move("drive0", "drive:3").destination == "drive:3"
        assert tower.loaded() == ["drive2"]
        assert su.move("drive2", "home").destination == "slot:1"
        assert su.move("slot:1", "sales").destination == "slot:6"
        held = {one.place: (one.partition, one.barcode) for one in su.inventory()}
        assert held == {
            "slot:2": ("finance", "KRL002L9"),
            "slot:5": ("sales", "KRL003L9"),
            "slot:6": ("sales", "KRL001L9"),
        }
        assert [one.place for one in su.inventory("sales", empty=True)] == [
            "slot:5",
            "slot:6",
            "slot:7",
            "drive:3",
        ]


@pytest.mark.parametrize(
    ("source", "destination", "why"),
    [
        ("KRL009L9", "slot:3", "no cartridge, place or drive 'KRL009L9'"),
        ("slot:3", "slot:4", "slot:3 is empty"),
        ("slot:1", "slot:2", "slot:2 is full"),
        ("slot:1", "slot:1", "slot:1 is full"),
        ("slot:1", "slot:8", "no place slot:8"),
        ("slot:1", "mail:3", "no place mail:3"),
        ("slot:1", "drive:4", "no place drive:4"),
        ("slot:1", "picker:1", "no place picker:1"),
        ("slot:1", "slot:x", "slot:x"),
        ("slot:1", "nowhere", "no place, drive or partition 'nowhere'"),
        ("slot:1", "home", "no home slot"),
    ],
)
def test_a_move_that_cannot_be(source: str, destination: str, why: str, tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        before = list(tower.library.inventory)
        with pytest.raises(OperatorError, match=why):
            tower.login().move(source, destination)
        assert list(tower.library.inventory) == before


def test_nothing_goes_to_a_place_that_no_partition_has(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        su = tower.login()
        su.set_partition("finance", drives=["drive0"], slots=2, mail_slots=1)
        before = list(tower.library.inventory)
        for place in ("drive1", "slot:4", "mail:2"):
            with pytest.raises(OperatorError, match="is in no partition: name another place"):
                su.move("KRL001L9", place)
        with pytest.raises(OperatorError, match="mail:2 is in no partition"):
            su.insert("KRL004L9", "mail:2")
        assert list(tower.library.inventory) == before


def test_hosts_hear_of_what_operators_move(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        finance, sales = tower.host("finance"), tower.host("sales")
        su = tower.login()
        su.move("KRL001L9", "slot:3")
        assert (finance.hear(), sales.hear()) == ([s.MEDIUM_MAY_HAVE_CHANGED], [])
        su.move("KRL001L9", "sales")
        assert finance.hear() == sales.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
        su.insert("KRL004L9")
        assert (finance.hear(), sales.hear()) == ([s.IMPORT_EXPORT_ACCESSED], [])
        su.open_door()
        assert sense_of(finance.ready()).code.key == 2
        with pytest.raises(OperatorError, match="door is open: close it first"):
            su.move("KRL001L9", "finance")
        with pytest.raises(OperatorError, match="open already"):
            su.open_door()
        su.close_door()
        assert finance.hear() == sales.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
        assert finance.ready().status == GOOD
        with pytest.raises(OperatorError, match="closed already"):
            su.close_door()


def test_cartridges_come_and_go_through_mail_slots(tmp_path: Path) -> None:
    def taken(barcode: str) -> str:
        return "drive other" if barcode == "KRL006L9" else ""

    with powered(tmp_path, taken=taken) as tower:
        su = tower.login()
        assert su.insert("KRL004L9", "mail:2").destination == "mail:2"
        assert su.insert("KRL005L9").destination == "mail:1"
        for barcode, slot, why in (
            ("KRL004L9", "", "in mail:2 already"),
            ("KRL006L9", "", "in drive other: take it out there"),
            ("NOTHERE1", "", "rig has no cartridge 'NOTHERE1'"),
        ):
            with pytest.raises(OperatorError, match=why):
                su.insert(barcode, slot)
        su.move("mail:1", "drive0")
        with pytest.raises(OperatorError, match="KRL001L9 is in slot:1: move it to a mail slot"):
            su.remove("KRL001L9")
        with pytest.raises(OperatorError, match="mail:1 is empty"):
            su.remove("mail:1")
        su.move("KRL001L9", "mail:1")
        assert su.remove("KRL001L9").source == "mail:1"
        with pytest.raises(OperatorError, match="mail:2 is full"):
            su.insert("KRL001L9", "mail:2")
        with pytest.raises(OperatorError, match="'slot:4' is no mail slot"):
            su.insert("KRL001L9", "slot:4")
        with pytest.raises(OperatorError, match="no place mail:3"):
            su.insert("KRL001L9", "mail:3")
        assert tower.where("KRL001L9") == ""
        assert tower.where("KRL005L9") == "drive:1"


def test_a_host_that_prevents_removal_locks_mail_slots_and_door(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        su = tower.login()
        su.insert("KRL004L9")
        changer = tower.host("finance", "backup-server")
        assert changer.send(PREVENT).status == GOOD
        refused: list[Callable[[], object]] = [
            lambda: su.insert("KRL005L9", "mail:2"),
            lambda: su.remove("mail:1"),
            su.open_door,
        ]
        for act in refused:
            with pytest.raises(OperatorError, match=r"host backup-server prevents .* finance"):
                act()
        with pytest.raises(OperatorError, match="no mail slot is empty and unlocked"):
            su.insert("KRL005L9")
        assert tower.where("KRL004L9") == "mail:1"
        assert changer.send(ALLOW).status == GOOD
        su.remove("mail:1")
        su.open_door()


def test_a_host_that_prevents_removal_keeps_its_cartridge(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        su = tower.login()
        su.move("KRL001L9", "drive0")
        host = tower.host("drive0", "backup-server")
        assert host.prevent(True).status == GOOD
        with pytest.raises(OperatorError, match="host backup-server prevents"):
            su.move("KRL001L9", "home")
        assert tower.where("KRL001L9") == "drive:1" and tower.loaded() == ["drive0"]
        assert host.prevent(False).status == GOOD
        su.move("KRL001L9", "home")


# --- partitions ----------------------------------------------------------------------------------


def elements(tower: Tower, partition: str) -> dict[Kind, int]:
    """How many there are of each kind, as READ ELEMENT STATUS tells a host."""
    host = tower.host(partition)
    found = {}
    for kind in Kind:
        cdb = bytes((0xB8, kind, 0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0))
        reply = host.send(cdb, size=0xFFFF)
        assert reply.status == GOOD, reply
        found[kind] = int.from_bytes(reply.data[2:4], "big")
    return found


CHANGED = [s.LUNS_CHANGED, s.MODE_PARAMETERS_CHANGED, s.MEDIUM_MAY_HAVE_CHANGED]


def test_partitions_change_while_hosts_use_them(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        finance, sales = tower.host("finance"), tower.host("sales")
        su = tower.login()
        view = su.set_partition("finance", drives=["drive0"], slots=2, mail_slots=1)
        assert (view.drives, view.slots, view.mail_slots) == (["drive0"], 2, 1)
        assert (finance.hear(), sales.hear()) == (CHANGED, [])
        assert elements(tower, "finance") == {
            Kind.TRANSPORT: 1,
            Kind.STORAGE: 2,
            Kind.IMPORT_EXPORT: 1,
            Kind.DRIVE: 1,
        }
        su.set_partition("sales", drives=["drive2", "drive1"], slots=5, mail_slots=1)
        assert (finance.hear(), sales.hear()) == ([], CHANGED)
        assert [one.place for one in su.inventory("sales", empty=True)] == [
            "slot:3",
            "slot:4",
            "slot:5",
            "slot:6",
            "slot:7",
            "mail:2",
            "drive:2",
            "drive:3",
        ]
        assert tower.library.partitions["sales"].slots == (5, 6, 7, 3, 4)
    with powered(tmp_path) as tower:
        assert [(one.name, one.drives, one.slots) for one in tower.login().partitions()] == [
            ("finance", ["drive0"], 2),
            ("sales", ["drive2", "drive1"], 5),
        ]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"slots": 1}, "KRL002L9 is in slot:2, .* leave partition finance: move it first"),
        ({"slots": 5}, "there are 4 for it"),
        ({"mail_slots": 3}, "there are 2 for it"),
        ({"drives": ["drive0", "drive2"]}, "drive2 is in partition sales: take it out there"),
        ({"drives": ["drive0", "drive9"]}, "no drive 'drive9': name one of drive0, drive1, drive2"),
        ({"drives": ["drive0"]}, "KRL001L9 is in drive1"),
    ],
)
def test_a_change_of_a_partition_that_cannot_be(
    change: dict[str, object], why: str, tmp_path: Path
) -> None:
    with powered(tmp_path) as tower:
        su, host = tower.login(), tower.host("finance")
        su.move("KRL001L9", "drive1")
        host.hear()
        before = su.partitions()
        with pytest.raises(OperatorError, match=why):
            su.set_partition("finance", **change)  # type: ignore[arg-type]  # rows of a table
        assert su.partitions() == before
        assert host.hear() == []


def test_partitions_are_made_and_deleted(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        su, host = tower.login(), tower.host("sales")
        with pytest.raises(OperatorError, match="KRL003L9 is in slot:5"):
            su.delete_partition("sales")
        su.move("KRL003L9", "finance")
        su.delete_partition("sales")
        assert host.hear() == [s.MEDIUM_MAY_HAVE_CHANGED, *CHANGED[:2]]
        assert list(tower.library.changers) == ["finance"]
        with pytest.raises(OperatorError, match="no partition 'sales': name one of finance"):
            su.delete_partition("sales")
        with pytest.raises(OperatorError, match="a drive is called drive2: choose another name"):
            su.set_partition("drive2", slots=1)
        made = su.set_partition("legal", drives=["drive2"], slots=2)
        assert (made.encryption, made.cartridges, len(made.serial)) == ("disabled", 0, 10)
        su.move("KRL003L9", "legal")
        assert elements(tower, "legal")[Kind.STORAGE] == 2
        su.set_partition("sales", slots=1)
        assert host.hear() == CHANGED
        with pytest.raises(OperatorError, match="name of a partition"):
            su.set_partition("Sales 2")
    with powered(tmp_path) as tower:
        assert list(tower.library.changers) == ["finance", "legal", "sales"]
        assert tower.where("KRL003L9") == "slot:5"


# --- options -------------------------------------------------------------------------------------


@pytest.mark.req("BS-01")
def test_an_option_key_enables_an_option(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        su = tower.login()
        assert not any(one.enabled for one in su.options())
        with pytest.raises(OperatorError, match="no option key of the library with serial number"):
            su.add_option(issue("bluescale-professional", "9999999999"))
        desk = tower.desk()
        assert desk.status().edition == "standard"
        added = su.add_option(issue("bluescale-professional", SERIAL))
        assert (added.name, added.enabled) == ("bluescale-professional", True)
        assert desk.status().edition == "professional"
    with powered(tmp_path) as tower:
        assert [one.name for one in tower.login().options() if one.enabled] == [
            "bluescale-professional"
        ]
