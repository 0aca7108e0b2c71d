"""Build handler_keyreel.so, the handler by which tcmu-runner gives devices to keyreel."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from importlib import resources
from pathlib import Path

NAME = "handler_keyreel.so"
OPTIONS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-pthread"]


class HandlerError(Exception):
    """The handler cannot be built; the text is one sentence."""


def build_handler(folder: Path) -> Path:
    """Compile the handler into ``folder``, made if it is not there; its path.

    With the compiler that the environment variable CC names, else cc. Raises HandlerError.
    """
    wanted, *options = shlex.split(os.environ.get("CC", "")) or ["cc"]
    compiler = shutil.which(wanted)
    if compiler is None:
        raise HandlerError(f"there is no C compiler {wanted}: install the Debian package gcc")
    built = folder / NAME
    source = resources.files("target.transports.handler") / "handler_keyreel.c"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with resources.as_file(source) as path:
            command = [compiler, *options, *OPTIONS, "-o", str(built), str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise HandlerError(f"{built} cannot be made ({error.strerror})") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[0]
        raise HandlerError(f"{wanted} could not build {built}: {reason}")
    return built
