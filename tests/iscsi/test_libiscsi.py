"""The tools of libiscsi, an initiator written by others, against the server.

Its other tools, iscsi-perf and iscsi-test-cu, are for disks: they begin with READ CAPACITY.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.iscsi.conftest import TARGET, Serve, Serving
from tests.iscsi.test_chap import SECRET, TARGET_SECRET, credentials_file

pytestmark = pytest.mark.skipif(
    shutil.which("iscsi-ls") is None, reason="the Debian package libiscsi-bin is not installed"
)
TIMEOUT = 60
INITIATOR = "iqn.2007-10.com.github:sahlberg:libiscsi:test"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end."""
    return subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def listed(serving: Serving, who: str = "") -> subprocess.CompletedProcess[str]:
    """What iscsi-ls says of the server."""
    host, port = serving.address
    return run("iscsi-ls", "-i", INITIATOR, f"iscsi://{who}{host}:{port}")


def test_it_lists_targets(serve: Serve) -> None:
    serving = serve(drives=2)
    done = listed(serving)
    for number in range(2):
        host, port = serving.address
        assert f"Target:{TARGET[:-1]}{number} Portal:{host}:{port},1\n" in done.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "Product:ULT3580-TD9"),
        (("-e", "1", "-c", "128"), "Unit Serial Number:[0000000000]"),
        (("-e", "1", "-c", "176"), "maximum transfer length:0"),
    ],
)
def test_it_reads_inquiry_data(serving: Serving, options: tuple[str, ...], told: str) -> None:
    host, port = serving.address
    done = run("iscsi-inq", *options, f"iscsi://{host}:{port}/{TARGET}/0")
    assert done.returncode == 0, done.stderr
    assert told in done.stdout


@pytest.mark.parametrize("mutual", [False, True])
def test_it_logs_in_with_chap(serve: Serve, tmp_path: Path, mutual: bool) -> None:
    # Its URLs take no spaces.
    secrets = {SECRET: "a-secret-of-ours", TARGET_SECRET: "the-target-s-secret"}
    text = credentials_file(tmp_path).read_text(encoding="utf-8")
    for secret, other in secrets.items():
        text = text.replace(secret, other)
    serving = serve(credentials=str(credentials_file(tmp_path, text)))
    host, port = serving.address
    query = "?target_user=keyreel&target_password=the-target-s-secret" if mutual else ""
    url = f"iscsi://host%a-secret-of-ours@{host}:{port}/{TARGET}/0{query}"
    done = run("iscsi-inq", "-i", INITIATOR, url)
    assert done.returncode == 0, done.stderr
    assert "ULT3580-TD9" in done.stdout
    assert TARGET in listed(serving, "host%a-secret-of-ours@").stdout
    wrong = run("iscsi-inq", "-i", INITIATOR, url.replace("a-secret-of-ours", "another-secret"))
    assert "Authentication failure" in wrong.stderr
