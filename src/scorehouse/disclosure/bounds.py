"""What single sums give away: bounds of every hidden count, by one sum after the other."""

from __future__ import annotations

import numpy as np

from scorehouse.disclosure.system import Floats, Ints, System

_SWEEPS = 12
_SLACK = 1e-6


def propagated(system: System) -> tuple[Floats, Floats]:
    """Bounds that every way to fill in the hidden counts keeps; the true ones may be nearer.

    Each sum bounds each of its cells by what the others can be at least and at most.
    """
    low = np.where(system.is_known, system.value, system.low)
    high = np.where(system.is_known, system.value, system.high)
    entry_sum = system.sum_of_entry()
    for _ in range(_SWEEPS):
        before = low.copy(), high.copy()
        _sweep(system, entry_sum, low, high)
        if np.array_equal(before[0], low) and np.array_equal(before[1], high):
            break
    return low, high


def _sweep(system: System, entry_sum: Ints, low: Floats, high: Floats) -> None:
    factors, cells = system.factors, system.cells
    is_up = factors > 0
    least = factors * np.where(is_up, low[cells], high[cells])
    most = factors * np.where(is_up, high[cells], low[cells])
    at_least = system.sum_low[entry_sum] - _others(most, entry_sum, system.sums)
    at_most = system.sum_high[entry_sum] - _others(least, entry_sum, system.sums)
    lower = np.where(is_up, at_least, at_most) / factors
    upper = np.where(is_up, at_most, at_least) / factors
    is_count = system.is_count[cells]
    lower = np.where(is_count, np.ceil(lower - _SLACK), lower)
    upper = np.where(is_count, np.floor(upper + _SLACK), upper)
    np.maximum.at(low, cells, lower)
    np.minimum.at(high, cells, upper)


def _others(values: Floats, entry_sum: Ints, sums: int) -> Floats:
    """For each entry, the sum of its sum's other entries; infinite where one of them is."""
    is_infinite = np.isinf(values)
    finite = np.where(is_infinite, 0.0, values)
    totals = np.bincount(entry_sum, weights=finite, minlength=sums)[entry_sum] - finite
    infinite = np.bincount(entry_sum, weights=is_infinite, minlength=sums)[entry_sum]
    sign = np.sign(np.where(is_infinite, values, 0.0))
    direction = np.bincount(entry_sum, weights=sign, minlength=sums)[entry_sum]
    others = infinite - is_infinite
    pull = np.where(direction - sign > 0, np.inf, -np.inf)
    return np.where(others > 0, pull, totals)
