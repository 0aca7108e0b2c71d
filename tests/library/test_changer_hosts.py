"""What hosts' software sends, byte for byte: mtx, the Linux driver ch, Proxmox Backup Server.

The CDBs are those that these programs were seen to send, or that their sources show.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from target.scsi import sense as s
from tests.library.changers import FAMILIES, GOOD, MODELS, Host, code_of, decode, drive, host, slot

TYPES = {2: 6, 3: 10, 4: 14, 1: 2}
"""Element types in the order in which they are asked for: where mode page 1Dh has the first."""


def addresses(it: Host, cdb: str) -> dict[int, tuple[int, int]]:
    """First address and count by type, from the reply to a MODE SENSE of page 1Dh."""
    raw = bytes.fromhex(cdb)
    reply = it.send(raw, size=raw[4])
    assert reply.status == GOOD, reply
    page = reply.data[4 + reply.data[3] :]
    assert page[0] & 0x3F == 0x1D
    assert len(page) >= 18
    return {
        kind: (int.from_bytes(page[at : at + 2]), int.from_bytes(page[at + 2 : at + 4]))
        for kind, at in TYPES.items()
    }


def read_status(it: Host, kind: int, flags: int, start: int, count: int, room: int) -> bytes:
    cdb = bytes((0xB8, kind | (flags & 0x10)))
    cdb += start.to_bytes(2) + count.to_bytes(2) + bytes((flags & 1,)) + room.to_bytes(3) + bytes(2)
    reply = it.send(cdb, size=room)
    assert reply.status == GOOD, reply
    return reply.data


@pytest.mark.req("SMC-HOST-TOOLS")
@pytest.mark.parametrize("model", MODELS)
def test_mtx(tmp_path: Path, model: str) -> None:
    """mtx 1.3.12: status, load and unload; it dies where counts do not agree."""
    _, it = host(tmp_path, model)
    unit = it.changer
    assert it.send(bytes.fromhex("120000003800"), size=0x38).data[0] & 0x1F == 8

    def status() -> dict[int, tuple[str, int | None]]:
        where = addresses(it, "1a081d008800")
        total = sum(count for _, count in where.values())
        room = total * 72 + 8 + 4 * 8
        found: dict[int, tuple[str, int | None]] = {}
        for kind, (first, count) in where.items():
            data = read_status(it, kind, 0x10, first, count, room)
            assert len(data) <= room
            assert int.from_bytes(data[2:4]) == count
            for one in decode(data):
                assert one.kind == kind
                found[one.address] = (one.tag, one.source)
        return found

    at, home = it.address(drive(1)), it.address(slot(2))
    label = "KRL002L9"[: unit.model.tag["length"]]
    assert status()[home] == (label, None)
    load = bytes.fromhex("a5000000") + home.to_bytes(2) + at.to_bytes(2) + bytes(4)
    assert it.send(load).status == GOOD
    assert status()[at] == (label, home)
    assert status()[home] == ("", None)
    unload = bytes.fromhex("a5000000") + at.to_bytes(2) + home.to_bytes(2) + bytes(4)
    reply = it.send(unload)
    if unit.model.quirks.get("unloads", True):
        assert reply.status == GOOD
        assert status()[home][0] == label
    else:
        assert code_of(reply) == s.NOT_UNLOADED
    for cdb in ("1a081d00ff00", "1a081e00ff00", "1a081f00ff00", "070000000000"):
        assert it.send(bytes.fromhex(cdb), size=255).status == GOOD
    position = bytes.fromhex("2b000001") + at.to_bytes(2) + bytes(4)
    assert it.send(position).status == GOOD


def test_mtx_with_altres(tmp_path: Path) -> None:
    """Type 0 from address 0, with all elements as the count."""
    for model in FAMILIES:
        folder = tmp_path / model.replace("/", "-")
        folder.mkdir()
        _, it = host(folder, model)
        data = read_status(it, 0, 0x10, 0, 10, 10 * 72 + 40)
        assert len(decode(data)) == 10


@pytest.mark.req("SMC-HOST-TOOLS")
@pytest.mark.parametrize("model", MODELS)
def test_linux_ch(tmp_path: Path, model: str) -> None:
    """The driver initialises, learns the elements and then asks for one at a time."""
    _, it = host(tmp_path, model)
    assert it.send(bytes.fromhex("070000000000")).status == GOOD
    where = addresses(it, "1a001d00ff00")
    for kind, (first, count) in where.items():
        for address in range(first, first + count):
            data = read_status(it, kind, 0x10, address, 1, 255)
            # It looks at the address in byte 16 and takes what follows for the element.
            assert int.from_bytes(data[16:18]) == address
            assert data[18] & 1 == (address in (it.address(slot(1)), it.address(slot(2))))
    first = where[2][0]
    ends = {"full": (first, first + 1), "empty": (first + 3, first + 4), "none": (first, 0xFFFE)}
    codes = {"full": (0x3B, 0x0D), "empty": (0x3B, 0x0E), "none": (0x21, 0x01)}
    for name, (source, destination) in ends.items():
        reply = it.move(source, destination)
        assert code_of(reply)[:3] == (5, *codes[name])


@pytest.mark.req("SMC-HOST-TOOLS")
@pytest.mark.parametrize("model", FAMILIES)
def test_proxmox(tmp_path: Path, model: str) -> None:
    """Element status of all elements at once, then the drives' names; its reader takes only
    descriptors that are whole, and vendor names of 34 bytes or serial numbers."""
    _, it = host(tmp_path, model)
    reply = it.send(bytes.fromhex("1a081d001800"), size=24)
    assert (reply.status, len(reply.data)) == (GOOD, 24)
    for kind in (2, 3, 4, 1):
        data = read_status(it, kind, 0x10, 0, 1000, 0xFFFF)
        assert {one.kind for one in decode(data)} == {kind}
    data = read_status(it, 4, 0x01, 0, 1000, 0xFFFF)
    names = [one.identifier for one in decode(data)]
    assert [name[-10:] for name in names] == [b"KRL0000001", b"KRL0000002"]
    kinds = [(one.raw[12] & 15, one.raw[13] & 15, one.raw[15]) for one in decode(data)]
    assert set(kinds) <= {(2, 1, 34), (2, 0, 10)}


def test_a_look_at_the_header_tells_how_much_there_is(tmp_path: Path) -> None:
    _, it = host(tmp_path)
    head = read_status(it, 0, 0x10, 0, 0xFFFF, 8)
    size = 8 + int.from_bytes(head[5:8])
    assert len(read_status(it, 0, 0x10, 0, 0xFFFF, size)) == size
    assert len(read_status(it, 0, 0x10, 0, 0xFFFF, size + 99)) == size
