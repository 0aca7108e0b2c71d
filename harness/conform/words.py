"""Exchanges in words, by the layers: what the fields of a CDB, of data and of sense data are."""

from __future__ import annotations

from harness.conform.exchange import Exchange

STATUS = {
    0x00: "GOOD",
    0x02: "CHECK CONDITION",
    0x04: "CONDITION MET",
    0x08: "BUSY",
    0x18: "RESERVATION CONFLICT",
    0x28: "TASK SET FULL",
    0x30: "ACA ACTIVE",
    0x40: "TASK ABORTED",
}


def command_line(exchange: Exchange) -> str:
    """One line: the CDB in hexadecimal, and how the command ended."""
    return f"{exchange.cdb.hex(' ')} -> {how_it_ended(exchange)}"


def how_it_ended(exchange: Exchange) -> str:
    """Status, and sense data by their code."""
    if exchange.reply is None:
        return "no answer"
    return STATUS.get(exchange.reply.status, f"status {exchange.reply.status:02X}h")
