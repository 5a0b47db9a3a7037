"""Reading CSV as text, every cell as written, in batches; what can't be split is a finding."""

from __future__ import annotations

import csv
import io
from codecs import getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.identify import delimiter_of

_BLOCK = 1 << 20
BATCH_ROWS = 50_000
_BATCH_LETTERS = 32 << 20
_LONGEST_LINE = 16 << 20  # what follows in the same line is passed over: its row is odd


class OddRow(NamedTuple):
    """A row whose number of cells is not the header's."""

    place: int  # in the batch, from 0
    found: int


@dataclass(frozen=True)
class TextBatch:
    """Some rows as text columns. Short rows are filled with blanks, long ones cut."""

    columns: dict[str, pa.Array]
    first_row: int  # of the batch, counted from 1 without the header
    odd: list[OddRow]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def is_utf8(path: Path, shown: str, log: FindingLog) -> bool:
    """Check that a whole file is UTF-8; a fault is a finding."""
    decoder = getincrementaldecoder("utf-8")()
    done = 0
    with path.open("rb") as stream:
        block = b"."
        while block:
            block = stream.read(_BLOCK)
            waiting = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                log.add("file_encoding", file=shown, offset=done - waiting + error.start)
                return False
            done += len(block)
    return True


def read_header(path: Path) -> list[str]:
    """Return the column names of a CSV file, without blanks around them."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        delimiter = delimiter_in(stream)
        first = next(_rows(_Lines(stream), delimiter, path.name, FindingLog()), [])
    return [name.strip() for name in first]


def delimiter_in(stream: io.TextIOWrapper) -> str:
    """Return the delimiter of the first line that isn't blank; the stream begins anew."""
    line = "\n"
    while line and not line.strip("\r\n"):
        line = stream.readline(_BLOCK)
    stream.seek(0)
    return delimiter_of(line)


def read_batches(
    path: Path,
    shown: str,
    log: FindingLog,
    *,
    batch_rows: int = BATCH_ROWS,
    names: list[str] | None = None,
    has_header: bool = True,
    delimiter: str = "",
    encoding: str = "utf-8-sig",
) -> Iterator[TextBatch]:
    """Yield the rows of a UTF-8 CSV; blank lines don't count.

    The caller says what becomes of odd rows; text that can't be split at all is said here.
    `names` name the columns otherwise than the header does, or in its stead. `delimiter` blank:
    the one that splits the first line best.
    """
    with path.open(encoding=encoding, newline="") as stream:
        delimiter = delimiter or delimiter_in(stream)
        lines = _Lines(stream)
        rows = _rows(lines, delimiter, shown, log)
        header = [name.strip() for name in next(rows, [])] if has_header else []
        names = names or header
        first_row = 1
        while names and (batch := list(islice(_some(rows, lines), batch_rows))):
            yield _batch(names, batch, first_row)
            first_row += len(batch)


def _some(rows: Iterator[list[str]], lines: _Lines) -> Iterator[list[str]]:
    """Yield rows until they hold as much text as a batch may."""
    most = lines.letters + _BATCH_LETTERS
    while lines.letters < most and (row := next(rows, None)) is not None:
        yield row


class _Lines:
    """Lines of a text that remember those of the current row and can be put back."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self._waiting: list[str] = []
        self.taken: list[str] = []
        self.number = self.letters = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.pop() if self._waiting else self._next_line()
        self.taken.append(line)
        self.letters += len(line)
        self.number += 1
        return line

    def _next_line(self) -> str:
        line = self._stream.readline(_LONGEST_LINE)
        if not line:
            raise StopIteration
        rest = line
        while len(rest) == _LONGEST_LINE and rest[-1] not in "\r\n":
            rest = self._stream.readline(_LONGEST_LINE)
        return line

    def keep_first(self) -> str:
        """Put all lines of the current row back but its first, and return that one."""
        self._waiting.extend(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        return self.taken[0]


def _rows(lines: _Lines, delimiter: str, shown: str, log: FindingLog) -> Iterator[list[str]]:
    """Split lines into rows; a quotation mark never closed costs its own line only."""
    reader = csv.reader(lines, delimiter=delimiter)
    width = 0
    while True:
        lines.taken.clear()
        try:
            row = next(reader, None)
        except csv.Error as error:
            lines.keep_first()
            reader = csv.reader(lines, delimiter=delimiter)
            log.add("csv_malformed", file=shown, line=lines.number, reason=str(error))
            continue
        if row is None:
            return
        if width and len(row) != width and len(lines.taken) > 1:
            row = next(csv.reader([lines.keep_first()], delimiter=delimiter))
        if row:
            width = width or len(row)
            yield row


def _batch(names: list[str], rows: list[list[str]], first_row: int) -> TextBatch:
    width = len(names)
    odd = [OddRow(place, len(row)) for place, row in enumerate(rows) if len(row) != width]
    for place, found in odd:
        rows[place] = (rows[place] + [""] * (width - found))[:width]
    columns = zip(*rows, strict=True)
    arrays = {
        name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)
    }
    return TextBatch(arrays, first_row, odd)
