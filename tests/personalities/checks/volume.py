"""The volume as a whole: erasing, formatting, partitions, capacity, append-only mode, its end."""

from __future__ import annotations

from target.medium.formats import CartridgeType
from target.scsi import sense as s
from target.transports.inprocess import Reply
from tests.personalities.bench import Bench, Model, good, refused
from tests.personalities.registry import Applies, both, check, has, mode
from tests.scsi.modes import mode_select, page
from tests.tape.host import EOD, GOOD, MIB, Host

FDP, SDP, IDP = 0x80, 0x40, 0x20


def divides(model: Model) -> bool:
    """Whether the model makes partitions by FORMAT MEDIUM."""
    return model.partitions > 1


def way(name: str) -> Applies:
    """The model makes partitions in that way: fdp, sdp or idp."""
    every = ("fdp", "sdp", "idp")
    return lambda model: (
        divides(model) and name in model.personality.quirks.get("partition_methods", every)
    )


def as_selected(bench: Bench, host: Host) -> Reply:
    """FORMAT MEDIUM with mode page 11h; 2 does it too, where the model has no 1."""
    kinds = bench.model.personality.quirks.get("formats", (0, 1, 2))
    return format_medium(host, 1 if 1 in kinds else 2)


def format_medium(host: Host, kind: int = 0, flags: int = 0) -> Reply:
    return host.send(bytes((0x04, flags, kind, 0, 0, 0)))


def partition_page(host: Host, count: int, way: int, sizes: tuple[int, ...] = ()) -> bytes:
    """Mode page 11h that asks for ``count`` partitions; sizes in 10**9 bytes."""
    body = bytearray(page(host, 0x11))
    body[3] = count - 1
    body[4] = body[4] & ~0xE0 | way | 0x18
    body[6] = body[6] & 0xF0 | 9
    body[8:] = bytes(max(len(body) - 8, 2 * count))
    body[1] = len(body) - 2
    for number, size in enumerate(sizes):
        body[8 + 2 * number : 10 + 2 * number] = size.to_bytes(2)
    return bytes(body)


def ask(host: Host, body: bytes) -> None:
    """MODE SELECT that may round."""
    told = mode_select(host, 10, body)
    assert told is None or told.code == s.ROUNDED_PARAMETER, told


def place(host: Host) -> tuple[int, int]:
    """Partition and object."""
    data = good(host.send(bytes((0x34, 0)) + bytes(8), size=20))
    return data[1], int.from_bytes(data[4:8])


def change(host: Host, partition: int, number: int = 0) -> Reply:
    """LOCATE with CP."""
    cdb = bytes((0x2B, 2, 0)) + number.to_bytes(4) + bytes((0, partition, 0))
    return host.send(cdb)


# --- ERASE ---------------------------------------------------------------------------------------


@check()
def short_erase(bench: Bench) -> None:
    host = bench.tape()
    host.write_tape([b"one", b"two", b"three"])
    host.locate(1)
    assert host.erase().status == GOOD
    refused(host.read(3), s.END_OF_DATA)
    host.rewind()
    assert good(host.read(3)) == b"one"


@check()
def long_erase(bench: Bench) -> None:
    for immed in (0, 2):
        host = bench.tape()
        host.write_tape([b"one", b"two"])
        assert host.send(bytes((0x19, 1 | immed, 0, 0, 0, 0))).status == GOOD
        refused(host.read(3), s.END_OF_DATA)


# --- FORMAT MEDIUM and partitions ----------------------------------------------------------------


@check(has("04"))
def format_needs_the_beginning(bench: Bench) -> None:
    host = bench.tape()
    host.write(b"x")
    refused(format_medium(host), s.NOT_AT_BEGINNING)
    assert host.position() == 1


@check(has("04"))
def format_refuses(bench: Bench) -> None:
    host = bench.tape()
    kinds = bench.model.personality.quirks.get("formats", (0, 1, 2))
    for kind in set(range(16)) - set(kinds):
        refused(format_medium(host, kind), s.INVALID_FIELD_IN_CDB, (2, 3))
    refused(host.send(bytes((0x04, 0, 0, 0, 1, 0))), s.INVALID_FIELD_IN_CDB, (3, 7))
    refused(format_medium(bench.empty()), bench.model.code(s.NO_MEDIUM))


@check(divides)
def format_makes_one_partition(bench: Bench) -> None:
    """All data are gone."""
    for flags in (0, 1):
        host = bench.tape(partitions=(1 << 19, 1 << 19))
        host.write_tape([b"data"])
        assert format_medium(host, 0, flags).status == GOOD
        assert page(host, 0x11)[3] == 0
        refused(host.read(4), s.END_OF_DATA)
        refused(change(host, 1), s.INVALID_FIELD_IN_CDB, (8, 7))


@check(divides)
def page_tells_of_the_volume(bench: Bench) -> None:
    """Mode page 11h: how many there may be, and are."""
    assert page(bench.tape(), 0x11)[2:4] == bytes((bench.model.partitions - 1, 0))
    host = bench.tape(partitions=(1 << 19, 1 << 19))
    assert page(host, 0x11)[2:4] == bytes((bench.model.partitions - 1, 1))


@check(way("idp"))
def two_partitions(bench: Bench) -> None:
    """As LTFS makes them: 1 GB, rounded up, and the rest."""
    host = bench.tape(capacity=None)
    ask(host, partition_page(host, 2, IDP, (0xFFFF, 1)))
    other = bench.another(host)
    assert as_selected(bench, host).status == GOOD
    refused(other.ready(), s.MODE_PARAMETERS_CHANGED)
    body = page(host, 0x11)
    assert body[3] == 1
    cartridge = host.drive.cartridge
    assert cartridge is not None
    whole, sizes = cartridge.capacity, [one.capacity for one in cartridge.partitions]
    assert sizes[1] >= 10**9
    assert sizes[0] > sizes[1]
    assert sum(sizes) <= whole
    host.write(b"zero")
    assert change(host, 1).status == GOOD
    assert place(host) == (1, 0)
    host.write(b"one")
    assert change(host, 0).status == GOOD
    assert good(host.read(4)) == b"zero"
    assert change(host, 1).status == GOOD
    assert good(host.read(3)) == b"one"


@check(way("sdp"))
def as_many_as_there_may_be(bench: Bench) -> None:
    """Equal ones (SDP); one more is 5/26/00."""
    host, most = bench.tape(capacity=None), bench.model.partitions
    told = mode_select(host, 10, partition_page(host, most + 1, SDP))
    assert told is not None and told.code == s.INVALID_PARAMETER
    ask(host, partition_page(host, most, SDP))
    assert format_medium(host, 2).status == GOOD
    assert page(host, 0x11)[3] == most - 1
    for number in range(most):
        assert change(host, number).status == GOOD
        assert place(host) == (number, 0)
        assert host.write(bytes((number,))).status == GOOD
    refused(change(host, most), s.INVALID_FIELD_IN_CDB, (8, 7))


@check(way("fdp"))
def fixed_partitions(bench: Bench) -> None:
    """FDP makes two."""
    host = bench.tape(capacity=None)
    ask(host, partition_page(host, 1, FDP))
    assert as_selected(bench, host).status == GOOD
    assert page(host, 0x11)[3] == 1


@check(divides)
def partitions_stay_with_the_volume(bench: Bench) -> None:
    host = bench.tape(partitions=(1 << 19, 1 << 19))
    change(host, 1)
    host.write(b"one")
    host.load(load=False)
    host.load()
    host.hear()
    assert place(host) == (0, 0)
    change(host, 1)
    assert good(host.read(3)) == b"one"


@check(both(divides, has("92")))
def locate_16_between_partitions(bench: Bench) -> None:
    host = bench.tape(partitions=(1 << 19, 1 << 19))
    change(host, 1)
    host.write(b"one")
    assert host.send(bytes((0x92, 2)) + bytes(14)).status == GOOD
    assert place(host) == (0, 0)
    assert host.send(bytes((0x92, EOD << 3 | 2, 0, 1)) + bytes(12)).status == GOOD
    assert place(host) == (1, 1)


@check(divides)
def rewind_stays_in_the_partition(bench: Bench) -> None:
    """LOAD goes to partition 0."""
    host = bench.tape(partitions=(1 << 19, 1 << 19))
    change(host, 1)
    host.write(b"one")
    host.rewind()
    assert place(host) == (1, 0)
    assert host.load().status == GOOD
    assert place(host) == (0, 0)


def undivided(model: Model) -> CartridgeType | None:
    """A cartridge that the model writes, and never in a format with partitions."""
    for kind in model.types:
        forms = set(kind.formats) & set(model.writes)
        if forms and not kind.worm and all(form.partitions == 1 for form in forms):
            return kind
    return None


@check(both(has("04"), lambda model: undivided(model) is not None))
def formats_without_partitions(bench: Bench) -> None:
    refused(format_medium(bench.tape(undivided(bench.model))), s.WRONG_CARTRIDGE)


# --- SET CAPACITY --------------------------------------------------------------------------------


@check(has("0B"))
def capacity_of_a_part(bench: Bench) -> None:
    """Half of the tape, then all of it; what was there is gone."""
    host = bench.tape(capacity=64 * MIB)
    host.write_tape([b"data"])
    for proportion, size in ((0x8000, 32), (0xFFFF, 64)):
        done = host.send(bytes((0x0B, 0, 0)) + proportion.to_bytes(2) + bytes(1))
        assert done.status == GOOD
        host.hear()
        assert abs(host.drive.remaining / MIB - size) < 1
        refused(host.read(4), s.END_OF_DATA)


@check(has("0B"))
def capacity_has_a_least(bench: Bench) -> None:
    """Smaller ones are rounded up; some models tell of it."""
    host = bench.tape(capacity=64 * MIB)
    reply = host.send(bytes((0x0B, 0, 0, 0, 1, 0)))
    if bench.model.quirk("tells_rounding"):
        refused(reply, s.ROUNDED_PARAMETER)
    else:
        assert reply.status == GOOD
    host.hear()
    assert host.drive.remaining > 2 * MIB


@check(has("0B"))
def capacity_needs_the_beginning(bench: Bench) -> None:
    host = bench.tape()
    host.write(b"x")
    refused(host.send(bytes((0x0B, 0, 0, 0xFF, 0xFF, 0))), s.NOT_AT_BEGINNING)


@check(both(has("0B"), divides))
def capacity_of_partitioned_tapes(bench: Bench) -> None:
    """Only all of it may be given back."""
    host = bench.tape(partitions=(1 << 19, 1 << 19))
    refused(host.send(bytes((0x0B, 0, 0, 0x80, 0, 0))), s.WRONG_CARTRIDGE)
    assert host.send(bytes((0x0B, 0, 0, 0xFF, 0xFF, 0))).status == GOOD
    host.hear()
    assert page(host, 0x11)[3] == 0


# --- append-only mode ----------------------------------------------------------------------------


def append_only(host: Host) -> None:
    body = bytearray(page(host, 0x10, 0x01))
    body[5] = body[5] & 0x0F | 0x10
    assert mode_select(host, 10, bytes(body)) is None


def allow(host: Host, value: int, number: int = 0) -> Reply:
    return host.send(bytes((0x82, 0, value, 0)) + number.to_bytes(8) + bytes(4))


@check(has("82"))
def overwrite_is_for_append_only_mode(bench: Bench) -> None:
    refused(allow(bench.tape(), 1), s.NOT_APPEND_ONLY)


@check(both(has("82"), mode("10-01")))
def nothing_is_written_over(bench: Bench) -> None:
    """7/50/01 before the end of data, unless ALLOW OVERWRITE names the position."""
    host = bench.tape()
    append_only(host)
    host.write_tape([b"one", b"two"])
    host.locate(1)
    refused(host.write(b"x"), bench.model.code(s.APPEND_POSITION))
    refused(host.erase(), bench.model.code(s.APPEND_POSITION))
    refused(allow(host, 1, 0), s.POSITIONING_ERROR)
    assert allow(host, 1, 1).status == GOOD
    assert host.write(b"new").status == GOOD
    host.rewind()
    refused(host.write(b"x"), bench.model.code(s.APPEND_POSITION))
    assert [good(host.read(3)) for _ in range(2)] == [b"one", b"new"]
    assert host.write(b"end").status == GOOD


@check(both(has("82"), mode("10-01")))
def append_only_mode_is_left_by_unloading(bench: Bench) -> None:
    host = bench.tape()
    append_only(host)
    host.write_tape([b"one"])
    body = bytearray(page(host, 0x10, 0x01))
    body[5] &= 0x0F
    told = mode_select(host, 10, bytes(body))
    assert told is not None and told.code == s.INVALID_PARAMETER
    host.load(load=False)
    host.load()
    host.hear()
    assert host.write(b"new").status == GOOD


@check(both(has("82", "04"), mode("10-01"), divides))
def format_in_append_only_mode(bench: Bench) -> None:
    host = bench.tape()
    append_only(host)
    host.write_tape([b"one"])
    refused(format_medium(host), bench.model.code(s.APPEND_POSITION))
    assert allow(host, 2).status == GOOD
    assert format_medium(host).status == GOOD


# --- the end of the tape -------------------------------------------------------------------------


@check()
def early_warning(bench: Bench) -> None:
    """Data are written, and 0/00/02 with EOM says where the tape is; then marks likewise."""
    host = bench.tape()
    block = bytes(1 << 16)
    number = 0
    while (reply := host.write(block)).status == GOOD:
        number += 1
    sense = refused(reply, s.EARLY_WARNING)
    assert (sense.eom, sense.information) == (True, 0)
    assert host.position() == number + 1
    assert refused(host.filemarks(), s.EARLY_WARNING).eom
    host.locate(number)
    assert good(host.read(1 << 16)) == block


@check()
def end_of_the_tape(bench: Bench) -> None:
    """D/00/02 with EOM and what was not written."""
    host = bench.tape()
    host.write(bytes(MIB - 40960))
    sense = refused(host.write(bytes(1 << 16)), s.END_OF_MEDIUM)
    assert (sense.eom, sense.information) == (True, 1 << 16)
    assert host.position() == 1
    host.set_block_length(8192)
    sense = refused(host.write(bytes(1 << 16), blocks=8), s.END_OF_MEDIUM)
    assert sense.eom
    assert sense.information is not None and 0 < sense.information < 8
    assert host.position() == 1 + 8 - sense.information


@check(mode("10-01"))
def programmable_early_warning(bench: Bench) -> None:
    """0/00/07 with EOM once, where PEWS begins."""
    host = bench.tape(capacity=16 * MIB)
    body = bytearray(page(host, 0x10, 0x01))
    body[6:8] = (10).to_bytes(2)
    assert mode_select(host, 10, bytes(body)) is None
    told = []
    for number in range(10):
        reply = host.write(bytes(1 << 20))
        if reply.status != GOOD:
            assert refused(reply, s.PROGRAMMABLE_EARLY_WARNING).eom
            told.append(number)
    assert len(told) == 1
    flags = good(host.send(bytes((0x34, 0)) + bytes(8), size=20))[0]
    assert flags & 0x41 == 0x01, "BPEW, not EOP"


@check(mode("10"))
def software_write_protection(bench: Bench) -> None:
    """SWP of page 0Ah or 10h, where the model lets it be set: 7/27/00 and like it."""
    host = bench.tape()
    host.write_tape([b"kept"])
    for code, at, bit in ((0x0A, 4, 0x08), (0x10, 10, 0x04)):
        if not page(host, code, control=1)[at] & bit:
            continue
        body = bytearray(page(host, code))
        body[at] |= bit
        assert mode_select(host, 10, bytes(body)) is None
        reply = host.write(b"x")
        assert reply.sense is not None
        assert (reply.sense.code.key, reply.sense.code.asc) == (7, 0x27)
        assert good(host.send(bytes((0x1A, 8, 0, 0, 255, 0)), size=255))[2] & 0x80
        body[at] &= ~bit
        assert mode_select(host, 10, bytes(body)) is None
    assert good(host.read(4)) == b"kept"
