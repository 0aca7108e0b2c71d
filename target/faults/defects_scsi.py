"""Defects of what any SCSI device has (SPC-4): sense data, attentions, pages, reservations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from target.faults.defect import defect
from target.faults.patches import Handler, Patches
from target.scsi import sense as s
from target.scsi.command import (
    GOOD,
    STATUS_GOOD,
    Buffers,
    Call,
    Command,
    Completion,
    Nexus,
    Rule,
)
from target.scsi.device_server import Run
from target.scsi.sense import CheckCondition, Code, Sense
from target.tape.drive import Drive

_CHANGEABLE = 1
_ALL_BITS = 0xFF


def _coded(patches: Patches, wrong: dict[Code, Code]) -> None:
    def change(sense: Sense) -> Sense:
        return replace(sense, code=wrong.get(sense.code, sense.code))

    patches.sense(change)


@defect("reserved-bits-accepted", "Reserved bits of CDBs are not looked at.")
def _reserved_bits(drive: Drive, patches: Patches) -> None:
    for row in drive.commands:
        patches.row(row.name, reserved=0)


@defect("opcode-sense-wrong", "A command that is not there is 5/24/00 and not 5/20/00.")
def _opcode_sense(drive: Drive, patches: Patches) -> None:
    _coded(patches, {s.INVALID_OPCODE: s.INVALID_FIELD_IN_CDB})


@defect("field-sense-wrong", "An invalid field in the CDB is 5/26/00 and not 5/24/00.")
def _field_sense(drive: Drive, patches: Patches) -> None:
    _coded(patches, {s.INVALID_FIELD_IN_CDB: s.INVALID_PARAMETER})


@defect("field-pointer-missing", "No invalid field is pointed at: SKSV is 0.")
def _pointer_missing(drive: Drive, patches: Patches) -> None:
    patches.sense(lambda sense: replace(sense, pointer=None))


@defect("field-pointer-wrong", "The field pointer names the byte behind the one that is wrong.")
def _pointer_wrong(drive: Drive, patches: Patches) -> None:
    def move(sense: Sense) -> Sense:
        if sense.pointer is None:
            return sense
        return replace(sense, pointer=(sense.pointer[0] + 1, sense.pointer[1]))

    patches.sense(move)


@defect("field-pointer-place", "C/D says that fields of parameter lists are in the CDB.")
def _pointer_place(drive: Drive, patches: Patches) -> None:
    patches.sense(lambda sense: replace(sense, in_cdb=True))


@defect("descriptor-sense-ignored", "Sense data are in fixed format, whatever was asked for.")
def _descriptor_sense(drive: Drive, patches: Patches) -> None:
    def fixed(real: Callable[[Sense, bool], bytes], sense: Sense, descriptor: bool) -> bytes:
        return real(sense, False)

    patches.wrap(drive, "encode_sense", fixed)


@defect("request-sense-stale", "REQUEST SENSE tells again what the last failed command was told.")
def _request_sense(drive: Drive, patches: Patches) -> None:
    last: list[Sense] = []

    def told(real: Callable[[Sense, bytes], None], sense: Sense, cdb: bytes) -> None:
        last[:] = [sense]
        real(sense, cdb)

    def pending(real: Callable[[Nexus], Sense], nexus: Nexus) -> Sense:
        return last[0] if last else real(nexus)

    patches.wrap(drive, "told", told)
    patches.wrap(drive, "pending_sense", pending)


# --- unit attentions ---------------------------------------------------------------------------


@defect("attention-lost", "Nexuses do not hear what others have changed.")
def _attention_lost(drive: Drive, patches: Patches) -> None:
    patches.set(drive, "tell", lambda nexus, code: None)


@defect("attention-twice", "Each unit attention is reported by two commands.")
def _attention_twice(drive: Drive, patches: Patches) -> None:
    again: set[tuple[Nexus, Code]] = set()

    def told(real: Callable[[Sense, bytes], None], sense: Sense, cdb: bytes) -> None:
        nexus = drive.running
        if sense.code.key == 6 and nexus is not None:
            if (nexus, sense.code) not in again:
                again.add((nexus, sense.code))
                drive.nexuses[nexus].attentions.insert(0, sense.code)
            else:
                again.discard((nexus, sense.code))
        real(sense, cdb)

    patches.wrap(drive, "told", told)


@defect("attention-to-inquiry", "INQUIRY ends with a pending unit attention.")
def _attention_inquiry(drive: Drive, patches: Patches) -> None:
    row = drive.find(0x12, None)
    assert row is not None
    patches.row("INQUIRY", rules=row.rules & ~Rule.PASSES_ATTENTION)


# --- lengths -----------------------------------------------------------------------------------


class _Whole(Call):
    """A command whose allocation length nobody looks at."""

    def reply(self, data: bytes | bytearray, allocation: int) -> Completion:
        return super().reply(data, len(data))


def _whole(real: Handler, drive: Drive, call: Call) -> Completion:
    whole = _Whole(call.command, call.nexus, call.cdb, call.data_out, call.data_in)
    return real(drive, whole)


@defect("allocation-length-ignored", "INQUIRY, MODE SENSE and LOG SENSE return all they have.")
def _allocation_ignored(drive: Drive, patches: Patches) -> None:
    for name in ("INQUIRY", "MODE SENSE(6)", "MODE SENSE(10)", "LOG SENSE"):
        patches.handler(name, _whole)


@defect("allocation-length-refused", "INQUIRY with an allocation length below 36 is refused.")
def _allocation_refused(drive: Drive, patches: Patches) -> None:
    def inquiry(real: Handler, drive: Drive, call: Call) -> Completion:
        if call["allocation_length"] < 36:
            raise call.invalid("allocation_length")
        return real(drive, call)

    patches.handler("INQUIRY", inquiry)


def _added(at: int, size: int, by: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        if len(data) >= at + size:
            number = int.from_bytes(data[at : at + size], "big") + by
            data[at : at + size] = (number % (1 << 8 * size)).to_bytes(size, "big")

    return change


@defect("additional-length-wrong", "ADDITIONAL LENGTH of INQUIRY data counts four bytes too many.")
def _additional_length(drive: Drive, patches: Patches) -> None:
    change = _added(4, 1, 4)
    patches.data(0x12, lambda cdb, data: None if cdb[1] & 1 else change(data))


@defect("vpd-length-wrong", "PAGE LENGTH of VPD pages counts their headers too.")
def _vpd_length(drive: Drive, patches: Patches) -> None:
    change = _added(2, 2, 4)
    patches.data(0x12, lambda cdb, data: change(data) if cdb[1] & 1 else None)


@defect("mode-length-wrong", "MODE DATA LENGTH counts itself.")
def _mode_length(drive: Drive, patches: Patches) -> None:
    short, long = _added(0, 1, 1), _added(0, 2, 2)
    patches.data(0x1A, lambda cdb, data: short(data))
    patches.data(0x5A, lambda cdb, data: long(data))


# --- pages -------------------------------------------------------------------------------------


@defect("vpd-unknown-accepted", "A VPD page that is not there is returned, empty.")
def _vpd_unknown(drive: Drive, patches: Patches) -> None:
    def inquiry(real: Handler, drive: Drive, call: Call) -> Completion:
        if not call["evpd"] or call["page_code"] in drive.vpd_pages:
            return real(drive, call)
        return call.reply(bytes((1, call["page_code"], 0, 0)), call["allocation_length"])

    patches.handler("INQUIRY", inquiry)


@defect("inquiry-page-accepted", "INQUIRY takes a page code although EVPD is 0.")
def _inquiry_page(drive: Drive, patches: Patches) -> None:
    def inquiry(real: Handler, drive: Drive, call: Call) -> Completion:
        if call["evpd"]:
            return real(drive, call)
        return call.reply(drive.inquiry_data, call["allocation_length"])

    patches.handler("INQUIRY", inquiry)


@defect("mode-select-ignored", "MODE SELECT is GOOD and sets nothing.")
def _mode_select(drive: Drive, patches: Patches) -> None:
    for name in ("MODE SELECT(6)", "MODE SELECT(10)"):
        patches.handler(name, lambda real, drive, call: GOOD)


@defect("mode-mask-wrong", "MODE SENSE says that every bit of a mode page can be changed.")
def _mode_mask(drive: Drive, patches: Patches) -> None:
    def sense(real: Callable[..., bytes], page: Any, control: int, *rest: Any) -> bytes:
        data = bytearray(real(page, control, *rest))
        head = 4 if data[0] & 0x40 else 2
        if control == _CHANGEABLE:
            data[head:] = bytes((_ALL_BITS,)) * (len(data) - head)
        return bytes(data)

    patches.wrap(drive.modes, "sense", sense)


@defect("log-reset-ignored", "LOG SELECT is GOOD and resets no counter.")
def _log_reset(drive: Drive, patches: Patches) -> None:
    patches.handler("LOG SELECT", lambda real, drive, call: GOOD)


@defect("log-unknown-accepted", "A log page that is not there is returned, empty.")
def _log_unknown(drive: Drive, patches: Patches) -> None:
    def log_sense(real: Handler, drive: Drive, call: Call) -> Completion:
        try:
            return real(drive, call)
        except CheckCondition:
            return call.reply(bytes((call["page_code"], 0, 0, 0)), call["allocation_length"])

    patches.handler("LOG SENSE", log_sense)


@defect("opcodes-incomplete", "REPORT SUPPORTED OPERATION CODES leaves out LOCATE(10).")
def _opcodes(drive: Drive, patches: Patches) -> None:
    def known(row: Command) -> bool:
        return row.name != "LOCATE(10)"

    patches.set(drive, "commands", tuple(filter(known, drive.commands)))


@defect("density-missing", "REPORT DENSITY SUPPORT says that no density can be written.")
def _density(drive: Drive, patches: Patches) -> None:
    def clear(cdb: bytes, data: bytearray) -> None:
        if not cdb[1] & 2:
            for at in range(4, len(data), 52):
                data[at + 2 : at + 3] = bytes((data[at + 2] & 0x7F,))

    patches.data(0x44, clear)


@defect("timestamp-ignored", "SET TIMESTAMP is GOOD and sets nothing.")
def _timestamp(drive: Drive, patches: Patches) -> None:
    patches.handler("SET TIMESTAMP", lambda real, drive, call: GOOD)


# --- reservations ------------------------------------------------------------------------------


@defect("reservations-ignored", "A reservation shuts no nexus out.")
def _reservations(drive: Drive, patches: Patches) -> None:
    patches.later(drive._raise_barriers)
    patches.set(drive, "_barrier", lambda nexus: None)
    drive._raise_barriers()


@defect("generation-stuck", "PRGENERATION does not move.")
def _generation(drive: Drive, patches: Patches) -> None:
    def stick(cdb: bytes, data: bytearray) -> None:
        if cdb[1] & 0x1F in (0, 1, 3):
            data[:4] = bytes(len(data[:4]))

    patches.data(0x5E, stick)


@defect("reservation-key-ignored", "PERSISTENT RESERVE OUT takes any reservation key.")
def _reservation_key(drive: Drive, patches: Patches) -> None:
    from target.scsi.registrations import Registrant

    def answer(
        run: Run, nexus: Nexus, cdb: bytes, data_out: Buffers, data_in: Buffers
    ) -> Completion:
        key = drive.persistent.keys.get(Registrant.of(nexus))
        if cdb[0] == 0x5F and key is not None and data_out and len(data_out[0]) >= 8:
            data_out[0][:8] = key.to_bytes(8, "big")
        return run(nexus, cdb, data_out, data_in)

    patches.between(answer)


@defect("conflict-as-good", "A command that conflicts with a reservation is GOOD and does nothing.")
def _conflict(drive: Drive, patches: Patches) -> None:
    def answer(
        run: Run, nexus: Nexus, cdb: bytes, data_out: Buffers, data_in: Buffers
    ) -> Completion:
        done = run(nexus, cdb, data_out, data_in)
        return done if done.status != 0x18 else Completion(STATUS_GOOD)

    patches.between(answer)
