"""What the checks of tape encryption share: what a drive says that it can do, keys, tapes.

A check knows a drive by what the drive reports, and nothing else, but for two things: makers'
own sense codes, and that StorageTek's drives encrypt whole volumes and need keys to position. Both
are told from the vendor identification of INQUIRY and are public (see `encryption_codes`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from harness.conform import commands as c
from harness.conform.check import Failure, NotApplicable, check
from harness.conform.encryption_cdbs import TAPE, in_cdb, out_cdb
from harness.conform.encryption_codes import (
    BY_EVENT,
    CODES,
    FAIL_LIMIT,
    INCOMPLETE_KADS,
    INVALID_CDB,
    INVALID_LIST,
    MAKERS,
    NOT_BY_HOSTS,
    STORAGETEK,
    WHOLE_VOLUMES,
)
from harness.conform.encryption_pages import (
    Algorithm,
    Management,
    NextBlock,
    Status,
    algorithms,
    kad,
    set_page,
)
from harness.conform.subject import GOOD, Answer, Subject

IN_SUPPORT, OUT_SUPPORT = 0x0000, 0x0001
CAPABILITIES, KEY_FORMATS, MANAGEMENT = 0x0010, 0x0011, 0x0012
STATUS, NEXT_BLOCK, RANDOM, PUBLIC_KEY = 0x0020, 0x0021, 0x0030, 0x0031

PUBLIC, LOCAL, ALL = 0, 1, 2
DISABLE, EXTERNAL, ENCRYPT = 0, 1, 2
RAW, DECRYPT, MIXED = 1, 2, 3
U_KAD, A_KAD, NONCE, M_KAD = 0, 1, 2, 3

CANNOT_NOW, NO_BLOCK, CLEAR, OPEN, CLOSED = 1, 2, 3, 5, 6
"""ENCRYPTION STATUS of the next block."""

REWIND, READ_POSITION = c.REWIND, c.read_position()
ROOM = 8192
"""Bytes of data-in for pages and blocks: more than any of these checks needs."""


def key_named(name: str) -> bytes:
    """A key of no use but to these checks."""
    return sha256(f"keyreel conformance suite, test key {name}".encode()).digest()


KEYS = {name: key_named(name) for name in "ABC"}
KEY_A, KEY_B, KEY_C = KEYS.values()

_FACTS: WeakKeyDictionary[Subject, Facts] = WeakKeyDictionary()


class Facts:
    """What a drive says of itself, asked once. Raises NotApplicable where it does not encrypt."""

    def __init__(self, unit: Subject) -> None:
        unit.need(0xA2)
        self.vendor = unit.good(c.inquiry(36), size=36).data[8:16].strip()
        protocols = ask(unit, 0x0000, protocol=0x00)
        if protocols.status != GOOD or TAPE not in protocols.data[8:]:
            raise NotApplicable("the drive does not list security protocol 20h")
        self.protocols = protocols.data[8:]
        capabilities = ask(unit, CAPABILITIES)
        if capabilities.code in (INVALID_CDB, "5/20/00"):
            # So drives answer whose encryption was not bought or not turned on.
            raise NotApplicable(f"protocol 20h is listed, its pages are refused: {INVALID_CDB}")
        self.pages_in = self._codes(unit, IN_SUPPORT)
        self.pages_out = self._codes(unit, OUT_SUPPORT)
        data = capabilities.data
        self.extdecc, self.cfg_p = data[4] >> 2 & 3, data[4] & 3
        self.algorithms = algorithms(data)
        self.key_formats = ask(unit, KEY_FORMATS).data[4:]
        self.management = Management.of(ask(unit, MANAGEMENT).data)

    @staticmethod
    def _codes(unit: Subject, page: int) -> list[int]:
        data = ask(unit, page).data[4:]
        return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data) - 1, 2)]

    @cached_property
    def algorithm(self) -> Algorithm:
        """The first that can be used with the volume that is mounted."""
        for one in self.algorithms:
            if one.avfmv and one.encrypt_c in (1, 2) and one.decrypt_c in (1, 2):
                return one
        raise NotApplicable("no algorithm of the drive can be used by hosts on the volume")


def ask(unit: Subject, page: int, allocation: int = ROOM, protocol: int = TAPE) -> Answer:
    """SECURITY PROTOCOL IN, however it ends."""
    return unit.do(in_cdb(allocation, page, protocol), size=allocation)


def facts(unit: Subject) -> Facts:
    """Those of the unit, from before or asked now. Raises NotApplicable."""
    first = unit.first
    if first not in _FACTS:
        first.apart(first.hear_out)
        _FACTS[first] = first.apart(lambda: Facts(first))
    return _FACTS[first]


class Drive:
    """One nexus to a drive that encrypts, and a tape that may be overwritten."""

    def __init__(self, unit: Subject) -> None:
        self.unit = unit
        self.facts = facts(unit)

    @property
    def algorithm(self) -> Algorithm:
        """See `Facts.algorithm`."""
        return self.facts.algorithm

    @cached_property
    def second(self) -> Drive:
        """The same drive from the second nexus, whose attentions are heard and which has used
        protocol 20h, so that it hears of changes. Raises NotApplicable."""
        other = Drive(self.unit.second)
        other.unit.apart(lambda: (other.unit.hear_out(), other.status()))
        return other

    # --- pages in ----------------------------------------------------------------------------

    def page(self, page: int, allocation: int = ROOM) -> bytes:
        """A page of protocol 20h that has to come."""
        answer = ask(self.unit, page, allocation)
        if answer.status != GOOD:
            raise Failure(f"page {page:04X}h", "GOOD", answer.code or f"{answer.status:02X}h")
        return answer.data

    def need_page(self, page: int) -> None:
        """Raise NotApplicable unless the drive lists it."""
        if page not in self.facts.pages_in:
            raise NotApplicable(f"the drive does not list page {page:04X}h")

    def status(self) -> Status:
        """Data Encryption Status page."""
        return Status.of(self.page(STATUS))

    def next_block(self) -> NextBlock:
        """Next Block Encryption Status page."""
        return NextBlock.of(self.page(NEXT_BLOCK))

    # --- pages out ---------------------------------------------------------------------------

    def make(
        self, encryption: int = ENCRYPT, decryption: int = DECRYPT, **fields: Any
    ) -> bytearray:
        """A Set Data Encryption page; see `set_page` for fields.

        ``scope``: for all nexuses, where the drive has that. ``key``: KEY_A where the modes need
        one. ``algorithm_index``: that of the volume. A drive that cannot decrypt without
        key-associated data (DKAD_C 1) gets some.
        """
        needed = encryption == ENCRYPT or decryption >= DECRYPT
        fields.setdefault("scope", self.widest)
        fields.setdefault("key", KEY_A if needed else b"")
        fields.setdefault("algorithm_index", self.algorithm.algorithm_index)
        if needed and self.algorithm.dkad_c == 1:
            fields.setdefault("kads", self.some_kad(b"conformance"))
        return set_page(encryption_mode=encryption, decryption_mode=decryption, **fields)

    def some_kad(self, text: bytes) -> bytes:
        """A descriptor with that text, as long as the algorithm wants it: a U-KAD, or an A-KAD
        where there are no U-KADs. Nothing where there is neither."""
        one = self.algorithm
        for kind, most, exact in (
            (U_KAD, one.maximum_ukad_length, one.ukadf),
            (A_KAD, one.maximum_akad_length, one.akadf),
        ):
            if most:
                return kad(kind, text[:most].ljust(most if exact else 0, b"\0"))
        return b""

    def send(self, data: bytes | bytearray, page: int = 0x10, length: int | None = None) -> Answer:
        """SECURITY PROTOCOL OUT, however it ends; ``length``: TRANSFER LENGTH."""
        return self.unit.do(out_cdb(len(data) if length is None else length, page), out=data)

    def set(self, encryption: int = ENCRYPT, decryption: int = DECRYPT, **fields: Any) -> None:
        """Set Data Encryption that has to be taken; see `make`."""
        data = self.make(encryption, decryption, **fields)
        self.unit.good(out_cdb(len(data)), out=data)

    def set_external(self, decryption: int, metadata: bytes = bytes(64)) -> None:
        """EXTERNAL with metadata that the drive has not made. NotApplicable where it wants its own
        or other lengths: no page tells what M-KADs look like."""
        data = self.make(EXTERNAL, decryption, kads=kad(M_KAD, metadata))
        answer = self.send(data)
        if answer.code in (INVALID_LIST, INCOMPLETE_KADS):
            raise NotApplicable(f"the drive takes no made-up metadata: {answer.code}")
        if answer.status != GOOD:
            raise Failure("status", "GOOD", repr(answer))

    def off(self, scope: int | None = None) -> None:
        """Both modes DISABLE."""
        self.set(DISABLE, DISABLE, scope=self.widest if scope is None else scope)

    @property
    def widest(self) -> int:
        """The scope that parameters get: for all nexuses, or on drives without that LOCAL."""
        return ALL if self.facts.management.aitn_c else LOCAL

    def refused(
        self,
        data: bytes | bytearray,
        *codes: str,
        field: tuple[int, int | None] | None = None,
    ) -> Answer:
        """The page has to be refused, 5/26/00 unless told, and to change nothing."""
        before = self.page(STATUS)
        cdb = out_cdb(len(data))
        codes = codes or (INVALID_LIST,)
        answer = self.unit.refused(cdb, *codes, out=data, field=field, data=True)
        self.unit.expect("status page after the refusal", before, self.page(STATUS))
        return answer

    # --- what it can -------------------------------------------------------------------------

    def need_raw(self) -> None:
        """Raise NotApplicable unless blocks can be read in raw form."""
        if self.algorithm.rdmc_c not in (4, 5, 7):
            raise NotApplicable(f"RDMC_C is {self.algorithm.rdmc_c}: no raw reading")

    def need_raw_control(self) -> None:
        """Raise NotApplicable unless hosts say which blocks can be read in raw form."""
        if self.algorithm.rdmc_c not in (4, 5):
            raise NotApplicable(f"RDMC_C is {self.algorithm.rdmc_c}: not controlled by hosts")

    def need_external(self) -> None:
        """Raise NotApplicable unless hosts may write blocks that are encrypted already."""
        if self.algorithm.eemc_c != 2:
            raise NotApplicable(f"EEMC_C is {self.algorithm.eemc_c}: no EXTERNAL mode")

    def need_management(self, *names: str) -> None:
        """Raise NotApplicable unless those bits of the management capabilities are set."""
        for name in names:
            if not getattr(self.facts.management, name):
                raise NotApplicable(f"{name.upper()} is 0")

    def need_kad(self, kind: int) -> int:
        """The most bytes of a U-KAD or A-KAD. Raises NotApplicable if there are none."""
        most = (
            self.algorithm.maximum_ukad_length
            if kind == U_KAD
            else self.algorithm.maximum_akad_length
        )
        if not most:
            raise NotApplicable(f"no {'U' if kind == U_KAD else 'A'}-KAD")
        return most

    @property
    def raw_readable(self) -> int:
        """RDMC with which blocks can be read in raw form."""
        return 2 if self.algorithm.rdmc_c in (4, 5) else 0

    def need_two_sets(self) -> None:
        """Raise NotApplicable if this nexus hears that its parameters went to make room for those
        that the other one has just set: a drive need keep no more than one set."""
        if BY_EVENT in self.heard():
            raise NotApplicable(f"the drive keeps one set of parameters: {BY_EVENT}")

    def codes(self, what: str) -> tuple[str, ...]:
        """The sense codes of that condition, the maker's own among them."""
        return MAKERS.get(self.facts.vendor, CODES).get(what, CODES[what])

    @property
    def closed(self) -> tuple[int, ...]:
        """ENCRYPTION STATUS of a block for which decryption is off: T10000 drives tell 5, too."""
        return (OPEN, CLOSED) if self.storagetek else (CLOSED,)

    @property
    def storagetek(self) -> bool:
        """Whether the drive is StorageTek's."""
        return MAKERS.get(self.facts.vendor) is STORAGETEK

    @staticmethod
    def key_of(letter: str) -> bytes:
        """The key of a letter of a tape's content."""
        return KEYS[letter]

    # --- tape --------------------------------------------------------------------------------

    def write_block(self, data: bytes) -> Answer:
        """WRITE of a variable block that has to end with GOOD; NotApplicable where a maker's
        drive encrypts whole volumes only and says so."""
        answer = self.unit.do(b"\x0a\x00" + len(data).to_bytes(3) + b"\x00", out=data)
        if answer.status != GOOD:
            if self.storagetek and answer.code in WHOLE_VOLUMES:
                raise NotApplicable(f"volumes are encrypted as a whole: {answer.code}")
            raise Failure("WRITE", "GOOD", answer.code or f"status {answer.status:02X}h")
        return answer

    def tape(self, content: str, **fields: Any) -> list[bytes]:
        """A tape of blocks: c in clear, A or B with that key, | a filemark. Returns the blocks;
        the tape is at its beginning and encryption is off. ``fields``: of the pages with keys."""
        self.unit.blank()
        blocks = []
        now = "c"
        for number, letter in enumerate(content):
            blocks.append(block(number, letter))
            if letter == "|":
                self.unit.good(c.write_filemarks(1))
                continue
            if letter != now:
                now = letter
                if letter == "c":
                    self.off()
                else:
                    self.set(key=KEYS[letter], **fields)
            self.write_block(blocks[-1])
        if now != "c":
            self.off()
        self.content = content
        self.unit.good(REWIND)
        return blocks

    def go(self, number: int) -> None:
        """Locate an object. Drives that need keys to position get them, and are left without."""
        if not number:
            self.unit.good(REWIND)
            return
        if not self.storagetek:
            self.unit.good(c.locate(number))
            return
        self.unit.good(REWIND)
        now = ""
        for at in range(number):
            letter = self.content[at]
            if letter in KEYS and letter != now:
                self.set(key=KEYS[letter], decryption=MIXED)
                now = letter
            self.unit.good(c.locate(at + 1))
        self.off()

    def read(self, size: int = ROOM, *, sili: bool = True) -> Answer:
        """READ of a variable block, however it ends."""
        return self.unit.do(c.read(size, sili=sili), size=size)

    def reads(self, data: bytes) -> None:
        """READ has to give that block."""
        answer = self.read()
        if answer.status != GOOD:
            raise Failure("READ", "GOOD", answer.code or f"status {answer.status:02X}h")
        self.unit.expect("the block", data, answer.data)

    def read_refused(self, what: str) -> Answer:
        """READ has to be refused with the code of that condition, to give no data and to leave
        the tape before the block."""
        at = self.position()
        answer = self.unit.refused(c.read(ROOM), *self.codes(what), size=ROOM)
        self.unit.expect("data of the refused READ", b"", answer.data.strip(b"\0"))
        self.unit.expect("position after the refusal", at, self.position())
        return answer

    def position(self) -> int:
        """The logical object number of READ POSITION, short form."""
        return int.from_bytes(self.unit.good(READ_POSITION, size=20).data[4:8])

    def reload(self) -> list[str]:
        """Unload and load the volume; returns the attentions that this nexus has heard of it.
        NotApplicable where the volume does not come back."""
        found: list[str] = []
        for load in (0, 1):
            answer = self._load(load, found)
            if answer.status != GOOD:
                how = "loaded again" if load else "unloaded"
                raise NotApplicable(f"the volume cannot be {how}: {answer.code}")
        return found + self.heard()

    def unloaded(self) -> None:
        """Unload the volume until the check has ended; attentions are heard."""
        self.unit.cleanup(self.unit.settle)
        self.unit.cleanup(lambda: self._load(1, []))
        self.unit.good(c.load_unload(0))
        self.unit.settle()

    def _load(self, load: int, heard: list[str]) -> Answer:
        """LOAD UNLOAD, again as long as it tells of attentions, which are kept."""
        for _ in range(8):
            answer = self.unit.do(c.load_unload(load))
            if not answer.code.startswith("6/"):
                break
            heard.append(answer.code)
        return answer

    def heard(self) -> list[str]:
        """Unit attentions that TEST UNIT READY reports, until there are none."""
        found: list[str] = []
        while len(found) < 16:
            answer = self.unit.do(bytes(6))
            if not answer.code.startswith("6/"):
                break
            found.append(answer.code)
        return found

    # --- before and after --------------------------------------------------------------------

    def begin(self) -> None:
        """Encryption off for all. Raises NotApplicable where hosts may not set keys."""
        if 0x0010 not in self.facts.pages_out:
            raise NotApplicable("the drive does not list the Set Data Encryption page")
        if self.facts.cfg_p == 2:
            raise NotApplicable("CFG_P: encryption is configured from outside, not by hosts")
        if self.facts.key_formats and 0 not in self.facts.key_formats:
            raise NotApplicable("key format 00h is not listed: no keys in plain text")
        if self.algorithm.nonce_c == 2:
            raise NotApplicable("NONCE_C is 2: hosts bring nonces, whose length no page tells")
        answer = self._all_off()
        if answer.code in FAIL_LIMIT:
            self.reload()
            self.unit.settle()
            answer = self._all_off()
        if answer.code in NOT_BY_HOSTS:
            raise NotApplicable(f"{answer.code}: hosts may not set encryption parameters")
        if answer.status != GOOD:
            raise Failure("encryption off", "GOOD", answer.code)

    def _all_off(self) -> Answer:
        data = self.make(DISABLE, DISABLE)
        for _ in range(8):
            answer = self.send(data)
            if not answer.code.startswith("6/"):
                break
        return answer


def block(number: int, letter: str = "c", size: int = 100) -> bytes:
    """Bytes that tell where they belong and do not compress."""
    parts = (sha256(f"{number}{letter}{part}".encode()) for part in range(size // 32 + 1))
    return b"".join(part.digest() for part in parts)[:size]


def encryption_check(
    id: str,
    clause: str,
    topic: str,
    title: str,
    *,
    keys: bool = True,
    expected: str = "",
) -> Callable[[Callable[[Drive], None]], Callable[[Drive], None]]:
    """Declare a check of a drive that encrypts: the function gets a `Drive`.

    ``keys``: it sets encryption parameters, so that it needs a scratch volume and a drive whose
    keys hosts may set; encryption is off before it (whoever runs it turns it off after it).
    """

    def declare(body: Callable[[Drive], None]) -> Callable[[Drive], None]:
        @wraps(body)
        def run(unit: Subject) -> None:
            drive = Drive(unit)
            if keys:
                unit.apart(drive.begin)
            body(drive)

        check(id, clause, f"encryption: {topic}", title, scratch=keys, expected=expected)(run)
        return body

    return declare
