"""The numbered rules, the profiles and the fields of a results delivery, as data.

They stand beside the rulebook (`rulebook/data/layouts`); this module gives them types and
refuses what it doesn't understand. The predicates are in the other modules of this room.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from scorehouse.errors import RulebookError, UsageError
from scorehouse.intake.catalogue import Consequence, worst_of
from scorehouse.terms import SchoolYear

OFF = "off"
KEEPERS = ("check", "reader", "writer", "schema", "packager", "rule")
_FOLDER = "data/layouts"
_RULE_KEYS = {
    *("title", "tables", "consequence", "by", "covered", "fields", "message", "remedy"),
    *("source", "when", "parameters", "also"),
}


@dataclass(frozen=True)
class Part:
    """One thing that a rule can say: what follows, the sentence, what to do."""

    consequence: Consequence
    message: str
    remedy: str


@dataclass(frozen=True)
class ResultsRule:
    """A numbered rule. `by` says who keeps it; `covered` names the findings that say so."""

    rule: str
    title: str
    tables: frozenset[str]  # of xml, test, item
    source: str
    by: str
    covered: tuple[str, ...]
    fields: tuple[str, ...]
    parts: Mapping[str, Part]  # "" is the rule itself
    when: Mapping[str, str]  # profile -> another consequence, or off
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def is_run(self, profile: str) -> bool:
        """Whether a check runs under a profile."""
        return self.by == "check" and self.when.get(profile) != OFF

    def consequence(self, profile: str, part: str = "") -> Consequence:
        """What follows under a profile; a milder word for the rule holds for its parts too."""
        own = self.parts[part].consequence
        milder = self.when.get(profile)
        if milder is None or (part and worst_of((own, milder)) == Consequence(milder)):
            return own
        return Consequence(milder)


@dataclass(frozen=True)
class Profile:
    """Whom a delivery is for. `year` is fixed, or blank."""

    name: str
    label: str
    fields: str  # annual or reporting
    source: str
    year: str = ""


@dataclass(frozen=True)
class FieldLayout:
    """One field of the two tables; requirements are R, C, O, P or X (exempt)."""

    field: str
    type: str
    width: int | None
    width_refused: int | None
    online: str
    paper: str
    interim: str
    in_required_list: bool
    reporting: str
    private: bool
    deidentified: str  # kept, blank or replaced
    source: str


@dataclass(frozen=True)
class FieldValue:
    """One published value of a field, with the forms that are read as it (upper case)."""

    value: str
    read_forms: tuple[str, ...]
    since: SchoolYear | None
    until: SchoolYear | None

    def is_in_force(self, year: SchoolYear | None) -> bool:
        """Whether the value belongs to a year's list; without a year all do."""
        if year is None:
            return True
        return (self.since is None or self.since <= year) and (
            self.until is None or year <= self.until
        )


@cache
def results_rules() -> Mapping[str, ResultsRule]:
    """Every numbered rule, in order; RulebookError when the data is malformed."""
    entries = tomllib.loads(_text("results_rules.toml"))
    return {name: _rule(name, entry) for name, entry in entries.items()}


@cache
def profiles() -> Mapping[str, Profile]:
    """The profiles by name."""
    entries = tomllib.loads(_text("results_profiles.toml"))
    return {name: Profile(name=name, **entry) for name, entry in entries.items()}


def profile_named(name: str) -> Profile:
    """The profile asked for; UsageError names the known ones."""
    if name not in profiles():
        raise UsageError(f"unknown profile {name!r}; known are {', '.join(profiles())}")
    return profiles()[name]


@cache
def sources() -> Mapping[str, Mapping[str, str]]:
    """The documents that rules and fields cite, by their short name."""
    return tomllib.loads(_text("layout_sources.toml"))


@cache
def fields_of_tests() -> Mapping[str, FieldLayout]:
    """The fields of the test table, in order."""
    return {row["field"]: _layout(row) for row in _rows("test_fields.csv")}


@cache
def fields_of_items() -> Mapping[str, FieldLayout]:
    """The fields of the item table, in order."""
    return {row["field"]: _layout(row) for row in _rows("item_fields.csv")}


@cache
def field_values() -> Mapping[str, tuple[FieldValue, ...]]:
    """The published values of each field that has a list."""
    found: dict[str, list[FieldValue]] = {}
    for row in _rows("field_values.csv"):
        found.setdefault(row["field"], []).append(_value(row))
    return {name: tuple(values) for name, values in found.items()}


@cache
def accessibility_codes() -> Mapping[str, str]:
    """Every published accessibility code in upper case, and what replaced it (or blank)."""
    return {row["code"].upper(): row["replaced_by"] for row in _rows("accessibility_codes.csv")}


def _text(name: str) -> str:
    folder = resources.files("scorehouse.rulebook").joinpath(_FOLDER)
    return folder.joinpath(name).read_text(encoding="utf-8")


def _rows(name: str) -> Iterator[dict[str, str]]:
    return csv.DictReader(_text(name).splitlines(), strict=True)


def _year(text: str) -> SchoolYear | None:
    return SchoolYear.parse(text) if text else None


def _value(row: Mapping[str, str]) -> FieldValue:
    forms = tuple(row["read_forms"].split("|")) if row["read_forms"] else ()
    return FieldValue(row["value"], forms, _year(row["since"]), _year(row["until"]))


def _layout(row: Mapping[str, str]) -> FieldLayout:
    return FieldLayout(
        field=row["field"],
        type=row["type"],
        width=int(row["width"]) if row["width"] else None,
        width_refused=int(row["width_refused"]) if row["width_refused"] else None,
        online=row["online"],
        paper=row["paper"],
        interim=row["interim"],
        in_required_list=row["in_required_list"] == "yes",
        reporting=row["reporting"],
        private=row["private"] == "yes",
        deidentified=row["deidentified"],
        source=row["source"],
    )


def _rule(name: str, entry: Mapping[str, Any]) -> ResultsRule:
    unknown = set(entry) - _RULE_KEYS
    by = entry.get("by", "check")
    if unknown or by not in KEEPERS:
        raise RulebookError(f"results_rules.toml: {name} has {sorted(unknown) or by!r}")
    parts = {"": _part(entry)} | {key: _part(part) for key, part in entry.get("also", {}).items()}
    return ResultsRule(
        rule=name,
        title=entry["title"],
        tables=frozenset(entry["tables"]),
        source=entry["source"],
        by=by,
        covered=tuple(entry.get("covered", ())),
        fields=tuple(entry.get("fields", ())),
        parts=parts,
        when=entry.get("when", {}),
        parameters=entry.get("parameters", {}),
    )


def _part(entry: Mapping[str, Any]) -> Part:
    consequence = Consequence(entry["consequence"])
    return Part(consequence, entry.get("message", ""), entry.get("remedy", ""))
