"""What hosts of a changer see of each other, of operators and of partitions that change."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from target.library.changer import Changer
from target.scsi import sense as s
from target.scsi.command import Nexus
from target.transports.inprocess import Reply
from tests.library.changers import (
    CONFLICT,
    GOOD,
    Host,
    Tower,
    code_of,
    drive,
    host,
    partition,
    slot,
)


def two(tmp_path: Path) -> tuple[Tower, Host, Host]:
    tower, it = host(tmp_path)
    other = Host(it.unit, "host1")
    assert other.hear() == [s.POWER_ON]
    return tower, it, other


@pytest.mark.req("SMC-HOST-UA")
def test_a_move_of_a_host_is_told_to_nobody(tmp_path: Path) -> None:
    _, it, other = two(tmp_path)
    assert it.move(slot(1), drive(1)).status == GOOD
    assert (it.hear(), other.hear()) == ([], [])
    assert other.contents()[drive(1)] == "KRL001L9"


@pytest.mark.req("SMC-HOST-UA")
def test_what_operators_do_is_told_to_everybody_once(tmp_path: Path) -> None:
    _, it, other = two(tmp_path)
    it.changer.inventory_changed()
    it.changer.inventory_changed()
    it.changer.mail_accessed()
    for one in (it, other):
        assert one.hear() == [s.MEDIUM_MAY_HAVE_CHANGED, s.IMPORT_EXPORT_ACCESSED]


@pytest.mark.req("SMC-HOST-UA")
def test_a_partition_changes(tmp_path: Path) -> None:
    tower, it, other = two(tmp_path)
    it.changer.repartition(partition(1, 3, 0))
    told = [s.LUNS_CHANGED, s.MODE_PARAMETERS_CHANGED, s.MEDIUM_MAY_HAVE_CHANGED]
    assert (it.hear(), other.hear()) == (told, told)
    assert len(it.elements()) == 1 + 1 + 3
    page = it.send(bytes.fromhex("1a081d00ff00"), size=255).data
    assert page[10:18] == bytes.fromhex("1000 0003 0010 0000")
    # What was in places that are gone is no longer to be seen, and not lost.
    assert code_of(it.move(0x1000, 0x101)) == s.INVALID_ELEMENT
    it.changer.repartition(partition(2, 1, 0))
    it.hear()
    assert list(it.contents().values()) == ["KRL001L9"]
    assert tower.inventory.where("KRL002L9") == slot(2)


def test_a_partition_without_anything(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    it.changer.repartition(partition(0, 0, 0))
    it.hear()
    (picker,) = it.elements()
    assert picker.kind == 1
    assert it.status(4).data == bytes(8)


def test_resets_are_told(tmp_path: Path) -> None:
    _, it, other = two(tmp_path)
    it.changer.reset(s.DEVICE_RESET, but=it.nexus)
    assert (it.hear(), other.hear()) == ([], [s.DEVICE_RESET])
    it.changer.nexus_lost(other.nexus)
    assert other.hear() == [s.NEXUS_LOSS]


def test_inquiry_and_report_luns_pass_attentions(tmp_path: Path) -> None:
    tower = Tower(tmp_path, "spectra/t950")
    it = Host(Changer(partition(), tower))
    assert it.send(bytes.fromhex("120000003800"), size=56).status == GOOD
    luns = it.send(bytes.fromhex("a000000000000000ffff0000"), size=64)
    assert luns.data == bytes.fromhex("00000008 00000000 0000000000000000")
    sense = it.send(bytes.fromhex("030000003400"), size=52)
    assert (sense.data[2], sense.data[12]) == (6, 0x29)
    assert it.ready().status == GOOD


@pytest.mark.req("SMC-HOST-RESERVE")
def test_reserve_and_release(tmp_path: Path) -> None:
    _, it, other = two(tmp_path)
    assert it.send(bytes.fromhex("160000000000")).status == GOOD
    assert other.move(slot(1), drive(1)).status == CONFLICT
    assert other.ready().status == CONFLICT
    assert other.prevent(False).status == GOOD
    assert it.move(slot(1), drive(1)).status == GOOD
    assert it.send(bytes.fromhex("170000000000")).status == GOOD
    assert other.move(drive(1), slot(1)).status == GOOD


def test_quantum_reserves_no_elements(tmp_path: Path) -> None:
    _, it = host(tmp_path, "quantum/scalar-i500")
    elements = it.send(bytes.fromhex("160100000000"))
    assert code_of(elements) == s.INVALID_FIELD_IN_CDB
    assert elements.sense is not None
    assert elements.sense.pointer == (1, 0)


def reserve(it: Host, *ranges: tuple[int, int], key: int = 1) -> Reply:
    """RESERVE of elements: (count, first address) of each range."""
    data = b"".join(bytes(2) + count.to_bytes(2) + at.to_bytes(2) for count, at in ranges)
    return it.send(bytes((0x16, 1, key)) + len(data).to_bytes(2) + b"\0", out=data)


@pytest.mark.req("SMC-HOST-RESERVE")
def test_elements_are_reserved(tmp_path: Path) -> None:
    _, it, other = two(tmp_path)
    assert reserve(it, (2, 0x1000), (1, 0x100)).status == GOOD
    assert reserve(other, (1, 0x101), key=7).status == GOOD
    for source, destination in ((slot(1), slot(4)), (slot(1), drive(2)), (slot(3), drive(1))):
        assert other.move(source, destination).status == CONFLICT
    assert other.exchange(slot(3), slot(4), slot(1)).status == CONFLICT
    assert it.move(slot(1), drive(2)).status == CONFLICT
    assert it.move(slot(1), drive(1)).status == GOOD
    assert other.status().status == GOOD
    # The whole unit cannot be had by either, nor what the other has; nor persistently.
    assert it.send(bytes.fromhex("160000000000")).status == CONFLICT
    assert reserve(it, (0, 0x100), key=2).status == CONFLICT
    assert it.send(bytes.fromhex("5e000000000000000800"), size=8).status == CONFLICT
    # Under the same id it is another list.
    assert reserve(it, (1, 0x1000)).status == GOOD
    assert other.move(slot(2), drive(2)).status == GOOD
    # Released by its id, or with the unit.
    assert it.send(bytes.fromhex("170102000000")).status == GOOD
    assert other.move(drive(2), slot(1)).status == CONFLICT
    assert it.send(bytes.fromhex("170101000000")).status == GOOD
    assert other.move(drive(2), slot(1)).status == GOOD
    assert reserve(it, (0, 0x1000)).status == GOOD
    assert other.move(slot(1), slot(5)).status == CONFLICT
    assert it.send(bytes.fromhex("170000000000")).status == GOOD
    assert other.move(slot(1), slot(5)).status == GOOD


def test_what_ends_reservations_of_elements(tmp_path: Path) -> None:
    _, it, other = two(tmp_path)
    reserve(it, (0, 0x1000))
    it.changer.nexus_lost(it.nexus)
    assert other.move(slot(1), slot(4)).status == GOOD
    it.hear()
    reserve(it, (0, 0x1000))
    it.changer.reset()
    other.hear()
    assert other.move(slot(4), slot(1)).status == GOOD


def test_lists_of_elements_that_are_wrong(tmp_path: Path) -> None:
    _, it, _ = two(tmp_path)
    for ranges, byte in (
        ([(1, 0x1000), (1, 0x0FFF)], 10),
        ([(6, 0x1000)], 2),
        ([(0x1000, 0x1000)], 2),
    ):
        reply = reserve(it, *ranges)
        assert code_of(reply) == s.INVALID_PARAMETER
        assert reply.sense is not None
        assert reply.sense.pointer == (byte, None)
    reply = it.send(bytes.fromhex("160101000700"), out=bytes(7))
    assert code_of(reply) == s.PARAMETER_LIST_LENGTH
    assert code_of(reserve(it, *[(1, 0x1000)] * 17)) == s.PARAMETER_LIST_LENGTH
    reply = it.send(bytes.fromhex("160101000600"), out=b"\1" + bytes(5))
    assert code_of(reply) == s.INVALID_PARAMETER
    assert reserve(it).status == GOOD


def test_whose_status_is_told_under_a_reservation(tmp_path: Path) -> None:
    for model, status in (("stk/sl500", CONFLICT), ("ibm/ts3500", GOOD), ("spectra/t950", GOOD)):
        folder = tmp_path / model.replace("/", "-")
        folder.mkdir()
        _, it = host(folder, model)
        other = Host(it.unit, "host1")
        other.hear()
        assert it.send(bytes.fromhex("160000000000")).status == GOOD
        assert it.status().status == GOOD
        assert other.status().status == status
        current = bytes.fromhex("b810 0000 ffff 02 00ffff 0000")
        assert other.send(current, size=65535).status == GOOD


@pytest.mark.req("SMC-HOST-RESERVE")
def test_persistent_reservations(tmp_path: Path) -> None:
    _, it, other = two(tmp_path)
    keys = bytes(8) + (7).to_bytes(8) + bytes(8)
    assert it.send(bytes.fromhex("5f00000000000000 1800"), out=keys).status == GOOD
    mine = (7).to_bytes(8) + bytes(16)
    assert it.send(bytes.fromhex("5f01010000000000 1800"), out=mine).status == GOOD
    # Write exclusive: others may look, and not move.
    assert other.ready().status == GOOD
    assert other.status().status == GOOD
    assert other.move(slot(1), drive(1)).status == CONFLICT
    assert it.move(slot(1), drive(1)).status == GOOD


@pytest.mark.req("SMC-HOST-THREADS")
def test_hosts_on_many_threads_lose_nothing(tmp_path: Path) -> None:
    """Two changers of one library, two hosts each, and somebody who repartitions."""
    tower = Tower(tmp_path, "spectra/t950", ["LTO-9"] * 4)
    for number in range(1, 11):
        tower.add(f"KRL{number:03}L9", slot(number))
    one = partition(2, 5, 0, "one")
    two_ = partition(0, 0, 0, "two")
    two_.drives, two_.slots = (3, 4), (6, 7, 8, 9, 10)
    units = [Changer(one, tower), Changer(two_, tower)]
    hosts = [Host(unit, name) for unit in units for name in ("host0", "host1")]
    failures: list[object] = []

    def work(it: Host, first: int) -> None:
        places = list(it.changer.elements.by_address.values())[1:]
        for turn in range(60):
            source, destination = places[(turn * first) % 7], places[(turn + first) % 7]
            reply = it.move(source, destination)
            if reply.status != GOOD and code_of(reply).asc not in (0x3B, 0x29, 0x28, 0x2A, 0x3F):
                failures.append(reply)
            it.status()

    threads = [
        threading.Thread(target=work, args=(it, at), daemon=True) for at, it in enumerate(hosts, 1)
    ]
    for thread in threads:
        thread.start()
    for _ in range(20):
        units[0].inventory_changed()
        units[1].repartition(two_)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not failures
    seen: list[str] = []
    for it in hosts[::2]:
        it.unit.execute(Nexus("host0"), bytes(6))
        it.hear()
        seen += it.contents().values()
    assert sorted(seen) == [f"KRL{number:03}L9" for number in range(1, 11)]


def test_a_look_does_not_wait_for_the_robot(tmp_path: Path) -> None:
    """In another partition somebody moves, and waits for a drive."""
    tower, it = host(tmp_path)
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with tower.lock:
            taken.set()
            done.wait(60)

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    assert taken.wait(60)
    try:
        assert it.contents() == {slot(1): "KRL001L9", slot(2): "KRL002L9"}
    finally:
        done.set()
        holder.join(60)
