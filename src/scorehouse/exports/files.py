"""A table as a file by its suffix, with what its columns mean beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Protocol

import polars as pl
import pyarrow.parquet as pq

from scorehouse.errors import UsageError
from scorehouse.exports.csv_file import CsvFile
from scorehouse.exports.workbook import Notes, Workbook
from scorehouse.intake.findings import replacing

DICTIONARY_SUFFIX = ".columns.csv"


class TableFile(Protocol):
    """A file that is written piece by piece."""

    def write(self, rows: pl.DataFrame) -> None:
        """Write some more rows."""

    def close(self) -> None:
        """End the file."""


class _ParquetFile:
    def __init__(self, stream: IO[bytes], empty: pl.DataFrame) -> None:
        self._columns = empty.columns
        self._schema = empty.to_arrow().schema
        self._writer = pq.ParquetWriter(stream, self._schema, compression="zstd")

    def write(self, rows: pl.DataFrame) -> None:
        self._writer.write_table(rows.select(self._columns).to_arrow().cast(self._schema))

    def close(self) -> None:
        self._writer.close()


_Opened = Callable[[IO[bytes], pl.DataFrame, Notes], TableFile]
_FORMS: dict[str, _Opened] = {
    ".csv": lambda stream, empty, _notes: CsvFile(stream, empty.columns),
    ".xlsx": lambda stream, empty, notes: Workbook(stream, empty.columns, notes),
    ".parquet": lambda stream, empty, _notes: _ParquetFile(stream, empty),
}
SUFFIXES = tuple(_FORMS)


def check_suffix(path: Path) -> None:
    """Raise UsageError for a file whose form isn't known."""
    if path.suffix.lower() not in _FORMS:
        raise UsageError(f"{path.name}: the file ends in {', '.join(SUFFIXES)}")


def write_file(path: Path, pieces: Iterable[pl.DataFrame], schema: pl.Schema, notes: Notes) -> int:
    """Write a table piece by piece, and beside it the meaning of its columns.

    Both appear when everything was written, or not at all. Lists and structs are written as
    text in CSV and Excel. Return the number of rows. Raises UsageError for an unknown suffix.
    """
    check_suffix(path)
    suffix = path.suffix.lower()
    flat = suffix != ".parquet"
    empty = pl.DataFrame(schema=schema)
    rows = 0
    with (
        replacing(path) as stream,
        closing(_FORMS[suffix](stream, flattened(empty) if flat else empty, notes)) as file,
    ):
        for piece in pieces:
            file.write(flattened(piece) if flat else piece)
            rows += len(piece)
    write_dictionary(path.with_name(path.name + DICTIONARY_SUFFIX), notes.columns)
    return rows


def flattened(rows: pl.DataFrame) -> pl.DataFrame:
    """Lists as text, their values joined by `|`; what a list lacks keeps its place.

    >>> flattened(pl.DataFrame({"counts": [[3, 4], [None, 7], [None, None]]}))["counts"].to_list()
    ['3|4', '|7', '']
    """
    lists = [name for name, kind in rows.schema.items() if isinstance(kind, pl.List)]
    return rows.with_columns(_joined(name) for name in lists)


def _joined(name: str) -> pl.Expr:
    values = pl.col(name).cast(pl.List(pl.String))
    text = values.list.eval(pl.element().fill_null("")).list.join("|")
    is_blank = values.list.drop_nulls().list.len() == 0
    return pl.when(is_blank).then(pl.lit("")).otherwise(text).alias(name)


def write_dictionary(path: Path, columns: Sequence[tuple[str, str]]) -> None:
    """Write the names of columns and what they mean."""
    rows = pl.DataFrame(columns, schema={"column": pl.String, "meaning": pl.String}, orient="row")
    with replacing(path) as stream:
        CsvFile(stream, rows.columns).write(rows)
