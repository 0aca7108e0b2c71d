"""Persistent reservations of four models, by sg_persist.

pgr_support is 0 in TCMU, so that the kernel passes all of it to the drive; REPORT LUNS alone is
answered by the kernel. There is one nexus: a reservation of another is one that was moved there.
"""

from __future__ import annotations

import pytest

from tests.e2e.models import Model
from tests.e2e.tools import Tools

pytestmark = pytest.mark.guest

CONFLICT, ILLEGAL, GOOD = 24, 5, 0
TYPES = {
    1: "Write Exclusive",
    3: "Exclusive Access",
    5: "Write Exclusive, registrants only",
    6: "Exclusive Access, registrants only",
    7: "Write Exclusive, all registrants",
    8: "Exclusive Access, all registrants",
}
TRANSPORTS = {0: "fcp", 6: "sas"}
OTHER = "5001405000000001"


def persist(unit: Tools, *rows: tuple[str, int, str]) -> list[str]:
    """Run sg_persist with the options of each row: its exit status, and words that it says."""
    done = unit.each(*(f"sg_persist -n {options} $SG" for options, _, _ in rows))
    for (options, status, words), (found, said) in zip(rows, done, strict=True):
        assert found == status, (options, found, said)
        assert words in said, (options, said)
    return [said for _, said in done]


@pytest.fixture
def free(unit: Tools) -> Tools:
    """A drive without registrations, whoever had one."""
    done = unit.each(
        "sg_persist -n --out --register-ignore --param-sark=1 $SG",
        "sg_persist -n --out --clear --param-rk=1 $SG",
    )
    assert [status for status, _ in done] == [0, 0]
    return unit


@pytest.mark.req("SSC-PR-03", "SSC-CMD-5E")
def test_capabilities(free: Tools, model: Model) -> None:
    (said,) = persist(free, ("-c", GOOD, "Report capabilities response"))
    for words in (
        "(RLR_C): 0", "(CRH): 1", "(SIP_C): 1", "(ATP_C): 0", "(PTPL_C): 1", "(TMV): 1",
        "(PTPL_A): 0",
    ):  # fmt: skip
        assert words in said
    for number, kind in TYPES.items():
        assert f"      {kind}: {number in model.reservations:d}\n" in said


@pytest.mark.req(
    "SSC-PR-01", "SSC-PR-02", "SSC-PR-04", "SSC-PR-05", "SSC-PR-06", "SSC-PR-07", "SSC-PR-08",
    "SSC-PR-11", "SSC-PR-19", "SSC-CMD-5F",
)  # fmt: skip
def test_a_life(free: Tools, model: Model) -> None:
    """Register, reserve, look, release, change the key, clear; what is wrong is refused."""
    _, _, generation, *_ = persist(
        free,
        ("-k", GOOD, "there are NO registered reservation keys"),
        ("-r", GOOD, "there is NO reservation held"),
        ("-s", GOOD, "No full status descriptors"),
        ("--out --reserve --param-rk=abc1 --prout-type=3", CONFLICT, "Reservation conflict"),
        ("--out --register --param-rk=7 --param-sark=abc1", CONFLICT, "Reservation conflict"),
        ("--out --register --param-sark=abc1", GOOD, ""),
        ("-k", GOOD, "1 registered reservation key follows:\n    0xabc1\n"),
        ("--out --register --param-sark=abc2", CONFLICT, "Reservation conflict"),
        ("--out --reserve --param-rk=bad --prout-type=3", CONFLICT, "Reservation conflict"),
        ("--out --reserve --param-rk=abc1 --prout-type=4", ILLEGAL, "bad field in cdb"),
        ("--out --reserve --param-rk=abc1 --prout-type=3", GOOD, ""),
        ("--out --reserve --param-rk=abc1 --prout-type=3", GOOD, ""),
        ("--out --reserve --param-rk=abc1 --prout-type=6", CONFLICT, "Reservation conflict"),
        ("-r", GOOD, "    Key=0xabc1\n    scope: LU_SCOPE,  type: Exclusive Access\n"),
    )
    before = int(generation.split("PR generation=")[1].split()[0], 16)
    (full, *_, last, _, _, _) = persist(
        free,
        ("-s", GOOD, "<< Reservation holder >>"),
        ("--out --release --param-rk=abc1 --prout-type=6", ILLEGAL, "bad field in cdb"),
        ("--out --release --param-rk=bad --prout-type=3", CONFLICT, "Reservation conflict"),
        ("--out --release --param-rk=abc1 --prout-type=3", GOOD, ""),
        ("--out --release --param-rk=abc1 --prout-type=3", GOOD, ""),
        ("-r", GOOD, "there is NO reservation held"),
        ("--out --register --param-rk=abc1 --param-sark=abc2", GOOD, ""),
        ("--out --register-ignore --param-sark=abc3", GOOD, ""),
        ("-k", GOOD, "    0xabc3\n"),
        ("--out --clear --param-rk=abc2", CONFLICT, "Reservation conflict"),
        ("--out --clear --param-rk=abc3", GOOD, ""),
        ("-k", GOOD, "there are NO registered reservation keys"),
    )
    assert "All target ports bit clear" in full and "Relative port address: 0x1" in full
    names = {"sas": "SAS address: 0x", "fcp": "FCP-2 World Wide Name"}
    assert names[TRANSPORTS[model.protocol]] in full
    # Registrations count, reservations and what was refused do not.
    assert f"PR generation=0x{before + 3:x}," in last


@pytest.mark.req("SSC-PR-02", "SSC-PR-06", "SSC-PR-07")
def test_all_types(free: Tools, model: Model) -> None:
    """With an all-registrants type the reservation itself has no key."""
    rows = [("--out --register --param-sark=a", GOOD, "")]
    for number, kind in TYPES.items():
        if number not in model.reservations:
            rows += [(f"--out --reserve --param-rk=a --prout-type={number}", ILLEGAL, "bad field")]
            continue
        key = 0 if number >= 7 else 0xA
        rows += [
            (f"--out --reserve --param-rk=a --prout-type={number}", GOOD, ""),
            ("-r", GOOD, f"Key=0x{key:x}\n    scope: LU_SCOPE,  type: {kind}\n"),
            (f"--out --release --param-rk=a --prout-type={number}", GOOD, ""),
        ]
    persist(free, *rows)


@pytest.mark.req(
    "SSC-PR-09", "SSC-PR-10", "SSC-PR-12", "SSC-PR-14", "SSC-PR-15", "SSC-PR-16", "SSC-PR-17",
)  # fmt: skip
def test_a_reservation_of_another(free: Tools, model: Model) -> None:
    """It is moved to a port that is not there; commands are refused, and it is preempted."""
    transport = f"--transport-id={TRANSPORTS[model.protocol]},{OTHER}"
    port = "--relative-target-port=1"
    move = f"--out --register-move --param-sark=b {port} {transport}"
    persist(
        free,
        (f"--out --register --param-sark=a {transport}", GOOD, ""),
        ("-k", GOOD, "2 registered reservation keys follow:\n    0xa\n    0xa\n"),
        (f"{move} --param-rk=a", ILLEGAL, "bad field"),
        ("--out --reserve --param-rk=a --prout-type=3", GOOD, ""),
        (f"{move.replace('port=1', 'port=2')} --param-rk=a", ILLEGAL, "bad field"),
        (f"{move.replace('sark=b', 'sark=0')} --param-rk=a", ILLEGAL, "bad field"),
        (f"{move} --param-rk=a --unreg", GOOD, ""),
        ("-s", GOOD, "    Key=0xb\n"),
        ("-r", GOOD, "Key=0xb\n    scope: LU_SCOPE,  type: Exclusive Access\n"),
    )
    done = free.each(
        "sg_inq $SG", "sg_turs $SG", "sg_requests $SG", "sg_logs -p 2 $SG",
        "sg_read_block_limits $SG", "sg_luns $SG", "sg_modes $SG", "sg_read_attr $SG",
        "dd if=$TAPE of=read bs=1000 count=1",
        "mt -f $TAPE weof 1", "sg_persist -n --out --release --param-rk=a --prout-type=3 $SG",
    )  # fmt: skip
    allowed, refused, tape, by_key = done[:6], done[6:8], done[8:10], done[10]
    assert [status for status, _ in allowed] == [GOOD] * 6
    assert [status for status, _ in refused] == [CONFLICT] * 2
    # st knows no such status: an error like any other.
    assert all("Input/output error" in said for _, said in tape)
    assert by_key[0] == CONFLICT, "it is not registered any more"
    persist(
        free,
        ("--out --register-ignore --param-sark=c", GOOD, ""),
        ("--out --preempt --param-rk=c --param-sark=d --prout-type=6", CONFLICT, "conflict"),
        ("--out --preempt --param-rk=c --param-sark=b --prout-type=6", GOOD, ""),
        ("-k", GOOD, "1 registered reservation key follows:\n    0xc\n"),
        ("-r", GOOD, "Key=0xc\n    scope: LU_SCOPE,  type: Exclusive Access, registrants only\n"),
        ("--out --preempt-abort --param-rk=c --param-sark=c --prout-type=3", GOOD, ""),
        ("-r", GOOD, "type: Exclusive Access\n"),
        ("--out --register --param-rk=c", GOOD, ""),
        ("-r", GOOD, "there is NO reservation held"),
    )
    assert free.ok("mt -f $TAPE rewind && mt -f $TAPE weof 1") == ""


@pytest.mark.req("SSC-PR-14", "SSC-CMD-R2")
def test_through_a_reset(free: Tools) -> None:
    """A reset leaves all of it; what lasts over a loss of power is told. No all target ports."""
    rows = (
        ("-r", GOOD, "Key=0xa\n    scope: LU_SCOPE,  type: Exclusive Access, registrants only\n"),
        ("-k", GOOD, "1 registered reservation key follows:\n    0xa\n"),
    )
    persist(
        free,
        ("--out --register --param-sark=a --param-alltgpt", ILLEGAL, "bad field"),
        ("--out --register --param-sark=a --param-aptpl", GOOD, ""),
        ("-c", GOOD, "(PTPL_A): 1"),
        ("--out --reserve --param-rk=a --prout-type=6", GOOD, ""),
        *rows,
    )
    reset, attention, ready = free.each("sg_reset -d $SG", "sg_turs -v $SG", "sg_turs $SG")
    assert (reset[0], ready[0]) == (0, 0)
    assert "Bus device reset function occurred" in attention[1]
    persist(
        free,
        *rows,
        ("--out --register --param-rk=a --param-sark=b", GOOD, ""),
        ("-c", GOOD, "(PTPL_A): 0"),
        ("--out --replace-lost --param-sark=1", ILLEGAL, "bad field"),
        ("--out --clear --param-rk=b", GOOD, ""),
    )
    free.settle()


@pytest.mark.req("SSC-RES-01", "SSC-RES-02", "SSC-RES-03")
def test_reserve_and_persistent_reserve(free: Tools) -> None:
    """RESERVE keeps PERSISTENT RESERVE out; where it would change nothing, it is GOOD."""
    reserve, release = "sg_raw $SG 16 00 00 00 00 00", "sg_raw $SG 17 00 00 00 00 00"
    register = "sg_persist -n --out --register-ignore --param-sark=a $SG"
    hold = "sg_persist -n --out --reserve --param-rk=a --prout-type=3 $SG"
    done = free.each(
        release, reserve, reserve, register, release, register, reserve, hold, reserve, release,
        "sg_persist -n -r $SG",
    )  # fmt: skip
    assert [status for status, _ in done] == [0, 0, 0, CONFLICT, 0, 0, CONFLICT, 0, 0, 0, 0]
    assert "Exclusive Access" in done[-1][1]
