"""Which of the two results tables a file or a zip holds: test rows, item rows, or both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scorehouse.intake.readers.identify import FileKind, header_of, identify
from scorehouse.intake.readers.results import heads_of_tables
from scorehouse.intake.readers.two_tables_layout import recognize

_MARKS = {
    "test": {"TestOpportunityId", "AssessmentId", "StudentIdentifier"},
    "item": {"TestOpportunityId", "ItemId", "ItemScore"},
}
"""Columns that no other table has together."""

_OLDER_MARKS = {"assessmentguid", "studentidentifier"}
_HEAD_BYTES = 1 << 16


def table_of(columns: Sequence[str]) -> str:
    """Tell the table that a header belongs to; blank: neither.

    >>> table_of(["TestOpportunityId", "ItemId", "ItemScore"])
    'item'
    >>> table_of(["StudentIdentifier", "FirstName", "BirthDate"])
    ''
    """
    if {name.strip().lower() for name in columns} >= _OLDER_MARKS:
        return "test"
    layout = recognize(columns)
    if layout is None:
        return ""
    return layout.table if set(layout.columns.values()) >= _MARKS[layout.table] else ""


def tables_of(path: Path) -> frozenset[str]:
    """Tell the tables of a file or a zip; none: it is a folder, or something else."""
    if path.is_dir():
        return frozenset()
    kind = identify(path)
    if kind is FileKind.ZIP:
        heads = heads_of_tables(path)
    elif kind is FileKind.CSV:
        with path.open("rb") as stream:
            heads = iter([stream.read(_HEAD_BYTES)])
    else:
        return frozenset()
    return frozenset(table for head in heads if (table := table_of(header_of(head))))
