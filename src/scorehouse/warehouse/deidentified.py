"""A copy of a warehouse without identities, for research and training.

What becomes of a column follows from its privacy class: identifiers become keyed pseudonyms
(the same in every table and every copy under one key), names and logins go, a birth date keeps
its year, answers go unless asked for. History and the numbers of imports and rows stay; the
archive, the audit and the names of files don't. The copy appears when it has been proved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from scorehouse.errors import ScorehouseError
from scorehouse.transmit.hashing import Hasher
from scorehouse.transmit.leaks import LeakCheck
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.engine import Engine
from scorehouse.warehouse.export import new_folder
from scorehouse.warehouse.loading import Progress
from scorehouse.warehouse.payload_rewrite import pieces_of, texts_of
from scorehouse.warehouse.places import SCRATCH_FOLDER, digest_of, new_data_file
from scorehouse.warehouse.schema import IMPORT_ID, ROW_ID, TABLES, Field, Table
from scorehouse.warehouse.snapshot import Snapshot
from scorehouse.warehouse.store import Warehouse
from scorehouse.warehouse.views import DataFile

HASHED = ("student_id", "identifier")
DROPPED = ("name", "response")
_HASHED_FIELDS = {("roster", "roster_name"), ("roster_student", "roster_name"),
                  ("roster_viewer", "roster_name")}  # fmt: skip
_DROPPED_FIELDS = {("finding", name) for name in ("file", "record", "value", "message")}
_LEFT_OUT = ("roster_viewer",)  # nothing but logins
_OF_MANY = ("session_id",)  # of a room, not of a student
_ROWS = 100_000


class LeftOverError(ScorehouseError):
    """An identifier was found in the copy, which was not kept."""


@dataclass(frozen=True)
class Choices:
    """`keeps_responses`: answers stay, but for those that name their student."""

    keeps_responses: bool = False


class Copied(NamedTuple):
    """What the copy holds, and what was searched for in it."""

    rows: int
    files: int
    identifiers: int
    answers_left_out: int


def deidentified_copy(
    warehouse: Warehouse,
    out: Path,
    hasher: Hasher,
    choices: Choices | None = None,
    progress: Progress = lambda _done, _expected: None,
) -> Copied:
    """Write a de-identified copy as a new warehouse; it is there when it is proved.

    Raises LeftOverError when an identifier is found in it, and UsageError for a folder that
    holds something.
    """
    chosen = choices or Choices()
    with new_folder(out) as folder, warehouse.snapshot() as snapshot:
        leaks = _originals(snapshot)
        copy = Warehouse.create(folder)
        work = _Work(copy, snapshot, hasher, chosen, leaks)
        written = []
        for number, file in enumerate(snapshot.files, 1):
            if file.table not in _LEFT_OUT:
                written += work.copy(file)
            progress(number, len(snapshot.files))
        _copy_catalog(warehouse, copy, snapshot, written)
        copy.close()
        _prove(folder, leaks)
    return Copied(sum(file.rows for file in written), len(written), len(leaks), work.left_out)


def _originals(snapshot: Snapshot) -> LeakCheck:
    """Everything that identifies a student: identifiers, and first with last names."""
    leaks = LeakCheck()
    for table in TABLES.values():
        for name in (one for one in table.of_privacy(*HASHED) if one not in _OF_MANY):
            found = snapshot.batches(f'SELECT DISTINCT "{name}" AS v FROM "{table.name}__rows"')
            for batch in found:
                leaks.add(filter(None, batch.column(0).to_pylist()))
    names = "SELECT DISTINCT first_name, last_or_surname FROM student__rows"
    for batch in snapshot.batches(names):
        pairs = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        leaks.add(f"{first} {last}" for first, last in pairs if first and last)
    return leaks


class _Work:
    """The copying of data files."""

    def __init__(
        self,
        copy: Warehouse,
        snapshot: Snapshot,
        hasher: Hasher,
        choices: Choices,
        leaks: LeakCheck,
    ) -> None:
        self._copy, self._hasher, self._choices, self._leaks = copy, hasher, choices, leaks
        self._engine: Engine = snapshot.engine
        self.left_out = 0
        self._telling = _telling_answers(snapshot) if choices.keeps_responses else pa.array([])

    def copy(self, file: DataFile) -> list[DataFile]:
        """Copy one file; rows stand in the order of what they are now, not of what they were."""
        table = TABLES[file.table]
        raw = self._copy.root / SCRATCH_FOLDER / "raw.parquet"
        with pq.ParquetWriter(raw, table.schema) as writer:
            for rows in self._rows(file):
                writer.write_table(self._without_identities(table, rows))
        path = new_data_file(self._copy.root, table.name, file.slice, file.last_import)
        self._engine.files("copying", [str(raw)], table.schema)
        order = (*table.order, IMPORT_ID, ROW_ID)
        count = self._engine.write("SELECT * FROM copying", path, order)
        raw.unlink()
        if not count:
            path.unlink(missing_ok=True)
            return []
        return [file._replace(path=str(path), rows=count)]

    def _rows(self, file: DataFile) -> Iterator[pa.Table]:
        for batch in pq.ParquetFile(file.path).iter_batches(_ROWS):
            yield pa.Table.from_batches([batch]).cast(TABLES[file.table].schema)

    def _without_identities(self, table: Table, rows: pa.Table) -> pa.Table:
        for field in table.fields:
            place = rows.schema.get_field_index(field.name)
            new = self._column(table, field, rows)
            rows = rows.set_column(place, rows.schema.field(place), new)
        return rows

    def _column(self, table: Table, field: Field, rows: pa.Table) -> pa.ChunkedArray:
        column: pa.ChunkedArray = rows[field.name]
        named = (table.name, field.name)
        if field.privacy in HASHED or named in _HASHED_FIELDS:
            return self._hasher.column(column)
        if field.privacy == "birth_date":
            return _first_day(column)
        if field.privacy == "response" and self._choices.keeps_responses:
            return self._answers(rows, column)
        if field.privacy in (*DROPPED, "staff") or named in _DROPPED_FIELDS:
            return pa.chunked_array([pa.nulls(len(column), column.type)])
        return column

    def _answers(self, rows: pa.Table, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Answers without those that name a student."""
        is_telling = pc.is_in(rows[ROW_ID], value_set=self._telling.cast(pa.int64()))
        kept = [
            None if telling or (text and self._names(text)) else text
            for text, telling in zip(column.to_pylist(), is_telling.to_pylist(), strict=True)
        ]
        new = pa.chunked_array([kept], column.type)
        self.left_out += new.null_count - column.null_count
        return new

    def _names(self, text: str) -> bool:
        return next(self._leaks.search(text.encode()), None) is not None


def _first_day(days: pa.ChunkedArray) -> pa.ChunkedArray:
    """The first day of each day's year."""
    return pc.floor_temporal(days, unit="year").cast(pa.date32())


def _telling_answers(snapshot: Snapshot) -> pa.Array:
    """Rows of answers that name the student who gave them, by any of the names."""
    naming = " OR ".join(
        f"(length(s.{name}) > 2 AND lower(r.response_value) LIKE concat('%', lower(s.{name}), '%'))"
        for name in TABLES["student"].of_privacy("name")
    )
    found = snapshot.sql(
        f"SELECT DISTINCT r.{ROW_ID} FROM response__rows AS r "
        f"JOIN result__rows AS t ON t.{ROW_ID} = r.result_row "
        "LEFT JOIN ssid_replacement AS p ON p.old_id = t.student_id "
        "JOIN student__rows AS s ON s.student_id = coalesce(p.student_id, t.student_id) "
        f"WHERE r.response_value IS NOT NULL AND ({naming})"
    )
    return found[ROW_ID].combine_chunks()


# --- the catalog ---


def _copy_catalog(
    warehouse: Warehouse, copy: Warehouse, snapshot: Snapshot, files: list[DataFile]
) -> None:
    """The same loads, imports and moments; one state of files, the newest."""
    with warehouse.catalog.reading() as source, copy.catalog.writing() as target:
        for table in (tables.load, tables.imported, tables.snapshot):
            rows = [dict(row) for row in source.execute(sa.select(table)).mappings()]
            told = [_without_names(table.name, row) for row in rows]
            if told:
                target.execute(sa.insert(table), told)
        first = target.execute(sa.select(sa.func.min(tables.snapshot.c.snapshot_id))).scalar()
        listed = [_listed(copy, file, int(first or snapshot.number)) for file in files]
        if listed:
            target.execute(sa.insert(tables.data_file), listed)
    copy.catalog.put("deidentified", json.dumps({"source": warehouse.catalog.get("warehouse_id")}))


def _without_names(table: str, row: dict[str, object]) -> dict[str, object]:
    if table == "import":
        return {**row, "file": f"file of import {row['import_id']}", "digest": "", "message": ""}
    return {**row, "who": ""} if table == "load" else row


def _listed(copy: Warehouse, file: DataFile, snapshot: int) -> dict[str, object]:
    path = Path(file.path)
    return {
        "table_name": file.table,
        "slice": file.slice,
        "path": path.relative_to(copy.root).as_posix(),
        "rows": file.rows,
        "bytes": path.stat().st_size,
        "digest": digest_of(path),
        "first_import": file.first_import,
        "last_import": file.last_import,
        "added_in": snapshot,
    }


# --- the proof ---


def _prove(folder: Path, leaks: LeakCheck) -> None:
    """Search every byte and every cell of the copy; raise LeftOverError at the first leak."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for chunk in _chunks(path):
            if next(leaks.search(chunk), None) is not None:
                room = path.relative_to(folder).parts[:2]
                raise LeftOverError(
                    f"an identifier is left in {'/'.join(room)}; the copy was not kept"
                )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        yield from pieces_of(stream)
    if path.suffix == ".parquet":
        yield from texts_of(path)
