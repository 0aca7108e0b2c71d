"""One TCP connection: login first, then the requests of its session.

Everything here runs in the event loop and never waits. What breaks the protocol is answered with
Reject where that is enough (RFC 7143 section 11.17), else it ends the connection: with error
recovery level 0 a new login is the only cure there is (section 7.1.5).
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from target.transports.iscsi import keys, pdu
from target.transports.iscsi.login import Login, LoginFailed
from target.transports.iscsi.management import manage
from target.transports.iscsi.pdu import NO_TAG
from target.transports.iscsi.session import MOST_IMMEDIATE, WINDOW, Session
from target.transports.iscsi.stream import Broken, Receiver, Sender
from target.transports.iscsi.task import Task

if TYPE_CHECKING:
    from target.transports.iscsi.server import Loop

LOGIN_TIME = 15.0
"""Seconds from the connection to the end of its login."""
SILENCE = 20.0
"""Seconds without a word after which an initiator is asked; after as many again it is gone."""
STUCK = 60.0
"""Seconds in which an initiator that has something to receive must take some of it."""
CLOSING = 3.0
"""Seconds for an initiator to take the last response and to close."""
TOO_MUCH = 48 << 20
"""Bytes waiting to be sent, beyond which nothing more is read."""
READS = 16
"""Times that one connection is read from before others have their turn."""

Action = Callable[[], object]
Handler = Callable[[dict[str, int], memoryview], object]
"""Acts on a request, given its header's fields and its data."""


class Connection:
    """A connection that was just accepted."""

    def __init__(self, server: Loop, sock: socket.socket) -> None:
        self.server = server
        self.session: Session | None = None
        self.receiver = Receiver(self, keys.LOGIN_SEGMENT)
        self.sender = Sender()
        self.stat_sn = 1
        self._socket = sock
        self._login: Login | None = Login(server.credentials, server.targets.__contains__)
        self._finish: Callable[[bool], object] = lambda intact: None
        self._dropped = bytearray()
        self._filled: Task | None = None
        """Whose buffer the data that come now go to."""
        self._closed = False
        self._ending = False
        """No request is taken any more; closed once everything is sent."""
        self._reading = self._writing = False
        self._text = bytearray()
        """What has come of a text request in several parts."""
        self._rest = b""
        """What is still to be sent of a text response."""
        self._asked: float | None = None
        """When it was asked whether it is still there."""
        self._cid = 0
        now = server.now()
        self.opened = self._heard = self._moved = now
        sock.setblocking(False)
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._set_reading(True)

    @property
    def logged_in(self) -> bool:
        """Whether it is in full feature phase."""
        return self.session is not None

    # --- bytes -------------------------------------------------------------------------------

    def _set_reading(self, wanted: bool) -> None:
        if wanted != self._reading:
            self._reading = wanted
            loop = self.server.loop
            if wanted:
                loop.add_reader(self._socket, self._readable)
            else:
                loop.remove_reader(self._socket)

    def _set_writing(self, wanted: bool) -> None:
        if wanted != self._writing:
            self._writing = wanted
            loop = self.server.loop
            if wanted:
                loop.add_writer(self._socket, self._writable)
            else:
                loop.remove_writer(self._socket)

    def _readable(self) -> None:
        try:
            for _ in range(READS):
                if self._closed or self.sender.waiting >= TOO_MUCH or not self._read():
                    break
            self.flush()
        except Broken as error:
            self.close(str(error))
        except OSError as error:
            self.close(str(error.strerror))
        except Exception:
            logging.getLogger(__name__).exception("a connection failed")
            self.close("internal error")

    def _read(self) -> bool:
        """Take what is there; False if that was all. Raises Broken, OSError."""
        try:
            if self._ending:
                if not self._socket.recv(65536):
                    self.close("")
                return True
            buffers = self.receiver.buffers()
            room = sum(map(len, buffers))
            count = self._socket.recvmsg_into(buffers)[0]
        except (BlockingIOError, InterruptedError):
            return False
        if not count:
            self.close("")
            return False
        self._heard, self._asked = self.server.now(), None
        self.receiver.received(count)
        return count == room

    def _writable(self) -> None:
        self.flush()
        if self.session is not None:
            self.session.pump()

    def flush(self) -> None:
        """Send as much as can be sent now."""
        sender = self.sender
        try:
            while not self._closed and (views := sender.views()):
                sender.sent(self._socket.sendmsg(views))
                self._moved = self.server.now()
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self.close(str(error.strerror))
        if self._closed:
            return
        self._set_writing(bool(sender.waiting))
        self._set_reading(sender.waiting < TOO_MUCH)
        if self._ending and not sender.waiting:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def send(
        self,
        header: bytearray,
        data: bytes | memoryview = b"",
        sent: Action | None = None,
        *,
        numbered: bool = True,
    ) -> None:
        """Queue a PDU with the numbers of session and connection; ``numbered``: it has a StatSN
        of its own."""
        if self._closed:
            if sent is not None:
                sent()
            return
        header[24:28] = self.stat_sn.to_bytes(4, "big")
        if self.session is not None:
            header[28:32] = self.session.exp_cmd_sn.to_bytes(4, "big")
            header[32:36] = self.session.max_cmd_sn.to_bytes(4, "big")
        if numbered:
            self.stat_sn = self.stat_sn + 1 & 0xFFFFFFFF
        self.sender.put(header, data, sent)

    def finish(self) -> None:
        """Take no more requests; close when all is sent."""
        if not self._ending and not self._closed:
            self._ending = True
            self._heard = self.server.now()
            if self.session is not None:
                self.session.close()
            self.flush()

    def close(self, why: str) -> None:
        """End it at once; ``why`` is for the log. Once."""
        if self._closed:
            return
        self._closed = True
        if why and self.session is not None:
            logging.getLogger(__name__).warning("%s: %s", self.session.nexus.initiator, why)
        self._set_reading(False)
        self._set_writing(False)
        self._socket.close()
        self.sender.drop()
        self.server.gone(self)
        if self.session is not None:
            self.session.close()
        if self._filled is not None:
            self._filled.release()
            self._fill(None)

    def _fill(self, task: Task | None) -> None:
        """The data that come from now on are that task's; those before are all there."""
        before, self._filled = self._filled, task
        if before is not None:
            before.received()

    def tick(self) -> None:
        """Called every second: time limits."""
        now = self.server.now()
        if self._ending:
            if now - self._heard > CLOSING:
                self.close("")
        elif self.session is None:
            if now - self.opened > LOGIN_TIME:
                self.close("the login took too long")
        elif self.sender.waiting and now - self._moved > STUCK:
            self.close("the initiator takes no data")
        elif self._asked is not None:
            if now - self._asked > SILENCE:
                self.close("the initiator is silent")
        elif now - self._heard > SILENCE:
            self._asked = now
            self.send(pdu.NOP_IN.make(final=1, itt=NO_TAG, ttt=1), numbered=False)
            self.flush()

    # --- PDUs --------------------------------------------------------------------------------

    def begin(self, header: bytes, ahs: bytes, length: int) -> memoryview:
        """A header has come: where its data go. See `stream.Sink`."""
        if self._closed:
            raise Broken("closed")
        kind = pdu.REQUESTS.get(header[0] & 0x3F)
        self._finish = lambda intact: None
        if self._ending:
            return self._drop(length)
        if self._login is not None:
            if kind is not pdu.LOGIN:
                raise Broken("no login")
            return self._whole(header, length, self._log_in)
        if kind is None:
            return self._refuse(header, length, pdu.NOT_SUPPORTED)
        session = self.session
        assert session is not None
        if session.target is None and kind not in (pdu.TEXT, pdu.LOGOUT):
            return self._refuse(header, length, pdu.PROTOCOL_ERROR)
        if kind is pdu.DATA_OUT:
            return self._data_out(header, length)
        if kind is pdu.SNACK:
            return self._refuse(header, length, pdu.SNACK_REJECT)
        if kind is pdu.LOGIN:
            return self._refuse(header, length, pdu.PROTOCOL_ERROR)
        fields = kind.read(header)
        if not session.in_window(fields):
            return self._drop(length)
        if kind is pdu.SCSI_COMMAND:
            return self._command(fields, header, ahs, length)
        handler: Handler = {
            pdu.NOP_OUT: self._nop_out,
            pdu.TASK_MANAGEMENT: self._manage,
            pdu.TEXT: self._text_request,
            pdu.LOGOUT: self._log_out,
        }[kind]
        return self._whole(
            header,
            length,
            lambda fields, data: session.deliver(fields, lambda: handler(fields, data)),
        )

    def end(self, intact: bool) -> None:
        """The PDU is all there. See `stream.Sink`."""
        self._dropped[:] = bytes(len(self._dropped))
        finish, self._finish = self._finish, lambda intact: None
        finish(intact)

    def _drop(self, length: int) -> memoryview:
        """Where data go that nobody wants. They may be a key: see `end`."""
        self._dropped = bytearray(length)
        return memoryview(self._dropped)

    def _whole(self, header: bytes, length: int, handler: Handler) -> memoryview:
        """Take the PDU's data, then call ``handler`` with its fields and data."""
        data = memoryview(bytearray(length))
        kind = pdu.REQUESTS[header[0] & 0x3F]

        def finish(intact: bool) -> None:
            if not intact:
                self._broken(header)
            handler(kind.read(header), data)

        self._finish = finish
        return data

    def _refuse(self, header: bytes, length: int, reason: int) -> memoryview:
        """Take the PDU's data and answer with Reject."""

        def finish(intact: bool) -> None:
            session, kind = self.session, pdu.REQUESTS.get(header[0] & 0x3F)
            fields = {} if kind is None else kind.read(header)
            if session is not None and "cmd_sn" in fields and session.in_window(fields):
                session.deliver(fields, lambda: None)
            self.reject(header, reason)

        self._finish = finish
        return self._drop(length)

    def reject(self, header: bytes, reason: int) -> None:
        """Say that a PDU was not taken."""
        self.send(pdu.REJECT.make(final=1, reason=reason, itt=NO_TAG), header)

    def _broken(self, header: bytes) -> None:
        """A wrong data digest: with error recovery level 0 the session is over."""
        self.reject(header, pdu.DATA_DIGEST_ERROR)
        self.flush()
        raise Broken("wrong data digest")

    # --- login -------------------------------------------------------------------------------

    def _log_in(self, fields: dict[str, int], data: memoryview) -> None:
        """One step of the login."""
        login = self._login
        assert login is not None
        numbers = {"itt": fields["itt"], "exp_cmd_sn": fields["cmd_sn"]}
        numbers["max_cmd_sn"] = fields["cmd_sn"] + WINDOW - 1
        try:
            answer, text = login.step(fields, data)
            if login.done:
                session, answer["tsih"] = self.server.open_session(self, login, fields["cmd_sn"])
        except LoginFailed as failure:
            logging.getLogger(__name__).info("login refused: %s", failure)
            status = {"status_class": failure.status >> 8, "status_detail": failure.status & 0xFF}
            same = {name: fields[name] for name in ("csg", "isid", "tsih")}
            self.send(pdu.LOGIN_RESPONSE.make(numbers | status | same))
            self.finish()
            return
        self.send(pdu.LOGIN_RESPONSE.make(numbers | answer), text)
        if login.done:
            self._login, self.session, self._cid = None, session, login.cid
            values = session.parameters.values
            for half in (self.receiver, self.sender):
                half.header_digest = values["HeaderDigest"] == "CRC32C"
                half.data_digest = values["DataDigest"] == "CRC32C"
            self.receiver.limit = keys.OUR_SEGMENT

    # --- requests ----------------------------------------------------------------------------

    def _command(
        self, fields: dict[str, int], header: bytes, ahs: bytes, length: int
    ) -> memoryview:
        """SCSI Command, with immediate data."""
        session = self.session
        assert session is not None
        cdb = pdu.extended_cdb(header[32:48], ahs)
        if fields["itt"] in session.tasks:
            return self._refuse(header, length, pdu.TASK_IN_PROGRESS)
        if fields["itt"] == NO_TAG:
            return self._refuse(header, length, pdu.INVALID_FIELD)
        if cdb is None or (fields["read"] and fields["write"]):
            return self._refuse(header, length, pdu.NOT_SUPPORTED)
        if fields["immediate"] and len(session.tasks) >= WINDOW + MOST_IMMEDIATE:
            return self._refuse(header, length, pdu.TOO_MANY_IMMEDIATE)
        task = Task(fields, cdb, session.parameters, session.pool)
        self._fill(task)
        place = None
        if length:
            place = task.immediate(length, session.parameters.yes("ImmediateData"))

        def finish(intact: bool) -> None:
            self._fill(None)
            if not intact:
                self._broken(header)
            session.started(task, bool(fields["final"]))
            session.deliver(fields, lambda: session.enqueue(task))

        self._finish = finish
        return place if place is not None else self._drop(length)

    def _data_out(self, header: bytes, length: int) -> memoryview:
        """SCSI Data-Out, straight into the buffer of its command."""
        session = self.session
        assert session is not None
        fields = pdu.DATA_OUT.read(header)
        task = session.tasks.get(fields["itt"])
        if task is None:
            if session.forgot(fields["itt"]):
                return self._drop(length)
            return self._refuse(header, length, pdu.PROTOCOL_ERROR)
        self._fill(task)
        place = task.data_out(fields)

        def finish(intact: bool) -> None:
            self._fill(None)
            if not intact:
                self._broken(header)
            session.data_out_ended(task, fields)

        self._finish = finish
        return place if place is not None else self._drop(length)

    def _nop_out(self, fields: dict[str, int], data: memoryview) -> None:
        if fields["itt"] != NO_TAG:
            most = self._most()
            header = pdu.NOP_IN.make(final=1, itt=fields["itt"], ttt=NO_TAG, lun=fields["lun"])
            self.send(header, data[:most])

    def _manage(self, fields: dict[str, int], data: memoryview) -> None:
        assert self.session is not None
        manage(self.session, fields)

    def _most(self) -> int:
        """Bytes of a data segment that the initiator takes."""
        assert self.session is not None
        return self.session.parameters["MaxRecvDataSegmentLength"]

    def _text_request(self, fields: dict[str, int], data: memoryview) -> None:
        """Text Request: SendTargets, or a parameter that may change."""
        session = self.session
        assert session is not None
        if fields["ttt"] == NO_TAG:
            self._text.clear()
            self._rest = b""
        elif self._rest and not data:
            self._send_text(fields)
            return
        self._text += data
        if len(self._text) > keys.LONGEST_TEXT:
            raise Broken("too much text")
        if fields["continue"]:
            self.send(pdu.TEXT_RESPONSE.make(itt=fields["itt"], ttt=1))
            return
        try:
            offers = keys.parse(self._text)
        except keys.TextError as error:
            raise Broken(str(error)) from None
        finally:
            self._text.clear()
        answers = b""
        wanted = offers.pop("SendTargets", None)
        if wanted is not None:
            answers = self.server.send_targets(self._socket, session, wanted)
        answers += keys.encode(session.parameters.negotiate(offers, keys.When.FULL))
        self._rest = answers
        self._send_text(fields)

    def _send_text(self, fields: dict[str, int]) -> None:
        """The next part of a text response, or all of it; final if the request was."""
        most = min(self._most(), keys.LOGIN_SEGMENT)
        part, self._rest = self._rest[:most], self._rest[most:]
        more = bool(self._rest)
        final = fields["final"] and not more
        header = pdu.TEXT_RESPONSE.make(
            {"final": final, "continue": more, "itt": fields["itt"], "ttt": NO_TAG if final else 1}
        )
        self.send(header, part)

    def _log_out(self, fields: dict[str, int], data: memoryview) -> None:
        """Logout: of the session or of its only connection; recovery is not supported."""
        response = {0: 0, 1: 0}.get(fields["reason"], 2)
        if fields["reason"] == 1 and fields["cid"] != self._cid:
            response = 1
        self.send(pdu.LOGOUT_RESPONSE.make(final=1, itt=fields["itt"], response=response))
        if not response:
            self.finish()
