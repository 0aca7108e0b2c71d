"""WRITE, WRITE FILEMARKS, ERASE: what is cut off, early warning, the end of the medium."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from target.scsi import sense as s
from target.scsi.sense import Sense
from target.transports.inprocess import Reply
from tests.tape.host import CHECK, END_OF_DATA, GOOD, MIB, MODELS, TD9, Host, sense_of, tape

EARLY = Sense(s.EARLY_WARNING, information=0, eom=True)
BLOCK = bytes(range(256)) * 256  # 64 KiB


@pytest.mark.req("SSC-WRITE-01", "SSC-WRITE-13", "SSC-CMD-0A")
def test_writing_in_the_middle_cuts_off_what_follows(host: Host) -> None:
    host.write_tape([b"one", None, b"two", b"three", None])
    host.locate(2)
    assert host.write(b"new").status == GOOD
    assert host.position() == 3
    assert sense_of(host.read(3)) == Sense(s.END_OF_DATA, information=3)
    host.rewind()
    assert host.read(3).data == b"one"


@pytest.mark.req("SSC-WRITE-02", "SSC-WFM-03")
def test_writing_nothing_cuts_nothing(host: Host) -> None:
    host.write_tape([b"one", b"two"])
    host.set_block_length(3)
    for reply in (host.write(b""), host.write(b"", blocks=0), host.filemarks(0)):
        assert reply.status == GOOD
    assert host.position() == 0
    assert host.read(3).data == b"one"
    assert host.read(3).data == b"two"


@pytest.mark.req("SSC-SENSE-B-4B-00")
def test_refused_writes_cut_nothing(host: Host) -> None:
    host.write_tape([b"one", b"two"])
    too_little = host.send(bytes((0x0A, 0, 0, 0, 8, 0)), out=b"1234567")
    assert sense_of(too_little) == Sense(s.DATA_PHASE_ERROR)
    host.set_block_length(4)
    too_little = host.send(bytes((0x0A, 1, 0, 0, 2, 0)), out=b"1234567")
    assert sense_of(too_little) == Sense(s.DATA_PHASE_ERROR)
    assert host.position() == 0
    host.space(END_OF_DATA)
    assert host.position() == 2


@pytest.mark.req("SSC-ERASE-01", "SSC-ERASE-02", "SSC-ERASE-03", "SSC-CMD-19")
@pytest.mark.parametrize("long", [False, True])
def test_erase_ends_the_tape_at_the_position(host: Host, long: bool) -> None:
    host.write_tape([b"one", b"two", b"three"])
    host.locate(1)
    assert host.erase(long=long).status == GOOD
    assert host.position() == 1
    assert sense_of(host.read(3)) == Sense(s.END_OF_DATA, information=3)


@pytest.mark.req("SSC-WFM-02")
def test_wsmk_is_reserved(host: Host) -> None:
    refused = host.send(bytes((0x10, 2, 0, 0, 1, 0)))
    assert sense_of(refused) == Sense(s.INVALID_FIELD_IN_CDB, pointer=(1, 1))


# --- the end of the medium ---------------------------------------------------------------------


@pytest.mark.req(
    "SSC-WRITE-05", "SSC-WRITE-07", "SSC-RPOS-06", "SSC-SENSE-0-00-02", "SSC-SENSE-D-00-02"
)
@pytest.mark.parametrize("fixed", [False, True])
def test_until_the_tape_is_full(fixed: bool) -> None:
    with tape(capacity=4 * MIB) as host:
        host.set_block_length(len(BLOCK))
        count = 1 if fixed else None
        written = warned = 0
        while True:
            reply = host.write(BLOCK, blocks=count)
            if reply.status == CHECK and sense_of(reply) != EARLY:
                break
            assert reply.status == CHECK or not warned
            warned += reply.status == CHECK
            written += 1
        left = 1 if fixed else len(BLOCK)
        assert sense_of(reply) == Sense(s.END_OF_MEDIUM, information=left, eom=True)
        assert warned > 1, "the warning comes while there is room left, and comes again"
        assert host.position() == written, "what was written with early warning counts"
        assert short_position(host)[0] & 0x40, "EOP"
        host.rewind()
        assert not short_position(host)[0] & 0x40
        for _ in range(written):
            assert host.read(len(BLOCK)).data == BLOCK
        assert sense_of(host.read(1)).code is s.END_OF_DATA


@pytest.mark.req("SSC-WRITE-05", "SSC-WRITE-07", "SSC-SENSE-0-00-02", "SSC-SENSE-D-00-02")
def test_golden_bytes_of_early_warning_and_of_the_end() -> None:
    with tape(capacity=MIB) as host:
        assert host.write(bytes(MIB - 40960)).status == CHECK
        done, _ = host.pieces(bytes((0x0A, 0, 0, 0, 1, 0)), out=(b"x",))
        assert done.sense[:14] == bytes.fromhex("f0 00 40 00 00 00 00 58 00 00 00 00 00 02")
        done, _ = host.pieces(bytes((0x0A, 0, 1, 0, 0, 0)), out=(BLOCK,))
        assert done.sense[:14] == bytes.fromhex("f0 00 4d 00 01 00 00 58 00 00 00 00 00 02")


@pytest.mark.req("SSC-WRITE-07")
def test_part_of_a_fixed_write_fits() -> None:
    with tape(capacity=MIB) as host:
        host.set_block_length(1 << 16)
        reply = host.write(BLOCK * 20, blocks=20)
        sense = sense_of(reply)
        assert (sense.code, sense.eom) == (s.END_OF_MEDIUM, True)
        assert sense.information is not None and 0 < sense.information < 20
        assert host.position() == 20 - sense.information


@pytest.mark.req("SSC-WFM-01", "SSC-CMD-10")
def test_filemarks_fill_a_tape() -> None:
    with tape(capacity=MIB) as host:
        reply = host.filemarks(300)
        sense = sense_of(reply)
        assert sense.code is s.END_OF_MEDIUM
        assert sense.information == 300 - host.position()
        host.rewind()
        assert host.filemarks(1).status == GOOD


@pytest.mark.req("SSC-WFM-03", "SSC-WFM-06")
def test_filemark_after_early_warning_is_written() -> None:
    with tape(capacity=MIB) as host:
        assert sense_of(host.write(bytes(MIB - 40960))) == EARLY
        assert sense_of(host.filemarks(1)) == EARLY
        assert host.filemarks(0).status == GOOD, "a flush writes nothing"
        assert host.position() == 2


@pytest.mark.req("SSC-RPOS-06")
def test_room_again_after_going_back() -> None:
    with tape(capacity=MIB) as host:
        host.write(bytes(MIB - 40960))
        host.rewind()
        assert host.write(b"short").status == GOOD
        assert not short_position(host)[0] & 0x40


def short_position(host: Host) -> bytes:
    return host.send(bytes((0x34,)) + bytes(9), size=20).data


# --- what may not be written -------------------------------------------------------------------


@pytest.mark.req("SSC-WRITE-08", "SSC-SENSE-7-27-00", "SSC-MODE-R1")
def test_write_protect() -> None:
    with tape(protect=True) as host:
        refused = Sense(s.WRITE_PROTECTED)
        for reply in (host.write(b"x"), host.filemarks(1), host.erase(), host.erase(long=True)):
            assert sense_of(reply) == refused
        assert host.filemarks(0).status == GOOD
        assert host.write(b"").status == GOOD
        header = host.send(bytes((0x1A, 0, 0, 0, 12, 0)), size=12).data
        assert header[2] & 0x80


READ_ONLY = [("ibm/ult3580-td5", "KRL001L3"), ("ibm/ult3580-td6", "KRL001L4"),
             ("ibm/ult3580-td7", "KRL001L5")]  # fmt: skip


@pytest.mark.req("SSC-WRITE-09", "SSC-SENSE-7-30-05")
@pytest.mark.parametrize(("model", "barcode"), READ_ONLY)
def test_generation_that_is_only_read(model: str, barcode: str) -> None:
    with tape(model, barcode=barcode) as host:
        assert host.ready().status == GOOD
        for reply in (host.write(b"x"), host.filemarks(1), host.erase()):
            assert sense_of(reply) == Sense(s.CANNOT_WRITE_MEDIUM)
        assert sense_of(host.read(1)).code is s.END_OF_DATA


INCOMPATIBLE = [("ibm/ult3580-td5", "KRL001L6"), ("ibm/ult3580-td8", "KRL001L6"),
                ("ibm/ult3580-td8", "KRL001L9"), (TD9, "KRL001L7")]  # fmt: skip


@pytest.mark.req("SSC-SENSE-3-30-00")
@pytest.mark.parametrize(("model", "barcode"), INCOMPATIBLE)
def test_generation_that_cannot_be_used(model: str, barcode: str) -> None:
    with tape(model, barcode=barcode) as host:
        for reply in (host.ready(), host.read(1), host.write(b"x"), host.rewind()):
            assert sense_of(reply) == Sense(s.INCOMPATIBLE_MEDIUM)
        assert host.load(load=False).status == GOOD
        assert sense_of(host.ready()) == Sense(s.NO_MEDIUM)


@pytest.mark.parametrize("model", MODELS)
def test_previous_generation_is_written(model: str) -> None:
    generation = int(model[-1]) - 1
    with tape(model, barcode=f"KRL001L{generation}") as host:
        host.write_tape([b"data"])
        assert host.read(4).data == b"data"


# --- durability --------------------------------------------------------------------------------


@pytest.mark.req("SSC-MODE-R8")
def test_unbuffered_mode_makes_each_write_durable(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    monkeypatch.setattr(host.drive, "sync", lambda: synced.append(host.drive.position))
    host.write(b"one")
    assert synced == []
    data = bytes((0, 0, 0x00, 0))
    assert host.send(bytes((0x15, 0x10, 0, 0, 4, 0)), out=data).status == GOOD
    host.write(b"two")
    assert synced == [2]
    assert not host.send(bytes((0x1A, 0, 0, 0, 4, 0)), size=4).data[2] & 0x70


@pytest.mark.req("SSC-WFM-03", "SSC-WFM-04")
@pytest.mark.parametrize(
    ("act", "syncs"),
    [
        (lambda host: host.filemarks(1), 1),
        (lambda host: host.filemarks(0), 1),
        (lambda host: host.filemarks(1, immed=True), 0),
        (lambda host: host.rewind(), 1),
        (lambda host: host.load(), 1),
        (lambda host: host.erase(), 1),
        (lambda host: host.space(END_OF_DATA), 0),
    ],
    ids=["filemark", "flush", "immediate filemark", "rewind", "load", "erase", "space"],
)
def test_what_makes_data_durable(
    host: Host, monkeypatch: pytest.MonkeyPatch, act: Callable[[Host], Reply], syncs: int
) -> None:
    host.write(b"data")
    done: list[None] = []
    monkeypatch.setattr(host.drive, "sync", lambda: done.append(None))
    assert act(host).status == GOOD
    assert len(done) == syncs
