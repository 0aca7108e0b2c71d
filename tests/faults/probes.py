"""What a host sees of a drive where one of its defects shows: the same each time without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.encryption import keys
from tests.tape.host import BLOCKS, FILEMARKS, OBJECT, Host

Probe = Callable[[Host], Any]
KEY, OTHER = keys.KEY_A, keys.KEY_B
LOCAL, ALL = keys.LOCAL, keys.ALL
M_KAD = 64
"""Bytes."""


def _said(reply: Any) -> Any:
    """Status, data and what of the sense data a host looks at."""
    return reply.status, reply.data, reply.sense


def _send(*cdbs: str, size: int = 600) -> Probe:
    """Commands, in hex, without data-out."""
    return lambda host: [_said(host.send(bytes.fromhex(one), size=size)) for one in cdbs]


def _tape(*steps: Callable[[Host], Any]) -> Probe:
    """Steps with two blocks, two filemarks and a block on the tape, from its beginning."""

    def probe(host: Host) -> Any:
        host.write_tape([b"a" * 100, b"b" * 50, None, None, b"c" * 10])
        return [_step(step(host)) for step in steps], host.position()

    return probe


def _step(result: Any) -> Any:
    return _said(result) if hasattr(result, "status") else result


def _end(host: Host) -> Any:
    """Small tapes are full soon."""
    told: list[Any] = []
    while not told or told[-1][0] == 0:
        told.append(_said(host.write(bytes(100_000))))
    return told[-1]


def _select(host: Host, page: bytes) -> Any:
    data = bytes(3) + b"\x10" + bytes(4) + page
    cdb = bytes((0x55, 0x10)) + bytes(5) + len(data).to_bytes(2, "big") + bytes(1)
    return _said(host.send(cdb, out=data))


def _mode(host: Host, code: int, control: int = 0) -> bytes:
    cdb = bytes((0x5A, 8, control << 6 | code, 0)) + bytes(3) + b"\0\xff\0"
    return host.send(cdb, size=255).data


def _changed_mode(host: Host) -> Any:
    """Page 10h with a WRITE DELAY TIME, as another host hears and sees it."""
    other = Host(host.drive, "other")
    other.hear()
    page = bytearray(_mode(host, 0x10)[8:])
    page[0] &= 0x7F
    page[6:8] = b"\0\x07"
    return _select(host, bytes(page)), other.hear(), _mode(host, 0x10)


def _descriptor_sense(host: Host) -> Any:
    return host.send(bytes((3, 1, 0, 0, 252, 0)), size=252).data


def _twice(host: Host) -> Any:
    host.drive.attention(host.drive.since_power_on[0])
    return host.hear()


def _inquiry_first(host: Host) -> Any:
    host.drive.attention(host.drive.since_power_on[0])
    return _send("120000006000")(host)


def _reserved(*, other_cdb: str = "010000000000") -> Probe:
    def probe(host: Host) -> Any:
        other = Host(host.drive, "other")
        other.hear()
        host.send(bytes.fromhex("160000000000"))
        return _said(other.send(bytes.fromhex(other_cdb))), _said(other.send(bytes(6)))

    return probe


def _register(host: Host, key: int, action: int = 0, new: int = 7) -> Any:
    data = key.to_bytes(8, "big") + new.to_bytes(8, "big") + bytes(8)
    cdb = bytes((0x5F, action, 3 if action else 0)) + bytes(2) + len(data).to_bytes(4, "big")
    return _said(host.send(cdb + bytes(1), out=data))


def _persistent(host: Host) -> Any:
    _register(host, 0)
    _register(host, 7, new=8)
    wrong = _register(host, 99, action=1)
    return wrong, _send("5e0000000000000100", "5e010000000000010000")(host)


def _log_reset(host: Host) -> Any:
    host.write(b"block")
    host.send(bytes.fromhex("4c02c000000000000000"))
    return host.send(bytes.fromhex("4d004200000000020000"), size=512).data


def _timestamp(host: Host) -> Any:
    page = bytes(4) + (10**12).to_bytes(6, "big") + bytes(2)
    host.send(bytes.fromhex("a40f000000000000000c0000"), out=page)
    data = host.send(bytes.fromhex("a30f000000000000000c0000"), size=12).data
    return data[2], int.from_bytes(data[4:10], "big") >= 10**12


# --- encryption --------------------------------------------------------------------------------


def _out(page: bytes) -> Probe:
    return lambda host: _said(keys.spout(host, page))


def _in(page: int, before: Probe | None = None, allocation: int = 8192) -> Probe:
    def probe(host: Host) -> Any:
        if before is not None:
            before(host)
        return keys.spin(host, page, allocation)

    return probe


def _set(**fields: Any) -> Probe:
    def probe(host: Host) -> Any:
        values = {"encryption": 2, "decryption": 2, "key": KEY, **fields}
        return _said(keys.spout(host, keys.set_page(**values)))

    return probe


def _read(written: dict[str, Any] | None, used: dict[str, Any] | None) -> Probe:
    """A block written with one Set Data Encryption and read with another; None: keys off."""

    def probe(host: Host) -> Any:
        for fields in (written, used):
            reply = keys.spout(host, keys.set_page(**fields) if fields else keys.set_page())
            assert reply.status == 0, reply
            if fields is written and not host.drive.partition.count:
                host.write_tape([b"x" * 40])
        return _said(host.read(400, sili=True)), host.position()

    return probe


def _after(first: Probe, *others: Probe) -> Probe:
    """What the last of these shows, having done the others before."""

    def probe(host: Host) -> Any:
        return [first(host), *(other(host) for other in others)][-1]

    return probe


def _both(probe: Probe) -> Probe:
    """What a second nexus sees of what the first has done."""

    def both(host: Host) -> Any:
        other = Host(host.drive, "other")
        other.hear()
        keys.spin(other, 0x20)
        probe(host)
        return other.hear(), keys.spin(other, 0x20)

    return both


def _locked(host: Host) -> Any:
    other = Host(host.drive, "other")
    other.hear()
    _set(scope=ALL, lock=1)(host)
    _set(scope=ALL, key=OTHER)(other)
    host.hear()
    return _said(host.write(b"block"))


def _reload(host: Host) -> Any:
    host.load(load=False)
    host.load()
    host.hear()
    return keys.spin(host, 0x20)


def _power(host: Host) -> Any:
    host.drive.reset()
    host.hear()
    return keys.spin(host, 0x20)


def _lost(host: Host) -> Any:
    host.drive.nexus_lost(host.nexus)
    host.hear()
    return keys.spin(host, 0x20)


def _released(host: Host) -> Any:
    host.send(bytes.fromhex("160000000000"))
    _set(ckorl=1)(host)
    host.send(bytes.fromhex("170000000000"))
    host.hear()
    return keys.spin(host, 0x20)


def _preempted(host: Host) -> Any:
    other = Host(host.drive, "other")
    other.hear()
    _register(host, 0)
    _register(host, 7, action=1)
    _set(ckorp=1)(host)
    _register(other, 0, new=9)
    data = (9).to_bytes(8, "big") + (7).to_bytes(8, "big") + bytes(8)
    other.send(bytes.fromhex("5f040300000000001800"), out=data)
    other.hear()
    return keys.spin(other, 0x20)


def _block(**fields: Any) -> Probe:
    """One encrypted block, with the tape before it."""

    def probe(host: Host) -> None:
        _set(decryption=3, **fields)(host)
        host.write_tape([b"x" * 40])

    return probe


def _replaced(host: Host) -> None:
    """Two nexuses set a key for all, one after the other."""
    other = Host(host.drive, "other")
    other.hear()
    _set(scope=ALL)(other)
    host.hear()
    _set(scope=ALL, key=OTHER)(host)
    other.hear()


def _two_labels(host: Host) -> Any:
    other = Host(host.drive, "other")
    other.hear()
    _set(scope=LOCAL, u_kad=b"mine")(host)
    _set(scope=LOCAL, u_kad=b"theirs")(other)
    return keys.spin(host, 0x20)


def _public_other(host: Host) -> Any:
    other = Host(host.drive, "other")
    other.hear()
    _set(scope=ALL)(host)
    keys.spout(other, keys.set_page(scope=0))
    return keys.spin(host, 0x20)


def _read_ahead(host: Host) -> Any:
    _set()(host)
    host.write_tape([b"x" * 40, b"y" * 40])
    host.read(400, sili=True)
    keys.spout(host, keys.set_page())
    return _said(host.read(400, sili=True))


def _vcelbre(host: Host) -> Any:
    _block()(host)
    page = bytearray(host.send(bytes.fromhex("5a08100100000000ff00"), size=255).data[8:])
    page[0] &= 0x7F
    page[8] |= 1
    _select(host, bytes(page))
    host.locate(1)
    keys.spout(host, keys.set_page())
    return _said(host.write(b"clear"))


def _spaced(host: Host) -> Any:
    host.write_tape([b"x" * 40, b"y" * 40])
    host.space(BLOCKS, 1)
    return keys.spin(host, 0x21)


_ENCRYPT = {"encryption": 2, "decryption": 2, "key": KEY}
_DECRYPT = {"decryption": 2, "key": KEY}
_KADS = {"u_kad": b"label", "a_kad": b"checked"}
_read_short = _tape(lambda host: host.read(200))
_marks = _tape(lambda host: host.space(FILEMARKS, 1))

PROBES: dict[str, Probe] = {
    "ili-missing": _read_short,
    "residual-missing": _read_short,
    "residual-sign": _read_short,
    "residual-off-by-one": _tape(lambda host: (host.locate(2), host.read(10))[1]),
    "sili-ignored": _tape(lambda host: host.read(200, sili=True)),
    "filemark-bit-missing": _tape(lambda host: (host.locate(2), host.read(10))[1]),
    "eom-missing": _end,
    "early-warning-missing": _end,
    "end-of-data-key": lambda host: _said(host.read(10)),
    "end-of-data-good": lambda host: _said(host.read(10)),
    "space-wrong-side": _marks,
    "space-passes-filemark": _tape(lambda host: host.space(BLOCKS, 4)),
    "space-residual": _tape(lambda host: host.space(FILEMARKS, 7)),
    "locate-beyond-end": _tape(lambda host: host.locate(99, OBJECT)),
    "position-off-by-one": _marks,
    "bop-missing": _send("34000000000000000000", size=20),
    "file-number-wrong": _send("34060000000000000000", size=32),
    "erase-ignored": _tape(lambda host: host.erase(), lambda host: host.read(100)),
    "filemarks-missing": _tape(lambda host: host.filemarks(3)),
    "block-limits-wrong": _send("050000000000", size=6),
    "prevent-ignored": lambda host: (host.prevent(True), _said(host.load(load=False)))[1],
    "load-attention-missing": lambda host: (host.load(load=False), host.load(), host.hear())[2],
    "ready-without-volume": lambda host: (host.load(load=False), _said(host.ready()))[1],
    "rewind-ignored": _tape(lambda host: host.locate(3), lambda host: host.rewind()),
    "fixed-read-residual": _tape(
        lambda host: host.set_block_length(10), lambda host: host.read_fixed(3)
    ),
    "reserved-bits-accepted": _send("000000000100"),
    "opcode-sense-wrong": _send("fe0000000000", "ec0000000000"),
    "field-sense-wrong": _send("120055000000"),
    "field-pointer-missing": _send("120055000000"),
    "field-pointer-wrong": _send("120055000000"),
    "field-pointer-place": _out(keys.set_page(scope=7)),
    "descriptor-sense-ignored": _descriptor_sense,
    "request-sense-stale": _send("120055000000", "030000001200", size=18),
    "attention-lost": _changed_mode,
    "attention-twice": _twice,
    "attention-to-inquiry": _inquiry_first,
    "allocation-length-ignored": _send("120000000800"),
    "allocation-length-refused": _send("120000000800"),
    "additional-length-wrong": _send("120000006000"),
    "vpd-length-wrong": _send("12018000ff00"),
    "mode-length-wrong": _send("1a081000ff00"),
    "vpd-unknown-accepted": _send("12017f00ff00"),
    "inquiry-page-accepted": _send("12008000ff00"),
    "mode-select-ignored": _changed_mode,
    "mode-mask-wrong": lambda host: _mode(host, 0x10, 1),
    "log-reset-ignored": _log_reset,
    "log-unknown-accepted": _send("4d003a00000000020000"),
    "opcodes-incomplete": _send("a30c0000000000001000 0000".replace(" ", ""), size=4096),
    "density-missing": _send("44000000000000020000"),
    "timestamp-ignored": _timestamp,
    "reservations-ignored": _reserved(),
    "generation-stuck": _persistent,
    "reservation-key-ignored": _persistent,
    "conflict-as-good": _reserved(),
    "lock-ignored": _locked,
    "scope-ignored": _both(_set(scope=LOCAL)),
    "public-keeps-key": _in(0x20, _after(_set(scope=LOCAL), _out(keys.set_page(scope=0)))),
    "disable-ignored": _in(0x20, _after(_set(), _out(keys.set_page()))),
    "key-change-silent": _both(_set()),
    "key-length-accepted": _set(key=bytes(16)),
    "algorithm-accepted": _set(algorithm=0x77),
    "mode-accepted": _set(encryption=9),
    "kad-accepted": _set(tail=b"\x09\0\0\x01x"),
    "list-reserved-accepted": _set(sdk=1),
    "list-length-accepted": _out(b"\0\x10\0\x02ab"),
    "ckod-without-volume": lambda host: (host.load(load=False), _set(ckod=1)(host))[1],
    "ckod-ignored": _after(_set(ckod=1), _reload),
    "ckorl-ignored": _released,
    "ckorp-ignored": _preempted,
    "reset-keeps-key": _after(_set(), _power),
    "nexus-loss-keeps-key": _after(_set(scope=LOCAL), _lost),
    "stored-in-clear": _read(_ENCRYPT, None),
    "external-in-clear": _after(
        _set(encryption=1, key=b"", decryption=0, m_kad=bytes(M_KAD)),
        lambda host: _said(host.write(b"not raw")),
    ),
    "decrypt-as-mixed": _read(None, _DECRYPT),
    "mixed-as-decrypt": _read(None, {"decryption": 3, "key": KEY}),
    "ceem-ignored": _read(_ENCRYPT, {**_DECRYPT, "ceem": 3}),
    "rdmc-ignored": _read({**_ENCRYPT, "rdmc": 3}, {"decryption": 1}),
    "raw-decrypted": lambda host: _read(_ENCRYPT, {"decryption": 1})(host)[0][1][:4],
    "wrong-key-reads": _read(_ENCRYPT, {"decryption": 2, "key": OTHER}),
    "no-key-reads": _read(_ENCRYPT, None),
    "wrong-key-sense": _read(_ENCRYPT, {"decryption": 2, "key": OTHER}),
    "no-key-sense": _read(_ENCRYPT, None),
    "counter-stuck": _in(0x20, _set()),
    "status-scope-wrong": _in(0x20, _set()),
    "status-modes-swapped": _in(0x20, _set(decryption=3)),
    "vcelb-missing": _in(0x20, _block()),
    "next-block-clear": _in(0x21, _block()),
    "next-block-number": _in(0x21, _after(_block(), lambda host: host.locate(1))),
    "kad-missing": _in(0x21, _block(**_KADS)),
    "kad-order": _in(0x21, _block(**_KADS)),
    "kad-authenticated": _in(0x21, _block(**_KADS)),
    "kad-cut": _in(0x20, _set(**_KADS)),
    "spin-length-cut": _in(0x10, allocation=10),
    "spin-page-accepted": _send("a22000770000000000ff0000"),
    "spin-pages-incomplete": _in(0x00),
    "capabilities-key-size": _in(0x10),
    "key-half": _read({**_ENCRYPT, "key": KEY}, {"decryption": 2, "key": KEY[:31] + b"?"}),
    "kads-stay": _in(0x20, _after(_set(u_kad=b"label"), _set())),
    "kads-of-others": _two_labels,
    "counter-of-others": _in(0x20, _replaced),
    "ckod-stays": _after(_set(ckod=1), _set(), _reload),
    "public-releases-all": _public_other,
    "read-ahead-kept": _read_ahead,
    "refused-read-moves": _read(_ENCRYPT, None),
    "vcelbre-ignored": _vcelbre,
    "next-block-before-space": _spaced,
}  # fmt: skip
"""By defect; all but write-protect-ignored, which needs another cartridge."""
