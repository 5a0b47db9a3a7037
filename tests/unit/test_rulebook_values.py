"""The rulebook says what the published tables say, in every year and program."""

from __future__ import annotations

import csv
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from pathlib import Path

import pytest

from scorehouse.rulebook import Rulebook, load
from scorehouse.terms import AssessmentType, MeasurementRules, SchoolYear, Subject

GRADES = ("03", "04", "05", "06", "07", "08", "11")
SUBJECTS_AND_GRADES = list(product(Subject, GRADES))
ALL_YEARS = [str(SchoolYear(ends)) for ends in range(2015, 2027)]
OPTION_1, OPTION_2 = "opt1_2014_15_values", "opt2_ca_2020_21_values"


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load()


def table(shared: Path, name: str) -> list[dict[str, str]]:
    with (shared / "facts" / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def place(row: dict[str, str]) -> tuple[Subject, str]:
    return Subject(row["subject"]), row["grade"].zfill(2)


def scaled(rules: MeasurementRules, subject: Subject, theta: float) -> int:
    """Scale and round half away from zero; every scale score here is positive."""
    scale = rules.scales[subject]
    exact = Decimal(str(scale.slope)) * Decimal(str(theta)) + Decimal(str(scale.intercept))
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def test_cuts_equal_the_published_table(book: Rulebook, shared: Path) -> None:
    rows = table(shared, "sb_cuts")
    published = {
        place(row): (
            tuple(float(row[f"theta_cut_{pair}"]) for pair in ("1_2", "2_3", "3_4")),
            tuple(int(row[f"scale_cut_{pair}"]) for pair in ("1_2", "2_3", "3_4")),
        )
        for row in rows
    }
    cuts = book.at("2018-19").cuts
    assert {key: (cut.theta, cut.scale) for key, cut in cuts.items()} == published


def test_bounds_equal_the_published_table(book: Rulebook, shared: Path) -> None:
    published = {
        (row["year_from"], *place(row)): (
            float(row["LOT"]),
            float(row["HOT"]),
            int(row["LOSS"]),
            int(row["HOSS"]),
        )
        for row in table(shared, "sb_loss_hoss")
    }
    found = {
        key: (b.lowest_theta, b.highest_theta, b.lowest_scale_score, b.highest_scale_score)
        for key, b in book.at("2020-21").bounds.items()
    }
    assert found == published


def test_scales_and_average_items_equal_the_published_tables(book: Rulebook, shared: Path) -> None:
    rules = book.at("2015-16")
    for row in table(shared, "sb_scale_constants"):
        scale = rules.scales[Subject(row["subject"])]
        assert (scale.slope, scale.intercept) == (float(row["slope"]), float(row["intercept"]))
    published = {
        place(row): (float(row["avg_a"]), float(row["avg_b"]), int(row["assigned_score"]))
        for row in table(shared, "sb_avg_item_params")
    }
    items = rules.average_items.items()
    assert {k: (i.discrimination, i.difficulty, i.score) for k, i in items} == published


def test_claim_codes_and_names_equal_the_published_table(book: Rulebook, shared: Path) -> None:
    published = {
        (row["test"].removeprefix("SB "), row["code"], row["kind"])
        for row in table(shared, "claims")
        if row["test"].startswith("SB ") and row["kind"] in ("claim", "composite")
    }
    parts = book.at("2023-24").parts
    assert {(s.value, p.code, p.kind) for s in Subject for p in parts[s]} == published


@pytest.mark.parametrize(("subject", "grade"), SUBJECTS_AND_GRADES)
def test_thetas_map_to_the_published_scale_scores(
    book: Rulebook, subject: Subject, grade: str
) -> None:
    rules = book.at("2020-21")
    cuts = rules.cuts[subject, grade]
    assert tuple(scaled(rules, subject, theta) for theta in cuts.theta) == cuts.scale
    for set_name in ("2014-15", "2020-21"):
        bounds = rules.bounds[set_name, subject, grade]
        assert scaled(rules, subject, bounds.lowest_theta) == bounds.lowest_scale_score
        assert scaled(rules, subject, bounds.highest_theta) == bounds.highest_scale_score
        assert bounds.lowest_scale_score < cuts.scale[0] < cuts.scale[2]
        assert cuts.scale[2] < bounds.highest_scale_score


@pytest.mark.parametrize("program", ["consortium", "california"])
@pytest.mark.parametrize("year", ALL_YEARS)
def test_every_year_has_every_table_whole_and_every_value_an_origin(
    book: Rulebook, program: str, year: str
) -> None:
    rules = book.at(year, program)
    pairs = set(SUBJECTS_AND_GRADES)
    assert set(rules.cuts) == set(rules.average_items) == pairs
    assert set(rules.bounds) == {(s, *pair) for s in ("2014-15", "2020-21") for pair in pairs}
    assert set(rules.attemptedness) == set(rules.claim_rounding) == set(AssessmentType)
    assert set(rules.writing_codes) == {"B", "I", "L", "T", "M"}
    assert rules.default_policy in rules.policies
    assert (str(rules.year), rules.program, rules.digest) == (year, program, book.digest)
    assert paths_of(rules) <= set(rules.origins)
    for path, origin in rules.origins.items():
        assert origin.rule == path
        assert origin.source in book.sources
        assert origin.title == book.sources[origin.source].title


def paths_of(rules: MeasurementRules) -> set[str]:
    """The rule path of every value that a year's rules hold."""
    tables = {"cuts": rules.cuts, "average_items": rules.average_items}
    paths = {f"{name}/{s}/{grade}" for name, cells in tables.items() for s, grade in cells}
    paths |= {f"minimum_cat_items/{s}/{grade}" for s, grade in rules.minimum_cat_items}
    paths |= {f"bounds/{name}/{s}/{grade}" for name, s, grade in rules.bounds}
    paths |= {f"parts/{s}/{part.code}" for s, parts in rules.parts.items() for part in parts}
    paths |= {f"reporting/{part.kind}" for parts in rules.parts.values() for part in parts}
    paths |= {f"scale/{s}" for s in rules.scales} | {f"policy/{name}" for name in rules.policies}
    paths |= {f"attemptedness/{t}" for t in rules.attemptedness}
    paths |= {f"claim_rounding/{t}" for t in rules.claim_rounding}
    paths |= {f"writing/{code}" for code in rules.writing_codes}
    paths |= {"suspended"} if rules.is_suspended else set()
    paths |= {"most_at_bounds"} if rules.most_at_bounds is not None else set()
    return paths | {"model_constant", "se_ceiling", "claim_band", "half_point", "default_policy"}


def test_numbers_that_never_changed(book: Rulebook) -> None:
    for year in ALL_YEARS:
        rules = book.at(year)
        assert (rules.model_constant, rules.se_ceiling) == (1.7, 2.5)
        assert (rules.claim_band, rules.half_point) == (1.5, 0.5)
        assert rules.most_at_bounds == 0.02
        assert rules.cuts == book.at("2014-15").cuts


@pytest.mark.parametrize(
    ("program", "year", "policy"),
    [
        ("consortium", "2014-15", "spec_2014_15"),
        ("consortium", "2015-16", OPTION_1),
        ("consortium", "2025-26", OPTION_1),
        ("california", "2014-15", "spec_2014_15"),
        ("california", "2015-16", OPTION_1),
        ("california", "2019-20", OPTION_1),
        ("california", "2020-21", OPTION_2),
        ("california", "2025-26", OPTION_2),
    ],
)
def test_the_policy_of_a_year(book: Rulebook, program: str, year: str, policy: str) -> None:
    rules = book.at(year, program)
    assert rules.default_policy == policy
    assert rules.origin("default_policy").is_uncertain is (year != "2014-15")


@pytest.mark.parametrize(
    ("policy", "extremes", "limits", "bounds_set"),
    [
        ("spec_2014_15", "bounds", "theta", "2014-15"),
        (OPTION_1, "half_point", "score", "2014-15"),
        (OPTION_2, "half_point", "score", "2020-21"),
        ("opt3_no_loss_hoss", "half_point", "none", ""),
        ("engine", "bounds", "theta", "2014-15"),
    ],
)
def test_policies_may_be_applied_to_any_year(
    book: Rulebook, policy: str, extremes: str, limits: str, bounds_set: str
) -> None:
    for year in ALL_YEARS:
        found = book.at(year).policies[policy]
        assert (found.extremes, found.limits, found.bounds_set) == (extremes, limits, bounds_set)
        assert found.drops_unanswered_when_complete is (policy == "engine")
        assert found.single_part_is_participant is (policy == "engine")


def test_attemptedness_of_the_consortium(book: Rulebook) -> None:
    rule = book.at("2018-19").attemptedness[AssessmentType.SUMMATIVE]
    assert (rule.minimum_cat_answered, rule.minimum_pt_answered) == (1, 1)
    assert rule.needs_both_parts
    assert (rule.below_threshold, rule.nothing_answered) == ("not_scored", "not_scored")
    for kind in (AssessmentType.ICA, AssessmentType.IAB):
        rule = book.at("2018-19").attemptedness[kind]
        assert (rule.minimum_answered, rule.needs_both_parts) == (1, False)


@pytest.mark.parametrize(
    ("year", "force_completed"),
    [("2014-15", "as_answered"), ("2018-19", "as_answered"), ("2020-21", "nonparticipant")],
)
def test_attemptedness_of_california(book: Rulebook, year: str, force_completed: str) -> None:
    rules = book.at(year, "california")
    rule = rules.attemptedness[AssessmentType.SUMMATIVE]
    assert (rule.minimum_cat_answered, rule.minimum_pt_answered) == (10, 1)
    assert (rule.below_threshold, rule.nothing_answered) == ("lowest_score", "not_scored")
    assert rule.force_completed == force_completed
    if year != "2014-15":
        assert not rules.origin("attemptedness", "summative").is_uncertain
        assert rules.origin("attemptedness", "summative", "nothing_answered").is_uncertain
    assert rules.attemptedness[AssessmentType.IAB] == book.at(year).attemptedness["IAB"]


def test_what_each_part_pools(book: Rulebook) -> None:
    parts = book.at("2023-24").parts
    assert [(p.measure, p.strands) for p in parts[Subject.ELA]] == [
        ("claim:SOCK_R", ("1-LT", "1-IT")),
        ("claim:2-W", ("2-W",)),
        ("claim:SOCK_LS", ("3-L", "3-S")),
        ("claim:4-CR", ("4-CR",)),
        ("composite:COMPOSITE_1", ("1-LT", "1-IT", "3-L", "3-S")),
        ("composite:COMPOSITE_2", ("2-W", "4-CR")),
    ]
    assert [(p.measure, p.strands) for p in parts[Subject.MATH]] == [
        ("claim:1", ("1",)),
        ("claim:SOCK_2", ("2", "4")),
        ("claim:3", ("3",)),
        ("composite:COMPOSITE_1", ("1",)),
        ("composite:COMPOSITE_2", ("2", "3", "4")),
    ]


@pytest.mark.parametrize(
    ("program", "year", "claims", "composites"),
    [
        ("consortium", "2021-22", "individual", None),
        ("consortium", "2022-23", "individual", "individual"),
        ("california", "2018-19", "individual", None),
        ("california", "2020-21", "aggregate", None),
        ("california", "2022-23", "aggregate", None),
        ("california", "2023-24", "aggregate", "individual"),
    ],
)
def test_for_whom_parts_are_reported(
    book: Rulebook, program: str, year: str, claims: str, composites: str | None
) -> None:
    found = [part for parts in book.at(year, program).parts.values() for part in parts]
    assert {part.reporting for part in found if part.kind == "claim"} == {claims}
    expected = {composites} if composites else set()
    assert {part.reporting for part in found if part.kind == "composite"} == expected


def test_the_smallest_complete_cat(book: Rulebook) -> None:
    found = book.at("2018-19").minimum_cat_items
    assert found == {(Subject.ELA, g): 37 if g == "11" else 36 for g in GRADES}
    assert book.at("2018-19").origin("minimum_cat_items", "ELA", "05").confidence == "derived"
    assert book.at("2020-21").minimum_cat_items == {}


def test_only_california_and_only_one_year_is_suspended(book: Rulebook) -> None:
    suspended = [(p, y) for p in book.programs for y in ALL_YEARS if book.at(y, p).is_suspended]
    assert suspended == [("california", "2019-20")]


def test_weaker_fields_have_an_origin_of_their_own(book: Rulebook) -> None:
    rules = book.at("2020-21", "california")
    assert rules.origin("bounds", "2020-21", "ELA", "03").confidence == "published"
    thetas = rules.origin("bounds", "2020-21", "ELA", "03", "lowest_theta")
    assert (thetas.confidence, thetas.is_uncertain) == ("derived", True)
    assert "lowest_theta is derived" in thetas.note


def test_every_source_is_used(book: Rulebook) -> None:
    assert book.unused_sources() == ()
