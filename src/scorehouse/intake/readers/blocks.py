"""Rows of the long form as typed blocks of whole tests; bad cells leave their test out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.intake.canonical import (
    CHUNK_RESPONSES,
    CODED,
    CellFault,
    coded,
    constant,
    typed,
)
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.order import KEY, Integers, run_starts
from scorehouse.intake.readers.table_source import OWN_COLUMNS, REFUSED, ROW, TableSource
from scorehouse.terms import Part, SchoolYear

_IGNORED_WHEN_BAD = ("position",)
_USES = ("operational", "field_test", "dropped")
_DIMENSIONS = {
    **{name: name for name in ("", "organization", "evidence", "conventions")},
    "c": "C",
    "d": "D",
}
_SAME_IN_A_TEST = ("assessment_id", "student_id", "school_year")

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Block:
    """Some whole tests: test `i` is the rows `offsets[i]` up to `offsets[i + 1]`."""

    rows: pa.Table  # CHUNK_RESPONSES, and the row in the file
    offsets: Integers
    refused: Flags  # of each test: a finding leaves it out

    @property
    def keys(self) -> pa.Array:
        """The opportunity of each test."""
        return self.rows[KEY].chunk(0).take(pa.array(self.offsets[:-1])).dictionary_decode()


def blocks(
    source: TableSource, test_starts: Integers, batch_rows: int, log: FindingLog
) -> Iterator[Block]:
    """Yield the tests of a table whose rows stand together by test.

    `test_starts` are the rows, from 0, where tests begin.
    """
    carried: pa.Table | None = None
    columns = [*CHUNK_RESPONSES.names, *OWN_COLUMNS]
    for first, table in source.batches(columns, batch_rows):
        if not table.num_rows:
            continue
        rows = _typed_rows(table, first, source.shown, log)
        if carried is not None:
            rows = _joined(carried, rows)
        starts = run_starts(rows[KEY].chunk(0))
        end = rows.num_rows
        if not _is_test_end(first - 1 + table.num_rows, test_starts, source.row_count):
            end = int(starts[-1])
        carried = _small(rows.slice(end)) if end < rows.num_rows else None
        if end:
            yield _block(rows.slice(0, end), starts, source.shown, log)


def _is_test_end(row: int, test_starts: Integers, row_count: int) -> bool:
    at = int(np.searchsorted(test_starts, row))
    return row == row_count or (at < test_starts.size and int(test_starts[at]) == row)


def _joined(few: pa.Table, many: pa.Table) -> pa.Table:
    """Put a few rows before many; the cost is one copy, whatever texts there are."""
    columns = []
    for first, second in zip(few.columns, many.columns, strict=True):
        join = _joined_codes if first.type == CODED else _joined_values
        columns.append(join(first.chunk(0), second.chunk(0)))
    return pa.table(columns, schema=few.schema)


def _joined_values(few: pa.Array, many: pa.Array) -> pa.Array:
    return pa.concat_arrays([few, many])


def _joined_codes(few: pa.DictionaryArray, many: pa.DictionaryArray) -> pa.DictionaryArray:
    texts = many.dictionary
    code = pc.index_in(few.dictionary, value_set=texts)
    new = few.dictionary.filter(code.is_null())
    recoded = code.to_numpy(zero_copy_only=False).copy()
    recoded[code.is_null().to_numpy(zero_copy_only=False)] = len(texts) + np.arange(len(new))
    first = recoded.astype(np.int32)[few.indices.to_numpy()]
    indices = np.concatenate((first, many.indices.to_numpy()))
    texts = pa.concat_arrays([texts, new]) if len(new) else texts
    return pa.DictionaryArray.from_arrays(pa.array(indices), texts)


def _small(rows: pa.Table) -> pa.Table:
    """Copy a few rows, so that they don't hold the texts of all rows before them."""
    columns = [
        coded(column.cast(pa.string())) if column.type == CODED else column
        for column in rows.columns
    ]
    return pa.table(columns, schema=rows.schema).combine_chunks()


def _typed_rows(table: pa.Table, first: int, shown: str, log: FindingLog) -> pa.Table:
    """Type every column; the result has a row number and a mark on rows to refuse."""
    count = table.num_rows
    row = table[ROW].to_numpy() if ROW in table.column_names else np.arange(first, first + count)
    refused = _damaged(table)
    columns = {}
    faults: list[tuple[str, CellFault]] = []
    for field in CHUNK_RESPONSES:
        column, bad = _typed_column(table, field)
        columns[field.name] = column
        faults += bad
    for rule, fault in faults:
        if not refused[fault.place]:
            key = columns[KEY][fault.place].as_py()
            _say(rule, fault, int(row[fault.place]), key, shown, log)
    refused[[f.place for rule, f in faults if rule != "column_value_ignored"]] = True
    schema = pa.schema([*CHUNK_RESPONSES, (ROW, pa.int64()), (REFUSED, pa.bool_())])
    return pa.table([*columns.values(), pa.array(row, pa.int64()), pa.array(refused)], schema)


def _damaged(table: pa.Table) -> Flags:
    if REFUSED in table.column_names:
        return np.array(table[REFUSED].to_numpy(), dtype=bool)
    return np.zeros(table.num_rows, dtype=bool)


def _say(rule: str, fault: CellFault, row: int, key: str, shown: str, log: FindingLog) -> None:
    log.add(
        rule,
        file=shown,
        record=key,
        field=fault.column,
        row=row,
        value=fault.value,
        expected=fault.expected,
    )


def _typed_column(table: pa.Table, field: pa.Field) -> tuple[pa.Array, list[tuple[str, CellFault]]]:
    name = field.name
    if name not in table.column_names:
        return _absent(field, table.num_rows), []
    if field.type != CODED:
        column, faults = typed(table[name], name, field.type)
        rule = "column_value_ignored" if name in _IGNORED_WHEN_BAD else "column_value"
        if name == "answered":
            faults = faults + _missing(column, faults)
        return column, [(rule, fault) for fault in faults]
    column = coded(table[name], is_distinct=True)
    if name in (KEY, "item_id"):
        return column, _blank(column, name)
    if name in _VOCABULARIES:
        rule, expected, parse = _VOCABULARIES[name]
        return _renamed(column, name, rule, expected, parse)
    return column, []


def _absent(field: pa.Field, count: int) -> pa.Array:
    if field.type == CODED:
        return constant("operational" if field.name == "use" else "", count)
    return pa.nulls(count, field.type)


def _missing(column: pa.Array, faults: list[CellFault]) -> list[CellFault]:
    """A blank where nothing may be blank; cells already found bad are not said twice."""
    if not column.null_count:
        return []
    known = {fault.place for fault in faults}
    places = set(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)).tolist()) - known
    return [CellFault("answered", place, "", "true or false") for place in sorted(places)]


def _blank(column: pa.DictionaryArray, name: str) -> list[tuple[str, CellFault]]:
    code = pc.index(column.dictionary, "").as_py()
    if code < 0:
        return []
    places = np.flatnonzero(column.indices.to_numpy() == code)
    return [("column_value", CellFault(name, int(p), "", "an identifier")) for p in places]


def _renamed(
    column: pa.DictionaryArray,
    name: str,
    rule: str,
    expected: str,
    parse: Callable[[str], str | None],
) -> tuple[pa.DictionaryArray, list[tuple[str, CellFault]]]:
    """Bring the few distinct texts of a column into one spelling; say which can't be."""
    texts = column.dictionary.to_pylist()
    parsed = [parse(text) for text in texts]
    faults = []
    for code, text in enumerate(texts):
        if parsed[code] is None:
            places = np.flatnonzero(column.indices.to_numpy() == code)
            faults += [(rule, CellFault(name, int(p), text, expected)) for p in places]
    if parsed == texts:
        return column, faults
    blank = "" if rule == "column_value_ignored" else None
    kept = [
        (text if blank is None else blank) if new is None else new
        for text, new in zip(texts, parsed, strict=True)
    ]
    named = pa.DictionaryArray.from_arrays(column.indices, pa.array(kept, pa.string()))
    return coded(pa.chunked_array([named])), faults


def _part(text: str) -> str | None:
    try:
        return Part.parse(text).value if text else ""
    except ValueError:
        return None


def _year(text: str) -> str | None:
    try:
        return str(SchoolYear.parse_file_year(text)) if text else ""
    except ValueError:
        return None


def _use(text: str) -> str | None:
    return text.lower() if text.lower() in _USES else None if text else _USES[0]


_VOCABULARIES: dict[str, tuple[str, str, Callable[[str], str | None]]] = {
    "part": ("part_unknown", "CAT, PT or fixed", _part),
    "school_year": ("column_value_ignored", "a year as in 2018-19", _year),
    "dimension": ("dimension_unknown", "a dimension", lambda t: _DIMENSIONS.get(t.lower())),
    "use": ("column_value", " or ".join(_USES), _use),
    "condition_code": ("column_value", "a code", str.upper),
    "item_type": ("column_value", "a type", str.upper),
}


def _block(rows: pa.Table, starts: Integers, shown: str, log: FindingLog) -> Block:
    offsets = starts if starts[-1] == rows.num_rows else np.append(starts, rows.num_rows)
    bad = np.flatnonzero(rows[REFUSED].to_numpy())
    refused = np.zeros(offsets.size - 1, dtype=bool)
    refused[np.searchsorted(offsets, bad, side="right") - 1] = True
    block = Block(rows.drop_columns([REFUSED]), offsets, refused)
    _refuse_mixed(block, shown, log)
    return block


def _refuse_mixed(block: Block, shown: str, log: FindingLog) -> None:
    """A test whose rows name two students, assessments or years is left out."""
    starts = block.offsets[:-1]
    for name in _SAME_IN_A_TEST:
        codes = block.rows[name].chunk(0).indices.to_numpy()
        changes = np.flatnonzero(codes[1:] != codes[:-1]) + 1
        inside = np.setdiff1d(changes, starts, assume_unique=True)
        if not inside.size:
            continue
        tests = np.unique(np.searchsorted(block.offsets, inside, side="right") - 1)
        for test in tests[~block.refused[tests]]:
            row = int(block.rows[ROW][int(starts[test])].as_py())
            key = block.rows[KEY][int(starts[test])].as_py()
            log.add("opportunity_mixed", file=shown, record=key, field=name, row=row)
        block.refused[tests] = True
