"""Achievement levels, claim ratings and the error band.

Sources: Test Scoring Specifications 2015-16, sections 6.3 and 7.1; CAASPP student data
file layout 2021-22, p. 5 (error band).
"""

from __future__ import annotations

from scorehouse.scoring.scale import half_away
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
