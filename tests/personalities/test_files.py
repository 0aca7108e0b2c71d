"""The files of the models: they load, fit together, and are refused in one sentence if wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from target import personality, personality_schema
from target.medium.formats import FORMATS, TYPES, Kind
from target.personality import FOLDER, Personality
from target.scsi import command_table
from target.scsi import sense as s
from target.scsi.registrations import Capabilities
from target.tape import commands, mode_pages, timing
from target.tape.drive import Drive

MODELS = personality.models()
FILES = sorted(
    path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.toml")
)
LTO = [model for model in MODELS if personality.load(model).media["native"].startswith("LTO")]


def raw(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def generation(model: Personality) -> int:
    return int(model.media["native"].removeprefix("LTO-"))


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Personality:
    return personality.load(request.param)


# --- what is in them -----------------------------------------------------------------------------


def test_every_vendor_of_the_field_is_there() -> None:
    assert {name.split("/")[0] for name in MODELS} == {"hp", "hpe", "ibm", "quantum", "stk"}


def test_every_base_has_users_and_every_user_a_base() -> None:
    used = {base for name in FILES for base in personality.bases(raw(name))}
    assert used <= set(FILES)
    unused = {name for name in FILES if name.rpartition("/")[2].startswith("_")} - used
    assert not unused


def test_a_drive_can_be_made_of_it(model: Personality) -> None:
    drive = Drive(model, "KRL0000001", commands.of(model))
    assert model.inquiry["product"].encode() in drive.inquiry_data


def test_inquiry_strings_fit(model: Personality) -> None:
    inquiry = model.inquiry
    assert 0 < len(inquiry["vendor"]) <= 8
    assert 0 < len(inquiry["product"]) <= 16
    assert len(inquiry["revision"]) == 4
    assert inquiry["version"] in (3, 4, 5, 6)
    assert 36 <= inquiry.get("length", 96) <= 96


def test_models_of_one_product_differ_in_firmware() -> None:
    loaded = [personality.load(name).inquiry for name in MODELS]
    names = [(each["vendor"], each["product"], each["revision"]) for each in loaded]
    assert len(names) == len(set(names))


def test_formats_exist_and_have_cartridges(model: Personality) -> None:
    media = model.media
    assert media["native"] == media["read_write"][0]
    every = [*media["read_write"], *media["read_only"]]
    assert len(every) == len(set(every))
    for name in every:
        kinds = {kind.kind for kind in TYPES.values() if name in kind.capacities}
        assert Kind.DATA in kinds, name
        assert FORMATS[name].family == FORMATS[media["native"]].family


def test_commands_that_move_a_tape_are_there(model: Personality) -> None:
    rows = {command_table.key(row) for row in commands.of(model)}
    assert {"00", "01", "05", "08", "0A", "10", "11", "12", "13", "19", "1B", "2B", "34"} <= rows


def test_encryption_comes_whole(model: Personality) -> None:
    """Abilities, commands and the format itself say the same."""
    encrypts = FORMATS[model.media["native"]].encrypts
    assert bool(model.encryption) == encrypts
    assert ("A2" in model.commands) == ("B5" in model.commands) == encrypts
    if encrypts:
        control = model.encryption["control"]
        assert control["default"] in control["knows"]
        wraps = 2 in model.encryption["key_formats"]
        assert (0x31 in model.encryption["in_pages"]) == wraps


def test_conditions_of_codes_exist(model: Personality) -> None:
    assert set(s.own_codes(model.sense)) == set(model.sense)


def test_mode_pages_exist_with_their_fields(model: Personality) -> None:
    pages = mode_pages.pages(compresses=True)
    forms = {name: table.get("form", "") for name, table in model.modes.items()}
    for name, table in model.modes.items():
        (page,) = (p for p in pages if (p.name_in_tables, p.form) == (name, forms[name]))
        page.of(table)


def test_times_are_times(model: Personality) -> None:
    assert timing.table(model.timing).rate
    assert model.timeout("short") <= min(model.timeouts.values())
    assert set(model.timeouts) >= {row.timeout for row in commands.of(model)}
    Capabilities(**model.reservations)


def test_vendor_pages_are_text_of_a_width(model: Personality) -> None:
    for page in model.vpd["pages"].values():
        if isinstance(page, list):
            for text, width in page:
                assert len(text.format(serial="KRL0000001", revision="0000")) <= width


@pytest.mark.parametrize("name", LTO)
def test_generations_read_back_as_far_as_they_do(name: str) -> None:
    media = personality.load(name).media
    own = generation(personality.load(name))
    expected: tuple[set[str], set[str]]
    if own == 10:
        expected = {"LTO-10", "LTO-10P"}, set()
    elif own >= 8:
        expected = {f"LTO-{own}", f"LTO-{own - 1}", *(["LTO-M8"] * (own == 8))}, set()
    else:
        expected = (
            {f"LTO-{n}" for n in (own, own - 1) if n > 0},
            {f"LTO-{n}" for n in (own - 2,) if n > 0},
        )
    assert (set(media["read_write"]), set(media["read_only"])) == expected


@pytest.mark.req("SSC-CMD-04", "SSC-CMD-82", "SSC-CMD-A2", "SSC-CMD-B5", "SSC-CMD-0F")
@pytest.mark.parametrize("name", LTO)
def test_lto_generations_have_their_commands(name: str) -> None:
    model = personality.load(name)
    for opcode, first in {"A2": 4, "B5": 4, "04": 5, "82": 5, "91": 5, "92": 5}.items():
        assert (opcode in model.commands) == (generation(model) >= first), opcode
    assert not model.commands.keys() & {"0F", "14", "83", "88", "8A", "8F", "93", "C0", "E3"}


@pytest.mark.req("SSC-TIMEOUT-02", "SSC-TIMEOUT-04", "SSC-TIMEOUT-05", "SSC-TIMEOUT-08")
def test_timeouts_of_the_latest_drives() -> None:
    wanted = {
        "8": (54896, 960, 2880, 47700),
        "9": (74341, 960, 2940, 63300),
        "a": (16320, 780, 2940, 104880),
    }
    for letter, seconds in wanted.items():
        model = personality.load(f"ibm/ult3580-td{letter}")
        names = ("erase", "load", "locate", "verify")
        assert tuple(map(model.timeout, names)) == seconds


@pytest.mark.req("SSC-RBL-01")
def test_longest_blocks() -> None:
    longest = {
        name: personality.load(name).limits["max_block"]
        for name in ("ibm/ult3580-td9", "hp/ultrium-5", "quantum/ultrium-4", "stk/t10000d")
    }
    assert list(longest.values()) == [0x800000, 0xFFFFFF, 0xFFFFFF, 0x200000]


def test_a_strict_firmware_differs_only_in_that() -> None:
    one, strict = map(personality.load, ("ibm/ult3580-td8", "ibm/ult3580-td8-n4q0"))
    assert strict.quirks == {**one.quirks, "spin_longest": 8192}
    assert strict.inquiry == {**one.inquiry, "revision": "N4Q0"}
    assert strict.commands == one.commands


# --- merging -------------------------------------------------------------------------------------

BASE = """
[inquiry]
vendor = "ACME"
product = "TAPE"
revision = "0001"
version = 6
[limits]
max_block = 1048576
min_block = 1
sense_length = 36
[media]
native = "LTO-9"
read_write = ["LTO-9"]
read_only = []
[timeouts]
short = 60
[vpd]
naa_prefix = 0x5005076
[vpd.pages]
"80" = true
"C0" = [["{serial}", 12]]
[commands]
"08" = true
"A3-0C" = true
[modes]
"0A" = { swp = 1 }
"0F" = {}
[logs]
"17" = true
[sense]
KEY_REQUIRED = { code = "7/EF/10" }
[attributes]
"0008" = 32
[encryption]
max_akad = 12
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/_base.toml").write_text(BASE, encoding="utf-8")
    monkeypatch.setattr(personality, "FOLDER", tmp_path)
    return tmp_path / "acme"


def written(folder: Path, text: str) -> Personality:
    (folder / "one.toml").write_text(text, encoding="utf-8")
    return personality.load("acme/one")


def test_the_own_value_wins_and_the_rest_stays(folder: Path) -> None:
    model = written(folder, 'base = "acme/_base"\n[inquiry]\nproduct = "OTHER"\n')
    assert model.inquiry == {
        "vendor": "ACME", "product": "OTHER", "revision": "0001", "version": 6,
    }  # fmt: skip
    assert model.quirks == {} == model.timing


def test_false_takes_an_entry_away(folder: Path) -> None:
    model = written(
        folder,
        """base = "acme/_base"
        commands."A3-0C" = false
        modes."0F" = false
        logs."17" = false
        sense.KEY_REQUIRED = false
        vpd.pages."C0" = false
        attributes."0008" = false
        """,
    )
    assert model.commands == {"08": True}
    assert model.modes == {"0A": {"swp": 1}}
    assert not model.logs and not model.sense
    assert model.vpd["pages"] == {"80": True}
    assert model.attributes == {"0008": False}


def test_the_later_base_wins_and_gives_back_what_was_taken(folder: Path) -> None:
    (folder / "_less.toml").write_text('modes."0F" = false\nlogs."17" = false', encoding="utf-8")
    (folder / "_more.toml").write_text('modes."0F" = { dde = 0 }', encoding="utf-8")
    model = written(folder, 'base = ["acme/_base", "acme/_less", "acme/_more"]')
    assert model.modes["0F"] == {"dde": 0}
    assert not model.logs


# --- what is refused -----------------------------------------------------------------------------

WRONG = {
    "[inquirey]": "acme/one.toml: inquirey is not known, write one of attributes, base, ",
    "inquiry = 5": "acme/one.toml: inquiry = 5 will not do, write a table",
    "inquiry.vender = 'X'": "acme/one.toml: inquiry.vender is not known, write one of bytes, ",
    "inquiry.vendor = 'NINE CHAR'": "write text of at most 8 printable ASCII characters",
    "inquiry.revision = '1'": "write text of 4 printable ASCII characters",
    "inquiry.version = true": "inquiry.version = True will not do, write a whole number",
    "inquiry.bytes.35 = 1": "inquiry.bytes.35 is not known, write the number of a byte that",
    "inquiry.bytes.36 = 256": "inquiry.bytes.36 = 256 will not do, write a number from 0 to 255",
    "media.read_write = 'LTO-9'": "write a list of names",
    'commands."8" = true': "acme/one.toml: commands.8 is not known, write an opcode in hex",
    'commands."0a" = true': "commands.0a is not known, write an opcode in hex",
    'commands."0A" = 1': "commands.0A = 1 will not do, write true or false",
    'modes."0A" = true': "modes.0A = True will not do, write a table",
    'vpd.pages."C0" = "xyz"': "write true, hex digits or a list of [text, width]",
    "sense.key = {}": "sense.key is not known, write the name of a condition",
    'sense.KEY_REQUIRED.code = "7EF10"': 'write a code such as "7/EF/10"',
    'encryption.control.default = "host"': "write one of application, library, system, agent",
    'attributes."800" = false': "write an attribute in hex (\"080C\") or unit or any_first or",
    "timeouts.eject = 5": "timeouts.eject is not known, write an opcode in hex, with its",
    "quirks.odd = true": "quirks.odd is not known, write one of ",
    "limits.max_block = -1": "limits.max_block = -1 will not do, write a whole number",
    "limits = false": "limits = False will not do, write a table",
    'base = "acme/none"': "acme/one.toml: base 'acme/none' will not do, name another file here",
    'base = "acme/one"': "acme/one.toml: base 'acme/one' will not do, name another file here",
    "base = 5": "base = 5 will not do, write a name or a list of names",
    "base = ": "acme/one.toml: this is not TOML",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=WRONG.get)
def test_what_is_wrong_is_told_in_one_sentence(folder: Path, text: str) -> None:
    own = text if text.startswith("base") else f'base = "acme/_base"\n{text}'
    with pytest.raises(ValueError) as refused:
        written(folder, own)
    said = str(refused.value)
    assert said.startswith("acme/one.toml: ")
    assert WRONG[text] in said
    assert "\n" not in said


@pytest.mark.parametrize("missing", ["[limits]", "[vpd.pages]", 'revision = "0001"', "short = 60"])
def test_what_is_missing_is_told(folder: Path, missing: str) -> None:
    head, _, tail = BASE.partition(missing)
    if missing.startswith("["):
        tail = tail.partition("\n[")[2]
        tail = f"[{tail}"
    with pytest.raises(ValueError, match=r"^acme/one\.toml: \S+ is missing, add it here or in a"):
        written(folder, head + tail)


def test_a_wrong_base_is_told_by_its_own_name(folder: Path) -> None:
    (folder / "_base.toml").write_text("[loggs]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^acme/_base\.toml: loggs is not known"):
        written(folder, 'base = "acme/_base"')


def test_a_name_that_is_none_says_where_they_are_listed(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"no drive model 'acme/_base': `keyreel personality list"):
        written(folder, 'base = "acme/_base"')
        personality.load("acme/_base")


def test_every_quirk_is_explained() -> None:
    page = (FOLDER.parents[1] / "docs/adding-a-model.md").read_text(encoding="utf-8")
    for name in (*personality_schema.QUIRKS.rules, *personality_schema.SCHEMA.rules):
        assert f"\n| {name} |" in page or name == "base", name
