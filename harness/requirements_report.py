"""Which requirements the tests show: a Markdown page made from ``@pytest.mark.req("BS-07")``.

The marks are read from the source, without importing it, so what the page lists does not depend
on what a run selected; the run only adds whether they passed. Hence ids must be literals.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

Marks = dict[str, set[str]]
"""Test (``tests/test_x.py::TestY::test_z``, no parameters) -> the requirement ids it cites."""

PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"
NOT_RUN = "not run"
_WORST_LAST = (PASSED, SKIPPED, NOT_RUN, FAILED)

_HEAD = """# Requirements and the tests that show them

Made from the tests' `req` marks by `./run tests --requirements=docs/requirements.md`.
"""


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
    """The outcome to report of two."""
    return max(one, other, key=_WORST_LAST.index)


def render(marks: Marks, outcomes: Mapping[str, str]) -> str:
    """The page; ``outcomes`` are those of the run, by test."""
    table = by_requirement(marks)
    if not table:
        return f"{_HEAD}\nNo test cites a requirement yet.\n"
    lines = [_HEAD, "| requirement | tests | in the run that wrote this page |", "|---|---|---|"]
    for requirement, tests in table.items():
        outcome = PASSED
        for test in tests:
            outcome = worse(outcome, outcomes.get(test, NOT_RUN))
        lines.append(f"| {requirement} | {'<br>'.join(f'`{t}`' for t in tests)} | {outcome} |")
    return "\n".join(lines) + "\n"


def listed(page: str) -> dict[str, list[str]]:
    """Read back from a page what `by_requirement` said when it was written."""
    rows = (line.split(" | ") for line in page.splitlines() if line.startswith("| "))
    return {row[0][2:]: re.findall("`([^`]+)`", row[1]) for row in rows if "`" in row[1]}
