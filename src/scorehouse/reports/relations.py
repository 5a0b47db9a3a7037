"""Which counts of a table of figures are the sums of others: known from the metadata alone.

Three things make sums: entities that others belong to, grades that are pooled, and student
groups that share out all students (unknown being a group of its own). Parts that the table
leaves out are named too, since anyone could compute them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from scorehouse.disclosure import Relation, RowKey
from scorehouse.reports.figure_shape import ALL_GRADES, ALL_STUDENTS, CROSSING, crossing


@dataclass(frozen=True)
class Structure:
    """What adds up to what. `entities`: parent -> all children of one kind, complete.

    `grades` by (subject, assessment type); `partitions`: sets of groups, each of which
    shares out all students, every student in exactly one; `unions`: a group -> the groups
    of one partition that it pools.
    """

    entities: Mapping[str, Sequence[str]] = field(default_factory=dict)
    grades: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    partitions: Sequence[Sequence[str]] = ()
    unions: Mapping[str, Sequence[str]] = field(default_factory=dict)


def relations(keys: Iterable[RowKey], structure: Structure) -> tuple[Relation, ...]:
    """Every sum of which a row is the total, and every sum of which it is a part, once."""
    found: dict[tuple[RowKey, tuple[RowKey, ...]], Relation] = {}
    up = _parents(structure.entities)
    for key in keys:
        for relation in _sums_of(key, structure, up):
            found[relation.total, relation.parts] = relation
    return tuple(found.values())


def _sums_of(key: RowKey, structure: Structure, up: Mapping[str, str]) -> Iterator[Relation]:
    for entity in {key.entity_id, up.get(key.entity_id, "")} & {*structure.entities}:
        yield _sum(key._replace(entity_id=entity), "entity_id", structure.entities[entity])
    yield from _grade_sum(key, structure)
    yield from _group_sums(key, structure.partitions)
    yield from _unions(key, structure.unions)


def _sum(total: RowKey, field_name: str, values: Sequence[str]) -> Relation:
    return Relation(total, tuple(total._replace(**{field_name: value}) for value in values))


def _grade_sum(key: RowKey, structure: Structure) -> Iterator[Relation]:
    grades = structure.grades.get((key.subject, key.assessment_type), ())
    if len(grades) > 1 and key.test_grade in (ALL_GRADES, *grades):
        yield _sum(key._replace(test_grade=ALL_GRADES, assessment_id=""), "test_grade", grades)


def _group_sums(key: RowKey, partitions: Sequence[Sequence[str]]) -> Iterator[Relation]:
    """A group is shared out by each partition that it doesn't name a part of already."""
    codes = set(key.student_group.split(CROSSING)) - {ALL_STUDENTS}
    for rest in _without_one(codes):
        for partition in partitions:
            if not rest & set(partition) and (rest == codes or (codes - rest) <= set(partition)):
                parts = [crossing(*rest, code) for code in partition]
                yield _sum(key._replace(student_group=crossing(*rest)), "student_group", parts)


def _unions(key: RowKey, unions: Mapping[str, Sequence[str]]) -> Iterator[Relation]:
    codes = set(key.student_group.split(CROSSING))
    for union, members in unions.items():
        for code in sorted(codes & {union, *members}):
            rest = codes - {code}
            parts = [crossing(*rest, member) for member in members]
            total = key._replace(student_group=crossing(*rest, union))
            yield _sum(total, "student_group", parts)


def _without_one(codes: set[str]) -> Iterator[set[str]]:
    yield codes
    for code in sorted(codes):
        yield codes - {code}


def _parents(entities: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {child: parent for parent, children in entities.items() for child in children}


def crossed(*partitions: Sequence[str]) -> tuple[str, ...]:
    """All crossings of some partitions: they share out all students too.

    >>> crossed(["F", "M"], ["EL", "NEL"])
    ('EL&F', 'F&NEL', 'EL&M', 'M&NEL')
    """
    return tuple(crossing(*codes) for codes in product(*partitions))
