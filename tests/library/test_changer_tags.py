"""SEND VOLUME TAG and REQUEST VOLUME ELEMENT ADDRESS: looking for cartridges by label."""

from __future__ import annotations

from pathlib import Path

import pytest

from target.scsi import sense as s
from target.transports.inprocess import Reply
from tests.library.changers import (
    CHECK,
    GOOD,
    Element,
    Host,
    code_of,
    decode,
    drive,
    host,
    slot,
)

LABELS = ["KRL001L9", "KRL002L9", "KRL012L9", "ABC001L9"]


def search(
    it: Host, template: bytes, *, kind: int = 0, start: int = 0, action: int = 5, least: int = 0
) -> Reply:
    data = template.ljust(32) + b"\0\0" + least.to_bytes(2) + b"\0\0\xff\xff"
    cdb = bytes((0xB6, kind)) + start.to_bytes(2) + bytes((0, action, 0, 0)) + b"\0\x28\0\0"
    return it.send(cdb, out=data)


def request(it: Host, *, kind: int = 0, start: int = 0, count: int = 99) -> Reply:
    cdb = bytes((0xB5, 0x10 | kind)) + start.to_bytes(2) + count.to_bytes(2)
    return it.send(cdb + b"\0\0\xff\xff\0\0", size=65535)


def found(it: Host, template: bytes, **how: int) -> list[Element]:
    assert search(it, template, **how).status == GOOD
    reply = request(it)
    assert reply.status == GOOD
    assert reply.data[4] == how.get("action", 5)
    return decode(reply.data)


@pytest.mark.req("SMC-TAG-SEARCH")
@pytest.mark.parametrize(
    ("template", "labels"),
    [
        (b"KRL002L9", ["KRL002L9"]),
        (b"KRL0?2*", ["KRL002L9", "KRL012L9"]),
        (b"*", LABELS),
        (b"*001*", ["KRL001L9", "ABC001L9"]),
        (b"KRL002L9\0", ["KRL002L9"]),
        (b"KRL", []),
        (b"K.L002L9", []),
        (b"", []),
        (b"\xff*", []),
    ],
)
def test_templates(tmp_path: Path, template: bytes, labels: list[str]) -> None:
    _, it = host(tmp_path, cartridges=LABELS)
    assert [one.tag for one in found(it, template)] == labels


def test_where_to_look_and_what_is_told(tmp_path: Path) -> None:
    _, it = host(tmp_path, cartridges=LABELS)
    it.move(slot(1), drive(2))
    assert [one.address for one in found(it, b"*001*")] == [0x1003, 0x101]
    assert [one.address for one in found(it, b"*", kind=4)] == [0x101]
    assert [one.address for one in found(it, b"*", start=0x1002)] == [0x1002, 0x1003]
    search(it, b"*")
    assert [one.address for one in decode(request(it, kind=2, start=0x1002).data)] == [
        0x1002,
        0x1003,
    ]
    assert len(decode(request(it, count=1).data)) == 1
    assert request(it, count=0).data[2:] == bytes((0, 0, 5, 0, 0, 0))
    # What is there now, of the elements that were found.
    it.move(drive(2), slot(5))
    assert [one.full for one in decode(request(it, kind=4).data)] == [False]


@pytest.mark.parametrize(
    ("action", "least", "count"),
    [(0, 0, 4), (1, 0, 4), (2, 0, 0), (1, 1, 0), (5, 1, 4), (4, 1, 4), (6, 0, 0)],
)
def test_actions(tmp_path: Path, action: int, least: int, count: int) -> None:
    _, it = host(tmp_path, cartridges=LABELS)
    assert len(found(it, b"*", action=action, least=least)) == count


@pytest.mark.req("SMC-TAG-SEARCH")
def test_labels_cannot_be_set(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    for action in (3, 7, 8, 9, 0xA, 0xB, 0xC, 0xD, 0x1F):
        reply = search(it, b"NEW001L9", action=action)
        assert code_of(reply) == s.INVALID_FIELD_IN_CDB
        assert reply.sense is not None
        assert reply.sense.pointer == (5, 4)


def test_what_is_wrong(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    assert code_of(request(it)) == s.COMMAND_SEQUENCE
    assert code_of(search(it, b"*", kind=5)) == s.INVALID_FIELD_IN_CDB
    assert code_of(search(it, b"*", start=0x2000)) == s.INVALID_ELEMENT
    short = it.send(bytes.fromhex("b600 0000 0005 0000 0027 0000"), out=bytes(39))
    assert code_of(short) == s.PARAMETER_LIST_LENGTH
    reserved = it.send(bytes.fromhex("b600 0000 0005 0000 0028 0000"), out=b"*" * 33 + bytes(7))
    assert code_of(reserved) == s.INVALID_PARAMETER
    assert search(it, b"*").status == GOOD
    other = Host(it.unit, "host1")
    other.hear()
    assert code_of(request(other)) == s.COMMAND_SEQUENCE
    assert code_of(request(it, kind=9)) == s.INVALID_FIELD_IN_CDB
    it.changer.reset()
    it.hear()
    assert request(it).status == CHECK


def test_models_without_the_commands(tmp_path: Path) -> None:
    _, it = host(tmp_path, "quantum/scalar-i500")
    assert code_of(search(it, b"*")) == s.INVALID_OPCODE
    assert code_of(request(it)) == s.INVALID_OPCODE
