"""The commands of tape drives and changers as the standards lay them out: which bits of a CDB have
a meaning, and which of them every device that has the command has to look at.

A row's maps are CDBs, a bit set for a bit that a device has to evaluate (``must``) or may
(``may``). The service action in byte 1 is in neither. The CONTROL byte is left out: its bits are
SAM's.
"""

from __future__ import annotations

from typing import NamedTuple

from harness.conform.commands import size_of

TAPE, CHANGER, BOTH = ("tape",), ("changer",), ("tape", "changer")


class Layout(NamedTuple):
    """A command. ``action``: its service action; ``kinds``: devices that know it by this name."""

    opcode: int
    action: int | None
    name: str
    clause: str
    kinds: tuple[str, ...]
    must: bytes
    may: bytes
    base: bytes
    """A CDB of it that does as little as can be."""
    out: bytes
    """Parameter data that go with that."""
    scratch: bool
    """Ignoring a bit of it would do something to the volume, or to what the device keeps."""

    @property
    def id(self) -> str:
        """Such as A3-0C."""
        return f"{self.opcode:02X}" + ("" if self.action is None else f"-{self.action:02X}")


def bits(opcode: int, text: str) -> bytes:
    """A map written as "1:03 2-4:FF", byte or bytes and mask."""
    found = bytearray(size_of(opcode))
    for part in text.split():
        where, mask = part.split(":")
        first, _, last = where.partition("-")
        for byte in range(int(first), int(last or first) + 1):
            found[byte] |= int(mask, 16)
    return bytes(found)


def row(
    code: str,
    name: str,
    clause: str,
    must: str = "",
    may: str = "",
    base: str = "",
    *,
    kinds: tuple[str, ...] = TAPE,
    out: int = 0,
    scratch: bool = False,
) -> Layout:
    """A row; ``may`` names only what is beyond ``must``, ``base`` what is not zero."""
    first, _, second = code.partition("-")
    opcode, action = int(first, 16), int(second, 16) if second else None
    start = bytearray(bits(opcode, base))
    start[0] = opcode
    start[1] |= action or 0
    return Layout(
        opcode,
        action,
        name,
        clause,
        kinds,
        bits(opcode, must),
        bits(opcode, f"{must} {may}"),
        bytes(start),
        bytes(out),
        scratch,
    )


LAYOUTS = (
    row("00", "TEST UNIT READY", "SPC-4 6.47", kinds=BOTH),
    row("01", "REWIND", "SSC-4 7.10", "1:01"),
    row("03", "REQUEST SENSE", "SPC-4 6.39", "4:FF", "1:01", kinds=BOTH),
    row("04", "FORMAT MEDIUM", "SSC-4 7.2", "2:0F", "1:03 3-4:FF", scratch=True),
    row("05", "READ BLOCK LIMITS", "SSC-4 7.6", "", "1:01"),
    row("07", "INITIALIZE ELEMENT STATUS", "SMC-3 6.3", kinds=CHANGER),
    row("08", "READ(6)", "SSC-4 6.4", "1:03 2-4:FF"),
    row("0A", "WRITE(6)", "SSC-4 6.8", "1:01 2-4:FF"),
    row("0B", "SET CAPACITY", "SSC-4 7.11", "3-4:FF", "1:01", scratch=True),
    row("0F", "READ REVERSE(6)", "SSC-4 6.5", "1:01 2-4:FF", "1:07"),
    row("10", "WRITE FILEMARKS(6)", "SSC-4 6.9", "1:01 2-4:FF", "1:02"),
    row("11", "SPACE(6)", "SSC-4 6.6", "1:03 2-4:FF", "1:0F"),
    row("12", "INQUIRY", "SPC-4 6.6", "1:01 2:FF 4:FF", "1:02 3:FF", kinds=BOTH),
    row("13", "VERIFY(6)", "SSC-4 6.7", "1:01 2-4:FF", "1:3F"),
    row("14", "RECOVER BUFFERED DATA", "SSC-4 7.8", "2-4:FF", "1:03"),
    row("15", "MODE SELECT(6)", "SPC-4 6.11", "1:10 4:FF", "1:03", kinds=BOTH),
    row("19", "ERASE(6)", "SSC-4 6.2", "1:01", "1:1F", scratch=True),
    row("1A", "MODE SENSE(6)", "SPC-4 6.13", "1:08 2:FF 4:FF", "3:FF", "2:3F", kinds=BOTH),
    row("1B", "LOAD UNLOAD", "SSC-4 7.3", "4:01", "1:01 4:0E", "4:01"),
    row("1C", "RECEIVE DIAGNOSTIC RESULTS", "SPC-4 6.28", "3-4:FF", "1:01 2:FF", kinds=BOTH),
    row("1D", "SEND DIAGNOSTIC", "SPC-4 6.42", "1:04 3-4:FF", "1:F7", kinds=BOTH),
    row("1E", "PREVENT ALLOW MEDIUM REMOVAL", "SSC-4 7.5", "4:01", "4:03", kinds=BOTH),
    row("2B", "LOCATE(10)", "SSC-4 6.3", "1:01 3-6:FF", "1:06 8:FF"),
    row("2B", "POSITION TO ELEMENT", "SMC-3 6.7", "2-5:FF", "8:01", "2-3:00", kinds=CHANGER),
    row("34", "READ POSITION", "SSC-4 7.7", "", "1:1F 7-8:FF"),
    row("37", "INITIALIZE ELEMENT STATUS WITH RANGE", "SMC-3 6.4", "1:01 2-3:FF 6-7:FF", "1:02",
        kinds=CHANGER),
    row("3B", "WRITE BUFFER", "SPC-4 6.49", "1:0F 2:FF 6-8:FF", "1:FF 3-5:FF", kinds=BOTH),
    row("3C", "READ BUFFER", "SPC-4 6.18", "1:0F 2:FF 6-8:FF", "1:FF 3-5:FF", "1:03", kinds=BOTH),
    row("44", "REPORT DENSITY SUPPORT", "SSC-4 7.9", "1:01 7-8:FF", "1:02"),
    row("4C", "LOG SELECT", "SPC-4 6.7", "1:02 2:C0 7-8:FF", "1:01 2:3F 3:FF", "2:40",
        kinds=BOTH, scratch=True),
    row("4D", "LOG SENSE", "SPC-4 6.8", "2:FF 5-8:FF", "1:03 3:FF", "2:40", kinds=BOTH),
    row("55", "MODE SELECT(10)", "SPC-4 6.12", "1:10 7-8:FF", "1:03", kinds=BOTH),
    row("5A", "MODE SENSE(10)", "SPC-4 6.14", "1:08 2:FF 7-8:FF", "1:10 3:FF", "2:3F", kinds=BOTH),
    row("5E-00", "PERSISTENT RESERVE IN, READ KEYS", "SPC-4 6.15", "7-8:FF", kinds=BOTH),
    row("5E-01", "PERSISTENT RESERVE IN, READ RESERVATION", "SPC-4 6.15", "7-8:FF", kinds=BOTH),
    row("5E-02", "PERSISTENT RESERVE IN, REPORT CAPABILITIES", "SPC-4 6.15", "7-8:FF", kinds=BOTH),
    row("5E-03", "PERSISTENT RESERVE IN, READ FULL STATUS", "SPC-4 6.15", "7-8:FF", kinds=BOTH),
    row("5F-00", "PERSISTENT RESERVE OUT, REGISTER", "SPC-4 6.16", "5-8:FF", "2:FF", "8:18",
        kinds=BOTH, out=24),
    row("5F-06", "PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY", "SPC-4 6.16",
        "5-8:FF", "2:FF", "8:18", kinds=BOTH, out=24),
    row("82", "ALLOW OVERWRITE", "SSC-4 7.1", "2:0F 3-11:FF", scratch=True),
    row("8C", "READ ATTRIBUTE", "SPC-4 6.17", "1:1F 7-13:FF", "2-6:FF 14:01", kinds=BOTH),
    row("8D", "WRITE ATTRIBUTE", "SPC-4 6.48", "7:FF 10-13:FF", "1:01 2-6:FF", kinds=BOTH),
    row("91", "SPACE(16)", "SSC-4 7.12", "1:03 4-11:FF", "1:0F 12-13:FF"),
    row("92", "LOCATE(16)", "SSC-4 7.4", "1:09 4-11:FF", "1:3A 2:01 3:FF"),
    row("A0", "REPORT LUNS", "SPC-4 6.33", "6-9:FF", "2:FF", "8:FF", kinds=BOTH),
    row("A2", "SECURITY PROTOCOL IN", "SPC-4 6.40", "1-3:FF 6-9:FF", "4:80"),
    row("A3-05", "REPORT IDENTIFYING INFORMATION", "SPC-4 6.32", "6-9:FF", "2-5:FF 10:FE",
        kinds=BOTH),
    row("A3-0A", "REPORT TARGET PORT GROUPS", "SPC-4 6.37", "6-9:FF", "1:E0", kinds=BOTH),
    row("A3-0C", "REPORT SUPPORTED OPERATION CODES", "SPC-4 6.35", "2:07 3-9:FF", "2:80",
        kinds=BOTH),
    row("A3-0D", "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", "SPC-4 6.36", "6-9:FF", "2:80",
        "9:10", kinds=BOTH),
    row("A3-0F", "REPORT TIMESTAMP", "SPC-4 6.38", "6-9:FF", kinds=BOTH),
    row("A4-0F", "SET TIMESTAMP", "SPC-4 6.46", "6-9:FF", kinds=BOTH),
    row("A5", "MOVE MEDIUM", "SMC-3 6.5", "2-7:FF", "10:01 11:C0", kinds=CHANGER, scratch=True),
    row("A6", "EXCHANGE MEDIUM", "SMC-3 6.2", "2-9:FF", "10:03", kinds=CHANGER, scratch=True),
    row("AB-01", "READ MEDIA SERIAL NUMBER", "SPC-4 6.19", "6-9:FF"),
    row("B8", "READ ELEMENT STATUS", "SMC-3 6.11", "1:1F 2-5:FF 7-9:FF", "6:07", kinds=CHANGER),
)  # fmt: skip
"""SPC-4, SSC-4 and SMC-3."""
