"""What the drive is, as lsscsi and the sg3 utilities print it."""

from __future__ import annotations

import re

import pytest

from tests.e2e.tools import Tools, dump

pytestmark = pytest.mark.guest

MODE_PAGES = {
    "Read-Write error recovery": "01 0a 00 00 00 00 00 00 00 00 00 00",
    "Disconnect-Reconnect": "02 0e 50 50 00 00 00 00 00 00 00 00 00 00 00 00",
    "Control": "0a 0a 02 00 00 00 00 00 00 00 00 00",
    "Data Compression": "0f 0e 00 80 00 00 00 00 00 00 00 00 00 00 00 00",
    "Device configuration": "10 0e 00 00 00 00 00 64 40 00 18 00 00 00 00 00",
    "Medium Partition [1]": "11 08 00 00 18 03 09 00 ff ff",
    "Informational exceptions control (tape version)": "1c 0a 08 03 00 00 00 00 00 00 00 00",
}

OPCODES = {
    "00": "Test Unit Ready", "01": "Rewind", "03": "Request Sense", "05": "Read Block Limits",
    "08": "Read(6)", "0a": "Write(6)", "10": "Write filemarks(6)", "11": "Space(6)",
    "12": "Inquiry", "13": "Verify(6)", "15": "Mode select(6)", "16": "Reserve(6)",
    "17": "Release(6)", "19": "Erase(6)", "1a": "Mode sense(6)", "1b": "Load unload",
    "1e": "Prevent allow medium removal", "2b": "Locate(10)", "34": "Read position",
    "44": "Report density support", "4d": "Log sense", "55": "Mode select(10)",
    "56": "Reserve(10)", "57": "Release(10)", "5a": "Mode sense(10)", "91": "Space(16)",
    "92": "Locate(16)", "a0": "Report luns", "a2": "Security protocol in",
    "a3": "Report supported operation codes", "b5": "Security protocol out",
}  # fmt: skip


def vpd(tools: Tools, page: str) -> str:
    """What sg_vpd prints below its title."""
    return tools.ok(f"sg_vpd -p {page} $SG").partition("\n")[2]


def test_lsscsi(tools: Tools) -> None:
    words = tools.ok("lsscsi -g").split()
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
    assert re.findall(r"\[(\w+)\]", vpd(tools, "0x00")) == [
        "sv", "sn", "di", "ei", "sad", "mas", "adsn",
    ]  # fmt: skip
    data = bytes.fromhex(tools.ok("sg_inq -p 0x00 -HH $SG"))
    assert data == bytes.fromhex("01000007 00808386b0b1b3")


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
    assert "SPT=0 GRD_CHK=0" in said, "no protection information"
    assert "sense data length=0" in said
    assert bytes.fromhex(tools.ok("sg_inq -p 0x86 -HH $SG")) == b"\x01\x86\x00\x3c\x00\x01".ljust(
        64, b"\0"
    )


def test_sequential_access_capabilities(tools: Tools) -> None:
    assert vpd(tools, "0xb0") == "  WORM=0\n"
    assert bytes.fromhex(tools.ok("sg_inq -p 0xb0 -HH $SG")) == bytes.fromhex("01b000020000")


@pytest.mark.req("SSC-VPD-R1")
def test_a_page_that_is_not_there(tools: Tools) -> None:
    assert "Numerical argument out of domain" in tools.fails("sg_inq -p 0xb2 $SG")
    assert tools.raw("12 01 b2 00 ff 00", 255).sense == (
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


@pytest.mark.req("SSC-MODE-R1", "SSC-MODE-R4")
def test_mode_pages_name_by_name(drive: Tools) -> None:
    said = drive.ok("sg_modes -a $SG")
    head, *pages = said.split(">> ")
    # 98h is IBM's medium type of LTO-9, 10h says buffered and not write-protected.
    assert "medium type=0x98, specific param=0x10" in head
    assert dump(head) == bytes.fromhex("6000000000000000")
    found = {page.partition(",")[0]: dump(page) for page in pages}
    assert found == {name: bytes.fromhex(data) for name, data in MODE_PAGES.items()}


@pytest.mark.req("SSC-MODE-R1", "SSC-CMD-1A", "SSC-CMD-5A")
def test_mode_data_tell_their_length(drive: Tools) -> None:
    length = sum(len(bytes.fromhex(data)) for data in MODE_PAGES.values()) + 8
    assert f"Mode data length={length + 8}," in drive.ok("sg_modes -a $SG")
    assert f"Mode data length={length + 4}," in drive.ok("sg_modes -6 -a $SG")


@pytest.mark.req("SSC-MODE-R3", "SSC-SENSE-5-39-00")
def test_mode_page_control(drive: Tools) -> None:
    """Changeable values are a mask; defaults are the values of a drive just switched on."""
    changeable = drive.ok("sg_modes -c 1 -p 0x10 $SG").partition(">> ")[2]
    # Only the write delay time may be set.
    assert dump(changeable) == bytes.fromhex("100e 00000000 ffff 0000000000000000")
    default = drive.ok("sg_modes -c 2 -p 0x10 $SG").partition(">> ")[2]
    assert dump(default) == bytes.fromhex(MODE_PAGES["Device configuration"])
    saved = drive.fails("sg_modes -vv -c 3 -p 0x10 $SG 2>&1")
    assert "Saving parameters not supported" in saved


def test_a_mode_page_that_is_not_there(drive: Tools) -> None:
    assert "invalid field in cdb (perhaps page 0x3e not supported)" in drive.fails(
        "sg_modes -p 0x3e $SG"
    )


@pytest.mark.req("SSC-MODE-R2")
def test_block_length_is_in_the_descriptor(drive: Tools) -> None:
    drive.mt("setblk 4096")
    said = drive.ok("sg_modes -p 0x0f $SG")
    assert dump(said.partition(">> ")[0]) == bytes.fromhex("6000000000001000")


def opcodes(text: str) -> dict[str, tuple[list[str], str]]:
    """Opcode to (the columns between, name) of each row that sg_opcodes prints."""
    rows = {}
    for line in text.splitlines():
        row = re.match(r" ([0-9a-f]{2})\s+((?:\S+ +)+?)([A-Z][a-z].*)$", line)
        if row:
            rows[row[1]] = (row[2].split(), row[3])
    return rows


@pytest.mark.req("SSC-RSOC-01")
def test_supported_opcodes(drive: Tools) -> None:
    rows = opcodes(drive.ok("sg_opcodes -a $SG"))
    assert {code: name for code, (_, name) in rows.items()} == OPCODES
    sizes = {code: int(columns[-2]) for code, (columns, _) in rows.items()}
    # The upper three bits of an opcode tell how long its CDB is.
    assert sizes == {c: {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}[int(c, 16) >> 5] for c in OPCODES}
    assert rows["a3"][0][0] == "c", "a service action of its own"


@pytest.mark.req("SSC-RSOC-03")
def test_opcodes_with_timeouts(drive: Tools) -> None:
    """-R asks for timeout descriptors (RCTD): LTFS takes its timeouts from them."""
    rows = opcodes(drive.ok("sg_opcodes -a -R $SG"))
    assert {code: name for code, (_, name) in rows.items()} == OPCODES
    seconds = {code: columns[-1] for code, (columns, _) in rows.items()}
    assert all(columns[-2] == "-" for columns, _ in rows.values()), "nominal ones are not known"
    assert {code: seconds[code] for code in ("08", "0a", "19", "1b", "2b", "92", "01", "00")} == {
        "08": "2340", "0a": "1500", "19": "74341", "1b": "960",
        "2b": "2940", "92": "2940", "01": "600", "00": "60",
    }  # fmt: skip


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
    assert "Command is NOT supported" in drive.run("sg_opcodes -o 0x04 $SG")[1]


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
