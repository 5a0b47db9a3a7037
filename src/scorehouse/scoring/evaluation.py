"""The likelihood's sums at one theta, over many items at once.

T is the expected sum of D·a·x, and its derivatives in theta are the summed second, third
and fourth cumulants of it: I (the information), J and K. One exponential an item gives
them all: exp(D·a·(theta - center)) to the power of k serves category k.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from scorehouse.scoring.fast_exp import fast_exp
from scorehouse.scoring.ragged import DA, DAC, K1, K2, K3, K4, Floats

PAD = 8  # rows, a multiple of any vector's length
_SUMS = {"contract", "reassoc", "nsz", "arcp"}


class Work(NamedTuple):
    """Scratch for one test: constants of its 2PL rows, of its GPCM rows, then all rows."""

    da: Floats
    dac: Floats
    ga: Floats
    gac: Floats
    k1: Floats
    k2: Floats
    k3: Floats
    k4: Floats
    scores: Floats
    rows: npt.NDArray[np.int64]
    single: npt.NDArray[np.int64]  # bank rows of the 2PL items
    several: npt.NDArray[np.int64]  # bank rows of the GPCM items
    nodes: npt.NDArray[np.float32]  # the test's T at the bank's nodes


@njit(cache=True, error_model="numpy")
def new_work(longest, width):  # type: ignore[no-untyped-def]
    """Scratch for tests of up to `longest` rows."""
    n = longest + 2 * PAD
    f = np.zeros((9, n))
    r = np.zeros((3, n), np.int64)
    return Work(
        f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], r[0], r[1], r[2],
        np.zeros(width, np.float32),
    )  # fmt: skip


@njit(cache=True, error_model="numpy")
def unpack(n_single, n_several, packed, work):  # type: ignore[no-untyped-def]
    """Lay the constants of the chosen rows out for `evaluate`, padded; returns new counts."""
    pad = len(packed) - 1
    while n_single % PAD:
        work.single[n_single] = pad
        n_single += 1
    while n_several % (PAD // 2):
        work.several[n_several] = pad
        n_several += 1
    for j in range(n_single):
        row = work.single[j]
        work.da[j] = packed[row, DA]
        work.dac[j] = packed[row, DAC]
    for j in range(n_several):
        row = work.several[j]
        work.ga[j] = packed[row, DA]
        work.gac[j] = packed[row, DAC]
        work.k1[j] = packed[row, K1]
        work.k2[j] = packed[row, K2]
        work.k3[j] = packed[row, K3]
        work.k4[j] = packed[row, K4]
    return n_single, n_several


@njit(fastmath=_SUMS, cache=True, error_model="numpy")
def _single(theta, n, da, dac):  # type: ignore[no-untyped-def]
    """T, I, J and K at theta summed over n 2PL rows."""
    expected = information = third = fourth = 0.0
    for j in range(n):
        a = da[j]
        u = fast_exp(a * theta - dac[j])
        p = u / (1.0 + u)
        v = p - p * p
        square = a * a
        variance = square * v
        expected += a * p
        information += variance
        third += a * variance * (1.0 - 2.0 * p)
        fourth += square * variance * (1.0 - 6.0 * v)
    return expected, information, third, fourth


@njit(fastmath=_SUMS, cache=True, error_model="numpy")
def _several(theta, n, work):  # type: ignore[no-untyped-def]
    """T, I, J and K at theta summed over n GPCM rows of up to four steps."""
    da, dac, k1, k2, k3, k4 = work.ga, work.gac, work.k1, work.k2, work.k3, work.k4
    expected = information = third = fourth = 0.0
    for j in range(n):
        a = da[j]
        u = fast_exp(a * theta - dac[j])
        t1 = k1[j] * u
        t2 = k2[j] * u * u
        t3 = k3[j] * u * u * u
        t4 = k4[j] * u * u * u * u
        inverse = 1.0 / (1.0 + t1 + t2 + t3 + t4)
        m1 = (t1 + 2.0 * t2 + 3.0 * t3 + 4.0 * t4) * inverse
        m2 = (t1 + 4.0 * t2 + 9.0 * t3 + 16.0 * t4) * inverse
        m3 = (t1 + 8.0 * t2 + 27.0 * t3 + 64.0 * t4) * inverse
        m4 = (t1 + 16.0 * t2 + 81.0 * t3 + 256.0 * t4) * inverse
        square = a * a
        variance = m2 - m1 * m1
        skew = m3 - 3.0 * m1 * m2 + 2.0 * m1 * m1 * m1
        excess = m4 - 4.0 * m3 * m1 + 6.0 * m2 * m1 * m1 - 3.0 * m1 * m1 * m1 * m1
        expected += a * m1
        information += square * variance
        third += square * a * skew
        fourth += square * square * (excess - 3.0 * variance * variance)
    return expected, information, third, fourth


@njit(cache=True, error_model="numpy")
def evaluate(theta, n_single, n_several, work):  # type: ignore[no-untyped-def]
    """T, I, J and K at theta of the unpacked rows."""
    t, i, j, k = _single(theta, n_single, work.da, work.dac)
    if n_several:
        more_t, more_i, more_j, more_k = _several(theta, n_several, work)
        return t + more_t, i + more_i, j + more_j, k + more_k
    return t, i, j, k
