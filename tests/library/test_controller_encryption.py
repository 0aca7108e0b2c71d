"""Encryption methods of partitions, power, and what operators are told when there is no key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from keymgr.api import DriveIdentity, Grant, Holder, KeySource, Reason, Refused, Request
from keymgr.errors import KeyManagerError
from keymgr.secret import Secret
from target.library.errors import OperatorError
from target.library.messages import Message
from target.library.options import PROFESSIONAL
from target.scsi.command import ABORTED
from tests.library.tower import FINANCE, SALES, Tower, encrypted, plan_of, powered, secret
from tests.tape.host import CHECK, GOOD, Host

DATA = b"the books of the year"
TD5 = "ibm/ult3580-td5"


def give_keys(tower: Tower, **keys: str) -> None:
    """Make a key for each of these partitions, and assign it."""
    desk = tower.desk()
    for partition, moniker in keys.items():
        desk.create(moniker)
        desk.assign(partition, moniker)


def write(host: Host, data: bytes = DATA) -> int:
    """The status of writing a block from the beginning of the tape, and a filemark."""
    host.rewind()
    status = host.write(data).status
    host.filemarks()
    host.rewind()
    return status


def read(host: Host) -> bytes | None:
    """The first block; None: it could not be read."""
    host.rewind()
    reply = host.read(1000, sili=True)
    return reply.data if reply.status == GOOD else None


def told(tower: Tower, drive: str) -> Message:
    """The newest message of a drive."""
    return [one for one in tower.library.messages.since() if one.origin == drive][-1]


# --- methods -------------------------------------------------------------------------------------


class Always(KeySource):
    """One key for everything."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def key_for_write(self, request: Request) -> Grant:
        self.requests.append(request)
        return Grant(Secret(bytes(range(32))), request.room.named(b"always"))

    def key_for_read(self, request: Request) -> Grant:
        self.requests.append(request)
        return Grant(Secret(bytes(range(32))), request.wanted or request.room.named(b"always"))


@pytest.mark.req("BS-07")
def test_a_partition_has_one_of_the_methods_there_are(tmp_path: Path) -> None:
    source = Always()
    with powered(tmp_path, sources={"mine": source, "kmip-reuse": Always()}) as tower:
        su = tower.login()
        assert [(one.name, one.enabled) for one in su.methods()] == [
            ("disabled", True),
            ("bluescale", True),
            ("mine", True),
            ("kmip-reuse", False),
        ]
        assert su.set_encryption("finance", "mine").encryption == "mine"
        su.move("KRL001L9", "drive0")
        assert write(tower.host("drive0")) == GOOD
        (asked,) = source.requests
        assert (asked.partition, asked.method, asked.library, asked.volume.barcode) == (
            "finance",
            "mine",
            tower.library.serial,
            "KRL001L9",
        )
        with pytest.raises(OperatorError, match="no encryption method 'rot13': give one of dis"):
            su.set_encryption("sales", "rot13")
        with pytest.raises(OperatorError, match="needs option kmip: add its option key first"):
            su.set_encryption("sales", "kmip-reuse")
        with pytest.raises(OperatorError, match="no partition 'legal'"):
            su.set_encryption("legal", "mine")
    with powered(tmp_path, sources={"mine": source}) as tower:
        assert tower.library.partitions["finance"].encryption == "mine"
        # The cartridge that was in the drive is there, and its data.
        assert read(tower.host("drive0")) == DATA
    with (
        pytest.raises(ValueError, match="library tower: there is no encryption method 'mine'"),
        powered(tmp_path),
    ):
        pass


def test_a_method_changes_only_while_the_drives_are_empty(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        su = tower.login()
        su.move("KRL001L9", "drive1")
        with pytest.raises(OperatorError, match=r"KRL001L9 is in drive1, .*: move it first"):
            su.set_encryption("finance", "bluescale")
        assert tower.library.partitions["finance"].encryption == "disabled"
        assert su.set_encryption("sales", "bluescale").encryption == "bluescale"
        su.move("KRL001L9", "home")
        su.set_encryption("finance", "bluescale")


@pytest.mark.req("BS-17")
def test_a_drive_that_is_too_old_does_not_join(tmp_path: Path) -> None:
    models = {"drive1": TD5}
    with powered(tmp_path, models=models) as tower:
        su = tower.login()
        before = tower.library.file.read_text()
        with pytest.raises(
            OperatorError, match=r"drive drive1 cannot be in partition finance with"
        ):
            su.set_encryption("finance", "bluescale")
        assert tower.library.file.read_text() == before
        assert [one.status.method for one in tower.library.ports.values()] == ["disabled"] * 3
        su.set_partition("finance", drives=["drive0"])
        su.set_encryption("finance", "bluescale")
        with pytest.raises(OperatorError, match=r"drive1 cannot .*LTO-5.*; use LTO-6"):
            su.set_partition("finance", drives=["drive0", "drive1"])
        assert su.partitions()[0].drives == ["drive0"]
    plan = encrypted(plan_of(tmp_path / "other"))
    with (
        pytest.raises(ValueError, match="drive drive1 cannot be in partition finance"),
        powered(tmp_path / "other", plan, models=models),
    ):
        pass


class Picky(KeySource):
    """Serves one drive only."""

    def attached(self, drive: DriveIdentity, holder: Holder) -> None:
        if drive.serial != "KRL0000000":
            raise Refused(Reason.NOT_AUTHORIZED, f"{drive.serial} is not enrolled", "enrol it")


def test_a_refused_drive_changes_nothing_for_the_others(tmp_path: Path) -> None:
    with powered(tmp_path, sources={"picky": Picky()}) as tower:
        with pytest.raises(OperatorError, match="KRL0000001 is not enrolled; enrol it"):
            tower.login().set_encryption("finance", "picky")
        assert {one.status.controls for one in tower.library.ports.values()} == {"application"}
        assert {one.status.method for one in tower.library.ports.values()} == {"disabled"}


# --- BlueScale -----------------------------------------------------------------------------------


@pytest.mark.req("BS-09")
def test_the_message_names_the_moniker_and_what_to_do(tmp_path: Path) -> None:
    plan = encrypted(plan_of(tmp_path, options=(PROFESSIONAL,)))
    with powered(tmp_path, plan) as tower:
        give_keys(tower, finance="books", sales="deals")
        su = tower.login()
        su.move("KRL001L9", "drive0")
        assert write(tower.host("drive0")) == GOOD
        exported = tower.desk().export("books", secret("pass.1"), secret("pass.1"))
        su.move("KRL001L9", "home")
        tower.desk().unassign("finance")
        tower.desk().delete("books", "books")
        su.move("KRL001L9", "drive2")
        host = tower.host("drive2")
        assert read(host) is None
        said = told(tower, "drive2")
        assert "'books'" in said.text and "import" in said.cure
        tower.desk().import_key(exported.data, secret("pass.1"))
        assert read(host) is None
        said = told(tower, "drive2")
        assert "'books'" in said.text and "sales" in said.text and "select" in said.cure
        tower.desk().assign("sales", "deals", ["books"])
        assert read(host) == DATA


@pytest.mark.req("BS-12")
def test_a_partition_that_is_no_more_encrypted_has_no_keys(tmp_path: Path) -> None:
    plan = encrypted(plan_of(tmp_path, options=(PROFESSIONAL,)))
    with powered(tmp_path, plan) as tower:
        give_keys(tower, finance="books", sales="deals")
        su, desk = tower.login(), tower.desk()
        su.set_encryption("finance", "disabled")
        rows = desk.keys()
        assert {row.moniker: row.primary_of for row in rows} == {
            "books": (),
            "deals": ("sales",),
        }
        su.set_encryption("finance", "bluescale")
        su.move("KRL003L9", "finance")
        su.delete_partition("sales")
        su.set_partition("sales", drives=["drive2"], slots=3)
        su.set_encryption("sales", "bluescale")
        rows = desk.keys()
        assert [row.primary_of for row in rows] == [(), ()]
        desk.delete("books", "books")


def test_the_rig_says_how_bluescale_begins(tmp_path: Path) -> None:
    plan = replace(encrypted(plan_of(tmp_path)), bluescale={"keys": {"finance": "books"}})
    with powered(tmp_path, plan) as tower:
        su = tower.login()
        su.move("KRL001L9", "drive0")
        assert write(tower.host("drive0")) == GOOD
        su.move("KRL001L9", "home")
        su.set_encryption("finance", "disabled")
    with powered(tmp_path, plan) as tower:
        (row,) = tower.desk().keys()
        assert row.moniker == "books"
    wrong = replace(plan, folder=str(tmp_path / "other"), bluescale={"keys": {"legal": "books"}})
    with pytest.raises(ValueError, match=r"library tower: .*legal"), powered(tmp_path, wrong):
        pass


def test_a_library_without_bluescale_opens_no_keystore(tmp_path: Path) -> None:
    with powered(tmp_path) as tower:
        tower.login().move("KRL001L9", "drive0")
        tower.library.power_cycle()
        assert tower.login().status().encryption == "ready"
        assert not list(tmp_path.glob("tower/*.sqlite"))


def test_a_keystore_that_cannot_be_opened_changes_nothing(tmp_path: Path) -> None:
    plan = replace(plan_of(tmp_path), keystore="sqlite:////proc/nowhere/keys.sqlite")
    with powered(tmp_path, plan) as tower:
        before = tower.library.file.read_text()
        with pytest.raises(KeyManagerError):
            tower.login().set_encryption("sales", "bluescale")
        assert tower.library.file.read_text() == before
        assert tower.library.partitions["sales"].encryption == "disabled"
    other = replace(encrypted(plan), folder=str(tmp_path / "other"))
    with pytest.raises(ValueError, match="library tower: "), powered(tmp_path, other):
        pass


# --- power ---------------------------------------------------------------------------------------


@pytest.mark.req("BS-16")
def test_a_drive_that_loses_power_alone_gets_no_key(tmp_path: Path) -> None:
    with powered(tmp_path, encrypted(plan_of(tmp_path))) as tower:
        give_keys(tower, finance="books")
        su = tower.login()
        su.move("KRL001L9", "drive0")
        host = tower.host("drive0")
        assert write(host) == GOOD
        su.power_cycle_drive("drive0")
        host.hear()
        assert read(host) is None
        said = told(tower, "drive0")
        assert "no encryption key was sent to the drive" in said.text
        assert "move the cartridge out" in said.cure and "reset the drive" in said.cure
        su.reset_drive("drive0")
        host.hear()
        assert read(host) is None
        su.move("KRL001L9", "home")
        su.reset_drive("drive0")
        su.move("KRL001L9", "drive0")
        host.hear()
        assert read(host) == DATA
        assert "su switched drive drive0 off and on" in tower.said("operator su")
        with pytest.raises(OperatorError, match="no drive 'drive7'"):
            su.reset_drive("drive7")


@pytest.mark.req("BS-16")
def test_a_library_that_is_switched_on_serves_what_is_in_its_drives(tmp_path: Path) -> None:
    plan = encrypted(plan_of(tmp_path))
    with powered(tmp_path, plan) as tower:
        give_keys(tower, finance="books")
        tower.login().move("KRL001L9", "drive0")
        host, changer = tower.host("drive0"), tower.host("finance")
        assert write(host) == GOOD
        tower.login().power_cycle_drive("drive0")
        host.hear()
        assert read(host) is None
        tower.login().power_cycle()
        assert host.hear() and changer.hear()
        assert read(host) == DATA
    with powered(tmp_path, plan) as tower:
        assert tower.where("KRL001L9") == "drive:1"
        assert read(tower.host("drive0")) == DATA


@pytest.mark.req("BS-04")
def test_secure_initialization_locks_encrypted_partitions(tmp_path: Path) -> None:
    finance = replace(FINANCE, encryption="bluescale")
    plan = plan_of(tmp_path, finance, SALES)
    with powered(tmp_path, plan) as tower:
        give_keys(tower, finance="books")
        desk = tower.desk()
        desk.set_passwords(secret(""), "single", [secret("enc.1")])
        desk.set_secure_initialization(True)
        su = tower.login()
        su.move("KRL001L9", "drive0")
        su.move("KRL003L9", "drive2")
        host, clear = tower.host("drive0"), tower.host("drive2")
        assert write(host) == write(clear) == GOOD
        assert su.status().encryption == "ready"
        su.power_cycle()
        host.hear()
        clear.hear()
        assert su.status().encryption == "locked"
        assert read(host) is None and host.write(DATA).status == CHECK
        assert "unlock" in told(tower, "drive0").cure or "password" in told(tower, "drive0").cure
        assert read(clear) == DATA
        su.encryption(secret("enc.1"))
        assert su.status().encryption == "ready"
        assert read(host) == DATA
    with powered(tmp_path, plan) as tower:
        host = tower.host("drive0")
        assert tower.login().status().encryption == "locked"
        assert read(host) is None
        tower.desk("enc.1")
        assert read(host) == DATA


class Stuck(KeySource):
    """Does not answer before it is told to."""

    def __init__(self) -> None:
        self.asked, self.end = threading.Event(), threading.Event()

    def key_for_write(self, request: Request) -> Grant:
        self.asked.set()
        self.end.wait(600)
        raise Refused(Reason.UNAVAILABLE)


@pytest.mark.parametrize(
    ("action", "arguments"),
    [("power_cycle", ()), ("power_cycle_drive", ["drive0"]), ("reset_drive", ["drive0"])],
)
def test_power_and_reset_end_what_waits_for_a_key(
    action: str, arguments: Sequence[str], tmp_path: Path
) -> None:
    source = Stuck()
    with powered(tmp_path, sources={"stuck": source}) as tower:
        su = tower.login()
        su.set_encryption("finance", "stuck")
        su.move("KRL001L9", "drive0")
        host, replies = tower.host("drive0"), []
        writer = threading.Thread(target=lambda: replies.append(host.write(DATA)), daemon=True)
        writer.start()
        try:
            assert source.asked.wait(60)
            # Whoever looks does not wait, and other drives work.
            assert su.status().drives[0].barcode == "KRL001L9"
            su.move("KRL003L9", "drive2")
            assert write(tower.host("drive2")) == GOOD
            getattr(su, action)(*arguments)
            writer.join(60)
            assert not writer.is_alive()
            assert not source.end.is_set()
        finally:
            source.end.set()
        assert replies[0].status == ABORTED.status
        assert host.hear()


# --- many at a time ------------------------------------------------------------------------------


def test_hosts_and_operators_work_at_the_same_time(tmp_path: Path) -> None:
    plan = encrypted(plan_of(tmp_path, options=(PROFESSIONAL,)))
    with powered(tmp_path, plan) as tower:
        give_keys(tower, finance="books", sales="deals")
        su = tower.login()
        su.move("KRL001L9", "drive0")
        assert write(tower.host("drive0")) == GOOD
        failures: list[BaseException] = []
        rounds = 12

        def reader() -> None:
            host = tower.host("drive0", "reader")
            for _ in range(rounds):
                host.hear()
                assert read(host) == DATA

        def mover() -> None:
            host = tower.host("sales", "mover")
            slot, drive = (tower.library.model.elements[kind] for kind in ("storage", "drive"))
            for _ in range(rounds):
                for source, destination in ((slot, drive), (drive, slot)):
                    host.hear()
                    cdb = bytes((0xA5, 0, 0, 0, *source.to_bytes(2, "big")))
                    cdb += destination.to_bytes(2, "big") + bytes(4)
                    assert host.send(cdb).status in (GOOD, CHECK)

        def operator() -> None:
            session = tower.login()
            for count in range(rounds):
                session.set_partition("finance", slots=4 - count % 2)
                for look in (session.status, session.inventory, session.messages):
                    look()
                session.move("KRL002L9", "slot:3" if count % 2 else "slot:1")

        def keeper() -> None:
            desk = tower.desk()
            for count in range(rounds):
                desk.create(f"key{count}")
                desk.assign("finance", "books", [f"key{count}"])

        def run(what: Callable[[], None]) -> None:
            try:
                what()
            except BaseException as error:
                failures.append(error)

        threads = [
            threading.Thread(target=run, args=[what], daemon=True)
            for what in (reader, mover, operator, keeper)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert not failures, failures
