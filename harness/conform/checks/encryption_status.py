"""The Data Encryption Status page after each kind of Set Data Encryption page (SSC-4 8.5.2.7)."""

from __future__ import annotations

from harness.conform.encryption import (
    A_KAD,
    ALL,
    DECRYPT,
    DISABLE,
    ENCRYPT,
    EXTERNAL,
    KEY_A,
    KEY_B,
    LOCAL,
    MIXED,
    PUBLIC,
    RAW,
    REWIND,
    STATUS,
    U_KAD,
    Drive,
    encryption_check,
)
from harness.conform.encryption_pages import kad, of_host, same
from harness.initiators.api import Unsupported
from harness.layers.cdb import WriteFilemarks6

CLAUSE = "SSC-4 8.5.2.7"
TOPIC = "status page"
NAMES = {DISABLE: "DISABLE", EXTERNAL: "EXTERNAL", ENCRYPT: "ENCRYPT"}
DECRYPTION = {DISABLE: "DISABLE", RAW: "RAW", DECRYPT: "DECRYPT", MIXED: "MIXED"}
METADATA = bytes(range(64))


def _modes_check(encryption: int, decryption: int) -> None:
    first, second = NAMES[encryption], DECRYPTION[decryption]

    @encryption_check(
        f"ENC-STATUS-MODES-{first}-{second}",
        CLAUSE,
        TOPIC,
        f"Encryption mode {first}, decryption mode {second}",
        expected="The page is taken, and the status page tells both modes and the algorithm.",
    )
    def body(drive: Drive) -> None:
        if decryption == RAW:
            drive.need_raw()
        if encryption == EXTERNAL:
            drive.need_external()
            drive.set_external(decryption, METADATA)
        else:
            drive.set(encryption, decryption)
        status = drive.status()
        drive.unit.expect("modes", (encryption, decryption), status.modes)
        if encryption or decryption:
            drive.unit.expect(
                "ALGORITHM INDEX", drive.algorithm.algorithm_index, status.algorithm_index
            )


for _encryption in NAMES:
    for _decryption in DECRYPTION:
        _modes_check(_encryption, _decryption)


@encryption_check("ENC-STATUS-RESET", CLAUSE, TOPIC, "After a logical unit reset")
def after_reset(drive: Drive) -> None:
    """No parameters: scope PUBLIC, both modes DISABLE, no key-associated data. What the algorithm
    index and the counter are then, is the drive's affair: 0 is usual, else a warning."""
    drive.set()
    _reset(drive)
    status = drive.status()
    drive.unit.expect("scopes", (PUBLIC, PUBLIC), (status.i_t_nexus_scope, status.key_scope))
    drive.unit.expect("modes", (DISABLE, DISABLE), status.modes)
    if status.algorithm_index:
        drive.unit.warn("the algorithm index is not 0 after a reset")
    drive.unit.expect("descriptors", (), status.kads)
    drive.unit.expect("page length", 0x14, int.from_bytes(drive.page(STATUS)[2:4]))
    if status.key_instance_counter:
        drive.unit.warn("the key instance counter is not 0 after a reset")


def _reset(drive: Drive) -> None:
    """LOGICAL UNIT RESET, its attentions heard. NotApplicable where the way has none."""
    try:
        drive.unit.initiator.reset()
    except Unsupported as error:
        drive.unit.skip(str(error))
    drive.unit.settle()


@encryption_check(
    "ENC-RESET-KEY", "SSC-4 4.2.22 (data encryption parameters)", "release", "A key and a reset"
)
def reset_clears(drive: Drive) -> None:
    "The key is gone: the encrypted block is not read, and what is written is in clear."
    (data,) = drive.tape("A")
    drive.set()
    _reset(drive)
    drive.unit.good(REWIND)
    drive.read_refused("off")
    drive.set()
    drive.reads(data)


def _scope_check(scope: int, name: str, capability: str) -> None:
    @encryption_check(
        f"ENC-STATUS-SCOPE-{name}",
        CLAUSE,
        TOPIC,
        f"SCOPE {name}",
        expected="I_T NEXUS SCOPE and KEY SCOPE are the scope that was set.",
    )
    def body(drive: Drive) -> None:
        drive.need_management(capability)
        drive.set(scope=scope)
        status = drive.status()
        drive.unit.expect("scopes", (scope, scope), (status.i_t_nexus_scope, status.key_scope))


_scope_check(LOCAL, "LOCAL", "local_c")
_scope_check(ALL, "ALL", "aitn_c")


@encryption_check("ENC-STATUS-SCOPE-PUBLIC", CLAUSE, TOPIC, "SCOPE PUBLIC beside a set for all")
def public_scope(drive: Drive) -> None:
    "I_T NEXUS SCOPE is PUBLIC, KEY SCOPE is ALL I_T NEXUS, and the modes are those of the set."
    drive.need_management("public_c", "aitn_c")
    drive.second.set(scope=ALL)
    drive.heard()
    drive.set(scope=PUBLIC)
    status = drive.status()
    drive.unit.expect("scopes", (PUBLIC, ALL), (status.i_t_nexus_scope, status.key_scope))
    drive.unit.expect("modes", (ENCRYPT, DECRYPT), status.modes)


def _ceem_check(ceem: int) -> None:
    @encryption_check(
        f"ENC-STATUS-CEEM-{ceem}",
        CLAUSE,
        TOPIC,
        f"CEEM {ceem:02b}b",
        expected="CEEMS is what was set.",
    )
    def body(drive: Drive) -> None:
        if ceem > 1 and not drive.algorithm.earem:
            drive.unit.skip("EAREM is 0: the mode is not recorded with blocks")
        drive.set(ceem=ceem)
        drive.unit.expect("CEEMS", ceem, drive.status().ceems)


for _ceem in (1, 2, 3):
    _ceem_check(_ceem)


def _rdmc_check(rdmc: int, words: str) -> None:
    @encryption_check(
        f"ENC-STATUS-RDMC-{rdmc}",
        CLAUSE,
        TOPIC,
        f"RDMC {rdmc:02b}b",
        expected=f"RDMD is {words}.",
    )
    def body(drive: Drive) -> None:
        drive.need_raw_control()
        drive.set(rdmc=rdmc)
        default = 1 if drive.algorithm.rdmc_c == 4 else 0
        drive.unit.expect("RDMD", {0: default, 2: 0, 3: 1}[rdmc], drive.status().rdmd)


_rdmc_check(0, "as RDMC_C says: 1 with 4h, 0 with 5h")
_rdmc_check(2, "0: blocks may be read in raw form")
_rdmc_check(3, "1: blocks may not be read in raw form")


@encryption_check("ENC-STATUS-CONTROL", CLAUSE, TOPIC, "PARAMETERS CONTROL where hosts set keys")
def control(drive: Drive) -> None:
    "0 (not reported) or 1 (not exclusively from outside)."
    drive.set()
    came = drive.status().parameters_control
    drive.unit.require("PARAMETERS CONTROL", came in (0, 1), "0 or 1", came)


@encryption_check("ENC-STATUS-ASDK", CLAUSE, TOPIC, "Available supplemental keys")
def supplemental(drive: Drive) -> None:
    "0 where SDK_C is 0, and not more than MSDK_COUNT anywhere."
    drive.set()
    most = drive.algorithm.msdk_count if drive.algorithm.sdk_c else 0
    came = drive.status().asdk_count
    drive.unit.require("ASDK_COUNT", came <= most, f"at most {most}", came)


def _vcelb_check(name: str, content: str, wanted: int) -> None:
    @encryption_check(
        f"ENC-STATUS-VCELB-{name}",
        CLAUSE,
        TOPIC,
        f"VCELB with {name.lower()} blocks on the volume",
        expected=f"{wanted}, where VCELB_C is 1; else 0.",
    )
    def body(drive: Drive) -> None:
        drive.tape(content)
        capable = drive.algorithm.vcelb_c
        drive.unit.expect("VCELB", wanted if capable else 0, drive.status().vcelb)


_vcelb_check("CLEAR", "cc", 0)
_vcelb_check("ENCRYPTED", "A", 1)
_vcelb_check("MIXED", "cA", 1)


@encryption_check("ENC-STATUS-VCELB-OVERWRITTEN", CLAUSE, TOPIC, "VCELB when all is overwritten")
def overwritten(drive: Drive) -> None:
    "0 once a clear block at the beginning has replaced the encrypted ones."
    if not drive.algorithm.vcelb_c:
        drive.unit.skip("VCELB_C is 0")
    drive.tape("AA")
    drive.write_block(b"clear")
    drive.unit.good(WriteFilemarks6(filemark_count=1))
    drive.unit.expect("VCELB", 0, drive.status().vcelb)


# --- the key instance counter --------------------------------------------------------------------

COUNTER = "SSC-4 4.2.22 (key instance counter)"


@encryption_check("ENC-COUNTER-SET", COUNTER, "key instance counter", "A new key")
def counts(drive: Drive) -> None:
    "The counter grows with each page that is taken; by more than one each time is a warning."
    drive.set()
    last = drive.status().key_instance_counter
    drive.unit.require("the counter with a key", last > 0, "not 0", last)
    for key in (KEY_B, KEY_A, KEY_B):
        drive.set(key=key)
        last = _grown(drive, last)


@encryption_check("ENC-COUNTER-SAME-KEY", COUNTER, "key instance counter", "The same key again")
def counts_the_same(drive: Drive) -> None:
    "The counter moves: a new instance of the same key is another instance."
    drive.set()
    first = drive.status().key_instance_counter
    drive.set()
    _grown(drive, first)


def _grown(drive: Drive, before: int) -> int:
    """The counter, which has to be more than it was."""
    came = drive.status().key_instance_counter
    drive.unit.require("KEY INSTANCE COUNTER", came > before, f"more than {before}", came)
    if came != before + 1:
        drive.unit.warn(f"the key instance counter went from {before} to {came}")
    return came


@encryption_check(
    "ENC-COUNTER-OTHER", COUNTER, "key instance counter", "Another nexus replaces the key for all"
)
def counts_for_others(drive: Drive) -> None:
    "The counter grows for both: by it the first sees that its key is not there any more."
    drive.need_management("aitn_c")
    other = drive.second
    drive.set(scope=ALL)
    first = drive.status().key_instance_counter
    other.heard()
    other.set(scope=ALL, key=KEY_B)
    drive.heard()
    drive.unit.expect("KEY INSTANCE COUNTER", _grown(drive, first), _grown(other, first))


@encryption_check("ENC-COUNTER-REFUSED", COUNTER, "key instance counter", "A page that is refused")
def refused_does_not_count(drive: Drive) -> None:
    "The counter stays."
    drive.set()
    first = drive.status().key_instance_counter
    drive.refused(drive.make(encryption=7))
    drive.unit.expect("KEY INSTANCE COUNTER", first, drive.status().key_instance_counter)


@encryption_check("ENC-COUNTER-USE", COUNTER, "key instance counter", "Writing, reading, asking")
def use_does_not_count(drive: Drive) -> None:
    "The counter stays while the key is used and pages are asked for."
    drive.unit.blank()
    drive.set()
    first = drive.status().key_instance_counter
    drive.write_block(b"one")
    drive.unit.good(REWIND)
    drive.reads(b"one")
    for page in drive.facts.pages_in:
        drive.page(page)
    drive.unit.expect("KEY INSTANCE COUNTER", first, drive.status().key_instance_counter)


@encryption_check(
    "ENC-COUNTER-ALL", COUNTER, "key instance counter", "The counter of a set for all"
)
def one_counter(drive: Drive) -> None:
    "Both nexuses that use the set report the same counter."
    drive.need_management("aitn_c")
    other = drive.second
    drive.set(scope=ALL)
    other.heard()
    drive.unit.expect(
        "KEY INSTANCE COUNTER",
        drive.status().key_instance_counter,
        other.status().key_instance_counter,
    )


# --- key-associated data in the status page ------------------------------------------------------

KADS = "SSC-4 8.5.4"


def _kads(drive: Drive, *kinds: int, size: int | None = None) -> list[tuple[int, bytes]]:
    """Key-associated data of those kinds, of the most bytes or so many less."""
    found = []
    for kind in kinds:
        most = drive.need_kad(kind)
        exact = drive.algorithm.ukadf if kind == U_KAD else drive.algorithm.akadf
        length = most if size is None or exact else min(size, most)
        found.append((kind, bytes((kind * 64 + at) & 0xFF for at in range(1, length + 1))))
    return found


def _kad_check(name: str, words: str, kinds: tuple[int, ...], size: int | None = None) -> None:
    @encryption_check(
        f"ENC-KAD-STATUS-{name}",
        KADS,
        "key-associated data",
        f"Status page with {words}",
        expected="The descriptors of the page that was taken, ascending by type, with their bytes "
        "and a valid AUTHENTICATED.",
    )
    def body(drive: Drive) -> None:
        given = _kads(drive, *kinds, size=size)
        if drive.algorithm.dkad_c == 1 and U_KAD not in kinds:
            given = [*_kads(drive, U_KAD), *given]
        drive.set(kads=b"".join(kad(kind, data) for kind, data in given))
        status = drive.status()
        came = of_host(status.kads)
        drive.unit.require("descriptors", same(given, came), repr(given), repr(came))
        for one in status.kads:
            drive.unit.require(
                "AUTHENTICATED", one.authenticated in (0, 1, 2, 3), "0 to 3", one.authenticated
            )


_kad_check("U", "a U-KAD of the most bytes", (U_KAD,))
_kad_check("U-SHORT", "a U-KAD of 5 bytes", (U_KAD,), 5)
_kad_check("U-ONE", "a U-KAD of 1 byte", (U_KAD,), 1)
_kad_check("A", "an A-KAD of the most bytes", (A_KAD,))
_kad_check("A-SHORT", "an A-KAD of 5 bytes", (A_KAD,), 5)
_kad_check("A-ONE", "an A-KAD of 1 byte", (A_KAD,), 1)
_kad_check("BOTH", "a U-KAD and an A-KAD", (U_KAD, A_KAD))
_kad_check("BOTH-SHORT", "a U-KAD and an A-KAD of 7 bytes", (U_KAD, A_KAD), 7)


@encryption_check(
    "ENC-KAD-STATUS-REPLACED", KADS, "key-associated data", "Other data with a new key"
)
def replaced(drive: Drive) -> None:
    "The status page has the data of the last page only."
    (first,) = _kads(drive, U_KAD if drive.algorithm.maximum_ukad_length else A_KAD)
    second = first[1][::-1]
    for data in (first[1], second):
        drive.set(kads=kad(first[0], data))
    drive.unit.expect("descriptors", [second], [one[1] for one in _told(drive)])


def _told(drive: Drive) -> list[tuple[int, bytes]]:
    """U-KAD and A-KAD of the status page, but for such as are all zeros."""
    return [one for one in of_host(drive.status().kads) if any(one[1])]


@encryption_check(
    "ENC-KAD-STATUS-NEXUS", KADS, "key-associated data", "Two nexuses with data of their own"
)
def by_nexus(drive: Drive) -> None:
    "Each is told its own, whoever set last."
    drive.need_management("local_c")
    other = drive.second
    (given,) = _kads(drive, U_KAD if drive.algorithm.maximum_ukad_length else A_KAD)
    theirs = given[1][::-1]
    drive.set(scope=LOCAL, kads=kad(*given))
    other.set(scope=LOCAL, kads=kad(given[0], theirs))
    drive.need_two_sets()
    drive.unit.expect("descriptors", [given[1]], [one[1] for one in _told(drive)])
    drive.unit.expect("descriptors of the other", [theirs], [one[1] for one in _told(other)])


@encryption_check("ENC-KAD-STATUS-OFF", KADS, "key-associated data", "Encryption turned off")
def gone(drive: Drive) -> None:
    "No descriptors, page length 0014h."
    drive.set()
    drive.off()
    drive.unit.expect("descriptors", (), drive.status().kads)
    drive.unit.expect("page length", 0x14, int.from_bytes(drive.page(STATUS)[2:4]))


@encryption_check("ENC-KAD-STATUS-NONE", KADS, "key-associated data", "A key without any")
def none(drive: Drive) -> None:
    """No descriptors, or such as are all zeros: neither those of the key before, nor on the tape
    behind the block."""
    if drive.algorithm.dkad_c == 1:
        drive.unit.skip("DKAD_C is 1: decryption needs key-associated data")
    drive.unit.blank()
    drive.set(kads=drive.some_kad(b"of the key before"))
    drive.set(kads=b"")
    drive.unit.expect("descriptors that are not zeros", [], _told(drive))
    drive.write_block(b"without any")
    drive.unit.good(REWIND)
    came = [one for one in of_host(drive.next_block().kads) if any(one[1])]
    drive.unit.expect("descriptors of the block that are not zeros", [], came)


@encryption_check("ENC-KAD-STATUS-FORMAT", KADS, "key-associated data", "KAD FORMAT")
def kad_format(drive: Drive) -> None:
    "Where KADF_C is 1, formats 00h to 02h are taken and told again."
    if not drive.algorithm.kadf_c:
        drive.unit.skip("KADF_C is 0")
    for code in (1, 2, 0):
        drive.set(kad_format=code, kads=drive.some_kad(b"name"))
        drive.unit.expect("KAD FORMAT", code, drive.status().kad_format)
