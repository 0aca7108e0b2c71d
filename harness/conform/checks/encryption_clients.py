"""What programs in the field need, byte for byte. None of it is the standard's letter: where a
drive does otherwise the check passes with a warning that names the program."""

from __future__ import annotations

from harness.conform.encryption import (
    A_KAD,
    CAPABILITIES,
    DISABLE,
    ENCRYPT,
    IN_SUPPORT,
    KEY_A,
    LOCAL,
    MIXED,
    NEXT_BLOCK,
    ROOM,
    STATUS,
    U_KAD,
    Drive,
    ask,
    block,
    encryption_check,
)
from harness.conform.encryption_cdbs import out_cdb
from harness.conform.encryption_pages import Status, algorithms, kad
from harness.conform.subject import GOOD
from harness.layers.cdb import Read6, Rewind

TOPIC = "programs"
STENC, PROXMOX, LTFS, BAREOS, CTA = "stenc", "Proxmox Backup", "LTFS", "Bareos", "CERN CTA"


def _needs(drive: Drive, program: str, what: str, holds: object) -> bool:
    """Warn unless it holds."""
    if not holds:
        drive.unit.warn(f"{program} needs {what}")
    return bool(holds)


def _page(drive: Drive, head: bytes, *kads: bytes, key: bytes = KEY_A) -> bytes:
    """A Set Data Encryption page from its bytes 4 to 7 on; the index is that of the volume."""
    index = bytes((drive.algorithm.algorithm_index,))
    body = head + index + bytes(9) + len(key).to_bytes(2) + key + b"".join(kads)
    return b"\x00\x10" + len(body).to_bytes(2) + body


def _taken(drive: Drive, program: str, what: str, page: bytes) -> bool:
    """Whether the page is taken; a warning if not."""
    answer = drive.unit.do(out_cdb(len(page)), out=page)
    return _needs(drive, program, f"{what} (it is refused: {answer.code})", answer.status == GOOD)


def _modes(drive: Drive) -> tuple[int, int]:
    return Status.of(drive.page(STATUS)).modes


# --- stenc ---------------------------------------------------------------------------------------


@encryption_check("ENC-PROGRAM-STENC-ON", "stenc 1.0.7, -e on", TOPIC, "stenc turns encryption on")
def stenc_on(drive: Drive) -> None:
    "Scope ALL, CEEM 01b, ENCRYPT and DECRYPT, a U-KAD: taken, told, and blocks are encrypted."
    kads = kad(U_KAD, b"stenc") if drive.algorithm.maximum_ukad_length else b""
    drive.unit.blank()
    if _taken(drive, STENC, "CEEM 01b with scope ALL", _page(drive, b"\x40\x40\x02\x02", kads)):
        _needs(drive, STENC, "the modes in the status page", _modes(drive) == (2, 2))
        drive.write_block(block(1))
        drive.off()
        drive.unit.good(Rewind())
        drive.read_refused("off")


@encryption_check(
    "ENC-PROGRAM-STENC-OFF", "stenc 1.0.7, -e off", TOPIC, "stenc turns encryption off"
)
def stenc_off(drive: Drive) -> None:
    "Both modes DISABLE, algorithm index 0 and a key of 32 zeros: the key is ignored."
    drive.set()
    page = bytearray(_page(drive, b"\x40\x00\x00\x00", key=bytes(32)))
    page[8] = 0
    if _taken(drive, STENC, "a zero key and index 0 to turn encryption off", bytes(page)):
        drive.unit.expect("modes", (DISABLE, DISABLE), _modes(drive))


@encryption_check(
    "ENC-PROGRAM-STENC-STACK", "stenc 1.0.7, key descriptions", TOPIC, "stenc's U-KAD"
)
def stenc_descriptor(drive: Drive) -> None:
    "It leaves the reserved byte of the descriptor unset: whatever is there is ignored."
    drive.need_kad(U_KAD)
    page = bytearray(_page(drive, b"\x40\x40\x02\x02", kad(U_KAD, b"stenc")))
    page[53] = 0xF8
    _taken(drive, STENC, "the reserved bits of a descriptor to be ignored", bytes(page))


@encryption_check(
    "ENC-PROGRAM-STENC-BLANK", "stenc 1.0.7, --detail", TOPIC, "stenc looks at an empty tape"
)
def stenc_blank(drive: Drive) -> None:
    "Page 0021h comes with a status that stenc knows, 0 to 6, exactly as long as it says."
    drive.unit.blank()
    data = drive.page(NEXT_BLOCK)
    drive.unit.expect("page length", len(data) - 4, int.from_bytes(data[2:4]))
    drive.unit.require("ENCRYPTION STATUS", data[12] & 15 <= 6, "0 to 6", data[12] & 15)


@encryption_check(
    "ENC-PROGRAM-STENC-ROOM", "stenc 1.1", TOPIC, "stenc asks with much room", keys=False
)
def stenc_room(drive: Drive) -> None:
    "Allocation length 65536: the page comes."
    answer = ask(drive.unit, STATUS, 65536)
    _needs(drive, STENC, "an allocation length of 65536 to be taken", answer.status == GOOD)


# --- Proxmox Backup ------------------------------------------------------------------------------


@encryption_check(
    "ENC-PROGRAM-PROXMOX-CAPABILITIES",
    "proxmox-backup, encryption.rs",
    TOPIC,
    "Proxmox looks for AES-256-GCM",
    keys=False,
)
def proxmox_capabilities(drive: Drive) -> None:
    "A descriptor of 14h with 00010014h, hardware both ways, 32-byte keys; nothing behind the last."
    data = drive.page(CAPABILITIES)
    found = algorithms(data)
    _needs(drive, PROXMOX, "descriptors and nothing behind them", (len(data) - 20) % 24 == 0)
    _needs(
        drive,
        PROXMOX,
        "AES-256-GCM (00010014h) in hardware with keys of 32 bytes",
        any(
            (one.security_algorithm_code, one.encrypt_c, one.decrypt_c, one.key_size)
            == (0x00010014, 2, 2, 32)
            for one in found
        ),
    )
    lengths = [one.algorithm_descriptor_length for one in found]
    _needs(drive, PROXMOX, "descriptor lengths of 14h", set(lengths) == {0x14})


@encryption_check(
    "ENC-PROGRAM-PROXMOX-KEY", "proxmox-backup, encryption.rs", TOPIC, "Proxmox sets a key"
)
def proxmox_key(drive: Drive) -> None:
    "ENCRYPT and MIXED for all, CEEM 00b, no key-associated data; SILI reads; off without a key."
    drive.unit.blank()
    if not _taken(
        drive, PROXMOX, "ENCRYPT and MIXED without a KAD", _page(drive, b"\x40\0\x02\x03")
    ):
        return
    _needs(
        drive, PROXMOX, "the modes 2 and 3 in the status page", _modes(drive) == (ENCRYPT, MIXED)
    )
    drive.write_block(block(1))
    drive.unit.good(Rewind())
    answer = drive.unit.good(Read6(sili=1, transfer_length=ROOM), size=ROOM)
    drive.unit.expect("the block", block(1), answer.data)
    off = _page(drive, b"\x40\0\0\0", key=b"")
    if _taken(drive, PROXMOX, "both modes DISABLE with key length 0", off):
        drive.unit.expect("modes", (DISABLE, DISABLE), _modes(drive))
        drive.unit.good(Rewind())
        drive.read_refused("off")


# --- LTFS ----------------------------------------------------------------------------------------


@encryption_check("ENC-PROGRAM-LTFS", "LTFS, sg backend", TOPIC, "LTFS finds the key of a block")
def ltfs(drive: Drive) -> None:
    "An A-KAD of 12 bytes is kept with the block and told by page 0021h, asked for in two steps."
    alias = b"DKi" + bytes(range(9))
    if drive.algorithm.maximum_akad_length < 12:
        drive.unit.skip("no A-KAD of 12 bytes")
    drive.unit.blank()
    page = _page(drive, b"\x40\0\x02\x03", kad(A_KAD, alias))
    if not _taken(drive, LTFS, "an A-KAD of 12 bytes", page):
        return
    drive.write_block(block(1))
    drive.off()
    drive.unit.good(Rewind())
    head = drive.page(NEXT_BLOCK, 4)
    whole = drive.page(NEXT_BLOCK, int.from_bytes(head[2:4]) + 4)
    _needs(drive, LTFS, "the A-KAD of the next block", alias in whole[16:])


# --- Bareos, CTA ---------------------------------------------------------------------------------


@encryption_check(
    "ENC-PROGRAM-BAREOS", "bareos, scsicrypto", TOPIC, "Bareos looks at an empty tape"
)
def bareos(drive: Drive) -> None:
    "Modes DISABLE, and a next block that is unavailable or no logical block."
    drive.unit.blank()
    _needs(drive, BAREOS, "modes DISABLE before a key is set", _modes(drive) == (DISABLE, DISABLE))
    status = drive.next_block().encryption_status
    _needs(drive, BAREOS, "status 1 or 2 on an empty tape", status in (1, 2))


@encryption_check("ENC-PROGRAM-CTA", "CERN CTA", TOPIC, "CTA sets a key of its own")
def cta(drive: Drive) -> None:
    "Protocol 20h is listed; scope LOCAL with ENCRYPT and MIXED is taken and told."
    protocols = ask(drive.unit, IN_SUPPORT, protocol=0x00).data[8:]
    _needs(drive, CTA, "protocol 20h in the list", 0x20 in protocols)
    kads = kad(U_KAD, b"cta") if drive.algorithm.maximum_ukad_length else b""
    if _taken(drive, CTA, "scope LOCAL", _page(drive, b"\x20\0\x02\x03", kads)):
        status = Status.of(drive.page(STATUS))
        drive.unit.expect("scope", LOCAL, status.i_t_nexus_scope)
        drive.unit.expect("modes", (ENCRYPT, MIXED), status.modes)
