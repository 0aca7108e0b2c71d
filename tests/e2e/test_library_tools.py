"""A library's medium changers under sg3-utils, lsscsi and the Linux driver ch."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.e2e.library import Shelf
from tests.e2e.tools import dump

pytestmark = pytest.mark.guest

CH = Path(__file__).with_name("ch_driver.py")


def ask_ch(shelf: Shelf, *requests: str, changer: str = "FINANCE") -> list[str]:
    """What ch answers to requests of tests/e2e/ch_driver.py."""
    said = shelf.ok(f"{sys.executable} -I -S {CH} ${changer} {' '.join(requests)}")
    answers = [line.partition(" ") for line in said.splitlines()]
    assert [request for request, _, _ in answers] == list(requests)
    return [answer for _, _, answer in answers]


# --- the driver ch ---


def test_ch_knows_the_elements(shelf: Shelf) -> None:
    finance = ask_ch(shelf, "params", "status:1,40", "status:2,3", "status:3,2")
    assert finance == [
        "0 1 40 3 2",
        " ".join(["9"] * 17 + ["8"] * 23),
        " ".join(["56"] * 3),
        "8 8",
    ]
    assert ask_ch(shelf, "params", changer="RESEARCH") == ["0 1 20 1 2"]
    said = shelf.ok("dmesg | grep -F '[ch1] type'")
    assert re.findall(r"#(\d) \(\w+\): (\S+) ", said) == [
        ("1", "0x1+1"), ("2", "0x1000+20"), ("3", "0x10+1"), ("4", "0x100+2"),
    ]  # fmt: skip


def test_ch_moves(shelf: Shelf) -> None:
    assert ask_ch(
        shelf,
        *("move:1,0,3,0", "element:3,0", "element:1,0"),
        *("move:3,0,2,1", "element:2,1", "move:2,1,1,30", "element:1,30"),
        *("exchange:1,1,1,2,1,35", "element:1,1", "element:1,2", "element:1,35"),
        *("position:1,3", "init"),
    ) == [
        *("", "9 1 0 KRL000L9", "8 - -"),
        *("", "57 1 0 KRL000L9", "", "9 1 0 KRL000L9"),
        *("", "8 - -", "9 1 1 KRL001L9", "9 1 2 KRL002L9"),
        *("", ""),
    ]  # fmt: skip


def test_ch_refusals_are_numbers_of_their_own(shelf: Shelf) -> None:
    shelf.mtx("load 1 0")
    # To a full place 5/3B/0D, from an empty one 5/3B/0E; what is none ch refuses itself.
    assert ask_ch(shelf, "move:1,1,3,0", "move:1,30,3,1", "move:1,50,3,1", "status:3,2") == [
        "EXFULL", "EBADE", "EBADSLT", "9 8",
    ]  # fmt: skip


# --- sg3-utils ---


def test_identity(shelf: Shelf) -> None:
    device = shelf.guest.devices["research"]
    (_, inq), (_, pages), (_, serial), (_, names), (_, luns), (_, listed) = shelf.each(
        "sg_inq $RESEARCH_SG", "sg_inq -p 0 $RESEARCH_SG", "sg_vpd -p sn $RESEARCH_SG",
        "sg_vpd -p di $RESEARCH_SG", "sg_luns $RESEARCH_SG", "lsscsi -g",
    )  # fmt: skip
    assert "PDT=8  RMB=1" in inq
    assert "Vendor identification: SPECTRA" in inq
    assert "08 00 00 03 00 80 83" in pages
    assert f"Unit serial number: {device.serial}" in serial
    assert f"vendor specific: PYTHON          {device.serial}" in names
    assert re.search(r"^ +0x5[0-9a-f]{15}$", names, re.M), "an NAA name"
    assert "1 lun entry" in luns
    row = rf"mediumx SPECTRA  PYTHON +\w+ +{device.changer} +{device.sg}"
    assert re.search(row, listed)
    assert len(re.findall("^.{13}tape ", listed, re.M)) == 4


def test_pages(shelf: Shelf) -> None:
    (_, modes), (_, logs), (_, alerts) = shelf.each(
        "sg_modes -a $RESEARCH_SG", "sg_logs -a $RESEARCH_SG", "sg_logs -H -p 0x2e $RESEARCH_SG"
    )
    assert re.findall(r">> ([^,]+),", modes) == [
        "Control", "Element address assignment", "Transport geometry parameters",
        "Device capabilities",
    ]  # fmt: skip
    assert "1d 12 00 01 00 01 10 00  00 14 00 10 00 01 01 00" in modes
    assert "0x2e" in logs
    assert "page_len=0x140" in alerts, "64 flags"


def test_operation_codes(shelf: Shelf) -> None:
    (_, said), (_, move), (_, functions) = shelf.each(
        "sg_opcodes $RESEARCH_SG", "sg_opcodes -o 0xa5 $RESEARCH_SG", "sg_opcodes --tmf $FINANCE_SG"
    )
    known = re.findall(r"^ ([0-9a-f]{2}) ", said, re.M)
    assert {"00", "07", "12", "1e", "2b", "37", "a5", "a6", "b8"} <= set(known)
    assert "Usage data: a5 00 ff ff ff ff ff ff 00 00 01 c0" in move
    assert "Logical unit reset" in functions


def test_drives_are_told_by_their_serial_numbers(shelf: Shelf) -> None:
    """READ ELEMENT STATUS with DVCID is how programs learn which tape node a drive has."""
    said = shelf.ok("sg_raw -r 4096 $FINANCE b8 04 00 00 ff ff 01 00 10 00 00 00")
    data = dump(said)
    at = [data.find(shelf.guest.devices[name].serial.encode()) for name in ("drive0", "drive1")]
    assert 0 < at[0] < at[1]
    assert shelf.guest.devices["drive2"].serial.encode() not in data


def test_persistent_reservation(shelf: Shelf) -> None:
    steps = shelf.each(
        "sg_persist -n -o -G -S 0x1234 $FINANCE_SG",
        "sg_persist -n -o -R -K 0x1234 -T 3 $FINANCE_SG",
        "sg_persist -n -i -r $FINANCE_SG",
        "mtx -f $FINANCE load 1 0; mtx -f $FINANCE unload 1 0",
        "sg_persist -n -o -L -K 0x1234 -T 3 $FINANCE_SG",
        "sg_persist -n -o -G -K 0x1234 $FINANCE_SG",
        "sg_persist -n -i -k $FINANCE_SG",
    )
    assert not any(status for status, _ in steps), steps
    assert "Key=0x1234" in steps[2][1]
    assert "NO registered reservation keys" in steps[6][1]


def test_other_commands(shelf: Shelf) -> None:
    steps = shelf.each(
        "sg_turs $FINANCE", "sg_requests $FINANCE", "sg_senddiag -t $FINANCE",
        "sg_ident $FINANCE", "sg_read_attr $FINANCE", "sg_raw $FINANCE 08 00 00 00 00 00",
        "sg_turs $FINANCE",
    )  # fmt: skip
    assert [status for status, _ in steps] == [0, 0, 0, 0, 9, 9, 0], steps


def test_a_reset(shelf: Shelf) -> None:
    said = shelf.fails("sg_reset -d $FINANCE; sg_turs -v $FINANCE")
    assert "Bus device reset function occurred" in said
    assert shelf.mtx().drives == {}
