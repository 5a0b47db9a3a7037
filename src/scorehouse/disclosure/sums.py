"""Sums between rows: entities, pooled grades, student groups, and what a table leaves out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, count, takewhile

from scorehouse.disclosure import columns as names
from scorehouse.disclosure.knowledge import OVERALL, Knowledge, Place, Quantity, Sum, size_of
from scorehouse.disclosure.lines import Scene
from scorehouse.disclosure.shapes import Relation, RowKey
from scorehouse.disclosure.small_groups import extremes
from scorehouse.errors import UsageError
from scorehouse.rulebook.small_groups import SmallGroupRules

_ROUNDING = 0.05  # half of the last digit that a mean is printed with
_CROSSING = "&"
_BEYOND = "beyond "


RulesOf = Mapping[str, SmallGroupRules]
"""The rules by school year."""


def add_relations(
    knowledge: Knowledge,
    relations: Iterable[Relation],
    scene: Scene,
    rules: RulesOf,
) -> None:
    """Add the sums between rows of a scene, for every count that both sides have.

    Students whom nobody names, but whom a total leaves beside its parts, are as precious as a
    row of theirs would be by the year's rules: another report may have it. That nobody is left
    is precious too.
    """
    told = dict.fromkeys(_sums(knowledge, relations, scene))
    sums = [each for each in told if each not in knowledge.sums]
    knowledge.sums.update(sums)
    _add_unnamed(knowledge, sums, rules)
    for each in sums:
        _add_sum(knowledge, each, rules)


def _sums(knowledge: Knowledge, relations: Iterable[Relation], scene: Scene) -> Iterator[Sum]:
    for relation in relations:
        if relation.columns and not {names.SCORED, names.LEVELS} & {*relation.columns}:
            continue
        total = _place(scene, relation.total)
        parts = tuple(_place(scene, part) for part in relation.parts)
        for what in _quantities(knowledge, relation.total.measure, (total, *parts)):
            yield Sum(total, parts, what)


def _place(scene: Scene, key: RowKey) -> Place:
    return Place(scene.of(key), key._replace(measure=""))


def _quantities(knowledge: Knowledge, measure: str, places: Iterable[Place]) -> Iterator[Quantity]:
    """The counts that any of some places has."""
    lines = [line for place in places for line in knowledge.lines.get(place, ())]
    if not lines:
        return
    yield size_of(measure)
    most = max((len(line.levels) for line in lines if line.key.measure == measure), default=0)
    yield from (Quantity(measure, f"level:{level}") for level in range(most))
    yield Quantity(measure, "distance")


def _add_unnamed(knowledge: Knowledge, sums: Sequence[Sum], rules: RulesOf) -> None:
    """Add cells for counts that no row shows, and of which several sums tell."""
    mentioned: dict[tuple[Place, Quantity], list[Sum]] = defaultdict(list)
    for each in sums:
        for place in (each.total, *each.parts):
            if each.what.name != "distance" and (place, each.what) not in knowledge.cells:
                mentioned[place, each.what].append(each)
    wanted = {key: told for key, told in mentioned.items() if len(told) > 1}
    values: dict[tuple[Place, Quantity], float] = {}
    while found := _deduced(knowledge, wanted, values):
        values |= found
    for place, what in wanted:
        _add_deduced(knowledge, place, what, values, rules)


def _add_deduced(
    knowledge: Knowledge,
    place: Place,
    what: Quantity,
    values: Mapping[tuple[Place, Quantity], float],
    rules: RulesOf,
) -> None:
    value, students = values.get((place, what)), values.get((place, _size(what)))
    levels = [values.get((place, level)) for level in _levels(what, values, place)]
    own = rules[place.students.school_year]
    is_small = value is not None and _is_precious(what, students, levels, own)
    knowledge.add(place, what, value, is_protected=is_small)


def _levels(
    what: Quantity, values: Mapping[tuple[Place, Quantity], float], place: Place
) -> list[Quantity]:
    """The levels of the measure that a level is one of, as far as a place has values."""
    if what.layer <= 0:
        return []
    every = (what._replace(name=f"level:{level}") for level in count())
    return list(takewhile(lambda level: (place, level) in values, every))


def _is_precious(
    what: Quantity,
    students: float | None,
    levels: Sequence[float | None],
    rules: SmallGroupRules,
) -> bool:
    """Whether the rules would hide a count, if a row told of these students."""
    if students is None:
        return False
    if students < rules.smallest_group:
        return True
    known = [int(level) for level in levels if level is not None]
    if what.layer <= 0 or what.layer > len(known) or len(known) < len(levels):
        return False
    row = {names.LEVELS: known, "measure": what.measure}
    return what.layer - 1 in extremes(row, rules).levels


def _size(what: Quantity) -> Quantity:
    """The number of students that a count is a part of."""
    return size_of(what.measure or OVERALL)


def _deduced(
    knowledge: Knowledge,
    wanted: Mapping[tuple[Place, Quantity], Sequence[Sum]],
    values: Mapping[tuple[Place, Quantity], float],
) -> dict[tuple[Place, Quantity], float]:
    """Counts without a row that follow from one sum: as what is left, or since nothing is."""
    found = {}
    for key, told in wanted.items():
        if key not in values:
            followed = (_following(knowledge, values, key[0], each) for each in told)
            value = next((value for value in followed if value is not None), None)
            if value is not None:
                found[key] = value
    return found


def _following(
    knowledge: Knowledge,
    values: Mapping[tuple[Place, Quantity], float],
    place: Place,
    told: Sum,
) -> float | None:
    """What a sum says of the count of one place in it, as far as the others are known."""
    others = [part for part in told.parts if part != place]
    known = [_value(knowledge, values, (part, told.what)) for part in others]
    amounts = [value for value in known if value is not None]
    is_whole = len(amounts) == len(others)
    if place == told.total:
        return sum(amounts) if is_whole else None
    total = _value(knowledge, values, (told.total, told.what))
    if total is None:
        return None
    rest = total - sum(amounts)
    return rest if is_whole or rest == 0 else None


def _value(
    knowledge: Knowledge,
    values: Mapping[tuple[Place, Quantity], float],
    key: tuple[Place, Quantity],
) -> float | None:
    if key in knowledge.cells:
        return knowledge.values[knowledge.cells[key]]
    return values.get(key)


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


def _add_sum(knowledge: Knowledge, told: Sum, rules: RulesOf) -> None:
    """One sum; parts that have no cell become one, which is precious when it is small."""
    cells = _parts(knowledge, told, told.what)
    if not cells or (told.total, told.what) not in knowledge.cells:
        return
    is_complete = len(cells) == len(told.parts)
    whole = knowledge.cells[told.total, told.what]
    rest = _rest(knowledge, [whole, *cells])
    if told.what.name == "distance":
        if is_complete:
            _add_distances(knowledge, whole, cells, rest)
        return
    if rest is not None and (rest < 0 or (rest and is_complete)):
        raise UsageError(_unequal(told.total, told.what))
    if not is_complete:
        is_small = rest is not None and _is_precious(
            told.what,
            _students_left(knowledge, told),
            _levels_left(knowledge, told),
            rules[told.total.students.school_year],
        )
        cells = [*cells, knowledge.unnamed(rest, told.what.layer, is_protected=is_small)]
    knowledge.builder.total(whole, cells)


def _parts(knowledge: Knowledge, told: Sum, what: Quantity) -> list[int]:
    keys = [(part, what) for part in told.parts]
    return [knowledge.cells[key] for key in keys if key in knowledge.cells]


def _students_left(knowledge: Knowledge, told: Sum) -> float | None:
    return _left(knowledge, told, _size(told.what))


def _levels_left(knowledge: Knowledge, told: Sum) -> list[float | None]:
    """The levels of the students whom a total leaves beside its parts."""
    if told.what.layer <= 0:
        return []
    every = (told.what._replace(name=f"level:{level}") for level in count())
    kept = takewhile(lambda level: (told.total, level) in knowledge.cells, every)
    return [_left(knowledge, told, level) for level in kept]


def _left(knowledge: Knowledge, told: Sum, what: Quantity) -> float | None:
    return _rest(knowledge, [knowledge.cells[told.total, what], *_parts(knowledge, told, what)])


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
