"""What WRITE puts on the tape under each pair of modes, at each place (SSC-4 4.2.22, encrypting
logical blocks). Every check looks at the tape afterwards: without a key, and with it."""

from __future__ import annotations

from typing import NamedTuple

from harness.conform.asking import set_block_length
from harness.conform.encryption import (
    CLEAR,
    DECRYPT,
    DISABLE,
    ENCRYPT,
    KEY_A,
    KEY_B,
    MIXED,
    RAW,
    ROOM,
    Drive,
    block,
    encryption_check,
)
from harness.conform.subject import GOOD
from harness.conform.tape import END_OF_DATA
from harness.layers.cdb import (
    ModeSelect6,
    ModeSelect10,
    ModeSense6,
    ModeSense10,
    Read6,
    ReadBlockLimits,
    Rewind,
    Write6,
    WriteFilemarks6,
)

CLAUSE = "SSC-4 4.2.22 (encrypting logical blocks)"
TOPIC = "writing"
ENCRYPTION = {"DISABLE": DISABLE, "ENCRYPT": ENCRYPT}
DECRYPTION = {"DISABLE": DISABLE, "RAW": RAW, "DECRYPT": DECRYPT, "MIXED": MIXED}


class Place(NamedTuple):
    """Where on which tape a block is written."""

    name: str
    content: str
    at: int
    words: str


PLACES = (
    Place("BLANK", "", 0, "on an empty tape"),
    Place("OVER-CLEAR", "cc", 0, "at the beginning, over clear blocks"),
    Place("OVER-KEY", "AA", 0, "at the beginning, over encrypted blocks"),
    Place("BEHIND-CLEAR", "cc", 2, "behind clear blocks"),
    Place("BEHIND-KEY", "AA", 2, "behind blocks of the same key"),
    Place("BEHIND-OTHER", "BB", 2, "behind blocks of another key"),
    Place("AMID-KEY", "AAA", 1, "amid encrypted blocks, which ends the tape there"),
)
DATA = block(7, "new")


def _write_check(place: Place, first: str, second: str) -> None:
    encryption, decryption = ENCRYPTION[first], DECRYPTION[second]
    result = (
        "The block is encrypted: it is not read without the key, and the key reads it"
        if encryption
        else "The block is in clear: it is read with decryption off"
    )

    @encryption_check(
        f"ENC-WRITE-{place.name}-{first}-{second}",
        CLAUSE,
        TOPIC,
        f"WRITE {place.words}, encryption mode {first}, decryption mode {second}",
        expected=f"{result}. The tape ends behind it, and the block before it is what it was.",
    )
    def body(drive: Drive) -> None:
        if decryption == RAW:
            drive.need_raw()
        blocks = drive.tape(place.content)
        drive.go(place.at)
        drive.set(encryption, decryption)
        drive.write_block(DATA)
        drive.unit.expect("position after WRITE", place.at + 1, drive.position())
        drive.off()
        drive.content = place.content[: place.at] + ("A" if encryption else "c")
        _is_there(drive, place, blocks)

    def _is_there(drive: Drive, place: Place, blocks: list[bytes]) -> None:
        drive.go(place.at)
        came = drive.next_block().encryption_status
        if came > 1:
            allowed = drive.closed if encryption else (CLEAR,)
            drive.unit.require("ENCRYPTION STATUS", came in allowed, repr(allowed), came)
        if encryption:
            drive.read_refused("off")
            drive.set(key=KEY_A)
        drive.reads(DATA)
        drive.unit.refused(Read6(transfer_length=ROOM), *END_OF_DATA, size=ROOM)
        if place.at:
            drive.off()
            drive.go(place.at - 1)
            letter = place.content[place.at - 1]
            if letter != "c":
                drive.set(key=drive.key_of(letter))
            drive.reads(blocks[place.at - 1])


for _place in PLACES:
    for _first in ENCRYPTION:
        for _second in DECRYPTION:
            _write_check(_place, _first, _second)


def _size_check(size: int) -> None:
    @encryption_check(
        f"ENC-WRITE-SIZE-{size}",
        CLAUSE,
        TOPIC,
        f"An encrypted block of {size} bytes",
        expected="It is read with its key as it was written, and not without.",
    )
    def body(drive: Drive) -> None:
        limits = drive.unit.good(ReadBlockLimits(), size=6).data
        if size > int.from_bytes(limits[1:4]):
            drive.unit.skip(f"blocks have at most {int.from_bytes(limits[1:4])} bytes")
        data = block(1, "size", size)
        drive.unit.blank()
        drive.set()
        drive.write_block(data)
        drive.unit.good(Rewind())
        answer = drive.unit.good(Read6(transfer_length=size), size=size)
        drive.unit.require("the block", answer.data == data, "as it was written", answer.data)
        drive.off()
        drive.unit.good(Rewind())
        drive.unit.refused(Read6(transfer_length=size), *drive.codes("off"), size=size)


for _size in (1, 15, 16, 17, 511, 512, 65536, 262144):
    _size_check(_size)


@encryption_check("ENC-WRITE-FIXED", CLAUSE, TOPIC, "Several fixed blocks with one WRITE")
def fixed(drive: Drive) -> None:
    "Each is a block of its own, encrypted, and is read alone with the key."
    drive.unit.blank()
    blocks = [block(number) for number in range(4)]
    set_block_length(drive.unit, 100)
    drive.set()
    drive.unit.good(Write6(fixed=1, transfer_length=4), out=b"".join(blocks))
    drive.unit.expect("position", 4, drive.position())
    drive.unit.good(Rewind())
    for data in blocks:
        drive.reads(data)


@encryption_check("ENC-WRITE-NOTHING", CLAUSE, TOPIC, "WRITE of length 0 with encryption on")
def nothing(drive: Drive) -> None:
    "GOOD: nothing is written, the tape does not move."
    drive.tape("A")
    drive.set()
    drive.unit.good(Write6(transfer_length=0))
    drive.unit.expect("position", 0, drive.position())
    drive.reads(block(0, "A"))


@encryption_check("ENC-WRITE-FILEMARK", CLAUSE, TOPIC, "Filemarks with encryption on")
def filemarks(drive: Drive) -> None:
    "They are never encrypted: without a key READ tells of the filemark."
    drive.unit.blank()
    drive.set()
    drive.unit.good(WriteFilemarks6(filemark_count=2))
    drive.off()
    drive.unit.good(Rewind())
    for number in (1, 2):
        answer = drive.unit.refused(Read6(transfer_length=100), "0/00/01", size=100)
        drive.unit.expect("FILEMARK", True, bool(answer.sense.filemark))
        drive.unit.expect("position", number, drive.position())


@encryption_check("ENC-WRITE-KEY-CHANGED", CLAUSE, TOPIC, "Another key between two WRITEs")
def key_changed(drive: Drive) -> None:
    "Each block has the key that was set when it was written, and does not open with the other."
    drive.unit.blank()
    drive.set(key=KEY_A)
    drive.write_block(b"first")
    drive.set(key=KEY_B)
    drive.write_block(b"second")
    drive.content = "AB"
    drive.unit.good(Rewind())
    drive.read_refused("wrong")
    drive.set(key=KEY_A)
    drive.reads(b"first")
    drive.read_refused("wrong")
    drive.set(key=KEY_B)
    drive.reads(b"second")


@encryption_check("ENC-WRITE-TURNED-OFF", CLAUSE, TOPIC, "Encryption turned off between two WRITEs")
def turned_off(drive: Drive) -> None:
    "The second block is in clear, the first one is not."
    drive.unit.blank()
    drive.set()
    drive.write_block(b"first")
    drive.off()
    drive.write_block(b"second")
    drive.unit.good(Rewind())
    drive.read_refused("off")
    drive.set(DISABLE, MIXED)
    drive.reads(b"first")
    drive.off()
    drive.reads(b"second")


@encryption_check("ENC-WRITE-ONLY", CLAUSE, TOPIC, "ENCRYPT with decryption DISABLE")
def write_only(drive: Drive) -> None:
    "What was just written with the key cannot be read until decryption is set."
    drive.unit.blank()
    drive.set(ENCRYPT, DISABLE)
    drive.write_block(b"secret")
    drive.unit.good(Rewind())
    drive.read_refused("off")
    drive.set(DISABLE, DECRYPT)
    drive.reads(b"secret")


def _compression_check(name: str, enable: int) -> None:
    @encryption_check(
        f"ENC-WRITE-COMPRESSION-{name}",
        CLAUSE,
        TOPIC,
        f"Encryption with compression {name.lower()}",
        expected="Blocks that compress well and blocks that do not are read as they were written.",
    )
    def body(drive: Drive) -> None:
        answer = drive.unit.do(ModeSense6(page_code=0x0F, allocation_length=255), size=255)
        if answer.status != GOOD:
            drive.unit.skip("no data compression page")
        data = bytearray(answer.data)
        data[0] = data[1] = 0
        at = 4 + data[3]
        data[at] &= 0x3F
        data[at + 2] = data[at + 2] & 0x7F | enable << 7
        cdb = ModeSelect6(pf=1, parameter_list_length=len(data))
        if drive.unit.do(cdb, out=data).status != GOOD:
            drive.unit.skip("compression cannot be changed")
        drive.unit.blank()
        drive.set()
        blocks = bytes(4096), block(1, "A", 4096), b"keyreel " * 512
        for one in blocks:
            drive.write_block(one)
        drive.unit.good(Rewind())
        for one in blocks:
            drive.reads(one)


_compression_check("ON", 1)
_compression_check("OFF", 0)


@encryption_check(
    "ENC-WRITE-VCELBRE",
    "SSC-4 8.3.8 (VCELBRE)",
    TOPIC,
    "VCELBRE, and a clear block behind an encrypted one",
)
def requires_encryption(drive: Drive) -> None:
    """7/74/07 in clear, and nothing is written; an encrypted block is written there; from the
    beginning the tape may be overwritten."""
    sense = ModeSense10(dbd=1, page_code=0x10, subpage_code=1, allocation_length=255)
    mask = drive.unit.do(ModeSense10(**sense.fields, pc=1), size=255)
    if mask.status != GOOD or len(mask.data) < 17 or not mask.data[16] & 1:
        drive.unit.skip("VCELBRE cannot be set")
    data = bytearray(drive.unit.good(sense, size=255).data)
    data[0:2] = bytes(2)
    data[8] &= 0x7F
    data[16] |= 1
    drive.tape("A")
    drive.unit.good(ModeSelect10(pf=1, parameter_list_length=len(data)), out=data)
    drive.go(1)
    cdb = Write6(transfer_length=len(DATA))
    drive.unit.refused(cdb, *drive.codes("unusable"), out=DATA)
    drive.unit.expect("position", 1, drive.position())
    drive.set()
    drive.write_block(DATA)
    drive.off()
    drive.unit.good(Rewind())
    drive.write_block(DATA)
