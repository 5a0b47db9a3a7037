"""Put scores as results files have them under one LOSS/HOSS option.

A results file holds theta and a score, but not the option the score was made under, nor the
responses. So what was done is read off the two: a score on theta's line is as computed, one
that stands at a known LOSS or HOSS with theta beyond it was clipped, and any other doesn't
follow from its theta. Sources: Test Scoring Specifications 2015-16, sections 4.1 and 6.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scorehouse.scoring.levels import ABOVE, BELOW, claim_ratings
from scorehouse.scoring.policies import Ends, Placements, place_all
from scorehouse.scoring.rescale import Flags, Floats
from scorehouse.scoring.scale import half_away_all

POINTS = 1.0
"""How far a score may be from the one its theta gives: theta is written rounded."""

SAME_THETA = 0.0001
"""How near to LOT or HOT a theta looks cut off there."""


@dataclass(frozen=True)
class WrittenScores:
    """One measure of some results, NaN where nothing stands.

    `has_rating`: the level is a rating, of claims and interim blocks. `rounds_rating`: the
    band of a rating is rounded before it is compared.
    """

    theta: Floats
    scale_score: Floats
    se_scale: Floats
    level: Floats
    has_rating: Flags
    rounds_rating: Flags


@dataclass(frozen=True)
class Option:
    """What scores are put under, row by row.

    `known` are the bounds of every set that scores may have been clipped at before.
    """

    limits: str
    ends: Ends
    known: Sequence[Ends]
    cuts: Floats  # of levels 2, 3 and 4
    claim_band: float
    keeps_errors: bool = False


@dataclass(frozen=True)
class RescaledWritten:
    """Written scores under an option, and how they were found to be made."""

    written: WrittenScores
    option: Option

    @cached_property
    def has_both(self) -> Flags:
        """Which rows have a score and a theta, and rules."""
        found: Flags = np.isfinite(self.written.theta) & np.isfinite(self.written.scale_score)
        return found

    @property
    def lacks_theta(self) -> Flags:
        """Which rows have a score and no theta."""
        found: Flags = np.isfinite(self.written.scale_score) & ~np.isfinite(self.written.theta)
        return found

    @cached_property
    def before(self) -> Floats:
        """The score that stands there, rounded."""
        return half_away_all(self.written.scale_score)

    @cached_property
    def computed(self) -> Floats:
        """The score that theta gives without any option."""
        ends = self.option.ends
        return half_away_all(ends.slope * self.written.theta + ends.intercept)

    @cached_property
    def follows(self) -> Flags:
        """Which scores are as their theta gives them."""
        found: Flags = np.abs(self.written.scale_score - self.computed) <= POINTS
        return found

    @cached_property
    def was_lowest(self) -> Flags:
        """Which scores stand at a known LOSS, with theta there or beyond."""
        return self._was_at("lowest_scale_score", 1.0)

    @cached_property
    def was_highest(self) -> Flags:
        """Which scores stand at a known HOSS, with theta there or beyond."""
        return self._was_at("highest_scale_score", -1.0)

    def _was_at(self, end: str, sign: float) -> Flags:
        found = np.zeros(len(self.before), bool)
        for ends in self.option.known:
            bound = getattr(ends, end)
            found |= (self.before == bound) & (sign * self.computed <= sign * bound)
        return found & self.has_both

    @property
    def is_unexplained(self) -> Flags:
        """Which scores don't follow from their theta, under no option that is known."""
        return self.has_both & ~self.follows & ~self.was_lowest & ~self.was_highest

    def _is_cut_at(self, theta: str, score: str) -> Flags:
        """Whether theta itself looks cut off at one end of a known set."""
        found = np.zeros(len(self.before), bool)
        for ends in self.option.known:
            on_bound = np.abs(self.written.theta - getattr(ends, theta)) < SAME_THETA
            found |= on_bound & (self.before == getattr(ends, score))
        return found & self.has_both

    @cached_property
    def _cut_low(self) -> Flags:
        return self._is_cut_at("lowest_theta", "lowest_scale_score")

    @cached_property
    def _cut_high(self) -> Flags:
        return self._is_cut_at("highest_theta", "highest_scale_score")

    @cached_property
    def at_lowest(self) -> Flags:
        """Which scores are at LOSS now; a theta that looks cut off is, if LOSS isn't lower."""
        is_sure = self._cut_low & (self.before <= self.option.ends.lowest_scale_score)
        return self._can_be & (self._placed.at_lowest | is_sure)

    @cached_property
    def at_highest(self) -> Flags:
        """Which scores are at HOSS now."""
        is_sure = self._cut_high & (self.before >= self.option.ends.highest_scale_score)
        return self._can_be & (self._placed.at_highest | is_sure)

    @cached_property
    def _placed(self) -> Placements:
        return place_all(self.written.theta, self.option.limits, self.option.ends)

    @cached_property
    def _can_be(self) -> Flags:
        return self.has_both & ~self.is_cut_off

    @cached_property
    def is_cut_off(self) -> Flags:
        """Which thetas look cut off short of the ends of the option: the rest is not known."""
        low = self._cut_low & ~(self.before <= self.option.ends.lowest_scale_score)
        high = self._cut_high & ~(self.before >= self.option.ends.highest_scale_score)
        found: Flags = low | high
        return found

    @property
    def is_left(self) -> Flags:
        """Which scores stay because nothing better is known."""
        return self.lacks_theta | self.is_cut_off

    @cached_property
    def after(self) -> Floats:
        """The score under the option; as it was where that can't be known."""
        loss, hoss = self.option.ends.lowest_scale_score, self.option.ends.highest_scale_score
        inside = np.where(self.follows, self.before, self.computed)
        now = np.where(self.at_lowest, loss, np.where(self.at_highest, hoss, inside))
        return np.where(self._can_be, now, self.before)

    @cached_property
    def is_changed(self) -> Flags:
        """Which scores are other numbers now."""
        found: Flags = self._can_be & (self.after != self.before)
        return found

    @cached_property
    def error_moved(self) -> Flags:
        """Which standard errors would have to be taken at another theta now."""
        found: Flags = self.is_changed & np.isfinite(self.written.se_scale)
        return found

    @cached_property
    def se_scale(self) -> Floats:
        """The standard error; NaN where only the responses would tell it."""
        is_lost = self.error_moved & (not self.option.keeps_errors)
        return np.where(is_lost, np.nan, self.written.se_scale)

    @cached_property
    def level(self) -> Floats:
        """The level or rating now; NaN where there was none, or where it can't be known."""
        had = np.isfinite(self.written.level)
        level = 1.0 + np.sum(self.option.cuts <= self.after[:, None], axis=1)
        now = np.where(self.written.has_rating, self._rating, level)
        is_other = self.is_changed | self.at_lowest | self.at_highest
        return np.where(had & is_other, now, self.written.level)

    @cached_property
    def _rating(self) -> Floats:
        at_ends = (self.at_lowest, self.at_highest)
        blank = np.full(len(self.after), np.nan)
        placed = Placements(blank, blank, blank, self._unrounded, self.after, *at_ends)
        found = claim_ratings(
            placed,
            self.se_scale,
            self.option.cuts[:, 1],
            band=self.option.claim_band,
            is_rounded=self.written.rounds_rating,
        )
        is_open = np.isnan(self.se_scale) & ~self.at_lowest & ~self.at_highest
        found = np.where(self.at_lowest, BELOW, np.where(self.at_highest, ABOVE, found))
        return np.where(is_open, np.nan, found)

    @property
    def _unrounded(self) -> Floats:
        ends = self.option.ends
        return ends.slope * self.written.theta + ends.intercept
