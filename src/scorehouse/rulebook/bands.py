"""Bands along a line, and the proof that they cover it without gap or overlap.

A single list of lowest values can't say on which side a band is closed, and published
tables do switch sides inside one table; so each band says what it includes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

INCLUDES = ("lower", "upper", "both", "neither")


@dataclass(frozen=True)
class Band:
    """A named stretch from lower to upper; None is an open end without limit.

    >>> Band("Maintained", -1, 7, "neither").contains(7)
    False
    """

    name: str
    lower: float | None
    upper: float | None
    includes: str

    @property
    def includes_lower(self) -> bool:
        """Whether the lower end belongs to the band."""
        return self.includes in ("lower", "both")

    @property
    def includes_upper(self) -> bool:
        """Whether the upper end belongs to the band."""
        return self.includes in ("upper", "both")

    def contains(self, value: float) -> bool:
        """Whether a value falls in this band."""
        if self.lower is not None and value <= self.lower:
            return value == self.lower and self.includes_lower
        if self.upper is not None and value >= self.upper:
            return value == self.upper and self.includes_upper
        return True


@dataclass(frozen=True)
class BandFault:
    """What is wrong, and at which band of the sequence."""

    index: int
    text: str


def find_fault(bands: Sequence[Band]) -> BandFault | None:
    """Return the first gap, overlap or impossible band; None when the bands cover the line.

    The bands are given in ascending order.

    >>> find_fault([Band("low", None, 10, "neither"), Band("high", 10, None, "neither")])
    BandFault(index=1, text='gap: 10 is neither in low nor in high')
    """
    if not bands:
        return BandFault(0, "there are no bands")
    for index, band in enumerate(bands):
        if fault := _fault_alone(band):
            return BandFault(index, fault)
    if bands[0].lower is not None:
        return BandFault(0, f"gap: nothing covers what lies below {bands[0].lower:g}")
    for index, (below, above) in enumerate(pairwise(bands), start=1):
        if fault := _fault_between(below, above):
            return BandFault(index, fault)
    if bands[-1].upper is not None:
        return BandFault(len(bands) - 1, f"gap: nothing covers what lies above {bands[-1].upper:g}")
    return None


def _fault_alone(band: Band) -> str | None:
    if band.includes not in INCLUDES:
        return f"{band.includes!r} is not one of {', '.join(INCLUDES)}"
    if (band.lower is None and band.includes_lower) or (band.upper is None and band.includes_upper):
        return f"{band.name} can't include an end that it doesn't have"
    if band.lower is None or band.upper is None or band.lower < band.upper:
        return None
    if band.lower == band.upper and band.includes == "both":
        return None
    return f"{band.name} is empty: {band.lower:g} to {band.upper:g}"


def _fault_between(below: Band, above: Band) -> str | None:
    if below.upper is None or above.lower is None:
        return f"overlap: {below.name} and {above.name} have no limit between them"
    if below.upper < above.lower:
        return f"gap: nothing covers {below.upper:g} to {above.lower:g}"
    if below.upper > above.lower:
        return f"overlap: {above.lower:g} to {below.upper:g} is in {below.name} and {above.name}"
    if below.includes_upper and above.includes_lower:
        return f"overlap: {above.lower:g} is both in {below.name} and in {above.name}"
    if not below.includes_upper and not above.includes_lower:
        return f"gap: {above.lower:g} is neither in {below.name} nor in {above.name}"
    return None


def band_of(bands: Sequence[Band], value: float) -> Band:
    """Return the band that a value falls in.

    >>> bands = [Band("low", None, 10, "upper"), Band("high", 10, None, "neither")]
    >>> band_of(bands, 10).name
    'low'
    """
    return next(band for band in bands if band.contains(value))
