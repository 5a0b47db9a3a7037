"""What a results team checks before release: classification quality, and item fit.

Sources: Rudner, L. M. (2001), Computing the expected proportions of misclassified examinees,
Practical Assessment, Research & Evaluation 7(14), and (2005), Expected classification
accuracy, 10(13); Wright, B. D., & Masters, G. N. (1982), Rating Scale Analysis
(infit and outfit). None of it is a rule of the program: nothing reported depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from scorehouse.scoring import reference
from scorehouse.scoring.models import ScoredResponse

Floats = npt.NDArray[np.float64]


def level_probabilities(theta: float, se_theta: float, theta_cuts: Sequence[float]) -> list[float]:
    """Probability of each level for a student whose true theta is normal around the estimate.

    Rudner (2001, 2005): the likelihood is taken as normal with the reported standard error.

    >>> [round(p, 4) for p in level_probabilities(0.0, 0.5, (-1.0, 0.0, 1.0))]
    [0.0228, 0.4772, 0.4772, 0.0228]
    """
    below = [_normal_cdf((cut - theta) / se_theta) for cut in theta_cuts]
    edges = [0.0, *below, 1.0]
    return [upper - lower for lower, upper in pairwise(edges)]


def accuracy(probabilities: Sequence[float], level: int) -> float:
    """Probability that the reported level is the true one.

    >>> accuracy(level_probabilities(0.25, 0.25, (-1.0, 0.0, 1.0)), 3) > 0.8
    True
    """
    return probabilities[level - 1]


def consistency(probabilities: Sequence[float]) -> float:
    """Probability that two thetas drawn from the same likelihood fall in one level.

    This stands for the same level on a parallel sitting with as much error.
    """
    return math.fsum(p * p for p in probabilities)


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


@dataclass(frozen=True)
class ItemFit:
    """Observed against expected points on one item.

    `z` is the sum of the residuals over the root of the sum of their variances: about
    standard normal while the model holds, large in size when an item is harder (negative)
    or easier than its parameters say, or when its key is wrong. `infit` and `outfit` are
    mean squares of residuals, 1 as expected: `infit` divides their sum by that of the
    variances, so that well-matched students count most; `outfit` is the mean of squared
    standardized residuals and so reacts to surprises far from the student's theta.
    """

    item: str
    responses: int
    observed_mean: float
    expected_mean: float
    z: float
    infit: float
    outfit: float


def item_fit(item: str, observed: Floats, expected: Floats, variance: Floats) -> ItemFit:
    """Fit of one item over its responses; the arrays hold one value a response."""
    residual = observed - expected
    total = float(variance.sum())
    return ItemFit(
        item=item,
        responses=len(observed),
        observed_mean=float(observed.mean()),
        expected_mean=float(expected.mean()),
        z=float(residual.sum()) / math.sqrt(total),
        infit=float((residual**2).sum()) / total,
        outfit=float(np.mean(residual**2 / variance)),
    )


def expected_and_variance(
    theta: float, response: ScoredResponse, model_constant: float
) -> tuple[float, float]:
    """Expected points and their variance for one response, by the reference model."""
    return (
        reference.expected_score(theta, response.item, model_constant),
        reference.score_variance(theta, response.item, model_constant),
    )
