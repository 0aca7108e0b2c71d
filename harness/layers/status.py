"""Status codes in words (SAM-5 table 41). Needs no scapy."""

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


def in_words(status: int) -> str:
    """What a status code is called."""
    return STATUS.get(status, f"status {status:02X}h")
