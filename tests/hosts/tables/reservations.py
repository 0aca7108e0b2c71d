"""Hosts that shut each other out: RESERVE (SPC-2 5.5), persistent reservations (SPC-4 5.13), and
PREVENT ALLOW MEDIUM REMOVAL (SPC-4 6.13)."""

from __future__ import annotations

from tests.hosts.situation import Situation

SITUATIONS = (
    Situation(
        "RESERVE shuts the others out",
        """
        A reserve
        BC ready         -> conflict
        B read           -> conflict
        B keys all b     -> conflict
        B uses           -> conflict
        B inquiry
        B reserve        -> conflict
        B release
        C ready          -> conflict
        A reserve
        A write one
        A release
        ABC hears        -> nothing
        B reserve
        A ready          -> conflict
        """,
        told="RESERVATION CONFLICT for the others, SPIN and SPOUT too",
    ),
    Situation(
        "RESERVE and a reset",
        """
        A reserve
        B ready   -> conflict
        C reset
        ABC hears -> reset
        B write one
        """,
    ),
    Situation(
        "RESERVE and a lost holder",
        """
        A reserve
        B ready   -> conflict
        A lost
        BC hears  -> nothing
        B write one
        A hears   -> lost
        """,
    ),
    Situation(
        "RESERVE and another lost host",
        """
        A reserve
        B lost
        C ready   -> conflict
        A release
        B hears   -> lost
        """,
    ),
    Situation(
        "RESERVE while a host is registered",
        """
        A register 1
        A reserve   -> conflict
        B reserve   -> conflict
        A register 0
        B reserve
        A register 1 -> conflict
        """,
    ),
    Situation(
        "only if reserved",
        """
        A only 1
        BC hears     -> 2A/01
        ABC write x  -> 5/2C/0B
        A only 0     -> 5/2C/0B
        B prevent    -> 5/2C/0B
        B keys all b -> 5/2C/0B
        ABC ready
        B length     -> 0
        B uses       -> public none 0/0 #0
        B reserve
        B write one
        A write x    -> conflict
        B release
        B write x    -> 5/2C/0B
        A register 1
        A write x    -> 5/2C/0B
        A hold 1 6
        A write two
        B write x    -> conflict
        B register 2
        B only 0
        A hears      -> 2A/01
        A free 1 6
        B hears      -> 2A/04
        C hears      -> 2A/01
        B write three
        """,
        told="OIR of mode page 10h: without a reservation 5/2C/0B, with another host's a conflict",
    ),
    Situation(
        "exclusive access",
        """
        A register 1
        B register 2
        A hold 1 3
        B holder     -> 1 type 3
        BC write one -> conflict
        BC read      -> conflict
        BC uses      -> conflict
        BC keys all b -> conflict
        BC inquiry
        A write one
        """,
    ),
    Situation(
        "write exclusive",
        """
        A register 1
        A hold 1 1
        B write one  -> conflict
        B read       -> conflict
        B keys all b -> conflict
        B uses       -> public none 0/0 #0
        B length     -> 0
        """,
        told="SPIN passes, SPOUT is RESERVATION CONFLICT; under exclusive access both are",
    ),
    Situation(
        "registrants only",
        """
        AB register 1
        A hold 1 6
        B write one
        C write two -> conflict
        C register 3
        C write two
        A at        -> 2
        """,
    ),
    Situation(
        "a reservation for registrants is released",
        """
        A register 1
        B register 2
        A hold 1 6
        A free 1 6
        AC hears  -> nothing
        B hears   -> 2A/04
        C holder  -> nobody
        """,
    ),
    Situation(
        "an exclusive reservation is released",
        """
        A register 1
        B register 2
        A hold 1 3
        A free 1 3
        ABC hears -> nothing
        """,
    ),
    Situation(
        "the holder unregisters",
        """
        A register 1
        B register 2
        A hold 1 5
        A register 0
        AC hears  -> nothing
        B hears   -> 2A/04
        C write one
        """,
    ),
    Situation(
        "one of all registrants unregisters",
        """
        A register 1
        B register 2
        A hold 1 8
        A register 0
        B hears     -> nothing
        A write one -> conflict
        B write one
        """,
    ),
    Situation(
        "registrations and reservation cleared",
        """
        A register 1
        B register 2
        A hold 1 3
        B clear 2
        A hears   -> 2A/03
        BC hears  -> nothing
        C holder  -> nobody
        """,
    ),
    Situation(
        "the holder preempted",
        """
        A register 1
        B register 2
        C register 3
        A hold 1 6
        B preempt 2 1 6
        A hears     -> 2A/05
        C hears     -> nothing
        C holder    -> 2 type 6
        A write one -> conflict
        C write one
        """,
    ),
    Situation(
        "the holder preempted, another type taken",
        """
        A register 1
        B register 2
        C register 3
        A hold 1 6
        B preempt 2 1 3
        A hears     -> 2A/05
        C hears     -> 2A/04
        AC write one -> conflict
        """,
    ),
    Situation(
        "a registered host preempted",
        """
        A register 1
        B register 2
        A hold 1 6
        A preempt 1 2 6
        B hears     -> 2A/05
        B write one -> conflict
        A holder    -> 1 type 6
        """,
    ),
    Situation(
        "a persistent reservation and a reset",
        """
        A register 1
        A hold 1 3
        B reset
        AB hears    -> reset
        B write one -> conflict
        A write one
        A free 1 3
        C hears     -> reset
        """,
    ),
    Situation(
        "a persistent reservation and a lost holder",
        """
        A register 1
        A hold 1 3
        A lost
        B write one -> conflict
        A hears     -> lost
        A write one
        """,
    ),
    Situation(
        "a persistent reservation and a loss of power",
        """
        A register 1
        A hold 1 3
        A power
        ABC hears -> reset
        B holder  -> nobody
        B write one
        """,
    ),
    Situation(
        "removal prevented by one host",
        """
        A prevent
        B unload -> 5/53/02
        B allow
        BA unload -> 5/53/02
        A allow
        B unload
        """,
    ),
    Situation(
        "removal prevented by two hosts",
        """
        AB prevent
        A allow
        A unload -> 5/53/02
        B allow
        A unload
        """,
    ),
    Situation(
        "removal prevented by a host that is lost",
        """
        A prevent
        A lost
        B unload
        A hears -> lost
        """,
    ),
    Situation(
        "removal prevented and a reset",
        """
        A prevent
        B reset
        ABC hears -> reset
        B unload
        """,
    ),
    Situation(
        "removal prevented by a host that is preempted",
        """
        A register 1
        B register 2
        A hold 1 6
        A prevent
        B preempt 2 1 6
        B unload  -> 5/53/02
        A hears   -> 2A/05
        A register 1
        B expel 2 1 6
        B unload
        A hears   -> 2A/05
        """,
    ),
)
