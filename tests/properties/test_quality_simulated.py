"""Classification quality and item fit against simulation: what they claim does happen."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from cases.scoring_builders import assessment, item, package, rules_of
from scorehouse.intake.canonical import CHUNK_OPPORTUNITIES, CHUNK_RESPONSES, ResponseChunk
from scorehouse.intake.readers.packages import Package
from scorehouse.scoring.fit import ITEM_FIT, fit_sums, fit_table, no_sums
from scorehouse.scoring.one import OVERALL
from scorehouse.scoring.quality import (
    accuracy,
    consistency,
    expected_and_variance,
    item_fit,
    level_probabilities,
)
from scorehouse.verbs.score import Scorer

Floats = npt.NDArray[np.float64]

DRAWS = 200_000
YEAR = "2018-19"
ITEMS, STUDENTS = 40, 1500
FLIPPED = 7


@pytest.mark.parametrize("theta", [-1.6, -0.4, 0.05, 0.9])
@pytest.mark.parametrize("se_theta", [0.2, 0.45, 1.1])
def test_levels_of_drawn_thetas_come_out_as_often_as_said(theta: float, se_theta: float) -> None:
    cuts = (-1.2, -0.1, 0.8)
    rng = np.random.default_rng(20190401)
    first, second = (
        np.digitize(rng.normal(theta, se_theta, DRAWS), cuts) + 1 for _sitting in range(2)
    )
    chances = level_probabilities(theta, se_theta, cuts)
    most_off = 4 * 0.5 / np.sqrt(DRAWS)
    for level in (1, 2, 3, 4):
        assert np.mean(first == level) == pytest.approx(accuracy(chances, level), abs=most_off)
    assert np.mean(first == second) == pytest.approx(consistency(chances), abs=most_off)


def test_mean_accuracy_of_a_population_is_the_share_of_right_levels() -> None:
    """True thetas are spread wide and evenly, so nothing is known of one but its estimate."""
    cuts, se_theta = (-1.2, -0.1, 0.8), 0.3
    rng = np.random.default_rng(7)
    true = rng.uniform(-6.0, 6.0, 20_000)
    estimated = true + rng.normal(0.0, se_theta, len(true))
    inside = np.abs(estimated) < 4.0
    levels = np.digitize(estimated, cuts) + 1
    right = (np.digitize(true, cuts) + 1 == levels)[inside]
    claimed = [
        accuracy(level_probabilities(theta, se_theta, cuts), level)
        for theta, level in zip(estimated[inside], levels[inside], strict=True)
    ]
    assert np.mean(right) == pytest.approx(np.mean(claimed), abs=4 * 0.5 / np.sqrt(len(true)))


class World(NamedTuple):
    """Responses of many students to one form, drawn from the model at known thetas."""

    package: Package
    theta: Floats
    scores: Floats  # (student, item)
    answered: npt.NDArray[np.bool_]


@cache
def world(seed: int = 11) -> World:
    rng = np.random.default_rng(seed)
    steps = [tuple(rng.normal(0, 1, 1 + n % 3)) for n in range(ITEMS)]
    a = rng.uniform(0.4, 1.0, ITEMS)
    items = [item(f"1-{n}", a[n], *steps[n], claim="1-IT") for n in range(ITEMS)]
    theta = rng.normal(0, 1, STUDENTS)
    scores = np.column_stack([_drawn(rng, theta, a[n], steps[n]) for n in range(ITEMS)])
    answered = rng.random(scores.shape) < 0.97
    return World(package([assessment("ICA")], items), theta, scores * answered, answered)


def _drawn(rng: np.random.Generator, theta: Floats, a: float, steps: tuple[float, ...]) -> Floats:
    """One score a student, by the generalized partial credit model."""
    sums = np.cumsum(1.7 * a * (theta[:, None] - np.array(steps)), axis=1)
    weights = np.exp(np.column_stack([np.zeros(len(theta)), sums]))
    chances = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    drawn: Floats = (rng.random((len(theta), 1)) > chances).sum(axis=1).astype(np.float64)
    return drawn


def chunk_of(made: World, scores: Floats) -> ResponseChunk:
    n, m = scores.shape
    tests = [f"o{i}" for i in range(n)]
    blank = {f.name: pa.nulls(n, f.type).fill_null("") for f in CHUNK_OPPORTUNITIES
             if pa.types.is_string(f.type)}  # fmt: skip
    opportunities = {f.name: pa.nulls(n, f.type) for f in CHUNK_OPPORTUNITIES} | blank
    opportunities |= {"opportunity_id": pa.array(tests), "assessment_id": pa.array(["T"] * n)}
    rows = {f.name: pa.array([""] * (n * m)) for f in CHUNK_RESPONSES
            if pa.types.is_dictionary(f.type)}  # fmt: skip
    rows |= {
        "opportunity_id": pa.array(np.repeat(tests, m)),
        "assessment_id": pa.array(["T"] * (n * m)),
        "item_id": pa.array([f"1-{j}" for j in range(m)] * n),
        "part": pa.array(["fixed"] * (n * m)),
        "position": pa.nulls(n * m, pa.int32()),
        "answered": pa.array(made.answered.ravel()),
        "score": pa.array(scores.ravel()),
    }
    coded = [rows[f.name].cast(f.type) if not pa.types.is_dictionary(f.type)
             else rows[f.name].dictionary_encode() for f in CHUNK_RESPONSES]  # fmt: skip
    return ResponseChunk(
        pa.table(coded, CHUNK_RESPONSES),
        pa.table([opportunities[f.name] for f in CHUNK_OPPORTUNITIES], CHUNK_OPPORTUNITIES),
        np.arange(0, n * m + 1, m, dtype=np.int64),
    )


def fit_at(made: World, scores: Floats, theta: Floats | None = None) -> pa.Table:
    """Item fit at given thetas, or at the thetas that scoring estimates."""
    rules = rules_of(YEAR)
    scorer = Scorer.make(made.package, rules, rules.policies[rules.default_policy])
    chunk = chunk_of(made, scores)
    batch, problems = scorer.batch(chunk)
    assert problems == []
    table = scorer.score(chunk).scores
    if theta is not None:
        table = pa.table({"measure": [OVERALL] * len(theta), "theta": theta})
    return fit_table(fit_sums(batch, scorer.prepared, table), scorer.prepared.bank)


def test_the_array_form_is_the_readable_one() -> None:
    whole = world()
    some = slice(0, 250)
    made = World(whole.package, whole.theta[some], whole.scores[some], whole.answered[some])
    found = fit_at(made, made.scores, made.theta)
    assert found.schema == ITEM_FIT
    rules = rules_of(YEAR)
    scorer = Scorer.make(made.package, rules, rules.policies[rules.default_policy])
    batch, _ = scorer.batch(chunk_of(made, made.scores))
    sittings = [batch.sitting(index, scorer.prepared.bank) for index in range(len(batch))]
    for place, row in enumerate(found.to_pylist()):
        given = [
            (made.theta[student], sitting.responses[place])
            for student, sitting in enumerate(sittings)
            if sitting.responses[place].answered
        ]
        moments = [expected_and_variance(t, r, rules.model_constant) for t, r in given]
        expected, variance = np.array(moments).T
        observed = np.array([response.score for _, response in given])
        fit = item_fit(row["item_id"], observed, expected, variance)
        assert row["responses"] == fit.responses
        for name in ("observed_mean", "expected_mean", "z", "infit", "outfit"):
            assert row[name] == pytest.approx(getattr(fit, name), rel=1e-9, abs=1e-9)


def test_where_the_model_holds_z_is_standard_normal_and_mean_squares_are_one() -> None:
    z: list[float] = []
    for seed in (11, 12, 13):
        made = world(seed)
        found = fit_at(made, made.scores, made.theta)
        z += found["z"].to_pylist()
        for name in ("infit", "outfit"):
            assert np.mean(found[name].to_pylist()) == pytest.approx(1.0, abs=0.02)
    assert np.mean(z) == pytest.approx(0.0, abs=4 / np.sqrt(len(z)))
    assert np.std(z) == pytest.approx(1.0, abs=4 / np.sqrt(2 * len(z)))
    assert max(map(abs, z)) < 4.5


def test_a_broken_key_stands_out_at_estimated_thetas() -> None:
    made = world()
    most = np.array([sum(row[f"b{n}"] is not None for n in range(1, 7))
                     for row in made.package.items.to_pylist()])  # fmt: skip
    broken = made.scores.copy()
    flipped = (most[FLIPPED] - broken[:, FLIPPED]) * made.answered[:, FLIPPED]
    broken[:, FLIPPED] = flipped
    before, after = fit_at(made, made.scores), fit_at(made, broken)
    assert max(abs(z) for z in before["z"].to_pylist()) < 4.5
    others = [value for n, value in enumerate(after["outfit"].to_pylist()) if n != FLIPPED]
    assert after["outfit"][FLIPPED].as_py() > 1.5 > 1.2 > max(others)
    assert after["infit"][FLIPPED].as_py() > 1.3


def test_an_item_harder_than_its_parameters_has_a_large_negative_z() -> None:
    made = world()
    harder = made.scores.copy()
    rng = np.random.default_rng(5)
    harder[rng.random(STUDENTS) < 0.3, FLIPPED] = 0.0
    row = fit_at(made, harder).to_pylist()[FLIPPED]
    assert row["observed_mean"] < row["expected_mean"]
    assert row["z"] < -6


def test_sums_of_two_chunks_are_those_of_one() -> None:
    made = world()
    whole = fit_at(made, made.scores, made.theta)
    rules = rules_of(YEAR)
    scorer = Scorer.make(made.package, rules, rules.policies[rules.default_policy])
    chunk = chunk_of(made, made.scores)
    sums = no_sums(len(scorer.prepared.bank))
    for first, last in ((0, 400), (400, STUDENTS)):
        batch, _ = scorer.batch(chunk.part(first, last))
        table = pa.table({"measure": [OVERALL] * (last - first), "theta": made.theta[first:last]})
        sums = sums.plus(fit_sums(batch, scorer.prepared, table))
    parted = fit_table(sums, scorer.prepared.bank)
    for name in ITEM_FIT.names:
        expected = whole[name].to_pylist()
        assert parted[name].to_pylist() == (
            expected
            if isinstance(expected[0], str)
            else pytest.approx(expected, rel=1e-9, abs=1e-9)
        )
