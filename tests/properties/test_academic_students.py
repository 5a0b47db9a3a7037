"""Sums from students: the SQL gives what the readable form gives, for students of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from academic_students import (
    YEAR,
    as_sums,
    by_chance,
    engine,
    register,
    register_all,
    run,
    setting,
    sums_by_hand,
    sums_by_sql,
)
from scorehouse.accountability.academic.members import members
from scorehouse.accountability.academic.sums import LEFT_OUT
from scorehouse.rulebook.dashboard_students import student_rules

DASHBOARDS = ("2017-fall", "2018", "2019", "2024")


@pytest.mark.parametrize("dashboard", DASHBOARDS)
@pytest.mark.parametrize("subject", ["ELA", "Math"])
def test_a_state_of_students_by_chance(tmp_path: Path, dashboard: str, subject: str) -> None:
    about = setting(student_rules(dashboard), subject)
    spells, records = by_chance(DASHBOARDS.index(dashboard), 2_000, about.rules)
    where = engine(tmp_path)
    register(where, spells, records, about)
    expected = sums_by_hand(spells, records, about)
    assert sums_by_sql(where, about) == expected
    assert len(expected) > 100
    where.close()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 40), by_window=st.booleans())
def test_few_students_at_a_time(tmp_path: Path, seed: int, count: int, by_window: bool) -> None:
    changes = {"testing_day": "window", "residence": "special", "gap_days": 10} if by_window else {}
    about = setting(student_rules("2019", changes), "ELA")
    spells, records = by_chance(seed, count, about.rules)
    where = engine(tmp_path)
    register(where, spells, records, about)
    assert sums_by_sql(where, about) == sums_by_hand(spells, records, about)
    where.close()


def test_every_student_has_the_same_reason_in_both_forms(tmp_path: Path) -> None:
    about = setting(student_rules("2019"), "ELA")
    spells, records = by_chance(7, 1_500, about.rules)
    where = engine(tmp_path)
    register(where, spells, records, about)
    table = run(where, about).members(about, YEAR).to_pylist()
    expected = [
        {
            "student_id": one.student_id,
            "school_id": one.school_id,
            "lea_id": one.lea_id,
            "student_groups": one.groups,
            "school_reason": one.reasons["S"],
            "lea_reason": one.reasons["D"],
            "state_reason": one.reasons["X"],
            "distance": one.distance,
            "is_enrolled": one.is_enrolled,
            "is_tested": one.is_tested,
            "records": one.records,
        }
        for one in members(spells, records, about)
    ]
    found = [{**row, "student_groups": frozenset(row["student_groups"])} for row in table]
    assert found == expected
    met = {reason for one in expected for reason in (one["school_reason"], one["lea_reason"])}
    assert met >= {*LEFT_OUT, ""} - {"duplicate", "alternate"}
    where.close()


def test_both_subjects_of_two_years_read_at_once(tmp_path: Path) -> None:
    """Of each year and subject other students, who have several results in some of them only."""
    rules = student_rules("2019")
    settings = [(year, setting(rules, of)) for year in (YEAR, "2017-18") for of in ("ELA", "Math")]
    made = [by_chance(seed, 300, rules) for seed in range(len(settings))]
    spells = {year: made[place][0] for place, (year, _) in enumerate(settings)}  # the last of each
    where = engine(tmp_path)
    results = [
        (year, about.subject, records)
        for (year, about), (_, records) in zip(settings, made, strict=True)
    ]
    register_all(where, spells.items(), results)
    at_once = run(where, settings[0][1])
    at_once.prepare(settings)
    for (year, about), (_, records) in zip(settings, made, strict=True):
        found = as_sums(at_once.sums(about, year))
        assert found == sums_by_hand(spells[year], records, about), (year, about.subject)
    where.close()


@pytest.mark.parametrize(
    "identifier", [lambda n: f"9-{n}", lambda n: f"{'09' if n % 2 else '9'}{n // 2}"]
)
def test_identifiers_that_are_no_numbers(tmp_path: Path, identifier: Callable[[int], str]) -> None:
    """Nor are those that are told apart by a leading zero alone."""
    about = setting(student_rules("2019"), "ELA")
    spells, records = by_chance(11, 200, about.rules)
    named = {f"9{n:09d}": identifier(n) for n in range(200)}
    spells = [replace(one, student_id=named[one.student_id]) for one in spells]
    records = [replace(one, student_id=named[one.student_id]) for one in records]
    where = engine(tmp_path)
    register(where, spells, records, about)
    assert sums_by_sql(where, about) == sums_by_hand(spells, records, about)
    found = run(where, about).members(about, YEAR)["student_id"].to_pylist()
    assert found == [one.student_id for one in members(spells, records, about)]
    where.close()


@pytest.mark.parametrize("dashboard", DASHBOARDS)
def test_everybody_is_counted_or_left_out_for_one_reason(dashboard: str) -> None:
    about = setting(student_rules(dashboard), "Math")
    spells, records = by_chance(3, 800, about.rules)
    everybody = members(spells, records, about)
    reasons = [f"left_out_{reason}" for reason in LEFT_OUT if reason != "duplicate"]
    sums = sums_by_hand(spells, records, about)["0" * 14, "X", "ALL"]
    assert sums["scores"] + sum(sums[name] for name in reasons) == len(everybody)
