"""Sums between rows: entities, pooled grades, student groups, and what a table leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from scorehouse.disclosure import columns as names
from scorehouse.disclosure.knowledge import Knowledge, Place, Quantity
from scorehouse.disclosure.lines import Scene
from scorehouse.disclosure.shapes import Relation, RowKey
from scorehouse.errors import UsageError

_ROUNDING = 0.05  # half of the last digit that a mean is printed with
_CROSSING = "&"
_BEYOND = "beyond "


def add_relations(
    knowledge: Knowledge, relations: Iterable[Relation], scene: Scene, smallest: int
) -> None:
    """Add the sums between rows of a scene, for every count that both sides have.

    `smallest`: a rest of fewer students that parts leave of a total is as precious as a
    hidden group.
    """
    seen: set[tuple[RowKey, tuple[RowKey, ...], Quantity]] = set()
    for relation in relations:
        if relation.columns and not {names.SCORED, names.LEVELS} & {*relation.columns}:
            continue
        total = relation.total._replace(measure="")
        parts = tuple(part._replace(measure="") for part in relation.parts)
        for what in _quantities(knowledge, relation, scene):
            if (total, parts, what) not in seen:
                seen.add((total, parts, what))
                _add_sum(knowledge, Place(scene, total), parts, what, smallest)


def implied(keys: Iterable[RowKey], told: Iterable[Relation]) -> list[Relation]:
    """A group and a crossing of it leave the rest of the group: for every pair that is there.

    Pairs that a relation ties already are left out.
    """
    known = set(keys)
    tied = {(relation.total, part) for relation in told for part in relation.parts}
    return [
        Relation(wider, (key, key._replace(student_group=f"{_BEYOND}{key.student_group}")))
        for key in sorted(known)
        for wider in _wider(key)
        if wider in known and (wider, key) not in tied
    ]


def _wider(key: RowKey) -> list[RowKey]:
    """The same row with some of the crossed groups only."""
    codes = key.student_group.split(_CROSSING)
    kept = (chosen for size in range(1, len(codes)) for chosen in combinations(codes, size))
    return [key._replace(student_group=_CROSSING.join(chosen)) for chosen in kept]


def _quantities(knowledge: Knowledge, relation: Relation, scene: Scene) -> list[Quantity]:
    place = Place(scene, relation.total._replace(measure=""))
    measure = relation.total.measure
    count = max((len(line.levels) for line in knowledge.lines.get(place, ())), default=0)
    levels = [Quantity(measure, f"level:{level}") for level in range(count)]
    wanted = [Quantity("", "size"), *levels, Quantity(measure, "distance")]
    return [what for what in wanted if (place, what) in knowledge.cells]


def _add_sum(
    knowledge: Knowledge, total: Place, parts: Sequence[RowKey], what: Quantity, smallest: int
) -> None:
    """One sum; parts that no row shows become one cell, which is precious when it is small."""
    cells = _parts(knowledge, total, parts, what)
    is_complete = len(cells) == len(parts)
    whole = knowledge.cells[total, what]
    rest = _rest(knowledge, [whole, *cells])
    if not cells:
        return
    if what.name == "distance":
        if is_complete:
            _add_distances(knowledge, whole, cells, rest)
        return
    if rest is not None and (rest < 0 or (rest and is_complete)):
        raise UsageError(_unequal(total, what))
    if not is_complete and _has_rest(knowledge, total, parts):
        is_small = what.name == "size" and rest is not None and 0 < rest < smallest
        cells = [*cells, knowledge.unnamed(rest, is_protected=is_small)]
    knowledge.builder.total(whole, cells)


def _parts(
    knowledge: Knowledge, total: Place, parts: Iterable[RowKey], what: Quantity
) -> list[int]:
    keys = [(Place(total.scene, part), what) for part in parts]
    return [knowledge.cells[key] for key in keys if key in knowledge.cells]


def _has_rest(knowledge: Knowledge, total: Place, parts: Sequence[RowKey]) -> bool:
    """Whether students are in parts that no row shows; a row about nobody may be left out."""
    size = Quantity("", "size")
    cells = [knowledge.cells[total, size], *_parts(knowledge, total, parts, size)]
    is_derived = any(part.student_group.startswith(_BEYOND) for part in parts)
    return is_derived or _rest(knowledge, cells) != 0


def _rest(knowledge: Knowledge, cells: Sequence[int]) -> float | None:
    """What a total, which comes first, has beyond its parts; None: the house doesn't know."""
    values = [knowledge.values[cell] for cell in cells]
    known = [value for value in values if value is not None]
    return known[0] - sum(known[1:]) if len(known) == len(values) else None


def _add_distances(
    knowledge: Knowledge, whole: int, cells: Sequence[int], rest: float | None
) -> None:
    """Sums of distances, as far as printed means determine them."""
    sizes = [abs(knowledge.values[cell] or 0.0) for cell in cells]
    slack = abs(rest) if rest is not None else _ROUNDING * (1.0 + sum(sizes))
    factors = [1.0, *[-1.0] * len(cells)]
    knowledge.builder.sum([whole, *cells], factors, -slack - _ROUNDING, slack + _ROUNDING)


def _unequal(total: Place, what: Quantity) -> str:
    key = total.students
    named = " ".join(filter(None, (key.school_year, key.subject, key.test_grade)))
    return (
        f"counts of {key.entity_id}, {named}, group {key.student_group}, aren't the sum of "
        f"their parts ({what.name}); leave the relation out if some students are in no part"
    )
