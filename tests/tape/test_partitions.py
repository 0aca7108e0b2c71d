"""Mode page 11h: what is asked for, what is made of it, what is reported."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from target import personality
from target.medium.formats import FORMATS
from target.scsi import sense as s
from target.scsi.sense import Sense
from tests.tape.host import GOOD, MIB, MODELS, Host, new_drive, own_media, sense_of, tape
from tests.tape.volumes import (
    FDP,
    GB,
    IDP,
    REST,
    SDP,
    TD5,
    TD6,
    TD8,
    TD9,
    format_medium,
    go,
    made,
    page,
    partition,
    request,
    select,
    told,
    where,
)


def bad(byte: int, bit: int | None = 7) -> Sense:
    """5/26/00 pointing into the page, which is behind a header of 8 bytes."""
    return Sense(s.INVALID_PARAMETER, pointer=(8 + byte, bit), in_cdb=False)


SIZE_0, SIZE_1, SIZE_2 = bad(8), bad(10), bad(12)
ADDITIONAL = bad(3)
LENGTH = bad(1, None)


# --- what drives report ------------------------------------------------------------------------


@pytest.mark.req("SSC-MODE-11", "SSC-MODE-11-SELECT", "SSC-FORMAT-02")
def test_what_ltfs_asks_an_lto8_drive_for() -> None:
    """Byte by byte what such a drive shows after mkltfs: 1 GB became a pair of wraps."""
    with tape(TD8, capacity=None) as host:
        assert page(host).hex(" ", -2) == "110e 0300 3c03 0900 2ee0 0000 0000 0000"
        ltfs = bytes.fromhex("110e 0301 3c03 0900 0001 ffff 0000 0000")
        assert sense_of(select(host, ltfs)) == Sense(s.ROUNDED_PARAMETER)
        assert page(host).hex(" ", -2) == "110e 0301 3c03 0900 0073 2df9 0000 0000"
        assert format_medium(host, 1).status == GOOD
        assert page(host).hex(" ", -2) == "110e 0301 3c03 1900 0073 2df9 0000 0000"


@pytest.mark.parametrize(
    ("asked", "second"), [(1, 37.5), (37, 37.5), (38, 75), (75, 75), (76, 112.5), (1425, 1425)]
)
@pytest.mark.req("SSC-MODE-11-SELECT", "SSC-SENSE-1-37-00")
def test_sizes_of_an_lto5_tape(asked: int, second: float) -> None:
    """Partition 1 in steps of 37.5 GB, partition 0 what is left but for a step between them."""
    with tape(TD5, capacity=None) as host:
        reply = select(host, request(host, REST, asked))
        if int(second) == asked:
            assert reply.status == GOOD, "37 GB is what 37.5 GB read as"
        else:
            assert sense_of(reply) == Sense(s.ROUNDED_PARAMETER)
        assert format_medium(host, 1).status == GOOD
        assert made(host) == [1500 * GB - 37.5 * GB - second * GB, second * GB]
        assert told(host) == [int(size / GB) * GB for size in made(host)]


@pytest.mark.parametrize(
    ("model", "most"), [(TD5, 2), (TD6, 4), ("ibm/ult3580-td7", 4), (TD8, 4), (TD9, 4)]
)
@pytest.mark.req("SSC-MODE-11", "SSC-FORMAT-02")
def test_as_many_partitions_as_the_format_has(model: str, most: int) -> None:
    with tape(model) as host:
        assert len(page(host)) == 8 + 2 * most, "a size for each, whatever there are"
        assert page(host)[2] == most - 1
        for count in range(1, most + 1):
            assert select(host, request(host, method=SDP, more=count - 1)).status == GOOD
            assert format_medium(host, 1).status == GOOD
            assert len(made(host)) == count
            assert page(host)[3] == count - 1
            assert go(host, count - 1).status == GOOD
            assert sense_of(go(host, count)).code == s.INVALID_FIELD_IN_CDB
            go(host, 0)
        assert sense_of(select(host, request(host, method=SDP, more=most))) == ADDITIONAL
        assert len(made(host)) == most, "nothing has changed"


@pytest.mark.parametrize(
    ("model", "barcode"), [(TD5, "KRL001L4"), (TD9, "KRL001LZ"), (TD6, "KRL001LW")]
)
@pytest.mark.req("SSC-MODE-11")
def test_volumes_without_partitions(model: str, barcode: str) -> None:
    """WORM, and formats from before there were any."""
    with tape(model, barcode=barcode) as host:
        assert page(host)[2] == 0
        assert sense_of(select(host, request(host, REST, 1))) == ADDITIONAL
        assert sense_of(select(host, request(host, method=FDP))) == bad(4)
        assert select(host, page(host)).status == GOOD, "as it is"


@pytest.mark.req("SSC-MODE-11-MOUNT")
def test_the_page_tells_the_volume_that_is_loaded() -> None:
    with tape(TD9, capacity=None) as host:
        partition(host, REST, 200)
        divided = page(host)
        host.load(load=False)
        host.load()
        host.hear()
        assert page(host) == divided
        cartridge = host.drive.eject()
        assert cartridge is not None
        assert page(host)[2:4] == bytes(2), "no volume, no partitions"
        host.drive.insert(cartridge)
        host.hear()
        assert page(host) == divided
        for control in (2, 3):
            assert page(host, control=control) == divided, "there are no other values of a volume"


@pytest.mark.req("SSC-MODE-11-MOUNT")
def test_a_request_is_void_without_its_volume() -> None:
    with tape(TD9, capacity=None) as host:
        blank = page(host)
        select(host, request(host, REST, 200))
        assert page(host) != blank
        host.load(load=False)
        host.load()
        host.hear()
        assert page(host) == blank
        assert format_medium(host, 1).status == GOOD
        assert len(made(host)) == 1


def test_a_request_is_void_after_a_reset() -> None:
    with tape(TD9, capacity=None) as host:
        blank = page(host)
        select(host, request(host, REST, 200))
        host.drive.reset()
        host.hear()
        assert page(host) == blank


@pytest.mark.req("SSC-MODE-11-MOUNT")
def test_without_a_volume_the_number_stays() -> None:
    drive = new_drive(TD9)
    host = Host(drive)
    host.hear()
    assert select(host, page(host)).status == GOOD
    assert sense_of(select(host, request(host, REST, 1))) == ADDITIONAL


def test_another_nexus_hears_of_a_request() -> None:
    with tape(TD9, capacity=None) as host:
        other = Host(host.drive, "other")
        other.hear()
        select(host, request(host, REST, 200))
        assert other.hear() == [s.MODE_PARAMETERS_CHANGED]
        assert host.hear() == []
        assert page(other) == page(host)


# --- what can be asked for ---------------------------------------------------------------------


@pytest.mark.req("SSC-MODE-11")
def test_fixed_partitions_are_the_largest_and_the_smallest() -> None:
    with tape(TD5, capacity=None) as host:
        assert select(host, request(host, method=FDP)).status == GOOD
        assert told(host) == [1425 * GB, 37 * GB]
        assert page(host)[4] & 0xE0 == FDP
        format_medium(host, 2)
        assert made(host) == [1425 * GB, 37.5 * GB]
        assert page(host)[4] & 0xE0 == IDP, "how it was asked for is not kept"


@pytest.mark.req("SSC-MODE-11")
def test_selected_partitions_are_equal() -> None:
    """Where the pairs do not come out even, the last one gets the rest."""
    with tape(TD6, capacity=None) as host:
        for count, pairs in ((1, [68]), (2, [33, 34]), (3, [22, 22, 22]), (4, [16, 16, 16, 17])):
            assert select(host, request(host, method=SDP, more=count - 1)).status == GOOD
            format_medium(host, 1)
            assert made(host) == [2500 * GB * pair // 68 for pair in pairs]


GEOMETRY = [
    # a pair of wraps and the largest partition of two, of three, of four: GB, pairs
    ("LTO-5", 37.5, (38,)),
    ("LTO-6", 36.765, (66, 64, 62)),
    ("LTO-7", 107.143, (54, 52, 50)),
    ("LTO-M8", 107.143, (82, 80, 78)),
    ("LTO-8", 115.385, (102, 100, 98)),
    ("LTO-9", 128.571, (137, 134, 131)),
]
"""IBM LTO SCSI Reference GA32-0928, tables 9 and 10: K, N2, N3, N4."""
TOTALS = {
    "LTO-5": (1462.5,),
    "LTO-6": (2463.235, 2426.470, 2389.705),
    "LTO-7": (5892.857, 5785.714, 5678.571),
    "LTO-M8": (8892.857, 8785.714, 8678.571),
    "LTO-8": (11884.615, 11769.230, 11653.846),
    "LTO-9": (17742.660, 17485.656, 17228.514),
}
"""Of all partitions, ibidem: GB. Those of LTO-9 are not quite multiples of K."""
WRITERS = {
    "LTO-5": (TD5, "L5"),
    "LTO-6": (TD6, "L6"),
    "LTO-7": ("ibm/ult3580-td7", "L7"),
    "LTO-M8": (TD8, "M8"),
    "LTO-8": (TD8, "L8"),
    "LTO-9": (TD9, "L9"),
}


@pytest.mark.parametrize(("form", "pair", "largest"), GEOMETRY)
@pytest.mark.req("SSC-MODE-11-SELECT", "SSC-FORMAT-02")
def test_the_geometry_of_each_generation(form: str, pair: float, largest: tuple[int, ...]) -> None:
    model, suffix = WRITERS[form]
    with tape(model, barcode=f"KRL001{suffix}", capacity=None) as host:
        for more, (most, total) in enumerate(zip(largest, TOTALS[form], strict=True), 1):
            partition(host, REST, *(1,) * more)
            sizes = [size / GB for size in made(host)]
            assert sizes == pytest.approx([most * pair, *[pair] * more], rel=2e-5)
            assert sum(sizes) == pytest.approx(total, rel=2e-5)


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.req("SSC-MODE-11")
def test_an_even_number_of_equal_partitions_of_an_lto9_tape_loses_nothing(count: int) -> None:
    with tape(TD9, capacity=None) as host:
        assert select(host, request(host, method=SDP, more=count - 1)).status == GOOD
        format_medium(host, 1)
        assert made(host) == [18000 * GB // count] * count
        assert select(host, request(host, method=SDP, more=2)).status == GOOD
        format_medium(host, 1)
        assert made(host) == [18000 * GB * pairs // 140 for pairs in (45, 45, 46)]


@pytest.mark.parametrize(
    ("psum", "units", "size"),
    [(0, 0, 65534), (1, 0, 65534), (2, 0, 65534), (2, 9, 65534), (3, 8, 400), (3, 10, 4)],
)
@pytest.mark.req("SSC-MODE-11")
def test_units_of_a_request(psum: int, units: int, size: int) -> None:
    """Bytes, thousands, millions, or a power of ten that counts with PSUM 3 only."""
    unit = (1, 10**3, 10**6, 10**units)[psum]
    with tape(TD9, capacity=None) as host:
        select(host, request(host, REST, size, psum=psum, units=units))
        format_medium(host, 1)
        pair = 18000 * GB / 140
        pairs = max(1, -(-size * unit // pair))
        assert made(host)[1] == int(pair * pairs)


@pytest.mark.parametrize(
    ("sizes", "more", "wrong"),
    [
        ((REST, REST), None, SIZE_1),
        ((0, REST), None, SIZE_0),
        ((REST, 0), None, SIZE_1),
        ((REST,), 1, SIZE_1),
        ((REST, 1), 0, SIZE_1),
        ((18000, 1), None, SIZE_0),
        ((18001,), None, SIZE_0),
        ((18001, REST), None, SIZE_0),
        ((17700, REST), None, SIZE_1),
        ((REST, 17700), None, SIZE_0),
        ((9000, 9000), None, SIZE_1),
        ((1, 1, 17500), None, SIZE_2),
        ((REST, 1, 1, 1), 4, ADDITIONAL),
    ],
)
@pytest.mark.req("SSC-MODE-11", "SSC-SENSE-5-26-00")
def test_requests_that_cannot_be_met(
    sizes: tuple[int, ...], more: int | None, wrong: Sense
) -> None:
    """They point at the size, and change nothing."""
    with tape(TD9, capacity=None) as host:
        partition(host, REST, 300)
        before = page(host)
        assert sense_of(select(host, request(host, *sizes, more=more))) == wrong
        assert page(host) == before
        assert len(made(host)) == 2


@pytest.mark.parametrize("model", ["ibm/ult3580-hh4", TD9])
@pytest.mark.req("SSC-MODE-11", "SSC-SENSE-5-26-00")
def test_a_page_too_short_for_what_it_asks(model: str) -> None:
    """A size that was not sent cannot be pointed at: PAGE LENGTH is."""
    with tape(model) as host:
        asked = request(host)[:8]
        assert sense_of(select(host, b"\x11\x06" + asked[2:])) == LENGTH


@pytest.mark.parametrize(("flags", "bit"), [(FDP | SDP, 6), (FDP | IDP, 5), (SDP | IDP, 5)])
@pytest.mark.req("SSC-MODE-11")
def test_one_way_at_a_time(flags: int, bit: int) -> None:
    with tape(TD9, capacity=None) as host:
        assert sense_of(select(host, request(host, REST, 1, method=flags))) == bad(4, bit)


@pytest.mark.parametrize(
    ("byte", "bit", "top"), [(4, 2, 2), (4, 1, 1), (4, 0, 0), (5, 0, 7), (2, 0, 7)]
)
@pytest.mark.req("SSC-MODE-11")
def test_fields_that_stay(byte: int, bit: int, top: int) -> None:
    """POFM, CLEAR, ADDP, MEDIUM FORMAT RECOGNITION, MAXIMUM ADDITIONAL PARTITIONS."""
    with tape(TD9, capacity=None) as host:
        data = bytearray(request(host, REST, 1))
        data[byte] ^= 1 << bit
        assert sense_of(select(host, bytes(data))) == bad(byte, top)


@pytest.mark.req("SSC-MODE-11")
def test_partitioning_type_is_that_of_the_drive_or_whatever_it_is() -> None:
    with tape(TD9, capacity=None) as host:
        for kind, fits in ((0, True), (1, True), (2, False)):
            data = bytearray(request(host, REST, 200))
            data[6] |= kind << 4
            assert (select(host, bytes(data)).sense != bad(6)) == fits


def test_nothing_is_asked_for_without_a_way() -> None:
    with tape(TD9, capacity=None) as host:
        partition(host, REST, 300)
        before, sizes = page(host), made(host)
        assert select(host, request(host, REST, 900, method=0)).status == GOOD
        assert page(host) == before
        format_medium(host, 1)
        assert made(host) == sizes


@pytest.mark.req("SSC-MODE-11")
def test_a_page_that_is_read_can_be_sent_back() -> None:
    """As tools do that change something else: no rounding, and the same is made."""
    for model in (TD5, TD6, TD8, TD9):
        with tape(model, capacity=None) as host:
            for sizes in ((REST, 1), (1, REST), (500, 500), (REST,)):
                partition(host, *sizes)
                before, there = page(host), made(host)
                if sum(there) > 1400 * GB:
                    assert select(host, before).status == GOOD
                    assert page(host) == before
                    format_medium(host, 1)
                    assert made(host) == there


@pytest.mark.req("SSC-MODE-11")
def test_small_cartridges_are_told_in_small_units() -> None:
    with tape(TD9, capacity=64 * MIB) as host:
        assert told(host) == [64 * MIB // 10**4 * 10**4]
        assert sense_of(select(host, request(host, REST, 1))) == SIZE_1, "1 GB is too much"
        partition(host, REST, 5, units=6)
        pair = 64 * MIB / 140
        assert made(host)[1] == int(11 * pair) >= 5 * 10**6
        assert 0 <= made(host)[1] - told(host)[1] < 10**4


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.req("SSC-MODE-11")
def test_every_model(model: str) -> None:
    """A tape in the model's own format is divided as the format says."""
    known = personality.load(model)
    if "11" not in known.modes:
        pytest.skip("has no page 11h")
    form = FORMATS[known.media["native"]]
    with tape(model, barcode=f"KRL001{own_media(known)}", capacity=None) as host:
        data = page(host)
        assert data[2] == form.partitions - 1
        if form.partitions > 1:
            assert select(host, request(host, method=FDP)).status in (0, 2)


# --- any request -------------------------------------------------------------------------------

SOME_SIZES = st.one_of(st.just(REST), st.just(0), st.integers(0, 300), st.integers(0, 0xFFFF))
REQUESTS = st.fixed_dictionaries(
    {
        "sizes": st.lists(SOME_SIZES, max_size=4),
        "method": st.sampled_from((IDP, IDP, IDP, FDP, SDP, 0, IDP | SDP)),
        "more": st.integers(0, 4),
        "psum": st.sampled_from((0, 1, 2, 3, 3, 3)),
        "units": st.integers(0, 15),
    }
)


NOTHING = {"sizes": [], "method": 0, "more": 0, "psum": 0, "units": 0}


@example(TD9, None, [{**NOTHING, "method": SDP, "more": 1}, NOTHING])
@given(
    model=st.sampled_from((TD5, TD6, TD9)),
    capacity=st.sampled_from((None, 64 * MIB, 10**9, 10**12, 777_777_777)),
    requests=st.lists(REQUESTS, min_size=1, max_size=3),
)
@pytest.mark.req("SSC-MODE-11", "SSC-MODE-11-SELECT", "SSC-FORMAT-02")
def test_any_request_is_made_or_refused(
    model: str, capacity: int | None, requests: list[dict[str, object]]
) -> None:
    """Whole pairs of wraps, as many partitions as were asked for, no more than there is room for;
    each at least as large as it was asked to be; or nothing has changed."""
    with tape(model, capacity=capacity) as host:
        assert host.drive.cartridge is not None
        whole, pairs = host.drive.cartridge.capacity, host.drive.density.wraps // 2
        for asked in requests:
            sizes = asked["sizes"]
            assert isinstance(sizes, list)
            before, there = page(host), made(host)
            fields = {name: asked[name] for name in ("method", "more", "psum", "units")}
            reply = select(host, request(host, *sizes, **fields))  # type: ignore[arg-type]  # by name
            if reply.sense is not None and reply.sense.code != s.ROUNDED_PARAMETER:
                assert reply.sense.code == s.INVALID_PARAMETER
                assert page(host) == before
            promised = told(host) if page(host)[4] & 0x18 == 0x18 else None
            assert format_medium(host, 1).status == GOOD
            assert where(host) == (0, 0)
            if reply.sense is not None and reply.sense.code == s.INVALID_PARAMETER:
                assert made(host) == there
                continue
            if asked["method"] == 0:  # asks for nothing: the partitions that were there
                assert made(host) == there
                continue
            sizes_made = [-(-size * pairs // whole) for size in made(host)]
            assert made(host) == [whole * count // pairs for count in sizes_made]
            banded = model == TD9 and asked["method"] == SDP and len(sizes_made) % 2 == 0
            guard = 0 if banded else 2 if model == TD9 else 1
            assert sum(sizes_made) + (len(sizes_made) - 1) * guard <= pairs
            if asked["method"] in (IDP, SDP):
                assert len(sizes_made) - 1 == asked["more"]
            if asked["method"] == IDP and len(sizes_made) > 1:
                unit = (1, 10**3, 10**6, 10 ** int(str(asked["units"])))[int(str(asked["psum"]))]
                for size, got in zip(sizes, made(host), strict=False):
                    assert size == REST or got >= size * unit
            if promised is not None:
                assert all(a <= b for a, b in zip(promised, made(host), strict=True))
