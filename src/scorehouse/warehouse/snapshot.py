"""Reading: a snapshot is the whole warehouse at one moment, and stays so while it is open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import sqlalchemy as sa

from scorehouse.errors import UsageError
from scorehouse.stop import STOP
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.catalog import Catalog
from scorehouse.warehouse.engine import Engine
from scorehouse.warehouse.lock import this_host
from scorehouse.warehouse.views import DataFile, define

_LEASE_HOURS = 12
_TRIES = 5


class Snapshot:
    """One moment of the warehouse; SQL names its tables as `views` says.

    It holds a lease: the files it reads stay until it is closed (or its process is gone).
    """

    def __init__(self, root: Path, catalog: Catalog, engine: Engine, as_of: str = "") -> None:
        self._root = root
        self._catalog = catalog
        self.engine = engine
        self._lease = Lease(catalog)
        try:
            self.number, self.files = self._take()
            self.last_import = import_of(catalog, as_of) if as_of else self._newest()
            define(engine, self.files, self.last_import)
        except BaseException:
            self.close()
            raise

    def _newest(self) -> int:
        with self._catalog.reading() as connection:
            found = connection.execute(
                sa.select(tables.snapshot.c.last_import).where(
                    tables.snapshot.c.snapshot_id == self.number
                )
            ).scalar_one_or_none()
        return int(found or 0)

    def _take(self) -> tuple[int, list[DataFile]]:
        """Take a lease on the newest snapshot; again, if it was tidied away meanwhile."""
        for _ in range(_TRIES):
            number = self._lease.take()
            files = files_of(self._catalog, self._root, number)
            if all(os.path.exists(file.path) for file in files):
                return number, files
            self.release()
        raise UsageError("Data files of the warehouse are missing; `scorehouse doctor` says which.")

    def sql(self, text: str) -> pa.Table:
        """Run a query and return all of its rows."""
        return self.engine.sql(text)

    def batches(self, text: str, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its rows piece by piece."""
        return self.engine.batches(text, rows)

    def release(self) -> None:
        """Give the lease back."""
        self._lease.give_back()

    def close(self) -> None:
        """Give the lease back and end the engine's session."""
        self.release()
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Lease:
    """The right to read a snapshot's files until it is given back."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._number = 0

    def take(self) -> int:
        """Take a lease on the newest snapshot; return the snapshot's number."""
        STOP.owe(self.give_back)
        with STOP.after():
            self._number, snapshot = _take_lease(self._catalog)
        return snapshot

    def give_back(self) -> None:
        """Give the lease back, if it is held."""
        if self._number:
            _give_back(self._catalog, self._number)
            self._number = 0
        STOP.paid(self.give_back)


def _take_lease(catalog: Catalog) -> tuple[int, int]:
    """Take a lease on the newest snapshot, in one statement; return lease and snapshot."""
    expires = (datetime.now(UTC) + timedelta(hours=_LEASE_HOURS)).isoformat()
    newest = sa.select(
        sa.func.coalesce(sa.func.max(tables.snapshot.c.snapshot_id), 0),
        sa.literal(this_host()),
        sa.literal(os.getpid()),
        sa.literal(expires),
    )
    names = ["snapshot_id", "host", "process", "expires_at"]
    with catalog.noting() as connection:
        statement = sa.insert(tables.lease).from_select(names, newest)
        returned = connection.execute(
            statement.returning(tables.lease.c.lease_id, tables.lease.c.snapshot_id)
        ).one()
    return int(returned[0]), int(returned[1])


def _give_back(catalog: Catalog, lease: int) -> None:
    """Give a lease back."""
    with catalog.noting() as connection:
        connection.execute(sa.delete(tables.lease).where(tables.lease.c.lease_id == lease))


def leased(catalog: Catalog) -> set[int]:
    """The snapshots that somebody reads; leases of dead processes are dropped."""
    with catalog.noting() as connection:
        rows = connection.execute(sa.select(tables.lease)).all()
        dead = [row.lease_id for row in rows if not _is_alive(row)]
        if dead:
            connection.execute(sa.delete(tables.lease).where(tables.lease.c.lease_id.in_(dead)))
    return {int(row.snapshot_id) for row in rows if row.lease_id not in dead}


def _is_alive(row: sa.Row[tuple[object, ...]]) -> bool:
    if str(row.expires_at) < datetime.now(UTC).isoformat():
        return False
    if row.host != this_host():
        return True
    try:
        os.kill(int(row.process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def files_of(catalog: Catalog, root: Path, number: int) -> list[DataFile]:
    """The data files of a snapshot, in the order they were added."""
    file = tables.data_file.c
    query = (
        sa.select(
            file.table_name, file.slice, file.path, file.rows, file.first_import, file.last_import
        )
        .where(file.added_in <= number)
        .where(sa.or_(file.removed_in.is_(None), file.removed_in > number))
        .order_by(file.file_id)
    )
    with catalog.reading() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    return [DataFile(name, part, str(root / path), *rest) for name, part, path, *rest in rows]


def import_of(catalog: Catalog, as_of: str) -> int:
    """The last import of a moment: `17` (an import), `2019-06-30` (a day, its end) or an instant.

    Raises UsageError for a text that is neither, and for an import that doesn't exist.
    """
    if as_of.isdecimal():
        return _known_import(catalog, int(as_of))
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError:
        raise UsageError(
            f"--as-of {as_of!r} is neither the number of an import nor a date as in 2019-06-30"
        ) from None
    if len(as_of) == len("YYYY-MM-DD"):
        moment += timedelta(days=1)
    moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    limit = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    shot = tables.snapshot.c
    with catalog.reading() as connection:
        found = connection.execute(
            sa.select(sa.func.max(shot.last_import)).where(shot.created_at < limit)
        ).scalar_one_or_none()
    return int(found or 0)


def _known_import(catalog: Catalog, number: int) -> int:
    with catalog.reading() as connection:
        newest = connection.execute(
            sa.select(sa.func.max(tables.imported.c.import_id))
        ).scalar_one_or_none()
    if number > int(newest or 0):
        raise UsageError(f"there is no import {number}; the newest is {newest or 'none'}")
    return number
