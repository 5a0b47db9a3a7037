"""What LOSS/HOSS options do to scores of many tests at once: ends, insides, places.

The pure base of `scorehouse rescale`, for scores tables (`rescale_scores`) and for results
files (`rescale_written`) alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scorehouse.scoring.policies import Ends
from scorehouse.scoring.scale import theta_of
from scorehouse.terms import Bounds, MeasurementRules, Policy, Subject

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

_UNBOUNDED = Bounds(-np.inf, np.inf, 0, 0)
_NARROW = 1e-9  # a theta this near to an end isn't called inside without a closer look

NO_YEAR = "the rulebook has no rules for the year"
NO_TEST = "the rulebook has no scale, cuts or bounds for the subject and grade"
NO_POLICY = "the policy the scores were made under isn't known"
OTHER_RESPONSES = "scores of that policy come from other responses"


@dataclass(frozen=True)
class ScaleRules:
    """What a policy makes of the scores of one year, subject and grade.

    `obstacle` says why they can't be rescaled; all else is without meaning then.
    """

    obstacle: str = ""
    rules: MeasurementRules | None = None
    ends: tuple[float, ...] = (1.0, 0.0, -np.inf, np.inf, np.nan, np.nan)
    inside: tuple[float, float] = (-np.inf, np.inf)
    cuts: tuple[float, float, float] = (np.nan, np.nan, np.nan)


def scale_rules(rules: MeasurementRules, policy: Policy, subject: str, grade: str) -> ScaleRules:
    """The rules of a subject and grade under a policy of the year."""
    try:
        known = Subject(subject)
    except ValueError:
        return ScaleRules(NO_TEST)
    bounds = rules.bounds.get((policy.bounds_set, known, grade))
    lacks_bounds = bounds is None and policy.limits != "none"
    if lacks_bounds or (known, grade) not in rules.cuts or known not in rules.scales:
        return ScaleRules(NO_TEST)
    scale = rules.scales[known]
    cut_2, cut_3, cut_4 = rules.cuts[known, grade].scale
    low, high, loss, hoss = _bounds_of(bounds if policy.limits != "none" else None)
    ends = (scale.slope, scale.intercept, low, high, loss, hoss)
    inside = (low, high)
    if policy.limits == "score":
        inside = (theta_of(loss, scale), theta_of(hoss, scale))
    return ScaleRules("", rules, ends, inside, (cut_2, cut_3, cut_4))


def _bounds_of(bounds: Bounds | None) -> tuple[float, float, float, float]:
    """LOT, HOT, LOSS and HOSS; nothing has reached a LOSS or HOSS that isn't there."""
    if bounds is None:
        return (_UNBOUNDED.lowest_theta, _UNBOUNDED.highest_theta, np.nan, np.nan)
    return (
        bounds.lowest_theta,
        bounds.highest_theta,
        bounds.lowest_scale_score,
        bounds.highest_scale_score,
    )


def ends_of(kinds: list[ScaleRules], place: Places) -> Ends:
    """Scale and bounds of tests, `place` their kinds."""
    table = np.array([kind.ends for kind in kinds] or [ScaleRules().ends], np.float64)
    return Ends(*(column[place] for column in table.T))


def cuts_of(kinds: list[ScaleRules], place: Places) -> Floats:
    """The scale cuts of levels 2, 3 and 4, by test."""
    table = np.array([kind.cuts for kind in kinds] or [ScaleRules().cuts], np.float64)
    found: Floats = table[place]
    return found


def is_inside(theta: Floats, kinds: list[ScaleRules], place: Places) -> Flags:
    """Whether theta lies so far inside the bounds that the option can't bear on it."""
    table = np.array([kind.inside for kind in kinds] or [ScaleRules().inside], np.float64)
    low, high = table[place].T
    inside: Flags = (theta > low + _NARROW) & (theta < high - _NARROW)
    return inside


def are_comparable(before: Policy, after: Policy) -> bool:
    """Whether two policies take the same responses and tests, so that theta is the same."""
    return (
        before.drops_unanswered_when_complete == after.drops_unanswered_when_complete
        and before.single_part_is_participant == after.single_part_is_participant
    )
