"""Rosters through a declared mapping: strict reading, every target, measures on results."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from scorehouse.errors import UsageError
from scorehouse.warehouse.kinds.mapping import read_mapping
from scorehouse.warehouse.load import LoadRequest, LoadSummary, load
from scorehouse.warehouse.store import Warehouse
from warehouse_help import SCHOOL, TEST, fates, held, loaded, made, trt

MAPPING = """
[file]
delimiter = "|"
encoding = "windows-1252"

[skip]
Active = ["N"]

[student]
student_id = "State ID"
last_or_surname = "Last"
birth_date = { column = "DOB", format = "%m/%d/%Y" }
sex = { column = "Gender", values = { Girl = "Female", Boy = "Male" } }
white = { column = "Race", values = { W = "true" }, other = "false" }

[enrollment]
student_id = "State ID"
school_id = "School"
entered_on = { column = "Entry", format = "%m/%d/%Y" }
school_year = { constant = "2018-19" }

[[program_participation]]
student_id = "State ID"
program = { constant = "homeless" }
takes_part = "Homeless"

[[program_participation]]
student_id = "State ID"
program = { constant = "foster_youth" }
takes_part = "Foster"

[local_id]
student_id = "State ID"
local_id = "Number"
entity_id = "School"

[el_status]
student_id = "State ID"
el_status = "Language"
"""
HEADER = "State ID|Last|DOB|Gender|Race|School|Entry|Homeless|Foster|Number|Language|Active"
ROW = f"9000000001|Pe\u00f1a|03/04/2008|Girl|W|{SCHOOL}|08/20/2018|Y||17|EL|Y"


def mapping(folder: Path, text: str = MAPPING) -> Path:
    path = folder / "columns.toml"
    path.write_text(text, encoding="utf-8")
    return path


def roster(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "roster.txt"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="windows-1252")
    return path


def mapped(house: Warehouse, path: Path, by: Path, day: str = "2018-09-01") -> LoadSummary:
    return load(house, LoadRequest((path,), effective=day, mapping=by))


def test_a_mapping_fills_its_tables(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    path = roster(tmp_path, ROW, ROW.replace("0001|", "0002|").replace("|Y", "|N"))
    summary = mapped(house, path, mapping(tmp_path))
    assert len(summary.log) == 0
    assert [one.content for one in summary.files] == ["mapped"]
    assert held(house, "SELECT student_id, last_or_surname, birth_date, sex, white, info_from "
                "FROM student") == [
        {"student_id": "9000000001", "last_or_surname": "Pe\u00f1a", "sex": "Female",
         "birth_date": dt.date(2008, 3, 4), "white": True, "info_from": "roster"}
    ]  # fmt: skip
    assert held(house, "SELECT school_id, entered_on, school_year FROM enrollment") == [
        {"school_id": SCHOOL, "entered_on": dt.date(2018, 8, 20), "school_year": "2018-19"}
    ]
    assert held(house, "SELECT program, began_on, takes_part FROM program_participation") == [
        {"program": "homeless", "began_on": dt.date(2018, 9, 1), "takes_part": True}
    ]  # fmt: skip
    assert held(house, "SELECT local_id FROM local_id") == [{"local_id": "17"}]
    assert held(house, "SELECT el_status, began_on FROM el_status") == [
        {"el_status": "EL", "began_on": dt.date(2018, 9, 1)}
    ]


def test_without_a_mapping_no_layout_is_guessed(tmp_path: Path) -> None:
    summary = loaded(made(tmp_path / "w"), roster(tmp_path, ROW))
    assert summary.log.counts() == {"load_unknown_kind": 1}


def test_a_value_that_is_not_declared_is_blank_and_told(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    row = ROW.replace("Girl", "F").replace("03/04/2008", "2008-03-04")
    summary = mapped(house, roster(tmp_path, row), mapping(tmp_path))
    assert sorted((f.rule, f.field, f.row) for f in summary.log) == [
        ("people_cell", "DOB", 1), ("people_cell", "Gender", 1),
    ]  # fmt: skip
    assert held(house, "SELECT sex, birth_date FROM student") == [{"sex": None, "birth_date": None}]


def test_a_missing_column_refuses_the_file(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    path = roster(tmp_path, "9000000001|Quill", header="State ID|Last")
    summary = mapped(house, path, mapping(tmp_path))
    assert summary.log.counts()["people_column_missing"] == 1
    assert summary.is_refused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[studnet]\n", "columns.toml: unknown key 'studnet'"),
        ('[student]\nstudent_id = "a"\nname = "b"', "[student]: unknown field 'name'"),
        ('[student]\nlast_or_surname = "b"', "[student]: the field student_id is missing"),
        ('[student]\nstudent_id = 3', "[student] student_id: write the name of a column"),
        ('[student]\nstudent_id = {columns = "a"}', "student_id: unknown key 'columns'"),
        ('[student]\nstudent_id = {column = "a", constant = "b"}', "either column or constant"),
        ('[student]\nstudent_id = {column = "a", format = "%Y"}', "a format is for days only"),
        ('[student]\nstudent_id = {column = "a", other = "x"}', "other needs values"),
        ('[student]\nstudent_id = {column = "a", values = {}}', "student_id.values"),
        ('[file]\ndelimiter = "||"', "[file] delimiter"),
        ('[file]\nencoding = "nonsense"\n', "no known encoding"),
        ('[file]\nskip = 3', "[file]: unknown key 'skip'"),
        ("[student\n", "line 1"),
        ("", "it fills no table"),
        ('[score]\nmeasure = "m"\nscale_score = "s"', "it must be the constant"),
        ('[score]\nmeasure = {constant = "lexile"}\nscale_score = "s"', "name opportunity_id"),
        ('[[enrollment]]\nstudent_id = "a"\nschool_id = "b"\n[[enrollment]]\nstudent_id = "a"',
         "[enrollment] number 2: the field school_id"),
    ],
)  # fmt: skip
def test_a_slip_in_a_mapping_is_refused_by_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_mapping(mapping(tmp_path, text))
    assert said in str(raised.value)
    assert "columns.toml" in str(raised.value)


def test_a_damaged_identifier_is_told_once_by_its_column(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    row = ROW.replace("9000000001", "9.0E+09")
    summary = mapped(house, roster(tmp_path, ROW, row), mapping(tmp_path))
    assert [(f.rule, f.field, f.row) for f in summary.log] == [
        ("people_id_exponent", "State ID", 2)
    ]


def test_a_blank_school_is_no_enrollment(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    mapped(house, roster(tmp_path, ROW.replace(SCHOOL, "")), mapping(tmp_path))
    assert held(house, "SELECT count(*) AS n FROM enrollment") == [{"n": 0}]
    assert held(house, "SELECT count(*) AS n FROM student") == [{"n": 1}]


# --- measures ---

BY_STUDENT = """
[[score]]
student_id = "SSID"
assessment_id = "Test"
measure = { constant = "lexile" }
scale_score = "Lexile"
"""
LEXILES = "SELECT measure, scale_score, words, origin FROM score WHERE measure = 'lexile'"


def measures(folder: Path, *rows: str) -> Path:
    return roster(folder, *rows, header="SSID,Test,Lexile")


def test_a_measure_is_attached_to_its_result(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    path = measures(tmp_path, f"9000000001,{TEST},1050L", f"9000000002,{TEST},900L")
    summary = mapped(house, path, mapping(tmp_path, BY_STUDENT))
    assert [(f.rule, f.row) for f in summary.log] == [("score_result_unknown", 2)]
    assert held(house, LEXILES) == [
        {"measure": "lexile", "scale_score": 1050.0, "words": None, "origin": "attached"}
    ]
    again = mapped(house, path, mapping(tmp_path, BY_STUDENT))
    assert again.files[0].ending.status == "NO_UPDATE"


def test_a_measure_that_is_no_number_keeps_its_words(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    path = measures(tmp_path, f"9000000001,{TEST},BR150L")
    mapped(house, path, mapping(tmp_path, BY_STUDENT))
    assert held(house, LEXILES) == [
        {"measure": "lexile", "scale_score": None, "words": "BR150L", "origin": "attached"}
    ]


def test_of_several_results_none_is_guessed(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"), trt(tmp_path, "b.xml", key="k-2", number="102"))
    path = measures(tmp_path, f"9000000001,{TEST},1050L")
    summary = mapped(house, path, mapping(tmp_path, BY_STUDENT))
    assert summary.log.counts() == {"score_result_several": 1}
    assert held(house, LEXILES) == []


def test_a_measure_stays_when_its_result_comes_again_or_is_corrected(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    mapped(house, measures(tmp_path, f"9000000001,{TEST},1050L"), mapping(tmp_path, BY_STUDENT))
    assert fates(loaded(house, tmp_path / "a.xml")) == {"unchanged": 1}
    later = trt(tmp_path, "b.xml", score=2520, at="2019-05-03T10:00:00.000")
    assert fates(loaded(house, later)) == {"updated": 1}
    assert [row["scale_score"] for row in held(house, LEXILES)] == [1050.0]
