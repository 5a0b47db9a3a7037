"""Tabulated fixed forms against the readable implementation and the ragged kernel."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from scorehouse.scoring import fixed_form, kernel, reference
from scorehouse.scoring.fixed_form import FormTable
from scorehouse.scoring.models import Item, ScoredResponse

D = 1.7
STUDENTS = 6000


def pool(n: int, seed: int) -> list[Item]:
    """Invented items, three in four with one step."""
    random = np.random.default_rng(seed)
    items = []
    for i in range(n):
        steps = 1 if i % 4 else int(random.integers(2, 5))
        center = random.normal(0.0, 1.2)
        items.append(
            Item(
                f"i{i}", float(random.uniform(0.25, 1.4)), tuple(random.normal(center, 0.5, steps))
            )
        )
    return items


def bank_of(items: list[Item]) -> kernel.KernelBank:
    steps = np.full((len(items), 6), np.nan)
    for row, item in enumerate(items):
        steps[row, : len(item.steps)] = item.steps
    return kernel.kernel_bank(np.array([item.discrimination for item in items]), steps, D)


def draw(items: list[Item], rows: list[int], n: int, seed: int) -> npt.NDArray[np.int8]:
    """Scores of n students, the first two of them zero and perfect."""
    random = np.random.default_rng(seed)
    points = np.array([items[row].points for row in rows])
    chance = random.beta(1.2, 1.2, (n, 1))
    scores = random.binomial(points, chance)
    scores[0], scores[1] = 0, points
    return scores.astype(np.int8)


def ragged_of(rows: npt.NDArray[np.int32], scores: npt.NDArray[np.int8]) -> kernel.Tests:
    n, width = scores.shape
    entry = np.broadcast_to(rows, (n, width)).astype(np.int32).ravel()
    return kernel.Tests.complete(np.arange(n + 1) * width, entry, scores.astype(float).ravel())


def alone(
    tests: kernel.Tests, selected: npt.NDArray[np.bool_], bank: kernel.KernelBank, half_point: float
) -> kernel.Solved:
    """Solve in slices too small for a table."""
    offsets = tests.offsets
    parts = []
    for i in range(0, len(offsets) - 1, 1000):
        some = offsets[i : i + 1001]
        inside = slice(some[0], some[-1])
        part = tests._replace(
            offsets=some - some[0],
            entry=tests.entry[inside],
            score=tests.score[inside],
            extra=tests.extra[i : i + 1000],
            extra_count=tests.extra_count[i : i + 1000],
        )
        parts.append(kernel.solve(part, selected, bank, half_point=half_point))
    return kernel.Solved(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def assert_same(found: kernel.Solved, right: kernel.Solved) -> None:
    np.testing.assert_array_equal(found.extreme, right.extreme)
    np.testing.assert_array_equal(found.item_count, right.item_count)
    np.testing.assert_array_equal(found.raw_score, right.raw_score)
    np.testing.assert_array_equal(found.raw_score_max, right.raw_score_max)
    np.testing.assert_allclose(found.theta, right.theta, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.information, right.information, rtol=1e-9)


@pytest.mark.parametrize("width", [1, 5, 15, 16, 17, 46])
@pytest.mark.parametrize("half_point", [0.5, 0.0])
def test_a_table_equals_the_reference(width: int, half_point: float) -> None:
    items = pool(60, seed=width)
    rows = list(range(3, 3 + width))
    scores = draw(items, rows, 60, seed=width)
    table = FormTable.build(np.array(rows, np.int32), bank_of(items), half_point)
    assert table is not None
    solved = table.solve(scores)
    for student in range(len(scores)):
        pattern = [
            ScoredResponse(items[row], float(x))
            for row, x in zip(rows, scores[student], strict=True)
        ]
        is_extreme = reference.is_zero(pattern) or reference.is_perfect(pattern)
        used = reference.with_half_point(pattern, half_point) if is_extreme else pattern
        right = reference.maximum_likelihood(used, D)
        assert solved.theta[student] == pytest.approx(right, abs=1e-9, rel=0)
        if math.isfinite(right):
            information = reference.information(right, [items[row] for row in rows], D)
            assert solved.information[student] == pytest.approx(information, rel=1e-9)


def test_tests_of_one_form_are_found_and_equal_what_they_are_alone() -> None:
    items = pool(80, seed=1)
    bank, selected = bank_of(items), np.ones(80, bool)
    rows = np.random.default_rng(2).permutation(80)[:46].astype(np.int32)
    tests = ragged_of(rows, draw(items, rows.tolist(), STUDENTS, seed=3))
    assert [form.tolist() for form in fixed_form.find_forms(tests, selected)] == [rows.tolist()]
    assert_same(
        kernel.solve(tests, selected, bank, half_point=0.5), alone(tests, selected, bank, 0.5)
    )


def test_order_unselected_rows_other_forms_and_average_items() -> None:
    items = pool(80, seed=4)
    bank = bank_of(items)
    random = np.random.default_rng(5)
    rows = random.permutation(80)[:30].astype(np.int32)
    tests = ragged_of(rows, draw(items, rows.tolist(), STUDENTS, seed=6))
    entry, score = tests.entry.reshape(-1, 30).copy(), tests.score.reshape(-1, 30).copy()
    for student in range(0, STUDENTS, 3):  # the same items in an order of their own
        order = random.permutation(30)
        entry[student], score[student] = entry[student, order], score[student, order]
    entry[5, 7] = -1  # one item skipped: not the form
    entry[8, 9] = entry[8, 10]  # an item twice, another missing: not the form
    score[8, 9] = score[8, 10]
    entry[11, 0] = next(row for row in range(80) if row not in rows)
    score[11, 0] = 1.0
    extra_count = np.zeros(STUDENTS, np.int64)
    extra_count[14] = 4
    mixed = tests._replace(
        entry=entry.ravel(),
        score=score.ravel(),
        extra=np.full(STUDENTS, 3, np.int32),
        extra_count=extra_count,
    )
    selected = np.ones(80, bool)
    selected[rows[:4]] = False
    assert len(fixed_form.find_forms(mixed, selected)) == 1
    assert_same(
        kernel.solve(mixed, selected, bank, half_point=0.5), alone(mixed, selected, bank, 0.5)
    )


def test_two_forms_in_one_batch() -> None:
    items = pool(80, seed=7)
    bank, selected = bank_of(items), np.ones(80, bool)
    first = ragged_of(np.arange(0, 40, dtype=np.int32), draw(items, list(range(40)), STUDENTS, 8))
    rows = np.arange(40, 60, dtype=np.int32)
    second = ragged_of(rows, draw(items, rows.tolist(), STUDENTS, 9))
    both = kernel.Tests.complete(
        np.concatenate([first.offsets, first.offsets[-1] + second.offsets[1:]]),
        np.concatenate([first.entry, second.entry]),
        np.concatenate([first.score, second.score]),
    )
    assert len(fixed_form.find_forms(both, selected)) == 2
    assert_same(
        kernel.solve(both, selected, bank, half_point=0.5), alone(both, selected, bank, 0.5)
    )


def test_adaptive_and_few_tests_have_no_forms() -> None:
    random = np.random.default_rng(10)
    entry = np.argsort(random.random((5000, 60)), axis=1)[:, :20]
    tests = kernel.Tests.complete(
        np.arange(5001) * 20, entry.astype(np.int32).ravel(), np.zeros(100_000)
    )
    assert fixed_form.find_forms(tests, np.ones(60, bool)) == []
    few = ragged_of(np.arange(20, dtype=np.int32), np.zeros((100, 20), np.int8))
    assert fixed_form.find_forms(few, np.ones(60, bool)) == []


def test_a_form_that_no_table_can_hold_is_solved_all_the_same() -> None:
    items = [
        Item("flat", 0.0005, (0.2,)),
        Item("steep", 4.0, (-4.0,)),
        Item("long", 0.5, (0.0,) * 6),
    ]
    bank, selected, rows = bank_of(items), np.ones(3, bool), np.arange(3, dtype=np.int32)
    assert FormTable.build(rows, bank, 0.5) is None
    tests = ragged_of(rows, draw(items, [0, 1, 2], STUDENTS, seed=11))
    found = kernel.solve(tests, selected, bank, half_point=0.5)
    np.testing.assert_array_equal(found.theta, alone(tests, selected, bank, 0.5).theta)


@pytest.mark.parametrize("is_fixed", [True, False])
def test_threads_change_no_bit(is_fixed: bool) -> None:
    items = pool(80, seed=12)
    bank, selected = bank_of(items), np.ones(80, bool)
    random = np.random.default_rng(13)
    rows = np.arange(30, dtype=np.int32)
    if not is_fixed:
        rows = np.argsort(random.random((STUDENTS, 80)), axis=1)[:, :30].astype(np.int32)
    scores = random.integers(0, 2, (STUDENTS, 30)).astype(np.int8)
    tests = ragged_of(rows, scores)
    one = kernel.solve(tests, selected, bank, half_point=0.5, threads=1)
    for threads in (2, 3):
        more = kernel.solve(tests, selected, bank, half_point=0.5, threads=threads)
        for left, right in zip(one, more, strict=True):
            np.testing.assert_array_equal(left, right)
