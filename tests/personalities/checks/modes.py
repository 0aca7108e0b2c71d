"""Mode pages, header and block descriptor: MODE SENSE and MODE SELECT."""

from __future__ import annotations

from collections.abc import Iterator

from target.scsi import sense as s
from target.transports.inprocess import Reply
from tests.personalities.bench import Bench, Model, good, refused
from tests.personalities.registry import both, check, mode
from tests.scsi.modes import CHANGEABLE_VALUES, CURRENT, DEFAULT, SAVED, mode_select, page
from tests.tape.host import GOOD, Host

UNLISTED = {"24"}
"""Of IBM's LTO drives: page 3Fh does not return it (IBM LTO SCSI Reference 6.6.19)."""
READ_ONLY = {"30-20"}
"""MODE SELECT takes nothing for them, not even what is there."""


def keys(model: Model) -> list[tuple[int, int]]:
    """Code and subpage of the model's pages, ascending."""
    return sorted(split(key) for key in model.personality.modes)


def split(key: str) -> tuple[int, int]:
    code, _, subpage = key.partition("-")
    return int(code, 16), int(subpage or "0", 16)


def name(code: int, subpage: int) -> str:
    return f"{code:02X}" + (f"-{subpage:02X}" if subpage else "")


def listed(model: Model) -> list[tuple[int, int]]:
    lto = model.native.family == "LTO"
    return [key for key in keys(model) if not (lto and name(*key) in UNLISTED)]


def sense_10(
    host: Host, code: int, subpage: int, control: int = CURRENT, *, dbd: bool = True
) -> Reply:
    """MODE SENSE(10)."""
    cdb = bytes((0x5A, dbd << 3, control << 6 | code, subpage, 0, 0, 0, 0xFF, 0xFF, 0))
    return host.send(cdb, size=0xFFFF)


def pages(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """The pages in the data of MODE SENSE(10)."""
    assert int.from_bytes(data[:2]) == len(data) - 2
    at = 8 + int.from_bytes(data[6:8])
    while at < len(data):
        code, sub = data[at] & 0x3F, data[at] & 0x40
        head = 4 if sub else 2
        end = at + head + int.from_bytes(data[at + head // 2 : at + head])
        yield (code, data[at + 1] if sub else 0), data[at:end]
        at = end
    assert at == len(data)


def start(code: int, subpage: int) -> int:
    """Where the parameters of a page begin."""
    return 4 if subpage else 2


@check()
def all_pages(bench: Bench) -> None:
    """Page 3Fh: the pages without subpage, or with FFh all of them, ascending."""
    host, model = bench.tape(), bench.model
    found = [key for key, _ in pages(good(sense_10(host, 0x3F, 0xFF)))]
    assert found == listed(model)
    found = [key for key, _ in pages(good(sense_10(host, 0x3F, 0)))]
    assert found == [key for key in listed(model) if not key[1]]
    short = good(host.send(bytes((0x1A, 8, 0x3F, 0, 255, 0)), size=255))
    assert short[3] == 0


@check()
def each_page(bench: Bench) -> None:
    """By itself, under each page control, with one length, in both CDB sizes."""
    for host in (bench.empty(), bench.tape()):
        for key in keys(bench.model):
            lengths = set()
            for control in (CURRENT, CHANGEABLE_VALUES, DEFAULT):
                ((found, body),) = pages(good(sense_10(host, *key, control)))
                assert found == key
                lengths.add(len(body))
            assert len(lengths) == 1, key
            cdb = bytes((0x1A, 8, key[0], key[1], 255, 0))
            short = good(host.send(cdb, size=255))
            assert short[0] == len(short) - 1
            assert short[4:] == page(host, *key)


@check()
def all_subpages_of_a_page(bench: Bench) -> None:
    host = bench.empty()
    for code in {code for code, _ in keys(bench.model)}:
        found = [key for key, _ in pages(good(sense_10(host, code, 0xFF)))]
        assert found == [key for key in keys(bench.model) if key[0] == code]


@check()
def other_pages_are_refused(bench: Bench) -> None:
    host = bench.empty()
    known = set(keys(bench.model))
    for code in range(1, 0x3F):
        if not any(code == one for one, _ in known):
            refused(sense_10(host, code, 0), s.INVALID_FIELD_IN_CDB, (2, 5))
        elif (code, 0x7E) not in known:
            refused(sense_10(host, code, 0x7E), s.INVALID_FIELD_IN_CDB, (3, 7))


@check()
def defaults_are_in_force(bench: Bench) -> None:
    host = bench.empty()
    for key in keys(bench.model):
        assert page(host, *key) == page(host, *key, control=DEFAULT), key


@check()
def own_values(bench: Bench) -> None:
    """What the model's table says of a page is a default value of it, and its length."""
    host = bench.empty()
    for key, table in bench.model.personality.modes.items():
        layout = host.drive.modes.find(*split(key))
        assert layout is not None
        body = page(host, *split(key), control=DEFAULT)
        if "page_length" in table:
            assert len(body) == table["page_length"] + start(*split(key))
        live = set(layout.live(host.drive)) if layout.live else set()
        for field, value in table.items():
            if isinstance(value, int) and field in layout.layout and field not in live:
                assert layout.layout[field].get(body) == value, (key, field)


@check()
def sent_back_as_they_are(bench: Bench) -> None:
    """LTFS and st send what they got: it changes nothing, and nobody hears of a change."""
    host = bench.tape()
    other = bench.another(host)
    for key in keys(bench.model):
        before = page(host, *key)
        told = mode_select(host, 10, before)
        if name(*key) in READ_ONLY:
            assert told is not None and told.code == s.INVALID_PARAMETER
            continue
        assert told is None, (key, told)
        assert page(host, *key) == before
    assert other.hear() == []


@check()
def what_cannot_be_changed(bench: Bench) -> None:
    """A bit outside the changeable mask: 5/26/00, and nothing has changed."""
    host = bench.tape()
    for key in keys(bench.model):
        before, mask = page(host, *key), page(host, *key, control=CHANGEABLE_VALUES)
        for at in range(start(*key), len(before)):
            bit = next((bit for bit in range(8) if not mask[at] >> bit & 1), None)
            # Compression algorithms are taken as "the usual one".
            if bit is None or (key == (0x0F, 0) and 4 <= at < 12):
                continue
            body = bytearray(before)
            body[at] ^= 1 << bit
            told = mode_select(host, 10, bytes(body))
            assert told is not None, (key, at)
            assert told.code in (s.INVALID_PARAMETER, s.NOT_AT_BEGINNING), (key, at, told)
        assert page(host, *key) == before


@check()
def what_can_be_changed(bench: Bench) -> None:
    """A bit of the mask: taken and read back, rounded (1/37/00), or no value for the field; what
    is about the volume needs one."""
    host = bench.empty()
    # Once OIR is set, nothing goes without.
    assert host.send(bytes((0x16, 0, 0, 0, 0, 0))).status == GOOD
    for key in keys(bench.model):
        mask = page(host, *key, control=CHANGEABLE_VALUES)
        for at in range(start(*key), len(mask)):
            if not mask[at]:
                continue
            before = page(host, *key)
            body = bytearray(before)
            body[at] ^= mask[at] & -mask[at]
            told = mode_select(host, 10, bytes(body))
            after = page(host, *key)
            if told is None:
                # Fields that may be sent with any value, and tests, keep what they have.
                assert after[at] in (body[at], before[at]), (key, at)
            elif told.code in (s.INVALID_PARAMETER, s.NO_MEDIUM):
                assert after == before, (key, at)
            else:
                assert told.code == s.ROUNDED_PARAMETER, (key, at, told)


@check(lambda model: bool({"0A", "10", "02"} & model.personality.modes.keys()))
def some_fields_are_changed(bench: Bench) -> None:
    """D_SENSE, WRITE DELAY TIME and MAXIMUM BURST SIZE, as far as the model lets them."""
    host = bench.tape()
    changed = 0
    for key, at, value in (((0x0A, 0), 2, 0x04), ((0x10, 0), 7, 0x33), ((0x02, 0), 11, 0x08)):
        if name(*key) not in bench.model.personality.modes:
            continue
        mask = page(host, *key, control=CHANGEABLE_VALUES)
        if mask[at] & value == value:
            body = bytearray(page(host, *key))
            body[at] = body[at] & ~mask[at] | value
            assert mode_select(host, 10, bytes(body)) is None
            assert page(host, *key) == bytes(body)
            changed += 1
            host.drive.reset()
            host.hear()
            assert page(host, *key) != bytes(body), "a reset gives the default back"
    assert changed


@check(mode("0A"))
def descriptor_sense(bench: Bench) -> None:
    """D_SENSE: sense data in descriptor format."""
    host = bench.tape()
    body = bytearray(page(host, 0x0A))
    body[2] |= 0x04
    if not page(host, 0x0A, control=CHANGEABLE_VALUES)[2] & 0x04:
        assert mode_select(host, 10, bytes(body)) is not None
        return
    assert mode_select(host, 10, bytes(body)) is None
    done, _ = host.pieces(bytes((0x08, 0, 0, 0, 9, 0)), sizes=(9,))
    golden = "72 08 00 05 000000 0c 000a8000 0000000000000009"
    assert done.sense == bytes.fromhex(golden)


@check()
def header(bench: Bench) -> None:
    """Medium type, WP, buffered mode 1; short and long form."""
    model = bench.model
    own = model.cartridge(model.native)
    assert own is not None
    types = model.personality.media.get("medium_types", {})
    host = bench.tape()
    short = good(host.send(bytes((0x1A, 0, 0, 0, 255, 0)), size=255))
    assert short[:4] == bytes((11, types.get("data", own.medium_type), 0x10, 8))
    long = good(sense_10(host, 0, 0, dbd=False))
    assert long[:8] == bytes((0, 14)) + short[1:3] + bytes((0, 0, 0, 8))
    assert long[8:] == short[4:]
    empty = good(bench.empty().send(bytes((0x1A, 0, 0, 0, 255, 0)), size=255))
    assert empty[1:5] == bytes((0, 0x10, 8, 0))


@check(lambda model: model.worm is not None)
def header_of_a_worm_cartridge(bench: Bench) -> None:
    model = bench.model
    assert model.worm is not None
    types = model.personality.media.get("medium_types", {})
    short = good(bench.tape(model.worm).send(bytes((0x1A, 8, 0, 0, 255, 0)), size=255))
    assert short[1] == types.get("worm", model.worm.medium_type)


@check()
def block_descriptor(bench: Bench) -> None:
    """Density of the volume, no block count, block length; DBD leaves it out."""
    host = bench.tape()
    assert host.write(b"x").status == GOOD
    data = good(host.send(bytes((0x1A, 0, 0, 0, 255, 0)), size=255))
    assert data[4:] == bytes((bench.model.native.density, 0, 0, 0, 0, 0, 0, 0))
    assert len(good(host.send(bytes((0x1A, 8, 0, 0, 255, 0)), size=255))) == 4


@check()
def block_length(bench: Bench) -> None:
    """Up to the longest block; a longer one is 5/26/00."""
    host = bench.tape()
    longest = bench.model.personality.limits["max_block"]
    for length in (512, longest, 0):
        host.set_block_length(length)
        data = good(host.send(bytes((0x1A, 0, 0, 0, 255, 0)), size=255))
        assert int.from_bytes(data[9:12]) == length
    if longest < 0xFFFFFF:
        blocks = bytes(5) + (longest + 1).to_bytes(3)
        told = mode_select(host, 6, b"", blocks=blocks)
        assert told is not None and told.code == s.INVALID_PARAMETER


@check()
def density_is_kept(bench: Bench) -> None:
    """00h, 7Fh and the density that is there are taken, another is 5/26/00."""
    host = bench.tape()
    host.write(b"x")
    own = bench.model.native.density
    for density in (0x00, 0x7F, own):
        assert mode_select(host, 6, b"", blocks=bytes((density,)) + bytes(7)) is None
    told = mode_select(host, 6, b"", blocks=bytes((0x13,)) + bytes(7))
    assert told is not None and told.code == s.INVALID_PARAMETER


@check()
def descriptor_length(bench: Bench) -> None:
    host = bench.tape()
    for length in (1, 7, 9, 16):
        data = bytes((0, 0, 0x10, length)) + bytes(length)
        reply = host.send(bytes((0x15, 0x10, 0, 0, len(data), 0)), out=data)
        refused(reply, s.INVALID_PARAMETER, (3, None))


@check()
def buffered_mode_and_speed(bench: Bench) -> None:
    host = bench.tape()
    for byte in (0x20, 0x70, 0x11, 0x1F):
        told = mode_select(host, 6, b"", mode=byte)
        assert told is not None and told.code == s.INVALID_PARAMETER
    for byte in (0x00, 0x10):
        assert mode_select(host, 6, b"", mode=byte) is None
        data = good(host.send(bytes((0x1A, 8, 0, 0, 255, 0)), size=255))
        assert data[2] & 0x70 == byte


@check()
def others_hear_of_a_change(bench: Bench) -> None:
    host = bench.tape()
    other = bench.another(host)
    host.set_block_length(1024)
    refused(other.ready(), s.MODE_PARAMETERS_CHANGED)
    assert other.ready().status == GOOD
    assert host.ready().status == GOOD
    host.set_block_length(1024)
    assert other.ready().status == GOOD, "nothing has changed"


@check()
def lists_that_end_too_early(bench: Bench) -> None:
    host = bench.tape()
    body = bytes((0, 0, 0x10, 0)) + page(host, 0x0A)
    for length in (1, 3, 5, len(body) - 1):
        reply = host.send(bytes((0x15, 0x10, 0, 0, length, 0)), out=body[:length])
        refused(reply, s.PARAMETER_LIST_LENGTH)
    reply = host.send(bytes((0x15, 0x10, 0, 0, len(body), 0)), out=body[:-1])
    refused(reply, s.DATA_PHASE_ERROR)
    assert host.send(bytes((0x15, 0x10, 0, 0, 0, 0))).status == GOOD


@check()
def unknown_pages_are_refused(bench: Bench) -> None:
    host = bench.tape()
    known = {code for code, _ in keys(bench.model)}
    for code in set(range(1, 0x3F)) - known:
        told = mode_select(host, 10, bytes((code, 2, 0, 0)))
        assert told is not None and told.code == s.INVALID_PARAMETER
        assert told.pointer is not None and told.pointer[0] == 8


@check()
def all_of_a_list_or_nothing(bench: Bench) -> None:
    host = bench.tape()
    blocks = bytes(5) + (2048).to_bytes(3)
    told = mode_select(host, 10, bytes((0x3E, 2, 0, 0)), blocks=blocks)
    assert told is not None and told.code == s.INVALID_PARAMETER
    data = good(host.send(bytes((0x1A, 0, 0, 0, 255, 0)), size=255))
    assert data[9:12] == bytes(3)


def saves(host: Host) -> list[tuple[int, int]]:
    """The pages whose PS bit is set."""
    found = pages(good(sense_10(host, 0x3F, 0xFF)))
    return [key for key, body in found if body[0] & 0x80]


@check()
def saved_values(bench: Bench) -> None:
    """Kept without power with SP; where nothing can be saved 5/39/00 and 5/24/00."""
    host = bench.tape()
    kept = saves(host)
    tables = bench.model.personality.modes
    if not kept:
        refused(sense_10(host, 0x3F, 0xFF, SAVED), s.SAVING_NOT_SUPPORTED)
        reply = host.send(bytes((0x15, 0x11, 0, 0, 4, 0)), out=bytes((0, 0, 0x10, 0)))
        refused(reply, s.INVALID_FIELD_IN_CDB, (1, 0))
        return
    assert not sense_10(host, 0x3F, 0xFF, SAVED).status
    if (0x10, 0x01) in kept and "saved" not in tables["10-01"]:
        body = bytearray(page(host, 0x10, 0x01))
        body[6:8] = (7).to_bytes(2)
        assert mode_select(host, 10, bytes(body), save=True) is None
        host.drive.power_on()
        host.hear()
        assert page(host, 0x10, 0x01)[6:8] == b"\0\7"
        assert page(host, 0x10, 0x01, control=SAVED)[6:8] == b"\0\7"
        assert page(host, 0x10, 0x01, control=DEFAULT)[6:8] == b"\0\0"


@check(both(mode("1D"), lambda model: model.worm is not None))
def worm_mode(bench: Bench) -> None:
    """WORMM of medium configuration."""
    host = bench.tape(bench.model.worm)
    assert page(host, 0x1D)[2] & 1
    assert not page(bench.tape(), 0x1D)[2] & 1


@check(mode("0F"))
def compression_that_is_off(bench: Bench) -> None:
    """A drive that its rig lets not compress says that it cannot."""
    host = bench.tape()
    body = bytearray(page(host, 0x0F))
    assert not body[2] & 0xC0
    body[2] |= 0x80
    assert mode_select(host, 10, bytes(body)) is not None


@check(lambda model: model.mode("1C") and model.personality.modes["1C"].get("once") != [])
def alerts_can_be_tested(bench: Bench) -> None:
    """TEST of informational exceptions raises a TapeAlert flag, and lowers it."""
    host = bench.tape()
    for number, there in ((0x01, True), ((1 << 32) - 1, False)):
        body = bytearray(page(host, 0x1C))
        body[2] = body[2] & ~0x08 | 0x04
        body[8:12] = number.to_bytes(4)
        assert mode_select(host, 10, bytes(body)) is None
        host.hear()
        assert (1 in host.drive.alerts.active) == there


@check(mode("10"))
def active_partition(bench: Bench) -> None:
    host = bench.tape()
    assert page(host, 0x10)[3] == 0
    if bench.model.partitions > 1:
        host = bench.tape(partitions=(1 << 19, 1 << 19))
        assert host.send(bytes((0x2B, 2, 0, 0, 0, 0, 0, 0, 1, 0))).status == GOOD
        assert page(host, 0x10)[3] == 1


@check(lambda model: any(key[0] == 0x18 for key in keys(model)))
def pages_of_a_nexus(bench: Bench) -> None:
    """What a nexus sets for itself others neither see nor hear of."""
    host = bench.tape()
    other = bench.another(host)
    before = page(other, 0x18)
    mask = page(host, 0x18, control=CHANGEABLE_VALUES)
    body = bytearray(page(host, 0x18))
    at = next(at for at in range(2, len(mask)) if mask[at])
    body[at] ^= mask[at]
    assert mode_select(host, 10, bytes(body)) is None
    assert page(host, 0x18) == bytes(body)
    assert other.ready().status == GOOD
    assert page(other, 0x18) == before


@check()
def cut_to_allocation(bench: Bench) -> None:
    host = bench.tape()
    whole = good(sense_10(host, 0x3F, 0xFF, dbd=False))
    for length in (0, 4, 8, 16, len(whole) - 1):
        cdb = bytes((0x5A, 0, 0x3F, 0xFF, 0, 0, 0)) + length.to_bytes(2) + bytes(1)
        assert good(host.send(cdb, size=0xFFFF)) == whole[:length]
