"""From the places of values to Arrow columns: text copied once, references decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scorehouse.intake.readers.trt_letters import (
    AMP,
    CLASS,
    CLOSE,
    CR,
    GT,
    LF,
    LT,
    NOTHING_TO_DECODE,
    SPACE,
    character_reference,
    compiled,
)
from scorehouse.intake.readers.trt_words import Bytes, Numbers

_SECTION = 9  # letters of <![CDATA[
_SECTION_END = 3


@compiled
def _put(code: int, out: Any, at: int) -> int:
    """Write one character as UTF-8 and return where the next goes."""
    if code < 0x80:
        out[at] = code
        return at + 1
    if code < 0x800:
        out[at], out[at + 1] = 0xC0 | (code >> 6), 0x80 | (code & 0x3F)
        return at + 2
    if code < 0x10000:
        out[at] = 0xE0 | (code >> 12)
        out[at + 1], out[at + 2] = 0x80 | ((code >> 6) & 0x3F), 0x80 | (code & 0x3F)
        return at + 3
    out[at], out[at + 1] = 0xF0 | (code >> 18), 0x80 | ((code >> 12) & 0x3F)
    out[at + 2], out[at + 3] = 0x80 | ((code >> 6) & 0x3F), 0x80 | (code & 0x3F)
    return at + 4


@compiled
def _decode(data: Any, i: int, end: int, is_attribute: bool, out: Any, at: int) -> int:
    """Write the string value of data[i:end], as XML says, and return where it ends in `out`.

    Line ends become one line feed; in an attribute each white space becomes a blank;
    references count as the character they stand for; a CDATA section is its content.
    """
    section = False
    while i < end:
        c = data[i]
        if CLASS[c] & NOTHING_TO_DECODE:
            out[at] = c
            i += 1
            at += 1
        elif c == CR:
            out[at] = SPACE if is_attribute else LF
            i += 2 if i + 1 < end and data[i + 1] == LF else 1
            at += 1
        elif section and c == CLOSE and data[i + 1] == CLOSE and data[i + 2] == GT:
            section = False
            i += _SECTION_END
        elif c == AMP and not section:
            code, i = character_reference(data, i, end)
            at = _put(code, out, at)
        elif c == LT and not section:
            section = True
            i += _SECTION
        else:
            out[at] = SPACE if is_attribute and c < SPACE else c
            i += 1
            at += 1
    return at


@compiled
def _measure(bases: Any, size: Any, room: Any, missing: Any) -> None:
    """Add up by column how much text there is at most, and how many cells have none."""
    for base in bases:
        for column in range(len(room)):
            length = size[base + column]
            room[column] += max(length, 0) >> 1
            missing[column] += length < 0


@compiled
def _copy(
    data: Any, bases: Any, first: Any, size: Any, is_text: Any, starts: Any, ends: Any,
    offsets: Any, valid: Any, out: Any,
) -> None:  # fmt: skip
    """Copy cells row by row, each to the end of its column.

    `starts` says where a column begins, `ends` where it ends so far. Row by row the
    documents are walked through once, from front to back.
    """
    for row in range(len(bases)):
        base = bases[row]
        for column in range(len(ends)):
            length, at = size[base + column], ends[column]
            if length < 0:
                valid[column, row >> 3] &= ~np.uint8(1 << (row & 7))
            elif length & 1:
                start = first[base + column]
                is_attribute = not is_text[column]
                at = _decode(data, start, start + (length >> 1), is_attribute, out, at)
            else:
                start = first[base + column]
                for i in range(length >> 1):
                    out[at + i] = data[start + i]
                at += length >> 1
            ends[column] = at
            offsets[column, row + 1] = at - starts[column]


def text_columns_of(
    data: Bytes,
    bases: npt.NDArray[np.int64],
    first: Numbers,
    size: Numbers,
    is_text: npt.NDArray[np.bool_],
) -> list[pa.Array]:
    """Return the cells of rows as Arrow text columns; a cell that isn't there is null.

    `bases` says where a row's cells begin; `is_text` by column: the text of an element, not
    of an attribute, whose white space counts.
    """
    width, n = len(is_text), len(bases)
    room, missing = np.zeros(width, np.int64), np.zeros(width, np.int64)
    _measure(bases, size, room, missing)
    starts = np.cumsum(room) - room
    letters = pa.allocate_buffer(int(room.sum()))
    places = pa.allocate_buffer(4 * width * (n + 1))
    flags = pa.allocate_buffer(width * -(-n // 8))
    offsets = np.frombuffer(places, np.int32).reshape(width, n + 1)
    valid = np.frombuffer(flags, np.uint8).reshape(width, -(-n // 8))
    offsets[:, 0], valid[:] = 0, 0xFF
    out = np.frombuffer(letters, np.uint8)
    _copy(data, bases, first, size, is_text, starts, starts.copy(), offsets, valid, out)
    return [
        pa.nulls(n, pa.string())
        if missing[k] == n
        else pa.Array.from_buffers(
            pa.string(),
            n,
            [
                flags.slice(k * valid.shape[1], valid.shape[1]) if missing[k] else None,
                places.slice(4 * k * (n + 1), 4 * (n + 1)),
                letters.slice(int(starts[k]), int(offsets[k, n])),
            ],
            int(missing[k]),
        )
        for k in range(width)
    ]
