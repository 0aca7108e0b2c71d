"""What the drive is, as lsscsi and the sg3 utilities print it."""

from __future__ import annotations

import re

import pytest

from target import personality
from tests.e2e.tools import Tools, dump

pytestmark = pytest.mark.guest

PAGES = sorted(int(code, 16) for code in personality.load("ibm/ult3580-td9").vpd["pages"])


def vpd(tools: Tools, page: str) -> str:
    """What sg_vpd prints below its title."""
    return tools.ok(f"sg_vpd -p {page} $SG").partition("\n")[2]


def test_lsscsi(tools: Tools) -> None:
    rows = (line.split() for line in tools.ok("lsscsi -g").splitlines())
    words = next(row for row in rows if row[-1] == tools.sg)
    # One LUN, its rewinding tape node and its sg node.
    assert words[1:] == [
        "tape", "IBM", "ULT3580-TD9", "N9P1", tools.tape.replace("nst", "st"), tools.sg,
    ]  # fmt: skip


@pytest.mark.req("SSC-INQ-01", "SSC-CMD-12")
def test_standard_inquiry(tools: Tools) -> None:
    said = tools.ok("sg_inq $SG")
    assert "PQual=0  PDT=1  RMB=1  LU_CONG=0  hot_pluggable=0  version=0x06  [SPC-4]" in said
    assert "length=96 (0x60)   Peripheral device type: tape" in said
    assert "Vendor identification: IBM     \n" in said
    assert "Product identification: ULT3580-TD9     \n" in said
    assert "Product revision level: N9P1\n" in said
    assert f"Unit serial number: {tools.serial}\n" in said
    assert "[SPC-4]" in said
    assert "SSC-3" in tools.ok("sg_inq -d $SG")


@pytest.mark.req("SSC-VPD-00")
def test_supported_vpd_pages(tools: Tools) -> None:
    assert {"sv", "sn", "di", "ei"} <= set(re.findall(r"\[(\w+)\]", vpd(tools, "0x00")))
    data = bytes.fromhex(tools.ok("sg_inq -p 0x00 -HH $SG"))
    assert data == bytes((1, 0, 0, len(PAGES), *PAGES))


@pytest.mark.req("SSC-VPD-80", "SSC-VPD-B1", "SSC-VPD-B3")
@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("0x80", "Unit serial number"),
        ("0xb1", "Manufacturer-assigned serial number"),
        ("0xb3", "Automation device serial number"),
    ],
)
def test_serial_number_pages(tools: Tools, page: str, name: str) -> None:
    assert vpd(tools, page) == f"  {name}: {tools.serial}\n"
    code = bytes.fromhex(page[2:])
    data = b"\x01" + code + b"\x00\x0a" + tools.serial.encode()
    assert bytes.fromhex(tools.ok(f"sg_inq -p {page} -HH $SG")) == data


@pytest.mark.req("SSC-VPD-83")
def test_device_identification(tools: Tools) -> None:
    said = vpd(tools, "0x83")
    assert "vendor id: IBM     \n" in said
    assert f"vendor specific: ULT3580-TD9     {tools.serial}\n" in said
    unit, port, target = (int(name, 16) for name in re.findall(r"0x(5005076\w{9})\n", said))
    assert (unit & 0xF, port - unit, target - unit) == (0, 1, 2)
    assert [line for line in said.splitlines() if not line.startswith("   ")] == [
        "  Addressed logical unit:",
        "  Target port:",
        "  Target device that contains addressed lu:",
    ]
    assert "Relative target port: 0x1" in said
    assert said.count("transport: Serial Attached SCSI") == 3
    # The kernel keeps the same page for those who look into sysfs.
    assert f"{unit:016x}" in tools.ok(
        'od -An -v -tx1 -w64 "/sys/class/scsi_generic/${SG##*/}/device/vpd_pg83" | tr -d " \\n"'
    )


def test_extended_inquiry(tools: Tools) -> None:
    said = vpd(tools, "0x86")
    assert "SIMPSUP=1" in said
    assert "SPT=1 GRD_CHK=0" in said, "logical block protection"
    assert "sense data length=0" in said
    assert bytes.fromhex(tools.ok("sg_inq -p 0x86 -HH $SG")) == b"\x01\x86\x00\x3c\x08\x01".ljust(
        64, b"\0"
    )


def test_sequential_access_capabilities(tools: Tools) -> None:
    assert vpd(tools, "0xb0") == "  WORM=1\n"
    assert bytes.fromhex(tools.ok("sg_inq -p 0xb0 -HH $SG")) == bytes.fromhex("01b000020100")


@pytest.mark.req("SSC-VPD-R1")
def test_a_page_that_is_not_there(tools: Tools) -> None:
    assert "Numerical argument out of domain" in tools.fails("sg_inq -p 0xb6 $SG")
    assert tools.raw("12 01 b6 00 ff 00", 255).sense == (
        "Illegal Request; Invalid field in cdb; Sense Key Specific: Error in Command: byte 2 bit 7"
    )


@pytest.mark.req("SSC-TUR-01", "SSC-TUR-02", "SSC-CMD-00")
def test_test_unit_ready(drive: Tools) -> None:
    assert drive.ok("sg_turs -v $SG").strip().endswith("[00 00 00 00 00 00]"), "and no sense"
    drive.ok("sg_turs -n 500 $SG")
    drive.mt("offline")
    said = drive.fails("sg_turs -v $SG")
    assert "Sense key: Not Ready\nAdditional sense: Medium not present\n" in said


@pytest.mark.req("SSC-LUNS-01", "SSC-CMD-A0")
def test_luns(tools: Tools) -> None:
    said = tools.ok("sg_luns $SG")
    assert "Lun list length = 8" in said
    assert said.split()[-1] == "0000000000000000"


@pytest.mark.req("SSC-RSENSE-02", "SSC-CMD-03")
def test_request_sense_without_any(drive: Tools) -> None:
    assert "Sense key: No Sense\nAdditional sense: No additional sense" in drive.ok(
        "sg_requests $SG"
    )
    assert "Descriptor format, current; Sense key: No Sense" in drive.ok("sg_requests -d $SG")


def test_a_mode_page_that_is_not_there(drive: Tools) -> None:
    assert "invalid field in cdb (perhaps page 0x3e not supported)" in drive.fails(
        "sg_modes -p 0x3e $SG"
    )


@pytest.mark.req("SSC-MODE-R2")
def test_block_length_is_in_the_descriptor(drive: Tools) -> None:
    drive.mt("setblk 4096")
    said = drive.ok("sg_modes -p 0x0f $SG")
    assert dump(said.partition(">> ")[0]) == bytes.fromhex("6000000000001000")


@pytest.mark.req("SSC-RSOC-02")
def test_usage_of_one_opcode(drive: Tools) -> None:
    said = drive.ok("sg_opcodes -o 0x08 -R $SG")
    assert "Command_name: Read(6)" in said
    assert "Command is supported [conforming to SCSI standard]" in said
    usage = re.search(r"Usage data: ([0-9a-f ]+)", said)
    assert usage and usage[1].split()[:5] == ["08", "03", "ff", "ff", "ff"]
    assert "recommended timeout: 2340 secs" in said
    said = drive.ok("sg_opcodes -o 0xa3,0x0c $SG")
    assert "Command is supported" in said
    assert "Command is NOT supported" in drive.run("sg_opcodes -o 0x0f $SG")[1]


@pytest.mark.req("SSC-DENSITY-01", "SSC-DENSITY-02")
def test_densities_of_the_drive_and_of_the_tape(drive: Tools) -> None:
    def names(cdb: str) -> list[tuple[int, bytes, int]]:
        data = drive.raw(cdb, 512).data
        assert int.from_bytes(data[:2], "big") == len(data) - 2
        rows = [data[at : at + 52] for at in range(4, len(data), 52)]
        return [(row[0], row[24:32].strip(), row[2] >> 5) for row in rows]

    nine, eight = (0x60, b"U-932", 0b101), (0x5E, b"U-832", 0b100)
    assert names("44 00 00 00 00 00 00 02 00 00") == [eight, nine]
    assert names("44 01 00 00 00 00 00 02 00 00") == [nine]
