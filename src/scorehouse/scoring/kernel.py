"""The fast implementation: maximum likelihood over whole administrations, compiled.

Tests are ragged (every adaptive test is its own form): `offsets[i]:offsets[i + 1]` are the
rows of test i, `entry` points each row into the item bank. 2PL and GPCM are an exponential
family, so theta solves T(theta) = t with t = sum of D·a·x, T its expectation, T' the
information I and T'' the summed third central moment J. Halley's step uses all three and
needs about three evaluations. exp(D·a·(theta - center)) to the power of k serves every
category of a GPCM item, so an evaluation costs one exponential an item, computed by a
polynomial that the compiler vectorizes.

What the fast path can't do well (flat likelihoods, more than four steps, overflow) goes to
a slow path that works item by item with exponents shifted, safeguarded by a bracket. The
plain-Python `reference` module is the text both are held to.

Every function is free of the interpreter lock: split a batch by tests and use threads.
"""

# The numbers here are numerical analysis, not rules: polynomial coefficients and tolerances.
from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

Floats = npt.NDArray[np.float64]
FAST_STEPS = 4

NORMAL, PERFECT, ZERO, NO_ITEMS = 0, 1, -1, 2
"""Values of the `extreme` column."""

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_ROUND = 6755399441055744.0  # 1.5 · 2**52: adding it leaves the nearest integer in the low bits
_P = tuple(1.0 / math.factorial(k) for k in range(13))
_SAFE_EXPONENT = 150.0  # u**4 stays finite below it
_CONVERGED = 1e-5  # Halley's error is cubic in the last step
_FLAT = 1e-3  # below this information the slow path takes over
_MOST_EVALUATIONS = 12


class KernelBank(NamedTuple):
    """An item bank as the kernel reads it: one row an entry, arrays of equal length."""

    da: Floats  # D · a
    step_count: npt.NDArray[np.int64]
    steps: Floats  # (n, most steps), 0 beyond the last
    packed: Floats  # (n, 8), one cache line an entry; columns below


# Columns of `packed`. The constants are exp(-D a sum_{k<=l} (b_k - center)), 0 beyond the
# last step and NaN where the fast path can't take the item.
_DA, _CENTER, _DAC, _STEPS, _K1, _K2, _K3, _K4 = range(8)


class Solved(NamedTuple):
    """One row a test. `theta` is infinite where a perfect or zero pattern was left so."""

    theta: Floats
    information: Floats
    raw_score: Floats
    raw_score_max: Floats
    item_count: npt.NDArray[np.int64]
    extreme: npt.NDArray[np.int8]


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
    constants[(count > FAST_STEPS) | ~inside.all(axis=1)] = np.nan
    packed = np.column_stack([da, center, da * center, count, constants])
    return KernelBank(da, count.astype(np.int64), np.nan_to_num(steps), packed)


@intrinsic  # type: ignore[untyped-decorator]
def _bits(_context: Any, number: Any) -> Any:
    def generate(_ctx: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _from_bits(_context: Any, number: Any) -> Any:
    def generate(_ctx: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), generate


@njit(fastmath={"contract"}, cache=True, error_model="numpy")
def fast_exp(x):  # type: ignore[no-untyped-def]
    """e**x for |x| < 700, within 2.3e-16 relative; the compiler vectorizes loops over it."""
    rounded = x * _LOG2_E + _ROUND
    k = rounded - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    high = _P[8] + r * (_P[9] + r * (_P[10] + r * (_P[11] + r * _P[12])))
    series = _P[4] + r * (_P[5] + r * (_P[6] + r * (_P[7] + r * high)))
    series = 1.0 + r * (1.0 + r * (_P[2] + r * (_P[3] + r * series)))
    return _from_bits(_bits(series) + (_bits(rounded) << 52))


_SUMS = {"contract", "reassoc", "nsz", "arcp"}


@njit(fastmath=_SUMS, cache=True, error_model="numpy")
def _evaluate_single(theta, n, da, dac):  # type: ignore[no-untyped-def]
    """T, I and J at theta summed over n 2PL rows."""
    expected = information = third = 0.0
    for j in range(n):
        u = fast_exp(da[j] * theta - dac[j])
        a = da[j]
        p = u / (1.0 + u)
        variance = a * a * (p - p * p)
        expected += a * p
        information += variance
        third += a * variance * (1.0 - 2.0 * p)
    return expected, information, third


@njit(fastmath=_SUMS, cache=True, error_model="numpy")
def _evaluate_steps(theta, n, work):  # type: ignore[no-untyped-def]
    """T, I and J at theta summed over n GPCM rows of up to four steps."""
    da, dac, k1, k2, k3, k4 = work.ga, work.gac, work.k1, work.k2, work.k3, work.k4
    expected = information = third = 0.0
    for j in range(n):
        u = fast_exp(da[j] * theta - dac[j])
        t1 = k1[j] * u
        t2 = k2[j] * u * u
        t3 = k3[j] * u * u * u
        t4 = k4[j] * u * u * u * u
        inverse = 1.0 / (1.0 + t1 + t2 + t3 + t4)
        m1 = (t1 + 2.0 * t2 + 3.0 * t3 + 4.0 * t4) * inverse
        m2 = (t1 + 4.0 * t2 + 9.0 * t3 + 16.0 * t4) * inverse
        m3 = (t1 + 8.0 * t2 + 27.0 * t3 + 64.0 * t4) * inverse
        a = da[j]
        expected += a * m1
        information += a * a * (m2 - m1 * m1)
        third += a * a * a * (m3 - 3.0 * m1 * m2 + 2.0 * m1 * m1 * m1)
    return expected, information, third


@njit(cache=True, error_model="numpy")
def _newton_fast(start, sums, work, n_single, n_steps):  # type: ignore[no-untyped-def]
    """Halley's method; returns theta, I there, and whether to trust them."""
    theta = start
    for _ in range(_MOST_EVALUATIONS):
        if sums.largest * (abs(theta) + 10.0) > _SAFE_EXPONENT:
            return theta, 0.0, False
        expected, information, third = _evaluate_single(theta, n_single, work.da, work.dac)
        more, more_information, more_third = _evaluate_steps(theta, n_steps, work)
        expected += more
        information += more_information
        third += more_third
        if not information > _FLAT:
            return theta, 0.0, False
        step = (sums.target - expected) / information
        bend = 1.0 + 0.5 * step * third / information
        if bend > 0.5:
            step = step / bend
        if abs(step) < _CONVERGED:
            return theta + step, information + third * step, True
        theta += min(max(step, -2.0), 2.0)
    return theta, 0.0, False


@njit(cache=True, error_model="numpy")
def _item_slow(theta, score, a, steps, count):  # type: ignore[no-untyped-def]
    """(x - E) and the variance of one item, each accurate in relative terms."""
    best = 0.0
    exponent = 0.0
    for k in range(count):
        exponent += a * (theta - steps[k])
        best = max(best, exponent)
    total = math.exp(-best)
    exponent = 0.0
    mean = 0.0
    residual = score * total
    for k in range(count):
        exponent += a * (theta - steps[k])
        weight = math.exp(exponent - best)
        total += weight
        mean += (k + 1) * weight
        residual += (score - (k + 1)) * weight
    mean /= total
    exponent = 0.0
    variance = math.exp(-best) * mean * mean
    for k in range(count):
        exponent += a * (theta - steps[k])
        variance += math.exp(exponent - best) * (k + 1 - mean) ** 2
    return residual / total, variance / total


@njit(cache=True, error_model="numpy")
def _slope_slow(theta, rows, scores, n, bank):  # type: ignore[no-untyped-def]
    """Slope of the log-likelihood and information, item by item."""
    slope = information = 0.0
    for j in range(n):
        row = rows[j]
        a = bank.da[row]
        residual, variance = _item_slow(theta, scores[j], a, bank.steps[row], bank.step_count[row])
        slope += a * residual
        information += a * a * variance
    return slope, information


@njit(cache=True, error_model="numpy")
def _bracket_end(start, direction, rows, scores, n, bank):  # type: ignore[no-untyped-def]
    """Walk outward, doubling, until the slope points back."""
    step = 1.0
    end = start
    for _ in range(60):
        slope, _info = _slope_slow(end, rows, scores, n, bank)
        if slope * direction <= 0.0:
            return end
        end += direction * step
        step *= 2.0
    return end


@njit(cache=True, error_model="numpy")
def _newton_slow(rows, scores, n, bank):  # type: ignore[no-untyped-def]
    """Bracketed Newton: for flat likelihoods and items the fast path can't take."""
    low_step = high_step = bank.steps[rows[0], 0]
    for j in range(n):
        for k in range(bank.step_count[rows[j]]):
            low_step = min(low_step, bank.steps[rows[j], k])
            high_step = max(high_step, bank.steps[rows[j], k])
    low = _bracket_end(low_step - 1.0, -1.0, rows, scores, n, bank)
    high = _bracket_end(high_step + 1.0, 1.0, rows, scores, n, bank)
    theta = 0.5 * (low + high)
    for _ in range(200):
        slope, information = _slope_slow(theta, rows, scores, n, bank)
        if slope > 0.0:
            low = theta
        else:
            high = theta
        following = theta + slope / information if information > 0.0 else low - 1.0
        if not low <= following <= high:
            following = 0.5 * (low + high)
        done = abs(following - theta) <= 1e-15 * max(1.0, abs(theta))
        theta = following
        if done:
            break
    _slope, information = _slope_slow(theta, rows, scores, n, bank)
    return theta, information


class _Work(NamedTuple):
    """Scratch rows of one test, for the evaluations: 2PL rows, then GPCM rows, then all."""

    da: Floats
    dac: Floats
    ga: Floats
    gac: Floats
    k1: Floats
    k2: Floats
    k3: Floats
    k4: Floats
    rows: npt.NDArray[np.int64]
    scores: Floats


class _Sums(NamedTuple):
    """What one pass over a test's rows adds up."""

    raw: float
    most: float  # the highest raw score possible
    target: float  # sum of D a x
    total: float  # sum of D a m
    center: float  # sum of D a m · center
    square: float  # sum of D a m · center²
    largest: float  # D a


_PAD = 8


@njit(cache=True, error_model="numpy")
def _new_work(start, stop, offsets, extra_count):  # type: ignore[no-untyped-def]
    """Scratch for the longest of the tests, padded to whole vectors."""
    longest = 0
    for i in range(start, stop):
        longest = max(longest, offsets[i + 1] - offsets[i] + extra_count[i])
    n = longest + 2 * _PAD
    floats = np.zeros((9, n))
    return _Work(
        floats[0], floats[1], floats[2], floats[3], floats[4], floats[5], floats[6], floats[7],
        np.zeros(n, np.int64), floats[8],
    )  # fmt: skip


@njit(cache=True, error_model="numpy")
def _gather(start, stop, entry, score, selected, work):  # type: ignore[no-untyped-def]
    """Keep a test's selected rows; returns how many."""
    n = 0
    for j in range(start, stop):
        row = entry[j]
        if row >= 0 and selected[row]:
            work.rows[n] = row
            work.scores[n] = score[j]
            n += 1
    return n


@njit(cache=True, error_model="numpy")
def _unpack(n, packed, work):  # type: ignore[no-untyped-def]
    """Part the kept rows into 2PL and GPCM, pad both, and add up what Newton needs."""
    single = steps = 0
    raw = most = target = total = center = square = largest = 0.0
    for j in range(n):
        row = work.rows[j]
        x = work.scores[j]
        a = packed[row, _DA]
        m = packed[row, _STEPS]
        work.da[single] = work.ga[steps] = a
        work.dac[single] = work.gac[steps] = packed[row, _DAC]
        work.k1[steps] = packed[row, _K1]
        work.k2[steps] = packed[row, _K2]
        work.k3[steps] = packed[row, _K3]
        work.k4[steps] = packed[row, _K4]
        is_single = m == 1.0
        single += is_single
        steps += not is_single
        raw += x
        most += m
        target += a * x
        total += a * m
        center += a * m * packed[row, _CENTER]
        square += a * m * packed[row, _CENTER] * packed[row, _CENTER]
        largest = max(largest, a)
    while single % _PAD:
        work.da[single] = work.dac[single] = 0.0
        single += 1
    while steps % (_PAD // 2):
        work.ga[steps] = work.gac[steps] = 0.0
        work.k1[steps] = work.k2[steps] = work.k3[steps] = work.k4[steps] = 0.0
        steps += 1
    return _Sums(raw, most, target, total, center, square, largest), single, steps


@njit(cache=True, error_model="numpy")
def _start(n, sums):  # type: ignore[no-untyped-def]
    """A first theta from the share of points and the items' mean and spread."""
    share = min(max(sums.target / sums.total, 1e-3), 1.0 - 1e-3)
    mean = sums.center / sums.total
    steepness = sums.total / n
    variance = max(sums.square / sums.total - mean * mean, 0.0)
    spread = math.sqrt(1.0 / (steepness * steepness) + variance / 2.89)
    return mean + spread * math.log(share / (1.0 - share))


@njit(cache=True, error_model="numpy")
def _smallest(n, work, bank):  # type: ignore[no-untyped-def]
    """The kept row with the smallest discrimination."""
    at = 0
    for j in range(1, n):
        if bank.da[work.rows[j]] < bank.da[work.rows[at]]:
            at = j
    return at


@njit(cache=True, error_model="numpy")
def _solve_kept(n, work, bank):  # type: ignore[no-untyped-def]
    """Theta and information of the rows in `work`, by the fast path or the slow."""
    sums, single, steps = _unpack(n, bank.packed, work)
    theta, information, is_trusted = _newton_fast(_start(n, sums), sums, work, single, steps)
    if not is_trusted:
        theta, information = _newton_slow(work.rows, work.scores, n, bank)
    return theta, information


@njit(cache=True, error_model="numpy")
def _raw(n, work, bank):  # type: ignore[no-untyped-def]
    """Raw score and its maximum over the kept rows."""
    raw = most = 0.0
    for j in range(n):
        raw += work.scores[j]
        most += bank.step_count[work.rows[j]]
    return raw, most


@njit(nogil=True, cache=True, error_model="numpy")
def _solve_range(start, stop, tests, selected, bank, half_point, out):  # type: ignore[no-untyped-def]
    """Solve tests start..stop into `out`; see `solve`."""
    work = _new_work(start, stop, tests.offsets, tests.extra_count)
    for i in range(start, stop):
        n = _gather(
            tests.offsets[i], tests.offsets[i + 1], tests.entry, tests.score, selected, work
        )
        raw, most = _raw(n, work, bank)
        out.raw_score[i] = raw
        out.raw_score_max[i] = most
        out.item_count[i] = n
        out.theta[i] = np.nan
        out.information[i] = 0.0
        extras = tests.extra_count[i] if n > 0 else 0
        if n == 0:
            extreme = NO_ITEMS
        elif raw <= 0.0:
            extreme = ZERO
        elif raw >= most and extras == 0:
            extreme = PERFECT
        else:
            extreme = NORMAL
        out.extreme[i] = extreme
        if extreme in (ZERO, PERFECT):
            work.scores[_smallest(n, work, bank)] -= half_point * extreme
            out.theta[i] = np.inf * extreme
        for _ in range(extras):
            work.rows[n] = tests.extra[i]
            work.scores[n] = 0.0
            n += 1
        if extreme == NORMAL or (extreme != NO_ITEMS and half_point > 0.0):
            out.theta[i], out.information[i] = _solve_kept(n, work, bank)


@njit(nogil=True, cache=True, error_model="numpy")
def _information_range(start, stop, tests, answered, selected, theta, bank, out):  # type: ignore[no-untyped-def]
    """Information of the answered rows of tests start..stop; see `information`."""
    for i in range(start, stop):
        total = 0.0
        if np.isfinite(theta[i]):
            for j in range(tests.offsets[i], tests.offsets[i + 1]):
                row = tests.entry[j]
                if row >= 0 and selected[row] and answered[j]:
                    a = bank.da[row]
                    _residual, variance = _item_slow(
                        theta[i], 0.0, a, bank.steps[row], bank.step_count[row]
                    )
                    total += a * a * variance
        out[i] = total


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


def _in_threads(task: Any, n: int, threads: int) -> None:
    """Run task(start, stop) over n tests in equal slices."""
    if threads <= 1 or n < 2 * threads:
        task(0, n)
        return
    ends = np.linspace(0, n, threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(task, ends[:-1], ends[1:]))


def solve(
    tests: Tests,
    selected: npt.NDArray[np.bool_],
    bank: KernelBank,
    *,
    half_point: float,
    threads: int = 1,
) -> Solved:
    """Maximum likelihood theta of each test over the bank rows in `selected`.

    A perfect (zero) pattern has `half_point` taken off (added to) its item of smallest
    discrimination; with `half_point` 0 its theta stays infinite. `information` counts all
    rows at theta, answered or not; NaN theta and `NO_ITEMS` where nothing was selected.
    """
    n = len(tests.offsets) - 1
    out = Solved(
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(n, np.int64),
        np.empty(n, np.int8),
    )
    _in_threads(
        lambda start, stop: _solve_range(start, stop, tests, selected, bank, half_point, out),
        n,
        threads,
    )
    return out


def information(
    tests: Tests,
    answered: npt.NDArray[np.bool_],
    selected: npt.NDArray[np.bool_],
    theta: Floats,
    bank: KernelBank,
    *,
    threads: int = 1,
) -> Floats:
    """Information of each test's answered, selected rows at `theta` (0 where not finite)."""
    out = np.empty(len(theta))
    _in_threads(
        lambda start, stop: _information_range(
            start, stop, tests, answered, selected, theta, bank, out
        ),
        len(theta),
        threads,
    )
    return out
