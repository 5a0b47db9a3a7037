"""An invented school worked by hand from students to color: every reason to be left out, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import scorehouse
from scorehouse.cli.app import app

SCHOOL = "99900010000017"
DISTANCES = (10, -10, 30, 0, 5, -25, 40, -60, 12, 8, -3, 20)
"""Of twelve fifth graders of 2018-19, who add up to 27 points: a mean of 2.25."""
BEFORE = (-3,) * 12
CUT = 2502  # the lowest score of Standard Met, ELA, grade 5

ODD = {
    # reason: (what differs on the roster, what differs in the result; None: no result)
    "other_grade": ({"grade_enrolled": "09"}, {"test_grade": "09"}),
    "medical": ({}, {"scale_score": "", "condition_code": "NTE"}),
    "recent_english_learner": ({"el_status": "EL", "first_entry_on": "2018-08-01"}, {}),
    "exempt": ({"el_status": "EL"}, {"scale_score": "", "condition_code": "NEL"}),
    "opt_out": ({}, {"scale_score": "", "condition_code": "PGE"}),
    "no_score": ({}, None),
    "invalid": ({}, {"include_indicator": "R"}),
    "lowest_score": ({}, {"condition_code": "LOSS"}),
    "no_distance": ({}, {"test_program": "CAA", "scale_score": "", "include_indicator": "Y"}),
    "out_of_range": ({}, {"scale_score": "9999"}),
    "enrollment_unknown": ({"entered_on": ""}, {}),
    "not_continuously_enrolled": ({"entered_on": "2018-11-05"}, {}),
}
ROSTER = ("student_id", "school_year", "school_id", "entered_on", "exited_on", "grade_enrolled",
          "el_status", "first_entry_on")  # fmt: skip
SCORES = ("student_id", "school_year", "subject", "test_program", "test_grade", "scale_score",
          "include_indicator", "condition_code", "completed_on")  # fmt: skip


def write(folder: Path) -> tuple[Path, Path]:
    """The roster and the scores of both years."""
    roster, scores = [", ".join(ROSTER).replace(" ", "")], [",".join(SCORES)]
    for year, distances in (("2018-19", DISTANCES), ("2017-18", BEFORE)):
        for number, distance in enumerate(distances, start=1):
            add(roster, scores, f"90000000{number:02}", year, {}, {"scale_score": CUT + distance})
    for number, (on_roster, in_result) in enumerate(ODD.values(), start=31):
        add(roster, scores, f"90000000{number}", "2018-19", on_roster, in_result)
    add(roster, scores, "9000000001", "2018-19", None, {"completed_on": "2019-04-02"})
    (folder / "roster.csv").write_text("\n".join(roster) + "\n")
    (folder / "scores.csv").write_text("\n".join(scores) + "\n")
    return folder / "roster.csv", folder / "scores.csv"


def add(
    roster: list[str],
    scores: list[str],
    student: str,
    year: str,
    on_roster: dict[str, str] | None,
    in_result: dict[str, object] | None,
) -> None:
    ends = int(year[:4]) + 1
    about = {
        "student_id": student, "school_year": year, "school_id": SCHOOL,
        "entered_on": f"{ends - 1}-08-15", "grade_enrolled": "05", "el_status": "EO",
    }  # fmt: skip
    result = {
        "student_id": student, "school_year": year, "subject": "ELA", "test_grade": "05",
        "scale_score": str(CUT + 10), "completed_on": f"{ends}-05-0{1 + ends % 2}",
    }  # fmt: skip
    if on_roster is not None:
        row = about | on_roster
        roster.append(",".join(row.get(name, "") for name in ROSTER))
    if in_result is not None:
        told = result | {name: str(value) for name, value in in_result.items()}
        scores.append(",".join(told.get(name, "") for name in SCORES))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    roster, scores = write(tmp_path_factory.mktemp("hand"))
    ran = CliRunner().invoke(
        app, ["indicator", "explain", SCHOOL, "-d", "2019", "--scores", str(scores), "--roster",
              str(roster), "--json"],
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    found: dict[str, object] = json.loads(ran.stdout)
    return found


def test_every_reason_leaves_one_student_out(told: dict[str, object]) -> None:
    students = told["students"]
    assert isinstance(students, dict)
    assert students.pop("with a distance from standard") == 12
    assert students.pop("further results of a student") == 1
    assert students.pop("enrolled, for participation") == 19
    assert students.pop("of whom tested") == 16
    assert sorted(students.values()) == [1] * len(ODD)
    assert students["not continuously enrolled since Census Day"] == 1


def test_status_change_and_levels_are_those_by_hand(told: dict[str, object]) -> None:
    """16 of 19 tested are 84 percent; 11 percents below 95 take 2.75 points from 2.25."""
    assert told["participation"] == {"rate": 84, "adjustment": -2.75, "loss_count": 0}
    assert (told["n"], told["status_exact"], told["status"]) == (12, -0.5, -0.5)
    assert (told["change_exact"], told["change"]) == (2.5, 2.5)
    assert (told["status_level"], told["change_level"]) == ("Medium", "Maintained")
    assert told["color"] == "No Color"
    assert told["why_not"] == {"color": "fewer students than a color takes"}


def test_of_two_results_the_later_counts(told: dict[str, object]) -> None:
    reasons = told["reasons"]
    assert isinstance(reasons, list)
    assert "add up to 27 points" in reasons[0]
    assert "add up to -36 points" in reasons[2]


def test_the_library_gives_the_same(tmp_path: Path) -> None:
    roster, scores = write(tmp_path)
    found = scorehouse.indicator("2019", scores=scores, roster=roster)
    rows = {
        (row["entity_id"], row["subject"], row["student_group"]): row
        for row in found.figures.to_pylist()
    }
    whole = rows[SCHOOL, "ELA", "ALL"]
    assert (whole["status"], whole["change"], whole["color_name"]) == (-0.5, 2.5, "No Color")
    assert any("testing_day" in note for note in found.notes)
    assert found.findings.num_rows == 2  # the windows of both years are taken from the tests
