"""Keys that are wrapped, and keys that do not come from the hosts."""

from __future__ import annotations

from target.encryption import abilities
from target.scsi import sense as s
from target.transports.inprocess import Reply
from tests.encryption.keys import DECRYPT, ENCRYPT, KEY_A, set_page, spin, spout
from tests.encryption.wrapping import field, label_of, public_key, wrap
from tests.personalities.bench import Bench, Model, good, refused
from tests.personalities.registry import check
from tests.tape.host import GOOD, Host

PUBLIC_KEY, WRAPPED = 0x0031, 2
PREVENTED, EXTERNAL_CONTROL, NOT_REPORTED = 2, 3, 0


def wraps(model: Model) -> bool:
    return model.encrypts and PUBLIC_KEY in model.personality.encryption["in_pages"]


def outside(model: Model) -> list[str]:
    """Who but the application may control the model's encryption."""
    return [who for who in abilities.controls(model.personality) if who != "application"]


def under(bench: Bench, control: str) -> Host:
    """A host at a drive with a blank tape that someone else gives the keys of."""
    host = bench.empty(control=control)
    host.drive.insert(bench.cartridge())
    host.hear()
    return host


def silent(bench: Bench, control: str) -> bool:
    known = bench.model.personality.encryption.get("control", {})
    return control in known.get("silent", ())


def send(bench: Bench, host: Host, key: bytes, key_format: int) -> Reply:
    can = abilities.of(bench.model.personality)
    assert can is not None
    page = set_page(
        key=key,
        key_format=key_format,
        encryption=ENCRYPT,
        decryption=DECRYPT,
        algorithm=can.algorithms[-1].index,
        u_kad=b"name" if can.max_ukad else b"",
    )
    return spout(host, page)


@check(wraps)
def wrapped_keys(bench: Bench) -> None:
    host = bench.tape()
    label = label_of(host)
    reply = send(bench, host, field(label, wrap(host, KEY_A, label)), WRAPPED)
    assert reply.status == GOOD
    host.write_tape([b"secret"])
    assert send(bench, host, KEY_A, 0).status == GOOD
    assert good(host.read(6)) == b"secret"


@check(wraps)
def key_to_wrap_with(bench: Bench) -> None:
    modulus, exponent = public_key(bench.empty())
    assert (modulus.bit_length(), exponent) == (2048, 65537)
    assert public_key(bench.empty()) != (modulus, exponent), "each drive has its own"


@check(lambda model: model.encrypts and not wraps(model))
def no_wrapped_keys(bench: Bench) -> None:
    host = bench.tape()
    refused(send(bench, host, field(b"", bytes(256)), WRAPPED), s.INVALID_PARAMETER, (9, None))
    cdb = bytes.fromhex("a2 20 0031 0000 000000ff 00 00")
    assert refused(host.send(cdb, size=255), s.INVALID_FIELD_IN_CDB).pointer is not None


@check(lambda model: bool(outside(model)))
def hosts_that_do_not_control_it(bench: Bench) -> None:
    for control in outside(bench.model):
        host = under(bench, control)
        code = s.INVALID_FIELD_IN_CDB if silent(bench, control) else s.CONFIGURATION_PREVENTED
        refused(spout(host, set_page(key=KEY_A, encryption=ENCRYPT, decryption=DECRYPT)), code)
        refused(spout(host, set_page()), code)


@check(lambda model: bool(outside(model)))
def who_controls_it_is_told(bench: Bench) -> None:
    table = bench.model.personality.encryption
    told = table["control"].get("reported", True)
    for control in outside(bench.model):
        if silent(bench, control):
            continue
        host = under(bench, control)
        data = spin(host, 0x0010)
        assert data[4] & 3 == PREVENTED
        assert data[24] & 0x0F == EXTERNAL_CONTROL << 2 | EXTERNAL_CONTROL
        expected = {"library": 3, "system": 4, "agent": 4}[control] if told else NOT_REPORTED
        assert spin(host, 0x0020)[12] >> 4 & 7 == expected


@check(lambda model: bool(outside(model)))
def nobody_gives_keys(bench: Bench) -> None:
    """A blank tape is not written; what is there without encryption is read and written on."""
    for control in outside(bench.model):
        host = under(bench, control)
        nothing = s.DEVICE_KEYS_MISSING if control == "agent" else s.KEY_GENERATION_REQUIRED
        refused(host.write(b"data"), bench.model.code(nothing))
        refused(host.filemarks(), bench.model.code(nothing))
        assert host.drive.partition.count == 0
        assert host.rewind().status == GOOD
