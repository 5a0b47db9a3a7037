"""What a group's mean residual on a target says: better or worse, or that nothing can be said.

The comparisons are of whole numbers, squared, so that no rounding decides at an edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from scorehouse.reports.statistics import RESIDUAL_UNIT, mean, se_mean
from scorehouse.rulebook.counting import TargetRules

ABOVE, NEAR, BELOW = "above", "near", "below"
INSUFFICIENT, EXCLUDED = "insufficient", "excluded"
RELATIVE_TO_TEST: Mapping[str, str] = {ABOVE: "better", NEAR: "similar", BELOW: "worse"}
"""Words for a target relative to the entire test."""


class TargetSums(NamedTuple):
    """Students with a residual, and the sum and sum of squares in millionths of a point."""

    students: int
    total: int
    squared: int

    @property
    def mean(self) -> float | None:
        """The mean residual, in points."""
        return mean(self.students, self.total, RESIDUAL_UNIT)

    @property
    def se(self) -> float | None:
        """Its standard error."""
        return se_mean(self.students, self.total, self.squared, RESIDUAL_UNIT)


def standing(sums: TargetSums, rules: TargetRules, *, is_excluded: bool = False) -> str:
    """Where a group stands on a target: above, near, below, insufficient or excluded.

    Insufficient: fewer than two students, or a standard error above the largest allowed
    (equal is allowed). A mean of one standard error is above already, or below.
    """
    if is_excluded:
        return EXCLUDED
    n, total, squared = sums
    if n < rules.fewest_computable:
        return INSUFFICIENT
    spread = n * squared - total * total  # se² = spread / (n² (n - 1)) in squared units
    largest = rules.largest_se * RESIDUAL_UNIT
    if spread > largest * largest * n * n * (n - 1):
        return INSUFFICIENT
    if total * total * (n - 1) >= spread:  # |mean| >= se
        return ABOVE if total >= 0 else BELOW
    return NEAR


def claim_number(measure: str) -> str:
    """The claim of a target, by its name in scores; blank: it names none.

    >>> claim_number("target:1-IT|10-3"), claim_number("target:1|P|TS02|B-11"), claim_number("t")
    ('1', '1', '')
    """
    strand = measure.removeprefix("target:").partition("|")[0]
    number = strand.partition("-")[0]
    return number if number.isdecimal() else ""


def is_reported(measure: str, subject: str, rules: TargetRules) -> bool:
    """Whether the subject reports targets of this claim; ELA all claims, mathematics claim 1."""
    return claim_number(measure) in rules.claims.get(subject, ())
