"""The fast reader's scanner: from bytes to the places of values, compiled.

It takes the part of XML that results are written in and is strict about it: known elements
in their places, known attributes once each, quoted, with references it knows, text only
where text belongs. A document that holds anything else (comments, processing instructions, a
DOCTYPE, markup inside a response, a name it doesn't know, or a fault) is not judged here:
it is marked, and `trt_elements`, the readable reader, decides with a full parser.
So the scanner needs to be right only in what it accepts; it never explains.

Nothing is copied: `first` and `size` hold where each cell's text begins and its length
(times two, plus one when it has to be decoded), `rows` one line for each row begun.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numba import njit

from scorehouse.intake.readers.trt_words import (
    AS_CHILD,
    K_SIZE,
    K_START,
    K_TABLE,
    K_TEXT,
    K_WIDTH,
    S_ANSWER,
    S_OWNER,
    S_SIZE,
    S_START,
    Element,
)

DONE, UNUSUAL, FULL = 0, 1, 2
ROW_FIELDS = 6
R_TABLE, R_BASE, R_DOCUMENT, R_ITEM, R_NODE, R_PARENT = range(ROW_FIELDS)
N_ROWS, N_CELLS = 0, 1
MOST_DEPTH = 64
_MOST_ROW = 64  # more cells than any row has

_ROOT, _TEST, _EXAMINEE, _SITTING = (
    int(Element.TDSReport),
    int(Element.Test),
    int(Element.Examinee),
    int(Element.Opportunity),
)
_ITEM, _RESPONSE, _NODE, _RATIONALE = (
    int(Element.Item),
    int(Element.Response),
    int(Element.ScoreInfo),
    int(Element.ScoreRationale),
)
_MESSAGE, _USAGE, _PAGE = int(Element.Message), int(Element.ToolUsage), int(Element.ToolPage)
_LISTED = int(Element.SubScoreList)
_AS_CHILD = AS_CHILD
# what is remembered by depth: the element, its row's cells, where its text begins, its node;
# and by result: which elements were met, and counts
_ELEMENTS, _BASES, _STARTS, _NODES, _SEEN, _COUNTS = range(6)
_C_ITEM, _C_NODE, _C_USAGE, _C_PAGE = range(4)
_SLOT_MASK = 2047
(_TAB, _LF, _CR, _SPACE, _BANG, _QUOTE, _HASH, _AMP, _APOSTROPHE) = b"\t\n\r !\"#&'"
(_DASH, _SLASH, _COLON, _SEMICOLON, _LT, _EQUALS, _GT, _OPEN, _CLOSE) = b"-/:;<=>[]"

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def compiled(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Compile a function, once a machine, to run without the interpreter and its lock."""
    made: Callable[_Given, _Result] = njit(cache=True, nogil=True, error_model="numpy")(function)
    return made


@compiled
def _blank(data: Any, i: int, end: int) -> int:
    while i < end and (data[i] == _SPACE or data[i] == _LF or data[i] == _CR or data[i] == _TAB):
        i += 1
    return i


@compiled
def _is_name_letter(c: int) -> bool:
    return (97 <= c <= 122) or (65 <= c <= 90) or (48 <= c <= 57) or c == 95


@compiled
def _same(data: Any, i: int, letters: Any, start: int, size: int) -> bool:
    k = 0
    while k < size and data[i + k] == letters[start + k]:
        k += 1
    return k == size


@compiled
def _name_end(data: Any, i: int, end: int) -> int:
    while i < end and _is_name_letter(data[i]):
        i += 1
    return i


@compiled
def _answer(slots: Any, letters: Any, owner: int, data: Any, i: int, stop: int) -> int:
    """Return what the name data[i:stop] is to `owner`, or -1."""
    value = owner
    for k in range(i, stop):
        value = (value * 31 + data[k]) & 0xFFFFFF
    slot = (value ^ (value >> 11)) & _SLOT_MASK
    while slots[slot, S_OWNER] >= 0:
        if (
            slots[slot, S_OWNER] == owner
            and slots[slot, S_SIZE] == stop - i
            and _same(data, i, letters, slots[slot, S_START], stop - i)
        ):
            return int(slots[slot, S_ANSWER])
        slot = (slot + 1) & _SLOT_MASK
    return -1


@compiled
def _digit(c: int, base: int) -> int:
    if 48 <= c <= 57:
        return c - 48
    if base == 16 and 97 <= c <= 102:
        return c - 87
    if base == 16 and 65 <= c <= 70:
        return c - 55
    return -1


@compiled
def character_reference(data: Any, i: int, end: int) -> tuple[int, int]:
    """Read `&…;` at i: the code point, and where it ends; -1 when it isn't one of XML's own."""
    i += 1
    if i + 1 < end and data[i] == _HASH:
        base = 16 if data[i + 1] == 120 else 10
        k = i + 2 if base == 16 else i + 1
        code, digits = 0, 0
        while k < end and data[k] != _SEMICOLON:
            digit = _digit(data[k], base)
            digits += 1
            if digit < 0 or digits > 7:
                return -1, end
            code = code * base + digit
            k += 1
        is_character = (
            code == 9
            or code == 10
            or code == 13
            or 32 <= code < 0xD800
            or 0xE000 <= code < 0xFFFE
            or 0x10000 <= code < 0x110000
        )
        return (code if is_character and digits > 0 and k < end else -1), k + 1
    if i + 2 < end and data[i + 1] == 116 and data[i + 2] == _SEMICOLON:
        if data[i] == 108:  # lt
            return _LT, i + 3
        if data[i] == 103:  # gt
            return _GT, i + 3
    if i + 3 < end and data[i] == 97 and data[i + 1] == 109 and data[i + 2] == 112:
        return (_AMP if data[i + 3] == _SEMICOLON else -1), i + 4
    if i + 4 < end and data[i + 4] == _SEMICOLON:
        a, b, c, d = data[i], data[i + 1], data[i + 2], data[i + 3]
        if a == 113 and b == 117 and c == 111 and d == 116:
            return _QUOTE, i + 5
        if a == 97 and b == 112 and c == 111 and d == 115:
            return _APOSTROPHE, i + 5
    return -1, end


@compiled
def _value_end(data: Any, i: int, end: int, quote: int) -> tuple[int, int]:
    """Return where an attribute's value ends (-1: unusual) and whether it must be decoded."""
    flag = 0
    while i < end:
        c = data[i]
        if c == quote:
            return i, flag
        if c == _LT:
            return -1, 0
        if c == _AMP:
            code, i = character_reference(data, i, end)
            if code < 0:
                return -1, 0
            flag = 1
            continue
        if c < _SPACE:
            if c != _TAB and c != _LF and c != _CR:
                return -1, 0
            flag = 1
        i += 1
    return -1, 0


@compiled
def _section_end(data: Any, i: int, end: int) -> int:
    """Return where `<![CDATA[…]]>` at i ends; -1 when there is none or it is unusual."""
    opening = b"<![CDATA["
    if i + 12 > end:
        return -1
    for k in range(9):
        if data[i + k] != opening[k]:
            return -1
    i += 9
    while i + 2 < end:
        c = data[i]
        if c == _CLOSE and data[i + 1] == _CLOSE and data[i + 2] == _GT:
            return i + 3
        if c < _SPACE and c != _TAB and c != _LF and c != _CR:
            return -1
        i += 1
    return -1


@compiled
def _text_end(data: Any, i: int, end: int) -> tuple[int, int]:
    """Return the `<` that ends a text (-1: unusual) and whether the text must be decoded."""
    flag = 0
    while i < end:
        c = data[i]
        if c == _LT:
            if i + 1 < end and data[i + 1] == _BANG:
                i = _section_end(data, i, end)
                if i < 0:
                    return -1, 0
                flag = 1
                continue
            return i, flag
        if c == _AMP:
            code, i = character_reference(data, i, end)
            if code < 0:
                return -1, 0
            flag = 1
            continue
        if c == _GT and data[i - 1] == _CLOSE and data[i - 2] == _CLOSE:
            return -1, 0
        if c < _SPACE:
            if c == _CR:
                flag = 1
            elif c != _TAB and c != _LF:
                return -1, 0
        i += 1
    return -1, 0


@compiled
def _attributes(
    data: Any,
    i: int,
    end: int,
    slots: Any,
    letters: Any,
    kinds: Any,
    element: int,
    base: int,
    first: Any,
    size: Any,
) -> int:
    """Read a start tag's attributes into the row at `base`; return its `>` or `/`, or -1."""
    while True:
        after = _blank(data, i, end)
        if after >= end:
            return -1
        if data[after] == _GT or data[after] == _SLASH:
            return after
        if after == i:
            return -1
        stop = _name_end(data, after, end)
        column = _answer(slots, letters, element, data, after, stop)
        if column < 0:
            return -1
        i = _blank(data, stop, end)
        if i >= end or data[i] != _EQUALS:
            return -1
        i = _blank(data, i + 1, end)
        if i >= end or (data[i] != _QUOTE and data[i] != _APOSTROPHE):
            return -1
        stop, flag = _value_end(data, i + 1, end, data[i])
        cell = base + column
        if stop < 0 or size[cell] >= 0:
            return -1
        first[cell] = i + 1
        size[cell] = 2 * (stop - i - 1) + flag
        i = stop + 1


@compiled
def _begin_row(marks: Any, rows: Any, size: Any, table: int, width: int, document: int) -> int:
    """Begin a row and return where its cells stand; there must be room."""
    row, base = marks[N_ROWS], marks[N_CELLS]
    rows[row, R_TABLE], rows[row, R_BASE], rows[row, R_DOCUMENT] = table, base, document
    rows[row, R_ITEM], rows[row, R_NODE], rows[row, R_PARENT] = -1, -1, -1
    for cell in range(base, base + width):
        size[cell] = -1
    marks[N_ROWS] = row + 1
    marks[N_CELLS] = base + width
    return int(base)


@compiled
def _closing(
    data: Any, i: int, end: int, slots: Any, letters: Any, kinds: Any, element: int
) -> int:
    """Return what follows the end tag of `element` at i (its `<`), or -1."""
    size = kinds[element, K_SIZE]
    i += 2
    if i + size >= end or not _same(data, i, letters, kinds[element, K_START], size):
        return -1
    i = _blank(data, i + size, end)
    return i + 1 if i < end and data[i] == _GT else -1


@compiled
def _is_plain_text(data: Any, start: int, stop: int) -> int:
    """Tell blank (0), beginning with a plain letter (1), and anything else (-1)."""
    i = _blank(data, start, stop)
    if i == stop:
        return 0
    return -1 if data[i] == _AMP or data[i] == _LT else 1


@compiled
def _own_text(
    data: Any, element: int, start: int, stop: int, flag: int, cell: int, first: Any, size: Any
) -> bool:
    """Keep an element's text; False when it is too unusual for here.

    Blank text of a rationale is indentation: it counts as no text.
    """
    if element == _RATIONALE:
        kind = _is_plain_text(data, start, stop)
        if kind < 0 or (kind == 1 and size[cell + 1] >= 0):
            return False
        if kind == 0:
            stop = start
    first[cell] = start
    size[cell] = 2 * (stop - start) + (flag if stop > start else 0)
    return True


@compiled
def _is_repeated(element: int, seen: Any, row_sizes: Any, base: int, text_column: int) -> bool:
    """Tell whether an element that may stand once was met before in its parent."""
    if element in (_TEST, _EXAMINEE, _SITTING):
        seen[element] += 1
        return bool(seen[element] > 1)
    if element in (_RESPONSE, _RATIONALE, _MESSAGE):
        return bool(row_sizes[base + text_column] >= 0)
    return False


@compiled
def _enter(
    element: int, depth: int, document: int, slots: Any, letters: Any, kinds: Any, work: Any,
    marks: Any, rows: Any, size: Any,
) -> None:  # fmt: skip
    """Begin the row that an element needs, or find the one it adds to."""
    work[_BASES, depth] = work[_BASES, depth - 1]
    work[_NODES, depth] = -1 if element == _ITEM else work[_NODES, depth - 1]
    if element == _USAGE:  # its attributes wait beyond all rows until its pages come
        work[_COUNTS, _C_USAGE] += 1
        work[_COUNTS, _C_PAGE] = 0
        work[_BASES, depth] = len(size) - _MOST_ROW
        size[len(size) - _MOST_ROW :] = -1
    table = kinds[element, K_TABLE]
    if table < 0:
        return
    width = kinds[element, K_WIDTH]
    work[_BASES, depth] = _begin_row(marks, rows, size, table, width, document)
    row = marks[N_ROWS] - 1
    if element == _ITEM:
        work[_COUNTS, _C_ITEM] += 1
        work[_COUNTS, _C_NODE] = -1
        rows[row, R_ITEM] = work[_COUNTS, _C_ITEM]
    elif element == _NODE:
        work[_COUNTS, _C_NODE] += 1
        rows[row, R_ITEM], rows[row, R_NODE] = work[_COUNTS, _C_ITEM], work[_COUNTS, _C_NODE]
        rows[row, R_PARENT] = work[_NODES, depth - 1]
        work[_NODES, depth] = work[_COUNTS, _C_NODE]
    elif element == _PAGE:
        work[_COUNTS, _C_PAGE] += 1
        rows[row, R_ITEM] = work[_COUNTS, _C_USAGE]


@compiled
def _root(data: Any, i: int, end: int, slots: Any, letters: Any, kinds: Any) -> int:
    """Return what follows the root's start tag, or -1."""
    size = kinds[_ROOT, K_SIZE]
    if i + size + 1 >= end or data[i] != _LT:
        return -1
    if not _same(data, i + 1, letters, kinds[_ROOT, K_START], size):
        return -1
    i = _blank(data, i + 1 + size, end)
    return i + 1 if i < end and data[i] == _GT else -1


@compiled
def _open(
    data: Any, i: int, end: int, child: int, depth: int, document: int, slots: Any, letters: Any,
    kinds: Any, work: Any, marks: Any, rows: Any, first: Any, size: Any,
) -> int:  # fmt: skip
    """Read the start tag of `child`, its name read already; return its `>` or `/`, or -1."""
    above = work[_BASES, depth - 1]
    if _is_repeated(child, work[_SEEN], size, above, kinds[child, K_TEXT]):
        return -1
    work[_ELEMENTS, depth] = child
    _enter(child, depth, document, slots, letters, kinds, work, marks, rows, size)
    base = work[_BASES, depth]
    if child == _PAGE:
        for k in range(2):
            first[base + k], size[base + k] = first[above + k], size[above + k]
    return _attributes(data, i, end, slots, letters, kinds, child, base, first, size)


@compiled
def _leave(
    data: Any, i: int, end: int, depth: int, flag: int, slots: Any, letters: Any, kinds: Any,
    work: Any, first: Any, size: Any,
) -> int:  # fmt: skip
    """Read an end tag at i and keep the text before it; return what follows, or -1."""
    element = work[_ELEMENTS, depth]
    column = kinds[element, K_TEXT]
    if column >= 0:
        cell, start = work[_BASES, depth] + column, work[_STARTS, depth]
        if not _own_text(data, element, start, i, flag, cell, first, size):
            return -1
    if element == _USAGE and work[_COUNTS, _C_PAGE] == 0:
        return -1
    return _closing(data, i, end, slots, letters, kinds, element)


@compiled
def _leave_empty(
    data: Any,
    i: int,
    end: int,
    depth: int,
    slots: Any,
    letters: Any,
    kinds: Any,
    work: Any,
    first: Any,
    size: Any,
) -> int:
    """End an element without content at its `/`; return what follows, or -1."""
    element = work[_ELEMENTS, depth]
    if i + 1 >= end or data[i + 1] != _GT or element == _USAGE:
        return -1
    column = kinds[element, K_TEXT]
    if column >= 0:
        cell = work[_BASES, depth] + column
        first[cell], size[cell] = i, 0
    return i + 2


@compiled
def _document(
    data: Any, i: int, end: int, document: int, slots: Any, letters: Any, kinds: Any, work: Any,
    marks: Any, rows: Any, first: Any, size: Any,
) -> int:  # fmt: skip
    """Scan one document; its rows count only when DONE is returned."""
    row, depth = marks[N_ROWS], 0
    i = _root(data, i, end, slots, letters, kinds)
    work[_SEEN], work[_COUNTS] = 0, -1
    work[_ELEMENTS, 0], work[_STARTS, 0], work[_NODES, 0] = _ROOT, i, -1
    work[_BASES, 0] = _begin_row(marks, rows, size, 0, kinds[_ROOT, K_WIDTH], document)
    while depth >= 0 and i >= 0:
        element, flag = work[_ELEMENTS, depth], 0
        if kinds[element, K_TEXT] >= 0:
            i, flag = _text_end(data, i, end)
        else:
            i = _blank(data, i, end)
        if i < 0 or i + 1 >= end or data[i] != _LT:
            return UNUSUAL
        if data[i + 1] == _SLASH:
            i = _leave(data, i, end, depth, flag, slots, letters, kinds, work, first, size)
            depth -= 1
        else:
            stop = _name_end(data, i + 1, end)
            child = _answer(slots, letters, element + _AS_CHILD, data, i + 1, stop)
            is_mixed = element == _RATIONALE and _is_plain_text(data, work[_STARTS, depth], i) != 0
            if child < 0 or depth + 1 >= MOST_DEPTH or is_mixed:
                return UNUSUAL
            if marks[N_ROWS] >= len(rows) or marks[N_CELLS] + 2 * _MOST_ROW > len(size):
                return FULL
            depth += 1
            i = _open(
                data,
                stop,
                end,
                child,
                depth,
                document,
                slots,
                letters,
                kinds,
                work,
                marks,
                rows,
                first,
                size,
            )
            if i >= 0 and data[i] == _SLASH:
                i = _leave_empty(data, i, end, depth, slots, letters, kinds, work, first, size)
                depth -= 1
            else:
                i += i >= 0
        work[_STARTS, max(depth, 0)] = i
    rows[row, R_ITEM], rows[row, R_NODE] = work[_SEEN, _EXAMINEE], work[_SEEN, _SITTING]
    return DONE if i >= 0 and _blank(data, i, end) == end else UNUSUAL


@compiled
def scan(
    data: Any, starts: Any, ends: Any, from_document: int, slots: Any, letters: Any, kinds: Any,
    marks: Any, rows: Any, first: Any, size: Any, verdicts: Any,
) -> int:  # fmt: skip
    """Scan documents from `from_document` on; return the one there was no room for, or all.

    `verdicts` gets DONE or UNUSUAL for each; `marks` counts the rows and cells written. A
    document that isn't DONE leaves no rows.
    """
    work = np.zeros((6, MOST_DEPTH), np.int64)
    for document in range(from_document, len(starts)):
        n_rows, n_cells = marks[N_ROWS], marks[N_CELLS]
        verdict = FULL
        if n_rows < len(rows) and n_cells + 2 * _MOST_ROW <= len(size):
            verdict = _document(
                data,
                starts[document],
                ends[document],
                document,
                slots,
                letters,
                kinds,
                work,
                marks,
                rows,
                first,
                size,
            )
        if verdict != DONE:
            marks[N_ROWS], marks[N_CELLS] = n_rows, n_cells
        if verdict == FULL:
            return document
        verdicts[document] = verdict
    return len(starts)
