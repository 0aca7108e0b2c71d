"""How long a physical device may take for a command, in seconds: what moves tape or robot takes
minutes, and a command that is given up too early has the kernel reset the device.

Tape: the time-outs that LTFS has for IBM's LTO-8 to LTO-10. Changers: Linux's ch driver has 300 s
for a move and 3600 s for an inventory; large libraries are slower.
"""

from __future__ import annotations

SECONDS = {
    0x01: 600.0,  # REWIND
    0x04: 9000.0,  # FORMAT MEDIUM: an LTO-9 drive may calibrate the medium anew
    0x07: 3600.0,  # INITIALIZE ELEMENT STATUS
    0x08: 2400.0,  # READ(6)
    0x0A: 1500.0,  # WRITE(6)
    0x0B: 780.0,  # SET CAPACITY
    0x0F: 2400.0,  # READ REVERSE(6)
    0x10: 1620.0,  # WRITE FILEMARKS(6)
    0x11: 2940.0,  # SPACE(6)
    0x13: 2940.0,  # VERIFY(6) of a few blocks
    0x19: 2940.0,  # ERASE(6), short
    0x1B: 960.0,  # LOAD UNLOAD
    0x1D: 2000.0,  # SEND DIAGNOSTIC
    0x2B: 2940.0,  # LOCATE(10), POSITION TO ELEMENT
    0x37: 3600.0,  # INITIALIZE ELEMENT STATUS WITH RANGE
    0x3B: 540.0,  # WRITE BUFFER
    0x3C: 480.0,  # READ BUFFER
    0x80: 1620.0,  # WRITE FILEMARKS(16)
    0x91: 2940.0,  # SPACE(16)
    0x92: 2940.0,  # LOCATE(16)
    0xA5: 900.0,  # MOVE MEDIUM
    0xA6: 1800.0,  # EXCHANGE MEDIUM
    0xB8: 300.0,  # READ ELEMENT STATUS
}
SHORT = 60.0
"""Of all other commands."""
LONG_ERASE = 75000.0
READY = 960.0
"""To become ready after a load, a reset or a self-test."""


def seconds(cdb: bytes) -> float:
    """What a physical device may need for it."""
    if cdb[:1] == b"\x19" and cdb[1] & 1:
        return LONG_ERASE
    return SECONDS.get(cdb[0], SHORT) if cdb else SHORT
