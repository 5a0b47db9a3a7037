"""How many exponentials this core does: what no likelihood can go beyond."""

from __future__ import annotations

import numpy as np
from numba import njit

from clock import Timing, measure
from scorehouse.scoring.kernel import fast_exp

_LENGTH, _TIMES = 4096, 500  # the array stays in the nearest cache


@njit(fastmath={"contract"}, error_model="numpy")
def _polynomial(x, out, times):  # type: ignore[no-untyped-def]
    for _ in range(times):
        for i in range(len(x)):
            out[i] = fast_exp(x[i])


def _numpy(x: np.ndarray, out: np.ndarray) -> None:
    for _ in range(_TIMES):
        np.exp(x, out=out)


def floors() -> dict[str, Timing]:
    """Exponentials a second on one core: numpy's, and the kernel's polynomial."""
    x = np.random.default_rng(1).normal(0.0, 2.0, _LENGTH)
    out = np.empty_like(x)
    return {
        "numpy": measure(lambda: _numpy(x, out), _LENGTH * _TIMES, runs=15),
        "polynomial": measure(lambda: _polynomial(x, out, _TIMES), _LENGTH * _TIMES, runs=15),
    }
