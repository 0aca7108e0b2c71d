"""What four models are: INQUIRY, vital product data, commands and their timeouts, port groups."""

from __future__ import annotations

import re

import pytest

from tests.e2e.models import ENTERPRISE, LTO, MODELS, Model
from tests.e2e.tools import Tools, dump

pytestmark = pytest.mark.guest

PROTOCOLS = {0: "Fibre Channel Protocol for SCSI", 6: "Serial Attached SCSI Protocol"}
TITLES = {
    0x00: "Supported VPD pages VPD page",
    0x80: "Unit serial number VPD page",
    0x83: "Device Identification VPD page",
    0x86: "extended INQUIRY data VPD page",
    0x87: "Mode page policy VPD page",
    0x88: "SCSI Ports VPD page",
    0x90: "Protocol-specific logical unit information",
    0xB0: "Sequential-access device capabilities VPD page (SSC)",
    0xB1: "Manufactured-assigned serial number VPD page (SSC)",
    0xB2: "TapeAlert supported flags VPD page (SSC)",
    0xB3: "Automation device serial number VPD page SSC)",
    0xB4: "Data transfer device element address (SSC)",
    0xB5: "Logical block protection VPD page (SSC)",
    0xC0: "Drive component revision levels (IBM LTO) VPD Page",
    0xC1: "Drive serial numbers (IBM LTO) VPD Page",
    0xC2: "PCA revision level (HP LTO) VPD Page",
    0xC3: "Mechanism revision level (HP LTO) VPD Page",
    0xC4: "Head Assy revision level (HP LTO) VPD Page",
    0xC5: "ACI revision level (HP LTO) VPD Page",
}
"""What sg_vpd 1.46 calls the pages; it takes each vendor's C0h and C1h for IBM's."""


def pages(unit: Tools) -> dict[int, str]:
    """What sg_vpd -a prints below each title; every page is one of `TITLES`."""
    codes = list(bytes.fromhex(unit.ok("sg_inq -p 0x00 -HH $SG")))[4:]
    assert codes == sorted(set(codes)) and codes[0] == 0
    sections = unit.ok("sg_vpd -a $SG").split("\n\n")
    assert [section.partition(":\n")[0].strip() for section in sections] == [
        TITLES[code] for code in codes
    ]
    return {
        code: section.partition(":\n")[2].rstrip()
        for code, section in zip(codes, sections, strict=True)
    }


@pytest.mark.req("SSC-INQ-01", "SSC-INQ-02", "SSC-INQ-03", "SSC-CMD-12")
def test_standard_inquiry(unit: Tools, model: Model) -> None:
    said = unit.ok("sg_inq -d $SG")
    assert "PQual=0  PDT=1  RMB=1  LU_CONG=0  hot_pluggable=0" in said
    assert "Resp_data_format=2" in said and "CmdQue=1" in said
    assert "Peripheral device type: tape" in said
    assert f"Vendor identification: {model.vendor:8}\n" in said
    assert f"Product identification: {model.product:16}\n" in said
    assert f"Product revision level: {model.revision}\n" in said
    assert f"Unit serial number: {unit.serial}\n" in said
    assert f"TPGS={model.port_groups:d} " in said
    assert f"Protect={bool(model.protection):d} " in said
    names = re.findall(r"^    (\w+)-\d", said.partition("Version descriptors:")[2], re.M)
    assert names[:3] == ["SAM", "SPC", "SSC"]


def test_lsscsi(field: dict[str, Tools]) -> None:
    """All four, each with its tape and its sg node."""
    said = next(iter(field.values())).ok("lsscsi -g").splitlines()
    for line, model in zip(said, MODELS, strict=True):
        tools = field[model.name]
        tail = f"{model.revision} {tools.tape.replace('nst', 'st')} {tools.sg}"
        assert " ".join(line.split()[1:]) == f"tape {model.vendor} {model.product} {tail}"


@pytest.mark.req(
    "SSC-VPD-00", "SSC-VPD-80", "SSC-VPD-83", "SSC-VPD-86", "SSC-VPD-87", "SSC-VPD-88",
    "SSC-VPD-90", "SSC-VPD-B0", "SSC-VPD-B1", "SSC-VPD-B2", "SSC-VPD-B3", "SSC-VPD-B5",
)  # fmt: skip
def test_pages_of_the_standards(unit: Tools, model: Model) -> None:
    found = pages(unit)
    assert found.keys() >= {0x00, 0x80, 0x83, 0x86, 0x87, 0x88, 0xB0, 0xB1, 0xB2, 0xB3}
    for code in (0x80, 0xB1, 0xB3):
        assert found[code].partition(": ")[2] == unit.serial

    names = [int(name, 16) for name in re.findall(rf"0x({model.naa}\w+)", found[0x83])]
    assert len(names) == 3 and names == [names[0], names[0] + 1, names[0] + 2]
    assert f"vendor id: {model.vendor:8}\n" in found[0x83]
    assert f"vendor specific: {model.product:16}{unit.serial}\n" in found[0x83]
    assert "Relative target port: 0x1" in found[0x83]
    protocol = PROTOCOLS[model.protocol]
    assert re.findall(r"transport: (.+) \(", found[0x83]) == [protocol] * 3
    # Names of ports agree, here and in sysfs.
    assert re.findall("0x(5.+)", found[0x88]) == [f"{names[1]:016x}"]
    assert f"transport: {protocol}" in found[0x88]
    assert f"0x{names[0]:016x}" in unit.ok("sg_vpd -p di_lu $SG")
    assert unit.ok("cat /sys/class/scsi_generic/${SG##*/}/device/wwid") == f"naa.{names[0]:016x}\n"

    assert (0xB5 in found) == bool(model.protection)
    assert f"SPT={bool(model.protection):d} " in found[0x86]
    assert "SIMPSUP=1" in found[0x86] and "RTD_SUP=0" in found[0x86]
    methods = re.findall(r"method: (\d+), info_len: 4, LBP_W_C=1, LBP_R_C=1", found.get(0xB5, ""))
    assert tuple(int(method) for method in methods) == model.protection
    policies = re.findall(r"code: 0x(\w+)(?:,  subpage code: 0x(\w+))?\n.*: (.+)", found[0x87])
    assert policies[-1] == ("3f", "ff", "shared"), "all the others"
    assert ("a", "f0", "per I_T nexus") in policies
    assert (0x90 in found) == (model.protocol == 6)
    assert "Protocol identifier: SAS" in found.get(0x90, "Protocol identifier: SAS")
    assert found[0xB0] == "  WORM=1"
    # 64 flags in order; among those that are raised: read and write failure, write protected.
    flags = dict(re.findall(r"(\w\w)h: (\d)", found[0xB2]))
    assert [int(number, 16) for number in flags] == list(range(1, 65))
    assert {number for number, on in flags.items() if on == "1"} >= {"05", "06", "09"}


@pytest.mark.req("SSC-VPD-C0", "SSC-VPD-B4", "SSC-VPD-R1")
def test_pages_of_the_maker(unit: Tools, model: Model) -> None:
    found = pages(unit)
    own = {code: dump(text) for code, text in found.items() if code >= 0xC0}
    for code, data in own.items():
        assert data[:2] == bytes((1, code))
        assert int.from_bytes(data[2:4], "big") == len(data) - 4
    assert model.revision.encode() in own[0xC0], "the firmware"
    assert found.get(0xB4, "0x0000").endswith("0x0000"), "no library, no element"
    # One by one they are what they are all together.
    codes = " ".join(f"0x{code:x}" for code in found)
    said = unit.ok(f"for page in {codes}; do sg_vpd -p $page $SG; echo ==; done")
    alone = [text.partition(":\n")[2].rstrip() for text in said.split("==\n")]
    assert dict(zip(found, alone[:-1], strict=True)) == found
    # And none but these: 82h is for ASCII implemented operating definition.
    assert unit.raw("12 01 82 00 ff 00", 255).sense == (
        "Illegal Request; Invalid field in cdb; Sense Key Specific: Error in Command: byte 2 bit 7"
    )


def opcodes(said: str) -> list[tuple[int, int | None, int, int, str]]:
    """Opcode, service action, CDB length, recommended seconds and name of all rows."""
    rows = re.findall(r"^ (\w\w) +([0-9a-f]+)? +(\d+) +- +(\d+) +(\w.*)$", said, re.M)
    assert len(rows) > 50
    return [
        (int(code, 16), int(action, 16) if action else None, int(size), int(time), name)
        for code, action, size, time, name in rows
    ]


@pytest.mark.req(
    "SSC-RSOC-01", "SSC-RSOC-03", "SSC-TIMEOUT-01", "SSC-TIMEOUT-02", "SSC-TIMEOUT-03",
    "SSC-TIMEOUT-04", "SSC-TIMEOUT-05", "SSC-TIMEOUT-06", "SSC-TIMEOUT-07", "SSC-TIMEOUT-08",
    "SSC-TIMEOUT-09", "SSC-CMD-0F", "SSC-CMD-14",
)  # fmt: skip
def test_commands_and_timeouts(unit: Tools, model: Model) -> None:
    rows = opcodes(unit.ok("sg_opcodes -a -R $SG"))
    # The upper three bits of an opcode tell how long its CDB is.
    sizes = {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}
    assert all(size == sizes[code >> 5] for code, _, size, _, _ in rows)
    with_actions = {0x5E, 0x5F, 0x8C, 0xA3, 0xA4}
    assert all((action is not None) == (code in with_actions) for code, action, *_ in rows)
    names = {name: seconds for *_, seconds, name in rows}
    assert names.keys() & (LTO | ENTERPRISE) == model.commands
    assert {name: names[name] for name in model.timeouts} == model.timeouts
    assert {names[name] for name in ("Inquiry", "Mode sense(6)", "Log sense", "Rewind")} == {
        60,
        600,
    }


@pytest.mark.req("SSC-RSOC-02", "SSC-RSOC-04", "SSC-RSOC-05", "SSC-CMD-R1")
def test_one_command_at_a_time(unit: Tools, model: Model) -> None:
    """The usage data; what is not there is told so, and refused when it is sent."""

    def of(*options: str) -> list[str]:
        said = unit.ok("; ".join(f"sg_opcodes -o {line} $SG 2>&1; echo ==" for line in options))
        return said.split("==\n")[:-1]

    locate, preempt, reverse, move, wrong, missing = of(
        "0x92 -R", "0x5f,4", "0x0f", "0x83", "0x5f", "0xa3,0x0b"
    )
    assert "Usage data: 92 1b 00 ff ff ff ff ff ff ff ff ff 00 00 00" in locate
    assert f"recommended timeout: {model.timeouts['Locate(16)']} secs" in locate
    assert "Command_name: Persistent reserve out, preempt\n  Command is supported" in preempt
    assert ("Command is supported" in reverse) == ("Read reverse(6)" in model.commands)
    assert "Command is NOT supported" in missing and "Command is NOT supported" in move
    assert "Illegal request" in wrong, "a service action is wanted"
    assert unit.raw("83" + " 00" * 15).sense.startswith(
        "Illegal Request; Invalid command operation code"
    )


@pytest.mark.req("SSC-TMF-01", "SSC-TMF-02", "SSC-CMD-A3-0D")
def test_task_management_functions(unit: Tools) -> None:
    short, long = unit.ok("sg_opcodes -t $SG; echo ==; sg_opcodes -t -q $SG").split("==\n")
    functions = re.findall(r"^    (\w.*)$", short.partition("supported by device")[2], re.M)
    assert functions == [
        "Abort task", "Abort task set", "Clear task set", "Logical unit reset", "Query task",
        "I_T nexus reset",
    ]  # fmt: skip
    assert long.startswith(short.rstrip()) and "TMFTMOV=0" in long


@pytest.mark.req("SSC-CMD-A3-0A", "SSC-LUNS-01", "SSC-RBL-01", "SSC-RBL-02", "SSC-CMD-05")
def test_ports_luns_and_blocks(unit: Tools, model: Model) -> None:
    status, said = unit.run("sg_rtpg -d $SG")
    if model.port_groups:
        assert status == 0
        assert "asymmetric access state : 0x00 (active/optimized)" in said
        assert "AO_SUP : 1" in said
        assert re.search("target port count : 01.*Relative target port ids:\n +0x01", said, re.S)
        # Nobody sets it: the state is the drive's own affair.
        assert "Set Target Port Groups: Illegal request" in unit.run("sg_stpg -a $SG")[1]
    else:
        assert "bad field in Report Target Port Groups cdb" in said
    # The kernel answers for the drive.
    assert unit.ok("sg_luns $SG").split()[-1] == "0000000000000000"
    assert f"Maximum block size: {model.max_block} byte(s)" in unit.ok("sg_read_block_limits $SG")


@pytest.mark.req("SSC-DENSITY-01", "SSC-DENSITY-02", "SSC-DENSITY-03", "SSC-DENSITY-04")
def test_densities(unit: Tools, model: Model) -> None:
    """The volume's density is the drive's best, and it is the one written by default."""

    def rows(cdb: str) -> dict[int, int]:
        data = unit.raw(cdb, 1024).data
        assert int.from_bytes(data[:2], "big") == len(data) - 2
        found = [data[at : at + 52] for at in range(4, len(data), 52)]
        assert [row[0] for row in found] == sorted(row[0] for row in found)
        assert all(row[16:52].decode("ascii").isprintable() for row in found)
        return {row[0]: row[2] >> 5 for row in found}

    drive, volume = rows("44 00 00 00 00 00 00 04 00 00"), rows("44 01 00 00 00 00 00 04 00 00")
    # WRTOK and DEFLT; the others can be read at least.
    assert drive[model.density] == 0b101
    assert len(drive) > 1 and all(
        not flags & 1 for code, flags in drive.items() if code != model.density
    )
    assert volume == {model.density: 0b101}
