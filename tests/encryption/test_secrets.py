"""Keys show themselves nowhere: repr, exceptions, logs, pickles, the host's buffer."""

from __future__ import annotations

import copy
import gc
import logging
import pickle

import pytest

from keymgr.secret import Secret
from target.encryption.parameters import ParameterSet
from target.encryption.set_page import check_header, parse
from target.medium.cartridge import Cartridge
from target.scsi.sense import CheckCondition
from tests.encryption.keys import KEY_A, set_keys, set_page, spin, spout, spout_cdb
from tests.tape.host import CHECK, GOOD, Host

KEY = b"\xc3\x28Qq9\x00vZ" * 4
SHOWN = (KEY.hex(), KEY.hex(" "), repr(KEY)[2:-1], KEY.decode("latin-1"), str(list(KEY))[1:-1])


def shows(text: str) -> bool:
    return any(form in text for form in SHOWN)


def test_the_test_sees_keys() -> None:
    assert shows(repr(KEY))
    assert shows(repr(bytearray(KEY)))
    assert shows(f"key {KEY.hex()}")


def test_repr_and_str(host: Host) -> None:
    set_keys(host, KEY, u_kad=b"label")
    host.write(b"secret")
    drive = host.drive
    used = drive.parameters.of(host.nexus)
    assert bytes(used.key.reveal()) == KEY
    for thing in (used, used.key, drive, drive.parameters, vars(drive), vars(drive.parameters)):
        assert not shows(f"{thing!r} {thing!s}")


def test_secrets_are_not_pickled(host: Host) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not written anywhere"):
            pickle.dumps(Secret(KEY), protocol)
    with pytest.raises(TypeError):
        copy.deepcopy(ParameterSet(key=Secret(KEY)))


def test_wiping_overwrites_in_place() -> None:
    secret = Secret(KEY)
    view = secret.reveal()
    secret.wipe()
    assert view == bytearray(32)


def test_nothing_in_the_log(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    set_keys(host, KEY)
    host.write_tape([b"secret"])
    host.read(6)
    for at in range(52):
        data = bytearray(set_page(key=KEY, encryption=2, decryption=2))
        data[at] ^= 0xFF
        spout(host, bytes(data))
    spin(host, 0x0020)
    spin(host, 0x0021)
    assert not shows(caplog.text)
    assert not any(shows(repr(vars(record))) for record in caplog.records)


def test_nothing_in_the_log_even_when_a_command_breaks(
    host: Host, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(host.drive, "parameters_changed", broken)
    reply = spout(host, set_page(key=KEY, encryption=2, decryption=2))
    assert reply.sense is not None
    assert reply.sense.code[:3] == (0x4, 0x44, 0x00)
    assert "broken on purpose" in caplog.text
    assert not shows(caplog.text)


def test_nothing_in_exceptions() -> None:
    for at in range(52):
        data = bytearray(set_page(key=KEY, encryption=2, decryption=2))
        data[at] ^= 0xFF
        try:
            check_header(data)
        except CheckCondition as condition:
            assert not shows(f"{condition!r} {condition} {condition.args}")
    assert parse.__doc__


@pytest.mark.parametrize(
    "data",
    [
        set_page(key=KEY, encryption=2, decryption=2),
        set_page(key=KEY, encryption=3),
        set_page(key=KEY, encryption=2, algorithm=7),
        set_page(key=KEY, encryption=2, tail=b"\0"),
        set_page(key=KEY, scope=0),
        set_page(key=KEY),
    ],
    ids=["good", "bad mode", "bad algorithm", "bad tail", "public", "off"],
)
def test_the_hosts_buffers_are_zeroed(host: Host, data: bytes) -> None:
    for cut in (0, 1, 25, 40, len(data)):
        first, second = bytearray(data[:cut]), bytearray(data[cut:])
        buffers = [memoryview(first), memoryview(second)]
        host.unit.execute(host.nexus, spout_cdb(len(data)), buffers)
        assert not any(first + second)


def test_a_buffer_that_is_too_short_is_zeroed_too(host: Host) -> None:
    data = bytearray(set_page(key=KEY, encryption=2)[:-1])
    done = host.unit.execute(host.nexus, spout_cdb(52), [memoryview(data)])
    assert (done.status, bytes(data)) == (CHECK, bytes(51))


def test_no_answer_holds_a_key(host: Host) -> None:
    set_keys(host, KEY, rdmc=2)
    host.write_tape([b"secret"])
    for page in (0, 1, 0x10, 0x11, 0x12, 0x20, 0x21, 0x30):
        assert KEY not in spin(host, page)
    set_keys(host, encryption=0, decryption=1)
    assert KEY not in spin(host, 0x0021)
    assert KEY not in host.read(4096, sili=True).data


def test_nothing_on_the_cartridge(host: Host) -> None:
    set_keys(host, KEY, u_kad=b"label")
    host.write_tape([b"a plain text that is easy to find"])
    cartridge = host.drive.cartridge
    assert isinstance(cartridge, Cartridge)
    stored = b"".join(path.read_bytes() for path in cartridge.folder.rglob("*") if path.is_file())
    assert b"label" in stored, "the label is there for all to see"
    assert KEY not in stored
    assert b"plain text" not in stored


def held_keys() -> set[bytes]:
    """Every key that an object of this process still holds."""
    gc.collect()
    secrets = [thing for thing in gc.get_objects() if isinstance(thing, Secret)]
    return {bytes(one.reveal()) for one in secrets}


def test_a_key_that_was_replaced_is_left_in_no_object(host: Host) -> None:
    set_keys(host, KEY)
    host.write_tape([b"secret"])
    host.read(6)
    set_keys(host, KEY_A)
    held = held_keys()
    assert KEY_A in held
    assert KEY not in held
    assert host.ready().status == GOOD
