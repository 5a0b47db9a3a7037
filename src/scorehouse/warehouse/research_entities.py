"""Entities as they stood in a school year, for files that name them, and which have rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from scorehouse.terms import SchoolYear
from scorehouse.warehouse.entity_tree import SCHOOL, Tree
from scorehouse.warehouse.snapshot import Snapshot

_JUNE, _LAST = 6, 30
MOST_TOGETHER = 50
"""Schools whose figures are made at one go: every query costs, and so does what it holds."""


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


def schools_of_year(snapshot: Snapshot, year: SchoolYear) -> set[str]:
    """The schools, or other entities, that results or enrollments of a school year name."""
    parts = (
        f"SELECT school_id FROM {table} WHERE school_year = '{year}'"
        for table in ("result", "enrollment")
    )
    return set(snapshot.sql(" UNION ".join(parts))["school_id"].to_pylist())


def together(tree: Tree, entities: Sequence[str], named: set[str]) -> Iterator[tuple[str, ...]]:
    """The entities in or below which something is named, in order, several at a time."""
    found: list[str] = []
    schools = 0
    for entity in entities:
        own = {entity, *tree.below(entity, SCHOOL)}
        if not own & named:
            continue
        if found and schools + len(own) > MOST_TOGETHER:
            yield tuple(found)
            found, schools = [], 0
        found.append(entity)
        schools += len(own)
    if found:
        yield tuple(found)
