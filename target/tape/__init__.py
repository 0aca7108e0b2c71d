"""The tape drive: its states and its SSC commands."""
