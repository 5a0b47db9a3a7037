"""The five-by-five grid: with one cell marked, or with how many stand in each cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scorehouse.reports.charts.palette import INK, PAPER, Fill, color_fill
from scorehouse.reports.charts.shapes import Chart, Grid, IndicatorRow, Table
from scorehouse.reports.charts.svg import WIDTH, Drawing, fit, width_of, wrap
from scorehouse.reports.charts.words import NOTHING, counted, listed, told

LEFT, TOP, GAP, CELL = 116, 66, 4, 46

Draw = Callable[[Drawing, float, float, float, int, int], None]


def color_grid(key: str, title: str, grid: Grid, row: IndicatorRow) -> Chart:
    """Draw the grid with the cell of a school or group marked, if it has one."""
    marked = cell_of(grid, row)
    drawing = Drawing(key, title, _told_cell(grid, row, marked))

    def draw(drawing: Drawing, x: float, y: float, wide: float, status: int, change: int) -> None:
        fill = color_fill(grid.colors[status][change])
        _cell(drawing, x, y, wide, fill, is_pale=(status, change) != marked)
        place = (x + wide / 2, y + CELL / 2 + 5)
        _word(drawing, place, grid.colors[status][change], (status, change) == marked, fill, wide)

    _cells(drawing, grid, draw)
    if marked:
        _frame(drawing, grid, marked)
    bottom = _bottom(grid)
    if marked:
        drawing.circle(LEFT + 5, bottom + 14, 5, fill=INK)
    place = LEFT + 16 if marked else LEFT
    drawing.text(place, bottom + 18, fit(_caption(row), 13, WIDTH - place), is_bold=True)
    table = _grid_table(title, grid, lambda s, c: _said(grid, s, c, marked))
    return Chart(key, title, drawing.description, drawing.svg(bottom + 30), table)


def placement_counts(
    key: str, title: str, grid: Grid, rows: Sequence[IndicatorRow], one: str = "school"
) -> Chart:
    """Draw how many stand in each cell; those without a color are counted below."""
    places = [cell_of(grid, row) for row in rows]
    without = sum(place is None for place in places)
    drawing = Drawing(key, title, _told_counts(grid, rows, without, one))

    def draw(drawing: Drawing, x: float, y: float, wide: float, status: int, change: int) -> None:
        fill = color_fill(grid.colors[status][change])
        count = places.count((status, change))
        _cell(drawing, x, y, wide, fill, is_pale=not count)
        middle = x + wide / 2
        ink, halo = (fill.text, fill.ground) if count else (INK, fill.tint)
        if count:
            text = str(count)
            drawing.text(
                middle, y + 24, text, size=20, anchor="middle", fill=ink, is_bold=True, halo=halo
            )
        word, low = grid.colors[status][change], 40 if count else 26
        drawing.text(middle, y + low, word, size=11, anchor="middle", fill=ink, halo=halo)

    _cells(drawing, grid, draw)
    bottom = _bottom(grid)
    drawing.text(LEFT, bottom + 18, f"Without a color: {counted(without, one)}", is_bold=True)
    table = _grid_table(title, grid, lambda s, c: str(places.count((s, c)) or NOTHING))
    return Chart(key, title, drawing.description, drawing.svg(bottom + 30), table)


def cell_of(grid: Grid, row: IndicatorRow) -> tuple[int, int] | None:
    """The place of a row's cell in the grid; none without a color."""
    if not row.color or row.status_level not in grid.status_levels:
        return None
    if row.change_level not in grid.change_levels:
        return None
    status = list(grid.status_levels).index(row.status_level)
    return status, list(grid.change_levels).index(row.change_level)


def _wide(grid: Grid) -> float:
    return (WIDTH - LEFT) / len(grid.change_levels)


def _bottom(grid: Grid) -> float:
    return TOP + (CELL + GAP) * len(grid.status_levels)


def _cells(drawing: Drawing, grid: Grid, draw: Draw) -> None:
    wide = _wide(grid)
    drawing.text(LEFT, 14, "Change from the year before →", size=12, is_bold=True)
    drawing.text(0, TOP - 12, "Status", size=12, is_bold=True)
    for change, level in enumerate(grid.change_levels):
        middle = LEFT + wide * change + (wide - GAP) / 2
        for index, line in enumerate(wrap(level, 12, wide - 6)):
            drawing.text(middle, 34 + 14 * index, line, size=12, anchor="middle")
    for status, level in enumerate(grid.status_levels):
        y = TOP + (CELL + GAP) * status
        drawing.text(0, y + CELL / 2 + 5, fit(level, 13, LEFT - 8), size=13)
        for change in range(len(grid.change_levels)):
            draw(drawing, LEFT + wide * change, y, wide - GAP, status, change)


def _cell(drawing: Drawing, x: float, y: float, wide: float, fill: Fill, *, is_pale: bool) -> None:
    if is_pale:
        drawing.rect(x, y, wide, CELL, fill=fill.tint)
        drawing.rect(x, y + CELL - 5, wide, 5, fill=fill.ground)
    else:
        drawing.filled(x, y, wide, CELL, fill)


def _word(
    drawing: Drawing,
    place: tuple[float, float],
    word: str,
    is_marked: bool,
    fill: Fill,
    wide: float,
) -> None:
    x, y = place
    if is_marked:
        text = fit(word, 16, wide - 34)
        drawing.circle(x - width_of(text, 16) / 2 - 8, y - 5, 5, fill=fill.text)
        drawing.text(
            x + 6, y, text, size=16, anchor="middle", fill=fill.text, is_bold=True, halo=fill.ground
        )
    else:
        drawing.text(x, y, word, size=12, anchor="middle")


def _frame(drawing: Drawing, grid: Grid, marked: tuple[int, int]) -> None:
    wide = _wide(grid)
    x, y = LEFT + wide * marked[1], TOP + (CELL + GAP) * marked[0]
    drawing.rect(x, y, wide - GAP, CELL, fill="none", stroke=INK, stroke_width=4)
    drawing.rect(x + 3, y + 3, wide - GAP - 6, CELL - 6, fill="none", stroke=PAPER, stroke_width=2)


def _figures(row: IndicatorRow) -> str:
    status = told(row.status, 1, is_signed=True)
    change = told(row.change, 1, is_signed=True)
    levels = [f" ({level})" if level else "" for level in (row.status_level, row.change_level)]
    return f"Status {status}{levels[0]}, Change {change}{levels[1]}"


def _caption(row: IndicatorRow) -> str:
    color = row.color or "no color"
    return f"{row.name}: {color}. {_figures(row)}"


def _told_cell(grid: Grid, row: IndicatorRow, marked: tuple[int, int] | None) -> str:
    size = f"{len(grid.status_levels)} rows of Status by {len(grid.change_levels)} of Change"
    if marked is None:
        why = f" {row.remark}" if row.remark else ""
        return f"Grid of colors, {size}. No cell is marked: {row.name} has no color.{why}"
    return f"Grid of colors, {size}. {row.name} stands in the {row.color} cell: {_figures(row)}."


def _told_counts(grid: Grid, rows: Sequence[IndicatorRow], without: int, one: str) -> str:
    colors = [row.color for row in rows if cell_of(grid, row)]
    each = [f"{colors.count(color)} {color}" for color in dict.fromkeys(sorted(colors))]
    parts = listed([*each, f"{without} without a color"])
    return f"Grid of colors with how many stand in each cell. {counted(len(rows), one)}: {parts}."


def _said(grid: Grid, status: int, change: int, marked: tuple[int, int] | None) -> str:
    word = grid.colors[status][change]
    return f"{word} (here)" if (status, change) == marked else word


def _grid_table(title: str, grid: Grid, say: Callable[[int, int], str]) -> Table:
    body = tuple(
        (level, *(say(status, change) for change in range(len(grid.change_levels))))
        for status, level in enumerate(grid.status_levels)
    )
    columns = ("Status", *grid.change_levels)
    return Table(title, columns, body, frozenset(range(1, len(columns))))
