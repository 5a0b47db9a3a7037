"""Retention: dated rules that say how long what is kept, and the purge that follows from them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from scorehouse.errors import UsageError
from scorehouse.terms import SchoolYear
from scorehouse.warehouse.purge import PurgeRequest
from scorehouse.warehouse.schema import TABLES
from scorehouse.warehouse.store import Warehouse

GROUPS = ("results", "people", "rosters")
ARCHIVE = "archive"
_YEAR_ENDS = (6, 30)
_IN_ARCHIVE = ("results", "responses", ARCHIVE)
_FIELDS = {"what", "keep_years", "from", "because"}


class Rule(NamedTuple):
    """Keep something for some years after its school year; in force from a day on."""

    what: str
    keep_years: int
    begins: date
    because: str = ""

    def tables(self) -> tuple[str, ...]:
        """The tables whose rows go."""
        if self.what == ARCHIVE:
            return ()
        if self.what == "responses":
            return ("response",)
        own = tuple(
            table.name
            for table in TABLES.values()
            if table.group == self.what and "school_year" in table.names
        )
        return (*own, "submission") if self.what == "results" else own

    def is_over(self, year: SchoolYear, today: date) -> bool:
        """Whether what belongs to a school year may no longer be kept."""
        return today > date(year.ends + self.keep_years, *_YEAR_ENDS)


class Due(NamedTuple):
    """What a rule takes: rows of a school year, and whether the archive's records of it go."""

    rule: Rule
    year: str
    rows: Mapping[str, int]


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read the rules of a TOML file. Raises UsageError that names what is wrong."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the rules in {path} can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} is not TOML: {error}") from None
    if set(told) != {"rule"} or not isinstance(told["rule"], list):
        raise UsageError(f"{path.name} holds a list of [[rule]], and nothing else")
    return tuple(_rule(number, entry) for number, entry in enumerate(told["rule"], 1))


def _rule(number: int, entry: Mapping[str, Any]) -> Rule:
    known = (*GROUPS, "responses", ARCHIVE)
    what, years, begins = (entry.get(name) for name in ("what", "keep_years", "from"))
    if set(entry) - _FIELDS:
        raise UsageError(f"rule {number}: unknown {', '.join(sorted(set(entry) - _FIELDS))}")
    if what not in known:
        raise UsageError(f"rule {number}: what is one of {', '.join(known)}")
    if type(years) is not int or years < 0:
        raise UsageError(f"rule {number}: keep_years is a whole number of years, 0 or more")
    if type(begins) is not date:
        raise UsageError(f"rule {number}: from is the day since which it holds, as 2026-07-01")
    return Rule(str(what), years, begins, str(entry.get("because", "")))


def in_force(rules: Iterable[Rule], today: date) -> tuple[Rule, ...]:
    """The rules of a day: of each thing, the newest that has begun."""
    newest: dict[str, Rule] = {}
    for rule in sorted(rules, key=lambda one: one.begins):
        if rule.begins <= today:
            newest[rule.what] = rule
    return tuple(newest.values())


def due(warehouse: Warehouse, rules: Iterable[Rule], today: date) -> list[Due]:
    """What may no longer be kept on a day, with the rows that are held of it."""
    with warehouse.snapshot() as snapshot:
        counted = {
            name: snapshot.sql(
                f"SELECT school_year, count(*) AS n FROM {name}__rows "
                "WHERE school_year IS NOT NULL GROUP BY school_year"
            ).to_pylist()
            for name in sorted({name for rule in rules for name in rule.tables()} | {"submission"})
        }
    held: dict[str, dict[str, int]] = {}
    for name, rows in counted.items():
        for row in rows:
            held.setdefault(str(row["school_year"]), {})[name] = int(row["n"])
    return [
        Due(rule, year, {name: count for name, count in rows.items() if name in rule.tables()})
        for rule in in_force(rules, today)
        for year, rows in sorted(held.items())
        if _is_over(rule, year, today)
    ]


def _is_over(rule: Rule, text: str, today: date) -> bool:
    try:
        return rule.is_over(SchoolYear.parse(text), today)
    except ValueError:
        return False


def request_of(planned: Iterable[Due], *, waits: bool = True) -> PurgeRequest:
    """The purge that takes all of it, in one transaction."""
    years: dict[str, set[str]] = {}
    payload_years: set[str] = set()
    takes_people = False
    for one in planned:
        for name in one.rule.tables():
            years.setdefault(name, set()).add(one.year)
        payload_years |= {one.year} if one.rule.what in _IN_ARCHIVE else set()
        takes_people |= one.rule.what == "people"
    return PurgeRequest(
        years={name: frozenset(which) for name, which in years.items()},
        payload_years=frozenset(payload_years),
        takes_people=takes_people,
        why="retention",
        waits=waits,
    )
