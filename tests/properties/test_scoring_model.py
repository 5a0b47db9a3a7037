"""Properties of the item models and of maximum likelihood, of the readable implementation."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cases.scoring_builders import rules_of
from cases.scoring_strategies import difficulties, discriminations, model_items, patterns, thetas
from scorehouse.scoring import reference
from scorehouse.scoring.models import Item, ScoredResponse
from scorehouse.terms import Part

D = rules_of("2018-19").model_constant
often = settings(deadline=None, max_examples=50)


def best(pattern: list[ScoredResponse]) -> float:
    return reference.maximum_likelihood(pattern, D)


def error(pattern: list[ScoredResponse], theta: float) -> float:
    information = reference.information(theta, [given.item for given in pattern], D)
    assume(information > 1e-6)
    return 1 / math.sqrt(information)


def precision(pattern: list[ScoredResponse], theta: float) -> float:
    """As near as doubles allow: 1e-9, or 1e-15 · SE²."""
    return max(1e-9, 1e-15 * error(pattern, theta) ** 2)


def with_score(given: ScoredResponse, score: float) -> ScoredResponse:
    return ScoredResponse(given.item, score, given.answered)


# --- one item ---


@often
@given(model_items(), thetas)
def test_probabilities_sum_to_one(made: Item, theta: float) -> None:
    probabilities = reference.category_probabilities(theta, made, D)
    assert len(probabilities) == made.points + 1
    assert all(0 <= p <= 1 for p in probabilities)
    assert math.fsum(probabilities) == pytest.approx(1, rel=0, abs=1e-14)


@often
@given(model_items(), thetas, st.floats(1e-3, 5))
def test_the_expected_score_rises_with_theta(made: Item, theta: float, more: float) -> None:
    lower = reference.expected_score(theta, made, D)
    higher = reference.expected_score(theta + more, made, D)
    assert 0 <= lower <= higher <= made.points


@often
@given(discriminations, difficulties)
def test_even_chances_at_the_difficulty(a: float, b: float) -> None:
    assert reference.expected_score(b, Item("made", a, (b,)), D) == 0.5


@often
@given(model_items(), st.floats(-1e6, 1e6))
def test_probabilities_hold_far_out(made: Item, theta: float) -> None:
    probabilities = reference.category_probabilities(theta, made, D)
    assert math.fsum(probabilities) == pytest.approx(1, rel=0, abs=1e-14)


@often
@given(model_items(), thetas)
def test_information_is_positive_and_is_the_slope_of_the_expected_score(
    made: Item, theta: float
) -> None:
    information = reference.information(theta, [made], D)
    assert information > 0
    h = 1e-4 / (D * made.discrimination * made.points)
    ends = [reference.expected_score(theta + s * h, made, D) for s in (-1, 1)]
    slope = D * made.discrimination * (ends[1] - ends[0]) / (2 * h)
    scale = (D * made.discrimination * made.points) ** 2
    assert slope == pytest.approx(information, rel=1e-5, abs=1e-6 * scale)


@often
@given(model_items(), thetas, st.floats(-3, 3))
def test_moving_item_and_student_together_changes_nothing(
    made: Item, theta: float, shift: float
) -> None:
    moved = Item("moved", made.discrimination, tuple(b + shift for b in made.steps))
    assert reference.category_probabilities(theta + shift, moved, D) == pytest.approx(
        reference.category_probabilities(theta, made, D), rel=1e-9, abs=1e-12
    )


# --- the estimate ---


@often
@given(patterns(), st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter(pattern: list[ScoredResponse], random: object) -> None:
    shuffled = list(pattern)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    theta = best(pattern)
    assert best(shuffled) == pytest.approx(theta, rel=0, abs=precision(pattern, theta))


@often
@given(patterns(), st.integers(0, 12))
def test_cat_and_pt_are_one_likelihood(pattern: list[ScoredResponse], cut: int) -> None:
    parts = [Part.CAT if n < cut else Part.PT for n in range(len(pattern))]
    split = [
        ScoredResponse(
            Item("made", given.item.discrimination, given.item.steps, part=part), given.score
        )
        for given, part in zip(pattern, parts, strict=True)
    ]
    assert best(split) == best(pattern)


@often
@given(patterns(), st.data())
def test_a_point_more_on_any_item_raises_theta(
    pattern: list[ScoredResponse], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(pattern) - 1))
    raised = list(pattern)
    assume(pattern[at].score < pattern[at].item.points)
    raised[at] = with_score(pattern[at], pattern[at].score + 1)
    assume(not reference.is_perfect(raised))
    assert best(raised) > best(pattern)


@often
@given(patterns())
def test_a_wrong_answer_more_lowers_theta_and_a_right_one_raises_it(
    pattern: list[ScoredResponse],
) -> None:
    theta = best(pattern)
    added = Item("added", 0.6, (0.5,))
    assert best([*pattern, ScoredResponse(added, 0.0)]) < theta
    assert best([*pattern, ScoredResponse(added, 1.0)]) > theta


@often
@given(patterns())
def test_the_root_is_the_maximum_of_the_likelihood(pattern: list[ScoredResponse]) -> None:
    """Brute force: no theta on a grid around or far from it is more likely."""
    theta = best(pattern)
    most = reference.log_likelihood(theta, pattern, D)
    near = [theta + sign * 10.0**-k for k in range(5) for sign in (-1, 1)]
    far = [step / 2 for step in range(-40, 41)]
    slack = 1e-12 * max(1.0, abs(most))
    assert all(reference.log_likelihood(x, pattern, D) <= most + slack for x in near + far)
    assert abs(reference.slope(theta, pattern, D)) < 1e-9


@often
@given(patterns(), st.floats(0.01, 4))
def test_the_slope_crosses_nothing_once(pattern: list[ScoredResponse], away: float) -> None:
    theta = best(pattern)
    assert reference.slope(theta - away, pattern, D) > 0
    assert reference.slope(theta + away, pattern, D) < 0


@often
@given(st.lists(model_items(), min_size=1, max_size=8))
def test_theta_is_infinite_exactly_for_perfect_and_zero(items: list[Item]) -> None:
    zero = [ScoredResponse(made, 0.0) for made in items]
    perfect = [ScoredResponse(made, float(made.points)) for made in items]
    assert (best(zero), best(perfect)) == (-math.inf, math.inf)
    for pattern in (zero, perfect):
        assert math.isfinite(best(reference.with_half_point(pattern, 0.5)))


@often
@given(st.lists(model_items(), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_half_point_goes_to_the_flattest_item_whatever_the_order(
    items: list[Item], random: object
) -> None:
    zero = [ScoredResponse(made, 0.0) for made in items]
    shuffled = list(zero)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    changed = [reference.with_half_point(pattern, 0.5) for pattern in (zero, shuffled)]
    flattest = min(made.discrimination for made in items)
    for pattern in changed:
        moved = [given for given in pattern if given.score != 0]
        assert [given.item.discrimination for given in moved] == [flattest]
    theta = best(changed[0])
    # Ties don't matter: only a times x enters. With other steps the estimate is the same too.
    assert best(changed[1]) == pytest.approx(theta, rel=0, abs=precision(changed[0], theta))


# --- the error ---


@often
@given(patterns(), thetas, st.data())
def test_fewer_answered_items_never_lower_the_error(
    pattern: list[ScoredResponse], theta: float, data: st.DataObject
) -> None:
    items = [given.item for given in pattern]
    kept = [made for made in items if data.draw(st.booleans())]
    ceiling = rules_of("2018-19").se_ceiling
    whole = reference.standard_error(theta, items, D, ceiling)
    part = reference.standard_error(theta, kept, D, ceiling)
    assert 0 < whole <= part <= ceiling
