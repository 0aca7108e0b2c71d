"""What makers put behind the first bytes of fixed sense data: the quirk ``sense_tail``.

The standard ends with byte 17 (SPC-4 4.5.3). What follows is as long as the model's
``limits.sense_length`` has room for, and is not in descriptor format.

* ``ibm`` and ``ibm-8``: IBM TS2900 setup, operator and service guide, table 40; what is in bytes 18
  to 85 of LTO-8 drives is in CERN's tape server, from IBM's LTO-8 SCSI Reference. Those end with
  the cartridge's serial number, older ones with the drive's revision. Where the tape is, is told
  in LPOS of 7.2 mm (ECMA-319).
* ``hp``: HP Ultrium technical reference volume 3, REQUEST SENSE.
* ``stk``: Oracle T10000 Interface Reference Manual, tables 3-143 to 3-145. The field pointer has
  no bit, and fault symptom codes have bytes of their own.

One error at a time is told, so that of several fault symptom codes the first is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from target.medium.errors import MediumError
from target.medium.formats import Kind
from target.scsi.layout import Layout
from target.scsi.sense import Sense
from target.tape.tape_alert import Flag

if TYPE_CHECKING:
    from target.tape.drive import Drive

_IBM = Layout(
    """18-19    flag_data
    21.4     drvsrvc
    21.3     cln
    21.1     dump
    21.0     volvalid
    22-28    volume_label
    29       wrap
    30-33    lpos
    34       scsi_address
    35       frame
    36.2-0   active_partition
    37-39    port
    40.7     directory_valid
    40.6     partitions_exist
    40.2-0   relative_port
    41       host_command
    42.7-4   generation
    42.3-0   media_type
    43-44    cartridge_type
    45-48    block_number
    49-52    data_set
    53-54    first_fsc
    55-68    more_errors
    69       lpos_region
    70-85    recovery
    86-95    identity""",
    96,
)
_HP = Layout("21.3 cln", 22)
_STK = Layout(
    """18-19   fsc
    20-23   more_fsc
    24.7-4  tape_type
    24.3    davail
    24.2    mir_bad
    24.1    volsafe
    24.0    tape_eol
    25.1    lib_att""",
    26,
)
_STANDARD = 18
_BIT_POINTER = 0x0F
_TAPE_TYPES = {Kind.DATA: 0b0001, Kind.WORM: 0b0001, Kind.CLEANING: 0b1000}

LPOS = 0.0072
"""Metres."""

Values = dict[str, int | bytes]


def _needs_cleaning(drive: Drive) -> bool:
    return not drive.alerts.active.isdisjoint((Flag.CLEAN_NOW, Flag.CLEAN_PERIODIC))


def _ibm(drive: Drive, sense: Sense) -> Values:
    """Fields from 34 on that are not here are zero: a parallel SCSI address, what a library says
    over its serial line, the number of the data set, a recovery that was under way."""
    found: Values = {
        "cln": _needs_cleaning(drive),
        "dump": "dump" in drive.volatile,
        "relative_port": 1,
        "port": drive.vpd_pages[0x88][-3:] if 0x88 in drive.vpd_pages else bytes(3),
        "host_command": drive.failing,
        "first_fsc": sense.fsc or 0,
    }
    cartridge = drive.cartridge
    if cartridge is not None:
        found["volvalid"] = 1
        found["volume_label"] = cartridge.barcode[:7].encode()
        found["cartridge_type"] = cartridge.type.suffix.encode()
        if cartridge.type.family == "LTO" and cartridge.type.medium_type:
            # 0 is LTO-1; the medium type byte has the generation on top.
            found["generation"] = (cartridge.type.medium_type >> 4) - 1
    if drive.loaded:
        found |= _where(drive)
    return found


def _where(drive: Drive) -> Values:
    """Wraps with odd numbers go back to the beginning of the tape."""
    assert drive.cartridge is not None
    try:
        wrap, along = divmod(drive.place(), 1)
        readable = True
    except MediumError:
        wrap, along, readable = 0, 0, False
    spot = 1 - along if wrap % 2 else along
    return {
        "wrap": min(int(wrap), 0xFF),
        "lpos": int(spot * drive.cartridge.type.length / LPOS),
        "active_partition": drive.partition_number & 7,
        "directory_valid": readable,
        "partitions_exist": drive.partitions > 1,
        "block_number": min(drive.position, 0xFFFFFFFF),
    }


def _ibm_old(drive: Drive, sense: Sense) -> Values:
    revision = drive.inquiry_data[32:36]
    return {**_ibm(drive, sense), "identity": revision.ljust(10, b"\0")}


def _ibm_8(drive: Drive, sense: Sense) -> Values:
    cartridge = drive.cartridge
    serial = "" if cartridge is None else cartridge.info["identity"][:10].upper()
    return {**_ibm(drive, sense), "identity": serial.rjust(10).encode()}


def _hp(drive: Drive, sense: Sense) -> Values:
    return {"cln": _needs_cleaning(drive)}


def _stk(drive: Drive, sense: Sense) -> Values:
    """No diagnostic information is kept but that of a dump, and there is no library."""
    kind = None if drive.cartridge is None else drive.cartridge.type.kind
    return {
        "fsc": sense.fsc or 0,
        "tape_type": _TAPE_TYPES.get(kind, 0) if kind else 0,
        "davail": "dump" in drive.volatile,
        "volsafe": kind is Kind.WORM,
    }


_TAILS: dict[str, tuple[Layout, Callable[[Drive, Sense], Values]]] = {
    "ibm": (_IBM, _ibm_old),
    "ibm-8": (_IBM, _ibm_8),
    "hp": (_HP, _hp),
    "stk": (_STK, _stk),
}


def fixed(drive: Drive, sense: Sense, length: int) -> bytes:
    """Sense data of a model in fixed format, ``length`` bytes (at least 18)."""
    name = drive.personality.quirks.get("sense_tail")
    data = sense.fixed(length)
    if name is None:
        return data
    layout, values = _TAILS[name]
    whole = bytearray(data[:_STANDARD]) + layout.encode(values(drive, sense))[_STANDARD:length]
    if layout is _STK:
        whole[15] &= ~_BIT_POINTER
        if not whole[15]:
            whole[16:18] = bytes(2)
    return bytes(whole.ljust(length, b"\0"))
