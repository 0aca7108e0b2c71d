"""From what a user writes to an initiator: the TARGET of `keyreel conform` and of other commands.

/dev/sg0  /dev/nst0  /dev/tape/by-id/...    a unit of this kernel
pysg:/dev/sg0                               the same through py-sg
serial:000000000A                           the same, found by its serial number
iscsi://host:3260/iqn.2026-01.io.keyreel:rig:drive0/0
iscsi://name@host/iqn...?secret-file=FILE   with CHAP: the secret is in a file (chmod 600)
RIG.toml  RIG.toml:drive0                   a drive or changer of a rig, in this process
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from harness.initiators.api import Initiator, InitiatorError

if TYPE_CHECKING:
    from harness.initiators.inprocess import InProcess
    from harness.initiators.iscsi import Chap, Iscsi

ISCSI = "iscsi://"
ISCSI_PORT = 3260
WAYS = "/dev/sg0, iscsi://host/iqn..., RIG.toml or RIG.toml:drive0"


def open_initiator(target: str) -> Initiator:
    """An initiator to that target. Raises InitiatorError with one sentence."""
    if target.startswith(ISCSI):
        return _iscsi(target)
    if target.startswith("pysg:"):
        from harness.initiators.sg import PySg

        return PySg(_node(target.removeprefix("pysg:")))
    file, _, unit = target.rpartition(":") if ".toml:" in target else (target, "", "")
    if file.endswith(".toml"):
        return _rig(file, unit, target)
    if target.startswith(("/dev/", "serial:")):
        from harness.initiators.sg import Sg

        return Sg(_node(target))
    raise InitiatorError(f"{target}: is no target: write {WAYS}")


def _node(name: str) -> str:
    """The SCSI generic node of a unit by any of its names."""
    from harness import discovery

    if name.startswith("/dev/sg"):
        return name
    nodes = discovery.find(name.removeprefix("serial:"))
    if nodes is None:
        raise InitiatorError(f"{name}: is no tape drive or changer: see `keyreel devices`")
    return nodes.sg


def _iscsi(target: str) -> Iscsi:
    from harness.initiators.iscsi import Iscsi

    try:
        parts = urlsplit(target)
        host, port = parts.hostname, parts.port or ISCSI_PORT
    except ValueError:
        host, port = None, 0
    iqn, _, lun = unquote(parts.path.strip("/")).partition("/") if host else ("", "", "")
    if not host or not iqn or not (lun or "0").isdecimal():
        raise InitiatorError(f"{target}: is no target: write iscsi://host:port/iqn... or .../lun")
    if parts.password is not None:
        raise InitiatorError(
            "a secret in a command line is seen by everybody: write iscsi://name@host/iqn..."
            "?secret-file=FILE"
        )
    chap = _chap(parts.username, parse_qs(parts.query))
    return Iscsi((host, port), iqn, int(lun or "0"), chap=chap)


def _chap(user: str | None, query: dict[str, list[str]]) -> Chap | None:
    from harness.initiators.iscsi import Chap
    from keymgr.private_file import NotPrivate, read_password

    files = query.get("secret-file")
    if user is None and files is None:
        return None
    if not user or not files:
        raise InitiatorError(
            "CHAP needs a name and a secret: write iscsi://name@host/iqn...?secret-file=FILE"
        )
    try:
        secret = read_password(Path(files[0]), "secret").reveal().decode()
    except NotPrivate as error:
        raise InitiatorError(str(error)) from None
    except UnicodeDecodeError:
        raise InitiatorError(f"{files[0]}: is no text: name the file with the secret") from None
    if not secret:
        raise InitiatorError(f"{files[0]}: is empty: write the secret into it")
    return Chap(unquote(user), secret)


def _rig(file: str, unit: str, target: str) -> InProcess:
    """A unit of a rig that is served in this process, its state in a new folder."""
    from dataclasses import replace

    from harness.initiators.inprocess import InProcess
    from harness.rig import Rig, RigError
    from harness.state import StateError, open_state
    from target.serve import FAILURES, Service
    from target.shelf import stock

    with ExitStack() as stack:
        try:
            rig = Rig.load(Path(file))
            state = stack.enter_context(open_state(None, in_memory=True))
            plan = replace(rig.plan(state.folder), transports=(), run="")
            stock(plan)
            service = Service(plan)
        except (RigError, StateError, *FAILURES) as error:
            raise InitiatorError(str(error)) from None
        stack.callback(service.close)
        if unit and unit not in service.units:
            known = ", ".join(service.units)
            raise InitiatorError(
                f"{file}: has no unit {unit}: write one of {known} after the colon"
            )
        one = service.units[unit or next(iter(service.units))]
        return InProcess(one, target=target, closing=stack.pop_all().close)
