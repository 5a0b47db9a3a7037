"""Entities that no row of a table is about, since they have no students."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scorehouse.disclosure import columns as names
from scorehouse.disclosure.lines import key_of
from scorehouse.disclosure.shapes import Relation, RowKey


def without_nobody(
    rows: Sequence[Mapping[str, Any]], relations: Iterable[Relation]
) -> tuple[Relation, ...]:
    """The relations without entities that have no row, where the total leaves nobody for them.

    Later releases need to know it: hidden counts aren't in the ledger, and a school without a
    row could seem to have those students.
    """
    sizes = {key_of(row): _size(row) for row in rows}
    return tuple(_trimmed(relation, sizes) for relation in relations)


def _size(row: Mapping[str, Any]) -> int | None:
    scored = row.get(names.SCORED)
    return scored if scored is not None else row.get("n_tested")


def _trimmed(relation: Relation, sizes: Mapping[RowKey, int | None]) -> Relation:
    parts = tuple(part for part in relation.parts if part in sizes)
    is_of_entities = any(part.entity_id != relation.total.entity_id for part in relation.parts)
    if not parts or not is_of_entities or relation.total not in sizes:
        return relation
    total, known = sizes[relation.total], [sizes[part] for part in parts]
    counts = [size for size in known if size is not None]
    if total is None or len(counts) < len(known) or sum(counts) != total:
        return relation
    return Relation(relation.total, parts, relation.columns)
