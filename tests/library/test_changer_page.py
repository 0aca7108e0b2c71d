"""docs/changers.md against the code: the models, their commands and the lengths of descriptors."""

from __future__ import annotations

from pathlib import Path

from target.library import commands, personality
from target.scsi import command_table
from tests.library.changers import MODELS, host

PAGE = (Path(__file__).resolve().parents[2] / "docs/changers.md").read_text(encoding="utf-8")
COLUMNS = ("spectra/t950", "quantum/scalar-i500", "quantum/scalar-i2000", "ibm/ts3500",
           "stk/sl500", "stk/sl8500")  # fmt: skip


def table(title: str) -> list[list[str]]:
    """The rows of the table under a heading, without its head."""
    section = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_every_model_is_there() -> None:
    listed = [name.strip() for row in table("Models") for name in row[0].split(",")]
    assert sorted(listed) == sorted(MODELS)
    for row in table("Models"):
        for name in row[0].split(","):
            model = personality.load(name.strip())
            addresses = [int(cell, 16) for cell in row[2:6]]
            assert addresses == [model.elements[word] for word in
                                 ("transport", "storage", "import_export", "drive")]  # fmt: skip
            assert model.tag["length"] == int(row[6])


def test_names_of_models_are_those_of_inquiry() -> None:
    for row in table("Models"):
        for name in row[0].split(","):
            inquiry = personality.load(name.strip()).inquiry
            assert f"{inquiry['vendor']} {inquiry['product']}" == row[1]


def test_commands_are_those_that_there_are() -> None:
    expected = []
    for row in commands.COMMANDS:
        have = [
            "x" if command_table.key(row) in personality.load(name).commands else ""
            for name in COLUMNS
        ]
        if any(have):
            expected.append([command_table.key(row).replace("-", "/"), row.name, *have])
    assert table("Commands") == expected


def test_lengths_of_descriptors(tmp_path: Path) -> None:
    rows = [row for row in table("Element status") if row[0] in MODELS]
    assert len(rows) == 5
    for number, (name, *cells) in enumerate(rows):
        folder = tmp_path / str(number)
        folder.mkdir()
        _, it = host(folder, name)
        model = personality.load(name)
        plain = len(it.elements(2, voltag=False)[0].raw)
        tagged = len(it.elements(2)[0].raw)
        voltag = not model.status.get("strict_dvcid")
        named = len(it.elements(4, voltag=voltag, dvcid=True)[0].raw)
        assert [int(cell.split()[0]) for cell in cells[:3]] == [plain, tagged, named]
