"""Tables in the warehouse's own form: types, keys, and the way out and back in."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from scorehouse.warehouse import TABLES, Warehouse
from scorehouse.warehouse.load import LoadSummary
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.recognise import head_of, told_by
from warehouse_help import held, loaded

OPEN = [name for name, table in TABLES.items() if table.group not in ("results", "imports")]
VALUES = {
    "text": "a", "int8": 3, "int32": 70_000, "int64": 5_000_000_000, "real": 0.1 + 0.2,
    "flag": False, "day": date(2019, 2, 3), "instant": datetime(2019, 2, 3, 4, 5, 6, 789),
}  # fmt: skip
SPELLED = {
    "school_year": "2018-19", "test_grade": "05", "student_id": "9000000001",
    "old_id": "9000000002", "replaced_by": "9000000001", "assessment_type": "ICA", "subject": "ELA",
    "availability": "released",
}  # fmt: skip

OTHER_KINDS = {"assessment": "package_tests", "ssid_replacement": "replacements"}
"""Tables whose own form another kind knows too, and checks further."""


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    return Warehouse.create(tmp_path / "w")


def table_file(house: Warehouse, folder: Path, *lines: str) -> LoadSummary:
    path = folder / "t.csv"
    path.write_text("".join(f"{line}\n" for line in lines))
    return loaded(house, path)


def full_row(name: str) -> pa.Table:
    """One row with every column filled."""
    table = TABLES[name]
    row = {field.name: SPELLED.get(field.name, VALUES[field.type]) for field in table.fields}
    return pa.Table.from_pylist([row], schema=table.own_schema)


@pytest.mark.parametrize("name", OPEN)
def test_every_table_is_told_by_its_columns_and_comes_back_as_it_was(
    house: Warehouse, tmp_path: Path, name: str
) -> None:
    """CSV first, then the same as Parquet with the numbers of its rows, as exports have them."""
    rows = full_row(name)
    plain, numbered = tmp_path / "a.csv", tmp_path / "b.parquet"
    pacsv.write_csv(rows, plain)
    ids = {"row_id": [7], "import_id": [1]}
    pq.write_table(pa.table({**ids, **{c: rows[c] for c in rows.column_names}}), numbered)
    told = loaded(house, plain)
    own_kind = OTHER_KINDS.get(name, name)
    assert [one.content for one in told.files] == [own_kind]
    assert held(house, f"SELECT * EXCLUDE (row_id, import_id) FROM {name}") == rows.to_pylist()
    again = loaded(house, numbered)
    assert (again.files[0].content, again.files[0].ending.status) == (own_kind, "NO_UPDATE")


def test_keys_that_a_file_lacks_are_blank_and_match(house: Warehouse, tmp_path: Path) -> None:
    lines = ("assessment_id,item_id,max_points", "INV-1,200-1,1")
    table_file(house, tmp_path, *lines)
    told = table_file(house, tmp_path, lines[0], "INV-1,200-1,2")
    assert told.files[0].ending.counts == {"changed": 1}
    assert held(house, "SELECT dimension, max_points FROM item") == [
        {"dimension": "", "max_points": 2.0}
    ]


def test_columns_that_a_file_lacks_stay_as_they_are(house: Warehouse, tmp_path: Path) -> None:
    table_file(house, tmp_path, "student_id,first_name,sex", "9000000001,Ada,Female")
    table_file(house, tmp_path, "student_id,first_name", "9000000001,Adah")
    assert held(house, "SELECT student_id, first_name, sex FROM student") == [
        {"student_id": "9000000001", "first_name": "Adah", "sex": "Female"}
    ]


def test_days_that_mean_something_blank(house: Warehouse, tmp_path: Path) -> None:
    told = table_file(
        house, tmp_path, "student_id,program,began_on,takes_part",
        "9000000001,migrant,,yes", "9000000001,foster_youth,2018-09-01,0",
    )  # fmt: skip
    assert told.log.counts() == {}
    assert held(
        house, "SELECT program, began_on, takes_part FROM program_participation ORDER BY 1"
    ) == [
        {"program": "foster_youth", "began_on": date(2018, 9, 1), "takes_part": False},
        {"program": "migrant", "began_on": None, "takes_part": True},
    ]


@pytest.mark.parametrize(
    ("header", "good", "bad", "field"),
    [
        ("school_year,census_on", "2018-19,2018-10-03", "2018-20,2018-10-03", "school_year"),
        ("school_year,census_on", "2019,2018-10-03", "2020,10/3/2019", "census_on"),
        ("school_year,census_on", "2018-19,2018-10-03", ",2018-10-03", "school_year"),
        ("entity_id,entity_name,is_charter", "E1,Old,no", "E2,New,perhaps", "is_charter"),
        ("entity_id,entity_name", "E1,Old", ",New", "entity_id"),
        ("old_id,student_id", "9000000001,9000000002", ",9000000002", "old_id"),
        (
            "old_id,student_id", "9000000001,9000000002", "9.00E+09,9000000002", "old_id",
        ),
        ("subject,test_grade,moderate_from", "ELA,5,-1.5", "ELA,fifth,-1", "test_grade"),
        ("subject,test_grade,moderate_from", "ELA,05,-1.5", "ELA,06,inf", "moderate_from"),
        ("subject,part_kind,code,data_order", "ELA,claim,1,2", "ELA,claim,2,2.5", "data_order"),
    ],
)  # fmt: skip
def test_a_cell_that_cant_be_leaves_its_row_out(
    house: Warehouse, tmp_path: Path, header: str, good: str, bad: str, field: str
) -> None:
    told = table_file(house, tmp_path, header, bad, good)
    assert [(row["row"], row["field"]) for row in told.log.table().to_pylist()] == [(1, field)]
    name = told.files[0].content
    name = "ssid_replacement" if name == "replacements" else name
    assert held(house, f"SELECT count(*) AS n FROM {name}") == [{"n": 1}]


def test_years_and_grades_get_the_spelling_that_is_compared_by(
    house: Warehouse, tmp_path: Path
) -> None:
    table_file(house, tmp_path, "school_year,census_on", "2019,2018-10-03")
    table_file(house, tmp_path, "subject,test_grade,moderate_from", "ELA,5,-1.5")
    assert held(house, "SELECT school_year FROM census_day") == [{"school_year": "2018-19"}]
    assert held(house, "SELECT test_grade FROM subject_difficulty") == [{"test_grade": "05"}]


def test_no_finding_tells_an_identifier(house: Warehouse, tmp_path: Path) -> None:
    told = table_file(
        house, tmp_path, "student_id,birth_date,first_name", "9.000000123E+09,never,Ada",
    )  # fmt: skip
    assert told.log.counts() == {"column_value": 2}
    assert "9.000000123" not in str(told.log.table().to_pylist())
    assert "never" not in str(told.log.table().to_pylist())


def test_columns_of_no_table_or_of_a_closed_one_are_no_table(tmp_path: Path) -> None:
    for header in ("student_id,shoe_size", "opportunity_id,assessment_id,scale_score"):
        path = tmp_path / "t.csv"
        path.write_text(header + "\na,b,c\n")
        told = told_by(head_of(path), path)
        assert told.kind is None or told.kind.name not in TABLES


def test_items_that_come_back_keep_what_packages_in_two_files_lack(
    house: Warehouse, tmp_path: Path
) -> None:
    with house.transaction("items") as transaction:
        number = transaction.begin_import("item", "", "items")
        merge(transaction, "item", full_row("item"), number)
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("items")
    path = tmp_path / "item.csv"
    pacsv.write_csv(full_row("item"), path)
    told = loaded(house, path)
    assert (told.files[0].content, told.files[0].ending.status) == ("item", "NO_UPDATE")
