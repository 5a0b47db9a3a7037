"""Tables in the warehouse's own form: columns of one of its tables, its keys among them.

This is how SSID replacements, programs, language status, enrollments, testing windows, census
days and availability come in a form of our own, and how exported tables come back.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa

from scorehouse.errors import InputRefusedError
from scorehouse.reports.query import AVAILABILITY
from scorehouse.terms import SchoolYear, parse_grade
from scorehouse.warehouse.kinds.people_text import ROW, pieces
from scorehouse.warehouse.kinds.result_values import instant
from scorehouse.warehouse.loading import BAD_DATA, Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import Merged, merge
from scorehouse.warehouse.merge_ending import ending_of
from scorehouse.warehouse.schema import IMPORT_ID, ROW_ID, TABLES, Field, Table

_CLOSED = ("results", "imports")
_RANKS = {"entities": 10, "subjects": 15, "tests": 20, "references": 25, "people": 30,
          "rosters": 40}  # fmt: skip
_SYSTEM = {ROW_ID, IMPORT_ID}
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def table_of(columns: tuple[str, ...]) -> Table | None:
    """The one table whose columns these are; None: of none, or of several."""
    given = set(columns) - _SYSTEM
    fitting = [
        table
        for table in TABLES.values()
        if table.group not in _CLOSED and given and given <= set(table.names)
        and {key for key in table.keys if key not in _OPTIONAL_KEYS} <= given
    ]  # fmt: skip
    return fitting[0] if len(fitting) == 1 else None


_OPTIONAL_KEYS = ("valid_from", "dimension", "parent_code")


def recognise(head: Head, name: str) -> Guess | None:
    """Tell a table of the warehouse's own form by its columns."""
    table = table_of(head.columns)
    if table is None or table.name != name:
        return None
    return Guess(0.9, f"its columns are those of the table {name}")


def bring(loading: Loading, path: Path, import_id: int, name: str) -> Ending:
    """Bring the rows of one table."""
    table, total = TABLES[name], Merged()
    for rows in pieces(path, loading.log):
        _check_keys(table, rows)
        good = sound(loading, table, path.name, rows)
        merged = merge(loading.transaction, name, good, import_id)
        total = Merged(*(a + b for a, b in zip(total, merged, strict=True)))
    if not sum(total):
        return Ending(BAD_DATA, "no row could be taken; see the findings", {})
    return ending_of(total)


def _check_keys(table: Table, rows: pl.DataFrame) -> None:
    """Raise InputRefusedError for a file that was stated to be a table, and can't be it."""
    needed = [key for key in table.keys if key not in (*_OPTIONAL_KEYS, *rows.columns)]
    if needed:
        raise InputRefusedError(f"the table {table.name} needs {', '.join(needed)}")


def _year(text: str) -> str | None:
    try:
        return str(SchoolYear.parse_file_year(text))
    except ValueError:
        return None


def _grade(text: str) -> str | None:
    try:
        return parse_grade(text)
    except ValueError:
        return None


def _availability(text: str) -> str | None:
    spelled = text.strip().lower()
    return spelled if spelled in AVAILABILITY else None


_SPELLINGS = {"school_year": _year, "test_grade": _grade, "availability": _availability}


def sound(
    loading: Loading,
    table: Table,
    shown: str,
    rows: pl.DataFrame,
    spelled: Collection[str] = _SPELLINGS.keys(),
) -> pa.Table:
    """Rows of text as the table's types; a row with a cell that can't be so is left out.

    `spelled`: columns whose values may be written in several ways.
    """
    given = [field for field in table.fields if field.name in rows.columns]
    cells = rows.select(ROW, *(_cell(field, spelled).alias(field.name) for field in given))
    bad = pl.Series([False] * rows.height, dtype=pl.Boolean)
    for field in given:
        is_blank = rows[field.name] == ""
        is_wrong = (cells[field.name].is_null() & ~is_blank) | (
            is_blank if field.is_key and not may_be_blank(table.name, field.name) else False
        )
        bad |= is_wrong
        _tell(loading, shown, field, rows.filter(is_wrong))
    missing = [
        pl.lit("").alias(field.name)
        for field in table.fields
        if field.is_key and field.type == "text" and field not in given
    ]
    return cells.filter(~bad).drop(ROW).with_columns(*missing).to_arrow()


def _cell(field: Field, spelled: Collection[str]) -> pl.Expr:
    """A column of text as a field's type, in the spelling that the warehouse compares by."""
    column = pl.col(field.name)
    if field.name in spelled:
        written = column.map_elements(_SPELLINGS[field.name], return_dtype=pl.String)
        return pl.when(column != "").then(written).otherwise(typed(column, field))
    value = typed(column, field)
    if field.privacy == "student_id":
        return pl.when(~column.str.contains(_EXPONENT)).then(value)
    return value


_EXPONENT = r"^\d(\.\d+)?[eE]\+?\d+$"
"""A number that a spreadsheet wrote: an identifier so written has lost its last digits."""


def may_be_blank(table: str, key: str) -> bool:
    """Whether a key of a table may be blank; that means something of its own then."""
    return (table, key) in _BLANK_KEYS or key in _OPTIONAL_KEYS


_BLANK_KEYS = {
    ("local_id", "entity_id"), ("enrollment", "entered_on"), ("el_status", "began_on"),
    ("program_participation", "began_on"), ("testing_window", "lea_id"),
    ("testing_window", "assessment_type"), ("testing_window", "subject"),
    ("availability", "lea_id"), ("availability", "subject"), ("accommodation_used", "segment"),
}  # fmt: skip


def _tell(loading: Loading, shown: str, field: Field, wrong: pl.DataFrame) -> None:
    is_private = field.privacy not in ("public", "internal")
    for row, text in wrong.select(ROW, field.name).iter_rows():
        value = f"({len(text)} characters)" if is_private and text else text
        loading.log.add(
            "column_value", file=shown, row=row, field=field.name, value=value,
            expected=_WORDS.get(field.name, _EXPECTED[field.type]),
        )  # fmt: skip


_WORDS = {
    "school_year": "a school year as in 2018-19", "test_grade": "a grade as in 05",
    "availability": ", ".join(AVAILABILITY),
}  # fmt: skip
_EXPECTED = {
    "text": "filled, and written out", "int8": "a whole number", "int32": "a whole number",
    "int64": "a whole number", "real": "a number", "flag": "true or false",
    "day": "a day as in 2019-06-30", "instant": "a moment as in 2019-06-30T09:00:00",
}  # fmt: skip


def typed(column: pl.Expr, field: Field) -> pl.Expr:
    """A column of text as a field's type; what can't be it, and blanks, are empty.

    Text keys stay blank rather than empty, so that they can be compared.
    """
    trimmed = column.str.strip_chars()
    filled = pl.when(trimmed != "").then(trimmed)
    match field.type:
        case "text":
            return trimmed if field.is_key else filled
        case "flag":
            return filled.str.to_lowercase().replace_strict(
                _FLAGS, default=None, return_dtype=pl.Boolean
            )  # fmt: skip
        case "day":
            return filled.str.to_date("%Y-%m-%d", strict=False)
        case "instant":
            return instant(filled)
        case "real":
            number = filled.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
    return filled.cast(_WHOLE[field.type], strict=False)


_WHOLE: dict[str, type[pl.DataType]] = {"int8": pl.Int8, "int32": pl.Int32, "int64": pl.Int64}


KINDS = tuple(
    Kind(
        name,
        f"table {name} in the warehouse's own form",
        _RANKS[table.group],
        partial(recognise, name=name),
        partial(bring, name=name),
    )
    for name, table in TABLES.items()
    if table.group not in _CLOSED
)
