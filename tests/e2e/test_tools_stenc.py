"""stenc 1.0.7: what it says of the drive and of the block at the position, and what it sets.

It is asked for details only where a block follows: for a position without one it says "Unable to
determine" and dies of a double free of its own.
"""

from __future__ import annotations

import random

import pytest

from tests.e2e.tools import CANNOT_READ, Tools

pytestmark = pytest.mark.guest

NOISE = random.Random(31).randbytes(20_000)
CLEAR, SECRET, OTHER = NOISE[:3000], NOISE[3000:6000], NOISE[6000:9000]
READ = "08 00 00 03 e8 00"


@pytest.fixture
def keys(drive: Tools) -> Tools:
    """An empty tape, and the key files one and two with labels."""
    drive.key_file("one", "label one")
    drive.key_file("two", "label two")
    return drive


@pytest.fixture(scope="module")
def lasting(tools: Tools) -> Tools:
    tools.blank()
    tools.key_file("one", "label one")
    tools.key_file("two", "label two")
    tools.write(CLEAR, 1000)
    tools.stenc("-e on -k one -a 1 --protect")
    tools.write(SECRET, 1000)
    tools.stenc("-e on -k two -a 1")
    tools.write(OTHER, 1000)
    return tools


@pytest.fixture
def mixed(lasting: Tools) -> Tools:
    """A clear file, one of key one, one of key two that may be read raw; no key; at the start.

    Written once: for tests that only read, one behind the other.
    """
    lasting.stenc("-e off -a 1")
    lasting.mt("rewind")
    return lasting


def sense(tools: Tools) -> str:
    """The sense of reading the next block."""
    return tools.raw(READ, 1000).sense


def go_to(tools: Tools, file: int) -> None:
    """To the beginning of that file."""
    tools.mt(f"asf {file}")


def test_details_of_a_clear_block_without_a_key(mixed: Tools) -> None:
    counter = int(mixed.details()["Key Instance Counter"])
    assert mixed.details() == {
        "Device Mfg": "IBM",
        "Product ID": "ULT3580-TD9",
        "Product Revision": "N9P1",
        "Drive Encryption": "off",
        "Drive Output": "Not decrypting; Raw encrypted data not outputted",
        "Drive Input": "Not encrypting",
        "Key Instance Counter": str(counter),
        "Volume Encryption": "Not encrypted",
    }
    assert mixed.object_number() == 0, "asking does not move the tape"


def test_details_of_an_encrypted_block_without_a_key(mixed: Tools) -> None:
    go_to(mixed, 1)
    said = mixed.details()
    assert said["Volume Encryption"] == ("Encrypted, but unable to decrypt due to invalid key.")
    assert said["Volume Key Desc.(uKAD)"] == "label one; Protected from raw read"
    assert said["Volume Algorithm"] == "3", "of LTO-6 and later"
    go_to(mixed, 2)
    assert mixed.details()["Volume Key Desc.(uKAD)"] == "label two"
    assert mixed.object_number() == 8


def test_details_with_the_key(mixed: Tools) -> None:
    before = int(mixed.details()["Key Instance Counter"])
    mixed.stenc("-e on -k one -a 1 --protect")
    go_to(mixed, 1)
    said = mixed.details()
    assert said["Drive Encryption"] == "on"
    assert said["Drive Output"] == "Decrypting; Unencrypted data not outputted"
    assert said["Drive Input"] == "Encrypting; Protecting from raw read"
    assert said["Encryption Algorithm"] == "1"
    assert said["Drive Key Desc.(uKAD)"] == "label one"
    assert said["Volume Encryption"] == "Encrypted and able to decrypt; Protected from raw read"
    assert int(said["Key Instance Counter"]) == before + 1


def test_on(mixed: Tools) -> None:
    """Its own blocks are read; clear ones and those of another key are refused."""
    mixed.stenc("-e on -k one -a 1")
    assert sense(mixed).startswith("Data Protect; Unencrypted data encountered while decrypting")
    assert mixed.object_number() == 0
    assert CANNOT_READ in mixed.fails("dd if=$TAPE of=read bs=1000")
    go_to(mixed, 1)
    assert mixed.read(1000) == SECRET
    assert sense(mixed).startswith("Data Protect; Incorrect data encryption key")
    assert CANNOT_READ in mixed.fails("dd if=$TAPE of=read bs=1000")
    mixed.stenc("-e on -k two -a 1")
    go_to(mixed, 2)
    assert mixed.read(1000) == OTHER


def test_mixed(mixed: Tools) -> None:
    mixed.stenc("-e mixed -k one -a 1")
    said = mixed.details()
    assert said["Drive Encryption"] == "mixed"
    assert said["Drive Output"] == "Decrypting; Unencrypted data outputted"
    assert mixed.read(1000) == CLEAR
    assert mixed.read(1000) == SECRET
    assert sense(mixed).startswith("Data Protect; Incorrect data encryption key")


@pytest.mark.req("SSC-SENSE-7-74-00")
def test_off(mixed: Tools) -> None:
    assert mixed.read(1000) == CLEAR
    assert sense(mixed) == "Data Protect; Unable to decrypt data; Info fld=0x3e8 [1000]"
    assert mixed.object_number() == 4, "before the block"
    assert CANNOT_READ in mixed.fails("dd if=$TAPE of=read bs=1000")


def test_off_without_an_algorithm(mixed: Tools) -> None:
    """stenc sends index 0 and 32 zero bytes as key; a drive has to take that."""
    mixed.stenc("-e on -k one -a 1")
    mixed.stenc("-e off")
    assert mixed.details()["Drive Encryption"] == "off"
    assert mixed.read(1000) == CLEAR


def test_raw_read(mixed: Tools) -> None:
    """What was written with --protect does not come out, the rest does, encrypted."""
    mixed.stenc("-e rawread -k two -a 1")
    said = mixed.details()
    assert said["Drive Encryption"] == "rawread"
    assert said["Drive Output"] == "Not decrypting; Raw encrypted data outputted"
    go_to(mixed, 1)
    assert sense(mixed).startswith("Data Protect; Encrypted block not raw read enabled")
    go_to(mixed, 2)
    got = mixed.raw("08 02 00 07 d0 00", 2000)
    assert got.status == 0
    assert len(got.data) > 1000, "key-associated data and tag come with it"
    assert OTHER[:16] not in got.data


def test_protection_is_of_the_block(keys: Tools) -> None:
    keys.stenc("-e on -k one -a 1 --unprotect")
    keys.write(SECRET, 1000)
    keys.stenc("-e on -k one -a 1 --protect")
    keys.write(OTHER, 1000)
    keys.mt("rewind")
    assert keys.details()["Volume Encryption"] == "Encrypted and able to decrypt"
    go_to(keys, 1)
    assert keys.details()["Volume Encryption"] == (
        "Encrypted and able to decrypt; Protected from raw read"
    )


def test_the_key_changes_within_a_file(keys: Tools) -> None:
    """Both opens append to what is before: each block knows its key."""
    keys.stenc("-e on -k one -a 1")
    keys.write(SECRET, 1000)
    keys.mt("bsf 1")
    keys.stenc("-e on -k two -a 1")
    keys.write(OTHER, 1000)
    keys.mt("rewind")
    assert sense(keys).startswith("Data Protect; Incorrect data encryption key")
    keys.stenc("-e on -k one -a 1")
    assert CANNOT_READ in keys.fails("dd if=$TAPE of=read bs=1000")
    assert keys.object_number() == 3, "up to the first block of the other key"
    assert (keys.folder / "read").read_bytes() == SECRET
    keys.stenc("-e on -k two -a 1")
    assert keys.read(1000) == OTHER


def test_labels(keys: Tools) -> None:
    """32 bytes fit; the drive's, the volume's and stenc's own audit log show the same."""
    label = "exactly thirty-two bytes, no mor"
    keys.key_file("long", label)
    keys.stenc("-e on -k long -a 1")
    keys.write(SECRET, 1000)
    keys.mt("rewind")
    assert keys.details()["Drive Key Desc.(uKAD)"] == label
    keys.stenc("-e off -a 1")
    assert keys.details()["Volume Key Desc.(uKAD)"] == label
    assert f"Key Descriptor: '{label}'" in (keys.folder / "log" / "stenc").read_text()
    keys.key_file("without")
    keys.stenc("-e on -k without -a 1")
    assert "Drive Key Desc.(uKAD)" not in keys.details()


def test_an_algorithm_that_is_not_there(keys: Tools) -> None:
    for index in ("", "-a 0", "-a 7"):
        said = keys.fails(f"stenc -f $TAPE -e on -k one {index}")
        assert "Illegal Request (0x05)" in said
        assert "ASC:                    0x26" in said
        assert "ASCQ:                   0x00" in said
    keys.write(CLEAR, 1000)
    keys.mt("rewind")
    assert keys.details()["Drive Encryption"] == "off"


def test_the_key_goes_with_the_volume(keys: Tools) -> None:
    """--ckod clears the key when the volume goes; without it the key stays."""
    for option, expected in (("", "on"), ("--ckod", "off")):
        keys.stenc(f"-e on -k one -a 1 {option}")
        keys.write(SECRET, 1000)
        keys.mt("offline")
        keys.mt("load")
        assert keys.details()["Drive Encryption"] == expected


def test_tar_of_an_encrypted_tape(keys: Tools) -> None:
    (keys.folder / "papers").mkdir(exist_ok=True)
    (keys.folder / "papers" / "noise").write_bytes(NOISE * 20)
    keys.stenc("-e on -k one -a 1")
    keys.ok("tar -b 128 -cf $TAPE papers")
    keys.mt("rewind")
    keys.ok("tar -b 128 -df $TAPE")
    keys.stenc("-e on -k two -a 1")
    keys.mt("rewind")
    assert f"Cannot read: {CANNOT_READ}" in keys.fails("tar -b 128 -tf $TAPE")
    keys.stenc("-e on -k one -a 1")
    keys.mt("rewind")
    assert "papers/noise" in keys.ok("tar -b 128 -tf $TAPE")


def test_the_key_goes_with_a_reset(keys: Tools) -> None:
    """A logical unit reset reaches the drive; the kernel itself tells of it, once."""
    keys.write(SECRET, 1000)
    keys.stenc("-e on -k one -a 1")
    keys.ok("sg_reset -d $SG")
    assert "Bus device reset function occurred" in keys.fails("sg_turs -v $SG")
    keys.ok("sg_turs $SG")
    keys.mt("rewind")
    assert keys.details()["Drive Encryption"] == "off"
    keys.settle()
