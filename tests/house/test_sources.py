"""Every rule in force says where it comes from, and every source is there for a rule."""

from __future__ import annotations

from functools import cache

import pytest

from scorehouse.rulebook import Rulebook, load
from scorehouse.terms import MeasurementRules

CHOSEN_BY_NAME = ("bounds/", "policy/", "half_point", "most_at_bounds")
"""Policies and their limits may be applied to any year, when somebody asks for them by name."""


@cache
def rulebook() -> Rulebook:
    return load()


def all_rules() -> list[MeasurementRules]:
    book = rulebook()
    return [
        book.at(year, program) for program in sorted(book.programs) for year in book.years(program)
    ]


def year_id(rules: MeasurementRules) -> str:
    return f"{rules.program} {rules.year}"


def rule_paths(rules: MeasurementRules) -> set[str]:
    """Return the path of every rule that has a value for each subject, grade or name."""
    subject_grade = {
        f"{name}/{subject}/{grade}"
        for name in ("cuts", "average_items")
        for subject, grade in getattr(rules, name)
    }
    bounds = {f"bounds/{name}/{subject}/{grade}" for name, subject, grade in rules.bounds}
    scales = {f"scale/{subject}" for subject in rules.scales}
    return subject_grade | bounds | scales


@pytest.mark.parametrize("rules", all_rules(), ids=year_id)
def test_every_rule_has_a_source_that_resolves(rules: MeasurementRules) -> None:
    assert sorted(rule_paths(rules) - set(rules.origins)) == []
    unresolved = {p for p, o in rules.origins.items() if o.source not in rulebook().sources}
    assert sorted(unresolved) == []


@pytest.mark.parametrize("rules", all_rules(), ids=year_id)
def test_no_rule_is_used_before_its_first_year(rules: MeasurementRules) -> None:
    early = [path for path, origin in rules.origins.items() if origin.since > rules.year]
    assert [path for path in early if not path.startswith(CHOSEN_BY_NAME)] == []


@pytest.mark.parametrize("rules", all_rules(), ids=year_id)
def test_an_uncertain_rule_says_what_is_uncertain(rules: MeasurementRules) -> None:
    silent = [path for path, o in rules.origins.items() if o.is_uncertain and not o.note.strip()]
    assert silent == []


def test_every_source_is_used() -> None:
    assert rulebook().unused_sources() == ()


def test_every_source_can_be_found_again() -> None:
    vague = [
        name
        for name, source in rulebook().sources.items()
        if not (source.title.strip() and source.publisher.strip() and source.where.strip())
    ]
    assert vague == []
