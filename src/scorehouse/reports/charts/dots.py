"""Gaps between groups: a dot with its interval for each group, beside the whole."""

from __future__ import annotations

from collections.abc import Sequence

from scorehouse.reports.charts.levels import NOT_DRAWN
from scorehouse.reports.charts.lines import suppressed_text
from scorehouse.reports.charts.palette import ACCENT, AXIS, BAND, INK, LINE, PAPER
from scorehouse.reports.charts.scales import Scale, ends_of
from scorehouse.reports.charts.shapes import Amount, Chart, DotRow, Number, Table
from scorehouse.reports.charts.svg import WIDTH, Drawing, fit, width_of
from scorehouse.reports.charts.words import counted, heading, interval, number, students, told

LEFT, RIGHT, STEP = 230, 640, 26
TOLD_ROWS = 8


def gaps(
    key: str,
    title: str,
    rows: Sequence[DotRow],
    *,
    unit: str = "",
    decimals: int = 0,
    whole: tuple[str, Amount] | None = None,
    mark: tuple[Number, str] | None = None,
) -> Chart:
    """Draw a dot for each group; `whole` is everybody, `mark` a place such as Standard Met."""
    drawing = Drawing(key, title, _described(rows, unit, decimals, whole))
    amounts = [row.amount for row in rows] + ([whole[1]] if whole else [])
    if not any(amount.value is not None for amount in amounts):
        drawing.soft(0, 20, suppressed_text(amounts))
        return Chart(key, title, drawing.description, drawing.svg(34), _table(title, rows, unit, 0))
    low, high = ends_of(amounts, [mark[0]] if mark else [])
    scale = Scale(low, high, LEFT, RIGHT)
    bottom = _bottom(rows)
    _stripes(drawing, rows)
    _axis(drawing, scale, bottom, unit)
    whole_at = scale(whole[1].value) if whole and whole[1].value is not None else None
    mark_at = scale(mark[0]) if mark else None
    if mark and mark_at is not None:
        is_left = mark_at < whole_at if whole_at is not None else mark_at > (LEFT + RIGHT) / 2
        _upright(drawing, mark_at, bottom, mark[1], "1 3", is_left=is_left)
    if whole and whole_at is not None:
        said = f"{whole[0]}: {told(whole[1], decimals)}"
        is_left = mark_at is not None and whole_at <= mark_at
        _upright(drawing, whole_at, bottom, said, "", is_left=is_left)
    _rows(drawing, scale, rows, decimals)
    table = _table(title, rows, unit, decimals)
    return Chart(key, title, drawing.description, drawing.svg(bottom + 40), table)


def _bottom(rows: Sequence[DotRow]) -> int:
    sections = {row.section for row in rows if row.section}
    return 46 + STEP * (len(rows) + len(sections)) + 4


def _axis(drawing: Drawing, scale: Scale, bottom: float, unit: str) -> None:
    ticks = scale.ticks()
    decimals = 0 if all(float(tick).is_integer() for tick in ticks) else 1
    for tick in ticks:
        drawing.line(scale(tick), 40, scale(tick), bottom, stroke=LINE)
        drawing.soft(scale(tick), bottom + 16, number(tick, decimals), anchor="middle")
    drawing.line(LEFT, bottom, RIGHT, bottom, stroke=AXIS)
    drawing.soft(LEFT, bottom + 34, unit)


def _upright(
    drawing: Drawing, x: float, bottom: float, text: str, dashes: str, *, is_left: bool
) -> None:
    """Draw an upright line with its name above, left or right of it, within the picture."""
    drawing.line(x, 32, x, bottom, stroke_width=2, stroke_dasharray=dashes)
    wide = width_of(text, 12)
    start = max(0.0, x - 5 - wide) if is_left else min(x + 5, WIDTH - wide)
    drawing.text(start, 30, text, size=12, halo=PAPER)


def _stripes(drawing: Drawing, rows: Sequence[DotRow]) -> None:
    """A ground for every second row, behind everything."""
    y, section = 46, ""
    for index, row in enumerate(rows):
        if row.section and row.section != section:
            section, y = row.section, y + STEP
        if index % 2:
            drawing.rect(0, y, WIDTH, STEP, fill=BAND)
        y += STEP


def _rows(drawing: Drawing, scale: Scale, rows: Sequence[DotRow], decimals: int) -> None:
    y, section = 46.0 + STEP / 2, ""
    for row in rows:
        if row.section and row.section != section:
            section = row.section
            drawing.text(0, y + 5, fit(section, 12, LEFT - 10), size=12, is_bold=True, fill=ACCENT)
            y += STEP
        name = fit(row.name, 13, LEFT - 14)
        drawing.text(0, y + 5, name, full=row.name)
        _dot(drawing, scale, row.amount, y, decimals)
        y += STEP


def _dot(drawing: Drawing, scale: Scale, amount: Amount, y: float, decimals: int) -> None:
    if amount.value is None:
        text = told(amount, decimals)
        drawing.text(LEFT + 6, y + 4, fit(text, 12, RIGHT - LEFT - 6), size=12, halo=PAPER)
        return
    if amount.low is not None and amount.high is not None:
        low, high = scale(amount.low), scale(amount.high)
        drawing.line(low, y, high, y, stroke=INK, stroke_width=2, stroke_opacity="0.55")
    drawing.circle(scale(amount.value), y, 6, fill=ACCENT, stroke=PAPER, stroke_width=1)
    drawing.text(WIDTH, y + 5, told(amount, decimals), anchor="end", is_bold=True)


def _described(
    rows: Sequence[DotRow], unit: str, decimals: int, whole: tuple[str, Amount] | None
) -> str:
    if not rows:
        return NOT_DRAWN
    head = f"{counted(len(rows), 'group')} as dots with intervals, {unit}."
    first = [f"{whole[0]}: {told(whole[1], decimals)}."] if whole else []
    each = [f"{row.name}: {told(row.amount, decimals)}." for row in rows[:TOLD_ROWS]]
    rest = len(rows) - TOLD_ROWS
    more = [f"{counted(rest, 'more group')} in the table."] if rest > 0 else []
    return " ".join([head, *first, *each, *more])


def _table(title: str, rows: Sequence[DotRow], unit: str, decimals: int) -> Table:
    has_remarks = any(row.remark for row in rows)
    columns = ("", "Students", heading(unit) or "Value", "Interval")
    body = tuple(
        (
            row.name,
            students(row.amount.n, row.amount.why),
            told(row.amount, decimals),
            interval(row.amount, decimals),
            *((row.remark,) if has_remarks else ()),
        )
        for row in rows
    )
    if not has_remarks:
        return Table(title, columns, body)
    return Table(title, (*columns, "Beside everybody"), body, frozenset({4}))
