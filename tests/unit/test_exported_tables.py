"""Tables of results that one warehouse exports come back in another."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorehouse.shapes import SCORES
from scorehouse.warehouse import TABLES, Warehouse
from scorehouse.warehouse.export import ExportRequest, export
from scorehouse.warehouse.load import LoadRequest, load
from scorehouse.warehouse.purge import of_student, purge
from warehouse_help import fates, held, loaded, made, trt

ONE, TWO = "9000000001", "9000000002"
LATER = "2019-05-03T10:00:00.000"
OF_RESULTS = ("result", "scoring", "score", "response", "accommodation_used")
NEEDED = ("entity", "assessment", "student", *OF_RESULTS, "submission")
SCORED = {
    "opportunity_id": "k-1", "student_id": ONE, "assessment_id": "INV-SUM-ELA-5",
    "school_year": "2018-19", "subject": "ELA", "test_grade": "05", "theta": 0.1234567890123,
    "score_status": "scored", "rulebook_digest": "d",
}  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with two students' results, one corrected, scorings of two, and answers."""
    folder = tmp_path_factory.mktemp("filled")
    house = made(folder / "w")
    rows = [
        {**SCORED, "measure": "overall", "theta_reported": 0.12},
        {**SCORED, "measure": "claim:1", "theta_reported": -1 / 3, "claim_rating": 2},
        {**SCORED, "measure": "overall", "opportunity_id": "k-9", "student_id": TWO},
    ]
    scores = folder / "scores.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=SCORES), scores)
    loaded(house, trt(folder, "a.xml", answer='a "quoted", line\nand é'))
    loaded(house, trt(folder, "b.xml", student=TWO, key="k-2", number="102", last="Reed"))
    loaded(house, trt(folder, "c.xml", score=2520, at=LATER, answer="C"), scores)
    house.close()
    return folder / "w"


@pytest.fixture
def house(filled: Path, tmp_path: Path) -> Warehouse:
    """That warehouse, for one test to change."""
    shutil.copytree(filled, tmp_path / "w")
    return Warehouse.open(tmp_path / "w")


def content(house: Warehouse, name: str) -> list[dict[str, object]]:
    """A table's rows without numbers that are a warehouse's own; parts by what owns them."""
    table = TABLES[name]
    own = ", ".join(f't."{column}"' for column in table.names if column != table.owner)
    joined = ""
    owners = (
        "SELECT row_id, 'result' AS kind, opportunity_id, assessment_id FROM result UNION ALL "
        "SELECT row_id, 'scoring' AS kind, opportunity_id, assessment_id FROM scoring"
    )
    if table.owner:
        own += ", o.kind, o.opportunity_id AS of_sitting, o.assessment_id AS of_test"
        joined = f" JOIN ({owners}) AS o ON o.row_id = t.{table.owner}"
    return list(held(house, f"SELECT {own} FROM {name} AS t{joined} ORDER BY ALL"))


def everything(house: Warehouse) -> dict[str, list[dict[str, object]]]:
    return {name: content(house, name) for name in OF_RESULTS}


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_all_that_is_exported_loads_into_an_empty_warehouse(
    house: Warehouse, tmp_path: Path, form: str
) -> None:
    export(house, ExportRequest(tmp_path / "out", NEEDED, form=form))
    (tmp_path / "out" / "data-dictionary.csv").unlink()
    other = Warehouse.create(tmp_path / "other")
    filled = [path for path in (tmp_path / "out").iterdir()
              if held(house, f"SELECT 1 AS one FROM {path.stem} LIMIT 1")]  # fmt: skip
    told = loaded(other, *filled)
    assert {one.content for one in told.files} >= {f"exported_{name}" for name in OF_RESULTS[:4]}
    assert not told.leaves_out, told.log.table().to_pylist()
    expected = everything(house)
    assert [len(expected[name]) for name in OF_RESULTS[:4]] == [3, 2, 3, 4]
    assert everything(other) == expected
    assert content(other, "student") == content(house, "student")
    if form == "csv":
        return
    again = loaded(other, *(path for path in filled if path.stem in OF_RESULTS))
    assert {one.ending.status for one in again.files} == {"NO_UPDATE"}
    assert set(fates(again)) == {"unchanged"}
    assert everything(other) == expected


@pytest.fixture
def exported(house: Warehouse, tmp_path: Path) -> dict[str, Path]:
    """Its tables as CSV, by name."""
    done = export(house, ExportRequest(tmp_path / "out", NEEDED, form="csv"))
    return {one.table: tmp_path / "out" / one.file for one in done}


def changed(path: Path, column: str, old: str, new: str) -> Path:
    """A copy of a table with another value in one column."""
    target = path.with_name(f"changed-{path.name}")
    with path.open(newline="") as stream, target.open("w", newline="") as out:
        reader = csv.DictReader(stream)
        writer = csv.DictWriter(out, list(reader.fieldnames or ()))
        writer.writeheader()
        for row in reader:
            writer.writerow({**row, column: new} if row[column] == old else row)
    return target


def test_a_corrected_result_keeps_its_parts(house: Warehouse, exported: dict[str, Path]) -> None:
    before = everything(house)
    told = loaded(house, changed(exported["result"], "scale_score", "2520.0", "2530.0"))
    assert fates(told) == {"updated": 1, "unchanged": 2}
    assert {row["scale_score"] for row in content(house, "result")} == {2510.0, 2530.0, None}
    assert {name: content(house, name) for name in OF_RESULTS[1:]} == {
        name: before[name] for name in OF_RESULTS[1:]
    }


def test_corrected_answers_replace_those_held_and_nothing_else(
    house: Warehouse, exported: dict[str, Path]
) -> None:
    before = everything(house)
    told = loaded(house, changed(exported["response"], "response_value", "C", "D"))
    assert fates(told) == {"updated": 1, "unchanged": 1}
    answers = [row["response_value"] for row in content(house, "response")]
    assert sorted(map(str, answers)) == ["A", "A", "B", "D"]
    for name in ("result", "scoring", "score"):
        assert content(house, name) == before[name]
    assert len(held(house, "SELECT 1 AS one FROM result__rows")) == 5


def test_an_older_export_changes_nothing_of_what_is_newer(
    house: Warehouse, exported: dict[str, Path], tmp_path: Path
) -> None:
    newest = "2019-05-09T10:00:00.000"
    loaded(house, trt(tmp_path, "n.xml", score=2555, at=newest, answer="E"))
    before = everything(house)
    told = loaded(house, exported["result"], exported["response"])
    assert fates(told) == {"older": 2, "unchanged": 3}
    assert everything(house) == before


def test_what_lacks_its_definitions_is_left_out_and_said(
    exported: dict[str, Path], tmp_path: Path
) -> None:
    other = Warehouse.create(tmp_path / "other")
    told = loaded(other, exported["result"], exported["response"])
    assert fates(told) == {"left_out": 4, "new": 1}
    assert told.leaves_out
    rules = [row["rule"] for row in told.log.table().to_pylist()]
    assert sorted(rules) == ["part_needs_result", "result_needs_assessment"]
    loaded(other, exported["assessment"])
    told = loaded(other, exported["result"])
    assert "result_needs_school" in told.log.table()["rule"].to_pylist()
    loaded(other, exported["entity"])
    assert fates(loaded(other, exported["result"], exported["response"])) == {
        "new": 4, "unchanged": 1
    }  # fmt: skip


def test_a_replaced_student_is_the_same_student(
    house: Warehouse, exported: dict[str, Path], tmp_path: Path
) -> None:
    """Exported under the old identifier, held under the new one: the same sitting."""
    replaced = tmp_path / "r.csv"
    replaced.write_text(f"old_id,student_id,replaced_on\n{ONE},9000000009,2019-06-01\n")
    loaded(house, replaced)
    told = loaded(house, exported["result"], exported["response"], exported["score"])
    assert set(fates(told)) == {"unchanged"}


def test_a_purge_reaches_exported_tables_that_were_loaded(
    exported: dict[str, Path], tmp_path: Path
) -> None:
    other = Warehouse.create(tmp_path / "other")
    loaded(other, *(exported[name] for name in (*NEEDED[:2], *OF_RESULTS[:4])))
    told = purge(other, of_student(TWO))
    assert told.is_complete
    assert told.proof.found == {}
    texts = [path.read_bytes() for path in (other.root / "archive").rglob("*") if path.is_file()]
    answers = [text for text in texts if text.startswith(b"row_id,import_id,result_row")]
    assert [text.count(b"\r\n") for text in answers] == [3]
    assert {row["student_id"] for row in content(other, "result")} == {ONE}


def test_a_table_that_lacks_a_column_is_no_exported_table(
    house: Warehouse, exported: dict[str, Path]
) -> None:
    """What isn't there would be erased; so it isn't taken."""
    lines = exported["scoring"].read_text().splitlines()
    exported["scoring"].write_text(
        "\r\n".join(line.rpartition(",")[0] for line in lines), newline=""
    )
    told = load(house, LoadRequest((exported["scoring"],)))
    assert told.is_refused
    assert [row["rule"] for row in told.log.table().to_pylist()] == ["load_unknown_kind"]
