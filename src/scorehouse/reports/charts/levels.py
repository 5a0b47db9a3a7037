"""Level distributions: stacked bars of 100 %, the standard marked."""

from __future__ import annotations

from collections.abc import Sequence

from scorehouse.reports.charts.palette import AXIS, INK, SUPPRESSED, Fill, level_fills
from scorehouse.reports.charts.shapes import Amount, Chart, LevelRow, Table
from scorehouse.reports.charts.svg import WIDTH, Drawing, fit, width_of, wrap
from scorehouse.reports.charts.words import (
    counted,
    listed,
    number,
    reasons,
    students,
    suppressed_reasons,
    told,
)

LEFT, RIGHT, BAR, STEP, LINE_HIGH, SIZE = 200, 640, 22, 39, 14, 13
TOLD_ROWS = 6
NOT_DRAWN = "There is nothing to draw."


def level_bars(
    key: str,
    title: str,
    level_names: Sequence[str],
    rows: Sequence[LevelRow],
    *,
    met_level: int | None = None,
    decimals: int = 0,
) -> Chart:
    """Draw a bar for each row; the standard is met from `met_level`, counted from 1."""
    drawing = Drawing(key, title, _described(level_names, rows, met_level, decimals))
    fills = level_fills(len(level_names))
    top = legend(drawing, list(zip(level_names, fills, strict=True)), 16) + 26
    if met_level:
        drawing.text(WIDTH, top - 8, "Met", size=12, anchor="end", is_bold=True)
    for row in rows:
        _row(drawing, row, fills, top, met_level, decimals)
        top += STEP + LINE_HIGH * (len(_name_lines(row.name)) - 1)
    if not rows:
        drawing.soft(0, top + 6, NOT_DRAWN)
        top += 20
    table = _table(title, level_names, rows, met_level, decimals)
    return Chart(key, title, drawing.description, drawing.svg(top), table)


def legend(drawing: Drawing, entries: Sequence[tuple[str, Fill]], top: float) -> float:
    """Draw what each fill stands for, in as many lines as it takes; gives the lower edge."""
    x = 0.0
    for name, fill in entries:
        wide = 22 + width_of(name, 12) + 18
        if x and x + wide > WIDTH:
            x, top = 0.0, top + 20
        drawing.filled(x, top - 11, 16, 13, fill)
        drawing.rect(x, top - 11, 16, 13, fill="none", stroke=AXIS)
        drawing.text(x + 22, top, fit(name, 12, WIDTH - 40), size=12)
        x += wide
    return top + 8


def _name_lines(name: str) -> list[str]:
    return wrap(name, SIZE, LEFT - 14)


def _row_name(drawing: Drawing, row: LevelRow, top: float) -> None:
    """Draw a row's name and how many students it is about, left of its bar."""
    lines = _name_lines(row.name)
    for index, line in enumerate(lines):
        y = top + 10 + LINE_HIGH * index
        drawing.text(0, y, line, size=SIZE, is_bold=True, full=row.name)
    if row.n is not None:
        drawing.soft(0, top + 10 + LINE_HIGH * len(lines), counted(row.n, "student"))


def _percent_bar(
    drawing: Drawing, percents: Sequence[Amount], fills: Sequence[Fill], top: float, met: int = 0
) -> None:
    """Draw one bar of 100 %; shares that aren't shown are one broken-edged piece."""
    unit = (RIGHT - LEFT) / 100
    x, missing = float(LEFT), [a for a in percents if a.value is None]
    rest = max(0.0, 100 - sum(float(a.value) for a in percents if a.value is not None))
    is_drawn = False
    for level, (amount, fill) in enumerate(zip(percents, fills, strict=True), start=1):
        if amount.value is not None:
            wide = float(amount.value) * unit
            _piece(drawing, x, top, wide, amount, fill)
            x += wide
        elif not is_drawn:
            _hidden_piece(drawing, x, top, rest * unit, reasons(missing))
            x, is_drawn = x + rest * unit, True
        if level == met - 1 and not missing:
            drawing.line(x, top - 4, x, top + BAR + 4, stroke_width=2)
    drawing.rect(LEFT, top, RIGHT - LEFT, BAR, fill="none", stroke=AXIS)


def _piece(drawing: Drawing, x: float, top: float, wide: float, amount: Amount, fill: Fill) -> None:
    drawing.filled(x, top, wide, BAR, fill)
    drawing.line(x + wide, top, x + wide, top + BAR, stroke="#ffffff", stroke_width=1)
    text = amount.coded or number(amount.value or 0)
    if width_of(text, SIZE) + 6 <= wide:
        middle = x + wide / 2
        drawing.text(middle, top + 16, text, anchor="middle", fill=fill.text, halo=fill.ground)


def _hidden_piece(drawing: Drawing, x: float, top: float, wide: float, why: str) -> None:
    """Draw a piece that stands for what isn't shown, with the reason as far as it fits."""
    drawing.filled(x, top, wide, BAR, SUPPRESSED)
    drawing.rect(x, top, wide, BAR, fill="none", stroke=INK, stroke_dasharray="3 3")
    text = f"not shown: {why}" if why else "not known"
    for line in (text, "not shown"):
        if width_of(line, 12) + 8 <= wide:
            place = x + wide / 2
            drawing.text(place, top + 15, line, size=12, anchor="middle", halo="#ffffff")
            return


def _row(
    drawing: Drawing,
    row: LevelRow,
    fills: Sequence[Fill],
    top: float,
    met_level: int | None,
    decimals: int,
) -> None:
    _row_name(drawing, row, top)
    _percent_bar(drawing, row.percents, fills, top, met_level or 0)
    if met_level and (row.met.value is not None or row.met.coded):
        text = told(row.met, decimals, unit=" %")
        drawing.text(WIDTH, top + 16, text, size=15, anchor="end", is_bold=True)
    elif met_level:
        drawing.text(WIDTH, top + 15, "not shown" if row.met.why else "–", size=12, anchor="end")


def _sentence(names: Sequence[str], row: LevelRow) -> str:
    parts = [
        f"{name} {told(amount, unit=' %')}"
        for name, amount in zip(names, row.percents, strict=True)
        if amount.value is not None
    ]
    if missing := suppressed_reasons(row.percents):
        parts.append(f"not shown {missing}")
    return f"{row.name}: {', '.join(parts) or 'no results'}."


def _described(
    names: Sequence[str], rows: Sequence[LevelRow], met_level: int | None, decimals: int
) -> str:
    if not rows:
        return NOT_DRAWN
    head = f"{counted(len(rows), 'bar')} of 100 %, divided by level: {listed(list(names))}."
    each = [_sentence(names, row) for row in rows[:TOLD_ROWS]]
    rest = len(rows) - TOLD_ROWS
    more = [f"{counted(rest, 'more row')} in the table."] if rest > 0 else []
    return " ".join([head, *each, *more])


def _table(
    title: str,
    names: Sequence[str],
    rows: Sequence[LevelRow],
    met_level: int | None,
    decimals: int,
) -> Table:
    met = ("Met, %",) if met_level else ()
    columns = ("", "Students", *(f"{name}, %" for name in names), *met)
    body = tuple(
        (
            row.name,
            students(row.n, reasons(row.percents)),
            *(told(amount) for amount in row.percents),
            *((told(row.met, decimals),) if met_level else ()),
        )
        for row in rows
    )
    return Table(title, columns, body)
