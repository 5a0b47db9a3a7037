"""Where SQL runs: one port with few verbs, so that the same text runs here and on a cluster.

`Local` is DuckDB in this process. SQL is kept to what DuckDB and Spark share; marts give
integers, and what is rounded or divided is so in Python.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from scorehouse.errors import ScorehouseError

MapFunction = Callable[[pa.Table], pa.Table]


class Engine(Protocol):
    """What the warehouse asks of an engine."""

    def files(self, name: str, paths: Sequence[str], schema: pa.Schema) -> None:
        """Name a table that stands in Parquet files; no file: an empty table."""

    def view(self, name: str, select: str) -> None:
        """Name a query."""

    def register(self, name: str, table: pa.Table) -> None:
        """Name a table in memory."""

    def drop(self, name: str) -> None:
        """Forget a name."""

    def sql(self, text: str) -> pa.Table:
        """Run a query and return all of its rows."""

    def batches(self, text: str, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its rows piece by piece."""

    def write(self, select: str, path: Path) -> int:
        """Write a query's rows, in its order, as one Parquet file; return their number."""

    def row_hash(self, columns: Sequence[str]) -> str:
        """SQL for a number that tells rows of different content apart."""

    def map_batches(self, table: pa.Table, function: MapFunction, schema: pa.Schema) -> pa.Table:
        """Give each row of a table to a function, side by side; return what they gave."""

    def close(self) -> None:
        """End the session."""


class Local:
    """DuckDB in this process, with bounded memory."""

    def __init__(
        self, scratch: Path, *, memory_megabytes: int = 2_000, threads: int | None = None
    ) -> None:
        self._threads = threads or os.cpu_count() or 1
        self._connection = duckdb.connect(
            config={
                "memory_limit": f"{memory_megabytes}MB",
                "threads": self._threads,
                "temp_directory": str(scratch),
                "preserve_insertion_order": True,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )

    def files(self, name: str, paths: Sequence[str], schema: pa.Schema) -> None:
        """Name a table that stands in Parquet files."""
        if not paths:
            self._connection.register(f"{name}__empty", schema.empty_table())
            self.view(name, f'SELECT * FROM "{name}__empty"')
            return
        listed = ", ".join(quoted(path) for path in paths)
        columns = ", ".join(f'"{column}"' for column in schema.names)
        self.view(name, f"SELECT {columns} FROM read_parquet([{listed}])")

    def view(self, name: str, select: str) -> None:
        """Name a query."""
        self._connection.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {select}')

    def register(self, name: str, table: pa.Table) -> None:
        """Name a table in memory."""
        self._connection.register(name, table)

    def drop(self, name: str) -> None:
        """Forget a table in memory."""
        self._connection.unregister(name)

    def keep(self, name: str, select: str) -> None:
        """Compute a query once and keep its rows under a name, on disk when they are many."""
        self._connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {select}')

    def sql(self, text: str) -> pa.Table:
        """Run a query and return all of its rows."""
        return self._connection.sql(text).to_arrow_table()

    def batches(self, text: str, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its rows piece by piece."""
        cursor = self._connection.cursor()
        yield from cursor.execute(text).to_arrow_reader(rows)

    def write(self, select: str, path: Path) -> int:
        """Write a query's rows as one Parquet file."""
        try:
            done = self._connection.execute(
                f"COPY ({select}) TO {quoted(str(path))} "
                "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
            ).fetchone()
        except duckdb.IOException as error:
            raise ScorehouseError(
                "The data could not be written; is the disk full? Nothing of this load was kept."
            ) from error
        return int(done[0]) if done else 0

    def row_hash(self, columns: Sequence[str]) -> str:
        """A hash of this session; never stored."""
        return f"hash({', '.join(columns)})::HUGEINT"

    def map_batches(self, table: pa.Table, function: MapFunction, schema: pa.Schema) -> pa.Table:
        """Give each row to the function, one after another, in threads."""
        from concurrent.futures import ThreadPoolExecutor

        pieces = [table.slice(place, 1) for place in range(table.num_rows)]
        with ThreadPoolExecutor(self._threads) as pool:
            found = list(pool.map(function, pieces))
        return pa.concat_tables([schema.empty_table(), *found])

    @property
    def raw(self) -> Any:
        """The DuckDB connection, for what only it can do."""
        return self._connection

    def close(self) -> None:
        """End the session."""
        self._connection.close()


def quoted(text: str) -> str:
    """Write a text as an SQL literal.

    >>> quoted("it's")
    "'it''s'"
    """
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
