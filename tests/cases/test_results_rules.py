"""Every numbered rule of a results delivery: a record that breaks it, and one that doesn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases.results_rules_run import Case, cases, needs_to_be_alone, run, run_together
from scorehouse.intake.checks import profiles, results_rules

ALL = list(cases())
OFF_FOR_BASE = {"annual-2015-16": {"R5:W"}, "paper": {"F12:E"}}
LOAD_NEEDS = {"xml": {"P19:E"}, "tables": {"P19:E"}}


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> dict[Case, set[str]]:
    """What is found of each case in one delivery of its form and profile."""
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in ALL:
        if not needs_to_be_alone(case):
            groups.setdefault((case.form, case.profile), []).append(case)
    found = {}
    for (form, profile), some in groups.items():
        folder = tmp_path_factory.mktemp(f"{form}-{profile}")
        found |= dict(zip(some, run_together(some, folder), strict=True))
    return found


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.form}: {case.why}")
def test_a_record_breaks_the_rules_it_should_and_no_other(
    case: Case, together: dict[Case, set[str]], tmp_path: Path
) -> None:
    found = run(case, tmp_path) if needs_to_be_alone(case) else together[case]
    assert found == set(case.expected.split())


@pytest.mark.parametrize("profile", sorted(profiles()))
@pytest.mark.parametrize("form", ["xml", "tables"])
def test_the_unchanged_record_passes(form: str, profile: str, tmp_path: Path) -> None:
    """It is of 2018-19, was taken online and names no school: nothing else is said of it."""
    found = run(Case(form, profile, "", "", "", ""), tmp_path)
    expected = OFF_FOR_BASE.get(profile, set())
    assert found == (LOAD_NEEDS[form] if profile == "reporting-load" else expected)


def test_every_rule_that_is_checked_has_a_case_that_breaks_it() -> None:
    broken = {found.partition(":")[0] for case in ALL for found in case.expected.split()}
    checked = {name for name, rule in results_rules().items() if rule.by == "check"}
    assert sorted(checked - broken) == []


def test_every_rule_for_both_forms_has_cases_in_both_or_the_same_condition() -> None:
    """Rules of elements are broken in XML, rules of the tables in the tables."""
    by_form = {
        form: {
            found.partition(":")[0]
            for case in ALL
            if case.form == form
            for found in case.expected.split()
        }
        for form in ("xml", "tables")
    }
    rules = {name: rule for name, rule in results_rules().items() if rule.by == "check"}
    only_xml = {name for name, rule in rules.items() if rule.tables == {"xml"}}
    only_tables = {name for name, rule in rules.items() if "xml" not in rule.tables}
    assert sorted(only_xml - by_form["xml"]) == []
    assert sorted(only_tables - by_form["tables"]) == []
