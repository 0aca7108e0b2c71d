"""What changes a volume as a whole: FORMAT MEDIUM, SET CAPACITY, ALLOW OVERWRITE (SSC-4 7).

A format makes new, empty partitions and is durable when it returns; after a kill a cartridge has
the old ones or the new ones, whole. The other nexuses hear of changed mode parameters, which the
partitions are: 6/2A/01. After SET CAPACITY the nexus that sent it does so too, as LTFS expects.

Decided where the standards leave it open or sources differ:

* First the CDB, then the position (5/3B/0C: Quantum LTO-4 SCSI reference 3.34, HP LTO-5 reference),
  then what protects the volume, then whether the cartridge is one for the command (5/30/00).
* A WORM volume that is written refuses both with 7/30/0C: HP's LTO-4 reference has it of SET
  CAPACITY, and LTFS takes DATA PROTECT with 30h or 50h for the answer of such a volume to a format.
* FORMAT MEDIUM is for volumes that can have partitions. Others, blank LTO WORM tapes and LTO-4 ones
  in an LTO-5 drive among them, are 5/30/00, whatever FORMAT says. Blank 3592 WORM tapes can have.
* SET CAPACITY of a blank WORM volume is 5/30/00 but for models with the quirk ``worm_capacity``,
  which shorten it (HP LTO-3, LTO-4).
* SET CAPACITY of a partitioned volume is 5/30/00, unless it gives back all of the capacity: LTFS
  sends FFFFh to whatever volume it is about to format, and the partitions are gone with that.
* A proportion that is too small is the least one: of LTO-3 151Ah, of others 1055h, which HP has
  published for LTO-4 (LTO-5 reference, SET CAPACITY); the quirk ``least_proportion`` is a model's
  own. It is silent, but with the quirk ``tells_rounding`` ends with 1/37/00 (Quantum).
* In append-only mode both take the allowance for a format, unless every partition is empty.
"""

from __future__ import annotations

from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Rule, command
from target.scsi.sense import CheckCondition
from target.tape import mode_partitions, partitions
from target.tape.drive import Drive
from target.tape.mount import FORMATTING

DEFAULT, AS_SELECTED, DEFAULT_THEN_SELECTED = 0, 1, 2
"""FORMAT of FORMAT MEDIUM."""
OFF, CURRENT_POSITION, FORMAT = 0, 1, 2
"""ALLOW OVERWRITE's own field."""

LEAST_PROPORTIONS = {"LTO-3": 0x151A}
LEAST_PROPORTION = 0x1055
ALL = 0xFFFF


def format_medium(drive: Drive, call: Call) -> Completion:
    """FORMAT MEDIUM: one partition, or those that mode page 11h says (SSC-4 7.1).

    The page says what MODE SELECT has asked for, or else the partitions that there are. FORMAT 2
    comes to the same as 1: nothing of the volume that was there is left in either.
    """
    if call["transfer_length"]:
        raise call.invalid("transfer_length")
    kinds = drive.personality.quirks.get("formats", (DEFAULT, AS_SELECTED, DEFAULT_THEN_SELECTED))
    if call["format"] not in kinds:
        raise call.invalid("format")
    drive.require_beginning()
    drive.require_writable(formatting=True)
    if partitions.tape(drive).most == 1:
        raise CheckCondition(s.WRONG_CARTRIDGE)
    wanted = [None] if call["format"] == DEFAULT else mode_partitions.capacities(drive)

    def finish() -> None:
        drive.format_volume(wanted)
        drive.attention(s.MODE_PARAMETERS_CHANGED, but=call.nexus)

    drive.reform("format", call.nexus, finish, immed=bool(call["immed"]))
    return GOOD


def set_capacity(drive: Drive, call: Call) -> Completion:
    """SET CAPACITY: a proportion of the tape, all of it with FFFFh; erases (SSC-4 7.2).

    The proportion is of the whole tape, not of what an earlier command has left.
    """
    asked = call["proportion"]
    drive.require_beginning()
    drive.require_writable(formatting=True)
    assert drive.cartridge is not None
    worm = drive.cartridge.type.worm and not drive.personality.quirks.get("worm_capacity")
    if worm or (drive.partitions > 1 and asked != ALL):
        raise CheckCondition(s.WRONG_CARTRIDGE)
    least = drive.personality.quirks.get(
        "least_proportion", LEAST_PROPORTIONS.get(drive.density.name, LEAST_PROPORTION)
    )

    def finish() -> None:
        drive.format_volume([None], max(asked, least))
        drive.attention(s.MODE_PARAMETERS_CHANGED)
        if asked < least and drive.personality.quirks.get("tells_rounding"):
            raise CheckCondition(s.ROUNDED_PARAMETER)

    drive.reform("set capacity", call.nexus, finish, immed=bool(call["immed"]))
    return GOOD


def allow_overwrite(drive: Drive, call: Call) -> Completion:
    """ALLOW OVERWRITE: the next command that writes may do so before the end of data (SSC-4 7.3).

    A command that is refused takes back what was allowed before. A WORM volume stays what it is:
    7/30/0C.
    """
    drive.overwrite = None
    if not drive.modes.current.get((0x10, 0x01), {}).get("write_mode"):
        raise CheckCondition(s.NOT_APPEND_ONLY)
    asked = call["allow_overwrite"]
    if asked == OFF:
        return GOOD
    if asked > FORMAT:
        raise call.invalid("allow_overwrite")
    assert drive.cartridge is not None
    if drive.cartridge.type.worm:
        raise CheckCondition(s.WORM_OVERWRITE)
    if asked == FORMAT:
        drive.overwrite = FORMATTING
        return GOOD
    place = (call["partition"], call["object"])
    if place != (drive.partition_number, drive.position):
        raise CheckCondition(s.POSITIONING_ERROR)
    drive.overwrite = place
    return GOOD


COMMANDS = (
    command(
        0x04, "FORMAT MEDIUM", "1.1 verify, 1.0 immed, 2.3-0 format, 3-4 transfer_length",
        format_medium, rules=Rule.NEEDS_MEDIUM, timeout="format",
    ),
    command(
        0x0B, "SET CAPACITY", "1.0 immed, 3-4 proportion", set_capacity,
        rules=Rule.NEEDS_MEDIUM, timeout="set_capacity",
    ),
    command(
        0x82, "ALLOW OVERWRITE", "2.3-0 allow_overwrite, 3 partition, 4-11 object",
        allow_overwrite, rules=Rule.NEEDS_MEDIUM,
    ),
)  # fmt: skip
