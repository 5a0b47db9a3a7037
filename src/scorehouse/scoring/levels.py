"""Achievement levels, claim ratings and the error band.

Sources: Test Scoring Specifications 2015-16, sections 6.3 and 7.1; CAASPP student data
file layout 2021-22, p. 5 (error band).
"""

from __future__ import annotations

import numpy as np

from scorehouse.scoring.policies import Flags, Floats, Placements
from scorehouse.scoring.scale import half_away, half_away_all
from scorehouse.terms import Bounds, Cuts

BELOW, NEAR, ABOVE = 1, 2, 3
"""Claim ratings: Below, Near and Above Standard."""


def achievement_level(rounded_scale_score: int, cuts: Cuts) -> int:
    """Level 1-4 of a *rounded* scale score; a level begins at its cut.

    >>> cuts = Cuts((0.0, 0.0, 0.0), (2442, 2502, 2582))
    >>> [achievement_level(score, cuts) for score in (2441, 2442, 2552, 2582)]
    [1, 2, 3, 4]
    """
    return 1 + sum(cut <= rounded_scale_score for cut in cuts.scale)


def claim_rating(
    scale_score: float,
    se_scale: float,
    cut: int,
    *,
    band: float,
    is_rounded: bool,
    at_lowest: bool = False,
    at_highest: bool = False,
) -> int:
    """Below, Near or Above Standard by the band of `band` standard errors around the score.

    `scale_score` and `se_scale` are unrounded. With `is_rounded` the ends of the band are
    rounded before they are compared with the cut (summative and interim blocks); without,
    they are compared as they are (interim comprehensive tests of older years). A score at
    LOSS is Below and one at HOSS is Above, whatever its error.

    >>> claim_rating(2395.5, 24.0, 2432, band=1.5, is_rounded=True)
    2
    >>> claim_rating(2395.5, 24.0, 2432, band=1.5, is_rounded=False)
    1
    """
    if at_lowest:
        return BELOW
    if at_highest:
        return ABOVE
    lower = scale_score - band * se_scale
    upper = scale_score + band * se_scale
    if is_rounded:
        lower, upper = half_away(lower), half_away(upper)
    if lower >= cut:
        return ABOVE
    return BELOW if upper < cut else NEAR


def claim_ratings(
    placed: Placements, se_scale: Floats, cut: Floats, *, band: float, is_rounded: Flags
) -> Floats:
    """`claim_rating` of each score."""
    lower = placed.scale_score_unrounded - band * se_scale
    upper = placed.scale_score_unrounded + band * se_scale
    lower = np.where(is_rounded, half_away_all(lower), lower)
    upper = np.where(is_rounded, half_away_all(upper), upper)
    rating = np.where(lower >= cut, ABOVE, np.where(upper < cut, BELOW, NEAR))
    rating = np.where(placed.at_highest, ABOVE, rating)
    return np.where(placed.at_lowest, BELOW, rating).astype(np.float64)


def error_band(scale_score: int, se_scale: float, bounds: Bounds | None = None) -> tuple[int, int]:
    """Scale score ± one standard error, rounded, inside LOSS and HOSS where there are any.

    Keeping the band inside the scale is a recommendation, not a published rule.

    >>> error_band(2440, 23.5)
    (2417, 2464)
    """
    lower, upper = half_away(scale_score - se_scale), half_away(scale_score + se_scale)
    if bounds is None:
        return lower, upper
    lowest, highest = bounds.lowest_scale_score, bounds.highest_scale_score
    return max(lower, lowest), min(upper, highest)
