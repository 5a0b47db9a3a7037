"""Tables, as text or Parquet, without the rows of some students or years."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scorehouse.intake.canonical import as_text
from scorehouse.intake.readers.identify import DELIMITERS
from scorehouse.warehouse.going import (
    LINK,
    LINKED,
    SITTING_COLUMNS,
    STUDENT_COLUMNS,
    YEAR_COLUMNS,
    Counted,
    Going,
    bare,
)

_LONGEST = 1 << 20  # a stray quote doesn't join more than this into one row
_MARK = b"\xef\xbb\xbf"
_BATCH = 50_000


class Places(NamedTuple):
    """Where in a row the columns stand that tell whom it is about."""

    students: tuple[int, ...]
    years: tuple[int, ...]
    sittings: tuple[int, ...]
    links: tuple[int, ...]
    own_link: int  # -1: none

    @classmethod
    def of(cls, header: Sequence[str]) -> Places:
        """The places in a header."""
        names = [bare(name) for name in header]
        linked = LINKED | ({LINK} if "birthdate" in names else set())
        own = names.index(LINK) if LINK in names else -1
        students, years, sittings, links = (
            tuple(place for place, name in enumerate(names) if name in wanted)
            for wanted in (STUDENT_COLUMNS, YEAR_COLUMNS, SITTING_COLUMNS, linked)
        )
        return cls(students, years, sittings, links, own)


def delimiter_of(line: str) -> str:
    """The delimiter of a header."""
    return max((*DELIMITERS, "^"), key=line.count)


def rewrite_text(source: IO[bytes], target: IO[bytes] | None, going: Going) -> Counted:
    """Copy a delimited text without the rows that go; the others stay byte by byte.

    Without a target nothing is written: only the sittings and links of what goes are noted.
    """
    counted, places, delimiter = Counted(), None, ""
    for record in records(source):
        line = record.removeprefix(_MARK).decode("latin-1")
        if places is None:
            if line.strip() and not line.lstrip().startswith("#"):
                delimiter = delimiter_of(line)
                places = Places.of(_cells(line, delimiter))
        elif line.strip():
            cells = _cells(line, delimiter)
            if is_gone(cells, places, going, record):
                note(cells, places, going)
                counted.dropped += 1
                continue
            counted.kept += 1
        if target is not None:
            covered = going.needles.masked(record)
            counted.masked += covered != record
            target.write(covered)
    return counted


def records(source: IO[bytes]) -> Iterator[bytes]:
    """Rows of a delimited text, with the line breaks inside quotes."""
    held = b""
    for line in _lines(source):
        held += line
        if held.count(b'"') % 2 == 0 or len(held) > _LONGEST:
            yield held
            held = b""
    if held:
        yield held


def _lines(source: IO[bytes]) -> Iterator[bytes]:
    first = source.readline()
    if not first.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield first
        yield from iter(source.readline, b"")
        return
    text = (first + source.read()).decode("utf-16", "replace")
    yield from text.encode().splitlines(keepends=True)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        row = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        row = line.split(delimiter)
    return [cell.strip() for cell in row]


def is_gone(cells: Sequence[str], places: Places, going: Going, record: bytes) -> bool:
    """Whether a row is of a student, a year, a sitting or a link that goes."""
    students = _at(cells, places.students)
    if going.needles.are_values(students):
        return True
    if any(map(going.is_year, _at(cells, places.years))):
        return True
    if any(link in going.links for link in _at(cells, places.links) if link):
        return True
    if not any(students):
        if any(one in going.sittings for one in _at(cells, places.sittings)):
            return True
        if not places.students:
            return going.needles.are_values(cells) or going.needles.count(record) > 0
    return False


def note(cells: Sequence[str], places: Places, going: Going) -> None:
    """Note by what else a row that goes is named elsewhere in its payload."""
    going.sittings.update(filter(None, _at(cells, places.sittings)))
    if 0 <= places.own_link < len(cells):
        going.links.add(cells[places.own_link])


def _at(cells: Sequence[str], places: tuple[int, ...]) -> list[str]:
    return [cells[place] for place in places if place < len(cells)]


# --- Parquet ---


def rewrite_parquet(path: Path, target: Path | None, going: Going) -> Counted:
    """Copy a Parquet file without the rows that go."""
    counted, file = Counted(), pq.ParquetFile(path)
    places = Places.of(file.schema_arrow.names)
    writer = pq.ParquetWriter(target, file.schema_arrow, compression="zstd") if target else None
    try:
        for batch in file.iter_batches(_BATCH):
            rows = pa.Table.from_batches([batch])
            gone = _gone_rows(rows, places, going)
            left = rows.filter(pa.array([not one for one in gone], pa.bool_()))
            counted.dropped += rows.num_rows - left.num_rows
            counted.kept += left.num_rows
            if writer is not None:
                covered = _covered(left, going)
                counted.masked += covered is not left
                writer.write_table(covered)
    finally:
        if writer is not None:
            writer.close()
    return counted


def _gone_rows(rows: pa.Table, places: Places, going: Going) -> list[bool]:
    wanted = sorted({*places.students, *places.years, *places.sittings, *places.links,
                     *({places.own_link} - {-1})})  # fmt: skip
    if not places.students:
        wanted = list(range(rows.num_columns))
    columns = {place: _texts(rows.column(place)) for place in wanted}
    gone: list[bool] = []
    for row in range(rows.num_rows):
        cells = [""] * rows.num_columns
        for place, texts in columns.items():
            cells[place] = texts[row]
        record = b"" if places.students else "\0".join(cells).encode()
        gone.append(is_gone(cells, places, going, record))
        if gone[-1]:
            note(cells, places, going)
    return gone


def _texts(column: pa.ChunkedArray) -> list[str]:
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        return [str(value) for value in column.to_pylist()]
    return [(value or "").strip() for value in as_text(column).to_pylist()]


def _covered(rows: pa.Table, going: Going) -> pa.Table:
    """The rows with the identifiers masked that they mention."""
    for place, field in enumerate(rows.schema):
        if not (pa.types.is_string(field.type) or pa.types.is_large_string(field.type)):
            continue
        texts = rows.column(place)
        joined = "\0".join(filter(None, pc.unique(texts).to_pylist())).encode()
        if going.needles.count(joined):
            covered = [
                text if text is None else going.needles.masked(text.encode()).decode()
                for text in texts.to_pylist()
            ]
            rows = rows.set_column(place, field, pa.chunked_array([covered], field.type))
    return rows
