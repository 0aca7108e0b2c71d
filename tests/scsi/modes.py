"""MODE SENSE and MODE SELECT from a host, and the pages of an LTO-9 drive."""

from __future__ import annotations

from target.scsi.sense import Sense
from tests.scsi.cdbs import plain
from tests.tape.host import GOOD, Host

SENSE = {6: "MODE SENSE(6)", 10: "MODE SENSE(10)"}
SELECT = {6: "MODE SELECT(6)", 10: "MODE SELECT(10)"}
CURRENT, CHANGEABLE_VALUES, DEFAULT, SAVED = range(4)

CONTROL = "0a 0a 00 01 00 00 00 00 ffff 0000"
DESCRIPTOR_SENSE = "0a 0a 04 01 00 00 00 00 ffff 0000"
COMPRESSION_ON = "0f 0e c0 80 000000ff 000000ff 00000000"
COMPRESSION_OFF = "0f 0e 40 80 000000ff 000000ff 00000000"
CONFIGURATION = "90 0e 00 00 00 00 012c 40 00 10 000000 01 90"

GOLDEN = {
    (0x01, 0x00): "01 0a 28 ff 00 00 00 00 ff 00 00 00",
    (0x02, 0x00): "02 0e" + "00" * 14,
    (0x0A, 0x00): CONTROL,
    (0x0A, 0x01): "4a 01 001c 06" + "00" * 27,
    (0x0A, 0xF0): "4a f0 001c" + "00" * 28,
    (0x0F, 0x00): COMPRESSION_ON,
    (0x10, 0x00): CONFIGURATION,
    (0x10, 0x01): "d0 01 001c 00 02" + "00" * 26,
    (0x18, 0x00): "18 06 16" + "00" * 5,
    (0x19, 0x00): "19 0e 46 00 07d0 07d0 0000" + "00" * 6,
    (0x1A, 0x00): "9a 26 00 08" + "00" * 12 + "00002ee0" + "00" * 20,
    (0x1C, 0x00): "1c 0a 08 04" + "00" * 8,
    (0x1D, 0x00): "1d 1e 00 00 01 02" + "00" * 26,
    (0x2F, 0x00): "af 08 00 01 00 01 00 00 15 01",
    (0x30, 0x00): "30 04 20 40 42 43",
    (0x30, 0x20): "70 20 0005 00 03 01 01 00",
    (0x30, 0x40): "f0 40 0010 02" + "00" * 15,
    (0x30, 0x42): "f0 42 0001 00",
    (0x30, 0x43): "f0 43 0010" + "00" * 16,
}
"""The listed pages of a drive that compresses, with a blank tape, but for 11h."""
CHANGEABLE = {
    (0x01, 0x00): "01 0a 04 ff 00 00 00 00 ff 00 00 00",
    (0x02, 0x00): "02 0e" + "00" * 8 + "ffff 0000 0000",
    (0x0A, 0x00): "0a 0a 04 00 00 07" + "00" * 6,
    (0x0A, 0x01): "4a 01 001c 02" + "00" * 27,
    (0x0A, 0xF0): "4a f0 001c ff 3f c0" + "00" * 25,
    (0x0F, 0x00): "0f 0e 80" + "00" * 13,
    (0x10, 0x00): "90 0e 00 00 00 00 ffff 00 00 00 000000 ff e0",
    (0x10, 0x01): "d0 01 001c 00 f0 ffff 05" + "00" * 23,
    (0x18, 0x00): "18 06 10" + "00" * 5,
    (0x19, 0x00): "19 0e" + "00" * 14,
    (0x1A, 0x00): "9a 26 00 08" + "00" * 12 + "ffffffff" + "00" * 20,
    (0x1C, 0x00): "1c 0a 0c 0f 00000000 ffffffff",
    (0x1D, 0x00): "1d 1e" + "00" * 30,
    (0x2F, 0x00): "af 08 ff 00 00 00 07 01 3f 01",
    (0x30, 0x00): "30 04 00 00 00 00",
    (0x30, 0x20): "70 20 0005" + "00" * 5,
    (0x30, 0x40): "f0 40 0010 07 00 00 00 ffffffff" + "00" * 8,
    (0x30, 0x42): "f0 42 0001 ff",
    (0x30, 0x43): "f0 43 0010 07" + "00" * 15,
}


def head(form: int) -> int:
    """Bytes of the mode parameter header."""
    return 4 if form == 6 else 8


def mode_sense(host: Host, form: int, code: int, control: int = 0, **fields: int) -> bytes:
    """Everything that MODE SENSE returns."""
    room = 255 if form == 6 else 4096
    cdb = plain(SENSE[form], page_code=code, page_control=control, allocation_length=room, **fields)
    reply = host.send(cdb, size=room)
    assert reply.status == GOOD, reply
    return reply.data


def page(host: Host, code: int, subpage: int = 0, control: int = 0) -> bytes:
    """One page, without header and block descriptor."""
    return mode_sense(host, 10, code, control, dbd=1, subpage_code=subpage)[8:]


def mode_select(
    host: Host,
    form: int,
    body: bytes | str,
    *,
    mode: int = 0x10,
    blocks: bytes = b"",
    save: bool = False,
) -> Sense | None:
    """Send pages (or their hex) behind a header and ``blocks``; returns the sense data."""
    size = len(blocks)
    start = bytes((0, 0, mode, size)) if form == 6 else bytes((0, 0, 0, mode, 0, 0, 0, size))
    data = start + blocks + (bytes.fromhex(body) if isinstance(body, str) else body)
    cdb = plain(SELECT[form], pf=1, sp=save, parameter_list_length=len(data))
    return host.send(cdb, out=data).sense
