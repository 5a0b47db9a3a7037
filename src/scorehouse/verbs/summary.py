"""What a scoring run did, counted as its scores are made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.scoring.attemptedness import SCORED
from scorehouse.terms import AssessmentType


@dataclass
class ScoreSummary:
    """What a run did, counted in tests.

    `by_status_and_reason` counts (score status, reason), `by_test` (assessment type, subject,
    grade, level), `by_block` (subject, grade, rating) of interim blocks, `consequences`
    findings by (rule, consequence). `other_years` are sentences: which tests and packages say
    another school year than the run's.
    """

    types: dict[str, AssessmentType] = field(default_factory=dict)  # of each assessment
    tests: int = 0
    rows: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    by_level: Counter[int] = field(default_factory=Counter)
    by_rating: Counter[int] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)
    by_status_and_reason: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_test: Counter[tuple[str, str, str, int]] = field(default_factory=Counter)
    by_block: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    findings: dict[str, int] = field(default_factory=dict)
    consequences: dict[tuple[str, str], int] = field(default_factory=dict)
    left_out: int = 0
    other_years: tuple[str, ...] = ()
    rulebook_digest: str = ""
    policy: str = ""
    met_types: set[str] = field(default_factory=set)

    def add(self, scores: pa.Table) -> None:
        """Count a table of scores."""
        self.rows += scores.num_rows
        overall = scores.filter(pc.equal(scores["measure"], "overall"))
        self.tests += overall.num_rows
        self.by_level += _counted(overall, "achievement_level")
        self.by_rating += _counted(overall, "claim_rating")
        for (status, reason), count in _grouped(overall, "score_status", "reason").items():
            self.by_status[status] += count
            self.by_status_and_reason[status, reason] += count
            if status != SCORED:
                self.by_reason[reason] += count
        self._add_tests(overall)

    def _add_tests(self, overall: pa.Table) -> None:
        """Count levels and ratings by test."""
        columns = (
            *("assessment_id", "subject", "test_grade"),
            *("achievement_level", "claim_rating"),
        )
        for (name, *key, level, rating), count in _grouped(overall, *columns).items():
            kind = str(self.types.get(name, ""))
            if kind:
                self.met_types.add(kind)
            if level is not None:
                self.by_test[kind, key[0], key[1], level] += count
            if rating is not None:
                self.by_block[key[0], key[1], rating] += count


def _counted(table: pa.Table, column: str) -> Counter[Any]:
    found = _grouped(table, column)
    return Counter({value: count for (value,), count in found.items() if value is not None})


def _grouped(table: pa.Table, *columns: str) -> Counter[Any]:
    """How often each combination of values stands in a table."""
    groups = table.group_by(list(columns)).aggregate([([], "count_all")]).to_pylist()
    return Counter({tuple(row[name] for name in columns): row["count_all"] for row in groups})
