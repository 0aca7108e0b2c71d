"""What a drive's answers say of a model: identity, limits, commands, media, encryption, service.

Each function looks at one kind of answer and sets tables of a draft; see `fitting_pages` for pages.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from operator import eq
from typing import Any

from harness.capture.draft import STANDARD_SENSE, Draft
from harness.capture.questions import SPIN_ROOM, command_key, commands
from target.encryption import pages as spin
from target.encryption.abilities import APPLICATION
from target.encryption.reports import PARAMETERS_CONTROL
from target.medium.formats import FORMATS, ORGANIZATIONS, Format
from target.scsi import reservations
from target.scsi.command_table import key
from target.scsi.registrations import Capabilities, Type
from target.tape import inquiry
from target.tape.commands import COMMANDS
from target.tape.volume import DENSITY

_DESCRIPTORS = range(58, 74, 2)
_TAILS = ("ibm", "ibm-8", "hp", "stk")
_BY_CHANCE = 5
"""As many bytes may be alike by chance: a cartridge's serial number is among them."""
_DUMP_PAGE = 0x80
_TEXTS = ("hardware", "version", "module")


def fit_identity(draft: Draft) -> None:
    """INQUIRY's texts and version, limits of blocks, length of sense data."""
    data, table = draft.answers.get("inquiry", b""), draft.tables["inquiry"]
    if len(data) >= 36:
        for name, (first, end) in {"vendor": (8, 16), "product": (16, 32)}.items():
            table[name] = data[first:end].decode("ascii", "replace").rstrip(" \0")
        table["revision"] = data[32:36].decode("ascii", "replace").ljust(4)
        table["version"] = data[2]
        if len(data) != table.get("length", inquiry.LENGTH):
            table["length"] = len(data)
        codes = [int.from_bytes(data[at : at + 2], "big") for at in _DESCRIPTORS]
        while codes and not codes[-1]:
            codes.pop()
        if codes != list(table.get("version_descriptors", inquiry.DESCRIPTORS)):
            table["version_descriptors"] = codes
    limits = draft.answers.get("block limits")
    if limits is not None:
        draft.tables["limits"]["max_block"] = int.from_bytes(limits[1:4], "big")
        draft.tables["limits"]["min_block"] = int.from_bytes(limits[4:6], "big")


def fit_sense(draft: Draft) -> None:
    """How long sense data are, and whose bytes follow behind those of the standard."""
    sense = draft.answers.get("sense", b"")
    if len(sense) < STANDARD_SENSE:
        return
    draft.tables["limits"]["sense_length"] = len(sense)
    quirks = draft.tables.setdefault("quirks", {})
    own, alike = quirks.pop("sense_tail", None), {}
    for tail in (None, *_TAILS):
        draft.tables["quirks"] = {**quirks, "sense_tail": tail} if tail else quirks
        alike[tail] = sum(map(eq, draft.asker().refusal(), sense))
    best = max(alike, key=lambda tail: alike[tail])
    if own is not None and alike[best] < alike[own] + _BY_CHANCE:
        best = own
    draft.tables["quirks"] = {**quirks, "sense_tail": best} if best else quirks


def fit_commands(draft: Draft) -> None:
    """Which commands there are, and how long they may take."""
    listed = draft.answers.get("commands")
    rows = {key(row): row for row in COMMANDS}
    if listed is None:
        table = draft.tables["commands"]
        for name, there in draft.answers.items():
            what, _, command = name.partition(" ")
            if what == "has" and command in rows:
                table[command] = bool(there)
        draft.tables["commands"] = {name: True for name, there in table.items() if there}
        draft.notes.append(
            "it cannot list its commands: those that do not only read are the base's"
        )
        return
    seconds = {command_key(opcode, action): told for opcode, action, told in commands(listed)}
    draft.tables["commands"] = {name: True for name in sorted(seconds) if name in rows}
    strange = [f"{name}h" for name in sorted(seconds) if name not in rows]
    if strange:
        draft.notes.append(f"it has the commands {', '.join(strange)}, which no model here has")
    told = {name: number for name, number in seconds.items() if number and name in rows}
    if told:
        _fit_timeouts(draft, told, {name: rows[name].timeout for name in told})


def _fit_timeouts(draft: Draft, told: dict[str, int], kinds: dict[str, str]) -> None:
    """A number for each kind of command, and one for each command that has another."""
    table = {name: number for name, number in draft.tables["timeouts"].items() if name.islower()}
    for kind in {*kinds.values()}:
        numbers = Counter(told[name] for name in told if kinds[name] == kind)
        most = max(numbers, key=lambda number: (numbers[number], number))
        if table.get(kind, table["short"]) != most:
            table[kind] = most
    for name, number in sorted(told.items()):
        if table.get(kinds[name], table["short"]) != number:
            table[name] = number
    draft.tables["timeouts"] = table


def fit_media(draft: Draft) -> None:
    """The formats that REPORT DENSITY SUPPORT lists, as far as there are such here."""
    data = draft.answers.get("densities", b"")[4:]
    found: list[tuple[Format, dict[str, int]]] = []
    for at in range(0, len(data) - DENSITY.size + 1, DENSITY.size):
        row = data[at : at + DENSITY.size]
        fields, form = DENSITY.decode(row), _format(row)
        if form is None:
            label = row[24:32].decode("ascii", "replace").strip()
            draft.notes.append(f"it has density {row[0]:02X}h, {label}, which is no format here")
        else:
            found.append((form, fields))
    if not found:
        draft.notes.append("it does not list formats that are known here: they are the base's")
        return
    media = draft.tables["media"]
    writes = [form.name for form, fields in found if fields["wrtok"]]
    reads = [form.name for form, fields in found if not fields["wrtok"]]
    usual = [form.name for form, fields in found if fields["deflt"]] or writes[-1:] or reads[-1:]
    writes.sort(key=lambda name: (name != usual[0], -FORMATS[name].density))
    for name, formats in (("read_write", writes), ("read_only", reads)):
        if sorted(media[name]) != sorted(formats):
            media[name] = formats
    media["native"] = usual[0]


def _format(row: bytes) -> Format | None:
    """The format of a density descriptor: its code is assigned by an organization."""
    for form in FORMATS.values():
        if (
            form.density == row[0]
            and ORGANIZATIONS[form.family] == row[16:24].decode("ascii", "replace").strip()
        ):
            return form
    return None


def fit_encryption(draft: Draft) -> None:
    """What the pages of protocol 20h tell."""
    answers = draft.answers
    told = answers.get("encryption 0010")
    if told is None or len(told) < spin.CAPABILITIES_PAGE.size + spin.ALGORITHM.size:
        if draft.tables.get("encryption"):
            draft.notes.append("it does not tell of its encryption: the base's is here")
        return
    table = draft.tables.setdefault("encryption", {})
    table.setdefault("max_mkad", 0)
    table.setdefault("key_fail_limit", 10)
    for name, code in (("in_pages", "0000"), ("out_pages", "0001")):
        page = answers.get(f"encryption {code}", bytes(4))
        table[name] = [int.from_bytes(page[at : at + 2], "big") for at in range(4, len(page), 2)]
    table["key_formats"] = list(answers.get("encryption 0011", bytes(5))[4:])
    quirks = draft.tables.setdefault("quirks", {})
    if "encryption more room" not in answers:
        quirks["spin_longest"] = SPIN_ROOM
    elif "spin_longest" in quirks:
        quirks["spin_longest"] = 0xFFFFFFFF
    _fit_control(draft, table)
    table["capabilities"] = spin.CAPABILITIES_PAGE.decode(told)
    table["management"] = spin.MANAGEMENT_PAGE.decode(answers.get("encryption 0012", b""))
    _fit_algorithms(draft, table, told)
    compliance = answers.get("security 0002")
    if compliance is not None and len(compliance) >= 276:
        layout = spin.COMPLIANCE_PAGE
        texts = {name: layout[name] for name in (*_TEXTS, "standard", "level")}
        said = {
            name: compliance[field.first : field.last + 1].decode("ascii", "replace").rstrip(" \0")
            for name, field in texts.items()
        }
        table["compliance"] = _without_zeros(said, table.get("compliance", {}))


def _fit_control(draft: Draft, table: dict[str, Any]) -> None:
    """Who controls the parameters, as far as the status page tells."""
    told = spin.STATUS_PAGE.decode(draft.answers.get("encryption 0020", b""))["parameters_control"]
    control = table.get("control", {})
    knows = control.get("knows", [APPLICATION])
    who = next((who for who in knows if told and PARAMETERS_CONTROL[who] == told), None)
    if who is not None and who != control.get("default", APPLICATION):
        table["control"] = {**control, "default": who}


def _fit_algorithms(draft: Draft, table: dict[str, Any], told: bytes) -> None:
    """What all descriptors have in common, and each by its index."""
    size = spin.ALGORITHM.size
    rows = [
        spin.ALGORITHM.decode(told[at : at + size])
        for at in range(spin.CAPABILITIES_PAGE.size, len(told) - size + 1, size)
    ]
    first = rows[0]
    apart = (
        "algorithm_index", "algorithm_code", "descriptor_length", "avfmv", "avfclp", "max_ukad",
        "max_akad", "key_size",
    )  # fmt: skip
    common = {name: value for name, value in first.items() if name not in apart}
    table["algorithm"] = _without_zeros(common, table.get("algorithm", {}))
    table["algorithm_code"] = first["algorithm_code"]
    known = table.get("algorithms", {})
    for name in ("algorithm_index", "max_ukad", "max_akad"):
        if not known or name not in table:
            table[name] = first[name]
    if len(rows) == 1 and not known:
        return
    media = draft.tables["media"]
    encrypting = [n for n in (*media["read_write"], *media["read_only"]) if FORMATS[n].encrypts]
    # Those of formats that the drive does not know are not told of, and do no harm.
    table["algorithms"] = {
        index: row for index, row in known.items() if not {*row["formats"]} & {*encrypting}
    }
    for row in rows:
        index = f"{row['algorithm_index']:02X}"
        formats = known.get(index, {}).get("formats", [])
        if not {*formats} & {*encrypting}:
            formats = encrypting
            draft.notes.append(f"algorithm {index}h is for which formats, no page tells: check it")
        own: dict[str, Any] = {"formats": formats}
        for name in ("max_ukad", "max_akad"):
            if row[name] != table[name] or name in known.get(index, {}):
                own[name] = row[name]
        table["algorithms"][index] = own


def fit_service(draft: Draft) -> None:
    """Persistent reservations, buffers, diagnostic pages."""
    told = draft.answers.get("read 5E-02")
    if told is not None:
        fields = reservations.CAPABILITIES.decode(told)
        mask = fields["type_mask"]
        table = draft.tables.setdefault("reservations", {})
        usual = {**asdict(Capabilities()), **table}
        usual["types"] = list(map(int, usual["types"]))
        found: dict[str, Any] = {
            # Byte 4 has types 1 to 7 by their bits, byte 5 type 8.
            "types": [int(kind) for kind in Type if mask >> (kind + 8) % 16 & 1],
            "crh": bool(fields["crh"]),
            "sip_c": bool(fields["sip_c"]),
            "ptpl_c": bool(fields["ptpl_c"]),
            "allow_commands": fields["allow_commands"],
        }
        table |= {name: value for name, value in found.items() if value != usual[name]}
    known = draft.tables.get("buffers", {})
    buffers = {
        name.partition(" ")[2]: _buffer(data, known.get(name.partition(" ")[2], {}))
        for name, data in draft.answers.items()
        if name.startswith("buffer ")
    }
    if buffers:
        draft.tables["buffers"] = buffers
    pages = draft.answers.get("diagnostics")
    if pages is not None:
        table = draft.tables.setdefault("diagnostics", {})
        table |= _without_zeros({"dump": _DUMP_PAGE in pages[4:]}, table)


def _without_zeros(found: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """What has to be said: the base's values, and others that are not zero anyway."""
    return {name: value for name, value in found.items() if value or name in known}


def _buffer(data: bytes, known: dict[str, Any]) -> dict[str, Any]:
    """A buffer by its descriptor; the base knows which is the dump, whose size is its own."""
    if known.get("dump"):
        return known
    row = {"size": int.from_bytes(data[1:4], "big")}
    if data[0] != known.get("boundary", 0):
        row["boundary"] = data[0]
    return row
