"""Rig files: what is read from them, and the one sentence for each mistake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.guest.api import GuestError
from harness.rig import Rig, RigError
from harness.rig_values import parse_size
from harness.running import make_guest
from harness.state import open_state
from target.personality import models as known_models

ROOT = Path(__file__).parents[2]

GOOD = """
[rig]
name = "two"
guest = "uml"
seed = 7
[[cartridge]]
barcode = "KRL001L9"
capacity = "64MiB"
[[cartridge]]
barcode = "KRL002L8"
write_protect = true
[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
cartridge = "KRL001L9"
[[drive]]
name = "drive-1"
model = "ibm/ult3580-td8"
serial = "HU12345678"
compression = "zstd"
medium = "null"
encryption = "library"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_rig_is_right() -> None:
    rig = Rig.load(ROOT / "fixtures/rigs/one-lto9.toml")
    assert rig.drive[0].cartridge == rig.cartridge[0].barcode


def test_a_plan_says_all_that_the_file_says(tmp_path: Path) -> None:
    plan = Rig.load(write(tmp_path, GOOD)).plan(tmp_path / "state")
    first, second = plan.drives
    assert (plan.name, plan.seed) == ("two", 7)
    assert (first.name, first.model, first.cartridge) == ("drive0", "ibm/ult3580-td9", "KRL001L9")
    assert (first.compression, first.medium) == ("off", "file")
    assert (second.serial, second.cartridge) == ("HU12345678", None)
    assert (second.compression, second.medium) == ("zstd", "null")
    assert (first.encryption, second.encryption) == (None, "library")
    assert plan.cartridge("KRL001L9").capacity == 64 << 20
    assert plan.cartridge("KRL001L9").path == str(tmp_path / "state/cartridges/KRL001L9")
    assert plan.cartridge("KRL002L8").write_protect


def test_default_serial_numbers_are_ten_digits_and_always_the_same(tmp_path: Path) -> None:
    def serial(text: str) -> str:
        return Rig.load(write(tmp_path, text)).plan(tmp_path).drives[0].serial

    assert serial(GOOD) == serial(GOOD)
    assert serial(GOOD).isdigit()
    assert len(serial(GOOD)) == 10
    changed = [
        GOOD.replace("seed = 7", "seed = 8"),
        GOOD.replace('"two"', '"three"'),
        GOOD.replace('"drive0"', '"drive2"'),
    ]
    assert len({serial(GOOD), *map(serial, changed)}) == 4


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "two"', "", ["name in [rig]", "is missing", "add it"]),
        ("[rig]", "[rack]", ["[rig]", "is missing"]),
        (
            "seed = 7",
            "seed = 7\ncolour = 1",
            ["colour in [rig]", "not known", "name, guest, kernel"],
        ),
        ("seed = 7", 'seed = "x"', ["seed in [rig]", "'x'", "a valid integer"]),
        ('"uml"', '"xen"', ["guest in [rig]", "'xen'", "'uml', 'qemu', 'host' or 'none'"]),
        (
            "seed = 7",
            'transport = ["tcmu", "iscsi", "tcmu-runner"]',
            ["transport in [rig]", "the same devices", "name one of them"],
        ),
        ('"64MiB"', '"64 floppies"', ["capacity in [[cartridge]] 1", "64 floppies", "64MiB"]),
        ('"KRL002L8"', '"KRL002Q8"', ["barcode in [[cartridge]] 2", "KRL002Q8", "L3, LT, L4"]),
        ('barcode = "KRL002L8"', 'barcode = "KRL001L9"', ["KRL001L9 is used twice"]),
        ('cartridge = "KRL001L9"', 'cartridge = "KRL009L9"', ["no KRL009L9", "[[cartridge]]"]),
        ('compression = "zstd"', 'cartridge = "KRL001L9"', ["[[drive]] 2", "KRL001L9", "twice"]),
        ('"drive-1"', '"drive0"', ["name in [[drive]] 2", "drive0 is used twice"]),
        ('"drive0"', '"drive_1"', ["name in [[drive]] 2", "drive_1 is used twice"]),
        ('"drive-1"', '"Drive1"', ["name in [[drive]] 2", "'Drive1'", "start with a letter"]),
        ('"HU12345678"', '"12"', ["serial in [[drive]] 2", "ten of"]),
        ("ibm/ult3580-td8", "ibm/td8", ["model in [[drive]] 2", "ibm/td8: use ibm/ult3580-td8"]),
        ('"library"', '"host"', ["encryption in [[drive]] 2", "'host'", "'application'"]),
        ('"library"', '"agent"', ["encryption in [[drive]] 2", "use application or library"]),
        ("ibm/ult3580-td8", "ibm/ult3580-td3", ["encryption in [[drive]] 2", "cannot encrypt"]),
        ("[rig]", "[rig", ["not valid TOML", "line 2"]),
        (GOOD[GOOD.index("[[drive]]") :], "", ["[[drive]]", "is missing", "add it"]),
    ],
)
def test_a_mistake_is_one_sentence_with_file_key_and_cure(
    tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(RigError) as caught:
        Rig.load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    for word in words:
        assert word in text


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RigError, match="cannot be read"):
        Rig.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "size"),
    [(5, 5), ("5", 5), ("2GB", 2 * 10**9), ("64MiB", 64 << 20), ("1 TiB", 1 << 40)],
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", [0, -1, True, 1.5, "1.5GB", "12 parsecs", ""])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="no size"):
        parse_size(text)


def test_models_are_files() -> None:
    assert "ibm/ult3580-td9" in known_models()
    assert not [model for model in known_models() if "/_" in model]


@pytest.mark.parametrize("guest", ["none"])
def test_other_guests_are_refused_with_a_cure(tmp_path: Path, guest: str) -> None:
    rig = Rig.load(write(tmp_path, GOOD.replace('"uml"', f'"{guest}"')))
    with open_state(tmp_path / "state") as state, pytest.raises(GuestError, match='set guest = "'):
        make_guest(rig, state)


def test_files_in_folders_that_a_guest_has_for_itself_are_refused(tmp_path: Path) -> None:
    rig = Rig.load(write(tmp_path, GOOD))
    with open_state(tmp_path / "state") as state:
        with pytest.raises(GuestError, match="the trace /dev/shm/t is in /dev, of which"):
            make_guest(rig.traced(Path("/dev/shm/t")), replace(state, folder=Path("/elsewhere")))
        link = tmp_path / "link"
        link.symlink_to("/dev/shm")
        with pytest.raises(GuestError, match=r"the state folder .*/link is in /dev, of which"):
            make_guest(rig, replace(state, folder=link))


MANY = """
[rig]
name = "many"
[[cartridge]]
barcode = "KR0998L9"
count = 2000
capacity = "1GB"
[[cartridge]]
barcode = "SPARE1L9"
[[drive]]
name = "drive"
count = 64
model = "ibm/ult3580-td9"
cartridge = "KR1000L9"
[[drive]]
name = "spare"
model = "ibm/ult3580-td9"
cartridge = "SPARE1L9"
"""


def test_a_table_with_a_count_stands_for_many(tmp_path: Path) -> None:
    plan = Rig.load(write(tmp_path, MANY)).plan(tmp_path)
    barcodes = [cartridge.barcode for cartridge in plan.cartridges]
    assert (len(barcodes), barcodes[0], barcodes[2], barcodes[1999]) == (
        2001, "KR0998L9", "KR1000L9", "KR2997L9",
    )  # fmt: skip
    assert plan.cartridges[1999].capacity == 10**9
    drives = [(drive.name, drive.cartridge) for drive in plan.drives]
    assert drives[:2] == [("drive0", "KR1000L9"), ("drive1", "KR1001L9")]
    assert drives[63:] == [("drive63", "KR1063L9"), ("spare", "SPARE1L9")]
    assert len({drive.serial for drive in plan.drives}) == 65
    assert len({drive.state for drive in plan.drives}) == 65


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("count = 2000", "count = 0", ["count in [[cartridge]] 1", "greater than or equal to 1"]),
        ("count = 2000", "count = 9003", ["[[cartridge]] 1: count of 9003", "KR0998L9", "9002"]),
        ('"SPARE1L9"\n[[d', '"SPAREXL9"\ncount = 2\n[[d', ["[[cartridge]] 2", "there are 1"]),
        ('"SPARE1L9"\n[[d', '"KR2997L9"\n[[d', ["[[cartridge]] 2", "KR2997L9 is used twice"]),
        ('"KR1000L9"', '"KR2990L9"', ["cartridge in [[drive]] 1", "no KR2998L9"]),
        ("count = 64", 'count = 64\nserial = "HU12345678"', ["[[drive]] 1: serial", "leave one"]),
        ('"spare"', '"drive7"', ["name in [[drive]] 2", "drive7 is used twice"]),
        ('"SPARE1L9"\n', '"KR1063L9"\n', ["[[cartridge]] 2", "KR1063L9 is used twice"]),
    ],
)
def test_a_mistake_in_a_table_with_a_count_names_the_table(
    tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    with pytest.raises(RigError) as caught:
        Rig.load(write(tmp_path, MANY.replace(old, new, 1)))
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text
