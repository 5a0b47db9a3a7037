"""The two tables as files: their bytes, their names, and what a spreadsheet would make of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scorehouse.errors import UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.writers.two_tables import SplitBy, write_two_tables
from scorehouse.result_shapes import (
    ITEM_COLUMNS,
    REQUIRED_ITEM_COLUMNS,
    REQUIRED_TEST_COLUMNS,
    TEST_COLUMNS,
)
from unit.two_table_files import ITEM, TEST, TRAITS, Row, as_csv, of, read, write_tables


def rewritten(tmp_path: Path, tests: list[Row], items: list[Row], **options: object) -> Path:
    chunks, _ = read(write_tables(tmp_path / "in", tests, items))
    write_two_tables(chunks, tmp_path / "out", **options)  # type: ignore[arg-type]
    return tmp_path / "out"


def test_the_bytes_are_those_of_the_published_form(tmp_path: Path) -> None:
    out = rewritten(tmp_path, [TEST], [ITEM, *TRAITS])
    assert (out / "tests.csv").read_bytes() == as_csv([TEST], REQUIRED_TEST_COLUMNS).encode()
    items = (out / "items.csv").read_bytes()
    assert items == as_csv([ITEM, *TRAITS], REQUIRED_ITEM_COLUMNS).encode()
    assert items.count(b"\r\n") == 6
    assert not items.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("text", ["a,b", 'say "no"', "a\rb", "a\nb", " a ", "\u00e9", "'", ";"])
def test_cells_are_quoted_as_the_standard_says(tmp_path: Path, text: str) -> None:
    out = rewritten(tmp_path, [TEST], [{**ITEM, "ResponseValue": text}])
    expected = as_csv([{**ITEM, "ResponseValue": text}], REQUIRED_ITEM_COLUMNS)
    assert (out / "items.csv").read_bytes() == expected.encode()


def test_optional_columns_follow_the_required_ones(tmp_path: Path) -> None:
    out = rewritten(tmp_path, [TEST], [ITEM], optional_columns=True)
    assert (out / "tests.csv").read_text().split("\n")[0].strip().split(",") == [*TEST_COLUMNS]
    assert (out / "items.csv").read_text().split("\n")[0].strip().split(",") == [*ITEM_COLUMNS]


def test_some_optional_columns(tmp_path: Path) -> None:
    out = rewritten(tmp_path, [TEST], [ITEM], optional_columns=["SchoolId", "ItemType"])
    first = (out / "tests.csv").read_text().split("\n")[0].strip().split(",")
    assert first == [*REQUIRED_TEST_COLUMNS, "SchoolId"]


@pytest.mark.parametrize(
    ("split_by", "names"),
    [
        (SplitBy.SUBJECT, ["items-ELA.csv", "items-Math.csv", "tests-ELA.csv", "tests-Math.csv"]),
        (SplitBy.GRADE, ["items-07.csv", "items-blank.csv", "tests-07.csv", "tests-blank.csv"]),
    ],
)
def test_split_tables_read_back_whole(tmp_path: Path, split_by: SplitBy, names: list[str]) -> None:
    tests = [TEST, of(TEST, "op-2", Subject="Math", TestGrade="../"), of(TEST, "op-3")]
    items = [of(ITEM, f"op-{n}") for n in (1, 2, 3)]
    out = rewritten(tmp_path, tests, items, split_by=split_by)
    assert sorted(path.name for path in out.iterdir()) == names
    chunks, log = read(out)
    assert sum(chunk.tests.num_rows for chunk in chunks) == 3
    assert sum(chunk.items.num_rows for chunk in chunks) == 3
    assert len(log) == 0


def test_formulas_stand_as_they_are_and_are_told(tmp_path: Path) -> None:
    text = '=HYPERLINK("x")'
    chunks, _ = read(write_tables(tmp_path / "in", [TEST], [{**ITEM, "ResponseValue": text}]))
    log = FindingLog()
    write_two_tables(chunks, tmp_path / "out", log=log)
    again, _ = read(tmp_path / "out")
    assert again[0].items["ResponseValue"].to_pylist() == [text]
    assert [(f.rule, f.field) for f in log] == [("csv_formula", "ResponseValue")]


def test_spreadsheet_safe_neutralizes_all_but_numbers(tmp_path: Path) -> None:
    rows = [{**ITEM, "ResponseValue": "@x"}, {**ITEM, "ItemPosition": "2", "ItemScore": "-1"}]
    chunks, _ = read(write_tables(tmp_path / "in", [TEST], rows))
    log = FindingLog()
    write_two_tables(chunks, tmp_path / "out", spreadsheet_safe=True, log=log)
    again, _ = read(tmp_path / "out")
    assert again[0].items["ResponseValue"].to_pylist() == ["'@x", "B"]
    assert again[0].items["ItemScore"].to_pylist() == ["1", "-1"]
    assert again[0].tests["OverallTheta"].to_pylist() == ["-0.6"]
    assert log.counts() == {"csv_formula_neutralized": 1}


def test_nothing_stands_there_when_writing_fails(tmp_path: Path) -> None:
    chunks, _ = read(write_tables(tmp_path / "in"))

    def failing() -> object:
        yield chunks[0]
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        write_two_tables(failing(), tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_too_many_parts_are_refused(tmp_path: Path) -> None:
    tests = [of(TEST, f"op-{n}", Subject=f"S{n}") for n in range(101)]
    with pytest.raises(UsageError, match="without splitting"):
        rewritten(tmp_path, tests, [], split_by=SplitBy.SUBJECT)
