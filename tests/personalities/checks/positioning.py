"""SPACE, LOCATE, READ POSITION."""

from __future__ import annotations

from target.scsi import sense as s
from tests.personalities.bench import Bench, good, refused
from tests.personalities.registry import check, has
from tests.tape.host import BLOCKS, END_OF_DATA, EOD, FILE, FILEMARKS, GOOD, MIB, OBJECT, Host

OBJECTS: list[bytes | None] = [b"a", b"b", None, b"c", None, None, b"d"]


def place(host: Host) -> int:
    """The object number in the short form of READ POSITION, which all drives have."""
    data = good(host.send(bytes((0x34, 0)) + bytes(8), size=20))
    assert len(data) == 20
    assert data[4:8] == data[8:12]
    return int.from_bytes(data[4:8])


def filled(bench: Bench) -> Host:
    host = bench.tape()
    host.write_tape(OBJECTS)
    return host


def locate_10(host: Host, number: int, *, partition: int | None = None) -> int:
    change = partition is not None
    cdb = bytes((0x2B, change << 1, 0)) + number.to_bytes(4) + bytes((0, partition or 0, 0))
    return host.send(cdb).status


@check()
def space_over_blocks(bench: Bench) -> None:
    host = filled(bench)
    for count, end in ((2, 2), (-1, 1), (0, 1)):
        assert host.space(BLOCKS, count).status == GOOD
        assert place(host) == end


@check()
def blocks_end_at_a_filemark(bench: Bench) -> None:
    host = filled(bench)
    for start, count, left, end in ((0, 5, 3, 3), (4, -3, 2, 2)):
        host.locate(start)
        sense = refused(host.space(BLOCKS, count), s.FILEMARK_DETECTED)
        assert (sense.filemark, sense.information, place(host)) == (True, left, end)


@check()
def space_over_filemarks(bench: Bench) -> None:
    host = filled(bench)
    for count, end in ((1, 3), (2, 6), (-1, 5), (-2, 2), (0, 2)):
        assert host.space(FILEMARKS, count).status == GOOD
        assert place(host) == end


@check()
def space_to_the_end(bench: Bench) -> None:
    host = filled(bench)
    for count in (0, -5):
        assert host.space(END_OF_DATA, count).status == GOOD
        assert place(host) == 7


@check()
def space_beyond_the_end(bench: Bench) -> None:
    host = filled(bench)
    for code, start, count, left in ((BLOCKS, 6, 3, 2), (FILEMARKS, 0, 5, 2)):
        host.locate(start)
        assert refused(host.space(code, count), s.END_OF_DATA).information == left
        assert place(host) == 7


@check()
def space_before_the_beginning(bench: Bench) -> None:
    host = filled(bench)
    for code, start, count, left in ((BLOCKS, 2, -5, 3), (FILEMARKS, 4, -3, 2)):
        host.locate(start)
        sense = refused(host.space(code, count), s.BEGINNING_OF_PARTITION)
        assert (sense.eom, sense.information, place(host)) == (True, left, 0)


@check()
def other_space_codes(bench: Bench) -> None:
    host = filled(bench)
    codes = [4, 5, 6, 7] + [2] * (not bench.model.quirk("sequential_filemarks"))
    for code in codes:
        refused(host.space(code, 1), s.INVALID_FIELD_IN_CDB, (1, 2))
        assert place(host) == 0


@check(has("91"))
def space_16(bench: Bench) -> None:
    host = filled(bench)
    for code, count, end in ((BLOCKS, 2, 2), (FILEMARKS, 3, 6), (FILEMARKS, -3, 2), (3, 0, 7)):
        assert host.space(code, count, long=True).status == GOOD
        assert place(host) == end
    sense = refused(host.space(BLOCKS, 1 << 40, long=True), s.END_OF_DATA)
    assert sense.information is None, "32 bits do not hold it"
    refused(host.space(2, 1, long=True), s.INVALID_FIELD_IN_CDB, (1, 3))


@check()
def locate_an_object(bench: Bench) -> None:
    host = filled(bench)
    for number in (7, 3, 0, 6):
        assert host.locate(number).status == GOOD
        assert place(host) == number
    assert good(host.read(1)) == b"d"


@check()
def locate_at_once(bench: Bench) -> None:
    """IMMED and BT are taken."""
    host = filled(bench)
    assert host.send(bytes((0x2B, 0x05, 0, 0, 0, 0, 3, 0, 0, 0))).status == GOOD
    assert place(host) == 3


@check()
def locate_beyond_the_end(bench: Bench) -> None:
    host = filled(bench)
    for number in (8, 0xFFFFFFFF):
        refused(host.locate(number), s.END_OF_DATA)
        assert place(host) == 7


@check()
def locate_a_partition_that_is_not_there(bench: Bench) -> None:
    host = filled(bench)
    refused(host.send(bytes((0x2B, 2, 0, 0, 0, 0, 0, 0, 1, 0))), s.INVALID_FIELD_IN_CDB, (8, 7))
    assert locate_10(host, 3, partition=0) == GOOD
    # Without CP the field does not count.
    assert host.send(bytes((0x2B, 0, 0, 0, 0, 0, 4, 0, 9, 0))).status == GOOD
    assert place(host) == 4


@check(has("92"))
def locate_16(bench: Bench) -> None:
    """Objects, files and the end of data."""
    host = filled(bench)
    for kind, number, end in (
        (OBJECT, 4, 4), (FILE, 0, 0), (FILE, 1, 3), (FILE, 3, 6), (EOD, 0, 7), (OBJECT, 0, 0),
    ):  # fmt: skip
        assert host.locate(number, kind).status == GOOD
        assert place(host) == end
    for kind, number in ((OBJECT, 1 << 40), (FILE, 4)):
        refused(host.locate(number, kind), s.END_OF_DATA)
        assert place(host) == 7


@check(has("92"))
def locate_16_refuses(bench: Bench) -> None:
    host = filled(bench)
    refused(host.locate(0, 2), s.INVALID_FIELD_IN_CDB, (1, 4))
    refused(host.send(bytes((0x92, 2, 0, 7)) + bytes(12)), s.INVALID_FIELD_IN_CDB, (3, 7))
    # BAM is for explicit address mode.
    refused(host.send(bytes((0x92, 0, 1)) + bytes(13)), s.INVALID_FIELD_IN_CDB, (2, 0))


@check()
def short_position(bench: Bench) -> None:
    """BOP at the beginning only; filemarks are objects."""
    host = filled(bench)
    for form in (0, 1):
        for number in range(8):
            host.locate(number)
            where = number.to_bytes(4)
            golden = bytes((0x80 * (not number), 0, 0, 0)) + where + where + bytes(8)
            assert good(host.send(bytes((0x34, form)) + bytes(8), size=64)) == golden


@check()
def long_position(bench: Bench) -> None:
    host = filled(bench)
    for number, files in enumerate((0, 0, 0, 1, 1, 2, 3, 3)):
        host.locate(number)
        golden = bytes((0x80 * (not number),)) + bytes(7) + number.to_bytes(8) + files.to_bytes(8)
        assert good(host.send(bytes((0x34, 6)) + bytes(8), size=64)) == golden + bytes(8)


@check()
def extended_position(bench: Bench) -> None:
    host = filled(bench)
    host.locate(3)
    cdb = bytes((0x34, 8)) + bytes(5) + (32).to_bytes(2) + bytes(1)
    where = (3).to_bytes(8)
    assert good(host.send(cdb, size=64)) == bytes.fromhex("0000001c00000000") + where * 2 + bytes(8)


@check()
def other_forms_of_position(bench: Bench) -> None:
    host = filled(bench)
    for form in (2, 3, 4, 5, 7, 9, 31):
        reply = host.send(bytes((0x34, form)) + bytes(8), size=32)
        refused(reply, s.INVALID_FIELD_IN_CDB, (1, 4))
    reply = host.send(bytes((0x34, 0)) + bytes(5) + (20).to_bytes(2) + bytes(1), size=20)
    refused(reply, s.INVALID_FIELD_IN_CDB, (7, 7))


@check()
def position_at_the_end_of_the_tape(bench: Bench) -> None:
    """EOP from early warning on, and BPEW where the model has the programmable zone."""
    host = bench.tape(capacity=MIB)
    host.write(bytes(MIB - 40960))
    flags = 0x40 | bench.model.mode("10-01")
    for form, size in ((0, 20), (6, 32)):
        assert good(host.send(bytes((0x34, form)) + bytes(8), size=size))[0] == flags


@check()
def asking_moves_nothing(bench: Bench) -> None:
    host = filled(bench)
    host.locate(3)
    place(host)
    assert good(host.read(1)) == b"c"
