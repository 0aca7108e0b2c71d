"""How long keys live, keys that are wrapped, and keys that do not come from the hosts."""

from __future__ import annotations

from target.encryption import abilities
from target.scsi import sense as s
from target.transports.inprocess import Reply
from tests.encryption.keys import ALL, DECRYPT, ENCRYPT, KEY_A, KEY_B, LOCAL, set_page, spin, spout
from tests.encryption.wrapping import field, label_of, public_key, wrap
from tests.personalities.bench import Bench, Model, good, refused
from tests.personalities.checks.encryption import STATUS, ability, encrypted, encrypts, keyed
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


# --- how long keys live -------------------------------------------------------------------------


@check(ability("management", "ckod_c", 1))
def key_goes_with_the_volume(bench: Bench) -> None:
    """CKOD; without a volume it is 5/26/00."""
    host = encrypted(bench)
    assert keyed(bench, host, ckod=1).status == GOOD
    host.load(load=False)
    refused(host.ready(), s.ENCRYPTION_CHANGED_BY_EVENT)
    assert spin(host, STATUS)[5:7] == bytes(2)
    refused(keyed(bench, host, ckod=1), s.INVALID_PARAMETER, (5, 2))
    assert host.load().status == GOOD
    host.hear()
    refused(host.read(6), bench.model.code(s.ENCRYPTED_NOT_READABLE))


@check(ability("management", "lock_c", 1))
def locked_to_a_key(bench: Bench) -> None:
    """7/2A/13 once another nexus has changed the parameters."""
    host = bench.tape()
    other = bench.another(host)
    assert keyed(bench, host, lock=1).status == GOOD
    assert host.write(b"secret").status == GOOD
    assert keyed(bench, other, key=KEY_B).status == GOOD
    host.hear()
    refused(host.write(b"more"), s.KEY_COUNTER_CHANGED)


@check(ability("management", "ckorl_c", 1))
def keys_of_reservations(bench: Bench) -> None:
    """CKORL and CKORP need a reservation."""
    host = bench.tape()
    refused(keyed(bench, host, ckorl=1), s.INVALID_PARAMETER, (5, 0))
    refused(keyed(bench, host, ckorp=1), s.INVALID_PARAMETER, (5, 1))
    assert host.send(bytes((0x16, 0, 0, 0, 0, 0))).status == GOOD
    assert keyed(bench, host, ckorl=1).status == GOOD
    assert host.send(bytes((0x17, 0, 0, 0, 0, 0))).status == GOOD
    host.hear()
    assert spin(host, STATUS)[5:7] == bytes(2)


@check(ability("management", "local_c", 1))
def local_keys(bench: Bench) -> None:
    """LOCAL is for the nexus alone; ALL is told to those that have asked for such pages."""
    host = bench.tape()
    other = bench.another(host)
    spin(other, STATUS)
    assert keyed(bench, host, scope=LOCAL).status == GOOD
    assert other.hear() == []
    assert spin(other, STATUS)[5:7] == bytes(2)
    assert keyed(bench, host, scope=ALL).status == GOOD
    refused(other.ready(), s.ENCRYPTION_CHANGED_BY_OTHER)
    assert spin(other, STATUS)[5:7] == bytes((ENCRYPT, DECRYPT))


@check(encrypts)
def keys_do_not_outlive_a_reset(bench: Bench) -> None:
    for event in ("reset", "power_on"):
        host = bench.tape()
        assert keyed(bench, host).status == GOOD
        getattr(host.drive, event)()
        host.hear()
        assert spin(host, STATUS)[4:8] == bytes(4)


@check(encrypts)
def lost_nexus_loses_its_key(bench: Bench) -> None:
    host = bench.tape()
    assert keyed(bench, host, scope=LOCAL).status == GOOD
    host.drive.nexus_lost(host.nexus)
    host.hear()
    assert spin(host, STATUS)[4:8] == bytes(4)
