"""Reading the two tables of the annual submission: any column order, split, zipped, any size.

Every file is copied, as text, to a temporary Parquet file; tests are numbered in the order
of the files, item rows sorted to their tests on disk; then both are walked side by side.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Limits
from scorehouse.intake.readers.two_tables_copy import Copied, copy_table
from scorehouse.intake.readers.two_tables_files import Unpacking
from scorehouse.intake.readers.two_tables_join import Joined, join_tables
from scorehouse.intake.readers.two_tables_layout import recognize
from scorehouse.intake.results import ResultChunk
from scorehouse.intake.unflatten_numbers import drop_repeated, numbered_items
from scorehouse.result_shapes import ITEM_TABLE, RESULT, TEST_TABLE

Progress = Callable[[int, int | None], None]
_ITEM_ROWS = 50_000


def is_two_tables_header(names: Sequence[str]) -> bool:
    """Tell whether a first line is the header of the test table or the item table.

    >>> is_two_tables_header(["TestOpportunityId", "ItemId", "ItemScore"])
    True
    >>> is_two_tables_header(["opportunity_id", "item_id", "score"])
    False
    """
    layout = recognize(names)
    return layout is not None and layout.has_header


def read_two_tables(
    paths: Path | Sequence[Path],
    log: FindingLog,
    *,
    chunk_results: int = 2_000,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> Iterator[ResultChunk]:
    """Yield the results of test and item tables, in the order of the test rows.

    `paths` are CSV files, folders and zips in any mixture, split in any way. Results have no
    `elements`. Item rows without a test come last, in chunks without tests, as result -1.
    """
    given = [paths] if isinstance(paths, Path) else list(paths)
    with tempfile.TemporaryDirectory(prefix="scorehouse-") as folder:
        scratch = Path(folder)
        unpacking = Unpacking(scratch, log, limits or Limits())
        copies = []
        for file in unpacking.files(given):
            copied = copy_table(file, scratch, log)
            copies += [copied] if copied else []
            if file.path.is_relative_to(scratch):
                file.path.unlink()
        _tell_missing(copies, log)
        if copies:
            yield from _stream(join_tables(copies, scratch, log), chunk_results, progress, log)


_NO_ITEMS = "results_item_table_missing"


def _tell_missing(copies: list[Copied], log: FindingLog) -> None:
    tables = {copy.layout.table for copy in copies}
    for table, rule in (("test", "results_test_table_missing"), ("item", _NO_ITEMS)):
        if tables and table not in tables:
            log.add(rule, file=copies[0].shown)


def _stream(
    joined: Joined, chunk_results: int, progress: Progress | None, log: FindingLog
) -> Iterator[ResultChunk]:
    items = _ItemCursor(joined.items)
    done = 0
    has_items = pq.read_metadata(joined.items).num_rows > 0
    for tests in _test_batches(joined.tests, chunk_results):
        done += tests.num_rows
        chunk = _chunk(tests, items.take_below(done), log)
        if has_items:
            _tell_empty(chunk, log)
        yield chunk
        if progress:
            progress(done, joined.results)
    for orphans in items.rest():
        yield _chunk(TEST_TABLE.empty_table(), orphans, log)


def _test_batches(path: Path, count: int) -> Iterator[pa.Table]:
    waiting = TEST_TABLE.empty_table()
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(count):
            waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch]).cast(TEST_TABLE)])
            while waiting.num_rows >= count:
                yield waiting.slice(0, count).combine_chunks()
                waiting = waiting.slice(count)
    if waiting.num_rows:
        yield waiting.combine_chunks()


_COPIED_ITEMS = pa.schema([field for field in ITEM_TABLE if field.name != "item"])


class _ItemCursor:
    """Item rows in the order of results, handed out result by result."""

    def __init__(self, path: Path) -> None:
        self._batches = self._opened(path)
        self._waiting: list[pa.Table] = []

    @staticmethod
    def _opened(path: Path) -> Iterator[pa.Table]:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_ITEM_ROWS):
                yield pa.Table.from_batches([batch]).cast(_COPIED_ITEMS)

    def take_below(self, result: int) -> pa.Table:
        """Return the rows of all results before one."""
        taken = []
        while True:
            if not self._waiting:
                table = next(self._batches, None)
                if table is None:
                    break
                self._waiting.append(table)
            table = self._waiting.pop()
            count = int(pc.sum(pc.less(table[RESULT], result)).as_py() or 0)
            taken.append(table.slice(0, count))
            if count < table.num_rows:
                self._waiting.append(table.slice(count))
                break
        return pa.concat_tables(taken) if taken else _COPIED_ITEMS.empty_table()

    def rest(self) -> Iterator[pa.Table]:
        """Yield what is left: the rows that belong to no test."""
        for table in chain(self._waiting, self._batches):
            if table.num_rows:
                nobody = pa.array([-1] * table.num_rows, pa.int32())
                yield table.set_column(0, _COPIED_ITEMS.field(RESULT), nobody)


def _chunk(tests: pa.Table, items: pa.Table, log: FindingLog) -> ResultChunk:
    frame = pl.from_arrow(items)
    assert isinstance(frame, pl.DataFrame)
    kept, repeated = drop_repeated(frame)
    for row in repeated.iter_rows(named=True):
        log.add(
            "item_row_twice",
            file=row["file"],
            record=row["TestOpportunityId"].strip(),
            row=row["row"],
            field="ItemId",
            value=row["ItemId"],
        )
    numbered = numbered_items(kept)
    return ResultChunk({}, tests, numbered.to_arrow().select(ITEM_TABLE.names).cast(ITEM_TABLE))


def _tell_empty(chunk: ResultChunk, log: FindingLog) -> None:
    without = pc.invert(pc.is_in(chunk.tests[RESULT], value_set=chunk.items[RESULT].unique()))
    for row in chunk.tests.select(["file", "row", "TestOpportunityId"]).filter(without).to_pylist():
        log.add(
            "opportunity_without_responses",
            file=row["file"],
            record=row["TestOpportunityId"].strip(),
            row=row["row"],
        )
