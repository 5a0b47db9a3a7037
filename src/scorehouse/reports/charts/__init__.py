"""Charts as accessible SVG, each with its text alternative and the same numbers as a table."""

from __future__ import annotations

from scorehouse.reports.charts.shapes import (
    Amount,
    Chart,
    ColorCount,
    Cuts,
    DotRow,
    Grid,
    IndicatorRow,
    ItemRow,
    LevelRow,
    Series,
    Table,
    TargetRow,
)

__all__ = [
    "Amount",
    "Chart",
    "ColorCount",
    "Cuts",
    "DotRow",
    "Grid",
    "IndicatorRow",
    "ItemRow",
    "LevelRow",
    "Series",
    "Table",
    "TargetRow",
]
