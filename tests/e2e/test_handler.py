"""Drives by way of tcmu-runner: what stock libtcmu cannot do, and what becomes of killed processes.

That everything else works as without tcmu-runner is told by test_tools_*, which run over it too.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.guest.api import Guest
from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state
from tests.e2e.tools import Tools, cartridge

pytestmark = pytest.mark.guest

ROOT = Path(__file__).parents[2]
RIG = f"""\
[rig]
name = "handed"
guest = "uml"
transport = "tcmu-runner"
{cartridge("KRL001L9")}{cartridge("KRL002L8")}
[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
cartridge = "KRL001L9"
hosts = 2

[[drive]]
name = "slow"
model = "ibm/ult3580-td8"
cartridge = "KRL002L8"
timing = 0.3
"""
BLOCKS = random.Random(4).randbytes(3000)
NOBODY = "Not Ready; Logical unit not ready, manual intervention required"
GONE = "Aborted Command; Logical unit communication failure"
TEST_UNIT_READY = "00 00 00 00 00 00"
UNLOAD = "1b 00 00 00 00 00"

FORGET = "for attention in 1 2 3; do sg_turs $SG; done"
"""Hear what there is to be heard."""
KILL = "kill -9 $(pgrep -x keyreel-target)"
UNTIL_PENDING = """\
until [ $(cat /sys/class/scsi_generic/${SG#/dev/}/device/device_busy) != 0 ]; do :; done
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose state/run has the guest's logs and handler."""
    return tmp_path_factory.mktemp("handler")


@pytest.fixture(scope="module")
def guest(state: Path) -> Iterator[Guest]:
    """A guest with tcmu-runner, a drive for two hosts and one that takes its time."""
    rig = state / "rig.toml"
    rig.write_text(RIG, encoding="utf-8")
    with open_state(state / "state") as kept, make_guest(Rig.load(rig), kept) as running:
        yield running


@pytest.fixture(scope="module")
def tools(guest: Guest, state: Path) -> Tools:
    """The tools on drive0 for its first host."""
    return Tools(guest, state)


@pytest.fixture
def written(tools: Tools) -> Tools:
    """A tape with three blocks of 1000 bytes and a filemark, at its beginning."""
    tools.blank()
    tools.write(BLOCKS, 1000)
    tools.mt("rewind")
    return tools


def test_lengths_of_reads(written: Tools) -> None:
    short = written.raw("08 00 00 07 d0 00", 2000)
    assert "Info fld=0x3e8 [1000]  ILI" in short.sense
    assert short.data == BLOCKS[:1000], "the residual says how much of the buffer is a block"
    silent = written.raw("08 02 00 07 d0 00", 2000)
    assert (silent.status, silent.data) == (0, BLOCKS[1000:2000])
    written.mt("setblk 1000")
    mark = written.raw("08 01 00 00 05 00", 5000)
    assert mark.sense == "No Sense; Filemark detected; Info fld=0x4 [4]  FMK"
    assert mark.data == BLOCKS[2000:], "one of five blocks before the filemark"


def test_opcodes_that_libtcmu_drops(tools: Tools) -> None:
    """Each would hang for half a minute and end without a status; in all, twice a test's time."""
    for opcode in ("60", "7e", "7f", "c0", "df", "e0", "ff"):
        # sg_raw would take some of them for commands of another kind.
        said = tools.run(f"sg_raw --cmdset=1 $SG {opcode} {'00 ' * 9}")[1]
        assert "Additional sense: Invalid command operation code" in said


def test_reservation_conflict(guest: Guest, tools: Tools, state: Path) -> None:
    other = Tools(guest, state, "drive0@1")
    tools.ok("sg_persist -n -o -G -S abc $SG && sg_persist -n -o -R -K abc -T 3 $SG")
    other.run(FORGET)
    refused = other.raw("08 00 00 03 e8 00", 1000)
    tools.ok("sg_persist -n -o -C -K abc $SG")
    other.run(FORGET)
    assert "Reservation Conflict" in refused.text


def test_a_device_made_by_hand(tools: Tools) -> None:
    """As targetcli makes one; the name of a drive that is not there is of no use to a host."""
    said = tools.ok(f"""
        cd /sys/kernel/config/target
        attempt() {{
            mkdir -p core/user_9/$1
            echo -n "dev_config=$2,dev_size=1048576" >core/user_9/$1/control
            echo 1 >core/user_9/$1/enable
        }}
        attempt wrong keyreel/handed/../x 2>/dev/null || echo refused
        rmdir core/user_9/wrong
        attempt mine keyreel/handed/drive0/7
        (cd core/user_9/mine/attrib && grep . cmd_time_out tmr_notification pgr_support)
        port=loopback/naa.5001405aaaaaaaaa/tpgt_1
        mkdir -p $port && echo -n naa.5001405bbbbbbbbb >$port/nexus
        mkdir $port/lun/lun_0 && ln -s $PWD/core/user_9/mine $port/lun/lun_0/mine
        sg=/dev/$(ls -t /sys/class/scsi_generic | sort -V | tail -1)
        sg_inq $sg
        sg_raw -v $sg {TEST_UNIT_READY} 2>&1
        rm $port/lun/lun_0/mine && rmdir $port/lun/lun_0 $port ${{port%/*}}
        rmdir core/user_9/mine
    """)
    assert said.startswith("refused\ncmd_time_out:0\ntmr_notification:1\npgr_support:0\n")
    assert f"Unit serial number: {tools.serial}" in said
    assert "Power on, reset" in said, "to the drive it is another host"


def test_keyreel_is_killed(guest: Guest, written: Tools, state: Path) -> None:
    """A command that it was running, those that come while nobody is there, and its return."""
    slow = Tools(guest, state, "slow")
    runner = slow.ok("pgrep -x tcmu-runner")
    slow.ok("until sg_turs $SG; do :; done")
    said = slow.ok(f"""
        sg_raw -v $SG {UNLOAD} >pending 2>&1 &
        {UNTIL_PENDING}
        {KILL}
        wait
        cat pending
    """)
    assert GONE in said.replace("\nAdditional sense:", ";")
    assert slow.raw(TEST_UNIT_READY).sense == NOBODY
    assert written.raw(TEST_UNIT_READY).sense == NOBODY
    guest.restart_target()
    assert written.raw(TEST_UNIT_READY).sense.startswith("Unit Attention; Power on")
    written.settle()
    assert written.read(1000) == BLOCKS
    written.mt("rewind")
    assert slow.ok("pgrep -x tcmu-runner") == runner


@pytest.mark.parametrize("number", [9, 15])
def test_tcmu_runner_starts_again(guest: Guest, written: Tools, state: Path, number: int) -> None:
    """The drive keeps its power: the host goes on where it was."""
    first = written.raw("08 00 00 03 e8 00", 1000)
    again = "from harness.guest.runner_way import prepare; import sys; prepare(sys.argv[1])"
    run = state / "state" / "run"
    written.ok(f"""
        kill -{number} $(pgrep -x tcmu-runner)
        while pgrep -r D,R,S -x tcmu-runner; do :; done
        rm {run}/tcmu-runner.log
        PYTHONPATH={ROOT} {sys.executable} -c '{again}' {run}/plan.json
    """)
    second = written.raw("08 00 00 03 e8 00", 1000)
    assert first.data + second.data == BLOCKS[:2000]
