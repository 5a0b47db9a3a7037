"""Target residuals: how a target compares with the student's own result, or the standard.

T(theta*) = Σ (x - E(theta*)) / Σ m over the items of the target that the student saw, with
theta* the student's overall theta, or the theta cut of Level 3. The calculation document
that the transmission format refers to was not found; this formula agrees with its bounds
of -1 and 1 and stands in the rulebook as uncertain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scorehouse.scoring import reference
from scorehouse.scoring.models import Item, ScoredResponse


def target_residual(
    theta: float, responses: Sequence[ScoredResponse], model_constant: float
) -> float:
    """Summed residual over points possible; `responses` are those of one target, not empty."""
    residuals = [
        response.score - reference.expected_score(theta, response.item, model_constant)
        for response in responses
    ]
    return math.fsum(residuals) / reference.highest_raw_score(responses)


def has_target_score(item: Item, strands: Sequence[str] | None) -> bool:
    """Whether an item enters target scores: `strands` reported (None: all), never writing."""
    return bool(item.target) and not item.is_writing and (strands is None or item.claim in strands)
