"""Traces of a rig: read, show, filter, count, export for Wireshark, replay."""
