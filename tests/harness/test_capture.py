"""A captured model answers as the drive did: every model here, with another one for a base, and a
drive with what no model here has. What is sent only reads.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.capture.capturing import model_of
from harness.capture.draft import make
from harness.capture.questions import Answers, ask
from harness.cli import keyreel
from harness.initiators.inprocess import InProcess
from target import personality
from target.scsi.command import Buffers, Completion, Nexus
from target.scsi.device_server import Run

MODELS = personality.models()
SERIAL = "KRL0000001"
READ_ONLY = {
    "00", "05", "12", "1A", "1C", "34", "3C-03", "3C-0B", "44", "4D", "5A", "5E", "8C", "A0", "A2",
    "A3",
}  # fmt: skip
"""What may be sent: opcodes, those of READ BUFFER with the modes that ask for descriptors."""


UNSEEN = {"hp/ultrium-1", "hp/ultrium-2", "hp/ultrium-3", "hp/ultrium-4"}
"""Whose mode page 11h is another without a volume: with one, it tells of the volume."""


def answers(model: str, volume: bool, compression: str = "off") -> Answers:
    return ask(InProcess(make(personality.load(model), SERIAL, compression, volume)))


def captured(told: Answers, file: Path, without: str = "") -> str:
    """A model's file from answers, written; its text."""
    text = model_of(told, "a drive", without=[without])
    file.write_text(text, encoding="utf-8")
    return text


def differences(one: Answers, other: Answers) -> set[str]:
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}


@pytest.mark.parametrize("model", MODELS)
def test_a_captured_model_answers_alike(model: str, tmp_path: Path) -> None:
    # As real drives it can compress: without, it would not tell how.
    theirs = answers(model, volume=True, compression="lz4")
    text = captured(theirs, tmp_path / "mine.toml", without=model)
    mine = str(tmp_path / "mine.toml")
    assert f'base = "{model}"' not in text
    assert differences(answers(mine, volume=True, compression="lz4"), theirs) == set()
    assert f"gives {len(theirs)} of {len(theirs)} answers alike." in text
    other = differences(answers(mine, volume=False), answers(model, volume=False))
    assert other == ({"mode 11 default"} if model in UNSEEN else set())


@pytest.mark.parametrize("model", ["hp/ultrium-1", "ibm/ult3580-td8-n4q0", "stk/t10000b"])
def test_without_a_volume(model: str, tmp_path: Path) -> None:
    theirs = answers(model, volume=False)
    captured(theirs, tmp_path / "mine.toml", without=model)
    assert not differences(answers(str(tmp_path / "mine.toml"), volume=False), theirs)


@pytest.mark.parametrize("model", ["ibm/ult3580-td5", "hp/ultrium-6"])
def test_with_the_model_itself_for_a_base_there_is_nothing_to_say(
    model: str, tmp_path: Path
) -> None:
    text = captured(answers(model, volume=True), tmp_path / "mine.toml")
    assert text.splitlines()[-1] == f'base = "{model}"'


STRANGE = """
base = "hp/ultrium-5"

[inquiry]
vendor = "ACME"
product = "Strange drive"
revision = "0.1"
length = 80
version_descriptors = [0x0077, 0x0314]

[inquiry.bytes]
3 = 0x12
7 = 0x42
40 = 0x99
78 = 1

[commands]
"A3-0F" = false
"0B" = false

[timeouts]
short = 77
"2B" = 1234

[modes]
"02" = false
"2C" = { data = "01 02 F0 00", mask = "00 0F F0", saved = true }
"0A-33" = { data = "11 22 33" }

[modes."0A"]
busy_timeout = 5
bytes = { 7 = 4 }

[modes."0F".bytes]
2 = 0x20

[logs]
"31" = false
"35" = "0000 40 02 1234 0001 03 01 FF"

[vpd.pages]
"83" = "02 01 00 12 41 43 4D 45 20 20 20 20 {serial}"
"C6" = "00 01 {revision} FF"
"CF" = [["All text {serial}", 40]]

[encryption]
max_ukad = 17

[reservations]
ptpl_c = false
"""


def test_a_drive_with_what_no_model_has(tmp_path: Path) -> None:
    (tmp_path / "strange.toml").write_text(STRANGE.replace('"0.1"', '"0.1 "'))
    theirs = answers(str(tmp_path / "strange.toml"), volume=True)
    text = captured(theirs, tmp_path / "mine.toml")
    assert not differences(answers(str(tmp_path / "mine.toml"), volume=True), theirs), text
    for line in (
        'vendor = "ACME"',
        '"2B" = 1234',
        '"0B" = false',
        '"2C" = { data = "01 02 F0 00", mask = "00 0F F0 00", saved = true }',
        '"35" = "00 00 40 02 00 00 00 01 03 01 FF"',
        '"83" = "02 01 00 12 41 43 4D 45 20 20 20 20 {serial}"',
        "max_ukad = 17",
    ):
        assert line in text, line
    assert "# Not captured: log page 35 is not as any model here has it: it does not count." in text


def test_nothing_that_is_sent_writes_moves_or_locks(tmp_path: Path) -> None:
    sent: list[bytes] = []
    drive = make(personality.load("ibm/ult3580-td9"), SERIAL, "off", volume=True)

    def see(run: Run, nexus: Nexus, cdb: bytes, data_out: Buffers, data_in: Buffers) -> Completion:
        sent.append(cdb)
        return run(nexus, cdb, data_out, data_in)

    drive.interpose([see])
    ask(InProcess(drive))
    used = {f"{cdb[0]:02X}" + (f"-{cdb[1] & 0x1F:02X}" if cdb[0] == 0x3C else "") for cdb in sent}
    assert used <= READ_ONLY and len(sent) > 150
    assert not any(cdb[0] == 0x4D and cdb[2] & 0x3F == 0x2E for cdb in sent), "flags are lowered"


RIG = """
[rig]
name = "capture"
guest = "none"
{cartridge}
[[drive]]
name = "{name}"
model = "{model}"
serial = "KRL0000001"
"""


def test_the_command_and_a_rig_with_what_it_prints(tmp_path: Path) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text(RIG.format(cartridge="", name="drive0", model="ibm/ts1160"))
    command = ["personality", "capture", f"{rig}:drive0", "--base", "ibm/ts1150"]
    done = CliRunner().invoke(keyreel, command)
    assert done.exit_code == 0 and re.search(r"gives (\d+) of \1 answers alike\.", done.output)
    (tmp_path / "mine.toml").write_text(done.output)
    rig.write_text(RIG.format(cartridge="", name="drive0", model="mine.toml"))
    # And that one, captured again, is the first model.
    again = CliRunner().invoke(keyreel, ["personality", "capture", str(rig)])
    assert again.output.splitlines()[-1] == 'base = "ibm/ts1160"'


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["{rig}", "--base", "acme/none"], 2, "there is no acme/none: `keyreel personality list`"),
        (["{rig}:robot"], 2, "has no unit robot: write one of drive0 after the colon"),
        (["none"], 2, "none: is no target: write /dev/sg0"),
    ],
)
def test_what_cannot_be_captured_is_said_in_a_sentence(
    tmp_path: Path, arguments: list[str], status: int, said: str
) -> None:
    (tmp_path / "rig.toml").write_text(RIG.format(cartridge="", name="drive0", model="ibm/ts1160"))
    words = [word.format(rig=tmp_path / "rig.toml") for word in arguments]
    done = CliRunner().invoke(keyreel, ["personality", "capture", *words])
    assert (done.exit_code, said in done.stderr) == (status, True), done.output


def test_a_changer_has_no_model_to_capture() -> None:
    rig = Path(__file__).parents[2] / "fixtures/rigs/library.toml"
    units = CliRunner().invoke(keyreel, ["personality", "capture", f"{rig}:none"]).stderr
    changer = units.rpartition("one of ")[2].split(" after")[0].split(", ")[-1]
    done = CliRunner().invoke(keyreel, ["personality", "capture", f"{rig}:{changer}"])
    assert done.exit_code == 2
    assert "is no tape drive: only those have models that can be captured" in done.stderr
