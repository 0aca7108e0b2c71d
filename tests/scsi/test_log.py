"""LOG SENSE: the list of pages, parameters, the parameter pointer, TapeAlert."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.scsi.log import LogPage
from target.scsi.sense import Sense
from target.tape.log_pages import PAGES
from tests.scsi.cdbs import plain
from tests.tape.host import GOOD, Host, new_drive, sense_of, tape

EACH = pytest.mark.parametrize("page", [pytest.param(p, id=f"{p.code:02X}") for p in PAGES])


def log_sense(host: Host, code: int, **fields: int) -> bytes:
    cdb = plain("LOG SENSE", **{"page_control": 1, "allocation_length": 4096, **fields},
                page_code=code)  # fmt: skip
    reply = host.send(cdb, size=4096)
    assert reply.status == GOOD, reply
    return reply.data


def parameters(data: bytes) -> dict[int, bytes]:
    """Parameter code to value; checks that the lengths add up."""
    assert int.from_bytes(data[2:4], "big") == len(data) - 4
    found, at = {}, 4
    while at < len(data):
        size = data[at + 3]
        found[int.from_bytes(data[at : at + 2], "big")] = data[at + 4 : at + 4 + size]
        at += 4 + size
    assert at == len(data)
    return found


@pytest.mark.req("SSC-LOG-00", "SSC-LOG-R3", "SSC-CMD-4D")
def test_supported_pages(host: Host) -> None:
    codes = [page.code for page in PAGES]
    listed = log_sense(host, 0)
    assert listed == bytes((0x00, 0x00, 0x00, len(codes) + 1, 0x00, *codes))
    pairs = [(0x00, 0x00), (0x00, 0xFF), *((code, 0x00) for code in codes)]
    golden = bytes((0x40, 0xFF, 0x00, 2 * len(pairs))) + b"".join(map(bytes, pairs))
    assert log_sense(host, 0, subpage_code=0xFF) == golden


@EACH
@pytest.mark.req("SSC-LOG-R3")
def test_subpages_of_a_page(host: Host, page: LogPage) -> None:
    golden = bytes((0x40 | page.code, 0xFF, 0x00, 0x04, page.code, 0x00, page.code, 0xFF))
    assert log_sense(host, page.code, subpage_code=0xFF) == golden


@pytest.mark.req("SSC-LOG-R1")
@EACH
@pytest.mark.parametrize("control", [0, 1, 2, 3])
def test_parameters_ascend(host: Host, page: LogPage, control: int) -> None:
    data = log_sense(host, page.code, page_control=control)
    assert data[:2] == bytes((0x80 | page.code, 0))
    codes = list(parameters(data))
    assert codes == sorted(codes) == [row.code for row in page.parameters]


@EACH
def test_parameters_without_a_volume(page: LogPage) -> None:
    host = Host(new_drive())
    host.hear()
    assert list(parameters(log_sense(host, page.code))) == [row.code for row in page.parameters]


@pytest.mark.req("SSC-LOG-R2")
@EACH
def test_parameter_pointer(host: Host, page: LogPage) -> None:
    codes = [row.code for row in page.parameters]
    for pointer in sorted({0, 1, *codes, *(code - 1 for code in codes[1:])}):
        data = log_sense(host, page.code, parameter_pointer=pointer)
        assert list(parameters(data)) == [code for code in codes if code >= pointer]
    beyond = plain("LOG SENSE", page_control=1, page_code=page.code, allocation_length=255,
                   parameter_pointer=codes[-1] + 1)  # fmt: skip
    refused = Sense(s.INVALID_FIELD_IN_CDB, pointer=(5, 7))
    assert sense_of(host.send(beyond, size=255)) == refused


@pytest.mark.req("SSC-LOG-R2", "SSC-LOG-R4")
@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"page_code": 0x3F}, (2, 5)),
        ({"page_code": 0x31}, (2, 5)),
        ({"page_code": 0x2E, "subpage_code": 1}, (3, 7)),
        ({"page_code": 0x00, "subpage_code": 1}, (3, 7)),
        ({"page_code": 0x31, "subpage_code": 0xFF}, (2, 5)),
    ],
)
def test_refused(host: Host, fields: dict[str, int], pointer: tuple[int, int]) -> None:
    cdb = plain("LOG SENSE", **{"page_control": 1, "allocation_length": 255, **fields})
    assert sense_of(host.send(cdb, size=255)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=pointer)


def test_counters_tell_what_was_done(host: Host) -> None:
    host.write_tape([bytes(1000), bytes(500)])
    host.read(1000)
    page = parameters(log_sense(host, 0x0C))
    assert int.from_bytes(page[0], "big") == 1500
    assert int.from_bytes(page[3], "big") == 1000
    assert int.from_bytes(parameters(log_sense(host, 0x02))[5], "big") >= 1500


def test_volume_statistics(host: Host) -> None:
    page = parameters(log_sense(host, 0x17))
    assert page[0x0000] == b"\1"
    assert page[0x0042] == b"KRL001L9".ljust(32)
    assert page[0x0045] == b"Ultrium-9"
    assert page[0x0202] == bytes.fromhex("07000000 00000043"), "64 MiB are 67 MB"
    assert page[0x0200] == bytes.fromhex("09000000 ffffffffffff")


# --- TapeAlert ---------------------------------------------------------------------------------


def flags(host: Host, **fields: int) -> set[int]:
    page = parameters(log_sense(host, 0x2E, **fields))
    return {code for code, value in page.items() if value == b"\1"}


@pytest.mark.req("SSC-TA-09", "SSC-TA-R1")
def test_each_nexus_reads_a_flag_once() -> None:
    with tape(protect=True) as host:
        other = Host(host.drive, "other")
        other.hear()
        assert flags(host) == set()
        host.write(b"x")
        assert flags(host) == {0x09}
        assert flags(host) == set()
        assert flags(other) == {0x09}, "reading it is no one else's business"
        assert flags(other) == set()
        other.write(b"x")
        assert flags(host) == flags(other) == {0x09}


@pytest.mark.parametrize("control", [0, 1, 2, 3])
def test_flags_are_the_same_whatever_values_are_asked_for(control: int) -> None:
    """tapeinfo asks for thresholds."""
    with tape(protect=True) as host:
        host.write(b"x")
        assert flags(host, page_control=control) == {0x09}


@pytest.mark.req("SSC-LOG-2E", "SSC-TA-09")
def test_a_look_at_the_length_is_no_reading() -> None:
    with tape(protect=True) as host:
        host.write(b"x")
        assert log_sense(host, 0x2E, allocation_length=4) == bytes.fromhex("ae 00 0140")
        assert flags(host) == {0x09}


@pytest.mark.req("SSC-TA-05")
def test_a_damaged_block_raises_read_failure(host: Host) -> None:
    host.write_tape([bytes(100)])
    host.damage(0)
    host.read(100)
    assert flags(host) == {0x05}
    assert parameters(log_sense(host, 0x03))[6] == bytes.fromhex("00000001")
