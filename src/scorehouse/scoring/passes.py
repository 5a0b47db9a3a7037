"""Compiled passes over ragged rows: counting items, and residuals by target."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from scorehouse.scoring.kernel import KernelBank, Tests

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_CAT, _PT = 0, 1  # places in bank.PARTS


class ItemCounts(NamedTuple):
    """Items (not dimensions) of each test, one value a test.

    `main` is everything but the PT: the CAT, or the fixed form where a CAT would stand.
    """

    main_answered: Ints
    pt_answered: Ints
    cat_answered: Ints
    cat_presented: Ints


@njit(nogil=True, cache=True)
def _count(offsets, entry, answered, part, is_item, out):  # type: ignore[no-untyped-def]
    for i in range(len(offsets) - 1):
        for j in range(offsets[i], offsets[i + 1]):
            row = entry[j]
            if row < 0 or not is_item[row]:
                continue
            if part[row] == _CAT:
                out.cat_presented[i] += 1
                out.cat_answered[i] += answered[j]
            if part[row] == _PT:
                out.pt_answered[i] += answered[j]
            else:
                out.main_answered[i] += answered[j]


def count_items(
    tests: Tests,
    answered: npt.NDArray[np.bool_],
    part: npt.NDArray[np.int8],
    is_item: npt.NDArray[np.bool_],
) -> ItemCounts:
    """Count the items answered and presented in each test."""
    n = len(tests.offsets) - 1
    out = ItemCounts(*(np.zeros(n, np.int64) for _ in ItemCounts._fields))
    _count(tests.offsets, tests.entry, answered, part, is_item, out)
    return out


class TargetSums(NamedTuple):
    """One row for each test and target that it saw, in the order of tests, then targets."""

    test: Ints
    target: Ints
    to_student: Floats
    to_standard: Floats
    item_count: Ints
    raw_score: Floats
    raw_score_max: Floats


@njit(cache=True)
def _expected(theta, a, steps, count):  # type: ignore[no-untyped-def]
    """Points expected on one item, with the largest exponent taken out."""
    best = exponent = 0.0
    for k in range(count):
        exponent += a * (theta - steps[k])
        best = max(best, exponent)
    total = math.exp(-best)
    mean = exponent = 0.0
    for k in range(count):
        exponent += a * (theta - steps[k])
        weight = math.exp(exponent - best)
        total += weight
        mean += (k + 1) * weight
    return mean / total


@njit(nogil=True, cache=True)
def _add_targets(start, stop, tests, target, theta, standard, bank, sums, seen):  # type: ignore[no-untyped-def]
    """Sum one test's rows into `sums` (a column a target); returns how many were seen."""
    n = 0
    for j in range(start, stop):
        row = tests.entry[j]
        if row < 0 or target[row] < 0:
            continue
        t = target[row]
        if sums[2, t] == 0.0:
            seen[n] = t
            n += 1
        a, steps, count = bank.da[row], bank.steps[row], bank.step_count[row]
        sums[0, t] += tests.score[j] - _expected(theta, a, steps, count)
        sums[1, t] += tests.score[j] - _expected(standard, a, steps, count)
        sums[2, t] += 1.0
        sums[3, t] += tests.score[j]
        sums[4, t] += count
    return n


@njit(nogil=True, cache=True)
def _target_pass(which, tests, target, targets, theta, standard, bank, out):  # type: ignore[no-untyped-def]
    sums = np.zeros((5, targets))
    seen = np.empty(targets, np.int64)
    filled = 0
    for i in which:
        n = _add_targets(
            tests.offsets[i], tests.offsets[i + 1], tests, target, theta[i], standard[i], bank,
            sums, seen,
        )  # fmt: skip
        for t in np.sort(seen[:n]):
            out.test[filled] = i
            out.target[filled] = t
            out.to_student[filled] = sums[0, t] / sums[4, t]
            out.to_standard[filled] = sums[1, t] / sums[4, t]
            out.item_count[filled] = int(sums[2, t])
            out.raw_score[filled] = sums[3, t]
            out.raw_score_max[filled] = sums[4, t]
            filled += 1
            sums[:, t] = 0.0
    return filled


def target_sums(
    which: Ints,
    tests: Tests,
    target: npt.NDArray[np.int32],
    theta: Floats,
    standard: Floats,
    bank: KernelBank,
) -> TargetSums:
    """Residuals of the tests `which` by target.

    `target` is the target's number for each bank row (-1: none); `theta` and `standard`
    are each test's overall theta and its Level 3 theta cut.
    """
    targets = int(target.max(initial=-1)) + 1
    rows = int(sum(tests.offsets[which + 1] - tests.offsets[which]))
    kinds = (np.int64, np.int64, np.float64, np.float64, np.int64, np.float64, np.float64)
    columns: list[Any] = [np.empty(rows, kind) for kind in kinds]
    out = TargetSums(*columns)
    if not targets or not rows:
        return _first(out, 0)
    filled = _target_pass(which, tests, target, targets, theta, standard, bank, out)
    return _first(out, filled)


def _first(sums: TargetSums, n: int) -> TargetSums:
    columns: list[Any] = [column[:n] for column in sums]
    return TargetSums(*columns)


@njit(cache=True)
def _normal_cdf(z, out):  # type: ignore[no-untyped-def]
    for i in range(len(z)):
        out[i] = 0.5 * math.erfc(-z[i] / math.sqrt(2.0))


def normal_cdf(z: Floats) -> Floats:
    """The standard normal distribution function of each number."""
    out = np.empty_like(z)
    _normal_cdf(z, out)
    return out
