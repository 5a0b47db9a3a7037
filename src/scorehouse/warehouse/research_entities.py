"""Entities as they stood in a school year, for files that name them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from scorehouse.terms import SchoolYear
from scorehouse.warehouse.snapshot import Snapshot

_JUNE, _LAST = 6, 30


def entities_of_year(snapshot: Snapshot, year: SchoolYear) -> dict[str, Mapping[str, Any]]:
    """The row of each entity that held on the last day of June of a school year.

    An entity that had ended, or had not begun, has its nearest row: its results are there.
    """
    day = date(year.ends, _JUNE, _LAST)
    rows = snapshot.sql(
        "SELECT entity_id, entity_type, entity_name, parent_id, county_name, is_charter, "
        "charter_type, is_nonpublic, valid_from, valid_to FROM entity"
    ).to_pylist()
    found: dict[str, Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda row: _distance(row, day), reverse=True):
        found[row["entity_id"]] = row
    return found


def _distance(row: Mapping[str, Any], day: date) -> int:
    """Days between a day and those on which a row holds; 0 when it holds on it."""
    begins, ends = row["valid_from"] or date.min, row["valid_to"] or date.max
    if begins <= day <= ends:
        return 0
    return (begins - day).days if begins > day else (day - ends).days
