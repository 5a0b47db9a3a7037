"""Reading the rules of the Academic Indicator: every Dashboard's, checked when read."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from scorehouse.errors import RulebookError, RuleNotInForceError, UsageError
from scorehouse.rulebook.dashboard import (
    COLORS,
    AcademicRules,
    ChangeCuts,
    Said,
    StatusCuts,
    StudentGroup,
)
from scorehouse.rulebook.load import PACKAGED
from scorehouse.terms import SchoolYear

FOLDER = PACKAGED / "dashboard"
_SETTINGS = (
    "grades", "has_change", "pools_alternate", "participation", "participation_target",
    "points_per_percent", "lowest_distance", "smallest_shown", "smallest_leveled",
    "smallest_colored", "smallest_colored_district", "colors_by_test", "alternative_schools",
    "rounding", "color_count", "shared_prior",
)  # fmt: skip
_ABSENT: Mapping[str, Any] = {
    "participation_target": 0, "points_per_percent": "0", "lowest_distance": {},
    "smallest_colored_district": {}, "colors_by_test": False,
}  # fmt: skip
_LETTERS = {name[0]: code for code, name in enumerate(COLORS) if code}


def dashboards() -> tuple[str, ...]:
    """The Dashboards that have rules, earliest first.

    >>> dashboards()[0], dashboards()[-1]
    ('2017-spring', '2025')
    """
    return tuple(entry["name"] for entry in _document()["dashboard"])


def academic_rules(dashboard: str, *, accept_uncertain: bool = False) -> AcademicRules:
    """The rules of a Dashboard.

    Raises RuleNotInForceError for years without a Dashboard, UsageError for other names.

    >>> academic_rules("2024").smallest_colored
    30
    """
    names = dashboards()
    if dashboard not in names:
        if dashboard in _document()["no_dashboard"]:
            raise RuleNotInForceError(_document()["no_dashboard"][dashboard])
        raise UsageError(f"there is no Dashboard {dashboard!r}; there are {', '.join(names)}")
    return _rules(dashboard, accept_uncertain)


@cache
def _rules(dashboard: str, accepts: bool) -> AcademicRules:
    about = next(entry for entry in _document()["dashboard"] if entry["name"] == dashboard)
    settings = {name: _in_force(name, dashboard) for name in _SETTINGS}
    values = {name: value for name, (value, _) in settings.items()}
    values["grades"] = tuple(values["grades"])
    values["shared_prior"] = tuple(values["shared_prior"])
    values["points_per_percent"] = Fraction(values["points_per_percent"])
    colors, colors_said = _colors(dashboard)
    return AcademicRules(
        dashboard=dashboard,
        school_year=SchoolYear.parse(about["school_year"]),
        measure=about["measure"],
        **values,
        groups=_groups(dashboard),
        status_cuts=_status_cuts(dashboard),
        change_cuts=_change_cuts(dashboard),
        colors=colors,
        colors_said=colors_said,
        said={name: said for name, (_, said) in settings.items()},
        accepts_uncertain=accepts,
    )


def sources() -> Mapping[str, Mapping[str, str]]:
    """The documents that the rules cite."""
    found: Mapping[str, Mapping[str, str]] = _document()["source"]
    return found


def cited() -> Iterator[str]:
    """The source of every value, each time it is cited."""
    document = _document()
    for name in _SETTINGS:
        yield from (entry["source"] for entry in document[name])
    for table in ("status_cuts", "change_cuts", "colors", "groups"):
        yield from (row["source"] for row in _table(table))


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "academic.toml").read_text(encoding="utf-8"))


@cache
def _table(name: str) -> Sequence[Mapping[str, str]]:
    path: Path = FOLDER / f"{name}.csv"
    return tuple(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def _of(table: str, dashboard: str) -> Iterator[Mapping[str, str]]:
    return (row for row in _table(table) if row["dashboard"] == dashboard)


def _in_force(name: str, dashboard: str) -> tuple[Any, Said]:
    """A setting's value on a Dashboard: the last entry that began by then."""
    order = dashboards()
    entries = _document()[name]
    begun = [e for e in entries if order.index(e["since"]) <= order.index(dashboard)]
    if not begun:
        return _ABSENT[name], Said(name, dashboard, "", "", "published", "Doesn't apply yet.")
    last = begun[-1]
    return last["value"], _said(name, last["since"], last)


def _said(rule: str, since: str, row: Mapping[str, Any]) -> Said:
    source = sources().get(row["source"])
    if source is None:
        raise RulebookError(f"{FOLDER.name}: {rule} cites the unknown source {row['source']!r}")
    return Said(rule, since, row["source"], source["title"], row["confidence"], row.get("note", ""))


def _groups(dashboard: str) -> Mapping[str, StudentGroup]:
    order = dashboards()
    return {
        row["code"]: StudentGroup(
            row["code"], row["name"], row["category"], row["first_dashboard"],
            row["is_rated"] == "yes", row["note"],
        )
        for row in _table("groups")
        if order.index(row["first_dashboard"]) <= order.index(dashboard)
    }  # fmt: skip


def _status_cuts(dashboard: str) -> Mapping[tuple[str, str], StatusCuts]:
    found = {}
    for row in _of("status_cuts", dashboard):
        low, medium, high, very_high = (
            Fraction(row[name]) for name in ("low_from", "medium_from", "high_from",
                                             "very_high_from")
        )  # fmt: skip
        if not low < medium < high < very_high:
            raise RulebookError(f"status_cuts.csv: the cuts of {dashboard} don't go up")
        found[row["subject"], row["cut_set"]] = StatusCuts(
            (low, medium, high, very_high), _said("status_cuts", dashboard, row)
        )
    return found


def _change_cuts(dashboard: str) -> Mapping[str, ChangeCuts]:
    names = ("declined_from", "maintained_above", "increased_from", "increased_significantly_from")
    found = {}
    for row in _of("change_cuts", dashboard):
        cuts = {name: Fraction(row[name]) for name in names}
        if list(cuts.values()) != sorted(set(cuts.values())):
            raise RulebookError(f"change_cuts.csv: the cuts of {dashboard} don't go up")
        found[row["subject"]] = ChangeCuts(**cuts, said=_said("change_cuts", dashboard, row))
    return found


def _colors(dashboard: str) -> tuple[Mapping[tuple[int, int], int], Said | None]:
    cells, said = {}, None
    for row in _of("colors", dashboard):
        said = said or _said("colors", dashboard, row)
        for change in range(1, 6):
            cells[int(row["status_level"]), change] = _LETTERS[row[f"change_{change}"]]
    return cells, said
