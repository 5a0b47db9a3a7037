"""Items: how many students got how many points, and how hard the item is."""

from __future__ import annotations

from collections.abc import Sequence

from scorehouse.reports.charts.levels import NOT_DRAWN, legend
from scorehouse.reports.charts.palette import AXIS, INK, LINE, SUPPRESSED, Fill, point_fills
from scorehouse.reports.charts.scales import Scale, ends_of
from scorehouse.reports.charts.shapes import Amount, Chart, ItemRow, Table
from scorehouse.reports.charts.svg import Drawing, fit, width_of
from scorehouse.reports.charts.words import (
    NOTHING,
    counted,
    number,
    reasons,
    students,
    told,
)

NAME, BAR_END, LANE, LANE_END, STEP, BAR = 180, 500, 540, 690, 30, 20
TOLD_ROWS = 6


def item_bars(
    key: str,
    title: str,
    rows: Sequence[ItemRow],
    *,
    what: str = "item",
    difficulty_name: str = "Difficulty",
    ends: tuple[float, float] | None = None,
) -> Chart:
    """Draw the shares of students by points as one bar each, and the difficulty beside it.

    `ends` are those of the difficulty's scale; without, it ends where the items do.
    """
    most = max((len(row.percents) for row in rows), default=0)
    drawing = Drawing(key, title, _described(rows, what))
    entries = list(zip(_point_names(most), point_fills(most), strict=True))
    top = legend(drawing, entries, 16) + 26 if most else 36.0
    scale = Scale(*(ends or ends_of([row.difficulty for row in rows])), LANE, LANE_END)
    has_lane = any(row.difficulty.value is not None for row in rows)
    bottom = top + STEP * len(rows)
    if has_lane:
        _lane(drawing, scale, top, bottom, difficulty_name)
    for index, row in enumerate(rows):
        _row(drawing, row, top + STEP * index, scale)
    if not rows:
        drawing.soft(0, top, NOT_DRAWN)
    table = _table(title, rows, most, what, difficulty_name)
    return Chart(key, title, drawing.description, drawing.svg(bottom + 24), table)


def _point_names(most: int) -> list[str]:
    middle = [f"{point} of {most - 1}" for point in range(1, most - 1)]
    return ["no points", *middle, "all points"][:most]


def _lane(drawing: Drawing, scale: Scale, top: float, bottom: float, name: str) -> None:
    drawing.text((LANE + LANE_END) / 2, top - 10, name, size=12, anchor="middle", is_bold=True)
    ticks = scale.ticks(3)
    decimals = 0 if all(float(tick).is_integer() for tick in ticks) else 1
    for tick in ticks:
        drawing.line(scale(tick), top - 4, scale(tick), bottom, stroke=LINE)
        drawing.soft(scale(tick), bottom + 14, number(tick, decimals), anchor="middle")


def _row(drawing: Drawing, row: ItemRow, y: float, scale: Scale) -> None:
    drawing.text(0, y + 14, fit(row.name, 13, NAME - 12), full=row.name)
    _bar(drawing, row.percents, point_fills(len(row.percents)), y)
    if row.difficulty.value is not None:
        drawing.line(LANE, y + BAR / 2, LANE_END, y + BAR / 2, stroke=LINE, stroke_opacity="0.6")
        drawing.marker("diamond", scale(row.difficulty.value), y + BAR / 2, INK, 6)


def _bar(drawing: Drawing, percents: Sequence[Amount], fills: Sequence[Fill], y: float) -> None:
    unit, x = (BAR_END - NAME) / 100, float(NAME)
    why = reasons(percents)
    if why or all(amount.value is None for amount in percents):
        drawing.filled(NAME, y, BAR_END - NAME, BAR, SUPPRESSED)
        text = fit(f"not shown: {why}" if why else "no results", 12, BAR_END - NAME - 8)
        middle = (NAME + BAR_END) / 2
        drawing.text(middle, y + 14, text, size=12, anchor="middle", halo="#ffffff")
    else:
        for amount, fill in zip(percents, fills, strict=True):
            wide = float(amount.value or 0) * unit
            drawing.filled(x, y, wide, BAR, fill)
            text = number(amount.value or 0)
            if width_of(text, 12) + 6 <= wide:
                place = x + wide / 2
                drawing.text(
                    place, y + 14, text, size=12, anchor="middle", fill=fill.text, halo=fill.ground
                )
            x += wide
    drawing.rect(NAME, y, BAR_END - NAME, BAR, fill="none", stroke=AXIS)


def _described(rows: Sequence[ItemRow], what: str) -> str:
    if not rows:
        return NOT_DRAWN
    told_rows = []
    for row in rows[:TOLD_ROWS]:
        named = [(counted(p, "point"), told(a, unit=" %")) for p, a in enumerate(row.percents)]
        shares = ", ".join(f"{points} {share}" for points, share in named)
        told_rows.append(f"{row.name}: {shares}.")
    rest = len(rows) - TOLD_ROWS
    more = [f"{counted(rest, 'more ' + what)} in the table."] if rest > 0 else []
    return " ".join([f"{counted(len(rows), what)}, students by points.", *told_rows, *more])


def _table(
    title: str, rows: Sequence[ItemRow], most: int, what: str, difficulty_name: str
) -> Table:
    points = tuple(f"{counted(point, 'point')}, %" for point in range(most))
    body = tuple(
        (
            row.name,
            students(row.n, reasons(row.percents)),
            *(told(a) for a in row.percents),
            *((NOTHING,) * (most - len(row.percents))),
            told(row.difficulty, 2),
            row.remark or NOTHING,
        )
        for row in rows
    )
    columns = (what.capitalize(), "Students", *points, difficulty_name, "Remark")
    return Table(title, columns, body, frozenset({len(columns) - 1}))
