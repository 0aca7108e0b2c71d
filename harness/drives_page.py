"""The tables of the manual that are made from what drives answer.

``python -m harness.drives_page`` writes them anew, between ``<!-- table: NAME -->`` and
``<!-- end -->``. What stands in the column "notes" is written by hand and kept, by the first cell
of its row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from harness.answers import SERIAL, Asker, attributes, controls
from harness.vpd import NAMES as VPD_NAMES
from harness.which import Known, known_models, which
from target import personality
from target.encryption import abilities
from target.medium.formats import FORMATS, TYPES
from target.scsi import command_table
from target.scsi import sense as s
from target.scsi.log import LogPage
from target.tape import commands
from target.tape.commands import COMMANDS
from target.tape.drive import Drive
from target.tape.operation import OPERATIONS
from target.tape.tape_alert import ALERTS, Clears

DOCS = Path(__file__).parent.parent / "docs"
PAGES = (DOCS / "drives.md", DOCS / "encryption.md", DOCS / "media.md")

Notes = Mapping[str, str]
Rows = Iterator[tuple[str, ...]]

_TABLE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def render(text: str) -> str:
    """A page with its tables made anew."""

    def made(match: re.Match[str]) -> str:
        head, name, old, end = match.groups()
        rows = [_cells(line) for line in old.splitlines()]
        columns, make = TABLES[name]
        at = columns.index("notes") if "notes" in columns else 0
        notes = {row[0]: row[at] for row in rows if len(row) > at}
        return head + _markdown(columns, make(notes)) + end

    return _TABLE.sub(made, text)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _markdown(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["|" + "|".join(f" {cell} " if cell else " " for cell in row) for row in rows]
    return "|\n".join([f"| {' | '.join(columns)} ", "|---" * len(columns), *lines, ""])


# --- what the tables are made of ---------------------------------------------------------------


@cache
def _models() -> tuple[Known, ...]:
    return tuple(known_models())


@cache
def _drives() -> dict[str, Drive]:
    """A drive of each model."""
    made = {}
    for name in personality.models():
        model = personality.load(name)
        made[name] = Drive(model, SERIAL, commands.of(model))
    return made


def _which(names: Iterable[str]) -> str:
    return which(set(names), _models())


def _by_models(entries: Callable[[Drive], Iterable[tuple[str, ...]]]) -> Rows:
    """What the models have, ascending, and behind it which of them do."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, drive in _drives().items():
        for entry in entries(drive):
            found.setdefault(entry, []).append(name)
    for entry, names in sorted(found.items()):
        yield *entry, _which(names)


# --- tables ------------------------------------------------------------------------------------


def _model_rows(notes: Notes) -> Rows:
    for name in personality.models():
        model = personality.load(name)
        inquiry, media = model.inquiry, model.media
        keys = abilities.of(model)
        divides = "04" in model.commands or model.quirks.get("partition_on_mode_select")
        yield (
            name,
            f"{inquiry['vendor']} {inquiry['product']} {inquiry['revision']}",
            ", ".join(media["read_write"]),
            ", ".join(media["read_only"]),
            ", ".join(controls(model)) or "no encryption",
            str(keys.max_akad) if keys else "",
            str(FORMATS[media["native"]].partitions if divides else 1),
        )


def _command_rows(notes: Notes) -> Rows:
    for row in COMMANDS:
        have = (name for name, drive in _drives().items() if row in drive.commands)
        key = command_table.key(row)
        yield key, row.name, _which(have), notes.get(key, "")


def _mode_rows(notes: Notes) -> Rows:
    return _by_models(lambda drive: ((p.name_in_tables, p.name) for p in drive.modes.pages))


def _log_rows(notes: Notes) -> Rows:
    def code(page: LogPage) -> str:
        return f"{page.code:02X}" + (f"-{page.subpage:02X}" if page.subpage else "")

    return _by_models(lambda drive: ((code(page), page.name) for page in drive.logs))


def _vpd_rows(notes: Notes) -> Rows:
    def pages(drive: Drive) -> Iterator[tuple[str, ...]]:
        for code in drive.vpd_pages:
            yield f"{code:02X}", VPD_NAMES.get(code, "vendor-specific")

    return _by_models(pages)


def _sense_rows(notes: Notes) -> Rows:
    def codes(drive: Drive) -> Iterator[tuple[str, ...]]:
        for name, (code, fsc) in drive.vendor_sense.items():
            standard: s.Code = getattr(s, name)
            symptom = "" if fsc is None else f", symptom code {fsc:04X}"
            words = name.replace("_", " ").lower()
            yield words, str(standard).split()[0], str(code).split()[0] + symptom

    return _by_models(codes)


def _operation_rows(notes: Notes) -> Rows:
    for name, kind in OPERATIONS.items():
        yield (
            name,
            str(kind.refused).split()[0],
            str(kind.reported).split()[0],
            "wait for its end" if kind.waits else "are refused as TEST UNIT READY is",
            "is at its end" if kind.completes else "has not begun",
        )


def _alert_rows(notes: Notes) -> Rows:
    for alert in ALERTS:
        if alert.raised:
            number = str(alert.number)
            cleared = [str(one.name).lower() for one in Clears if one and one in alert.clears]
            severity = alert.severity.name.lower()
            yield number, alert.name, severity, notes.get(number, ""), ", ".join(cleared)


def _attribute_rows(notes: Notes) -> Rows:
    def rows(drive: Drive) -> Iterator[tuple[str, ...]]:
        for row in attributes(Asker(drive)):
            yield row["id"], row["name"], row["of"]

    return _by_models(rows)


_RAW_READING = {
    1: "never",
    4: "as RDMC says, else not",
    5: "as RDMC says, else allowed",
    6: "never",
    7: "always",
}
_ASSOCIATED = {1: "needed to decrypt", 3: "optional"}
_NONCES = {1: "the drive's", 3: "the drive's, or the host's of 12 bytes"}


def _encryption_rows(notes: Notes) -> Rows:
    """Numbers in brackets are those of the field."""

    def rows(drive: Drive) -> Iterator[tuple[str, ...]]:
        can = drive.abilities
        if can is None:
            return
        fields = can.fields
        rdmc, dkad, nonce = fields["rdmc_c"], fields["dkad_c"], fields["nonce_c"]
        yield "algorithm", f"{fields['algorithm_code']:08X}h"
        for one in can.algorithms:
            yield f"A-KAD, bytes, index {one.index}", str(one.max_akad)
        yield "U-KAD, bytes", str(can.max_ukad)
        yield "what KADs the host leaves out are", "zeros" if can.zero_fill_kads else "not there"
        yield "KADs (DKAD_C)", f"{_ASSOCIATED[dkad]} ({dkad})"
        yield "nonce (NONCE_C)", f"{_NONCES[nonce]} ({nonce})"
        yield "raw reading (RDMC_C)", f"{_RAW_READING[rdmc]} ({rdmc})"
        external = fields["eemc_c"] == abilities.EXTERNAL_ALLOWED
        yield "mode EXTERNAL (EEMC_C)", f"{'yes' if external else 'no'} ({fields['eemc_c']})"
        yield "key formats", ", ".join(f"{one:02X}h" for one in can.key_formats)
        yield "ENCRYPTION STATUS at the end of data", str(can.end_of_data)

    return _by_models(rows)


def _security_rows(notes: Notes) -> Rows:
    def rows(drive: Drive) -> Iterator[tuple[str, ...]]:
        can = drive.abilities
        if can is None:
            return
        for page in (0, 1, *((2,) if can.compliance else ())):
            yield f"00h {page:04X}h", "in"
        for page in can.in_pages:
            yield f"20h {page:04X}h", "in"
        for page in can.out_pages:
            yield f"20h {page:04X}h", "out"

    for page, direction, models in _by_models(rows):
        key = f"{page} {direction}"
        yield key, notes.get(key, ""), models


def _capacity(megabytes: int) -> str:
    return f"{megabytes / 10**6:g} TB" if megabytes >= 10**6 else f"{megabytes / 1000:g} GB"


def _cartridge_rows(notes: Notes) -> Rows:
    for kind in TYPES.values():
        formats = ", ".join(
            f"{name} {_capacity(megabytes)}" for name, megabytes in kind.capacities.items()
        )
        yield (
            kind.suffix,
            kind.kind.value,
            formats or f"cleans {kind.family} drives",
            f"{kind.medium_type:02X}h",
            f"{kind.memory:,}",
            f"{kind.length:,}",
        )


def _format_rows(notes: Notes) -> Rows:
    for form in FORMATS.values():
        encrypted = f"{form.encrypted_density:02X}h" if form.encrypts else ""
        yield (
            form.name,
            f"{form.density:02X}h",
            encrypted,
            str(form.partitions),
            str(form.wraps),
            _which(
                name
                for name, drive in _drives().items()
                if form.name in drive.personality.media["read_write"]
            ),
        )


_HAVE = ("code", "name", "models")

TABLES: dict[str, tuple[tuple[str, ...], Callable[[Notes], Rows]]] = {
    "models": (
        ("model", "INQUIRY", "writes", "reads only", "keys from", "A-KAD, bytes", "partitions"),
        _model_rows,
    ),
    "commands": (("code", "command", "models", "notes"), _command_rows),
    "modes": (_HAVE, _mode_rows),
    "logs": (_HAVE, _log_rows),
    "vpd": (_HAVE, _vpd_rows),
    "sense": (("condition", "standard", "the drive says", "models"), _sense_rows),
    "operations": (
        (
            "operation",
            "TEST UNIT READY",
            "REQUEST SENSE",
            "commands that need the tape",
            "after a reset it",
        ),
        _operation_rows,
    ),
    "security": (("protocol, page", "notes", "models"), _security_rows),
    "encryption": (("what", "value", "models"), _encryption_rows),
    "alerts": (("flag", "name", "severity", "notes", "cleared by"), _alert_rows),
    "attributes": (("code", "name", "of the", "models"), _attribute_rows),
    "cartridges": (
        ("media id", "kind", "holds", "medium type", "memory, bytes", "metres"),
        _cartridge_rows,
    ),
    "formats": (
        ("format", "density", "encrypted", "partitions", "wraps", "written by drives of"),
        _format_rows,
    ),
}


def main() -> None:
    """Write the tables of all pages anew."""
    for path in PAGES:
        path.write_text(render(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
