"""From the elements of TRT to the two tables: every published rule of the mapping."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.flatten import flatten
from scorehouse.intake.readers.results import read_results
from scorehouse.intake.readers.trt_documents import Batch, Document
from scorehouse.intake.readers.trt_stream import elements_of
from scorehouse.result_shapes import (
    ITEM_TABLE,
    REQUIRED_ITEM_COLUMNS,
    REQUIRED_TEST_COLUMNS,
    TEST_TABLE,
)
from unit.intake_files import score_info, trt, trt_item


def tables(*contents: bytes) -> tuple[pa.Table, pa.Table]:
    found = [Document(f"{place}.xml", content) for place, content in enumerate(contents)]
    tests, items = flatten(elements_of(Batch(0, found), FindingLog()).tables)
    assert tests.schema == TEST_TABLE
    assert items.schema == ITEM_TABLE
    return tests, items


def one(**words: Any) -> dict[str, Any]:
    tests, _ = tables(trt(**words))
    (row,) = tests.to_pylist()
    return row  # type: ignore[no-any-return]


def item_rows(items: str, **words: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tables(trt(items=items, **words))[1].to_pylist()
    return found


def test_the_published_example_cell_by_cell(shared: Path) -> None:
    folder = shared / "samples" / "trt-example"
    (chunk,) = read_results(folder / "example_summative.xml", FindingLog())
    for name, table, columns in (
        ("example_test.csv", chunk.tests, REQUIRED_TEST_COLUMNS),
        ("example_item.csv", chunk.items, REQUIRED_ITEM_COLUMNS),
    ):
        with (folder / name).open(newline="", encoding="utf-8") as stream:
            wanted = list(csv.DictReader(stream))
        assert table.select(list(columns)).to_pylist() == wanted


def attribute(context: str, name: str, value: str, kind: str = "Attribute") -> str:
    return f'<Examinee{kind} context="{context}" name="{name}" value="{value}"/>'


@pytest.mark.parametrize(
    ("examinee", "column", "value"),
    [
        (attribute("INITIAL", "Sex", "M") + attribute("FINAL", "Sex", "F"), "Sex", "Female"),
        (attribute("FINAL", "Sex", "F") + attribute("FINAL", "Sex", "M"), "Sex", "Female"),
        (attribute("INITIAL", "Sex", "F") + attribute("INITIAL", "Sex", "M"), "Sex", "Male"),
        (attribute("INITIAL", "Sex", "F") + attribute("FINAL", "Sex", ""), "Sex", ""),
        (attribute("FINAL", "Gender", "Non-Binary"), "Sex", "Nonbinary"),
        (attribute("FINAL", "Sex", "") + attribute("FINAL", "Gender", "f"), "Sex", "Female"),
        (attribute("FINAL", "SSID", " 00123 "), "StudentIdentifier", "00123"),
        (attribute("FINAL", "AlternateSSID", "x"), "StudentIdentifier", "x"),
        (attribute("FINAL", "AlternateSSID", "x"), "ExternalSSID", "x"),
        (attribute("FINAL", "SSID", "7", "Relationship"), "StudentIdentifier", "7"),
        (attribute("FINAL", "Grade", "6"), "GradeLevelWhenAssessed", "06"),
        (attribute("FINAL", "White", "YES"), "White", "Yes"),
        (attribute("FINAL", "Asian", "0"), "Asian", "No"),
        (attribute("FINAL", "DemographicRaceTwoOrMoreRaces", "n"), "TwoOrMoreRaces", "No"),
        (attribute("FINAL", "Section504Status", "UNKNOWN/CANNOT PROVIDE"), "Section504Status", ""),
        (attribute("FINAL", "StateCode", "ca", "Relationship"), "StateAbbreviation", "CA"),
        (attribute("FINAL", "StateAbbreviation", "ca"), "StateAbbreviation", "CA"),
        (attribute("FINAL", "SchoolID", "9", "Relationship"), "SchoolId", "9"),
        (attribute("INITIAL", "NameOfInstitution", "A", "Relationship"), "SchoolName", "A"),
        (
            attribute("INITIAL", "StudentGroupName", "x", "Relationship")
            + attribute("FINAL", "StudentGroupName", "y", "Relationship")
            + attribute("FINAL", "StudentGroupName", "z", "Relationship"),
            "StudentGroupNames",
            "y;z",
        ),
        (attribute("INITIAL", "StudentGroupName", "x"), "StudentGroupNames", "x"),
    ],
)
def test_a_students_values(examinee: str, column: str, value: str) -> None:
    assert one(examinee=examinee)[column] == value


CONDITION, STARTED = "AdministrationCondition", "AssessmentAdministrationStartDate"
MOMENT = "2019-01-02T08:00:00.123-05:00"


@pytest.mark.parametrize(
    ("words", "column", "value"),
    [
        ({"test": {"mode": "scanned"}}, "DeliveryMode", "Paper"),
        ({"test": {"mode": ""}}, "DeliveryMode", "Online"),
        ({"test": {"subject": "MA"}}, "Subject", "Math"),
        ({"test": {"grade": "7"}}, "TestGrade", "07"),
        ({"test": {"assessmentType": "summative"}}, "AssessmentType", "Summative"),
        ({"administrationCondition": "IN", "validity": "valid"}, CONDITION, "Invalid"),
        ({"administrationCondition": "", "validity": "invalid"}, CONDITION, "Invalid"),
        ({"status": "invalidated"}, CONDITION, "Invalid"),
        ({}, CONDITION, "Standardized"),
        ({"test": {"assessmentType": "Summative"}}, CONDITION, "Valid"),
        ({"completeness": "", "completeStatus": "PARTIAL"}, "Completeness", "Partial"),
        ({"completeness": "", "status": "completed"}, "Completeness", "Complete"),
        ({"completeness": "", "status": "expired"}, "Completeness", "Partial"),
        ({"completeness": ""}, "Completeness", ""),
        ({"key": "", "oppId": "12"}, "TestOpportunityId", "12"),
        ({"oppId": "12"}, "TestOpportunityAltId", "12"),
        ({"effectiveDate": "2019-01-02T00:00:00Z"}, STARTED, "2019-01-02"),
        ({"startDate": MOMENT}, "StartDateTime", MOMENT),
        ({"dateForceCompleted": "2019-01-02"}, "ForceSubmitted", "Yes"),
        ({}, "ForceSubmitted", ""),
        ({"itemCount": " 2 "}, "NumberOfResponses", "2"),
    ],
)  # fmt: skip
def test_a_tests_values(words: dict[str, Any], column: str, value: str) -> None:
    assert one(**words)[column] == value


def score(of: str, label: str, value: str, error: str = "") -> str:
    return (
        f'<Score measureOf="{of}" measureLabel="{label}" value="{value}" standardError="{error}"/>'
    )


@pytest.mark.parametrize(
    ("subject", "scores", "expected"),
    [
        ("ELA", score("Overall", "ScaleScore", "2500.5", "20"), {"ScaleScore": "2500.5"}),
        ("ELA", score("Overall", "ScaleScore", "NS", "20"), {"ScaleScoreStandardError": ""}),
        ("ELA", score("Overall", "ScaleScore", "0", "20"), {"ScaleScore": ""}),
        (
            "ELA",
            score("Overall", "PerformanceLevel", "3.0", "15"),
            {"ScaleScoreAchievementLevel": "3"},
        ),
        ("Math", score("Overall", "Theta", "-0.5", "0.3"), {"OverallTheta": "-0.5"}),
        (
            "Math",
            score("Overall", "Theta", "1") + score("Overall", "ThetaScore", "2", "0.3"),
            {"OverallTheta": "2", "OverallThetaStandardError": "0.3"},
        ),
        ("ELA", score("SOCK_LS", "ScaleScore", "2400", "9"), {"Claim3Score": "2400"}),
        ("ELA", score("4-CR", "PerformanceLevel", "2"), {"Claim4ScoreAchievementLevel": "2"}),
        ("ELA", score("Claim2Writing", "ThetaScore", "1"), {"Claim2Theta": "1"}),
        (
            "ELA",
            score("Claim1", "ScaleScore", "1") + score("SOCK_R", "ScaleScore", "2"),
            {"Claim1Score": "2"},
        ),
        ("ELA", score("1", "ScaleScore", "2400"), {"Claim1Score": ""}),
        ("MATH", score("1", "ScaleScore", "2400"), {"Claim1Score": "2400"}),
        ("MATH", score("SOCK_2", "ScaleScore", "2400"), {"Claim2Score": "2400"}),
        ("MATH", score("Reasoning", "ScaleScore", "2400"), {"Claim3Score": "2400"}),
        (
            "MATH",
            score("3", "ScaleScore", "1") + score("3", "ScaleScore", "2"),
            {"Claim3Score": "1"},
        ),
    ],
)  # fmt: skip
def test_scores_become_columns(subject: str, scores: str, expected: dict[str, str]) -> None:
    row = one(test={"subject": subject}, before_items=scores)
    assert {name: row[name] for name in expected} == expected


def test_accessibility_codes_with_how_they_were_delivered() -> None:
    found = "".join(
        f'<Accommodation type="{kind}" value="v" code="{code}" segment="{segment}"/>'
        for kind, code, segment in (
            ("Language", "ENU", 0),
            ("Print Size", "TDS_PS_L1", 0),
            ("Language", "ENU", 1),
            ("Other", "NEDS_Other(x)", 0),
            ("Blank", " ", 0),
        )
    )
    scores = score("Print Size", "Accommodation", "8") + score("Other", "accommodation", "99")
    row = one(before_items=found + scores)
    assert row["AccessibilityCodes"] == "ENU:UYU;TDS_PS_L1:UYY;NEDS_Other(x):UYU"


def test_no_codes_are_blank_beside_results_that_have_some() -> None:
    some = '<Accommodation type="Language" value="English" code="ENU" segment="0"/>'
    tests, _ = tables(trt("a"), trt("b", before_items=some), trt("c"))
    assert tests["AccessibilityCodes"].to_pylist() == ["", "ENU:UYU", ""]


def test_rows_stand_under_their_result() -> None:
    tests, items = tables(trt("a", items=""), trt("b"), trt("c", items=trt_item(9)))
    assert tests["result"].to_pylist() == [0, 1, 2]
    assert items["result"].to_pylist() == [1, 1, 2]
    assert items["item"].to_pylist() == [0, 1, 0]
    assert items["TestOpportunityId"].to_pylist() == ["b", "b", "c"]
    assert items["ItemId"].to_pylist() == ["200-1", "200-2", "200-9"]
    assert items["file"].to_pylist() == ["1.xml", "1.xml", "2.xml"]


def test_an_items_values() -> None:
    given = trt_item(
        1, "-1", "<Response date='d'> a\r\nb </Response>", operational="0", dropped="1"
    )
    (row,) = item_rows(given)
    expected = {
        "ItemScore": "-1", "ResponseValue": " a\nb ", "SubmitDateTime": "d", "FieldTest": "Yes",
        "Dropped": "Yes", "Submitted": "Yes", "ScoreDimension": "", "SegmentId": "S1",
        "SegmentPosition": "1", "SelectionAlgorithm": "fixedform", "ItemType": "MC",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_a_page_shares_its_time_where_no_duration_is_given() -> None:
    page = {"pageNumber": "1", "pageTime": "10000"}
    rows = item_rows(
        trt_item(1, **page)
        + trt_item(2, **page)
        + trt_item(3, segmentId="S2", **page)
        + trt_item(4, responseDuration=" 7.50 ", **page)
        + trt_item(5, pageNumber="2", pageTime="-1")
    )
    durations = [row["ResponseDuration"] for row in rows]
    assert durations == ["3.333", "3.333", "10", "7.50", ""]


def read_node(dimension: str, points: str, message: str) -> str:
    node = score_info(dimension, points)
    return node.replace(
        "></ScoreInfo>",
        f"><ScoreRationale><Message>{message}</Message></ScoreRationale></ScoreInfo>",
    )


def raters(row: dict[str, Any]) -> list[str]:
    return [row[f"Rater{n}{part}"] for n in (1, 2, 3) for part in ("Score", "UserId")]


def test_a_hand_scored_item_is_one_row_with_its_raters() -> None:
    reads = (
        read_node("Initial", "1", '{"scorerID":"r1"}')
        + read_node("Reliability", "2", "plain text")
        + read_node("Resolution", "2", '{"scorerID":33,"conditionCode":"B"}')
        + read_node("Final", "2", "{}")
        + read_node("Backread", "0", "{}")
    )
    (row,) = item_rows(trt_item(1, "2", score_info("overall", "2", inside=reads)))
    assert row["ScoreDimension"] == ""
    assert raters(row) == ["1", "r1", "2", "", "2", "33"]
    assert row["ConditionCode"] == "B"


def test_traits_have_rows_below_the_overall_one() -> None:
    traits = (
        score_info("Purpose", "3", inside=read_node("Initial", "2", '{"scorerID":"r1"}'))
        + score_info("Evidence/Elaboration", "1", "T")
        + score_info("D", "2")
        + score_info("C", "1")
    )
    essay = trt_item(7, "4", score_info("Overall", "4", inside=traits), format="WER")
    rows = item_rows(trt_item(1) + essay + trt_item(8))
    assert [(row["item"], row["ScoreDimension"], row["ItemScore"]) for row in rows] == [
        (0, "", "1"),
        (1, "Overall", "4"),
        (1, "Organization/Purpose", "3"),
        (1, "Evidence/Elaboration", "1"),
        (2, "", "1"),
    ]
    assert [row["ConditionCode"] for row in rows] == ["", "", "", "T", ""]
    assert raters(rows[2])[:2] == ["2", "r1"]
    assert {row["ItemId"] for row in rows[1:4]} == {"200-7"}


def test_nothing_gives_empty_tables() -> None:
    tests, items = tables()
    assert (tests.num_rows, items.num_rows) == (0, 0)
    tests, items = tables(b"<TDSReport></TDSReport>")
    assert (tests.num_rows, items.num_rows) == (1, 0)
    assert set(tests.to_pylist()[0].values()) <= {0, "0.xml", None, "", "Online", "Valid"}
