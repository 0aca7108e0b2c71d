"""The pages of one model of each family, byte by byte, and what sets the families apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from target import personality
from target.encryption import abilities
from target.scsi import sense as s
from target.scsi.sense import Code, Sense
from tests.encryption.keys import (
    DECRYPT,
    DISABLE,
    ENCRYPT,
    EXTERNAL,
    KEY_A,
    MIXED,
    RAW,
    kad,
    keys_off,
    set_keys,
    set_page,
    spin,
    spout,
)
from tests.tape.host import GOOD, Host, new_drive, sense_of, tape

TD4, TD5, TD6, TD7 = (f"ibm/ult3580-td{n}" for n in (4, 5, 6, 7))
TD8, TD9 = "ibm/ult3580-td8", "ibm/ult3580-td9"
HP6, QUANTUM4 = "hp/ultrium-6", "quantum/ultrium-4"
T10000, TS1160 = "stk/t10000d", "ibm/ts1160"

PLAIN_PAGES = "0000 0001 0010 0011 0012 0020 0021"
FAMILIES = {
    TD9: {
        0x0000: "0012" + PLAIN_PAGES + "0030 0031",
        0x0010: "0028 09" + "00" * 15 + "03 00 0014 ba bc 0020 003c 0020 eb 00" + "00" * 6
        + "00010014",
        0x0011: "0002 00 02",
        0x0020: "0014 00 00 00 00 00000000 10 00 0000" + "00" * 8,
        0x0021: "000c 0000000000000000 01 00 00 00",
    },
    HP6: {
        0x0000: "000e" + PLAIN_PAGES,
        0x0010: "0028 09" + "00" * 15 + "01 00 0014 ba 9c 0020 003c 0020 e9 00" + "00" * 6
        + "00010014",
        0x0011: "0001 00",
        0x0020: "0014 00 00 00 00 00000000 10 00 0000" + "00" * 8,
        0x0021: "000c 0000000000000000 01 00 00 00",
    },
    QUANTUM4: {
        0x0000: "0012" + PLAIN_PAGES + "0030 0031",
        0x0010: "0028 09" + "00" * 15 + "01 00 0014 ba 9c 0020 000c 0020 e9 00" + "00" * 6
        + "00010014",
        0x0011: "0002 00 02",
        0x0020: "0014 00 00 00 00 00000000 10 00 0000" + "00" * 8,
        0x0021: "000c 0000000000000000 01 00 00 00",
    },
    T10000: {
        0x0000: "000e" + PLAIN_PAGES,
        0x0010: "0028 01" + "00" * 15 + "01 00 0014 ba 90 001e 0000 0020 43 00" + "00" * 6
        + "80010010",
        0x0011: "0001 00",
        0x0020: "0014 00 00 00 00 00000000 10 00 0000" + "00" * 8,
        0x0021: "000c 0000000000000000 02 00 00 00",
    },
    TS1160: {
        0x0000: "0010" + PLAIN_PAGES + "0030",
        0x0010: "0028 09" + "00" * 15 + "01 00 0014 ba 9c 0000 000c 0020 df 00" + "00" * 6
        + "00010014",
        0x0011: "0001 00",
        0x0020: "0014 00 00 00 00 00000000 10 00 0000" + "00" * 8,
        0x0021: "000c 0000000000000000 01 00 00 00",
    },
}  # fmt: skip
SHARED = {0x0001: "0002 0010", 0x0012: "000c 01 07 00 07" + "00" * 8}
"""Pages 0001h and 0012h are the same everywhere."""


@pytest.mark.req("SSC-CMD-A2")
@pytest.mark.parametrize("model", FAMILIES)
def test_golden_pages(model: str) -> None:
    with tape(model) as host:
        for code, golden in {**FAMILIES[model], **SHARED}.items():
            assert spin(host, code) == bytes.fromhex(f"{code:04x}" + golden), f"{code:04X}"
        assert spin(host, 0x0000, protocol=0) == bytes.fromhex("000000000000 0002 00 20")
        assert spin(host, 0x0001, protocol=0) == bytes(4)


# --- algorithms --------------------------------------------------------------------------------


def descriptors(host: Host) -> dict[int, bytes]:
    """The algorithm descriptors of the capabilities page by index."""
    page = spin(host, 0x0010)
    assert int.from_bytes(page[2:4]) == len(page) - 4
    return {page[at]: page[at : at + 24] for at in range(20, len(page), 24)}


@pytest.mark.parametrize(
    ("model", "a_kads"),
    [
        (TD4, {1: 12}),
        (TD5, {1: 12, 2: 60}),
        (TD6, {1: 12, 2: 60, 3: 60}),
        (TD7, {2: 60, 3: 60}),
        (TD8, {3: 60}),
        (TD9, {3: 60}),
        ("ibm/ult3580-tda", {3: 60}),
        ("quantum/ultrium-hh7", {2: 60, 3: 60}),
    ],
)
def test_ibm_drives_have_an_algorithm_for_each_way_of_recording(
    model: str, a_kads: dict[int, int]
) -> None:
    """IBM LTO SCSI Reference GA32-0928, table 393."""
    with tape(model) as host:
        found = descriptors(host)
        assert {index: int.from_bytes(one[8:10]) for index, one in found.items()} == a_kads
        assert all(one[20:] == bytes.fromhex("00010014") for one in found.values())


@pytest.mark.parametrize(
    ("media", "valid", "here"),
    [("L6", {3}, {3}), ("L5", {2}, {2}), ("L4", {1}, set()), ("LW", {3}, {3})],
)
def test_which_algorithm_is_valid_depends_on_the_volume(
    media: str, valid: set[int], here: set[int]
) -> None:
    """AVFMV and AVFCLP; an LTO-4 volume is only read."""
    with tape(TD6, barcode=f"KRL001{media}") as host:
        found = descriptors(host)
        assert {index for index, one in found.items() if one[4] & 0x80} == valid
        assert {index for index, one in found.items() if one[5] >> 6 == 2} == here
        assert {one[5] >> 6 for index, one in found.items() if index not in here} <= {1}


@pytest.mark.parametrize(("media", "index"), [("L6", 3), ("L5", 2)])
@pytest.mark.parametrize("named", [1, 2, 3])
def test_ibm_drives_take_any_index(media: str, index: int, named: int) -> None:
    with tape(TD6, barcode=f"KRL001{media}") as host:
        set_keys(host, KEY_A, algorithm=named)
        host.write_tape([b"secret"])
        assert spin(host, 0x0020)[7] == named, "as the page said"
        assert spin(host, 0x0021)[13] == index, "as it was recorded"
        assert host.read(6).data == b"secret"


def test_what_does_not_fit_the_format_is_found_when_it_is_written() -> None:
    with tape(TD5, barcode="KRL001L4") as host:
        set_keys(host, KEY_A, a_kad=bytes(13))
        assert sense_of(host.write(b"secret")) == Sense(s.ENCRYPTION_NOT_USEABLE)
        set_keys(host, KEY_A, a_kad=bytes(12))
        assert host.write(b"secret").status == GOOD


def test_an_hp_drive_of_lto5_has_less_room_on_lto4_as_well() -> None:
    with tape("hp/ultrium-5", barcode="KRL001L4") as host:
        set_keys(host, KEY_A, a_kad=bytes(60))
        assert sense_of(host.write(b"secret")) == Sense(s.ENCRYPTION_NOT_USEABLE)


@pytest.mark.parametrize("model", [HP6, QUANTUM4, T10000, TS1160])
def test_others_have_one_index(model: str) -> None:
    with tape(model) as host:
        assert set(descriptors(host)) == {1}
        for index in (0, 2, 3):
            data = set_page(key=KEY_A, encryption=ENCRYPT, algorithm=index)
            assert sense_of(spout(host, data)).pointer == (8, None)


def test_parameters_control_is_not_told_by_lto4() -> None:
    with tape(TD4) as host:
        assert spin(host, 0x0020)[12] == 0


def test_security_compliance_information() -> None:
    with tape(TD8) as host:
        page = spin(host, 0x0002, protocol=0)
    assert len(page) == 532
    assert page[:20] == bytes.fromhex("00000210 0001 0000 00000208 32 31") + bytes(6)
    assert page[20:276] == bytes(256), "versions"
    module = b"IBM LTO Generation 7 and Generation 8 Encrypting Tape Drive"
    assert page[276:] == module.ljust(256, b"\0")


@pytest.mark.parametrize("model", [TD6, HP6, QUANTUM4, T10000, TS1160])
def test_no_security_compliance_information(model: str) -> None:
    with tape(model) as host:
        sense = sense_of(host.send(bytes.fromhex("a2 00 0002 0000 000000ff 00 00"), size=255))
        assert sense.code is s.INVALID_FIELD_IN_CDB
        assert sense.pointer is not None
        assert sense.pointer[0] == 2


# --- models without encryption -----------------------------------------------------------------


NONE = [name for name in personality.models() if not personality.load(name).encryption]


@pytest.mark.parametrize("model", NONE)
def test_no_encryption_no_security_protocol(model: str) -> None:
    assert abilities.of(personality.load(model)) is None
    with tape(model) as host:
        for cdb in ("a2 20 0020 0000 000000ff 00 00", "b5 20 0010 0000 00000000 00 00"):
            sense = sense_of(host.send(bytes.fromhex(cdb), size=255))
            assert sense == Sense(s.INVALID_OPCODE, pointer=(0, None))
        host.write_tape([b"clear", None])
        assert host.read(5).data == b"clear"
        assert host.load(load=False).status == GOOD


def test_an_encrypted_volume_in_a_drive_that_cannot_decrypt() -> None:
    """As LTO-4 drives that are not licensed for encryption do it."""
    aware = replace(personality.load(TD4), encryption={})
    with tape(TD4) as host:
        set_keys(host, KEY_A)
        host.write_tape([b"secret"])
        cartridge = host.drive.eject()
        assert cartridge is not None
        other = Host(new_drive(aware))
        other.drive.insert(cartridge)
        other.hear()
        assert sense_of(other.read(6)).code is s.UNABLE_TO_DECRYPT
        other.drive.eject()
        host.drive.insert(cartridge)


# --- Quantum -----------------------------------------------------------------------------------


def test_next_block_page_of_zeros_without_a_volume() -> None:
    """Quantum LTO-3/LTO-4 SCSI reference 3.31.10."""
    zeros = bytes.fromhex("0021 000c") + bytes(12)
    host = Host(new_drive(QUANTUM4))
    host.hear()
    assert spin(host, 0x0021) == zeros
    with tape(QUANTUM4, barcode="KRL001L3") as older:
        older.write(b"clear")
        assert spin(older, 0x0021) == zeros, "a volume that cannot be encrypted"
    other = Host(new_drive(HP6))
    other.hear()
    cdb = bytes.fromhex("a2 20 0021 0000 000000ff 00 00")
    assert sense_of(other.send(cdb, size=255)) == Sense(s.NO_MEDIUM)


@pytest.mark.parametrize(
    ("model", "given", "recorded"),
    [
        (QUANTUM4, b"", kad(0, bytes(32), 2) + kad(1, bytes(12), 3)),
        (QUANTUM4, kad(0, b"label"), kad(0, b"label", 2) + kad(1, bytes(12), 3)),
        (QUANTUM4, kad(1, b"alias"), kad(0, bytes(32), 2) + kad(1, b"alias", 3)),
        ("quantum/ultrium-5", b"", kad(0, bytes(32), 2) + kad(1, bytes(60), 3)),
        (HP6, b"", b""),
        (TD9, b"", b""),
        ("quantum/ultrium-hh7", b"", b""),
    ],
)
def test_missing_key_associated_data_are_recorded_as_zeros(
    model: str, given: bytes, recorded: bytes
) -> None:
    with tape(model) as host:
        set_keys(host, KEY_A, tail=given)
        host.write_tape([b"secret"])
        told = given.replace(kad(0, b"label"), kad(0, b"label", 2))
        told = told.replace(kad(1, b"alias"), kad(1, b"alias", 2))
        assert spin(host, 0x0020)[24:] == told, "the status page has what was sent"
        assert spin(host, 0x0021)[16:] == recorded
        assert host.read(6).data == b"secret"


def test_zeros_have_the_room_of_the_format() -> None:
    with tape("quantum/ultrium-5", barcode="KRL001L4") as host:
        set_keys(host, KEY_A)
        host.write_tape([b"secret"])
        assert spin(host, 0x0021)[16:] == kad(0, bytes(32), 2) + kad(1, bytes(12), 3)


# --- T10000 ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"encryption": EXTERNAL, "decryption": DISABLE}, s.INVALID_PARAMETER, (6, None)),
        ({"decryption": RAW}, s.INVALID_PARAMETER, (7, None)),
        ({"rdmc": 2, "decryption": DISABLE}, s.INVALID_PARAMETER, (5, None)),
        ({"a_kad": b"a", "u_kad": b"u"}, s.INVALID_PARAMETER, (57, None)),
        ({"u_kad": bytes(31)}, s.INVALID_PARAMETER, (54, None)),
        ({"u_kad": b"u", "kad_format": 1}, s.INVALID_PARAMETER, (10, None)),
        ({"key_format": 2}, s.INVALID_PARAMETER, (9, None)),
        ({"decryption": DECRYPT}, s.INCOMPLETE_KAD_SET, None),
        ({"decryption": MIXED, "encryption": DISABLE}, s.INCOMPLETE_KAD_SET, None),
    ],
)
def test_what_a_t10000_refuses(
    fields: dict[str, int | bytes], code: Code, pointer: tuple[int, int | None] | None
) -> None:
    with tape(T10000) as host:
        usual = {"key": KEY_A, "encryption": ENCRYPT, "decryption": DECRYPT}
        reply = spout(host, set_page(**{**usual, **fields}))  # type: ignore[arg-type]
        assert sense_of(reply) == Sense(code, pointer=pointer, in_cdb=pointer is None)


def test_a_t10000_pads_when_it_only_writes() -> None:
    """T10000 Interface Reference Manual, key-associated data descriptors list."""
    with tape(T10000) as host:
        set_keys(host, KEY_A, decryption=DISABLE)
        host.write_tape([b"secret"])
        page = spin(host, 0x0021)
        assert page[12:14] == bytes((6, 1)), "encryption is on"
        assert page[16:] == kad(0, bytes(30), 1)
        keys_off(host)
        assert spin(host, 0x0021)[12:14] == bytes((6, 0)), "no index with both modes off"


def test_a_t10000_at_a_filemark_and_at_the_end() -> None:
    with tape(T10000) as host:
        host.write_tape([b"clear", None])
        for position, status in enumerate((3, 2, 2)):
            host.locate(position)
            assert spin(host, 0x0021)[12] == status


# --- a nonce -----------------------------------------------------------------------------------


def test_a_nonce_is_told_and_used_by_nobody_else() -> None:
    """NONCE_C 3; only the status page tells it (GA32-0928, note 73)."""
    with tape(TD9) as host:
        nonce = bytes(range(12))
        set_keys(host, KEY_A, u_kad=b"label", tail=kad(2, nonce))
        assert spin(host, 0x0020)[24:] == kad(0, b"label", 1) + kad(2, nonce, 1)
        host.write_tape([b"secret"])
        assert spin(host, 0x0021)[16:] == kad(0, b"label", 1)
        assert host.read(6).data == b"secret"


# --- firmware ----------------------------------------------------------------------------------


STRICT = "ibm/ult3580-td8-n4q0"


@pytest.mark.parametrize("page", [0x0000, 0x0010, 0x0020, 0x0021])
def test_one_firmware_answers_what_another_refuses(page: int) -> None:
    """stenc 1.1 asks with an allocation length of 8196, Proxmox with 8192 (stenc, issue 55)."""
    for model, longest in ((TD8, 0xFFFFFFFF), (STRICT, 8192)):
        with tape(model) as host:
            for length in (4, 8192, 8193, 8196, 0xFFFFFFFF):
                cdb = bytes((0xA2, 0x20)) + page.to_bytes(2) + bytes(2) + length.to_bytes(4)
                reply = host.send(cdb + bytes(2), size=min(length, 8192))
                if length <= longest:
                    assert reply.status == GOOD
                else:
                    refused = Sense(s.INVALID_FIELD_IN_CDB, pointer=(6, 7))
                    assert sense_of(reply) == refused


# --- all of them -------------------------------------------------------------------------------


ENCRYPTING = [name for name in personality.models() if personality.load(name).encryption]


@pytest.mark.parametrize("model", ENCRYPTING)
def test_every_model_writes_and_reads(model: str) -> None:
    """With the index and the key-associated data that its own pages tell of."""
    with tape(model) as host:
        (one,) = (one for one in descriptors(host).values() if one[4] & 0x80)
        u_kad, a_kad = (bytes(int.from_bytes(one[at : at + 2])) for at in (6, 8))
        set_keys(host, KEY_A, algorithm=one[0], u_kad=u_kad, a_kad=a_kad)
        host.write_tape([b"secret", None, b"more"])
        assert spin(host, 0x0021)[12:14] == bytes((5, one[0]))
        assert host.read(6).data == b"secret"
        assert spin(host, 0x0020)[12] & 8 == (8 if one[5] & 4 else 0), "VCELB"
        listed = spin(host, 0x0000)[4:]
        for at in range(0, len(listed), 2):
            spin(host, int.from_bytes(listed[at : at + 2]))
