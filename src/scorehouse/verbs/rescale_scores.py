"""Rescaling scores tables: whole tests in, chunk after chunk, in threads; order is kept."""

from __future__ import annotations

import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scorehouse.intake.canonical import CellFault, as_text, typed
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.table_source import REFUSED, ROW, TableSource, open_table
from scorehouse.scoring.rescale_report import ChangeReport, changes_of
from scorehouse.scoring.rescale_scores import Mark, RescaledScores, ScoresRescaler
from scorehouse.shapes import SCORES
from scorehouse.terms import MeasurementRules
from scorehouse.verbs.output import TableSink
from scorehouse.verbs.rescale_twice import SeenTests, rows_twice

Progress = Callable[[int, int | None], None]
NEEDED = (
    *("opportunity_id", "school_year", "subject", "test_grade", "measure", "theta"),
    *("scale_score", "raw_score", "raw_score_max", "score_status", "policy"),
)
BATCH_ROWS = 100_000


class _Chunk(NamedTuple):
    """Whole tests of one file, and in which of its rows each score stands."""

    file: str
    scores: pa.Table
    rows: npt.NDArray[np.int64]


_NUMBERED = SCORES.append(pa.field(ROW, pa.int64()))


@dataclass
class ScoresRun:
    """Everything a run writes to, and what it counts on the way."""

    rules: Mapping[str, MeasurementRules]
    policy_id: str
    scores: TableSink
    changes: TableSink
    report: ChangeReport
    log: FindingLog
    _obstacles: Counter[tuple[str, Mark, str]] = field(default_factory=Counter)
    _no_theta: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    _errors_lost: Counter[str] = field(default_factory=Counter)
    _twice: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    _seen: SeenTests = field(default_factory=SeenTests)

    def take(self, chunk: _Chunk, found: RescaledScores) -> None:
        """Write and count what rescaling a chunk gave."""
        self.scores.write_table(found.scores)
        self.report.add(found.compared)
        self.report.add_unchanged(found.unchanged)
        changes = changes_of(found.compared)
        if changes.num_rows:
            self.changes.write_table(changes)
        self._tell_left(chunk, found)
        self._errors_lost[chunk.file] += found.errors_lost
        for (mark, why), count in found.obstacles.items():
            self._obstacles[chunk.file, mark, why] += count
        self._seen.add(chunk.scores["opportunity_id"])
        _count(self._no_theta, chunk, found.no_theta)
        _count(self._twice, chunk, rows_twice(chunk.scores))

    def _tell_left(self, chunk: _Chunk, found: RescaledScores) -> None:
        rows = chunk.scores.select(["opportunity_id", "measure"]).take(pa.array(found.left))
        for place, row in zip(found.left.tolist(), rows.to_pylist(), strict=True):
            self.log.add(
                "rescale_needs_responses",
                file=chunk.file,
                record=row["opportunity_id"],
                field=row["measure"],
                row=int(chunk.rows[place]),
            )

    def tell(self) -> None:
        """Say what was only counted."""
        for (file, (year, subject, grade, policy), why), count in sorted(self._obstacles.items()):
            what = f"{year or 'no year'}, {subject or 'no subject'}, grade {grade or 'unknown'}"
            what += f", policy {policy}" if policy else ""
            self.log.add("rescale_impossible", file=file, what=what, count=count, reason=why)
        for file, (count, record, row) in self._no_theta.items():
            where = {"file": file, "record": record, "field": "scale_score"}
            self.log.add("rescale_theta_missing", **where, row=row, count=count)
        for file, (count, record, row) in self._twice.items():
            self.log.add("rescale_row_twice", file=file, record=record, row=row, count=count)
        self._seen.tell(self.log)
        for file, count in self._errors_lost.items():
            if count:
                self.log.add("rescale_error_unknown", file=file, field="se_scale", count=count)


def _count(
    counted: dict[str, tuple[int, str, int]], chunk: _Chunk, places: npt.NDArray[np.int64]
) -> None:
    """Count rows of a file, and keep the record and the row of the first."""
    if len(places):
        first = int(places[0])
        here = (0, chunk.scores["opportunity_id"][first].as_py(), int(chunk.rows[first]))
        count, record, row = counted.get(chunk.file, here)
        counted[chunk.file] = (count + len(places), record, row)


def rescale_tables(
    run: ScoresRun, paths: Sequence[Path], threads: int = 1, progress: Progress | None = None
) -> int:
    """Rescale tables one after another into the run's sink; gives the number of rows."""
    rescaler = ScoresRescaler(run.rules, run.policy_id)
    done = 0
    with tempfile.TemporaryDirectory(prefix="scorehouse-") as folder:
        sources = [source for path in paths if (source := _opened(path, run.log, Path(folder)))]
        expected = sum(source.row_count for source in sources)
        chunks = (chunk for source in sources for chunk in _chunks(source, run.log))
        for chunk, found in _in_order(chunks, rescaler, threads):
            run.take(chunk, found)
            done += chunk.scores.num_rows
            if progress:
                progress(done, expected)
    run.tell()
    return done


def _opened(path: Path, log: FindingLog, scratch: Path) -> TableSource | None:
    return open_table(path, NEEDED, SCORES.names, log, scratch)


def _in_order(
    chunks: Iterator[_Chunk], rescaler: ScoresRescaler, threads: int
) -> Iterator[tuple[_Chunk, RescaledScores]]:
    """Rescale chunks in threads, giving them back in order and never holding many."""
    waiting: deque[tuple[_Chunk, Future[RescaledScores]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for chunk in chunks:
            waiting.append((chunk, pool.submit(rescaler.rescale, chunk.scores)))
            if len(waiting) > threads:
                first, found = waiting.popleft()
                yield first, found.result()
        for first, found in waiting:
            yield first, found.result()


def _chunks(source: TableSource, log: FindingLog) -> Iterator[_Chunk]:
    """The rows of a table, typed; a test is never parted."""
    rest = _NUMBERED.empty_table()
    for batch in _batches(source, log):
        table = pa.concat_tables([rest, batch])
        whole = _start_of_last_test(table)
        if whole:
            yield _chunk(source, table.slice(0, whole))
        rest = table.slice(whole)
    if rest.num_rows:
        yield _chunk(source, rest)


def _chunk(source: TableSource, table: pa.Table) -> _Chunk:
    return _Chunk(source.shown, table.select(SCORES.names), table[ROW].to_numpy())


def _start_of_last_test(table: pa.Table) -> int:
    """Where the last test's rows begin."""
    if not table.num_rows:
        return 0
    tests = table["opportunity_id"]
    is_other = pc.not_equal(tests, tests[-1]).to_numpy()
    others = np.flatnonzero(is_other)
    return int(others[-1]) + 1 if len(others) else 0


def _batches(source: TableSource, log: FindingLog) -> Iterator[pa.Table]:
    wanted = [name for name in (*SCORES.names, ROW, REFUSED) if name in source.columns]
    first = 1
    with pq.ParquetFile(source.path) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
            yield _typed(pa.Table.from_batches([batch]), source, first, log)
            first += batch.num_rows


def _typed(table: pa.Table, source: TableSource, first: int, log: FindingLog) -> pa.Table:
    """A table of `shapes.SCORES`; rows with a cell that can't be typed are left out, and told."""
    faults: list[CellFault] = []
    columns = []
    for column in SCORES:
        array, found = _column(table, column)
        columns.append(array)
        faults += found
    rows = np.arange(first, first + table.num_rows, dtype=np.int64)
    scores = pa.table([*columns, pa.array(rows)], _NUMBERED)
    is_bad = np.zeros(table.num_rows, bool)
    if REFUSED in table.column_names:
        is_bad |= table[REFUSED].to_numpy()
    for fault in faults:
        _tell_fault(fault, scores, source, log)
        is_bad[fault.place] = True
    return scores.filter(pa.array(~is_bad)) if is_bad.any() else scores


def _column(table: pa.Table, column: pa.Field) -> tuple[pa.ChunkedArray, list[CellFault]]:
    if column.name not in table.column_names:
        filled = "" if pa.types.is_string(column.type) else None
        return pa.chunked_array([pa.array([filled] * table.num_rows, column.type)]), []
    given = table[column.name]
    if pa.types.is_string(column.type):
        is_plain = pa.types.is_string(given.type)
        return (given.fill_null("") if is_plain else as_text(given)), []
    array, faults = typed(given, column.name, column.type)
    return pa.chunked_array([array]), faults


def _tell_fault(fault: CellFault, scores: pa.Table, source: TableSource, log: FindingLog) -> None:
    row = scores.select(["opportunity_id", ROW]).slice(fault.place, 1).to_pylist()[0]
    log.add(
        "column_value",
        file=source.shown,
        record=row["opportunity_id"],
        field=fault.column,
        row=row[ROW],
        value=fault.value,
        expected=fault.expected,
    )
