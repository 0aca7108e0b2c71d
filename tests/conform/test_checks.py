"""The checks as a whole: what each has to say of itself, and that what they send is the command of
that name, with what was asked for where it belongs.
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.conform import asking, keys, patience
from harness.conform import commands as c
from harness.conform.check import Check, Outcome
from harness.conform.checks import all_checks
from harness.conform.command_table import LAYOUTS
from harness.conform.crc import crc32c, reed_solomon
from harness.conform.identity import NotADevice
from harness.conform.results import counted
from harness.conform.runner import Runner
from harness.conform.subject import Subject
from harness.initiators.api import Reply
from harness.initiators.inprocess import InProcess
from harness.initiators.opening import open_initiator
from harness.layers.cdb import UnknownCdb, dissect_cdb
from target.tape.protection import METHODS
from tests.runs import Say

ID = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)*")
CLAUSE = re.compile(
    r"(SPC|SSC|SMC|ADC|SAM)-[2-6] [0-9A-Z][0-9A-Z.]*|(SPC|SSC|SMC|SAM)-\d chapter \d+"
)
DETAIL = 120
"""Characters of a title at most."""
LIBRARY = "fixtures/rigs/library.toml:finance"

SENT: list[tuple[bytes, str, dict[str, int]]] = [
    (c.TEST_UNIT_READY, "TestUnitReady", {}),
    (c.REWIND, "Rewind", {"immed": 0}),
    (c.READ_BLOCK_LIMITS, "ReadBlockLimits", {}),
    (c.read(200, sili=True), "Read6", {"transfer_length": 200, "sili": 1, "fixed": 0}),
    (c.read(3, fixed=True), "Read6", {"transfer_length": 3, "sili": 0, "fixed": 1}),
    (c.write(0x10203), "Write6", {"transfer_length": 0x10203, "fixed": 0}),
    (c.verify(7, 0x29), "Verify6", {"vte": 1, "vbf": 1, "fixed": 1, "bytcmp": 0}),
    (c.write_filemarks(2, immed=True), "WriteFilemarks6", {"immed": 1}),
    (c.space(c.FILEMARKS, 5), "Space6", {"code": 1, "count": 5}),
    (c.space_16(c.END_OF_DATA, 6), "Space16", {"code": 3, "count": 6}),
    (c.locate(9, partition=2), "Locate10", {"cp": 1, "bt": 0, "partition": 2}),
    (c.locate_16(9, c.FILE, partition=1), "Locate16", {"dest_type": 1, "cp": 1, "partition": 1}),
    (c.read_position(c.EXTENDED, 32), "ReadPosition", {"service_action": 8}),
    (c.erase(long=True), "Erase6", {"long": 1, "immed": 0}),
    (c.load_unload(0x09), "LoadUnload", {"hold": 1, "load": 1, "eot": 0, "reten": 0}),
    (c.prevent(1), "PreventAllowMediumRemoval", {"prevent": 1}),
    (c.format_medium(2), "FormatMedium", {"format": 2, "transfer_length": 0}),
    (c.inquiry(36, 0x83), "Inquiry", {"evpd": 1, "page_code": 0x83, "allocation_length": 36}),
    (c.request_sense(18, desc=True), "RequestSense", {"desc": 1, "allocation_length": 18}),
    (c.mode_sense_6(0x10, 1, control=2, dbd=True), "ModeSense6",
     {"page_code": 0x10, "subpage_code": 1, "pc": 2, "dbd": 1, "allocation_length": 255}),
    (c.mode_sense(0x3F, allocation=9), "ModeSense10", {"page_code": 0x3F, "allocation_length": 9}),
    (c.mode_select_6(12), "ModeSelect6", {"pf": 1, "sp": 0, "parameter_list_length": 12}),
    (c.mode_select(20, sp=True), "ModeSelect10", {"sp": 1, "parameter_list_length": 20}),
    (c.log_sense(0x2E, 1, pointer=7), "LogSense",
     {"page_code": 0x2E, "subpage_code": 1, "pc": 1, "parameter_pointer": 7}),
    (c.log_select(), "LogSelect", {"pcr": 1, "sp": 0, "pc": 1, "parameter_list_length": 0}),
    (c.report_luns(16, 2), "ReportLuns", {"select_report": 2, "allocation_length": 16}),
    (c.operation_codes(2, 0xA3, 0x0F, times=True), "ReportSupportedOperationCodes",
     {"reporting_options": 2, "rctd": 1, "requested_operation_code": 0xA3,
      "requested_service_action": 0x0F}),
    (c.maintenance_in(0x0F, 12), "ReportTimestamp", {"allocation_length": 12}),
    (c.maintenance_out(0x0F, 12), "SetTimestamp", {"parameter_list_length": 12}),
    (c.read_attribute(1, 0x800, partition=1), "ReadAttribute",
     {"service_action": 1, "first_attribute_identifier": 0x800}),
    (c.write_attribute(30, through=True), "WriteAttribute", {"wtc": 1}),
    (c.reserve_in(2, 8), "PersistentReserveIn", {"service_action": 2, "allocation_length": 8}),
    (c.reserve_out(4, 3), "PersistentReserveOut", {"service_action": 4, "type": 3, "scope": 0}),
    (c.send_diagnostic(0x24), "SendDiagnostic", {"self_test_code": 1, "selftest": 1, "pf": 0}),
    (c.read_buffer(3, 4), "ReadBuffer", {"mode": 3, "allocation_length": 4, "buffer_id": 0}),
    (c.write_buffer(10, 64), "WriteBuffer", {"mode": 10, "parameter_list_length": 64}),
]  # fmt: skip
"""CDBs as checks make them, the layer that they have to be, and some of its fields."""

CHANGER: list[tuple[bytes, str, dict[str, int]]] = [
    (c.move_medium(16, 17, transport=1), "MoveMedium",
     {"source_element_address": 16, "destination_element_address": 17}),
    (c.exchange_medium(1, 2, 3), "ExchangeMedium", {}),
    (c.position_to_element(7), "PositionToElement", {"destination_element_address": 7}),
    (c.initialize_range(5, 2), "InitializeElementStatusWithRange", {}),
    (c.read_element_status(2, 5, 3, devices=True), "ReadElementStatus",
     {"voltag": 1, "dvcid": 1, "element_type_code": 2, "starting_element_address": 5,
      "number_of_elements": 3}),
    (c.send_volume_tag(0, 0, 5), "SendVolumeTag", {}),
    (c.request_volume_element_address(2), "RequestVolumeElementAddress", {}),
]  # fmt: skip


@pytest.fixture(scope="module")
def checks() -> dict[str, Check]:
    return all_checks()


def test_there_are_enough(checks: dict[str, Check], say: Say) -> None:
    kinds = Counter(
        "encryption" if check.topic.startswith("encryption") else check.kind
        for check in checks.values()
    )
    say(f"{len(checks)} checks: {dict(kinds)}")
    assert len(checks) >= 400
    assert kinds["encryption"] >= 150
    assert kinds["tape"] >= 280
    assert kinds["changer"] >= 40


def test_each_says_what_it_is(checks: dict[str, Check]) -> None:
    for key, check in checks.items():
        assert key == check.id and ID.fullmatch(key), key
        # What tools of the field want is said of encryption alone, by their names.
        of_standards = CLAUSE.fullmatch(check.clause)
        assert of_standards or key.startswith("ENC-"), f"{key}: {check.clause}"
        assert check.topic and check.title and check.expected, key
        assert check.kind in ("tape", "changer"), key
        assert len(check.title) <= DETAIL, f"{key}: {check.title}"
        assert len(inspect.signature(check.body).parameters) == 1, key


def test_titles_tell_checks_apart(checks: dict[str, Check]) -> None:
    seen = Counter((check.topic, check.title) for check in checks.values())
    twice = [title for title, count in seen.items() if count > 1]
    assert not twice, twice


@pytest.mark.parametrize(("device", "rows"), [("tape", SENT), ("changer", CHANGER)])
def test_commands_are_what_the_layers_say(
    device: str, rows: list[tuple[bytes, str, dict[str, int]]]
) -> None:
    for cdb, name, fields in rows:
        layer: Any = dissect_cdb(cdb, device)
        assert type(layer).__name__ == name
        assert bytes(layer) == cdb, name
        for field, value in fields.items():
            assert getattr(layer, field) == value, f"{name}.{field}"


def test_the_table_of_commands_is_of_known_ones() -> None:
    for layout in LAYOUTS:
        for kind in layout.kinds:
            assert not isinstance(dissect_cdb(layout.base, kind), UnknownCdb), layout.name
        assert len(layout.base) == len(layout.must) == len(layout.may)
        assert all(not must & ~may for must, may in zip(layout.must, layout.may, strict=True))


def test_codes_of_block_protection() -> None:
    assert crc32c(b"123456789") == bytes.fromhex("839206e3")
    for data in (b"", b"a", bytes(300), bytes(range(256)) * 3):
        assert crc32c(data) == METHODS[2].compute((data,))
        assert reed_solomon(data) == METHODS[1].compute((data,))


def test_a_changer_passes(say: Say) -> None:
    with open_initiator(LIBRARY) as initiator:
        run = Runner(initiator, scratch=True).run(all_checks().values())
    say(f"conform {LIBRARY}: {counted(run.counts)}, {run.seconds:.1f} s")
    failed = [f"{one.check.id}: {one.summary}" for one in run.having(Outcome.FAIL)]
    assert not failed, failed
    assert len(run.results) > 200


# --- what is sent without --scratch --------------------------------------------------------------

FOLDER = Path(__file__).parents[2]


class Spy(InProcess):
    """Keeps what is sent, with its data."""

    def send(self, cdb: bytes, **more: Any) -> Reply:
        sent.append((bytes(cdb), bytes(more.get("out", b""))))
        return super().send(cdb, **more)


sent: list[tuple[bytes, bytes]] = []


def lasting(cdb: bytes, out: bytes) -> bool:
    """Whether a command would leave something behind in a device that takes all that it is sent:
    on the volume, in its memory, in what the drive keeps, or in a robot's hand."""
    opcode, action = cdb[0], cdb[1] & 0x1F
    if opcode in (0x0A, 0x10, 0x8D):
        return any(cdb[2:5] if opcode != 0x8D else cdb[10:14])
    if opcode in (0x04, 0x07, 0x0B, 0x19, 0x37, 0x82, 0xA5, 0xA6):
        return True
    if opcode == 0x1B:
        return not cdb[4] & 1
    if opcode == 0x1D:
        return bool(cdb[1] & 0x04) or cdb[1] >> 5 not in (0, 3, 7)
    if opcode == 0x3B:
        return action != 0x0A and any(cdb[6:9])
    if opcode == 0x4C:
        return bool(cdb[1] & 3)
    if opcode in (0x15, 0x55):
        return select_lasts(cdb, out)
    if opcode == 0xA4:
        return action in (0x06, 0x0F) and any(cdb[6:10])
    return opcode == 0x5F and len(out) > 20 and bool(out[20] & 1)


def select_lasts(cdb: bytes, out: bytes) -> bool:
    """Whether MODE SELECT saves pages, or has page 11h, by which some drives divide the volume."""
    head, at = (4, 3) if cdb[0] == 0x15 else (8, 7)
    pages = out[head + out[at] :] if len(out) > at else b""
    return bool(pages) and (bool(cdb[1] & 1) or pages[0] & 0x3F == 0x11)


@pytest.mark.parametrize("target", ["one-lto9.toml:drive0", "library.toml:finance"])
def test_without_scratch_nothing_is_sent_that_would_last(target: str) -> None:
    sent.clear()
    with open_initiator(f"{FOLDER / 'fixtures/rigs' / target}") as made:
        assert isinstance(made, InProcess)
        run = Runner(Spy(made.unit, "host1")).run(all_checks().values())
    assert not run.having(Outcome.FAIL)
    assert len(sent) > 1000
    # A changer's move to where the volume is: who shuts others out is asked so.
    bad = {cdb.hex(" ") for cdb, out in sent if lasting(cdb, out) and cdb[4:6] != cdb[6:8]}
    assert not bad


def test_an_interrupted_run_puts_everything_back() -> None:
    """Ctrl-C in checks that have prevented removal, reserved, registered, changed a mode page."""

    def disturbs(unit: Subject) -> None:
        unit.good(c.prevent(1))
        unit.good(c.plain(0x16))
        page = bytearray(asking.mode_page(unit, 0x10))
        page[7] ^= 1  # write delay time
        unit.expect("status", 0, asking.select(unit, bytes(page)).status)
        raise KeyboardInterrupt

    def registers(unit: Subject) -> None:
        keys.register(unit.second, keys.KEY_A)
        keys.reserve(unit.second, keys.KEY_A, 3)
        raise KeyboardInterrupt

    with open_initiator(f"{FOLDER / 'fixtures/rigs/one-lto9.toml:drive0'}") as made:
        assert isinstance(made, InProcess)
        stranger = Subject(made.another())
        stranger.settle()
        before = asking.mode_page(stranger, 0x10)
        for body in (disturbs, registers):
            check = Check("ONE", "SPC-4 6.1", "a topic", "A title", "A rule.", body, False, "tape")
            with pytest.raises(KeyboardInterrupt):
                Runner(made).run([check])
            stranger.settle()
            assert asking.mode_page(stranger, 0x10) == before
            assert keys.keys(stranger) == [] and keys.held(stranger) is None
        stranger.good(c.load_unload(0))


def test_a_drive_that_another_host_has_is_left_alone() -> None:
    with open_initiator(f"{FOLDER / 'fixtures/rigs/one-lto9.toml:drive0'}") as made:
        other = Subject(made.another())
        other.settle()
        for old in (True, False):
            if old:
                other.good(c.plain(0x16))
            else:
                keys.register(other, keys.KEY_A)
                keys.reserve(other, keys.KEY_A, 5)
            with pytest.raises(NotADevice, match="reserved by another host"):
                Runner(made).run(all_checks().values())
            other.good(c.plain(0x17))


def test_keys_of_another_host_stay() -> None:
    chosen = [check for key, check in all_checks().items() if key.startswith(("PR-", "RES"))]
    with open_initiator(f"{FOLDER / 'fixtures/rigs/one-lto9.toml:drive0'}") as made:
        assert isinstance(made, InProcess)
        other = Subject(InProcess(made.unit, "another"))
        other.settle()
        assert keys.out(other, keys.REGISTER, new=0x1234).status == 0
        run = Runner(made, scratch=True).run(chosen)
        other.settle()
        assert keys.keys(other) == [0x1234]
    assert not run.having(Outcome.FAIL), [result.summary for result in run.having(Outcome.FAIL)]
    assert run.counts[Outcome.NOT_APPLICABLE] > 50


class OnADesk(InProcess):
    """A drive that puts the cartridge out with UNLOAD, where LOAD does not reach it."""

    gone = False

    def send(self, cdb: bytes, **more: Any) -> Reply:
        if self.gone and cdb[0] in (0x00, 0x01, 0x1B):
            return Reply(2, bytes.fromhex("70000200000000 0a 00000000 3a00 00000000"), b"")
        self.gone = self.gone or (cdb[0] == 0x1B and not cdb[4] & 1)
        return super().send(cdb, **more)


def test_a_cartridge_that_does_not_come_back_ends_what_needs_one() -> None:
    wanted = ("LOAD-CYCLE", "LOAD-UNLOAD-SAVES", "LOG-17-MOUNTS", "READ-EOD", "WRITE-VARIABLE")
    chosen = [check for key, check in all_checks().items() if key in wanted]
    with open_initiator(f"{FOLDER / 'fixtures/rigs/one-lto9.toml:drive0'}") as made:
        assert isinstance(made, InProcess)
        run = Runner(OnADesk(made.unit, "host1"), scratch=True).run(chosen)
    assert {result.outcome for result in run.results} == {Outcome.NOT_APPLICABLE}
    assert "LOAD cannot take it in" in run.results[0].reason
    assert run.results[-1].reason == "LOAD-CYCLE has left the drive without a volume"


def test_time_outs_are_those_of_tape() -> None:
    assert patience.seconds(c.REWIND) >= 600
    assert patience.seconds(c.locate(1)) >= 2000
    assert patience.seconds(c.erase(long=True)) > patience.seconds(c.erase()) > 1000
    assert patience.seconds(c.TEST_UNIT_READY) == 60
    with open_initiator(f"{FOLDER / 'fixtures/rigs/one-lto9.toml:drive0'}") as made:
        assert Subject(made).patience(600.0) == 600.0
        assert Subject(made, timeout=20.0).patience(600.0) == 20.0
