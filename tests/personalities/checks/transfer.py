"""Reading and writing: lengths, residues, marks, protection of blocks, VERIFY."""

from __future__ import annotations

from target.scsi import sense as s
from target.tape.protection import METHODS
from target.tape.tape_alert import Flag
from tests.personalities.bench import Bench, good, refused
from tests.personalities.registry import both, check, has, mode
from tests.scsi.modes import mode_select, page
from tests.tape.host import GOOD, MIB, Host


def read_cdb(length: int, flags: int = 0) -> bytes:
    return bytes((0x08, flags)) + length.to_bytes(3) + bytes(1)


def write_cdb(length: int, flags: int = 0) -> bytes:
    return bytes((0x0A, flags)) + length.to_bytes(3) + bytes(1)


def reverse(host: Host, length: int, flags: int = 0x04) -> bytes:
    return good(host.send(bytes((0x0F, flags)) + length.to_bytes(3) + bytes(1), size=length))


def protect(host: Host, method: int, *, write: bool = True, read: bool = True) -> None:
    """Control data protection (mode page 0Ah subpage F0h)."""
    body = bytearray(page(host, 0x0A, 0xF0))
    body[4:7] = bytes((method, 4 if method else 0, write << 7 | read << 6))
    assert mode_select(host, 10, bytes(body)) is None


@check()
def block_limits(bench: Bench) -> None:
    """Granularity 0, the longest and the shortest block; without a volume too."""
    limits = bench.model.personality.limits
    golden = limits["max_block"].to_bytes(4) + limits["min_block"].to_bytes(2)
    for host in (bench.empty(), bench.tape()):
        assert good(host.send(bytes((0x05, 0, 0, 0, 0, 0)), size=16)) == golden


@check()
def longest_block(bench: Bench) -> None:
    """It is written and read; one byte more is refused, in both directions."""
    longest = bench.model.personality.limits["max_block"]
    host = bench.tape(capacity=4 * longest)
    data = bytes(range(256)) * (longest // 256) + bytes(longest % 256)
    assert host.write(data).status == GOOD
    host.rewind()
    assert good(host.read(longest)) == data
    if longest < 0xFFFFFF:
        for cdb in (read_cdb(longest + 1), write_cdb(longest + 1)):
            refused(host.send(cdb), s.INVALID_FIELD_IN_CDB, (2, 7))
        assert host.position() == 1


@check()
def shortest_block(bench: Bench) -> None:
    host = bench.tape()
    shortest = bench.model.personality.limits["min_block"]
    assert host.write(b"x" * shortest).status == GOOD
    host.rewind()
    assert good(host.read(shortest)) == b"x" * shortest


@check()
def variable_blocks(bench: Bench) -> None:
    host = bench.tape()
    blocks = [b"a", b"bb" * 100, bytes(65536), b"d" * 513]
    for block in blocks:
        assert host.write(block).status == GOOD
    host.rewind()
    for block in blocks:
        assert good(host.read(len(block))) == block


@check()
def fixed_blocks(bench: Bench) -> None:
    host = bench.tape()
    host.set_block_length(512)
    data = bytes(range(256)) * 8
    assert host.write(data, blocks=4).status == GOOD
    host.rewind()
    assert good(host.read_fixed(3)) == data[:1536]
    assert host.position() == 3
    sense = refused(host.read_fixed(2), s.END_OF_DATA)
    assert sense.information == 1


@check()
def shorter_block(bench: Bench) -> None:
    """ILI with what is missing; the block is passed."""
    host = bench.tape()
    host.write_tape([b"short", b"next"])
    reply = host.read(100)
    sense = refused(reply, s.NO_SENSE)
    assert (sense.ili, sense.information, reply.data) == (True, 95, b"short")
    assert good(host.read(4)) == b"next"


@check()
def longer_block(bench: Bench) -> None:
    """ILI with a negative residue; what there is room for is returned."""
    host = bench.tape()
    host.write_tape([b"too long for this", b"next"])
    reply = host.read(8)
    sense = refused(reply, s.NO_SENSE)
    assert (sense.ili, sense.information, reply.data) == (True, -9, b"too long")
    assert good(host.read(4)) == b"next"


@check()
def suppressed_length_indication(bench: Bench) -> None:
    """SILI: silent for short blocks, and for long ones where no block length is set."""
    host = bench.tape()
    host.write_tape([b"block", b"block", b"block"])
    assert good(host.read(100, sili=True)) == b"block"
    assert good(host.read(2, sili=True)) == b"bl"
    host.set_block_length(512)
    assert refused(host.read(2, sili=True), s.NO_SENSE).ili


@check()
def block_of_another_length_among_fixed_ones(bench: Bench) -> None:
    host = bench.tape()
    host.write_tape([bytes(512), bytes(512), bytes(100), bytes(512)])
    host.set_block_length(512)
    reply = host.read_fixed(4)
    sense = refused(reply, s.NO_SENSE)
    assert (sense.ili, sense.information) == (True, 2)
    assert len(reply.data) == 1024
    assert host.position() == 3


@check()
def fixed_needs_a_block_length(bench: Bench) -> None:
    host = bench.tape()
    for cdb in (read_cdb(1, 1), write_cdb(1, 1)):
        refused(host.send(cdb, size=512), s.INVALID_FIELD_IN_CDB, (1, 0))


@check()
def fixed_and_suppressed_exclude_each_other(bench: Bench) -> None:
    host = bench.tape()
    host.set_block_length(512)
    refused(host.send(read_cdb(1, 3), size=512), s.INVALID_FIELD_IN_CDB, (1, 1))


@check()
def nothing_asked_for(bench: Bench) -> None:
    """Length 0 moves nothing and changes nothing."""
    host = bench.tape()
    host.write_tape([b"data"])
    backwards = [bytes((0x0F, 0, 0, 0, 0, 0))] * bench.model.has("0F")
    for cdb in (read_cdb(0), write_cdb(0), bytes((0x13, 0, 0, 0, 0, 0)), *backwards):
        assert host.send(cdb).status == GOOD
    assert good(host.read(4)) == b"data"


@check()
def filemark(bench: Bench) -> None:
    host = bench.tape()
    host.write_tape([None, b"next"])
    sense = refused(host.read(100), s.FILEMARK_DETECTED)
    assert (sense.filemark, sense.information) == (True, 100)
    assert good(host.read(4)) == b"next"


@check()
def filemark_among_fixed_blocks(bench: Bench) -> None:
    host = bench.tape()
    host.write_tape([bytes(512), None, bytes(512)])
    host.set_block_length(512)
    reply = host.read_fixed(3)
    sense = refused(reply, s.FILEMARK_DETECTED)
    assert (sense.filemark, sense.information, len(reply.data)) == (True, 2, 512)
    assert host.position() == 2


@check()
def end_of_data(bench: Bench) -> None:
    host = bench.tape()
    host.write(b"last")
    for _ in range(2):
        assert refused(host.read(10), s.END_OF_DATA).information == 10
        assert host.position() == 1


@check()
def blank_tape(bench: Bench) -> None:
    host = bench.tape()
    assert refused(host.read(512), s.END_OF_DATA).information == 512
    assert host.position() == 0


@check()
def writing_ends_the_tape(bench: Bench) -> None:
    host = bench.tape()
    host.write_tape([b"one", b"two", b"three"])
    host.read(3)
    assert host.write(b"new").status == GOOD
    refused(host.read(9), s.END_OF_DATA)
    assert host.position() == 2
    host.rewind()
    assert [good(host.read(3)) for _ in range(2)] == [b"one", b"new"]


@check()
def filemarks(bench: Bench) -> None:
    """So many are written; without any the tape is left as it is."""
    host = bench.tape()
    host.write(b"data")
    assert host.filemarks(3).status == GOOD
    assert host.position() == 4
    host.rewind()
    assert host.filemarks(0).status == GOOD
    host.space(3)
    assert host.position() == 4
    assert host.filemarks(2, immed=True).status == GOOD
    assert host.position() == 6


@check()
def setmarks_are_refused(bench: Bench) -> None:
    reply = bench.tape().send(bytes((0x10, 0x02, 0, 0, 1, 0)))
    refused(reply, s.INVALID_FIELD_IN_CDB, (1, 1))


@check()
def data_that_do_not_come(bench: Bench) -> None:
    """A host that sends less than it said: B/4B/00, and nothing is written."""
    host = bench.tape()
    refused(host.send(write_cdb(100), out=bytes(99)), s.DATA_PHASE_ERROR)
    assert host.position() == 0


@check()
def unbuffered(bench: Bench) -> None:
    """Buffered mode 0 writes all the same."""
    host = bench.tape()
    assert mode_select(host, 6, b"", mode=0) is None
    assert host.write(b"data").status == GOOD
    host.rewind()
    assert good(host.read(4)) == b"data"


@check()
def write_protected(bench: Bench) -> None:
    """7/27/00 for all that writes, the WP bit, TapeAlert 9; reading goes on."""
    host = bench.tape()
    host.write_tape([b"kept"])
    cartridge = host.drive.eject()
    assert cartridge is not None
    cartridge.info["write_protect"] = True
    host.drive.insert(cartridge)
    host.hear()
    for reply in (host.write(b"x"), host.filemarks(), host.erase()):
        refused(reply, s.WRITE_PROTECTED)
    assert host.filemarks(0).status == GOOD
    if bench.model.has("0B"):
        refused(host.send(bytes((0x0B, 0, 0, 0xFF, 0xFF, 0))), s.WRITE_PROTECTED)
    if bench.model.partitions > 1:
        refused(host.send(bytes((0x04, 0, 0, 0, 0, 0))), s.WRITE_PROTECTED)
    assert good(host.send(bytes((0x1A, 0, 0, 0, 12, 0)), size=12))[2] & 0x80
    assert Flag.WRITE_PROTECT in host.drive.alerts.unread(host.nexus)
    assert good(host.read(4)) == b"kept"


@check(mode("0F"))
def compression(bench: Bench) -> None:
    """DCE of page 0Fh: less is stored, and the same comes back."""
    host = bench.tape(compression="lz4", capacity=4 * MIB)
    data = bytes(200_000)
    for on in (True, False):
        body = bytearray(page(host, 0x0F))
        assert body[2] & 0x40, "DCC: the drive can compress"
        body[2] = body[2] & 0x7F | on << 7
        assert mode_select(host, 10, bytes(body)) is None
        host.rewind()
        assert host.write(data).status == GOOD
        assert (host.drive.partition.used < 100_000) == on
        host.rewind()
        assert good(host.read(len(data))) == data


# --- VERIFY -------------------------------------------------------------------------------------


@check()
def verify_blocks(bench: Bench) -> None:
    host = bench.tape()
    host.write_tape([b"block", b"other", None, b"last"])
    assert host.verify(5).status == GOOD
    assert refused(host.verify(9), s.NO_SENSE).ili
    assert refused(host.verify(5), s.FILEMARK_DETECTED).filemark
    assert host.verify(4).status == GOOD
    refused(host.verify(4), s.END_OF_DATA)


@check()
def verify_to_the_end(bench: Bench) -> None:
    host = bench.tape()
    host.write_tape([b"block", None, b"other", None])
    assert host.verify(0, flags=0x20).status == GOOD
    assert host.position() == 4


@check()
def verify_by_filemarks(bench: Bench) -> None:
    host = bench.tape()
    host.write_tape([b"block", None, b"other", None, b"last"])
    assert host.verify(2, flags=0x08).status == GOOD
    assert host.position() == 4
    refused(host.verify(1, flags=0x08), s.END_OF_DATA)


@check()
def verify_compares_no_bytes(bench: Bench) -> None:
    host = bench.tape()
    host.write_tape([b"block"])
    refused(host.verify(5, flags=0x02), s.INVALID_FIELD_IN_CDB, (1, 1))


# --- commands of enterprise drives ---------------------------------------------------------------


@check(has("0F"))
def reading_backwards(bench: Bench) -> None:
    host = bench.tape()
    host.write_tape([b"one", b"two", None])
    host.locate(2)
    assert reverse(host, 3) == b"two"
    assert reverse(host, 3, 0) == b"eno"
    reply = host.send(bytes((0x0F, 0, 0, 0, 1, 0)), size=1)
    assert refused(reply, s.BEGINNING_OF_PARTITION).eom


@check(has("14"))
def nothing_to_recover(bench: Bench) -> None:
    host = bench.tape()
    host.write(b"data")
    refused(host.send(bytes((0x14, 0, 0, 0, 9, 0)), size=9), s.END_OF_DATA)


# --- logical block protection --------------------------------------------------------------------


@check(mode("0A-F0"))
def protected_blocks(bench: Bench) -> None:
    """Each method of the model: 4 bytes behind a block, both ways; a wrong one is 4/10/01."""
    host = bench.tape()
    allowed = bench.model.personality.modes["0A-F0"].get("allowed", {})
    for number in set(allowed.get("lbp_method", (1, 2))) - {0}:
        method = METHODS[number]
        protect(host, number)
        host.rewind()
        block = b"protected" + method.compute((b"protected",))
        assert host.write(block).status == GOOD
        refused(host.write(block[:-1] + b"\xff"), s.GUARD_CHECK_FAILED)
        assert host.position() == 1
        host.rewind()
        assert good(host.read(13)) == block
        protect(host, 0, write=False, read=False)
        host.rewind()
        assert good(host.read(9)) == b"protected"


@check(mode("0A-F0"))
def methods_that_are_not_there(bench: Bench) -> None:
    host = bench.empty()
    body = bytearray(page(host, 0x0A, 0xF0))
    body[4:7] = bytes((0x77, 4, 0xC0))
    sense = mode_select(host, 10, bytes(body))
    assert sense is not None and sense.code == s.INVALID_PARAMETER


@check(both(mode("0A-F0"), has("13")))
def protection_is_verified(bench: Bench) -> None:
    """VLBPM needs protection on the way to the host."""
    host = bench.tape()
    host.write_tape([b"block"])
    refused(host.verify(9, flags=0x10), s.INVALID_FIELD_IN_CDB, (1, 4))
    protect(host, 1, write=False)
    assert host.verify(9, flags=0x10).status == GOOD
