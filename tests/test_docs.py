"""The texts against the code: what they name is there, and what is there is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from harness.cli import keyreel
from target.personality import models as known_models
from target.tape.commands import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
MANUAL = sorted((ROOT / "docs").glob("*.md"))
TEXTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *MANUAL]
DRIVES = (ROOT / "docs/drives.md").read_text(encoding="utf-8")


def code(text: str) -> Iterator[str]:
    """Indented lines and `quoted` words."""
    yield from re.findall(r"^ {4}(.*)$", text, re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", text)


def section(title: str) -> str:
    return DRIVES.split(f"## {title}\n")[1].split("\n## ")[0]


def test_drives_page_lists_exactly_the_commands_of_the_table() -> None:
    rows = re.findall(r"^\| ([A-Z][^|]*) \|", section("Commands"), re.MULTILINE)
    assert sorted(name for row in rows for name in row.split(", ")) == sorted(
        row.name for row in COMMANDS
    )


def test_drives_page_lists_exactly_the_models() -> None:
    assert re.findall(r"^\| (\w+/\S+) \|", section("Models"), re.MULTILINE) == known_models()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_commands_in_the_texts_exist(path: Path) -> None:
    for line in code(path.read_text(encoding="utf-8")):
        for words in re.findall(r"(?:^|\./run |\$ )keyreel ([a-z]+(?: [a-z]+)?)", line):
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
