"""The readable implementation of the measurement model: plain Python, one test at a time.

P(x) ∝ exp(D a Σ_{k≤x} (theta - b_k)); CAT and PT are pooled in one likelihood. With every
a > 0 the log-likelihood is strictly concave, so there is at most one maximum, and it is
finite if and only if the raw score is neither 0 nor the highest possible.

Source: Smarter Balanced Test Scoring Specifications 2015-16, sections 2 and 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scorehouse.scoring.models import Item, ScoredResponse

_MOST_STEPS = 200
_SAME = 4e-16  # two doubles as near as this are the same theta


def _exponents(theta: float, item: Item, model_constant: float) -> list[float]:
    """D a Σ_{k≤x} (theta - b_k) for x = 0 … m."""
    exponents = [0.0]
    for step in item.steps:
        exponents.append(exponents[-1] + model_constant * item.discrimination * (theta - step))
    return exponents


def category_probabilities(theta: float, item: Item, model_constant: float) -> list[float]:
    """P(0), …, P(m) of an item at theta.

    >>> item = Item("200-1", 0.9, (-0.6, 1.0))
    >>> [round(p, 4) for p in category_probabilities(0.2, item, 1.7)]
    [0.1852, 0.6297, 0.1852]
    """
    exponents = _exponents(theta, item, model_constant)
    largest = max(exponents)
    weights = [math.exp(exponent - largest) for exponent in exponents]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def expected_score(theta: float, item: Item, model_constant: float) -> float:
    """The points expected of a student at theta.

    >>> expected_score(0.5, Item("200-1", 0.6, (0.5,)), 1.7)
    0.5
    """
    probabilities = category_probabilities(theta, item, model_constant)
    return math.fsum(points * p for points, p in enumerate(probabilities))


def score_variance(theta: float, item: Item, model_constant: float) -> float:
    """The variance of the points of a student at theta."""
    probabilities = category_probabilities(theta, item, model_constant)
    mean = math.fsum(points * p for points, p in enumerate(probabilities))
    return math.fsum(p * (points - mean) ** 2 for points, p in enumerate(probabilities))


def slope(theta: float, responses: Sequence[ScoredResponse], model_constant: float) -> float:
    """Slope of the log-likelihood, Σ D a (x - E(theta)); its root is the estimate.

    Each x - E is summed as Σ (x - k) P(k), so that it stays exact in far tails.
    """
    terms = []
    for response in responses:
        weight = model_constant * response.item.discrimination
        probabilities = category_probabilities(theta, response.item, model_constant)
        terms += [weight * (response.score - k) * p for k, p in enumerate(probabilities)]
    return math.fsum(terms)


def information(theta: float, items: Sequence[Item], model_constant: float) -> float:
    """Test information, Σ (D a)² Var(theta); observed and expected are the same here."""
    return math.fsum(
        (model_constant * item.discrimination) ** 2 * score_variance(theta, item, model_constant)
        for item in items
    )


def log_likelihood(
    theta: float, responses: Sequence[ScoredResponse], model_constant: float
) -> float:
    """Log-likelihood up to a constant that does not depend on theta (whole or half points)."""
    total = 0.0
    for response in responses:
        weight = model_constant * response.item.discrimination
        exponents = _exponents(theta, response.item, model_constant)
        largest = max(exponents)
        sum_of_weights = math.fsum(math.exp(exponent - largest) for exponent in exponents)
        total += weight * response.score * theta - largest - math.log(sum_of_weights)
    return total


def raw_score(responses: Sequence[ScoredResponse]) -> float:
    """Points earned."""
    return math.fsum(response.score for response in responses)


def highest_raw_score(responses: Sequence[ScoredResponse]) -> int:
    """Points possible."""
    return sum(response.item.points for response in responses)


def is_zero(responses: Sequence[ScoredResponse]) -> bool:
    """Whether no point was earned."""
    return raw_score(responses) <= 0


def is_perfect(responses: Sequence[ScoredResponse]) -> bool:
    """Whether every point was earned."""
    return raw_score(responses) >= highest_raw_score(responses)


def with_half_point(
    administered: Sequence[ScoredResponse], half_point: float
) -> list[ScoredResponse]:
    """Pull a perfect or zero pattern in: half a point on the item of smallest discrimination.

    Ties don't matter: only a·x enters the score equation. Simulated items are never
    candidates, so give the administered ones only.

    Source: Test Scoring Specifications 2015-16, "Additional considerations".
    """
    change = half_point if is_zero(administered) else -half_point
    least = min(range(len(administered)), key=lambda i: administered[i].item.discrimination)
    changed = list(administered)
    chosen = changed[least]
    changed[least] = ScoredResponse(chosen.item, chosen.score + change, chosen.answered)
    return changed


def maximum_likelihood(responses: Sequence[ScoredResponse], model_constant: float) -> float:
    """Theta at the maximum of the likelihood; infinite for a perfect or zero pattern.

    Bracket by doubling outward from the outermost steps; then Newton, and halve the
    bracket whenever Newton would leave it.

    >>> ten = [ScoredResponse(Item(str(i), 0.6, (-0.4,)), float(i < 7)) for i in range(10)]
    >>> round(maximum_likelihood(ten, 1.7), 6)  # b + ln(7/3) / (1.7 * 0.6)
    0.430684
    """
    if is_zero(responses):
        return -math.inf
    if is_perfect(responses):
        return math.inf
    steps = [step for response in responses for step in response.item.steps]
    low = _outward(min(steps) - 1.0, -1.0, responses, model_constant)
    high = _outward(max(steps) + 1.0, 1.0, responses, model_constant)
    return _newton(low, high, responses, model_constant)


def _outward(
    start: float, direction: float, responses: Sequence[ScoredResponse], model_constant: float
) -> float:
    """Walk outward from `start`, doubling, until the slope points back."""
    end, step = start, 1.0
    while slope(end, responses, model_constant) * direction > 0:
        end += direction * step
        step *= 2
    return end


def _newton(
    low: float, high: float, responses: Sequence[ScoredResponse], model_constant: float
) -> float:
    """Newton inside a bracket, until a double can't tell two steps apart."""
    items = [response.item for response in responses]
    theta = 0.5 * (low + high)
    for _ in range(_MOST_STEPS):
        gradient = slope(theta, responses, model_constant)
        low, high = (theta, high) if gradient > 0 else (low, theta)
        curvature = information(theta, items, model_constant)
        following = theta + gradient / curvature if curvature > 0 else low
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - theta) <= _SAME * max(1.0, abs(theta)):
            return following
        theta = following
    return theta


def standard_error(
    theta: float, answered: Sequence[Item], model_constant: float, ceiling: float
) -> float:
    """Standard error of theta from the answered items, never above the ceiling.

    >>> standard_error(0.5, [Item("200-1", 0.6, (0.5,))], 1.7, 2.5)
    1.9607843137254901
    """
    total = information(theta, answered, model_constant)
    return min(ceiling, 1.0 / math.sqrt(total)) if total > 0 else ceiling
