"""What a conversion has to say about values, counted by field: millions make one finding."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import polars as pl

from scorehouse.intake.findings import FindingLog


class Note(NamedTuple):
    """A rule of the findings' catalogue, the field it is about, and its other words."""

    rule: str
    field: str
    detail: str = ""


Notes = Counter[Note]
"""How many values each note is about."""


class Features(NamedTuple):
    """Accessibility features by code in lower case."""

    types: dict[str, str]
    values: dict[str, str]
    replacements: dict[str, str]


def note_count(notes: Notes, rule: str, field: str, count: Any, detail: str = "") -> None:
    """Count a note unless there is nothing to count."""
    if number := int(count or 0):
        notes[Note(rule, field, detail)] += number


def note_where(
    notes: Notes, rule: str, field: str, frame: pl.DataFrame, where: pl.Expr, detail: str = ""
) -> None:
    """Count the rows that a condition holds for."""
    note_count(notes, rule, field, frame.filter(where).height, detail)


def tell_notes(notes: Notes, log: FindingLog, file: str = "") -> None:
    """Make one finding of each note."""
    for (rule, field, detail), count in sorted(notes.items()):
        log.add(rule, file=file, field=field, count=count, detail=detail)
