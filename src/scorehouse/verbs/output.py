"""Writing a scores table as it is made: whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from scorehouse.intake.findings import replacing
from scorehouse.shapes import SCORES

SUFFIXES = (".parquet", ".csv")
_CSV = pa.csv.WriteOptions(quoting_style="needed")
_FORMULA = r"^[=+\-@\t\r]"


class TableSink(Protocol):
    """Where tables of scores go, one after another."""

    def write_table(self, table: pa.Table) -> None:
        """Write some more rows."""


class _CsvSink:
    """RFC 4180, and no text that a spreadsheet would take for a formula."""

    def __init__(self, writer: pa.csv.CSVWriter) -> None:
        self._writer = writer

    def write_table(self, table: pa.Table) -> None:
        """Write some more rows."""
        for index, field in enumerate(table.schema):
            if pa.types.is_string(field.type):
                table = table.set_column(index, field, neutralized(table.column(index)))
        self._writer.write_table(table)


def neutralized(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Put an apostrophe before texts that begin as a formula does."""
    risky = pc.match_substring_regex(texts, _FORMULA)
    if not pc.any(risky).as_py():
        return texts
    return pc.if_else(risky, pc.binary_join_element_wise("'", texts, ""), texts)


@contextmanager
def scores_sink(out: Path, schema: pa.Schema = SCORES) -> Iterator[TableSink]:
    """Open a sink by suffix; the file appears when everything was written, or not at all."""
    with replacing(out) as stream:
        if out.suffix.lower() == ".csv":
            with pa.csv.CSVWriter(stream, schema, write_options=_CSV) as writer:
                yield _CsvSink(writer)
        else:
            with pq.ParquetWriter(stream, schema, compression="zstd") as parquet:
                yield parquet


def write_table(table: pa.Table, path: Path) -> None:
    """Write a small table by suffix, whole or not at all."""
    with replacing(path) as stream:
        if path.suffix.lower() == ".csv":
            pa.csv.write_csv(table, stream, write_options=_CSV)
        else:
            pq.write_table(table, stream, compression="zstd")
