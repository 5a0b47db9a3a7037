"""Invented students, the figures of every row they make, and the sums between the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from random import Random

import pyarrow as pa

from scorehouse.disclosure import Relation, RowKey, ScoreRange
from scorehouse.reports.figure_shape import figure_table
from scorehouse.reports.relations import Structure, relations

YEAR = "2022-23"
CUTS = {"03": (2367, 2432, 2490), "04": (2416, 2473, 2533), "05": (2442, 2502, 2582)}
RANGES = {
    ("ELA", grade): ScoreRange(low, high, CUTS[grade][1])
    for grade, (low, high) in {"03": (2114, 2623), "04": (2131, 2663), "05": (2201, 2701)}.items()
}
SEXES, LANGUAGES, MEANS = ("F", "M", "X"), ("EL", "NEL"), ("SED", "NSED")
ETHNICITIES = ("AA", "AI", "AS", "HI", "WH", "MR")
PARTITIONS = (SEXES, ETHNICITIES, LANGUAGES, MEANS)
STATE = "90000000000000"


@dataclass(frozen=True)
class Student:
    """An invented student: where, in which groups, and the result (None: not scored)."""

    school: str
    grade: str
    groups: tuple[str, ...]
    score: int | None
    is_tested: bool = True


@dataclass(frozen=True)
class World:
    """Entities and how finely they are reported."""

    districts: dict[str, tuple[str, ...]]
    grades: tuple[str, ...]
    partitions: tuple[tuple[str, ...], ...]
    crossings: tuple[tuple[str, str], ...] = ()
    has_pooled: bool = True
    has_state: bool = True
    parents: dict[str, str] = field(default_factory=dict)

    def structure(self) -> Structure:
        """What adds up to what."""
        entities: dict[str, Sequence[str]] = dict(self.districts)
        if self.has_state:
            entities[STATE] = tuple(self.districts)
        grades = {("ELA", "summative"): self.grades} if self.has_pooled else {}
        return Structure(entities, grades, self.partitions)


def make_world(
    random: Random, districts: int, schools: int, *, grades: int = 3, most_partitions: int = 4
) -> World:
    """A small state."""
    named = {}
    for d in range(districts):
        district = f"91{d:05d}0000000"
        count = random.randint(1, schools)
        named[district] = tuple(f"91{d:05d}{s + 1:07d}" for s in range(count))
    chosen = [p for p in PARTITIONS if random.random() < 0.6][:most_partitions] or [SEXES]
    crossed = []
    if len(chosen) > 1 and random.random() < 0.6:
        crossed = list(product(chosen[0], chosen[1]))
    if random.random() < 0.5:
        crossed = [pair for pair in crossed if random.random() < 0.4]
    return World(
        districts=named,
        grades=tuple(list(CUTS)[:grades]),
        partitions=tuple(chosen),
        crossings=tuple(crossed),
        has_pooled=random.random() < 0.7,
        has_state=random.random() < 0.6,
    )


def make_students(random: Random, world: World, *, size: int = 25) -> list[Student]:
    """Students of every school and grade; small groups are common, as they are in life."""
    made = []
    for school in (s for schools in world.districts.values() for s in schools):
        scale = random.choice((0.2, 0.6, 1.0, 3.0))
        shift = random.gauss(0, 50)
        for grade in world.grades:
            count = max(0, round(random.gauss(size * scale, size * scale / 3)))
            made += [make_student(random, school, grade, shift) for _ in range(count)]
    return made


def make_student(random: Random, school: str, grade: str, shift: float = 0.0) -> Student:
    groups = (
        random.choices(SEXES, (49, 50, 1))[0],
        random.choices(ETHNICITIES, (6, 1, 10, 50, 25, 8))[0],
        random.choices(LANGUAGES, (20, 80))[0],
        random.choices(MEANS, (55, 45))[0],
    )
    is_tested = random.random() < 0.97
    is_scored = is_tested and random.random() < 0.98
    low, high, met = RANGES["ELA", grade]
    score = min(high, max(low, round(random.gauss(met + shift, 85))))
    return Student(school, grade, groups, score if is_scored else None, is_tested)


def groups_of(student: Student, world: World) -> Iterator[str]:
    """Every reported group that a student is in."""
    yield "ALL"
    reported = {code for partition in world.partitions for code in partition}
    yield from (code for code in student.groups if code in reported)
    for first, second in world.crossings:
        if first in student.groups and second in student.groups:
            yield "&".join(sorted((first, second)))


def all_keys(world: World) -> list[RowKey]:
    """Every row that the reports have, also those about nobody."""
    codes = ["ALL", *(c for p in world.partitions for c in p)]
    codes += ["&".join(sorted(pair)) for pair in world.crossings]
    entities = [STATE] if world.has_state else []
    for district, schools in world.districts.items():
        entities += [district, *schools]
    grades = [*world.grades, *([""] if world.has_pooled else [])]
    return [key_for(*at) for at in product(entities, grades, codes)]


def some_grades(random: Random, students: Sequence[Student]) -> list[Student]:
    """Students of schools that have some of the grades, and of some that have none."""
    kept: dict[str, frozenset[str]] = {}
    found = []
    for student in students:
        if student.school not in kept:
            kept[student.school] = frozenset(g for g in CUTS if random.random() < 0.6)
        if student.grade in kept[student.school]:
            found.append(student)
    return found or [*students]


def keys_with_students(world: World, students: Iterable[Student]) -> list[RowKey]:
    """The rows that a report has which leaves out those about nobody."""
    found = collect(world, students)
    return [key for key in all_keys(world) if key in found]


def key_for(entity: str, grade: str, group: str, measure: str = "overall") -> RowKey:
    return RowKey(entity, YEAR, "ELA", grade, "summative", "", measure, group)


def collect(world: World, students: Iterable[Student]) -> dict[RowKey, list[Student]]:
    """The students of every row."""
    up = {school: district for district, all_ in world.districts.items() for school in all_}
    found: dict[RowKey, list[Student]] = defaultdict(list)
    for student in students:
        entities = [student.school, up[student.school], *([STATE] if world.has_state else [])]
        grades = [student.grade, *([""] if world.has_pooled else [])]
        for at in product(entities, grades, groups_of(student, world)):
            found[key_for(*at)].append(student)
    return found


def level_of(student: Student) -> int:
    return sum(student.score >= cut for cut in CUTS[student.grade]) if student.score else 0


def figures_row(key: RowKey, students: Sequence[Student]) -> dict[str, object]:
    """One row of figures, computed the plain way."""
    scored = [student for student in students if student.score is not None]
    tested = sum(student.is_tested for student in students)
    levels = [0, 0, 0, 0]
    for student in scored:
        levels[level_of(student)] += 1
    n = len(scored)
    total = sum(student.score or 0 for student in scored)
    distance = sum((s.score or 0) - CUTS[s.grade][1] for s in scored)
    return {
        **key._asdict(),
        "report": "overall",
        "n_enrolled": len(students),
        "n_tested": tested,
        "n_scored": n,
        "level_counts": levels,
        "sum_score": total,
        "sum_distance": distance,
        "mean_scale_score": total / n if n else None,
        "standard_deviation": 50.0 if n else None,
        "percent_levels": [round(100 * c / n) for c in levels] if n else None,
        "percent_levels_unrounded": [100 * c / n for c in levels] if n else None,
        "percent_met": 100 * (levels[2] + levels[3]) / n if n else None,
        "distance_from_standard": distance / n if n else None,
        "participation": 100 * tested / len(students) if students else None,
    }


def make_figures(
    world: World, students: Iterable[Student], keys: Iterable[RowKey] | None = None
) -> pa.Table:
    """The table of figures of some rows, all of them unless said."""
    found = collect(world, students)
    wanted = all_keys(world) if keys is None else keys
    return figure_table([figures_row(key, found.get(key, ())) for key in wanted])


def make_relations(world: World, keys: Iterable[RowKey] | None = None) -> tuple[Relation, ...]:
    """The sums between the rows."""
    return relations(all_keys(world) if keys is None else keys, world.structure())
