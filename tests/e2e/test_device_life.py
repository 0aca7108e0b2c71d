"""What becomes of the kernel's devices: aborts, resets, hosts that come and go, a new target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.guest.api import Guest
from tests.e2e.tools import Tools, cartridge, rig_guest, rig_text

pytestmark = pytest.mark.guest

CORE = "/sys/kernel/config/target/core/user_0"
FABRIC = "/sys/kernel/config/target/loopback/naa.5001405f00000001"
SLOW = """
name = "slow"
model = "ibm/ult3580-td5"
cartridge = "KRL002L5"
timing = 0.2
hosts = 2"""
QUICK = """
name = "quick"
model = "ibm/ult3580-td9"
cartridge = "KRL001L9"
hosts = 2"""
BUSY = "[ $(($(cat $D/iorequest_cnt))) -gt $(($(cat $D/iodone_cnt))) ]"
"""Whether a command of the device whose folder is $D is on its way (the counters are in hex)."""
CONFLICT = 24
"""Exit status of sg3 utilities after RESERVATION CONFLICT."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    cartridges = cartridge("KRL001L9") + cartridge("KRL002L5")
    text = rig_text("life", QUICK, SLOW, cartridges=cartridges)
    with rig_guest(text, tmp_path_factory.mktemp("life")) as guest:
        yield guest


@pytest.fixture
def slow(rig: Guest, tmp_path: Path) -> Tools:
    tools = Tools(rig, tmp_path, "slow")
    # It is loading for a while, and then has to say so.
    tools.ok("i=0; until sg_turs $SG; do i=$((i+1)); [ $i -lt 600 ]; sleep 0.1; done")
    return tools


def test_attributes(rig: Guest, tmp_path: Path) -> None:
    tools = Tools(rig, tmp_path, "quick")
    said = tools.ok(f"cd {CORE}; grep . */attrib/pgr_support */attrib/cmd_time_out */attrib/tmr*")
    values = sorted(line.partition("/attrib/")[2] for line in said.splitlines())
    assert values == sorted(["pgr_support:0", "cmd_time_out:0", "tmr_notification:1"] * 4)


def until(condition: str) -> str:
    """A shell line that ends when a condition holds, with failure after a minute."""
    return f"i=0; until {condition}; do i=$((i+1)); [ $i -lt 1200 ] || exit 1; sleep 0.05; done"


def folder(tools: Tools) -> str:
    """Of the device in sysfs."""
    return f"/sys/class/scsi_generic/{Path(tools.sg).name}/device"


ERASE = "sg_raw --timeout={} $SG 19 01 00 00 00 00"
"""To the end of the tape, which takes half an hour in that drive: more than any line may. Through
the loopback host an aborted command ends as if well."""


def test_a_reset_ends_a_long_command(slow: Tools) -> None:
    slow.ok(f"{ERASE.format(6000)} & D={folder(slow)}; {until(BUSY)}; sg_reset -d $SG; wait")
    assert "Bus device reset function occurred" in slow.run("sg_turs -v $SG")[1]
    slow.ok("sg_turs $SG")


def test_a_reset_is_told_to_the_other_host(slow: Tools, rig: Guest, tmp_path: Path) -> None:
    other = Tools(rig, tmp_path, "slow@1")
    other.ok(until("sg_turs $SG"))
    slow.ok("sg_reset -d $SG")
    assert "Bus device reset function occurred" in other.fails("sg_turs -v $SG")
    other.ok("sg_turs $SG")


def test_a_timeout_aborts_a_long_command(slow: Tools) -> None:
    slow.run("sg_turs $SG")
    slow.fails(ERASE.format(1))
    slow.run("sg_turs $SG")
    slow.ok("sg_turs $SG")


def test_a_device_made_by_hand_is_another_host(rig: Guest, tmp_path: Path) -> None:
    tools = Tools(rig, tmp_path, "quick")
    made = f"""
        mkdir {CORE}/by-hand
        echo dev_config=keyreel-direct/life/quick/7,dev_size=1048576 >{CORE}/by-hand/control
        echo nl_reply_supported=-1 >{CORE}/by-hand/control
        echo 1 >{CORE}/by-hand/enable
        echo 0 >{CORE}/by-hand/attrib/pgr_support
        mkdir -p {FABRIC}/tpgt_1/lun/lun_0
        echo naa.5001405f00000002 >{FABRIC}/tpgt_1/nexus
        ln -s {CORE}/by-hand {FABRIC}/tpgt_1/lun/lun_0/by-hand
    """
    found = (
        "S=/dev/$(ls /sys/bus/scsi/devices/$(cat $F/tpgt_1/address | cut -d: -f1):*/scsi_generic)"
    )
    tools.ok(f"set -e; {made} F={FABRIC}; {found}; {until('sg_turs $S')}")
    # Its size may be changed, which means nothing; the kernel tells of it.
    tools.ok(f"echo 2097152 >{CORE}/by-hand/attrib/dev_size; F={FABRIC}; {found}; sg_turs $S")
    # RESERVE(10) by the new host shuts the others out, until that host has gone.
    tools.ok(until("sg_turs $SG"))
    tools.ok(f"F={FABRIC}; {found}; sg_raw $S 56 00 00 00 00 00 00 00 00 00")
    assert tools.run("sg_raw $SG 00 00 00 00 00 00")[0] == CONFLICT
    tools.ok(f"""
        rm {FABRIC}/tpgt_1/lun/lun_0/by-hand
        rmdir {FABRIC}/tpgt_1/lun/lun_0
        echo NULL >{FABRIC}/tpgt_1/nexus
        rmdir {FABRIC}/tpgt_1 {FABRIC} {CORE}/by-hand
        {until("sg_turs $SG")}
    """)


def test_a_killed_target_is_followed_by_another(rig: Guest, tmp_path: Path) -> None:
    tools = Tools(rig, tmp_path, "quick")
    tools.ok("head -c 1000000 /dev/urandom >noise; tar -b 64 -cf $TAPE noise")
    # It dies while it has much to do; whoever waits for it gets an error.
    tools.fails("dd if=/dev/zero of=$TAPE bs=64k & sleep 0.3; pkill -9 keyreel-target; wait $!")
    rig.restart_target()
    tools.ok("mt -f $TAPE rewind || mt -f $TAPE rewind; tar -b 64 -df $TAPE")
    other = Tools(rig, tmp_path, "quick@1")
    other.ok("mt -f $TAPE rewind || mt -f $TAPE rewind; tar -b 64 -df $TAPE")
