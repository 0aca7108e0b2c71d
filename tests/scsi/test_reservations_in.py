"""PERSISTENT RESERVE IN: what the four actions return, and how models differ."""

from __future__ import annotations

import hashlib

import pytest

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.scsi.persistent import (
    EA,
    EA_RO,
    IGNORE,
    KEY_A,
    KEY_B,
    REGISTER,
    RESERVE,
    WE,
    Client,
    capable,
    clients,
    in_list,
    three,
    transport_id,
    unit,
)
from tests.tape.host import Host, sense_of

# --- PERSISTENT RESERVE IN -----------------------------------------------------------------------


@pytest.mark.req("SSC-CMD-5E", "SSC-PR-01", "SSC-PR-02", "SSC-PR-04")
def test_golden_data_with_nothing_registered(host: Host) -> None:
    client = Client(host.drive)
    for action in (0, 1, 3):
        assert client.ask(action).data == bytes(8)


@pytest.mark.req("SSC-CMD-5E", "SSC-CMD-5F", "SSC-PR-01", "SSC-PR-02", "SSC-PR-04")
def test_golden_data(host: Host) -> None:
    client = Client(host.drive, "naa.5001405000000001", "port1")
    client.send(bytes(6))
    client.out(REGISTER, new=KEY_A)
    client.out(RESERVE, KEY_A, kind=EA_RO)
    key = "a1a2a3a4a5a6a7a8"
    assert client.ask(0).data == bytes.fromhex(f"00000001 00000008 {key}")
    assert client.ask(1).data == bytes.fromhex(f"00000001 00000010 {key} 00000000 00 06 0000")
    assert client.ask(3).data == bytes.fromhex(
        f"00000001 00000030 {key} 00000000 01 06 00000000 0001 00000018"
        "06000000 5001405000000001 000000000000000000000000"
    )


@pytest.mark.parametrize("action", range(4))
def test_the_length_told_is_not_that_of_the_allocation(action: int) -> None:
    a, *_ = three()
    a.out(RESERVE, KEY_A, kind=EA)
    whole = a.ask(action).data
    for allocation in (0, 3, 8, 17):
        assert a.ask(action, allocation).data == whole[:allocation]


@pytest.mark.req("SSC-PR-03", "SSC-PR-14")
def test_capabilities() -> None:
    (client,) = clients(unit(), "a")
    assert client.ask(2).data == bytes.fromhex("0008 19 b0 ea01 0000")
    client.out(REGISTER, new=KEY_A, flags=1)
    assert client.ask(2).data[3] == 0xB1, "PTPL_A"
    client.out(IGNORE, new=KEY_A)
    assert client.ask(2).data[3] == 0xB0


@pytest.mark.req("SSC-PR-03", "SSC-PR-06")
def test_capabilities_of_other_models() -> None:
    """HP Ultrium: types 3, 6 and 8; T10000: 3 and 6, nothing over power."""
    for values, golden in (
        ({"types": (3, 6, 8), "allow_commands": 0}, "0008 19 80 4801 0000"),
        (
            {"types": (3, 6), "sip_c": False, "ptpl_c": False, "allow_commands": 0},
            "0008 10 80 4800 0000",
        ),
    ):
        (client,) = clients(capable(**values), "a")
        assert client.ask(2).data == bytes.fromhex(golden)
        client.out(REGISTER, new=KEY_A)
        refused = client.out(RESERVE, KEY_A, kind=WE)
        assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 3))
    assert sense_of(client.out(REGISTER, KEY_A, KEY_B, flags=1)) == in_list(20, 0)
    assert sense_of(client.out(IGNORE, KEY_A, KEY_B, flags=1)) == in_list(20, 0)
    assert client.keys == [KEY_A]


def test_names_that_are_no_addresses_get_one() -> None:
    server = unit()
    digest = hashlib.sha256(b"b").hexdigest()
    wanted = {
        "5001405000000001": 0x5001405000000001,
        "naa.500507630F0E0D0C": 0x500507630F0E0D0C,
        "0x2100000000000001": 0x2100000000000001,
        "b": int("3" + digest[:15], 16),
    }
    for one in clients(server, *wanted):
        one.out(REGISTER, new=KEY_A)
    assert [row.address for row in one.full_status] == list(wanted.values())


def test_fibre_channel_names() -> None:
    server = capable(protocol=0)
    (one,) = clients(server, "naa.5001405000000001")
    one.out(REGISTER, new=KEY_A)
    assert one.ask(3).data[32:] == transport_id(0x5001405000000001, protocol=0)


def test_ports_have_relative_identifiers() -> None:
    server = unit()
    for port in ("left", "right"):
        client = Client(server, "a", port)
        client.send(bytes(6))
        client.out(REGISTER, new=KEY_A)
    first, second = client.full_status
    assert (first.port, second.port) == (1, 2)
    assert first.address == second.address
    client.out(REGISTER, KEY_A, KEY_B)
    assert client.keys == [KEY_A, KEY_B], "a nexus is an initiator port at a target port"
