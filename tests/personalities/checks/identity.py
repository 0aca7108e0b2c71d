"""INQUIRY: the standard data and every VPD page."""

from __future__ import annotations

from target.medium.formats import Kind
from target.scsi import sense as s
from tests.personalities.bench import SERIAL, Bench, good, refused
from tests.personalities.registry import check, vpd
from tests.tape.host import GOOD, Host


def inquiry(host: Host, page: int | None = None, allocation: int = 0xFFFF) -> bytes:
    cdb = bytes((0x12, page is not None, page or 0)) + allocation.to_bytes(2) + bytes(1)
    return good(host.send(cdb, size=0x10000))


def designators(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """(code set, association, type, identifier) of the designators of a page 83h body."""
    found, at = [], 0
    while at < len(data):
        size = data[at + 3]
        body = data[at + 4 : at + 4 + size]
        assert len(body) == size
        found.append((data[at] & 0xF, data[at + 1] >> 4 & 3, data[at + 1] & 0xF, body))
        at += 4 + size
    return found


@check()
def standard_data(bench: Bench) -> None:
    data, told = inquiry(bench.empty()), bench.model.personality.inquiry
    assert data[:2] == b"\x01\x80", "a tape drive with media that can be taken out"
    assert data[2] == told["version"]
    assert data[3] & 0x0F == 2
    assert data[4] == len(data) - 5
    assert data[7] & 0x02, "commands are queued"
    assert data[8:36].decode() == f"{told['vendor']:8}{told['product']:16}{told['revision']:4}"


@check()
def standard_length(bench: Bench) -> None:
    told = bench.model.personality.inquiry
    assert len(inquiry(bench.empty())) == told.get("length", 96)


@check()
def vendor_bytes(bench: Bench) -> None:
    data, told = inquiry(bench.empty()), bench.model.personality.inquiry
    own = {int(number): value for number, value in told.get("bytes", {}).items()}
    for number in range(36, min(56, len(data))):
        assert data[number] == own.get(number, 0), number


@check(lambda model: model.personality.inquiry.get("length", 96) > 58)
def version_descriptors(bench: Bench) -> None:
    data = inquiry(bench.empty())
    told = bench.model.personality.inquiry.get("version_descriptors", [0x0460, 0x0400])
    assert data[56:58] == bytes(2)
    assert data[58:74] == b"".join(number.to_bytes(2) for number in told).ljust(16, b"\0")


@check()
def feature_bits(bench: Bench) -> None:
    """TPGS goes with the command that tells of groups, PROTECT with the page that protects."""
    data, model = inquiry(bench.empty()), bench.model
    assert data[5] >> 4 & 3 == model.has("A3-0A")
    assert data[5] & 1 == model.mode("0A-F0")


@check()
def cut_to_allocation(bench: Bench) -> None:
    host = bench.empty()
    whole = inquiry(host)
    for length in (0, 4, 5, 36, len(whole) - 1):
        assert inquiry(host, allocation=length) == whole[:length]


@check()
def page_list(bench: Bench) -> None:
    told = sorted(int(key, 16) for key in bench.model.personality.vpd["pages"])
    data = inquiry(bench.empty(), 0x00)
    assert data[:4] == bytes((0x01, 0x00)) + len(told).to_bytes(2)
    assert list(data[4:]) == told


@check()
def every_page_answers(bench: Bench) -> None:
    host = bench.empty()
    for key in bench.model.personality.vpd["pages"]:
        code = int(key, 16)
        data = inquiry(host, code)
        assert data[:2] == bytes((0x01, code))
        assert int.from_bytes(data[2:4]) == len(data) - 4
        assert inquiry(host, code, 6) == data[:6]


@check()
def other_pages_are_refused(bench: Bench) -> None:
    host = bench.empty()
    known = {int(key, 16) for key in bench.model.personality.vpd["pages"]}
    for code in set(range(256)) - known:
        reply = host.send(bytes((0x12, 1, code, 0, 255, 0)), size=255)
        refused(reply, s.INVALID_FIELD_IN_CDB, (2, 7))
    reply = host.send(bytes((0x12, 0, 0x80, 0, 255, 0)), size=255)
    refused(reply, s.INVALID_FIELD_IN_CDB, (2, 7))


@check()
def serial_numbers(bench: Bench) -> None:
    host = bench.empty()
    for key in ("80", "B1", "B3"):
        if bench.model.vpd(key):
            assert inquiry(host, int(key, 16))[4:].decode().strip() == SERIAL


@check()
def designation(bench: Bench) -> None:
    """Vendor, product and serial number; NAA 5 with the company of unit, port and target."""
    told = bench.model.personality
    found = designators(inquiry(bench.empty(), 0x83)[4:])
    name = f"{told.inquiry['vendor']:8}{told.inquiry['product']:16}{SERIAL}"
    assert (2, 0, 1, name.encode()) in found
    naa = {association: body for _, association, kind, body in found if kind == 3}
    assert set(naa) == {0, 1, 2}
    assert len(set(naa.values())) == 3
    for body in naa.values():
        assert int.from_bytes(body) >> 36 == told.vpd["naa_prefix"]
        assert body[0] >> 4 == 5
    assert (1, 1, 4, (1).to_bytes(4)) in found, "relative target port 1"


@check(vpd("86"))
def extended_data(bench: Bench) -> None:
    data = inquiry(bench.empty(), 0x86)
    assert len(data) == 0x40
    assert data[4] >> 3 & 7 == bench.model.mode("0A-F0"), "SPT tells of block protection"


@check(vpd("87"))
def mode_page_policy(bench: Bench) -> None:
    """An entry for each page that a nexus has for itself, and one for all the others."""
    data = inquiry(bench.empty(), 0x87)[4:]
    rows = [data[at : at + 4] for at in range(0, len(data), 4)]
    assert rows[-1] == bytes.fromhex("3fff0000")
    for page, subpage, policy, last in rows[:-1]:
        key = f"{page:02X}" + (f"-{subpage:02X}" if subpage else "")
        assert bench.model.mode(key)
        assert (policy & 3, last) == (3, 0)


@check(vpd("88"))
def ports(bench: Bench) -> None:
    host = bench.empty()
    data = inquiry(host, 0x88)[4:]
    assert data[2:4] == b"\0\1"
    (port,) = designators(data[12:])
    named = [row for row in designators(inquiry(host, 0x83)[4:]) if row[1:3] == (1, 3)]
    assert [port] == named


@check(vpd("90"))
def protocol(bench: Bench) -> None:
    data = inquiry(bench.empty(), 0x90)[4:]
    fibre = bench.model.personality.modes.get("19", {}).get("form") == "fcp"
    assert data[:2] == b"\0\1"
    assert data[2] & 0xF == (0 if fibre else 6)


@check(vpd("B0"))
def worm_bit(bench: Bench) -> None:
    worm = any(
        kind.kind is Kind.WORM and set(kind.formats) & set(bench.model.writes)
        for kind in bench.model.types
    )
    assert inquiry(bench.empty(), 0xB0)[4] & 1 == worm


@check(vpd("B2"))
def flags_supported(bench: Bench) -> None:
    """A write-protected cartridge and a cleaning cartridge are known to every drive."""
    flags = int.from_bytes(inquiry(bench.empty(), 0xB2)[4:12])
    for flag in (0x09, 0x0B, 0x16):
        assert flags >> 64 - flag & 1, flag


@check(vpd("B5"))
def protection_methods(bench: Bench) -> None:
    """The methods of the page are those that mode page 0Ah subpage F0h takes."""
    data = inquiry(bench.empty(), 0xB5)[8:]
    rows = [data[at : at + 8] for at in range(0, len(data), 8)]
    assert rows and all(row[0] == 7 and row[2] & 0x3F == 4 for row in rows)
    assert all(row[3] & 0xC0 == 0xC0 for row in rows)
    allowed = bench.model.personality.modes["0A-F0"].get("allowed", {})
    told = set(allowed.get("lbp_method", (1, 2))) - {0}
    assert {row[1] for row in rows} == told


@check()
def with_attention_pending(bench: Bench) -> None:
    """INQUIRY runs with a unit attention pending, and leaves it."""
    host = bench.empty()
    host.drive.reset()
    for page in (None, 0x00):
        assert inquiry(host, page)
    refused(host.ready(), bench.model.code(s.POWER_ON))
    assert host.ready().status != GOOD


@check()
def vendor_pages(bench: Bench) -> None:
    """Pages of the maker's own have their texts, padded, with the drive's revision and serial."""
    host, told = bench.empty(), bench.model.personality
    words = {"serial": SERIAL, "revision": told.inquiry["revision"]}
    for key, value in told.vpd["pages"].items():
        if isinstance(value, list):
            golden = "".join(text.format(**words).ljust(width) for text, width in value)
            assert inquiry(host, int(key, 16))[4:] == golden.encode()
        elif isinstance(value, str):
            assert inquiry(host, int(key, 16))[4:] == bytes.fromhex(value)
