"""Tape libraries: where cartridges are, medium changers, the controller and its operators."""
