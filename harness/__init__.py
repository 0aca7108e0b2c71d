"""The test bench around the target: rigs, guests, device discovery, tool runners, command line."""
