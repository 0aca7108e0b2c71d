"""open-iscsi in a guest: mutual CHAP, two hosts, blocks as long as the drive takes, a restart.

The tools' own tests run over iSCSI as well, see `ways`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.guest.api import Guest
from tests.e2e.tools import Tools, rig_guest
from tests.e2e.ways import Way

MIB = 1 << 20
TARGET = "iqn.2026-01.io.keyreel:secured:drive0"
SECRETS = ["secret of host 0", "secret of host 1", "secret of the target"]
CREDENTIALS = f"""
[initiators]
host0 = "{SECRETS[0]}"
host1 = "{SECRETS[1]}"
[target]
name = "keyreel"
secret = "{SECRETS[2]}"
"""
RIG = """
[rig]
name = "secured"
[iscsi]
credentials = "credentials.toml"
[[cartridge]]
barcode = "KRL001L9"
[[drive]]
name = "drive0"
model = "ibm/ult3580-td9"
cartridge = "KRL001L9"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the rig, its credentials and its state are."""
    return tmp_path_factory.mktemp("secured")


@pytest.fixture(scope="module")
def secured(folder: Path) -> Iterator[Guest]:
    """A guest whose two hosts have logged in with mutual CHAP."""
    file = folder / "credentials.toml"
    file.touch(0o600)
    file.write_text(CREDENTIALS, encoding="utf-8")
    with rig_guest(RIG, folder, Way(transport="iscsi", hosts=2)) as guest:
        yield guest


@pytest.fixture
def host0(secured: Guest, folder: Path) -> Tools:
    return Tools(secured, folder)


@pytest.fixture
def host1(secured: Guest, folder: Path) -> Tools:
    return Tools(secured, folder, "drive0@1")


def test_both_hosts_are_logged_in(host0: Tools, folder: Path) -> None:
    said = host0.ok("iscsiadm -m session -P 2")
    for number in range(2):
        assert f"Iface Initiatorname: iqn.2026-01.io.keyreel:host{number}\n" in said
        assert f"username: host{number}\n" in said
    assert said.count("username_in: keyreel\n") == 2
    assert f"Target: {TARGET} " in said
    assert not any(secret in said for secret in SECRETS)
    for log in (folder / "state").rglob("*.log"):
        assert not any(secret in log.read_text(encoding="utf-8") for secret in SECRETS)


def test_discovery_needs_the_secret(host0: Tools) -> None:
    discover = "iscsiadm -m discovery -t sendtargets -p 127.0.0.1 -o nonpersistent"
    host0.fails(discover)
    host0.ok(
        "{ cat /etc/iscsi/iscsid.conf; sed -n 's/^node.session.auth/discovery.sendtargets.auth/p'"
        " /etc/iscsi/nodes/*/*/host0; } >/etc/iscsi/new && mv /etc/iscsi/new /etc/iscsi/iscsid.conf"
    )
    assert set(host0.ok(discover).splitlines()) == {f"127.0.0.1:3260,1 {TARGET}"}


def test_hosts_are_nexuses_of_their_own(host0: Tools, host1: Tools) -> None:
    host0.run("mt -f $TAPE rewind")
    assert host0.raw("16 00 00 00 00 00").status == 0
    assert "Reservation" in host1.raw("01 00 00 00 00 00").text
    assert host0.raw("17 00 00 00 00 00").status == 0
    host1.ok("mt -f $TAPE rewind")


def test_blocks_as_long_as_the_drive_takes(host0: Tools) -> None:
    host0.ok("mt -f $TAPE rewind && mt -f $TAPE setblk 0")
    host0.ok(
        f"dd if=/dev/urandom of=block bs={8 * MIB} count=1 iflag=fullblock"
        f" && dd if=block of=$TAPE bs={8 * MIB} iflag=fullblock"
        f" && mt -f $TAPE rewind && dd if=$TAPE of=read bs={8 * MIB} && cmp block read"
    )


def test_a_wrong_secret_and_chap_one_way(host0: Tools) -> None:
    host0.ok(f"iscsiadm -m node -T {TARGET} -I host1 -u")
    change = f"iscsiadm -m node -T {TARGET} -I host1 -o update -n node.session.auth.password -v"
    host0.ok(f"{change} 'not the secret of it'")
    said = host0.fails(f"iscsiadm -m node -T {TARGET} -I host1 -l")
    assert "login failed due to authorization failure" in said
    host0.ok(
        f"{change} '{SECRETS[1]}' && sed -i '/_in = /d' /etc/iscsi/nodes/*/*/host1"
        f" && iscsiadm -m node -T {TARGET} -I host1 -l"
    )
    assert host0.ok("iscsiadm -m session -P 2").count("username_in: keyreel\n") == 1


def test_sessions_come_back_after_the_target_was_killed(secured: Guest, host0: Tools) -> None:
    host0.ok("mt -f $TAPE rewind")
    secured.restart_target()
    # The loss of the nexus is told to the first command, and st cannot know where the tape is.
    host0.run("mt -f $TAPE rewind")
    host0.ok("mt -f $TAPE rewind && mt -f $TAPE status")
