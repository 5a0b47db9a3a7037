"""Small tables (packages) from CSV or Parquet as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.intake.canonical import as_text
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.delimited import is_utf8, read_batches, read_header
from scorehouse.intake.readers.identify import FileKind, identify


class TextRow(NamedTuple):
    """A row of a small table; every cell is text without outer blanks."""

    number: int  # from 1, the header not counted
    cells: Mapping[str, str]

    def get(self, column: str) -> str:
        """Return a cell; blank when the table has no such column."""
        return self.cells.get(column, "")


def columns_of(path: Path) -> list[str]:
    """Return a table's column names; none when it is no table or can't be read."""
    try:
        kind = identify(path)
        if kind is FileKind.PARQUET:
            return list(pq.read_schema(path).names)
        return read_header(path) if kind is FileKind.CSV else []
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        return []


def text_rows(path: Path, log: FindingLog) -> Iterator[TextRow]:
    """Yield all rows of a small table; rows that can't be read are findings."""
    if identify(path) is FileKind.PARQUET:
        yield from _parquet_rows(path)
    elif is_utf8(path, path.name, log):
        yield from _csv_rows(path, log)


def _parquet_rows(path: Path) -> Iterator[TextRow]:
    table = pq.read_table(path)
    texts = pa.table({name: as_text(_plain(table[name])) for name in table.column_names})
    for number, cells in enumerate(texts.to_pylist(), 1):
        yield TextRow(number, cells)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write numbers as text that reads back to the same number."""
    if pa.types.is_floating(column.type):
        return pa.chunked_array([["" if v is None else repr(v) for v in column.to_pylist()]])
    return column


def _csv_rows(path: Path, log: FindingLog) -> Iterator[TextRow]:
    for batch in read_batches(path, path.name, log):
        odd = dict(batch.odd)
        names = list(batch.columns)
        columns = zip(*(batch.columns[name].to_pylist() for name in names), strict=True)
        for place, cells in enumerate(columns):
            number = batch.first_row + place
            if place in odd:
                rule = "csv_row_short" if odd[place] < len(names) else "csv_row_long"
                log.add(rule, file=path.name, row=number, found=odd[place], expected=len(names))
            else:
                stripped = [cell.strip() for cell in cells]
                yield TextRow(number, dict(zip(names, stripped, strict=True)))
