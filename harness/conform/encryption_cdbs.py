"""SECURITY PROTOCOL IN and OUT as checks of tape encryption send them (SPC-4 6.36 and 6.37)."""

from __future__ import annotations

from harness.conform.commands import built
from harness.layers.cdb import SecurityProtocolIn, SecurityProtocolOut

TAPE = 0x20
"""The security protocol: tape data encryption."""


def in_cdb(length: int, page: int, protocol: int = TAPE) -> bytes:
    """The CDB of SECURITY PROTOCOL IN."""
    return built(
        SecurityProtocolIn,
        security_protocol=protocol,
        security_protocol_specific=page,
        allocation_length=length,
    )


def out_cdb(length: int, page: int = 0x10, protocol: int = TAPE) -> bytes:
    """The CDB of SECURITY PROTOCOL OUT."""
    return built(
        SecurityProtocolOut,
        security_protocol=protocol,
        security_protocol_specific=page,
        transfer_length=length,
    )
