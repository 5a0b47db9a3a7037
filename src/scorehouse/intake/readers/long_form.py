"""Reading the long form: responses and their opportunities walked side by side.

Parquet is streamed in bounded memory; CSV is copied to a temporary Parquet file first. If
the rows of a test don't stand together, or the tables differ in order, both are sorted on
disk before.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.intake.canonical import (
    CHUNK_OPPORTUNITIES,
    CHUNK_RESPONSES,
    ResponseChunk,
    as_text,
    in_one_piece,
    typed,
)
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.blocks import Block, Flags, blocks
from scorehouse.intake.readers.damage import unreadable
from scorehouse.intake.readers.order import KEY, Integers, Order, find_order, sort_table
from scorehouse.intake.readers.table_source import (
    OWN_COLUMNS,
    REFUSED,
    ROW,
    TableSource,
    open_table,
)
from scorehouse.shapes import OPPORTUNITIES, RESPONSES

NEEDED = ("opportunity_id", "assessment_id", "item_id", "answered", "score")
_ROWS_A_TEST = 48  # a full test's; only how many rows are read at once depends on it
_FROM_RESPONSES = ("student_id", "assessment_id", "school_year")
_RESPONSE_COLUMNS = RESPONSES.names
_OWN_RESPONSES = ("use", "item_type")
_SPELLING: dict[str, Callable[[pa.ChunkedArray], pa.ChunkedArray]] = {
    "mode": pc.utf8_lower,
    "status": pc.utf8_lower,
    "completeness": pc.utf8_capitalize,
}

Progress = Callable[[int, int | None], None]


def read_long_form(
    path: Path,
    opportunities: Path | None,
    log: FindingLog,
    *,
    chunk_tests: int,
    progress: Progress | None = None,
) -> Iterator[ResponseChunk]:
    """Yield the tests of a responses table, each with its row of the opportunities table."""
    with tempfile.TemporaryDirectory(prefix="scorehouse-") as folder:
        scratch = Path(folder)
        tables = opened(path, opportunities, log, scratch)
        if tables is None:
            return
        try:
            yield from _stream(*tables, chunk_tests, progress, log, scratch)
        except (OSError, pa.ArrowException) as error:
            log.add("file_unreadable", file=path.name, reason=unreadable(error))


def opened(
    path: Path, beside: Path | None, log: FindingLog, scratch: Path
) -> tuple[TableSource, TableSource | None] | None:
    """Open a responses table and its opportunities; None, with findings, if one is refused."""
    known = [*_RESPONSE_COLUMNS, *(name for name in _OWN_RESPONSES)]
    responses = open_table(path, NEEDED, known, log, scratch, quiet=_OWN_RESPONSES)
    if beside is None:
        log.add("opportunities_missing", file=path.name)
        return None if responses is None else (responses, None)
    extra = [name for name in CHUNK_OPPORTUNITIES.names if name not in OPPORTUNITIES.names]
    known = [*OPPORTUNITIES.names, *extra]
    sittings = open_table(beside, (KEY,), known, log, scratch, quiet=(*extra, "force_completed"))
    return None if responses is None or sittings is None else (responses, sittings)


def _stream(
    responses: TableSource,
    sittings: TableSource | None,
    chunk_tests: int,
    progress: Progress | None,
    log: FindingLog,
    scratch: Path,
) -> Iterator[ResponseChunk]:
    responses, sittings, order = in_step(responses, sittings, scratch)
    total = sittings.row_count if sittings else order.starts.size
    done = 0
    for part in walk(responses, sittings, order, chunk_tests, log):
        yield part
        done += part.opportunities.num_rows
        if progress:
            progress(done, total)


def in_step(
    responses: TableSource, sittings: TableSource | None, scratch: Path
) -> tuple[TableSource, TableSource | None, Order]:
    """The two tables in one order, sorted in the `scratch` folder if they are not yet."""
    order = find_order(responses, sittings)
    if not order.in_step:
        responses = sort_table(responses, order.repeated_rows, scratch)
        nothing = np.zeros(0, np.int64)
        sittings = sort_table(sittings, nothing, scratch) if sittings else None
        order = find_order(responses, sittings)
        if not order.in_step:
            raise OSError("the opportunities can't be brought into one order")
    return responses, sittings, order


def walk(
    responses: TableSource,
    sittings: TableSource | None,
    order: Order,
    chunk_tests: int,
    log: FindingLog,
) -> Iterator[ResponseChunk]:
    """Yield the tests of tables in one order, at most `chunk_tests` at once."""
    for chunk in _walk(responses, sittings, order, chunk_tests, log):
        for first in range(0, chunk.opportunities.num_rows, chunk_tests):
            yield chunk.part(first, min(first + chunk_tests, chunk.opportunities.num_rows))


def _walk(
    responses: TableSource,
    sittings: TableSource | None,
    order: Order,
    chunk_tests: int,
    log: FindingLog,
) -> Iterator[ResponseChunk]:
    found = blocks(responses, order.starts, chunk_tests * _ROWS_A_TEST, log)
    if sittings is None or order.positions is None:
        for block in found:
            yield _alone(block, responses.shown)
        return
    pairing = _Pairing(responses, sittings, order, chunk_tests, log)
    for block in found:
        yield pairing.paired(block)
    yield from pairing.rest()


def _alone(block: Block, shown: str) -> ResponseChunk:
    """A chunk of responses without an opportunities table: log-ons and status not known."""
    kept = _kept_tests(block, ~block.refused)
    firsts = pa.array(kept.offsets[:-1])
    columns = {
        name: pa.nulls(len(firsts), CHUNK_OPPORTUNITIES.field(name).type)
        for name in CHUNK_OPPORTUNITIES.names
    }
    columns[KEY] = kept.keys
    columns["source_row"] = kept.rows[ROW].chunk(0).take(firsts)
    table = _with_response_columns(pa.table(columns, CHUNK_OPPORTUNITIES), kept, firsts, shown)
    return ResponseChunk(kept.rows.select(CHUNK_RESPONSES.names), table, kept.offsets)


def _kept_tests(block: Block, keep: Flags) -> Block:
    if keep.all():
        return block
    lengths = np.diff(block.offsets)
    rows = in_one_piece(block.rows.filter(pa.array(np.repeat(keep, lengths))))
    offsets = np.concatenate(([0], np.cumsum(lengths[keep]))).astype(np.int64)
    return Block(rows, offsets, block.refused[keep])


def _with_response_columns(
    sittings: pa.Table, block: Block, firsts: pa.Array, shown: str
) -> pa.Table:
    """Fill what only the responses say; `firsts` are each test's first row, or null."""
    columns = {name: sittings[name] for name in sittings.column_names}
    for name in _FROM_RESPONSES:
        said = block.rows[name].chunk(0).take(firsts).dictionary_decode()
        said = pc.if_else(pc.equal(said, ""), pa.scalar(None, pa.string()), said)
        columns[name] = pc.coalesce(said, columns[name])
    columns["assessment_name"] = pc.coalesce(columns["assessment_name"], columns["assessment_id"])
    columns["source_row"] = pc.coalesce(
        block.rows[ROW].chunk(0).take(firsts), columns["source_row"]
    )
    columns["file"] = pa.array([shown]).take(pa.array(np.zeros(len(firsts), np.int8)))
    for field in CHUNK_OPPORTUNITIES:
        if pa.types.is_string(field.type):
            columns[field.name] = columns[field.name].fill_null("")
    return in_one_piece(pa.table(columns, CHUNK_OPPORTUNITIES))


@dataclass
class _Sittings:
    """The opportunities table, handed out from front to back."""

    source: TableSource
    log: FindingLog
    batch_rows: int

    def __post_init__(self) -> None:
        columns = [*CHUNK_OPPORTUNITIES.names, *OWN_COLUMNS]
        self._batches = self.source.batches(columns, self.batch_rows)
        self._rest = CHUNK_OPPORTUNITIES.append(pa.field(REFUSED, pa.bool_())).empty_table()

    def take(self, count: int) -> pa.Table:
        """Return the next rows, fewer only at the end."""
        while self._rest.num_rows < count:
            first, table = next(self._batches, (0, None))
            if table is None:
                break
            self._rest = pa.concat_tables([self._rest, self._typed(table, first)])
        taken = self._rest.slice(0, count)
        self._rest = self._rest.slice(count)
        return in_one_piece(taken)

    def _typed(self, table: pa.Table, first: int) -> pa.Table:
        has_rows = ROW in table.column_names
        rows = table[ROW] if has_rows else pa.array(np.arange(first, first + table.num_rows))
        columns = {"source_row": rows}
        refused = np.zeros(table.num_rows, dtype=bool)
        if REFUSED in table.column_names:
            refused |= table[REFUSED].to_numpy()
        for field in CHUNK_OPPORTUNITIES:
            if field.name not in columns:
                columns[field.name] = self._column(table, field, refused, columns)
        ordered = [columns[name] for name in CHUNK_OPPORTUNITIES.names]
        return pa.table([*ordered, pa.array(refused)], self._rest.schema)

    def _column(
        self,
        table: pa.Table,
        field: pa.Field,
        refused: Flags,
        columns: dict[str, pa.Array],
    ) -> pa.Array:
        name = field.name
        if name not in table.column_names:
            return pa.nulls(table.num_rows, field.type)
        if pa.types.is_string(field.type):
            text = as_text(table[name])
            if name in _SPELLING:
                return _SPELLING[name](text)
            return pc.if_else(pc.equal(text, ""), None, text) if name != KEY else text
        column, faults = typed(table[name], name, field.type)
        for fault in faults:
            self.log.add(
                "column_value",
                file=self.source.shown,
                record=columns[KEY][fault.place].as_py(),
                field=name,
                row=int(columns["source_row"][fault.place].as_py()),
                value=fault.value,
                expected=fault.expected,
            )
            refused[fault.place] = True
        return column


class _Pairing:
    """Walks blocks of tests and opportunities side by side."""

    def __init__(
        self,
        responses: TableSource,
        sittings: TableSource,
        order: Order,
        chunk_tests: int,
        log: FindingLog,
    ) -> None:
        self._responses, self._order, self._log = responses, order, log
        self._sittings = _Sittings(sittings, log, chunk_tests)
        self._chunk_tests = chunk_tests
        self._run = 0
        self._place = sittings.first_row

    def paired(self, block: Block) -> ResponseChunk:
        """Give each test of a block its opportunity; opportunities between stay empty."""
        assert self._order.positions is not None
        count = block.offsets.size - 1
        positions = self._order.positions[self._run : self._run + count]
        self._run += count
        is_known = positions >= 0
        self._say_unknown(block, ~is_known & ~block.refused)
        until = int(positions[is_known][-1]) + 1 if is_known.any() else self._place
        return self._chunk(block, positions - self._place, is_known, until)

    def rest(self) -> Iterator[ResponseChunk]:
        """Yield the opportunities after the last test; they have no responses."""
        nothing = Block(_no_rows(), np.zeros(1, np.int64), np.zeros(0, bool))
        while True:
            before = self._place
            none = np.zeros(0, np.int64)
            chunk = self._chunk(nothing, none, none.astype(bool), before + self._chunk_tests)
            if chunk.opportunities.num_rows:
                yield chunk
            if self._place == before:
                return

    def _chunk(
        self,
        block: Block,
        places: Integers,
        is_known: Flags,
        until: int,
    ) -> ResponseChunk:
        start = self._place
        sittings = self._sittings.take(until - start)
        self._place += sittings.num_rows
        is_known = self._confirmed(block, sittings, places, is_known)
        out = np.array(sittings[REFUSED].to_numpy(), dtype=bool)
        out |= self._is_repeated(start, sittings)
        out[places[is_known & block.refused]] = True
        keep = is_known & ~block.refused
        keep[is_known] &= ~out[places[is_known]]
        kept = _kept_tests(block, keep)
        lengths = np.zeros(sittings.num_rows, np.int64)
        firsts = np.full(sittings.num_rows, -1, np.int64)
        lengths[places[keep]] = np.diff(kept.offsets)
        firsts[places[keep]] = kept.offsets[:-1]
        self._say_empty(sittings, (lengths == 0) & ~out)
        chosen = sittings.drop_columns([REFUSED]).filter(pa.array(~out))
        first_rows = pa.array(firsts[~out], mask=firsts[~out] < 0)
        table = _with_response_columns(chosen, kept, first_rows, self._responses.shown)
        offsets = np.concatenate(([0], np.cumsum(lengths[~out]))).astype(np.int64)
        return ResponseChunk(kept.rows.select(CHUNK_RESPONSES.names), table, offsets)

    def _confirmed(
        self,
        block: Block,
        sittings: pa.Table,
        places: Integers,
        is_known: Flags,
    ) -> Flags:
        """Compare the identifiers themselves: places were found by their hashes."""
        known = np.flatnonzero(is_known)
        theirs = sittings[KEY].combine_chunks().take(pa.array(places[known]))
        is_same = pc.equal(block.keys.take(pa.array(known)), theirs)
        confirmed = is_known.copy()
        confirmed[known] = is_same.to_numpy(zero_copy_only=False)
        self._say_unknown(block, is_known & ~confirmed)
        return confirmed

    def _is_repeated(self, start: int, sittings: pa.Table) -> Flags:
        repeated = self._order.repeated
        low, high = np.searchsorted(repeated, [start, start + sittings.num_rows])
        is_repeated = np.zeros(sittings.num_rows, dtype=bool)
        is_repeated[repeated[low:high] - start] = True
        self._say("opportunity_twice", sittings, is_repeated)
        return is_repeated

    def _say_empty(self, sittings: pa.Table, is_empty: Flags) -> None:
        self._say("opportunity_without_responses", sittings, is_empty)

    def _say(self, rule: str, sittings: pa.Table, concerned: Flags) -> None:
        if not concerned.any():
            return
        chosen = sittings.filter(pa.array(concerned))
        rows = zip(chosen[KEY].to_pylist(), chosen["source_row"].to_pylist(), strict=True)
        for key, row in rows:
            file = self._sittings.source.shown
            self._log.add(rule, file=file, record=key, field=KEY, row=row, value=key)

    def _say_unknown(self, block: Block, concerned: Flags) -> None:
        for test in np.flatnonzero(concerned):
            first = int(block.offsets[test])
            key, row = block.rows[KEY][first].as_py(), int(block.rows[ROW][first].as_py())
            file = self._responses.shown
            self._log.add(
                "opportunity_unknown", file=file, record=key, field=KEY, row=row, value=key
            )


def _no_rows() -> pa.Table:
    schema = CHUNK_RESPONSES.append(pa.field(ROW, pa.int64()))
    return pa.table([pa.array([], field.type) for field in schema], schema)
