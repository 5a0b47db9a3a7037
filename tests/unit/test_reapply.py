"""Another LOSS/HOSS option on stored thetas, against scoring the responses under it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import permutations
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cases.scoring_builders import Row, rules_of
from conformance.agreement import simulated_chunk
from scorehouse import simulate
from scorehouse.errors import UsageError
from scorehouse.intake.canonical import ResponseChunk
from scorehouse.intake.readers.packages import Package
from scorehouse.scoring.reapply import (
    NEEDS_RESPONSES,
    RATING_NEEDS_TYPE,
    RESIDUAL_NEEDS_RESPONSES,
    SE_NEEDS_RESPONSES,
    reapply,
)
from scorehouse.scoring.writing import TRAIT_POINTS
from scorehouse.shapes import SCORES
from scorehouse.simulate import PoolSizes, Rates, SimulationConfig
from scorehouse.terms import AssessmentType, MeasurementRules, Policy, SchoolYear
from scorehouse.verbs.score import Scorer

BOUNDS, OPTION_1, OPTION_2, OPTION_3 = (
    "spec_2014_15", "opt1_2014_15_values", "opt2_ca_2020_21_values", "opt3_no_loss_hoss",
)  # fmt: skip
PAIRS = list(permutations((BOUNDS, OPTION_1, OPTION_2, OPTION_3), 2))
YEAR = SchoolYear.parse("2018-19")
KEY = ("opportunity_id", "measure")
ERRORS = ("se_theta", "se_scale")
OF_ERRORS = (*ERRORS, "accuracy", "consistency", "claim_rating")


@cache
def simulated() -> tuple[ResponseChunk, Package]:
    """A few hundred tests, interim ones among them; some perfect, some zero."""
    config = SimulationConfig.district(
        3, (YEAR,), students=10, grades=("03", "08"), pool=PoolSizes(90, 5, 2),
        include_interim=True, rates=Rates.usual(incomplete_cat=0.3),
    )  # fmt: skip
    made = simulate.tests(config, 600)
    answers = with_extremes(made)
    chunk = simulated_chunk(replace_responses(made, answers))
    return chunk, Package(made.package.assessments, made.package.items, "made")


def replace_responses(made: simulate.SimulatedTests, answers: pa.Table) -> simulate.SimulatedTests:
    return made._replace(responses=answers)


def with_extremes(made: simulate.SimulatedTests) -> pa.Table:
    """Every seventh test with full points, the next with none."""
    most = {
        (row["item_id"], row["dimension"] or ""): sum(row[f"b{n}"] is not None for n in range(1, 7))
        for row in made.package.items.to_pylist()
    }
    rows = made.responses.to_pylist()
    place: dict[str, int] = {}
    for row in rows:
        test = place.setdefault(row["opportunity_id"], len(place))
        if test % 7 == 0:
            trait = TRAIT_POINTS.get(row["dimension"])
            row["score"] = float(trait or most.get((row["item_id"], row["dimension"]), 1))
            row["answered"], row["condition_code"] = True, ""
        elif test % 7 == 1:
            row["score"] = 0.0 if row["answered"] else row["score"]
    return pa.Table.from_pylist(rows, schema=made.responses.schema)


@cache
def direct(policy: str, program: str = "consortium") -> pa.Table:
    """Scored from the responses under a policy."""
    chunk, package = simulated()
    rules = rules_of(str(YEAR), program)
    return Scorer.make(package, rules, rules.policies[policy]).score(chunk).scores


def in_pairs(one: pa.Table, other: pa.Table) -> list[tuple[Row, Row]]:
    pairs = list(zip(one.to_pylist(), other.to_pylist(), strict=True))
    assert all(a[name] == b[name] for a, b in pairs for name in KEY)
    return pairs


@pytest.mark.parametrize("program", ["consortium", "california"])
@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_what_is_known_is_what_scoring_gives_and_the_rest_says_why(
    before: str, after: str, program: str
) -> None:
    rules = rules_of(str(YEAR), program)
    found = reapply(direct(before, program), rules, rules.policies[after])
    assert found.schema == SCORES
    faults = [
        (row["measure"], name, row[name], expected[name], row["reason"])
        for row, expected in in_pairs(found, direct(after, program))
        for name in SCORES.names
        if not _is_right(name, row, expected)
    ]
    assert faults == []


def _is_right(name: str, row: Row, expected: Row) -> bool:
    if row[name] == expected[name]:
        return True
    reasons = row["reason"].split("; ")
    if name == "reason":
        return [r for r in reasons if "needs" not in r and r] == expected["reason"].split()
    if NEEDS_RESPONSES in reasons:
        return row[name] is None or (name == "score_status" and row[name] == "not_scored")
    if SE_NEEDS_RESPONSES in reasons and name in OF_ERRORS:
        return row[name] is None
    if RESIDUAL_NEEDS_RESPONSES in reasons and name == "target_residual_to_student":
        return row[name] is None
    return bool(name in ERRORS and np.isclose(row[name], expected[name], rtol=1e-12, atol=0))


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_nothing_is_given_up_that_is_known(before: str, after: str) -> None:
    rules = rules_of(str(YEAR))
    was = direct(before)
    found = reapply(was, rules, rules.policies[after])
    for (old, row), (_, new) in zip(
        in_pairs(was, found), in_pairs(was, direct(after)), strict=True
    ):
        reasons = row["reason"].split("; ")
        if NEEDS_RESPONSES in reasons:
            assert old["raw_score"] in (0.0, old["raw_score_max"])
            assert old["theta"] != new["theta"]
        if SE_NEEDS_RESPONSES in reasons:
            at_ceiling = new["se_theta"] == rules.se_ceiling
            assert old["se_theta"] != new["se_theta"] or at_ceiling


def test_the_simulation_holds_every_kind_of_row() -> None:
    kinds = {(r["measure"].partition(":")[0], r["score_status"], r["achievement_level"] is None)
             for r in direct(OPTION_1, "california").to_pylist()}  # fmt: skip
    assert {
        ("overall", "scored", False), ("overall", "scored", True), ("claim", "scored", True),
        ("overall", "lowest_score", False), ("target", "scored", True),
    } <= kinds  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (BOUNDS, OPTION_1, {NEEDS_RESPONSES, SE_NEEDS_RESPONSES, RESIDUAL_NEEDS_RESPONSES}),
        (OPTION_1, BOUNDS, {SE_NEEDS_RESPONSES, RESIDUAL_NEEDS_RESPONSES}),
        (OPTION_1, OPTION_2, {SE_NEEDS_RESPONSES}),
        (OPTION_3, OPTION_1, {SE_NEEDS_RESPONSES}),
    ],
)
def test_what_is_missing_after_each_change(before: str, after: str, expected: set[str]) -> None:
    rules = rules_of(str(YEAR))
    found = reapply(direct(before), rules, rules.policies[after])
    texts = "; ".join(found["reason"].to_pylist()).split("; ")
    assert {text for text in texts if "needs" in text} == expected


def test_the_same_policy_changes_nothing() -> None:
    rules = rules_of(str(YEAR))
    for name in (BOUNDS, OPTION_1, OPTION_3, "engine"):
        assert reapply(direct(name), rules, rules.policies[name]) == direct(name)


def test_interim_blocks_keep_a_rating_and_get_no_level() -> None:
    rules = rules_of(str(YEAR))
    found = reapply(direct(OPTION_3), rules, rules.policies[OPTION_1])
    ends = 0
    for old, row in in_pairs(direct(OPTION_3), found):
        if old["measure"] == "overall" and old["claim_rating"] is not None:
            assert row["achievement_level"] is None
            if row["scale_score"] != old["scale_score"]:
                ends += 1
                bounds = _bounds(row, rules, OPTION_1)
                assert row["claim_rating"] == (3 if row["scale_score"] == bounds[1] else 1)
    assert ends


def _bounds(row: Row, rules: MeasurementRules, policy: str) -> tuple[int, int]:
    (found,) = [
        bounds
        for (name, subject, grade), bounds in rules.bounds.items()
        if (name, subject, grade)
        == (rules.policies[policy].bounds_set, row["subject"], row["test_grade"])
    ]
    return found.lowest_scale_score, found.highest_scale_score


def test_scores_made_under_several_policies_come_back_in_their_order() -> None:
    rules = rules_of(str(YEAR))
    parts = [direct(OPTION_1).slice(0, 700), direct(BOUNDS).slice(700), direct(OPTION_2)]
    mixed = pa.concat_tables([parts[0].slice(0, 300), *parts[1:], parts[0].slice(300)])
    found = reapply(mixed, rules, rules.policies[OPTION_3])
    assert found.select(list(KEY)).to_pylist() == mixed.select(list(KEY)).to_pylist()
    assert set(found["policy"].to_pylist()) == {OPTION_3}


def test_a_table_without_rows_stays_one() -> None:
    rules = rules_of(str(YEAR))
    assert reapply(SCORES.empty_table(), rules, rules.policies[OPTION_1]).num_rows == 0
    nothing = direct(OPTION_1).slice(0, 0)
    assert reapply(nothing, rules, rules.policies[OPTION_3]) == nothing


def test_a_rating_that_hangs_on_the_assessment_type_is_left_empty() -> None:
    """A theta stored as LOT, under a policy of one's own without limits: the ends no longer
    decide, the error is known, and 2431.6 + 1.5 errors rounds up to the cut or doesn't."""
    rules, policy = _rules_of_own()
    assert rules.claim_rounding[AssessmentType.ICA] != rules.claim_rounding[
        AssessmentType.SUMMATIVE
    ]  # fmt: skip
    row = next(
        r for r in direct(BOUNDS).to_pylist()
        if r["measure"].startswith("claim:") and r["raw_score"] == 0.0 and r["theta"] is not None
        and r["test_grade"] == "03" and r["subject"] == "ELA"
    )  # fmt: skip
    cut = next(c.standard_met for (s, g), c in rules.cuts.items() if (s, g) == ("ELA", "03"))
    distance = cut - row["scale_score_unrounded"]
    for se_scale, rating, reason in (
        ((distance - 0.4) / rules.claim_band, None, RATING_NEEDS_TYPE),
        ((distance - 0.6) / rules.claim_band, 1, ""),
        ((distance + 0.1) / rules.claim_band, 2, ""),
    ):
        stored = pa.Table.from_pylist([row | {"se_scale": se_scale}], schema=SCORES)
        (found,) = reapply(stored, rules, policy).to_pylist()
        assert (found["claim_rating"], found["reason"]) == (rating, reason)


def _rules_of_own() -> tuple[MeasurementRules, Policy]:
    rules = rules_of(str(YEAR))
    own = replace(rules.policies[BOUNDS], policy_id="own", limits="none")
    return replace(rules, policies=MappingProxyType({**rules.policies, "own": own})), own


def test_what_makes_no_sense_is_refused() -> None:
    rules, other = rules_of(str(YEAR)), rules_of("2017-18")
    scores = direct(OPTION_1)
    with pytest.raises(UsageError, match="the rules are of 2017-18, the scores of 2018-19"):
        reapply(scores, other, other.policies[OPTION_2])
    with pytest.raises(UsageError, match="don't take the same responses"):
        reapply(scores, rules, rules.policies["engine"])
    strange = scores.set_column(
        SCORES.get_field_index("policy"), "policy", pa.array(["?"] * scores.num_rows)
    )
    with pytest.raises(UsageError, match="don't know the policy"):
        reapply(strange, rules, rules.policies[OPTION_1])


def test_stored_thetas_are_never_touched_between_options() -> None:
    rules = rules_of(str(YEAR))
    for before, after in permutations((OPTION_1, OPTION_2, OPTION_3), 2):
        found = reapply(direct(before), rules, rules.policies[after])
        assert found["theta"] == direct(before)["theta"]
        assert not pc.any(pc.equal(found["reason"], NEEDS_RESPONSES)).as_py()
