"""What makers put behind the first bytes of fixed sense data: the quirk ``sense_tail``.

The standard ends with byte 17 (SPC-4 4.5.3). What follows is cut to the model's
``limits.sense_length``, and is not in descriptor format.

``ibm``, up to byte 95, and ``ibm-8``, from LTO-8 on: IBM TS2900 setup, operator and service guide,
table 40; CERN's tape server has the layout of IBM's LTO-8 SCSI Reference::

    18-19  error flags           36.2-0  active partition       42.7-4  LTO generation - 1
    21.4   needs service         37-39   low end of the port's  42.3-0  medium type
    21.3   CLN, to be cleaned            address                43-44   media id
    21.1   a dump is there       40.7    directory is valid     45-48   block number
    21.0   label is valid        40.6    several partitions     49-52   data set
    22-28  volume label          40.2-0  relative target port   53-54   first fault symptom code
    29     wrap                  41      operation code         55-85   more errors, recovery
    30-33  LPOS                                                 86-95   revision (ibm),
    34, 35 bus, library                                                 cartridge's serial (ibm-8)

``hp``: byte 21.3 CLN (HP Ultrium technical reference volume 3, REQUEST SENSE).

``stk``: 18-23 three fault symptom codes, 24.7-4 type of tape, 24.3 a dump is there, 24.2 metadata
are bad, 24.1 VolSafe, 24.0 end of life, 25.1 in a library; the field pointer has no bit (Oracle
T10000 Interface Reference Manual, tables 3-143 to 3-145).

One error at a time is told, so that of several fault symptom codes the first is there. What a
drive without mechanism, bus and library cannot know is zero.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from target.medium.errors import MediumError
from target.medium.formats import Kind
from target.scsi.sense import Sense
from target.tape.tape_alert import Flag

if TYPE_CHECKING:
    from target.tape.drive import Drive

_STANDARD = 18
_IBM = struct.Struct(">2xxB7sBI2xB3sBBB2sI4xH31x10s")
_NOWHERE = (0, 0, 0, 0, 0)
_STK = struct.Struct(">H4xBx")
_CLEAN = 0x08
_BIT_POINTER = 0x0F
_TAPE_TYPES = {Kind.DATA: 0b0001, Kind.WORM: 0b0001, Kind.CLEANING: 0b1000}
_PORTS = 0x88
"""The VPD page that ends with the port's address."""

LPOS = 0.0072
"""Metres (ECMA-319)."""


def _cleaning(drive: Drive) -> int:
    wanted = not drive.alerts.active.isdisjoint((Flag.CLEAN_NOW, Flag.CLEAN_PERIODIC))
    return _CLEAN if wanted else 0


def _ibm(drive: Drive, sense: Sense, identity: bytes) -> bytes:
    cartridge = drive.cartridge
    flags = _cleaning(drive) | ("dump" in drive.volatile) << 1
    label = media_id = b""
    generation = 0
    if cartridge is not None:
        flags |= 1
        label, media_id = cartridge.barcode[:7].encode(), cartridge.type.suffix.encode()
        if cartridge.type.family == "LTO" and cartridge.type.medium_type:
            # The medium type byte has the generation on top.
            generation = (cartridge.type.medium_type >> 4) - 1
    wrap, lpos, partition, volume, block = _where(drive) if drive.loaded else _NOWHERE
    return _IBM.pack(
        flags, label, wrap, lpos, partition, drive.vpd_pages.get(_PORTS, bytes(3))[-3:],
        volume | 1, drive.failing, generation << 4, media_id, block, sense.fsc or 0, identity,
    )  # fmt: skip


def _where(drive: Drive) -> tuple[int, int, int, int, int]:
    """Wrap, LPOS, partition, bits of byte 40, block. Odd wraps go back to the beginning."""
    assert drive.cartridge is not None
    try:
        wrap, along = divmod(drive.place(), 1)
        volume = 0x80
    except MediumError:
        wrap = along = volume = 0
    spot = 1 - along if wrap % 2 else along
    lpos = int(spot * drive.cartridge.type.length / LPOS)
    volume |= (drive.partitions > 1) << 6
    partition, block = drive.partition_number & 7, min(drive.position, 0xFFFFFFFF)
    return min(int(wrap), 0xFF), lpos, partition, volume, block


def _ibm_old(drive: Drive, sense: Sense) -> bytes:
    return _ibm(drive, sense, drive.inquiry_data[32:36])


def _ibm_8(drive: Drive, sense: Sense) -> bytes:
    serial = "" if drive.cartridge is None else drive.cartridge.info["identity"][:10].upper()
    return _ibm(drive, sense, serial.rjust(10).encode())


def _hp(drive: Drive, sense: Sense) -> bytes:
    return bytes((0, 0, 0, _cleaning(drive)))


def _stk(drive: Drive, sense: Sense) -> bytes:
    kind = None if drive.cartridge is None else drive.cartridge.type.kind
    tape = 0 if kind is None else _TAPE_TYPES[kind]
    volsafe = kind is Kind.WORM
    return _STK.pack(sense.fsc or 0, tape << 4 | ("dump" in drive.volatile) << 3 | volsafe << 1)


_TAILS: dict[str, Callable[[Drive, Sense], bytes]] = {
    "ibm": _ibm_old,
    "ibm-8": _ibm_8,
    "hp": _hp,
    "stk": _stk,
}


def fixed(drive: Drive, sense: Sense, length: int) -> bytes:
    """Sense data of a model in fixed format, ``length`` bytes (at least 18)."""
    name = drive.personality.quirks.get("sense_tail")
    if name is None:
        return sense.fixed(length)
    data = bytearray(sense.fixed(length))
    tail = _TAILS[name](drive, sense)[: length - _STANDARD]
    data[_STANDARD : _STANDARD + len(tail)] = tail
    if name == "stk":
        data[15] &= ~_BIT_POINTER
        if not data[15]:
            data[16:18] = bytes(2)
    return bytes(data)
