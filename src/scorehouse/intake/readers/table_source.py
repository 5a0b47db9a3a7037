"""A large table that is read in batches, several times if need be: Parquet, or CSV made into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.damage import EMPTY_FILE, unreadable
from scorehouse.intake.readers.delimited import TextBatch, is_utf8, read_batches, read_header
from scorehouse.intake.readers.identify import FileKind, identify

ROW = "scorehouse_row"  # the row in the user's file, from 1
REFUSED = "scorehouse_refused"  # whether the row itself is damaged
OWN_COLUMNS = (ROW, REFUSED)


@dataclass(frozen=True)
class TableSource:
    """A Parquet file to read from, and the name findings give to what the user gave.

    It may stand for a part of the file: the rows from `first_row` (counted from 0) up to, not
    including, `row_count`. Rows are called by their place in the whole file.
    """

    path: Path
    shown: str
    columns: tuple[str, ...]
    row_count: int
    first_row: int = 0

    def batches(self, columns: Sequence[str], batch_rows: int) -> Iterator[tuple[int, pa.Table]]:
        """Yield the 1-based place of the first row, and some rows; text comes coded.

        No batch reaches across row groups, so that texts needn't be coded anew.
        """
        wanted = [name for name in columns if name in self.columns]
        schema = pq.read_schema(self.path)
        text = [name for name in wanted if _is_text(schema.field(name).type)]
        end = 0
        with pq.ParquetFile(self.path, read_dictionary=text) as file:
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                first, end = end + 1, end + count
                if end <= self.first_row or first > self.row_count:
                    continue
                size = -(-count // max(1, round(count / batch_rows)))  # about equal pieces
                for batch in file.iter_batches(size or 1, row_groups=[group], columns=wanted):
                    yield from self._inside(first, pa.Table.from_batches([batch]))
                    first += batch.num_rows

    def _inside(self, first: int, rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
        """What of some rows is in this part."""
        before = max(0, self.first_row + 1 - first)
        count = min(rows.num_rows, self.row_count + 1 - first) - before
        if count > 0:
            yield first + before, rows.slice(before, count)


def _is_text(kind: object) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def open_table(
    path: Path,
    needed: Sequence[str],
    known: Sequence[str],
    log: FindingLog,
    scratch: Path,
    quiet: Sequence[str] = (),
) -> TableSource | None:
    """Open a CSV or Parquet table; None, with findings, when it must be refused.

    A CSV is copied, as text, to Parquet in the `scratch` folder. `needed` columns must be
    there, other `known` ones are said to be absent unless they are `quiet`.
    """
    try:
        kind = identify(path)
        if kind is FileKind.PARQUET:
            with pq.ParquetFile(path) as file:
                source = TableSource(
                    path, path.name, tuple(file.schema_arrow.names), file.metadata.num_rows
                )
        elif kind is FileKind.CSV and is_utf8(path, path.name, log):
            source = _from_csv(path, scratch, log)
        else:
            if kind is FileKind.EMPTY:
                log.add("file_unreadable", file=path.name, reason=EMPTY_FILE)
            elif kind is not FileKind.CSV:
                log.add("file_unknown_kind", file=path.name)
            return None
    except (OSError, pa.ArrowException) as error:
        log.add("file_unreadable", file=path.name, reason=unreadable(error))
        return None
    return source if _check_columns(source, needed, known, quiet, log) else None


def _check_columns(
    source: TableSource,
    needed: Sequence[str],
    known: Sequence[str],
    quiet: Sequence[str],
    log: FindingLog,
) -> bool:
    columns = [name for name in source.columns if name not in OWN_COLUMNS]
    missing = [name for name in needed if name not in columns]
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if missing or repeated:
        rules = {"column_missing": missing, "column_twice": repeated}
    else:
        rules = _worth_telling(columns, needed, known, quiet)
    for rule, names in rules.items():
        for name in names:
            log.add(rule, file=source.shown, field=name)
    return not (missing or repeated)


def _worth_telling(
    columns: Sequence[str], needed: Sequence[str], known: Sequence[str], quiet: Sequence[str]
) -> dict[str, list[str]]:
    return {
        "column_absent": [name for name in known if name not in (*columns, *needed, *quiet)],
        "column_unknown": [name for name in columns if name not in known],
    }


def _from_csv(path: Path, scratch: Path, log: FindingLog) -> TableSource:
    names = read_header(path)
    if len(set(names)) < len(names):
        return TableSource(path, path.name, tuple(names), 0)
    schema = pa.schema(
        [*((name, pa.string()) for name in names), (ROW, pa.int64()), (REFUSED, pa.bool_())]
    )
    copy = scratch / f"{path.stem}-{len(list(scratch.iterdir()))}.parquet"
    count = 0
    with pq.ParquetWriter(copy, schema, compression="lz4") as writer:
        for batch in read_batches(path, path.name, log):
            writer.write_table(_marked(batch, schema, path.name, log))
            count += len(batch)
    return TableSource(copy, path.name, (*names, *OWN_COLUMNS), count)


def _marked(batch: TextBatch, schema: pa.Schema, shown: str, log: FindingLog) -> pa.Table:
    """Add each row's place and whether it is damaged, and say what is wrong with it."""
    refused = np.zeros(len(batch), dtype=bool)
    identifiers = batch.columns.get("opportunity_id")
    for place, found in batch.odd:
        refused[place] = True
        rule = "csv_row_short" if found < len(batch.columns) else "csv_row_long"
        record = identifiers[place].as_py() if identifiers is not None else ""
        row = batch.first_row + place
        log.add(rule, file=shown, record=record, row=row, found=found, expected=len(batch.columns))
    rows = np.arange(batch.first_row, batch.first_row + len(batch), dtype=np.int64)
    return pa.table([*batch.columns.values(), pa.array(rows), pa.array(refused)], schema=schema)
