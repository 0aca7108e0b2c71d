"""The iSCSI server: a thread with an event loop, its sockets, connections and sessions."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from target.scsi.command import Nexus
from target.transports.iscsi import keys
from target.transports.iscsi.chap import Credentials
from target.transports.iscsi.connection import Connection
from target.transports.iscsi.login import (
    NO_SESSION,
    TOO_MANY_CONNECTIONS,
    Login,
    LoginFailed,
)
from target.transports.iscsi.lun import Target
from target.transports.iscsi.names import PORTAL_GROUP, initiator_port, target_name, target_port
from target.transports.iscsi.session import Session

if TYPE_CHECKING:
    from target.plan import IscsiPlan, RigPlan
    from target.scsi.primary import PrimaryUnit

MOST_CONNECTIONS = 128


class IscsiServer:
    """All units of a rig within reach of iSCSI initiators; see `target.transports`.

    Raises OSError with one sentence if it cannot listen, or should not.
    """

    def __init__(self, plan: RigPlan, units: Mapping[str, PrimaryUnit]) -> None:
        credentials = load_credentials(plan.iscsi)
        listening = _listen(plan.iscsi)
        host, port = listening.getsockname()[:2]
        self.address: tuple[str, int] = (host, port)
        """Where it listens."""
        self._loop = Loop(plan.name, units, credentials, listening)
        self._thread = threading.Thread(target=self._loop.run, name="iscsi", daemon=True)
        self._thread.start()

    def ways(self) -> list[str]:
        """The portal, and the target of each unit."""
        host, port = self.address
        portal = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return [f"iscsi: {portal} {target}" for target in self._loop.targets]

    def hosts(self, unit: str) -> list[str]:
        """The initiator ports that are logged in."""
        return list(self._loop.targets[target_name(self._loop.rig, unit)].sessions)

    def close(self) -> None:
        """End all sessions; commands that wait are aborted, one that is running is let end. Once
        or more often."""
        if self._thread.is_alive():
            self._loop.stop()
            self._thread.join()
            self._loop.close()


def load_credentials(plan: IscsiPlan) -> Credentials | None:
    """Those of the plan; None without CHAP. Raises OSError where that is not to be."""
    if plan.credentials is not None:
        return Credentials.load(Path(plan.credentials))
    try:
        local = ipaddress.ip_address(plan.listen).is_loopback
    except ValueError:
        raise OSError(f"iSCSI: {plan.listen} is no address: write one such as 127.0.0.1") from None
    if not local and not plan.insecure:
        raise OSError(
            f"iSCSI: without CHAP others could use the drives at {plan.listen}: set credentials in"
            " [iscsi], or insecure = true if everybody may"
        )
    return None


def _listen(plan: IscsiPlan) -> socket.socket:
    family = socket.AF_INET6 if ":" in plan.listen else socket.AF_INET
    try:
        return socket.create_server((plan.listen, plan.port), family=family, backlog=64)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise OSError(
            f"iSCSI: cannot listen at {plan.listen} port {plan.port} ({why}): set another listen"
            " or port in [iscsi]"
        ) from None


class Loop:
    """What runs in the server's thread."""

    def __init__(
        self,
        rig: str,
        units: Mapping[str, PrimaryUnit],
        credentials: Credentials | None,
        listening: socket.socket,
    ) -> None:
        self.loop = asyncio.new_event_loop()
        self.rig = rig
        self.credentials = credentials
        self.targets = {
            name: Target(name, unit, self.loop)
            for name, unit in ((target_name(rig, key), unit) for key, unit in units.items())
        }
        self.connections: dict[Connection, None] = {}
        """In the order they came."""
        self._listening = listening
        self._next_tsih = 1
        self._stopped = False

    def now(self) -> float:
        """Seconds of the event loop's clock."""
        return self.loop.time()

    # --- life --------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `stop`."""
        self._listening.setblocking(False)
        self.loop.add_reader(self._listening, self._accept)
        self.loop.call_later(1, self._tick)
        self.loop.run_forever()

    def stop(self) -> None:
        """End `run`; from another thread."""
        self.loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self.loop.remove_reader(self._listening)
        self._listening.close()
        for connection in list(self.connections):
            connection.close("")
        self.loop.stop()

    def close(self) -> None:
        """After the end of `run`: the units' threads come to their end."""
        for target in self.targets.values():
            target.close()
        self.loop.close()

    def _tick(self) -> None:
        self.loop.call_later(1, self._tick)
        for connection in list(self.connections):
            connection.tick()

    def _accept(self) -> None:
        try:
            sock, _ = self._listening.accept()
        except OSError as error:
            if not isinstance(error, BlockingIOError):
                # Out of descriptors, most likely: do not spin until there are some.
                logging.getLogger(__name__).error("cannot accept: %s", error.strerror)
                self.loop.remove_reader(self._listening)
                self.loop.call_later(1, self._accept_again)
            return
        if len(self.connections) >= MOST_CONNECTIONS and not self._make_room():
            sock.close()
            return
        self.connections[Connection(self, sock)] = None

    def _accept_again(self) -> None:
        with suppress(ValueError):
            self.loop.add_reader(self._listening, self._accept)

    def _make_room(self) -> bool:
        """Close the oldest connection that has not logged in; False if all have."""
        for connection in self.connections:
            if not connection.logged_in:
                connection.close("too many connections")
                return True
        return False

    def gone(self, connection: Connection) -> None:
        """A connection is closed."""
        self.connections.pop(connection, None)

    # --- sessions ----------------------------------------------------------------------------

    def open_session(
        self, connection: Connection, login: Login, cmd_sn: int
    ) -> tuple[Session, int]:
        """The session of a login that succeeded, and its TSIH. Raises LoginFailed.

        One of the same initiator port is over with that (RFC 7143 section 6.3.5).
        """
        if login.tsih:
            raise self._no_second_connection(login)
        tsih, self._next_tsih = self._next_tsih, self._next_tsih % 0xFFFF + 1
        if login.parameters.discovery:
            return Session(connection, None, Nexus("", ""), login.parameters, cmd_sn), tsih
        target = self.targets[login.target]
        nexus = Nexus(initiator_port(login.initiator, login.isid), target_port(login.target))
        old = target.sessions.get(nexus.initiator)
        if old is not None:
            old.connection.close("the session is reinstated")
        session = Session(connection, target, nexus, login.parameters, cmd_sn)
        target.sessions[nexus.initiator] = session
        return session, tsih

    def _no_second_connection(self, login: Login) -> LoginFailed:
        """Why a login to a session that exists fails: one has one connection."""
        port = initiator_port(login.initiator, login.isid)
        target = self.targets.get(login.target)
        if target is not None and port in target.sessions:
            return LoginFailed(TOO_MANY_CONNECTIONS, "a session has one connection")
        return LoginFailed(NO_SESSION, "there is no such session")

    def send_targets(self, sock: socket.socket, session: Session, wanted: str) -> bytes:
        """The answer to SendTargets (RFC 7143 appendix C), or Reject."""
        own = session.target
        if own is None:
            names = list(self.targets) if wanted == "All" else [wanted]
        else:
            names = [own.name] if wanted in ("", own.name) else []
        if not names or (not wanted and own is None):
            return keys.encode({"SendTargets": "Reject"})
        host, port = sock.getsockname()[:2]
        if ":" in host:
            host = f"[{host}]"
        address = f"{host}:{port},{PORTAL_GROUP}"
        return b"".join(
            keys.encode({"TargetName": name, "TargetAddress": address})
            for name in names
            if name in self.targets
        )
