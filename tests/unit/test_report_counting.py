"""Who counts where, with which groups and scores, and what is still to come: small cases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import report_help as helper
from report_help import NONPUBLIC, NORTH, SCHOOLS, SOUTH, STATE, Row, add, entities
from scorehouse.reports.query import ReportQuery
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.purge import PurgeRequest, purge
from scorehouse.warehouse.report import figures_of

YEAR = "2018-19"
ADA, BEN, CAL, DOT = (f"900000000{n}" for n in range(4))
PEOPLE = {ADA: SCHOOLS[0], BEN: SCHOOLS[0], CAL: NONPUBLIC, DOT: "99999990000009"}


def result(student: str, score: float | None, **told: Any) -> Row:
    level = None if score is None else 3
    return {
        "opportunity_id": f"o-{student}", "assessment_id": f"SUM-ELA-05-{YEAR}",
        "student_id": student, "school_id": PEOPLE[student], "school_year": YEAR,
        "subject": "ELA", "test_grade": "05", "assessment_type": "summative",
        "scale_score": score, "achievement_level": level, "se_scale": 20.0,
        "economically_disadvantaged": student == ADA, **told,
    }  # fmt: skip


def enrolled(student: str, school: str, entered: date, **told: Any) -> Row:
    return {"student_id": student, "school_id": school, "school_year": YEAR,
            "grade_enrolled": "05", "entered_on": entered, **told}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse that is only read."""
    found = filled(tmp_path_factory.mktemp("counted") / "w")
    yield found
    found.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse of a test's own."""
    found = filled(tmp_path / "w")
    yield found
    found.close()


def filled(folder: Path) -> Warehouse:
    found = Warehouse.create(folder)
    autumn, spring = date(2018, 8, 20), date(2019, 4, 25)
    add(
        found,
        {
            "entity": entities(),
            "assessment": helper.tests(),
            "result": [result(ADA, 2500.0), result(BEN, None), result(CAL, 2400.0),
                       result(DOT, 2600.0)],
            "scoring": [
                {"opportunity_id": f"o-{student}", "assessment_id": f"SUM-ELA-05-{YEAR}",
                 "school_year": YEAR, "scale_score": score, "achievement_level": 2,
                 "se_scale": 30.0, "score_status": "scored", "reason": ""}
                for student, score in ((ADA, 2510), (BEN, 2450))
            ],
            "enrollment": [
                enrolled(ADA, SCHOOLS[0], autumn, exited_on=spring),
                enrolled(ADA, SCHOOLS[1], spring),
                enrolled(BEN, SCHOOLS[0], autumn),
                enrolled(CAL, NONPUBLIC, autumn, accountable_lea=NORTH),
            ],
            "student": [{"student_id": student} for student in PEOPLE],
            "program_participation": [
                {"student_id": ADA, "program": "economically_disadvantaged",
                 "takes_part": False},
                {"student_id": BEN, "program": "homeless", "takes_part": True},
            ],
        },
    )  # fmt: skip
    return found


def scored(house: Warehouse, **asked: Any) -> dict[str, int]:
    """Students scored, by entity and group, in the grade."""
    wanted = (STATE, NORTH, SOUTH, *SCHOOLS)
    query = ReportQuery("aggregate", entities=wanted, grades=("05",), subjects=("ELA",), **asked)
    rows = figures_of(house, query).figures.to_pylist()
    return {f"{r['entity_id']} {r['student_group']}": r["n_scored"] for r in rows}


def test_the_tested_school_counts_and_a_nonpublic_one_only_above(house: Warehouse) -> None:
    found = scored(house)
    assert found == {
        f"{STATE} ALL": 4,  # a school that nobody knows counts for the state
        f"{NORTH} ALL": 2, f"{SCHOOLS[0]} ALL": 2, f"{SCHOOLS[1]} ALL": 0, f"{SOUTH} ALL": 1,
    }  # fmt: skip
    assert scored(house, nonpublic_schools=True)[f"{NONPUBLIC} ALL"] == 1


def test_the_enrolled_school_counts_if_asked(house: Warehouse) -> None:
    found = scored(house, counted_at="enrolled")
    assert (found[f"{SCHOOLS[0]} ALL"], found[f"{SCHOOLS[1]} ALL"]) == (1, 1)


def test_the_accountable_district_counts_if_asked(house: Warehouse) -> None:
    found = scored(house, counted_at="accountable")
    assert found[f"{NORTH} ALL"] == 3
    assert f"{SOUTH} ALL" not in found or not found[f"{SOUTH} ALL"]


def test_demographics_are_locked_or_current(house: Warehouse) -> None:
    groups = ("SED", "NSED", "HOM", "HOMELESS_UNKNOWN")
    locked = scored(house, student_groups=groups)
    assert (locked[f"{NORTH} SED"], locked[f"{NORTH} NSED"]) == (1, 1)
    assert locked[f"{NORTH} HOMELESS_UNKNOWN"] == 2  # no result tells of it
    now = scored(house, student_groups=groups, demographics="current")
    assert (now.get(f"{NORTH} SED", 0), now[f"{NORTH} NSED"], now[f"{NORTH} HOM"]) == (0, 1, 1)


def test_scores_are_as_delivered_or_as_scored_here(house: Warehouse) -> None:
    def mean(scores: str) -> tuple[int, float]:
        query = ReportQuery(
            "aggregate", entities=(NORTH,), grades=("05",), subjects=("ELA",), scores=scores
        )
        (row,) = figures_of(house, query).figures.to_pylist()
        return row["n_scored"], row["mean_scale_score"]

    assert mean("either") == (2, 2475)
    assert mean("delivered") == (1, 2500)
    assert mean("scored") == (2, 2480)


def test_results_are_partial_while_a_window_is_open(fresh: Warehouse) -> None:
    def told() -> tuple[int, float, bool]:
        query = ReportQuery("aggregate", entities=(SCHOOLS[0],), grades=("05",), subjects=("ELA",))
        (row,) = figures_of(fresh, query).figures.to_pylist()
        return row["n_expected"], row["percent_in"], row["is_partial"]

    assert told() == (1, 100, None)  # nobody knows the window
    late = {"student_id": "9000000009", "school_id": SCHOOLS[0], "school_year": YEAR,
            "grade_enrolled": "05", "entered_on": date(2018, 8, 20)}  # fmt: skip
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    window = {"lea_id": "", "school_year": YEAR, "assessment_type": "", "subject": "",
              "starts_on": date(2019, 4, 1), "ends_on": tomorrow}  # fmt: skip
    add(fresh, {"enrollment": [late], "testing_window": [window]})
    assert told() == (2, 50, True)


def test_the_census_day_decides_who_is_enrolled(fresh: Warehouse) -> None:
    add(fresh, {"census_day": [{"school_year": YEAR, "census_on": date(2018, 10, 3)}]})
    query = ReportQuery("aggregate", entities=SCHOOLS[:2], grades=("05",), subjects=("ELA",))
    rows = {r["entity_id"]: r["n_enrolled"] for r in figures_of(fresh, query).figures.to_pylist()}
    assert rows == {SCHOOLS[0]: 2}


def test_a_correction_of_people_alone_moves_the_enrolled(fresh: Warehouse) -> None:
    """The cube follows loads that bring no result."""
    query = ReportQuery("aggregate", entities=(SCHOOLS[1],), grades=("05",), subjects=("ELA",))
    (before,) = figures_of(fresh, query).figures.to_pylist()
    moved = enrolled(BEN, SCHOOLS[1], date(2019, 5, 2))
    add(fresh, {"enrollment": [moved]})
    (after,) = figures_of(fresh, query).figures.to_pylist()
    assert (before["n_enrolled"], after["n_enrolled"]) == (1, 2)


def test_who_was_purged_is_in_no_count(fresh: Warehouse) -> None:
    query = ReportQuery("aggregate", entities=(NORTH,), grades=("05",), subjects=("ELA",))
    (before,) = figures_of(fresh, query).figures.to_pylist()
    kept = {path.name for path in (fresh.root / "cube").rglob("*.parquet")}
    purge(fresh, PurgeRequest(student_id=ADA))
    assert not kept & {path.name for path in fresh.root.rglob("*.parquet")}
    (after,) = figures_of(fresh, query).figures.to_pylist()
    assert (before["n_scored"], after["n_scored"]) == (2, 1)


def test_a_student_whose_identifier_was_replaced_is_one_student(fresh: Warehouse) -> None:
    """Result and program under the old identifier, roster and another program under the new."""
    new = "9000000007"
    groups = ("HOM", "SED", "NSED")
    usual = [scored(fresh), filled_only(scored(fresh, student_groups=groups))]
    now = scored(fresh, student_groups=groups, demographics="current")
    add(
        fresh,
        {
            "ssid_replacement": [{"old_id": BEN, "student_id": new}],
            "student": [{"student_id": new}],
            "enrollment": [enrolled(new, SCHOOLS[1], date(2019, 5, 2))],
            "program_participation": [
                {"student_id": new, "program": "homeless", "takes_part": True},
                {"student_id": new, "program": "economically_disadvantaged", "takes_part": True},
            ],
        },
    )
    assert [scored(fresh), filled_only(scored(fresh, student_groups=groups))] == usual
    told = scored(fresh, student_groups=groups, demographics="current")
    assert (now[f"{NORTH} HOM"], now.get(f"{NORTH} SED", 0)) == (1, 0)
    assert (told[f"{NORTH} HOM"], told[f"{NORTH} SED"], told[f"{NORTH} NSED"]) == (1, 1, 1)
    found = scored(fresh, counted_at="enrolled")
    assert (found.get(f"{SCHOOLS[0]} ALL", 0), found[f"{SCHOOLS[1]} ALL"]) == (0, 2)


def filled_only(found: dict[str, int]) -> dict[str, int]:
    """Without rows of nobody: where students are enrolled who sat elsewhere."""
    return {name: count for name, count in found.items() if count}


def test_the_cube_follows_a_replaced_identifier(fresh: Warehouse) -> None:
    query = ReportQuery("aggregate", entities=SCHOOLS[:2], grades=("05",), subjects=("ELA",))

    def numbers() -> dict[str, tuple[int | None, int]]:
        rows = figures_of(fresh, query).figures.to_pylist()
        return {row["entity_id"]: (row["n_enrolled"], row["n_scored"]) for row in rows}

    assert numbers() == {SCHOOLS[0]: (1, 2), SCHOOLS[1]: (1, 0)}
    new = "9000000007"
    moved = enrolled(new, SCHOOLS[1], date(2019, 5, 2))
    add(fresh, {"ssid_replacement": [{"old_id": BEN, "student_id": new}], "enrollment": [moved]})
    followed = numbers()
    shutil.rmtree(fresh.root / "cube")
    assert followed == numbers() == {SCHOOLS[0]: (None, 2), SCHOOLS[1]: (2, 0)}


def test_enrollment_of_one_district_counts_students_tested_elsewhere(tmp_path: Path) -> None:
    """Who is enrolled here and was tested there is in the group of the result, either way."""
    moved = helper.world(7, 60)
    for result in moved.results:
        if result["school_year"] == "2018-19" and result["school_id"] == SCHOOLS[0]:
            result["school_id"] = SCHOOLS[2]
    told = helper.house(tmp_path / "w", moved)
    query = ReportQuery("aggregate", entities=(NORTH,), school_years=("2018-19",),
                        student_groups=("ALL", "F", "SED&F"))  # fmt: skip
    alone = figures_of(told, query).figures.to_pylist()
    beside = figures_of(told, replace(query, entities=(STATE, NORTH))).figures.to_pylist()
    columns = ("subject", "test_grade", "student_group", "n_enrolled", "n_tested", "participation")
    own = [[row[name] for name in columns] for row in alone]
    assert own == [[r[name] for name in columns] for r in beside if r["entity_id"] == NORTH]
    assert any(row[3] and row[4] < row[3] for row in own if row[2] == "F&SED")
