"""Rows that a table lacks although they were asked for: they are about nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scorehouse.disclosure import columns as names
from scorehouse.disclosure.lines import key_of
from scorehouse.disclosure.shapes import Asked, Relation, RowKey


@dataclass(frozen=True)
class Grid:
    """What a report has rows of: each of its entities by each of its tests, measures and groups.

    A row that belongs there and isn't there is about nobody.
    """

    keys: frozenset[RowKey]
    entities: frozenset[str]
    groups: frozenset[str]
    grades: frozenset[str]
    tests: frozenset[RowKey]

    @classmethod
    def of(cls, keys: Iterable[RowKey], asked: Asked) -> Grid:
        """The grid of a report with these rows, of which more may have been asked for."""
        rows = frozenset(keys)
        return cls(
            rows,
            asked.entities.union(key.entity_id for key in rows),
            asked.student_groups.union(key.student_group for key in rows),
            asked.grades,
            frozenset(_test(key) for key in rows),
        )

    def lacks(self, key: RowKey) -> bool:
        """Whether a row belongs there and isn't there.

        >>> def row(entity, grade, group):
        ...     return RowKey(entity, "2018-19", "ELA", grade, "summative", "", "overall", group)
        >>> there = [row("1", "03", "ALL"), row("1", "03", "F"), row("2", "03", "ALL")]
        >>> grid = Grid.of(there, Asked(entities=frozenset({"3"})))
        >>> [grid.lacks(row(entity, "03", "F")) for entity in "1234"]
        [False, True, True, False]
        >>> grid.lacks(row("1", "04", "F"))
        False
        """
        is_asked = key.entity_id in self.entities and key.student_group in self.groups
        is_test = _test(key) in self.tests or (
            key.test_grade in self.grades and not key.assessment_id
        )
        return is_asked and is_test and key not in self.keys


def _test(key: RowKey) -> RowKey:
    return key._replace(entity_id="", student_group="")


def without_nobody(
    rows: Sequence[Mapping[str, Any]], relations: Iterable[Relation], asked: Asked
) -> tuple[Relation, ...]:
    """The relations without the parts of which everybody can see that they have no students.

    Later releases need to know it: hidden counts aren't in the ledger, and a school without a
    row could seem to have those students. Of parts that nobody asked for it is known only that
    a school has no such grade, or no students at all.
    """
    sizes = {key_of(row): _size(row) for row in rows}
    grid = Grid.of(sizes, asked)
    return tuple(_trimmed(relation, sizes, grid) for relation in relations)


def _size(row: Mapping[str, Any]) -> int | None:
    scored = row.get(names.SCORED)
    return scored if scored is not None else row.get("n_tested")


def _trimmed(relation: Relation, sizes: Mapping[RowKey, int | None], grid: Grid) -> Relation:
    parts = tuple(part for part in relation.parts if not grid.lacks(part))
    there = tuple(part for part in parts if part in sizes)
    if len(there) < len(parts) and _has_all(relation, sizes):
        parts = there
    if not there or len(parts) == len(relation.parts):
        return relation
    is_told = relation.total in sizes and len(there) == len(parts)
    if is_told and not _is_whole(sizes, relation.total, there):
        return relation
    return Relation(relation.total, parts, relation.columns)


def _has_all(relation: Relation, sizes: Mapping[RowKey, int | None]) -> bool:
    """Whether the entities with rows have all students of the total, whatever the group."""
    total, *parts = (
        key._replace(student_group=names.EVERYBODY) for key in (relation.total, *relation.parts)
    )
    there = [part for part in dict.fromkeys(parts) if part in sizes]
    is_of_entities = all(part.entity_id != total.entity_id for part in parts)
    return is_of_entities and total in sizes and _is_whole(sizes, total, there)


def _is_whole(sizes: Mapping[RowKey, int | None], total: RowKey, parts: Sequence[RowKey]) -> bool:
    """Whether a total has no students beside those of some parts, as far as anybody counts."""
    whole, known = sizes[total], [sizes[part] for part in parts]
    counts = [size for size in known if size is not None]
    return whole is not None and len(counts) == len(known) and sum(counts) == whole
