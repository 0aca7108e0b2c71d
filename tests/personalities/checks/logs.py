"""Log pages: LOG SENSE and LOG SELECT, counters, TapeAlert."""

from __future__ import annotations

from collections.abc import Iterator

from target.scsi import sense as s
from target.tape.tape_alert import Flag
from target.transports.inprocess import Reply
from tests.personalities.bench import Bench, Model, good, refused
from tests.personalities.registry import check, has, log
from tests.tape.host import GOOD, MIB, Host

UNLISTED = 0x3E
"""Device status: drives answer to it and do not list it."""


def log_sense(
    host: Host,
    code: int,
    subpage: int = 0,
    *,
    control: int = 1,
    pointer: int = 0,
    allocation: int = 0xFFFF,
) -> Reply:
    """LOG SENSE, by default of cumulative values."""
    cdb = bytes((0x4D, 0, control << 6 | code, subpage, 0)) + pointer.to_bytes(2)
    return host.send(cdb + allocation.to_bytes(2) + bytes(1), size=0xFFFF)


def log_select(host: Host, code: int = 0, *, pcr: bool = True, control: int = 1) -> Reply:
    cdb = bytes((0x4C, pcr << 1, control << 6 | code, 0)) + bytes(6)
    return host.send(cdb)


def keys(model: Model) -> list[tuple[int, int]]:
    """Code and subpage of the model's pages, ascending, 00h among them."""
    pairs = (key.partition("-")[::2] for key in model.personality.logs)
    return sorted((int(code, 16), int(subpage or "0", 16)) for code, subpage in pairs)


def parameters(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(code, control byte, value) of a page, which must be whole."""
    assert int.from_bytes(data[2:4]) == len(data) - 4
    at = 4
    while at < len(data):
        end = at + 4 + data[at + 3]
        assert end <= len(data)
        yield int.from_bytes(data[at : at + 2]), data[at + 2], data[at + 4 : end]
        at = end


def values(host: Host, code: int) -> dict[int, int]:
    """The parameters of a page as numbers."""
    data = good(log_sense(host, code))
    return {number: int.from_bytes(body) for number, _, body in parameters(data)}


def alerts(host: Host) -> set[int]:
    return {flag for flag, on in values(host, 0x2E).items() if on & 1}


@check()
def list_of_pages(bench: Bench) -> None:
    """Page 00h lists what the personality names."""
    data = good(log_sense(bench.empty(), 0))
    wanted = [code for code, subpage in keys(bench.model) if not subpage and code != UNLISTED]
    assert data[:4] == bytes((0, 0)) + len(wanted).to_bytes(2)
    assert list(data[4:]) == wanted


@check()
def list_of_subpages(bench: Bench) -> None:
    """00h/FFh lists every page and subpage."""
    data = good(log_sense(bench.empty(), 0, 0xFF))
    assert (data[0] & 0x3F, data[1]) == (0, 0xFF)
    assert int.from_bytes(data[2:4]) == len(data) - 4
    found = [(data[at], data[at + 1]) for at in range(4, len(data), 2)]
    assert found == sorted({*keys(bench.model), (0, 0xFF)} - {(UNLISTED, 0)})


@check()
def every_page_answers(bench: Bench) -> None:
    """With a volume and without: header, lengths, codes in ascending order."""
    written = bench.tape()
    written.write_tape([b"data", None])
    for host in (bench.empty(), written):
        for code, subpage in keys(bench.model):
            if not code:
                continue
            data = good(log_sense(host, code, subpage))
            assert (data[0] & 0x3F, data[1]) == (code, subpage)
            assert bool(data[0] & 0x40) == bool(subpage), "SPF"
            assert data[0] & 0x80, "DS: nothing is saved"
            codes = [number for number, _, _ in parameters(data)]
            assert codes == sorted(set(codes)), (code, subpage)


@check()
def numbers_have_usual_sizes(bench: Bench) -> None:
    """Counters are 1 to 8 bytes long, and lists say that they are lists."""
    host = bench.tape()
    for code, subpage in keys(bench.model):
        for _, control, body in parameters(good(log_sense(host, code, subpage))) if code else ():
            if control & 3 == 0:
                assert 1 <= len(body) <= 8
            if control & 3 == 1:
                assert body.decode("ascii").isprintable()


@check()
def page_controls(bench: Bench) -> None:
    """Thresholds and defaults are told in the same form as what is counted."""
    host = bench.tape()
    for code, subpage in keys(bench.model):
        if code:
            wanted = [number for number, _, _ in parameters(good(log_sense(host, code, subpage)))]
            for control in (0, 2, 3):
                data = good(log_sense(host, code, subpage, control=control))
                assert [number for number, _, _ in parameters(data)] == wanted


@check()
def parameter_pointer(bench: Bench) -> None:
    """A page from a parameter on; behind the last one 5/24/00."""
    host = bench.tape()
    whole = good(log_sense(host, 0x02))
    codes = [number for number, _, _ in parameters(whole)]
    data = good(log_sense(host, 0x02, pointer=codes[2]))
    assert [number for number, _, _ in parameters(data)] == codes[2:]
    refused(log_sense(host, 0x02, pointer=0xFFFF), s.INVALID_FIELD_IN_CDB, (5, 7))


@check()
def other_pages_are_refused(bench: Bench) -> None:
    host = bench.empty()
    known = keys(bench.model)
    for code in range(1, 0x3F):
        if code not in {one for one, _ in known}:
            refused(log_sense(host, code), s.INVALID_FIELD_IN_CDB, (2, 5))
        elif (code, 0x7E) not in known:
            refused(log_sense(host, code, 0x7E), s.INVALID_FIELD_IN_CDB, (3, 7))


@check()
def cut_to_allocation(bench: Bench) -> None:
    host = bench.tape()
    for code in (0x00, 0x02, 0x2E):
        whole = good(log_sense(host, code))
        for length in (0, 4, 5, len(whole) - 1):
            assert good(log_sense(host, code, allocation=length)) == whole[:length]


@check()
def errors_are_not_there(bench: Bench) -> None:
    """A tape that is written and read without trouble has nothing in the error counters."""
    host = bench.tape()
    host.write_tape([bytes(1000)] * 10)
    for _ in range(10):
        assert host.read(1000).status == GOOD
    for code in (0x02, 0x03):
        counted = values(host, code)
        assert counted[6] == 0
        assert counted[5] >= 10_000


@check(log("0C"))
def bytes_are_counted(bench: Bench) -> None:
    """Sequential access: from the host, to the tape, from the tape, to the host."""
    host = bench.tape()
    before = values(host, 0x0C)
    host.write_tape([bytes(5000)] * 4)
    for _ in range(3):
        host.read(5000)
    after = values(host, 0x0C)
    grown = [after[number] - before[number] for number in range(4)]
    assert grown[0] == 20_000
    assert grown[3] == 15_000
    assert grown[1] >= 20_000
    assert grown[2] >= 15_000


@check(has("4C"))
def counters_are_reset(bench: Bench) -> None:
    """LOG SELECT with PCR; the other nexuses hear of it."""
    host = bench.tape()
    other = bench.another(host)
    host.write_tape([bytes(5000)] * 4)
    assert values(host, 0x02)[5]
    assert log_select(host).status == GOOD
    assert values(host, 0x02)[5] == 0
    refused(other.ready(), s.LOG_PARAMETERS_CHANGED)
    assert other.ready().status == GOOD
    assert host.ready().status == GOOD


@check(has("4C"))
def log_select_refuses(bench: Bench) -> None:
    host = bench.tape()
    known = {code for code, _ in keys(bench.model)}
    code = next(code for code in range(1, 0x3F) if code not in known)
    refused(log_select(host, code), s.INVALID_FIELD_IN_CDB, (2, 5))
    # PCR goes without a list, and nothing is saved.
    cdb = bytes((0x4C, 0x02, 0x40, 0, 0, 0, 0, 0, 4, 0))
    refused(host.send(cdb, out=bytes(4)), s.INVALID_FIELD_IN_CDB, (1, 1))
    refused(host.send(bytes((0x4C, 0x01)) + bytes(8)), s.INVALID_FIELD_IN_CDB, (1, 0))


@check()
def tape_alerts(bench: Bench) -> None:
    """64 flags of a byte; one that is raised is read once by each nexus."""
    host = bench.tape()
    other = bench.another(host)
    data = good(log_sense(host, 0x2E))
    rows = list(parameters(data))
    assert [number for number, _, _ in rows] == list(range(1, 65))
    assert all(len(body) == 1 for _, _, body in rows)
    assert not alerts(host)
    host.drive.alert(Flag.WRITE_PROTECT)
    # A look at the header alone, as tools do it first, leaves the flags.
    log_sense(host, 0x2E, allocation=4)
    assert alerts(host) == {Flag.WRITE_PROTECT}
    assert alerts(host) == set()
    assert alerts(other) == {Flag.WRITE_PROTECT}


@check()
def alerts_of_a_volume_go_with_it(bench: Bench) -> None:
    host = bench.tape(protect=True)
    host.write(b"x")
    bench.put(host, bench.cartridge())
    assert alerts(host) == set()


@check(log("12"))
def alert_response(bench: Bench) -> None:
    """The same flags as bits, which are not cleared by reading."""
    host = bench.tape()
    host.drive.alert(Flag.WRITE_PROTECT)
    for _ in range(2):
        ((code, _, body),) = parameters(good(log_sense(host, 0x12)))
        assert (code, len(body)) == (0, 8)
        assert int.from_bytes(body) == 1 << 64 - Flag.WRITE_PROTECT


@check(log("11"))
def device_status(bench: Bench) -> None:
    """Very high frequency data: medium there, threaded, mounted; writing prevented."""
    for host, mounted in ((bench.empty(), False), (bench.tape(protect=True), True)):
        rows = {code: body for code, _, body in parameters(good(log_sense(host, 0x11)))}
        bits = rows[0]
        assert len(bits) == 4
        assert bool(bits[1] & 0x10) == mounted, "MPRSNT"
        assert bool(bits[1] & 0x02) == mounted, "MTHRD"
        assert bool(bits[1] & 0x01) == mounted, "MOUNTED"
        assert bool(bits[0] & 0x08) == mounted, "WRTP"


@check(log("10"))
def self_test_results(bench: Bench) -> None:
    """Twenty entries; the last self-test is the first of them."""
    host = bench.tape()
    assert host.send(bytes((0x1D, 5 << 5, 0, 0, 0, 0))).status == GOOD
    rows = list(parameters(good(log_sense(host, 0x10))))
    assert [number for number, _, _ in rows] == list(range(1, 21))
    assert all(len(body) == 16 for _, _, body in rows)
    assert rows[0][2][0] == 5 << 5, "foreground short test, passed"


@check(log("14"))
def device_statistics(bench: Bench) -> None:
    """Loads and the drive's serial numbers."""
    host = bench.tape()
    before = values(host, 0x14)[0]
    bench.put(host, bench.cartridge())
    assert values(host, 0x14)[0] == before + 1


@check(lambda model: model.personality.logs.get("17") not in (None, "stk"))
def volume_statistics(bench: Bench) -> None:
    """Valid while a volume is loaded; its label, loads and megabytes."""
    assert values(bench.empty(), 0x17)[0] == 0
    host = bench.tape(capacity=8 * MIB)
    for _ in range(3):
        host.write(bytes(1 << 20))
    rows = {code: body for code, _, body in parameters(good(log_sense(host, 0x17)))}
    assert rows[0][-1] == 1
    assert int.from_bytes(rows[1]) >= 1
    assert rows[0x42].decode().rstrip() == host.drive.cartridge.barcode  # type: ignore[union-attr]
    assert int.from_bytes(rows[0x10]) == 3, "megabytes written"


@check(log("31"))
def tape_capacity(bench: Bench) -> None:
    """MiB that are left, and all."""
    host = bench.tape(capacity=64 * MIB)
    counted = values(host, 0x31)
    assert counted[3] == 64
    assert 60 <= counted[1] <= 64


@check(log("0D"))
def temperature(bench: Bench) -> None:
    rows = {code: body for code, _, body in parameters(good(log_sense(bench.empty(), 0x0D)))}
    assert 0 < rows[0][1] < rows[1][1] < 100


@check(log("16"))
def diagnostic_data(bench: Bench) -> None:
    """Empty for a drive that had no error."""
    assert not list(parameters(good(log_sense(bench.tape(), 0x16))))


@check(log("1B"))
def compression_ratios(bench: Bench) -> None:
    """What was written without compression has the ratio 1.00."""
    host = bench.tape(capacity=8 * MIB)
    for _ in range(3):
        host.write(bytes(1 << 20))
    counted = values(host, 0x1B)
    assert 98 <= counted[1] <= 102
    assert counted[6] == 3
