"""The target is killed while a host writes or reads through a real kernel; another one follows.

Each time, the host puts an archive onto the tape, whose filemark makes it durable, then starts to
write or to read more. The target is killed at a random instant of that. The host must be able to
go on with the target that follows: restore any archive, write the next. At the end it restores all
of them in one go. Half of the archives are encrypted.
"""

from __future__ import annotations

import os
import random
import select
from pathlib import Path

import pytest

from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state
from tests.e2e.tools import Tools
from tests.runs import Say

pytestmark = [pytest.mark.crash, pytest.mark.guest]

KILLS = int(os.environ.get("KEYREEL_KILLS", "20"))
"""On each way; more of them for a night: KEYREEL_KILLS=50."""
WAYS = ("tcmu", "tcmu-runner", "iscsi")
RIG = """
[rig]
name = "kills"
seed = {seed}
transport = "{way}"

[[cartridge]]
barcode = "KRL001L6"

[[drive]]
name = "drive0"
model = "ibm/ult3580-td6"
cartridge = "KRL001L6"
"""
READY = "i=0; until mt -f $TAPE rewind 2>/dev/null; do i=$((i+1)); [ $i -lt 600 ]; sleep 0.1; done"
"""After a loss of power the drive has unit attentions to tell, and st has to find its place."""
SET_KEY = "sg_raw -s 52 -i key $SG b5 20 00 10 00 00 00 00 00 34 00 00 2>/dev/null"
LOADS = (
    "exec 3>$TAPE; echo >begun; cat noise noise noise noise | dd bs=256k iflag=fullblock >&3",
    "exec 3>$TAPE; echo >begun; tar -b 64 -cf - noise noise noise >&3",
    "mt -f $TAPE rewind; exec 3<$TAPE; echo >begun; while dd bs=256k count=100 <&3; do :; done",
)
"""They open the device before the target dies: whoever opens it later finds a rewound tape, as
with a real drive that was switched off and on."""


def key_page(key: bytes) -> bytes:
    """Set Data Encryption page: scope LOCAL, encrypt, decryption MIXED, algorithm 1 of LTO-6."""
    page = bytes((0x40, 0, 2, 3, 1, 0)) + bytes(8) + len(key).to_bytes(2, "big") + key
    return bytes((0x00, 0x10)) + len(page).to_bytes(2, "big") + page


@pytest.mark.parametrize("way", WAYS)
def test_kills_under_load(way: str, tmp_path: Path, say: Say) -> None:
    seed = random.SystemRandom().getrandbits(32)
    chance = random.Random(seed)
    rig = tmp_path / "rig.toml"
    rig.write_text(RIG.format(way=way, seed=seed))
    work = tmp_path / "work"
    work.mkdir()
    (work / "noise").write_bytes(chance.randbytes(8 << 20))
    (work / "key").write_bytes(key_page(chance.randbytes(32)))
    restored = 0
    with open_state(tmp_path / "state") as state, make_guest(Rig.load(rig), state) as guest:
        tools = Tools(guest, work)
        tools.ok("mkfifo begun")
        for kill in range(KILLS):
            archive = f"archive{kill}"
            (work / archive).write_bytes(chance.randbytes(chance.randrange(300_000)))
            key = SET_KEY if kill % 2 else ":"
            load = chance.choice(LOADS)
            group = tools.ok(
                f"set -e; {READY}; {key}; mt -f $TAPE asf {kill}; tar -b 64 -cf $TAPE {archive};"
                f" setsid sh -c '{load}' >/dev/null 2>&1 </dev/null & echo $!; read _ <begun"
            )
            select.select([], [], [], chance.random() ** 2)  # no wait for anything: an instant
            guest.restart_target()
            one = chance.randrange(kill + 1)
            tools.ok(
                # Whoever was reading or writing may have noticed nothing.
                f"set -e; kill -9 -{group.strip()} || :; {READY}; {SET_KEY};"
                f" mt -f $TAPE asf {one}; tar -b 64 -df $TAPE; : seed {seed}"
            )
            restored += 1
        names = " ".join(f"archive{kill}" for kill in range(KILLS))
        tools.ok(
            f"set -e; {READY}; {SET_KEY}; mkdir back; cd back; for name in {names};"
            f" do tar -b 64 -xf $TAPE; cmp $name ../$name; mt -f $TAPE fsf; done"
        )
    say(f"{way}, seed {seed}: {KILLS} kills under load, {restored} + {KILLS} archives restored")
