"""IBM's own mode pages: of the LTO drives 24h, 2Fh and 30h, of the 3592 drives 23h, 24h and 25h.

LTO: IBM LTO SCSI Reference 6.6.19 to 6.6.21. 3592: the fields that LTFS reads and sets, at the
offsets where it does; other fields are in no public source and are zero here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target.encryption.abilities import APPLICATION, LIBRARY, SYSTEM
from target.scsi.command import Nexus
from target.scsi.layout import Layout
from target.scsi.mode import Asked, ModePage, Values
from target.tape import write_protection

if TYPE_CHECKING:
    from target.tape.drive import Drive


def _encryption(drive: Drive) -> Values:
    """Whether the drive can encrypt, and may."""
    able = bool(drive.personality.encryption)
    return {"encr_c": able, "encr_e": able}


VENDOR_SPECIFIC = ModePage(
    0x24,
    "vendor-specific",
    Layout("2.0 vendor_2, 3 vendor_3, 7.3 encr_e, 7.1 fips, 7.0 encr_c", 8),
    changeable=("vendor_2", "vendor_3"),
    ignored=("encr_e", "fips", "encr_c"),
    live=_encryption,
    listed=False,
)

_UNLOADING = ("unload_cleaner", "unload_firmware", "unload_data")


def _check_behavior(drive: Drive, present: Values, asked: Values) -> str | None:
    """All kinds of cartridge are ejected on errors, or none is."""
    first, *rest = _UNLOADING
    return next((name for name in rest if asked[name] != asked[first]), None)


BEHAVIOR = ModePage(
    0x2F,
    "behavior configuration",
    Layout(
        """2    fence
        3      clean
        4      worm
        5      sense_data
        6.2    ccdm
        6.1    ddeor
        6.0    clnchk
        7.0    dfmrdl
        8.5-4  unload_cleaner
        8.3-2  unload_firmware
        8.1-0  unload_data
        9.0    ta10""",
        10,
    ),
    defaults={"clean": 1, "sense_data": 1, **dict.fromkeys(_UNLOADING, 1), "ta10": 1},
    changeable=("fence", "ccdm", "ddeor", "clnchk", "dfmrdl", *_UNLOADING, "ta10"),
    saved=("fence", "ccdm", "ddeor", "clnchk", "dfmrdl", *_UNLOADING, "ta10"),
    allowed={"fence": (0, 1), **dict.fromkeys(_UNLOADING, (0, 1))},
    check=_check_behavior,
)

_ATTRIBUTES = 0x30
_MOST = 8
"""Subpages that the directory has room for."""


def _subpages(drive: Drive) -> Values:
    codes = [page.subpage for page in drive.modes.pages if page.code == _ATTRIBUTES]
    return {f"subpage_{n}": code for n, code in enumerate(code for code in codes if code)}


DIRECTORY = ModePage(
    _ATTRIBUTES,
    "device attribute settings",
    Layout("\n".join(f"{2 + n} subpage_{n}" for n in range(_MOST))),
    length=lambda values: sum(values.get(f"subpage_{n}", 0) > 0 for n in range(_MOST)),
    live=_subpages,
)
"""Which subpages there are, in ascending order."""

_METHODS = {APPLICATION: {"method": 3}, LIBRARY: {"method": 4, "default_state": 2}}


def _method(drive: Drive) -> Values:
    return _METHODS.get(drive.control, {}) if drive.personality.encryption else {}


ENCRYPTION_MODE = ModePage(
    _ATTRIBUTES,
    "encryption mode",
    Layout("5 method, 6 key_path, 7 default_state, 8 density_reporting"),
    subpage=0x20,
    defaults={"method": 1, "key_path": 1, "default_state": 1},
    live=_method,
    # The page may only be read: not even what was read may be sent back.
    check=lambda drive, present, asked: "method",
)
"""Method 1: no encryption, 3: managed by the application, 4: by the library, and by default all is
encrypted (IBM LTO SCSI Reference, table 360, which has no others)."""


def _skip_sync(drive: Drive) -> Values:
    """SkipSync is for volumes of LTO-5 and later that have one partition."""
    return {"sv": drive.loaded and drive.density.partitions > 1 and drive.partitions == 1}


SKIP_SYNC = ModePage(
    _ATTRIBUTES,
    "SkipSync",
    Layout("4.2-1 sv, 4.0 enable, 7 policy, 8-11 minimum_capacity", 20),
    subpage=0x40,
    changeable=("enable",),
    saved=("enable",),
    ignored=("sv", "minimum_capacity"),
    live=_skip_sync,
)

END_OF_PARTITION = ModePage(
    _ATTRIBUTES,
    "end of partition behavior control",
    Layout("4 leop_method"),
    subpage=0x42,
    changeable=("leop_method",),
    saved=("leop_method",),
    allowed={"leop_method": (0, 1, 2)},
)

FEATURES = ModePage(
    _ATTRIBUTES,
    "feature switches",
    Layout("4.2 e_12vpc, 4.1 e_archive, 4.0 d_bopc", 20),
    subpage=0x43,
    changeable=("e_12vpc", "e_archive", "d_bopc"),
    saved=("e_12vpc", "e_archive"),
)

PREFERRED_CARTRIDGE = ModePage(
    _ATTRIBUTES,
    "preferred cartridge type",
    Layout(
        """4 type_0, 5 density_0
        8 type_1, 9 density_1
        12 type_2, 13 density_2
        16 type_3, 17 density_3""",
        20,
    ),
    subpage=0x44,
    # LTO-7 data and WORM, LTO-8 data and WORM cartridges.
    defaults={
        "type_0": 0x78, "density_0": 0x5C,
        "type_1": 0x7C, "density_1": 0x5C,
        "type_2": 0x88, "density_2": 0x5E,
        "type_3": 0x8C, "density_3": 0x5E,
    },
    changeable=("density_0",),
    saved=("density_0",),
    allowed={"density_0": (0x5C, 0x5D)},
)  # fmt: skip
"""Of an LTO-8 drive: a new LTO-7 cartridge becomes LTO-7 or M8."""

# --- 3592 --------------------------------------------------------------------------------------

_PROTECTING = {
    "associated_wp": ("asocwp", "reset_associated_wp"),
    "persistent_wp": ("perswp", "reset_persistent_wp"),
    "permanent_wp": ("prmwp", None),
}
"""The bit that protects, in page 10h too, and the one that ends it."""


def _medium(drive: Drive) -> Values:
    """The volume on the heads, if there is one."""
    cartridge = drive.cartridge
    if not drive.loaded or cartridge is None:
        return {}
    states = write_protection.states(drive)
    return {
        "medium_id": drive.medium_type(),
        "format_id": drive.density_code(),
        "worm_mode": cartridge.type.worm,
        "physical_wp": cartridge.write_protect,
        **{name: states[bit] for name, (bit, _) in _PROTECTING.items()},
        "partition": drive.partition_number,
        "cartridge_id": int(cartridge.info["identity"][:24] or "0", 16),
    }


def _protections(asked: Values) -> Values:
    """The bits of page 10h that a page sent turns on or off; a bit of zero leaves what is there."""
    wanted = {bit: 1 for name, (bit, _) in _PROTECTING.items() if asked[name]}
    return wanted | {bit: 0 for bit, reset in _PROTECTING.values() if reset and asked[reset]}


def _check_medium(drive: Drive, present: Values, asked: Values) -> str | None:
    write_protection.check(drive, _protections(asked))
    return None


def _protect(drive: Drive, nexus: Nexus, asked: Asked) -> None:
    drive.modes[0x23].update(dict.fromkeys(_PROTECTING, 0))
    write_protection.apply(drive, _protections(asked[0x23, 0x00]))


MEDIUM_SENSE = ModePage(
    0x23,
    "medium sense",
    Layout(
        """4-5   medium_id
        6       format_id
        9.4     worm_locked
        9.3-0   worm_mode
        10.7    physical_wp
        10.6    associated_wp
        10.5    reset_associated_wp
        10.4    persistent_wp
        10.3    reset_persistent_wp
        10.0    permanent_wp
        11.1    segment_scaling
        11.0    scaling
        12      scaling_value
        17      partition
        48-59   cartridge_id"""
    ),
    changeable=("associated_wp", "persistent_wp", "permanent_wp", "scaling", "scaling_value"),
    once=("reset_associated_wp", "reset_persistent_wp"),
    live=_medium,
    check=_check_medium,
    applied=_protect,
)
"""The structures of LTFS, but for capacities, file counts and internal labels, which stay zero.
LTFS scales a volume to its full capacity with SCALING 1 and value 0."""

INITIATOR_EXTENSIONS = ModePage(
    0x24,
    "initiator-specific extensions",
    Layout("2.6 lbp_reed_solomon, 2.5 lbp_crc32c", 24),
    defaults={"lbp_reed_solomon": 1},
    form="3592",
)


_METHODS_3592 = {SYSTEM: 0x10, APPLICATION: 0x50, LIBRARY: 0x60}


def _read_write_control(drive: Drive) -> Values:
    """Who manages encryption, and what it is like at the moment."""
    if not drive.personality.encryption:
        return {}
    shared = drive.parameters.shared
    return {
        "method": _METHODS_3592.get(drive.control, 0),
        "encryption_state": shared is not None and shared.active,
        "encryptable": drive.loaded and drive.can_encrypt_volume(),
    }


READ_WRITE_CONTROL = ModePage(
    0x25,
    "read/write control",
    Layout(
        """5     leop_method
        6       early_warning
        8       read_past_eod
        10      density
        20.1-0  encryption_state
        24.0    encryptable
        27      method""",
        32,
    ),
    defaults={"leop_method": 1, "early_warning": 1},
    changeable=("leop_method", "early_warning", "read_past_eod", "density"),
    ignored=("encryption_state", "encryptable", "method"),
    live=_read_write_control,
)
"""``density``: the format that writing from the beginning gives a volume, 0: the drive's own.
``read_past_eod``: 0Ch, which LTFS sets, has reading stop at the end of data. The method is as LTFS
names it."""

PAGES = (
    MEDIUM_SENSE, VENDOR_SPECIFIC, INITIATOR_EXTENSIONS, READ_WRITE_CONTROL, BEHAVIOR, DIRECTORY,
    ENCRYPTION_MODE, SKIP_SYNC, END_OF_PARTITION, FEATURES, PREFERRED_CARTRIDGE,
)  # fmt: skip
