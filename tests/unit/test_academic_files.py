"""The state's academic indicator files: each form written, recognized and read again."""

from __future__ import annotations

import io
from fractions import Fraction

import pytest

from scorehouse.errors import UsageError
from scorehouse.exports.academic_file import (
    AcademicFile,
    Cell,
    academic_lines,
    dashboard_of,
    read_academic,
    subject_of,
)
from scorehouse.exports.academic_layout import (
    AcademicLayout,
    academic_layout,
    academic_layouts,
    recognized_layout,
)

ROW: dict[str, Cell] = {
    "cds": "09900010000017", "entity_type": "S", "school_name": "Oak\tNorth", "n": 40,
    "district_name": "Peña", "student_group": "ALL", "status": Fraction(-101, 20),
    "prior_n": 38, "prior_status": Fraction(1, 20), "change": Fraction(-149, 10),
    "status_level": 2, "change_level": 2, "color": 2, "box": 170, "high_school_cuts": None,
    "adjustment": Fraction(-3, 4), "reporting_year": "2024", "indicator": "MATH",
    "status_without_loss": Fraction(1, 3), "enrolled": 41,
}  # fmt: skip
LAYOUTS = pytest.mark.parametrize("layout", academic_layouts(), ids=lambda one: one.name)


def content(layout: AcademicLayout) -> bytes:
    return b"".join(academic_lines([ROW], layout))


def again(raw: bytes) -> AcademicFile:
    return read_academic(io.BytesIO(raw))


@LAYOUTS
def test_what_is_written_is_read_again(layout: AcademicLayout) -> None:
    read = again(content(layout))
    assert (read.layout.columns, read.absent, read.unknown) == (layout.columns, (), ())
    expected = {
        "cds": "09900010000017", "school_name": "Oak North", "status": "-5.1", "box": "170",
        "prior_status": "0.1", "change": "-14.9", "high_school_cuts": "", "adjustment": "-0.75",
        "status_without_loss": "0.3", "enrolled": "41",
    }  # fmt: skip
    (row,) = read.rows
    assert {name: row[name] for name in expected if name in row} == {
        name: value for name, value in expected.items() if name in row
    }
    assert len(row) == len(layout.columns)


@LAYOUTS
def test_a_form_is_recognized_with_a_column_more_or_less(layout: AcademicLayout) -> None:
    header = [column.header.upper() for column in reversed(layout.columns)]
    for changed in ([*header[:-1], "CDS", "note"], [name for name in header if name != "BOX"]):
        found = recognized_layout(changed)
        assert found is not None
        assert found.columns == layout.columns


@pytest.mark.parametrize(
    ("dashboard", "columns"),
    [("2017-fall", 25), ("2018", 32), ("2019", 25), ("2022", 21), ("2023", 37), ("2025", 37)],
)
def test_each_dashboard_has_its_columns(dashboard: str, columns: int) -> None:
    layout = academic_layout(dashboard)
    assert len(layout.columns) == columns
    assert layout.columns[0].header == "cds"


def test_dashboards_without_files_are_refused() -> None:
    for dashboard in ("2020", "2017-spring", "1999"):
        with pytest.raises(UsageError, match="known are"):
            academic_layout(dashboard)


def test_a_row_says_which_dashboard_and_subject_it_is_of() -> None:
    later = again(content(academic_layout("2024")))
    assert dashboard_of(later, {"reporting_year": "2025"}) == "2025"
    assert dashboard_of(later, {"reporting_year": "2023"}) == "2023"
    assert dashboard_of(later, {}) == ""
    assert dashboard_of(again(content(academic_layout("2018"))), {}) == "2018"
    assert subject_of(later.rows[0], "eladownload2024.txt") == "Math"
    assert subject_of({}, "rows.txt") == ""


def test_damage_is_told_and_the_rest_is_read() -> None:
    told: list[tuple[int, str, str]] = []
    header, row, _ = content(academic_layout("2024")).split(b"\r\n")
    raw = b"\r\n".join([header, row, row[:30], row, b""])
    read = read_academic(io.BytesIO(raw), lambda *what: told.append(what))
    assert len(read.rows) == 2
    assert [number for number, _, _ in told] == [2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_letters_survive_every_encoding(encoding: str) -> None:
    raw = content(academic_layout("2024")).decode().encode(encoding)
    assert again(raw).rows[0]["district_name"] == "Peña"


def test_a_cell_beyond_all_length_costs_its_record_alone() -> None:
    told: list[tuple[int, str, str]] = []
    header, row, _ = content(academic_layout("2024")).split(b"\r\n")
    long = row.replace("Peña".encode(), b"x" * 200_000)
    raw = b"\r\n".join([header, row, long, row, b""])
    read = read_academic(io.BytesIO(raw), lambda *what: told.append(what))
    assert len(read.rows) == 2
    assert told == [(2, "", "a cell is longer than any that is read")]


def test_a_utf_16_file_cut_within_a_letter_is_read_up_to_there() -> None:
    raw = content(academic_layout("2024")).decode().encode("utf-16")
    assert again(raw[:-1]).rows[0]["district_name"] == "Peña"


@pytest.mark.parametrize("raw", [b"", b"cds\trtype\r\n1\t2\r\n", b"\x00\xff", b"a,b\r\n"])
def test_another_file_is_refused(raw: bytes) -> None:
    with pytest.raises(UsageError, match="header"):
        again(raw)
