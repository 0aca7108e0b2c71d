"""The conformance suite: what a tape drive or changer has to answer, asked by an initiator that
knows nothing of how the device is made. Nothing here imports the target.
"""
