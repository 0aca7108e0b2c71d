"""Commands that checks of tape encryption send often, each CDB made once (SPC-4 6.36 and 6.37)."""

from __future__ import annotations

from functools import cache

from harness.layers.cdb import Read6, SecurityProtocolIn, SecurityProtocolOut

TAPE = 0x20
"""The security protocol: tape data encryption."""


@cache
def in_cdb(length: int, page: int, protocol: int = TAPE) -> bytes:
    """The CDB of SECURITY PROTOCOL IN."""
    return bytes(
        SecurityProtocolIn(
            security_protocol=protocol, security_protocol_specific=page, allocation_length=length
        )
    )


@cache
def out_cdb(length: int, page: int = 0x10, protocol: int = TAPE) -> bytes:
    """The CDB of SECURITY PROTOCOL OUT."""
    return bytes(
        SecurityProtocolOut(
            security_protocol=protocol, security_protocol_specific=page, transfer_length=length
        )
    )


@cache
def read_cdb(size: int, sili: bool = False) -> bytes:
    """The CDB of READ(6) of a variable block."""
    return bytes(Read6(sili=sili, transfer_length=size))
