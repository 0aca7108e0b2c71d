"""What one host does to the drive, and what the others hear of it (SPC-4 5.14, SAM-5 6.3)."""

from __future__ import annotations

from tests.hosts.situation import Situation

SITUATIONS = (
    Situation(
        "mode parameters changed",
        """
        A blocks 512
        A hears  -> nothing
        BC hears -> 2A/01
        B length -> 512
        """,
    ),
    Situation(
        "mode parameters set to what they are",
        """
        A blocks 0
        ABC hears -> nothing
        """,
    ),
    Situation(
        "log counters reset",
        """
        A write block
        A counts
        A hears  -> nothing
        BC hears -> 2A/02
        """,
    ),
    Situation(
        "timestamp set",
        """
        A clock
        A hears  -> nothing
        BC hears -> 2A/10
        """,
    ),
    Situation(
        "unloaded and loaded",
        """
        A unload
        B ready   -> 2/3A/00
        C write x -> 2/3A/00
        A load
        ABC hears -> 28/00
        """,
    ),
    Situation(
        "loaded while it is loaded",
        """
        A write one
        B load
        ABC hears -> nothing
        C at      -> 0
        """,
    ),
    Situation(
        "attentions come in order, and once",
        """
        A blocks 512
        A clock
        A blocks 1024
        B inquiry
        B ready   -> 6/2A/01
        B inquiry
        B ready   -> 6/2A/10
        B ready
        C hears   -> 2A/01 2A/10
        """,
    ),
    Situation(
        "an attention stops the command that meets it",
        """
        A write one
        A clock
        B write two -> 6/2A/10
        A at        -> 1
        B write two
        C hears     -> 2A/10
        A at        -> 2
        """,
    ),
    Situation(
        "each host hears of what the others do",
        """
        A blocks 512
        B clock     -> 6/2A/01
        B clock
        A hears     -> 2A/10
        C hears     -> 2A/01 2A/10
        """,
    ),
    Situation(
        "a reset by one host",
        """
        A write one
        A reset
        ABC hears -> reset
        ABC at    -> 1
        """,
        told="every host hears 6/29/xx; keys, scopes, locks, prevents and what RESERVE reserved go",
    ),
    Situation(
        "a reset takes the place of other attentions",
        """
        A blocks 512
        A clock
        C reset
        ABC hears -> reset
        B length  -> 0
        """,
    ),
    Situation(
        "a lost host has forgotten what it was to hear",
        """
        A clock
        B lost
        B hears -> lost
        C hears -> 2A/10
        """,
    ),
    Situation(
        "a loss of power",
        """
        A blocks 512
        A power
        ABC hears -> reset
        """,
    ),
    Situation(
        "one position for all",
        """
        A write one
        B write two
        C write three
        B rewind
        A read -> one
        B read -> two
        C read -> three
        """,
    ),
)
