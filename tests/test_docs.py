"""The texts against the code: what they name is there, and what is there is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from harness import drives_page, which
from harness.cli import keyreel

ROOT = Path(__file__).resolve().parent.parent
MANUAL = sorted((ROOT / "docs").glob("*.md"))
TEXTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *MANUAL]


def code(text: str) -> Iterator[str]:
    """Indented lines and `quoted` words."""
    yield from re.findall(r"^ {4}(.*)$", text, re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", text)


@pytest.mark.parametrize("path", drives_page.PAGES, ids=lambda path: path.name)
def test_tables_are_what_the_drives_answer(path: Path) -> None:
    """Else: python -m harness.drives_page."""
    text = path.read_text(encoding="utf-8")
    assert drives_page.render(text) == text


def test_every_table_is_on_a_page() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in drives_page.PAGES)
    assert sorted(re.findall(r"<!-- table: (\w+) -->", pages)) == sorted(drives_page.TABLES)


def test_notes_are_kept_and_the_rest_is_not() -> None:
    page = (
        "# Title\n<!-- table: commands -->\n| 01 | X | all | my note |\n| ZZ | Y | | gone |\n"
        "<!-- end -->\nthe end\n"
    )
    made = drives_page.render(page)
    assert "| 01 | REWIND | all | my note |\n" in made
    assert "gone" not in made
    assert made.startswith("# Title\n")
    assert made.endswith("<!-- end -->\nthe end\n")


def test_which_models_in_words() -> None:
    models = which.known_models()
    everything = {model.name for model in models}

    def native(*formats: str) -> set[str]:
        return {model.name for model in models if model.native in formats}

    def family(name: str) -> set[str]:
        return {model.name for model in models if model.family == name}

    assert which.which(everything, models) == "all"
    assert which.which(set(), models) == "none"
    assert which.which(family("3592"), models) == "3592"
    assert which.which(everything - family("LTO"), models) == "all but LTO"
    assert which.which(native("LTO-1", "LTO-2", "LTO-3"), models) == "LTO-1 to LTO-3"
    assert which.which(native("LTO-9", "LTO-10", "LTO-1"), models) == "LTO-1, LTO-9 on"
    quantum = {model.name for model in models if model.vendor == "Quantum"}
    assert which.which(quantum, models) == "Quantum LTO"
    assert which.which({"ibm/ult3580-td8-n4q0"}, models) == "ibm/ult3580-td8-n4q0"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_commands_in_the_texts_exist(path: Path) -> None:
    for line in code(path.read_text(encoding="utf-8")):
        for words in re.findall(r"(?:^|\./run |\$ )keyreel ([a-z-]+(?: [a-z][a-z-]*)?)", line):
            first, _, second = words.partition(" ")
            command = keyreel.commands[first]
            if isinstance(command, click.Group) and second:
                assert second in command.commands, line


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_words_behind_run_are_its_commands(path: Path) -> None:
    usage = (ROOT / "run").read_text(encoding="utf-8").partition("usage() {")[2].partition("END\n}")
    known = set(re.findall(r"^  (\w+)", usage[0], re.MULTILINE))
    for line in code(path.read_text(encoding="utf-8")):
        assert set(re.findall(r"\./run (\w+)", line)) <= known, line


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_files_that_are_named_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"\b(?:target|harness|fixtures|docs|tests)/[a-z0-9_/-]+\.[a-z]+", text):
        assert (ROOT / name).exists(), name


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == [page.name for page in MANUAL]
