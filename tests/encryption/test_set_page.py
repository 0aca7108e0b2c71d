"""SET DATA ENCRYPTION: every parameter that is wrong, the exact sense and the field pointer."""

from __future__ import annotations

from typing import Any

import pytest

from target.scsi import sense as s
from target.scsi.sense import Code, Sense
from tests.encryption.keys import (
    A_KAD,
    ALL,
    DECRYPT,
    DISABLE,
    ENCRYPT,
    EXTERNAL,
    KEY_A,
    LOCAL,
    MIXED,
    NONCE,
    PUBLIC,
    RAW,
    U_KAD,
    kad,
    model,
    set_page,
    spin,
    spout,
    spout_cdb,
)
from tests.tape.host import GOOD, Host, new_drive, sense_of, tape


def page(**fields: Any) -> bytes:
    """A good page, encryption on, but for ``fields``."""
    usual = {"key": KEY_A, "encryption": ENCRYPT, "decryption": DECRYPT}
    return set_page(**{**usual, **fields})


def patched(at: int, value: int, **fields: Any) -> bytes:
    data = bytearray(page(**fields))
    data[at] = value
    return bytes(data)


def bad(at: int, bit: int | None = None, code: Code = s.INVALID_PARAMETER) -> Sense:
    return Sense(code, pointer=(at, bit), in_cdb=False)


SHORT = Sense(s.PARAMETER_LIST_LENGTH)
TAIL = 52
"""Where key-associated data begin behind a 32-byte key."""

WRONG: dict[str, tuple[bytes, Sense]] = {
    # the page itself
    "no header": (page()[:3], SHORT),
    "no fixed part": (page()[:19], SHORT),
    "list shorter than the page": (page()[:-1], SHORT),
    "page longer than the list": (patched(3, 0x31), SHORT),
    "page that cuts the fixed part": (patched(3, 0x0F), bad(2)),
    "page that cuts the key": (patched(3, 0x2F), bad(18)),
    "page that holds no key": (patched(3, 0x10), bad(18)),
    "page code high": (patched(0, 1), bad(0)),
    "page code low": (patched(1, 0x11), bad(0)),
    # reserved bits
    **{f"byte 4 bit {bit}": (patched(4, 0x40 | 1 << bit), bad(4, bit)) for bit in (1, 2, 3, 4)},
    **{f"byte {at}": (patched(at, 1), bad(at, 0)) for at in range(11, 18)},
    # scope
    **{f"scope {n}": (page(scope=n), bad(4, 7)) for n in range(3, 8)},
    # modes
    "encryption mode 3": (page(encryption=3), bad(6)),
    "encryption mode 255": (page(encryption=255), bad(6)),
    "decryption mode 4": (page(decryption=4), bad(7)),
    "decryption mode 255": (page(decryption=255), bad(7)),
    # algorithm, formats
    "algorithm index 0": (page(algorithm=0), bad(8)),
    "algorithm index 4": (page(algorithm=4), bad(8)),
    "algorithm index 0, EXTERNAL": (
        page(algorithm=0, encryption=EXTERNAL, decryption=RAW, key=b"", m_kad=bytes(64)),
        bad(8),
    ),
    **{f"key format {n}": (page(key_format=n), bad(9)) for n in (1, 3, 255)},
    "KAD format 3": (page(kad_format=3), bad(10)),
    # key
    "ENCRYPT without a key": (page(key=b"", decryption=DISABLE), bad(18)),
    "DECRYPT without a key": (page(key=b"", encryption=DISABLE), bad(18)),
    "MIXED without a key": (page(key=b"", encryption=DISABLE, decryption=MIXED), bad(18)),
    **{f"key of {n} bytes": (page(key=bytes(n)), bad(18)) for n in (1, 16, 31, 33, 64)},
    # controls
    "CEEM 2 without decryption": (page(ceem=2, decryption=DISABLE), bad(5, 7)),
    "CEEM 3 without decryption": (page(ceem=3, decryption=DISABLE), bad(5, 7)),
    "CEEM 2, all off": (page(ceem=2, encryption=DISABLE, decryption=DISABLE), bad(5, 7)),
    "RDMC 1": (page(rdmc=1), bad(5, 5)),
    "SDK": (page(sdk=1), bad(5, 3)),
    "CKORP without a persistent reservation": (page(ckorp=1), bad(5, 1)),
    "CKORL without a reservation": (page(ckorl=1), bad(5, 0)),
    # key-associated data
    "U-KAD of 33 bytes": (page(u_kad=bytes(33)), bad(TAIL + 2)),
    "A-KAD of 61 bytes": (page(a_kad=bytes(61)), bad(TAIL + 2)),
    "M-KAD with ENCRYPT": (page(m_kad=bytes(64)), bad(TAIL)),
    "nonce of 11 bytes": (page(tail=kad(NONCE, bytes(11))), bad(TAIL + 2)),
    "nonce of 13 bytes": (page(tail=kad(NONCE, bytes(13))), bad(TAIL + 2)),
    "nonce without ENCRYPT": (page(encryption=DISABLE, tail=kad(NONCE, bytes(12))), bad(TAIL)),
    "wrapped key": (page(tail=kad(4, bytes(12))), bad(TAIL)),
    "vendor type": (page(tail=kad(0xFF, bytes(12))), bad(TAIL)),
    "types that descend": (page(tail=kad(A_KAD, b"a") + kad(U_KAD, b"u")), bad(TAIL + 5)),
    "a type twice": (page(tail=kad(U_KAD, b"1") + kad(U_KAD, b"2")), bad(TAIL + 5)),
    "half a descriptor": (page(tail=b"\0\0\0"), bad(TAIL)),
    "a descriptor longer than the page": (page(tail=b"\0\0\0\x05desc"), bad(TAIL + 2)),
    "the second of two": (page(tail=kad(U_KAD, b"label") + kad(A_KAD, bytes(61))), bad(TAIL + 11)),
    # EXTERNAL
    "EXTERNAL without an M-KAD": (page(encryption=EXTERNAL, decryption=DISABLE), bad(6)),
    "EXTERNAL with a short M-KAD": (
        page(encryption=EXTERNAL, decryption=DISABLE, key=b"", m_kad=bytes(63)),
        bad(6),
    ),
    "EXTERNAL with a long M-KAD": (
        page(encryption=EXTERNAL, decryption=DISABLE, key=b"", m_kad=bytes(65)),
        bad(22),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_refused_and_nothing_has_changed(host: Host, case: str) -> None:
    assert spout(host, page(u_kad=b"before")).status == GOOD
    before = spin(host, 0x0020)
    data, sense = WRONG[case]
    assert sense_of(spout(host, data)) == sense
    assert spin(host, 0x0020) == before


RIGHT: dict[str, bytes] = {
    "a key that is not needed": page(encryption=DISABLE, decryption=RAW),
    "RAW without a key": page(encryption=DISABLE, decryption=RAW, key=b""),
    "EXTERNAL": page(encryption=EXTERNAL, decryption=DISABLE, key=b"", m_kad=bytes(64)),
    "EXTERNAL and MIXED": page(encryption=EXTERNAL, decryption=MIXED, m_kad=bytes(64)),
    "ENCRYPT without KADs": page(),
    "KADs of the greatest length": page(u_kad=bytes(32), a_kad=bytes(60)),
    "algorithm index of another format": page(algorithm=2),
    "nonce": page(tail=kad(NONCE, bytes(12))),
    "empty KADs": page(tail=kad(U_KAD, b"") + kad(A_KAD, b"")),
    "AUTHENTICATED and reserved bits": page(tail=kad(U_KAD, b"u", 0x81)),
    "CEEM 1": page(ceem=1),
    "CEEM 2": page(ceem=2),
    "CEEM 3": page(ceem=3),
    "RDMC 2": page(rdmc=2),
    "RDMC 3": page(rdmc=3),
    "CKOD": page(ckod=1),
    "KAD format 2": page(kad_format=2, u_kad=b"name"),
    "LOCAL": page(scope=LOCAL),
    "PUBLIC with rubbish": page(
        scope=PUBLIC, encryption=9, decryption=9, algorithm=9, ceem=3, rdmc=1, ckorp=1
    ),
    "all off with a zero key and index 0": page(
        encryption=DISABLE, decryption=DISABLE, algorithm=0, key=bytes(32)
    ),
    "all off with KADs": page(
        encryption=DISABLE, decryption=DISABLE, algorithm=0, u_kad=bytes(99), m_kad=b"x"
    ),
    "all off with a key format that is not there": page(
        encryption=DISABLE, decryption=DISABLE, key_format=2
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_accepted(host: Host, case: str) -> None:
    assert spout(host, RIGHT[case]) == (GOOD, None, b"")
    assert spin(host, 0x0020)[8:12] in (bytes(4), bytes((0, 0, 0, 1)))


def test_less_data_than_announced(host: Host) -> None:
    reply = host.send(spout_cdb(52), out=page()[:51])
    assert sense_of(reply) == Sense(s.DATA_PHASE_ERROR)


def test_ckod_needs_a_volume() -> None:
    host = Host(new_drive())
    host.hear()
    assert sense_of(spout(host, page(ckod=1))) == bad(5, 2)
    assert spout(host, page()).status == GOOD


def test_ckorl_needs_a_reservation(host: Host) -> None:
    host.send(bytes((0x16, 0, 0, 0, 0, 0)))
    assert spout(host, page(ckorl=1)).status == GOOD


# --- other models ------------------------------------------------------------------------------


OTHER: dict[str, tuple[dict[str, Any], bytes, Sense]] = {
    "KADs required": ({"algorithm": {"dkad_c": 1}}, page(), Sense(s.INCOMPLETE_KAD_SET)),
    "U-KAD of a fixed length": ({"algorithm": {"ukadf": 1}}, page(u_kad=b"short"), bad(TAIL + 2)),
    "A-KAD of a fixed length": ({"algorithm": {"akadf": 1}}, page(a_kad=b"short"), bad(TAIL + 2)),
    "short A-KADs": (
        {"algorithms": {}, "max_akad": 12},
        page(a_kad=bytes(13)),
        bad(TAIL + 2),
    ),
    "no A-KADs": ({"algorithms": {}, "max_akad": 0}, page(a_kad=b"a"), bad(TAIL)),
    "no nonce": ({"algorithm": {"nonce_c": 1}}, page(tail=kad(NONCE, bytes(12))), bad(TAIL)),
    "nonce required": ({"algorithm": {"nonce_c": 2}}, page(), Sense(s.INCOMPLETE_KAD_SET)),
    "no KAD formats": ({"algorithm": {"kadf_c": 0}}, page(kad_format=1, u_kad=b"u"), bad(10)),
    "no vendor's key": (
        {"key_formats": [0, 1]},
        page(key_format=1, key=b"ACME    key of March"),
        Sense(s.KEY_REFERENCE_NOT_FOUND),
    ),
    "EXTERNAL not told of": (
        {"algorithm": {"eemc_c": 0}},
        page(encryption=EXTERNAL, decryption=DISABLE, m_kad=bytes(64)),
        bad(6),
    ),
    "no CKOD": ({"management": {"ckod_c": 0}}, page(ckod=1), bad(5, 2)),
    "no CKORP": ({"management": {"ckorp_c": 0}}, page(ckorp=1), bad(5, 1)),
    "no CKORL": ({"management": {"ckorl_c": 0}}, page(ckorl=1), bad(5, 0)),
    "EXTERNAL not allowed": (
        {"algorithm": {"eemc_c": 1}},
        page(encryption=EXTERNAL, decryption=DISABLE, m_kad=bytes(64)),
        bad(6),
    ),
    "raw reading never": ({"algorithm": {"rdmc_c": 6}}, page(decryption=RAW), bad(7)),
    "raw reading never (1)": ({"algorithm": {"rdmc_c": 1}}, page(decryption=RAW), bad(7)),
    "RDMC not controllable (1)": ({"algorithm": {"rdmc_c": 1}}, page(rdmc=2), bad(5, 5)),
    "RDMC not controllable (6)": ({"algorithm": {"rdmc_c": 6}}, page(rdmc=3), bad(5, 5)),
    "RDMC not controllable (7)": ({"algorithm": {"rdmc_c": 7}}, page(rdmc=2), bad(5, 5)),
    "no lock": ({"management": {"lock_c": 0}}, page(lock=1), bad(4, 0)),
    "no LOCAL": ({"management": {"local_c": 0}}, page(scope=LOCAL), bad(4, 7)),
    "no ALL": ({"management": {"aitn_c": 0}}, page(scope=ALL), bad(4, 7)),
    "no PUBLIC": ({"management": {"public_c": 0}}, page(scope=PUBLIC), bad(4, 7)),
    "configured elsewhere": (
        {"capabilities": {"cfg_p": 2}},
        page(),
        Sense(s.CONFIGURATION_PREVENTED),
    ),
}


@pytest.mark.parametrize("case", OTHER)
def test_other_models_refuse(case: str) -> None:
    encryption, data, sense = OTHER[case]
    with tape(model(**encryption)) as host:
        assert sense_of(spout(host, data)) == sense
        assert spin(host, 0x0020)[8:12] == bytes(4), "no set was established"


def test_other_models_accept() -> None:
    with tape(model(algorithm={"dkad_c": 1, "ukadf": 1})) as host:
        assert spout(host, page(u_kad=bytes(32))).status == GOOD
        assert spout(host, set_page(algorithm=0)).status == GOOD, "nothing is required to be off"
        assert spout(host, page(decryption=DISABLE)).status == GOOD, "nor to write"
    with tape(model(algorithm={"rdmc_c": 7})) as host:
        assert spout(host, page(rdmc=2, encryption=DISABLE)).status == GOOD
