"""Reading and writing the state's academic indicator files: tab-separated, or as a workbook."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

from scorehouse.errors import UsageError
from scorehouse.exports.academic_layout import AcademicLayout, academic_layouts, recognized_layout
from scorehouse.exports.research_write import rounded
from scorehouse.intake.long_cells import each_record

_DECIMALS = {"tenths": 1, "hundredths": 2}
_BOTH_SUBJECTS = {"ELA": "ELA", "MATH": "Math"}

Cell = str | int | Fraction | None
"""A text, a count, an exact number still to be rounded, or nothing."""

Say = Callable[[int, str, str], None]
"""Told the record's number, the column and what is wrong with it."""


@dataclass(frozen=True)
class AcademicFile:
    """A file that was read: rows map what a column holds to its text, blank where empty.

    `layout` is the earliest form it has; `absent` are columns of the form that the file lacks,
    `unknown` those it has beside the form's.
    """

    layout: AcademicLayout
    rows: tuple[Mapping[str, str], ...]
    absent: tuple[str, ...]
    unknown: tuple[str, ...]


def read_academic(stream: IO[bytes], say: Say = lambda _row, _column, _why: None) -> AcademicFile:
    """Read a state's file.

    A record with another count of cells than the header is told and left out. Raises
    UsageError when the header is no academic indicator file's.
    """
    records = records_of(decoded(stream.read()))
    header = [name.strip() for name in next(records, [])]
    layout = recognized_layout(header)
    if layout is None:
        raise UsageError("the header is none of a known academic indicator file")
    names = {column.header.casefold(): column.what for column in layout.columns}
    places = [names.get(name.casefold(), "") for name in header]
    return AcademicFile(
        layout,
        tuple(_rows(records, places, len(header), say)),
        tuple(c.header for c in layout.columns if c.what not in places),
        tuple(name for name, what in zip(header, places, strict=True) if not what),
    )


def _rows(
    records: Iterable[Sequence[str]], places: Sequence[str], width: int, say: Say
) -> Iterator[dict[str, str]]:
    for number, record in enumerate(records, start=1):
        if why := unfit(record, width):
            say(number, "", why)
            continue
        yield {what: cell.strip() for what, cell in zip(places, record, strict=True) if what}


def records_of(text: str) -> Iterator[list[str]]:
    """Records that hold anything, whatever ends their lines; one that can't be read is empty."""
    delimiter = "\t" if "\t" in text.split("\n", 1)[0] else ","
    return each_record(csv.reader(io.StringIO(text, newline=None), delimiter=delimiter))


def unfit(record: Sequence[str], width: int) -> str:
    """Why a record isn't one of its file; blank: it is.

    >>> unfit([], 2), unfit(["1"], 2), unfit(["1", "2"], 2)
    ('a cell is longer than any that is read', '1 cells where the header has 2', '')
    """
    if not record:
        return "a cell is longer than any that is read"
    return "" if len(record) == width else f"{len(record)} cells where the header has {width}"


def decoded(content: bytes) -> str:
    """UTF-8, UTF-16 with its mark, else the code page of older files."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def subject_of(row: Mapping[str, str], file_name: str) -> str:
    """The subject of a row: as it says, else as its file's name does; blank: neither does.

    >>> subject_of({}, "mathdownload2018.txt"), subject_of({"indicator": "ELA"}, "a.txt")
    ('Math', 'ELA')
    """
    said = _BOTH_SUBJECTS.get(row.get("indicator", "").upper(), "")
    name = file_name.casefold()
    by_name = "Math" if name.startswith("math") else "ELA" if name.startswith("ela") else ""
    return said or by_name


def dashboard_of(file: AcademicFile, row: Mapping[str, str]) -> str:
    """The Dashboard of a row: of its reporting year, else the only one whose files look so.

    Blank: it can't be told.
    """
    every = [layout for layout in academic_layouts() if layout.columns == file.layout.columns]
    alike = [name for layout in every for name in layout.dashboards]
    year = row.get("reporting_year", "")
    if not year:
        return alike[0] if len(alike) == 1 else ""
    others = [name for layout in academic_layouts() for name in layout.dashboards]
    return next((name for name in (*alike, *others) if name.startswith(year)), "")


def academic_lines(rows: Iterable[Mapping[str, Cell]], layout: AcademicLayout) -> Iterator[bytes]:
    """A file of the state's form, its header first: tab-separated UTF-8, lines ending in CR LF.

    Exact numbers are rounded half away from zero to what the column shows.
    """
    yield _line([column.header for column in layout.columns])
    for row in rows:
        yield _line([_written(row.get(column.what), column.kind) for column in layout.columns])


def _written(cell: Cell, kind: str) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Fraction) and kind in _DECIMALS:
        text = rounded(cell, _DECIMALS[kind])
        return text.rstrip("0").rstrip(".") if kind == "hundredths" else text
    return " ".join(str(cell).split())


def _line(cells: Sequence[str]) -> bytes:
    return "\t".join(cells).encode() + b"\r\n"
