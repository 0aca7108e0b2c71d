"""Raw reading, blocks written in raw form (EXTERNAL), and the controls over both: RDMC and CEEM
(SSC-4 4.2.22, keyless copy of encrypted logical blocks)."""

from __future__ import annotations

from typing import Any

from harness.conform.encryption import (
    A_KAD,
    CANNOT_NOW,
    DECRYPT,
    DISABLE,
    ENCRYPT,
    EXTERNAL,
    KEY_A,
    KEY_B,
    M_KAD,
    MIXED,
    RAW,
    ROOM,
    U_KAD,
    Drive,
    block,
    encryption_check,
)
from harness.conform.encryption_cdbs import out_cdb
from harness.conform.encryption_codes import INCOMPLETE_KADS, INVALID_LIST
from harness.conform.encryption_pages import kad, of_host
from harness.conform.subject import GOOD
from harness.layers.cdb import Read6, Rewind

CLAUSE = "SSC-4 4.2.22 (keyless copy of encrypted logical blocks)"
RAW_TOPIC, EXTERNAL_TOPIC = "raw reading", "external encryption"
SAME = bytes(512)
"""A block that shows a cipher that repeats itself."""


def _raw(drive: Drive) -> bytes:
    """The next block in raw form."""
    answer = drive.unit.good(Read6(sili=1, transfer_length=ROOM), size=ROOM)
    drive.unit.require("the raw block", answer.data, "some bytes", answer.data)
    return answer.data


def _write_raw_readable(drive: Drive, *pairs: tuple[bytes, bytes]) -> None:
    """Blocks with their keys from the beginning of the tape; then RAW is set, at the beginning."""
    drive.need_raw()
    drive.unit.blank()
    for key, data in pairs:
        drive.set(key=key, rdmc=drive.raw_readable)
        drive.write_block(data)
    drive.set(DISABLE, RAW)
    drive.unit.good(Rewind())


@encryption_check("ENC-RAW-HIDDEN", CLAUSE, RAW_TOPIC, "The clear text in the raw block")
def hidden(drive: Drive) -> None:
    "No 8 bytes of it are in the raw block."
    data = block(1, "A", 512)
    _write_raw_readable(drive, (KEY_A, data))
    raw = _raw(drive)
    for at in range(0, len(data), 8):
        drive.unit.require("the raw block", data[at : at + 8] not in raw, "no clear text", raw)


@encryption_check("ENC-RAW-ZEROS", CLAUSE, RAW_TOPIC, "A block of zeros in raw form")
def zeros(drive: Drive) -> None:
    "It is not zeros, and none of its 16-byte parts comes twice: the cipher does not repeat itself."
    _write_raw_readable(drive, (KEY_A, SAME))
    raw = _raw(drive)
    drive.unit.require("the raw block", raw.strip(b"\0"), "not zeros", raw)
    parts = [raw[at : at + 16] for at in range(0, len(raw) - 15, 16)]
    # What belongs to the format may be zeros.
    parts = [part for part in parts if any(part)]
    drive.unit.expect("different parts", len(parts), len(set(parts)))


@encryption_check("ENC-RAW-TWICE", CLAUSE, RAW_TOPIC, "The same block written twice with one key")
def twice(drive: Drive) -> None:
    "Two raw blocks that differ: each has a nonce of its own."
    _write_raw_readable(drive, (KEY_A, SAME), (KEY_A, SAME))
    first, second = _raw(drive), _raw(drive)
    drive.unit.require("the second raw block", first != second, "another than the first", second)


@encryption_check("ENC-RAW-ONE-PAGE", CLAUSE, RAW_TOPIC, "The same block twice without a new page")
def twice_in_a_row(drive: Drive) -> None:
    "Two raw blocks that differ, though nothing was set between the WRITEs."
    drive.need_raw()
    drive.unit.blank()
    drive.set(rdmc=drive.raw_readable)
    drive.write_block(SAME)
    drive.write_block(SAME)
    drive.set(DISABLE, RAW)
    drive.unit.good(Rewind())
    first, second = _raw(drive), _raw(drive)
    drive.unit.require("the second raw block", first != second, "another than the first", second)


@encryption_check("ENC-RAW-KEYS", CLAUSE, RAW_TOPIC, "The same block with two keys")
def two_keys(drive: Drive) -> None:
    "Two raw blocks that differ."
    _write_raw_readable(drive, (KEY_A, SAME), (KEY_B, SAME))
    first, second = _raw(drive), _raw(drive)
    drive.unit.require("the second raw block", first != second, "another than the first", second)


@encryption_check("ENC-RAW-REWRITTEN", CLAUSE, RAW_TOPIC, "The same block on a tape written anew")
def rewritten(drive: Drive) -> None:
    "Another raw block: nonces are not used again with a key."
    _write_raw_readable(drive, (KEY_A, SAME))
    first = _raw(drive)
    _write_raw_readable(drive, (KEY_A, SAME))
    drive.unit.require("the raw block", first != _raw(drive), "another than before", first)


@encryption_check("ENC-RAW-STABLE", CLAUSE, RAW_TOPIC, "The same raw block read twice")
def stable(drive: Drive) -> None:
    "The same bytes."
    _write_raw_readable(drive, (KEY_A, SAME))
    first = _raw(drive)
    drive.unit.good(Rewind())
    drive.unit.expect("the raw block", first, _raw(drive))


@encryption_check("ENC-RAW-LENGTH", CLAUSE, RAW_TOPIC, "Length of the raw form")
def length(drive: Drive) -> None:
    "Not shorter than a block that cannot be compressed."
    data = block(1, "A", 1000)
    _write_raw_readable(drive, (KEY_A, data))
    raw = _raw(drive)
    drive.unit.require("bytes of the raw block", len(raw) >= 1000, "1000 or more", len(raw))


@encryption_check("ENC-RAW-ILI", CLAUSE, RAW_TOPIC, "The raw form is longer than asked for")
def too_long(drive: Drive) -> None:
    "ILI as with any block that is longer; INFORMATION is by how much."
    _write_raw_readable(drive, (KEY_A, block(1, "A", 500)))
    whole = len(_raw(drive))
    drive.unit.good(Rewind())
    answer = drive.unit.refused(Read6(transfer_length=100), "0/00/00", size=100)
    drive.unit.expect("ILI", True, bool(answer.sense.ili))
    drive.unit.expect("INFORMATION", 100 - whole, answer.sense.information)


@encryption_check("ENC-RAW-KEPT", CLAUSE, RAW_TOPIC, "Reading with the key after raw reading")
def not_worn(drive: Drive) -> None:
    "Raw reading changes nothing: the key reads the block."
    _write_raw_readable(drive, (KEY_A, SAME))
    _raw(drive)
    drive.set()
    drive.unit.good(Rewind())
    drive.reads(SAME)


# --- RDMC ----------------------------------------------------------------------------------------


def _rdmc_check(name: str, rdmc: int, words: str) -> None:
    @encryption_check(
        f"ENC-RDMC-{name}",
        CLAUSE,
        RAW_TOPIC,
        f"RAW and a block written with RDMC {rdmc:02b}b",
        expected=words,
    )
    def body(drive: Drive) -> None:
        drive.need_raw_control()
        drive.unit.blank()
        drive.set(rdmc=rdmc)
        drive.write_block(SAME)
        drive.set(DISABLE, RAW)
        drive.unit.good(Rewind())
        readable = {0: drive.algorithm.rdmc_c == 5, 2: True, 3: False}[rdmc]
        if readable:
            drive.unit.require("the raw block", SAME not in _raw(drive), "encrypted bytes", SAME)
        else:
            drive.read_refused("raw")
        drive.set()
        drive.unit.good(Rewind())
        drive.reads(SAME)


_rdmc_check("DEFAULT", 0, "As RDMC_C says: 7/74/0A or 7/74/00 with 4h, encrypted bytes with 5h.")
_rdmc_check("ALLOWED", 2, "Encrypted bytes.")
_rdmc_check("FORBIDDEN", 3, "7/74/0A, or 7/74/00 of older drives; the key reads the block.")


@encryption_check("ENC-RDMC-STAYS", CLAUSE, RAW_TOPIC, "The mark belongs to the block")
def stays(drive: Drive) -> None:
    "RDMC of the page with which a block is read does not count: only that of its WRITE does."
    drive.need_raw_control()
    drive.unit.blank()
    drive.set(rdmc=3)
    drive.write_block(b"marked")
    drive.set(rdmc=2)
    drive.write_block(b"open")
    drive.set(DISABLE, RAW)
    drive.unit.good(Rewind())
    drive.read_refused("raw")
    drive.go(1)
    _raw(drive)


@encryption_check("ENC-RAW-NEVER", CLAUSE, RAW_TOPIC, "RAW where RDMC_C is 6h")
def never(drive: Drive) -> None:
    "Blocks are never to be read in raw form: the page is refused, or READ is, 7/74/0A or 7/74/00."
    if drive.algorithm.rdmc_c != 6:
        drive.unit.skip(f"RDMC_C is {drive.algorithm.rdmc_c}")
    (data,) = drive.tape("A")
    answer = drive.send(drive.make(DISABLE, RAW))
    if answer.status == GOOD:
        drive.read_refused("raw")
    else:
        drive.unit.expect("sense", INVALID_LIST, answer.code)
    drive.set()
    drive.reads(data)


# --- CEEM ----------------------------------------------------------------------------------------

CEEM = "SSC-4 8.5.3.2 (CEEM)"


def _ceem_check(ceem: int, external: bool) -> None:
    refused = ceem == (2 if external else 3)
    written = "EXTERNAL" if external else "ENCRYPT"

    @encryption_check(
        f"ENC-CEEM-{written}-{ceem}",
        CEEM,
        EXTERNAL_TOPIC,
        f"CEEM {ceem:02b}b and a block written with {written}",
        expected="7/74/09; the tape stays before the block." if refused else "The block is read.",
    )
    def body(drive: Drive) -> None:
        if not drive.algorithm.earem:
            drive.unit.skip("EAREM is 0: the mode is not recorded with blocks")
        data = block(3, "A")
        if external:
            _copy(drive, data)
        else:
            drive.unit.blank()
            drive.set()
            drive.write_block(data)
        drive.unit.good(Rewind())
        for decryption in (DECRYPT, MIXED):
            drive.set(ENCRYPT, decryption, ceem=ceem)
            if refused:
                drive.read_refused("mode")
            else:
                drive.reads(data)
                drive.unit.good(Rewind())


for _ceem in (1, 2, 3):
    for _external in (False, True):
        _ceem_check(_ceem, _external)


@encryption_check("ENC-CEEM-CLEAR", CEEM, EXTERNAL_TOPIC, "CEEM and clear blocks")
def ceem_of_clear(drive: Drive) -> None:
    "It is about encrypted blocks: MIXED reads clear ones whatever CEEM is."
    (data,) = drive.tape("c")
    for ceem in (1, 2, 3):
        if ceem > 1 and not drive.algorithm.earem:
            continue
        drive.set(DISABLE, MIXED, ceem=ceem)
        drive.reads(data)
        drive.unit.good(Rewind())


# --- EXTERNAL ------------------------------------------------------------------------------------


def _copy(drive: Drive, *blocks: bytes, given: bytes | None = None) -> list[bytes]:
    """Write blocks with KEY_A, read them raw, and write them back from the beginning in EXTERNAL
    mode without a key. Returns the raw forms; the key is off, the tape at its end."""
    drive.need_external()
    drive.need_raw()
    drive.unit.blank()
    fields: dict[str, Any] = {} if given is None else {"kads": given}
    drive.set(rdmc=drive.raw_readable, **fields)
    for data in blocks:
        drive.write_block(data)
    drive.set(DISABLE, RAW)
    drive.unit.good(Rewind())
    taken = []
    for _ in blocks:
        came = drive.next_block()
        if came.encryption_status in (0, CANNOT_NOW):
            drive.unit.skip("the drive does not tell before it has read the block")
        kinds = [one.kind for one in came.kads]
        drive.unit.require("descriptors in RAW mode", M_KAD in kinds, "an M-KAD", kinds)
        taken.append((b"".join(kad(one.kind, one.data) for one in came.kads), _raw(drive)))
    drive.unit.blank()
    for kads, raw in taken:
        page = drive.make(EXTERNAL, DISABLE, kads=kads, rdmc=0)
        drive.unit.good(out_cdb(len(page)), out=page)
        drive.write_block(raw)
    drive.off()
    return [raw for _, raw in taken]


@encryption_check("ENC-EXTERNAL-COPY", CLAUSE, EXTERNAL_TOPIC, "A raw block copied back")
def copied(drive: Drive) -> None:
    "Encrypted on tape: not read without the key, and the key reads the clear text."
    data = block(4, "A")
    _copy(drive, data)
    drive.unit.good(Rewind())
    drive.read_refused("off")
    drive.set()
    drive.reads(data)


@encryption_check("ENC-EXTERNAL-SEVERAL", CLAUSE, EXTERNAL_TOPIC, "Several raw blocks copied back")
def several_copied(drive: Drive) -> None:
    "Each with its own metadata; the key reads all of them."
    blocks = [block(number, "A") for number in range(3)]
    _copy(drive, *blocks)
    drive.unit.good(Rewind())
    drive.set()
    for data in blocks:
        drive.reads(data)


@encryption_check(
    "ENC-EXTERNAL-KADS", CLAUSE, EXTERNAL_TOPIC, "A raw block with key-associated data"
)
def copied_with_kads(drive: Drive) -> None:
    """U-KAD and A-KAD that were handed back are told of the copy, and it opens with the key. A
    drive may ignore all but the metadata (LTO-4): a warning."""
    sizes = (
        (U_KAD, drive.algorithm.maximum_ukad_length),
        (A_KAD, drive.algorithm.maximum_akad_length),
    )
    given = [(kind, b"w" * size) for kind, size in sizes if size]
    data = block(4, "A")
    _copy(drive, data, given=b"".join(kad(kind, one) for kind, one in given))
    drive.unit.good(Rewind())
    came = of_host(drive.next_block().kads)
    if came:
        drive.unit.expect("descriptors", given, came)
    else:
        drive.unit.warn("U-KAD and A-KAD are ignored in EXTERNAL mode")
    drive.set()
    drive.reads(data)


@encryption_check("ENC-EXTERNAL-RAW", CLAUSE, EXTERNAL_TOPIC, "The raw form of a copy")
def raw_of_copy(drive: Drive) -> None:
    "The bytes that were written."
    (raw,) = _copy(drive, block(4, "A"))
    drive.unit.good(Rewind())
    drive.set(DISABLE, RAW)
    answer = drive.read()
    if answer.code in drive.codes("raw"):
        drive.unit.skip("blocks written in EXTERNAL mode are marked against raw reading")
    drive.unit.expect("the raw block", raw, answer.data)


@encryption_check("ENC-EXTERNAL-EMES", "SSC-4 8.5.2.8", EXTERNAL_TOPIC, "EMES of a copy")
def emes(drive: Drive) -> None:
    "1: the block was written in EXTERNAL mode."
    if not drive.algorithm.earem:
        drive.unit.skip("EAREM is 0: the mode is not recorded with blocks")
    _copy(drive, block(4, "A"))
    drive.unit.good(Rewind())
    drive.set()
    drive.unit.expect("EMES", 1, drive.next_block().emes)


@encryption_check("ENC-EXTERNAL-OTHER-KEY", CLAUSE, EXTERNAL_TOPIC, "A copy and another key")
def copy_and_other_key(drive: Drive) -> None:
    "7/74/03: copying does not need the key, reading does."
    data = block(4, "A")
    _copy(drive, data)
    drive.unit.good(Rewind())
    drive.set(key=KEY_B)
    drive.read_refused("wrong")
    drive.set()
    drive.reads(data)


@encryption_check(
    "ENC-EXTERNAL-RUBBISH", CLAUSE, EXTERNAL_TOPIC, "What is no raw block, in EXTERNAL mode"
)
def rubbish(drive: Drive) -> None:
    """The page or WRITE is refused, or READ with the key is: rubbish never comes back as a
    decrypted block."""
    drive.need_external()
    _copy(drive, block(4, "A"))
    came = kad(M_KAD, bytes(range(64)))
    drive.unit.blank()
    answer = drive.send(drive.make(EXTERNAL, DISABLE, kads=came))
    if answer.code in (INVALID_LIST, INCOMPLETE_KADS):
        return
    drive.unit.expect("status", GOOD, answer.status)
    data = block(9, "rubbish", 300)
    written = drive.unit.do(b"\x0a\x00" + len(data).to_bytes(3) + b"\x00", out=data)
    if written.status == GOOD:
        drive.unit.good(Rewind())
        drive.set()
        answer = drive.read()
        drive.unit.require("READ", answer.code.startswith("7/74/"), "7/74/xx", answer)
    else:
        drive.unit.require("WRITE", written.raw_sense, "sense data", written)
