"""Every statistic from the students themselves, in plain Python: slow, readable, exact.

The marts and `statistics` must agree with this on any students. Results, scores, responses
and enrollments are dicts with the columns of the warehouse's tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import sqrt
from statistics import mean, variance
from typing import Any

from scorehouse.reports.figure_shape import ALL_STUDENTS, CROSSING
from scorehouse.rulebook.counting import RACES, TargetRules, counting, dimensions, groups

Row = Mapping[str, Any]
_SINGLE_RACES = (
    "american_indian_or_alaska_native", "asian", "black_or_african_american", "white",
    "native_hawaiian_or_other_pacific_islander", "filipino",
)  # fmt: skip
_BETTER_FIRST = "YTREN"


# --- who counts ---


def include(result: Row) -> str:
    """The include indicator of a result: does it count, and if not, why."""
    condition = result["special_condition"]
    by_condition = {code: i for i, codes in counting().include.items() for code in codes}
    told = by_condition.get(condition, "")
    has_score = result["scale_score"] is not None
    if told in ("N", "E", "R"):
        return told
    if result["administration_condition"] == "IN" or result["validity"] == "invalid":
        return "R"
    if told == "T":
        return told
    if told == "Y" and has_score:
        return told
    return "Y" if has_score and result["achievement_level"] is not None else "T"


def that_hold(results: Iterable[Row]) -> list[Row]:
    """Of several results of a student for one test, the latest of those that count most."""
    best: dict[tuple[Any, ...], Row] = {}
    for result in results:
        who = result["student_id"] or result["opportunity_id"]
        own = "" if result["assessment_type"] == "summative" else result["assessment_id"]
        test = (result["school_year"], result["subject"], result["assessment_type"], own)
        key = (who, *test)
        if key not in best or _is_better(result, best[key]):
            best[key] = result
    return list(best.values())


def _is_better(one: Row, other: Row) -> bool:
    ranks = [_BETTER_FIRST.index(include(result)) for result in (one, other)]
    if ranks[0] != ranks[1]:
        return ranks[0] < ranks[1]
    for name in ("completed_at", "status_at"):
        if one[name] != other[name]:
            return bool(other[name] is None or (one[name] is not None and one[name] > other[name]))
    return bool(one["opportunity_id"] < other["opportunity_id"])


def group_of(result: Row, dimension: str) -> str:
    """The group of a dimension that a student is in; unknown is one too."""
    for group in dimensions()[dimension]:
        if group.kind == "unknown" or _holds(result, group.field, group.values):
            return group.code
    raise AssertionError(dimension)


def _holds(result: Row, field: str, values: Sequence[str]) -> bool:
    if field == RACES:
        several = sum(bool(result[name]) for name in _SINGLE_RACES) > 1
        return bool(result["two_or_more_races"]) or several
    value = result.get(field)
    if values in (("true",), ("false",)):
        return value is not None and bool(value) == (values == ("true",))
    return value in values


def is_in_group(result: Row, code: str) -> bool:
    """Whether a student is in a group, a union of groups, or all groups of a crossing."""
    for part in code.split(CROSSING):
        if part == ALL_STUDENTS:
            continue
        group = groups()[part]
        members = group.members or (group.code,)
        if group_of(result, group.dimension) not in members:
            return False
    return True


# --- statistics of results ---


def overall(results: Iterable[Row], levels: int, cut: int | None = None) -> dict[str, Any]:
    """Counts and figures of the results that hold, all of one grade."""
    kept = that_hold(results)
    indicators = Counter(include(result) for result in kept)
    scored = [result for result in kept if include(result) == "Y"]
    scores = [Fraction(result["scale_score"]) for result in scored]
    errors = [result["se_scale"] for result in scored]
    counts = [sum(r["achievement_level"] == n for r in scored) for n in range(1, levels + 1)]
    return {
        "n_tested": sum(indicators[i] for i in counting().tested),
        "n_scored": len(scored),
        "level_counts": counts,
        **scale(scores, errors),
        **shares(counts, has_standard=all(r["assessment_type"] != "IAB" for r in kept)),
        "percentiles": percentiles(scores),
        "distance_from_standard": None
        if cut is None or not scores
        else float(mean(score - cut for score in scores)),
    }


def scale(scores: Sequence[Fraction], errors: Sequence[float | None]) -> dict[str, Any]:
    """Mean, deviation and standard errors of scores."""
    n = len(scores)
    spread = sqrt(variance(scores)) if n > 1 else None
    known = [error for error in errors if error is not None]
    measured = None
    if n and len(known) == n:
        measured = sqrt(sum(Fraction(error) ** 2 for error in known)) / n
    return {
        "mean_scale_score": float(mean(scores)) if n else None,
        "standard_deviation": spread,
        "se_mean": None if spread is None else spread / sqrt(n),
        "se_measurement": measured,
    }


def shares(counts: Sequence[int], *, has_standard: bool = False) -> dict[str, Any]:
    """Percentages of levels, whole and unrounded, and of those who met the standard.

    Ratings of interim blocks and of parts of a score are above, near or below: no standard.
    """
    whole = sum(counts)
    if not whole:
        nothing = ("percent_levels", "percent_levels_unrounded", "percent_met")
        return dict.fromkeys(nothing)
    exact = [Fraction(100 * count, whole) for count in counts]
    lowest = counting().met_levels.get(len(counts)) if has_standard else None
    met = None if lowest is None else float(sum(exact[lowest - 1 :]))
    return {
        "percent_levels": largest_remainder(counts),
        "percent_levels_unrounded": [float(share) for share in exact],
        "percent_met": met,
    }


def largest_remainder(counts: Sequence[int]) -> list[int]:
    """Whole percentages: hand out what is left of 100 one by one."""
    exact = [Fraction(100 * count, sum(counts)) for count in counts]
    given = [int(share) for share in exact]
    waiting = list(range(len(counts)))
    while sum(given) < 100:
        place = max(waiting, key=lambda p: (exact[p] - int(exact[p]), counts[p], -p))
        given[place] += 1
        waiting.remove(place)
    return given


def percentiles(scores: Sequence[Fraction]) -> list[float] | None:
    """Scores at the percentile ranks, from the sorted scores."""
    ordered = sorted(scores)
    if not ordered:
        return None
    found = []
    for rank in counting().percentile_ranks:
        place = Fraction(rank * len(ordered), 100)
        if place.denominator == 1 and int(place) < len(ordered):
            pair = ordered[int(place) - 1 : int(place) + 1] if place else ordered[:1]
            found.append(float(mean(pair)))
        else:
            found.append(float(ordered[min(int(place), len(ordered) - 1)]))
    return found


def parts(
    results: Iterable[Row], scores: Mapping[int, Sequence[Row]], levels: int
) -> dict[str, dict[str, Any]]:
    """Figures of each part of a score, from the scores of each result (by its row)."""
    rated: dict[str, list[Row]] = {}
    for result in that_hold(results):
        for score in scores.get(result["row_id"], ()):
            if include(result) == "Y" and score.get("level") is not None:
                rated.setdefault(score["measure"], []).append(score)
    return {
        measure: {
            "n_scored": len(own),
            **shares([sum(s["level"] == n for s in own) for n in range(1, levels + 1)]),
            **scale(
                [Fraction(s["scale_score"]) for s in own if s["scale_score"] is not None],
                [s["se_scale"] for s in own if s["scale_score"] is not None],
            ),
        }
        for measure, own in rated.items()
    }


def target(residuals: Sequence[Fraction], rules: TargetRules) -> str:
    """Where a group stands on a target, by its students' residuals."""
    n = len(residuals)
    if n < rules.fewest_computable:
        return "insufficient"
    squared_se = variance(residuals) / n
    if squared_se > rules.largest_se**2:
        return "insufficient"
    average = mean(residuals)
    if average * average < squared_se:
        return "near"
    return "above" if average >= 0 else "below"


def cohort(
    results: Iterable[Row],
    steps: Sequence[tuple[str, str]],
    schools: frozenset[str],
) -> tuple[dict[str, list[Row]], dict[tuple[int, str], int]]:
    """The results of each student followed through all steps in some schools, step by step.

    Beside them: how many results of each step (from 1) don't belong, by the reason.
    """
    scored = [
        r for r in that_hold(results)
        if include(r) == "Y" and r["assessment_type"] == "summative"
    ]  # fmt: skip
    by_student: dict[str, list[Row]] = {}
    for result in scored:
        by_student.setdefault(result["student_id"], []).append(result)
    followed: dict[str, list[Row]] = {}
    left: Counter[tuple[int, str]] = Counter()
    for student, own in by_student.items():
        at = {(r["school_year"], r["test_grade"]): r for r in own}
        in_steps = [at[step] for step in steps if step in at]
        inside = [r for r in in_steps if r["school_id"] in schools]
        if len(inside) == len(steps):
            followed[student] = inside
            continue
        for number, step in enumerate(steps, start=1):
            if step in at and at[step] in inside:
                left[number, _why_left(own, in_steps, steps)] += 1
    return followed, dict(left)


def _why_left(own: Sequence[Row], in_steps: Sequence[Row], steps: Sequence[tuple[str, str]]) -> str:
    if len(in_steps) == len(steps):
        return "moved"
    years = {year for year, _ in steps}
    off = [r for r in own if r["school_year"] in years and r not in in_steps]
    return "other_grade" if off else "no_result"
