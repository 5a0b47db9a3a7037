"""What is decided about each row, and the table that follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

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

    `levels` holds reasons by level, from 0; `shown_counts` are counts that stay although the
    row is hidden; `coded` stands in place of an extreme percentage.
    """

    row: str = ""
    results: str = ""
    levels: dict[int, str] = field(default_factory=dict)
    scale: str = ""
    coded: str = ""
    shown_counts: tuple[str, ...] = ()

    @property
    def hides(self) -> bool:
        """Whether anything of the row is hidden."""
        return bool(self.row or self.results or self.levels or self.scale)

    def why(self, column: str, is_met_shown: bool) -> str:
        """Why a column is hidden as a whole; blank: it isn't."""
        if column in names.COUNTS or column in names.PARTICIPATION:
            return "" if column in self.shown_counts else self.row
        if self.row or self.results:
            return self.row or self.results
        first = next(iter(self.levels.values()), "")
        if column in names.SPREAD:
            return first or self.scale
        if column in names.MET:
            return "" if is_met_shown else first
        return self.scale if column in names.SCALE_FIGURES else ""


def is_met_shown(decision: Decision, levels: int, met_level: int) -> bool:
    """Whether the share that met the standard can stay: each side is hidden whole or not.

    >>> is_met_shown(Decision(levels={2: "complement", 3: "complement"}), 4, 3)
    True
    """
    if decision.coded or (decision.levels and not met_level):
        return not decision.coded and not decision.levels
    sides = (set(range(met_level - 1)), set(range(met_level - 1, levels)))
    hidden = set(decision.levels)
    return all(len(hidden & side) != 1 for side in sides) and hidden != set(range(levels))


def decided_table(
    figures: pa.Table, decisions: Sequence[Decision], met_levels: Sequence[int]
) -> pa.Table:
    """The table with what is hidden set to null, and `hidden` saying why, column by column."""
    reasons: list[list[dict[str, str]]] = [[] for _ in decisions]
    counts = level_numbers(figures)
    shown = [is_met_shown(d, n, m) for d, n, m in zip(decisions, counts, met_levels, strict=True)]
    made = {}
    for name in figures.column_names:
        if names.is_sum(name):
            continue
        if name in (*names.KEYS, *names.ABOUT):
            made[name] = figures[name]
            continue
        whys = [d.why(name, s) for d, s in zip(decisions, shown, strict=True)]
        made[name] = _without(figures[name], name, whys, decisions, reasons)
    made[names.CODED] = pa.array([d.coded or None for d in decisions], pa.string())
    made[names.HIDDEN] = pa.array(reasons, HIDDEN_TYPE)
    return pa.table(made)


def level_numbers(figures: pa.Table) -> list[int]:
    """How many levels each row has; 0 without any."""
    if names.LEVELS not in figures.column_names:
        return [0] * figures.num_rows
    return [len(levels or ()) for levels in figures[names.LEVELS].to_pylist()]


def _without(
    column: pa.ChunkedArray,
    name: str,
    whys: Sequence[str],
    decisions: Sequence[Decision],
    reasons: list[list[dict[str, str]]],
) -> pa.Array | pa.ChunkedArray:
    is_by_level = name in names.LEVEL_LISTS
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
