"""Every check on every model: see `checks`, one test for each theme of them."""

from __future__ import annotations

import pytest

from target import personality
from tests.personalities import checks
from tests.personalities.bench import Bench, model
from tests.personalities.registry import CHECKS, Check

LEAST = 200
"""How many checks apply to any model at least: an LTO-1 drive has the fewest."""


def of(theme: str) -> pytest.MarkDecorator:
    """Every model with every check of a theme that applies to it."""
    cases = [
        pytest.param(name, one, id=f"{name.replace('/', '-')}-{theme}.{one.name}")
        for name in personality.models()
        for one in CHECKS[theme]
        if one.applies(model(name))
    ]
    return pytest.mark.parametrize(("model", "check"), cases)


def test_every_theme_is_here() -> None:
    assert sorted(checks.__all__) == sorted(CHECKS)
    themes = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert themes >= set(CHECKS)


@pytest.mark.parametrize("name", personality.models())
def test_there_is_enough_to_check(name: str) -> None:
    every = [one for theme in CHECKS.values() for one in theme]
    assert sum(one.applies(model(name)) for one in every) >= LEAST


@pytest.mark.req(
    "SSC-CMD-00", "SSC-CMD-01", "SSC-CMD-03", "SSC-CMD-04", "SSC-CMD-05", "SSC-CMD-08",
    "SSC-CMD-0A", "SSC-CMD-0B", "SSC-CMD-0F", "SSC-CMD-14", "SSC-CMD-80", "SSC-CMD-11",
    "SSC-CMD-91", "SSC-CMD-10", "SSC-CMD-12", "SSC-CMD-13", "SSC-CMD-15", "SSC-CMD-55",
    "SSC-CMD-1A", "SSC-CMD-5A", "SSC-CMD-16", "SSC-CMD-56", "SSC-CMD-17", "SSC-CMD-57",
    "SSC-CMD-19", "SSC-CMD-1B", "SSC-CMD-1C", "SSC-CMD-1D", "SSC-CMD-1E", "SSC-CMD-2B",
    "SSC-CMD-92", "SSC-CMD-34", "SSC-CMD-3B", "SSC-CMD-3C", "SSC-CMD-44", "SSC-CMD-4C",
    "SSC-CMD-4D", "SSC-CMD-5E", "SSC-CMD-5F", "SSC-CMD-82", "SSC-CMD-83", "SSC-CMD-88",
    "SSC-CMD-8A", "SSC-CMD-8F", "SSC-CMD-93", "SSC-CMD-8C", "SSC-CMD-8D", "SSC-CMD-A0",
    "SSC-CMD-A2", "SSC-CMD-B5", "SSC-CMD-C0", "SSC-CMD-D1", "SSC-CMD-D2", "SSC-CMD-E3",
    "SSC-CMD-R1", "SSC-CMD-R2", "SSC-RSOC-01", "SSC-RSOC-02", "SSC-RSOC-03", "SSC-RSOC-04",
    "SSC-RSOC-05", "SSC-SENSE-5-20-00", "SSC-SENSE-5-24-00",
)  # fmt: skip
@of("commands")
def test_commands(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req("SSC-CMD-A2", "SSC-CMD-B5", "SSC-SENSE-7-74-00")
@of("encryption")
def test_encryption(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-INQ-01", "SSC-INQ-02", "SSC-INQ-03", "SSC-VPD-00", "SSC-VPD-80", "SSC-VPD-83",
    "SSC-VPD-86", "SSC-VPD-87", "SSC-VPD-88", "SSC-VPD-90", "SSC-VPD-B0", "SSC-VPD-B1",
    "SSC-VPD-B2", "SSC-VPD-B3", "SSC-VPD-B5", "SSC-VPD-C0", "SSC-VPD-R1", "SSC-UA-02",
)  # fmt: skip
@of("identity")
def test_identity(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req("SSC-CMD-A2", "SSC-CMD-B5")
@of("keys")
def test_keys(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-LOG-R1", "SSC-LOG-R2", "SSC-LOG-R3", "SSC-LOG-R4", "SSC-LOG-R5", "SSC-LOG-00",
    "SSC-LOG-02", "SSC-LOG-03", "SSC-LOG-0C", "SSC-LOG-0D", "SSC-LOG-10", "SSC-LOG-11",
    "SSC-LOG-12", "SSC-LOG-14", "SSC-LOG-17", "SSC-LOG-17-VALID", "SSC-LOG-1B", "SSC-LOG-2E",
    "SSC-LOG-31", "SSC-TA-R1", "SSC-TA-R2", "SSC-SENSE-6-2A-02",
)  # fmt: skip
@of("logs")
def test_logs(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-TIME-01", "SSC-TIME-02", "SSC-TIME-03", "SSC-TIME-04", "SSC-TMF-01", "SSC-TMF-02",
    "SSC-CMD-A3-05", "SSC-CMD-A4-06", "SSC-CMD-A3-0A", "SSC-LUNS-01", "SSC-LUNS-02",
    "SSC-DIAG-01", "SSC-DIAG-02", "SSC-DIAG-03", "SSC-BUFFER-01", "SSC-BUFFER-02",
    "SSC-BUFFER-03", "SSC-BUFFER-04", "SSC-BUFFER-05", "SSC-BUFFER-06", "SSC-BUFFER-07",
    "SSC-BUFFER-08", "SSC-SENSE-6-3F-01", "SSC-SENSE-6-3F-03", "SSC-SENSE-6-2A-10",
)  # fmt: skip
@of("maintenance")
def test_maintenance(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-WRITE-09", "SSC-WRITE-10", "SSC-SENSE-3-30-00", "SSC-SENSE-3-30-02",
    "SSC-SENSE-7-30-05", "SSC-SENSE-7-30-0C", "SSC-SENSE-3-53-00", "SSC-SENSE-3-11-12",
    "SSC-TA-09", "SSC-TA-11", "SSC-TA-12", "SSC-TA-15", "SSC-TA-17", "SSC-TA-22", "SSC-TA-60",
    "SSC-DENSITY-01", "SSC-DENSITY-02", "SSC-DENSITY-03", "SSC-DENSITY-04", "SSC-DENSITY-05",
    "SSC-FORMAT-05", "SSC-ERASE-05", "SSC-SETCAP-04", "SSC-MAM-0408",
)  # fmt: skip
@of("media")
def test_media(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-RATTR-01", "SSC-RATTR-02", "SSC-RATTR-03", "SSC-RATTR-04", "SSC-RATTR-05",
    "SSC-RATTR-06", "SSC-RATTR-07", "SSC-RATTR-08", "SSC-RATTR-09", "SSC-WATTR-01",
    "SSC-WATTR-02", "SSC-WATTR-03", "SSC-MAM-0000", "SSC-MAM-0003", "SSC-MAM-0009",
    "SSC-MAM-020A", "SSC-MAM-0224", "SSC-MAM-0800",
)  # fmt: skip
@of("memory")
def test_memory(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-MODE-R1", "SSC-MODE-R2", "SSC-MODE-R3", "SSC-MODE-R4", "SSC-MODE-R5", "SSC-MODE-R6",
    "SSC-MODE-R7", "SSC-MODE-R8", "SSC-MODE-R9", "SSC-MODE-R10", "SSC-MODE-1D",
    "SSC-SENSE-5-26-00", "SSC-SENSE-5-1A-00", "SSC-SENSE-5-39-00", "SSC-SENSE-6-2A-01",
    "SSC-SENSE-DSENSE",
)  # fmt: skip
@of("modes")
def test_modes(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-RSENSE-03", "SSC-LOAD-05", "SSC-TUR-04", "SSC-SENSE-0-00-18", "SSC-SENSE-0-00-19",
    "SSC-SENSE-0-00-1A", "SSC-SENSE-2-04-00", "SSC-SENSE-2-04-01", "SSC-SENSE-2-04-07",
    "SSC-SENSE-2-30-03", "SSC-ERASE-04",
)  # fmt: skip
@of("operations")
def test_operations(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-SPACE-01", "SSC-SPACE-02", "SSC-SPACE-03", "SSC-SPACE-04", "SSC-SPACE-05",
    "SSC-SPACE-06", "SSC-SPACE-07", "SSC-SPACE-08", "SSC-SPACE-09", "SSC-SPACE-10",
    "SSC-LOCATE-01", "SSC-LOCATE-02", "SSC-LOCATE-03", "SSC-LOCATE-04", "SSC-LOCATE-05",
    "SSC-LOCATE-06", "SSC-LOCATE-07", "SSC-LOCATE-08", "SSC-RPOS-01", "SSC-RPOS-02",
    "SSC-RPOS-03", "SSC-RPOS-04", "SSC-RPOS-05", "SSC-RPOS-06", "SSC-RPOS-08", "SSC-RPOS-10",
    "SSC-RPOS-11", "SSC-SENSE-INFO64",
)  # fmt: skip
@of("positioning")
def test_positioning(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-TUR-01", "SSC-TUR-02", "SSC-TUR-03", "SSC-UA-01", "SSC-UA-03", "SSC-RSENSE-01",
    "SSC-RSENSE-02", "SSC-LOAD-01", "SSC-LOAD-02", "SSC-LOAD-03", "SSC-LOAD-04", "SSC-LOAD-06",
    "SSC-LOAD-07", "SSC-LOAD-08", "SSC-LOAD-09", "SSC-PREVENT-01", "SSC-PREVENT-02",
    "SSC-REWIND-01", "SSC-SENSE-2-3A-00", "SSC-SENSE-6-28-00", "SSC-SENSE-6-29-00",
    "SSC-SENSE-6-29-07", "SSC-SENSE-5-53-02",
)  # fmt: skip
@of("readiness")
def test_readiness(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-RES-01", "SSC-RES-02", "SSC-RES-03", "SSC-PR-01", "SSC-PR-02", "SSC-PR-03",
    "SSC-PR-04", "SSC-PR-05", "SSC-PR-06", "SSC-PR-07", "SSC-PR-08", "SSC-PR-09", "SSC-PR-11",
    "SSC-PR-12", "SSC-PR-13", "SSC-PR-15", "SSC-PR-16", "SSC-PR-17", "SSC-PR-18",
    "SSC-PR-19", "SSC-SENSE-6-2A-03", "SSC-SENSE-6-2A-04", "SSC-SENSE-6-2A-05",
)  # fmt: skip
@of("reservations")
def test_reservations(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req("SSC-SENSE-FIXED", "SSC-SENSE-DESC", "SSC-SENSE-LENGTH", "SSC-SENSE-IBM")
@of("senses")
def test_senses(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-RBL-01", "SSC-RBL-02", "SSC-READ-01", "SSC-READ-02", "SSC-READ-03", "SSC-READ-04",
    "SSC-READ-05", "SSC-READ-06", "SSC-READ-07", "SSC-READ-08", "SSC-READ-09", "SSC-READ-10",
    "SSC-READ-11", "SSC-READ-12", "SSC-READ-14", "SSC-WRITE-01", "SSC-WRITE-02", "SSC-WRITE-03",
    "SSC-WRITE-04", "SSC-WRITE-08", "SSC-WRITE-13", "SSC-WFM-01", "SSC-WFM-02", "SSC-WFM-03",
    "SSC-WFM-04", "SSC-VERIFY-01", "SSC-VERIFY-02", "SSC-VERIFY-03", "SSC-VERIFY-04",
    "SSC-VERIFY-05", "SSC-VERIFY-06", "SSC-VERIFY-07", "SSC-MODE-0A-F0", "SSC-MODE-0F",
    "SSC-SENSE-7-27-00", "SSC-SENSE-8-00-05", "SSC-SENSE-B-4B-00", "SSC-SENSE-4-10-01",
    "SSC-TA-09",
)  # fmt: skip
@of("transfer")
def test_transfer(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)


@pytest.mark.req(
    "SSC-ERASE-01", "SSC-ERASE-02", "SSC-FORMAT-01", "SSC-FORMAT-02", "SSC-FORMAT-03",
    "SSC-FORMAT-04", "SSC-FORMAT-07", "SSC-SETCAP-01", "SSC-SETCAP-02", "SSC-SETCAP-04",
    "SSC-OVERWRITE-01", "SSC-OVERWRITE-02", "SSC-OVERWRITE-03", "SSC-OVERWRITE-04",
    "SSC-OVERWRITE-05", "SSC-WRITE-05", "SSC-WRITE-06", "SSC-WRITE-07", "SSC-WRITE-11",
    "SSC-WFM-06", "SSC-MODE-11", "SSC-MODE-11-MOUNT", "SSC-MODE-11-SELECT",
    "SSC-MODE-10-01-APPEND", "SSC-SENSE-0-00-02", "SSC-SENSE-0-00-07", "SSC-SENSE-D-00-02",
    "SSC-SENSE-5-3B-0C", "SSC-SENSE-5-3B-00",
)  # fmt: skip
@of("volume")
def test_volume(bench: Bench, model: str, check: Check) -> None:
    check.run(bench)
