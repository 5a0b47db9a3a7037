"""Results files under one LOSS/HOSS option: what a score becomes, and what is said of it.

Grade 5 ELA: slope 85.8, intercept 2508.2; cuts 2442, 2502, 2582; LOSS and HOSS 2201 and 2701
by the values of 2014-15, 2200 and 2730 by California's own.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scorehouse.errors import UsageError
from scorehouse.verbs.rescale import (
    RescaleFiles,
    RescaleRequest,
    RescaleSummary,
    rescale_files,
)
from unit.rescale_results import result
from unit.two_table_files import ITEM, Row, of, write_tables

BOUNDS, OPTION_1, OPTION_2, OPTION_3 = OPTIONS = (
    "spec_2014_15", "opt1_2014_15_values", "opt2_ca_2020_21_values", "opt3_no_loss_hoss",
)  # fmt: skip


@dataclass(frozen=True)
class Done:
    """A run: its folder, its summary, its tables as rows, its findings by rule."""

    folder: Path
    summary: RescaleSummary
    tests: list[dict[str, str]]
    changes: list[dict[str, str]]
    findings: list[dict[str, str]]

    @property
    def rules(self) -> Counter[str]:
        return Counter(finding["rule"] for finding in self.findings)

    def row(self, measure: str = "overall") -> dict[str, Any]:
        """The only row of the report about a measure."""
        [found] = [r for r in self.summary.report.to_pylist() if r["measure"] == measure]
        return dict(found)

    def scores(self, name: str = "ScaleScore") -> list[str]:
        return [row[name] for row in self.tests]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def run(tmp_path: Path, policy: str, results: Sequence[Row], **options: Any) -> Done:
    folder = tmp_path / f"given-{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    keys = dict.fromkeys(row["TestOpportunityId"] for row in results)
    write_tables(folder, results, [of(ITEM, key) for key in keys])
    return run_on(tmp_path, policy, [folder], **options)


def run_on(tmp_path: Path, policy: str, inputs: Iterable[Path], **options: Any) -> Done:
    out = tmp_path / f"out-{policy}-{len(list(tmp_path.iterdir()))}"
    files = RescaleFiles.beside(out)
    summary = rescale_files(RescaleRequest(tuple(inputs), out, policy, **options), files)
    tables = (rows_of(path) for path in (out / "tests.csv", files.changes, files.findings))
    return Done(out, summary, *tables)


# --- what a score becomes, by option -----------------------------------------------------

SCORES = {
    "inside every option": ("0.0", "2508", ("2508", "2508", "2508", "2508")),
    "clipped at HOSS before": ("2.9", "2701", ("2701", "2701", "2730", "2757")),
    "clipped at LOSS before": ("-5.0", "2201", ("2201", "2201", "2200", "2079")),
    "clipped at the other HOSS": ("2.9", "2730", ("2701", "2701", "2730", "2757")),
    "as computed, beyond one HOSS": ("2.4", "2714", ("2701", "2701", "2714", "2714")),
    "as computed, beyond all": ("2.9", "2757", ("2701", "2701", "2730", "2757")),
    "as computed, below all": ("-5.0", "2079", ("2201", "2201", "2200", "2079")),
    "theta cut off at HOT": ("2.2498", "2701", ("2701", "2701", "2701", "2701")),
    "theta cut off at LOT": ("-3.5763", "2201", ("2201", "2201", "2201", "2201")),
    "cut off beyond the new HOSS": ("2.5851", "2730", ("2701", "2701", "2730", "2730")),
    "rounded otherwise by a point": ("0.0", "2509", ("2509", "2509", "2509", "2509")),
    "from no option known": ("1.0", "2400", ("2594", "2594", "2594", "2594")),
    "without theta": ("", "2400", ("2400", "2400", "2400", "2400")),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_a_score_under_each_option(option: str, tmp_path: Path) -> None:
    given = [result(theta, before, case) for case, (theta, before, _) in SCORES.items()]
    done = run(tmp_path, option, given)
    expected = {case: after[OPTIONS.index(option)] for case, (_, _, after) in SCORES.items()}
    assert dict(zip(SCORES, done.scores(), strict=True)) == expected
    assert done.scores("OverallTheta") == [theta for theta, _, _ in SCORES.values()]
    assert {c["opportunity_id"]: c["scale_score_after"] for c in done.changes} == {
        case: after for case, after in expected.items() if after != SCORES[case][1]
    }
    assert done.summary.total("n_changed") == len(done.changes)


@pytest.mark.parametrize("option", OPTIONS)
def test_the_option_a_file_has_changes_no_cell(option: str, tmp_path: Path) -> None:
    given = [result(theta, before, case) for case, (theta, before, _) in SCORES.items()]
    first = run(tmp_path, option, given)
    again = run_on(tmp_path, option, [first.folder])
    assert again.tests == first.tests
    assert again.changes == []
    assert again.summary.total("n_changed") == 0


# --- levels, ratings, errors ------------------------------------------------------------


def test_a_level_follows_the_score_and_an_error_of_another_theta_goes(tmp_path: Path) -> None:
    given = [
        result("1.0", "2400", "wrong"),
        result("2.9", "2701", "clipped"),
        result("0.0", "2508", "inside"),
        result("2.9", "2701", "none", ScaleScoreAchievementLevel=""),
    ]
    done = run(tmp_path, OPTION_3, given)
    assert done.scores("ScaleScoreAchievementLevel") == ["4", "4", "3", ""]
    assert done.row()["n_level_changed"] == 1
    assert done.scores("ScaleScoreStandardError") == ["", "", "21.4", ""]
    assert done.rules["rescale_error_unknown"] == 1
    kept = run(tmp_path, OPTION_3, given, keeps_errors=True)
    assert kept.scores("ScaleScoreStandardError") == ["21.4"] * 4
    assert kept.rules["rescale_error_kept"] == 1
    assert kept.summary.findings["rescale_error_kept"] == 1


def claim(theta: str, score: str, error: str, rating: str) -> Row:
    return result("0.0", "2508", Claim1Theta=theta, Claim1Score=score,
                  Claim1ScoreStandardError=error, Claim1ScoreAchievementLevel=rating)  # fmt: skip


@pytest.mark.parametrize(
    ("option", "given", "expected"),
    [
        (OPTION_2, claim("2.9", "2701", "50", "3"), ("2730", "", "3")),  # at HOSS: above
        (OPTION_1, claim("-4.0", "2165", "50", "1"), ("2201", "", "1")),  # at LOSS: below
        (OPTION_3, claim("2.9", "2701", "50", "3"), ("2757", "", "")),  # hangs on the error
        (OPTION_3, claim("0.5", "2551", "20", "3"), ("2551", "20", "3")),  # not touched
    ],
)
def test_a_claim_is_rescaled_with_its_rating(
    option: str, given: Row, expected: tuple[str, ...], tmp_path: Path
) -> None:
    done = run(tmp_path, option, [given])
    [row] = done.tests
    names = ("Claim1Score", "Claim1ScoreStandardError", "Claim1ScoreAchievementLevel")
    assert tuple(row[name] for name in names) == expected
    assert {change["measure"] for change in done.changes} <= {"claim:SOCK_R"}


def test_a_rating_that_hangs_on_a_kept_error_is_worked_out_from_it(tmp_path: Path) -> None:
    wide, narrow = claim("2.9", "2701", "200", "3"), claim("2.9", "2701", "50", "2")
    for given, rating in ((wide, "2"), (narrow, "3")):  # 2757 less one and a half errors; 2502
        done = run(tmp_path, OPTION_3, [given], keeps_errors=True)
        assert done.scores("Claim1ScoreAchievementLevel") == [rating]


def test_a_block_has_a_rating_and_no_level(tmp_path: Path) -> None:
    block = {"AssessmentType": "Interim", "AssessmentName": "INV-IAB-5E"}
    done = run(tmp_path, OPTION_2, [result("2.9", "2701", **block)])
    assert done.scores("ScaleScoreAchievementLevel") == ["3"]  # the highest rating


# --- the report ----------------------------------------------------------------------


def test_the_report_counts_who_changes_and_by_how_much(tmp_path: Path) -> None:
    given = [
        result("2.9", "2701", "up"), result("2.4", "2701", "up less"),
        result("-5.0", "2201", "down"), result("0.0", "2508", "stays"),
        result("", "2400", "left"), result("1.0", "2400", "other level"),
    ]  # fmt: skip
    done = run(tmp_path, OPTION_3, given)
    row = done.row()
    counts = {name: row[name] for name in ("n_scores", "n_changed", "n_up", "n_down", "n_left")}
    assert counts == {"n_scores": 6, "n_changed": 4, "n_up": 3, "n_down": 1, "n_left": 1}
    assert (row["largest_rise"], row["largest_fall"]) == (194, -122)
    assert row["mean_change"] == (56 + 13 - 122 + 194) / 4
    assert (row["school_year"], row["subject"], row["test_grade"]) == ("2018-19", "ELA", "05")
    assert (row["n_at_highest_before"], row["n_at_lowest_before"]) == (2, 1)
    assert (row["n_at_highest_after"], row["n_at_lowest_after"]) == (0, 0)
    assert not done.summary.is_whole
    matrix = {
        (r["level_before"], r["level_after"]): r["n_scores"]
        for r in done.summary.levels.to_pylist()
    }
    assert matrix == {(4, 4): 2, (1, 4): 1, (3, 3): 1, (1, 1): 2}
    changes = {c["opportunity_id"]: int(c["difference"]) for c in done.changes}
    assert changes == {"up": 56, "up less": 13, "down": -122, "other level": 194}


def test_years_and_grades_stand_apart(tmp_path: Path) -> None:
    given = [
        result("2.9", "2701", "a", SchoolYear="2018"), result("2.9", "2701", "b"),
        result("0.0", "2508", "c", TestGrade="06", SchoolYear="2016"),
    ]  # fmt: skip
    found = run(tmp_path, OPTION_2, given).summary.report.to_pylist()
    assert [(r["school_year"], r["test_grade"], r["n_up"]) for r in found] == [
        ("2015-16", "06", 0), ("2017-18", "05", 1), ("2018-19", "05", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("n_beyond", "n_warned"), [(1, 0), (2, 1)])
def test_too_many_at_an_end_is_a_warning(n_beyond: int, n_warned: int, tmp_path: Path) -> None:
    """A member's own bounds may cut off 2 % at each end: one of fifty, not two."""
    given = [result("2.9", "2701", f"h{n}") for n in range(n_beyond)]
    given += [result("0.0", "2508", f"op-{n}") for n in range(50 - n_beyond)]
    done = run(tmp_path, OPTION_1, given)
    assert done.rules["rescale_many_at_end"] == n_warned
    assert run(tmp_path, OPTION_3, given).rules["rescale_many_at_end"] == 0


# --- what is said --------------------------------------------------------------------


def test_a_theta_that_is_no_number_leaves_the_score(tmp_path: Path) -> None:
    thetas = ["", "NaN", "inf", "-1e999", "abc"]
    given = [result(theta, "2400", f"op-{n}") for n, theta in enumerate(thetas)]
    done = run(tmp_path, OPTION_3, [*given, result("2.9", "2701", "good")])
    assert done.scores() == ["2400"] * 5 + ["2757"]
    assert done.scores("OverallTheta") == [*thetas, "2.9"]
    assert done.row()["n_left"] == 5
    [finding] = [f for f in done.findings if f["rule"] == "rescale_theta_missing"]
    assert (finding["record"], finding["field"], finding["row"]) == ("op-0", "ScaleScore", "1")
    assert finding["message"].startswith("5 scores")


def test_without_rules_a_score_stays_and_says_why(tmp_path: Path) -> None:
    odd: list[dict[str, str]] = [
        {"SchoolYear": "1999"}, {"Subject": "Latin"}, {"TestGrade": "10"}, {"SchoolYear": ""},
    ]  # fmt: skip
    given = [result("2.9", "2701", f"op-{n}", **one) for n, one in enumerate(odd)]
    done = run(tmp_path, OPTION_3, [*given, result("2.9", "2701", "good")])
    assert done.scores() == ["2701"] * 4 + ["2757"]
    assert done.rules["rescale_impossible"] == 4
    assert done.summary.total("n_left") == 4
    told = [f["message"] for f in done.findings if f["rule"] == "rescale_impossible"]
    assert sum("no rules for the year" in message for message in told) == 2
    assert sum("for the subject and grade" in message for message in told) == 2


def test_a_theta_cut_off_where_the_scale_ends_is_told(tmp_path: Path) -> None:
    given = [result("2.2498", "2701"), result("-3.5763", "2201", "op-2")]
    done = run(tmp_path, OPTION_3, given)
    assert done.rules["rescale_theta_cut_off"] == 2
    assert done.row()["n_left"] == 2
    assert (done.row()["n_at_highest_after"], done.row()["n_at_lowest_after"]) == (1, 1)
    assert run(tmp_path, OPTION_1, given).rules["rescale_theta_cut_off"] == 0


def test_a_score_that_no_option_explains_is_told_with_what_theta_gives(tmp_path: Path) -> None:
    [finding] = [
        finding
        for finding in run(tmp_path, OPTION_3, [result("1.0", "2400")]).findings
        if finding["rule"] == "rescale_score_unexplained"
    ]
    assert (finding["record"], finding["value"]) == ("op-1", "2400")
    assert "2594" in finding["message"]


def test_nothing_to_rescale_is_said(tmp_path: Path) -> None:
    done = run(tmp_path, OPTION_3, [result("", "")])
    assert done.rules["rescale_no_score"] == 1
    assert done.summary.is_whole


def test_no_student_is_named(tmp_path: Path) -> None:
    run(tmp_path, OPTION_3, [result("2.9", "2701"), result("", "2400", "op-2")])
    beside = [path for path in tmp_path.iterdir() if path.is_file()]
    assert len(beside) == len(("findings", "changes", "report", "levels"))
    assert not any("9000000001" in path.read_text(encoding="utf-8") for path in beside)


# --- inputs --------------------------------------------------------------------------


def test_a_test_and_an_item_table_given_as_files_are_read_together(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    paths = write_tables(folder, [result("2.9", "2701")], [ITEM])
    done = run_on(tmp_path, OPTION_3, paths)
    assert done.rules == Counter(rescale_error_unknown=1)
    assert (done.scores(), done.summary.left_out) == (["2757"], 0)


def test_the_same_test_in_two_deliveries_is_told(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        write_tables(folder, [result("2.9", "2701")], [ITEM])
    done = run_on(tmp_path, OPTION_3, folders)
    assert done.rules["rescale_test_apart"] == 1
    assert done.row()["n_scores"] == 2


def test_an_input_given_twice_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    write_tables(folder, [result("2.9", "2701")], [ITEM])
    with pytest.raises(UsageError, match="given twice"):
        run_on(tmp_path, OPTION_3, [folder, folder / "."])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given"]
