"""From theta to the reporting scale, and the one way that reported scores are rounded."""

from __future__ import annotations

import math
from typing import overload

import numpy as np
import numpy.typing as npt

from scorehouse.terms import Scale

Floats = npt.NDArray[np.float64]


@overload
def scale_score(theta: float, scale: Scale) -> float: ...
@overload
def scale_score(theta: Floats, scale: Scale) -> Floats: ...
def scale_score(theta: float | Floats, scale: Scale) -> float | Floats:
    """Unrounded scale score: slope × theta + intercept.

    >>> round(scale_score(0.0, Scale(85.8, 2508.2)), 1)
    2508.2
    """
    return scale.slope * theta + scale.intercept


def theta_of(scale_score_point: float, scale: Scale) -> float:
    """The theta whose scale score is the given one; used for the error at LOSS and HOSS."""
    return (scale_score_point - scale.intercept) / scale.slope


def half_away(number: float) -> int:
    """Round half away from zero, as the specification does (Python's round does not).

    >>> half_away(2366.5), half_away(2432.5), half_away(-0.5), half_away(0.49999999999999994)
    (2367, 2433, -1, 0)
    """
    whole = math.floor(abs(number))
    return int(math.copysign(whole + (abs(number) - whole >= 0.5), number))


def half_away_all(numbers: Floats) -> Floats:
    """`half_away` of each number; NaN stays NaN."""
    size = np.abs(numbers)
    whole = np.floor(size)
    rounded: Floats = np.copysign(whole + (size - whole >= 0.5), numbers)
    return rounded
