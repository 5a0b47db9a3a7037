"""Percentages, intervals and sentences of reports, and the registry that tells of them."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import pairwise
from statistics import NormalDist

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorehouse.disclosure import RowKey
from scorehouse.reports import reference, targets, uncertainty
from scorehouse.reports import statistics as s
from scorehouse.reports.compare import comparisons, without_hidden_changes
from scorehouse.reports.figure_shape import FIGURES, SHAPE, figure_table
from scorehouse.reports.relations import Structure, crossed, relations
from scorehouse.reports.uncertainty import Difference, Estimate, Share
from scorehouse.reports.words import change_sentence, difference_sentence
from scorehouse.rulebook.counting import counting, dimensions
from scorehouse.rulebook.statistic import statistics

COUNTS = st.lists(st.integers(0, 500), min_size=1, max_size=6).filter(sum)


# --- percentages ---


@given(COUNTS)
def test_whole_percentages_add_to_100_and_stay_close(counts: list[int]) -> None:
    found = s.whole_percents(counts)
    assert found == reference.largest_remainder(counts)
    assert sum(found) == 100
    for share, count in zip(found, counts, strict=True):
        assert abs(share - Fraction(100 * count, sum(counts))) < 1


@given(COUNTS)
def test_a_larger_count_has_no_smaller_percentage(counts: list[int]) -> None:
    found = s.whole_percents(counts)
    assert found is not None
    pairs = sorted(zip(counts, found, strict=True))
    assert all(a[0] == b[0] or a[1] <= b[1] for a, b in pairwise(pairs))


@given(COUNTS, st.integers(2, 50))
def test_whole_percentages_are_of_shares_alone(counts: list[int], times: int) -> None:
    assert s.whole_percents([times * count for count in counts]) == s.whole_percents(counts)


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([61, 139], [30, 70]),  # 30.5 and 69.5: the larger count takes the tie
        ([81, 119, 0], [40, 60, 0]),
        ([1, 1, 1], [34, 33, 33]),  # equal counts: the lower level
        ([1, 0, 6], [14, 0, 86]),
        ([0, 0], None),
    ],
)
def test_known_percentages(counts: list[int], found: list[int] | None) -> None:
    assert s.whole_percents(counts) == found


@given(st.lists(st.integers(200_000, 290_000), min_size=1, max_size=60), st.randoms())
def test_figures_do_not_depend_on_the_order_of_students(
    scores: list[int], chance: random.Random
) -> None:
    def figures() -> tuple[float | None, ...]:
        total, squared = sum(scores), sum(x * x for x in scores)
        return s.mean(len(scores), total), s.se_mean(len(scores), total, squared)

    before = figures()
    chance.shuffle(scores)
    assert figures() == before


def test_nothing_is_said_of_nobody() -> None:
    assert s.mean(0, 0) is None
    assert s.standard_deviation(1, 250_000, 250_000**2) is None
    assert s.percents([0, 0]) is None
    assert s.percent(0, 0) is None
    assert s.percentiles([], [50]) is None
    assert s.met([1, 2], counting().met_levels) is None  # two levels know no standard
    assert s.se_measurement(2, 1, 1) is None  # one error isn't known


# --- targets ---


@given(st.lists(st.integers(-(10**6), 10**6), max_size=12))
def test_where_a_group_stands_on_a_target(residuals: list[int]) -> None:
    sums = targets.TargetSums(len(residuals), sum(residuals), sum(x * x for x in residuals))
    exact = [Fraction(x, 10**6) for x in residuals]
    rules = counting().target
    assert targets.standing(sums, rules) == reference.target(exact, rules)
    assert targets.standing(sums, rules, is_excluded=True) == "excluded"


@pytest.mark.parametrize(
    ("residuals", "standing"),
    [
        ((0.15, 0.4), "above"),
        ((0.9, 0.2), "insufficient"),
        ((0.1, 0.5), "above"),  # a standard error of exactly 0.2 is allowed
        ((-0.1, -0.5), "below"),
        ((0.3,), "insufficient"),
        ((0.0, 0.0), "above"),  # mean and standard error are equal
    ],
)
def test_known_targets(residuals: tuple[float, ...], standing: str) -> None:
    whole = [round(x * 10**6) for x in residuals]
    sums = targets.TargetSums(len(whole), sum(whole), sum(x * x for x in whole))
    assert targets.standing(sums, counting().target) == standing


# --- how sure ---


def test_an_interval_of_independent_means_holds_the_truth_95_times_of_100() -> None:
    chance = random.Random(3)
    held = 0
    for _ in range(1_000):
        ends = []
        for center in (2500, 2510):
            scores = [round(100 * chance.gauss(center, 90)) for _ in range(40)]
            total, squared = sum(scores), sum(x * x for x in scores)
            mean, se = s.mean(40, total), s.se_mean(40, total, squared)
            assert mean is not None
            assert se is not None
            ends.append(Estimate(mean, se, 40))
        found = uncertainty.between(ends[1], ends[0])
        held += found.low <= 10 <= found.high
    assert 930 <= held <= 970


def test_measurement_is_a_part_of_the_standard_error() -> None:
    """Scores that differ by errors alone: the two standard errors agree."""
    chance = random.Random(4)
    scores = [round(100 * chance.gauss(2500, 25)) for _ in range(4_000)]
    whole = s.se_mean(4_000, sum(scores), sum(x * x for x in scores))
    part = s.se_measurement(4_000, 4_000, 4_000 * 2_500**2)
    assert whole == pytest.approx(part, rel=0.05)


def test_a_part_is_judged_against_the_rest() -> None:
    part, rest = [2400, 2450, 2500, 2470], [2520, 2480, 2600, 2550, 2510]

    def estimate(scores: list[int]) -> Estimate:
        found = reference.scale([Fraction(score) for score in scores], [])
        return Estimate(found["mean_scale_score"], found["se_mean"], len(scores))

    whole = estimate(part + rest)
    left = uncertainty.without(whole, estimate(part))
    assert left is not None
    assert left == pytest.approx(estimate(rest))
    found = uncertainty.from_whole(estimate(part), whole)
    apart = uncertainty.between(estimate(part), estimate(rest))
    assert found is not None
    assert found.value == pytest.approx(estimate(part).value - whole.value)
    assert found.is_noise == apart.is_noise
    assert uncertainty.from_whole(whole, whole) is None


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_stays_between_0_and_100_and_holds_the_share(share: tuple[int, int]) -> None:
    low, high = uncertainty.wilson(Share(*share))
    told = 100 * share[0] / share[1]
    assert 0 <= low <= told + 1e-9
    assert told - 1e-9 <= high <= 100


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_ends_of_wilson_are_the_shares_that_just_allow_what_was_seen(
    share: tuple[int, int],
) -> None:
    """At each end the share seen is as far off as chance reaches there, in its own deviation."""
    part, n = share
    for end in uncertainty.wilson(Share(part, n)):
        true = end / 100
        reach = uncertainty.spread() * (true * (1 - true) / n) ** 0.5
        assert abs(part / n - true) == pytest.approx(reach, abs=1e-6)
    low, high = uncertainty.wilson(Share(part, n))
    assert high - low > 1


def test_newcombe_gives_the_published_example() -> None:
    """56 of 70 against 48 of 80, method 10."""
    found = uncertainty.between_shares(Share(56, 70), Share(48, 80))
    assert (found.low / 100, found.high / 100) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_reach_of_an_interval_is_the_rulebooks() -> None:
    assert uncertainty.spread() == NormalDist().inv_cdf(0.975)


@pytest.mark.parametrize(
    ("difference", "told"),
    [
        (Difference(-3, 4, -11, 5), "3 points below B; so small a difference is within noise"),
        (Difference(0.4, 4, -7, 8), "level with B; so small a difference is within noise"),
        (Difference(1, 0.2, 0.6, 1.4), "1 point above B; the true difference is likely between 1"),
        (Difference(-9, 2, -13, -5), "9 points below B; the true difference is likely between 5"),
    ],
)
def test_a_difference_within_noise_is_said_to_be(difference: Difference, told: str) -> None:
    assert told in difference_sentence("A", "B", difference)


@given(st.floats(-80, 80), st.floats(0.1, 40))
def test_sentences_agree_with_intervals(value: float, se: float) -> None:
    found = uncertainty.around(value, se)
    for sentence in (change_sentence("A", "2018-19", found), difference_sentence("A", "B", found)):
        assert ("within noise" in sentence) == (found.low <= 0 <= found.high)


# --- comparisons ---


def row(**told: object) -> dict[str, object]:
    usual = {
        "report": "overall", "entity_id": "9", "entity_type": "school", "entity_name": "Oak",
        "parent_id": "90", "school_year": "2018-19", "subject": "ELA", "test_grade": "05",
        "assessment_type": "summative", "measure": "overall", "student_group": "ALL",
        "n_scored": 100, "mean_scale_score": 2500.0, "se_mean": 8.0, "percent_met": 50.0,
    }  # fmt: skip
    return {**usual, **told}


def test_comparisons_are_of_years_wholes_entities_and_groups() -> None:
    table = figure_table(
        [
            row(),
            row(school_year="2016-17", mean_scale_score=2460.0),
            row(student_group="EL", n_scored=20, mean_scale_score=2440.0, percent_met=20.0),
            row(entity_id="90", entity_type="district", entity_name="North", parent_id="",
                n_scored=900, mean_scale_score=2505.0, se_mean=3.0),
            row(entity_id="8", entity_name="Elm", mean_scale_score=2540.0),
        ]
    )  # fmt: skip
    found = comparisons(table, ["9", "8"]).to_pylist()
    told = {(one["entity_id"], one["kind"], one["compared_with"]) for one in found}
    assert told == {
        ("9", "year", "2016-17"), ("9", "group", "ALL"), ("9", "whole", "90"),
        ("8", "whole", "90"), ("8", "entity", "9"),
    }  # fmt: skip
    change = next(
        one for one in found if one["kind"] == "year" and one["figure"] == "mean_scale_score"
    )
    assert change["difference"] == 40
    assert change["se_difference"] == pytest.approx(math.sqrt(128))
    assert not change["is_noise"]
    assert change["sentence"].startswith("Oak, grade 5 ELA rose by 40 points since 2016-17")


def test_a_hidden_figure_is_compared_with_nothing() -> None:
    table = figure_table(
        [row(), row(school_year="2017-18", mean_scale_score=None, se_mean=None, percent_met=None)]
    )
    assert comparisons(table).num_rows == 0


def cohort(**told: object) -> dict[str, object]:
    return row(report="longitudinal", population="cohort:2017-18:04/2018-19:05", **told)


def test_a_cohort_is_compared_with_its_first_step() -> None:
    first = cohort(school_year="2017-18", test_grade="04")
    table = figure_table([first, cohort(change=31.0, se_change=4.0, compared_with="2017-18:04")])
    assert without_hidden_changes(table).equals(table)
    (one,) = (c for c in comparisons(table).to_pylist() if c["kind"] == "cohort")
    assert (one["difference"], one["se_difference"], one["is_noise"]) == (31, 4, False)
    assert "(the same students) rose by 31 points since 2017-18" in one["sentence"]


def test_a_change_goes_with_a_hidden_mean() -> None:
    hidden = cohort(school_year="2017-18", test_grade="04", mean_scale_score=None)
    table = figure_table([hidden, cohort(change=31.0, se_change=4.0, compared_with="2017-18:04")])
    assert without_hidden_changes(table)["change"].to_pylist() == [None, None]


# --- what adds up ---


def test_relations_name_every_sum_a_row_is_in() -> None:
    structure = Structure(
        entities={"state": ["d1", "d2"], "d1": ["s1", "s2"]},
        grades={("ELA", "summative"): ["03", "04"]},
        partitions=[("F", "M", "X", "SEX_UNKNOWN"), ("EL", "EO")],
        unions={"EVER_EL": ("EL", "RFEP")},
    )
    key = RowKey("s1", "2018-19", "ELA", "03", "summative", "", "overall", "EL")
    found = relations([key], structure)
    told = {
        (one.total.entity_id, one.total.test_grade, one.total.student_group, len(one.parts))
        for one in found
    }
    assert told == {
        ("d1", "03", "EL", 2),  # the district is its schools
        ("s1", "", "EL", 2),  # all grades are its grades
        ("s1", "03", "ALL", 2),  # everybody is EL or not
        ("s1", "03", "EL", 4),  # EL by sex
        ("s1", "03", "EVER_EL", 2),
    }
    assert all(key in (one.total, *one.parts) for one in found)


def test_crossings_of_partitions_share_out_everybody() -> None:
    names = [[group.code for group in parts] for parts in list(dimensions().values())[:2]]
    found = crossed(*names)
    assert len(set(found)) == len(found) == len(names[0]) * len(names[1])


# --- the registry ---


def test_every_figure_has_its_statistic() -> None:
    told = [column for one in statistics().values() for column in one.columns]
    assert sorted(told) == sorted(set(told))
    counts = {"n_enrolled", "n_expected", "n_tested", "n_scored", "level_counts"}
    assert set(told) == set(FIGURES.names) | counts


def test_the_table_of_figures_has_its_shape() -> None:
    table = figure_table([row()])
    assert table.schema.equals(SHAPE)
    assert isinstance(table, pa.Table)
    assert table["population"].to_pylist() == [""]
