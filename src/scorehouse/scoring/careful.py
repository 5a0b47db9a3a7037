"""The careful path: flat likelihoods, items of many steps and far tails, item by item.

Exponents are shifted by the largest and the root is kept in a bracket, so nothing here
overflows or runs away. About a hundred times slower than the fast path, and rarely needed.
"""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, error_model="numpy")
def careful_item(theta, score, a, steps, count):  # type: ignore[no-untyped-def]
    """(x - E) and the variance of one item, each accurate in relative terms."""
    best = 0.0
    exponent = 0.0
    for k in range(count):
        exponent += a * (theta - steps[k])
        best = max(best, exponent)
    total = math.exp(-best)
    exponent = 0.0
    mean = 0.0
    residual = score * total
    for k in range(count):
        exponent += a * (theta - steps[k])
        weight = math.exp(exponent - best)
        total += weight
        mean += (k + 1) * weight
        residual += (score - (k + 1)) * weight
    mean /= total
    exponent = 0.0
    variance = math.exp(-best) * mean * mean
    for k in range(count):
        exponent += a * (theta - steps[k])
        variance += math.exp(exponent - best) * (k + 1 - mean) ** 2
    return residual / total, variance / total


@njit(cache=True, error_model="numpy")
def _slope(theta, rows, scores, n, bank):  # type: ignore[no-untyped-def]
    """Slope of the log-likelihood and information, item by item."""
    slope = information = 0.0
    for j in range(n):
        row = rows[j]
        a = bank.da[row]
        residual, variance = careful_item(
            theta, scores[j], a, bank.steps[row], bank.step_count[row]
        )
        slope += a * residual
        information += a * a * variance
    return slope, information


@njit(cache=True, error_model="numpy")
def _bracket_end(start, direction, rows, scores, n, bank):  # type: ignore[no-untyped-def]
    """Walk outward, doubling, until the slope points back."""
    step = 1.0
    end = start
    for _ in range(60):
        slope, _info = _slope(end, rows, scores, n, bank)
        if slope * direction <= 0.0:
            return end
        end += direction * step
        step *= 2.0
    return end


@njit(cache=True, error_model="numpy")
def careful_root(rows, scores, n, bank):  # type: ignore[no-untyped-def]
    """Bracketed Newton: for flat likelihoods and items the fast path can't take."""
    low_step = high_step = bank.steps[rows[0], 0]
    for j in range(n):
        for k in range(bank.step_count[rows[j]]):
            low_step = min(low_step, bank.steps[rows[j], k])
            high_step = max(high_step, bank.steps[rows[j], k])
    low = _bracket_end(low_step - 1.0, -1.0, rows, scores, n, bank)
    high = _bracket_end(high_step + 1.0, 1.0, rows, scores, n, bank)
    theta = 0.5 * (low + high)
    for _ in range(200):
        slope, information = _slope(theta, rows, scores, n, bank)
        if slope > 0.0:
            low = theta
        else:
            high = theta
        following = theta + slope / information if information > 0.0 else low - 1.0
        if not low <= following <= high:
            following = 0.5 * (low + high)
        done = abs(following - theta) <= 1e-15 * max(1.0, abs(theta))
        theta = following
        if done:
            break
    _last, information = _slope(theta, rows, scores, n, bank)
    return theta, information
