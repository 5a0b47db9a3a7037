"""The kernel against the readable implementation, on patterns chosen to be awkward."""

from __future__ import annotations

import math
from itertools import chain, product

import numpy as np
import pytest

from scorehouse.scoring import kernel, reference
from scorehouse.scoring.models import Item, ScoredResponse

D = 1.7
CEILING = 100.0

SINGLE = [Item(f"s{i}", 0.3 + 0.1 * i, (-2.0 + 0.5 * i,)) for i in range(8)]
SEVERAL = [
    Item("g2", 0.9, (-0.6, 1.0)),
    Item("g3", 0.4, (1.0, 0.5, -0.7)),
    Item("g4", 0.7, (-1.0, 0.0, 0.2, 2.0)),
]
LONG = [Item("g6", 0.5, (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0))]
FAR = [Item("far", 0.8, (60.0,)), Item("near", 0.8, (-60.0,))]
STEEP = [Item("steep", 4.5, (0.3,)), Item("steep2", 4.5, (-3.0,))]
FLAT = [Item("flat", 0.001, (0.3,)), Item("flat2", 0.002, (-0.3, 0.4))]
BANK = [*SINGLE, *SEVERAL, *LONG, *FAR, *STEEP, *FLAT]
ROW = {item.item_id: row for row, item in enumerate(BANK)}


def bank_of(items: list[Item]) -> kernel.KernelBank:
    steps = np.full((len(items), max(len(item.steps) for item in items)), np.nan)
    for row, item in enumerate(items):
        steps[row, : len(item.steps)] = item.steps
    return kernel.kernel_bank(np.array([item.discrimination for item in items]), steps, D)


def ragged_of(patterns: list[list[ScoredResponse]]) -> kernel.Tests:
    rows = [[ROW[r.item.item_id] for r in pattern] for pattern in patterns]
    scores = [[r.score for r in pattern] for pattern in patterns]
    offsets = np.cumsum([0, *(len(p) for p in patterns)])
    return kernel.Tests.complete(
        offsets, np.array(list(chain(*rows)), np.int32), np.array(list(chain(*scores)), float)
    )


def expected_of(pattern: list[ScoredResponse], half_point: float) -> tuple[float, float]:
    """Theta and information by the reference."""
    is_extreme = reference.is_zero(pattern) or reference.is_perfect(pattern)
    used = reference.with_half_point(pattern, half_point) if is_extreme and half_point else pattern
    theta = reference.maximum_likelihood(used, D)
    if math.isinf(theta):
        return theta, 0.0
    return theta, reference.information(theta, [r.item for r in pattern], D)


def assert_equal(patterns: list[list[ScoredResponse]], half_point: float = 0.5) -> None:
    everything = np.ones(len(BANK), bool)
    solved = kernel.solve(ragged_of(patterns), everything, bank_of(BANK), half_point=half_point)
    for pattern, theta, information in zip(patterns, solved.theta, solved.information, strict=True):
        right, right_information = expected_of(pattern, half_point)
        if math.isinf(right):
            assert theta == right
            continue
        tolerance = max(1e-9, 1e-15 / right_information)
        assert theta == pytest.approx(right, abs=tolerance, rel=0)
        assert information == pytest.approx(right_information, rel=1e-9)


def all_patterns(items: list[Item]) -> list[list[ScoredResponse]]:
    ranges = [range(item.points + 1) for item in items]
    return [
        [ScoredResponse(item, float(x)) for item, x in zip(items, scores, strict=True)]
        for scores in product(*ranges)
    ]


@pytest.mark.parametrize(
    "items",
    [
        SINGLE,
        SEVERAL,
        [*SINGLE[:3], *SEVERAL],
        [*SINGLE[:3], *LONG],
        LONG,
        [*FAR, *SINGLE[:3]],
        STEEP,
        [*STEEP, *SEVERAL],
        FLAT,
        [*FLAT, *STEEP],
        *[[item] for item in BANK],
    ],
    ids=lambda items: "+".join(item.item_id for item in items)[:30],
)
@pytest.mark.parametrize("half_point", [0.5, 0.0])
def test_every_pattern_equals_the_reference(items: list[Item], half_point: float) -> None:
    assert_equal(all_patterns(items), half_point)


def test_raw_scores_and_kinds_of_pattern() -> None:
    items = SEVERAL[:1]
    patterns = [[ScoredResponse(items[0], x)] for x in (0.0, 1.0, 2.0)] + [[]]
    solved = kernel.solve(
        ragged_of(patterns), np.ones(len(BANK), bool), bank_of(BANK), half_point=0
    )
    assert solved.raw_score.tolist() == [0, 1, 2, 0]
    assert solved.raw_score_max.tolist() == [2, 2, 2, 0]
    assert solved.item_count.tolist() == [1, 1, 1, 0]
    assert solved.extreme.tolist() == [
        kernel.ZERO, kernel.NORMAL, kernel.PERFECT, kernel.NO_ITEMS,
    ]  # fmt: skip
    assert solved.theta[0] == -math.inf
    assert solved.theta[2] == math.inf
    assert math.isnan(solved.theta[3])


def test_rows_not_selected_and_skipped_rows_do_not_count() -> None:
    pattern = [ScoredResponse(item, float(i % 2)) for i, item in enumerate(SINGLE)]
    tests = ragged_of([pattern])
    selected = np.zeros(len(BANK), bool)
    selected[:5] = True
    entry = tests.entry.copy()
    entry[0] = -1
    solved = kernel.solve(tests._replace(entry=entry), selected, bank_of(BANK), half_point=0.5)
    right, information = expected_of(pattern[1:5], 0.5)
    assert solved.item_count[0] == 4
    assert solved.theta[0] == pytest.approx(right, abs=1e-12)
    assert solved.information[0] == pytest.approx(information, rel=1e-12)


@pytest.mark.parametrize("average", [SINGLE[4], SEVERAL[0]])
def test_average_items_stand_in_with_no_points(average: Item) -> None:
    pattern = [ScoredResponse(item, 1.0) for item in SINGLE[:4]]
    tests = ragged_of([pattern])._replace(
        extra=np.array([ROW[average.item_id]], np.int32), extra_count=np.array([3])
    )
    solved = kernel.solve(tests, np.ones(len(BANK), bool), bank_of(BANK), half_point=0.5)
    right, information = expected_of([*pattern, *[ScoredResponse(average, 0.0)] * 3], 0.5)
    assert solved.extreme[0] == kernel.NORMAL
    assert solved.item_count[0] == 4
    assert solved.theta[0] == pytest.approx(right, abs=1e-12)
    assert solved.information[0] == pytest.approx(information, rel=1e-12)


@pytest.mark.parametrize("theta", [-30.0, -6.0, 0.0, 1.5, 6.0, 30.0])
def test_information_counts_answered_rows_only(theta: float) -> None:
    pattern = [ScoredResponse(item, 1.0) for item in [*SINGLE, *SEVERAL, *LONG]]
    answered = np.arange(len(pattern)) % 3 != 0
    found = kernel.information(
        ragged_of([pattern]), answered, np.ones(len(BANK), bool), np.array([theta]), bank_of(BANK)
    )
    items = [r.item for r, is_answered in zip(pattern, answered, strict=True) if is_answered]
    assert found[0] == pytest.approx(reference.information(theta, items, D), rel=1e-9)


def test_information_is_nothing_where_theta_is_not_finite() -> None:
    tests = ragged_of([[ScoredResponse(SINGLE[0], 1.0)]] * 2)
    found = kernel.information(
        tests, np.ones(2, bool), np.ones(len(BANK), bool), np.array([np.nan, np.inf]), bank_of(BANK)
    )
    assert found.tolist() == [0.0, 0.0]


def test_the_exponential_is_right_to_the_last_bits() -> None:
    for x in np.linspace(-690.0, 690.0, 4001).tolist():
        assert kernel.fast_exp(x) == pytest.approx(math.exp(x), rel=3e-16 + 4e-19 * abs(x))
