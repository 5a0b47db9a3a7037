"""The warehouse as a store: keyed rows with history, past moments, refusals, differences."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from postgres_server import NO_POSTGRES
from scorehouse.errors import UsageError
from scorehouse.warehouse import TABLES, Warehouse
from scorehouse.warehouse.catalog import Catalog
from scorehouse.warehouse.diff import difference
from scorehouse.warehouse.imports import imports_listed, waiting_listed
from scorehouse.warehouse.merge import Merged, merge
from scorehouse.warehouse.move import move_catalog
from scorehouse.warehouse.schema import TYPES
from scorehouse.warehouse.snapshot import leased
from warehouse_help import SCHOOL, fates, held, loaded, made, trt

NAMES = "SELECT entity_id, entity_name FROM entity ORDER BY entity_id"


def bring(house: Warehouse, table: str, rows: dict[str, list[object]], **how: object) -> Merged:
    """Merge rows in a load of its own."""
    with house.transaction("test") as transaction:
        number = transaction.begin_import("test", "", "test")
        merged = merge(transaction, table, pa.table(rows), number, **how)  # type: ignore[arg-type]
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("test")
    return merged


def test_rows_are_new_changed_or_unchanged(tmp_path: Path) -> None:
    house = Warehouse.create(tmp_path / "w")
    first = bring(house, "entity", {"entity_id": ["a", "b"], "entity_name": ["A", "B"]})
    second = bring(house, "entity", {"entity_id": ["a", "b"], "entity_name": ["A", "C"]})
    assert (first, second) == (Merged(new=2), Merged(changed=1, unchanged=1))
    assert held(house, NAMES) == [
        {"entity_id": "a", "entity_name": "A"},
        {"entity_id": "b", "entity_name": "C"},
    ]
    assert held(house, NAMES, "1")[1] == {"entity_id": "b", "entity_name": "B"}


def test_a_row_twice_counts_once_and_the_last_holds(tmp_path: Path) -> None:
    house = Warehouse.create(tmp_path / "w")
    merged = bring(house, "entity", {"entity_id": ["a", "a"], "entity_name": ["A", "Z"]})
    assert merged == Merged(new=1, doubled=1)
    assert held(house, NAMES) == [{"entity_id": "a", "entity_name": "Z"}]


def test_columns_that_dont_come_stay(tmp_path: Path) -> None:
    house = Warehouse.create(tmp_path / "w")
    bring(house, "entity", {"entity_id": ["a"], "entity_name": ["A"], "parent_id": ["p"]})
    bring(house, "entity", {"entity_id": ["a"], "entity_name": ["B"]})
    assert held(house, "SELECT entity_name, parent_id FROM entity") == [
        {"entity_name": "B", "parent_id": "p"}
    ]


def test_older_information_changes_nothing_and_blanks_erase_nothing(tmp_path: Path) -> None:
    house = Warehouse.create(tmp_path / "w")
    how = {"newest": "info_at", "keep_known": True}
    old, new = datetime(2019, 1, 1), datetime(2019, 2, 1)
    rows = {"student_id": ["9000000001"], "first_name": ["Ada"], "sex": ["Female"]}
    bring(house, "student", {**rows, "info_at": [new]}, **how)
    older = bring(
        house, "student", {"student_id": ["9000000001"], "first_name": ["X"], "info_at": [old]},
        **how,
    )  # fmt: skip
    assert older == Merged(older=1)
    blank = {"student_id": ["9000000001"], "first_name": ["Bea"], "info_at": [new]}
    bring(house, "student", {**blank, "sex": pa.nulls(1, pa.string())}, **how)
    assert held(house, "SELECT first_name, sex FROM student") == [
        {"first_name": "Bea", "sex": "Female"}
    ]


def test_a_complete_list_withdraws_whom_it_lacks(tmp_path: Path) -> None:
    house = Warehouse.create(tmp_path / "w")
    keys = ("school_id", "roster_name", "school_year")

    def rows(*students: str) -> dict[str, list[object]]:
        return {
            "school_id": ["s"] * len(students), "roster_name": ["r"] * len(students),
            "school_year": ["2018-19"] * len(students), "student_id": list(students),
        }  # fmt: skip

    bring(house, "roster_student", rows("1", "2"), within=keys)
    merged = bring(house, "roster_student", rows("2", "3"), within=keys)
    assert merged == Merged(new=1, unchanged=1, gone=1)
    names = held(house, "SELECT student_id FROM roster_student ORDER BY 1")
    assert [row["student_id"] for row in names] == ["2", "3"]
    assert len(held(house, "SELECT student_id FROM roster_student", "1")) == 2


def test_a_day_as_of_is_its_end(tmp_path: Path) -> None:
    house = Warehouse.create(tmp_path / "w")
    bring(house, "entity", {"entity_id": ["a"], "entity_name": ["A"]})
    today = datetime.now(UTC).date().isoformat()
    assert len(held(house, NAMES, today)) == 1
    assert held(house, NAMES, "2001-01-01") == []


@pytest.mark.parametrize("as_of", ["yesterday", "2019-13-01", "99"])
def test_a_moment_that_is_none_is_refused(tmp_path: Path, as_of: str) -> None:
    house = Warehouse.create(tmp_path / "w")
    with pytest.raises(UsageError):
        house.snapshot(as_of)
    assert leased(house.catalog) == set()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        Warehouse.create(tmp_path)


def test_no_warehouse_and_another_version_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="scorehouse init"):
        Warehouse.open(tmp_path)
    house = Warehouse.create(tmp_path / "w")
    house.catalog.put("format", "0")
    with pytest.raises(UsageError, match="export --all"):
        Warehouse.open(tmp_path / "w")


def test_a_password_in_the_url_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PGPASSWORD"):
        Warehouse.create(tmp_path / "w", "postgresql+psycopg://a:b@localhost/c")


def test_two_warehouses_in_one_process_are_two(tmp_path: Path) -> None:
    one, two = (Warehouse.create(tmp_path / name) for name in ("one", "two"))
    bring(one, "entity", {"entity_id": ["a"], "entity_name": ["A"]})
    assert (len(held(one, NAMES)), held(two, NAMES)) == (1, [])


def test_a_load_that_fails_leaves_nothing(tmp_path: Path) -> None:
    house = Warehouse.create(tmp_path / "w")

    def fail() -> None:
        with house.transaction("test") as transaction:
            number = transaction.begin_import("test", "", "test")
            transaction.add("entity", pa.table({"entity_id": ["a"]}), number)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert held(house, NAMES) == []
    assert house.orphans() == []
    assert [row["status"] for row in imports_listed(house)] == ["REFUSED"]


def test_what_a_difference_tells(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    base = loaded(house, trt(tmp_path, "a.xml"), trt(tmp_path, "b.xml", key="k-2", number="2"))
    before = str(base.files[-1].import_id)
    later = {"at": "2019-05-03T10:00:00.000"}
    loaded(house, trt(tmp_path, "c.xml", score=2600, **later))
    loaded(house, trt(tmp_path, "d.xml", key="k-2", number="2", status="reset", **later))
    loaded(house, trt(tmp_path, "e.xml", key="k-3", number="3"))
    counts = {k: n for k, n in difference(house, before).counts().items() if k[0] == "result"}
    assert counts == {
        ("result", "appeared", "results"): 1,
        ("result", "changed", "correction"): 1,
        ("result", "went", "reset"): 1,
    }
    assert difference(house, before, before).rows.num_rows == 0
    with pytest.raises(UsageError, match="exchange"):
        difference(house, "5", "2")


def test_what_waits_is_listed(tmp_path: Path) -> None:
    house = made(tmp_path / "w", schools=False)
    assert fates(loaded(house, trt(tmp_path, "a.xml")))["waits"] == 1
    assert waiting_listed(house) == [
        {"waits_for": "school", "waits_value": SCHOOL, "n_results": 1, "n_imports": 1}
    ]


def test_every_field_has_a_type_a_privacy_class_and_a_meaning() -> None:
    privacy = {
        "public", "internal", "staff", "demographic", "score", "dates", "identifier",
        "student_id", "name", "birth_date", "response",
    }  # fmt: skip
    for table in TABLES.values():
        assert table.meaning.endswith(".")
        assert set(table.order) <= set(table.names) | {""}
        assert table.slice in ("", *table.names)
        for field in table.fields:
            assert field.type in TYPES
            assert field.privacy in privacy, (table.name, field.name)
            assert field.meaning.strip()


def test_the_catalog_makes_its_tables_once(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path / 'c.sqlite'}")
    catalog.create()
    catalog.create()
    assert {"import", "snapshot", "data_file", "audit"} <= catalog.tables()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+psycopg://tester@127.0.0.1:9/none", "127.0.0.1 doesn't answer"),
        ("mysql://tester@host/name", "as in postgresql"),
        ("postgresql", "as in postgresql"),
    ],
)
def test_a_catalog_that_cannot_be_is_said_in_one_sentence(url: str, message: str) -> None:
    if "127" in url:
        pytest.importorskip("psycopg", reason=NO_POSTGRES)
    with pytest.raises(UsageError, match=message):
        Catalog(url)


def test_a_catalog_moves_only_to_a_server(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    for url in ("", f"sqlite:///{tmp_path / 'other.sqlite'}"):
        with pytest.raises(UsageError, match=r"postgresql|database server"):
            move_catalog(house.root, url)
    assert held(house, "SELECT count(*) AS n FROM entity") == [{"n": 2}]
