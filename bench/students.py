"""Invented items and students, the same for everybody who is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scorehouse.scoring import kernel
from scorehouse.scoring.models import Item, ScoredResponse

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int32]

MODEL_CONSTANT = 1.7
POOL = 1000
ITEMS = 46
GPCM_SHARE = 12 / 46
EXPONENTIALS = 207  # a student: 46 items, each category of each item, one evaluation after another
_MOST_STEPS = 4


@dataclass(frozen=True)
class Pool:
    """Items: discrimination (n,) and steps (n, 4), NaN beyond an item's last."""

    discrimination: Floats
    steps: Floats

    def bank(self) -> kernel.KernelBank:
        return kernel.kernel_bank(self.discrimination, self.steps, MODEL_CONSTANT)

    def items(self) -> list[Item]:
        return [
            Item(str(i), float(a), tuple(float(b) for b in row if not np.isnan(b)))
            for i, (a, row) in enumerate(zip(self.discrimination, self.steps, strict=True))
        ]


@dataclass(frozen=True)
class Students:
    """Tests of equal length: which items, and the points on each, (n, ITEMS)."""

    entry: Rows
    score: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.entry)

    def first(self, n: int) -> Students:
        return Students(self.entry[:n], self.score[:n])

    def tests(self) -> kernel.Tests:
        n, width = self.entry.shape
        return kernel.Tests.complete(
            np.arange(n + 1) * width, self.entry.ravel(), self.score.astype(np.float64).ravel()
        )

    def matrix(self, pool: int) -> npt.NDArray[np.int64]:
        """Students by pool items, -1 where an item wasn't presented."""
        dense = np.full((len(self), pool), -1)
        np.put_along_axis(dense, self.entry.astype(np.int64), self.score.astype(np.int64), axis=1)
        return dense

    def pattern(self, student: int, items: list[Item]) -> list[ScoredResponse]:
        pairs = zip(self.entry[student].tolist(), self.score[student].tolist(), strict=True)
        return [ScoredResponse(items[row], float(x)) for row, x in pairs]


def make_pool(random: np.random.Generator, gpcm_share: float) -> Pool:
    discrimination = np.exp(random.normal(-0.5, 0.3, POOL)).clip(0.2, 2.0)
    center = random.normal(0.3, 1.1, POOL)
    is_gpcm = random.random(POOL) < gpcm_share
    count = np.where(is_gpcm, random.choice([2, 2, 3, 4], POOL), 1)
    place = np.arange(_MOST_STEPS)
    steps = center[:, None] + 0.8 * (place - (count[:, None] - 1) / 2)
    steps += random.normal(0.0, 0.2, steps.shape)
    return Pool(discrimination, np.where(place < count[:, None], steps, np.nan))


def make_students(random: np.random.Generator, pool: Pool, n: int, *, is_fixed: bool) -> Students:
    """Draw students and their answers; fixed: all have the same items, else each their own."""
    if is_fixed:
        entry = np.tile(random.permutation(POOL)[:ITEMS], (n, 1))
    else:
        keys = random.random((n, POOL), np.float32)
        entry = np.argpartition(keys, ITEMS, axis=1)[:, :ITEMS]
    theta = random.normal(0.0, 1.1, n)
    score = np.column_stack([_draw(random, pool, theta, column) for column in entry.T])
    return Students(entry.astype(np.int32), score.astype(np.int8))


def _draw(
    random: np.random.Generator, pool: Pool, theta: Floats, entry: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    weight = MODEL_CONSTANT * pool.discrimination[entry, None]
    exponent = np.cumsum(weight * (theta[:, None] - pool.steps[entry]), axis=1)
    weights = np.exp(np.column_stack([np.zeros(len(theta)), exponent]))
    share = np.nancumsum(weights, axis=1) / np.nansum(weights, axis=1, keepdims=True)
    return np.sum(random.random((len(theta), 1)) > share[:, :-1], axis=1)
