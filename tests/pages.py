"""Pages in headless Chromium: what they measure, what they look like."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

CHROMIUM = "chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
)
PATIENCE = 300.0
MEASURE = """
<script>
addEventListener('load', () => {
  document.querySelectorAll('details').forEach(one => one.open = true);
  const page = document.documentElement;
  const told = {
    width: page.clientWidth, needs: page.scrollWidth, height: page.scrollHeight, wide: [],
    loaded: performance.getEntriesByType('resource').map(one => one.name),
    shown: document.body.textContent.length,
  };
  if (told.needs > told.width)
    told.wide = [...document.querySelectorAll('body *')].filter(
      one => one.getBoundingClientRect().right > told.width + 1
    ).slice(0, 20).map(one => one.tagName + '.' + one.className);
  parent.postMessage(told, '*');
});
</script>
"""
"""Put into a page, it opens everything and tells the holder what it needs."""
HOLDER = """<!doctype html><body>{frames}<pre id="told"></pre>
<script>
const all = [];
addEventListener('message', said => {{
  all.push(said.data);
  document.getElementById('told').textContent = JSON.stringify(all);
}});
</script>
"""
OUTSIDE = re.compile(r"""(?:src|href|url)\s*[=(]\s*["']?(?!#|data:)[^"')\s>]+|@import""")
"""What would be fetched from elsewhere."""


def measure(page: Path, *widths: int) -> list[dict[str, Any]]:
    """For each width of a window: what the page needs with everything opened, what it fetched."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        text = page.read_text(encoding="utf-8").replace("</body>", f"{MEASURE}</body>")
        (folder / "page.html").write_text(text, encoding="utf-8")
        frames = "".join(
            f'<iframe src="page.html" style="width:{width}px;height:900px;border:0"></iframe>'
            for width in widths
        )
        holder = folder / "holder.html"
        holder.write_text(HOLDER.format(frames=frames), encoding="utf-8")
        dom = browse(name, "--virtual-time-budget=10000", "--dump-dom", holder.as_uri())
    found = re.search(r'<pre id="told">(.+?)</pre>', dom.decode(), re.DOTALL)
    assert found, "the page did not run its script"
    told: list[dict[str, Any]] = json.loads(unescape(found[1]))
    return sorted(told, key=lambda one: widths.index(one["width"]))


def picture(page: Path, to: Path, width: int, height: int) -> None:
    """A screenshot of the top of a page."""
    with TemporaryDirectory() as folder:
        size = f"--window-size={width},{height}"
        browse(folder, size, f"--screenshot={to}", page.absolute().as_uri())


def browse(folder: str, *arguments: str) -> bytes:
    """What Chromium writes; skips the test without it."""
    program = shutil.which(CHROMIUM)
    if program is None:
        pytest.skip("chromium is not installed: apt install chromium")
    profile = f"--user-data-dir={folder}/profile"
    done = subprocess.run(
        [program, *FLAGS, profile, *arguments], capture_output=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def size_of(png: Path) -> tuple[int, int]:
    """Width and height of a PNG file."""
    head = png.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def holds_together(page: Path) -> None:
    """A page fits wide and narrow windows and fetches nothing."""
    assert not OUTSIDE.findall(page.read_text(encoding="utf-8"))
    widths = 1280, 390
    for width, told in zip(widths, measure(page, *widths), strict=True):
        assert told["needs"] <= width, told["wide"]
        assert told["height"] > 600
        assert told["shown"] > 1000
        assert not [one for one in told["loaded"] if not one.startswith("data:")]
