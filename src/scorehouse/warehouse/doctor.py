"""The health of a warehouse: what is wrong, in sentences, and what can be put right."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from scorehouse.stop import STOP
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse import certificates
from scorehouse.warehouse.index import update_index
from scorehouse.warehouse.index_file import connect, stamps
from scorehouse.warehouse.loading import Progress
from scorehouse.warehouse.lock import this_host
from scorehouse.warehouse.places import (
    INDEX_FILE,
    SCRATCH_FOLDER,
    digest_of,
    remove,
)
from scorehouse.warehouse.purge_rest import finish_pending
from scorehouse.warehouse.schema import FORMAT, TABLES
from scorehouse.warehouse.snapshot import Lease, leased
from scorehouse.warehouse.store import Warehouse, newest_snapshot

LEAST_FREE = 0.05
_OTHERS = 0o077
Say = Callable[[str], None]


class Trouble(NamedTuple):
    """One thing that is wrong. `is_grave`: data are lost, or can't be trusted."""

    check: str
    sentence: str
    is_grave: bool = False
    is_fixed: bool = False


class Health(NamedTuple):
    """What was looked at, and what is wrong."""

    checks: tuple[str, ...]
    troubles: tuple[Trouble, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong any more."""
        return all(trouble.is_fixed for trouble in self.troubles)


def examine(
    warehouse: Warehouse,
    *,
    fix: bool = False,
    say: Say = lambda _sentence: None,
    progress: Progress = lambda _done, _expected: None,
) -> Health:
    """Look at everything; with `fix`, put right what can be without losing data."""
    troubles: list[Trouble] = []
    for number, (name, check) in enumerate(CHECKS.items(), 1):
        troubles += [Trouble(name, *told) for told in check(warehouse)]
        progress(number, len(CHECKS))
    if fix and troubles:
        fixed = _fix(warehouse, {trouble.check for trouble in troubles}, say)
        troubles = [one._replace(is_fixed=one.check in fixed) for one in troubles]
    return Health(tuple(CHECKS), tuple(troubles))


Told = Iterator[tuple[str, bool]]


def _format(warehouse: Warehouse) -> Told:
    told = warehouse.catalog.get("format")
    if told != str(FORMAT):
        yield f"the catalog says format {told}; this version reads format {FORMAT}", True
    missing = sorted(set(tables.METADATA.tables) - warehouse.catalog.tables())
    if missing:
        yield f"the catalog lacks the tables {', '.join(missing)}", True


def _catalog(warehouse: Warehouse) -> Told:
    if not warehouse.catalog.is_embedded:
        return
    with warehouse.catalog.reading() as connection:
        answer = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
    if answer != "ok":
        yield "the catalog's database is damaged; restore it from a backup", True


def _files(warehouse: Warehouse) -> Told:
    """Every listed file is there, with the bytes, rows and columns that were written."""
    lease = Lease(warehouse.catalog)  # so that no file goes while it is looked at
    with STOP.owing(lease.give_back):
        lease.take()
        yield from _wrong_files(warehouse)
    for one in _payloads(warehouse):
        path = warehouse.root / one.path
        if not path.is_file():
            yield f"the payload {one.digest[:16]} is missing from the archive", True
        elif digest_of(path) != one.kept_digest:
            yield f"the payload {one.digest[:16]} is not what was archived: it is damaged", True


def _wrong_files(warehouse: Warehouse) -> Told:
    row = tables.data_file
    query = sa.select(row).where(row.c.removed_in.is_(None)).order_by(row.c.file_id)
    with warehouse.catalog.reading() as connection:
        listed = connection.execute(query).all()
    for one in listed:
        if wrong := _wrong(warehouse, one):
            yield f"a data file of {one.table_name} ({one.path}) {wrong}", True


def _payloads(warehouse: Warehouse) -> list[sa.Row[tuple[object, ...]]]:
    query = sa.select(tables.payload).where(tables.payload.c.path != "")
    with warehouse.catalog.reading() as connection:
        return list(connection.execute(query))


def _wrong(warehouse: Warehouse, one: sa.Row[tuple[object, ...]]) -> str:
    path = warehouse.root / one.path
    if not path.is_file():
        return "is missing; restore it from a backup"
    if digest_of(path) != one.digest:
        return "is not what was written: it is damaged; restore it from a backup"
    try:
        with pq.ParquetFile(path) as file:
            rows, names = file.metadata.num_rows, file.schema_arrow.names
    except (pa.ArrowException, OSError):
        return "is no Parquet file"
    if rows != one.rows:
        return f"has {rows:,} rows, and {one.rows:,} are listed"
    known = TABLES.get(str(one.table_name))
    missing = sorted(set(known.schema.names) - set(names)) if known else []
    return f"lacks the columns {', '.join(missing)}" if missing else ""


def _orphans(warehouse: Warehouse) -> Told:
    count = len(warehouse.orphans())
    if count:
        yield f"{count} data files are not listed: a load that was killed left them", False
    count = len(warehouse.unlisted())
    if count:
        yield f"{count} files of the archive belong to no payload", False
    count = sum(1 for _ in (warehouse.root / SCRATCH_FOLDER).iterdir())
    if count and not _running(warehouse):
        yield f"{count} scratch files are left of a run that was killed", False


def _running(warehouse: Warehouse) -> list[int]:
    query = sa.select(tables.load.c.load_id).where(tables.load.c.status == "running")
    with warehouse.catalog.reading() as connection:
        return [int(row[0]) for row in connection.execute(query)]


def _loads(warehouse: Warehouse) -> Told:
    running = _running(warehouse)
    if running and not _is_writing(warehouse):
        yield f"{len(running)} loads were killed; nothing of them is held", False


def _is_writing(warehouse: Warehouse) -> bool:
    """Whether somebody holds the writer's lock."""
    if not warehouse.catalog.is_embedded:
        return True
    try:
        import fcntl
    except ImportError:
        return True
    with (warehouse.root / "writer.lock").open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _leases(warehouse: Warehouse) -> Told:
    with warehouse.catalog.reading() as connection:
        rows = connection.execute(sa.select(tables.lease)).all()
    now = datetime.now(UTC).isoformat()
    dead = [
        row
        for row in rows
        if str(row.expires_at) < now or (row.host == this_host() and not _lives(int(row.process)))
    ]
    if dead:
        yield f"{len(dead)} leases belong to readers that are gone", False


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _purges(warehouse: Warehouse) -> Told:
    count = len(certificates.pending(warehouse))
    if count:
        yield f"{count} purges took effect, and old bytes of them are still on disk", False


_BEHIND = "the index of students is behind the newest load; the next `find` brings it up to date"


def _index(warehouse: Warehouse) -> Told:
    path = warehouse.root / INDEX_FILE
    if not path.exists():
        return
    try:
        connection = connect(path)
        try:
            told = stamps(connection)
            answer = connection.execute("PRAGMA quick_check").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.DatabaseError:
        yield "the index of students is damaged", False
        return
    if answer != "ok":
        yield "the index of students is damaged", False
    elif int(told.get("snapshot") or 0) < newest_snapshot(warehouse.catalog):
        yield _BEHIND, False


def _space(warehouse: Warehouse) -> Told:
    usage = shutil.disk_usage(warehouse.root)
    if usage.free < usage.total * LEAST_FREE:
        yield f"only {usage.free // 1_000_000:,} MB are free on the disk", False


def _permissions(warehouse: Warehouse) -> Told:
    if warehouse.root.stat().st_mode & _OTHERS:
        yield "other users of this machine can open the folder", False


CHECKS: dict[str, Callable[[Warehouse], Told]] = {
    "format": _format,
    "catalog": _catalog,
    "files": _files,
    "orphans": _orphans,
    "loads": _loads,
    "leases": _leases,
    "purges": _purges,
    "index": _index,
    "space": _space,
    "permissions": _permissions,
}
"""Every check by its name, in order."""


# --- putting right ---

FIXED = frozenset({"orphans", "loads", "leases", "purges", "index", "permissions"})
"""The checks whose troubles `fix` puts right, as long as nobody else is at work."""


def _fix(warehouse: Warehouse, wrong: set[str], say: Say) -> set[str]:
    """Put right what can be; return the checks that find nothing any more."""
    if wrong & {"loads", "orphans"}:
        with warehouse.transaction("doctor", say) as transaction:
            remove([warehouse.root / name for name in warehouse.orphans()])
            remove(warehouse.unlisted())
            transaction.commit("doctor")
    if "leases" in wrong:
        leased(warehouse.catalog)
    if "purges" in wrong:
        finish_pending(warehouse, say, waits=False)
    if (warehouse.root / INDEX_FILE).exists():
        _fix_index(warehouse)
    if "permissions" in wrong:
        warehouse.root.chmod(0o700)
    return {name for name in wrong if not any(CHECKS[name](warehouse))}


def _fix_index(warehouse: Warehouse) -> None:
    """Bring the index up to date; a damaged one is made again."""
    try:
        update_index(warehouse)
    except sqlite3.DatabaseError:
        remove([warehouse.root / f"{INDEX_FILE}{end}" for end in ("", "-wal", "-shm")])
        update_index(warehouse)
