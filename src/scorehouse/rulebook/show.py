"""Answers to "which cut, since when, says who", as rows for a table or for JSON."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scorehouse.errors import UsageError
from scorehouse.rulebook.families import family_of
from scorehouse.rulebook.model import (
    ABSENT,
    EXPECTED,
    IN_FORCE,
    REPLACED,
    Entry,
    History,
    Program,
    Review,
    RuleEntry,
    entry_at,
)
from scorehouse.terms import SchoolYear, Subject, parse_grade

TOPICS: Mapping[str, tuple[str, ...]] = {
    "cuts": ("cuts",),
    "bounds": ("bounds",),
    "scale": ("scale",),
    "model-constant": ("model_constant",),
    "claims": ("parts:claim", "reporting/claim", "claim_band"),
    "composites": ("parts:composite", "reporting/composite"),
    "targets": ("target_strands",),
    "average-items": ("average_items",),
    "minimum-cat-items": ("minimum_cat_items",),
    "attemptedness": ("attemptedness",),
    "writing": ("writing",),
    "error-ceiling": ("se_ceiling",),
    "rounding": ("rounding", "claim_rounding"),
    "policies": ("default_policy", "policy", "half_point", "most_at_bounds"),
    "grades": ("grades",),
    "suspensions": ("suspended",),
}
"""Topic -> families; `parts:claim` is a family narrowed to one kind of part, a path one rule."""


@dataclass(frozen=True)
class Question:
    """A topic with what narrows it down."""

    families: tuple[str, ...]
    keys: Mapping[str, str]
    year: SchoolYear | None

    @classmethod
    def ask(
        cls, topic: str, subject: str | None, grade: str | None, year: SchoolYear | None
    ) -> Question:
        """Check a question; UsageError for an unknown topic, subject or grade."""
        if topic not in TOPICS:
            near = difflib.get_close_matches(topic, TOPICS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"unknown topic {topic!r}; {hint}topics are {', '.join(TOPICS)}")
        keys = {}
        try:
            if subject is not None:
                keys["subject"] = Subject.parse(subject).value
            if grade is not None:
                keys["grade"] = parse_grade(grade)
        except ValueError as error:
            raise UsageError(str(error)) from None
        return cls(TOPICS[topic], keys, year)


def answer(question: Question, program: Program, review: Review) -> list[RuleEntry]:
    """Every entry that answers, by family, then in the order of the files."""
    found: list[RuleEntry] = []
    for history in _histories(question, program):
        if question.year is None:
            found += _whole_history(history, review)
        else:
            found.append(_at_year(history, question.year, program, review))
    return found


def _histories(question: Question, program: Program) -> Iterator[History]:
    for wanted in question.families:
        for rule, history in program.rules.items():
            if _is_wanted(wanted, rule, history) and _has_keys(rule, question.keys):
                yield history


def _is_wanted(wanted: str, rule: str, history: History) -> bool:
    family, _, kind = wanted.partition(":")
    if kind:
        return rule.startswith(f"{family}/") and history[0].values.get("kind") == kind
    return rule == wanted or rule.startswith(f"{wanted}/")


def _has_keys(rule: str, wanted: Mapping[str, str]) -> bool:
    names = [key.name for key in family_of(rule).keys]
    given = dict(zip(names, rule.split("/")[1:], strict=True))
    return all(given.get(name, value) == value for name, value in wanted.items())


def _whole_history(history: History, review: Review) -> list[RuleEntry]:
    current = entry_at(history, review.through)
    rows = []
    for entry in history:
        is_past = current is not None and entry.since < current.since
        state = REPLACED if is_past and entry.state != ABSENT else entry.state
        rows.append(_row(entry, state))
    return rows


def _at_year(history: History, year: SchoolYear, program: Program, review: Review) -> RuleEntry:
    entry = entry_at(history, year)
    if entry is None or year < program.first_year:
        note = f"No value in {year}; the first one holds from {history[0].since} on."
        return _unvalued(history[0].rule, history[0].since, ABSENT, note)
    if year >= review.expected_since and entry.state != ABSENT:
        note = f"Reviewed through {review.through}. {review.note}"
        return _unvalued(entry.rule, review.expected_since, EXPECTED, note)
    return _row(entry, entry.state)


def _unvalued(rule: str, since: SchoolYear, state: str, note: str) -> RuleEntry:
    return RuleEntry(rule, "", since, state, "", "", "", "", note)


def _row(entry: Entry, state: str) -> RuleEntry:
    return RuleEntry(
        rule=entry.rule,
        value=value_text(entry) if entry.state == IN_FORCE else "",
        since=entry.since,
        state=state,
        source=entry.source.source_id,
        title=entry.source.title,
        page=entry.page,
        confidence=entry.confidence,
        note=entry.full_note,
    )


def value_text(entry: Entry) -> str:
    """An entry's value in words: "Level 2 from 2442 (theta -0.772); ..."."""
    family = family_of(entry.rule).name
    if family in _WORDS:
        return _WORDS[family](entry.values)
    if tuple(entry.values) == ("value",):
        return _plain(entry.values["value"])
    given = {name: value for name, value in entry.values.items() if value is not None}
    return "; ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in given.items())


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, str):
        return value.replace("_", " ") if value else "none"
    return str(value)


def _cuts_in_words(values: Mapping[str, Any]) -> str:
    pairs = zip(values["scale_score"][1:], values["theta"][1:], strict=True)
    return "; ".join(
        f"Level {level} from {scale.lower} (theta {theta.lower})"
        for level, (scale, theta) in enumerate(pairs, start=2)
    )


def _bounds_in_words(values: Mapping[str, Any]) -> str:
    return (
        f"LOSS {values['lowest_scale_score']}, HOSS {values['highest_scale_score']}; "
        f"LOT {values['lowest_theta']}, HOT {values['highest_theta']}"
    )


def _scale_in_words(values: Mapping[str, Any]) -> str:
    return f"{values['slope']} × theta + {values['intercept']}"


def _zeroed_in_words(values: Mapping[str, Any]) -> str:
    return f"0 points on {', '.join(values['zeroed_traits']) or 'nothing'}"


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "cuts": _cuts_in_words,
    "bounds": _bounds_in_words,
    "scale": _scale_in_words,
    "writing": _zeroed_in_words,
    "policy": lambda values: "; ".join(
        f"{name.replace('_', ' ')} {_plain(value)}"
        for name, value in values.items()
        if value not in (None, False)
    ),
    "default_policy": lambda values: str(values["value"]),
}
