"""Lines over years or grades, with intervals: trends, and the same students followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scorehouse.reports.charts.levels import NOT_DRAWN
from scorehouse.reports.charts.palette import AXIS, DASHES, LINE, LINES, MARKERS, PAPER
from scorehouse.reports.charts.scales import Scale, ends_of
from scorehouse.reports.charts.shapes import Amount, Chart, Number, Series, Table
from scorehouse.reports.charts.svg import WIDTH, Drawing, fit, spread, tidy, wrap
from scorehouse.reports.charts.words import (
    counted,
    heading,
    interval,
    listed,
    number,
    students,
    suppressed_reasons,
    told,
)

LEFT, RIGHT, TOP, BOTTOM = 56, 530, 34, 290
DODGE = 7
MOST_LINES = len(LINES)


@dataclass(frozen=True)
class _Frame:
    drawing: Drawing
    scale: Scale
    places: Sequence[str]
    lines: int
    decimals: int

    def x(self, place: int, line: int) -> float:
        """Where a line's point of a place stands: lines stand a little beside each other."""
        step = (RIGHT - LEFT) / max(1, len(self.places))
        return LEFT + step * (place + 0.5) + DODGE * (line - (self.lines - 1) / 2)


def trend(
    key: str,
    title: str,
    places: Sequence[str],
    series: Sequence[Series],
    *,
    unit: str = "",
    decimals: int = 0,
    mark: tuple[Number, str] | None = None,
) -> Chart:
    """Draw lines over years. A place without a number breaks the line; `mark` is a level line."""
    return _chart(key, title, places, series, unit, decimals, mark, "Trend")


def cohort_lines(
    key: str,
    title: str,
    places: Sequence[str],
    series: Sequence[Series],
    *,
    unit: str = "",
    decimals: int = 0,
    mark: tuple[Number, str] | None = None,
    what: str = "The same students",
) -> Chart:
    """Draw the same students, or who else, over grades: each place is a grade and its year."""
    return _chart(key, title, places, series, unit, decimals, mark, what)


def _chart(
    key: str,
    title: str,
    places: Sequence[str],
    series: Sequence[Series],
    unit: str,
    decimals: int,
    mark: tuple[Number, str] | None,
    what: str,
) -> Chart:
    drawn = series[:MOST_LINES]
    drawing = Drawing(key, title, _described(what, places, series, unit, decimals))
    amounts = [amount for line in drawn for amount in line.points]
    also = [mark[0]] if mark and any(a.value is not None for a in amounts) else []
    low, high = ends_of(amounts, also)
    frame = _Frame(drawing, Scale(low, high, BOTTOM, TOP), places, len(drawn), decimals)
    drawing.soft(0, 14, unit)
    is_drawn = any(amount.value is not None for amount in amounts)
    if is_drawn:
        _axes(frame, mark)
        for index, line in enumerate(drawn):
            _line(frame, index, line)
        if mark:
            drawing.text(LEFT + 4, frame.scale(mark[0]) - 5, mark[1], size=12, halo=PAPER)
        _names(frame, drawn)
    else:
        drawing.soft(LEFT, 40, suppressed_text(amounts))
    low_edge = _below(frame, drawn) if is_drawn else 56
    table = _table(title, places, series, decimals, unit)
    notes: tuple[str, ...] = ()
    if len(series) > MOST_LINES:
        notes = (f"The picture has the first {MOST_LINES} lines, the table all {len(series)}.",)
    return Chart(key, title, drawing.description, drawing.svg(low_edge), table, notes)


def suppressed_text(amounts: Sequence[Amount]) -> str:
    """What stands where a picture would be, when no number may be shown or there is none."""
    why = suppressed_reasons(amounts)
    return f"No number can be shown: {why}." if why else NOT_DRAWN


def _axes(frame: _Frame, mark: tuple[Number, str] | None) -> None:
    drawing, scale = frame.drawing, frame.scale
    ticks = scale.ticks()
    decimals = 0 if all(float(tick).is_integer() for tick in ticks) else 1
    for tick in ticks:
        drawing.line(LEFT, scale(tick), RIGHT, scale(tick), stroke=LINE)
        drawing.soft(LEFT - 8, scale(tick) + 4, number(tick, decimals), anchor="end")
    drawing.line(LEFT, BOTTOM, RIGHT, BOTTOM, stroke=AXIS)
    if mark:
        y = scale(mark[0])
        drawing.line(LEFT, y, RIGHT, y, stroke_width=2, stroke_dasharray="1 3")


def _runs(line: Series) -> Iterator[list[int]]:
    """Places in a row that have numbers."""
    run: list[int] = []
    for place, amount in enumerate(line.points):
        if amount.value is None:
            yield from ([run] if run else [])
            run = []
        else:
            run.append(place)
    yield from ([run] if run else [])


def _line(frame: _Frame, index: int, line: Series) -> None:
    drawing, color = frame.drawing, LINES[index]
    for run in _runs(line):
        shown = [(frame.x(p, index), frame.scale(line.points[p].value or 0)) for p in run]
        points = "L".join(f"{tidy(x)} {tidy(y)}" for x, y in shown)
        drawing.path(f"M{points}", stroke=color, stroke_width=2, stroke_dasharray=DASHES[index])
        for place, (x, y) in zip(run, shown, strict=True):
            _whisker(frame, line.points[place], x, color)
            drawing.marker(MARKERS[index], x, y, color)


def _whisker(frame: _Frame, amount: Amount, x: float, color: str) -> None:
    if amount.low is None or amount.high is None:
        return
    low, high = frame.scale(amount.low), frame.scale(amount.high)
    frame.drawing.line(x, low, x, high, stroke=color, stroke_width=1)
    for end in (low, high):
        frame.drawing.line(x - 3, end, x + 3, end, stroke=color, stroke_width=1)


def _names(frame: _Frame, lines: Sequence[Series]) -> None:
    """Name each line at its end, and say its last number."""
    ends = [_last(line) for line in lines]
    shown = [index for index, place in enumerate(ends) if place is not None]
    wished = [frame.scale(lines[i].points[ends[i] or 0].value or 0) for i in shown]
    placed = spread(wished, 30, TOP - 8, BOTTOM + 8)
    for index, wish, y in zip(shown, wished, placed, strict=True):
        place, color = ends[index] or 0, LINES[index]
        x = frame.x(place, index) + 8
        drawn = f"M{tidy(x)} {tidy(wish)}L{RIGHT + 4} {tidy(wish)}L{RIGHT + 14} {tidy(y)}"
        frame.drawing.path(drawn, stroke=color, stroke_width=1, stroke_opacity="0.6")
        frame.drawing.marker(MARKERS[index], RIGHT + 20, y, color)
        line = lines[index]
        name = fit(line.name, 13, WIDTH - RIGHT - 32)
        frame.drawing.text(RIGHT + 30, y, name, fill=color, is_bold=True, full=line.name)
        frame.drawing.soft(RIGHT + 30, y + 14, told(line.points[place], frame.decimals))


def _last(line: Series) -> int | None:
    shown = [place for place, amount in enumerate(line.points) if amount.value is not None]
    return shown[-1] if shown else None


def _below(frame: _Frame, lines: Sequence[Series]) -> float:
    """The places' names, and below them a row of what isn't shown; gives the lower edge."""
    drawing, room = frame.drawing, (RIGHT - LEFT) / max(1, len(frame.places)) - 4
    edge = float(BOTTOM + 18)
    for place, name in enumerate(frame.places):
        middle = LEFT + (RIGHT - LEFT) / len(frame.places) * (place + 0.5)
        for row, text in enumerate(wrap(name, 12, room, 3)):
            drawing.text(middle, BOTTOM + 18 + 14 * row, text, size=12, anchor="middle", full=name)
            edge = max(edge, BOTTOM + 18 + 14 * row)
    hidden = [
        (place, index)
        for index, line in enumerate(lines)
        for place, amount in enumerate(line.points)
        if amount.value is None and amount.why
    ]
    if not hidden:
        return edge + 10
    edge += 26
    for place, index in hidden:
        x = frame.x(place, index)
        drawing.marker(MARKERS[index], x, edge - 4, LINES[index], 4)
        drawing.line(x - 6, edge + 2, x + 6, edge - 10, stroke=LINES[index])
    reasons = suppressed_reasons([lines[index].points[place] for place, index in hidden])
    for row, text in enumerate(wrap(f"not shown: {reasons}", 12, WIDTH - RIGHT - 14, 3)):
        drawing.soft(RIGHT + 14, edge + 14 * row, text)
    return edge + 38


def _described(
    what: str, places: Sequence[str], series: Sequence[Series], unit: str, decimals: int
) -> str:
    if not places or not series:
        return NOT_DRAWN
    head = f"{what}: {counted(len(series), 'line')} over {listed(list(places))}, {unit}."
    each = []
    for line in series[:MOST_LINES]:
        pairs = zip(places, line.points, strict=True)
        each.append(f"{line.name}: {', '.join(f'{p} {told(a, decimals)}' for p, a in pairs)}.")
    return " ".join([head, *each])


def _table(
    title: str, places: Sequence[str], series: Sequence[Series], decimals: int, unit: str
) -> Table:
    body = [cells for line in series for cells in _table_rows(line, decimals)]
    return Table(title, (heading(unit) or "Value", *places), tuple(body))


def _table_rows(line: Series, decimals: int) -> Iterator[tuple[str, ...]]:
    """A line's numbers, then its intervals and how many students, where it has any."""
    yield (line.name, *(told(amount, decimals) for amount in line.points))
    if any(amount.low is not None for amount in line.points):
        yield (f"{line.name}: interval", *(interval(a, decimals) for a in line.points))
    if any(amount.n is not None for amount in line.points):
        yield (f"{line.name}: students", *(students(a.n, a.why) for a in line.points))
