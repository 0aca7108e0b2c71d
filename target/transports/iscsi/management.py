"""Task management functions (RFC 7143 sections 11.5 and 11.6, SAM-5 7).

An answer is sent once what it tells of is so: a running command has ended, a reset is done. Data
that initiators were asked for and that belong to aborted commands are dropped as they come; their
end is not waited for, because initiators do not send them any more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from target.scsi import sense as s
from target.transports.iscsi import pdu
from target.transports.iscsi.lun import is_lun_0
from target.transports.iscsi.pdu import later

if TYPE_CHECKING:
    from target.scsi.sense import Code
    from target.transports.iscsi.lun import Target
    from target.transports.iscsi.session import Session

ABORT_TASK, ABORT_TASK_SET, CLEAR_ACA, CLEAR_TASK_SET = 1, 2, 3, 4
LOGICAL_UNIT_RESET, TARGET_WARM_RESET, TARGET_COLD_RESET, TASK_REASSIGN = 5, 6, 7, 8

COMPLETE, NO_TASK, NO_LUN, NO_REASSIGN, NOT_SUPPORTED, REJECTED = 0, 1, 2, 4, 5, 255

MOST = 8
"""Functions that a session may have going on."""
RESETS: dict[int, Code] = {
    LOGICAL_UNIT_RESET: s.DEVICE_RESET,
    TARGET_WARM_RESET: s.BUS_RESET,
    TARGET_COLD_RESET: s.POWER_ON,
}
_CONTROL_MODE_PAGE = 0x0A


def manage(session: Session, fields: dict[str, int]) -> None:
    """Carry out a function and answer."""
    target, function = session.target, fields["function"]
    assert target is not None
    answer = partial(_answer, session, fields["itt"])
    if session.managing >= MOST:
        _send(session, fields["itt"], REJECTED)
        return
    session.managing += 1
    on_lun = function in (ABORT_TASK_SET, CLEAR_TASK_SET, LOGICAL_UNIT_RESET)
    if on_lun and not is_lun_0(fields["lun"]):
        answer(NO_LUN)
    elif function == ABORT_TASK:
        _abort_task(session, fields, answer)
    elif function == ABORT_TASK_SET:
        _after(session, session.abort_all(), lambda: answer(COMPLETE))
    elif function == CLEAR_TASK_SET:
        _clear(session, target)
        target.event(lambda: _tell(target, session, s.COMMANDS_CLEARED), lambda: answer(COMPLETE))
    elif function in RESETS:
        _clear(session, target)
        target.event(
            lambda: target.unit.reset(RESETS[function]),
            lambda: _reset_done(session, target, function, answer),
        )
    elif function == TASK_REASSIGN:
        answer(NO_REASSIGN)
    else:
        answer(NOT_SUPPORTED)


def _abort_task(session: Session, fields: dict[str, int], answer: Callable[[int], None]) -> None:
    task = session.tasks.get(fields["referenced_tag"])
    number = fields["ref_cmd_sn"]
    if task is not None:
        _after(session, session.abort(task), lambda: answer(COMPLETE))
    elif not later(session.exp_cmd_sn, number) and later(fields["cmd_sn"], number):
        # It has not come, and is not to be run if it does.
        if session.in_window({"immediate": 0, "cmd_sn": number}):
            session.skip(number)
        answer(COMPLETE)
    else:
        answer(NO_TASK)


def _after(session: Session, running: bool, then: Callable[[], None]) -> None:
    """Call ``then`` once the running command, if it is ``running``, has ended."""
    if not running:
        then()
        return
    over: list[bool] = []
    session.when_ended += [lambda: over.append(True), then]
    assert session.target is not None
    session.target.nag(session.nexus, lambda: bool(over))


def _clear(session: Session, target: Target) -> None:
    """Take the commands of all sessions away; others hear of it as the unit's TAS bit has it."""
    session.abort_all()
    status = bool(target.unit.modes.value("tas", _CONTROL_MODE_PAGE))
    for other in target.others(session):
        other.abort_all(answer=status)
        other.connection.flush()
    over: list[bool] = []
    target.nag(None, lambda: bool(over))
    target.submit(lambda: None, lambda _: over.append(True))


def _tell(target: Target, session: Session, code: Code) -> None:
    """Other nexuses hear of it with their next command."""
    target.unit.attention(code, but=session.nexus)


def _reset_done(
    session: Session, target: Target, function: int, answer: Callable[[int], None]
) -> None:
    answer(COMPLETE)
    if function == TARGET_COLD_RESET:
        for each in list(target.sessions.values()):
            each.connection.finish()


def _answer(session: Session, itt: int, response: int) -> None:
    session.managing -= 1
    _send(session, itt, response)


def _send(session: Session, itt: int, response: int) -> None:
    if not session.closed:
        header = pdu.TASK_MANAGEMENT_RESPONSE.make(final=1, itt=itt, response=response)
        session.connection.send(header)
        session.connection.flush()
