"""CSV as RFC 4180 has it: commas, CR LF, quotes where needed, and no formula for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import IO

import polars as pl

_FORMULA = r"^[=+\-@\t\r]"


class CsvFile:
    """A CSV file that is written piece by piece, its header first."""

    def __init__(self, stream: IO[bytes], columns: Sequence[str]) -> None:
        self._stream = stream
        self._columns = list(columns)
        header = io.StringIO()
        csv.writer(header, lineterminator="\r\n").writerow(self._columns)
        stream.write(header.getvalue().encode())

    def write(self, rows: pl.DataFrame) -> None:
        """Write some more rows; a null is nothing between commas."""
        self._stream.write(
            plain(rows.select(self._columns))
            .write_csv(
                include_header=False, line_terminator="\r\n", datetime_format="%Y-%m-%dT%H:%M:%S"
            )
            .encode()
        )

    def close(self) -> None:
        """Nothing is left to write."""


def plain(rows: pl.DataFrame) -> pl.DataFrame:
    """Texts that begin as a formula get an apostrophe; empty texts become nulls.

    >>> plain(pl.DataFrame({"name": ["=1+1", "Quill", ""]}))["name"].to_list()
    ["'=1+1", 'Quill', None]
    """
    text = pl.col(pl.String)
    safe = pl.when(text.str.contains(_FORMULA)).then("'" + text).otherwise(text)
    return rows.with_columns(pl.when(text != "").then(safe).name.keep())
