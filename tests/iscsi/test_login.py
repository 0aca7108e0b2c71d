"""The login phase, discovery, and what a login is refused for (RFC 7143 sections 6.3 and 11.13)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from harness.initiators.iscsi import NAME, OFFERS, IscsiInitiator
from target.transports.iscsi import keys, pdu
from target.transports.iscsi.names import target_name
from target.transports.iscsi.pdu import NO_TAG
from tests.iscsi.conftest import TARGET, Connect, Serve, Serving

WHO = {"InitiatorName": NAME, "TargetName": TARGET, "SessionType": "Normal"}
NONE = {**WHO, "AuthMethod": "None"}


class Raw(IscsiInitiator):
    """One that does not log in by itself."""

    def _log_in(self) -> None:
        """Wait to be told."""

    def step(self, data: bytes = b"", **fields: int) -> tuple[dict[str, int], bytes]:
        """A login request with these fields: the response's fields and data."""
        values = {"immediate": 1, "isid": self.isid, "cmd_sn": 1, **fields}
        self.wire.send(pdu.LOGIN.make(values), data)
        answer = self.receive()
        assert answer.kind is pdu.LOGIN_RESPONSE
        return answer.fields, answer.data

    def status(self, data: bytes = b"", **fields: int) -> int:
        """The status of a login request."""
        said, _ = self.step(data, **fields)
        return said["status_class"] << 8 | said["status_detail"]


@pytest.fixture
def raw(serving: Serving) -> Iterator[Raw]:
    one = Raw(serving.address, TARGET)
    yield one
    one.wire.close()


def test_both_stages(raw: Raw) -> None:
    fields, data = raw.step(keys.encode(NONE), transit=1, csg=0, nsg=1, itt=9)
    assert keys.parse(data) == {"AuthMethod": "None", "TargetPortalGroupTag": "1"}
    assert [fields[name] for name in ("transit", "csg", "nsg", "tsih", "itt")] == [1, 0, 1, 0, 9]
    fields, data = raw.step(keys.encode(OFFERS), transit=1, csg=1, nsg=3, itt=9)
    assert [fields[name] for name in ("transit", "csg", "nsg")] == [1, 1, 3]
    assert fields["tsih"]
    assert keys.parse(data) == {
        **OFFERS,
        "MaxRecvDataSegmentLength": str(keys.OUR_SEGMENT),
    }
    assert raw.ping() == b"ping"


def test_straight_to_full_feature_phase(raw: Raw) -> None:
    fields, _ = raw.step(keys.encode(NONE), transit=1, csg=0, nsg=3)
    assert (fields["nsg"], bool(fields["tsih"])) == (3, True)
    assert raw.ping() == b"ping"


def test_operational_stage_only_and_step_by_step(raw: Raw) -> None:
    assert raw.step(keys.encode(WHO), csg=1)[0]["transit"] == 0
    assert keys.parse(raw.step(b"MaxBurstLength=1024\0", csg=1)[1]) == {"MaxBurstLength": "1024"}
    assert raw.step(b"", transit=1, csg=1, nsg=3)[0]["transit"] == 1
    assert raw.ping() == b"ping"


def test_a_request_in_parts(raw: Raw) -> None:
    text = keys.encode(NONE)
    for part in (text[:7], text[7:30]):
        fields, data = raw.step(part, csg=0, **{"continue": 1})
        assert (fields["transit"], data) == (0, b"")
    assert raw.step(text[30:], transit=1, csg=0, nsg=3)[0]["transit"] == 1


def test_names_are_not_told_apart_by_case(raw: Raw) -> None:
    text = keys.encode({**NONE, "TargetName": TARGET.upper().replace("IQN", "iqn")})
    assert raw.status(text, transit=1, csg=0, nsg=3) == 0


REFUSED = [
    (0x0207, {"TargetName": TARGET}, {}),
    (0x0207, {"InitiatorName": NAME}, {}),
    (0x0203, {**NONE, "TargetName": TARGET + "x"}, {}),
    (0x0200, {**NONE, "InitiatorName": "host one"}, {}),
    (0x0200, {**NONE, "InitiatorName": "iqn." + "x" * 220}, {}),
    (0x0209, {**NONE, "SessionType": "Strange"}, {}),
    (0x0201, {**WHO, "AuthMethod": "CHAP,KRB5"}, {}),
    (0x0200, {**NONE, "MaxBurstLength": "512"}, {}),
    (0x0205, NONE, {"version_min": 1, "version_max": 1}),
    (0x020B, NONE, {"csg": 2}),
    (0x020B, NONE, {"csg": 3}),
    (0x020B, NONE, {"transit": 1, "csg": 1, "nsg": 1}),
    (0x020B, NONE, {"transit": 1, "csg": 0, "nsg": 2}),
    (0x020B, NONE, {"transit": 1, "csg": 0, "nsg": 1, "continue": 1}),
    (0x020A, NONE, {"transit": 1, "csg": 0, "nsg": 3, "tsih": 77}),
]


@pytest.mark.parametrize(("status", "text", "fields"), REFUSED)
def test_what_is_refused(
    raw: Raw, status: int, text: dict[str, str], fields: dict[str, int]
) -> None:
    assert raw.status(keys.encode(text), **fields) == status
    with pytest.raises(OSError, match="closed"):
        raw.receive()


def test_text_that_is_none(raw: Raw) -> None:
    assert raw.status(b"nothing", csg=0) == 0x0200


@pytest.mark.parametrize(
    "change", [{"isid": 5}, {"tsih": 5}, {"cid": 5}, {"csg": 0, "transit": 1, "nsg": 3}]
)
def test_a_login_stays_what_it_is(raw: Raw, change: dict[str, int]) -> None:
    raw.step(keys.encode(NONE), transit=1, csg=0, nsg=1)
    assert raw.status(b"", **{"csg": 1, **change}) == 0x020B


def test_a_key_offered_twice(raw: Raw) -> None:
    raw.step(keys.encode(WHO) + b"MaxBurstLength=512\0", csg=1)
    assert raw.status(b"MaxBurstLength=512\0", csg=1) == 0x0200


def test_a_login_without_an_end(raw: Raw) -> None:
    raw.step(keys.encode(WHO), csg=1)
    statuses = [raw.status(csg=1) for _ in range(32)]
    assert statuses[-2:] == [0, 0x0302]


def test_text_without_an_end(raw: Raw) -> None:
    more = {"continue": 1}
    statuses = [raw.status(b"X" * 8192, csg=1, **more) for _ in range(5)]
    assert statuses == [0, 0, 0, 0, 0x0302]


def test_nothing_but_a_login_comes_first(raw: Raw) -> None:
    raw.wire.send(pdu.NOP_OUT.make(final=1, immediate=1))
    with pytest.raises(OSError, match="closed"):
        raw.receive()


# --- discovery -------------------------------------------------------------------------------


def test_discovery_tells_of_all_targets(serve: Serve) -> None:
    serving = serve(drives=3)
    host, port = serving.address
    with IscsiInitiator(serving.address, None) as one:
        assert one.targets() == {
            target_name("rig", f"drive{number}"): [f"{host}:{port},1"] for number in range(3)
        }
        wanted = target_name("rig", "drive1")
        assert one.text({"SendTargets": wanted}) == keys.encode(
            {"TargetName": wanted, "TargetAddress": f"{host}:{port},1"}
        )
        assert one.text({"SendTargets": "iqn.2026-01.io.keyreel:rig:none"}) == b""
        assert one.text({"SendTargets": ""}) == b"SendTargets=Reject\0"


def test_a_long_answer_comes_in_parts(serve: Serve) -> None:
    serving = serve(drives=8)
    with IscsiInitiator(serving.address, None, offers={"MaxRecvDataSegmentLength": "512"}) as one:
        assert len(one.targets()) == 8


def test_a_normal_session_asks_for_its_own_target(connect: Connect) -> None:
    one = connect()
    assert one.text({"SendTargets": ""}).startswith(f"TargetName={TARGET}\0".encode())
    assert one.text({"SendTargets": "All"}) == b"SendTargets=Reject\0"
    assert one.text({"MaxBurstLength": "512"}) == b"MaxBurstLength=Reject\0"


def test_a_text_request_in_parts(connect: Connect) -> None:
    one = connect()
    one.request(pdu.TEXT, b"SendTar", final=0, ttt=NO_TAG, **{"continue": 1})
    said = one.receive()
    assert (said.fields["final"], said.fields["continue"], said.data) == (0, 0, b"")
    one.request(pdu.TEXT, b"gets=\0", final=0, ttt=said.fields["ttt"])
    said = one.receive()
    assert said.data.startswith(f"TargetName={TARGET}\0".encode())
    # The initiator has not ended the exchange, so neither may the target.
    assert said.fields["final"] == 0
    one.request(pdu.TEXT, ttt=said.fields["ttt"])
    said = one.receive()
    assert (said.fields["final"], said.fields["ttt"], said.data) == (1, NO_TAG, b"")
    one.request(pdu.TEXT, b"given up", final=0, ttt=NO_TAG, **{"continue": 1})
    one.receive()
    assert one.text({"X-key": "1"}) == b"X-key=NotUnderstood\0"


def test_a_discovery_session_is_for_nothing_else(serving: Serving) -> None:
    one = IscsiInitiator(serving.address, None)
    for kind in (pdu.SCSI_COMMAND, pdu.NOP_OUT, pdu.TASK_MANAGEMENT):
        one.request(kind)
        answer = one.receive()
        assert (answer.kind, answer.fields["reason"]) == (pdu.REJECT, pdu.PROTOCOL_ERROR)
    assert list(one.targets()) == [TARGET]
    assert one.logout() == 0


def test_underscores_are_no_part_of_an_iscsi_name() -> None:
    assert target_name("my_rig", "drive_0") == "iqn.2026-01.io.keyreel:my-rig:drive-0"


# --- where a server listens ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"listen": "0.0.0.0"}, "without CHAP .* set credentials in .* or insecure = true"),
        ({"listen": "::"}, "without CHAP"),
        ({"listen": "localhost"}, "is no address"),
        ({"listen": "203.0.113.1", "insecure": True}, "cannot listen at 203.0.113.1 port 0"),
    ],
)
def test_where_it_does_not_listen(serve: Serve, fields: dict[str, object], told: str) -> None:
    with pytest.raises(OSError, match=told):
        serve(**fields)


def test_a_port_in_use(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"port {port} \(Address already in use\): set another"):
            serve(port=port)


def test_everybody_may_if_told(serve: Serve) -> None:
    _, port = serve(listen="0.0.0.0", insecure=True).address
    with IscsiInitiator(("127.0.0.1", port), None) as one:
        assert list(one.targets().values()) == [[f"127.0.0.1:{port},1"]]


def test_ipv6(serve: Serve) -> None:
    with suppress(OSError):
        host, port = serve(listen="::1").address
        with IscsiInitiator((host, port), None) as one:
            assert list(one.targets().values()) == [[f"[::1]:{port},1"]]
