"""Tables as CSV, Excel and Parquet: typed, safe in a spreadsheet, whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from scorehouse.errors import UsageError
from scorehouse.exports.csv_file import CsvFile
from scorehouse.exports.files import write_file
from scorehouse.exports.workbook import Notes, Workbook

NOTES = Notes("A table", ["Groups under eleven students are hidden."], [("n", "Students.")])
ROWS = pl.DataFrame(
    {
        "name": ["Oak, “North”", '=SUM(1)"', None],
        "n": [12, 3, None],
        "mean": [2431.5, None, 2500.0],
        "day": [date(2019, 5, 1), None, date(2020, 1, 2)],
        "at": [datetime(2019, 5, 1, 9, 30), None, None],
        "hidden": [True, False, None],
        "counts": [[3, 4, 5], None, []],
    }
)


def rows_of(sheet: str, path: Path) -> list[list[object]]:
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_name(sheet).to_python()


def test_excel_has_typed_cells_a_header_and_notes(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    assert write_file(path, [ROWS[:2], ROWS[2:]], ROWS.schema, NOTES) == 3
    header, first, second, third = rows_of("Data", path)
    assert header == ROWS.columns
    assert first == [
        "Oak, “North”", 12, 2431.5, date(2019, 5, 1), datetime(2019, 5, 1, 9, 30), True, "3|4|5",
    ]  # fmt: skip
    assert second[:3] == ['=SUM(1)"', 3, ""]
    assert third[1:3] == ["", 2500.0]
    notes = [cell for row in rows_of("Notes", path) for cell in row if cell]
    assert notes == ["A table", *NOTES.sentences, "Column", "Meaning", "n", "Students."]


def test_more_rows_than_a_sheet_has_go_on_in_the_next() -> None:
    stream = io.BytesIO()
    book = Workbook(stream, ["n"], NOTES, most_rows=4)
    book.write(pl.DataFrame({"n": range(7)}))
    book.close()
    stream.seek(0)
    read = CalamineWorkbook.from_filelike(stream)
    assert read.sheet_names == ["Data", "Data 2", "Data 3", "Notes"]
    sheets = [read.get_sheet_by_name(name).to_python() for name in read.sheet_names[:3]]
    assert sheets == [[["n"], [0], [1], [2]], [["n"], [3], [4], [5]], [["n"], [6]]]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for suffix in (".xlsx", ".csv", ".parquet"):
            write_file(tmp_path / f"{name}{suffix}", [ROWS], ROWS.schema, NOTES)
    for suffix in (".xlsx", ".csv", ".parquet"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_csv_is_what_the_standard_says(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_file(path, [ROWS], ROWS.schema, NOTES)
    content = path.read_bytes()
    assert content.count(b"\r\n") == 4
    header, first, second, third = csv.reader(io.StringIO(content.decode(), newline=""))
    assert header == ROWS.columns
    assert first[0] == "Oak, “North”"
    assert second[0] == "'=SUM(1)\""
    assert third[1] == ""
    assert first[3:] == ["2019-05-01", "2019-05-01T09:30:00", "true", "3|4|5"]


def test_parquet_keeps_types_and_lists(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_file(path, [ROWS[:1], ROWS[1:]], ROWS.schema, NOTES)
    assert pl.read_parquet(path).equals(ROWS)


def test_the_meaning_of_columns_stands_beside(tmp_path: Path) -> None:
    write_file(tmp_path / "t.csv", [], ROWS.schema, NOTES)
    beside = (tmp_path / "t.csv.columns.csv").read_text(encoding="utf-8")
    assert beside.splitlines() == ["column,meaning", "n,Students."]


@pytest.mark.parametrize("suffix", [".xlsx", ".csv", ".parquet"])
def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    def pieces() -> Iterator[pl.DataFrame]:
        yield ROWS
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError):
        write_file(tmp_path / f"t{suffix}", pieces(), ROWS.schema, NOTES)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="xlsx"):
        write_file(tmp_path / "t.ods", [], ROWS.schema, NOTES)


def test_csv_quotes_only_where_needed() -> None:
    stream = io.BytesIO()
    CsvFile(stream, ["a", "b,c"]).write(pl.DataFrame({"a": ["x"], "b,c": ["y\nz"]}))
    assert stream.getvalue() == b'a,"b,c"\r\nx,"y\nz"\r\n'
