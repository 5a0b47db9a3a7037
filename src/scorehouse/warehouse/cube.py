"""The cube: counts and sums of every school, grade, subject and group, kept by school year.

It is made when a report first needs it, and follows every load by adding what the load's
students count for now and taking away what they counted for before: both are whole numbers.
So following costs what the load costs, not what the year holds.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import polars as pl

from scorehouse.reports.figure_shape import ALL_STUDENTS, CROSSING
from scorehouse.reports.query import ReportQuery
from scorehouse.rulebook.counting import dimensions, groups
from scorehouse.warehouse import cube_files as files
from scorehouse.warehouse.engine import Engine, quoted
from scorehouse.warehouse.marts import (
    Population,
    counted_sql,
    define_counted,
    enrolled_sql,
    group_column,
    mart,
    register_days,
)
from scorehouse.warehouse.report_about import reference_days
from scorehouse.warehouse.report_rows import (
    SCHOOL_KEYS,
    Wanted,
    additive_keys,
    expanded,
    frame,
    summed,
)
from scorehouse.warehouse.snapshot import Snapshot
from scorehouse.warehouse.store import Warehouse
from scorehouse.warehouse.views import DataFile, define

OVERALL, ENROLLED = "overall", "enrolled"
_KEYS = (*SCHOOL_KEYS, "subject", "test_grade")
_BY_YEAR = ("result", "scoring", "enrollment")
_PEOPLE = ("student", "program_participation", "el_status", "ssid_replacement")
_OTHER = ("assessment", "census_day", "testing_window")
_COUNTED = {OVERALL: "n_in", ENROLLED: "n_enrolled"}
_MOST_PARTS = 8
_TOUCHED = "cube_touched"


def is_cubed(query: ReportQuery) -> bool:
    """Whether the cube holds everything that a query asks for."""
    usual = ReportQuery("aggregate")
    names = ("assessment_types", "assessments", "filters", "counted_at", "demographics")
    same = all(getattr(query, name) == getattr(usual, name) for name in (*names, "scores"))
    return same and not query.as_of and all(map(_is_held, query.wanted_groups))


def _is_held(code: str) -> bool:
    return CROSSING not in code and groups()[code].is_in_cube


class Cube:
    """The cube as of an open snapshot; each year is brought up to date when it is first read."""

    def __init__(self, house: Warehouse, snapshot: Snapshot) -> None:
        self._house = house
        self._snapshot = snapshot
        self._held: dict[str, files.Manifest] = {}

    def rows(self, wanted: Wanted, kind: str = OVERALL) -> pl.DataFrame:
        """The rows of a query, by school and group."""
        years = _years(self._snapshot, kind)
        asked = [year for year in wanted.query.school_years or years if year in years]
        try:
            found = self._read(asked, wanted, kind)
        except FileNotFoundError:  # replaced or purged meanwhile
            self._held.clear()
            found = self._read(asked, wanted, kind)
        if found is None:
            with _session(self._house, self._snapshot, self._snapshot.last_import) as engine:
                return _empty(engine, self._snapshot, kind)
        return found

    def _read(self, years: Sequence[str], wanted: Wanted, kind: str) -> pl.DataFrame | None:
        """Read all years at one go; None: no year holds anything."""
        for year in years:
            if year not in self._held:
                self._held[year] = up_to_date(self._house, self._snapshot, year)
        scans = [
            files.scan_parts(files.folder_of(self._house.root, year), parts).with_columns(
                school_year=pl.lit(year)
            )
            for year in years
            if (parts := self._held[year].parts[kind])
        ]
        return _summed_years(pl.concat(scans), wanted, kind).collect() if scans else None

    @property
    def can_be_kept(self) -> bool:
        """Whether this account may write into the warehouse; else reports read results."""
        return os.access(self._house.root, os.W_OK)


def _summed_years(rows: pl.LazyFrame, wanted: Wanted, kind: str) -> pl.LazyFrame:
    query = wanted.query
    for column, values in (
        ("school_id", wanted.schools),
        ("subject", query.subjects),
        ("test_grade", query.grades),
    ):
        rows = rows.filter(pl.col(column).is_in(list(values))) if values else rows
    keys = [*_KEYS, "school_year", "student_group"]
    named = rows.join(_members(query.wanted_groups).lazy(), on="student_group")
    picked = named.drop("student_group").rename({"asked": "student_group"})
    added = picked.group_by(keys).agg(pl.all().sum())
    return added.filter(pl.col(_COUNTED[kind]) != 0).with_columns(
        assessment_type=pl.lit("summative"), assessment_id=pl.lit("")
    )


def _years(snapshot: Snapshot, kind: str) -> list[str]:
    table = "result" if kind == OVERALL else "enrollment"
    return sorted({file.slice for file in snapshot.files if file.table == table and file.slice})


@cache
def _members(codes: tuple[str, ...]) -> pl.DataFrame:
    """The groups that the cube holds of each group asked for: itself, or a union's parts."""
    rows = [
        (member, code)
        for code in codes
        for member in ([m for ms in expanded(code).values() for m in ms] or [ALL_STUDENTS])
    ]
    return pl.DataFrame(rows, schema=["student_group", "asked"], orient="row")


def _empty(engine: Engine, snapshot: Snapshot, kind: str) -> pl.DataFrame:
    _prepare(engine, snapshot, "")
    made = _computed(engine, "", kind, "")
    return made.clear().with_columns(
        pl.lit("").alias(name) for name in ("school_year", "assessment_type", "assessment_id")
    )


@contextmanager
def _session(house: Warehouse, snapshot: Snapshot, last_import: int) -> Iterator[Engine]:
    """An engine that sees a snapshot as of an import, apart from what else is defined."""
    engine = house.engine()
    try:
        define(engine, snapshot.files, last_import)
        yield engine
    finally:
        engine.close()


# --- keeping it ---


@dataclass(frozen=True)
class _State:
    """What a year's cube would be made of now."""

    rules: str
    last_import: int
    files: tuple[str, ...]


def up_to_date(house: Warehouse, snapshot: Snapshot, year: str) -> files.Manifest:
    """The cube of a year as of a snapshot: as kept, followed, or made."""
    folder = files.folder_of(house.root, year)
    held = files.read_manifest(folder)
    now = _state(snapshot, year)
    if held is not None and held.rules == now.rules and set(held.files) == set(now.files):
        return held
    is_grown = held is not None and held.rules == now.rules and set(held.files) <= set(now.files)
    if held is not None and is_grown and held.last_import < now.last_import:
        parts = _followed(house, snapshot, year, held, folder)
    else:
        parts = _made(house, snapshot, year, folder)
    made = files.Manifest(now.rules, now.last_import, now.files, parts)
    files.write_manifest(folder, made)
    return made


def _made(
    house: Warehouse, snapshot: Snapshot, year: str, folder: Path
) -> dict[str, tuple[str, ...]]:
    made: dict[str, tuple[str, ...]] = {OVERALL: (), ENROLLED: ()}
    with _session(house, snapshot, snapshot.last_import) as engine:
        _prepare(engine, snapshot, year)
        for kind in made:
            if year in _years(snapshot, kind):
                rows = _computed(engine, year, kind, "")
                made[kind] = (files.write_part(folder, kind, rows),)
    return made


def _state(snapshot: Snapshot, year: str) -> _State:
    own = [file for file in snapshot.files if _concerns(file, year)]
    texts = [*counted_sql(_population(year)).values(), _text(year, OVERALL, ""),
             _text(year, ENROLLED, "")]  # fmt: skip
    rules = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    names = sorted(Path(file.path).name for file in own)
    return _State(rules, snapshot.last_import, tuple(names))


def _concerns(file: DataFile, year: str) -> bool:
    if file.table in _BY_YEAR:
        return file.slice == year
    if file.table == "supersession":
        return file.slice in (*_BY_YEAR, *_PEOPLE)
    return file.table in (*_PEOPLE, *_OTHER)


def _population(year: str, only: str = "") -> Population:
    scope = f"school_year = {quoted(year)} AND assessment_type = 'summative'"
    return Population(only=only, scope=scope)


def _prepare(engine: Engine, snapshot: Snapshot, year: str, only: str = "") -> None:
    has_scoring = any(file.table == "scoring" for file in snapshot.files)
    define_counted(engine, replace(_population(year, only), has_scoring=has_scoring))
    register_days(engine, reference_days(snapshot))


def _computed(engine: Engine, year: str, kind: str, only: str) -> pl.DataFrame:
    """Count a year, or what some students count for."""
    columns = [group_column(dimension) for dimension in _dimensions()]
    rows = frame(engine, _text(year, kind, only), is_ordered=False)
    group = pl.coalesce([*columns, pl.lit(ALL_STUDENTS)]).alias("student_group")
    return rows.with_columns(group, pl.col(SCHOOL_KEYS).fill_null("")).drop(columns)


def _dimensions() -> list[str]:
    return [name for name, parts in dimensions().items() if parts[0].is_in_cube]


def _text(year: str, kind: str, only: str) -> str:
    columns = [group_column(dimension) for dimension in _dimensions()]
    keys = [*_KEYS, *columns]
    sets = [_KEYS, *((*_KEYS, column) for column in columns)]
    where = f"assessment_type = 'summative' AND school_year = {quoted(year)}"
    if kind == ENROLLED:
        return enrolled_sql(keys, where, sets, only)
    return mart("overall", keys, where, sets)


# --- following a load ---


def _followed(
    house: Warehouse, snapshot: Snapshot, year: str, held: files.Manifest, folder: Path
) -> dict[str, tuple[str, ...]]:
    """Add what the students of later imports count for, and take away what they did before."""
    with (
        _session(house, snapshot, snapshot.last_import) as now,
        _session(house, snapshot, held.last_import) as before,
    ):
        touched = now.sql(_touched_sql(year, held.last_import))
        if not touched.num_rows:
            return dict(held.parts)
        for engine in (now, before):
            engine.register(_TOUCHED, touched)
            _prepare(engine, snapshot, year, _TOUCHED)
            engine.register("reported", engine.sql("SELECT * FROM reported"))
        kinds = [kind for kind in (OVERALL, ENROLLED) if year in _years(snapshot, kind)]
        changes = {kind: _change(now, before, year, kind) for kind in kinds}
    followed = {kind: _with_part(folder, kind, held.parts[kind], c) for kind, c in changes.items()}
    return {**held.parts, **followed}


def _change(now: Engine, before: Engine, year: str, kind: str) -> pl.DataFrame:
    new, old = (_computed(engine, year, kind, _TOUCHED) for engine in (now, before))
    keys = additive_keys(new)
    values = [name for name in new.columns if name not in keys]
    total = summed(pl.concat([new, old.with_columns(-pl.col(values))]), by=keys)
    return total.filter(pl.any_horizontal(pl.col(values) != 0))


def _with_part(
    folder: Path, kind: str, parts: Sequence[str], change: pl.DataFrame
) -> tuple[str, ...]:
    """Parts with one more; when they are many, all of them in one."""
    if change.is_empty():
        return tuple(parts)
    if len(parts) < _MOST_PARTS:
        return (*parts, files.write_part(folder, kind, change))
    whole = pl.concat([files.read_parts(folder, parts), change])
    added = summed(whole, by=additive_keys(whole))
    values = [name for name in added.columns if name not in additive_keys(added)]
    kept = added.filter(pl.any_horizontal(pl.col(values) != 0))
    return (files.write_part(folder, kind, kept),)


def _touched_sql(year: str, last_import: int) -> str:
    """Everybody of whom later imports tell, or whose rows they replaced.

    Whose identifier was replaced counts under the old one before, and under the new one now.
    """

    def news(table: str) -> str:
        return (
            f"(import_id > {last_import} OR row_id IN (SELECT old_row FROM supersession__rows "
            f"WHERE import_id > {last_import} AND table_name = '{table}'))"
        )

    own = f"school_year = {quoted(year)}"
    parts = [
        f"SELECT coalesce(student_id, opportunity_id) AS who FROM result__rows "
        f"WHERE {own} AND {news('result')}",
        "SELECT coalesce(student_id, opportunity_id) AS who FROM result__rows "
        f"WHERE {own} AND opportunity_id IN (SELECT opportunity_id FROM scoring__rows "
        f"WHERE {own} AND {news('scoring')})",
        f"SELECT student_id AS who FROM enrollment__rows WHERE {own} AND {news('enrollment')}",
        *(f"SELECT student_id AS who FROM {name}__rows WHERE {news(name)}" for name in _PEOPLE),
        f"SELECT old_id AS who FROM ssid_replacement__rows WHERE {news('ssid_replacement')}",
    ]
    told = " UNION ALL ".join(parts)
    return (
        f"SELECT DISTINCT who FROM (SELECT who FROM ({told}) AS w UNION ALL "
        f"SELECT r.student_id AS who FROM ({told}) AS w "
        "JOIN ssid_replacement__rows AS r ON r.old_id = w.who) AS x WHERE who IS NOT NULL"
    )


def refresh(house: Warehouse, years: Sequence[str] = ()) -> Mapping[str, int]:
    """Bring the cube of some years, or of all, up to date; return parts by year."""
    with house.snapshot() as snapshot:
        wanted = years or _years(snapshot, OVERALL)
        return {year: len(up_to_date(house, snapshot, year).parts[OVERALL]) for year in wanted}
