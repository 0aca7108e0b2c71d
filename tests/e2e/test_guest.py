"""The guest as its users see it: commands, files, devices, signals, and nothing left behind."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.guest.api import CommandTimeout, Guest, GuestError
from harness.guest.uml import UmlGuest
from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state
from tests.runs import Say

pytestmark = pytest.mark.guest

Keyreel = Callable[..., "subprocess.Popen[bytes]"]

ROOT = Path(__file__).parents[2]
DATA = random.Random(5).randbytes(5 << 20)


def processes_of(folder: Path) -> list[int]:
    """Processes of this machine with the folder's name in their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in words:
            found.append(int(process.name))
    return found


def wait_for_end(processes: list[int], timeout: float) -> None:
    """Wait until all of them have ended (pidfds of processes that exist now)."""
    deadline = time.monotonic() + timeout
    for ended in processes:
        left = max(0.0, deadline - time.monotonic())
        assert select.select([ended], [], [], left)[0], "a process is still there"
        os.close(ended)


# --- commands ---


@pytest.mark.parametrize("status", [0, 1, 77, 255])
def test_exit_status(guest: Guest, status: int) -> None:
    assert guest.run(["sh", "-c", f"exit {status}"]).status == status


def test_a_command_killed_by_a_signal(guest: Guest) -> None:
    assert guest.run(["sh", "-c", "kill -9 $$"]).status == 128 + 9


def test_commands_that_cannot_start(guest: Guest, tmp_path: Path) -> None:
    missing = guest.run(["no-such-program"])
    assert (missing.status, missing.stderr) == (
        127,
        b"keyreel: no-such-program: command not found\n",
    )
    assert guest.run([str(tmp_path)]).status == 126


def test_output_and_errors_are_apart(guest: Guest) -> None:
    done = guest.run(["sh", "-c", "echo out; echo err >&2; echo more"])
    assert (done.stdout, done.stderr) == (b"out\nmore\n", b"err\n")


def test_input_and_output_are_binary_safe(guest: Guest) -> None:
    assert guest.run(["cat"], stdin=DATA).stdout == DATA


def test_many_commands_after_much_input(guest: Guest) -> None:
    for turn in range(10):
        assert guest.run(["cat"], stdin=DATA[: turn * 12345]).stdout == DATA[: turn * 12345]


def test_input_that_nobody_reads(guest: Guest) -> None:
    assert guest.run(["true"], stdin=DATA).status == 0
    assert guest.run(["head", "-c", "3"], stdin=DATA).stdout == DATA[:3]


def test_a_command_finds_the_end_of_its_input(guest: Guest) -> None:
    assert guest.run(["wc", "-c"]).stdout == b"0\n"


def test_output_is_passed_on_while_the_command_runs(guest: Guest) -> None:
    read_end, write_end = os.pipe()
    seen = bytearray()

    def answer(data: bytes) -> None:
        seen.extend(data)
        if seen == b"question\n":
            os.write(write_end, b"answer\n")
            os.close(write_end)

    script = "echo question; read line; echo got $line"
    status = guest.stream(["sh", "-c", script], stdin=read_end, stdout=answer, stderr=answer)
    os.close(read_end)
    assert (status, bytes(seen)) == (0, b"question\ngot answer\n")


def test_a_command_left_in_the_background_does_not_hold_up(guest: Guest) -> None:
    done = guest.run(["sh", "-c", "sleep 1000 & echo started"], timeout=120)
    assert done.stdout == b"started\n"


def test_a_command_that_takes_too_long_is_killed(guest: Guest) -> None:
    with pytest.raises(CommandTimeout, match="sleep did not end"):
        guest.run(["sleep", "1000"], timeout=0.2)
    assert guest.run(["true"]).status == 0


# --- surroundings ---


def test_commands_run_in_the_caller_s_folder_and_files_last(
    guest: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "from-host").write_bytes(b"host")
    with tempfile.TemporaryDirectory(dir="/tmp") as elsewhere:
        script = f"pwd; cat from-host; echo guest > in-cwd; echo guest > {elsewhere}/in-tmp"
        done = guest.run(["sh", "-c", script])
        assert done.stdout == os.fsencode(tmp_path) + b"\nhost"
        assert (tmp_path / "in-cwd").read_bytes() == b"guest\n"
        assert (Path(elsewhere) / "in-tmp").read_bytes() == b"guest\n"
    other = tmp_path / "other"
    other.mkdir()
    assert guest.run(["pwd"], cwd=other).stdout == os.fsencode(other) + b"\n"


def test_a_file_changed_on_the_host_is_seen(guest: Guest, tmp_path: Path) -> None:
    file = tmp_path / "file"
    for text in (b"first", b"second, which is longer", b"3rd"):
        file.write_bytes(text)
        assert guest.run(["cat", str(file)]).stdout == text


def test_environment_and_umask_are_the_caller_s(
    guest: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREETING", "hällo 'world'")
    assert guest.run(["printenv", "GREETING"]).stdout.decode() == "hällo 'world'\n"
    assert guest.run(["printenv", "PYTHONPATH"], env={"PATH": "/usr/bin"}).status == 1
    before = os.umask(0o027)
    try:
        guest.run(["touch", str(tmp_path / "file")])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_variables_name_the_devices_with_that_serial_number(guest: Guest) -> None:
    device = guest.devices["drive0"]
    script = (
        'test -c "$KEYREEL_DRIVE0_TAPE" && test -c "$KEYREEL_DRIVE0_SG" &&'
        ' echo "$KEYREEL_DRIVE0_SERIAL" && sg_inq --page=sn --raw "$KEYREEL_DRIVE0_SG" && echo &&'
        ' readlink -f "/sys/class/scsi_generic/${KEYREEL_DRIVE0_SG##*/}/device"'
        ' "/sys/class/scsi_tape/${KEYREEL_DRIVE0_TAPE##*/}/device"'
    )
    done = guest.run(["sh", "-c", script])
    assert done.status == 0, done.stderr
    assert done.stdout.count(device.serial.encode()) == 2
    of_sg, of_tape = done.stdout.splitlines()[-2:]
    assert of_sg == of_tape


@pytest.mark.parametrize(
    "command",
    [
        "lsscsi -g | grep -q tape.*st0.*sg0",
        'sg_inq "$KEYREEL_DRIVE0_SG"',
        'mt -f "$KEYREEL_DRIVE0_TAPE" status',
        "echo < /dev/fd/0 && test -w /dev/shm && test -c /dev/ptmx",
    ],
)
def test_tools_work(guest: Guest, command: str) -> None:
    done = guest.run(["sh", "-c", command])
    assert done.status == 0, done.stderr


def test_host_s_proc_sys_and_dev_are_not_the_guest_s(guest: Guest) -> None:
    assert guest.run(["cat", "/proc/1/comm"]).stdout != Path("/proc/1/comm").read_bytes()
    guest.run(["touch", "/dev/shm/keyreel-test-mark"])
    assert not Path("/dev/shm/keyreel-test-mark").exists()


# --- life and death ---


@pytest.fixture
def own_guest(one_lto9: Path, tmp_path: Path) -> Iterator[UmlGuest]:
    """A guest of this test's own, not started, with its state in tmp_path/"state"."""
    with open_state(tmp_path / "state") as state:
        guest = make_guest(Rig.load(one_lto9), state)
        assert isinstance(guest, UmlGuest)
        yield guest
        guest.kill()


STUCK = 30.0
"""Seconds that the best of three boots takes only if something waits that should not."""


def test_boot_time(own_guest: UmlGuest, say: Say) -> None:
    mounts = Path("/proc/self/mounts")
    boots, unchanged = [], []
    for _ in range(3):
        mounted, before = mounts.read_bytes(), time.monotonic()
        own_guest.start()
        boots.append(time.monotonic() - before)
        own_guest.stop()
        assert processes_of(own_guest.run_directory) == []
        unchanged.append(mounts.read_bytes() == mounted)
    say(f"from nothing to /dev/nst0: {min(boots):.2f} s, the best of {len(boots)} boots")
    assert min(boots) < STUCK
    # Others on this machine may mount something at any time; a guest would at every boot.
    assert any(unchanged)


def test_a_guest_can_be_killed_and_started_again(own_guest: UmlGuest) -> None:
    for _ in range(2):
        own_guest.start()
        assert own_guest.run(["true"]).status == 0
        own_guest.kill()
        assert processes_of(own_guest.run_directory) == []
    with pytest.raises(GuestError, match="not running"):
        own_guest.run(["true"])


def test_a_kernel_that_dies_is_reported_and_leaves_nothing(own_guest: UmlGuest) -> None:
    own_guest.start()
    with pytest.raises(GuestError, match="the guest ended while sh ran"):
        own_guest.run(["sh", "-c", "echo c > /proc/sysrq-trigger; sleep 1000"])
    assert processes_of(own_guest.run_directory) == []


def test_a_target_that_dies_is_reported(own_guest: UmlGuest) -> None:
    own_guest.start()
    # A tool that waits for the drive gets an error instead of waiting for ever.
    script = "pkill -9 keyreel-target; sg_turs $KEYREEL_DRIVE0_SG"
    assert own_guest.run(["sh", "-c", script], timeout=120).status != 0
    with pytest.raises(GuestError, match=r"target process had ended by itself, with status 137"):
        own_guest.stop()


def test_a_target_that_cannot_start_shows_its_log(tmp_path: Path, one_lto9: Path) -> None:
    text = one_lto9.read_text().replace('cartridge = "KRL001L9"', 'cartridge = "KRL001L9"\n')
    (tmp_path / "rig.toml").write_text(text)
    with open_state(tmp_path / "state") as state:
        guest = make_guest(Rig.load(tmp_path / "rig.toml"), state)
        assert isinstance(guest, UmlGuest)
        shelf = tmp_path / "state" / "cartridges"
        shutil.rmtree(shelf, ignore_errors=True)
        # A file where the cartridges' folder should be.
        shelf.write_bytes(b"")
        with pytest.raises(GuestError, match="the target process ended") as caught:
            guest.start()
    assert "last lines of the target's log" in str(caught.value)


# --- the keyreel command ---

Terminal = tuple[int, "subprocess.Popen[bytes]"]


@pytest.fixture
def keyreel_on_terminal(one_lto9: Path, tmp_path: Path) -> Iterator[Terminal]:
    """An interactive keyreel run on a terminal of 33 lines of 99 columns; its other end."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (33, 99))
    with subprocess.Popen(
        [sys.executable, "-m", "harness", "run", one_lto9],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SHELL": "/bin/sh", "PS1": "$ "},
    ) as process:
        read_until(ours, b"$ ")
        yield ours, process
        process.kill()
    os.close(theirs)
    os.close(ours)


def read_until(terminal: int, words: bytes, timeout: float = 120) -> bytes:
    """What the terminal shows up to those words."""
    shown = b""
    while words not in shown:
        assert select.select([terminal], [], [], timeout)[0], f"no {words!r} in {shown!r}"
        shown += os.read(terminal, 1)
    return shown


def test_keyreel_run(keyreel: Keyreel, one_lto9: Path, tmp_path: Path) -> None:
    process = keyreel(
        "run", one_lto9, "--", "sh", "-c", "cat; echo $KEYREEL_DRIVE0_TAPE >&2; exit 9"
    )
    stdout, stderr = process.communicate(DATA)
    assert (process.returncode, stderr) == (9, b"/dev/nst0\n")
    assert stdout == DATA
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list((tmp_path / "home").iterdir()) == []


def test_keyreel_run_without_a_command_runs_the_shell(keyreel: Keyreel, one_lto9: Path) -> None:
    process = keyreel("run", one_lto9, env={"SHELL": "/bin/sh"})
    stdout, _ = process.communicate(b"echo $KEYREEL_DRIVE0_SG; exit 4\n")
    assert (process.returncode, stdout) == (4, b"/dev/sg0\n")


def test_state_is_kept(keyreel: Keyreel, one_lto9: Path, tmp_path: Path) -> None:
    state = tmp_path / "a state"
    first = keyreel(
        "run", one_lto9, "--state", state, "--", "sh", "-c", "echo kept > $KEYREEL_DRIVE0_TAPE"
    )
    assert first.communicate() == (b"", b"")
    second = keyreel(
        "run", one_lto9, "--state", state, "--", "sh", "-c", "cat $KEYREEL_DRIVE0_TAPE"
    )
    assert second.communicate() == (b"kept\n", b"")


def test_a_reader_that_goes_away_ends_the_command(keyreel: Keyreel, one_lto9: Path) -> None:
    process = keyreel("run", one_lto9, "--", "yes")
    assert process.stdout
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    assert process.wait(120) == 128 + signal.SIGPIPE


def test_an_interactive_shell_has_a_terminal(keyreel_on_terminal: Terminal) -> None:
    terminal, process = keyreel_on_terminal
    os.write(terminal, b"tty; stty size; test -c $KEYREEL_DRIVE0_TAPE && echo fo''und\n")
    assert read_until(terminal, b"found\r\n").split(b"\r\n")[-4:-1] == [
        b"/dev/pts/0",
        b"33 99",
        b"found",
    ]
    # What is typed before the prompt is there is echoed before it, too.
    read_until(terminal, b"$ ")
    os.write(terminal, b"cat\nonce\n")
    read_until(terminal, b"once\r\nonce\r\n")
    os.write(terminal, b"\x03")
    read_until(terminal, b"^C\r\n$ ")
    os.write(terminal, b"exit 7\n")
    assert process.wait(120) == 7
    assert termios.tcgetattr(terminal)[3] & termios.ICANON, "the terminal is as it was before"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_keyreel_ends_the_command_in_order(
    keyreel: Keyreel, one_lto9: Path, tmp_path: Path, number: int
) -> None:
    script = "trap 'echo cleaned; exit 3' INT TERM; echo ready; sleep 1000 & wait"
    process = keyreel("run", one_lto9, "--", "sh", "-c", script)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.communicate(timeout=120)[0] == b"cleaned\n"
    assert process.returncode == 3
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("victim", ["keyreel", "kernel", "minder"])
def test_sigkill_leaves_nothing(
    keyreel: Keyreel, one_lto9: Path, tmp_path: Path, victim: str
) -> None:
    process = keyreel("run", one_lto9, "--", "sh", "-c", "echo ready; sleep 1000")
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    (minder,) = children_of(process.pid)
    (kernel,) = children_of(minder)
    theirs = []
    for pid in processes_of(tmp_path / "tmp"):
        # A process of the guest, which is one of this machine too, may end meanwhile.
        with suppress(ProcessLookupError):
            theirs.append(os.pidfd_open(pid))
    assert len(theirs) > 2
    os.kill({"keyreel": process.pid, "kernel": kernel, "minder": minder}[victim], signal.SIGKILL)
    _, stderr = process.communicate(timeout=120)
    if victim == "keyreel":
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 125
        assert stderr.startswith(b"keyreel: the guest ended while sh ran")
    wait_for_end(theirs, 120)
    assert processes_of(tmp_path / "tmp") == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list((tmp_path / "home").iterdir()) == []


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
def test_an_ordinary_user_needs_no_privileges(one_lto9: Path) -> None:
    nobody = 65534
    # pytest's own folders are closed to other users; so may be the folders above this checkout.
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("checkout", "venv", "home"):
            (folder / part).mkdir()
        os.chown(folder / "home", nobody, nobody)
        python = folder / "venv" / Path(sys.executable).relative_to(sys.prefix)
        rig = folder / "checkout" / one_lto9.relative_to(ROOT)
        script = (
            f"mount --bind {ROOT} {folder}/checkout && mount --bind {sys.prefix} {folder}/venv &&"
            f" cd {folder}/home && exec setpriv --reuid {nobody} --regid {nobody} --clear-groups"
            f" env HOME={folder}/home TMPDIR={folder}/home PYTHONPATH={folder}/checkout"
            f" {python} -m harness run {rig} -- sh -c"
            " 'mt -f $KEYREEL_DRIVE0_TAPE status && touch mine'"
        )
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script],
            capture_output=True,
            check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"ONLINE" in done.stdout
        assert [path.name for path in (folder / "home").iterdir()] == ["mine"]
        assert (folder / "home" / "mine").stat().st_uid == nobody
