"""A history as one table: a row for each overall score, part and response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from scorehouse.warehouse.history import History, Row, Sitting

DELIVERED, SCORED = "delivered", "scored"
"""Where a score comes from: the file that brought the result, or scoring done here."""

_SITTING = (
    *("student_id", "school_year", "assessment_id", "subject", "test_grade", "assessment_type"),
    *("opportunity_id", "grade_when_assessed", "school_id", "status"),
    *("administration_condition", "completeness", "special_condition"),
)
_NUMBERS = (
    ("scale_score", pa.float64()),
    ("se_scale", pa.float64()),
    ("theta", pa.float64()),
    ("se_theta", pa.float64()),
    ("level", pa.int64()),
    ("raw_score", pa.float64()),
)
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _SITTING),
        ("test_name", pa.string()),
        ("school_name", pa.string()),
        ("completed_at", pa.timestamp("us")),
        ("measure", pa.string()),
        ("origin", pa.string()),
        *_NUMBERS,
        ("words", pa.string()),
        ("ended", pa.string()),
        ("ended_in", pa.int64()),
    ]
)
"""The columns, of which `measure` says what a row's figures are of."""


def history_table(found: History) -> pa.Table:
    """Every figure of a history as a row; replaced results say how they `ended`."""
    rows = [row for one in (*found.sittings, *found.replaced) for row in _rows(one)]
    return pa.Table.from_pylist(rows, SCHEMA)


def overall(sitting: Sitting) -> Iterator[tuple[str, Row]]:
    """The overall scores of a sitting, each with its origin."""
    result, scoring = sitting.result, sitting.scoring
    figures = ("scale_score", "achievement_level", "theta", "special_condition")
    if scoring is None or any(result[name] is not None for name in figures):
        yield DELIVERED, result
    if scoring is not None:
        yield SCORED, scoring


def level_of(row: Row) -> int | None:
    """The level of an overall score; of an interim block, its rating."""
    level: int | None = row["achievement_level"]
    return row.get("claim_rating") if level is None else level


def _rows(sitting: Sitting) -> Iterator[dict[str, Any]]:
    whole = {name: sitting.result[name] for name in (*_SITTING, "completed_at")}
    whole |= {"test_name": sitting.test_name, "school_name": sitting.school_name}
    whole |= {"ended": sitting.ended, "ended_in": sitting.ended_in or None}
    for origin, row in overall(sitting):
        yield {**whole, **_figures(row, "overall", origin), "level": level_of(row)}
    for row in sitting.parts:
        yield {**whole, **_figures(row, row["measure"], row["origin"]), "words": row["words"]}
    for row in sitting.responses:
        item = ":".join(filter(None, ("response", row["item_id"], row["dimension"])))
        figures = {"measure": item, "origin": DELIVERED, "raw_score": row["score"]}
        yield {**whole, **figures, "words": row["response_value"]}


def _figures(row: Row, measure: str, origin: str) -> dict[str, Any]:
    figures = {name: row.get(name) for name, _ in _NUMBERS}
    return {**figures, "measure": measure, "origin": origin}
