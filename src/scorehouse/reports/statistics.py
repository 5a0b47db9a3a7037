"""The arithmetic of every statistic, from counts and sums that are whole numbers.

What each means, who is counted and how it is rounded stands in the registry
(`rulebook/data/reports/statistics.toml`). Division of whole numbers is rounded once, so a
statistic doesn't depend on the order of the students. Nothing here rounds for display.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt

SCORE_UNIT = 100
"""Sums of scores are in hundredths of a scale score point, sums of squares in their squares."""

RESIDUAL_UNIT = 1_000_000
"""Sums of target residuals are in millionths of a point."""

_TWO, _PERCENT = 2, 100


def mean(count: int, total: int, unit: int = SCORE_UNIT) -> float | None:
    """The mean; None of nobody.

    >>> mean(3, 750_000)
    2500.0
    """
    return total / (count * unit) if count else None


def standard_deviation(
    count: int, total: int, squared: int, unit: int = SCORE_UNIT
) -> float | None:
    """The standard deviation of a sample (n - 1); None of fewer than two.

    >>> standard_deviation(3, 600, 140_000, unit=100)
    1.0
    """
    if count < _TWO:
        return None
    return sqrt((count * squared - total * total) / (count * (count - 1) * unit * unit))


def se_mean(count: int, total: int, squared: int, unit: int = SCORE_UNIT) -> float | None:
    """The standard error of the mean, error of measurement included; None of fewer than two.

    Scores as observed are spread by their errors too, so their deviation holds both.
    """
    deviation = standard_deviation(count, total, squared, unit)
    return None if deviation is None else deviation / sqrt(count)


def se_measurement(count: int, count_error: int, error_squared: int) -> float | None:
    """The standard error that measurement alone leaves in the mean of exactly these students.

    None when a student's standard error isn't known.

    >>> se_measurement(4, 4, 4 * 2000 * 2000)
    10.0
    """
    if not count or count_error != count:
        return None
    return sqrt(error_squared) / (count * SCORE_UNIT)


def percent(part: int, whole: int) -> float | None:
    """A share in percent, unrounded; None of nobody."""
    return _PERCENT * part / whole if whole else None


def percents(counts: Sequence[int]) -> list[float] | None:
    """The percentage of each level, unrounded; None of nobody."""
    whole = sum(counts)
    return [_PERCENT * count / whole for count in counts] if whole else None


def whole_percents(counts: Sequence[int]) -> list[int] | None:
    """Whole percentages that add to 100, by largest remainder; None of nobody.

    What remains goes to the largest remainders; of equal ones to the larger count, then to
    the lower level.

    >>> whole_percents([1, 1, 1])
    [34, 33, 33]
    >>> whole_percents([61, 139])
    [30, 70]
    """
    whole = sum(counts)
    if not whole:
        return None
    floors = [_PERCENT * count // whole for count in counts]
    order = sorted(
        range(len(counts)),
        key=lambda level: (-(_PERCENT * counts[level] % whole), -counts[level], level),
    )
    for level in order[: _PERCENT - sum(floors)]:
        floors[level] += 1
    return floors


def met(counts: Sequence[int], met_levels: Mapping[int, int]) -> int | None:
    """How many met the standard; None where so many levels know no standard."""
    lowest = met_levels.get(len(counts))
    return None if lowest is None else sum(counts[lowest - 1 :])


def se_percent(part: int, whole: int) -> float | None:
    """The standard error of a share, in percent; None of nobody."""
    return _PERCENT * sqrt(part * (whole - part) / whole) / whole if whole else None


def distance(count: int, total: int, cut: int) -> int:
    """Points between scores and the Standard Met cut, summed, in the unit of the sums."""
    return total - count * cut * SCORE_UNIT


def percentiles(histogram: Iterable[tuple[int, int]], ranks: Sequence[int]) -> list[float] | None:
    """Scores at percentile ranks, from (score in units, students); None of nobody.

    The lowest score that at least so many percent of the students don't exceed; where that is
    met exactly, midway to the next score.

    >>> percentiles([(100, 1), (200, 1), (300, 1), (400, 1)], [25, 50, 90])
    [1.5, 2.5, 4.0]
    """
    ordered = sorted(histogram)
    count = sum(number for _, number in ordered)
    return [_percentile(ordered, rank, count) for rank in ranks] if count else None


def _percentile(ordered: Sequence[tuple[int, int]], rank: int, count: int) -> float:
    reached = 0
    for place, (score, number) in enumerate(ordered):
        reached += number
        if _PERCENT * reached == rank * count and place + 1 < len(ordered):
            return (score + ordered[place + 1][0]) / (_TWO * SCORE_UNIT)
        if _PERCENT * reached >= rank * count:
            return score / SCORE_UNIT
    return ordered[-1][0] / SCORE_UNIT


def points_mean(points: Mapping[int, int]) -> float | None:
    """The mean of points, from points -> students; None of nobody."""
    count = sum(points.values())
    return sum(value * number for value, number in points.items()) / count if count else None


def rounded(value: float, decimals: int = 0) -> float:
    """Round for display, half away from zero.

    >>> rounded(0.5), rounded(-2.5), rounded(2.345, 2)
    (1.0, -3.0, 2.35)
    """
    from decimal import ROUND_HALF_UP, Decimal

    step = Decimal(1).scaleb(-decimals)
    return float(Decimal(repr(value)).quantize(step, rounding=ROUND_HALF_UP))
