"""The first story: a drive, a key that the host brings, and what a tape is without it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from harness.demo.story import PLAINTEXT, Do, Step, Story, write_letters, write_private
from harness.guest.api import Device

BARCODE = "KRL001L9"
LABEL = "letters of 2026"
RIG = f"""\
[rig]
name = "demo"

[[cartridge]]
barcode = "{BARCODE}"

[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
cartridge = "{BARCODE}"
"""
READ_BLOCK = "sg_raw -r 10240 $SG 08 00 00 28 00 00"
"""READ(6) of one variable block of the size that tar writes."""


STEPS = (
    Step(
        "Meet the drive",
        "The Linux kernel has found a tape drive. To every tool it is an IBM LTO-9.",
        (
            Do("lsscsi -g", shows=("ULT3580-TD9", "tape")),
            Do("sg_inq $SG | tail -n 4", shows=("IBM", "ULT3580-TD9")),
            Do("mt -f $TAPE status", shows=("ONLINE", "BOT", "Density code 0x60")),
        ),
    ),
    Step(
        "Ask what it can encrypt",
        "SECURITY PROTOCOL IN, page 0010h: one algorithm, 00 01 00 14, which is AES-256-GCM.",
        (
            Do(
                "sg_raw -r 44 $SG a2 20 00 10 00 00 00 00 00 2c 00 00 2>&1",
                shows=("00 10 00 28", "00 00 14", "00 01 00 14"),
            ),
            Do("stenc -f $TAPE", shows=("Drive Encryption:", "off")),
        ),
    ),
    Step(
        "Load a key",
        "A key of 32 random bytes, and a label that will be stored in clear beside the data.",
        (
            Do("ls -l right.key wrong.key", shows=("-rw-------",)),
            Do("stenc -f $TAPE -e on -k right.key -a 1", shows=("Success!",)),
            Do("stenc -f $TAPE", shows=("Drive Encryption:        on", "letters of 2026")),
        ),
    ),
    Step(
        "Back up a folder",
        "Plain tar. It does not know that anything is encrypted.",
        (
            Do("tar -cvf $TAPE letters", shows=("letters/1.txt", "letters/3.txt")),
            Do("mt -f $TAPE status", shows=("File number=1", "EOF")),
        ),
    ),
    Step(
        "Look into the cartridge",
        "The cartridge is a folder of this machine. The text is in letters, and not in there;"
        " neither is the key.",
        (
            Do("du -ab $CARTRIDGE", shows=("data", "index")),
            Do(f"grep -rl '{PLAINTEXT}' letters", shows=("letters/1.txt",)),
            Do(f"grep -rla '{PLAINTEXT}' $CARTRIDGE", fails=True, hides=("data",)),
            Do(
                "grep -rlaP \"$(head -n 1 right.key | sed 's/../\\\\x&/g')\" $CARTRIDGE",
                fails=True,
                hides=("data", "Usage", "grep:"),
            ),
        ),
    ),
    Step(
        "Read it back",
        "The drive has the key, so tar gets its data, and they are the same.",
        (
            Do("mt -f $TAPE rewind"),
            Do("mkdir copy && tar -xf $TAPE -C copy"),
            Do("diff -r letters copy/letters && echo same", shows=("same",)),
        ),
    ),
    Step(
        "Take the key away",
        "Without a key the drive refuses: sense 7/74/01. The tape has not moved, and the next-block"
        " page says what is there and whose key it needs.",
        (
            Do("stenc -f $TAPE -e off -a 1", shows=("Success!",)),
            Do("mt -f $TAPE rewind"),
            Do("tar -tf $TAPE", fails=True, shows=("Input/output error",)),
            Do(READ_BLOCK, fails=True, shows=("Data Protect", "Unable to decrypt data")),
            Do(
                "stenc -f $TAPE --detail",
                shows=("Encrypted, but unable to decrypt", "letters of 2026"),
            ),
        ),
    ),
    Step(
        "Try a wrong key",
        "A wrong key is told from a damaged tape: sense 7/74/03.",
        (
            Do("stenc -f $TAPE -e on -k wrong.key -a 1", shows=("Success!",)),
            Do(READ_BLOCK, fails=True, shows=("Data Protect", "Incorrect data encryption key")),
        ),
    ),
    Step(
        "Mix clear and encrypted files",
        "Behind the encrypted file comes a clear one, then an encrypted one again: each block knows"
        " how it was written.",
        (
            Do("stenc -f $TAPE -e off -a 1", shows=("Success!",)),
            Do("mt -f $TAPE eod"),
            Do("tar -cf $TAPE letters/1.txt"),
            Do("stenc -f $TAPE -e on -k right.key -a 1", shows=("Success!",)),
            Do("tar -cf $TAPE letters/2.txt"),
            Do("mt -f $TAPE rewind && mt -f $TAPE fsf 1"),
            Do(
                READ_BLOCK,
                fails=True,
                shows=("Unencrypted data encountered while decrypting",),
            ),
        ),
    ),
    Step(
        "Everything back with the right key",
        "In mixed mode the drive gives clear blocks as they are and decrypts the others.",
        (
            Do("stenc -f $TAPE -e mixed -k right.key -a 1", shows=("Success!",)),
            Do("mt -f $TAPE rewind"),
            Do("rm -r copy && mkdir copy && tar -xf $TAPE -C copy && mt -f $TAPE fsf 1"),
            Do("diff -r letters copy/letters && echo same", shows=("same",)),
            Do("tar -xOf $TAPE | cmp - letters/1.txt && echo same", shows=("same",)),
            Do("mt -f $TAPE fsf 1"),
            Do("tar -xOf $TAPE | cmp - letters/2.txt && echo same", shows=("same",)),
        ),
    ),
    Step(
        "Look at the cartridge on the shelf",
        "The drive is off and the cartridge a folder. What is on it can be told without a key;"
        " whether it is whole, only with it.",
        (
            Do("keyreel cartridge show $CARTRIDGE", shows=("letters of 2026", "clear")),
            Do(
                "keyreel cartridge verify --key-file right.key $CARTRIDGE",
                shows=("no damage found", "0 need a key"),
            ),
        ),
        on_host=True,
    ),
)


def _prepare(work: Path) -> None:
    """The folder to back up, and two keys."""
    write_letters(work)
    for name, label in (("right.key", LABEL), ("wrong.key", "somebody else's")):
        # The format of stenc's key files: the key in hex, then its label.
        write_private(work / name, f"{os.urandom(32).hex()}\n{label}")


def _names(devices: Mapping[str, Device], state: Path) -> dict[str, str]:
    device = devices["drive0"]
    folder = str(state / "cartridges" / BARCODE)
    return {"$TAPE": device.tape, "$SG": device.sg, "$CARTRIDGE": folder}


STORY = Story(
    hardware="a virtual LTO-9 drive",
    rig=RIG,
    steps=STEPS,
    prepare=_prepare,
    names=_names,
)
