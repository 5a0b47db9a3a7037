"""Lists of students: any order, any size, replaced by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.load import LoadSummary
from warehouse_help import OTHER_SCHOOL, SCHOOL, held, loaded, made, trt

HEAD = "group_name,school_natural_id,school_year,subject_code,student_ssid,group_user_login\n"
MEMBERS = "SELECT roster_name, student_id FROM roster_student ORDER BY 1, 2"
VIEWERS = "SELECT roster_name, login FROM roster_viewer ORDER BY 1, 2"


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    return made(tmp_path / "w")


def groups(house: Warehouse, folder: Path, *rows: str, head: str = HEAD) -> LoadSummary:
    path = folder / "g.csv"
    path.write_text(head + "".join(f"{row}\n" for row in rows), newline="")
    return loaded(house, path)


def pairs(house: Warehouse, query: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in held(house, query)]


def test_columns_and_rows_in_any_order_and_case(house: Warehouse, tmp_path: Path) -> None:
    told = groups(
        house, tmp_path,
        f"9000000002,B,{OTHER_SCHOOL},2019,b@invented.example",
        f"9000000001, A ,{SCHOOL},2019,",
        f"9000000003,B,{OTHER_SCHOOL}, 2019 ,",
        f",A,{SCHOOL},2019,a@invented.example",
        head="Student_SSID,GROUP_NAME,school_natural_id,school_year,group_user_login\n",
    )  # fmt: skip
    assert told.log.counts() == {}
    assert pairs(house, MEMBERS) == [
        ("A", "9000000001"), ("B", "9000000002"), ("B", "9000000003"),
    ]  # fmt: skip
    assert pairs(house, VIEWERS) == [("A", "a@invented.example"), ("B", "b@invented.example")]
    rosters = "SELECT school_id, roster_name, school_year, subject FROM roster ORDER BY 1"
    assert pairs(house, rosters) == [
        (SCHOOL, "A", "2018-19", None), (OTHER_SCHOOL, "B", "2018-19", None),
    ]  # fmt: skip


def test_named_lists_are_replaced_and_others_stay(house: Warehouse, tmp_path: Path) -> None:
    groups(
        house, tmp_path,
        f"A,{SCHOOL},2019,,9000000001,a@invented.example", f"A,{SCHOOL},2019,,9000000002,",
        f"B,{SCHOOL},2019,,9000000003,b@invented.example",
        f"A,{OTHER_SCHOOL},2019,,9000000004,", f"A,{SCHOOL},2018,,9000000005,",
    )  # fmt: skip
    told = groups(house, tmp_path, f"A,{SCHOOL},2019,,9000000002,c@invented.example")
    assert told.files[0].ending.counts == {
        "rosters_unchanged": 1, "students_unchanged": 1, "students_gone": 1,
        "viewers_new": 1, "viewers_gone": 1,
    }  # fmt: skip
    assert pairs(house, MEMBERS) == [
        ("A", "9000000002"), ("A", "9000000004"), ("A", "9000000005"), ("B", "9000000003"),
    ]  # fmt: skip
    assert pairs(house, VIEWERS) == [("A", "c@invented.example"), ("B", "b@invented.example")]


def test_a_list_named_without_members_is_emptied(house: Warehouse, tmp_path: Path) -> None:
    groups(house, tmp_path, f"A,{SCHOOL},2019,,9000000001,a@invented.example")
    groups(house, tmp_path, f"A,{SCHOOL},2019,,,")
    assert pairs(house, MEMBERS) == []
    assert pairs(house, VIEWERS) == []
    assert pairs(house, "SELECT roster_name FROM roster") == [("A",)]


def test_what_a_list_was_before_can_still_be_asked(house: Warehouse, tmp_path: Path) -> None:
    first = groups(house, tmp_path, f"A,{SCHOOL},2019,,9000000001,").files[0].import_id
    groups(house, tmp_path, f"A,{SCHOOL},2019,,9000000002,")
    assert held(house, MEMBERS, str(first)) == [{"roster_name": "A", "student_id": "9000000001"}]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("A,99900010000009,2019,,9000000001,", "roster_school_unknown"),
        (f",{SCHOOL},2019,,9000000001,", "roster_row"),
        ("A,,2019,,9000000001,", "roster_row"),
        (f"A,{SCHOOL},,,9000000001,", "roster_row"),
        (f"A,{SCHOOL},soon,,9000000001,", "roster_row"),
        (f"A,{SCHOOL},2019,Alchemy,9000000001,", "roster_row"),
        (f"A,{SCHOOL},2019,,9000000001", "csv_row_short"),
    ],
)
def test_a_row_that_cant_be_is_left_out_and_the_others_load(
    house: Warehouse, tmp_path: Path, row: str, rule: str
) -> None:
    told = groups(house, tmp_path, row, f"B,{SCHOOL},2019,,9000000002,")
    assert told.log.counts() == {rule: 1}
    assert [one["row"] for one in told.log.table().to_pylist()] == [1]
    assert pairs(house, MEMBERS) == [("B", "9000000002")]


def test_no_finding_tells_a_student(house: Warehouse, tmp_path: Path) -> None:
    told = groups(house, tmp_path, "A,99900010000009,soon,Alchemy,9000000001,x@invented.example")
    assert "9000000001" not in str(told.log.table().to_pylist())
    assert "x@invented" not in str(told.log.table().to_pylist())


def test_the_subject_of_a_list(house: Warehouse, tmp_path: Path) -> None:
    told = groups(
        house, tmp_path,
        f"A,{SCHOOL},2019,,9000000001,", f"A,{SCHOOL},2019,MATH,9000000002,",
        f"A,{SCHOOL},2019,ELA,9000000003,", f"B,{SCHOOL},2019,all,9000000004,",
        f"B,{SCHOOL},2019,ela,9000000005,",
    )  # fmt: skip
    assert [one["row"] for one in told.log.table().to_pylist()] == [3, 5]
    assert pairs(house, "SELECT roster_name, subject FROM roster ORDER BY 1") == [
        ("A", "Math"), ("B", None),
    ]  # fmt: skip
    assert pairs(house, MEMBERS) == [
        ("A", "9000000001"), ("A", "9000000002"), ("B", "9000000004"),
    ]  # fmt: skip


def test_an_unknown_student_becomes_known_by_identifier_alone(
    house: Warehouse, tmp_path: Path
) -> None:
    loaded(house, trt(tmp_path, "a.xml"))
    groups(house, tmp_path, f"A,{SCHOOL},2019,,9000000001,", f"A,{SCHOOL},2019,,9000000002,")
    query = "SELECT student_id, last_or_surname, info_from FROM student ORDER BY 1"
    assert pairs(house, query) == [
        ("9000000001", "Quill", "result"), ("9000000002", None, "group"),
    ]  # fmt: skip
    loaded(house, trt(tmp_path, "b.xml", student="9000000002", last="Later", key="k-2"))
    assert pairs(house, query)[1] == ("9000000002", "Later", "result")


def test_a_list_beyond_the_incumbents_limits(house: Warehouse, tmp_path: Path) -> None:
    rows = [f"A,{SCHOOL},2019,,{9000000000 + number}," for number in range(5000)]
    told = groups(house, tmp_path, *rows, *rows[:10])
    assert told.log.counts() == {}
    assert told.files[0].ending.counts["students_new"] == 5000


def test_a_column_twice_is_refused(house: Warehouse, tmp_path: Path) -> None:
    told = groups(house, tmp_path, f"A,{SCHOOL},2019,,9,,B",
                  head=HEAD.strip() + ",Group_Name\n")  # fmt: skip
    assert told.files[0].ending.status == "BAD_FORMAT"


def test_the_incumbents_sample(house: Warehouse, shared: Path) -> None:
    folder = shared / "samples" / "rdw"
    told = loaded(house, folder / "organizations" / "organization.json", folder / "groups")
    assert "roster_row" not in told.log.counts()
    assert pairs(house, "SELECT roster_name, subject FROM roster ORDER BY 1") == [
        ("JT4thGrade", None), ("ME6thGradeMath", "Math"),
    ]  # fmt: skip
    assert pairs(house, "SELECT count(*) FROM roster_student") == [(6,)]
    assert pairs(house, "SELECT count(*) FROM roster_viewer") == [(4,)]
