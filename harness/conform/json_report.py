"""A run as JSON, complete, and back: what `keyreel conform --json` writes and `--diff` reads.

{"conform": 1, "device": {...}, "started": seconds since 1970, ..., "results": [{"id", "outcome",
"exchanges": [{"nexus", "cdb", "out", "status", "sense", "in"}], ...}]} with bytes in hexadecimal.
Data of more than 4096 bytes are {"length", "head", "sha256"}. The exchanges of failures and
warnings have "words", too: the fields of their layers.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from harness.conform.check import Check, Outcome
from harness.conform.exchange import Exchange
from harness.conform.results import Identity, Result, Run
from harness.conform.words import parts
from harness.initiators.api import Reply

VERSION = 1
LIMIT = 4096
FIELDS = ("what", "expected", "came", "reason")


class NoResults(Exception):
    """A file holds no results; the text is one sentence that names it."""


def render(run: Run) -> str:
    """The text of the file."""
    return json.dumps(
        {
            "conform": VERSION,
            "device": asdict(run.identity),
            "started": run.started,
            "seconds": round(run.seconds, 3),
            "scratch": run.scratch,
            "timeout": run.timeout,
            "seed": run.seed,
            "ended_early": run.ended_early,
            "counts": {outcome.value: run.counts[outcome] for outcome in Outcome},
            "results": [_result(result) for result in run.results],
        },
        indent=1,
    )


def _result(result: Result) -> dict[str, Any]:
    check = result.check
    made: dict[str, Any] = {
        "id": check.id,
        "clause": check.clause,
        "topic": check.topic,
        "title": check.title,
        "rule": check.expected,
        "scratch": check.scratch,
        "outcome": result.outcome.value,
    }
    made |= {name: getattr(result, name) for name in FIELDS if getattr(result, name)}
    if result.warnings:
        made["warnings"] = list(result.warnings)
    made["seconds"] = round(result.seconds, 6)
    worded = result.outcome in {Outcome.FAIL, Outcome.WARNING}
    made["exchanges"] = [_exchange(one, check.kind if worded else "") for one in result.exchanges]
    return made


def _exchange(one: Exchange, device: str) -> dict[str, Any]:
    """``device``: in whose words its fields are told, "" for none."""
    made: dict[str, Any] = {"nexus": one.nexus, "cdb": one.cdb.hex(), "out": _data(one.out)}
    if one.reply is not None:
        made |= {"status": one.reply.status, "sense": one.reply.sense.hex()}
        made["in"] = _data(one.reply.data)
    if device:
        told = parts(one, device)
        made["words"] = [{"name": part.name, "fields": dict(part.fields)} for part in told]
    return made


def _data(data: bytes) -> Any:
    if len(data) <= LIMIT:
        return data.hex()
    return {
        "length": len(data),
        "head": data[:LIMIT].hex(),
        "sha256": sha256(data).hexdigest(),
    }


def load(path: Path) -> Run:
    """A run that was written. Raises NoResults."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        version = raw["conform"]
    except OSError as error:
        raise NoResults(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise NoResults(f"{path}: is no file that keyreel conform --json wrote") from None
    if version != VERSION:
        raise NoResults(f"{path}: is of version {version}: this keyreel reads {VERSION}")
    try:
        return Run(
            Identity(**raw["device"]),
            raw["started"],
            raw["scratch"],
            raw["timeout"],
            raw["seed"],
            [_read(result, raw["device"]["kind"]) for result in raw["results"]],
            raw["seconds"],
            raw["ended_early"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise NoResults(f"{path}: is damaged: {error}") from None


def _read(raw: dict[str, Any], kind: str) -> Result:
    check = Check(
        raw["id"], raw["clause"], raw["topic"], raw["title"], raw["rule"], _nothing,
        raw["scratch"], kind,
    )  # fmt: skip
    exchanges = tuple(
        Exchange(one["nexus"], bytes.fromhex(one["cdb"]), _bytes(one["out"]), _reply(one))
        for one in raw["exchanges"]
    )
    return Result(
        check,
        Outcome(raw["outcome"]),
        **{name: raw.get(name, "") for name in FIELDS},
        warnings=tuple(raw.get("warnings", ())),
        exchanges=exchanges,
        seconds=raw["seconds"],
    )


def _reply(raw: dict[str, Any]) -> Reply | None:
    if "status" not in raw:
        return None
    return Reply(raw["status"], bytes.fromhex(raw["sense"]), _bytes(raw["in"]))


def _bytes(raw: Any) -> bytes:
    return bytes.fromhex(raw if isinstance(raw, str) else raw["head"])


def _nothing(_: object) -> None:
    """A check that was read from a file is not run again."""
