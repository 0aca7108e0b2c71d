"""Commands in words: their names, and of their fields what one wants to see in a line.

Only the standard library is needed, so that a trace of a hundred thousand lines is shown at once;
every field of a command is told by `harness.layers`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from harness.counting import many

Brief = Callable[[bytes], str]


def _number(cdb: bytes, at: int, size: int, *, signed: bool = False) -> int:
    return int.from_bytes(cdb[at : at + size].ljust(size, b"\0"), "big", signed=signed)


def _transfer(at: int, size: int) -> Brief:
    """Of READ, WRITE and VERIFY: FIXED says what is counted."""

    def brief(cdb: bytes) -> str:
        return many(_number(cdb, at, size), "block" if cdb[1] & 1 else "byte")

    return brief


def _plain(text: str, at: int, size: int) -> Brief:
    return lambda cdb: text.format(_number(cdb, at, size))


_SPACES = ("block", "filemark", "sequential filemark", "to end of data")
_PLACES = ("object", "file", "record", "end of data", "", "", "", "")


def _space(at: int, size: int) -> Brief:
    def brief(cdb: bytes) -> str:
        kind, count = cdb[1] & 7, _number(cdb, at, size, signed=True)
        if kind == 3:
            return _SPACES[kind]
        return many(count, _SPACES[kind]) if kind < 3 else f"{count} of code {kind}"

    return brief


def _locate10(cdb: bytes) -> str:
    partition = f" of partition {cdb[8]}" if cdb[1] & 2 else ""
    return f"object {_number(cdb, 3, 4)}{partition}"


def _locate16(cdb: bytes) -> str:
    kind = cdb[1] >> 3 & 7
    where = _PLACES[kind] if kind == 3 else f"{_PLACES[kind]} {_number(cdb, 4, 8)}"
    return f"{where} of partition {cdb[3]}" if cdb[1] & 2 else where


def _inquiry(cdb: bytes) -> str:
    return f"page {cdb[2]:02X}h" if cdb[1] & 1 else ""


def _mode_sense(cdb: bytes) -> str:
    subpage = f"/{cdb[3]:02X}h" if cdb[3] else ""
    return f"page {cdb[2] & 0x3F:02X}h{subpage}"


def _protocol(cdb: bytes) -> str:
    return f"{cdb[1]:02X}h, page {_number(cdb, 2, 2):04X}h"


def _elements(cdb: bytes) -> str:
    return f"{_number(cdb, 4, 2)} to {_number(cdb, 6, 2)}"


def _load(cdb: bytes) -> str:
    return ("load" if cdb[4] & 1 else "unload") + (" (hold)" if cdb[4] & 8 else "")


def _prevent(cdb: bytes) -> str:
    return "prevent" if cdb[4] & 3 else "allow"


_COMMANDS: tuple[tuple[int, int | None, str, Brief | None], ...] = (
    (0x00, None, "TEST UNIT READY", None),
    (0x01, None, "REWIND", None),
    (0x03, None, "REQUEST SENSE", None),
    (0x04, None, "FORMAT MEDIUM", _plain("format {}", 2, 1)),
    (0x05, None, "READ BLOCK LIMITS", None),
    (0x07, None, "INITIALIZE ELEMENT STATUS", None),
    (0x08, None, "READ(6)", _transfer(2, 3)),
    (0x0A, None, "WRITE(6)", _transfer(2, 3)),
    (0x0B, None, "SET CAPACITY", _plain("{}/65535", 3, 2)),
    (0x0F, None, "READ REVERSE(6)", _transfer(2, 3)),
    (0x10, None, "WRITE FILEMARKS(6)", _plain("{}", 2, 3)),
    (0x11, None, "SPACE(6)", _space(2, 3)),
    (0x12, None, "INQUIRY", _inquiry),
    (0x13, None, "VERIFY(6)", _transfer(2, 3)),
    (0x14, None, "RECOVER BUFFERED DATA", _transfer(2, 3)),
    (0x15, None, "MODE SELECT(6)", lambda cdb: many(cdb[4], "byte")),
    (0x16, None, "RESERVE(6)", None),
    (0x17, None, "RELEASE(6)", None),
    (0x19, None, "ERASE(6)", lambda cdb: "long" if cdb[1] & 1 else "short"),
    (0x1A, None, "MODE SENSE(6)", _mode_sense),
    (0x1B, None, "LOAD UNLOAD", _load),
    (0x1C, None, "RECEIVE DIAGNOSTIC RESULTS", _plain("page {:02X}h", 2, 1)),
    (0x1D, None, "SEND DIAGNOSTIC", None),
    (0x1E, None, "PREVENT ALLOW MEDIUM REMOVAL", _prevent),
    (0x2B, None, "LOCATE(10)", _locate10),
    (0x34, None, "READ POSITION", lambda cdb: f"form {cdb[1] & 0x1F:02X}h"),
    (0x37, None, "INITIALIZE ELEMENT STATUS WITH RANGE", None),
    (0x3B, None, "WRITE BUFFER", lambda cdb: f"mode {cdb[1] & 0x1F:02X}h, buffer {cdb[2]:02X}h"),
    (0x3C, None, "READ BUFFER", lambda cdb: f"mode {cdb[1] & 0x1F:02X}h, buffer {cdb[2]:02X}h"),
    (0x44, None, "REPORT DENSITY SUPPORT", lambda cdb: "of the medium" if cdb[1] & 1 else ""),
    (0x4C, None, "LOG SELECT", None),
    (0x4D, None, "LOG SENSE", lambda cdb: f"page {cdb[2] & 0x3F:02X}h"),
    (0x55, None, "MODE SELECT(10)", lambda cdb: many(_number(cdb, 7, 2), "byte")),
    (0x56, None, "RESERVE(10)", None),
    (0x57, None, "RELEASE(10)", None),
    (0x5A, None, "MODE SENSE(10)", _mode_sense),
    (0x5E, 0, "PERSISTENT RESERVE IN", lambda cdb: "READ KEYS"),
    (0x5E, 1, "PERSISTENT RESERVE IN", lambda cdb: "READ RESERVATION"),
    (0x5E, 2, "PERSISTENT RESERVE IN", lambda cdb: "REPORT CAPABILITIES"),
    (0x5E, 3, "PERSISTENT RESERVE IN", lambda cdb: "READ FULL STATUS"),
    (0x5E, None, "PERSISTENT RESERVE IN", None),
    (0x5F, 0, "PERSISTENT RESERVE OUT", lambda cdb: "REGISTER"),
    (0x5F, 1, "PERSISTENT RESERVE OUT", lambda cdb: "RESERVE"),
    (0x5F, 2, "PERSISTENT RESERVE OUT", lambda cdb: "RELEASE"),
    (0x5F, 3, "PERSISTENT RESERVE OUT", lambda cdb: "CLEAR"),
    (0x5F, 4, "PERSISTENT RESERVE OUT", lambda cdb: "PREEMPT"),
    (0x5F, 5, "PERSISTENT RESERVE OUT", lambda cdb: "PREEMPT AND ABORT"),
    (0x5F, 6, "PERSISTENT RESERVE OUT", lambda cdb: "REGISTER AND IGNORE EXISTING KEY"),
    (0x5F, 7, "PERSISTENT RESERVE OUT", lambda cdb: "REGISTER AND MOVE"),
    (0x5F, None, "PERSISTENT RESERVE OUT", None),
    (0x80, None, "WRITE FILEMARKS(16)", _plain("{}", 12, 3)),
    (0x81, None, "READ REVERSE(16)", _transfer(12, 3)),
    (0x82, None, "ALLOW OVERWRITE", None),
    (0x88, None, "READ(16)", _transfer(12, 3)),
    (0x8A, None, "WRITE(16)", _transfer(12, 3)),
    (0x8C, None, "READ ATTRIBUTE", lambda cdb: f"service action {cdb[1] & 0x1F:02X}h"),
    (0x8D, None, "WRITE ATTRIBUTE", None),
    (0x8F, None, "VERIFY(16)", _transfer(12, 3)),
    (0x91, None, "SPACE(16)", _space(4, 8)),
    (0x92, None, "LOCATE(16)", _locate16),
    (0x93, None, "ERASE(16)", lambda cdb: "long" if cdb[1] & 1 else "short"),
    (0xA0, None, "REPORT LUNS", None),
    (0xA2, None, "SECURITY PROTOCOL IN", _protocol),
    (0xA3, 0x05, "REPORT IDENTIFYING INFORMATION", None),
    (0xA3, 0x0A, "REPORT TARGET PORT GROUPS", None),
    (0xA3, 0x0C, "REPORT SUPPORTED OPERATION CODES", None),
    (0xA3, 0x0D, "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", None),
    (0xA3, 0x0F, "REPORT TIMESTAMP", None),
    (0xA3, None, "MAINTENANCE IN", lambda cdb: f"service action {cdb[1] & 0x1F:02X}h"),
    (0xA4, 0x06, "SET IDENTIFYING INFORMATION", None),
    (0xA4, 0x0F, "SET TIMESTAMP", None),
    (0xA4, None, "MAINTENANCE OUT", lambda cdb: f"service action {cdb[1] & 0x1F:02X}h"),
    (0xA5, None, "MOVE MEDIUM", _elements),
    (0xA6, None, "EXCHANGE MEDIUM", _elements),
    (0xAB, 0x01, "READ MEDIA SERIAL NUMBER", None),
    (0xB5, None, "SECURITY PROTOCOL OUT", _protocol),
    (0xB6, None, "SEND VOLUME TAG", None),
    (0xB8, None, "READ ELEMENT STATUS", None),
)
# 2Bh is POSITION TO ELEMENT, and 1Bh OPEN/CLOSE IMPORT/EXPORT ELEMENT, for a changer.
_OF_CHANGERS = {
    0x1B: "OPEN/CLOSE IMPORT/EXPORT ELEMENT",
    0x2B: "POSITION TO ELEMENT",
    0xB5: "REQUEST VOLUME ELEMENT ADDRESS",
}
_TABLE = {(opcode, action): (name, brief) for opcode, action, name, brief in _COMMANDS}
NAMES = sorted({name for _, _, name, _ in _COMMANDS} | {*_OF_CHANGERS.values()})


def _row(cdb: bytes) -> tuple[str, Brief | None]:
    if not cdb:
        return "no command", None
    action = cdb[1] & 0x1F if len(cdb) > 1 else 0
    row = _TABLE.get((cdb[0], action)) or _TABLE.get((cdb[0], None))
    return row or (f"command {cdb[0]:02X}h", None)


@lru_cache(4096)
def name(cdb: bytes, *, changer: bool = False) -> str:
    """The command's name in the standard; a code that is in none says so."""
    if changer and cdb[:1] and cdb[0] in _OF_CHANGERS:
        return _OF_CHANGERS[cdb[0]]
    return _row(cdb)[0]


@lru_cache(4096)
def words(cdb: bytes, *, changer: bool = False) -> str:
    """The name, and what matters most of its fields."""
    said = name(cdb, changer=changer)
    if changer and cdb[:1] and cdb[0] in _OF_CHANGERS:
        return said
    brief = _row(cdb)[1]
    try:
        more = brief(cdb) if brief is not None else ""
    except IndexError:
        more = "cut short"
    return f"{said} {more}" if more else said


def is_called(cdb: bytes, asked: str, *, changer: bool = False) -> bool:
    """Whether a command is meant by ``asked``: its name, with or without its CDB length, or its
    operation code in hexadecimal."""
    wanted = _bare(asked)
    if len(wanted) in (2, 3) and cdb[:1] and wanted.removesuffix("H") == f"{cdb[0]:02X}":
        return True
    said = name(cdb, changer=changer)
    return wanted in (_bare(said), _bare(said.partition("(")[0]))


def is_known(asked: str) -> bool:
    """Whether any command can be meant by that."""
    wanted = _bare(asked).removesuffix("H")
    if len(wanted) == 2 and all(letter in "0123456789ABCDEF" for letter in wanted):
        return True
    return any(_bare(asked) in (_bare(one), _bare(one.partition("(")[0])) for one in NAMES)


def _bare(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum())
