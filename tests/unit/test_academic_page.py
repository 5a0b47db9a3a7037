"""The page of the Academic Indicator's rules is made from the rulebook, and fresh."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from scorehouse.rulebook.dashboard_load import academic_rules, cited, dashboards, sources
from scorehouse.rulebook.dashboard_students import student_rules

PLACE = Path(__file__).parents[2] / "docs" / "rules" / "academic_page.py"


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("academic_page", PLACE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_fresh() -> None:
    made = maker()
    assert made.PAGE.read_text(encoding="utf-8") == made.page()


def test_every_source_is_cited_and_every_cited_one_is_there() -> None:
    of_students = {
        said.source for name in dashboards() for said in student_rules(name).said.values()
    }
    assert {*cited(), *of_students} - {""} >= {*sources()}
    assert {*cited()} <= {*sources()}


def test_an_uncertain_setting_says_what_is_uncertain() -> None:
    silent = [
        (name, said.rule)
        for name in dashboards()
        for said in academic_rules(name).said.values()
        if said.is_uncertain and not said.note
    ]
    assert silent == []
