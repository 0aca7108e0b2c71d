"""Sense data: what a command that did not simply succeed has to say.

The codes that this target gives are named here once, with the sense key that goes with them
(SPC-4 tables 43 and 44; names as in the T10 ASC/ASCQ assignments). A handler raises
`CheckCondition`; the device server encodes it in fixed or descriptor format (SPC-4 4.5.2, 4.5.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple


class Code(NamedTuple):
    """A sense key with an additional sense code and qualifier."""

    key: int
    asc: int
    ascq: int
    name: str

    def __str__(self) -> str:
        return f"{self.key:X}/{self.asc:02X}/{self.ascq:02X} {self.name}"


KEYS = (
    "NO SENSE", "RECOVERED ERROR", "NOT READY", "MEDIUM ERROR", "HARDWARE ERROR",
    "ILLEGAL REQUEST", "UNIT ATTENTION", "DATA PROTECT", "BLANK CHECK", "VENDOR SPECIFIC",
    "COPY ABORTED", "ABORTED COMMAND", "RESERVED", "VOLUME OVERFLOW", "MISCOMPARE", "COMPLETED",
)  # fmt: skip

NO_SENSE = Code(0x0, 0x00, 0x00, "NO ADDITIONAL SENSE INFORMATION")
FILEMARK_DETECTED = Code(0x0, 0x00, 0x01, "FILEMARK DETECTED")
EARLY_WARNING = Code(0x0, 0x00, 0x02, "END-OF-PARTITION/MEDIUM DETECTED")
BEGINNING_OF_PARTITION = Code(0x0, 0x00, 0x04, "BEGINNING-OF-PARTITION/MEDIUM DETECTED")
PROGRAMMABLE_EARLY_WARNING = Code(0x0, 0x00, 0x07, "PROGRAMMABLE EARLY WARNING DETECTED")
OPERATION_IN_PROGRESS = Code(0x0, 0x00, 0x16, "OPERATION IN PROGRESS")
CLEANING_REQUESTED = Code(0x0, 0x00, 0x17, "CLEANING REQUESTED")
ERASE_IN_PROGRESS = Code(0x0, 0x00, 0x18, "ERASE OPERATION IN PROGRESS")
LOCATE_IN_PROGRESS = Code(0x0, 0x00, 0x19, "LOCATE OPERATION IN PROGRESS")
REWIND_IN_PROGRESS = Code(0x0, 0x00, 0x1A, "REWIND OPERATION IN PROGRESS")
SET_CAPACITY_IN_PROGRESS = Code(0x0, 0x00, 0x1B, "SET CAPACITY OPERATION IN PROGRESS")
VERIFY_IN_PROGRESS = Code(0x0, 0x00, 0x1C, "VERIFY OPERATION IN PROGRESS")
CLEANING_NEEDED = Code(0x1, 0x00, 0x17, "CLEANING REQUESTED")
ROUNDED_PARAMETER = Code(0x1, 0x37, 0x00, "ROUNDED PARAMETER")
FAILURE_PREDICTED = Code(0x1, 0x5D, 0x00, "FAILURE PREDICTION THRESHOLD EXCEEDED")
FAILURE_PREDICTION_TEST = Code(0x1, 0x5D, 0xFF, "FAILURE PREDICTION THRESHOLD EXCEEDED (FALSE)")
NOT_READY = Code(0x2, 0x04, 0x00, "LOGICAL UNIT NOT READY, CAUSE NOT REPORTABLE")
BECOMING_READY = Code(0x2, 0x04, 0x01, "LOGICAL UNIT IS IN PROCESS OF BECOMING READY")
LOAD_NEEDED = Code(0x2, 0x04, 0x02, "LOGICAL UNIT NOT READY, INITIALIZING COMMAND REQUIRED")
DOOR_OPEN = Code(0x2, 0x04, 0x03, "LOGICAL UNIT NOT READY, MANUAL INTERVENTION REQUIRED")
FORMAT_IN_PROGRESS = Code(0x2, 0x04, 0x04, "LOGICAL UNIT NOT READY, FORMAT IN PROGRESS")
NOT_READY_IN_OPERATION = Code(0x2, 0x04, 0x07, "LOGICAL UNIT NOT READY, OPERATION IN PROGRESS")
CLEANING = Code(0x2, 0x30, 0x03, "CLEANING CARTRIDGE INSTALLED")
NO_MEDIUM = Code(0x2, 0x3A, 0x00, "MEDIUM NOT PRESENT")
MEMORY_ACCESSIBLE = Code(0x2, 0x3A, 0x04, "MEDIUM NOT PRESENT - MEDIUM AUXILIARY MEMORY ACCESSIBLE")
TRAY_OPEN = Code(0x2, 0x3A, 0x02, "MEDIUM NOT PRESENT - TRAY OPEN")
WRITE_ERROR = Code(0x3, 0x0C, 0x00, "WRITE ERROR")
MEMORY_WRITE_ERROR = Code(0x3, 0x0C, 0x0B, "AUXILIARY MEMORY WRITE ERROR")
READ_ERROR = Code(0x3, 0x11, 0x00, "UNRECOVERED READ ERROR")
MEMORY_READ_ERROR = Code(0x3, 0x11, 0x12, "AUXILIARY MEMORY READ ERROR")
INCOMPATIBLE_MEDIUM = Code(0x3, 0x30, 0x00, "INCOMPATIBLE MEDIUM INSTALLED")
INCOMPATIBLE_FORMAT = Code(0x3, 0x30, 0x02, "CANNOT READ MEDIUM - INCOMPATIBLE FORMAT")
FORMAT_CORRUPTED = Code(0x3, 0x31, 0x00, "MEDIUM FORMAT CORRUPTED")
FORMAT_FAILED = Code(0x3, 0x31, 0x01, "FORMAT COMMAND FAILED")
ERASE_FAILURE = Code(0x3, 0x51, 0x00, "ERASE FAILURE")
LOAD_FAILED = Code(0x3, 0x53, 0x00, "MEDIA LOAD OR EJECT FAILED")
GUARD_CHECK_FAILED = Code(0x4, 0x10, 0x01, "LOGICAL BLOCK GUARD CHECK FAILED")
POSITIONING_FAILED = Code(0x4, 0x15, 0x01, "MECHANICAL POSITIONING ERROR")
SELF_TEST_FAILED = Code(0x4, 0x3E, 0x03, "LOGICAL UNIT FAILED SELF-TEST")
INTERNAL_FAILURE = Code(0x4, 0x44, 0x00, "INTERNAL TARGET FAILURE")
LOAD_OR_EJECT_FAILED = Code(0x4, 0x53, 0x00, "MEDIA LOAD OR EJECT FAILED")
PARAMETER_LIST_LENGTH = Code(0x5, 0x1A, 0x00, "PARAMETER LIST LENGTH ERROR")
INVALID_OPCODE = Code(0x5, 0x20, 0x00, "INVALID COMMAND OPERATION CODE")
NOT_APPEND_ONLY = Code(0x5, 0x20, 0x0C, "ILLEGAL COMMAND WHEN NOT IN APPEND-ONLY MODE")
INVALID_ELEMENT = Code(0x5, 0x21, 0x01, "INVALID ELEMENT ADDRESS")
INVALID_FIELD_IN_CDB = Code(0x5, 0x24, 0x00, "INVALID FIELD IN CDB")
# By name for makers' own codes: decoding the standard's gives the next.
BAD_MICROCODE = Code(0x5, 0x26, 0x00, "INVALID FIELD IN PARAMETER LIST (MICROCODE)")
INVALID_PARAMETER = Code(0x5, 0x26, 0x00, "INVALID FIELD IN PARAMETER LIST")
INVALID_RELEASE = Code(0x5, 0x26, 0x04, "INVALID RELEASE OF PERSISTENT RESERVATION")
INCOMPLETE_KAD_SET = Code(0x5, 0x26, 0x11, "INCOMPLETE KEY-ASSOCIATED DATA SET")
KEY_REFERENCE_NOT_FOUND = Code(0x5, 0x26, 0x12, "VENDOR SPECIFIC KEY REFERENCE NOT FOUND")
LOGICAL_UNIT_NOT_SUPPORTED = Code(0x5, 0x25, 0x00, "LOGICAL UNIT NOT SUPPORTED")
COMMAND_SEQUENCE = Code(0x5, 0x2C, 0x00, "COMMAND SEQUENCE ERROR")
WRONG_CARTRIDGE = Code(0x5, 0x30, 0x00, "INCOMPATIBLE MEDIUM INSTALLED")
NOT_UNLOADED = Code(0x5, 0x3A, 0x00, "MEDIUM NOT PRESENT")
SAVING_NOT_SUPPORTED = Code(0x5, 0x39, 0x00, "SAVING PARAMETERS NOT SUPPORTED")
NOT_RESERVED = Code(0x5, 0x2C, 0x0B, "NOT RESERVED")
POSITIONING_ERROR = Code(0x5, 0x3B, 0x00, "SEQUENTIAL POSITIONING ERROR")
NOT_AT_BEGINNING = Code(0x5, 0x3B, 0x0C, "POSITION PAST BEGINNING OF MEDIUM")
DESTINATION_FULL = Code(0x5, 0x3B, 0x0D, "MEDIUM DESTINATION ELEMENT FULL")
SOURCE_EMPTY = Code(0x5, 0x3B, 0x0E, "MEDIUM SOURCE ELEMENT EMPTY")
DRIVE_REMOVED = Code(0x5, 0x3B, 0x1A, "DATA TRANSFER DEVICE REMOVED")
REMOVAL_PREVENTED = Code(0x5, 0x53, 0x02, "MEDIUM REMOVAL PREVENTED")
INSUFFICIENT_REGISTRATIONS = Code(0x5, 0x55, 0x04, "INSUFFICIENT REGISTRATION RESOURCES")
MEMORY_FULL = Code(0x5, 0x55, 0x06, "AUXILIARY MEMORY OUT OF SPACE")
UNABLE_TO_DECRYPT_LIST = Code(0x5, 0x74, 0x0C, "UNABLE TO DECRYPT PARAMETER LIST")
CONFIGURATION_PREVENTED = Code(0x5, 0x74, 0x21, "DATA ENCRYPTION CONFIGURATION PREVENTED")
MEDIUM_MAY_HAVE_CHANGED = Code(0x6, 0x28, 0x00, "NOT READY TO READY CHANGE")
IMPORT_EXPORT_ACCESSED = Code(0x6, 0x28, 0x01, "IMPORT OR EXPORT ELEMENT ACCESSED")
POWER_ON = Code(0x6, 0x29, 0x00, "POWER ON, RESET, OR BUS DEVICE RESET OCCURRED")
POWER_ON_OCCURRED = Code(0x6, 0x29, 0x01, "POWER ON OCCURRED")
BUS_RESET = Code(0x6, 0x29, 0x02, "SCSI BUS RESET OCCURRED")
DEVICE_RESET = Code(0x6, 0x29, 0x03, "BUS DEVICE RESET FUNCTION OCCURRED")
INTERNAL_RESET = Code(0x6, 0x29, 0x04, "DEVICE INTERNAL RESET")
NEXUS_LOSS = Code(0x6, 0x29, 0x07, "I_T NEXUS LOSS OCCURRED")
MODE_PARAMETERS_CHANGED = Code(0x6, 0x2A, 0x01, "MODE PARAMETERS CHANGED")
LOG_PARAMETERS_CHANGED = Code(0x6, 0x2A, 0x02, "LOG PARAMETERS CHANGED")
RESERVATIONS_PREEMPTED = Code(0x6, 0x2A, 0x03, "RESERVATIONS PREEMPTED")
RESERVATIONS_RELEASED = Code(0x6, 0x2A, 0x04, "RESERVATIONS RELEASED")
REGISTRATIONS_PREEMPTED = Code(0x6, 0x2A, 0x05, "REGISTRATIONS PREEMPTED")
TIMESTAMP_CHANGED = Code(0x6, 0x2A, 0x10, "TIMESTAMP CHANGED")
ENCRYPTION_CHANGED_BY_OTHER = Code(
    0x6, 0x2A, 0x11, "DATA ENCRYPTION PARAMETERS CHANGED BY ANOTHER I_T NEXUS"
)
ENCRYPTION_CHANGED_BY_EVENT = Code(
    0x6, 0x2A, 0x12, "DATA ENCRYPTION PARAMETERS CHANGED BY VENDOR SPECIFIC EVENT"
)
COMMANDS_CLEARED = Code(0x6, 0x2F, 0x00, "COMMANDS CLEARED BY ANOTHER INITIATOR")
MICROCODE_CHANGED = Code(0x6, 0x3F, 0x01, "MICROCODE HAS BEEN CHANGED")
INQUIRY_DATA_CHANGED = Code(0x6, 0x3F, 0x03, "INQUIRY DATA HAS CHANGED")
DEVICE_IDENTIFIER_CHANGED = Code(0x6, 0x3F, 0x05, "DEVICE IDENTIFIER CHANGED")
LUNS_CHANGED = Code(0x6, 0x3F, 0x0E, "REPORTED LUNS DATA HAS CHANGED")
KEY_COUNTER_CHANGED = Code(0x7, 0x2A, 0x13, "DATA ENCRYPTION KEY INSTANCE COUNTER HAS CHANGED")
KEY_FAIL_LIMIT = Code(0x7, 0x26, 0x10, "DATA DECRYPTION KEY FAIL LIMIT REACHED")
WRITE_PROTECTED = Code(0x7, 0x27, 0x00, "WRITE PROTECTED")
SOFTWARE_WRITE_PROTECTED = Code(0x7, 0x27, 0x02, "LOGICAL UNIT SOFTWARE WRITE PROTECTED")
ASSOCIATED_WRITE_PROTECT = Code(0x7, 0x27, 0x03, "ASSOCIATED WRITE PROTECT")
PERSISTENT_WRITE_PROTECT = Code(0x7, 0x27, 0x04, "PERSISTENT WRITE PROTECT")
PERMANENT_WRITE_PROTECT = Code(0x7, 0x27, 0x05, "PERMANENT WRITE PROTECT")
CANNOT_WRITE_MEDIUM = Code(0x7, 0x30, 0x05, "CANNOT WRITE MEDIUM - INCOMPATIBLE FORMAT")
WORM_OVERWRITE = Code(0x7, 0x30, 0x0C, "WORM MEDIUM - OVERWRITE ATTEMPTED")
WORM_INTEGRITY = Code(0x7, 0x30, 0x0D, "WORM MEDIUM - INTEGRITY CHECK")
APPEND_POSITION = Code(0x7, 0x50, 0x01, "WRITE APPEND POSITION ERROR")
OPERATOR_WRITE_PROTECT = Code(0x7, 0x5A, 0x02, "OPERATOR SELECTED WRITE PROTECT")
# Conditions of keys that come from outside, by name so that makers' own codes can take their place
# (`own_codes`). Where two share a code with one of SSC-4's, decoding it gives the latter.
KEY_REQUIRED = Code(0x7, 0x74, 0x01, "UNABLE TO DECRYPT DATA (KEY REQUIRED)")
ENCRYPTED_NOT_READABLE = Code(0x7, 0x74, 0x01, "UNABLE TO DECRYPT DATA (ENCRYPTION OFF)")
UNABLE_TO_DECRYPT = Code(0x7, 0x74, 0x01, "UNABLE TO DECRYPT DATA")
UNENCRYPTED_DATA = Code(0x7, 0x74, 0x02, "UNENCRYPTED DATA ENCOUNTERED WHILE DECRYPTING")
INCORRECT_KEY = Code(0x7, 0x74, 0x03, "INCORRECT DATA ENCRYPTION KEY")
INTEGRITY_FAILED = Code(0x7, 0x74, 0x04, "CRYPTOGRAPHIC INTEGRITY VALIDATION FAILED")
KEY_GENERATION_REQUIRED = Code(0x7, 0x74, 0x07, "ENCRYPTION PARAMETERS NOT USEABLE (NO KEY)")
ENCRYPTED_VOLUME_WRITE_CLEAR = Code(
    0x7, 0x74, 0x07, "ENCRYPTION PARAMETERS NOT USEABLE (VOLUME IS ENCRYPTED)"
)
APPEND_ENCRYPTED_TO_CLEAR = Code(
    0x7, 0x74, 0x07, "ENCRYPTION PARAMETERS NOT USEABLE (VOLUME IS NOT ENCRYPTED)"
)
ENCRYPTION_NOT_USEABLE = Code(0x7, 0x74, 0x07, "ENCRYPTION PARAMETERS NOT USEABLE")
ENCRYPTION_MODE_MISMATCH = Code(0x7, 0x74, 0x09, "ENCRYPTION MODE MISMATCH ON READ")
NOT_RAW_READ_ENABLED = Code(0x7, 0x74, 0x0A, "ENCRYPTED BLOCK NOT RAW READ ENABLED")
KEY_SERVICE_UNAVAILABLE = Code(
    0x7, 0x74, 0x61, "EXTERNAL DATA ENCRYPTION KEY MANAGER ACCESS ERROR (NOT REACHED)"
)
KEY_SERVICE_LOCKED = Code(
    0x7, 0x74, 0x61, "EXTERNAL DATA ENCRYPTION KEY MANAGER ACCESS ERROR (LOCKED)"
)
DEVICE_KEYS_MISSING = Code(0x7, 0x74, 0x61, "EXTERNAL DATA ENCRYPTION KEY MANAGER ACCESS ERROR")
KEY_SERVICE_FAILURE = Code(0x7, 0x74, 0x62, "EXTERNAL DATA ENCRYPTION KEY MANAGER ERROR")
KEY_NOT_FOUND = Code(0x7, 0x74, 0x63, "EXTERNAL DATA ENCRYPTION KEY NOT FOUND")
KEY_PROHIBITED = Code(0x7, 0x74, 0x64, "EXTERNAL DATA ENCRYPTION REQUEST NOT AUTHORIZED (VOLUME)")
KEY_NOT_AUTHORIZED = Code(0x7, 0x74, 0x64, "EXTERNAL DATA ENCRYPTION REQUEST NOT AUTHORIZED")
KEY_SERVICE_TIMEOUT = Code(0x7, 0x74, 0x6E, "EXTERNAL DATA ENCRYPTION CONTROL TIMEOUT")
ENCRYPTION_NOT_CONFIGURED = Code(0x7, 0x74, 0x6F, "EXTERNAL DATA ENCRYPTION CONTROL ERROR")
END_OF_DATA = Code(0x8, 0x00, 0x05, "END-OF-DATA DETECTED")
UNEXPECTED_UNSOLICITED_DATA = Code(0xB, 0x0C, 0x0C, "WRITE ERROR - UNEXPECTED UNSOLICITED DATA")
INCORRECT_AMOUNT_OF_DATA = Code(0xB, 0x0C, 0x0D, "WRITE ERROR - NOT ENOUGH UNSOLICITED DATA")
DATA_PHASE_ERROR = Code(0xB, 0x4B, 0x00, "DATA PHASE ERROR")
END_OF_MEDIUM = Code(0xD, 0x00, 0x02, "END-OF-PARTITION/MEDIUM DETECTED")


@dataclass(frozen=True)
class Sense:
    """One condition. ``information`` is a count, negative for an overlength block.

    ``pointer`` is (byte, bit) of the field in error, bit None for a whole byte; ``in_cdb`` says
    whether it points into the CDB or into the parameter list (SPC-4 4.5.2.4.2). ``progress`` is
    how much of an operation is done, in 65536ths, with keys 0 and 2 (4.5.2.4.4). ``fsc`` is a
    fault symptom code: makers put it into bytes 16-17 of the fixed format while these hold
    nothing that the standard knows (SKSV 0), and nowhere into the descriptor format.
    """

    code: Code
    information: int | None = None
    filemark: bool = False
    eom: bool = False
    ili: bool = False
    pointer: tuple[int, int | None] | None = None
    in_cdb: bool = True
    deferred: bool = False
    progress: int | None = None
    fsc: int | None = None

    def _sense_key_specific(self) -> bytes:
        if self.progress is not None:
            return b"\x80" + self.progress.to_bytes(2, "big")
        if self.pointer is None:
            return bytes(3)
        byte, bit = self.pointer
        flags = 0x80 | (0x40 if self.in_cdb else 0) | (0 if bit is None else 0x08 | bit)
        return bytes((flags,)) + byte.to_bytes(2, "big")

    def _stream_bits(self) -> int:
        return self.filemark << 7 | self.eom << 6 | self.ili << 5

    def fixed(self, length: int = 18) -> bytes:
        """Fixed format, ``length`` bytes (at least 18).

        An INFORMATION that does not fit into 32 bits is not valid there (SPC-4 4.5.3).
        """
        data = bytearray(length)
        data[0] = 0x71 if self.deferred else 0x70
        data[2] = self._stream_bits() | self.code.key
        if self.information is not None and -(1 << 31) <= self.information < 1 << 32:
            data[0] |= 0x80
            data[3:7] = (self.information & 0xFFFFFFFF).to_bytes(4, "big")
        data[7] = length - 8
        data[12], data[13] = self.code.asc, self.code.ascq
        data[15:18] = self._sense_key_specific()
        if self.fsc is not None and not data[15]:
            data[16:18] = self.fsc.to_bytes(2, "big")
        return bytes(data)

    def descriptor(self) -> bytes:
        """Descriptor format: 8 bytes and the descriptors that this condition needs."""
        tail = bytearray()
        if self.information is not None:
            tail += b"\x00\x0a\x80\x00" + (self.information & (1 << 64) - 1).to_bytes(8, "big")
        if self.pointer is not None or self.progress is not None:
            tail += b"\x02\x06\x00\x00" + self._sense_key_specific() + b"\x00"
        if self._stream_bits():
            tail += bytes((0x04, 0x02, 0x00, self._stream_bits()))
        head = (0x73 if self.deferred else 0x72, self.code.key, self.code.asc, self.code.ascq)
        return bytes((*head, 0, 0, 0, len(tail))) + bytes(tail)


class CheckCondition(Exception):
    """A command ends with CHECK CONDITION; ``length`` bytes of data-in were transferred."""

    def __init__(self, sense: Sense | Code, length: int = 0) -> None:
        self.sense = Sense(sense) if isinstance(sense, Code) else sense
        self.length = length
        super().__init__(str(self.sense.code))


def invalid_cdb(byte: int, bit: int | None = None) -> CheckCondition:
    """5/24/00 with the field pointer to a bit, or a byte, of the CDB."""
    return CheckCondition(Sense(INVALID_FIELD_IN_CDB, pointer=(byte, bit)))


def invalid_parameter(
    byte: int, bit: int | None = None, code: Code = INVALID_PARAMETER
) -> CheckCondition:
    """5/26/00, or ``code``, with the field pointer into the parameter list."""
    return CheckCondition(Sense(code, pointer=(byte, bit), in_cdb=False))


def decode(data: bytes) -> Sense:
    """The condition in fixed or descriptor sense data (for initiators and tests).

    Raises ValueError if ``data`` is neither.
    """
    if len(data) < 8 or data[0] & 0x7F not in (0x70, 0x71, 0x72, 0x73):
        raise ValueError("not sense data")
    if data[0] & 0x7F >= 0x72:
        return _decode_descriptor(data)
    data = data.ljust(18, b"\0")
    stream = data[2]
    sense = Sense(
        code(stream & 0x0F, data[12], data[13]),
        information=int.from_bytes(data[3:7], "big", signed=True) if data[0] & 0x80 else None,
        filemark=bool(stream & 0x80),
        eom=bool(stream & 0x40),
        ili=bool(stream & 0x20),
        deferred=data[0] & 0x7F == 0x71,
    )
    if not data[15] & 0x80:
        return replace(sense, fsc=int.from_bytes(data[16:18], "big") or None)
    return _with_specific(sense, data[15:18])


def _decode_descriptor(data: bytes) -> Sense:
    sense = Sense(code(data[1] & 0x0F, data[2], data[3]), deferred=data[0] == 0x73)
    at, end = 8, 8 + data[7]
    while at + 2 <= min(end, len(data)):
        kind, body = data[at], data[at : at + 2 + data[at + 1]]
        if kind == 0x00:
            sense = replace(sense, information=int.from_bytes(body[4:12], "big", signed=True))
        elif kind == 0x02:
            sense = _with_specific(sense, body[4:7].ljust(3, b"\0"))
        elif kind == 0x04:
            bits = body.ljust(4, b"\0")[3]
            sense = replace(
                sense, filemark=bool(bits & 0x80), eom=bool(bits & 0x40), ili=bool(bits & 0x20)
            )
        at += 2 + data[at + 1]
    return sense


def _with_specific(sense: Sense, specific: bytes) -> Sense:
    if not specific[0] & 0x80:
        return sense
    if sense.code.key in (0, 2):
        return replace(sense, progress=int.from_bytes(specific[1:3], "big"))
    if sense.code.key != 5:
        return sense
    bit = specific[0] & 7 if specific[0] & 0x08 else None
    pointer = (int.from_bytes(specific[1:3], "big"), bit)
    return replace(sense, pointer=pointer, in_cdb=bool(specific[0] & 0x40))


def code(key: int, asc: int, ascq: int) -> Code:
    """The code of that number, by the last name above that it has, or without a name of its own."""
    return _KNOWN.get((key, asc, ascq)) or Code(key, asc, ascq, KEYS[key])


NAMES = {code: name for name, code in list(globals().items()) if isinstance(code, Code)}
"""The names above by their codes: what a table of a maker's own codes calls a condition."""
_KNOWN = {code[:3]: code for code in NAMES}


def own_codes(table: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Code, int | None]]:
    """A maker's codes, as models declare them: ``NO_MEDIUM = {code = "2/3A/00", fsc = 0x1234}``.

    The name is one of the names above; both values are optional. Raises ValueError for a name or
    a code that is none.
    """
    named = {name: code for code, name in NAMES.items()}
    found = {}
    for name, row in table.items():
        if name not in named:
            raise ValueError(f"{name} is no condition that there are codes for")
        code, text = named[name], row.get("code")
        if text is not None:
            key, asc, ascq = (int(part, 16) for part in text.split("/"))
            code = _KNOWN.get((key, asc, ascq)) or Code(key, asc, ascq, code.name)
        found[name] = (code, row.get("fsc"))
    return found
