"""Sense data: lengths, pointers, information, the makers' own codes and bytes."""

from __future__ import annotations

from target.scsi import sense as s
from target.scsi.command import Completion
from target.scsi.sense import Sense
from target.tape.tape_alert import Flag
from tests.personalities.bench import Bench, Model, good, refused
from tests.personalities.registry import Applies, check
from tests.tape.host import CHECK, GOOD, Host

END = bytes((0x08, 0, 0, 0, 9, 0))
"""READ of nine bytes: at the end of data there is sense data with INFORMATION."""


def fails(host: Host, cdb: bytes = END) -> Completion:
    done, _ = host.pieces(cdb, sizes=(512,))
    assert done.status == CHECK
    return done


def tail(name: str) -> Applies:
    return lambda model: model.personality.quirks.get("sense_tail") == name


def ibm(model: Model) -> bool:
    return str(model.personality.quirks.get("sense_tail", "")).startswith("ibm")


@check()
def length_of_sense_data(bench: Bench) -> None:
    """That of the model, with and without a volume, for every kind of answer."""
    length = bench.model.personality.limits["sense_length"]
    tape, empty = bench.tape(), bench.empty()
    cdbs = (END, bytes((0xFF,)) + bytes(11), bytes((0x34, 5)) + bytes(8))
    for host in (tape, empty):
        for cdb in cdbs:
            data = fails(host, cdb).sense
            assert len(data) == length
            assert data[7] == length - 8
            assert data[0] & 0x7F == 0x70
            assert data[8:12] == bytes(4)


@check()
def information(bench: Bench) -> None:
    """VALID with a residue; without one neither."""
    host = bench.tape()
    data = fails(host).sense
    assert (data[0], data[2], data[3:7]) == (0xF0, 0x08, (9).to_bytes(4))
    data = fails(host, bytes((0x34, 5)) + bytes(8)).sense
    assert (data[0], data[3:7]) == (0x70, bytes(4))


@check()
def field_pointer(bench: Bench) -> None:
    """SKSV, C/D, the byte, and the bit but for the T10000."""
    data = fails(bench.tape(), bytes((0x34, 5)) + bytes(8)).sense
    bit = 0 if bench.model.personality.quirks.get("sense_tail") == "stk" else 0x0C
    assert data[15:18] == bytes((0xC0 | bit, 0, 1))
    host = bench.tape()
    done = host.send(bytes((0x15, 0x10, 0, 0, 4, 0)), out=bytes((0, 0, 0x10, 3)))
    refused(done, s.INVALID_PARAMETER, (3, None))


@check()
def stream_bits(bench: Bench) -> None:
    """FILEMARK, EOM and ILI are beside the sense key."""
    host = bench.tape()
    host.write_tape([None, b"data"])
    assert fails(host).sense[2] == 0x80
    assert fails(host).sense[2] == 0x20
    host.rewind()
    data = fails(host, bytes((0x11, 0, 0xFF, 0xFF, 0xFF, 0))).sense
    assert data[2] == 0x40


@check(lambda model: bool(model.personality.sense))
def codes_of_its_own(bench: Bench) -> None:
    """What the table ``sense`` says is what a host gets, with its fault symptom code."""
    host = bench.empty()
    at = 18 if bench.model.personality.quirks.get("sense_tail") == "stk" else 16
    for name, row in bench.model.personality.sense.items():
        condition = getattr(s, name)
        data = host.drive.encode_sense(Sense(condition), False)
        code = row.get("code", f"{condition.key:X}/{condition.asc:02X}/{condition.ascq:02X}")
        assert f"{data[2] & 0xF:X}/{data[12]:02X}/{data[13]:02X}" == code
        if "fsc" in row:
            assert int.from_bytes(data[at : at + 2]) == row["fsc"]


@check()
def descriptor_format(bench: Bench) -> None:
    """DESC of REQUEST SENSE, whatever the mode."""
    host = bench.tape()
    host.drive.reset()
    data = good(host.send(bytes((0x03, 1, 0, 0, 255, 0)), size=255))
    assert data[:4] == bytes((0x72, *bench.model.code(s.POWER_ON)[:3]))
    assert data[7] == len(data) - 8


@check(ibm)
def label_and_place(bench: Bench) -> None:
    """IBM: the volume's label, partition, block, operation code; nothing without a cartridge."""
    host = bench.tape()
    host.write_tape([b"one", b"two"])
    host.locate(2)
    data = fails(host).sense
    cartridge = host.drive.cartridge
    assert cartridge is not None
    assert data[21] & 1, "VOLVALID"
    assert data[22:29] + data[43:45] == (cartridge.barcode[:7] + cartridge.barcode[6:]).encode()
    assert data[36] & 7 == 0
    assert data[40] & 0x80, "the directory is valid"
    assert (data[41], data[45:49]) == (0x08, (2).to_bytes(4))
    data = fails(bench.empty()).sense
    assert data[18:40] == bytes(19) + data[37:40]
    assert data[43:49] == bytes(6)


@check(lambda model: ibm(model) or tail("hp")(model))
def cleaning_flag(bench: Bench) -> None:
    """CLN in byte 21."""
    host = bench.tape()
    assert not fails(host).sense[21] & 0x08
    host.drive.alert(Flag.CLEAN_PERIODIC)
    assert fails(host).sense[21] & 0x08


@check(tail("stk"))
def type_of_tape(bench: Bench) -> None:
    """T10000: a data tape, a cleaning tape, none."""
    cleaner = next(kind for kind in bench.model.types if kind.cleaning)
    for host, kind in (
        (bench.tape(), 0x10), (bench.tape(cleaner), 0x80), (bench.empty(), 0x00),
    ):  # fmt: skip
        data = fails(host).sense
        assert data[24] == kind
        assert data[25] == 0


@check()
def nothing_follows_success(bench: Bench) -> None:
    done, _ = bench.tape().pieces(bytes(6))
    assert (done.status, done.sense) == (GOOD, b"")
