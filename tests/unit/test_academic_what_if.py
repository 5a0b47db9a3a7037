"""What would change a figure: steps, margins, participation, scenarios, next year, chances."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehouse.accountability.academic.chances import chances
from scorehouse.accountability.academic.explain import changes
from scorehouse.accountability.academic.figure import Figure, figure
from scorehouse.accountability.academic.sums import Row, Sums
from scorehouse.accountability.academic.what_if import (
    Scenario,
    margins,
    next_year,
    steps,
    still_to_test,
    what_if,
)
from scorehouse.errors import UsageError
from scorehouse.rulebook.dashboard import COLORS
from scorehouse.rulebook.dashboard_load import academic_rules

RULES = academic_rules("2024")
DISTRICT = Row("99900010000000", "D", "ALL", "ELA")
POINT_ONE = Fraction(1, 10)


def sums(n: int, mean: str, enrolled: int | None = None, tested: int | None = None) -> Sums:
    there = n if enrolled is None else enrolled
    return Sums(n, n * Fraction(mean), enrolled=there, tested=there if tested is None else tested)


def of(current: Sums, prior: Sums, row: Row = DISTRICT) -> Figure:
    return figure(row, current, prior, RULES)


def test_points_to_other_colors_of_the_worked_example() -> None:
    """A district at -33.2 and +1.1: Yellow at +1.9, Green at +28.2, Blue at +43.2."""
    found = of(sums(5_000, "-33.2"), sums(5_000, "-34.3"))
    assert COLORS[found.decision.color] == "Orange"
    told = {COLORS[step.color]: step for step in steps(found, RULES)}
    assert {name: float(step.points) for name, step in told.items()} == {
        "Red": -36.9, "Yellow": 1.9, "Green": 28.2, "Blue": 43.2,
    }  # fmt: skip
    assert told["Blue"].status == 10
    assert told["Blue"].change == Fraction("44.3")
    assert told["Yellow"].total == 9_250  # 1.85 a student, since +2.95 rounds to +3.0


def test_a_step_says_which_figures_it_was_counted_from() -> None:
    """Printed figures and exact ones ask for other points, and end a tenth apart."""
    found = of(sums(1_922, "-33.24"), sums(1_922, "-34.33"))
    assert (found.decision.status, found.decision.change) == (Fraction("-33.2"), Fraction("1.1"))
    (yellow,) = (step for step in steps(found, RULES) if COLORS[step.color] == "Yellow")
    assert (yellow.status, yellow.status_by_total) == (Fraction("-31.3"), Fraction("-31.4"))
    assert yellow.total == 3_575  # 1.86 a student: 1.09 + 1.86 is the first to be printed as +3.0
    assert (
        "Yellow at 1.9 points more a student, counted from the printed figures (to Status -31.3, "
        "Change +3.0); counted before rounding, 3,575 points over 1,922 students (to Status "
        "-31.4, Change +3.0)." in changes(found, RULES)
    )


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(30, 900),
    total=st.integers(-120, 90),
    rest=st.integers(0, 29),
    prior=st.integers(-100, 80),
)
def test_a_step_is_the_least_that_gives_its_color(
    n: int, total: int, rest: int, prior: int
) -> None:
    current = Sums(n, Fraction(n * total + rest), enrolled=n, tested=n)
    before = Sums(40, Fraction(40 * prior + 7), enrolled=40, tested=40)
    found = of(current, before)
    for step in steps(found, RULES):
        there = replace(current, distance_sum=current.distance_sum + step.total)
        then = of(there, before).decision
        assert then.color == step.color
        assert (then.status, then.change) == (step.status_by_total, step.change_by_total)
        less = step.total - 1 if step.total > 0 else step.total + 1
        nearer = replace(current, distance_sum=current.distance_sum + less)
        assert of(nearer, before).decision.color != step.color
        assert abs(Fraction(step.total, n) - step.points) <= POINT_ONE


def test_margins_are_to_the_cuts_beside() -> None:
    found = margins(of(sums(100, "-33.2"), sums(100, "-34.3")), RULES)
    assert (found.status_above, found.status_below) == (Fraction("28.2"), Fraction("36.8"))
    assert (found.change_above, found.change_below) == (Fraction("1.9"), Fraction(4))
    assert not found.may_flip
    assert margins(of(sums(1_000, "9.96"), sums(1_000, "9.96")), RULES).may_flip
    top = margins(of(sums(100, "60"), sums(100, "20")), RULES)
    assert (top.status_above, top.change_above) == (None, None)


def test_students_still_to_test_end_the_loss() -> None:
    """Learning for Life Charter 2023: 77 enrolled, 47 tested, 26 records added."""
    lacking = sums(27, "-32.3", 77, 47)
    assert still_to_test(lacking, RULES) == 26
    enough = replace(lacking, tested=47 + 26)
    assert still_to_test(enough, RULES) == 0
    assert of(enough, enough).current.loss_count == 0
    assert of(replace(lacking, tested=72), lacking).current.loss_count == 1
    assert still_to_test(Sums(5, Fraction(1)), RULES) is None
    assert still_to_test(lacking, academic_rules("2017-fall")) is None


def test_scenarios_change_this_year_only() -> None:
    found = of(sums(100, "-12", 110, 100), sums(100, "-12"))
    assert found.current.loss_count == 4
    more = what_if(found, Scenario(more_tested=4, more_distance=Fraction(-50)), RULES)
    assert (more.current.n, more.current.loss_count) == (104, 0)
    assert more.current.value == Fraction(-1200 - 200, 104)
    better = what_if(found, Scenario(points=Fraction(5), points_students=40), RULES)
    assert better.current.value_without == Fraction(-1200 + 200, 100)
    without = what_if(found, Scenario(left_out=10, left_out_points=Fraction(-600)), RULES)
    assert without.current.value_without == Fraction(-600, 90)
    assert without.prior == found.prior


@pytest.mark.parametrize(
    "scenario",
    [Scenario(points_students=101), Scenario(more_tested=11), Scenario(left_out=101),
     Scenario(left_out=-1), Scenario(more_tested=-1), Scenario(points_students=-1)],
)  # fmt: skip
def test_more_students_than_there_are_or_fewer_than_none_are_refused(scenario: Scenario) -> None:
    with pytest.raises(UsageError):
        what_if(of(sums(100, "-12", 110, 100), sums(100, "-12")), scenario, RULES)


@settings(max_examples=60, deadline=None)
@given(mean=st.integers(-110, 80), tenths=st.integers(0, 9))
def test_next_years_bar_gives_its_color_and_a_tenth_less_doesnt(mean: int, tenths: int) -> None:
    now = sums(200, f"{mean}.{tenths}")
    for bar in next_year(of(now, now), RULES):
        reached = of(sums(200, str(float(bar.status))), now).decision
        assert (reached.color, reached.change) == (bar.color, bar.change)
        if COLORS[bar.color] != "Red":
            missed = of(sums(200, str(round(float(bar.status) - 0.1, 1))), now).decision
            assert missed.color != bar.color


def test_chances_of_a_sure_color_and_of_a_close_one() -> None:
    rng = np.random.default_rng(7)
    spread = np.tile([-80.0, -40.0, 0.0, 40.0, 80.0], 60)
    sure = of(sums(300, "100"), sums(300, "60"))
    found = chances(sure, spread + 100, spread + 60, RULES, rng)
    assert found is not None
    assert found.colors[5] > 0.95
    close = of(sums(300, "10"), sums(300, "7"))
    even = chances(close, spread + 10, spread + 7, RULES, rng)
    assert even is not None
    assert 0.2 < even.colors.get(close.decision.color, 0) < 0.9
    assert sum(even.colors.values()) == pytest.approx(1)
    assert even.status[0] < 10 < even.status[1]


def test_the_spread_of_status_is_that_of_a_mean() -> None:
    rng = np.random.default_rng(3)
    spread = np.tile([-60.0, 60.0], 200)
    found = chances(of(sums(400, "0"), sums(400, "0")), spread, spread, RULES, rng, draws=20_000)
    assert found is not None
    assert found.status[1] - found.status[0] == pytest.approx(2 * 1.96 * 60 / 20, rel=0.05)
    wide = found.change[1] - found.change[0]
    assert wide == pytest.approx(2 * 1.96 * 60 / 20 * 2**0.5, rel=0.05)


def test_without_measurement_error_chance_does_less() -> None:
    spread, error = np.tile([-60.0, 60.0], 200), np.full(400, 36.0)
    row = of(sums(400, "0"), sums(400, "0"))
    with_it = chances(row, spread, spread, RULES, np.random.default_rng(3))
    without = chances(
        row, spread, spread, RULES, np.random.default_rng(3), se_current=error, se_prior=error
    )
    assert with_it is not None
    assert without is not None
    assert (with_it.with_measurement_error, without.with_measurement_error) == (True, False)
    shrunk = (without.status[1] - without.status[0]) / (with_it.status[1] - with_it.status[0])
    assert shrunk == pytest.approx((1 - 36**2 / 60**2) ** 0.5, rel=0.02)


def test_participation_stays_in_every_draw() -> None:
    lacking = of(sums(100, "20", 120, 100), sums(100, "20"))
    flat = np.full(100, 20.0)
    found = chances(lacking, flat, flat, RULES, np.random.default_rng(1))
    assert found is not None
    assert found.colors == {lacking.decision.color: 1.0}
    assert lacking.decision.status is not None
    assert found.status == (pytest.approx(float(lacking.decision.status)),) * 2


def test_the_same_generator_gives_the_same_chances() -> None:
    row, spread = of(sums(60, "3"), sums(60, "1")), np.linspace(-90, 90, 60)
    one, two = (chances(row, spread + 3, spread + 1, RULES, np.random.default_rng(5))
                for _ in range(2))  # fmt: skip
    assert one == two


def test_no_chances_without_a_color() -> None:
    few = of(sums(20, "3"), sums(20, "1"))
    assert steps(few, RULES) == ()
    assert chances(few, np.zeros(20), np.zeros(20), RULES, np.random.default_rng(1)) is None
