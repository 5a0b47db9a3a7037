"""Charts as accessible SVG, each with its text alternative and the same numbers as a table."""

from __future__ import annotations

from scorehouse.reports.charts.dots import gaps
from scorehouse.reports.charts.equity import equity
from scorehouse.reports.charts.gauge import gauge
from scorehouse.reports.charts.grid import cell_of, color_grid, placement_counts
from scorehouse.reports.charts.items import item_bars
from scorehouse.reports.charts.levels import level_bars
from scorehouse.reports.charts.lines import cohort_lines, trend
from scorehouse.reports.charts.plane import plane
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
    Number,
    Series,
    Table,
    TargetRow,
)
from scorehouse.reports.charts.targets import target_bars

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
    "Number",
    "Series",
    "Table",
    "TargetRow",
    "cell_of",
    "cohort_lines",
    "color_grid",
    "equity",
    "gaps",
    "gauge",
    "item_bars",
    "level_bars",
    "placement_counts",
    "plane",
    "target_bars",
    "trend",
]
