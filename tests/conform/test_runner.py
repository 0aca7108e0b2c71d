"""The runner at its seams: devices that are silent, checks that end in every way, reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from harness.conform import commands as c
from harness.conform import json_report, junit, page
from harness.conform.check import Body, Check, Outcome
from harness.conform.diff import differences
from harness.conform.exchange import Exchange, blot
from harness.conform.results import Run
from harness.conform.runner import NEEDS_SCRATCH, Runner
from harness.conform.subject import Subject
from harness.initiators.api import NoAnswer, Reply
from harness.initiators.inprocess import InProcess
from harness.initiators.opening import open_initiator
from tests.conform.models import rig

KEY = bytes(range(0xA0, 0xC0))
MODE_SENSE_CACHE = bytes([0x5A, 0x08, 0x10, 0, 0, 0, 0, 0, 64, 0])


class Silent(InProcess):
    """Does not answer the commands in ``deaf``; ``reconnects`` counts how often it was tried."""

    deaf: frozenset[int] = frozenset()
    reconnects = 0

    def send(self, cdb: bytes, **more: Any) -> Reply:
        if cdb[0] in self.deaf:
            raise NoAnswer("no answer in 0.5 s")
        return super().send(cdb, **more)

    def reconnect(self) -> None:
        self.reconnects += 1
        super().reconnect()


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "rig.toml").write_text(rig("lto5"))
    with open_initiator(str(tmp_path / "rig.toml")) as made:
        assert isinstance(made, InProcess)
        yield Silent(made.unit, "host1")


def one(body: Body, id: str = "ONE", *, scratch: bool = False, topic: str = "a topic") -> Check:
    return Check(id, "SPC-4 1", topic, f"Title <{id}>", "A rule.", body, scratch, "tape")


def run(device: InProcess, *bodies: Body, **options: Any) -> Run:
    checks = [one(body, f"CHECK-{number}") for number, body in enumerate(bodies)]
    return Runner(device, target="here", timeout=0.5, **options).run(checks)


def passes(unit: Subject) -> None:
    unit.good(bytes(6))


def fails(unit: Subject) -> None:
    unit.good(bytes(6))
    unit.refused(bytes([0x12, 2, 0, 0, 36, 0]), "5/24/01", size=36)


def warns(unit: Subject) -> None:
    unit.warn("hosts will not like it & <that>")


def skips(unit: Subject) -> None:
    unit.need(0xC5)


def breaks(unit: Subject) -> None:
    raise KeyError("x")


def rewinds(unit: Subject) -> None:
    unit.good(b"\x01" + bytes(5))


def test_every_way_a_check_ends(device: Silent) -> None:
    done = run(device, passes, fails, warns, skips, breaks)
    outcomes = [result.outcome for result in done.results]
    assert outcomes == [
        Outcome.PASS,
        Outcome.FAIL,
        Outcome.WARNING,
        Outcome.NOT_APPLICABLE,
        Outcome.FAIL,
    ]
    assert done.results[1].expected == "5/24/01"
    assert "5/24/00 ILLEGAL REQUEST: INVALID FIELD IN CDB" in done.results[1].came
    assert len(done.results[1].exchanges) == 2
    assert done.results[3].reason == "the device has no command C5h"
    assert "KeyError" in done.results[4].came


def test_a_device_that_stops_answering_ends_the_run(device: Silent) -> None:
    def stops(unit: Subject) -> None:
        device.deaf = frozenset({0x00})
        unit.good(bytes(6))

    done = run(device, passes, stops, passes, passes, passes, passes)
    assert [one.outcome for one in done.results] == [Outcome.PASS, *[Outcome.FAIL] * 3]
    assert "no answer in 0.5 s" in done.results[1].came
    assert done.ended_early == (
        "The run ended after 4 of 6 checks: the device did not answer in 3 checks in a row."
    )
    assert device.reconnects


def test_a_run_goes_on_when_the_device_comes_back(device: Silent) -> None:
    device.deaf = frozenset({0x34})

    def asks(unit: Subject) -> None:
        unit.good(bytes([0x34]) + bytes(9), size=20)

    done = run(device, asks, asks, passes, asks, asks, passes)
    assert [one.outcome for one in done.results].count(Outcome.FAIL) == 4
    assert not done.ended_early


def test_each_check_finds_the_same_state(device: Silent) -> None:
    """Whatever the check before has left: reservations, prevents, keys, mode pages, position."""

    def disturbs(unit: Subject) -> None:
        second = unit.second
        unit.write(b"x" * 100)
        unit.good(bytes([0x1E, 0, 0, 0, 1, 0]))
        modes = unit.good(MODE_SENSE_CACHE, size=64).data
        changed = bytearray(bytes(8) + modes[8:24])
        changed[8] &= 0x7F
        changed[8 + 6] ^= 1  # write delay time
        unit.good(bytes([0x55, 0x10, 0, 0, 0, 0, 0, 0, 24, 0]), out=changed)
        unit.good(set_encryption(), out=key_page())
        unit.good(b"\x16" + bytes(5))
        assert second.do(bytes(6)).status != 0

    def finds(unit: Subject) -> None:
        status = unit.good(bytes([0xA2, 0x20, 0, 0x20, 0, 0, 0, 0, 0, 64, 0, 0]), size=64).data
        unit.expect("encryption and decryption mode", bytes(2), status[5:7])
        unit.expect("modes", seen[0], unit.good(MODE_SENSE_CACHE, size=64).data)
        position = unit.good(bytes([0x34]) + bytes(9), size=20).data
        unit.expect("BOP", 0x80, position[0] & 0x80)
        unit.second.good(bytes(6))

    seen: list[bytes] = []
    first = one(lambda unit: seen.append(unit.good(MODE_SENSE_CACHE, size=64).data), "A")
    checks = [first, one(disturbs, "B", scratch=True), one(finds, "C")]
    done = Runner(device, scratch=True).run(checks)
    assert [result.outcome for result in done.results] == [Outcome.PASS] * 3, done.results[
        -1
    ].summary


def test_what_a_check_cleans_up_is_done_last_first(device: Silent) -> None:
    order: list[int] = []

    def registers(unit: Subject) -> None:
        unit.cleanup(lambda: order.append(1))
        unit.cleanup(lambda: unit.refused(bytes(6)))
        unit.cleanup(lambda: order.append(2))
        unit.expect("x", 1, 2)

    run(device, registers)
    assert order == [2, 1]


def test_without_scratch_nothing_is_overwritten(device: Silent) -> None:
    done = Runner(device).run([one(rewinds, scratch=True), one(passes, "TWO")])
    assert done.results[0].outcome is Outcome.NOT_APPLICABLE
    assert done.results[0].reason == NEEDS_SCRATCH


def test_reports_do_not_depend_on_the_order(device: Silent) -> None:
    bodies = [passes] * 20
    sent: list[str] = []
    done = run(device, *bodies, seed=5)
    Runner(device, seed=5).run(
        [one(passes, f"CHECK-{number}") for number in range(20)],
        lambda result, *_: sent.append(result.check.id),
    )
    assert [result.check.id for result in done.results] == [f"CHECK-{n}" for n in range(20)]
    assert sent != sorted(sent, key=lambda id: int(id[6:]))


# --- what is written -----------------------------------------------------------------------------


def set_encryption() -> bytes:
    return bytes([0xB5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, 52, 0, 0])


def key_page() -> bytes:
    page = bytearray(20)
    page[1], page[3], page[4], page[6], page[7] = 0x10, 48, 0x40, 2, 2
    page[8], page[19] = 1, 32
    return bytes(page) + KEY


def sends_key(unit: Subject) -> None:
    unit.do(set_encryption(), out=key_page())
    unit.expect("answer", "yes", "no")


def test_no_key_is_in_any_report(device: Silent) -> None:
    done = run(device, sends_key)
    for text in (junit.render(done), json_report.render(done), page.render(done)):
        for shown in (KEY.hex(), KEY.hex(" "), KEY[:8].hex(), KEY[:8].hex(" ")):
            assert shown not in text.lower()


@pytest.mark.parametrize(
    ("length", "more"), [(32, b""), (32, b"\x00\x00\x00\x02ab"), (16, b""), (64, b""), (0, b"")]
)
def test_keys_are_blotted_whatever_the_page_says(length: int, more: bytes) -> None:
    page = bytearray(key_page() + more)
    page[18:20] = length.to_bytes(2)
    kept = blot(set_encryption(), bytes(page))
    assert len(kept) == len(page) and kept[:20] == page[:20]
    assert not any(byte in KEY for byte in kept[20:52])
    if length == 32 and more:
        assert kept[52:] == more


def test_junit_is_what_services_read(device: Silent) -> None:
    done = run(device, passes, fails, warns, skips)
    root = ElementTree.fromstring(junit.render(done).encode())
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.attrib.keys() >= {"name", "tests", "failures", "errors", "skipped", "time"}
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "1")
    cases = suite.findall("testcase")
    assert [[part.tag for part in case] for case in cases] == [
        [], ["failure"], ["system-out"], ["skipped"],
    ]  # fmt: skip
    assert cases[0].attrib.keys() == {"classname", "name", "time"}
    failure = cases[1][0]
    assert "5/24/01" in str(failure.get("message")) and failure.get("type") == "SPC-4 1"
    assert "INQUIRY" in str(failure.text)


def test_json_is_complete_and_comes_back(device: Silent, tmp_path: Path) -> None:
    done = run(device, passes, fails, warns, skips)
    text = json_report.render(done)
    raw = json.loads(text)
    assert raw["conform"] == 1 and raw["device"]["product"] == "ULT3580-TD5"
    assert raw["results"][1]["exchanges"][1]["words"][0]["fields"]["evpd"] == "0"
    (tmp_path / "one.json").write_text(text)
    back = json_report.load(tmp_path / "one.json")
    assert json_report.render(back) == text
    assert not differences(done, back)


def test_a_difference_is_one_of_outcome_or_of_what_came(device: Silent) -> None:
    first, second = run(device, passes, fails, skips), run(device, passes, passes)
    assert [one.check.id for one in differences(first, second)] == ["CHECK-1", "CHECK-2"]


def test_commands_of_a_changer_have_their_names(device: Silent) -> None:
    done = run(device, fails)
    moves = Exchange(0, c.move_medium(1, 2), b"", Reply(2, b"", b""))
    result = replace(done.results[0], exchanges=(moves,))
    done.results = [replace(result, check=replace(result.check, kind="changer"))]
    for text in (junit.render(done), json_report.render(done), page.render(done)):
        assert "MOVE MEDIUM" in text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"conform": 2}', '{"conform": 1}'])
def test_files_that_are_no_results_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(json_report.NoResults, match=r"results\.json: is"):
        json_report.load(path)


def test_the_page_escapes_what_comes_from_outside(device: Silent) -> None:
    text = page.render(run(device, passes, fails, warns))
    assert "Title &lt;CHECK-1&gt;" in text and "Title <CHECK" not in text
    assert "like it &amp; &lt;that&gt;" in text
