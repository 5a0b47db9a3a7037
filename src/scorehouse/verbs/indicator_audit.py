"""Auditing a state's academic indicator file: row by row, with what explains a difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from scorehouse.accountability.academic.audit import (
    AGREES,
    EXPLAINED,
    UNEXPLAINED,
    WORDS,
    Audited,
    audit_row,
    compare_row,
)
from scorehouse.accountability.academic.printed import CODES, Printed
from scorehouse.accountability.academic.sums import KEYS
from scorehouse.errors import InputRefusedError, UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard_load import academic_rules
from scorehouse.verbs.indicator_files import read_printed


@dataclass(frozen=True)
class AuditSummary:
    """How many rows agree, and every row that doesn't.

    `compared` counts the values that were compared, by what they are; `nothing_compared` are
    rows that agree because they have none.
    """

    rows: int
    results: Mapping[str, int]
    by_dashboard: Mapping[str, Mapping[str, int]]
    compared: Mapping[str, int]
    differing: tuple[Audited, ...]
    left_out: int
    nothing_compared: int = 0

    def as_json(self) -> dict[str, object]:
        """The summary as JSON has it."""
        return {
            "rows": self.rows,
            "agree": self.results[AGREES],
            "explained": self.results[EXPLAINED],
            "unexplained": self.results[UNEXPLAINED],
            "left_out": self.left_out,
            "nothing_compared": self.nothing_compared,
            "by_dashboard": {name: dict(counts) for name, counts in self.by_dashboard.items()},
            "compared": dict(self.compared),
            "differences": [row for audited in self.differing for row in _told(audited)],
        }


def audit_file(
    path: Path,
    log: FindingLog,
    *,
    dashboard: str = "",
    subject: str = "",
    accept_uncertain: bool = False,
) -> AuditSummary:
    """Check a published file, or a table of printed values, against the rules of its Dashboard.

    Raises InputRefusedError when nothing of it can be checked.
    """
    rows = read_printed(path, log, dashboard=dashboard, subject=subject)
    if not rows:
        raise InputRefusedError(f"{path.name} has no row that can be checked")
    return summed_up([_audited(row, accept_uncertain) for row in rows], log.left_out)


def _audited(row: Printed, accept_uncertain: bool) -> Audited:
    return audit_row(row, academic_rules(row.dashboard, accept_uncertain=accept_uncertain))


def summed_up(audited: Sequence[Audited], left_out: int = 0) -> AuditSummary:
    """Count what was checked."""
    results = Counter(one.result for one in audited)
    by_dashboard: dict[str, Counter[str]] = {}
    for one in audited:
        by_dashboard.setdefault(one.printed.dashboard, Counter())[one.result] += 1
    compared = Counter(what for one in audited for what in one.compared)
    return AuditSummary(
        len(audited), results, by_dashboard, compared,
        tuple(one for one in audited if one.differences), left_out,
        sum(not one.compared and not one.differences for one in audited),
    )  # fmt: skip


def _told(audited: Audited) -> list[dict[str, str]]:
    row = audited.printed.row
    return [
        {
            "dashboard": audited.printed.dashboard,
            "entity_id": row.entity_id,
            "entity_type": row.entity_type,
            "subject": row.subject,
            "student_group": row.student_group,
            "what": difference.what,
            "printed": difference.printed,
            "ours": difference.ours,
            "explanation": WORDS.get(difference.explanation, ""),
        }
        for difference in audited.differences
    ]


# --- beside figures of one's own ---


@dataclass(frozen=True)
class BesideSummary:
    """A state's rows beside one's own: what was compared, and rows that only one side has."""

    found: AuditSummary
    only_state: int
    only_ours: int

    def as_json(self) -> dict[str, object]:
        """The summary as JSON has it."""
        told = self.found.as_json()
        return told | {"only_state": self.only_state, "only_ours": self.only_ours}


def audit_beside(
    path: Path, figures: pl.DataFrame, log: FindingLog, *, dashboard: str = "", subject: str = ""
) -> BesideSummary:
    """Compare a published file with figures that `scorehouse indicator compute` wrote.

    Where other students were counted, that explains what follows from it. Raises
    InputRefusedError without a row in both, UsageError without the columns of figures.
    """
    missing = [name for name in (*KEYS, "n", "status", *CODES) if name not in figures.columns]
    if missing:
        raise UsageError(f"the figures lack the columns {', '.join(missing)}")
    own = {tuple(row[name] for name in KEYS): row for row in figures.iter_rows(named=True)}
    rows = read_printed(path, log, dashboard=dashboard, subject=subject)
    keyed = {tuple(getattr(row.row, name) for name in KEYS): row for row in rows}
    both = [key for key in keyed if key in own]
    if not both:
        raise InputRefusedError(f"{path.name} and the figures have no row in common")
    audited = [compare_row(keyed[key], own[key]) for key in both]
    return BesideSummary(
        summed_up(audited, log.left_out), len(keyed) - len(both), len(own) - len(both)
    )
