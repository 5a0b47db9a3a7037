"""Properties of rounding, levels, ratings and the ends of the scale."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.scoring_builders import rules_of
from scorehouse.scoring.levels import achievement_level, claim_rating, claim_ratings, error_band
from scorehouse.scoring.policies import Ends, Placement, Placements, place, place_all
from scorehouse.scoring.quality import accuracy, consistency, level_probabilities
from scorehouse.scoring.scale import half_away, half_away_all, scale_score, theta_of
from scorehouse.terms import Bounds, Cuts, Policy, Scale, Subject

RULES = rules_of("2018-19")
often = settings(deadline=None, max_examples=100)
SCORES = st.floats(1500, 3500)
TESTS = st.sampled_from(sorted(RULES.cuts))
POLICIES = st.sampled_from(sorted(RULES.policies))

Test = tuple[Subject, str]


def parts_of(test: Test, policy: str) -> tuple[Policy, Bounds | None, Scale, Cuts]:
    chosen = RULES.policies[policy]
    bounds = RULES.bounds[chosen.bounds_set, *test] if chosen.bounds_set else None
    return chosen, bounds, RULES.scales[test[0]], RULES.cuts[test]


def placed(theta: float, test: Test, policy: str) -> Placement:
    chosen, bounds, scale, _cuts = parts_of(test, policy)
    return place(theta, chosen, bounds, scale)


@often
@given(st.floats(-1e9, 1e9))
def test_rounding_is_to_the_nearest_and_symmetric(number: float) -> None:
    whole = half_away(number)
    assert half_away(-number) == -whole
    distance = abs(Fraction(number) - whole)
    assert distance <= Fraction(1, 2)
    if distance == Fraction(1, 2):
        assert abs(whole) > abs(number)


@often
@given(st.lists(st.floats(-1e9, 1e9), max_size=20))
def test_both_roundings_agree(numbers: list[float]) -> None:
    assert half_away_all(np.array(numbers)).tolist() == [half_away(n) for n in numbers]


@often
@given(SCORES, SCORES)
def test_rounding_keeps_order(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert half_away(low) <= half_away(high)


@often
@given(TESTS, st.integers(1500, 3500), st.integers(0, 500))
def test_levels_rise_with_the_score(test: Test, score: int, more: int) -> None:
    cuts = RULES.cuts[test]
    lower, higher = achievement_level(score, cuts), achievement_level(score + more, cuts)
    assert 1 <= lower <= higher <= 4


@often
@given(SCORES, st.floats(0, 250), st.integers(0, 300), st.booleans())
def test_ratings_rise_with_the_score(
    score: float, se_scale: float, more: int, is_rounded: bool
) -> None:
    cut = 2500
    ratings = [
        claim_rating(s, se_scale, cut, band=RULES.claim_band, is_rounded=is_rounded)
        for s in (score, score + more)
    ]
    assert ratings == sorted(ratings)
    assert set(ratings) <= {1, 2, 3}


@often
@given(SCORES, st.floats(0, 250), st.floats(0, 100))
def test_a_wider_band_only_moves_a_rating_to_near(
    score: float, se_scale: float, wider: float
) -> None:
    sharp, blunt = (
        claim_rating(score, error, 2500, band=RULES.claim_band, is_rounded=True)
        for error in (se_scale, se_scale + wider)
    )
    assert blunt in (sharp, 2)


@often
@given(TESTS, POLICIES, st.floats(-15, 15))
def test_a_reported_score_lies_inside_the_policy_s_bounds(
    test: Test, policy: str, theta: float
) -> None:
    found = placed(theta, test, policy)
    _policy, bounds, _scale, _cuts = parts_of(test, policy)
    assert found.theta == theta
    if bounds is None:
        assert (found.at_lowest, found.at_highest) == (False, False)
        assert found.theta_reported == found.theta_for_se == theta
        return
    assert bounds.lowest_scale_score <= found.scale_score <= bounds.highest_scale_score
    assert found.at_lowest == (found.scale_score_unrounded <= ends(test, policy)[0])
    assert found.at_highest == (found.scale_score_unrounded >= ends(test, policy)[1])


def ends(test: Test, policy: str) -> tuple[float, float]:
    """The unrounded scale scores at which a policy stops."""
    chosen, bounds, scale, _cuts = parts_of(test, policy)
    assert bounds is not None
    if chosen.limits == "score":
        return bounds.lowest_scale_score, bounds.highest_scale_score
    return scale_score(bounds.lowest_theta, scale), scale_score(bounds.highest_theta, scale)


@often
@given(TESTS, POLICIES, st.floats(-15, 15), st.floats(0, 5))
def test_more_theta_is_never_less_score(test: Test, policy: str, theta: float, more: float) -> None:
    low, high = placed(theta, test, policy), placed(theta + more, test, policy)
    cuts = RULES.cuts[test]
    assert low.scale_score <= high.scale_score
    assert achievement_level(low.scale_score, cuts) <= achievement_level(high.scale_score, cuts)


@often
@given(TESTS, st.floats(-15, 15))
def test_options_differ_only_at_the_ends(test: Test, theta: float) -> None:
    free = placed(theta, test, "opt3_no_loss_hoss")
    for policy in ("opt1_2014_15_values", "opt2_ca_2020_21_values"):
        found = placed(theta, test, policy)
        if not (found.at_lowest or found.at_highest):
            assert found == free
        else:
            assert found.theta == free.theta
            assert found.scale_score_unrounded == found.scale_score
            scale = RULES.scales[test[0]]
            assert found.theta_for_se == theta_of(found.scale_score, scale)


@often
@given(TESTS, POLICIES, st.lists(st.floats(-15, 15), max_size=5), st.floats(-0.02, 0.02))
def test_many_are_placed_as_one_is(
    test: Test, policy: str, thetas: list[float], beside: float
) -> None:
    """Far from the ends, beside them, on them, and at infinity where there are ends."""
    chosen, bounds, scale, _cuts = parts_of(test, policy)
    low, high, loss, hoss = -np.inf, np.inf, 0, 0
    if bounds is not None:
        low, high = bounds.lowest_theta, bounds.highest_theta
        loss, hoss = bounds.lowest_scale_score, bounds.highest_scale_score
        on_ends = [low, high, theta_of(loss, scale), theta_of(hoss, scale)]
        thetas = [*thetas, *on_ends, *(end + beside for end in on_ends), np.inf, -np.inf]
    n = len(thetas)
    ends = Ends(*(np.full(n, end) for end in (*vars(scale).values(), low, high, loss, hoss)))
    found = place_all(np.array(thetas), chosen.limits, ends)
    each = [place(theta, chosen, bounds, scale) for theta in thetas]
    for name, values in found._asdict().items():
        assert values.tolist() == [getattr(one, name) for one in each], name


@often
@given(
    st.lists(st.tuples(st.integers(4800, 5200), st.integers(0, 40), st.integers(0, 2)), max_size=8),
    st.booleans(),
)
def test_many_are_rated_as_one_is(found: list[tuple[int, int, int]], is_rounded: bool) -> None:
    """In half points and thirds, so that ends of bands fall on halves and on the cut."""
    cut = 2500
    scores = [score / 2 for score, _error, _end in found]
    errors = [error / 3 for _score, error, _end in found]
    n = len(found)
    placed_all = Placements(
        *(np.zeros(n) for _ in range(3)),
        np.array(scores),
        np.zeros(n),
        np.array([end == 1 for *_rest, end in found], bool),
        np.array([end == 2 for *_rest, end in found], bool),
    )
    ratings = claim_ratings(
        placed_all,
        np.array(errors),
        np.full(n, float(cut)),
        band=RULES.claim_band,
        is_rounded=np.full(n, is_rounded),
    )
    assert ratings.tolist() == [
        claim_rating(
            score,
            error,
            cut,
            band=RULES.claim_band,
            is_rounded=is_rounded,
            at_lowest=end == 1,
            at_highest=end == 2,
        )
        for score, error, (*_rest, end) in zip(scores, errors, found, strict=True)
    ]


@often
@given(TESTS, st.sampled_from(["spec_2014_15", "engine"]))
def test_infinite_thetas_go_to_the_ends(test: Test, policy: str) -> None:
    _policy, bounds, _scale, cuts = parts_of(test, policy)
    assert bounds is not None
    top, bottom = placed(np.inf, test, policy), placed(-np.inf, test, policy)
    assert (top.theta, bottom.theta) == (bounds.highest_theta, bounds.lowest_theta)
    assert top.scale_score == bounds.highest_scale_score
    assert bottom.scale_score == bounds.lowest_scale_score
    assert achievement_level(top.scale_score, cuts) == 4
    assert achievement_level(bottom.scale_score, cuts) == 1


@often
@given(TESTS, st.floats(-6, 6))
def test_theta_and_scale_score_go_back_and_forth(test: Test, theta: float) -> None:
    scale = RULES.scales[test[0]]
    assert theta_of(scale_score(theta, scale), scale) == pytest.approx(theta, rel=0, abs=1e-11)


@pytest.mark.parametrize("test", sorted(RULES.cuts), ids="-".join)
def test_every_theta_cut_rounds_to_its_scale_score(test: Test) -> None:
    scale, cuts = RULES.scales[test[0]], RULES.cuts[test]
    assert tuple(half_away(scale_score(theta, scale)) for theta in cuts.theta) == cuts.scale


@often
@given(TESTS, st.floats(-5, 5), st.floats(0.1, 2.5))
def test_level_probabilities_are_probabilities(test: Test, theta: float, se_theta: float) -> None:
    chances = level_probabilities(theta, se_theta, RULES.cuts[test].theta)
    assert sum(chances) == pytest.approx(1, rel=0, abs=1e-12)
    assert all(0 <= chance <= 1 for chance in chances)
    likeliest = max(chances)
    assert consistency(chances) <= likeliest + 1e-12
    assert consistency(chances) >= 0.25 - 1e-12
    assert max(accuracy(chances, level) for level in (1, 2, 3, 4)) == likeliest


@often
@given(TESTS, st.integers(2200, 2700), st.floats(0, 250))
def test_the_error_band_holds_the_score(test: Test, score: int, se_scale: float) -> None:
    bounds = RULES.bounds["2014-15", *test]
    inside = min(max(score, bounds.lowest_scale_score), bounds.highest_scale_score)
    low, high = error_band(inside, se_scale, bounds)
    assert bounds.lowest_scale_score <= low <= inside <= high <= bounds.highest_scale_score
