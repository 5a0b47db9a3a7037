"""Interim tests in the reports of groups: the same statistics, each test by itself."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from report_help import (
    CLAIMS,
    NORTH,
    SCHOOLS,
    SOUTH,
    STATE,
    YEARS,
    Row,
    World,
    add,
    assert_same,
    house,
    world,
)
from scorehouse.disclosure import RowKey
from scorehouse.reports import reference
from scorehouse.reports.query import ReportQuery
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.report import figures_of, make
from scorehouse.warehouse.report_about import standard_cuts

YEAR, GRADE = YEARS[2], "05"
LEVELS = {"ICA": 4, "IAB": 3}
TESTS = {
    f"{kind}-{name}": (kind, subject)
    for kind, name, subject in (
        ("ICA", "ELA", "ELA"), ("ICA", "Math", "Math"), ("IAB", "Read", "ELA"),
        ("IAB", "Edit", "ELA"), ("IAB", "Frac", "Math"),
    )
}  # fmt: skip
CODES = ("ALL", "F", "EL", "EVER_EL&F", "SED")
MEMBERS = {STATE: SCHOOLS, NORTH: SCHOOLS[:2], SOUTH: SCHOOLS[2:], SCHOOLS[0]: SCHOOLS[:1]}


def interims(made: World, seed: int) -> None:
    """Give students interim sittings, some of them the same test several times."""
    chance = random.Random(seed)
    people = {r["student_id"]: r for r in made.results if r["school_year"] == YEAR}
    for person in people.values():
        for name, (kind, subject) in TESTS.items():
            for _ in range(chance.choice((0, 1, 1, 2, 3))):
                _sit(made, chance, {**person, "assessment_id": name, "assessment_type": kind,
                                    "subject": subject, "test_grade": GRADE})  # fmt: skip


def _sit(made: World, chance: random.Random, told: Row) -> None:
    levels = LEVELS[told["assessment_type"]]
    level = chance.choice((*range(1, levels + 1), 2, None))
    number = len(made.results)
    at = datetime(int(YEAR[:4]), 11, 1) + timedelta(days=chance.randrange(90))
    made.results.append({
        **told, "row_id": number, "opportunity_id": f"i-{chance.randrange(10**9):09d}-{number}",
        "scale_score": None if level is None else 2300 + 90 * level + chance.randrange(60) / 2,
        "se_scale": chance.choice((21.0, 44.5, None)), "achievement_level": level,
        "special_condition": None, "validity": "valid",
        "administration_condition": chance.choice(("SD", "SD", "NS", "IN")),
        "completed_at": at, "status_at": at,
    })  # fmt: skip
    if told["assessment_type"] == "ICA":
        made.scores[number] = [
            {"measure": f"claim:{code}", "scale_score": 2400.0 + chance.randrange(200),
             "se_scale": 41.5, "level": chance.choice((1, 2, 3, None))}
            for code in CLAIMS[told["subject"]]
        ]  # fmt: skip


@pytest.fixture(scope="module")
def made() -> World:
    found = world(5)
    interims(found, 11)
    return found


@pytest.fixture(scope="module")
def held(made: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    found = house(tmp_path_factory.mktemp("interim") / "w", made)
    tests = [
        {"assessment_id": name, "subject": subject, "test_grade": GRADE, "assessment_type": kind,
         "school_year": YEAR}
        for name, (kind, subject) in TESTS.items()
    ]  # fmt: skip
    add(found, {"assessment": tests})
    yield found
    found.close()


def asked(report: str, *types: str, **also: Any) -> ReportQuery:
    return ReportQuery(report, entities=tuple(MEMBERS), assessment_types=types or ("ICA", "IAB"),
                       student_groups=CODES, **also)  # fmt: skip


def about(made: World, row: Row) -> list[Row]:
    """The results that a row of figures is about."""
    return [
        dict(result)
        for result in reference.that_hold(made.results)
        if result["assessment_id"] == row["assessment_id"]
        and result["school_id"] in MEMBERS[row["entity_id"]]
        and reference.is_in_group(result, row["student_group"])
    ]


def keys(rows: Sequence[Row]) -> set[tuple[str, ...]]:
    return {tuple(row[name] for name in RowKey._fields) for row in rows}


def test_every_statistic_equals_the_reference(held: Warehouse, made: World) -> None:
    cuts = standard_cuts("california", YEARS)
    rows = figures_of(held, asked("aggregate", percentiles=True)).figures.to_pylist()
    assert len(keys(rows)) == len(rows)
    for row in rows:
        levels = LEVELS[row["assessment_type"]]
        cut = cuts[YEAR, row["subject"], GRADE]
        assert_same(row, reference.overall(about(made, row), levels, cut))
        assert len(row["level_counts"]) == levels
        assert (row["percent_met"] is None) == (levels == LEVELS["IAB"] or not row["n_scored"])
    seen = {(r["entity_id"], r["assessment_id"], r["student_group"]) for r in rows}
    assert seen == {
        (entity, name, code)
        for entity in MEMBERS for name in TESTS for code in CODES
        if about(made, {"assessment_id": name, "entity_id": entity, "student_group": code})
    }  # fmt: skip


def test_a_student_counts_once_for_each_interim_test(held: Warehouse, made: World) -> None:
    sat = [r for r in made.results if r["assessment_id"] == "IAB-Read"]
    rows = figures_of(held, asked("aggregate", "IAB")).figures.to_pylist()
    (row,) = (
        r for r in rows
        if (r["entity_id"], r["assessment_id"], r["student_group"]) == (STATE, "IAB-Read", "ALL")
    )  # fmt: skip
    students = {r["student_id"] for r in sat}
    assert len(students) < len(sat)
    assert sum(m["students"] for m in row["missing"]) + row["n_scored"] == len(students)
    assert {r["assessment_type"] for r in rows} == {"IAB"}
    assert {r["test_grade"] for r in rows} == {GRADE}  # tests aren't pooled


def test_claims_of_interim_comprehensive_tests(held: Warehouse, made: World) -> None:
    rows = figures_of(held, asked("claims")).figures.to_pylist()
    assert {row["assessment_id"] for row in rows} == {"ICA-ELA", "ICA-Math"}
    for row in rows:
        expected = reference.parts(about(made, row), made.scores, 3)[row["measure"]]
        assert expected["percent_met"] is None
        assert_same(row, expected)


def test_summative_and_interim_in_one_report(held: Warehouse) -> None:
    both = figures_of(held, asked("aggregate", "summative", "IAB")).figures.to_pylist()
    apart = figures_of(held, asked("aggregate", "IAB")).figures.to_pylist()
    assert [row for row in both if row["assessment_type"] == "IAB"] == apart
    assert {row["assessment_id"] for row in both if row["assessment_type"] == "summative"} == {""}


def test_small_groups_of_interim_tests_are_hidden(held: Warehouse) -> None:
    rows = make(held, asked("aggregate"), "public").figures.to_pylist()
    staff = {
        tuple(row[name] for name in RowKey._fields): row
        for row in make(held, asked("aggregate")).figures.to_pylist()
    }
    shown = [row for row in rows if row["n_scored"] is not None]
    hidden = [row for row in rows if row["hidden"]]
    assert {row["assessment_type"] for row in shown} == {"ICA", "IAB"}
    assert min(row["n_scored"] for row in shown) >= 11
    small = [row for row in rows if staff[tuple(row[n] for n in RowKey._fields)]["n_scored"] < 11]
    assert len(small) > 10
    assert all(row["n_scored"] is None for row in small)
    assert len(hidden) >= len(small)
