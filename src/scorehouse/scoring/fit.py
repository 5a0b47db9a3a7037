"""Item fit over a whole administration: sums that add up chunk by chunk, then a table.

For each bank row the answered responses at the student's own overall theta are compared
with what the model expects. The readable twin of one row is `quality.item_fit`, which says
what the columns mean and where they come from.

Theta is itself estimated from the item, so residuals are a little smaller than those at the
true theta would be: mean squares fall a little below 1, z a little below its size.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from scorehouse.scoring.bank import DIMENSIONS, ItemBank
from scorehouse.scoring.batch import Batch
from scorehouse.scoring.one import OVERALL
from scorehouse.scoring.prepared import Prepared

Floats = npt.NDArray[np.float64]

ITEM_FIT = pa.schema(
    [
        ("assessment_id", pa.string()),
        ("item_id", pa.string()),
        ("dimension", pa.string()),
        ("responses", pa.int64()),
        ("observed_mean", pa.float64()),
        ("expected_mean", pa.float64()),
        ("z", pa.float64()),
        ("infit", pa.float64()),
        ("outfit", pa.float64()),
    ]
)
"""One row a scored dimension of an item, over its answered responses.

`responses` counts them; `observed_mean` and `expected_mean` are in points; for `z`, `infit`
and `outfit` see `quality.ItemFit`.
"""


class FitSums(NamedTuple):
    """Sums by bank row; add two by adding their arrays."""

    responses: Floats
    observed: Floats
    expected: Floats
    variance: Floats
    square: Floats  # of residuals
    standardized: Floats  # squares of residuals over their variance

    def plus(self, other: FitSums) -> FitSums:
        """The sums of both."""
        return FitSums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def no_sums(rows: int) -> FitSums:
    """Sums of nothing yet."""
    return FitSums(*(np.zeros(rows) for _ in FitSums._fields))


@njit(cache=True)
def _moments(theta, a, steps, count):  # type: ignore[no-untyped-def]
    """Expected score of one item and its variance."""
    best = exponent = 0.0
    for k in range(count):
        exponent += a * (theta - steps[k])
        best = max(best, exponent)
    total = math.exp(-best)
    first = second = exponent = 0.0
    for k in range(count):
        exponent += a * (theta - steps[k])
        weight = math.exp(exponent - best)
        total += weight
        first += (k + 1) * weight
        second += (k + 1) * (k + 1) * weight
    first /= total
    return first, second / total - first * first


@njit(nogil=True, cache=True)
def _add(tests, answered, theta, bank, sums):  # type: ignore[no-untyped-def]
    for i in range(len(theta)):
        if not np.isfinite(theta[i]):
            continue
        for j in range(tests.offsets[i], tests.offsets[i + 1]):
            row = tests.entry[j]
            if row < 0 or not answered[j]:
                continue
            mean, variance = _moments(theta[i], bank.da[row], bank.steps[row], bank.step_count[row])
            residual = tests.score[j] - mean
            if variance <= 0.0:
                continue
            sums.responses[row] += 1.0
            sums.observed[row] += tests.score[j]
            sums.expected[row] += mean
            sums.variance[row] += variance
            sums.square[row] += residual * residual
            sums.standardized[row] += residual * residual / variance


def fit_sums(batch: Batch, prepared: Prepared, scores: pa.Table) -> FitSums:
    """Sums of a batch whose scores are given (every test has one overall row, in order)."""
    overall = scores.filter(pc.equal(scores["measure"], OVERALL))
    theta = overall["theta"].to_numpy()
    sums = no_sums(len(prepared.bank))
    _add(batch.tests, batch.answered, theta, prepared.kernel, sums)
    return sums


def fit_table(sums: FitSums, bank: ItemBank) -> pa.Table:
    """The items that were answered at all, as `ITEM_FIT`."""
    rows = np.flatnonzero(sums.responses > 0)
    count, variance = sums.responses[rows], sums.variance[rows]
    return pa.table(
        {
            "assessment_id": [
                bank.assessments[bank.assessment[r]].assessment_id for r in rows.tolist()
            ],
            "item_id": [bank.item_id[r] for r in rows.tolist()],
            "dimension": [DIMENSIONS[bank.dimension[r]] for r in rows.tolist()],
            "responses": count.astype(np.int64),
            "observed_mean": sums.observed[rows] / count,
            "expected_mean": sums.expected[rows] / count,
            "z": (sums.observed[rows] - sums.expected[rows]) / np.sqrt(variance),
            "infit": sums.square[rows] / variance,
            "outfit": sums.standardized[rows] / count,
        },
        schema=ITEM_FIT,
    )
