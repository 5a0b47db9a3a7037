"""The fast reader's scanner: from bytes to the places of values, compiled.

It takes the part of XML that results are written in and is strict about it: known elements
in their places, known attributes once each, quoted, with references it knows, text only
where text belongs. A document that holds anything else (comments, processing instructions, a
DOCTYPE, markup inside a response, a name it doesn't know, or a fault) is not judged here:
it is marked, and `trt_elements`, the readable reader, decides with a full parser.
So the scanner needs to be right only in what it accepts; it never explains.

The order of elements is not looked at to read them; whether it was the schema's (and nothing
blank stood in an element that must be empty) is noted as `R_PARENT` of the result's row.

Nothing is copied: `first` and `size` hold where each cell's text begins and its length
(times two, plus one when it has to be decoded), `rows` one line for each row begun.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from scorehouse.intake.readers.trt_letters import (
    APOSTROPHE,
    EQUALS,
    GT,
    LT,
    QUOTE,
    SLASH,
    after_blank,
    compiled,
    kind_of_text,
    name_end,
    text_end,
    value_end,
)
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
    SLOTS,
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
# what is remembered by depth: the element, its row's cells, where its text begins, its node,
# its last child; and by result: which elements were met, and counts
_ELEMENTS, _BASES, _STARTS, _NODES, _LAST, _SEEN, _COUNTS = range(7)
_C_ITEM, _C_NODE, _C_USAGE, _C_PAGE, _C_OFF = range(5)
IN_ORDER = -1
_SLOT_MASK = SLOTS - 1


@compiled
def _same(data: Any, i: int, letters: Any, start: int, size: int) -> bool:
    k = 0
    while k < size and data[i + k] == letters[start + k]:
        k += 1
    return k == size


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
        after = after_blank(data, i, end)
        if after >= end:
            return -1
        if data[after] == GT or data[after] == SLASH:
            return after
        if after == i:
            return -1
        stop = name_end(data, after, end)
        column = _answer(slots, letters, element, data, after, stop)
        if column < 0:
            return -1
        i = after_blank(data, stop, end)
        if i >= end or data[i] != EQUALS:
            return -1
        i = after_blank(data, i + 1, end)
        if i >= end or (data[i] != QUOTE and data[i] != APOSTROPHE):
            return -1
        stop, flag = value_end(data, i + 1, end, data[i])
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
    i = after_blank(data, i + size, end)
    return i + 1 if i < end and data[i] == GT else -1


@compiled
def _own_text(
    data: Any, element: int, start: int, stop: int, flag: int, cell: int, first: Any, size: Any
) -> bool:
    """Keep an element's text; False when it is too unusual for here.

    Blank text of a rationale is indentation: it counts as no text.
    """
    if element == _RATIONALE:
        kind = kind_of_text(data, start, stop)
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
def _note_order(work: Any, depth: int, child: int) -> None:
    """Note when a child stands before its place, or again where it may once.

    Elements are numbered in the order of the schema; the examinee's may be mixed.
    """
    element, last = work[_ELEMENTS, depth - 1], work[_LAST, depth - 1]
    is_again = child == last and element in (_ITEM, _NODE)
    if is_again or (child < last and element != _EXAMINEE):
        work[_COUNTS, _C_OFF] = 0
    work[_LAST, depth - 1] = child
    work[_LAST, depth] = 0


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
    if i + size + 1 >= end or data[i] != LT:
        return -1
    if not _same(data, i + 1, letters, kinds[_ROOT, K_START], size):
        return -1
    i = after_blank(data, i + 1 + size, end)
    return i + 1 if i < end and data[i] == GT else -1


@compiled
def _open(
    data: Any, i: int, end: int, child: int, depth: int, document: int, slots: Any, letters: Any,
    kinds: Any, work: Any, marks: Any, rows: Any, first: Any, size: Any,
) -> int:  # fmt: skip
    """Read the start tag of `child`, its name read already; return its `>` or `/`, or -1."""
    above = work[_BASES, depth - 1]
    if _is_repeated(child, work[_SEEN], size, above, kinds[child, K_TEXT]):
        return -1
    _note_order(work, depth, child)
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
    elif work[_LAST, depth] == 0 and i > work[_STARTS, depth]:
        work[_COUNTS, _C_OFF] = 0
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
    if i + 1 >= end or data[i + 1] != GT or element == _USAGE:
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
    work[_ELEMENTS, 0], work[_STARTS, 0], work[_NODES, 0], work[_LAST, 0] = _ROOT, i, -1, 0
    work[_BASES, 0] = _begin_row(marks, rows, size, 0, kinds[_ROOT, K_WIDTH], document)
    while depth >= 0 and i >= 0:
        element, flag = work[_ELEMENTS, depth], 0
        if kinds[element, K_TEXT] >= 0:
            i, flag = text_end(data, i, end)
        else:
            i = after_blank(data, i, end)
        if i < 0 or i + 1 >= end or data[i] != LT:
            return UNUSUAL
        if data[i + 1] == SLASH:
            i = _leave(data, i, end, depth, flag, slots, letters, kinds, work, first, size)
            depth -= 1
        else:
            stop = name_end(data, i + 1, end)
            child = _answer(slots, letters, element + _AS_CHILD, data, i + 1, stop)
            is_mixed = element == _RATIONALE and kind_of_text(data, work[_STARTS, depth], i) != 0
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
            if i >= 0 and data[i] == SLASH:
                i = _leave_empty(data, i, end, depth, slots, letters, kinds, work, first, size)
                depth -= 1
            else:
                i += i >= 0
        work[_STARTS, max(depth, 0)] = i
    rows[row, R_ITEM], rows[row, R_NODE] = work[_SEEN, _EXAMINEE], work[_SEEN, _SITTING]
    rows[row, R_PARENT] = work[_COUNTS, _C_OFF]
    return DONE if i >= 0 and after_blank(data, i, end) == end else UNUSUAL


def new_work() -> npt.NDArray[np.int64]:
    """Return what the scanner remembers while it is in a document."""
    return np.zeros((7, MOST_DEPTH), np.int64)


@compiled
def scan(
    data: Any, starts: Any, ends: Any, from_document: int, slots: Any, letters: Any, kinds: Any,
    work: Any, marks: Any, rows: Any, first: Any, size: Any, verdicts: Any,
) -> int:  # fmt: skip
    """Scan documents from `from_document` on; return the one there was no room for, or all.

    `verdicts` gets DONE or UNUSUAL for each; `marks` counts the rows and cells written. A
    document that isn't DONE leaves no rows. `work` is what `new_work` gives.
    """
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
