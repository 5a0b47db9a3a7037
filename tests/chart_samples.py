"""Charts of every kind from invented numbers: usual, empty, hidden, long-named and many."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise

from scorehouse.reports import charts
from scorehouse.reports.charts import (
    Amount,
    Chart,
    ColorCount,
    Cuts,
    DotRow,
    Grid,
    IndicatorRow,
    ItemRow,
    LevelRow,
    Series,
    TargetRow,
)

WHY = "fewer than 11"
LONG = "The Very Long Name of an Academy for the Arts, Sciences and Everything That Follows " * 2
LEVELS = ("Standard Not Met", "Standard Nearly Met", "Standard Met", "Standard Exceeded")
YEARS = ("2014-15", "2015-16", "2016-17", "2017-18", "2018-19", "2020-21")
STATUS = ("Very High", "High", "Medium", "Low", "Very Low")
CHANGE = (
    "Declined Significantly",
    "Declined",
    "Maintained",
    "Increased",
    "Increased Significantly",
)
_CELLS = ("GGBBB", "GGGGB", "YYYGG", "OOOYY", "RRROO")
_WORDS = {"R": "Red", "O": "Orange", "Y": "Yellow", "G": "Green", "B": "Blue"}
GRID = Grid(STATUS, CHANGE, tuple(tuple(_WORDS[c] for c in row) for row in _CELLS))
CUTS = Cuts((-70, -5, 10, 45), (-15, -3, 3, 15))
HIDDEN = Amount(why=WHY)
FORMS = ("usual", "empty", "hidden", "one", "many", "long")


def rating(name: str, status: float, change: float, n: int) -> IndicatorRow:
    """A row whose levels and color are read off the cuts; no color below 30 students."""
    high = sum(status >= cut for cut in CUTS.status)
    right = sum(change >= cut for cut in (-15, -2.9, 3, 15))
    color = GRID.colors[4 - high][right] if n >= 30 else ""
    return IndicatorRow(
        name,
        Amount(Decimal(str(round(status, 1)))),
        Amount(Decimal(str(round(change, 1)))),
        STATUS[4 - high],
        CHANGE[right],
        color,
        n,
        "" if color else "fewer than 30 students",
    )


def _names(form: str) -> Sequence[str]:
    count = {"empty": 0, "one": 1, "many": 200}.get(form, 5)
    long = LONG if form == "long" else ""
    return [f"{long}Row {number}" for number in range(1, count + 1)]


def _amount(form: str, rng: random.Random, spread: float = 40, decimals: int = 1) -> Amount:
    if form == "hidden":
        return HIDDEN
    value = round(rng.gauss(0, spread), decimals)
    low, high = round(value - 4, decimals), round(value + 4, decimals)
    return Amount(value, low, high, rng.randint(11, 900))


def _count(form: str) -> int | None:
    return None if form == "hidden" else 60


def _shares(form: str, rng: random.Random, count: int) -> list[Amount]:
    if form == "hidden":
        return [HIDDEN] * count
    ends = sorted(rng.randint(0, 100) for _ in range(count - 1))
    edges = [0, *ends, 100]
    return [Amount(b - a) for a, b in pairwise(edges)]


def level_bars(form: str) -> Chart:
    rng = random.Random(1)
    rows = []
    for name in _names(form):
        shares = _shares(form, rng, 4)
        shown = [int(share.value or 0) for share in shares]
        met = HIDDEN if form == "hidden" else Amount(sum(shown[2:]))
        rows.append(LevelRow(name, shares, met, None if form == "hidden" else rng.randint(11, 900)))
    return charts.level_bars("levels", "Levels", LEVELS, rows, met_level=3)


def _series(form: str, places: Sequence[str]) -> list[Series]:
    rng = random.Random(2)
    return [Series(name, [_amount(form, rng) for _ in places]) for name in _names(form)]


def trend(form: str) -> Chart:
    series = _series(form, YEARS)
    mark = (Decimal(0), "Standard Met")
    return charts.trend("trend", "By year", YEARS, series, unit="points", decimals=1, mark=mark)


def cohort_lines(form: str) -> Chart:
    places = [f"Grade {3 + i}, {year}" for i, year in enumerate(YEARS[:3])]
    series = _series(form, places)
    return charts.cohort_lines("cohort", "Same students", places, series, unit="points", decimals=1)


def gaps(form: str) -> Chart:
    rng = random.Random(3)
    rows = [
        DotRow(name, _amount(form, rng), f"Section {i // 3}") for i, name in enumerate(_names(form))
    ]
    whole = ("All students", HIDDEN if form in ("hidden", "empty") else Amount(3.2, 1.0, 5.4, 1234))
    mark = (0, "Standard Met")
    return charts.gaps("gaps", "Gaps", rows, unit="points", decimals=1, whole=whole, mark=mark)


def target_bars(form: str) -> Chart:
    words = ("above", "near", "below", "not enough data")
    rows = [
        TargetRow(
            name,
            f"not shown: {WHY}" if form == "hidden" else words[i % 4],
            f"not shown: {WHY}" if form == "hidden" else words[i % 3],
            f"Claim {i // 3}",
            None if form == "hidden" else 40 + i,
        )
        for i, name in enumerate(_names(form))
    ]
    return charts.target_bars("targets", "Targets", rows)


def item_bars(form: str) -> Chart:
    rng = random.Random(4)
    rows = [
        ItemRow(name, _shares(form, rng, 2 + i % 3), _amount(form, rng, 1, 2), n=_count(form))
        for i, name in enumerate(_names(form))
    ]
    return charts.item_bars("items", "Items", rows)


def ratings(form: str) -> list[IndicatorRow]:
    rng = random.Random(5)
    if form == "hidden":
        return [IndicatorRow(name, HIDDEN) for name in _names(form)]
    return [
        rating(name, rng.gauss(-10, 45), rng.gauss(1, 9), int(rng.lognormvariate(4.5, 1)) + 11)
        for name in _names(form)
    ]


def _first(form: str) -> IndicatorRow:
    rows = ratings(form)
    return rows[0] if rows else IndicatorRow("Nobody", Amount())


def color_grid(form: str) -> Chart:
    return charts.color_grid("grid", "Cell", GRID, _first(form))


def placement_counts(form: str) -> Chart:
    return charts.placement_counts("placement", "Placement", GRID, ratings(form))


def plane(form: str) -> Chart:
    left_out = [("fewer than 11 students", 3)]
    return charts.plane("plane", "Plane", ratings(form), GRID, CUTS, left_out=left_out)


def gauge(form: str) -> Chart:
    return charts.gauge("gauge", "Gauge", _first(form))


def equity(form: str) -> Chart:
    rng = random.Random(6)
    words = [] if form == "hidden" else list(_WORDS.values())
    rows = [ColorCount(n, [(w, rng.randint(0, 4)) for w in words], 2) for n in _names(form)]
    return charts.equity("equity", "Groups by color", rows)


MAKERS: Sequence[Callable[[str], Chart]] = (
    level_bars,
    trend,
    cohort_lines,
    gaps,
    target_bars,
    item_bars,
    color_grid,
    placement_counts,
    plane,
    gauge,
    equity,
)
