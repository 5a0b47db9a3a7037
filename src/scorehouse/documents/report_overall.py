"""The page of overall results: levels, grades, groups, years, and who it is compared with."""

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
from scorehouse.documents.labels import Labels, is_everybody
from scorehouse.documents.page import Block, Fact, Section, Words
from scorehouse.documents.report_shared import (
    MOST_SENTENCES,
    Slice,
    View,
    key_of,
    level_row,
    main_grade,
    missing_table,
    name_of,
    sentences,
    slices,
)
from scorehouse.reports.charts import (
    Amount,
    Chart,
    DotRow,
    LevelRow,
    Number,
    Series,
    Table,
    gaps,
    level_bars,
    trend,
)
from scorehouse.reports.charts.words import heading, interval, told
from scorehouse.reports.statistics import rounded
from scorehouse.rulebook.counting import counting

FROM_STANDARD = "points from Standard Met"
MET_PERCENT = "percent that met the standard"
MEAN_SCORE = "mean scale score"
ALL = "All students"

Figure = tuple[str, str, str, tuple[Number, str] | None]
_FIGURES: Sequence[Figure] = (
    (DISTANCE, SE_DISTANCE, FROM_STANDARD, (0, "Standard Met")),
    (MET, SE_MET, MET_PERCENT, None),
    (MEAN, SE_MEAN, MEAN_SCORE, None),
)
"""Figures that a page compares, the first that the rows have."""


def head_facts(rows: Figures, labels: Labels) -> list[Fact]:
    """The numbers at the head: for each subject the latest share that met the standard."""
    facts = []
    latest = rows.everybody().where(school_year=rows.latest, measure="overall")
    for one in slices(latest, labels):
        row = one.rows.one(test_grade=main_grade(one.rows))
        ids = one.rows.values("entity_id")
        if row is None or len(ids) > 1 or not one.rows.has(MET):
            continue
        amount = row.met()
        n = row.count("n_scored")
        many = f"{told(n)} students" if n.value is not None else "students not shown"
        remark = [labels.grade(row.grade), many]
        if amount.low is not None:
            remark.append(f"likely {interval(amount, 1)}")
        facts.append(Fact(f"{one.heading}: met", _short(amount), ", ".join(remark)))
    return facts


def _short(amount: Amount) -> str:
    return told(amount, 1, unit=" %") if amount.value is not None or amount.coded else "not shown"


def sections(view: View) -> list[Section]:
    """A section for each subject and test."""
    return [_section(one, view) for one in slices(view.own, view.labels)]


def _section(one: Slice, view: View) -> Section:
    rows = one.rows.where(measure="overall")
    latest = rows.where(school_year=rows.latest)
    everybody = latest.everybody()
    year = f", {rows.latest}"
    parts = [
        _part(one, "grades", "By grade", [_grades(one, everybody, view, year)]),
        _part(one, "groups", "By student group", _groups(one, latest, view, year)),
        _part(one, "years", "Over the years", _years(one, rows.everybody(), view)),
        _part(one, "above", "Beside what it belongs to", _above(one, latest, view, year)),
        _part(one, "numbers", "In numbers", list(_in_numbers(one, everybody, view.labels, year))),
    ]
    words = list(_words(everybody, view))
    return Section(one.key, one.heading, words, [part for part in parts if part.blocks])


def _words(everybody: Figures, view: View) -> Iterator[Words]:
    """What comparisons say of all students, all grades together or else of the first grade."""
    rows = everybody.where(test_grade=main_grade(everybody)).rows
    told = [sentence for row in rows for sentence in view.sentences(row)]
    if told:
        yield Words(told[:MOST_SENTENCES])
    yield from sentences(everybody.rows)


def _part(one: Slice, key: str, title: str, blocks: Sequence[Block | None]) -> Section:
    shown = [block for block in blocks if block is not None]
    return Section(key_of(one.key, key), title, shown)


def bars(
    one: Slice, key: str, title: str, rows: Sequence[tuple[str, FigureRow]], view: View
) -> Chart:
    """Bars of levels, named."""
    measure = rows[0][1].measure if rows else "overall"
    levels = Figures([row for _, row in rows]).levels() or _known_levels(one, measure)
    names = view.labels.levels(one.subject, measure, levels)
    met_level = view.met_levels.get(levels) if measure == "overall" and _has_met(rows) else None
    made: list[LevelRow] = [level_row(name, row, levels) for name, row in rows]
    return level_bars(key_of(one.key, key), title, names, made, met_level=met_level, decimals=1)


def _known_levels(one: Slice, measure: str) -> int:
    """How many levels a measure has where every row hides them."""
    kind = one.rows.values("assessment_type")[0]
    known = counting().levels.get((one.subject, kind, measure.partition(":")[0]))
    return one.rows.where(measure=measure).levels() or known or 1


def _has_met(rows: Sequence[tuple[str, FigureRow]]) -> bool:
    return Figures([row for _, row in rows]).has(MET)


def _grades(one: Slice, rows: Figures, view: View, year: str) -> Chart:
    named = [
        (view.labels.grade(grade), row)
        for grade in rows.grades()
        for row in rows.where(test_grade=grade).rows
    ]
    return bars(one, "grades-levels", f"Levels by grade{year}", named, view)


def _groups(one: Slice, latest: Figures, view: View, year: str) -> list[Chart]:
    if len(latest.groups()) < 2:
        return []
    found = []
    grade = main_grade(latest)
    rows = latest.where(test_grade=grade)
    where = f"{view.labels.grade(grade).lower()}{year}"
    named = [
        (view.labels.group(code), row)
        for code in rows.groups()
        for row in rows.where(student_group=code).rows
    ]
    found.append(bars(one, "groups-levels", f"Levels by student group, {where}", named, view))
    figure = _figure_of(rows)
    if figure:
        found.append(_gaps(one, rows, view, figure, where))
    return found


def _figure_of(rows: Figures) -> Figure | None:
    return next((figure for figure in _FIGURES if rows.has(figure[0])), None)


def _gaps(one: Slice, rows: Figures, view: View, figure: Figure, where: str) -> Chart:
    column, se, unit, mark = figure
    dots = [
        DotRow(
            view.labels.group(row.group),
            row.amount(column, se),
            view.labels.dimension(row.group),
            view.from_everybody(row, column),
        )
        for row in rows.rows
        if not is_everybody(row.group)
    ]
    whole = rows.one(student_group="ALL")
    everybody = (ALL, whole.amount(column, se)) if whole else None
    return gaps(
        key_of(one.key, "groups-gaps"),
        f"Student groups beside all students, {where}",
        dots,
        unit=unit,
        decimals=1,
        whole=everybody,
        mark=mark,
    )


def _years(one: Slice, rows: Figures, view: View) -> list[Chart]:
    years = sorted(rows.values("school_year"))
    if len(years) < 2:
        return []
    grade = main_grade(rows)
    figure = _figure_of(rows.where(test_grade=grade))
    if figure is None:
        return []
    _, _, unit, mark = figure
    ids = [view.entity_id, *view.above]
    lines = [_line(one, view.figures.everybody(), entity, grade, years, figure) for entity in ids]
    title = f"{heading(unit)} by year, {view.labels.grade(grade).lower()}"
    made = [line for line in lines if line is not None]
    key = key_of(one.key, "years-trend")
    return [trend(key, title, years, made, unit=unit, decimals=1, mark=mark)]


def _line(
    one: Slice, figures: Figures, entity: str, grade: str, years: Sequence[str], figure: Figure
) -> Series | None:
    rows = _of_the_test(one, figures).where(entity_id=entity, test_grade=grade)
    if not rows.rows:
        return None
    points = [rows.one(school_year=year) for year in years]
    shown = [row.amount(figure[0], figure[1]) if row else Amount() for row in points]
    return Series(name_of(rows.rows[0]), shown)


def _of_the_test(one: Slice, figures: Figures) -> Figures:
    """Overall rows of the slice's subject and type of test; of an interim, of the one test."""
    first = one.rows.rows[0]
    test = {name: first[name] for name in ("assessment_type", "assessment_id")}
    return figures.where(subject=one.subject, measure="overall", **test)


def _above(one: Slice, latest: Figures, view: View, year: str) -> list[Chart]:
    grade = main_grade(latest)
    everywhere = _of_the_test(one, view.figures.everybody())
    rows = everywhere.where(school_year=latest.latest)
    wanted = [view.entity_id, *view.above]
    named = [
        (name_of(row), row)
        for entity in wanted
        for row in rows.where(entity_id=entity, test_grade=grade).rows
    ]
    if len(named) < 2:
        return []
    title = f"Levels beside what it belongs to, {view.labels.grade(grade).lower()}{year}"
    return [bars(one, "above-levels", title, named, view)]


_COLUMNS = (
    ("Enrolled", "n_enrolled", 0),
    ("Tested", "n_tested", 0),
    ("Scored", "n_scored", 0),
    ("Tested, %", "participation", 1),
    ("Mean score", MEAN, 1),
    ("Standard error", SE_MEAN, 1),
    ("Standard deviation", "standard_deviation", 1),
    ("From standard", DISTANCE, 1),
    ("Met, %", MET, 1),
)


def _in_numbers(one: Slice, everybody: Figures, labels: Labels, year: str) -> Iterator[Block]:
    numbers = _numbers(everybody, labels, one.heading + year)
    if numbers:
        yield numbers
    named = [(labels.grade(row.grade), row) for row in everybody.rows]
    yield from missing_table(f"Students without a score that counts{year}", named, labels)


def _numbers(rows: Figures, labels: Labels, caption: str) -> Table | None:
    """Every number of all students, by grade; columns that no row has are left out."""
    columns = [column for column in _COLUMNS if rows.has(column[1])]
    ranks = counting().percentile_ranks if rows.has("percentiles") else ()
    body = tuple(
        (
            labels.grade(row.grade),
            *(_cell(row, name, decimals) for _, name, decimals in columns),
            *_percentiles(row, len(ranks)),
        )
        for grade in rows.grades()
        for row in rows.where(test_grade=grade).rows
    )
    heads = ("Grade", *(head for head, *_ in columns), *(f"{rank}th percentile" for rank in ranks))
    return Table(f"All students by grade: {caption}", heads, body) if body else None


def _percentiles(row: FigureRow, count: int) -> list[str]:
    """Scores at the percentile ranks, or why there are none."""
    values = row["percentiles"] or [None] * count
    why = row.why("percentiles")
    return [told(Amount(why=why) if v is None else Amount(rounded(v))) for v in values]


def _cell(row: FigureRow, column: str, decimals: int) -> str:
    amount = row.met() if column == MET else row.amount(column, decimals=decimals)
    return told(amount, decimals)


# --- entities side by side ---


def side_by_side(view: View) -> list[Section]:
    """Entities under each other in the same picture, for each subject and test."""
    return [
        Section(one.key, one.heading, list(_beside(one, view)))
        for one in slices(view.figures, view.labels)
    ]


def _beside(one: Slice, view: View) -> Iterator[Chart]:
    everybody = one.rows.everybody()
    latest = everybody.where(school_year=everybody.latest)
    for measure in latest.values("measure"):
        rows = latest.where(measure=measure)
        grade = main_grade(rows)
        of_grade = rows.where(test_grade=grade)
        where = f"{view.labels.grade(grade).lower()}, {latest.latest}"
        part = "" if measure == "overall" else f"{view.labels.measure(one.subject, measure)}: "
        named = [(name_of(row), row) for row in of_grade.rows]
        if of_grade.levels():
            title = f"{part}Levels, {where}"
            yield bars(one, f"beside-{measure}-levels", title, named, view)
        figure = _figure_of(of_grade)
        if figure:
            column, se, unit, mark = figure
            dots = [DotRow(name, row.amount(column, se)) for name, row in named]
            title = f"{part}{heading(unit)}, {where}"
            key = key_of(one.key, "beside", measure, "dots")
            yield gaps(key, title, dots, unit=unit, decimals=1, mark=mark)
