"""Which cut, since when, says who."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from scorehouse.errors import UsageError
from scorehouse.rulebook import Rulebook, load

CASES = Path(__file__).parents[1] / "cases" / "rulebook_answers.csv"
with CASES.open(encoding="utf-8", newline="") as _file:
    ANSWERS = list(csv.DictReader(_file))


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load()


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: str(case["name"]))
def test_an_answer(book: Rulebook, case: dict[str, str]) -> None:
    answers = book.show(case["topic"], year=case["year"], program=case["program"])
    (found,) = [answer for answer in answers if answer.rule == case["rule"]]
    assert (found.value, str(found.since), found.state, found.source) == (
        case["value"],
        case["since"],
        case["state"],
        case["source"],
    )


def test_every_topic_has_an_answer_with_a_source(book: Rulebook) -> None:
    for topic in book.topics():
        answers = book.show(topic, program="california")
        assert answers, topic
        assert all(answer.source in book.sources and answer.title for answer in answers)


def test_every_rule_is_in_a_topic(book: Rulebook) -> None:
    shown = {a.rule for topic in book.topics() for a in book.show(topic, program="california")}
    assert shown == set(book.programs["california"].rules)


def test_a_history_tells_replaced_from_in_force(book: Rulebook) -> None:
    answers = book.show("policies", program="california")
    policies = [(a.value, str(a.since), a.state) for a in answers if a.rule == "default_policy"]
    assert policies == [
        ("spec_2014_15", "2014-15", "replaced"),
        ("opt1_2014_15_values", "2015-16", "replaced"),
        ("opt2_ca_2020_21_values", "2020-21", "in_force"),
    ]


def test_subject_and_grade_narrow_in_any_spelling(book: Rulebook) -> None:
    rules = [answer.rule for answer in book.show("bounds", subject="math", grade="3")]
    assert rules == ["bounds/2014-15/Math/03", "bounds/2020-21/Math/03"]


def test_a_topic_without_grades_ignores_the_grade(book: Rulebook) -> None:
    assert book.show("error-ceiling", grade="05") == book.show("error-ceiling")


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"topic": "cut"}, "did you mean cuts?"),
        ({"topic": "weather"}, "topics are cuts, bounds"),
        ({"topic": "cuts", "subject": "art"}, "unknown subject 'art'"),
        ({"topic": "cuts", "grade": "x"}, "unknown grade 'x'"),
        ({"topic": "cuts", "year": "2019"}, "not a school year"),
        ({"topic": "cuts", "program": "nevada"}, "unknown program"),
    ],
)
def test_a_question_that_makes_no_sense(
    book: Rulebook, question: dict[str, str], says: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        book.show(**question)
