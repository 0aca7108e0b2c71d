"""The cartridge's memory: READ ATTRIBUTE and WRITE ATTRIBUTE."""

from __future__ import annotations

from target.medium.formats import ORGANIZATIONS
from target.scsi import sense as s
from target.tape.mam_table import ATTRIBUTES, HOST
from tests.personalities.bench import Bench, Model, good, refused
from tests.personalities.registry import check, has
from tests.tape.host import GOOD, MIB
from tests.tape.memory import (
    ASCII,
    LIST,
    PARTITIONS,
    READ_ONLY,
    SUPPORTED,
    TEXT,
    VOLUMES,
    attribute,
    everything,
    identifiers,
    number,
    read,
    value,
    write,
)

VENDOR, LABEL, LOCALIZATION, REFERENCE = 0x0800, 0x0803, 0x0805, 0x0009


def takes(model: Model, identifier: int) -> bool:
    """Whether the model has an attribute."""
    row = next(row for row in ATTRIBUTES if row.id == identifier)
    return bool(model.personality.attributes.get(f"{identifier:04X}", not row.optional))


def keeps(model: Model) -> bool:
    """Whether hosts may write attributes to a tape of one partition."""
    partitioned = model.personality.attributes.get("partitioned_only")
    return not partitioned and all(takes(model, one) for one in (VENDOR, LABEL, LOCALIZATION))


@check()
def list_and_values_agree(bench: Bench) -> None:
    host = bench.tape()
    assert identifiers(host, LIST) == list(everything(host))


@check()
def own_attributes_are_read_only(bench: Bench) -> None:
    """Those of the drive and of the medium; their sizes and formats are those of the tables."""
    rows = {row.id: row for row in ATTRIBUTES}
    own = bench.model.personality.attributes
    for identifier, (flags, body) in everything(bench.tape()).items():
        row = rows[identifier]
        assert bool(flags & READ_ONLY) == row.read_only
        assert flags & 3 == row.format
        size = own.get(f"{identifier:04X}", row.size)
        assert len(body) == (row.size if size is True else size), f"{identifier:04X}"


@check()
def what_the_model_lacks_is_not_there(bench: Bench) -> None:
    found = everything(bench.tape())
    for row in ATTRIBUTES:
        if not takes(bench.model, row.id):
            assert row.id not in found


@check(has("8C-05"))
def supported_attributes(bench: Bench) -> None:
    """All that exist and all that hosts may write."""
    host = bench.tape()
    supported = identifiers(host, SUPPORTED)
    assert supported == sorted(set(supported))
    assert set(everything(host)) <= set(supported)
    if keeps(bench.model):
        assert {row.id for row in HOST if takes(bench.model, row.id)} <= set(supported)


@check()
def one_volume_and_its_partitions(bench: Bench) -> None:
    host = bench.tape()
    assert good(read(host, VOLUMES)) == b"\0\2\0\1"
    assert good(read(host, PARTITIONS)) == b"\0\2\0\1"
    refused(read(host, partition=1), s.INVALID_FIELD_IN_CDB, (7, 7))
    refused(read(host, volume=1), s.INVALID_FIELD_IN_CDB, (5, 7))


@check()
def from_an_identifier_on(bench: Bench) -> None:
    """The first one must exist, unless the model is lenient."""
    host = bench.tape()
    found = list(everything(host))
    middle = found[len(found) // 2]
    data = good(read(host, first=middle))
    assert data[4:6] == middle.to_bytes(2)
    gap = next(one for one in range(found[0], 0x2000) if one not in found and one < found[-1])
    if bench.model.personality.attributes.get("any_first"):
        assert read(host, first=gap).status == GOOD
    else:
        refused(read(host, first=gap), s.INVALID_FIELD_IN_CDB, (8, 7))


@check()
def without_a_cartridge(bench: Bench) -> None:
    host = bench.empty()
    for action in (0, LIST, VOLUMES, PARTITIONS):
        refused(read(host, action), bench.model.code(s.NO_MEDIUM))
    refused(write(host, attribute(VENDOR, b"x", ASCII)), bench.model.code(s.NO_MEDIUM))


@check()
def cut_to_allocation(bench: Bench) -> None:
    host = bench.tape()
    whole = good(read(host))
    for length in (0, 4, 9, len(whole) - 1):
        assert good(read(host, allocation=length)) == whole[:length]


@check()
def what_the_medium_is(bench: Bench) -> None:
    """Organization, density, type, memory and length of the cartridge."""
    host, model = bench.tape(), bench.model
    kind = model.cartridge(model.native)
    assert kind is not None
    found = everything(host)
    golden = {
        0x0402: kind.length.to_bytes(4),
        0x0404: f"{ORGANIZATIONS[kind.family]:8}".encode(),
        0x0405: kind.formats[0].density.to_bytes(1),
        0x0407: kind.memory.to_bytes(8),
        0x0408: b"\0",
    }
    for identifier, body in golden.items():
        if takes(model, identifier):
            assert found[identifier].value == body, f"{identifier:04X}"


@check()
def capacities(bench: Bench) -> None:
    """In MiB, or in the model's own unit."""
    host = bench.tape(capacity=64 * MIB)
    unit = bench.model.personality.attributes.get("unit", MIB)
    assert number(host, 0x0001) == 64 * MIB // unit
    assert number(host, 0x0000) <= 64 * MIB // unit
    before = number(host, 0x0000)
    for _ in range(4):
        host.write(bytes(1 << 20))
    assert number(host, 0x0000) <= before - 3


@check(lambda model: takes(model, 0x0003) and takes(model, 0x020A))
def loads(bench: Bench) -> None:
    """How often, and by whom."""
    host = bench.tape()
    before = number(host, 0x0003)
    cartridge = host.drive.eject()
    assert cartridge is not None
    host.drive.insert(cartridge)
    host.hear()
    assert number(host, 0x0003) == before + 1
    vendor = bench.model.personality.inquiry["vendor"]
    assert value(host, 0x020A) == f"{vendor:8}{host.drive.serial:32}".encode()


@check(lambda model: takes(model, REFERENCE))
def change_reference(bench: Bench) -> None:
    """It grows with the first write of a mount, and after it was read."""
    host = bench.tape()
    seen = [number(host, REFERENCE)]
    for _ in range(2):
        host.write(b"data")
        seen.append(number(host, REFERENCE))
    assert seen[0] < seen[1] < seen[2]


@check(lambda model: model.encrypts and takes(model, 0x0224))
def nothing_is_encrypted(bench: Bench) -> None:
    host = bench.tape()
    host.write(b"clear")
    assert value(host, 0x0224) == b"\xff" * 8


@check(keeps)
def attributes_of_hosts(bench: Bench) -> None:
    """Written, read back with their formats, kept with the cartridge, removed with length 0."""
    host = bench.tape()
    done = write(
        host, attribute(VENDOR, b"KEYREEL", ASCII), attribute(LABEL, "Tübingen".encode(), TEXT)
    )
    assert done.status == GOOD
    assert value(host, VENDOR) == b"KEYREEL"
    cartridge = host.drive.eject()
    assert cartridge is not None
    host.drive.insert(cartridge)
    host.hear()
    found = everything(host)
    assert found[LABEL].value.decode() == "Tübingen"
    assert found[LABEL].flags == TEXT
    assert write(host, attribute(LABEL, b"", TEXT)).status == GOOD
    assert LABEL not in everything(host)


@check(keeps)
def all_of_a_list_or_nothing(bench: Bench) -> None:
    host = bench.tape()
    bad = attribute(LOCALIZATION, b"\x77")
    refused(write(host, attribute(VENDOR, b"x", ASCII), bad), s.INVALID_PARAMETER)
    assert VENDOR not in everything(host)


@check()
def read_only_attributes_stay(bench: Bench) -> None:
    refused(write(bench.tape(), attribute(0x0003, bytes(8))), s.INVALID_PARAMETER, (4, None))


@check(keeps)
def wrong_lists(bench: Bench) -> None:
    """Out of order, a wrong format or length, an end within an attribute."""
    host = bench.tape()
    good_one, late = attribute(LABEL, b"x", TEXT), attribute(VENDOR, b"x", ASCII)
    refused(write(host, good_one, late), s.INVALID_PARAMETER)
    refused(write(host, attribute(VENDOR, b"x", TEXT)), s.INVALID_PARAMETER)
    refused(write(host, attribute(VENDOR, b"x" * 9, ASCII)), s.INVALID_PARAMETER)
    refused(write(host, good_one[:-1]), s.PARAMETER_LIST_LENGTH)


@check(lambda model: keeps(model) and model.partitions > 1)
def attributes_of_partitions(bench: Bench) -> None:
    host = bench.tape(partitions=(1 << 19, 1 << 20))
    assert good(read(host, PARTITIONS)) == b"\0\2\0\2"
    for partition, text in enumerate((b"zero", b"one")):
        assert write(host, attribute(VENDOR, text, ASCII), partition=partition).status == GOOD
    assert [value(host, VENDOR, which) for which in (0, 1)] == [b"zero", b"one"]
    unit = bench.model.personality.attributes.get("unit", MIB)
    assert [number(host, 0x0001, which) for which in (0, 1)] == [0, (1 << 20) // unit]


@check(keeps)
def protected_cartridge(bench: Bench) -> None:
    host = bench.tape(protect=True)
    refused(write(host, attribute(VENDOR, b"x", ASCII)), s.WRITE_PROTECTED)
