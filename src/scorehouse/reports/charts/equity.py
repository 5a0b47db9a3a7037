"""How many student groups have each color: one row an indicator or school."""

from __future__ import annotations

from collections.abc import Sequence

from scorehouse.reports.charts.levels import NOT_DRAWN, legend
from scorehouse.reports.charts.palette import COLORS, INK, NO_COLOR, Fill, color_fill
from scorehouse.reports.charts.shapes import Chart, ColorCount, Table
from scorehouse.reports.charts.svg import Drawing, width_of, wrap
from scorehouse.reports.charts.words import NOTHING, counted, listed

LEFT, RIGHT, BAR, STEP = 180, 690, 28, 42
UNCOLORED = "No color"
MOST_PIECES = 30


def equity(key: str, title: str, rows: Sequence[ColorCount]) -> Chart:
    """Draw a bar for each row, as long as it has groups, divided by color."""
    drawing = Drawing(key, title, _described(rows))
    named = [*COLORS.items(), (UNCOLORED, NO_COLOR)]
    top = legend(drawing, named, 16) + 14
    most = max((_total(row) for row in rows), default=0)
    for row in rows:
        _row(drawing, row, top, most)
        top += STEP
    if not rows:
        drawing.soft(0, top + 4, NOT_DRAWN)
        top += 20
    return Chart(key, title, drawing.description, drawing.svg(top), _table(title, rows))


def _total(row: ColorCount) -> int:
    return sum(count for _, count in row.counts) + row.without


def _pieces(row: ColorCount) -> list[tuple[Fill, int]]:
    counts = dict(row.counts)
    colored = [(color_fill(color), counts.get(color, 0)) for color in COLORS]
    return [*colored, (NO_COLOR, row.without)]


def _row(drawing: Drawing, row: ColorCount, top: float, most: int) -> None:
    for index, line in enumerate(wrap(row.name, 13, LEFT - 12)):
        drawing.text(0, top + 12 + 15 * index, line, is_bold=True, full=row.name)
    x, unit = float(LEFT), (RIGHT - LEFT) / max(1, most)
    for fill, count in _pieces(row):
        wide = count * unit
        drawing.filled(x, top, wide, BAR, fill)
        if most <= MOST_PIECES:
            for piece in range(1, count):
                place = x + piece * unit
                drawing.line(place, top, place, top + BAR, stroke=fill.text, stroke_opacity="0.35")
        drawing.rect(x, top, wide, BAR, fill="none", stroke=INK)
        text = str(count)
        if width_of(text, 14) + 4 <= wide:
            middle = x + wide / 2
            drawing.text(
                middle,
                top + 19,
                text,
                size=14,
                anchor="middle",
                fill=fill.text,
                is_bold=True,
                halo=fill.ground,
            )
        x += wide
    if not _total(row):
        drawing.soft(LEFT, top + 18, "no groups")


def _described(rows: Sequence[ColorCount]) -> str:
    if not rows:
        return NOT_DRAWN
    told = []
    for row in rows:
        counts = dict(row.counts)
        each = [f"{counts.get(color, 0)} {color}" for color in COLORS]
        parts = listed([*each, f"{row.without} without a color"])
        told.append(f"{row.name}, {counted(_total(row), 'group')}: {parts}.")
    return " ".join(told)


def _table(title: str, rows: Sequence[ColorCount]) -> Table:
    body = []
    for row in rows:
        counts = dict(row.counts)
        cells = [str(counts.get(color, 0)) for color in COLORS]
        body.append((row.name or NOTHING, *cells, str(row.without), str(_total(row))))
    return Table(title, ("", *COLORS, UNCOLORED, "Groups"), tuple(body))
