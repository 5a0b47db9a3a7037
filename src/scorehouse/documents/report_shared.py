"""What the pages of all reports share: whose figures, in which words, cut into which slices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import pyarrow as pa

from scorehouse.documents.figure_rows import MARKED, FigureRow, Figures
from scorehouse.documents.labels import Labels
from scorehouse.documents.page import Words
from scorehouse.reports.charts import LevelRow, Table
from scorehouse.reports.charts.words import signed, students
from scorehouse.reports.compare import WITH_ALL
from scorehouse.reports.figure_shape import KEYS
from scorehouse.reports.statistics import rounded

SUMMATIVE, MISSING = "summative", "missing"
MOST_SENTENCES = 6


class Compared(NamedTuple):
    """One comparison of a row: with what, in which figure, and what it says."""

    kind: str
    figure: str
    sentence: str
    difference: float
    lowest: float
    highest: float
    is_noise: bool

    @property
    def short(self) -> str:
        """The difference with its interval, and whether chance alone could explain it."""
        ends = f"{signed(rounded(self.lowest))} to {signed(rounded(self.highest))}"
        said = f"{signed(rounded(self.difference))} (likely {ends})"
        return f"{said}, within noise" if self.is_noise else said


def compared_rows(table: pa.Table | None) -> dict[tuple[str, ...], list[Compared]]:
    """Comparisons by the key of the row that they are about."""
    found: dict[tuple[str, ...], list[Compared]] = {}
    for row in table.to_pylist() if table is not None else ():
        key = tuple(str(row[name]) for name in KEYS.names)
        one = Compared(*(row[name] for name in Compared._fields))
        found.setdefault(key, []).append(one)
    return found


_UNSAFE = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class View:
    """The figures of a report as the page of one entity sees them."""

    figures: Figures
    entity_id: str
    labels: Labels
    met_levels: Mapping[int, int]
    compared: Mapping[tuple[str, ...], Sequence[Compared]] = field(default_factory=dict)

    def sentences(self, row: FigureRow) -> list[str]:
        """What is said of a row beside other years, and beside what it belongs to."""
        return [one.sentence for one in self.compared.get(row.key, ()) if one.kind != WITH_ALL]

    def from_everybody(self, row: FigureRow, figure: str) -> str:
        """How far a group is from all students in a figure, in short; blank: not known."""
        found = self.compared.get(row.key, ())
        said = [one.short for one in found if one.kind == WITH_ALL and one.figure == figure]
        return said[0] if said else ""

    @cached_property
    def own(self) -> Figures:
        """The entity's own rows."""
        return self.figures.where(entity_id=self.entity_id)

    @property
    def name(self) -> str:
        """The entity's name; its id where it has none."""
        return name_of(self.own.rows[0])

    @property
    def entity_type(self) -> str:
        """State, district, school or a group of them."""
        return str(self.own.rows[0]["entity_type"])

    @cached_property
    def above(self) -> list[str]:
        """Ids of what the entity belongs to, as far as the figures have it: nearest first."""
        parents = {row["entity_id"]: row["parent_id"] for row in self.figures.rows}
        found, one = [], parents.get(self.entity_id)
        while one and one in parents and one not in found:
            found.append(one)
            one = parents[one]
        states = self.figures.where(entity_type="state").values("entity_id")
        return [*found, *(s for s in states if s not in found and s != self.entity_id)]


@dataclass(frozen=True)
class Slice:
    """Rows of one subject and type of test (of an interim: of one test)."""

    key: str
    heading: str
    subject: str
    rows: Figures


def name_of(row: FigureRow) -> str:
    """An entity's name; its id where it has none."""
    return str(row["entity_name"] or row["entity_id"])


def key_of(*words: str) -> str:
    """Words as an id within a page."""
    return "-".join(_UNSAFE.sub("-", word.lower()).strip("-") or "all" for word in words)


def slices(rows: Figures, labels: Labels) -> Iterator[Slice]:
    """Cut rows by subject and test."""
    for subject in rows.values("subject"):
        of_subject = rows.where(subject=subject)
        for kind in of_subject.values("assessment_type"):
            found = of_subject.where(assessment_type=kind)
            heading = labels.say("subject", subject)
            if kind == SUMMATIVE:
                yield Slice(key_of(subject, kind), heading, subject, found)
                continue
            for test in found.values("assessment_id"):
                name = labels.own.get(test, test) or labels.say("assessment_type", kind)
                key = key_of(subject, kind, test)
                yield Slice(key, f"{heading}: {name}", subject, found.where(assessment_id=test))


def level_row(name: str, row: FigureRow, levels: int) -> LevelRow:
    """A row of figures as a bar of levels."""
    return LevelRow(name, row.percents(levels), row.met(), row.n)


def sentences(rows: Sequence[FigureRow]) -> Iterator[Words]:
    """What rows say in words."""
    told = [str(row["sentence"]) for row in rows if row["sentence"]]
    if told:
        yield Words(list(dict.fromkeys(told)))


def missing_table(
    caption: str, named: Sequence[tuple[str, FigureRow]], labels: Labels
) -> Iterator[Table]:
    """Why students are missing, by reason: for staff, whose rows have marks."""
    told = [(name, row[MISSING]) for name, row in named if row[MISSING] and row[MARKED] is not None]
    reasons = dict.fromkeys(one["reason"] for _, missing in told for one in missing)
    if not reasons:
        return
    body = []
    for name, missing in told:
        counts = {one["reason"]: one["students"] for one in missing}
        body.append((name, *(students(counts.get(reason)) for reason in reasons)))
    heads = [labels.say(MISSING, reason) for reason in reasons]
    yield Table(caption, ("", *heads), tuple(body))


def main_grade(rows: Figures) -> str:
    """The grade whose rows stand for all: pooled, or else the first."""
    grades = rows.grades()
    return grades[0] if grades else ""
