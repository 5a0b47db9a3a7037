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
    """Scratch for one test. Few arrays, because each costs its count of references in a call."""

    floats: Floats  # a line each: constants of 2PL rows, of GPCM rows, scores
    rows: npt.NDArray[np.uint64]  # bank rows, a line each: all, 2PL, GPCM
    nodes: npt.NDArray[np.float32]  # the test's T at the bank's nodes


SINGLE_DA, SINGLE_DAC, G_DA, G_DAC, G_K1, G_K2, G_K3, G_K4, SCORES = range(9)
"""Lines of `Work.floats`."""

ALL, SINGLES, SEVERALS = range(3)
"""Lines of `Work.rows`."""


@njit(cache=True, error_model="numpy")
def new_work(longest, width):  # type: ignore[no-untyped-def]
    """Scratch for tests of up to `longest` rows."""
    n = longest + 2 * PAD
    return Work(np.zeros((9, n)), np.zeros((3, n), np.uint64), np.zeros(width, np.float32))


@njit(cache=True, error_model="numpy")
def unpack(n_single, n_several, packed, floats, rows):  # type: ignore[no-untyped-def]
    """Lay the constants of the chosen rows out for `evaluate`, padded; returns new counts."""
    pad = len(packed) - 1
    while n_single % PAD:
        rows[SINGLES, n_single] = pad
        n_single += 1
    while n_several % (PAD // 2):
        rows[SEVERALS, n_several] = pad
        n_several += 1
    for j in range(n_single):
        row = rows[SINGLES, j]
        floats[SINGLE_DA, j] = packed[row, DA]
        floats[SINGLE_DAC, j] = packed[row, DAC]
    for j in range(n_several):
        row = rows[SEVERALS, j]
        floats[G_DA, j] = packed[row, DA]
        floats[G_DAC, j] = packed[row, DAC]
        floats[G_K1, j] = packed[row, K1]
        floats[G_K2, j] = packed[row, K2]
        floats[G_K3, j] = packed[row, K3]
        floats[G_K4, j] = packed[row, K4]
    return n_single, n_several


@njit(fastmath=_SUMS, cache=True, error_model="numpy")
def _single(theta, n, floats):  # type: ignore[no-untyped-def]
    """T, I, J and K at theta summed over n 2PL rows."""
    expected = information = third = fourth = 0.0
    for j in range(n):
        a = floats[SINGLE_DA, j]
        u = fast_exp(a * theta - floats[SINGLE_DAC, j])
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
def _several(theta, n, floats):  # type: ignore[no-untyped-def]
    """T, I, J and K at theta summed over n GPCM rows of up to four steps."""
    expected = information = third = fourth = 0.0
    for j in range(n):
        a = floats[G_DA, j]
        u = fast_exp(a * theta - floats[G_DAC, j])
        t1 = floats[G_K1, j] * u
        t2 = floats[G_K2, j] * u * u
        t3 = floats[G_K3, j] * u * u * u
        t4 = floats[G_K4, j] * u * u * u * u
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
def evaluate(theta, n_single, n_several, floats):  # type: ignore[no-untyped-def]
    """T, I, J and K at theta of the unpacked rows."""
    t, i, j, k = _single(theta, n_single, floats)
    if n_several:
        more_t, more_i, more_j, more_k = _several(theta, n_several, floats)
        return t + more_t, i + more_i, j + more_j, k + more_k
    return t, i, j, k
