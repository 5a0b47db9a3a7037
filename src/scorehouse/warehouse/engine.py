"""Where SQL runs: one port with few verbs, so that the same text runs here and on a cluster.

`Local` is DuckDB in this process; `spark.Spark` is a cluster. SQL is kept to what both share:
types are STRING, TINYINT, INTEGER, BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP (without a zone);
NULLS FIRST or LAST is always said; rows are numbered by what they hold, never as they come.
Marts give integers, and what is rounded or divided is so in Python.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np
import pyarrow as pa

from scorehouse.errors import ScorehouseError

MapFunction = Callable[[pa.Table], pa.Table]


class Engine(Protocol):
    """What the warehouse asks of an engine."""

    def files(self, name: str, paths: Sequence[str], schema: pa.Schema, number: str = "") -> None:
        """Name a table that stands in Parquet files; no file: an empty table.

        `number` names a column to add: each row's place in its file, from 0.
        """

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

    def write(self, select: str, path: Path, order: Sequence[str] = ()) -> int:
        """Write a query's rows, by the columns of `order`, as one Parquet file.

        Empty cells come last. Return the number of rows.
        """

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

    def files(self, name: str, paths: Sequence[str], schema: pa.Schema, number: str = "") -> None:
        """Name a table that stands in Parquet files."""
        if not paths:
            places = [pa.field(number, pa.int64())] if number else []
            self._connection.register(f"{name}__empty", pa.schema([*schema, *places]).empty_table())
            self.view(name, f'SELECT * FROM "{name}__empty"')
            return
        listed = ", ".join(quoted(path) for path in paths)
        columns = ", ".join(f'"{column}"' for column in schema.names)
        columns += f', file_row_number AS "{number}"' if number else ""
        numbers = ", file_row_number = true" if number else ""
        self.view(name, f"SELECT {columns} FROM read_parquet([{listed}]{numbers})")

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
        """Run a query and yield its rows piece by piece; no other runs meanwhile."""
        yield from self._connection.sql(text).to_arrow_reader(rows)

    def write(self, select: str, path: Path, order: Sequence[str] = ()) -> int:
        """Write a query's rows as one Parquet file."""
        by = ", ".join(f'"{column}" NULLS LAST' for column in order)
        text = f"{select} ORDER BY {by}" if order else select
        try:
            done = self._connection.execute(
                f"COPY ({text}) TO {quoted(str(path))} "
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


def numbered(table: pa.Table, name: str = "arrival", first: int = 0) -> pa.Table:
    """Add a column with each row's place, so that queries can tell in which order rows came."""
    places = np.arange(first, first + table.num_rows, dtype=np.int64)
    return table.append_column(name, pa.array(places))


def quoted(text: str) -> str:
    """Write a text as an SQL literal.

    >>> quoted("it's")
    "'it''s'"
    """
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
