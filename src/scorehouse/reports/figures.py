"""From sums to figures: one row of sums in, the columns of the table of figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scorehouse.reports import statistics as s
from scorehouse.reports.figure_shape import OVERALL
from scorehouse.reports.targets import RELATIVE_TO_TEST, TargetSums, standing
from scorehouse.rulebook.counting import TargetRules, counting
from scorehouse.terms import AssessmentType

Row = Mapping[str, Any]
MOST_LEVELS = 6


def level_counts(row: Row, levels: int) -> list[int]:
    """The counts of the levels that a result has, from the columns of a mart."""
    return [int(row[f"level_{level}"]) for level in range(1, levels + 1)]


def level_number(row: Row, seen: Mapping[tuple[str, str, str], int]) -> int:
    """How many levels a row's results have: as published, else the highest that occurs."""
    key = (row["subject"], row["assessment_type"], row["measure"].partition(":")[0])
    return counting().levels.get(key) or seen.get(key, 0)


def levels_seen(rows: Sequence[Row]) -> dict[tuple[str, str, str], int]:
    """The highest level that occurs, by subject, assessment type and measure."""
    seen: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row["subject"], row["assessment_type"], row["measure"].partition(":")[0])
        highest = [n for n in range(1, MOST_LEVELS + 1) if row[f"level_{n}"]]
        seen[key] = max([seen.get(key, 0), *highest])
    return seen


def score_figures(row: Row, levels: int) -> dict[str, Any]:
    """Figures of overall results, claims and composites.

    Of grades pooled there is no mean scale score: a score means something within its grade.
    """
    counts = level_counts(row, levels)
    met = s.met(counts, counting().met_levels) if has_standard(row) else None
    found = {**_counts(row, counts), **_shares(counts, met), **_distances(row)}
    return {**found, **_participation(row), **(_scale(row) if row["test_grade"] else {})}


def _counts(row: Row, counts: list[int]) -> dict[str, Any]:
    names = ("n_enrolled", "n_expected", "n_tested", "n_scored", *_SUMS)
    return {"level_counts": counts, **{name: row.get(name) for name in names}}


_SUMS = (
    *("sum_score", "sum_score_squared", "sum_error_squared"),
    *("sum_distance", "sum_distance_squared"),
)


def has_standard(row: Row) -> bool:
    """Whether levels of a row are met by a standard: interim blocks and parts have ratings."""
    return bool(row["measure"] == OVERALL and row["assessment_type"] != AssessmentType.IAB)


def _shares(counts: list[int], met: int | None) -> dict[str, Any]:
    whole = sum(counts)
    return {
        "percent_levels": s.whole_percents(counts),
        "percent_levels_unrounded": s.percents(counts),
        "percent_met": None if met is None else s.percent(met, whole),
        "se_percent_met": None if met is None else s.se_percent(met, whole),
    }


def _scale(row: Row) -> dict[str, Any]:
    n = row.get("n_score", row["n_scored"])
    total, squared = row["sum_score"], row["sum_score_squared"]
    return {
        "mean_scale_score": s.mean(n, total),
        "standard_deviation": s.standard_deviation(n, total, squared),
        "se_mean": s.se_mean(n, total, squared),
        "se_measurement": s.se_measurement(n, row["n_error"], row["sum_error_squared"]),
        "percentiles": row.get("percentiles"),
    }


def _distances(row: Row) -> dict[str, Any]:
    total, squared = row.get("sum_distance"), row.get("sum_distance_squared")
    if total is None or squared is None:
        return {}
    n = row["n_scored"]
    return {
        "distance_from_standard": s.mean(n, total),
        "se_distance": s.se_mean(n, total, squared),
    }


def _participation(row: Row) -> dict[str, Any]:
    """Tested of the enrolled, and how much is in of what is expected."""
    enrolled, expected = row.get("n_enrolled"), row.get("n_expected")
    if enrolled is None or expected is None:
        return {}
    n_in, is_closed = row["n_expected_in"], row["is_window_closed"]
    return {
        "participation": s.percent(row["n_enrolled_tested"], enrolled),
        "percent_in": s.percent(n_in, expected),
        "is_partial": None if is_closed is None else n_in < expected and not is_closed,
    }


def target_figures(row: Row, rules: TargetRules, *, is_excluded: bool) -> dict[str, Any]:
    """Figures of a target: where the group stands, relative to the test and to the standard.

    A target that isn't reported has no count either.
    """
    to_test = TargetSums(row["n"], row["sum_to_student"], row["sum_to_student_squared"])
    to_standard = TargetSums(row["n"], row["sum_to_standard"], row["sum_to_standard_squared"])
    on_test = standing(to_test, rules, is_excluded=is_excluded)
    return {
        "n_scored": row["n"],
        "n_tested": row["n"],
        "relative_to_test": RELATIVE_TO_TEST.get(on_test, on_test),
        "relative_to_standard": standing(to_standard, rules, is_excluded=is_excluded),
    }


def points_figures(counts: Sequence[int]) -> dict[str, Any]:
    """Figures of a writing trait or an item: students by points, from 0 points."""
    points = dict(enumerate(counts))
    return {
        "n_scored": sum(counts),
        "n_tested": sum(counts),
        "level_counts": list(counts),
        "percent_levels": s.whole_percents(counts),
        "percent_levels_unrounded": s.percents(counts),
        "mean_points": s.points_mean(points),
        "difficulty": difficulty(counts),
    }


def difficulty(counts: Sequence[int]) -> float | None:
    """The share of all points that were reached, 0 to 1; high is easy. None of nobody."""
    most, students = len(counts) - 1, sum(counts)
    if not students or not most:
        return None
    return sum(points * number for points, number in enumerate(counts)) / (most * students)


def change_figures(row: Row) -> dict[str, Any]:
    """The change of the same students since their first step."""
    n, total, squared = row["n_scored"], row["sum_change"], row["sum_change_squared"]
    return {"change": s.mean(n, total), "se_change": s.se_mean(n, total, squared)}
