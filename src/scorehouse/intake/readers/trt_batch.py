"""Many result documents at once: joined, scanned, and laid out as the element tables."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scorehouse.intake.readers.trt_columns import text_columns_of
from scorehouse.intake.readers.trt_scan import (
    DONE,
    IN_ORDER,
    R_BASE,
    R_DOCUMENT,
    R_ITEM,
    R_NODE,
    R_PARENT,
    R_TABLE,
    ROW_FIELDS,
    UNUSUAL,
    new_work,
    scan,
)
from scorehouse.intake.readers.trt_words import (
    TABLES,
    TEXTS,
    WIDTHS,
    Bytes,
    Element,
    Numbers,
    Words,
    text_columns,
    words,
)
from scorehouse.result_shapes import ELEMENTS

Places = npt.NDArray[np.int64]
_PROLOG = re.compile(
    rb"(?:\xef\xbb\xbf)?"
    rb"""(?:<\?xml[ ]version=(?:"1\.0"|'1\.0')"""
    rb"""(?:[ ]encoding=(?:"(?:utf-8|us-ascii)"|'(?:utf-8|us-ascii)'))?"""
    rb"""(?:[ ]standalone=(?:"yes"|"no"|'yes'|'no'))?[ ]?\?>)?\s*(?=<TDSReport[>\s])""",
    re.IGNORECASE,
)
_NOT_CHARACTERS = re.compile(rb"\xef\xbf[\xbe\xbf]")
_LARGEST = 8 << 20  # a larger document goes to the full parser, which has its own limits
_BYTES_PER_CELL, _BYTES_PER_ROW = 12, 128  # first guesses, more is taken when needed
_TEXT_COLUMNS = {
    "item": (TEXTS[Element.Response],),
    "comment": (TEXTS[Element.Comment],),
    "score_info": (TEXTS[Element.ScoreRationale], TEXTS[Element.Message]),
}
_IS_TEXT = [
    np.isin(np.arange(width), _TEXT_COLUMNS.get(table, ()))
    for table, width in zip(TABLES, WIDTHS, strict=True)
]


class Scanned(NamedTuple):
    """What scanning a batch gave."""

    is_done: npt.NDArray[np.bool_]  # by document: read here
    tables: Mapping[str, pa.Table]  # ELEMENTS; `result` counts documents of the batch
    lines: Sequence[int]  # by document: the line its root stands on
    is_ordered: npt.NDArray[np.bool_]  # by document: read here, its elements in the schema's order


class _Room(NamedTuple):
    """The arrays that the scanner writes into."""

    rows: Numbers
    first: Numbers
    size: Numbers


@cache
def _words() -> Words:
    return words()


def content_start(content: bytes) -> int:
    """Return where the root begins; -1 when what stands before it is unusual or too long.

    >>> content_start(b"<?xml version='1.0'?><TDSReport>"), content_start(b"<!DOCTYPE x>")
    (21, -1)
    """
    match = _PROLOG.match(content) if len(content) <= _LARGEST else None
    if match is None or not (content.isascii() or _is_text(content)):
        return -1
    return match.end()


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return not _NOT_CHARACTERS.search(content)


def scan_documents(documents: Sequence[tuple[str, bytes]]) -> Scanned:
    """Read documents, each given with the name that findings may show.

    Documents that aren't plain enough for the scanner are left to the readable reader:
    `is_done` is False for them, and they have no rows.
    """
    contents = [content for _, content in documents]
    heads = np.array([content_start(content) for content in contents], np.int64)
    sizes = np.array([len(content) for content in contents], np.int64)
    ends = np.cumsum(sizes, dtype=np.int64)
    starts: Places = ends - sizes
    data = np.frombuffer(b"".join(contents), np.uint8)
    chosen = np.flatnonzero(heads >= 0)
    room, n_rows, verdicts = _scanned(data, (starts + heads)[chosen], ends[chosen])
    is_done = np.zeros(len(documents), np.bool_)
    is_done[chosen] = verdicts == DONE
    names = [name for name, _ in documents]
    rows = room.rows[:n_rows]
    tables = _tables(data, room, rows, chosen.astype(np.int32), names)
    lines = [
        1 + content.count(b"\n", 0, max(head, 0))
        for content, head in zip(contents, heads.tolist(), strict=True)
    ]
    ordered = rows[(rows[:, R_TABLE] == 0) & (rows[:, R_PARENT] == IN_ORDER), R_DOCUMENT]
    is_ordered = np.zeros(len(documents), np.bool_)
    is_ordered[chosen[ordered]] = True
    return Scanned(is_done, tables, lines, is_ordered)


def _scanned(data: Bytes, starts: Places, ends: Places) -> tuple[_Room, int, Numbers]:
    """Scan, taking more room as often as it is needed."""
    room = _room_for(len(data) // _BYTES_PER_ROW + 1024, len(data) // _BYTES_PER_CELL + 4096)
    marks, verdicts = np.zeros(2, np.int64), np.full(len(starts), UNUSUAL, np.int32)
    document, work = 0, new_work()
    while True:
        document = scan(data, starts, ends, document, *_words(), work, marks, *room, verdicts)
        if document == len(starts):
            return room, int(marks[0]), verdicts
        larger = _room_for(2 * len(room.rows), 2 * len(room.size))
        for old, new in zip(room, larger, strict=True):
            new[: len(old)] = old
        room = larger


class _Kept(threading.local):
    """The room a thread scanned into last: touching new memory costs as much as scanning."""

    room: _Room | None = None


_KEPT = _Kept()


def _room_for(rows: int, cells: int) -> _Room:
    kept = _KEPT.room
    if kept is None or len(kept.rows) < rows or len(kept.size) < cells:
        kept = _Room(
            np.empty((rows, ROW_FIELDS), np.int32),
            np.empty(cells, np.int32),
            np.empty(cells, np.int32),
        )
        _KEPT.room = kept
    return kept


def _tables(
    data: Bytes,
    room: _Room,
    rows: Numbers,
    documents: Numbers,
    names: Sequence[str],
) -> dict[str, pa.Table]:
    tables = {}
    for number, table in enumerate(TABLES):
        found = rows[rows[:, R_TABLE] == number]
        bases = found[:, R_BASE].astype(np.int64)
        columns = {"result": pa.array(documents[found[:, R_DOCUMENT]])}
        columns |= _number_columns(table, found)
        if table == "result":
            columns["file"] = pa.array([names[k] for k in columns["result"].to_pylist()])
        texts = text_columns_of(data, bases, room.first, room.size, _IS_TEXT[number])
        columns |= zip(text_columns(table), texts, strict=True)
        schema = ELEMENTS[table]
        tables[table] = pa.table([columns[name] for name in schema.names], schema=schema)
    return tables


def _number_columns(table: str, rows: Numbers) -> dict[str, pa.Array]:
    """Return the columns of a table that aren't delivered text."""
    match table:
        case "result":
            return {
                "has_examinee": pa.array(rows[:, R_ITEM] != 0),
                "has_opportunity": pa.array(rows[:, R_NODE] != 0),
            }
        case "item":
            return {"item": pa.array(rows[:, R_ITEM])}
        case "score_info":
            return {
                "item": pa.array(rows[:, R_ITEM]),
                "node": pa.array(rows[:, R_NODE]),
                "parent": pa.array(rows[:, R_PARENT]),
            }
        case "tool_page":
            return {"usage": pa.array(rows[:, R_ITEM])}
        case _:
            return {}
