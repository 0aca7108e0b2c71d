"""Libraries and key sources in rig files: the plan made of them, one sentence for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.rig import Rig, RigError
from keymgr.secret import Secret
from target.library.users import Role
from target.plan import RigPlan, UserPlan
from target.serve import Service

ROOT = Path(__file__).parents[2]

GOOD = """
[rig]
name = "house"
[[cartridge]]
barcode = "KRL000L9"
count = 12
[[cartridge]]
barcode = "SPARE1L9"
[[drive]]
name = "drive"
count = 3
model = "ibm/ult3580-td9"
[[drive]]
name = "alone"
model = "ibm/ult3580-td9"
serial = "ALONE00001"
cartridge = "KRL011L9"
[[library]]
name = "tower"
model = "spectra/t950"
options = ["bluescale-professional"]
password_file = "secret/tower"
[[library.partition]]
name = "finance"
drives = ["drive0", "drive1"]
slots = 10
mail_slots = 2
encryption = "bluescale"
cartridges = [{ barcode = "KRL000L9", count = 8 }, "KRL009L9"]
hosts = 2
[[library.partition]]
name = "research"
serial = "RESEARCH01"
slots = 2
[[library.user]]
name = "night"
role = "operator"
password_file = "secret/night"
[library.bluescale]
secure_initialization = true
[[library]]
name = "shed"
model = "spectra/t950"
[[library.partition]]
name = "tools"
drives = ["drive2"]
slots = 1
cartridges = ["KRL010L9"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "my.toml"
    path.write_text(text, encoding="utf-8")
    (folder / "secret").mkdir(exist_ok=True)
    (folder / "secret/tower").write_text("Open-it\n", encoding="ascii")
    (folder / "secret/night").write_text("Light.on\n", encoding="ascii")
    for file in (folder / "secret").iterdir():
        file.chmod(0o600)
    return path


def test_the_example_is_right(tmp_path: Path) -> None:
    plan = Rig.load(ROOT / "fixtures/rigs/library.toml").plan(tmp_path)
    assert [unit.name for unit in plan.units] == [
        "drive0", "drive1", "drive2", "older", "finance", "research",
    ]  # fmt: skip


def test_a_plan_says_all_that_the_file_says(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    Rig.load(path).plan(tmp_path / "state").save(tmp_path / "plan.json")
    plan = RigPlan.load(tmp_path / "plan.json")
    tower, shed = plan.libraries
    assert (tower.name, tower.model, tower.options) == (
        "tower", "spectra/t950", ("bluescale-professional",),
    )  # fmt: skip
    assert tower.folder == str(tmp_path / "state/libraries/tower")
    assert tower.password_file == str(tmp_path / "secret/tower")
    assert tower.users == (UserPlan("night", "operator", str(tmp_path / "secret/night")),)
    assert tower.bluescale == {"secure_initialization": True}
    finance, research = tower.partitions
    assert finance.drives == ("drive0", "drive1")
    assert (finance.slots, finance.mail_slots, finance.hosts) == (10, 2, 2)
    assert finance.encryption == "bluescale"
    assert finance.cartridges == (*(f"KRL00{n}L9" for n in range(8)), "KRL009L9")
    assert (research.serial, research.drives, research.encryption) == ("RESEARCH01", (), "disabled")
    assert shed.partitions[0].cartridges == ("KRL010L9",)
    serials = [tower.serial, shed.serial, *(unit.serial for unit in plan.units)]
    assert len(set(serials)) == len(serials)
    again = Rig.load(path).plan(tmp_path / "state")
    assert again.units == plan.units, "serial numbers are those of last time"


def test_a_plan_with_options_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    Rig.load(write(tmp_path, GOOD)).plan(tmp_path).save(path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("spectra/t950", "spectra/t95", ["model in [[library]] 1", "no spectra/t95: use "]),
        ("bluescale-professional", "pro", ["options in [[library]] 1", "no pro: use "]),
        ("[[library.partition]]\nname = \"tools\"\ndrives = [\"drive2\"]\nslots = 1\n"
         "cartridges = [\"KRL010L9\"]\n", "",
         ["[[library.partition]] of [[library]] 2: is missing: add it"]),
        ("slots = 1\n", "", ["slots in [[library.partition]] 3: is missing"]),
        ("slots = 1\n", "slots = 0\n", ["slots in [[library.partition]] 3", "equal to 1"]),
        ("slots = 1\n", "slots = 1\nfloors = 2\n",
         ["floors in [[library.partition]] 3", "not known", "mail_slots"]),
        ("mail_slots = 2", "mail_slots = 300", ["[[library.partition]] 1", "addresses for 240"]),
        ("secret/tower", "secret/shed", ["password_file in [[library]] 1", "shed: write one"]),
        ("secret/night", "secret/day", ["password_file in [[library]] 1", "day: write one"]),
        ('"operator"', '"janitor"', ["role in [[library.user]] 1: 'janitor' will not do"]),
        ("slots = 10\n", "slots = 8\n", ["[[library.partition]] 1", "9 are more than its 8"]),
        ('"drive2"]', '"drive1"]', ["drives in [[library.partition]] 3: drive1 is used twice"]),
        ('"drive2"]', '"drive7"]', ["no drive7: add a [[drive]]"]),
        ('"drive2"]', '"alone"]', ["cartridge in [[drive]] 2", "in cartridges of tools instead"]),
        ('"tools"', '"alone"', ["name in [[library.partition]] 3: alone is used twice"]),
        ('"tools"', '"finance"', ["finance is used twice", "each drive and changer"]),
        ('"shed"', '"tower"', ["name in [[library]] 2: tower is used twice"]),
        ('"RESEARCH01"', '"ALONE00001"', ["serial in [[library.partition]] 2", "used twice"]),
        ('["KRL010L9"]', '["KRL099L9"]', ["[[library.partition]] 3: there is no KRL099L9"]),
        ('["KRL010L9"]', '["KRL000L9"]', ["[[library.partition]] 3: KRL000L9 is used twice"]),
        ('["KRL010L9"]', '["KRL011L9"]', ["[[library.partition]] 3: KRL011L9 is used twice"]),
        ('["KRL010L9"]', '[{ barcode = "KRL010L9" }]', ["cartridges in", "will not do", "count ="]),
        ('["KRL010L9"]', '"KRL010L9"', ["cartridges in", "write a list"]),
        ('["KRL010L9"]', "[10]", ["cartridges in", "10 will not do"]),
        ('"bluescale"', '"rot13"', ["encryption in [[library.partition]] 1: there is no rot13"]),
        ("[library.bluescale]", "[[library.bluescale]]", ["bluescale in [[library]] 1"]),
        ('name = "drive"\n', 'name = "drive"\nmedium = "null"\n', ["medium in [[drive]] 1"]),
        ('name = "drive"\n', 'name = "drive"\nkey_source = "x"\n', ["[[drive]] 1: there is no x"]),
        ("[[library]]\nname = \"tower\"",
         "[[key_source]]\nname = \"bluescale\"\nsource = \"x\"\n[[library]]\nname = \"tower\"",
         ["name in [[key_source]] 1: bluescale is a library's own method"]),
        ("[[library]]\nname = \"tower\"",
         "[[key_source]]\nname = \"mine\"\nsource = \"x\"\n[[library]]\nname = \"tower\"",
         ["source in [[key_source]] 1: there is no key source 'x'"]),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_file_key_and_cure(
    tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(RigError) as caught:
        Rig.load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    for word in words:
        assert word in text


def test_one_library_written_as_a_table(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("[[library]]")] + '[library]\nname = "tower"\n'
    with pytest.raises(RigError, match=r"\[\[library\]\]: is written otherwise: write it as \[\["):
        Rig.load(write(tmp_path, text))


def test_what_operators_have_made_is_there_for_hosts_at_the_next_start(tmp_path: Path) -> None:
    """And what they have deleted is not; a name that is taken by then is told."""
    text = GOOD.replace("[rig]", '[iscsi]\nport = 0\n[rig]\ntransport = "iscsi"', 1)
    text = text.replace('encryption = "bluescale"\n', "")
    rig = Rig.load(write(tmp_path, text))
    service = Service(rig.plan(tmp_path))
    operator = service.libraries["tower"].login("su", Secret(b"Open-it"))
    operator.delete_partition("research")
    operator.set_partition("later", slots=2)
    assert "later" not in service.units
    assert service.libraries["tower"].login("night", Secret(b"Light.on")).role is Role.OPERATOR
    service.close()
    plan = rig.plan(tmp_path)
    assert [unit.name for unit in plan.units][4:] == ["finance", "later", "tools"]
    assert {unit.name: unit.hosts for unit in plan.units}["finance"] == 2
    service = Service(plan)
    assert set(service.units) == {unit.name for unit in plan.units}
    service.close()
    taken = Rig.load(write(tmp_path, text.replace('"alone"', '"later"')))
    with pytest.raises(ValueError, match="a partition later, as another unit"):
        taken.plan(tmp_path)
