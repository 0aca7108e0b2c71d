"""In a guest with the way iscsi: log in to each unit with Debian's open-iscsi, once for each host.

Host N of the units is an interface of open-iscsi, with an initiator name of its own. The guest's
files are the host's: configuration, records and locks are on file systems in memory, mounted over
/etc/iscsi and /run/lock. iscsid stays, so that sessions come back after the target was restarted.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from target.plan import RigPlan

FOLDER = "/etc/iscsi"
LOCKS = "/run/lock"
ISCSID, ISCSIADM = "/usr/sbin/iscsid", "/usr/sbin/iscsiadm"
LOG = "iscsid.log"
SOCKET = "@ISCSIADM_ABSTRACT_NAMESPACE"
TIMEOUT = 60.0
"""Seconds that iscsid may take to start."""
INITIATOR = "iqn.2026-01.io.keyreel:host{}"
"""Initiator name of a host, by its number."""
CONFIGURATION = """\
node.startup = manual
node.leading_login = No
node.session.initial_login_retry_max = 8
node.session.timeo.replacement_timeout = 120
node.conn[0].timeo.login_timeout = 30
node.conn[0].timeo.noop_out_interval = 0
node.conn[0].timeo.noop_out_timeout = 0
node.session.cmds_max = 32
node.session.queue_depth = 32
node.session.iscsi.InitialR2T = No
node.session.iscsi.ImmediateData = Yes
node.session.iscsi.FirstBurstLength = 1048576
node.session.iscsi.MaxBurstLength = 16776192
node.session.iscsi.DefaultTime2Wait = 0
node.conn[0].iscsi.MaxRecvDataSegmentLength = 1048576
"""
RECORD = """\
node.name = {target}
node.tpgt = 1
iface.iscsi_ifacename = host{host}
iface.initiatorname = {initiator}
iface.transport_name = tcp
node.conn[0].address = {address}
node.conn[0].port = {port}
"""


def prepare(plan: str) -> None:
    """Start iscsid with nothing to do. Raises OSError, RuntimeError."""
    for folder in (FOLDER, LOCKS):
        # A machine that never ran open-iscsi may lack them.
        os.makedirs(folder, exist_ok=True)
        _mount_memory(folder)
    _write(FOLDER + "/iscsid.conf", CONFIGURATION)
    _write(FOLDER + "/initiatorname.iscsi", f"InitiatorName={INITIATOR.format(0)}\n")
    log = os.path.join(os.path.dirname(plan), LOG)
    pid = os.posix_spawn(
        ISCSID,
        ["iscsid", "-f"],
        {"PATH": os.environ["PATH"]},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    deadline = time.monotonic() + TIMEOUT
    while SOCKET not in _read("/proc/net/unix"):
        if os.waitpid(pid, os.WNOHANG)[0]:
            raise RuntimeError(f"iscsid ended at once: {_read(log).strip() or 'it said nothing'}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"iscsid did not answer in {TIMEOUT:g} s, see {log}")
        time.sleep(0.005)


def connect(plan: str) -> None:
    """Log every host in to its units, host by host. Raises RuntimeError."""
    from pathlib import Path

    from target.plan import RigPlan

    rig = RigPlan.load(Path(plan))
    for host in range(max(unit.hosts for unit in rig.units)):
        for unit in rig.units:
            if host < unit.hosts:
                _write_record(rig, unit.name, host)
        _admin(plan, "-m", "node", "-I", f"host{host}", "-l")


def disconnect(plan: str) -> None:
    """Log out of everything that somebody has not logged out of before."""
    # Where that fails the target takes the sessions down.
    with suppress(RuntimeError):
        _admin(plan, "-m", "session", "-u")


def _write_record(rig: RigPlan, unit: str, host: int) -> None:
    """What open-iscsi knows of one host's way to one unit."""
    from target.transports.iscsi.names import target_name

    target, port = target_name(rig.name, unit), rig.iscsi.port
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(rig.iscsi.listen, rig.iscsi.listen)
    initiator = INITIATOR.format(host)
    text = RECORD.format(
        target=target, host=host, initiator=initiator, address=address, port=port
    ) + _authentication(rig, host)
    folder = f"{FOLDER}/nodes/{target}/{address},{port},1"
    os.makedirs(folder, exist_ok=True)
    _write(f"{folder}/host{host}", text)
    os.makedirs(f"{FOLDER}/ifaces", exist_ok=True)
    _write(
        f"{FOLDER}/ifaces/host{host}",
        f"iface.iscsi_ifacename = host{host}\niface.transport_name = tcp\n"
        f"iface.initiatorname = {initiator}\n",
    )


def _authentication(rig: RigPlan, host: int) -> str:
    """The CHAP lines of a record: host N is the Nth initiator of the credentials, or the last."""
    if rig.iscsi.credentials is None:
        return ""
    import tomllib

    with open(rig.iscsi.credentials, "rb") as file:
        credentials = tomllib.load(file)
    names = list(credentials["initiators"])
    name = names[min(host, len(names) - 1)]
    lines = ["authmethod = CHAP", "chap_algs = SHA256,MD5"]
    lines += [f"username = {name}", f"password = {credentials['initiators'][name]}"]
    if "target" in credentials:
        lines.append(f"username_in = {credentials['target']['name']}")
        lines.append(f"password_in = {credentials['target']['secret']}")
    return "".join(f"node.session.auth.{line}\n" for line in lines)


def _admin(plan: str, *arguments: str) -> None:
    """Run iscsiadm. Raises RuntimeError with what it said."""
    log = os.path.join(os.path.dirname(plan), "iscsiadm.log")
    pid = os.posix_spawn(
        ISCSIADM,
        ["iscsiadm", *arguments],
        {"PATH": os.environ["PATH"]},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        said = "; ".join(_read(log).split("\n")[:-1])
        raise RuntimeError(f"iscsiadm {' '.join(arguments)} ended with {status}: {said}")


def _mount_memory(where: str) -> None:
    """An empty file system in memory over a folder, for the owner only."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", where.encode(), b"tmpfs", 0, b"mode=0700"):
        raise OSError(ctypes.get_errno(), f"cannot mount a tmpfs over {where}")


def _write(path: str, text: str) -> None:
    """A file for its owner only: it may have a secret in it."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""
