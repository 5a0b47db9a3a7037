"""Exporting: tables of a moment as Parquet or CSV in a new folder, with what their columns mean."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.errors import UsageError
from scorehouse.intake.whole import put, working_folder
from scorehouse.warehouse.loading import Progress
from scorehouse.warehouse.schema import (
    IMPORT_ID,
    OWNER_COLUMNS,
    OWNERS,
    ROW_ID,
    TABLES,
    Field,
    Table,
    owner_fields,
)
from scorehouse.warehouse.snapshot import Snapshot
from scorehouse.warehouse.store import Warehouse

PARQUET, CSV = "parquet", "csv"
OWN, CEDS = "own", "ceds"
DICTIONARY = "data-dictionary.csv"
_NUMBERS = (ROW_ID, IMPORT_ID)
_DICTIONARY_COLUMNS = ("table", "column", "type", "unit", "key", "privacy", "field", "ceds",
                       "origin", "meaning")  # fmt: skip


@dataclass(frozen=True)
class ExportRequest:
    """What to export. `tables` empty: all. `as_of` blank: now.

    With `headers` `ceds`, columns that the Common Education Data Standards name have that name.
    """

    out: Path
    tables: tuple[str, ...] = ()
    form: str = PARQUET
    as_of: str = ""
    headers: str = OWN


class Exported(NamedTuple):
    """A table that was written."""

    table: str
    file: str
    rows: int


def export(
    warehouse: Warehouse,
    request: ExportRequest,
    progress: Progress = lambda _done, _expected: None,
) -> list[Exported]:
    """Write what holds at a moment; the folder is there when all of it is, or not at all.

    Raises UsageError for an unknown table, and for a folder that holds something.
    """
    tables = _tables(request)
    with new_folder(request.out) as folder, warehouse.snapshot(request.as_of) as snapshot:
        done: list[Exported] = []
        for table in tables:
            done.append(_write(snapshot, table, request, folder))
            progress(len(done), len(tables))
        write_dictionary(folder / DICTIONARY, tables, request.headers)
    return done


def _tables(request: ExportRequest) -> list[Table]:
    unknown = sorted(set(request.tables) - set(TABLES))
    if unknown:
        raise UsageError(f"there is no table {unknown[0]}; there are {', '.join(TABLES)}")
    if request.form not in (PARQUET, CSV) or request.headers not in (OWN, CEDS):
        raise UsageError("the form is parquet or csv, the headers are own or ceds")
    return [TABLES[name] for name in request.tables or TABLES]


def check_new(out: Path) -> None:
    """Raise UsageError unless a folder can be made there."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not an empty folder; choose another")
    if not out.resolve().parent.is_dir():
        raise UsageError(f"the folder {out.resolve().parent} does not exist")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder that appears under its name when the block ends well, and else leaves nothing."""
    check_new(out)
    with working_folder(out.resolve()) as part:
        yield part
        put(part, out.resolve())


def _write(snapshot: Snapshot, table: Table, request: ExportRequest, folder: Path) -> Exported:
    path = folder / f"{table.name}.{request.form}"
    result = TABLES["result"]
    headed = [(table, field) for field in table.schema]
    headed += [(result, result.schema.field(field.name)) for field in owner_fields(table)]
    schema = pa.schema(
        [field.with_name(header(of, field.name, request.headers)) for of, field in headed]
    )
    rows = 0
    with _sink(path, schema, request.form) as write:
        for batch in snapshot.batches(_rows_text(table)):
            write(pa.table(batch.columns, schema=schema))
            rows += len(batch)
    return Exported(table.name, path.name, rows)


def _rows_text(table: Table) -> str:
    """The rows of a table; parts with what tells apart the sitting that they belong to."""
    columns = ", ".join(f't."{name}"' for name in table.schema.names)
    if not table.owner:
        return f'SELECT {columns} FROM "{table.name}" AS t ORDER BY t.{ROW_ID}'
    told = ", ".join(f"o.{name}" for name in OWNER_COLUMNS)
    owners = " UNION ALL ".join(_owner_text(TABLES[name]) for name in OWNERS)
    return (
        f'SELECT {columns}, {told} FROM "{table.name}" AS t LEFT JOIN ({owners}) AS o '
        f"ON o.{ROW_ID} = t.{table.owner} ORDER BY t.{ROW_ID}"
    )


def _owner_text(table: Table) -> str:
    cells = ", ".join(
        name if name in table.names else f"NULL AS {name}" for name in OWNER_COLUMNS
    )  # fmt: skip
    return f'SELECT {ROW_ID}, {cells} FROM "{table.name}"'


def header(table: Table, name: str, headers: str) -> str:
    """The header of a column."""
    found = next((field for field in table.fields if field.name == name), None)
    return found.ceds if headers == CEDS and found is not None and found.ceds else name


@contextmanager
def _sink(path: Path, schema: pa.Schema, form: str) -> Iterator[Callable[[pa.Table], None]]:
    if form == PARQUET:
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            yield writer.write_table
        return
    with path.open("wb") as stream:
        stream.write(csv_line(schema.names))
        yield lambda rows: _write_csv(stream, rows)


def _write_csv(stream: IO[bytes], rows: pa.Table) -> None:
    """RFC 4180: lines end in CR LF; an empty cell is nothing between commas."""
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    texts = frame.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)).name.keep())
    stream.write(
        texts.write_csv(
            include_header=False, line_terminator="\r\n", datetime_format="%Y-%m-%dT%H:%M:%S%.6f"
        ).encode()
    )


def csv_line(cells: Sequence[str]) -> bytes:
    """One line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode()


def write_dictionary(path: Path, tables: Sequence[Table], headers: str) -> None:
    """Write what each column means, beside the tables."""
    with path.open("wb") as stream:
        stream.write(csv_line(_DICTIONARY_COLUMNS))
        for table in tables:
            for name in _NUMBERS:
                stream.write(csv_line(_number_row(table, name)))
            for field in table.fields:
                stream.write(csv_line(_field_row(table, field, headers)))
            for field in owner_fields(table):
                told = replace(field, is_key=False, meaning=f"Of the result: {field.meaning}")
                row = _field_row(TABLES["result"], told, headers)
                stream.write(csv_line((table.name, *row[1:])))


def _number_row(table: Table, name: str) -> tuple[str, ...]:
    meaning = {ROW_ID: "The row's number in the warehouse.",
               IMPORT_ID: "The import that brought the row."}  # fmt: skip
    return (table.name, name, "int64", "", "", "internal", name, "", "", meaning[name])


def _field_row(table: Table, field: Field, headers: str) -> tuple[str, ...]:
    return (
        table.name, header(table, field.name, headers), field.type, field.unit,
        "yes" if field.is_key else "", field.privacy, field.name, field.ceds, field.origin,
        field.meaning,
    )  # fmt: skip
