"""Worked examples of public guides: every one is reproduced, with what it shows."""

from __future__ import annotations

import csv
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from scorehouse.accountability.academic.academic import (
    loss_count_2022,
    participation_rate,
    rounded,
    status,
)
from scorehouse.accountability.academic.figure import Decision, Evidence, decide, figure
from scorehouse.accountability.academic.printed import printed_row
from scorehouse.accountability.academic.sums import Row, Sums
from scorehouse.accountability.academic.what_if import steps
from scorehouse.rulebook import load
from scorehouse.rulebook.dashboard import CHANGE_LEVELS, COLORS, STATUS_LEVELS, AcademicRules
from scorehouse.rulebook.dashboard_load import academic_rules
from scorehouse.terms import Subject

SCHOOL = Row("99900010000017", "S", "ALL", "ELA")
DISTRICT = Row("99900010000000", "D", "ALL", "ELA")
MANY = 100
HALF_A_TENTH = Fraction(1, 20)


def words(decision: Decision) -> tuple[str, str, str]:
    return (
        STATUS_LEVELS[decision.status_level],
        CHANGE_LEVELS[decision.change_level],
        COLORS[decision.color],
    )


def decided(row: Row, value: str, change: str, dashboard: str) -> Decision:
    evidence = Evidence(MANY, Fraction(value), MANY, None, Fraction(change))
    return decide(row, evidence, academic_rules(dashboard))


def met(year: str, subject: Subject, grade: str) -> int:
    return load().at(year).cuts[subject, grade].scale[1]


def ends(n: int, without: str, added: int, rules: AcademicRules, subject: str) -> list[Fraction]:
    """What Status can be, since Status without records is printed to a tenth."""
    total = added * rules.lowest_distance[subject]
    return [
        rounded((n * (Fraction(without) + half) + total) / (n + added), rules)
        for half in (-HALF_A_TENTH, HALF_A_TENTH)
    ]


# --- one function an example ---


def method_page() -> None:
    """The label of Change is spring's; the color is the same on every Dashboard."""
    assert words(decided(SCHOOL, "12.7", "4", "2017-spring")) == ("High", "Maintained", "Green")
    for dashboard in ("2017-fall", "2018", "2024"):
        assert words(decided(SCHOOL, "12.7", "4", dashboard)) == ("High", "Increased", "Green")


def five_students() -> None:
    seventh, eighth = (met("2015-16", Subject.ELA, grade) for grade in ("07", "08"))
    distances = [2562 - seventh, 2557 - eighth, 10, 2597 - eighth, 5]
    assert distances == [10, -10, 10, 30, 5]
    value = status(Sums(5, Fraction(sum(distances))), SCHOOL, academic_rules("2017-spring")).value
    assert value == 9
    for dashboard in ("2017-spring", "2018"):
        found = decided(SCHOOL, str(value), str(value + 5), dashboard)
        assert words(found) == ("Medium", "Increased", "Green")


def deduction() -> None:
    sums = Sums(100, Fraction(900), enrolled=100, tested=91)
    for dashboard in ("2018", "2019"):
        found = status(sums, SCHOOL, academic_rules(dashboard))
        assert (found.rate, found.adjustment, found.value) == (91, -1, 8)


def records() -> None:
    rules = academic_rules("2023")
    assert (participation_rate(188, 206), loss_count_2022(206, 188, rules)) == (91, 7)
    low, high = ends(185, "8.7", 7, rules, "ELA")
    assert low <= Fraction("-3.7") <= high


def many_records() -> None:
    rules = academic_rules("2023")
    assert (participation_rate(47, 77), loss_count_2022(77, 47, rules)) == (61, 26)
    low, high = ends(27, "-32.3", 26, rules, "ELA")
    assert low <= Fraction("-179.8") <= high


def constant_of_2022() -> None:
    rules = academic_rules("2022")
    assert (participation_rate(36, 65), loss_count_2022(65, 36, rules)) == (55, 26)
    sums = Sums(22, 22 * Fraction("-140.2"), enrolled=65, tested=36)
    found = status(sums, Row("99900010000017", "S", "ALL", "Math"), rules)
    assert found.n == 48
    assert found.value is not None
    assert rounded(found.value, rules) == Fraction("-197.5")


def pooled() -> None:
    rules = academic_rules("2024")
    assert rules.pools_alternate
    assert 6750 + 167 == 6917
    pools = [
        (6750 * (Fraction("-24.9") + half) + 167 * (Fraction("11.2") + half)) / 6917
        for half in (-HALF_A_TENTH, HALF_A_TENTH)
    ]
    assert round(float(sum(pools)) / 2, 2) == -24.03
    low, high = (rounded(value, rules) for value in pools)
    assert low <= Fraction("-24.1") <= high


def unrounded_change() -> None:
    cells = {"cds": "99900010000017", "entity_type": "S", "student_group": "ALL",
             "status": "-73.9", "prior_status": "-69.0"}  # fmt: skip
    ours, _ = printed_row(cells, "2018", "ELA", compute_change=True)
    theirs, _ = printed_row({**cells, "change": "-4.8"}, "2018", "ELA", compute_change=True)
    assert ours is not None
    assert theirs is not None
    assert (ours.points["change"], ours.recomputed_change) == (Fraction("-4.9"), True)
    assert (theirs.points["change"], theirs.recomputed_change) == (Fraction("-4.8"), False)


def pair_and_share() -> None:
    evidence = Evidence(
        40, Fraction("-47.6"), 0, Fraction("-60.9"), Fraction("13.3"), pair_and_share="DA"
    )
    found = decide(SCHOOL, evidence, academic_rules("2018"))
    assert words(found) == ("Low", "Increased", "Yellow")


def boundaries() -> None:
    for dashboard in ("2018", "2023", "2024"):
        levels = [words(decided(SCHOOL, value, "0", dashboard))[0] for value in ("-70.0", "-70.1")]
        assert levels == ["Low", "Very Low"]
        changes = ("-15.0", "-15.1", "-3.0", "3.0", "15.0")
        assert [words(decided(SCHOOL, "0", value, dashboard))[1] for value in changes] == [
            "Declined", "Declined Significantly", "Declined", "Increased",
            "Increased Significantly",
        ]  # fmt: skip


def from_means() -> None:
    """An estimate only: it knows nothing of who was continuously enrolled."""
    assert 2407 - met("2017-18", Subject.MATH, "06") == -145


def points_to_next() -> None:
    current = Sums(5_000, 5_000 * Fraction("-33.2"), enrolled=5_000, tested=5_000)
    prior = Sums(5_000, 5_000 * Fraction("-34.3"), enrolled=5_000, tested=5_000)
    rules = academic_rules("2024")
    found = figure(DISTRICT, current, prior, rules)
    assert words(found.decision) == ("Low", "Maintained", "Orange")
    ways = {COLORS[step.color]: step for step in steps(found, rules) if step.points > 0}
    assert {name: step.points for name, step in ways.items()} == {
        "Yellow": Fraction("1.9"), "Green": Fraction("28.2"), "Blue": Fraction("43.2"),
    }  # fmt: skip
    assert (ways["Blue"].status, ways["Blue"].change) == (10, Fraction("44.3"))


EXAMPLES: dict[str, Callable[[], None]] = {
    "W1": method_page,
    "W2": five_students,
    "W3": deduction,
    "W4": records,
    "W5": many_records,
    "W6": constant_of_2022,
    "W7": pooled,
    "W8": unrounded_change,
    "W9": pair_and_share,
    "W10": boundaries,
    "W11": from_means,
    "W12": points_to_next,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_is_reproduced(name: str) -> None:
    EXAMPLES[name]()


def test_no_example_is_left_out(shared: Path) -> None:
    path = shared / "cases" / "dashboard_worked_examples.csv"
    with path.open(newline="", encoding="utf-8-sig") as stream:
        assert {row["id"] for row in csv.DictReader(stream)} == {*EXAMPLES}
