"""What a drive of a model answers: a drive is made in this process, and asked command by command.

`ask` returns JSON values. Only what no command tells (time it takes, quirks, the maker's own sense
codes, names) is taken from the drive's tables. Numbers are numbers, codes are hex text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness import vpd
from harness.media import Blank, matrix
from target import personality
from target.clock import ManualClock
from target.encryption import abilities
from target.encryption import pages as spin
from target.medium.formats import FORMATS
from target.medium.null import NullPartition
from target.scsi import inquiry_data, reservations
from target.scsi import sense as s
from target.scsi.buffers import Mode
from target.scsi.layout import Layout
from target.scsi.log import COUNTER, DU, LogPage, Reset
from target.scsi.mode import CHANGEABLE, CURRENT, DEFAULT, ModePage
from target.scsi.registrations import Type
from target.tape import commands, timing
from target.tape.drive import Drive
from target.tape.mam import Memory
from target.tape.mam_table import ATTRIBUTES
from target.tape.volume import DENSITY, MEDIUM_TYPE
from target.transports.inprocess import Initiator

Facts = dict[str, Any]

SERIAL = "KRL0000001"

SPIN_PAGES = {
    0x0000: "tape data encryption in support",
    0x0001: "tape data encryption out support",
    0x0010: "data encryption capabilities",
    0x0011: "supported key formats",
    0x0012: "data encryption management capabilities",
    0x0020: "data encryption status",
    0x0021: "next block encryption status",
    0x0022: "get encryption management attributes",
    0x0030: "random number",
    0x0031: "device server key wrapping public key",
}
SPOUT_PAGES = {
    0x0010: "set data encryption",
    0x0011: "SA encapsulation",
    0x0022: "set encryption management attributes",
}
"""SECURITY PROTOCOL IN and OUT, protocol 20h (SSC-4 8.5)."""

ALGORITHMS = {0x00010014: "AES-256-GCM-128", 0x80010010: "AES-256-CCM-128 (vendor-specific code)"}

STANDARDS = {
    0x0040: "SAM-2", 0x0060: "SAM-3", 0x0080: "SAM-4", 0x00A0: "SAM-5", 0x0200: "SSC",
    0x0260: "SPC-2", 0x0300: "SPC-3", 0x0360: "SSC-2", 0x0400: "SSC-3", 0x0460: "SPC-4",
    0x0520: "SSC-4", 0x05C0: "SPC-5", 0x0900: "FCP-2", 0x0A00: "FCP-3", 0x0BE0: "SAS",
    0x0C00: "SAS-1.1", 0x0C20: "SAS-2",
}  # fmt: skip
"""Version descriptors (SPC-4 6.4.2); the low five bits tell the revision."""

VERSIONS = {3: "SPC", 4: "SPC-2", 5: "SPC-3", 6: "SPC-4", 7: "SPC-5"}

_TEXT = 4
"""Whole-byte fields of that many bytes or more that hold printable characters are text."""


class Asker(Initiator):
    """An initiator that builds CDBs from the rows of the drive's own table."""

    def __init__(self, drive: Drive) -> None:
        super().__init__(drive)
        self.drive = drive
        while drive.nexuses.get(self.nexus) is None or drive.nexuses[self.nexus].attentions:
            self.send(bytes(6))

    def ask(self, opcode: int, action: int | None = None, **fields: int) -> bytes | None:
        """The data of a command; None if the model has no such command, or refuses it."""
        row = self.drive.find(opcode, action)
        if row is None:
            return None
        fields["opcode"] = opcode
        if action is not None:
            fields["service_action"] = action
        if "allocation_length" in row.layout:
            fields.setdefault(
                "allocation_length", min(row.layout["allocation_length"].maximum, 0xFFFF)
            )
        reply = self.send(bytes(row.layout.encode(fields)), size=0xFFFF)
        return None if reply.status else reply.data


def ask(name: str) -> Facts:
    """Everything about a model; ValueError if there is none of that name."""
    model = personality.load(name)
    # No time passes: what is said twice is the same.
    host = Asker(Drive(model, SERIAL, commands.of(model), clock=ManualClock()))
    return {
        "model": name,
        **_inquiry(host),
        "limits": _limits(host),
        "vpd": list(_vpd(host)),
        "commands": list(_commands(host)),
        "formats": list(_formats(host)),
        "medium_types": list(_medium_types(host)),
        "cartridges": list(matrix(model)),
        "mode_pages": [_mode_page(host, page) for page in host.drive.modes.pages],
        "log_pages": list(_log_pages(host)),
        "attributes": list(attributes(host)),
        "encryption": _encryption(host),
        "reservations": _reservations(host),
        "buffers": list(_buffers(host)),
        "diagnostic_pages": _diagnostics(host),
        "timing": _timing(model),
        "quirks": dict(sorted(model.quirks.items())),
        "sense": list(_sense(host.drive)),
    }


def controls(model: personality.Personality) -> list[str]:
    """Who may control the model's encryption, the default first; nobody where it has none."""
    default = abilities.default_control(model)
    return sorted(abilities.controls(model), key=lambda who: who != default)


def fields_of(layout: Layout, data: bytes) -> dict[str, int | str]:
    """The fields of a structure; what is text as text."""
    found: dict[str, int | str] = {}
    for field in layout:
        value = field.get(data)
        raw = data[field.first : field.last + 1]
        whole = field.width == 8 * (field.last + 1 - field.first)
        if whole and len(raw) >= _TEXT and any(raw) and _printable(raw):
            found[field.name] = raw.decode().rstrip()
        else:
            found[field.name] = value
    return found


def _printable(data: bytes) -> bool:
    return data.isascii() and data.decode().isprintable()


def _hex(number: int, digits: int = 2) -> str:
    return f"{number:0{digits}X}"


# --- who it is ---------------------------------------------------------------------------------


def _inquiry(host: Asker) -> Facts:
    data = host.ask(0x12) or b""
    fields = fields_of(inquiry_data.STANDARD, data)
    descriptors = [int.from_bytes(data[at : at + 2], "big") for at in range(58, 74, 2)]
    return {
        "vendor": data[8:16].decode().rstrip(),
        "product": data[16:32].decode().rstrip(),
        "revision": data[32:36].decode().rstrip(),
        "inquiry": {
            "length": len(data),
            "version": VERSIONS.get(data[2], _hex(data[2])),
            "version_descriptors": [
                f"{STANDARDS.get(one & ~0x1F, 'unknown')} ({_hex(one, 4)})"
                for one in descriptors
                if one
            ],
            "fields": fields,
            "data": data.hex(" "),
        },
    }


def _limits(host: Asker) -> Facts:
    data = host.ask(0x05) or bytes(6)
    return {
        "granularity": data[0] & 0x1F,
        "longest_block": int.from_bytes(data[1:4], "big"),
        "shortest_block": int.from_bytes(data[4:6], "big"),
        "fixed_sense_length": host.drive.sense_length,
    }


def _vpd(host: Asker) -> Iterator[Facts]:
    for code in (host.ask(0x12, evpd=1, page_code=0) or b"")[4:]:
        body = (host.ask(0x12, evpd=1, page_code=code) or b"")[4:]
        yield {
            "page": _hex(code),
            "name": vpd.NAMES.get(code, "vendor-specific"),
            "content": vpd.content(code, body),
            "data": body.hex(" "),
        }


# --- what it does ------------------------------------------------------------------------------


def _commands(host: Asker) -> Iterator[Facts]:
    """Of each command its usage data and recommended timeout, where the drive tells of them."""
    for row in host.drive.commands:
        fields: Facts = {
            "opcode": _hex(row.opcode),
            "service_action": None if row.service_action is None else _hex(row.service_action),
            "name": row.name,
            "length": row.size,
            "usage": None,
            "timeout": None,
        }
        option = {"reporting_options": 1, "requested_service_action": 0}
        if row.service_action is not None:
            option = {"reporting_options": 2, "requested_service_action": row.service_action}
        told = host.ask(0xA3, 0x0C, requested_opcode=row.opcode, rctd=1, **option)
        if told is not None and told[1] & 7 == 3:
            size = int.from_bytes(told[2:4], "big")
            fields |= {"length": size, "usage": told[4 : 4 + size].hex(" ")}
            fields["timeout"] = int.from_bytes(told[4 + size + 8 : 4 + size + 12], "big") or None
        yield fields


def _mode_page(host: Asker, page: ModePage) -> Facts:
    """A page with the values that it has without a volume, after power-on."""

    def body(control: int) -> bytes:
        opcode = 0x5A if host.drive.find(0x5A, None) else 0x1A
        data = host.ask(
            opcode, dbd=1, page_control=control, page_code=page.code, subpage_code=page.subpage
        )
        return (data or bytes(8))[8 if opcode == 0x5A else 4 :]

    now, mask, usual = (body(control) for control in (CURRENT, CHANGEABLE, DEFAULT))
    first = {field.name: field for field in page.layout if field.first < len(now)}
    return {
        "page": _hex(page.code),
        "subpage": _hex(page.subpage) if page.subpage else None,
        "name": page.name,
        "saveable": bool(now[0] & 0x80),
        "by_nexus": page.per_nexus,
        "fields": {
            name: {
                "value": field.get(now),
                "default": field.get(usual),
                "changeable": bool(field.get(mask)),
            }
            for name, field in first.items()
        },
        "data": now.hex(" "),
    }


def _log_pages(host: Asker) -> Iterator[Facts]:
    listed = host.ask(0x4D, page_code=0, subpage_code=0xFF) or b""
    codes = {(pair[0], pair[1]) for pair in zip(listed[4::2], listed[5::2], strict=False)}
    names = {page.key: page.name for page in host.drive.logs}
    for code, subpage in sorted(codes | names.keys()):
        if subpage == 0xFF:
            continue
        page = next((page for page in host.drive.logs if page.key == (code, subpage)), None)
        data = host.ask(0x4D, page_code=code, subpage_code=subpage, page_control=1) or b""
        yield {
            "page": _hex(code),
            "subpage": _hex(subpage) if subpage else None,
            "name": names.get((code, subpage), "supported log pages"),
            "parameters": list(_parameters(data[4:])) if page else [],
            "resets": _resets(page) if page else [],
        }


def _parameters(body: bytes) -> Iterator[Facts]:
    while len(body) >= 4:
        length = body[3]
        yield {
            "code": body[:2].hex().upper(),
            "counter": body[2] & (DU | 3) == COUNTER,
            "length": length,
            "value": body[4 : 4 + length].hex(" "),
        }
        body = body[4 + length :]


def _resets(page: LogPage) -> list[str]:
    resets = page.resets | (Reset.SELECT if page.cleared else Reset.NONE)
    return [one.name.lower() for one in resets if one.name]


def _buffers(host: Asker) -> Iterator[Facts]:
    for number in range(0x100):
        data = host.ask(0x3C, mode=Mode.DESCRIPTOR, buffer_id=number)
        if data is None:
            return
        if any(data):
            size = int.from_bytes(data[1:4], "big")
            yield {"id": _hex(number), "size": size, "offset_boundary": data[0]}


def _diagnostics(host: Asker) -> list[str]:
    data = host.ask(0x1C, pcv=1, page_code=0) or host.ask(0x1C) or b""
    return [_hex(code) for code in data[4:]]


# --- the medium --------------------------------------------------------------------------------


def _formats(host: Asker) -> Iterator[Facts]:
    """REPORT DENSITY SUPPORT of the drive."""
    body = (host.ask(0x44) or b"")[4:]
    for at in range(0, len(body), DENSITY.size):
        row = fields_of(DENSITY, body[at : at + DENSITY.size])
        row["primary"], row["secondary"] = _hex(int(row["primary"])), _hex(int(row["secondary"]))
        yield row


def _medium_types(host: Asker) -> Iterator[Facts]:
    body = (host.ask(0x44, medium_type=1) or b"")[4:]
    for at in range(0, len(body), MEDIUM_TYPE.size):
        data = body[at : at + MEDIUM_TYPE.size]
        row = fields_of(MEDIUM_TYPE, data)
        row["medium_type"] = _hex(data[0])
        row["codes"] = " ".join(_hex(code) for code in data[5 : 5 + data[4]])
        yield row


def attributes(host: Asker) -> Iterator[Facts]:
    """The attributes that a cartridge of the drive's own format has; with two partitions where
    the model keeps hosts' attributes to such."""
    drive = host.drive
    blank = Blank(FORMATS[drive.personality.media["native"]])
    if drive.personality.attributes.get("partitioned_only"):
        blank.partitions = (NullPartition(), NullPartition())  # type: ignore[assignment]  # more than one
    drive.insert(blank)
    codes = Asker(drive).ask(0x8C, 0x05)
    if codes is None:
        # Models that cannot list what they support have it all the same.
        known = Memory(drive, blank, 0).supported() if drive.has_service_actions(0x8C) else {}
        numbers = list(known)
    else:
        pairs = range(4, len(codes), 2)
        numbers = [int.from_bytes(codes[at : at + 2], "big") for at in pairs]
    drive.eject()
    names = {row.id: row for row in ATTRIBUTES}
    for number in numbers:
        row = names[number]
        by = "host" if not row.read_only else "device" if number < 0x400 else "medium"
        yield {"id": _hex(number, 4), "name": row.name, "of": by}


def _timing(model: personality.Personality) -> dict[str, float]:
    """Seconds; rate and buffer in 10**6 bytes. ``locate``: over the whole length of the tape."""
    table = timing.table(model.timing)
    full = timing.Timing(table, 1.0, ManualClock()).seconds_between(0.0, 1.0)
    return {**vars(table), "locate": full}


# --- keys and reservations ---------------------------------------------------------------------


def _encryption(host: Asker) -> Facts | None:
    def page(code: int) -> bytes:
        return host.ask(0xA2, security_protocol=spin.PROTOCOL_TAPE, page=code) or b""

    def codes(code: int, names: dict[int, str]) -> list[Facts]:
        body = page(code)[4:]
        found = [int.from_bytes(body[at : at + 2], "big") for at in range(0, len(body), 2)]
        return [{"page": _hex(one, 4), "name": names.get(one, "vendor-specific")} for one in found]

    if not page(spin.IN_SUPPORT):
        return None
    told, known = page(spin.CAPABILITIES), host.drive.abilities
    assert known is not None
    return {
        "control": controls(host.drive.personality),
        "in_pages": codes(spin.IN_SUPPORT, SPIN_PAGES),
        "out_pages": codes(spin.OUT_SUPPORT, SPOUT_PAGES),
        "algorithms": list(_algorithms(known, told)),
        "key_formats": [_hex(one) for one in page(spin.KEY_FORMATS)[4:]],
        "capabilities": fields_of(spin.CAPABILITIES_PAGE, told),
        "management": fields_of(spin.MANAGEMENT_PAGE, page(spin.MANAGEMENT)),
        "key_fail_limit": known.key_fail_limit,
    }


def _algorithms(known: abilities.Abilities, told: bytes) -> Iterator[Facts]:
    """The descriptors of the capabilities page, and which formats each is for."""
    formats = {one.index: sorted(one.formats, key=list(FORMATS).index) for one in known.algorithms}
    for at in range(spin.CAPABILITIES_PAGE.size, len(told), spin.ALGORITHM.size):
        fields = fields_of(spin.ALGORITHM, told[at:])
        index, code = int(fields["algorithm_index"]), int(fields["algorithm_code"])
        yield {
            "index": _hex(index),
            "code": _hex(code, 8),
            "name": ALGORITHMS.get(code, "unknown"),
            "formats": formats.get(index, []),
            "fields": fields,
        }


def _reservations(host: Asker) -> Facts | None:
    data = host.ask(0x5E, 0x02)
    if data is None:
        return None
    fields = fields_of(reservations.CAPABILITIES, data)
    mask = int(fields.pop("type_mask"))
    return {
        "types": [kind.name.replace("_", " ") for kind in Type if mask >> (kind + 8) % 16 & 1],
        **{name: fields[name] for name in fields if name != "length"},
        "registrations": host.drive.persistent.capabilities.limit,
    }


def _sense(drive: Drive) -> Iterator[Facts]:
    for name, (code, fsc) in sorted(drive.vendor_sense.items()):
        usual: s.Code = getattr(s, name)
        yield {
            "condition": name.replace("_", " ").lower(),
            "standard": str(usual).split()[0],
            "code": str(code).split()[0],
            "fsc": None if fsc is None else _hex(fsc, 4),
        }
