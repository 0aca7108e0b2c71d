"""What READ and VERIFY do with clear and encrypted blocks, under each pair of modes, at each
place of the tape (SSC-4 4.2.22, reading encrypted logical blocks)."""

from __future__ import annotations

from typing import Any, NamedTuple

from harness.conform.asking import set_block_length
from harness.conform.encryption import (
    DECRYPT,
    DISABLE,
    ENCRYPT,
    EXTERNAL,
    KEY_A,
    KEY_B,
    MIXED,
    RAW,
    ROOM,
    Drive,
    encryption_check,
)
from harness.conform.encryption_codes import INVALID_CDB
from harness.conform.subject import GOOD
from harness.conform.tape import END_OF_DATA
from harness.layers.cdb import Read6, ReadReverse6, Rewind, Space6, Verify6

CLAUSE = "SSC-4 4.2.22 (reading encrypted logical blocks)"

ENCRYPTION = {"DISABLE": DISABLE, "ENCRYPT": ENCRYPT, "EXTERNAL": EXTERNAL}
DECRYPTION = {"DISABLE": DISABLE, "RAW": RAW, "DECRYPT": DECRYPT, "MIXED": MIXED}


class Situation(NamedTuple):
    """Where on which tape a block is read; ``kind``: c clear, A the key that is set, B another."""

    name: str
    content: str
    at: int
    words: str

    @property
    def kind(self) -> str:
        """What is read: c, A, B, | for a filemark or nothing at the end of data."""
        return self.content[self.at : self.at + 1]


SITUATIONS = (
    Situation("CLEAR-BOT", "ccc", 0, "a clear block at the beginning"),
    Situation("CLEAR-MIDDLE", "ccc", 1, "a clear block amid clear ones"),
    Situation("KEY-BOT", "AAA", 0, "a block of the key at the beginning"),
    Situation("KEY-MIDDLE", "AAA", 1, "a block of the key amid others of it"),
    Situation("OTHER-BOT", "BB", 0, "a block of another key at the beginning"),
    Situation("KEY-BEHIND-CLEAR", "ccA", 2, "the first block of the key behind clear ones"),
    Situation("CLEAR-BEHIND-KEY", "AAc", 2, "the first clear block behind those of the key"),
    Situation(
        "OTHER-BEHIND-KEY", "AAB", 2, "the first block of another key behind those of the key"
    ),
    Situation("KEY-BEHIND-OTHER", "BBA", 2, "the first block of the key behind those of another"),
    Situation("FILEMARK", "A|A", 1, "a filemark amid blocks of the key"),
    Situation("EOD", "AA", 2, "the end of data behind blocks of the key"),
)

EXPECTED = {
    ("c", DISABLE): "data", ("c", RAW): "data", ("c", DECRYPT): "clear", ("c", MIXED): "data",
    ("A", DISABLE): "off", ("A", RAW): "raw", ("A", DECRYPT): "data", ("A", MIXED): "data",
    ("B", DISABLE): "off", ("B", RAW): "raw", ("B", DECRYPT): "wrong", ("B", MIXED): "wrong",
}  # fmt: skip
IN_WORDS = {
    "data": "The block as it was written.",
    "raw": "Encrypted bytes: GOOD, and not the block as it was written.",
    "off": "DATA PROTECT, UNABLE TO DECRYPT DATA; no data; the tape stays before the block, and "
    "the right key reads it.",
    "clear": "DATA PROTECT, UNENCRYPTED DATA ENCOUNTERED WHILE DECRYPTING; no data; the tape stays "
    "before the block, and with decryption off it is read.",
    "wrong": "DATA PROTECT, INCORRECT DATA ENCRYPTION KEY; no data; the tape stays before the "
    "block, and the right key reads it.",
    "filemark": "NO SENSE, FILEMARK DETECTED, as on any tape.",
    "end": "BLANK CHECK, END-OF-DATA DETECTED, as on any tape.",
}


def expected(situation: Situation, decryption: int) -> str:
    """The key of `IN_WORDS`."""
    if situation.kind == "|":
        return "filemark"
    return EXPECTED[situation.kind, decryption] if situation.kind else "end"


def prepare(drive: Drive, situation: Situation, encryption: int, decryption: int) -> bytes:
    """The tape, at the place, with KEY_A and the modes; returns the block that is there."""
    if decryption == RAW:
        drive.need_raw()
    if encryption == EXTERNAL:
        drive.need_external()
    blocks = drive.tape(situation.content, rdmc=drive.raw_readable)
    drive.go(situation.at)
    if encryption == EXTERNAL:
        drive.set_external(decryption)
    else:
        drive.set(encryption, decryption)
    return blocks[situation.at] if situation.at < len(blocks) else b""


def cure(drive: Drive, situation: Situation, data: bytes) -> None:
    """Read the block with what it needs, from where the tape is."""
    if situation.kind == "c":
        drive.off()
    else:
        drive.set(key=drive.key_of(situation.kind))
    drive.reads(data)


def _read_check(situation: Situation, first: str, second: str) -> None:
    decryption = DECRYPTION[second]
    wanted = expected(situation, decryption)

    @encryption_check(
        f"ENC-READ-{situation.name}-{first}-{second}",
        CLAUSE,
        "reading",
        f"READ of {situation.words}, encryption mode {first}, decryption mode {second}",
        expected=IN_WORDS[wanted],
    )
    def body(drive: Drive) -> None:
        data = prepare(drive, situation, ENCRYPTION[first], decryption)
        if wanted == "data":
            drive.reads(data)
            drive.unit.expect("position after READ", situation.at + 1, drive.position())
        elif wanted == "raw":
            answer = drive.unit.good(Read6(sili=1, transfer_length=ROOM), size=ROOM)
            drive.unit.require("the block", len(answer.data) > 0, "some bytes", answer.data)
            drive.unit.require("the block", data not in answer.data, "encrypted bytes", answer.data)
            drive.unit.expect("position after READ", situation.at + 1, drive.position())
        elif wanted == "filemark":
            answer = drive.unit.refused(Read6(transfer_length=ROOM), "0/00/01", size=ROOM)
            drive.unit.expect("FILEMARK", True, bool(answer.sense.filemark))
            drive.unit.expect("position after the filemark", situation.at + 1, drive.position())
        elif wanted == "end":
            drive.unit.refused(Read6(transfer_length=ROOM), *END_OF_DATA, size=ROOM)
            drive.unit.expect("position at the end", situation.at, drive.position())
        else:
            drive.read_refused(wanted)
            cure(drive, situation, data)


for _situation in SITUATIONS:
    for _first in ENCRYPTION:
        # What EXTERNAL would write is told once for each kind of block: it is of no use to READ.
        if _first != "EXTERNAL" or _situation.name.endswith("BOT"):
            for _second in DECRYPTION:
                _read_check(_situation, _first, _second)


# --- VERIFY --------------------------------------------------------------------------------------


def _verify_check(situation: Situation, second: str) -> None:
    decryption = DECRYPTION[second]
    wanted = expected(situation, decryption)

    @encryption_check(
        f"ENC-VERIFY-{situation.name}-{second}",
        CLAUSE,
        "verifying",
        f"VERIFY of {situation.words}, decryption mode {second}",
        expected="As READ would, without data: "
        + ("GOOD, the block is passed." if wanted in ("data", "raw") else IN_WORDS[wanted]),
    )
    def body(drive: Drive) -> None:
        drive.unit.need(0x13)
        data = prepare(drive, situation, DISABLE, decryption)
        cdb = Verify6(verification_length=len(data))
        if wanted == "raw":
            # How long the raw form of a block is, is the drive's affair: ILI is no error here.
            answer = drive.unit.do(cdb)
            drive.unit.require("VERIFY", answer.code in ("", "0/00/00"), "GOOD or ILI", answer)
        elif wanted == "data":
            drive.unit.good(cdb)
            drive.unit.expect("position after VERIFY", situation.at + 1, drive.position())
        else:
            drive.unit.refused(cdb, *drive.codes(wanted))
            drive.unit.expect("position after the refusal", situation.at, drive.position())
            cure(drive, situation, data)


for _situation in SITUATIONS:
    if _situation.name in ("CLEAR-BOT", "KEY-BOT", "OTHER-BOT"):
        for _second in DECRYPTION:
            _verify_check(_situation, _second)


# --- more than one block, other lengths ----------------------------------------------------------


def _several_check(name: str, content: str, decryption: str, wanted: str) -> None:
    @encryption_check(
        f"ENC-READ-FIXED-{name}",
        CLAUSE,
        "reading",
        f"READ of several fixed blocks, tape {content!r}, decryption mode {decryption}",
        expected="The blocks before the one that is refused, then its sense code; INFORMATION is "
        "how many are missing; the tape is before the refused block.",
    )
    def body(drive: Drive) -> None:
        blocks = drive.tape(content)
        set_block_length(drive.unit, 100)
        drive.set(DISABLE, DECRYPTION[decryption])
        count = len(content)
        cdb = Read6(fixed=1, transfer_length=count)
        answer = drive.unit.refused(cdb, *drive.codes(wanted), size=100 * count)
        drive.unit.expect("position", 2, drive.position())
        drive.unit.expect("the blocks before", b"".join(blocks[:2]), answer.data[:200])
        if answer.sense.valid:
            drive.unit.expect("INFORMATION", count - 2, answer.sense.information)


_several_check("OFF", "ccA", "DISABLE", "off")
_several_check("CLEAR", "AAcc", "DECRYPT", "clear")
_several_check("WRONG", "AAB", "DECRYPT", "wrong")
_several_check("MIXED", "cABA", "MIXED", "wrong")


@encryption_check(
    "ENC-READ-FIXED-ALL", CLAUSE, "reading", "READ of several fixed blocks with their key"
)
def several(drive: Drive) -> None:
    "All of them, in order."
    blocks = drive.tape("AAAA")
    set_block_length(drive.unit, 100)
    drive.set()
    answer = drive.unit.good(Read6(fixed=1, transfer_length=4), size=400)
    drive.unit.expect("the blocks", b"".join(blocks), answer.data)


@encryption_check("ENC-READ-ILI-SHORT", CLAUSE, "reading", "An encrypted block shorter than asked")
def shorter(drive: Drive) -> None:
    "ILI; INFORMATION counts from the length in clear; the data are there."
    (data,) = drive.tape("A")
    drive.set()
    answer = drive.unit.refused(Read6(transfer_length=150), "0/00/00", size=150)
    drive.unit.expect("ILI", True, bool(answer.sense.ili))
    drive.unit.expect("INFORMATION", 50, answer.sense.information)
    drive.unit.expect("the block", data, answer.data[:100])


@encryption_check("ENC-READ-ILI-LONG", CLAUSE, "reading", "An encrypted block longer than asked")
def longer(drive: Drive) -> None:
    "ILI; INFORMATION is negative by what is missing of its length in clear; the rest is there."
    (data,) = drive.tape("A")
    drive.set()
    answer = drive.unit.refused(Read6(transfer_length=60), "0/00/00", size=60)
    drive.unit.expect("ILI", True, bool(answer.sense.ili))
    drive.unit.expect("INFORMATION", -40, answer.sense.information)
    drive.unit.expect("the block", data[:60], answer.data)
    drive.unit.expect("position", 1, drive.position())


@encryption_check("ENC-READ-INFORMATION", CLAUSE, "reading", "INFORMATION of a refused block")
def information(drive: Drive) -> None:
    "If VALID is set, INFORMATION is the requested length: nothing of the block was transferred."
    drive.tape("A")
    answer = drive.unit.refused(Read6(transfer_length=100), *drive.codes("off"), size=100)
    if not answer.sense.valid:
        drive.unit.warn("VALID is 0: a host cannot tell how much was transferred")
    else:
        drive.unit.expect("INFORMATION", 100, answer.sense.information)


@encryption_check("ENC-READ-AGAIN", CLAUSE, "reading", "READ again after a refusal")
def again(drive: Drive) -> None:
    "The same refusal each time; the tape does not creep on."
    (data,) = drive.tape("A")
    for _ in range(3):
        drive.read_refused("off")
    drive.set()
    drive.reads(data)


@encryption_check("ENC-READ-TWO-KEYS", CLAUSE, "reading", "Blocks of two keys on one tape")
def two_keys(drive: Drive) -> None:
    "Each is read with its own key, set before it is read."
    blocks = drive.tape("AABB")
    for number, data in enumerate(blocks):
        drive.set(key=drive.key_of("AABB"[number]))
        drive.reads(data)


def _read_ahead_check(name: str, words: str, wanted: str, **fields: Any) -> None:
    @encryption_check(
        f"ENC-READ-AHEAD-{name}",
        CLAUSE,
        "reading",
        f"READ, {words}, and READ of the next block",
        expected="It is refused, though the drive may have decrypted it ahead; the key reads it.",
    )
    def body(drive: Drive) -> None:
        blocks = drive.tape("AAAA")
        drive.set()
        drive.reads(blocks[0])
        drive.reads(blocks[1])
        drive.set(**fields)
        drive.read_refused(wanted)
        drive.set()
        drive.reads(blocks[2])


_read_ahead_check(
    "OFF", "decryption turned off", "off", encryption=DISABLE, decryption=DISABLE, key=b""
)
_read_ahead_check("OTHER", "another key", "wrong", key=KEY_B)


@encryption_check("ENC-READ-MIXED-TAPE", CLAUSE, "reading", "MIXED over clear and encrypted blocks")
def mixed(drive: Drive) -> None:
    "All are read one after the other with one Set Data Encryption page."
    blocks = drive.tape("cAAcA")
    drive.set(DISABLE, MIXED)
    for data in blocks:
        drive.reads(data)


@encryption_check("ENC-READ-KEY-CHANGED-BIT", CLAUSE, "reading", "A key that differs in one bit")
def one_bit(drive: Drive) -> None:
    "It is another key, wherever in it the bit is."
    (data,) = drive.tape("A")
    for byte, bit in ((0, 0x80), (7, 0x01), (8, 0x10), (15, 0x01), (16, 0x80), (31, 0x01)):
        key = bytearray(KEY_A)
        key[byte] ^= bit
        drive.set(key=bytes(key))
        drive.read_refused("wrong")
    drive.set()
    drive.reads(data)


def _reverse_check(name: str, content: str, decryption: str, wanted: str) -> None:
    @encryption_check(
        f"ENC-REVERSE-{name}",
        CLAUSE,
        "reading",
        f"READ REVERSE of a block of tape {content!r}, decryption mode {decryption}",
        expected=IN_WORDS[wanted].replace("before the block", "where it was"),
    )
    def body(drive: Drive) -> None:
        drive.unit.need(0x0F)
        blocks = drive.tape(content)
        drive.go(1)
        drive.set(DISABLE, DECRYPTION[decryption])
        cdb = ReadReverse6(transfer_length=100)
        if wanted == "data":
            # With BYTORD 0 the bytes come in reverse order, too.
            answer = drive.unit.do(cdb, size=100)
            if answer.code == INVALID_CDB:
                drive.unit.skip("blocks do not come in reverse byte order")
            drive.unit.expect("status", GOOD, answer.status)
            drive.unit.expect("the block", blocks[0][::-1], answer.data)
            drive.unit.expect("position", 0, drive.position())
            return
        answer = drive.unit.refused(cdb, *drive.codes(wanted), size=100)
        drive.unit.expect("data of the refused READ REVERSE", b"", answer.data.strip(b"\0"))
        drive.unit.expect("position after the refusal", 1, drive.position())
        drive.unit.good(Rewind())
        drive.set(key=drive.key_of(content[0]))
        drive.reads(blocks[0])


_reverse_check("KEY", "A", "DECRYPT", "data")
_reverse_check("OFF", "A", "DISABLE", "off")
_reverse_check("OTHER", "B", "DECRYPT", "wrong")


def _without_key_check(name: str, words: str, code: int, count: int, at: int) -> None:
    @encryption_check(
        f"ENC-SPACE-{name}",
        "SSC-4 7.9",
        "positioning",
        f"SPACE over encrypted blocks without their key: {words}",
        expected="GOOD: positioning needs no key, and the tape is where it has to be.",
    )
    def body(drive: Drive) -> None:
        if drive.storagetek:
            drive.unit.skip("StorageTek's drives need keys to position")
        drive.tape("AB|A|A")
        drive.unit.good(Space6(code=code, count=count))
        drive.unit.expect("position", at, drive.position())


_without_key_check("BLOCKS", "two blocks", 0, 2, 2)
_without_key_check("FILEMARKS", "two filemarks", 1, 2, 5)
_without_key_check("EOD", "to the end of data", 3, 0, 6)


@encryption_check(
    "ENC-SPACE-WRONG-KEY", "SSC-4 7.9", "positioning", "SPACE and LOCATE with another key set"
)
def positioning_with_another_key(drive: Drive) -> None:
    "GOOD, and no key fails by it: the right one reads."
    if drive.storagetek:
        drive.unit.skip("StorageTek's drives need keys to position")
    blocks = drive.tape("BBB")
    drive.set()
    drive.unit.good(Space6(code=0, count=2))
    drive.unit.good(Space6(code=0, count=-1))
    drive.go(2)
    drive.go(1)
    drive.set(key=drive.key_of("B"))
    drive.reads(blocks[1])
