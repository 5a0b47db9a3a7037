"""Item scores really follow from the true theta, and adaptive tests really adapt."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scorehouse.simulate as simulation
from scorehouse import shapes
from scorehouse.simulate import PoolSizes, Rates, SimulationConfig, kernel
from scorehouse.simulate.run import World
from scorehouse.simulate.sitting import DIMENSIONS, PARTS, Ending, Sittings
from scorehouse.terms import SchoolYear, Subject

YEAR = SchoolYear.parse("2018-19")
PLAIN = SimulationConfig.district(
    4, (YEAR,), students=6000, grades=("05",), pool=PoolSizes(300, 30, 2), rates=Rates.none()
)


def _drawn(config: SimulationConfig, subject: Subject) -> Sittings:
    made = World(config)
    return next(made.tests(plan) for plan in made.plans() if plan.assessment.subject is subject)


@pytest.fixture(scope="module")
def reading() -> Sittings:
    return _drawn(PLAIN, Subject.ELA)


@pytest.fixture(scope="module")
def mathematics() -> Sittings:
    return _drawn(PLAIN, Subject.MATH)


def _probabilities(theta: np.ndarray, discrimination: float, steps: np.ndarray) -> np.ndarray:
    """The GPCM as the specification writes it, one line a theta: an independent second way."""
    exponents = np.cumsum(1.7 * discrimination * (theta[:, None] - steps), axis=1)
    weights = np.exp(np.column_stack([np.zeros(len(theta)), exponents]))
    return weights / weights.sum(axis=1, keepdims=True)


def _standardized(theta: np.ndarray, scores: np.ndarray, row: int, drawn: Sittings) -> float:
    pool = drawn.assessment.pool
    steps = pool.steps[row, : pool.step_count[row]]
    probabilities = _probabilities(theta, pool.discrimination[row], steps)
    values = np.arange(len(steps) + 1)
    expected = probabilities @ values
    variance = probabilities @ values**2 - expected**2
    return float((scores - expected).sum() / np.sqrt(variance.sum()))


@pytest.mark.parametrize("subject", list(Subject))
def test_observed_scores_agree_with_the_model_at_the_true_theta(
    subject: Subject, reading: Sittings, mathematics: Sittings
) -> None:
    drawn = reading if subject is Subject.ELA else mathematics
    rows, z = drawn.rows, []
    for row in range(len(drawn.assessment.pool.rows)):
        own = (rows.item == row) & (rows.dimension == 0)
        if own.sum() >= 200:
            z.append(_standardized(drawn.theta[rows.test[own]], rows.score[own], row, drawn))
    assert len(z) > 100
    assert np.abs(z).max() < 4.5
    # An adaptive choice looks at earlier scores only, so each z still is standard normal.
    assert np.mean(np.square(z)) == pytest.approx(1, abs=5 * np.sqrt(2 / len(z)))


def test_writing_dimensions_agree_with_the_model_and_traits_with_the_dimensions(
    reading: Sittings,
) -> None:
    rows = reading.rows
    organization, evidence, conventions = (
        rows.score[rows.dimension == DIMENSIONS.index(name)].astype(int)
        for name in ("organization", "evidence", "conventions")
    )
    owner, item = (values[rows.dimension == 1] for values in (rows.test, rows.item))
    dimension = -(-(organization + evidence) // 2)
    assert set(dimension) == {0, 1, 2, 3, 4}
    assert set(conventions) == {0, 1, 2}
    positive = dimension > 0
    assert organization[positive].min() == evidence[positive].min() == 1
    assert (organization[~positive] == 0).all()
    assert (evidence[~positive] == 0).all()
    assert (organization != evidence)[dimension > 1].mean() == pytest.approx(2 / 3, abs=0.05)
    for row in set(item.tolist()):
        own = item == row
        theta = reading.theta[owner[own]]
        assert abs(_standardized(theta, conventions[own], row, reading)) < 4
        assert abs(_standardized(theta, dimension[own], row + 1, reading)) < 4


def test_difficulty_tracks_theta_and_item_sets_differ(reading: Sittings) -> None:
    rows, pool = reading.rows, reading.assessment.pool
    main = rows.part == PARTS.index("CAT")
    difficulty = np.nanmean(pool.steps, axis=1)[rows.item]
    count = np.bincount(rows.test[main])
    mean = np.bincount(rows.test[main], weights=difficulty[main]) / count
    assert np.corrcoef(mean, reading.theta)[0, 1] > 0.8
    sets = {
        tuple(sorted(item for _, item in group))
        for _, group in groupby(
            zip(rows.test[main].tolist(), rows.item[main].tolist(), strict=True),
            lambda pair: pair[0],
        )
    }
    assert len(sets) > 0.99 * len(reading)
    assert np.corrcoef(reading.provisional_theta, reading.theta)[0, 1] > 0.9


def test_each_test_keeps_the_blueprint_and_sees_no_item_twice(mathematics: Sittings) -> None:
    rows, pool = mathematics.rows, mathematics.assessment.pool
    strand_of = np.searchsorted(pool.strand_bounds, np.arange(len(pool.rows)), side="right") - 1
    wanted = np.bincount(pool.sequence, minlength=len(pool.strand_bounds) - 1)
    main = rows.part == PARTS.index("CAT")
    counts = np.zeros((len(mathematics), len(wanted)), dtype=int)
    np.add.at(counts, (rows.test[main], strand_of[rows.item[main]]), 1)
    assert (counts == wanted).all()
    pairs = rows.test.astype(np.int64) * len(pool.rows) + rows.item
    assert len(np.unique(pairs)) == len(pairs)


def test_blocks_do_not_depend_on_the_order_in_which_they_are_drawn() -> None:
    config = SimulationConfig.district(9, (YEAR,), students=300, block_size=20)
    forward, backward = World(config), World(config)
    plans = forward.plans()
    first = [forward.tests(plan) for plan in plans]
    second = [backward.tests(plan) for plan in reversed(backward.plans())][::-1]
    for one, other in zip(first, second, strict=True):
        assert one.opportunity_ids == other.opportunity_ids
        assert (one.rows.score == other.rows.score).all()
        assert (one.rows.item == other.rows.item).all()
        assert (one.theta == other.theta).all()


def test_unusual_tests_come_at_their_rates() -> None:
    rates = Rates.usual(
        incomplete_cat=0.2, missing_part=0.1, nothing_answered=0.1,
        unanswered=0.05, unanswered_cat=0.05,
        condition_codes=0.2, participation=1.0,
    )  # fmt: skip
    config = SimulationConfig.district(2, (YEAR,), students=5000, grades=("08",), rates=rates)
    drawn = _drawn(config, Subject.ELA)
    rows, count = drawn.rows, len(drawn)
    share = np.bincount(drawn.ending, minlength=len(Ending)) / count
    assert share == pytest.approx([0.6, 0.2, 0.05, 0.05, 0.1], abs=0.03)
    complete = (drawn.ending == Ending.COMPLETE)[rows.test] & (rows.dimension <= 1)
    assert (~rows.answered[complete]).mean() == pytest.approx(0.05, abs=0.01)
    nothing = (drawn.ending == Ending.NOTHING_ANSWERED)[rows.test]
    assert not rows.answered[nothing].any()
    both = np.zeros((count, 2), dtype=bool)
    both[rows.test, (rows.part == PARTS.index("PT")).astype(int)] = True
    assert (both[:, 0] == drawn.logged_on_main).all()
    assert (both[:, 1] == drawn.logged_on_pt).all()
    organization = (rows.dimension == 1) & rows.answered
    assert (rows.condition[organization] > 0).mean() == pytest.approx(0.2, abs=0.02)
    assert (rows.score[rows.condition > 0] == 0).all()


def test_a_fixed_form_left_early_still_shows_every_item() -> None:
    rates = Rates.usual(incomplete_cat=0.5, missing_part=0.2, interim_comprehensive=1.0)
    config = SimulationConfig.district(
        2, (YEAR,), students=200, grades=("04",), rates=rates, include_interim=True
    )
    made = World(config)
    plan = next(plan for plan in made.plans() if plan.assessment.assessment_type == "ICA")
    drawn = made.tests(plan)
    form = drawn.rows.part == PARTS.index("fixed")
    shown = np.bincount(drawn.rows.test[form], minlength=len(drawn))
    assert set(shown[drawn.logged_on_main]) == {len(plan.assessment.pool.sequence)}
    assert set(shown[~drawn.logged_on_main]) == {0}
    answered = np.bincount(drawn.rows.test[form & drawn.rows.answered], minlength=len(drawn))
    early = drawn.ending == Ending.INCOMPLETE_CAT
    assert (answered[early] < shown[early]).all()
    assert (answered[early] > 0).mean() > 0.9


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    rate=st.floats(0, 1),
    subject=st.sampled_from(list(Subject)),
    count=st.integers(1, 60),
    interim=st.booleans(),
)
def test_any_world_gives_tests_its_own_package_can_read(
    seed: int, rate: float, subject: Subject, count: int, interim: bool
) -> None:
    rates = Rates.usual(
        unanswered=rate, unanswered_cat=rate, incomplete_cat=rate / 3, nothing_answered=rate / 3
    )
    config = SimulationConfig.district(
        seed, (YEAR,), subjects=(subject,), grades=("04", "11"), rates=rates,
        include_interim=interim, pool=PoolSizes(60, 2, 1),
    )  # fmt: skip
    package, responses, opportunities = simulation.tests(config, count)
    assert responses.schema == shapes.RESPONSES
    assert opportunities.schema == shapes.OPPORTUNITIES
    assert opportunities.num_rows == count
    assert package.items.schema == shapes.ITEMS
    _check_scores(package.items.to_pylist(), responses.to_pylist())


def _check_scores(items: list[dict], responses: list[dict]) -> None:
    most: dict[tuple[str, str], int] = {}
    for row in items:
        steps = sum(row[name] is not None for name in shapes.STEP_COLUMNS)
        key = (row["assessment_id"], row["item_id"], {"C": "conventions"}.get(row["dimension"], ""))
        most[key] = steps
        assert row["model"] == ("2PL" if steps == 1 else "GPCM")
    for row in responses:
        dimension = "conventions" if row["dimension"] == "conventions" else ""
        key = (row["assessment_id"], row["item_id"], dimension)
        assert row["answered"] == (row["score"] is not None)
        assert 0 <= (row["score"] or 0) <= most[key]


@settings(deadline=None)  # the first example compiles
@given(
    theta=st.floats(-40, 40),
    discrimination=st.floats(0.01, 5),
    steps=st.lists(st.floats(-8, 8), min_size=1, max_size=6),
    uniform=st.floats(0, 1, exclude_max=True),
)
def test_a_drawn_score_inverts_the_distribution(
    theta: float, discrimination: float, steps: list[float], uniform: float
) -> None:
    padded = np.array(steps + [np.nan] * (6 - len(steps)))
    score = kernel.draw_score(theta, discrimination, padded, len(steps), 1.7, uniform)
    exponents = np.cumsum([0.0, *(1.7 * discrimination * (theta - step) for step in steps)])
    weights = np.exp(exponents - exponents.max())
    cumulative = np.cumsum(weights / weights.sum())
    assert 0 <= score <= len(steps)
    assert uniform <= cumulative[score] + 1e-9
    assert score == 0 or uniform >= cumulative[score - 1] - 1e-9
    expected, variance = kernel.moments(theta, discrimination, padded, len(steps), 1.7)
    shares = weights / weights.sum()
    values = np.arange(len(steps) + 1)
    assert expected == pytest.approx(shares @ values, abs=1e-9)
    assert variance == pytest.approx(shares @ (values - shares @ values) ** 2, abs=1e-8)


def test_a_row_group_holds_about_one_block(tmp_path: Path) -> None:
    config = SimulationConfig.district(1, (YEAR,), students=700, block_size=100)
    simulation.simulate(config, tmp_path / "out")
    metadata = pq.read_metadata(tmp_path / "out" / "responses.parquet")
    sizes = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    assert max(sizes) < 3 * 100 * 45
    assert len(sizes) > 5
