"""The order of responses and opportunities, and which opportunities stand twice.

One pass over the two `opportunity_id` columns, keeping eight bytes a test, decides whether
both tables can be walked side by side or must be sorted first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scorehouse.intake.canonical import coded
from scorehouse.intake.readers.table_source import ROW, TableSource

KEY = "opportunity_id"
_SCAN_ROWS = 1 << 20
_SORT_MEMORY = "1GB"
_BLANKS = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"  # as coded() trims

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """How the runs of responses (rows of one test standing together) meet the opportunities."""

    starts: Integers  # the first row (from 0) of each run
    in_step: bool  # runs are whole tests, in the order of the opportunities
    positions: Integers | None  # of each run: its opportunity's place from 0; -1: it has none
    repeated: Integers  # places of opportunities whose id was met before
    repeated_rows: Integers  # rows (from 0) of responses that repeat a repeated opportunity


@dataclass(frozen=True)
class _Runs:
    hashes: Integers
    starts: Integers


def find_order(responses: TableSource, opportunities: TableSource | None) -> Order:
    """Compare the order of two tables; exact but for a collision of 64-bit hashes.

    A collision can only lead to a needless sort or be met, and said, while streaming.
    """
    runs = _runs(responses)
    is_whole = np.unique(runs.hashes).size == runs.hashes.size
    none = np.zeros(0, np.int64)
    if opportunities is None:
        return Order(runs.starts, bool(is_whole), None, none, none)
    keys = _hashes(opportunities)
    repeated = _repeated(opportunities, keys)
    positions = _positions(runs.hashes, np.delete(keys, repeated), repeated, keys)
    known = positions[positions >= 0]
    in_step = bool(is_whole and np.all(known[1:] > known[:-1]))
    later = _later_runs(runs, keys[repeated], responses.row_count)
    return Order(runs.starts, in_step, positions, repeated, later)


def run_starts(column: pa.DictionaryArray) -> Integers:
    """Return where each run of equal values starts; the first is 0."""
    indices = column.indices.to_numpy()
    if not indices.size:
        return np.zeros(0, np.int64)
    changes = np.flatnonzero(indices[1:] != indices[:-1]) + 1
    return np.concatenate(([0], changes)).astype(np.int64)


def _runs(source: TableSource) -> _Runs:
    hashes: list[Integers] = []
    starts: list[Integers] = []
    last: int | None = None
    for first, table in source.batches([KEY], _SCAN_ROWS):
        column = coded(table[KEY], is_distinct=True)
        begin = run_starts(column)
        found = _hashed(column.take(pa.array(begin)))
        if found.size and last is not None and found[0] == last:
            begin, found = begin[1:], found[1:]
        last = int(found[-1]) if found.size else last
        hashes.append(found)
        starts.append(begin + (first - 1))
    return _Runs(_joined(hashes), _joined(starts))


def _hashes(source: TableSource) -> Integers:
    return _joined(
        [_hashed(coded(t[KEY], is_distinct=True)) for _, t in source.batches([KEY], _SCAN_ROWS)]
    )


def _hashed(column: pa.DictionaryArray) -> Integers:
    distinct = np.fromiter(map(hash, column.dictionary.to_pylist()), np.int64)
    hashes: Integers = distinct[column.indices.to_numpy()]
    return hashes


def _joined(parts: list[Integers]) -> Integers:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _repeated(source: TableSource, keys: Integers) -> Integers:
    """Places of opportunities met before: by hash first, then by the texts themselves."""
    distinct, counts = np.unique(keys, return_counts=True)
    suspects = distinct[counts > 1]
    if not suspects.size:
        return np.zeros(0, np.int64)
    seen: set[str] = set()
    places: list[int] = []
    for first, table in source.batches([KEY], _SCAN_ROWS):
        column = coded(table[KEY], is_distinct=True)
        for place in np.flatnonzero(np.isin(_hashed(column), suspects)):
            text = column[int(place)].as_py()
            if text in seen:
                places.append(first - 1 + int(place))
            seen.add(text)
    return np.array(places, np.int64)


def _positions(runs: Integers, unique: Integers, repeated: Integers, keys: Integers) -> Integers:
    """The place in the opportunities of each run's id; -1 where there is none."""
    if np.array_equal(runs, keys):
        return np.arange(keys.size, dtype=np.int64)
    places = np.delete(np.arange(keys.size, dtype=np.int64), repeated)
    order = np.argsort(unique, kind="stable")
    ranked = unique[order]
    at = np.minimum(np.searchsorted(ranked, runs), max(ranked.size - 1, 0))
    if not ranked.size:
        return np.full(runs.size, -1, np.int64)
    return np.where(ranked[at] == runs, places[order[at]], -1)


def _later_runs(runs: _Runs, twice: Integers, row_count: int) -> Integers:
    """Rows of the second and later runs of opportunities that stand twice."""
    concerned = np.flatnonzero(np.isin(runs.hashes, twice))
    _, firsts = np.unique(runs.hashes[concerned], return_index=True)
    later = np.delete(concerned, firsts)
    ends = np.append(runs.starts[1:], row_count)
    ranges = [np.arange(runs.starts[run], ends[run]) for run in later]
    return _joined(ranges).astype(np.int64)


def sort_table(source: TableSource, without: Integers, scratch: Path) -> TableSource:
    """Sort a table by opportunity, within it by row, on disk; `without` are rows left out."""
    target = scratch / f"sorted-{source.path.stem}-{len(list(scratch.iterdir()))}.parquet"
    row = ROW if ROW in source.columns else "file_row_number + 1"
    names = [name for name in source.columns if name and name not in (ROW, KEY)]
    columns = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names)
    settings = {"memory_limit": _SORT_MEMORY, "temp_directory": str(scratch), "threads": "2"}
    with duckdb.connect(config=settings) as connection:
        connection.register("left_out", pa.table({"place": without}))
        connection.execute(
            f"""
            COPY (
                SELECT coalesce(trim(CAST({KEY} AS VARCHAR), {_BLANKS}), '') AS {KEY},
                       {row} AS {ROW}{", " if columns else ""}{columns}
                FROM read_parquet(?, file_row_number = true) ANTI JOIN left_out
                  ON file_row_number = place
                ORDER BY {KEY}, {ROW}
            ) TO '{str(target).replace("'", "''")}' (FORMAT parquet, COMPRESSION lz4)
            """,  # noqa: S608
            [str(source.path)],
        )
    kept = source.row_count - without.size
    return TableSource(target, source.shown, (KEY, ROW, *names), kept)
