"""Things that go wrong on purpose: in a rig file, by Python, or live from the command line.

`plans` reads the table of a fault, `kinds` is the table of what can go wrong, `fault` decides when
it strikes, `board` has all faults of a rig and stands between transports and units. What a kind
does: `answers`, `waiting`, `power`, `tape`, `device`, `sources`, and for defects `defects`.

Everything random comes from the rig's seed and the fault's name: the same commands meet the same
faults again.
"""
