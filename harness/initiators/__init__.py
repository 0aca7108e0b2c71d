"""Initiators for tests and users: what speaks to a target without a kernel in between."""
