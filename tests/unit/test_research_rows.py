"""Figures as rows of research files: codes, shares, hidden cells, areas, entity counts."""

from __future__ import annotations

from fractions import Fraction

import pytest

from scorehouse.exports.research_layout import era_of
from scorehouse.exports.research_rows import (
    ResearchEntity,
    entity_rows,
    research_rows,
    rows_of_tests,
)
from scorehouse.exports.research_write import HIDDEN, Value
from scorehouse.reports.figure_shape import figure_table
from scorehouse.terms import SchoolYear

YEAR = SchoolYear(2024)
ERA = era_of(YEAR)
SCHOOL, DISTRICT = "09900010000017", "09900010000000"
ENTITIES = {
    SCHOOL: ResearchEntity(SCHOOL, "school", "Sample", "Invented Unified", "Oak"),
    DISTRICT: ResearchEntity(DISTRICT, "district", "Sample", "Invented Unified"),
    "state": ResearchEntity("00000000000000", "state"),
}
GROUPS = {"ALL": "1", "EL": "160"}
USUAL: dict[str, object] = {
    "entity_id": SCHOOL, "school_year": "2023-24", "subject": "ELA", "test_grade": "03",
    "measure": "overall", "student_group": "ALL", "n_enrolled": 40, "n_tested": 39,
    "n_scored": 38, "level_counts": [10, 9, 12, 7], "mean_scale_score": 91771 / 38,
}  # fmt: skip


def rows(*changes: dict[str, object], hidden: dict[int, list[str]] | None = None) \
        -> list[dict[str, Value]]:  # fmt: skip
    table = figure_table([USUAL | change for change in changes]).to_pylist()
    for place, columns in (hidden or {}).items():
        table[place]["hidden"] = [{"column": column, "why": "n<11"} for column in columns]
        table[place] |= dict.fromkeys(columns)
    return list(research_rows(table, ENTITIES, GROUPS, YEAR, ERA))


def test_a_row_has_its_codes_counts_and_shares() -> None:
    (row,) = rows({})
    wanted: dict[str, Value] = {
        "county_code": "09", "district_code": "90001", "school_code": "0000017", "type_id": "07",
        "district_name": "Invented Unified", "school_name": "Oak", "test_year": 2024,
        "student_group_id": "1", "test_type": "B", "test_id": "1", "grade": "03", "enrolled": 40,
        "tested": 39, "scored": 38, "mean_scale_score": Fraction(91771, 38), "total": 38,
        "count:1": 10, "count:4": 7, "count:met": 19, "percent:met": Fraction(1900, 38),
        "percent:1": Fraction(1000, 38),
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_what_the_exit_door_hid_is_hidden_and_what_is_not_known_is_empty() -> None:
    columns = ["n_tested", "n_scored", "level_counts", "mean_scale_score"]
    (row,) = rows({}, hidden={0: columns})
    hidden = {name for name, value in row.items() if value is HIDDEN}
    assert hidden >= {"tested", "scored", "mean_scale_score", "percent:4", "count:met", "total"}
    assert row["enrolled"] == 40
    (unknown,) = rows({"n_tested": None, "level_counts": None, "mean_scale_score": None})
    assert unknown["tested"] is None
    assert unknown["mean_scale_score"] is None
    assert unknown["percent:met"] is None


def test_a_single_hidden_level_hides_its_share_and_every_sum_with_it() -> None:
    (row,) = rows({"level_counts": [None, 9, 12, 7]})
    assert row["count:1"] is HIDDEN
    assert row["total"] is HIDDEN
    assert row["percent:4"] is HIDDEN
    assert row["count:met"] == 19


def test_claims_are_areas_of_their_row() -> None:
    (row,) = rows(
        {},
        {"measure": "claim:SOCK_LS", "level_counts": [4, 20, 6]},
        {"measure": "composite:COMPOSITE_2", "level_counts": [8, 8, 14]},
    )
    assert [row[f"area:3:count:{level}"] for level in (1, 2, 3)] == [4, 20, 6]
    assert row["area:3:total"] == 30
    assert row["area:3:percent:3"] == Fraction(600, 30)
    assert row["composite:2:count:3"] == 14
    assert "area:1:count:1" not in row


def test_pooled_grades_are_grade_13_and_give_the_counts_of_the_entity() -> None:
    pooled = {"test_grade": "", "n_tested": 90, "n_scored": 88, "mean_scale_score": 2400.0}
    found = rows({}, pooled, pooled | {"student_group": "EL", "n_tested": 30, "n_scored": 29},
                 {"student_group": "EL", "n_tested": 12, "n_scored": 11})  # fmt: skip
    assert [(row["student_group_id"], row["grade"]) for row in found] == [
        ("1", "03"), ("1", "13"), ("160", "03"), ("160", "13"),
    ]  # fmt: skip
    assert [(row["entity_tested"], row["group_scored"]) for row in found] == [
        (90, 88), (90, 88), (90, 29), (90, 29),
    ]  # fmt: skip
    assert found[1]["mean_scale_score"] is None


def test_what_has_no_code_in_the_files_is_told() -> None:
    told: list[tuple[str, str]] = []
    table = figure_table(
        [USUAL, USUAL | {"entity_id": "group-1"}, USUAL | {"student_group": "EL&SED"},
         USUAL | {"subject": "Science"}]
    ).to_pylist()  # fmt: skip
    kept = list(research_rows(table, ENTITIES, GROUPS, YEAR, ERA, lambda *one: told.append(one)))
    assert len(kept) == 1
    assert told == [
        ("entity", "group-1"), ("student group", "EL&SED"), ("subject", "Science"),
    ]  # fmt: skip


@pytest.mark.parametrize(("ends", "name"), [(2019, "State of California"),
                                            (2025, "State Of California")])  # fmt: skip
def test_entities_stand_in_the_order_of_their_codes(ends: int, name: str) -> None:
    year = SchoolYear(ends)
    found = list(entity_rows(ENTITIES.values(), year, era_of(year)))
    assert [row["type_id"] for row in found] == ["04", "06", "07"]
    assert found[0]["county_name"] == name
    assert found[2]["school_name"] == "Oak"


def test_tests_have_their_numbers() -> None:
    assert [row["test_id"] for row in rows_of_tests()] == ["1", "2"]
