"""One SCSI command by a program of its own, for whoever is outside of the guest that has the node:

    python -m harness.initiators.sg_once NODE CDB ROOM TIMEOUT < DATA-OUT

Prints a line with status, sense data and data-in, in hexadecimal, or "-" for nothing. Exit status 1
with a sentence where there was no answer. Loads as little as can be: a guest takes its time for it.
"""

from __future__ import annotations

import sys

from harness.initiators.api import InitiatorError
from harness.initiators.sg import Sg


def main(arguments: list[str]) -> int:
    """Run it; the exit status."""
    node, cdb, room, timeout = arguments
    out = sys.stdin.buffer.read()
    try:
        with Sg(node) as sg:
            reply = sg.send(bytes.fromhex(cdb), out=out, size=int(room), timeout=float(timeout))
    except InitiatorError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{reply.status:02x}", reply.sense.hex() or "-", reply.data.hex() or "-")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
