"""A student's history for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from scorehouse.cli.console import out
from scorehouse.warehouse.history import History, Row, Sitting
from scorehouse.warehouse.history_rows import level_of, overall

_BAR_WIDTH, _SHORTEST = 30, 2
_NAMES = ("last_or_surname", "first_name", "middle_name")


def print_history(found: History) -> None:
    """Print everything, and a small picture of the scores by year."""
    name = " ".join(str(found.student.get(part) or "") for part in _NAMES).split()
    out.print(escape(f"{found.student_id}  {' '.join(name)}"), style="bold", highlight=False)
    _lines(found)
    _print_sittings("Results", found.sittings)
    trend = trend_lines(found.sittings)
    if trend:
        out.print("\n".join(map(escape, trend)), highlight=False, soft_wrap=True)
    _print_parts(found.sittings)
    _print_responses(found.sittings)
    _print_sittings("Replaced and withdrawn", found.replaced)
    names = ("school_year", "school_id", "grade_enrolled", "entered_on", "exited_on", "exit_reason")
    _print_rows("Enrollments", found.enrollments, names)
    _print_rows("Programs", found.programs, ("program", "began_on", "ended_on", "takes_part"))
    _print_rows("Language status", found.el_statuses, ("el_status", "began_on", "ended_on"))


def _lines(found: History) -> None:
    told = [
        ("Born", found.student.get("birth_date")),
        ("Sex", found.student.get("sex")),
        ("Replaced identifiers", ", ".join(found.replaced_ids)),
        ("Local identifiers", ", ".join(row["local_id"] for row in found.local_ids)),
    ]
    for name, value in told:
        if value:
            out.print(escape(f"{name}: {value}"), highlight=False)


def _text(value: Any) -> str:
    return "" if value is None else escape(str(value))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _print_sittings(title: str, sittings: Sequence[Sitting]) -> None:
    if not sittings:
        return
    table = Table(title=title, title_justify="left")
    for heading in ("Year", "Test", "School", "Condition", "From"):
        table.add_column(heading, overflow="fold")
    for heading in ("Score", "Level"):
        table.add_column(heading, justify="right", no_wrap=True)
    if any(one.ended for one in sittings):
        table.add_column("Ended by", overflow="fold")
    for one in sittings:
        for origin, row in list(overall(one)) or [("", {})]:
            table.add_row(*_cells(one, origin, row))
    out.print(table)


def _cells(one: Sitting, origin: str, row: Row) -> list[str]:
    result = one.result
    conditions = ("administration_condition", "completeness", "special_condition")
    cells = [
        _text(result["school_year"]),
        _text(one.test_name or result["assessment_id"]),
        _text(one.school_name or result["school_id"]),
        _text(" ".join(filter(None, (result[name] for name in conditions)))),
        origin,
        _number(row.get("scale_score")),
        _text(level_of(row) if row else None),
    ]
    return [*cells, _text(f"{one.ended}, import {one.ended_in}")] if one.ended else cells


def _print_parts(sittings: Iterable[Sitting]) -> None:
    rows = [
        [
            _text(one.result["school_year"]),
            _text(one.test_name or one.result["assessment_id"]),
            _text(part["measure"]),
            _text(part["origin"]),
            _number(part["scale_score"] if part["scale_score"] is not None else part["raw_score"]),
            _text(part["level"]),
        ]
        for one in sittings
        for part in one.parts
    ]
    _print_table("Parts", ("Year", "Test", "Part", "From", "Score", "Level"), rows)


def _print_responses(sittings: Iterable[Sitting]) -> None:
    names = ("position", "item_id", "dimension", "score", "response_value")
    rows = [
        [_text(one.result["school_year"]), _text(one.result["assessment_id"])]
        + [_text(row[name]) for name in names]
        for one in sittings
        for row in one.responses
    ]
    headings = ("Year", "Test", "Place", "Item", "Dimension", "Points", "Response")
    _print_table("Responses", headings, rows)


def _print_rows(title: str, rows: Iterable[Row], names: Sequence[str]) -> None:
    headings = [name.replace("_", " ").capitalize() for name in names]
    _print_table(title, headings, [[_text(row[name]) for name in names] for row in rows])


def _print_table(title: str, headings: Sequence[str], rows: list[list[str]]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    out.print(table)


def trend_lines(sittings: Iterable[Sitting]) -> list[str]:
    """A line for each summative scale score, by subject and year, with a bar to compare.

    Bars of a subject begin a little below its lowest score. The score delivered is shown; the
    one made here where none was.
    """
    by_subject: dict[str, list[tuple[str, float]]] = {}
    for one in sittings:
        if one.result["assessment_type"] == "summative":
            scores = [row["scale_score"] for _, row in overall(one)]
            known = next((score for score in scores if score is not None), None)
            if known is not None:
                found = by_subject.setdefault(one.result["subject"] or "", [])
                found.append((one.result["school_year"] or "", float(known)))
    return [line for subject in sorted(by_subject) for line in _bars(subject, by_subject[subject])]


def _bars(subject: str, scores: list[tuple[str, float]]) -> list[str]:
    lowest = min(score for _, score in scores)
    span = max(score for _, score in scores) - lowest
    lines = []
    for year, score in scores:
        share = (score - lowest) / span if span else 1.0
        bar = "█" * (_SHORTEST + round(share * (_BAR_WIDTH - _SHORTEST)))
        lines.append(f"{subject:<6} {year:<9} {score:>6g} {bar}")
    return lines
