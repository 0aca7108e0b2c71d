"""BlueScale at real drives: which key each cartridge is written and read with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keymgr.api import Refused
from target import personality
from tests.encryption.keys import A_KAD, ENCRYPT, MIXED, U_KAD, set_page, spout
from tests.keymgr.bluescale import secret, value, write
from tests.library.bluescale_drives import (
    HP6,
    HP9,
    KEY_PASSWORD,
    MODELS,
    NOT_AUTHORIZED,
    NOT_CONFIGURED,
    NOT_FOUND,
    PROHIBITED,
    TD6,
    TD9,
    TS1140,
    TS1160,
    Library,
    library,
)
from tests.tape.host import GOOD, Host, new_drive, sense_of
from tests.tape.volumes import SDP, format_medium, go, request, select

PLACE = "cartridge {} in drive KRL0000001"


@pytest.fixture
def tower(tmp_path: Path) -> Iterator[Library]:
    """Professional, with the keys A, B and C, none of them assigned."""
    with library(tmp_path / "tower") as one:
        one.keys("A", "B", "C")
        yield one


def on_disk(shelf: Path) -> bytes:
    return b"".join(path.read_bytes() for path in shelf.rglob("*") if path.is_file())


# --- writing and reading -------------------------------------------------------------------------


@pytest.mark.req("BS-09")
@pytest.mark.parametrize("model", [TD9, TD6, HP6, HP9, TS1140, TS1160])
def test_the_moniker_is_beside_the_data(tower: Library, model: str) -> None:
    tower.desk.assign("finance", "A")
    bay = tower.bay(model)
    bay.insert()
    bay.write(b"ledger", b"annex")
    kind = A_KAD if model in (TS1140, TS1160) else U_KAD
    assert bay.key_data() == {kind: b"BS:A"}
    bay.read(b"ledger", b"annex")


@pytest.mark.req("BS-05")
@pytest.mark.req("BS-09")
def test_neither_key_nor_data_are_on_the_cartridge(tower: Library) -> None:
    tower.desk.assign("finance", "A")
    bay = tower.bay()
    bay.insert()
    bay.write(b"a ledger of secrets")
    bay.eject()
    files = on_disk(tower.shelf)
    key = value(tower.site.bluescale.key_for_write(write()))
    assert b"BS:A" in files
    assert key not in files
    assert b"ledger of secrets" not in files


@pytest.mark.req("BS-01")
def test_standard_uses_its_key_in_every_partition(tmp_path: Path) -> None:
    with library(tmp_path / "tower", professional=False) as tower:
        tower.keys("A")
        one, other = tower.bay(), tower.bay(partition="stock")
        for bay in (one, other):
            tower.desk.assign(bay.port.status.partition, "A")
        one.insert()
        one.write(b"ledger")
        one.eject()
        other.insert()
        other.read(b"ledger")
        other.host.space(3)
        other.append(b"annex")
        other.read(b"ledger", b"annex")


@pytest.mark.req("BS-01")
@pytest.mark.parametrize("model", MODELS)
def test_professional_keeps_partitions_apart(tower: Library, model: str) -> None:
    tower.desk.assign("finance", "A")
    tower.desk.assign("stock", "B")
    one, other = tower.bay(model), tower.bay(model, "stock")
    one.insert()
    one.write(b"ledger")
    one.eject()
    other.insert()
    assert other.refused_read() == NOT_AUTHORIZED[model]
    assert tower.last()[0].endswith(
        "requires the moniker 'A', which is in the library but not selected for partition 'stock'"
    )
    # As a decryption-only key it reads, and does not write.
    tower.desk.assign("stock", "B", ["A"])
    other.read(b"ledger")
    assert other.refused_append() == PROHIBITED[model]
    other.read(b"ledger")
    other.write(b"stock")
    assert b"BS:B" in other.key_data().values()


@pytest.mark.req("BS-01")
@pytest.mark.parametrize("model", MODELS)
def test_a_partition_without_keys_writes_nothing(tower: Library, model: str) -> None:
    bay = tower.bay(model)
    bay.insert()
    assert bay.refused_write() == NOT_CONFIGURED[model]
    assert "partition 'finance' has no primary encryption key" in tower.last()[0]
    tower.desk.assign("finance", "A")
    bay.write(b"ledger")
    bay.read(b"ledger")


@pytest.mark.req("BS-07")
def test_the_hosts_control_only_partitions_that_are_disabled(tower: Library) -> None:
    tower.desk.assign("finance", "A")
    bay = tower.bay(HP6)
    bay.insert()
    own = set_page(key=bytes(range(32)), encryption=ENCRYPT, decryption=MIXED)
    assert sense_of(spout(bay.host, own)).code[:3] == (0x5, 0x74, 0x21)
    bay.write(b"ledger")
    bay.eject()
    bay.port.assign("finance", "disabled", None)
    bay.insert(2)
    assert spout(bay.host, own).status == GOOD
    bay.write(b"the host's own")
    assert bay.key_data() == {}


# --- one key a cartridge -------------------------------------------------------------------------


@pytest.mark.req("BS-08")
@pytest.mark.parametrize("model", MODELS)
def test_one_key_a_cartridge(tower: Library, model: str) -> None:
    tower.desk.assign("finance", "A")
    bay = tower.bay(model)
    bay.insert()
    bay.write(b"monday")
    bay.host.space(3)
    bay.append(b"tuesday")
    bay.read(b"monday", b"tuesday")
    bay.remount()
    # A new primary key.
    tower.desk.assign("finance", "B", ["A"])
    bay.read(b"monday", b"tuesday")
    assert bay.refused_append() == PROHIBITED[model], "what was read decrypts only"
    bay.remount()
    assert bay.refused_append() == PROHIBITED[model]
    text, cure = tower.last()
    assert text.endswith(
        "holds data under the moniker 'A', which partition 'finance' only decrypts with; a"
        " cartridge has one encryption key"
    )
    assert cure == (
        "write it from the beginning of tape, or make 'A' the primary key of partition 'finance'"
    )
    bay.read(b"monday", b"tuesday")
    bay.write(b"wednesday")
    assert b"BS:B" in bay.key_data().values()
    bay.read(b"wednesday")
    tower.desk.unassign("finance")
    tower.desk.assign("finance", "B")
    bay.remount()
    bay.read(b"wednesday")


@pytest.mark.req("BS-08")
def test_the_cure_of_a_refused_append(tower: Library) -> None:
    tower.desk.assign("finance", "A")
    bay = tower.bay()
    bay.insert()
    bay.write(b"monday")
    tower.desk.assign("finance", "B", ["A"])
    assert bay.refused_append() == PROHIBITED[TD9]
    tower.desk.assign("finance", "A", ["B"])
    bay.host.space(3)
    bay.append(b"tuesday")
    bay.read(b"monday", b"tuesday")


@pytest.mark.req("BS-08")
def test_the_partitions_of_a_tape_have_one_key(tower: Library) -> None:
    tower.desk.assign("finance", "A")
    bay = tower.bay()
    bay.insert()
    two_partitions(bay.host)
    assert bay.host.write(b"index").status == GOOD
    assert go(bay.host, 0).status == GOOD
    tower.desk.assign("finance", "B", ["A"])
    assert go(bay.host, 1).status == GOOD
    assert sense_of(bay.host.write(b"data")).code[:3] == PROHIBITED[TD9]
    assert tower.last()[1] == "format it, or make 'A' the primary key of partition 'finance'"
    tower.desk.assign("finance", "A", ["B"])
    assert bay.host.write(b"data").status == GOOD
    assert go(bay.host, 0).status == GOOD
    assert bay.host.read(5).data == b"index"
    # Formatting takes all of it away.
    tower.desk.assign("finance", "B", ["A"])
    assert go(bay.host, 0).status == GOOD
    two_partitions(bay.host)
    assert go(bay.host, 1).status == GOOD
    assert bay.host.write(b"new data").status == GOOD


def two_partitions(host: Host) -> None:
    assert select(host, request(host, method=SDP, more=1)).status == GOOD
    assert format_medium(host, 1).status == GOOD


# --- keys that are not there ---------------------------------------------------------------------


@pytest.mark.req("BS-09")
@pytest.mark.req("BS-10")
@pytest.mark.req("BS-11")
@pytest.mark.parametrize("professional", [True, False])
@pytest.mark.parametrize("model", MODELS)
def test_another_library_asks_for_the_key(
    tower: Library, tmp_path: Path, model: str, professional: bool
) -> None:
    """The troubleshooting table, followed step by step."""
    tower.desk.assign("finance", "A")
    bay = tower.bay(model)
    bay.insert()
    bay.write(b"ledger")
    bay.eject()
    file = tower.export("A")
    with library(tmp_path / "other", professional=professional, shelf=tower.shelf) as other:
        other.keys("Z")
        other.desk.assign("finance", "Z")
        there = other.bay(model)
        there.insert()
        assert there.refused_read() == NOT_FOUND[model]
        text, cure = other.last()
        barcode = there.port.status.barcode
        assert text == (
            f"cartridge {barcode} in drive KRL0000001 requires the moniker 'A', which is not in the"
            " library"
        )
        assert there.refused_append() == PROHIBITED[model]
        desk = other.desk
        if not professional:
            assert "export and then delete the key 'Z' that is there, import the key 'A'" in cure
            other.export("Z")
            desk.unassign("finance")
            desk.delete("Z", "Z")
        desk.import_key(file, secret(KEY_PASSWORD))
        assert there.refused_read() == NOT_AUTHORIZED[model]
        if professional:
            assert other.last()[1].endswith(
                "select it as the primary or a decryption-only key of partition 'finance'"
            )
            desk.assign("finance", "Z", ["A"])
        else:
            assert other.last()[1].endswith("select it for partition 'finance'")
            desk.assign("finance", "A")
        there.read(b"ledger")


@pytest.mark.req("BS-12")
@pytest.mark.parametrize("model", MODELS)
def test_deleting_makes_data_unreadable_until_the_key_is_back(tower: Library, model: str) -> None:
    tower.desk.assign("finance", "A")
    bay = tower.bay(model)
    bay.insert()
    bay.write(b"ledger")
    file = tower.export("A")
    tower.desk.unassign("finance")
    tower.desk.delete("A", "A")
    assert bay.refused_read() == NOT_FOUND[model]
    tower.desk.import_key(file, secret(KEY_PASSWORD))
    tower.desk.assign("finance", "A")
    bay.read(b"ledger")


@pytest.mark.req("BS-13")
def test_a_restored_backup_reads_and_writes_as_before(tower: Library) -> None:
    tower.desk.assign("finance", "A")
    bay = tower.bay()
    bay.insert()
    bay.write(b"ledger")
    store, realm = tower.site.store, "bluescale:KRL0000001"
    backup = store.seal(realm, secret("a backup password"))
    tower.desk.unassign("finance")
    tower.desk.delete("A", "A")
    tower.keys("late")
    assert bay.refused_read() == NOT_FOUND[TD9]
    store.unseal(realm, backup, secret("a backup password"))
    rows = tower.desk.keys()
    assert [row.moniker for row in rows] == ["A", "B", "C"]
    bay.read(b"ledger")
    bay.host.space(3)
    bay.append(b"annex")
    bay.read(b"ledger", b"annex")


@pytest.mark.req("BS-14")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("professional", [True, False])
def test_what_one_edition_writes_the_other_reads(
    tmp_path: Path, model: str, professional: bool
) -> None:
    shelf = tmp_path / "shelf"
    with library(tmp_path / "one", professional=professional, shelf=shelf) as one:
        one.keys("A")
        one.desk.assign("finance", "A")
        bay = one.bay(model)
        bay.insert()
        bay.write(b"ledger")
        bay.eject()
        file = one.export("A")
    with library(tmp_path / "other", professional=not professional, shelf=shelf) as other:
        other.desk.import_key(file, secret(KEY_PASSWORD))
        other.desk.assign("stock", "A")
        there = other.bay(model, "stock")
        there.insert()
        there.read(b"ledger")
        there.host.space(3)
        there.append(b"annex")
        there.read(b"ledger", b"annex")


# --- drives --------------------------------------------------------------------------------------


@pytest.mark.req("BS-17")
@pytest.mark.parametrize("model", personality.models())
def test_drives_that_can_be_in_an_encrypting_partition(tower: Library, model: str) -> None:
    native = personality.load(model).media["native"]
    number = native.removeprefix("LTO-").rstrip("P")
    if native.startswith("LTO-"):
        served = int(number) >= 6
    else:
        served = native in ("3592-E07", "3592-E08", "3592-55F", "3592-60F", "3592-70F")
    bay = tower.bay(model, partition="")
    if served:
        bay.join("finance")
        assert bay.port.status.controls == "library"
        return
    with pytest.raises(Refused) as refused:
        bay.join("finance")
    assert "KRL0000001" in refused.value.text
    assert refused.value.cure
    assert bay.port.status.controls == new_drive(model).control
