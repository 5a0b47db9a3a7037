"""The gauge: which of the five colors, with the figures behind it."""

from __future__ import annotations

from math import cos, pi, sin

from scorehouse.reports.charts.palette import COLORS, INK, PAPER, SOFT, Fill
from scorehouse.reports.charts.shapes import Chart, IndicatorRow, Table
from scorehouse.reports.charts.svg import Drawing, tidy, wrap
from scorehouse.reports.charts.words import NOTHING, students, told

WIDE, HIGH, OUTER, INNER = 300, 216, 116, 68
X, Y = WIDE / 2, 126


def gauge(key: str, title: str, row: IndicatorRow) -> Chart:
    """Draw five pieces from Red to Blue, the row's own filled and pointed at."""
    drawing = Drawing(key, title, _described(row))
    own_last = sorted(enumerate(COLORS), key=lambda piece: piece[1] == row.color)
    for index, color in own_last:
        _piece(drawing, index, COLORS[color], is_own=color == row.color)
    if row.color in COLORS:
        _needle(drawing, list(COLORS).index(row.color))
    word = row.color or "No color"
    drawing.text(X, Y + 34, word, size=24, anchor="middle", is_bold=True)
    for index, line in enumerate(_lines(row)):
        drawing.text(X, Y + 58 + 18 * index, line, size=13, anchor="middle", fill=SOFT)
    return Chart(key, title, drawing.description, drawing.svg(HIGH, WIDE), _table(title, row))


def _lines(row: IndicatorRow) -> list[str]:
    if not row.color and (row.remark or row.status.why):
        return wrap(row.remark or row.status.why, 13, WIDE - 20, 2)
    status = told(row.status, 1, is_signed=True)
    change = told(row.change, 1, is_signed=True)
    arrow = _arrow(row)
    return [
        f"Status {row.status_level or NOTHING}, {status}",
        f"{arrow}{row.change_level or 'Change'}, {change}".strip(),
    ]


def _arrow(row: IndicatorRow) -> str:
    if row.change.value is None or row.change.value == 0:
        return ""
    return "↑ " if row.change.value > 0 else "↓ "


def _at(angle: float, radius: float) -> str:
    return f"{tidy(X - radius * cos(angle))} {tidy(Y - radius * sin(angle))}"


def _piece(drawing: Drawing, index: int, fill: Fill, *, is_own: bool) -> None:
    size = pi / len(COLORS)
    start, end = index * size, (index + 1) * size
    outer = OUTER + (8 if is_own else 0)
    shape = (
        f"M{_at(start, outer)}A{outer} {outer} 0 0 1 {_at(end, outer)}"
        f"L{_at(end, INNER)}A{INNER} {INNER} 0 0 0 {_at(start, INNER)}Z"
    )
    drawing.add("path", {"d": shape, "fill": fill.ground if is_own else fill.tint})
    if is_own and fill.pattern:
        drawing.add("path", {"d": shape, "fill": drawing.pattern(fill)})
    edge = {"stroke": INK if is_own else PAPER, "stroke_width": 3 if is_own else 2}
    drawing.path(shape, **edge)
    if not is_own:
        x, y = _at((start + end) / 2, (OUTER + INNER) / 2).split()
        word = list(COLORS)[index]
        drawing.text(float(x), float(y) + 4, word, size=11, anchor="middle")


def _needle(drawing: Drawing, index: int) -> None:
    angle = (2 * index + 1) * pi / (2 * len(COLORS))
    points = f"M{_at(angle, INNER - 6)}L{_at(angle + pi / 2, 6)}L{_at(angle - pi / 2, 6)}Z"
    drawing.path(points, fill=INK)
    drawing.circle(X, Y, 7, fill=INK)


def _described(row: IndicatorRow) -> str:
    figures = (
        f"Status {told(row.status, 1)} ({row.status_level or NOTHING}), "
        f"Change {told(row.change, 1)} ({row.change_level or NOTHING})"
    )
    color = (
        f"The gauge points to {row.color}" if row.color else "The gauge points nowhere: no color"
    )
    remark = f" {row.remark}" if row.remark else ""
    return f"{row.name}. {color}. {figures}.{remark}"


def _table(title: str, row: IndicatorRow) -> Table:
    cells = (
        row.name,
        students(row.n),
        told(row.status, 1, is_signed=True),
        row.status_level or NOTHING,
        told(row.change, 1, is_signed=True),
        row.change_level or NOTHING,
        row.color or NOTHING,
    )
    columns = ("", "Students", "Status", "Status level", "Change", "Change level", "Color")
    return Table(title, columns, (cells,), frozenset({3, 5, 6}))
