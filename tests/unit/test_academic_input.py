"""Rosters and scores as files: what can't be read is told, the rest is read; warehouses agree."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from scorehouse.cli.app import app
from scorehouse.errors import UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard_load import academic_rules
from scorehouse.rulebook.dashboard_students import student_rules
from scorehouse.terms import SchoolYear
from scorehouse.verbs.indicator_library import Indicator, indicator
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.academic_files import read_table, results_of, roster_of
from scorehouse.warehouse.academic_input import Files, from_files, from_warehouse
from scorehouse.warehouse.academic_years import School, Year, with_taken_windows
from scorehouse.warehouse.merge import merge
from unit.test_academic_by_hand import SCHOOL, write

YEAR = SchoolYear(2019)
ROSTER = f"""student_id,school_id,entered_on,exited_on,grade_enrolled,homeless,race_ethnicity
9000000001,{SCHOOL},2018-08-15,,5,yes,hi
9000000002,{SCHOOL},2018-08-15,2019-06-01,05,No,WH
9000000003,{SCHOOL},2018-08-15,,05,,
"""
SCORES = """student_id,subject,test_grade,scale_score,completed_on,measure,se_scale
9000000001,ela,5,2512,2019-05-01T10:00:00,overall,22.5
9000000001,ela,5,2500,2019-05-01,claim:SOCK_R,40
9000000002,MATH,05,2600.0,,overall,
"""


def read_roster(tmp_path: Path, text: str) -> tuple[list[dict[str, object]], dict[str, int]]:
    path = tmp_path / "roster.csv"
    path.write_text(text)
    log = FindingLog()
    return roster_of(read_table(path), YEAR, log).to_pylist(), log.counts()


def test_a_roster_is_read_in_its_kinds(tmp_path: Path) -> None:
    rows, findings = read_roster(tmp_path, ROSTER)
    assert findings == {}
    assert [row["homeless"] for row in rows] == [True, False, None]
    assert [row["grade_enrolled"] for row in rows] == ["05"] * 3
    assert [row["race_ethnicity"] for row in rows] == ["HI", "WH", ""]
    assert str(rows[1]["exited_on"]) == "2019-06-01"


@pytest.mark.parametrize(
    ("change", "rule", "kept"),
    [
        (("2018-08-15,,5", "15.08.2018,,5"), "academic_value", 2),
        ((f"9000000001,{SCHOOL}", f"9000000001,{SCHOOL[1:]}"), "academic_value", 2),
        (("yes", "perhaps"), "academic_value", 2),
        (("WH", "GREEN"), "academic_value", 2),
        (("2019-06-01", "2018-06-01"), "academic_dates", 2),
        (("9000000003", "9000000002,,,,,\n9000000003"), "academic_value", 3),
    ],
)
def test_a_bad_row_is_told_and_the_others_are_read(
    tmp_path: Path, change: tuple[str, str], rule: str, kept: int
) -> None:
    rows, findings = read_roster(tmp_path, ROSTER.replace(*change))
    assert (len(rows), findings) == (kept, {rule: 1})


def test_a_row_twice_counts_once(tmp_path: Path) -> None:
    rows, findings = read_roster(tmp_path, ROSTER + ROSTER.split("\n", 2)[1] + "\n")
    assert (len(rows), findings) == (3, {"academic_twice": 1})


def test_scores_are_read_with_their_errors(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(SCORES)
    log = FindingLog()
    results, errors = results_of(read_table(path), YEAR, log)
    assert log.counts() == {}
    assert results["scale_score"].to_pylist() == [2512, 2600]
    assert results["subject"].to_pylist() == ["ELA", "Math"]
    assert errors["se_scale"].to_pylist() == [22.5]
    assert str(results["completed_on"][0]) == "2019-05-01"


@pytest.mark.parametrize("change", [("ela", "art"), ("2512", "2512.5"), ("2512", "high"),
                                    (",5,2512", ",13,2512")])  # fmt: skip
def test_a_bad_score_is_told(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(SCORES.replace(*change, 1))
    log = FindingLog()
    results, _ = results_of(read_table(path), YEAR, log)
    assert (results.num_rows, log.counts()) == (1, {"academic_value": 1})


def test_files_without_their_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="student_id"):
        roster_of(read_table(path), YEAR, FindingLog())
    with pytest.raises(UsageError, match="no file"):
        roster_of(read_table(tmp_path / "absent.csv"), YEAR, FindingLog())
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match="can't be read"):
        roster_of(read_table(tmp_path / "cut.parquet"), YEAR, FindingLog())


# --- a warehouse ---


def sums_of_files(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    roster, scores = write(folder)
    rules, who = academic_rules("2019"), student_rules("2019")
    with from_files(Files(scores, roster), rules, who, FindingLog()) as given:
        current, prior = given.years.sums()
    assert current is not None
    assert prior is not None
    return current, prior


def loaded(folder: Path) -> Warehouse:
    """The same students in a warehouse, all but alternate assessments."""
    roster, scores = write(folder)
    house = Warehouse.create(folder / "w")
    spells, results = (
        pl.read_csv(roster, infer_schema=False),
        pl.read_csv(scores, infer_schema=False),
    )
    days = ("entered_on", "exited_on", "first_entry_on")
    spells = spells.with_columns(pl.col(days).str.to_date())
    students = spells.select("student_id", "first_entry_on").drop_nulls().unique("student_id")
    tests = results.filter(pl.col("test_program").is_null()).with_row_index("number").select(
        opportunity_id=pl.concat_str(pl.lit("o-"), pl.col("number")), assessment_id=pl.lit("INV-5"),
        student_id="student_id", school_year="school_year", subject="subject",
        test_grade="test_grade", assessment_type=pl.lit("summative"), school_id=pl.lit(SCHOOL),
        scale_score=pl.col("scale_score").cast(pl.Float64), special_condition="condition_code",
        validity=pl.when(pl.col("include_indicator") == "R").then(pl.lit("invalid")),
        completed_at=pl.col("completed_on").str.to_datetime("%Y-%m-%d", time_unit="us"),
        status=pl.lit("scored"),
    )  # fmt: skip
    tables: dict[str, pa.Table] = {
        "entity": pa.table({"entity_id": [SCHOOL], "entity_type": ["school"]}),
        "enrollment": spells.select(
            "student_id", "school_id", "entered_on", "exited_on", "school_year", "grade_enrolled"
        ).to_arrow(),
        "student": students.to_arrow(),
        "el_status": spells.select("student_id", "el_status").unique().to_arrow(),
    }
    with house.transaction("students") as transaction:
        number = transaction.begin_import("entities", "", "students")
        for name, table in tables.items():
            merge(transaction, name, table, number)
        merge(transaction, "result", tests.to_arrow(), number)
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("students")
    return house


def test_a_warehouse_gives_the_sums_of_the_files(tmp_path: Path) -> None:
    current, prior = sums_of_files(tmp_path)
    rules, who = academic_rules("2019"), student_rules("2019")
    house = loaded(tmp_path)
    with from_warehouse(house, rules, who, FindingLog()) as given:
        ours, before = given.years.sums()
    house.close()
    assert ours is not None
    assert before is not None
    keys = ["entity_id", "entity_type", "subject", "student_group"]
    same = ["scores", "distance_sum", "enrolled", "left_out_medical", "left_out_invalid",
            "left_out_opt_out", "left_out_exempt", "left_out_duplicate",
            "left_out_recent_english_learner", "left_out_not_continuously_enrolled",
            "left_out_enrollment_unknown", "left_out_lowest_score"]  # fmt: skip
    both = current.join(ours, on=keys, suffix="_ours").filter(pl.col("student_group") == "ALL")
    assert len(both) == 6
    for name in same:
        assert both[name].to_list() == both[f"{name}_ours"].to_list(), name
    # The alternate assessment isn't in the warehouse: its student has no result there.
    assert both["left_out_no_score_ours"].to_list() == [
        n + k for n, k in zip(both["left_out_no_score"], both["left_out_no_distance"], strict=True)
    ]
    assert prior.sort(keys)["distance_sum"].to_list() == before.sort(keys)["distance_sum"].to_list()


def test_a_warehouse_without_enrollments_says_what_to_load(tmp_path: Path) -> None:
    house = Warehouse.create(tmp_path / "w")
    house.close()
    ran = CliRunner().invoke(
        app, ["indicator", "compute", "-d", "2019", "-w", str(tmp_path / "w"), "--json"]
    )
    assert ran.exit_code == 2
    assert "load a roster" in json.loads(ran.stdout)["error"]


# --- the command ---


def test_chances_come_from_the_students_of_files(tmp_path: Path) -> None:
    spells, scores = ["student_id,school_year,school_id,entered_on,grade_enrolled"], [
        "student_id,school_year,subject,test_grade,scale_score,se_scale,completed_on"
    ]  # fmt: skip
    for year in (2018, 2019):
        for number in range(60):
            student = f"9{number:09}"
            spells.append(f"{student},{year - 1}-{year % 100},{SCHOOL},{year - 1}-08-15,05")
            score = 2480 + 3 * number + 4 * (year - 2018)
            scores.append(f"{student},{year - 1}-{year % 100},ELA,05,{score},20,{year}-05-01")
    (tmp_path / "roster.csv").write_text("\n".join(spells))
    (tmp_path / "scores.csv").write_text("\n".join(scores))
    asked = ["indicator", "what-if", SCHOOL, "-d", "2019", "--scores", str(tmp_path / "scores.csv"),
             "--roster", str(tmp_path / "roster.csv"), "--chances", "--json"]  # fmt: skip
    told = json.loads(CliRunner().invoke(app, asked).stdout)
    assert told["now"]["color"] == "Blue"
    with_error, without = told["chances"]
    assert with_error["with_measurement_error"]
    assert sum(with_error["colors"].values()) == pytest.approx(1)
    wide, narrow = (one["status_95"][1] - one["status_95"][0] for one in (with_error, without))
    assert narrow < wide
    assert told == json.loads(CliRunner().invoke(app, asked).stdout)


@pytest.mark.parametrize("more", [[], ["--scores", "x.csv"], ["--sums", "x.csv", "--scores", "y"]])
def test_exactly_one_source_is_asked_for(more: list[str]) -> None:
    ran = CliRunner().invoke(app, ["indicator", "compute", "-d", "2019", *more])
    assert ran.exit_code == 2


def test_a_window_of_one_subject_leaves_the_other_to_its_tests() -> None:
    spring = (date(2019, 4, 1), date(2019, 5, 31))
    told = Year(YEAR, {SCHOOL: School(SCHOOL, "99900010000000")}, {("", "ELA"): spring})
    log = FindingLog()
    days = {"99900010000000": (date(2019, 4, 8), date(2019, 5, 3))}
    found = with_taken_windows(told, lambda: days, log)
    assert found.window("99900010000000", "ELA") == spring
    assert found.window("99900010000000", "Math") == days["99900010000000"]
    assert log.counts() == {"academic_window": 1}
    log = FindingLog()
    assert with_taken_windows(told, dict, log).window("99900010000000", "Math") is None
    assert log.counts() == {"academic_no_window": 1}


def test_days_of_tests_are_not_asked_where_windows_are_told() -> None:
    spring = (date(2019, 4, 1), date(2019, 5, 31))
    told = Year(YEAR, {SCHOOL: School(SCHOOL, "99900010000000")}, {("", ""): spring})
    assert with_taken_windows(told, lambda: pytest.fail("asked"), FindingLog()) is told


def test_others_than_staff_see_rows_of_released_results_alone(tmp_path: Path) -> None:
    house = loaded(tmp_path)
    state = [("2017-18", "", "released"), ("2018-19", "", "released")]
    stated(house, [*state, ("2018-19", SCHOOL, "reviewing")], subject="Math")
    stated(house, state, subject="ELA")
    house.close()
    staff, dashboard = (indicator("2019", warehouse=tmp_path / "w", profile=profile)
                        for profile in ("staff", "dashboard"))  # fmt: skip
    assert places(staff, "Math") == places(staff, "ELA") == {"S", "D", "X"}
    assert places(dashboard, "ELA") == {"S", "D", "X"}
    assert places(dashboard, "Math") == set()
    gone = staff.figures.filter(pc.field("subject") == "Math").num_rows
    assert f"Left out, with results not yet released: {gone} rows." in dashboard.notes
    assert not any("not yet released" in note for note in staff.notes)


def places(found: Indicator, subject: str) -> set[str]:
    rows = found.figures.to_pylist()
    return {row["entity_type"] for row in rows if row["subject"] == subject}


def stated(house: Warehouse, rows: list[tuple[str, str, str]], subject: str) -> None:
    """Say how far results of a subject are, by year and entity."""
    years, entities, told = zip(*rows, strict=True)
    table = pa.table({"school_year": years, "lea_id": entities, "availability": told,
                      "subject": [subject] * len(rows)})  # fmt: skip
    with house.transaction("availability") as transaction:
        number = transaction.begin_import("availability", "", subject)
        merge(transaction, "availability", table, number)
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("availability")
