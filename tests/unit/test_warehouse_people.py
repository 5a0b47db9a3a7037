"""Students and enrollments: dated, checked, the newest information wins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from scorehouse.simulate.register import ENROLLMENTS, STUDENTS
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.kinds.replacements import Link, ends_of, joined, resolve
from scorehouse.warehouse.load import LoadRequest, LoadSummary, load
from scorehouse.warehouse.whereabouts import (
    enrolled_on,
    student_school,
    students,
    under_current_id,
)
from warehouse_help import OTHER_SCHOOL, SCHOOL, fates, held, loaded, made, trt

DISTRICT = "99900010000000"
USUAL: Mapping[str, str] = {
    "StateAbbreviation": "CA", "ResponsibleDistrictIdentifier": DISTRICT,
    "ResponsibleSchoolIdentifier": SCHOOL, "LastOrSurname": "Quill", "FirstName": "Ada",
    "MiddleName": "", "Birthdate": "2008-03-04", "SSID": "9000000001",
    "GradeLevelWhenAssessed": "5", "Sex": "F", "IDEAIndicator": "N", "LEPStatus": "",
    "Section504Status": "", "EconomicDisadvantageStatus": "Y", "LanguageCode": "spa",
    "EnglishLanguageAcquisitionStatus": "EO", "LimitedEnglishProficiencyEntryDate": "",
    "LEPExitDate": "", "AdminYear": "2019", "Ethnicity": "700", "MilitaryStatus": "",
    "DeleteStudent": "",
}  # fmt: skip
SCHOOLS = "SELECT school_id, entered_on, exited_on FROM enrollment ORDER BY entered_on"


def extract(folder: Path, *rows: Mapping[str, str], name: str = "students.txt") -> Path:
    """Write a student extract; what a row doesn't say is as usual."""
    lines = ["^".join(USUAL)]
    lines += ["^".join({**USUAL, **row}.values()) for row in rows]
    path = folder / name
    path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def as_of(house: Warehouse, path: Path, day: str) -> LoadSummary:
    """Load an undated file as true on a day."""
    return load(house, LoadRequest((path,), effective=day))


def csv(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# --- the student extract ---


def test_an_extract_fills_every_table_that_has_a_place(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    summary = loaded(house, extract(tmp_path, {}))
    assert len(summary.log) == 0
    student = held(house, "SELECT * FROM student")[0]
    told = {"last_or_surname": "Quill", "birth_date": dt.date(2008, 3, 4), "sex": "Female",
            "white": True, "asian": False, "hispanic_or_latino": False, "language_code": "spa",
            "info_at": dt.datetime(2018, 7, 1), "info_from": "roster"}  # fmt: skip
    assert {name: student[name] for name in told} == told
    enrolled = held(house, "SELECT * FROM enrollment")[0]
    told = {"school_id": SCHOOL, "entered_on": dt.date(2018, 7, 1), "exited_on": None,
            "school_year": "2018-19", "grade_enrolled": "05", "lea_id": DISTRICT}  # fmt: skip
    assert {name: enrolled[name] for name in told} == told
    programs = held(house, "SELECT program, takes_part FROM program_participation ORDER BY program")
    assert programs == [
        {"program": "economically_disadvantaged", "takes_part": True},
        {"program": "student_with_disabilities", "takes_part": False},
    ]
    assert held(house, "SELECT el_status FROM el_status") == [{"el_status": "EO"}]


def test_hispanic_students_may_be_of_any_race(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, extract(tmp_path, {"Ethnicity": "500"}))
    assert held(house, "SELECT hispanic_or_latino AS h, white AS w FROM student") == [
        {"h": True, "w": None}
    ]


def test_a_move_ends_the_enrollment_before_it(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    as_of(house, extract(tmp_path, {}), "2018-09-01")
    as_of(house, extract(tmp_path, {}), "2018-10-01")
    as_of(house, extract(tmp_path, {"ResponsibleSchoolIdentifier": OTHER_SCHOOL}), "2019-01-10")
    assert held(house, SCHOOLS) == [
        {"school_id": SCHOOL, "entered_on": dt.date(2018, 9, 1), "exited_on": dt.date(2019, 1, 9)},
        {"school_id": OTHER_SCHOOL, "entered_on": dt.date(2019, 1, 10), "exited_on": None},
    ]


def test_an_old_extract_that_comes_late_finds_its_place(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    moved = {"ResponsibleSchoolIdentifier": OTHER_SCHOOL, "LastOrSurname": "Quill-Marsh"}
    as_of(house, extract(tmp_path, moved), "2019-01-10")
    as_of(house, extract(tmp_path, {}), "2018-09-01")
    assert held(house, SCHOOLS) == [
        {"school_id": SCHOOL, "entered_on": dt.date(2018, 9, 1), "exited_on": dt.date(2019, 1, 9)},
        {"school_id": OTHER_SCHOOL, "entered_on": dt.date(2019, 1, 10), "exited_on": None},
    ]
    assert held(house, "SELECT last_or_surname FROM student")[0]["last_or_surname"] == "Quill-Marsh"


def test_a_corrected_extract_of_the_same_day_takes_the_first_ones_place(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    as_of(house, extract(tmp_path, {}), "2018-09-01")
    as_of(house, extract(tmp_path, {"ResponsibleSchoolIdentifier": OTHER_SCHOOL}), "2018-09-01")
    assert [row["school_id"] for row in held(house, SCHOOLS)] == [OTHER_SCHOOL]
    assert held(house, "SELECT count(*) AS n FROM enrollment__rows") == [{"n": 2}]


def test_the_same_extract_again_changes_nothing(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, extract(tmp_path, {}))
    again = loaded(house, extract(tmp_path, {}))
    assert again.files[0].ending.status == "NO_UPDATE"


def test_programs_begin_and_end_as_extracts_tell(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    as_of(house, extract(tmp_path, {}), "2018-09-01")
    as_of(house, extract(tmp_path, {"EconomicDisadvantageStatus": "N"}), "2019-02-01")
    assert held(
        house,
        "SELECT began_on, ended_on, takes_part FROM program_participation "
        "WHERE program = 'economically_disadvantaged' ORDER BY began_on",
    ) == [
        {"began_on": dt.date(2018, 9, 1), "ended_on": dt.date(2019, 1, 31), "takes_part": True},
        {"began_on": dt.date(2019, 2, 1), "ended_on": None, "takes_part": False},
    ]


def test_reclassification_has_its_own_days(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    row = {"EnglishLanguageAcquisitionStatus": "RFEP", "LEPExitDate": "2018-05-20",
           "LimitedEnglishProficiencyEntryDate": "2014-08-15"}  # fmt: skip
    loaded(house, extract(tmp_path, row))
    assert held(house, "SELECT el_status, began_on, ended_on FROM el_status ORDER BY 2") == [
        {"el_status": "EL", "began_on": dt.date(2014, 8, 15), "ended_on": dt.date(2018, 5, 19)},
        {"el_status": "RFEP", "began_on": dt.date(2018, 5, 20), "ended_on": None},
    ]


def test_blanks_erase_nothing_and_old_news_changes_nothing(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    as_of(house, extract(tmp_path, {}), "2018-09-01")
    as_of(house, extract(tmp_path, {"FirstName": "", "LanguageCode": "eng"}), "2018-10-01")
    as_of(house, extract(tmp_path, {"FirstName": "Ida"}), "2018-08-20")
    assert held(house, "SELECT first_name, language_code FROM student") == [
        {"first_name": "Ada", "language_code": "eng"}
    ]


def test_what_was_confirmed_later_outweighs_what_is_older(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    as_of(house, extract(tmp_path, {}), "2018-09-01")
    told = as_of(house, extract(tmp_path, {}), "2018-11-01")
    assert told.files[0].ending.counts["student_confirmed"] == 1
    as_of(house, extract(tmp_path, {"FirstName": "Ida"}), "2018-10-01")
    assert held(house, "SELECT first_name, info_at FROM student") == [
        {"first_name": "Ada", "info_at": dt.datetime(2018, 11, 1)}
    ]


def test_a_deleted_row_withdraws_the_enrollment_and_keeps_the_student(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, extract(tmp_path, {}, {"SSID": "9000000002"}))
    told = loaded(house, extract(tmp_path, {"DeleteStudent": "Y"}))
    assert told.files[0].ending.counts == {"enrollment_gone": 1}
    assert held(house, "SELECT student_id FROM enrollment") == [{"student_id": "9000000002"}]
    assert held(house, "SELECT count(*) AS n FROM student") == [{"n": 2}]


CHARTER, ELSEWHERE = "0000042", "99900020000042"


@pytest.mark.parametrize(
    ("district", "school", "expected"),
    [
        ("9990001", "0000007", "99900010000007"),  # unknown: its district's digits and its own
        ("9990001", CHARTER, ELSEWHERE),  # known, and chartered by another district
        (CHARTER, CHARTER, ELSEWHERE),  # an LEA by itself
        ("0000043", "0000043", "0000043"),  # an LEA by itself that nobody knows
    ],
)
def test_a_school_of_seven_digits_is_the_known_one_that_ends_in_them(
    tmp_path: Path, district: str, school: str, expected: str
) -> None:
    house = made(tmp_path / "w")
    entities = f"entity_id,entity_type,entity_name\n{ELSEWHERE},school,Heron Charter\n"
    loaded(house, csv(tmp_path, "schools.csv", entities))
    row = {"ResponsibleDistrictIdentifier": district, "ResponsibleSchoolIdentifier": school}
    summary = loaded(house, extract(tmp_path, row))
    assert held(house, "SELECT school_id FROM enrollment") == [{"school_id": expected}]
    is_known = expected == ELSEWHERE
    assert summary.log.counts() == ({} if is_known else {"enrollment_school_unknown": 1})


def test_damaged_identifiers_leave_their_row_out(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    rows = [{"SSID": f"900000000{n}"} for n in range(1, 5)]
    rows += [{"SSID": "9.00E+09"}, {"SSID": "900000005"}, {"SSID": ""},
             {"SSID": "9000000007", "ResponsibleSchoolIdentifier": SCHOOL[1:]}]  # fmt: skip
    summary = loaded(house, extract(tmp_path, *rows))
    assert summary.log.counts() == {
        "people_id_missing": 1, "people_id_exponent": 1, "people_id_short": 1,
        "people_code_short": 1,
    }  # fmt: skip
    assert sorted(finding.row or 0 for finding in summary.log) == [5, 6, 7, 8]
    assert held(house, "SELECT count(*) AS n FROM student") == [{"n": 4}]


def test_rows_that_contradict_each_other_are_named_and_the_last_holds(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    path = extract(
        tmp_path,
        {},
        {"Birthdate": "2008-04-03", "Sex": "M", "FirstName": ""},
        {"SSID": "9000000002"},
    )
    summary = loaded(house, path)
    told = [(f.rule, f.field, f.row, f.value) for f in summary.log]
    assert told == [
        ("student_contradicted", "birth_date", 2, ""), ("student_contradicted", "sex", 2, ""),
    ]  # fmt: skip
    assert not any("2008" in finding.message for finding in summary.log)
    row = held(
        house, "SELECT first_name, birth_date, sex FROM student WHERE student_id = '9000000001'"
    )
    assert row == [{"first_name": "Ada", "birth_date": dt.date(2008, 4, 3), "sex": "Male"}]


@pytest.mark.parametrize("born", ["2050-01-01", "1908-01-01"])
def test_an_impossible_birth_date_is_left_empty(tmp_path: Path, born: str) -> None:
    house = made(tmp_path / "w")
    summary = loaded(house, extract(tmp_path, {"Birthdate": born}))
    assert summary.log.counts() == {"student_birth_impossible": 1}
    assert held(house, "SELECT birth_date, first_name FROM student") == [
        {"birth_date": None, "first_name": "Ada"}
    ]


def test_a_cell_that_cannot_be_read_is_blank_and_told(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    summary = loaded(house, extract(tmp_path, {"Birthdate": "03/04/2008", "Sex": "Q"}))
    assert [(f.rule, f.field) for f in summary.log] == [
        ("people_cell", "Birthdate"), ("people_cell", "Sex"),
    ]  # fmt: skip
    assert held(house, "SELECT count(*) AS n FROM student") == [{"n": 1}]


def test_an_unknown_school_is_told_and_the_enrollment_kept(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    row = {"ResponsibleSchoolIdentifier": "99900019999999"}
    summary = loaded(house, extract(tmp_path, row))
    assert summary.log.counts() == {"enrollment_school_unknown": 1}
    assert held(house, "SELECT count(*) AS n FROM enrollment") == [{"n": 1}]


def test_the_shared_header_is_recognised(shared: Path, tmp_path: Path) -> None:
    sample = shared / "samples/rdw/students/calpads_student_extract_header.csv"
    header = sample.read_text(encoding="utf-8-sig").strip().split("^")
    cells = [USUAL.get(name, "") for name in header]
    path = tmp_path / "extract.csv"
    path.write_text("\ufeff" + "^".join(header) + "\r\n" + "^".join(cells) + "\r\n", "utf-8")
    house = made(tmp_path / "w")
    summary = loaded(house, path)
    assert [one.content for one in summary.files] == ["students"]
    assert held(house, "SELECT student_id, school_id FROM enrollment") == [
        {"student_id": "9000000001", "school_id": SCHOOL}
    ]


# --- replaced identifiers ---


def test_links_are_followed_to_their_end() -> None:
    assert ends_of({"a": "b", "b": "c", "x": "c"}) == {"a": "c", "b": "c", "x": "c"}


def test_a_circle_is_left_out_and_a_newer_link_holds() -> None:
    links, circles = joined([], [Link("a", "b", row=1), Link("b", "a", row=2)])
    assert [*links] == ["a"]
    assert [circle.row for circle in circles] == [2]
    old, new = Link("a", "b", dt.date(2019, 1, 1)), Link("a", "c", dt.date(2018, 1, 1), 1)
    assert joined([old], [new])[0]["a"].replaced_by == "b"


def test_chains_are_resolved_over_several_files(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    header = "old_id,student_id,replaced_on\n"
    loaded(house, csv(tmp_path, "a.csv", header + "9000000001,9000000002,2018-01-01\n"))
    loaded(house, csv(tmp_path, "b.csv", header + "9000000002,9000000003,2019-01-01\n"))
    with house.transaction("asking") as transaction:
        asked = pa.table({"student_id": ["9000000001", "9000000003", "9000000009"]})
        found = resolve(transaction, asked)
    assert found["in_force"].to_pylist() == ["9000000003", "9000000003", "9000000009"]
    again = header + "9000000003,9000000001,2020-01-01\n"
    assert loaded(house, csv(tmp_path, "c.csv", again)).log.counts() == {"replacement_circle": 1}


def test_what_comes_under_an_old_identifier_is_kept_under_the_one_in_force(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, extract(tmp_path, {}))
    text = "old_id,student_id\n9000000001,9000000002\n"
    loaded(house, csv(tmp_path, "r.csv", text))
    found = held(house, under_current_id("enrollment"))
    assert [(row["student_id"], row["held_id"]) for row in found] == [("9000000002", "9000000001")]
    loaded(house, trt(tmp_path, "a.xml"))
    assert held(house, "SELECT student_id FROM result") == [{"student_id": "9000000002"}]


def test_a_person_is_one_row_under_the_identifier_in_force(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, extract(tmp_path, {}, {"SSID": "9000000004", "FirstName": "Bea"}))
    links = "old_id,student_id\n9000000001,9000000002\n9000000004,9000000005\n"
    loaded(house, csv(tmp_path, "r.csv", links))
    loaded(house, extract(tmp_path, {"SSID": "9000000002", "FirstName": "Adele"}, name="b.txt"))
    assert held(house, "SELECT count(*) AS n FROM student") == [{"n": 3}]
    found = held(house, f"SELECT student_id, first_name, held_id FROM ({students()}) AS s "
                        "ORDER BY student_id")  # fmt: skip
    assert [tuple(row.values()) for row in found] == [
        ("9000000002", "Adele", "9000000002"), ("9000000005", "Bea", "9000000004"),
    ]  # fmt: skip


# --- where students are ---


def test_where_a_student_is_follows_the_incumbents_sequence(tmp_path: Path) -> None:
    """Create; reset: nowhere; a new sitting elsewhere, later; an older update changes nothing."""
    house = made(tmp_path / "w")
    where = student_school(dt.date(2019, 6, 30))
    loaded(house, trt(tmp_path, "a.xml"))
    assert [row["school_id"] for row in held(house, where)] == [SCHOOL]
    later = {"at": "2019-05-03T10:00:00.000"}
    loaded(house, trt(tmp_path, "b.xml", status="reset", **later))
    assert held(house, where) == []
    moved = {"key": "k-2", "number": "102", "school": OTHER_SCHOOL,
             "at": "2019-05-08T10:00:00.000", "done": "2019-05-07T10:00:00.000"}  # fmt: skip
    loaded(house, trt(tmp_path, "c.xml", **moved))
    assert [row["school_id"] for row in held(house, where)] == [OTHER_SCHOOL]
    loaded(house, trt(tmp_path, "d.xml", at="2019-05-09T10:00:00.000"))
    assert [row["school_id"] for row in held(house, where)] == [OTHER_SCHOOL]


def test_the_incumbents_own_files_tell_the_same(tmp_path: Path, shared: Path) -> None:
    """Its four deliveries: created; reset; sat later elsewhere; an older update."""
    house, folder = made(tmp_path / "w"), shared / "samples" / "rdw" / "inferred-school"
    test = "SBAC-IAB-FIXED-G4M-G-MATH-4"
    header = "assessment_id,subject,test_grade,assessment_type,school_year\n"
    loaded(
        house,
        csv(tmp_path, "tests.csv", f"{header}{test},Math,04,IAB,2016-17\n"),
        csv(tmp_path, "schools.csv", "entity_id,entity_type\nAPTEST1,school\nAPTEST14,school\n"),
    )
    seen = []
    for name in (".xml", "-delete.xml", "-new-oppId-and-date.xml", ".update.student.xml"):
        told = fates(loaded(house, folder / f"{test}{name}"))
        where = held(house, student_school(dt.date(2017, 6, 30)))
        seen.append((told, [row["school_id"] for row in where]))
    assert seen == [
        ({"new": 1}, ["APTEST1"]), ({"removed": 1}, []),
        ({"new": 1}, ["APTEST14"]), ({"updated": 1}, ["APTEST14"]),
    ]  # fmt: skip


def test_what_a_newer_result_says_again_outweighs_what_comes_late(tmp_path: Path) -> None:
    """May the 3rd says what the 1st said; a result of the 2nd, come after both, changes nothing."""
    house = made(tmp_path / "w")
    for day, last in ((1, "Quill"), (3, "Quill"), (2, "Reed")):
        at = f"2019-05-0{day}T10:00:00.000"
        sitting = {"key": f"k-{day}", "number": f"10{day}", "at": at, "done": at, "last": last}
        loaded(house, trt(tmp_path, f"{day}.xml", **sitting))
    known = held(house, "SELECT last_or_surname AS last, info_at FROM student")
    assert known == [{"last": "Quill", "info_at": dt.datetime(2019, 5, 3, 10)}]


def test_a_newer_enrollment_tells_where_a_student_is(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    moved = {"ResponsibleSchoolIdentifier": OTHER_SCHOOL}
    as_of(house, extract(tmp_path, moved), "2019-06-01")
    after, before = dt.date(2019, 6, 15), dt.date(2019, 5, 20)
    assert held(house, student_school(after))[0]["school_id"] == OTHER_SCHOOL
    assert held(house, student_school(before))[0]["school_id"] == SCHOOL
    assert held(house, enrolled_on(before)) == []
    assert held(house, enrolled_on(after))[0]["school_id"] == OTHER_SCHOOL


# --- the simulation's tables ---

_STUDENT = ("9000000001", "Quill", "Ada", "2008-03-04", "Female", "asian", "vie", True, False,
            None, False, False, False, True)  # fmt: skip


def table(schema: pa.Schema, *rows: tuple[object, ...]) -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema
    )


def written(folder: Path, name: str, rows: pa.Table) -> Path:
    import pyarrow.parquet as pq

    pq.write_table(rows, folder / name)
    return folder / name


def test_the_simulations_tables_load(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    students = written(tmp_path, "s.parquet", table(STUDENTS, _STUDENT))
    years = [
        ("9000000001", SCHOOL, "2017-18", "04", "2017-08-15", "2018-06-08", "EL"),
        ("9000000001", SCHOOL, "2018-19", "05", "2018-08-15", "2018-11-01", "EL"),
        ("9000000001", OTHER_SCHOOL, "2018-19", "05", "2018-11-02", "2019-06-08", "RFEP"),
    ]
    enrollments = written(tmp_path, "e.parquet", table(ENROLLMENTS, *years))
    summary = loaded(house, enrollments, students)
    assert len(summary.log) == 0
    assert held(house, "SELECT asian, white, military_connected FROM student") == [
        {"asian": True, "white": False, "military_connected": None}
    ]
    assert held(house, "SELECT count(*) AS n FROM program_participation") == [{"n": 5}]
    assert [row["school_id"] for row in held(house, SCHOOLS)] == [SCHOOL, SCHOOL, OTHER_SCHOOL]
    assert held(house, "SELECT el_status, began_on, ended_on FROM el_status ORDER BY 2") == [
        {"el_status": "EL", "began_on": dt.date(2017, 8, 15), "ended_on": dt.date(2018, 11, 1)},
        {"el_status": "RFEP", "began_on": dt.date(2018, 11, 2), "ended_on": None},
    ]
    assert held(house, enrolled_on(dt.date(2018, 12, 1)))[0]["school_id"] == OTHER_SCHOOL


def test_impossible_enrollments_are_told(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    rows = [
        ("9000000001", SCHOOL, "2018-19", "05", "2018-08-15", "2018-08-01", "EO"),
        ("9000000002", SCHOOL, "2018-19", "05", "2017-09-01", "2017-10-01", "EO"),
        ("9000000003", SCHOOL, "2018-19", "05", "2018-08-15", "2019-01-31", "EO"),
        ("9000000003", OTHER_SCHOOL, "2018-19", "05", "2019-01-15", "2019-06-08", "EO"),
    ]
    summary = loaded(house, written(tmp_path, "e.parquet", table(ENROLLMENTS, *rows)))
    assert summary.log.counts() == {
        "people_days_backward": 1, "enrollment_outside_year": 1, "enrollments_overlap": 1,
    }  # fmt: skip
    assert [finding.row for finding in summary.log][:2] == [1, 2]
    kept = held(house, "SELECT student_id FROM enrollment ORDER BY 1")
    assert [row["student_id"] for row in kept] == ["9000000002", "9000000003", "9000000003"]
