"""The numbered rules as data, and how their findings are told."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from cases import results_rules_base as base
from cases.results_rules_run import Case, document, findings, tables
from scorehouse.errors import UsageError
from scorehouse.intake.catalogue import Consequence, catalogue
from scorehouse.intake.checks import (
    elements,
    frames,
    profile_named,
    profiles,
    results_rules,
)
from scorehouse.intake.checks.registry import PREDICATES
from scorehouse.intake.checks.rule_data import (
    OFF,
    field_values,
    fields_of_items,
    fields_of_tests,
    sources,
)
from scorehouse.result_shapes import ITEM_COLUMNS, TEST_COLUMNS

NUMBERS = {"F": 16, "P": 24, "R": 36, "X": 45}
"""How many rules each section of the requirements has."""

STUDENT = "9000000001"


def case(form: str, change: str = "", profile: str = "annual-later") -> Case:
    return Case(form, profile, "", change, "", "")


def test_there_is_a_rule_for_every_number() -> None:
    expected = [f"{letter}{n}" for letter, last in NUMBERS.items() for n in range(1, last + 1)]
    assert list(results_rules()) == expected


def test_the_numbers_are_those_of_the_facts(shared: Path) -> None:
    text = (shared / "facts" / "trt.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| ([FPRX]\d+) \|", text, re.MULTILINE)) == set(results_rules())


def test_every_rule_is_checked_by_a_predicate_or_kept_by_another() -> None:
    checked = {name for name, rule in results_rules().items() if rule.by == "check"}
    assert checked == set(PREDICATES)


def test_what_another_keeps_names_findings_that_exist() -> None:
    known = {*catalogue(), *results_rules()}
    missing = {
        (name, finding)
        for name, rule in results_rules().items()
        for finding in rule.covered
        if finding not in known
    }
    assert missing == set()
    kept_by_reader = [rule for rule in results_rules().values() if rule.by in ("reader", "rule")]
    assert [rule.rule for rule in kept_by_reader if not rule.covered] == []


def test_every_sentence_of_a_checked_rule_is_there() -> None:
    silent = [
        (name, part)
        for name, rule in results_rules().items()
        for part, said in rule.parts.items()
        if rule.by == "check" and not (said.message.strip() and said.remedy.strip())
    ]
    assert silent == []


def test_milder_profiles_name_profiles_and_consequences() -> None:
    for rule in results_rules().values():
        assert set(rule.when) <= set(profiles())
        assert all(word == OFF or Consequence(word) for word in rule.when.values())


def test_every_source_resolves() -> None:
    cited = [rule.source for rule in results_rules().values()]
    cited += [
        layout.source for layout in (*fields_of_tests().values(), *fields_of_items().values())
    ]
    words = {part.split()[0] for text in cited for part in re.split(r"; ", text)}
    assert sorted(word for word in words if word not in sources()) == []


def test_the_fields_are_those_of_the_two_tables() -> None:
    assert tuple(fields_of_tests()) == TEST_COLUMNS
    assert tuple(fields_of_items()) == ITEM_COLUMNS
    assert sum(layout.in_required_list for layout in fields_of_tests().values()) == 57
    assert sum(layout.in_required_list for layout in fields_of_items().values()) == 14


def test_every_list_belongs_to_a_field() -> None:
    assert set(field_values()) <= {*TEST_COLUMNS, *ITEM_COLUMNS}


def test_a_milder_profile_holds_for_the_parts_too() -> None:
    rule = results_rules()["X9"]
    assert rule.consequence("annual-later", "again") is Consequence.RECORD_LEFT_OUT
    assert rule.consequence("reporting-load", "again") is Consequence.WARNING
    assert rule.consequence("reporting-load", "positions") is Consequence.WARNING


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="annual-2015-16, annual-later, reporting-load, paper"):
        profile_named("annual")


def test_a_finding_names_the_place_the_value_and_the_remedy(tmp_path: Path) -> None:
    one = case("tables", "item[2].ItemScore=21")
    (finding,) = findings(one, base.write_tables(tmp_path, tables(one)))
    assert (finding.rule, finding.consequence) == ("R9", "record_left_out")
    assert (finding.record, finding.field, finding.row) == (base.KEY, "ItemScore", 2)
    assert finding.message == "ItemScore is 21."
    assert finding.remedy.startswith("Send -1 for not scored")


def test_private_values_are_masked_in_value_and_message(tmp_path: Path) -> None:
    one = case("tables", f"test.StudentIdentifier={STUDENT} && test.Birthdate=14.4.2008")
    log = findings(one, base.write_tables(tmp_path, tables(one)))
    (wrong,) = [f for f in log if f.rule == "R1"]
    assert wrong.value == "(9 characters, hidden)"
    assert wrong.message == "Birthdate is not a date: (9 characters, hidden)."
    assert not any(STUDENT in "".join(map(str, f.columns())) for f in log)


def test_an_opportunity_id_made_from_the_student_is_not_shown(tmp_path: Path) -> None:
    change = f"Opportunity@key=TEST-{STUDENT}-1 && ExamineeAttribute[StudentIdentifier]@value="
    one = case("xml", f"{change}{STUDENT} && Opportunity@itemCount=4")
    log = findings(one, base.write_documents(tmp_path, document(one)))
    assert [(f.rule, f.record) for f in log] == [("X11", "result 1")]


def test_a_bad_record_costs_its_neighbors_nothing(tmp_path: Path) -> None:
    worst = document(case("xml", "Test@grade=x && Item[1]@score=NaN"), 1)
    log = findings(case("xml"), base.write_documents(tmp_path, document(case("xml"), 0), worst))
    assert {f.record for f in log} == {base.key_of(1)}


def test_measures_of_claims_agree_with_the_rulebook() -> None:
    from cases.results_rules_run import rulebook

    rules = rulebook().at("2018-19")
    for subject, parts in rules.parts.items():
        codes = tuple(part.code for part in parts if part.kind == "claim")
        assert elements.CLAIM_MEASURES[subject.value] == codes


def test_numbers_and_moments_are_known_types() -> None:
    types = {layout.type for layout in (*fields_of_tests().values(), *fields_of_items().values())}
    assert {*frames.NUMBERS, *frames.MOMENTS} <= types


def test_the_page_of_the_rules_is_fresh() -> None:
    folder = Path(__file__).parents[2] / "docs" / "reference"
    spec = importlib.util.spec_from_file_location("page", folder / "results_rules_page.py")
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    assert (folder / "results-rules.md").read_text(encoding="utf-8") == page.render()
