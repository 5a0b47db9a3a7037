"""What would change a figure: points to other colors, students to test, scenarios, next year."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from scorehouse.accountability.academic.academic import (
    change_level,
    color_of,
    cut_set,
    loss_count_2022,
    rounded,
    status_level_of,
)
from scorehouse.accountability.academic.figure import Figure, figure
from scorehouse.accountability.academic.sums import Row, Sums
from scorehouse.errors import RuleNotInForceError, UsageError
from scorehouse.rulebook.dashboard import NO_PARTICIPATION, AcademicRules

_TENTH = Fraction(1, 10)
_CLOSE = Fraction(1, 20)
"""What rounding to a tenth can have hidden."""


@dataclass(frozen=True)
class Step:
    """How far a color is away.

    `points` is what the printed Status and Change must move by, a student, to `status` and
    `change`; `total` what all scale scores of the row must add up to more, whole points, counted
    before rounding. What is printed then, `status_by_total` and `change_by_total`, can be a tenth
    beside the others.
    """

    color: int
    points: Fraction
    total: int
    status: Fraction
    change: Fraction
    status_by_total: Fraction
    change_by_total: Fraction


@dataclass(frozen=True)
class Margins:
    """Distances from the cuts beside the printed values; None: there is no cut beyond.

    `status_above` is what is lacking to the next level, `status_below` what can be lost
    before it falls by one. `may_flip`: the exact value was within a rounding of a cut.
    """

    status_above: Fraction | None
    status_below: Fraction | None
    change_above: Fraction | None
    change_below: Fraction | None
    may_flip: bool


@dataclass(frozen=True)
class Scenario:
    """A change to this year's sums: what would be, if.

    `points` are added to the distance of every one of `points_students` (all, if None);
    `more_tested` students are tested beside the others, each with the distance
    `more_distance`. `left_out` students leave the sums with `left_out_points` together.
    """

    points: Fraction = Fraction(0)
    points_students: int | None = None
    more_tested: int = 0
    more_distance: Fraction = Fraction(0)
    left_out: int = 0
    left_out_points: Fraction = Fraction(0)


@dataclass(frozen=True)
class Bar:
    """The lowest Status of next year that gives a color, and the Change it would be."""

    color: int
    status: Fraction
    change: Fraction


# --- distances to colors ---


def steps(found: Figure, rules: AcademicRules) -> tuple[Step, ...]:
    """The way to every other color that more, or fewer, points a student would give.

    For better colors the least that gives one, for worse ones the least that loses to it.
    Empty where the row has no color. Status and Change move together: last year is done.
    """
    decision = found.decision
    if not decision.color or decision.status is None or decision.change is None:
        return ()
    reached: dict[int, Step] = {}
    for points in sorted(_jumps(found, rules), key=abs):
        status, change = decision.status + points, decision.change + points
        color = _color(status, change, found.row, rules)
        if color != decision.color and color not in reached:
            total = _total(found, points, color, rules)
            reached[color] = Step(
                color, points, total, status, change, *_printed_with(found, total, rules)
            )
    return tuple(sorted(reached.values(), key=lambda step: step.points))


def _color(status: Fraction, change: Fraction, row: Row, rules: AcademicRules) -> int:
    level = status_level_of(status, row, rules)
    return color_of(level, change_level(change, rules.change_cuts_of(row.subject)), rules)


def _jumps(found: Figure, rules: AcademicRules) -> Iterator[Fraction]:
    """Every number of points at which a level changes, upward and downward."""
    decision = found.decision
    assert decision.status is not None
    assert decision.change is not None
    for low in rules.status_cuts_of(found.row.subject, cut_set(found.row, rules)).lows:
        yield low - decision.status
        yield low - _TENTH - decision.status
    for low in _change_lows(found.row, rules):
        yield low - decision.change
        yield low - _TENTH - decision.change


def _change_lows(row: Row, rules: AcademicRules) -> tuple[Fraction, ...]:
    """The lowest printed Change of levels 2 to 5."""
    cuts = rules.change_cuts_of(row.subject)
    return (
        cuts.declined_from, cuts.maintained_above + _TENTH, cuts.increased_from,
        cuts.increased_significantly_from,
    )  # fmt: skip


def _total(found: Figure, points: Fraction, color: int, rules: AcademicRules) -> int:
    """Whole points over all students that give a color, or one beyond it, from exact values.

    Near the printed distance, so that it is looked for there: rounding leaves half a tenth
    a student open.
    """
    n = found.current.n
    way = 1 if points > 0 else -1

    def reaches(total: int) -> bool:
        seen = _color(*_printed_with(found, way * total, rules), found.row, rules)
        return way * seen >= way * color

    far = abs(points)
    low, high = math.floor(n * (far - _TENTH)), math.ceil(n * (far + _TENTH))
    return way * _first(reaches, low, high)


def _printed_with(found: Figure, total: int, rules: AcademicRules) -> tuple[Fraction, Fraction]:
    """Status and Change as they would be printed with so many points more over all students."""
    assert found.current.value is not None
    assert found.exact_change is not None
    more = Fraction(total, found.current.n)
    return rounded(found.current.value + more, rules), rounded(found.exact_change + more, rules)


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The least whole number above `low` at which something holds that then goes on to hold."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def margins(found: Figure, rules: AcademicRules) -> Margins:
    """How far Status and Change are from the cuts beside them."""
    decision = found.decision
    try:
        status_cuts = rules.status_cuts_of(found.row.subject, cut_set(found.row, rules)).lows
        change_cuts = _change_lows(found.row, rules) if decision.change is not None else ()
    except RuleNotInForceError:
        return Margins(None, None, None, None, may_flip=False)
    status_above, status_below = _beside(decision.status, status_cuts)
    change_above, change_below = _beside(decision.change, change_cuts)
    exact = [(found.current.value, status_cuts), (found.exact_change, change_cuts)]
    return Margins(
        status_above, status_below, change_above, change_below,
        any(value is not None and _is_close(value, cuts) for value, cuts in exact),
    )  # fmt: skip


def _beside(
    value: Fraction | None, lows: tuple[Fraction, ...]
) -> tuple[Fraction | None, Fraction | None]:
    if value is None:
        return None, None
    above = min((low - value for low in lows if low > value), default=None)
    below = min((value - low for low in lows if low <= value), default=None)
    return above, below


def _is_close(value: Fraction, lows: tuple[Fraction, ...]) -> bool:
    """Whether the exact value lies within half a tenth of where rounding passes a cut."""
    return any(abs(value - (low - _CLOSE)) <= _CLOSE for low in lows)


# --- participation ---


def still_to_test(sums: Sums, rules: AcademicRules) -> int | None:
    """How many more students must be tested for participation to cost nothing.

    None where enrollment isn't known, or the Dashboard takes nothing. Both regimes ask for a
    rate that rounds to the target.
    """
    if sums.enrolled is None or sums.tested is None or rules.participation == NO_PARTICIPATION:
        return None
    return loss_count_2022(sums.enrolled, sums.tested, rules)


# --- scenarios ---


def changed(sums: Sums, scenario: Scenario) -> Sums:
    """Sums of the year if a scenario came true.

    Raises UsageError for more students than there are, and for fewer than none.
    """
    if min(scenario.points_students or 0, scenario.more_tested, scenario.left_out) < 0:
        raise UsageError("a scenario's numbers of students can't be less than zero")
    moved = sums.scores if scenario.points_students is None else scenario.points_students
    if moved > sums.scores or scenario.left_out > sums.scores:
        raise UsageError(f"a scenario names more students than the {sums.scores} of the row")
    untested = None if sums.enrolled is None or sums.tested is None else sums.enrolled - sums.tested
    if untested is not None and scenario.more_tested > untested:
        raise UsageError(f"only {untested} students were not tested")
    total = sums.distance_sum + moved * scenario.points - scenario.left_out_points
    return replace(
        sums,
        scores=sums.scores + scenario.more_tested - scenario.left_out,
        distance_sum=total + scenario.more_tested * scenario.more_distance,
        tested=None if sums.tested is None else sums.tested + scenario.more_tested,
    )


def what_if(found: Figure, scenario: Scenario, rules: AcademicRules) -> Figure:
    """The figure that a row would have if a scenario came true."""
    return figure(found.row, changed(found.current_sums, scenario), found.prior_sums, rules)


def next_year(found: Figure, rules: AcademicRules) -> tuple[Bar, ...]:
    """What next year's Status must be for each color, this year's being its prior.

    Under the rules given, which may be another Dashboard's. The lowest Status for each color
    from which on it, or a better one, is sure; empty without Status or cells.
    """
    if found.current.value is None or not rules.colors or found.decision.status is None:
        return ()
    prior = found.current.value
    lowest: dict[int, Bar] = {}
    candidates = sorted({*_bars(found.row, prior, rules)})
    for status in candidates:
        change = rounded(status - prior, rules)
        color = _color(status, change, found.row, rules)
        if color not in lowest:
            lowest[color] = Bar(color, status, change)
    return tuple(sorted(lowest.values(), key=lambda bar: bar.color))


def _bars(row: Row, prior: Fraction, rules: AcademicRules) -> Iterator[Fraction]:
    """Printed Statuses at which a level of Status or Change begins."""
    yield from rules.status_cuts_of(row.subject, cut_set(row, rules)).lows
    for low in _change_lows(row, rules):
        exact = prior + low - _CLOSE
        yield Fraction(math.ceil(exact * 10), 10)
    yield min(rules.status_cuts_of(row.subject, cut_set(row, rules)).lows[0], prior) - 100
