"""Where the Academic Indicator's students come from: a warehouse as of any moment, or files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa

from scorehouse.accountability.academic.students import STATE_ID
from scorehouse.errors import UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard import AcademicRules
from scorehouse.rulebook.dashboard_students import StudentRules
from scorehouse.terms import SchoolYear
from scorehouse.warehouse.academic_files import (
    ERRORS,
    Table,
    entities_of,
    read_table,
    results_of,
    roster_of,
    year_of,
)
from scorehouse.warehouse.academic_years import School, Window, Year, Years, with_taken_windows
from scorehouse.warehouse.engine import Engine, Local
from scorehouse.warehouse.entity_tree import DISTRICT, SCHOOL, STATE
from scorehouse.warehouse.marts import filled, in_list, text_of
from scorehouse.warehouse.research_entities import entities_of_year
from scorehouse.warehouse.snapshot import Snapshot
from scorehouse.warehouse.store import Warehouse
from scorehouse.warehouse.whereabouts import students, under_current_id

_NAMES = {"entity_id": pl.String, "entity_name": pl.String, "parent_id": pl.String,
          "district_name": pl.String, "county_name": pl.String}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """Two years of students, what entities are called, and the snapshot they are of (0: files)."""

    years: Years
    entities: pl.DataFrame
    year: SchoolYear
    snapshot: int = 0


@dataclass(frozen=True)
class Files:
    """Files of both years; the prior year may stand in those of this one."""

    scores: Path
    roster: Path
    prior_scores: Path | None = None
    prior_roster: Path | None = None
    entities: Path | None = None


# --- files ---


@contextmanager
def from_files(
    files: Files, rules: AcademicRules, who: StudentRules, log: FindingLog
) -> Iterator[Given]:
    """Students from files, on an engine of this machine that ends with the block.

    The year is that of the scores: rules of one Dashboard hold for data of any year. Raises
    UsageError for a file that can't be used.
    """
    scores, roster = read_table(files.scores), read_table(files.roster)
    year = max(scores.years.values(), key=lambda one: one.ends, default=rules.school_year)
    entities = entities_of(files.entities, log)
    current = _read(scores, roster, year, entities, log)
    prior = _prior(files, scores, roster, year, entities, log)
    kept = [one for one in (current, prior) if one is not None]
    with tempfile.TemporaryDirectory(prefix="scorehouse-") as scratch:
        engine = Local(Path(scratch))
        try:
            for place, name in enumerate(("academic_roster", "academic_results",
                                          "academic_errors")):  # fmt: skip
                engine.register(name, pa.concat_tables([one.tables[place] for one in kept]))
            years = Years(
                engine, rules, who, current.year, None if prior is None else prior.year,
                _leas(current.tables[0], *(one.tables[0] for one in kept[1:])),
            )  # fmt: skip
            yield Given(years, names_of(entities), year)
        finally:
            engine.close()


@dataclass(frozen=True)
class _ReadYear:
    year: Year
    tables: tuple[pa.Table, pa.Table, pa.Table]


def _read(
    scores: Table, roster: Table, year: SchoolYear, entities: pl.DataFrame | None, log: FindingLog
) -> _ReadYear:
    spells = roster_of(roster, year, log)
    results, errors = results_of(scores, year, log)
    ids = set(spells["student_id"].to_pylist())
    lacking = sum(one not in ids for one in set(results["student_id"].to_pylist()))
    if lacking:
        log.add("academic_off_roster", value=str(year), times=str(lacking))
    return _ReadYear(year_of(year, spells, results, entities, log), (spells, results, errors))


def _prior(
    files: Files,
    scores: Table,
    roster: Table,
    year: SchoolYear,
    entities: pl.DataFrame | None,
    log: FindingLog,
) -> _ReadYear | None:
    """The year before, from files of its own or from those of this year; None: from neither."""
    before = SchoolYear(year.ends - 1)
    if files.prior_scores is not None:
        scores = read_table(files.prior_scores)
    elif before not in scores.years.values():
        return None
    if files.prior_roster is not None:
        roster = read_table(files.prior_roster)
    return _read(scores, roster, before, entities, log)


def _leas(*rosters: pa.Table) -> set[str]:
    return {
        code
        for roster in rosters
        for name in ("residence_lea", "accountable_lea")
        for code in roster[name].unique().to_pylist()
        if code
    }


def names_of(entities: pl.DataFrame | None) -> pl.DataFrame:
    """What the entities of a table are called."""
    if entities is None:
        return pl.DataFrame(schema=_NAMES)
    return entities.select(*_NAMES, "is_county_office").unique("entity_id", keep="last")


# --- the warehouse ---


@contextmanager
def from_warehouse(
    house: Warehouse,
    rules: AcademicRules,
    who: StudentRules,
    log: FindingLog,
    *,
    as_of: str = "",
    year: SchoolYear | None = None,
) -> Iterator[Given]:
    """Students of a warehouse as of a moment, on its engine.

    `year` is the school year of the data; None: the Dashboard's. Raises UsageError when the
    warehouse holds no enrollments of it.
    """
    of = year or rules.school_year
    before = SchoolYear(of.ends - 1)
    with house.snapshot(as_of) as snapshot:
        _define(snapshot.engine, who, (of, before))
        held = _held(snapshot.engine)
        if str(of) not in held:
            raise UsageError(f"the warehouse holds no enrollments of {of}: load a roster with days")
        current = _year_of(snapshot, of, log)
        prior = _year_of(snapshot, before, log) if str(before) in held else None
        rows = entities_of_year(snapshot, of)
        years = Years(snapshot.engine, rules, who, current, prior, _leas_of(snapshot.engine))
        yield Given(years, _entity_names(rows), of, snapshot.number)


def _define(engine: Engine, who: StudentRules, years: Sequence[SchoolYear]) -> None:
    """Name the roster, the results and the standard errors of some years."""
    day = who.demographics_day
    extracts = [date(year.ends, day["month"], day["day"]) for year in years]
    named = [str(year) for year in years]
    engine.register(
        "academic_extracts",
        pa.table({"school_year": named, "extract_on": pa.array(extracts, pa.date32())}),
    )
    kept = ("enrollment", "program_participation", "el_status", "result")
    current = {name: under_current_id(name) for name in kept}
    name = engine.view if isinstance(engine, Local) else engine.keep  # a cluster reads them often
    name("academic_roster", filled(text_of("academic_roster"), students=students(), **current))
    text = filled(text_of("academic_results"), school_years=in_list(named), **current)
    name("academic_sittings", text)
    shown = ("student_id", "school_year", "subject", "test_program", "test_grade", "scale_score",
            "distance", "include_indicator", "condition_code", "completed_on",
            "tested_school")  # fmt: skip
    engine.view("academic_results", f"SELECT {', '.join(shown)} FROM academic_sittings")
    errors = ", ".join(ERRORS.names)
    engine.view(
        "academic_errors",
        f"SELECT {errors} FROM academic_sittings WHERE se_scale IS NOT NULL",
    )


def _held(engine: Engine) -> set[str]:
    rows = engine.sql("SELECT DISTINCT school_year FROM academic_roster")
    return {year for year in rows["school_year"].to_pylist() if year}


def _leas_of(engine: Engine) -> set[str]:
    rows = engine.sql(
        "SELECT DISTINCT residence_lea AS lea FROM academic_roster "
        "UNION SELECT DISTINCT accountable_lea AS lea FROM academic_roster"
    )
    return {lea for lea in rows["lea"].to_pylist() if lea}


def _year_of(snapshot: Snapshot, year: SchoolYear, log: FindingLog) -> Year:
    rows = entities_of_year(snapshot, year)
    named = snapshot.sql(
        f"SELECT DISTINCT school_id FROM academic_roster WHERE school_year = '{year}' "
        f"UNION SELECT DISTINCT tested_school FROM academic_results WHERE school_year = '{year}'"
    )["school_id"].to_pylist()
    schools = {code: _school(code, rows) for code in named if code}
    days = snapshot.sql(
        f"SELECT max(census_on) AS census_on FROM census_day WHERE school_year = '{year}'"
    )["census_on"].to_pylist()
    told = Year(year, schools, _told_windows(snapshot, year), days[0] if days else None)
    return with_taken_windows(told, lambda: _days_of_tests(snapshot, year, schools), log)


def _school(code: str, rows: Mapping[str, Mapping[str, object]]) -> School:
    row = rows.get(code, {})
    parent = str(row.get("parent_id") or "")
    lea = parent if rows.get(parent, {}).get("entity_type") == DISTRICT else ""
    return School(
        code, lea or code[:7] + "0000000", str(row.get("entity_name") or ""),
        bool(row.get("is_charter")), is_nonpublic=bool(row.get("is_nonpublic")),
    )  # fmt: skip


def _told_windows(snapshot: Snapshot, year: SchoolYear) -> dict[tuple[str, str], Window]:
    rows = snapshot.sql(
        "SELECT lea_id, subject, min(starts_on) AS starts_on, max(ends_on) AS ends_on "
        f"FROM testing_window WHERE school_year = '{year}' "
        "AND coalesce(assessment_type, '') IN ('', 'summative') "
        "AND starts_on IS NOT NULL AND ends_on IS NOT NULL GROUP BY lea_id, subject"
    ).to_pylist()
    return {
        (row["lea_id"] or "", row["subject"] or ""): (row["starts_on"], row["ends_on"])
        for row in rows
    }


def _days_of_tests(
    snapshot: Snapshot, year: SchoolYear, schools: Mapping[str, School]
) -> dict[str, Window]:
    """The first and the last day of the tests of each LEA."""
    rows = snapshot.sql(
        "SELECT tested_school, min(completed_on) AS first, max(completed_on) AS last "
        f"FROM academic_results WHERE school_year = '{year}' AND completed_on IS NOT NULL "
        "GROUP BY tested_school"
    ).to_pylist()
    found: dict[str, Window] = {}
    for row in rows:
        if (school := schools.get(row["tested_school"])) is not None:
            first, last = found.get(school.lea_id, (row["first"], row["last"]))
            found[school.lea_id] = min(first, row["first"]), max(last, row["last"])
    return found


def _entity_names(rows: Mapping[str, Mapping[str, object]]) -> pl.DataFrame:
    """What schools, districts and the state are called."""
    made = []
    for code, row in rows.items():
        if row["entity_type"] not in (SCHOOL, DISTRICT, STATE):
            continue
        parent = rows.get(str(row["parent_id"] or ""), {})
        is_school = row["entity_type"] == SCHOOL
        made.append(
            {
                "entity_id": STATE_ID if row["entity_type"] == STATE else code,
                "entity_name": row["entity_name"] or "",
                "parent_id": row["parent_id"] or "",
                "district_name": (parent.get("entity_name") if is_school else row["entity_name"])
                or "",
                "county_name": row["county_name"] or parent.get("county_name") or "",
            }
        )
    return pl.DataFrame(made, schema=_NAMES)
