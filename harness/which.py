"""Say in a few words which of all models are meant: "LTO-5 on; 3592", "all but STK T9840".

Models are grouped by the family of their native format, and within it by format. Where makers
differ, each is named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from target import personality
from target.medium.formats import FORMATS


class Known(NamedTuple):
    """What the words are made of, of one model."""

    name: str
    vendor: str
    family: str
    native: str


def known_models() -> list[Known]:
    """All models."""
    found = []
    for name in personality.models():
        model = personality.load(name)
        native = model.media["native"]
        vendor = {"QUANTUM": "Quantum"}.get(model.inquiry["vendor"], model.inquiry["vendor"])
        found.append(Known(name, vendor, FORMATS[native].family, native))
    return found


def which(names: Collection[str], models: Sequence[Known]) -> str:
    """The models of those names, among all ``models``."""
    others = {model.name for model in models} - set(names)
    if not others:
        return "all"
    if not names:
        return "none"
    said, but = _phrase(names, models), f"all but {_phrase(others, models)}"
    return min(said, but, key=len)


def _phrase(names: Collection[str], models: Sequence[Known]) -> str:
    families = dict.fromkeys(FORMATS[name].family for name in FORMATS)
    parts: list[str] = []
    for family in families:
        rows = [model for model in models if model.family == family]
        if any(row.name in names for row in rows):
            parts += _of_family(family, names, rows)
    return "; ".join(parts)


def _of_family(family: str, names: Collection[str], rows: Sequence[Known]) -> Iterator[str]:
    """By format if all makers' drives of a format are alike, else maker by maker."""
    whole, split = _formats(names, rows)
    if not split:
        yield _runs(family, whole)
        return
    for vendor in dict.fromkeys(row.vendor for row in rows):
        own = [row for row in rows if row.vendor == vendor]
        whole, split = _formats(names, own)
        if any(whole.values()):
            yield f"{vendor} {_runs(family, whole)}"
        yield from split


def _formats(names: Collection[str], rows: Sequence[Known]) -> tuple[dict[str, bool], list[str]]:
    """Native formats in their order, and whether all their models are meant; of the others the
    models that are."""
    whole: dict[str, bool] = {}
    split: list[str] = []
    for native in FORMATS:
        of = [row.name for row in rows if row.native == native]
        meant = [name for name in of if name in names]
        if of:
            whole[native] = meant == of
            split += meant if meant != of else []
    return whole, split


def _runs(family: str, whole: Mapping[str, bool]) -> str:
    """Formats that follow each other as "LTO-1 to LTO-3" or "LTO-5 on"."""
    if all(whole.values()):
        return family
    order = list(whole)
    parts: list[str] = []
    at = 0
    while at < len(order):
        end = at
        while end < len(order) and whole[order[end]]:
            end += 1
        run = order[at:end]
        if len(run) > 1 and end == len(order):
            parts.append(f"{run[0]} on")
        elif len(run) > 2:
            parts.append(f"{run[0]} to {run[-1]}")
        else:
            parts += run
        at = end + 1
    return ", ".join(parts)
