"""The life of an LTFS volume: made, filled, mounted again; on data and WORM tapes, encrypted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from target.medium.cartridge import Cartridge
from target.scsi import sense as s
from tests.encryption import keys
from tests.tape.host import GOOD, MIB, Host, new_cartridge, new_drive, own_media, sense_of
from tests.tape.ltfs import DATA, INDEX, Coherency, Volume

MODELS = ("ibm/ult3580-td5", "ibm/ult3580-td9", "hp/ultrium-6", "ibm/ts1160")
WORM = {"ibm/ts1160": "KRL001JV"}
"""LTO WORM tapes cannot be divided."""


@dataclass
class Bench:
    """A drive, and a cartridge that is put into it again and again."""

    model: str
    folder: Path
    barcode: str

    @contextmanager
    def mounted(self) -> Iterator[Host]:
        cartridge = new_cartridge(self.folder, self.barcode, capacity=None)
        drive = new_drive(self.model)
        host = Host(drive)
        host.hear()
        drive.insert(cartridge)
        host.hear()
        yield host
        drive.eject()
        cartridge.close()


def bench(model: str, folder: Path, barcode: str = "") -> Bench:
    one = Bench(model, folder, barcode or f"KRL001{own_media(new_drive(model).personality)}")
    Cartridge.create(folder / one.barcode, one.barcode)
    return one


def contents(seed: int = 7) -> dict[str, bytes]:
    source = random.Random(seed)
    return {f"file{n}": source.randbytes(source.randrange(1, MIB)) for n in range(5)}


def live(one: Bench, key: bytes = b"", **kind: bool) -> None:
    """Make the volume, fill it, mount it again and look, three times over."""
    with one.mounted() as host:
        volume = Volume(host, **kind)
        volume.open_device()
        volume.make(one.barcode)
        volume.close_device()
    files = contents()
    for name, data in files.items():
        with one.mounted() as host:
            if key:
                keys.set_keys(host, key, encryption=keys.ENCRYPT, decryption=keys.MIXED)
            volume = Volume(host, **kind)
            if kind.get("careful"):
                volume.select_page(bytes((0x50, 1, 0, 0x1C, 0, 0x12)) + bytes(26))
            volume.open_device()
            volume.mount()
            volume.put(name, data)
            volume.unmount()
            volume.close_device()
    with one.mounted() as host:
        if key:
            keys.set_keys(host, key, encryption=keys.ENCRYPT, decryption=keys.MIXED)
        volume = Volume(host, **kind)
        volume.mount()
        assert volume.files.keys() == files.keys()
        for name in reversed(files):
            assert volume.get(name) == files[name]


@pytest.mark.req("SSC-MAM-080C", "SSC-MAM-0009", "SSC-CMD-04", "SSC-MODE-11")
@pytest.mark.parametrize("model", MODELS)
def test_a_data_cartridge(model: str, tmp_path: Path) -> None:
    live(bench(model, tmp_path))


@pytest.mark.parametrize("model", MODELS)
def test_an_encrypted_one_needs_its_key(model: str, tmp_path: Path) -> None:
    one = bench(model, tmp_path)
    live(one, key=keys.KEY_A)
    with one.mounted() as host:
        volume = Volume(host)
        # The labels were written in clear, when the volume was made.
        volume.locate(INDEX, 2)
        assert volume.read(len(volume.label(INDEX))) == volume.label(INDEX)
        where = Coherency.decode(volume.attribute(0x080C, INDEX)).block
        volume.locate(INDEX, where)
        assert sense_of(host.read(MIB, sili=True)).code is s.UNABLE_TO_DECRYPT


@pytest.mark.parametrize("model", WORM)
def test_a_worm_cartridge_is_appended_to(model: str, tmp_path: Path) -> None:
    one = bench(model, tmp_path, WORM[model])
    live(one, worm=True)
    with one.mounted() as host:
        volume = Volume(host, worm=True)
        volume.locate(DATA, 2)
        assert sense_of(host.write(b"other")).code is s.WORM_OVERWRITE
        volume.locate(DATA, 0)
        assert sense_of(host.send(bytes((0x04, 0, 0, 0, 0, 0)))).code.key in (5, 7)
        volume.mount()
        assert len(volume.files) == 5


def test_a_worm_cartridge_encrypted(tmp_path: Path) -> None:
    live(bench("ibm/ts1160", tmp_path, "KRL001JV"), key=keys.KEY_A, worm=True)


@pytest.mark.req("SSC-OVERWRITE-01", "SSC-OVERWRITE-03")
def test_in_append_only_mode_the_index_is_written_over_by_permission(tmp_path: Path) -> None:
    live(bench("ibm/ult3580-td9", tmp_path), careful=True)


def test_a_change_behind_its_back_is_noticed(tmp_path: Path) -> None:
    """Another program writes to the tape: the reference of the indexes is not the volume's."""
    one = bench("ibm/ult3580-td9", tmp_path)
    with one.mounted() as host:
        Volume(host).make(one.barcode)
    with one.mounted() as host:
        Volume(host).end_of(DATA)
        assert host.write(b"foreign").status == GOOD
    with one.mounted() as host, pytest.raises(AssertionError):
        Volume(host).mount()


@pytest.mark.req("SSC-FORMAT-06")
def test_made_anew_nothing_is_left(tmp_path: Path) -> None:
    one = bench("ibm/ult3580-td9", tmp_path)
    with one.mounted() as host:
        Volume(host).make(one.barcode)
        Volume(host).locate(DATA, 0)
        Volume(host).format(0)
        assert host.drive.partitions == 1
        assert host.drive.partition.count == 0
        assert host.drive.cartridge is not None
        assert 0x080C not in host.drive.cartridge.attributes.get(0, {})
