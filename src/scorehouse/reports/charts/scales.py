"""From numbers to places: linear scales with round ticks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, log10

from scorehouse.reports.charts.shapes import Amount, Number

_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Scale:
    """Maps numbers between two ends to places between two others."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: Number) -> float:
        """The place of a number; beyond the ends it stays at them."""
        share = (float(value) - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """About so many round numbers between the ends.

        >>> Scale(0, 100, 0, 1).ticks()
        [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
        """
        step = round_step((self.high - self.low) / count)
        first = -floor(-self.low / step)
        last = floor(self.high / step)
        return [round(index * step, 9) for index in range(first, last + 1)]


def round_step(rough: float) -> float:
    """The round number nearest above a rough step: 1, 2 or 5 of a power of ten.

    >>> round_step(17), round_step(0.3)
    (20.0, 0.5)
    """
    power = floor(log10(rough))
    size = 10.0**power if power < 0 else float(10**power)
    return next(step * size for step in _STEPS if step * size >= rough * (1 - 1e-9))


def ends_of(amounts: Iterable[Amount], also: Iterable[Number] = ()) -> tuple[float, float]:
    """Ends that hold all amounts with their intervals, on round numbers; 0 to 1 without any."""
    values = [
        float(value)
        for amount in amounts
        for value in (amount.value, amount.low, amount.high)
        if value is not None
    ] + [float(value) for value in also]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 1, high + 1
    step = round_step((high - low) / 5)
    return floor(low / step) * step, -floor(-high / step) * step
