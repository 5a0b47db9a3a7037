"""Nothing that was released lets anybody narrow a hidden count down to less than three.

The attacker of `disclosure_attack` knows every table released, every sum, the rules and the
reasons. It shares no code with what it attacks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Any

import pyarrow as pa
import pytest

import scorehouse.disclosure.exit as exit_door
import scorehouse.disclosure.overlap as overlap
from disclosure_attack import Published, attack
from disclosure_help import (
    LANGUAGES,
    PARTITIONS,
    RANGES,
    SEXES,
    Student,
    World,
    all_keys,
    key_for,
    keys_with_students,
    make_figures,
    make_relations,
    make_student,
    make_students,
    make_world,
    some_grades,
)
from scorehouse.disclosure import (
    Asked,
    Earlier,
    Ledger,
    Query,
    Released,
    RowKey,
    release,
    released_again,
)
from scorehouse.disclosure.columns import KEPT
from scorehouse.rulebook.small_groups import profile_named

PUBLIC = profile_named("public")
DISTRICT, SCHOOL, OTHER = "91000010000000", "91000010000001", "91000010000002"


def let_out(
    world: World,
    students: Iterable[Student],
    earlier: Iterable[Earlier] = (),
    *,
    moment: int = 1,
    keys: Iterable[RowKey] | None = None,
    ranges: Any = RANGES,
    grades: Iterable[str] = (),
    asked: Asked | None = None,
) -> Released:
    wanted = None if keys is None else list(keys)
    filters = {"test_grade": frozenset(grades)} if grades else {}
    return release(
        make_figures(world, students, wanted),
        make_relations(world, wanted),
        profile=PUBLIC,
        audience="everybody",
        query=Query("q", filters=filters, asked=asked or Asked()),
        snapshot=moment,
        ledger=Ledger(tuple(earlier)),
        score_ranges=ranges,
    )


def asked_of(keys: Iterable[RowKey]) -> Asked:
    """What was asked for, if these rows are there wherever there are students."""
    names = ("entity_id", "student_group", "test_grade")
    return Asked(*(frozenset(getattr(key, name) for key in keys) for name in names))


def published(done: Released) -> Published:
    return Published(done.figures, done.relations, done.snapshot)


def small_world(random: Random) -> tuple[World, list[Student]]:
    world = make_world(random, 1, 3, grades=1, most_partitions=2)
    return world, make_students(random, world, size=random.choice((40, 80, 150)))


def attacked(seed: int) -> list[Any]:
    """One table: release it and attack it."""
    world, students = small_world(Random(seed))
    done = let_out(world, students)
    assert done.exposed == ()
    return attack([published(done)], RANGES)


def attacked_with_gaps(seed: int) -> list[Any]:
    """One table without rows about nobody: schools have some of the grades, or no students."""
    random = Random(seed)
    world = make_world(random, 1, 6, most_partitions=2)
    students = some_grades(random, make_students(random, world, size=random.choice((15, 40, 80))))
    keys = keys_with_students(world, students)
    done = let_out(world, students, keys=keys, asked=asked_of(all_keys(world)))
    assert done.exposed == ()
    about_nobody = frozenset(all_keys(world)) - set(keys)
    return attack([published(done)], RANGES, about_nobody=about_nobody)


def attacked_in_parts(seed: int) -> tuple[list[Any], set[RowKey]]:
    """Some schools one day and others the next, or some groups: together they're one table."""
    random = Random(seed)
    world, students = small_world(random)
    keys = all_keys(world)
    name = random.choice(("entity_id", "student_group"))
    asked = sorted({getattr(key, name) for key in keys})
    random.shuffle(asked)
    before = set(asked[: random.randrange(1, len(asked))])
    parts = [
        [key for key in keys if (getattr(key, name) in before) == is_first]
        for is_first in (True, False)
    ]
    first = let_out(world, students, keys=parts[0])
    second = let_out(world, students, [first.entry()], keys=parts[1])
    found = attack([published(first), published(second)], RANGES, others_are_large=False)
    return found, {*first.exposed, *second.exposed}


def attacked_later(seed: int) -> tuple[list[Any], set[RowKey]]:
    """The same report again after a few results came in, or many."""
    random = Random(seed)
    world, students = small_world(random)
    schools = [school for all_ in world.districts.values() for school in all_]
    count = random.choice((1, 1, 2, 5, 40))
    more = [
        *students,
        *(
            make_student(random, random.choice(schools), random.choice(world.grades))
            for _ in range(count)
        ),
    ]
    first = let_out(world, students)
    second = let_out(world, more, [first.entry()], moment=2)
    found = attack([published(first), published(second)], RANGES, others_are_large=False)
    return found, {*first.exposed, *second.exposed}


def attacked_by_grades(seed: int) -> tuple[list[Any], list[Any], set[RowKey]]:
    """All grades, then some of them: what single grades' rows show both times, and the attack."""
    random = Random(seed)
    world = replace(make_world(random, 1, 3, most_partitions=1), has_pooled=True)
    students = make_students(random, world, size=random.choice((15, 40, 80)))
    few = replace(world, grades=world.grades[:2])
    fewer = [student for student in students if student.grade in few.grades]
    first = let_out(world, students)
    second = let_out(few, fewer, [first.entry()], grades=few.grades)
    both = [shown_of_grades(each, few.grades) for each in (first, second)]
    tables = [published(first), replace(published(second), universe="few")]
    found = attack(tables, RANGES, others_are_large=False)
    return both, found, {*first.exposed, *second.exposed}


def shown_of_grades(done: Released, grades: Iterable[str]) -> dict[RowKey, tuple[object, ...]]:
    names = ("n_scored", "level_counts", "percent_met", "distance_from_standard")
    return {
        RowKey(*(row[n] for n in RowKey._fields)): tuple(row[n] for n in names)
        for row in done.figures.to_pylist()
        if row["test_grade"] in grades
    }


def untold(found: tuple[list[Any], set[RowKey]]) -> list[Any]:
    """Counts narrowed down in rows that no release named as past help."""
    pinned, exposed = found
    return [each for each in pinned if each[0][1]._replace(measure="") not in exposed]


@pytest.mark.parametrize("seed", range(1, 7))
def test_nothing_hidden_is_pinned(seed: int) -> None:
    assert attacked(seed) == []


@pytest.mark.parametrize("seed", [20, 22, 23, 25])
def test_rows_about_nobody_that_arent_there_tell_nothing(seed: int) -> None:
    assert attacked_with_gaps(seed) == []


@pytest.mark.parametrize("seed", [1001, 3004, 3005])
def test_reports_of_several_days_pin_nothing(seed: int) -> None:
    """Each of these but the first told counts, and named their rows, before reasons were dated."""
    pinned, exposed = attacked_in_parts(seed)
    assert (pinned, exposed) == ([], set())


@pytest.mark.parametrize("seed", [2000, 2001, 2003, 3000])
def test_a_report_before_and_after_pins_nothing(seed: int) -> None:
    pinned, _ = attacked_later(seed)
    assert pinned == []


@pytest.mark.parametrize("seed", range(4000, 4003))
def test_some_of_the_grades_asked_for_later_are_shown_as_they_were(seed: int) -> None:
    (before, after), pinned, exposed = attacked_by_grades(seed)
    assert any(row[0] is not None for row in before.values())
    shown = [key for key, row in before.items() if row[0] is not None]
    assert [key for key in shown if after[key][0] is None] == []
    assert untold((pinned, exposed)) == []


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(10_000, 11_000))
def test_a_thousand_releases_pin_nothing(seed: int) -> None:
    assert attacked(seed) == []


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(20_000, 20_300))
def test_hundreds_of_releases_with_gaps_pin_nothing(seed: int) -> None:
    assert attacked_with_gaps(seed) == []


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(5_000, 5_200))
def test_hundreds_of_reports_in_parts_pin_nothing(seed: int) -> None:
    pinned, _ = attacked_in_parts(seed)
    assert pinned == []


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(6_000, 6_100))
def test_a_hundred_reports_before_and_after_pin_nothing(seed: int) -> None:
    pinned, _ = attacked_later(seed)
    assert pinned == []


@pytest.mark.torture
def test_a_release_of_ten_thousand_counts_pins_nothing() -> None:
    schools = tuple(f"9100001{number:07d}" for number in range(24))
    world = World({DISTRICT: schools}, ("03", "04", "05"), PARTITIONS, has_state=False)
    done = let_out(world, make_students(Random(7), world, size=60))
    assert len(done.figures) * 7 == 9_800
    assert done.exposed == ()
    assert attack([published(done)], RANGES, patience=1200) == []


WORLD = World({DISTRICT: (SCHOOL, OTHER)}, ("03",), (SEXES, LANGUAGES), has_state=False)


def pupils(school: str, sex: str, count: int) -> list[Student]:
    groups = [(sex, "WH", "EL" if i % 2 else "NEL", "SED") for i in range(count)]
    scores = [2300 + 400 * i // count for i in range(count)]
    return [Student(school, "03", own, score) for own, score in zip(groups, scores, strict=True)]


STUDENTS = [
    *pupils(SCHOOL, "F", 7),
    *pupils(SCHOOL, "M", 60),
    *pupils(OTHER, "F", 40),
    *pupils(OTHER, "M", 50),
]


def test_without_complements_the_attack_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert attack([published(let_out(WORLD, STUDENTS))], RANGES) == []
    monkeypatch.setattr(overlap, "secure", lambda *_: ())
    pinned = attack([published(let_out(WORLD, STUDENTS))], RANGES)
    assert {(c[1].entity_id, c[1].student_group) for c, _, _ in pinned} >= {(SCHOOL, "F")}
    assert (("", 1), key_for(SCHOOL, "03", "F"), "n_scored") in {c for c, _, _ in pinned}


def test_without_the_ledger_two_reports_pin_what_one_hides() -> None:
    schools = [key for key in all_keys(WORLD) if key.entity_id != DISTRICT]
    districts = [key for key in all_keys(WORLD) if key.entity_id == DISTRICT]
    first = let_out(WORLD, STUDENTS, keys=schools)
    blind = let_out(WORLD, STUDENTS, keys=districts)
    assert attack([published(first), published(blind)], RANGES) != []
    aware = let_out(WORLD, STUDENTS, [first.entry()], keys=districts)
    assert untold((attack([published(first), published(aware)], RANGES), {*aware.exposed})) == []


def test_one_more_student_isnt_told_by_the_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    more = [*STUDENTS, *pupils(OTHER, "M", 1)]
    first = let_out(WORLD, STUDENTS)
    second = let_out(WORLD, more, [first.entry()], moment=2)
    changed = {
        key_for(*at) for at in ((DISTRICT, "03", "ALL"), (OTHER, "03", "ALL"), (OTHER, "03", "M"))
    }
    rows = {RowKey(*(row[n] for n in RowKey._fields)): row for row in second.figures.to_pylist()}
    assert {rows[key]["n_scored"] for key in changed} == {None}
    monkeypatch.setattr(overlap, "hide_small_differences", lambda *_: None)
    open_door = let_out(WORLD, more, [first.entry()], moment=2)
    told = {RowKey(*(row[n] for n in RowKey._fields)): row for row in open_door.figures.to_pylist()}
    assert any(told[key]["n_scored"] is not None for key in changed)


def test_all_of_one_level_is_printed_as_a_bound() -> None:
    world = World({DISTRICT: (SCHOOL,)}, ("03",), (), has_state=False, has_pooled=False)
    low = [Student(SCHOOL, "03", ("F", "WH", "EL", "SED"), 2200) for _ in range(15)]
    for row in let_out(world, low).figures.to_pylist():
        assert row["n_scored"] == 15
        assert row["level_counts"] == [None] * 4
        assert (row["percent_met"], row["percent_met_coded"]) == (None, "≤20")
        assert {entry["why"] for entry in row["hidden"]} == {"extreme"}


def test_the_same_again_is_the_same() -> None:
    first = let_out(WORLD, STUDENTS)
    assert let_out(WORLD, STUDENTS).figures.equals(first.figures)
    again = let_out(WORLD, STUDENTS, [first.entry()])
    assert again.figures.equals(first.figures)


@pytest.mark.parametrize("seed", [3, 4, 7])
def test_what_the_ledger_keeps_is_enough_to_release_the_same_again(seed: int) -> None:
    world, students = small_world(Random(seed))
    first = let_out(world, students)
    kept = [name for name in KEPT if name in first.figures.column_names]
    entry = replace(first.entry(), figures=first.figures.select(kept))
    figures = make_figures(world, students)
    again = released_again(figures, entry, "others")
    assert again is not None
    assert again.figures.equals(first.figures)
    assert released_again(figures.slice(1), entry, "others") is None


@pytest.mark.parametrize("profile", ["staff", "research-file", "dashboard"])
def test_other_profiles_hide_what_they_say(profile: str) -> None:
    figures = make_figures(WORLD, STUDENTS)
    done = release(
        figures,
        make_relations(WORLD),
        profile=profile_named(profile),
        audience="x",
        query=Query("q"),
        snapshot=1,
    )
    decides = "n_scored" if profile == "dashboard" else "n_tested"
    for given, row in zip(figures.to_pylist(), done.figures.to_pylist(), strict=True):
        is_small = profile != "staff" and given[decides] < 11
        assert row["n_scored"] == (None if is_small else given["n_scored"])
        assert row["level_counts"] == (None if is_small else given["level_counts"])
        is_kept = profile == "research-file" or not is_small
        assert row["n_enrolled"] == (given["n_enrolled"] if is_kept else None)
        if profile == "staff":
            assert row["marked"] == (given["n_scored"] < 11)


def test_sums_never_leave() -> None:
    assert not [n for n in let_out(WORLD, STUDENTS).figures.column_names if n.startswith("sum_")]


def test_a_sum_that_doesnt_hold_is_refused() -> None:
    figures = make_figures(WORLD, STUDENTS).to_pylist()
    figures[0] = {**figures[0], "n_scored": 1000, "level_counts": [250] * 4}
    table = pa.Table.from_pylist(figures, schema=make_figures(WORLD, STUDENTS).schema)
    with pytest.raises(exit_door.UsageError, match="aren't the sum of their parts"):
        release(
            table,
            make_relations(WORLD),
            profile=PUBLIC,
            audience="x",
            query=Query("q"),
            snapshot=1,
        )
