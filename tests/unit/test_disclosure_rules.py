"""The disclosure profiles: dated, sourced, strict; and the one place that makes a release."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import scorehouse
from scorehouse.disclosure.small_groups import primary
from scorehouse.errors import RulebookError, RuleNotInForceError, UsageError
from scorehouse.rulebook import PACKAGED
from scorehouse.rulebook.small_groups import (
    FILE,
    profile_named,
    profile_sources,
    profiles,
    read_profiles,
)

TEXT = (PACKAGED / FILE).read_text(encoding="utf-8")


def test_every_value_has_a_source_and_every_source_a_value() -> None:
    cited = {origin.source for profile in profiles().values() for origin in profile.origins()}
    assert cited == set(profile_sources())


def test_no_step_leaves_less_in_doubt_than_the_interval() -> None:
    rules = profile_named("public").at("2022-23")
    least = min(rules.extreme_percent(n) * n // 100 for n in range(11, 1000))
    assert least == rules.smallest_interval == 3


def test_the_minimum_of_claims_is_dated() -> None:
    public = profile_named("public")
    assert public.at("2018-19").smallest_for("claim:1") == 11
    assert public.at("2020-21").smallest_for("claim:1") == 30
    assert public.at("2023-24").smallest_for("composite:C1") == 11


@pytest.mark.parametrize("year", ["2013-14", "2026-27"])
def test_other_years_have_no_rules(year: str) -> None:
    with pytest.raises(RuleNotInForceError, match=year):
        profile_named("public").at(year)


def test_an_unknown_profile_names_the_known() -> None:
    with pytest.raises(UsageError, match="public"):
        profile_named("press")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[[public.smallest_interval]]", "[[public.smallest_intervall]]"),
        ('source = "nces-2011-603"', 'source = "nobody"'),
        ("value = 3\n", 'value = "three"\n'),
        ("[[11, 30], [15, 20]", "[[15, 20], [11, 30]"),
    ],
)
def test_what_isnt_understood_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(RulebookError):
        read_profiles(TEXT.replace(old, new, 1))


@pytest.mark.parametrize(
    ("levels", "hidden", "coded"),
    [
        ([5, 5, 5, 5], [], ""),
        ([9, 8, 3, 0], [0, 1, 2, 3], "≤20"),
        ([0, 1, 9, 10], [0, 1, 2, 3], "≥80"),
        ([10, 5, 3, 2], [2, 3], ""),
        ([2, 6, 2, 10], [0, 1, 2, 3], ""),
    ],
)
def test_levels_of_a_shown_group(levels: list[int], hidden: list[int], coded: str) -> None:
    row = {"measure": "overall", "n_tested": 20, "n_scored": 20, "level_counts": levels}
    decision = primary(row, profile_named("public").at("2022-23"))
    assert (sorted(decision.levels), decision.coded, decision.row) == (hidden, coded, "")


@pytest.mark.parametrize("column", ["mean_points", "difficulty", "se_distance", "se_mean"])
def test_figures_that_give_levels_away_go_with_them(column: str) -> None:
    """Of 12 students, 8 with one point, a mean of 0.667 points says that nobody had two."""
    rules = profile_named("public").at("2018-19")
    row = {"measure": "trait:CON", "n_tested": 12, "n_scored": 12, "level_counts": [4, 8, 0]}
    assert primary(row, rules).why(column) == "extreme"
    row = {**row, "level_counts": [4, 4, 4]}
    assert primary(row, rules).why(column) == ""


def test_only_the_exit_door_makes_a_release() -> None:
    package = Path(scorehouse.__file__).parent
    makers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and "Released" in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
    }
    assert makers == {"disclosure/exit.py"}
