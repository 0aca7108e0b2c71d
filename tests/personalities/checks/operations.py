"""What takes time: loading, rewinding, erasing, formatting, cleaning, with a clock that is moved
by hand and the model's own times."""

from __future__ import annotations

from target.clock import ManualClock
from target.scsi import sense as s
from target.scsi.sense import Sense, decode
from target.tape.timing import Table
from tests.personalities.bench import Bench, Model, good, refused
from tests.personalities.registry import check, has
from tests.tape.host import GOOD, MIB, Host

SETTLED = 1e6
"""Seconds after which everything is over."""


def times(model: Model) -> Table:
    return Table(**model.personality.timing)


def timed(bench: Bench, *, capacity: int = 64 * MIB) -> tuple[Host, ManualClock]:
    """A host at a drive that takes its time, with a tape of some data, ready."""
    clock = ManualClock()
    host = bench.empty(clock=clock, factor=1.0)
    host.drive.insert(bench.cartridge(capacity=capacity))
    clock.sleep(SETTLED)
    host.hear()
    for _ in range(3):
        assert host.write(bytes(1 << 20)).status == GOOD
    assert host.filemarks(0).status == GOOD
    return host, clock


def progress(host: Host) -> Sense:
    """What REQUEST SENSE tells."""
    return decode(good(host.send(bytes((0x03, 0, 0, 0, 255, 0)), size=255)))


@check()
def loading_takes_time(bench: Bench) -> None:
    """2/04/01 until the model's time is over, then 6/28/00 and GOOD."""
    clock = ManualClock()
    host = bench.empty(clock=clock, factor=1.0)
    host.drive.insert(bench.cartridge())
    refused(host.ready(), s.BECOMING_READY)
    for reply in (host.read(1), host.load(load=False)):
        refused(reply, s.BECOMING_READY)
    told = progress(host)
    assert told.code == s.BECOMING_READY
    assert told.progress is not None
    seconds = times(bench.model).load
    clock.sleep(seconds / 2)
    half = progress(host).progress
    assert half is not None and abs(half - 0x8000) < 0x1000
    clock.sleep(seconds / 2 + 1)
    refused(host.ready(), s.MEDIUM_MAY_HAVE_CHANGED)
    assert host.ready().status == GOOD


@check()
def rewind_at_once(bench: Bench) -> None:
    """IMMED: 0/00/1A in REQUEST SENSE, 2/04/07 for TEST UNIT READY; a READ waits."""
    host, clock = timed(bench)
    assert host.send(bytes((0x01, 1, 0, 0, 0, 0))).status == GOOD
    assert progress(host).code == s.REWIND_IN_PROGRESS
    refused(host.ready(), s.NOT_READY_IN_OPERATION)
    before = clock.passed
    assert len(good(host.read(1 << 20))) == 1 << 20
    assert clock.passed > before
    assert host.ready().status == GOOD


@check()
def rewind_is_waited_for(bench: Bench) -> None:
    host, clock = timed(bench)
    before = clock.passed
    assert host.rewind().status == GOOD
    assert clock.passed - before >= times(bench.model).settle
    assert progress(host).code == s.NO_SENSE


@check()
def locate_at_once(bench: Bench) -> None:
    host, clock = timed(bench)
    assert host.send(bytes((0x2B, 1, 0, 0, 0, 0, 0, 0, 0, 0))).status == GOOD
    assert progress(host).code == s.LOCATE_IN_PROGRESS
    clock.sleep(SETTLED)
    assert host.ready().status == GOOD
    assert host.position() == 0


@check()
def error_after_the_command(bench: Bench) -> None:
    """A LOCATE that fails after it has answered: deferred (71h), by the next command."""
    host, clock = timed(bench)
    assert host.send(bytes((0x2B, 1, 0, 0, 0, 1, 0, 0, 0, 0))).status == GOOD
    clock.sleep(SETTLED)
    sense = refused(host.ready(), s.END_OF_DATA)
    assert sense.deferred
    assert host.ready().status == GOOD


@check()
def long_erase_goes_on(bench: Bench) -> None:
    """0/00/18; the tape cannot be used, INQUIRY can."""
    host, clock = timed(bench)
    host.rewind()
    assert host.send(bytes((0x19, 3, 0, 0, 0, 0))).status == GOOD
    assert progress(host).code == s.ERASE_IN_PROGRESS
    refused(host.write(b"x"), s.NOT_READY_IN_OPERATION)
    assert host.send(bytes((0x12, 0, 0, 0, 36, 0)), size=36).status == GOOD
    clock.sleep(SETTLED)
    assert host.ready().status == GOOD
    refused(host.read(1), s.END_OF_DATA)


@check()
def unloading_takes_time(bench: Bench) -> None:
    host, clock = timed(bench)
    assert host.send(bytes((0x1B, 1, 0, 0, 0, 0))).status == GOOD
    for reply in (host.ready(), host.load()):
        refused(reply, s.NOT_READY)
    clock.sleep(SETTLED)
    refused(host.ready(), bench.model.code(s.NO_MEDIUM))
    before = clock.passed
    assert host.load().status == GOOD
    assert clock.passed - before >= times(bench.model).thread


@check(lambda model: model.partitions > 1)
def formatting_takes_time(bench: Bench) -> None:
    """2/04/04, then GOOD."""
    host, clock = timed(bench)
    host.rewind()
    assert host.send(bytes((0x04, 1, 0, 0, 0, 0))).status == GOOD
    refused(host.ready(), s.FORMAT_IN_PROGRESS)
    told = progress(host)
    assert (told.code, told.progress is not None) == (s.FORMAT_IN_PROGRESS, True)
    clock.sleep(SETTLED)
    host.hear()
    assert host.ready().status == GOOD


@check(has("0B"))
def set_capacity_takes_time(bench: Bench) -> None:
    host, clock = timed(bench)
    host.rewind()
    assert host.send(bytes((0x0B, 1, 0, 0xFF, 0xFF, 0))).status == GOOD
    refused(host.ready(), s.NOT_READY_IN_OPERATION)
    assert progress(host).code == s.SET_CAPACITY_IN_PROGRESS
    clock.sleep(SETTLED)
    host.hear()
    assert host.ready().status == GOOD


@check()
def cleaning_takes_time(bench: Bench) -> None:
    """2/30/03, then there is no medium."""
    clock = ManualClock()
    host = bench.empty(clock=clock, factor=1.0)
    kind = next(kind for kind in bench.model.types if kind.cleaning)
    host.drive.insert(bench.cartridge(kind))
    refused(host.ready(), s.CLEANING)
    clock.sleep(SETTLED)
    refused(host.ready(), bench.model.code(s.NO_MEDIUM))


@check(lambda model: model.quirk("optimises_media"))
def new_media_are_optimised(bench: Bench) -> None:
    """LTO-9: the first load of a new cartridge takes the better part of an hour, the next not."""
    clock = ManualClock()
    host = bench.empty(clock=clock, factor=1.0)
    cartridge = bench.cartridge()
    cartridge.info["optimised"] = False
    host.drive.insert(cartridge)
    clock.sleep(times(bench.model).load + 60)
    refused(host.ready(), s.BECOMING_READY)
    clock.sleep(times(bench.model).optimise)
    refused(host.ready(), s.MEDIUM_MAY_HAVE_CHANGED)
    assert host.ready().status == GOOD
    assert cartridge.info["optimised"]


@check()
def reset_ends_an_operation(bench: Bench) -> None:
    host, _ = timed(bench)
    host.send(bytes((0x01, 1, 0, 0, 0, 0)))
    host.drive.reset()
    host.hear()
    assert host.ready().status == GOOD
    assert progress(host).code == s.NO_SENSE


@check(lambda model: times(model).buffer <= 64)
def writing_has_the_model_s_rate(bench: Bench) -> None:
    """What does not fit into the buffer waits for the tape."""
    table = times(bench.model)
    size = 1 << 20
    count = int((table.buffer + 20) * 1e6 // size) + 1
    host, clock = timed(bench, capacity=2 * count * size)
    clock.sleep(SETTLED)
    before, block = clock.passed, bytes(size)
    for _ in range(count):
        assert host.write(block).status == GOOD
    waited = count * size / (table.rate * 1e6) - table.buffer / table.rate
    assert abs(clock.passed - before - waited) < 0.5
