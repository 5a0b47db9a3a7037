"""What a report needs to know beside results: cuts, days, item pools, what adds up to what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

from scorehouse.disclosure import Asked, Query, ScoreRange
from scorehouse.errors import ScorehouseError
from scorehouse.reports.figure_shape import CROSSING
from scorehouse.reports.query import ReportQuery
from scorehouse.reports.relations import Structure
from scorehouse.rulebook import Rulebook, load
from scorehouse.rulebook.counting import dimensions, groups
from scorehouse.terms import MeasurementRules
from scorehouse.warehouse.entity_tree import Tree
from scorehouse.warehouse.snapshot import Snapshot

REST = "rest"
"""Stands for results that count for an entity and for none of its parts."""


@cache
def rulebook() -> Rulebook:
    """The packaged rules, read once."""
    return load()


def rules_of(program: str, years: Iterable[str]) -> dict[str, MeasurementRules]:
    """The rules of the years that the program has any for."""
    found = {year: _rules(program, year) for year in years}
    return {year: rules for year, rules in found.items() if rules is not None}


@cache
def _rules(program: str, year: str) -> MeasurementRules | None:
    try:
        return rulebook().at(year, program)
    except ScorehouseError:
        return None


def standard_cuts(program: str, years: Iterable[str]) -> dict[tuple[str, str, str], int]:
    """The Standard Met cut by school year, subject and grade."""
    return {
        (year, str(subject), grade): cuts.standard_met
        for year, rules in rules_of(program, years).items()
        for (subject, grade), cuts in rules.cuts.items()
    }


def score_ranges(program: str, years: Iterable[str]) -> dict[tuple[str, str], ScoreRange]:
    """The widest range of scale scores by subject and grade, and the Standard Met cut."""
    found: dict[tuple[str, str], ScoreRange] = {}
    for rules in rules_of(program, years).values():
        for (_, subject, grade), bounds in rules.bounds.items():
            key = (str(subject), grade)
            if (subject, grade) not in rules.cuts:
                continue
            cut = rules.cuts[subject, grade].standard_met
            before = found.get(key, ScoreRange(cut, cut, cut))
            found[key] = ScoreRange(
                min(before.lowest, bounds.lowest_scale_score),
                max(before.highest, bounds.highest_scale_score),
                cut,
            )
    return found


# --- days ---


def reference_days(snapshot: Snapshot) -> dict[str, date]:
    """The day on which enrollment is counted: the census day, else a window's last day."""
    windows = snapshot.sql(
        "SELECT school_year, max(ends_on) AS day FROM testing_window "
        "WHERE coalesce(assessment_type, '') IN ('', 'summative') AND ends_on IS NOT NULL "
        "GROUP BY school_year"
    ).to_pylist()
    census = snapshot.sql(
        "SELECT school_year, census_on AS day FROM census_day WHERE census_on IS NOT NULL"
    ).to_pylist()
    return {row["school_year"]: row["day"] for row in (*windows, *census)}


def closed_windows(snapshot: Snapshot, as_of: str) -> dict[str, bool]:
    """Whether testing of a year had ended by the day of the report."""
    day = datetime.now(UTC).date()
    if len(as_of) >= len("YYYY-MM-DD"):
        day = date.fromisoformat(as_of[: len("YYYY-MM-DD")])
    rows = snapshot.sql(
        "SELECT school_year, max(ends_on) AS day FROM testing_window "
        "WHERE ends_on IS NOT NULL GROUP BY school_year"
    ).to_pylist()
    return {row["school_year"]: row["day"] < day for row in rows}


# --- tests ---


def tested_grades(snapshot: Snapshot) -> dict[tuple[str, str], tuple[str, ...]]:
    """The grades that a subject's tests of a type are for."""
    rows = snapshot.sql(
        "SELECT DISTINCT subject, assessment_type, test_grade FROM assessment "
        "WHERE test_grade IS NOT NULL ORDER BY subject, assessment_type, test_grade"
    ).to_pylist()
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in rows:
        key = (row["subject"], row["assessment_type"])
        found[key] = (*found.get(key, ()), row["test_grade"])
    return found


TargetKey = tuple[str, str, str, str]


def target_pools(snapshot: Snapshot) -> dict[TargetKey, int]:
    """How many operational items each target has in a pool, by year, subject, grade, target."""
    rows = snapshot.sql(
        "SELECT a.school_year, a.subject, a.test_grade, i.target, "
        "count(DISTINCT i.item_id) AS n FROM item AS i "
        "JOIN assessment AS a ON a.assessment_id = i.assessment_id "
        "WHERE a.assessment_type = 'summative' AND i.target IS NOT NULL "
        "AND coalesce(i.operational, true) AND coalesce(i.item_type, '') <> 'WER' "
        "GROUP BY a.school_year, a.subject, a.test_grade, i.target"
    ).to_pylist()
    return {
        (row["school_year"], row["subject"], row["test_grade"], row["target"]): row["n"]
        for row in rows
    }


def most_points(snapshot: Snapshot, assessments: Sequence[str]) -> dict[tuple[str, str, str], int]:
    """The most points of an item, by test, item and dimension."""
    from scorehouse.warehouse.marts import is_in

    rows = snapshot.sql(
        "SELECT assessment_id, item_id, dimension, max_points, b1, b2, b3, b4, b5, b6 FROM item"
        f" WHERE {is_in('assessment_id', assessments)}"
    ).to_pylist()
    return {
        (row["assessment_id"], row["item_id"], row["dimension"] or ""): int(
            row["max_points"] or sum(row[f"b{step}"] is not None for step in range(1, 7))
        )
        for row in rows
    }


# --- what adds up to what, and what was asked ---


def structure(
    tree: Tree,
    query: ReportQuery,
    schools: Iterable[str],
    grades: Mapping[tuple[str, str], Sequence[str]],
) -> Structure:
    """What adds up to what in a report of this query; `schools` are where results count."""
    own = set(schools)
    children = {**tree.parts}
    state = tree.state.entity_id
    for parent in {*own, state} & children.keys():
        if parent in own or own - tree.entities.keys():
            children[parent] = (*children[parent], f"{parent}#{REST}")
    wanted = {code for name in query.wanted_groups for code in name.split(CROSSING)}
    used = {groups()[code].dimension for code in wanted}
    only = set(query.grades) if _pools(query) else set()
    return Structure(
        entities=children,
        grades={
            key: tuple(grade for grade in found if not only or grade in only)
            for key, found in grades.items()
        },
        partitions=[
            tuple(group.code for group in parts)
            for name, parts in dimensions().items()
            if name in used
        ],
        unions={code: groups()[code].members for code in wanted if groups()[code].members},
    )


def of_cohort(structure: Structure) -> Structure:
    """What adds up to what for a cohort: who moves within an entity is followed in no part."""
    return replace(
        structure,
        entities={
            entity: tuple(dict.fromkeys((*parts, f"{entity}#{REST}")))
            for entity, parts in structure.entities.items()
        },
    )


def asked(
    query: ReportQuery,
    availability: frozenset[str] = frozenset(),
    entities: Iterable[str] = (),
    structure: Structure | None = None,
) -> Query:
    """A query as the exit door compares it with others: which students it lets through.

    `availability` are those that results have; empty: any. `entities` have a row wherever they
    have students; what counts for none of an entity's parts never has.
    """
    filters = {name: frozenset(values) for name, values in query.filters.items()}
    if availability:
        filters["availability"] = availability
    if query.grades and _pools(query):
        filters["test_grade"] = frozenset(query.grades)
    sums = structure or Structure()
    grades = query.grades or [grade for found in sums.grades.values() for grade in found]
    told = Asked(
        frozenset(entities).union(f"{entity}#{REST}" for entity in sums.entities),
        frozenset(query.wanted_groups),
        frozenset(grades if query.report != _COHORTS else ()),
    )
    return Query(query.name or query.report, population_of(query), filters, told)


_COHORTS = "longitudinal"


def _pools(query: ReportQuery) -> bool:
    """Whether the grades asked for are pooled; grades of a cohort's steps never are."""
    return query.pooled and query.report != _COHORTS


def population_of(query: ReportQuery, followed: str = "") -> str:
    """Who is counted where that isn't everybody with a result, and how, where it's unusual.

    A row that names who is followed has to say how they are counted too: its own population
    stands in place of the query's.
    """
    unusual = [
        f"{name}={getattr(query, name)}"
        for name in ("counted_at", "demographics", "scores")
        if getattr(query, name) != getattr(_USUAL, name)
    ]
    return " ".join(filter(None, (followed, *unusual)))


_USUAL = ReportQuery("aggregate")
