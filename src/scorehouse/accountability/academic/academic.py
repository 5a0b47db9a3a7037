"""The Academic Indicator, rule by rule, in exact numbers. `academic.md` says it in words.

A changed method is a second function beside the first, and the Dashboard's rules name which
one holds. Nothing here rounds before the last step: Status and Change are exact, and levels
are of their values rounded to a tenth, as the state's files print them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from scorehouse.accountability.academic.sums import DISTRICT, Row, Sums
from scorehouse.errors import RuleNotInForceError, UsageError
from scorehouse.rulebook.dashboard import (
    GRADE_11,
    GRADES_3_8,
    HALF_AWAY,
    HALF_UP,
    LOWEST_SCORES,
    NO_PARTICIPATION,
    POINTS,
    AcademicRules,
    ChangeCuts,
    StatusCuts,
)

_HALF = Fraction(1, 2)
_TENTHS, _PERCENT = 10, 100
_BY_TEST, _DISABILITIES = "test", "SWD"
NO_LEVEL = NO_COLOR = NO_BOX = 0


@dataclass(frozen=True)
class Status:
    """Status of one year, exact, with what participation did to it.

    `n` has the records that participation added (`loss_count`) in it. `adjustment` is what
    points took away, zero or less. `value` is None without scores; `rate` is a whole percent.
    """

    n: int
    value: Fraction | None
    n_without: int
    value_without: Fraction | None
    rate: int | None = None
    adjustment: Fraction = Fraction(0)
    loss_count: int = 0


# --- rounding ---


def half_up(value: Fraction) -> Fraction:
    """Round to a tenth, exact halves upward.

    >>> float(half_up(Fraction(125, 100))), float(half_up(Fraction(-125, 100)))
    (1.3, -1.2)
    """
    return Fraction(math.floor(value * _TENTHS + _HALF), _TENTHS)


def half_away(value: Fraction) -> Fraction:
    """Round to a tenth, exact halves away from zero.

    >>> float(half_away(Fraction(-125, 100)))
    -1.3
    """
    return -half_up(-value) if value < 0 else half_up(value)


_ROUNDINGS: Mapping[str, Callable[[Fraction], Fraction]] = {
    HALF_UP: half_up,
    HALF_AWAY: half_away,
}


def rounded(value: Fraction, rules: AcademicRules) -> Fraction:
    """Round Status or Change as it is printed."""
    return _ROUNDINGS[rules.rounding](value)


# --- participation, one function a regime ---


def participation_rate(tested: int, enrolled: int) -> int | None:
    """Tested of enrolled in whole percent, halves upward; None without anybody enrolled.

    >>> participation_rate(7, 8), participation_rate(37, 40)
    (88, 93)
    """
    if not enrolled:
        return None
    return math.floor(Fraction(_PERCENT * tested, enrolled) + _HALF)


def points_2018(rate: int | None, rules: AcademicRules) -> Fraction:
    """2018 and 2019: a quarter of a point off for each whole percent below 95.

    >>> from scorehouse.rulebook.dashboard_load import academic_rules
    >>> points_2018(91, academic_rules("2018"))
    Fraction(-1, 1)
    """
    if rate is None:
        return Fraction(0)
    return -rules.points_per_percent * max(0, rules.participation_target - rate)


def loss_count_2022(enrolled: int, tested: int, rules: AcademicRules) -> int:
    """From 2022 on: how many lowest scores bring the rate to one that rounds to 95.

    Carmel Unified 2023, ELA, socioeconomically disadvantaged: 206 enrolled, 188 tested.

    >>> from scorehouse.rulebook.dashboard_load import academic_rules
    >>> loss_count_2022(206, 188, academic_rules("2023"))
    7
    """
    wanted = (rules.participation_target - _HALF) / _PERCENT * enrolled
    return max(0, math.ceil(wanted - tested))


def _without_participation(sums: Sums, row: Row, rules: AcademicRules) -> Status:
    """2017, and rows whose enrollment isn't known."""
    del row, rules
    return Status(sums.scores, sums.mean, sums.scores, sums.mean)


def _with_points(sums: Sums, row: Row, rules: AcademicRules) -> Status:
    del row
    assert sums.enrolled is not None
    assert sums.tested is not None
    rate = participation_rate(sums.tested, sums.enrolled)
    adjustment = points_2018(rate, rules) if sums.scores >= rules.smallest_shown else Fraction(0)
    value = None if sums.mean is None else sums.mean + adjustment
    return Status(sums.scores, value, sums.scores, sums.mean, rate, adjustment)


def _with_lowest_scores(sums: Sums, row: Row, rules: AcademicRules) -> Status:
    assert sums.enrolled is not None
    assert sums.tested is not None
    added = loss_count_2022(sums.enrolled, sums.tested, rules)
    n = sums.scores + added
    total = sums.distance_sum + added * rules.lowest_distance[row.subject]
    return Status(
        n,
        total / n if n else None,
        sums.scores,
        sums.mean,
        participation_rate(sums.tested, sums.enrolled),
        loss_count=added,
    )


_REGIMES: Mapping[str, Callable[[Sums, Row, AcademicRules], Status]] = {
    NO_PARTICIPATION: _without_participation,
    POINTS: _with_points,
    LOWEST_SCORES: _with_lowest_scores,
}


def status(sums: Sums, row: Row, rules: AcademicRules) -> Status:
    """Status of one year under a Dashboard's rules.

    >>> from scorehouse.rulebook.dashboard_load import academic_rules
    >>> sums = Sums(20, Fraction(-250), enrolled=20, tested=20)
    >>> status(sums, Row("9" * 14, "S", "ALL", "ELA"), academic_rules("2024")).value
    Fraction(-25, 2)
    """
    if sums.enrolled is None or sums.tested is None:
        return _without_participation(sums, row, rules)
    return _REGIMES[rules.participation](sums, row, rules)


# --- levels and color ---


def cut_set(row: Row, rules: AcademicRules) -> str:
    """Which Status cuts a row has; in 2017, when grade 11 wasn't rated, there was one set."""
    has_own = (row.subject, GRADE_11) in rules.status_cuts
    return GRADE_11 if row.high_school_cuts and has_own else GRADES_3_8


def status_level(value: Fraction, cuts: StatusCuts) -> int:
    """The level of a rounded Status, 1 (Very Low) to 5 (Very High); cuts are inclusive below."""
    return 1 + sum(value >= low for low in cuts.lows)


def change_level(value: Fraction, cuts: ChangeCuts) -> int:
    """The level of a rounded Change, 1 (Declined Significantly) to 5.

    >>> from scorehouse.rulebook.dashboard_load import academic_rules
    >>> cuts = academic_rules("2024").change_cuts_of("ELA")
    >>> [change_level(Fraction(tenths, 10), cuts) for tenths in (-151, -150, -30, -29, 30, 150)]
    [1, 2, 2, 3, 4, 5]
    """
    return (
        1
        + (value >= cuts.declined_from)
        + (value > cuts.maintained_above)
        + (value >= cuts.increased_from)
        + (value >= cuts.increased_significantly_from)
    )


def status_level_of(value: Fraction, row: Row, rules: AcademicRules) -> int:
    """The level of a row's rounded Status.

    Raises RuleNotInForceError where the cuts aren't known: alternative schools of 2019, and
    values by recollection that nobody accepted.
    """
    if row.is_dass and rules.alternative_schools == "unknown":
        raise RuleNotInForceError(
            f"alternative (DASS) schools have Status cuts of their own on the {rules.dashboard} "
            "Dashboard, and they are not known"
        )
    return status_level(value, rules.status_cuts_of(row.subject, cut_set(row, rules)))


def color_of(status_code: int, change_code: int, rules: AcademicRules) -> int:
    """The color of a cell, 1 (Red) to 5 (Blue); 0 without a level."""
    return rules.colors.get((status_code, change_code), NO_COLOR)


def box_of(status_code: int, change_code: int) -> int:
    """The number of a cell in the state's files, 10 to 250, row by row from Very High.

    >>> box_of(5, 1), box_of(1, 5), box_of(0, 3)
    (10, 250, 0)
    """
    if not status_code or not change_code:
        return NO_BOX
    return 10 * ((5 - status_code) * 5 + change_code)


# --- how many students it takes ---


def smallest_colored(row: Row, rules: AcademicRules) -> int:
    """How many students a color takes, in each of both years."""
    if row.entity_type == DISTRICT and not row.is_charter:
        return rules.smallest_colored_district.get(row.student_group, rules.smallest_colored)
    return rules.smallest_colored


def is_rated(row: Row, rules: AcademicRules) -> bool:
    """Whether rows of this group can have a color on this Dashboard.

    Raises UsageError for a group that the Dashboard doesn't know.
    """
    group = rules.groups.get(row.student_group)
    if group is None:
        raise UsageError(
            f"the {rules.dashboard} Dashboard has no student group {row.student_group!r}; "
            f"it has {', '.join(rules.groups)}"
        )
    return group.is_rated or (group.category == _BY_TEST and rules.colors_by_test)


def color_n(sums_count: int | None, n: int, row: Row, rules: AcademicRules) -> int:
    """The count that the color's minimum asks: for students with disabilities a separate one."""
    separate = row.student_group == _DISABILITIES and rules.color_count == "without_exited"
    return sums_count if separate and sums_count is not None else n
