"""Which sums of crossed student groups tell anything: those of crossings that somebody released.

Where nobody released a crossing of two ways to share out students, any counts of the single
groups can be crossed in whole numbers, for every level by itself; the crossing's sums say
nothing about the groups. So it is for more ways too, as long as no two of them were crossed
in a row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from scorehouse.disclosure.shapes import Relation

_CROSSING = "&"
Shares = frozenset[str]
"""The groups of one way to share out students."""


def telling(relations: Sequence[Relation], groups: Iterable[str]) -> list[Relation]:
    """The relations without those of crossings that none of the released groups has.

    >>> from scorehouse.disclosure.shapes import RowKey
    >>> def row(group):
    ...     return RowKey("9", "", "", "", "", "", "", group)
    >>> everybody = Relation(row("ALL"), (row("F"), row("M")))
    >>> learners = Relation(row("ALL"), (row("EL"), row("NEL")))
    >>> girls = Relation(row("F"), (row("EL&F"), row("F&NEL")))
    >>> len(telling([everybody, learners, girls], ["ALL", "F", "EL"]))
    2
    >>> len(telling([everybody, learners, girls], ["ALL", "EL&F"]))
    3

    A crossing of a group that pools others is a crossing of theirs.

    >>> pooled = Relation(row("POOL"), (row("EL"), row("NEL")))
    >>> len(telling([everybody, pooled, girls], ["ALL", "F&POOL"]))
    3
    """
    shares = _shares(relations)
    met = {pair for group in set(groups) for pair in _pairs(group, shares)}
    return [relation for relation in relations if _is_telling(relation, shares, met)]


def _codes(group: str) -> list[str]:
    return group.split(_CROSSING)


def _shares(relations: Iterable[Relation]) -> dict[str, set[Shares]]:
    """For each code, the ways to share out students that it is a part of, or that share it out."""
    found: dict[str, set[Shares]] = defaultdict(set)
    for relation in relations:
        added = _added(relation)
        shared = set(_codes(relation.total.student_group)) - _common(relation) if added else set()
        for code in added | shared:
            found[code].add(added)
    return found


def _added(relation: Relation) -> Shares:
    """The codes by which a relation's parts differ; none: they differ in something else."""
    names = {part.student_group for part in relation.parts}
    if len(names) < 2:
        return frozenset()
    return frozenset(code for name in names for code in _codes(name)) - _common(relation)


def _common(relation: Relation) -> set[str]:
    """The codes that all parts of a relation have."""
    return set.intersection(*(set(_codes(part.student_group)) for part in relation.parts))


def _pairs(group: str, shares: dict[str, set[Shares]]) -> set[frozenset[Shares]]:
    codes = _codes(group)
    return {
        frozenset((one, other))
        for first, second in combinations(codes, 2)
        for one in shares.get(first, ())
        for other in shares.get(second, ())
    }


def _is_telling(
    relation: Relation, shares: dict[str, set[Shares]], met: set[frozenset[Shares]]
) -> bool:
    """Whether every two codes of its parts were crossed by somebody, if any are crossed."""
    part = relation.parts[0].student_group if relation.parts else ""
    pairs = [_pairs(_CROSSING.join(two), shares) for two in combinations(_codes(part), 2)]
    return all(not ways or ways & met for ways in pairs)
