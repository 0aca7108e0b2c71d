"""What a target tells of itself and is told: time, functions, groups, names, LUNs, diagnostics,
buffers, microcode."""

from __future__ import annotations

from target.clock import ManualClock
from target.scsi import sense as s
from target.scsi.firmware import image
from target.tape.tape_alert import Flag
from target.transports.inprocess import Reply
from tests.personalities.bench import Bench, good, refused
from tests.personalities.registry import check, has
from tests.tape.host import GOOD, Host


def maintenance_in(host: Host, action: int, *, byte_2: int = 0, allocation: int = 1024) -> Reply:
    cdb = bytes((0xA3, action, byte_2, 0, 0, 0)) + allocation.to_bytes(4) + bytes(2)
    return host.send(cdb, size=1024)


def set_timestamp(host: Host, milliseconds: int) -> Reply:
    data = bytes(4) + milliseconds.to_bytes(6) + bytes(2)
    return host.send(bytes((0xA4, 0x0F)) + bytes(4) + (12).to_bytes(4) + bytes(2), out=data)


@check(has("A3-0F"))
def timestamp_since_power_on(bench: Bench) -> None:
    """Origin 0, and milliseconds that pass."""
    clock = ManualClock()
    host = bench.empty(clock=clock)
    clock.sleep(2.5)
    data = good(maintenance_in(host, 0x0F))
    assert data == b"\0\x0a\0\0" + (2500).to_bytes(6) + bytes(2)


@check(has("A3-0F", "A4-0F"))
def timestamp_is_set(bench: Bench) -> None:
    """Origin 2; the other nexuses hear of it; a reset forgets it."""
    clock = ManualClock()
    host = bench.empty(clock=clock)
    other = bench.another(host)
    assert set_timestamp(host, 1_700_000_000_000).status == GOOD
    clock.sleep(1)
    data = good(maintenance_in(host, 0x0F))
    assert data == b"\0\x0a\2\0" + (1_700_000_001_000).to_bytes(6) + bytes(2)
    told = [code[:3] for code in other.hear()]
    assert told == [s.TIMESTAMP_CHANGED[:3]]
    host.drive.reset()
    host.hear()
    assert good(maintenance_in(host, 0x0F))[2] == 0


@check(has("A3-0D"))
def task_management_functions(bench: Bench) -> None:
    """Abort task, abort and clear task set, query task, resets; not CLEAR ACA."""
    host = bench.empty()
    golden = bytes((0xDC, 0x01, 0, 0))
    assert good(maintenance_in(host, 0x0D)) == golden
    data = good(maintenance_in(host, 0x0D, byte_2=0x80))
    assert data[:4] == golden[:3] + b"\x0c"
    assert len(data) == 16
    refused(maintenance_in(host, 0x0D, allocation=3), s.INVALID_FIELD_IN_CDB, (6, 7))


@check(has("A3-0A"))
def port_groups(bench: Bench) -> None:
    """One group, active/optimized."""
    data = good(maintenance_in(bench.empty(), 0x0A))
    assert int.from_bytes(data[:4]) == len(data) - 4
    assert data[4] & 0xF == 0
    assert data[5] & 1
    assert (data[11], data[12:16]) == (1, b"\0\0\0\1")


@check(has("A3-05", "A4-06"))
def identifying_information(bench: Bench) -> None:
    """Read back, kept without power; too much is 5/24/00."""
    host = bench.empty()
    other = bench.another(host)
    assert good(maintenance_in(host, 0x05)) == bytes(4)
    text = b"drive on the left"
    cdb = bytes((0xA4, 0x06)) + bytes(4) + len(text).to_bytes(4) + bytes(2)
    assert host.send(cdb, out=text).status == GOOD
    refused(other.ready(), s.DEVICE_IDENTIFIER_CHANGED)
    host.drive.power_on()
    host.hear()
    assert good(maintenance_in(host, 0x05)) == len(text).to_bytes(4) + text
    long = bytes((0xA4, 0x06)) + bytes(4) + (65).to_bytes(4) + bytes(2)
    refused(host.send(long, out=bytes(65)), s.INVALID_FIELD_IN_CDB, (6, 7))


@check()
def one_logical_unit(bench: Bench) -> None:
    host = bench.empty()

    def luns(select: int, allocation: int = 64) -> Reply:
        cdb = bytes((0xA0, 0, select, 0, 0, 0)) + allocation.to_bytes(4) + bytes(2)
        return host.send(cdb, size=64)

    for select in (0, 2):
        assert good(luns(select)) == (8).to_bytes(4) + bytes(12)
    assert good(luns(1)) == bytes(8)
    refused(luns(3), s.INVALID_FIELD_IN_CDB, (2, 7))
    refused(luns(0, 15), s.INVALID_FIELD_IN_CDB, (6, 7))


# --- diagnostics ---------------------------------------------------------------------------------


def send_diagnostic(host: Host, flags: int, data: bytes = b"") -> Reply:
    return host.send(bytes((0x1D, flags, 0)) + len(data).to_bytes(2) + bytes(1), out=data)


def results(host: Host, page: int | None = None) -> Reply:
    return host.send(bytes((0x1C, page is not None, page or 0, 1, 0, 0)), size=256)


@check()
def self_tests(bench: Bench) -> None:
    """The default one and those by code, with a volume and without; the tape stays as it is."""
    for host in (bench.empty(), bench.tape()):
        for flags in (0x04, 1 << 5, 2 << 5, 5 << 5, 6 << 5):
            assert send_diagnostic(host, flags).status == GOOD
    host = bench.tape()
    host.write_tape([b"kept"])
    assert send_diagnostic(host, 6 << 5).status == GOOD
    assert good(host.read(4)) == b"kept"


@check()
def self_tests_that_are_not_there(bench: Bench) -> None:
    host = bench.empty()
    for code in (3, 7):
        refused(send_diagnostic(host, code << 5), s.INVALID_FIELD_IN_CDB, (1, 7))
    refused(send_diagnostic(host, 0x10, bytes((0x77, 0, 0, 0))), s.INVALID_PARAMETER, (0, None))


@check()
def diagnostic_pages(bench: Bench) -> None:
    """Page 00h lists them; 80h, where it is, forces a dump."""
    host = bench.empty()
    dump = bool(bench.model.personality.diagnostics.get("dump"))
    known = [0x00, *([0x80] if dump else [])]
    assert good(results(host, 0)) == bytes((0, 0)) + len(known).to_bytes(2) + bytes(known)
    assert good(results(host))[0] == 0
    force = bytes.fromhex("80 00 0004 0160 0000")
    if dump:
        assert send_diagnostic(host, 0x10, force).status == GOOD
    else:
        refused(send_diagnostic(host, 0x10, force), s.INVALID_PARAMETER, (0, None))
        refused(results(host, 0x80), s.INVALID_FIELD_IN_CDB, (2, 7))


# --- buffers -------------------------------------------------------------------------------------


def read_buffer(host: Host, mode: int, number: int = 0, offset: int = 0, size: int = 4096) -> Reply:
    cdb = bytes((0x3C, mode, number)) + offset.to_bytes(3) + size.to_bytes(3) + bytes(1)
    return host.send(cdb, size=size)


def write_buffer(
    host: Host, mode: int, data: bytes, number: int = 0, offset: int = 0, length: int | None = None
) -> Reply:
    size = len(data) if length is None else length
    cdb = bytes((0x3B, mode, number)) + offset.to_bytes(3) + size.to_bytes(3) + bytes(1)
    return host.send(cdb, out=data)


@check()
def echo_buffer(bench: Bench) -> None:
    """Each nexus has its own; one that was not written is 5/2C/00."""
    host = bench.empty()
    other = bench.another(host)
    assert len(good(read_buffer(host, 0x0B))) == 4
    refused(read_buffer(host, 0x0A), s.COMMAND_SEQUENCE)
    assert write_buffer(host, 0x0A, b"echo").status == GOOD
    assert write_buffer(other, 0x0A, b"other").status == GOOD
    assert good(read_buffer(host, 0x0A)) == b"echo"


@check()
def buffers(bench: Bench) -> None:
    """Those of the model: sizes, memory that is read back, a dump that is only read."""
    host, table = bench.empty(), bench.model.personality.buffers
    for number in range(4):
        row = table.get(f"{number:02X}")
        told = good(read_buffer(host, 0x03, number))
        if row is None:
            assert told == bytes(4)
            refused(read_buffer(host, 0x02, number), s.INVALID_FIELD_IN_CDB, (2, 7))
        elif row.get("dump"):
            assert int.from_bytes(told[1:]) > 0
            text = good(read_buffer(host, 0x02, number))
            assert bench.model.personality.inquiry["product"].encode() in text
            refused(write_buffer(host, 0x02, b"x", number), s.INVALID_FIELD_IN_CDB, (2, 7))
        else:
            assert int.from_bytes(told[1:]) == row["size"]
            assert write_buffer(host, 0x02, b"memory", number, 8).status == GOOD
            assert good(read_buffer(host, 0x02, number, 8, 6)) == b"memory"
            head = good(read_buffer(host, 0x00, number, 0, 18))
            assert head == row["size"].to_bytes(4) + bytes(8) + b"memory"
            refused(read_buffer(host, 0x02, number, row["size"]), s.INVALID_FIELD_IN_CDB, (3, 7))


@check()
def other_buffer_modes(bench: Bench) -> None:
    host = bench.empty()
    for mode in (0x01, 0x08, 0x1F):
        refused(read_buffer(host, mode), s.INVALID_FIELD_IN_CDB, (1, 4))
        refused(write_buffer(host, mode, b""), s.INVALID_FIELD_IN_CDB, (1, 4))


@check()
def microcode(bench: Bench) -> None:
    """An image for the product gives a new revision, and a reset; with mode 05h for good."""
    product = bench.model.personality.inquiry["product"]
    for mode, kept in ((0x04, False), (0x05, True)):
        host = bench.empty()
        other = bench.another(host)
        assert write_buffer(host, mode, image(product, "Z9Z9", bytes(64))).status == GOOD
        codes = {code[:3] for code in other.hear()}
        assert {s.MICROCODE_CHANGED[:3], s.INQUIRY_DATA_CHANGED[:3]} <= codes
        data = host.send(bytes((0x12, 0, 0, 0, 96, 0)), size=96).data
        assert data[32:36] == b"Z9Z9"
        host.drive.power_on()
        data = host.send(bytes((0x12, 0, 0, 0, 96, 0)), size=96).data
        assert (data[32:36] == b"Z9Z9") == kept


@check()
def wrong_microcode(bench: Bench) -> None:
    """5/26/00 or the maker's code, TapeAlert 34, and the old firmware stays."""
    host, told = bench.empty(), bench.model.personality.inquiry
    data = bytearray(image(told["product"], "Z9Z9", bytes(64)))
    data[-1] ^= 1
    code = bench.model.code(s.BAD_MICROCODE)
    refused(write_buffer(host, 0x05, bytes(data)), code)
    refused(write_buffer(host, 0x05, image("ANOTHER DRIVE", "Z9Z9")), code)
    assert Flag.DOWNLOAD_FAILED in host.drive.alerts.active
    found = host.send(bytes((0x12, 0, 0, 0, 96, 0)), size=96).data
    assert found[32:36].decode() == told["revision"]


@check()
def microcode_in_pieces(bench: Bench) -> None:
    host, told = bench.empty(), bench.model.personality.inquiry
    data = image(told["product"], "Z9Z9", bytes(5000))
    refused(write_buffer(host, 0x07, data[:100], offset=64), s.INVALID_FIELD_IN_CDB, (3, 7))
    for at in range(0, len(data), 2048):
        assert write_buffer(host, 0x07, data[at : at + 2048], offset=at).status == GOOD
    found = host.send(bytes((0x12, 0, 0, 0, 96, 0)), size=96).data
    assert found[32:36] == b"Z9Z9"
