"""tapeinfo, stenc, self-tests, buffers and firmware of four models; tools that are for others."""

from __future__ import annotations

import random
import re

import pytest

from tests.e2e.models import MODELS, Model
from tests.e2e.tools import CANNOT_READ, Tools

pytestmark = pytest.mark.guest

NOISE = random.Random(5).randbytes(6000)
CLEAR, SECRET = NOISE[:3000], NOISE[3000:]
ILLEGAL, NO_SUCH = 5, 9
"""Exit statuses of the sg3 utilities: an illegal request, an opcode that is not there."""


def tapeinfo(unit: Tools) -> dict[str, str]:
    """The lines "name: value" of tapeinfo, without quotes and padding."""
    lines = re.findall(r"^(.+?): *(.*?) *$", unit.ok("tapeinfo -f $SG"), re.M)
    return {name: value.strip("'").strip() for name, value in lines}


@pytest.mark.req("SSC-RPOS-01", "SSC-RBL-01", "SSC-LOG-31", "SSC-MODE-0F", "SSC-MODE-10")
def test_tapeinfo(tape: Tools, model: Model) -> None:
    said = tapeinfo(tape)
    medium = f"0x{model.medium_type:x}" if model.medium_type else "Not Loaded"
    mebibytes = said.pop("Partition 0 Size in Kbytes")
    assert said.pop("Partition 0 Remaining Kbytes") == mebibytes, "in fact of 1024 KiB"
    (whole,) = re.findall(r": (\d+)$", tape.ok("sg_read_attr -f 1 $SG").strip())
    assert abs(int(whole) * model.mam_unit / 2**20 - int(mebibytes)) < 2
    compression = said.pop("CompType")
    assert said.pop("DeCompType") == compression and int(compression, 16)
    alone = {name: value for name, value in said.items() if not name.startswith("TapeAlert")}
    everything = {
        "Product Type": "Tape Drive",
        "Vendor ID": model.vendor,
        "Product ID": model.product,
        "Revision": model.revision,
        "Attached Changer API": "No",
        "SerialNumber": tape.serial,
        "MinBlock": "1",
        "MaxBlock": str(model.max_block),
        "SCSI ID": "1",
        "SCSI LUN": "0",
        "Ready": "yes",
        "BufferedMode": "yes",
        # What it says of HP's medium type of data cartridges, 00h.
        "Medium Type": medium,
        "Density Code": f"0x{model.density:x}",
        "BlockSize": "0",
        "DataCompEnabled": "yes",
        "DataCompCapable": "yes",
        "DataDeCompEnabled": "yes",
        "BOP": "yes",
        "Block Position": "0",
        "ActivePartition": "0",
        "EarlyWarningSize": "0",
        "NumPartitions": "0",
        "MaxPartitions": str(model.more_partitions),
    }
    assert alone == everything
    tape.ok("mt -f $TAPE weof 5 && mt -f $TAPE setblk 2048 && mt -f $TAPE compression 0")
    changed = tapeinfo(tape)
    tape.ok("mt -f $TAPE setblk 0 && mt -f $TAPE compression 1 && mt -f $TAPE offline")
    away = tapeinfo(tape)
    tape.mt("load")
    assert "BOP" not in changed
    assert {name: changed[name] for name in ("Block Position", "BlockSize", "DataCompEnabled")} == {
        "Block Position": "5", "BlockSize": "2048", "DataCompEnabled": "no"
    }  # fmt: skip
    assert (away["Ready"], away["SerialNumber"]) == ("no", tape.serial)
    assert "Density Code" not in away


READ = "08 00 00 03 e8 00"


@pytest.mark.req("SSC-SENSE-7-74-00", "SSC-CMD-A2", "SSC-CMD-B5", "SSC-MAM-0224")
def test_stenc(tape: Tools, model: Model) -> None:
    """On, off, mixed, another key, what it says of drive and volume."""
    tape.key_file("one", "label one" if model.labels else "")
    tape.key_file("two", "label two" if model.labels else "")

    def sense() -> str:
        return tape.raw(READ, 1000).sense

    before = int(tape.details_of_drive()["Key Instance Counter"])
    tape.write(CLEAR, 1000)
    tape.stenc("-e on -k one -a 1")
    tape.write(SECRET, 1000)
    tape.mt("rewind")
    # Its own blocks only: a clear one is refused.
    assert "Unencrypted data encountered while decrypting" in sense()
    tape.mt("fsf 1")
    said = tape.details()
    assert {name: said[name] for name in ("Device Mfg", "Product ID", "Product Revision")} == {
        "Device Mfg": model.vendor, "Product ID": model.product, "Product Revision": model.revision
    }  # fmt: skip
    assert said["Drive Encryption"] == "on"
    assert said["Drive Output"] == "Decrypting; Unencrypted data not outputted"
    assert said["Volume Encryption"].startswith("Encrypted and able to decrypt")
    assert said["Volume Algorithm"] == str(model.algorithm)
    assert said.get("Drive Key Desc.(uKAD)") == ("label one" if model.labels else None)
    assert tape.read(1000) == SECRET
    tape.stenc("-e on -k two -a 1")
    tape.mt("asf 1")
    assert "Incorrect data encryption key" in sense()
    tape.stenc("-e mixed -k one -a 1")
    tape.mt("rewind")
    assert (tape.read(1000), tape.read(1000)) == (CLEAR, SECRET)
    tape.stenc("-e off")
    tape.mt("asf 1")
    assert "Unable to decrypt data" in sense()
    assert CANNOT_READ in tape.fails("dd if=$TAPE of=read bs=1000")
    said = tape.details()
    assert said["Drive Encryption"] == "off"
    assert said["Drive Output"] == "Not decrypting; Raw encrypted data not outputted"
    assert said["Drive Input"] == "Not encrypting"
    assert int(said["Key Instance Counter"]) == before + 4
    assert said["Volume Encryption"].startswith("Encrypted, but unable to decrypt")
    assert ("label one" in str(said)) == model.labels
    # There is no algorithm 7.
    refused = tape.fails("stenc -f $TAPE -e on -k one -a 7")
    assert "Illegal Request (0x05)" in refused and "ASC:                    0x26" in refused
    tape.mt("rewind")
    assert tape.read(1000) == CLEAR


@pytest.mark.req(
    "SSC-DIAG-01", "SSC-DIAG-02", "SSC-DIAG-03", "SSC-DIAG-04", "SSC-LOG-10", "SSC-CMD-1C",
    "SSC-CMD-1D",
)  # fmt: skip
def test_self_tests(unit: Tools, model: Model) -> None:
    default, listed, *done, abort = unit.each(
        "sg_senddiag -t $SG", "sg_senddiag -l $SG", "sg_senddiag -s 5 $SG", "sg_senddiag -s 6 $SG",
        "sg_senddiag -s 1 $SG", "sg_senddiag -v -s 4 $SG",
    )  # fmt: skip
    assert default == (0, "Default self-test returned GOOD status\n")
    pages = re.findall(r"^  0x(\w\w)  ", listed[1], re.M)
    assert pages == [f"{page:02x}" for page in model.diagnostics]
    assert [status for status, _ in done] == [0, 0, 0]
    assert "Foreground self-test returned GOOD status" in done[0][1]
    # Nothing is running in the background.
    assert abort[0] != 0 and "Error in Command: byte 1 bit 7" in abort[1]
    status, results = unit.run("sg_logs -p 0x10 $SG")
    if status == 0:
        codes = re.findall(r"self-test code: .+ \[(\d)\]", results)
        assert codes[:3] == ["1", "6", "5"], "the newest first"
        assert "failed" not in results and "completed without error [0]" in results
    # A page that no drive has.
    page = bytes((0x3F, 0, 0, 0))
    assert "Invalid field" in unit.raw("1d 10 00 00 04 00", out=page).sense


@pytest.mark.req(
    "SSC-BUFFER-02", "SSC-BUFFER-03", "SSC-BUFFER-04", "SSC-BUFFER-05", "SSC-BUFFER-06",
    "SSC-BUFFER-08", "SSC-CMD-3B", "SSC-CMD-3C", "SSC-SENSE-5-26-00",
)  # fmt: skip
def test_buffers_and_firmware(unit: Tools, model: Model) -> None:
    """sg_read_buffer 1.46 is of no use: it asks for 0 bytes."""
    (unit.folder / "noise").write_bytes(NOISE[:1000])
    assert unit.raw("3c 0b 00 00 00 00 00 00 04 00", 4).data[2:] == b"\x10\x00", "4096 bytes"
    assert unit.ok("sg_write_buffer --mode=echo --in=noise $SG") == ""
    assert unit.raw("3c 0a 00 00 00 00 00 03 e8 00", 1000).data == NOISE[:1000]
    nothing, whole, asked, wrong, bad, again = unit.each(
        "sg_read_buffer -vv -m desc $SG", "sg_rbuf -s 1 $SG",
        "sg_test_rwbuf --size=4096 --times=2 $SG", "sg_raw -r 4 $SG 3c 1f 00 00 00 00 00 00 04 00",
        "sg_write_buffer -v --mode=dmc_save --in=noise $SG", "sg_inq $SG",
    )  # fmt: skip
    assert nothing[0] == 0 and "cdb: [3c 03 00 00 00 00 00 00 00 00]" in nothing[1]
    assert "READ BUFFER reports: buffer capacity=" in whole[1]
    if model.test_buffer:
        assert f"capacity={1 << 20}," in whole[1]
        assert asked == (0, "Success\n"), "what was written was read back, with its checksum"
    else:
        assert "> buf_capacity" in asked[1], "buffer 0 is the dump"
    assert "Invalid field in cdb" in wrong[1]
    # Without a sense key sg_write_buffer takes it for success.
    key, code = model.bad_firmware.split("; ")
    assert bad[0] == (0 if key == "No Sense" else ILLEGAL)
    assert f"Sense key: {key}\n" in bad[1] and code in bad[1]
    assert f"Product revision level: {model.revision}\n" in again[1], "the old firmware stays"


@pytest.mark.req(
    "SSC-FORMAT-01", "SSC-FORMAT-04", "SSC-FORMAT-06", "SSC-FORMAT-07", "SSC-SENSE-5-3B-0C",
    "SSC-CMD-04",
)  # fmt: skip
def test_sg_format(tape: Tools) -> None:
    """FORMAT MEDIUM, at the beginning only: data go, and what the host has in the memory."""
    tape.write(NOISE, 1000)
    label = b"\0\0\0\x0d\x08\x00\x01\x00\x08KEYREEL "
    assert tape.raw(f"8d{' 00' * 11} 00 11 00 00", out=label).status == 0
    form = "sg_format -v --quick --wait --tape={} $SG"
    attribute = "sg_read_attr $SG | grep Application || true"
    late, before, rewind, wrong, done, after, early, ready = tape.each(
        form.format(0), attribute, "mt -f $TAPE rewind", form.format(3), form.format(0), attribute,
        form.format(1).replace("--wait", "--early"), "sg_turs $SG",
    )  # fmt: skip
    assert "Additional sense: Position past beginning of medium" in late[1]
    assert before == (0, "  Application vendor: KEYREEL \n") and rewind[0] == 0
    assert wrong[0] == ILLEGAL and "Error in Command: byte 2" in wrong[1]
    assert done[0] == 0 and "Format medium command completed without error" in done[1]
    assert after == (0, "")
    assert early[0] == 0 and "cdb: [04 01 01 00 00 00]" in early[1], "IMMED"
    assert ready[0] == 0
    assert tape.raw("08 00 00 03 e8 00", 1000).sense.startswith("Blank Check; End-of-data")


FOR_OTHERS = {
    "sg_rmsn": NO_SUCH, "sg_readcap": NO_SUCH, "sg_sync": NO_SUCH, "sg_get_config": NO_SUCH,
    "sg_verify": NO_SUCH, "sg_stream_ctl": NO_SUCH, "sg_bg_ctl": NO_SUCH, "sg_read_long": NO_SUCH,
    "sg_sat_identify": NO_SUCH, "sg_copy_results": NO_SUCH, "sg_referrals": NO_SUCH,
    "sg_rep_pip": ILLEGAL, "sg_rdac": ILLEGAL, "sg_safte": ILLEGAL, "sg_emc_trespass": ILLEGAL,
    "sg_ses": 0, "sg_seek": 0,
}  # fmt: skip
"""Tools for disks, discs and enclosures, and how they end: opcodes that are not there, pages or
service actions that are not there. sg_ses sees that it is a tape, SEEK(10) is LOCATE(10)."""


@pytest.mark.req("SSC-CMD-R1", "SSC-SENSE-5-20-00", "SSC-LOCATE-01")
def test_tools_that_are_for_others(tape: Tools) -> None:
    tape.mt("weof 2")
    done = tape.each(*(f"{tool} $SG" for tool in FOR_OTHERS))
    assert dict(zip(FOR_OTHERS, (status for status, _ in done), strict=True)) == FOR_OTHERS
    said = {tool: text for tool, (_, text) in zip(FOR_OTHERS, done, strict=True)}
    assert "tape device (not an enclosure)" in said["sg_ses"]
    assert tape.object_number() == 0, "LOCATE(10) to object 0"


def test_maps(field: dict[str, Tools]) -> None:
    """sg_map and sg_scan know all drives and what belongs together."""
    (_, mapped), (_, scanned) = next(iter(field.values())).each("sg_map -i", "sg_scan")
    for model in MODELS:
        tools = field[model.name]
        assert re.search(rf"{tools.sg}  {tools.tape}  {model.vendor} +{model.product}", mapped)
        assert f"{tools.sg}: scsi" in scanned
