"""Imports as people look at them."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.store import Warehouse


def imports_listed(
    warehouse: Warehouse, status: str = "", content: str = "", limit: int = 50
) -> list[dict[str, Any]]:
    """The newest imports, newest first."""
    one, whole = tables.imported.c, tables.load.c
    query = (
        sa.select(
            one.import_id, one.content, one.file, one.status, one.message, one.counts,
            one.replay_of, one.created_at, whole.who, one.digest,
        )
        .join(tables.load, whole.load_id == one.load_id)
        .order_by(one.import_id.desc())
        .limit(limit)
    )  # fmt: skip
    if status:
        query = query.where(one.status == status)
    if content:
        query = query.where(one.content == content)
    with warehouse.catalog.reading() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [{**row, "counts": json.loads(row["counts"])} for row in rows]


def waiting_listed(warehouse: Warehouse) -> list[dict[str, Any]]:
    """What results wait for, and how many of them."""
    with warehouse.snapshot() as snapshot:
        found = snapshot.sql(
            "SELECT waits_for, waits_value, count(*) AS n_results, "
            "count(DISTINCT import_id) AS n_imports FROM submission WHERE fate = 'waits' "
            "GROUP BY waits_for, waits_value ORDER BY n_results DESC, waits_for, waits_value"
        )
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows
