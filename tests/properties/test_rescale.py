"""Properties of rescaling: it is what scoring would give, and twice is once."""

from __future__ import annotations

from itertools import permutations
from random import Random

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.scoring_builders import (
    Row,
    Taken,
    assessment,
    chunk_of,
    package,
    response,
    rules_of,
    taken,
)
from cases.scoring_strategies import POOL, most, sittings
from scorehouse.scoring.rescale_report import ChangeReport, changes_of
from scorehouse.scoring.rescale_scores import RescaledScores, ScoresRescaler
from scorehouse.shapes import SCORES
from scorehouse.verbs.score import Scorer

YEAR = "2022-23"
RULES = {YEAR: rules_of(YEAR)}
OPTIONS = (
    "spec_2014_15", "opt1_2014_15_values", "opt2_ca_2020_21_values", "opt3_no_loss_hoss",
)  # fmt: skip
PAIRS = st.sampled_from(list(permutations(OPTIONS, 2)))
MADE = package([assessment("summative", minimum_cat_items=8)], POOL)
SCORERS = {name: Scorer.make(MADE, RULES[YEAR], RULES[YEAR].policies[name]) for name in OPTIONS}
OF_ERRORS = ("se_theta", "se_scale", "accuracy", "consistency", "claim_rating")
OPEN = {
    **dict.fromkeys(OF_ERRORS, "se_needs_responses"),
    "target_residual_to_student": "residual_needs_responses",
}
"""Columns that may be empty without the responses, and the reason that then says so."""
some = settings(deadline=None, max_examples=30)
few = st.lists(sittings(), min_size=1, max_size=6)


def scored(taking: list[Taken], policy: str) -> pa.Table:
    named = [
        Taken(one.responses, {**one.opportunity, "opportunity_id": f"n{number}"})
        for number, one in enumerate(taking)
    ]
    return SCORERS[policy].score(chunk_of(*named)).scores


def rescaled(scores: pa.Table, policy: str) -> RescaledScores:
    return ScoresRescaler(RULES, policy).rescale(scores)


def report_of(found: RescaledScores) -> ChangeReport:
    report = ChangeReport()
    report.add(found.compared)
    report.add_unchanged(found.unchanged)
    return report


def reasons(row: Row) -> list[str]:
    return list(row["reason"].split("; "))


def is_right(name: str, row: Row, expected: Row) -> bool:
    """As scoring gives it; else left empty, with the reason."""
    if name == "reason":
        return [r for r in reasons(row) if r and "needs" not in r] == [
            r for r in reasons(expected) if r
        ]
    if row[name] is None and expected[name] is not None:
        return OPEN.get(name, "none") in reasons(row) or (
            name == "claim_rating" and "rating_needs_assessment_type" in reasons(row)
        )
    if name in ("se_theta", "se_scale") and expected[name] is not None:
        return bool(np.isclose(row[name], expected[name], rtol=1e-12, atol=0))
    return bool(row[name] == expected[name])


@some
@given(few, PAIRS)
def test_it_is_what_scoring_the_responses_gives_or_stays_as_it_was(
    taking: list[Taken], pair: tuple[str, str]
) -> None:
    before, after = (scored(taking, policy) for policy in pair)
    found = rescaled(before, pair[1])
    left = set(found.left.tolist())
    rows = zip(
        before.to_pylist(), found.scores.to_pylist(), after.to_pylist(), range(len(before)),
        strict=True,
    )  # fmt: skip
    tests_left = {before["opportunity_id"][place].as_py() for place in left}
    for was, now, expected, place in rows:
        if place in left:
            assert now == was
            assert was["raw_score"] in (0, was["raw_score_max"])
        elif was["opportunity_id"] not in tests_left:
            wrong = [name for name in SCORES.names if not is_right(name, now, expected)]
            assert wrong == []


@some
@given(few, st.sampled_from(OPTIONS))
def test_the_option_that_scores_have_changes_nothing(taking: list[Taken], policy: str) -> None:
    scores = scored(taking, policy)
    found = rescaled(scores, policy)
    assert found.scores.equals(scores.combine_chunks())
    assert changes_of(found.compared).num_rows == 0
    report = report_of(found).table()
    assert sum(report["n_changed"].to_pylist()) == sum(report["n_left"].to_pylist()) == 0
    assert sum(report["n_scores"].to_pylist()) == scores[
        "scale_score"
    ].is_valid().to_pylist().count(True)


@some
@given(few, PAIRS)
def test_twice_is_once(taking: list[Taken], pair: tuple[str, str]) -> None:
    once = rescaled(scored(taking, pair[0]), pair[1])
    again = rescaled(once.scores, pair[1])
    assert again.scores.equals(once.scores)
    assert changes_of(again.compared).num_rows == 0


@some
@given(few, st.sampled_from(list(permutations(OPTIONS[1:], 2))))
def test_there_and_back_gives_every_score_again(taking: list[Taken], pair: tuple[str, str]) -> None:
    """Between options that give perfect and zero patterns the same theta."""
    scores = scored(taking, pair[0])
    back = rescaled(rescaled(scores, pair[1]).scores, pair[0]).scores
    for name in ("theta", "scale_score", "scale_score_unrounded", "achievement_level", "policy"):
        assert back[name].to_pylist() == scores[name].to_pylist()


@some
@given(few, PAIRS, st.integers(0, 6))
def test_tables_of_any_size_change_nothing(
    taking: list[Taken], pair: tuple[str, str], cut: int
) -> None:
    scores = scored(taking, pair[0])
    names = pl.Series(scores["opportunity_id"].to_pylist())
    place = int((names < f"n{cut}").sum())
    parts = [rescaled(scores.slice(0, place), pair[1]), rescaled(scores.slice(place), pair[1])]
    whole = rescaled(scores, pair[1])
    assert pa.concat_tables([part.scores for part in parts]).equals(whole.scores)
    report = ChangeReport()
    for part in parts:
        report.add(part.compared)
        report.add_unchanged(part.unchanged)
    assert report.table().equals(report_of(whole).table())
    assert report.levels().equals(report_of(whole).levels())


@some
@given(few, PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_row(
    taking: list[Taken], pair: tuple[str, str], chance: Random
) -> None:
    scores = scored(taking, pair[0])
    order = list(range(scores.num_rows))
    chance.shuffle(order)
    found = rescaled(scores.take(order), pair[1]).scores
    assert found.equals(rescaled(scores, pair[1]).scores.take(order))


@some
@given(few, PAIRS)
def test_the_report_is_the_sum_of_what_changed(taking: list[Taken], pair: tuple[str, str]) -> None:
    scores = scored(taking, pair[0])
    found = rescaled(scores, pair[1])
    was, now = scores["scale_score"].to_pylist(), found.scores["scale_score"].to_pylist()
    measures = scores["measure"].to_pylist()
    for row in report_of(found).table().to_pylist():
        both = [
            (a, b) for a, b, measure in zip(was, now, measures, strict=True)
            if measure == row["measure"] and (a is not None or b is not None)
        ]  # fmt: skip
        moves = [b - a for a, b in both if a is not None and b is not None and a != b]
        assert row["n_scores"] == len(both)
        assert row["n_changed"] == sum(a != b for a, b in both)
        assert (row["n_up"], row["n_down"]) == (
            sum(move > 0 for move in moves), sum(move < 0 for move in moves),
        )  # fmt: skip
        assert row["largest_rise"] == max((m for m in moves if m > 0), default=None)
        assert row["largest_fall"] == min((m for m in moves if m < 0), default=None)
        assert row["mean_change"] == (sum(moves) / len(moves) if moves else None)


@pytest.mark.parametrize("pair", list(permutations(OPTIONS, 2)), ids="-".join)
def test_the_options_do_differ(pair: tuple[str, str]) -> None:
    """Else the properties above would hold of nothing."""
    best = [
        response(row["item_id"], float(most(row) - (n == 0)), part=row["part"])
        for n, row in enumerate(POOL[:24])
    ]
    worst = [response(row["item_id"], float(n == 0), part=row["part"])
             for n, row in enumerate(POOL[:24])]  # fmt: skip
    taking = [taken(*rows, logged_on_cat=True, logged_on_pt=True) for rows in (best, worst)]
    found = rescaled(scored(taking, pair[0]), pair[1])
    assert changes_of(found.compared).num_rows or len(found.left) or found.errors_lost
