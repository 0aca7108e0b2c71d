"""Guests: kernels with SCSI in which a rig's devices appear and commands run.

Nothing is imported here: the agent starts inside the guest, where every import is slow.
"""
