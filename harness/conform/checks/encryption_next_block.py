"""The Next Block Encryption Status page at every kind of place (SSC-4 8.5.2.8)."""

from __future__ import annotations

from typing import NamedTuple

from harness.conform.encryption import (
    A_KAD,
    CANNOT_NOW,
    CLEAR,
    CLOSED,
    DECRYPT,
    DISABLE,
    ENCRYPT,
    KEY_A,
    KEY_B,
    LOCAL,
    MIXED,
    NEXT_BLOCK,
    NO_BLOCK,
    OPEN,
    RAW,
    REWIND,
    U_KAD,
    Drive,
    ask,
    encryption_check,
)
from harness.conform.encryption_pages import NextBlock, kad, of_host
from harness.conform.subject import GOOD
from harness.layers.cdb import Space6

CLAUSE = "SSC-4 8.5.2.8"
TOPIC = "next block"
UNKNOWN = 0, CANNOT_NOW
"""What a drive may say of any block that it has not read yet."""


class Place(NamedTuple):
    """Where on which tape; ``key`` A, B or none is set, with that decryption mode."""

    name: str
    content: str
    at: int
    key: str
    decryption: int
    status: tuple[int, ...]
    words: str


PLACES = (
    Place("CLEAR", "cc", 1, "", DISABLE, (CLEAR,), "a clear block, encryption off"),
    Place("CLEAR-KEY", "cc", 0, "A", DECRYPT, (CLEAR,), "a clear block with a key set"),
    Place("OFF", "AA", 0, "", DISABLE, (CLOSED,), "an encrypted block, decryption off"),
    Place("KEY", "AA", 0, "A", DECRYPT, (OPEN,), "an encrypted block with its key"),
    Place("KEY-MIXED", "AA", 1, "A", MIXED, (OPEN,), "an encrypted block with its key, MIXED"),
    Place("OTHER", "AA", 0, "B", DECRYPT, (CLOSED,), "an encrypted block with another key"),
    Place("OTHER-MIXED", "AA", 1, "B", MIXED, (CLOSED,), "the same, MIXED"),
    Place("RAW", "AA", 0, "", RAW, (OPEN, CLOSED), "an encrypted block, decryption mode RAW"),
    Place("CHANGE-CLEAR", "Ac", 1, "A", MIXED, (CLEAR,), "the first clear block"),
    Place("CHANGE-KEY", "cA", 1, "A", MIXED, (OPEN,), "the first encrypted block"),
    Place("CHANGE-OTHER", "AB", 1, "A", MIXED, (CLOSED,), "the first block of another key"),
    Place("FILEMARK", "A|A", 1, "A", DECRYPT, (NO_BLOCK,), "a filemark"),
    Place("FILEMARK-OFF", "c|c", 1, "", DISABLE, (NO_BLOCK,), "a filemark, encryption off"),
    Place("EOD", "AA", 2, "A", DECRYPT, (CANNOT_NOW, NO_BLOCK), "the end of data"),
    Place("EOD-OFF", "cc", 2, "", DISABLE, (CANNOT_NOW, NO_BLOCK), "the same, encryption off"),
    Place("BLANK", "", 0, "", DISABLE, (CANNOT_NOW, NO_BLOCK), "an empty tape"),
)  # fmt: skip


def _prepare(drive: Drive, place: Place) -> list[bytes]:
    if place.decryption == RAW:
        drive.need_raw()
    blocks = drive.tape(place.content, rdmc=drive.raw_readable)
    drive.go(place.at)
    if place.key:
        drive.set(ENCRYPT, place.decryption, key=drive.key_of(place.key))
    elif place.decryption:
        drive.set(DISABLE, place.decryption)
    return blocks


def _status_check(place: Place) -> None:
    @encryption_check(
        f"ENC-NEXT-{place.name}",
        CLAUSE,
        TOPIC,
        f"ENCRYPTION STATUS of {place.words}",
        expected=f"{' or '.join(f'{one}h' for one in place.status)}, with the logical object "
        "number of the position; before the block was read 0h or 1h will do. Asking does not "
        "move the tape.",
    )
    def body(drive: Drive) -> None:
        _prepare(drive, place)
        came = drive.next_block()
        allowed = place.status if place.key or place.status != (CLOSED,) else drive.closed
        if came.encryption_status in UNKNOWN and came.encryption_status not in allowed:
            if drive.algorithm.delb_c:
                drive.unit.warn("the drive does not tell before it has read the block")
        else:
            drive.unit.require(
                "ENCRYPTION STATUS",
                came.encryption_status in allowed,
                " or ".join(map(str, allowed)),
                came.encryption_status,
            )
        drive.unit.expect("LOGICAL OBJECT NUMBER", place.at, came.logical_object_number)
        drive.unit.require(
            "COMPRESSION STATUS", came.compression_status <= 4, "0 to 4", came.compression_status
        )
        drive.unit.expect("position after asking", place.at, drive.position())


for _place in PLACES:
    _status_check(_place)


def _encrypted(drive: Drive, came: NextBlock) -> None:
    """Raise NotApplicable unless the page tells that the block is encrypted."""
    if came.encryption_status in UNKNOWN:
        drive.unit.skip("the drive does not tell before it has read the block")
    drive.unit.require(
        "ENCRYPTION STATUS",
        came.encryption_status in (OPEN, CLOSED),
        "5 or 6",
        came.encryption_status,
    )


@encryption_check("ENC-NEXT-AGAIN", CLAUSE, TOPIC, "Asking twice")
def twice(drive: Drive) -> None:
    "The same answer, and READ still gets the block."
    data = drive.tape("AA")[0]
    drive.set()
    first = drive.page(NEXT_BLOCK)
    drive.unit.expect("the page", first, drive.page(NEXT_BLOCK))
    drive.reads(data)


@encryption_check("ENC-NEXT-FOLLOWS", CLAUSE, TOPIC, "From block to block")
def follows(drive: Drive) -> None:
    "The logical object number and the status are those of each block in turn."
    content = "cAAc"
    blocks = drive.tape(content)
    drive.set(DISABLE, MIXED)
    for number, data in enumerate(blocks):
        came = drive.next_block()
        drive.unit.expect("LOGICAL OBJECT NUMBER", number, came.logical_object_number)
        if came.encryption_status not in UNKNOWN:
            wanted = CLEAR if content[number] == "c" else OPEN
            drive.unit.expect("ENCRYPTION STATUS", wanted, came.encryption_status)
        drive.reads(data)


@encryption_check("ENC-NEXT-CURE", CLAUSE, TOPIC, "After a refused READ")
def after_a_refusal(drive: Drive) -> None:
    "The page describes the block that was refused: so a host finds out which key it needs."
    drive.tape("cA")
    drive.go(1)
    drive.read_refused("off")
    came = drive.next_block()
    drive.unit.expect("LOGICAL OBJECT NUMBER", 1, came.logical_object_number)
    if not came.encryption_status and not drive.algorithm.delb_c:
        drive.unit.skip("DELB_C is 0: the drive does not tell encrypted blocks from others")
    drive.unit.require(
        "ENCRYPTION STATUS", came.encryption_status in drive.closed, "6", came.encryption_status
    )


@encryption_check("ENC-NEXT-SPACE", CLAUSE, TOPIC, "After SPACE, forwards and backwards")
def after_space(drive: Drive) -> None:
    "The page is about the block where the tape is now, by number and by status."
    if drive.storagetek:
        drive.unit.skip("StorageTek's drives need keys to position")
    content = "cA|Ac"
    drive.tape(content)
    drive.set(DISABLE, MIXED)
    for code, count, at in ((0, 1, 1), (1, 1, 3), (0, 1, 4), (0, -1, 3), (1, -1, 2), (3, 0, 5)):
        drive.unit.good(Space6(code=code, count=count))
        came = drive.next_block()
        drive.unit.expect("LOGICAL OBJECT NUMBER", at, came.logical_object_number)
        if came.encryption_status not in UNKNOWN:
            wanted = {"c": CLEAR, "A": OPEN, "|": NO_BLOCK, "": NO_BLOCK}[content[at : at + 1]]
            drive.unit.expect("ENCRYPTION STATUS", wanted, came.encryption_status)


@encryption_check("ENC-NEXT-INDEX", CLAUSE, TOPIC, "ALGORITHM INDEX of an encrypted block")
def index(drive: Drive) -> None:
    "That of the algorithm with which it was written."
    drive.tape("A")
    drive.set()
    came = drive.next_block()
    _encrypted(drive, came)
    drive.unit.expect("ALGORITHM INDEX", drive.algorithm.algorithm_index, came.algorithm_index)


@encryption_check("ENC-NEXT-INDEX-CLEAR", CLAUSE, TOPIC, "ALGORITHM INDEX of a clear block")
def index_of_clear(drive: Drive) -> None:
    "No meaning, so 0; no descriptors, page length 000Ch."
    drive.tape("c")
    data = drive.page(NEXT_BLOCK)
    drive.unit.expect("page length", 0x0C, int.from_bytes(data[2:4]))
    came = NextBlock.of(data)
    if came.algorithm_index:
        drive.unit.warn("ALGORITHM INDEX is not 0 for a clear block")


@encryption_check("ENC-NEXT-EMES", CLAUSE, TOPIC, "EMES of a block written with ENCRYPT")
def emes(drive: Drive) -> None:
    "0: it was not written in EXTERNAL mode."
    drive.tape("A")
    drive.set()
    drive.unit.expect("EMES", 0, drive.next_block().emes)


def _rdmds_check(rdmc: int, wanted: int) -> None:
    @encryption_check(
        f"ENC-NEXT-RDMDS-{rdmc}",
        CLAUSE,
        TOPIC,
        f"RDMDS of a block written with RDMC {rdmc:02b}b",
        expected=f"{wanted}.",
    )
    def body(drive: Drive) -> None:
        drive.need_raw_control()
        drive.tape("A", rdmc=rdmc)
        drive.set()
        came = drive.next_block()
        _encrypted(drive, came)
        drive.unit.expect("RDMDS", wanted, came.rdmds)


_rdmds_check(2, 0)
_rdmds_check(3, 1)


@encryption_check("ENC-NEXT-RDMDS-DEFAULT", CLAUSE, TOPIC, "RDMDS of a block written with RDMC 00b")
def rdmds(drive: Drive) -> None:
    "As RDMC_C says: 1 with 4h, 0 with 5h."
    drive.need_raw_control()
    drive.tape("A", rdmc=0)
    drive.set()
    came = drive.next_block()
    _encrypted(drive, came)
    drive.unit.expect("RDMDS", 1 if drive.algorithm.rdmc_c == 4 else 0, came.rdmds)


@encryption_check("ENC-NEXT-SHORT", CLAUSE, TOPIC, "The header alone, then all of it")
def header_first(drive: Drive) -> None:
    "LTFS asks so: 4 bytes first, then as many as PAGE LENGTH says."
    drive.tape("A")
    head = drive.page(NEXT_BLOCK, 4)
    drive.unit.expect("length of the header", 4, len(head))
    size = int.from_bytes(head[2:4]) + 4
    drive.unit.expect("length of the page", size, len(drive.page(NEXT_BLOCK, size)))


@encryption_check("ENC-NEXT-NEXUS", CLAUSE, TOPIC, "Two nexuses with different keys")
def by_nexus(drive: Drive) -> None:
    "Each is told whether the block opens with its own parameters."
    drive.need_management("local_c")
    other = drive.second
    drive.tape("A")
    other.heard()
    drive.set(scope=LOCAL)
    other.set(scope=LOCAL, key=KEY_B)
    drive.need_two_sets()
    mine, theirs = drive.next_block(), other.next_block()
    _encrypted(drive, mine)
    drive.unit.expect(
        "ENCRYPTION STATUS of both",
        (OPEN, CLOSED),
        (mine.encryption_status, theirs.encryption_status),
    )


@encryption_check("ENC-NEXT-EMPTY", CLAUSE, TOPIC, "No volume")
def no_volume(drive: Drive) -> None:
    "NOT READY, MEDIUM NOT PRESENT, or a page without a block: object 0, status 0, no descriptors."
    drive.unloaded()
    answer = ask(drive.unit, NEXT_BLOCK)
    if answer.status == GOOD:
        came = NextBlock.of(answer.data)
        drive.unit.expect("ENCRYPTION STATUS", 0, came.encryption_status)
        drive.unit.expect("descriptors", (), came.kads)
    else:
        drive.unit.require("sense", answer.code.startswith("2/"), "NOT READY", answer.code)


# --- key-associated data of the block ------------------------------------------------------------

KADS = "SSC-4 8.5.4"


def _given(drive: Drive, letter: bytes) -> list[tuple[int, bytes]]:
    """A U-KAD and an A-KAD, as far as the drive has them, filled with that letter."""
    sizes = (
        (U_KAD, drive.algorithm.maximum_ukad_length),
        (A_KAD, drive.algorithm.maximum_akad_length),
    )
    return [(kind, letter * size) for kind, size in sizes if size]


def _list(given: list[tuple[int, bytes]]) -> bytes:
    return b"".join(kad(kind, data) for kind, data in given)


@encryption_check("ENC-KAD-NEXT", KADS, "key-associated data", "Descriptors of the next block")
def of_the_block(drive: Drive) -> None:
    "Those with which it was written, ascending by type, the same bytes."
    given = _given(drive, b"k")
    drive.tape("A", kads=_list(given))
    drive.set(kads=_list(_given(drive, b"x")))
    came = drive.next_block()
    _encrypted(drive, came)
    drive.unit.expect("descriptors", given, of_host(came.kads))
    kinds = [one.kind for one in came.kads]
    drive.unit.expect("types", sorted(set(kinds)), kinds)


@encryption_check("ENC-KAD-NEXT-OFF", KADS, "key-associated data", "Descriptors without a key")
def without_a_key(drive: Drive) -> None:
    "They are told with decryption off: a host finds the right key by them."
    given = _given(drive, b"k")
    drive.tape("A", kads=_list(given))
    came = drive.next_block()
    _encrypted(drive, came)
    drive.unit.expect("descriptors", given, of_host(came.kads))


@encryption_check("ENC-KAD-NEXT-CHANGE", KADS, "key-associated data", "Descriptors of each block")
def of_each_block(drive: Drive) -> None:
    "Blocks written with the same key and other key-associated data tell their own."
    drive.unit.blank()
    for letter in (b"1", b"2", b"3"):
        drive.set(kads=_list(_given(drive, letter)))
        drive.write_block(b"block " + letter)
    drive.unit.good(REWIND)
    for letter in (b"1", b"2", b"3"):
        came = drive.next_block()
        _encrypted(drive, came)
        wanted = [data for _, data in _given(drive, letter)]
        drive.unit.expect("descriptors", wanted, [data for _, data in of_host(came.kads)])
        drive.reads(b"block " + letter)


def _authenticated_check(kind: int, name: str, key: bytes, allowed: tuple[int, ...]) -> None:
    @encryption_check(
        f"ENC-KAD-AUTHENTICATED-{name}",
        KADS,
        "key-associated data",
        f"AUTHENTICATED of the next block's {name.replace('-', ' with ')}",
        expected=f"{' or '.join(map(str, allowed))}.",
    )
    def body(drive: Drive) -> None:
        drive.need_kad(kind)
        drive.tape("A", kads=_list(_given(drive, b"k")))
        if key:
            drive.set(key=key, kads=_list(_given(drive, b"k")))
        came = drive.next_block()
        _encrypted(drive, came)
        for one in came.kads:
            if one.kind == kind:
                drive.unit.require(
                    "AUTHENTICATED",
                    one.authenticated in allowed,
                    " or ".join(map(str, allowed)),
                    one.authenticated,
                )
                return
        drive.unit.expect("descriptors", f"one of type {kind}", came.kads)


_authenticated_check(U_KAD, "U-KAD-KEY", KEY_A, (1, 2))
_authenticated_check(U_KAD, "U-KAD-OFF", b"", (1, 2))
# 2 as long as the block was not read: nothing says that asking reads it.
_authenticated_check(A_KAD, "A-KAD-KEY", KEY_A, (2, 3))
_authenticated_check(A_KAD, "A-KAD-OFF", b"", (1, 2))
_authenticated_check(A_KAD, "A-KAD-OTHER", KEY_B, (2, 4))


@encryption_check("ENC-KAD-NEXT-CLEAR", KADS, "key-associated data", "A clear block, a key set")
def clear_block(drive: Drive) -> None:
    "No descriptors: those of the nexus' parameters are not the block's."
    drive.tape("c")
    drive.set(kads=_list(_given(drive, b"k")))
    drive.unit.expect("descriptors", (), drive.next_block().kads)


@encryption_check("ENC-KAD-NEXT-SHORT", KADS, "key-associated data", "Short descriptors on tape")
def short(drive: Drive) -> None:
    "A U-KAD of 5 bytes comes back with 5 bytes, or padded with zeros to the length of the format."
    most = drive.need_kad(U_KAD)
    if drive.algorithm.ukadf:
        drive.unit.skip("UKADF is 1: only the full length is taken")
    drive.tape("A", kads=kad(U_KAD, b"short"))
    came = drive.next_block()
    _encrypted(drive, came)
    found = next((one.data for one in came.kads if one.kind == U_KAD), b"")
    drive.unit.require(
        "the U-KAD", found in (b"short", b"short".ljust(most, b"\0")), "73 68 6f 72 74", found
    )
