"""Replaying: results that waited for a school or a test are brought when it is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from scorehouse.intake.findings import FindingLog
from scorehouse.warehouse import archive
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.kinds.results import bring_numbers
from scorehouse.warehouse.loading import Ending, Loading
from scorehouse.warehouse.schema import ROW_ID
from scorehouse.warehouse.store import Warehouse

_READY = (
    f"SELECT w.{ROW_ID}, w.import_id, w.number FROM submission AS w "
    "WHERE w.fate = 'waits' AND ("
    "(w.waits_for = 'school' AND EXISTS (SELECT 1 FROM entity AS e "
    "WHERE e.entity_id = w.waits_value)) OR "
    "(w.waits_for = 'assessment' AND EXISTS (SELECT 1 FROM assessment AS a "
    "WHERE a.assessment_id = w.waits_value))) ORDER BY w.import_id, w.number"
)
"""Submissions that wait for something that is known by now."""


def replay_waiting(warehouse: Warehouse, loading: Loading) -> Iterator[tuple[str, int, Ending]]:
    """Bring what need wait no longer; yield file, import and ending of each payload."""
    ready = loading.transaction.sql(_READY)
    by_import: dict[int, list[tuple[int, int]]] = {}
    for row in ready.to_pylist():
        by_import.setdefault(row["import_id"], []).append((row[ROW_ID], row["number"]))
    for import_id, rows in by_import.items():
        yield _replay_import(warehouse, loading, import_id, rows)


def _replay_import(
    warehouse: Warehouse, loading: Loading, waited: int, rows: list[tuple[int, int]]
) -> tuple[str, int, Ending]:
    transaction = loading.transaction
    about = _import(warehouse, waited)
    import_id = transaction.begin_import(
        about["content"], about["digest"], about["file"], replay_of=waited
    )
    numbers = frozenset(number for _, number in rows)
    own = FindingLog(show_private=loading.show_private)
    whole, loading.log = loading.log, own
    try:
        payload = archive.payload_path(warehouse, about["digest"])
        ending = bring_numbers(loading, payload, import_id, numbers)
    finally:
        loading.log = whole
        whole.merge(own)
    transaction.add("finding", own.table(), import_id)
    transaction.supersede("submission", _gone(rows), import_id, "replay")
    transaction.end_import(import_id, ending.status, ending.message, ending.counts)
    return about["file"], import_id, ending


def _gone(rows: list[tuple[int, int]]) -> Any:
    import pyarrow as pa

    return pa.table({"old_row": pa.array([row for row, _ in rows], pa.int64())})


def _import(warehouse: Warehouse, import_id: int) -> dict[str, Any]:
    query = sa.select(tables.imported).where(tables.imported.c.import_id == import_id)
    with warehouse.catalog.reading() as connection:
        return dict(connection.execute(query).mappings().one())
