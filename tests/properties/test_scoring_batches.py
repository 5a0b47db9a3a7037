"""Properties of whole batches: neighbors, order, chunks and threads change no bit.

Also: thetas stored under one LOSS/HOSS option can be put under another without responses.
"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.scoring_builders import (
    Row,
    Taken,
    assessment,
    by_test,
    chunk_of,
    package,
    response,
    rules_of,
    taken,
)
from cases.scoring_strategies import POOL, most, sittings
from conformance.agreement import disagreements, simulated_chunk
from scorehouse import simulate
from scorehouse.errors import UsageError
from scorehouse.intake.canonical import ResponseChunk
from scorehouse.scoring.reapply import NEEDS_RESPONSES, reapply
from scorehouse.scoring.score import score_batch
from scorehouse.simulate import SimulatedTests, SimulationConfig
from scorehouse.terms import SchoolYear
from scorehouse.verbs.score import Scorer

RULES = rules_of("2022-23")
HALF_POINT = ("opt1_2014_15_values", "opt2_ca_2020_21_values", "opt3_no_loss_hoss")
POLICIES = st.sampled_from(sorted(RULES.policies))
MADE = package([assessment("summative", minimum_cat_items=8)], POOL)
SCORERS = {name: Scorer.make(MADE, RULES, policy) for name, policy in RULES.policies.items()}
some = settings(deadline=None, max_examples=40)


def scores_of(chunk: ResponseChunk, policy: str) -> pa.Table:
    return SCORERS[policy].score(chunk).scores


def named(taking: list[Taken]) -> list[Taken]:
    """Sittings whose opportunity ids stay theirs in any order."""
    return [
        Taken(one.responses, {**one.opportunity, "opportunity_id": f"n{number}"})
        for number, one in enumerate(taking)
    ]


def usual_sitting() -> Taken:
    """Sixteen items, every second one right to a point."""
    rows = [
        response(row["item_id"], float(n % 2), part=row["part"]) for n, row in enumerate(POOL[:16])
    ]
    return taken(*rows, logged_on_cat=True, logged_on_pt=True)


def rows_by_id(table: pa.Table) -> dict[str, list[Row]]:
    ids = sorted(set(table["opportunity_id"].to_pylist()))
    return dict(zip(ids, map(list, by_test(table, ids)), strict=True))


@some
@given(st.lists(sittings(), min_size=1, max_size=8), POLICIES)
def test_both_implementations_agree(taking: list[Taken], policy: str) -> None:
    scorer = SCORERS[policy]
    result = scorer.score(chunk_of(*taking))
    batch, _problems = scorer.batch(result.chunk)
    compared, found = disagreements(batch, scorer, result.scores)
    assert found == []
    assert compared == len(taking)


@some
@given(st.lists(sittings(), min_size=2, max_size=10), POLICIES, st.randoms())
def test_order_changes_no_bit(taking: list[Taken], policy: str, random: object) -> None:
    first = named(taking)
    other = list(first)
    random.shuffle(other)  # type: ignore[attr-defined]
    ordered = rows_by_id(scores_of(chunk_of(*first), policy))
    shuffled = rows_by_id(scores_of(chunk_of(*other), policy))
    assert ordered == shuffled


@some
@given(st.lists(sittings(), min_size=2, max_size=10), POLICIES, st.integers(1, 9))
def test_chunking_changes_no_bit(taking: list[Taken], policy: str, cut: int) -> None:
    chunk = chunk_of(*named(taking))
    cut = min(cut, len(taking))
    halves = [
        scores_of(chunk.part(0, cut), policy),
        scores_of(chunk.part(cut, len(taking)), policy),
    ]
    assert pa.concat_tables(halves).equals(scores_of(chunk, policy))


@some
@given(sittings(), POLICIES, st.randoms())
def test_the_order_of_responses_changes_no_score(one: Taken, policy: str, random: object) -> None:
    rows = list(one.responses)
    random.shuffle(rows)  # type: ignore[attr-defined]
    tables = [
        scores_of(chunk_of(Taken(tuple(given), one.opportunity)), policy)
        for given in (one.responses, rows)
    ]
    for mine, other in zip(*(table.to_pylist() for table in tables), strict=True):
        for column, value in mine.items():
            expected = (
                pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
            )
            assert other[column] == expected, column


@some
@given(sittings(), POLICIES)
def test_item_counts_and_raw_scores_are_those_of_the_responses(one: Taken, policy: str) -> None:
    row = scores_of(chunk_of(one), policy).to_pylist()[0]
    if row["score_status"] != "scored":
        assert row["theta"] is None
        return
    used = [r for r in one.responses if r["answered"] or policy != "engine"]
    points = {item["item_id"]: most(item) for item in POOL}
    assert row["item_count"] == len(used)
    assert row["raw_score"] == sum(r["score"] or 0.0 for r in used)
    assert row["raw_score_max"] == sum(points[r["item_id"]] for r in used)


@some
@given(sittings(), st.sampled_from(HALF_POINT))
def test_leaving_an_item_presented_never_lowers_the_error(one: Taken, policy: str) -> None:
    """A wrong answer and none give one theta, but only the answer informs."""
    blank = [r["item_id"] for r in one.responses if not r["answered"]]
    wrong = tuple(r | {"answered": True, "score": 0.0} if r["item_id"] in blank else r
                  for r in one.responses)  # fmt: skip
    left, given_wrong = (
        scores_of(chunk_of(Taken(rows, one.opportunity)), policy).to_pylist()[0]
        for rows in (one.responses, wrong)
    )
    both_scored = left["score_status"] == given_wrong["score_status"] == "scored"
    same_length = left["reason"] == given_wrong["reason"]
    if both_scored and same_length and left["theta"] == given_wrong["theta"]:
        assert left["se_theta"] >= given_wrong["se_theta"]


# --- other options on stored thetas ---


OPEN = {
    "se_theta": "se_needs_responses",
    "se_scale": "se_needs_responses",
    "accuracy": "se_needs_responses",
    "consistency": "se_needs_responses",
    "claim_rating": "(se_needs_responses|rating_needs_assessment_type)",
    "target_residual_to_student": "residual_needs_responses",
}
"""Columns that may be missing without the responses, and the reason that then says so."""


def reasons(row: Row) -> list[str]:
    return [reason for reason in row["reason"].split("; ") if reason]


def same_or_unknown(again: Row, scored: Row) -> None:
    """Everything as scored; where something needs more than a theta, it is missing and says so."""
    said = "; ".join(reasons(again))
    for column, value in scored.items():
        if column == "reason":
            assert [r for r in reasons(again) if "needs_" not in r] == reasons(scored)
        elif again[column] is None and value is not None:
            assert re.search(OPEN[column], said), column
        else:
            close = isinstance(value, float)
            expected = pytest.approx(value, rel=0, abs=1e-12) if close else value
            assert again[column] == expected, column


@some
@given(st.lists(sittings(), min_size=1, max_size=6), st.sampled_from(HALF_POINT),
       st.sampled_from(HALF_POINT))  # fmt: skip
def test_another_option_on_stored_thetas_is_scoring_with_it(
    taking: list[Taken], before: str, after: str
) -> None:
    chunk = chunk_of(*taking)
    again = reapply(scores_of(chunk, before), RULES, RULES.policies[after]).to_pylist()
    scored = scores_of(chunk, after).to_pylist()
    for mine, other in zip(again, scored, strict=True):
        if other["theta"] is not None:
            same_or_unknown(mine, other)


@some
@given(st.lists(sittings(), min_size=1, max_size=6), st.sampled_from(HALF_POINT))
def test_from_bounds_to_half_points_extremes_need_the_responses(
    taking: list[Taken], after: str
) -> None:
    chunk = chunk_of(*taking)
    first = scores_of(chunk, "spec_2014_15")
    again = reapply(first, RULES, RULES.policies[after]).to_pylist()
    for mine, other in zip(again, scores_of(chunk, after).to_pylist(), strict=True):
        if other["theta"] is None:
            continue
        if mine["score_status"] == "scored":
            same_or_unknown(mine, other)
        else:
            assert NEEDS_RESPONSES in reasons(mine)
            assert mine["theta"] is mine["scale_score"] is mine["achievement_level"] is None
            assert mine["raw_score"] in (0, mine["raw_score_max"])


@some
@given(st.lists(sittings(), min_size=1, max_size=6), st.sampled_from(HALF_POINT))
def test_from_half_points_to_bounds(taking: list[Taken], before: str) -> None:
    chunk = chunk_of(*taking)
    again = reapply(scores_of(chunk, before), RULES, RULES.policies["spec_2014_15"]).to_pylist()
    for mine, other in zip(again, scores_of(chunk, "spec_2014_15").to_pylist(), strict=True):
        if other["theta"] is not None:
            same_or_unknown(mine, other)


@pytest.mark.parametrize("policy", sorted(set(RULES.policies) - {"engine"}))
def test_policies_that_score_other_items_need_the_responses(policy: str) -> None:
    """The engine drops what wasn't answered; a stored theta can't say what that would be."""
    chunk = chunk_of(usual_sitting())
    for before, after in ((policy, "engine"), ("engine", policy)):
        with pytest.raises(UsageError, match="score again from the responses"):
            reapply(scores_of(chunk, before), RULES, RULES.policies[after])


# --- threads, on simulated tests ---


@pytest.fixture(scope="module")
def simulated() -> SimulatedTests:
    year = SchoolYear.parse("2022-23")
    return simulate.tests(SimulationConfig.district(3, (year,), include_interim=True), 3000)


@pytest.mark.parametrize("policy", ["spec_2014_15", "opt2_ca_2020_21_values"])
def test_threads_change_no_bit(simulated: SimulatedTests, policy: str) -> None:
    scorer = Scorer.make(simulated.package, RULES, RULES.policies[policy])
    batch, _problems = scorer.batch(simulated_chunk(simulated))
    one = score_batch(batch, scorer.prepared, threads=1)
    assert one.num_rows > 3000
    for threads in (2, 3):
        assert score_batch(batch, scorer.prepared, threads=threads).equals(one)


def test_chunks_of_any_size_change_no_bit(simulated: SimulatedTests) -> None:
    scorer = Scorer.make(simulated.package, RULES, RULES.policies["opt1_2014_15_values"])
    chunk = simulated_chunk(simulated)
    whole = scorer.score(chunk).scores
    rng = np.random.default_rng(5)
    for cuts in ([1], [1500], sorted(rng.choice(np.arange(1, 3000), 12, replace=False).tolist())):
        ends = [0, *cuts, len(chunk.offsets) - 1]
        pieces = [scorer.score(chunk.part(a, b)).scores for a, b in pairwise(ends)]
        assert pa.concat_tables(pieces).equals(whole)


def test_neighbors_change_no_bit() -> None:
    """The same sitting beside itself, beside odd ones, and alone."""
    odd = [response(row["item_id"], float(most(row)), part=row["part"]) for row in POOL[20:60]]
    strange = taken(*odd, logged_on_cat=True, logged_on_pt=True)
    usual = usual_sitting()
    alone = scores_of(chunk_of(usual), "opt3_no_loss_hoss").to_pylist()
    crowd = scores_of(chunk_of(strange, usual, strange, usual), "opt3_no_loss_hoss").to_pylist()
    for name in ("o1", "o3"):
        mine = [row | {"opportunity_id": "o0"} for row in crowd if row["opportunity_id"] == name]
        assert mine == alone
