"""The volume as a whole: ready or not, loading, removal, what formats there are (SSC-4 7)."""

from __future__ import annotations

from target.medium.generations import GENERATIONS, Generation
from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion
from target.scsi.layout import Layout
from target.scsi.sense import CheckCondition
from target.tape.drive import Drive

DENSITY = Layout(
    """0    primary
    1      secondary
    2.7    wrtok
    2.6    dup
    2.5    deflt
    2.0    dlv
    3-4    descriptor_length
    5-7    bits_per_mm
    8-9    width
    10-11  tracks
    12-15  capacity
    16-23  organization
    24-31  name
    32-51  description""",
    52,
)
MEDIUM_TYPE = Layout(
    """0    medium_type
    2-3    descriptor_length
    4      number_of_codes
    5-13   codes
    14-15  width
    16-17  length
    20-27  organization
    28-35  name
    36-55  description""",
    56,
)
_ORGANIZATION = b"LTO-CVE"
_WIDTH = 127
"""Tenths of a millimetre."""
_LENGTH = 960
"""Metres, about; what tells a data cartridge from nothing, no more."""


def test_unit_ready(drive: Drive, call: Call) -> Completion:
    """TEST UNIT READY; the rules of its row have done the work."""
    return GOOD


def load_unload(drive: Drive, call: Call) -> Completion:
    """LOAD UNLOAD. With a volume loaded, LOAD rewinds; an unloaded one stays in the drive."""
    if call["eot"]:
        raise call.invalid("eot")
    if drive.cartridge is None:
        raise CheckCondition(s.NO_MEDIUM)
    if call["load"] and not call["hold"]:
        if drive.loaded:
            drive.sync()
            drive.position = 0
        else:
            drive.load()
        return GOOD
    if any(state.removal_prevented for state in drive.nexuses.values()) and not call["hold"]:
        raise CheckCondition(s.REMOVAL_PREVENTED)
    drive.unload()
    return GOOD


def prevent_allow(drive: Drive, call: Call) -> Completion:
    """PREVENT ALLOW MEDIUM REMOVAL, remembered for each nexus."""
    if call["prevent"] > 1:
        raise call.invalid("prevent")
    drive.nexuses[call.nexus].removal_prevented = bool(call["prevent"])
    return GOOD


def report_density(drive: Drive, call: Call) -> Completion:
    """REPORT DENSITY SUPPORT: of the drive or of the loaded volume, densities or medium types."""
    if call["media"]:
        drive.require_volume()
        rows = [drive.density]
    else:
        media = drive.personality.media
        rows = [
            GENERATIONS[number] for number in sorted((*media["read_write"], *media["read_only"]))
        ]
    build = _medium_type if call["medium_type"] else _density
    body = b"".join(build(drive, row) for row in rows)
    return call.reply(
        (len(body) + 2).to_bytes(2, "big") + b"\0\0" + body, call["allocation_length"]
    )


def _density(drive: Drive, row: Generation) -> bytes:
    media = drive.personality.media
    data = DENSITY.encode(
        primary=row.density,
        secondary=row.density,
        wrtok=row.number in media["read_write"],
        deflt=row.number == media["native"],
        bits_per_mm=row.bits_per_mm,
        width=_WIDTH,
        tracks=row.tracks,
        capacity=row.capacity,
        organization=_ORGANIZATION,
        name=row.name.encode(),
        description=row.description.encode(),
    )
    return bytes(data)


def _medium_type(drive: Drive, row: Generation) -> bytes:
    data = MEDIUM_TYPE.encode(
        medium_type=row.medium_type,
        descriptor_length=MEDIUM_TYPE.size - 4,
        number_of_codes=1,
        codes=bytes((row.density,)).ljust(9, b"\0"),
        width=_WIDTH,
        length=_LENGTH,
        organization=_ORGANIZATION,
        name=f"Ultrium{row.number}".encode()[:8],
        description=f"Ultrium {row.number} data".encode(),
    )
    return bytes(data)
