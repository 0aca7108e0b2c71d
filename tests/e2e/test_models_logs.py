"""Log pages of four models as sg_logs decodes them, before and after a transfer of known size."""

from __future__ import annotations

import random
import re

import pytest

from tests.e2e.models import Model
from tests.e2e.tools import Tools

pytestmark = pytest.mark.guest

MIB = 1 << 20
SENT = 10 * MIB
NOISE = random.Random(17).randbytes(SENT)
Values = dict[str, int]

TITLES = {
    (0x00, 0x00): "Supported log pages  [0x0]",
    (0x00, 0xFF): "Supported log pages and subpages  [0x0, 0xff]",
    (0x02, 0x00): "Write error counter page  [0x2]",
    (0x03, 0x00): "Read error counter page  [0x3]",
    (0x06, 0x00): "Non-medium error page  [0x6]",
    (0x0C, 0x00): "Sequential access device page (ssc-3)",
    (0x0D, 0x00): "Temperature page  [0xd]",
    (0x0D, 0x01): "Environmental reporting page  [0xd,0x1]",
    (0x10, 0x00): "Self-test results page  [0x10]",
    (0x11, 0x00): "DT device status page (ssc-3, adc-3) [0x11]",
    (0x12, 0x00): "TapeAlert response page (ssc-3, adc-3) [0x12]",
    (0x13, 0x00): "Requested recovery page (ssc-3) [0x13]",
    (0x14, 0x00): "Device statistics page (ssc-3 and adc)",
    (0x15, 0x00): "Service buffer information page (adc-3) [0x15]",
    (0x16, 0x00): "Tape diagnostics data page (ssc-3) [0x16]",
    (0x17, 0x00): "Volume statistics page (ssc-4), subpage=0",
    (0x18, 0x00): "Protocol Specific port page for SAS SSP  (sas-2) [0x18]",
    (0x1A, 0x00): "Power condition transitions page  [0x1a]",
    (0x1B, 0x00): "Data compression page  (ssc-4) [0x1b]",
    (0x2E, 0x00): "Tape alert page (ssc-3) [0x2e]",
    (0x30, 0x00): "Tape usage page  (LTO-5 and LTO-6 specific) [0x30]",
    (0x31, 0x00): "Tape capacity page  (LTO-5 and LTO-6 specific) [0x31]",
    (0x32, 0x00): "Data compression page  (LTO-5 specific) [0x32]",
}
"""What sg_logs 1.46 prints above each page that it decodes; it decodes no vendor page above 32h."""
UNKNOWN = "Unable to decode page = 0x{:x}, here is hex"
DECODED = 0x32

GROWS: dict[tuple[int, int], dict[str, int]] = {
    (0x02, 0x00): {"Total bytes processed": SENT},
    (0x03, 0x00): {"Total bytes processed": SENT},
    (0x14, 0x00): {
        "MBs transferred from app client in duty cycle sample time": 10,
        "MBs transferred to app client in duty cycle sample time": 10,
    },
    (0x17, 0x00): {
        "Last mount megabytes written": 10,
        "Last mount megabytes read": 10,
        "Lifetime megabytes written": 10,
        "Lifetime megabytes read": 10,
        "Total used native capacity [MB]": 10,
    },
    (0x1B, 0x00): {
        "Megabytes transferred to server": 10,
        "Megabytes read from tape": 10,
        "Megabytes transferred from server": 10,
        "Megabytes written to tape": 10,
    },
    (0x31, 0x00): {"Main partition remaining capacity (in MiB)": -10},
    (0x32, 0x00): {
        "Megabytes transferred to server": 10,
        "Megabytes read from tape": 10,
        "Megabytes transferred from server": 10,
        "Megabytes written to tape": 10,
    },
}
"""How much a transfer of 10 MiB each way adds, by page, wherever a model has the page."""
ERRORS = ("Total errors corrected", "Total uncorrected errors", "Total rewrites or rereads")
STAYS = {
    (0x02, 0x00): ERRORS,
    (0x03, 0x00): ERRORS,
    (0x06, 0x00): ("Non-medium error count",),
    (0x14, 0x00): ("Hard write errors", "Hard read errors", "Medium removal prevented"),
    (0x17, 0x00): ("Total write retries", "Total unrecovered read errors", "Write protect", "WORM"),
}  # fmt: skip
"""What nothing adds to: zero."""


def listed(unit: Tools) -> list[tuple[int, int]]:
    """Page and subpage of all that the drive lists, ascending."""
    said = unit.ok("sg_logs -ll $SG")
    found = [
        (int(page, 16), int(sub or "0", 16))
        for page, sub in re.findall(r"^    0x(..)(?:,0x(..))? ", said, re.M)
    ]
    assert found == sorted(found)
    return found


def texts(unit: Tools) -> dict[tuple[int, int], str]:
    """What sg_logs prints of each page, with subpages; all that is known is decoded."""
    codes = listed(unit)
    sections = re.split(r"\n\n+(?=\S)", unit.ok("sg_logs -a -a $SG").strip())[1:]
    for (page, sub), section in zip(codes, sections, strict=True):
        title = TITLES[page, sub] if page <= DECODED else UNKNOWN.format(page)
        assert section.startswith(title), section
    return dict(zip(codes, sections, strict=True))


def values(text: str) -> Values:
    """The lines "name: number" or "name = number"."""
    return {
        name: int(number)
        for name, number in re.findall(r"^ +(\S.*?)(?:: +| = )(\d+)(?: \w+)?$", text, re.M)
    }


@pytest.fixture
def noisy(tape: Tools) -> Tools:
    """A drive with an empty tape and a file of 10 MiB that cannot be compressed."""
    (tape.folder / "noise").write_bytes(NOISE)
    return tape


def transfer(unit: Tools) -> None:
    """10 MiB out and in again."""
    unit.ok("dd if=noise of=$TAPE bs=1M && mt -f $TAPE rewind && dd if=$TAPE of=read bs=1M")
    assert (unit.folder / "read").read_bytes() == NOISE


def parameters(unit: Tools, page: int) -> dict[int, bytes]:
    """The parameters of a page by code, whatever is in them; the page is well-formed."""
    data = unit.raw(f"4d 00 {0x40 | page:02x} 00 00 00 00 20 00 00", 8192).data
    assert data[0] & 0x3F == page
    assert int.from_bytes(data[2:4], "big") == len(data) - 4
    found: dict[int, bytes] = {}
    at = 4
    while at < len(data):
        end = at + 4 + data[at + 3]
        code = int.from_bytes(data[at : at + 2], "big")
        assert not found or code > max(found)
        found[code] = data[at + 4 : end]
        at = end
    assert at == len(data)
    return found


def number(value: bytes) -> int:
    return int.from_bytes(value, "big")


@pytest.mark.req(
    "SSC-LOG-00", "SSC-LOG-R1", "SSC-LOG-R3", "SSC-LOG-02", "SSC-LOG-03", "SSC-LOG-06",
    "SSC-LOG-0C", "SSC-LOG-14", "SSC-LOG-17", "SSC-LOG-1B", "SSC-LOG-31", "SSC-LOG-32",
    "SSC-LOG-33", "SSC-LOG-38", "SSC-CMD-4D",
)  # fmt: skip
def test_a_transfer_shows_on_every_page(noisy: Tools) -> None:
    # What counts a mount, or from one reading to the next, begins anew.
    noisy.ok("mt -f $TAPE offline; mt -f $TAPE load; sg_logs -a $SG >before")
    before = {code: values(text) for code, text in texts(noisy).items()}
    assert {0x02, 0x03, 0x0C, 0x11, 0x14, 0x17, 0x2E} <= {page for page, _ in before}
    bytes_before = parameters(noisy, 0x0C)
    transfer(noisy)
    bytes_after = parameters(noisy, 0x0C)
    # What sg_logs cannot decode is well-formed at least.
    mine = {page: parameters(noisy, page) for page, sub in before if page > DECODED and not sub}
    serials = [parameters(noisy, 0x14)[code].decode().strip() for code in (0x40, 0x41)]
    after = {code: values(text) for code, text in texts(noisy).items()}
    assert before.keys() == after.keys()
    for code in GROWS.keys() & after.keys():
        for name, amount in GROWS[code].items():
            # Capacities are told in whole units.
            slack = int(amount < SENT) and 1
            grown = after[code][name] - before[code][name]
            assert abs(grown - amount) <= slack, (code, name, grown)
    for code in STAYS.keys() & after.keys():
        for name in STAYS[code]:
            assert (before[code][name], after[code][name]) == (0, 0), (code, name)
    # From the host, on the medium, from the medium, to the host: bytes.
    moved = [number(bytes_after[code]) - number(bytes_before[code]) for code in range(4)]
    assert moved[0] == moved[3] == SENT
    assert SENT <= moved[1] == moved[2] < SENT * 1.01
    assert serials == [noisy.serial] * 2
    if 0x38 in mine:
        megabytes = [number(mine[0x38][code]) for code in range(4)]
        assert all(count >= 10 for count in megabytes)


@pytest.mark.req("SSC-LOG-11", "SSC-LOG-17", "SSC-LOG-17-VALID", "SSC-LOG-0C")
def test_what_the_pages_say_of_the_volume(tape: Tools, model: Model) -> None:
    status, volume, drive = (f"sg_logs -p {page} $SG" for page in (0x11, 0x17, 0x14))
    said = tape.each(
        status, volume, drive, "sg_read_attr -f 1 $SG", "mt -f $TAPE lock", status,
        "mt -f $TAPE offline", status, volume, "mt -f $TAPE load", volume, drive,
    )  # fmt: skip
    assert [code for code, _ in said] == [0] * len(said)
    ready, before, life, whole, _, locked, _, away, none, _, again, longer = (t for _, t in said)
    assert "MPRSNT=1 MSTD=1 MTHRD=1 MOUNTED=1" in ready
    assert "PAMR=0" in ready and "WRTP=0" in ready and "CMPR=1" in ready
    assert "PAMR=1" in locked, "until st unlocks it to unload"
    assert "PAMR=0" in away and "MPRSNT=1 MSTD=0 MTHRD=0 MOUNTED=0" in away
    assert re.search(rf"Volume barcode: {model.barcode} *\n", before)
    assert "Page valid: 1" in before and "Page valid: 0" in none
    native = values(before)["Total native capacity [MB]"]
    assert abs(native * 10**6 - int(whole.split()[-1]) * model.mam_unit) <= model.mam_unit
    name = "Thread count"
    assert values(again)[name] == values(before)[name] + 1
    name = "Lifetime media loads"
    assert values(longer)[name] == values(life)[name] + 1


@pytest.mark.req("SSC-LOG-R5", "SSC-CMD-4C")
def test_resetting_counters(noisy: Tools) -> None:
    """LOG SELECT: of one page, of all; what counts over the drive's life is not reset."""

    def numbers() -> tuple[int, int, int, int]:
        said = noisy.ok("for page in 2 3 0x14; do sg_logs -p $page $SG; done")
        write, read = re.findall(r"Total bytes processed = (\d+)", said)
        life = values(said)
        since = life["Volume loads since last parameter reset"]
        return int(write), int(read), since, life["Lifetime media loads"]

    noisy.ok(
        "mt -f $TAPE offline; mt -f $TAPE load; dd if=noise of=$TAPE bs=100k count=1;"
        " mt -f $TAPE rewind; dd if=$TAPE of=read bs=100k"
    )
    write, read, since, loads = numbers()
    assert write >= 102_400 and read >= 102_400 and since and loads
    assert "log select cdb: [4c 02 42 00" in noisy.ok("sg_logs -v -R -p 2 $SG 2>&1")
    assert numbers() == (0, read, since, loads)
    noisy.ok("sg_logs -R $SG")
    assert numbers() == (0, 0, 0, loads)


@pytest.mark.req("SSC-LOG-R2", "SSC-LOG-R4", "SSC-CMD-R2")
def test_ways_to_ask(tape: Tools) -> None:
    (tape.folder / "list").write_text("02 00 00 0c 00 05 40 08 00 00 00 00 00 00 00 07")
    said = tape.ok(
        """
        sg_logs -p 0xc -P 0x100 $SG; echo ==
        sg_logs -p 2 -c 3 $SG; echo ==
        sg_logs -p 2 -c 2 $SG; echo ==
        sg_logs -v -p 0x3f $SG 2>&1; echo ==
        sg_logs -v -p 2,1 $SG 2>&1; echo ==
        sg_logs -v --sp -p 2 $SG 2>&1; echo ==
        sg_logs -v -S --in=list $SG 2>&1; echo ==
        sg_logs -S -R -p 2 $SG 2>&1; echo ==
        """
    )
    later, defaults, thresholds, *wrong, missing, _ = said.split("==\n")
    assert "Cleaning action not required" in later and "Data bytes" not in later
    assert set(values(defaults).values()) == {0}
    assert values(thresholds)["Total errors corrected"] == 0xFFFFFFFF, "no threshold is set"
    # The page, its subpage, saving, a counter that is not to be set: each at its own byte.
    assert [re.findall(r"Error in (\w+ ?\w*): byte (\d+)", text)[0] for text in wrong] == [
        ("Command", "2"), ("Command", "3"), ("Command", "1"), ("Data parameters", "4")
    ]  # fmt: skip
    assert missing


@pytest.mark.req("SSC-LOG-2E", "SSC-LOG-12", "SSC-TA-R1", "SSC-TA-R3", "SSC-TA-34", "SSC-VPD-B2")
def test_a_tape_alert(tape: Tools, model: Model) -> None:
    """A firmware image that is none: flag 34 where flags are told, until somebody has read it."""
    tape.ok("sg_logs -p 0x2e $SG")

    def load() -> str:
        return tape.raw("3b 05 00 00 00 00 00 00 40 00", out=bytes(64)).sense

    assert load().startswith(model.bad_firmware)
    # The response page tells of what is so, the TapeAlert page of news.
    alerts = "sg_logs -p 0x2e $SG | grep ': 1' || true"
    (_, possible), (_, mam), (_, tapeinfo), (_, read), (_, response) = tape.each(
        "sg_vpd -p tas $SG", "sg_read_attr -f 2 $SG", "tapeinfo -f $SG", alerts,
        "sg_logs -p 0x12 $SG",
    )  # fmt: skip
    assert re.search(r" 22h: 1\b", possible)
    assert int(mam.split()[-1]) == 0, "no flag of the volume"
    assert "TapeAlert[34]: Download Fail: Attempt to download new firmware failed." in tapeinfo
    assert read == "", "tapeinfo has read it"
    assert re.findall(r"(\w\w)h: 1\b", response) == ["22"]
    load()
    assert tape.each(alerts, alerts) == [(0, "  Microcode update fail: 1\n"), (0, "")]
