"""Maximum likelihood, test by test, on the fast path where it can be trusted.

A first theta comes from the items' expected scores at the bank's nodes: their sums give
T there, and cubic interpolation of its logit is right to about 1e-4. One evaluation and a
step of fourth order (T, I, J and K) then usually ends the search.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from scorehouse.scoring.careful import careful_item, careful_root
from scorehouse.scoring.evaluation import (
    ALL,
    SCORES,
    SEVERALS,
    SINGLES,
    evaluate,
    new_work,
    unpack,
)
from scorehouse.scoring.ragged import (
    DA,
    NO_ITEMS,
    NODES,
    NORMAL,
    PERFECT,
    POINTS,
    TOTAL,
    ZERO,
    Flags,
    KernelBank,
)

_CONVERGED = 2e-4  # the step's error is of its fourth power
_FLAT = 1e-3  # below this information the careful path takes over
_MOST_EVALUATIONS = 12
_WIDTH = NODES + 2
_SUMS = {"contract", "reassoc", "nsz", "arcp"}

SKIP, SINGLE, SEVERAL = 0, 1, 2
"""What a bank row is to a search: not selected, 2PL, GPCM."""


def kinds(selected: Flags, bank: KernelBank) -> npt.NDArray[np.int8]:
    """What each bank row is to the search, and the padding row, which is skipped."""
    kind = np.where(bank.step_count == 1, SINGLE, SEVERAL)
    return np.append(np.where(selected, kind, SKIP), SKIP).astype(np.int8)


@njit(cache=True, error_model="numpy")
def search(start, target, n_single, n_several, floats, reach):  # type: ignore[no-untyped-def]
    """Solve T(theta) = target; returns theta, I there, and whether to trust them."""
    theta = start
    for _ in range(_MOST_EVALUATIONS):
        if not abs(theta) <= reach:
            return theta, 0.0, False
        t, i, j, k = evaluate(theta, n_single, n_several, floats)
        if not i > _FLAT:
            return theta, 0.0, False
        step = (target - t) / i
        bend = 0.5 * step * j / i
        if abs(step) < _CONVERGED and abs(bend) < 0.1:
            turn = step * step * k / (6.0 * i)
            step *= 1.0 - bend + 2.0 * bend * bend - turn
            return theta + step, i + step * (j + 0.5 * step * k), True
        if bend > -0.5:
            step /= 1.0 + bend
        theta += min(max(step, -2.0), 2.0)
    return theta, 0.0, False


@njit(fastmath=_SUMS, cache=True, error_model="numpy")
def _add_nodes(n, expected, rows, sums):  # type: ignore[no-untyped-def]
    """Sum the rows' expected scores at every node, their total and their points."""
    pad = len(expected) - 1
    for j in range(n, n + 4):
        rows[ALL, j] = pad
    for g in range(_WIDTH):
        sums[g] = 0.0
    for j in range(0, n, 4):
        r0, r1, r2, r3 = rows[ALL, j], rows[ALL, j + 1], rows[ALL, j + 2], rows[ALL, j + 3]
        for g in range(_WIDTH):
            sums[g] += (expected[r0, g] + expected[r1, g]) + (expected[r2, g] + expected[r3, g])


@njit(cache=True, error_model="numpy")
def _logit(part, total):  # type: ignore[no-untyped-def]
    return math.log(part / (total - part))


@njit(cache=True, error_model="numpy")
def _start(target, sums, first_node, spacing):  # type: ignore[no-untyped-def]
    """Theta by inverse interpolation of logit T at the four nodes around the target."""
    total = float(sums[TOTAL])
    target32 = np.float32(target)
    below = 0
    for g in range(NODES):
        below += sums[g] < target32
    first = min(max(below - 2, 0), NODES - 4)
    z = _logit(target, total)
    z0 = _logit(float(sums[first]), total)
    z1 = _logit(float(sums[first + 1]), total)
    z2 = _logit(float(sums[first + 2]), total)
    z3 = _logit(float(sums[first + 3]), total)
    d01 = 1.0 / (z1 - z0)
    d12 = 1.0 / (z2 - z1)
    d23 = 1.0 / (z3 - z2)
    d012 = (d12 - d01) / (z2 - z0)
    d123 = (d23 - d12) / (z3 - z1)
    d0123 = (d123 - d012) / (z3 - z0)
    steps = (z - z0) * (d01 + (z - z1) * (d012 + (z - z2) * d0123))
    steps = min(max(steps, -4.0), 8.0)
    if not abs(steps) <= 8.0:
        steps = 1.5
    return first_node + spacing * (first + steps)


@njit(cache=True, error_model="numpy")
def _gather(start, stop, entry, score, kind, floats, rows):  # type: ignore[no-untyped-def]
    """Keep a test's selected rows, 2PL and GPCM apart; returns the counts."""
    n = n_single = n_several = 0
    pad = len(kind) - 1
    for j in range(start, stop):
        row = np.uint64(entry[j] if entry[j] >= 0 else pad)
        is_single = kind[row] == SINGLE
        is_several = kind[row] == SEVERAL
        floats[SCORES, n] = score[j]
        rows[ALL, n] = row
        rows[SINGLES, n_single] = row
        rows[SEVERALS, n_several] = row
        n += is_single | is_several
        n_single += is_single
        n_several += is_several
    return n, n_single, n_several


@njit(fastmath=_SUMS, cache=True, error_model="numpy")
def _points(n, packed, floats, rows):  # type: ignore[no-untyped-def]
    """Sums of D a x and of x over the kept rows."""
    target = raw = 0.0
    for j in range(n):
        x = floats[SCORES, j]
        target += packed[rows[ALL, j], DA] * x
        raw += x
    return target, raw


@njit(cache=True, error_model="numpy")
def _smallest(n, rows, packed):  # type: ignore[no-untyped-def]
    """Which of the kept rows has the smallest discrimination."""
    at = 0
    for j in range(1, n):
        if packed[rows[ALL, j], DA] < packed[rows[ALL, at], DA]:
            at = j
    return at


@njit(cache=True, error_model="numpy")
def _add_extra(row, count, n, n_single, n_several, kind, floats, rows):  # type: ignore[no-untyped-def]
    """Append `count` average items, scored 0."""
    for _ in range(count):
        rows[ALL, n] = row
        floats[SCORES, n] = 0.0
        n += 1
        if kind == SINGLE:
            rows[SINGLES, n_single] = row
            n_single += 1
        else:
            rows[SEVERALS, n_several] = row
            n_several += 1
    return n, n_single, n_several


@njit(cache=True, error_model="numpy")
def _extreme(n, raw, most, extras):  # type: ignore[no-untyped-def]
    if n == 0:
        return NO_ITEMS
    if raw <= 0.0:
        return ZERO
    if raw >= most and extras == 0:
        return PERFECT
    return NORMAL


@njit(cache=True, error_model="numpy")
def _longest(start, stop, tests):  # type: ignore[no-untyped-def]
    longest = 0
    for i in range(start, stop):
        longest = max(longest, tests.offsets[i + 1] - tests.offsets[i] + tests.extra_count[i])
    return longest


@njit(nogil=True, cache=True, error_model="numpy")
def solve_range(start, stop, tests, kind, bank, half_point, done, out):  # type: ignore[no-untyped-def]
    """Solve the tests start..stop that aren't done. `kind` is of each bank row, pad last."""
    floats, rows, nodes = new_work(_longest(start, stop, tests), _WIDTH)
    offsets, entry, score, extra, extra_count = tests
    packed, expected, step_count = bank.packed, bank.expected, bank.step_count
    out_theta, out_information, out_raw, out_most, out_count, out_extreme = out
    for i in range(start, stop):
        if done[i]:
            continue
        n, n_single, n_several = _gather(
            offsets[i], offsets[i + 1], entry, score, kind, floats, rows
        )
        target, raw = _points(n, packed, floats, rows)
        _add_nodes(n, expected, rows, nodes)
        most = float(nodes[POINTS])
        extras = extra_count[i] if n > 0 else 0
        extreme = _extreme(n, raw, most, extras)
        out_raw[i] = raw
        out_most[i] = most
        out_count[i] = n
        out_extreme[i] = extreme
        out_theta[i] = np.nan if extreme == NO_ITEMS else np.inf * extreme
        out_information[i] = 0.0
        if extreme == NO_ITEMS or (extreme != NORMAL and half_point <= 0.0):
            continue
        if extreme != NORMAL:
            at = _smallest(n, rows, packed)
            floats[SCORES, at] -= half_point * extreme
            target -= half_point * extreme * packed[rows[ALL, at], DA]
        if extras > 0:
            row = extra[i]
            model = SINGLE if step_count[row] == 1 else SEVERAL
            n, n_single, n_several = _add_extra(
                row, extras, n, n_single, n_several, model, floats, rows
            )
            _add_nodes(n, expected, rows, nodes)
        n_single, n_several = unpack(n_single, n_several, packed, floats, rows)
        first = _start(target, nodes, bank.first_node, bank.node_spacing)
        theta, info, is_trusted = search(first, target, n_single, n_several, floats, bank.reach)
        if not is_trusted:
            theta, info = careful_root(rows[ALL], floats[SCORES], n, bank)
        out_theta[i] = theta
        out_information[i] = info


@njit(cache=True, error_model="numpy")
def _careful_information(theta, start, stop, entry, answered, kind, bank):  # type: ignore[no-untyped-def]
    total = 0.0
    for j in range(start, stop):
        row = entry[j]
        if row >= 0 and kind[row] != SKIP and answered[j]:
            a = bank.da[row]
            _residual, variance = careful_item(theta, 0.0, a, bank.steps[row], bank.step_count[row])
            total += a * a * variance
    return total


@njit(cache=True, error_model="numpy")
def _gather_answered(start, stop, entry, answered, kind, rows):  # type: ignore[no-untyped-def]
    n_single = n_several = 0
    pad = len(kind) - 1
    for j in range(start, stop):
        row = np.uint64(entry[j] if entry[j] >= 0 else pad)
        rows[SINGLES, n_single] = row
        rows[SEVERALS, n_several] = row
        n_single += (kind[row] == SINGLE) & answered[j]
        n_several += (kind[row] == SEVERAL) & answered[j]
    return n_single, n_several


@njit(nogil=True, cache=True, error_model="numpy")
def information_range(start, stop, tests, answered, kind, theta, bank, out):  # type: ignore[no-untyped-def]
    """Information of the answered rows of tests start..stop, 0 where theta isn't finite."""
    floats, rows, _nodes = new_work(_longest(start, stop, tests), _WIDTH)
    offsets, entry, packed = tests.offsets, tests.entry, bank.packed
    for i in range(start, stop):
        out[i] = 0.0
        if not np.isfinite(theta[i]):
            continue
        first, last = offsets[i], offsets[i + 1]
        total = 0.0
        if abs(theta[i]) <= bank.reach:
            n_single, n_several = _gather_answered(first, last, entry, answered, kind, rows)
            n_single, n_several = unpack(n_single, n_several, packed, floats, rows)
            _t, total, _j, _k = evaluate(theta[i], n_single, n_several, floats)
        if not total > _FLAT:
            total = _careful_information(theta[i], first, last, entry, answered, kind, bank)
        out[i] = total
