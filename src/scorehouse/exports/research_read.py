"""Reading a public research file: recognized by its header, codes filled with zeros."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO

import polars as pl

from scorehouse.errors import UsageError
from scorehouse.exports.research_layout import Column, Era, codes, recognized
from scorehouse.intake.long_cells import each_record

_WIDTHS: Mapping[str, int] = {
    "county_code": 2, "district_code": 5, "school_code": 7, "type_id": 2, "grade": 2,
    "test_id": 2, "student_group_id": 3, "group_id": 3,
}  # fmt: skip
_AT_ONCE = 50_000
_BLOCK = 1 << 20


@dataclass(frozen=True)
class ResearchFile:
    """A file that was read.

    `rows` has a column of text for everything the file's columns hold (`scored`,
    `percent:4`): blank where the file has none, the code of hidden values (`*`) where it
    hides one. `refused` has the numbers of records with another count of cells than the
    header, which are left out.
    """

    file: str
    era: Era
    rows: pl.DataFrame
    refused: tuple[int, ...]


def read(stream: IO[bytes]) -> ResearchFile:
    """Read a file of any era, from a stream that can go back to its beginning.

    Raises UsageError when its header belongs to no known one.
    """
    text = io.TextIOWrapper(stream, _encoding(stream), errors="replace", newline="")
    records = _records(text)
    found = recognized(next(records, []))
    if found is None:
        raise UsageError("the header is none of a known public research file")
    file, era = found
    columns = era.files[file]
    frames, refused, number = [_frame([], columns)], list[int](), 1
    while some := list(islice(records, _AT_ONCE)):
        whole = [record for record in some if len(record) == len(columns)]
        refused += [number + place for place, record in enumerate(some, start=1)
                    if len(record) != len(columns)]  # fmt: skip
        frames.append(_frame(whole, columns))
        number += len(some)
    text.detach()
    return ResearchFile(file, era, pl.concat(frames), tuple(refused))


def _records(text: io.TextIOWrapper) -> Iterator[list[str]]:
    first = text.readline()
    text.seek(0)
    if "^" in first:
        lines = (line.rstrip("\r\n") for line in text)
        yield from (line.split("^") for line in lines if line)
        return
    delimiter = "," if "," in first else "\t"
    yield from each_record(csv.reader(text, delimiter=delimiter))


def _encoding(stream: IO[bytes]) -> str:
    """UTF-8 where the file is, else the code page of the state's files."""
    utf8 = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := stream.read(_BLOCK):
            utf8.decode(block)
        utf8.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        stream.seek(0)
    return "utf-8-sig"


def _frame(records: Sequence[Sequence[str]], columns: Sequence[Column]) -> pl.DataFrame:
    schema = {column.what: pl.String for column in columns}
    frame = pl.DataFrame(records, schema=schema, orient="row")
    return frame.with_columns(_filled(name) for name in schema)


def _filled(name: str) -> pl.Expr:
    """Codes have one width, whatever their era writes."""
    cell = pl.col(name).str.strip_chars()
    if name not in _WIDTHS:
        return cell
    is_code = (cell != "") & (cell != codes().hidden)
    return pl.when(is_code).then(cell.str.zfill(_WIDTHS[name])).otherwise(cell)
