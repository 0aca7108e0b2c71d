"""No key in anything that a run leaves or prints, and no plaintext of what was encrypted."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state
from harness.trace.reader import Command, read
from tests.e2e.leaks import PIECE, leaks
from tests.e2e.tools import CANNOT_READ, Tools

pytestmark = pytest.mark.guest

Keyreel = Callable[..., "subprocess.Popen[bytes]"]

LABEL = "label in clear"


@dataclass(frozen=True)
class Session:
    """A whole session with keys: its folder, the keys by their files, the plaintexts."""

    folder: Path
    keys: dict[Path, bytes]
    plaintexts: list[bytes]
    limits: str

    @property
    def cartridge(self) -> Path:
        return self.folder / "state" / "cartridges" / "KRL001L9"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, one_lto9: Path) -> Iterator[Session]:
    """tar and stenc with three keys, wrong ones, every error, a power-off: all output in a file."""
    folder = tmp_path_factory.mktemp("session")
    papers = folder / "papers"
    papers.mkdir()
    texts = [f"the plaintext of paper {n}, a line like no other\n".encode() * 999 for n in range(3)]
    for number, text in enumerate(texts):
        (papers / f"{number}").write_bytes(text)
    traced = folder / "rig.toml"
    traced.write_text(one_lto9.read_text().replace("[rig]\n", "[rig]\ntrace = true\n"))
    with open_state(folder / "state") as state, make_guest(Rig.load(traced), state) as guest:
        tools = Tools(guest, folder)
        keys = {folder / name: tools.key_file(name, LABEL) for name in ("one", "two", "raw")}
        tools.mt("rewind")
        tools.stenc("-e on -k one -a 1 --protect")
        tools.ok("tar -cf $TAPE papers")
        tools.stenc("-e mixed -k two -a 1 --ckod")
        tools.ok("tar -b 512 -cf $TAPE papers")
        tools.mt("rewind")
        # A wrong key, no key, wrong parameters; each with the tools' own words about it.
        assert CANNOT_READ in tools.fails("tar -tf $TAPE")
        tools.details()
        for page in ("00", "01", "10", "11", "12", "20", "21", "30", "31"):
            tools.raw(f"a2 20 00 {page} 00 00 00 00 20 00 00 00", 8192)
            (folder / f"page{page}").write_bytes((folder / "raw-in").read_bytes())
        tools.fails("stenc -f $TAPE -e on -k one -a 9")
        key = keys[folder / "raw"]
        short = bytes.fromhex("0010 0030 40 00 02 02 01 00").ljust(18, b"\0") + b"\0\x1f" + key
        assert tools.raw("b5 20 00 10 00 00 00 00 00 34 00 00", out=short).status == 5
        cut = short[:30]
        assert tools.raw("b5 20 00 10 00 00 00 00 00 1e 00 00", out=cut).status != 0
        # Sense and log data after each.
        tools.ok("sg_requests -HH $SG; sg_logs -a $SG; sg_modes -a $SG; dmesg")
        tools.mt("eod")
        tools.stenc("-e rawread -k raw -a 1 --unprotect")
        tools.write(texts[0], 1000)
        tools.mt("rewind")
        assert tools.raw("08 02 00 28 00 00", 10_240).status == 7
        tools.mt("asf 2")
        tools.raw("08 02 00 28 00 00", 10_240)
        (folder / "raw-block").write_bytes((folder / "raw-in").read_bytes())
        tools.stenc("-e off -a 1")
        tools.mt("offline")
        limits = tools.ok("cat /proc/$(pgrep keyreel-target)/limits")
        tools.ok("cat /proc/$(pgrep keyreel-target)/cmdline /proc/$(pgrep keyreel-target)/environ")
        (folder / "output").write_bytes(tools.said)
    yield Session(folder, keys, texts, limits)


def test_no_key_is_left_anywhere(session: Session) -> None:
    for file, key in session.keys.items():
        assert leaks(key, session.folder, {file}) == []


def test_everything_was_searched(session: Session) -> None:
    """The state folder with cartridge, drive's memory, trace and logs, the outputs, stenc's own
    log."""
    files = {str(p.relative_to(session.folder)) for p in session.folder.rglob("*") if p.is_file()}
    assert {
        "output",
        "log/stenc",
        "state/run/console.log",
        "state/run/target.log",
        "state/run/plan.json",
        "state/run/trace.jsonl",
        "state/drives/drive0.json",
        "state/cartridges/KRL001L9/cartridge.json",
        "state/cartridges/KRL001L9/partition0/data",
        "state/cartridges/KRL001L9/partition0/index",
        "state/cartridges/KRL001L9/partition0/runs",
    } <= files
    assert LABEL.encode() in (session.cartridge / "partition0" / "runs").read_bytes()
    assert LABEL.encode() in (session.folder / "output").read_bytes()
    assert LABEL.encode() in (session.folder / "log" / "stenc").read_bytes()
    trace = read(session.folder / "state" / "run" / "trace.jsonl")
    sent = [one for one in trace.records if isinstance(one, Command) and one.cdb[0] == 0xB5]
    assert len(sent) >= 2 * len(session.keys)
    assert all(one.redacted for one in sent if len(one.out.head) > 20)


def test_the_search_finds_a_key_that_is_there(session: Session, tmp_path: Path) -> None:
    for file, key in session.keys.items():
        assert leaks(key, session.folder, set()) == [file], "the key file itself"
        planted = tmp_path / "planted"
        for text in (
            key,
            key.hex().encode(),
            key.hex().upper().encode(),
            key.hex(" ").encode(),
            base64.b64encode(key),
            base64.b64encode(b"x" + key),
            base64.urlsafe_b64encode(b"xy" + key),
            repr(key).encode(),
            key[:PIECE],
        ):
            planted.write_bytes(os.urandom(4097) + text + os.urandom(99))
            assert leaks(key, tmp_path, set()) == [planted]
        planted.write_bytes(os.urandom(5000))
        assert leaks(key, tmp_path, set()) == []


def test_no_plaintext_is_in_the_cartridge(session: Session) -> None:
    for file in session.cartridge.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert b"a line like no other" not in data
            assert b"papers/" not in data, "nor tar's headers"
    assert b"a line like no other" not in (session.folder / "raw-block").read_bytes()
    assert (session.cartridge / "partition0" / "data").stat().st_size > 2 * sum(
        map(len, session.plaintexts)
    )


def test_the_search_finds_clear_data(keyreel: Keyreel, one_lto9: Path, tmp_path: Path) -> None:
    """The same text written without a key is there to be seen."""
    line = b"a line like no other\n" * 100
    process = keyreel(
        "run", one_lto9, "--state", tmp_path / "state", "--", "sh", "-c",
        "cat > $KEYREEL_DRIVE0_TAPE",
    )  # fmt: skip
    process.communicate(line)
    data = tmp_path / "state" / "cartridges" / "KRL001L9" / "partition0" / "data"
    assert line in data.read_bytes()


def test_the_target_leaves_no_core_dump(session: Session) -> None:
    (row,) = (line for line in session.limits.splitlines() if line.startswith("Max core file size"))
    assert row.split()[4:6] == ["0", "0"]


def test_nothing_of_a_run_of_the_command(keyreel: Keyreel, one_lto9: Path, tmp_path: Path) -> None:
    """keyreel run as users run it: files of the state folder, both outputs, nothing elsewhere."""
    key = os.urandom(32)
    (tmp_path / "key").write_text(f"{key.hex()}\n{LABEL}")
    text = b"plaintext that only the drive may see\n" * 5000
    (tmp_path / "plain").write_bytes(text)
    script = """
        mkdir log && mount --bind log /var/log && T=$KEYREEL_DRIVE0_TAPE
        stenc -f $T -e on -k key -a 1
        tar -cf $T plain && mt -f $T rewind && tar -df $T && mt -f $T rewind
        stenc -f $T --detail
        sg_raw -vvv -r 44 $KEYREEL_DRIVE0_SG a2 20 00 20 00 00 00 00 00 2c 00 00
    """
    process = keyreel(
        "run", one_lto9, "--state", tmp_path / "state", "--", "sh", "-e", "-c", script
    )
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr.decode()
    assert LABEL in stdout.decode()
    (tmp_path / "output").write_bytes(stdout + stderr)
    assert leaks(key, tmp_path, {tmp_path / "key"}) == []
    cartridge = tmp_path / "state" / "cartridges"
    assert all(
        b"only the drive may see" not in file.read_bytes()
        for file in cartridge.rglob("*")
        if file.is_file()
    )
    assert list((tmp_path / "tmp").iterdir()) == []
