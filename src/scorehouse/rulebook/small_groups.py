"""The disclosure profiles: what each audience may see of small groups, by school year."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from scorehouse.errors import RuleNotInForceError, UsageError
from scorehouse.rulebook import fields
from scorehouse.rulebook.documents import Row, TomlDocument
from scorehouse.rulebook.load import PACKAGED
from scorehouse.rulebook.model import PUBLISHED, Source
from scorehouse.terms import Origin, SchoolYear

FILE = "disclosure/profiles.toml"
_ENTRY_KEYS = {"since", "value", "source", "page", "confidence", "note"}
_ABOUT = ("label", "is_hiding", "checked_against")


@dataclass(frozen=True)
class Step:
    """From so many students on, a share of so many percent or less is printed as a bound."""

    smallest_group: int
    percent: int


def _texts(raw: object) -> tuple[str, ...]:
    return fields.words(raw)


def _steps(raw: object) -> tuple[Step, ...]:
    if not isinstance(raw, list) or not all(isinstance(s, list) and len(s) == 2 for s in raw):
        raise ValueError("write steps as in [[11, 30], [15, 20]]")
    steps = tuple(Step(fields.count(start), fields.count(percent)) for start, percent in raw)
    if list(steps) != sorted(steps, key=lambda step: (step.smallest_group, -step.percent)):
        raise ValueError("steps go up in students and down in percent")
    return steps


_SETTINGS: Mapping[str, Callable[[object], Any]] = {
    "smallest_group": fields.count,
    "counted": _texts,
    "shown_when_small": _texts,
    "smallest_group_claim": fields.count,
    "smallest_group_target": fields.count,
    "smallest_interval": fields.count,
    "smallest_difference": fields.count,
    "met_standard_level": fields.count,
    "extremes": _steps,
    "smallest_level_count": fields.count,
}
_REQUIRED = ("smallest_group", "counted")


@dataclass(frozen=True)
class SmallGroupRules:
    """One profile's settings in one school year; zero or nothing: the setting doesn't apply."""

    smallest_group: int
    counted: tuple[str, ...]
    shown_when_small: tuple[str, ...] = ()
    smallest_group_claim: int = 0
    smallest_group_target: int = 0
    smallest_interval: int = 0
    smallest_difference: int = 0
    met_standard_level: int = 0
    extremes: tuple[Step, ...] = ()
    smallest_level_count: int = 0

    def smallest_for(self, measure: str) -> int:
        """The fewest students whose results on a measure are shown.

        >>> rules = SmallGroupRules(11, ("n_scored",), smallest_group_claim=30)
        >>> rules.smallest_for("overall"), rules.smallest_for("claim:3")
        (11, 30)
        """
        own = {"claim": self.smallest_group_claim, "target": self.smallest_group_target}
        return max(self.smallest_group, own.get(measure.partition(":")[0], 0))

    def extreme_percent(self, students: int) -> int:
        """The share at either end that a group of this size shows as a bound only; 0: none."""
        reached = [step.percent for step in self.extremes if step.smallest_group <= students]
        return reached[-1] if reached else 0


@dataclass(frozen=True)
class Dated:
    """One value of a setting from a school year on, and who says so."""

    since: SchoolYear
    value: Any
    origin: Origin


@dataclass(frozen=True)
class Profile:
    """A named way out of the house: what is hidden, and which earlier releases count."""

    name: str
    label: str
    is_hiding: bool
    checked_against: tuple[str, ...]
    reviewed_through: SchoolYear
    settings: Mapping[str, tuple[Dated, ...]] = field(repr=False)

    def at(self, year: str | SchoolYear) -> SmallGroupRules:
        """The rules for results of a school year; RuleNotInForceError outside of those known."""
        wanted = year if isinstance(year, SchoolYear) else _year(year)
        first = max(self.settings[name][0].since for name in _REQUIRED)
        if not first <= wanted <= self.reviewed_through:
            raise RuleNotInForceError(
                f"profile {self.name} has no rules for {wanted}: they begin in {first} and are "
                f"reviewed through {self.reviewed_through}; add the year in {FILE}"
            )
        found = {name: _in_force(history, wanted) for name, history in self.settings.items()}
        return SmallGroupRules(**{name: value for name, value in found.items() if value})

    def origins(self) -> tuple[Origin, ...]:
        """Who says each value, for the reference page."""
        return tuple(dated.origin for history in self.settings.values() for dated in history)


def _year(text: str) -> SchoolYear:
    try:
        return SchoolYear.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _in_force(history: tuple[Dated, ...], year: SchoolYear) -> Any:
    reached = [dated.value for dated in history if dated.since <= year]
    return reached[-1] if reached else None


@cache
def profiles() -> Mapping[str, Profile]:
    """Every profile by its name; RulebookError when the data are malformed."""
    return read_profiles((PACKAGED / FILE).read_text(encoding="utf-8"))


def profile_named(name: str) -> Profile:
    """The profile asked for; UsageError names the known ones."""
    if name not in profiles():
        raise UsageError(f"unknown profile {name!r}; known are {', '.join(profiles())}")
    return profiles()[name]


@cache
def profile_sources() -> Mapping[str, Source]:
    """The documents that the profiles cite."""
    document = TomlDocument(FILE, (PACKAGED / FILE).read_text(encoding="utf-8"))
    return _sources(document)


def read_profiles(text: str) -> Mapping[str, Profile]:
    """Profiles from the text of such a file; what isn't understood is refused."""
    document = TomlDocument(FILE, text)
    sources = _sources(document)
    through = fields.school_year(document.data.get("reviewed_through"))
    names = [name for name in document.data if name not in ("source", "reviewed_through")]
    return {name: _profile(document, name, sources, through) for name in names}


def _sources(document: TomlDocument) -> dict[str, Source]:
    entries = document.data.get("source", {})
    return {name: Source(source_id=name, **entry) for name, entry in entries.items()}


def _profile(
    document: TomlDocument, name: str, sources: Mapping[str, Source], through: SchoolYear
) -> Profile:
    row = document.row(name)
    for key in row.values:
        if key not in _SETTINGS and key not in _ABOUT:
            raise row.at(key).refuse(f"unknown setting {key!r}")
    missing = [key for key in (*_ABOUT, *_REQUIRED) if key not in row.values]
    if missing:
        raise row.place.refuse(f"{', '.join(missing)} missing")
    settings = {
        key: _history(document, name, key, sources) for key in row.values if key in _SETTINGS
    }
    return Profile(
        name=name,
        label=fields.text(row.values["label"]),
        is_hiding=fields.flag(row.values["is_hiding"]),
        checked_against=tuple(row.values["checked_against"]),
        reviewed_through=through,
        settings=settings,
    )


def _history(
    document: TomlDocument, name: str, key: str, sources: Mapping[str, Source]
) -> tuple[Dated, ...]:
    rows = [document.row(name, key, index=i) for i in range(len(document.data[name][key]))]
    history = tuple(_dated(row, f"{name}/{key}", sources) for row in rows)
    years = [dated.since for dated in history]
    if years != sorted(set(years)):
        raise rows[0].place.refuse(f"{key}: years go up, each once")
    return history


def _dated(row: Row, rule: str, sources: Mapping[str, Source]) -> Dated:
    unknown = set(row.values) - _ENTRY_KEYS
    if unknown or not {"since", "value", "source"} <= set(row.values):
        raise row.place.refuse(f"an entry of {rule} has since, value and source; not {unknown}")
    if row.values["source"] not in sources:
        raise row.at("source").refuse(f"unknown source {row.values['source']!r}")
    source = sources[row.values["source"]]
    try:
        since = fields.school_year(row.values["since"])
        value = _SETTINGS[rule.split("/")[1]](row.values["value"])
    except ValueError as error:
        raise row.place.refuse(f"{rule}: {error}") from None
    origin = Origin(
        rule=rule,
        since=since,
        source=source.source_id,
        title=source.title,
        page=row.values.get("page", ""),
        confidence=row.values.get("confidence", PUBLISHED),
        note=row.values.get("note", ""),
    )
    return Dated(since, value, origin)
