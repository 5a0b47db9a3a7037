"""A cohort's rows and everybody's: told apart in one table, and everybody the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from report_help import GRADES, NORTH, SCHOOLS, SOUTH, STATE, YEARS, Row, World, add, house, world
from scorehouse.reports.query import ReportQuery
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.releases import releases
from scorehouse.warehouse.report import figures_of, make, released

STEPS = tuple(f"{year}:{grade}" for year, grade in zip(YEARS[:2], GRADES[:2], strict=True))
NAME = f"cohort:{'/'.join(STEPS)}"
ENTITIES = (STATE, NORTH, SOUTH, SCHOOLS[0])
BOTH = ReportQuery("longitudinal", entities=ENTITIES, steps=STEPS, follow="both")
NOWHERE = "99999990000009"
SMALLEST = 11


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    made: World = world(5, students=240)
    for result in made.results[::40]:
        result["school_id"] = NOWHERE  # a school that no entity is: it counts for the state
    found = house(tmp_path_factory.mktemp("followed") / "w", made)
    yield found
    found.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse of which nothing was released; nearly everybody stays."""
    made = world(5, students=400)
    moving = {f"9{number:09d}" for number in range(80)}
    for result in made.results:
        home = SCHOOLS[int(result["student_id"]) % len(SCHOOLS)]
        is_moving = result["student_id"] in moving and result["school_year"] == YEARS[0]
        result["school_id"] = SCHOOLS[0] if is_moving else home
    found = house(tmp_path / "w", made)
    yield found
    found.close()


def rows(report: Any) -> list[Row]:
    return list(report.figures.to_pylist())


def key(row: Row) -> tuple[str, ...]:
    names = ("entity_id", "school_year", "subject", "test_grade", "student_group")
    return tuple(row[name] for name in names)


def test_every_row_says_whom_it_is_of(held: Warehouse) -> None:
    both = rows(figures_of(held, BOTH))
    assert {row["population"] for row in both} == {"", NAME}
    for follow, population in (("cohort", NAME), ("grades", "")):
        alone = rows(figures_of(held, replace(BOTH, follow=follow)))
        assert alone == [row for row in both if row["population"] == population]
        assert len({key(row) for row in alone}) == len(alone) > 0


def test_a_cohorts_row_says_how_it_is_counted_too(held: Warehouse) -> None:
    unusual = replace(BOTH, demographics="current", counted_at="enrolled", scores="delivered")
    words = "counted_at=enrolled demographics=current scores=delivered"
    found = rows(make(held, unusual, "public"))
    assert {row["population"] for row in found} == {"", f"{NAME} {words}"}
    cohort, everybody = (entry["query"] for entry in releases(held, profile="public")[:2])
    assert cohort["population"] == everybody["population"] == words
    assert everybody["filters"] == {}
    assert cohort["filters"] == {f"in {step}": ["yes"] for step in STEPS}


@pytest.mark.parametrize("counted_at", ["tested", "enrolled", "accountable"])
def test_everybody_in_a_step_is_everybody_of_other_reports(
    held: Warehouse, counted_at: str
) -> None:
    """Rows of one key and population are the same students, whichever report they are in."""
    if counted_at == "accountable":
        moved = {"student_id": "9000000001", "school_id": SCHOOLS[2], "school_year": YEARS[1],
                 "accountable_lea": NORTH, "entered_on": date(2018, 3, 1),
                 "grade_enrolled": GRADES[1]}  # fmt: skip
        add(held, {"enrollment": [moved]})
    query = replace(BOTH, follow="grades", counted_at=counted_at, student_groups=("ALL", "F"))
    overall = {
        key(row): row
        for row in rows(figures_of(held, replace(query, report="aggregate", steps=())))
    }
    seen = 0
    for row in rows(figures_of(held, query)):
        other = overall[key(row)]
        for name in ("n_scored", "level_counts", "sum_score", "mean_scale_score", "percent_met"):
            assert row[name] == other[name], (key(row), name)
        assert row["n_tested"] is None
        seen += 1
    assert seen == len([k for k, row in overall.items() if f"{k[1]}:{k[3]}" in STEPS
                        and row["n_scored"]])  # fmt: skip


def test_both_pass_the_exit_door_in_one_table(fresh: Warehouse) -> None:
    """Where everybody and the cohort differ by a few students, both aren't shown."""
    public, staff = rows(make(fresh, BOTH, "public")), rows(make(fresh, BOTH))
    assert [(key(r), r["population"]) for r in public] == [(key(r), r["population"]) for r in staff]
    for row, true in zip(public, staff, strict=True):
        assert row["n_scored"] in (None, true["n_scored"])
        assert (row["n_scored"] is None) == any(
            one["column"] == "n_scored" for one in row["hidden"]
        )
        assert row["n_scored"] is None or row["n_scored"] >= SMALLEST
    assert few_between(staff, staff)
    assert not few_between(public, public)
    shown = {row["population"] for row in public if row["n_scored"] is not None}
    assert shown == {"", NAME}
    assert [entry["rows"] for entry in releases(fresh)] == [
        sum(row["population"] == population for row in public) for population in (NAME, "")
    ]


def test_a_cohort_is_checked_against_reports_of_everybody(fresh: Warehouse) -> None:
    overall = rows(make(fresh, replace(BOTH, report="aggregate", steps=()), "public"))
    alone = replace(BOTH, follow="cohort")
    assert few_between(overall, rows(make(fresh, alone)))
    assert not few_between(overall, rows(make(fresh, alone, "public")))


def test_without_a_ledger_they_are_checked_against_each_other(fresh: Warehouse) -> None:
    public = rows(released(figures_of(fresh, BOTH, "public"), "public"))
    assert not few_between(public, public)
    assert releases(fresh) == []


def few_between(everybody: list[Row], followed: list[Row]) -> list[tuple[str, ...]]:
    """Where what is shown of everybody and of the cohort differs by a few students."""
    shown = {key(row): row["n_scored"] for row in everybody
             if not row["population"] and row["n_scored"] is not None}  # fmt: skip
    return [
        key(row)
        for row in followed
        if row["population"] and row["n_scored"] is not None and key(row) in shown
        and 0 < shown[key(row)] - row["n_scored"] < SMALLEST
    ]  # fmt: skip


def test_comparisons_keep_to_one_population(held: Warehouse) -> None:
    told = make(held, BOTH).comparisons.to_pylist()
    sentences = [row["sentence"] for row in told]
    assert len(set(sentences)) == len(sentences)
    cohort = [row for row in told if row["kind"] == "cohort"]
    assert cohort
    assert all("(the same students)" in row["sentence"] for row in cohort)


def test_who_moves_within_the_state_is_in_no_schools_cohort(fresh: Warehouse) -> None:
    """So the parts of a cohort are fewer than the whole, and the exit door knows it."""
    whole = replace(BOTH, entities=(STATE,), children="schools", nonpublic_schools=True,
                    subjects=("ELA",))  # fmt: skip
    counts = {(row["entity_id"], row["school_year"]): row["n_scored"]
              for row in rows(make(fresh, whole)) if row["population"]}  # fmt: skip
    schools = sum(counts.get((school, YEARS[1]), 0) for school in SCHOOLS)
    assert 0 < schools < counts[STATE, YEARS[1]]
    public = rows(make(fresh, whole, "public"))
    assert len(public) == len(rows(make(fresh, whole)))
    assert not few_between(public, public)


def test_a_cohorts_change_is_shown_where_both_of_its_steps_are(fresh: Warehouse) -> None:
    cohort = replace(BOTH, follow="cohort")
    public, staff = rows(make(fresh, cohort, "public")), rows(make(fresh, cohort))
    means = {(*key(row),): row["mean_scale_score"] for row in public}
    shown = hidden = 0
    for row, true in zip(public, staff, strict=True):
        if true["change"] is None:
            continue
        year, grade = true["compared_with"].split(":")
        first = means[true["entity_id"], year, true["subject"], grade, true["student_group"]]
        is_shown = first is not None and row["mean_scale_score"] is not None
        assert row["change"] == (true["change"] if is_shown else None)
        shown, hidden = shown + is_shown, hidden + (not is_shown)
    assert shown
    assert hidden
