"""Tables in the warehouse's own form: columns of one of its tables, its keys among them.

This is how SSID replacements, programs, language status, enrollments, testing windows and
census days come in a form of our own, and how exported tables come back.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import polars as pl
import pyarrow as pa

from scorehouse.intake.readers.tables import TextRow, text_rows
from scorehouse.warehouse.kinds.result_rows import instant
from scorehouse.warehouse.loading import BAD_DATA, Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import Merged, merge
from scorehouse.warehouse.merge_ending import ending_of
from scorehouse.warehouse.schema import IMPORT_ID, ROW_ID, TABLES, Field, Table

_CLOSED = ("results", "imports")
_ROWS = 200_000
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
    rows = text_rows(path, loading.log)
    while batch := list(islice(rows, _ROWS)):
        typed = _typed(loading, table, path.name, batch)
        merged = merge(loading.transaction, name, typed, import_id)
        total = Merged(*(a + b for a, b in zip(total, merged, strict=True)))
    if not sum(total):
        return Ending(BAD_DATA, "no row could be taken; see the findings", {})
    return ending_of(total)


def _typed(loading: Loading, table: Table, shown: str, rows: list[TextRow]) -> pa.Table:
    """Rows of text as the table's types; a row with a cell that can't be so is left out."""
    names = [name for name in table.names if name in rows[0].cells]
    texts = pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names},
        schema=dict.fromkeys(names, pl.String),
    )
    fields = {field.name: field for field in table.fields}
    cells = texts.select(typed(pl.col(name), fields[name]).alias(name) for name in names)
    bad = pl.Series([False] * len(rows))
    for name in names:
        is_wrong = cells[name].is_null() & (texts[name].str.strip_chars() != "")
        is_keyless = (texts[name].str.strip_chars() == "") & _must_be_filled(fields[name])
        bad |= is_wrong | is_keyless
        _tell(loading, shown, rows, fields[name], texts[name], is_wrong | is_keyless)
    return cells.filter(~bad).to_arrow()


def _must_be_filled(field: Field) -> bool:
    return field.is_key and field.privacy == "student_id"


def _tell(
    loading: Loading, shown: str, rows: list[TextRow], field: Field, texts: pl.Series,
    wrong: pl.Series,
) -> None:  # fmt: skip
    for place in _places(wrong):
        loading.log.add(
            "column_value", file=shown, row=rows[place].number, field=field.name,
            value=texts[place], expected=_EXPECTED[field.type],
        )  # fmt: skip


def _places(wrong: pl.Series) -> Iterator[int]:
    yield from wrong.arg_true().to_list()


_EXPECTED = {
    "text": "filled", "int8": "a whole number", "int32": "a whole number",
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
