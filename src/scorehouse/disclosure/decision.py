"""What is decided about each row, and the table that follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scorehouse.disclosure import columns as names

COMPLEMENT, TOTAL, DIFFERENCING, EXTREME = "complement", "total", "differencing", "extreme"

HIDDEN_TYPE = pa.list_(pa.struct([("column", pa.string()), ("why", pa.string())]))


def too_small(smallest: int) -> str:
    """The reason of a group below a minimum.

    >>> too_small(11)
    'n<11'
    """
    return f"n<{smallest}"


@dataclass
class Decision:
    """Why parts of a row are hidden; a blank reason: they are shown.

    `row`: all of it; `results`: all but the group's counts; `levels`: single levels, from 0;
    `met`: the share that met the standard; `scale`: the mean scale score and its errors;
    `distance`: the mean distance from standard; `compared`: what rests on another row.
    `shown_counts` stay although the row is hidden; `coded` stands in place of an extreme share.
    """

    row: str = ""
    results: str = ""
    levels: dict[int, str] = field(default_factory=dict)
    met: str = ""
    scale: str = ""
    distance: str = ""
    compared: str = ""
    coded: str = ""
    shown_counts: tuple[str, ...] = ()

    @property
    def hides(self) -> bool:
        """Whether anything of the row is hidden."""
        return bool(self.row or self.results or self.levels or self.scale or self.distance)

    @property
    def kind(self) -> tuple[object, ...]:
        """What decisions that hide the same have in common."""
        levels = tuple(self.levels.items()) if self.levels else ()
        return (
            self.row, self.results, levels, self.met, self.scale, self.distance, self.compared,
            self.coded, self.shown_counts,
        )  # fmt: skip

    def why(self, column: str) -> str:
        """Why a column is hidden as a whole; blank: it isn't."""
        if column in names.COUNTS or column in names.RATES:
            return "" if column in self.shown_counts else self.row
        if self.row or self.results:
            return self.row or self.results
        by_level = next((why for _, why in sorted(self.levels.items())), "")
        if column in names.SPREAD:
            return by_level or self.scale
        if column in names.BY_LEVELS:
            return by_level or self.distance
        own = dict.fromkeys(names.MET, self.met) | dict.fromkeys(names.SCALE, self.scale)
        own |= {names.DISTANCE: self.distance} | dict.fromkeys(names.COMPARED, self.compared)
        return own.get(column, "")


def decided_table(figures: pa.Table, decisions: Sequence[Decision]) -> pa.Table:
    """The table with what is hidden set to null, and `hidden` saying why, column by column."""
    if not any(name in names.LEVEL_LISTS for name in figures.column_names):
        return _decided_by_kind(figures, decisions)
    reasons: list[list[dict[str, str]]] = [[] for _ in decisions]
    made = {}
    for name in figures.column_names:
        if name in (*names.KEYS, *names.ABOUT):
            made[name] = figures[name]
        elif not names.is_sum(name):
            made[name] = _without(figures[name], name, decisions, reasons)
    coded = [(not d.row and d.coded) or None for d in decisions]
    made[names.CODED] = pa.array(coded, pa.string())
    made[names.HIDDEN] = pa.array(reasons, HIDDEN_TYPE)
    return pa.table(made)


def _decided_by_kind(figures: pa.Table, decisions: Sequence[Decision]) -> pa.Table:
    """The same for tables without lists of levels: rows decided alike are seen to together."""
    numbers: dict[tuple[object, ...], int] = {}
    of_row = np.array([numbers.setdefault(one.kind, len(numbers)) for one in decisions], np.int64)
    firsts = np.unique(of_row, return_index=True)[1]
    kinds = [decisions[int(place)] for place in firsts]
    reasons: list[list[dict[str, str]]] = [[] for _ in kinds]
    made = {}
    for name in figures.column_names:
        if name in (*names.KEYS, *names.ABOUT):
            made[name] = figures[name]
        elif not names.is_sum(name):
            whys = [kind.why(name) for kind in kinds]
            for why, told in zip(whys, reasons, strict=True):
                told += [{"column": name, "why": why}] if why else []
            made[name] = _null_where(figures[name], np.array([bool(w) for w in whys])[of_row])
    coded = pa.array([(not kind.row and kind.coded) or None for kind in kinds], pa.string())
    made[names.CODED] = coded.take(pa.array(of_row))
    made[names.HIDDEN] = pa.array(reasons, HIDDEN_TYPE).take(pa.array(of_row))
    return pa.table(made)


def _null_where(column: pa.ChunkedArray, is_hidden: NDArray[np.bool_]) -> pa.ChunkedArray:
    if not is_hidden.any():
        return column
    return pc.if_else(pa.array(is_hidden), pa.scalar(None, column.type), column)


def _without(
    column: pa.ChunkedArray,
    name: str,
    decisions: Sequence[Decision],
    reasons: list[list[dict[str, str]]],
) -> pa.Array | pa.ChunkedArray:
    is_by_level = name in names.LEVEL_LISTS
    whys = [decision.why(name) for decision in decisions]
    if not any(whys) and not (is_by_level and any(d.levels for d in decisions)):
        return column
    values = column.to_pylist()
    for index, (why, decision) in enumerate(zip(whys, decisions, strict=True)):
        if why:
            values[index] = None
            reasons[index].append({"column": name, "why": why})
        elif is_by_level and decision.levels and values[index] is not None:
            values[index] = _without_levels(values[index], decision.levels)
            reasons[index] += _level_reasons(name, decision.levels)
    return pa.array(values, column.type)


def _without_levels(values: Sequence[Any], hidden: dict[int, str]) -> list[Any]:
    return [None if level in hidden else value for level, value in enumerate(values)]


def _level_reasons(name: str, hidden: dict[int, str]) -> Iterator[dict[str, str]]:
    for level, why in sorted(hidden.items()):
        yield {"column": f"{name}[{level + 1}]", "why": why}
