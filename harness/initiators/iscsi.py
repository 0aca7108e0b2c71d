"""A small iSCSI initiator: one session, one command at a time, over a plain socket (RFC 7143).

It is made for tests: every PDU can be sent and seen, also wrong ones. Its methods raise OSError
when the target closes the connection or does not answer in time. `Iscsi` is the same for users:
bytes in and out, as all initiators have it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import NamedTuple

from harness.closing import Closing
from harness.initiators import api
from harness.initiators.api import TIMEOUT, InitiatorError, NoAnswer, Unsupported
from harness.initiators.iscsi_wire import Answer, Wire
from keymgr.secret import Secret
from target.scsi import sense
from target.scsi.command import STATUS_CHECK_CONDITION
from target.transports.inprocess import Reply
from target.transports.iscsi import keys, pdu
from target.transports.iscsi.chap import decode_binary, encode_binary, response
from target.transports.iscsi.pdu import NO_TAG, Pdu

NAME = "iqn.2026-01.io.keyreel:initiator"
ISID = 0x800000000001
"""Of the random format (RFC 7143 section 11.12.5)."""
OFFERS = {
    "HeaderDigest": "None",
    "DataDigest": "None",
    "InitialR2T": "Yes",
    "ImmediateData": "Yes",
    "MaxRecvDataSegmentLength": "1048576",
    "MaxBurstLength": "16777215",
    "FirstBurstLength": "262144",
    "MaxOutstandingR2T": "1",
    "MaxConnections": "1",
    "ErrorRecoveryLevel": "0",
}
"""What it offers unless told otherwise."""


class LoginRefused(Exception):
    """The target refused a login; ``status`` is class and detail (RFC 7143 section 11.13.5)."""

    def __init__(self, status: int) -> None:
        super().__init__(f"login status {status:04x}")
        self.status = status


class Chap(NamedTuple):
    """Who we are for CHAP, and for mutual CHAP who the target has to be."""

    name: str
    secret: str
    target_name: str | None = None
    target_secret: str | None = None
    algorithms: str = "7,5"

    def __repr__(self) -> str:
        return f"Chap({self.name!r})"


class IscsiInitiator(Closing):
    """One session with one target; ``target`` None: a discovery session.

    ``offers`` are added to `OFFERS`. Raises LoginRefused, OSError.
    """

    def __init__(
        self,
        address: tuple[str, int],
        target: str | None,
        name: str = NAME,
        isid: int = ISID,
        *,
        chap: Chap | None = None,
        offers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.address = address
        self.target = target
        self.name = name
        self.isid = isid
        self.chap = chap
        self.offers = {**OFFERS, **(offers or {})}
        self.timeout = timeout
        self.login()

    # --- login -------------------------------------------------------------------------------

    def login(self) -> None:
        """Open a connection and a session; also again after `drop`."""
        self.wire = Wire(self.address, self.timeout)
        self.cmd_sn = 1
        self.exp_stat_sn = 0
        self.max_cmd_sn = 1
        self.tsih = 0
        self._itt = 0
        self.parameters = keys.Parameters()
        try:
            self._log_in()
        except BaseException:
            self.wire.close()
            raise

    def _log_in(self) -> None:
        offers = {"InitiatorName": self.name}
        if self.target is None:
            offers["SessionType"] = "Discovery"
        else:
            offers |= {"SessionType": "Normal", "TargetName": self.target}
        if self.chap is None:
            self.login_step(0, 1, {**offers, "AuthMethod": "None"})
        else:
            self._authenticate(self.chap, {**offers, "AuthMethod": "CHAP"})
        said = self.login_step(1, 3, self.offers)
        for key, value in {**self.offers, **said}.items():
            if key != "MaxRecvDataSegmentLength" and value not in ("Reject", "Irrelevant"):
                self.parameters.values[key] = value
        self.longest = int(said.get("MaxRecvDataSegmentLength", keys.LOGIN_SEGMENT))
        """Bytes that the target takes in one PDU."""
        self.wire.header_digest = said.get("HeaderDigest") == "CRC32C"
        self.wire.data_digest = said.get("DataDigest") == "CRC32C"

    def _authenticate(self, chap: Chap, offers: dict[str, str]) -> None:
        self.login_step(0, None, offers)
        asked = self.login_step(0, None, {"CHAP_A": chap.algorithms})
        algorithm, identifier = int(asked["CHAP_A"]), int(asked["CHAP_I"])
        challenge = decode_binary(asked["CHAP_C"])
        answer = response(algorithm, identifier, Secret(chap.secret.encode()), challenge)
        offers = {"CHAP_N": chap.name, "CHAP_R": encode_binary(answer)}
        ours = os.urandom(16)
        if chap.target_secret is not None:
            offers |= {"CHAP_I": "7", "CHAP_C": encode_binary(ours)}
        said = self.login_step(0, 1, offers)
        if chap.target_secret is not None:
            secret = Secret(chap.target_secret.encode())
            right = response(algorithm, 7, secret, ours)
            if (
                decode_binary(said.get("CHAP_R", "0x00")) != right
                or said.get("CHAP_N") != chap.target_name
            ):
                raise PermissionError("the target is not who it has to be")

    def login_step(
        self, stage: int, following: int | None, offers: Mapping[str, str]
    ) -> dict[str, str]:
        """One login request with its response: the target's text. Raises LoginRefused."""
        header = pdu.LOGIN.make(
            immediate=1, transit=following is not None, csg=stage, nsg=following or 0,
            isid=self.isid, tsih=self.tsih, itt=0, cmd_sn=self.cmd_sn,
            exp_stat_sn=self.exp_stat_sn,
        )  # fmt: skip
        self.wire.send(header, keys.encode(offers))
        answer = self.receive()
        fields = answer.fields
        if fields["status_class"] or fields["status_detail"]:
            raise LoginRefused(fields["status_class"] << 8 | fields["status_detail"])
        self.tsih = fields["tsih"]
        return keys.parse(answer.data)

    # --- PDUs --------------------------------------------------------------------------------

    def receive(self) -> Answer:
        """The next PDU; its numbers are taken note of, pings are answered."""
        while True:
            answer = self.wire.receive()
            fields = answer.fields
            if "max_cmd_sn" in fields:
                self.max_cmd_sn = fields["max_cmd_sn"]
            if answer.kind is pdu.NOP_IN and fields["itt"] == NO_TAG:
                self.wire.send(
                    pdu.NOP_OUT.make(
                        immediate=1, final=1, itt=NO_TAG, ttt=fields["ttt"], lun=fields["lun"],
                        cmd_sn=self.cmd_sn, exp_stat_sn=self.exp_stat_sn,
                    )
                )  # fmt: skip
                continue
            unnumbered = answer.kind is pdu.R2T or (
                answer.kind is pdu.DATA_IN and not fields["has_status"]
            )
            if not unnumbered:
                self.exp_stat_sn = fields["stat_sn"] + 1 & 0xFFFFFFFF
            return answer

    def request(self, kind: Pdu, data: bytes = b"", **fields: int) -> int:
        """Send a request with the numbers that are due; its initiator task tag."""
        self._itt += 1
        values = {"final": 1, "itt": self._itt, "exp_stat_sn": self.exp_stat_sn, **fields}
        if "cmd_sn" in kind.layout:
            values.setdefault("cmd_sn", self.cmd_sn)
            if not values.get("immediate"):
                self.cmd_sn = self.cmd_sn + 1 & 0xFFFFFFFF
        self.wire.send(kind.make(values), data)
        return values["itt"]

    # --- commands ----------------------------------------------------------------------------

    def start(
        self, cdb: bytes, *, out: bytes = b"", size: int = 0, lun: int = 0, **fields: int
    ) -> int:
        """Send a command with what data it may bring along; its initiator task tag."""
        parameters = self.parameters
        immediate = b""
        first = min(parameters["FirstBurstLength"], len(out))
        if parameters.yes("ImmediateData"):
            immediate = out[: min(first, self.longest)]
        more = not parameters.yes("InitialR2T") and len(immediate) < first
        values = {
            "lun": lun << 48,
            "length": len(out) or size,
            "read": bool(size),
            "write": bool(out),
            "final": not more,
            "attribute": 1,
            "cdb": int.from_bytes(cdb.ljust(16, b"\0")[:16], "big"),
            **fields,
        }
        tag = self.request(pdu.SCSI_COMMAND, immediate, **values)
        if more:
            self.send_data(tag, NO_TAG, out, len(immediate), first)
        return tag

    def send_data(self, itt: int, ttt: int, out: bytes, start: int, end: int) -> None:
        """A sequence of Data-Out."""
        view = memoryview(out)
        for number, at in enumerate(range(start, end, self.longest)):
            to = min(at + self.longest, end)
            header = pdu.DATA_OUT.make(
                final=to == end, itt=itt, ttt=ttt, exp_stat_sn=self.exp_stat_sn, data_sn=number,
                offset=at,
            )  # fmt: skip
            self.wire.send(header, view[at:to])

    def finish(self, tag: int, *, out: bytes = b"", size: int = 0) -> tuple[Reply, dict[str, int]]:
        """Receive until the command has ended: its reply, and the fields of its last PDU."""
        reply, fields = self.finish_raw(tag, out=out, size=size)
        decoded = sense.decode(reply.sense) if reply.status == STATUS_CHECK_CONDITION else None
        return Reply(reply.status, decoded, reply.data), fields

    def finish_raw(
        self, tag: int, *, out: bytes = b"", size: int = 0
    ) -> tuple[api.Reply, dict[str, int]]:
        """As `finish`, with sense data as they came."""
        data_in = bytearray(size)
        length = 0
        while True:
            answer = self.receive()
            fields = answer.fields
            if fields["itt"] != tag:
                raise ValueError(f"an answer to {fields['itt']:#x} instead of {tag:#x}")
            if answer.kind is pdu.R2T:
                end = fields["offset"] + fields["length"]
                self.send_data(tag, fields["ttt"], out, fields["offset"], end)
                continue
            if answer.kind is pdu.DATA_IN:
                end = fields["offset"] + len(answer.data)
                data_in[fields["offset"] : end] = answer.data
                length = max(length, end)
                if not fields["has_status"]:
                    continue
            elif answer.kind is not pdu.SCSI_RESPONSE:
                raise ValueError(f"{answer.kind.name} instead of an answer to a command")
            came = b""
            if answer.kind is pdu.SCSI_RESPONSE:
                came = answer.data[2 : 2 + int.from_bytes(answer.data[:2], "big")]
            return api.Reply(fields["status"], came, bytes(data_in[:length])), fields

    def send(self, cdb: bytes, *, out: bytes = b"", size: int = 0, lun: int = 0) -> Reply:
        """Run a command with ``out`` as data-out or room for ``size`` bytes of data-in."""
        tag = self.start(cdb, out=out, size=size, lun=lun)
        return self.finish(tag, out=out, size=size)[0]

    def manage(self, function: int, *, lun: int = 0, tag: int = NO_TAG, ref_cmd_sn: int = 0) -> int:
        """A task management function, delivered at once; its response."""
        self.request(
            pdu.TASK_MANAGEMENT, immediate=1, function=function, lun=lun << 48,
            referenced_tag=tag, ref_cmd_sn=ref_cmd_sn,
        )  # fmt: skip
        while True:
            answer = self.receive()
            if answer.kind is pdu.TASK_MANAGEMENT_RESPONSE:
                return answer.fields["response"]

    def ping(self, data: bytes = b"ping") -> bytes:
        """NOP-Out with its NOP-In: the data that came back."""
        tag = self.request(pdu.NOP_OUT, data, immediate=1, ttt=NO_TAG)
        answer = self.receive()
        if answer.kind is not pdu.NOP_IN or answer.fields["itt"] != tag:
            raise ValueError(f"{answer.kind.name} instead of NOP-In")
        return answer.data

    def text(self, pairs: Mapping[str, str]) -> bytes:
        """A text request: all of the response."""
        data = keys.encode(pairs)
        ttt, said = NO_TAG, b""
        while True:
            self.request(pdu.TEXT, data, immediate=1, ttt=ttt)
            answer = self.receive()
            if answer.kind is not pdu.TEXT_RESPONSE:
                raise ValueError(f"{answer.kind.name} instead of a text response")
            said += answer.data
            if answer.fields["final"]:
                return said
            ttt, data = answer.fields["ttt"], b""

    def targets(self) -> dict[str, list[str]]:
        """SendTargets=All: addresses by target name."""
        found: dict[str, list[str]] = {}
        for part in self.text({"SendTargets": "All"}).split(b"\0"):
            key, _, value = part.decode().partition("=")
            if key == "TargetName":
                addresses = found.setdefault(value, [])
            elif key == "TargetAddress":
                addresses.append(value)
        return found

    # --- the end -----------------------------------------------------------------------------

    def logout(self) -> int:
        """Close the session; the target's response."""
        self.request(pdu.LOGOUT, immediate=1, reason=0)
        answer = self.receive()
        if answer.kind is not pdu.LOGOUT_RESPONSE:
            raise ValueError(f"{answer.kind.name} instead of a logout response")
        self.wire.close()
        return answer.fields["response"]

    def drop(self) -> None:
        """Close the connection without a word."""
        self.wire.close()

    def nexus_lost(self) -> None:
        """Lose the nexus: the connection breaks, and another one takes its place."""
        self.drop()
        self.login()

    def close(self) -> None:
        """Log out, if there still is a session."""
        try:
            self.logout()
        except (OSError, ValueError):
            self.wire.close()


class Iscsi(Closing):
    """One session to one logical unit, see `api.Initiator`.

    Raises InitiatorError when nobody answers there or the login is refused.
    """

    def __init__(
        self,
        address: tuple[str, int],
        target: str,
        lun: int = 0,
        *,
        name: str = NAME,
        chap: Chap | None = None,
    ) -> None:
        self.lun = lun
        self._address, self._target, self._initiator, self._chap = address, target, name, chap
        self._others: list[Iscsi] = []
        self._session: IscsiInitiator | None = None
        self._connect()

    @property
    def name(self) -> str:
        """iscsi://host:port/target/lun."""
        host, port = self._address
        return f"iscsi://{host}:{port}/{self._target}/{self.lun}"

    @property
    def session(self) -> IscsiInitiator:
        """The session. Raises NoAnswer after the connection broke."""
        if self._session is None:
            raise NoAnswer(f"{self.name}: the connection is broken: reconnect")
        return self._session

    def send(
        self, cdb: bytes, *, out: bytes = b"", size: int = 0, timeout: float = TIMEOUT
    ) -> api.Reply:
        """Run a command. Raises NoAnswer: then the connection is given up, see `reconnect`."""
        session = self.session
        session.wire.deadline = time.monotonic() + timeout
        try:
            tag = session.start(cdb, out=out, size=size, lun=self.lun)
            return session.finish_raw(tag, out=out, size=size)[0]
        except TimeoutError:
            self._drop()
            raise NoAnswer(
                f"{self.name}: no answer in {timeout:g} s: give the command longer"
            ) from None
        except (OSError, ValueError, KeyError) as error:
            self._drop()
            raise NoAnswer(f"{self.name}: the connection broke ({error}): reconnect") from None

    def another(self) -> Iscsi:
        """A second session, of an initiator with another name."""
        name = f"{self._initiator}-{len(self._others) + 2}"
        other = Iscsi(self._address, self._target, self.lun, name=name, chap=self._chap)
        self._others.append(other)
        return other

    def reset(self) -> None:
        """LOGICAL UNIT RESET (RFC 7143 section 11.5.1). Raises Unsupported, NoAnswer."""
        session = self.session
        session.wire.deadline = time.monotonic() + TIMEOUT
        try:
            response = session.manage(5, lun=self.lun)
        except (OSError, ValueError, KeyError) as error:
            self._drop()
            raise NoAnswer(f"{self.name}: the connection broke ({error}): reconnect") from None
        if response:
            raise Unsupported(f"{self.name}: refuses LOGICAL UNIT RESET (response {response})")

    def reconnect(self) -> None:
        """Break the connection without a logout, and log in again: I_T nexus loss."""
        self._drop()
        self._connect()

    def close(self) -> None:
        """Log out."""
        for other in self._others:
            other.close()
        self._others.clear()
        if self._session is not None:
            self._session.wire.deadline = time.monotonic() + 5.0
            self._session.close()
            self._session = None

    def _connect(self) -> None:
        try:
            self._session = IscsiInitiator(
                self._address, self._target, self._initiator, chap=self._chap
            )
        except LoginRefused as error:
            raise InitiatorError(
                f"{self.name}: the target refuses the login (status {error.status:04x}):"
                " check its name, and who may log in"
            ) from None
        except (OSError, ValueError, KeyError) as error:
            raise InitiatorError(
                f"{self.name}: nobody to log in at ({error}): is the target running?"
            ) from None

    def _drop(self) -> None:
        if self._session is not None:
            self._session.drop()
            self._session = None
