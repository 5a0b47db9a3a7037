"""What the public gets of a warehouse tells nobody a count that it hides.

The attacker has the report alone: which rows add up to which it knows from the metadata, and
that a row which isn't there is about nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from disclosure_attack import Published, attack
from report_help import GRADES, NORTH, SCHOOLS, SOUTH, STATE, YEARS, Row, World, add, house, world
from scorehouse.disclosure import Relation, RowKey
from scorehouse.warehouse import Warehouse, report

ELEMENTARY, UPPER, OTHER = SCHOOLS[:3]
EMPTY = "99900010000077"
GRADES_OF = {ELEMENTARY: GRADES[:2], UPPER: GRADES[2:], OTHER: GRADES}
PARTS = {STATE: (NORTH, SOUTH), NORTH: (ELEMENTARY, UPPER, EMPTY), SOUTH: (OTHER,)}
ENTITIES = (STATE, NORTH, SOUTH, *GRADES_OF)
YEAR = YEARS[2]


def sparse(seed: int, students: int) -> World:
    """A world whose schools have some of the grades."""
    made = world(seed, students)
    homes = tuple(GRADES_OF)
    for row in (*made.results, *made.enrollments):
        row["school_id"] = homes[int(row["student_id"]) % len(homes)]
    made.results = [r for r in made.results if r["test_grade"] in GRADES_OF[r["school_id"]]]
    made.enrollments = [
        row for row in made.enrollments if row["grade_enrolled"] in GRADES_OF[row["school_id"]]
    ]
    return made


@pytest.fixture
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    found = house(tmp_path / "w", sparse(*request.param))
    about = {"entity_type": "school", "entity_name": "New School", "parent_id": NORTH}
    add(found, {"entity": [{"entity_id": EMPTY, **about}]})
    yield found
    found.close()


def key_of(row: Row) -> RowKey:
    return RowKey(*(row[name] for name in RowKey._fields))


def sums(some: RowKey, groups: tuple[str, ...], grades: Sequence[str]) -> Iterator[Relation]:
    """What adds up to what, of all rows that there could be."""
    entities = (*ENTITIES, EMPTY)
    for entity, grade, group in product(entities, ("", *grades), ("ALL", *groups)):
        key = some._replace(entity_id=entity, test_grade=grade, student_group=group)
        if entity in PARTS:
            yield Relation(key, tuple(key._replace(entity_id=part) for part in PARTS[entity]))
        if not grade:
            yield Relation(key, tuple(key._replace(test_grade=part) for part in grades))
        if group == "ALL":
            yield Relation(key, tuple(key._replace(student_group=part) for part in groups))


def seen(
    done: report.ReleasedReport, grades: Sequence[str] = GRADES, *, is_first: bool = True
) -> Published:
    """A report as the attacker has it; the first of a warehouse shows something."""
    rows = done.figures.to_pylist()
    assert any(row["n_scored"] is None for row in rows)
    assert not is_first or any(row["n_scored"] is not None for row in rows)
    some = {(row["measure"], row["school_year"]): key_of(row) for row in rows}
    groups = tuple(sorted({row["student_group"] for row in rows} - {"ALL"}))
    told = tuple(each for key in some.values() for each in sums(key, groups, grades))
    return Published(done.figures, told, universe="" if grades == GRADES else "some grades")


def nobody_in(tables: Sequence[Published]) -> frozenset[RowKey]:
    """The rows that belong into tables and aren't there."""
    possible = {
        key for table in tables for each in table.relations for key in (each.total, *each.parts)
    }
    there = {key_of(row) for table in tables for row in table.figures.to_pylist()}
    return frozenset(possible - there)


def attacked(*tables: Published) -> list[Any]:
    return attack(tables, about_nobody=nobody_in(tables), others_are_large=len(tables) == 1)


def tells_nothing(held: Warehouse, kind: str, by: str) -> None:
    make = {"aggregate": report.aggregate, "claims": report.claims}[kind]
    done = make(
        held, "public", entities=ENTITIES, school_years=(YEAR,), subjects=("ELA",), by=(by,)
    )
    assert done.released.exposed == ()
    assert attacked(seen(done)) == []


@pytest.mark.parametrize(
    ("held", "kind", "by"),
    [
        ((1, 500), "aggregate", "race"),
        ((2, 900), "aggregate", "sex"),
        ((2, 900), "claims", "sex"),
        ((3, 2500), "claims", "race"),
    ],
    indirect=["held"],
)
def test_schools_with_other_grades_and_a_school_without_students_tell_nothing(
    held: Warehouse, kind: str, by: str
) -> None:
    tells_nothing(held, kind, by)


@pytest.mark.parametrize(
    ("held", "is_long"),
    [((4, 1500), False), pytest.param((4, 1500), True, marks=pytest.mark.torture)],
    indirect=["held"],
)
def test_targets_traits_and_several_years_tell_nothing(held: Warehouse, is_long: bool) -> None:
    asked: dict[str, Any] = {"entities": ENTITIES, "subjects": ("ELA",), "by": ("sex",)}
    targets = report.targets(held, "public", school_years=(YEAR,), **asked)
    traits = report.items(held, "public", school_years=(YEAR,), **asked)
    years = report.aggregate(held, "public", school_years=YEARS[1:], **asked)
    assert (targets.released.exposed, traits.released.exposed) == ((), ())
    tables = [seen(targets), seen(traits), seen(years)]
    for row in traits.figures.to_pylist():
        assert row["mean_points"] is None or None not in row["level_counts"]
    assert attacked(tables[0]) == []
    assert attacked(tables[1]) == []
    assert attacked(*tables[1:] if is_long else tables[2:]) == []
    assert not is_long or attacked(*tables) == []


@pytest.mark.parametrize("held", [(5, 2500)], indirect=True)
def test_the_same_students_beside_everybody_tell_nothing(held: Warehouse) -> None:
    """Of a cohort only the groups add up: who moves between schools is followed in none."""
    steps = (f"{YEARS[0]}:{GRADES[0]}", f"{YEARS[1]}:{GRADES[1]}")
    done = report.longitudinal(
        held, "public", entities=ENTITIES, subjects=("ELA",), by=("sex",), steps=steps
    )
    assert done.released.exposed == ()
    rows = done.figures.to_pylist()
    assert any(row["n_scored"] is None for row in rows)
    assert any(row["n_scored"] is not None for row in rows)
    groups = sorted({row["student_group"] for row in rows} - {"ALL"})
    told = tuple(
        Relation(key, tuple(key._replace(student_group=group) for group in groups))
        for key in map(key_of, rows)
        if key.student_group == "ALL"
    )
    assert attacked(Published(done.figures, told)) == []


@pytest.mark.parametrize(
    "held", [(1, 1200), pytest.param((3, 2500), marks=pytest.mark.torture)], indirect=True
)
def test_a_narrower_question_after_a_wider_one_tells_nothing_unnamed(held: Warehouse) -> None:
    asked: dict[str, Any] = {"school_years": (YEAR,), "subjects": ("ELA",), "by": ("race",)}
    some = GRADES[:2]
    wide = report.aggregate(held, "public", entities=ENTITIES, **asked)
    narrow = report.aggregate(held, "public", entities=ENTITIES, grades=some, **asked)
    apart = report.aggregate(
        held, "public", entities=SCHOOLS[:1], grades=some, pooled=False, **asked
    )
    assert {row["test_grade"] for row in apart.figures.to_pylist()} == {*some}
    assert wide.released.exposed == ()
    named = {*narrow.released.exposed}
    pinned = {
        cell[1]._replace(measure="") for cell, _, _ in attacked(seen(wide), seen(narrow, some))
    }
    assert pinned <= named


@pytest.mark.torture
@pytest.mark.parametrize("held", [(seed, 1200) for seed in range(20, 30)], indirect=True)
def test_all_reports_of_a_year_tell_nothing_together(held: Warehouse) -> None:
    asked: dict[str, Any] = {"school_years": (YEAR,), "subjects": ("ELA",), "entities": ENTITIES}
    ways = (("sex",), ("economic",), ("race",))
    done = [report.aggregate(held, "public", by=by, **asked) for by in ways]
    done.append(report.claims(held, "public", by=("sex",), **asked))
    tables = [seen(each, is_first=each is done[0]) for each in done]
    assert (
        attack(tables, about_nobody=nobody_in(tables), others_are_large=False, patience=600) == []
    )


@pytest.mark.torture
@pytest.mark.parametrize("held", list(product(range(3, 8), (300, 900, 1500))), indirect=True)
@pytest.mark.parametrize("kind", ["aggregate", "claims"])
@pytest.mark.parametrize("by", ["race", "sex", "economic"])
def test_many_such_reports_tell_nothing(held: Warehouse, kind: str, by: str) -> None:
    tells_nothing(held, kind, by)
