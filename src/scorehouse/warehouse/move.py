"""Moving a catalog from the file in the warehouse's folder to a database server."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from scorehouse.errors import UsageError
from scorehouse.warehouse.catalog import METADATA, Catalog
from scorehouse.warehouse.lock import Say, writer
from scorehouse.warehouse.places import CATALOG_FILE, SETTINGS_FILE, remove, settle
from scorehouse.warehouse.store import Warehouse, check_url, settings_text

_AT_ONCE = 10_000
_LATER = "moved_load"
"""What the table of loads is called in a catalog that was left: nobody can write there again."""


def move_catalog(root: Path, url: str, say: Say = lambda _sentence: None) -> Warehouse:
    """Copy a warehouse's catalog to a server, and let the warehouse use that from now on.

    It waits for a writer; readers that are under way should be ended first. After a run that
    was killed, the warehouse uses the one catalog or the other, whole. Raises UsageError when
    the catalog is on a server already, or the server's belongs to another warehouse.
    """
    check_url(url)
    house = Warehouse.open(root)
    target = Catalog(url)
    if not house.catalog.is_embedded or target.is_embedded:
        raise UsageError("a catalog moves from the warehouse's folder to a database server")
    with writer(house.root, house.catalog, "moving the catalog", say):
        target.create()
        _check_free(house.catalog, target)
        _copy(house.catalog, target)
        _use(house.root, url)
        with house.catalog.writing() as connection:
            connection.exec_driver_sql(f"ALTER TABLE load RENAME TO {_LATER}")
    house.close()
    target.close()
    remove([house.root / f"{CATALOG_FILE}{ending}" for ending in ("", "-wal", "-shm")])
    return Warehouse.open(house.root)


def _check_free(source: Catalog, target: Catalog) -> None:
    """The server's catalog is empty, or a copy of ours from a move that was killed."""
    if target.get("format") and target.get("warehouse_id") != source.get("warehouse_id"):
        raise UsageError("that catalog belongs to another warehouse; give each its own")


def _copy(source: Catalog, target: Catalog) -> None:
    with source.reading() as held, target.writing() as given:
        for table in reversed(METADATA.sorted_tables):
            given.execute(sa.delete(table))
        for table in METADATA.sorted_tables:
            for rows in held.execute(sa.select(table)).mappings().partitions(_AT_ONCE):
                given.execute(sa.insert(table), [dict(row) for row in rows])
            _count_on(given, table)


def _count_on(connection: sa.Connection, table: sa.Table) -> None:
    """Let the server number the next row after the last that was copied."""
    (key,) = table.primary_key.columns
    if not isinstance(key.type, sa.BigInteger):
        return
    last = connection.execute(sa.select(sa.func.max(key))).scalar()
    if last is not None:
        sequence = sa.func.pg_get_serial_sequence(f'"{table.name}"', key.name)
        connection.execute(sa.select(sa.func.setval(sequence, last)))


def _use(root: Path, url: str) -> None:
    part = root / f".{SETTINGS_FILE}.part"
    part.write_text(settings_text(url), encoding="utf-8")
    settle([part])
    os.replace(part, root / SETTINGS_FILE)
    settle([root / SETTINGS_FILE])
