"""How fast the drive is, as ratios to what the same machine does without it."""
