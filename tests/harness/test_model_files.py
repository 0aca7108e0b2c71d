"""A rig's drive may have a file of its user's own for a model: where it is looked for, what it may
say that no model of ours does, what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import keyreel
from harness.initiators.opening import open_initiator
from harness.rig import Rig, RigError

RIG = """
[rig]
name = "own"
guest = "none"

[[drive]]
name = "drive0"
model = "models/mine.toml"
serial = "MINE000001"
"""
MINE = """
base = "ibm/ult3580-td5"

[inquiry]
vendor = "ACME"

[inquiry.bytes]
5 = 0x11
90 = 0xAB

[timeouts]
"08" = 1234

[modes]
"0A" = { bytes = { 10 = 1 } }
"2C" = { data = "01 02 F0 00", mask = "00 0F F0", saved = true }

[modes."0F".bytes]
2 = 0x20

[logs]
"33" = "0000 40 02 1234 0001 03 01 FF"

[vpd.pages]
"C2" = "41 {serial} 42"
"""


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "rig.toml").write_text(RIG)
    return tmp_path / "rig.toml"


def write(rig: Path, text: str) -> None:
    (rig.parent / "models/mine.toml").write_text(text)


def test_a_drive_answers_as_the_file_beside_the_rig_says(rig: Path) -> None:
    write(rig, MINE.replace('"0A" = { bytes = { 10 = 1 } }\n', ""))
    with open_initiator(str(rig)) as one:
        while one.send(bytes(6)).sense[2] == 6:
            pass

        def ask(cdb: str) -> bytes:
            reply = one.send(bytes.fromhex(cdb), size=0xFFFF)
            assert reply.status == 0, reply
            return reply.data

        inquiry = ask("12 00 00 00 FF 00")
        assert (inquiry[8:16], inquiry[5], inquiry[90]) == (b"ACME    ", 0x11, 0xAB)
        assert ask("12 01 C2 00 FF 00")[4:] == b"AMINE000001B"
        assert ask("A3 0C 81 08 00 00 00 00 FF FF 00 00")[-4:] == (1234).to_bytes(4)
        assert ask("A3 0C 81 0A 00 00 00 00 FF FF 00 00")[-4:] == (1500).to_bytes(4)
        assert ask("4D 00 73 00 00 00 00 FF FF 00")[4:] == bytes.fromhex("0000400212340001 0301FF")
        # A page that is not declared, and a bit that no field has.
        assert ask("5A 08 2C 00 00 00 00 FF FF 00")[8:] == bytes.fromhex("AC04 0102F000")
        assert ask("5A 08 6C 00 00 00 00 FF FF 00")[8:] == bytes.fromhex("AC04 000FF000")
        assert ask("5A 08 0F 00 00 00 00 FF FF 00")[10] == 0x20
        assert ask("5A 08 4F 00 00 00 00 FF FF 00")[10] == 0x00
        # What can be changed is, and what cannot has to be sent as it is.
        select = bytes.fromhex("55 10 00 00 00 00 00 00 0E 00")
        for page, status in (("2C04 010DE000", 0), ("2C04 010D6100", 2), ("2C04 000D6000", 2)):
            assert one.send(select, out=bytes(8) + bytes.fromhex(page)).status == status, page
        assert ask("5A 08 2C 00 00 00 00 FF FF 00")[8:] == bytes.fromhex("AC04 010DE000")
        sent = ask("5A 08 0F 00 00 00 00 FF FF 00")[8:]
        select = bytes.fromhex("55 10 00 00 00 00 00 00 18 00")
        assert one.send(select, out=bytes(8) + sent).status == 0
        assert one.send(select, out=bytes(8) + sent[:2] + b"\0" + sent[3:]).status == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is missing, add it here or in a base"),
        ("base = 5", "base = 5 will not do, write a name or a list of names"),
        ('base = "ibm/ult3580"', "base 'ibm/ult3580' will not do, name another file here"),
        ('base = "mine.toml"', "base 'mine.toml' will not do, name another file here"),
        ("base", "this is not TOML"),
        (MINE, "mode page 0A has fields in byte 10"),
        (MINE.replace("{ bytes = { 10 = 1 } }", '{ data = "X" }'), "data and mask are hex digits"),
        (MINE.replace("{ bytes = { 10 = 1 } }", "{ none = 1 }"), "mode page 0A has no none"),
        ('base = "ibm/ult3580-td5"\nlogs."33" = "00 00"', "page 33 ends within a parameter"),
        ('base = "ibm/ult3580-td5"\nmedia.native = "LTO-55"', "there is no 'LTO-55': use a name"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_in_a_sentence(rig: Path, text: str, said: str) -> None:
    write(rig, text)
    with pytest.raises(RigError) as error:
        Rig.load(rig)
    assert str(error.value).startswith(f"{rig}: model in [[drive]] 1: {rig.parent}/models/mine")
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there(rig: Path) -> None:
    with pytest.raises(RigError, match=r"cannot be read \(No such file or directory\), name"):
        Rig.load(rig)


def test_what_a_drive_of_the_file_answers_can_be_shown(rig: Path) -> None:
    write(rig, MINE.replace('"0A" = { bytes = { 10 = 1 } }\n', ""))
    shown = CliRunner().invoke(keyreel, ["personality", "show", f"{rig.parent}/models/mine.toml"])
    assert "ACME ULT3580-TD5, revision G9Q1" in shown.output, shown
