"""What the kernel reads and writes: ragged tests, the prepared item bank, solutions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NORMAL, PERFECT, ZERO, NO_ITEMS = 0, 1, -1, 2
"""Values of the `extreme` column."""

FAST_STEPS = 4
"""Items of more steps go to the careful path."""

NODES = 30
"""Points of theta at which the bank keeps each item's expected score."""

# Columns of `packed`. The constants are exp(-D a sum_{k<=l} (b_k - center)), 0 beyond the
# last step and NaN where the fast path can't take the item.
DA, DAC, K1, K2, K3, K4 = range(6)
PACKED_WIDTH = 8  # one cache line

# Columns of `expected` after the nodes.
TOTAL, POINTS = NODES, NODES + 1

_STEEPEST = 7.0  # D·a, and
_FARTHEST = 10.0  # center: beyond these the fast path doesn't take an item
_SAFE_EXPONENT = 150.0  # u**4 stays finite below it
_MARGIN = 2.0  # of theta, beyond the bulk of the item centers
_BULK = (2.0, 98.0)  # percentiles
_HALF_WIDTH = 2.0  # of the nodes' range, at least


class Tests(NamedTuple):
    """Ragged tests: rows `offsets[i]:offsets[i + 1]` are test i.

    `entry` is the bank row of each response (negative: skip), `score` its points (0 where
    unanswered). `extra[i]` is the bank row of the average item that stands, with score 0,
    for each of `extra_count[i]` items the test never reached.
    """

    offsets: npt.NDArray[np.int64]
    entry: npt.NDArray[np.int32]
    score: Floats
    extra: npt.NDArray[np.int32]
    extra_count: npt.NDArray[np.int64]

    @classmethod
    def complete(
        cls,
        offsets: npt.NDArray[np.int64],
        entry: npt.NDArray[np.int32],
        score: Floats,
    ) -> Tests:
        """Tests without any simulated item."""
        n = len(offsets) - 1
        return cls(offsets, entry, score, np.zeros(n, np.int32), np.zeros(n, np.int64))


class Solved(NamedTuple):
    """One row a test. `theta` is infinite where a perfect or zero pattern was left so."""

    theta: Floats
    information: Floats
    raw_score: Floats
    raw_score_max: Floats
    item_count: npt.NDArray[np.int64]
    extreme: npt.NDArray[np.int8]

    @classmethod
    def empty(cls, n: int) -> Solved:
        """Room for n tests."""
        theta, information, raw, most = np.empty((4, n))
        return cls(theta, information, raw, most, np.empty(n, np.int64), np.empty(n, np.int8))


class KernelBank(NamedTuple):
    """An item bank as the kernel reads it: one row an entry.

    `packed` and `expected` have one row more, of an item that weighs nothing: padding.
    """

    da: Floats  # D · a
    step_count: npt.NDArray[np.int64]
    steps: Floats  # (n, most steps), 0 beyond the last
    packed: Floats  # (n + 1, PACKED_WIDTH)
    expected: npt.NDArray[np.float32]  # (n + 1, NODES + 2): D a E(x) at each node, D a m, m
    first_node: float
    node_spacing: float
    reach: float  # the fast path is safe for |theta| up to here


def kernel_bank(discrimination: Floats, steps: Floats, model_constant: float) -> KernelBank:
    """Prepare the constants of each item. `steps` is (n, most), NaN beyond an item's last."""
    count = np.sum(~np.isnan(steps), axis=1)
    center = np.nanmean(steps, axis=1)
    da = discrimination * model_constant
    partial = np.cumsum(np.nan_to_num(steps - center[:, None]), axis=1)
    constants = np.zeros((len(da), FAST_STEPS))
    width = min(FAST_STEPS, steps.shape[1])
    with np.errstate(over="ignore"):
        constants[:, :width] = np.exp(-da[:, None] * partial[:, :width])
    constants[np.arange(FAST_STEPS) >= count[:, None]] = 0.0
    inside = (constants == 0.0) | ((constants > 1e-100) & (constants < 1e100))
    fit = (count <= FAST_STEPS) & inside.all(axis=1)
    fit &= (da <= _STEEPEST) & (np.abs(center) <= _FARTHEST)
    constants[~fit] = np.nan
    packed = np.zeros((len(da) + 1, PACKED_WIDTH))
    packed[:-1, : K4 + 1] = np.column_stack([da, da * center, constants])
    largest = float(np.max(da, where=fit, initial=0.5))
    reach = _SAFE_EXPONENT / largest - float(np.max(np.abs(center), where=fit, initial=0.0))
    nodes = _nodes(center)
    expected = np.zeros((len(da) + 1, NODES + 2), np.float32)
    expected[:-1, :NODES] = _expected(nodes, da, steps)
    expected[:-1, TOTAL] = da * count
    expected[:-1, POINTS] = count
    return KernelBank(
        da,
        count.astype(np.int64),
        np.nan_to_num(steps),
        packed,
        expected,
        float(nodes[0]),
        float(nodes[1] - nodes[0]),
        reach,
    )


def _nodes(center: Floats) -> Floats:
    """Evenly spaced thetas over the bulk of a bank, where nearly every estimate falls."""
    low, high = np.percentile(center, _BULK) if len(center) else (0.0, 0.0)
    middle = 0.5 * (low + high)
    half = max(0.5 * (high - low) + _MARGIN, _HALF_WIDTH)
    return np.linspace(middle - half, middle + half, NODES)


def _expected(nodes: Floats, da: Floats, steps: Floats) -> Floats:
    """D a E(x) of each item (rows) at each node (columns)."""
    sums = np.zeros((len(da), len(nodes)))
    exponent = np.zeros_like(sums)
    largest = np.zeros_like(sums)
    exponents = [exponent]
    for column in range(steps.shape[1]):
        exponent = exponent + da[:, None] * (nodes - steps[:, column, None])
        exponents.append(exponent)
        largest = np.fmax(largest, exponent)
    total = np.zeros_like(sums)
    for points, each in enumerate(exponents):
        weight = np.nan_to_num(np.exp(each - largest))
        total += weight
        sums += points * weight
    return da[:, None] * sums / total
