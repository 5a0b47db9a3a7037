"""How likely each color is, had other students of the same kind been there, or other days.

Students of both years are drawn again with replacement, each year by itself, as many as there
were; participation stays as it was. What is drawn are scores as they were measured, so that
the spread holds both the choice of students and the error of measurement. Without the error,
distances are drawn toward their mean until only the spread of true scores is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorehouse.accountability.academic.academic import cut_set, status
from scorehouse.accountability.academic.figure import Figure
from scorehouse.accountability.academic.sums import Row, Sums
from scorehouse.rulebook.dashboard import AcademicRules

Distances = NDArray[np.float64]

DRAWS = 4_000
_TENTHS = 10
_NUDGE = 1e-9
"""Floating sums of exact halves round up as exact ones do."""

_LIKELY, _SURE = 0.8, 0.95


@dataclass(frozen=True)
class Chances:
    """The share of draws with each color, 1 (Red) to 5 (Blue).

    `status` and `change` are the middle 95 percent of what was drawn.
    """

    colors: Mapping[int, float]
    status: tuple[float, float]
    change: tuple[float, float]
    draws: int
    with_measurement_error: bool

    def sentence(self, color: int, names: tuple[str, ...]) -> str:
        """Say in plain words how sure a color is.

        >>> found = Chances({4: 0.62, 3: 0.38}, (0, 1), (0, 1), 100, True)
        >>> found.sentence(4, tuple("abcdeg")).partition("; ")[2]
        'the next likely is d, 38 times. The color is uncertain: chance could have given another.'
        """
        share = self.colors.get(color, 0.0)
        others = sorted(((s, c) for c, s in self.colors.items() if c != color), reverse=True)
        text = (
            "With other students of the same kind, this color would come out "
            f"{round(100 * share)} of 100 times"
        )
        if others and others[0][0] > 0:
            text += f"; the next likely is {names[others[0][1]]}, {round(100 * others[0][0])} times"
        if share >= _SURE:
            return f"{text}. The color is sure as far as chance goes."
        if share >= _LIKELY:
            return f"{text}. The color is likely, not sure."
        return f"{text}. The color is uncertain: chance could have given another."


def chances(
    found: Figure,
    current: Distances,
    prior: Distances,
    rules: AcademicRules,
    rng: np.random.Generator,
    *,
    se_current: Distances | None = None,
    se_prior: Distances | None = None,
    draws: int = DRAWS,
) -> Chances | None:
    """Draw the students of both years again and count the colors.

    `current` and `prior` are the distances of the row's students in points, one each. With
    standard errors of their scores, what is drawn is without the error of measurement. None
    where the row has no color.
    """
    if not found.decision.color or found.prior_sums is None:
        return None
    without_error = se_current is not None and se_prior is not None
    now = _drawn(_true(current, se_current), draws, rng)
    before = _drawn(_true(prior, se_prior), draws, rng)
    status_now = _statuses(now, found.row, found.current_sums, len(current), rules)
    status_before = _statuses(before, found.row, found.prior_sums, len(prior), rules)
    seen = _tenths(status_now), _tenths(status_now - status_before)
    color = _colors(*seen, found.row, rules)
    counts = np.bincount(color, minlength=6)
    return Chances(
        {code: float(counts[code] / draws) for code in range(1, 6) if counts[code]},
        _middle(seen[0]), _middle(seen[1]), draws, not without_error,
    )  # fmt: skip


def _true(distances: Distances, errors: Distances | None) -> Distances:
    """Distances with the spread of true scores only."""
    if errors is None or len(distances) < 2:
        return distances
    variance = float(np.var(distances))
    if not variance:
        return distances
    kept = max(0.0, 1 - float(np.mean(errors**2)) / variance)
    mean = float(np.mean(distances))
    true: Distances = mean + (distances - mean) * np.sqrt(kept)
    return true


def _drawn(distances: Distances, draws: int, rng: np.random.Generator) -> Distances:
    """Means of as many students as there are, drawn with replacement, `draws` times."""
    values, counts = np.unique(distances, return_counts=True)
    shares = counts / len(distances)
    drawn = rng.multinomial(len(distances), shares, size=draws)
    means: Distances = drawn @ values / len(distances)
    return means


def _statuses(
    means: Distances, row: Row, sums: Sums, students: int, rules: AcademicRules
) -> Distances:
    """Status of each draw: participation does to it what it did to the row."""
    now = status(sums, row, rules)
    added = now.loss_count * rules.lowest_distance.get(row.subject, 0)
    found: Distances = (means * students + added) / (students + now.loss_count)
    return found + float(now.adjustment)


def _tenths(values: Distances) -> Distances:
    found: Distances = np.floor(values * _TENTHS + 0.5 + _NUDGE) / _TENTHS
    return found


def _colors(
    statuses: Distances, changes: Distances, row: Row, rules: AcademicRules
) -> NDArray[np.int64]:
    lows = np.array(
        [float(low) for low in rules.status_cuts_of(row.subject, cut_set(row, rules)).lows]
    )
    cuts = rules.change_cuts_of(row.subject)
    level = 1 + np.searchsorted(lows, statuses + _NUDGE, side="right")
    change = (
        1
        + (changes + _NUDGE >= float(cuts.declined_from)).astype(np.int64)
        + (changes - _NUDGE > float(cuts.maintained_above))
        + (changes + _NUDGE >= float(cuts.increased_from))
        + (changes + _NUDGE >= float(cuts.increased_significantly_from))
    )
    grid = np.zeros((6, 6), np.int64)
    for (status_code, change_code), color in rules.colors.items():
        grid[status_code, change_code] = color
    return grid[level, change]


def _middle(values: Distances) -> tuple[float, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)
