"""Which columns of a report fit side by side, so that none has to cut a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NAMES = ("Entity", "Year", "Subject", "Grade", "Test", "Measure", "Group")
"""Columns that say what a row is about: they stay, and may wrap."""

WIDEST_NAME = 24
_LEFT_OUT_FIRST = (
    *("Enrolled", "Tested", "% by level", "Difficulty", "Distance", "Scored", "% met"),
    *("Points", "To standard"),
)
_MARGIN, _BETWEEN = 1, 2

Cells = Mapping[str, Sequence[str]]


def fitting(cells: Cells, width: int) -> list[str]:
    """The columns that fit into a width with every figure whole, the most telling ones.

    >>> fitting({"Grade": ["05"], "Enrolled": ["1,204"], "Mean": ["2499.5 ±5.4"]}, 24)
    ['Grade', 'Mean']
    """
    kept = list(cells)
    for head in _LEFT_OUT_FIRST:
        figures = [one for one in kept if one not in NAMES]
        if _needed(cells, kept) <= width or len(figures) < 2:
            break
        kept = [one for one in kept if one != head]
    return kept


def column_width(head: str, told: Sequence[str]) -> int:
    """How wide a column has to be; that of a name wraps beyond some width."""
    widest = max(map(len, (head, *told)))
    return min(widest, WIDEST_NAME) if head in NAMES else widest


def _needed(cells: Cells, kept: Sequence[str]) -> int:
    """The width of a table: columns with what stands between them, and the margin."""
    return _MARGIN + sum(column_width(head, cells[head]) + _BETWEEN for head in kept)
