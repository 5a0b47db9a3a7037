"""The state's published rows: levels, colors and counts recomputed, row by row."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from scorehouse.accountability.academic.academic import (
    loss_count_2022,
    participation_rate,
    points_2018,
    rounded,
)
from scorehouse.accountability.academic.figure import Decision, Evidence, decide
from scorehouse.accountability.academic.sums import Row
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard import CHANGE_LEVELS, COLORS, STATUS_LEVELS
from scorehouse.rulebook.dashboard_load import academic_rules
from scorehouse.verbs.indicator_audit import audit_file

HALF_A_TENTH = Fraction(1, 20)
LEDGER = {
    ("2017-fall", "change_level"): "The method page's example has the label of spring's cuts.",
    ("2017-fall", "box"): "The page prints no box.",
}
"""Every value of the published rows that the rules don't give, and why."""

Printed = Mapping[str, str]


_PUBLISHED: list[Printed] = []


@pytest.fixture(autouse=True)
def _read_once(shared: Path) -> None:
    if not _PUBLISHED:
        path = shared / "cases" / "dashboard_published.csv"
        with path.open(newline="", encoding="utf-8-sig") as stream:
            _PUBLISHED.extend(csv.DictReader(stream))


def published() -> list[Printed]:
    return _PUBLISHED


def rows_of(*years: str) -> list[Printed]:
    return [row for row in published() if row["year"] in years]


def number(text: str) -> Fraction | None:
    return Fraction(text) if text else None


def count(text: str) -> int | None:
    return int(text) if text else None


def row_of(printed: Printed) -> Row:
    return Row(
        printed["cds"], printed["level"], printed["studentgroup"], printed["subject"].title()
        if printed["subject"] != "ELA" else "ELA", printed["hs_cutpoints"] == "Y",
        printed["charter"] == "Y", printed["dass"] == "Y",
    )  # fmt: skip


def decided(printed: Printed, dashboard: str = "") -> Decision:
    evidence = Evidence(
        count(printed["n_current"]) or 0, number(printed["status"]),
        count(printed["n_prior"]) or 0, number(printed["prior_status"]),
        number(printed["change"]), count(printed["n_current_swd_rule"]),
        count(printed["n_prior_swd_rule"]), printed["pairshare"],
    )  # fmt: skip
    return decide(row_of(printed), evidence, academic_rules(dashboard or printed["year"]))


RATED_YEARS = ("2018", "2022", "2023", "2024")


@pytest.mark.parametrize("year", RATED_YEARS)
def test_levels_color_and_box_are_those_printed(year: str) -> None:
    wrong = []
    for printed in rows_of(year):
        found = decided(printed)
        ours = (found.status_level, found.change_level, found.color, found.box)
        theirs = tuple(
            int(printed[name] or 0) for name in ("status_level", "change_level", "color", "box")
        )
        if ours != theirs:
            wrong.append(
                (printed["cds"], printed["subject"], printed["studentgroup"], ours, theirs)
            )
    assert len(rows_of(year)) > 100
    assert wrong == []


def test_names_of_levels_and_colors_are_the_states() -> None:
    for printed in rows_of(*RATED_YEARS):
        found = decided(printed)
        if printed["status_level"]:
            assert STATUS_LEVELS[found.status_level] == printed["status_level_name"]
        if printed["change_level"]:
            assert CHANGE_LEVELS[found.change_level] == printed["change_level_name"]
        if printed["color"]:
            assert COLORS[found.color] == printed["color_name"]


@pytest.mark.parametrize("year", ["2022", "2023", "2024"])
def test_participation_adds_the_records_that_the_state_added(year: str) -> None:
    rules = academic_rules(year)
    checked = with_records = 0
    for printed in rows_of(year):
        enrolled, tested = count(printed["pr_enrolled"]), count(printed["pr_tested"])
        if enrolled is None or tested is None or not printed["n_without_loss"]:
            continue
        added = loss_count_2022(enrolled, tested, rules)
        assert participation_rate(tested, enrolled) == count(printed["pr_percent"])
        assert added == (count(printed["n_loss"]) or 0)
        assert int(printed["n_without_loss"]) + added == int(printed["n_current"])
        checked, with_records = checked + 1, with_records + bool(added)
    assert checked > 80
    assert with_records > 3


@pytest.mark.parametrize("year", ["2022", "2023", "2024"])
def test_status_with_added_records_follows_from_status_without(year: str) -> None:
    """Within what rounding of the printed Status without records leaves open."""
    rules = academic_rules(year)
    for printed in rows_of(year):
        without, value = number(printed["status_without_loss"]), number(printed["status"])
        if without is None or value is None or not printed["n_loss"]:
            continue
        n, n_without = int(printed["n_current"]), int(printed["n_without_loss"])
        added = int(printed["n_loss"]) * rules.lowest_distance[row_of(printed).subject]
        ends = [
            (n_without * (without + half) + added) / n for half in (-HALF_A_TENTH, HALF_A_TENTH)
        ]
        assert rounded(ends[0], rules) <= value <= rounded(ends[1], rules)


def test_points_are_taken_for_whole_percents() -> None:
    for printed in rows_of("2018"):
        for name in ("pr_adjustment_current", "pr_adjustment_prior"):
            taken = number(printed[name])
            if taken is not None:
                rate = 95 + int(taken / academic_rules("2018").points_per_percent)
                assert points_2018(rate, academic_rules("2018")) == taken


def test_change_is_never_recomputed_from_printed_values() -> None:
    """In a quarter of rows it differs from the difference of the printed Statuses."""
    both = [
        (number(row["change"]), Fraction(row["status"]) - Fraction(row["prior_status"]))
        for row in published()
        if row["change"] and row["prior_status"]
    ]
    apart = [printed - ours for printed, ours in both if printed is not None and printed != ours]
    assert len(apart) > len(both) / 5
    assert all(abs(one) == Fraction(1, 10) for one in apart)


def test_rows_of_2017_have_their_cells() -> None:
    """Spring 2017 rows print the cell only; the fall example's Change label is the older one."""
    spring = rows_of("2017 spring")
    assert len(spring) == 2
    for printed in spring:
        cell = (int(printed["status_level"]), int(printed["change_level"]))
        assert academic_rules("2017-spring").colors[cell] == int(printed["color"])
    (example,) = rows_of("2017 fall")
    row = row_of(example)
    evidence = Evidence(100, number(example["status"]), 100, None, number(example["change"]))
    assert COLORS[decide(row, evidence, academic_rules("2017-fall")).color] == "Green"
    in_spring = decide(row, evidence, academic_rules("2017-spring"))
    assert STATUS_LEVELS[in_spring.status_level] == example["status_level_name"]
    assert CHANGE_LEVELS[in_spring.change_level] == example["change_level_name"]
    assert COLORS[in_spring.color] == example["color_name"]


# --- the same through the audit ---


def test_the_audit_agrees_with_every_row_outside_the_ledger(shared: Path) -> None:
    log = FindingLog()
    found = audit_file(shared / "cases" / "dashboard_published.csv", log)
    told = found.as_json()
    assert log.counts() == {"academic_count_taken": 5}  # rows printed without their count
    assert (told["rows"], told["unexplained"], told["left_out"]) == (len(published()), 0, 0)
    assert told["nothing_compared"] == 0
    differing = [(one.printed.dashboard, each.what) for one in found.differing
                 for each in one.differences]  # fmt: skip
    assert sorted(differing) == sorted(LEDGER)
    compared = found.compared
    assert min(compared[what] for what in ("status_level", "change_level", "color", "box")) > 1_700
    assert min(compared[what] for what in ("loss_count", "participation", "n")) > 600


@pytest.mark.parametrize(
    ("column", "other"),
    [("status_level", 1), ("change_level", 1), ("color", 1), ("box", 10), ("n_loss", 1),
     ("pr_percent", 1), ("change", 1), ("n_current", 1), ("pr_adjustment_current", 0.1),
     ("pr_adjustment_current", 90)],
)  # fmt: skip
def test_a_value_that_was_altered_is_found(
    column: str, other: float, shared: Path, tmp_path: Path
) -> None:
    """One row in ten, where the column says something."""
    with (shared / "cases" / "dashboard_published.csv").open(encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    altered = 0
    for row in rows[::10]:
        if row[column] and (row["year"] >= "2022" or "adjustment" in column):
            row[column] = f"{float(Fraction(row[column]) + other):g}"
            altered += 1
    path = tmp_path / "altered.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    log = FindingLog()
    told = audit_file(path, log).as_json()
    assert altered > 5
    assert told["unexplained"] == altered


def test_a_file_that_doesnt_say_whose_cuts_hold_is_explained(shared: Path, tmp_path: Path) -> None:
    with (shared / "cases" / "dashboard_published.csv").open(encoding="utf-8-sig") as stream:
        rows = [row for row in csv.DictReader(stream) if row["hs_cutpoints"] == "Y"]
    path = tmp_path / "without.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        kept = [name for name in rows[0] if name != "hs_cutpoints"]
        writer = csv.DictWriter(stream, kept, extrasaction="ignore", restval="NA")
        writer.writeheader()
        writer.writerows({name: row[name] or "NA" for name in kept} for row in rows)
    told = audit_file(path, FindingLog()).as_json()
    assert (told["rows"], told["unexplained"], told["left_out"]) == (len(rows), 0, 0)
    assert told["explained"] > 20  # type: ignore[operator]
