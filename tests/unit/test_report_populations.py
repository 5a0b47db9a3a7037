"""A cohort's rows and everybody's: told apart in one table, and everybody the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from report_help import GRADES, NORTH, SCHOOLS, SOUTH, STATE, YEARS, Row, World, add, house, world
from scorehouse.disclosure.decision import Decision
from scorehouse.disclosure.lines import Universe, current_lines
from scorehouse.reports.query import ReportQuery
from scorehouse.rulebook.small_groups import profile_named
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.releases import releases
from scorehouse.warehouse.report import Report, figures_of, make
from scorehouse.warehouse.report_about import asked

STEPS = tuple(f"{year}:{grade}" for year, grade in zip(YEARS[:2], GRADES[:2], strict=True))
NAME = f"cohort:{'/'.join(STEPS)}"
ENTITIES = (STATE, NORTH, SOUTH, SCHOOLS[0])
BOTH = ReportQuery("longitudinal", entities=ENTITIES, steps=STEPS, follow="both")
NOWHERE = "99999990000009"


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    made: World = world(5, students=240)
    for result in made.results[::40]:
        result["school_id"] = NOWHERE  # a school that no entity is: it counts for the state
    found = house(tmp_path_factory.mktemp("followed") / "w", made)
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
    """Its own population stands in place of the query's."""
    add(held, {"el_status": [{"student_id": "9000000000", "el_status": "EO"}]})
    unusual = replace(BOTH, demographics="current", counted_at="enrolled", scores="delivered")
    words = "counted_at=enrolled demographics=current scores=delivered"
    report = figures_of(held, unusual)
    assert {row["population"] for row in rows(report)} == {"", f"{NAME} {words}"}
    assert universes(report) == {words, f"{NAME} {words}"}
    assert universes(figures_of(held, BOTH)) == {"", NAME}


def universes(report: Report) -> set[str]:
    """The populations of a report's rows as the exit door sees them."""
    figures = rows(report)
    rules = [profile_named("public").at(row["school_year"]) for row in figures]
    decisions = [Decision() for _ in figures]
    lines = current_lines(figures, rules, decisions, asked(report.query), 1.0)
    found: set[Universe] = {line.scene.universe for line in lines}
    return {universe.population for universe in found}


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


def test_both_pass_the_exit_door_in_one_table(held: Warehouse) -> None:
    public = rows(make(held, BOTH, "public"))
    staff = rows(make(held, BOTH))
    assert [(key(r), r["population"]) for r in public] == [(key(r), r["population"]) for r in staff]
    for row, true in zip(public, staff, strict=True):
        assert row["n_scored"] in (None, true["n_scored"])
        assert (row["n_scored"] is None) == any(
            one["column"] == "n_scored" for one in row["hidden"]
        )
        if true["n_scored"] < 11:
            assert row["n_scored"] is None
    shown = {row["population"] for row in public if row["n_scored"] is not None}
    assert shown == {"", NAME}
    assert releases(held, profile="public")[0]["rows"] == len(public)


def test_comparisons_keep_to_one_population(held: Warehouse) -> None:
    told = make(held, BOTH).comparisons.to_pylist()
    sentences = [row["sentence"] for row in told]
    assert len(set(sentences)) == len(sentences)
    cohort = [row for row in told if row["kind"] == "cohort"]
    assert cohort
    assert all("(the same students)" in row["sentence"] for row in cohort)
