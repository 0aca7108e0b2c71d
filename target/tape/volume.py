"""The volume as a whole: ready or not, loading, removal, what formats there are (SSC-4 7)."""

from __future__ import annotations

from target.medium.formats import FORMATS, TYPES, CartridgeType, Format
from target.scsi import sense as s
from target.scsi.command import GOOD, Call, Completion, Data, Rule, command
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


def test_unit_ready(drive: Drive, call: Call) -> Completion:
    """TEST UNIT READY; the rules of its row have done the work."""
    return GOOD


def load_unload(drive: Drive, call: Call) -> Completion:
    """LOAD UNLOAD. With a volume loaded, LOAD goes to the beginning of its partition 0; an unloaded
    one stays in the drive."""
    if call["eot"]:
        raise call.invalid("eot")
    if drive.cartridge is None:
        raise CheckCondition(s.NO_MEDIUM)
    if call["load"] and not call["hold"]:
        if drive.loaded:
            drive.rewind(call.nexus, immed=bool(call["immed"]), partition=0)
        else:
            drive.load_volume(call.nexus, immed=bool(call["immed"]))
        return GOOD
    if any(state.removal_prevented for state in drive.nexuses.values()) and not call["hold"]:
        raise CheckCondition(s.REMOVAL_PREVENTED)
    drive.unload_volume(call.nexus, immed=bool(call["immed"]))
    drive.hold(bool(call["hold"]))
    return GOOD


def prevent_allow(drive: Drive, call: Call) -> Completion:
    """PREVENT ALLOW MEDIUM REMOVAL, remembered for each nexus."""
    if call["prevent"] > 1:
        raise call.invalid("prevent")
    drive.nexuses[call.nexus].removal_prevented = bool(call["prevent"])
    return GOOD


def report_density(drive: Drive, call: Call) -> Completion:
    """REPORT DENSITY SUPPORT: of the drive or of the loaded volume, densities or medium types."""
    media = drive.personality.media
    names = [*media["read_write"], *media["read_only"]]
    forms = [form for form in FORMATS.values() if form.name in names]
    types = [kind for kind in TYPES.values() if kind.capacities.keys() & set(names)]
    if call["media"]:
        drive.require_volume()
        assert drive.cartridge is not None
        forms, types = [drive.density], [drive.cartridge.type]
    if call["medium_type"]:
        body = b"".join(_medium_type(kind) for kind in sorted(types, key=_by_code))
    else:
        body = b"".join(_density(drive, form) for form in sorted(forms, key=lambda f: f.density))
    return call.reply(
        (len(body) + 2).to_bytes(2, "big") + b"\0\0" + body, call["allocation_length"]
    )


def _by_code(kind: CartridgeType) -> int:
    return kind.medium_type


def _density(drive: Drive, form: Format) -> bytes:
    """CAPACITY: of the loaded volume where it has that format, else of the largest cartridge."""
    media, loaded = drive.personality.media, drive.cartridge if drive.loaded else None
    if loaded is not None and loaded.recorded is form:
        capacity = min(loaded.capacity // 10**6, 0xFFFFFFFF)
    else:
        capacity = max(kind.capacities.get(form.name, 0) for kind in TYPES.values())
    data = DENSITY.encode(
        primary=form.density,
        secondary=form.encrypted_density,
        wrtok=form.name in media["read_write"],
        deflt=form.name == media["native"],
        bits_per_mm=form.bits_per_mm,
        width=form.width,
        tracks=form.tracks,
        capacity=capacity,
        organization=form.organization.encode(),
        name=form.label.encode(),
        description=form.description.encode(),
    )
    return bytes(data)


def _medium_type(kind: CartridgeType) -> bytes:
    codes = bytes(form.density for form in kind.formats)
    data = MEDIUM_TYPE.encode(
        medium_type=kind.medium_type,
        descriptor_length=MEDIUM_TYPE.size - 4,
        number_of_codes=len(codes),
        codes=codes.ljust(9, b"\0"),
        width=kind.formats[0].width,
        length=kind.length,
        organization=kind.formats[0].organization.encode(),
        name=kind.suffix.encode(),
        description=kind.description.encode()[:20],
    )
    return bytes(data)


_MEDIUM = Rule.NEEDS_MEDIUM

COMMANDS = (
    command(
        0x00, "TEST UNIT READY", "", test_unit_ready, rules=_MEDIUM | Rule.PASSES_PERSISTENT,
    ),
    command(
        0x1B, "LOAD UNLOAD", "1.0 immed, 4.3 hold, 4.2 eot, 4.1 reten, 4.0 load",
        load_unload, timeout="load",
    ),
    command(
        0x1E, "PREVENT ALLOW MEDIUM REMOVAL", "4.1-0 prevent", prevent_allow,
        rules=Rule.PASSES_UNLESS_PREVENT,
    ),
    command(
        0x44, "REPORT DENSITY SUPPORT", "1.1 medium_type, 1.0 media, 7-8 allocation_length",
        report_density, Data.IN,
    ),
)  # fmt: skip
