"""How pages of results look: one file each, with nothing from elsewhere, for screen and paper."""
