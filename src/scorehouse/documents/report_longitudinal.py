"""The page of a longitudinal report: the same students, and everybody who was tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scorehouse.documents.figure_rows import (
    DISTANCE,
    MEAN,
    MET,
    SE_DISTANCE,
    SE_MEAN,
    SE_MET,
    FigureRow,
    Figures,
)
from scorehouse.documents.page import Block, Section, Words
from scorehouse.documents.report_overall import FROM_STANDARD, MEAN_SCORE, MET_PERCENT, bars
from scorehouse.documents.report_shared import (
    MOST_SENTENCES,
    Slice,
    View,
    key_of,
    missing_table,
    slices,
)
from scorehouse.reports.charts import Amount, Chart, Number, Series, Table, cohort_lines
from scorehouse.reports.charts.words import heading, interval, students, told

COHORT = "cohort:"
SAME, EVERYBODY = "The same students", "Everybody tested"

Figure = tuple[str, str, str, tuple[Number, str] | None]
_FIGURES: Sequence[Figure] = (
    (MEAN, SE_MEAN, MEAN_SCORE, None),
    (DISTANCE, SE_DISTANCE, FROM_STANDARD, (0, "Standard Met")),
    (MET, SE_MET, MET_PERCENT, None),
)


def sections(view: View) -> list[Section]:
    """For each subject: lines over the steps, levels at each step, change in numbers."""
    return [_section(one, view) for one in slices(view.own, view.labels)]


def _section(one: Slice, view: View) -> Section:
    parts = [
        Section(
            key_of(one.key, "group", code),
            view.labels.group(code),
            list(_blocks(one, one.rows.where(student_group=code), code, view)),
        )
        for code in one.rows.groups()
    ]
    said = [text for row in one.rows.everybody().rows for text in view.sentences(row)]
    words = [Words(list(dict.fromkeys(said))[:MOST_SENTENCES])] if said else []
    return Section(one.key, one.heading, words, parts)


def _steps(rows: Figures) -> list[tuple[str, str]]:
    return sorted({(row.year, row.grade) for row in rows.rows})


def _blocks(one: Slice, rows: Figures, code: str, view: View) -> Iterator[Block]:
    steps = _steps(rows)
    places = [f"{view.labels.grade(grade)}, {year}" for year, grade in steps]
    for column, se, unit, mark in _FIGURES:
        if rows.has(column):
            lines = [
                Series(_named(population), _points(rows, population, steps, column, se))
                for population in _populations(rows)
            ]
            title = f"{heading(unit)}: {view.labels.group(code)}"
            key = key_of(one.key, code, column)
            what = lines[0].name
            yield cohort_lines(
                key, title, places, lines, unit=unit, decimals=1, mark=mark, what=what
            )
    yield from _levels(one, rows, code, places, steps, view)
    change = _changes(rows, places, steps, f"{view.labels.group(code)}, {one.heading}")
    if change:
        yield change
    named = [(f"{view.labels.grade(row.grade)}, {row.year}", row) for row in rows.rows]
    yield from missing_table("Students who are not among the same students", named, view.labels)


def _populations(rows: Figures) -> list[str]:
    return sorted(rows.values("population"), key=lambda name: not name.startswith(COHORT))


def _named(population: str) -> str:
    return SAME if population.startswith(COHORT) else EVERYBODY


def _points(
    rows: Figures, population: str, steps: Sequence[tuple[str, str]], column: str, se: str
) -> list[Amount]:
    found = [_at(rows, population, step) for step in steps]
    return [row.amount(column, se) if row else Amount() for row in found]


def _at(rows: Figures, population: str, step: tuple[str, str]) -> FigureRow | None:
    return rows.one(population=population, school_year=step[0], test_grade=step[1])


def _levels(
    one: Slice,
    rows: Figures,
    code: str,
    places: Sequence[str],
    steps: Sequence[tuple[str, str]],
    view: View,
) -> Iterator[Chart]:
    for population in _populations(rows):
        found = [(place, _at(rows, population, s)) for place, s in zip(places, steps, strict=True)]
        named = [(place, row) for place, row in found if row is not None]
        if Figures([row for _, row in named]).levels():
            title = f"Levels, {_named(population).lower()}: {view.labels.group(code)}"
            yield bars(one, key_of(code, population, "levels"), title, named, view)


def _changes(
    rows: Figures, places: Sequence[str], steps: Sequence[tuple[str, str]], caption: str
) -> Table | None:
    """Change of each step from the first, with its interval."""
    if not rows.has("change"):
        return None
    body = []
    for population in _populations(rows):
        for place, step in zip(places, steps, strict=True):
            row = _at(rows, population, step)
            if row and (row["change"] is not None or row.why("change")):
                amount = row.amount("change", "se_change")
                said = told(amount, 1, is_signed=True)
                since = str(row["compared_with"] or places[0])
                cells = (since, said, interval(amount, 1), students(row.n))
                body.append((f"{_named(population)}, {place}", *cells))
    columns = ("Step", "Compared with", "Change, points", "Interval", "Students")
    return Table(f"Change: {caption}", columns, tuple(body), frozenset({1}))
