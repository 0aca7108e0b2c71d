"""What a rig's units were asked and answered, line by line, into a file that holds no keys."""
