"""What drives are answered: keys, and refusals that name what is needed and the way to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keymgr.api import KeyData, Reason, Refused, Request
from keymgr.bluescale import BlueScale
from tests.keymgr.bluescale import (
    LTO9,
    TAPE,
    TS1160,
    TS_ROOM,
    Site,
    append,
    read,
    secret,
    site,
    value,
    write,
)

KEY_PASSWORD = "to-carry-1"
LOG_IN = "log in as a superuser, log into the encryption feature"
PLACE = "cartridge KRL001L9 in drive KRL0000009"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Site]:
    """With the keys A, B and C, of which finance has A, and B to read; stock has none."""
    with site(tmp_path) as one:
        desk = one.desk()
        for moniker in "ABC":
            desk.create(moniker)
        desk.assign("finance", "A", ["B"])
        yield one


@pytest.fixture
def standard(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path, professional=False) as one:
        yield one


class _Holder:
    def hold(self, keys: object) -> None: ...
    def drop(self) -> None: ...


def refusal(bluescale: BlueScale, request: Request, *, to_read: bool = False) -> Refused:
    ask = bluescale.key_for_read if to_read else bluescale.key_for_write
    with pytest.raises(Refused) as refused:
        ask(request)
    return refused.value


# --- which drives ------------------------------------------------------------------------------


@pytest.mark.req("BS-17")
@pytest.mark.parametrize(
    ("native", "served"),
    [
        *((f"LTO-{generation}", generation >= 6) for generation in range(1, 11)),
        ("LTO-10P", True),
        ("3592-J1A", False),
        ("3592-E05", False),
        ("3592-E06", False),
        *((f"3592-{model}", True) for model in ("E07", "E08", "55F", "60F", "70F")),
        ("T10000D", False),
        ("T9840D", False),
    ],
)
def test_drives(library: Site, native: str, served: bool) -> None:
    drive = LTO9._replace(native=native)
    if served:
        library.bluescale.attached(drive, _Holder())
        return
    with pytest.raises(Refused) as refused:
        library.bluescale.attached(drive, _Holder())
    assert refused.value.text == (
        f"drive KRL0000009 (ULT3580-TD9, {native}) cannot be in a partition with BlueScale"
        " encryption"
    )
    assert refused.value.cure == "use LTO-6 to LTO-10 or TS1140 and later TS11xx drives there"


# --- writing -----------------------------------------------------------------------------------


@pytest.mark.req("BS-09")
def test_the_moniker_goes_beside_the_data(library: Site) -> None:
    grant = library.bluescale.key_for_write(write())
    assert grant.key_data == KeyData(unauthenticated=b"BS:A")
    on_ts = write(drive=TS1160, room=TS_ROOM)
    assert library.bluescale.key_for_write(on_ts).key_data == KeyData(authenticated=b"BS:A")


@pytest.mark.req("BS-09")
def test_every_moniker_fits_on_lto_and_nine_characters_on_ts11xx(library: Site) -> None:
    desk = library.desk()
    for length, ts in ((29, False), (10, False), (9, True)):
        moniker = "m" * length
        desk.create(moniker)
        desk.unassign("finance")
        desk.assign("finance", moniker)
        granted = library.bluescale.key_for_write(write()).key_data
        assert granted.unauthenticated == b"BS:" + moniker.encode()
        on_ts = write(drive=TS1160, room=TS_ROOM)
        if ts:
            granted = library.bluescale.key_for_write(on_ts).key_data
            assert granted.authenticated == b"BS:" + moniker.encode()
            continue
        refused = refusal(library.bluescale, on_ts)
        assert (refused.reason, refused.text, refused.cure) == (
            Reason.NOT_CONFIGURED,
            f"the moniker '{moniker}' is too long for drive KRL0000060, which keeps 9 characters of"
            " it beside the data",
            "make a key with a shorter moniker the primary key of partition 'finance'",
        )


@pytest.mark.req("BS-01")
def test_a_partition_without_keys(library: Site) -> None:
    refused = refusal(library.bluescale, write("stock"))
    assert (refused.reason, refused.text, refused.cure) == (
        Reason.NOT_CONFIGURED,
        f"partition 'stock' has no primary encryption key; {PLACE} cannot write",
        f"{LOG_IN}, create or import a key and assign it to partition 'stock'",
    )


@pytest.mark.req("BS-08")
def test_appending_takes_the_key_that_is_there(library: Site) -> None:
    first = library.bluescale.key_for_write(write())
    again = library.bluescale.key_for_write(append("A"))
    assert value(again) == value(first)
    assert again.key_data == first.key_data


@pytest.mark.req("BS-08")
@pytest.mark.parametrize(
    ("moniker", "partition", "why", "cure"),
    [
        ("B", "finance", "which partition 'finance' only decrypts with", "make 'B'"),
        ("C", "finance", "which is not selected for partition 'finance'", "make 'C'"),
        ("A", "stock", "which is not selected for partition 'stock'", "make 'A'"),
        ("D", "finance", "which is not in the library", "import the key 'D' and make it"),
    ],
)
def test_appending_under_another_key_is_prohibited(
    library: Site, moniker: str, partition: str, why: str, cure: str
) -> None:
    refused = refusal(library.bluescale, append(moniker, partition))
    assert (refused.reason, refused.text, refused.cure) == (
        Reason.PROHIBITED,
        f"{PLACE} holds data under the moniker '{moniker}', {why}; a cartridge has one encryption"
        " key",
        f"write it from the beginning of tape, or {cure} the primary key of partition"
        f" '{partition}'",
    )


@pytest.mark.req("BS-08")
def test_a_new_primary_key_is_for_the_beginning_of_tape(library: Site) -> None:
    old = library.bluescale.key_for_write(write())
    library.desk().assign("finance", "C", ["A"])
    assert refusal(library.bluescale, append("A")).reason is Reason.PROHIBITED
    new = library.bluescale.key_for_write(write(found=(KeyData(b"BS:A"),)))
    assert new.key_data.name == b"BS:C"
    assert value(new) != value(old)


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.req("BS-09")
def test_reading_with_the_primary_key_and_those_to_decrypt_with(library: Site) -> None:
    written = library.bluescale.key_for_write(write())
    assert value(library.bluescale.key_for_read(read("A"))) == value(written)
    assert library.bluescale.key_for_read(read("B")).key_data.name == b"BS:B"


@pytest.mark.req("BS-09")
def test_professional_names_the_moniker_and_the_way(library: Site) -> None:
    refused = refusal(library.bluescale, read("D"), to_read=True)
    assert (refused.reason, refused.text, refused.cure) == (
        Reason.NOT_FOUND,
        f"{PLACE} requires the moniker 'D', which is not in the library",
        f"{LOG_IN}, import the key 'D', select it as the primary or a decryption-only key of"
        " partition 'finance'",
    )
    refused = refusal(library.bluescale, read("C"), to_read=True)
    assert (refused.reason, refused.text, refused.cure) == (
        Reason.NOT_AUTHORIZED,
        f"{PLACE} requires the moniker 'C', which is in the library but not selected for partition"
        " 'finance'",
        f"{LOG_IN}, select it as the primary or a decryption-only key of partition 'finance'",
    )
    assert refusal(library.bluescale, read("A", "stock"), to_read=True).reason is (
        Reason.NOT_AUTHORIZED
    )


@pytest.mark.req("BS-09")
def test_standard_names_the_moniker_and_the_way(standard: Site) -> None:
    refused = refusal(standard.bluescale, read("D"), to_read=True)
    assert (refused.reason, refused.cure) == (
        Reason.NOT_FOUND,
        f"{LOG_IN}, import the key 'D', select it for partition 'finance'",
    )
    desk = standard.desk()
    desk.create("A")
    refused = refusal(standard.bluescale, read("D"), to_read=True)
    assert (refused.reason, refused.text, refused.cure) == (
        Reason.NOT_FOUND,
        f"{PLACE} requires the moniker 'D', which is not in the library",
        f"{LOG_IN}, export and then delete the key 'A' that is there, import the key 'D', select it"
        " for partition 'finance'",
    )
    refused = refusal(standard.bluescale, read("A"), to_read=True)
    assert (refused.reason, refused.cure) == (
        Reason.NOT_AUTHORIZED,
        f"{LOG_IN}, select it for partition 'finance'",
    )


@pytest.mark.req("BS-09")
def test_the_way_that_is_told_leads_there(library: Site, tmp_path: Path) -> None:
    data = library.desk().export("A", secret(KEY_PASSWORD), secret(KEY_PASSWORD)).data
    written = value(library.bluescale.key_for_write(write()))
    (tmp_path / "other").mkdir()
    with site(tmp_path / "other") as other:
        desk = other.desk()
        assert refusal(other.bluescale, read("A"), to_read=True).reason is Reason.NOT_FOUND
        desk.import_key(data, secret(KEY_PASSWORD))
        assert refusal(other.bluescale, read("A"), to_read=True).reason is Reason.NOT_AUTHORIZED
        desk.assign("finance", "A")
        assert value(other.bluescale.key_for_read(read("A"))) == written


# --- other systems -------------------------------------------------------------------------------


@pytest.mark.req("BS-15")
@pytest.mark.parametrize(
    ("found", "what", "cure"),
    [
        (
            KeyData(authenticated=bytes(range(0x80, 0xA0))),
            "a KMIP key (808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f), which"
            " BlueScale does not have",
            "use it in a partition with KMIP encryption",
        ),
        (
            KeyData(unauthenticated=b"backup-2026"),
            "another key ('backup-2026'), which is none of BlueScale's",
            "use it where that key is managed",
        ),
        (
            KeyData(unauthenticated=b"BS:two words"),
            "another key (42533a74776f20776f726473), which is none of BlueScale's",
            "use it where that key is managed",
        ),
        (
            KeyData(),
            "another key (without a name), which is none of BlueScale's",
            "use it where that key is managed",
        ),
    ],
)
def test_tapes_of_other_systems(library: Site, found: KeyData, what: str, cure: str) -> None:
    reading = replace(TAPE, wanted=found)
    appending = replace(reading, position=(0, 7))
    for request, to_read, reason in (
        (reading, True, Reason.NOT_FOUND),
        (appending, False, Reason.PROHIBITED),
    ):
        refused = refusal(library.bluescale, request, to_read=to_read)
        assert refused.reason is reason
        assert refused.text == f"{PLACE} holds data encrypted under {what}"
        assert refused.cure == cure
    # From the beginning of tape it is BlueScale's.
    assert library.bluescale.key_for_write(write(found=(found,))).key_data.name == b"BS:A"


# --- several at once, and a store that fails -----------------------------------------------------


def test_every_grant_is_the_drives_own(library: Site) -> None:
    one, other = (library.bluescale.key_for_write(write()) for _ in range(2))
    one.key.wipe()
    assert any(value(other))


def test_drives_ask_while_operators_work(library: Site) -> None:
    desk = library.desk()
    wrong: list[str] = []
    begin = threading.Barrier(5)

    def drive(number: int) -> None:
        begin.wait()
        for turn in range(10):
            volume = TAPE.volume._replace(barcode=f"DRV{number}{turn:02}L9")
            grant = library.bluescale.key_for_write(write(volume=volume))
            name = grant.key_data.name.removeprefix(b"BS:").decode()
            if value(grant) != values[name]:
                wrong.append(name)

    values = {}
    for moniker in "AC":
        desk.unassign("finance")
        desk.assign("finance", moniker)
        values[moniker] = value(library.bluescale.key_for_write(write()))
    drives = [threading.Thread(target=drive, args=(number,)) for number in range(4)]
    for thread in drives:
        thread.start()
    begin.wait()
    for turn in range(10):
        old, new = ("C", "A") if turn % 2 == 0 else ("A", "C")
        desk.assign("finance", new, [old])
    for thread in drives:
        thread.join()
    assert not wrong
    tracked = [one for record in desk.tracking() for one in record.cartridges]
    assert len(tracked) == len(set(tracked)) == 41, "each cartridge has one key"


def test_a_store_that_fails_is_told(library: Site) -> None:
    library.store.close()
    refused = refusal(library.bluescale, write())
    assert refused.reason is Reason.FAILED
    assert refused.text.startswith("the library's keystore does not give the key: ")
