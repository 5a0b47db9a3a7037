"""The people as tables: students, and where they were enrolled in which year."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scorehouse.simulate.config import SimulationConfig, world
from scorehouse.simulate.entities import Hierarchy
from scorehouse.simulate.people import StudentBlock
from scorehouse.simulate.seeds import Stream, generator
from scorehouse.terms import SchoolYear

_TEXT, _FLAG = pa.string(), pa.bool_()

STUDENTS = pa.schema(
    [
        ("student_id", _TEXT),
        ("last_or_surname", _TEXT),
        ("first_name", _TEXT),
        ("birth_date", _TEXT),
        ("sex", _TEXT),
        ("race_ethnicity", _TEXT),
        ("language_code", _TEXT),
        ("economically_disadvantaged", _FLAG),
        ("student_with_disabilities", _FLAG),
        ("section_504", _FLAG),
        ("foster_youth", _FLAG),
        ("homeless", _FLAG),
        ("migrant", _FLAG),
        ("military_connected", _FLAG),
    ]
)
"""One row an invented student; what changes with the years stands in the enrollments."""

ENROLLMENTS = pa.schema(
    [
        ("student_id", _TEXT),
        ("entity_id", _TEXT),  # the school
        ("school_year", _TEXT),
        ("grade_enrolled", _TEXT),
        ("enrolled_on", _TEXT),
        ("exited_on", _TEXT),
        ("el_status", _TEXT),  # EO, IFEP, EL or RFEP, in that year
    ]
)
"""One row a student, year and school; two when the student changed school within a year."""

EL_STATUSES = ("EO", "IFEP", "EL", "RFEP")


def students(block: StudentBlock) -> pa.Table:
    """Return the students of a block (`STUDENTS`)."""
    rng = generator(block.seed, Stream.PEOPLE, block.cohort_ordinal, block.number)
    names = world()["names"]
    columns = {
        "student_id": block.student_ids,
        "last_or_surname": _names(rng, len(block), names["last_endings"]),
        "first_name": _names(rng, len(block), names["first_endings"]),
        "birth_date": _birth_dates(rng, block),
        "sex": _chosen(block.female.astype(np.int64), ("Male", "Female")),
        "race_ethnicity": _chosen(
            block.race_ethnicity, world()["students"]["race_ethnicity"]["codes"]
        ),
        "language_code": _languages(block),
    }
    flags = {name: pa.array(getattr(block, name)) for name in STUDENTS.names[len(columns) :]}
    return pa.table({**columns, **flags}, schema=STUDENTS)


def enrollments(
    config: SimulationConfig, hierarchy: Hierarchy, block: StudentBlock, year: SchoolYear
) -> pa.Table:
    """Return a block's enrollments of one year (`ENROLLMENTS`); none in an untested grade."""
    grade = f"{year.ends - block.cohort:02d}"
    if grade not in config.grades:
        return ENROLLMENTS.empty_table()
    rng = generator(block.seed, Stream.PEOPLE, block.cohort_ordinal, block.number, year.ends)
    stage = hierarchy.stage_of(grade)
    codes = [school.entity_id for school in stage.entities]
    own = stage.school_at(block.places(grade))
    changes = rng.random(len(block)) < world()["students"]["groups"]["moves_in_year"]
    before = np.where(changes, rng.integers(0, len(codes), len(block)), own)
    changes &= before != own
    opens, closes = _year_dates(year)
    left_on = opens + rng.integers(30, 150, len(block)).astype("timedelta64[D]")
    every = np.arange(len(block))
    second = np.flatnonzero(changes)
    row = np.concatenate([every, second])
    is_second = np.concatenate([np.zeros(len(every), bool), np.ones(len(second), bool)])
    order = np.lexsort((is_second, row))
    row, is_second = row[order], is_second[order]
    has_left = changes[row] & ~is_second
    columns = {
        "student_id": block.student_ids.take(pa.array(row)),
        "entity_id": _chosen(np.where(has_left, before[row], own[row]), codes),
        "school_year": pa.array([str(year)] * len(row)),
        "grade_enrolled": pa.array([grade] * len(row)),
        "enrolled_on": _dates(np.where(is_second, left_on[row] + np.timedelta64(1, "D"), opens)),
        "exited_on": _dates(np.where(has_left, left_on[row], closes)),
        "el_status": _chosen(el_statuses(block, grade)[row], EL_STATUSES),
    }
    return pa.table(columns, schema=ENROLLMENTS)


def el_statuses(block: StudentBlock, grade: str) -> NDArray[np.int64]:
    """Return each student's status in a grade, as an index into `EL_STATUSES`."""
    learner = block.english_learner(grade)
    never = np.where(block.initially_fluent, 1, 0)
    return np.where(learner, 2, np.where(block.ever_english_learner, 3, never))


def _languages(block: StudentBlock) -> pa.Array:
    codes = world()["students"]["race_ethnicity"]["language"]
    other = block.ever_english_learner | block.initially_fluent
    return _chosen(np.where(other, block.race_ethnicity, len(codes)), [*codes, "eng"])


def _names(rng: np.random.Generator, count: int, endings: Sequence[str]) -> pa.Array:
    """Join invented syllables: an opening, perhaps a middle, an ending."""
    made = _made_names(tuple(endings))
    return made.take(pa.array(rng.integers(0, len(made), count)))


@cache
def _made_names(endings: tuple[str, ...]) -> pa.Array:
    settings = world()["names"]
    openings, middles = settings["openings"], [*settings["middles"], *[""] * 6]
    made = [first + middle + last for first in openings for middle in middles for last in endings]
    return pa.array(made)


def _birth_dates(rng: np.random.Generator, block: StudentBlock) -> pa.Array:
    """Draw dates of birth of students who are six when the cohort ends its first year."""
    earliest = np.datetime64(f"{block.cohort - 6}-09-01", "D")
    return _dates(earliest + rng.integers(0, 365, len(block)).astype("timedelta64[D]"))


def _year_dates(year: SchoolYear) -> tuple[np.datetime64, np.datetime64]:
    general = world()["general"]
    opens = np.datetime64(f"{year.ends - 1}-{general['school_begins']}", "D")
    return opens, np.datetime64(f"{year.ends}-{general['school_ends']}", "D")


def _dates(days: NDArray[np.datetime64]) -> pa.Array:
    return pa.array(np.datetime_as_string(days, unit="D"))


def _chosen(indexes: NDArray[np.int64], values: Sequence[str]) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(indexes))
