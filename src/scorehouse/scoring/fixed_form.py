"""Fixed forms: theta depends on the sum of D·a·x alone, so it is tabulated once a form.

The table is uniform in z = log(t / (total - t)), t the sum of D·a·x and total its highest
value. Cubic Hermite pieces use exact derivatives: dtheta/dz = t (total - t) / (total · I),
and dI/dz = J · dtheta/dz. The table is refined until it is right, at the middle of every
piece, to a twentieth of what the kernel promises (1e-9); a form that can't be tabulated so well
has no table. Perfect and zero patterns are solved directly.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from scorehouse.scoring.evaluation import SEVERALS, SINGLES, evaluate, new_work, unpack
from scorehouse.scoring.ragged import (
    NODES,
    NORMAL,
    PERFECT,
    ZERO,
    Flags,
    Floats,
    KernelBank,
    Solved,
    Tests,
)
from scorehouse.scoring.solver import SEVERAL, SINGLE, kinds, search, solve_range

Rows = npt.NDArray[np.int32]
_SUMS = {"contract", "reassoc", "nsz", "arcp"}

_FIRST_PIECES, _MOST_PIECES = 256, 16384
_SAME_THETA, _SAME_INFORMATION = 5e-11, 5e-10  # information: relative
_NEAREST_END = 0.45  # of the smallest D·a: no whole or half point comes nearer to an end
_BLOCK = 16  # positions that a loop takes at once
_SAMPLE = 64  # tests looked at, to find forms
_OFTEN = 4  # in the sample
_ENOUGH = 4096  # tests that pay for a table

THETA, THETA_SLOPE, INFORMATION, INFORMATION_SLOPE = range(4)
"""Columns of the nodes; slopes are for a step of one node."""


class Table(NamedTuple):
    """A form's inverse, as the compiled functions read it."""

    weights: Floats  # D·a and 1 by position, 0 and 0 where the row isn't selected; see `_weights`
    total: float  # the highest sum of D·a·x
    points: float
    items: int
    first: float  # z of the first node
    per_node: float  # nodes for a step of 1 in z
    nodes: Floats  # (n, 4)
    zero: Floats  # theta and information of the zero pattern
    perfect: Floats  # theta and information of the perfect pattern


@dataclass(frozen=True)
class FormTable:
    """A fixed form ready to be scored: two sums and a look-up a student.

    `rows` are its bank rows in order. `table` is for the compiled functions.
    """

    rows: Rows
    table: Table

    @classmethod
    def build(
        cls,
        rows: Rows,
        bank: KernelBank,
        half_point: float,
        selected: Flags | None = None,
    ) -> FormTable | None:
        """Tabulate a form, or return None where a table can't be right (nearly flat forms).

        `half_point` as in `kernel.solve`. Rows that are negative or not in `selected` keep
        their place in the form but don't enter.
        """
        chosen = np.ones(len(bank.da), bool) if selected is None else selected
        enters = (rows >= 0) & chosen[rows]
        if not enters.any():
            return None
        weight = np.where(enters, bank.da[rows], 0.0)
        points = np.where(enters, bank.step_count[rows], 0)
        total = float(weight @ points)
        nearest = _NEAREST_END * float(weight[enters].min())
        last = math.log((total - nearest) / nearest)
        nodes = _nodes(rows[enters].astype(np.int64), bank, total, last)
        if nodes is None:
            return None
        table = Table(
            _weights(weight, enters),
            total,
            float(points.sum()),
            int(enters.sum()),
            -last,
            (len(nodes) - 1) / (2.0 * last),
            nodes,
            *_extremes(rows, points, chosen, bank, half_point),
        )
        return cls(rows, table)

    def solve(self, scores: npt.NDArray[np.int8]) -> Solved:
        """Solve students' scores (n, items), whole points, in the order of `rows`.

        Any integer type will do; the narrower, the faster.
        """
        out = Solved.empty(len(scores))
        _solve_matrix(np.ascontiguousarray(scores), self.table, out)
        return out


def _weights(weight: Floats, enters: Flags) -> Floats:
    """Weights (2, n + block): the form's, then those of its last block's left-over positions."""
    n = len(weight)
    both = np.vstack([weight, enters.astype(np.float64)])
    tail = np.zeros((2, _BLOCK))
    left_over = n % _BLOCK if n >= _BLOCK else 0
    tail[:, _BLOCK - left_over :] = both[:, n - left_over :]
    return np.hstack([both, tail])


def _extremes(
    rows: Rows, points: npt.NDArray[np.int64], selected: Flags, bank: KernelBank, half_point: float
) -> tuple[Floats, Floats]:
    """Theta and information of the zero and of the perfect pattern, solved as any test."""
    n = len(rows)
    scores = np.concatenate([np.zeros(n), points.astype(np.float64)])
    both = Tests.complete(np.array([0, n, 2 * n]), np.concatenate([rows, rows]), scores)
    out = Solved.empty(2)
    nowhere = np.zeros(2, bool)
    solve_range(0, 2, both, kinds(selected, bank), bank, half_point, nowhere, out)
    pairs = np.column_stack([out.theta, out.information])
    return pairs[0], pairs[1]


def _nodes(
    rows: npt.NDArray[np.int64], bank: KernelBank, total: float, last: float
) -> Floats | None:
    """Nodes from z = -last to last, halving the pieces until their middles are right."""
    pieces = _FIRST_PIECES
    nodes: Floats
    is_good, nodes = _invert(rows, bank, total, np.linspace(-last, last, pieces + 1))
    while is_good and pieces < _MOST_PIECES:
        z = np.linspace(-last, last, 2 * pieces + 1)
        is_good, middles = _invert(rows, bank, total, z[1::2])
        spacing = 2.0 * last / pieces
        if is_good and _is_right(nodes, middles, spacing):
            nodes[:, [THETA_SLOPE, INFORMATION_SLOPE]] *= spacing
            return nodes
        both = np.empty((2 * pieces + 1, 4))
        both[0::2], both[1::2] = nodes, middles
        nodes, pieces = both, 2 * pieces
    return None


def _is_right(nodes: Floats, middles: Floats, spacing: float) -> bool:
    """Whether each piece, at its middle, gives theta and information of the exact solution."""
    left, right = nodes[:-1], nodes[1:]
    guess = 0.5 * (left + right)
    bend = spacing / 8.0 * (left - right)
    theta = guess[:, THETA] + bend[:, THETA_SLOPE] - middles[:, THETA]
    info = guess[:, INFORMATION] + bend[:, INFORMATION_SLOPE] - middles[:, INFORMATION]
    is_near = np.abs(info) <= _SAME_INFORMATION * middles[:, INFORMATION]
    return bool(np.all(np.abs(theta) <= _SAME_THETA) and np.all(is_near))


@njit(cache=True, error_model="numpy")
def _invert(form, bank, total, z):  # type: ignore[no-untyped-def]
    """Solve T(theta) = t at each z; slopes are in z. False: somewhere it can't be trusted."""
    floats, rows, _nodes = new_work(len(form), NODES)
    n_single = n_several = 0
    for j in range(len(form)):
        if bank.step_count[form[j]] == 1:
            rows[SINGLES, n_single] = form[j]
            n_single += 1
        else:
            rows[SEVERALS, n_several] = form[j]
            n_several += 1
    n_single, n_several = unpack(n_single, n_several, bank.packed, floats, rows)
    out = np.empty((len(z), 4))
    theta = bank.first_node
    for k in range(len(z)):
        t = total / (1.0 + math.exp(-z[k]))
        theta, info, is_trusted = search(theta, t, n_single, n_several, floats, bank.reach)
        if not is_trusted:
            return False, out
        _t, info, third, _fourth = evaluate(theta, n_single, n_several, floats)
        slope = t / (1.0 + math.exp(z[k])) / info
        out[k, THETA] = theta
        out[k, THETA_SLOPE] = slope
        out[k, INFORMATION] = info
        out[k, INFORMATION_SLOPE] = third * slope
        if k + 1 < len(z):
            theta += slope * (z[k + 1] - z[k])
    return True, out


@njit(cache=True, error_model="numpy")
def _look_up(t, total, first, per_node, nodes):  # type: ignore[no-untyped-def]
    """Theta and information at a sum of D a x; NaN outside the table."""
    place = (math.log(t / (total - t)) - first) * per_node
    if not 0.0 <= place <= len(nodes) - 1:
        return np.nan, np.nan
    k = np.int64(place)
    k -= k == len(nodes) - 1
    s = place - k
    r = 1.0 - s
    right = s * s * (1.0 + 2.0 * r)
    left = 1.0 - right
    left_slope = r * r * s
    right_slope = -s * s * r
    theta = (
        left * nodes[k, THETA] + right * nodes[k + 1, THETA]
        + left_slope * nodes[k, THETA_SLOPE] + right_slope * nodes[k + 1, THETA_SLOPE]
    )  # fmt: skip
    information = (
        left * nodes[k, INFORMATION] + right * nodes[k + 1, INFORMATION]
        + left_slope * nodes[k, INFORMATION_SLOPE] + right_slope * nodes[k + 1, INFORMATION_SLOPE]
    )  # fmt: skip
    return theta, information


@njit(cache=True, error_model="numpy")
def _decide(t, raw, total, points, first, per_node, nodes, zero, perfect):  # type: ignore[no-untyped-def]
    """Theta, information and the kind of pattern."""
    if raw <= 0.0:
        return zero[0], zero[1], ZERO
    if raw >= points:
        return perfect[0], perfect[1], PERFECT
    theta, information = _look_up(t, total, first, per_node, nodes)
    return theta, information, NORMAL


@njit(fastmath=_SUMS, cache=True, error_model="numpy")
def _dot(scores, weight, count):  # type: ignore[no-untyped-def]
    """Sums of weight·x and of count·x."""
    t = raw = 0.0
    for j in range(len(scores)):
        x = np.float64(scores[j])
        t += weight[j] * x
        raw += count[j] * x
    return t, raw


@njit(cache=True, error_model="numpy")
def _weigh(scores, begin, end, weight, count):  # type: ignore[no-untyped-def]
    """Sums of D a x and of x over a student's scores, `weight` and `count` as of `_weights`.

    Whole blocks, then one block that ends with the form and weighs only what the others
    left: nothing is left to a loop without vectors.
    """
    n = end - begin
    if n < _BLOCK:
        return _dot(scores[begin:end], weight, count)
    whole = begin + n // _BLOCK * _BLOCK
    t, raw = _dot(scores[begin:whole], weight, count)
    more_t, more_raw = _dot(scores[end - _BLOCK : end], weight[n:], count[n:])
    return t + more_t, raw + more_raw


@njit(nogil=True, cache=True, error_model="numpy")
def _solve_matrix(scores, table, out):  # type: ignore[no-untyped-def]
    weights, total, points, items, first, per_node, nodes, zero, perfect = table
    theta, information, raw_score, most, item_count, extreme = out
    weight, count = weights[0], weights[1]
    flat = scores.reshape(-1)
    n = scores.shape[1]
    for i in range(len(scores)):
        t, raw = _weigh(flat, i * n, (i + 1) * n, weight, count)
        theta[i], information[i], extreme[i] = _decide(
            t, raw, total, points, first, per_node, nodes, zero, perfect
        )
        raw_score[i] = raw
        most[i] = points
        item_count[i] = items


@njit(cache=True, error_model="numpy")
def _same(rows, form):  # type: ignore[no-untyped-def]
    differs = np.int32(0)
    for j in range(len(rows)):
        differs |= rows[j] ^ form[j]
    return differs == 0


@njit(cache=True, error_model="numpy")
def _has_order(entry, start, form):  # type: ignore[no-untyped-def]
    """Whether a test's rows are the form's, in the form's order."""
    n = len(form)
    if n < _BLOCK:
        return _same(entry[start : start + n], form)
    whole = n // _BLOCK * _BLOCK
    last = start + n - _BLOCK
    return _same(entry[start : start + whole], form) and _same(
        entry[last : last + _BLOCK], form[n - _BLOCK :]
    )


@njit(cache=True, error_model="numpy")
def _weigh_shuffled(start, stop, entry, score, kind, da, place, seen, mark):  # type: ignore[no-untyped-def]
    """Sums of D a x and x, and the items, of a test's rows in any order; -1 for other rows."""
    t = raw = 0.0
    n = 0
    for j in range(start, stop):
        row = entry[j]
        if row < 0 or (kind[row] != SINGLE and kind[row] != SEVERAL):
            continue
        if place[row] < 0 or seen[place[row]] == mark:
            return t, raw, -1
        seen[place[row]] = mark
        t += da[row] * score[j]
        raw += score[j]
        n += 1
    return t, raw, n


@njit(nogil=True, cache=True, error_model="numpy")
def solve_form_range(start, stop, tests, kind, da, form, place, table, done, out):  # type: ignore[no-untyped-def]
    """Solve those of the tests start..stop that are the form, and mark them done.

    `place` is the position in the form of each bank row, -1 for rows not in it.
    """
    weights, total, points, items, first, per_node, nodes, zero, perfect = table
    out_theta, out_information, out_raw, out_most, out_count, out_extreme = out
    offsets, entry, score, _extra, extra_count = tests
    weight, count = weights[0], weights[1]
    seen = np.full(len(form), -1, np.int64)
    for i in range(start, stop):
        begin, end = offsets[i], offsets[i + 1]
        if done[i] or extra_count[i] > 0 or end - begin < items:
            continue
        if end - begin == len(form) and _has_order(entry, begin, form):
            t, raw = _weigh(score, begin, end, weight, count)
        else:
            t, raw, n = _weigh_shuffled(begin, end, entry, score, kind, da, place, seen, i)
            if n != items:
                continue
        theta, information, extreme = _decide(
            t, raw, total, points, first, per_node, nodes, zero, perfect
        )
        if extreme == NORMAL and np.isnan(theta):
            continue
        out_theta[i] = theta
        out_information[i] = information
        out_extreme[i] = extreme
        out_raw[i] = raw
        out_most[i] = points
        out_count[i] = items
        done[i] = True


def find_forms(tests: Tests, selected: Flags) -> list[Rows]:
    """Forms that so many tests share that a table pays, from an even sample of the tests.

    Which rows are in a form counts, not their order; each form is given in the order of its
    first test in the sample.
    """
    n = len(tests.offsets) - 1
    if n < _ENOUGH:
        return []
    counts: Counter[bytes] = Counter()
    firsts: dict[bytes, Rows] = {}
    for i in np.linspace(0, n - 1, _SAMPLE).astype(int).tolist():
        rows = tests.entry[tests.offsets[i] : tests.offsets[i + 1]]
        kept = np.sort(rows[(rows >= 0) & selected[rows]])
        if len(kept) and np.all(np.diff(kept) > 0) and tests.extra_count[i] == 0:
            counts[kept.tobytes()] += 1
            firsts.setdefault(kept.tobytes(), rows)
    often = [key for key, count in counts.items() if count >= _OFTEN]
    return [firsts[key] for key in often if counts[key] * n >= _ENOUGH * _SAMPLE]


def places(form: Rows, selected: Flags, bank_rows: int) -> Rows:
    """The position of each bank row in a form, -1 for those that aren't in it."""
    place = np.full(bank_rows, -1, np.int32)
    enters = (form >= 0) & selected[form]
    place[form[enters]] = np.flatnonzero(enters)
    return place
