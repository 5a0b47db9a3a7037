"""The fast implementation: maximum likelihood over whole administrations, compiled.

Tests are ragged (every adaptive test is its own form): `offsets[i]:offsets[i + 1]` are the
rows of test i, `entry` points each row into the item bank. 2PL and GPCM are an exponential
family, so theta solves T(theta) = t with t = sum of D·a·x and T its expectation; `solver`
searches, `evaluation` sums, `careful` takes what they can't do well (flat likelihoods, more
than four steps, overflow). The plain-Python `reference` is the text all are held to.

Every compiled function is free of the interpreter lock: split a batch by tests and use
threads, the bits stay the same. A ragged test's numbers don't depend on other tests.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from scorehouse.scoring.fast_exp import fast_exp
from scorehouse.scoring.fixed_form import FormTable, find_forms, places, solve_form_range
from scorehouse.scoring.ragged import (
    FAST_STEPS,
    NO_ITEMS,
    NORMAL,
    PERFECT,
    ZERO,
    Flags,
    Floats,
    KernelBank,
    Solved,
    Tests,
    kernel_bank,
)
from scorehouse.scoring.solver import information_range, kinds, solve_range

__all__ = [
    "FAST_STEPS",
    "NORMAL",
    "NO_ITEMS",
    "PERFECT",
    "ZERO",
    "KernelBank",
    "Solved",
    "Tests",
    "fast_exp",
    "information",
    "kernel_bank",
    "solve",
]
_SLICES = 16  # a thread


def _in_threads(task: Any, n: int, threads: int) -> None:
    """Run task(start, stop) over n tests, in more slices than threads: a busy core gets fewer."""
    if threads <= 1 or n < 2 * threads:
        task(0, n)
        return
    ends = np.linspace(0, n, min(n, _SLICES * threads) + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(task, ends[:-1], ends[1:]))


def solve(
    tests: Tests,
    selected: Flags,
    bank: KernelBank,
    *,
    half_point: float,
    threads: int = 1,
) -> Solved:
    """Maximum likelihood theta of each test over the bank rows in `selected`.

    A perfect (zero) pattern has `half_point` taken off (added to) its item of smallest
    discrimination; with `half_point` 0 its theta stays infinite. `information` counts all
    rows at theta, answered or not; NaN theta and `NO_ITEMS` where nothing was selected.

    Tests of one fixed form, where there are enough of them, go through its `FormTable`;
    their theta is then within 1e-10 of what it would be alone.
    """
    n = len(tests.offsets) - 1
    out, kind, done = Solved.empty(n), kinds(selected, bank), np.zeros(n, bool)
    for rows in find_forms(tests, selected):
        form = FormTable.build(rows, bank, half_point, selected)
        if form is not None:
            _solve_form(form, tests, selected, bank, done, out, threads)
    _in_threads(
        lambda start, stop: solve_range(start, stop, tests, kind, bank, half_point, done, out),
        n,
        threads,
    )
    return out


def _solve_form(
    form: FormTable,
    tests: Tests,
    selected: Flags,
    bank: KernelBank,
    done: Flags,
    out: Solved,
    threads: int,
) -> None:
    """Solve the tests of one fixed form and mark them done."""
    kind, place = kinds(selected, bank), places(form.rows, selected, len(bank.da))
    _in_threads(
        lambda start, stop: solve_form_range(
            start, stop, tests, kind, bank.da, form.rows, place, form.table, done, out
        ),
        len(done),
        threads,
    )


def information(
    tests: Tests,
    answered: Flags,
    selected: Flags,
    theta: Floats,
    bank: KernelBank,
    *,
    threads: int = 1,
) -> Floats:
    """Information of each test's answered, selected rows at `theta` (0 where not finite)."""
    out, kind = np.empty(len(theta)), kinds(selected, bank)
    _in_threads(
        lambda start, stop: information_range(start, stop, tests, answered, kind, theta, bank, out),
        len(theta),
        threads,
    )
    return out
