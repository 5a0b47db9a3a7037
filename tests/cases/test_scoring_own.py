"""Our own worked examples of scoring, by both implementations; every one says what it cites."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from cases.known_scores import Case, name, own_cases
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
from scorehouse.scoring.levels import claim_rating
from scorehouse.scoring.scale import half_away, half_away_all

CASES = own_cases()
TOLERANCE = 1e-9
RULES = "2018-19"
PT = "PT"


def items_of(case: Case) -> list[Case]:
    """The case's items, those that stand for several written out."""
    return [entry for entry in case["items"] for _ in range(entry["times"])]


def scored_case(case: Case, policy: str) -> Scored:
    part = "CAT" if case["kind"] == "summative" else "fixed"
    items = items_of(case)
    made = package(
        [assessment(case["kind"], case["subject"], case["grade"],
                    minimum_cat_items=case.get("minimum_cat_items"))],
        [item(f"i{n}", entry["a"], *entry["b"], part=part) for n, entry in enumerate(items)]
        + [item("tried", 0.5, 0.0, part=PT, operational=False)],
    )  # fmt: skip
    rows = [
        response(f"i{n}", entry["score"], answered=entry.get("answered", True), part=part)
        for n, entry in enumerate(items)
    ]
    if part == "CAT":
        rows.append(response("tried", 1.0, part=PT, use="field_test"))
    return score_chunk(chunk_of(taken(*rows)), made, rules_of(RULES), policy)


def check(row: Mapping[str, object], expected: Case) -> None:
    for column in ("theta", "theta_reported", "se_theta"):
        assert row[column] == pytest.approx(expected[column], rel=0, abs=TOLERANCE), column
    unrounded = expected["scale_score_unrounded"]
    assert row["scale_score_unrounded"] == pytest.approx(unrounded, rel=0, abs=1e-7)
    assert row["scale_score"] == expected["scale_score"]
    assert half_away(float(str(row["se_scale"]))) == expected["se_scale_rounded"]


SCORES = [
    pytest.param(case, policy, expected, id=f"{case['id']}-{policy}")
    for case in CASES["scores"]
    for expected in case["expected"]
    for policy in expected["policies"]
]


@pytest.mark.parametrize(("case", "policy", "expected"), SCORES)
def test_a_score_worked_out_by_hand(case: Case, policy: str, expected: Case) -> None:
    scored = scored_case(case, policy)
    check(scored.row(), expected)
    readable = scored.readable()
    check(vars(readable.scores[0]), expected)
    assert len(readable.simulated) == case.get("simulated", 0)


def writing_rows(case: Case) -> list[Row]:
    return [
        response("write", score, dimension=trait, condition_code=case["codes"][trait])
        for trait, score in case["traits"].items()
    ]


@pytest.mark.parametrize("case", CASES["writing"], ids=name)
def test_writing_dimensions_from_traits(case: Case) -> None:
    made = package(
        [assessment("ICA")],
        [
            item("write", 0.9, -1.0, 0.5, dimension="C", claim="2-W", purpose="EXPL"),
            item("write", 0.6, -1.5, -0.2, 1.3, 2.8, dimension="D", claim="2-W", purpose="EXPL"),
            item("other", 0.7, 0.1),
        ],
    )
    sitting = taken(*writing_rows(case), response("other", 1.0))
    scored = score_chunk(chunk_of(sitting), made, rules_of(case["year"]))
    assert scored.found == []
    entered = {given.item.dimension: given.score for given in scored.readable().sitting.responses}
    assert entered == {"": 1.0, "C": float(case["C"]), "D": float(case["D"])}
    assert scored.row(0, "overall")["raw_score"] == 1 + case["C"] + case["D"]
    assert scored.row(0, "claim:2-W")["item_count"] == 2
    for trait, suffix in (("organization", "ORG"), ("evidence", "EVI"), ("conventions", "CON")):
        row = scored.row(0, f"trait:SOCK_EXPL_{suffix}")
        assert row["reason"] == case["codes"][trait]
        given = case["traits"][trait]
        assert row["raw_score"] == (None if given is None or given < 0 else given)


@pytest.mark.parametrize("case", CASES["rounding"], ids=name)
def test_rounding(case: Case) -> None:
    assert half_away(case["unrounded"]) == case["expected"]
    assert half_away_all(np.array([case["unrounded"]])).tolist() == [case["expected"]]


@pytest.mark.parametrize("rule", ["summative", "ica"])
@pytest.mark.parametrize("case", CASES["claim_ratings"], ids=name)
def test_claim_ratings(case: Case, rule: str) -> None:
    rating = claim_rating(
        case["scale_score"],
        case["se_scale"],
        case["cut"],
        band=rules_of(RULES).claim_band,
        is_rounded=rule == "summative",
        at_lowest=case["at_lowest"],
        at_highest=case["at_highest"],
    )
    assert rating == case[rule]


@pytest.mark.parametrize("case", CASES["attempted"], ids=name)
def test_attempted_or_not(case: Case) -> None:
    parts = ["CAT"] * case["cat"] + [PT] * case["pt"]
    rows = [response(f"i{n}", 0.0, part=part) for n, part in enumerate(parts)]
    made = package(
        [assessment("summative", minimum_cat_items=0)],
        [item(f"i{n}", 0.6, 0.5, part=part) for n, part in enumerate(parts)]
        or [item("unseen", 0.6, 0.5, part="CAT")],
    )
    sitting = taken(
        *rows,
        logged_on_cat=case["logged_on_cat"],
        logged_on_pt=case["logged_on_pt"],
        force_completed=case["force_completed"],
    )
    scored = score_chunk(chunk_of(sitting), made, rules_of(case["year"], case["program"]))
    readable = scored.readable()
    assert readable.decision.attemptedness == case["letter"]
    for status in (scored.row()["score_status"], readable.decision.status):
        assert status == case["status"]
    if case["status"] == "lowest_score":
        bounds = rules_of(case["year"], case["program"]).bounds
        (lowest,) = {
            b.lowest_scale_score
            for (bounds_set, subject, grade), b in bounds.items()
            if (bounds_set, str(subject), grade) == ("2014-15", "ELA", "05")
        }
        row = scored.row()
        assert (row["scale_score"], row["achievement_level"]) == (lowest, 1)
        assert row["theta"] is None
        assert len(scored.rows[0]) == 1


def test_every_case_says_what_it_cites_and_has_its_own_name() -> None:
    kinds = [key for key in CASES if key != "about"]
    assert all(case["cites"] for kind in kinds for case in CASES[kind])
    for kind in kinds:
        names = [case["id"] for case in CASES[kind]]
        assert sorted(names) == sorted(set(names))
