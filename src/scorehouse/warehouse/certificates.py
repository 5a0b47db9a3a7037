"""Certificates of purges: what went, when, by whom; never which student it was about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from scorehouse.errors import UsageError
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.catalog import now
from scorehouse.warehouse.store import Warehouse, who

BEGUN, COMPLETE = "old bytes are still to be removed", "complete"


def write(connection: sa.Connection, what: str, details: Mapping[str, Any]) -> int:
    """Write a certificate inside the transaction of its purge; return its number."""
    values = {
        "what": what, "details": json.dumps({"state": BEGUN, **details}), "who": who(),
        "created_at": now(),
    }  # fmt: skip
    statement = sa.insert(tables.certificate).values(values)
    returned = statement.returning(tables.certificate.c.certificate_id)
    return int(connection.execute(returned).scalar_one())


def audit_entry(about: str, details: str, snapshot: int) -> dict[str, Any]:
    """The audit's line about a purge."""
    return {"verb": "purge", "who": who(), "about": about, "details": details,
            "snapshot_id": snapshot, "created_at": now()}  # fmt: skip


def complete(
    warehouse: Warehouse, number: int, is_complete: bool, proof: Mapping[str, Any] | None = None
) -> None:
    """Say that the old bytes are gone, and what the search for identifiers found."""
    told = certificate(warehouse, number)["details"]
    if is_complete:
        told |= {"state": COMPLETE, "completed_at": now()}
    told |= {"proof": proof} if proof is not None else {}
    row = tables.certificate
    with warehouse.catalog.writing() as connection:
        connection.execute(
            sa.update(row).where(row.c.certificate_id == number).values(details=json.dumps(told))
        )


def certificate(warehouse: Warehouse, number: int) -> dict[str, Any]:
    """A certificate by its number. Raises UsageError if there is none."""
    found = [one for one in certificates(warehouse) if one["certificate_id"] == number]
    if not found:
        raise UsageError(f"there is no certificate {number}")
    return found[0]


def certificates(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Every certificate, oldest first."""
    query = sa.select(tables.certificate).order_by(tables.certificate.c.certificate_id)
    with warehouse.catalog.reading() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [{**row, "details": json.loads(row["details"])} for row in rows]


def pending(warehouse: Warehouse) -> list[int]:
    """Certificates of purges whose old bytes were not all removed yet."""
    return [
        int(one["certificate_id"])
        for one in certificates(warehouse)
        if one["details"]["state"] != COMPLETE
    ]
