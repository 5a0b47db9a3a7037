"""One writer at a time: the next waits in line and is told for whom."""

from __future__ import annotations

import json
import os
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from scorehouse.errors import UsageError
from scorehouse.warehouse.catalog import Catalog, now

fcntl: Any = None
with suppress(ImportError):
    import fcntl

Say = Callable[[str], None]


@contextmanager
def writer(folder: Path, catalog: Catalog, what: str, say: Say) -> Iterator[None]:
    """Hold the writer's lock of a warehouse; wait for whoever has it.

    The lock goes with the process: one that is killed gives it up at once. With a catalog of
    its own server the lock is there, so that writers on several machines wait for each other.
    """
    if catalog.is_embedded:
        with (folder / "writer.lock").open("a+") as stream:
            _wait(stream, say)
            _sign(stream, what)
            yield
    else:
        with _advisory(folder, catalog, say):
            yield


def _wait(stream: IO[str], say: Say) -> None:
    if fcntl is None:
        raise UsageError("this system has no file locks; name a catalog server with --catalog")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"The warehouse is being written to ({_signature(stream)}); waiting for it to end.")
        fcntl.flock(stream, fcntl.LOCK_EX)


def _sign(stream: IO[str], what: str) -> None:
    stream.seek(0)
    stream.truncate()
    json.dump({"what": what, "since": now(), "process": os.getpid()}, stream)
    stream.flush()


def _signature(stream: IO[str]) -> str:
    stream.seek(0)
    try:
        told = json.loads(stream.read())
    except ValueError:
        return "by another run that just began"
    return f"{told['what']}, since {told['since'][:19]} UTC, process {told['process']}"


@contextmanager
def _advisory(folder: Path, catalog: Catalog, say: Say) -> Iterator[None]:
    """The lock of a catalog server, held by a connection for as long as it lives."""
    number = zlib.crc32(str(catalog.get("warehouse_id") or folder).encode())
    with catalog.reading() as connection:
        got = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({number})").scalar()
        if not got:
            say("The warehouse is being written to by another run; waiting for it to end.")
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({number})")
        connection.commit()
        try:
            yield
        finally:
            with suppress(sa.exc.DBAPIError):  # a lost connection has given the lock up already
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({number})")
                connection.commit()


def this_host() -> str:
    """The name of this machine."""
    return socket.gethostname()
