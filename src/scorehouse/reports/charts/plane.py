"""Status by Change: every school or group as a dot, the cuts drawn, dot size by students."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from scorehouse.reports.charts.lines import suppressed_text
from scorehouse.reports.charts.palette import AXIS, INK, PAPER, SOFT, color_fill
from scorehouse.reports.charts.scales import Scale, ends_of
from scorehouse.reports.charts.shapes import Chart, Cuts, Grid, IndicatorRow, Number, Table
from scorehouse.reports.charts.svg import WIDTH, Drawing, fit, width_of, wrap
from scorehouse.reports.charts.words import NOTHING, counted, listed, number, students, told

LEFT, RIGHT, TOP, BOTTOM = 52, 612, 60, 490
SMALLEST_DOT, LARGEST_DOT = 4, 17
MOST_NAMES = 30
TOLD_ROWS = 6

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Frame:
    drawing: Drawing
    x: Scale
    y: Scale
    most: int

    def place(self, row: IndicatorRow) -> tuple[float, float, float]:
        """Middle and radius of a row's dot: its area grows with its students."""
        n = row.n or 1
        radius = max(SMALLEST_DOT, LARGEST_DOT * sqrt(n / self.most))
        return self.x(row.change.value or 0), self.y(row.status.value or 0), radius


def plane(
    key: str,
    title: str,
    rows: Sequence[IndicatorRow],
    grid: Grid,
    cuts: Cuts,
    *,
    one: str = "school",
    left_out: Sequence[tuple[str, int]] = (),
) -> Chart:
    """Draw the rows that have both figures; the others are named in notes, with the reason.

    `left_out` adds rows that never came here, by reason, such as small schools.
    """
    drawn = [r for r in rows if r.status.value is not None and r.change.value is not None]
    notes = tuple(_notes(rows, left_out, one))
    drawing = Drawing(key, title, _described(drawn, notes, one))
    table = _table(title, rows, one)
    if not drawn:
        drawing.soft(0, 20, suppressed_text([row.status for row in rows]))
        return Chart(key, title, drawing.description, drawing.svg(34), table, notes)
    frame = _frame(drawing, drawn, cuts)
    words = _regions(frame, grid, cuts)
    _axes(frame, grid, cuts)
    _names(frame, drawn, [*words, *_dots(frame, drawn)])
    return Chart(key, title, drawing.description, drawing.svg(BOTTOM + 62), table, notes)


def _frame(drawing: Drawing, rows: Sequence[IndicatorRow], cuts: Cuts) -> _Frame:
    across = ends_of([row.change for row in rows], [*cuts.change, 0])
    up = ends_of([row.status for row in rows], [*cuts.status, 0])
    room = LARGEST_DOT
    x = Scale(across[0], across[1], LEFT + room, RIGHT - room)
    y = Scale(up[0], up[1], BOTTOM - room, TOP + room)
    return _Frame(drawing, x, y, max(row.n or 1 for row in rows))


def _edges(scale: Scale, cuts: Sequence[float], start: float, end: float) -> list[float]:
    return [start, *(scale(cut) for cut in cuts), end]


def _regions(frame: _Frame, grid: Grid, cuts: Cuts) -> list[Box]:
    """The cells of the grid where they lie on the plane, each with its color's word."""
    words: list[Box] = []
    if not _has_all(grid, cuts):
        return words
    columns = _edges(frame.x, [float(c) for c in cuts.change], LEFT, RIGHT)
    bands = _edges(frame.y, [float(c) for c in cuts.status], BOTTOM, TOP)
    lowest = len(grid.status_levels) - 1
    for step, (low, high) in enumerate(pairwise(bands)):
        for change, (start, end) in enumerate(pairwise(columns)):
            color = grid.colors[lowest - step][change]
            fill = color_fill(color)
            frame.drawing.rect(start, high, end - start, low - high, fill=fill.tint)
            wide = width_of(color, 11)
            if wide + 6 <= end - start and low - high >= 16:
                frame.drawing.text(start + 4, low - 5, color, size=11, fill=SOFT)
                words.append((start + 4, low - 15, start + 4 + wide, low - 3))
    return words


def _axes(frame: _Frame, grid: Grid, cuts: Cuts) -> None:
    drawing = frame.drawing
    drawing.rect(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP, fill="none", stroke=AXIS)
    for cut in cuts.change:
        drawing.line(frame.x(cut), TOP, frame.x(cut), BOTTOM)
    for cut in cuts.status:
        drawing.line(LEFT, frame.y(cut), RIGHT, frame.y(cut))
    for value, is_cut in _marks(frame.x, cuts.change, 26):
        x, text = frame.x(value), number(value)
        drawing.line(x, BOTTOM, x, BOTTOM + 5, stroke=AXIS)
        drawing.text(x, BOTTOM + 19, text, size=12, anchor="middle", is_bold=is_cut)
    for value, is_cut in _marks(frame.y, cuts.status, 16):
        y, text = frame.y(value), number(value)
        drawing.line(LEFT - 5, y, LEFT, y, stroke=AXIS)
        drawing.text(LEFT - 8, y + 4, text, size=12, anchor="end", is_bold=is_cut)
    middle = (LEFT + RIGHT) / 2
    drawing.text(middle, BOTTOM + 40, "Change, points →", anchor="middle", is_bold=True)
    drawing.text(0, 12, "↑ Status, points from Standard Met", is_bold=True)
    if _has_all(grid, cuts):
        _level_names(frame, grid, cuts)


def _has_all(grid: Grid, cuts: Cuts) -> bool:
    """Whether every level has its cut: of some years not all are known."""
    is_status = len(cuts.status) + 1 == len(grid.status_levels)
    return is_status and len(cuts.change) + 1 == len(grid.change_levels)


def _marks(scale: Scale, cuts: Sequence[Number], gap: float) -> list[tuple[Number, bool]]:
    """What stands at an axis: all cuts, and round numbers that are far enough from them."""
    places = [scale(cut) for cut in cuts]
    ticks = [t for t in scale.ticks(7) if all(abs(scale(t) - place) >= gap for place in places)]
    return [*((cut, True) for cut in cuts), *((tick, False) for tick in ticks)]


def _level_names(frame: _Frame, grid: Grid, cuts: Cuts) -> None:
    columns = _edges(frame.x, [float(c) for c in cuts.change], LEFT, RIGHT)
    for level, (start, end) in zip(grid.change_levels, pairwise(columns), strict=True):
        lines = wrap(level, 11, end - start + 16)
        for index, line in enumerate(reversed(lines)):
            above = TOP - 8 - 13 * index
            frame.drawing.text((start + end) / 2, above, line, size=11, anchor="middle", full=level)
    bands = _edges(frame.y, [float(c) for c in cuts.status], BOTTOM, TOP)
    for level, (low, high) in zip(reversed(grid.status_levels), pairwise(bands), strict=True):
        y = (low + high) / 2 + 4
        frame.drawing.text(RIGHT + 8, y, fit(level, 12, WIDTH - RIGHT - 8), size=12)


def _dots(frame: _Frame, rows: Sequence[IndicatorRow]) -> list[Box]:
    """Large dots first, so that small ones stay seen; gives the room that they take."""
    boxes = []
    for row in sorted(rows, key=lambda row: -(row.n or 0)):
        x, y, radius = frame.place(row)
        fill = color_fill(row.color)
        ground = fill.ground if row.color else PAPER
        more: dict[str, object] = {} if row.color else {"stroke_dasharray": "2 2"}
        frame.drawing.circle(
            x, y, radius, fill=ground, fill_opacity="0.9", stroke=INK, stroke_width=1, **more
        )
        boxes.append((x - radius, y - radius, x + radius, y + radius))
    return boxes


def _names(frame: _Frame, rows: Sequence[IndicatorRow], taken: list[Box]) -> None:
    """Name the dots, the largest first, where a name has room; the table names all."""
    for row in sorted(rows, key=lambda row: -(row.n or 0))[:MOST_NAMES]:
        x, y, radius = frame.place(row)
        text = fit(row.name, 11, 150)
        wide = width_of(text, 11)
        for left, low in _wishes(x, y, radius, wide):
            box = (left, low - 10, left + wide, low + 3)
            if _is_free(box, taken):
                frame.drawing.text(left, low, text, size=11, halo=PAPER, full=row.name)
                taken.append(box)
                break


def _wishes(x: float, y: float, radius: float, wide: float) -> Sequence[tuple[float, float]]:
    """Where a name may begin: right of its dot, left, above, below."""
    middle = x - wide / 2
    return (
        (x + radius + 4, y + 4),
        (x - radius - 4 - wide, y + 4),
        (middle, y - radius - 5),
        (middle, y + radius + 13),
    )


def _is_free(box: Box, taken: Sequence[Box]) -> bool:
    left, top, right, bottom = box
    if left < LEFT or right > RIGHT or top < TOP or bottom > BOTTOM:
        return False
    return not any(
        left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
        for other in taken
    )


def _why(row: IndicatorRow) -> str:
    return row.status.why or row.change.why or row.remark or "no figure"


def _notes(
    rows: Sequence[IndicatorRow], left_out: Sequence[tuple[str, int]], one: str
) -> list[str]:
    why = [_why(row) for row in rows if row.status.value is None or row.change.value is None]
    counts = [(reason, why.count(reason)) for reason in dict.fromkeys(why)]
    each = [f"{counted(count, one)} ({reason})" for reason, count in [*counts, *left_out] if count]
    told_out = [f"Not drawn: {listed(each)}."] if each else []
    is_small = any(not row.color and row.status.value is not None for row in rows)
    hollow = ["A white dot with a broken edge has figures and no color."] if is_small else []
    return [*told_out, *hollow]


def _described(rows: Sequence[IndicatorRow], notes: Sequence[str], one: str) -> str:
    head = f"{counted(len(rows), one)} by Change across and Status upward, larger dots for more"
    each = [
        f"{row.name}: Status {told(row.status, 1)}, Change {told(row.change, 1)}, "
        f"{row.color or 'no color'}."
        for row in rows[:TOLD_ROWS]
    ]
    rest = len(rows) - TOLD_ROWS
    more = [f"{counted(rest, 'more', 'more')} in the table."] if rest > 0 else []
    return " ".join([f"{head} students.", *each, *more, *notes])


def _table(title: str, rows: Sequence[IndicatorRow], one: str) -> Table:
    columns = (one.capitalize(), "Students", "Status", "Status level", "Change", "Change level")
    body = tuple(
        (
            row.name,
            students(row.n, row.status.why),
            told(row.status, 1, is_signed=True),
            row.status_level or NOTHING,
            told(row.change, 1, is_signed=True),
            row.change_level or NOTHING,
            row.color or NOTHING,
        )
        for row in rows
    )
    return Table(title, (*columns, "Color"), body, frozenset({3, 5, 6}))
