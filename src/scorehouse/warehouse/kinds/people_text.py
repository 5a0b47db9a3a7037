"""Files about people as text: pieces of rows, and cells that become values or findings.

Values that files write in several ways stand in `people_values.csv` beside this module: codes of
California's student layouts, and the words that the simulation writes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.errors import InputRefusedError
from scorehouse.intake.canonical import as_text
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.delimited import is_utf8, read_batches
from scorehouse.intake.readers.identify import FileKind, identify

ROW: Final = "row_number_"
"""The column with a row's number in its file, from 1, the header not counted."""

PIECE = 250_000
RACES = (
    "hispanic_or_latino", "american_indian_or_alaska_native", "asian",
    "black_or_african_american", "white", "native_hawaiian_or_other_pacific_islander",
    "filipino", "two_or_more_races",
)  # fmt: skip
_OF_ANY_RACE = ("hispanic_or_latino", "two_or_more_races")
DAY_FORMATS = ("%Y-%m-%d", "%Y%m%d")
"""How days are written where nothing else is declared; both can be read in one way only."""


def pieces(
    path: Path, log: FindingLog, *, delimiter: str = "", encoding: str = "", shown: str = ""
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a delimited or Parquet file as text without outer blanks.

    Rows that can't be split are findings. `encoding` blank: UTF-8.
    """
    name = shown or path.name
    if identify(path) is FileKind.PARQUET:
        yield from _parquet_pieces(path)
    elif encoding or is_utf8(path, name, log):
        try:
            yield from _text_pieces(path, name, log, delimiter, encoding or "utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputRefusedError(f"the text is not {encoding}, as was declared") from error


def _parquet_pieces(path: Path) -> Iterator[pl.DataFrame]:
    first = 1
    try:
        for batch in pq.ParquetFile(path).iter_batches(PIECE):
            table = pa.Table.from_batches([batch])
            texts = pa.table({name: as_text(table[name]) for name in table.column_names})
            yield _numbered(texts, first)
            first += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise InputRefusedError("the Parquet file is damaged, or holds no plain table") from error


def _text_pieces(
    path: Path, shown: str, log: FindingLog, delimiter: str, encoding: str
) -> Iterator[pl.DataFrame]:
    batches = read_batches(
        path, shown, log, batch_rows=PIECE, delimiter=delimiter, encoding=encoding
    )
    for batch in batches:
        for place, found in batch.odd:
            rule = "csv_row_short" if found < len(batch.columns) else "csv_row_long"
            row = batch.first_row + place
            log.add(rule, file=shown, row=row, found=found, expected=len(batch.columns))
        odd = [batch.first_row + place for place, _ in batch.odd]
        rows = _numbered(pa.table(batch.columns), batch.first_row)
        yield rows.filter(~pl.col(ROW).is_in(odd)).with_columns(pl.col(pl.String).str.strip_chars())


def _numbered(table: pa.Table, first: int) -> pl.DataFrame:
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found.with_columns(pl.int_range(first, first + pl.len(), dtype=pl.Int64).alias(ROW))


# --- cells ---


@cache
def words(field: str) -> Mapping[str, str]:
    """What is written for a field, in capitals -> what it becomes."""
    text = resources.files(__package__).joinpath("people_values.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["value"]: row["becomes"] for row in rows if row["field"] == field}


def filled(column: pl.Expr) -> pl.Expr:
    """A column of text; blank cells are empty."""
    return pl.when(column != "").then(column)


def known(column: pl.Expr, field: str) -> pl.Expr:
    """Cells as the words of a field; unknown ones are empty."""
    return column.str.to_uppercase().replace_strict(
        dict(words(field)), default=None, return_dtype=pl.String
    )


def flag(column: pl.Expr) -> pl.Expr:
    """Cells as yes or no; others are empty."""
    return known(column, "flag").replace_strict(
        {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
    )


def day(column: pl.Expr, formats: tuple[str, ...] = DAY_FORMATS) -> pl.Expr:
    """Cells as days; those that can't be are empty."""
    return pl.coalesce(column.str.to_date(form, strict=False) for form in formats)


def grade(column: pl.Expr) -> pl.Expr:
    """A grade with two characters: one digit gets its zero."""
    return filled(
        pl.when(column.str.contains(r"^\d$")).then(pl.lit("0") + column).otherwise(column)
    )


def races(code: pl.Expr) -> list[pl.Expr]:
    """The flags of one race or ethnicity.

    Hispanic or Latino students are of any race, and of two or more races the code doesn't say
    which: what it doesn't say stays empty.
    """
    name = filled(code)
    return [
        pl.when(name == race).then(True)
        .when(name.is_not_null() & (~name.is_in(_OF_ANY_RACE) | (race in _OF_ANY_RACE[:1])))
        .then(False).alias(race)
        for race in RACES
    ]  # fmt: skip


def tell_cells(
    log: FindingLog,
    shown: str,
    rows: pl.DataFrame,
    column: str,
    read: pl.Expr,
    expected: str,
    field: str = "",
) -> None:
    """Say of each filled cell that couldn't be read that it was left empty.

    `field` names the column as the file does, where `rows` name it otherwise.
    """
    bad = rows.filter((pl.col(column) != "") & read.is_null()).select(ROW)
    for row in bad[ROW].to_list():
        log.add("people_cell", file=shown, row=row, field=field or column, expected=expected)
