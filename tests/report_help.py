"""Generated students, and a small warehouse that holds them, for the tests of reports."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from scorehouse.warehouse import TABLES, Warehouse

STATE, NORTH, SOUTH = "99900000000000", "99900010000000", "99900020000000"
SCHOOLS = ("99900010000001", "99900010000002", "99900020000001", "99900020000009")
NONPUBLIC = SCHOOLS[3]
YEARS = ("2016-17", "2017-18", "2018-19")
GRADES = ("03", "04", "05")
CLAIMS = {"ELA": ("SOCK_R", "2-W"), "Math": ("1", "SOCK_2")}
TARGETS = {"ELA": ("1-IT|10-3", "4-CR|2"), "Math": ("1|P|TS02|B-11", "2|NA")}
FLAGS = (
    "hispanic_or_latino", "american_indian_or_alaska_native", "asian",
    "black_or_african_american", "white", "native_hawaiian_or_other_pacific_islander",
    "filipino", "two_or_more_races", "student_with_disabilities", "section_504",
    "limited_english", "economically_disadvantaged", "migrant",
)  # fmt: skip
Row = dict[str, Any]


@dataclass
class World:
    """Results and scores that a warehouse holds; `scores` by the row of their result."""

    results: list[Row] = field(default_factory=list)
    scores: dict[int, list[Row]] = field(default_factory=dict)
    enrollments: list[Row] = field(default_factory=list)


def world(seed: int, students: int = 70) -> World:
    """Students over three years, with everything that can be odd about a result."""
    chance = random.Random(seed)
    made = World()
    for number in range(students):
        student = f"9{number:09d}"
        about: Row = {name: chance.choice((True, False, False, False, None)) for name in FLAGS}
        about["sex"] = chance.choice(("Male", "Female", "Female", "Nonbinary", None))
        about["el_status"] = chance.choice(("EO", "EO", "EL", "RFEP", "IFEP", "TBD", None))
        about["military_connected"] = chance.choice(("ActiveDuty", "NotMilitaryConnected", None))
        school = chance.choice(SCHOOLS)
        grade = chance.randrange(len(GRADES))
        for place, year in enumerate(YEARS):
            school = chance.choice(SCHOOLS) if chance.random() < 0.1 else school
            level = min(grade + place, len(GRADES) - 1)
            if chance.random() < 0.1:
                level = chance.randrange(len(GRADES))
            made.enrollments.append(_enrollment(student, school, year, GRADES[level]))
            for subject in ("ELA", "Math"):
                for _ in range(chance.choice((0, 1, 1, 1, 1, 1, 2))):
                    _sit(made, chance, {"student_id": student, "school_id": school,
                         "school_year": year, "subject": subject,
                         "test_grade": GRADES[level], **about})  # fmt: skip
    return made


def _enrollment(student: str, school: str, year: str, grade: str) -> Row:
    return {
        "student_id": student,
        "school_id": school,
        "school_year": year,
        "grade_enrolled": grade,
        "entered_on": datetime(int(year[:4]), 8, 15).date(),
    }


def _sit(made: World, chance: random.Random, told: Row) -> None:
    number = len(made.results)
    level = chance.choice((1, 1, 2, 3, 4, None))
    score = None if level is None else 2200 + 120 * level + chance.randrange(-60, 60)
    day = datetime(int(told["school_year"][:4]) + 1, 4, 1)
    at = day + timedelta(days=chance.randrange(40))
    result: Row = {
        "opportunity_id": f"o-{chance.randrange(10**9):09d}-{number}",
        "assessment_id": f"SUM-{told['subject']}-{told['test_grade']}-{told['school_year']}",
        "assessment_type": "summative",
        "scale_score": None if score is None else score + chance.choice((0.0, 0.0, 0.5)),
        "se_scale": chance.choice((20.25, 31.0, 40.5, None if chance.random() < 0.2 else 25.0)),
        "achievement_level": level,
        "special_condition": chance.choice((None,) * 12 + ("NTE", "NEL", "LOSS", "INC0", "C")),
        "administration_condition": chance.choice(("Valid",) * 9 + ("IN",)),
        "validity": chance.choice(("valid",) * 9 + ("invalid",)),
        "completed_at": chance.choice((at, at, day, None)),
        "status_at": at,
        **told,
    }
    made.results.append(result)
    result["row_id"] = number  # until the warehouse gives it its own
    made.scores[number] = [*_parts(chance, told), *_targets(chance, told)]


def _parts(chance: random.Random, told: Row) -> list[Row]:
    return [
        {
            "measure": f"claim:{code}",
            "scale_score": float(2300 + chance.randrange(400)),
            "se_scale": 41.5,
            "level": chance.choice((1, 2, 3, None)),
        }
        for code in CLAIMS[told["subject"]]
    ]


def _targets(chance: random.Random, told: Row) -> list[Row]:
    return [
        {
            "measure": f"target:{target}",
            "target_residual_to_student": chance.randrange(-100_000, 100_000) / 1_000_000,
            "target_residual_to_standard": chance.choice((None, chance.randrange(-9, 99) / 1_000)),
        }
        for target in TARGETS[told["subject"]]
    ] + [{"measure": "trait:ORG", "raw_score": float(chance.randrange(5)), "raw_score_max": 4.0}]


def entities() -> list[Row]:
    """A state of two districts and four schools, one of them nonpublic."""
    rows: list[Row] = [
        {"entity_id": STATE, "entity_type": "state", "entity_name": "Invented State"},
        *(
            {"entity_id": code, "entity_type": "district", "parent_id": STATE,
             "entity_name": f"{name} Unified"}
            for code, name in ((NORTH, "North"), (SOUTH, "South"))
        ),
        *(
            {"entity_id": code, "entity_type": "school", "parent_id": code[:7] + "0000000",
             "entity_name": f"School {code[-8:]}", "is_nonpublic": code == NONPUBLIC}
            for code in SCHOOLS
        ),
    ]  # fmt: skip
    return rows


def tests() -> list[Row]:
    """The summative tests."""
    return [
        {"assessment_id": f"SUM-{subject}-{grade}-{year}", "subject": subject,
         "test_grade": grade, "assessment_type": "summative", "school_year": year}
        for subject in ("ELA", "Math") for grade in GRADES for year in YEARS
    ]  # fmt: skip


def house(folder: Path, made: World) -> Warehouse:
    """A warehouse that holds a world; the world's rows get the numbers they have there."""
    found = Warehouse.create(folder)
    add(found, {"entity": entities(), "assessment": tests()})
    add_world(found, made)
    return found


def add_world(found: Warehouse, made: World) -> None:
    """Bring results and scores into a warehouse, as one import."""
    with found.transaction("results") as transaction:
        number = transaction.begin_import("results", "", "results")
        first = transaction.reserve(number, len(made.results))
        scores: dict[int, list[Row]] = {}
        for place, result in enumerate(made.results):
            own = made.scores.get(result["row_id"], [])
            result["row_id"] = first + place
            scores[first + place] = own
        made.scores = scores
        transaction.add("result", table("result", made.results, ["row_id"]), number)
        owned = [{"owner_row": row, **score} for row, own in scores.items() for score in own]
        transaction.add("score", table("score", owned), number)
        transaction.add("enrollment", table("enrollment", made.enrollments), number)
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("results")


def add(found: Warehouse, rows: Mapping[str, Sequence[Row]]) -> None:
    """Bring rows of tables into a warehouse, as one import."""
    with found.transaction("rows") as transaction:
        number = transaction.begin_import("rows", "", "rows")
        for name, own in rows.items():
            transaction.add(name, table(name, own), number)
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("rows")


def assert_same(found: Row, expected: Row) -> None:
    """Assert that a row of figures has the values of the reference."""
    for name, value in expected.items():
        if isinstance(value, float):
            assert found[name] is not None, name
            assert math.isclose(found[name], value, rel_tol=1e-12, abs_tol=1e-9), name
        elif isinstance(value, list) and value and isinstance(value[0], float):
            assert found[name] == pytest.approx(value, rel=1e-12), name
        else:
            assert found[name] == value, name


def table(name: str, rows: Sequence[Row], also: Sequence[str] = ()) -> pa.Table:
    """Rows with every column of a table of the warehouse."""
    schema = pa.schema(
        [(column, pa.int64()) for column in also]
        + [pa.field(one.name, one.arrow) for one in TABLES[name].fields]
    )
    return pa.Table.from_pylist([{**dict.fromkeys(schema.names), **row} for row in rows], schema)
