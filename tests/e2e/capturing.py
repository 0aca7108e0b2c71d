"""Asks drives in a guest what `harness.capture` asks: `python -m tests.e2e.capturing TARGET ...`
prints the answers of each as JSON, in hex."""

from __future__ import annotations

import json
import sys

from harness.capture.questions import ask
from harness.initiators.opening import open_initiator


def main(targets: list[str]) -> None:
    """Print {target: {question: hex}}."""
    found = {}
    for target in targets:
        with open_initiator(target) as one:
            found[target] = {name: data.hex() for name, data in ask(one).items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
