"""The engine on a cluster: Spark 4 or newer, reached over Spark Connect.

The cluster sees the warehouse's folder under the same path as this process does. What is named
here is told to the cluster when a query first needs it. A session's tables live in a folder of
its own below the scratch folder, when they are large.
"""

from __future__ import annotations

import re
import secrets
import shutil
import socket
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.errors import UsageError
from scorehouse.warehouse.engine import Engine, MapFunction, numbered

SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.parser.escapedStringLiterals": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "10000",
    "spark.sql.unionOutputPartitioning": "false",  # Spark 4.3 miscounts the parts of some unions
}
"""What makes the shared SQL mean on Spark what it means on DuckDB."""

LARGE = 4 << 20
"""Tables of more bytes reach the cluster as files, not through the connection."""

_PORT, _PATIENCE = 15_002, 10.0
_GROUP_BYTES = 16 << 20
_NAMED = re.compile(r'\b(?:FROM|JOIN)\s+"?(\w+)"?', re.IGNORECASE)
_GLOB = re.compile(r"([\\*?\[\]{}])")
_PLACE, _ROW = "scorehouse_place", "scorehouse_row"


@dataclass
class _Files:
    paths: tuple[str, ...]
    schema: pa.Schema
    number: str


@dataclass
class _Query:
    text: str


@dataclass
class _Rows:
    table: pa.Table


_Meaning = _Files | _Query | _Rows


class Spark:
    """A session of a cluster."""

    def __init__(self, session: Any, scratch: Path) -> None:
        self._session = session
        self._scratch = scratch / f"spark-{secrets.token_hex(8)}"
        self._meanings: dict[str, _Meaning] = {}
        self._told: dict[str, set[str]] = {}  # name -> the names it rests on
        self._kept: dict[str, Path] = {}

    # --- names ---

    def files(self, name: str, paths: Sequence[str], schema: pa.Schema, number: str = "") -> None:
        """Name a table that stands in Parquet files."""
        self._mean(name, _Files(tuple(paths), schema, number))

    def view(self, name: str, select: str) -> None:
        """Name a query."""
        self._mean(name, _Query(select))

    def keep(self, name: str, select: str) -> None:
        """Compute a query once: executors write its rows, and what rests on them reads those."""
        folder = self._new_file().with_suffix("")
        self._query(select).write.parquet(f"file:{folder}", compression="zstd")
        parts = sorted(map(str, folder.glob("part-*.parquet")))
        self.files(name, parts, pq.read_schema(parts[0]))

    def register(self, name: str, table: pa.Table) -> None:
        """Name a table in memory."""
        self._mean(name, _Rows(table))

    def drop(self, name: str) -> None:
        """Forget a name."""
        if name in self._told:
            self._session.catalog.dropTempView(name)
        self._forget(name)
        self._meanings.pop(name, None)

    def _mean(self, name: str, meaning: _Meaning) -> None:
        before = self._meanings.get(name)
        if isinstance(meaning, _Rows) or before != meaning:
            self._forget(name)
            self._meanings[name] = meaning

    def _forget(self, name: str) -> None:
        """What was told of a name, and of all that rests on it, holds no longer."""
        if name not in self._told:
            return
        del self._told[name]
        if path := self._kept.pop(name, None):
            path.unlink(missing_ok=True)
        for other in [other for other, needs in self._told.items() if name in needs]:
            self._forget(other)

    def _tell(self, text: str) -> set[str]:
        """Tell the cluster the names of a query that it doesn't know yet; return all of them."""
        named = {found for found in _NAMED.findall(text) if found in self._meanings}
        for name in sorted(named - self._told.keys()):
            meaning = self._meanings[name]
            needs = self._tell(meaning.text) if isinstance(meaning, _Query) else set()
            self._frame(name, meaning).createOrReplaceTempView(name)
            self._told[name] = needs
        return named

    def _frame(self, name: str, meaning: _Meaning) -> Any:
        if isinstance(meaning, _Query):
            return self._session.sql(meaning.text)
        if isinstance(meaning, _Files):
            return self._read(meaning)
        if meaning.table.nbytes <= LARGE:
            return self._rows(meaning.table)
        path = self._new_file()
        pq.write_table(meaning.table, path, compression="lz4")
        self._kept[name] = path
        return self._read(_Files((str(path),), meaning.table.schema, ""))

    def _rows(self, table: pa.Table) -> Any:
        if not table.num_rows:
            return self._session.createDataFrame([], _spark_schema(table.schema))
        return self._session.createDataFrame(table)

    def _read(self, files: _Files) -> Any:
        from pyspark.sql.connect.functions import col

        places = [pa.field(files.number, pa.int64())] if files.number else []
        if not files.paths:
            return self._rows(pa.schema([*files.schema, *places]).empty_table())
        first = pq.read_schema(files.paths[0])
        found = pa.schema([first.field(column) for column in files.schema.names])
        paths = ["file:" + _GLOB.sub(r"\\\1", path) for path in files.paths]
        frame = self._session.read.schema(_spark_schema(found)).parquet(*paths)
        columns = [col(f"`{name}`") for name in files.schema.names]
        columns += [col("_metadata.row_index").alias(files.number)] if files.number else []
        return frame.select(*columns)

    def _new_file(self) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch / f"{secrets.token_hex(8)}.parquet"

    # --- queries ---

    def _query(self, text: str) -> Any:
        self._tell(text)
        return self._session.sql(text)

    def sql(self, text: str) -> pa.Table:
        """Run a query and return all of its rows."""
        return _plain(self._query(text).toArrow())

    def batches(self, text: str, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its rows piece by piece."""
        frame = self._query(text)
        plan = frame._plan.to_proto(self._session.client)  # as its own toLocalIterator does
        for piece in self._session.client.to_table_as_iterator(plan, frame._plan.observations):
            if isinstance(piece, pa.Table):
                yield from _plain(piece).to_batches(rows)

    def write(self, select: str, path: Path, order: Sequence[str] = ()) -> int:
        """Write a query's rows as one Parquet file: one executor sorts and writes it."""
        from pyspark.sql.connect.functions import col

        frame = self._query(select).repartition(1)
        if order:
            by = [col(f"`{column}`").asc_nulls_last() for column in order]
            frame = frame.sortWithinPartitions(*by)
        folder = path.with_name(f".{path.stem}")
        try:
            frame.write.option("parquet.block.size", str(_GROUP_BYTES)).parquet(
                f"file:{folder}", compression="zstd"
            )
            (part,) = folder.glob("part-*.parquet")
            part.rename(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return int(pq.read_metadata(path).num_rows)

    def row_hash(self, columns: Sequence[str]) -> str:
        """A hash of a row's texts; an empty cell counts as one."""
        cells = ", ".join(f"coalesce(CAST({column} AS STRING), '\0')" for column in columns)
        return f"CAST(xxhash64({cells}) AS DECIMAL(20, 0))"

    # --- functions ---

    def map_batches(self, table: pa.Table, function: MapFunction, schema: pa.Schema) -> pa.Table:
        """Give each row to the function, on the executors; what they gave, in the rows' order."""
        if not table.num_rows:
            return schema.empty_table()
        numbers = [pa.field(_PLACE, pa.int64()), pa.field(_ROW, pa.int64())]
        placed = pa.schema([*schema, *numbers])
        rows = self._session.createDataFrame(numbered(table, _PLACE))
        spread = rows.repartitionByRange(table.num_rows, _PLACE)
        done = spread.mapInArrow(_over_rows(function, placed), _spark_schema(placed)).toArrow()
        done = done.sort_by([(_PLACE, "ascending"), (_ROW, "ascending")])
        return done.drop_columns([_PLACE, _ROW]).cast(schema)

    def close(self) -> None:
        """End the session."""
        self._session.stop()
        shutil.rmtree(self._scratch, ignore_errors=True)


def connect(url: str, scratch: Path) -> Engine:
    """Open a session of the cluster whose Connect server has this URL, `sc://host:port`.

    `scratch` is a folder that the cluster sees too. Raises UsageError when Spark isn't
    installed, the URL is none, or nobody answers.
    """
    if not url.startswith("sc://"):
        raise UsageError(
            f"{url!r} is no engine; a cluster is named by its Spark Connect server, sc://HOST:PORT"
        )
    try:
        from pyspark.sql.connect.session import SparkSession
    except ImportError as error:
        raise UsageError(
            "a cluster needs the extra packages of scorehouse[spark]: "
            "pip install 'scorehouse[spark]'"
        ) from error
    _knock(url)
    builder = SparkSession.builder.remote(url)
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    return Spark(_opened(builder, url), scratch)


def _knock(url: str) -> None:
    """See that somebody listens: Spark's own client would try for minutes."""
    at = urlsplit(url)
    try:
        socket.create_connection((at.hostname or "", at.port or _PORT), _PATIENCE).close()
    except (OSError, ValueError) as error:
        raise UsageError(f"no Spark Connect server answers at {url}") from error


def _opened(builder: Any, url: str) -> Any:
    from grpc import RpcError
    from pyspark.errors import PySparkException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one of the settings is to go in a later Spark
            session = builder.create()
            is_new = int(session.version.split(".")[0]) >= 4
    except (PySparkException, RpcError) as error:
        raise UsageError(f"no Spark Connect server answers at {url}") from error
    if not is_new:
        raise UsageError(f"the cluster runs Spark {session.version}; Spark 4 or newer is needed")
    return session


def _spark_schema(schema: pa.Schema) -> Any:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema, prefer_timestamp_ntz=True)


def _plain(table: pa.Table) -> pa.Table:
    """The same table with the fields as DuckDB describes them: any may be empty."""
    fields = [pa.field(field.name, field.type) for field in table.schema]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def _over_rows(function: MapFunction, schema: pa.Schema) -> Any:
    """What an executor runs: the function on one row after another."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            for number in range(rows.num_rows):
                one = rows.slice(number, 1)
                found = function(one.drop_columns([_PLACE]))
                place = pa.array([one[_PLACE][0].as_py()] * found.num_rows, pa.int64())
                whole = numbered(found.append_column(_PLACE, place), _ROW)
                yield from whole.cast(schema).to_batches()

    return run
