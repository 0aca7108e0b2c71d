"""What is asked of a drive, and its answers. Nothing that is sent writes, moves or locks anything.

INQUIRY; READ BLOCK LIMITS; REPORT DENSITY SUPPORT; REPORT SUPPORTED OPERATION CODES; MODE SENSE;
LOG SENSE with the default values, so that no counter is reset by being read, and never of the
TapeAlert page, whose flags would be lowered; SECURITY PROTOCOL IN; PERSISTENT RESERVE IN; READ
BUFFER (descriptors); RECEIVE DIAGNOSTIC RESULTS; READ ATTRIBUTE (lists); MAINTENANCE IN; REPORT
LUNS (whether it is there); TEST UNIT READY.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.initiators.api import Initiator, Reply

Answers = dict[str, bytes]
"""Data-in by what was asked, such as "vpd 83" or "mode 10-01 default"; what was refused is not
there. "sense": the sense data of a command that every drive refuses."""

ROOM = 0xFFFF
TAPE_ALERT = 0x2E
CURRENT, CHANGEABLE, DEFAULT, SAVED = range(4)
PAGE_CONTROLS = {"changeable": CHANGEABLE, "default": DEFAULT}
INVALID_OPCODE = (0x5, 0x20, 0x00)
SPIN_ROOM = 0x2000
"""Some drives refuse more."""
SPIN_TAPE = (0x0000, 0x0001, 0x0010, 0x0011, 0x0012, 0x0020)
"""Not the next block, which is the volume's, nor what makes keys or random numbers."""

READING = {
    "05": "05 00 00 00 00 00",
    "34": "34 06 00 00 00 00 00 00 00 00",
    "44": "44 00 00 00 00 00 00 FF FF 00",
    "5E-00": "5E 00 00 00 00 00 00 FF FF 00",
    "5E-01": "5E 01 00 00 00 00 00 FF FF 00",
    "5E-02": "5E 02 00 00 00 00 00 FF FF 00",
    "5E-03": "5E 03 00 00 00 00 00 FF FF 00",
    "8C-00": "8C 00 00 00 00 00 00 00 FF FF 00 00 FF FF 00 00",
    "8C-01": "8C 01 00 00 00 00 00 00 00 00 00 00 FF FF 00 00",
    "8C-05": "8C 05 00 00 00 00 00 00 00 00 00 00 FF FF 00 00",
    "A0": "A0 00 00 00 00 00 00 00 FF FF 00 00",
    "A2": "A2 20 00 00 00 00 00 00 FF FF 00 00",
    "A3-05": "A3 05 00 00 00 00 00 00 FF FF FE 00",
    "A3-0A": "A3 0A 00 00 00 00 00 00 FF FF 00 00",
    "A3-0C": "A3 0C 00 00 00 00 00 00 FF FF 00 00",
    "A3-0D": "A3 0D 00 00 00 00 00 00 FF FF 00 00",
    "A3-0F": "A3 0F 00 00 00 00 00 00 FF FF 00 00",
}
"""Commands that only read, by which a drive that cannot list its commands shows some of them."""


class Asker:
    """Asks one drive; unit attentions in between are heard out."""

    def __init__(self, initiator: Initiator) -> None:
        self._initiator = initiator

    def ask(self, cdb: bytes | str, size: int = ROOM) -> bytes | None:
        """The data of a command, or None if it is refused. Raises InitiatorError."""
        reply = self.reply(bytes.fromhex(cdb) if isinstance(cdb, str) else cdb, size)
        return reply.data if reply.status == 0 else None

    def refusal(self) -> bytes:
        """The sense data of a command that every drive refuses: a page code without EVPD."""
        return self.reply(bytes((0x12, 0x00, 0x80, 0x00, 0xFF, 0x00)), 255).sense

    def reply(self, cdb: bytes, size: int = ROOM) -> Reply:
        """How a command ends, once no unit attention is in its way."""
        for _ in range(8):
            reply = self._initiator.send(cdb, size=size)
            if not reply.sense or code_of(reply.sense)[0] != 6:
                break
        return reply


def code_of(sense: bytes) -> tuple[int, int, int]:
    """Sense key, ASC and ASCQ of fixed or descriptor format (SPC-4 4.5)."""
    data = sense.ljust(18, b"\0")
    if data[0] & 0x7F in (0x72, 0x73):
        return data[1] & 0x0F, data[2], data[3]
    return data[2] & 0x0F, data[12], data[13]


def ask(initiator: Initiator) -> Answers:
    """Everything. Raises InitiatorError when the drive does not answer."""
    asker = Asker(initiator)
    found: Answers = {}
    for part in (_identity, _commands, _modes, logs, medium, _encryption, _service):
        found.update(part(asker))
    return found


Part = Iterator[tuple[str, bytes]]


def _identity(asker: Asker) -> Part:
    data = asker.ask("12 00 00 00 FF 00", 255)
    yield from _said("inquiry", data)
    pages = asker.ask("12 01 00 00 FF 00", 255) or b""
    for code in pages[4:]:
        data = asker.ask(bytes((0x12, 1, code, 0, 0xFF, 0)), 255)
        if data is not None and int.from_bytes(data[2:4], "big") + 4 > len(data):
            # Not at once: before SPC-3 the allocation length is one byte.
            data = asker.ask(bytes((0x12, 1, code, 0xFF, 0xFF, 0)))
        yield from _said(f"vpd {code:02X}", data)
    yield "sense", asker.refusal()


def _commands(asker: Asker) -> Part:
    listed = asker.ask("A3 0C 80 00 00 00 00 00 FF FF 00 00")
    if listed is None:
        yield from _shown(asker)
        return
    yield "commands", listed
    for opcode, action, _ in commands(listed):
        option = 0x81 if action is None else 0x82
        cdb = bytes((0xA3, 0x0C, option, opcode)) + (action or 0).to_bytes(2, "big")
        told = asker.ask(cdb + ROOM.to_bytes(4, "big") + bytes(2))
        yield from _said(f"command {command_key(opcode, action)}", told)


def _shown(asker: Asker) -> Part:
    """Which of those that only read there are: b"" for one that is not."""
    for name, cdb in READING.items():
        reply = asker.reply(bytes.fromhex(cdb))
        there = reply.status == 0 or not _unknown(reply.sense, "-" in name)
        yield f"has {name}", b"\1" if there else b""


def _unknown(sense: bytes, action: bool) -> bool:
    """Whether the sense data say that there is no such command, or no such service action: the
    field pointer, where there is one, is at byte 1 then."""
    code, fixed = code_of(sense), sense.ljust(18, b"\0")
    pointer = int.from_bytes(fixed[16:18], "big") if fixed[15] & 0x80 else 1
    return code == INVALID_OPCODE or (action and code[1:] == (0x24, 0x00) and pointer == 1)


def command_key(opcode: int, action: int | None) -> str:
    """How a model's file names a command."""
    return f"{opcode:02X}" + ("" if action is None else f"-{action:02X}")


def commands(listed: bytes) -> Iterator[tuple[int, int | None, int]]:
    """Opcode, service action and recommended timeout (0: not told) of REPORT SUPPORTED OPERATION
    CODES for all commands (SPC-4 6.35.2)."""
    at, end = 4, 4 + int.from_bytes(listed[:4], "big")
    while at + 8 <= min(end, len(listed)):
        row = listed[at : at + 20]
        timed = row[5] & 0x02
        action = int.from_bytes(row[2:4], "big") if row[5] & 0x01 else None
        yield row[0], action, int.from_bytes(row[16:20], "big") if timed else 0
        at += 20 if timed else 8


def _modes(asker: Asker) -> Part:
    keys = {(code, sub) for code in range(0x3F) for code, sub, _ in _pages(asker, DEFAULT, code)}
    for code, sub in sorted(keys):
        for words, control in PAGE_CONTROLS.items():
            for *key, data in _pages(asker, control, code, sub):
                if key == [code, sub]:
                    yield f"mode {page_key(code, sub)} {words}", data
    listed = [page_key(code, sub) for code, sub, _ in _pages(asker, DEFAULT, 0x3F)]
    yield "mode list", " ".join(listed).encode()


def page_key(code: int, subpage: int) -> str:
    """How a model's file names a mode or log page."""
    return f"{code:02X}" + (f"-{subpage:02X}" if subpage else "")


def _pages(asker: Asker, control: int, code: int, sub: int = 0xFF) -> list[tuple[int, int, bytes]]:
    """The mode pages that MODE SENSE returns, of a drive without subpages those without."""
    for subpage in (sub, 0) if sub == 0xFF else (sub,):
        tail = bytes((control << 6 | code, subpage))
        long = asker.ask(bytes((0x5A, 0x08)) + tail + bytes(3) + ROOM.to_bytes(2, "big") + b"\0")
        if long is not None:
            return list(_split(long[8 + int.from_bytes(long[6:8], "big") :]))
        short = asker.ask(bytes((0x1A, 0x08)) + tail + b"\xff\0", 255)
        if short is not None:
            return list(_split(short[4 + short[3] :]))
    return []


def _split(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Page code, subpage code and bytes of each mode page (SPC-4 7.5.7)."""
    while len(data) > 2:
        sub = data[0] & 0x40
        head = 4 if sub else 2
        length = head + int.from_bytes(data[head // 2 : head], "big")
        yield data[0] & 0x3F, data[1] if sub else 0, data[:length]
        data = data[length:]


def logs(asker: Asker) -> Part:
    """The pages that are listed, in the shape that they have."""
    listed = asker.ask("4D 00 40 FF 00 00 00 FF FF 00")
    if listed is not None:
        yield "log list", listed
        keys = list(zip(listed[4::2], listed[5::2], strict=False))
    else:
        listed = asker.ask("4D 00 40 00 00 00 00 FF FF 00") or bytes(4)
        yield "log list", listed
        keys = [(code, 0) for code in listed[4:]]
    for code, sub in keys:
        if code and code != TAPE_ALERT and sub != 0xFF:
            for control in (0xC0, 0x40):
                data = asker.ask(bytes((0x4D, 0, control | code, sub, 0, 0, 0, 0xFF, 0xFF, 0)))
                if data is not None:
                    yield f"log {page_key(code, sub)}", data
                    break


def parameters(page: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Code, control byte and value of the parameters of a log page (SPC-4 7.3.2)."""
    body = page[4 : 4 + int.from_bytes(page[2:4], "big")]
    while len(body) >= 4:
        yield int.from_bytes(body[:2], "big"), body[2], body[4 : 4 + body[3]]
        body = body[4 + body[3] :]


def medium(asker: Asker) -> Part:
    """Block lengths, formats, attributes."""
    yield from _said("block limits", asker.ask(READING["05"], 6))
    yield from _said("densities", asker.ask(READING["44"]))
    yield from _said("medium types", asker.ask("44 02 00 00 00 00 00 FF FF 00"))
    if asker.ask(bytes(6), 0) is not None:
        yield "ready", b"\1"
    # Supported ones, where a drive can list those, else what there is.
    for name in ("8C-05", "8C-01"):
        data = asker.ask(READING[name])
        if data is not None:
            yield f"attributes {name[-2:]}", data


def _encryption(asker: Asker) -> Part:
    def page(protocol: int, code: int, size: int = SPIN_ROOM) -> bytes | None:
        head = bytes((0xA2, protocol)) + code.to_bytes(2, "big")
        return asker.ask(head + bytes(2) + size.to_bytes(4, "big") + bytes(2), size)

    for code in SPIN_TAPE:
        yield from _said(f"encryption {code:04X}", page(0x20, code))
    yield from _said("encryption more room", page(0x20, SPIN_TAPE[0], 2 * SPIN_ROOM))
    for code in (0x0000, 0x0002):
        yield from _said(f"security {code:04X}", page(0x00, code))


def _service(asker: Asker) -> Part:
    for name in ("5E-02", "A3-0A", "A3-0D", "A3-05"):
        yield from _said(f"read {name}", asker.ask(READING[name]))
    yield from _said("diagnostics", asker.ask("1C 01 00 FF FF 00"))
    for number in range(0x100):
        data = asker.ask(bytes((0x3C, 0x03, number, 0, 0, 0, 0, 0, 4, 0)), 4)
        if data is None:
            break
        if any(data):
            yield f"buffer {number:02X}", data
    yield from _said("echo buffer", asker.ask("3C 0B 00 00 00 00 00 00 04 00", 4))


def _said(name: str, data: bytes | None) -> Part:
    if data is not None:
        yield name, data
