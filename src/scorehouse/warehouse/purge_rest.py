"""The second half of a purge: old bytes off the disk, when nobody reads them any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import sqlalchemy as sa

from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse import certificates
from scorehouse.warehouse.cube_files import forget as forget_cube
from scorehouse.warehouse.index import rebuild_index
from scorehouse.warehouse.lock import writer
from scorehouse.warehouse.places import INDEX_FILE, remove
from scorehouse.warehouse.snapshot import leased
from scorehouse.warehouse.store import Warehouse, newest_snapshot

Say = Callable[[str], None]
_PAUSE = 0.2


class Remains(NamedTuple):
    """What is still on disk: data files that somebody reads, below the warehouse's folder."""

    files: tuple[str, ...] = ()
    readers: int = 0

    @property
    def is_nothing(self) -> bool:
        """Whether all of it is gone."""
        return not self.files


def finish_pending(warehouse: Warehouse, say: Say, *, waits: bool) -> int:
    """Finish purges that were interrupted; return how many are complete now."""
    numbers = certificates.pending(warehouse)
    if not numbers:
        return 0
    say("An earlier purge was interrupted after it took effect; its old bytes are removed now.")
    if not remove_rest(warehouse, say, waits=waits).is_nothing:
        return 0
    for number in numbers:
        certificates.complete(warehouse, number, is_complete=True)
    return len(numbers)


def remove_rest(warehouse: Warehouse, say: Say, *, waits: bool) -> Remains:
    """Remove what a committed purge left: index, cube, data files, payloads, and their traces."""
    if (warehouse.root / INDEX_FILE).exists():
        rebuild_index(warehouse)
    forget_cube(warehouse.root)
    if waits:
        _wait(warehouse, say)
    with writer(warehouse.root, warehouse.catalog, "removing what was purged", say):
        warehouse.vacuum()
        remove(warehouse.unlisted())
        files = tuple(sorted(_held(warehouse)))
    _compact(warehouse)
    return Remains(files, len(_readers(warehouse)) if files else 0)


def _wait(warehouse: Warehouse, say: Say) -> None:
    """Wait until nobody reads what was before the newest snapshot that is purged."""
    wanted = newest_snapshot(warehouse.catalog)
    is_told = False
    while any(number < wanted for number in leased(warehouse.catalog)):
        if not is_told:
            say(
                "Somebody reads the state from before the purge "
                f"({', '.join(_readers(warehouse))}); waiting for them to end. What is purged is "
                "out of sight already; --now leaves the old files to the next load or purge."
            )
            is_told = True
        time.sleep(_PAUSE)


def _readers(warehouse: Warehouse) -> list[str]:
    wanted = newest_snapshot(warehouse.catalog)
    row = tables.lease.c
    with warehouse.catalog.reading() as connection:
        query = sa.select(row.process, row.host).where(row.snapshot_id < wanted).distinct()
        return [f"process {one[0]} on {one[1]}" for one in connection.execute(query)]


def _held(warehouse: Warehouse) -> list[str]:
    """Data files that were replaced and are still there."""
    row = tables.data_file.c
    with warehouse.catalog.reading() as connection:
        query = sa.select(row.path).where(row.removed_in.is_not(None))
        return [str(one[0]) for one in connection.execute(query)]


def _compact(warehouse: Warehouse) -> None:
    """Leave nothing of before in the catalog's own file and log."""
    if not warehouse.catalog.is_embedded:
        return
    with warehouse.catalog.reading() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
