"""Which requirements the tests show: a Markdown page made from ``@pytest.mark.req("BS-07")``.

The marks are read from the source, without importing it, so what the page lists does not depend
on what a run selected; the run only adds whether they passed. Hence ids must be literals. What an
id asks for is said in ``fixtures/requirements/*.toml``; ``python -m harness.requirements_report``
prints the rows there that no test cites.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

Marks = dict[str, set[str]]
"""Test (``tests/test_x.py::TestY::test_z``, no parameters) -> the requirement ids it cites."""

PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"
NOT_RUN, NO_TEST = "not run", "no test"
_WORST_LAST = (PASSED, SKIPPED, NOT_RUN, FAILED)
_CASES = (NOT_RUN, SKIPPED, PASSED, FAILED)

_HEAD = """# Requirements and the tests that show them

Made from `fixtures/requirements/*.toml` and the tests' `req` marks by
`./run tests --requirements=docs/requirements.md`.
"""


class Table(NamedTuple):
    """What the files of ``fixtures/requirements`` say, in their order."""

    areas: dict[str, str]
    """Beginning of an id (``SSC-READ``) -> the heading of its part of the page."""
    rows: dict[str, str]
    """Requirement id -> what it asks for."""
    elsewhere: dict[str, str]
    """Id of a rule that asks nothing of this project -> why."""

    def area(self, requirement: str) -> str:
        """The heading over an id: that of its longest beginning with one, or its first part."""
        beginning = requirement
        while beginning and beginning not in self.areas:
            beginning = beginning.rpartition("-")[0]
        return self.areas.get(beginning, requirement.partition("-")[0])

    def unknown(self, marks: Marks) -> set[str]:
        """Ids that tests cite though the table that holds all others of their family does not."""
        families = {requirement.partition("-")[0] for requirement in self.rows}
        cited = set().union(*marks.values())
        return {name for name in cited - set(self.rows) if name.partition("-")[0] in families}

    def untested(self, marks: Marks) -> list[str]:
        """Ids that no test cites."""
        cited = set().union(*marks.values())
        return [requirement for requirement in self.rows if requirement not in cited]


def load(root: Path, folder: str = "fixtures/requirements") -> Table:
    """Every table of requirements. Raises ValueError for an id that is there twice."""
    table = Table({}, {}, {})
    for path in sorted((root / folder).glob("*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        table.areas.update(content.get("areas", {}))
        for part in ("rows", "elsewhere"):
            for name, text in content.get(part, {}).items():
                if name in table.rows or name in table.elsewhere:
                    raise ValueError(f"{path.name}: {name} is there twice")
                getattr(table, part)[name] = text
    return table


def collect(root: Path, folder: str = "tests") -> Marks:
    """The marks of every ``test_*.py`` under the folder, by static reading."""
    marks: Marks = {}
    for path in sorted((root / folder).rglob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        for test, ids in _tests(module.body, path.relative_to(root).as_posix(), set()):
            if ids:
                marks.setdefault(test, set()).update(ids)
    return marks


def _tests(
    body: list[ast.stmt], prefix: str, inherited: set[str]
) -> Iterator[tuple[str, set[str]]]:
    own = set(inherited)
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and "pytestmark" in ast.unparse(node):
            own |= _ids(node)
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        ids = own.union(*(_ids(decorator) for decorator in node.decorator_list))
        name = f"{prefix}::{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from _tests(node.body, name, ids)
        elif node.name.startswith("test"):
            yield name, ids


def _ids(tree: ast.AST) -> set[str]:
    ids = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.req"):
            for argument in node.args:
                if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                    raise ValueError(f"line {node.lineno}: write the ids of req as literals")
                ids.add(argument.value)
    return ids


def by_requirement(marks: Marks) -> dict[str, list[str]]:
    """Requirement id -> the tests that cite it; both in order, BS-7 before BS-10."""
    table: dict[str, list[str]] = {}
    for test in sorted(marks):
        for requirement in marks[test]:
            table.setdefault(requirement, []).append(test)
    return {requirement: table[requirement] for requirement in sorted(table, key=_natural)}


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text)]


def test_name(nodeid: str) -> str:
    """A pytest node id without its parameters."""
    return nodeid.partition("[")[0]


def worse(one: str, other: str) -> str:
    """The outcome to report of two tests."""
    return max(one, other, key=_WORST_LAST.index)


def of_cases(one: str, other: str) -> str:
    """The outcome of a test of which two cases ended so: one that was skipped says nothing."""
    return max(one, other, key=_CASES.index)


def render(marks: Marks, outcomes: Mapping[str, str], table: Table) -> str:
    """The page; ``outcomes`` are those of the run, by test."""
    tests = by_requirement(marks)
    parts: dict[str, list[str]] = {}
    for name in dict.fromkeys([*table.rows, *tests]):
        rows = parts.setdefault(table.area(name), [])
        rows.append(_row(name, table.rows.get(name, ""), tests.get(name, []), outcomes))
    lines = [_HEAD]
    if not parts:
        lines.append("No test cites a requirement yet.\n")
    for area, rows in parts.items():
        lines += [f"## {area}\n", "| id | requirement | tests | in the run that wrote this page |"]
        lines += ["|---|---|---|---|", *rows, ""]
    if table.elsewhere:
        lines += ["## Asked of no drive\n", "| id | why |", "|---|---|"]
        lines += [f"| {name} | {_cell(why)} |" for name, why in table.elsewhere.items()]
    return "\n".join(lines).rstrip("\n") + "\n"


def _row(name: str, text: str, tests: list[str], outcomes: Mapping[str, str]) -> str:
    outcome = PASSED if tests else NO_TEST
    for test in tests:
        outcome = worse(outcome, outcomes.get(test, NOT_RUN))
    cited = "<br>".join(f"`{test}`" for test in tests)
    return f"| {name} | {_cell(text)} | {cited} | {outcome} |"


def _cell(text: str) -> str:
    return text.replace("|", "&#124;").replace("`", "'")


def without_outcomes(page: str) -> str:
    """What does not depend on the run that wrote a page."""
    return re.sub(rf"\| ({PASSED}|{SKIPPED}|{FAILED}|{NOT_RUN}) \|$", "|", page, flags=re.MULTILINE)


if __name__ == "__main__":
    _root = Path(__file__).resolve().parent.parent
    _table = load(_root)
    for _name in _table.untested(collect(_root)):
        print(_name, _table.rows[_name], sep="\t")
