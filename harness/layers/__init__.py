"""scapy layers for what passes between an initiator and a SCSI tape device or changer: a second
description of the bytes, written from the standards and independent of the target's own.

Needs scapy (the extra `scapy`). Nothing here imports the target. A module for each area: `cdb`,
`sense`, `inquiry`, `vpd`, `mode`, `log`, `security`, `attributes`, `elements`, `position`,
`reservations`, `reports`, `diagnostics`, `iscsi`; `base` says how they are declared. `dissect` is
here, and imports them when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scapy.packet import Packet


def dissect(
    command: bytes, data_out: bytes = b"", data_in: bytes = b"", *, device: str = "tape"
) -> list[Packet]:
    """The CDB's layer, then those of its data-out and data-in, where there are such.

    ``device`` is "tape" or "changer". Blocks of the medium, and what no layer describes, are Raw.
    Raises ValueError for a CDB of no bytes.
    """
    from harness.layers import dissecting

    return dissecting.dissect(command, data_out, data_in, device=device)
