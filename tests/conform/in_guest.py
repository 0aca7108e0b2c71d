"""Runs the suite on SCSI generic nodes, one after the other, and prints the results as JSON.

``name=node`` for each; in one process, for importing scapy takes long in a guest.
"""

from __future__ import annotations

import json
import sys
import time

from harness.conform.check import Outcome
from harness.conform.checks import all_checks
from harness.conform.runner import Runner
from harness.initiators.opening import open_initiator


def main() -> None:
    began = time.monotonic()
    checks = all_checks()
    print(f"{len(checks)} checks loaded in {time.monotonic() - began:.1f} s", file=sys.stderr)
    told = {}
    for argument in sys.argv[1:]:
        name, _, node = argument.partition("=")
        with open_initiator(node) as initiator:
            run = Runner(initiator, scratch=True, timeout=120.0).run(checks.values())
        told[name] = {
            "device": run.identity.name,
            "seconds": run.seconds,
            "ended_early": run.ended_early,
            "counts": {outcome.value: run.counts[outcome] for outcome in Outcome},
            "failed": [f"{one.check.id}: {one.summary}" for one in run.having(Outcome.FAIL)],
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
