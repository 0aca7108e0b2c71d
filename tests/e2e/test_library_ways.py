"""A library by each way in, with two hosts; what it keeps; a model with addresses of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.library import Shelf
from tests.e2e.tools import cartridge, rig_guest
from tests.e2e.ways import WAYS

pytestmark = pytest.mark.guest

CONFLICT = 24
"""Exit status of sg3 utilities after RESERVATION CONFLICT."""
RESERVE = "sg_persist -n -o"
RIG = f"""
[rig]
name = "ways"
{cartridge("KRL001L9")}{cartridge("KRL002L9")}
[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
[[library]]
name = "tower"
model = "ibm/3584-l32"
[[library.partition]]
name = "my-part"
drives = ["drive0"]
slots = 4
mail_slots = 1
cartridges = ["KRL001L9", "KRL002L9"]
hosts = 2
"""
HOSTS = ("MY_PART", "MY_PART_HOST1")
HEAR = "".join(
    f"i=0; until sg_turs ${host} 2>/dev/null; do i=$((i+1)); [ $i -lt 600 ]; sleep 0.1; done\n"
    for host in HOSTS
)


@pytest.fixture(scope="module", params=["tcmu", "tcmu-runner", "iscsi", "qemu"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shelf]:
    """A guest with two hosts of one changer, by each way."""
    folder = tmp_path_factory.mktemp("ways")
    with rig_guest(RIG, folder, WAYS[request.param]) as guest:
        yield Shelf(guest, folder)


def test_two_hosts_of_a_changer(pair: Shelf) -> None:
    pair.ok(HEAR)
    assert pair.mtx(changer=HOSTS[0]) == ({}, {1: "KRL001L9", 2: "KRL002L9"}, (1, 5, 1))
    assert pair.mtx("load 1 0", changer=HOSTS[0]).drives == {0: ("KRL001L9", 1)}
    pair.ok("mt -f $DRIVE0 status | grep BOT && mt -f $DRIVE0 offline")
    # The drive's own host is none of the changer's: they meet in the library.
    now = pair.mtx("unload 3 0", "transfer 2 5", changer=HOSTS[1])
    assert now.slots == {3: "KRL001L9", 5: "KRL002L9"}
    assert pair.mtx(changer=HOSTS[0]) == now
    # One reserves it, the other is shut out.
    pair.ok(f"{RESERVE} -G -S 1 $MY_PART_SG && {RESERVE} -R -K 1 -T 3 $MY_PART_SG")
    assert pair.run("sg_raw $MY_PART_HOST1 07 00 00 00 00 00")[0] == CONFLICT
    pair.ok(f"{RESERVE} -C -K 1 $MY_PART_SG")
    pair.ok(HEAR)
    # The target dies and comes back: nothing has moved, each host hears of it.
    pair.guest.restart_target()
    pair.ok(HEAR)
    assert pair.mtx(changer=HOSTS[1]) == now
    pair.mtx("transfer 3 1", "transfer 5 2", changer=HOSTS[1])


def test_a_library_is_as_it_was_left(tmp_path: Path) -> None:
    with rig_guest(RIG, tmp_path) as guest:
        Shelf(guest, tmp_path).mtx("load 1 0", "transfer 2 5", changer="MY_PART")
    with rig_guest(RIG.replace("hosts = 2", ""), tmp_path) as guest:
        shelf = Shelf(guest, tmp_path)
        now = shelf.mtx(changer="MY_PART")
        assert now.drives == {0: ("KRL001L9", 1)}
        assert now.slots == {5: "KRL002L9"}
        assert "ONLINE" in shelf.ok("mt -f $DRIVE0 status")
