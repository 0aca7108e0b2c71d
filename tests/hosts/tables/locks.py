"""LOCK: a host that does not write once the key that it locked itself to has changed (SSC-4
4.2.22.13; HP LTO-4 volume 2, 7/2A/13)."""

from __future__ import annotations

from tests.hosts.situation import Situation

SITUATIONS = (
    Situation(
        "locked, and another host replaces the key for all",
        """
        A keys all a lock
        BC hears    -> 2A/11
        A write one
        B keys all b
        AC hears    -> 2A/11
        A write two -> 7/2A/13
        A write two -> 7/2A/13
        A at        -> 1
        B write two
        C write three
        """,
        told="its WRITE is 7/2A/13 until it sends a page; the others write",
    ),
    Situation(
        "not locked",
        """
        A keys all a
        BC hears    -> 2A/11
        B keys all b
        AC hears    -> 2A/11
        A write two
        """,
    ),
    Situation(
        "a new page of the locked host",
        """
        A keys all a lock
        B hears     -> 2A/11
        B keys all b
        A hears     -> 2A/11
        C hears     -> 2A/11
        A write two -> 7/2A/13
        A keys public off lock
        A write two
        B keys all c
        A hears     -> 2A/11
        A write two -> 7/2A/13
        A keys all a
        A write two
        B keys all b -> 6/2A/11
        B keys all b
        A write two -> 6/2A/11
        A write two
        C hears     -> 2A/11
        """,
    ),
    Situation(
        "locked to a key that another host set",
        """
        A keys all a
        BC hears    -> 2A/11
        B keys public off lock
        B write one
        A keys all a
        BC hears    -> 2A/11
        B write two -> 7/2A/13
        A write two
        C write three
        """,
        told="the same, with PUBLIC and LOCK",
    ),
    Situation(
        "locked to its own key",
        """
        A keys local a lock
        B keys all b
        C hears     -> 2A/11
        A hears     -> nothing
        A write one
        """,
    ),
    Situation(
        "locked with everything off",
        """
        A keys all off lock
        BC hears    -> 2A/11
        A write one
        B keys all b
        AC hears    -> 2A/11
        A write two -> 7/2A/13
        """,
    ),
    Situation(
        "locked while nobody has set a key",
        """
        A keys public off lock
        A write one
        B keys all b
        AC hears    -> 2A/11
        A write two -> 7/2A/13
        """,
    ),
    Situation(
        "pages of other hosts that change nothing for the locked one",
        """
        A keys all a lock
        BC hears    -> 2A/11
        B keys public
        B keys local b
        C keys local off lock
        A hears     -> nothing
        A write one
        A uses      -> all all 2/2 #1
        """,
    ),
    Situation(
        "what a lock does not stop",
        """
        A keys all a lock
        BC hears    -> 2A/11
        A write one
        B keys all a
        AC hears    -> 2A/11
        A rewind
        A read      -> one
        A mark
        A write two -> 7/2A/13
        """,
    ),
    Situation(
        "a lock and a reset",
        """
        A keys all a lock
        BC hears    -> 2A/11
        B keys all b
        C reset
        ABC hears   -> reset
        A write one
        """,
    ),
    Situation(
        "a lock and the loss of its host",
        """
        A keys all a lock
        BC hears    -> 2A/11
        A lost
        A hears     -> lost
        B keys all b
        C hears     -> 2A/11
        A write one
        A uses      -> public all 2/2 #2
        """,
    ),
    Situation(
        "a lock on a key that goes with the volume",
        """
        A keys all a lock ckod
        BC hears    -> 2A/11
        B unload
        ABC hears   -> 2A/12
        B load
        ABC hears   -> 28/00
        A write one -> 7/2A/13
        B write one
        """,
        told="the same: nothing that was to be encrypted is written in clear",
    ),
    Situation(
        "a lock stays broken when everything is as it was",
        """
        A keys public off lock
        B keys all b ckod
        AC hears    -> 2A/11
        B unload
        ABC hears   -> 2A/12
        B load
        ABC hears   -> 28/00
        A uses      -> public none 0/0 #0
        A write one -> 7/2A/13
        """,
    ),
)
