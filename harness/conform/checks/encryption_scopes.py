"""Whose key is whose: scopes, two nexuses, unit attentions, reservations (SSC-4 4.2.22)."""

from __future__ import annotations

from harness.conform.encryption import (
    ALL,
    DISABLE,
    ENCRYPT,
    KEY_A,
    KEY_B,
    LOCAL,
    MIXED,
    PUBLIC,
    Drive,
    ask,
    block,
    encryption_check,
)
from harness.conform.encryption_cdbs import out_cdb
from harness.conform.encryption_codes import BY_EVENT, BY_OTHER
from harness.conform.subject import GOOD, RESERVATION_CONFLICT
from harness.layers.cdb import Inquiry, Release6, RequestSense, Reserve6, Rewind
from harness.layers.sense import dissect_sense

CLAUSE = "SSC-4 4.2.22 (saved information per I_T nexus)"
TOPIC, ATTENTIONS = "scopes", "unit attentions"
DATA = block(5, "scope")


def _other(drive: Drive, *capabilities: str) -> Drive:
    """The second nexus. NotApplicable without one or without those scopes."""
    drive.need_management(*capabilities)
    return drive.second


# --- who uses what -------------------------------------------------------------------------------


@encryption_check("ENC-SCOPE-ALL", CLAUSE, TOPIC, "A key for all, and another nexus")
def used_by_all(drive: Drive) -> None:
    "The other nexus writes and reads with it, and its status page tells the modes."
    other = _other(drive, "aitn_c")
    drive.unit.blank()
    drive.set(scope=ALL)
    other.heard()
    drive.unit.expect("modes of the other", drive.status().modes, other.status().modes)
    other.write_block(DATA)
    drive.unit.good(Rewind())
    other.reads(DATA)
    drive.off()
    other.heard()
    drive.unit.good(Rewind())
    other.read_refused("off")


@encryption_check("ENC-SCOPE-LOCAL", CLAUSE, TOPIC, "A key of one nexus, and another nexus")
def private(drive: Drive) -> None:
    "The other nexus has no key: it cannot read the block, and writes in clear."
    other = _other(drive, "local_c")
    drive.unit.blank()
    drive.set(scope=LOCAL)
    drive.unit.expect("modes of the other", (DISABLE, DISABLE), other.status().modes)
    drive.write_block(DATA)
    drive.unit.good(Rewind())
    other.read_refused("off")
    other.write_block(b"clear")
    drive.unit.good(Rewind())
    other.reads(b"clear")


@encryption_check("ENC-SCOPE-TWO-LOCAL", CLAUSE, TOPIC, "A key of each nexus")
def two_keys(drive: Drive) -> None:
    "Each writes and reads with its own, and gets 7/74/03 for the other's block."
    other = _other(drive, "local_c")
    drive.unit.blank()
    drive.set(scope=LOCAL, key=KEY_A)
    other.set(scope=LOCAL, key=KEY_B)
    drive.need_two_sets()
    drive.write_block(b"of the first")
    other.write_block(b"of the second")
    drive.unit.good(Rewind())
    other.read_refused("wrong")
    drive.reads(b"of the first")
    drive.read_refused("wrong")
    other.reads(b"of the second")


@encryption_check("ENC-SCOPE-LOCAL-FIRST", CLAUSE, TOPIC, "A key for all, and a nexus with its own")
def local_first(drive: Drive) -> None:
    "Its own comes first; back in scope PUBLIC it uses the key for all."
    other = _other(drive, "local_c", "aitn_c", "public_c")
    drive.unit.blank()
    drive.set(scope=ALL, key=KEY_A)
    other.heard()
    drive.write_block(DATA)
    other.set(scope=LOCAL, key=KEY_B)
    drive.need_two_sets()
    drive.unit.good(Rewind())
    other.read_refused("wrong")
    other.set(scope=PUBLIC)
    other.reads(DATA)
    drive.unit.good(Rewind())
    drive.reads(DATA)


@encryption_check(
    "ENC-SCOPE-LOCAL-OFF", CLAUSE, TOPIC, "A key for all, and a nexus with none of its own"
)
def local_off(drive: Drive) -> None:
    """Scope LOCAL with both modes DISABLE is a set as well: that nexus writes in clear, the first
    one encrypts as before."""
    other = _other(drive, "local_c", "aitn_c")
    drive.unit.blank()
    drive.set(scope=ALL)
    other.heard()
    other.off(scope=LOCAL)
    drive.need_two_sets()
    drive.unit.expect("modes of the other", (DISABLE, DISABLE), other.status().modes)
    if not drive.storagetek:
        drive.write_block(b"of the first")
    other.write_block(DATA)
    drive.unit.good(Rewind())
    if not drive.storagetek:
        other.read_refused("off")
        drive.reads(b"of the first")
    other.reads(DATA)


@encryption_check("ENC-SCOPE-ALL-REPLACED", CLAUSE, TOPIC, "Another nexus replaces the key for all")
def replaced(drive: Drive) -> None:
    "The nexus that set the first key uses the second one now."
    other = _other(drive, "aitn_c")
    drive.unit.blank()
    drive.set(scope=ALL, key=KEY_A)
    other.heard()
    other.set(scope=ALL, key=KEY_B)
    drive.heard()
    drive.write_block(DATA)
    drive.off()
    other.heard()
    drive.unit.good(Rewind())
    drive.set(key=KEY_A)
    drive.read_refused("wrong")
    drive.set(key=KEY_B)
    drive.reads(DATA)


@encryption_check("ENC-SCOPE-ALL-OFF", CLAUSE, TOPIC, "Another nexus turns the key for all off")
def turned_off(drive: Drive) -> None:
    "The nexus that set it writes in clear, and is told so before."
    other = _other(drive, "aitn_c")
    drive.unit.blank()
    drive.set(scope=ALL)
    other.heard()
    other.off(scope=ALL)
    drive.unit.require("attentions", drive.heard(), "one at least", "none")
    drive.unit.expect("modes", (DISABLE, DISABLE), drive.status().modes)
    drive.write_block(DATA)
    drive.unit.good(Rewind())
    drive.reads(DATA)


@encryption_check("ENC-SCOPE-PUBLIC-RELEASES", CLAUSE, TOPIC, "From LOCAL to PUBLIC")
def released(drive: Drive) -> None:
    "With no key for all there is no key any more: the block is not read."
    drive.need_management("local_c", "public_c")
    drive.unit.blank()
    drive.off()
    drive.set(scope=LOCAL)
    drive.write_block(DATA)
    drive.set(scope=PUBLIC)
    drive.unit.expect("scope", PUBLIC, drive.status().i_t_nexus_scope)
    drive.unit.good(Rewind())
    drive.read_refused("off")
    drive.set()
    drive.reads(DATA)


@encryption_check("ENC-SCOPE-LOCAL-KEY-READS-ALL", CLAUSE, TOPIC, "The scope is not on the tape")
def scope_is_not_stored(drive: Drive) -> None:
    "A block written with scope LOCAL is read by another nexus with the same key for all."
    other = _other(drive, "local_c", "aitn_c")
    drive.unit.blank()
    drive.set(scope=LOCAL)
    drive.write_block(DATA)
    other.set(DISABLE, MIXED, scope=ALL)
    drive.heard()
    drive.unit.good(Rewind())
    other.reads(DATA)


@encryption_check(
    "ENC-SCOPE-READ-AHEAD", CLAUSE, TOPIC, "A nexus without a key behind one that reads"
)
def read_ahead(drive: Drive) -> None:
    "What the drive has read ahead, and decrypted, for the nexus with the key is not the other's."
    other = _other(drive, "local_c")
    blocks = drive.tape("AAA")
    other.heard()
    drive.set(scope=LOCAL)
    drive.reads(blocks[0])
    other.read_refused("off")
    drive.reads(blocks[1])
    other.read_refused("off")


# --- who hears of it -----------------------------------------------------------------------------

UA = "SSC-4 4.2.22 (unit attentions), SAM-5 5.14"


@encryption_check("ENC-UA-ALL", UA, ATTENTIONS, "A key for all is set")
def all_hear(drive: Drive) -> None:
    "The other nexus hears 6/2A/11, once; the sender hears nothing."
    other = _other(drive, "aitn_c")
    drive.set(scope=ALL)
    drive.unit.expect("attentions of the other", [BY_OTHER], other.heard())
    drive.unit.expect("attentions of the other, later", [], other.heard())
    drive.unit.expect("attentions of the sender", [], drive.heard())


@encryption_check("ENC-UA-OFF", UA, ATTENTIONS, "The key for all is turned off")
def off_is_heard(drive: Drive) -> None:
    "The other nexus, which used it, hears 6/2A/11."
    other = _other(drive, "aitn_c")
    drive.set(scope=ALL)
    other.heard()
    drive.off()
    drive.unit.expect("attentions of the other", [BY_OTHER], other.heard())


@encryption_check("ENC-UA-LOCAL", UA, ATTENTIONS, "A key of one nexus is set")
def local_is_not_heard(drive: Drive) -> None:
    "The other nexus hears nothing: for it nothing has changed."
    other = _other(drive, "local_c")
    drive.set(scope=LOCAL)
    drive.unit.expect("attentions of the other", [], other.heard())


@encryption_check("ENC-UA-PUBLIC", UA, ATTENTIONS, "A nexus gives its own key up")
def public_is_not_heard(drive: Drive) -> None:
    "The other nexus hears nothing."
    other = _other(drive, "local_c", "public_c")
    drive.set(scope=LOCAL)
    other.heard()
    drive.set(scope=PUBLIC)
    drive.unit.expect("attentions of the other", [], other.heard())


@encryption_check("ENC-UA-REFUSED", UA, ATTENTIONS, "A page for all that is refused")
def refused_is_not_heard(drive: Drive) -> None:
    "The other nexus hears nothing."
    other = _other(drive, "aitn_c")
    drive.refused(drive.make(encryption=9, scope=ALL))
    drive.unit.expect("attentions of the other", [], other.heard())


@encryption_check("ENC-UA-OWN-KEY", UA, ATTENTIONS, "A key for all, and a nexus with its own")
def own_key(drive: Drive) -> None:
    "It hears nothing: its own parameters stay."
    other = _other(drive, "local_c", "aitn_c")
    other.set(scope=LOCAL, key=KEY_B)
    drive.set(scope=ALL, key=KEY_A)
    heard = other.heard()
    if BY_EVENT in heard:
        drive.unit.skip(f"the drive keeps one set of parameters: {BY_EVENT}")
    drive.unit.expect("attentions of the other", [], heard)


@encryption_check("ENC-UA-ASKING", UA, ATTENTIONS, "Asking for pages")
def asking_is_not_heard(drive: Drive) -> None:
    "SECURITY PROTOCOL IN changes nothing: the other nexus hears nothing."
    other = _other(drive)
    for page in drive.facts.pages_in:
        ask(drive.unit, page)
    drive.unit.expect("attentions of the other", [], other.heard())


@encryption_check("ENC-UA-WRITE", UA, ATTENTIONS, "WRITE while the change is pending")
def write_is_not_done(drive: Drive) -> None:
    "6/2A/11, nothing is written; the WRITE after it is done, with the new key."
    other = _other(drive, "aitn_c")
    drive.unit.blank()
    drive.set(scope=ALL)
    cdb = b"\x0a\x00" + len(DATA).to_bytes(3) + b"\x00"
    other.unit.refused(cdb, BY_OTHER, out=DATA)
    drive.unit.expect("position", 0, drive.position())
    other.write_block(DATA)
    drive.off()
    drive.unit.good(Rewind())
    drive.read_refused("off")


@encryption_check("ENC-UA-SECURITY", UA, ATTENTIONS, "A page while the change is pending")
def page_is_not_taken(drive: Drive) -> None:
    "6/2A/11, the page is not taken; the same page is, when it is sent again."
    other = _other(drive, "aitn_c")
    drive.set(scope=ALL, key=KEY_A)
    page = other.make(scope=ALL, key=KEY_B)
    before = drive.status()
    other.unit.refused(out_cdb(len(page)), BY_OTHER, out=page)
    drive.unit.expect("status page", before, drive.status())
    other.unit.good(out_cdb(len(page)), out=page)


@encryption_check("ENC-UA-INQUIRY", UA, ATTENTIONS, "INQUIRY while the change is pending")
def inquiry_passes(drive: Drive) -> None:
    "GOOD, and the attention stays for the command after it."
    other = _other(drive, "aitn_c")
    drive.set(scope=ALL)
    other.unit.good(Inquiry(allocation_length=36), size=36)
    drive.unit.expect("attentions of the other", [BY_OTHER], other.heard())


@encryption_check(
    "ENC-UA-REQUEST-SENSE", UA, ATTENTIONS, "REQUEST SENSE while the change is pending"
)
def request_sense(drive: Drive) -> None:
    "GOOD with 6/2A/11 as data, and the attention is gone."
    other = _other(drive, "aitn_c")
    drive.set(scope=ALL)
    answer = other.unit.good(RequestSense(allocation_length=252), size=252)
    drive.unit.expect("sense data", BY_OTHER, dissect_sense(answer.data).code)
    drive.unit.expect("attentions of the other", [], other.heard())


# --- reservations --------------------------------------------------------------------------------


@encryption_check("ENC-RESERVED-OUT", "SPC-2 7.21", TOPIC, "A key under another nexus' RESERVE(6)")
def reserved(drive: Drive) -> None:
    "RESERVATION CONFLICT; no key is set."
    drive.unit.need(0x16)
    other = _other(drive)
    before = drive.status()
    other.unit.cleanup(lambda: other.unit.do(Release6()))
    other.unit.good(Reserve6())
    page = drive.make()
    answer = drive.unit.do(out_cdb(len(page)), out=page)
    drive.unit.expect("status", RESERVATION_CONFLICT, answer.status)
    other.unit.good(Release6())
    drive.unit.expect("status page", before, drive.status())


@encryption_check("ENC-RESERVED-OWN", "SPC-2 7.21", TOPIC, "A key under one's own RESERVE(6)")
def own_reservation(drive: Drive) -> None:
    "GOOD, and the key is used."
    drive.unit.need(0x16)
    drive.unit.cleanup(lambda: drive.unit.do(Release6()))
    drive.unit.good(Reserve6())
    page = drive.make()
    drive.unit.expect("status", GOOD, drive.send(page).status)
    drive.unit.expect("ENCRYPTION MODE", ENCRYPT, drive.status().encryption_mode)
