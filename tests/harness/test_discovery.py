"""Drives are found by serial number, and only when their nodes are character devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.devices import show
from harness.discovery import find, find_units, hosts_of, unit_serial_number
from harness.hotplug import wait_for, watch


@pytest.mark.parametrize(
    ("page", "serial"),
    [
        (b"\x01\x80\x00\x0a1234567890", "1234567890"),
        (b"\x01\x80\x00\x0c  12345678\0\0", "12345678"),
        (b"\x01\x83\x00\x0a1234567890", ""),
        (b"\x01\x80", ""),
        (b"", ""),
    ],
)
def test_unit_serial_number(page: bytes, serial: str) -> None:
    assert unit_serial_number(page) == serial


def add_tape(root: Path, number: int, generic: int, serial: str, host: int = 0) -> None:
    """A tape drive as sysfs shows it; its nodes are links to a character device."""
    device = root / "sys/devices" / f"host{host}" / f"{host}:0:1:0"
    (device / "scsi_generic" / f"sg{generic}").mkdir(parents=True)
    page = b"\x01\x80" + len(serial).to_bytes(2, "big") + serial.encode()
    (device / "vpd_pg80").write_bytes(page)
    for mode in ("st", "nst"):
        for suffix in ("", "a", "l", "m"):
            node = root / "sys/class/scsi_tape" / f"{mode}{number}{suffix}"
            node.mkdir(parents=True)
            (node / "device").symlink_to(device)
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev" / f"nst{number}").symlink_to("/dev/null")
    (root / "dev" / f"sg{generic}").symlink_to("/dev/null")


def test_find_units_pairs_the_nodes_of_each_serial_number(tmp_path: Path) -> None:
    add_tape(tmp_path, 0, 3, "AAAAAAAAAA")
    add_tape(tmp_path, 1, 1, "BBBBBBBBBB", host=1)
    dev = str(tmp_path / "dev")
    found = find_units(str(tmp_path / "sys"), dev)
    assert {serial: [(one.tape, one.sg) for one in nodes] for serial, nodes in found.items()} == {
        "AAAAAAAAAA": [(f"{dev}/nst0", f"{dev}/sg3")],
        "BBBBBBBBBB": [(f"{dev}/nst1", f"{dev}/sg1")],
    }


def test_hosts_of_a_drive_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    add_tape(tmp_path, 0, 0, "AAAAAAAAAA", host=10)
    add_tape(tmp_path, 1, 1, "AAAAAAAAAA", host=9)
    found = find_units(str(tmp_path / "sys"), str(tmp_path / "dev"))
    assert [Path(nodes.tape).name for nodes in found["AAAAAAAAAA"]] == ["nst1", "nst0"]


def add_changer(root: Path, number: int, generic: int, serial: str, host: int = 0) -> None:
    """A medium changer as sysfs shows it."""
    device = root / "sys/devices" / f"host{host}" / f"{host}:0:1:0"
    (device / "scsi_generic" / f"sg{generic}").mkdir(parents=True)
    page = b"\x08\x80" + len(serial).to_bytes(2, "big") + serial.encode()
    (device / "vpd_pg80").write_bytes(page)
    node = root / "sys/class/scsi_changer" / f"sch{number}"
    node.mkdir(parents=True)
    (node / "device").symlink_to(device)
    (root / "dev").mkdir(exist_ok=True)
    for name in (f"sch{number}", f"sg{generic}"):
        (root / "dev" / name).symlink_to("/dev/null")


def test_a_changer_is_found_by_its_serial_number_whatever_stands_beside_it(tmp_path: Path) -> None:
    add_tape(tmp_path, 0, 0, "AAAAAAAAAA")
    add_changer(tmp_path, 0, 1, "00BBBBBBBBBB0401", host=2)
    add_changer(tmp_path, 1, 2, "00BBBBBBBBBB0401", host=1)
    dev = str(tmp_path / "dev")
    units = find_units(str(tmp_path / "sys"), dev)
    assert [(one.tape, one.sg, one.changer) for one in hosts_of("BBBBBBBBBB", units)] == [
        ("", f"{dev}/sg2", f"{dev}/sch1"),
        ("", f"{dev}/sg1", f"{dev}/sch0"),
    ]
    assert [one.tape for one in hosts_of("AAAAAAAAAA", units)] == [f"{dev}/nst0"]
    assert hosts_of("AAAAA", units) == [], "a drive says its serial number alone"


def test_a_plain_file_is_no_drive(tmp_path: Path) -> None:
    add_tape(tmp_path, 0, 0, "AAAAAAAAAA")
    node = tmp_path / "dev" / "nst0"
    node.unlink()
    node.write_bytes(b"written by mistake")
    assert find_units(str(tmp_path / "sys"), str(tmp_path / "dev")) == {}


def test_no_sysfs_is_no_drive(tmp_path: Path) -> None:
    assert find_units(str(tmp_path / "sys"), str(tmp_path / "dev")) == {}


def test_waiting_names_what_is_missing() -> None:
    with pytest.raises(TimeoutError, match="no drive or changer with serial number NOSUCHUNIT"):
        wait_for(["NOSUCHUNIT"], 0.01)


def test_nothing_changes_and_the_watch_says_so() -> None:
    assert watch().next_change(0.01) is None


def test_a_unit_is_found_by_its_serial_number(tmp_path: Path) -> None:
    add_tape(tmp_path, 0, 3, "AAAAAAAAAA")
    add_changer(tmp_path, 0, 2, "00CCCCCCCC0401", host=2)

    def found(name: str) -> str:
        nodes = find(name, str(tmp_path / "sys"), str(tmp_path / "dev"))
        return nodes.sg if nodes else ""

    assert found("AAAAAAAAAA").endswith("/sg3")
    assert found("CCCCCCCC").endswith("/sg2"), "whatever stands beside it"
    assert found("NONE") == found("/dev/zero") == ""


def test_a_machine_without_tape_drives_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    if find_units():
        pytest.skip("this machine has some")
    assert show(as_json=False) == show(as_json=True) == 0
    assert capsys.readouterr().out == "no tape drive and no medium changer\n[]\n"
