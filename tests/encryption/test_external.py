"""Encryption that the hosts do not control: what they are told, and when a key is asked for."""

from __future__ import annotations

import pytest

from keymgr.api import Grant, KeyData, Reason, Refused, Request
from keymgr.secret import Secret
from target import personality
from target.scsi import sense as s
from target.scsi.sense import Sense
from target.tape.drive import Drive
from tests.encryption.keys import KEY_A, said, set_page, spin, spout
from tests.encryption.outside import HP6, T10000, TD4, TD9, TS1140, TS1160, Source, under
from tests.tape.host import BLOCKS, END_OF_DATA, FILEMARKS, GOOD, Host, new_drive, sense_of
from tests.tape.volumes import REST, go, partition

KEY_REQUIRED, KEY_GENERATION = (0x7, 0xEF, 0x10), (0x7, 0xEF, 0x11)


# --- what the pages say ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "control", "told"),
    [
        (TD9, "application", 1),
        (TD9, "library", 3),
        (HP6, "library", 3),
        (TS1160, "system", 4),
        (TS1160, "library", 3),
        (TD4, "library", 0),
        (T10000, "application", 1),
    ],
)
def test_pages(model: str, control: str, told: int) -> None:
    with under(control, model) as host:
        assert spin(host, 0x0020)[12] >> 4 & 7 == told, "PARAMETERS CONTROL"
        page = spin(host, 0x0010)
        outside = control != "application"
        assert page[4] & 3 == (2 if outside else 1), "CFG_P"
        assert page[24] & 0x0F == (0x0F if outside else 0x0A), "DECRYPT_C, ENCRYPT_C"


@pytest.mark.parametrize("data", [set_page(key=KEY_A, encryption=2, decryption=2), set_page()])
@pytest.mark.parametrize("control", ["library", "system"])
def test_the_hosts_cannot_set_anything(control: str, data: bytes) -> None:
    with under(control, TS1160) as host:
        assert sense_of(spout(host, data)) == Sense(s.CONFIGURATION_PREVENTED)
        assert spin(host, 0x0020)[4:12] == bytes(8)


def test_a_t10000_whose_agent_has_the_keys_does_not_know_the_protocol() -> None:
    with under("agent", T10000) as host:
        refused = Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, None))
        for cdb in ("a2 00 0000 0000 000000ff 00 00", "a2 20 0010 0000 000000ff 00 00"):
            assert sense_of(host.send(bytes.fromhex(cdb), size=255)) == refused
        assert sense_of(spout(host, set_page())) == refused


@pytest.mark.parametrize(
    ("model", "control"), [(TD9, "agent"), (T10000, "library"), ("ibm/ult3580-td3", "application")]
)
def test_a_control_that_the_model_does_not_know(model: str, control: str) -> None:
    known = personality.load(model)
    with pytest.raises(ValueError, match=f"{model} does not know encryption control '{control}'"):
        Drive(known, "KRL0000001", (), control=control)


def test_the_models_own_control() -> None:
    assert new_drive(TD9).control == "application"
    assert new_drive("ibm/ult3580-td2").control == "application"


# --- nobody answers ----------------------------------------------------------------------------


@pytest.mark.parametrize("model", [TD9, TS1160])
def test_writing_from_the_beginning_wants_a_new_key(model: str) -> None:
    for objects in ("", "c", "cA", "A"):
        with under("library", model, objects) as host:
            assert said(host.write(b"new")) == KEY_GENERATION
            assert host.position() == 0
            assert said(host.filemarks()) == KEY_GENERATION
            count = host.drive.partition.count
            assert count == len(objects), "nothing was cut"


@pytest.mark.parametrize(
    ("objects", "status"), [("c", GOOD), ("cc ", GOOD), ("A", None), ("cA", None), ("A  ", None)]
)
def test_appending_wants_the_key_of_an_encrypted_volume(objects: str, status: int | None) -> None:
    with under("library", TD9, objects) as host:
        host.space(END_OF_DATA)
        reply = host.write(b"more")
        if status is None:
            assert said(reply) == KEY_REQUIRED
            assert host.filemarks().status == GOOD, "a filemark has no key"
        else:
            assert reply.status == GOOD
            host.locate(len(objects))
            assert host.read(4).data == b"more"
            assert host.drive.first_encrypted() is None


def test_writing_before_the_encrypted_blocks_needs_no_key() -> None:
    """The encrypted ones go."""
    with under("library", TD9, "ccA") as host:
        host.locate(1)
        assert host.write(b"clear").status == GOOD
        assert host.drive.partition.count == 2


def test_reading_wants_the_key() -> None:
    with under("library", TD9, "cA ") as host:
        assert host.read(7).data == b"block 0"
        sense = sense_of(host.read(7))
        assert (sense.code[:3], sense.information, host.position()) == (KEY_REQUIRED, 7, 1)
        assert spin(host, 0x0021)[12] == 6
        assert said(host.verify(7)) == KEY_REQUIRED
        assert host.locate(2).status == GOOD, "finding needs none"
        assert sense_of(host.read(7)).code is s.FILEMARK_DETECTED


@pytest.mark.parametrize(
    ("model", "write", "read"),
    [
        (TD9, KEY_GENERATION, KEY_REQUIRED),
        (TD4, KEY_GENERATION, KEY_REQUIRED),
        (TS1140, KEY_GENERATION, KEY_REQUIRED),
        (HP6, (0x7, 0x74, 0x07), (0x7, 0x74, 0x01)),
        ("quantum/ultrium-6", (0x7, 0x74, 0x07), (0x7, 0x74, 0x01)),
    ],
)
def test_makers_have_their_own_codes(
    model: str, write: tuple[int, int, int], read: tuple[int, int, int]
) -> None:
    with under("library", model, "A") as host:
        assert said(host.write(b"new")) == write
        assert said(host.read(7)) == read


# --- somebody answers --------------------------------------------------------------------------


def test_a_source_gives_keys_to_write_and_to_read() -> None:
    source = Source()
    with under("library", source=source) as host:
        host.write_tape([b"one", None, b"two"])
        assert source.asked == ["write 0"], "once, at the beginning"
        assert spin(host, 0x0020)[4:8] == bytes((0x02, 2, 3, 3))
        assert host.read(3).data == b"one"
        host.load(load=False)
        assert host.hear() == [s.ENCRYPTION_CHANGED_BY_EVENT]
        host.load()
        host.hear()
        assert spin(host, 0x0020)[4:8] == bytes(4), "the key went with the volume"
        host.locate(2)
        assert host.read(3).data == b"two"
        assert host.hear() == [s.ENCRYPTION_CHANGED_BY_EVENT], "it has asked for pages before"
        assert host.write(b"three").status == GOOD
        assert source.asked == ["write 0", "read A"]
        assert host.drive.partition.index[3].run


def test_a_source_is_asked_for_each_key() -> None:
    source = Source()
    with under("library", TD9, "AcBBA", source=source) as host:
        for number in range(5):
            assert host.read(7).data == f"block {number}".encode()
        assert source.asked == ["read A", "read B", "read A"]


def test_appending_asks_when_nothing_was_read() -> None:
    source = Source()
    with under("library", TD9, "A", source=source) as host:
        host.space(END_OF_DATA)
        assert host.write(b"more").status == GOOD
        assert source.asked == ["write 1"]


def test_a_source_may_want_no_encryption() -> None:
    with under("library", TD9, "A", source=Source(write=None)) as host:
        assert host.write(b"clear").status == GOOD
        assert host.write(b"more").status == GOOD
        host.rewind()
        assert host.read(5).data == b"clear"
        assert host.drive.first_encrypted() is None


def test_a_source_that_has_another_key() -> None:
    with under("library", TD9, "B", source=Source()) as host:
        host.drive.put_under("library", Liar())
        assert said(host.read(7)) == (0x7, 0xEF, 0x31)
        assert host.position() == 0
        assert not host.drive.parameters.of(host.nexus).active, "nothing is written with it"


class Liar(Source):
    def key_for_read(self, request: Request) -> Grant:
        return Grant(Secret(KEY_A), KeyData(b"B"))


CODES = {
    # reason: HP LTO-6, IBM LTO-9, IBM LTO-4, TS1140, T10000D
    Reason.NOT_FOUND: ("7/74/63", "7/EF/31", "7/EF/31", "7/EF/31", "3/26/05"),
    Reason.NOT_AUTHORIZED: ("7/74/64", "7/EF/10", "7/EF/10", "7/EF/10", "4/26/81"),
    Reason.NOT_CONFIGURED: ("7/74/6F", "5/EF/01", "5/EF/01", "5/EF/01", "4/26/81"),
    Reason.LOCKED: ("7/74/61", "5/EE/02", "5/EE/02", "5/EE/02", "4/26/81"),
    Reason.PROHIBITED: ("7/74/64", "5/EE/30", "5/EE/30", "5/EE/30", "4/26/81"),
    Reason.UNAVAILABLE: ("7/74/61", "7/EE/0F", "4/EE/0F", "4/EE/0F", "4/26/81"),
    Reason.TIMEOUT: ("7/74/6E", "7/EE/0E", "4/EE/0E", "4/EE/0E", "4/26/81"),
    Reason.FAILED: ("7/74/62", "7/EE/0F", "4/EE/0F", "4/EE/0F", "4/26/81"),
}


@pytest.mark.parametrize("which", range(5))
def test_a_refusal_is_told_in_the_makers_words(which: int) -> None:
    assert set(CODES) == set(Reason)
    model = (HP6, TD9, TD4, TS1140, T10000)[which]
    source = Source()
    with under("agent" if model is T10000 else "library", model, "A", source=source) as host:
        for reason, codes in CODES.items():
            key, asc, ascq = (int(part, 16) for part in codes[which].split("/"))
            source.refusal = Refused(reason)
            assert said(host.read(7)) == (key, asc, ascq), reason
            assert host.position() == 0
            assert said(host.write(b"new")) == (key, asc, ascq), reason
            assert host.drive.partition.count == 1, "nothing was cut"


@pytest.mark.parametrize(
    ("model", "number", "code"),
    [
        (TD9, 0xEE29, (0x5, 0xEE, 0x29)),
        (TS1140, 0xEEE1, (0x3, 0xEE, 0xE1)),
        (TD9, 0xEE0F, (0x7, 0xEE, 0x0F)),
        (TD4, 0xEE0F, (0x4, 0xEE, 0x0F)),
        (TD9, 0xEF01, (0x5, 0xEF, 0x01)),
        (TD9, 0x1234, (0x7, 0xEF, 0x31)),
        (HP6, 0xEE29, (0x7, 0x74, 0x63)),
    ],
)
def test_numbers_of_the_service_are_passed_on(
    model: str, number: int, code: tuple[int, int, int]
) -> None:
    """By drives that know them; else the reason counts."""
    refused = Refused(Reason.NOT_FOUND, number=number)
    with under("library", model, "A", source=Source(refused)) as host:
        assert said(host.read(7)) == code


def test_nexuses_that_use_the_protocol_hear_of_keys_from_outside() -> None:
    with under("library", source=Source()) as host:
        other, stranger = Host(host.drive, "other"), Host(host.drive, "stranger")
        other.hear()
        stranger.hear()
        spin(other, 0x0020)
        assert host.write(b"one").status == GOOD
        assert other.hear() == [s.ENCRYPTION_CHANGED_BY_EVENT]
        assert stranger.hear() == []
        assert spin(other, 0x0020)[8:12] == bytes((0, 0, 0, 1)), "KEY INSTANCE COUNTER"


def test_a_key_from_outside_is_wiped_when_it_goes() -> None:
    with under("library", source=Source()) as host:
        host.write(b"one")
        key = host.drive.parameters.of(host.nexus).key
        assert bytes(key.reveal()) == KEY_A
        host.load(load=False)
        assert not any(key.reveal())


def test_another_partition_has_its_own_key() -> None:
    source = Source()
    with under("library", source=source, capacity=None) as host:
        partition(host, REST, 1)
        assert host.write(b"one").status == GOOD
        assert go(host, 1).status == GOOD
        assert host.write(b"two").status == GOOD
        assert source.asked == ["write 0", "write 0"]


# --- an agent in the drive ---------------------------------------------------------------------


MISSING = (0x4, 0x26, 0x81)


@pytest.mark.parametrize("objects", ["", "cc ", "AA "])
def test_an_agent_without_device_keys_does_nothing(objects: str) -> None:
    """The first part of the table in Sun's white paper: 4/2681/343c everywhere."""
    with under("agent", T10000, objects) as host:
        replies = [
            host.write(b"data"),
            host.filemarks(),
            host.space(BLOCKS, 1),
            host.space(FILEMARKS, 1),
            host.locate(0),
            host.read(7),
            host.verify(7),
        ]
        for reply in replies:
            assert said(reply) == MISSING
        assert host.rewind().status == GOOD
        assert host.load(load=False).status == GOOD


def test_an_agent_that_holds_keys() -> None:
    with under("agent", T10000, source=Source()) as host:
        host.write_tape([b"one", None])
        assert host.read(3).data == b"one"
