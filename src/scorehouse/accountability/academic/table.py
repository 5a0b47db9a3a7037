"""The Academic Indicator of all rows of a state at once, in whole numbers.

The same rules as `academic` and `figure`, on columns: every value is a ratio of integers and
is rounded by integer division, so that no result hangs on floating point. Held equal to the
readable rules by the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scorehouse.accountability.academic import figure as reasons
from scorehouse.accountability.academic.sums import DISTRICT, KEYS, POINT
from scorehouse.errors import RuleNotInForceError, UsageError
from scorehouse.rulebook.dashboard import (
    GRADE_11,
    GRADES_3_8,
    HALF_AWAY,
    LOWEST_SCORES,
    POINTS,
    AcademicRules,
    ChangeCuts,
)

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int8]

_TENTHS = 10
_SAFE = 10**11
"""Products of two years' students above which integers of 64 bits could overflow."""

_BLANK = -(2**62)
"""No value, among tenths."""

_WHY = ("", *reasons.WORDS)

COUNTS = ("scores", "distance_sum", "caa_scores", "color_scores", "enrolled", "tested")


def indicator_table(
    current: pl.DataFrame, prior: pl.DataFrame | None, rules: AcademicRules
) -> pl.DataFrame:
    """Figures of all rows of two years' sums, under one Dashboard's rules.

    `status`, `prior_status`, `change`, `status_without` are in points, to a tenth; levels,
    color and box are codes, 0 for none. `why_no_color` and `why_no_change` are the codes of
    `figure.WORDS`, blank where there is one. `is_n_enough` and `is_prior_n_enough` say of rated
    groups whether there are the students of a color. Raises UsageError for a group that the
    Dashboard doesn't have; rows whose cuts aren't known have levels 0 and say so.
    """
    _check_groups(current, rules)
    both = _joined(current, prior)
    now, before = _Year(both, "", rules), _Year(both, "prior_", rules)
    has_prior = both["has_prior"].to_numpy()
    decided = _decided(both, now, before, _change_tenths(now, before, rules), rules)
    described = {**now.columns(""), **before.columns("prior_", has_prior), **decided}
    return both.select(
        *KEYS, "is_charter", "is_dass", "high_school_cuts", *described_of(both)
    ).with_columns(**{name: pl.Series(values) for name, values in described.items()})


def described_of(both: pl.DataFrame) -> list[str]:
    """Columns that go through as they are: reasons for which students were left out."""
    return [name for name in both.columns if name.startswith("left_out_")]


def _check_groups(sums: pl.DataFrame, rules: AcademicRules) -> None:
    unknown = sorted(set(sums["student_group"].unique()) - set(rules.groups))
    if unknown:
        raise UsageError(
            f"the {rules.dashboard} Dashboard has no student group {unknown[0]!r}; "
            f"it has {', '.join(rules.groups)}"
        )


def _joined(current: pl.DataFrame, prior: pl.DataFrame | None) -> pl.DataFrame:
    empty = current.clear() if prior is None else prior
    named = empty.select(
        *KEYS, *(pl.col(name).alias(f"prior_{name}") for name in COUNTS),
        pl.lit(value=True).alias("has_prior"),
    )  # fmt: skip
    return current.join(named, on=list(KEYS), how="left", maintain_order="left").with_columns(
        pl.col("has_prior").fill_null(value=False)
    )


class _Year:
    """One year's exact Status of every row: `total` / (`n` × POINT) points."""

    def __init__(self, both: pl.DataFrame, prefix: str, rules: AcademicRules) -> None:
        self._smallest = rules.smallest_shown
        self.scores = _ints(both, f"{prefix}scores")
        self.sum = _ints(both, f"{prefix}distance_sum")
        enrolled, tested = both[f"{prefix}enrolled"], both[f"{prefix}tested"]
        self.knows = (enrolled.is_not_null() & tested.is_not_null()).to_numpy()
        self.enrolled, self.tested = _filled(enrolled), _filled(tested)
        self.rate = _rates(self.tested, self.enrolled)
        self.color_scores = both[f"{prefix}color_scores"]
        self.loss_count = np.zeros(len(both), np.int64)
        self.adjustment = np.zeros(len(both), np.int64)  # points × POINT
        self.added = np.zeros(len(both), np.int64)  # to the sum of distances
        if rules.participation == LOWEST_SCORES:
            self._add_lowest_scores(both["subject"], rules)
        elif rules.participation == POINTS:
            self._take_points(rules)
        self.applies = self.knows & (rules.participation in (LOWEST_SCORES, POINTS))
        self.n = self.scores + self.loss_count
        self.total = self.sum + self.scores * self.adjustment + self.added
        self._away = rules.rounding == HALF_AWAY
        self.tenths = _tenths(self.total, self.n, away=self._away)

    def _add_lowest_scores(self, subjects: pl.Series, rules: AcademicRules) -> None:
        wanted = (2 * rules.participation_target - 1) * self.enrolled  # two hundredths
        lacking = -((200 * self.tested - wanted) // 200)
        self.loss_count = np.where(self.knows, np.maximum(0, lacking), 0)
        lowest = subjects.replace_strict(
            dict(rules.lowest_distance), default=0, return_dtype=pl.Int64
        ).to_numpy()
        self.added = self.loss_count * lowest * POINT

    def _take_points(self, rules: AcademicRules) -> None:
        points = int(rules.points_per_percent * POINT)
        below = np.maximum(0, rules.participation_target - self.rate)
        counts = self.knows & (self.enrolled > 0) & (self.scores >= rules.smallest_shown)
        self.adjustment = np.where(counts, -points * below, 0)

    def columns(self, prefix: str, is_there: Flags | None = None) -> Mapping[str, pl.Series]:
        """What a row tells of the year."""
        there = np.ones(len(self.n), np.bool_) if is_there is None else is_there
        applies = there & self.applies
        shown = there & (self.n >= self._smallest) & (self.tenths != _BLANK)
        return {
            f"{prefix}n": _shown(self.n, there),
            f"{prefix}status": _points(self.tenths, shown),
            f"{prefix}enrolled": _shown(self.enrolled, there & self.knows),
            f"{prefix}tested": _shown(self.tested, there & self.knows),
            f"{prefix}participation": _shown(self.rate, applies & (self.enrolled > 0)),
            f"{prefix}loss_count": _shown(self.loss_count, applies),
            f"{prefix}adjustment": _shown(self.adjustment / POINT, applies),
            f"{prefix}n_without": _shown(self.scores, there),
            f"{prefix}status_without": _points(
                _tenths(self.sum, self.scores, away=self._away),
                there & (self.scores >= self._smallest),
            ),
        }


def _ints(frame: pl.DataFrame, name: str) -> Ints:
    return _filled(frame[name])


def _filled(series: pl.Series) -> Ints:
    return series.cast(pl.Int64).fill_null(0).to_numpy()


def _shown(values: Ints | NDArray[np.float64], is_shown: Flags) -> pl.Series:
    frame = pl.DataFrame({"value": values, "is_shown": is_shown})
    return frame.select(pl.when("is_shown").then("value")).to_series()


def _points(tenths: Ints, is_shown: Flags) -> pl.Series:
    return _shown(tenths / _TENTHS, is_shown)


def _rates(tested: Ints, enrolled: Ints) -> Ints:
    """Whole percents, halves upward."""
    divisor = np.maximum(enrolled, 1)
    found: Ints = (200 * tested + divisor) // (2 * divisor)
    return found


def _tenths(total: Ints, n: Ints, *, away: bool) -> Ints:
    """Tenths of points; _BLANK without students."""
    found = _rounded(_TENTHS * total, POINT * np.maximum(n, 1), away)
    return np.where(n > 0, found, _BLANK)


def _rounded(top: Any, bottom: Any, away: bool) -> Any:
    """A quotient to a whole number, halves upward, or negative ones `away` from zero."""
    up = (2 * top + bottom) // (2 * bottom)
    is_negative_half = (top < 0) & ((2 * top + bottom) % (2 * bottom) == 0)
    return up - is_negative_half * int(away)


def _change_tenths(now: _Year, before: _Year, rules: AcademicRules) -> Ints:
    """Tenths of the difference of exact Statuses; big products in Python's integers."""
    found = np.full(len(now.n), _BLANK, np.int64)
    there = (now.n > 0) & (before.n > 0) & rules.has_change
    large = there & (now.n * before.n.astype(np.float64) > _SAFE)
    small = there & ~large
    away = rules.rounding == HALF_AWAY
    found[small] = _difference(
        now.total[small], now.n[small], before.total[small], before.n[small], away
    )
    for place in np.flatnonzero(large):
        total, n, prior_total, prior_n = (
            int(a[place]) for a in (now.total, now.n, before.total, before.n)
        )
        found[place] = _difference(total, n, prior_total, prior_n, away)
    return found


def _difference(total: Any, n: Any, prior_total: Any, prior_n: Any, away: bool) -> Any:
    top = total * prior_n - prior_total * n
    return _rounded(_TENTHS * top, POINT * n * prior_n, away)


def _decided(
    both: pl.DataFrame, now: _Year, before: _Year, change: Ints, rules: AcademicRules
) -> Mapping[str, pl.Series]:
    shown = (now.n >= rules.smallest_shown) & (now.tenths != _BLANK)
    status_level, knows_cuts = _status_levels(both, now, rules)
    leveled = shown & (now.n >= rules.smallest_leveled)
    status_level = np.where(leveled & knows_cuts, status_level, 0)
    changes = shown & (change != _BLANK) & (before.n >= rules.smallest_shown)
    change_level, knows_change = _change_levels(both, change, rules)
    change_level = np.where(changes & knows_change, change_level, 0)
    rated, wanted = _rated(both, rules), _wanted(both, rules)
    n, prior_n = _color_n(both, now, rules), _color_n(both, before, rules)
    colored = (status_level > 0) & (change_level > 0) & rated & (n >= wanted) & (prior_n >= wanted)
    color = np.where(colored, _colors(status_level, change_level, rules), 0)
    box = np.where(colored, 10 * ((5 - status_level) * 5 + change_level), 0)
    why_change = _first(
        (~shown, reasons.TOO_FEW),
        (np.full(len(shown), not rules.has_change), reasons.NO_CHANGE),
        (~changes, reasons.NO_PRIOR),
    )
    why_color = _first(
        (~shown, reasons.TOO_FEW),
        (~leveled, reasons.TOO_FEW_FOR_LEVEL),
        (leveled & ~knows_cuts, reasons.CUTS_UNKNOWN),
        (why_change > 0, why_change),
        (~knows_change, reasons.CUTS_UNKNOWN),
        (~rated, reasons.NOT_RATED),
        (n < wanted, reasons.TOO_FEW_FOR_COLOR),
        (prior_n < wanted, reasons.TOO_FEW_PRIOR_FOR_COLOR),
    )
    return {
        "status": _points(now.tenths, shown),
        "change": _points(change, changes),
        "status_level": pl.Series(status_level),
        "change_level": pl.Series(change_level),
        "color": pl.Series(color),
        "box": pl.Series(box),
        "is_n_enough": _flag(now.n >= wanted, rated),
        "is_prior_n_enough": _flag(before.n >= wanted, rated),
        "why_no_change": _words(why_change),
        "why_no_color": _words(why_color),
    }


def _flag(holds: Flags, is_rated: Flags) -> pl.Series:
    """A flag of rated groups; null for others."""
    frame = pl.DataFrame({"holds": holds, "is_rated": is_rated})
    return frame.select(pl.when("is_rated").then("holds")).to_series()


def _first(*conditions: tuple[Flags, str | Codes]) -> Codes:
    """The place in `_WHY` of the first condition that holds, by row; 0: none does."""
    found = np.zeros(len(conditions[0][0]), np.int8)
    for flags, why in reversed(conditions):
        place = _WHY.index(why) if isinstance(why, str) else why
        found = np.where(flags, place, found).astype(np.int8)
    return found


def _words(codes: Codes) -> pl.Series:
    return pl.Series(_WHY).gather(codes)


def _status_levels(both: pl.DataFrame, now: _Year, rules: AcademicRules) -> tuple[Ints, Flags]:
    """Levels by subject and set of cuts, and whether the cuts are known."""
    level, knows = np.zeros(len(both), np.int64), np.zeros(len(both), np.bool_)
    is_high = both["high_school_cuts"].fill_null(value=False).to_numpy()
    for subject in both["subject"].unique():
        has_own = (subject, GRADE_11) in rules.status_cuts
        for name, of_set in ((GRADES_3_8, ~(is_high & has_own)), (GRADE_11, is_high & has_own)):
            rows = of_set & (both["subject"] == subject).to_numpy()
            try:
                cuts = rules.status_cuts_of(subject, name)
            except RuleNotInForceError:
                continue
            lows = np.array([int(low * _TENTHS) for low in cuts.lows])
            level[rows] = 1 + np.searchsorted(lows, now.tenths[rows], side="right")
            knows |= rows
    if rules.alternative_schools == "unknown":
        knows &= ~both["is_dass"].fill_null(value=False).to_numpy()
    return level, knows


def _change_levels(both: pl.DataFrame, change: Ints, rules: AcademicRules) -> tuple[Ints, Flags]:
    level, knows = np.zeros(len(both), np.int64), np.zeros(len(both), np.bool_)
    for subject in both["subject"].unique():
        rows = (both["subject"] == subject).to_numpy()
        try:
            cuts = rules.change_cuts_of(subject)
        except RuleNotInForceError:
            continue
        level[rows] = _change_level(change[rows], cuts)
        knows |= rows
    return level, knows


def _change_level(tenths: Ints, cuts: ChangeCuts) -> Ints:
    return (
        1
        + (tenths >= int(cuts.declined_from * _TENTHS)).astype(np.int64)
        + (tenths > int(cuts.maintained_above * _TENTHS))
        + (tenths >= int(cuts.increased_from * _TENTHS))
        + (tenths >= int(cuts.increased_significantly_from * _TENTHS))
    )


def _rated(both: pl.DataFrame, rules: AcademicRules) -> Flags:
    rated = [
        code
        for code, group in rules.groups.items()
        if group.is_rated or (group.category == "test" and rules.colors_by_test)
    ]
    return both["student_group"].is_in(rated).to_numpy()


def _wanted(both: pl.DataFrame, rules: AcademicRules) -> Ints:
    """How many students a color takes, by row."""
    own = both["student_group"].replace_strict(
        dict(rules.smallest_colored_district), default=rules.smallest_colored, return_dtype=pl.Int64
    )
    is_district = (both["entity_type"] == DISTRICT) & ~both["is_charter"].fill_null(value=False)
    return np.where(is_district.to_numpy(), own.to_numpy(), rules.smallest_colored)


def _color_n(both: pl.DataFrame, year: _Year, rules: AcademicRules) -> Ints:
    separate = (both["student_group"] == "SWD") & year.color_scores.is_not_null()
    uses = separate.to_numpy() & (rules.color_count == "without_exited")
    return np.where(uses, _filled(year.color_scores), year.n)


def _colors(status_level: Ints, change_level: Ints, rules: AcademicRules) -> Ints:
    grid = np.zeros((6, 6), np.int64)
    for (status, change), color in rules.colors.items():
        grid[status, change] = color
    return grid[status_level, change_level]
