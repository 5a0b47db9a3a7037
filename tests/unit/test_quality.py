"""Classification quality and item fit on cases that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scorehouse.scoring.models import Item, ScoredResponse
from scorehouse.scoring.quality import (
    accuracy,
    consistency,
    expected_and_variance,
    item_fit,
    level_probabilities,
)

CUTS = (-1.0, 0.0, 1.0)


def test_on_a_cut_the_reported_level_is_right_at_most_half_the_time() -> None:
    chances = level_probabilities(0.0, 0.001, CUTS)
    assert chances == pytest.approx([0.0, 0.5, 0.5, 0.0], abs=1e-12)
    assert accuracy(chances, 3) == pytest.approx(0.5)
    assert consistency(chances) == pytest.approx(0.5)


def test_far_from_every_cut_the_level_is_sure() -> None:
    chances = level_probabilities(-3.0, 0.2, CUTS)
    assert accuracy(chances, 1) == pytest.approx(1.0, abs=1e-12)
    assert consistency(chances) == pytest.approx(1.0, abs=1e-12)


def test_one_standard_error_from_the_nearest_cut() -> None:
    """Normal tables: 0.8413 of the mass lies above one standard error below the mean."""
    chances = level_probabilities(1.3, 0.3, CUTS)
    assert accuracy(chances, 4) == pytest.approx(0.84134, abs=5e-6)
    assert consistency(chances) == pytest.approx(0.84134**2 + 0.15865**2, abs=2e-5)


def test_chances_are_those_of_a_partition() -> None:
    for theta in (-4.0, -0.3, 0.0, 2.7):
        for se_theta in (0.05, 0.4, 2.5):
            chances = level_probabilities(theta, se_theta, CUTS)
            assert math.fsum(chances) == pytest.approx(1.0, abs=1e-15)
            assert min(chances) >= 0.0
            mirrored = level_probabilities(-theta, se_theta, CUTS)
            assert chances == pytest.approx(mirrored[::-1], abs=1e-15)


def test_less_error_never_makes_a_level_less_sure() -> None:
    found = [accuracy(level_probabilities(0.4, se, CUTS), 3) for se in (1.0, 0.5, 0.25, 0.1)]
    assert found == sorted(found)


def test_item_fit_of_four_responses_by_hand() -> None:
    """Half right where half was expected; every residual is 0.5 and every variance 0.25."""
    fit = item_fit("item", np.array([1.0, 0.0, 1.0, 0.0]), np.full(4, 0.5), np.full(4, 0.25))
    assert (fit.responses, fit.observed_mean, fit.expected_mean) == (4, 0.5, 0.5)
    assert (fit.z, fit.infit, fit.outfit) == (0.0, 1.0, 1.0)


def test_infit_weighs_by_information_and_outfit_does_not() -> None:
    observed, expected = np.array([1.0, 0.0]), np.array([0.5, 0.1])
    variance = expected * (1 - expected)
    fit = item_fit("item", observed, expected, variance)
    assert fit.z == pytest.approx((1.0 - 0.6) / math.sqrt(0.25 + 0.09))
    assert fit.infit == pytest.approx((0.25 + 0.01) / (0.25 + 0.09))
    assert fit.outfit == pytest.approx((0.25 / 0.25 + 0.01 / 0.09) / 2)


def test_expected_points_and_variance_at_the_difficulty() -> None:
    one_step = ScoredResponse(Item("a", 1.0, (0.7,)), 1.0)
    assert expected_and_variance(0.7, one_step, 1.7) == pytest.approx((0.5, 0.25))
    equal_steps = ScoredResponse(Item("b", 0.6, (0.2, 0.2)), 1.0)
    assert expected_and_variance(0.2, equal_steps, 1.7) == pytest.approx((1.0, 2 / 3))
