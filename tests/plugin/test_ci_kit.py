"""The jobs and the image for continuous integration: as the page shows them, and well formed."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.plugin.child import ROOT

CI = ROOT / "fixtures/ci"
PAGE = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
SCRIPT = (CI / "ci.sh").read_text(encoding="utf-8")
PACKAGES = set(re.findall(r'^packages="(.*)"$', SCRIPT, re.MULTILINE)[0].split())


def job(name: str) -> dict[Any, Any]:
    loaded = yaml.safe_load((CI / name).read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml", "Dockerfile"])
def test_the_page_has_the_files(name: str) -> None:
    lines = (CI / name).read_text(encoding="utf-8").splitlines()
    assert "\n".join(f"    {line}" for line in lines) + "\n" in PAGE


def test_the_variables_are_those_of_the_script() -> None:
    told = set(re.findall(r"^# ([A-Z]+)  ", SCRIPT, re.MULTILINE))
    used = set(re.findall(r"\$\{?([A-Z]+)\b", SCRIPT)) - {"TMPDIR", "PATH"}
    assert told == used == set(re.findall(r"^\| ([A-Z]+) \|", PAGE, re.MULTILINE))
    given = set(job("github.yml")["jobs"]["tape"]["env"])
    assert given | set(job("gitlab.yml")["tape"]["variables"]) <= told | {"PIP_CACHE_DIR"}


def test_the_jobs_run_the_script_and_keep_its_reports() -> None:
    github = job("github.yml")
    # In YAML 1.1 the word on is a truth value; GitHub reads it as a word.
    assert github.keys() == {"name", True, "jobs"}
    tape = github["jobs"]["tape"]
    *_, runs, keeps = tape["steps"]
    assert runs == {"run": "sh ci.sh"}
    assert (keeps["if"], keeps["with"]["path"]) == ("always()", "reports")
    gitlab = job("gitlab.yml")["tape"]
    assert gitlab["script"] == ["sh ci.sh"]
    assert gitlab["artifacts"] == {
        "when": "always",
        "paths": ["reports"],
        "reports": {"junit": "reports/*.xml"},
    }
    assert gitlab["image"] == tape["container"]["image"] == "debian:12"


def test_the_image_has_what_the_script_installs() -> None:
    text = (CI / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    steps = [line.split(None, 1) for line in text.splitlines() if not line.startswith("#")]
    assert [word for word, _ in steps] == [
        *("FROM", "RUN", "ARG", "COPY", "RUN", "ENV", "USER", "WORKDIR", "ENTRYPOINT")
    ]
    told = dict(steps)
    assert told["FROM"] == "debian:12-slim"
    assert told["USER"] == "tester"
    installed = re.search(r"--no-install-recommends (.*?) &&", text)
    assert installed
    assert set(installed[1].split()) == PACKAGES


def test_the_script_passes_shellcheck() -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run([shellcheck, CI / "ci.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
