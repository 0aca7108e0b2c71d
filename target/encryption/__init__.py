"""Tape data encryption: security protocol 20h, the parameter sets, the rules of reading."""
