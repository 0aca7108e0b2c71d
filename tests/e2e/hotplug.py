"""In a guest, as a program: watches while a device of a drive is made by hand and taken away again.

`python -m tests.e2e.hotplug RIG DRIVE SERIAL` prints JSON; `tests.e2e.test_hotplug` looks at it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from harness import devices
from harness.discovery import Nodes, find, find_units
from harness.hotplug import Change, wait_for, wait_gone, watch

CORE = "/sys/kernel/config/target/core/user_0"
FABRIC = "/sys/kernel/config/target/loopback/naa.5001405f000000f1"
MADE = """
    set -e
    mkdir {core}/hot
    echo dev_config=keyreel-direct/{rig}/{drive}/9,dev_size=1048576 >{core}/hot/control
    echo nl_reply_supported=-1 >{core}/hot/control
    echo 1 >{core}/hot/enable
    echo 0 >{core}/hot/attrib/pgr_support
    mkdir -p {fabric}/tpgt_1/lun/lun_0
    echo naa.5001405f000000f2 >{fabric}/tpgt_1/nexus
    ln -s {core}/hot {fabric}/tpgt_1/lun/lun_0/hot
"""
GONE = """
    rm {fabric}/tpgt_1/lun/lun_0/hot
    rmdir {fabric}/tpgt_1/lun/lun_0
    echo NULL >{fabric}/tpgt_1/nexus
    rmdir {fabric}/tpgt_1 {fabric} {core}/hot
"""
PATIENCE = 60.0


def said(nodes: Nodes | None) -> list[str]:
    return [] if nodes is None else [nodes.serial, nodes.tape, nodes.sg]


def told(change: Change | None) -> list[object]:
    return [] if change is None else [change.added, *said(change.nodes)]


def main(rig: str, drive: str, serial: str) -> None:
    """Print what was seen."""
    names = {"rig": rig, "drive": drive, "core": CORE, "fabric": FABRIC}
    seen = watch()
    before = [said(nodes) for nodes in find_units()[serial]]
    subprocess.run(["sh", "-c", MADE.format(**names)], check=True)
    come = seen.next_change(PATIENCE)
    assert come is not None
    both = [said(nodes) for nodes in find_units()[serial]]
    waited = said(wait_for([serial], PATIENCE)[serial])
    # As udev would; no daemon runs here.
    tape = come.nodes.tape
    os.makedirs("/dev/tape/by-id", exist_ok=True)
    link = "/dev/tape/by-id/scsi-hot"
    os.symlink(tape.replace("nst", "st"), link)
    written = [tape, tape.replace("nst", "st"), tape + "a", come.nodes.sg, link]
    found = [said(find(name)) for name in written]
    devices.show(as_json=True)
    print("---")
    devices.show(as_json=False)
    print("---")
    os.unlink(link)
    subprocess.run(["sh", "-c", GONE.format(**names)], check=True)
    wait_gone(come.nodes, PATIENCE)
    gone = seen.next_change(PATIENCE)
    found_after = said(find(come.nodes.sg))
    result = {
        "before": before, "come": told(come), "both": both, "waited": waited, "found": found,
        "gone": told(gone), "found after": found_after,
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
