"""Targets: each one above, near or below the whole test, and Standard Met."""

from __future__ import annotations

from collections.abc import Sequence

from scorehouse.reports.charts.levels import NOT_DRAWN
from scorehouse.reports.charts.palette import ACCENT, BAND, INK, LINE, RATINGS, SOFT
from scorehouse.reports.charts.shapes import Chart, Table, TargetRow
from scorehouse.reports.charts.svg import WIDTH, Drawing, fit, wrap
from scorehouse.reports.charts.words import counted, listed, students

NAME, ROOM, STEP, TOP = 260, 216, 32, 62
PANELS = ("Compared with the entire test", "Compared with Standard Met")
SAID = (
    {"above": "Better", "near": "Similar", "below": "Worse"},
    {"above": "Above", "near": "Near", "below": "Below"},
)
SIDES = {"below": -1, "near": 0, "above": 1}


def target_bars(key: str, title: str, rows: Sequence[TargetRow]) -> Chart:
    """Draw a bar to the right for above, to the left for below, a diamond for near."""
    drawing = Drawing(key, title, _described(rows))
    bottom = TOP + STEP * (len(rows) + len({row.section for row in rows if row.section}))
    for panel, heading in enumerate(PANELS):
        _panel(drawing, panel, heading, bottom)
    y, section = float(TOP), ""
    for row in rows:
        if row.section and row.section != section:
            section = row.section
            drawing.text(0, y + 20, fit(section, 12, NAME), size=12, is_bold=True, fill=ACCENT)
            y += STEP
        _row(drawing, row, y)
        y += STEP
    if not rows:
        drawing.soft(0, TOP + 18, NOT_DRAWN)
        bottom += 28
    return Chart(key, title, drawing.description, drawing.svg(bottom + 6), _table(title, rows))


def _middle(panel: int) -> float:
    return NAME + 8 + ROOM / 2 + panel * (ROOM + 22)


def _panel(drawing: Drawing, panel: int, heading: str, bottom: float) -> None:
    middle = _middle(panel)
    drawing.text(middle, 16, heading, anchor="middle", is_bold=True)
    for rating, side in SIDES.items():
        x = middle + side * ROOM / 3
        drawing.soft(x, 40, SAID[panel][rating], anchor="middle")
    drawing.rect(middle - ROOM / 6, TOP - 12, ROOM / 3, bottom - TOP + 12, fill=BAND)
    drawing.line(middle, TOP - 12, middle, bottom, stroke=LINE)


def _row(drawing: Drawing, row: TargetRow, y: float) -> None:
    lines = wrap(row.name, 12, NAME - 8, 2)
    for index, line in enumerate(lines):
        shift = 20 if len(lines) == 1 else 13
        drawing.text(0, y + shift + 14 * index, line, size=12, full=row.name)
    for panel, rating in enumerate((row.to_test, row.to_standard)):
        _rating(drawing, panel, rating, y + STEP / 2)
    drawing.line(0, y + STEP, WIDTH, y + STEP, stroke=LINE, stroke_opacity="0.6")


def _rating(drawing: Drawing, panel: int, rating: str, y: float) -> None:
    middle = _middle(panel)
    if rating not in SIDES:
        drawing.text(
            middle,
            y + 4,
            fit(rating, 12, ROOM),
            size=12,
            anchor="middle",
            fill=SOFT,
            halo="#ffffff",
        )
        return
    fill, side = RATINGS[rating], SIDES[rating]
    if side == 0:
        drawing.marker("diamond", middle, y, fill.ground, 7)
        return
    wide = ROOM / 3
    x = middle if side > 0 else middle - wide
    drawing.filled(x, y - 7, wide, 14, fill)
    tip = middle + side * wide
    drawing.path(
        f"M{tip:.0f} {y - 11:.0f}L{tip + side * 12:.0f} {y:.0f}L{tip:.0f} {y + 11:.0f}Z",
        fill=fill.ground,
    )
    drawing.line(middle, y - 7, middle, y + 7, stroke=INK, stroke_width=2)


def _word(panel: int, rating: str) -> str:
    return SAID[panel].get(rating, rating)


def _described(rows: Sequence[TargetRow]) -> str:
    if not rows:
        return NOT_DRAWN
    told = [f"{counted(len(rows), 'target')}."]
    for panel, heading in enumerate(PANELS):
        ratings = [(row.to_test, row.to_standard)[panel] for row in rows]
        each = [f"{ratings.count(rating)} {_word(panel, rating)}" for rating in SIDES]
        others = sum(rating not in SIDES for rating in ratings)
        without = [f"{others} without a rating"] if others else []
        told.append(f"{heading}: {listed([*each, *without])}.")
    return " ".join(told)


def _table(title: str, rows: Sequence[TargetRow]) -> Table:
    has_sections = any(row.section for row in rows)
    body = tuple(
        (
            row.name,
            *((row.section,) if has_sections else ()),
            students(row.n, row.to_test),
            _word(0, row.to_test),
            _word(1, row.to_standard),
        )
        for row in rows
    )
    columns = ("Target", *(("Claim",) if has_sections else ()), "Students", *PANELS)
    words = {1, 3, 4} if has_sections else {2, 3}
    return Table(title, columns, body, frozenset(words))
