"""The attributes of the cartridge memory: what each says, and how it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from target.medium.formats import TYPES
from target.scsi import sense as s
from target.tape import mam
from target.tape.mam_table import ATTRIBUTES
from target.tape.tape_alert import Flag
from tests.encryption.keys import ENCRYPT, KEY_A, set_page, spout
from tests.tape.host import GOOD, MIB, Host, new_cartridge, new_drive, sense_of, tape
from tests.tape.memory import (
    ASCII,
    BINARY,
    READ_ONLY,
    SUPPORTED,
    TEXT,
    TWO,
    attribute,
    coherency,
    everything,
    hosts_own,
    identifiers,
    number,
    partitioned,
    read,
    reopen,
    value,
    write,
)

NONE = b"\xff" * 8
RB, RA = READ_ONLY | BINARY, READ_ONLY | ASCII


def text(words: str, size: int) -> bytes:
    return words.encode().ljust(size)


@pytest.mark.req("SSC-RATTR-09")
@pytest.mark.parametrize(
    ("identifier", "flags", "expected"),
    [
        pytest.param(0x0000, RB, "0000000000000040", marks=pytest.mark.req("SSC-MAM-0000")),
        pytest.param(0x0001, RB, "0000000000000040", marks=pytest.mark.req("SSC-MAM-0000")),
        pytest.param(0x0002, RB, "0000000000000000", marks=pytest.mark.req("SSC-MAM-0002")),
        pytest.param(0x0003, RB, "0000000000000001", marks=pytest.mark.req("SSC-MAM-0003")),
        pytest.param(0x0004, RB, "0000000000000ff6", marks=pytest.mark.req("SSC-MAM-0004")),
        pytest.param(0x0005, RA, b"LTO-CVE ".hex(), marks=pytest.mark.req("SSC-MAM-0005")),
        pytest.param(0x0006, RB, "60", marks=pytest.mark.req("SSC-MAM-0006")),
        pytest.param(0x0007, RB, "0000", marks=pytest.mark.req("SSC-MAM-0007")),
        pytest.param(0x0008, RA, text("KRL001L9", 32).hex(), marks=pytest.mark.req("SSC-MAM-0008")),
        pytest.param(0x0009, RB, "00000000", marks=pytest.mark.req("SSC-MAM-0009")),
        pytest.param(
            0x020A,
            RA,
            (text("IBM", 8) + text("KRL0000001", 32)).hex(),
            marks=pytest.mark.req("SSC-MAM-020A"),
        ),
        pytest.param(0x020B, RA, "20" * 40, marks=pytest.mark.req("SSC-MAM-020A")),
        pytest.param(0x020C, RA, "20" * 40, marks=pytest.mark.req("SSC-MAM-020A")),
        pytest.param(0x020D, RA, "20" * 40, marks=pytest.mark.req("SSC-MAM-020A")),
        pytest.param(0x0220, RB, "00" * 8, marks=pytest.mark.req("SSC-MAM-0220")),
        pytest.param(0x0221, RB, "00" * 8, marks=pytest.mark.req("SSC-MAM-0220")),
        pytest.param(0x0222, RB, "00" * 8, marks=pytest.mark.req("SSC-MAM-0222")),
        pytest.param(0x0223, RB, "00" * 8, marks=pytest.mark.req("SSC-MAM-0222")),
        pytest.param(0x0224, RB, NONE.hex(), marks=pytest.mark.req("SSC-MAM-0224")),
        pytest.param(0x0225, RB, NONE.hex(), marks=pytest.mark.req("SSC-MAM-0224")),
        pytest.param(
            0x0340,
            RB,
            "00" * 72 + "000000000001" + "00" * 12,
            marks=pytest.mark.req("SSC-MAM-0340"),
        ),
        pytest.param(
            0x0341, RB, "00" * 48 + "00000001" + "00" * 8, marks=pytest.mark.req("SSC-MAM-0340")
        ),
        pytest.param(0x0400, RA, b"KEYREEL ".hex(), marks=pytest.mark.req("SSC-MAM-0400")),
        pytest.param(0x0402, RB, "0000040b", marks=pytest.mark.req("SSC-MAM-0402")),
        pytest.param(0x0403, RB, "0000007f", marks=pytest.mark.req("SSC-MAM-0402")),
        pytest.param(0x0404, RA, b"LTO-CVE ".hex(), marks=pytest.mark.req("SSC-MAM-0404")),
        pytest.param(0x0405, RB, "60", marks=pytest.mark.req("SSC-MAM-0404")),
        pytest.param(0x0408, RB, "00", marks=pytest.mark.req("SSC-MAM-0408")),
        pytest.param(0x0409, RB, "0000", marks=pytest.mark.req("SSC-MAM-0409")),
        pytest.param(0x040B, RB, "60" + "00" * 9, marks=pytest.mark.req("SSC-MAM-040B")),
    ],
)
def test_blank_cartridge(host: Host, identifier: int, flags: int, expected: str) -> None:
    """LTO-9, 64 MiB, loaded for the first time."""
    found = everything(host)[identifier]
    assert (found.flags, found.value.hex()) == (flags, expected)


@pytest.mark.req("SSC-MAM-0400", "SSC-MAM-0406", "SSC-MAM-0407", "SSC-MAM-1000")
def test_each_cartridge_has_its_own_identity(host: Host) -> None:
    found = everything(host)
    assert int.from_bytes(found[0x0407].value, "big") == TYPES["L9"].memory
    serial, date = found[0x0401].value, found[0x0406].value
    assert len(serial) == 32 and serial[:10].isalnum() and serial[10:] == b" " * 22
    assert len(date) == 8 and date.isdigit() and 1 <= int(date[4:6]) <= 12 and int(date[6:]) <= 28
    identity, alternative = found[0x1000].value, found[0x1001].value
    assert (len(identity), len(alternative)) == (28, 24)
    assert found[0x1000].flags == found[0x1001].flags == RB
    # Chip and tape in both; then who made it, or its serial number; a bit for the generation.
    assert identity[:12] == alternative[:12]
    assert identity[12:20] == found[0x0400].value
    assert alternative[12:22] == serial[:10]
    assert identity[24:28] == b"\x01\x00\x00\x00" and alternative[22:] == b"\x01\x00"
    with tape() as other:
        assert value(other, 0x0401) != serial
        assert value(other, 0x1000) != identity
    again = reopen(host)
    assert (value(again, 0x0401), value(again, 0x1000)) == (serial, identity)


@pytest.mark.req("SSC-MAM-0408", "SSC-MAM-0404")
@pytest.mark.parametrize(("barcode", "kind"), [("KRL001L9", 0x00), ("KRL001LZ", 0x80)])
def test_kinds_of_medium(barcode: str, kind: int) -> None:
    with tape(barcode=barcode) as host:
        assert number(host, 0x0408) == kind
        assert number(host, 0x0405) == 0x60


@pytest.mark.req("SSC-MAM-0408", "SSC-MAM-0409")
def test_a_cleaning_cartridge_is_told_by_its_memory(tmp_path: Path) -> None:
    drive = new_drive()
    cartridge = new_cartridge(tmp_path, "CLN001CU", 0)
    drive.insert(cartridge)
    host = Host(drive)
    host.hear()
    assert sense_of(host.ready()).code.key == 2
    found = everything(host)
    assert found[0x0408].value == b"\x01"
    assert found[0x0409].value == b"\x00\x32"
    assert 0x1000 not in found and 0x1000 in identifiers(host, SUPPORTED)
    drive.eject()
    cartridge.close()


@pytest.mark.req("SSC-MAM-0000")
def test_capacity_shrinks_as_the_tape_fills(host: Host) -> None:
    before = number(host, 0x0000)
    for _ in range(10):
        assert host.write(bytes(MIB)).status == GOOD
    assert before - number(host, 0x0000) in {10, 11}
    assert number(host, 0x0001) == 64
    host.rewind()
    assert host.erase().status == GOOD
    assert number(host, 0x0000) == 64


@pytest.mark.req("SSC-MAM-0000")
def test_a_model_counts_in_megabytes() -> None:
    """HP drives: their LTO-6 says 2499053, which are no mebibytes."""
    with partitioned({"unit": 10**6}, (50 * 10**6,)) as host:
        assert number(host, 0x0001) == 50


@pytest.mark.req("SSC-MAM-0000", "SSC-RATTR-08", "SSC-MAM-0340")
def test_partitions_have_their_own_capacities_and_the_volume_its_own() -> None:
    with partitioned() as host:
        assert [number(host, 0x0001, p) for p in (0, 1)] == [TWO[0] >> 20, TWO[1] >> 20]
        host.drive.change_partition(1)
        for _ in range(3):
            assert host.write(bytes(MIB)).status == GOOD
        assert number(host, 0x0000, 0) == TWO[0] >> 20
        assert number(host, 0x0000, 1) in {28, 29}
        first, second = everything(host, 0), everything(host, 1)
        different = {n for n in first if first[n] != second[n]}
        assert different == {0x0000, 0x0001, 0x0341}
        assert first.keys() == second.keys()


@pytest.mark.req("SSC-MAM-0002")
def test_flags_are_those_of_the_load_before(host: Host) -> None:
    host.drive.alert(Flag.READ_FAILURE)
    host.drive.alert(Flag.WORM_OVERWRITE)
    assert number(host, 0x0002) == 0
    again = reopen(host)
    # Flag 1 is the first bit, flag 64 the last.
    assert value(again, 0x0002).hex() == "0800000000000010"
    assert value(reopen(again), 0x0002) == bytes(8)


@pytest.mark.req("SSC-MAM-0003", "SSC-MAM-020A")
def test_loads_and_the_last_four_drives(host: Host) -> None:
    for serial in ("A", "B", "C", "D"):
        cartridge = host.drive.eject()
        assert cartridge is not None
        drive = new_drive()
        drive.serial = serial
        drive.insert(cartridge)
        host = Host(drive)
        host.hear()
    assert number(host, 0x0003) == 5
    loads = [value(host, 0x020A + back) for back in range(4)]
    assert loads == [text("IBM", 8) + text(serial, 32) for serial in "DCBA"]
    host.drive.unload()
    host.drive.load()
    host.hear()
    assert value(host, 0x020B) == loads[0]


@pytest.mark.req("SSC-MAM-0220", "SSC-MAM-0222", "SSC-MAM-0340")
def test_what_was_written_and_read(host: Host) -> None:
    block = bytes(MIB)
    host.write_tape([block] * 6)
    for _ in range(4):
        assert host.read(MIB).status == GOOD
    assert [number(host, n) for n in range(0x0220, 0x0224)] == [6, 4, 6, 4]
    again = reopen(host)
    again.space(3)
    assert again.write(block).status == GOOD
    assert [number(again, n) for n in range(0x0220, 0x0224)] == [7, 4, 1, 0]
    medium, partition = value(again, 0x0340), value(again, 0x0341)
    counts = [int.from_bytes(medium[at : at + 6], "big") for at in range(0, 90, 6)]
    assert counts == [1, 0, 0, 0, 6, 0, 4, 0, 7, 0, 4, 0, 2, 0, 0]
    assert [int.from_bytes(partition[at : at + 4], "big") for at in range(0, 60, 4)] == counts


@pytest.mark.req("SSC-MAM-0340")
def test_usage_history_by_partition() -> None:
    def history(host: Host, partition: int) -> list[int]:
        data = value(host, 0x0341, partition)
        return [int.from_bytes(data[at : at + 4], "big") for at in range(0, 60, 4)]

    with partitioned() as host:
        assert host.write(bytes(2 * MIB)).status == GOOD
        host.drive.change_partition(1)
        assert host.write(bytes(3 * MIB)).status == GOOD
        host.drive.change_partition(0)
        assert history(host, 0) == [2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 1, 0]
        assert history(host, 1) == [3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0]
        whole = value(host, 0x0340)
        assert int.from_bytes(whole[:6], "big") == 5
        assert int.from_bytes(whole[78:84], "big") == 2


@pytest.mark.req("SSC-MAM-0224")
def test_first_encrypted_and_first_clear_block(host: Host) -> None:
    assert host.write(b"clear").status == GOOD
    assert spout(host, set_page(encryption=ENCRYPT, key=KEY_A)).status == GOOD
    for data in (b"one", b"two"):
        assert host.write(data).status == GOOD
    assert host.filemarks().status == GOOD
    assert (number(host, 0x0224), value(host, 0x0225)) == (1, NONE)
    assert spout(host, set_page()).status == GOOD
    assert host.write(b"clear again").status == GOOD
    assert (number(host, 0x0224), number(host, 0x0225)) == (1, 4)


@pytest.mark.req("SSC-MAM-0006")
def test_formatted_density_is_what_is_recorded() -> None:
    with tape(barcode="KRL001L8") as host:
        assert number(host, 0x0006) == number(host, 0x0405) == 0x5E


# --- the volume change reference ---------------------------------------------------------------


@pytest.mark.req("SSC-MAM-0009")
def test_reference_changes_with_the_first_write_of_a_mount(host: Host) -> None:
    assert number(host, 0x0009) == 0
    assert host.write(b"data").status == GOOD
    written = number(host, 0x0009)
    assert written == 1
    again = reopen(host)
    assert number(again, 0x0009) == written, "a load changes nothing"
    assert again.read(4).status == GOOD
    assert number(again, 0x0009) == written, "reading changes nothing"
    assert again.filemarks().status == GOOD
    assert number(again, 0x0009) == written + 1


@pytest.mark.req("SSC-MAM-0009", "SSC-MAM-080C")
def test_reference_changes_after_a_host_knows_it_and_not_before(host: Host) -> None:
    """The way of LTFS: write an index, read the reference, note both in 080Ch."""
    assert host.write(b"index").status == GOOD
    assert host.write(b"index").status == GOOD
    known = number(host, 0x0009)
    assert known == 1, "one change in a mount, while nobody looks"
    assert write(host, attribute(0x080C, coherency(known))).status == GOOD
    assert number(host, 0x0009) == known, "hosts' attributes are no content"
    assert number(reopen(host), 0x0009) == known


@pytest.mark.req("SSC-MAM-0009")
@pytest.mark.parametrize("change", ["write", "filemarks", "erase"])
def test_any_change_makes_a_known_reference_another(host: Host, change: str) -> None:
    host.write_tape([b"one", b"two"])
    known = number(host, 0x0009)
    reply = {
        "write": lambda: host.write(b"over"),
        "filemarks": host.filemarks,
        "erase": host.erase,
    }[change]()
    assert reply.status == GOOD
    assert number(host, 0x0009) == known + 1


@pytest.mark.req("SSC-MAM-0009")
def test_reference_is_durable_before_the_data(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    cartridge = host.drive.cartridge
    assert cartridge is not None

    def full() -> None:
        raise OSError("no space")

    monkeypatch.setattr(cartridge, "save", full)
    assert sense_of(host.write(b"data")).code == s.WRITE_ERROR
    monkeypatch.undo()
    assert number(host, 0x0009) == 0
    assert host.position() == 0 and sense_of(host.read(4)).code == s.END_OF_DATA


@pytest.mark.req("SSC-MAM-0009")
def test_a_reference_that_ran_out_stays(host: Host) -> None:
    cartridge = host.drive.cartridge
    assert cartridge is not None
    cartridge.info["change_reference"] = 0xFFFFFFFE
    for _ in range(2):
        assert host.write(b"data").status == GOOD
        assert number(host, 0x0009) == 0xFFFFFFFF


# --- formatting and models -------------------------------------------------------------------


@pytest.mark.req("SSC-FORMAT-06", "SSC-MAM-0007")
def test_formatting_leaves_the_barcode_only() -> None:
    with partitioned() as host:
        values = {
            0x0800: attribute(0x0800, b"OPEN", ASCII),
            0x0806: attribute(0x0806, b"KRL001", ASCII),
            0x0820: attribute(0x0820, bytes(36)),
            0x1623: attribute(0x1623, b"\1", TEXT),
        }
        assert write(host, *values.values()).status == GOOD
        assert write(host, attribute(0x080C, b"note"), partition=1).status == GOOD
        assert host.write(bytes(MIB)).status == GOOD
        known = number(host, 0x0009)
        cartridge = host.drive.cartridge
        assert cartridge is not None
        cartridge.format((None,))
        mam.formatted(host.drive)
        assert hosts_own(host) == {0x0806: b"KRL001"}
        assert number(host, 0x0007) == 2
        assert number(host, 0x0009) > known
        counts = value(host, 0x0340)
        assert int.from_bytes(counts[:6], "big") == 1, "of this load"
        assert counts[48:] == bytes(42), "since it was formatted"
        assert number(host, 0x0220) == 1, "in the medium's life"


@pytest.mark.req("SSC-RATTR-05", "SSC-MAM-0009")
def test_a_model_has_other_attributes() -> None:
    """The T10000 has few of its own, eight bytes of reference, and hosts' by partition only."""
    few: dict[str, Any] = {f"{row.id:04X}": False for row in ATTRIBUTES if row.read_only}
    few |= {"0009": 8, "0224": True, "0809": True, "080A": True}
    few |= {"partitioned_only": True, "any_first": True}
    with partitioned(few, (MIB,)) as host:
        assert identifiers(host, SUPPORTED) == [0x0009, 0x0224]
        assert sense_of(write(host, attribute(0x0800, b"A", ASCII))).pointer == (4, None)
        assert sense_of(write(host, attribute(0x1400, b"A"))).pointer == (4, None)
        reply = read(host, first=0x0009)
        assert reply.data.hex() == "0000001a" + "00098000080000000000000000" + "0224800008" + (
            "ff" * 8
        )
        assert read(host).data == reply.data
        assert sense_of(read(host, first=0x0225)).pointer == (8, 7)
    with partitioned(few) as host:
        assert {0x0800, 0x0809, 0x080A, 0x1400} < set(identifiers(host, SUPPORTED))
        assert write(host, attribute(0x0809, b"data", ASCII), partition=1).status == GOOD
        assert hosts_own(host, 1) == {0x0809: b"data"}
        assert hosts_own(host, 0) == {}


@pytest.mark.req("SSC-MAM-0004", "SSC-MAM-0407")
@pytest.mark.parametrize(
    ("memory", "room"), [(4096, 1014), (8192, 2038), (16384, 3062), (32736, 4086), (32768, 4086)]
)
def test_room_for_hosts(memory: int, room: int) -> None:
    assert mam.space(memory) == room


@pytest.mark.req("SSC-RATTR-05")
def test_a_model_can_lack_any_attribute() -> None:
    assert len({row.id for row in ATTRIBUTES}) == len(ATTRIBUTES)
    for row in ATTRIBUTES:
        with partitioned({f"{row.id:04X}": False}, (MIB,)) as host:
            assert row.id not in identifiers(host, SUPPORTED)
            assert sense_of(read(host, first=row.id)).pointer == (8, 7)
            assert sense_of(write(host, attribute(row.id, b"A", row.format))).pointer == (4, None)
