"""No nonce is used twice under one block key, whatever happens to drive and cartridge.

Every block that is sealed is noted with its derived key and its nonce, over histories of writing,
overwriting, failing, losing power and working on with a copy of the cartridge.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from keymgr.secret import Secret
from target.medium import crypt
from target.medium.crypt import TAG_SIZE, BlockCipher
from target.medium.errors import WriteFailed
from target.medium.index import ENCRYPTED
from target.scsi import sense as s
from tests.medium.faults import Faults
from tests.medium.tape import (
    KEY,
    OTHER_KEY,
    Refused,
    block,
    crash,
    drive,
    files,
    power_off,
    power_on,
)


class Uses:
    """Stands in for AESGCM and notes every (key, nonce) that something is sealed with."""

    def __init__(self) -> None:
        self.seen: set[tuple[bytes, bytes]] = set()
        self.again: list[tuple[bytes, bytes]] = []

    def __call__(self, key: bytes) -> Uses.Cipher:
        return Uses.Cipher(self, bytes(key))

    class Cipher:
        def __init__(self, uses: Uses, key: bytes) -> None:
            self.uses, self.key, self.real = uses, key, AESGCM(key)

        def encrypt_into(
            self, nonce: bytearray, data: memoryview, aad: bytearray, into: memoryview
        ) -> int:
            use = self.key, bytes(nonce)
            if use in self.uses.seen:
                self.uses.again.append(use)
            self.uses.seen.add(use)
            return self.real.encrypt_into(nonce, data, aad, into)

        def decrypt_into(
            self, nonce: bytearray, data: memoryview, aad: bytearray, into: memoryview
        ) -> int:
            return self.real.decrypt_into(nonce, data, aad, into)


def test_a_cipher_never_goes_backwards() -> None:
    """Whoever asks: a number that was sealed, or one before it, is refused with nothing written."""
    cipher = BlockCipher(Secret(KEY), bytes(32), bytes(32))
    data, into = memoryview(b"data"), memoryview(bytearray(4 + TAG_SIZE))
    cipher.seal(5, 4, 0, ENCRYPTED, data, into)
    sealed = bytes(into)
    for number in (5, 4, 0):
        with pytest.raises(WriteFailed):
            cipher.seal(number, 4, 0, ENCRYPTED, memoryview(b"atad"), into)
        assert into == sealed
    cipher.seal(6, 4, 0, ENCRYPTED, data, into)
    assert into != sealed


@pytest.mark.parametrize("call", ["ftruncate", "fdatasync"])
def test_a_cut_that_fails_ends_the_run(tmp_path: Path, call: str) -> None:
    """The disk fails just when the tape is cut; the host goes on as if nothing had been."""
    uses = Uses()
    with mock.patch.object(crypt, "AESGCM", uses), Faults().on() as faults:
        with drive(tmp_path / "cartridge", KEY) as host:
            for number in range(4):
                host.write(block(100, number))
            host.filemarks(0)
            host.locate(2)
            faults.fail({call: "index"}, errno.EIO)
            with pytest.raises(Refused):
                host.write(b"new")
            faults.heal()
            refused = 0
            while True:
                try:
                    host.write(b"new")
                    break
                except Refused:
                    refused += 1
                    assert refused < 2
            at = host.position()
            host.rewind()
            assert host.rest() == [*[block(100, number) for number in range(at - 1)], b"new"]
        assert not uses.again


class History(RuleBasedStateMachine):
    """What can happen to a cartridge. Copies taken at any time may be put back later."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.uses = Uses()
        self.stack.enter_context(mock.patch.object(crypt, "AESGCM", self.uses))
        self.faults = self.stack.enter_context(Faults().on())
        self.scratch = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.folder = self.scratch / "cartridge"
        self.copies: list[Path] = []
        self.refused = False
        self.host = power_on(self.folder)
        self.host.key(KEY)

    @invariant()
    def no_nonce_comes_again(self) -> None:
        assert not self.uses.again

    def teardown(self) -> None:
        self.faults.heal()
        power_off(self.host)
        keys = {
            kind(key) for key in (KEY, OTHER_KEY) for kind in (bytes, lambda k: k.hex().encode())
        }
        keys |= {key for key, _ in self.uses.seen}
        for name, content in files(self.folder).items():
            assert not any(key in content for key in keys), f"a key is in {name}"
        self.stack.close()

    def attempt(self, *work: Callable[[], None]) -> None:
        """Write; the file system may refuse, and what it refused may need a second try."""
        try:
            for one in work:
                one()
        except Refused as refused:
            assert refused.code.key == s.WRITE_ERROR.key
            assert self.faults.failing or self.refused
            self.refused = bool(self.faults.failing)
        else:
            self.refused = False

    @rule(count=st.integers(1, 5), size=st.sampled_from((1, 1000, 70_000, 400_000)))
    def write(self, count: int, size: int) -> None:
        self.attempt(*[lambda: self.host.write(block(size))] * count)

    @rule(count=st.integers(0, 2), immed=st.booleans())
    def filemarks(self, count: int, immed: bool) -> None:
        self.attempt(lambda: self.host.filemarks(count, immed))

    @rule(key=st.sampled_from((KEY, OTHER_KEY)))
    def set_key(self, key: bytes) -> None:
        self.host.key(key)

    @rule(back=st.integers(1, 8))
    def go_back(self, back: int) -> None:
        self.host.locate(max(0, self.host.position() - back))

    @rule()
    def go_to_end(self) -> None:
        self.host.to_end()

    @rule(
        call=st.sampled_from(("pwrite", "fdatasync", "ftruncate")),
        name=st.sampled_from(("data", "index", "runs", "*")),
        partial=st.sampled_from((0, 100, 100_000)),
    )
    def fill_disk(self, call: str, name: str, partial: int) -> None:
        self.faults.fail({call: name}, partial=partial)

    @precondition(lambda self: self.faults.failing)
    @rule()
    def notice_and_make_room(self) -> None:
        self.attempt(self.host.filemarks)
        self.faults.heal()
        self.attempt(lambda: self.host.write(block(100)))

    @rule(clean=st.booleans(), key=st.sampled_from((KEY, OTHER_KEY)))
    def restart(self, clean: bool, key: bytes) -> None:
        self.faults.heal()
        if clean:
            power_off(self.host)
        else:
            crash(self.host)
        self.host = power_on(self.folder)
        self.host.key(key)
        self.host.to_end()

    @rule()
    def copy(self) -> None:
        target = self.scratch / f"copy{len(self.copies)}"
        shutil.copytree(self.folder, target)
        self.copies.append(target)

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def work_on_with_a_copy(self, data: st.DataObject) -> None:
        self.faults.heal()
        crash(self.host)
        shutil.rmtree(self.folder)
        shutil.copytree(data.draw(st.sampled_from(self.copies), label="copy"), self.folder)
        self.host = power_on(self.folder)
        self.host.key(KEY)
        self.host.to_end()


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=100, stateful_step_count=40)
