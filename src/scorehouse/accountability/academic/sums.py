"""The sums that the Academic Indicator is computed from: one row an entity, group and subject.

Sums hold integers only, so that every engine gives the same. Distances are points times
`POINT`, so that distances of alternate assessments, which may have decimals, stay exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pyarrow as pa

POINT = 1_000
"""Units of a distance sum in a point."""

SCHOOL, DISTRICT, STATE = "S", "D", "X"
"""Types of entity, as the state's files write them; charter schools are schools."""

LEFT_OUT = (
    "other_grade", "medical", "recent_english_learner", "exempt", "opt_out", "no_score",
    "invalid", "lowest_score", "alternate", "no_distance", "out_of_range", "enrollment_unknown",
    "not_continuously_enrolled", "duplicate",
)  # fmt: skip
"""Why a student has no part in an average, in the order in which the rules ask."""

SUMS = pa.schema(
    [
        ("entity_id", pa.string()),  # 14 digits; the school's part is zeros for a district
        ("entity_type", pa.string()),
        ("is_charter", pa.bool_()),
        ("is_dass", pa.bool_()),
        ("high_school_cuts", pa.bool_()),
        ("student_group", pa.string()),
        ("subject", pa.string()),
        ("school_year", pa.string()),
        ("scores", pa.int64()),  # students with a distance, alternate ones included if pooled
        ("distance_sum", pa.int64()),  # of these, points × POINT
        ("caa_scores", pa.int64()),  # of which alternate
        ("caa_distance_sum", pa.int64()),
        ("color_scores", pa.int64()),  # the count of the color's minimum; null: scores
        ("enrolled", pa.int64()),  # for participation; null: not known
        ("tested", pa.int64()),
        *((f"left_out_{reason}", pa.int64()) for reason in LEFT_OUT),
    ]
)
KEYS = ("entity_id", "entity_type", "student_group", "subject")


@dataclass(frozen=True)
class Sums:
    """One year's sums of a row; `distance_sum` in points."""

    scores: int
    distance_sum: Fraction
    color_scores: int | None = None
    enrolled: int | None = None
    tested: int | None = None
    caa_scores: int = 0
    caa_distance_sum: Fraction = Fraction(0)
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def mean(self) -> Fraction | None:
        """The mean distance, exact; None without scores."""
        return self.distance_sum / self.scores if self.scores else None


@dataclass(frozen=True)
class Row:
    """Which row of the Dashboard it is, and what of the entity decides on its rules."""

    entity_id: str
    entity_type: str
    student_group: str
    subject: str
    high_school_cuts: bool = False
    is_charter: bool = False
    is_dass: bool = False


def sums_of(row: Mapping[str, Any]) -> Sums:
    """The sums of a row of the table.

    >>> sums_of({"scores": 2, "distance_sum": -25_500}).mean
    Fraction(-51, 4)
    """
    return Sums(
        scores=row["scores"] or 0,
        distance_sum=Fraction(row["distance_sum"] or 0, POINT),
        color_scores=row.get("color_scores"),
        enrolled=row.get("enrolled"),
        tested=row.get("tested"),
        caa_scores=row.get("caa_scores") or 0,
        caa_distance_sum=Fraction(row.get("caa_distance_sum") or 0, POINT),
        left_out={
            reason: row[f"left_out_{reason}"]
            for reason in LEFT_OUT
            if row.get(f"left_out_{reason}")
        },
    )


def row_of(row: Mapping[str, Any]) -> Row:
    """Which row a row of the table is."""
    return Row(
        row["entity_id"], row["entity_type"], row["student_group"], row["subject"],
        bool(row["high_school_cuts"]), bool(row["is_charter"]), bool(row["is_dass"]),
    )  # fmt: skip
