"""Plain sentences about differences, for readers who don't read standard errors."""

from __future__ import annotations

from scorehouse.reports.statistics import rounded
from scorehouse.reports.uncertainty import Difference

POINTS, PERCENTAGE_POINTS = "point", "percentage point"


def difference_sentence(
    subject: str, other: str, difference: Difference, unit: str = POINTS
) -> str:
    """Say how a group compares with another, and whether that is more than noise.

    >>> difference_sentence("Oak School", "the district", Difference(9, 2, 5, 13))
    'Oak School is 9 points above the district; the true difference is likely between 5 and 13.'
    >>> difference_sentence("Oak School", "all", Difference(-3, 4, -11, 5)).partition("; ")[2]
    'so small a difference is within noise (likely between 11 below and 5 above).'
    """
    how_much = _how_much(difference.value, unit)
    if difference.is_noise:
        return f"{subject} is {how_much} {other}; so small a difference is {_noise(difference)}."
    low, high = _ends(difference)
    return (
        f"{subject} is {how_much} {other}; the true difference is likely between {low} and {high}."
    )


def change_sentence(subject: str, since: str, difference: Difference, unit: str = POINTS) -> str:
    """Say how a group changed since a year, and whether that is more than noise.

    >>> change_sentence("Grade 5 ELA", "2017-18", Difference(-7, 2, -11, -3))
    'Grade 5 ELA fell by 7 points since 2017-18; the true change is likely between 3 and 11.'
    >>> change_sentence("Grade 5 ELA", "2017-18", Difference(2, 4, -6, 10)).partition("; ")[2]
    'so small a change is within noise (likely between 6 below and 10 above).'
    """
    verb = "rose" if difference.value > 0 else "fell"
    amount = _amount(abs(difference.value), unit)
    said = f"{subject} {verb} by {amount} since {since}"
    if not rounded(difference.value):
        said = f"{subject} hardly changed since {since}"
    if difference.is_noise:
        return f"{said}; so small a change is {_noise(difference)}."
    low, high = _ends(difference)
    return f"{said}; the true change is likely between {low} and {high}."


def _how_much(value: float, unit: str) -> str:
    if not rounded(value):
        return "level with"
    return f"{_amount(abs(value), unit)} {'above' if value > 0 else 'below'}"


def _amount(value: float, unit: str) -> str:
    number = int(rounded(value))
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _noise(difference: Difference) -> str:
    low, high = int(rounded(-difference.low)), int(rounded(difference.high))
    return f"within noise (likely between {low} below and {high} above)"


def _ends(difference: Difference) -> tuple[str, str]:
    """The ends of an interval on one side of zero, the smaller first."""
    ends = sorted((abs(difference.low), abs(difference.high)))
    return str(int(rounded(ends[0]))), str(int(rounded(ends[1])))
