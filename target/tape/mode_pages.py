"""The mode pages of an LTO drive: fields, usual values, what MODE SELECT may change.

Layouts from SPC-4 7.5 and SSC-4 8.3; values as published for IBM and HP LTO drives. Offsets count
from byte 0 of the page.
"""

from __future__ import annotations

from target.scsi.layout import Layout
from target.scsi.mode import ModePage

ERROR_RECOVERY = ModePage(
    0x01,
    "read-write error recovery",
    Layout("2.5 tb, 2.3 eer, 2.2 per, 2.1 dte, 2.0 dcr, 3 read_retries, 8 write_retries", 12),
)

DISCONNECT = ModePage(
    0x02,
    "disconnect-reconnect",
    Layout("2 buffer_full, 3 buffer_empty, 4-5 bus_inactivity, 6-7 disconnect_time", 16),
    defaults={"buffer_full": 0x50, "buffer_empty": 0x50},
)

CONTROL = ModePage(
    0x0A,
    "control",
    Layout(
        "2.7-5 tst, 2.2 d_sense, 2.1 gltsd, 2.0 rlec, 3.7-4 queue_algorithm, 4.3 swp, 5.6 tas", 12
    ),
    defaults={"gltsd": 1},
    changeable={"d_sense": None},
)

COMPRESSION = Layout(
    """2.7   dce
    2.6     dcc
    3.7     dde
    3.6-5   red
    4-7     compression_algorithm
    8-11    decompression_algorithm""",
    16,
)

DEVICE_CONFIGURATION = Layout(
    """2.6  cap
    2.5    caf
    2.4-0  active_format
    3      active_partition
    4      write_buffer_full
    5      read_buffer_empty
    6-7    write_delay
    8.7    obr
    8.6    lois
    8.5    rsmk
    8.4    avc
    8.3-2  socf
    8.1    robo
    8.0    rew
    9      gap_size
    10.7-5 eod_defined
    10.4   eeg
    10.3   sew
    10.2   swp
    11-13  early_warning_size
    14     select_compression
    15.7-6 wtre
    15.5   oir
    15.4-3 rewind_on_reset
    15.2   asocwp
    15.1   perswp
    15.0   prmwp""",
    16,
)

PARTITIONS = ModePage(
    0x11,
    "medium partition",
    Layout(
        """2    max_additional
        3      additional_defined
        4.7    fdp
        4.6    sdp
        4.5    idp
        4.4-3  psum
        4.2    pofm
        4.1    clear
        4.0    addp
        5      medium_format_recognition
        6.3-0  partition_units
        8-9    partition_size""",
        10,
    ),
    defaults={
        "psum": 3,
        "medium_format_recognition": 3,
        "partition_units": 9,
        "partition_size": 0xFFFF,
    },
)

EXCEPTIONS = ModePage(
    0x1C,
    "informational exceptions control",
    Layout(
        """2.7 perf, 2.5 ebf, 2.4 ewasc, 2.3 dexcpt, 2.2 test, 2.0 logerr
        3.3-0 mrie, 4-7 interval_timer, 8-11 report_count""",
        12,
    ),
    defaults={"dexcpt": 1, "mrie": 3},
    changeable={"dexcpt": None},
)


def pages(compresses: bool) -> tuple[ModePage, ...]:
    """The pages of a drive, ascending.

    One whose rig file turns compression off says that it cannot compress (DCC 0), because it
    never would.
    """
    compression = ModePage(
        0x0F,
        "data compression",
        COMPRESSION,
        defaults={
            "dce": compresses,
            "dcc": compresses,
            "dde": 1,
            "compression_algorithm": compresses,
            "decompression_algorithm": compresses,
        },
        changeable={"dce": None} if compresses else {},
    )
    configuration = ModePage(
        0x10,
        "device configuration",
        DEVICE_CONFIGURATION,
        defaults={
            "write_delay": 0x64,
            "lois": 1,
            "eeg": 1,
            "sew": 1,
            "select_compression": compresses,
        },
        changeable={"write_delay": None},
    )
    return (
        ERROR_RECOVERY, DISCONNECT, CONTROL, compression, configuration, PARTITIONS, EXCEPTIONS,
    )  # fmt: skip
