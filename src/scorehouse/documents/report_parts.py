"""Pages of claims and of targets."""

from __future__ import annotations

from scorehouse.documents.figure_rows import FigureRow, Figures
from scorehouse.documents.page import Section
from scorehouse.documents.report_overall import bars
from scorehouse.documents.report_shared import (
    Slice,
    View,
    key_of,
    main_grade,
    sentences,
    slices,
)
from scorehouse.reports.charts import Chart, TargetRow, target_bars

RATINGS = {"better": "above", "similar": "near", "worse": "below"}
WITHOUT = {"insufficient": "not enough data", "excluded": "not reported"}
TEST, STANDARD = "relative_to_test", "relative_to_standard"


def claim_sections(view: View) -> list[Section]:
    """For each subject: claims by grade, and each claim by student group."""
    return [_claims(one, view) for one in slices(view.own, view.labels)]


def _claims(one: Slice, view: View) -> Section:
    latest = one.rows.where(school_year=one.rows.latest)
    parts = []
    for grade in latest.grades():
        rows = latest.everybody().where(test_grade=grade)
        named = [
            (view.labels.measure(one.subject, measure), row)
            for measure in _in_order(one, rows, view)
            for row in rows.where(measure=measure).rows
        ]
        title = f"Claims, {view.labels.grade(grade).lower()}, {latest.latest}"
        chart = bars(one, f"claims-{grade or 'all'}", title, named, view)
        key = key_of(one.key, "grade", grade)
        parts.append(Section(key, view.labels.grade(grade), [chart]))
    if len(latest.groups()) > 1:
        parts.append(_claims_by_group(one, latest, view))
    return Section(one.key, one.heading, list(sentences(latest.everybody().rows)), parts)


def _in_order(one: Slice, rows: Figures, view: View) -> list[str]:
    """The claims in the order in which a subject's are told."""
    return sorted(
        rows.values("measure"), key=lambda code: (view.labels.place(one.subject, code), code)
    )


def _claims_by_group(one: Slice, latest: Figures, view: View) -> Section:
    grade = main_grade(latest)
    rows = latest.where(test_grade=grade)
    charts: list[Chart] = []
    for measure in _in_order(one, rows, view):
        of_measure = rows.where(measure=measure)
        named = [
            (view.labels.group(code), row)
            for code in of_measure.groups()
            for row in of_measure.where(student_group=code).rows
        ]
        said = view.labels.measure(one.subject, measure)
        title = f"{said} by student group, {view.labels.grade(grade).lower()}, {latest.latest}"
        charts.append(bars(one, f"groups-{measure}", title, named, view))
    heading = "By student group"
    return Section(key_of(one.key, "groups"), heading, charts)


def target_sections(view: View) -> list[Section]:
    """For each subject and grade: every target, for all students and for each group."""
    return [_targets(one, view) for one in slices(view.own, view.labels)]


def _targets(one: Slice, view: View) -> Section:
    latest = one.rows.where(school_year=one.rows.latest)
    parts = []
    for grade in latest.grades():
        of_grade = latest.where(test_grade=grade)
        charts = [_target_chart(one, of_grade, code, view) for code in of_grade.groups()]
        key = key_of(one.key, "grade", grade)
        parts.append(Section(key, view.labels.grade(grade), charts))
    return Section(one.key, one.heading, list(sentences(latest.everybody().rows)), parts)


def _target_chart(one: Slice, rows: Figures, group: str, view: View) -> Chart:
    found = [row for row in rows.where(student_group=group).rows if row.measure != "overall"]
    grade = found[0].grade if found else ""
    title = f"{view.labels.group(group)}, {view.labels.grade(grade).lower()}, {rows.latest}"
    targets = [
        TargetRow(
            view.labels.measure(one.subject, row.measure),
            _rating(row, TEST),
            _rating(row, STANDARD),
            n=row.n,
        )
        for row in found
    ]
    return target_bars(key_of(one.key, "targets", grade, group), title, targets)


def _rating(row: FigureRow, column: str) -> str:
    value = row[column]
    if value is None:
        why = row.why(column)
        return f"not shown: {why}" if why else "no rating"
    return WITHOUT.get(value) or RATINGS.get(value, str(value))
