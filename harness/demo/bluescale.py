"""The second story: a library that manages the keys itself, as Spectra's BlueScale does.

Two partitions with a drive each. A tape is written under one partition's key, carried to the other
one, refused there, and read again once its key was exported, imported and assigned. Then a library
that was switched off waits for its password, and three people share the exporting of keys.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from harness.demo.story import PLAINTEXT, Do, Step, Story, write_letters, write_private
from harness.guest.api import Device

BARCODE = "KRL001L9"
PASSWORDS = ("su", "encryption", "alice", "bob", "carol", "key")
"""Whose passwords are in files of the work folder; ``key``: of exported keys."""
RIG = """\
[rig]
name = "demo"

[[cartridge]]
barcode = "KRL001L9"
count = 4

[[drive]]
name = "drive"
count = 2
model = "ibm/ult3580-td9"

[[library]]
name = "tower"
model = "spectra/t950"
options = ["bluescale-professional"]

[[library.partition]]
name = "finance"
drives = ["drive0"]
slots = 6
mail_slots = 1
cartridges = ["KRL001L9", "KRL002L9"]

[[library.partition]]
name = "archive"
drives = ["drive1"]
slots = 6
mail_slots = 1
cartridges = ["KRL003L9", "KRL004L9"]
"""

STEPS = (
    Step(
        "Meet the library",
        "Two partitions, so two medium changers, each with a drive and slots of its own.",
        (
            Do("lsscsi -g", shows=("mediumx", "ULT3580-TD9")),
            Do("mtx -f $FINANCE status", shows=("Storage Element 1:Full :VolumeTag=KRL001L9",)),
            Do("mtx -f $ARCHIVE status", shows=("Storage Element 1:Full :VolumeTag=KRL003L9",)),
        ),
    ),
    Step(
        "Three gates",
        "Keys are for superusers who know the encryption password besides. Both are blank at"
        " first.",
        (
            Do("keyreel bluescale keys", fails=True, shows=("log in",)),
            Do("echo | keyreel library login su"),
            Do("(echo; cat su.password) | keyreel library password"),
            Do("keyreel bluescale keys", fails=True, shows=("authorize",)),
            Do("echo | keyreel bluescale authorize"),
            Do("(echo; cat encryption.password) | keyreel bluescale password"),
        ),
    ),
    Step(
        "A key for each partition",
        "A moniker names a key. Its value is random, and nobody ever sees it.",
        (
            Do("keyreel library encryption finance bluescale"),
            Do("keyreel library encryption archive bluescale"),
            Do("keyreel bluescale create Finance_2026", shows=("Finance_2026", "copy")),
            Do("keyreel bluescale create Archive_2026", shows=("Archive_2026",)),
            Do("keyreel bluescale assign finance Finance_2026"),
            Do("keyreel bluescale assign archive Archive_2026"),
            Do("keyreel bluescale keys", shows=("Finance_2026", "finance", "Archive_2026")),
        ),
    ),
    Step(
        "Back up",
        "mtx loads a tape and tar writes it. Neither knows that anything is encrypted, and the host"
        " cannot set keys any more: that is the library's business.",
        (
            Do("mtx -f $FINANCE load 1 0"),
            Do("tar -cvf $TAPE0 letters", shows=("letters/1.txt",)),
            Do("(umask 077; head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \\n' > own.key)"),
            Do("stenc -f $TAPE0 -e on -k own.key -a 1", fails=True),
            Do("mt -f $TAPE0 rewind"),
            Do("tar -tf $TAPE0", shows=("letters/3.txt",)),
            Do(f"grep -rla '{PLAINTEXT}' $CARTRIDGE", fails=True, hides=("data",)),
        ),
    ),
    Step(
        "Carry the tape to the other partition",
        "Out through the mail slot of one partition, in through that of the other.",
        (
            Do("mtx -f $FINANCE unload 1 0"),
            Do("mtx -f $FINANCE transfer 1 7"),
            Do("keyreel library remove KRL001L9"),
            Do("keyreel library insert KRL001L9 mail:2"),
            Do("mtx -f $ARCHIVE status", shows=("IMPORT/EXPORT:Full :VolumeTag=KRL001L9",)),
            Do("mtx -f $ARCHIVE load 7 0"),
        ),
    ),
    Step(
        "Refused",
        "The key is in the library, but this partition does not have it. The drive refuses with"
        " IBM's code for that, 7/EF/10; the library says which key it takes and what to do.",
        (
            Do("tar -tf $TAPE1", fails=True, shows=("Input/output error",)),
            Do(
                "mt -f $TAPE1 rewind; sg_raw -r 10240 $SG1 08 00 00 28 00 00",
                fails=True,
                shows=("Data Protect",),
            ),
            Do("keyreel library messages", shows=("Finance_2026", "archive")),
        ),
    ),
    Step(
        "Export, delete, import",
        "An exported key is a file under a password of its own. A key that a partition uses cannot"
        " be deleted.",
        (
            Do(
                "keyreel bluescale export Finance_2026 --location 'safe 1' < key.password",
                shows=("Finance_2026.bsk",),
            ),
            Do("ls -l Finance_2026.bsk", shows=("-rw-------",)),
            Do(
                "keyreel bluescale delete Finance_2026 --confirm Finance_2026",
                fails=True,
                shows=("finance",),
            ),
            Do("keyreel bluescale unassign finance"),
            Do("keyreel bluescale delete Finance_2026 --confirm Finance_2026"),
            Do(
                "keyreel bluescale import Finance_2026.bsk < su.password",
                fails=True,
                shows=("password",),
            ),
            Do("keyreel bluescale import Finance_2026.bsk < key.password"),
            Do("keyreel bluescale assign archive Archive_2026 --decrypt-only Finance_2026"),
            Do("keyreel bluescale keys", shows=("Finance_2026", "archive")),
        ),
    ),
    Step(
        "Restore",
        "The same read succeeds, and what is restored is the same.",
        (
            Do("mt -f $TAPE1 rewind"),
            Do("mkdir copy && tar -xf $TAPE1 -C copy"),
            Do("diff -r letters copy/letters && echo same", shows=("same",)),
        ),
    ),
    Step(
        "Secure initialization",
        "After the library was switched off and on, encrypted data wait for somebody with an"
        " encryption password.",
        (
            Do("keyreel bluescale secure-initialization on"),
            Do("keyreel library power-cycle"),
            Do("mt -f $TAPE1 rewind; mt -f $TAPE1 rewind; tar -tf $TAPE1", fails=True),
            Do("keyreel library login su < su.password"),
            Do("keyreel library messages", shows=("password",)),
            Do("keyreel bluescale authorize < encryption.password"),
            Do("mt -f $TAPE1 rewind"),
            Do("tar -tf $TAPE1", shows=("letters/3.txt",)),
        ),
    ),
    Step(
        "Three people",
        "In multi-user mode each has a password. Any of them gets at the keys, but it takes two to"
        " move one out of the library.",
        (
            Do(
                "cat encryption.password alice.password bob.password carol.password"
                " | keyreel bluescale mode multi"
            ),
            Do(
                "cat alice.password alice.password key.password"
                " | keyreel bluescale export Archive_2026",
                fails=True,
                shows=("two",),
            ),
            Do(
                "cat alice.password carol.password key.password"
                " | keyreel bluescale export Archive_2026",
                shows=("Archive_2026.bsk",),
            ),
            Do("keyreel bluescale tracking", shows=("KRL001L9", "safe 1")),
        ),
    ),
    Step(
        "Who did what",
        "The keystore keeps a chain of what was done to keys, which shows if a link is missing.",
        (Do("keyreel keys audit verify --state $STATE", shows=("entries",)),),
        on_host=True,
    ),
)


def _prepare(work: Path) -> None:
    """The folder to back up, and everybody's password."""
    write_letters(work)
    for name in PASSWORDS:
        write_private(work / f"{name}.password", f"{secrets.token_urlsafe(24)}\n")


def _names(devices: Mapping[str, Device], state: Path) -> dict[str, str]:
    return {
        "$FINANCE": devices["finance"].sg,
        "$ARCHIVE": devices["archive"].sg,
        "$TAPE0": devices["drive0"].tape,
        "$TAPE1": devices["drive1"].tape,
        "$SG1": devices["drive1"].sg,
        "$CARTRIDGE": str(state / "cartridges" / BARCODE),
        "$STATE": str(state),
    }


STORY = Story(
    hardware="a tape library of two partitions",
    rig=RIG,
    steps=STEPS,
    prepare=_prepare,
    names=_names,
)
