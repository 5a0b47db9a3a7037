"""Charts: well-formed, told in words, the same numbers in the table, and nothing runs out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

import chart_samples as samples
from chart_samples import FORMS, GRID, HIDDEN, LEVELS, MAKERS, WHY, rating
from scorehouse.reports import charts
from scorehouse.reports.charts import Amount, Chart, DotRow, LevelRow, Series, palette
from scorehouse.reports.charts.svg import width_of

SVG = "{http://www.w3.org/2000/svg}"
SHAPES = ("rect", "line", "path", "circle", "text")
OUTSIDE = re.compile(r"<script|href=|style=|on\w+=|https?://(?!www\.w3\.org/2000/svg)")
ALL = [(maker, form) for maker in MAKERS for form in FORMS]
NAMES = [f"{maker.__name__}-{form}" for maker, form in ALL]
every = pytest.mark.parametrize(("maker", "form"), ALL, ids=NAMES)


def root(chart: Chart) -> etree._Element:
    return etree.fromstring(chart.svg.encode("utf-8"))


def drawn(chart: Chart) -> list[str]:
    return ["".join(e.xpath("text()")) or e[-1].tail for e in root(chart).iter(f"{SVG}text")]


@every
def test_a_chart_has_a_title_a_description_and_unique_ids(maker, form) -> None:
    chart = maker(form)
    svg = root(chart)
    named = {e.get("id"): e for e in svg.iter() if e.get("id")}
    assert svg.get("role") == "img"
    assert [named[one].text for one in svg.get("aria-labelledby").split()] == [
        chart.title,
        chart.description,
    ]
    assert len(named) == sum(1 for e in svg.iter() if e.get("id"))
    assert all(one.startswith(chart.key) for one in named)
    assert len(chart.description) > 15


@every
def test_a_chart_draws_only_what_its_own_patterns_and_shapes_define(maker, form) -> None:
    svg = root(maker(form))
    named = {e.get("id") for e in svg.iter()}
    used = re.findall(r"url\(#([^)]+)\)", maker(form).svg)
    assert set(used) <= named
    tags = {etree.QName(e).localname for e in svg.iter()}
    assert tags <= {
        "svg",
        "title",
        "desc",
        "defs",
        "pattern",
        "rect",
        "line",
        "path",
        "circle",
        "text",
    }
    assert not re.search(
        r"<script|href=|style=|on\w+=|https?://(?!www\.w3\.org/2000/svg)", maker(form).svg
    )


def places(element: etree._Element) -> Iterator[tuple[float, float]]:
    """Points that an element reaches."""
    get = lambda name: float(element.get(name, 0))  # noqa: E731
    match etree.QName(element).localname:
        case "rect":
            yield from ((get("x"), get("y")), (get("x") + get("width"), get("y") + get("height")))
        case "line":
            yield from ((get("x1"), get("y1")), (get("x2"), get("y2")))
        case "circle":
            yield get("cx") - get("r"), get("cy") - get("r")
            yield get("cx") + get("r"), get("cy") + get("r")
        case "text":
            text = "".join(element.xpath("text()"))
            wide = width_of(text, get("font-size")) * 9 / 10
            start = {"middle": wide / 2, "end": wide}.get(element.get("text-anchor"), 0)
            yield from ((get("x") - start, get("y") - 8), (get("x") - start + wide, get("y") + 3))
        case "path" if "A" not in element.get("d"):
            numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", element.get("d"))]
            yield from zip(numbers[::2], numbers[1::2], strict=True)


@every
def test_nothing_stands_outside_the_picture(maker, form) -> None:
    svg = root(maker(form))
    _, _, width, height = map(float, svg.get("viewBox").split())
    defined = {e for pattern in svg.iter(f"{SVG}pattern") for e in pattern}
    outside = [
        (e.tag, place, e.text)
        for e in svg.iter()
        if e not in defined
        for place in places(e)
        if not (-2 <= place[0] <= width + 2 and -2 <= place[1] <= height + 2)
    ]
    assert outside == []


@every
def test_the_table_is_whole_and_its_rows_are_named(maker, form) -> None:
    table = maker(form).table
    assert table.caption
    assert {len(row) for row in table.rows} <= {len(table.columns)}
    assert all(name for row in table.rows for name in row[:1])
    assert all(0 < column < len(table.columns) for column in table.text_columns)
    assert all(head for head in table.columns[1:])


def test_bars_take_the_width_that_their_shares_say() -> None:
    shares = [Amount(20), Amount(30), Amount(40), Amount(10)]
    chart = charts.level_bars("k", "Levels", LEVELS, [LevelRow("All", shares, Amount(50), 200)])
    fills = [fill.ground for fill in palette.level_fills(4)]
    bars = [e for e in root(chart).iter(f"{SVG}rect") if e.get("height") == "22"]
    wide = [float(e.get("width")) for e in bars if e.get("fill") in fills]
    assert [round(w / sum(wide) * 100, 6) for w in wide] == [20, 30, 40, 10]
    assert chart.table.rows == (("All", "200", "20", "30", "40", "10"),)
    assert "Standard Nearly Met 30 %" in chart.description


@pytest.mark.parametrize("maker", [m for m in MAKERS if m is not samples.equity])
def test_hidden_numbers_are_drawn_as_hidden_and_say_why(maker) -> None:
    chart = maker("hidden")
    text = " ".join([*drawn(chart), *chart.notes])
    cells = " ".join(cell for row in chart.table.rows for cell in row)
    if maker.__name__ not in ("color_grid", "placement_counts"):
        assert WHY in text
        assert WHY in cells + chart.description
    assert not re.search(r"\d%|\d \d", cells)


def test_a_share_hidden_for_its_own_sake_takes_the_room_that_is_left() -> None:
    shares = [HIDDEN, Amount(25), Amount(35), HIDDEN]
    chart = charts.level_bars("k", "Levels", LEVELS, [LevelRow("All", shares, n=80)])
    broken = [e for e in root(chart).iter(f"{SVG}rect") if e.get("stroke-dasharray")]
    assert [float(e.get("width")) / 440 * 100 for e in broken] == [40]
    assert chart.table.rows[0][2:] == (f"not shown: {WHY}", "25", "35", f"not shown: {WHY}")


@pytest.mark.parametrize("maker", [samples.trend, samples.gaps, samples.item_bars, samples.plane])
def test_numbers_that_are_drawn_stand_in_the_table(maker) -> None:
    chart = maker("usual")
    cells = " ".join(cell.replace("+", "") for row in chart.table.rows for cell in row)
    with_decimals = [text for text in drawn(chart) if re.fullmatch(r"−?\d+\.\d+", text)]
    ticks = {"−1.0", "0.0", "1.0", "0.5", "−0.5", "−1.5", "1.5", "2.0", "−2.0"}
    assert [text for text in with_decimals if text not in cells and text not in ticks] == []


def test_a_line_breaks_where_a_number_is_missing_or_hidden() -> None:
    points = [Amount(1), Amount(2), Amount(), Amount(4), HIDDEN, Amount(6)]
    chart = charts.trend("k", "By year", samples.YEARS, [Series("All", points)], unit="points")
    lines = [e for e in root(chart).iter(f"{SVG}path") if e.get("stroke-width") == "2"]
    assert [e.get("d").count("L") for e in lines] == [1, 0, 0]
    assert f"not shown: 1 ({WHY})" in " ".join(drawn(chart))
    assert chart.table.rows[0] == ("All", "1", "2", "–", "4", f"not shown: {WHY}", "6")


def test_intervals_reach_as_far_as_they_are_told() -> None:
    rows = [DotRow("A", Amount(0, -20, 20, 50)), DotRow("B", Amount(10, 0, 40, 50))]
    chart = charts.gaps("k", "Gaps", rows)
    spans = [
        (float(e.get("x1")), float(e.get("x2")))
        for e in root(chart).iter(f"{SVG}line")
        if e.get("stroke-opacity") == "0.55"
    ]
    widths = [end - start for start, end in spans]
    assert widths[0] == pytest.approx(widths[1], abs=0.02)
    assert spans[1][0] == pytest.approx((spans[0][0] + spans[0][1]) / 2, abs=0.02)
    assert [row[3] for row in chart.table.rows] == ["−20 to 20", "0 to 40"]


def test_the_grid_marks_the_cell_of_its_row_and_no_other() -> None:
    row = rating("Cedar Grove", 12.7, 4.0, 312)
    chart = charts.color_grid("k", "Grid", GRID, row)
    frames = [e for e in root(chart).iter(f"{SVG}rect") if e.get("stroke-width") == "4"]
    assert len(frames) == 1
    assert charts.cell_of(GRID, row) == (1, 3)
    marked = [cell for line in chart.table.rows for cell in line if "here" in cell]
    assert (marked, chart.table.rows[1][4]) == (["Green (here)"], "Green (here)")
    assert "stands in the Green cell" in chart.description
    left = float(frames[0].get("x"))
    assert left == 116 + 3 * (720 - 116) / 5


def test_dots_stand_where_their_figures_are_and_grow_with_their_students() -> None:
    rows = [rating("Small", -40, -10, 100), rating("Large", 60, 10, 400)]
    chart = charts.plane("k", "Plane", rows, GRID, samples.CUTS)
    large, small = [
        (float(e.get("cx")), float(e.get("cy")), float(e.get("r")))
        for e in root(chart).iter(f"{SVG}circle")
    ]
    assert large[0] > small[0]
    assert large[1] < small[1]
    assert large[2] == pytest.approx(2 * small[2])


def test_the_plane_leaves_small_ones_out_and_says_so() -> None:
    rows = [rating("A", 10, 5, 90), charts.IndicatorRow("Tiny", HIDDEN)]
    chart = charts.plane("k", "Plane", rows, GRID, samples.CUTS, left_out=[("closed", 2)])
    assert chart.notes == (f"Not drawn: 1 school ({WHY}) and 2 schools (closed).",)
    assert len(list(root(chart).iter(f"{SVG}circle"))) == 1
    assert chart.table.rows[1][2] == f"not shown: {WHY}"


def test_a_plane_without_known_cuts_has_dots_and_no_regions() -> None:
    rows = [rating("A", 10, 5, 90)]
    chart = charts.plane("k", "Plane", rows, GRID, charts.Cuts((), ()))
    assert len(list(root(chart).iter(f"{SVG}circle"))) == 1
    assert "Green" not in drawn(chart)


def test_placement_counts_every_row_once() -> None:
    rows = samples.ratings("many")
    chart = charts.placement_counts("k", "Placement", GRID, rows)
    counts = [int(c) for line in chart.table.rows for c in line[1:] if c.isdigit()]
    colored = sum(bool(row.color) for row in rows)
    assert sum(counts) == colored
    assert f"Without a color: {200 - colored} schools" in drawn(chart)


def test_the_gauge_points_at_the_color_and_says_it() -> None:
    for color, status, change in (("Red", -90, 0), ("Blue", 60, 5), ("Yellow", 0, 0)):
        chart = charts.gauge("k", "Gauge", rating("School", status, change, 100))
        assert chart.table.rows[0][-1] == color
        assert f"points to {color}" in chart.description
        assert drawn(chart).count(color) == 1
    without = charts.gauge("k", "Gauge", rating("School", 0, 0, 12))
    assert "No color" in drawn(without)
    assert "fewer than 30 students" in " ".join(drawn(without))


# --- seen by everybody ---


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


FILLS = {
    fill
    for count in range(1, 9)
    for fill in (*palette.level_fills(count), *palette.point_fills(count))
} | {*palette.COLORS.values(), palette.NO_COLOR, palette.SUPPRESSED, *palette.RATINGS.values()}


def test_contrast_of_known_pairs() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("fill", sorted(FILLS, key=lambda fill: fill.ground))
def test_text_on_every_fill_can_be_read(fill: palette.Fill) -> None:
    assert contrast(fill.ground, fill.text) >= 4.5
    assert contrast(fill.tint, palette.INK) >= 4.5


@pytest.mark.parametrize("color", [*palette.LINES, palette.SOFT, palette.ACCENT, palette.INK])
def test_lines_and_their_names_can_be_seen_on_paper(color: str) -> None:
    assert contrast(color, palette.PAPER) >= 4.5
    assert contrast(color, palette.BAND) >= 4.5


def test_lines_differ_without_their_colors() -> None:
    assert len(set(palette.LINES)) == len(palette.LINES)
    assert len(set(palette.DASHES)) == len(palette.LINES)
    assert len(set(palette.MARKERS)) == len(palette.LINES)


def test_neighbors_differ_without_their_colors() -> None:
    for count in range(2, 7):
        fills = palette.level_fills(count)
        for one, other in pairwise(fills):
            assert one.pattern != other.pattern or contrast(one.ground, other.ground) >= 1.5
    patterns = [fill.pattern for fill in palette.COLORS.values()]
    assert all(one != other for one, other in combinations(patterns, 2))


@given(
    percents=st.lists(st.integers(0, 100), min_size=4, max_size=4),
    hidden=st.sets(st.integers(0, 3)),
    name=st.text(min_size=1, max_size=60),
)
@settings(deadline=None, max_examples=60)
def test_any_bar_is_well_formed(percents: list[int], hidden: set[int], name: str) -> None:
    shares = [HIDDEN if i in hidden else Amount(p) for i, p in enumerate(percents)]
    name = "".join(letter for letter in name if letter.isprintable()) or "name"
    chart = charts.level_bars("k", name, LEVELS, [LevelRow(name, shares, n=20)], met_level=3)
    assert root(chart).find(f"{SVG}title").text == name
    assert chart.table.rows[0][0] == name


@pytest.mark.parametrize("name", ["Red", "Orange", "Yellow", "Green", "Blue"])
def test_every_shape_of_the_gauge_has_a_fill_of_its_own(name: str) -> None:
    """A shape without one would be black."""
    row = charts.IndicatorRow("School", charts.Amount(1.0), charts.Amount(1.0), color=name, n=40)
    svg = charts.gauge("k", "Gauge", row).svg
    assert [shape for shape in re.findall("<path[^>]*>", svg) if "fill=" not in shape] == []
