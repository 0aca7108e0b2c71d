"""WRITE ATTRIBUTE in any order: what reads back, what changes nothing, what survives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target.medium.formats import TYPES
from target.scsi import sense as s
from target.scsi.sense import Code
from target.tape import mam
from target.tape.mam_table import HOST, HOST_VENDOR, vendor_host
from tests.tape.host import GOOD, sense_of, tape
from tests.tape.memory import (
    ASCII,
    BINARY,
    READ_ONLY,
    TEXT,
    attribute,
    everything,
    hosts_own,
    partitioned,
    reopen,
    send_list,
    write,
)

ROWS = [row for row in HOST if not row.optional and row.id not in HOST_VENDOR]


@st.composite
def items(draw: st.DrawFn) -> tuple[int, int, bytes]:
    """(identifier, format, value) of a host's attribute, mostly right."""
    row = draw(st.sampled_from(ROWS) | st.builds(vendor_host, st.sampled_from(HOST_VENDOR)))
    form = row.format if row.size else draw(st.sampled_from((BINARY, ASCII, TEXT)))
    longest = row.size or 300
    shortest = row.size if row.format == BINARY else 0
    content = draw(st.just(b"") | st.binary(min_size=shortest, max_size=longest))
    if row.values is not None and content and content[0] not in row.values:
        content = b"\x80"
    if row.id not in HOST_VENDOR:
        form = row.format
    return row.id, form, content


LISTS = st.lists(items(), max_size=5, unique_by=lambda item: item[0]).map(sorted)
BAD: list[tuple[bytes, Code]] = [
    (attribute(0xFFFF, b"x"), s.INVALID_PARAMETER),
    (attribute(0x0003, b"x"), s.INVALID_PARAMETER),
    (attribute(0x17FF, bytes(5000)), s.MEMORY_FULL),
    (attribute(0x17FF, b"x")[:-1], s.PARAMETER_LIST_LENGTH),
]


@pytest.mark.req("SSC-WATTR-01", "SSC-WATTR-02", "SSC-WATTR-05", "SSC-WATTR-06")
@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), LISTS, st.none() | st.sampled_from(BAD), st.booleans()),
        max_size=8,
    )
)
def test_any_sequence_of_writes_and_removals_reads_back(
    steps: list[tuple[int, list[tuple[int, int, bytes]], tuple[bytes, Code] | None, bool]],
) -> None:
    """And one with anything wrong in it changes nothing, whether the cartridge is opened anew."""
    kept: list[dict[int, tuple[int, bytes]]] = [{}, {}]
    with partitioned() as host:
        for partition, changes, bad, closing in steps:
            sent = [attribute(number, content, form) for number, form, content in changes]
            new = kept[partition] | {number: (form, v) for number, form, v in changes}
            new = {number: item for number, item in new.items() if item[1]}
            others = kept[1 - partition]
            room = mam.space(TYPES["L9"].memory)
            used = sum(5 + len(v) for _, v in (*new.values(), *others.values()))
            if bad is not None:
                sent = [item for item in sent if item[:2] != b"\x17\xff"]
                assert sense_of(write(host, *sent, bad[0], partition=partition)).code == bad[1]
            elif used > room:
                reply = write(host, *sent, partition=partition)
                assert sense_of(reply).code == s.MEMORY_FULL
            else:
                assert write(host, *sent, partition=partition).status == GOOD
                kept[partition] = new
            if closing:
                host = reopen(host)
            for which in (0, 1):
                found = everything(host, which)
                assert {
                    number: (item.flags, item.value)
                    for number, item in found.items()
                    if not item.flags & READ_ONLY
                } == kept[which]
        left = host.drive.eject()
        if left is not None:
            left.close()


@pytest.mark.req("SSC-CMD-8C", "SSC-CMD-8D")
@settings(max_examples=60)
@given(st.binary(max_size=64))
def test_no_list_gets_past_the_drive(data: bytes) -> None:
    with tape() as host:
        before = hosts_own(host)
        reply = send_list(host, data)
        if reply.status != GOOD:
            assert sense_of(reply).code in {s.INVALID_PARAMETER, s.PARAMETER_LIST_LENGTH}
            assert hosts_own(host) == before
