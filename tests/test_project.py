"""What holds for the project as a whole: its texts, its version, its requirements page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import pytest

from harness import requirements_report as report

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 500
TEXTS = {".c", ".cfg", ".h", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".yml", ""}
MADE = {"__pycache__", "build", "dist", "site"}

# Homes of one machine, and documents or records that a reader of the project does not have.
FOREIGN = re.compile(r"(?<![\w.])/(root|home|work)/|\bshared/(design|reference)|[Tt]ranscript of a")


def project_files() -> Iterator[Path]:
    """Text files of the checkout, without what tools made."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not _made(name)]
        yield from (Path(folder, name) for name in names if Path(name).suffix in TEXTS)


def _made(folder: str) -> bool:
    hidden = folder.startswith(".") and folder != ".ci"
    return hidden or folder in MADE or folder.endswith(".egg-info")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_source_files_are_short() -> None:
    lengths = {
        named(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in project_files()
        if path.suffix in {".c", ".h", ".py"}
    }
    assert lengths
    assert not {name: lines for name, lines in lengths.items() if lines >= MAX_LINES}


def test_texts_point_to_nothing_outside_the_project() -> None:
    found = [
        f"{named(path)}:{number}: {line.strip()}"
        for path in project_files()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert not found


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d[^\]]*)\]", changes, re.MULTILINE)
    assert newest
    assert newest[1] == project["version"] == version("keyreel")


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    wanted = list(project["dependencies"])
    wanted += chain.from_iterable(project["optional-dependencies"].values())
    names = {re.split(r"[\[<>=!~ ;]", text, maxsplit=1)[0] for text in wanted} - {"keyreel"}
    assert names == names & set(re.findall(r"^\| ([\w-]+) \|", page, re.MULTILINE))


@pytest.mark.parametrize("script", ["run", ".ci/run"])
def test_shell_scripts_pass_shellcheck(script: str) -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(
        [shellcheck, script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_requirements_page_is_up_to_date(pytestconfig: pytest.Config) -> None:
    if pytestconfig.option.requirements is not None:
        pytest.skip("this run writes the page")
    page = (ROOT / "docs/requirements.md").read_text(encoding="utf-8")
    cure = "run ./run tests --requirements=docs/requirements.md"
    assert report.listed(page) == report.by_requirement(report.collect(ROOT)), cure


def test_requirement_marks_are_all_found_by_reading(request: pytest.FixtureRequest) -> None:
    marks = report.collect(ROOT)
    for item in request.session.items:
        ids = {name for mark in item.iter_markers("req") for name in mark.args}
        assert ids <= marks.get(report.test_name(item.nodeid), set()), item.nodeid


SAMPLE = """
import pytest
pytestmark = [pytest.mark.req("A-10"), pytest.mark.crash]

@pytest.mark.req("A-9", "B-1")
def test_one(): ...

class TestGroup:
    @pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.req("C-1"))])
    def test_two(self, x): ...

def helper(): ...
"""


def test_requirements_report(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    sample = tmp_path / "tests/test_sample.py"
    sample.write_text(SAMPLE, encoding="utf-8")
    one, two = "tests/test_sample.py::test_one", "tests/test_sample.py::TestGroup::test_two"
    marks = report.collect(tmp_path)
    assert marks == {one: {"A-9", "A-10", "B-1"}, two: {"A-10", "C-1"}}
    table = report.by_requirement(marks)
    assert list(table.items()) == [
        ("A-9", [one]),
        ("A-10", [two, one]),
        ("B-1", [one]),
        ("C-1", [two]),
    ]
    page = report.render(marks, {one: "passed", two: "failed"})
    assert report.listed(page) == table
    outcomes = [line.split(" | ")[-1] for line in page.splitlines() if line.startswith("| ")][1:]
    assert outcomes == ["passed |", "failed |", "passed |", "failed |"]
    assert "| A-10 | " in report.render(marks, {}) and "not run" in report.render(marks, {})


def test_requirements_report_without_marks(tmp_path: Path) -> None:
    page = report.render(report.collect(tmp_path), {})
    assert "No test cites a requirement yet." in page
    assert report.listed(page) == {}


def test_requirement_ids_must_be_literals(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    text = "import pytest\n@pytest.mark.req(ID)\ndef test_one(): ...\n"
    (tmp_path / "tests/test_sample.py").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="literals"):
        report.collect(tmp_path)
