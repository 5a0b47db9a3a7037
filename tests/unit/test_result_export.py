"""The district and school export: columns as districts know them, nobody lost."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scorehouse.cli.app import app
from scorehouse.errors import UsageError
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.result_export import (
    COLUMNS,
    KNOWN_COLUMNS,
    ResultsAsked,
    exported_results,
    meanings,
)
from warehouse_help import OTHER_SCHOOL, SCHOOL, loaded, made, trt

DISTRICT = "99900010000000"
ENTITIES = (
    "entity_id,entity_type,entity_name,parent_id,nces_id\n"
    f"{DISTRICT},district,Invented Unified,,\n"
    f'{SCHOOL},school,"Oak, North",{DISTRICT},N-1\n{OTHER_SCHOOL},school,Elm,{DISTRICT},\n'
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("export")
    house = made(folder / "w", schools=False)
    (folder / "entity.csv").write_text(ENTITIES)
    loaded(house, folder / "entity.csv")
    two = trt(folder, "b.xml", student="9000000002", key="k-2", number="102", last="=Reed",
              school=OTHER_SCHOOL, score=2400)  # fmt: skip
    races = two.read_text().replace('name="White"', 'name="DemographicRaceTwoOrMoreRaces"')
    two.write_text(races.replace('"EconomicDisadvantageStatus" value="No"',
                                 '"EconomicDisadvantageStatus" value=""'))  # fmt: skip
    loaded(house, trt(folder, "a.xml"), two)
    return house


def rows(house: Warehouse, asked: ResultsAsked) -> list[dict[str, str]]:
    with house.snapshot() as snapshot:
        return [row for piece in exported_results(snapshot, asked)
                for row in piece.rows.to_pylist()]  # fmt: skip


def test_every_result_is_a_row_in_the_known_columns(house: Warehouse) -> None:
    one, two = rows(house, ResultsAsked())
    assert list(one)[: len(KNOWN_COLUMNS)] == list(KNOWN_COLUMNS)
    assert {name: one[name] for name in one if one[name]} == {
        "DistrictId": DISTRICT, "DistrictName": "Invented Unified", "NcesId": "N-1",
        "SchoolId": SCHOOL, "SchoolName": "Oak, North", "StudentIdentifier": "9000000001",
        "FirstName": "Ada", "LastOrSurname": "Quill", "SubmitDateTime": "2019-05-01T10:00:00",
        "SchoolYear": "2019", "TestSessionId": "s-1", "AssessmentType": "Summative",
        "AssessmentSubType": "SUM", "AssessmentName": "INV-SUM-ELA-5", "Subject": "ELA",
        "GradeLevelWhenAssessed": "05", "Completeness": "Complete",
        "AdministrationCondition": "Valid", "ScaleScoreAchievementLevel": "3",
        "ScaleScore": "2510", "ScaleScoreStandardError": "20",
        "Claim1ScoreAchievementLevel": "2", "Sex": "Female", "IDEAIndicator": "No",
        "White": "Yes", "EconomicDisadvantageStatus": "No", "AssessmentId": "INV-SUM-ELA-5",
        "AssessmentGrade": "05", "Birthdate": "2008-03-04", "Claim1ScaleScore": "2490",
        "Claim1ScaleScoreStandardError": "40",
    }  # fmt: skip
    assert two["TwoOrMoreRaces"] == "Yes"
    assert two["EconomicDisadvantageStatus"] == ""


@pytest.mark.parametrize(
    ("asked", "scores"),
    [
        (ResultsAsked(entities=(DISTRICT,)), ["2510", "2400"]),
        (ResultsAsked(entities=(OTHER_SCHOOL,)), ["2400"]),
        (ResultsAsked(school_year="2018-19", subject="ELA"), ["2510", "2400"]),
        (ResultsAsked(subject="Math"), []),
        (ResultsAsked(assessment_types=("ICA", "IAB")), []),
        (ResultsAsked(completeness="Partial"), []),
        (ResultsAsked(condition="Valid", assessment_types=("summative",)), ["2510", "2400"]),
    ],
)
def test_results_can_be_chosen(house: Warehouse, asked: ResultsAsked, scores: list[str]) -> None:
    assert [row["ScaleScore"] for row in rows(house, asked)] == scores


def test_an_unknown_entity_is_refused(house: Warehouse) -> None:
    with pytest.raises(UsageError, match="99900010009999"):
        rows(house, ResultsAsked(entities=("99900010009999",)))


def test_every_column_has_a_meaning() -> None:
    assert list(meanings()) == list(COLUMNS)
    assert all(meanings().values())


def test_the_command_writes_a_file_and_the_audit(house: Warehouse, tmp_path: Path) -> None:
    out = tmp_path / "results.csv"
    ran = CliRunner().invoke(
        app, ["export", "results", "-w", str(house.root), "-o", str(out), "--entity", DISTRICT]
    )
    assert ran.exit_code == 0, ran.output
    with out.open(newline="", encoding="utf-8") as stream:
        header, *written = csv.reader(stream)
    assert header == list(COLUMNS)
    assert [row[header.index("LastOrSurname")] for row in written] == ["Quill", "'=Reed"]
    assert (tmp_path / "results.csv.columns.csv").exists()
    told = CliRunner().invoke(app, ["audit", "-w", str(house.root), "--json"])
    assert "results of students: 2 rows" in told.output


def test_tables_are_still_exported_without_a_name(house: Warehouse, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    ran = CliRunner().invoke(app, ["export", "-w", str(house.root), "-o", str(out), "entity"])
    assert ran.exit_code == 0, ran.output
    assert (out / "entity.parquet").exists()


def test_a_replaced_identifier_is_exported_as_it_is_now(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    (tmp_path / "r.csv").write_text("old_id,student_id\n9000000001,9000000002\n")
    loaded(house, tmp_path / "r.csv")
    (row,) = rows(house, ResultsAsked())
    assert (row["StudentIdentifier"], row["LastOrSurname"]) == ("9000000002", "Quill")
    later = {"key": "k-2", "number": "102", "student": "9000000002", "last": "Reed"}
    loaded(house, trt(tmp_path, "b.xml", **later))
    found = [(row["StudentIdentifier"], row["LastOrSurname"])
             for row in rows(house, ResultsAsked())]  # fmt: skip
    assert found == [("9000000002", "Reed")] * 2
