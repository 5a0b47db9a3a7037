"""Writing: a load is one transaction. It is there whole when it ends, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from scorehouse.errors import ScorehouseError
from scorehouse.stop import STOP
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.catalog import Catalog, now
from scorehouse.warehouse.engine import Engine, numbered, quoted
from scorehouse.warehouse.places import digest_of, new_data_file, remove, settle
from scorehouse.warehouse.schema import IMPORT_ID, ROW_BITS, ROW_ID, TABLES, Table
from scorehouse.warehouse.snapshot import files_of
from scorehouse.warehouse.views import DataFile, define_table

_SQL_TYPES: Mapping[str, str] = {
    "text": "STRING",
    "int8": "TINYINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "real": "DOUBLE",
    "flag": "BOOLEAN",
    "day": "DATE",
    "instant": "TIMESTAMP",
}

_LOST = (
    "The connection to the catalog's server was lost, and another run has written since. "
    "Nothing of this load was kept; load again."
)

_KEPT = (
    "It is held as snapshot {number}; the next command that needs the index of students "
    "brings it up to date."
)


class Transaction:
    """What one load reads and writes. It sees its own rows at once; others see them at the end.

    Made by `Warehouse.transaction`, which holds the writer's lock around it.
    """

    def __init__(
        self, root: Path, catalog: Catalog, engine: Engine, load_id: int, snapshot: int
    ) -> None:
        self.root = root
        self.catalog = catalog
        self.engine = engine
        self.load_id = load_id
        self.files = files_of(catalog, root, snapshot)
        self._base = {file.path for file in self.files}
        self._own: set[str] = set()
        self._placed: set[str] = set()
        self._removed: set[str] = set()
        self._next_row: dict[int, int] = {}
        self._imports: dict[int, dict[str, Any]] = {}
        for name in ("supersession", *TABLES):
            self._redefine(name)

    # --- imports ---

    def begin_import(
        self, content: str, digest: str, file: str, replay_of: int | None = None
    ) -> int:
        """Begin an import: one delivered file, or what this warehouse does by itself."""
        values = {
            "load_id": self.load_id,
            "content": content,
            "digest": digest,
            "file": file,
            "status": "ACCEPTED",
            "message": "",
            "counts": "{}",
            "replay_of": replay_of,
            "created_at": now(),
            "updated_at": now(),
        }
        with self.catalog.noting() as connection:
            statement = sa.insert(tables.imported).values(values)
            number = connection.execute(
                statement.returning(tables.imported.c.import_id)
            ).scalar_one()
        self._imports[int(number)] = {}
        return int(number)

    def end_import(
        self, import_id: int, status: str, message: str, counts: Mapping[str, int]
    ) -> None:
        """Say how an import ended; it is so when the transaction is committed."""
        self._imports[import_id] = {
            "status": status,
            "message": message,
            "counts": json.dumps(dict(counts)),
            "updated_at": now(),
        }

    # --- rows ---

    def first_row(self, import_id: int) -> int:
        """The row id that the import's next row gets."""
        return self._next_row.get(import_id, import_id << ROW_BITS)

    def reserve(self, import_id: int, count: int) -> int:
        """Set aside row ids for rows that bring their own; return the first."""
        first = self.first_row(import_id)
        self._next_row[import_id] = first + count
        return first

    def add(self, name: str, rows: pa.Table, import_id: int) -> int:
        """Add rows of a table; columns that are missing are empty. Return their number."""
        if not rows.num_rows:
            return 0
        if ROW_ID not in rows.column_names:
            rows = numbered(rows, ROW_ID, self.reserve(import_id, rows.num_rows))
        self.engine.register("adding", rows)
        try:
            return self.add_select(name, "SELECT * FROM adding", rows.column_names, import_id)
        finally:
            self.engine.drop("adding")

    def add_select(
        self,
        name: str,
        select: str,
        columns: Sequence[str],
        import_id: int,
        slices: Sequence[str] | None = None,
    ) -> int:
        """Add the rows of a query that gives some columns of a table; return their number.

        A `row_id` among the columns comes from `reserve` and follows from what a row holds,
        since engines have rows in orders of their own. Rows without one are few, and numbered
        in the query's order. `slices` are the slices that the rows are known to belong to.
        """
        if ROW_ID not in columns:
            return self.add(name, self.engine.sql(select).select(list(columns)), import_id)
        table = TABLES[name]
        is_sliced = table.slice in columns
        if is_sliced and slices is None:
            slices = self.slices_of(select, name)
        total = 0
        parts = slices if is_sliced and slices is not None else [""]
        for value in parts:
            where = f" WHERE coalesce(\"{table.slice}\", '') = {quoted(value)}"
            where = where if len(parts) > 1 else ""
            total += self._write(table, select, where, columns, value, import_id)
        if total:
            self._redefine(name)
        return total

    def new_file(self, name: str, slice_value: str, import_id: int) -> Path:
        """A path for a data file of a table; what stands there goes unless it is committed."""
        path = new_data_file(self.root, name, slice_value, import_id)
        self._own.add(str(path))
        return path

    def own(self, path: Path) -> None:
        """A file of the archive that goes unless this is committed."""
        self._placed.add(str(path))
        self._own.add(str(path))

    def slices_of(self, select: str, name: str) -> list[str]:
        """The slices of a table that the rows of a query belong to."""
        column = TABLES[name].slice
        found = self.engine.sql(f'SELECT DISTINCT "{column}" AS s FROM ({select}) AS x')
        return sorted({str(value or "") for value in found["s"].to_pylist()})

    def _write(
        self,
        table: Table,
        select: str,
        where: str,
        columns: Sequence[str],
        slice_value: str,
        import_id: int,
    ) -> int:
        cells = ", ".join(_cell(field.name, field.type, columns) for field in table.fields)
        text = (
            f"SELECT CAST({ROW_ID} AS BIGINT) AS {ROW_ID}, "
            f"CAST({import_id} AS BIGINT) AS {IMPORT_ID}, {cells} FROM ({select}) AS x{where}"
        )
        path = self.new_file(table.name, slice_value, import_id)
        count = 0
        try:
            count = self.engine.write(text, path, table.order)
        finally:
            if not count:
                remove([path])
        if not count:
            return 0
        self.files.append(DataFile(table.name, slice_value, str(path), count, import_id, import_id))
        return count

    def supersede(self, name: str, rows: pa.Table, import_id: int, why: str) -> int:
        """Say that rows of a table no longer hold: `old_row`, and `new_row` where there is one."""
        count: int = rows.num_rows
        if not count:
            return 0
        new_row = rows["new_row"] if "new_row" in rows.column_names else pa.nulls(count, pa.int64())
        added = pa.table(
            {
                "table_name": pa.array([name] * count, pa.string()),
                "old_row": rows["old_row"],
                "new_row": new_row,
                "why": pa.array([why] * count, pa.string()),
            }
        )
        self.add("supersession", added, import_id)
        self._redefine_superseded()
        return count

    def _redefine_superseded(self) -> None:
        for name in TABLES:
            if name != "supersession":
                self._redefine(name)

    def _redefine(self, name: str) -> None:
        newest = max((file.last_import for file in self.files), default=0)
        own = [file for file in self.files if file.table == name]
        gone = [file for file in self.files if file.table == "supersession"]
        define_table(self.engine, TABLES[name], own, gone, newest)

    def sql(self, text: str) -> pa.Table:
        """Run a query over the warehouse as this transaction leaves it."""
        return self.engine.sql(text)

    # --- files that take the place of others (tidying, purging) ---

    def replace_files(self, old: Sequence[DataFile], new: DataFile | None) -> None:
        """Let one file, or none, stand for some others."""
        gone = {file.path for file in old}
        self._removed |= gone & self._base
        self.files = [file for file in self.files if file.path not in gone]
        if new is not None:
            self.files.append(new)
        self._redefine((new or old[0]).table)

    # --- the end ---

    def commit(
        self, why: str, also: Callable[[sa.Connection, int], None] = lambda _to, _number: None
    ) -> int:
        """Make everything there for others; return the new snapshot's number.

        Files are flushed to disk first; then one transaction of the catalog lists them.
        `also` writes what belongs to it in the same transaction.
        """
        added = [file for file in self.files if file.path not in self._base]
        try:
            settle([Path(file.path) for file in added])
            described = [(file, Path(file.path).stat().st_size, digest_of(Path(file.path)))
                         for file in added]  # fmt: skip
        except FileNotFoundError as error:
            raise ScorehouseError(_LOST) from error
        with STOP.after():
            with self.catalog.writing() as connection:
                number = self._new_snapshot(connection, why)
                self._list_files(connection, described, number)
                self._update_imports(connection)
                self._finish(connection)
                also(connection, number)
            self._base = {file.path for file in self.files}
            self._own -= {*self._base, *self._placed}  # or they'd be removed as not kept
            self._removed = set()
            STOP.tell_kept(_KEPT.format(number=number))
        return number

    def _update_imports(self, connection: sa.Connection) -> None:
        for import_id, values in self._imports.items():
            connection.execute(
                sa.update(tables.imported)
                .where(tables.imported.c.import_id == import_id)
                .values(values or {"updated_at": now()})
            )

    def _finish(self, connection: sa.Connection) -> None:
        """The load is done, unless its lock was lost and another writer took its turn."""
        ended = connection.execute(
            sa.update(tables.load)
            .where(tables.load.c.load_id == self.load_id, tables.load.c.status == "running")
            .values(status="done", ended_at=now())
        )
        if not ended.rowcount:
            raise ScorehouseError(_LOST)

    def _new_snapshot(self, connection: sa.Connection, why: str) -> int:
        before = connection.execute(sa.select(sa.func.max(tables.snapshot.c.last_import))).scalar()
        newest = max([before or 0, *self._imports])
        values = {
            "last_import": newest, "why": why, "load_id": self.load_id, "created_at": now(),
        }  # fmt: skip
        statement = sa.insert(tables.snapshot).values(values)
        returned = statement.returning(tables.snapshot.c.snapshot_id)
        return int(connection.execute(returned).scalar_one())

    def _list_files(
        self,
        connection: sa.Connection,
        added: Sequence[tuple[DataFile, int, str]],
        number: int,
    ) -> None:
        file = tables.data_file
        for path in sorted(self._removed):
            connection.execute(
                sa.update(file)
                .where(file.c.path == Path(path).relative_to(self.root).as_posix())
                .values(removed_in=number)
            )
        rows = [
            {
                "table_name": data.table,
                "slice": data.slice,
                "path": Path(data.path).relative_to(self.root).as_posix(),
                "rows": data.rows,
                "bytes": size,
                "digest": digest,
                "first_import": data.first_import,
                "last_import": data.last_import,
                "added_in": number,
            }
            for data, size, digest in added
        ]
        if rows:
            connection.execute(sa.insert(file), rows)

    def forget(self) -> None:
        """Take back the imports of a dry run, so that no list shows them."""
        with self.catalog.noting() as connection:
            connection.execute(
                sa.delete(tables.imported).where(tables.imported.c.load_id == self.load_id)
            )
            connection.execute(
                sa.update(tables.load)
                .where(tables.load.c.load_id == self.load_id)
                .values(status="dry run", ended_at=now())
            )

    def discard(self) -> None:
        """Remove what was written and not committed."""
        remove([Path(path) for path in self._own])


def _cell(name: str, kind: str, columns: Sequence[str]) -> str:
    value = f'"{name}"' if name in columns else "NULL"
    return f'CAST({value} AS {_SQL_TYPES[kind]}) AS "{name}"'
