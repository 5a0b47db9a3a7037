"""Pages of items and writing traits: points, difficulty, and what was answered."""

from __future__ import annotations

from collections.abc import Iterator

from scorehouse.documents.figure_rows import MARKED, Figures
from scorehouse.documents.page import Block, Section
from scorehouse.documents.report_shared import Slice, View, key_of, sentences, slices
from scorehouse.reports.charts import Chart, ItemRow, Table, item_bars
from scorehouse.reports.charts.words import NOTHING, number, told

REACHED = "Share of points"


def sections(view: View) -> list[Section]:
    """For each subject and test: points by item for every group, then the answers given."""
    return [_section(one, view) for one in slices(view.own, view.labels)]


def _section(one: Slice, view: View) -> Section:
    latest = one.rows.where(school_year=one.rows.latest)
    parts = []
    for grade in latest.grades():
        rows = latest.where(test_grade=grade)
        blocks: list[Block] = [_points(one, rows, code, view) for code in rows.groups()]
        blocks += _answers(one, rows.everybody(), view)
        heading = view.labels.grade(grade)
        parts.append(Section(key_of(one.key, "grade", grade), heading, blocks))
    return Section(one.key, one.heading, list(sentences(latest.everybody().rows)), parts)


def _points(one: Slice, rows: Figures, group: str, view: View) -> Chart:
    found = rows.where(student_group=group)
    items = [
        ItemRow(
            view.labels.measure(one.subject, row.measure),
            row.percents(len(row["percent_levels"] or row["level_counts"] or (0, 0))),
            row.amount("difficulty", decimals=2),
            _mean(told(row.amount("mean_points", decimals=2), 2)),
            row.n,
        )
        for row in found.rows
    ]
    grade = view.labels.grade(found.rows[0].grade).lower() if found.rows else ""
    title = f"{view.labels.group(group)}: students by points, {grade}, {rows.latest}"
    key = key_of(one.key, "points", found.rows[0].grade if found.rows else "", group)
    is_trait = bool(found.rows) and found.rows[0].measure.startswith("trait:")
    what = "trait" if is_trait else "item"
    return item_bars(key, title, items, what=what, difficulty_name=REACHED, ends=(0, 1))


def _mean(said: str) -> str:
    return "" if said == NOTHING else f"mean points {said}"


def _answers(one: Slice, rows: Figures, view: View) -> Iterator[Table]:
    """How many students chose which answer: for staff, whose rows have marks."""
    for row in rows.rows:
        answers = row["answers"]
        if not answers or row[MARKED] is None:
            continue
        total = sum(answer["students"] or 0 for answer in answers)
        body = tuple(
            (
                str(answer["answer"] or "no answer"),
                NOTHING if answer["students"] is None else number(answer["students"]),
                _share(answer["students"], total),
            )
            for answer in answers
        )
        item = view.labels.measure(one.subject, row.measure)
        yield Table(f"Answers to {item}", ("Answer", "Students", "Percent"), body)


def _share(students: int | None, total: int) -> str:
    return NOTHING if students is None or not total else number(100 * students / total, 1)
