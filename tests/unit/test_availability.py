"""Results that aren't released yet: who sees them, what a report says, what never leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from report_help import NORTH, SCHOOLS, SOUTH, STATE, YEARS, Row, World, add, house, world
from scorehouse.reports import reference
from scorehouse.reports.query import ReportQuery
from scorehouse.reports.refusal import QueryRefusedError
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.availability import Gate
from scorehouse.warehouse.entity_tree import read_tree
from scorehouse.warehouse.report import ReleasedReport, figures_of, make, released
from warehouse_help import loaded

EARLIER, LATEST = YEARS[1], YEARS[2]
STATED = [
    ("", YEARS[0], "", "released"),
    ("", EARLIER, "", "released"),
    (NORTH, EARLIER, "Math", "reviewing"),
    (SOUTH, LATEST, "", "loading"),
    (SOUTH, LATEST, "ELA", "released"),
    (NORTH, LATEST, "ELA", "reviewing"),
    (SCHOOLS[1], LATEST, "ELA", "released"),
]
HELD_BACK = {
    *((school, EARLIER, "Math") for school in SCHOOLS[:2]),
    *((school, LATEST, "Math") for school in SCHOOLS),
    (SCHOOLS[0], LATEST, "ELA"),
}
"""What of the results isn't released, by school, year and subject."""


def stated(rows: list[tuple[str, str, str, str]]) -> Mapping[str, list[Row]]:
    names = ("lea_id", "school_year", "subject", "availability")
    return {"availability": [dict(zip(names, row, strict=True)) for row in rows]}


@pytest.fixture(scope="module")
def made() -> World:
    return world(5)


@pytest.fixture(scope="module")
def held(made: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    found = house(tmp_path_factory.mktemp("held") / "w", made)
    add(found, stated(STATED))
    yield found
    found.close()


ASKED = ReportQuery("aggregate", entities=(STATE, NORTH, SOUTH, *SCHOOLS[:3]))


def scored(report: Any) -> dict[tuple[str, str, str], int]:
    return {
        (row["entity_id"], row["school_year"], row["subject"]): row["n_scored"]
        for row in report.figures.to_pylist()
        if not row["test_grade"] and row["n_scored"]
    }


def expected(made: World, held_back: set[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = {}
    for result in reference.that_hold(made.results):
        school, year, subject = result["school_id"], result["school_year"], result["subject"]
        if reference.include(result) != "Y" or (school, year, subject) in held_back:
            continue
        above = STATE, school, NORTH if school in SCHOOLS[:2] else SOUTH
        for entity in above:
            if entity in ASKED.entities:
                key = (entity, year, subject)
                found[key] = found.get(key, 0) + 1
    return found


@pytest.mark.parametrize("filters", [{}, {"administration_condition": ("Valid", "IN")}],
                         ids=["from the cube", "from the results"])  # fmt: skip
def test_others_see_what_is_released(
    held: Warehouse, made: World, filters: Mapping[str, tuple[str, ...]]
) -> None:
    query = replace(ASKED, filters=filters)
    told = figures_of(held, query, "research-file")
    assert scored(told) == expected(made, HELD_BACK)
    assert scored(figures_of(held, query)) == expected(made, set())
    staff = figures_of(held, replace(query, availability="reviewing"))
    seen = {*((s, EARLIER, "Math") for s in SCHOOLS[:2]), (SCHOOLS[0], LATEST, "ELA")}
    assert scored(staff) == expected(made, HELD_BACK - seen)


def test_enrollments_go_with_the_results(held: Warehouse) -> None:
    rows = figures_of(held, ASKED, "research-file").figures.to_pylist()
    enrolled = {(r["entity_id"], r["school_year"], r["subject"]) for r in rows if r["n_enrolled"]}
    assert (SCHOOLS[1], LATEST, "ELA") in enrolled
    assert not {(s, y, subject) for s, y, subject in HELD_BACK if s in SCHOOLS[:3]} & enrolled


def test_a_cohort_ends_where_its_results_do(held: Warehouse, made: World) -> None:
    steps = ((EARLIER, "04"), (LATEST, "05"))
    query = ReportQuery("longitudinal", entities=(STATE,), subjects=("ELA",),
                        steps=tuple(map(":".join, steps)))  # fmt: skip
    kept = [
        r for r in reference.that_hold(made.results)
        if r["subject"] == "ELA" and (r["school_id"], r["school_year"], "ELA") not in HELD_BACK
    ]  # fmt: skip
    followed, left = reference.cohort(kept, steps, frozenset(SCHOOLS))
    rows = figures_of(held, query, "public").figures.to_pylist()
    assert [row["n_scored"] for row in rows] == [len(followed)] * 2
    without = {one["reason"]: one["students"] for one in rows[0]["missing"]}
    assert without == {why: n for (step, why), n in left.items() if step == 1}
    everybody = figures_of(held, query).figures.to_pylist()
    assert everybody[0]["n_scored"] > rows[0]["n_scored"]


@pytest.mark.parametrize("report", ["claims", "targets", "items"])
def test_other_reports_leave_the_same_out(held: Warehouse, report: str) -> None:
    query = ReportQuery(report, entities=ASKED.entities)
    seen = scored_places(figures_of(held, query, "public"))
    assert seen == scored_places(figures_of(held, query)) - HELD_BACK - {
        (NORTH, EARLIER, "Math"), (NORTH, LATEST, "Math"), (SOUTH, LATEST, "Math"),
        (STATE, LATEST, "Math"),
    }  # fmt: skip


def scored_places(report: Any) -> set[tuple[str, str, str]]:
    return {
        (row["entity_id"], row["school_year"], row["subject"]) for row in report.figures.to_pylist()
    }


def test_a_report_says_what_is_on_its_way(held: Warehouse) -> None:
    public = make(held, ASKED, "research-file")
    assert public.notes == (
        f"Left out, not yet released: {EARLIER} Math (1 district), {LATEST} ELA (1 district), "
        f"{LATEST} Math (2 districts).",
    )
    staff = make(held, ASKED)
    assert len(staff.notes) == 1
    assert staff.notes[0].startswith(f"Results that aren't released yet are among these: {EARLIER}")
    assert make(held, replace(ASKED, school_years=(YEARS[0],))).notes == ()


def test_a_release_says_which_results_it_is_of(held: Warehouse) -> None:
    """So that what is hidden is reckoned with the students who were counted."""
    told = make(held, ASKED, "research-file").released.query.filters
    assert told == {"availability": frozenset({"released"})}
    assert make(held, ASKED).released.query.filters == {}


def test_nothing_unreleased_goes_out(held: Warehouse) -> None:
    with pytest.raises(QueryRefusedError, match="can't go out under the profile public"):
        make(held, replace(ASKED, availability="loading"), "public")
    for_staff = figures_of(held, ASKED)
    with pytest.raises(QueryRefusedError, match="can't go out under the profile public"):
        released(for_staff, "public")


def test_a_warehouse_without_availability_withholds_nothing(made: World, tmp_path: Path) -> None:
    fresh = house(tmp_path / "w", world(5))
    query = replace(ASKED, school_years=(LATEST,))
    told: ReleasedReport = make(fresh, query, "research-file")
    assert told.notes == ()
    assert told.released.query.filters == {}
    path = tmp_path / "availability.csv"
    path.write_text(
        "lea_id,school_year,subject,availability\n"
        f",{LATEST},,Released\n{NORTH},{LATEST},,soon\n{SOUTH},{LATEST},,loading\n"
    )
    done = loaded(fresh, path)
    assert done.log.counts() == {"column_value": 1}
    fewer = scored(figures_of(fresh, query, "public"))
    assert fewer == {
        key: n for key, n in expected(made, {(s, LATEST, x) for s in SCHOOLS[2:] for x in
                                             ("ELA", "Math")}).items() if key[1] == LATEST
    }  # fmt: skip
    fresh.close()


def test_the_nearest_row_decides(held: Warehouse) -> None:
    with held.snapshot() as snapshot:
        tree = read_tree(snapshot)
    rows = {(year, lea, subject): status for lea, year, subject, status in STATED}
    gate = Gate({**rows, (LATEST, STATE, "Math"): "odd"}, tree, "released")
    assert gate.status(SCHOOLS[1], LATEST, "ELA") == "released"
    assert gate.status(SCHOOLS[0], LATEST, "ELA") == "reviewing"
    assert gate.status(SCHOOLS[2], LATEST, "ELA") == "released"
    assert gate.status(SCHOOLS[2], LATEST, "Math") == "loading"
    assert gate.status(SCHOOLS[0], LATEST, "Math") == "loading"  # a status nobody knows
    assert gate.status("", EARLIER, "ELA") == "released"  # no school: the state's row
    assert gate.status("99999990000009", "2030-31", "ELA") == "loading"  # no row at all
    # a school that the warehouse doesn't know, of a district that it does
    assert gate.status(f"{NORTH[:7]}0000099", EARLIER, "Math") == "reviewing"
