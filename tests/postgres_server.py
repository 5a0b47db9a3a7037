"""A private PostgreSQL server on a socket of its own, run by somebody without rights."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

NO_POSTGRES = "there is no PostgreSQL server or no psycopg on this machine"
_VERSIONS = Path("/usr/lib/postgresql")
_OPTIONS = "-c listen_addresses= -c unix_socket_directories={folder} -c max_connections=40"


def programs() -> Path | None:
    """The folder with initdb and pg_ctl; None: there is none."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(_VERSIONS.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


def is_possible() -> bool:
    """Whether this machine can run a server and talk to it."""
    return programs() is not None and importlib.util.find_spec("psycopg") is not None


@contextmanager
def server() -> Iterator[str]:
    """Start a server on an empty folder and yield the URL of its database; end it."""
    folder = Path(mkdtemp(prefix="scorehouse-pg-"))  # short: a socket's path has 107 letters
    binaries = programs()
    assert binaries is not None
    try:
        _hand_over(folder)
        data = folder / "data"
        _run([binaries / "initdb", "-D", data, "-A", "trust", "-U", "tester", "-E", "UTF8",
              "--locale=C", "--no-sync"])  # fmt: skip
        started = [binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "start",
                   "-o", _OPTIONS.format(folder=folder)]  # fmt: skip
        _run(started)
        try:
            yield f"postgresql+psycopg://tester@/postgres?host={quote(str(folder))}"
        finally:
            _stop(data)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stop(data: Path) -> None:
    """End the server that we started, by its own number, and wait until it has ended."""
    number = int((data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(number, signal.SIGINT)
    binaries = programs()
    assert binaries is not None
    _run([binaries / "pg_ctl", "-D", data, "-w", "-m", "fast", "stop"], check=False)


def _unprivileged() -> str | None:
    """Whom the server runs as when we are root, whom it refuses; None: ourselves."""
    if os.geteuid() != 0:
        return None
    return next(n for n in ("postgres", "nobody") if n in {u.pw_name for u in pwd.getpwall()})


def _hand_over(folder: Path) -> None:
    if user := _unprivileged():
        shutil.chown(folder, user)


def _run(words: list[object], check: bool = True) -> None:
    subprocess.run(
        [str(word) for word in words],
        check=check,
        user=_unprivileged(),
        group=pwd.getpwnam(user).pw_gid if (user := _unprivileged()) else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
