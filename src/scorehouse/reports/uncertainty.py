"""How sure a figure is, and whether a difference is more than noise.

Every standard error here includes error of measurement: observed scores carry it. What no
standard error holds is the error of the scale itself between years, which isn't published.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

from scorehouse.rulebook.counting import counting

_PERCENT, _TWO = 100, 2


class Estimate(NamedTuple):
    """A mean with its standard error and the number of students behind it."""

    value: float
    se: float
    students: int


class Difference(NamedTuple):
    """A difference, its standard error and the interval that likely holds the true one."""

    value: float
    se: float
    low: float
    high: float

    @property
    def is_noise(self) -> bool:
        """Whether chance alone could explain it: the interval holds zero."""
        return self.low <= 0 <= self.high


class Share(NamedTuple):
    """How many of how many."""

    part: float
    whole: int


def spread(confidence: int = 0) -> float:
    """How many standard errors an interval reaches to either side; 0: the rulebook's share.

    >>> round(spread(95), 3)
    1.96
    """
    share = (confidence or counting().confidence) / _PERCENT
    return NormalDist().inv_cdf((1 + share) / _TWO)


def around(value: float, se: float, confidence: int = 0) -> Difference:
    """A difference whose standard error is known, as that of the same students."""
    reach = spread(confidence) * se
    return Difference(value, se, value - reach, value + reach)


def between(one: Estimate, other: Estimate, confidence: int = 0) -> Difference:
    """How much one group's mean is above that of a group of other students."""
    return around(one.value - other.value, sqrt(one.se**2 + other.se**2), confidence)


def from_whole(part: Estimate, whole: Estimate, confidence: int = 0) -> Difference | None:
    """How much a group's mean is above that of all, of whom the group is a part.

    The group's students are in both means; what chance does is judged against the rest.
    None: there is no rest to judge by.
    """
    rest = without(whole, part)
    if rest is None:
        return None
    share = rest.students / whole.students
    apart = between(part, rest, confidence)
    return Difference(*(share * number for number in apart))


def without(whole: Estimate, part: Estimate) -> Estimate | None:
    """The students of a whole who aren't in a part of it; None of fewer than two."""
    count = whole.students - part.students
    if count < _TWO:
        return None
    total = whole.students * whole.value - part.students * part.value
    squares = _squares(whole) - _squares(part)
    variance = max(0.0, (squares - total * total / count) / (count - 1))
    return Estimate(total / count, sqrt(variance / count), count)


def _squares(group: Estimate) -> float:
    """The sum of squared scores of a group, from its mean and standard error."""
    variance = group.se**2 * group.students
    return variance * (group.students - 1) + group.students * group.value**2


def wilson(share: Share, confidence: int = 0) -> tuple[float, float]:
    """The interval of a share, in percent, by Wilson's method; sound near 0 and 100.

    >>> tuple(round(end, 1) for end in wilson(Share(0, 20), 95))
    (0.0, 16.1)
    """
    z = spread(confidence)
    n, p = share.whole, share.part / share.whole
    center = (p + z * z / (_TWO * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + (z / (_TWO * n)) ** 2)
    return _PERCENT * max(0.0, center - reach), _PERCENT * min(1.0, center + reach)


def between_shares(one: Share, other: Share, confidence: int = 0) -> Difference:
    """How many percentage points one share is above another's, by Newcombe's method."""
    a, b = (_PERCENT * share.part / share.whole for share in (one, other))
    (a_low, a_high), (b_low, b_high) = wilson(one, confidence), wilson(other, confidence)
    value = a - b
    low = value - sqrt((a - a_low) ** 2 + (b_high - b) ** 2)
    high = value + sqrt((a_high - a) ** 2 + (b - b_low) ** 2)
    se = sqrt(sum(p * (_PERCENT - p) / s.whole for p, s in ((a, one), (b, other))))
    return Difference(value, se, low, high)
