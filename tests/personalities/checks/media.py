"""Cartridges: every kind and format, WORM, cleaning, densities and medium types."""

from __future__ import annotations

from target.medium.cartridge import Cartridge
from target.medium.formats import FORMATS, TYPES, CartridgeType, Format, Kind
from target.scsi import sense as s
from target.tape.tape_alert import Flag
from tests.personalities.bench import Bench, Model, good, refused
from tests.personalities.registry import check, has
from tests.tape.host import EOD, GOOD, Host

OLD = b"of another drive"


def written(bench: Bench, kind: CartridgeType, recorded: Format | None) -> Cartridge:
    """A cartridge with a block on it, recorded in a format, or blank."""
    made = bench.cartridge(kind, recorded=recorded)
    if recorded is not None:
        made.partitions[0].write_clear([memoryview(OLD)], len(OLD))
        made.partitions[0].sync()
    return made


def fresh(model: Model, kind: CartridgeType, recorded: Format | None) -> Format | None:
    """The format that writing from the beginning leaves: its own if the model writes that, else
    the one the model prefers among those of the cartridge; None: it cannot be written."""
    if recorded in model.writes:
        return recorded
    return next((form for form in model.writes if form in kind.formats), None)


@check()
def every_cartridge(bench: Bench) -> None:
    """Each kind of the family, blank and in each of its formats: read, written on, or refused."""
    host, model = bench.empty(), bench.model
    for kind in model.types:
        if kind.cleaning:
            continue
        blank: list[Format | None] = [None] if len(kind.formats) > 1 else []
        for recorded in (*blank, *kind.formats):
            if recorded is None or not kind.worm:
                _try(bench, host, kind, recorded)


def _try(bench: Bench, host: Host, kind: CartridgeType, recorded: Format | None) -> None:
    model = bench.model
    bench.put(host, written(bench, kind, recorded))
    becomes = fresh(model, kind, recorded)
    readable = recorded in model.reads or (recorded is None and becomes is not None)
    case = (kind.suffix, recorded and recorded.name)
    if not readable and becomes is None:
        for reply in (host.ready(), host.read(1), host.write(b"x"), host.rewind()):
            refused(reply, s.INCOMPATIBLE_MEDIUM)
        assert Flag.UNSUPPORTED_FORMAT in host.drive.alerts.active, case
        return
    assert host.ready().status == GOOD, case
    if not readable:
        refused(host.read(1), s.INCOMPATIBLE_FORMAT)
    elif recorded is None:
        refused(host.read(1), s.END_OF_DATA)
    else:
        assert good(host.read(len(OLD))) == OLD, case
        if recorded in model.writes:
            assert host.write(b"more").status == GOOD, case
        else:
            refused(host.write(b"more"), s.CANNOT_WRITE_MEDIUM)
        host.rewind()
    if becomes is None:
        refused(host.write(b"new"), s.CANNOT_WRITE_MEDIUM)
        refused(host.filemarks(), s.CANNOT_WRITE_MEDIUM)
        assert Flag.READ_ONLY_FORMAT in host.drive.alerts.active, case
        return
    assert host.write(b"new").status == GOOD, case
    cartridge = host.drive.cartridge
    assert cartridge is not None and cartridge.recorded is becomes, case
    density = good(host.send(bytes((0x1A, 0, 0, 0, 255, 0)), size=255))[4]
    assert density == becomes.density, case


@check()
def cartridges_of_other_families(bench: Bench) -> None:
    host = bench.empty()
    own = bench.model.native.family
    for family in {kind.family for kind in TYPES.values()} - {own}:
        kind = next(kind for kind in TYPES.values() if kind.family == family and kind.formats)
        bench.put(host, bench.cartridge(kind))
        refused(host.ready(), s.INCOMPATIBLE_MEDIUM)


@check()
def cleaning_cartridge(bench: Bench) -> None:
    """It cleans once, holds no data, and tells so by TapeAlert."""
    kind = next(kind for kind in bench.model.types if kind.cleaning)
    host = bench.empty()
    host.drive.alert(Flag.CLEAN_NOW)
    bench.put(host, bench.cartridge(kind))
    refused(host.ready(), bench.model.code(s.NO_MEDIUM))
    refused(host.write(b"x"), bench.model.code(s.NO_MEDIUM))
    assert Flag.CLEANING_MEDIA in host.drive.alerts.active
    assert Flag.CLEAN_NOW not in host.drive.alerts.active
    assert host.drive.lifetime.cleanings == 1
    assert host.load(load=False).status == GOOD


@check()
def expired_cleaning_cartridge(bench: Bench) -> None:
    kind = next(kind for kind in bench.model.types if kind.cleaning)
    host, made = bench.empty(), bench.cartridge(kind)
    made.info["cleanings_left"] = 0
    bench.put(host, made)
    assert Flag.EXPIRED_CLEANING in host.drive.alerts.active
    assert host.drive.lifetime.cleanings == 0


@check()
def broken_leader(bench: Bench) -> None:
    host, made = bench.empty(), bench.cartridge()
    made.info["damage"] = ["leader"]
    bench.put(host, made)
    refused(host.load(), s.LOAD_FAILED)
    refused(host.ready(), bench.model.code(s.NO_MEDIUM))
    assert Flag.LOAD_FAILED in host.drive.alerts.active


@check(has("8C-00"))
def broken_memory(bench: Bench) -> None:
    """3/11/12 for its attributes; the tape can be used."""
    host, made = bench.empty(), bench.cartridge()
    made.info["damage"] = ["memory"]
    bench.put(host, made)
    assert host.write(b"data").status == GOOD
    cdb = bytes((0x8C,)) + bytes(9) + (4096).to_bytes(4) + bytes(2)
    refused(host.send(cdb, size=4096), s.MEMORY_READ_ERROR)
    assert Flag.MEMORY_CHIP_FAILURE in host.drive.alerts.active


# --- WORM ----------------------------------------------------------------------------------------


def worm(model: Model) -> bool:
    return model.worm is not None


@check(worm)
def worm_is_appended_to(bench: Bench) -> None:
    host = bench.tape(bench.model.worm)
    host.write_tape([b"one", None])
    host.space(3)
    assert host.write(b"two").status == GOOD
    host.rewind()
    assert good(host.read(3)) == b"one"


@check(worm)
def worm_is_not_written_over(bench: Bench) -> None:
    """7/30/0C, TapeAlert 60; marks right before the end of data may be."""
    host = bench.tape(bench.model.worm)
    host.write_tape([b"one", b"two", None, None])
    for reply in (host.write(b"x"), host.filemarks(), host.erase(), host.erase(long=True)):
        refused(reply, s.WORM_OVERWRITE)
    assert Flag.WORM_OVERWRITE in host.drive.alerts.active
    host.locate(3)
    assert host.write(b"three").status == GOOD
    host.rewind()
    assert [good(host.read(3)) for _ in range(2)] == [b"one", b"two"]


@check(lambda model: worm(model) and model.has("0B"))
def worm_keeps_its_capacity(bench: Bench) -> None:
    host = bench.tape(bench.model.worm)
    shorten = bytes((0x0B, 0, 0, 0x80, 0x00, 0))
    if not bench.model.quirk("worm_capacity"):
        refused(host.send(shorten), s.WRONG_CARTRIDGE)
    host.write_tape([b"one"])
    refused(host.send(shorten), s.WORM_OVERWRITE)


@check(lambda model: worm(model) and model.has("04"))
def worm_is_not_formatted(bench: Bench) -> None:
    """Written: 7/30/0C. Blank: 5/30/00, unless such tapes may have partitions."""
    host, form = bench.tape(bench.model.worm), bytes((0x04, 0, 0, 0, 0, 0))
    assert host.drive.fresh is not None
    if host.drive.fresh.worm_partitions == 1:
        refused(host.send(form), s.WRONG_CARTRIDGE)
    else:
        assert host.send(form).status == GOOD
    host.write_tape([b"one"])
    refused(host.send(form), s.WORM_OVERWRITE)


@check(lambda model: worm(model) and model.has("8C-00"))
def worm_is_in_the_memory(bench: Bench) -> None:
    host = bench.tape(bench.model.worm)
    cdb = bytes((0x8C,)) + bytes(7) + (0x0408).to_bytes(2) + (64).to_bytes(4) + bytes(2)
    assert good(host.send(cdb, size=64))[4:10] == bytes.fromhex("0408 80 0001 80")


# --- densities -----------------------------------------------------------------------------------


def support(host: Host, flags: int) -> list[bytes]:
    """The descriptors of REPORT DENSITY SUPPORT. ``flags``: 01h MEDIA, 02h MEDIUM TYPE."""
    data = good(host.send(bytes((0x44, flags)) + bytes(5) + b"\xff\xff\0", size=0xFFFF))
    assert int.from_bytes(data[:2]) == len(data) - 2
    size = 56 if flags & 2 else 52
    return [data[at : at + size] for at in range(4, len(data), size)]


@check()
def densities(bench: Bench) -> None:
    """One descriptor for each format that the model reads, ascending."""
    model = bench.model
    rows = support(bench.empty(), 0)
    assert [row[0] for row in rows] == sorted(form.density for form in model.reads)
    names = {form.label: form for form in model.reads}
    for row in rows:
        form = names[row[24:32].decode().rstrip()]
        assert row[:2] == bytes((form.density, form.encrypted_density))
        assert bool(row[2] & 0x80) == any(one.label == form.label for one in model.writes), "WRTOK"
        assert bool(row[2] & 0x20) == (form.label == model.native.label), "DEFLT"
        assert int.from_bytes(row[5:8]) == form.bits_per_mm
        assert int.from_bytes(row[8:10]) == 127
        assert int.from_bytes(row[10:12]) == form.tracks
        largest = max(kind.capacities.get(form.name, 0) for kind in TYPES.values())
        assert int.from_bytes(row[12:16]) == largest
        assert row[16:24].decode().rstrip() == form.organization
        assert row[32:52].decode().rstrip() == form.description


@check()
def density_of_the_volume(bench: Bench) -> None:
    refused(
        bench.empty().send(bytes((0x44, 1)) + bytes(5) + b"\xff\xff\0", size=0xFFFF),
        bench.model.code(s.NO_MEDIUM),
    )
    (row,) = support(bench.tape(), 1)
    assert row[0] == bench.model.native.density


@check()
def medium_types(bench: Bench) -> None:
    """One descriptor for each kind of cartridge that the model reads in some format."""
    model = bench.model
    known = {
        kind.suffix: kind
        for kind in TYPES.values()
        if set(kind.formats) & set(model.reads) and kind.kind is not Kind.CLEANING
    }
    rows = support(bench.empty(), 2)
    assert {row[28:36].decode().rstrip() for row in rows} == set(known)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    for row in rows:
        kind = known[row[28:36].decode().rstrip()]
        assert row[2:4] == b"\0\x34"
        assert row[0] == kind.medium_type
        assert set(row[5 : 5 + row[4]]) == {form.density for form in kind.formats}
        assert int.from_bytes(row[16:18]) == kind.length


@check()
def medium_type_of_the_volume(bench: Bench) -> None:
    own = bench.model.cartridge(bench.model.native)
    assert own is not None
    (row,) = support(bench.tape(), 3)
    assert row[28:36].decode().rstrip() == own.suffix


@check(lambda model: any(len(kind.formats) > 1 for kind in model.types))
def another_format(bench: Bench) -> None:
    """A cartridge that can be recorded in several formats keeps the one it has while it is
    written behind what is there."""
    model = bench.model
    kinds = [kind for kind in model.types if len(set(kind.formats) & set(model.writes)) > 1]
    for kind in kinds:
        older = next(form for form in kind.formats if form in model.writes)
        host = bench.tape(kind, recorded=older)
        host.write_tape([b"one"])
        host.space(3) if not model.has("92") else host.locate(0, EOD)
        assert host.write(b"two").status == GOOD
        cartridge = host.drive.cartridge
        assert cartridge is not None and cartridge.recorded is FORMATS[older.name]
