"""`keyreel demo`: a story in which real tools meet an encrypting drive."""
