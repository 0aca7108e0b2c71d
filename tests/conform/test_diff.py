"""What `keyreel conform --diff` tells of answers that differ where checks passed with both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import keyreel
from harness.conform import commands as c
from harness.conform.answers import CODES, IDENTITY, SELECTS, UNCOMPARED, compared, pairs
from harness.conform.exchange import Exchange
from harness.initiators.api import Reply
from harness.layers.base import Structure
from harness.layers.cdb import all_cdbs
from harness.layers.dissecting import dissect
from harness.layers.inquiry import StandardInquiry
from harness.layers.log import LogPage
from harness.layers.log_parameters import LogParameter
from harness.layers.mode import Control, DataCompression, ModeData10
from harness.layers.reports import AllCommands, CommandDescriptor
from harness.layers.sense import FixedSense
from harness.layers.vpd import SupportedVpdPages, UnitSerialNumber
from tests.conform.models import rig

CHECK_CONDITION = 2
INQUIRY, PAGES, SERIAL = c.inquiry(255), c.inquiry(255, 0), c.inquiry(255, 0x80)
MODES, DEFAULTS = c.mode_sense(0x3F), c.mode_sense(0x3F, control=2)
LOG, COMMANDS = c.log_sense(0x0C), c.operation_codes()


def commands(*codes: int, size: int = 6) -> AllCommands:
    """REPORT SUPPORTED OPERATION CODES data of commands with CDBs of that size."""
    rows = [CommandDescriptor(operation_code=one, cdb_length=size) for one in codes]
    return AllCommands(commands=rows)


def log(**values: int) -> LogPage:
    """A log page of parameters by code: p1=5 is parameter 1."""
    rows = [
        LogParameter(parameter_code=int(name[1:]), parameter_value=value.to_bytes(4))
        for name, value in values.items()
    ]
    return LogPage(page_code=0x0C, parameters=rows)


def sense(code: str, **fields: int) -> FixedSense:
    """Sense data of a code like 5/24/00, with a field pointer if there is a `specific_value`."""
    key, asc, ascq = (int(part, 16) for part in code.split("/"))
    return FixedSense(
        sense_key=key,
        additional_sense_code=asc,
        additional_sense_code_qualifier=ascq,
        sksv="specific_value" in fields,
        c_d=1,
        **fields,
    )


def inquiry(product: bytes) -> StandardInquiry:
    """Standard INQUIRY data."""
    return StandardInquiry(product_identification=product)


DATA = [
    (INQUIRY, inquiry(b"ONE"), inquiry(b"TWO"),
     [("Standard INQUIRY data", "product_identification", "ONE", "TWO")]),
    (PAGES, SupportedVpdPages(page_codes=[0, 0x80]), SupportedVpdPages(page_codes=[0, 0xC2]),
     [("Supported VPD Pages 00h", "page_codes", "with 80h", "with C2h")]),
    (PAGES, SupportedVpdPages(page_codes=[0, 0x80]), SupportedVpdPages(page_codes=[0]),
     [("Supported VPD Pages 00h", "page_codes", "with 80h", "without")]),
    (SERIAL, UnitSerialNumber(product_serial_number=b"1"),
     UnitSerialNumber(product_serial_number=b"2"), []),
    (MODES, ModeData10(pages=[Control(tas=1)]), ModeData10(pages=[Control()]),
     [("Control mode page 0Ah", "tas", "1", "0")]),
    (DEFAULTS, ModeData10(pages=[Control(tas=1)]), ModeData10(pages=[Control()]),
     [("Control mode page 0Ah, default values", "tas", "1", "0")]),
    (MODES, ModeData10(pages=[Control(), DataCompression()]), ModeData10(pages=[Control()]),
     [("Data Compression mode page 0Fh", "", "there", "not there")]),
    (LOG, log(p1=5, p2=6), log(p1=7, p2=8), []),
    (LOG, log(p1=5), log(p1=5, p2=6),
     [("A log page of parameters 0Ch, Log parameter 0002h", "", "not there", "there")]),
    (COMMANDS, commands(0, 8), commands(0, 8, size=10),
     [("All_commands parameter data, Command descriptor 00h", "cdb_length", "6", "10 (Ah)"),
      ("All_commands parameter data, Command descriptor 08h", "cdb_length", "6", "10 (Ah)")]),
    (c.read(3), b"one", b"two", []),
]  # fmt: skip
"""A command, what each device answered, and what is told of it."""


@pytest.mark.parametrize(("cdb", "first", "second", "told"), DATA)
def test_data_differ_by_field(
    cdb: bytes, first: Structure, second: Structure, told: list[tuple[str, ...]]
) -> None:
    replies = [Reply(0, b"", bytes(one)) for one in (first, second)]
    assert [tuple(one) for one in compared(cdb, *replies, "tape")] == told


def test_data_that_were_cut_short_are_not_compared() -> None:
    whole = bytes(inquiry(b"ONE"))
    assert not compared(INQUIRY, Reply(0, b"", whole), Reply(0, b"", whole[:20]), "tape")


FIELD = "5/24/00 ILLEGAL REQUEST: INVALID FIELD IN CDB"
SENSES = [
    (sense("5/24/00"), sense("5/26/00"),
     ("INQUIRY 80h", "ends with", f"CHECK CONDITION, {FIELD}",
      "CHECK CONDITION, 5/26/00 ILLEGAL REQUEST: INVALID FIELD IN PARAMETER LIST")),
    (sense("5/24/00"), None, ("INQUIRY 80h", "ends with", f"CHECK CONDITION, {FIELD}", "GOOD")),
    (sense("5/24/00", specific_value=2), sense("5/24/00"),
     ("Sense data", "field pointer of 5/24/00", "a byte", "none")),
    (sense("5/24/00", specific_value=2), sense("5/24/00", specific_value=3),
     ("INQUIRY 80h", "field pointer of 5/24/00", "byte 2 of the CDB", "byte 3 of the CDB")),
    (sense("5/24/00", field_replaceable_unit_code=7), sense("5/24/00"), None),
]  # fmt: skip
"""Sense data of each device to INQUIRY for page 80h, None for GOOD, and what is told of it."""


@pytest.mark.parametrize(("first", "second", "told"), SENSES)
def test_sense_codes_and_field_pointers_differ(
    first: FixedSense, second: FixedSense | None, told: tuple[str, ...] | None
) -> None:
    replies = [
        Reply(CHECK_CONDITION if one else 0, bytes(one or b""), b"") for one in (first, second)
    ]
    assert [tuple(one) for one in compared(SERIAL, *replies, "tape")] == ([told] if told else [])


def test_what_was_asked_in_another_state_is_not_compared() -> None:
    def exchanges(*rows: tuple[bytes, int]) -> tuple[Exchange, ...]:
        return tuple(
            Exchange(0, cdb, b"", Reply(status, b"", bytes((number,))))
            for number, (cdb, status) in enumerate(rows)
        )

    same = (c.REWIND, 0), (c.read(5), 0)
    left = exchanges(*same, (c.read(5), 0), (c.read(5), 0))
    more = [Exchange(*one[:3], Reply(one.reply.status, b"", b"x")) for one in left if one.reply]
    assert len(list(pairs(left, tuple(more)))) == 4
    refused = [*more[:1], more[1]._replace(reply=Reply(CHECK_CONDITION, b"", b"")), *more[2:]]
    assert [cdb for cdb, *_ in pairs(left, tuple(refused))] == [c.REWIND, c.read(5)]
    others = [*more[:1], more[1]._replace(cdb=c.read(6)), *more[2:]]
    assert [cdb for cdb, *_ in pairs(left, tuple(others))] == [c.REWIND]


def layers(kind: type[Structure] = Structure) -> Iterator[type[Structure]]:
    for one in kind.__subclasses__():
        yield one
        yield from layers(one)


def test_the_tables_name_layers_and_fields_that_are_there() -> None:
    assert dissect(bytes(6))  # which has every module of layers imported
    fields = {one.__name__: {field.name for field in one.fields_desc} for one in layers()}
    for place in (place for places in UNCOMPARED.values() for place in places):
        layer, _, field = place.partition(".")
        assert field in fields[layer], place
    for layer, names in IDENTITY.items():
        assert fields[layer].issuperset(names), layer
    everywhere = set().union(*fields.values())
    assert everywhere.issuperset(CODES)
    asked = {field.name for one in all_cdbs() for field in one.fields_desc}
    assert asked.issuperset(SELECTS)


def test_two_models_are_told_apart_and_one_is_like_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("lto5", "hp-lto6"):
        Path(f"{name}.toml").write_text(rig(name))
    topics = [word for topic in ("inquiry", "log", "sense") for word in ("--topic", topic)]

    def diff(*targets: str) -> tuple[int, str]:
        words = ["conform", "--diff", *targets, *topics, "--html", "diff.html"]
        done = CliRunner().invoke(keyreel, words)
        return done.exit_code, done.output

    status, output = diff("lto5.toml", "lto5.toml")
    assert status == 0 and "0 checks differ, 0 answers differ" in output, output
    assert "Answers" not in output
    _, output = diff("lto5.toml", "hp-lto6.toml")
    page = Path("diff.html").read_text()
    assert "        A ULT3580-TD5\n        B Ultrium 6-SCSI\n" in output
    assert "Supported Log Pages 00h" in output
    for text in ("Answers differ where checks passed with both", "Ultrium 6-SCSI"):
        assert text in output and text in page
