"""Parting a long-form table into pieces of whole tests that several machines can read.

Whoever parts it has compared the order of the whole tables; a piece carries what concerns it,
so that its tests, and what is found wrong with them, are those of a reading in one go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scorehouse.intake.canonical import ResponseChunk
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.long_form import in_step, opened, walk
from scorehouse.intake.readers.order import Order
from scorehouse.intake.readers.table_source import TableSource


class Piece(NamedTuple):
    """Some tests of a table: the rows to read, and their order."""

    responses: TableSource
    sittings: TableSource | None
    order: Order


def pieces(
    path: Path, opportunities: Path | None, log: FindingLog, scratch: Path, tests: int
) -> list[Piece]:
    """Part a table into pieces of so many tests; what is wrong with it as a whole is logged.

    A table that must be brought into order first is sorted into the `scratch` folder, which
    whoever reads the pieces must see. Empty when the table is refused.
    """
    tables = opened(path, opportunities, log, scratch)
    if tables is None:
        return []
    responses, sittings, order = in_step(*tables, scratch)
    firsts = range(0, max(order.starts.size, 1), tests)
    return [_piece(responses, sittings, order, first, first + tests) for first in firsts]


def read_piece(piece: Piece, log: FindingLog, chunk_tests: int = 20_000) -> Iterator[ResponseChunk]:
    """Yield the tests of a piece."""
    yield from walk(piece.responses, piece.sittings, piece.order, chunk_tests, log)


def _piece(
    responses: TableSource, sittings: TableSource | None, order: Order, first: int, last: int
) -> Piece:
    """The runs of responses `first` up to `last`, and the opportunities up to the next one's."""
    starts = order.starts[first : last + 1]
    begin = int(starts[0]) if first else 0
    end = int(starts[-1]) if last < order.starts.size else responses.row_count
    rows = replace(responses, first_row=begin, row_count=end)
    if sittings is None or order.positions is None:
        return Piece(rows, None, replace(order, starts=starts))
    places = _places(order, first, last, sittings.row_count)
    own = order.repeated[(order.repeated >= places[0]) & (order.repeated < places[1])]
    part = Order(starts, True, order.positions[first:last], own, np.zeros(0, np.int64))
    return Piece(rows, replace(sittings, first_row=places[0], row_count=places[1]), part)


def _places(order: Order, first: int, last: int, count: int) -> tuple[int, int]:
    """Where the opportunities of some runs begin and end; those between go with the earlier."""
    assert order.positions is not None
    return (
        _next_place(order.positions[first:], count) if first else 0,
        _next_place(order.positions[last:], count),
    )


def _next_place(positions: np.ndarray[tuple[int], np.dtype[np.int64]], count: int) -> int:
    known = positions[positions >= 0]
    return int(known[0]) if known.size else count
