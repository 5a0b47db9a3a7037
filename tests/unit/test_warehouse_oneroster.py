"""OneRoster deliveries: people, folded enrollments, classes as lists."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from scorehouse.errors import UsageError
from scorehouse.warehouse.kinds import oneroster_parts
from scorehouse.warehouse.load import LoadRequest, LoadSummary, load
from scorehouse.warehouse.store import Warehouse
from warehouse_help import OTHER_SCHOOL, SCHOOL, held, loaded, made

ADA, BEA, CAI = "9000000001", "9000000002", "9000000003"
HEADERS: Mapping[str, tuple[str, ...]] = {
    "orgs": ("sourcedId", "status", "dateLastModified", "name", "type", "identifier",
             "parentSourcedId"),
    "academicSessions": ("sourcedId", "status", "dateLastModified", "title", "type", "startDate",
                         "endDate", "parentSourcedId", "schoolYear"),
    "users": ("sourcedId", "status", "dateLastModified", "enabledUser", "orgSourcedIds", "role",
              "username", "userIds", "givenName", "familyName", "middleName", "identifier",
              "email", "sms", "phone", "agentSourcedIds", "grades", "password"),
    "classes": ("sourcedId", "status", "dateLastModified", "title", "grades", "courseSourcedId",
                "classCode", "classType", "location", "schoolSourcedId", "termSourcedIds",
                "subjects", "subjectCodes", "periods"),
    "enrollments": ("sourcedId", "status", "dateLastModified", "classSourcedId",
                    "schoolSourcedId", "userSourcedId", "role", "primary", "beginDate",
                    "endDate"),
    "demographics": ("sourcedId", "status", "dateLastModified", "birthDate", "sex",
                     "americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican",
                     "nativeHawaiianOrOtherPacificIslander", "white",
                     "demographicRaceTwoOrMoreRaces", "hispanicOrLatinoEthnicity",
                     "countryOfBirthCode", "stateOfBirthAbbreviation", "cityOfBirth",
                     "publicSchoolResidenceStatus"),
}  # fmt: skip
ROWS: Mapping[str, str] = {
    "orgs": f"""d,,,Invented Unified,district,99900010000000,
s1,,,First School,school,{SCHOOL},d
s2,,,Second School,school,{OTHER_SCHOOL},d
""",
    "academicSessions": """fall,,,Fall,term,2018-08-15,2018-12-20,,2019
spring,,,Spring,term,2019-01-07,2019-06-07,,2019
""",
    "users": f"""u1,,,true,s1,student,ada,"{{SSID:{ADA}}},{{Local:A-17}}",Ada,Quill,,,,,,,05,
u2,,,true,s2,student,bea,{{ssid:{BEA}}},Bea,Marsh,,L-2,,,,,05,
u3,,,true,s1,student,dot,{{Local:A-19}},Dot,Fenn,,,,,,,05,
t1,,,true,s1,teacher,t.teach,,Tam,Teach,,,tam@example.org,,,,,
""",
    "classes": """c1,,,Reading,05,,R5,scheduled,,s1,"fall,spring",,,
c2,,,Math,05,,M5,scheduled,,s1,spring,,,
""",
    "enrollments": """e1,,,c1,s1,u1,student,,2018-08-20,2018-12-20
e2,,,c2,s1,u1,student,,,
e3,,,c1,s1,t1,teacher,,,
""",
    "demographics": """u1,,,2008-03-04,female,false,true,false,false,false,false,,,,,
""",
}
FILES: Mapping[str, str] = {
    "manifest": "propertyName,value\nmanifest.version,1.0\nfile.users,bulk\n",
    **{name: ",".join(HEADERS[name]) + "\n" + rows for name, rows in ROWS.items()},
}


def delivery(folder: Path, name: str = "roster.zip", without: str = "", **changed: str) -> Path:
    """Write a delivery as a zip; what isn't said is as usual."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**FILES, **changed}.items():
            if file != without:
                archive.writestr(f"export/{file}.csv", text)
    return path


def as_of(house: Warehouse, path: Path, day: str, mapping: Path | None = None) -> LoadSummary:
    return load(house, LoadRequest((path,), effective=day, mapping=mapping))


def test_a_delivery_fills_every_table(tmp_path: Path) -> None:
    house = made(tmp_path / "w", schools=False)
    summary = as_of(house, delivery(tmp_path), "2018-08-15")
    assert [one.content for one in summary.files] == ["oneroster"]
    assert summary.log.counts() == {"oneroster_no_student_id": 1}
    entities = held(house, "SELECT entity_id, entity_type, parent_id FROM entity ORDER BY 1")
    assert entities[0] == {
        "entity_id": "99900010000000", "entity_type": "district", "parent_id": None,
    }  # fmt: skip
    assert entities[1] == {
        "entity_id": SCHOOL, "entity_type": "school", "parent_id": "99900010000000",
    }  # fmt: skip
    people = held(house, "SELECT student_id, first_name, sex, asian, white, birth_date "
                  "FROM student ORDER BY 1")  # fmt: skip
    assert people == [
        {"student_id": ADA, "first_name": "Ada", "sex": "Female", "asian": True, "white": False,
         "birth_date": dt.date(2008, 3, 4)},
        {"student_id": BEA, "first_name": "Bea", "sex": None, "asian": None, "white": None,
         "birth_date": None},
    ]  # fmt: skip
    ids = held(house, "SELECT student_id, entity_id, local_id, id_type FROM local_id ORDER BY 1")
    assert ids == [
        {"student_id": ADA, "entity_id": SCHOOL, "local_id": "A-17", "id_type": "Local"},
        {"student_id": BEA, "entity_id": OTHER_SCHOOL, "local_id": "L-2", "id_type": "identifier"},
    ]


def test_classes_fold_to_one_enrollment_over_the_break(tmp_path: Path) -> None:
    house = made(tmp_path / "w", schools=False)
    as_of(house, delivery(tmp_path), "2018-08-15")
    rows = held(house, "SELECT student_id, school_id, entered_on, exited_on, school_year, "
                "grade_enrolled FROM enrollment ORDER BY 1")  # fmt: skip
    assert rows == [
        {"student_id": ADA, "school_id": SCHOOL, "entered_on": dt.date(2018, 8, 20),
         "exited_on": dt.date(2019, 6, 7), "school_year": "2018-19", "grade_enrolled": "05"},
        {"student_id": BEA, "school_id": OTHER_SCHOOL, "entered_on": dt.date(2018, 8, 15),
         "exited_on": None, "school_year": "2018-19", "grade_enrolled": "05"},
    ]  # fmt: skip


def test_a_long_gap_makes_two_enrollments(tmp_path: Path) -> None:
    house = made(tmp_path / "w", schools=False)
    seats = FILES["enrollments"].replace("u1,student,,,", "u1,student,,2019-04-01,2019-06-07")
    as_of(house, delivery(tmp_path, enrollments=seats), "2018-08-15")
    rows = held(house, f"SELECT entered_on FROM enrollment WHERE student_id = '{ADA}' ORDER BY 1")
    assert [row["entered_on"] for row in rows] == [dt.date(2018, 8, 20), dt.date(2019, 4, 1)]


def test_classes_become_lists_with_their_teachers(tmp_path: Path) -> None:
    house = made(tmp_path / "w", schools=False)
    loaded(house, delivery(tmp_path))
    assert held(house, "SELECT roster_name, student_id FROM roster_student ORDER BY 1") == [
        {"roster_name": "Math (M5)", "student_id": ADA},
        {"roster_name": "Reading (R5)", "student_id": ADA},
    ]
    assert held(house, "SELECT roster_name, login FROM roster_viewer") == [
        {"roster_name": "Reading (R5)", "login": "t.teach"}
    ]


def test_who_is_not_on_a_list_any_more_goes_in_whole_deliveries_only(tmp_path: Path) -> None:
    house = made(tmp_path / "w", schools=False)
    loaded(house, delivery(tmp_path))
    seats = FILES["enrollments"].replace("e2,,,c2,s1,u1,student,,,\n", "")
    delta = "propertyName,value\nfile.enrollments,delta\n"
    told = loaded(house, delivery(tmp_path, "b.zip", enrollments=seats, manifest=delta))
    assert told.log.counts()["oneroster_delta"] == 1
    assert held(house, "SELECT count(*) AS n FROM roster_student") == [{"n": 2}]
    loaded(house, delivery(tmp_path, "c.zip", enrollments=seats))
    assert held(house, "SELECT roster_name FROM roster_student") == [
        {"roster_name": "Reading (R5)"}
    ]


def test_what_is_to_be_deleted_is_withdrawn(tmp_path: Path) -> None:
    house = made(tmp_path / "w", schools=False)
    as_of(house, delivery(tmp_path), "2018-08-15")
    seats = FILES["enrollments"].replace("e2,,", "e2,tobedeleted,2019-02-01")
    users = FILES["users"].replace("u2,,", "u2,tobedeleted,2019-02-01T08:00:00Z")
    delta = "propertyName,value\nfile.enrollments,delta\nfile.users,delta\n"
    as_of(house, delivery(tmp_path, "b.zip", enrollments=seats, users=users, manifest=delta),
          "2019-02-01")  # fmt: skip
    assert held(house, "SELECT roster_name FROM roster_student") == [
        {"roster_name": "Reading (R5)"}
    ]
    ended = held(house, f"SELECT exited_on FROM enrollment WHERE student_id = '{BEA}'")
    assert ended == [{"exited_on": dt.date(2019, 2, 1)}]
    assert held(house, "SELECT count(*) AS n FROM student") == [{"n": 2}]


def test_the_same_delivery_again_changes_nothing(tmp_path: Path) -> None:
    house = made(tmp_path / "w", schools=False)
    as_of(house, delivery(tmp_path), "2018-08-15")
    again = as_of(house, delivery(tmp_path), "2018-08-15")
    assert again.files[0].ending.status == "NO_UPDATE"


def test_a_large_delivery_in_parts_tells_what_a_small_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two deliveries: the second without a seat, a student and a user whom a seat names."""
    seats = FILES["enrollments"].replace("e2,,,c2,s1,u1,student,,,\n", "")
    users = FILES["users"].replace("u2,,", "u2,tobedeleted,2019-02-01T08:00:00Z")
    seats += "e4,,,c2,s1,u9,student,,,\ne5,,,c2,s9,u1,student,,,\n"
    found = []
    for bytes_a_part in (10_000, 60):
        monkeypatch.setattr(oneroster_parts, "PART_BYTES", bytes_a_part)
        house = made(tmp_path / f"w{bytes_a_part}", schools=False)
        first = as_of(house, delivery(tmp_path, "a.zip"), "2018-08-15")
        second = as_of(house, delivery(tmp_path, "b.zip", enrollments=seats, users=users),
                       "2019-02-01")  # fmt: skip
        kept = [
            held(house, f"SELECT * EXCLUDE (row_id, import_id) FROM {name} ORDER BY ALL")
            for name in ("student", "local_id", "enrollment", "roster_student", "roster_viewer")
        ]
        told = [
            (summary.files[0].ending.counts, summary.log.counts(),
             sorted((f.rule, f.field, f.row or 0, f.value) for f in summary.log))
            for summary in (first, second)
        ]  # fmt: skip
        found.append((kept, told))
        assert not list((house.root / "scratch").iterdir())
    assert found[0] == found[1]
    assert found[0][1][1][1]["oneroster_unknown"] == 2


@pytest.mark.parametrize("missing", ["manifest", "demographics", "classes", "academicSessions"])
def test_a_missing_file_is_told_and_the_rest_is_taken(tmp_path: Path, missing: str) -> None:
    house = made(tmp_path / "w", schools=False)
    summary = loaded(house, delivery(tmp_path, without=missing))
    told = [finding.field for finding in summary.log if finding.rule == "oneroster_file_missing"]
    assert told == [f"{missing}.csv"]
    assert held(house, "SELECT count(*) AS n FROM student") == [{"n": 2}]


def test_a_folder_loads_as_a_zip_does(tmp_path: Path) -> None:
    folder = tmp_path / "roster"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    house = made(tmp_path / "w", schools=False)
    loaded(house, folder)
    assert held(house, "SELECT count(*) AS n FROM student") == [{"n": 2}]


def test_the_statewide_identifier_may_be_chosen(tmp_path: Path) -> None:
    house = made(tmp_path / "w", schools=False)
    users = FILES["users"].replace("Dot,Fenn,,", f"Dot,Fenn,,{CAI}")
    mapping = tmp_path / "choices.toml"
    mapping.write_text('[oneroster]\nstudent_id = "identifier"\n', encoding="utf-8")
    as_of(house, delivery(tmp_path, users=users), "2018-08-15", mapping)
    found = held(house, "SELECT student_id, first_name FROM student ORDER BY first_name")
    assert {"student_id": CAI, "first_name": "Dot"} in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[oneroster]\nstudent = "identifier"', "unknown key 'student'"),
        ('[oneroster]\nstudent_id = "phone"', "no column of users.csv"),
        ('[oneroster]\nlogin = "userIds:X"', "userIds:TYPE"),
    ],
)
def test_a_wrong_choice_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    house = made(tmp_path / "w")
    mapping = tmp_path / "choices.toml"
    mapping.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"choices\.toml") as raised:
        as_of(house, delivery(tmp_path), "2018-08-15", mapping)
    assert said in str(raised.value)


def test_two_users_files_are_not_taken_by_guess(tmp_path: Path) -> None:
    path = delivery(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("old/users.csv", FILES["users"])
    summary = loaded(made(tmp_path / "w"), path)
    assert summary.log.counts()["oneroster_file_twice"] == 1
    assert summary.is_refused
