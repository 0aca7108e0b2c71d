"""Defects of data encryption (SSC-4 4.2.22 and 8.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keymgr.secret import Secret
from target.encryption import pages
from target.encryption.parameters import Decryption, Encryption, ParameterSet, Scope
from target.faults.defect import defect
from target.faults.defects_keys import Established, during
from target.faults.patches import Handler, Patches
from target.medium.crypt import KEY_SIZE
from target.scsi import sense as s
from target.scsi.command import STATUS_GOOD, Call, Completion, Nexus
from target.scsi.sense import CheckCondition, Sense
from target.tape.drive import Drive

_OUT, _IN = "SECURITY PROTOCOL OUT", "SECURITY PROTOCOL IN"
_SPIN = 0xA2


def _establish(patches: Patches, around: Callable[..., set[Nexus]]) -> None:
    patches.wrap(patches.drive.parameters, "establish", around)


def _uses(patches: Patches, name: str, change: Callable[[ParameterSet], ParameterSet]) -> None:
    """One command works with other parameters than the nexus has."""
    during(patches, name, lambda real, nexus: change(real(nexus)))


def _page(patches: Patches, code: int, change: Callable[[bytearray], None]) -> None:
    """A page of SECURITY PROTOCOL IN, protocol 20h, is another one."""

    def at_page(cdb: bytes, data: bytearray) -> None:
        if cdb[1] == pages.PROTOCOL_TAPE and int.from_bytes(cdb[2:4], "big") == code:
            change(data)

    patches.data(_SPIN, at_page)


# --- Set Data Encryption -----------------------------------------------------------------------


@defect("lock-ignored", "LOCK is taken as 0: a nexus writes on with parameters that others set.")
def _lock(drive: Drive, patches: Patches) -> None:
    def establish(
        real: Established, nexus: Nexus, scope: Scope, new: Any, lock: bool
    ) -> set[Nexus]:
        return real(nexus, scope, new, False)

    _establish(patches, establish)


@defect("scope-ignored", "Parameters with scope LOCAL are used by all nexuses.")
def _scope(drive: Drive, patches: Patches) -> None:
    def establish(
        real: Established, nexus: Nexus, scope: Scope, new: Any, lock: bool
    ) -> set[Nexus]:
        return real(nexus, Scope.ALL if scope is Scope.LOCAL else scope, new, lock)

    _establish(patches, establish)


@defect("public-keeps-key", "Scope PUBLIC is GOOD and does not take a nexus' own parameters away.")
def _public(drive: Drive, patches: Patches) -> None:
    def establish(
        real: Established, nexus: Nexus, scope: Scope, new: Any, lock: bool
    ) -> set[Nexus]:
        return set() if scope is Scope.PUBLIC else real(nexus, scope, new, lock)

    _establish(patches, establish)


@defect("disable-ignored", "Both modes DISABLE is GOOD and leaves the key in use.")
def _disable(drive: Drive, patches: Patches) -> None:
    def establish(
        real: Established, nexus: Nexus, scope: Scope, new: ParameterSet | None, lock: bool
    ) -> set[Nexus]:
        return real(nexus, scope, new, lock) if new is None or new.active else set()

    _establish(patches, establish)


@defect("key-change-silent", "Other nexuses do not hear that their parameters were changed.")
def _silent(drive: Drive, patches: Patches) -> None:
    def establish(real: Established, *arguments: Any) -> set[Nexus]:
        real(*arguments)
        return set()

    _establish(patches, establish)


def _points(sense: Sense, first: int, last: int) -> bool:
    return sense.code is s.INVALID_PARAMETER and first <= (sense.pointer or (-1, None))[0] <= last


@defect("key-length-accepted", "A key of another length than the algorithm's is accepted.")
def _key_length(drive: Drive, patches: Patches) -> None:
    patches.accepts(_OUT, lambda sense: _points(sense, 18, 19))


@defect("algorithm-accepted", "An algorithm index that is not there is accepted.")
def _algorithm(drive: Drive, patches: Patches) -> None:
    patches.accepts(_OUT, lambda sense: _points(sense, 8, 8))


@defect("mode-accepted", "An encryption or decryption mode that is not there is accepted.")
def _mode(drive: Drive, patches: Patches) -> None:
    patches.accepts(_OUT, lambda sense: _points(sense, 6, 7))


@defect("kad-accepted", "Key-associated data that are wrong are accepted.")
def _kad_accepted(drive: Drive, patches: Patches) -> None:
    patches.accepts(_OUT, lambda sense: _points(sense, 20, 0xFFFF))


@defect("list-reserved-accepted", "Reserved bits of Set Data Encryption, and SDK, are accepted.")
def _list_reserved(drive: Drive, patches: Patches) -> None:
    patches.accepts(_OUT, lambda sense: _points(sense, 4, 5) or _points(sense, 11, 17))


@defect("list-length-accepted", "Set Data Encryption whose page length is wrong is accepted.")
def _list_length(drive: Drive, patches: Patches) -> None:
    patches.accepts(
        _OUT, lambda sense: sense.code is s.PARAMETER_LIST_LENGTH or _points(sense, 2, 3)
    )


@defect("ckod-without-volume", "CKOD is accepted although no volume is mounted.")
def _ckod_without(drive: Drive, patches: Patches) -> None:
    patches.accepts(_OUT, lambda sense: _points(sense, 5, 5))


# --- keys that should go -----------------------------------------------------------------------


def _nobody() -> set[Nexus]:
    return set()


@defect("ckod-ignored", "A key with CKOD stays when the volume is unloaded.")
def _ckod(drive: Drive, patches: Patches) -> None:
    patches.set(drive.parameters, "demounted", _nobody)


@defect("ckorl-ignored", "A key with CKORL stays when the reservation is lost.")
def _ckorl(drive: Drive, patches: Patches) -> None:
    patches.set(drive.parameters, "reservation_lost", _nobody)


@defect("ckorp-ignored", "A key with CKORP stays when the reservation is preempted.")
def _ckorp(drive: Drive, patches: Patches) -> None:
    patches.set(drive.parameters, "reservation_preempted", _nobody)


@defect("reset-keeps-key", "Keys stay at a reset.")
def _reset_keeps(drive: Drive, patches: Patches) -> None:
    patches.set(drive.parameters, "reset", lambda: None)


@defect("nexus-loss-keeps-key", "A key with scope LOCAL stays when its nexus is lost.")
def _nexus_loss(drive: Drive, patches: Patches) -> None:
    patches.set(drive.parameters, "nexus_gone", lambda nexus: None)


# --- writing and reading -----------------------------------------------------------------------


@defect("stored-in-clear", "Blocks are written in clear although encryption is on.")
def _stored_in_clear(drive: Drive, patches: Patches) -> None:
    _uses(patches, "WRITE(6)", lambda used: replace(used, encryption=Encryption.DISABLE))


@defect("external-in-clear", "EXTERNAL writes blocks in clear, whatever they are.")
def _external(drive: Drive, patches: Patches) -> None:
    def change(used: ParameterSet) -> ParameterSet:
        if used.encryption is not Encryption.EXTERNAL:
            return used
        return replace(used, encryption=Encryption.DISABLE)

    _uses(patches, "WRITE(6)", change)


@defect("decrypt-as-mixed", "DECRYPT reads blocks in clear, as MIXED does.")
def _decrypt_as_mixed(drive: Drive, patches: Patches) -> None:
    _read_as(patches, Decryption.DECRYPT, Decryption.MIXED)


@defect("mixed-as-decrypt", "MIXED refuses blocks in clear, as DECRYPT does.")
def _mixed_as_decrypt(drive: Drive, patches: Patches) -> None:
    _read_as(patches, Decryption.MIXED, Decryption.DECRYPT)


def _read_as(patches: Patches, asked: Decryption, done: Decryption) -> None:
    def change(used: ParameterSet) -> ParameterSet:
        return replace(used, decryption=done) if used.decryption is asked else used

    _uses(patches, "READ(6)", change)


@defect("ceem-ignored", "CEEM is not looked at when a block is read.")
def _ceem(drive: Drive, patches: Patches) -> None:
    _uses(patches, "READ(6)", lambda used: replace(used, ceem=0))


@defect("rdmc-ignored", "RDMC is not looked at: blocks are never marked against raw reading.")
def _rdmc(drive: Drive, patches: Patches) -> None:
    _uses(patches, "WRITE(6)", lambda used: replace(used, raw_disabled=False))


@defect("raw-decrypted", "RAW returns what the block holds, decrypted with the key last set.")
def _raw(drive: Drive, patches: Patches) -> None:
    kept = Secret(bytes(KEY_SIZE))
    patches.later(kept.wipe)

    def establish(
        real: Established, nexus: Nexus, scope: Scope, new: ParameterSet | None, lock: bool
    ) -> set[Nexus]:
        if new is not None and len(new.key) == KEY_SIZE:
            kept.reveal()[:] = new.key.reveal()
        return real(nexus, scope, new, lock)

    def change(used: ParameterSet) -> ParameterSet:
        if used.decryption is not Decryption.RAW:
            return used
        return replace(used, decryption=Decryption.MIXED, key=kept)

    _establish(patches, establish)
    _uses(patches, "READ(6)", change)


@defect("wrong-key-reads", "A block is read with a wrong key: GOOD, and zeros.")
def _wrong_key_reads(drive: Drive, patches: Patches) -> None:
    _reads_zeros(patches, s.INCORRECT_KEY)


@defect("no-key-reads", "An encrypted block is read with decryption off: GOOD, and zeros.")
def _no_key_reads(drive: Drive, patches: Patches) -> None:
    _reads_zeros(patches, s.ENCRYPTED_NOT_READABLE)


def _reads_zeros(patches: Patches, refused: s.Code) -> None:
    def read(real: Handler, drive: Drive, call: Call) -> Completion:
        try:
            return real(drive, call)
        except CheckCondition as condition:
            if condition.sense.code is not refused:
                raise
            length = drive.partition.index[drive.position].length
            drive.position += 1
            return Completion(STATUS_GOOD, b"", call.reply(bytes(length), length).length)

    patches.handler("READ(6)", read)


@defect("wrong-key-sense", "A wrong key is MEDIUM ERROR, 3/11/00, and not 7/74/03.")
def _wrong_key_sense(drive: Drive, patches: Patches) -> None:
    def change(sense: Sense) -> Sense:
        return replace(sense, code=s.READ_ERROR) if sense.code is s.INCORRECT_KEY else sense

    patches.sense(change)


@defect("no-key-sense", "An encrypted block without a key is MEDIUM ERROR and not DATA PROTECT.")
def _no_key_sense(drive: Drive, patches: Patches) -> None:
    def change(sense: Sense) -> Sense:
        refused = sense.code is s.ENCRYPTED_NOT_READABLE
        return replace(sense, code=s.READ_ERROR) if refused else sense

    patches.sense(change)


# --- pages -------------------------------------------------------------------------------------


@defect("counter-stuck", "The key instance counter does not move.")
def _counter(drive: Drive, patches: Patches) -> None:
    def stick(data: bytearray) -> None:
        data[8:12] = bytes(len(data[8:12]))

    _page(patches, pages.STATUS, stick)


@defect("status-scope-wrong", "Data Encryption Status always tells scope PUBLIC.")
def _status_scope(drive: Drive, patches: Patches) -> None:
    def clear(data: bytearray) -> None:
        data[4:5] = bytes(len(data[4:5]))

    _page(patches, pages.STATUS, clear)


@defect("status-modes-swapped", "Data Encryption Status has its two modes in each other's place.")
def _status_modes(drive: Drive, patches: Patches) -> None:
    def swap(data: bytearray) -> None:
        data[5:7] = data[5:7][::-1]

    _page(patches, pages.STATUS, swap)


@defect("vcelb-missing", "VCELB is 0 although the volume has encrypted blocks.")
def _vcelb(drive: Drive, patches: Patches) -> None:
    def clear(data: bytearray) -> None:
        data[12:13] = bytes(one & ~0x08 for one in data[12:13])

    _page(patches, pages.STATUS, clear)


@defect("next-block-clear", "Next Block Encryption Status says of every block that it is in clear.")
def _next_clear(drive: Drive, patches: Patches) -> None:
    def clear(data: bytearray) -> None:
        if len(data) > 12 and data[12] & 0x0F > pages.CLEAR:
            data[12] = data[12] & 0xF0 | pages.CLEAR

    _page(patches, pages.NEXT_BLOCK, clear)


@defect(
    "next-block-number", "Next Block Encryption Status is about object 0, wherever the tape is."
)
def _next_number(drive: Drive, patches: Patches) -> None:
    def clear(data: bytearray) -> None:
        data[4:12] = bytes(len(data[4:12]))

    _page(patches, pages.NEXT_BLOCK, clear)


def _descriptors(data: bytearray, at: int) -> list[bytes]:
    """The KAD descriptors from an offset on."""
    found = []
    while at + 4 <= len(data):
        end = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
        found.append(bytes(data[at:end]))
        at = end
    return found


def _kads(patches: Patches, change: Callable[[list[bytes]], list[bytes]]) -> None:
    def at(size: int) -> Callable[[bytearray], None]:
        def rewrite(data: bytearray) -> None:
            data[size:] = b"".join(change(_descriptors(data, size)))
            if len(data) >= size:
                data[2:4] = (len(data) - 4).to_bytes(2, "big")

        return rewrite

    _page(patches, pages.STATUS, at(pages.STATUS_PAGE.size))
    _page(patches, pages.NEXT_BLOCK, at(pages.NEXT_BLOCK_PAGE.size))


@defect("kad-missing", "Key-associated data are not returned.")
def _kad_missing(drive: Drive, patches: Patches) -> None:
    _kads(patches, lambda found: [])


@defect("kad-order", "Key-associated data are returned in descending order.")
def _kad_order(drive: Drive, patches: Patches) -> None:
    _kads(patches, lambda found: found[::-1])


@defect("kad-authenticated", "AUTHENTICATED of key-associated data is always 0.")
def _kad_authenticated(drive: Drive, patches: Patches) -> None:
    _kads(patches, lambda found: [one[:1] + b"\0" + one[2:] for one in found])


@defect("kad-cut", "Key-associated data lose their last byte.")
def _kad_cut(drive: Drive, patches: Patches) -> None:
    def cut(one: bytes) -> bytes:
        size = max(0, int.from_bytes(one[2:4], "big") - 1)
        return one[:2] + size.to_bytes(2, "big") + one[4 : 4 + size]

    _kads(patches, lambda found: list(map(cut, found)))


@defect("spin-length-cut", "PAGE LENGTH of SECURITY PROTOCOL IN is what was returned, not all.")
def _spin_length(drive: Drive, patches: Patches) -> None:
    def cut(cdb: bytes, data: bytearray) -> None:
        if cdb[1] == pages.PROTOCOL_TAPE and len(data) >= 4:
            data[2:4] = (len(data) - 4).to_bytes(2, "big")

    patches.data(_SPIN, cut)


@defect(
    "spin-page-accepted", "A page of SECURITY PROTOCOL IN that is not there is returned, empty."
)
def _spin_page(drive: Drive, patches: Patches) -> None:
    def handler(real: Handler, drive: Drive, call: Call) -> Completion:
        try:
            return real(drive, call)
        except CheckCondition as condition:
            if condition.sense.pointer is None or condition.sense.pointer[0] != 2:
                raise
            return call.reply(call["page"].to_bytes(2, "big") + b"\0\0", call["allocation_length"])

    patches.handler(_IN, handler)


@defect("spin-pages-incomplete", "The list of SECURITY PROTOCOL IN pages leaves out 0021h.")
def _spin_pages(drive: Drive, patches: Patches) -> None:
    def leave_out(data: bytearray) -> None:
        codes = [bytes(data[at : at + 2]) for at in range(4, len(data), 2)]
        data[4:] = b"".join(code for code in codes if code != b"\0\x21")
        data[2:4] = (len(data) - 4).to_bytes(2, "big")

    _page(patches, pages.IN_SUPPORT, leave_out)


@defect("capabilities-key-size", "The algorithm descriptor tells keys of 16 bytes.")
def _key_size(drive: Drive, patches: Patches) -> None:
    def halve(data: bytearray) -> None:
        if len(data) >= 32:
            data[30:32] = b"\0\x10"

    _page(patches, pages.CAPABILITIES, halve)
