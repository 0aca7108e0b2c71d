"""Whose key a host reads and writes with (SSC-4 4.2.22): PUBLIC, LOCAL, ALL I_T NEXUS."""

from __future__ import annotations

from tests.hosts.situation import Situation

SITUATIONS = (
    Situation(
        "nobody has set a key",
        """
        ABC uses     -> public none 0/0 #0
        A keys public
        A uses       -> public none 0/0 #0
        A write clear
        B rewind
        B sees       -> clear
        B read       -> clear
        ABC hears    -> nothing
        """,
    ),
    Situation(
        "a key for all",
        """
        A keys all a
        A hears     -> nothing
        BC hears    -> 2A/11
        A uses      -> all all 2/2 #1
        BC uses     -> public all 2/2 #1
        A write one
        B write two
        C rewind
        C read      -> one
        A read      -> two
        """,
        told="every host without a set of its own reads and writes with it; those that have used"
        " protocol 20h hear 6/2A/11",
    ),
    Situation(
        "a key for all, and a host that has not asked",
        """
        B listens
        A keys all a
        B hears     -> 2A/11
        C hears     -> nothing
        A write one
        C rewind
        C read      -> one
        """,
        listening=False,
    ),
    Situation(
        "a key for all again",
        """
        A keys all a
        BC hears  -> 2A/11
        A keys all a
        BC hears  -> 2A/11
        B uses    -> public all 2/2 #2
        """,
    ),
    Situation(
        "several changes are one attention",
        """
        A keys all a
        A keys all b
        A keys all off
        BC hears  -> 2A/11
        B uses    -> public all 0/0 #3
        """,
    ),
    Situation(
        "a key of one host",
        """
        A keys local a
        ABC hears   -> nothing
        A uses      -> local local 2/2 #1
        BC uses     -> public none 0/0 #0
        A write one
        A rewind
        B read      -> 7/74/01
        A read      -> one
        """,
        told="for that host alone; the others hear nothing",
    ),
    Situation(
        "keys of two hosts",
        """
        A keys local a
        B keys local b
        A write one
        B write two
        A write three
        C write four
        C rewind
        B read      -> 7/74/03
        A read      -> one
        A read      -> 7/74/03
        B read      -> two
        A read      -> three
        A read      -> 7/74/02
        C read      -> four
        ABC hears   -> nothing
        """,
        told="each reads its own blocks, and gets 7/74/03 for the other's",
    ),
    Situation(
        "a host takes its own key beside one for all",
        """
        A keys all a
        BC hears    -> 2A/11
        B keys local b
        AC hears    -> nothing
        A uses      -> all all 2/2 #1
        B uses      -> local local 2/2 #2
        C uses      -> public all 2/2 #1
        A write one
        A rewind
        B read      -> 7/74/03
        C read      -> one
        """,
    ),
    Situation(
        "a key for all, and a host with its own",
        """
        B keys local b
        A keys all a
        B hears     -> nothing
        C hears     -> 2A/11
        B uses      -> local local 2/2 #1
        B write one
        B rewind
        C read      -> 7/74/03
        B read      -> one
        """,
        told="a LOCAL set comes first: nothing changes for it, and it hears nothing",
    ),
    Situation(
        "another host replaces the key for all",
        """
        A keys all a
        BC hears    -> 2A/11
        B keys all b
        AC hears    -> 2A/11
        B hears     -> nothing
        A uses      -> all all 2/2 #2
        A write one
        C rewind
        C read      -> one
        """,
        told="the host that set it before uses the new one, and hears 6/2A/11 as all others",
    ),
    Situation(
        "the key for all is turned off",
        """
        A keys all a
        BC hears    -> 2A/11
        A write one
        A keys all off
        BC hears    -> 2A/11
        B uses      -> public all 0/0 #2
        B write two
        B rewind
        B read      -> 7/74/01
        C sees      -> closed
        """,
        told="by any host, with ALL and DISABLE: all others hear 6/2A/11, and write in clear",
    ),
    Situation(
        "another host turns the key for all off",
        """
        A keys all a
        BC hears    -> 2A/11
        B keys all off
        AC hears    -> 2A/11
        A uses      -> all all 0/0 #2
        """,
    ),
    Situation(
        "the host that set the key for all goes back to PUBLIC",
        """
        A keys all a
        BC hears    -> 2A/11
        A keys public
        ABC hears   -> nothing
        AB uses     -> public all 2/2 #1
        B write one
        """,
        told="the set stays, for that host as well: it belongs to no host",
    ),
    Situation(
        "the host that set the key for all takes its own",
        """
        A keys all a
        BC hears    -> 2A/11
        A keys local b
        BC hears    -> nothing
        A uses      -> local local 2/2 #2
        BC uses     -> public all 2/2 #1
        """,
    ),
    Situation(
        "a host gives its own key up",
        """
        A keys all a
        BC hears    -> 2A/11
        B keys local b
        B keys public
        B uses      -> public all 2/2 #1
        A keys all off
        BC hears    -> 2A/11
        """,
        told="with PUBLIC it uses the set for all again, if there is one",
    ),
    Situation(
        "a host gives its own key to all",
        """
        A keys local a
        BC hears    -> nothing
        A keys all a
        BC hears    -> 2A/11
        ABC hears   -> nothing
        A uses      -> all all 2/2 #2
        C uses      -> public all 2/2 #2
        """,
    ),
    Situation(
        "every page counts, whoever sends it",
        """
        A keys local a
        B keys local b
        A keys public
        C keys all off
        A hears     -> 2A/11
        B keys local b
        A uses      -> public all 0/0 #4
        B uses      -> local local 2/2 #5
        C uses      -> all all 0/0 #4
        """,
    ),
    Situation(
        "the next block is what it is to each host",
        """
        A keys local a
        B keys local b
        A write one
        A mark
        C write two
        C rewind
        A sees      -> opens
        BC sees     -> closed
        A read      -> one
        ABC sees    -> mark
        B read      -> 0/00/01
        ABC sees    -> clear
        C read      -> two
        ABC sees    -> nothing
        """,
    ),
    Situation(
        "the label of the key in use",
        """
        A keys all a label
        BC hears    -> 2A/11
        B uses      -> public all 2/2 #1 label
        C keys local c
        C uses      -> local local 2/2 #2
        """,
    ),
    Situation(
        "random numbers",
        """
        ABC random  -> differs
        """,
    ),
    Situation(
        "modes of each host",
        """
        A write clear
        A keys local a mixed
        B keys local a
        C keys local a raw
        A write secret
        A rewind
        B read      -> 7/74/02
        A read      -> clear
        B read      -> secret
        A rewind
        C read      -> clear
        """,
    ),
    Situation(
        "too many wrong keys of one host",
        """
        A keys local a
        A write one
        A rewind
        B guesses 10 -> 7/74/03
        B guesses 1  -> 7/26/10
        A keys all a -> 7/26/10
        A read       -> one
        A unload
        C load
        ABC hears    -> 28/00
        A keys local a
        """,
        told="the limit is the drive's: no host can set a key until the volume is unloaded",
    ),
)
