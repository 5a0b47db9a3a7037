"""The inner loops: drawing item scores from the models, and choosing the next CAT item.

Compiled, and fed with uniform numbers drawn outside, so they hold no random state.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Function = TypeVar("_Function", bound=Callable[..., Any])
Floats = NDArray[np.float64]
Integers = NDArray[np.int32]
Scores = NDArray[np.int8]

UNANSWERED = -1
"""The score of an item that was presented and not answered, as result files deliver it."""


def _compiled(function: _Function) -> _Function:
    return cast(_Function, njit(cache=True, nogil=True)(function))


@_compiled
def draw_score(
    theta: float,
    discrimination: float,
    steps: Floats,
    step_count: int,
    model_constant: float,
    uniform: float,
) -> int:
    """Draw one item score from the 2PL or GPCM, by inverting its distribution at `uniform`."""
    largest = 0.0
    exponent = 0.0
    for step in range(step_count):
        exponent += model_constant * discrimination * (theta - steps[step])
        largest = max(largest, exponent)
    total = exp(-largest)
    exponent = 0.0
    for step in range(step_count):
        exponent += model_constant * discrimination * (theta - steps[step])
        total += exp(exponent - largest)
    below = exp(-largest)
    exponent = 0.0
    score = 0
    while score < step_count and uniform * total >= below:
        exponent += model_constant * discrimination * (theta - steps[score])
        below += exp(exponent - largest)
        score += 1
    return score


@_compiled
def moments(
    theta: float, discrimination: float, steps: Floats, step_count: int, model_constant: float
) -> tuple[float, float]:
    """Return the expected item score and its variance at theta."""
    largest = 0.0
    exponent = 0.0
    for step in range(step_count):
        exponent += model_constant * discrimination * (theta - steps[step])
        largest = max(largest, exponent)
    total = exp(-largest)
    first = 0.0
    second = 0.0
    exponent = 0.0
    for step in range(step_count):
        exponent += model_constant * discrimination * (theta - steps[step])
        weight = exp(exponent - largest)
        total += weight
        first += (step + 1) * weight
        second += (step + 1) * (step + 1) * weight
    expected = first / total
    return expected, second / total - expected * expected


@_compiled
def nearest_unused(
    theta: float, difficulty: Floats, used: NDArray[np.bool_], start: int, end: int, rank: int
) -> int:
    """Return the unused row of `start:end`, sorted by difficulty, that is `rank`-th nearest.

    Falls back to the nearest found when fewer are left; -1 when none is.
    """
    right = start + int(np.searchsorted(difficulty[start:end], theta))
    left = right - 1
    chosen = -1
    for _ in range(rank + 1):
        while left >= start and used[left]:
            left -= 1
        while right < end and used[right]:
            right += 1
        if left < start and right >= end:
            break
        if right >= end or (left >= start and theta - difficulty[left] < difficulty[right] - theta):
            chosen = left
            left -= 1
        else:
            chosen = right
            right += 1
    return chosen


@_compiled
def adapt(
    theta: Floats,
    slots: Integers,
    presented: Integers,
    is_unanswered: NDArray[np.bool_],
    uniforms: Floats,
    difficulty: Floats,
    discrimination: Floats,
    steps: Floats,
    step_count: Integers,
    bounds: Integers,
    start: tuple[float, float, float, int],
    rows: Integers,
    scores: Scores,
    provisional: Floats,
) -> None:
    """Run a CAT for each student, filling `rows`, `scores` and `provisional` in place.

    `slots[student, position]` is the strand to choose from, the last strand being field
    test; `start` holds the first provisional theta, its variance, the model constant and
    the number of nearest items among which the choice is random. The provisional theta
    moves by one Bayesian step after each answered operational item.
    """
    model_constant, among = start[2], start[3]
    field_test = len(bounds) - 2
    used = np.zeros(len(difficulty), dtype=np.bool_)
    for student in range(len(theta)):
        used[:] = False
        estimate, information = start[0], 1.0 / start[1]
        for position in range(presented[student]):
            strand = slots[student, position]
            low, high = bounds[strand], bounds[strand + 1]
            choice = uniforms[student, position, 0]
            if strand == field_test:
                row = low + int(choice * (high - low))
                while used[row]:
                    row = low + (row - low + 1) % (high - low)
            else:
                row = nearest_unused(estimate, difficulty, used, low, high, int(choice * among))
            used[row] = True
            rows[student, position] = row
            if is_unanswered[student, position]:
                scores[student, position] = UNANSWERED
                continue
            score = draw_score(
                theta[student],
                discrimination[row],
                steps[row],
                step_count[row],
                model_constant,
                uniforms[student, position, 1],
            )
            scores[student, position] = score
            if strand != field_test:
                expected, variance = moments(
                    estimate, discrimination[row], steps[row], step_count[row], model_constant
                )
                weight = model_constant * discrimination[row]
                information += weight * weight * variance
                estimate += weight * (score - expected) / information
        provisional[student] = estimate


@_compiled
def answer_form(
    theta: Floats,
    rows: Integers,
    uniforms: Floats,
    discrimination: Floats,
    steps: Floats,
    step_count: Integers,
    model_constant: float,
    scores: Scores,
) -> None:
    """Draw the score of each item already chosen, filling `scores`; a row of -1 is skipped."""
    for student in range(rows.shape[0]):
        for position in range(rows.shape[1]):
            row = rows[student, position]
            if row >= 0:
                scores[student, position] = draw_score(
                    theta[student],
                    discrimination[row],
                    steps[row],
                    step_count[row],
                    model_constant,
                    uniforms[student, position],
                )
