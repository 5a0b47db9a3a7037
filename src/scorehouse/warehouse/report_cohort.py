"""What a longitudinal report reads: the steps, where their results count, who is followed."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from scorehouse.intake.catalogue import Finding, make
from scorehouse.reports.query import GRADES, ReportQuery
from scorehouse.warehouse.availability import Gate
from scorehouse.warehouse.engine import Engine
from scorehouse.warehouse.report_rows import frame


def places(engine: Engine, results: str, where: str) -> list[tuple[str, str]]:
    """Where results count: a school, and the LEA that answers for them where that is asked."""
    text = (
        "SELECT DISTINCT coalesce(school_id, '') AS school_id, coalesce(lea_id, '') AS lea_id "
        f"FROM {results} WHERE {where}"
    )
    return [(school, lea) for school, lea in frame(engine, text).rows()]


def seen(engine: Engine, gate: Gate) -> str:
    """The view of results that may be seen: a cohort's steps hang together."""
    if not gate.is_in_use:
        return "counted"
    keys = frame(
        engine,
        "SELECT DISTINCT coalesce(school_id, '') AS school_id, school_year, subject, "
        "assessment_type FROM counted",
    )
    engine.register("available", gate.kept(keys).to_arrow())
    engine.view(
        "seen",
        "SELECT c.* FROM counted AS c JOIN available AS a"
        " ON a.school_id = coalesce(c.school_id, '') AND a.school_year = c.school_year"
        " AND a.subject = c.subject AND a.assessment_type = c.assessment_type",
    )
    return "seen"


def steps(pairs: tuple[tuple[str, str], ...]) -> pa.Table:
    """The steps, each a school year and a grade, numbered from 1."""
    return pa.table(
        {
            "school_year": pa.array([year for year, _ in pairs], pa.string()),
            "test_grade": pa.array([grade for _, grade in pairs], pa.string()),
            "step": pa.array(range(1, len(pairs) + 1), pa.int64()),
        }
    )


def nobody_followed(
    query: ReportQuery, rows: pl.DataFrame, followed: str
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Findings of subjects in which no student has all steps, and how many each step has.

    `rows` have a step's results by entity, standing and group; none are of no subject.
    """
    if query.follow == GRADES:
        return (), ()
    subjects = rows["subject"].unique().sort().to_list() or list(query.subjects) or [""]
    own = {subject: rows.filter(pl.col("subject") == subject) for subject in subjects}
    empty = [name for name, found in own.items() if followed not in found["standing"].to_list()]
    told = [" ".join(filter(None, (name, ", ".join(query.steps)))) for name in empty]
    return (
        tuple(make("query_cohort_empty", field="steps", value=value) for value in told),
        tuple(note for name in empty for note in _by_step(query, name, own[name])),
    )


def _by_step(query: ReportQuery, subject: str, rows: pl.DataFrame) -> Iterator[str]:
    """How many results each step has: of everybody, or of the first group asked for."""
    everybody = rows.filter(pl.col("student_group") == query.wanted_groups[0])
    top = everybody.group_by("entity_id", "step").agg(pl.col("n_scored").sum())
    most = dict(top.group_by("step").agg(pl.col("n_scored").max()).rows())
    listed = ", ".join(
        f"{most.get(place, 0):,} in {step}" for place, step in enumerate(query.steps, start=1)
    )
    named = f", {subject}" if subject else ""
    yield f"Students with a score that counts{named}: {listed}."
