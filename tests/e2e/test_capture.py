"""Models captured from the drives that a kernel has: a rig with them answers the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from harness.capture.capturing import model_of
from harness.capture.draft import stable
from harness.capture.questions import Answers, ask
from harness.initiators.opening import open_initiator
from tests.e2e.models import MODELS
from tests.e2e.tools import Tools, cartridge, rig_text

pytestmark = pytest.mark.guest

ROOT = Path(__file__).parents[2]
STATE = {"attributes 01", "mode 11 default", "mode 23 default", "mode 25 default"}
"""What tells of the volume that other tests have left there."""


@pytest.fixture(scope="module")
def told(field: dict[str, Tools]) -> dict[str, Answers]:
    """What the drives of the guest answered, by model."""
    nodes = {tools.sg: model for model, tools in field.items()}
    guest = next(iter(field.values())).guest
    done = guest.run([sys.executable, "-m", "tests.e2e.capturing", *nodes], cwd=ROOT, timeout=300.0)
    assert done.status == 0, done.stderr.decode()
    return {
        nodes[node]: {name: bytes.fromhex(data) for name, data in answers.items()}
        for node, answers in json.loads(done.stdout).items()
    }


@pytest.mark.parametrize("model", [model.name for model in MODELS])
def test_a_rig_with_the_captured_model_answers_alike(
    told: dict[str, Answers], field: dict[str, Tools], tmp_path: Path, model: str
) -> None:
    theirs = told[model]
    (tmp_path / "mine.toml").write_text(model_of(theirs, model, without=[model]))
    barcode = next(one.barcode for one in MODELS if one.name == model)
    drive = (
        f'name = "drive0"\nmodel = "mine.toml"\nserial = "{field[model].serial}"\n'
        f'cartridge = "{barcode}"\ncompression = "lz4"'
    )
    rig = tmp_path / "rig.toml"
    rig.write_text(rig_text("captured", drive, cartridges=cartridge(barcode)))
    with open_initiator(str(rig)) as one:
        mine = ask(one)
    one_way, other = stable(mine), stable(theirs)
    differ = {name for name in {*mine, *theirs} if one_way.get(name) != other.get(name)}
    assert differ <= STATE
    assert len(theirs) > 140
