"""Which students count in the Academic Indicator: dated settings, keyed by Dashboard."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from scorehouse.errors import RulebookError, UsageError
from scorehouse.rulebook.counting import counting
from scorehouse.rulebook.dashboard import Said
from scorehouse.rulebook.dashboard_load import FOLDER, academic_rules, dashboards
from scorehouse.rulebook.dashboard_load import sources as academic_sources

BEFORE_MIDDLE, AFTER_ONE_DAY = "before_middle_of_window", "after_one_day"
SPECIAL, EVERYWHERE = "special", "everywhere"
BY_TEST, BY_WINDOW = "test", "window"

_SETTINGS = (
    "census_day", "gap_days", "testing_day", "recent_method", "recent_months", "recent_day",
    "recent_not_scored", "recent_not_enrolled", "demographics_day", "reclassified_years",
    "disability_exit_years", "charters_apart", "residence", "tested", "conditions",
)  # fmt: skip
_CHOICES = {
    "testing_day": (BY_TEST, BY_WINDOW),
    "recent_method": (BEFORE_MIDDLE, AFTER_ONE_DAY),
    "residence": (SPECIAL, EVERYWHERE),
}


@dataclass(frozen=True)
class StudentRules:
    """Who counts on one Dashboard; `said` has the origin of each setting by its name.

    `census_day` and days of the year are month and day, or weekday and week. `conditions` has
    for a condition code its include indicator and what it tells (medical, opt_out, exempt).
    """

    dashboard: str
    grades: tuple[str, ...]
    pools_alternate: bool
    census_day: Mapping[str, int]
    gap_days: int
    testing_day: str
    recent_method: str
    recent_months: int
    recent_day: Mapping[str, int]
    recent_not_scored: frozenset[str]
    recent_not_enrolled: frozenset[str]
    demographics_day: Mapping[str, int]
    reclassified_years: int
    disability_exit_years: int
    charters_apart: bool
    residence: str
    tested: frozenset[str]
    conditions: Mapping[str, tuple[str, str]]
    said: Mapping[str, Said]

    @property
    def uncertain(self) -> tuple[Said, ...]:
        """Settings that the output must say were used."""
        return tuple(said for said in self.said.values() if said.is_uncertain)


def student_rules(dashboard: str, changes: Mapping[str, Any] | None = None) -> StudentRules:
    """The rules of a Dashboard; `changes` puts other values in place of some settings.

    Raises UsageError for a setting that doesn't exist or a value that it can't have.

    >>> student_rules("2019").recent_method
    'after_one_day'
    """
    academic = academic_rules(dashboard)
    asked = dict(changes or {})
    if unknown := sorted(set(asked) - set(_SETTINGS)):
        raise UsageError(f"no setting {unknown[0]!r}; there are {', '.join(_SETTINGS)}")
    found = {name: _in_force(name, dashboard) for name in _SETTINGS}
    values = {name: asked.get(name, value) for name, (value, _) in found.items()}
    for name, choices in _CHOICES.items():
        if values[name] not in choices:
            raise UsageError(f"{name} is one of {', '.join(choices)}, not {values[name]!r}")
    for name in ("recent_not_scored", "recent_not_enrolled", "tested"):
        values[name] = frozenset(values[name])
    values["conditions"] = _conditions(values["conditions"])
    return StudentRules(
        dashboard=dashboard, grades=academic.grades, pools_alternate=academic.pools_alternate,
        **values, said={name: said for name, (_, said) in found.items() if name not in asked},
    )  # fmt: skip


def cited() -> Iterator[str]:
    """The source of every value, each time it is cited."""
    for name in _SETTINGS:
        yield from (entry["source"] for entry in _document()[name])


def sources() -> Mapping[str, Mapping[str, str]]:
    """The documents that the settings cite."""
    return {**academic_sources(), **_document()["source"]}


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "students.toml").read_text(encoding="utf-8"))


def _in_force(name: str, dashboard: str) -> tuple[Any, Said]:
    """A setting on a Dashboard; one that begins later has its first value already.

    That is so for the day after which English learners are new, which is only used by the
    method that came with it.
    """
    order = dashboards()
    entries = _document()[name]
    begun = [e for e in entries if order.index(e["since"]) <= order.index(dashboard)]
    entry = begun[-1] if begun else entries[0]
    source = sources().get(entry["source"])
    if source is None:
        raise RulebookError(f"students.toml: {name} cites the unknown source {entry['source']!r}")
    said = Said(
        name, entry["since"], entry["source"], source["title"], entry["confidence"],
        entry.get("note", ""),
    )  # fmt: skip
    return entry["value"], said


def _conditions(told: Mapping[str, list[str]]) -> Mapping[str, tuple[str, str]]:
    """Every condition code with its include indicator and what it tells of the student."""
    means = {code: reason for reason, codes in told.items() for code in codes}
    return {
        code: (indicator, means.get(code, ""))
        for indicator, codes in counting().include.items()
        for code in codes
    }
