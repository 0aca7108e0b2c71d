"""What every initiator has to do, run against each: in this process, by iSCSI, and in a guest.

A check gets an initiator to an LTO-5 drive with a tape that takes a little time; it is known
to both its hosts. It also runs as a program, in the guest: `python -m tests.e2e.initiator_checks
TARGET` prints JSON, for each check "" or what went wrong.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable

from harness.initiators.api import Initiator, InitiatorError, NoAnswer, Reply

GOOD, CHECK_CONDITION, CONFLICT = 0x00, 0x02, 0x18
TEST_UNIT_READY = bytes(6)
REWIND = bytes((0x01, 0, 0, 0, 0, 0))
FORMAT_MEDIUM = bytes((0x04, 0, 0, 0, 0, 0))
"""Takes a while in a drive with timing."""
READY_WITHIN = 60.0


def ready(one: Initiator) -> None:
    """Hear unit attentions out, and wait until the drive is ready."""
    deadline = time.monotonic() + READY_WITHIN
    while (reply := one.send(TEST_UNIT_READY)).status != GOOD:
        assert time.monotonic() < deadline, reply
        if key(reply) == 2:
            time.sleep(0.05)


def key(reply: Reply) -> int | None:
    """The sense key of fixed-format sense data; None without."""
    return reply.sense[2] & 0x0F if reply.sense else None


def code(reply: Reply) -> str:
    """Sense key, ASC and ASCQ of fixed-format sense data."""
    sense = reply.sense
    return f"{sense[2] & 0x0F:X}/{sense[12]:02X}/{sense[13]:02X}" if sense else ""


def nothing(reply: Reply) -> bool:
    """Whether no data came. The kernel's TCMU makes zeros of none: it knows no other way."""
    return not any(reply.data)


def read6(size: int) -> bytes:
    return bytes((0x08, 0x02)) + size.to_bytes(3, "big") + b"\0"


def write6(size: int) -> bytes:
    return bytes((0x0A, 0x00)) + size.to_bytes(3, "big") + b"\0"


def check_no_data(one: Initiator) -> None:
    assert one.send(TEST_UNIT_READY) == Reply(GOOD, b"", b"")


def check_data_in_is_what_came(one: Initiator) -> None:
    reply = one.send(bytes((0x12, 0, 0, 0, 200, 0)), size=200)
    assert reply.status == GOOD
    assert len(reply.data) == 96 == reply.data[4] + 5
    assert reply.data[8:16] == b"IBM     "
    # Less than there is.
    assert one.send(bytes((0x12, 0, 0, 0, 5, 0)), size=5).data == reply.data[:5]


def check_sense_data_come_as_they_are(one: Initiator) -> None:
    reply = one.send(bytes((0x12, 0x01, 0xB6, 0, 200, 0)), size=200)
    assert reply.status == CHECK_CONDITION and nothing(reply)
    assert code(reply) == "5/24/00"
    # Field pointer: byte 2 of the CDB; all 96 bytes of this drive's sense data, of which
    # py-sg keeps the first 32.
    assert reply.sense[15] & 0xC0 == 0xC0 and reply.sense[17] == 2
    assert len(reply.sense) == (32 if one.name.startswith("pysg:") else 96)


def check_data_out_and_in(one: Initiator) -> None:
    block = bytes(range(256)) * 4
    assert one.send(REWIND).status == GOOD
    assert one.send(write6(1000), out=block[:1000]).status == GOOD
    assert one.send(REWIND).status == GOOD
    # SILI: a shorter block is no error, and the rest of the room stays empty.
    assert one.send(read6(60_000), size=60_000) == Reply(GOOD, b"", block[:1000])
    # Now there is nothing: no data, sense data that tell it.
    reply = one.send(read6(60_000), size=60_000)
    assert (reply.status, code(reply)) == (CHECK_CONDITION, "8/00/05") and nothing(reply)


def check_a_mebibyte_at_once(one: Initiator) -> None:
    block = bytes(range(251)) * 4178
    block = block[: 1 << 20]
    assert one.send(REWIND).status == GOOD
    assert one.send(write6(len(block)), out=block).status == GOOD
    assert one.send(REWIND).status == GOOD
    assert one.send(read6(1 << 20), size=1 << 20).data == block


def check_sixteen_mebibytes_of_room(one: Initiator) -> None:
    """More than a kernel moves at once, which it has to say; nothing else has a limit."""
    try:
        reply = one.send(bytes((0x12, 0, 0, 0, 200, 0)), size=16 << 20)
    except InitiatorError as error:
        assert "/dev/" in one.name
        assert "16777216 bytes are more than the kernel moves at once" in str(error), error
    else:
        assert len(reply.data) == 96


def check_reservation_conflict(one: Initiator) -> None:
    other = one.another()
    ready(other)
    assert one.send(bytes((0x16, 0, 0, 0, 0, 0))).status == GOOD
    try:
        assert other.send(TEST_UNIT_READY) == Reply(CONFLICT, b"", b"")
    finally:
        assert one.send(bytes((0x17, 0, 0, 0, 0, 0))).status == GOOD
    assert other.send(TEST_UNIT_READY).status == GOOD


def check_reset(one: Initiator) -> None:
    other = one.another()
    ready(other)
    one.reset()
    assert code(other.send(TEST_UNIT_READY))[:4] == "6/29"
    ready(one)


def check_no_answer_and_reconnect(one: Initiator) -> None:
    assert one.send(REWIND).status == GOOD
    started = time.monotonic()
    try:
        reply = one.send(FORMAT_MEDIUM, timeout=0.5)
    except NoAnswer as error:
        assert "no answer in 0.5 s" in str(error), error
    else:
        raise AssertionError(f"{reply} after {time.monotonic() - started:.1f} s")
    one.reconnect()
    ready(one)


def check_closing_twice(one: Initiator) -> None:
    one.close()
    one.close()


CHECKS: dict[str, Callable[[Initiator], None]] = {
    name.removeprefix("check_"): value
    for name, value in list(globals().items())
    if name.startswith("check_")
}


def main(target: str) -> None:
    """Run every check and print what became of it."""
    from harness.initiators.opening import open_initiator

    results = {}
    for name, check in CHECKS.items():
        try:
            with open_initiator(target) as one:
                ready(one)
                check(one)
            results[name] = ""
        except Exception:
            results[name] = traceback.format_exc()
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
