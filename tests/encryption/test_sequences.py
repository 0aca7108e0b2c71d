"""What real clients send, byte for byte: stenc, Proxmox Backup's tape code, LTFS, Bareos."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.encryption.keys import KEY_A, KEY_B, spin, spout, spout_cdb
from tests.tape.host import END_OF_DATA, GOOD, Host, sense_of

LABEL = bytes.fromhex("00 00 00 04") + b"desc"
STENC_ON = bytes.fromhex("0010 0038 40 04 02 02 01 00 00" + "00" * 7 + "0020") + KEY_A + LABEL
STENC_MIXED = bytes.fromhex("0010 0030 40 20 02 03 01 00 00" + "00" * 7 + "0020") + KEY_A
STENC_OFF = bytes.fromhex("0010 0030 40 00 00 00 00 00 00" + "00" * 7 + "0020") + bytes(32)
PROXMOX_ON = bytes.fromhex("0010 0030 40 00 02 03 01 00 00" + "00" * 7 + "0020") + KEY_A
PROXMOX_OFF = bytes.fromhex("0010 0010 40 00 00 00 01 00 00" + "00" * 7 + "0000")
DKI = b"DKi" + bytes(range(9))
LTFS_ON = (
    bytes.fromhex("0010 0040 40 00 02 03 01 00 00" + "00" * 7 + "0020")
    + KEY_A
    + bytes.fromhex("01 00 000c")
    + DKI
)


def modes(host: Host) -> tuple[int, int]:
    page = spin(host, 0x0020, 8196)
    return page[5], page[6]


# --- stenc -------------------------------------------------------------------------------------


def test_stenc_on_with_a_label(host: Host) -> None:
    assert spout(host, STENC_ON).status == GOOD
    status = "0020 001c 42 02 02 01 00000001 10 00 0000" + "00" * 8 + "00 01 0004"
    assert spin(host, 0x0020, 8196) == bytes.fromhex(status) + b"desc"
    host.write_tape([b"secret"])
    block = "0021 0014 0000000000000000 05 03 00 00 00 01 0004"
    assert spin(host, 0x0021, 8196) == bytes.fromhex(block) + b"desc"
    assert host.read(6).data == b"secret"
    host.load(load=False)
    assert sense_of(host.load()) == Sense(s.ENCRYPTION_CHANGED_BY_EVENT)
    host.load()
    assert host.hear() == [s.MEDIUM_MAY_HAVE_CHANGED]
    assert modes(host) == (0, 0), "--ckod"


def test_stenc_mixed_unprotected(host: Host) -> None:
    host.write_tape([b"clear"])
    assert spout(host, STENC_MIXED).status == GOOD
    assert modes(host) == (2, 3)
    assert not spin(host, 0x0020)[12] & 1, "RDMD 0: --unprotect"
    host.space(END_OF_DATA)
    host.write(b"secret")
    host.rewind()
    assert host.read(5).data == b"clear"
    assert not spin(host, 0x0021)[14] & 1, "RDMDS 0"
    assert host.read(6).data == b"secret"


def test_stenc_mixed_without_an_algorithm_index_is_refused(host: Host) -> None:
    """Unless -a names it, stenc 1.0.7 sends index 00h, which no algorithm has here."""
    without = STENC_MIXED[:8] + b"\0" + STENC_MIXED[9:]
    refused = Sense(s.INVALID_PARAMETER, pointer=(8, None), in_cdb=False)
    assert sense_of(spout(host, without)) == refused


def test_stenc_off_with_a_zero_key_and_index_zero(host: Host) -> None:
    spout(host, STENC_ON)
    assert spout(host, STENC_OFF).status == GOOD
    assert modes(host) == (0, 0)
    assert host.write(b"clear").status == GOOD
    host.rewind()
    assert host.read(5).data == b"clear"


# --- Proxmox Backup ----------------------------------------------------------------------------


def test_proxmox(host: Host) -> None:
    capabilities = spin(host, 0x0010, 8196)
    descriptors = capabilities[20:]
    assert len(descriptors) == 24, "nothing behind the only descriptor"
    assert descriptors[2:4] == b"\x00\x14"
    assert descriptors[4] & 0x0F == 0x0A, "ENCRYPT_C and DECRYPT_C: hardware"
    assert descriptors[10:12] == b"\x00\x20"
    assert descriptors[20:24] == bytes.fromhex("00010014")
    assert spout(host, PROXMOX_ON).status == GOOD
    assert modes(host) == (2, 3)
    host.write_tape([b"secret", None])
    reply = host.read(4096, sili=True)
    assert (reply.status, reply.data) == (GOOD, b"secret")
    assert spout(host, PROXMOX_OFF).status == GOOD
    assert modes(host) == (0, 0)
    host.rewind()
    assert sense_of(host.read(4096, sili=True)).code is s.UNABLE_TO_DECRYPT


# --- LTFS --------------------------------------------------------------------------------------


def test_ltfs_finds_the_key_alias_of_the_next_block(host: Host) -> None:
    assert spout(host, LTFS_ON).status == GOOD
    host.write_tape([b"index", b"data"])
    assert spout(host, PROXMOX_OFF).status == GOOD
    head = spin(host, 0x0021, 4)
    assert head == bytes.fromhex("0021 001c")
    page = spin(host, 0x0021, int.from_bytes(head[2:4], "big") + 4)
    assert page == bytes.fromhex("0021 001c 0000000000000000 06 03 00 00 01 02 000c") + DKI
    assert sense_of(host.read(5)).code is s.UNABLE_TO_DECRYPT
    assert spout(host, LTFS_ON).status == GOOD
    page = spin(host, 0x0021, 4096)
    assert page == bytes.fromhex("0021 001c 0000000000000000 05 03 00 00 01 03 000c") + DKI
    assert host.read(5).data == b"index"


# --- Bareos, CERN CTA --------------------------------------------------------------------------


def test_bareos_on_a_fresh_drive_and_a_blank_tape(host: Host) -> None:
    assert modes(host) == (0, 0)
    assert spin(host, 0x0021)[12] & 0x0F == 1, "unavailable"


def test_cta_uses_local_scope(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    page = PROXMOX_ON[:4] + b"\x20" + PROXMOX_ON[5:]
    assert b"\x20" in spin(host, 0, protocol=0)[8:]
    assert spout(host, page).status == GOOD
    assert (modes(host), modes(other)) == ((2, 3), (0, 0))


# --- any of them -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [STENC_ON, STENC_MIXED, PROXMOX_ON, LTFS_ON])
def test_the_wrong_key_is_told_from_a_missing_one(host: Host, page: bytes) -> None:
    assert spout(host, page).status == GOOD
    host.write_tape([b"secret"])
    assert spout(host, page.replace(KEY_A, KEY_B)).status == GOOD
    assert sense_of(host.read(6)) == Sense(s.INCORRECT_KEY, information=6)
    assert spout(host, STENC_OFF).status == GOOD
    assert sense_of(host.read(6)) == Sense(s.UNABLE_TO_DECRYPT, information=6)
    assert spout(host, page).status == GOOD
    assert host.read(6).data == b"secret"


def test_transfer_length_may_be_longer_than_the_page(host: Host) -> None:
    reply = host.send(spout_cdb(len(STENC_ON) + 8), out=STENC_ON + bytes(8))
    assert reply.status == GOOD
    assert modes(host) == (2, 2)
