"""`keyreel personality`: what it tells is what a drive of the model answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness import personalities
from harness.answers import ask
from harness.cli import keyreel
from harness.models import close_to, unknown
from target import personality
from target.library.personality import models as library_models
from target.medium.formats import TYPES
from target.tape import commands

MODELS = personality.models()
TD9 = "ibm/ult3580-td9"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(keyreel, ["personality", *arguments])


def lines(*arguments: str) -> list[str]:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_list_has_one_line_a_model() -> None:
    head, *rows = lines("list")
    assert head.split() == [
        "model",
        "INQUIRY",
        "native",
        "writes",
        "too",
        "reads",
        "too",
        "encryption",
    ]
    assert [row.split()[0] for row in rows] == MODELS


def test_list_says_formats_and_who_gives_keys() -> None:
    rows = {row["model"]: row for row in json.loads(run("list", "--json").stdout)}
    assert list(rows) == MODELS
    assert rows[TD9] == {
        "model": TD9,
        "vendor": "IBM",
        "product": "ULT3580-TD9",
        "revision": "N9P1",
        "native": "LTO-9",
        "writes_too": ["LTO-8"],
        "reads_too": [],
        "encryption": ["application", "library"],
    }
    assert rows["ibm/ult3580-td2"]["encryption"] == []


def test_libraries_has_one_line_a_library_model() -> None:
    head, *rows = lines("libraries")
    assert head.split() == ["model", "INQUIRY", "transport", "storage", "import/export", "drive"]
    assert [row.split()[0] for row in rows] == library_models()
    (row,) = (row for row in rows if row.startswith("spectra/t950 "))
    assert row.split()[-4:] == ["0001h", "1000h", "0010h", "0100h"]
    told = json.loads(run("libraries", "--json").stdout)
    assert [one["model"] for one in told] == library_models()


@pytest.mark.parametrize("model", MODELS)
def test_show_tells_of_every_model_what_it_answers(model: str) -> None:
    shown = lines("show", model)
    known = personality.load(model)
    assert shown[0].startswith(f"{model}: {known.inquiry['vendor']} {known.inquiry['product']}, ")
    assert max(map(len, shown)) <= personalities.WIDTH
    assert all(line == line.rstrip() for line in shown)
    text = "\n".join(shown)
    for row in commands.of(known):
        assert row.name in text


@pytest.mark.parametrize("model", [TD9, "ibm/ult3580-td2", "ibm/ts1140", "stk/t10000d"])
def test_json_has_all_of_it(model: str) -> None:
    facts = json.loads(run("show", model, "--json").stdout)
    assert facts == json.loads(json.dumps(ask(model)))
    known = personality.load(model)
    assert {row["page"] for row in facts["vpd"]} == set(known.vpd["pages"]) | {"00"}
    assert {personalities.page_code(row) for row in facts["mode_pages"]} == set(known.modes)
    assert facts["limits"]["longest_block"] == known.limits["max_block"]
    assert bool(facts["encryption"]) == bool(known.encryption)


def test_commands_have_usage_data_and_timeouts() -> None:
    rows = {row["name"]: row for row in ask(TD9)["commands"]}
    assert rows["ERASE(6)"] == {
        "opcode": "19",
        "service_action": None,
        "name": "ERASE(6)",
        "length": 6,
        "usage": "19 03 00 00 00 c0",
        "timeout": 74341,
    }
    assert rows["REPORT TIMESTAMP"]["service_action"] == "0F"


def test_a_drive_that_cannot_list_its_commands_is_told_of_all_the_same() -> None:
    model = "ibm/ult3580-td1"
    facts = ask(model)
    assert len(facts["commands"]) == len(commands.of(personality.load(model)))
    assert all(row["usage"] is None for row in facts["commands"])
    assert any("timeouts are not told" in line for line in lines("show", model))


def test_mode_pages_have_values_by_field() -> None:
    pages = {personalities.page_code(row): row for row in ask(TD9)["mode_pages"]}
    assert pages["10"]["fields"]["write_delay"] == {
        "value": 300, "default": 300, "changeable": True,
    }  # fmt: skip
    assert pages["10"]["saveable"]
    assert not pages["1C"]["saveable"]
    assert pages["1C"]["by_nexus"]


def test_vital_product_data_in_words() -> None:
    pages = {row["page"]: row for row in ask(TD9)["vpd"]}
    assert pages["80"]["content"] == "KRL0000001"
    assert "port, relative port: 00000001" in pages["83"]["content"]
    assert "0A-F0: by nexus" in pages["87"]["content"]


def by_media(model: str) -> dict[tuple[str, str | None], dict[str, Any]]:
    return {(row["media"], row["recorded"]): row for row in ask(model)["cartridges"]}


def test_media_of_an_lto_drive() -> None:
    rows = by_media("ibm/ult3580-td6")
    assert rows["L6", "LTO-6"]["writes"] == "LTO-6"
    assert rows["LV", "LTO-5"]["appends"]
    assert rows["L4", "LTO-4"] == {
        "media": "L4",
        "kind": "data",
        "recorded": "LTO-4",
        "reads": True,
        "writes": None,
        "appends": False,
        "cleans": False,
        "sense": {"write": "7/30/05"},
    }
    assert rows["L7", "LTO-7"]["sense"] == {"ready": "3/30/00"}
    assert rows["CU", None]["cleans"]


def test_media_that_get_the_drive_s_format() -> None:
    rows = by_media("ibm/ts1140")
    assert rows["JC", "3592-E08"]["sense"] == {"read": "3/30/02"}
    assert rows["JC", "3592-E08"]["writes"] == "3592-E07"
    assert rows["JB", "3592-E05"]["reads"]
    assert (rows["JB", "3592-E05"]["writes"], rows["JB", "3592-E05"]["appends"]) == (
        "3592-E07",
        False,
    )
    assert (rows["JA", None]["writes"], rows["JA", None]["appends"]) == ("3592-E06", True)


def test_a_model_s_media_are_those_of_its_family() -> None:
    assert {TYPES[media].family for media, _ in by_media("stk/t9840d")} == {"T9840"}


def test_encryption_and_reservations() -> None:
    facts = ask(TD9)
    assert [row["name"] for row in facts["encryption"]["algorithms"]] == ["AES-256-GCM-128"]
    assert facts["encryption"]["algorithms"][0]["fields"]["max_akad"] == 60
    assert {"page": "0010", "name": "set data encryption"} in facts["encryption"]["out_pages"]
    assert "WRITE EXCLUSIVE" in facts["reservations"]["types"]
    assert ask("ibm/ult3580-td2")["encryption"] is None


def test_attributes_only_of_partitioned_tapes_are_told_too() -> None:
    for model in ("stk/t10000d", TD9):
        names = {row["name"] for row in ask(model)["attributes"]}
        assert {"LOAD COUNT", "BARCODE"} <= names


def walk(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)
    else:
        yield value


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_left_unnamed(model: str) -> None:
    """Codes that this project uses have names here."""
    assert "unknown" not in {item for item in walk(ask(model)) if isinstance(item, str)}


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_an_unknown_model_is_one_sentence_with_the_cure(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert personalities.show("ibm/ult3580-td99", bool(arguments)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("keyreel: there is no ibm/ult3580-td99: use ibm/ult3580-td9, ")
    assert printed.err.endswith("`keyreel personality list` shows all\n")


def test_close_matches() -> None:
    assert close_to("ULT3580-TD9") == close_to("ibm/ULT3580-TD9") == [TD9]
    assert TD9 in close_to("td9")
    assert close_to("ibm/ult3580td8")[0] == "ibm/ult3580-td8"
    assert "hp/ultrium-7" in close_to("hp/ultrium7")
    assert unknown("rubbish") == "there is no rubbish: `keyreel personality list` shows all"
