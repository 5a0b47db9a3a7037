"""The readable and the compiled implementation give the same scores.

Every column of every measure, within 1e-9 or, where the likelihood is so flat that doubles
can't do better, within 1e-15 · SE².
"""

from __future__ import annotations

import pytest

from cases.scoring_builders import rules_of
from conformance.agreement import disagreements, simulated_chunk
from scorehouse import simulate
from scorehouse.simulate import Rates, SimulationConfig
from scorehouse.terms import SchoolYear
from scorehouse.verbs.score import Scorer

WORLDS = (
    ("2014-15", "consortium", "spec_2014_15"),
    ("2015-16", "consortium", "opt1_2014_15_values"),
    ("2016-17", "california", "opt1_2014_15_values"),
    ("2017-18", "consortium", "opt3_no_loss_hoss"),
    ("2018-19", "california", "engine"),
    ("2018-19", "consortium", "spec_2014_15"),
    ("2020-21", "california", "opt2_ca_2020_21_values"),
    ("2021-22", "consortium", "opt2_ca_2020_21_values"),
    ("2022-23", "california", "opt3_no_loss_hoss"),
    ("2023-24", "california", "opt2_ca_2020_21_values"),
)
"""Each year with another set of rules, each policy, both programs."""

UNUSUAL = Rates.usual(
    unanswered=0.03,
    unanswered_cat=0.01,
    incomplete_cat=0.15,
    missing_part=0.03,
    nothing_answered=0.02,
    condition_codes=0.3,
    field_test=0.1,
)
"""A world in which what is rare happens often."""

TESTS_EACH, MANY = 200, 500


def check_world(year: str, program: str, policy: str, seed: int, n: int, rates: Rates) -> None:
    config = SimulationConfig.district(
        seed, (SchoolYear.parse(year),), include_interim=True, rates=rates
    )
    made = simulate.tests(config, n)
    rules = rules_of(year, program)
    scorer = Scorer.make(made.package, rules, rules.policies[policy])
    result = scorer.score(simulated_chunk(made))
    batch, _problems = scorer.batch(result.chunk)
    compared, found = disagreements(batch, scorer, result.scores)
    assert found[:20] == []
    assert compared > 0.95 * n


@pytest.mark.parametrize("rates", [Rates.usual(), UNUSUAL], ids=["usual", "unusual"])
@pytest.mark.parametrize(("year", "program", "policy"), WORLDS)
def test_simulated_students_score_alike(year: str, program: str, policy: str, rates: Rates) -> None:
    seed = WORLDS.index((year, program, policy))
    check_world(year, program, policy, seed, TESTS_EACH, rates)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(100, 110))
@pytest.mark.parametrize("rates", [Rates.usual(), UNUSUAL], ids=["usual", "unusual"])
@pytest.mark.parametrize(("year", "program", "policy"), WORLDS)
def test_many_simulated_students_score_alike(
    year: str, program: str, policy: str, rates: Rates, seed: int
) -> None:
    check_world(year, program, policy, seed, MANY, rates)
