"""A key does not stay in the transport's buffer when the command that brings it never runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from target.scsi import sense as s
from target.scsi.command import GOOD, Nexus
from target.tape.commands import COMMANDS
from tests.encryption.keys import set_page, spout_cdb
from tests.scsi.cdbs import plain
from tests.tape.host import CHECK, CONFLICT, Host, tape

KEY = b"\xc3\x28Qq9\x00vZ" * 4
PAGE = set_page(key=KEY, encryption=2, decryption=2)
RESERVE = bytes((0x16, 0, 0, 0, 0, 0))

Prepare = Callable[[Host], Nexus]


def bring(host: Host, nexus: Nexus, cdb: bytes) -> tuple[int, bytes]:
    """Send the page in two buffers; the status, and what is left of it."""
    first, second = bytearray(PAGE[:30]), bytearray(PAGE[30:])
    views = [memoryview(first), memoryview(second)]
    done = host.unit.execute(nexus, cdb, views, views)
    return done.status, bytes(first + second)


def another(host: Host) -> Nexus:
    """One that has a unit attention to hear of."""
    return Nexus("another")


def shut_out(host: Host) -> Nexus:
    host.send(RESERVE)
    return Nexus("another")


def same(host: Host) -> Nexus:
    return host.nexus


def not_ready(host: Host) -> Nexus:
    return failing(host, s.CheckCondition(s.NOT_READY_IN_OPERATION))


def breaks(host: Host) -> Nexus:
    return failing(host, RuntimeError())


def failing(host: Host, error: Exception) -> Nexus:
    def admit(*_: object) -> None:
        raise error

    # mypy takes no assignment to a method.
    vars(host.drive)["admit"] = admit
    return host.nexus


@pytest.mark.parametrize(
    ("prepare", "cdb", "status"),
    [
        (shut_out, spout_cdb(len(PAGE)), CONFLICT),
        (another, spout_cdb(len(PAGE)), CHECK),
        (same, spout_cdb(len(PAGE))[:10] + b"\1\0", CHECK),
        (same, spout_cdb(len(PAGE), protocol=0x21), CHECK),
        (same, spout_cdb(len(PAGE))[:4], GOOD.status),
        (not_ready, spout_cdb(len(PAGE)), CHECK),
        (breaks, spout_cdb(len(PAGE)), CHECK),
    ],
    ids=["conflict", "attention", "reserved", "protocol", "short CDB", "not ready", "broken"],
)
def test_a_refused_page_is_overwritten(
    host: Host, prepare: Prepare, cdb: bytes, status: int
) -> None:
    assert bring(host, prepare(host), cdb) == (status, bytes(len(PAGE)))


def test_a_model_without_encryption_keeps_no_page_either() -> None:
    with tape("ibm/ult3580-td3") as host:
        cdb = spout_cdb(len(PAGE))
        status, left = bring(host, host.nexus, cdb)
        assert (status, left) == (CHECK, bytes(len(PAGE)))
        assert host.send(cdb, out=PAGE).sense == s.Sense(s.INVALID_OPCODE, pointer=(0, None))


def test_a_transport_that_drops_a_command_can_do_the_same(host: Host) -> None:
    data = bytearray(PAGE)
    host.unit.forget(spout_cdb(len(PAGE)), [memoryview(data)])
    assert not any(data)
    host.unit.forget(b"", [])


def test_what_other_commands_bring_is_left_alone(host: Host) -> None:
    for refused in (plain("WRITE(6)"), bytes((0x0A, 0x02, 0, 0, 4, 0))):
        data = bytearray(b"data")
        host.unit.execute(Nexus("another"), refused, [memoryview(data)])
        assert data == b"data"


def test_only_the_page_with_the_key_is_secret() -> None:
    assert [row.name for row in COMMANDS if row.secret] == ["SECURITY PROTOCOL OUT"]


def test_a_command_that_ends_well_is_not_looked_at_again(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[bytes] = []
    monkeypatch.setattr(host.unit, "forget", lambda cdb, data_out: calls.append(cdb))
    assert host.ready() == (GOOD.status, None, b"")
    assert not calls
