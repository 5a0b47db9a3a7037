"""What is wrong with responses: each becomes a finding, and its neighbors are still scored."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
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
from scorehouse.intake.findings import Finding, FindingLog
from scorehouse.intake.readers.packages import Package
from scorehouse.verbs.score import report

RULES = "2018-19"
STUDENT = "invented-student-77"


def made() -> Package:
    return package(
        [assessment(), assessment(assessment_id="OTHER", grade="08")],
        [
            item("one", 0.7, 0.1, claim="1-LT"),
            item("two", 0.6, -0.4, 0.9, claim="3-L"),
            item("write", 0.9, -1.0, 0.5, dimension="C", claim="2-W", item_type="WER"),
            item("write", 0.6, -1.5, -0.2, 1.3, 2.8, dimension="D", claim="2-W", item_type="WER"),
            item("tried", 0.5, 0.0, operational=False),
            item("lossy", 0.5, 0.0, unscorable="item_writing_row_lossy", operational=False),
            item("elsewhere", 0.8, 0.3, assessment_id="OTHER", claim="1-LT"),
        ],
    )


def traits(
    organization: float | None, evidence: float | None, conventions: float | None
) -> list[Row]:
    given = {"organization": organization, "evidence": evidence, "conventions": conventions}
    return [response("write", score, dimension=trait) for trait, score in given.items()]


def usual() -> list[Row]:
    return [response("one", 1.0), response("two", 1.0), *traits(3.0, 2.0, 1.0)]


def changed(item_id: str, trait: str = "", /, **changes: Any) -> list[Row]:
    """The usual responses with one row changed."""
    return [
        row | changes if (row["item_id"], row["dimension"]) == (item_id, trait) else row
        for row in usual()
    ]


def without(item_id: str, dimension: str = "") -> list[Row]:
    return [row for row in usual() if (row["item_id"], row["dimension"]) != (item_id, dimension)]


def scored(
    rows: Sequence[Row], leave_out: frozenset[str] = frozenset(), **opportunity: Any
) -> Scored:
    """A usual sitting, one of these rows, and another usual one."""
    odd = taken(*rows, student_id=STUDENT, **opportunity)
    chunk = chunk_of(taken(*usual()), odd, taken(*usual()))
    return score_chunk(chunk, made(), rules_of(RULES), leave_out=leave_out)


def findings(rows: Sequence[Row]) -> list[Finding]:
    chunk = chunk_of(taken(*usual()), taken(*rows, student_id=STUDENT), taken(*usual()))
    log = FindingLog()
    report(score_chunk(chunk, made(), rules_of(RULES)).problems, chunk, log, Counter())
    return list(log)


MEASURED = (
    "measure", "score_status", "reason", "theta", "se_theta", "scale_score", "raw_score",
)  # fmt: skip


def measured(rows: Sequence[Row]) -> list[tuple[object, ...]]:
    """What a sitting's rows say, apart from whose they are."""
    return [tuple(row[name] for name in MEASURED) for row in rows]


def apart(rows: Sequence[Row], others: Sequence[Row]) -> list[tuple[object, ...]]:
    """What two tests' rows say otherwise: all exact, but theta and its error to 1e-12.

    Missing and presented items are summed in another order, which moves a float's last bits.
    """
    return [
        (mine[0], value, other)
        for mine, theirs in zip(measured(rows), measured(others), strict=True)
        for name, value, other in zip(MEASURED, mine, theirs, strict=True)
        if value != other
        and not (name.endswith("theta") and value == pytest.approx(other, rel=0, abs=1e-12))
    ]


@pytest.fixture(scope="module")
def alone() -> list[tuple[object, ...]]:
    """The usual sitting scored with nobody beside it."""
    found = score_chunk(chunk_of(taken(*usual())), made(), rules_of(RULES))
    assert found.found == []
    return measured(found.rows[0])


UNSCORABLE = [
    ([*usual(), response("nobody", 1.0)], "response_unknown_item", "item_id", "nobody"),
    (changed("one", score=2.0), "score_above_maximum", "score", "2"),
    (changed("one", score=math.inf), "score_above_maximum", "score", "inf"),
    (changed("two", score=3.0), "score_above_maximum", "score", "3"),
    (changed("one", score=-1.0), "score_negative", "score", "-1"),
    (changed("one", score=None), "score_missing", "score", ""),
    (changed("two", score=0.5), "score_not_whole", "score", "0.5"),
    (changed("one", answered=False), "score_without_answer", "score", "1"),
    ([*usual(), response("one", 0.0)], "item_twice", "item_id", "one"),
    (changed("write", "evidence", dimension="odd"), "dimension_unknown", "dimension", "odd"),
    (without("write", "evidence"), "trait_missing", "dimension", "write"),
    (changed("write", "conventions", score=None), "trait_missing", "dimension", "write"),
    (changed("write", "organization", score=-1.0), "trait_missing", "dimension", "write"),
    (changed("write", "organization", score=5.0), "trait_score_range", "score", "5"),
    (changed("write", "conventions", score=3.0), "trait_score_range", "score", "3"),
    (changed("write", "evidence", score=2.5), "trait_score_range", "score", "2.5"),
    (changed("write", "evidence", condition_code="Z"), "condition_code_unknown", "condition_code",
     "Z"),
    ([*usual(), response("write", 4.0, dimension="organization")], "item_twice", "dimension",
     "write"),
    ([*usual(), response("one", 1.0, dimension="C")], "trait_missing", "dimension", "one"),
]  # fmt: skip


def case_name(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


@pytest.mark.parametrize(("rows", "rule", "field", "value"), UNSCORABLE, ids=case_name)
def test_an_operational_item_that_cant_be_scored_leaves_its_test_unscored(
    rows: list[Row], rule: str, field: str, value: str, alone: list[tuple[object, ...]]
) -> None:
    result = scored(rows)
    assert [(row["measure"], row["score_status"], row["reason"]) for row in result.rows[1]] == [
        ("overall", "not_scored", "test_not_scored_item")
    ]
    assert result.rows[1][0]["theta"] is None
    assert result.rows[1][0]["scale_score"] is None
    assert measured(result.rows[0]) == measured(result.rows[2]) == alone
    assert {problem.test for problem in result.problems} == {1}
    first = next(problem for problem in result.problems if problem.rule == rule)
    assert (first.field, first.value) == (field, value)
    assert result.found.count("test_not_scored_item") == 1


@pytest.mark.parametrize(("rows", "rule", "field", "value"), UNSCORABLE, ids=case_name)
def test_its_findings_say_where_and_what_to_do_and_never_who(
    rows: list[Row], rule: str, field: str, value: str
) -> None:
    found = {finding.rule: finding for finding in findings(rows)}
    assert {rule, "test_not_scored_item"} <= set(found)
    assert found["test_not_scored_item"].consequence == "record_left_out"
    about = found[rule]
    assert (about.file, about.record, about.field) == ("made.csv", "o1", field)
    assert about.consequence in ("record_left_out", "warning")
    assert about.message
    assert about.remedy
    assert not any(STUDENT in str(finding) for finding in found.values())


def test_the_row_of_a_finding_is_the_row_at_fault() -> None:
    rows = changed("two", score=3.0)
    result = scored(rows)
    (problem,) = [p for p in result.problems if p.rule == "score_above_maximum"]
    assert problem.row == len(usual()) + 1
    assert dict(problem.words) == {"maximum": "2"}


HARMLESS = {
    "the same answer twice": ([*usual(), response("one", 1.0)], ["item_twice"]),
    "a field-test item of the file": (
        [*usual(), response("nobody", 9.0, use="field_test")], []),
    "a field-test item of the bank": ([*usual(), response("tried", 1.0)], []),
    "a dropped item": ([*usual(), response("nobody", None, use="dropped")], []),
    "a field-test item no one could score": ([*usual(), response("lossy", 1.0)], []),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_what_doesnt_enter_changes_nothing(name: str, alone: list[tuple[object, ...]]) -> None:
    rows, rules = HARMLESS[name]
    result = scored(rows)
    assert measured(result.rows[1]) == alone
    assert result.found == rules


ZERO = [
    changed("one", score=None, answered=False),
    changed("one", score=-1.0, answered=False),
    changed("one", score=0.0, answered=False),
]


@pytest.mark.parametrize("rows", ZERO, ids=["no score", "minus one", "zero"])
def test_presented_and_unanswered_is_nothing_and_no_part_in_the_error(rows: list[Row]) -> None:
    result = scored(rows)
    assert result.found == []
    answered = scored(changed("one", score=0.0))
    row, twin = result.row(1), answered.row(1)
    assert (row["theta"], row["raw_score"]) == (twin["theta"], twin["raw_score"])
    assert row["se_theta"] > twin["se_theta"]


def test_an_unscorable_item_says_why() -> None:
    lossy = package(
        [assessment()],
        [item("one", 0.7, 0.1), item("write", 1.0, 0.0, unscorable="item_writing_row_lossy")],
    )
    sitting = taken(response("one", 1.0), *traits(3.0, 2.0, 1.0))
    result = score_chunk(chunk_of(sitting), lossy, rules_of(RULES))
    about = [p for p in result.problems if p.rule == "response_unscorable_item"]
    assert about
    assert all(dict(p.words) == {"unscorable": "item_writing_row_lossy"} for p in about)
    assert result.row()["reason"] == "test_not_scored_item"


def test_an_item_of_another_test_is_found_there() -> None:
    result = scored([*usual(), response("elsewhere", 1.0)])
    assert result.found == ["item_matched_elsewhere"]
    assert result.row(1)["item_count"] == result.row(0)["item_count"] + 1
    assert result.row(1)["raw_score"] == result.row(0)["raw_score"] + 1


# --- left out on request ---


@pytest.mark.parametrize("name", ["WER", "write"])
def test_left_out_by_type_or_by_id(name: str) -> None:
    result = scored(changed("write", "organization", score=9.0), frozenset({name}))
    assert result.found == ["left_out_on_request"]
    (problem,) = result.problems
    assert (problem.test, problem.value, dict(problem.words)) == (-1, name, {"count": "9"})
    for index in range(3):
        row = result.row(index)
        assert (row["score_status"], row["item_count"]) == ("scored", 2)
        assert row["reason"] == "left_out_on_request"
        assert result.row(index, "claim:2-W")["reason"] == "no_items"
        assert result.row(index, "claim:SOCK_R")["reason"] == "left_out_on_request"


def test_left_out_items_are_not_added_as_missing_ones() -> None:
    rows = [response("one", 1.0), response("two", 1.0)]
    result = scored(rows, frozenset({"WER"}))
    assert result.found == ["left_out_on_request"]
    assert result.row(1)["raw_score_max"] == 3.0
    assert result.row(1)["reason"] == ""


def test_an_unscorable_row_may_be_left_out_by_its_type() -> None:
    lossy = package(
        [assessment()],
        [item("one", 0.7, 0.1),
         item("write", 1.0, 0.0, item_type="WER", unscorable="item_writing_row_lossy")],
    )  # fmt: skip
    sitting = taken(response("one", 1.0), *traits(3.0, 2.0, 1.0))
    result = score_chunk(chunk_of(sitting), lossy, rules_of(RULES), leave_out=frozenset({"WER"}))
    assert result.row()["score_status"] == "scored"
    assert result.found == ["left_out_on_request"]


# --- whole tests ---


def test_items_of_a_form_that_the_file_lacks_count_nothing() -> None:
    result = scored(without("one"))
    (problem,) = result.problems
    assert (problem.rule, problem.test, problem.value) == ("form_item_missing", 1, "1")
    presented = scored(changed("one", score=None, answered=False))
    assert apart(result.rows[1], presented.rows[1]) == []
    assert apart(result.rows[1], result.rows[0]) != []


def test_a_test_no_package_knows() -> None:
    result = scored(usual(), assessment_id="UNHEARD")
    assert [(p.rule, p.value) for p in result.problems] == [("assessment_unknown", "UNHEARD")]
    (row,) = result.rows[1]
    assert (row["score_status"], row["reason"]) == ("not_scored", "assessment_unknown")
    assert (row["assessment_id"], row["subject"], row["test_grade"]) == ("", "", "")
    assert result.row(0)["score_status"] == result.row(2)["score_status"] == "scored"


def test_a_test_known_by_its_other_name() -> None:
    result = scored(usual(), assessment_id="swapped", assessment_name="T")
    assert result.found == []
    assert measured(result.rows[1]) == measured(result.rows[0])


@pytest.mark.parametrize("kind", ["summative", "ICA", "IAB"])
def test_a_grade_without_cuts(kind: str) -> None:
    odd = package(
        [assessment(kind, grade="10"), assessment(assessment_id="OTHER")],
        [item("one", 0.7, 0.1), item("two", 0.7, 0.1, assessment_id="OTHER")],
    )
    chunk = chunk_of(
        taken(response("one", 1.0)), taken(response("two", 1.0), assessment_id="OTHER")
    )
    result = score_chunk(chunk, odd, rules_of(RULES))
    (problem,) = result.problems
    assert (problem.rule, problem.value) == ("grade_without_cuts", "10")
    assert result.row(0)["reason"] == "grade_without_cuts"
    assert result.row(0)["score_status"] == "not_scored"
    assert result.row(1)["score_status"] == "scored"


def test_two_faults_in_one_test_are_two_findings_and_one_test() -> None:
    result = scored(changed("one", score=2.0)[:1] + changed("two", score=-1.0)[1:])
    assert sorted(result.found) == [
        "score_above_maximum",
        "score_negative",
        "test_not_scored_item",
    ]


def test_many_bad_tests_never_lose_a_good_one(alone: list[tuple[object, ...]]) -> None:
    sittings: list[Taken] = []
    for rows, *_ in UNSCORABLE:
        sittings += [taken(*rows), taken(*usual())]
    result = score_chunk(chunk_of(*sittings), made(), rules_of(RULES))
    assert all(measured(rows) == alone for rows in result.rows[1::2])
    assert {rows[0]["score_status"] for rows in result.rows[::2]} == {"not_scored"}
