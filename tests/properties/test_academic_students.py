"""Sums from students: the SQL gives what the readable form gives, for students of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from academic_students import (
    YEAR,
    by_chance,
    engine,
    register,
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


@pytest.mark.parametrize("dashboard", DASHBOARDS)
def test_everybody_is_counted_or_left_out_for_one_reason(dashboard: str) -> None:
    about = setting(student_rules(dashboard), "Math")
    spells, records = by_chance(3, 800, about.rules)
    everybody = members(spells, records, about)
    reasons = [f"left_out_{reason}" for reason in LEFT_OUT if reason != "duplicate"]
    sums = sums_by_hand(spells, records, about)["0" * 14, "X", "ALL"]
    assert sums["scores"] + sum(sums[name] for name in reasons) == len(everybody)
