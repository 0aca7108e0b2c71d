"""What takes a key away: CKOD, CKORL, CKORP, a lost host, a reset (SSC-4 4.2.22)."""

from __future__ import annotations

from tests.hosts.situation import Situation

SITUATIONS = (
    Situation(
        "CKOD of the key for all",
        """
        A keys all a ckod
        BC hears    -> 2A/11
        B unload
        ABC hears   -> 2A/12
        ABC uses    -> public none 0/0 #0
        C load
        ABC hears   -> 28/00
        """,
        told="at unload, by whatever host: all that used it hear 6/2A/12 and have no key",
    ),
    Situation(
        "CKOD of a key of one host",
        """
        A keys all a
        BC hears    -> 2A/11
        B keys local b ckod
        C unload
        AC hears    -> nothing
        B hears     -> 2A/12
        B uses      -> public all 2/2 #1
        A uses      -> all all 2/2 #1
        """,
        told="only it hears; its scope is PUBLIC, so that it uses the set for all, if there is one",
    ),
    Situation(
        "a key without CKOD",
        """
        A keys all a
        BC hears    -> 2A/11
        B unload
        B load
        ABC hears   -> 28/00
        B uses      -> public all 2/2 #1
        """,
    ),
    Situation(
        "CKOD without a volume",
        """
        B unload
        A keys all a ckod -> 5/26/00
        ABC uses          -> public none 0/0 #0
        ABC hears         -> nothing
        """,
    ),
    Situation(
        "CKORL, and RESERVE is released",
        """
        A reserve
        A keys all a ckorl
        A release
        A hears     -> 2A/12
        BC hears    -> 2A/11 2A/12
        ABC uses    -> public none 0/0 #0
        """,
        told="all that used the set hear 6/2A/12",
    ),
    Situation(
        "CKORL, and the holder is lost",
        """
        A reserve
        A keys all a ckorl
        A lost
        A hears     -> lost
        BC hears    -> 2A/11 2A/12
        B uses      -> public none 0/0 #0
        """,
    ),
    Situation(
        "CKORL, and the persistent reservation is released",
        """
        A register 1
        A hold 1 5
        A keys local a ckorl
        A free 1 5
        A hears     -> 2A/12
        BC hears    -> nothing
        A uses      -> public none 0/0 #0
        """,
    ),
    Situation(
        "CKORL of two registered hosts",
        """
        A register 1
        B register 2
        A hold 1 6
        A keys local a ckorl
        B keys local b ckorl
        A register 0
        A hears     -> 2A/12
        B hears     -> 2A/04 2A/12
        AB uses     -> public none 0/0 #0
        """,
    ),
    Situation(
        "CKORL, and the reservation is preempted",
        """
        A register 1
        B register 2
        A hold 1 6
        A keys all a ckorl
        BC hears    -> 2A/11
        B preempt 2 1 6
        A hears     -> 2A/05
        BC hears    -> nothing
        B uses      -> public all 2/2 #1
        """,
        told="the set stays: there is a reservation all the time",
    ),
    Situation(
        "CKORP, and the reservation is preempted",
        """
        A register 1
        B register 2
        A hold 1 6
        A keys all a ckorp
        BC hears    -> 2A/11
        B preempt 2 1 6
        A hears     -> 2A/05 2A/12
        BC hears    -> 2A/12
        B uses      -> public none 0/0 #0
        """,
        told="all that used the set hear 6/2A/12, the preempted host 6/2A/05 before",
    ),
    Situation(
        "CKORP of another host than the preempted one",
        """
        A register 1
        B register 2
        C register 3
        A hold 1 6
        B keys local b ckorp
        C preempt 3 1 6
        A hears     -> 2A/05
        B hears     -> 2A/12
        B uses      -> public none 0/0 #0
        """,
        told="it goes too: it was for that reservation",
    ),
    Situation(
        "CKORP, and the registrations are cleared by another host",
        """
        A register 1
        B register 2
        A hold 1 6
        A keys local a ckorp
        B clear 2
        A hears     -> 2A/03 2A/12
        A uses      -> public none 0/0 #0
        """,
    ),
    Situation(
        "CKORP, and the reservation is released",
        """
        A register 1
        A hold 1 3
        A keys local a ckorp
        A free 1 3
        ABC hears   -> nothing
        A uses      -> local local 2/2 #1
        """,
        told="the set stays",
    ),
    Situation(
        "CKORP, and another registration is preempted",
        """
        A register 1
        B register 2
        A hold 1 6
        A keys local a ckorp
        A preempt 1 2 6
        B hears     -> 2A/05
        A uses      -> local local 2/2 #1
        """,
    ),
    Situation(
        "CKORP and CKORL without a reservation",
        """
        A keys all a ckorl  -> 5/26/00
        A keys all a ckorp  -> 5/26/00
        A reserve
        A keys all a ckorp  -> 5/26/00
        A release
        A register 1
        A hold 1 3
        A keys local a ckorp ckorl
        B hears             -> nothing
        """,
    ),
    Situation(
        "CKORP and CKORL of a registered host that is no holder",
        """
        A register 1
        B register 2
        A hold 1 6
        B keys local b ckorp ckorl
        A free 1 6
        B hears     -> 2A/04 2A/12
        B uses      -> public none 0/0 #0
        """,
    ),
    Situation(
        "a host with its own key is lost",
        """
        A keys local a
        A write one
        A lost
        BC hears    -> nothing
        A hears     -> lost
        A uses      -> public none 0/0 #0
        A rewind
        A read      -> 7/74/01
        """,
        told="its set goes; the others hear nothing",
    ),
    Situation(
        "the host that set the key for all is lost",
        """
        A keys all a
        BC hears    -> 2A/11
        A lost
        BC hears    -> nothing
        BC uses     -> public all 2/2 #1
        A hears     -> lost
        A uses      -> public all 2/2 #1
        """,
        told="the set stays",
    ),
    Situation(
        "a lost host hears of no keys until it asks",
        """
        B lost
        B hears     -> lost
        A keys all a
        B hears     -> nothing
        C hears     -> 2A/11
        B listens
        A keys all off
        BC hears    -> 2A/11
        """,
    ),
    Situation(
        "keys and a reset",
        """
        A keys all a
        BC hears    -> 2A/11
        B keys local b
        A write one
        C reset
        ABC hears   -> reset
        ABC uses    -> public none 0/0 #0
        A rewind
        ABC read    -> 7/74/01
        A write clear
        """,
    ),
    Situation(
        "keys and a loss of power",
        """
        A keys all a
        BC hears    -> 2A/11
        B keys local b
        A power
        ABC hears   -> reset
        ABC uses    -> public none 0/0 #0
        """,
    ),
    Situation(
        "nobody hears of keys after a reset until it asks",
        """
        A reset
        ABC hears   -> reset
        A keys all a
        BC hears    -> nothing
        """,
    ),
)
