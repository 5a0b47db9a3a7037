"""The indicator of a state's table equals the readable rule, row by row, on any sums."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehouse.accountability.academic.figure import Figure, figure
from scorehouse.accountability.academic.sums import LEFT_OUT, SUMS, row_of, sums_of
from scorehouse.accountability.academic.table import indicator_table
from scorehouse.errors import UsageError
from scorehouse.rulebook.dashboard_load import academic_rules, dashboards

GROUPS = ("ALL", "EL", "ELO", "SWD", "FOS", "WH")
SCHEMA = pl.Schema(
    {
        name: {"string": pl.String(), "bool": pl.Boolean()}.get(str(kind), pl.Int64())
        for name, kind in zip(SUMS.names, SUMS.types, strict=True)
    }
)


@st.composite
def sums_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of different keys, of few and of many students, near cuts and far from them."""
    found = []
    for number in range(draw(st.integers(1, 6))):
        scores = draw(st.sampled_from([0, 1, 10, 11, 14, 15, 29, 30, 31, 400, 3_000_000]))
        mean = draw(st.integers(-140_000, 100_000))
        near = draw(st.sampled_from([-70_000, -5_000, 0, 3_000, 10_000, 45_000, mean]))
        enrolled = draw(st.none() | st.integers(scores, 2 * scores + 3))
        tested = None if enrolled is None else draw(st.integers(scores // 2, enrolled))
        found.append(
            dict.fromkeys(SUMS.names)
            | {
                "entity_id": f"{99900010000000 + number}",
                "entity_type": draw(st.sampled_from("SDX")),
                "is_charter": draw(st.booleans()),
                "is_dass": draw(st.booleans()),
                "high_school_cuts": draw(st.booleans()),
                "student_group": draw(st.sampled_from(GROUPS)),
                "subject": draw(st.sampled_from(["ELA", "Math"])),
                "scores": scores,
                "distance_sum": scores * near + draw(st.integers(-60 * scores, 60 * scores)),
                "color_scores": draw(st.none() | st.integers(0, scores)),
                "enrolled": enrolled,
                "tested": tested,
                f"left_out_{LEFT_OUT[0]}": number,
            }
        )
    return found


@st.composite
def two_years(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    current, prior = draw(sums_rows()), draw(sums_rows())
    keys = ("entity_id", "entity_type", "student_group", "subject")
    matched = [row | {key: other[key] for key in keys}
               for row, other in zip(prior, current, strict=False)]  # fmt: skip
    return current, matched


def told(found: Figure) -> dict[str, Any]:
    """What the table says of the same row."""

    def points(value: Fraction | None) -> float | None:
        return None if value is None else float(value)

    decision = found.decision
    why = decision.why_not
    return {
        "n": found.current.n,
        "status": points(decision.status),
        "change": points(decision.change),
        "status_level": decision.status_level,
        "change_level": decision.change_level,
        "color": decision.color,
        "box": decision.box,
        "prior_n": None if found.prior is None else found.prior.n,
        "why_no_color": why.get("color", ""),
        "why_no_change": why.get("change", ""),
    }


@pytest.mark.parametrize("dashboard", dashboards())
@settings(max_examples=40, deadline=None)
@given(years=two_years())
def test_the_table_equals_the_readable_rule(
    dashboard: str, years: tuple[list[dict[str, Any]], list[dict[str, Any]]]
) -> None:
    current, prior = years
    rules = academic_rules(dashboard)
    prior_of = {(r["entity_id"], r["entity_type"], r["student_group"], r["subject"]): r
                for r in prior}  # fmt: skip
    known = [row for row in current if row["student_group"] in rules.groups]
    table = indicator_table(
        pl.DataFrame(known, schema=SCHEMA), pl.DataFrame(prior, schema=SCHEMA), rules
    )
    assert len(table) == len(known)
    for row, ours in zip(known, table.iter_rows(named=True), strict=True):
        key = (row["entity_id"], row["entity_type"], row["student_group"], row["subject"])
        before = prior_of.get(key)
        expected = told(
            figure(row_of(row), sums_of(row), sums_of(before) if before else None, rules)
        )
        assert {name: ours[name] for name in expected} == expected


def test_a_group_that_the_dashboard_lacks_is_refused() -> None:
    rows = [{"entity_id": "9" * 14, "entity_type": "S", "student_group": "LTEL", "subject": "ELA"}]
    with pytest.raises(UsageError, match="LTEL"):
        indicator_table(pl.DataFrame(rows, schema=SCHEMA), None, academic_rules("2023"))
