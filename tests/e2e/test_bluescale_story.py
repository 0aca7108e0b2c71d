"""The story of a library that manages its keys: played whole, and no key or password left by it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.demo.bluescale import BARCODE, PASSWORDS, STORY
from harness.demo.player import perform
from harness.demo.story import PLAINTEXT, Do, Step
from keymgr.keystore import open_keystore
from tests.e2e.leaks import leaks

pytestmark = pytest.mark.guest

MONIKERS = ("Finance_2026", "Archive_2026")
AFTERWARDS = Step(
    "Look everywhere",
    "What else could hold a secret: a backup, pages of a drive with a key, the kernel's log.",
    (
        Do("keyreel library backup tower.backup < key.password"),
        Do("keyreel library inventory; keyreel bluescale status; keyreel library messages"),
        Do("for p in 00 01 10 11 12 20 21 30 31; do sg_raw -r 8192 -o page$p $SG1"
           " a2 20 00 $p 00 00 00 00 20 00 00 00; done"),
        Do("sg_logs -a $SG1; sg_requests -HH $SG1; sg_requests -HH $ARCHIVE; dmesg"),
        # Some process of the list has always ended.
        Do("cat /proc/[0-9]*/cmdline 2>&1 || :"),
        Do("cat /proc/$(pgrep keyreel-target)/environ", shows=("PYTHONPATH=",)),
        Do("cp -r /dev/shm/keyreel shm; grep core /proc/$(pgrep keyreel-target)/limits",
           shows=("0                    0",)),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Played:
    """The story, told: its state folder, its output, and every secret of it by name."""

    folder: Path
    passed: list[bool]
    told: str
    secrets: dict[str, bytes]

    @property
    def work(self) -> Path:
        return self.folder / "work"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("story")
    on_host = sum(step.on_host for step in STORY.steps)
    steps = list(STORY.steps)
    steps.insert(len(steps) - on_host, AFTERWARDS)
    console = Console(file=io.StringIO(), width=100, soft_wrap=True, highlight=False)
    passed = perform(replace(STORY, steps=tuple(steps)), folder, console)
    assert isinstance(console.file, io.StringIO)
    told = console.file.getvalue()
    (folder / "told").write_text(told, encoding="utf-8")
    found = {
        name: (folder / "work" / f"{name}.password").read_bytes().strip() for name in PASSWORDS
    }
    with closing(open_keystore(folder / "libraries" / "tower", create=False)) as store:
        (realm,) = store.realms()
        for moniker in MONIKERS:
            found[moniker] = bytes(store.secret(realm, moniker).reveal())
    yield Played(folder, passed, told, found)


@pytest.mark.req("BS-02", "BS-03", "BS-04", "BS-07", "BS-09", "BS-10", "BS-11", "BS-12")
def test_the_story(played: Played) -> None:
    """Real tar, mt and mtx against two partitions; every step shows what it should."""
    assert all(played.passed), played.told
    assert "requires the moniker 'Finance_2026'" in played.told
    assert (played.work / "Finance_2026.bsk").stat().st_size > 0


@pytest.mark.req("BS-05", "BS-13")
def test_no_key_and_no_password_is_left_anywhere(played: Played) -> None:
    files = {played.work / f"{name}.password" for name in PASSWORDS}
    for name, secret in played.secrets.items():
        assert len(secret) >= 32
        assert leaks(secret, played.folder, files) == [], name


def test_everything_was_searched(played: Played) -> None:
    """Keystore, configuration, messages, logs, the cartridge, exported keys and the backup."""
    files = {str(p.relative_to(played.folder)) for p in played.folder.rglob("*") if p.is_file()}
    assert {
        "told",
        "run/console.log",
        "run/target.log",
        "run/plan.json",
        "drives/drive0.json",
        f"cartridges/{BARCODE}/partition0/data",
        f"cartridges/{BARCODE}/partition0/runs",
        "libraries/tower/keys.sqlite",
        "work/Finance_2026.bsk",
        "work/Archive_2026.bsk",
        "work/tower.backup",
        "work/page21",
    } <= files
    runs = (played.folder / "cartridges" / BARCODE / "partition0" / "runs").read_bytes()
    assert b"Finance_2026" in runs, "the moniker is in clear"


def test_the_search_finds_what_is_there(played: Played) -> None:
    for name in PASSWORDS:
        own = played.work / f"{name}.password"
        assert leaks(played.secrets[name], played.folder, set()) == [own]


@pytest.mark.req("BS-07")
def test_no_plaintext_is_in_the_cartridge(played: Played) -> None:
    for file in (played.folder / "cartridges").rglob("*"):
        assert not file.is_file() or PLAINTEXT.encode() not in file.read_bytes()


def test_files_with_secrets_are_their_owners_alone(played: Played) -> None:
    kept = [*(played.folder / "libraries").rglob("*"), *played.work.glob("*.bsk")]
    kept += [played.work / "tower.backup"]
    assert [f for f in kept if f.is_file() and f.stat().st_mode & 0o077] == []
