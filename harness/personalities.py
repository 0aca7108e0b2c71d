"""What `keyreel personality` does: list the models, and tell what a drive of one answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness import models
from harness.answers import Facts, ask, controls
from harness.cli import USAGE_ERROR, say
from target import personality
from target.library import personality as libraries
from target.medium.formats import FORMATS

WIDTH, LONG = 96, 500
"""Of what is no terminal; of lines that are not broken."""


def list_models(as_json: bool) -> int:
    """A line for each model; the exit status."""
    rows = [_line(personality.load(name)) for name in personality.models()]
    if as_json:
        print(json.dumps(rows, indent=2))
        return 0
    table = _table("model", "INQUIRY", "native", "writes too", "reads too", "encryption")
    for row in rows:
        inquiry = f"{row['vendor']:7} {row['product']} {row['revision']}"
        writes, reads = ", ".join(row["writes_too"]), ", ".join(row["reads_too"])
        keys = ", ".join(row["encryption"]) or "no"
        table.add_row(row["model"], inquiry, row["native"], writes, reads, keys)
    # One line a model, however narrow the terminal is: for grep.
    _print([table], LONG)
    return 0


def list_libraries(as_json: bool) -> int:
    """A line for each library model; the exit status."""
    known = [libraries.load(name) for name in libraries.models()]
    rows = [
        {key: model.inquiry[key] for key in ("vendor", "product", "revision")}
        | {"model": model.name, "elements": model.elements}
        for model in known
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return 0
    kinds = list(libraries.KINDS.values())
    table = _table("model", "INQUIRY", *(kind.replace("_", "/") for kind in kinds))
    for row in rows:
        inquiry = f"{row['vendor']:7} {row['product']} {row['revision']}"
        addresses = [f"{row['elements'][kind]:04X}h" for kind in kinds]
        table.add_row(row["model"], inquiry, *addresses)
    _print([table], LONG)
    return 0


def _line(model: personality.Personality) -> dict[str, Any]:
    media, inquiry = model.media, model.inquiry
    native = media["native"]
    return {
        "model": model.name,
        "vendor": inquiry["vendor"],
        "product": inquiry["product"],
        "revision": inquiry["revision"],
        "native": native,
        "writes_too": [form for form in media["read_write"] if form != native],
        "reads_too": media["read_only"],
        "encryption": controls(model),
    }


def show(name: str, as_json: bool) -> int:
    """All that a drive of the model answers; the exit status."""
    wrong = models.wrong_file(name) if personality.is_path(name) else ""
    if not personality.is_path(name) and name not in personality.models():
        wrong = models.unknown(name)
    if wrong:
        say(wrong)
        return USAGE_ERROR
    facts = ask(name)
    if as_json:
        print(json.dumps(facts, indent=2))
        return 0
    parts: list[Any] = [
        f"{name}: {facts['vendor']} {facts['product']}, revision {facts['revision']}"
    ]
    for title, section in SECTIONS:
        content = list(section(facts))
        if content:
            parts += ["", f"[bold]{title}[/bold]"]
            parts += [Padding(part, (0, 0, 0, 2)) for part in content]
    _print(parts, None if sys.stdout.isatty() else WIDTH)
    return 0


def _print(parts: list[Any], width: int | None) -> None:
    """Lines of at most that width, or the terminal's, without spaces at their ends."""
    console = Console(highlight=False, width=width)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def _table(*columns: str) -> Table:
    """A table without lines; numbers to the right."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in columns:
        right = name in ("bytes", "timeout", "capacity")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    return table


def _pairs(rows: dict[str, Any]) -> Table:
    """Names and what they are."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, _said(value))
    return table


def _said(value: Any) -> Text:
    """A value in words; text as it is."""
    if value is None:
        return Text("not told")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, list):
        return Text(", ".join(map(str, value)) or "none")
    return Text(f"{value:,}" if isinstance(value, int) else str(value))


def page_code(row: Facts) -> str:
    """A page code, with its subpage code where it has one."""
    return f"{row['page']}-{row['subpage']}" if row["subpage"] else str(row["page"])


# --- sections ----------------------------------------------------------------------------------

Section = Callable[[Facts], Iterator[Any]]


def _identity(facts: Facts) -> Iterator[Any]:
    inquiry, limits = facts["inquiry"], facts["limits"]
    yield _pairs(
        {
            "INQUIRY": f"{inquiry['length']} bytes, {inquiry['version']}; version descriptors"
            f" {', '.join(inquiry['version_descriptors']) or 'none'}",
            "block length": f"{limits['shortest_block']:,} to {limits['longest_block']:,} bytes,"
            f" granularity {limits['granularity']}",
            "sense data": f"{limits['fixed_sense_length']} bytes in fixed format",
            "diagnostic pages": " ".join(facts["diagnostic_pages"]) or "none",
            "buffers": ", ".join(f"{row['id']}: {row['size']:,} bytes" for row in facts["buffers"])
            or "none",
        }
    )


def _cartridges(facts: Facts) -> Iterator[Any]:
    """Alike rows are one; what the drive refuses altogether comes last, as codes alone."""

    def said(row: Facts) -> str:
        if "ready" in row["sense"]:
            return str(row["sense"]["ready"])
        reads = "reads" if row["reads"] else f"not read ({row['sense'].get('read')})"
        if row["writes"] is None:
            return f"{reads}, does not write ({row['sense'].get('write')})"
        if row["recorded"] is None:
            return f"writing makes it {row['writes']}"
        if row["appends"]:
            return f"{reads} and writes"
        return f"{reads}; writing at the beginning makes it {row['writes']}"

    table = _table("recorded", "media ids", "")
    refused: dict[str, list[str]] = {}
    rows = [row for row in facts["cartridges"] if row["kind"] != "cleaning"]
    formats = ["", *FORMATS]
    order = sorted(rows, key=lambda row: (formats.index(row["recorded"] or ""), said(row)))
    for (recorded, words), alike in groupby(order, key=lambda row: (row["recorded"], said(row))):
        group = list(alike)
        ids = [row["media"] + ("*" if row["kind"] == "WORM" else "") for row in group]
        if "ready" in group[0]["sense"]:
            refused.setdefault(words, []).append(f"{recorded or 'blank'} {'/'.join(ids)}")
        else:
            table.add_row(recorded or "blank", " ".join(ids), words)
    yield table
    for code, forms in refused.items():
        yield Text(f"{code}: {', '.join(forms)}")
    cleaning = [row["media"] for row in facts["cartridges"] if row["cleans"]]
    yield Text(f"cleans: {', '.join(cleaning)} (*: WORM)")


def _formats(facts: Facts) -> Iterator[Any]:
    table = _table("density", "encrypted", "name", "description", "tracks", "bpmm", "capacity")
    for row in facts["formats"]:
        flags = " (default)" if row["deflt"] else "" if row["wrtok"] else " (read only)"
        table.add_row(
            row["primary"], row["secondary"], str(row["name"]), f"{row['description']}{flags}",
            f"{row['tracks']:,}", f"{row['bits_per_mm']:,}", f"{row['capacity']:,} MB",
        )  # fmt: skip
    if facts["formats"]:
        yield table
    types = _table("type", "densities", "metres", "name", "description")
    for row in facts["medium_types"]:
        types.add_row(
            row["medium_type"], row["codes"], str(row["length"]), str(row["name"]),
            str(row["description"]),
        )  # fmt: skip
    if facts["medium_types"]:
        yield types


def _commands(facts: Facts) -> Iterator[Any]:
    table = _table("code", "command", "CDB", "timeout")
    for row in facts["commands"]:
        action = f"-{row['service_action']}" if row["service_action"] else ""
        timeout = "" if row["timeout"] is None else f"{row['timeout']:,} s"
        table.add_row(row["opcode"] + action, row["name"], str(row["length"]), timeout)
    yield table
    if not any(row["usage"] for row in facts["commands"]):
        yield Text("It has no REPORT SUPPORTED OPERATION CODES: timeouts are not told.")


def _vpd(facts: Facts) -> Iterator[Any]:
    table = _table("page", "name", "content")
    for row in facts["vpd"]:
        content = row["content"]
        text = "\n".join(content) if isinstance(content, list) else content
        table.add_row(row["page"], row["name"], Text(text))
    yield table


def _mode_pages(facts: Facts) -> Iterator[Any]:
    """Fields that are zero and stay so are left out."""
    table = _table("page", "name", "fields (*: changeable; other zeros left out)")
    for row in facts["mode_pages"]:
        notes = [
            word
            for word, held in (("saved", row["saveable"]), ("by nexus", row["by_nexus"]))
            if held
        ]
        name = row["name"] + (f" ({', '.join(notes)})" if notes else "")
        fields = [
            f"{field}={about['value']}{'*' if about['changeable'] else ''}"
            for field, about in row["fields"].items()
            if about["value"] or about["changeable"]
        ]
        table.add_row(page_code(row), name, Text(" ".join(fields) or "all zero"))
    yield table


def _log_pages(facts: Facts) -> Iterator[Any]:
    table = _table("page", "name", "parameters")
    for row in facts["log_pages"]:
        table.add_row(page_code(row), row["name"], str(len(row["parameters"]) or ""))
    yield table


def _attributes(facts: Facts) -> Iterator[Any]:
    table = _table("id", "name", "of the")
    for row in facts["attributes"]:
        table.add_row(row["id"], row["name"], row["of"])
    yield table


def _encryption(facts: Facts) -> Iterator[Any]:
    known = facts["encryption"]
    if known is None:
        yield Text("none")
        return

    def pages(rows: list[Facts]) -> list[str]:
        return [f"{row['page']} {row['name']}" for row in rows]

    def fields(rows: Facts) -> str:
        apart = ("algorithm_index", "algorithm_code", "descriptor_length")
        return " ".join(f"{name}={value}" for name, value in rows.items() if name not in apart)

    rows = {
        "keys from": known["control"],
        "key formats": known["key_formats"],
        "wrong keys in a row": known["key_fail_limit"],
        "in pages": pages(known["in_pages"]),
        "out pages": pages(known["out_pages"]),
        "capabilities": fields(known["capabilities"]),
        "management": fields(known["management"]),
    }
    for row in known["algorithms"]:
        rows[f"algorithm {row['index']}"] = (
            f"{row['name']} ({row['code']}h), for {', '.join(row['formats'])}:"
            f" {fields(row['fields'])}"
        )
    yield _pairs(rows)


def _reservations(facts: Facts) -> Iterator[Any]:
    known = facts["reservations"]
    if known is None:
        yield Text("not told: no REPORT CAPABILITIES")
        return
    rows = dict(known)
    types = [word.lower() for word in rows.pop("types")]
    count = rows.pop("registrations")
    bits = " ".join(f"{name}={value}" for name, value in rows.items())
    yield _pairs({"types": types, "registrations": count, "REPORT CAPABILITIES": bits})


def _timing(facts: Facts) -> Iterator[Any]:
    units = {"rate": "MB/s", "buffer": "MB"}
    rows = [f"{name} {value:g} {units.get(name, 's')}" for name, value in facts["timing"].items()]
    yield Text(", ".join(rows))


def _quirks(facts: Facts) -> Iterator[Any]:
    if facts["quirks"]:
        yield _pairs({name.replace("_", " "): value for name, value in facts["quirks"].items()})


def _sense(facts: Facts) -> Iterator[Any]:
    if facts["sense"]:
        table = _table("condition", "standard", "drive", "fault symptom")
        for row in facts["sense"]:
            table.add_row(row["condition"], row["standard"], row["code"], row["fsc"] or "")
        yield table


SECTIONS: tuple[tuple[str, Section], ...] = (
    ("Identity", _identity),
    ("Cartridges", _cartridges),
    ("Densities and medium types", _formats),
    ("Commands", _commands),
    ("VPD pages", _vpd),
    ("Mode pages", _mode_pages),
    ("Log pages", _log_pages),
    ("Attributes of the cartridge memory", _attributes),
    ("Encryption", _encryption),
    ("Persistent reservations", _reservations),
    ("Time", _timing),
    ("Own sense codes", _sense),
    ("Quirks", _quirks),
)
