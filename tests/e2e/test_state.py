"""What lasts between two runs, and what a power failure leaves."""

from __future__ import annotations

import json
import random
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.guest.api import GuestError
from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state
from tests.e2e.tools import CANNOT_READ, Tools

pytestmark = pytest.mark.guest

Keyreel = Callable[..., "subprocess.Popen[bytes]"]

NOISE = random.Random(53).randbytes(1 << 20)


def ended(process: subprocess.Popen[bytes], stdin: bytes = b"") -> str:
    """The output of a keyreel command that must end well."""
    stdout, stderr = process.communicate(stdin, timeout=120)
    assert process.returncode == 0, stderr.decode()
    return stdout.decode()


def test_a_second_run_reads_what_the_first_wrote(
    keyreel: Keyreel, one_lto9: Path, tmp_path: Path
) -> None:
    (tmp_path / "noise").write_bytes(NOISE)
    (tmp_path / "key").write_text("5a" * 32 + "\nkept")

    def run(script: str) -> str:
        log = "mkdir -p log && mount --bind log /var/log && T=$KEYREEL_DRIVE0_TAPE && "
        command = ("sh", "-e", "-c", log + script)
        return ended(keyreel("run", one_lto9, "--state", tmp_path / "state", "--", *command))

    run("""
        dd if=noise of=$T bs=64k
        stenc -f $T -e on -k key -a 1
        tar -b 512 -cf $T noise
    """)
    # The key is gone with the power, the tape rewound, and the data need the key again.
    said = run("""
        stenc -f $T
        mt -f $T status
        dd if=$T bs=64k | cmp - noise && echo first file is whole
        if dd if=$T bs=256k of=/dev/null; then exit 1; fi
        stenc -f $T -e on -k key -a 1
        tar -b 512 -df $T && echo second file is whole
        sg_logs -p 0x0c $KEYREEL_DRIVE0_SG
    """)
    assert "Drive Encryption:        off" in said
    assert "File number=0, block number=0" in said
    assert "first file is whole" in said
    assert "second file is whole" in said
    assert "[0x8001] value: 2" in said, "load cycles of the drive's life"
    lasting = sorted(p.name for p in (tmp_path / "state").iterdir())
    assert lasting == ["cartridges", "drives", "lock", "run"]
    info = json.loads((tmp_path / "state/cartridges/KRL001L9/cartridge.json").read_text())
    assert info["loads"] == 2


def test_a_run_appends_to_the_one_before(keyreel: Keyreel, one_lto9: Path, tmp_path: Path) -> None:
    def run(script: str) -> str:
        command = ("sh", "-e", "-c", "T=$KEYREEL_DRIVE0_TAPE; " + script)
        return ended(keyreel("run", one_lto9, "--state", tmp_path / "state", "--", *command))

    for number in range(3):
        run(f"mt -f $T eod; echo file {number} > $T")
    assert run("cat $T; cat $T; cat $T") == "file 0\nfile 1\nfile 2\n"


def test_one_run_at_a_time(keyreel: Keyreel, one_lto9: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = keyreel("run", one_lto9, "--state", state, "--", "sh", "-c", "echo ready; cat")
    assert first.stdout
    assert first.stdout.readline() == b"ready\n"
    second = keyreel("run", one_lto9, "--state", state, "--", "true")
    _, stderr = second.communicate(timeout=120)
    assert second.returncode == 2
    assert b"another run uses the state folder" in stderr
    ended(first)


def test_without_a_state_folder_nothing_is_left(
    keyreel: Keyreel, one_lto9: Path, tmp_path: Path
) -> None:
    before = set(tmp_path.iterdir()) | {tmp_path / "tmp", tmp_path / "home"}
    ended(keyreel("run", one_lto9, "--", "sh", "-c", "cat > $KEYREEL_DRIVE0_TAPE"), NOISE)
    assert set(tmp_path.iterdir()) == before
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list((tmp_path / "home").iterdir()) == []
    command = ("sh", "-c", "cat $KEYREEL_DRIVE0_TAPE 2>&1 || true")
    assert CANNOT_READ in ended(keyreel("run", one_lto9, "--", *command)), "a new, blank tape"


@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "encrypted"])
def test_a_power_failure_while_writing(one_lto9: Path, tmp_path: Path, encrypted: bool) -> None:
    """What is before a filemark is durable; behind it are whole blocks or nothing."""
    rig, state_folder = Rig.load(one_lto9), tmp_path / "state"
    with open_state(state_folder) as state:
        guest = make_guest(rig, state)
        guest.start()
        tools = Tools(guest, tmp_path)
        tools.key_file("key", "of the failure")
        if encrypted:
            tools.stenc("-e on -k key -a 1")
        tools.write(NOISE, 65_536)
        # Data are under way for as long as the command runs; it says so itself.
        started = threading.Event()
        script = "dd if=noise of=$KEYREEL_DRIVE0_TAPE bs=65536 count=16; echo going; " + (
            "while :; do dd if=noise bs=65536 status=none; done > $KEYREEL_DRIVE0_TAPE"
        )
        (tmp_path / "noise").write_bytes(NOISE)
        failures: list[GuestError] = []

        def write() -> None:
            try:
                guest.stream(
                    ["sh", "-c", script], stdin=b"", stdout=lambda _: started.set(),
                    stderr=lambda _: None, cwd=tmp_path,
                )  # fmt: skip
            except GuestError as error:
                failures.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        data = state_folder / "cartridges" / "KRL001L9" / "partition0" / "data"
        assert started.wait(120)
        while data.stat().st_size < 5 << 20:
            writer.join(0.02)
            assert writer.is_alive()
        cut_power(guest)
        writer.join(120)
        assert failures, "the command did not end by itself"
        guest.kill()
    with open_state(state_folder) as state, make_guest(rig, state) as guest:
        tools = Tools(guest, tmp_path)
        tools.mt("rewind")
        if encrypted:
            tools.stenc("-e on -k key -a 1")
        assert tools.read(65_536) == NOISE
        assert tools.read(65_536) == NOISE
        # The third file has no filemark: it ends at the end of data, or where the tape was cut.
        tools.run("dd if=$TAPE of=read bs=65536")
        rest = (tmp_path / "read").read_bytes()
        assert len(rest) % 65_536 == 0
        assert rest == (NOISE * (len(rest) // len(NOISE) + 1))[: len(rest)]
        # The tape goes on from there.
        tools.mt("eod")
        tools.write(NOISE[:1000], 1000)
        tools.mt("bsfm 1")
        tools.ok("mt -f $TAPE rewind && mt -f $TAPE fsf 2")


def cut_power(guest: object) -> None:
    """End the guest's processes at once, without a word to the thread that talks with it."""
    import os
    import signal

    from harness.guest.uml import UmlGuest

    assert isinstance(guest, UmlGuest) and guest.minder_pid
    children = Path(f"/proc/{guest.minder_pid}/task/{guest.minder_pid}/children").read_text()
    for child in children.split():
        os.kill(int(child), signal.SIGKILL)
