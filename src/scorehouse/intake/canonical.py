"""One shape for responses from every kind of file, and the typing of columns into it.

A `ResponseChunk` is what every reader of responses yields and what scoring consumes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.shapes import OPPORTUNITIES, RESPONSES

CODED = pa.dictionary(pa.int32(), pa.string())
"""How the text columns of a chunk's responses stand: each distinct text once."""


def _coded(schema: pa.Schema) -> pa.Schema:
    return pa.schema(
        [(f.name, CODED if pa.types.is_string(f.type) else f.type) for f in schema],
    )


CHUNK_RESPONSES = pa.schema(
    [*_coded(RESPONSES), ("use", CODED), ("item_type", CODED)],
)
"""`shapes.RESPONSES` with coded text, and two columns of our own.

`use` is operational, field_test or dropped; `item_type` is the item's format (`MC`, `EQ`,
`WER`, …) where the source gives it, else blank. Text is never null.
"""

CHUNK_OPPORTUNITIES = pa.schema(
    [
        *OPPORTUNITIES,
        ("student_id", pa.string()),
        ("assessment_id", pa.string()),
        ("assessment_name", pa.string()),
        ("school_year", pa.string()),
        ("subject", pa.string()),
        ("test_grade", pa.string()),
        ("assessment_type_text", pa.string()),
        ("file", pa.string()),
        ("source_row", pa.int64()),
    ]
)
"""`shapes.OPPORTUNITIES` and what is known of the test besides.

`assessment_name` is another name to match on (a TRT's `testId` and `name` may be swapped);
`school_year` is written as in 2018-19, or blank; `file` and `source_row` say where the
opportunity was read. Text is never null.
"""


class ResponseChunk(NamedTuple):
    """Some whole tests: test `i` is the rows `offsets[i]` up to `offsets[i + 1]`."""

    responses: pa.Table  # CHUNK_RESPONSES; the rows of a test stand together
    opportunities: pa.Table  # CHUNK_OPPORTUNITIES; one row a test, in the same order
    offsets: npt.NDArray[np.int64]  # one more than there are tests; a test may be empty

    def part(self, first: int, last: int) -> ResponseChunk:
        """Return the tests `first` up to, not including, `last`."""
        offsets = self.offsets[first : last + 1]
        start, stop = int(offsets[0]), int(offsets[-1])
        return ResponseChunk(
            self.responses.slice(start, stop - start),
            self.opportunities.slice(first, last - first),
            offsets - start,
        )


class CellFault(NamedTuple):
    """A cell that can't be what its column is; `place` counts from 0 in the table typed."""

    column: str
    place: int
    value: str
    expected: str


TRUE_TEXTS = ("1", "true", "t", "yes", "y")
FALSE_TEXTS = ("0", "false", "f", "no", "n")

_EXPECTED = {
    "double": "a number",
    "int32": "a whole number",
    "int64": "a whole number",
    "bool": "true or false",
    "string": "text",
}


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return any column as text without outer blanks; missing is blank."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    return pc.ascii_trim_whitespace(column.fill_null(""))


def coded(column: pa.ChunkedArray, *, is_distinct: bool = False) -> pa.Array:
    """Return a text column in one piece, each distinct text once; missing is blank.

    Outer blanks are trimmed from the distinct texts only, so the cost is small. The caller
    may vouch that a coded column's texts `is_distinct`, as those read from Parquet are.
    """
    if not pa.types.is_dictionary(column.type) or column.null_count:
        return as_text(column).combine_chunks().dictionary_encode()
    array = _one_piece(column)
    values = array.dictionary
    if not pa.types.is_string(values.type):
        values = values.cast(pa.string())
    trimmed = pc.ascii_trim_whitespace(values)
    is_plain = not values.null_count and trimmed.equals(values)
    if not is_plain or not (is_distinct or pc.count_distinct(values).as_py() == len(values)):
        return as_text(column).combine_chunks().dictionary_encode()
    indices = (
        array.indices if pa.types.is_int32(array.indices.type) else array.indices.cast("int32")
    )
    return pa.DictionaryArray.from_arrays(indices, values)


def _one_piece(column: pa.ChunkedArray) -> Any:
    if column.num_chunks == 1:
        return column.chunk(0)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return column.combine_chunks()


def in_one_piece(table: pa.Table) -> pa.Table:
    """Return a table whose columns have exactly one chunk each, also when it is empty."""
    if all(column.num_chunks == 1 for column in table.columns):
        return table
    arrays = [
        _one_piece(column) if column.num_chunks else pa.array([], column.type)
        for column in table.columns
    ]
    return pa.table(
        [a.combine_chunks() if isinstance(a, pa.ChunkedArray) else a for a in arrays], table.schema
    )


def constant(text: str, length: int) -> pa.DictionaryArray:
    """Return a coded column that holds one text throughout."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(length, np.int32)), pa.array([text]))


def typed(column: pa.ChunkedArray, name: str, kind: Any) -> tuple[pa.Array, list[CellFault]]:
    """Type one column; a cell that can't be typed becomes null and a fault.

    Text is read as people write it: outer blanks don't count, blank is missing, and
    1/0, true/false, yes/no, t/f, y/n in any case are true and false. Not-a-number and
    infinity are faults.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.type != kind:
        column, faults = _convert(column, name, kind)
    else:
        faults = []
    if pa.types.is_floating(kind):
        column, not_finite = _only_finite(column, name)
        faults = faults + not_finite
    return column.combine_chunks(), faults


def _convert(
    column: pa.ChunkedArray, name: str, kind: Any
) -> tuple[pa.ChunkedArray, list[CellFault]]:
    if not _is_text(column.type):
        try:
            return column.cast(kind), []
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            column = column.cast(pa.string())
    text = as_text(column)
    if pa.types.is_boolean(kind):
        return _from_text(text, name, kind, _booleans)
    return _from_text(text, name, kind, lambda texts: texts.cast(kind))


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _booleans(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    lowered = pc.utf8_lower(texts)
    is_true = pc.is_in(lowered, value_set=pa.array(TRUE_TEXTS))
    is_false = pc.is_in(lowered, value_set=pa.array(FALSE_TEXTS))
    if not pc.all(pc.or_(is_true, pc.or_(is_false, pc.is_null(texts)))).as_py():
        raise pa.ArrowInvalid("not a boolean")
    return pc.if_else(pc.is_null(texts), pa.scalar(None, pa.bool_()), is_true)


def _from_text(
    text: pa.ChunkedArray, name: str, kind: Any, convert: Callable[[Any], Any]
) -> tuple[pa.ChunkedArray, list[CellFault]]:
    texts = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    try:
        return convert(texts), []
    except pa.ArrowInvalid:
        bad = _bad_texts(pc.unique(texts), convert)
    is_bad = pc.is_in(texts, value_set=pa.array(sorted(bad), pa.string()))
    kept = pc.if_else(is_bad, pa.scalar(None, pa.string()), texts)
    return convert(kept), _faults(texts, is_bad, name, _EXPECTED[str(kind)])


def _bad_texts(distinct: pa.Array, convert: Callable[[Any], Any]) -> set[str]:
    bad = set()
    for text in distinct.drop_null().to_pylist():
        try:
            convert(pa.chunked_array([[text]], pa.string()))
        except pa.ArrowInvalid:
            bad.add(text)
    return bad


def _only_finite(column: pa.ChunkedArray, name: str) -> tuple[pa.ChunkedArray, list[CellFault]]:
    is_finite = pc.is_finite(column)
    if pc.all(is_finite, skip_nulls=True, min_count=0).as_py():
        return column, []
    is_bad = pc.invert(is_finite.fill_null(True))
    shown = column.cast(pa.string())
    kept = pc.if_else(is_bad, pa.scalar(None, column.type), column)
    return kept, _faults(shown, is_bad, name, "a finite number")


def _faults(text: pa.ChunkedArray, is_bad: Any, name: str, expected: str) -> list[CellFault]:
    places = np.flatnonzero(is_bad.fill_null(False).to_numpy())
    values = text.take(pa.array(places)).to_pylist()
    return [
        CellFault(name, int(place), value, expected)
        for place, value in zip(places, values, strict=True)
    ]


def chunk_from_rows(
    responses: Mapping[str, Sequence[object]],
    opportunities: Mapping[str, Sequence[object]],
    counts: Sequence[int],
) -> ResponseChunk:
    """Build a chunk from columns of Python values and the number of rows of each test."""
    offsets = np.concatenate(([0], np.cumsum(np.asarray(counts, dtype=np.int64))))
    return ResponseChunk(
        pa.table(
            [_column(responses[field.name], field.type) for field in CHUNK_RESPONSES],
            schema=CHUNK_RESPONSES,
        ),
        pa.table(
            [pa.array(opportunities[field.name], field.type) for field in CHUNK_OPPORTUNITIES],
            schema=CHUNK_OPPORTUNITIES,
        ),
        offsets.astype(np.int64),
    )


def _column(values: Sequence[object], kind: Any) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, kind)
