"""The long form: tables of responses and opportunities, as CSV and as Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorehouse.intake.readers.responses import opportunities_beside
from scorehouse.shapes import OPPORTUNITIES, RESPONSES
from unit.intake_files import OPPORTUNITIES_HEADER as SITTINGS_HEADER
from unit.intake_files import RESPONSES_HEADER as HEADER
from unit.intake_files import Reading, csv_of, opportunity_row, response_row


def read(
    folder: Path, responses: bytes | list[str], sittings: list[str] | None = None, **options: object
) -> Reading:
    path = folder / "responses.csv"
    path.write_bytes(responses if isinstance(responses, bytes) else csv_of(HEADER, *responses))
    if sittings is not None:
        (folder / "opportunities.csv").write_bytes(csv_of(SITTINGS_HEADER, *sittings))
    return Reading(path, **options)


def scores(reading: Reading) -> dict[str, list[object]]:
    return {key: [row["score"] for row in rows] for key, rows in reading.tests.items()}


def test_rows_become_tests_with_their_opportunity(tmp_path: Path) -> None:
    sitting = opportunity_row(
        "a",
        mode="Online",
        status="Completed",
        completeness="COMPLETE",
        logged_on_cat="true",
        logged_on_pt="0",
        force_completed="no",
    )
    rows = [response_row("a", 1, "2"), response_row("a", 2, "0", answered="N")]
    reading = read(tmp_path, rows, [sitting])
    assert reading.counts == {}
    (opportunity,) = reading.opportunities
    assert opportunity == {
        "opportunity_id": "a",
        "mode": "online",
        "status": "completed",
        "completeness": "Complete",
        "logged_on_cat": True,
        "logged_on_pt": False,
        "started_at": "",
        "submitted_at": "",
        "force_completed": False,
        "student_id": "9000000001",
        "assessment_id": "A",
        "assessment_name": "A",
        "school_year": "2018-19",
        "subject": "",
        "test_grade": "",
        "assessment_type_text": "",
        "file": "responses.csv",
        "source_row": 1,
    }
    first, second = reading.tests["a"]
    assert (first["item_id"], first["score"], first["answered"]) == ("200-1", 2.0, True)
    assert (second["position"], second["answered"], second["use"]) == (2, False, "operational")


def test_without_opportunities_log_ons_are_not_known(tmp_path: Path) -> None:
    reading = read(tmp_path, [response_row("a"), response_row("b")])
    assert reading.counts == {"opportunities_missing": 1}
    assert [row["logged_on_cat"] for row in reading.opportunities] == [None, None]
    assert [row["source_row"] for row in reading.opportunities] == [1, 2]
    assert reading.log.left_out == 0


@pytest.mark.parametrize("order", [["a", "b", "c"], ["c", "a", "b"]])
def test_tables_in_different_order_are_joined_all_the_same(
    tmp_path: Path, order: list[str]
) -> None:
    rows = [response_row(key, item, str(item)) for item in (1, 2) for key in ("b", "c", "a")]
    sittings = [opportunity_row(key, mode=f"mode-{key}") for key in order]
    reading = read(tmp_path, rows, sittings)
    assert scores(reading) == {key: [1.0, 2.0] for key in "abc"}
    modes = {row["opportunity_id"]: row["mode"] for row in reading.opportunities}
    assert modes == {"a": "mode-a", "b": "mode-b", "c": "mode-c"}
    assert reading.counts == {}


def test_rows_of_a_test_that_stand_apart_are_gathered_without_opportunities(
    tmp_path: Path,
) -> None:
    rows = [response_row("b", 1), response_row("a", 1), response_row("b", 2, "2")]
    assert scores(read(tmp_path, rows)) == {"a": [1.0], "b": [1.0, 2.0]}


@pytest.mark.parametrize("chunk_tests", [1, 2, 20_000])
def test_an_opportunity_twice_keeps_the_first(tmp_path: Path, chunk_tests: int) -> None:
    sittings = [opportunity_row(key) for key in ("a", "b", "a", "c")]
    rows = [response_row(key) for key in "abc"]
    reading = read(tmp_path, rows, sittings, chunk_tests=chunk_tests)
    assert list(reading.tests) == ["a", "b", "c"]
    (finding,) = reading.log
    assert (finding.rule, finding.record, finding.row) == ("opportunity_twice", "a", 3)


def test_a_file_pasted_twice_keeps_each_test_once(tmp_path: Path) -> None:
    rows = [response_row("a", 1), response_row("a", 2), response_row("b", 1)]
    sittings = [opportunity_row("a"), opportunity_row("b")]
    reading = read(tmp_path, rows * 2, sittings * 2)
    assert scores(reading) == {"a": [1.0, 1.0], "b": [1.0]}
    assert reading.counts == {"opportunity_twice": 2}


def test_opportunities_without_responses_are_kept_in_place(tmp_path: Path) -> None:
    sittings = [opportunity_row(key) for key in ("x", "a", "y", "b", "z")]
    reading = read(tmp_path, [response_row("a"), response_row("b")], sittings, chunk_tests=2)
    assert scores(reading) == {"x": [], "a": [1.0], "y": [], "b": [1.0], "z": []}
    assert reading.counts == {"opportunity_without_responses": 3}
    assert reading.log.left_out == 0


def test_responses_without_opportunity_are_left_out(tmp_path: Path) -> None:
    rows = [response_row("a"), response_row("b"), response_row("b", 2), response_row("c")]
    reading = read(tmp_path, rows, [opportunity_row("a"), opportunity_row("c")])
    assert list(reading.tests) == ["a", "c"]
    (finding,) = reading.log
    assert (finding.rule, finding.record, finding.row) == ("opportunity_unknown", "b", 2)


BAD_CELLS = [
    ({"score": "x"}, "column_value", "score"),
    ({"score": "NaN"}, "column_value", "score"),
    ({"score": "inf"}, "column_value", "score"),
    ({"answered": "perhaps"}, "column_value", "answered"),
    ({"answered": ""}, "column_value", "answered"),
    ({"item_id": ""}, "column_value", "item_id"),
    ({"part": "ABC"}, "part_unknown", "part"),
    ({"dimension": "style"}, "dimension_unknown", "dimension"),
]


@pytest.mark.parametrize(("cells", "rule", "field"), BAD_CELLS)
def test_a_bad_cell_leaves_its_test_out_and_no_other(
    tmp_path: Path, cells: dict[str, str], rule: str, field: str
) -> None:
    rows = [response_row("a"), response_row("b"), response_row("b", 2, **cells), response_row("c")]
    reading = read(tmp_path, rows, [opportunity_row(key) for key in "abc"])
    assert list(reading.tests) == ["a", "c"]
    (finding,) = reading.log
    assert (finding.rule, finding.record, finding.field, finding.row) == (rule, "b", field, 3)
    assert finding.consequence == "record_left_out"
    assert finding.value == cells[field].lower() or finding.value == cells[field]


@pytest.mark.parametrize(("field", "value"), [("position", "first"), ("school_year", "year 5")])
def test_a_bad_cell_that_scoring_does_not_need_is_a_warning(
    tmp_path: Path, field: str, value: str
) -> None:
    reading = read(tmp_path, [response_row("a", **{field: value})])
    assert scores(reading) == {"a": [1.0]}
    assert reading.counts == {"opportunities_missing": 1, "column_value_ignored": 1}
    assert reading.tests["a"][0][field] in (None, "")


def test_a_bad_log_on_leaves_the_opportunity_out(tmp_path: Path) -> None:
    sittings = [opportunity_row("a", logged_on_cat="maybe"), opportunity_row("b")]
    reading = read(tmp_path, [response_row("a"), response_row("b")], sittings)
    assert list(reading.tests) == ["b"]
    assert reading.counts == {"column_value": 1}


@pytest.mark.parametrize("field", ["student_id", "assessment_id", "school_year"])
def test_one_opportunity_of_two_students_is_left_out(tmp_path: Path, field: str) -> None:
    other = response_row("a", 2, **{field: "2017-18"})
    reading = read(tmp_path, [response_row("a"), other, response_row("b")])
    assert list(reading.tests) == ["b"]
    assert reading.counts == {"opportunities_missing": 1, "opportunity_mixed": 1}
    assert "2017-18" not in [finding.value for finding in reading.log]


def test_spellings_are_brought_into_one(tmp_path: Path) -> None:
    row = response_row(
        "a", part="cat", dimension="Evidence", school_year="2019", condition_code="b"
    )
    (read_row,) = read(tmp_path, [row]).tests["a"]
    assert read_row["part"] == "CAT"
    assert read_row["dimension"] == "evidence"
    assert read_row["school_year"] == "2018-19"
    assert read_row["condition_code"] == "B"


def test_crlf_byte_order_mark_quotes_and_blanks_are_fine(tmp_path: Path) -> None:
    rows = [response_row('"a"', 1), "", response_row(" b ", 1, part='"CAT "')]
    text = "\r\n".join([HEADER, *rows]) + "\r\n"
    reading = read(tmp_path, b"\xef\xbb\xbf" + text.encode())
    assert scores(reading) == {"a": [1.0], "b": [1.0]}
    assert reading.counts == {"opportunities_missing": 1}


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_are_told_by_the_header(tmp_path: Path, delimiter: str) -> None:
    content = csv_of(HEADER, response_row("a")).replace(b",", delimiter.encode())
    assert scores(read(tmp_path, content)) == {"a": [1.0]}


def test_a_truncated_last_row_leaves_its_test_out(tmp_path: Path) -> None:
    whole = csv_of(HEADER, response_row("a"), response_row("b"), response_row("b", 2))
    reading = read(tmp_path, whole[:-30])
    assert scores(reading) == {"a": [1.0]}
    (finding, _) = reading.log
    assert (finding.rule, finding.record, finding.row) == ("csv_row_short", "b", 3)


def test_a_row_too_long_leaves_its_test_out(tmp_path: Path) -> None:
    reading = read(tmp_path, [response_row("a") + ",more", response_row("b")])
    assert scores(reading) == {"b": [1.0]}
    assert reading.counts["csv_row_long"] == 1


def test_an_unclosed_quotation_mark_costs_only_its_own_line(tmp_path: Path) -> None:
    rows = [response_row("a"), response_row("b", part='"CAT'), response_row("c"), response_row("d")]
    reading = read(tmp_path, rows)
    assert scores(reading) == {"a": [1.0], "c": [1.0], "d": [1.0]}
    assert reading.counts["csv_row_short"] == 1


@pytest.mark.parametrize(
    "content",
    [
        csv_of(HEADER, response_row("a", item_id="é")).decode().encode("latin-1"),
        csv_of(HEADER, response_row("a")).decode().encode("utf-16"),
    ],
)
def test_another_encoding_is_refused(tmp_path: Path, content: bytes) -> None:
    reading = read(tmp_path, content)
    assert reading.chunks == []
    assert reading.counts["file_encoding"] == 1


def test_a_missing_column_refuses_the_file(tmp_path: Path) -> None:
    reading = read(tmp_path, b"opportunity_id,assessment_id,item_id,answered\na,A,200-1,1\n")
    assert reading.chunks == []
    assert reading.counts["column_missing"] == 1


def test_a_column_twice_refuses_the_file(tmp_path: Path) -> None:
    reading = read(tmp_path, csv_of(HEADER + ",score", response_row("a") + ",0"))
    assert reading.chunks == []
    assert reading.counts["column_twice"] == 1


def test_optional_and_unknown_columns_are_said(tmp_path: Path) -> None:
    header = "opportunity_id,assessment_id,item_id,answered,score,mood"
    reading = read(tmp_path, csv_of(header, "a,A,200-1,1,1,good"))
    assert scores(reading) == {"a": [1.0]}
    assert reading.counts["column_unknown"] == 1
    assert reading.log.left_out == 0


@pytest.mark.parametrize("content", [b"", b"just words", b"\0\1\2", b"PAR1 not really", b"{}"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    reading = read(tmp_path, content)
    assert reading.chunks == []
    assert reading.log.left_out == 1


def test_a_table_without_rows_gives_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, [], []).chunks == []


def parquet(folder: Path, tests: int, *, row_group: int, **columns: pa.Array) -> Path:
    keys = [f"op-{test:04d}" for test in range(tests)]
    rows = [key for key in keys for _ in range(3)]
    count = len(rows)
    plain = {
        "opportunity_id": pa.array(rows),
        "student_id": pa.array(rows),
        "assessment_id": pa.array(["A"] * count),
        "school_year": pa.array(["2018-19"] * count),
        "part": pa.array(["CAT"] * count),
        "item_id": pa.array([f"200-{item % 7}" for item in range(count)]),
        "dimension": pa.array([""] * count),
        "position": pa.array([1, 2, 3] * tests, pa.int32()),
        "answered": pa.array([True] * count),
        "score": pa.array([float(row % 2) for row in range(count)]),
        "condition_code": pa.array([""] * count),
        **columns,
    }
    pq.write_table(pa.table(plain), folder / "responses.parquet", row_group_size=row_group)
    sittings = pa.table({"opportunity_id": keys, "mode": ["online"] * tests})
    pq.write_table(sittings, folder / "opportunities.parquet", row_group_size=11)
    return folder / "responses.parquet"


@pytest.mark.parametrize("row_group", [2, 3, 7, 300])
@pytest.mark.parametrize("chunk_tests", [1, 8, 1000])
def test_parquet_is_the_same_however_it_is_cut(
    tmp_path: Path, row_group: int, chunk_tests: int
) -> None:
    path = parquet(tmp_path, 40, row_group=row_group)
    reading = Reading(path, chunk_tests=chunk_tests)
    expected = pq.read_table(path).to_pylist()
    got = [
        {name: row[name] for name in RESPONSES.names}
        for rows in reading.tests.values()
        for row in rows
    ]
    assert got == expected
    assert len(reading.opportunities) == 40
    assert {row["mode"] for row in reading.opportunities} == {"online"}
    assert max(chunk.opportunities.num_rows for chunk in reading.chunks) <= chunk_tests


def test_parquet_of_other_types_is_typed(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        2,
        row_group=100,
        score=pa.array([1, 0, 1, 0, 1, None], pa.int8()),
        position=pa.array(["1", "2", "3"] * 2),
        answered=pa.array(["yes", "no"] * 3).dictionary_encode(),
        item_id=pa.array(["200-1 ", None, "200-3"] * 2, pa.large_string()),
        part=pa.array([None, "pt"] * 3),
    )
    reading = Reading(path)
    assert reading.tests == {}
    assert reading.counts["column_value"] == 2
    path = parquet(tmp_path, 2, row_group=100, score=pa.array([1, 0, 1, 0, 1, None], pa.int8()))
    assert scores(Reading(path))["op-0001"] == [0.0, 1.0, None]


def test_row_numbers_of_parquet_findings_count_through_row_groups(tmp_path: Path) -> None:
    values = [1.0] * 29 + [float("nan")]
    path = parquet(tmp_path, 10, row_group=4, score=pa.array(values))
    reading = Reading(path, chunk_tests=2)
    assert [finding.row for finding in reading.log if finding.rule == "column_value"] == [30]


def test_a_damaged_parquet_file_is_a_finding(tmp_path: Path) -> None:
    path = parquet(tmp_path, 10, row_group=100)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    reading = Reading(path)
    assert reading.chunks == []
    assert reading.counts["file_unreadable"] == reading.log.left_out == 1


def test_shuffled_parquet_keeps_row_order_within_a_test(tmp_path: Path) -> None:
    path = parquet(tmp_path, 30, row_group=13)
    table = pq.read_table(path)
    shuffled = table.sort_by([("position", "ascending"), ("opportunity_id", "descending")])
    pq.write_table(shuffled, path, row_group_size=7)
    reading = Reading(path, chunk_tests=4)
    assert {tuple(row["position"] for row in rows) for rows in reading.tests.values()} == {
        (1, 2, 3)
    }
    assert len(reading.tests) == 30
    assert reading.counts["column_absent"] == len(OPPORTUNITIES.names) - 3


@pytest.mark.parametrize(
    ("name", "sibling", "found"),
    [
        ("responses.csv", "opportunities.parquet", True),
        ("g3_responses.parquet", "g3_opportunities.parquet", True),
        ("g3_responses.parquet", "opportunities.csv", True),
        ("data.csv", "opportunities.csv", True),
        ("responses.csv", "others.csv", False),
    ],
)
def test_opportunities_are_found_by_name(
    tmp_path: Path, name: str, sibling: str, found: bool
) -> None:
    (tmp_path / sibling).touch()
    assert (opportunities_beside(tmp_path / name) == tmp_path / sibling) is found
