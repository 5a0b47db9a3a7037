"""Reports: a query against a moment of the warehouse becomes figures, and what may leave.

`figures_of` makes the table of figures for the exit door; `released` lets it out to an
audience. The five reports by name (`aggregate`, `claims`, `targets`, `longitudinal`, `items`)
do both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

from scorehouse.disclosure import Relation, Released, RowKey
from scorehouse.errors import UsageError
from scorehouse.intake import catalogue
from scorehouse.intake.catalogue import Finding
from scorehouse.reports.compare import comparisons, without_hidden_changes
from scorehouse.reports.figure_shape import KEYS, STAFF_ONLY, figure_table
from scorehouse.reports.query import COHORT, VERSION, ReportQuery, query_of
from scorehouse.reports.refusal import refuse_query
from scorehouse.reports.relations import Structure, relations
from scorehouse.rulebook.counting import dimensions
from scorehouse.rulebook.small_groups import profile_named
from scorehouse.warehouse import report_about as known
from scorehouse.warehouse import report_build as build
from scorehouse.warehouse import report_cohort as cohort
from scorehouse.warehouse.availability import LOADING, RELEASED, Gate, Statuses, read_statuses
from scorehouse.warehouse.availability import notes as on_their_way
from scorehouse.warehouse.cube import ENROLLED, Cube, is_cubed
from scorehouse.warehouse.entity_tree import Tree, chosen, read_tree
from scorehouse.warehouse.marts import define_counted, is_in, register_days
from scorehouse.warehouse.report_asked import check_asked
from scorehouse.warehouse.report_door import Door
from scorehouse.warehouse.report_notes import unlocked, unlocked_shown
from scorehouse.warehouse.report_rows import (
    SCHOOL_KEYS,
    TEST_KEYS,
    Wanted,
    conditions,
    for_entities,
    mart_rows,
    wanted_schools,
)
from scorehouse.warehouse.snapshot import Snapshot
from scorehouse.warehouse.store import Warehouse
from scorehouse.warehouse.whereabouts import under_current_id

STAFF = "staff"
_KEYS = (*SCHOOL_KEYS, *TEST_KEYS)


@dataclass(frozen=True)
class Report:
    """Figures before the exit door, with what the door needs to know.

    `snapshot` is the last import that the figures hold: the same for the same data, whenever
    it is asked for. `entities` have a row wherever they have students.
    """

    query: ReportQuery
    figures: pa.Table
    structure: Structure
    snapshot: int
    gate: Gate | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()  # with counts that nothing protects: for staff
    entities: tuple[str, ...] = ()

    def relations(self, figures: pa.Table, *, is_cohort: bool) -> tuple[Relation, ...]:
        """Which counts of some of the figures are the sums of others."""
        sums = known.of_cohort(self.structure) if is_cohort else self.structure
        return relations(_row_keys(figures), sums)


@dataclass(frozen=True)
class ReleasedReport:
    """A report as its audience sees it, and the comparisons that follow from what it sees.

    `notes` say which results are on their way still, `findings` what wasn't there.
    """

    query: ReportQuery
    released: Released
    comparisons: pa.Table
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def figures(self) -> pa.Table:
        """The table of figures, what is hidden being null."""
        return self.released.figures


@dataclass(frozen=True)
class Reading:
    """A moment of the warehouse held open, so that one report after another is quick."""

    snapshot: Snapshot
    tree: Tree
    cube: Cube
    grades: Mapping[tuple[str, str], tuple[str, ...]]
    closed: Mapping[str, bool]
    as_of: str = ""
    statuses: Statuses = field(default_factory=dict)


@contextmanager
def opened_for_reports(house: Warehouse, as_of: str = "") -> Iterator[Reading]:
    """Hold a moment open for reports of it."""
    with house.snapshot(as_of) as snapshot:
        yield Reading(
            snapshot,
            read_tree(snapshot),
            Cube(house, snapshot),
            known.tested_grades(snapshot),
            known.closed_windows(snapshot, as_of),
            as_of,
            read_statuses(snapshot),
        )


@dataclass(frozen=True)
class _Sight:
    """What making a report has at hand."""

    reading: Reading
    wanted: Wanted
    gate: Gate

    @property
    def query(self) -> ReportQuery:
        return self.wanted.query

    @property
    def snapshot(self) -> Snapshot:
        return self.reading.snapshot

    @property
    def tree(self) -> Tree:
        return self.reading.tree


def figures_of(source: Warehouse | Reading, query: ReportQuery, profile: str = STAFF) -> Report:
    """Make the figures of a query for a profile; they have not passed the exit door.

    The profile decides alone which results are available. Raises UsageError for a reading of
    another moment than the query's, QueryRefusedError for what can't be answered.
    """
    if isinstance(source, Warehouse):
        with opened_for_reports(source, query.as_of) as reading:
            return figures_of(reading, query, profile)
    if source.as_of != query.as_of:
        raise UsageError("the query is of another moment than what is held open")
    tree, snapshot = source.tree, source.snapshot
    findings = check_asked(snapshot, tree, query)
    gate = Gate(source.statuses, tree, _least(query, profile))
    entities = chosen(tree, query.entities, query.compare, query.children)
    entities = _without_nonpublic(tree, query, entities)
    wanted = Wanted(query, entities, wanted_schools(tree, query, entities))
    population = replace(
        wanted.population, has_scoring=_has_scoring(snapshot), only=_only(snapshot, wanted)
    )
    define_counted(snapshot.engine, population)
    sight = _Sight(source, wanted, gate)
    made = _MAKERS[query.report](sight)
    notes = made.notes
    if not profile_named(profile).is_hiding:
        notes += unlocked(query, partial(_overall_of, sight, made.overall))
    sums = known.structure(tree, query, made.schools, source.grades)
    findings += made.findings
    return Report(
        query, figure_table(made.rows), sums, snapshot.last_import, gate, findings, notes, entities
    )


def _overall_of(sight: _Sight, held: pl.DataFrame | None, query: ReportQuery) -> pl.DataFrame:
    """Overall rows by school of another query; from those held where they have all of it."""
    own, codes = sight.query, query.student_groups
    wanted = replace(sight.wanted, query=query)
    is_own = replace(query, student_groups=own.student_groups, by=own.by) == own
    if held is not None and is_own and set(codes) <= set(own.wanted_groups):
        rows = held.filter(pl.col("student_group").is_in(codes))
    else:
        rows = _by_school(replace(sight, wanted=wanted), "overall", _KEYS)
    schools = rows.select(SCHOOL_KEYS).fill_null("").unique().rows()
    asked = sight.tree.belongings(schools, wanted.entities).select(SCHOOL_KEYS)
    return rows.with_columns(pl.col(SCHOOL_KEYS).fill_null("")).join(
        asked.unique(), on=list(SCHOOL_KEYS), how="semi"
    )


def _least(query: ReportQuery, profile: str) -> str:
    """The availability that results need for an audience; staff see all unless they ask."""
    if not profile_named(profile).is_hiding:
        return query.availability or LOADING
    if query.availability not in ("", RELEASED):
        refuse_query([_not_for(profile, query.availability)])
    return RELEASED


def _not_for(profile: str, availability: str) -> Finding:
    return catalogue.make(
        "query_not_for_audience", field="availability", value=availability, profile=profile
    )


def _without_nonpublic(tree: Tree, query: ReportQuery, entities: Iterable[str]) -> tuple[str, ...]:
    """Nonpublic schools have no row of their own, unless asked for; districts count them."""
    if query.nonpublic_schools:
        return tuple(entities)
    return tuple(entity for entity in entities if entity not in tree.nonpublic)


def _only(snapshot: Snapshot, wanted: Wanted) -> str:
    """Narrow what is read to students who have a result, or are enrolled, in the schools."""
    if wanted.schools is None or wanted.query.counted_at != "tested":
        return ""
    inside = is_in("school_id", wanted.schools)
    snapshot.engine.view(
        "asked_students",
        "SELECT DISTINCT coalesce(student_id, opportunity_id) AS who "
        f"FROM ({under_current_id('result')}) AS x WHERE {wanted.population.scope} AND {inside} "
        f"UNION SELECT student_id FROM ({under_current_id('enrollment')}) AS y WHERE {inside}",
    )
    return "asked_students"


def _has_scoring(snapshot: Snapshot) -> bool:
    return any(file.table == "scoring" for file in snapshot.files)


def _row_keys(figures: pa.Table) -> list[RowKey]:
    columns = [figures[name].to_pylist() for name in KEYS.names]
    return [RowKey(*values) for values in zip(*columns, strict=True)]


class Made(NamedTuple):
    """Rows of figures, the schools that results counted for, and what is to be told.

    `overall`: the rows by school that figures of all results come from.
    """

    rows: list[dict[str, Any]]
    schools: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    overall: pl.DataFrame | None = None


def _aggregate(sight: _Sight) -> Made:
    query = sight.query
    by_school = _by_school(sight, "overall", _KEYS)
    rows = for_entities(by_school, sight.tree, sight.wanted)
    years = rows["school_year"].unique().to_list()
    rows = build.with_distances(rows, known.standard_cuts(query.program, years))
    rows = build.with_enrolled(rows, _enrolled(sight))
    if query.pooled and len(query.grades) != 1:
        rows = build.with_pooled(rows)
    histograms = _histograms(sight) if query.percentiles else None
    closed = sight.reading.closed
    made = build.overall_rows(_ordered(rows), "overall", sight.tree, histograms, closed)
    return Made(list(made), _schools(by_school), overall=by_school)


def _by_school(sight: _Sight, name: str, keys: tuple[str, ...]) -> pl.DataFrame:
    """Rows of a mart by school; of the kept cube where that holds what is asked."""
    query, wanted = sight.query, sight.wanted
    if name == "overall" and _is_cubed(sight):
        return sight.gate.kept(sight.reading.cube.rows(wanted))
    engine = sight.snapshot.engine
    rows = mart_rows(engine, name, keys, query.wanted_groups, conditions(wanted))
    return sight.gate.kept(rows)


def _is_cubed(sight: _Sight) -> bool:
    return is_cubed(sight.query) and sight.reading.cube.can_be_kept


def _schools(rows: pl.DataFrame) -> tuple[str, ...]:
    return tuple(rows["school_id"].fill_null("").unique().to_list())


def _ordered(rows: pl.DataFrame) -> pl.DataFrame:
    names = [name for name in ("school_year", "subject", "measure") if name in rows.columns]
    return rows.sort(["entity_id", *names, "test_grade", "assessment_id", "student_group"])


def _enrolled(sight: _Sight) -> pl.DataFrame | None:
    """Enrollments by entity; None where the warehouse, or the query, knows of none."""
    query, wanted = sight.query, sight.wanted
    is_told = any(file.table == "enrollment" for file in sight.snapshot.files)
    if not is_told or query.assessment_types != ("summative",):
        return None
    if any(name not in dimensions() for name in query.filters):
        return None
    if _is_cubed(sight):
        kept = sight.gate.kept(sight.reading.cube.rows(wanted, ENROLLED))
        return for_entities(kept, sight.tree, wanted)
    register_days(sight.snapshot.engine, known.reference_days(sight.snapshot))
    rows = mart_rows(
        sight.snapshot.engine, "enrolled", _KEYS, query.wanted_groups, conditions(wanted)
    )
    return for_entities(sight.gate.kept(rows), sight.tree, wanted)


def _histograms(sight: _Sight) -> pl.DataFrame:
    rows = mart_rows(
        sight.snapshot.engine, "histogram", _KEYS, sight.query.wanted_groups,
        conditions(sight.wanted),
    )  # fmt: skip
    return for_entities(sight.gate.kept(rows), sight.tree, sight.wanted)


def _claims(sight: _Sight) -> Made:
    """Claims and composites that the year reports for groups; other parts as they come."""
    by_school = _by_school(sight, "parts", (*_KEYS, "measure"))
    rows = for_entities(by_school, sight.tree, sight.wanted)
    rows = _of_the_year(rows, sight.query.program).with_columns(n_tested="n_scored")
    made = build.overall_rows(_ordered(rows), "claims", sight.tree)
    return Made(list(made), _schools(by_school))


def _of_the_year(rows: pl.DataFrame, program: str) -> pl.DataFrame:
    """Without claims and composites that the rules of a year don't report at all."""
    reported = {
        (year, str(subject), part.measure)
        for year, rules in known.rules_of(program, rows["school_year"].unique().to_list()).items()
        for subject, parts in rules.parts.items()
        for part in parts
    }
    years = {(year, subject) for year, subject, _ in reported}
    kept = [
        (year, subject) not in years or (year, subject, measure) in reported
        for year, subject, measure in rows.select("school_year", "subject", "measure").rows()
    ]
    return rows.filter(pl.Series(kept, dtype=pl.Boolean))


def _targets(sight: _Sight) -> Made:
    by_school = _by_school(sight, "targets", (*_KEYS, "measure"))
    rows = _ordered(for_entities(by_school, sight.tree, sight.wanted))
    made = build.target_rows(rows, known.target_pools(sight.snapshot), sight.tree)
    return Made(made, _schools(by_school))


def _items(sight: _Sight) -> Made:
    """Items and writing traits; items of interim tests only, and not of summatives."""
    interim = tuple(name for name in sight.query.assessment_types if name != "summative")
    asked = replace(sight.query, assessment_types=interim or ("ICA", "IAB"))
    inner = replace(sight, wanted=replace(sight.wanted, query=asked))
    by_school = _by_school(inner, "items", (*_KEYS, "item_id", "dimension"))
    rows = for_entities(by_school, sight.tree, sight.wanted)
    most = known.most_points(sight.snapshot, rows["assessment_id"].unique().to_list())
    traits = _by_school(sight, "traits", (*_KEYS, "measure"))
    made = build.item_rows(rows, most, sight.tree)
    made += build.trait_rows(for_entities(traits, sight.tree, sight.wanted), sight.tree)
    return Made(made, tuple({*_schools(by_school), *_schools(traits)}))


def _longitudinal(sight: _Sight) -> Made:
    query, tree, wanted = sight.query, sight.tree, sight.wanted
    pairs = query.pairs
    engine = sight.snapshot.engine
    results = cohort.seen(engine, sight.gate)
    at = replace(wanted, query=replace(query, school_years=(), grades=()))
    places = cohort.places(engine, results, conditions(at))
    engine.register("unit", tree.belongings(places, wanted.entities).to_arrow())
    engine.register("step", cohort.steps(pairs))
    rows = mart_rows(
        engine, "cohort", ("unit", *TEST_KEYS, "step", "standing"), query.wanted_groups,
        conditions(at), steps=str(len(pairs)), results=results,
    ).rename({"unit": "entity_id"})  # fmt: skip
    cuts = known.standard_cuts(query.program, [year for year, _ in pairs])
    rows = build.with_distances(rows, cuts)
    followed = f"{COHORT}:{'/'.join(query.steps)}"
    population = known.population_of(query, followed)
    made = build.cohort_rows(rows, tree, pairs, query.follow, population)
    told = cohort.nobody_followed(query, rows, build.FOLLOWED)
    return Made(made, tuple(dict.fromkeys(school for school, _ in places)), *told)


_MAKERS: Mapping[str, Callable[[_Sight], Made]] = {
    "aggregate": _aggregate,
    "claims": _claims,
    "targets": _targets,
    "longitudinal": _longitudinal,
    "items": _items,
}


# --- the exit door ---


def released(
    report: Report,
    profile: str = STAFF,
    *,
    audience: str = "",
    house: Warehouse | None = None,
    is_compared: bool = True,
) -> ReleasedReport:
    """Let a report out to an audience under a profile, and compare what it sees if asked.

    With a warehouse it is checked against what was let out before, and written into the
    ledger; staff's reports, in which nothing is hidden, are in the audit alone.
    """
    rules = profile_named(profile)
    query, figures, gate = report.query, report.figures, report.gate
    if rules.is_hiding and gate is not None and gate.early:
        refuse_query([_not_for(profile, gate.least)])
    if rules.is_hiding:
        figures = figures.drop_columns(list(STAFF_ONLY))
    years = set(figures["school_year"].to_pylist())
    ranges = known.score_ranges(query.program, years)
    door = Door(rules, audience or profile, report.snapshot, report.relations, ranges, house)
    let_in = gate.let_in if gate else frozenset()
    asked = known.asked(query, let_in, report.entities, report.structure)
    passed = door.passed(figures, asked, query.steps)
    passed = replace(passed, figures=without_hidden_changes(passed.figures))
    notes = report.notes
    if rules.is_hiding:
        notes = unlocked_shown(query, passed.figures.to_pylist())
    return ReleasedReport(
        query,
        passed,
        comparisons(passed.figures if is_compared else figures.slice(0, 0), query.entities),
        (*on_their_way(gate), *notes) if gate else notes,
        report.findings,
    )


def make(
    house: Warehouse, query: ReportQuery, profile: str = STAFF, *, audience: str = ""
) -> ReleasedReport:
    """Make a report and let it out; what is written into the audit names no student."""
    report = figures_of(house, query, profile)
    found = released(report, profile, audience=audience, house=house)
    house.note("report", query.report, f"{profile} {report.figures.num_rows} rows")
    return found


# --- the five reports by name ---

House = Warehouse | str | PathLike[str]
"""A warehouse, or its folder."""


def aggregate(house: House, profile: str = STAFF, **asked: Any) -> ReleasedReport:
    """Overall results of groups; `asked` are the fields of a `ReportQuery`."""
    return _made("aggregate", house, profile, asked)


def claims(house: House, profile: str = STAFF, **asked: Any) -> ReleasedReport:
    """Claims and composites of groups, by the rule of each year."""
    return _made("claims", house, profile, asked)


def targets(house: House, profile: str = STAFF, **asked: Any) -> ReleasedReport:
    """Where groups stand on assessment targets."""
    return _made("targets", house, profile, asked)


def longitudinal(house: House, profile: str = STAFF, **asked: Any) -> ReleasedReport:
    """The same students over years, or successive grades."""
    return _made("longitudinal", house, profile, asked)


def items(house: House, profile: str = STAFF, **asked: Any) -> ReleasedReport:
    """Interim results by item, and writing traits."""
    return _made("items", house, profile, asked)


def _made(report: str, house: House, profile: str, asked: Mapping[str, Any]) -> ReleasedReport:
    if isinstance(house, Warehouse):
        return make(house, _query(report, asked), profile)
    opened = Warehouse.open(Path(house))
    try:
        return make(opened, _query(report, asked), profile)
    finally:
        opened.close()


def _query(report: str, asked: Mapping[str, Any]) -> ReportQuery:
    """A query of Python's values: lists do as well as tuples; unknown names are refused."""
    filters = {name: list(values) for name, values in asked.get("filters", {}).items()}
    told = {name: list(v) if isinstance(v, tuple) else v for name, v in asked.items()}
    told |= {"filters": filters} if filters else {}
    return query_of({"version": VERSION, "report": report, **told})
