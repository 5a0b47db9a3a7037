"""The forms of the state's academic indicator files, by Dashboard."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from scorehouse.errors import UsageError

_FEWEST_KNOWN = 8


@dataclass(frozen=True)
class AcademicColumn:
    """A column: its name in the file, what it holds whatever the file calls it, and its kind.

    `kind` is text, count, tenths, hundredths or decimal.
    """

    header: str
    what: str
    kind: str


@dataclass(frozen=True)
class AcademicLayout:
    """The form of one or more Dashboards' files; `uncertain` says what of it isn't certain."""

    name: str
    dashboards: tuple[str, ...]
    columns: tuple[AcademicColumn, ...]
    uncertain: str
    names: Mapping[str, str]

    def file_name(self, subject: str, dashboard: str) -> str:
        """What the state calls the file of a subject."""
        return self.names[subject].format(dashboard=dashboard)


@cache
def academic_layouts() -> tuple[AcademicLayout, ...]:
    """All forms, earliest first."""
    folder = resources.files("scorehouse.rulebook").joinpath("data", "layouts")
    about: dict[str, Any] = tomllib.loads(
        (folder / "academic_files.toml").read_text(encoding="utf-8")
    )["layout"]
    columns: dict[str, list[AcademicColumn]] = {name: [] for name in about}
    for row in csv.DictReader(
        (folder / "academic_files.csv").read_text(encoding="utf-8").splitlines()
    ):
        columns[row["layout"]].append(AcademicColumn(row["field"], row["what"], row["kind"]))
    return tuple(
        AcademicLayout(
            name, tuple(row["dashboards"]), tuple(columns[name]), row["uncertain"], row["names"]
        )
        for name, row in about.items()
    )


def academic_layout(dashboard: str) -> AcademicLayout:
    """The form of a Dashboard's files.

    Raises UsageError for a Dashboard without known files.

    >>> academic_layout("2025").file_name("ELA", "2025")
    'eladownload2025.txt'
    """
    for layout in academic_layouts():
        if dashboard in layout.dashboards:
            return layout
    known = ", ".join(name for layout in academic_layouts() for name in layout.dashboards)
    raise UsageError(
        f"the form of the academic indicator files of {dashboard} isn't known; known are {known}"
    )


def recognized_layout(header: Sequence[str]) -> AcademicLayout | None:
    """The form that shares most names with a header; of equal ones the earliest.

    Files are revised in place: a column more or less, in another order, doesn't matter.
    None: no form shares eight names with it, the code of the entity among them.
    """
    asked = {name.strip().casefold() for name in header}
    best = max(academic_layouts(), key=lambda layout: _shared(layout, asked))
    return best if "cds" in asked and _shared(best, asked)[0] >= _FEWEST_KNOWN else None


def _shared(layout: AcademicLayout, asked: set[str]) -> tuple[int, int]:
    """Names that both have, and (less is better, so negative) names that only one has."""
    own = {column.header.casefold() for column in layout.columns}
    return len(own & asked), -len(own ^ asked)
