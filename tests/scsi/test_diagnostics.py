"""SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS: self-tests, pages, the dump."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target import personality
from target.clock import ManualClock
from target.medium.errors import BlockDamaged
from target.medium.index import Index
from target.scsi import diagnostics
from target.scsi import sense as s
from target.scsi.diagnostics import SelfTest
from target.scsi.sense import Sense
from target.tape import commands
from target.tape.drive import Drive
from tests.scsi.cdbs import plain
from tests.tape.host import GOOD, TD9, Host, sense_of, tape

SEND, RECEIVE = "SEND DIAGNOSTIC", "RECEIVE DIAGNOSTIC RESULTS"
FORCE_DUMP = bytes.fromhex("80 00 0004 0160 00 00")
BACKGROUND, FOREGROUND = (1, 2), (5, 6)


class Broken(Drive):
    """A drive whose self-tests fail."""

    def self_test(self, extended: bool) -> Sense | None:
        return Sense(s.INTERNAL_FAILURE) if extended else Sense(s.WRITE_ERROR)


def empty(kind: type[Drive] = Drive, state: Path | None = None) -> Host:
    model = personality.load(TD9)
    host = Host(kind(model, "KRL1", commands.of(model), state=state, clock=ManualClock()))
    assert host.hear() == [s.POWER_ON]
    return host


def send(host: Host, data: bytes = b"", /, **fields: int) -> Sense | None:
    cdb = plain(SEND, parameter_list_length=len(data), **fields)
    reply = host.send(cdb, out=data)
    return None if reply.status == GOOD else sense_of(reply)


def receive(host: Host, size: int = 1000, **fields: int) -> bytes:
    reply = host.send(plain(RECEIVE, allocation_length=size, **fields), size=size)
    assert reply.status == GOOD, reply
    return reply.data


def in_cdb(byte: int, bit: int) -> Sense:
    return Sense(s.INVALID_FIELD_IN_CDB, pointer=(byte, bit))


def in_list(byte: int, bit: int | None = None) -> Sense:
    return Sense(s.INVALID_PARAMETER, pointer=(byte, bit), in_cdb=False)


# --- self-tests --------------------------------------------------------------------------------


@pytest.mark.req("SSC-CMD-1D", "SSC-DIAG-01")
@pytest.mark.parametrize("offline", range(4))
def test_the_default_self_test(host: Host, offline: int) -> None:
    host.write_tape([b"one", None, b"two"])
    host.space(0, 1)
    fields = {"selftest": 1, "devoffl": offline >> 1, "unitoffl": offline & 1}
    assert send(host, **fields) is None
    assert send(host, pf=1, **fields) is None
    assert host.position() == 1, "the tape does not move"
    assert diagnostics.self_tests(host.drive) == [], "nor is it noted"


@pytest.mark.req("SSC-DIAG-04")
@pytest.mark.parametrize("code", BACKGROUND + FOREGROUND)
def test_a_self_test_leaves_its_result(host: Host, code: int) -> None:
    host.write_tape([b"one", None, b"two"])
    host.space(0, 1)
    host.drive.lifetime.seconds_on = 7300.0
    assert send(host, self_test_code=code) is None
    assert diagnostics.self_tests(host.drive) == [SelfTest(code, 0, 2)]
    assert host.position() == 1
    assert host.send(bytes((0x0A, 0, 0, 0, 1, 0)), out=b"x").status == GOOD


@pytest.mark.req("SSC-DIAG-04")
def test_an_empty_drive_can_be_tested() -> None:
    host = empty()
    assert [send(host, self_test_code=code) for code in (1, 2, 5, 6)] == [None] * 4
    assert [test.code for test in diagnostics.self_tests(host.drive)] == [6, 5, 2, 1]


@pytest.mark.req("SSC-DIAG-04")
def test_results_of_twenty_tests_are_kept_without_power(tmp_path: Path) -> None:
    host = empty(state=tmp_path / "drive.json")
    for number in range(25):
        assert send(host, self_test_code=(1, 2, 5, 6)[number % 4]) is None
    kept = diagnostics.self_tests(host.drive)
    assert [test.code for test in kept] == [(1, 2, 5, 6)[n % 4] for n in range(24, 4, -1)]
    host.drive.reset()
    assert diagnostics.self_tests(host.drive) == kept
    assert diagnostics.self_tests(empty(state=tmp_path / "drive.json").drive) == kept


@pytest.mark.parametrize("code", BACKGROUND + FOREGROUND)
def test_a_self_test_that_fails(code: int) -> None:
    host = empty(Broken)
    refused = send(host, self_test_code=code)
    assert refused == (Sense(s.SELF_TEST_FAILED) if code in FOREGROUND else None)
    found = s.INTERNAL_FAILURE if code in (2, 6) else s.WRITE_ERROR
    assert diagnostics.self_tests(host.drive) == [SelfTest(code, 4, 0, *found[:3])]
    assert send(host, selftest=1) == Sense(s.SELF_TEST_FAILED)


def test_an_extended_test_finds_a_damaged_tape(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write_tape([b"one", b"two", b"three"])

    def damaged(index: Index, number: int) -> None:
        raise BlockDamaged(f"no entry {number}")

    with monkeypatch.context() as patch:
        patch.setattr(Index, "__getitem__", damaged)
        assert send(host, self_test_code=5) is None, "the short test does not look"
        assert send(host, self_test_code=6) == Sense(s.SELF_TEST_FAILED)
    assert diagnostics.self_tests(host.drive)[0] == SelfTest(6, 4, 0, *s.FORMAT_CORRUPTED[:3])


# --- fields that exclude each other ------------------------------------------------------------


@pytest.mark.req("SSC-CMD-1D")
@pytest.mark.parametrize("code", [3, 7])
def test_reserved_codes(host: Host, code: int) -> None:
    assert send(host, self_test_code=code) == in_cdb(1, 7)


def test_there_is_never_a_background_test_to_abort(host: Host) -> None:
    assert send(host, self_test_code=1) is None
    assert send(host, self_test_code=4) == in_cdb(1, 7)
    assert diagnostics.self_tests(host.drive)[0].result == 0


@pytest.mark.parametrize("code", BACKGROUND + FOREGROUND)
def test_a_code_stands_alone(host: Host, code: int) -> None:
    assert send(host, self_test_code=code, selftest=1) == in_cdb(1, 7)
    assert send(host, self_test_code=code, pf=1) == in_cdb(1, 4)
    assert send(host, bytes(4), self_test_code=code) == in_cdb(3, 7)
    assert diagnostics.self_tests(host.drive) == []


def test_a_self_test_has_no_list(host: Host) -> None:
    assert send(host, bytes(4), selftest=1, pf=1) == in_cdb(3, 7)


def test_a_list_needs_the_page_format(host: Host) -> None:
    assert send(host, bytes(4)) == in_cdb(1, 4)
    assert send(host) is None, "nothing asked for is nothing done"
    assert send(host, pf=1) is None


# --- pages -------------------------------------------------------------------------------------


@pytest.mark.req("SSC-CMD-1C", "SSC-DIAG-02", "SSC-DIAG-03")
def test_page_00_lists_the_pages(host: Host) -> None:
    listed = bytes.fromhex("00 00 0002 00 80")
    assert receive(host) == listed
    assert receive(host, pcv=1) == listed
    assert send(host, bytes(4), pf=1) is None
    assert receive(host) == listed
    assert receive(host, size=3) == listed[:3]
    assert receive(host, pcv=1, page_code=0x80) == bytes.fromhex("80 00 0000")


@pytest.mark.req("SSC-DIAG-02")
def test_a_model_without_the_dump_page() -> None:
    with tape(replace(personality.load(TD9), diagnostics={})) as host:
        assert receive(host) == bytes.fromhex("00 00 0001 00")
        assert send(host, FORCE_DUMP, pf=1) == in_list(0)


@pytest.mark.req("SSC-DIAG-02")
def test_the_last_page_of_this_nexus_is_received(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    assert send(host, FORCE_DUMP, pf=1) is None
    assert receive(host) == bytes.fromhex("80 00 0000")
    assert receive(other)[0] == 0x00
    host.drive.reset()
    host.hear()
    assert receive(host)[0] == 0x00


@pytest.mark.req("SSC-DIAG-02")
def test_pages_that_are_not_there(host: Host) -> None:
    for code in set(range(256)) - {0x00, 0x80}:
        assert send(host, bytes((code, 0, 0, 0)), pf=1) == in_list(0)
        cdb = plain(RECEIVE, pcv=1, page_code=code, allocation_length=64)
        assert sense_of(host.send(cdb, size=64)) == in_cdb(2, 7)
    cdb = plain(RECEIVE, page_code=0x80, allocation_length=64)
    assert sense_of(host.send(cdb, size=64)) == in_cdb(2, 7), "a page code without PCV"


@pytest.mark.req("SSC-SENSE-5-1A-00")
@pytest.mark.parametrize("page", [bytes(4), FORCE_DUMP], ids=["supported", "dump"])
def test_lists_of_the_wrong_length(host: Host, page: bytes) -> None:
    for length in {1, 2, 3, len(page) - 1} - {len(page)}:
        assert send(host, page[:length], pf=1) == Sense(s.PARAMETER_LIST_LENGTH)
    assert send(host, page + b"\0", pf=1) == Sense(s.PARAMETER_LIST_LENGTH)
    assert send(host, page[:2] + b"\0\1" + page[4:], pf=1) == in_list(2)


@pytest.mark.parametrize(
    ("page", "wrong"),
    [
        ("00 01 0000", in_list(1)),
        ("80 01 0004 0160 0000", in_list(1)),
        ("80 00 0004 0161 0000", in_list(4)),
        ("80 00 0004 0160 0100", in_list(6, 0)),
        ("80 00 0004 0160 0080", in_list(7, 7)),
    ],
)
def test_fields_of_pages(host: Host, page: str, wrong: Sense) -> None:
    assert send(host, bytes.fromhex(page), pf=1) == wrong


@given(st.binary(max_size=12))
def test_any_list(data: bytes) -> None:
    sense = send(empty(), data, pf=1)
    assert (sense is None) == (data in (b"", bytes(4), FORCE_DUMP))


# --- the dump ----------------------------------------------------------------------------------


@pytest.mark.req("SSC-DIAG-02", "SSC-BUFFER-07")
def test_a_forced_dump_replaces_the_one_before() -> None:
    host = empty()
    clock = host.drive.clock
    assert isinstance(clock, ManualClock)
    first = diagnostics.dump(host.drive)
    clock.sleep(12.5)
    assert diagnostics.dump(host.drive) == first
    send(host, self_test_code=6)
    assert send(host, FORCE_DUMP, pf=1) is None
    lines = diagnostics.dump(host.drive).decode("ascii").splitlines()
    assert lines[:7] == [
        "dump: forced by the host",
        "vendor: IBM",
        "product: ULT3580-TD9",
        "revision: N9P1",
        "serial: KRL1",
        "seconds since reset: 12.500",
        "power-on hours: 0",
    ]
    assert "A3-0C" in lines[7].split()
    assert lines[8:] == ["self-test 6 at 0 h: result 0, 0/00/00"]
