"""LOG SENSE of a drive's pages: their list, the parameters, the parameter pointer."""

from __future__ import annotations

import pytest

from target import personality
from target.scsi import sense as s
from target.scsi.log import LogPage
from target.scsi.sense import Sense
from target.tape import log_pages
from tests.scsi.cdbs import plain
from tests.tape.host import GOOD, TD9, Host, new_drive, sense_of

PAGES = log_pages.of(personality.load(TD9))
EACH = pytest.mark.parametrize("page", [pytest.param(p, id=log_pages.key(p)) for p in PAGES])


def log_sense(host: Host, page_code: int, **fields: int) -> bytes:
    cdb = plain("LOG SENSE", **{"page_control": 1, "allocation_length": 4096, **fields},
                page_code=page_code)  # fmt: skip
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
    listed = [page.key for page in PAGES if page.listed]
    codes = sorted({0x00, *(code for code, subpage in listed if not subpage)})
    assert log_sense(host, 0) == bytes((0x00, 0x00, 0x00, len(codes), *codes))
    pairs = [(0x00, 0x00), (0x00, 0xFF), *listed]
    golden = bytes((0x40, 0xFF, 0x00, 2 * len(pairs))) + b"".join(map(bytes, pairs))
    assert log_sense(host, 0, subpage_code=0xFF) == golden


@EACH
@pytest.mark.req("SSC-LOG-R3")
def test_subpages_of_a_page(host: Host, page: LogPage) -> None:
    pairs = [bytes(page.key)] if page.listed else []
    pairs.append(bytes((page.code, 0xFF)))
    golden = bytes((0x40 | page.code, 0xFF, 0x00, 2 * len(pairs))) + b"".join(pairs)
    assert log_sense(host, page.code, subpage_code=0xFF) == golden


@pytest.mark.req("SSC-LOG-R1")
@EACH
@pytest.mark.parametrize("control", [0, 1, 2, 3])
def test_parameters_ascend(host: Host, page: LogPage, control: int) -> None:
    data = log_sense(host, page.code, subpage_code=page.subpage, page_control=control)
    assert data[:2] == bytes((0x80 | bool(page.subpage) << 6 | page.code, page.subpage))
    codes = list(parameters(data))
    assert codes == sorted(codes)
    assert set(codes) <= {row.code for row in page.parameters}


@EACH
def test_parameters_without_a_volume(host: Host, page: LogPage) -> None:
    """The same, with other values."""
    empty = Host(new_drive())
    empty.hear()
    found, wanted = (
        list(parameters(log_sense(one, page.code, subpage_code=page.subpage)))
        for one in (empty, host)
    )
    assert found == wanted


@pytest.mark.req("SSC-LOG-R2")
@EACH
def test_parameter_pointer(host: Host, page: LogPage) -> None:
    fields = {"page_code": page.code, "subpage_code": page.subpage, "page_control": 1}
    codes = list(parameters(log_sense(host, **fields)))
    for pointer in sorted({0, 1, *codes, *(code - 1 for code in codes[1:])}):
        if pointer <= page.parameters[-1].code:
            data = log_sense(host, **fields, parameter_pointer=pointer)
            assert list(parameters(data)) == [code for code in codes if code >= pointer]
    last = page.parameters[-1].code
    beyond = plain("LOG SENSE", **fields, allocation_length=255, parameter_pointer=last + 1)
    refused = Sense(s.INVALID_FIELD_IN_CDB, pointer=(5, 7))
    assert sense_of(host.send(beyond, size=255)) == refused


@pytest.mark.req("SSC-LOG-R2", "SSC-LOG-R4")
@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"page_code": 0x3F}, (2, 5)),
        ({"page_code": 0x3A}, (2, 5)),
        ({"page_code": 0x2E, "subpage_code": 1}, (3, 7)),
        ({"page_code": 0x00, "subpage_code": 1}, (3, 7)),
        ({"page_code": 0x3A, "subpage_code": 0xFF}, (2, 5)),
    ],
)
def test_refused(host: Host, fields: dict[str, int], pointer: tuple[int, int]) -> None:
    cdb = plain("LOG SENSE", **{"page_control": 1, "allocation_length": 255, **fields})
    assert sense_of(host.send(cdb, size=255)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=pointer)
