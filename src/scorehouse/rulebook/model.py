"""What rulebook data becomes: dated entries under a rule path, with place and source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scorehouse.errors import RulebookError
from scorehouse.terms import Origin, SchoolYear

IN_FORCE = "in_force"
EXPECTED = "expected"
ABSENT = "absent"
REPLACED = "replaced"
PUBLISHED = "published"
CONFIDENCES = (PUBLISHED, "derived", "uncertain")


@dataclass(frozen=True)
class Place:
    """Where a piece of data stands: file (within the rulebook folder) and line, from 1."""

    file: str
    line: int = 1

    def refuse(self, fault: str) -> RulebookError:
        """Make the error that names this place."""
        return RulebookError(f"{self.file}, line {self.line}: {fault}")


@dataclass(frozen=True)
class Source:
    """A cited document."""

    source_id: str
    title: str
    publisher: str
    date: str
    where: str
    note: str = ""


@dataclass(frozen=True)
class Entry:
    """What a rule says from one school year on, until its next entry.

    `state` is in_force (with values), expected (a change is due: the year can't be used)
    or absent (from here on there is no value). `weaker_fields` holds the fields whose
    confidence is less than the entry's own.
    """

    rule: str
    label: str
    since: SchoolYear
    state: str
    values: Mapping[str, Any]
    source: Source
    place: Place
    page: str = ""
    confidence: str = PUBLISHED
    note: str = ""
    also: tuple[Source, ...] = ()
    weaker_fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The rule path without its family: ("ELA", "05") of cuts/ELA/05."""
        return tuple(self.rule.split("/")[1:])

    def origin(self, of_field: str = "") -> Origin:
        """The origin of the whole entry, or of one field of weaker confidence."""
        return Origin(
            rule=f"{self.rule}/{of_field}" if of_field else self.rule,
            since=self.since,
            source=self.source.source_id,
            title=self.source.title,
            page=self.page,
            confidence=self.weaker_fields.get(of_field, self.confidence),
            note=self.full_note,
        )

    @property
    def full_note(self) -> str:
        """The note, with other documents that say the same and the weaker fields."""
        parts = [self.note] if self.note else []
        parts += [f"Also in: {source.title}." for source in self.also]
        parts += [
            f"{name} is {grade}, not published." for name, grade in self.weaker_fields.items()
        ]
        return " ".join(parts)


History = tuple[Entry, ...]
"""The entries of one rule, years ascending."""

Rules = Mapping[str, History]
"""Rule path -> its history."""


def entry_at(history: History, year: SchoolYear) -> Entry | None:
    """Return the entry that speaks for a year, or None before the first one."""
    found = None
    for entry in history:
        if entry.since <= year:
            found = entry
    return found


@dataclass(frozen=True)
class Program:
    """A program's name and its rules, after later folders replaced those of earlier ones."""

    name: str
    label: str
    folders: tuple[str, ...]
    first_year: SchoolYear
    rules: Rules


@dataclass(frozen=True)
class Review:
    """How far the rulebook has been checked, and from when new rules are expected."""

    through: SchoolYear
    expected_since: SchoolYear
    note: str


@dataclass(frozen=True)
class RuleEntry:
    """One answer to "which value, since when, says who"; `state` adds replaced to the three."""

    rule: str
    value: str
    since: SchoolYear
    state: str
    source: str
    title: str
    page: str
    confidence: str
    note: str
