"""From the places of values to Arrow columns: text copied once, references decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from scorehouse.intake.readers.trt_letters import (
    AMP,
    CLOSE,
    CR,
    GT,
    LF,
    LT,
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
        if c == CR:
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
def _fill(
    data: Any, places: Any, first: Any, size: Any, is_attribute: bool, offsets: Any, out: Any,
    valid: Any,
) -> int:  # fmt: skip
    """Copy the cells at `places` into `out`; return how many are missing."""
    at, missing = 0, 0
    for k in range(len(places)):
        length = size[places[k]]
        offsets[k] = at
        if length < 0:
            missing += 1
            valid[k >> 3] &= ~np.uint8(1 << (k & 7))
            continue
        start = first[places[k]]
        if length & 1:
            at = _decode(data, start, start + (length >> 1), is_attribute, out, at)
        else:
            for i in range(length >> 1):
                out[at + i] = data[start + i]
            at += length >> 1
    offsets[len(places)] = at
    return missing


@compiled
def _room(places: Any, size: Any) -> int:
    room = 0
    for place in places:
        if size[place] > 0:
            room += size[place] >> 1
    return room


def text_column(
    data: Bytes, places: Numbers, first: Numbers, size: Numbers, *, is_attribute: bool
) -> pa.Array:
    """Return the cells at `places` as one Arrow text column; a cell without text is null."""
    n = len(places)
    buffers = [
        pa.allocate_buffer(bytes_) for bytes_ in (-(-n // 8), 4 * n + 4, _room(places, size))
    ]
    valid, out = (np.frombuffer(buffers[k], np.uint8) for k in (0, 2))
    offsets = np.frombuffer(buffers[1], np.int32)
    valid[:] = 0xFF
    missing = _fill(data, places, first, size, is_attribute, offsets, out, valid)
    if missing == n:
        return pa.nulls(n, pa.string())
    return pa.Array.from_buffers(
        pa.string(), n, buffers if missing else [None, *buffers[1:]], missing
    )
