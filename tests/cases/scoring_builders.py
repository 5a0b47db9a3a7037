"""Small invented packages and responses, as the tables that scoring reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from scorehouse import shapes
from scorehouse.intake.canonical import (
    CHUNK_OPPORTUNITIES,
    CHUNK_RESPONSES,
    ResponseChunk,
    chunk_from_rows,
)
from scorehouse.intake.readers.packages import Package
from scorehouse.rulebook import Rulebook, load
from scorehouse.scoring.batch import Batch, Problem
from scorehouse.scoring.one import ScoredSitting, score_sitting
from scorehouse.terms import MeasurementRules, Policy
from scorehouse.verbs.score import Scorer

Row = dict[str, Any]

_NO_RESPONSE: Row = {
    "student_id": "made-up", "assessment_id": "", "school_year": "", "part": "fixed",
    "item_id": "", "dimension": "", "position": None, "answered": True, "score": None,
    "condition_code": "", "use": "operational", "item_type": "",
}  # fmt: skip
_NO_OPPORTUNITY: Row = {
    "mode": "online", "status": "completed", "completeness": "Complete", "logged_on_cat": None,
    "logged_on_pt": None, "started_at": "", "submitted_at": "", "force_completed": None,
    "student_id": "made-up", "assessment_id": "T", "assessment_name": "", "school_year": "",
    "subject": "", "test_grade": "", "assessment_type_text": "", "file": "made.csv",
    "source_row": None,
}  # fmt: skip


@cache
def rulebook() -> Rulebook:
    """The packaged rulebook, read once a process."""
    return load()


@cache
def rules_of(year: str, program: str = "consortium") -> MeasurementRules:
    """The rules of a year, read once a process."""
    return rulebook().at(year, program)


def item(item_id: str, a: float, *steps: float, **changes: Any) -> Row:
    """One row of `shapes.ITEMS`; 2PL with one step, GPCM with more."""
    row: Row = dict.fromkeys(shapes.ITEMS.names) | {
        "assessment_id": "T", "item_id": item_id, "dimension": "", "part": "fixed",
        "model": "2PL" if len(steps) == 1 else "GPCM", "a": a, "claim": "", "target": "",
        "operational": True, "item_type": "", "purpose": "",
    }  # fmt: skip
    return row | dict(zip(shapes.STEP_COLUMNS, steps, strict=False)) | changes


def assessment(kind: str = "ICA", subject: str = "ELA", grade: str = "05", **changes: Any) -> Row:
    """One row of `shapes.ASSESSMENTS`, called T unless changed."""
    return {
        "assessment_id": "T", "name": "", "subject": subject, "test_grade": grade,
        "assessment_type": kind, "school_year": "", "minimum_cat_items": None,
    } | changes  # fmt: skip


def package(assessments: Sequence[Row], items: Sequence[Row]) -> Package:
    """A package in memory."""
    return Package(
        pa.Table.from_pylist(list(assessments), schema=shapes.ASSESSMENTS),
        pa.Table.from_pylist(list(items), schema=shapes.ITEMS),
        Path("made"),
    )


def response(item_id: str, score: float | None, **changes: Any) -> Row:
    """One row of responses, answered and operational unless changed."""
    return _NO_RESPONSE | {"item_id": item_id, "score": score} | changes


@dataclass(frozen=True)
class Taken:
    """One made-up sitting: its response rows, and what is unusual about its opportunity."""

    responses: tuple[Row, ...]
    opportunity: Mapping[str, Any]


def taken(*responses: Row, **opportunity: Any) -> Taken:
    """A sitting of these responses."""
    return Taken(responses, opportunity)


def chunk_of(*sittings: Taken) -> ResponseChunk:
    """The sittings as a reader would give them; opportunities are called o0, o1, …."""
    rows = [row for sitting in sittings for row in sitting.responses]
    opportunities = [
        _NO_OPPORTUNITY | {"opportunity_id": f"o{n}"} | dict(sitting.opportunity)
        for n, sitting in enumerate(sittings)
    ]
    ids = [o["opportunity_id"] for o, s in zip(opportunities, sittings, strict=True)
           for _ in s.responses]  # fmt: skip
    filled = [row | {"opportunity_id": name} for row, name in zip(rows, ids, strict=True)]
    return chunk_from_rows(
        {name: [row[name] for row in filled] for name in CHUNK_RESPONSES.names},
        {name: [row[name] for row in opportunities] for name in CHUNK_OPPORTUNITIES.names},
        [len(sitting.responses) for sitting in sittings],
    )


@dataclass(frozen=True)
class Scored:
    """Sittings scored by the fast implementation, and what both need to score them again."""

    scorer: Scorer
    batch: Batch
    problems: list[Problem]
    rows: tuple[tuple[Row, ...], ...]  # of each sitting

    def row(self, index: int = 0, measure: str = "overall") -> Row:
        """One measure of one sitting."""
        (found,) = [row for row in self.rows[index] if row["measure"] == measure]
        return found

    def readable(self, index: int = 0) -> ScoredSitting:
        """The same sitting by the readable implementation."""
        prepared = self.scorer.prepared
        sitting = self.batch.sitting(index, self.scorer.assembler.bank)
        return score_sitting(sitting, prepared.rules, prepared.policy)

    @property
    def found(self) -> list[str]:
        """The rules of the problems, in order."""
        return [problem.rule for problem in self.problems]


def by_test(table: pa.Table, opportunity_ids: Sequence[str]) -> tuple[tuple[Row, ...], ...]:
    """Score rows grouped by opportunity, in the order of the ids."""
    groups: dict[str, list[Row]] = {name: [] for name in opportunity_ids}
    for row in table.to_pylist():
        groups[row["opportunity_id"]].append(row)
    return tuple(tuple(rows) for rows in groups.values())


def score_chunk(
    chunk: ResponseChunk,
    made: Package,
    rules: MeasurementRules,
    policy: Policy | str = "",
    leave_out: frozenset[str] = frozenset(),
) -> Scored:
    """Score through the tables, the item matching and the kernel."""
    if isinstance(policy, str):
        policy = rules.policies[policy or rules.default_policy]
    scorer = Scorer.make(made, rules, policy, leave_out)
    batch, problems = scorer.batch(chunk)
    rows = by_test(scorer.score(chunk).scores, batch.opportunity_id.to_pylist())
    return Scored(scorer, batch, problems, rows)


def unlimited(policy: Policy) -> Policy:
    """A policy with nothing done at the ends of the scale, for looking at theta alone."""
    return replace(policy, limits="none", bounds_set="")
