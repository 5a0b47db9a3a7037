"""Writing the two tables: CSV by RFC 4180, required columns first and in their order."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO

import polars as pl
import pyarrow as pa

from scorehouse.errors import UsageError
from scorehouse.intake.findings import FindingLog, replacing
from scorehouse.intake.results import ResultChunk
from scorehouse.result_shapes import (
    OPTIONAL_ITEM_COLUMNS,
    OPTIONAL_TEST_COLUMNS,
    REQUIRED_ITEM_COLUMNS,
    REQUIRED_TEST_COLUMNS,
    RESULT,
)
from scorehouse.stop import STOP

_MOST_FILES = 200  # open at a time: far more than there are subjects and grades
_FORMULA = r"^[=+\-@\t\r]"
_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"


class SplitBy(StrEnum):
    """What each pair of files holds one of."""

    SUBJECT = "subject"
    GRADE = "grade"


_SPLIT_COLUMNS = {SplitBy.SUBJECT: "Subject", SplitBy.GRADE: "TestGrade"}


@dataclass(frozen=True)
class WrittenTables:
    """What was written: file names, and how many rows of each table."""

    files: tuple[str, ...]
    tests: int
    items: int


def columns_written(optional_columns: bool | Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the columns of the test and the item table that are written."""
    if isinstance(optional_columns, bool):
        known = (*OPTIONAL_TEST_COLUMNS, *OPTIONAL_ITEM_COLUMNS)
        chosen = set(known if optional_columns else ())
    else:
        chosen = set(optional_columns)
    tests = [name for name in OPTIONAL_TEST_COLUMNS if name in chosen]
    items = [name for name in OPTIONAL_ITEM_COLUMNS if name in chosen]
    return [*REQUIRED_TEST_COLUMNS, *tests], [*REQUIRED_ITEM_COLUMNS, *items]


def write_two_tables(
    chunks: Iterable[ResultChunk],
    folder: Path,
    *,
    optional_columns: bool | Sequence[str] = False,
    split_by: SplitBy | None = None,
    spreadsheet_safe: bool = False,
    log: FindingLog | None = None,
) -> WrittenTables:
    """Write `tests.csv` and `items.csv`, or a pair for each subject or grade.

    UTF-8 without a byte order mark, CRLF, quotation marks only where they are needed. Values
    are written as they stand, also those that a spreadsheet takes for formulas (told in a
    finding), unless `spreadsheet_safe` puts an apostrophe before them: such files no longer
    convert back to what they were. All files appear when everything was written, or none.
    """
    with TableWriter(
        folder,
        optional_columns=optional_columns,
        split_by=split_by,
        spreadsheet_safe=spreadsheet_safe,
        log=log,
    ) as writer:
        for chunk in chunks:
            writer.write(chunk)
    return writer.written


@dataclass
class TableWriter:
    """Writes results chunk by chunk; see `write_two_tables`."""

    folder: Path
    optional_columns: bool | Sequence[str] = False
    split_by: SplitBy | None = None
    spreadsheet_safe: bool = False
    log: FindingLog | None = None
    _streams: dict[str, IO[bytes]] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _formulas: Counter[str] = field(default_factory=Counter)
    _rows: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> TableWriter:
        self._stack.enter_context(_there(self.folder))
        self.test_columns, self.item_columns = columns_written(self.optional_columns)
        if self.split_by is None:
            self._open("tests.csv", self.test_columns)
            self._open("items.csv", self.item_columns)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                with STOP.after():  # all tables, or none
                    self._stack.close()
        finally:
            self._stack.__exit__(*(sys.exc_info() if error is None else (kind, error, trace)))
        if error is None and self.log is not None:
            rule = "csv_formula_neutralized" if self.spreadsheet_safe else "csv_formula"
            for name, count in self._formulas.items():
                self.log.add(rule, field=name, count=count)

    @property
    def written(self) -> WrittenTables:
        """What has been written."""
        return WrittenTables(tuple(sorted(self._streams)), self._rows["tests"], self._rows["items"])

    def write(self, chunk: ResultChunk) -> None:
        """Add the results of a chunk; item rows without a test are not written."""
        tests, items = _frame(chunk.tests), _frame(chunk.items).filter(pl.col(RESULT) >= 0)
        if self.split_by is None:
            self._write("tests.csv", tests, self.test_columns)
            self._write("items.csv", items, self.item_columns)
            return
        suffix = _file_part(pl.col(_SPLIT_COLUMNS[self.split_by]))
        parts = tests.with_columns(suffix.alias("scorehouse_part"))
        for (part,), some in parts.group_by("scorehouse_part", maintain_order=True):
            self._write(f"tests-{part}.csv", some, self.test_columns)
            theirs = items.join(some.select(RESULT), on=RESULT, how="semi", maintain_order="left")
            self._write(f"items-{part}.csv", theirs, self.item_columns)

    def _open(self, name: str, columns: Sequence[str]) -> IO[bytes]:
        if name not in self._streams:
            if len(self._streams) >= _MOST_FILES:
                raise UsageError(
                    f"the results have more than {_MOST_FILES // 2} values of "
                    f"{self.split_by}; write them without splitting, and look at that column"
                )
            self._streams[name] = self._stack.enter_context(replacing(self.folder / name))
            self._streams[name].write(",".join(columns).encode() + b"\r\n")
        return self._streams[name]

    def _write(self, name: str, rows: pl.DataFrame, columns: Sequence[str]) -> None:
        stream = self._open(name, columns)
        self._rows[name.partition(".")[0].partition("-")[0]] += rows.height
        cells = self._guarded(rows.select(columns))
        blank_as_nothing = [pl.when(pl.col(c) != "").then(pl.col(c)).alias(c) for c in columns]
        cells.select(blank_as_nothing).write_csv(
            stream, include_header=False, line_terminator="\r\n", quote_style="necessary"
        )

    def _guarded(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Count what a spreadsheet would take for a formula; neutralize it if asked to."""
        is_risky = {name: _is_formula(name) for name in cells.columns}
        counts = cells.select(**{n: e.sum() for n, e in is_risky.items()}).row(0, named=True)
        found = [name for name, count in counts.items() if count]
        for name in found:
            self._formulas[name] += counts[name]
        if not self.spreadsheet_safe:
            return cells
        return cells.with_columns(
            **{
                name: pl.when(is_risky[name]).then("'" + pl.col(name)).otherwise(pl.col(name))
                for name in found
            }
        )


@contextmanager
def _there(folder: Path) -> Iterator[None]:
    """Make a folder; one that wasn't there goes again in an error, unless it holds something."""
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _is_formula(name: str) -> pl.Expr:
    text = pl.col(name)
    return text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)


def _file_part(column: pl.Expr) -> pl.Expr:
    """Make a value safe as part of a file's name, whatever stands in it."""
    return column.fill_null("").map_batches(
        lambda texts: pl.Series([_plain(text) for text in texts], dtype=pl.String),
        return_dtype=pl.String,
    )


def _plain(text: str) -> str:
    """Keep letters, digits and hyphens, a few.

    >>> _plain("Math"), _plain("../x"), _plain("")
    ('Math', 'x', 'blank')
    """
    kept = re.sub(r"[^A-Za-z0-9-]+", "", text)[:20]
    return kept or "blank"
