"""The fixtures of the pytest plugin, as their users' tests ask for them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.plugin.child import ROOT, pytest_in
from tests.runs import Say

PAGE = ROOT / "docs/first-test.md"


def blocks() -> list[str]:
    """The Python on the page, a text for each run of indented lines."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}|\n))+", text, re.MULTILINE)
    code = [re.sub(r"^ {4}", "", block, flags=re.MULTILINE).strip() for block in found]
    return [block + "\n" for block in code if "def test_" in block]


def test_the_five_lines_of_the_page(tmp_path: Path) -> None:
    first = blocks()[0]
    assert len(first.splitlines()) == 5
    ran = pytest_in(tmp_path, test_first=first)
    assert ran.counts == {"passed": 1}, ran.out


USES = """
import pytest

from harness.plugin.errors import CommandFailed


def inquiry(drive):
    return drive.send(bytes([0x12, 0, 0, 0, 96, 0]), size=96)


def test_blocks_and_filemarks(tape):
    for block in (b"one", b"two" * 5000):
        tape.write(block)
        tape.filemark()
    assert tape.position == 4
    tape.rewind()
    assert [tape.read() for _ in range(4)] == [b"one", b"", b"two" * 5000, b""]
    with pytest.raises(CommandFailed) as refused:
        tape.read()
    assert refused.value.code == "8/00/05"
    tape.locate(2)
    with pytest.raises(CommandFailed, match="READ of 10 bytes from a block of 15000"):
        tape.read(10)
    tape.space(filemarks=-1)
    tape.space(blocks=-1)
    assert tape.position == 0
    tape.space(filemarks=2)
    tape.end()
    assert tape.position == 4
    tape.rewind()
    tape.erase()
    tape.end()
    assert tape.position == 0


@pytest.mark.parametrize("again", [1, 2])
def test_nothing_is_left_of_the_test_before(drive, tape, again):
    assert drive.send(bytes([0x5E, 0, 0, 0, 0, 0, 0, 0, 8, 0]), size=8).data == bytes(8)
    with pytest.raises(CommandFailed, match="BLANK CHECK"):
        tape.read()
    tape.write(b"x")
    drive.set_key(bytes(range(32)))
    drive.fault("sense", command="WRITE(6)", code="3/0C/00")
    with pytest.raises(CommandFailed, match="3/0C/00"):
        tape.write(b"x")
    out = bytes(8) + bytes([0, 0, 0, 0, 0, 0, 0, 7]) + bytes(8)
    assert drive.send(bytes([0x5F, 0, 0, 0, 0, 0, 0, 0, 24, 0]), out=out).status == 0


def test_faults_end(drive, tape):
    name = drive.fault("sense", command="WRITE(6)", code="3/0C/00", times=0)
    drive.end_fault(name)
    tape.write(b"x")


def test_power(drive, tape):
    tape.write(b"x")
    drive.power_cycle()
    reply = drive.send(bytes(6))
    assert (reply.status, reply.sense[2] & 15, reply.sense[12]) == (2, 6, 0x29)
    drive.hear()
    assert drive.ready() and tape.position == 0


def test_cartridges_by_hand(rig, drive):
    drive.eject()
    assert not drive.ready()
    assert rig.call("rig.units")[0]["cartridge"] is None
    with pytest.raises(Exception, match="there is no cartridge in drive0: insert one first"):
        drive.eject()
    with pytest.raises(Exception, match="the rig has no cartridge NONE: name one of TST001L9"):
        drive.insert("NONE")
    drive.insert("TST001L9")
    drive.hear()
    assert drive.ready()
    with pytest.raises(Exception, match="eject it first"):
        drive.insert("TST001L9")


def test_a_drive_that_is_not_there(rig):
    with pytest.raises(Exception, match="the rig tests has no drive tower: name one of drive0"):
        rig.drive("tower")
"""


def test_drive_and_tape(tmp_path: Path) -> None:
    ran = pytest_in(tmp_path, "--strict-markers", test_uses=USES)
    assert ran.counts == {"passed": 7}, ran.out


SILO = """
[rig]
name = "silo"
[[cartridge]]
barcode = "KRL000L9"
count = 3
capacity = "64MiB"
[[drive]]
name = "alone"
model = "ibm/ult3580-td5"
[[drive]]
name = "drive"
count = 2
model = "ibm/ult3580-td9"
[[library]]
name = "silo"
model = "spectra/t950"
[[library.partition]]
name = "main"
drives = ["drive0", "drive1"]
slots = 4
cartridges = ["KRL000L9", "KRL001L9"]
"""

IN_A_LIBRARY = """
import pytest


@pytest.mark.keyreel(drive="drive1")
def test_a_robot_loads_the_drive(tape, drive, library):
    assert drive.name == "drive1"
    assert library.inventory() == {"slot:2": "KRL001L9", "drive:2": "KRL000L9"}
    tape.write(b"x")


def test_places_are_the_first_ones_again(library, rig):
    assert library.inventory() == {"slot:1": "KRL000L9", "slot:2": "KRL001L9"}
    assert library.call("messages") == []
    library.move("slot:1", "drive0")
    library.move("slot:2", "slot:3")
    library.call("set_partition", name="main", slots=3, drives=["drive0"])
    library.call("set_partition", name="other", slots=1, drives=["drive1"])
    assert len(rig.call("rig.units")) == 5
    library.call("add_user", name="ann", role="operator", password="secret.word")
    library.call("open_door")
    with pytest.raises(Exception, match="the robot stands still"):
        library.move("slot:3", "slot:1")
    with pytest.raises(Exception, match="is in slot:3 of library silo: take it out there first"):
        rig.drive("alone").insert("KRL001L9")
    with pytest.raises(Exception, match="let its robot move the cartridge"):
        rig.drive("drive0").eject()


def test_and_so_are_users_and_the_door(library):
    assert library.inventory() == {"slot:1": "KRL000L9", "slot:2": "KRL001L9"}
    assert [user["name"] for user in library.call("users")] == ["su"]
    (only,) = library.call("partitions")
    assert only["name"] == "main"
    library.move("slot:1", "drive0")


def test_changers_are_units_with_power(rig):
    assert [unit["name"] for unit in rig.call("rig.units")] == ["alone", "drive0", "drive1", "main"]
    changer = rig.initiator("main")
    while changer.send(bytes(6)).status:
        pass
    rig.call("rig.power_cycle", unit="main")
    assert changer.send(bytes(6)).sense[12] == 0x29
    rig.call("rig.power_cycle", unit="drive1")


@pytest.mark.keyreel(drive="drive9")
def test_no_such_drive(tape): ...


@pytest.mark.keyreel(tower="drive9")
def test_no_such_mark(tape): ...


def test_no_key_source(key_source): ...


def test_an_old_drive_and_a_new_cartridge(tape): ...
"""


def test_a_rig_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "silo.toml").write_text(SILO, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nkeyreel_rig = silo.toml\n", encoding="utf-8")
    ran = pytest_in(tmp_path, test_silo=IN_A_LIBRARY)
    assert ran.counts == {"passed": 4, "errors": 4}, ran.out
    for words in (
        "the rig silo has no drive drive9: name one of alone, drive0, drive1",
        'the marker keyreel takes drive: @pytest.mark.keyreel(drive="drive1")',
        "the rig silo has no key source at all: add [[key_source]] to its file, or name another",
        "KRL000L9 is in slot:1 of library silo: take it out there first",
    ):
        assert words in ran.out, (words, ran.out)


KEYED = """
[rig]
name = "keyed"
[[cartridge]]
barcode = "KRL000L9"
count = 2
capacity = "64MiB"
[[drive]]
name = "drive"
count = 2
model = "ibm/ult3580-td9"
cartridge = "KRL000L9"
key_source = "drawer"
[[key_source]]
name = "drawer"
source = "one-key"
"""

SOURCE = """
from keymgr.api import Grant, KeyData, KeySource
from keymgr.secret import Secret


class OneKey(KeySource):
    def __init__(self, world): ...

    def key_for_write(self, request):
        return Grant(Secret(bytes(range(32))), KeyData(unauthenticated=b"one"))

    def key_for_read(self, request):
        return Grant(Secret(bytes(range(32))), KeyData(unauthenticated=b"one"))
"""

ASKING = """
import pytest


@pytest.mark.parametrize("again", [1, 2])
def test_the_key_source_is_away(key_source, rig, again):
    assert key_source.drives == ("drive0", "drive1")
    first, second = (rig.drive(name).blank_tape() for name in key_source.drives)
    first.write(b"encrypted")
    assert len(key_source.fault("down")) == 2
    with pytest.raises(Exception, match="DATA PROTECT"):
        second.write(b"encrypted")


def test_there_is_no_device(drive):
    assert drive.device is None
"""


def test_a_key_source(tmp_path: Path) -> None:
    (tmp_path / "keyed.toml").write_text(KEYED, encoding="utf-8")
    about = tmp_path / "one_key-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: one-key\nVersion: 1.0\n", encoding="utf-8")
    found = "[keyreel.key_sources]\none-key = one_key:OneKey\n"
    (about / "entry_points.txt").write_text(found, encoding="utf-8")
    ran = pytest_in(tmp_path, "--keyreel-rig=keyed.toml", test_asking=ASKING, one_key=SOURCE)
    assert ran.counts == {"passed": 3}, ran.out


PARALLEL = """
import pytest


@pytest.mark.parametrize("number", range(24))
def test_alone(rig, tape, number):
    assert tape.position == 0
    tape.write(b"%d" % number)
    tape.rewind()
    assert tape.read() == b"%d" % number
"""


def test_processes_have_rigs_of_their_own(tmp_path: Path) -> None:
    ran = pytest_in(tmp_path, "-n2", test_parallel=PARALLEL)
    assert ran.counts == {"passed": 24}, ran.out


WRONG = """
def test_key(drive, tape):
    drive.set_key(b"0123456789abcdef0123456789ABCDEF")
    tape.write(b"x")
    tape.rewind()
    drive.set_key(b"wrong")


def test_command(drive, tape):
    drive.set_key(bytes(32))
    tape.write(b"x")
    tape.rewind()
    drive.clear_key()
    tape.read()


def test_library(library): ...


def test_host_too_late(request, drive):
    request.getfixturevalue("host")
"""


def test_failures_are_in_words_and_name_no_key(tmp_path: Path) -> None:
    ran = pytest_in(tmp_path, "--showlocals", test_wrong=WRONG)
    assert ran.counts == {"failed": 3, "error": 1}, ran.out
    assert "ended with ILLEGAL REQUEST: 5/26/00" in ran.out
    assert "READ ended with DATA PROTECT: 7/74/01 UNABLE TO DECRYPT DATA" in ran.out
    assert "the rig tests has no library at all: add [[library]] to its file" in ran.out
    assert "takes the fixture host as an argument" in ran.out
    # In the lines of the test itself, and nowhere else.
    assert ran.out.count("0123456789abcdef0123456789ABCDEF") == 1
    assert "harness/plugin" not in ran.out.replace("harness.plugin", "")


BAD_OPTIONS = "def test_one(tape): ..."


def test_wrong_options(tmp_path: Path) -> None:
    ran = pytest_in(tmp_path, "--keyreel-rig=none.toml", test_one=BAD_OPTIONS)
    assert "none.toml: cannot be read (No such file or directory): name a rig file" in ran.out
    (tmp_path / "bad.toml").write_text('[rig]\nname = "x"\nkernel = "/no/kernel"\n[[drive]]\n')
    ran = pytest_in(tmp_path, "--keyreel-rig=bad.toml", test_one=BAD_OPTIONS)
    assert "bad.toml: name in [[drive]] 1: is missing: add it" in ran.out
    ran = pytest_in(tmp_path, "--keyreel-device=/dev/sg0", "--keyreel-guest=uml")
    assert ran.status == 4, ran.out
    assert "--keyreel-device takes the place of a rig" in ran.out


NOTHING = """
import sys


def test_nothing_is_loaded():
    ours = {name for name in sys.modules if name.split(".")[0] in ("harness", "target", "keymgr")}
    assert ours == {"harness", "harness.plugin"}


def test_a_reset_is_quick(rig, tape, capsys):
    import time

    taken = []
    for _ in range(5):
        for _ in range(100):
            tape.write(bytes(10240))
        began = time.monotonic()
        rig.fresh()
        taken.append(time.monotonic() - began)
    with capsys.disabled():
        print(f"reset {min(taken) * 1000:.1f} ms")
    assert min(taken) < 2
"""


def test_cost(tmp_path: Path, say: Say) -> None:
    ran = pytest_in(tmp_path, test_nothing=NOTHING)
    assert ran.counts == {"passed": 2}, ran.out
    found = re.search(r"reset [\d.]+ ms", ran.out)
    assert found, ran.out
    say(f"a rig of one drive in the process of its tests: {found[0]}")


def test_nothing_is_written_over_unasked(tmp_path: Path) -> None:
    ran = pytest_in(tmp_path, "-rs", "--keyreel-device=/dev/nothing", test_one=BAD_OPTIONS)
    assert ran.counts == {"skipped": 1}, ran.out
    assert "writes to the cartridge in /dev/nothing: allow that by --keyreel-scratch" in ran.out
    ran = pytest_in(tmp_path, "--keyreel-device=/dev/nothing", "--keyreel-scratch")
    assert ran.counts == {"error": 1}, ran.out
    assert "/dev/nothing" in ran.out.partition("ERROR at setup")[2].splitlines()[1]
