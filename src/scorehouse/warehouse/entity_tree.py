"""Schools, districts and the state as one tree, so that sums of schools become sums of all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import polars as pl

from scorehouse.errors import UsageError
from scorehouse.warehouse.snapshot import Snapshot

STATE, DISTRICT, SCHOOL = "state", "district", "school"
_EVERYBODY = "state"
"""The id of a state that no entity stands for."""


class Entity(NamedTuple):
    """An entity as it is now."""

    entity_id: str
    entity_type: str
    entity_name: str
    parent_id: str
    is_nonpublic: bool


@dataclass(frozen=True)
class Tree:
    """Every entity, and which belongs to which."""

    entities: Mapping[str, Entity]
    children: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def state(self) -> Entity:
        """The state; one of the name `state` where the warehouse holds none."""
        found = [e for e in self.entities.values() if e.entity_type == STATE]
        return found[0] if found else Entity(_EVERYBODY, STATE, "All", "", False)

    @cached_property
    def parts(self) -> Mapping[str, tuple[str, ...]]:
        """What each entity consists of; the state also of what belongs to nothing."""
        state = self.state.entity_id
        own = (e for e in self.entities.values() if not e.parent_id and e.entity_id != state)
        tops = tuple(e.entity_id for e in own)
        if not tops:
            return self.children
        return {**self.children, state: (*self.children.get(state, ()), *tops)}

    @cached_property
    def nonpublic(self) -> frozenset[str]:
        """The nonpublic schools."""
        return frozenset(e.entity_id for e in self.entities.values() if e.is_nonpublic)

    def knows(self, entity_id: str) -> bool:
        """Whether there is such an entity; `state` always is."""
        return entity_id in self.entities or entity_id in (_EVERYBODY, self.state.entity_id)

    def get(self, entity_id: str) -> Entity:
        """An entity by its id, or `state`. UsageError for one that isn't known."""
        if entity_id in self.entities:
            return self.entities[entity_id]
        if entity_id in (_EVERYBODY, self.state.entity_id):
            return self.state
        raise UsageError(f"the warehouse knows no entity {entity_id!r}")

    def above(self, entity_id: str) -> Iterator[Entity]:
        """What an entity belongs to, nearest first, up to the state."""
        seen = {entity_id}
        current = self.entities.get(entity_id)
        while current and current.parent_id in self.entities and current.parent_id not in seen:
            seen.add(current.parent_id)
            current = self.entities[current.parent_id]
            yield current
        if self.state.entity_id not in seen:
            yield self.state

    def below(self, entity_id: str, entity_type: str) -> tuple[str, ...]:
        """The entities of a type in an entity, by id."""
        if entity_id == self.state.entity_id:
            found = (e.entity_id for e in self.entities.values() if e.entity_type == entity_type)
            return tuple(sorted(found))
        kept, waiting = set(), list(self.children.get(entity_id, ()))
        while waiting:
            child = waiting.pop()
            if child not in kept:
                kept.add(child)
                waiting += self.children.get(child, ())
        return tuple(sorted(e for e in kept if self.entities[e].entity_type == entity_type))

    def belongings(self, schools: Iterable[tuple[str, str]], wanted: Sequence[str]) -> pl.DataFrame:
        """Which of the wanted entities each school counts for; the state takes all.

        A school comes with the LEA that answers for its results, blank for its own.
        """
        asked = set(wanted)
        rows = [
            (school, lea, entity)
            for school, lea in dict.fromkeys(schools)
            for entity in self._counts_for(school, lea)
            if entity in asked
        ]
        schema = {"school_id": pl.String, "lea_id": pl.String, "entity_id": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _counts_for(self, school: str, lea: str) -> Iterator[str]:
        start = lea if lea in self.entities else school
        yield school
        if start != school:
            yield start
        yield from (entity.entity_id for entity in self.above(start))


def read_tree(snapshot: Snapshot) -> Tree:
    """The entities of a snapshot, each by its newest row."""
    rows = snapshot.sql(
        "SELECT entity_id, entity_type, entity_name, parent_id, is_nonpublic FROM ("
        "SELECT *, ROW_NUMBER() OVER (PARTITION BY entity_id "
        "ORDER BY valid_from DESC NULLS LAST, row_id DESC) AS place FROM entity) AS e "
        "WHERE place = 1 ORDER BY entity_id"
    ).to_pylist()
    entities = {
        row["entity_id"]: Entity(
            row["entity_id"],
            row["entity_type"] or "",
            row["entity_name"] or row["entity_id"],
            row["parent_id"] or "",
            bool(row["is_nonpublic"]),
        )
        for row in rows
    }
    children: dict[str, tuple[str, ...]] = {}
    for entity in entities.values():
        if entity.parent_id:
            children[entity.parent_id] = (*children.get(entity.parent_id, ()), entity.entity_id)
    return Tree(entities, children)


def chosen(
    tree: Tree, entities: Sequence[str], compare: Sequence[str], children: str
) -> tuple[str, ...]:
    """The ids a report is about: those asked for, what they are compared with, their parts."""
    asked = [tree.get(entity_id).entity_id for entity_id in entities or [tree.state.entity_id]]
    found = dict.fromkeys(asked)
    for entity_id in asked:
        above = [e.entity_id for e in tree.above(entity_id) if e.entity_type in compare]
        found |= dict.fromkeys(above)
    if children:
        kind = {"districts": DISTRICT, "schools": SCHOOL}[children]
        for entity_id in asked:
            found |= dict.fromkeys(tree.below(entity_id, kind))
    return tuple(found)
