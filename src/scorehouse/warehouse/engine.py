"""Where SQL runs: one port with few verbs, so that the same text runs here and on a cluster.

`Local` is DuckDB in this process; `spark.Spark` is a cluster. SQL is kept to what both share:
types are STRING, TINYINT, INTEGER, BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP (without a zone);
NULLS FIRST or LAST is always said; rows are numbered by what they hold, never as they come.
Marts give integers, and what is rounded or divided is so in Python.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np
import pyarrow as pa

from scorehouse.errors import ScorehouseError
from scorehouse.stop import STOP

MapFunction = Callable[[pa.Table], pa.Table]
_PACKED_ROWS = 32_768
"""Rows that are packed together: to read one of them, all are unpacked."""

_NAMED = re.compile(r'(?:\bFROM|\bJOIN|,)\s*("[^"]+"|[a-z_]\w*)', re.IGNORECASE)


class Engine(Protocol):
    """What the warehouse asks of an engine."""

    def files(self, name: str, paths: Sequence[str], schema: pa.Schema, number: str = "") -> None:
        """Name a table that stands in Parquet files; no file: an empty table.

        `number` names a column to add: each row's place in its file, from 0.
        """

    def view(self, name: str, select: str) -> None:
        """Name a query."""

    def keep(self, name: str, select: str) -> None:
        """Compute a query once and keep its rows under a name, until the session ends."""

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
    """DuckDB in this process, with bounded memory.

    What is named is told to DuckDB when a query first needs it: most queries need few names.
    `is_shared`: short readings of one process share a database, which takes longer to begin than
    they take to read; names are each one's own.
    """

    def __init__(
        self,
        scratch: Path,
        *,
        memory_megabytes: int = 2_000,
        threads: int | None = None,
        is_shared: bool = False,
    ) -> None:
        self._threads = threads or os.cpu_count() or 1
        self._views: dict[str, str] = {}
        self._untold: set[str] = set()
        self._needs: dict[str, set[str]] = {}  # name -> what its query may name
        begin = _shared if is_shared else _begin
        self._connection = begin(str(scratch), memory_megabytes, self._threads)

    def files(self, name: str, paths: Sequence[str], schema: pa.Schema, number: str = "") -> None:
        """Name a table that stands in Parquet files."""
        if not paths:
            places = [pa.field(number, pa.int64())] if number else []
            self._connection.register(f"{name}__empty", pa.schema([*schema, *places]).empty_table())
            self.view(name, f'SELECT * FROM "{name}__empty"')
            return
        self.view(name, reading(paths, schema, number))
        self._needs[name] = set()  # it names columns, some like tables, and rests on no other

    def view(self, name: str, select: str) -> None:
        """Name a query."""
        if self._views.get(name) != select:
            self._views[name] = select
            self._untold.add(name)
            self._needs[name] = _named(select) - {name}

    def _tell(self, named: set[str], told: set[str]) -> None:
        """Tell DuckDB some names, and what they rest on, where it doesn't know them yet."""
        for name in sorted((named & self._views.keys()) - told):
            told.add(name)
            self._tell(self._needs[name], told)
            if name in self._untold:
                self._connection.execute(
                    f'CREATE OR REPLACE TEMP VIEW "{name}" AS {self._views[name]}'
                )
                self._untold.discard(name)

    def _ready(self, text: str) -> str:
        """A query whose names are all told."""
        self._tell(_named(text), set())
        return text

    def register(self, name: str, table: pa.Table) -> None:
        """Name a table in memory."""
        self._forget(name)
        self._connection.register(name, table)

    def drop(self, name: str) -> None:
        """Forget a name."""
        self._forget(name)
        self._connection.unregister(name)

    def _forget(self, name: str) -> None:
        if name in self._views and name not in self._untold:
            self._connection.execute(f'DROP VIEW "{name}"')
        self._views.pop(name, None)
        self._untold.discard(name)

    def keep(self, name: str, select: str) -> None:
        """Compute a query once and keep its rows under a name, on disk when they are many."""
        text = self._ready(select)
        with _stoppable(self._connection):
            self._connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {text}')

    def sql(self, text: str) -> pa.Table:
        """Run a query and return all of its rows."""
        with _stoppable(self._connection):
            return self._connection.sql(self._ready(text)).to_arrow_table()

    def batches(self, text: str, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its rows piece by piece; no other runs meanwhile."""
        with _stoppable(self._connection):
            reader = self._connection.sql(self._ready(text)).to_arrow_reader(rows)
        while True:
            with _stoppable(self._connection):
                batch = next(reader, None)
            if batch is None:
                return
            yield batch

    def write(self, select: str, path: Path, order: Sequence[str] = ()) -> int:
        """Write a query's rows as one Parquet file."""
        by = ", ".join(f'"{column}" NULLS LAST' for column in order)
        text = self._ready(f"{select} ORDER BY {by}" if order else select)
        try:
            with _stoppable(self._connection):
                done = self._connection.execute(
                    f"COPY ({text}) TO {quoted(str(path))} "
                    f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_PACKED_ROWS})"
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

    def close(self) -> None:
        """End the session."""
        self._connection.close()


@contextmanager
def _stoppable(connection: Any) -> Iterator[None]:
    """A stop during a query ends the query; DuckDB's own error of it is made a stop again."""
    try:
        with STOP.interrupting(connection.interrupt):
            yield
    except (RuntimeError, duckdb.Error, pa.ArrowException, OSError) as error:
        if STOP.is_asked or "interrupted" in str(error).lower():
            raise KeyboardInterrupt from None
        raise


def _named(text: str) -> set[str]:
    """The tables that a query may name.

    >>> sorted(_named('SELECT a, b FROM "s in 2018" JOIN t USING (k)'))
    ['b', 's in 2018', 't']
    """
    return {found.strip('"') for found in _NAMED.findall(text)}


def reading(paths: Sequence[str], schema: pa.Schema, number: str = "") -> str:
    """A query of the engine in this process over some Parquet files."""
    listed = ", ".join(quoted(path) for path in paths)
    columns = ", ".join(f'"{column}"' for column in schema.names)
    columns += f', file_row_number AS "{number}"' if number else ""
    numbers = ", file_row_number = true" if number else ""
    return f"SELECT {columns} FROM read_parquet([{listed}]{numbers})"


def _begin(scratch: str, memory_megabytes: int, threads: int) -> Any:
    return duckdb.connect(
        config={
            "memory_limit": f"{memory_megabytes}MB",
            "threads": threads,
            "temp_directory": scratch,
            "preserve_insertion_order": True,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


def _shared(scratch: str, memory_megabytes: int, threads: int) -> Any:
    """A session of its own in a database that is begun once; a forked process begins its own."""
    return _database(os.getpid(), scratch, memory_megabytes, threads).cursor()


@lru_cache(maxsize=8)
def _database(_process: int, scratch: str, memory_megabytes: int, threads: int) -> Any:
    """Readings of a few rows: what helps those of many, by looking at all statistics, is off."""
    database = _begin(scratch, memory_megabytes, threads)
    database.execute("SET GLOBAL parquet_metadata_cache = true")
    database.execute("SET GLOBAL disabled_optimizers = 'statistics_propagation,join_order'")
    return database


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
