"""The ends of the scale: perfect and zero patterns, LOT/HOT, LOSS/HOSS.

Theta is kept as computed and what is reported stands beside it, so another option can be
applied to stored thetas without the responses. Sources: Scoring Specification 2014-15;
Test Scoring Specifications 2015-16, section 4.1 and "Additional considerations".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scorehouse.scoring.scale import half_away, half_away_all, scale_score, theta_of
from scorehouse.terms import Bounds, Policy, Scale

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Placement:
    """A theta placed on the scale under a policy. `theta_for_se` is where error is taken."""

    theta: float
    theta_reported: float
    theta_for_se: float
    scale_score_unrounded: float
    scale_score: int
    at_lowest: bool
    at_highest: bool


def finite_theta(theta: float, bounds: Bounds | None) -> float:
    """Replace an infinite theta (perfect or zero) by HOT or LOT."""
    if math.isfinite(theta) or bounds is None:
        return theta
    return bounds.highest_theta if theta > 0 else bounds.lowest_theta


def place(theta: float, policy: Policy, bounds: Bounds | None, scale: Scale) -> Placement:
    """Place a theta on the scale under a policy; `bounds` may be None where limits is none.

    - `theta`: theta is truncated to LOT..HOT, the score is then LOSS or HOSS (2014-15);
    - `score`: theta is kept, only the scale score is clipped (options 1 and 2);
    - `none`: nothing is clipped (option 3).
    """
    theta = finite_theta(theta, bounds)
    if policy.limits == "theta" and bounds is not None:
        return _truncated(theta, bounds, scale)
    if policy.limits == "score" and bounds is not None:
        return _clipped(theta, bounds, scale)
    unrounded = scale_score(theta, scale)
    return Placement(theta, theta, theta, unrounded, half_away(unrounded), False, False)


def _truncated(theta: float, bounds: Bounds, scale: Scale) -> Placement:
    """The 2014-15 rule: theta itself stops at LOT and HOT."""
    reported = min(max(theta, bounds.lowest_theta), bounds.highest_theta)
    at_lowest, at_highest = theta <= bounds.lowest_theta, theta >= bounds.highest_theta
    unrounded = scale_score(reported, scale)
    rounded = _end_or(half_away(unrounded), bounds, at_lowest, at_highest)
    return Placement(theta, reported, reported, unrounded, rounded, at_lowest, at_highest)


def _clipped(theta: float, bounds: Bounds, scale: Scale) -> Placement:
    """Options 1 and 2: theta is kept, the scale score stops at LOSS and HOSS."""
    computed = scale_score(theta, scale)
    at_lowest = computed <= bounds.lowest_scale_score
    at_highest = computed >= bounds.highest_scale_score
    if not (at_lowest or at_highest):
        return Placement(theta, theta, theta, computed, half_away(computed), False, False)
    end = _end_or(0, bounds, at_lowest, at_highest)
    for_se = theta_of(end, scale)
    return Placement(theta, theta, for_se, float(end), end, at_lowest, at_highest)


def _end_or(rounded: int, bounds: Bounds, at_lowest: bool, at_highest: bool) -> int:
    """LOSS or HOSS at an end of the scale, else the rounded score."""
    if at_lowest:
        return bounds.lowest_scale_score
    return bounds.highest_scale_score if at_highest else rounded


class Ends(NamedTuple):
    """Scale and bounds of many scores; infinite or anything where a policy has no bounds."""

    slope: Floats
    intercept: Floats
    lowest_theta: Floats
    highest_theta: Floats
    lowest_scale_score: Floats
    highest_scale_score: Floats


class Placements(NamedTuple):
    """Many thetas placed on the scale; the fields of `Placement`."""

    theta: Floats
    theta_reported: Floats
    theta_for_se: Floats
    scale_score_unrounded: Floats
    scale_score: Floats
    at_lowest: Flags
    at_highest: Flags


def place_all(theta: Floats, limits: str, ends: Ends) -> Placements:
    """`place` of each theta under a policy with these limits; NaN stays NaN."""
    slope, intercept, low, high, loss, hoss = ends
    theta = np.where(np.isinf(theta), np.where(theta > 0, high, low), theta)
    reported, for_se, unrounded = theta, theta, slope * theta + intercept
    at_low = at_high = np.zeros(len(theta), bool)
    if limits == "theta":
        at_low, at_high = theta <= low, theta >= high
        reported = for_se = np.clip(theta, low, high)
        unrounded = slope * reported + intercept
    elif limits == "score":
        at_low, at_high = unrounded <= loss, unrounded >= hoss
        end = np.where(at_low, loss, hoss)
        with np.errstate(divide="ignore", invalid="ignore"):
            for_se = np.where(at_low | at_high, (end - intercept) / slope, theta)
        unrounded = np.where(at_low | at_high, end, unrounded)
    rounded = np.where(at_low, loss, np.where(at_high, hoss, half_away_all(unrounded)))
    return Placements(theta, reported, for_se, unrounded, rounded, at_low, at_high)
