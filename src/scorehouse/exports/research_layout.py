"""The forms of the state's public research files: which columns, in which years, how written."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from scorehouse.errors import UsageError
from scorehouse.terms import SchoolYear

RESULTS, ENTITIES, GROUPS, TESTS = "results", "entities", "student_groups", "tests"
FILES = (RESULTS, ENTITIES, GROUPS, TESTS)


@dataclass(frozen=True)
class Column:
    """A column of a file.

    `what` says what stands in it, whatever the year calls it: `scored`, `percent:4`,
    `area:1:count:3`. `start` and `end` are its places in the fixed form, from 1, or 0 where
    none are published.
    """

    header: str
    what: str
    start: int
    end: int
    is_uncertain: bool

    @property
    def width(self) -> int:
        """Characters in the fixed form; 0 without published places."""
        return self.end - self.start + 1 if self.start else 0


@dataclass(frozen=True)
class Era:
    """Years whose files have one form.

    `files` maps each kind of file to its columns in order; `uncertain` says what of the form
    isn't certain, and is blank where nothing is.
    """

    name: str
    years: tuple[SchoolYear, ...]
    delimiter: str
    is_quoted: bool
    encoding: str
    percent_decimals: int
    state_name: str
    uncertain: str
    files: Mapping[str, tuple[Column, ...]]

    def has_fixed_form(self, file: str) -> bool:
        """Whether the places of all columns of a file are published."""
        return all(column.start for column in self.files[file])


@dataclass(frozen=True)
class Codes:
    """What research files write for tests, types of entity, all grades and hidden values."""

    test_type: str
    hidden: str
    all_grades: str
    mean_decimals: int
    type_ids: Mapping[str, str]
    tests: Mapping[str, tuple[str, str]]
    areas: Mapping[str, tuple[str, ...]]
    composite_areas: Mapping[str, tuple[str, ...]]
    crossings: Mapping[str, str]


@cache
def eras() -> tuple[Era, ...]:
    """All eras, earliest first."""
    columns = _columns()
    return tuple(_era(name, row, columns) for name, row in _document()["era"].items())


@cache
def codes() -> Codes:
    """The codes that all eras share."""
    row = _document()["codes"]
    return Codes(
        row["test_type"], row["hidden"], row["all_grades"], row["mean_decimals"], row["type_id"],
        {test["subject"]: (test["id"], test["name"]) for test in row["test"]},
        {subject: tuple(parts) for subject, parts in row["areas"].items()},
        {subject: tuple(parts) for subject, parts in row["composite_areas"].items()},
        row["crossings"],
    )  # fmt: skip


def era_of(year: SchoolYear) -> Era:
    """The era of a school year.

    Raises UsageError for a year without statewide files, and for one whose form isn't known.

    >>> era_of(SchoolYear(2024)).delimiter
    '^'
    """
    for era in eras():
        if year in era.years:
            return era
    if str(year) in _document()["codes"]["no_statewide_files"]:
        raise UsageError(f"there are no statewide research files of {year}")
    known = ", ".join(str(one) for era in eras() for one in era.years)
    raise UsageError(f"the form of the research files of {year} isn't known; known are {known}")


def recognized(header: Sequence[str]) -> tuple[str, Era] | None:
    """Which file of which era has a header, whatever its name says; None: none.

    Entity files of some neighboring eras have the same header; the earliest answers.
    """
    asked = tuple(_plain(name) for name in header)
    for era in eras():
        for file, columns in era.files.items():
            if tuple(_plain(column.header) for column in columns) == asked:
                return file, era
    return None


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


@cache
def _document() -> dict[str, Any]:
    folder = resources.files("scorehouse.rulebook").joinpath("data", "layouts")
    return tomllib.loads((folder / "research_files.toml").read_text(encoding="utf-8"))


@cache
def _columns() -> Mapping[tuple[str, str], tuple[Column, ...]]:
    folder = resources.files("scorehouse.rulebook").joinpath("data", "layouts")
    text = (folder / "research_files.csv").read_text(encoding="utf-8")
    found: dict[tuple[str, str], list[Column]] = {}
    for row in csv.DictReader(text.splitlines()):
        column = Column(
            row["header"], row["what"], int(row["start"] or 0), int(row["end"] or 0),
            row["confidence"] == "uncertain",
        )  # fmt: skip
        found.setdefault((row["file"], row["layout"]), []).append(column)
    return {key: tuple(columns) for key, columns in found.items()}


def _era(
    name: str, row: Mapping[str, Any], columns: Mapping[tuple[str, str], tuple[Column, ...]]
) -> Era:
    layouts = {RESULTS: row["results"], ENTITIES: row["entities"], GROUPS: row["lookups"],
               TESTS: row["lookups"]}  # fmt: skip
    return Era(
        name, tuple(SchoolYear.parse(year) for year in row["years"]), row["delimiter"],
        row["is_quoted"], row["encoding"], row["percent_decimals"], row["state_name"],
        row["uncertain"], {file: columns[file, layout] for file, layout in layouts.items()},
    )  # fmt: skip


def meaning(column: Column) -> str:
    """What stands in a column.

    >>> era = eras()[-1]
    >>> meaning(next(one for one in era.files[RESULTS] if one.what == "area:2:count:3"))
    'Area 2: students Above Standard.'
    """
    meanings: Mapping[str, str] = _document()["meanings"]
    kind, *rest = column.what.split(":")
    if kind in ("area", "composite"):
        text = meanings[":".join([kind, *rest[1:]])].format(rest[0])
    else:
        text = meanings[column.what]
    return f"{text} The place of the column is not certain." if column.is_uncertain else text
