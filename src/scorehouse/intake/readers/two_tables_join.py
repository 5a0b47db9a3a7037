"""Joining item rows to their tests: on disk, whatever their number and order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.two_tables_copy import FILE, REFUSED, ROW, Copied, parquet_schema
from scorehouse.intake.readers.two_tables_layout import STUDENT
from scorehouse.result_shapes import ITEM_COLUMNS, RESULT, TEST_COLUMNS

_MEMORY = "512MB"
_UUID = "[0-9a-fA-F-]{32,38}"
_FETCH = 10_000
KEY = "TestOpportunityId"
NO_TEST = (1 << 31) - 1
"""The number of items without a test while they are sorted: the last."""


@dataclass(frozen=True)
class Joined:
    """Tests in their order and item rows in the tests' order, as Parquet files.

    Both have the column `result`: the place of the test from 0, or NO_TEST.
    """

    tests: Path
    items: Path
    results: int


def join_tables(copies: Sequence[Copied], scratch: Path, log: FindingLog) -> Joined:
    """Number the tests, give each item row its test's number, and sort the item rows by it."""
    settings = {"memory_limit": _MEMORY, "temp_directory": str(scratch), "threads": "1"}
    with duckdb.connect(config=settings) as connection:
        work = _Work(connection, scratch, log)
        work.load(copies)
        work.number_tests()
        work.tell_repeated()
        work.part_repeated_items()
        work.refuse()
        return work.written()


@dataclass(frozen=True)
class _Work:
    connection: duckdb.DuckDBPyConnection
    scratch: Path
    log: FindingLog

    def load(self, copies: Sequence[Copied]) -> None:
        """Make the views `tests` and `items`, each row with the key it is joined by."""
        for table in ("test", "item"):
            chosen = [copy for copy in copies if copy.layout.table == table]
            paths = [str(copy.path) for copy in chosen] or [str(_empty(table, self.scratch))]
            listed = ", ".join(_quoted(path) for path in paths)
            self.connection.execute(
                f"""
                CREATE VIEW {table}s AS
                SELECT *, {_folded(KEY, STUDENT)} AS key FROM
                  read_parquet([{listed}], file_row_number = true, filename = true)
                """  # noqa: S608
            )

    def number_tests(self) -> None:
        """Number the tests in the order of the files; a later one of the same key gets none."""
        self.connection.execute(
            f"""
            CREATE TABLE numbered AS
            SELECT key, filename, file_row_number, {REFUSED} AS refused, nth,
                   CASE WHEN nth = 1 THEN
                     count(*) FILTER (nth = 1) OVER (
                       ORDER BY filename, file_row_number
                       ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - 1
                   END AS number
            FROM (
              SELECT *, CASE WHEN key = '' THEN 1 ELSE row_number() OVER (
                PARTITION BY key ORDER BY filename, file_row_number) END AS nth
              FROM tests
            )
            """  # noqa: S608
        )

    def tell_repeated(self) -> None:
        """Say which tests stand twice."""
        query = f"""
            SELECT t.{FILE}, t.{ROW}, t.{KEY} FROM tests t
            JOIN numbered n USING (filename, file_row_number)
            WHERE n.nth > 1 ORDER BY t.filename, t.{ROW}
        """  # noqa: S608
        for file, row, key in self._rows(query):
            self.log.add(
                "opportunity_twice", file=file, record=key.strip(), field=KEY, row=row, value=key
            )

    def part_repeated_items(self) -> None:
        """Find the item rows of later tests of one key: in as many runs as there are tests.

        The first run belongs to the first test; where runs and tests can't be paired, no
        test of that key is kept.
        """
        self.connection.execute(
            f"""
            CREATE TABLE runs AS
            SELECT key, filename, file_row_number, shown, place,
                   dense_rank() OVER (PARTITION BY key ORDER BY filename, island) AS run
            FROM (
              SELECT key, filename, file_row_number, {FILE} AS shown, {ROW} AS place,
                     file_row_number - row_number() OVER (
                       PARTITION BY key, filename ORDER BY file_row_number) AS island
              FROM items WHERE key IN (SELECT key FROM numbered WHERE nth > 1)
            )
            """  # noqa: S608
        )
        self.connection.execute(
            """
            CREATE TABLE later AS
            SELECT r.filename, r.file_row_number FROM runs r
            WHERE r.run > 1 AND (SELECT max(run) FROM runs s WHERE s.key = r.key)
                              = (SELECT max(nth) FROM numbered n WHERE n.key = r.key)
            """
        )
        self.connection.execute(
            """
            CREATE TABLE unpaired AS
            SELECT r.key, min(r.shown) AS shown, min(r.place) AS place, count(*) AS rows
            FROM runs r
            WHERE (SELECT max(run) FROM runs s WHERE s.key = r.key)
               <> (SELECT max(nth) FROM numbered n WHERE n.key = r.key)
            GROUP BY r.key
            """
        )
        for file, row, key, count in self._rows(
            "SELECT shown, place, key, rows FROM unpaired ORDER BY 1, 2"
        ):
            self.log.add("item_rows_unpaired", file=file, record=key, row=row, count=count)

    def refuse(self) -> None:
        """Leave out the tests that are damaged, and those one of whose item rows is."""
        self.connection.execute(
            f"""
            CREATE TABLE damaged AS
            SELECT key, min({FILE}) AS file, min({ROW}) AS place FROM items
            WHERE {REFUSED} AND key <> '' GROUP BY key
            """  # noqa: S608
        )
        self.connection.execute(
            """
            CREATE TABLE kept AS
            SELECT n.key, n.filename, n.file_row_number,
                   CASE WHEN NOT n.refused THEN
                     count(*) FILTER (NOT n.refused) OVER (
                       ORDER BY n.number ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - 1
                   END AS number, n.refused
            FROM (
              SELECT * REPLACE (
                refused OR key IN (SELECT key FROM damaged)
                        OR key IN (SELECT key FROM unpaired) AS refused)
              FROM numbered WHERE nth = 1
            ) n
            """
        )
        query = f"""
            SELECT t.{FILE}, t.{ROW}, t.{KEY} FROM kept k
            JOIN tests t USING (filename, file_row_number) JOIN damaged d ON k.key = d.key
            WHERE NOT t.{REFUSED} ORDER BY t.filename, t.{ROW}
        """  # noqa: S608
        for file, row, key in self._rows(query):
            self.log.add("result_item_row_refused", file=file, record=key.strip(), row=row)

    def written(self) -> Joined:
        """Write both tables in the order of the results, and say which items have no test."""
        tests, items = self.scratch / "joined-tests.parquet", self.scratch / "joined-items.parquet"
        columns = ", ".join(f't."{name}"' for name in TEST_COLUMNS)
        self._copy(
            f"""
            SELECT CAST(k.number AS INTEGER) AS {RESULT}, t.{FILE} AS file,
                   t.{ROW} AS "row", {columns}
            FROM kept k JOIN tests t USING (filename, file_row_number)
            WHERE k.number IS NOT NULL ORDER BY k.number
            """,  # noqa: S608
            tests,
        )
        columns = ", ".join(f'i."{name}"' for name in ITEM_COLUMNS)
        self._copy(
            f"""
            SELECT CAST(coalesce(k.number, {NO_TEST}) AS INTEGER) AS {RESULT}, i.{FILE} AS file,
                   i.{ROW} AS "row", {columns}
            FROM items i LEFT JOIN kept k ON i.key = k.key AND i.key <> ''
            ANTI JOIN later l
              ON i.filename = l.filename AND i.file_row_number = l.file_row_number
            WHERE NOT i.{REFUSED} AND NOT coalesce(k.refused, false)
            ORDER BY 1, i.filename, i.file_row_number
            """,  # noqa: S608
            items,
        )
        self._tell_left_out_items()
        self._tell_orphans()
        return Joined(tests, items, pq.read_metadata(tests).num_rows)

    def _tell_left_out_items(self) -> None:
        query = f"""
            SELECT i.{FILE}, count(*) FROM items i JOIN kept k ON i.key = k.key
            WHERE k.refused AND NOT i.{REFUSED} AND i.key <> '' GROUP BY ALL ORDER BY 1
        """  # noqa: S608
        for file, count in self._rows(query):
            self.log.add("item_rows_of_left_out_test", file=file, count=count)

    def _tell_orphans(self) -> None:
        """One finding an opportunity; one a file when there is no test table at all."""
        has_tests = bool(next(self._rows("SELECT count(*) FROM tests"))[0])
        by = "i.key, " if has_tests else ""
        query = f"""
            SELECT i.{FILE}, min(i.{ROW}), {f"min(i.{KEY})" if has_tests else "''"}, count(*)
            FROM items i LEFT JOIN kept k ON i.key = k.key AND i.key <> ''
            WHERE NOT i.{REFUSED} AND k.key IS NULL
            GROUP BY {by} i.{FILE} ORDER BY min(i.filename), 2
        """  # noqa: S608
        for file, row, key, count in self._rows(query):
            self.log.add(
                "item_rows_without_test", file=file, record=key.strip(), row=row, count=count
            )

    def _copy(self, query: str, target: Path) -> None:
        self.connection.execute(
            f"COPY ({query}) TO {_quoted(str(target))} "
            "(FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE 20480)"
        )

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        found = self.connection.cursor().execute(query)
        while rows := found.fetchmany(_FETCH):
            yield from rows


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _folded(key: str, student: str) -> str:
    """SQL for what rows are joined by.

    Identifiers are compared without outer blanks, and UUIDs without regard to case and
    dashes; rows of the older forms, which have none, by their student.
    """
    plain = f"trim({key}, ' ' || chr(9))"
    by_student = f"trim({student}, ' ' || chr(9))"
    return f"""
        CASE WHEN regexp_full_match({plain}, '{_UUID}') THEN lower(replace({plain}, '-', ''))
             WHEN {plain} <> '' THEN {plain}
             WHEN {by_student} <> '' THEN 'student:' || {by_student}
             ELSE '' END
    """


def _empty(table: str, scratch: Path) -> Path:
    path = scratch / f"empty-{table}.parquet"
    pq.write_table(pa.table(parquet_schema(table).empty_table()), path)
    return path
