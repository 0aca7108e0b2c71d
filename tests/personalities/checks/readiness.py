"""Ready or not, unit attentions, loading and unloading, removal, REQUEST SENSE."""

from __future__ import annotations

from target.scsi import sense as s
from target.scsi.sense import decode
from tests.personalities.bench import Bench, good, refused
from tests.personalities.registry import check, has, mode
from tests.scsi.cdbs import plain
from tests.scsi.modes import page
from tests.tape.host import CHECK, EOD, GOOD, Host

MEDIUM = (
    "00", "01", "04", "08", "0A", "0B", "0F", "10", "11", "13", "14", "19", "2B", "34", "80", "82",
    "91", "92",
)  # fmt: skip
"""The commands that need a volume."""


def sense_data(host: Host, *, descriptor: bool = False) -> bytes:
    """REQUEST SENSE."""
    return good(host.send(bytes((0x03, descriptor, 0, 0, 255, 0)), size=255))


def hold(host: Host, *, load: bool) -> int:
    return host.send(bytes((0x1B, 0, 0, 0, 0x08 | load, 0))).status


@check()
def ready_with_a_volume(bench: Bench) -> None:
    assert bench.tape().ready().status == GOOD


@check()
def not_ready_without(bench: Bench) -> None:
    """2/3A/00 for every command that needs a volume."""
    host = bench.empty()
    no_medium = bench.model.code(s.NO_MEDIUM)
    for key in MEDIUM:
        if key in bench.model.rows:
            refused(host.send(plain(bench.model.rows[key]), size=64), no_medium)


@check()
def power_on_is_told_first(bench: Bench) -> None:
    """Each nexus hears of the power-on once, before its first command is carried out."""
    drive = bench.tape().drive
    for name in ("new0", "new1"):
        host = Host(drive, name)
        refused(host.rewind(), bench.model.code(s.POWER_ON))
        assert host.rewind().status == GOOD


@check()
def new_volume_is_told(bench: Bench) -> None:
    """6/28/00 for every nexus, after a cartridge went in and after LOAD."""
    host = bench.empty()
    other = bench.another(host)
    host.drive.insert(bench.cartridge())
    for one in (host, other):
        refused(one.ready(), s.MEDIUM_MAY_HAVE_CHANGED)
        assert one.ready().status == GOOD
    assert host.load(load=False).status == GOOD
    assert host.load().status == GOOD
    for one in (host, other):
        refused(one.ready(), s.MEDIUM_MAY_HAVE_CHANGED)
        assert one.ready().status == GOOD


@check()
def order_of_attentions(bench: Bench) -> None:
    host = bench.empty()
    host.drive.reset()
    host.drive.insert(bench.cartridge())
    refused(host.ready(), bench.model.code(s.POWER_ON))
    refused(host.ready(), s.MEDIUM_MAY_HAVE_CHANGED)
    assert host.ready().status == GOOD


@check()
def request_sense_tells_attentions(bench: Bench) -> None:
    """As data with GOOD, and clears them."""
    host = bench.tape()
    host.drive.reset()
    told = decode(sense_data(host))
    assert told.code[:3] == bench.model.code(s.POWER_ON)[:3]
    assert host.ready().status == GOOD
    assert decode(sense_data(host)).code == s.NO_SENSE


@check()
def request_sense_formats(bench: Bench) -> None:
    """DESC 0: fixed format of the model's length; DESC 1: descriptor format; both cut."""
    host = bench.tape()
    data = sense_data(host)
    length = bench.model.personality.limits["sense_length"]
    assert (data[0], data[7], len(data)) == (0x70, length - 8, length)
    assert sense_data(host, descriptor=True) == bytes((0x72, 0, 0, 0, 0, 0, 0, 0))
    for allocation in (0, 7, 18):
        cdb = bytes((0x03, 0, 0, 0, allocation, 0))
        assert good(host.send(cdb, size=255)) == data[:allocation]


@check()
def request_sense_without_a_volume(bench: Bench) -> None:
    assert decode(sense_data(bench.empty())).code == s.NO_SENSE


@check()
def unload_and_load(bench: Bench) -> None:
    """What was written is there, and the tape is at its beginning."""
    host = bench.tape()
    assert host.write(b"kept").status == GOOD
    assert host.load(load=False).status == GOOD
    refused(host.ready(), bench.model.code(s.NO_MEDIUM))
    assert host.load().status == GOOD
    host.hear()
    assert host.position() == 0
    assert good(host.read(4)) == b"kept"


@check()
def load_of_a_loaded_volume(bench: Bench) -> None:
    """Goes to the beginning, and is no new volume."""
    host = bench.tape()
    host.write(b"data")
    assert host.load().status == GOOD
    assert host.ready().status == GOOD
    assert host.position() == 0


@check()
def load_without_a_cartridge(bench: Bench) -> None:
    host = bench.empty()
    for load in (False, True):
        refused(host.load(load=load), bench.model.code(s.NO_MEDIUM))


@check()
def end_of_tape_is_no_place_to_load_at(bench: Bench) -> None:
    reply = bench.tape().send(bytes((0x1B, 0, 0, 0, 0x05, 0)))
    refused(reply, s.INVALID_FIELD_IN_CDB, (4, 2))


@check()
def removal_is_prevented(bench: Bench) -> None:
    """While any nexus prevents it: 5/53/02; the volume stays."""
    host = bench.tape()
    other = bench.another(host)
    assert host.prevent(True).status == GOOD
    assert other.prevent(True).status == GOOD
    for who, left in ((host, other), (other, None)):
        refused(host.load(load=False), s.REMOVAL_PREVENTED)
        assert host.ready().status == GOOD
        assert who.prevent(False).status == GOOD
        assert left is None or refused(left.load(load=False), s.REMOVAL_PREVENTED)
    assert host.load(load=False).status == GOOD


@check()
def reset_and_nexus_loss_allow_removal(bench: Bench) -> None:
    host = bench.tape()
    other = bench.another(host)
    other.prevent(True)
    host.drive.nexus_lost(other.nexus)
    assert host.load(load=False).status == GOOD
    assert host.load().status == GOOD
    host.hear()
    host.prevent(True)
    host.drive.reset()
    host.hear()
    assert host.load(load=False).status == GOOD


@check()
def reserved_prevention_is_refused(bench: Bench) -> None:
    for value in (2, 3):
        reply = bench.tape().send(bytes((0x1E, 0, 0, 0, value, 0)))
        refused(reply, s.INVALID_FIELD_IN_CDB, (4, 1))


@check(has("8C-00"))
def held_cartridge(bench: Bench) -> None:
    """HOLD takes the tape off the heads; the cartridge's memory can be read all the same."""
    host = bench.tape()
    assert hold(host, load=False) == GOOD
    refused(host.ready(), bench.model.code(s.MEMORY_ACCESSIBLE))
    cdb = bytes((0x8C, 0)) + bytes(6) + bytes(2) + (0x10000).to_bytes(4) + bytes(2)
    attributes = host.send(cdb, size=0x10000)
    assert attributes.status == GOOD
    assert host.load().status == GOOD
    host.hear()
    assert host.ready().status == GOOD


@check()
def retension_is_taken(bench: Bench) -> None:
    assert bench.tape().send(bytes((0x1B, 0, 0, 0, 0x03, 0))).status == GOOD


@check()
def rewind(bench: Bench) -> None:
    host = bench.tape()
    for immed in (0, 1):
        assert host.write(b"x").status == GOOD
        assert host.send(bytes((0x01, immed, 0, 0, 0, 0))).status == GOOD
        assert host.position() == 0


@check()
def nothing_is_lost_by_unloading(bench: Bench) -> None:
    """The cartridge can be used by another drive of the model."""
    host = bench.tape()
    host.write_tape([b"one", None, b"two"])
    cartridge = host.drive.eject()
    assert cartridge is not None
    other = bench.empty()
    other.drive.insert(cartridge)
    other.hear()
    assert good(other.read(3)) == b"one"
    host = other
    host.locate(2)
    assert good(host.read(3)) == b"two"


@check()
def reset_is_told(bench: Bench) -> None:
    """Every kind of reset by its own code; the volume stays loaded."""
    host = bench.tape()
    for code in (s.POWER_ON, s.BUS_RESET, s.DEVICE_RESET):
        host.drive.reset(code)
        refused(host.ready(), bench.model.code(code))
        assert host.ready().status == GOOD


@check()
def loss_of_power(bench: Bench) -> None:
    """The volume is at its beginning again, the block length and the buffered mode are usual."""
    host = bench.tape()
    host.set_block_length(512)
    host.write(bytes(512))
    host.drive.power_on()
    assert host.hear()[0][:3] == bench.model.code(s.POWER_ON)[:3]
    assert host.position() == 0
    assert host.send(bytes((0x1A, 0, 0, 0, 12, 0)), size=12).data[9:12] == bytes(3)


@check()
def loss_of_a_nexus_is_told(bench: Bench) -> None:
    host = bench.tape()
    host.drive.nexus_lost(host.nexus)
    refused(host.ready(), s.NEXUS_LOSS)
    assert host.ready().status == GOOD


@check(mode("10"))
def reset_keeps_the_place_where_it_may(bench: Bench) -> None:
    """REWIND ON RESET (mode page 10h): 01b goes to the beginning, what else keeps the place."""
    host = bench.tape()
    host.write_tape([b"one", b"two"])
    host.locate(0, EOD) if bench.model.has("92") else host.space(3)
    rewinds = page(host, 0x10)[15] >> 3 & 3 == 1
    host.drive.reset(s.DEVICE_RESET)
    host.hear()
    assert host.position() == (0 if rewinds else 2)


@check()
def no_command_while_attention_is_pending(bench: Bench) -> None:
    """A command that ends with the attention was not carried out."""
    host = bench.tape()
    host.drive.reset()
    assert host.write(b"lost").status == CHECK
    assert host.ready().status == GOOD
    refused(host.read(4), s.END_OF_DATA)
