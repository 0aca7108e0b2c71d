"""The mode pages of SPC-4 (7.5) and SSC-4 (8.3) that tape drives have, with their usual values.

Offsets count from byte 0 of a page. Values and what MODE SELECT may change are those of IBM's LTO
drives (IBM LTO SCSI Reference 6.6). Models' tables correct them, and say what is rounded and what
can be saved; `target.scsi.mode` says how. Two things differ from IBM's on purpose: D_SENSE can be
set, as SPC-4 has it, and reserved bits are refused. The vendor's own pages are in `vendor_modes`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from target.scsi import sense as s
from target.scsi.command import Nexus
from target.scsi.layout import Layout
from target.scsi.mode import Asked, ModePage, Values
from target.tape import vendor_modes, write_protection
from target.tape.mode_partitions import PARTITIONS

if TYPE_CHECKING:
    from target.tape.drive import Drive

ERROR_RECOVERY = ModePage(
    0x01,
    "read-write error recovery",
    Layout("2.5 tb, 2.3 eer, 2.2 per, 2.1 dte, 2.0 dcr, 3 read_retries, 8 write_retries", 12),
    defaults={"tb": 1, "eer": 1, "read_retries": 0xFF, "write_retries": 0xFF},
    changeable=("per", "read_retries", "write_retries"),
)

DISCONNECT = ModePage(
    0x02,
    "disconnect-reconnect",
    Layout(
        """2     buffer_full
        3       buffer_empty
        4-5     bus_inactivity
        6-7     disconnect_time
        8-9     connect_time
        10-11   maximum_burst
        12.7    emdp
        12.6-4  fair_arbitration
        12.3    dimm
        12.2-0  dtdc
        14-15   first_burst"""
    ),
    changeable=("maximum_burst",),
    per_nexus=True,
)

CONTROL = ModePage(
    0x0A,
    "control",
    Layout(
        """2.7-5  tst
        2.4      tmf_only
        2.3      dpicz
        2.2      d_sense
        2.1      gltsd
        2.0      rlec
        3.7-4    queue_algorithm
        3.3      nuar
        3.2-1    qerr
        3.0      dque
        4.7      vs
        4.6      rac
        4.5-4    ua_intlck_ctrl
        4.3      swp
        5.7      ato
        5.6      tas
        5.2-0    autoload
        8-9      busy_timeout
        10-11    self_test_time"""
    ),
    defaults={"busy_timeout": 0xFFFF},
    changeable=("d_sense", "autoload"),
    allowed={"autoload": (0, 1, 2)},
)

CONTROL_EXTENSION = ModePage(
    0x0A,
    "control extension",
    Layout("4.2 tcmos, 4.1 scsip, 4.0 ialuae, 5.3-0 initial_priority", 32),
    subpage=0x01,
    # SCSIP 0 would make SET TIMESTAMP illegal.
    defaults={"tcmos": 1, "scsip": 1},
    changeable=("scsip",),
)

LBP_LENGTHS = (0, 4)
"""Protection information is 4 bytes in every method; LTFS sends 0 with method 0."""


def _check_protection(drive: Drive, present: Values, asked: Values) -> str | None:
    """Method 0 protects nothing; any other says how long its information is (SSC-4 8.3.9)."""
    if asked["lbp_method"]:
        return None if asked["lbp_length"] else "lbp_length"
    return next((name for name in ("lbp_w", "lbp_r", "rbdp") if asked[name]), None)


DATA_PROTECTION = ModePage(
    0x0A,
    "control data protection",
    Layout("4 lbp_method, 5.5-0 lbp_length, 6.7 lbp_w, 6.6 lbp_r, 6.5 rbdp, 7.7-4 pi_exponent", 32),
    subpage=0xF0,
    changeable=("lbp_method", "lbp_length", "lbp_w", "lbp_r"),
    allowed={"lbp_method": (0, 1, 2), "lbp_length": LBP_LENGTHS},
    per_nexus=True,
    check=_check_protection,
)
"""RBDP and the exponent are for models that recover buffered data, or take T10 protection
information (T10000D)."""

COMPRESSION = Layout(
    """2.7   dce
    2.6     dcc
    3.7     dde
    3.6-5   red
    4-7     compression_algorithm
    8-11    decompression_algorithm""",
    16,
)


def _link_compression(drive: Drive, nexus: Nexus, asked: Asked) -> None:
    """DCE of page 0Fh and SELECT DATA COMPRESSION ALGORITHM of 10h are one switch.

    If both pages are sent, either of them turns compression on (IBM LTO SCSI Reference 6.6.11).
    """
    pages = [(0x0F, 0x00, "dce"), (0x10, 0x00, "select_compression")]
    held = [(code, name) for code, subpage, name in pages if (code, subpage) in drive.modes]
    sent = [drive.modes[code][name] for code, name in held if (code, 0) in asked]
    for code, name in held:
        drive.modes[code][name] = max(sent)


DEVICE_CONFIGURATION = Layout(
    """2.6  cap
    2.5     caf
    2.4-0   active_format
    3       active_partition
    4       write_buffer_full
    5       read_buffer_empty
    6-7     write_delay
    8.7     obr
    8.6     lois
    8.5     rsmk
    8.4     avc
    8.3-2   socf
    8.1     robo
    8.0     rew
    9       gap_size
    10.7-5  eod_defined
    10.4    eeg
    10.3    sew
    10.2    swp
    10.1    baml
    10.0    bam
    11-13   early_warning_size
    14      select_compression
    15.7-6  wtre
    15.5    oir
    15.4-3  rewind_on_reset
    15.2    asocwp
    15.1    perswp
    15.0    prmwp""",
    16,
)


def _check_configuration(drive: Drive, present: Values, asked: Values) -> str | None:
    """Write protection can become as asked."""
    write_protection.check(drive, {name: asked[name] for name in write_protection.OF_VOLUME})
    return None


def _configure(drive: Drive, nexus: Nexus, asked: Asked) -> None:
    """Compression has a second switch; what the cartridge keeps is its own."""
    _link_compression(drive, nexus, asked)
    drive.modes[0x10].update(dict.fromkeys(write_protection.KEPT, 0))
    sent = asked[0x10, 0x00]
    write_protection.apply(drive, {name: sent[name] for name in write_protection.OF_VOLUME})


def _live_configuration(drive: Drive) -> Values:
    partition = drive.partition_number if drive.loaded else 0
    return {"active_partition": partition, **write_protection.kept(drive)}


def _check_extension(drive: Drive, present: Values, asked: Values) -> str | None:
    """Append-only mode cannot be left while a volume is loaded (SSC-4 8.3.8), and is entered at
    its beginning: LTFS goes there before. The drive ends it when it unloads the volume."""
    if drive.loaded and asked["write_mode"] != present["write_mode"]:
        if present["write_mode"]:
            return "write_mode"
        drive.require_beginning()
    return None


CONFIGURATION_EXTENSION = ModePage(
    0x10,
    "device configuration extension",
    Layout(
        """4.3  tarpf
        4.2     taser
        4.1     tarpc
        4.0     taplsd
        5.7-4   write_mode
        5.3-0   short_erase
        6-7     pews
        8.3     acwre
        8.2     wre
        8.1     acvcelbre
        8.0     vcelbre""",
        32,
    ),
    subpage=0x01,
    # A short erase records an end-of-data mark.
    defaults={"short_erase": 2},
    changeable=("write_mode", "pews", "wre", "vcelbre"),
    allowed={"write_mode": (0, 1)},
    check=_check_extension,
)
"""PEWS is in 10**6 bytes."""

FCP, SAS = 0x0, 0x6
"""PROTOCOL IDENTIFIER (SPC-4 7.6.1)."""

UNIT_FCP = ModePage(
    0x18,
    "Fibre Channel logical unit",
    Layout("2.3-0 protocol, 3.0 epdc", 8),
    defaults={"protocol": FCP},
    changeable=("epdc",),
    per_nexus=True,
    form="fcp",
)

UNIT_SAS = ModePage(
    0x18,
    "SAS logical unit",
    Layout("2.4 tlr, 2.3-0 protocol", 8),
    defaults={"protocol": SAS, "tlr": 1},
    changeable=("tlr",),
    per_nexus=True,
)

PORT_FCP = ModePage(
    0x19,
    "Fibre Channel port",
    Layout(
        """2.3-0  protocol
        3.7      dtfd
        3.6      plpb
        3.5      ddis
        3.4      dlm
        3.3      rha
        3.2      alwi
        3.1      dtipe
        3.0      dtoli
        6.2-0    rr_tov_units
        7        rr_tov"""
    ),
    # Resource recovery after 25 seconds: 250 tenths.
    defaults={"protocol": FCP, "rr_tov_units": 3, "rr_tov": 250},
    changeable=("rr_tov_units", "rr_tov"),
    allowed={"rr_tov_units": (0, 1, 3, 5)},
    # Older drives had a longer page, and initiators that know it.
    lengths=(0x0E,),
    rounds=lambda drive, asked: {} if asked["rr_tov_units"] else {"rr_tov_units": 3, "rr_tov": 250},
    form="fcp",
)

PORT_SAS = ModePage(
    0x19,
    "SAS port",
    Layout(
        """2.6    continue_awt
        2.5      broadcast_asynchronous
        2.4      ready_led_meaning
        2.3-0    protocol
        4-5      nexus_loss_time
        6-7      response_timeout
        8-9      reject_to_open_limit""",
        16,
    ),
    # Milliseconds.
    defaults={
        "protocol": SAS, "continue_awt": 1, "nexus_loss_time": 2000, "response_timeout": 2000,
    },
)  # fmt: skip

POWER_CONDITION = ModePage(
    0x1A,
    "power condition",
    Layout(
        """2.0  standby_y
        3.3     idle_c
        3.2     idle_b
        3.1     idle_a
        3.0     standby_z
        4-7     idle_a_timer
        8-11    standby_z_timer
        12-15   idle_b_timer
        16-19   idle_c_timer
        20-23   standby_y_timer""",
        40,
    ),
    # Tenths of a second: 20 minutes.
    defaults={"idle_c": 1, "idle_c_timer": 12000},
    changeable=("idle_c", "idle_c_timer"),
)

_FLAGS = range(1, 65)
_NOTHING, _RAISE, _LOWER = 0, 1, -1


def _alert_test(number: int) -> tuple[int, int] | None:
    """(what to do, TapeAlert flag) that a TEST FLAG NUMBER asks for; None: no such number."""
    if number == 0:
        return _NOTHING, 0
    if number in _FLAGS:
        return _RAISE, number
    return (_LOWER, (1 << 32) - number) if (1 << 32) - number in _FLAGS else None


def _check_exceptions(drive: Drive, present: Values, asked: Values) -> str | None:
    """TEST needs reporting to be enabled; its flag number is for it alone."""
    if not asked["test"]:
        return "test_flag" if asked["test_flag"] else None
    if asked["dexcpt"]:
        return "test"
    return None if _alert_test(asked["test_flag"]) else "test_flag"


def _test_exceptions(drive: Drive, nexus: Nexus, asked: Asked) -> None:
    """A test raises a TapeAlert flag for everyone, or lowers it."""
    sent = asked[0x1C, 0x00]
    todo, flag = _alert_test(sent["test_flag"]) or (_NOTHING, 0)
    if sent["test"] and todo == _NOTHING:
        drive.predict(s.FAILURE_PREDICTION_TEST)
    elif sent["test"] and todo == _RAISE:
        drive.alert(flag)
    elif sent["test"] and todo == _LOWER:
        drive.alerts.clear(frozenset({flag}))


EXCEPTIONS = ModePage(
    0x1C,
    "informational exceptions control",
    Layout(
        """2.7 perf
        2.5    ebf
        2.4    ewasc
        2.3    dexcpt
        2.2    test
        2.1    ebackerr
        2.0    logerr
        3.3-0  mrie
        4-7    interval_timer
        8-11   test_flag""",
        12,
    ),
    defaults={"dexcpt": 1, "mrie": 3},
    changeable=("dexcpt", "mrie"),
    allowed={"mrie": (0, 3, 4)},
    once=("test", "test_flag"),
    per_nexus=True,
    check=_check_exceptions,
    applied=_test_exceptions,
)
"""``test_flag`` is REPORT COUNT / TEST FLAG NUMBER (SSC-4 8.3.6)."""

MEDIUM_CONFIGURATION = ModePage(
    0x1D,
    "medium configuration",
    Layout("2.0 wormm, 4 label_restrictions, 5 filemark_restrictions", 32),
    # A label may be written over, and filemarks before the end of data but the first of them.
    defaults={"label_restrictions": 1, "filemark_restrictions": 2},
    live=lambda drive: {"wormm": drive.loaded and drive.cartridge.type.worm},
)


@cache
def pages(compresses: bool) -> tuple[ModePage, ...]:
    """Every page there is, of which a model has those that its tables name.

    A drive whose rig file turns compression off says that it cannot compress (DCC 0), because it
    never would.
    """
    off: Values = {"compression_algorithm": 0, "decompression_algorithm": 0}
    compression = ModePage(
        0x0F,
        "data compression",
        COMPRESSION,
        defaults={
            "dce": compresses,
            "dcc": compresses,
            "dde": 1,
            "compression_algorithm": 1,
            "decompression_algorithm": 1,
        },
        changeable=("dce",),
        fixed=() if compresses else ("dce",),
        # 1 is the default algorithm, whatever that is; Linux st turns compression off with 0.
        accepted={"compression_algorithm": (0, 1), "decompression_algorithm": (0, 1)},
        live=None if compresses else lambda drive: off,
        applied=_link_compression if compresses else None,
    )
    configuration = ModePage(
        0x10,
        "device configuration",
        DEVICE_CONFIGURATION,
        defaults={
            # Tenths of a second.
            "write_delay": 300,
            "lois": 1,
            "eeg": 1,
            "select_compression": compresses,
            "wtre": 2,
            "rewind_on_reset": 2,
        },
        changeable=("write_delay", "select_compression", "wtre", "oir"),
        fixed=() if compresses else ("select_compression",),
        allowed={"select_compression": (0, 1), "wtre": (0, 1, 2)},
        live=_live_configuration,
        check=_check_configuration,
        applied=_configure,
    )
    return (
        ERROR_RECOVERY, DISCONNECT, CONTROL, CONTROL_EXTENSION, DATA_PROTECTION, compression,
        configuration, CONFIGURATION_EXTENSION, PARTITIONS, UNIT_FCP, UNIT_SAS, PORT_FCP, PORT_SAS,
        POWER_CONDITION, EXCEPTIONS, MEDIUM_CONFIGURATION, *vendor_modes.PAGES,
    )  # fmt: skip
