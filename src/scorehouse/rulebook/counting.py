"""Student groups, who counts, and the numbers of the reports: data, read once, refused if odd."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from scorehouse.rulebook import fields
from scorehouse.rulebook.documents import TomlDocument
from scorehouse.rulebook.load import PACKAGED
from scorehouse.rulebook.model import Place, Source

GROUPS_FILE, COUNTING_FILE = "reports/student_groups.csv", "reports/counting.toml"
_KINDS = ("all", "category", "unknown", "union")
RACES = "races"
"""Stands for the columns of single races; its one value is `several`."""


@dataclass(frozen=True)
class Group:
    """A student group. A category holds students whose `field` has one of the `values`.

    Categories of a dimension are asked in order, the first that fits holds the student, and
    `unknown` everybody else: so a dimension shares out all students. A union pools `members`.
    """

    dimension: str
    code: str
    name: str
    kind: str
    field: str
    values: tuple[str, ...]
    members: tuple[str, ...]
    research_code: str
    is_in_cube: bool
    source: str
    confidence: str
    note: str

    @property
    def is_part(self) -> bool:
        """Whether the group is one of those that share out all students."""
        return self.kind in ("category", "unknown")


@dataclass(frozen=True)
class TargetRules:
    """When a target's mean says something, and for whom targets are reported."""

    largest_se: Fraction
    fewest_students: int
    fewest_computable: int
    most_items_left_out: int
    claims: Mapping[str, tuple[str, ...]]
    assessment_type: str


@dataclass(frozen=True)
class Counting:
    """Who counts, and the numbers of the reports."""

    include: Mapping[str, tuple[str, ...]]  # include indicator -> special conditions
    tested: tuple[str, ...]
    scored: tuple[str, ...]
    met_levels: Mapping[int, int]  # number of levels -> lowest that meets the standard
    levels: Mapping[tuple[str, str, str], int]  # (subject, assessment type, measure) -> levels
    target: TargetRules
    percentile_ranks: tuple[int, ...]
    confidence: int
    sources: Mapping[str, Source]


@cache
def counting() -> Counting:
    """The packaged rules of counting."""
    return read_counting((PACKAGED / COUNTING_FILE).read_text(encoding="utf-8"))


@cache
def groups() -> Mapping[str, Group]:
    """Every student group by its code, in order."""
    text = (PACKAGED / GROUPS_FILE).read_text(encoding="utf-8")
    return read_groups(text, frozenset(counting().sources))


def dimensions() -> dict[str, tuple[Group, ...]]:
    """The groups of each dimension that together share out all students."""
    found: dict[str, tuple[Group, ...]] = {}
    for group in groups().values():
        if group.is_part:
            found[group.dimension] = (*found.get(group.dimension, ()), group)
    return found


def read_groups(text: str, sources: frozenset[str]) -> Mapping[str, Group]:
    """Groups from the text of such a file; what isn't understood is refused."""
    found: dict[str, Group] = {}
    for line, row in enumerate(csv.DictReader(text.splitlines()), start=2):
        place = Place(GROUPS_FILE, line)
        group = _group(row)
        if group.code in found or not group.code:
            raise place.refuse(f"group {group.code!r} stands twice, or has no code")
        if group.kind not in _KINDS:
            raise place.refuse(f"kind {group.kind!r}; known are {', '.join(_KINDS)}")
        if group.source not in sources:
            raise place.refuse(f"unknown source {group.source!r}")
        if missing := [code for code in group.members if code not in found]:
            raise place.refuse(f"{missing[0]!r} isn't a group that stands before")
        found[group.code] = group
    return found


def _group(row: Mapping[str, str]) -> Group:
    return Group(
        dimension=row["dimension"],
        code=row["code"],
        name=row["name"],
        kind=row["kind"],
        field=row["field"],
        values=tuple(row["value"].split()),
        members=tuple(row["members"].split()),
        research_code=row["research_code"],
        is_in_cube=row["is_in_cube"] == "true",
        source=row["source"],
        confidence=row["confidence"],
        note=row["note"],
    )


def read_counting(text: str) -> Counting:
    """The rules of counting from the text of such a file."""
    document = TomlDocument(COUNTING_FILE, text)
    data = document.data
    sources = {name: Source(source_id=name, **entry) for name, entry in data["source"].items()}
    for name, entry in data.items():
        if name != "source" and entry.get("source") not in sources:
            raise document.place(name).refuse(f"{name} names no known source")
    include = {name: fields.words(data["include"][name]) for name in ("N", "E", "R", "T", "Y")}
    return Counting(
        include=include,
        tested=fields.words(data["tested"]["value"]),
        scored=fields.words(data["scored"]["value"]),
        met_levels={int(levels): int(met) for levels, met in data["met_standard"]["value"]},
        levels={(s, t, m): int(levels) for s, t, m, levels in data["levels"]["value"]},
        target=_target(data["target"]),
        percentile_ranks=tuple(int(rank) for rank in data["percentiles"]["value"]),
        confidence=fields.count(data["confidence"]["value"]),
        sources=sources,
    )


def _target(entry: Mapping[str, Any]) -> TargetRules:
    return TargetRules(
        largest_se=Fraction(entry["largest_se"]),
        fewest_students=fields.count(entry["fewest_students"]),
        fewest_computable=fields.count(entry["fewest_computable"]),
        most_items_left_out=fields.count(entry["most_items_left_out"]),
        claims={name: tuple(value) for name, value in entry["claims"].items()},
        assessment_type=fields.text(entry["assessment_type"]),
    )
