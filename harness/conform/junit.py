"""A run as JUnit XML: a testsuite a topic, a testcase a check, as CI services read it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from harness.conform.check import Outcome
from harness.conform.results import Result, Run
from harness.conform.words import command_line

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")
"""What XML 1.0 cannot hold."""


def render(run: Run) -> str:
    """The text of the file."""
    root = Element("testsuites", name=f"keyreel conform {clean(run.identity.name)}")
    when = datetime.fromtimestamp(run.started, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    by_topic: dict[str, list[Result]] = {}
    for result in run.results:
        by_topic.setdefault(result.check.topic, []).append(result)
    for topic, results in by_topic.items():
        suite = SubElement(root, "testsuite", name=topic, timestamp=when, errors="0")
        properties = SubElement(suite, "properties")
        for name in ("target", "vendor", "product", "revision", "serial", "volume"):
            value = clean(getattr(run.identity, name))
            SubElement(properties, "property", name=name, value=value)
        for result in results:
            _case(suite, result)
        _count(suite, results)
    _count(root, run.results)
    if run.ended_early:
        root[-1].set("errors", "1")
        SubElement(root[-1], "system-err").text = run.ended_early
    root.set("errors", "1" if run.ended_early else "0")
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _count(element: Element, results: list[Result]) -> None:
    outcomes = [result.outcome for result in results]
    element.set("tests", str(len(results)))
    element.set("failures", str(outcomes.count(Outcome.FAIL)))
    if element.tag == "testsuite":
        element.set("skipped", str(outcomes.count(Outcome.NOT_APPLICABLE)))
    element.set("time", f"{sum(result.seconds for result in results):.3f}")


def _case(suite: Element, result: Result) -> None:
    check = result.check
    case = SubElement(
        suite,
        "testcase",
        classname=check.topic,
        name=f"{check.id} {check.title}",
        time=f"{result.seconds:.6f}",
    )
    if result.outcome is Outcome.NOT_APPLICABLE:
        SubElement(case, "skipped", message=clean(result.reason))
    elif result.outcome is Outcome.FAIL:
        failure = SubElement(case, "failure", type=check.clause, message=clean(result.summary))
        told = [check.expected, *(command_line(one, check.kind) for one in result.exchanges)]
        failure.text = clean("\n".join(told))
    if result.warnings:
        text = "\n".join(f"warning: {warning}" for warning in result.warnings)
        SubElement(case, "system-out").text = clean(text)


def clean(text: str) -> str:
    """Text without what XML cannot hold."""
    return FORBIDDEN.sub("�", text)
