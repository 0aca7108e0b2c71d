"""What each way in can do, measured: the cells of fixtures/transports.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.capabilities import rows
from tests.e2e.tools import Tools, cartridge, rig_guest, rig_text
from tests.e2e.ways import WAYS

pytestmark = pytest.mark.guest

CELLS = {row["what"]: row for row in rows()}
DRIVE = """
name = "drive0"
model = "ibm/ult3580-td9"
cartridge = "KRL001L9"
hosts = 2"""
CONFLICT = 24
"""Exit status of sg_raw after RESERVATION CONFLICT."""
HEAR = "i=0; until sg_turs $SG 2>/dev/null; do i=$((i+1)); [ $i -lt 600 ]; sleep 0.1; done"

Hosts = tuple[Tools, Tools]


@pytest.fixture(scope="module", params=["tcmu", "tcmu-runner", "iscsi"])
def through(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def hosts(through: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Both hosts of one drive; no unit attention is pending."""
    folder = tmp_path_factory.mktemp(through)
    text = rig_text("ways", DRIVE, cartridges=cartridge("KRL001L9"))
    with rig_guest(text, folder, WAYS[through]) as guest:
        yield Tools(guest, folder), Tools(guest, folder, "drive0@1")


@pytest.fixture
def pair(hosts: Hosts) -> Hosts:
    for host in hosts:
        host.ok(HEAR)
    return hosts


def test_largest_block(pair: Hosts, through: str) -> None:
    one, _ = pair
    said = one.ok(
        "for n in 8 4 2 1; do mt -f $TAPE rewind; mt -f $TAPE setblk 0;"
        " head -c ${n}M /dev/zero >block;"
        " dd if=block of=$TAPE bs=${n}M iflag=fullblock 2>/dev/null || continue;"
        " mt -f $TAPE rewind; dd if=$TAPE bs=${n}M 2>/dev/null | cmp - block && echo $n && break;"
        " done"
    )
    assert f"{said.strip()} MiB" == CELLS["Largest block"][through]


def test_residual(pair: Hosts, through: str) -> None:
    one, _ = pair
    one.ok(
        "mt -f $TAPE rewind; head -c 1000 /dev/urandom | dd of=$TAPE bs=1000; mt -f $TAPE rewind"
    )
    read = one.raw("08 02 00 10 00 00", 4096)
    exact = len(read.data) == 1000 and read.status == 0
    assert ("exact" if exact else "wrong") == CELLS["Residual of a short block"][through]


def test_vendor_operation_codes(pair: Hosts, through: str) -> None:
    one, _ = pair
    cell = CELLS["Operation codes C0h to FFh"][through]
    for code in ("c1", "d0", "ff"):
        said = one.raw(f"{code} 00 00 00 00 00 00 00 00 00 00 00")
        known = "Invalid command operation code" in said.text
        assert ("reach the drive" if known else "lost") == cell, said.text


def test_reservation_conflict(pair: Hosts, through: str) -> None:
    one, other = pair
    one.ok("sg_raw $SG 56 00 00 00 00 00 00 00 00 00")
    refused = other.run("sg_raw $SG 00 00 00 00 00 00")[0] == CONFLICT
    one.ok("sg_raw $SG 57 00 00 00 00 00 00 00 00 00")
    other.ok("sg_raw $SG 00 00 00 00 00 00")
    cell = CELLS["RESERVE(10) and RESERVATION CONFLICT"][through]
    assert ("by the drive" if refused else "lost") == cell


def test_logical_unit_reset(pair: Hosts, through: str) -> None:
    one, other = pair
    one.ok("sg_reset -d $SG")
    told = "Bus device reset function occurred" in other.run("sg_turs -v $SG")[1]
    cell = CELLS["Logical unit reset"][through]
    assert ("reaches the drive" if told else "does not") == cell


REGISTER = "5f 00 00 00 00 00 00 00 18 00"
FULL_STATUS = "5e 03 00 00 00 00 00 01 00 00"


def registered(pair: Hosts) -> list[bytes]:
    """TransportIDs of both hosts, which register for that (SPC-4 6.15.5)."""
    for number, host in enumerate(pair, 1):
        host.ok(f"sg_raw -s 24 $SG {REGISTER}", stdin=bytes((*bytes(15), number, *bytes(8))))
    data = pair[0].raw(FULL_STATUS, 256).data
    for number, host in enumerate(pair, 1):
        host.ok(f"sg_raw -s 24 $SG {REGISTER}", stdin=bytes((*bytes(7), number, *bytes(16))))
    size = int.from_bytes(data[4:8], "big")
    return [data[at + 24 : at + 48] for at in range(8, 8 + size, 48)]


def test_hosts_are_told_apart(pair: Hosts, through: str) -> None:
    apart = len(set(registered(pair))) == 2
    cell = CELLS["Several hosts are told apart"][through]
    assert ("yes" if apart else "no") == cell


def test_initiator_identity(pair: Hosts, through: str) -> None:
    """Who a host is, and that it is still the same after the target was killed and started again:
    the device is still there, or a new session has the name and ISID of the one before."""
    one, other = pair
    before = registered(pair)
    said = other.ok(f"cd /sys/class/scsi_generic/{Path(other.sg).name}/device; readlink -f .")
    session = re.search(r"session\d+", said)
    if session:
        name = one.ok(f"cat /sys/class/iscsi_session/{session[0]}/initiatorname").strip()
        assert name.startswith("iqn."), said
    one.guest.restart_target()
    for host in pair:
        host.ok(HEAR)
    assert registered(pair) == before
    cell = CELLS["A host is"][through]
    assert ("initiator name and ISID" if session else "a kernel device of its own") == cell, said
