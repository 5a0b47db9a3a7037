"""Bands cover the line once, whichever end is closed."""

from __future__ import annotations

import pytest

from scorehouse.rulebook.bands import Band, band_of, find_fault

SIDES_SWITCH = [
    Band("Declined Significantly", None, -15, "neither"),
    Band("Declined", -15, -1, "both"),
    Band("Maintained", -1, 7, "neither"),
    Band("Increased", 7, 20, "lower"),
    Band("Increased Significantly", 20, None, "lower"),
]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (-15.1, "Declined Significantly"),
        (-15, "Declined"),
        (-1, "Declined"),
        (-0.9, "Maintained"),
        (6.9, "Maintained"),
        (7, "Increased"),
        (19.9, "Increased"),
        (20, "Increased Significantly"),
    ],
)
def test_closed_ends_may_switch_sides(value: float, name: str) -> None:
    assert find_fault(SIDES_SWITCH) is None
    assert band_of(SIDES_SWITCH, value).name == name
    assert sum(band.contains(value) for band in SIDES_SWITCH) == 1


def test_a_band_may_be_one_point() -> None:
    bands = [Band("below", None, 0, "neither"), Band("zero", 0, 0, "both")]
    assert find_fault([*bands, Band("above", 0, None, "neither")]) is None


@pytest.mark.parametrize(
    ("bands", "index", "says"),
    [
        ([], 0, "no bands"),
        ([Band("a", 1, None, "lower")], 0, "below 1"),
        ([Band("a", None, 1, "upper")], 0, "above 1"),
        ([Band("a", None, None, "upper")], 0, "an end that it doesn't have"),
        ([Band("a", None, 1, "some")], 0, "not one of"),
        ([Band("a", None, 1, "upper"), Band("b", 1, None, "lower")], 1, "both in a and in b"),
        ([Band("a", None, 1, "neither"), Band("b", 1, None, "neither")], 1, "neither in a nor"),
        ([Band("a", None, 1, "upper"), Band("b", 2, None, "lower")], 1, "gap: nothing covers 1"),
        ([Band("a", None, 2, "upper"), Band("b", 1, None, "lower")], 1, "overlap: 1 to 2"),
        ([Band("a", None, None, "neither"), Band("b", 1, None, "lower")], 1, "no limit between"),
        ([Band("a", None, 1, "upper"), Band("b", 1, 1, "upper")], 1, "b is empty"),
        ([Band("a", None, 1, "upper"), Band("b", 3, 2, "both")], 1, "b is empty"),
    ],
)
def test_faults_name_their_band(bands: list[Band], index: int, says: str) -> None:
    fault = find_fault(bands)
    assert fault is not None
    assert fault.index == index
    assert says in fault.text
