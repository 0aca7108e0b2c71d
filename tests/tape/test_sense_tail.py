"""What makers put behind the standard's bytes of fixed sense data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from target import personality
from target.scsi import sense as s
from target.scsi.sense import Sense
from target.tape.tape_alert import Flag
from tests.tape.host import CHECK, GOOD, Host, tape

LTO_5, LTO_9, T10000 = "ibm/ult3580-td5", "ibm/ult3580-td9", "stk/t10000c"


def fails(host: Host) -> bytes:
    """Sense data of a READ of nine bytes at the end of data."""
    done, _ = host.pieces(bytes((0x08, 0, 0, 0, 9, 0)), sizes=(9,))
    assert done.status == CHECK
    return done.sense


def rest(host: Host) -> str:
    """Bytes 18 on."""
    return fails(host)[18:].hex()


STANDARD = bytes.fromhex("f0 00 08 00000009") + bytes(1) + bytes.fromhex("00000000 0005 00 000000")
BLANK = (
    "0000 00 01"  # VOLVALID
    + b"KRL001L".hex()
    + "00 00000000 00 00 00 000011 81"  # wrap, LPOS, ..., directory valid, port 1
)


@pytest.mark.req("SSC-SENSE-IBM", "SSC-SENSE-LENGTH")
@pytest.mark.parametrize(
    ("model", "generation", "suffix"), [(LTO_5, "40", b"L5"), (LTO_9, "80", b"L9")]
)
def test_golden_ibm_tail(model: str, generation: str, suffix: bytes) -> None:
    with tape(model) as host:
        data = fails(host)
        assert data[:7] + data[8:18] == STANDARD[:7] + STANDARD[8:]
        assert (len(data), data[7]) == (96, 88)
        cartridge = host.drive.cartridge
        assert cartridge is not None
        serial = cartridge.info["identity"][:10].upper().encode()
        revision = host.drive.inquiry_data[32:36]
        identity = serial if model == LTO_9 else revision.ljust(10, b"\0")
        golden = BLANK + "08" + generation + suffix.hex() + "00000000" + "00" * 37
        assert rest(host) == golden.replace(" ", "") + identity.hex()


@pytest.mark.req("SSC-SENSE-IBM")
def test_an_empty_ibm_drive() -> None:
    with tape(LTO_9) as host:
        cartridge = host.drive.eject()
        try:
            golden = "000000 00" + "00" * 7 + "00 00000000 00 00 00 000011 01 08" + "00" * 44
            assert rest(host) == golden.replace(" ", "") + b" ".hex() * 10
        finally:
            assert cartridge is not None
            host.drive.insert(cartridge)


@pytest.mark.req("SSC-SENSE-IBM")
def test_wrap_and_place() -> None:
    """Half way along the second wrap, which comes back, of a small tape that has as many."""
    capacity = 280 << 16
    with tape(LTO_9, capacity=capacity) as host:
        host.write(bytes((3 << 15) - 4096 - 4))
        data = fails(host)
        assert data[29] == 1
        length = 1035 / 0.0072
        assert abs(int.from_bytes(data[30:34]) - length / 2) < length / 100
        assert int.from_bytes(data[45:49]) == 1


@pytest.mark.req("SSC-SENSE-IBM")
def test_flags_and_symptom_code() -> None:
    model = personality.load(LTO_9)
    own = {**model.sense, "END_OF_DATA": {"fsc": 0x2F01}}
    with tape(replace(model, sense=own)) as host:
        host.drive.alert(Flag.CLEAN_NOW)
        assert host.send(bytes((0x3C, 2, 1, 0, 0, 0, 0, 1, 0, 0)), size=256).status == GOOD
        data = fails(host)
        assert data[16:18] == data[53:55] == bytes.fromhex("2f01")
        assert data[21] == 0x0B, "CLN, DUMP, VOLVALID"


def test_descriptor_format_has_no_tail() -> None:
    with tape(LTO_9) as host:
        sense = Sense(s.END_OF_DATA, information=9)
        assert host.drive.encode_sense(sense, True) == sense.descriptor()


def test_a_model_without_a_tail() -> None:
    with tape("quantum/ultrium-5") as host:
        assert fails(host) == Sense(s.END_OF_DATA, information=9).fixed(36)


@pytest.mark.req("SSC-SENSE-LENGTH")
def test_hp_tells_of_cleaning() -> None:
    with tape("hp/ultrium-5") as host:
        assert fails(host) == Sense(s.END_OF_DATA, information=9).fixed(22)
        host.drive.alert(Flag.CLEAN_PERIODIC)
        assert fails(host)[18:].hex() == "00000008"


@pytest.mark.req("SSC-SENSE-LENGTH")
def test_storagetek_tells_the_type_of_tape() -> None:
    with tape(T10000) as host:
        assert fails(host) == Sense(s.END_OF_DATA, information=9).fixed(26)[:24] + b"\x10\0"
        host.drive.volatile["dump"] = b"x"
        assert fails(host)[24] == 0x18
        assert host.drive.encode_sense(Sense(s.KEY_NOT_FOUND), False)[16:20].hex() == "00006109"
        pointed = Sense(s.INVALID_FIELD_IN_CDB, pointer=(2, 7))
        assert host.drive.encode_sense(pointed, False)[15:18].hex() == "c00002"
