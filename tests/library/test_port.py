"""The automation port of a drive: what its library sees, sets and hears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import pytest

from keymgr.api import Grant, Notice, Reason, Refused, Request, Severity
from target.library.port import MOVE_AND_RESET, NO_KEY_SENT, AutomationPort
from target.scsi import sense as s
from target.scsi.command import STATUS_TASK_ABORTED
from target.scsi.sense import CheckCondition, Sense
from target.tape.logs.status import VERY_HIGH_FREQUENCY
from tests.encryption.keys import KEY_A, said, set_page, spin, spout
from tests.encryption.outside import HP6, T10000, TD9, Source
from tests.tape.host import GOOD, MIB, Host, new_cartridge, new_drive, own_media, sense_of

WAIT = 60
"""Seconds that a test waits for what takes a moment."""
FAILURE = (0x7, 0xEE, 0x0F)


class Bay(NamedTuple):
    """A drive in a library, a host at it, what operators were told."""

    port: AutomationPort
    host: Host
    told: list[Notice]
    folder: Path

    def insert(self, number: int = 1) -> None:
        """Load a cartridge; one with that number that was here before, if any."""
        media = own_media(self.host.drive.personality)
        self.port.insert(new_cartridge(self.folder, f"KRL00{number}{media}", 64 * MIB))
        self.host.hear()

    def remove(self) -> None:
        cartridge = self.port.eject()
        assert cartridge is not None
        cartridge.close()


def bay(folder: Path, model: str = TD9) -> Bay:
    told: list[Notice] = []
    drive = new_drive(model)
    port = AutomationPort(drive, library="LIB1", tell=told.append)
    host = Host(drive)
    host.hear()
    return Bay(port, host, told, folder)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Bay]:
    """A drive with an empty tape, whose hosts control the encryption."""
    one = bay(tmp_path)
    one.insert()
    yield one
    if one.host.drive.cartridge is not None:
        one.host.prevent(False)
        one.host.hear()
        one.host.prevent(False)
        one.remove()


def bits(port: AutomationPort) -> dict[str, int]:
    return VERY_HIGH_FREQUENCY.decode(bytearray(port.very_high_frequency))


# --- control -----------------------------------------------------------------------------------


def test_a_partition_takes_the_control_from_the_hosts_and_gives_it_back(at: Bay) -> None:
    port, host, told, _ = at
    source = Source()
    assert spout(host, set_page(key=KEY_A, encryption=2, decryption=2)).status == GOOD
    assert host.write(b"A's own").status == GOOD
    own = host.drive.parameters.of(host.nexus).key
    assert spin(host, 0x0020)[12] >> 4 == 1

    port.assign("finance", "bluescale", source)
    assert host.hear() == [s.ENCRYPTION_CHANGED_BY_EVENT]
    assert not any(own.reveal())
    capabilities = spin(host, 0x0010)
    assert (capabilities[4] >> 2 & 3, capabilities[4] & 3) == (2, 2), "EXTDECC, CFG_P"
    assert spin(host, 0x0020)[12] >> 4 == 3, "PARAMETERS CONTROL"
    refused = sense_of(spout(host, set_page(key=KEY_A, encryption=2, decryption=2)))
    assert refused == Sense(s.CONFIGURATION_PREVENTED)
    host.rewind()
    assert host.write(b"with a key of the library").status == GOOD
    host.hear()
    request = source.requests[-1]
    assert (request.library, request.partition, request.method) == ("LIB1", "finance", "bluescale")

    port.assign("finance", "disabled", None)
    assert host.hear() == [s.ENCRYPTION_CHANGED_BY_EVENT]
    assert spin(host, 0x0020)[4:13] == bytes((*bytes(8), 0x18))
    host.rewind()
    assert said(host.read(25)) == (0x7, 0x74, 0x01)
    assert spout(host, set_page(key=KEY_A, encryption=2, decryption=2)).status == GOOD
    assert told == []


def test_the_same_source_in_another_partition_goes_on(at: Bay) -> None:
    source = Source()
    at.port.assign("finance", "bluescale", source)
    at.host.write(b"one")
    holder = source.holder
    at.port.assign("sales", "bluescale", source)
    assert source.holder is holder, "it knows the drive"
    assert at.host.write(b"two").status == GOOD
    at.host.rewind()
    at.host.write(b"one")
    assert source.requests[-1].partition == "sales"


@pytest.mark.parametrize("model", ["ibm/ult3580-td3", T10000])
def test_a_drive_that_takes_no_keys_from_libraries(model: str, tmp_path: Path) -> None:
    port = bay(tmp_path, model).port
    port.assign("open", "disabled", None)
    with pytest.raises(Refused, match=rf"drive KRL0000001, {model}, takes no keys from a library"):
        port.assign("finance", "bluescale", Source())
    assert (port.status.partition, port.status.controls) == ("open", "application")


def test_a_source_that_raises_serves_no_drive(at: Bay) -> None:
    class Broken(Source):
        def attached(self, *_: object) -> None:
            raise KeyError("the secret")

    with pytest.raises(Refused, match="the key source does not work"):
        at.port.assign("finance", "mine", Broken())
    assert at.port.status.controls == "application"


# --- what the library sees ---------------------------------------------------------------------


def test_the_states_of_a_drive(tmp_path: Path) -> None:
    one = bay(tmp_path)
    port, host = one.port, one.host
    seen = port.status
    assert (seen.inserted, seen.loaded, seen.barcode, port.loaded) == (False, False, "", False)
    assert port.eject() is None
    assert bits(port) | {"mprsnt": 0, "mounted": 0, "raa": 1} == bits(port)
    one.insert()
    seen = port.status
    assert (seen.inserted, seen.loaded, seen.barcode) == (True, True, "KRL001L9")
    assert bits(port) | {"mprsnt": 1, "mounted": 1, "pamr": 0} == bits(port)
    host.prevent(True)
    assert port.status.removal_prevented
    assert bits(port)["pamr"] == 1
    with pytest.raises(CheckCondition) as raised:
        port.eject()
    assert raised.value.sense.code is s.REMOVAL_PREVENTED
    assert port.status.loaded
    host.prevent(False)
    host.load(load=False)
    seen = port.status
    assert (seen.inserted, seen.loaded) == (True, False)
    assert bits(port) | {"hiu": 0, "mprsnt": 1, "mounted": 0} == bits(port) | {"hiu": 0}
    one.remove()
    assert not port.status.inserted
    assert port.identity.serial == "KRL0000001"


def test_a_cartridge_that_cannot_be_loaded_is_in_the_drive(tmp_path: Path) -> None:
    one = bay(tmp_path)
    cartridge = new_cartridge(tmp_path, "KRL001L9")
    cartridge.info["damage"] = ["leader"]
    with pytest.raises(CheckCondition) as raised:
        one.port.insert(cartridge)
    assert raised.value.sense.code is s.LOAD_FAILED
    assert (one.port.status.inserted, one.port.status.loaded) == (True, False)
    one.remove()


def test_a_request_for_encryption_service(at: Bay) -> None:
    """ESR while the drive waits; then it is complete."""
    began, may = Event(), Event()

    class Slow(Source):
        def key_for_write(self, request: Request) -> Grant | None:
            began.set()
            assert may.wait(WAIT)
            return super().key_for_write(request)

    port, host = at.port, at.host
    source = Slow()
    port.assign("finance", "mine", source)
    seen = port.status
    assert (seen.service_requested, seen.parameters_request, seen.parameters_complete) == (
        False, "", "",
    )  # fmt: skip
    writing = Thread(target=host.write, args=[b"one"], daemon=True)
    writing.start()
    assert began.wait(WAIT)
    seen = port.status
    assert (seen.service_requested, seen.parameters_request) == (True, "write")
    assert (bits(port)["esr"], bits(port)["epp"]) == (1, 0)
    may.set()
    writing.join(WAIT)
    seen = port.status
    assert (seen.service_requested, seen.parameters_request) == (False, "")
    assert (seen.parameters_complete, seen.parameters_present) == ("granted", True)
    assert (bits(port)["esr"], bits(port)["epp"]) == (0, 1)
    page = host.send(bytes.fromhex("4d 00 51 00 00 00 00 01 00 00"), size=256).data
    assert page[11] & 0x18 == 0x10, "log page 11h: EPP and not ESR"

    source.refusal = Refused(Reason.NOT_FOUND, "the key K7 is not there", "import K7", 0)
    host.rewind()
    host.write(b"one")
    seen = port.status
    assert (seen.parameters_complete, seen.refusal) == ("refused", "the key K7 is not there")
    assert at.told == [Notice(Severity.ERROR, "the key K7 is not there", "import K7")]


def test_the_drive_tells_what_went_wrong(at: Bay) -> None:
    """TDDEC: there are tape diagnostic data that the library has not seen."""
    assert bits(at.port)["tddec"] == 0
    at.host.write(b"one")
    at.host.rewind()
    at.host.drive.seat(0)
    at.host.damage(0)
    assert said(at.host.read(3)) == (0x3, 0x11, 0x00)
    assert (bits(at.port)["tddec"], bits(at.port)["tafc"]) == (1, 1)


# --- a drive that lost power (BS-16) -------------------------------------------------------------


@pytest.mark.req("BS-16")
def test_a_drive_that_lost_power_gets_no_key(at: Bay) -> None:
    port, host, told, _ = at
    source = Source(held="A")
    port.assign("finance", "bluescale", source)
    assert host.write(b"one").status == GOOD

    def refused() -> bool:
        """Whether neither reading nor writing gets a key."""
        told.clear()
        source.requests.clear()
        host.rewind()
        read, write = said(host.read(3)), said(host.write(b"new"))
        assert source.requests == []
        assert {tuple(notice) for notice in told} == {(Severity.ERROR, NO_KEY_SENT, MOVE_AND_RESET)}
        return (read, write) == (FAILURE, FAILURE)

    port.power_cycle()
    host.hear()
    assert refused()
    lost = port.status.power_lost
    assert lost
    assert host.drive.partition.count == 1, "nothing was cut"

    port.reset()
    host.hear()
    assert refused(), "the cartridge is still there"

    at.remove()
    at.insert()
    assert refused(), "the drive was not reset since"

    at.remove()
    port.reset()
    host.hear()
    at.insert()
    assert not port.status.power_lost
    told.clear()
    assert host.read(3).data == b"one"
    assert told == []


@pytest.mark.req("BS-16")
def test_a_reset_with_another_cartridge_inside_will_do(at: Bay) -> None:
    source = Source(held="A")
    at.port.assign("finance", "bluescale", source)
    at.port.power_cycle()
    at.remove()
    at.insert(2)
    assert said(at.host.write(b"one")) == FAILURE
    at.port.reset()
    at.host.hear()
    external = at.host.drive.external
    assert external is not None
    assert external.settle(WAIT)
    assert len(external.held) == 1, "the source hears of the volume now"
    assert at.host.write(b"one").status == GOOD


@pytest.mark.req("BS-16")
def test_an_empty_drive_may_lose_power(at: Bay) -> None:
    at.port.assign("finance", "bluescale", Source())
    at.remove()
    at.port.power_cycle()
    at.insert()
    assert at.host.write(b"one").status == GOOD


@pytest.mark.req("BS-16")
def test_power_that_goes_with_the_librarys_is_no_matter(at: Bay) -> None:
    at.port.assign("finance", "bluescale", Source())
    assert at.host.write(b"one").status == GOOD
    at.port.power_cycle()
    at.port.power_on()
    at.host.hear()
    assert at.host.read(3).data == b"one"


def test_hosts_that_control_it_bring_their_keys_again(at: Bay) -> None:
    """Nothing of this is their matter."""
    at.port.power_cycle()
    at.host.hear()
    assert spout(at.host, set_page(key=KEY_A, encryption=2, decryption=2)).status == GOOD
    assert at.host.write(b"one").status == GOOD
    at.port.reset()
    assert at.host.hear() == [s.POWER_ON]
    assert said(at.host.read(3)) == (0x7, 0x74, 0x01)


def test_an_hp_drive_says_it_in_standard_words(tmp_path: Path) -> None:
    one = bay(tmp_path, HP6)
    one.insert()
    one.port.assign("finance", "mine", Source())
    one.port.power_cycle()
    one.host.hear()
    assert said(one.host.write(b"one")) == (0x7, 0x74, 0x61)
    one.remove()


# --- a source that does not answer ---------------------------------------------------------------


def test_nobody_waits_with_a_drive_that_waits_for_a_key(at: Bay) -> None:
    """Moving is refused; what changes who gives keys ends the waiting, as power does."""
    began, may = Event(), Event()

    class Hanging(Source):
        def key_for_write(self, request: Request) -> Grant | None:
            began.set()
            assert may.wait(WAIT)
            return None

    ends: list[Callable[[], object]] = [
        lambda: at.port.assign("finance", "other", Source()),
        lambda: at.port.assign("finance", "disabled", None),
        at.port.reset,
        at.port.power_cycle,
    ]
    statuses: list[int] = []
    for end in ends:
        began.clear()
        at.port.assign("finance", "mine", Hanging())
        at.host.hear()
        writing = Thread(target=lambda: statuses.append(at.host.write(b"one").status), daemon=True)
        writing.start()
        assert began.wait(WAIT)
        if not statuses:
            with pytest.raises(CheckCondition) as raised:
                at.port.eject()
            assert raised.value.sense.code is s.NOT_READY_IN_OPERATION
        end()
        writing.join(WAIT)
        assert not writing.is_alive()
    may.set()
    assert statuses == [STATUS_TASK_ABORTED] * len(ends)
    assert at.host.drive.partition.count == 0
