"""Sessions as I_T nexuses: logout, loss, reinstatement, several hosts, the end of the server."""

from __future__ import annotations

import threading

import pytest

from harness.initiators.iscsi import ISID, NAME, IscsiInitiator, LoginRefused
from target.scsi import sense as s
from target.scsi.command import Nexus
from target.transports.iscsi import pdu
from target.transports.iscsi.pdu import NO_TAG
from tests.iscsi.conftest import TARGET, Connect, Serve, Serving, heard

TEST_UNIT_READY = bytes(6)
RESERVE, RELEASE = bytes((0x16, 0, 0, 0, 0, 0)), bytes((0x17, 0, 0, 0, 0, 0))
PREVENT = bytes((0x1E, 0, 0, 0, 1, 0))
UNLOAD = bytes((0x1B, 0, 0, 0, 0, 0))
ERASE = bytes((0x19, 1, 0, 0, 0, 0))
OTHER = "iqn.2026-01.io.keyreel:other"


def test_a_nexus_has_the_names_of_its_ports(serving: Serving, connect: Connect) -> None:
    connect(isid=0x00023D000001)
    assert list(serving.drive.nexuses) == [Nexus(f"{NAME},i,0x00023d000001", f"{TARGET},t,0x0001")]


@pytest.mark.parametrize("end", ["logout", "drop", "reinstate"])
def test_with_a_nexus_goes_what_it_held(connect: Connect, end: str) -> None:
    one, other = connect(), connect(name=OTHER)
    for cdb in (RESERVE, PREVENT):
        assert one.send(cdb).status == 0
    assert other.send(TEST_UNIT_READY).status == 0x18
    if end == "reinstate":
        connect()
    elif end == "logout":
        assert one.logout() == 0
    else:
        one.drop()
        one.login()
    assert other.send(TEST_UNIT_READY).status == 0
    assert other.send(UNLOAD).status == 0


def test_a_nexus_that_comes_back_hears_of_its_loss(connect: Connect) -> None:
    one = connect()
    one.nexus_lost()
    assert heard(one) == [s.NEXUS_LOSS]
    assert not heard(one)


def test_a_key_of_a_nexus_goes_with_it(connect: Connect) -> None:
    """Scope LOCAL: SECURITY PROTOCOL OUT, Set Data Encryption (SSC-5 8.5.3.2)."""
    one = connect()
    page = bytearray(20) + bytearray(range(32))
    page[0:4] = (0x0010).to_bytes(2, "big") + (48).to_bytes(2, "big")
    page[4], page[6], page[7], page[8] = 1 << 5, 2, 2, 1
    page[18:20] = (32).to_bytes(2, "big")
    cdb = bytes((0xB5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, len(page), 0, 0))
    assert one.send(cdb, out=bytes(page)).sense is None
    status = bytes((0xA2, 0x20, 0, 0x20, 0, 0, 0, 0, 1, 0, 0, 0))
    assert one.send(status, size=256).data[4] == 0x21
    one.nexus_lost()
    assert heard(one) == [s.NEXUS_LOSS]
    assert one.send(status, size=256).data[4] & 0xE0 == 0


def test_reinstatement_ends_the_old_session_only(connect: Connect) -> None:
    one, same_host = connect(), connect(isid=ISID + 1)
    again = connect()
    with pytest.raises(OSError):
        for _ in range(2):
            one.send(TEST_UNIT_READY)
    for each in (same_host, again):
        assert each.send(TEST_UNIT_READY).status == 0


def test_reinstatement_in_the_middle_of_a_command(serve: Serve) -> None:
    """The new session does not wait for the hours that the old one's command would take."""
    serving = serve(timing=1.0)
    one = IscsiInitiator(serving.address, TARGET)
    heard(one)
    one.start(ERASE)
    one.ping()
    with IscsiInitiator(serving.address, TARGET) as again:
        assert heard(again) == [s.NEXUS_LOSS]
        assert not heard(again)
    one.drop()


def test_a_loss_in_the_middle_of_a_command(serve: Serve) -> None:
    serving = serve(timing=1.0)
    one = IscsiInitiator(serving.address, TARGET)
    heard(one)
    one.start(ERASE)
    one.ping()
    one.drop()
    with IscsiInitiator(serving.address, TARGET, OTHER) as other:
        assert heard(other)[0] == s.POWER_ON


def test_a_session_has_one_connection(connect: Connect, serving: Serving) -> None:
    class Second(IscsiInitiator):
        def _log_in(self) -> None:
            self.tsih = tsih
            super()._log_in()

    one = connect()
    tsih = one.tsih
    with pytest.raises(LoginRefused) as refused:
        Second(serving.address, TARGET)
    assert refused.value.status == 0x0206
    with pytest.raises(LoginRefused) as refused:
        Second(serving.address, TARGET, OTHER)
    assert refused.value.status == 0x020A
    assert one.send(TEST_UNIT_READY).status == 0


def test_logout_of_another_connection(connect: Connect) -> None:
    one = connect()
    for reason, cid, response in ((1, 7, 1), (2, 0, 2), (5, 0, 2)):
        one.request(pdu.LOGOUT, reason=reason, cid=cid)
        assert one.receive().fields["response"] == response
    one.request(pdu.LOGOUT, reason=1)
    assert one.receive().fields["response"] == 0
    with pytest.raises(OSError, match="closed"):
        one.receive()


def test_logout_in_the_middle_of_commands(connect: Connect) -> None:
    one = connect(offers={"ImmediateData": "No"})
    for _ in range(5):
        one.request(pdu.SCSI_COMMAND, write=1, length=100, cdb=0x0A000000_64000000 << 64)
    one.request(pdu.LOGOUT, reason=0)
    kinds = [one.receive().kind for _ in range(6)]
    assert kinds == [pdu.R2T] * 5 + [pdu.LOGOUT_RESPONSE]


def test_eight_hosts_at_one_drive(serving: Serving) -> None:
    """Each writes blocks of its own kind; all blocks are on the tape, whole."""
    hosts, blocks = 8, 25
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with IscsiInitiator(serving.address, TARGET, isid=ISID + number) as one:
                heard(one)
                for _ in range(blocks):
                    out = bytes((number,)) * 5000
                    assert one.send(bytes((0x0A, 0, 0, 0x13, 0x88, 0)), out=out).status == 0
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(hosts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    with IscsiInitiator(serving.address, TARGET) as one:
        heard(one)
        one.send(bytes((1, 0, 0, 0, 0, 0)))
        seen = [
            one.send(bytes((0x08, 0, 0, 0x13, 0x88, 0)), size=5000).data
            for _ in range(hosts * blocks)
        ]
    assert sorted(seen) == sorted(bytes((n,)) * 5000 for n in range(hosts) for _ in range(blocks))


def test_pings_bring_their_data_back(connect: Connect) -> None:
    one = connect(offers={"MaxRecvDataSegmentLength": "512"})
    assert one.ping(b"") == b""
    assert one.ping(bytes(range(256))) == bytes(range(256))
    assert one.ping(bytes(1000)) == bytes(512)
    one.request(pdu.NOP_OUT, immediate=1, itt=NO_TAG, ttt=NO_TAG)
    one.request(pdu.NOP_OUT, b"counted", ttt=NO_TAG)
    assert one.receive().data == b"counted"


def test_the_end_of_the_server(serve: Serve) -> None:
    """A command that takes hours does not hold it up."""
    serving = serve(timing=1.0)
    one = IscsiInitiator(serving.address, TARGET)
    heard(one)
    one.start(ERASE)
    one.ping()
    serving.server.close()
    with pytest.raises(OSError):
        one.receive()
    with pytest.raises(OSError):
        IscsiInitiator(serving.address, TARGET)
