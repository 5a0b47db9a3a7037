"""Merged tests from files to scores: chosen parts count, the rest is told, nothing is pooled."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import scorehouse
from scorehouse.shapes import ASSESSMENTS, ITEMS, OPPORTUNITIES, RESPONSES
from scorehouse.verbs import merge as gathering
from scorehouse.verbs.explain import explain_stored
from scorehouse.verbs.request import ScoreRequest
from scorehouse.verbs.score import score_file

YEAR = "2018-19"
STUDENT, OTHER = "9000000001", "9000000002"
CAT, FORM, PT = "online-cat", "paper-form", "performance-task"
CAT_ITEMS = tuple(f"1-{n}" for n in range(1, 7))
FORM_ITEMS = tuple(f"2-{n}" for n in range(1, 6))
PT_ITEMS = tuple(f"3-{n}" for n in range(1, 4))
MINIMUM = 5

Row = dict[str, Any]


def write_rows(path: Path, names: Sequence[str], rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An online CAT, a paper form and a PT of one grade, each an assessment of its own."""
    folder = tmp_path_factory.mktemp("package")
    tests = [
        {"assessment_id": name, "subject": "Math", "test_grade": grade, "school_year": YEAR,
         "assessment_type": kind, "minimum_cat_items": MINIMUM}
        for name, grade, kind in (
            (CAT, "05", "summative"), (FORM, "05", "summative"), (PT, "05", "summative"),
            ("other-grade", "06", "summative"), ("interim", "05", "ICA"),
        )
    ]  # fmt: skip
    items = [
        *_items(CAT, "CAT", CAT_ITEMS), *_items(FORM, "fixed", FORM_ITEMS),
        *_items(PT, "PT", PT_ITEMS), *_items("other-grade", "PT", ("6-1", "6-2")),
        *_items("interim", "fixed", ("7-1", "7-2")),
    ]  # fmt: skip
    write_rows(folder / "assessments.csv", ASSESSMENTS.names, tests)
    write_rows(folder / "items.csv", ITEMS.names, items)
    return folder


def _items(assessment: str, part: str, names: Sequence[str]) -> Iterator[Row]:
    for place, name in enumerate(names):
        yield {
            "assessment_id": assessment, "item_id": name, "part": part, "model": "2PL",
            "a": 0.5 + 0.1 * place, "b1": place - 2.0, "claim": "1", "operational": "true",
        }  # fmt: skip


def sitting(name: str, assessment: str, scores: dict[str, int | None], **about: Any) -> list[Row]:
    """Rows of one opportunity; a score of None was not answered. `about` is what differs."""
    parts = dict.fromkeys((*PT_ITEMS, "6-1", "6-2"), "PT")
    parts |= dict.fromkeys(CAT_ITEMS, "CAT") | dict.fromkeys((*FORM_ITEMS, "7-1", "7-2"), "fixed")
    base = {"opportunity_id": name, "student_id": STUDENT, "assessment_id": assessment,
            "school_year": YEAR, "status": "completed", "mode": "online"}  # fmt: skip
    return [
        base | about | {
            "item_id": item, "part": parts[item], "answered": score is not None, "score": score
        }
        for item, score in scores.items()
    ]  # fmt: skip


def points(items: Sequence[str], right: int, answered: int | None = None) -> dict[str, int | None]:
    """Scores of some items: the first `right` are right, those after `answered` left out."""
    last = len(items) if answered is None else answered
    return {name: int(n < right) if n < last else None for n, name in enumerate(items)}


Scored = Callable[..., Any]


@pytest.fixture
def score(package: Path, tmp_path: Path) -> Scored:
    def run(*sittings: list[Row], merge_parts: bool = True) -> Any:
        write_input(tmp_path / "responses.csv", sittings)
        source = tmp_path / "responses.csv"
        return scorehouse.score(source, package, YEAR, merge_parts=merge_parts)

    return run


def write_input(path: Path, sittings: Sequence[list[Row]]) -> None:
    rows = [row for rows in sittings for row in rows]
    write_rows(path, RESPONSES.names, [{k: r.get(k, "") for k in RESPONSES.names} for r in rows])
    tests = [{k: rows[0].get(k, "") for k in OPPORTUNITIES.names} for rows in sittings]
    write_rows(path.with_name("opportunities.csv"), OPPORTUNITIES.names, tests)


def overall(scored: Any) -> dict[str, Row]:
    rows = scored.scores.to_pylist()
    return {row["opportunity_id"]: row for row in rows if row["measure"] == "overall"}


def told(scored: Any) -> dict[str, str]:
    """What each folded opportunity's finding says holds it now."""
    rows = [r for r in scored.findings.to_pylist() if r["rule"] == "paper_online_merged"]
    assert all(row["consequence"] == "information" for row in rows)
    found = {row["record"]: row["value"] for row in rows}
    assert len(found) == len(rows)
    return found


CAT_WHOLE = sitting("cat", CAT, points(CAT_ITEMS, 3))
PT_WHOLE = sitting("pt", PT, points(PT_ITEMS, 2), mode="paper")


def test_a_cat_and_a_pt_apart_score_as_they_would_together(score: Scored) -> None:
    together = sitting("cat", CAT, points(CAT_ITEMS, 3) | points(PT_ITEMS, 2))
    expected = overall(score(together, merge_parts=False))["cat"]
    assert expected["score_status"] == "scored"
    apart = score(CAT_WHOLE, PT_WHOLE)
    assert overall(apart) == {"cat": expected}
    assert told(apart) == {"pt": "cat"}


def test_without_the_option_each_part_stands_alone(score: Scored) -> None:
    apart = score(CAT_WHOLE, PT_WHOLE, merge_parts=False)
    assert {name: row["reason"] for name, row in overall(apart).items()} == {
        "cat": "attemptedness_N",
        "pt": "attemptedness_N",
    }
    assert told(apart) == {}


def test_items_are_those_of_their_own_assessment(score: Scored) -> None:
    merged = score(CAT_WHOLE, PT_WHOLE)
    rules = merged.findings["rule"].to_pylist()
    assert "item_matched_elsewhere" not in rules


def test_a_complete_paper_form_stands_in_for_an_unfinished_cat(score: Scored) -> None:
    cat = sitting("cat", CAT, points(CAT_ITEMS, 4, answered=4))
    form = sitting("form", FORM, points(FORM_ITEMS, 2), mode="paper")
    merged = score(cat, form, PT_WHOLE)
    expected = overall(score(form, PT_WHOLE))
    assert overall(merged) == expected
    assert expected["form"]["item_count"] == len(FORM_ITEMS) + len(PT_ITEMS)
    assert told(merged) == {"cat": "form", "pt": "form"}


def test_a_complete_cat_goes_before_a_complete_paper_form(score: Scored) -> None:
    form = sitting("form", FORM, points(FORM_ITEMS, 5), mode="paper")
    merged = score(form, CAT_WHOLE, PT_WHOLE)
    assert overall(merged) == overall(score(CAT_WHOLE, PT_WHOLE))
    assert told(merged) == {"form": "cat", "pt": "cat"}


def test_two_unfinished_sittings_are_never_pooled(score: Scored) -> None:
    first = sitting("first", CAT, points(CAT_ITEMS[:3], 3))
    second = sitting("second", CAT, points(CAT_ITEMS[2:], 1, answered=2), mode="paper")
    merged = overall(score(second, first, PT_WHOLE))
    alone = overall(score(first, PT_WHOLE))
    assert merged == alone
    assert alone["first"]["reason"] == "cat_incomplete"
    assert alone["first"]["item_count"] == 3 + len(PT_ITEMS)


def test_the_most_recent_of_two_complete_sittings_counts(score: Scored) -> None:
    parts = points(CAT_ITEMS, 2) | points(PT_ITEMS, 1)
    early = sitting("early", CAT, parts, submitted_at="2019-04-02T09:00:00")
    better = points(CAT_ITEMS, 4) | points(PT_ITEMS, 2)
    late = sitting("late", CAT, better, submitted_at="2019-05-02T09:00:00")
    merged = score(late, early)
    assert overall(merged) == overall(score(late))
    assert told(merged) == {"early": "late"}


def test_a_damaged_sitting_that_does_not_count_does_no_harm(score: Scored) -> None:
    damaged = sitting("damaged", CAT, points(CAT_ITEMS[:2], 1) | {CAT_ITEMS[3]: 7}, mode="paper")
    assert overall(score(damaged, CAT_WHOLE, PT_WHOLE)) == overall(score(CAT_WHOLE, PT_WHOLE))


def test_a_damaged_part_that_counts_is_told_where_it_stands(score: Scored) -> None:
    damaged = sitting("pt", PT, {PT_ITEMS[0]: 1, PT_ITEMS[1]: 7, PT_ITEMS[2]: 0})
    merged = score(CAT_WHOLE, damaged)
    assert overall(merged)["cat"]["reason"] == "test_not_scored_item"
    assert _of(merged, "score_above_maximum") == _of(
        score(CAT_WHOLE, damaged, merge_parts=False), "score_above_maximum"
    )
    assert _of(merged, "score_above_maximum")[0]["record"] == "pt"


def _of(scored: Any, rule: str) -> list[Row]:
    return [row for row in scored.findings.to_pylist() if row["rule"] == rule]


@pytest.mark.parametrize(
    "stranger",
    [
        sitting("x", PT, points(PT_ITEMS, 1), student_id=OTHER),
        sitting("x", PT, points(PT_ITEMS, 1), student_id=""),
        sitting("x", "other-grade", {"6-1": 1, "6-2": 0}),
        sitting("x", PT, points(PT_ITEMS, 1), school_year="2017-18"),
        sitting("x", PT, points(PT_ITEMS, 1), status="reset"),
        sitting("x", PT, points(PT_ITEMS, 1), status="invalidated"),
        sitting("x", "interim", {"7-1": 1, "7-2": 0}),
    ],
    ids=["student", "no-student", "grade", "year", "reset", "invalidated", "interim"],
)
def test_what_is_not_the_same_test_is_left_alone(score: Scored, stranger: list[Row]) -> None:
    found = score(CAT_WHOLE, stranger)
    assert told(found) == {}
    assert overall(found) == overall(score(CAT_WHOLE, stranger, merge_parts=False))


def test_two_interim_tests_of_one_student_stay_two(score: Scored) -> None:
    interim = [sitting(name, "interim", {"7-1": 1, "7-2": 0}) for name in ("i1", "i2")]
    found = score(*interim)
    assert {row["score_status"] for row in overall(found).values()} == {"scored"}
    assert list(overall(found)) == ["i1", "i2"]


def test_a_log_on_to_the_other_part_counts_for_the_merged_test(score: Scored) -> None:
    cat = sitting("cat", CAT, points(CAT_ITEMS, 3), logged_on_cat="true", logged_on_pt="false")
    pt = sitting("pt", PT, points(PT_ITEMS, 2), logged_on_cat="false", logged_on_pt="true")
    merged = overall(score(cat, pt))
    assert merged["cat"]["score_status"] == "scored"


@pytest.mark.parametrize("statuses", [("pending", "completed"), ("completed", "pending")])
def test_waiting_for_the_other_part_ends_when_it_is_in(
    score: Scored, statuses: tuple[str, str]
) -> None:
    cat = sitting("cat", CAT, points(CAT_ITEMS, 3), status=statuses[0])
    pt = sitting("pt", PT, points(PT_ITEMS, 2), status=statuses[1])
    assert overall(score(cat, pt))["cat"]["score_status"] == "scored"


def test_parts_that_both_wait_for_more_are_not_scored(score: Scored) -> None:
    cat = sitting("cat", CAT, points(CAT_ITEMS, 3), status="pending")
    pt = sitting("pt", PT, points(PT_ITEMS, 2), status="pending")
    assert overall(score(cat, pt))["cat"]["reason"] == "status_pending"


def test_buckets_on_disk_give_the_same_as_one(
    score: Scored, monkeypatch: pytest.MonkeyPatch
) -> None:
    students = [f"90000001{n:02}" for n in range(12)]
    sittings = [
        sitting(f"{kind}-{student}", kind, points(items, n % 3 + 1), student_id=student)
        for kind, items in ((CAT, CAT_ITEMS), (PT, PT_ITEMS))
        for n, student in enumerate(students)
    ]
    single = sitting("single", CAT, points(CAT_ITEMS, 3) | points(PT_ITEMS, 1))
    whole = score(*sittings, single)
    monkeypatch.setattr(gathering, "_BUCKET_TESTS", 5)
    parted = score(*sittings, single)
    assert overall(parted) == overall(whole)
    assert len(overall(whole)) == len(students) + 1
    assert next(iter(overall(parted))) == "single"  # it went through untouched
    assert told(parted) == {f"{PT}-{student}": f"{CAT}-{student}" for student in students}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_explain_tells_the_story_of_a_merged_test(
    package: Path, tmp_path: Path, suffix: str
) -> None:
    form = sitting("form", FORM, points(FORM_ITEMS, 2), mode="paper")
    write_input(tmp_path / "responses.csv", [PT_WHOLE, CAT_WHOLE, form])
    request = ScoreRequest(tmp_path / "responses.csv", (package,), YEAR, merge_parts=True)
    out = tmp_path / f"scores{suffix}"
    summary = score_file(request, out, tmp_path / "findings.csv")
    assert summary.tests == 1
    story = explain_stored(out, "cat")
    assert story.differences == ()
    assert story.request.merge_parts
    items = {row.item.item_id for row in story.explanation.scored.sitting.responses}
    assert items == {*CAT_ITEMS, *PT_ITEMS}
