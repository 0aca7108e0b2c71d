"""`keyreel report`: a traced run as one HTML page."""
