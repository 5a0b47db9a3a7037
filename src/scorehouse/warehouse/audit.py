"""The audit as people look at it: who read and wrote what, and when."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.store import Warehouse


def audited(
    warehouse: Warehouse,
    *,
    who: str = "",
    verb: str = "",
    student_id: str = "",
    since: str = "",
    limit: int = 100,
) -> list[dict[str, Any]]:
    """The newest entries, newest first; blank asks for all.

    Students stand in it by a keyed digest; `student_id` finds what was asked of one.
    `since` is a day or an instant in UTC.
    """
    row = tables.audit.c
    query = sa.select(tables.audit).order_by(row.audit_id.desc()).limit(limit)
    if who:
        query = query.where(row.who == who)
    if verb:
        query = query.where(row.verb == verb)
    if student_id:
        query = query.where(row.about == warehouse.mark(student_id.strip()))
    if since:
        query = query.where(row.created_at >= since)
    with warehouse.catalog.reading() as connection:
        return [dict(entry) for entry in connection.execute(query).mappings()]
