"""Everything that returns data: cut to the allocation length, and the golden INQUIRY pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.scsi import sense as s
from target.scsi.command import Command, Data
from target.scsi.sense import Sense
from target.tape.commands import COMMANDS
from target.tape.tape_alert import Flag
from tests.scsi.cdbs import plain
from tests.tape.host import GOOD, MODELS, Host, new_drive, sense_of, tape

FULL: dict[str, list[dict[str, int]]] = {
    "REQUEST SENSE": [{}, {"desc": 1}],
    "INQUIRY": [
        {},
        *({"evpd": 1, "page_code": code} for code in (0, 0x80, 0x83, 0x86, 0xB0, 0xC0)),
    ],
    "MODE SENSE(6)": [{"page_code": code} for code in (0, 0x0F, 0x3F)],
    "MODE SENSE(10)": [{"page_code": code} for code in (0, 0x0F, 0x3F)],
    # Not those that tell how long it is since something.
    "LOG SENSE": [{"page_code": code} for code in (0, 0x02, 0x11, 0x12, 0x30, 0x2E)],
    "REPORT SUPPORTED OPERATION CODES": [
        {},
        {"rctd": 1},
        {"reporting_options": 1, "requested_opcode": 8},
    ],
    "REPORT IDENTIFYING INFORMATION": [{}, {"information_type": 0x7F}],
    "RECEIVE DIAGNOSTIC RESULTS": [{}, {"pcv": 1, "page_code": 0x80}],
    "READ BUFFER": [{"mode": mode} for mode in (0, 2, 3, 0x0B)] + [{"mode": 2, "buffer_id": 1}],
    "READ ATTRIBUTE (values)": [{}, {"first_attribute": 0x0400}],
    "READ ATTRIBUTE (list)": [{}],
    "READ ATTRIBUTE (volumes)": [{}],
    "READ ATTRIBUTE (partitions)": [{}],
    "READ ATTRIBUTE (supported)": [{}],
    "PERSISTENT RESERVE IN (READ KEYS)": [{}],
    "PERSISTENT RESERVE IN (READ RESERVATION)": [{}],
    "PERSISTENT RESERVE IN (REPORT CAPABILITIES)": [{}],
    "PERSISTENT RESERVE IN (READ FULL STATUS)": [{}],
    "REPORT DENSITY SUPPORT": [{"media": m, "medium_type": t} for m in (0, 1) for t in (0, 1)],
    "SECURITY PROTOCOL IN": [
        *({"page": page} for page in (0, 1)),
        *(
            {"security_protocol": 0x20, "page": page}
            for page in (0, 1, 0x10, 0x11, 0x12, 0x20, 0x21)
        ),
    ],
}
NO_ALLOCATION = {
    "READ(6)", "READ REVERSE(6)", "RECOVER BUFFERED DATA", "READ BLOCK LIMITS", "READ POSITION",
    "REPORT LUNS",
}  # fmt: skip
# Time goes by, or an allocation length is too short, or the model has no groups.
ELSEWHERE = {
    "REPORT TIMESTAMP",
    "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
    "REPORT TARGET PORT GROUPS",
}
WITH_ALLOCATION = [row for row in COMMANDS if row.data is Data.IN and row.name in FULL]
CASES = [
    pytest.param(row, fields, id=f"{row.name}-{number}")
    for row in WITH_ALLOCATION
    for number, fields in enumerate(FULL[row.name])
]


def test_every_command_with_data_in_is_here() -> None:
    names = {row.name for row in COMMANDS if row.data is Data.IN}
    assert names == set(FULL) | NO_ALLOCATION | ELSEWHERE


@pytest.mark.parametrize(("row", "fields"), CASES)
def test_a_short_reply_is_the_beginning_of_the_full_one(
    host: Host, row: Command, fields: dict[str, int]
) -> None:
    most = row.layout["allocation_length"].maximum

    def reply(allocation: int, room: int) -> bytes:
        got = host.send(plain(row, allocation_length=allocation, **fields), size=room)
        assert got.status == GOOD, got
        return got.data

    full = reply(most, 65536)
    assert 0 < len(full) <= most
    for length in {0, 1, 2, 3, 4, 5, 8, 12, len(full) // 2, len(full) - 1, len(full)}:
        assert reply(length, 65536) == full[:length]
        assert reply(most, length) == full[:length], "nor more than there is room for"


@given(sizes=st.lists(st.integers(0, 40), max_size=12), allocation=st.integers(0, 200))
def test_replies_are_scattered(sizes: list[int], allocation: int) -> None:
    host = Host(new_drive())
    full = host.send(plain("INQUIRY", allocation_length=96), size=96).data
    cdb = plain("INQUIRY", allocation_length=allocation)
    done, pieces = host.pieces(cdb, sizes=tuple(sizes))
    expected = full[: min(allocation, sum(sizes))]
    assert done.length == len(expected)
    assert b"".join(pieces)[: done.length] == expected
    assert not any(b"".join(pieces)[done.length :])


def test_fixed_size_replies_are_cut_to_the_room(host: Host) -> None:
    for cdb, size in (("05" + "00" * 5, 6), ("3400" + "00" * 8, 20), ("3406" + "00" * 8, 32)):
        full = host.send(bytes.fromhex(cdb), size=100).data
        assert len(full) == size
        for room in range(size):
            assert host.send(bytes.fromhex(cdb), size=room).data == full[:room]


# --- REPORT LUNS -------------------------------------------------------------------------------


@pytest.mark.req("SSC-LUNS-01", "SSC-LUNS-02", "SSC-CMD-A0")
@pytest.mark.parametrize(
    ("select", "golden"),
    [(0, "00000008 00000000" + "00" * 8), (1, "00" * 8), (2, "00000008 00000000" + "00" * 8)],
)
def test_report_luns(host: Host, select: int, golden: str) -> None:
    cdb = plain("REPORT LUNS", select_report=select, allocation_length=255)
    assert host.send(cdb, size=255).data == bytes.fromhex(golden)


@pytest.mark.req("SSC-LUNS-02")
def test_report_luns_refuses(host: Host) -> None:
    cdb = plain("REPORT LUNS", select_report=3)
    assert sense_of(host.send(cdb, size=16)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 7))
    cdb = plain("REPORT LUNS", allocation_length=15)
    assert sense_of(host.send(cdb, size=16)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(6, 7))


# --- INQUIRY -----------------------------------------------------------------------------------


@pytest.mark.req("SSC-INQ-01", "SSC-INQ-03", "SSC-CMD-12")
@pytest.mark.parametrize("model", MODELS)
def test_golden_standard_inquiry(model: str) -> None:
    with tape(model) as host:
        data = host.send(plain("INQUIRY", allocation_length=255), size=255).data
        revision = host.drive.personality.inquiry["revision"].encode()
    # TPGS: port groups are reported. PROTECT: of logical blocks.
    golden = bytes.fromhex("01 80 06 02 5b 11 00 02") + b"IBM     "
    golden += f"ULT3580-TD{model[-1]}".encode().ljust(16) + revision
    # SAM-4, SPC-4, SSC-3.
    assert data == golden.ljust(58, b"\0") + bytes.fromhex("0080 0460 0400") + bytes(32)


_SERIAL, _REVISION = b"KRL0000001".hex(), b"N9P1".ljust(12).hex()
GOLDEN_VPD = {
    0x00: "01 00 000f 00 80 83 86 87 88 90 b0 b1 b2 b3 b4 b5 c0 c1",
    0x80: "01 80 000a" + _SERIAL,
    # SPT: logical block protection.
    0x86: "01 86 003c 08 01" + "00" * 58,
    # Own to a nexus: disconnect-reconnect, data protection, logical unit, exceptions.
    0x87: "01 87 0014 02000300 0af00300 18000300 1c000300 3fff0000",
    0x88: "01 88 0018 0000 0001 0000 0000 0000 000c 61930008 5005076000000011",
    0x90: "01 90 000c 0001 06 000000 0004 01 000000",
    0xB0: "01 b0 0002 0100",
    0xB1: "01 b1 000a" + _SERIAL,
    0xB3: "01 b3 000a" + _SERIAL,
    0xB4: "01 b4 0002 0000",
    0xB5: "01 b5 0014 00000000 07 01 04 c0 00000000 07 02 04 c0 00000000",
    0xC0: "01 c0 0027" + _REVISION + b" ".hex() * 15 + _REVISION,
    0xC1: "01 c1 0018" + (_SERIAL + b"  ".hex()) * 2,
}
VARYING = {0x83, 0xB2}
"""Looked at by the tests below."""


@pytest.mark.req(
    "SSC-VPD-00", "SSC-VPD-80", "SSC-VPD-86", "SSC-VPD-87", "SSC-VPD-88", "SSC-VPD-90",
    "SSC-VPD-B0", "SSC-VPD-B1", "SSC-VPD-B3", "SSC-VPD-B4", "SSC-VPD-B5", "SSC-VPD-C0",
)  # fmt: skip
@pytest.mark.parametrize("code", GOLDEN_VPD, ids=hex)
def test_golden_vital_product_data(host: Host, code: int) -> None:
    reply = host.send(plain("INQUIRY", evpd=1, page_code=code, allocation_length=255), size=255)
    assert reply.data == bytes.fromhex(GOLDEN_VPD[code])


@pytest.mark.req("SSC-VPD-B2")
def test_flags_supported_are_a_bit_each(host: Host) -> None:
    reply = host.send(plain("INQUIRY", evpd=1, page_code=0xB2, allocation_length=255), size=255)
    assert reply.data[:4] == bytes.fromhex("01 b2 0008")
    flags = int.from_bytes(reply.data[4:], "big")
    # The model has no limit from which on it wants to be cleaned.
    raised = {*map(int, Flag)} - {Flag.CLEAN_NOW, Flag.CLEAN_PERIODIC}
    assert {flag for flag in range(1, 65) if flags >> 64 - flag & 1} == raised


@pytest.mark.req("SSC-VPD-83")
def test_identification_names_unit_port_and_target(host: Host) -> None:
    cdb = plain("INQUIRY", evpd=1, page_code=0x83, allocation_length=255)
    data = host.send(cdb, size=255).data
    assert int.from_bytes(data[2:4], "big") == len(data) - 4
    kinds, at = [], 4
    while at < len(data):
        body = data[at + 4 : at + 4 + data[at + 3]]
        kinds.append((data[at] & 0x0F, data[at + 1] >> 4 & 3, data[at + 1] & 0x0F, len(body)))
        at += 4 + data[at + 3]
        if kinds[-1][2] == 3:
            assert body[0] >> 4 == 5, "NAA: IEEE registered"
    assert kinds == [(2, 0, 1, 34), (1, 0, 3, 8), (1, 1, 3, 8), (1, 1, 4, 4), (1, 2, 3, 8)]
    assert data[8:42] == b"IBM     ULT3580-TD9     KRL0000001"


@pytest.mark.req("SSC-VPD-R1")
def test_pages_that_are_not_there(host: Host) -> None:
    supported = set(GOLDEN_VPD) | VARYING
    for code in set(range(256)) - supported:
        cdb = plain("INQUIRY", evpd=1, page_code=code, allocation_length=255)
        assert sense_of(host.send(cdb, size=255)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 7))
    cdb = plain("INQUIRY", page_code=0x80, allocation_length=255)
    assert sense_of(host.send(cdb, size=255)) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 7))
