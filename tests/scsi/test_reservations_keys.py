"""Encryption keys that go with a reservation (CKORP, CKORL), and with the nexus that set them."""

from __future__ import annotations

import pytest

from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.encryption.keys import (
    ALL,
    DECRYPT,
    DISABLE,
    ENCRYPT,
    KEY_A,
    KEY_B,
    LOCAL,
    PUBLIC,
    set_keys,
    set_page,
    spin,
    spout,
)
from tests.scsi.persistent import (
    CLEAR,
    EA,
    EA_AR,
    EA_RO,
    PREEMPT,
    REGISTER,
    RELEASE,
    RESERVE,
    Client,
)
from tests.tape.host import GOOD, Host, sense_of

RES_A, RES_B = 0xA, 0xB


class Pair:
    """Two registered hosts at a drive, the first one a holder."""

    def __init__(self, host: Host, kind: int) -> None:
        self.host, self.other = host, Host(host.drive, "other")
        self.other.hear()
        self.a, self.b = Client(host.drive), Client(host.drive, "other")
        self.a.out(REGISTER, new=RES_A)
        self.b.out(REGISTER, new=RES_B)
        self.a.out(RESERVE, RES_A, kind=kind)


def used(host: Host) -> tuple[int, int, int]:
    """Scope of the set in use, encryption and decryption mode."""
    found = host.drive.parameters.of(host.nexus)
    return found.scope, found.encryption, found.decryption


@pytest.mark.parametrize("kind", [EA, EA_RO, EA_AR])
def test_ckorp_and_ckorl_need_a_reservation_that_the_nexus_works_under(
    host: Host, kind: int
) -> None:
    refused = Sense(s.INVALID_PARAMETER, pointer=(5, 1), in_cdb=False)
    page = set_page(key=KEY_A, encryption=ENCRYPT, ckorp=1)
    assert sense_of(spout(host, page)) == refused
    host.send(bytes((0x16, 0, 0, 0, 0, 0)))
    assert sense_of(spout(host, page)) == refused, "RESERVE is no persistent reservation"
    host.send(bytes((0x17, 0, 0, 0, 0, 0)))
    pair = Pair(host, kind)
    assert spout(host, page).status == GOOD
    assert spout(host, set_page(key=KEY_A, encryption=ENCRYPT, ckorl=1)).status == GOOD
    if kind != EA:
        assert spout(pair.other, page).status == GOOD, "a registrant works under it"


@pytest.mark.parametrize("kind", [EA, EA_RO, EA_AR])
def test_a_preempted_reservation_takes_the_key_with_it(host: Host, kind: int) -> None:
    pair = Pair(host, kind)
    set_keys(host, KEY_A, ckorp=1)
    pair.b.out(PREEMPT, RES_B, 0 if kind == EA_AR else RES_A, kind=EA)
    assert host.drive.parameters.shared is None
    assert host.hear() == [s.REGISTRATIONS_PREEMPTED, s.ENCRYPTION_CHANGED_BY_EVENT]
    assert used(pair.other) == (PUBLIC, DISABLE, DISABLE)


@pytest.mark.parametrize(
    ("action", "fields", "kept"),
    [
        ("preempt", {"ckorp": 1}, False),
        ("preempt", {"ckorl": 1}, True),
        ("preempt", {}, True),
        ("preempt itself", {"ckorp": 1}, True),
        ("release", {"ckorp": 1}, True),
        ("release", {"ckorl": 1}, False),
        ("release", {}, True),
        ("unregister", {"ckorl": 1}, False),
        ("unregister", {"ckorp": 1}, True),
        ("clear", {"ckorl": 1}, False),
        ("clear", {"ckorp": 1}, False),
        ("clear itself", {"ckorp": 1}, True),
        ("unregister the other", {"ckorp": 1, "ckorl": 1}, True),
        ("nexus loss", {"ckorp": 1, "ckorl": 1}, True),
    ],
)
def test_what_takes_which_key(host: Host, action: str, fields: dict[str, int], kept: bool) -> None:
    """CKORL: nobody holds the unit any more. CKORP: another nexus took it from its holder."""
    pair = Pair(host, EA_RO)
    set_keys(host, KEY_A, **fields)
    match action:
        case "preempt":
            pair.b.out(PREEMPT, RES_B, RES_A, kind=EA)
        case "preempt itself":
            pair.a.out(PREEMPT, RES_A, RES_A, kind=EA)
        case "release":
            pair.a.out(RELEASE, RES_A, kind=EA_RO)
        case "unregister":
            pair.a.out(REGISTER, RES_A)
        case "unregister the other":
            pair.b.out(PREEMPT, RES_B, RES_B)
        case "clear":
            pair.b.out(CLEAR, RES_B)
        case "clear itself":
            pair.a.out(CLEAR, RES_A)
        case "nexus loss":
            host.drive.nexus_lost(pair.other.nexus)
    assert (host.drive.parameters.shared is not None) == kept
    assert used(host)[1:] == ((ENCRYPT, DECRYPT) if kept else (DISABLE, DISABLE))


def test_a_lost_nexus_loses_its_own_key_and_no_other(host: Host) -> None:
    other = Host(host.drive, "other")
    other.hear()
    set_keys(other, KEY_B)
    set_keys(host, KEY_A, scope=LOCAL, lock=1)
    secret = host.drive.parameters.of(host.nexus).key
    assert host.write(b"under A").status == GOOD
    host.drive.nexus_lost(host.nexus)
    assert not any(secret.reveal())
    assert host.hear() == [s.NEXUS_LOSS]
    assert used(host) == used(other) == (ALL, ENCRYPT, DECRYPT)
    host.rewind()
    assert sense_of(host.read(10)).code is s.INCORRECT_KEY
    assert host.drive.parameters.scope(host.nexus) == PUBLIC
    assert not host.drive.parameters.stale(host.nexus)


def test_of_a_key_that_goes_with_a_lost_nexus_only_the_others_hear(host: Host) -> None:
    other = Host(host.drive, "other")
    set_keys(host, KEY_B)
    other.hear()
    host.send(bytes((0x16, 0, 0, 0, 0, 0)))
    set_keys(host, KEY_A, ckorl=1)
    host.send(bytes((0x17, 0, 0, 0, 0, 0)))
    assert host.hear() == [s.ENCRYPTION_CHANGED_BY_EVENT]
    spin(other, 0x0020)
    host.send(bytes((0x16, 0, 0, 0, 0, 0)))
    set_keys(host, KEY_A, ckorl=1)
    host.drive.nexus_lost(host.nexus)
    assert other.hear() == [s.ENCRYPTION_CHANGED_BY_OTHER, s.ENCRYPTION_CHANGED_BY_EVENT]
    assert host.hear() == [s.NEXUS_LOSS]
    assert used(other) == (PUBLIC, DISABLE, DISABLE)
