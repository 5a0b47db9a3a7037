"""Public research files: every era's header, rounding, hiding, fixed places, read again."""

from __future__ import annotations

import io
from fractions import Fraction

import polars as pl
import pytest

from scorehouse.errors import UsageError
from scorehouse.exports.research_layout import (
    ENTITIES,
    FILES,
    RESULTS,
    Column,
    Era,
    codes,
    era_of,
    eras,
    meaning,
    recognized,
)
from scorehouse.exports.research_read import read
from scorehouse.exports.research_write import HIDDEN, Value, fixed_lines, lines
from scorehouse.terms import SchoolYear

SCHOOL: dict[str, Value] = {
    "county_code": "09", "district_code": "90001", "school_code": "0000017", "test_year": 2024,
    "student_group_id": "1", "test_type": "B", "test_id": "1", "grade": "03", "type_id": "07",
    "county_name": "Sample", "district_name": "Peña Unified", "school_name": "Oak, \"Old\"",
    "enrolled": 40, "tested": 39, "scored": 38, "mean_scale_score": Fraction(48301, 20),
    "percent:4": Fraction(100, 8), "percent:met": Fraction(200, 3), "count:4": 5,
    "area:1:percent:3": HIDDEN, "area:1:count:3": HIDDEN,
}  # fmt: skip


def written(era: Era, file: str, rows: list[dict[str, Value]]) -> bytes:
    return b"".join(lines(rows, era.files[file], era))


@pytest.mark.parametrize("era", eras(), ids=lambda era: era.name)
@pytest.mark.parametrize("file", FILES)
def test_a_file_is_recognized_by_its_header_alone(era: Era, file: str) -> None:
    found = recognized([column.header.upper() for column in era.files[file]])
    assert found is not None
    assert found[0] == file
    same = [column.what for column in found[1].files[file]]
    assert same == [column.what for column in era.files[file]]


@pytest.mark.parametrize(
    ("era", "count", "delimiter"),
    list(zip(eras(), (33, 32, 32, 33, 69), ",,,^^", strict=True)),
    ids=[era.name for era in eras()],
)
def test_each_era_has_its_columns_and_delimiter(era: Era, count: int, delimiter: str) -> None:
    assert (len(era.files[RESULTS]), era.delimiter) == (count, delimiter)
    header = written(era, RESULTS, []).decode(era.encoding)
    assert header.count(delimiter) == count - 1
    assert header.startswith('"County Code"' if delimiter == "," else "County Code^")


@pytest.mark.parametrize("era", eras(), ids=lambda era: era.name)
def test_what_is_written_is_read_again(era: Era) -> None:
    content = written(era, RESULTS, [SCHOOL, SCHOOL | {"grade": codes().all_grades}])
    found = read(io.BytesIO(content))
    row = found.rows.row(0, named=True)
    assert (found.file, found.refused, len(found.rows)) == (RESULTS, (), 2)
    assert row["school_code"] == "0000017"
    assert row["student_group_id"] == "001"
    assert row["mean_scale_score"] == "2415.1"
    assert row["percent:4"] == ("13" if era.percent_decimals == 0 else "12.50")
    assert row["percent:met"] == ("67" if era.percent_decimals == 0 else "66.67")
    assert row["area:1:percent:3"] == "*"
    assert row["percent:1"] == ""
    again = read(io.BytesIO(written(era, RESULTS, list(found.rows.iter_rows(named=True)))))
    assert again.rows.equals(found.rows)


def test_names_keep_their_letters_and_never_break_a_line() -> None:
    told: list[tuple[str, str]] = []
    era = era_of(SchoolYear(2024))
    row = SCHOOL | {"school_name": "A^B\nC", "district_name": "Łódź"}
    content = b"".join(lines([row], era.files[ENTITIES], era, lambda *what: told.append(what)))
    assert content.count(b"\r\n") == 2
    assert b"A B C" in content
    assert [column for column, _ in told] == ["District Name", "School Name"]


def test_a_fixed_file_stands_in_its_published_places() -> None:
    era = era_of(SchoolYear(2018))
    (line,) = fixed_lines([SCHOOL], era.files[ENTITIES], era)
    assert line[:14] == b"09900010000017"
    assert line[18:24] == b"202407"
    assert line[74:124].decode("cp1252").rstrip() == "Peña Unified"
    assert len(line) == 179 + 2


def test_no_fixed_form_where_places_are_not_published() -> None:
    era = era_of(SchoolYear(2018))
    assert not era.has_fixed_form(RESULTS)
    with pytest.raises(UsageError, match="not published"):
        list(fixed_lines([SCHOOL], era.files[RESULTS], era))


def test_years_without_files_say_so() -> None:
    with pytest.raises(UsageError, match="no statewide"):
        era_of(SchoolYear(2020))
    with pytest.raises(UsageError, match="known are"):
        era_of(SchoolYear(2031))


def test_the_code_page_of_the_states_files_is_read() -> None:
    era = era_of(SchoolYear(2024))
    content = written(era, ENTITIES, [SCHOOL])
    assert b"Pe\xf1a" in content
    assert read(io.BytesIO(content)).rows["district_name"].to_list() == ["Peña Unified"]
    as_utf8 = content.decode("cp1252").encode("utf-8-sig")
    assert read(io.BytesIO(as_utf8)).rows["district_name"].to_list() == ["Peña Unified"]


def test_a_record_with_missing_cells_is_named_and_the_others_are_kept() -> None:
    era = era_of(SchoolYear(2024))
    good = written(era, ENTITIES, [SCHOOL, SCHOOL]).split(b"\r\n")
    content = b"\r\n".join([good[0], good[1], b"09^90001", good[2], b""])
    found = read(io.BytesIO(content))
    assert (found.refused, len(found.rows)) == ((3,), 2)


def test_a_cell_beyond_all_length_costs_its_record_alone() -> None:
    era = era_of(SchoolYear(2019))
    good = written(era, ENTITIES, [SCHOOL, SCHOOL]).split(b"\r\n")
    long = good[1].replace(b"Unified", b"x" * 200_000)
    assert era.delimiter == ","
    assert long != good[1]
    found = read(io.BytesIO(b"\r\n".join([good[0], good[1], long, good[2], b""])))
    assert (found.refused, len(found.rows)) == ((3,), 2)


def test_another_header_is_refused() -> None:
    with pytest.raises(UsageError, match="header"):
        read(io.BytesIO(b"a,b\r\n1,2\r\n"))
    with pytest.raises(UsageError, match="header"):
        read(io.BytesIO(b""))


def test_headers_stand_in_their_order() -> None:
    era = era_of(SchoolYear(2025))
    headers = [column.header for column in era.files[RESULTS]]
    assert headers[12:18] == [
        "Total Students Enrolled", "Total Students Tested", "Total Students Tested with Scores",
        "Mean Scale Score", "Percentage Standard Exceeded", "Count Standard Exceeded",
    ]  # fmt: skip
    assert headers[-1] == "Composite Area 2 Total"
    assert isinstance(era.files[RESULTS][0], Column)
    assert isinstance(read(io.BytesIO(written(era, RESULTS, []))).rows, pl.DataFrame)


@pytest.mark.parametrize("era", eras(), ids=lambda era: era.name)
def test_every_column_has_a_meaning(era: Era) -> None:
    assert all(meaning(column) for columns in era.files.values() for column in columns)
