"""Invented students for the tests of the Academic Indicator, by chance and by hand."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from scorehouse.accountability.academic.members import Setting, members, tallies
from scorehouse.accountability.academic.shapes import RESULTS, ROSTER
from scorehouse.accountability.academic.students import (
    CURRENT_SWD,
    GROUPS,
    Place,
    Range,
    Record,
    Spell,
    days_of,
    recent_after,
)
from scorehouse.accountability.academic.sums import LEFT_OUT
from scorehouse.rulebook.dashboard_students import StudentRules
from scorehouse.terms import SchoolYear
from scorehouse.warehouse.academic import SumsRun
from scorehouse.warehouse.engine import Engine, Local

YEAR = "2018-19"
DISTRICT, OTHER_DISTRICT = "99900010000000", "99900020000000"
RANGES = {
    "03": Range(2432, 2114, 2623), "04": Range(2473, 2131, 2663), "11": Range(2583, 2299, 2795),
}  # fmt: skip
WINDOW = date(2019, 3, 4), date(2019, 5, 31)
SUMMED = tuple(code for code in GROUPS if code != CURRENT_SWD)
COUNTS = (
    "scores", "distance_sum", "caa_scores", "caa_distance_sum", "color_scores", "enrolled",
    "tested",
)  # fmt: skip


def places(rules: StudentRules) -> dict[str, Place]:
    """Five schools of two districts: one charter, one nonpublic, one of special education."""
    year = SchoolYear.parse(YEAR)

    def place(number: int, district: str, **about: bool) -> Place:
        starts_on = WINDOW[0] + timedelta(days=7 * (district == OTHER_DISTRICT))
        recent = recent_after(year, rules, starts_on, WINDOW[1])
        school = f"{district[:7]}900000{number}"
        return Place(school, district, starts_on, WINDOW[1], recent, **about)

    found = [
        place(1, DISTRICT),
        place(2, DISTRICT),
        place(3, DISTRICT, is_charter=True),
        place(4, OTHER_DISTRICT, is_nonpublic=True),
        place(5, OTHER_DISTRICT, is_special=True),
    ]
    return {one.school_id: one for one in found}


def setting(rules: StudentRules, subject: str) -> Setting:
    days = days_of(SchoolYear.parse(YEAR), rules)
    ranges = {grade: one for grade, one in RANGES.items() if grade in rules.grades}
    return Setting(subject, rules, days, places(rules), ranges)


# --- by chance ---


def by_chance(seed: int, count: int, rules: StudentRules) -> tuple[list[Spell], list[Record]]:
    """Students of every kind, those on the edges of the rules among them."""
    draw = random.Random(seed)
    schools = list(places(rules))
    spells: list[Spell] = []
    records: list[Record] = []
    for number in range(count):
        student = f"9{number:09d}"
        spells += _spells(draw, student, schools)
        records += [
            _record(draw, student, schools) for _ in range(draw.choice((0, 1, 1, 1, 1, 2, 3)))
        ]
    return spells, records


def _spells(draw: random.Random, student: str, schools: Sequence[str]) -> list[Spell]:
    number = draw.choice((0, 1, 1, 1, 1, 1, 2, 2, 3))
    about = _about(draw)
    return [_spell(draw, student, schools, about) for _ in range(number)]


def _about(draw: random.Random) -> dict[str, object]:
    flag = (None, True, False, False)
    return {
        "race_ethnicity": draw.choice(("", "HI", "HI", "WH", "AS", "AA", "FI", "PI", "AI", "MR")),
        "el_status": draw.choice(("", "EO", "EO", "EL", "EL", "RFEP", "RFEP", "IFEP")),
        "reclassified_on": draw.choice((None, _near(draw, date(2015, 6, 15)))),
        "first_entry_on": draw.choice((None, _near(draw, date(2018, 4, 15)), date(2015, 1, 1))),
        "student_with_disabilities": draw.choice(flag),
        "disability_ended_on": draw.choice((None, None, _near(draw, date(2017, 6, 15)))),
        "long_term_english_learner": draw.choice(flag),
        "economically_disadvantaged": draw.choice(flag),
        "foster_youth": draw.choice(flag),
        "homeless": draw.choice(flag),
    }


def _near(draw: random.Random, day: date, reach: int = 2) -> date:
    return day + timedelta(days=draw.randint(-reach, reach))


def _spell(
    draw: random.Random, student: str, schools: Sequence[str], about: dict[str, object]
) -> Spell:
    entered = draw.choice(
        (date(2018, 8, 15), _near(draw, date(2018, 10, 3)), _near(draw, date(2018, 12, 10), 40),
         _near(draw, date(2019, 4, 20), 40), None)
    )  # fmt: skip
    begin = entered or date(2018, 8, 15)
    exited = draw.choice(
        (None, date(2019, 6, 10), begin + timedelta(days=draw.randint(0, 300)),
         begin + timedelta(days=draw.randint(0, 60)))
    )  # fmt: skip
    changed = {**about, **({"el_status": "EL"} if draw.random() < 0.1 else {})}
    return Spell(
        student, draw.choice(schools), entered, exited,
        draw.choice((None, "02", "03", "03", "04", "11")),
        draw.choice(("", "", OTHER_DISTRICT, DISTRICT)), draw.choice(("", "", "", OTHER_DISTRICT)),
        **changed,
    )  # fmt: skip


def _record(draw: random.Random, student: str, schools: Sequence[str]) -> Record:
    is_alternate = draw.random() < 0.2
    return Record(
        student,
        "CAA" if is_alternate else "SBA",
        draw.choice(("03", "03", "04", "11", "07", "")),
        draw.choice((None, 2300, 2500, 2114, 2113, 2623, 2624, draw.randint(2200, 2600))),
        draw.choice((None, -62_500, 11_200)) if is_alternate else None,
        draw.choice(("", "", "", "Y", "Y", "Y", "T", "N", "E", "R")),
        draw.choice(("", "", "", "", "NTE", "PGE", "NEL", "LOSS", "NT", "ZZZ")),
        draw.choice((None, date(2019, 4, 20), _near(draw, date(2019, 4, 20), 30))),
        draw.choice(("", *schools, "99900099000009")),
    )


# --- both forms ---


def engine(folder: Path) -> Local:
    return Local(folder, memory_megabytes=500, threads=1)


def register(
    where: Engine, spells: Iterable[Spell], records: Iterable[Record], about: Setting
) -> None:
    register_all(where, [(YEAR, spells)], [(YEAR, about.subject, records)])


def register_all(
    where: Engine,
    rosters: Iterable[tuple[str, Iterable[Spell]]],
    results: Iterable[tuple[str, str, Iterable[Record]]],
) -> None:
    """Name the students of several years and subjects."""
    enrolled = [{**asdict(one), "school_year": year} for year, spells in rosters for one in spells]
    tested = [
        {**asdict(one), "school_year": year, "subject": subject}
        for year, subject, records in results
        for one in records
    ]
    where.register("academic_roster", pa.Table.from_pylist(enrolled, ROSTER))
    where.register("academic_results", pa.Table.from_pylist(tested, RESULTS))


def run(where: Engine, about: Setting) -> SumsRun:
    ids = {*about.places, *(place.lea_id for place in about.places.values())}
    return SumsRun(where, about.rules, {*ids, DISTRICT, OTHER_DISTRICT}, SUMMED)


def sums_by_sql(where: Engine, about: Setting) -> dict[tuple[str, str, str], dict[str, int]]:
    return as_sums(run(where, about).sums(about, YEAR))


def as_sums(table: pa.Table) -> dict[tuple[str, str, str], dict[str, int]]:
    columns = (*COUNTS, *(f"left_out_{reason}" for reason in LEFT_OUT))
    assert {table.schema.field(name).type for name in columns} == {pa.int64()}
    return {
        (row["entity_id"], row["entity_type"], row["student_group"]): {
            name: row[name] for name in columns
        }
        for row in table.to_pylist()
    }


def sums_by_hand(
    spells: Iterable[Spell], records: Iterable[Record], about: Setting
) -> dict[tuple[str, str, str], dict[str, int]]:
    found = tallies(members(spells, records, about))
    return {
        key: {
            **{name: getattr(tally, name) for name in COUNTS},
            **{f"left_out_{reason}": n for reason, n in tally.left_out.items()},
        }
        for key, tally in found.items()
    }
