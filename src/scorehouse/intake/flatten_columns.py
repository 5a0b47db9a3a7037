"""Text columns of the element tables: trimming, choosing, mapping by distinct value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

Places = npt.NDArray[np.int64]
"""Rows of a table that values are taken from; -1: there is none."""

_BLANK = 32


def blanks(length: int) -> pa.Array:
    """Return a text column in which nothing stands."""
    offsets = pa.py_buffer(np.zeros(length + 1, np.int32))
    return pa.Array.from_buffers(pa.string(), length, [None, offsets, pa.py_buffer(b"")])


def raw(table: pa.Table, name: str) -> pa.Array:
    """Return a text column in one piece as it was delivered; missing is blank."""
    column = table[name]
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], pa.string())
    if array.null_count == len(array):
        return blanks(len(array))
    return array.fill_null("") if array.null_count else array


def trimmed(table: pa.Table, name: str) -> pa.Array:
    """Return a text column without outer white space; missing is blank."""
    array = raw(table, name)
    return pc.ascii_trim_whitespace(array) if _has_outer_space(array) else array


def _has_outer_space(array: pa.Array) -> bool:
    """Tell whether any text begins or ends with white space; much cheaper than trimming."""
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return False
    ends = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    return bool(_touches_space(ends, np.frombuffer(data, np.uint8)))


@njit(cache=True, nogil=True)
def _touches_space(ends, letters):  # type: ignore[no-untyped-def]
    for k in range(len(ends) - 1):
        start, stop = ends[k], ends[k + 1]
        if stop > start and (letters[start] <= _BLANK or letters[stop - 1] <= _BLANK):
            return True
    return False


def taken(array: pa.Array, places: Places) -> pa.Array:
    """Take values from places; where there is none, the text is blank."""
    if not len(array) or not (places >= 0).any():
        return blanks(len(places))
    indices = pa.array(places, mask=places < 0)
    return array.take(indices).fill_null("") if indices.null_count else array.take(indices)


def mapped(array: pa.Array, change: Callable[[str], str]) -> pa.Array:
    """Change a column by its distinct texts."""
    coded = array.dictionary_encode()
    changed = pa.array([change(text) for text in coded.dictionary.to_pylist()], pa.string())
    return changed.take(coded.indices)


def numbered(array: pa.Array, number: Callable[[str], int]) -> npt.NDArray[np.int64]:
    """Give each text a number, by its distinct texts."""
    coded = array.dictionary_encode()
    numbers = np.array([number(text) for text in coded.dictionary.to_pylist()], np.int64)
    indices: Places = coded.indices.to_numpy().astype(np.int64)
    return numbers[indices] if len(numbers) else indices


def first_filled(columns: Sequence[pa.Array]) -> pa.Array:
    """Return by row the first text that isn't blank."""
    found = columns[0]
    for other in columns[1:]:
        is_blank = pc.equal(found, "")
        if not pc.any(is_blank, min_count=0).as_py():
            break
        found = pc.if_else(is_blank, other, found)
    return found


def blank_where(array: pa.Array, is_blank: Any) -> pa.Array:
    """Blank the texts that a column of booleans marks."""
    return pc.if_else(is_blank, "", array)


def numbers_of(table: pa.Table, name: str) -> npt.NDArray[np.int64]:
    """Return a column of numbers as an array."""
    numbers: Places = table[name].to_numpy().astype(np.int64)
    return numbers
