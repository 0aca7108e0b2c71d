"""A PostgreSQL server of a test run's own: in a folder of its own, with a Unix socket only."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import quote

import psycopg

START, STOP = 180, 180
"""Seconds that it may take."""
OPTIONS = ("listen_addresses=", "max_connections=100", "fsync=on", "log_min_messages=warning")
BINARIES = Path("/usr/lib/postgresql")
numbers = count()


class Missing(Exception):
    """There is no server here; the text says why."""


class Server(NamedTuple):
    """A running server."""

    folder: Path
    """Of its socket; ``data`` in it has everything that it stores."""
    user: str

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """As its superuser, in autocommit mode."""
        return psycopg.connect(
            host=str(self.folder),
            user=self.user,
            dbname="postgres",
            autocommit=True,
            **options,
        )

    def schema(self) -> str:
        """Make an empty schema; the URL of what will be made there, and nowhere else."""
        name = f"test_{os.getpid()}_{next(numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        options = quote(f"-csearch_path={name}")
        host = quote(str(self.folder), safe="")
        return f"postgresql://{self.user}@/postgres?host={host}&options={options}"


@contextmanager
def running(where: Path | None) -> Iterator[Server]:
    """A server until the block ends, with its files in a new folder in ``where``.

    Raises Missing.
    """
    folders = sorted(BINARIES.glob("*/bin"), key=lambda path: float(path.parent.name))
    found = shutil.which("postgres", path=os.pathsep.join(map(str, folders[::-1])))
    if found is None:
        raise Missing("no PostgreSQL server is installed: apt-get install postgresql")
    owner = _owner()
    with TemporaryDirectory(prefix="keyreel-pg-", dir=where, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = folder / "data"
        initdb: list[str | Path] = [
            Path(found).with_name("initdb"),
            "-D",
            data,
            "-E",
            "UTF8",
            "--locale=C",
        ]
        _start([*initdb, "--no-sync", "-U", owner.pw_name], folder, owner).wait(START)
        settings = [part for option in OPTIONS for part in ("-c", option)]
        server = Server(folder, owner.pw_name)
        process = _start([found, "-D", data, "-k", folder, *settings], folder, owner)
        try:
            _wait(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nobody wants the data
            process.wait(STOP)


def _owner() -> pwd.struct_passwd:
    """Who runs it: root may not."""
    if os.getuid():
        return pwd.getpwuid(os.getuid())
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise Missing("there is no user postgres, and root may not run the server") from None


def _start(
    command: list[str | Path], folder: Path, owner: pwd.struct_passwd
) -> subprocess.Popen[bytes]:
    # It does not outlive a test process that is killed.
    become = ["setpriv", "--pdeathsig=QUIT"]
    if os.getuid() != owner.pw_uid:
        become += [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    with open(folder / "log", "ab") as log:
        return subprocess.Popen(
            [*become, *command], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    for _ in range(START * 20):
        try:
            server.connect().close()
            return
        except psycopg.OperationalError:
            try:
                process.wait(0.05)
                break
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError((server.folder / "log").read_text())
