"""What the mode pages of other makers' drives have of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from target import personality
from target.scsi import sense as s
from target.scsi.sense import Code, Sense
from tests.scsi.cdbs import plain
from tests.scsi.modes import CHANGEABLE_VALUES, SAVED, SENSE, mode_select, page
from tests.tape.host import GOOD, TD9, Host, sense_of, tape

HP, QUANTUM, T10000 = "hp/ultrium-4", "quantum/ultrium-4", "stk/t10000d"
BARCODES = {HP: "KRL001L4", QUANTUM: "KRL001L4", T10000: "KRL001T2", TD9: "KRL001L9"}

Hosts = Callable[[str], Host]


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Hosts at drives that compress, by model, each with a blank tape."""
    with ExitStack() as stack:
        yield lambda model: stack.enter_context(
            tape(personality.load(model), barcode=BARCODES[model], compression="lz4")
        )


def refusal(at: int, bit: int | None = None) -> Sense:
    """5/26/00 at a byte of the first page; sense data of a T10000 have no bit pointer."""
    return Sense(s.INVALID_PARAMETER, pointer=(8 + at, bit), in_cdb=False)


# --- values ------------------------------------------------------------------------------------


@pytest.mark.req("SSC-MODE-01", "SSC-MODE-10", "SSC-MODE-0F")
@pytest.mark.parametrize(
    ("model", "code", "current", "changeable"),
    [
        (HP, 0x01, "01 0a 08 15 00000000 0a 000000", "01 0a 04 ff 00000000 ff 000000"),
        (HP, 0x0F, "0f 0e c0 80 00000001 00000001 00000000", "0f 0e 80" + "00" * 13),
        (HP, 0x10, "10 0e 000000 00 012c 40 00 10 000000 01 00", "10 0e 00000000 ffff" + "00" * 6
         + "ff d8"),
        (QUANTUM, 0x0A, "0a 0a 00 00 00 00 00 00 ffff 0000", "0a 0a 01 00 00 07" + "00" * 6),
        (QUANTUM, 0x1D, "1d 1e 00 00 00 02" + "00" * 26, "1d 1e" + "00" * 30),
        (T10000, 0x01, "01 0a 00 64 00000000 64 000000", "01 0a 00 ff 00000000 ff 000000"),
        (T10000, 0x1C, "1c 0a 08 03" + "00" * 8, "1c 0a" + "00" * 10),
    ],
)  # fmt: skip
def test_pages_of_other_makers(
    hosts: Hosts, model: str, code: int, current: str, changeable: str
) -> None:
    host = hosts(model)
    assert page(host, code) == bytes.fromhex(current)
    assert page(host, code, 0, CHANGEABLE_VALUES) == bytes.fromhex(changeable)
    assert mode_select(host, 10, current) is None


@pytest.mark.req("SSC-MODE-01")
def test_what_ibm_rounds_and_others_do_not(hosts: Hosts) -> None:
    retries = "01 0a {:02x} 10 00000000 10 000000"
    assert mode_select(hosts(TD9), 10, retries.format(0x28)) == Sense(s.ROUNDED_PARAMETER)
    for model, flags in ((HP, 0x08), (T10000, 0x00)):
        host = hosts(model)
        assert mode_select(host, 10, retries.format(flags)) is None
        assert page(host, 0x01) == bytes.fromhex(retries.format(flags))


@pytest.mark.req("SSC-MODE-10")
def test_rewind_on_reset_can_be_set_on_hp_drives(hosts: Hosts) -> None:
    body = "10 0e 000000 00 012c 40 00 10 000000 01 {:02x}"
    host = hosts(HP)
    for value in (1, 2, 0):
        assert mode_select(host, 10, body.format(value << 3)) is None
    assert mode_select(host, 10, body.format(3 << 3)) == refusal(15, 4)
    assert mode_select(host, 10, body.format(2 << 6)) == refusal(15, 7)


@pytest.mark.req("SSC-MODE-0A-F0")
def test_protection_methods_of_a_t10000(hosts: Hosts) -> None:
    host = hosts(T10000)
    body = "4a f0 001c {:02x} 04 c0" + "00" * 25
    for method in (0x01, 0xF1):
        assert mode_select(host, 10, body.format(method)) is None
    for method in (0x02, 0xF0):
        assert mode_select(host, 10, body.format(method)) == refusal(4)


# --- what is there -----------------------------------------------------------------------------


@pytest.mark.req("SSC-MODE-R3", "SSC-MODE-R5", "SSC-SENSE-5-39-00")
@pytest.mark.parametrize("model", [HP, QUANTUM, T10000])
def test_drives_that_save_nothing(hosts: Hosts, model: str) -> None:
    host = hosts(model)
    cdb = plain(SENSE[10], page_control=SAVED, page_code=0x0A, allocation_length=64)
    refused = sense_of(host.send(cdb, size=64))
    assert (refused.code, refused.pointer and refused.pointer[0]) == (s.SAVING_NOT_SUPPORTED, 2)
    wrong = mode_select(host, 10, page(host, 0x0A), save=True)
    assert wrong is not None
    assert (wrong.code, wrong.pointer and wrong.pointer[0]) == (s.INVALID_FIELD_IN_CDB, 1)
    everything = page(host, 0x3F, 0xFF)
    while everything:
        assert not everything[0] & 0x80, "PS"
        head = 4 if everything[0] & 0x40 else 2
        length = int.from_bytes(everything[head // 2 : head], "big")
        everything = everything[head + length :]


def test_pages_that_a_quantum_drive_has_not(hosts: Hosts) -> None:
    host = hosts(QUANTUM)
    for code in (0x01, 0x11):
        cdb = plain(SENSE[10], page_code=code, allocation_length=64)
        assert host.send(cdb, size=64).status != GOOD


# --- the position after a reset ----------------------------------------------------------------


@pytest.mark.req("SSC-MODE-10")
@pytest.mark.parametrize("model", [HP, TD9])
@pytest.mark.parametrize(
    ("reset", "stays"),
    [(s.DEVICE_RESET, True), (s.BUS_RESET, True), (None, True), (s.POWER_ON, False),
     (s.INTERNAL_RESET, False)],
)  # fmt: skip
def test_where_the_tape_is_after_a_reset(
    hosts: Hosts, model: str, reset: Code | None, stays: bool
) -> None:
    """REWIND ON RESET is 00b and 10b: hosts' resets leave the tape where it is."""
    host = hosts(model)
    assert host.write(b"one").status == host.write(b"two").status == GOOD
    host.drive.reset(reset)
    host.hear()
    assert host.position() == (2 if stays else 0)
    if stays:
        assert host.write(b"three").status == GOOD
    host.rewind()
    assert host.read(3).data == b"one"


@pytest.mark.req("SSC-MODE-10")
def test_rewind_on_reset(hosts: Hosts) -> None:
    host = hosts(HP)
    assert mode_select(host, 10, "10 0e 000000 00 012c 40 00 10 000000 01 08") is None
    for position in (0, 1):
        assert host.write(b"one").status == GOOD
        host.drive.reset(s.DEVICE_RESET)
        host.hear()
        assert host.position() == position, "the reset brings the default back"
