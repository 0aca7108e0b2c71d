"""The log pages of tape drives, by what they speak of; `target.tape.log_pages` has them all."""
