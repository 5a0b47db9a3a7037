"""What a report says besides its figures: groups that results tell nothing of, empty cohorts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from report_help import GRADES, SCHOOLS, YEARS, house, world
from scorehouse.reports.query import ReportQuery
from scorehouse.reports.refusal import QueryRefusedError
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.report import make

LATEST = ReportQuery("aggregate", school_years=(YEARS[2],), subjects=("ELA",))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse whose results of the last year carry no sex, and mostly no language status."""
    made = world(5, students=240)
    repeaters = {
        result["student_id"]
        for result in made.results
        if (result["school_year"], result["test_grade"]) == (YEARS[0], GRADES[0])
    }
    made.results = [
        result
        for result in made.results
        if (result["school_year"], result["test_grade"]) != (YEARS[2], GRADES[0])
        or result["student_id"] not in repeaters
    ]
    for number, result in enumerate(made.results):
        if result["school_year"] == YEARS[2]:
            result["sex"] = None
            result["el_status"] = "EO" if number % 4 == 0 else None
            result["economically_disadvantaged"] = True
    found = house(tmp_path_factory.mktemp("notes") / "w", made)
    yield found
    found.close()


def counted(held: Warehouse, code: str, query: ReportQuery = LATEST) -> int:
    rows = make(held, replace(query, student_groups=(code,), by=())).figures.to_pylist()
    return int(next(row["n_scored"] for row in rows if row["test_grade"] == ""))


def test_how_many_results_tell_nothing_of_a_group_is_told(held: Warehouse) -> None:
    every, silent = counted(held, "ALL"), counted(held, "LANGUAGE_UNKNOWN")
    assert every > silent > every / 2
    (sex,) = make(held, replace(LATEST, by=("sex",))).notes
    assert sex.startswith(f"Sex not known: {every} of {every} results that count")
    assert "--demographics current" in sex
    (language,) = make(held, replace(LATEST, student_groups=("EL",))).notes
    assert language.startswith(f"Language status not known: {silent} of {every} results")
    notes = make(held, replace(LATEST, by=("sex",), filters={"language": ("EO",)})).notes
    assert [note.partition(":")[0] for note in notes] == [
        "Sex not known",
        "Language status not known",
    ]


def test_only_the_students_of_the_report_are_counted(held: Warehouse) -> None:
    own = replace(LATEST, entities=(SCHOOLS[0],))
    every = counted(held, "ALL", own)
    assert every < counted(held, "ALL")
    (note,) = make(held, replace(own, by=("sex",))).notes
    assert f"{every} of {every} results" in note


def test_what_results_tell_needs_no_note(held: Warehouse) -> None:
    assert make(held, replace(LATEST, by=("economic",))).notes == ()
    assert make(held, replace(LATEST, by=("sex",), demographics="current")).notes == ()
    assert make(held, LATEST).notes == ()


def test_others_than_staff_learn_no_count_from_a_note(held: Warehouse) -> None:
    told = make(held, replace(LATEST, by=("sex",)), "public")
    (note,) = told.notes
    assert note.startswith("Sex not known: ")
    assert not any(character.isdigit() for character in note)


def test_a_cohort_of_nobody_says_how_many_each_step_has(held: Warehouse) -> None:
    steps = (f"{YEARS[0]}:{GRADES[0]}", f"{YEARS[2]}:{GRADES[0]}")
    query = ReportQuery("longitudinal", steps=steps, subjects=("ELA",), follow="both")
    told = make(held, query)
    rows = told.figures.to_pylist()
    in_each = {row["school_year"]: row["n_scored"] for row in rows if not row["population"]}
    assert len(in_each) == len(rows) == 2
    (finding,) = told.findings
    assert finding.rule == "query_cohort_empty"
    (note,) = told.notes
    assert note == (
        f"Students with a score that counts, ELA: {in_each[YEARS[0]]} in {steps[0]}, "
        f"{in_each[YEARS[2]]} in {steps[1]}."
    )
    public = make(held, query, "public")
    assert (public.findings, public.notes) == ((finding,), ())


def test_a_cohort_of_somebody_has_no_such_finding(held: Warehouse) -> None:
    steps = tuple(f"{year}:{grade}" for year, grade in zip(YEARS[:2], GRADES[:2], strict=True))
    assert make(held, ReportQuery("longitudinal", steps=steps)).findings == ()


def test_missing_steps_are_told_as_missing() -> None:
    with pytest.raises(QueryRefusedError) as refused:
        ReportQuery("longitudinal", subjects=("ELA",))
    (finding,) = refused.value.findings
    assert finding.rule == "query_steps_missing"
    assert "two steps or more" in finding.message
    assert "together" not in finding.message
