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
    fresh = report.render(report.collect(ROOT), {}, report.load(ROOT))
    assert report.without_outcomes(page) == report.without_outcomes(fresh), cure


def test_cited_requirements_exist() -> None:
    assert report.load(ROOT).unknown(report.collect(ROOT)) == set()


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

PAGE = """
| id | requirement | tests | in the run that wrote this page |
|---|---|---|---|
| A-7 | the other &#124; way |  | no test |
| A-9 | one | `tests/test_sample.py::test_one` | passed |
| A-10 | another | {two}<br>`tests/test_sample.py::test_one` | failed |

## B

| id | requirement | tests | in the run that wrote this page |
|---|---|---|---|
| B-1 |  | `tests/test_sample.py::test_one` | passed |

## C

| id | requirement | tests | in the run that wrote this page |
|---|---|---|---|
| C-1 |  | {two} | failed |

## Asked of no drive

| id | why |
|---|---|
| A-8 | not ours |
""".format(two="`tests/test_sample.py::TestGroup::test_two`")


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
    rows = {"A-7": "the other | way", "A-9": "one", "A-10": "another"}
    known = report.Table({"A": "Area"}, rows, {"A-8": "not ours"})
    assert known.unknown(marks | {two: {"A-8", "A-11"}}) == {"A-8", "A-11"}
    assert known.untested(marks) == ["A-7"]
    page = report.render(marks, {one: "passed", two: "failed"}, known)
    assert page.partition("## Area\n")[2] == PAGE
    not_run = report.render(marks, {}, known)
    assert not_run.count("not run") == len(table)
    assert report.without_outcomes(page) == report.without_outcomes(not_run) != page


def test_requirements_report_without_marks(tmp_path: Path) -> None:
    page = report.render(report.collect(tmp_path), {}, report.load(tmp_path))
    assert "No test cites a requirement yet." in page


def test_tables_of_requirements(tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text('[areas]\nA = "All"\nA-B = "Some"\n[rows]\nA-B-1 = "yes"\n', encoding="utf-8")
    two.write_text('[elsewhere]\nA-C-1 = "no"\n', encoding="utf-8")
    table = report.load(tmp_path, ".")
    assert table == ({"A": "All", "A-B": "Some"}, {"A-B-1": "yes"}, {"A-C-1": "no"})
    areas = {name: table.area(name) for name in ("A-B-1", "A-C-1", "D-1-2")}
    assert areas == {"A-B-1": "Some", "A-C-1": "All", "D-1-2": "D"}
    two.write_text('[elsewhere]\nA-B-1 = "no"\n', encoding="utf-8")
    with pytest.raises(ValueError, match="A-B-1 is there twice"):
        report.load(tmp_path, ".")


def test_requirement_ids_must_be_literals(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    text = "import pytest\n@pytest.mark.req(ID)\ndef test_one(): ...\n"
    (tmp_path / "tests/test_sample.py").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="literals"):
        report.collect(tmp_path)
