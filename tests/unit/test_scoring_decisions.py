"""What is done with a whole test: scored, LOSS, or not scored, and which parts it reports.

Each test checks the fast implementation's rows and that the readable one says the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cases.scoring_builders import (
    Row,
    Scored,
    Taken,
    assessment,
    chunk_of,
    item,
    package,
    response,
    rules_of,
    score_chunk,
    taken,
)
from scorehouse.terms import AssessmentType, MeasurementRules

CAT_ITEMS, PT_ITEMS = 20, 3
STRANDS = ("1-LT", "2-W", "3-L", "4-CR")


def items(kind: str) -> list[Row]:
    cat, pt = ("CAT", "PT") if kind == "summative" else ("fixed", "fixed")
    names = [(f"c{n}", cat) for n in range(CAT_ITEMS)] + [(f"p{n}", pt) for n in range(PT_ITEMS)]
    return [
        item(name, 0.6, (n % 7 - 3) / 2, part=part, claim=STRANDS[n % 4], target=f"T{n % 3}")
        for n, (name, part) in enumerate(names)
    ] + [item("tried", 0.5, 0.0, part="PT", operational=False)]


def answers(cat: int = CAT_ITEMS, pt: int = PT_ITEMS) -> list[Row]:
    """Every second answer right."""
    given = [response(f"c{n}", float(n % 2), part="CAT") for n in range(cat)]
    return given + [response(f"p{n}", float(n % 2), part="PT") for n in range(pt)]


TRIED = response("tried", 1.0, part="PT")


def scored(
    sitting: Taken,
    rules: MeasurementRules | None = None,
    kind: str = "summative",
    policy: str = "",
    **test: Any,
) -> Scored:
    """Score one sitting; both implementations must say the same."""
    made = package([assessment(kind, **{"minimum_cat_items": 20} | test)], items(kind))
    result = score_chunk(chunk_of(sitting), made, rules or rules_of("2018-19"), policy)
    twins = [(s.measure, s.score_status, s.reason, s.scale_score) for s in result.readable().scores]
    names = ("measure", "score_status", "reason", "scale_score")
    assert [tuple(row[name] for name in names) for row in result.rows[0]] == twins
    return result


def outcome(result: Scored) -> tuple[str, str]:
    return result.row()["score_status"], result.row()["reason"]


def measures(result: Scored, prefix: str) -> list[str]:
    return [row["measure"] for row in result.rows[0] if row["measure"].startswith(prefix)]


def test_a_whole_test_reports_everything() -> None:
    result = scored(taken(*answers()))
    assert outcome(result) == ("scored", "")
    assert measures(result, "claim") == ["claim:SOCK_R", "claim:2-W", "claim:SOCK_LS", "claim:4-CR"]
    assert measures(result, "target") == ["target:T0", "target:T1", "target:T2"]
    row = result.row()
    assert row["item_count"] == CAT_ITEMS + PT_ITEMS
    assert row["raw_score"] == sum(r["score"] for r in answers())
    assert row["raw_score_max"] == CAT_ITEMS + PT_ITEMS
    assert 1 <= row["achievement_level"] <= 4
    assert row["claim_rating"] is None


def test_residuals_against_the_student_sum_to_nothing() -> None:
    """At the maximum of the likelihood of alike items, points expected are points earned."""
    rows = [row for row in scored(taken(*answers())).rows[0] if row["measure"].startswith("target")]
    total = sum(row["target_residual_to_student"] * row["raw_score_max"] for row in rows)
    assert total == pytest.approx(0.0, abs=1e-9)
    assert all(-1 <= row["target_residual_to_standard"] <= 1 for row in rows)


def test_writing_never_enters_target_scores() -> None:
    pt = [item("write", 0.9, -1.0, 0.5, dimension="C", part="PT", claim="2-W", target="T9"),
          item("write", 0.6, -1.5, 0.2, 1.3, 2.8, dimension="D", part="PT", claim="2-W",
               target="T9")]  # fmt: skip
    made = package([assessment("summative", minimum_cat_items=0)], [*items("summative"), *pt])
    wrote = [
        response("write", score, dimension=trait, part="PT")
        for trait, score in (("organization", 3.0), ("evidence", 2.0), ("conventions", 1.0))
    ]
    result = score_chunk(chunk_of(taken(*answers(), *wrote)), made, rules_of("2018-19"))
    assert result.found == []
    assert measures(result, "target") == ["target:T0", "target:T1", "target:T2"]
    assert result.row(0, "claim:2-W")["raw_score_max"] > 6
    assert len(measures(result, "trait")) == 3


# --- incomplete CAT ---


def test_an_incomplete_cat_has_a_total_and_no_parts() -> None:
    result = scored(taken(*answers(cat=15)))
    assert outcome(result) == ("scored", "cat_incomplete")
    claims = [row for row in result.rows[0] if row["measure"].startswith("claim")]
    assert {(row["score_status"], row["reason"]) for row in claims} == {
        ("not_scored", "cat_incomplete")
    }
    assert all(row["theta"] is None and row["scale_score"] is None for row in claims)
    assert measures(result, "target") == []
    assert len(result.readable().simulated) == 5
    assert result.row()["item_count"] == 15 + PT_ITEMS


def test_the_remainder_lowers_the_score_and_not_the_error_set() -> None:
    complete = scored(taken(*answers(cat=15)), minimum_cat_items=15).row()
    short = scored(taken(*answers(cat=15)), minimum_cat_items=20).row()
    shorter = scored(taken(*answers(cat=15)), minimum_cat_items=30).row()
    assert complete["theta"] > short["theta"] > shorter["theta"]
    assert complete["raw_score_max"] == short["raw_score_max"] == shorter["raw_score_max"]


def test_presented_items_are_not_simulated_again() -> None:
    left = [row | {"answered": False, "score": None} for row in answers()[15:CAT_ITEMS]]
    rows = answers()[:15] + left + answers()[CAT_ITEMS:]
    result = scored(taken(*rows))
    assert outcome(result) == ("scored", "cat_incomplete")
    assert len(result.readable().simulated) == 0


def test_the_engine_drops_what_a_completed_test_left() -> None:
    rows = [*answers()[:-1], answers()[-1] | {"answered": False, "score": None}]
    dropped = scored(taken(*rows, status="completed"), policy="engine").row()
    kept = scored(taken(*rows, status="expired"), policy="engine").row()
    assert dropped["item_count"] == kept["item_count"] - 1
    assert dropped["theta"] > kept["theta"]


def test_no_minimum_known() -> None:
    """Without a minimum a test is as complete as it says; a partial one can't be scored."""
    rules = rules_of("2020-21")
    whole = scored(taken(*answers()), rules, minimum_cat_items=None)
    assert outcome(whole) == ("scored", "")
    part = scored(taken(*answers(), completeness="Partial"), rules, minimum_cat_items=None)
    assert outcome(part) == ("not_scored", "minimum_cat_unknown")
    assert len(part.rows[0]) == 1


def test_the_rulebook_s_minimum_stands_in_for_the_package_s() -> None:
    rules = rules_of("2018-19")
    minimum = next(
        n for (subject, grade), n in rules.minimum_cat_items.items()
        if (str(subject), grade) == ("ELA", "05")
    )  # fmt: skip
    result = scored(taken(*answers()), rules, minimum_cat_items=None)
    assert outcome(result) == ("scored", "cat_incomplete")
    assert len(result.readable().simulated) == minimum - CAT_ITEMS


# --- attemptedness ---


def test_a_field_test_pt_needs_only_a_log_on() -> None:
    california = rules_of("2018-19", "california")
    assert outcome(scored(taken(*answers(pt=0), TRIED), california)) == ("scored", "")
    alone = scored(taken(*answers(pt=0), TRIED, logged_on_pt=False), california)
    assert outcome(alone) == ("not_scored", "attemptedness_N")
    few = scored(taken(*answers(cat=9, pt=0), TRIED), california)
    assert outcome(few) == ("lowest_score", "below_threshold")


@pytest.mark.parametrize("year", ["2018-19", "2020-21", "2023-24"])
def test_california_assigns_loss_below_its_minimum(year: str) -> None:
    rules = rules_of(year, "california")
    result = scored(taken(*answers(cat=9)), rules)
    bounds = rules.bounds[
        rules.policies[rules.default_policy].bounds_set,
        result.readable().sitting.assessment.subject,
        "05",
    ]
    (row,) = result.rows[0]
    assert outcome(result) == ("lowest_score", "below_threshold")
    assert (row["scale_score"], row["achievement_level"]) == (bounds.lowest_scale_score, 1)
    for name in ("theta", "se_theta", "theta_reported", "scale_score_unrounded", "se_scale",
                 "claim_rating", "item_count", "raw_score", "accuracy"):  # fmt: skip
        assert row[name] is None, name


def test_no_loss_without_a_bounds_set() -> None:
    result = scored(taken(*answers(cat=9)), rules_of("2018-19", "california"),
                    policy="opt3_no_loss_hoss")  # fmt: skip
    assert outcome(result) == ("not_scored", "no_lowest_score")
    assert result.row()["achievement_level"] is None


def test_nothing_answered_may_be_switched_to_loss() -> None:
    rules = rules_of("2018-19", "california")
    left = [row | {"answered": False, "score": None} for row in answers()]
    assert outcome(scored(taken(*left), rules)) == ("not_scored", "nothing_answered")
    kind = AssessmentType.SUMMATIVE
    rule = replace(rules.attemptedness[kind], nothing_answered="lowest_score")
    switched = replace(rules, attemptedness={**rules.attemptedness, kind: rule})
    assert outcome(scored(taken(*left), switched)) == ("lowest_score", "below_threshold")


def test_force_completed_is_a_nonparticipant_in_california_from_2020_21() -> None:
    forced = taken(*answers(), force_completed=True)
    assert outcome(scored(forced, rules_of("2018-19", "california"))) == ("scored", "")
    california = rules_of("2020-21", "california")
    assert outcome(scored(forced, california)) == ("not_scored", "attemptedness_N")
    assert outcome(scored(forced, rules_of("2020-21"))) == ("scored", "")
    unknown = taken(*answers(), force_completed=None)
    assert outcome(scored(unknown, california)) == ("scored", "")


def test_one_part_is_p_to_the_engine_and_n_by_the_text() -> None:
    sitting = taken(*answers(pt=0))
    assert outcome(scored(sitting)) == ("not_scored", "attemptedness_N")
    assert outcome(scored(sitting, policy="engine")) == ("not_scored", "attemptedness_P")


@pytest.mark.parametrize("status", ["reset", "pending", "Reset"])
@pytest.mark.parametrize("kind", ["summative", "ICA", "IAB"])
def test_statuses_that_are_not_scored(status: str, kind: str) -> None:
    result = scored(taken(*answers(), status=status), kind=kind)
    assert outcome(result) == ("not_scored", f"status_{status.lower()}")


def test_a_suspended_year_has_no_summative_scores() -> None:
    california = rules_of("2019-20", "california")
    assert outcome(scored(taken(*answers()), california)) == ("not_scored", "suspended")
    below = scored(taken(*answers(cat=3)), california)
    assert outcome(below) == ("not_scored", "suspended")
    assert outcome(scored(taken(*answers()), california, kind="ICA")) == ("scored", "")
    assert outcome(scored(taken(*answers()), rules_of("2019-20"))) == ("scored", "")


@pytest.mark.parametrize("kind", ["ICA", "IAB"])
def test_an_interim_with_nothing_answered(kind: str) -> None:
    left = [row | {"answered": False, "score": None} for row in answers()]
    for sitting in (taken(*left), taken()):
        assert outcome(scored(sitting, kind=kind)) == ("not_scored", "nothing_answered")
    one = taken(answers()[1], *left[:1], *left[2:])
    assert outcome(scored(one, kind=kind)) == ("scored", "")


def test_an_empty_summative_sitting_took_no_part() -> None:
    assert outcome(scored(taken())) == ("not_scored", "attemptedness_N")
    both = taken(logged_on_cat=True, logged_on_pt=True)
    assert outcome(scored(both)) == ("not_scored", "nothing_answered")


# --- what is reported ---


def test_a_block_is_rated_and_has_no_parts() -> None:
    result = scored(taken(*answers()), kind="IAB")
    (row,) = result.rows[0]
    assert row["achievement_level"] is None
    assert row["claim_rating"] in (1, 2, 3)
    assert row["accuracy"] is None


def test_an_interim_comprehensive_test_has_claims_and_no_targets() -> None:
    result = scored(taken(*answers()), kind="ICA")
    assert len(measures(result, "claim")) == 4
    assert measures(result, "target") == []
    assert outcome(result) == ("scored", "")


def test_a_claim_without_items() -> None:
    rows = [row for row in answers() if int(row["item_id"][1:]) % 4 != 1]
    result = scored(taken(*rows), minimum_cat_items=0)
    row = result.row(0, "claim:2-W")
    assert (row["score_status"], row["reason"], row["theta"]) == ("not_scored", "no_items", None)
    assert result.row(0, "claim:SOCK_R")["score_status"] == "scored"


def test_claims_for_groups_only_say_so() -> None:
    result = scored(taken(*answers()), rules_of("2020-21", "california"))
    assert {result.row(0, m)["reason"] for m in measures(result, "claim")} == {"aggregate_only"}
    assert measures(result, "composite") == []


def test_composites_pool_claims() -> None:
    result = scored(taken(*answers()), rules_of("2023-24", "california"))
    assert measures(result, "composite") == ["composite:COMPOSITE_1", "composite:COMPOSITE_2"]
    counts = {m: result.row(0, m)["item_count"] for m in measures(result, "c")}
    assert counts["composite:COMPOSITE_1"] == counts["claim:SOCK_R"] + counts["claim:SOCK_LS"]
    assert counts["composite:COMPOSITE_2"] == counts["claim:2-W"] + counts["claim:4-CR"]
    assert result.row(0, "composite:COMPOSITE_1")["reason"] == ""


def test_every_row_says_by_which_rules() -> None:
    rules = rules_of("2018-19")
    for row in scored(taken(*answers()), rules, policy="opt3_no_loss_hoss").rows[0]:
        assert rules.digest.startswith(row["rulebook_digest"])
        assert len(row["rulebook_digest"]) >= 16
        assert (row["policy"], row["school_year"]) == ("opt3_no_loss_hoss", "2018-19")
        assert (row["subject"], row["test_grade"], row["assessment_id"]) == ("ELA", "05", "T")
