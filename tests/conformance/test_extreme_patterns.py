"""The two implementations on patterns that no believable student gives.

Perfect, zero and one-item tests, likelihoods so flat that the error is over 1,000, items
far steeper or flatter than any bank's, disordered steps, more steps than the fast path
takes, and tests that are mostly simulated remainder.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from cases.scoring_builders import (
    Row,
    Taken,
    assessment,
    chunk_of,
    item,
    package,
    response,
    rules_of,
    taken,
)
from conformance.agreement import disagreements, uncapped_error
from scorehouse.intake.readers.packages import Package
from scorehouse.scoring import reference
from scorehouse.scoring.batch import Batch
from scorehouse.verbs.score import Scorer

POLICIES = ("spec_2014_15", "opt1_2014_15_values", "opt3_no_loss_hoss", "engine")
STRANDS = ("1-LT", "2-W", "3-L", "4-CR")
EASY, HARD = -22.0, 22.0
TRIED = response("tried", 1.0, part="PT", use="field_test")

Rng = np.random.Generator


@cache
def pool() -> tuple[Row, ...]:
    """Items of every awkward kind; each kind stands in each strand."""
    rng = np.random.default_rng(20)
    made: list[Row] = []

    def add(kind: str, a: float, *steps: float) -> None:
        strand = STRANDS[len(made) % len(STRANDS)]
        name = f"{kind}-{len(made)}"
        made.append(item(name, a, *steps, part="CAT", claim=strand, target=f"T{len(made) % 7}"))

    for a in np.geomspace(0.05, 3.5, 24):
        add("plain", round(float(a), 4), round(float(rng.normal(0, 2)), 3))
    for count in (2, 3, 4, 5, 6) * 8:
        steps = [round(float(step), 3) for step in rng.normal(0, 2.5, count)]
        add("steps", round(float(rng.uniform(0.2, 1.8)), 3), *steps)
    for count in (2, 4, 6) * 4:
        add("disordered", 0.7, *np.linspace(4, -3, count).round(3).tolist())
    for _ in range(12):
        add("easy", round(float(rng.uniform(0.7, 0.9)), 3), EASY + float(rng.integers(5)))
        add("hard", round(float(rng.uniform(0.7, 0.9)), 3), HARD - float(rng.integers(5)))
    for count in (5, 6) * 4:
        add("apart", 0.6, *np.repeat([-9.0, 9.0], [count // 2, count - count // 2]).tolist())
    return tuple(made)


def points(row: Row) -> int:
    return sum(row[f"b{step}"] is not None for step in range(1, 7))


def of_kind(*kinds: str) -> list[Row]:
    return [row for row in pool() if row["item_id"].split("-")[0] in kinds]


def some(rng: Rng, rows: list[Row], n: int) -> list[Row]:
    return [rows[i] for i in rng.choice(len(rows), min(n, len(rows)), replace=False)]


def gives(rows: list[Row], scores: list[int]) -> list[Row]:
    pairs = zip(rows, scores, strict=True)
    return [response(row["item_id"], float(score), part="CAT") for row, score in pairs]


def perfect(rng: Rng) -> list[Row]:
    rows = some(rng, list(pool()), int(rng.integers(1, 20)))
    return gives(rows, [points(row) for row in rows])


def zero(rng: Rng) -> list[Row]:
    rows = some(rng, list(pool()), int(rng.integers(1, 20)))
    return gives(rows, [0] * len(rows))


def one_item(rng: Rng) -> list[Row]:
    rows = some(rng, list(pool()), 1)
    return gives(rows, [int(rng.integers(0, points(row) + 1)) for row in rows])


def any_scores(rng: Rng) -> list[Row]:
    rows = some(rng, list(pool()), int(rng.integers(2, 30)))
    return gives(rows, [int(rng.integers(0, points(row) + 1)) for row in rows])


def flat(rng: Rng) -> list[Row]:
    """Easy right, hard wrong, nothing between."""
    easy, hard = some(rng, of_kind("easy"), 4), some(rng, of_kind("hard"), 4)
    return gives(easy + hard, [1] * len(easy) + [0] * len(hard))


def flat_steps(rng: Rng) -> list[Row]:
    """Exactly the points of the easy half of items whose steps are far apart."""
    rows = some(rng, of_kind("apart"), 3)
    return gives(rows, [points(row) // 2 for row in rows])


def steep(rng: Rng) -> list[Row]:
    """The steepest items, answered against the grain."""
    rows = sorted(of_kind("plain"), key=lambda row: -row["a"])[:6]
    by_difficulty = sorted(some(rng, rows, 5), key=lambda row: row["b1"])
    return gives(by_difficulty, [0, 0, 1, 1, 1])


def almost_perfect(rng: Rng) -> list[Row]:
    rows = some(rng, list(pool()), int(rng.integers(2, 25)))
    scores = [points(row) for row in rows]
    scores[0] -= 1
    return gives(rows, scores)


def unanswered(rng: Rng) -> list[Row]:
    """Some answered, the rest presented and left."""
    rows = any_scores(rng)
    return [row | {"answered": False, "score": None} if rng.random() < 0.5 else row for row in rows]


PATTERNS: tuple[Callable[[Rng], list[Row]], ...] = (
    perfect, zero, one_item, any_scores, flat, flat_steps, steep, almost_perfect, unanswered,
)  # fmt: skip


def sittings(pattern: Callable[[Rng], list[Row]], n: int, seed: int) -> list[Taken]:
    rng = np.random.default_rng((seed, PATTERNS.index(pattern)))
    return [
        taken(*pattern(rng), TRIED, status=("completed", "expired")[int(rng.integers(2))])
        for _ in range(n)
    ]


def packaged(minimum: int) -> Package:
    tried = item("tried", 0.5, 0.0, part="PT", operational=False)
    test = assessment("summative", minimum_cat_items=minimum)
    return package([test], [*pool(), tried])


def check(
    pattern: Callable[[Rng], list[Row]], policy: str, minimum: int, n: int, seed: int
) -> Batch:
    rules = rules_of("2018-19")
    scorer = Scorer.make(packaged(minimum), rules, rules.policies[policy])
    result = scorer.score(chunk_of(*sittings(pattern, n, seed)))
    assert result.problems == []
    batch, _problems = scorer.batch(result.chunk)
    compared, found = disagreements(batch, scorer, result.scores)
    assert found[:10] == []
    assert compared == n
    return batch


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.__name__)
def test_complete_tests(pattern: Callable[[Rng], list[Row]], policy: str) -> None:
    check(pattern, policy, minimum=0, n=25, seed=1)


@pytest.mark.parametrize("policy", POLICIES[:3])
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.__name__)
def test_with_a_simulated_remainder(pattern: Callable[[Rng], list[Row]], policy: str) -> None:
    check(pattern, policy, minimum=40, n=12, seed=2)


@pytest.mark.torture
@pytest.mark.parametrize("minimum", [0, 12, 40])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.__name__)
def test_many_more(pattern: Callable[[Rng], list[Row]], policy: str, minimum: int) -> None:
    check(pattern, policy, minimum, n=1000, seed=3)


def test_flat_patterns_are_as_flat_as_promised() -> None:
    batch = check(flat, "opt3_no_loss_hoss", minimum=0, n=10, seed=4)
    scorer = Scorer.make(packaged(0), rules_of("2018-19"), rules_of("2018-19").policies["engine"])
    constant = rules_of("2018-19").model_constant
    for index in range(len(batch)):
        given = batch.sitting(index, scorer.assembler.bank).responses
        theta = reference.maximum_likelihood(given, constant)
        assert uncapped_error(given, theta, constant) > 1000
