"""The tables that `scorehouse simulate` writes: students, enrollments, entities."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl

from scorehouse.warehouse.kinds import people_text as text
from scorehouse.warehouse.kinds.people_checks import with_good_ids
from scorehouse.warehouse.kinds.people_load import PeopleLoad
from scorehouse.warehouse.kinds.people_text import ROW, filled
from scorehouse.warehouse.loading import Ending, Guess, Head, Kind, Loading

STUDENTS = (
    "student_id", "last_or_surname", "first_name", "birth_date", "sex", "race_ethnicity",
    "language_code", "economically_disadvantaged", "student_with_disabilities", "section_504",
    "foster_youth", "homeless", "migrant", "military_connected",
)  # fmt: skip
ENROLLMENTS = (
    "student_id", "entity_id", "school_year", "grade_enrolled", "enrolled_on", "exited_on",
    "el_status",
)  # fmt: skip
ENTITIES = ("entity_id", "reporting_level", "parent_id", "name", "lowest_grade", "highest_grade")
_PROGRAMS = STUDENTS[7:13]
_LEVELS = {"state": "state", "county": "county", "district": "district", "school": "school"}


def recognise(head: Head, columns: tuple[str, ...]) -> Guess | None:
    """Tell a table by its columns, in their order."""
    return Guess(1.0, "it has the columns of the simulation") if head.columns == columns else None


def bring_students(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring students, and the programs they take part in."""
    load = PeopleLoad(loading, path.name, import_id)
    for rows in text.pieces(path, loading.log):
        good = with_good_ids(loading.log, path.name, rows, {"student_id": "student"})
        load.bring({"student": _students(load, good), "program_participation": _programs(good)})
    return load.finish()


def _students(load: PeopleLoad, rows: pl.DataFrame) -> pl.DataFrame:
    is_military = text.flag(pl.col("military_connected"))
    return rows.select(
        ROW,
        "student_id",
        *(filled(pl.col(name)).alias(name) for name in STUDENTS[1:3]),
        text.day(filled(pl.col("birth_date"))).alias("birth_date"),
        text.known(pl.col("sex"), "sex").alias("sex"),
        *text.races(text.known(pl.col("race_ethnicity"), "race_ethnicity")),
        filled(pl.col("language_code")).alias("language_code"),
        pl.when(~is_military).then(pl.lit("NotMilitaryConnected")).alias("military_connected"),
        pl.lit(load.effective, pl.Datetime("us")).alias("info_at"),
        pl.lit("roster").alias("info_from"),
    )


def _programs(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(
        rows.select(
            ROW,
            "student_id",
            pl.lit(program).alias("program"),
            text.flag(pl.col(program)).alias("takes_part"),
        )
        for program in _PROGRAMS
    ).drop_nulls("takes_part")


def bring_enrollments(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring enrollments, and the language status they tell."""
    load = PeopleLoad(loading, path.name, import_id)
    for rows in text.pieces(path, loading.log):
        ids = {"student_id": "student", "entity_id": "school"}
        good = with_good_ids(loading.log, path.name, rows, ids)
        load.bring({"enrollment": _enrollments(good)})
        load.bring({"el_status": _language(good)}, snapshot=True)
    return load.finish()


def _enrollments(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        ROW,
        "student_id",
        pl.col("entity_id").alias("school_id"),
        text.day(filled(pl.col("enrolled_on"))).alias("entered_on"),
        text.day(filled(pl.col("exited_on"))).alias("exited_on"),
        filled(pl.col("school_year")).alias("school_year"),
        text.grade(pl.col("grade_enrolled")).alias("grade_enrolled"),
    )


def _language(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        ROW,
        "student_id",
        text.day(filled(pl.col("enrolled_on"))).alias("began_on"),
        text.known(pl.col("el_status"), "el_status").alias("el_status"),
    ).drop_nulls("el_status")


def bring_entities(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring entities; a row holds from the day the load states, or always did."""
    load = PeopleLoad(loading, path.name, import_id)
    for rows in text.pieces(path, loading.log):
        good = with_good_ids(loading.log, path.name, rows, {"entity_id": "school"})
        load.bring({"entity": _entities(load, good)})
    return load.finish()


def _entities(load: PeopleLoad, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        ROW,
        "entity_id",
        pl.lit(load.effective, pl.Date).alias("valid_from"),
        pl.col("reporting_level").replace_strict(_LEVELS, default=None).alias("entity_type"),
        filled(pl.col("name")).alias("entity_name"),
        filled(pl.col("parent_id")).alias("parent_id"),
    )


KINDS = (
    Kind(
        "simulated_entities", "entities of a simulation", 10,
        partial(recognise, columns=ENTITIES), bring_entities,
    ),
    Kind(
        "simulated_students", "students of a simulation", 30,
        partial(recognise, columns=STUDENTS), bring_students,
    ),
    Kind(
        "simulated_enrollments", "enrollments of a simulation", 31,
        partial(recognise, columns=ENROLLMENTS), bring_enrollments,
    ),
)  # fmt: skip
