"""scapy layers for what passes between an initiator and a SCSI tape device or changer: a second
description of the bytes, written from the standards and independent of the target's own.

Needs scapy (the extra `scapy`). Nothing here imports the target.
"""
