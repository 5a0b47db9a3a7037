"""What goes through the exit door: row keys, relations between counts, queries, the ledger.

Figures come as one Arrow table, a row for each entity, year, subject, grade, measure and
student group. Nothing here holds a name of a student or a student's number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa


class RowKey(NamedTuple):
    """Which students a row of figures is about, and which measure; blank grade: all pooled."""

    entity_id: str
    school_year: str
    subject: str
    test_grade: str
    assessment_type: str
    assessment_id: str
    measure: str
    student_group: str


@dataclass(frozen=True)
class Relation:
    """The counts of one row are the sums of the counts of others, student by student.

    Name every part that the metadata know, also those that the table leaves out: what is
    left out can still be computed from the total, and was perhaps released by another report.
    `columns` limits the relation to these counts; empty: every count and sum of the rows.
    """

    total: RowKey
    parts: tuple[RowKey, ...]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What a report has a row of wherever it has students, beside what its rows name."""

    entities: frozenset[str] = frozenset()
    student_groups: frozenset[str] = frozenset()
    grades: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Query:
    """What was asked: enough to know whether two reports are about the same students.

    `population` names who is followed where that isn't everybody with a result in the year
    (a cohort, an item's takers). `filters` are the conditions on results that aren't in a
    row's key: name -> the values let through. A query with more conditions is about fewer
    of the same students. What was `asked` for and has no row is known to be nobody's.
    """

    name: str
    population: str = ""
    filters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    asked: Asked = field(default=Asked(), compare=False)


@dataclass(frozen=True)
class Earlier:
    """One earlier release as its audience saw it: hidden counts are null here too."""

    release_id: int
    profile: str
    audience: str
    query: Query
    snapshot: int
    figures: pa.Table
    relations: tuple[Relation, ...]


@dataclass(frozen=True)
class Ledger:
    """What earlier releases told, in the order in which they were made."""

    releases: tuple[Earlier, ...] = ()


class ScoreRange(NamedTuple):
    """The lowest and highest scale score there are, and where Standard Met begins."""

    lowest: int
    highest: int
    standard_met: int
