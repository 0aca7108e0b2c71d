"""Log pages as sg_logs prints them, right after transfers of a known size."""

from __future__ import annotations

import random
import re

import pytest

from tests.e2e.tools import Tools, cartridge, rig_guest, rig_text
from tests.e2e.ways import Way

pytestmark = pytest.mark.guest

NOISE = random.Random(11).randbytes(1 << 20)
PAGES = [
    "0x00", "0x02", "0x03", "0x06", "0x0c", "0x11", "0x12", "0x14", "0x16", "0x17", "0x18", "0x1a",
    "0x1b", "0x2e", "0x30", "0x31", "0x32", "0x33", "0x34", "0x37", "0x38", "0x39", "0x3b", "0x3d",
]  # fmt: skip
"""What an LTO-9 drive of IBM's lists."""


def page(tools: Tools, code: str) -> dict[str, str]:
    """The lines "name: value" (or "name = value") of a page."""
    said = tools.ok(f"sg_logs -p {code} $SG")
    return dict(re.findall(r"^ +(.+?)(?:: +| = )(.+?) *$", said, re.M))


def counters(tools: Tools) -> dict[int, int]:
    """The parameters of page 0Ch by code, from its bytes: sg_logs prints it in whole GB."""
    said = tools.ok("sg_logs -H -p 0x0c $SG")
    data = bytes.fromhex("".join(re.findall(r"^ [0-9a-f]+ {5}([0-9a-f ]+)", said, re.M)))
    assert data[0] == 0x8C
    assert int.from_bytes(data[2:4], "big") == len(data) - 4
    found, at = {}, 4
    while at < len(data):
        end = at + 4 + data[at + 3]
        found[int.from_bytes(data[at : at + 2], "big")] = int.from_bytes(data[at + 4 : end], "big")
        at = end
    return found


@pytest.mark.req("SSC-LOG-00")
def test_supported_pages(drive: Tools) -> None:
    assert re.findall(r"^    (0x..) ", drive.ok("sg_logs $SG"), re.M) == PAGES


def test_counters_of_a_clear_transfer(drive: Tools) -> None:
    before = counters(drive)
    drive.write(NOISE[:300_000], 30_000)
    written = counters(drive)
    assert written[0x0000] - before[0x0000] == 300_000, "received from the host"
    stored = written[0x0001] - before[0x0001]
    assert 300_000 <= stored < 310_000, "what the medium holds, with a little around each block"
    drive.mt("rewind")
    assert drive.read(30_000) == NOISE[:300_000]
    after = counters(drive)
    assert after[0x0003] - written[0x0003] == 300_000, "sent to the host"
    assert 300_000 <= after[0x0002] - written[0x0002] < 310_000, "read from the medium"
    assert (after[0x0000], after[0x0001]) == (written[0x0000], written[0x0001])


def test_a_short_read_counts_what_was_sent(drive: Tools) -> None:
    drive.write(NOISE[:5000], 5000)
    drive.mt("rewind")
    before = counters(drive)
    assert len(drive.raw("08 02 00 03 e8 00", 1000).data) == 1000
    assert counters(drive)[0x0003] - before[0x0003] == 1000


def test_counters_of_an_encrypted_transfer(drive: Tools) -> None:
    drive.key_file("key")
    drive.stenc("-e on -k key -a 1")
    before = counters(drive)
    drive.write(NOISE[:100_000], 10_000)
    after = counters(drive)
    assert after[0x0000] - before[0x0000] == 100_000
    assert after[0x0001] - before[0x0001] >= 100_000 + 10 * 16, "ten tags at least"


def test_error_counters_have_the_bytes_and_no_errors(drive: Tools) -> None:
    codes = ("0x02", "0x03")
    before = [page(drive, code) for code in codes]
    drive.write(NOISE, 1 << 18)
    drive.mt("rewind")
    drive.read(1 << 18)
    for old, new in zip(before, [page(drive, code) for code in codes], strict=True):
        total = "Total bytes processed"
        assert int(new.pop(total)) - int(old.pop(total)) >= len(NOISE)
        assert new == old, "no errors"


def test_read_errors_are_counted(drive: Tools) -> None:
    """A refused decryption is an uncorrected read error of this drive's page 03h."""
    drive.key_file("key")
    drive.stenc("-e on -k key -a 1")
    drive.write(NOISE[:1000], 1000)
    drive.mt("rewind")
    drive.stenc("-e off -a 1")
    before = int(page(drive, "0x03")["Total uncorrected errors"])
    assert "Input/output error" in drive.fails("dd if=$TAPE of=/dev/null bs=1000")
    assert int(page(drive, "0x03")["Total uncorrected errors"]) > before


def test_device_status(drive: Tools) -> None:
    def bits() -> dict[str, str]:
        return dict(re.findall(r"(\w+)=(\d)", drive.ok("sg_logs -p 0x11 $SG")))

    ready = bits()
    assert {name: ready[name] for name in ("MPRSNT", "MSTD", "MTHRD", "MOUNTED", "DINIT")} == (
        dict.fromkeys(("MPRSNT", "MSTD", "MTHRD", "MOUNTED", "DINIT"), "1")
    )
    assert (ready["PAMR"], ready["WRTP"], ready["CMPR"], ready["EPP"]) == ("0", "0", "0", "0")
    drive.mt("lock")
    assert bits()["PAMR"] == "1"
    drive.mt("unlock")
    drive.key_file("key")
    drive.stenc("-e on -k key -a 1")
    assert bits()["EPP"] == "1", "encryption parameters present"
    drive.mt("offline")
    away = bits()
    assert (away["MPRSNT"], away["MSTD"], away["MOUNTED"]) == ("1", "0", "0")


@pytest.mark.req("SSC-LOG-17-VALID")
def test_volume_statistics(drive: Tools) -> None:
    said = page(drive, "0x17")
    assert said["Page valid"] == "1"
    assert said["Volume barcode"] == "KRL001L9"
    assert said["Volume personality"] == "LTOL9G9"
    assert said["Total native capacity [MB]"] == "18000000"
    assert (said["Write protect"], said["WORM"]) == ("0", "0")
    threads = int(said["Thread count"])
    drive.mt("offline")
    # No volume, no statistics of one.
    assert page(drive, "0x17")["Page valid"] == "0"
    drive.mt("load")
    assert int(page(drive, "0x17")["Thread count"]) == threads + 1


def test_volume_statistics_count_megabytes(drive: Tools) -> None:
    def megabytes() -> tuple[int, int, int, int]:
        drive.said.clear()
        said = page(drive, "0x17")
        remaining = re.findall(r"counter: (\d+)\n", drive.said.decode())[-1]
        return (
            int(said["Lifetime megabytes written"]),
            int(said["Lifetime megabytes read"]),
            int(said["Total used native capacity [MB]"]),
            int(remaining),
        )

    before = megabytes()
    drive.write(NOISE * 10, 1 << 18)
    drive.mt("rewind")
    drive.read(1 << 18)
    after = megabytes()
    written, read, used, remaining = (a - b for a, b in zip(after, before, strict=True))
    assert written in (10, 11)
    assert read in (10, 11)
    assert (used, remaining) in ((10, -11), (10, -10))


def test_first_encrypted_object(drive: Tools) -> None:
    def first() -> str:
        said = drive.ok("sg_logs -p 0x17 $SG")
        _, _, record = said.partition("Logical position of first encrypted logical object:\n")
        return record.splitlines()[0].split()[-1]

    assert first() == "0xffffffffffff", "none"
    drive.write(NOISE[:3000], 1000)
    drive.key_file("key")
    drive.stenc("-e on -k key -a 1")
    drive.write(NOISE[:3000], 1000)
    # Three clear blocks and a filemark are before it.
    assert first() == "0x4"


@pytest.mark.req("SSC-LOG-2E")
def test_tape_alert_flags_are_all_there(drive: Tools) -> None:
    said = drive.ok("sg_logs -p 0x2e $SG")
    assert len(re.findall(r"^  .+: 0$", said, re.M)) == 64
    assert ": 1" not in said


def test_counters_with_compression(way: Way, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("compressing")
    text = rig_text(
        "compressing",
        'name = "drive0"\nmodel = "ibm/ult3580-td8"\ncartridge = "KRL001L8"\ncompression = "lz4"',
        cartridges=cartridge("KRL001L8"),
    )
    with rig_guest(text, folder, way) as guest:
        tools = Tools(guest, folder, way.device("drive0"))
        tools.mt("rewind")
        assert "CMPR=1" in tools.ok("sg_logs -p 0x11 $SG")
        sense = "sg_modes -p 0x0f $SG | tail -n 1"
        # DCE and DCC, DDE, algorithm 1 both ways.
        assert tools.ok(sense).split()[1:5] == ["0f", "0e", "c0", "80"]
        zeros = bytes(500_000)
        tools.write(zeros, 50_000)
        told = counters(tools)
        assert told[0x0000] == 500_000
        assert 0 < told[0x0001] < 20_000
        tools.mt("rewind")
        assert tools.read(50_000) == zeros
        assert counters(tools)[0x0003] == 500_000

        tools.mt("rewind")
        tools.mt("compression 0")
        assert tools.ok(sense).split()[1:5] == ["0f", "0e", "40", "80"]
        assert "CMPR=0" in tools.ok("sg_logs -p 0x11 $SG")
        before = counters(tools)
        tools.write(zeros, 50_000)
        assert counters(tools)[0x0001] - before[0x0001] >= 500_000
        tools.mt("rewind")
        tools.mt("compression 1")
        assert tools.ok(sense).split()[3] == "c0"
        # What was written without it is read with it.
        assert tools.read(50_000) == zeros

        # Compressed first, then encrypted.
        tools.mt("rewind")
        tools.key_file("key")
        tools.stenc("-e on -k key -a 1")
        before = counters(tools)
        tools.write(zeros, 50_000)
        assert counters(tools)[0x0001] - before[0x0001] < 20_000
        tools.mt("rewind")
        assert tools.read(50_000) == zeros


def test_all_pages_together(drive: Tools) -> None:
    """sg_logs knows every standard page, and finds them as long as it expects."""
    drive.write(NOISE, 1 << 18)
    said = drive.ok("sg_logs -a $SG")
    assert "truncated by response" not in said
    assert "Medium mount time" in said
    assert "Lifetime cleaning operations: 0" in said
    assert "SAS address = 0x5" in said
    assert "Read compression ratio x100: " in said
    assert "Remaining native capacity partition(s) [MB]:" in said
