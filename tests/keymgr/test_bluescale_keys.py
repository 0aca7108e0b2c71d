"""BlueScale's keys: making, assigning and deleting them, and how many there can be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keymgr.api import Reason, Refused
from keymgr.bluescale import Assignment, NotAllowed
from keymgr.errors import KeyExists, KeyMissing
from tests.keymgr.bluescale import START, Site, read, secret, site, value, write

KEY_PASSWORD = "to-carry-1"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as one:
        yield one


@pytest.fixture
def standard(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path, professional=False) as one:
        yield one


@pytest.mark.req("BS-05")
@pytest.mark.parametrize("moniker", ["a", "finance_2027-Q1", "A.b@C-d_9", ".", "x" * 29])
def test_monikers(library: Site, moniker: str) -> None:
    library.desk().create(moniker)
    rows = library.desk().keys()
    assert [row.moniker for row in rows] == [moniker]


@pytest.mark.req("BS-05")
@pytest.mark.parametrize(
    "moniker", ["", "two words", "a/b", "a:b", "naïve", "a\n", "a\0b", "x" * 30, "\uff41", "\u0663"]
)
def test_what_is_no_moniker(library: Site, moniker: str) -> None:
    with pytest.raises(NotAllowed, match="moniker"):
        library.desk().create(moniker)
    assert library.desk().keys() == []


@pytest.mark.req("BS-05")
def test_monikers_are_unique_and_keys_random(library: Site) -> None:
    desk = library.desk()
    for moniker in ("A", "a"):
        desk.create(moniker)
    with pytest.raises(KeyExists, match="there is a key 'A' already: choose another moniker"):
        desk.create("A")
    desk.assign("finance", "A")
    desk.assign("stock", "a")
    one, other = (value(library.bluescale.key_for_write(write(at))) for at in ("finance", "stock"))
    assert len(one) == len(other) == 32
    assert one != other


@pytest.mark.req("BS-06")
def test_creating_tells_the_moniker_and_reminds_of_a_copy(library: Site) -> None:
    created = library.desk().create("finance-1")
    assert created.moniker == "finance-1"
    assert created.reminder == (
        "The key 'finance-1' was created. Export a copy of it now and keep it in a safe place:"
        " without the key its data are lost."
    )


@pytest.mark.req("BS-01")
def test_standard_has_one_key_for_all_partitions(standard: Site) -> None:
    desk = standard.desk()
    desk.create("A")
    with pytest.raises(NotAllowed, match="Standard Edition has one key, and 'A' is there: export"):
        desk.create("B")
    desk.assign("finance", "A")
    desk.assign("stock", "A")
    bluescale = standard.bluescale
    one, other = (value(bluescale.key_for_write(write(at))) for at in ("finance", "stock"))
    assert one == other
    assert desk.status().edition == "standard"
    assert (desk.status().keys, desk.status().most_keys) == (1, 1)
    with pytest.raises(NotAllowed, match="decryption-only keys are part of Professional Edition"):
        desk.assign("finance", "A", ["A"])


@pytest.mark.req("BS-01")
def test_professional_has_thirty_keys(library: Site) -> None:
    desk = library.desk()
    for number in range(30):
        desk.create(f"key-{number}")
    with pytest.raises(NotAllowed, match="the library has 30 keys, the most there can be: export"):
        desk.create("key-30")
    assert len(desk.keys()) == 30
    others = [f"key-{number}" for number in range(1, 30)]
    desk.assign("finance", "key-0", others)
    assert desk.status().partitions[0] == Assignment("finance", "key-0", tuple(others))


@pytest.mark.req("BS-01")
def test_a_partition_has_one_primary_key(library: Site) -> None:
    desk = library.desk()
    for moniker in "ABC":
        desk.create(moniker)
    desk.assign("finance", "A")
    with pytest.raises(
        NotAllowed,
        match="partition 'finance' has the primary key 'A' already, and there is one a partition:"
        " name it as a decryption-only key, or unassign the partition first",
    ):
        desk.assign("finance", "B", ["C"])
    with pytest.raises(NotAllowed, match="'A' is the primary key, which decrypts as well"):
        desk.assign("finance", "A", ["A"])
    assert desk.status().partitions[0] == Assignment("finance", "A")
    desk.assign("finance", "B", ["A", "C"])
    desk.unassign("finance")
    desk.assign("finance", "C")
    assert desk.status().partitions[0] == Assignment("finance", "C")


@pytest.mark.req("BS-01")
def test_the_option_makes_the_edition_while_the_library_runs(standard: Site) -> None:
    desk = standard.desk()
    desk.create("A")
    standard.professional = True
    desk.create("B")
    assert desk.status().edition == "professional"
    # Without the option again nothing that is there goes.
    desk.assign("finance", "A", ["B"])
    standard.professional = False
    assert value(standard.bluescale.key_for_read(read("B")))
    with pytest.raises(NotAllowed, match="Standard Edition has one key"):
        desk.create("C")
    with pytest.raises(NotAllowed, match="one key for all partitions, and partition 'finance' has"):
        desk.assign("stock", "B")
    desk.assign("stock", "A")


@pytest.mark.req("BS-07")
def test_the_list_tells_who_has_each_key(library: Site) -> None:
    desk = library.desk()
    desk.create("B")
    library.time += 60
    desk.create("A")
    desk.assign("stock", "A")
    desk.assign("finance", "A", ["B"])
    one, other = desk.keys()
    assert (one.moniker, one.primary_of, one.decrypts_for) == ("A", ("finance", "stock"), ())
    assert (other.moniker, other.primary_of, other.decrypts_for) == ("B", (), ("finance",))
    assert (one.created, other.created) == (START + 60, START)


@pytest.mark.req("BS-07")
def test_only_partitions_with_bluescale_have_keys(library: Site) -> None:
    desk = library.desk()
    desk.create("A")
    with pytest.raises(NotAllowed, match="partition 'clear' does not have BlueScale encryption"):
        desk.assign("clear", "A")
    with pytest.raises(KeyMissing, match="there is no key 'B': see the list of keys, or import"):
        desk.assign("finance", "A", ["B"])
    assert desk.keys()[0].primary_of == ()
    desk.assign("finance", "A")
    library.partitions.remove("finance")
    assert desk.keys()[0].primary_of == ()


@pytest.mark.req("BS-12")
def test_deleting_takes_the_moniker_once_more(library: Site) -> None:
    desk = library.desk()
    desk.create("A")
    for typed in ("", "a", "A "):
        with pytest.raises(NotAllowed, match="type the moniker 'A' to confirm"):
            desk.delete("A", typed)
    desk.delete("A", "A")
    assert desk.keys() == []
    with pytest.raises(KeyMissing, match="there is no key 'A'"):
        desk.delete("A", "A")
    assert "key deleted" in library.events()


@pytest.mark.req("BS-12")
def test_an_assigned_key_is_not_deleted(library: Site) -> None:
    desk = library.desk()
    desk.create("A")
    desk.create("B")
    desk.assign("finance", "A", ["B"])
    for moniker in "AB":
        with pytest.raises(
            NotAllowed,
            match=f"the key '{moniker}' is assigned to partition 'finance': assign another",
        ):
            desk.delete(moniker, moniker)
    # As the guide says: disable encryption in the partition.
    library.partitions.remove("finance")
    desk.delete("A", "A")
    library.partitions.add("finance")
    with pytest.raises(Refused) as refused:
        library.bluescale.key_for_write(write())
    assert refused.value.reason is Reason.NOT_CONFIGURED


@pytest.mark.req("BS-12")
def test_data_of_a_deleted_key_are_read_once_it_is_imported(library: Site) -> None:
    desk = library.desk()
    desk.create("A")
    desk.assign("finance", "A")
    key = value(library.bluescale.key_for_write(write()))
    file = desk.export("A", secret(KEY_PASSWORD), secret(KEY_PASSWORD))
    desk.unassign("finance")
    desk.delete("A", "A")
    with pytest.raises(Refused, match="requires the moniker 'A', which is not in the library"):
        library.bluescale.key_for_read(read("A"))
    with pytest.raises(KeyExists, match="a key 'A' was here before, and cartridges may need it"):
        desk.create("A")
    assert desk.import_key(file.data, secret(KEY_PASSWORD)).new
    desk.assign("finance", "A")
    assert value(library.bluescale.key_for_read(read("A"))) == key


@pytest.mark.req("BS-07")
def test_everything_is_there_after_a_restart(library: Site) -> None:
    desk = library.desk()
    desk.create("A")
    desk.create("B")
    desk.assign("finance", "A", ["B"])
    before = desk.keys(), desk.status(), desk.tracking()
    key = value(library.bluescale.key_for_write(write()))
    library.restart()
    desk = library.desk()
    assert value(library.bluescale.key_for_write(write())) == key
    assert (desk.keys(), desk.status()) == before[:2]
