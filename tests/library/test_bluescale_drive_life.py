"""BlueScale at real drives: power, passwords, other systems' tapes, and what is tracked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keymgr.api import Grant, KeyData, KeySource, Reason, Refused, Request
from keymgr.bluescale import MULTI
from keymgr.errors import WrongPassword
from keymgr.secret import Secret
from keymgr.tape_names import shown, whose
from target.faults.power import lose_power
from tests.encryption.keys import ENCRYPT, MIXED, set_page, spout
from tests.keymgr.bluescale import secret
from tests.library.bluescale_drives import (
    HP6,
    KEY_PASSWORD,
    LOCKED,
    MODELS,
    NOT_FOUND,
    PROHIBITED,
    TD9,
    UNAVAILABLE,
    Library,
    library,
)
from tests.tape.host import GOOD

THREE = ["first-1", "second-2", "third-3"]


@pytest.fixture
def tower(tmp_path: Path) -> Iterator[Library]:
    """Professional; finance has the key A."""
    with library(tmp_path / "tower") as one:
        one.keys("A")
        one.desk.assign("finance", "A")
        yield one


# --- secure initialization -----------------------------------------------------------------------


@pytest.mark.req("BS-04")
@pytest.mark.parametrize("model", MODELS)
def test_secure_initialization(tower: Library, model: str) -> None:
    bay, clear = tower.bay(model), tower.bay(model, partition="")
    for drive in (bay, clear):
        drive.insert(len(tower.bays) if drive is clear else 1)
        drive.write(b"ledger")
    tower.desk.set_secure_initialization(True)
    tower.site.bluescale.power_on()
    for drive in (bay, clear):
        drive.port.power_on()
        drive.host.hear()
    assert bay.refused_read() == LOCKED[model]
    assert bay.refused_append() == LOCKED[model]
    assert bay.refused_write() == LOCKED[model]
    text, cure = tower.last()
    assert text.startswith("encryption is locked since the library was powered on; cartridge ")
    assert cure == "log in as a superuser and enter an encryption password"
    clear.read(b"ledger")
    clear.write(b"other")
    clear.read(b"other")
    tower.site.bluescale.unlock(secret())
    bay.read(b"ledger")
    bay.host.space(3)
    bay.append(b"annex")
    bay.read(b"ledger", b"annex")


@pytest.mark.req("BS-04")
def test_standard_initialization(tower: Library) -> None:
    bay = tower.bay()
    bay.insert()
    bay.write(b"ledger")
    tower.site.bluescale.power_on()
    bay.port.power_on()
    bay.host.hear()
    bay.read(b"ledger")


@pytest.mark.req("BS-02")
@pytest.mark.req("BS-03")
def test_any_of_three_passwords_lets_drives_read(tower: Library) -> None:
    bay = tower.bay()
    bay.insert()
    bay.write(b"ledger")
    tower.desk.set_passwords(secret(), MULTI, [secret(one) for one in THREE])
    tower.site.desk(THREE[0]).set_secure_initialization(True)
    for password in THREE:
        tower.site.bluescale.power_on()
        bay.remount()
        with pytest.raises(WrongPassword):
            tower.site.bluescale.enter(secret("another"))
        assert bay.refused_read() == LOCKED[TD9]
        tower.site.bluescale.enter(secret(password))
        bay.read(b"ledger")


@pytest.mark.req("BS-03")
def test_two_passwords_bring_a_key_for_a_cartridge(tower: Library, tmp_path: Path) -> None:
    bay = tower.bay()
    bay.insert()
    bay.write(b"ledger")
    bay.eject()
    file = tower.export("A")
    with library(tmp_path / "other", shelf=tower.shelf) as other:
        other.desk.set_passwords(secret(), MULTI, [secret(one) for one in THREE])
        desk = other.site.desk(THREE[1])
        there = other.bay()
        there.insert()
        with pytest.raises(WrongPassword):
            desk.import_key(file, secret(KEY_PASSWORD), [secret(THREE[0]), secret("another")])
        assert there.refused_read() == NOT_FOUND[TD9]
        desk.import_key(file, secret(KEY_PASSWORD), [secret(THREE[0]), secret(THREE[2])])
        desk.assign("finance", "A")
        there.read(b"ledger")


# --- a drive that loses power --------------------------------------------------------------------


@pytest.mark.req("BS-16")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("how", ["operator", "fault"])
def test_a_drive_that_loses_power_gets_no_moniker(tower: Library, model: str, how: str) -> None:
    bay = tower.bay(model)
    bay.insert()
    bay.write(b"ledger")
    bay.read(b"ledger")
    if how == "operator":
        bay.port.power_cycle()
    else:
        lose_power(bay.port.drive)
    bay.host.hear()
    assert bay.refused_read() == UNAVAILABLE[model]
    text, cure = tower.last()
    assert "no encryption key was sent to the drive" in text
    assert "move the cartridge out of the drive" in cure
    assert "reset the drive" in cure
    # Each of both alone is not enough.
    bay.port.reset()
    bay.host.hear()
    assert bay.refused_read() == UNAVAILABLE[model]
    bay.exchange(1)
    assert bay.refused_read() == UNAVAILABLE[model]
    bay.eject()
    bay.port.reset()
    bay.insert()
    bay.read(b"ledger")


# --- other systems -------------------------------------------------------------------------------


class Other(KeySource):
    """A key manager that names its keys otherwise, and knows no others."""

    def __init__(self, name: KeyData) -> None:
        self.name = name

    def key_for_write(self, request: Request) -> Grant:
        return Grant(Secret(bytes(range(7, 39))), self.name)

    def key_for_read(self, request: Request) -> Grant:
        assert request.wanted is not None
        if request.wanted != self.name:
            what = f"a {whose(request.wanted)} key, {shown(request.wanted)}"
            raise Refused(Reason.NOT_FOUND, what)
        return Grant(Secret(bytes(range(7, 39))), self.name)


@pytest.mark.req("BS-15")
@pytest.mark.parametrize("model", [TD9, HP6])
def test_kmip_and_bluescale_do_not_mix(tower: Library, model: str) -> None:
    kmip = Other(KeyData(authenticated=bytes(range(0xC0, 0xE0))))
    bay = tower.bay(model)
    bay.insert(1)
    bay.write(b"BlueScale's")
    bay.eject()
    bay.port.assign("finance", "kmip-reuse", kmip)
    bay.insert(1)
    assert bay.refused_read() == NOT_FOUND[model]
    assert tower.last()[0] == "a BlueScale key, 'BS:A'"
    bay.exchange(2)
    bay.write(b"KMIP's")
    bay.read(b"KMIP's")
    bay.eject()
    bay.join("finance")
    bay.insert(2)
    assert bay.refused_read() == NOT_FOUND[model]
    assert bay.refused_append() == PROHIBITED[model]
    name = bytes(range(0xC0, 0xE0)).hex()
    barcode = bay.port.status.barcode
    assert tower.last() == (
        f"cartridge {barcode} in drive KRL0000001 holds data encrypted under a KMIP key ({name}),"
        " which BlueScale does not have",
        "use it in a partition with KMIP encryption",
    )
    # From the beginning of tape it is BlueScale's.
    bay.write(b"new")
    bay.read(b"new")


@pytest.mark.req("BS-15")
def test_a_tape_of_a_host_that_set_its_key_itself(tower: Library) -> None:
    bay = tower.bay(partition="")
    bay.insert()
    for name, told in ((b"backup-2026", "'backup-2026'"), (b"", "without a name")):
        own = set_page(key=bytes(range(32)), encryption=ENCRYPT, decryption=MIXED, u_kad=name)
        bay.host.rewind()
        assert spout(bay.host, own).status == GOOD
        bay.write(b"the host's")
        bay.eject()
        bay.join("finance")
        bay.insert()
        assert bay.refused_read() == NOT_FOUND[TD9]
        assert f"holds data encrypted under another key ({told})" in tower.last()[0]
        bay.eject()
        bay.port.assign("finance", "disabled", None)
        bay.insert()


def test_clear_tapes_stay_clear_behind_their_data(tower: Library) -> None:
    """As drives under a library's control do: keys are for what begins at the beginning of tape."""
    bay = tower.bay(partition="")
    bay.insert()
    bay.write(b"clear")
    bay.eject()
    bay.join("finance")
    bay.insert()
    bay.read(b"clear")
    bay.host.space(3)
    bay.append(b"clear, too")
    bay.read(b"clear", b"clear, too")
    assert bay.key_data() == {}
    bay.write(b"encrypted")
    assert bay.key_data() == {0: b"BS:A"}


# --- tracking ------------------------------------------------------------------------------------


@pytest.mark.req("BS-18")
def test_cartridges_are_tracked_as_drives_use_them(tower: Library) -> None:
    bay = tower.bay()
    for number in (1, 2):
        bay.insert(number)
        bay.write(b"ledger")
        bay.eject()
    assert tower.desk.tracking()[0].cartridges == ("KRL001L9", "KRL002L9")
    tower.keys("B")
    tower.desk.assign("finance", "B", ["A"])
    bay.insert(2)
    bay.write(b"new")
    one, other = tower.desk.tracking()
    assert (one.cartridges, other.cartridges) == (("KRL001L9",), ("KRL002L9",))
    assert "Cartridges:          KRL001L9\n" in tower.desk.report()
