"""Cases of the Academic Indicator worked by hand: the readable rule and the table give them."""

from __future__ import annotations

import csv
from dataclasses import replace
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from house.walk import PACKAGE
from scorehouse.accountability.academic.academic import half_away, half_up
from scorehouse.accountability.academic.explain import reasons
from scorehouse.accountability.academic.figure import WORDS, Figure, figure
from scorehouse.accountability.academic.sums import POINT, SUMS, Row, Sums
from scorehouse.accountability.academic.table import indicator_table
from scorehouse.errors import RuleNotInForceError, UsageError
from scorehouse.rulebook.dashboard import HALF_AWAY
from scorehouse.rulebook.dashboard_load import academic_rules, dashboards

FILE = PACKAGE / "accountability" / "academic" / "cases.csv"
CASES = list(csv.DictReader(FILE.read_text(encoding="utf-8").splitlines()))
SCHEMA = pl.Schema(
    {
        name: {"string": pl.String(), "bool": pl.Boolean()}.get(str(kind), pl.Int64())
        for name, kind in zip(SUMS.names, SUMS.types, strict=True)
    }
)
COUNTS = ("scores", "color_scores", "enrolled", "tested")
POINTS = ("status", "prior_status", "change")
CODES = ("status_level", "change_level", "color", "box")


def row_of(case: dict[str, str]) -> Row:
    return Row(
        "99900010000017", case["entity_type"], case["student_group"], case["subject"],
        case["high_school_cuts"] == "Y", case["is_charter"] == "Y", case["is_dass"] == "Y",
    )  # fmt: skip


def sums_of(case: dict[str, str], prefix: str = "") -> Sums | None:
    if not case[f"{prefix}scores"]:
        return None
    counts = {name: int(case[f"{prefix}{name}"]) if case[f"{prefix}{name}"] else None
              for name in COUNTS[1:]}  # fmt: skip
    return Sums(
        int(case[f"{prefix}scores"]), Fraction(case[f"{prefix}distance_sum"]),
        counts["color_scores"], counts["enrolled"], counts["tested"],
    )  # fmt: skip


def figure_of(case: dict[str, str]) -> Figure:
    current = sums_of(case)
    assert current is not None
    return figure(row_of(case), current, sums_of(case, "prior_"), academic_rules(case["dashboard"]))


def table_row(case: dict[str, str]) -> dict[str, Any]:
    row = row_of(case)

    def frame(prefix: str) -> pl.DataFrame:
        sums = sums_of(case, prefix)
        assert sums is not None
        one = dict.fromkeys(SUMS.names) | {name: getattr(row, name) for name in vars(row)}
        one |= {name: getattr(sums, name) for name in COUNTS}
        return pl.DataFrame([one | {"distance_sum": int(sums.distance_sum * POINT)}], schema=SCHEMA)

    prior = frame("prior_") if case["prior_scores"] else None
    return indicator_table(frame(""), prior, academic_rules(case["dashboard"])).to_dicts()[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_readable_rule_gives_what_was_worked_by_hand(case: dict[str, str]) -> None:
    found = figure_of(case)
    decision = found.decision
    assert found.current.n == int(case["n"])
    printed = {"status": decision.status, "change": decision.change}
    for name, value in printed.items():
        assert (None if value is None else f"{float(value):.1f}") == (case[name] or None)
    if found.prior is not None and case["prior_status"]:
        assert found.prior.value is not None
        assert half_up(found.prior.value) == Fraction(case["prior_status"])
    assert [getattr(decision, name) for name in CODES] == [int(case[name]) for name in CODES]
    assert decision.why_not.get("color", "") == case["why_no_color"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_table_gives_the_same(case: dict[str, str]) -> None:
    found = table_row(case)
    assert found["n"] == int(case["n"])
    for name in POINTS:
        assert found[name] == (float(case[name]) if case[name] else None), name
    assert [found[name] for name in CODES] == [int(case[name]) for name in CODES]
    assert found["why_no_color"] == case["why_no_color"]


def test_the_cases_touch_every_dashboard_with_rows_and_every_reason() -> None:
    assert {case["dashboard"] for case in CASES} >= {*dashboards()} - {"2025"}
    assert {case["why_no_color"] for case in CASES} == {"", *WORDS}
    assert {int(case["color"]) for case in CASES} == set(range(6))
    assert len({case["because"] for case in CASES}) == len(CASES)


def test_an_uncertain_half_is_said_and_can_go_the_other_way() -> None:
    case = next(case for case in CASES if case["because"].startswith("a negative half goes up"))
    found = figure_of(case)
    assert [said.rule for said in found.uncertain] == ["rounding"]
    rules = replace(academic_rules(case["dashboard"]), rounding=HALF_AWAY)
    other = figure(found.row, found.current_sums, found.prior_sums, rules)
    assert (other.decision.status, other.decision.color) == (Fraction("-70.1"), 1)


def test_the_table_sends_halves_where_the_setting_says() -> None:
    rules = replace(academic_rules("2024"), rounding=HALF_AWAY)
    totals = [*range(-2_400, 2_450, 50)]  # hundredths of a point over 20 students are halves
    rows = [
        dict.fromkeys(SUMS.names)
        | {"entity_id": f"{99900010000000 + place}", "entity_type": "S", "student_group": "ALL",
           "subject": "ELA", "scores": 20, "distance_sum": 20 * total}
        for place, total in enumerate(totals)
    ]  # fmt: skip
    made = indicator_table(pl.DataFrame(rows, schema=SCHEMA), None, rules)["status"]
    exact = [Fraction(total, POINT) for total in totals]
    assert made.to_list() == [float(half_away(value)) for value in exact]
    assert any(half_away(value) != half_up(value) for value in exact)


def test_values_by_recollection_are_used_only_when_accepted() -> None:
    case = next(case for case in CASES if "recollection" in case["because"])
    found = figure_of(case)
    assert "low confidence" in found.decision.refused
    accepted = academic_rules("2017-spring", accept_uncertain=True)
    then = figure(found.row, found.current_sums, found.prior_sums, accepted)
    assert (then.decision.status_level, then.decision.change_level) == (4, 3)
    assert {"status_cuts", "change_cuts"} <= {said.rule for said in then.uncertain}


@pytest.mark.parametrize("year", ["2020", "2021"])
def test_years_without_a_dashboard_are_refused(year: str) -> None:
    with pytest.raises(RuleNotInForceError, match=year):
        academic_rules(year)


@pytest.mark.parametrize(("dashboard", "group"), [("2023", "LTEL"), ("2017-spring", "FOS")])
def test_a_group_before_its_first_dashboard_is_refused(dashboard: str, group: str) -> None:
    row = Row("99900010000000", "D", group, "ELA")
    with pytest.raises(UsageError, match=group):
        figure(row, Sums(40, Fraction(0)), None, academic_rules(dashboard))


def test_the_color_grids_and_cuts_are_one_row_a_dashboard() -> None:
    for name in dashboards():
        rules = academic_rules(name)
        assert bool(rules.colors) == bool(rules.change_cuts) == rules.has_change
        assert len(rules.colors) == 25 * rules.has_change
        for status in range(1, 5):
            for change in range(1, 6):
                if rules.colors:
                    assert rules.colors[status, change] <= rules.colors[status + 1, change]
                    assert rules.colors[change, status] <= rules.colors[change, status + 1]


def test_the_public_is_told_printed_values_only() -> None:
    case = next(case for case in CASES if "unrounded Statuses" in case["because"])
    found, rules = figure_of(case), academic_rules(case["dashboard"])
    staff, public = reasons(found, rules), reasons(found, rules, is_public=True)
    assert "add up to -7386 points" in staff[0]
    assert "-4.84 before rounding, -4.8 shown" in " ".join(staff)
    assert "Change is -4.8, which is Declined" in " ".join(public)
    assert not any(word in " ".join(public) for word in ("7386", "-4.84", "add up"))
