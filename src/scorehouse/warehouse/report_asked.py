"""What a query asks for that the warehouse doesn't hold: everything told at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scorehouse.intake.catalogue import Finding, make
from scorehouse.reports.query import ReportQuery
from scorehouse.reports.refusal import refuse_query
from scorehouse.terms import Subject
from scorehouse.warehouse.entity_tree import Tree
from scorehouse.warehouse.snapshot import Snapshot
from scorehouse.warehouse.views import slices

_MANY = 12


def check_asked(snapshot: Snapshot, tree: Tree, query: ReportQuery) -> tuple[Finding, ...]:
    """Refuse a query of what isn't there; return what is told of one that is answered.

    Raises QueryRefusedError with every finding.
    """
    empty = _empty_years(snapshot, query)
    asked = _years(query)
    found = [*_entities(tree, query), *_subjects(snapshot, query), *_tests(snapshot, query)]
    if asked and len(empty) == len(asked):
        held = ", ".join(sorted(_held_years(snapshot, query))) or "none"
        found += [
            make("query_not_held", field=_field(query), value=year, what="results of", known=held)
            for year in empty
        ]
    refuse_query(found)
    rowless = set(query.entities) & tree.nonpublic if not query.nonpublic_schools else set()
    return (
        *(make("query_year_empty", field=_field(query), value=year) for year in empty),
        *(make("query_entity_rowless", field="entities", value=one) for one in sorted(rowless)),
    )


def _field(query: ReportQuery) -> str:
    return "steps" if query.report == "longitudinal" else "school_years"


def _years(query: ReportQuery) -> list[str]:
    steps = [year for year, _ in query.pairs] if query.report == "longitudinal" else []
    return list(dict.fromkeys(steps or query.school_years))


def _held_years(snapshot: Snapshot, query: ReportQuery) -> set[str]:
    held = slices(snapshot.files)
    found = held.get("result", set())
    return found | held.get("enrollment", set()) if query.report == "aggregate" else found


def _empty_years(snapshot: Snapshot, query: ReportQuery) -> list[str]:
    """The years asked for that hold nothing; of an older moment only what reports find counts."""
    held = _held_years(snapshot, query)
    return [year for year in _years(query) if year not in held] if held else []


def _entities(tree: Tree, query: ReportQuery) -> Iterator[Finding]:
    for entity in query.entities:
        if not tree.knows(entity):
            yield make("query_entity_unknown", field="entities", value=entity)


def _subjects(snapshot: Snapshot, query: ReportQuery) -> Iterator[Finding]:
    """Subjects that no test and no result is of; they are read only if it comes to that."""
    known = set(map(str, Subject))
    for table in ("assessment", "result"):
        if set(query.subjects) - known:
            known |= _held(snapshot, table, "subject")
    yield from _unknown("subjects", "results in", query.subjects, known)


def _tests(snapshot: Snapshot, query: ReportQuery) -> Iterator[Finding]:
    known: set[str] = set()
    for table in ("assessment", "result"):
        if set(query.assessments) - known:
            known |= _held(snapshot, table, "assessment_id")
    yield from _unknown("assessments", "test", query.assessments, known)


def _unknown(
    field: str, what: str, asked: Iterable[str], known: Iterable[str]
) -> Iterator[Finding]:
    names = sorted(known)
    listed = ", ".join(names[:_MANY]) + (" …" if len(names) > _MANY else "")
    for value in asked:
        if value not in names:
            yield make("query_not_held", field=field, value=value, what=what, known=listed)


def _held(snapshot: Snapshot, table: str, column: str) -> set[str]:
    rows = snapshot.sql(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")
    return set(rows[column].to_pylist())
