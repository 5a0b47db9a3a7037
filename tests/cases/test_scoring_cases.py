"""The shared worked examples of scoring, by both implementations.

Theta and standard errors to 1e-6, whole numbers exactly.
"""

from __future__ import annotations

import numpy as np
import pytest

from cases.known_scores import Case, name, shared, shared_cases, shared_rules
from cases.scoring_builders import (
    Row,
    Scored,
    assessment,
    chunk_of,
    item,
    package,
    response,
    rules_of,
    score_chunk,
    taken,
)
from scorehouse.scoring import kernel
from scorehouse.scoring.attemptedness import attemptedness, decide
from scorehouse.scoring.levels import achievement_level, claim_rating
from scorehouse.scoring.models import Assessment, Item, ScoredResponse, Sitting
from scorehouse.scoring.one import Estimate, estimate
from scorehouse.scoring.passes import target_sums
from scorehouse.scoring.reference import expected_score
from scorehouse.scoring.scale import half_away, half_away_all
from scorehouse.scoring.targets import target_residual
from scorehouse.scoring.writing import dimension_d
from scorehouse.terms import AssessmentType, MeasurementRules, Subject

pytestmark = pytest.mark.usefixtures("shared")

TOLERANCE = 1e-6
POLICIES = ("spec_2014_15", "opt1_2014_15_values", "opt2_ca_2020_21_values", "opt3_no_loss_hoss")
RULES = "2018-19"
"""A year with every policy whose comprehensive interim claims don't round yet."""

COMPOSITES = "2022-23"
"""A year with composites, whose comprehensive interim claims round."""

SUBSET_MEASURES = {
    "claim_1": "claim:1",
    "claim_2_4": "claim:SOCK_2",
    "claim_3": "claim:3",
    "composite_mathematical_practices": "composite:COMPOSITE_2",
    "2-W": "claim:2-W",
    "4-CR": "claim:4-CR",
    "SOCK_R": "claim:SOCK_R",
    "SOCK_LS": "claim:SOCK_LS",
}

WITH_PARTS = [
    (case, part)
    for case in shared_cases()["cases"]
    for part in case.get("expected_subsets", ())
] or [({"id": "absent"}, "absent")]  # fmt: skip


# --- a case as responses for each implementation ---


def is_simulated(entry: Case) -> bool:
    return bool(entry.get("simulated"))


def is_incomplete(case: Case) -> bool:
    return any(map(is_simulated, case.get("items", ())))


def subject_and_grade(case: Case) -> tuple[Subject, str]:
    return Subject.parse(case["subject"]), f"{case['grade']:02d}"


def is_answered(case: Case, index: int) -> bool:
    return index in case.get("answered_item_indices_for_se", range(len(case["items"])))


def readable_response(case: Case, index: int) -> ScoredResponse:
    entry = case["items"][index]
    made = Item(str(index), entry["a"], tuple(entry["b"]), dimension=entry.get("dimension", ""))
    return ScoredResponse(made, float(entry["score"]), is_answered(case, index))


def readable_estimate(
    case: Case, indices: list[int], rules: MeasurementRules, policy: str
) -> Estimate:
    subject, grade = subject_and_grade(case)
    test = Assessment("T", subject, grade, AssessmentType.SUMMATIVE)
    simulated = [i for i in indices if is_simulated(case["items"][i])]
    given = [i for i in indices if i not in simulated]
    return estimate(
        [readable_response(case, i) for i in given],
        [readable_response(case, i) for i in simulated],
        Sitting("o", test, ()),
        rules,
        rules.policies[policy],
    )


def identity(case: Case, index: int) -> tuple[str, str]:
    """Item id and dimension; the dimensions of one writing item share its id."""
    entry = case["items"][index]
    item_id, _, dimension = str(entry.get("item", f"i{index}")).partition("/")
    dimension = entry.get("dimension", dimension)
    return ("full-write" if dimension else item_id), dimension


def item_row(case: Case, index: int, claim: str, part: str) -> Row:
    entry = case["items"][index]
    claim = claim or entry.get("claim") or entry.get("strand", "")
    item_id, dimension = identity(case, index)
    row = item(item_id, entry["a"], *entry["b"])
    return row | {"claim": claim, "part": part, "dimension": dimension}


def response_row(case: Case, index: int, part: str) -> Row:
    entry = case["items"][index]
    item_id, dimension = identity(case, index)
    answered = is_answered(case, index)
    score = float(entry["score"])
    return response(item_id, score, answered=answered, dimension=dimension, part=part)


def scored_as(case: Case, kind: str, year: str, policy: str, claim: str = "") -> Scored:
    """Score a case's responses as a fixed form of this kind, through the tables."""
    indices = range(len(case["items"]))
    made = package(
        [assessment(kind, case["subject"], str(case["grade"]))],
        [item_row(case, i, claim, "fixed") for i in indices],
    )
    rows = [response_row(case, i, "fixed") for i in indices]
    return score_chunk(chunk_of(taken(*rows)), made, rules_of(year), policy)


def scored_as_adaptive(case: Case, policy: str) -> Scored:
    """Score an incomplete case: its CAT as presented, a field-test PT, the case's length."""
    given = [i for i, entry in enumerate(case["items"]) if not is_simulated(entry)]
    made = package(
        [assessment("summative", case["subject"], str(case["grade"]),
                    minimum_cat_items=len(case["items"]))],
        [item_row(case, i, "", "CAT") for i in given]
        + [item("tried", 0.5, 0.0, part="PT", operational=False)],
    )  # fmt: skip
    rows = [response_row(case, i, "CAT") for i in given]
    tried = response("tried", 1.0, part="PT", use="field_test")
    return score_chunk(chunk_of(taken(*rows, tried)), made, rules_of(RULES), policy)


FOUND_OTHERWISE = [
    case
    for case in shared("cases")
    if case["id"] == "absent" or case.get("hand_check") or "engine_reported" in case
]
COMPLETE = [case for case in shared("cases") if not is_incomplete(case)]


# --- what is compared ---


def check_estimate(found: Estimate, expected: Case, policy: str) -> None:
    values, placed = expected["policies"][policy], found.placement
    assert placed.theta_reported == pytest.approx(values["theta_reported"], rel=0, abs=TOLERANCE)
    assert placed.theta_for_se == pytest.approx(values["theta_for_se"], rel=0, abs=TOLERANCE)
    assert found.se_theta == pytest.approx(values["se_theta"], rel=0, abs=TOLERANCE)
    assert placed.scale_score_unrounded == pytest.approx(values["ss_unrounded"], rel=0, abs=1e-4)
    assert placed.scale_score == values["scale_score"]
    assert half_away(found.se_scale) == values["se_scale"]
    assert (placed.at_lowest, placed.at_highest) == (values["at_loss"], values["at_hoss"])
    if policy != "spec_2014_15":
        theta = expected["theta_half_point"]
        assert placed.theta == pytest.approx(theta, rel=0, abs=TOLERANCE)


def check_row(found: Row, expected: Case, policy: str) -> None:
    values = expected["policies"][policy]
    for column, key in (("theta_reported", "theta_reported"), ("se_theta", "se_theta")):
        assert found[column] == pytest.approx(values[key], rel=0, abs=TOLERANCE), column
    unrounded = values["ss_unrounded"]
    assert found["scale_score_unrounded"] == pytest.approx(unrounded, rel=0, abs=1e-4)
    assert found["scale_score"] == values["scale_score"]
    assert half_away(found["se_scale"]) == values["se_scale"]
    if policy != "spec_2014_15":
        theta = expected["theta_half_point"]
        assert found["theta"] == pytest.approx(theta, rel=0, abs=TOLERANCE)


def check_both(scored: Scored, measure: str, expected: Case, policy: str) -> Row:
    """Compare one measure by kernel and by the readable text; returns the kernel's row."""
    found = scored.row(0, measure)
    (readable,) = [score for score in scored.readable().scores if score.measure == measure]
    check_row(found, expected, policy)
    check_row(vars(readable), expected, policy)
    assert found["claim_rating"] == readable.claim_rating
    assert found["achievement_level"] == readable.achievement_level
    return found


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", shared("cases"), ids=name)
def test_an_estimate_by_the_readable_text(case: Case, policy: str) -> None:
    rules = rules_of(RULES)
    found = readable_estimate(case, list(range(len(case["items"]))), rules, policy)
    check_estimate(found, case["expected"], policy)
    values = case["expected"]["policies"][policy]
    cuts = rules.cuts[subject_and_grade(case)]
    assert achievement_level(found.placement.scale_score, cuts) == values["achievement_level"]
    for rule, is_rounded in (("summative_iab_rule", True), ("ica_rule", False)):
        rating = claim_rating(
            found.placement.scale_score_unrounded,
            found.se_scale,
            cuts.standard_met,
            band=rules.claim_band,
            is_rounded=is_rounded,
            at_lowest=found.placement.at_lowest,
            at_highest=found.placement.at_highest,
        )
        assert rating == values["claim_level"][rule], rule


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", shared("cases"), ids=name)
def test_a_whole_test_through_the_tables(case: Case, policy: str) -> None:
    values = case["expected"]["policies"][policy]
    if is_incomplete(case):
        scored = scored_as_adaptive(case, policy)
        found = check_both(scored, "overall", case["expected"], policy)
        assert found["reason"] == "cat_incomplete"
        simulated = sum(map(is_simulated, case["items"]))
        assert len(scored.readable().simulated) == simulated
        assert {row["score_status"] for row in scored.rows[0][1:]} == {"not_scored"}
    else:
        found = check_both(
            scored_as(case, "ICA", RULES, policy), "overall", case["expected"], policy
        )
    assert found["achievement_level"] == values["achievement_level"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", COMPLETE, ids=name)
def test_ratings_by_both_rules_through_the_tables(case: Case, policy: str) -> None:
    """An interim block rates by the summative rule, a claim of an old ICA by its own."""
    values = case["expected"]["policies"][policy]["claim_level"]
    block = check_both(scored_as(case, "IAB", RULES, policy), "overall", case["expected"], policy)
    assert block["claim_rating"] == values["summative_iab_rule"]
    strand, measure = ("1", "claim:1") if case["subject"] == "Math" else ("2-W", "claim:2-W")
    scored = scored_as(case, "ICA", RULES, policy, claim=strand)
    claim = check_both(scored, measure, case["expected"], policy)
    assert claim["claim_rating"] == values["ica_rule"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("case", "part"), WITH_PARTS, ids=name)
def test_claims_and_composites(case: Case, part: str, policy: str) -> None:
    expected = case["expected_subsets"][part]
    indices = list(expected["item_indices"])
    check_estimate(readable_estimate(case, indices, rules_of(RULES), policy), expected, policy)
    measure = SUBSET_MEASURES[part]
    ratings = {}
    for year in (RULES, COMPOSITES):
        if measure.startswith("composite") and year != COMPOSITES:
            continue
        found = check_both(scored_as(case, "ICA", year, policy), measure, expected, policy)
        assert found["item_count"] == len(indices)
        is_rounded = rules_of(year).claim_rounding[AssessmentType.ICA]
        ratings["summative_iab_rule" if is_rounded else "ica_rule"] = found["claim_rating"]
    known = expected["policies"][policy]["claim_level"]
    assert ratings == {rule: known[rule] for rule in ratings}


@pytest.mark.parametrize("case", FOUND_OTHERWISE, ids=name)
def test_what_an_engine_or_a_hand_found(case: Case) -> None:
    """Theta and error as an operational engine, or a closed form, gives them."""
    policy = "spec_2014_15" if "engine_reported" in case else "opt3_no_loss_hoss"
    found = readable_estimate(case, list(range(len(case["items"]))), rules_of(RULES), policy)
    known = case.get("hand_check") or {}
    if "engine_reported" in case:
        by_engine = case["engine_reported"]["Overall"]["ThetaScore"]
        known = dict(zip(("theta", "se"), map(float, by_engine), strict=True))
    theta = found.placement.theta
    values = {"theta": theta, "theta_half_point": theta, "se": found.se_theta}
    compared = {key: known[key] for key in values if key in known}
    assert compared
    assert {key: values[key] for key in compared} == pytest.approx(compared, rel=0, abs=TOLERANCE)


# --- rules ---


@pytest.mark.parametrize("case", shared_rules("scale_rounding"), ids=name)
def test_rounding(case: Case) -> None:
    assert half_away(case["unrounded"]) == case["expected"]
    assert half_away_all(np.array([case["unrounded"]])).tolist() == [case["expected"]]


@pytest.mark.parametrize("case", shared_rules("claim_level_rule"), ids=name)
def test_claim_ratings(case: Case) -> None:
    band = rules_of(RULES).claim_band
    for rule, is_rounded in (("summative_iab_rule", True), ("ica_rule", False)):
        rating = claim_rating(case["ss"], case["se"], case["cut"], band=band, is_rounded=is_rounded)
        assert rating == case["expected"][rule], rule
    assert case["ss"] + band * case["se"] == case["expected"]["upper"]
    assert case["ss"] - band * case["se"] == case["expected"]["lower"]


@pytest.mark.parametrize("case", shared_rules("achievement_level"), ids=name)
def test_achievement_levels(case: Case) -> None:
    if case["subject"] not in ("ELA", "Math"):
        pytest.skip(f"the rules of {case['subject']} are not built yet")
    cuts = rules_of(RULES).cuts[subject_and_grade(case)]
    found = {score: achievement_level(int(score), cuts) for score in case["expected"]}
    assert found == case["expected"]


@pytest.mark.parametrize("case", shared_rules("wer_dimension"), ids=name)
def test_writing_dimensions(case: Case) -> None:
    found = dimension_d(case["organization_purpose"], case["evidence_elaboration"])
    assert found == case["expected_D"]


@pytest.mark.parametrize("case", shared_rules("elpac_composite"), ids=name)
def test_elpac_composites(case: Case) -> None:
    pytest.skip("the rules of ELPAC are not built yet")


ATTEMPTED = {
    "SB": (RULES, "california"),
    "SB_CONSORTIUM": (RULES, "consortium"),
    "SB_ATTEMPTEDNESS": ("2020-21", "california"),
}
STATUS = {"LOSS": "lowest_score", "SCORED": "scored", "Y": "scored"}


def answered_items(given: Case) -> list[Row]:
    """Wrong answers to as many CAT and PT items as the case says."""
    parts = ["CAT"] * given["cat_answered"] + ["PT"] * given["pt_answered"]
    return [response(f"i{n}", 0.0, part=part) for n, part in enumerate(parts)]


@pytest.mark.parametrize("case", shared_rules("threshold"), ids=name)
def test_attempted_or_not(case: Case) -> None:
    given = case["input"]
    if given["program"] not in ATTEMPTED:
        pytest.skip(f"the rules of {given['program']} are not built yet")
    rules = rules_of(*ATTEMPTED[given["program"]])
    rows = answered_items(given)
    made = package(
        [assessment("summative")],
        [item(row["item_id"], 0.6, 0.5, part=row["part"]) for row in rows],
    )
    sitting = taken(
        *rows,
        logged_on_cat=given["logged_cat"],
        logged_on_pt=given["logged_pt"],
        force_completed=given.get("force_completed"),
    )
    scored = score_chunk(chunk_of(sitting), made, rules)
    found, readable = scored.row(), scored.readable()
    twin = readable.scores[0]
    assert (found["score_status"], found["reason"]) == (twin.score_status, twin.reason)
    expected = case["expected"]
    assert found["score_status"] == STATUS.get(expected, "not_scored")
    if expected in ("N", "P", "Y"):
        rule = rules.attemptedness[AssessmentType.SUMMATIVE]
        policy = rules.policies[rules.default_policy]
        assert attemptedness(readable.sitting, rule, policy) == expected
        assert decide(readable.sitting, rule, policy).attemptedness == expected


@pytest.mark.parametrize("case", shared_rules("target_score"), ids=name)
def test_target_residuals(case: Case) -> None:
    """The formula is a reading, not a publication; both implementations share it."""
    constant = rules_of(RULES).model_constant
    thetas = case["theta_student"], case["theta_level3"]
    seen = [readable_response(case, index) for index in range(len(case["items"]))]
    by_text = [target_residual(theta, seen, constant) for theta in thetas]
    expected_points = [expected_score(thetas[0], given.item, constant) for given in seen]
    known = case["expected"]["expected_item_scores_at_student_theta"]
    assert expected_points == pytest.approx(known, rel=0, abs=1e-12)
    bank = kernel.kernel_bank(
        np.array([given.item.discrimination for given in seen]),
        np.array([[*given.item.steps, np.nan][:2] for given in seen]),
        constant,
    )
    sums = target_sums(
        np.array([0]),
        kernel.Tests.complete(
            np.array([0, len(seen)]),
            np.arange(len(seen), dtype=np.int32),
            np.array([given.score for given in seen]),
        ),
        np.zeros(len(seen), np.int32),
        np.array(thetas[:1]),
        np.array(thetas[1:]),
        bank,
    )
    names = ("StudentRelativeResidualScore", "StandardMetRelativeResidualScore")
    residuals = [case["expected"][key] for key in names]
    assert by_text == pytest.approx(residuals, rel=0, abs=1e-9)
    assert [*sums.to_student, *sums.to_standard] == pytest.approx(residuals, rel=0, abs=1e-9)
    assert sums.raw_score_max.tolist() == [case["expected"]["points_possible"]]
