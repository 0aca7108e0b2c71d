"""The layers and the target's own declarations, two descriptions of the same bytes, are held
against each other: the place and the width of every field of every CDB, page, descriptor and PDU.

names.tsv says what the same field is called on either side, differences.txt which fields only one
of them has, and why. What is missing there fails, and so does what is there for no reason any more.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple

from harness.layers.security import KeyAssociatedData
from harness.layers.sense import dissect_sense
from target.encryption.pages import KadDescriptor
from target.scsi import sense as s
from target.scsi.log import LogPage, Parameter
from tests.layers import pairs
from tests.layers.pairs import LAYOUTS, OWN, Pair, declared, of_layer, of_target
from tests.runs import Say

HERE = Path(__file__).parent


class Difference(NamedTuple):
    """A field that only one side has."""

    side: str
    pair: str
    field: str


class Line(NamedTuple):
    """Differences that are known, and their reason."""

    side: str
    pattern: str
    fields: tuple[str, ...]
    reason: str

    def covers(self, found: Difference) -> bool:
        return (
            found.side == self.side
            and found.field in self.fields
            and fnmatchcase(found.pair, self.pattern)
        )


@cache
def names() -> dict[str, tuple[str, ...]]:
    """The layers' names by the target's."""
    rows = [line.split("\t") for line in lines("names.tsv")]
    return {target: tuple(layers.split()) for target, layers in rows}


@cache
def known() -> tuple[Line, ...]:
    """What differences.txt says."""
    found, reason = [], ""
    for line in lines("differences.txt"):
        if line.startswith("= "):
            reason = line[2:]
        else:
            side, pattern, fields = line.split("|")
            found.append(Line(side, pattern, tuple(fields.split()), reason))
    return tuple(found)


def lines(name: str) -> list[str]:
    text = (HERE / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def differences(pair: Pair) -> tuple[list[Difference], set[tuple[str, str]], list[str]]:
    """Fields of one side alone; fields of other names; fields that cannot be the same."""
    layer = {at: name for name, at in of_layer(pair).items()}
    target = {at: name for name, at in of_target(pair.layout).items()}
    alone = [Difference("layer", pair.name, layer[at]) for at in layer.keys() - target.keys()]
    alone += [Difference("target", pair.name, target[at]) for at in target.keys() - layer.keys()]
    renamed, wrong = set(), []
    for at in layer.keys() & target.keys():
        if layer[at] != target[at]:
            renamed.add((target[at], layer[at]))
            if layer[at] not in names().get(target[at], ()):
                wrong.append(f"{pair.name} {at}: {target[at]} here, {layer[at]} there")
    return alone, renamed, wrong


def test_every_field_of_every_declaration(say: Say) -> None:
    alone: list[Difference] = []
    renamed: set[tuple[str, str]] = set()
    wrong: list[str] = []
    compared = pairs.pairs()
    for pair in compared:
        found = differences(pair)
        alone += found[0]
        renamed |= found[1]
        wrong += found[2]
    assert not wrong
    unknown = [one for one in alone if not any(line.covers(one) for line in known())]
    assert not unknown, "differences that differences.txt does not name"
    fields = sum(len(of_target(pair.layout)) for pair in compared)
    say(f"{fields} fields of {len(compared)} declarations are where the layers have them")
    stale = [
        (line.pattern, field)
        for line in known()
        for field in line.fields
        if not any(line._replace(fields=(field,)).covers(one) for one in alone)
    ]
    assert not stale, "differences.txt names what is no difference any more"
    pointless = {(a, b) for a, all_of in names().items() for b in all_of} - renamed
    assert not pointless, "names.tsv names what is no other name any more"
    assert all(line.reason for line in known())


def test_no_declaration_is_left_out() -> None:
    assert declared().keys() == LAYOUTS.keys() | OWN.keys()


def test_every_sense_code_has_the_same_words() -> None:
    for code in s.NAMES:
        data = s.Sense(code, information=-7, pointer=(300, 5), in_cdb=False, eom=True)
        for raw in (data.fixed(36), data.descriptor()):
            found = dissect_sense(raw)
            assert found.code == str(code)[:7]
            assert found.eom and found.information == -7
            assert not (found.ili or found.filemark or found.deferred)
            pointer = (300, 5, True) if code.key == 5 else None
            assert found.field_pointer == pointer
            words = found.text.partition(": ")[2]
            assert code.name.partition(" (")[0] in words, f"{code} is {words}"
            assert bytes(found) == raw


def test_key_associated_data_and_log_parameters() -> None:
    for kind in range(4):
        mine = bytes(KeyAssociatedData(key_descriptor_type=kind, key_descriptor=b"a label"))
        assert KadDescriptor(kind, b"a label").encode() == mine
    raw = Parameter(0x8003, 4, lambda unit: 7, 0x40).encode(bytes((0, 0, 0, 7)))
    from harness.layers.log_parameters import LogParameter

    found = LogParameter(raw)
    assert (found.parameter_code, found.ds, found.format_and_linking) == (0x8003, 1, 0)
    assert (found.number, found.parameter_length) == (7, 4)
    assert LogPage(0x17, "").key == (0x17, 0)
