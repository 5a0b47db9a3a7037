"""Excel workbooks, written in bounded memory: data with typed cells, then what they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

MOST_ROWS = 1_048_576
"""Rows that a sheet can have, its header included."""

_WIDEST, _NARROWEST = 40, 9
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Notes:
    """What stands on the sheet of notes: sentences, then the columns and what they mean."""

    title: str
    sentences: Sequence[str]
    columns: Sequence[tuple[str, str]]


class Workbook:
    """A workbook that is written piece by piece.

    The header stays in sight, columns can be filtered, numbers are numbers and days are days.
    Data beyond the rows of a sheet go on in another. The same rows give the same bytes.
    """

    def __init__(
        self, stream: IO[bytes], columns: Sequence[str], notes: Notes, most_rows: int = MOST_ROWS
    ) -> None:
        self._book = xlsxwriter.Workbook(
            stream,
            {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
             "strings_to_numbers": False},
        )  # fmt: skip
        self._book.set_properties({"title": notes.title, "created": _EPOCH.replace(tzinfo=None)})
        self._columns = list(columns)
        self._notes = notes
        self._most_rows = most_rows
        self._bold = self._book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self._wrapped = self._book.add_format({"text_wrap": True, "valign": "top"})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._sheets = 0
        self._sheet = self._next_sheet()

    def _next_sheet(self) -> Worksheet:
        self._sheets += 1
        sheet = self._book.add_worksheet("Data" if self._sheets == 1 else f"Data {self._sheets}")
        for place, column in enumerate(self._columns):
            width = min(max(len(column) + 2, _NARROWEST), _WIDEST)
            sheet.set_column(place, place, width)
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            sheet.write_string(0, place, column, self._bold)
        self._row = 1
        return sheet

    def write(self, rows: pl.DataFrame) -> None:
        """Write some more rows; nulls are empty cells."""
        frame = rows.select(self._columns)
        writers = [self._writer(kind) for kind in frame.schema.dtypes()]
        for cells in frame.iter_rows():
            if self._row == self._most_rows:
                self._filter()
                self._sheet = self._next_sheet()
            for place, (write, cell) in enumerate(zip(writers, cells, strict=True)):
                if cell is not None:
                    write(self._sheet, self._row, place, cell)
            self._row += 1

    def _writer(self, kind: pl.DataType) -> Callable[[Worksheet, int, int, object], object]:
        if kind == pl.Boolean:
            return lambda sheet, row, place, cell: sheet.write_boolean(row, place, bool(cell))
        if kind.is_numeric():
            return lambda sheet, row, place, cell: sheet.write_number(row, place, cell)
        if kind in (pl.Date, pl.Datetime):
            return self._dated(self._day if kind == pl.Date else self._moment)
        return lambda sheet, row, place, cell: sheet.write_string(row, place, str(cell))

    @staticmethod
    def _dated(form: Format) -> Callable[[Worksheet, int, int, object], object]:
        def write(sheet: Worksheet, row: int, place: int, cell: object) -> object:
            assert isinstance(cell, date)
            return sheet.write_datetime(row, place, cell, form)

        return write

    def _filter(self) -> None:
        if self._row > 1:
            self._sheet.autofilter(0, 0, self._row - 1, len(self._columns) - 1)

    def close(self) -> None:
        """Write the notes and end the file."""
        self._filter()
        sheet = self._book.add_worksheet("Notes")
        sheet.set_column(0, 0, _WIDEST)
        sheet.set_column(1, 1, 3 * _WIDEST)
        sheet.write_string(0, 0, self._notes.title, self._bold)
        row = 1
        for sentence in self._notes.sentences:
            sheet.write_string(row, 1, sentence, self._wrapped)
            row += 1
        for name, meaning in (("Column", "Meaning"), *self._notes.columns):
            sheet.write_string(row, 0, name, self._bold)
            sheet.write_string(row, 1, meaning, self._wrapped)
            row += 1
        self._book.close()
